// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/dual_t.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::anchor_rule;
using limpid::transition::dual_t;
using limpid_test::gap;
using limpid_test::to_matrix;
using flags = limpid::vector<std::uint8_t>;

TEST_CASE("dual_t: by hand, and in the paper's order") {
  //! [call]
  limpid::matrix<double> const P{{0.9, 0.1}, {0.6, 0.4}, {0.3, 0.7}, {0.4, 0.6}};
  std::vector<int> const y{0, 1, 1, 1};

  auto const r = limpid::transition::dual_t(
      P, y, {.anchors = {.rule = limpid::transition::anchor_rule::arg_max}});
  // predicted 0, 0, 1, 1: r.spade = {{0.5, 0.5}, {0, 1}}; r.transition = r.club * r.spade
  //! [call]
  CHECK(r.counts == matrix<double>{{1, 1}, {0, 2}});
  CHECK(r.club == matrix<double>{{0.9, 0.1}, {0.3, 0.7}});
  CHECK(gap(r.transition, matrix<double>{{0.45, 0.55}, {0.15, 0.85}}) <
        1e-15);  // spade * club would give 0.6
}

// golden: dual-t af9a491 (est_t_matrix.py, run_cifar_and_mnist.py)
TEST_CASE("dual_t: the numbers of the official code") {
  auto const e = limpid_test::golden("anchor_dualt_glc.json")["expected"]["dual_t"];
  auto const in = limpid_test::golden("cleanlab_confident_learning.json")["input"];
  auto const p = to_matrix(in["pred_probs"]);
  auto const y = limpid_test::to_ints(in["labels"]);
  auto const r = dual_t(p, y, {.anchors = {.normalise_rows = false}});
  CHECK(r.counts == to_matrix(e["counts_[pred][noisy]"]));
  CHECK(gap(r.spade, to_matrix(e["T_spade"])) <= 1e-15);
  CHECK(gap(r.club, to_matrix(e["T_club_official"])) <= 1e-15);
  CHECK(gap(r.transition, to_matrix(e["T_dual_pure"])) <= 1e-15);
  CHECK(gap(r.transition, to_matrix(e["lio_order"])) > 0.05);
  auto const s = dual_t(p, y, {.anchors = {.rule = anchor_rule::arg_max, .normalise_rows = false}});
  CHECK(gap(s.transition, to_matrix(e["T_dual_argmax"])) <= 1e-15);
}

TEST_CASE("dual_t: where labels are the predictions, T is the anchors' matrix") {
  auto data = limpid_test::make_posteriors(500, 4, 2);
  for (std::size_t i = 0; i < 500; ++i)
    data.y[i] =
        static_cast<int>(std::max_element(&data.p(i, 0), &data.p(i, 0) + 4) - &data.p(i, 0));
  auto const r = dual_t(data.p, data.y);
  CHECK(r.spade == matrix<double>::identity(4));
  CHECK(r.transition == r.club);
}

// what the page warns of: exact posteriors of the given label hold the noise twice
TEST_CASE("dual_t: calibrated posteriors give T squared, one-hot ones T") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  matrix<double> calibrated(2000, 2), sure(2000, 2);
  std::vector<int> y(2000);
  for (std::size_t i = 0; i < 2000; ++i) {
    std::size_t const z = i % 2;
    for (std::size_t k = 0; k < 2; ++k) calibrated(i, k) = T(z, k), sure(i, k) = z == k ? 1 : 0;
    y[i] = static_cast<double>(i / 2) < 1000 * T(z, 0) ? 0 : 1;
  }
  limpid::transition::dual_t_options const options{.anchors = {.rule = anchor_rule::arg_max}};
  CHECK(gap(dual_t(sure, y, options).transition, T) < 1e-12);
  CHECK(gap(dual_t(calibrated, y, options).transition, limpid_test::multiply(T, T)) < 1e-12);
}

TEST_CASE("dual_t: a row of weight 3 counts as three, one of weight 0 as none") {
  matrix<double> const P{{0.9, 0.1}, {0.8, 0.2}, {0.3, 0.7}, {0.05, 0.95}};
  std::vector const y{0, 1, 1, 0};
  auto const r = dual_t(P, y, std::vector{3.0, 1.0, 0.0, 2.0});
  CHECK(r.counts == matrix<double>{{3, 1}, {2, 0}});
  CHECK(r.spade == matrix<double>{{0.75, 0.25}, {1, 0}});
  CHECK(r.club == dual_t(P, y).club);
  CHECK(dual_t(P, y, std::vector{1.f, 1.f, 1.f, 1.f}).transition == dual_t(P, y).transition);
  CHECK_THROWS_WITH_AS((void)dual_t(P, y, std::vector{1.0, 1.0, -1.0, 1.0}),
                       "transition::dual_t: weights row 2 is negative; weights must be at least 0",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS((void)dual_t(P, y, std::vector{1.0}), doctest::Contains("weights"),
                       limpid::input_error);
}

TEST_CASE("dual_t: permuting classes permutes T") {
  auto const data = limpid_test::make_posteriors(700, 3, 4, 0.3);
  std::size_t const to[] = {1, 2, 0};
  auto moved = data;
  for (std::size_t i = 0; i < data.y.size(); ++i) {
    for (std::size_t k = 0; k < 3; ++k) moved.p(i, to[k]) = data.p(i, k);
    moved.y[i] = static_cast<int>(to[data.y[i]]);
  }
  auto const a = dual_t(data.p, data.y), b = dual_t(moved.p, moved.y);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(b.transition(to[i], to[j]) == doctest::Approx(a.transition(i, j)).epsilon(1e-13));
  CHECK(std::abs(a.transition(0, 1) - a.transition(1, 0)) > 0.02);
}

TEST_CASE("dual_t: a class that is never predicted, a label that never occurs") {
  matrix<double> const p{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.45, 0.15, 0.4}};
  auto const r = dual_t(p, std::vector{0, 1, 1});
  CHECK(r.never_predicted == flags{0, 0, 1});
  CHECK(r.spade(2, 2) == 1);
  CHECK(r.class_estimated == flags{1, 1, 0});
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(r.transition(i, 0) + r.transition(i, 1) + r.transition(i, 2) == doctest::Approx(1));
  CHECK(dual_t(matrix<double>(2, 1, 1.0), std::vector{0, 0}).transition == matrix<double>{{1}});
}

TEST_CASE("dual_t: every policy") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{1}, tile - 1, tile, tile + 1, 2 * tile + 9}) {
    CAPTURE(n);
    auto const data = limpid_test::make_posteriors(n, 4, 3);
    auto const r = dual_t(limpid::seq, data.p, data.y);
    matrix<double> counts(4, 4);
    for (std::size_t i = 0; i < n; ++i)
      counts(static_cast<std::size_t>(std::max_element(&data.p(i, 0), &data.p(i, 0) + 4) -
                                      &data.p(i, 0)),
             static_cast<std::size_t>(data.y[i])) += 1;
    CHECK(r.counts == counts);
    CHECK(gap(r.transition, limpid_test::multiply(r.club, r.spade)) < 1e-15);
    CHECK(dual_t(data.p, data.y).transition == r.transition);
    for (int threads : {1, 2, 3, 7}) {
      limpid::par_policy par;
      par.threads = threads;
      CHECK(dual_t(par, data.p, data.y).transition == r.transition);
    }
    limpid_test::device_matrix<double> const p(data.p.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
    CHECK(dual_t(limpid_test::device, p, y).transition == r.transition);
    limpid_test::strided const padded(data.p);
    CHECK(dual_t(padded.window, data.y).transition == r.transition);
    CHECK(gap(dual_t(limpid_test::to_float(data.p), data.y).transition, r.transition) < 1e-6);
  }
}

TEST_CASE("dual_t: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)dual_t(matrix<double>(0, 2), std::vector<int>{}),
                       "transition::dual_t: P is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)dual_t(p, std::vector{0}), "transition::dual_t: P has 2 rows, y has 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)dual_t(p, std::vector{0, 7}),
                       "transition::dual_t: y row 1 is 7; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)dual_t(matrix<double>{{0.5, 0.5}, {INFINITY, 0}}, std::vector{0, 1}),
                       "transition::dual_t: P row 1 has an entry that is not finite", input_error);
  CHECK_THROWS_WITH_AS((void)dual_t(matrix<double>{{0.5, 0.5}, {0.9, 0}}, std::vector{0, 1}),
                       "transition::dual_t: P row 1 sums to 0.9; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)dual_t(p, std::vector{0, 1}, {.anchors = {.quantile = 2}}),
                       "transition::anchor_points: options.quantile is 2; need (0, 1]",
                       input_error);
  CHECK_NOTHROW(
      (void)dual_t(matrix<double>{{0.5, 0.5}, {0.9, 0}}, std::vector{0, 1}, {.validate = false}));
}

}  // namespace
