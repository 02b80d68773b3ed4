// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/random_transition.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/golden.hpp"

namespace {

using limpid::matrix;
using limpid::noise::random_transition;
using limpid::noise::transition_with_trace;
namespace d_ = limpid::noise::detail;

void check_stochastic(matrix<double> const& T) {
  double least = 1, gap = 0;
  for (std::size_t i = 0; i < T.rows(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < T.cols(); ++j) {
      if (!(T(i, j) >= least)) least = T(i, j);
      sum += T(i, j);
    }
    if (!(std::abs(sum - 1) <= gap)) gap = std::abs(sum - 1);
  }
  CHECK(least >= 0);
  CHECK(gap < 1e-12);
}
double trace(matrix<double> const& T) {
  double sum = 0;
  for (std::size_t i = 0; i < T.rows(); ++i) sum += T(i, i);
  return sum;
}

// golden: YivanZhang/lio 07587a6 lio/observations/transitions.py
TEST_CASE("a given matrix is scaled to the rate as the published code does") {
  auto const g = limpid_test::golden("noise_generators.json")["expected"]["lio_random_noise"];
  auto const T = d_::scaled_to_rate(limpid_test::to_matrix(g["m"]), g["noise_rate"].get<double>());
  auto const want = limpid_test::to_matrix(g["T"]);
  for (std::size_t c = 0; c < 9; ++c) CHECK(std::abs(T.data()[c] - want.data()[c]) < 1e-12);
}

TEST_CASE("a random T has its rate, exactly") {
  //! [random_transition]
  auto const r = limpid::noise::random_transition(5, {.rate = 0.4, .seed = 1});
  // r.transition: rows sum to 1, trace is 5 (1 - 0.4)
  //! [random_transition]
  for (std::size_t K : {2u, 5u, 30u})
    for (double concentration : {0.3, 1.0, 8.0})
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        auto const s =
            random_transition(K, {.rate = 0.4, .concentration = concentration, .seed = seed});
        check_stochastic(s.transition);
        CHECK(std::abs(trace(s.transition) - static_cast<double>(K) * 0.6) <
              1e-12 * static_cast<double>(K));
      }
  CHECK(random_transition(5, {.rate = 0.4, .seed = 1}).transition == r.transition);
  CHECK(random_transition(5, {.rate = 0.4, .seed = 2}).transition != r.transition);
  CHECK(random_transition(4, {.rate = 0}).transition == matrix<double>::identity(4));
  CHECK(random_transition(1, {.rate = 0}).transition == matrix<double>{{1}});
}

TEST_CASE("where no draw will do, every class flips at the rate, and the result says so") {
  auto const r = random_transition(8, {.rate = 0.97, .concentration = 0.2, .attempts = 3});
  CHECK(r.equal_rates);
  CHECK(r.attempts == 3);
  check_stochastic(r.transition);
  for (std::size_t i = 0; i < 8; ++i) CHECK(r.transition(i, i) == doctest::Approx(0.03));
}

TEST_CASE("gamma draws have the mean and variance of their law") {
  for (double shape : {0.3, 1.0, 4.0}) {
    limpid::random_stream draw(5);
    double sum = 0, square = 0;
    for (int i = 0; i < 40000; ++i) {
      double const v = d_::draw_gamma(draw, shape);
      sum += v;
      square += v * v;
    }
    double const mean = sum / 40000;
    CHECK(std::abs(mean - shape) < 5 * std::sqrt(shape / 40000));
    CHECK(std::abs(square / 40000 - mean * mean - shape) < 0.08 * shape + 0.02);
  }
}

TEST_CASE("a T with a trace: bounds, zeros and validity hold") {
  //! [transition_with_trace]
  auto const r = limpid::noise::transition_with_trace(
      4, {.trace = 2.6, .max_rate = 0.5, .zero_share = 0.34, .seed = 1});  // 4 of 12 entries are 0
  //! [transition_with_trace]
  CHECK(r.valid);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto const s = transition_with_trace(
        4, {.trace = 2.6, .min_diagonal = 0.4, .max_rate = 0.5, .zero_share = 0.34, .seed = seed});
    check_stochastic(s.transition);
    CHECK(std::abs(trace(s.transition) - 2.6) < 1e-12);
    int zeros = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(s.transition(i, i) >= 0.4 - 1e-12);
      double given = 0;
      for (std::size_t j = 0; j < 4; ++j) {
        given += s.transition(j, i) / 4;
        if (i != j) {
          CHECK(s.transition(i, j) <= 0.5 + 1e-12);
          zeros += s.transition(i, j) == 0;
        }
      }
      if (s.valid) CHECK(s.transition(i, i) > given);
    }
    CHECK(zeros == 4);
  }
  auto const two = transition_with_trace(2, {.trace = 1.4});
  CHECK(two.valid);
  CHECK(two.transition(0, 0) + two.transition(1, 1) == doctest::Approx(1.4));
  auto const bad = transition_with_trace(2, {.trace = 0.9, .attempts = 20});
  CHECK_FALSE(bad.valid);
  CHECK(bad.attempts == 20);
  CHECK(transition_with_trace(3, {.trace = 3}).transition == matrix<double>::identity(3));
  CHECK(transition_with_trace(2, {.trace = 0.9, .valid = false}).attempts == 1);
}

TEST_CASE("random matrices: bad input") {
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)random_transition(3, {.rate = 1}),
                       "noise::random_transition: rate is 1; it must be in [0, 1)", input_error);
  CHECK_THROWS_WITH_AS(
      (void)random_transition(1),
      "noise::random_transition: classes is 1; labels cannot change among one class", input_error);
  CHECK_THROWS_WITH_AS((void)random_transition(3, {.concentration = 0}),
                       "noise::random_transition: concentration is 0; it must be more than 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)random_transition(3, {.attempts = 0}),
                       "noise::random_transition: attempts is 0; it must be at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)transition_with_trace(3, {.trace = 3.1}),
                       "noise::transition_with_trace: trace is 3.1; it must be in (0, K], K = 3",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)transition_with_trace(3, {.trace = 1.5, .min_diagonal = 0.6}),
      "noise::transition_with_trace: min_diagonal is 0.6; it must be in [0, trace / K]",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)transition_with_trace(3, {.trace = 1, .max_rate = 0.2}),
      doctest::Contains("max_rate and zero_share leave no room for flip rates of mean 0.66"),
      input_error);
  CHECK_THROWS_AS((void)transition_with_trace(3, {.trace = 2, .zero_share = 0.9}), input_error);
  CHECK_THROWS_AS((void)transition_with_trace(3, {.trace = 2, .prior = {0.5, 0.5}}), input_error);
  CHECK_NOTHROW((void)transition_with_trace(3, {.trace = 1.5, .min_diagonal = 0.5}));
}

}  // namespace
