// SPDX-License-Identifier: BSL-1.0
/// T from neighbours' labels and T that varies with the row, for the properties that hold for all
/// functions.
#ifndef LIMPID_TESTS_EVERY_HOC_CASES_HPP
#define LIMPID_TESTS_EVERY_HOC_CASES_HPP

#include <limpid/transition/bayes_label.hpp>
#include <limpid/transition/hoc.hpp>
#include <limpid/transition/hoc_local.hpp>
#include <limpid/transition/identifiability.hpp>
#include <limpid/transition/part_dependent.hpp>
#include <limpid/transition/per_cluster.hpp>
#include <limpid/transition/per_neighbourhood.hpp>
#include <limpid/transition/test_class_dependence.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

/// Many subsets, served by one search; moments.
struct hoc_rounds_case {
  static constexpr char const* name = "transition::hoc, rounds";
  static constexpr bool pairs = true;
  using function = limpid::transition::hoc_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::hoc(
        exec, in.features, in.labels, in.classes,
        {.rounds = 9,
         .subset = 20,
         .solver = {.method = limpid::transition::consensus_method::spectral}});
    return flattened{} << r.c3 << r.agreement << r.others_agree << r.asymmetry;
  }
};

struct hoc_local_case {
  static constexpr char const* name = "transition::hoc_local";
  static constexpr bool pairs = true;
  using function = limpid::transition::hoc_local_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::hoc_local(exec, in.features, in.labels, in.classes,
                                                 {.region = 12,
                                                  .max_regions = 5,
                                                  .distance = limpid::metric::euclidean,
                                                  .global = {.rounds = 2, .subset = 20}});
    return flattened{} << r.transitions << r.prior << r.region << r.centre << r.agreement
                       << static_cast<double>(r.covered);
  }
};

/// Features where the rows are few, since all pairs cost; labels i, i + 1 and i + 2 as the rows
/// near row i.
struct per_neighbourhood_case {
  static constexpr char const* name = "transition::per_neighbourhood";
  static constexpr bool pairs = true;
  using function = limpid::transition::per_neighbourhood_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.labels);
    auto const y = limpid::view(held);
    limpid::vector_view<std::int32_t const, Policy::space> const some(y.data, y.size - 2, y.stride);
    limpid::matrix_view<std::int32_t const, Policy::space> const near(some.data, some.size, 3,
                                                                      y.stride, y.stride);
    auto const r = limpid::transition::per_neighbourhood(
        exec, some, near, some, in.classes, {.local = {.validate = false}, .whole = {0, 5}});
    flattened out;
    if (y.size <= 301)
      out << limpid::transition::per_neighbourhood(exec, in.labels, in.features, in.labels,
                                                   in.classes, {.neighbours = 9})
                 .likelihood;
    return out << r.global << r.likelihood << r.transitions << r.class_estimated;
  }
};

/// The labels as clusters and as stand-ins for the truth too.
struct per_cluster_case {
  static constexpr char const* name = "transition::per_cluster";
  using function = limpid::transition::per_cluster_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::transition::per_cluster(exec, in.probabilities, in.labels, in.labels, in.classes,
                                        in.classes, {.strength = {5, 5, 5, 5}});
    auto const s = limpid::transition::per_cluster(exec, in.labels, in.labels, in.labels,
                                                   in.classes, in.classes);
    return flattened{} << r.global << r.transitions << r.counts << r.rows << r.class_estimated
                       << r.class_seen << s.transitions;
  }
};

struct test_class_dependence_case {
  static constexpr char const* name = "transition::test_class_dependence";
  using function = limpid::transition::test_class_dependence_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.labels);
    auto const y = limpid::view(held);
    limpid::vector_view<std::int32_t const, Policy::space> const early(y.data, y.size - 1,
                                                                       y.stride),
        late(y.data + y.stride, y.size - 1, y.stride);
    auto const r =
        limpid::transition::test_class_dependence(exec, early, late, early, in.classes, in.classes,
                                                  {.permutations = 3, .redraws = 2, .compared = 1});
    return flattened{} << r.counts << r.class_homogeneity << r.class_p_value << r.class_tested
                       << r.homogeneity.p_value << r.permutation.p_value << r.monte_carlo.p_value
                       << r.student.p_value << r.symmetric.p_value << r.small_expected;
  }
};

struct identifiability_case {
  static constexpr char const* name = "transition::identifiability";
  using function = limpid::transition::identifiability_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::identifiability(exec, in.transition, in.probabilities);
    return flattened{} << r.condition << r.smallest_singular_value << r.best_anchor << r.has_anchor
                       << r.infeasible_share << r.facet_rank << r.class_dominant;
  }
};

struct bayes_label_case {
  static constexpr char const* name = "transition::bayes_label";
  using function = limpid::transition::bayes_label_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::bayes_label(exec, in.probabilities, in.labels);
    return flattened{} << r.transition << r.counts << r.label << r.class_estimated;
  }
};

/// The probabilities as the representation that parts are found in.
struct part_dependent_case {
  static constexpr char const* name = "transition::part_dependent";
  using function = limpid::transition::part_dependent_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::transition::part_dependent(
        exec, in.probabilities, in.probabilities, {.parts = 2, .factor_rounds = 3, .ridge = 0.1});
    return flattened{} << r.basis << r.weights << r.parts << r.factor_error << r.residual;
  }
};

using hoc_cases = std::tuple<hoc_rounds_case, hoc_local_case, per_neighbourhood_case,
                             per_cluster_case, test_class_dependence_case, identifiability_case,
                             bayes_label_case, part_dependent_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_HOC_CASES_HPP
