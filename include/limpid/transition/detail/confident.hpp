// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/confident.hpp
/// The row functors and the K x K arithmetic of confident learning.
#ifndef LIMPID_TRANSITION_DETAIL_CONFIDENT_HPP
#define LIMPID_TRANSITION_DETAIL_CONFIDENT_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/row_blocks.hpp>
#include <limpid/simd/rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace limpid::transition::detail {

inline constexpr double threshold_slack =
    1e-6;  ///< an entry this far below its threshold still passes
inline constexpr double threshold_of_absent = 2.0;  ///< no probability reaches it
inline constexpr double least_threshold = 2e-6;
inline constexpr double tiny = 1e-100;  ///< least divisor
inline constexpr double least_prior = 1e-6;
inline constexpr double largest_noise_rate = 0.9999;

/// sums[k] += P(i, k), sums[K + k] += 1 for k = y_i.
template <class T, memory_space S>
struct self_confidence {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    auto const k = static_cast<std::size_t>(y[i]);
    sums[k] += static_cast<double>(p(i, k));
    sums[p.cols + k] += 1;
  }
};

/// With S = {k : P(i, k) >= threshold_k - 1e-6}: -1 if S is empty, its member if it has one, else
/// the arg max over all classes.
template <class T, memory_space S>
struct confident_guess {
  matrix_view<T const, S> p;
  vector_view<double const, S> thresholds;
  vector_view<std::int32_t, S> guess;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t passing = 0, last = 0, best = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      if (p(i, k) > p(i, best)) best = k;
      if (static_cast<double>(p(i, k)) >= thresholds[k] - threshold_slack) {
        ++passing;
        last = k;
      }
    }
    guess[i] = passing == 0 ? -1 : static_cast<std::int32_t>(passing == 1 ? last : best);
  }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    ops::detail::for_row_blocks(p, begin, end, [&](T const* at, std::size_t ld, std::size_t first, std::size_t count) {
      lanes::confident_guess(at, ld, count, p.cols, thresholds.data, guess.data + first);
    });
  }
};

/// first_row: checks that rows are distributions, and guesses on the way, while a row is in the cache.
template <class T, memory_space S>
struct checked_guess {
  ops::detail::distribution_fault<T, S> check;
  confident_guess<T, S> guess;
  LIMPID_HD int operator()(std::size_t i) const {
    if (int const code = check(i)) return code;
    guess(i);
    return 0;
  }
  ops::row_fault rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    std::size_t const fit = (std::size_t{1} << 15) / (guess.p.cols ? guess.p.cols : 1), step = fit ? fit : 1;
    for (std::size_t first = begin; first < end; first += step) {
      std::size_t const last = end - first < step ? end : first + step;
      if (auto const fault = check.rows(first, last); fault.code) return fault;
      guess.rows(first, last);
    }
    return {};
  }
};

/// 1 where the row was counted off the diagonal.
template <memory_space S>
struct mark_off_diagonal {
  vector_view<std::int32_t const, S> y, guess;
  vector_view<std::uint8_t, S> mark;
  LIMPID_HD void operator()(std::size_t i) const { mark[i] = guess[i] >= 0 && guess[i] != y[i]; }
};

inline double at_least_tiny(double x) {
  return x > tiny ? x : tiny;
}

/// Rounds v to whole numbers whose sum is the rounded sum of v. Halves go to even; the entries that
/// rounding moved farthest are corrected first, of equal ones the highest index when adding and the
/// lowest when taking.
inline void round_preserving_sum(double* v, std::size_t size) {
  std::vector<double> const exact(v, v + size);
  double target = 0, sum = 0;
  for (std::size_t k = 0; k < size; ++k) {
    target += exact[k];
    v[k] = std::nearbyint(exact[k]);
    sum += v[k];
  }
  target = std::nearbyint(target);
  while (std::abs(target - sum) > 1e-6) {
    double const missing = std::nearbyint(target - sum);
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return exact[a] - v[a] < exact[b] - v[b];
    });
    if (missing > 0) std::reverse(order.begin(), order.end());
    auto const changes =
        static_cast<std::size_t>((std::min)(std::abs(missing), static_cast<double>(size)));
    for (std::size_t c = 0; c < changes; ++c) v[order[c]] += missing > 0 ? 1 : -1;
    sum = 0;
    for (std::size_t k = 0; k < size; ++k) sum += v[k];
  }
}

inline double sum_of(matrix<double> const& m) {
  double sum = 0;
  for (std::size_t c = 0; c < m.rows() * m.cols(); ++c) sum += m.data()[c];
  return sum;
}

/// Counts (given x true) scaled so that row g sums to given_count[g], in whole numbers.
inline matrix<double> calibrate(matrix<double> counts, vector<std::size_t> const& given_count,
                                std::size_t rows) {
  std::size_t const classes = counts.rows();
  for (std::size_t g = 0; g < classes; ++g) {
    double sum = 0;
    for (std::size_t t = 0; t < classes; ++t) sum += counts(g, t);
    for (std::size_t t = 0; t < classes; ++t)
      counts(g, t) = counts(g, t) / at_least_tiny(sum) * static_cast<double>(given_count[g]);
  }
  double const total = at_least_tiny(sum_of(counts));
  for (std::size_t g = 0; g < classes; ++g) {
    for (std::size_t t = 0; t < classes; ++t)
      counts(g, t) = counts(g, t) / total * static_cast<double>(rows);
    round_preserving_sum(&counts(g, 0), classes);
  }
  return counts;
}

/// Off-diagonal entries of row i at most 0.9999, then the row divided by its sum; identity row and
/// false if it is empty.
inline bool clip_row(matrix<double>& m, std::size_t i) {
  double sum = 0;
  for (std::size_t j = 0; j < m.cols(); ++j) {
    if (j != i && m(i, j) > largest_noise_rate) m(i, j) = largest_noise_rate;
    sum += m(i, j);
  }
  for (std::size_t j = 0; j < m.cols(); ++j)
    m(i, j) = sum > 0 ? m(i, j) / sum : (i == j ? 1.0 : 0.0);
  return sum > 0;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_CONFIDENT_HPP
