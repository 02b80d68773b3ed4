// SPDX-License-Identifier: BSL-1.0
/// Public functions on the device's own programs, without a device: as seq within the tolerance,
/// and the same bits whatever the order of blocks and threads.
#ifndef LIMPID_TESTS_CUDA_GRID_CASES_HPP
#define LIMPID_TESTS_CUDA_GRID_CASES_HPP

#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "cuda/emulated_grid.hpp"
#include "support/inputs.hpp"
#include "support/tolerance.hpp"

namespace limpid_test {

template <class T>
struct grid_inputs {
  explicit grid_inputs(inputs<T> const& in)
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

inline double worst_gap(std::vector<double> const& got, std::vector<double> const& want) {
  REQUIRE(got.size() == want.size());
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    bool const same = got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]));
    double const gap = same ? 0 : std::abs(got[i] - want[i]) / (1 + std::abs(want[i]));
    if (!(gap <= worst)) worst = gap;
  }
  return worst;
}

template <class Case, class T>
void on_the_grid(std::size_t n) {
  CAPTURE(Case::name);
  CAPTURE(n);
  static_assert(limpid::supports<typename Case::function, grid_policy>);
  auto const raw = make_inputs<T>(n, 6, 4, 7);
  grid_inputs<T> const there(raw);
  auto const got = Case::run(grid, there);
  CHECK(worst_gap(got, Case::run(limpid::seq, raw)) <= tolerance<T>);
  CHECK(worst_gap(Case::run(grid_backwards, there), got) == 0);
}

template <class... Cases>
void every_on_the_grid(std::tuple<Cases...>, std::size_t n) {
  (on_the_grid<Cases, double>(n), ...);
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_CUDA_GRID_CASES_HPP
