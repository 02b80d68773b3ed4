// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/posterior_rows.hpp
/// The passes over rows that an estimate from probabilities is made of.
#ifndef LIMPID_TRANSITION_DETAIL_POSTERIOR_ROWS_HPP
#define LIMPID_TRANSITION_DETAIL_POSTERIOR_ROWS_HPP

#include <limpid/core/view.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid::transition::detail::evidence {

inline constexpr double least_probability = 1e-12;  ///< what a probability of 0 counts as in a log

LIMPID_HD inline double log_probability(double p) {
  return std::log(p > least_probability ? p : least_probability);
}

/// Adds -log of the label's share of P^power, normalised, over every `step`-th row; and the rows
/// counted.
template <class T, memory_space S>
struct tempered_loss {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  double power;
  std::size_t step;
  LIMPID_HD void operator()(std::size_t s, double* sums) const {
    std::size_t const i = s * step;
    double top = -1e300, total = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      double const l = power * log_probability(static_cast<double>(p(i, k)));
      if (l > top) top = l;
    }
    for (std::size_t k = 0; k < p.cols; ++k)
      total += std::exp(power * log_probability(static_cast<double>(p(i, k))) - top);
    sums[0] += top + std::log(total) -
               power * log_probability(static_cast<double>(p(i, static_cast<std::size_t>(y[i]))));
    sums[1] += 1;
  }
};

/// Adds -log of the label's share of P^power T, P^power normalised, over every `step`-th row; and
/// the rows counted.
template <class T, memory_space S>
struct passed_loss {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> transition;  ///< K x K
  double power;
  std::size_t step;
  LIMPID_HD void operator()(std::size_t s, double* sums) const {
    std::size_t const i = s * step;
    auto const given = static_cast<std::size_t>(y[i]);
    double top = -1e300, total = 0, passed = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      double const l = power * log_probability(static_cast<double>(p(i, k)));
      if (l > top) top = l;
    }
    for (std::size_t k = 0; k < p.cols; ++k) {
      double const share = std::exp(power * log_probability(static_cast<double>(p(i, k))) - top);
      total += share;
      passed += share * transition(k, given);
    }
    sums[0] -= std::log(passed / total);
    sums[1] += 1;
  }
};

/// out = P(label).
template <class T, memory_space S>
struct own_probability {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    out[i] = static_cast<double>(p(i, static_cast<std::size_t>(y[i])));
  }
};

/// Writes q_k = P(true class k | x, given label), proportional to P_k^power T(k, label), to a row
/// of q. T may hold no zero.
template <class T, memory_space S>
struct posterior_rows {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> log_transition;  ///< K x K
  double power;
  matrix_view<double, S> q;
  std::size_t first;  ///< row of p that row 0 of q stands for
  LIMPID_HD void operator()(std::size_t r) const {
    std::size_t const i = first + r;
    auto const given = static_cast<std::size_t>(y[i]);
    double top = -1e300, total = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      double const l =
          power * log_probability(static_cast<double>(p(i, k))) + log_transition(k, given);
      q(r, k) = l;
      if (l > top) top = l;
    }
    for (std::size_t k = 0; k < p.cols; ++k) total += q(r, k) = std::exp(q(r, k) - top);
    for (std::size_t k = 0; k < p.cols; ++k) q(r, k) /= total;
  }
};

/// out = P^power, rows normalised.
template <class T, memory_space S>
struct power_rows {
  matrix_view<T const, S> p;
  double power;
  matrix_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double top = -1e300, total = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      out(i, k) = power * log_probability(static_cast<double>(p(i, k)));
      if (out(i, k) > top) top = out(i, k);
    }
    for (std::size_t k = 0; k < p.cols; ++k) total += out(i, k) = std::exp(out(i, k) - top);
    for (std::size_t k = 0; k < p.cols; ++k) out(i, k) /= total;
  }
};

/// -log P(label).
template <class T, memory_space S>
struct label_loss {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    out[i] = -log_probability(static_cast<double>(p(i, static_cast<std::size_t>(y[i]))));
  }
};

/// Adds each row's distribution to the column of its label: sums(k, label) += q_k.
template <memory_space S>
struct expected_counts {
  matrix_view<double const, S> q;
  vector_view<std::int32_t const, S> y;
  std::size_t first;
  LIMPID_HD void operator()(std::size_t r, double* sums) const {
    std::size_t const classes = q.cols;
    auto const given = static_cast<std::size_t>(y[first + r]);
    for (std::size_t k = 0; k < classes; ++k) sums[k * classes + given] += q(r, k);
  }
};

/// From a row's distribution over true classes: P(label is right), the best class, how far it
/// leads, and the log-odds of the label, which still tell rows apart where P has rounded to 0 or 1,
/// plus `vouched` times log P(label): a row that P puts in no class is doubtful too.
template <class T, memory_space S>
struct row_verdict {
  matrix_view<double const, S> q;
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  std::size_t first;
  double vouched;
  vector_view<double, S> p_right, lead, odds;
  vector_view<std::int32_t, S> suggested;
  LIMPID_HD void operator()(std::size_t r) const {
    std::size_t const i = first + r;
    auto const given = static_cast<std::size_t>(y[i]);
    std::size_t best = 0;
    double second = 0, rest = 0;
    for (std::size_t k = 1; k < q.cols; ++k)
      if (q(r, k) > q(r, best)) best = k;
    for (std::size_t k = 0; k < q.cols; ++k) {
      if (k != best && q(r, k) > second) second = q(r, k);
      if (k != given) rest += q(r, k);
    }
    p_right[i] = q(r, given);
    lead[i] = q(r, best) - second;
    odds[i] = std::log(q(r, given) > 1e-300 ? q(r, given) : 1e-300) -
              std::log(rest > 1e-300 ? rest : 1e-300);
    if (vouched > 0) odds[i] += vouched * log_probability(static_cast<double>(p(i, given)));
    suggested[i] = static_cast<std::int32_t>(best);
  }
};

}  // namespace limpid::transition::detail::evidence

#endif  // LIMPID_TRANSITION_DETAIL_POSTERIOR_ROWS_HPP
