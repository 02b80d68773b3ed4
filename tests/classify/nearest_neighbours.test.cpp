// SPDX-License-Identifier: BSL-1.0
#include <limpid/classify/nearest_neighbours.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::classify::nearest_neighbours;

static_assert(limpid::classify::classifier<nearest_neighbours>);
static_assert(limpid::classify::classifier<nearest_neighbours, limpid_test::device_policy, float>);

limpid::vector_view<double const> const all_one{};

template <class M, class L>
matrix<double> fit_and_predict(nearest_neighbours const& c, M const& x, L const& y, std::size_t K,
                               M const& queries) {
  matrix<double> out(queries.rows(), K);
  c.fit(limpid::simd, x, y, all_one, K).probabilities(limpid::simd, queries, out);
  return out;
}

TEST_CASE("nearest_neighbours counts smoothed votes") {
  //! [nearest_neighbours]
  matrix<double> const x{{0}, {1}, {2}, {10}, {11}};
  std::vector<int> const y{0, 0, 1, 1, 1};
  limpid::classify::nearest_neighbours const c{.k = 3, .standardise = false, .by_distance = false};

  auto const model = c.fit(limpid::simd, x, y, limpid::vector_view<double const>{}, 2);
  matrix<double> p(2, 2);
  model.probabilities(limpid::simd, matrix<double>{{0.4}, {10.4}}, p);  // votes 2 : 1, then 0 : 3
  //! [nearest_neighbours]

  CHECK(p(0, 0) == doctest::Approx(2.5 / 4));  // (2 + 1/2) / (3 + 1)
  CHECK(p(0, 1) == doctest::Approx(1.5 / 4));
  CHECK(p(1, 0) == doctest::Approx(0.5 / 4));
}

TEST_CASE("near neighbours vote louder") {
  matrix<double> const x{{0}, {3}}, q{{1}};
  std::vector<int> const y{0, 1};
  auto const p = fit_and_predict({.k = 2, .standardise = false, .smoothing = 0}, x, y, 2, q);
  double const a = std::exp(-0.25), b = std::exp(-1.0);  // distances 1 and 2
  CHECK(p(0, 0) == doctest::Approx(a / (a + b)));
  // neighbours on top of the query vote alike
  CHECK(fit_and_predict({.k = 2, .standardise = false, .smoothing = 0}, matrix<double>{{1}, {1}}, y,
                        2, q)(0, 0) == 0.5);
}

/// By sorting all distances, with plain arrays.
matrix<double> by_hand(matrix<double> const& x, std::vector<int> const& y,
                       std::vector<double> const& w, std::size_t K, std::size_t k) {
  std::size_t const n = x.rows(), d = x.cols();
  std::vector<double> mean(d), square(d);
  double rows = 0;
  for (std::size_t i = 0; i < n; ++i)
    if (y[i] >= 0 && w[i] > 0) {
      ++rows;
      for (std::size_t j = 0; j < d; ++j) mean[j] += x(i, j);
    }
  for (auto& m : mean) m /= rows;
  for (std::size_t i = 0; i < n; ++i)
    if (y[i] >= 0 && w[i] > 0)
      for (std::size_t j = 0; j < d; ++j)
        square[j] += (x(i, j) - mean[j]) * (x(i, j) - mean[j]) / rows;
  matrix<double> out(n, K);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::pair<double, std::size_t>> near;
    for (std::size_t r = 0; r < n; ++r) {
      if (y[r] < 0 || w[r] == 0) continue;
      double sum = 0;
      for (std::size_t j = 0; j < d; ++j)
        if (square[j] > 0) sum += (x(i, j) - x(r, j)) * (x(i, j) - x(r, j)) / square[j];
      near.emplace_back(std::sqrt(sum), r);
    }
    std::sort(near.begin(), near.end());
    double total = 1;
    for (std::size_t kk = 0; kk < K; ++kk) out(i, kk) = 1 / static_cast<double>(K);
    for (std::size_t c = 0; c < k; ++c) {
      double const v =
          w[near[c].second] * std::exp(-std::pow(near[c].first / near[k - 1].first, 2));
      total += v;
      out(i, static_cast<std::size_t>(y[near[c].second])) += v;
    }
    for (std::size_t kk = 0; kk < K; ++kk) out(i, kk) /= total;
  }
  return out;
}

TEST_CASE("nearest_neighbours agrees with sorting all distances; every policy") {
  std::size_t const n = 260, d = 4;
  matrix<double> x(n, d, 3.0);  // the last column is constant
  std::vector<int> y(n);
  std::vector<double> w(n);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(2, 0, i);
    y[i] = static_cast<int>(draw.below(4)) - 1;
    w[i] = static_cast<double>(draw.below(3));
    for (std::size_t j = 0; j + 1 < d; ++j) x(i, j) = draw.uniform() * (j == 1 ? 1000 : 1);
  }
  auto const expected = by_hand(x, y, w, 3, 7);
  auto const check = [&](auto const& exec, double tolerance) {
    matrix<double> out(n, 3);
    nearest_neighbours{.k = 7}.fit(exec, x, y, w, 3).probabilities(exec, x, out);
    for (std::size_t i = 0; i < 3 * n; ++i)
      CHECK(std::abs(out.data()[i] - expected.data()[i]) < tolerance);
    return out;
  };
  auto const wide = check(limpid::simd, 1e-9);
  check(limpid::seq, 1e-9);
  for (int threads : {1, 2, 3, 7}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(check(par, 1e-9) == wide);
  }
  limpid_test::device_matrix<double> const far(std::as_const(x).view());
  limpid_test::device_vector<int> const labels(limpid::vector_view<int const>(y.data(), n));
  limpid_test::device_vector<double> const weights(limpid::vector_view<double const>(w.data(), n));
  auto const out = limpid::ops::make_buffer<double>(limpid_test::device, n * 3);
  nearest_neighbours{.k = 7}
      .fit(limpid_test::device, far, labels, weights, 3)
      .probabilities(limpid_test::device, far, out.view(n, 3));
  auto const back = limpid::ops::download(limpid_test::device, out.view(n, 3));
  for (std::size_t i = 0; i < 3 * n; ++i)
    CHECK(std::abs(back.data()[i] - expected.data()[i]) < 1e-9);
}

TEST_CASE("nearest_neighbours with few rows, one class, absent classes, cosine distances, float") {
  matrix<float> const x{{1, 0}, {0, 2}, {0, 1}};
  std::vector<int> const y{0, 2, 2};
  auto const model = nearest_neighbours{}.fit(limpid::simd, x, y, all_one, 4);
  CHECK(model.k == 3);
  CHECK(model.classes_seen == limpid::vector<std::uint8_t>{1, 0, 1, 0});
  matrix<float> p(3, 4);
  model.probabilities(limpid::simd, x, p);
  CHECK(p(1, 2) > p(1, 0));
  CHECK(p(1, 1) > 0);
  CHECK(p(1, 1) == p(1, 3));
  CHECK(fit_and_predict({}, x, std::vector<int>(3, 0), 1, x)(2, 0) == doctest::Approx(1));
  auto const c = fit_and_predict(
      {.k = 1, .distance = limpid::metric::cosine, .standardise = false, .smoothing = 0}, x, y, 3,
      matrix<float>{{5, 1}, {1, 9}});
  CHECK(c(0, 0) == 1);
  CHECK(c(1, 2) == 1);
}

TEST_CASE("nearest_neighbours says what is wrong with its input") {
  using limpid::input_error;
  matrix<double> x{{1, 0}, {0, 2}, {0, 1}};
  std::vector<int> const y{0, 1, 1};
  auto const fit = [&](nearest_neighbours const& c, auto const& labels, std::size_t K) {
    (void)c.fit(limpid::simd, x, labels, all_one, K);
  };
  CHECK_THROWS_WITH_AS(fit({.k = 0}, y, 2),
                       "classify::nearest_neighbours: k is 0; at least one neighbour must vote",
                       input_error);
  CHECK_NOTHROW(fit({.k = 1}, y, 2));
  CHECK_THROWS_WITH_AS(
      fit({.smoothing = -0.1}, y, 2),
      "classify::nearest_neighbours: smoothing is -0.1; it must be finite and at least 0",
      input_error);
  CHECK_NOTHROW(fit({.smoothing = 0}, y, 2));
  CHECK_THROWS_WITH_AS(fit({}, y, 0),
                       "classify::nearest_neighbours: classes is 0; give the number of classes",
                       input_error);
  CHECK_THROWS_AS(fit({}, y, 1), input_error);
  CHECK_THROWS_WITH_AS(fit({}, std::vector<int>{0, 1}, 2),
                       "classify::nearest_neighbours: features has 3 rows, labels has 2",
                       input_error);
  CHECK_THROWS_WITH_AS(fit({}, std::vector<int>{-1, -1, -2}, 2),
                       "classify::nearest_neighbours: no row has a label and a positive weight; "
                       "there is no neighbour",
                       input_error);
  auto const model = nearest_neighbours{}.fit(limpid::simd, x, y, all_one, 2);
  matrix<double> out(3, 2);
  CHECK_THROWS_WITH_AS(
      model.probabilities(limpid::simd, matrix<double>(3, 1), out),
      "classify::nearest_neighbours_model: features have 1 columns, the model was fitted on 2",
      input_error);
  CHECK_THROWS_AS(model.probabilities(limpid::simd, matrix<double>(2, 2), out), input_error);
  x(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(
      fit({}, y, 2), "classify::nearest_neighbours: features row 1 has an entry that is not finite",
      input_error);
}

}  // namespace
