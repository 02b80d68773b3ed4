// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/detail/rate_factor.hpp
/// Flip probabilities scaled to a mean.
#ifndef LIMPID_NOISE_DETAIL_RATE_FACTOR_HPP
#define LIMPID_NOISE_DETAIL_RATE_FACTOR_HPP

#include <limpid/ops/rows.hpp>

#include <cstddef>

namespace limpid::noise::detail {

/// sum_rows: min(1, factor * value).
template <memory_space S>
struct capped_sum {
  vector_view<double const, S> value;
  double factor;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const v = factor * value[i];
    sums[0] += v < 1 ? v : 1.0;
  }
};

/// The factor by which non-negative values, cut at 1, have the mean `rate`; at most `positive` of
/// n can reach 1. Bisection, unless no value is cut.
template <class P, memory_space S>
double factor_for_rate(P const& exec, vector_view<double const, S> value, double sum,
                       double positive, double rate, bool& reached) {
  double const n = static_cast<double>(value.size), want = rate * n;
  reached = want <= positive && sum > 0;
  if (!(sum > 0)) return 1;
  double low = want / sum, high = low;
  auto const total = [&](double factor) {
    return ops::sum_rows(exec, value.size, 1, capped_sum<S>{value, factor})[0];
  };
  double const slack = 1e-12 * n;
  if (total(low) >= want - slack) return low;
  while (total(high) < want - slack && high < 1e300) high *= 2;
  for (int step = 0; step < 60 && high - low > 1e-14 * high; ++step) {
    double const middle = low + (high - low) / 2;
    (total(middle) < want ? low : high) = middle;
  }
  return high;
}

}  // namespace limpid::noise::detail

#endif  // LIMPID_NOISE_DETAIL_RATE_FACTOR_HPP
