// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/chi_square.hpp
/// Tail probabilities of the chi-square and Student distributions. Boost.Math has them, at several
/// seconds of compile time; the tests hold these to it.
#ifndef LIMPID_TRANSITION_DETAIL_CHI_SQUARE_HPP
#define LIMPID_TRANSITION_DETAIL_CHI_SQUARE_HPP

#include <limpid/transition/detail/beta.hpp>

#include <cmath>

namespace limpid::transition::detail {

/// P(X > x) for X chi-square with `degrees` > 0: the incomplete gamma function, by its series below
/// the mean and its continued fraction above.
inline double chi_square_tail(double x, double degrees) {
  if (!(x > 0)) return 1;
  double const a = 0.5 * degrees, z = 0.5 * x;
  double const front = std::exp(a * std::log(z) - z - std::lgamma(a));
  if (z < a + 1) {
    double term = 1 / a, sum = term;
    for (double n = a + 1; term > 1e-17 * sum; ++n) sum += term *= z / n;
    return 1 - front * sum;
  }
  double b = z + 1 - a, c = 1e300, d = 1 / b, fraction = d;
  for (int i = 1; i < 100000; ++i) {
    double const step = -i * (i - a);
    b += 2;
    d = step * d + b;
    c = b + step / c;
    d = 1 / (std::abs(d) < 1e-300 ? 1e-300 : d);
    c = std::abs(c) < 1e-300 ? 1e-300 : c;
    fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return front * fraction;
}

/// P(|t| > |x|) for Student's t.
inline double student_tail(double x, double degrees) {
  return beta_cdf(0.5 * degrees, 0.5, degrees / (degrees + x * x));
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_CHI_SQUARE_HPP
