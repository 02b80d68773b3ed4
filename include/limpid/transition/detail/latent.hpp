// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/latent.hpp
/// From joint counts of given and true classes to T, its posterior and the prior.
#ifndef LIMPID_TRANSITION_DETAIL_LATENT_HPP
#define LIMPID_TRANSITION_DETAIL_LATENT_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/confident.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace limpid::transition {

/// How the prior of the true classes is read from the joint counts.
enum class prior_rule {
  count,              ///< P(true k | given k) P(given k) / P(given k | true k)
  marginal,           ///< the counts' column sums
  marginal_of_given,  ///< sum over g of P(true k | given g) P(given g)
  equation            ///< the solution q of P(given) = q T; count where T is singular
};

namespace detail {

inline constexpr double least_prior = 1e-6;
inline constexpr double least_converged_prior = 1e-5;
inline constexpr double largest_noise_rate = 0.9999;
inline constexpr double largest_equation_condition = 1e12;  ///< of a T that is inverted

/// Off-diagonal entries of row i into [0, 0.9999], then the row divided by its sum. If it is empty:
/// false, and the identity's row, or zeros if `leave_empty`.
inline bool clip_row(matrix<double>& m, std::size_t i, bool leave_empty = false) {
  double sum = 0;
  for (std::size_t j = 0; j < m.cols(); ++j) {
    if (j != i) m(i, j) = (std::min)((std::max)(m(i, j), 0.0), largest_noise_rate);
    sum += m(i, j);
  }
  for (std::size_t j = 0; j < m.cols(); ++j)
    m(i, j) = sum > 0 ? m(i, j) / sum : (i == j && !leave_empty ? 1.0 : 0.0);
  return sum > 0;
}

/// Entries into [least, 1], then divided by their sum: they can end below `least`.
inline void clip_prior(vector<double>& v, double least) {
  double sum = 0;
  for (double& x : v) sum += x = (std::min)((std::max)(x, least), 1.0);
  for (double& x : v) x /= at_least_tiny(sum);
}

struct latent_estimates {
  matrix<double> joint;                        ///< K x K, given x true
  matrix<double> transition;                   ///< K x K, true x given
  matrix<double> true_given_label;             ///< K x K, given x true
  vector<double> prior;                        ///< K
  vector<std::uint8_t> true_seen, label_seen;  ///< K, 0: no count in the column, or row
  bool singular = false;  ///< the equation had no solution; the prior is that of `count`
  double condition = 0;   ///< of T, where it was inverted
};

inline vector<double> prior_by_count(matrix<double> const& T, matrix<double> const& posterior,
                                     vector<double> const& share) {
  vector<double> prior(share.size());
  for (std::size_t k = 0; k < share.size(); ++k)
    prior[k] = posterior(k, k) / at_least_tiny(T(k, k)) * share[k];
  return prior;
}

/// q with share = q T.
inline void prior_by_equation(std::string_view where, vector<double> const& share, bool may_throw,
                              latent_estimates& r) {
  std::size_t const classes = share.size();
  matrix<double> T = r.transition;
  for (std::size_t t = 0; t < classes; ++t)
    if (!r.true_seen[t] && !may_throw) T(t, t) = 1;
  auto const solved = ops::invert(T);
  r.condition = solved.condition;
  r.singular =
      solved.inverse.empty() || (solved.condition > largest_equation_condition && !may_throw);
  limpid::detail::require(!(r.singular && may_throw), where,
                          "T is singular, so that prior_rule::equation has no solution");
  if (r.singular) return;
  r.prior = vector<double>(classes);
  for (std::size_t g = 0; g < classes; ++g)
    for (std::size_t t = 0; t < classes; ++t) r.prior[t] += share[g] * solved.inverse(g, t);
}

/// Each of prior, T and posterior anew from the other two, 3 x 5 times.
inline void converge(vector<double> const& share, bool leave_empty, latent_estimates& r) {
  std::size_t const classes = share.size();
  for (int outer = 0; outer < 3; ++outer) {
    for (int inner = 0; inner < 5; ++inner) {
      for (std::size_t g = 0; g < classes; ++g) {
        for (std::size_t t = 0; t < classes; ++t)
          r.true_given_label(g, t) = r.transition(t, g) * r.prior[t] / at_least_tiny(share[g]);
        clip_row(r.true_given_label, g, leave_empty);
      }
      r.prior = prior_by_count(r.transition, r.true_given_label, share);
      clip_prior(r.prior, least_prior);
    }
    for (std::size_t t = 0; t < classes; ++t) {
      for (std::size_t g = 0; g < classes; ++g)
        r.transition(t, g) = r.true_given_label(g, t) * share[g] / at_least_tiny(r.prior[t]);
      clip_row(r.transition, t, leave_empty);
    }
  }
  clip_prior(r.prior, least_converged_prior);
  for (std::size_t k = 0; k < classes; ++k) {
    clip_row(r.transition, k, leave_empty);
    clip_row(r.true_given_label, k, leave_empty);
  }
}

/// counts: given x true; share: K, P(given k).
inline latent_estimates estimate_latent(std::string_view where, matrix<double> const& counts,
                                        vector<double> const& share, prior_rule rule,
                                        bool converged, bool leave_empty) {
  std::size_t const classes = share.size();
  latent_estimates r;
  double const total = at_least_tiny(sum_of(counts));
  vector<double> given_sum(classes), true_sum(classes);
  r.joint = r.transition = r.true_given_label = matrix<double>(classes, classes);
  r.true_seen = r.label_seen = vector<std::uint8_t>(classes);
  for (std::size_t g = 0; g < classes; ++g)
    for (std::size_t t = 0; t < classes; ++t) {
      r.joint(g, t) = counts(g, t) / total;
      given_sum[g] += counts(g, t);
      true_sum[t] += counts(g, t);
    }
  for (std::size_t g = 0; g < classes; ++g)
    for (std::size_t t = 0; t < classes; ++t) {
      r.transition(t, g) = counts(g, t) / at_least_tiny(true_sum[t]);
      r.true_given_label(g, t) = counts(g, t) / at_least_tiny(given_sum[g]);
    }
  for (std::size_t k = 0; k < classes; ++k) {
    r.true_seen[k] = true_sum[k] > 0;
    r.label_seen[k] = given_sum[k] > 0 && share[k] > 0;
  }

  if (rule == prior_rule::equation) prior_by_equation(where, share, leave_empty, r);
  if (rule == prior_rule::count || r.singular)
    r.prior = prior_by_count(r.transition, r.true_given_label, share);
  if (rule == prior_rule::marginal || rule == prior_rule::marginal_of_given) {
    r.prior = vector<double>(classes);
    for (std::size_t t = 0; t < classes; ++t)
      if (rule == prior_rule::marginal)
        r.prior[t] = true_sum[t] / total;
      else
        for (std::size_t g = 0; g < classes; ++g) r.prior[t] += r.true_given_label(g, t) * share[g];
  }
  clip_prior(r.prior, least_prior);
  for (std::size_t k = 0; k < classes; ++k) {
    clip_row(r.transition, k, leave_empty);
    clip_row(r.true_given_label, k, leave_empty);
  }
  if (converged) converge(share, leave_empty, r);
  return r;
}

}  // namespace detail
}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_DETAIL_LATENT_HPP
