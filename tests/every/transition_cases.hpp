// SPDX-License-Identifier: BSL-1.0
/// The public functions of transition/, for the properties that hold for all functions.
#ifndef LIMPID_TESTS_EVERY_TRANSITION_CASES_HPP
#define LIMPID_TESTS_EVERY_TRANSITION_CASES_HPP

#include <limpid/transition.hpp>

#include <cstddef>
#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

struct confident_joint_case {
  static constexpr char const* name = "transition::confident_joint";
  using function = limpid::transition::confident_joint_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::confident_joint(exec, in.probabilities, in.labels,
                                                       {.keep_guess = true});
    return flattened{} << r.thresholds << r.counts << r.calibrated << r.joint << r.transition
                       << r.true_given_label << r.prior << r.class_estimated << r.label_seen
                       << r.off_diagonal << r.guess;
  }
};

struct anchor_points_case {
  static constexpr char const* name = "transition::anchor_points";
  using function = limpid::transition::anchor_points_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::anchor_points(exec, in.probabilities);
    return flattened{} << r.transition << r.anchor_row << r.confidence << r.fell_back
                       << r.shared_row << r.class_estimated;
  }
};

struct dual_t_case {
  static constexpr char const* name = "transition::dual_t";
  using function = limpid::transition::dual_t_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::dual_t(exec, in.probabilities, in.labels);
    return flattened{} << r.transition << r.club << r.spade << r.counts << r.never_predicted
                       << r.class_estimated;
  }
};

struct hoc_case {
  static constexpr char const* name = "transition::hoc";
  using function = limpid::transition::hoc_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::hoc(exec, in.features, in.labels, in.classes);
    auto const s = limpid::transition::hoc(
        exec, in.features, in.labels, in.classes,
        {.distance = limpid::metric::euclidean, .rounds = 2, .subset = 20, .seed = 3});
    return flattened{} << r.transition << r.prior << r.c1 << r.c2 << r.c3 << r.agreement
                       << r.log_likelihood << r.class_estimated << s.c3;
  }
};

/// Labels i, i + 1 and i + 2 as the three of row i.
struct three_views_case {
  static constexpr char const* name = "transition::three_views";
  using function = limpid::transition::three_views_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.labels);
    auto const y = limpid::view(held);
    limpid::matrix_view<std::int32_t const, Policy::space> const labels(y.data, y.size - 2, 3,
                                                                        y.stride, y.stride);
    auto const r = limpid::transition::three_views(exec, labels, in.classes);
    return flattened{} << r.transition << r.prior << r.c3 << r.log_likelihood << r.class_estimated;
  }
};

using transition_cases =
    std::tuple<confident_joint_case, anchor_points_case, dual_t_case, hoc_case, three_views_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_TRANSITION_CASES_HPP
