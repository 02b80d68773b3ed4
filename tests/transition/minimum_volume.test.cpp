// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/minimum_volume.hpp>

#include <doctest/doctest.h>

#include <limpid/transition/anchor_points.hpp>
#include <limpid/transition/forward_loss.hpp>

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
using limpid::transition::minimum_volume;
using limpid::transition::minimum_volume_options;
using limpid_test::gap;
using limpid_test::to_matrix;

constexpr double no_row = std::numeric_limits<double>::infinity();

// golden: sequential linear programmes, scipy 1.10.1
TEST_CASE("minimum_volume: exact posteriors without anchors give T") {
  auto const e = limpid_test::golden("transition_misc.json")["volmin_given_P_sequential_LP"];
  auto const P = to_matrix(e["P"]);
  //! [call]
  auto const r =
      limpid::transition::minimum_volume(P, {.penalty = std::numeric_limits<double>::infinity()});
  // T = r.transition, though no row of P is an anchor
  //! [call]
  CHECK(r.converged);
  CHECK(r.rounds == 2);
  CHECK(gap(r.transition, to_matrix(e["T"])) < 1e-9);
  CHECK(std::exp(r.log_volume) == doctest::Approx(e["abs_det_T_hat"].get<double>()));
  CHECK(r.outside_share == 0);
  auto const anchors =
      limpid::transition::anchor_points(P, {.rule = limpid::transition::anchor_rule::arg_max});
  CHECK(gap(anchors.transition, to_matrix(e["T"])) > 0.02);
  auto const soft = minimum_volume(P);
  CHECK(soft.converged);
  CHECK(gap(soft.transition, to_matrix(e["T"])) < 0.05);
}

// golden: scipy 1.17.1, linprog (HiGHS): make_enclosing_simplex.py
TEST_CASE("minimum_volume: the linear programmes of another solver") {
  for (auto const c : limpid_test::golden("enclosing_simplex.json")["cases"]) {
    auto const P = to_matrix(c["P"]);
    CAPTURE(c["K"].get<int>());
    CAPTURE(c["sd"].get<double>());
    bool const hard = c["penalty"].is_null();
    auto const r = minimum_volume(P, {.penalty = hard ? no_row : c["penalty"].get<double>()});
    CHECK(r.converged);
    double const volume = c["volume"].get<double>();
    if (hard) {
      CHECK(r.objective == doctest::Approx(volume).epsilon(1e-6));
      matrix<double> const T = to_matrix(c["T_volume"]);
      if (r.projected < 1e-9) CHECK(gap(r.transition, T) < 1e-5);
    } else {
      CHECK(r.objective > volume - 1e-3);  // rounded corners; a better local maximum is welcome
      CHECK(r.objective < volume + 0.05);
    }
  }
}

TEST_CASE("minimum_volume: names from labels, permuted classes") {
  auto const c = limpid_test::golden("enclosing_simplex.json")["cases"][2];
  auto const P = to_matrix(c["P"]);
  auto const plain = minimum_volume(P, {.penalty = no_row});
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
  auto const named = minimum_volume(P, y, {.penalty = no_row});
  for (std::size_t k = 0; k < 5; ++k)
    for (std::size_t j = 0; j < 5; ++j)
      CHECK(named.transition(to[k], j) == doctest::Approx(plain.transition(k, j)));
  for (int& label : y)
    if (label == 4) label = 0;
  CHECK(minimum_volume(P, y).class_estimated == limpid::vector<std::uint8_t>{1, 1, 1, 1, 0});
}

TEST_CASE("minimum_volume: rows that span too little, one class, stopped") {
  matrix<double> const flat{{0.6, 0.3, 0.1}, {0.2, 0.5, 0.3}, {0.4, 0.4, 0.2}};
  auto const r = minimum_volume(flat);
  CHECK(r.not_identifiable);
  CHECK(r.transition == matrix<double>::identity(3));
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{0, 0, 0});
  auto const one = minimum_volume(matrix<double>(3, 1, 1.0));
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.converged);
  CHECK(minimum_volume(matrix<double>{{0.5, 0.5}}).not_identifiable);
  auto const P = to_matrix(limpid_test::golden("enclosing_simplex.json")["cases"][5]["P"]);
  int calls = 0;
  minimum_volume_options stop;
  stop.on_progress = [&](double) { return ++calls < 3; };
  auto const s = minimum_volume(P, stop);
  CHECK(s.stopped);
  CHECK(!s.converged);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(s.transition(k, 0) + s.transition(k, 1) + s.transition(k, 2) == doctest::Approx(1));
}

// golden: VolMinNet main.py, models.sig_t; gradients by torch 1.13 autograd
TEST_CASE("minimum_volume: VolMinNet's loss") {
  auto const g = limpid_test::golden("loss_corrections.json");
  auto const e = g["expected"]["volmin"];
  auto const logits = to_matrix(g["input"]["logits"]);
  auto const y = limpid_test::to_ints(g["input"]["labels"]);
  auto const W = to_matrix(e["W"]);
  double const strength = e["lambda"].get<double>();
  auto const T = limpid::transition::volume_transition(W);
  CHECK(gap(T, to_matrix(e["T"])) < 1e-7);
  CHECK(gap(limpid::transition::volume_transition(matrix<double>(4, 4, -2.0)),
            to_matrix(e["T_init_w=-2"])) < 1e-7);
  auto const loss = limpid::transition::forward_loss(logits, y, T, {.transition_gradient = true});
  double const logs = limpid::transition::detail::enclosing::log_det(T);
  CHECK(loss.mean_loss + strength * logs == doctest::Approx(e["loss"].get<double>()).epsilon(1e-7));
  matrix<double> in_t(4, 4);
  for (std::size_t c = 0; c < 16; ++c) in_t.data()[c] = loss.transition_gradient.data()[c];
  CHECK(gap(limpid::transition::volume_gradient(W, in_t, strength), to_matrix(e["grad_W"])) < 1e-7);
  CHECK_THROWS_WITH_AS((void)limpid::transition::volume_transition(matrix<double>(2, 3)),
                       "transition::volume_transition: weights is 2 x 3; need K x K, K >= 1",
                       input_error);
}

TEST_CASE("minimum_volume: every policy and type") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const few = limpid_test::make_posteriors(n, 3, 3);
  for (double penalty : {30.0, no_row}) {
    CAPTURE(penalty);
    minimum_volume_options const options{.penalty = penalty, .max_rows = 700};
    auto const r = minimum_volume(limpid::seq, few.p, few.y, options);
    CHECK(minimum_volume(few.p, few.y, options).transition == r.transition);
    for (int threads : {1, 3})
      CHECK(minimum_volume(limpid::par_policy{.threads = threads}, few.p, few.y, options)
                .transition == r.transition);
    limpid_test::device_matrix<double> const p(few.p.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(few.y.data(), n));
    CHECK(minimum_volume(limpid_test::device, p, y, options).transition == r.transition);
    CHECK(gap(minimum_volume(limpid_test::to_float(few.p), few.y, options).transition,
              r.transition) < 1e-3);
    limpid_test::strided const padded(few.p);
    CHECK(minimum_volume(padded.window, few.y, options).transition == r.transition);
  }
}

TEST_CASE("minimum_volume: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  CHECK_THROWS_WITH_AS(
      (void)minimum_volume(matrix<double>(0, 2)),
      "transition::minimum_volume: P is 0 x 2; need at least one row and one class", input_error);
  CHECK_THROWS_WITH_AS((void)minimum_volume(p, std::vector{0}),
                       "transition::minimum_volume: P has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)minimum_volume(p, std::vector{0, 3}),
                       "transition::minimum_volume: y row 1 is 3; labels must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)minimum_volume(matrix<double>{{0.5, 0.6}}),
                       "transition::minimum_volume: P row 0 sums to 1.1; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)minimum_volume(p, {.penalty = 0}),
                       "transition::minimum_volume: options.penalty is 0; need more than 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)minimum_volume(p, {.max_rounds = 0}),
                       "transition::minimum_volume: options.max_rounds is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)minimum_volume(p, {.max_rows = 0}),
                       "transition::minimum_volume: options.max_rows is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)minimum_volume(matrix<double>(1, 33, 1. / 33), {.penalty = no_row}),
      "transition::minimum_volume: options.penalty is infinite with 33 classes; need 32 "
      "at most",
      input_error);
  CHECK_NOTHROW((void)minimum_volume(p, {.max_rounds = 1, .max_rows = 1}));
}

}  // namespace
