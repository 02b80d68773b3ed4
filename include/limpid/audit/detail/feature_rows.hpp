// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/detail/feature_rows.hpp
/// The passes over rows that an audit from features adds: neighbours' votes, unmixing.
#ifndef LIMPID_AUDIT_DETAIL_FEATURE_ROWS_HPP
#define LIMPID_AUDIT_DETAIL_FEATURE_ROWS_HPP

#include <limpid/core/view.hpp>
#include <limpid/simd/linear.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::audit::detail {

inline constexpr std::size_t fewest_votes = 10, most_votes = 80;  ///< numbers of neighbours tried: 10, 20, 40, 80

/// Adds, for each number of neighbours tried, -log of the label's share of votes, one vote being the labels' frequencies.
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

/// P(label | x) by the votes of the first `count` neighbours and one vote of the labels' frequencies.
template <memory_space S>
struct vote {
  matrix_view<std::uint32_t const, S> index;
  vector_view<std::int32_t const, S> y;
  vector_view<double const, S> frequency;
  std::size_t count;
  matrix_view<double, S> p;
  LIMPID_HD void operator()(std::size_t i) const {
    double const share = 1 / static_cast<double>(count + 1);
    for (std::size_t k = 0; k < p.cols; ++k) p(i, k) = frequency[k] * share;
    for (std::size_t c = 0; c < count; ++c) p(i, static_cast<std::size_t>(y[index(i, c)])) += share;
  }
};

inline constexpr double least_mixed = 1e-12;  ///< what a smaller (s T)_j counts as in a division

/// The distribution s of true classes for which s T comes closest to p, in Kullback-Leibler divergence: multiplicative EM
/// from s = p, s_k <- s_k sum_j T_kj p_j / (s T)_j. `work` is a row of scratch for each row.
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

  /// Both products of a step for a block of rows at once. p, s, work and T are row-major without padding.
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
        for (std::size_t c = 0; c < cells; ++c) mixed[c] = from[c] / (mixed[c] > least_mixed ? mixed[c] : least_mixed);
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
    lanes::linear_rows(x, classes, rows, classes, w, classes, static_cast<double const*>(nullptr), classes, out, classes);
  }
};

/// g = (a + b) / 2, in place of a.
template <memory_space S>
struct average_rows {
  matrix_view<double, S> a;
  matrix_view<double const, S> b;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t k = 0; k < a.cols; ++k) a(i, k) = (a(i, k) + b(i, k)) / 2;
  }
};

/// The best class of a row and its lead over the second.
template <memory_space S>
struct best_and_lead {
  matrix_view<double const, S> g;
  vector_view<std::int32_t, S> best;
  vector_view<double, S> lead;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t top = 0;
    double second = 0;
    for (std::size_t k = 1; k < g.cols; ++k)
      if (g(i, k) > g(i, top)) top = k;
    for (std::size_t k = 0; k < g.cols; ++k)
      if (k != top && g(i, k) > second) second = g(i, k);
    best[i] = static_cast<std::int32_t>(top);
    lead[i] = g(i, top) - second;
  }
};

}  // namespace limpid::audit::detail

#endif  // LIMPID_AUDIT_DETAIL_FEATURE_ROWS_HPP
