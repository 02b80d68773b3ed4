// SPDX-License-Identifier: BSL-1.0
/// The properties that every public function has, over backends, policies, instruction sets and
/// value types. A family's file names its list of cases and calls every_function<list>().
#ifndef LIMPID_TESTS_EVERY_EVERY_HPP
#define LIMPID_TESTS_EVERY_EVERY_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/isa.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "every/flattened.hpp"
#include "support/backends.hpp"
#include "support/emulated_device.hpp"
#include "support/inputs.hpp"
#include "support/tolerance.hpp"

namespace limpid_test {

/// The same inputs as objects of one backend.
template <class Maker, class T>
class backend_inputs {
  template <class V>
  static auto hold(limpid::matrix<V> const& m) {
    return Maker::template matrix<V>(m.view());
  }
  template <class V>
  static auto hold(limpid::vector<V> const& v) {
    return Maker::template vector<V>(v.view());
  }
  template <class X>
  using holder = decltype(hold(std::declval<X const&>()));
  template <class X>
  using object =
      decltype(std::declval<holder<X> const&>().get());  // a reference, or a window by value
  using real_matrix = limpid::matrix<T>;
  using real_vector = limpid::vector<T>;
  using label_vector = limpid::vector<std::int32_t>;

  holder<real_matrix> probabilities_, features_, transition_;
  holder<real_vector> losses_, weights_;
  holder<label_vector> labels_;

 public:
  explicit backend_inputs(inputs<T> const& in)
      : probabilities_(hold(in.probabilities)),
        features_(hold(in.features)),
        transition_(hold(in.transition)),
        losses_(hold(in.losses)),
        weights_(hold(in.weights)),
        labels_(hold(in.labels)),
        probabilities(std::as_const(probabilities_).get()),
        features(std::as_const(features_).get()),
        transition(std::as_const(transition_).get()),
        losses(std::as_const(losses_).get()),
        weights(std::as_const(weights_).get()),
        labels(std::as_const(labels_).get()),
        classes(in.classes) {}
  backend_inputs(backend_inputs const&) = delete;
  backend_inputs& operator=(backend_inputs const&) = delete;

  object<real_matrix> probabilities, features, transition;
  object<real_vector> losses, weights;
  object<label_vector> labels;
  std::size_t classes;
};

/// The same inputs on the emulated device.
template <class T>
struct device_inputs {
  explicit device_inputs(inputs<T> const& in)
      : probabilities(in.probabilities.view()),
        features(in.features.view()),
        transition(in.transition.view()),
        losses(in.losses.view()),
        weights(in.weights.view()),
        labels(in.labels.view()),
        classes(in.classes) {}
  device_matrix<T> probabilities, features, transition;
  device_vector<T> losses, weights;
  device_vector<std::int32_t> labels;
  std::size_t classes;
};

inline void check_close(std::vector<double> const& got, std::vector<double> const& want,
                        double tolerance) {
  REQUIRE(got.size() == want.size());
  std::size_t worst = 0, different = 0;
  double gap = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    double const scaled = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]))
                              ? 0
                              : std::abs(got[i] - want[i]) / (1 + std::abs(want[i]));
    if (!(scaled <= tolerance)) ++different;
    if (!(scaled <= gap)) gap = scaled, worst = i;
  }
  INFO(different, " of ", got.size(), " differ; worst at ", worst, ": ", got[worst], " against ",
       want[worst]);
  CHECK(different == 0);
}

/// The arithmetic has begun once a backend is a view: float goes through one kind of array per
/// library only.
using few_backends = decltype(std::tuple_cat(core_backends{}, library_backends{}));
template <class T>
using backends_of = std::conditional_t<std::is_same_v<T, double>, host_backends, few_backends>;

template <class Case, class Maker, class T>
void one_backend(inputs<T> const& raw, std::vector<double> const& expected) {
  CAPTURE(Maker::name);
  backend_inputs<Maker, T> const in(raw);
  check_close(Case::run(limpid::simd, in), expected, 0);
}

template <class Case, class T, class... Makers>
void every_backend(std::tuple<Makers...>) {
  auto const raw = make_inputs<T>(301, 6, 4, 5);
  auto const expected = Case::run(limpid::simd, raw);
  (one_backend<Case, Makers>(raw, expected), ...);
}

/// Sizes on both sides of the row tile; for a Case that compares rows with rows (`pairs`), on both
/// sides of a tile of queries. None with LIMPID_TEST_SMALL in the environment: emulated processors,
/// repeated runs.
template <class Case>
std::vector<std::size_t> policy_sizes() {
  if (std::getenv("LIMPID_TEST_SMALL")) return {33};
  if constexpr (requires { Case::pairs; }) return {33, 256, 300};
  constexpr std::size_t tile = limpid::ops::detail::row_tile;
  return {33, tile, tile + 1};
}

template <class Case, class T>
void every_policy() {
  for (std::size_t n : policy_sizes<Case>()) {
    CAPTURE(n);
    auto const raw = make_inputs<T>(n, 6, 4, 7);
    auto const reference = Case::run(limpid::seq, raw);
    auto const wide = Case::run(limpid::simd, raw);
    check_close(wide, reference, tolerance<T>);
    for (int threads : {1, 2, 3, 7}) {
      CAPTURE(threads);
      check_close(Case::run(limpid::par_policy{.threads = threads}, raw), wide, 0);
    }
    device_inputs<T> const on_device(raw);
    check_close(Case::run(device, on_device), reference, 0);
    for (auto set : {limpid::instruction_set::baseline, limpid::instruction_set::v3,
                     limpid::instruction_set::v4})
      if (limpid::lanes::force(set)) {
        CAPTURE(limpid::to_string(set));
        check_close(Case::run(limpid::simd, raw), reference, tolerance<T>);
        limpid::lanes::unforce();
      }
  }
}

template <class Case>
void every_property() {
  CAPTURE(Case::name);
  static_assert(limpid::supports<typename Case::function, limpid::seq_policy>);
  SUBCASE(Case::name) {
    if (!std::getenv("LIMPID_TEST_SMALL")) {
      every_backend<Case, float>(backends_of<float>{});
      every_backend<Case, double>(backends_of<double>{});
    }
    every_policy<Case, float>();
    every_policy<Case, double>();
  }
}

template <class... Cases>
void every_case(std::tuple<Cases...>) {
  (every_property<Cases>(), ...);
}

template <class Cases>
void every_function() {
  every_case(Cases{});
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_EVERY_HPP
