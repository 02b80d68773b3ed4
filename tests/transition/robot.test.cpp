// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/robot.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::robot;
using limpid::transition::robot_choice;
using limpid::transition::robot_loss;
using limpid::transition::robot_options;
using limpid_test::gap;

struct cloud {
  matrix<double> x;
  std::vector<int> y, truth;
  matrix<double> flips;  ///< K x K, shares of the labels that each class was given
};
/// Bells at `apart` along an axis each; labels flip to the next class, or to any other.
cloud make(std::size_t n, std::size_t K, double apart, double rate, bool pair, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> bell;
  std::uniform_real_distribution<double> u;
  cloud out{matrix<double>(n, K), std::vector<int>(n), std::vector<int>(n), matrix<double>(K, K)};
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t const z = i % K;
    for (std::size_t c = 0; c < K; ++c) out.x(i, c) = bell(rng) + (c == z ? apart : 0);
    std::size_t const other = pair ? 1 : 1 + rng() % (K - 1);
    std::size_t const y = u(rng) < rate ? (z + other) % K : z;
    out.truth[i] = static_cast<int>(z);
    out.y[i] = static_cast<int>(y);
    out.flips(z, y) += static_cast<double>(K) / static_cast<double>(n);
  }
  return out;
}

/// sigma off the diagonal, 1 on it, rows normalised.
matrix<double> rows_of(matrix<double> const& a) {
  std::size_t const K = a.rows();
  matrix<double> t(K, K);
  for (std::size_t k = 0; k < K; ++k) {
    double sum = 0;
    for (std::size_t j = 0; j < K; ++j) sum += t(k, j) = j == k ? 1 : 1 / (1 + std::exp(-a(k, j)));
    for (std::size_t j = 0; j < K; ++j) t(k, j) /= sum;
  }
  return t;
}

/// s of the result's head at row i.
std::vector<double> head_at(limpid::transition::robot_result const& r, matrix<double> const& x,
                            std::size_t i) {
  std::vector<double> s(r.bias.size());
  double sum = 0;
  for (std::size_t k = 0; k < s.size(); ++k) {
    double z = r.bias[k];
    for (std::size_t j = 0; j < x.cols(); ++j) z += r.weights(k, j) * x(i, j);
    sum += s[k] = std::exp(z);
  }
  for (double& v : s) v /= sum;
  return s;
}

TEST_CASE("robot: planted noise on separable data, and how far the paper's T goes past it") {
  {
    auto const in = make(300, 3, 5, 0.3, false, 1);
    auto const& X = in.x;
    auto const& y = in.y;
    //! [call]
    auto const r = limpid::transition::robot(X, y, 3, {.max_iterations = 75});
    // r.transition: the likeliest T of the path, r.last: its end; r.weights, r.bias: the head of
    // the true class
    //! [call]
    CHECK(gap(r.transition, in.flips) < 0.06);
    CHECK(gap(r.last, in.flips) > 0.1);
    CHECK(r.chosen > 20);
    CHECK(r.chosen < 70);
    CHECK(r.outer_loss[75] < r.outer_loss[r.chosen]);
    for (double v : r.forward_loss) CHECK(v >= r.forward_loss[r.chosen]);
    CHECK(r.inner_converged);
    CHECK(r.gauss_newton == 0);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(r.transition(k, 0) + r.transition(k, 1) + r.transition(k, 2) == doctest::Approx(1));
      CHECK(r.class_estimated[k] == 1);
    }
    double right = 0;
    for (std::size_t i = 0; i < 300; ++i) {
      auto const s = head_at(r, X, i);
      auto const z = static_cast<std::size_t>(in.truth[i]);
      right += s[z] > 0.5;
    }
    CHECK(right > 290);
    // the same path, another choice
    auto const paper = robot(X, y, 3, {.choice = robot_choice::last, .max_iterations = 5});
    CHECK(paper.transition == paper.last);
    CHECK(paper.chosen == 5);
    for (std::size_t t = 0; t <= 5; ++t) CHECK(paper.outer_loss[t] == r.outer_loss[t]);
  }
  auto const in = make(300, 3, 5, 0.2, true, 2);
  auto const r = robot(in.x, in.y, 3, {.max_iterations = 75, .inner_tolerance = 1e-5});
  CHECK(gap(r.transition, in.flips) < 0.04);
  CHECK(r.transition(0, 2) < 0.02);
}

TEST_CASE("robot: a first T with too much noise is not left") {
  auto const in = make(150, 3, 5, 0.2, false, 3);
  auto const r = robot(in.x, in.y, 3,
                       {.start = {{0.4, 0.3, 0.3}, {0.3, 0.4, 0.3}, {0.3, 0.3, 0.4}},
                        .max_iterations = 30,
                        .inner_tolerance = 1e-4});
  CHECK(gap(r.transition, in.flips) > 0.1);
  // and one that is right is the likeliest
  auto const known = robot(in.x, in.y, 3, {.start = in.flips, .max_iterations = 10});
  CHECK(gap(known.transition, in.flips) < 0.02);
}

TEST_CASE("robot: the head is a minimum, and the losses are what its formulas give") {
  auto const in = make(80, 3, 2, 0.3, false, 4);
  matrix<double> const a{{0, -1, -2}, {-0.5, 0, -1.5}, {-2.5, -0.7, 0}};
  robot_options o{.start = rows_of(a),
                  .penalty = 0.01,
                  .standardise = false,
                  .max_iterations = 0,
                  .inner_tolerance = 1e-11};
  auto const r = robot(in.x, in.y, 3, o);
  CHECK(gap(r.transition, o.start) < 1e-14);
  CHECK(r.inner_residual <= 1e-11);
  CHECK(r.outer_loss.size() == 1);
  double absolute = 0, reverse = 0, nll = 0;
  matrix<double> slope(3, 4);
  for (std::size_t i = 0; i < 80; ++i) {
    auto const s = head_at(r, in.x, i);
    auto const y = static_cast<std::size_t>(in.y[i]);
    double u = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      u += s[k] * o.start(k, y);
      absolute += std::abs((k == y ? 1 : 0) - s[k]) / 80;
      reverse -= s[k] * (k == y ? 0 : -4.0) / 80;
    }
    nll -= std::log(u) / 80;
    for (std::size_t k = 0; k < 3; ++k) {
      double const c = (s[k] - s[k] * o.start(k, y) / u) / 80;
      for (std::size_t j = 0; j < 3; ++j) slope(k, j) += c * in.x(i, j);
      slope(k, 3) += c;
    }
  }
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(std::abs(slope(k, j) + 0.01 * r.weights(k, j)) < 1e-11);
    CHECK(std::abs(slope(k, 3) + 0.01 * r.bias[k]) < 1e-11);
  }
  CHECK(r.outer_loss[0] == doctest::Approx(absolute).epsilon(1e-12));
  CHECK(r.forward_loss[0] == doctest::Approx(nll).epsilon(1e-12));
  o.loss = robot_loss::reverse_cross_entropy;
  auto const other = robot(in.x, in.y, 3, o);
  CHECK(other.outer_loss[0] == doctest::Approx(reverse).epsilon(1e-12));
  CHECK(gap(other.transition, r.transition) == 0);
}

TEST_CASE("robot: the outer gradient against finite differences") {
  auto const in = make(60, 3, 2, 0.3, false, 5);
  matrix<double> const a{{0, -1, -2}, {-0.5, 0, -1.5}, {-2.5, -0.7, 0}};
  for (double holdout : {0.0, 0.4}) {
    robot_options o{.start = rows_of(a),
                    .penalty = 0.01,
                    .max_iterations = 0,
                    .inner_tolerance = 1e-12,
                    .solve_tolerance = 1e-11,
                    .holdout = holdout};
    auto const r = robot(in.x, in.y, 3, o);
    CHECK(r.gauss_newton == 0);
    double largest = 0;
    for (std::size_t c = 0; c < 9; ++c)
      largest = std::fmax(largest, std::abs(r.gradient.data()[c]));
    CHECK(largest > 1e-3);
    double outer = 0, forward = 0, count = 0;  // of the rows that judge
    for (std::size_t i = 0; i < 60; ++i) {
      if (holdout > 0 && limpid::random_stream(0, 0, i).uniform() >= holdout) continue;
      auto const s = head_at(r, in.x, i);
      auto const y = static_cast<std::size_t>(in.y[i]);
      double u = 0;
      for (std::size_t m = 0; m < 3; ++m) u += s[m] * r.transition(m, y);
      outer += 2 * (1 - s[y]);
      forward -= std::log(u);
      count += 1;
    }
    CHECK(count == doctest::Approx(holdout > 0 ? 24 : 60).epsilon(0.4));
    CHECK(r.outer_loss[0] == doctest::Approx(outer / count).epsilon(1e-12));
    CHECK(r.forward_loss[0] == doctest::Approx(forward / count).epsilon(1e-12));
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t j = 0; j < 3; ++j) {
        CAPTURE(k);
        CAPTURE(j);
        if (j == k) {
          CHECK(r.gradient(k, j) == 0);
          continue;
        }
        auto const at = [&](double shift) {
          auto b = a;
          b(k, j) += shift;
          o.start = rows_of(b);
          return robot(in.x, in.y, 3, o).outer_loss[0];
        };
        double const h = 1e-3, slope = (8 * (at(h) - at(-h)) - at(2 * h) + at(-2 * h)) / (12 * h);
        CHECK(std::abs(slope - r.gradient(k, j)) < 1e-7 * largest);
      }
  }
}

TEST_CASE("robot: where curvature is not positive, Gauss-Newton; damping") {
  // A constant feature, all labels 0, the head left at 0: only the K constants move, s = 1/3, q =
  // T(., 0), and (diag s - s s') - (diag q - q q') is negative along e_0 - 1/3.
  matrix<double> const x(7, 1, 2.0), T{{0.5, 0.48, 0.02}, {0.02, 0.5, 0.48}, {0.48, 0.02, 0.5}};
  std::vector<int> const y(7, 0);
  for (double damping : {0.0, 0.05}) {
    auto const r = robot(x, y, 3,
                         {.start = T,
                          .penalty = 0.01,
                          .max_iterations = 0,
                          .inner_tolerance = 10,
                          .solve_tolerance = 1e-12,
                          .damping = damping});
    CHECK(r.gauss_newton == 1);
    double const s = 1.0 / 3, ridge = 0.01 + damping;
    double g[3], b[3], v[3], gg = 0, gb = 0, mean = 0, by_t[3];
    for (std::size_t k = 0; k < 3; ++k) {
      g[k] = T(k, 0) - s;  // q = T(., 0) / sum of it, which is 1
      b[k] = 2 * s * (s - (k == 0));
      gg += g[k] * g[k];
      gb += g[k] * b[k];
    }
    for (std::size_t k = 0; k < 3; ++k) {
      v[k] = (b[k] - g[k] * gb / (ridge + gg)) / ridge;  // (g g' + ridge I) v = b
      mean += T(k, 0) * v[k];
    }
    for (std::size_t k = 0; k < 3; ++k) by_t[k] = s / s * (v[k] - mean);
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t j = 0; j < 3; ++j) {
        double const ratio = T(k, j) / T(k, k);
        double const want =
            j == k ? 0 : T(k, j) * (1 - ratio) * ((j == 0 ? by_t[k] : 0) - by_t[k] * T(k, 0));
        CHECK(r.gradient(k, j) == doctest::Approx(want).epsilon(1e-9));
      }
    // the head at 0 is within this tolerance, and says so
    CHECK(r.inner_residual > 0.1);
  }
}

TEST_CASE("robot: the outer steps are Adam's") {
  auto const in = make(60, 2, 3, 0.3, false, 9);
  matrix<double> a{{0, -1.5}, {-0.5, 0}}, mean(2, 2), square(2, 2);
  robot_options o{.choice = robot_choice::last,
                  .start = rows_of(a),
                  .rate = 0.2,
                  .inner_tolerance = 1e-11,
                  .solve_tolerance = 1e-10};
  for (int t = 0; t < 4; ++t) {
    o.max_iterations = t;
    auto const r = robot(in.x, in.y, 2, o);
    CHECK(gap(r.last, rows_of(a)) < 1e-8);
    CHECK(r.iterations == t);
    for (std::size_t c = 1; c < 3; ++c) {
      double const g = r.gradient.data()[c];
      double &m = mean.data()[c], &v = square.data()[c];
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      a.data()[c] -= 0.2 * (m / (1 - std::pow(0.9, t + 1))) /
                     (std::sqrt(v / (1 - std::pow(0.999, t + 1))) + 1e-8);
    }
  }
}

TEST_CASE("robot: permuted classes permute T; rows twice change nothing; padding is not read") {
  auto in = make(90, 3, 3, 0.2, true, 6);
  robot_options const o{
      .rate = 0.3, .max_iterations = 4, .inner_tolerance = 1e-10, .solve_tolerance = 1e-9};
  auto const r = robot(in.x, in.y, 3, o);
  matrix<double> twice(180, 3);
  std::vector<int> both(180), moved(90);
  for (std::size_t i = 0; i < 180; ++i) {
    both[i] = in.y[i % 90];
    for (std::size_t j = 0; j < 3; ++j) twice(i, j) = in.x(i % 90, j);
  }
  CHECK(gap(robot(twice, both, 3, o).transition, r.transition) < 1e-7);
  for (std::size_t i = 0; i < 90; ++i) moved[i] = (in.y[i] + 1) % 3;
  auto const other = robot(in.x, moved, 3, o);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(std::abs(other.transition((i + 1) % 3, (j + 1) % 3) - r.transition(i, j)) < 1e-7);
  limpid_test::strided const padded(in.x);
  CHECK(robot(padded.window, in.y, 3, o).transition == r.transition);
  CHECK(robot(padded.window, in.y, 3, {.standardise = false, .max_iterations = 0}).outer_loss ==
        robot(in.x, in.y, 3, {.standardise = false, .max_iterations = 0}).outer_loss);
}

TEST_CASE("robot: every policy, float, and stopping") {
  auto const in = make(limpid::ops::detail::row_tile + 5, 2, 3, 0.3, false, 7);
  robot_options const o{.choice = robot_choice::last,
                        .rate = 0.5,
                        .max_iterations = 1,
                        .inner_tolerance = 1e-3,
                        .solve_tolerance = 0.01,
                        .holdout = 0.2};
  auto const r = robot(limpid::seq, in.x, in.y, 2, o);
  CHECK(r.transition(0, 1) > 0.015);
  auto const wide = robot(in.x, in.y, 2, o);
  CHECK(gap(wide.transition, r.transition) < 1e-11);
  CHECK(gap(wide.weights, r.weights) < 1e-9);
  CHECK(gap(wide.forward_loss, r.forward_loss) < 1e-11);
  for (int threads : {1, 3})
    CHECK(robot(limpid::par_policy{.threads = threads}, in.x, in.y, 2, o).weights == wide.weights);
  limpid_test::device_matrix<double> const x(in.x.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), in.y.size()));
  CHECK(robot(limpid_test::device, x, y, 2, o).weights == r.weights);
  CHECK(gap(robot(limpid_test::to_float(in.x), in.y, 2, o).transition, r.transition) < 1e-4);
}

TEST_CASE("robot: one class, one row, an absent class, a bound, ends") {
  auto const in = make(60, 3, 3, 0.2, false, 8);
  auto const one = robot(in.x, std::vector<int>(60), 1);
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.converged);
  CHECK(one.outer_loss[0] == 0);
  auto const row = robot(matrix<double>{{2}}, std::vector{1}, 2, {.max_iterations = 3});
  CHECK(row.class_estimated[0] == 0);
  CHECK(row.transition(1, 0) + row.transition(1, 1) == doctest::Approx(1));
  auto const absent = robot(in.x, in.y, 4, {.max_iterations = 2});
  CHECK(absent.class_estimated[3] == 0);
  CHECK(absent.class_estimated[0] == 1);
  for (std::size_t c = 0; c < 16; ++c) CHECK(std::isfinite(absent.transition.data()[c]));
  auto const flat =
      robot(in.x, in.y, 3,
            {.start = {{0.4, 0.39, 0.21}, {0.1, 0.8, 0.1}, {0, 0, 1}}, .max_iterations = 0});
  CHECK(flat.at_bound[0] == 1);
  CHECK(flat.at_bound[1] == 0);
  CHECK(flat.transition(2, 0) == doctest::Approx(1e-6).epsilon(1e-3));
  auto const equal = robot(in.x, in.y, 3, {.first = 30, .max_iterations = 0});
  CHECK(equal.condition > 1e10);

  int told = 0;
  auto const stopped = robot(in.x, in.y, 3, {.max_iterations = 9, .on_progress = [&](double f) {
                                               CHECK(f == doctest::Approx(told / 9.0));
                                               return ++told < 3;
                                             }});
  CHECK(stopped.stopped);
  CHECK(!stopped.converged);
  CHECK(stopped.iterations == 2);
  CHECK(stopped.outer_loss.size() == 3);
  CHECK(!robot(in.x, in.y, 3, {.max_iterations = 0, .inner_tolerance = 1e-300}).inner_converged);
  CHECK(!robot(in.x, in.y, 3, {.max_iterations = 0, .solve_iterations = 1}).inner_converged);
  auto spoilt = in.x;
  spoilt(7, 1) = NAN;
  auto const lost = robot(spoilt, in.y, 3, {.validate = false});
  CHECK(!lost.inner_converged);
  CHECK(!lost.converged);
  CHECK(lost.iterations == 0);
  auto const ended =
      robot(in.x, in.y, 3, {.tolerance = 0.5, .max_iterations = 150, .inner_tolerance = 1e-4});
  CHECK(ended.converged);
  CHECK(ended.iterations < 150);
}

TEST_CASE("robot: bad input") {
  matrix<double> const x{{0, 1}, {1, 0}};
  std::vector const y{0, 1};
  auto const says = [&](matrix<double> const& features, std::vector<int> const& labels,
                        std::size_t K, robot_options o, char const* words) {
    o.max_iterations = o.max_iterations < 0 ? o.max_iterations : 0;
    CHECK_THROWS_WITH_AS((void)robot(features, labels, K, o), words, limpid::input_error);
  };
  auto const option = [&](robot_options const& o, char const* words) { says(x, y, 2, o, words); };
  says(x, y, 0, {}, "transition::robot: classes is 0; give the number of classes");
  says(matrix<double>(0, 2), {}, 2, {},
       "transition::robot: X is 0 x 2; need at least one row and one column");
  says(matrix<double>(2, 0), y, 2, {},
       "transition::robot: X is 2 x 0; need at least one row and one column");
  says(x, {0}, 2, {}, "transition::robot: X has 2 rows, y has 1");
  says(x, {0, 2}, 2, {}, "transition::robot: y row 1 is 2; labels must be 0..1");
  says(x, {-1, 0}, 2, {}, "transition::robot: y row 0 is -1; labels must be 0..1");
  says({{0, 1}, {NAN, 0}}, y, 2, {}, "transition::robot: X row 1 has an entry that is not finite");
  says({{0, std::numeric_limits<double>::infinity()}, {0, 0}}, y, 2, {},
       "transition::robot: X row 0 has an entry that is not finite");
  option({.log_zero = 0}, "transition::robot: options.log_zero is 0; need less than 0");
  option({.first = -31}, "transition::robot: options.first is -31; need [-30, 30]");
  option({.start = matrix<double>(3, 3)},
         "transition::robot: options.start is 3 x 3; need 2 x 2, or none");
  option({.start = {{0.8, 0.3}, {0.1, 0.9}}},
         "transition::robot: options.start row 0 sums to 1.1; rows must be probability "
         "distributions (tolerance "
         "1e-3)");
  option({.start = {{0.5, 0.5}, {0.1, 0.9}}},
         "transition::robot: options.start row 0 has 0.5 in column 1, its diagonal is 0.5; the "
         "diagonal must be "
         "the largest");
  option({.penalty = 0}, "transition::robot: options.penalty is 0; need more than 0");
  option({.rate = NAN}, "transition::robot: options.rate is nan; need more than 0");
  option({.tolerance = -1}, "transition::robot: options.tolerance is -1; need at least 0");
  option({.max_iterations = -1},
         "transition::robot: options.max_iterations is -1; need at least 0");
  option({.inner_tolerance = 0},
         "transition::robot: options.inner_tolerance is 0; need more than 0");
  option({.inner_iterations = 0},
         "transition::robot: options.inner_iterations is 0; need at least 1");
  option({.solve_tolerance = 1}, "transition::robot: options.solve_tolerance is 1; need (0, 1)");
  option({.solve_iterations = 0},
         "transition::robot: options.solve_iterations is 0; need at least 1");
  option({.damping = -1}, "transition::robot: options.damping is -1; need at least 0");
  option({.holdout = 1}, "transition::robot: options.holdout is 1; need [0, 1)");
  option({.holdout = 1e-9}, "transition::robot: options.holdout of 1e-09 leaves no row to judge");
  option({.holdout = 1 - 1e-9}, "transition::robot: options.holdout of 1 leaves no row to fit to");
  // the nearest that is allowed
  CHECK_NOTHROW((void)robot(x, y, 2,
                            {.log_zero = -1e-9,
                             .first = -30,
                             .start = {{0.51, 0.49}, {0.1, 0.9}},
                             .penalty = 1e-12,
                             .tolerance = 0,
                             .max_iterations = 1,
                             .inner_iterations = 1,
                             .solve_tolerance = 0.999,
                             .solve_iterations = 1}));
}

}  // namespace
