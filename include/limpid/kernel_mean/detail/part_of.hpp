// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/part_of.hpp
/// What the methods share that work on a stored kernel matrix of the host.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_PART_OF_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_PART_OF_HPP

#include <limpid/core/error.hpp>
#include <limpid/ops/kernel_matrix.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/tridiagonal.hpp>

#include <cstddef>
#include <string_view>

namespace limpid::kernel_mean::detail::spectral {

/// A part [from, to] of the whole, as its own progress; empty where `all` is.
inline progress part_of(progress const& all, double from, double to) {
  if (!all) return {};
  return [&all, from, to](double f) { return all(from + (to - from) * f); };
}

/// Where the host's share of the work runs: the policy itself, or beside a device one thread.
template <execution_policy P>
auto const& host_of(P const& exec) {
  if constexpr (host_policy<P>)
    return exec;
  else
    return limpid::simd;
}

/// out = k(x_i, x_j) on the host. False if stopped.
template <execution_policy P, class K, class T>
bool host_kernel_matrix(P const& exec, std::string_view where, K const& k,
                        matrix_view<T const, P::space> x, matrix_view<double> out,
                        progress const& told) {
  if constexpr (P::space == memory_space::host) {
    if (!ops::kernel_matrix(exec, k, x, x, out, &told)) return false;
  } else {
    auto const there = ops::make_buffer<double>(exec, x.rows * x.rows);
    if (!ops::kernel_matrix(exec, k, x, x, there.view(x.rows, x.rows), &told)) return false;
    ops::copy(exec, there.view(x.rows, x.rows), out);
  }
  for (std::size_t i = 0; i < x.rows; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j <= i; ++j) sum += out(i, j);
    limpid::detail::require(sum - sum == 0, where, "x row ", i,
                            " has a kernel value that is not finite; scale x, or the kernel");
  }
  return true;
}

}  // namespace limpid::kernel_mean::detail::spectral

#endif  // LIMPID_KERNEL_MEAN_DETAIL_PART_OF_HPP
