// SPDX-License-Identifier: BSL-1.0
/// @file limpid/mixture.hpp
/// Mixture models, and the split of losses into right and wrong labels.
#ifndef LIMPID_MIXTURE_HPP
#define LIMPID_MIXTURE_HPP

#include <limpid/mixture/split_losses.hpp>

#endif  // LIMPID_MIXTURE_HPP
