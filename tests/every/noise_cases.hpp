// SPDX-License-Identifier: BSL-1.0
/// The public functions of noise, each called once.
#ifndef LIMPID_TESTS_EVERY_NOISE_CASES_HPP
#define LIMPID_TESTS_EVERY_NOISE_CASES_HPP

#include <limpid/noise/biased.hpp>
#include <limpid/noise/boundary.hpp>
#include <limpid/noise/boundary_margin.hpp>
#include <limpid/noise/class_map.hpp>
#include <limpid/noise/from_transition.hpp>
#include <limpid/noise/hierarchical.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/multilabel.hpp>
#include <limpid/noise/open_set.hpp>
#include <limpid/noise/pair_flip.hpp>
#include <limpid/noise/polynomial_margin.hpp>
#include <limpid/noise/symmetric.hpp>

#include <tuple>
#include <vector>

namespace limpid_test {

inline std::vector<double> flatten_noise(limpid::noise::noisy_labels const& r) {
  std::vector<double> out(r.labels.begin(), r.labels.end());
  out.insert(out.end(), r.flipped.begin(), r.flipped.end());
  out.push_back(r.realised_rate);
  for (auto const* m : {&r.realised, &r.expected})
    out.insert(out.end(), m->data(), m->data() + m->rows() * m->cols());
  for (std::size_t rows : r.class_rows) out.push_back(static_cast<double>(rows));
  return out;
}

struct from_transition_case {
  static constexpr char const* name = "noise::from_transition";
  using function = limpid::noise::from_transition_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(
        limpid::noise::from_transition(exec, in.labels, in.transition, {.seed = 3}));
  }
};
struct symmetric_case {
  static constexpr char const* name = "noise::symmetric";
  using function = limpid::noise::symmetric_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(limpid::noise::symmetric(exec, in.labels, in.classes, {.rate = 0.3}));
  }
};
struct pair_flip_case {
  static constexpr char const* name = "noise::pair_flip";
  using function = limpid::noise::pair_flip_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(limpid::noise::pair_flip(exec, in.labels, in.classes, {.rate = 0.3}));
  }
};
struct class_map_case {
  static constexpr char const* name = "noise::class_map";
  using function = limpid::noise::class_map_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(limpid::noise::class_map(exec, in.labels, in.classes, {{0, 1, 0.4}}));
  }
};
struct instance_dependent_case {
  static constexpr char const* name = "noise::instance_dependent";
  using function = limpid::noise::instance_dependent_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(
        limpid::noise::instance_dependent(exec, in.features, in.labels, in.classes, {.rate = 0.3}));
  }
};

/// Exact counts: the choice of rows is the same for every policy.
struct exact_case {
  static constexpr char const* name = "noise::from_transition, exact";
  using function = limpid::noise::from_transition_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(limpid::noise::from_transition(
        exec, in.labels, in.transition, {.seed = 3, .mode = limpid::noise::sampling::exact}));
  }
};
struct biased_case {
  static constexpr char const* name = "noise::biased";
  using function = limpid::noise::biased_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(limpid::noise::biased(exec, in.labels, in.classes, {.rate = 0.3}));
  }
};
struct hierarchical_case {
  static constexpr char const* name = "noise::hierarchical";
  using function = limpid::noise::hierarchical_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flatten_noise(limpid::noise::hierarchical(exec, in.labels, in.classes,
                                                     limpid::noise::two_level_tree({0, 0, 1, 1}),
                                                     {.rates = {0.2, 0.1}}));
  }
};
struct open_set_case {
  static constexpr char const* name = "noise::open_set";
  using function = limpid::noise::open_set_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::noise::open_set(exec, in.labels, in.classes, 40, {.rate = 0.4});
    auto out = flatten_noise(r);
    for (auto const* v : {&r.replaced, &r.source, &r.redrawn})
      for (std::size_t row : *v) out.push_back(static_cast<double>(row));
    out.insert(out.end(), r.truth.begin(), r.truth.end());
    return out;
  }
};
struct polynomial_margin_case {
  static constexpr char const* name = "noise::polynomial_margin";
  using function = limpid::noise::polynomial_margin_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::noise::polynomial_margin(exec, in.probabilities, {.rate = 0.3});
    auto out = flatten_noise(r);
    out.insert(out.end(), r.truth.begin(), r.truth.end());
    out.push_back(r.factor);
    return out;
  }
};
struct boundary_case {
  static constexpr char const* name = "noise::boundary";
  using function = limpid::noise::boundary_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::noise::boundary(exec, in.features, in.labels, in.classes, {.neighbours = 3});
    auto out = flatten_noise(r);
    out.insert(out.end(), r.score.begin(), r.score.end());
    return out;
  }
};
struct boundary_margin_case {
  static constexpr char const* name = "noise::boundary_margin";
  using function = limpid::noise::boundary_margin_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto out = flatten_noise(limpid::noise::boundary_margin(exec, in.probabilities, in.labels));
    auto const r = limpid::noise::boundary_margin(
        exec, in.probabilities, in.labels, {.rule = limpid::noise::boundary_rule::probabilistic});
    auto const more = flatten_noise(r);
    out.insert(out.end(), more.begin(), more.end());
    out.insert(out.end(), r.margin.begin(), r.margin.end());
    return out;
  }
};
/// Probabilities as labels: those above 1/2 are ones.
struct multilabel_case {
  static constexpr char const* name = "noise::multilabel";
  using function = limpid::noise::multilabel_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    std::vector<double> out;
    for (auto mode : {limpid::noise::sampling::exact, limpid::noise::sampling::iid}) {
      auto const r =
          limpid::noise::multilabel(exec, in.probabilities, {.mode = mode, .validate = false});
      out.insert(out.end(), r.labels.data(), r.labels.data() + r.labels.rows() * r.labels.cols());
      out.insert(out.end(), r.missing_rate.begin(), r.missing_rate.end());
      out.insert(out.end(), r.expected_extra_rate.begin(), r.expected_extra_rate.end());
    }
    return out;
  }
};

using noise_cases =
    std::tuple<from_transition_case, symmetric_case, pair_flip_case, class_map_case,
               instance_dependent_case, exact_case, biased_case, hierarchical_case, open_set_case,
               polynomial_margin_case, boundary_case, boundary_margin_case, multilabel_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_NOISE_CASES_HPP
