// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/leverage_scores.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::matrix;
using limpid::kernel_mean::landmark_rows;
using limpid::kernel_mean::leverage_scores;
using limpid::kernel_mean::recursive_leverage;

/// Most rows in one heap, every tenth far out by itself.
matrix<double> heap_and_strays(std::size_t n, std::size_t d) {
  matrix<double> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(11, 0, i);
    for (std::size_t c = 0; c < d; ++c) x(i, c) = draw.uniform() * (i % 10 == 0 ? 12 : 1);
  }
  return x;
}
matrix<float> in_float(matrix<double> const& x) {
  matrix<float> out(x.rows(), x.cols());
  for (std::size_t e = 0; e < x.rows() * x.cols(); ++e)
    out.data()[e] = static_cast<float>(x.data()[e]);
  return out;
}

}  // namespace

TEST_CASE("leverage_scores: two equal rows and one apart, by hand") {
  // K = [[1, 1, 0], [1, 1, 0], [0, 0, 1]], lambda = 1: K (K + I)^-1 = 1/3 1/3 | 1/2 on the diagonal
  matrix<double> const x{{0.0}, {0.0}, {100.0}};
  auto const r = leverage_scores(kernels::gaussian(1), x);
  CHECK(r.score[0] == doctest::Approx(1.0 / 3));
  CHECK(r.score[1] == doctest::Approx(1.0 / 3));
  CHECK(r.score[2] == doctest::Approx(1.0 / 2));
  CHECK(r.effective_dimension == doctest::Approx(7.0 / 6));
  CHECK(leverage_scores(kernels::gaussian(1), matrix<double>{{5.0}}, {.lambda = 3}).score[0] ==
        doctest::Approx(0.25));
}

TEST_CASE("leverage_scores: golden values in numpy, exact and by landmarks") {
  auto const g = limpid_test::golden("ridge_leverage.json");
  auto const x = limpid_test::to_matrix(g["X"]);
  auto const k = kernels::gaussian(g["gamma"]);
  limpid::kernel_mean::leverage_options const options{.lambda = g["lambda"]};
  auto const exact = leverage_scores(k, x, options);
  auto const want = g["exact_leverage"].get<std::vector<double>>();
  for (std::size_t i = 0; i < 24; ++i) CHECK(std::fabs(exact.score[i] - want[i]) < 1e-10);
  CHECK(std::fabs(exact.effective_dimension - g["d_eff"].get<double>()) < 1e-9);

  landmark_rows landmarks{{}, g["weights"].get<std::vector<double>>()};
  for (int s : limpid_test::to_ints(g["S"])) landmarks.rows.push_back(static_cast<std::size_t>(s));
  auto const near = leverage_scores(k, x, landmarks, options);
  auto const formula = g["approx_leverage_min1_not_applied"].get<std::vector<double>>();
  for (std::size_t i = 0; i < 24; ++i) CHECK(std::fabs(near.score[i] - formula[i]) < 1e-10);

  matrix<double> K(6, 6);
  for (std::size_t a = 0; a < 6; ++a)
    for (std::size_t b = 0; b < 6; ++b)
      K(a, b) = k(x.view().row(landmarks.rows[a]), x.view().row(landmarks.rows[b]));
  CHECK(std::fabs(
            limpid::kernel_mean::detail::tail_per_direction(K, landmarks.weights.data(), 2, 1e-8) -
            g["lambda_for_k=2"].get<double>()) < 1e-9);
}

TEST_CASE("leverage_scores: with all rows as landmarks they are exact; few make them larger") {
  auto const x = heap_and_strays(60, 2);
  auto const k = kernels::gaussian(0.5);
  landmark_rows all;
  for (std::size_t i = 0; i < 60; ++i) {
    all.rows.push_back(i);
    all.weights.push_back(1);
  }
  for (double lambda : {0.01, 0.5, 20.0}) {
    auto const exact = leverage_scores(k, x, {.lambda = lambda});
    auto const same = leverage_scores(k, x, all, {.lambda = lambda});
    for (std::size_t i = 0; i < 60; ++i)
      CHECK(same.score[i] == doctest::Approx(exact.score[i]).epsilon(1e-8));
    landmark_rows const few{{0, 1, 20, 33}, {1, 1, 1, 1}};
    auto const above = leverage_scores(k, x, few, {.lambda = lambda});
    for (std::size_t i = 0; i < 60; ++i) CHECK(above.score[i] > exact.score[i] - 1e-9);
    CHECK(exact.score[10] > exact.score[11]);  // a stray against one of the heap
    double trace = 0;                          // the ridge in the limit: lambda d_eff -> trace
    if (lambda == 20.0) {
      trace = leverage_scores(k, x, {.lambda = 1e9}).effective_dimension * 1e9;
      CHECK(trace == doctest::Approx(60).epsilon(1e-5));
    }
  }
  // duplicates: a singular matrix, and a ridge below rounding
  matrix<double> const same(5, 2, 1.0);
  CHECK(leverage_scores(k, same, {.lambda = 1e-12}).effective_dimension ==
        doctest::Approx(1).epsilon(1e-2));
}

TEST_CASE(
    "recursive_leverage: strays are found, and its scores are those of the exact ones' order") {
  auto const x = heap_and_strays(400, 2);
  auto const k = kernels::gaussian(0.3);
  //! [recursive_leverage]
  auto const drawn = limpid::kernel_mean::recursive_leverage(k, x, {.landmarks = 32, .seed = 1});
  // drawn.landmarks: 32 row numbers; drawn.score: of every row, how much it is needed
  //! [recursive_leverage]
  CHECK(drawn.levels == 4);  // 400 200 100 50 25
  CHECK_FALSE(drawn.refilled);
  CHECK(std::set<std::size_t>(drawn.landmarks.begin(), drawn.landmarks.end()).size() == 32);
  std::size_t strays = 0;
  for (std::size_t i : drawn.landmarks) strays += i % 10 == 0;
  CHECK(strays > 8);  // 3 of 32 by chance
  auto const exact = leverage_scores(k, x, {.lambda = drawn.lambda});
  double below = 0, ratio = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    below += drawn.score[i] < 0.5 * exact.score[i];
    ratio += drawn.score[i] / exact.score[i] / 400;
  }
  CHECK(below == 0);
  CHECK(ratio < 4);
  CHECK(drawn.effective_dimension < 4 * exact.effective_dimension);
  CHECK(recursive_leverage(k, x, {.landmarks = 32, .seed = 2}).landmarks != drawn.landmarks);
  CHECK(recursive_leverage(k, x, {.landmarks = 400}).landmarks.size() == 400);

  // equal rows: nothing is left after the first; the draw still gives s different rows
  matrix<double> const same(100, 2, 1.0);
  auto const flat = recursive_leverage(k, same, {.landmarks = 10});
  CHECK(std::set<std::size_t>(flat.landmarks.begin(), flat.landmarks.end()).size() == 10);
  CHECK(std::isfinite(flat.lambda));
  CHECK(std::isfinite(flat.effective_dimension));
}

TEST_CASE("leverage_scores: policies, devices, float32, stopping") {
  auto const x = heap_and_strays(2100, 3);
  auto const k = kernels::matern32(1.0);
  landmark_rows const few{{0, 7, 100, 230, 999, 2099}, {1, 2, 1, 3, 1, 1}};
  auto const all = leverage_scores(k, x, few);
  auto const plain = leverage_scores(limpid::seq, k, x, few);
  auto const single = leverage_scores(k, in_float(x), few);
  for (std::size_t i = 0; i < 2100; ++i) {
    CHECK(all.score[i] == doctest::Approx(plain.score[i]).epsilon(1e-9));
    CHECK(std::fabs(single.score[i] - plain.score[i]) < 1e-5);
  }
  auto const some = heap_and_strays(300, 3);
  auto const drawn = recursive_leverage(k, some, {.landmarks = 20});
  for (int threads : {1, 3}) {
    limpid::par_policy const par{.threads = threads};
    CHECK(leverage_scores(par, k, x, few).score == all.score);
    CHECK(recursive_leverage(par, k, some, {.landmarks = 20}).score == drawn.score);
  }
  auto const small = heap_and_strays(90, 3);
  limpid_test::device_matrix<double> const there(small.view());
  landmark_rows const two{{0, 7}, {1, 2}};
  CHECK(leverage_scores(limpid_test::device, k, there, two).score ==
        leverage_scores(limpid::seq, k, small, two).score);
  CHECK(leverage_scores(limpid_test::device, k, there).score ==
        leverage_scores(limpid::seq, k, small).score);
  CHECK(recursive_leverage(limpid_test::device, k, there, {.landmarks = 9}).landmarks ==
        recursive_leverage(limpid::seq, k, small, {.landmarks = 9}).landmarks);

  CHECK(leverage_scores(k, small, {.on_progress = [](double) { return false; }}).stopped);
  CHECK(leverage_scores(k, small, two, {.on_progress = [](double) { return false; }}).stopped);
  double last = 0;
  auto const told = [&](double f) {
    CHECK((f >= last && f <= 1 + 1e-12));
    last = f;
    return true;
  };
  CHECK_FALSE(recursive_leverage(k, small, {.landmarks = 9, .on_progress = told}).stopped);
  CHECK(last == doctest::Approx(1));
  CHECK(recursive_leverage(k, small,
                           {.landmarks = 9, .on_progress = [](double f) { return f < 0.5; }})
            .stopped);
}

TEST_CASE("leverage_scores: bad input") {
  auto const k = kernels::gaussian(1);
  matrix<double> x(6, 2);
  CHECK_THROWS_WITH_AS(leverage_scores(kernels::sigmoid(1), x),
                       doctest::Contains("kernel_mean::leverage_scores: the sigmoid kernel"),
                       input_error);
  CHECK_THROWS_WITH_AS(leverage_scores(k, matrix<double>(0, 2)), doctest::Contains("x has no rows"),
                       input_error);
  CHECK_THROWS_WITH_AS(leverage_scores(k, x, {.lambda = 0}), doctest::Contains("lambda is 0"),
                       input_error);
  CHECK_THROWS_WITH_AS(leverage_scores(k, x, landmark_rows{{}, {}}),
                       doctest::Contains("landmarks has no rows"), input_error);
  CHECK_THROWS_WITH_AS(leverage_scores(k, x, landmark_rows{{1, 2}, {1}}),
                       doctest::Contains("landmarks has 2 rows, their weights has 1"), input_error);
  CHECK_THROWS_WITH_AS(leverage_scores(k, x, landmark_rows{{1, 6}, {1, 1}}),
                       doctest::Contains("landmark 1 is row 6; x has 6"), input_error);
  CHECK_THROWS_WITH_AS(leverage_scores(k, x, landmark_rows{{1}, {0}}),
                       doctest::Contains("landmark 0 has weight 0"), input_error);
  CHECK_THROWS_WITH_AS(
      recursive_leverage(k, x, {.landmarks = 3}),
      "kernel_mean::recursive_leverage: landmarks is 3; it must be from 4 to x's 6 rows",
      input_error);
  CHECK_THROWS_WITH_AS(recursive_leverage(k, x, {.landmarks = 7}),
                       doctest::Contains("landmarks is 7"), input_error);
  CHECK(recursive_leverage(k, x, {.landmarks = 4}).landmarks.size() == 4);
  x(4, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(leverage_scores(k, x), doctest::Contains("x row 4"), input_error);
  CHECK_THROWS_WITH_AS(recursive_leverage(k, x, {.landmarks = 4}), doctest::Contains("x row 4"),
                       input_error);
}
