// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/truth.hpp
/// How an audit compares with the true labels, where somebody has them.
#ifndef LIMPID_EXAMPLES_AUDIT_TRUTH_HPP
#define LIMPID_EXAMPLES_AUDIT_TRUTH_HPP

#include <limpid/audit/report.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace limpid_audit {

/// Ranking of what is sought by score, the largest first. Rows of one score are one step: no order
/// among them is better than another. NaN where nothing, or (AUROC) everything, is sought.
struct ranking_quality {
  double average_precision, auroc;
};

inline ranking_quality rank_quality(std::vector<double> const& score,
                                    std::vector<char> const& sought) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return score[a] > score[b]; });
  double const n = static_cast<double>(score.size());
  double const positive = static_cast<double>(std::count(sought.begin(), sought.end(), char{1}));
  double found = 0, passed = 0, precision = 0, pairs = 0;
  for (std::size_t i = 0; i < order.size();) {
    double here = 0, all = 0;
    double const value = score[order[i]];
    for (; i < order.size() && score[order[i]] == value; ++i, ++all) here += sought[order[i]];
    // A wanted row beats each unwanted one below it, and half of those beside it.
    pairs += here * (n - positive - (passed - found) - (all - here) / 2);
    found += here;
    passed += all;
    precision += here * found / passed;
  }
  double const none = std::numeric_limits<double>::quiet_NaN();
  return {positive > 0 ? precision / positive : none,
          positive > 0 && positive < n ? pairs / (positive * (n - positive)) : none};
}

struct truth_comparison {
  double noise_rate;  ///< share of labels that differ from the truth
  double
      transition_mean_abs_error;  ///< against the realised T, over classes that occur in the truth
  double average_precision, auroc;  ///< of 1 - p_right, for wrong labels
  double precision, recall;         ///< of is_issue; NaN where nothing is flagged, or nothing wrong
  limpid::matrix<double> transition;  ///< realised; row of an absent class = identity
};

inline truth_comparison compare(limpid::audit::report const& r,
                                std::vector<std::int32_t> const& given,
                                std::vector<std::int32_t> const& truth) {
  std::size_t const n = given.size(), k = r.classes;
  std::vector<char> wrong(n);
  std::vector<double> doubt(n), members(k);
  limpid::matrix<double> joint(k, k);
  double errors = 0, flagged = 0, hits = 0;
  for (std::size_t i = 0; i < n; ++i) {
    auto const t = static_cast<std::size_t>(truth[i]), g = static_cast<std::size_t>(given[i]);
    wrong[i] = t != g;
    // NaN has no place in an order: a row without an estimate is one of no doubt.
    doubt[i] = std::isnan(r.p_right[i]) ? 0 : 1 - r.p_right[i];
    joint(t, g) += 1;
    members[t] += 1;
    errors += wrong[i];
    flagged += r.is_issue[i];
    hits += r.is_issue[i] && wrong[i];
  }
  double error = 0, cells = 0;
  for (std::size_t t = 0; t < k; ++t) {
    for (std::size_t g = 0; g < k; ++g) {
      joint(t, g) = members[t] > 0 ? joint(t, g) / members[t] : t == g;
      if (members[t] > 0) error += std::abs(joint(t, g) - r.transition(t, g));
    }
    cells += members[t] > 0 ? static_cast<double>(k) : 0;
  }
  auto const [average_precision, auroc] = rank_quality(doubt, wrong);
  double const none = std::numeric_limits<double>::quiet_NaN();
  return {errors / static_cast<double>(n),
          error / cells,
          average_precision,
          auroc,
          flagged > 0 ? hits / flagged : none,
          errors > 0 ? hits / errors : none,
          std::move(joint)};
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_TRUTH_HPP
