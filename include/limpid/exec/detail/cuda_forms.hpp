// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_forms.hpp
/// Quadratic forms and inner products of kernel matrices on a device.
#ifndef LIMPID_EXEC_DETAIL_CUDA_FORMS_HPP
#define LIMPID_EXEC_DETAIL_CUDA_FORMS_HPP

#include <limpid/exec/detail/cuda_kernels.hpp>
#include <limpid/ops/kernel_products.hpp>
#include <limpid/ops/quadratic_forms.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace limpid::detail {

struct add_forms {
  matrix_view<double const, memory_space::device> columns, sums;
  LIMPID_HD void operator()(std::size_t i, double* totals) const {
    for (std::size_t c = 0; c < columns.cols; ++c) totals[c] += columns(i, c) * sums(i, c);
  }
};
struct put_numbers {
  double const* from;
  vector_view<double, memory_space::device> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = from[i]; }
};
struct add_number {
  double const* by;
  double* to;
  LIMPID_HD void operator()(std::size_t) const { *to += *by; }
};
struct set_zero {
  vector_view<double, memory_space::device> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = 0; }
};

/// Rows of y in an order.
template <class U>
struct ordered_entry {
  matrix_view<U const, memory_space::device> y;
  vector_view<std::int32_t const, memory_space::device> order;
  U* to;
  LIMPID_HD void operator()(std::size_t at) const {
    auto const [i, c] = place_of(at, y.cols);
    to[at] = y(static_cast<std::size_t>(order[i]), c);
  }
};

/// Of rows [first, ...) of two n x n matrices, without the diagonal.
struct add_entry_product {
  double const *a, *b;
  std::size_t first, n;
  LIMPID_HD void operator()(std::size_t at, double* sums) const {
    auto const [i, j] = place_of(at, n);
    if (j != first + i) sums[0] += a[at] * b[at];
  }
};

}  // namespace limpid::detail

namespace limpid {

/// Some columns at a time: O(n) memory; kernel values are computed again for every 16.
template <detail::grid_policy P>
struct kernel<ops::quadratic_forms_fn, P> {
  static constexpr std::size_t together = 64;

  template <class K, class T, class V, memory_space S>
  static bool run(P const& exec, K const& k, matrix_view<T const, S> x,
                  matrix_view<V const, S> columns, vector_view<double, S> out,
                  progress const* on_progress) {
    std::size_t const n = x.rows, count = columns.cols;
    if (n == 0) detail::map_rows(exec, count, detail::set_zero{out});
    bool const told = on_progress && *on_progress;
    for (std::size_t first = 0; n && first < count; first += together) {
      std::size_t const some = count - first < together ? count - first : together;
      progress const part = [&](double f) {
        return (*on_progress)((static_cast<double>(first) + f * static_cast<double>(some)) /
                              static_cast<double>(count));
      };
      auto const wide = ops::make_buffer<double>(exec, n * some),
                 sums = ops::make_buffer<double>(exec, n * some);
      matrix_view<V const, S> const from(&columns(0, first), n, some, columns.row_stride,
                                         columns.col_stride);
      detail::map_rows(exec, n * some, detail::copy_element<V, double>{from, wide.view(n, some)});
      if (!detail::sums_of_kernel(exec, k, x, x, matrix_view<double const, S>(wide.view(n, some)),
                                  sums.view(n, some), told ? &part : nullptr, false))
        return false;
      auto const totals = detail::wide_sums_on_device(
          exec, n, some, detail::add_forms{wide.view(n, some), sums.view(n, some)});
      detail::map_rows(
          exec, some,
          detail::put_numbers{
              totals.view().data,
              {out.data + static_cast<std::ptrdiff_t>(first) * out.stride, some, out.stride}});
    }
    return true;
  }
};

/// Some rows of both matrices at a time: 64 MB each, or one row.
template <detail::grid_policy P>
struct kernel<ops::kernel_products_fn, P> {
  static constexpr std::size_t most_values = std::size_t{1} << 23;

  template <class K, class L, class T, class U, memory_space S>
  static bool run(P const& exec, K const& k, matrix_view<T const, S> x, L const& l,
                  matrix_view<U const, S> y, matrix_view<std::int32_t const, S> orders,
                  vector_view<double, S> out, progress const* on_progress) {
    std::size_t const n = x.rows, count = out.size;
    detail::map_rows(exec, count, detail::set_zero{out});
    if (n == 0) return true;
    bool square = !orders.data;
    if constexpr (std::is_same_v<K, L> && std::is_same_v<T, U>)
      square = square && &k == &l && x.data == y.data && x.row_stride == y.row_stride &&
               x.col_stride == y.col_stride && x.cols == y.cols;
    else
      square = false;
    std::size_t const fit = most_values / n, rows = fit < 1 ? 1 : fit < n ? fit : n;
    auto const first = ops::make_buffer<double>(exec, rows * n),
               second = ops::make_buffer<double>(exec, square ? 0 : rows * n);
    auto const moved = ops::make_buffer<U>(exec, orders.data ? n * y.cols : 0);
    return detail::in_chunks(exec, n, rows, on_progress, [&](std::size_t begin, std::size_t end) {
      std::size_t const some = end - begin;
      (void)ops::kernel_matrix(exec, k, matrix_view<T const, S>(x.row_block(begin, end)), x,
                               first.view(some, n));
      for (std::size_t b = 0; b < count; ++b) {
        matrix_view<U const, S> z = y;
        if (orders.data) {
          detail::map_rows(exec, n * y.cols,
                           detail::ordered_entry<U>{y, orders.row(b), moved.view().data});
          z = moved.view(n, y.cols);
        }
        if (!square)
          (void)ops::kernel_matrix(exec, l, matrix_view<U const, S>(z.row_block(begin, end)), z,
                                   second.view(some, n));
        double const* const other = square ? first.view().data : second.view().data;
        auto const sum = detail::sums_on_device(
            exec, some * n, 1, detail::add_entry_product{first.view().data, other, begin, n});
        detail::map_rows<32>(exec, 1, detail::add_number{sum.view().data, &out[b]});
      }
    });
  }
};

}  // namespace limpid

#endif  // LIMPID_EXEC_DETAIL_CUDA_FORMS_HPP
