// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/joint_table.hpp
/// Arithmetic on small tables of true and given labels.
#ifndef LIMPID_TRANSITION_DETAIL_JOINT_TABLE_HPP
#define LIMPID_TRANSITION_DETAIL_JOINT_TABLE_HPP

#include <limpid/core/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace limpid::transition::detail::evidence {

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
    for (std::size_t j = 0; j < m.cols(); ++j)
      m(i, j) = sum[i] > 0 ? m(i, j) / sum[i] : i == j ? 1.0 : 0.0;
  return m;
}

/// (1 - share) T + share / K: no entry is 0.
inline matrix<double> smoothed(matrix<double> t, double share) {
  double const part = share / static_cast<double>(t.rows());
  for (std::size_t e = 0; e < t.rows() * t.cols(); ++e)
    t.data()[e] = (1 - share) * t.data()[e] + part;
  return t;
}

inline matrix<double> logs(matrix<double> t) {
  for (std::size_t e = 0; e < t.rows() * t.cols(); ++e) t.data()[e] = std::log(t.data()[e]);
  return t;
}

inline matrix<double> transposed(matrix<double> const& m) {
  matrix<double> out(m.cols(), m.rows());
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) out(j, i) = m(i, j);
  return out;
}

/// Row i times scale[i].
inline matrix<double> rows_times(matrix<double> m, vector<double> const& scale) {
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) m(i, j) *= scale[i];
  return m;
}

/// The share of a joint's mass off its diagonal.
inline double off_diagonal_share(matrix<double> const& joint) {
  double total = 0, off = 0;
  for (std::size_t i = 0; i < joint.rows(); ++i)
    for (std::size_t j = 0; j < joint.cols(); ++j) {
      total += joint(i, j);
      if (i != j) off += joint(i, j);
    }
  return total > 0 ? off / total : 0;
}

inline double mean_gap(matrix<double> const& a, matrix<double> const& b) {
  double sum = 0;
  std::size_t const cells = a.rows() * a.cols();
  for (std::size_t e = 0; e < cells; ++e) sum += std::abs(a.data()[e] - b.data()[e]);
  return cells ? sum / static_cast<double>(cells) : 0;
}

/// Entry by entry the median of three matrices of transition, rows rescaled.
inline matrix<double> median_transition(matrix<double> const& a, matrix<double> const& b,
                                        matrix<double> const& c) {
  matrix<double> out = a;
  for (std::size_t e = 0; e < out.rows() * out.cols(); ++e)
    out.data()[e] = middle(a.data()[e], b.data()[e], c.data()[e]);
  return row_stochastic(std::move(out));
}

/// t for which Student's t of `freedom` >= 1 degrees lies in [-t, t] with probability `level`: by
/// bisection on the angle of the finite series for whole degrees.
inline double students_t_half_width(std::size_t freedom, double level) {
  auto const inside = [&](double angle) {
    double const c = std::cos(angle), s = std::sin(angle);
    bool const odd = freedom % 2 == 1;
    double term = odd ? c : 1, sum = freedom == 1 ? 0 : term;
    for (std::size_t k = odd ? 3 : 2; k + 1 < freedom; k += 2) {
      auto const d = static_cast<double>(k);
      term *= c * c * (d - 1) / d;
      sum += term;
    }
    return odd ? 0.6366197723675814 * (angle + s * sum) : s * sum;
  };
  double low = 0, high = 1.5707963267948966;
  for (int step = 0; step < 60; ++step) {
    double const middle_angle = (low + high) / 2;
    (inside(middle_angle) < level ? low : high) = middle_angle;
  }
  return std::sqrt(static_cast<double>(freedom)) * std::tan(low);
}

/// Row k of T after `seen(k, .)` trusted rows: (seen + m T) / (their number + m), T's own weight m
/// being the number of rows that makes what was seen most likely (Dirichlet-multinomial).
inline double trusted_weight(matrix<double> const& t, matrix<double> const& seen) {
  auto const log_likelihood = [&](double m) {
    double sum = 0;
    for (std::size_t k = 0; k < t.rows(); ++k) {
      double rows = 0;
      for (std::size_t j = 0; j < t.cols(); ++j) {
        double const prior = m * t(k, j), count = seen(k, j);
        if (count > 0) sum += std::lgamma(prior + count) - std::lgamma(prior);
        rows += count;
      }
      if (rows > 0) sum += std::lgamma(m) - std::lgamma(m + rows);
    }
    return sum;
  };
  double best = 1, most = log_likelihood(1);
  for (int step = 1; step <= 46; ++step) {  // 1 to about 1e7 by factors of sqrt(2)
    double const m = std::pow(2.0, step / 2.0), at = log_likelihood(m);
    if (at > most) most = at, best = m;
  }
  return best;
}

}  // namespace limpid::transition::detail::evidence

#endif  // LIMPID_TRANSITION_DETAIL_JOINT_TABLE_HPP
