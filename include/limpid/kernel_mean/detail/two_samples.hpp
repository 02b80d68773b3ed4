// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/two_samples.hpp
/// What the comparisons of two samples share.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_TWO_SAMPLES_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_TWO_SAMPLES_HPP

#include <limpid/core/random.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/quadratic_forms.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean::detail {

/// The sums here are of kernel values of both samples: equal ones may differ by rounding. What is
/// within it of the observed statistic counts as equal to it. Relative to the mean of k(x, x).
template <class T>
inline constexpr double equal_within = sizeof(T) == 4 ? 3e-7 : 1e-13;

template <execution_policy P, class T, class U>
void check_two(P const& exec, std::string_view where, std::size_t least,
               matrix_view<T const, P::space> x, matrix_view<U const, P::space> y, bool validate) {
  static_assert(std::is_same_v<T, U>, "limpid: x and y must both be float or both be double");
  using limpid::detail::require;
  require(x.rows >= least, where, "x has ", x.rows, " rows; it needs at least ", least);
  require(y.rows >= least, where, "y has ", y.rows, " rows; it needs at least ", least);
  require(x.cols == y.cols, where, "x has ", x.cols, " columns, y has ", y.cols);
  if (!validate) return;
  ops::check_finite(exec, where, "x", x);
  ops::check_finite(exec, where, "y", y);
}

/// The rows of x, then those of y; the smaller sample's first if asked.
template <execution_policy P, class T>
class stacked {
 public:
  stacked(P const& exec, matrix_view<T const, P::space> x, matrix_view<T const, P::space> y,
          bool smaller_first = false)
      : rows_(ops::make_buffer<T>(exec, (x.rows + y.rows) * x.cols)),
        count_(x.rows + y.rows),
        cols_(x.cols) {
    auto const all = rows_.view(count_, cols_);
    if (smaller_first && y.rows < x.rows) std::swap(x, y);
    ops::copy(exec, x, all.row_block(0, x.rows));
    ops::copy(exec, y, all.row_block(x.rows, count_));
  }
  matrix_view<T const, P::space> view() const { return rows_.view(count_, cols_); }

 private:
  ops::buffer<T, P> rows_;
  std::size_t count_, cols_;
};

template <execution_policy P, class K, class T>
double sum_of_diagonal(P const& exec, K const& k, matrix_view<T const, P::space> x) {
  return ops::sum_rows(exec, x.rows, 1, add_diagonal<K, T, P::space>{k, x})[0];
}

/// sums[i] = sum over j != i of k(x_i, x_j); false if stopped.
template <class K, class T, memory_space S>
struct drop_diagonal {
  K k;
  matrix_view<T const, S> x;
  vector_view<double, S> sums;
  LIMPID_HD void operator()(std::size_t i) const { sums[i] -= diagonal_of(k, x.row(i)); }
};
template <execution_policy P, class K, class T>
bool sums_without_diagonal(P const& exec, K const& k, matrix_view<T const, P::space> x,
                           vector_view<double, P::space> sums, progress const& told) {
  if (!ops::kernel_sums(exec, k, x, x, matrix_view<double const, P::space>{},
                        matrix_view<double, P::space>(sums.data, sums.size, 1, sums.stride, 1),
                        &told))
    return false;
  ops::for_rows(exec, x.rows, drop_diagonal<K, T, P::space>{k, x, sums});
  return true;
}

/// Columns of a strip: as many as keep about 48 MB with rows of `bytes` per column, at least 256.
inline std::size_t strip_of(std::size_t rows, std::size_t count, std::size_t bytes) {
  std::size_t const fit = (std::size_t{48} << 20) / (bytes * (rows ? rows : 1));
  std::size_t const most = fit < 256 ? 256 : fit;
  return count < most ? count : most;
}

/// A uniform number of 0..bound-1 from 32-bit words (Lemire, ACM TOMACS 29, 2019).
LIMPID_HD inline std::uint32_t below(random_stream& draw, std::uint32_t bound) {
  std::uint64_t product = std::uint64_t{draw()} * bound;
  auto low = static_cast<std::uint32_t>(product);
  if (low < bound) {
    std::uint32_t const least = (0u - bound) % bound;
    while (low < least) {
      product = std::uint64_t{draw()} * bound;
      low = static_cast<std::uint32_t>(product);
    }
  }
  return static_cast<std::uint32_t>(product >> 32);
}

/// Row b: 1 for `chosen` of the columns, uniform over all such sets, else 0. Row 0 of everything is
/// the split as it is: the first `chosen`.
template <memory_space S>
struct draw_split {
  matrix_view<std::int8_t, S> splits;
  std::size_t chosen, first;  ///< first: number of row 0
  std::uint64_t seed;
  LIMPID_HD void operator()(std::size_t b) const {
    random_stream draw(seed, 0, first + b);
    std::size_t left = chosen;
    for (std::size_t i = 0; i < splits.cols; ++i) {
      auto const rest = static_cast<std::uint32_t>(splits.cols - i);
      bool const take = first + b == 0 ? i < chosen : below(draw, rest) < left;
      splits(b, i) = take;
      left -= take;
    }
  }
};

/// Row b: n signs and their opposites. Row 0 of everything: all 1.
template <memory_space S>
struct draw_signs {
  matrix_view<std::int8_t, S> signs;
  std::size_t first;
  std::uint64_t seed;
  LIMPID_HD void operator()(std::size_t b) const {
    random_stream draw(seed, 0, first + b);
    std::size_t const n = signs.cols / 2;
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (i % 32 == 0) word = draw();
      bool const plus = first + b == 0 || (word >> (i % 32) & 1u) != 0;
      signs(b, i) = plus ? 1 : -1;
      signs(b, n + i) = plus ? -1 : 1;
    }
  }
};

/// Sums of a column's squares times what(i), and of its products with sums: 2 per column.
template <class V, memory_space S>
struct column_sums {
  matrix_view<V const, S> columns;              ///< b x n
  vector_view<double const, S> linear, square;  ///< n; no data: none
  matrix_view<double, S> out;                   ///< b x 2
  LIMPID_HD void operator()(std::size_t b) const {
    double first = 0, second = 0;
    if (linear.data)
      for (std::size_t i = 0; i < linear.size; ++i)
        first += static_cast<double>(columns(b, i)) * linear[i];
    if (square.data)
      for (std::size_t i = 0; i < square.size; ++i) {
        auto const v = static_cast<double>(columns(b, i));
        second += v * v * square[i];
      }
    out(b, 0) = first;
    out(b, 1) = second;
  }
};

/// The unbiased statistic of a split from inside = v' K0 v, along = v' K0 1 and all = 1' K0 1, v =
/// 1 on its m rows: sum over X pairs / m(m-1) + over Y pairs / n(n-1) - 2 mean between.
inline double split_statistic(double inside, double along, double all, double m, double n) {
  double const between = along - inside, other = all - 2 * along + inside;
  return inside / (m * (m - 1)) + other / (n * (n - 1)) - 2 * between / (m * n);
}

/// Where kernel values overflow: infinity, which sorts, and is above no other.
inline double or_infinite(double statistic) {
  return std::isfinite(statistic) ? statistic : std::numeric_limits<double>::infinity();
}

/// 1 + the number of [from, to) of `null` that are at least `observed`, but for `equal`.
inline std::size_t not_below(vector_view<double const> null, std::size_t from, std::size_t to,
                             double observed, double equal) {
  std::size_t count = 1;
  for (std::size_t b = from; b < to; ++b) count += !(null[b] < observed - equal);
  return count;
}

/// Element ceil(n (1 - level)) of n ascending statistics.
inline double upper_quantile(std::vector<double> const& sorted, double level) {
  double const rank = std::ceil(static_cast<double>(sorted.size()) * (1 - level));
  return sorted[rank < 1 ? 0 : static_cast<std::size_t>(rank) - 1];
}

/// A test's result from its statistic, element 0 of `all`, and those of redraws behind it.
template <class Result>
void judge(vector_view<double const> all, double equal, double alpha, Result& out) {
  out.statistic = all[0];
  out.null_sample = vector<double>(all.size - 1);
  std::vector<double> sorted(all.size);
  for (std::size_t b = 0; b < all.size; ++b) sorted[b] = all[b];
  for (std::size_t b = 1; b < all.size; ++b) out.null_sample[b - 1] = all[b];
  out.p_value = static_cast<double>(not_below(all, 1, all.size, all[0], equal)) /
                static_cast<double>(all.size);
  out.reject = out.p_value <= alpha;
  std::sort(sorted.begin(), sorted.end());
  out.threshold = upper_quantile(sorted, alpha);
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_TWO_SAMPLES_HPP
