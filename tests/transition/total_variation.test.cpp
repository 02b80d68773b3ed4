// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/total_variation.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::total_variation;
using limpid::transition::total_variation_options;
using limpid_test::gap;
using limpid_test::to_matrix;

constexpr double no_row = std::numeric_limits<double>::infinity();

// golden: sequential linear programmes, scipy 1.10.1 and 1.17.1 (linprog, HiGHS):
// make_enclosing_simplex.py
TEST_CASE("total_variation: exact posteriors without anchors give T") {
  auto const e = limpid_test::golden("transition_misc.json")["volmin_given_P_sequential_LP"];
  auto const P = to_matrix(e["P"]);
  //! [call]
  auto const r =
      limpid::transition::total_variation(P, {.penalty = std::numeric_limits<double>::infinity()});
  // T = r.transition, though no row of P is an anchor
  //! [call]
  CHECK(r.converged);
  CHECK(gap(r.transition, to_matrix(e["T"])) < 1e-8);
  CHECK(r.outside_share == 0);
  CHECK(gap(total_variation(P).transition, to_matrix(e["T"])) < 0.05);
  for (auto const c : limpid_test::golden("enclosing_simplex.json")["cases"]) {
    if (!c["penalty"].is_null()) continue;
    CAPTURE(c["K"].get<int>());
    auto const s = total_variation(to_matrix(c["P"]), {.penalty = no_row});
    CHECK(s.converged);
    CHECK(s.objective == doctest::Approx(c["distance"].get<double>()).epsilon(1e-6));
    if (s.projected < 1e-9) CHECK(gap(s.transition, to_matrix(c["T_distance"])) < 1e-6);
  }
}

TEST_CASE("total_variation: what it maximises") {
  auto const P = to_matrix(limpid_test::golden("enclosing_simplex.json")["cases"][0]["P"]);
  auto const r = total_variation(P, {.penalty = no_row});
  REQUIRE(r.projected < 1e-9);
  auto const q = limpid::ops::invert(r.transition).inverse;
  double before = 0, after = 0;
  for (std::size_t a = 0; a < 40; ++a)
    for (std::size_t b = 0; b < 40; ++b)
      for (std::size_t k = 0; k < 3; ++k) {
        double x = 0;
        for (std::size_t j = 0; j < 3; ++j) x += (P(a, j) - P(b, j)) * q(j, k);
        after += 0.5 * std::abs(x) / 1600;
        before += 0.5 * std::abs(P(a, k) - P(b, k)) / 1600;
      }
  CHECK(r.objective == doctest::Approx(after).epsilon(1e-9));
  CHECK(before < after);
  // fewer pairs tell nearly as much
  auto const few = total_variation(P, {.penalty = no_row, .pairs = 300});
  CHECK(gap(few.transition, r.transition) < 0.05);
  CHECK(total_variation(P, {.penalty = no_row, .pairs = 300, .seed = 1}).objective !=
        few.objective);
}

// golden: lio core.py
TEST_CASE("total_variation: the update of the concentrations") {
  auto const e =
      limpid_test::golden("loss_corrections.json")["expected"]["lio_dirichlet_argmax_update"];
  auto const next =
      limpid::transition::dirichlet_update(to_matrix(e["alpha0"]), to_matrix(e["counts"]));
  CHECK(gap(next, to_matrix(e["alpha1"])) < 1e-12);
  CHECK_THROWS_WITH_AS(
      (void)limpid::transition::dirichlet_update(matrix<double>(2, 2), matrix<double>(3, 2)),
      "transition::dirichlet_update: concentration is 2 x 2, counts is 3 x 2", input_error);
}

TEST_CASE("total_variation: names from labels, permuted classes") {
  auto const c = limpid_test::golden("enclosing_simplex.json")["cases"][2];
  auto const P = to_matrix(c["P"]);
  auto const plain = total_variation(P, {.penalty = no_row});
  // labels as the clean posterior's arg max, called otherwise
  auto const q = limpid::ops::invert(plain.transition).inverse;
  std::size_t const to[] = {3, 0, 4, 1, 2};
  std::vector<int> y(P.rows());
  for (std::size_t i = 0; i < P.rows(); ++i) {
    double best = -1;
    for (std::size_t k = 0; k < 5; ++k) {
      double x = 0;
      for (std::size_t j = 0; j < 5; ++j) x += P(i, j) * q(j, k);
      if (x > best) best = x, y[i] = static_cast<int>(to[k]);
    }
  }
  auto const named = total_variation(P, y, {.penalty = no_row});
  for (std::size_t k = 0; k < 5; ++k)
    for (std::size_t j = 0; j < 5; ++j)
      CHECK(named.transition(to[k], j) == doctest::Approx(plain.transition(k, j)));
  for (int& label : y)
    if (label == 4) label = 0;
  CHECK(total_variation(P, y, {.pairs = 100}).class_estimated ==
        limpid::vector<std::uint8_t>{1, 1, 1, 1, 0});
}

TEST_CASE("total_variation: rows that span too little, one class, stopped") {
  matrix<double> const flat{{0.6, 0.3, 0.1}, {0.2, 0.5, 0.3}, {0.4, 0.4, 0.2}};
  auto const r = total_variation(flat);
  CHECK(r.not_identifiable);
  CHECK(r.transition == matrix<double>::identity(3));
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{0, 0, 0});
  auto const one = total_variation(matrix<double>(3, 1, 1.0));
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.converged);
  CHECK(total_variation(matrix<double>{{0.5, 0.5}}).not_identifiable);
  auto const P = to_matrix(limpid_test::golden("enclosing_simplex.json")["cases"][5]["P"]);
  int calls = 0;
  total_variation_options stop{.pairs = 500};
  stop.on_progress = [&](double) { return ++calls < 3; };
  auto const s = total_variation(P, stop);
  CHECK(s.stopped);
  CHECK(!s.converged);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(s.transition(k, 0) + s.transition(k, 1) + s.transition(k, 2) == doctest::Approx(1));
}

TEST_CASE("total_variation: every policy and type") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const few = limpid_test::make_posteriors(n, 3, 3);
  for (double penalty : {5.0, no_row}) {
    CAPTURE(penalty);
    total_variation_options const options{.penalty = penalty, .pairs = 500, .max_rows = 300};
    auto const r = total_variation(limpid::seq, few.p, few.y, options);
    CHECK(total_variation(few.p, few.y, options).transition == r.transition);
    for (int threads : {1, 3})
      CHECK(total_variation(limpid::par_policy{.threads = threads}, few.p, few.y, options)
                .transition == r.transition);
    limpid_test::device_matrix<double> const p(few.p.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(few.y.data(), n));
    CHECK(total_variation(limpid_test::device, p, y, options).transition == r.transition);
    CHECK(gap(total_variation(limpid_test::to_float(few.p), few.y, options).transition,
              r.transition) < 1e-3);
    limpid_test::strided const padded(few.p);
    CHECK(total_variation(padded.window, few.y, options).transition == r.transition);
  }
}

TEST_CASE("total_variation: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  CHECK_THROWS_WITH_AS(
      (void)total_variation(matrix<double>(0, 2)),
      "transition::total_variation: P is 0 x 2; need at least one row and one class", input_error);
  CHECK_THROWS_WITH_AS((void)total_variation(p, std::vector{0}),
                       "transition::total_variation: P has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)total_variation(p, std::vector{0, 3}),
                       "transition::total_variation: y row 1 is 3; labels must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)total_variation(matrix<double>{{0.5, 0.6}}),
                       "transition::total_variation: P row 0 sums to 1.1; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)total_variation(p, {.penalty = 0}),
                       "transition::total_variation: options.penalty is 0; need more than 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)total_variation(p, {.pairs = 0}),
                       "transition::total_variation: options.pairs is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)total_variation(p, {.max_rounds = 0}),
                       "transition::total_variation: options.max_rounds is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)total_variation(p, {.max_rows = 0}),
                       "transition::total_variation: options.max_rows is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)total_variation(matrix<double>(1, 33, 1. / 33), {.penalty = no_row}),
      "transition::total_variation: options.penalty is infinite with 33 classes; need 32 "
      "at most",
      input_error);
  CHECK_NOTHROW((void)total_variation(p, {.pairs = 1, .max_rounds = 1, .max_rows = 1}));
}

}  // namespace
