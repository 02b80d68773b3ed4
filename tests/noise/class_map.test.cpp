// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/class_map.hpp>

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
using limpid::noise::class_map;
using limpid::noise::class_map_transition;
using limpid::noise::confusion;

TEST_CASE("class_map confuses what is listed, as often as listed") {
  std::vector<int> labels(30000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 3);
  //! [class_map]
  auto const noisy =
      limpid::noise::class_map(labels, 3, {{0, 1, 0.3}, {0, 2, 0.1}, {2, 0, 0.5}}, {.seed = 1});
  //! [class_map]
  matrix<double> const expected{{0.6, 0.3, 0.1}, {0, 1, 0}, {0.5, 0, 0.5}};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      CHECK(noisy.expected(i, j) == doctest::Approx(expected(i, j)));
      CHECK(std::abs(noisy.realised(i, j) - expected(i, j)) < 4 * 0.005);
      if (expected(i, j) == 0) CHECK(noisy.realised(i, j) == 0);
    }
}

TEST_CASE("the benchmarks' maps are the published matrices") {
  auto const golden = limpid_test::golden("noise_generators.json")["expected"]["matrices"];
  auto const check = [&](char const* name, std::vector<confusion> const& map) {
    CAPTURE(name);
    auto const& g = golden[name];
    auto const t = class_map_transition(g.size(), map);
    for (std::size_t i = 0; i < g.size(); ++i)
      for (std::size_t j = 0; j < g.size(); ++j)
        CHECK(std::abs(t(i, j) - g[i][j].get<double>()) < 1e-12);
  };
  check("asymmetric_mnist_0.4", limpid::noise::mnist_map(0.4));
  check("asymmetric_cifar10_0.4", limpid::noise::cifar10_map(0.4));
  check("binary_asymmetric_0.3", limpid::noise::binary_map(0.3));
  auto const blocks = class_map_transition(100, limpid::noise::cifar100_block_map(0.3));
  auto const& first = golden["cifar100_asym_0.3_first_block_5x5"];
  int entries = 0;
  for (std::size_t i = 0; i < 100; ++i)
    for (std::size_t j = 0; j < 100; ++j) {
      entries += blocks(i, j) != 0;
      if (i / 5 == j / 5) CHECK(std::abs(blocks(i, j) - first[i % 5][j % 5].get<double>()) < 1e-12);
    }
  CHECK(entries == golden["cifar100_asym_0.3_nnz"].get<int>());
  // by superclass in the data's own numbers: apple, mushroom, orange, pear, sweet pepper
  auto const own = class_map_transition(100, limpid::noise::cifar100_map(0.3));
  CHECK(own(0, 51) == 0.3);
  CHECK(own(51, 53) == 0.3);
  CHECK(own(53, 57) == 0.3);
  CHECK(own(57, 83) == 0.3);
  CHECK(own(83, 0) == 0.3);
}

TEST_CASE("an empty map changes nothing, rate 1 everything; every policy") {
  std::vector<int> labels(2049);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 2);
  CHECK(class_map(labels, 2, {}).realised == matrix<double>::identity(2));
  CHECK(class_map(labels, 2, {{0, 1, 1}}).realised == matrix<double>{{0, 1}, {0, 1}});
  CHECK(class_map(std::vector<int>{0}, 1, {}).labels[0] == 0);
  CHECK(class_map(std::vector<int>{}, 2, {{0, 1, 1}}).labels.empty());
  auto const r = class_map(labels, 2, {{0, 1, 0.5}}, {.seed = 2});
  CHECK(class_map(labels, 2, {{0, 1, 0.5}}, {.seed = 2, .mode = limpid::noise::sampling::exact})
            .realised(0, 1) == doctest::Approx(512 / 1025.));
  CHECK(class_map(limpid::seq, labels, 2, {{0, 1, 0.5}}, {.seed = 2}).labels == r.labels);
  for (int threads : {1, 2, 3, 7}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(class_map(par, labels, 2, {{0, 1, 0.5}}, {.seed = 2}).labels == r.labels);
  }
  limpid_test::device_vector<int> const far(
      limpid::vector_view<int const>(labels.data(), labels.size()));
  CHECK(class_map(limpid_test::device, far, 2, {{0, 1, 0.5}}, {.seed = 2}).labels == r.labels);
}

TEST_CASE("class_map says what is wrong with its input") {
  using limpid::input_error;
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS(
      (void)class_map(y, 2, {{0, 2, 0.1}}),
      "noise::class_map: confusion 0 maps class 0 to 2; it must name two different classes of 0..1",
      input_error);
  CHECK_THROWS_AS((void)class_map(y, 2, {{0, 0, 0.1}}), input_error);
  CHECK_THROWS_WITH_AS((void)class_map(y, 2, {{0, 1, 0.1}, {1, 0, 1.1}}),
                       "noise::class_map: confusion 1 has rate 1.1; it must be in [0, 1]",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)class_map(y, 3, {{0, 1, 0.6}, {0, 2, 0.5}}),
      "noise::class_map: the rates of class 0 sum to 1.1; they must sum to 1 at most", input_error);
  CHECK_NOTHROW((void)class_map(y, 3, {{0, 1, 0.6}, {0, 2, 0.4}}));
  CHECK_THROWS_AS((void)class_map(y, 0, {}), input_error);
  CHECK_THROWS_AS((void)class_map(y, 1, {}), input_error);
}

}  // namespace
