// SPDX-License-Identifier: BSL-1.0
#ifndef LIMPID_TESTS_EVERY_ESTIMATE_CASES_HPP
#define LIMPID_TESTS_EVERY_ESTIMATE_CASES_HPP

#include <limpid/transition/estimate.hpp>

#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

struct estimate_case {
  static constexpr char const* name = "transition::estimate";
  using function = limpid::transition::estimate_fn;
  static constexpr bool pairs = true;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::estimate(exec, in.probabilities, in.labels, in.features);
    auto const by_p = limpid::transition::estimate(exec, in.probabilities, in.labels);
    return flattened{} << r.transition << r.low << r.high << r.prior << r.joint
                       << r.noise_rate.estimate << static_cast<double>(r.rule) << r.confident_share
                       << r.p_right << r.lead << by_p.transition << by_p.passed_loss
                       << by_p.generous_share << static_cast<double>(by_p.order);
  }
};

using estimate_cases = std::tuple<estimate_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_ESTIMATE_CASES_HPP
