// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/revise.hpp>

#include <doctest/doctest.h>

#include <limpid/classify/softmax_regression.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/transition/noise_layer.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::revise;
using limpid::transition::revise_loss;
using limpid::transition::revise_options;
using limpid_test::gap;
using limpid_test::to_matrix;

struct planted {
  matrix<double> x, s, T{{0.7, 0.3, 0}, {0, 0.8, 0.2}, {0.25, 0.05, 0.7}};
  std::vector<int> y, z;
};
// Three Gaussian classes in two columns; s is the true posterior.
planted make(std::size_t n, std::uint64_t seed) {
  planted d;
  d.x = matrix<double>(n, 2);
  d.s = matrix<double>(n, 3);
  d.y = d.z = std::vector<int>(n);
  double const centre[3][2] = {{0, 0}, {3, 0}, {0, 3}};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    std::size_t const z = draw.below(3);
    for (std::size_t c = 0; c < 2; ++c) {
      double g = -6;
      for (int a = 0; a < 12; ++a) g += draw.uniform();
      d.x(i, c) = centre[z][c] + g;
    }
    double sum = 0, u = draw.uniform();
    for (std::size_t k = 0; k < 3; ++k) {
      double const a = d.x(i, 0) - centre[k][0], b = d.x(i, 1) - centre[k][1];
      sum += d.s(i, k) = std::exp(-0.5 * (a * a + b * b));
    }
    for (std::size_t k = 0; k < 3; ++k) d.s(i, k) /= sum;
    std::size_t j = 0;
    while (j < 2 && u >= d.T(z, j)) u -= d.T(z, j++);
    d.z[i] = static_cast<int>(z);
    d.y[i] = static_cast<int>(j);
  }
  return d;
}

// golden: T-Revision loss.py, each row with the same slack; gradients by torch 1.13 autograd
TEST_CASE("revise: the paper's loss and its gradient in the slack") {
  auto const g = limpid_test::golden("loss_corrections.json");
  auto const e = g["expected"]["t_revision_v1_fixed_(no_accumulation)"];
  auto const logits = to_matrix(g["input"]["logits"]);
  matrix<double> s(logits.rows(), logits.cols());
  limpid::ops::softmax_rows(limpid::seq, limpid::matrix_view<double const>(logits.view()),
                            s.view());
  auto const r = revise(s, limpid_test::to_ints(g["input"]["labels"]), to_matrix(g["input"]["T"]),
                        {.loss = revise_loss::reweighted,
                         .penalty = 1e-9,
                         .slack = to_matrix(e["dT"]),
                         .project = false,
                         .max_iterations = 0});
  CHECK(r.objective == doctest::Approx(e["mean_loss"].get<double>()).epsilon(1e-7));
  CHECK(gap(r.gradient, to_matrix(e["grad_dT"])) < 1e-7);
  CHECK(gap(r.slack, to_matrix(e["dT"])) < 1e-15);
  CHECK(std::abs(r.objective -
                 g["expected"]["t_revision_published_v1_loop_accumulates_slack"]["mean_loss"]
                     .get<double>()) > 0.05);
}

TEST_CASE("revise: the slack by likelihood") {
  auto const in = make(3000, 3);
  auto const& S = in.s;
  auto const& y = in.y;
  //! [slack]
  limpid::matrix<double> const guess{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.1, 0.1, 0.8}};

  auto const r = limpid::transition::revise(S, y, guess);
  // r.transition = guess + r.slack, nearer to the T that made the labels
  //! [slack]
  CHECK(r.converged);
  CHECK(r.objective < r.first_objective);
  CHECK(gap(r.transition, in.T) < 0.06);
  CHECK(gap(guess, in.T) > 0.19);
  // without the pull it is the noise layer's maximum
  auto const layer = limpid::transition::noise_layer(S, y);
  auto const loose =
      revise(S, y, guess, {.penalty = 1e-6, .tolerance = 1e-14, .max_iterations = 5000});
  CHECK(gap(loose.transition, layer.transition) < 1e-3);
  CHECK(loose.objective == doctest::Approx(-layer.log_likelihood / 3000).epsilon(1e-8));
  // with much of it, the guess
  CHECK(gap(revise(S, y, guess, {.penalty = 1e9}).transition, guess) < 1e-4);
  // an optimum: a step along the negative gradient, projected, leads nowhere
  auto const tight = revise(S, y, guess, {.tolerance = 1e-15, .max_iterations = 5000});
  for (std::size_t k = 0; k < 3; ++k) {
    double row[3];
    for (std::size_t j = 0; j < 3; ++j) row[j] = tight.transition(k, j) - tight.gradient(k, j);
    limpid::transition::detail::onto_simplex(row, 3);
    for (std::size_t j = 0; j < 3; ++j) CHECK(std::abs(row[j] - tight.transition(k, j)) < 1e-5);
  }
  // the gradient is that of the objective, by differences
  double const e = 1e-5;
  matrix<double> slack(3, 3);
  auto const at = [&](double d) {
    slack(1, 2) = d;
    return revise(
        S, y, guess,
        {.loss = revise_loss::reweighted, .slack = slack, .project = false, .max_iterations = 0});
  };
  CHECK((at(e).objective - at(-e).objective) / (2 * e) ==
        doctest::Approx(at(0).gradient(1, 2)).epsilon(1e-6));
}

TEST_CASE("revise: rows held out judge") {
  auto const in = make(600, 5);
  auto const guess = matrix<double>{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.1, 0.1, 0.8}};
  auto const r = revise(in.s, in.y, guess, {.holdout = 0.3, .seed = 2});
  double loss = 0, rows = 0;
  for (std::size_t i = 0; i < 600; ++i) {
    if (limpid::random_stream(2, 0, i).uniform() >= 0.3) continue;
    double u = 0;
    for (std::size_t k = 0; k < 3; ++k)
      u += in.s(i, k) * r.transition(k, static_cast<std::size_t>(in.y[i]));
    loss -= std::log(u);
    rows += 1;
  }
  CHECK(r.held_out_loss == doctest::Approx(loss / rows));
  auto const start = revise(in.s, in.y, guess, {.holdout = 0.3, .seed = 2, .max_iterations = 0});
  CHECK(r.held_out_loss < start.held_out_loss);
}

TEST_CASE("revise: with a classifier, from features") {
  auto const in = make(1500, 7);
  auto const& X = in.x;
  auto const& y = in.y;
  auto const guess = matrix<double>{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.1, 0.1, 0.8}};
  //! [jointly]
  auto const r = limpid::transition::revise(X, y, guess, limpid::classify::softmax_regression{});
  // r.transition, and r.model of the true class
  //! [jointly]
  CHECK(r.rounds > 2);
  for (std::size_t t = 1; t < r.trace.size(); ++t) CHECK(r.trace[t] > r.trace[t - 1] - 1e-4);
  CHECK(gap(r.transition, in.T) < 0.12);
  CHECK(gap(r.transition, in.T) < 0.8 * gap(guess, in.T));
  auto const predicted = r.model.predict(X);
  int right = 0;
  for (std::size_t i = 0; i < 1500; ++i) right += predicted[i] == in.z[i];
  CHECK(right > 1300);
  // sure that labels are right: plain regression on the labels
  auto const sure = revise(X, y, matrix<double>::identity(3),
                           limpid::classify::softmax_regression{}, {.prior_rows = 1e12});
  auto const plain = limpid::classify::softmax_regression{}.fit(X, y, 3);
  CHECK(gap(sure.model.weights, plain.weights) < 1e-3);
  int calls = 0;
  limpid::transition::revise_jointly_options stop;
  stop.on_progress = [&](double) { return ++calls < 2; };
  auto const s = revise(X, y, guess, limpid::classify::softmax_regression{}, stop);
  CHECK(s.stopped);
  CHECK(s.rounds == 2);
}

TEST_CASE("revise: one class, stopped") {
  auto const one = revise(matrix<double>(2, 1, 1.0), std::vector{0, 0}, matrix<double>{{1}});
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.converged);
  auto const in = make(300, 1);
  revise_options stop{.tolerance = 0};
  stop.on_progress = [](double) { return false; };
  auto const r = revise(in.s, in.y, in.T, stop);
  CHECK(r.stopped);
  CHECK(r.iterations == 1);
}

TEST_CASE("revise: every policy and type") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const in = make(n, 9);
  auto const guess = matrix<double>{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.1, 0.1, 0.8}};
  revise_options const options{.holdout = 0.1};
  auto const r = revise(limpid::seq, in.s, in.y, guess, options);
  CHECK(revise(in.s, in.y, guess, options).transition == r.transition);
  for (int threads : {1, 3})
    CHECK(revise(limpid::par_policy{.threads = threads}, in.s, in.y, guess, options).transition ==
          r.transition);
  limpid_test::device_matrix<double> const s(in.s.view()), t(guess.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n));
  CHECK(revise(limpid_test::device, s, y, t, options).transition == r.transition);
  CHECK(gap(revise(limpid_test::to_float(in.s), in.y, guess, options).transition, r.transition) <
        1e-4);
  limpid_test::strided const padded(in.s);
  CHECK(revise(padded.window, in.y, guess, options).transition == r.transition);
}

TEST_CASE("revise: bad input") {
  matrix<double> const s{{0.5, 0.5}, {0.25, 0.75}}, t{{0.9, 0.1}, {0.2, 0.8}};
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)revise(matrix<double>(0, 2), std::vector<int>{}, t),
                       "transition::revise: S is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)revise(s, std::vector{0}, t),
                       "transition::revise: S has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)revise(s, std::vector{0, 2}, t),
                       "transition::revise: y row 1 is 2; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)revise(s, y, matrix<double>(3, 3)),
                       "transition::revise: T is 3 x 3; need 2 x 2", input_error);
  CHECK_THROWS_WITH_AS(
      (void)revise(s, y, matrix<double>{{1, 1}, {0, 1}}),
      "transition::revise: T row 0 sums to 2; rows must be probability distributions "
      "(tolerance 1e-3)",
      input_error);
  CHECK_THROWS_WITH_AS((void)revise(s, y, t, {.penalty = 0}),
                       "transition::revise: options.penalty is 0; need more than 0", input_error);
  CHECK_THROWS_WITH_AS((void)revise(s, y, t, {.slack = matrix<double>(1, 1)}),
                       "transition::revise: options.slack is 1 x 1; need 2 x 2, or none",
                       input_error);
  CHECK_THROWS_WITH_AS((void)revise(s, y, t, {.holdout = 1}),
                       "transition::revise: options.holdout is 1; need [0, 1)", input_error);
  limpid::classify::softmax_regression const head;
  CHECK_THROWS_WITH_AS((void)revise(s, y, t, head, {.prior_rows = 0}),
                       "transition::revise: options.prior_rows is 0; need more than 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)revise(s, y, t, head, {.max_rounds = 0}),
                       "transition::revise: options.max_rounds is 0; need at least 1", input_error);
  CHECK_NOTHROW(
      (void)revise(s, y, t, {.penalty = 1e-3, .slack = matrix<double>(2, 2), .max_iterations = 1}));
}

}  // namespace
