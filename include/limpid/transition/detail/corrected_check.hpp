// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/corrected_check.hpp
/// The checks at the door that the uses of T share.
#ifndef LIMPID_TRANSITION_DETAIL_CORRECTED_CHECK_HPP
#define LIMPID_TRANSITION_DETAIL_CORRECTED_CHECK_HPP

#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <string_view>

namespace limpid::transition::detail {

/// T is K x K, or n x K*K: only for K = 1, where they are the same, are both true.
inline void check_shape_of_t(std::string_view where, std::size_t n, std::size_t K, std::size_t rows,
                             std::size_t cols) {
  limpid::detail::require((rows == K && cols == K) || (rows == n && cols == K * K), where, "T is ",
                          rows, " x ", cols, "; need K x K, K = ", K, ", or one row of ", K * K,
                          " per row of data");
}

inline void check_corrected(std::string_view where, std::size_t n, std::size_t K,
                            std::size_t labels, std::size_t rows, std::size_t cols) {
  limpid::detail::require(K > 0, where, "logits has no columns; need one per class");
  ops::check_rows(where, "logits", n, "y", labels);
  check_shape_of_t(where, n, K, rows, cols);
}

/// Codes as ops::report_distributions knows them, for each of the K distributions of a row.
template <class N, memory_space S>
struct transition_fault {
  matrix_view<N const, S> t;
  std::size_t classes;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t k = 0; k < classes; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < classes; ++j) {
        auto const x = static_cast<double>(t(i, k * classes + j));
        if (x - x != 0) return 1;
        if (x < -ops::entry_tolerance || x > 1 + ops::entry_tolerance) return 2;
        sum += x;
      }
      if (sum < 1 - ops::distribution_tolerance || sum > 1 + ops::distribution_tolerance) return 3;
    }
    return 0;
  }
};

/// Rows of T, or of every T(x_i), are distributions.
template <class P, class N, memory_space S>
void check_transitions(P const& exec, std::string_view where, matrix_view<N const, S> t,
                       std::size_t classes) {
  if (t.cols == classes) {
    ops::check_distributions(exec, where, "T", t);
    return;
  }
  auto const fault = ops::first_row(exec, t.rows, transition_fault<N, S>{t, classes});
  constexpr std::string_view what[] = {
      "", " has an entry that is not finite", " has an entry outside [0, 1]",
      " has a row of T(x) that does not sum to 1 (tolerance 1e-3)"};
  if (fault.code) limpid::detail::fail(where, ": T row ", fault.row, what[fault.code]);
}

/// A copy in double, in exec's space; empty of a view without data.
template <class P, class W, memory_space S>
ops::buffer<double, P> in_double(P const& exec, vector_view<W const, S> from) {
  auto to = ops::make_buffer<double>(exec, from.data ? from.size : 0);
  if (from.data) ops::copy(exec, from, to.view());
  return to;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_CORRECTED_CHECK_HPP
