// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean.hpp
/// Kernels, kernel means and distances between samples.
#ifndef LIMPID_KERNEL_MEAN_HPP
#define LIMPID_KERNEL_MEAN_HPP

#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/kernel_mean/inner_product.hpp>
#include <limpid/kernel_mean/ridge_shrink.hpp>
#include <limpid/kernel_mean/shrink.hpp>
#include <limpid/kernel_mean/spectral_shrink.hpp>

#endif  // LIMPID_KERNEL_MEAN_HPP
