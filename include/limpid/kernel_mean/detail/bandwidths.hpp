// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/bandwidths.hpp
/// Distances of some rows, from which aggregated tests take their bandwidths.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_BANDWIDTHS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_BANDWIDTHS_HPP

#include <limpid/ops/kernel_matrix.hpp>
#include <limpid/ops/memory.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace limpid::kernel_mean::detail {

struct city_block_distance {
  template <class A, class B>
  LIMPID_HD double operator()(A const& x, B const& z) const {
    double sum = 0;
    for (std::size_t c = 0; c < x.size; ++c)
      sum += std::fabs(static_cast<double>(x[c]) - static_cast<double>(z[c]));
    return sum;
  }
};
struct straight_distance {
  template <class A, class B>
  LIMPID_HD double operator()(A const& x, B const& z) const {
    double sum = 0;
    for (std::size_t c = 0; c < x.size; ++c) {
      double const gap = static_cast<double>(x[c]) - static_cast<double>(z[c]);
      sum += gap * gap;
    }
    return std::sqrt(sum);
  }
};

/// At most `most` rows, at least half as many, evenly spaced.
template <class T, memory_space S>
matrix_view<T const, S> some_rows(matrix_view<T const, S> x, std::size_t most) {
  if (x.rows <= most) return x;
  std::size_t const step = (x.rows + most - 1) / most;
  return {x.data, (x.rows + step - 1) / step, x.cols,
          x.row_stride * static_cast<std::ptrdiff_t>(step), x.col_stride};
}

/// All distances between rows of x and of y, ascending; of one sample (upper = true) those of
/// i < j.
template <execution_policy P, class D, class T>
std::vector<double> sorted_distances(P const& exec, D const& distance,
                                     matrix_view<T const, P::space> x,
                                     matrix_view<T const, P::space> y, bool upper) {
  auto const store = ops::make_buffer<double>(exec, x.rows * y.rows);
  ops::kernel_matrix(exec, distance, x, y, store.view(x.rows, y.rows));
  auto const all = ops::download(exec, store.view(x.rows, y.rows));
  std::vector<double> out;
  out.reserve(x.rows * y.rows);
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t j = upper ? i + 1 : 0; j < y.rows; ++j) out.push_back(all(i, j));
  std::sort(out.begin(), out.end());
  return out;
}

/// Distances of 0 become the median of all; ascending.
inline void fill_zeros(std::vector<double>& sorted) {
  std::size_t const n = sorted.size();
  double const median = n ? (sorted[(n - 1) / 2] + sorted[n / 2]) / 2 : 0;
  for (double& d : sorted)
    if (d == 0) d = median;
  std::sort(sorted.begin(), sorted.end());
}

/// MMDAgg's: a geometric grid from half the least distance (if that is below 0.1, half the 5 %
/// quantile or 0.05) to twice the largest, at least 0.6.
inline std::vector<double> geometric_bandwidths(std::vector<double> distances, std::size_t count) {
  fill_zeros(distances);
  double const least = distances.front(), five = distances[distances.size() / 20];
  double const low = (least < 0.1 ? (std::max)(five, 0.1) : least) / 2,
               high = 2 * (std::max)(distances.back(), 0.3);
  std::vector<double> out(count, low);
  for (std::size_t i = 1; i < count; ++i)
    out[i] = low * std::pow(high / low, static_cast<double>(i) / static_cast<double>(count - 1));
  return out;
}

/// MMD-FUSE's: an even grid from half the 5 % quantile to twice the 95 % quantile. Rows that are
/// all equal: 1.
inline std::vector<double> even_bandwidths(std::vector<double> distances, std::size_t count) {
  fill_zeros(distances);
  distances.erase(distances.begin(), std::upper_bound(distances.begin(), distances.end(), 0.0));
  if (distances.empty()) return std::vector<double>(count, 1.0);
  double const low = distances[distances.size() / 20] / 2,
               high = 2 * distances[distances.size() * 19 / 20];
  std::vector<double> out(count, low);
  for (std::size_t i = 1; i < count; ++i)
    out[i] += (high - low) * static_cast<double>(i) / static_cast<double>(count - 1);
  return out;
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_BANDWIDTHS_HPP
