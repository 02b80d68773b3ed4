// SPDX-License-Identifier: BSL-1.0
#ifndef LIMPID_TESTS_EVERY_AUDIT_CASES_HPP
#define LIMPID_TESTS_EVERY_AUDIT_CASES_HPP

#include <limpid/audit.hpp>

#include <cstdint>
#include <tuple>
#include <vector>

namespace limpid_test {

inline std::vector<double> flat(limpid::audit::report const& r) {
  std::vector<double> out{r.noise_rate.estimate, r.noise_rate.low, r.noise_rate.high};
  out.insert(out.end(), r.transition.data(), r.transition.data() + r.classes * r.classes);
  out.insert(out.end(), r.prior.begin(), r.prior.end());
  out.insert(out.end(), r.p_right.begin(), r.p_right.end());
  for (auto label : r.suggested) out.push_back(label);
  return out;
}

struct examine_probabilities_case {
  static constexpr char const* name = "audit::examine_probabilities";
  using function = limpid::audit::examine_probabilities_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flat(limpid::audit::examine_probabilities(exec, in.probabilities, in.labels));
  }
};

struct examine_case {
  static constexpr char const* name = "audit::examine";
  using function = limpid::audit::examine_fn;
  static constexpr bool pairs = true;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flat(limpid::audit::examine(exec, in.features, in.labels, {.classes = in.classes}));
  }
};

struct train_case {
  static constexpr char const* name = "audit::train";
  using function = limpid::audit::train_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const report = limpid::audit::examine_probabilities(exec, in.probabilities, in.labels);
    auto const model = limpid::audit::train(exec, in.features, in.labels, report, {.l2 = 0.1});
    return {model.weights.data(),
            model.weights.data() + model.weights.rows() * model.weights.cols()};
  }
};

struct score_remedy_case {
  static constexpr char const* name = "audit::score_remedy";
  using function = limpid::audit::score_remedy_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const report = limpid::audit::examine_probabilities(exec, in.probabilities, in.labels);
    auto const s =
        limpid::audit::score_remedy(exec, in.features, in.labels, in.labels, report, {.folds = 2});
    return {s.given, s.repaired, s.clean_given, s.clean_repaired};
  }
};

using audit_cases =
    std::tuple<examine_probabilities_case, examine_case, train_case, score_remedy_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_AUDIT_CASES_HPP
