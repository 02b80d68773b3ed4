// SPDX-License-Identifier: BSL-1.0
/// The uses of T, each called once; probabilities stand for logits.
#ifndef LIMPID_TESTS_EVERY_CORRECTIONS_CASES_HPP
#define LIMPID_TESTS_EVERY_CORRECTIONS_CASES_HPP

#include <limpid/transition/backward_loss.hpp>
#include <limpid/transition/clean_posterior.hpp>
#include <limpid/transition/forward_loss.hpp>
#include <limpid/transition/instance_loss.hpp>
#include <limpid/transition/invert.hpp>
#include <limpid/transition/unbiased_weights.hpp>

#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

struct forward_loss_case {
  static constexpr char const* name = "transition::forward_loss";
  using function = limpid::transition::forward_loss_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::transition::forward_loss(exec, in.probabilities, in.labels, in.transition,
                                         in.weights, {.transition_gradient = true});
    return flattened{} << r.loss << r.gradient << r.transition_gradient << r.mean_loss;
  }
};

struct backward_loss_case {
  static constexpr char const* name = "transition::backward_loss";
  using function = limpid::transition::backward_loss_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::transition::backward_loss(exec, in.probabilities, in.labels, in.transition,
                                          in.weights, {.transition_gradient = true});
    return flattened{} << r.loss << r.gradient << r.transition_gradient << r.mean_loss
                       << r.class_risk << r.condition << r.amplification;
  }
};

/// One matrix of logits for all rows: T's own entries.
struct instance_loss_case {
  static constexpr char const* name = "transition::instance_loss";
  using function = limpid::transition::instance_loss_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::transition::instance_loss(exec, in.probabilities, in.labels, in.transition);
    return flattened{} << r.loss << r.gradient << r.transition_gradient << r.mean_loss;
  }
};

struct invert_case {
  static constexpr char const* name = "transition::invert";
  using function = limpid::transition::invert_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::invert(exec, in.transition);
    return flattened{} << r.inverse << r.condition << r.smallest_singular_value << r.amplification;
  }
};

struct unbiased_weights_case {
  static constexpr char const* name = "transition::unbiased_weights";
  using function = limpid::transition::unbiased_weights_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::unbiased_weights(exec, in.labels, in.transition);
    return flattened{} << r.weights << r.by_label << r.has_negative;
  }
};

struct clean_posterior_case {
  static constexpr char const* name = "transition::clean_posterior";
  using function = limpid::transition::clean_posterior_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::transition::clean_posterior(exec, in.probabilities, in.labels, in.transition);
    return flattened{} << r.posterior << r.misfit << r.mean_misfit;
  }
};

using corrections_cases = std::tuple<forward_loss_case, backward_loss_case, instance_loss_case,
                                     invert_case, unbiased_weights_case, clean_posterior_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_CORRECTIONS_CASES_HPP
