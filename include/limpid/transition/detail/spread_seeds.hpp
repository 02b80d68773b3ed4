// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/spread_seeds.hpp
/// Rows far from each other, to start clusters from.
#ifndef LIMPID_TRANSITION_DETAIL_SPREAD_SEEDS_HPP
#define LIMPID_TRANSITION_DETAIL_SPREAD_SEEDS_HPP

#include <limpid/core/random.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <utility>

namespace limpid::transition::detail {

/// for_rows: the smallest squared distance to the seeds so far.
template <class T, memory_space S>
struct nearer_seed {
  matrix_view<T const, S> x;
  vector_view<double const, S> seed;
  vector_view<double, S> gap;
  bool first;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t c = 0; c < x.cols; ++c) {
      double const z = static_cast<double>(x(i, c)) - seed[c];
      sum += z * z;
    }
    if (first || sum < gap[i]) gap[i] = sum;
  }
};

/// `count` rows of x: the first at random, each next one in proportion to its squared distance from
/// those there are (D. Arthur, S. Vassilvitskii, "k-means++", SODA 2007). O(n d count).
template <class Exec, class T, memory_space S>
matrix<double> spread_seeds(Exec const& exec, matrix_view<T const, S> x, std::size_t count,
                            random_stream& draw) {
  matrix<double> seeds(count, x.cols);
  auto const gap = ops::make_buffer<double>(exec, x.rows);
  std::size_t row = draw.below(x.rows);
  for (std::size_t k = 0; k < count; ++k) {
    auto const at = ops::download(exec, x.row(row));
    for (std::size_t c = 0; c < x.cols; ++c) seeds(k, c) = static_cast<double>(at[c]);
    if (k + 1 == count) break;
    auto const there = ops::upload(exec, std::as_const(seeds).view().row(k));
    ops::for_rows(exec, x.rows, nearer_seed<T, S>{x, there.view(), gap.view(), k == 0});
    auto const gaps = ops::download(exec, gap.view());
    double total = 0;
    for (double g : gaps) total += g;
    if (!(total > 0)) {
      row = draw.below(x.rows);
      continue;
    }
    double left = draw.uniform() * total;
    for (row = 0; row + 1 < x.rows && left >= gaps[row]; ++row) left -= gaps[row];
  }
  return seeds;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_SPREAD_SEEDS_HPP
