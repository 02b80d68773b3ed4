// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/count.hpp
/// Contingency counts of two columns of class numbers.
#ifndef LIMPID_OPS_COUNT_HPP
#define LIMPID_OPS_COUNT_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid::ops {

namespace detail {
template <memory_space S>
struct add_pair {
  vector_view<std::int32_t const, S> a, b;
  vector_view<double const, S> weights;
  std::size_t cols;
  LIMPID_HD void operator()(std::size_t i, double* cells) const {
    if (a[i] < 0 || b[i] < 0) return;
    cells[static_cast<std::size_t>(a[i]) * cols + static_cast<std::size_t>(b[i])] +=
        weights.data ? weights[i] : 1.0;
  }
};
}  // namespace detail

/// count_pairs(exec, a, b, A, B, weights = none): cell (u, v) = total weight of rows with a = u and
/// b = v; rows where either is negative count nowhere. Entries are below A and B (not checked).
/// O(n); A x B doubles.
struct count_pairs_fn {
  using primitives = uses<sum_rows_fn>;

  template <execution_policy P, memory_space S>
  matrix<double> operator()(P const& exec, vector_view<std::int32_t const, S> a,
                            vector_view<std::int32_t const, S> b, std::size_t rows,
                            std::size_t cols, vector_view<double const, S> weights = {}) const {
    auto const cells =
        sum_rows(exec, a.size, rows * cols, detail::add_pair<S>{a, b, weights, cols});
    matrix<double> out(rows, cols);
    for (std::size_t c = 0; c < cells.size(); ++c) out.data()[c] = cells[c];
    return out;
  }
};
inline constexpr count_pairs_fn count_pairs{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_COUNT_HPP
