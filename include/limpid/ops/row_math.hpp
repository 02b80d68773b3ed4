// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/row_math.hpp
/// Softmax, log-sum-exp, entropy and arg max of every row of a matrix.
#ifndef LIMPID_OPS_ROW_MATH_HPP
#define LIMPID_OPS_ROW_MATH_HPP

#include <limpid/ops/row_blocks.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::ops {

namespace detail {

template <class T, memory_space S>
struct row_arg_max {
  matrix_view<T const, S> x;
  vector_view<std::int32_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t best = 0;
    for (std::size_t k = 1; k < x.cols; ++k)
      if (x(i, k) > x(i, best)) best = k;
    out[i] = static_cast<std::int32_t>(best);
  }
  LIMPID_HD void own_rows(auto& use) { use(x); }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    for_row_blocks(
        x, begin, end, [&](T const* p, std::size_t ld, std::size_t first, std::size_t count) {
          for_column_blocks(out, first, count,
                            [&](std::int32_t* to) { lanes::arg_max(p, ld, count, x.cols, to); });
        });
  }
};

template <class T, memory_space S>
struct row_log_sum_exp {
  matrix_view<T const, S> x;
  vector_view<T, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    T top = x(i, 0);
    for (std::size_t k = 1; k < x.cols; ++k)
      if (x(i, k) > top) top = x(i, k);
    if (top - top != T{0}) {  // all -inf, or an infinity to carry on
      out[i] = top;
      return;
    }
    double sum = 0;
    for (std::size_t k = 0; k < x.cols; ++k) sum += std::exp(static_cast<double>(x(i, k) - top));
    out[i] = top + static_cast<T>(std::log(sum));
  }
  LIMPID_HD void own_rows(auto& use) { use(x); }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    for_row_blocks(
        x, begin, end, [&](T const* p, std::size_t ld, std::size_t first, std::size_t count) {
          for_column_blocks(out, first, count,
                            [&](T* to) { lanes::log_sum_exp(p, ld, count, x.cols, to); });
        });
  }
};

template <class T, memory_space S>
struct row_softmax {
  matrix_view<T const, S> x;
  matrix_view<T, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    T top = x(i, 0);
    for (std::size_t k = 1; k < x.cols; ++k)
      if (x(i, k) > top) top = x(i, k);
    double sum = 0;
    for (std::size_t k = 0; k < x.cols; ++k) {
      double const e = std::exp(static_cast<double>(x(i, k) - top));
      out(i, k) = static_cast<T>(e);
      sum += e;
    }
    for (std::size_t k = 0; k < x.cols; ++k)
      out(i, k) = static_cast<T>(static_cast<double>(out(i, k)) / sum);
  }
  LIMPID_HD void own_rows(auto& use) {
    use(x);
    use(out);
  }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    for_row_blocks(x, begin, end,
                   [&](T const* p, std::size_t ld, std::size_t first, std::size_t count) {
                     if (out.col_stride == 1) {
                       lanes::softmax(p, ld, &out(first, 0),
                                      static_cast<std::size_t>(out.row_stride), count, x.cols);
                       return;
                     }
                     std::vector<T> packed(count * x.cols);
                     lanes::softmax(p, ld, packed.data(), x.cols, count, x.cols);
                     for (std::size_t r = 0; r < count; ++r)
                       for (std::size_t k = 0; k < x.cols; ++k)
                         out(first + r, k) = packed[r * x.cols + k];
                   });
  }
};

template <class T, memory_space S>
struct row_entropy {
  matrix_view<T const, S> p;
  vector_view<T, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      auto const v = static_cast<double>(p(i, k));
      if (v > 0) sum -= v * std::log(v);
    }
    out[i] = static_cast<T>(sum);
  }
  LIMPID_HD void own_rows(auto& use) { use(p); }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    for_row_blocks(p, begin, end,
                   [&](T const* at, std::size_t ld, std::size_t first, std::size_t count) {
                     for_column_blocks(out, first, count,
                                       [&](T* to) { lanes::entropy(at, ld, count, p.cols, to); });
                   });
  }
};

}  // namespace detail

/// arg_max_rows(exec, x n x K, out n): the column of the largest entry, the lowest of equal ones. K
/// >= 1.
struct arg_max_rows_fn {
  using primitives = uses<for_rows_fn>;
  template <execution_policy P, class T, memory_space S>
  void operator()(P const& exec, matrix_view<T const, S> x,
                  vector_view<std::int32_t, S> out) const {
    for_rows(exec, x.rows, detail::row_arg_max<T, S>{x, out});
  }
};
inline constexpr arg_max_rows_fn arg_max_rows{};

/// log_sum_exp_rows(exec, x n x K, out n): log sum_k exp(x_ik), the maximum taken out. K >= 1.
struct log_sum_exp_rows_fn {
  using primitives = uses<for_rows_fn>;
  template <execution_policy P, class T, memory_space S>
  void operator()(P const& exec, matrix_view<T const, S> x, vector_view<T, S> out) const {
    for_rows(exec, x.rows, detail::row_log_sum_exp<T, S>{x, out});
  }
};
inline constexpr log_sum_exp_rows_fn log_sum_exp_rows{};

/// softmax_rows(exec, x n x K, out n x K): exp(x_ik) / sum_j exp(x_ij); out may be x. K >= 1, a
/// finite maximum in each row.
struct softmax_rows_fn {
  using primitives = uses<for_rows_fn>;
  template <execution_policy P, class T, memory_space S>
  void operator()(P const& exec, matrix_view<T const, S> x, matrix_view<T, S> out) const {
    for_rows(exec, x.rows, detail::row_softmax<T, S>{x, out});
  }
};
inline constexpr softmax_rows_fn softmax_rows{};

/// entropy_rows(exec, p n x K, out n): -sum_k p_ik log p_ik in nats; 0 log 0 = 0, entries below 0
/// count as 0.
struct entropy_rows_fn {
  using primitives = uses<for_rows_fn>;
  template <execution_policy P, class T, memory_space S>
  void operator()(P const& exec, matrix_view<T const, S> p, vector_view<T, S> out) const {
    for_rows(exec, p.rows, detail::row_entropy<T, S>{p, out});
  }
};
inline constexpr entropy_rows_fn entropy_rows{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_ROW_MATH_HPP
