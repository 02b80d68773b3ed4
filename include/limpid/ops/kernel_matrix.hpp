// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/kernel_matrix.hpp
/// A kernel matrix, or a block of one, where it has to be stored.
#ifndef LIMPID_OPS_KERNEL_MATRIX_HPP
#define LIMPID_OPS_KERNEL_MATRIX_HPP

#include <limpid/ops/kernel_sums.hpp>

#include <cstddef>

namespace limpid::ops {

/// kernel_matrix(exec, k, x n x d, z m x d, out n x m, on_progress) -> false if stopped.
/// out(i, j) = k(x_i, z_j). O(n m d) time.
struct kernel_matrix_fn {
  template <execution_policy P, kernel_like K, class T, memory_space S>
  bool operator()(P const& exec, K const& k, matrix_view<T const, S> x, matrix_view<T const, S> z,
                  matrix_view<double, S> out, progress const* on_progress = nullptr) const {
    return kernel<kernel_matrix_fn, P>::run(exec, k, x, z, out, on_progress);
  }

  template <host_policy P, kernel_like K, class T>
  static bool host(P const& exec, K const& k, matrix_view<T const> x, matrix_view<T const> z, matrix_view<double> out,
                   progress const* on_progress) {
    return in_steps(exec, x.rows, on_progress, [&](std::size_t i) {
      for (std::size_t j = 0; j < z.rows; ++j) out(i, j) = k(x.row(i), z.row(j));
    });
  }
};
inline constexpr kernel_matrix_fn kernel_matrix{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_KERNEL_MATRIX_HPP
