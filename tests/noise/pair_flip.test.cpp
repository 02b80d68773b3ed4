// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/pair_flip.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

using limpid::matrix;
using limpid::noise::pair_flip;
using limpid::noise::pair_flip_transition;

TEST_CASE("pair_flip moves labels to the next class and nowhere else") {
  std::vector<int> labels(40000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 4);
  //! [pair_flip]
  auto const noisy = limpid::noise::pair_flip(labels, 4, {.rate = 0.45, .seed = 1});
  //! [pair_flip]
  std::size_t moved[4] = {};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    bool const flip = noisy.flipped[i];
    CHECK(noisy.labels[i] == (flip ? (labels[i] + 1) % 4 : labels[i]));
    moved[labels[i]] += flip;
  }
  for (std::size_t m : moved)  // binomial(10000, 0.45): standard deviation 50
    CHECK(std::abs(static_cast<double>(m) - 4500) < 200);
  CHECK(noisy.expected == pair_flip_transition(4, 0.45));
}

TEST_CASE("pair_flip's matrix is the published one") {
  auto const golden = limpid_test::golden(
      "noise_generators.json")["expected"]["matrices"]["pair_K5_0.45_(build_for_cifar100)"];
  auto const t = pair_flip_transition(5, 0.45);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j)
      CHECK(std::abs(t(i, j) - golden[i][j].get<double>()) < 1e-12);
}

TEST_CASE("rate 0, rate 1, two classes, one class, no rows; every policy") {
  std::vector<int> labels(2049);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 3);
  CHECK(pair_flip(labels, 3, {.rate = 0}).realised == matrix<double>::identity(3));
  CHECK(pair_flip(labels, 3, {.rate = 1}).realised ==
        matrix<double>{{0, 1, 0}, {0, 0, 1}, {1, 0, 0}});
  CHECK(pair_flip_transition(2, 0.3) == matrix<double>{{0.7, 0.3}, {0.3, 0.7}});
  CHECK(pair_flip(std::vector<int>{0}, 1, {.rate = 0}).labels[0] == 0);
  CHECK(pair_flip(std::vector<int>{}, 3).labels.empty());
  auto const r = pair_flip(labels, 3, {.rate = 0.3, .seed = 5});
  CHECK(pair_flip(limpid::seq, labels, 3, {.rate = 0.3, .seed = 5}).labels == r.labels);
  CHECK(pair_flip(labels, 3, {.rate = 0.3, .seed = 6}).labels != r.labels);
  for (int threads : {1, 2, 3, 7}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(pair_flip(par, labels, 3, {.rate = 0.3, .seed = 5}).labels == r.labels);
  }
  limpid_test::device_vector<int> const far(
      limpid::vector_view<int const>(labels.data(), labels.size()));
  CHECK(pair_flip(limpid_test::device, far, 3, {.rate = 0.3, .seed = 5}).labels == r.labels);
}

TEST_CASE("pair_flip says what is wrong with its input") {
  using limpid::input_error;
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)pair_flip(y, 2, {.rate = -0.1}),
                       "noise::pair_flip: rate is -0.1; it must be in [0, 1]", input_error);
  CHECK_THROWS_AS((void)pair_flip(y, 2, {.rate = 1.001}), input_error);
  CHECK_NOTHROW((void)pair_flip(y, 2, {.rate = 1}));
  CHECK_THROWS_WITH_AS((void)pair_flip(std::vector<int>{0}, 1, {.rate = 0.1}),
                       "noise::pair_flip: classes is 1; labels cannot change among one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)pair_flip(y, 0),
                       "noise::pair_flip: classes is 0; give the number of classes", input_error);
  CHECK_THROWS_WITH_AS(
      (void)pair_flip(std::vector<int>{0, 5}, 2),
      "noise::pair_flip: labels row 1 is 5; labels must be 0..1, or negative for unlabelled",
      input_error);
}

}  // namespace
