// SPDX-License-Identifier: BSL-1.0
/// T from posteriors, trusted rows, counts and hierarchies, and its intervals, each called once.
#ifndef LIMPID_TESTS_EVERY_POSTERIOR_ESTIMATORS_CASES_HPP
#define LIMPID_TESTS_EVERY_POSTERIOR_ESTIMATORS_CASES_HPP

#include <limpid/transition/gold.hpp>
#include <limpid/transition/interval.hpp>
#include <limpid/transition/minimum_volume.hpp>
#include <limpid/transition/noise_layer.hpp>
#include <limpid/transition/revise.hpp>
#include <limpid/transition/sibling.hpp>
#include <limpid/transition/total_variation.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

struct mean_posterior {
  template <class Exec, class P, class L>
  limpid::matrix<double> operator()(Exec const& exec, P const& p, L const& y) const {
    return limpid::transition::gold(exec, p, y).transition;
  }
};

/// The transition matrix as a table of counts, and the posteriors' means on redrawn rows.
struct interval_case {
  static constexpr char const* name = "transition::interval";
  using function = limpid::transition::interval_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    namespace tr = limpid::transition;
    auto const r = tr::interval(exec, in.transition);
    auto const s =
        tr::interval(exec, in.transition, {.rule = tr::interval_rule::bootstrap, .draws = 20});
    auto const t = tr::interval(exec, in.probabilities, in.labels, mean_posterior{},
                                {.rule = tr::bootstrap_rule::bca, .draws = 5, .parts = 3});
    return flattened{} << r.estimate << r.low << r.high << r.deviation << r.class_estimated
                       << s.estimate << s.low << s.high << t.estimate << t.low << t.high << t.bias;
  }
};

struct prior_interval_case {
  static constexpr char const* name = "transition::prior_interval";
  using function = limpid::transition::prior_interval_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.weights);
    auto const w = limpid::view(held);
    limpid::vector_view<value_of<decltype(w)> const, Policy::space> const some(w.data, in.classes,
                                                                               w.stride);
    auto const r = limpid::transition::prior_interval(exec, in.transition, some, {.draws = 10});
    return flattened{} << r.estimate << r.low << r.high << r.deviation << r.condition;
  }

 private:
  template <class View>
  using value_of = std::remove_const_t<typename View::value_type>;
};

struct noise_layer_case {
  static constexpr char const* name = "transition::noise_layer";
  using function = limpid::transition::noise_layer_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::noise_layer(exec, in.probabilities, in.labels, in.weights,
                                                   {.intervals = true, .keep_posterior = true});
    return flattened{} << r.transition << r.prior << r.counts << r.log_likelihood << r.deviation
                       << r.low << r.high << r.posterior << r.class_estimated;
  }
};

struct gold_case {
  static constexpr char const* name = "transition::gold";
  using function = limpid::transition::gold_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::gold(exec, in.probabilities, in.labels, in.labels,
                                            {.calibrate = true, .adjust = true});
    return flattened{} << r.transition << r.deviation << r.rows << r.power << r.share_error
                       << r.class_estimated;
  }
};

struct minimum_volume_case {
  static constexpr char const* name = "transition::minimum_volume";
  using function = limpid::transition::minimum_volume_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::minimum_volume(
        exec, in.probabilities, in.labels, {.penalty = std::numeric_limits<double>::infinity()});
    return flattened{} << r.transition << r.log_volume << r.outside_share << r.class_estimated;
  }
};

struct total_variation_case {
  static constexpr char const* name = "transition::total_variation";
  using function = limpid::transition::total_variation_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::total_variation(
        exec, in.probabilities, in.labels,
        {.penalty = std::numeric_limits<double>::infinity(), .pairs = 500});
    return flattened{} << r.transition << r.objective << r.outside_share << r.class_estimated;
  }
};

struct sibling_case {
  static constexpr char const* name = "transition::sibling";
  using function = limpid::transition::sibling_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    std::vector<std::size_t> const star(in.classes + 1, in.classes);
    auto const r = limpid::transition::sibling(exec, in.transition, star);
    return flattened{} << r.transition << r.rates << r.statistic << r.p_value << r.class_estimated;
  }
};

struct revise_case {
  static constexpr char const* name = "transition::revise";
  using function = limpid::transition::revise_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::revise(exec, in.probabilities, in.labels, in.transition,
                                              {.penalty = 5, .max_iterations = 8});
    return flattened{} << r.transition << r.slack << r.objective << r.condition;
  }
};

using posterior_estimators_cases =
    std::tuple<interval_case, prior_interval_case, noise_layer_case, gold_case, minimum_volume_case,
               total_variation_case, sibling_case, revise_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_POSTERIOR_ESTIMATORS_CASES_HPP
