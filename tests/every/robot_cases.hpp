// SPDX-License-Identifier: BSL-1.0
/// The two-level estimator, for the properties that hold for all functions.
#ifndef LIMPID_TESTS_EVERY_ROBOT_CASES_HPP
#define LIMPID_TESTS_EVERY_ROBOT_CASES_HPP

#include <limpid/transition/robot.hpp>

#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

struct robot_case {
  static constexpr char const* name = "transition::robot";
  using function = limpid::transition::robot_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::robot(exec, in.features, in.labels, in.classes,
                                             {.choice = limpid::transition::robot_choice::last,
                                              .max_iterations = 1,
                                              .inner_tolerance = 0.02,
                                              .solve_tolerance = 0.1,
                                              .holdout = 0.25});
    return flattened{} << r.transition << r.gradient << r.weights << r.bias << r.outer_loss
                       << r.forward_loss << r.class_estimated;
  }
};

using robot_cases = std::tuple<robot_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_ROBOT_CASES_HPP
