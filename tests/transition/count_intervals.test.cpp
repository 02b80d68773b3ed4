// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/count_intervals.hpp>

#include <doctest/doctest.h>

#include <boost/math/special_functions/beta.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::count_intervals;
using limpid::transition::count_intervals_options;
using limpid::transition::interval_rule;
using limpid_test::gap;
using limpid_test::to_matrix;

// golden: scipy 1.10.1 (beta.ppf)
TEST_CASE("count_intervals: the Dirichlet posterior") {
  auto const e = limpid_test::golden("transition_misc.json")["dirichlet_posterior"];
  auto const counts = to_matrix(e["counts"]);
  auto const r = count_intervals(counts);
  CHECK(gap(r.estimate, to_matrix(e["mean"])) < 1e-12);
  CHECK(gap(r.low, to_matrix(e["ci95_low"])) < 1e-10);
  CHECK(gap(r.high, to_matrix(e["ci95_high"])) < 1e-10);
  for (std::size_t c = 0; c < 9; ++c)
    CHECK(r.deviation.data()[c] * r.deviation.data()[c] ==
          doctest::Approx(to_matrix(e["var"]).data()[c]));
  auto const wide = count_intervals(counts, {.level = 1 - 0.05 / 9});
  CHECK(gap(wide.low, to_matrix(e["bonferroni9_low"])) < 1e-10);
  CHECK(gap(wide.high, to_matrix(e["bonferroni9_high"])) < 1e-10);
}

TEST_CASE("count_intervals: beta quantiles against Boost.Math") {
  for (double a : {0.01, 0.5, 1.0, 1.5, 7.0, 40.0, 1e3, 1e6})
    for (double b : {0.01, 0.5, 1.0, 3.0, 60.0, 5e3, 2e6})
      for (double p : {1e-6, 0.005, 0.025, 0.3, 0.5, 0.9, 0.975, 0.9999}) {
        CAPTURE(a);
        CAPTURE(b);
        CAPTURE(p);
        double const expected = boost::math::ibeta_inv(a, b, p);
        double const x = limpid::transition::detail::beta_quantile(a, b, p);
        // where the distribution is steep, x is what p says up to rounding in p
        CHECK((std::abs(x - expected) < 1e-9 || std::abs(boost::math::ibeta(a, b, x) - p) < 1e-9));
        double const cdf = limpid::transition::detail::beta_cdf(a, b, a / (a + b));
        CHECK(cdf == doctest::Approx(boost::math::ibeta(a, b, a / (a + b))).epsilon(1e-7));
      }
}

TEST_CASE("count_intervals: redrawn tables spread as the multinomial says") {
  //! [call]
  // true x given; confident counts are given x true: hand over view(r.calibrated).transposed()
  limpid::matrix<double> const counts{{80, 20, 0}, {5, 90, 5}, {0, 30, 170}};

  auto const r = limpid::transition::count_intervals(
      counts, {.rule = limpid::transition::interval_rule::bootstrap, .draws = 2000});
  // r.estimate(0, 1) = 0.2, between r.low(0, 1) = 0.12 and r.high(0, 1) = 0.28
  //! [call]
  for (std::size_t k = 0; k < 3; ++k) {
    double rows = counts(k, 0) + counts(k, 1) + counts(k, 2);
    for (std::size_t j = 0; j < 3; ++j) {
      double const t = counts(k, j) / rows, sd = std::sqrt(t * (1 - t) / rows);
      CHECK(r.estimate(k, j) == t);
      CHECK(std::abs(r.deviation(k, j) - sd) < 0.08 * sd + 1e-15);
      CHECK(std::abs(r.low(k, j) - (t - 1.96 * sd)) < 0.4 * sd + 1e-15);
      CHECK(std::abs(r.high(k, j) - (t + 1.96 * sd)) < 0.4 * sd + 1e-15);
    }
  }
  auto const again = count_intervals(counts, {.rule = interval_rule::bootstrap, .draws = 2000});
  CHECK(again.low == r.low);
  CHECK(count_intervals(counts, {.rule = interval_rule::bootstrap, .draws = 2000, .seed = 1}).low !=
        r.low);
}

TEST_CASE("count_intervals: rows without counts, one class, permuted classes") {
  matrix<double> const counts{{10, 5, 0}, {0, 0, 0}, {1, 0, 9}};
  auto const r = count_intervals(counts);
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{1, 0, 1});
  CHECK(r.estimate(1, 2) == doctest::Approx(1. / 3));
  CHECK(r.low(1, 0) == doctest::Approx(1 - std::sqrt(0.975)));  // Beta(1, 2)
  auto const b = count_intervals(counts, {.rule = interval_rule::bootstrap});
  CHECK(b.class_estimated[1] == 0);
  CHECK(b.estimate(1, 1) == 1);
  CHECK(b.low(1, 1) == 0);
  CHECK(b.high(1, 0) == 1);
  CHECK(b.low(0, 2) == 0);
  CHECK(b.high(0, 2) == 0);  // what was never seen is never redrawn; the posterior knows better
  CHECK(r.high(0, 2) > 0.1);
  auto const one = count_intervals(matrix<double>{{7}});
  CHECK(one.low(0, 0) == 1);
  CHECK(one.high(0, 0) == 1);
  auto const turned =
      count_intervals(matrix<double>{{9, 1, 0}, {0, 10, 5}, {0, 0, 0}});  // 2 -> 0, 0 -> 1, 1 -> 2
  CHECK(turned.low(0, 1) == r.low(2, 0));
  CHECK(turned.high(1, 2) == r.high(0, 1));
}

TEST_CASE("count_intervals: every policy and type") {
  matrix<double> const counts{{40, 8, 2}, {3, 20, 1}, {0, 6, 50}};
  for (auto rule : {interval_rule::dirichlet, interval_rule::bootstrap}) {
    count_intervals_options const options{.rule = rule};
    auto const r = count_intervals(limpid::seq, counts, options);
    CHECK(count_intervals(counts, options).low == r.low);
    limpid::par_policy par;
    for (int threads : {1, 2, 3, 7}) {
      par.threads = threads;
      CHECK(count_intervals(par, counts, options).low == r.low);
    }
    limpid_test::device_matrix<double> const on_device(counts.view());
    CHECK(count_intervals(limpid_test::device, on_device, options).high == r.high);
    CHECK(count_intervals(limpid_test::to_float(counts), options).high == r.high);
    limpid_test::strided const padded(counts);
    CHECK(count_intervals(padded.window, options).high == r.high);
    auto const flipped = limpid_test::transpose(counts);
    CHECK(count_intervals(limpid::view(flipped).transposed(), options).high == r.high);
  }
}

TEST_CASE("count_intervals: bad input") {
  using limpid::input_error;
  matrix<double> const counts{{4, 1}, {0, 3}};
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS((void)count_intervals(matrix<double>(2, 3)),
                       "transition::count_intervals: counts is 2 x 3; need K x K, K >= 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)count_intervals(matrix<double>()),
                       "transition::count_intervals: counts is 0 x 0; need K x K, K >= 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)count_intervals(matrix<double>{{1, 0}, {-1, 2}}),
      "transition::count_intervals: counts row 1 has the entry -1; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)count_intervals(matrix<double>{{nan, 0}, {0, 2}}),
      "transition::count_intervals: counts row 0 has the entry nan; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS((void)count_intervals(counts, {.level = 1}),
                       "transition::count_intervals: options.level is 1; need (0, 1)", input_error);
  CHECK_THROWS_WITH_AS((void)count_intervals(counts, {.prior_count = 0}),
                       "transition::count_intervals: options.prior_count is 0; need (0, 1e9)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)count_intervals(counts, {.draws = 1}),
                       "transition::count_intervals: options.draws is 1; need at least 2",
                       input_error);
  CHECK_NOTHROW((void)count_intervals(counts, {.level = 0.999, .prior_count = 1e-3, .draws = 2}));
}

}  // namespace
