// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/gold.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::gold;
using limpid::transition::gold_options;
using limpid::transition::gold_rule;
using limpid_test::gap;
using limpid_test::to_matrix;

TEST_CASE("gold: by hand") {
  //! [call]
  limpid::matrix<double> const P{{0.9, 0.1}, {0.7, 0.3}, {0.2, 0.8}, {0.5, 0.5}};
  std::vector<int> const truth{0, 0, 1, -1};  // of the last row it is not known

  auto const r = limpid::transition::gold(P, truth);
  // r.transition = {{0.8, 0.2}, {0.2, 0.8}}, from r.rows = {2, 1}
  //! [call]
  CHECK(gap(r.transition, matrix<double>{{0.8, 0.2}, {0.2, 0.8}}) < 1e-15);
  CHECK(r.rows == limpid::vector<double>{2, 1});
  CHECK(r.deviation(0, 0) == doctest::Approx(0.1));  // sqrt(0.02 / 2)
  CHECK(r.deviation(1, 0) == 0);
  auto const c = gold(P, truth, {.rule = gold_rule::confusion, .uniform_share = 0.1});
  CHECK(gap(c.transition, matrix<double>{{0.95, 0.05}, {0.05, 0.95}}) < 1e-15);
}

// golden: glc (CIFAR/train_ours.py)
TEST_CASE("gold: the numbers of the official code") {
  auto const in = limpid_test::golden("cleanlab_confident_learning.json")["input"];
  auto const p = to_matrix(in["pred_probs"]);
  auto const hidden = limpid_test::to_ints(in["true_labels_hidden"]);
  std::vector<int> truth(p.rows(), -1);
  std::copy(hidden.begin(), hidden.begin() + 40, truth.begin());
  auto const r = gold(p, truth);
  CHECK(gap(r.transition, to_matrix(limpid_test::golden(
                              "anchor_dualt_glc.json")["expected"]["glc_C_hat"])) < 1e-14);
}

TEST_CASE("gold: posteriors that depend on x through the class alone give T") {
  matrix<double> const T{{0.7, 0.2, 0.1}, {0, 0.9, 0.1}, {0.3, 0.3, 0.4}};
  matrix<double> p(30, 3);
  std::vector<int> truth(30);
  for (std::size_t i = 0; i < 30; ++i) {
    truth[i] = static_cast<int>(i % 3);
    for (std::size_t j = 0; j < 3; ++j) p(i, j) = T(i % 3, j);
  }
  auto const r = gold(p, truth);
  CHECK(gap(r.transition, T) < 1e-14);
  CHECK(gap(r.deviation, matrix<double>(3, 3)) < 1e-8);
}

TEST_CASE("gold: calibration finds the power") {
  // P is the square of what the labels follow, normalised
  auto in = limpid_test::make_posteriors(4000, 3, 5);
  std::vector<int> truth(4000, -1), y(4000);
  auto sharp = in.p;
  for (std::size_t i = 0; i < 4000; ++i) {
    double sum = 0, u = (static_cast<double>(i) + 0.5) / 4000 * 7919;
    u -= std::floor(u);
    for (std::size_t k = 0; k < 3; ++k) sum += sharp(i, k) = in.p(i, k) * in.p(i, k);
    for (std::size_t k = 0; k < 3; ++k) sharp(i, k) /= sum;
    std::size_t j = 0;
    while (j < 2 && u >= in.p(i, j)) u -= in.p(i, j++);
    y[i] = static_cast<int>(j);
    if (i % 5 == 0) truth[i] = in.y[i];
  }
  auto const r = gold(sharp, truth, y, {.calibrate = true});
  CHECK(r.converged);
  CHECK(std::abs(r.power - 0.5) < 0.03);
  double slope = 0;  // of the loss in the power
  matrix<double> mean(3, 3);
  for (std::size_t i = 0; i < 4000; ++i) {
    double sum = 0, q[3];
    for (std::size_t k = 0; k < 3; ++k) sum += q[k] = std::pow(sharp(i, k), r.power);
    for (std::size_t k = 0; k < 3; ++k) {
      slope += q[k] / sum * std::log(sharp(i, k));
      if (truth[i] >= 0) mean(static_cast<std::size_t>(truth[i]), k) += q[k] / sum;
    }
    slope -= std::log(sharp(i, static_cast<std::size_t>(y[i])));
  }
  CHECK(std::abs(slope) < 1e-6);
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(r.transition(k, j) == doctest::Approx(mean(k, j) / r.rows[k]).epsilon(1e-9));
  CHECK(gap(gold(in.p, truth).transition, r.transition) < 0.02);
  // labels that P says nothing of: the power goes to 0, and no further
  for (std::size_t i = 0; i < 4000; ++i)
    y[i] = static_cast<int>(std::min_element(&sharp(i, 0), &sharp(i, 0) + 3) - &sharp(i, 0));
  auto const against = gold(sharp, truth, y, {.calibrate = true});
  CHECK(!against.converged);
  CHECK(against.power < 1e-2);
}

TEST_CASE("gold: the adjusted T is the minimum of its quadratic programme") {
  auto const in = limpid_test::make_posteriors(900, 4, 6, 0.3);
  std::vector<int> truth(900, -1);
  for (std::size_t i = 0; i < 300; ++i)
    truth[i] = static_cast<int>(std::max_element(&in.p(i, 0), &in.p(i, 0) + 4) - &in.p(i, 0));
  auto const before = gold(in.p, truth, in.y), after = gold(in.p, truth, in.y, {.adjust = true});
  CHECK(after.converged);
  CHECK(after.share_error < 0.2 * before.share_error);
  double pi[4], nu[4] = {};
  for (int y : in.y) nu[y] += 1. / 900;
  for (std::size_t k = 0; k < 4; ++k) pi[k] = before.rows[k] / 300;
  for (std::size_t k = 0; k < 4; ++k) {
    double sum = 0, slope[4], least = INFINITY;
    for (std::size_t j = 0; j < 4; ++j) {
      double rest = -nu[j];
      for (std::size_t l = 0; l < 4; ++l) rest += pi[l] * after.transition(l, j);
      slope[j] = 2e-2 / 4 * (after.transition(k, j) - before.transition(k, j)) + 2 * pi[k] * rest;
      least = std::min(least, slope[j]);
      sum += after.transition(k, j);
    }
    CHECK(sum == doctest::Approx(1));
    for (std::size_t j = 0; j < 4; ++j) {
      CHECK(after.transition(k, j) >= 0);
      if (after.transition(k, j) > 0) CHECK(slope[j] == doctest::Approx(least).epsilon(1e-9));
    }
  }
  // shares that fit already: nothing to do
  matrix<double> const T{{0.5, 0.5}, {0.25, 0.75}};
  auto const fits =
      gold(T, std::vector{0, 1}, std::vector{0, 1}, {.adjust = true, .true_share = {1, 0}});
  CHECK(gap(fits.transition, T) < 1e-12);
  CHECK(fits.share_error < 1e-12);
}

TEST_CASE("gold: classes without trusted rows, one class, no trusted row") {
  matrix<double> const p{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.05, 0.15, 0.8}, {0.3, 0.3, 0.4}};
  std::vector<int> const truth{0, 1, -1, -1};
  auto const r = gold(p, truth);
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{1, 1, 0});
  CHECK(r.transition(2, 2) == 1);
  auto const a = gold(p, truth, {.anchors = true});
  CHECK(a.class_estimated[2] == 0);
  CHECK(a.transition(2, 2) == 0.4);  // the surest below the 97 % quantile
  CHECK(gold(matrix<double>(2, 1, 1.0), std::vector{0, 0}).transition == matrix<double>{{1}});
  auto const none = gold(p, std::vector{-1, -1, -1, -1}, std::vector{0, 1, 2, 0}, {.adjust = true});
  CHECK(none.transition == matrix<double>::identity(3));
  CHECK(!none.converged);
}

TEST_CASE("gold: every policy and type") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const in = limpid_test::make_posteriors(n, 4, 3);
  std::vector<int> truth(n, -1);
  for (std::size_t i = 0; i < n; i += 3) truth[i] = in.y[i];
  gold_options const options{.rule = gold_rule::confusion, .calibrate = true, .adjust = true};
  for (auto const& o : {gold_options{.calibrate = true, .adjust = true}, options}) {
    auto const r = gold(limpid::seq, in.p, truth, in.y, o);
    CHECK(gold(in.p, truth, in.y, o).transition == r.transition);
    for (int threads : {1, 3}) {
      auto const p = gold(limpid::par_policy{.threads = threads}, in.p, truth, in.y, o);
      CHECK(p.transition == r.transition);
      CHECK(p.deviation == r.deviation);
    }
    limpid_test::device_matrix<double> const p(in.p.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n)),
        g(limpid::vector_view<int const>(truth.data(), n));
    CHECK(gold(limpid_test::device, p, g, y, o).transition == r.transition);
    CHECK(gap(gold(limpid_test::to_float(in.p), truth, in.y, o).transition, r.transition) < 1e-5);
    limpid_test::strided const padded(in.p);
    CHECK(gold(padded.window, truth, in.y, o).transition == r.transition);
  }
}

TEST_CASE("gold: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const g{0, -1}, y{0, 1};
  CHECK_THROWS_WITH_AS((void)gold(matrix<double>(0, 2), std::vector<int>{}),
                       "transition::gold: P is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)gold(p, std::vector{0}), "transition::gold: P has 2 rows, truth has 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)gold(p, std::vector{0, 2}),
      "transition::gold: truth row 1 is 2; labels must be 0..1, or negative for unlabelled",
      input_error);
  CHECK_THROWS_WITH_AS((void)gold(p, g, std::vector{1}), "transition::gold: P has 2 rows, y has 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)gold(p, g, {.calibrate = true}),
                       "transition::gold: options.calibrate needs the given labels y", input_error);
  CHECK_THROWS_WITH_AS((void)gold(p, g, {.adjust = true}),
                       "transition::gold: options.adjust needs the given labels y", input_error);
  CHECK_THROWS_WITH_AS(
      (void)gold(matrix<double>{{0.5, 0.5}, {0.5, 0.7}}, g),
      "transition::gold: P row 1 sums to 1.2; rows must be probability distributions "
      "(tolerance 1e-3)",
      input_error);
  CHECK_THROWS_WITH_AS((void)gold(p, g, {.uniform_share = 2}),
                       "transition::gold: options.uniform_share is 2; need [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)gold(p, g, {.adjust_penalty = 0}),
                       "transition::gold: options.adjust_penalty is 0; need (0, 1e9)", input_error);
  CHECK_THROWS_WITH_AS(
      (void)gold(p, g, {.true_share = {1}}),
      "transition::gold: options.true_share has 1 entries; need 2, one per class, or none",
      input_error);
  CHECK_THROWS_WITH_AS((void)gold(p, g, {.true_share = {0.5, 0.4}}),
                       "transition::gold: options.true_share sums to 0.9; need 1 (tolerance 1e-3)",
                       input_error);
  CHECK_NOTHROW((void)gold(p, g, y, {.uniform_share = 1, .true_share = {1, 0}}));
}

}  // namespace
