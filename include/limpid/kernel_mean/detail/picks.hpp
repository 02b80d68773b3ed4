// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/picks.hpp
/// Rows picked one at a time by where a score is best.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_PICKS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_PICKS_HPP

#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/ops/kernel_matrix.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>

namespace limpid::kernel_mean::detail {

struct best_row {
  double value;
  std::size_t row;
  double mean, sum;  ///< of that row
};
/// The first of the largest.
struct better_of {
  LIMPID_HD void operator()(best_row& a, best_row const& b) const {
    if (b.value > a.value) a = b;
  }
};

template <memory_space S>
struct scale_by {
  vector_view<double, S> of;
  double by;
  LIMPID_HD void operator()(std::size_t i) const { of[i] *= by; }
};

template <class K, class T, memory_space S>
struct put_diagonal {
  K k;
  matrix_view<T const, S> x;
  vector_view<double, S> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = diagonal_of(k, x.row(i)); }
};

template <memory_space S>
struct fill_with {
  vector_view<double, S> to;
  double value;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = value; }
};

/// out[i] = k(x_i, x_row).
template <execution_policy P, class K, class T>
void kernel_column(P const& exec, K const& k, matrix_view<T const, P::space> x, std::size_t row,
                   vector_view<double, P::space> out) {
  ops::kernel_matrix(exec, k, x, x.row_block(row, row + 1),
                     matrix_view<double, P::space>(out.data, out.size, 1, out.stride, 1));
}

/// out[i] = sum_j weight_j k(x_i, x_j), weight_j = 1 / n by default: mu(x_i). `norm2` = |mu|^2.
/// False if stopped.
template <execution_policy P, class K, class T>
bool mean_at_rows(P const& exec, K const& k, matrix_view<T const, P::space> x,
                  vector_view<double const, P::space> weights, vector_view<double, P::space> out,
                  double& norm2, progress const& told) {
  matrix_view<double const, P::space> const w(weights.data, weights.size, 1, weights.stride, 1);
  if (!ops::kernel_sums(exec, k, x, x, w,
                        matrix_view<double, P::space>(out.data, out.size, 1, 1, 1), &told))
    return false;
  double const n = static_cast<double>(x.rows);
  if (!weights.data) ops::for_rows(exec, x.rows, scale_by<P::space>{out, 1 / n});
  norm2 = ops::sum_rows(exec, x.rows, 1, add_product<P::space>{out, weights})[0] /
          (weights.data ? 1 : n);
  return true;
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_PICKS_HPP
