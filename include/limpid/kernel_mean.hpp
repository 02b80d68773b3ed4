// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean.hpp
/// Kernels, kernel means and distances between samples.
#ifndef LIMPID_KERNEL_MEAN_HPP
#define LIMPID_KERNEL_MEAN_HPP

#include <limpid/kernel_mean/cka.hpp>
#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/kernel_mean/fourier_features.hpp>
#include <limpid/kernel_mean/herding.hpp>
#include <limpid/kernel_mean/hsic.hpp>
#include <limpid/kernel_mean/hsic_test.hpp>
#include <limpid/kernel_mean/inner_product.hpp>
#include <limpid/kernel_mean/leverage_scores.hpp>
#include <limpid/kernel_mean/marginalised.hpp>
#include <limpid/kernel_mean/mean_classifier.hpp>
#include <limpid/kernel_mean/mixture_loss.hpp>
#include <limpid/kernel_mean/mmd.hpp>
#include <limpid/kernel_mean/mmd_agg.hpp>
#include <limpid/kernel_mean/mmd_fuse.hpp>
#include <limpid/kernel_mean/nystrom.hpp>
#include <limpid/kernel_mean/outlier_score.hpp>
#include <limpid/kernel_mean/ridge_shrink.hpp>
#include <limpid/kernel_mean/shrink.hpp>
#include <limpid/kernel_mean/spectral_shrink.hpp>
#include <limpid/kernel_mean/thinning.hpp>
#include <limpid/kernel_mean/two_sample_test.hpp>
#include <limpid/kernel_mean/witness.hpp>

#endif  // LIMPID_KERNEL_MEAN_HPP
