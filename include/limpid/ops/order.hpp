// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/order.hpp
/// Order statistics: quantiles of a column, and the row where a column is largest.
#ifndef LIMPID_OPS_ORDER_HPP
#define LIMPID_OPS_ORDER_HPP

#include <limpid/exec/policy.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace limpid::ops {

/// Which element stands for a quantile that falls between two: numpy's names.
enum class quantile_rule { higher, linear };

/// quantile(exec, v, q, rule): q in [0, 1], v not empty and finite. O(n) expected; O(n) scratch.
struct quantile_fn {
  template <execution_policy P, class T, memory_space S>
  double operator()(P const& exec, vector_view<T, S> values, double q, quantile_rule rule) const {
    return kernel<quantile_fn, P>::run(exec, values, q, rule);
  }
  template <host_policy P, class T>
  static double host(P const&, vector_view<T> values, double q, quantile_rule rule) {
    std::vector<std::remove_const_t<T>> v(values.size);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = values[i];
    double const rank = q * static_cast<double>(v.size() - 1);
    // a product that is a whole number up to rounding is that number
    double const up = std::ceil(rank - 1e-12 * static_cast<double>(v.size()));
    auto const at = static_cast<std::ptrdiff_t>(rule == quantile_rule::higher ? up : std::floor(rank));
    std::nth_element(v.begin(), v.begin() + at, v.end());
    auto const low = static_cast<double>(v[static_cast<std::size_t>(at)]);
    double const rest = rank - static_cast<double>(at);
    if (rule == quantile_rule::higher || rest <= 0) return low;
    return low + rest * (static_cast<double>(*std::min_element(v.begin() + at + 1, v.end())) - low);
  }
};
inline constexpr quantile_fn quantile{};

/// arg_max_below(exec, v, limit): the first row with the largest value among those with v < limit; v.size if there is none.
struct arg_max_below_fn {
  template <execution_policy P, class T, memory_space S>
  std::size_t operator()(P const& exec, vector_view<T, S> values, double limit) const {
    return kernel<arg_max_below_fn, P>::run(exec, values, limit);
  }
  template <host_policy P, class T>
  static std::size_t host(P const&, vector_view<T> values, double limit) {
    std::size_t best = values.size;
    for (std::size_t i = 0; i < values.size; ++i)
      if (static_cast<double>(values[i]) < limit && (best == values.size || values[i] > values[best])) best = i;
    return best;
  }
};
inline constexpr arg_max_below_fn arg_max_below{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_ORDER_HPP
