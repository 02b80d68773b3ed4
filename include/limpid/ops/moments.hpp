// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/moments.hpp
/// Mean and standard deviation of every column, and rows moved and scaled by them.
#ifndef LIMPID_OPS_MOMENTS_HPP
#define LIMPID_OPS_MOMENTS_HPP

#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_blocks.hpp>
#include <limpid/ops/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::ops {

/// Of d columns. All 0 where no row has a weight.
struct moments {
  vector<double> mean;  ///< d
  vector<double>
      deviation;  ///< d, of the weighted rows themselves: divided by the weight, not by one less
  double weight = 0;  ///< total weight of the rows

  /// d, 1 / deviation; 0 in constant columns, whose deviation is rounding of their mean at most.
  vector<double> scale() const {
    vector<double> out(mean.size());
    for (std::size_t j = 0; j < out.size(); ++j)
      out[j] = deviation[j] > 1e-11 * std::abs(mean[j]) ? 1 / deviation[j] : 0.0;
    return out;
  }
};

namespace detail {

/// The weight of a row as a functor; no data = 1.
template <class W, memory_space S>
struct weight_of_row {
  vector_view<W const, S> weights;
  LIMPID_HD double operator()(std::size_t i) const {
    return weights.data ? static_cast<double>(weights[i]) : 1.0;
  }
};

/// sum_rows: d sums of w (x - centre), then d of its square, or the total weight where squares are
/// not asked for. Rows of weight 0 are not read.
template <class T, class Weight, memory_space S>
struct centred_sums {
  matrix_view<T const, S> x;
  Weight weight;
  vector_view<double const, S> centre;
  bool squares;

  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = weight(i);
    if (w == 0) return;
    for (std::size_t j = 0; j < x.cols; ++j) {
      double const gap = static_cast<double>(x(i, j)) - centre[j], part = w * gap;
      sums[j] += part;
      if (squares) sums[x.cols + j] += part * gap;
    }
    if (!squares) sums[x.cols] += w;
  }

  /// A few columns at a time, whose sums stay in registers. The scalar sums, bit for bit: each
  /// column adds its rows in order.
  void rows(std::size_t begin, std::size_t end, double* sums) const
    requires(S == memory_space::host)
  {
    constexpr std::size_t strip = 8, block = 128;
    std::size_t const d = x.cols;
    double w[block];
    for_row_blocks(x, begin, end,
                   [&](T const* at, std::size_t ld, std::size_t first, std::size_t count) {
                     for (std::size_t from = 0; from < count; from += block) {
                       std::size_t const here = count - from < block ? count - from : block;
                       for (std::size_t r = 0; r < here; ++r) {
                         w[r] = weight(first + from + r);
                         if (!squares) sums[d] += w[r];
                       }
                       T const* const top = at + from * ld;
                       std::size_t j = 0;
                       for (; j + strip <= d; j += strip)
                         add<strip>(top + j, ld, here, w, j, strip, sums);
                       if (j < d) add<0>(top + j, ld, here, w, j, d - j, sums);
                     }
                   });
  }

 private:
  template <std::size_t Fixed>
  void add(T const* top, std::size_t ld, std::size_t count, double const* w, std::size_t j,
           std::size_t some, double* sums) const {
    std::size_t const wide = Fixed ? Fixed : some;
    double c[8], a[8], b[8];
    for (std::size_t k = 0; k < wide; ++k) {
      c[k] = centre[j + k];
      a[k] = sums[j + k];
      b[k] = squares ? sums[x.cols + j + k] : 0.0;
    }
    for (std::size_t r = 0; r < count; ++r) {
      double const v = w[r];
      if (v == 0) continue;
      T const* const row = top + r * ld;
      for (std::size_t k = 0; k < wide; ++k) {
        double const gap = static_cast<double>(row[k]) - c[k], part = v * gap;
        a[k] += part;
        b[k] += part * gap;
      }
    }
    for (std::size_t k = 0; k < wide; ++k) {
      sums[j + k] = a[k];
      if (squares) sums[x.cols + j + k] = b[k];
    }
  }
};

/// for_rows: to row r = (from row index[r] - centre) scale; without an index from row r.
template <class T, memory_space S>
struct standardise_row {
  matrix_view<T const, S> from;
  vector_view<std::uint64_t const, S> index;
  vector_view<double const, S> centre, scale;
  matrix_view<T, S> to;
  LIMPID_HD void operator()(std::size_t r) const {
    std::size_t const i = index.data ? static_cast<std::size_t>(index[r]) : r;
    for (std::size_t j = 0; j < from.cols; ++j)
      to(r, j) = static_cast<T>((static_cast<double>(from(i, j)) - centre[j]) * scale[j]);
  }
};

}  // namespace detail

/// column_moments(exec, x n x d, weights = {}) -> moments. `weights`: a view of n weights >= 0, no
/// data = all 1; or a functor, LIMPID_HD double operator()(row). A row of weight 3 counts three
/// times. Two passes, the mean and then the squares about it, so that columns far from 0 lose no
/// digits to their distance. O(n d) time, O(d) memory per tile.
struct column_moments_fn {
  using primitives = uses<sum_rows_fn, copy_fn>;

  template <execution_policy P, class T, memory_space S, class Weight>
  moments operator()(P const& exec, matrix_view<T const, S> x, Weight const& weight) const {
    if constexpr (limpid::detail::is_vector_view<Weight>)
      return run(exec, x, detail::weight_of_row<typename Weight::value_type, S>{weight});
    else
      return run(exec, x, weight);
  }
  template <execution_policy P, class T, memory_space S>
  moments operator()(P const& exec, matrix_view<T const, S> x) const {
    return (*this)(exec, x, vector_view<double const, S>{});
  }

 private:
  template <class P, class T, memory_space S, class Weight>
  static moments run(P const& exec, matrix_view<T const, S> x, Weight const& weight) {
    std::size_t const d = x.cols;
    moments out{vector<double>(d), vector<double>(d), 0};
    auto const sums = [&](bool squares) {
      auto const centre = upload(exec, std::as_const(out.mean).view());
      return sum_rows(exec, x.rows, squares ? 2 * d : d + 1,
                      detail::centred_sums<T, Weight, S>{x, weight, centre.view(), squares});
    };
    std::vector<double> const first = sums(false);
    out.weight = first[d];
    if (!(out.weight > 0)) return out;
    for (std::size_t j = 0; j < d; ++j) out.mean[j] = first[j] / out.weight;
    std::vector<double> const second = sums(true);
    for (std::size_t j = 0; j < d; ++j) {
      double const rest = second[j] / out.weight;  // what rounding left in the mean
      double const variance = second[d + j] / out.weight - rest * rest;
      out.mean[j] += rest;
      out.deviation[j] = variance > 0 ? std::sqrt(variance) : 0.0;
    }
    return out;
  }
};
inline constexpr column_moments_fn column_moments{};

/// standardise_rows(exec, x, centre d, scale d, out, index = {}): out(r, j) = (x(i, j) - centre_j)
/// scale_j with i = index[r], or r without an index. `centre` and `scale` are on the host.
struct standardise_rows_fn {
  using primitives = uses<for_rows_fn, copy_fn>;

  template <execution_policy P, class T, memory_space S>
  void operator()(P const& exec, matrix_view<T const, S> x, vector_view<double const> centre,
                  vector_view<double const> scale, matrix_view<T, S> out,
                  vector_view<std::uint64_t const, S> index = {}) const {
    auto const at = upload(exec, centre), by = upload(exec, scale);
    for_rows(exec, out.rows, detail::standardise_row<T, S>{x, index, at.view(), by.view(), out});
  }
};
inline constexpr standardise_rows_fn standardise_rows{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_MOMENTS_HPP
