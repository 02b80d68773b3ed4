// SPDX-License-Identifier: BSL-1.0
/// @file limpid/reweight.hpp
/// Importance weights.
#ifndef LIMPID_REWEIGHT_HPP
#define LIMPID_REWEIGHT_HPP

#include <limpid/reweight/liu_tao.hpp>

#endif  // LIMPID_REWEIGHT_HPP
