// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/biased.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/noise/pair_flip.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::noise::biased;

std::vector<int> cycle(std::size_t n, int K) {
  std::vector<int> y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<int>(i) % K;
  return y;
}

TEST_CASE("all wrong labels of a class are of one class") {
  auto const labels = cycle(30000, 5);
  //! [biased]
  auto const noisy = limpid::noise::biased(labels, 5, {.rate = 0.3, .seed = 1});
  //! [biased]
  CHECK(std::abs(noisy.realised_rate - 0.3) < 0.011);
  auto const wrong = limpid::noise::biased_classes(5, 1);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(wrong[i] != i);
    CHECK(noisy.expected(i, wrong[i]) == 0.3);
    CHECK(noisy.realised(i, i) + noisy.realised(i, wrong[i]) == doctest::Approx(1));
  }
  CHECK(limpid::noise::biased_transition({1, 2, 0}, 0.4) ==
        limpid::noise::pair_flip_transition(3, 0.4));
}

TEST_CASE("wrong classes are uniform over the others") {
  std::vector<double> count(4);
  for (std::uint64_t seed = 0; seed < 4000; ++seed)
    ++count[limpid::noise::biased_classes(4, seed)[2]];
  CHECK(count[2] == 0);
  for (std::size_t k : {0u, 1u, 3u})
    CHECK(std::abs(count[k] - 4000 / 3.) < 5 * std::sqrt(4000 * 2 / 9.));
}

TEST_CASE("exact counts; the ends; policies") {
  auto const labels = cycle(2049, 3);
  auto const r =
      biased(labels, 3,
             {.rate = 0.25, .wrong = {2, 0, 0}, .mode = limpid::noise::sampling::exact, .seed = 4});
  CHECK(r.realised_rate == doctest::Approx(3 * 170 / 2049.));  // floor(683 / 4)
  for (std::size_t i = 0; i < 2049; ++i)
    if (r.flipped[i]) CHECK(r.labels[i] == (labels[i] == 0 ? 2 : 0));
  CHECK(biased(labels, 3, {.rate = 1}).realised_rate == 1);
  CHECK(biased(labels, 3, {.rate = 0}).realised_rate == 0);
  CHECK(biased(std::vector<int>{0, 0}, 1, {.rate = 0}).realised_rate == 0);
  for (auto mode : {limpid::noise::sampling::exact, limpid::noise::sampling::iid}) {
    limpid::noise::biased_options const o{.rate = 0.4, .mode = mode, .seed = 9};
    auto const s = biased(labels, 3, o);
    CHECK(biased(limpid::seq, labels, 3, o).labels == s.labels);
    limpid::par_policy par;
    par.threads = 3;
    CHECK(biased(par, labels, 3, o).labels == s.labels);
    limpid_test::device_vector<int> const far(
        limpid::vector_view<int const>(labels.data(), labels.size()));
    CHECK(biased(limpid_test::device, far, 3, o).labels == s.labels);
  }
}

TEST_CASE("biased says what is wrong with its input") {
  using limpid::input_error;
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)biased(y, 2, {.rate = 2}),
                       "noise::biased: rate is 2; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)biased(y, 2, {.wrong = {1, 1}}),
                       "noise::biased: wrong[1] is 1; it must be another class of 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)biased(y, 2, {.wrong = {1}}),
                       "noise::biased: wrong has 1 entries; one per class is needed, 2",
                       input_error);
  CHECK_THROWS_WITH_AS((void)biased(std::vector<int>{0}, 1),
                       "noise::biased: classes is 1; labels cannot change among one class",
                       input_error);
  CHECK_NOTHROW((void)biased(y, 2, {.wrong = {1, 0}}));
}

}  // namespace
