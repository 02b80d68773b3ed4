// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/detail/three_counts.hpp
/// One joint count of true and given labels from three readings that err in different ways, and intervals that
/// own up to how far readings disagree.
#ifndef LIMPID_AUDIT_DETAIL_THREE_COUNTS_HPP
#define LIMPID_AUDIT_DETAIL_THREE_COUNTS_HPP

#include <limpid/audit/options.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/core/random.hpp>

#include <boost/math/distributions/students_t.hpp>
#include <boost/random/poisson_distribution.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::audit::detail {

/// Joint counts, true x given, whose median is the estimate.
using joint_counts = std::array<matrix<double>, 3>;

inline double middle(double a, double b, double c) {
  return (std::max)((std::min)(a, b), (std::min)((std::max)(a, b), c));
}

inline std::vector<double> row_sums(matrix<double> const& m) {
  std::vector<double> sum(m.rows());
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) sum[i] += m(i, j);
  return sum;
}

/// Rows divided by their sums; a row without mass becomes the identity's.
inline matrix<double> row_stochastic(matrix<double> m) {
  auto const sum = row_sums(m);
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) m(i, j) = sum[i] > 0 ? m(i, j) / sum[i] : i == j ? 1.0 : 0.0;
  return m;
}

/// (1 - share) T + share / K: no entry is 0.
inline matrix<double> smoothed(matrix<double> t, double share) {
  double const part = share / static_cast<double>(t.rows());
  for (std::size_t e = 0; e < t.rows() * t.cols(); ++e) t.data()[e] = (1 - share) * t.data()[e] + part;
  return t;
}

inline double off_diagonal_share(matrix<double> const& counts) {
  double total = 0, right = 0;
  for (std::size_t i = 0; i < counts.rows(); ++i) {
    right += counts(i, i);
    for (std::size_t j = 0; j < counts.cols(); ++j) total += counts(i, j);
  }
  return total > 0 ? 1 - right / total : 0;
}

/// Entry by entry the median of the three matrices of transition, rows rescaled.
inline matrix<double> median_transition(std::array<matrix<double>, 3> const& t) {
  matrix<double> out = t[0];
  for (std::size_t e = 0; e < out.rows() * out.cols(); ++e)
    out.data()[e] = middle(t[0].data()[e], t[1].data()[e], t[2].data()[e]);
  return row_stochastic(std::move(out));
}

/// Standard errors of T's entries and of the noise rate by the bootstrap of rows, given each row's readings: a
/// resample of n rows gives a Poisson number to each cell (to order 1/n).
struct sampling_error {
  matrix<double> transition;
  double noise_rate = 0;
};
inline sampling_error bootstrap(joint_counts const& counts, std::size_t draws, std::uint64_t seed) {
  std::size_t const cells = counts[0].rows() * counts[0].cols();
  matrix<double> sum(counts[0].rows(), counts[0].cols()), squares = sum;
  double rate_sum = 0, rate_squares = 0;
  for (std::size_t b = 0; b < draws; ++b) {
    joint_counts drawn = counts;
    for (std::size_t m = 0; m < 3; ++m)
      for (std::size_t c = 0; c < cells; ++c) {
        double const mean = counts[m].data()[c];
        if (mean <= 0) continue;
        random_stream draw(seed, static_cast<std::uint32_t>(b), c);  // the three readings share their luck
        drawn[m].data()[c] = static_cast<double>(boost::random::poisson_distribution<std::int64_t, double>(mean)(draw));
      }
    double const rate = middle(off_diagonal_share(drawn[0]), off_diagonal_share(drawn[1]), off_diagonal_share(drawn[2]));
    rate_sum += rate;
    rate_squares += rate * rate;
    for (auto& m : drawn) m = row_stochastic(std::move(m));
    auto const t = median_transition(drawn);
    for (std::size_t c = 0; c < cells; ++c) {
      sum.data()[c] += t.data()[c];
      squares.data()[c] += t.data()[c] * t.data()[c];
    }
  }
  auto const deviation = [&](double s, double s2) {
    auto const n = static_cast<double>(draws);
    return std::sqrt((std::max)(0.0, (s2 - s * s / n) / (n - 1)));
  };
  for (std::size_t c = 0; c < cells; ++c) sum.data()[c] = deviation(sum.data()[c], squares.data()[c]);
  return {std::move(sum), deviation(rate_sum, rate_squares)};
}

/// The interval of a quantity that several estimators read: Student's t on their mean, the sampling error added to
/// their spread. Clipped to [0, 1], and widened to hold the estimate.
inline interval spread_interval(std::vector<double> const& read, double estimate, double error, double t_quantile) {
  auto const count = static_cast<double>(read.size());
  double mean = 0, variance = 0;
  for (double r : read) mean += r / count;
  for (double r : read) variance += (r - mean) * (r - mean) / (count - 1);
  double const half = t_quantile * std::sqrt((variance + error * error) / count);
  return {estimate, (std::max)(0.0, (std::min)(estimate, mean - half)), (std::min)(1.0, (std::max)(estimate, mean + half))};
}

/// Fills noise_rate, prior, transition with its intervals and class_noise: the estimates by the median of `counts`, the
/// intervals by the spread of `readings`, two or more.
inline void summarise(joint_counts const& counts, std::vector<matrix<double>> const& readings, options const& o, report& r) {
  std::size_t const classes = r.classes;
  double const t_quantile = boost::math::quantile(
      boost::math::students_t_distribution<double>(static_cast<double>(readings.size() - 1)), 0.5 + r.level / 2);
  joint_counts three = counts;
  for (auto& m : three) m = row_stochastic(std::move(m));
  r.transition = median_transition(three);
  auto const error = bootstrap(counts, o.draws, o.seed);
  std::vector<matrix<double>> t = readings;
  for (auto& m : t) m = row_stochastic(std::move(m));
  std::vector<double> read(readings.size());

  r.transition_low = r.transition_high = matrix<double>(classes, classes);
  r.class_noise.assign(classes, {});
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j) {
      for (std::size_t m = 0; m < t.size(); ++m) read[m] = t[m](i, j);
      auto const range = spread_interval(read, r.transition(i, j), error.transition(i, j), t_quantile);
      r.transition_low(i, j) = range.low;
      r.transition_high(i, j) = range.high;
      if (i == j) r.class_noise[i] = {1 - range.estimate, 1 - range.high, 1 - range.low};
    }

  for (std::size_t m = 0; m < t.size(); ++m) read[m] = off_diagonal_share(readings[m]);
  r.noise_rate = spread_interval(
      read, middle(off_diagonal_share(counts[0]), off_diagonal_share(counts[1]), off_diagonal_share(counts[2])),
      error.noise_rate, t_quantile);

  r.prior = vector<double>(classes);
  std::vector<double> const a = row_sums(counts[0]), b = row_sums(counts[1]), c = row_sums(counts[2]);
  double total = 0;
  for (std::size_t k = 0; k < classes; ++k) total += r.prior[k] = middle(a[k], b[k], c[k]);
  for (double& share : r.prior) share /= total > 0 ? total : 1;
}

}  // namespace limpid::audit::detail

#endif  // LIMPID_AUDIT_DETAIL_THREE_COUNTS_HPP
