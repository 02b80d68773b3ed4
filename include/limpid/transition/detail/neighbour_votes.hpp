// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/neighbour_votes.hpp
/// P(label | x) by the labels of near rows, and the true classes behind it.
#ifndef LIMPID_TRANSITION_DETAIL_NEIGHBOUR_VOTES_HPP
#define LIMPID_TRANSITION_DETAIL_NEIGHBOUR_VOTES_HPP

#include <limpid/core/progress.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/linear.hpp>
#include <limpid/transition/detail/joint_table.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::transition::detail::evidence {

/// Numbers of neighbours tried: 10, 20, 40, 80.
inline constexpr std::size_t fewest_votes = 10, most_votes = 80;
inline constexpr int unmixing_steps = 50;

/// Codes: 1 no row number, 2 the row itself.
template <class Index, memory_space S>
struct bad_neighbour {
  matrix_view<Index const, S> index;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < index.cols; ++c) {
      Index const j = index(i, c);
      if (j < 0 || static_cast<std::uint64_t>(j) >= index.rows) return 1;
      if (static_cast<std::uint64_t>(j) == i) return 2;
    }
    return 0;
  }
};

template <class Index, memory_space S>
struct copy_index {
  matrix_view<Index const, S> from;
  matrix_view<std::uint32_t, S> to;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t c = 0; c < to.cols; ++c) to(i, c) = static_cast<std::uint32_t>(from(i, c));
  }
};

/// Adds, for each number of neighbours tried, -log of the label's share of votes, one vote being
/// the labels' frequencies.
template <memory_space S>
struct vote_loss {
  matrix_view<std::uint32_t const, S> index;
  vector_view<std::int32_t const, S> y;
  vector_view<double const, S> frequency;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double votes = frequency[static_cast<std::size_t>(y[i])];
    std::size_t seen = 0, tried = 0;
    for (std::size_t k = fewest_votes; k <= index.cols; k *= 2) {
      for (; seen < k; ++seen) votes += y[index(i, seen)] == y[i] ? 1 : 0;
      sums[tried++] -= std::log(votes / static_cast<double>(k + 1));
    }
  }
};

/// P(label | x) by the votes of neighbours first..first + count - 1 and one vote of the labels'
/// frequencies.
template <memory_space S>
struct vote {
  matrix_view<std::uint32_t const, S> index;
  vector_view<std::int32_t const, S> y;
  vector_view<double const, S> frequency;
  std::size_t first, count;
  matrix_view<double, S> p;
  LIMPID_HD void operator()(std::size_t i) const {
    double const share = 1 / static_cast<double>(count + 1);
    for (std::size_t k = 0; k < p.cols; ++k) p(i, k) = frequency[k] * share;
    for (std::size_t c = first; c < first + count; ++c)
      p(i, static_cast<std::size_t>(y[index(i, c)])) += share;
  }
};

inline constexpr double least_mixed = 1e-12;  ///< what a smaller (s T)_j counts as in a division

/// The distribution s of true classes for which s T comes closest to p, in Kullback-Leibler
/// divergence: multiplicative EM from s = p, s_k <- s_k sum_j T_kj p_j / (s T)_j. `work` is a row
/// of scratch for each row.
template <memory_space S>
struct unmix {
  matrix_view<double const, S> p, transition;
  matrix_view<double, S> s, work;
  int steps;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const classes = p.cols;
    for (std::size_t k = 0; k < classes; ++k) s(i, k) = p(i, k);
    for (int step = 0; step < steps; ++step) {
      for (std::size_t j = 0; j < classes; ++j) work(i, j) = 0;
      for (std::size_t k = 0; k < classes; ++k)
        for (std::size_t j = 0; j < classes; ++j) work(i, j) += s(i, k) * transition(k, j);
      for (std::size_t j = 0; j < classes; ++j)
        work(i, j) = p(i, j) / (work(i, j) > least_mixed ? work(i, j) : least_mixed);
      double total = 0;
      for (std::size_t k = 0; k < classes; ++k) {
        double pull = 0;
        for (std::size_t j = 0; j < classes; ++j) pull += transition(k, j) * work(i, j);
        total += s(i, k) *= pull;
      }
      for (std::size_t k = 0; k < classes; ++k) s(i, k) /= total;
    }
  }

  /// Both products of a step for a block of rows at once. p, s, work and T are row-major without
  /// padding.
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    std::size_t const classes = p.cols;
    std::size_t const fit = (std::size_t{1} << 14) / classes, most = fit < 8 ? 8 : fit;
    std::vector<double> turned(classes * classes), pull(most * classes);
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t j = 0; j < classes; ++j) turned[j * classes + k] = transition(k, j);
    for (std::size_t first = begin; first < end; first += most) {
      std::size_t const count = end - first < most ? end - first : most, cells = count * classes;
      double const* const from = &p(first, 0);
      double *const to = &s(first, 0), *const mixed = &work(first, 0);
      for (std::size_t c = 0; c < cells; ++c) to[c] = from[c];
      for (int step = 0; step < steps; ++step) {
        product(to, count, turned.data(), mixed);
        for (std::size_t c = 0; c < cells; ++c)
          mixed[c] = from[c] / (mixed[c] > least_mixed ? mixed[c] : least_mixed);
        product(mixed, count, transition.data, pull.data());
        for (std::size_t r = 0; r < count; ++r) {
          double total = 0;
          for (std::size_t c = r * classes; c < (r + 1) * classes; ++c) total += to[c] *= pull[c];
          for (std::size_t c = r * classes; c < (r + 1) * classes; ++c) to[c] /= total;
        }
      }
    }
  }

 private:
  /// out = x w^T, w K x K.
  void product(double const* x, std::size_t rows, double const* w, double* out) const {
    std::size_t const classes = p.cols;
    lanes::linear_rows(x, classes, rows, classes, w, classes, static_cast<double const*>(nullptr),
                       classes, out, classes);
  }
};

/// How many neighbours are sought among n rows.
inline std::size_t neighbours_sought(std::size_t n) {
  std::size_t most = fewest_votes;
  while (most * 2 <= most_votes && most * 2 < n / 2) most *= 2;
  return (std::min)(most, n - 1);
}

/// Of the features centred and scaled to deviation 1; constant columns count nowhere. False if
/// progress asked to stop.
template <class Exec, class T, memory_space S>
bool find_neighbours(Exec const& exec, matrix_view<T const, S> x,
                     matrix_view<std::uint32_t, S> index, progress const& on_progress) {
  std::size_t const n = x.rows, d = x.cols;
  auto const moments = ops::column_moments(exec, x);
  auto const scale = moments.scale();
  auto const z = ops::make_buffer<T>(exec, n * d);
  ops::standardise_rows(exec, x, moments.mean.view(), scale.view(), z.view(n, d));
  auto const distance = ops::make_buffer<double>(exec, n * index.cols);
  matrix_view<T const, S> const rows = z.view(n, d);
  return ops::nearest(exec, rows, rows, index.cols, index, distance.view(n, index.cols),
                      {.exclude_self = true, .on_progress = on_progress ? &on_progress : nullptr});
}

/// The number of neighbours whose votes make the labels most likely.
template <class Exec, memory_space S>
std::size_t choose_votes(Exec const& exec, matrix_view<std::uint32_t const, S> index,
                         vector_view<std::int32_t const, S> y,
                         vector_view<double const, S> frequency) {
  if (index.cols < fewest_votes) return index.cols;
  std::size_t tries = 0, best = 0;
  for (std::size_t k = fewest_votes; k <= index.cols; k *= 2) ++tries;
  auto const loss = ops::sum_rows(exec, y.size, tries, vote_loss<S>{index, y, frequency});
  for (std::size_t t = 1; t < tries; ++t)
    if (loss[t] < loss[best]) best = t;
  return fewest_votes << best;
}

inline vector<double> label_shares(vector<std::size_t> const& count, std::size_t rows) {
  vector<double> share(count.size());
  for (std::size_t k = 0; k < count.size(); ++k)
    share[k] = static_cast<double>(count[k]) / static_cast<double>(rows);
  return share;
}

/// s for every row: p unmixed by T, which may hold no 0.
template <class Exec, memory_space S>
void unmix_rows(Exec const& exec, matrix_view<double const, S> p, matrix<double> const& transition,
                matrix_view<double, S> s, matrix_view<double, S> work) {
  auto const t = ops::upload(exec, transition.view());
  ops::for_rows(exec, p.rows, unmix<S>{p, t.view(p.cols, p.cols), s, work, unmixing_steps});
}

}  // namespace limpid::transition::detail::evidence

#endif  // LIMPID_TRANSITION_DETAIL_NEIGHBOUR_VOTES_HPP
