// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/identifiability.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::identifiability;
using limpid::transition::identifiability_options;
using limpid::transition::identifiability_result;
using limpid_test::gap;
using limpid_test::multiply;
using flags = limpid::vector<std::uint8_t>;

/// Clean posteriors: every mixture of K classes in steps of 1/4 with no entry above `most`.
matrix<double> mixtures(double most) {
  std::vector<double> rows;
  for (int a = 0; a <= 4; ++a)
    for (int b = 0; a + b <= 4; ++b) {
      double const p[] = {a / 4., b / 4., (4 - a - b) / 4.};
      if (p[0] <= most && p[1] <= most && p[2] <= most) rows.insert(rows.end(), p, p + 3);
    }
  matrix<double> out(rows.size() / 3, 3);
  for (std::size_t c = 0; c < rows.size(); ++c) out.data()[c] = rows[c];
  return out;
}

TEST_CASE("identifiability: a good T, and one that is too noisy for the posteriors") {
  //! [call]
  limpid::matrix<double> const T{{0.7, 0.2, 0.1}, {0.1, 0.8, 0.1}, {0.15, 0.05, 0.8}};
  limpid::matrix<double> const P = multiply(mixtures(1), T);  // clean posteriors, seen through T

  auto const r = limpid::transition::identifiability(T, P);
  // r.full_rank, r.row_dominant, r.all_anchors, r.scattered; r.infeasible_share is 0
  //! [call]
  CHECK(r.finite);
  CHECK(r.rows_sum_to_one);
  CHECK(r.non_negative);
  CHECK(r.full_rank);
  CHECK(r.rank == 3);
  CHECK(r.row_dominant);
  CHECK(r.column_dominant);
  CHECK(r.majority_right);
  CHECK(r.better_than_chance);
  CHECK_FALSE(r.prior_valid);  // not asked
  CHECK(r.posteriors_checked);
  CHECK(r.all_anchors);
  CHECK(gap(r.best_anchor, std::vector{1., 1., 1.}) < 1e-12);
  CHECK(r.infeasible_share == 0);
  CHECK(r.scattered);
  CHECK(r.facet_rank == limpid::vector<std::size_t>{2, 2, 2});

  // no anchors, but rows on every face: what minimum volume needs
  auto const faces = identifiability(T, multiply(mixtures(0.75), T));
  CHECK_FALSE(faces.all_anchors);
  CHECK(faces.scattered);
  CHECK(gap(faces.best_anchor, std::vector{0.75, 0.75, 0.75}) < 1e-12);
  // neither: one row on each face does not span it
  auto const inside = identifiability(T, multiply(mixtures(0.5), T));
  CHECK_FALSE(inside.scattered);
  CHECK(inside.facet_rank == limpid::vector<std::size_t>{1, 1, 1});
  CHECK_FALSE(identifiability(T, matrix<double>(5, 3, 1. / 3)).scattered);

  // a noisier T: its inverse leaves the simplex
  matrix<double> const worse{{0.5, 0.3, 0.2}, {0.2, 0.6, 0.2}, {0.25, 0.15, 0.6}};
  CHECK(identifiability(worse, P).infeasible_share > 0.2);
}

TEST_CASE("identifiability: each condition on its own") {
  auto const of = [](matrix<double> const& T) { return identifiability(T); };
  matrix<double> const flip{{0.4, 0.6}, {0.6, 0.4}};
  CHECK(of(flip).full_rank);
  CHECK_FALSE(of(flip).row_dominant);
  CHECK_FALSE(of(flip).column_dominant);
  CHECK_FALSE(of(flip).better_than_chance);
  CHECK(of(flip).condition == doctest::Approx(5));  // eigenvalues 1 and -1/5
  CHECK(of(flip).smallest_singular_value == doctest::Approx(0.2));

  auto const blind = of({{0.5, 0.5}, {0.5, 0.5}});
  CHECK(blind.rank == 1);
  CHECK_FALSE(blind.full_rank);
  CHECK(blind.condition == std::numeric_limits<double>::infinity());
  auto const unseen =
      identifiability(matrix<double>{{0.5, 0.5}, {0.5, 0.5}}, matrix<double>{{0.5, 0.5}});
  CHECK_FALSE(unseen.posteriors_checked);

  auto const one_sided = of({{0.55, 0.45}, {0.5, 0.5}});  // row 1 is a tie
  CHECK(one_sided.class_dominant == flags{1, 0});
  CHECK_FALSE(one_sided.row_dominant);
  CHECK(one_sided.column_dominant);
  CHECK(one_sided.better_than_chance);
  CHECK_FALSE(one_sided.majority_right);
  CHECK_FALSE(of({{0.5, 0.4}, {0, 1}}).rows_sum_to_one);
  CHECK_FALSE(of({{1.1, -0.1}, {0, 1}}).non_negative);

  auto const nan = of({{NAN, 0}, {0, 1}});
  CHECK_FALSE(nan.finite);
  CHECK_FALSE(nan.full_rank);
  CHECK_FALSE(nan.row_dominant);
  CHECK(std::isnan(nan.condition));
  CHECK_FALSE(of({{INFINITY, 0}, {0, 1}}).finite);

  // P(given 0) P(true 0) < P(given 0, true 0): 0.42 * 0.2 < 0.18, and for 1 too; then not
  matrix<double> const T{{0.9, 0.1}, {0.3, 0.7}};
  CHECK(identifiability(T, {.prior = {0.2, 0.8}}).prior_valid);
  CHECK_FALSE(identifiability(flip, {.prior = {0.5, 0.5}}).prior_valid);
  CHECK(of({{1}}).better_than_chance);
  CHECK(of({{1}}).condition == 1);
}

TEST_CASE("identifiability: policies, types and sizes") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  matrix<double> P(2049, 2);
  for (std::size_t i = 0; i < 2049; ++i) {
    limpid::random_stream draw(1, 0, i);
    double const q = draw.uniform();
    P(i, 0) = q * 0.8 + (1 - q) * 0.3;
    P(i, 1) = 1 - P(i, 0);
  }
  auto const r = identifiability(T, P);
  CHECK(r.all_anchors);
  CHECK(r.scattered);
  auto const same = [&](identifiability_result const& a) {
    return a.best_anchor == r.best_anchor && a.infeasible_share == r.infeasible_share &&
           a.facet_rank == r.facet_rank && a.condition == r.condition;
  };
  CHECK(same(identifiability(limpid::seq, T, P)));
  for (int threads : {1, 3})
    CHECK(same(identifiability(limpid::par_policy{.threads = threads}, T, P)));
  limpid_test::device_matrix<double> const t(T.view()), p(P.view());
  CHECK(same(identifiability(limpid_test::device, t, p)));
  auto const narrow = identifiability(limpid_test::to_float(T), limpid_test::to_float(P));
  CHECK(narrow.all_anchors);
  CHECK(narrow.scattered);
  auto const unlooked = identifiability(T, P, {.most_facets = 1});
  CHECK_FALSE(unlooked.facets_checked);
  CHECK_FALSE(unlooked.scattered);
  CHECK(unlooked.facet_rank.empty());
}

TEST_CASE("identifiability: bad input") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)identifiability(matrix<double>(2, 3)),
                       "transition::identifiability: T is 2 x 3; need K x K, K >= 1", input_error);
  CHECK_THROWS_WITH_AS((void)identifiability(matrix<double>()),
                       "transition::identifiability: T is 0 x 0; need K x K, K >= 1", input_error);
  CHECK_THROWS_WITH_AS(
      (void)identifiability(T, matrix<double>(4, 3)),
      "transition::identifiability: P is 4 x 3; need at least one row and 2 columns", input_error);
  CHECK_THROWS_WITH_AS((void)identifiability(T, matrix<double>{{0.5, 0.6}}),
                       "transition::identifiability: P row 0 sums to 1.1; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)identifiability(T, {.prior = {1}}),
                       "transition::identifiability: options.prior has 1 entries; need 2, or none",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)identifiability(T, {.anchor_tolerance = 0.5}),
      "transition::identifiability: options.anchor_tolerance is 0.5; need (0, 0.5)", input_error);
  CHECK_THROWS_WITH_AS(
      (void)identifiability(T, {.infeasible_below = 0.1}),
      "transition::identifiability: options.infeasible_below is 0.1; need at most 0", input_error);
}

}  // namespace
