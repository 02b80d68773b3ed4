// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/kernel_matrix.hpp
/// A kernel matrix, or a block of one, where it has to be stored.
#ifndef LIMPID_OPS_KERNEL_MATRIX_HPP
#define LIMPID_OPS_KERNEL_MATRIX_HPP

#include <limpid/ops/kernel_sums.hpp>

#include <cstddef>
#include <type_traits>
#include <vector>

namespace limpid::ops {

/// kernel_matrix(exec, k, x n x d, z m x d, out n x m, on_progress) -> false if stopped.
/// out(i, j) = k(x_i, z_j). O(n m d) time, O(m d) memory beside out. x and z one view: symmetric to
/// the bit. Vectorised policies take the values in T (double where a part is polynomial).
struct kernel_matrix_fn {
  template <execution_policy P, kernel_like K, class T, memory_space S>
  bool operator()(P const& exec, K const& k, matrix_view<T const, S> x, matrix_view<T const, S> z,
                  matrix_view<double, S> out, progress const* on_progress = nullptr) const {
    return kernel<kernel_matrix_fn, P>::run(exec, k, x, z, out, on_progress);
  }

  template <host_policy P, kernel_like K, class T>
  static bool host(P const& exec, K const& k, matrix_view<T const> x, matrix_view<T const> z,
                   matrix_view<double> out, progress const* on_progress) {
    if constexpr (P::vectorised && std::is_same_v<K, kernel_function>)
      return tiles(exec, k, x, z, out, on_progress);
    else
      return in_steps(exec, detail::tiles_for(x.rows, detail::functor_tile), on_progress,
                      [&](std::size_t t) {
                        detail::tile_range const rows(t, detail::functor_tile, x.rows);
                        for (std::size_t j = 0; j < z.rows; ++j)
                          for (std::size_t i = rows.begin; i < rows.end; ++i)
                            out(i, j) = k(x.row(i), z.row(j));
                      });
  }

 private:
  template <host_policy P, class T>
  static bool tiles(P const& exec, kernel_function const& k, matrix_view<T const> x,
                    matrix_view<T const> z, matrix_view<double> out, progress const* on_progress) {
    detail::lanes_kernel const what(k);
    auto const packed = detail::pack_references(what, z);
    lanes::kernel_references<T> const references(packed, what.parts, what.count, nullptr, 1);
    std::vector<double> column(k.normalised ? z.rows : 0);
    for (std::size_t j = 0; j < column.size(); ++j) column[j] = k.row_factor(z.row(j));
    return in_steps(exec, detail::tiles_for(x.rows, detail::query_tile), on_progress,
                    [&](std::size_t t) {
                      detail::tile_range const rows(t, detail::query_tile, x.rows);
                      lanes::kernel_matrix_block(
                          references, x.data, x.row_stride, x.col_stride, rows.begin, rows.end,
                          out.data + static_cast<std::ptrdiff_t>(rows.begin) * out.row_stride,
                          out.row_stride, out.col_stride);
                      if (!k.normalised) return;
                      for (std::size_t i = rows.begin; i < rows.end; ++i) {
                        double const by = k.row_factor(x.row(i));
                        for (std::size_t j = 0; j < z.rows; ++j)
                          out(i, j) *= by * column[j] * k.scale;
                      }
                    });
  }
};
inline constexpr kernel_matrix_fn kernel_matrix{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_KERNEL_MATRIX_HPP
