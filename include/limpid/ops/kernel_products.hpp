// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/kernel_products.hpp
/// The inner product of two kernel matrices, for many orders of the second's rows.
#ifndef LIMPID_OPS_KERNEL_PRODUCTS_HPP
#define LIMPID_OPS_KERNEL_PRODUCTS_HPP

#include <limpid/ops/quadratic_forms.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace limpid::ops {

/// kernel_products(exec, k, x n x d, l, y n x e, orders b x n, out b, on_progress) -> false if
/// stopped. out[b] = sum over i != j of k(x_i, x_j) l(y_o(i), y_o(j)), o row b of `orders`: row
/// numbers, not checked. `orders` with no data pointer: the rows as they are, b = 1. Nothing n x n:
/// O(n^2 (d / 16 + e) b / 2) time, O(n (d + 16 e)) memory. k and l one object, x and y one view:
/// each value is computed once.
struct kernel_products_fn {
  template <execution_policy P, kernel_like K, kernel_like L, class T, class U, memory_space S>
  bool operator()(P const& exec, K const& k, matrix_view<T const, S> x, L const& l,
                  matrix_view<U const, S> y, matrix_view<std::int32_t const, S> orders,
                  vector_view<double, S> out, progress const* on_progress = nullptr) const {
    return kernel<kernel_products_fn, P>::run(exec, k, x, l, y, orders, out, on_progress);
  }

  template <host_policy P, kernel_like K, kernel_like L, class T, class U>
  static bool host(P const& exec, K const& k, matrix_view<T const> x, L const& l,
                   matrix_view<U const> y, matrix_view<std::int32_t const> orders,
                   vector_view<double> out, progress const* on_progress) {
    if constexpr (P::vectorised)
      return blocks(exec, k, x, l, y, orders, out, on_progress);
    else
      return plain(exec, k, x, l, y, orders, out, on_progress);
  }

 private:
  static constexpr std::size_t together = 16;  ///< orders for which a value of k is kept

  template <host_policy P, kernel_like K, kernel_like L, class T, class U>
  static bool plain(P const& exec, K const& k, matrix_view<T const> x, L const& l,
                    matrix_view<U const> y, matrix_view<std::int32_t const> orders,
                    vector_view<double> out, progress const* on_progress) {
    std::size_t const n = x.rows, count = out.size;
    std::size_t const tiles = detail::tiles_for(n, detail::query_tile);
    std::vector<double> parts(tiles * count);
    bool const done = in_steps(exec, tiles, on_progress, [&](std::size_t t) {
      detail::tile_range const rows(t, detail::query_tile, n);
      for (std::size_t i = rows.begin; i < rows.end; ++i)
        for (std::size_t j = 0; j < i; ++j) {
          double const value = 2 * k(x.row(i), x.row(j));
          for (std::size_t b = 0; b < count; ++b) {
            auto const at = [&](std::size_t r) {
              return orders.data ? static_cast<std::size_t>(orders(b, r)) : r;
            };
            parts[t * count + b] += value * l(y.row(at(i)), y.row(at(j)));
          }
        }
    });
    gather(parts, tiles, count, out);
    return done;
  }

  /// Rows in an order, and the values of their kernel.
  template <class L, class U>
  struct ordered {
    std::vector<U> rows;
    std::vector<double> by;
    std::unique_ptr<detail::kernel_blocks<L, U>> values;

    ordered(L const& l, matrix_view<U const> y, matrix_view<std::int32_t const> orders,
            std::size_t b)
        : rows(orders.data ? y.rows * y.cols : 0) {
      if (orders.data) {
        for (std::size_t i = 0; i < y.rows; ++i)
          for (std::size_t c = 0; c < y.cols; ++c)
            rows[i * y.cols + c] = y(static_cast<std::size_t>(orders(b, i)), c);
        y = matrix_view<U const>(rows.data(), y.rows, y.cols);
      }
      by = detail::row_factors(l, y);
      values = std::make_unique<detail::kernel_blocks<L, U>>(l, y);
    }
  };

  template <class A, class B>
  static bool same(matrix_view<A> const&, matrix_view<B> const&) {
    return false;
  }
  template <class A>
  static bool same(matrix_view<A> const& a, matrix_view<A> const& b) {
    return detail::same_rows(a, b);
  }

  template <host_policy P, kernel_like K, kernel_like L, class T, class U>
  static bool blocks(P const& exec, K const& k, matrix_view<T const> x, L const& l,
                     matrix_view<U const> y, matrix_view<std::int32_t const> orders,
                     vector_view<double> out, progress const* on_progress) {
    std::size_t const n = x.rows, count = out.size, tiles = detail::block_pair_tiles(n);
    constexpr std::size_t pitch = lanes::form_refs, height = lanes::form_rows;
    detail::kernel_blocks<K, T> const value(k, x);
    auto const by = detail::row_factors(k, x);
    bool const square = !orders.data && static_cast<void const*>(&k) == &l && same(x, y);
    std::vector<double> parts(tiles * count);
    for (std::size_t first = 0; first < count; first += together) {
      std::size_t const some = count - first < together ? count - first : together;
      std::vector<ordered<L, U>> second;
      second.reserve(some);
      for (std::size_t b = 0; b < some && !square; ++b)
        second.emplace_back(l, y, orders, first + b);
      progress const part = [&](double f) {
        return (*on_progress)((static_cast<double>(first) + f * static_cast<double>(some)) /
                              static_cast<double>(count));
      };
      bool const told = on_progress && *on_progress;
      if (!detail::in_block_pairs(
              exec, n, told ? &part : nullptr,
              [&](std::size_t t, std::size_t row_block, std::size_t ref_block) {
                detail::tile_range const rows(row_block, pitch, n), refs(ref_block, pitch, n);
                std::size_t const across = refs.end - refs.begin, down = rows.end - rows.begin;
                std::size_t const most = down < height ? down : height;
                std::vector<double> left(most * pitch), right(square ? 0 : most * pitch);
                double const times = row_block == ref_block ? 1 : 2;
                for (std::size_t q = rows.begin; q < rows.end; q += height) {
                  std::size_t const q_end = rows.end - q < height ? rows.end : q + height;
                  value(q, q_end, ref_block, left.data());
                  for (std::size_t i = q; i < q_end; ++i) {
                    double* const row = left.data() + (i - q) * pitch;
                    if (!by.empty())
                      for (std::size_t j = 0; j < across; ++j) row[j] *= by[i] * by[refs.begin + j];
                    if (row_block == ref_block) row[i - refs.begin] = 0;
                  }
                  for (std::size_t b = 0; b < some; ++b) {
                    double sum = 0;
                    if (!square) (*second[b].values)(q, q_end, ref_block, right.data());
                    for (std::size_t i = q; i < q_end; ++i) {
                      double const* const row = left.data() + (i - q) * pitch;
                      double* const other =
                          square ? left.data() + (i - q) * pitch : right.data() + (i - q) * pitch;
                      if (!square && !second[b].by.empty())
                        for (std::size_t j = 0; j < across; ++j)
                          other[j] *= second[b].by[i] * second[b].by[refs.begin + j];
                      sum += lanes::dot(row, other, across);
                    }
                    parts[t * count + first + b] += times * sum;
                  }
                }
              }))
        return false;
    }
    gather(parts, tiles, count, out);
    return true;
  }

  static void gather(std::vector<double> const& parts, std::size_t tiles, std::size_t count,
                     vector_view<double> out) {
    for (std::size_t b = 0; b < count; ++b) {
      double sum = 0;
      for (std::size_t t = 0; t < tiles; ++t) sum += parts[t * count + b];
      out[b] = sum;
    }
  }
};
inline constexpr kernel_products_fn kernel_products{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_KERNEL_PRODUCTS_HPP
