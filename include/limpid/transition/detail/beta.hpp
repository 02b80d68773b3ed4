// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/beta.hpp
/// The beta distribution function and its quantile. Boost.Math has both, at several seconds of
/// compile time; the tests hold these to it.
#ifndef LIMPID_TRANSITION_DETAIL_BETA_HPP
#define LIMPID_TRANSITION_DETAIL_BETA_HPP

#include <cmath>

namespace limpid::transition::detail {

/// P(B <= x) for B ~ Beta(a, b), a, b > 0: the continued fraction of the incomplete beta function,
/// by Lentz's method.
inline double beta_cdf(double a, double b, double x) {
  if (!(x > 0)) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - beta_cdf(b, a, 1 - x);
  double const front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x)) /
                       a;
  auto const away = [](double v) { return std::abs(v) < 1e-300 ? 1e-300 : v; };
  double c = 1, d = 1 / away(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int m = 1; m < 100000; ++m) {
    double const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= d * c;
    double const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return front * fraction;
}

/// The x with P(B <= x) = p, by Newton steps kept inside a bracket that halves.
inline double beta_quantile(double a, double b, double p) {
  if (!(p > 0)) return 0;
  if (p >= 1) return 1;
  double const log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b);
  double low = 0, high = 1, x = a / (a + b);
  for (int step = 0; step < 200; ++step) {
    double const error = beta_cdf(a, b, x) - p;
    (error > 0 ? high : low) = x;
    double const density = std::exp(log_front + (a - 1) * std::log(x) + (b - 1) * std::log1p(-x));
    double next = x - error / density;
    if (!(next > low && next < high)) {
      // far tails lie at tiny x: halve in the logarithm there
      next = low > 0 && high / low > 4 ? std::sqrt(low * high)
             : low == 0 && high < 0.5  ? high / 16
                                       : (low + high) / 2;
    }
    if (std::abs(next - x) <= 1e-15 * x || high - low <= 0) return next;
    x = next;
    if (x < 1e-300) return 0;
  }
  return x;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_BETA_HPP
