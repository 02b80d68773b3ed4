// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/rows.hpp
/// Primitives over rows: map, sum, fold, and the first row that breaks a rule.
///
/// A row functor is portable scalar code: a struct with LIMPID_HD members that holds views by value
/// and is called with a row number. That is what seq and devices run. Where it is hot it has a twin
/// over a run of rows, written on the kernels of simd/, which the vectorised host policies pick up:
///
///     primitive  functor                                  twin
///     for_rows   void operator()(i) const                 void rows(begin, end) const
///     sum_rows   void operator()(i, double* sums) const   void rows(begin, end, double* sums)
///     const fold_rows  void operator()(i, State&) const         void rows(begin, end, State&)
///     const first_row  int operator()(i) const, 0 = good        row_fault rows(begin, end) const
///
/// A functor of which f(i) touches row i alone of some matrices may name those, for devices, which
/// then move blocks of rows together and let it work on copies:
///
///     LIMPID_HD void own_rows(auto& use) { use(x); use(out); }
///
/// A matrix that is not const is then only written, each row wholly; one without data is left
/// alone.
///
/// Determinism: rows are cut into tiles by n and width alone; tiles are combined in order. Hence
/// bitwise the same for any number of threads.
#ifndef LIMPID_OPS_ROWS_HPP
#define LIMPID_OPS_ROWS_HPP

#include <limpid/exec/policy.hpp>

#include <cstddef>
#include <vector>

namespace limpid::ops {

/// The first offending row and the functor's code for it; code 0 = none.
struct row_fault {
  std::size_t row = 0;
  int code = 0;
};

namespace detail {

inline constexpr std::size_t row_tile = 2048;  ///< rows of a tile, where tiles leave nothing behind
inline constexpr std::size_t partial_sums = std::size_t{1}
                                            << 20;  ///< doubles kept for all tiles of a sum

struct tiling {
  std::size_t rows, tile, count;
  std::size_t begin(std::size_t t) const { return t * tile; }
  std::size_t end(std::size_t t) const { return (t + 1) * tile < rows ? (t + 1) * tile : rows; }
};

/// `limit` bounds the number of tiles; 0 = no bound.
inline tiling tiles_of(std::size_t rows, std::size_t limit = 0) {
  std::size_t const least = limit ? (rows + limit - 1) / limit : 0;
  std::size_t const tile = least > row_tile ? least : row_tile;
  return {rows, tile, (rows + tile - 1) / tile};
}

/// Tiles of a sum of `width` doubles per tile: at most 256, and at most 8 MB of partial sums.
inline tiling tiles_of_sum(std::size_t rows, std::size_t width) {
  std::size_t const fit = partial_sums / (width ? width : 1);
  return tiles_of(rows, fit < 1 ? 1 : fit > 256 ? 256 : fit);
}

}  // namespace detail

/// for_rows(exec, n, f): f(i) for every row, in any order. f writes only what belongs to its row.
struct for_rows_fn {
  template <execution_policy P, class F>
  void operator()(P const& exec, std::size_t rows, F const& f) const {
    kernel<for_rows_fn, P>::run(exec, rows, f);
  }
  template <host_policy P, class F>
  static void host(P const& exec, std::size_t rows, F const& f) {
    auto const tiles = detail::tiles_of(rows);
    exec.for_tiles(tiles.count, [&](std::size_t t) {
      if constexpr (P::vectorised && requires { f.rows(rows, rows); })
        f.rows(tiles.begin(t), tiles.end(t));
      else
        for (std::size_t i = tiles.begin(t); i < tiles.end(t); ++i) f(i);
    });
  }
};
inline constexpr for_rows_fn for_rows{};

/// sum_rows(exec, n, width, f): f adds row i's part to `width` doubles that start at 0. The sums
/// are on the host.
struct sum_rows_fn {
  template <execution_policy P, class F>
  std::vector<double> operator()(P const& exec, std::size_t rows, std::size_t width,
                                 F const& f) const {
    return kernel<sum_rows_fn, P>::run(exec, rows, width, f);
  }
  template <host_policy P, class F>
  static std::vector<double> host(P const& exec, std::size_t rows, std::size_t width, F const& f) {
    auto const tiles = detail::tiles_of_sum(rows, width);
    std::vector<double> partial(tiles.count * width), total(width);
    exec.for_tiles(tiles.count, [&](std::size_t t) {
      double* const sums = partial.data() + t * width;
      if constexpr (P::vectorised && requires { f.rows(rows, rows, sums); })
        f.rows(tiles.begin(t), tiles.end(t), sums);
      else
        for (std::size_t i = tiles.begin(t); i < tiles.end(t); ++i) f(i, sums);
    });
    for (std::size_t t = 0; t < tiles.count; ++t)
      for (std::size_t k = 0; k < width; ++k) total[k] += partial[t * width + k];
    return total;
  }
};
inline constexpr sum_rows_fn sum_rows{};

/// fold_rows(exec, n, initial, f, merge): f folds row i into a State that every tile starts from
/// `initial`; merge(State& a, State const& b) combines tiles in order. State is trivially copyable.
struct fold_rows_fn {
  template <execution_policy P, class State, class F, class Merge>
  State operator()(P const& exec, std::size_t rows, State const& initial, F const& f,
                   Merge const& merge) const {
    return kernel<fold_rows_fn, P>::run(exec, rows, initial, f, merge);
  }
  template <host_policy P, class State, class F, class Merge>
  static State host(P const& exec, std::size_t rows, State const& initial, F const& f,
                    Merge const& merge) {
    auto const tiles = detail::tiles_of_sum(rows, 1 + sizeof(State) / sizeof(double));
    std::vector<State> partial(tiles.count, initial);
    exec.for_tiles(tiles.count, [&](std::size_t t) {
      State local = initial;
      if constexpr (P::vectorised && requires { f.rows(rows, rows, local); })
        f.rows(tiles.begin(t), tiles.end(t), local);
      else
        for (std::size_t i = tiles.begin(t); i < tiles.end(t); ++i) f(i, local);
      partial[t] = local;
    });
    State total = initial;
    for (State const& part : partial) merge(total, part);
    return total;
  }
};
inline constexpr fold_rows_fn fold_rows{};

/// first_row(exec, n, f): the lowest row for which f is not 0.
struct first_row_fn {
  template <execution_policy P, class F>
  row_fault operator()(P const& exec, std::size_t rows, F const& f) const {
    return kernel<first_row_fn, P>::run(exec, rows, f);
  }
  template <host_policy P, class F>
  static row_fault host(P const& exec, std::size_t rows, F const& f) {
    auto const tiles = detail::tiles_of(rows, 4096);
    std::vector<row_fault> found(tiles.count);
    exec.for_tiles(tiles.count, [&](std::size_t t) {
      if constexpr (P::vectorised && requires { f.rows(rows, rows); }) {
        found[t] = f.rows(tiles.begin(t), tiles.end(t));
      } else {
        for (std::size_t i = tiles.begin(t); i < tiles.end(t) && !found[t].code; ++i)
          found[t] = row_fault{i, f(i)};
        if (!found[t].code) found[t] = row_fault{};
      }
    });
    for (row_fault const& fault : found)
      if (fault.code) return fault;
    return {};
  }
};
inline constexpr first_row_fn first_row{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_ROWS_HPP
