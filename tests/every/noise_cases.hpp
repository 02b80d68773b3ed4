// SPDX-License-Identifier: BSL-1.0
/// The public functions of noise, each called once.
#ifndef LIMPID_TESTS_EVERY_NOISE_CASES_HPP
#define LIMPID_TESTS_EVERY_NOISE_CASES_HPP

#include <limpid/noise/class_map.hpp>
#include <limpid/noise/from_transition.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/pair_flip.hpp>
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

using noise_cases = std::tuple<from_transition_case, symmetric_case, pair_flip_case, class_map_case,
                               instance_dependent_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_NOISE_CASES_HPP
