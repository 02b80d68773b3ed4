// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/row_weights.hpp
/// Weights of rows as the counts take them.
#ifndef LIMPID_TRANSITION_DETAIL_ROW_WEIGHTS_HPP
#define LIMPID_TRANSITION_DETAIL_ROW_WEIGHTS_HPP

#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <string_view>

namespace limpid::transition::detail {

template <class W, memory_space S>
struct widen_element {
  vector_view<W const, S> from;
  vector_view<double, S> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = static_cast<double>(from[i]); }
};

template <memory_space S>
struct add_weight {
  vector_view<double const, S> weights;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += weights[i]; }
};

/// Checked, in double: one for each of the `rows` of `data`, finite and at least 0.
template <class Exec, class W, memory_space S>
ops::buffer<double, Exec> row_weights(Exec const& exec, std::string_view where,
                                      std::string_view data, std::size_t rows,
                                      vector_view<W const, S> weights) {
  ops::check_rows(where, data, rows, "weights", weights.size);
  ops::check_weights(exec, where, "weights", weights);
  auto kept = ops::make_buffer<double>(exec, weights.size);
  ops::for_rows(exec, weights.size, widen_element<W, S>{weights, kept.view()});
  return kept;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_ROW_WEIGHTS_HPP
