// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/assignment.hpp
/// The assignment of rows to columns with the largest sum: which latent class is which.
#ifndef LIMPID_TRANSITION_DETAIL_ASSIGNMENT_HPP
#define LIMPID_TRANSITION_DETAIL_ASSIGNMENT_HPP

#include <limpid/core/matrix.hpp>

#include <cstddef>
#include <limits>
#include <vector>

namespace limpid::transition::detail {

/// column[r] of each row r of a K x K matrix of finite gains, so that the sum of gain(r, column[r])
/// is largest. Shortest augmenting paths with potentials, O(K^3).
inline std::vector<std::size_t> best_assignment(matrix<double> const& gain) {
  std::size_t const size = gain.rows(), none = size;
  constexpr double endless = std::numeric_limits<double>::infinity();
  std::vector<double> row_price(size), col_price(size + 1);
  std::vector<std::size_t> row_of(size + 1, none);  // column `size` holds the row to be placed
  for (std::size_t r = 0; r < size; ++r) {
    std::vector<double> slack(size, endless);
    std::vector<std::size_t> before(size, none);
    std::vector<bool> done(size + 1);
    std::size_t at = size;
    row_of[at] = r;
    do {
      done[at] = true;
      std::size_t const row = row_of[at];
      double least = endless;
      std::size_t next = none;
      for (std::size_t c = 0; c < size; ++c) {
        if (done[c]) continue;
        double const cost = -gain(row, c) - row_price[row] - col_price[c];
        if (cost < slack[c]) slack[c] = cost, before[c] = at;
        if (slack[c] < least) least = slack[c], next = c;
      }
      for (std::size_t c = 0; c <= size; ++c) {
        if (done[c]) {
          row_price[row_of[c]] += least;
          col_price[c] -= least;
        } else if (c < size) {
          slack[c] -= least;
        }
      }
      at = next;
    } while (row_of[at] != none);
    while (at != size) {
      std::size_t const from = before[at];
      row_of[at] = row_of[from];
      at = from;
    }
  }
  std::vector<std::size_t> column(size);
  for (std::size_t c = 0; c < size; ++c) column[row_of[c]] = c;
  return column;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_ASSIGNMENT_HPP
