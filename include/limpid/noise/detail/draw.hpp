// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/detail/draw.hpp
/// What the generators share: the bookkeeping after the draw.
#ifndef LIMPID_NOISE_DETAIL_DRAW_HPP
#define LIMPID_NOISE_DETAIL_DRAW_HPP

#include <limpid/core/random.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace limpid::noise::detail {

// Streams of the seed: one use each.
inline constexpr std::uint32_t label_stream = 0;  ///< by row: does the label change, to what
inline constexpr std::uint32_t rate_stream = 1;   ///< by row: the row's own flip rate
inline constexpr std::uint32_t choice_stream =
    2;  ///< by row: which rows of a class change, exactly
inline constexpr std::uint32_t foreign_stream =
    3;  ///< by row: open-set rows, and what takes their place
inline constexpr std::uint32_t matrix_stream = 4;  ///< by row of T: random matrices
inline constexpr std::uint32_t weight_stream =
    16;  ///< + class, by feature: weights of instance-dependent noise

/// Running sums of each row of T, which is made non-negative with rows that sum to 1; 2 from the
/// last possible class on, so that no rounding reaches beyond it.
inline matrix<double> cumulative_rows(matrix<double>& transition) {
  std::size_t const K = transition.rows();
  matrix<double> cumulative(K, K);
  for (std::size_t i = 0; i < K; ++i) {
    double total = 0, sum = 0;
    std::size_t last = 0;
    for (std::size_t j = 0; j < K; ++j) {
      double& t = transition(i, j);
      if (t < 0) t = 0;
      if (t > 0) last = j;
      total += t;
    }
    for (std::size_t j = 0; j < K; ++j) {
      if (std::abs(total - 1) > 1e-12) transition(i, j) /= total;
      sum += transition(i, j);
      cumulative(i, j) = j < last ? sum : 2.0;
    }
  }
  return cumulative;
}

/// for_rows: 1 where two columns differ.
template <memory_space S>
struct mark_changes {
  vector_view<std::int32_t const, S> before, after;
  vector_view<std::uint8_t, S> changed;
  LIMPID_HD void operator()(std::size_t i) const { changed[i] = before[i] != after[i]; }
};

/// Two independent draws of N(0, 1), by Box and Muller.
struct normal_pair {
  double first, second;
};
LIMPID_HD inline normal_pair draw_normals(random_stream& draw) {
  double const radius = std::sqrt(-2 * std::log(1 - draw.uniform()));
  double const angle = 6.283185307179586 * draw.uniform();
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// Downloads the labels drawn and counts what happened.
template <class P, memory_space S>
noisy_labels describe(P const& exec, vector_view<std::int32_t const, S> before,
                      vector_view<std::int32_t const, S> after, std::size_t classes,
                      matrix<double> expected) {
  noisy_labels result;
  auto const changed = ops::make_buffer<std::uint8_t>(exec, before.size);
  ops::for_rows(exec, before.size, mark_changes<S>{before, after, changed.view()});
  result.labels = ops::download(exec, after);
  result.flipped = ops::download(exec, changed.view());
  matrix<double> const cells = ops::count_pairs(exec, before, after, classes, classes);
  result.realised = matrix<double>(classes, classes);
  result.class_rows = vector<std::size_t>(classes);
  double all = 0, kept = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    double rows = 0;
    for (std::size_t j = 0; j < classes; ++j) rows += cells(i, j);
    for (std::size_t j = 0; j < classes; ++j)
      result.realised(i, j) = rows > 0 ? cells(i, j) / rows : i == j ? 1.0 : 0.0;
    result.class_rows[i] = static_cast<std::size_t>(rows);
    all += rows;
    kept += cells(i, i);
  }
  result.realised_rate = all > 0 ? (all - kept) / all : 0;
  result.expected = std::move(expected);
  return result;
}

}  // namespace limpid::noise::detail

#endif  // LIMPID_NOISE_DETAIL_DRAW_HPP
