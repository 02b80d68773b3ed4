// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/anchor_points.hpp>

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
using limpid::transition::anchor_points;
using limpid::transition::anchor_points_options;
using limpid::transition::anchor_rule;
using limpid_test::gap;
using limpid_test::to_matrix;
using rows_of = limpid::vector<std::size_t>;
using flags = limpid::vector<std::uint8_t>;

TEST_CASE("anchor_points: the surest row of each class, by hand") {
  matrix<double> const p{{0.9, 0.1}, {0.6, 0.4}, {0.2, 0.8}, {0.3, 0.7}};
  auto const r = anchor_points(p, {.rule = anchor_rule::arg_max});
  CHECK(r.anchor_row == rows_of{0, 2});
  CHECK(r.transition == matrix<double>{{0.9, 0.1}, {0.2, 0.8}});
  CHECK(gap(r.confidence, std::vector{0.9, 0.8}) == 0);
  // the quantile 0.97 of four rows, taken upwards, is the largest: the second is left
  auto const second = anchor_points(p);
  CHECK(second.anchor_row == rows_of{1, 3});
  CHECK(second.transition == matrix<double>{{0.6, 0.4}, {0.3, 0.7}});
  CHECK(second.fell_back == flags{0, 0});
  // two classes: T(0, 1) = min P(., 1), T(1, 0) = min P(., 0)
  auto const least = anchor_points(p, {.rule = anchor_rule::least_posterior});
  CHECK(gap(least.transition, matrix<double>{{0.9, 0.1}, {0.2, 0.8}}) < 1e-15);
  CHECK(least.anchor_row.empty());
  auto const third =
      anchor_points(p, {.rule = anchor_rule::least_posterior, .least_quantile = 1. / 3});
  CHECK(gap(third.transition, matrix<double>{{0.6, 0.4}, {0.3, 0.7}}) < 1e-15);
}

TEST_CASE("anchor_points: post-processing in Patrini's order") {
  matrix<double> const p{{0.8, 0.15, 0.05}, {0.1, 0.9, 0}, {0, 0, 1}};
  auto const r =
      anchor_points(p, {.rule = anchor_rule::arg_max, .clip_to_zero = 0.1, .identity_share = 0.5});
  matrix<double> const expected{{0.5 + 0.4 / 0.95, 0.075 / 0.95, 0}, {0.05, 0.95, 0}, {0, 0, 1}};
  CHECK(gap(r.transition, expected) < 1e-15);
  auto const raw = anchor_points(
      p, {.rule = anchor_rule::arg_max, .clip_to_zero = 0.1, .normalise_rows = false});
  CHECK(gap(raw.transition, matrix<double>{{0.8, 0.15, 0}, {0.1, 0.9, 0}, {0, 0, 1}}) == 0);
  auto const none = anchor_points(matrix<double>{{0.5, 0.5}},
                                  {.rule = anchor_rule::arg_max, .clip_to_zero = 0.9});
  CHECK(none.transition == matrix<double>::identity(2));
  CHECK(none.class_estimated == flags{0, 0});
}

// golden: loss-correction 15a79de, T-Revision b598cf2, lio 07587a6
TEST_CASE("anchor_points: the numbers of the official codes") {
  auto const file = limpid_test::golden("anchor_dualt_glc.json");
  auto const p =
      to_matrix(limpid_test::golden("cleanlab_confident_learning.json")["input"]["pred_probs"]);
  auto const check = [&](auto const& r, limpid_test::golden_value const& e, char const* t) {
    CHECK(gap(r.anchor_row, e["row_index"].template get<std::vector<std::size_t>>()) == 0);
    CHECK(gap(r.transition, to_matrix(e[t])) <= 1e-15);
  };
  auto const& e = file["expected"];
  check(anchor_points(p, {.rule = anchor_rule::arg_max, .normalise_rows = false}), e["argmax"],
        "T");
  check(anchor_points(p, {.normalise_rows = false}), e["q97_pure_no_aliasing"], "T_raw");
  check(anchor_points(
            p, {.interpolation = limpid::ops::quantile_rule::linear, .normalise_rows = false}),
        e["q97_lio_linear_quantile"], "T");
  check(anchor_points(p), e["q97_official_in_place"],
        "T_row_normalised_Patrini");  // no aliasing occurs in these data
}

// the official codes read zeros that they wrote themselves; this library reads the data
TEST_CASE("anchor_points: P is not written to") {
  auto const e = limpid_test::golden("anchor_dualt_glc.json")["aliasing_case"];
  auto const p = to_matrix(e["pred_probs"]);
  auto const r = anchor_points(p, {.normalise_rows = false});
  CHECK(gap(r.transition, to_matrix(e["pure_T"])) <= 1e-15);
  CHECK(gap(r.anchor_row, e["pure_rows"].get<std::vector<std::size_t>>()) == 0);
  CHECK(gap(r.transition, to_matrix(e["official_in_place_T"])) > 0.01);
}

TEST_CASE("anchor_points: with an anchor per class T comes back, and permutations pass through") {
  //! [anchors]
  limpid::matrix<double> const T{{0.7, 0.2, 0.1}, {0.0, 0.9, 0.1}, {0.3, 0.1, 0.6}};
  // 300 clean posteriors, the first three of them certain; P(given | x) = P(true | x) T
  auto clean = limpid_test::make_posteriors(300, 3, 7).p;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k) clean(i, k) = i == k ? 1 : 0;
  auto const P = limpid_test::multiply(clean, T);

  auto const r =
      limpid::transition::anchor_points(P, {.rule = limpid::transition::anchor_rule::arg_max});
  // r.transition is T: rows 0, 1 and 2 are the anchors
  //! [anchors]
  CHECK(gap(r.transition, T) < 1e-15);
  CHECK(r.anchor_row == rows_of{0, 1, 2});
  std::size_t const to[] = {2, 0, 1};
  matrix<double> moved(300, 3), reversed(300, 3);
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t k = 0; k < 3; ++k) {
      moved(i, to[k]) = P(i, k);
      reversed(299 - i, k) = P(i, k);
    }
  auto const a = anchor_points(P), b = anchor_points(moved), c = anchor_points(reversed);
  CHECK(a.transition == c.transition);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(b.transition(to[i], to[j]) == doctest::Approx(a.transition(i, j)).epsilon(1e-14));
  CHECK(gap(a.transition, limpid_test::transpose(a.transition)) > 0.05);
}

TEST_CASE("anchor_points: what is to be distrusted is flagged") {
  matrix<double> const flat(40, 2, 0.5);
  auto const r = anchor_points(flat);
  CHECK(r.fell_back == flags{1, 1});
  CHECK(r.shared_row == flags{1, 1});
  CHECK(r.anchor_row == rows_of{0, 0});  // ties to the lowest row
  CHECK(anchor_points(flat, {.rule = anchor_rule::arg_max}).fell_back == flags{0, 0});
  auto const one = anchor_points(matrix<double>{{0.25, 0.75}});
  CHECK(one.fell_back == flags{1, 1});
  CHECK(anchor_points(matrix<double>(5, 1, 1.0)).transition == matrix<double>{{1}});
}

/// By full sorts of row numbers.
rows_of by_sorting(matrix<double> const& p, double q) {
  rows_of out(p.cols());
  for (std::size_t i = 0; i < p.cols(); ++i) {
    std::vector<double> v(p.rows());
    for (std::size_t r = 0; r < p.rows(); ++r) v[r] = p(r, i);
    std::sort(v.begin(), v.end());
    double const theta =
        v[static_cast<std::size_t>(std::ceil(q * static_cast<double>(v.size() - 1) - 1e-9))];
    bool found = false;
    for (std::size_t r = 0; r < p.rows(); ++r)
      if (p(r, i) < theta && (!found || p(r, i) > p(out[i], i))) out[i] = r, found = true;
    if (!found)
      for (std::size_t r = 0; r < p.rows(); ++r)
        if (p(r, i) > p(out[i], i)) out[i] = r;
  }
  return out;
}

TEST_CASE("anchor_points: every policy agrees with sorting") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{1}, std::size_t{40}, tile - 1, tile, tile + 1, 2 * tile + 9})
    for (double q : {0.97, 0.5, 1.0}) {
      CAPTURE(n);
      auto const p = limpid_test::make_posteriors(n, 4, 3).p;
      auto const expected = by_sorting(p, q);
      anchor_points_options const options{.quantile = q};
      auto const r = anchor_points(limpid::seq, p, options);
      CHECK(r.anchor_row == expected);
      for (std::size_t i = 0; i < 4; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < 4; ++j) sum += p(expected[i], j);
        for (std::size_t j = 0; j < 4; ++j)
          CHECK(r.transition(i, j) == doctest::Approx(p(expected[i], j) / sum));
      }
      CHECK(anchor_points(p, options).transition == r.transition);
      for (int threads : {1, 2, 3, 7}) {
        limpid::par_policy par;
        par.threads = threads;
        CHECK(anchor_points(par, p, options).transition == r.transition);
      }
      limpid_test::device_matrix<double> const on_device(p.view());
      CHECK(anchor_points(limpid_test::device, on_device, options).transition == r.transition);
      limpid_test::strided const padded(p);
      CHECK(anchor_points(padded.window, options).transition == r.transition);
      CHECK(gap(anchor_points(limpid_test::to_float(p), options).transition, r.transition) < 1e-6);
    }
}

TEST_CASE("anchor_points: several rows are averaged") {
  matrix<double> const p{{0.9, 0.1}, {0.8, 0.2}, {0.8, 0.2}, {0.3, 0.7}, {0.5, 0.5}};
  auto const r = anchor_points(p, {.rule = anchor_rule::arg_max, .rows = 2});
  CHECK(gap(r.transition, {{0.85, 0.15}, {0.4, 0.6}}) < 1e-15);
  CHECK(r.anchor_row == limpid::vector<std::size_t>{0, 3});
  CHECK(r.confidence[0] == 0.9);
  // of equally sure rows one, and no more rows than there are: 0.9, 0.8, 0.5, 0.3
  auto const all = anchor_points(p, {.rule = anchor_rule::arg_max, .rows = 99});
  CHECK(all.transition(0, 0) == doctest::Approx(2.5 / 4));
  CHECK(anchor_points(p, {.rule = anchor_rule::arg_max, .rows = 1}).transition ==
        anchor_points(p, {.rule = anchor_rule::arg_max}).transition);
  // with noise in P the mean of ten is nearer than the one
  auto const one = limpid_test::make_posteriors(20000, 3, 8);
  auto const a = anchor_points(one.p, {.rows = 20}), b = anchor_points(one.p);
  CHECK(a.transition(0, 0) < b.transition(0, 0));  // and further from the corner
}

TEST_CASE("anchor_points: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)anchor_points(matrix<double>(0, 2)),
                       "transition::anchor_points: P is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(p, {.quantile = 0}),
                       "transition::anchor_points: options.quantile is 0; need (0, 1]",
                       input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(p, {.quantile = nan}),
                       "transition::anchor_points: options.quantile is nan; need (0, 1]",
                       input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(p, {.least_quantile = 1}),
                       "transition::anchor_points: options.least_quantile is 1; need [0, 1)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(p, {.clip_to_zero = -1}),
                       "transition::anchor_points: options.clip_to_zero is -1; need [0, 1)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(p, {.identity_share = 1.5}),
                       "transition::anchor_points: options.identity_share is 1.5; need [0, 1]",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)anchor_points(matrix<double>{{0.2, 0.3, 0.5}}, {.rule = anchor_rule::least_posterior}),
      "transition::anchor_points: the least_posterior rule is for two classes; P has 3",
      input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(matrix<double>{{0.5, 0.5}, {0.5, 0.81}}),
                       "transition::anchor_points: P row 1 sums to 1.31; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(matrix<double>{{nan, 0.5}}),
                       "transition::anchor_points: P row 0 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS((void)anchor_points(matrix<double>{{0.5, 0.5}}, {.rows = 0}),
                       "transition::anchor_points: options.rows is 0; need at least 1",
                       limpid::input_error);
  CHECK_NOTHROW((void)anchor_points(
      p, {.quantile = 1, .least_quantile = 0.999, .clip_to_zero = 0.999, .identity_share = 1}));
}

}  // namespace
