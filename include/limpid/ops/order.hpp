// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/order.hpp
/// Order statistics of columns: quantiles, and the rows where columns are largest. One pass for all
/// columns.
#ifndef LIMPID_OPS_ORDER_HPP
#define LIMPID_OPS_ORDER_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <vector>

namespace limpid::ops {

/// Which element stands for a quantile that falls between two: numpy's names.
enum class quantile_rule { higher, linear };

namespace detail {

/// use(row, column, value) over rows [begin, end), along the shorter stride.
template <class T, class Use>
void for_entries(matrix_view<T const> x, std::size_t begin, std::size_t end, Use const& use) {
  auto const step = [](std::ptrdiff_t s) { return s < 0 ? -s : s; };
  if (step(x.row_stride) < step(x.col_stride)) {
    for (std::size_t k = 0; k < x.cols; ++k)
      for (std::size_t i = begin; i < end; ++i) use(i, k, x(i, k));
  } else {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t k = 0; k < x.cols; ++k) use(i, k, x(i, k));
  }
}

}  // namespace detail

/// column_quantiles(exec, x n x K, q, rule) -> K values: the q-quantile of each column, exactly. q
/// in [0, 1], n >= 1, entries finite. O(nK) expected. A sample of the rows brackets each quantile;
/// one pass counts what lies below the bracket and keeps the few entries inside. A column whose
/// bracket misses is ordered whole.
struct column_quantiles_fn {
  template <execution_policy P, class T, memory_space S>
  vector<double> operator()(P const& exec, matrix_view<T const, S> x, double q,
                            quantile_rule rule) const {
    return kernel<column_quantiles_fn, P>::run(exec, x, q, rule);
  }

  template <host_policy P, class T>
  static vector<double> host(P const& exec, matrix_view<T const> x, double q, quantile_rule rule) {
    vector<double> out(x.cols);
    if (x.rows <= 4 * sample) {
      exec.for_tiles(x.cols, [&](std::size_t k) { out[k] = whole(x.col(k), q, rule); });
      return out;
    }
    std::vector<bracket<T>> brackets(x.cols);
    exec.for_tiles(x.cols, [&](std::size_t k) { brackets[k] = guess(x.col(k), q); });
    auto const tiles = detail::tiles_of_sum(x.rows, 3 * x.cols);
    std::vector<found<T>> parts(tiles.count * x.cols);
    exec.for_tiles(tiles.count, [&](std::size_t t) {
      found<T>* const part = parts.data() + t * x.cols;
      detail::for_entries(x, tiles.begin(t), tiles.end(t),
                          [&](std::size_t, std::size_t k, T value) {
                            auto const [low, high] = brackets[k];
                            if (value > high) return;
                            if (value < low)
                              ++part[k].below;
                            else if (value == low)
                              ++part[k].at_low;
                            else if (value == high)
                              ++part[k].at_high;
                            else
                              part[k].between.push_back(value);
                          });
    });
    exec.for_tiles(x.cols, [&](std::size_t k) {
      found<T> all;
      for (std::size_t t = 0; t < tiles.count; ++t) {
        found<T> const& part = parts[t * x.cols + k];
        all.below += part.below;
        all.at_low += part.at_low;
        all.at_high += part.at_high;
        all.between.insert(all.between.end(), part.between.begin(), part.between.end());
      }
      rank const want = rank_of(x.rows, q, rule);
      std::size_t const end = all.below + all.at_low + all.between.size() + all.at_high;
      if (want.at < all.below || want.at + (want.rest > 0 ? 1 : 0) >= end) {
        out[k] = whole(x.col(k), q, rule);
        return;
      }
      std::sort(all.between.begin(), all.between.end());
      auto const element = [&](std::size_t at) {
        if (at < all.below + all.at_low) return static_cast<double>(brackets[k].low);
        at -= all.below + all.at_low;
        return static_cast<double>(at < all.between.size() ? all.between[at] : brackets[k].high);
      };
      double const low = element(want.at);
      out[k] = want.rest > 0 ? low + want.rest * (element(want.at + 1) - low) : low;
    });
    return out;
  }

 private:
  static constexpr std::size_t sample = 4096;
  struct rank {
    std::size_t at;
    double rest;  ///< share of the way to the next element
  };
  template <class T>
  struct bracket {
    T low, high;
  };
  template <class T>
  struct found {
    std::size_t below = 0, at_low = 0, at_high = 0;
    std::vector<T> between;
  };

  static rank rank_of(std::size_t n, double q, quantile_rule rule) {
    auto const size = static_cast<double>(n);
    double const exact = q * (size - 1);
    // a product that is a whole number up to rounding is that number
    if (rule == quantile_rule::higher)
      return {static_cast<std::size_t>(std::ceil(exact - 1e-12 * size)), 0};
    double const at = std::floor(exact);
    return {static_cast<std::size_t>(at), exact - at};
  }

  template <class T>
  static double whole(vector_view<T const> values, double q, quantile_rule rule) {
    std::vector<T> v(values.size);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = values[i];
    rank const want = rank_of(v.size(), q, rule);
    auto const at = v.begin() + static_cast<std::ptrdiff_t>(want.at);
    std::nth_element(v.begin(), at, v.end());
    auto const low = static_cast<double>(*at);
    if (!(want.rest > 0)) return low;
    return low + want.rest * (static_cast<double>(*std::min_element(at + 1, v.end())) - low);
  }

  /// Four deviations of a sample's rank to either side.
  template <class T>
  static bracket<T> guess(vector_view<T const> values, double q) {
    std::vector<T> v(sample);
    for (std::size_t i = 0; i < sample; ++i)
      v[i] = values[values.size / sample * i + values.size % sample * i / sample];
    std::sort(v.begin(), v.end());
    double const middle = q * (sample - 1), reach = 4 * std::sqrt(sample * q * (1 - q)) + 4;
    constexpr T outside = std::numeric_limits<T>::infinity();
    return {middle < reach ? -outside : v[static_cast<std::size_t>(middle - reach)],
            middle + reach > sample - 1 ? outside : v[static_cast<std::size_t>(middle + reach)]};
  }
};
inline constexpr column_quantiles_fn column_quantiles{};

/// quantile(exec, v, q, rule): column_quantiles of one column.
struct quantile_fn {
  using primitives = uses<column_quantiles_fn>;
  template <execution_policy P, class T, memory_space S>
  double operator()(P const& exec, vector_view<T, S> values, double q, quantile_rule rule) const {
    using value = std::remove_const_t<T>;
    return column_quantiles(
        exec, matrix_view<value const, S>(values.data, values.size, 1, values.stride, 1), q,
        rule)[0];
  }
};
inline constexpr quantile_fn quantile{};

/// arg_max_columns(exec, x n x K, limits K) -> K row numbers: the first row with the largest entry
/// of column k among the entries below limits[k]; n where there is none. Entries that are NaN are
/// passed over. O(nK), one pass; `limits` is on the host.
struct arg_max_columns_fn {
  template <execution_policy P, class T, memory_space S>
  vector<std::size_t> operator()(P const& exec, matrix_view<T const, S> x,
                                 vector<double> const& limits) const {
    return kernel<arg_max_columns_fn, P>::run(exec, x, limits);
  }

  template <host_policy P, class T>
  static vector<std::size_t> host(P const& exec, matrix_view<T const> x,
                                  vector<double> const& limits) {
    std::size_t const n = x.rows, cols = x.cols;
    std::vector<T> bound(cols);  // value < limits[k] in double exactly where value < bound[k]
    for (std::size_t k = 0; k < cols; ++k) {
      bound[k] = static_cast<T>(limits[k]);
      if (static_cast<double>(bound[k]) < limits[k])
        bound[k] = std::nextafter(bound[k], std::numeric_limits<T>::infinity());
    }
    auto const tiles = detail::tiles_of_sum(n, 2 * cols);
    std::vector<T> value(tiles.count * cols,
                         std::numeric_limits<T>::quiet_NaN());  // NaN: nothing yet
    std::vector<std::size_t> row(tiles.count * cols, n);
    exec.for_tiles(tiles.count, [&](std::size_t t) {
      T const* const below = bound.data();
      T* const best = value.data() + t * cols;
      std::size_t* const at = row.data() + t * cols;
      detail::for_entries(x, tiles.begin(t), tiles.end(t),
                          [=](std::size_t i, std::size_t k, T entry) {
                            if (entry <= best[k] || !(entry < below[k])) return;
                            best[k] = entry;
                            at[k] = i;
                          });
    });
    vector<std::size_t> out(cols, n);
    std::vector<T> most(cols, std::numeric_limits<T>::quiet_NaN());
    for (std::size_t t = 0; t < tiles.count; ++t)
      for (std::size_t k = 0; k < cols; ++k) {
        T const entry = value[t * cols + k];
        if (row[t * cols + k] == n || entry <= most[k]) continue;
        most[k] = entry;
        out[k] = row[t * cols + k];
      }
    return out;
  }
};
inline constexpr arg_max_columns_fn arg_max_columns{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_ORDER_HPP
