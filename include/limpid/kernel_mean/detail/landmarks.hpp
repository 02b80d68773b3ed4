// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/landmarks.hpp
/// Some rows that stand for all: draws of them, and rows projected on their span.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_LANDMARKS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_LANDMARKS_HPP

#include <limpid/core/random.hpp>
#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/kernel_mean/detail/part_of.hpp>
#include <limpid/kernel_mean/detail/row_products.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/kernel_matrix.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/tridiagonal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::kernel_mean::detail {

/// Streams of the draws here.
enum : std::uint32_t { order_stream = 0, uniform_stream = 1, final_stream = 2, level_stream = 16 };

/// count of the n rows without replacement, row i after row j with odds weight[i] : weight[j] at
/// every draw (null: all alike); rows of weight 0 last. In increasing order.
inline std::vector<std::uint64_t> draw_rows(std::size_t n, std::size_t count, double const* weight,
                                            std::uint64_t seed, std::uint32_t stream) {
  struct keyed {
    double key, tie;
    std::uint64_t row;
    bool operator<(keyed const& o) const {
      return key != o.key ? key < o.key : tie != o.tie ? tie < o.tie : row < o.row;
    }
  };
  std::vector<keyed> all(n);
  for (std::size_t i = 0; i < n; ++i) {
    random_stream draw(seed, stream, i);
    double const wait = -std::log1p(-draw.uniform());  // exponential clocks: the first to ring
    bool const never = weight && !(weight[i] > 0);
    all[i] = {never    ? std::numeric_limits<double>::infinity()
              : weight ? wait / weight[i]
                       : wait,
              wait, i};
  }
  if (count < n)
    std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  std::vector<std::uint64_t> out(count);
  for (std::size_t c = 0; c < count; ++c) out[c] = all[c].row;
  std::sort(out.begin(), out.end());
  return out;
}

/// Rows of x, copied in the policy's space.
template <execution_policy P, class T>
ops::buffer<T, P> rows_of(P const& exec, matrix_view<T const, P::space> x,
                          std::uint64_t const* rows, std::size_t count) {
  auto const index = ops::upload(exec, vector_view<std::uint64_t const>(rows, count));
  auto out = ops::make_buffer<T>(exec, count * x.cols);
  ops::gather_rows(exec, x, index.view(), out.view(count, x.cols));
  return out;
}

/// A = vectors diag(values) vectors', values in no order.
struct eigen_system {
  std::vector<double> values;
  ops::row_strips vectors;
};
template <host_policy P>
eigen_system eigen_of(P const& exec, ops::symmetric_matrix a) {
  ops::tridiagonal t = ops::tridiagonalise(std::move(a));
  std::vector<double> const diagonal = t.diagonal, off = t.off;
  ops::row_strips q = ops::basis_of(exec, std::move(t));
  std::vector<double> values = ops::turn_to_eigenvectors(exec, diagonal, off, q);
  return {std::move(values), std::move(q)};
}

/// root root' = A^-1 on the span of the eigenvectors whose values are above `cut` times the
/// largest; a column for each of those, the largest value's first. `least`: the smallest of those
/// values over the largest.
inline matrix<double> inverse_root(eigen_system const& e, double cut, double* least = nullptr) {
  std::size_t const s = e.values.size();
  std::vector<std::size_t> order(s);
  for (std::size_t j = 0; j < s; ++j) order[j] = j;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return e.values[a] != e.values[b] ? e.values[a] > e.values[b] : a < b;
  });
  std::size_t rank = 0;
  double const most = s ? e.values[order[0]] : 0;
  while (rank < s && e.values[order[rank]] > 0 && e.values[order[rank]] > cut * most) ++rank;
  if (least) *least = rank ? e.values[order[rank - 1]] / most : 0;
  matrix<double> root(s, rank);
  for (std::size_t r = 0; r < rank; ++r) {
    double const by = 1 / std::sqrt(e.values[order[r]]);
    for (std::size_t i = 0; i < s; ++i) root(i, r) = by * e.vectors(i, order[r]);
  }
  return root;
}

/// Eigenvalues below this share of the largest are rounding.
template <class T>
constexpr double rounding_cut(std::size_t n) {
  return static_cast<double>(n) * (sizeof(T) == 4 ? 1e-7 : 1e-15);
}

/// for_rows: out(i, .) = from(i, .) factor.
template <class U, memory_space S>
struct times_factor {
  matrix_view<double const, S> from, factor;
  matrix_view<U, S> out;
  packed_product<double> const* packed;  ///< of factor', for the vectorised host policies
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t r = 0; r < factor.cols; ++r) {
      double sum = 0;
      for (std::size_t j = 0; j < factor.rows; ++j) sum += from(i, j) * factor(j, r);
      out(i, r) = static_cast<U>(sum);
    }
  }
  void rows(std::size_t begin, std::size_t end) const {
    (*packed)(from, begin, end,
              [&](std::size_t i, std::size_t r, std::size_t count, double const* v) {
                for (std::size_t c = 0; c < count; ++c) out(i, r + c) = static_cast<U>(v[c]);
              });
  }
};

/// for_rows: left[i] = max(0, diagonal - |from(i, .) factor|^2) / lambda.
template <class K, class T, memory_space S>
struct left_of_row {
  K k;
  matrix_view<T const, S> x;
  matrix_view<double const, S> from, factor;
  double lambda;
  vector_view<double, S> left;
  packed_product<double> const* packed;
  LIMPID_HD void operator()(std::size_t i) const {
    double inside = 0;
    for (std::size_t r = 0; r < factor.cols; ++r) {
      double sum = 0;
      for (std::size_t j = 0; j < factor.rows; ++j) sum += from(i, j) * factor(j, r);
      inside += sum * sum;
    }
    double const rest = diagonal_of(k, x.row(i)) - inside;
    left[i] = rest > 0 ? rest / lambda : 0;
  }
  void rows(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) left[i] = 0;
    (*packed)(from, begin, end,
              [&](std::size_t i, std::size_t, std::size_t count, double const* v) {
                double sum = 0;
                for (std::size_t c = 0; c < count; ++c) sum += v[c] * v[c];
                left[i] += sum;
              });
    for (std::size_t i = begin; i < end; ++i) {
      double const rest = diagonal_of(k, x.row(i)) - left[i];
      left[i] = rest > 0 ? rest / lambda : 0;
    }
  }
};

/// The small matrix where the functors want it.
template <execution_policy P>
class placed_factor {
 public:
  placed_factor(P const& exec, matrix_view<double const> factor)
      : there_(ops::make_buffer<double>(exec, 0)) {
    if constexpr (P::space == memory_space::host) {
      view_ = factor;
      if (P::vectorised) packed_.emplace(factor.transposed(), vector_view<double const>{});
    } else {
      there_ = ops::upload(exec, factor);
      view_ = there_.view(factor.rows, factor.cols);
    }
  }
  matrix_view<double const, P::space> view() const { return view_; }
  packed_product<double> const* packed() const { return packed_ ? &*packed_ : nullptr; }

 private:
  ops::buffer<double, P> there_;
  matrix_view<double const, P::space> view_;
  std::optional<packed_product<double>> packed_;
};

/// step(first, last, values): values(i, .) = k(x_{first + i}, points), for blocks of x's rows in
/// order: up to 32 MB at a time. False if stopped.
template <execution_policy P, class K, class T, class Step>
bool in_kernel_blocks(P const& exec, K const& k, matrix_view<T const, P::space> x,
                      matrix_view<T const, P::space> points, progress const& told,
                      Step const& step) {
  constexpr std::size_t tile = ops::detail::row_tile;
  std::size_t const fit = (std::size_t{1} << 22) / (points.rows ? points.rows : 1) / tile * tile;
  std::size_t const most = fit < tile ? tile : fit, block = most < x.rows ? most : x.rows;
  auto const values = ops::make_buffer<double>(exec, block * points.rows);
  for (std::size_t first = 0; first < x.rows; first += block) {
    std::size_t const last = x.rows - first < block ? x.rows : first + block;
    auto const here = values.view(last - first, points.rows);
    if (!ops::kernel_matrix(exec, k, x.row_block(first, last), points, here)) return false;
    step(first, last, matrix_view<double const, P::space>(here));
    if (told && !told(static_cast<double>(last) / static_cast<double>(x.rows))) return false;
  }
  return true;
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_LANDMARKS_HPP
