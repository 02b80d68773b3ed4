// SPDX-License-Identifier: BSL-1.0
/// The generative estimators of transition/, for the properties that hold for all functions.
#ifndef LIMPID_TESTS_EVERY_GENERATIVE_CASES_HPP
#define LIMPID_TESTS_EVERY_GENERATIVE_CASES_HPP

#include <limpid/transition/causal_em.hpp>
#include <limpid/transition/latent_shift.hpp>
#include <limpid/transition/trust_mixture.hpp>

#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

struct causal_em_case {
  static constexpr char const* name = "transition::causal_em";
  using function = limpid::transition::causal_em_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::causal_em(exec, in.features, in.labels, in.classes,
                                                 {.starts = 0, .max_iterations = 2});
    auto const s = limpid::transition::causal_em(
        exec, in.features, in.labels, in.classes,
        {.channel = limpid::transition::label_channel::instance_dependent,
         .diagonal = true,
         .starts = 0,
         .max_iterations = 1});
    return flattened{} << r.transition << r.prior << r.mean << r.covariance << r.posterior
                       << s.transition << s.coefficients;
  }
};

/// The probabilities as those of domains, the labels as domains.
struct latent_shift_case {
  static constexpr char const* name = "transition::latent_shift";
  using function = limpid::transition::latent_shift_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::latent_shift(
        exec, in.probabilities, in.labels, 2,
        {.cells = 4, .restarts = 1, .kmeans_iterations = 3, .refine_iterations = 3});
    return flattened{} << r.class_given_domain << r.cell_given_class << r.posterior << r.violations;
  }
};

struct trust_mixture_case {
  static constexpr char const* name = "transition::trust_mixture";
  using function = limpid::transition::trust_mixture_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::trust_mixture(exec, in.probabilities, in.labels, in.weights,
                                                     {.max_iterations = 10});
    return flattened{} << r.trust << r.source_trust << r.background << r.transition << r.posterior
                       << r.log_likelihood;
  }
};

using generative_cases = std::tuple<causal_em_case, latent_shift_case, trust_mixture_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_GENERATIVE_CASES_HPP
