// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/three_views.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::three_views;
using limpid::transition::three_views_options;
using limpid_test::gap;
using limpid_test::to_matrix;

matrix<int> draw(std::size_t n, matrix<double> const& T, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  matrix<int> labels(n, 3);
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t const z = rng() % T.rows();
    for (std::size_t v = 0; v < 3; ++v) {
      double u = uniform(rng);
      std::size_t j = 0;
      while (j + 1 < T.cols() && u >= T(z, j)) u -= T(z, j++);
      labels(i, v) = static_cast<int>(j);
    }
  }
  return labels;
}

// golden: the 200 x 3 labels of UCSC-REAL/HOC, given as counts; EM written independently
TEST_CASE("three_views: the maximum-likelihood T of 200 rows") {
  auto const e = limpid_test::golden("hoc.json")["case_three_labels_csv"];
  matrix<int> labels(200, 3);
  std::size_t row = 0;
  for (int j = 0; j < 2; ++j)
    for (int k = 0; k < 2; ++k)
      for (int l = 0; l < 2; ++l)
        for (long c = std::lround(200 * e["c3"][j][k][l].get<double>()); c > 0; --c, ++row)
          labels(row, 0) = j, labels(row, 1) = k, labels(row, 2) = l;
  REQUIRE(row == 200);
  auto const r = three_views(labels, 2);
  auto const& ml = e["em_on_counts_ml"];
  CHECK(gap(r.c2, to_matrix(e["c2"])) < 1e-15);
  CHECK(gap(r.c1, e["c1"].get<std::vector<double>>()) < 1e-15);
  CHECK(r.log_likelihood == doctest::Approx(ml["mean_loglik"].get<double>()).epsilon(1e-9));
  CHECK(gap(r.transition, to_matrix(ml["T"])) < 1e-4);
  auto const tight = three_views(labels, 2, {.solver = {.tolerance = 1e-14}});
  CHECK(gap(tight.transition, to_matrix(ml["T"])) < 1e-6);
  CHECK(gap(tight.prior, ml["p"].get<std::vector<double>>()) < 1e-6);
  CHECK(gap(tight.transition, r.transition) < 1e-4);
  CHECK(tight.log_likelihood >= r.log_likelihood);
}

TEST_CASE("three_views: T and prior of 40000 drawn rows, each direction kept") {
  //! [call]
  limpid::matrix<double> const T{{0.8, 0.2, 0}, {0, 0.7, 0.3}, {0.1, 0, 0.9}};
  limpid::matrix<int> const labels = draw(40000, T, 3);  // n x 3

  auto const r = limpid::transition::three_views(labels, 3);
  // r.transition is T to about 0.01
  //! [call]
  CHECK(gap(r.transition, T) < 0.02);
  CHECK(gap(r.prior, std::vector{1. / 3, 1. / 3, 1. / 3}) < 0.02);
  CHECK(r.diagonally_dominant);
}

TEST_CASE("three_views: the order of the labels does not matter to T") {
  auto const labels = draw(500, matrix<double>{{0.8, 0.2}, {0.3, 0.7}}, 5);
  matrix<int> turned(500, 3);
  for (std::size_t i = 0; i < 500; ++i)
    for (std::size_t v = 0; v < 3; ++v) turned(i, v) = labels(i, (v + i) % 3);
  CHECK(gap(three_views(labels, 2).transition, three_views(turned, 2).transition) < 1e-9);
}

TEST_CASE("three_views: labels that no start near the identity explains are flagged") {
  // the classes' own labels are the rarer ones
  auto const r =
      three_views(draw(5000, matrix<double>{{0.3, 0.7, 0}, {0, 0.3, 0.7}, {0.7, 0, 0.3}}, 1), 3,
                  {.solver = {.tolerance = 1e-12, .start_diagonal = 0.34}});
  bool dominant = true;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      if (j != i && r.transition(i, j) >= r.transition(i, i)) dominant = false;
  CHECK(r.diagonally_dominant == dominant);
  auto const uniform = three_views(draw(3000, matrix<double>{{0.5, 0.5}, {0.5, 0.5}}, 1), 2,
                                   {.solver = {.max_iterations = 3}});
  CHECK_FALSE(uniform.converged);
}

TEST_CASE("three_views: every policy, and 26 classes within seconds") {
  auto const labels = draw(5000, matrix<double>{{0.8, 0.2}, {0.3, 0.7}}, 5);
  auto const r = three_views(limpid::seq, labels, 2);
  CHECK(three_views(labels, 2).transition == r.transition);
  for (int threads : {1, 2, 3, 7}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(three_views(par, labels, 2).transition == r.transition);
  }
  limpid_test::device_matrix<int> const on_device(labels.view());
  CHECK(three_views(limpid_test::device, on_device, 2).transition == r.transition);

  matrix<double> T(26, 26, 0.3 / 25);
  for (std::size_t i = 0; i < 26; ++i) T(i, i) = 0.7;
  auto const many = draw(20000, T, 1);
  auto const start = std::chrono::steady_clock::now();
  auto const wide = three_views(many, 26);
  std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - start;
  MESSAGE("26 classes: ", wide.iterations, " iterations, ", seconds.count(), " s");
  CHECK(gap(wide.transition, T) < 0.06);
}

TEST_CASE("three_views: bad input") {
  using limpid::input_error;
  CHECK_THROWS_WITH_AS(
      (void)three_views(matrix<int>(4, 2), 2),
      "transition::three_views: labels is 4 x 2; need at least one row and three columns",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)three_views(matrix<int>(0, 3), 2),
      "transition::three_views: labels is 0 x 3; need at least one row and three columns",
      input_error);
  CHECK_THROWS_WITH_AS((void)three_views(matrix<int>{{0, 1, 1}, {0, 1, 2}}, 2),
                       "transition::three_views: labels column 2 row 1 is 2; labels must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)three_views(matrix<int>{{0, 1, 1}}, 500),
      "transition::three_views: classes is 500; need 1..200: triples of labels take K^3 doubles",
      input_error);
  CHECK_THROWS_WITH_AS((void)three_views(matrix<int>{{0, 1, 1}}, 2, {.solver = {.tolerance = -1}}),
                       "transition::three_views: options.solver.tolerance is -1; need more than 0",
                       input_error);
  auto const one = three_views(matrix<int>{{0, 1, 1}}, 2);  // a single row is allowed
  CHECK(one.c3(0, 3) == 1);
}

}  // namespace
