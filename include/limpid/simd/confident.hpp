// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/confident.hpp
/// What confident learning reads of a row of probabilities, in one pass over memory.
#ifndef LIMPID_SIMD_CONFIDENT_HPP
#define LIMPID_SIMD_CONFIDENT_HPP

#include <limpid/simd/rows.hpp>

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/confident.inl>
#include <limpid/simd/detail/each_set.inc>

/// Of every row of p (n x K, ld elements from row to row), with S = {k : p[i][k] >= bound[k]}:
/// guess[i] = -1 if S is empty, its member if it has one, else the arg max; best[i] = the lowest
/// arg max; top[i] = the maximum. best and top may be null. Returns what row_check(..., tolerance)
/// returns, without looking further; a negative tolerance checks nothing.
template <class T>
row_report confident_rows(T const* p, std::size_t ld, std::size_t n, std::size_t K, T const* bound,
                          double tolerance, std::int32_t* guess, std::int32_t* best, T* top) {
  LIMPID_SIMD_CALL(isa(),
                   template confident_rows<T>(p, ld, n, K, bound, tolerance, guess, best, top));
}

/// out[i] = p[i][y[i]] less the largest entry of row i in another column. K >= 2.
template <class T>
void row_margins(T const* p, std::size_t ld, std::size_t n, std::size_t K, std::int32_t const* y,
                 double* out) {
  LIMPID_SIMD_CALL(isa(), template row_margins<T>(p, ld, n, K, y, out));
}

/// The numbers q < count for which row[column[q]] - self >= limit[q], compared in double, in
/// ascending order in `hit` (room for count); returns how many. `next` is the row that will be
/// asked about next, or `row`.
template <class T>
std::size_t margin_hits(T const* row, T const* next, std::int32_t const* column, std::size_t count,
                        double self, double const* limit, std::uint32_t* hit) {
  LIMPID_SIMD_CALL(isa(), template margin_hits<T>(row, next, column, count, self, limit, hit));
}

#include <limpid/simd/detail/close.inc>

#endif  // LIMPID_SIMD_CONFIDENT_HPP
