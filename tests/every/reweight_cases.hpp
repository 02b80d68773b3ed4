// SPDX-License-Identifier: BSL-1.0
/// The public functions of reweight/, for the properties that hold for all functions.
#ifndef LIMPID_TESTS_EVERY_REWEIGHT_CASES_HPP
#define LIMPID_TESTS_EVERY_REWEIGHT_CASES_HPP

#include <limpid/reweight.hpp>

#include <tuple>
#include <vector>

namespace limpid_test {

struct liu_tao_case {
  static constexpr char const* name = "reweight::liu_tao";
  using function = limpid::reweight::liu_tao_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    std::vector<double> out;
    for (auto kind : {limpid::posterior_of::given, limpid::posterior_of::truth}) {
      auto const r = limpid::reweight::liu_tao(exec, in.probabilities, in.labels, in.transition,
                                               {.posteriors = kind, .normalise = true});
      out.insert(out.end(), r.weights.begin(), r.weights.end());
      out.insert(out.end(),
                 {r.negative_share, r.mean_weight, r.effective_sample_size, r.condition});
    }
    return out;
  }
};

using reweight_cases = std::tuple<liu_tao_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_REWEIGHT_CASES_HPP
