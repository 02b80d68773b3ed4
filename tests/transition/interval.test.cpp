// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/interval.hpp>

#include <doctest/doctest.h>

#include <boost/math/special_functions/beta.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::interval;
using limpid::transition::interval_options;
using limpid::transition::interval_rule;
using limpid::transition::prior_interval;
using limpid_test::gap;
using limpid_test::to_matrix;

// golden: scipy 1.10.1 (beta.ppf, binomtest.proportion_ci)
TEST_CASE("interval: the Dirichlet posterior") {
  auto const e = limpid_test::golden("transition_misc.json")["dirichlet_posterior"];
  auto const counts = to_matrix(e["counts"]);
  interval_options const uniform{.prior_count = 1, .reach_ends = false};
  auto const r = interval(counts, uniform);
  CHECK(gap(r.estimate, to_matrix(e["mean"])) < 1e-12);
  CHECK(gap(r.low, to_matrix(e["ci95_low"])) < 1e-10);
  CHECK(gap(r.high, to_matrix(e["ci95_high"])) < 1e-10);
  for (std::size_t c = 0; c < 9; ++c)
    CHECK(r.deviation.data()[c] * r.deviation.data()[c] ==
          doctest::Approx(to_matrix(e["var"]).data()[c]));
  auto wide = uniform;
  wide.level = 1 - 0.05 / 9;
  CHECK(gap(interval(counts, wide).low, to_matrix(e["bonferroni9_low"])) < 1e-10);
  CHECK(gap(interval(counts, wide).high, to_matrix(e["bonferroni9_high"])) < 1e-10);
  auto all = uniform;
  all.simultaneous = true;
  wide.level = 1 - 0.05 / 6;  // K (K - 1) free entries
  CHECK(interval(counts, all).low == interval(counts, wide).low);

  auto const s = interval(counts);
  CHECK(s.low(2, 0) == 0);  // none of 20: 0 is among the possible
  CHECK(s.high(2, 0) == interval(counts, {.reach_ends = false}).high(2, 0));
  CHECK(interval(counts, {.reach_ends = false}).low(2, 0) > 0);

  auto const w = interval(counts, {.rule = interval_rule::wilson});
  CHECK(gap(w.low, to_matrix(e["wilson95"]["low"])) < 1e-12);
  CHECK(gap(w.high, to_matrix(e["wilson95"]["high"])) < 1e-12);
  CHECK(w.estimate(0, 1) == 0.12);
}

TEST_CASE("interval: the delta method on the logit scale") {
  matrix<double> const counts{{90, 10}, {400, 1600}};
  auto const r = interval(counts, {.rule = interval_rule::delta});
  double const middle = std::log(10.5 / 90.5),
               reach = 1.959963984540054 * std::sqrt(1 / 10.5 + 1 / 90.5);
  CHECK(r.low(0, 1) == doctest::Approx(1 / (1 + std::exp(-middle + reach))).epsilon(1e-12));
  CHECK(r.high(0, 1) == doctest::Approx(1 / (1 + std::exp(-middle - reach))).epsilon(1e-12));
  CHECK(r.deviation(0, 1) == doctest::Approx(std::sqrt(0.09 / 100)).epsilon(1e-12));
  // many counts: all rules tell the same
  for (auto rule : {interval_rule::dirichlet, interval_rule::wilson})
    for (std::size_t j = 0; j < 2; ++j)
      CHECK(std::abs(interval(counts, {.rule = rule}).low(1, j) - r.low(1, j)) < 1e-3);
}

TEST_CASE("interval: counts that are worth less") {
  matrix<double> const counts{{80, 20}, {10, 90}}, half{{40, 10}, {5, 45}};
  CHECK(interval(counts, {.design_effect = 2}).low == interval(half).low);
}

TEST_CASE("interval: normal quantiles") {
  using limpid::transition::detail::normal_cdf;
  using limpid::transition::detail::normal_quantile;
  CHECK(normal_quantile(0.975) == doctest::Approx(1.9599639845400545).epsilon(1e-14));
  CHECK(normal_quantile(0.95) == doctest::Approx(1.6448536269514722).epsilon(1e-14));
  CHECK(normal_quantile(0.5) == doctest::Approx(0).epsilon(1e-15));
  for (double p : {1e-300, 1e-20, 1e-9, 1e-4, 0.03, 0.4})
    CHECK(normal_cdf(normal_quantile(p)) == doctest::Approx(p).epsilon(1e-11));
  CHECK(normal_quantile(0.9) == -normal_quantile(1 - 0.9));
  CHECK(normal_quantile(1) == INFINITY);
}

TEST_CASE("interval: beta quantiles against Boost.Math") {
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

TEST_CASE("interval: redrawn tables spread as the multinomial says") {
  //! [call]
  // true x given; confident counts are given x true: hand over view(r.calibrated).transposed()
  limpid::matrix<double> const counts{{80, 20, 0}, {5, 90, 5}, {0, 30, 170}};

  auto const r = limpid::transition::interval(
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
  auto const again = interval(counts, {.rule = interval_rule::bootstrap, .draws = 2000});
  CHECK(again.low == r.low);
  CHECK(interval(counts, {.rule = interval_rule::bootstrap, .draws = 2000, .seed = 1}).low !=
        r.low);
}

TEST_CASE("interval: rows without counts, one class, permuted classes") {
  matrix<double> const counts{{10, 5, 0}, {0, 0, 0}, {1, 0, 9}};
  auto const r = interval(counts, {.prior_count = 1, .reach_ends = false});
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{1, 0, 1});
  CHECK(r.estimate(1, 2) == doctest::Approx(1. / 3));
  CHECK(r.low(1, 0) == doctest::Approx(1 - std::sqrt(0.975)));  // Beta(1, 2)
  CHECK(interval(counts).low(1, 0) == 0);
  CHECK(interval(counts).high(1, 0) == 1);
  for (auto rule : {interval_rule::bootstrap, interval_rule::wilson, interval_rule::delta}) {
    auto const b = interval(counts, {.rule = rule});
    CHECK(b.class_estimated[1] == 0);
    CHECK(b.estimate(1, 1) == 1);
    CHECK(b.low(1, 1) == 0);
    CHECK(b.high(1, 0) == 1);
  }
  auto const b = interval(counts, {.rule = interval_rule::bootstrap});
  CHECK(b.low(0, 2) == 0);
  CHECK(b.high(0, 2) == 0);  // what was never seen is never redrawn; the posterior knows better
  CHECK(r.high(0, 2) > 0.1);
  for (auto rule : {interval_rule::dirichlet, interval_rule::wilson, interval_rule::delta}) {
    auto const one = interval(matrix<double>{{7}}, {.rule = rule});
    CHECK(one.low(0, 0) == 1);
    CHECK(one.high(0, 0) == 1);
  }
  auto const turned = interval(matrix<double>{{9, 1, 0}, {0, 10, 5}, {0, 0, 0}},
                               {.prior_count = 1, .reach_ends = false});  // 2 -> 0, 0 -> 1, 1 -> 2
  CHECK(turned.low(0, 1) == r.low(2, 0));
  CHECK(turned.high(1, 2) == r.high(0, 1));
}

TEST_CASE("prior_interval: closed forms") {
  //! [prior]
  limpid::matrix<double> const counts{{90, 10}, {30, 70}};  // trusted rows, true x given
  limpid::vector<double> const observed{6000, 4000};        // labels of all the others

  auto const r = limpid::transition::prior_interval(counts, observed);
  // r.estimate = {0.5, 0.5}: 0.6 = 0.9 / 2 + 0.3 / 2
  //! [prior]
  CHECK(r.estimate[0] == doctest::Approx(0.5));
  // d pi_0 = (d nu_0 - pi_0 dT_00 - pi_1 dT_10) / (T_00 - T_10)
  double const variance = (0.24 / 10000 + 0.25 * 0.09 / 100 + 0.25 * 0.21 / 100) / 0.36;
  CHECK(r.deviation[0] == doctest::Approx(std::sqrt(variance)).epsilon(1e-12));
  CHECK(r.deviation[1] == doctest::Approx(std::sqrt(variance)).epsilon(1e-12));
  double const reach = 1.96 * std::sqrt(variance);
  CHECK(std::abs(r.low[0] - (0.5 - reach)) < 0.2 * reach);
  CHECK(std::abs(r.high[0] - (0.5 + reach)) < 0.2 * reach);
  CHECK(r.low[1] == doctest::Approx(1 - r.high[0]).epsilon(1e-9));
  auto const d = prior_interval(counts, observed, {.rule = interval_rule::delta});
  CHECK(d.low[0] == doctest::Approx(0.5 - 1.959963984540054 * std::sqrt(variance)));
  CHECK(d.outside_share == 0);

  // T = I without doubt: the labels' own posterior, Beta(30.5, 70.5)
  auto const sure = prior_interval(matrix<double>{{1e9, 0}, {0, 1e9}}, std::vector<double>{30, 70},
                                   {.draws = 4000});
  CHECK(std::abs(sure.low[0] - boost::math::ibeta_inv(30.5, 70.5, 0.025)) < 5e-3);
  CHECK(std::abs(sure.high[0] - boost::math::ibeta_inv(30.5, 70.5, 0.975)) < 5e-3);

  // no prior gives these labels: all of class 0 is nearest
  auto const far = prior_interval(counts, std::vector<double>{9900, 100}, {.draws = 100});
  CHECK(far.estimate[0] > 0.99);
  CHECK(far.outside_share > 0.9);
  CHECK(far.high[0] <= 1);
  auto const flat =
      prior_interval(matrix<double>{{5, 5}, {5, 5}}, std::vector<double>{5, 5}, {.draws = 100});
  CHECK(flat.condition == INFINITY);
  CHECK(std::isnan(flat.deviation[0]));
  CHECK(flat.high[0] - flat.low[0] > 0.5);
}

// A small draw of bench/transition/interval_coverage.cpp: T itself is drawn, so that no one value
// of a count decides
TEST_CASE("interval: coverage") {
  constexpr int simulations = 500;
  double inside[2][3] = {}, entries = 0;
  interval_rule const rules[] = {interval_rule::dirichlet, interval_rule::wilson,
                                 interval_rule::delta};
  for (int s = 0; s < simulations; ++s) {
    limpid::random_stream draw(17, 0, static_cast<std::uint64_t>(s));
    matrix<double> T(2, 2), counts(2, 2);
    for (std::size_t k = 0; k < 2; ++k) {
      T(k, 1 - k) = 0.05 + 0.4 * draw.uniform();
      T(k, k) = 1 - T(k, 1 - k);
      for (int i = 0; i < 100; ++i) counts(k, draw.uniform() < T(k, 0) ? 0 : 1) += 1;
    }
    for (int a = 0; a < 2; ++a)
      for (int b = 0; b < 3; ++b) {
        auto const r = interval(counts, {.level = a ? 0.95 : 0.9, .rule = rules[b]});
        for (std::size_t k = 0; k < 2; ++k)
          inside[a][b] += r.low(k, 0) <= T(k, 0) && T(k, 0) <= r.high(k, 0);
      }
    entries += 2;
  }
  for (int b = 0; b < 3; ++b) {
    CAPTURE(b);
    CHECK(std::abs(inside[0][b] / entries - 0.90) < 0.02);
    CHECK(std::abs(inside[1][b] / entries - 0.95) < 0.02);
  }
}

TEST_CASE("interval: every policy and type") {
  matrix<double> const counts{{40, 8, 2}, {3, 20, 1}, {0, 6, 50}};
  for (auto rule : {interval_rule::dirichlet, interval_rule::bootstrap}) {
    interval_options const options{.rule = rule};
    auto const r = interval(limpid::seq, counts, options);
    CHECK(interval(counts, options).low == r.low);
    CHECK(interval(limpid::par_policy{.threads = 3}, counts, options).low == r.low);
    limpid_test::device_matrix<double> const on_device(counts.view());
    CHECK(interval(limpid_test::device, on_device, options).high == r.high);
    CHECK(interval(limpid_test::to_float(counts), options).high == r.high);
    limpid_test::strided const padded(counts);
    CHECK(interval(padded.window, options).high == r.high);
    auto const flipped = limpid_test::transpose(counts);
    CHECK(interval(limpid::view(flipped).transposed(), options).high == r.high);
  }
}

TEST_CASE("interval: bad input") {
  matrix<double> const counts{{4, 1}, {0, 3}};
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS((void)interval(matrix<double>(2, 3)),
                       "transition::interval: counts is 2 x 3; need K x K, K >= 1", input_error);
  CHECK_THROWS_WITH_AS((void)interval(matrix<double>()),
                       "transition::interval: counts is 0 x 0; need K x K, K >= 1", input_error);
  CHECK_THROWS_WITH_AS(
      (void)interval(matrix<double>{{1, 0}, {-1, 2}}),
      "transition::interval: counts row 1 has the entry -1; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)interval(matrix<double>{{nan, 0}, {0, 2}}),
      "transition::interval: counts row 0 has the entry nan; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS((void)interval(counts, {.level = 1}),
                       "transition::interval: options.level is 1; need (0, 1)", input_error);
  CHECK_THROWS_WITH_AS((void)interval(counts, {.prior_count = 0}),
                       "transition::interval: options.prior_count is 0; need (0, 1e9)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)interval(counts, {.design_effect = 0.5}),
                       "transition::interval: options.design_effect is 0.5; need [1, 1e9)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)interval(counts, {.draws = 1}),
                       "transition::interval: options.draws is 1; need at least 2", input_error);
  CHECK_NOTHROW((void)interval(counts, {.level = 0.999, .prior_count = 1e-3, .draws = 2}));

  CHECK_THROWS_WITH_AS((void)prior_interval(counts, std::vector<double>{1}),
                       "transition::prior_interval: observed has 1 entries; need 2, one per class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)prior_interval(counts, std::vector<double>{0, 0}),
                       "transition::prior_interval: observed sums to 0; need at least one row",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)prior_interval(counts, std::vector<double>{1, -2}),
      "transition::prior_interval: observed row 1 is -2; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)prior_interval(counts, std::vector<double>{1, 2}, {.rule = interval_rule::wilson}),
      "transition::prior_interval: options.rule must be dirichlet or delta", input_error);
  CHECK_NOTHROW((void)prior_interval(counts, std::vector<double>{0, 2}, {.draws = 2}));
  CHECK_THROWS_WITH_AS((void)limpid::transition::wilson_interval(3, 2),
                       doctest::Contains("need finite numbers with 0 <= successes <= trials"),
                       input_error);
}

}  // namespace
