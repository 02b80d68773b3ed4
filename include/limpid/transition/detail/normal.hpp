// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/normal.hpp
/// The normal distribution function and its quantile, without Boost.Math's compile time.
#ifndef LIMPID_TRANSITION_DETAIL_NORMAL_HPP
#define LIMPID_TRANSITION_DETAIL_NORMAL_HPP

#include <cmath>
#include <limits>

namespace limpid::transition::detail {

inline double normal_cdf(double z) {
  return 0.5 * std::erfc(-z * 0.70710678118654752440);
}

/// The z with P(Z <= z) = p: a rational start for the tail, then Halley steps on erfc.
inline double normal_quantile(double p) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!(p > 0)) return -infinity;
  if (!(p < 1)) return infinity;
  if (p > 0.5) return -normal_quantile(1 - p);
  // Abramowitz and Stegun 26.2.23, error below 4.5e-4
  double const t = std::sqrt(-2 * std::log(p));
  double z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                       (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))));
  for (int step = 0; step < 4; ++step) {
    double const density = 0.39894228040143267794 * std::exp(-0.5 * z * z);
    if (!(density > 0)) break;
    double const newton = (normal_cdf(z) - p) / density;
    z -= newton / (1 + 0.5 * z * newton);
  }
  return z;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_NORMAL_HPP
