// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/loss_mixture.hpp
/// Expectation step of a mixture of two Gaussians in one dimension, over z_i = (x_i - offset) *
/// scale.
#ifndef LIMPID_SIMD_LOSS_MIXTURE_HPP
#define LIMPID_SIMD_LOSS_MIXTURE_HPP

#include <cmath>

#include <limpid/simd/vec.hpp>

namespace limpid::lanes {

/// Component k has log density log_norm[k] - precision[k] (z - mean[k])^2 / 2, the log of its
/// weight included.
struct loss_mixture {
  double log_norm[2];
  double mean[2];
  double precision[2];
};

/// With r_k the posterior of component k and u = z - mean[k]: sums over i of (weight times) r_k,
/// r_k u, r_k u^2. So the new mean is mean[k] + first[k] / mass[k], the new variance second[k] /
/// mass[k] - (first[k] / mass[k])^2.
struct loss_mixture_sums {
  double mass[2] = {0.0, 0.0};
  double first[2] = {0.0, 0.0};
  double second[2] = {0.0, 0.0};
  double log_likelihood = 0.0;
};

/// log_norm from weight (its own, in (0, 1]) and variance > 0.
inline loss_mixture make_loss_mixture(double const (&weight)[2], double const (&mean)[2],
                                      double const (&variance)[2]) {
  loss_mixture m{};
  for (int k = 0; k < 2; ++k) {
    m.mean[k] = mean[k];
    m.precision[k] = 1.0 / variance[k];
    m.log_norm[k] = std::log(weight[k]) - 0.5 * std::log(6.283185307179586477 * variance[k]);
  }
  return m;
}

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/loss_mixture.inl>
#include <limpid/simd/detail/each_set.inc>

/// The sums of one E step over x[0, n). weights: n of them, or null for all ones. Arithmetic in T,
/// partial sums of at most 32 values in T per lane, then double: relative error of a sum of
/// positive terms below about 2e-6 (float), 1e-14 (double). The result depends on where [0, n)
/// begins, so cut it at fixed places.
template <class T>
loss_mixture_sums loss_mixture_step(T const* x, std::size_t n, double offset, double scale,
                                    loss_mixture const& m, T const* weights = nullptr) {
  LIMPID_SIMD_CALL(isa(), template loss_mixture_step<T>(x, n, offset, scale, m, weights));
}

/// out[i] = posterior of component 0. Absolute error below about 1e-6 + 1e-7 |log density| (float).
template <class T>
void loss_mixture_posterior(T const* x, std::size_t n, double offset, double scale,
                            loss_mixture const& m, T* out) {
  LIMPID_SIMD_CALL(isa(), template loss_mixture_posterior<T>(x, n, offset, scale, m, out));
}

#include <limpid/simd/detail/close.inc>

#endif
