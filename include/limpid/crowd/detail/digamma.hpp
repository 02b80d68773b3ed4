// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/detail/digamma.hpp
/// The digamma function where a primitive's functor may call it.
#ifndef LIMPID_CROWD_DETAIL_DIGAMMA_HPP
#define LIMPID_CROWD_DETAIL_DIGAMMA_HPP

#include <limpid/core/config.hpp>

#include <cmath>

namespace limpid::crowd::detail {

/// psi(x), x > 0: the recurrence up to 10, then the asymptotic series; error below 1e-14 (1 +
/// |psi(x)|).
LIMPID_HD inline double digamma(double x) {
  double below = 0;
  for (; x < 10; x += 1) below += 1 / x;
  double const y = 1 / (x * x);
  double const series =
      y * (1.0 / 12 - y * (1.0 / 120 -
                           y * (1.0 / 252 -
                                y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760 - y / 12))))));
  return std::log(x) - 0.5 / x - series - below;
}

}  // namespace limpid::crowd::detail

#endif  // LIMPID_CROWD_DETAIL_DIGAMMA_HPP
