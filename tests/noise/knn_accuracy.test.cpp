// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/knn_accuracy.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::noise::knn_accuracy;
using numbers = limpid::vector<double>;

TEST_CASE("k = 1, no noise, two classes, and a value computed elsewhere") {
  //! [knn_accuracy]
  double const accuracy = limpid::noise::knn_accuracy({0.4, 0.2, 0.2, 0.2}, 0, 7);  // 0.558592
  //! [knn_accuracy]
  CHECK(std::abs(accuracy - 0.5585920) < 5e-8);
  CHECK(knn_accuracy({0.3, 0.7}, 0, 1) == doctest::Approx(0.3).epsilon(1e-12));
  CHECK(knn_accuracy({1, 0, 0}, 0, 9) == doctest::Approx(1).epsilon(1e-12));
  CHECK(knn_accuracy({0, 1}, 0, 9) == 0);
  CHECK(knn_accuracy({1}, 0, 3) == doctest::Approx(1).epsilon(1e-12));
  // binomial: P(more than half of 5), and half of the ties of 4
  double const p = 0.6, q = 0.4;
  CHECK(knn_accuracy({p, q}, 0, 5) ==
        doctest::Approx(10 * p * p * p * q * q + 5 * std::pow(p, 4) * q + std::pow(p, 5))
            .epsilon(1e-12));
  CHECK(
      knn_accuracy({p, q}, 0, 4) ==
      doctest::Approx(0.5 * 6 * p * p * q * q + 4 * p * p * p * q + std::pow(p, 4)).epsilon(1e-12));
  CHECK(knn_accuracy({0.5, 0.5}, 1, 301) == doctest::Approx(0.5).epsilon(1e-10));
}

TEST_CASE("against simulation, and over all classes the accuracies sum to 1") {
  numbers const row{0.35, 0.3, 0.25, 0.1};
  for (std::size_t k : {2u, 5u, 30u}) {
    double total = 0;
    for (std::size_t own = 0; own < 4; ++own) total += knn_accuracy(row, own, k);
    CHECK(total == doctest::Approx(1).epsilon(1e-11));
    double right = 0;
    for (std::size_t i = 0; i < 20000; ++i) {
      limpid::random_stream draw(3, 0, i);
      int count[4] = {};
      for (std::size_t v = 0; v < k; ++v) {
        double const u = draw.uniform();
        ++count[u < 0.35 ? 0 : u < 0.65 ? 1 : u < 0.9 ? 2 : 3];
      }
      int most = 0, ties = 0;
      for (int c : count) most = c > most ? c : most;
      for (int c : count) ties += c == most;
      if (count[0] == most) right += 1.0 / ties;
    }
    CHECK(std::abs(right / 20000 - knn_accuracy(row, 0, k)) < 4.5 * 0.5 / std::sqrt(20000));
  }
}

TEST_CASE("uniform noise is outvoted, biased noise only below half") {
  CHECK(knn_accuracy({0.4, 0.15, 0.15, 0.15, 0.15}, 0, 101) > 0.99);
  CHECK(knn_accuracy({0.4, 0.6, 0, 0, 0}, 0, 101) < 0.03);
}

TEST_CASE("knn_accuracy: bad input") {
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)knn_accuracy({0.5, 0.5}, 2, 3),
                       "noise::knn_accuracy: own is 2; the row has 2 classes", input_error);
  CHECK_THROWS_WITH_AS((void)knn_accuracy({0.5, 0.5}, 0, 0),
                       "noise::knn_accuracy: k is 0; it must be 1 to 1000", input_error);
  CHECK_THROWS_WITH_AS((void)knn_accuracy({0.5, 0.6}, 0, 1),
                       "noise::knn_accuracy: row sums to 1.1; it must be a distribution",
                       input_error);
  CHECK_THROWS_WITH_AS((void)knn_accuracy({1.5, -0.5}, 0, 1),
                       "noise::knn_accuracy: row has the entry 1.5; it must be in [0, 1]",
                       input_error);
  CHECK(knn_accuracy({1}, 0, 1000) == doctest::Approx(1));
}

}  // namespace
