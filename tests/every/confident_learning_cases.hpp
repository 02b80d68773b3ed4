// SPDX-License-Identifier: BSL-1.0
/// Confident learning beyond the joint, for the properties that hold for all functions.
#ifndef LIMPID_TESTS_EVERY_CONFIDENT_LEARNING_CASES_HPP
#define LIMPID_TESTS_EVERY_CONFIDENT_LEARNING_CASES_HPP

#include <limpid/transition/find_label_issues.hpp>
#include <limpid/transition/label_quality.hpp>
#include <limpid/transition/noise_matrices.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

struct find_label_issues_case {
  static constexpr char const* name = "transition::find_label_issues";
  using function = limpid::transition::find_label_issues_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::transition::issue_filter;
    flattened out;
    for (auto rule : {issue_filter::prune_by_noise_rate, issue_filter::both,
                      issue_filter::low_normalized_margin}) {
      limpid::transition::find_label_issues_options o;
      o.filter_by = rule;
      if (rule == issue_filter::both)
        o.rank_by = limpid::transition::quality_score::confidence_weighted_entropy;
      auto const r = limpid::transition::find_label_issues(exec, in.probabilities, in.labels, o);
      out << r.flagged << r.issues << r.score << r.thresholds << r.issue_count << r.too_few
          << r.joint.start << r.joint.true_class << r.joint.count
          << static_cast<double>(r.off_diagonal) << static_cast<double>(r.off_diagonal_calibrated);
    }
    return out;
  }
};

/// Row i has its label's class, and no other.
struct find_multilabel_issues_case {
  static constexpr char const* name = "transition::find_multilabel_issues";
  using function = limpid::transition::find_multilabel_issues_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.labels);
    auto const y = limpid::view(held);
    limpid::vector<std::int32_t> const label = limpid::ops::download(exec, y);
    limpid::matrix<std::int32_t> has(label.size(), in.classes);
    for (std::size_t i = 0; i < label.size(); ++i) has(i, static_cast<std::size_t>(label[i])) = 1;
    auto const there = limpid::ops::upload(exec, has.view());
    auto const r = limpid::transition::find_multilabel_issues(exec, in.probabilities,
                                                              there.view(has.rows(), has.cols()));
    return flattened{} << r.flagged << r.class_flagged << r.issues << r.score << r.joint
                       << r.thresholds;
  }
};

struct label_quality_case {
  static constexpr char const* name = "transition::label_quality";
  using function = limpid::transition::label_quality_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::transition::quality_score;
    auto const r =
        limpid::transition::label_quality(exec, in.probabilities, in.labels, {.adjust = true});
    auto const s = limpid::transition::label_quality(exec, in.probabilities, in.labels,
                                                     {.score = quality_score::normalized_margin});
    auto const t = limpid::transition::label_quality(
        exec, in.probabilities, in.labels, {.score = quality_score::confidence_weighted_entropy});
    return flattened{} << r.score << r.thresholds << s.score << t.score;
  }
};

struct label_quality_ensemble_case {
  static constexpr char const* name = "transition::label_quality_ensemble";
  using function = limpid::transition::label_quality_ensemble_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::transition::ensemble_weighting;
    auto&& held = limpid::detail::materialise(in.probabilities);
    using value = limpid::value_t<std::remove_cvref_t<decltype(held)>>;
    limpid::matrix_view<value const, Policy::space> const p = limpid::view(held);
    std::vector const members{p, p};
    auto const r = limpid::transition::label_quality_ensemble(
        exec, members, in.labels, {.weighting = ensemble_weighting::log_loss});
    auto const s = limpid::transition::label_quality_ensemble(exec, members, in.labels);
    return flattened{} << r.score << r.weight << r.log_loss << s.score << s.accuracy;
  }
};

struct noise_matrices_case {
  static constexpr char const* name = "transition::noise_matrices";
  using function = limpid::transition::noise_matrices_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::transition::noise_matrices(exec, in.probabilities, in.labels, in.weights);
    auto const s = limpid::transition::noise_matrices(
        exec, in.probabilities, in.labels, {.prior = limpid::transition::prior_rule::equation});
    return flattened{} << r.transition << r.true_given_label << r.prior << r.given << r.counts
                       << s.transition << s.prior << s.class_estimated << s.label_seen;
  }
};

struct rescaled_posterior_case {
  static constexpr char const* name = "transition::rescaled_posterior";
  using function = limpid::transition::rescaled_posterior_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const m = limpid::transition::noise_matrices(
        limpid::matrix<double>{{50, 3, 2, 1}, {4, 60, 0, 6}, {1, 1, 40, 8}, {0, 7, 2, 30}});
    auto const r = limpid::transition::rescaled_posterior(exec, in.probabilities, m);
    return flattened{} << r.posterior << r.unchanged;
  }
};

using confident_learning_cases =
    std::tuple<find_label_issues_case, find_multilabel_issues_case, label_quality_case,
               label_quality_ensemble_case, noise_matrices_case, rescaled_posterior_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_CONFIDENT_LEARNING_CASES_HPP
