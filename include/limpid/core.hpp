// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core.hpp
/// The vocabulary: views, the tensor trait, results' arrays, errors, random streams.
#ifndef LIMPID_CORE_HPP
#define LIMPID_CORE_HPP

#include <limpid/core/config.hpp>
#include <limpid/core/error.hpp>
#include <limpid/core/matrix.hpp>
#include <limpid/core/posterior_of.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/core/tensor.hpp>
#include <limpid/core/view.hpp>

#endif  // LIMPID_CORE_HPP
