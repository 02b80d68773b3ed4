// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/from_transition.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::noise::from_transition;

TEST_CASE("from_transition draws each row from its class's row of T") {
  std::vector<int> labels(60000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 3);
  //! [from_transition]
  matrix<double> const transition{{0.7, 0.2, 0.1}, {0.0, 1.0, 0.0}, {0.25, 0.25, 0.5}};

  auto const noisy = limpid::noise::from_transition(labels, transition, {.seed = 1});
  // noisy.labels, noisy.flipped, noisy.realised_rate, noisy.realised
  //! [from_transition]

  double chi = 0;
  std::size_t counts[3][3] = {}, flips = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++counts[labels[i]][noisy.labels[i]];
    CHECK(noisy.flipped[i] == (noisy.labels[i] != labels[i]));
    flips += noisy.flipped[i];
  }
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      double const expected = 20000 * transition(i, j), got = static_cast<double>(counts[i][j]);
      if (expected == 0)
        CHECK(got == 0);
      else
        chi += (got - expected) * (got - expected) / expected;
      CHECK(noisy.realised(i, j) == doctest::Approx(got / 20000));
    }
  double const p = boost::math::cdf(
      boost::math::complement(boost::math::chi_squared(4), chi));  // 2 + 0 + 2 free cells
  CHECK(p > 1e-4);
  CHECK(p < 1 - 1e-4);
  CHECK(noisy.realised_rate == doctest::Approx(static_cast<double>(flips) / 60000));
  CHECK(noisy.class_rows == limpid::vector<std::size_t>{20000, 20000, 20000});
  CHECK(noisy.expected == transition);
}

TEST_CASE("draws of different rows and seeds are independent") {
  std::vector<int> const labels(20000, 0);
  matrix<double> const half{{0.5, 0.5}, {0.5, 0.5}};
  auto const a = from_transition(labels, half, {.seed = 1}).labels,
             b = from_transition(labels, half, {.seed = 2}).labels;
  int same = 0, neighbours = 0;
  for (std::size_t i = 0; i + 1 < 20000; ++i) {
    same += a[i] == b[i];
    neighbours += a[i] == a[i + 1];
  }
  CHECK(std::abs(same - 10000) < 300);  // four standard deviations
  CHECK(std::abs(neighbours - 10000) < 300);
}

TEST_CASE("the same draws under every policy, strides, types; both sides of the row tile") {
  matrix<double> const t{{0.6, 0.4, 0}, {0.1, 0.8, 0.1}, {0.3, 0.3, 0.4}};
  for (std::size_t n : {std::size_t{0}, std::size_t{1}, limpid::ops::detail::row_tile - 1,
                        limpid::ops::detail::row_tile, limpid::ops::detail::row_tile + 1}) {
    std::vector<int> labels(n);
    std::vector<std::int64_t> wide(2 * n, 77);
    for (std::size_t i = 0; i < n; ++i) wide[2 * i] = labels[i] = static_cast<int>(i % 3);
    auto const r = from_transition(labels, t, {.seed = 9});
    CHECK(r.labels.size() == n);
    CHECK(from_transition(limpid::seq, labels, t, {.seed = 9}).labels == r.labels);
    for (int threads : {1, 2, 3, 7}) {
      limpid::par_policy par;
      par.threads = threads;
      auto const q = from_transition(par, labels, t, {.seed = 9});
      CHECK(q.labels == r.labels);
      CHECK(q.realised == r.realised);
    }
    CHECK(
        from_transition(limpid::vector_view<std::int64_t const>(wide.data(), n, 2), t, {.seed = 9})
            .labels == r.labels);
    limpid_test::device_vector<int> const far(limpid::vector_view<int const>(labels.data(), n));
    limpid_test::device_matrix<double> const far_t(t.view());
    auto const q = from_transition(limpid_test::device, far, far_t, {.seed = 9});
    CHECK(q.labels == r.labels);
    CHECK(q.flipped == r.flipped);
    CHECK(q.realised_rate == r.realised_rate);
  }
}

TEST_CASE(
    "unlabelled rows stay so, absent classes are marked, one class stays, rounding of T is scaled "
    "away") {
  std::vector<int> const labels{0, -1, 0, -7, 0};
  auto const r = from_transition(labels, matrix<float>{{0.0f, 0.9996f}, {0.5f, 0.5f}});
  CHECK(r.labels == limpid::vector<std::int32_t>{1, -1, 1, -1, 1});
  CHECK(r.flipped == limpid::vector<std::uint8_t>{1, 0, 1, 0, 1});
  CHECK(r.realised_rate == 1);
  CHECK(r.class_rows == limpid::vector<std::size_t>{3, 0});
  CHECK(r.realised == matrix<double>{{0, 1}, {0, 1}});
  CHECK(r.expected(0, 1) == 1);
  CHECK(from_transition(std::vector<int>{0, 0}, matrix<double>{{1}}).realised_rate == 0);
}

TEST_CASE("exact counts: rounded down, for the diagonal; chosen at random") {
  std::vector<int> labels(101);
  for (std::size_t i = 0; i < 101; ++i) labels[i] = i < 60 ? 0 : i < 100 ? 1 : -1;
  //! [exact]
  auto const noisy = limpid::noise::from_transition(
      labels, matrix<double>{{0.85, 0.1, 0.05}, {0.3, 0.39, 0.31}, {0, 0, 1}},
      {.seed = 1, .mode = limpid::noise::sampling::exact});
  // of 60 rows of class 0 six become 1 and three 2; of 40 of class 1 twelve become 0 and twelve 2
  //! [exact]
  CHECK(noisy.realised(0, 1) == 0.1);
  CHECK(noisy.realised(0, 2) == 0.05);
  CHECK(noisy.realised(1, 0) == 0.3);
  CHECK(noisy.realised(1, 2) == 0.3);
  CHECK(noisy.labels[100] == -1);
  CHECK(noisy.expected(1, 2) == doctest::Approx(0.31));
  std::vector<double> hits(60);
  matrix<double> const half{{0.75, 0.25}, {0, 1}};
  std::vector<int> const zeros(60);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    auto const r =
        from_transition(zeros, half, {.seed = seed, .mode = limpid::noise::sampling::exact});
    for (std::size_t i = 0; i < 60; ++i) hits[i] += r.flipped[i];
  }
  for (double h : hits) CHECK(std::abs(h - 500) < 5 * std::sqrt(2000 * 0.25 * 0.75));
  limpid::par_policy par;
  par.threads = 3;
  limpid::noise::from_transition_options const o{.seed = 7, .mode = limpid::noise::sampling::exact};
  CHECK(from_transition(par, zeros, half, o).labels ==
        from_transition(limpid::seq, zeros, half, o).labels);
  limpid_test::device_vector<int> const far(limpid::vector_view<int const>(zeros.data(), 60));
  limpid_test::device_matrix<double> const t(half.view());
  CHECK(from_transition(limpid_test::device, far, t, o).labels ==
        from_transition(zeros, half, o).labels);
}

TEST_CASE("from_transition says what is wrong with its input") {
  using limpid::input_error;
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)from_transition(y, matrix<double>(2, 3, 0.5)),
                       "noise::from_transition: transition is 2 x 3; it must be K x K, K >= 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)from_transition(y, matrix<double>{{0.5, 0.5}, {0.6, 0.6}}),
                       "noise::from_transition: transition row 1 sums to 1.2; rows must be "
                       "probability distributions "
                       "(tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_AS((void)from_transition(y, matrix<double>{{1.1, -0.1}, {0, 1}}), input_error);
  CHECK_THROWS_AS((void)from_transition(
                      y, matrix<double>{{std::numeric_limits<double>::quiet_NaN(), 0}, {0, 1}}),
                  input_error);
  CHECK_NOTHROW((void)from_transition(y, matrix<double>{{0.9991, 0}, {0, 1}}));
  CHECK_THROWS_WITH_AS(
      (void)from_transition(std::vector<int>{0, 2}, matrix<double>::identity(2)),
      "noise::from_transition: labels row 1 is 2; labels must be 0..1, or negative for unlabelled",
      input_error);
}

}  // namespace
