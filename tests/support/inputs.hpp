// SPDX-License-Identifier: BSL-1.0
/// One small data set from which every public function can be fed: separable classes, noisy labels.
#ifndef LIMPID_TESTS_SUPPORT_INPUTS_HPP
#define LIMPID_TESTS_SUPPORT_INPUTS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid_test {

template <class T>
struct inputs {
  limpid::matrix<T> probabilities, features, transition;
  limpid::vector<std::int32_t> labels;
  limpid::vector<T> losses, weights;
  std::size_t classes = 0;
};

/// n rows in d >= K columns. Row i is of class i mod K, at distance 4 from the others' centres; a
/// fifth of the labels are drawn anew; the probabilities lean to the true class.
template <class T>
inputs<T> make_inputs(std::size_t n, std::size_t d, std::size_t classes, std::uint64_t seed) {
  inputs<T> in;
  in.classes = classes;
  in.probabilities = limpid::matrix<T>(n, classes);
  in.features = limpid::matrix<T>(n, d);
  in.transition = limpid::matrix<T>(classes, classes);
  in.labels = limpid::vector<std::int32_t>(n);
  in.losses = limpid::vector<T>(n);
  in.weights = limpid::vector<T>(n);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    std::size_t const truth = i % classes;
    std::size_t const label = draw.uniform() < 0.2 ? draw.below(classes) : truth;
    in.labels[i] = static_cast<std::int32_t>(label);
    for (std::size_t c = 0; c < d; ++c)
      in.features(i, c) =
          static_cast<T>(draw.uniform() + draw.uniform() - 1 + (c == truth ? 4 : 0) + 0.5);
    double sum = 0;
    limpid::vector<double> p(classes);
    for (std::size_t k = 0; k < classes; ++k) sum += p[k] = draw.uniform() + (k == truth ? 2 : 0.1);
    for (std::size_t k = 0; k < classes; ++k) in.probabilities(i, k) = static_cast<T>(p[k] / sum);
    in.losses[i] = static_cast<T>(-std::log(p[label] / sum));
    in.weights[i] = static_cast<T>(0.5 + draw.uniform());
  }
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j)
      in.transition(i, j) =
          static_cast<T>((i == j ? 0.8 : 0.0) + 0.2 / static_cast<double>(classes));
  return in;
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_SUPPORT_INPUTS_HPP
