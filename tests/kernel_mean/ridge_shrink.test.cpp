// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/ridge_shrink.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/evaluate.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::kernel_mean::ridge_shrink;
using limpid::kernel_mean::ridge_shrink_features;
using limpid::kernel_mean::ridge_shrink_options;
using matrix = limpid::matrix<double>;

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
template <class A, class B>
double apart(A const& a, B const& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::fmax(worst, std::abs(a[i] - b[i]));
  return worst;
}
matrix bells(std::size_t n, std::size_t d, unsigned seed, double centre) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell(centre, 1);
  matrix out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = bell(draw);
  return out;
}
matrix gram(matrix const& x, kernel_function const& k) {
  matrix out(x.rows(), x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < x.rows(); ++j) {
      double dot = 0, gap = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) {
        dot += x(i, c) * x(j, c);
        gap += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      }
      out(i, j) = k.kind == kernel_function::family::gaussian ? std::exp(-k.gamma * gap) : dot;
    }
  return out;
}

/// (K + lambda)^-1 K 1 / (number of rows) over the rows of `keep`, by elimination.
std::vector<double> solved(matrix const& K, std::vector<std::size_t> const& keep, double lambda) {
  std::size_t const m = keep.size();
  std::vector<std::vector<double>> a(m, std::vector<double>(m + 1));
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      a[i][j] = K(keep[i], keep[j]) + (i == j ? lambda : 0);
      a[i][m] += K(keep[i], keep[j]) / static_cast<double>(m);
    }
  }
  for (std::size_t c = 0; c < m; ++c) {
    std::size_t best = c;
    for (std::size_t r = c; r < m; ++r)
      if (std::abs(a[r][c]) > std::abs(a[best][c])) best = r;
    std::swap(a[c], a[best]);
    for (std::size_t r = 0; r < m; ++r)
      if (r != c) {
        double const f = a[r][c] / a[c][c];
        for (std::size_t k = c; k <= m; ++k) a[r][k] -= f * a[c][k];
      }
  }
  std::vector<double> beta(m);
  for (std::size_t i = 0; i < m; ++i) beta[i] = a[i][m] / a[i][i];
  return beta;
}
/// Every row left out in turn, the definition.
double left_out(matrix const& K, double lambda) {
  double total = 0;
  std::size_t const n = K.rows();
  for (std::size_t out = 0; out < n; ++out) {
    std::vector<std::size_t> keep;
    for (std::size_t i = 0; i < n; ++i)
      if (i != out) keep.push_back(i);
    auto const beta = solved(K, keep, lambda);
    total += K(out, out);
    for (std::size_t i = 0; i + 1 < n; ++i) {
      total -= 2 * beta[i] * K(out, keep[i]);
      for (std::size_t j = 0; j + 1 < n; ++j) total += beta[i] * beta[j] * K(keep[i], keep[j]);
    }
  }
  return total / static_cast<double>(n);
}
std::vector<std::size_t> all(std::size_t n) {
  std::vector<std::size_t> rows(n);
  for (std::size_t i = 0; i < n; ++i) rows[i] = i;
  return rows;
}

}  // namespace

TEST_CASE("ridge_shrink: two points on a line, by hand") {
  // linear kernel on 1 and 2: K = [[1, 2], [2, 4]], eigenvalues 5 and 0, K 1 / 2 = (1.5, 3)
  auto const r = ridge_shrink(kernels::linear(), matrix{{1}, {2}}, {.lambda = 1});
  CHECK(close(r.beta[0], 1.5 / 6));
  CHECK(close(r.beta[1], 3.0 / 6));
  CHECK(close(r.norm2, 25.0 / 16));  // 0.25 + 2 0.5 squared
  CHECK(close(r.condition, 6));
  // without row 0: beta_1 = 4 / 5, estimate 1.6 against 1; without row 1: 1 / 2, 0.5 against 2
  CHECK(close(r.score, (0.36 + 2.25) / 2));
  CHECK(close(r.plain_score, 1));
  CHECK_FALSE(r.admissible);
  CHECK(r.scores.empty());
}

TEST_CASE("ridge_shrink: golden values, brute-force leave-one-out in numpy") {
  auto const g = limpid_test::golden("kmse.json");
  auto const x = limpid_test::to_matrix(g["X"]);
  double const gamma =
      0.5 / g["sigma2_RBF (median squared distance, k=exp(-d2/(2 sigma2)))"].get<double>();
  struct {
    char const* name;
    kernel_function k;
  } const cases[] = {{"LIN", kernels::linear()},
                     {"POLY2", kernels::polynomial(2)},
                     {"POLY3", kernels::polynomial(3)},
                     {"RBF", kernels::gaussian(gamma)}};
  for (auto const& c : cases) {
    CAPTURE(c.name);
    auto const& e = g["results"][c.name]["F_KMSE"];
    auto const grid = e["lambda_prime_grid"].get<std::vector<double>>(),
               want = e["loocv_brute_force"].get<std::vector<double>>();
    for (std::size_t i = 0; i < grid.size(); ++i)
      CHECK(close(ridge_shrink(c.k, x, {.lambda = grid[i]}).score, want[i], 1e-9));
    CHECK(apart(ridge_shrink(c.k, x, {.lambda = 0.5}).beta,
                e["beta_at_lambda_prime_0.5"].get<std::vector<double>>()) < 1e-10);
    auto const r = ridge_shrink(c.k, x, {.precision = 1e-7});
    CHECK(close(r.score, e["loocv_min"].get<double>(), 1e-9));
    CHECK(std::abs(std::log(r.lambda / e["argmin_lambda_prime_on_[1e-6,1e6]"].get<double>())) <
          1e-4);
    CHECK(apart(r.beta, e["beta_at_argmin (n-point system)"].get<std::vector<double>>()) < 1e-5);
    CHECK(r.scores.size() == 60);
    for (double s : r.scores) CHECK(r.score <= s);
    CHECK(r.admissible == (r.score < r.plain_score));
    CHECK_FALSE(r.at_edge);
    CHECK_FALSE(r.total_shrinkage);
    CHECK(
        close(r.plain_score, g["results"][c.name]["loocv_scalar_at_lambda_0"].get<double>(), 1e-9));
  }
}

TEST_CASE("ridge_shrink: policies, value types, a stored and a streamed kernel matrix") {
  auto const x = bells(70, 5, 3, 0.4);
  auto const k = kernels::gaussian(0.15);
  double const lambda = 0.7;
  matrix const K = gram(x, k);
  auto const want = solved(K, all(70), lambda);
  auto const chosen = ridge_shrink(limpid::seq, k, x);
  auto const fixed = ridge_shrink(limpid::seq, k, x, {.lambda = lambda});
  auto const streamed = ridge_shrink(limpid::seq, k, x, {.lambda = lambda, .exact_rows = 0});
  CHECK(apart(fixed.beta, want) < 1e-11);
  CHECK(apart(streamed.beta, want) < 1e-9);
  CHECK(streamed.converged);
  CHECK(streamed.residual < 1e-9);
  CHECK(streamed.iterations > 3);
  CHECK(std::isnan(streamed.score));
  CHECK(close(streamed.norm2, fixed.norm2, 1e-9));
  CHECK(streamed.condition > fixed.condition);
  CHECK(close(chosen.score, left_out(K, chosen.lambda), 1e-9));

  auto const wide = ridge_shrink(limpid::simd, k, x, {.lambda = lambda}),
             wide_streamed = ridge_shrink(limpid::simd, k, x, {.lambda = lambda, .exact_rows = 0});
  CHECK(apart(wide.beta, want) < 1e-9);
  for (int threads : {1, 2, 3, 7}) {
    limpid::par_policy const par{.threads = threads};
    auto const r = ridge_shrink(par, k, x, {.lambda = lambda});
    CHECK(r.beta == wide.beta);
    CHECK(r.score == wide.score);
    CHECK(ridge_shrink(par, k, x, {.lambda = lambda, .exact_rows = 0}).beta == wide_streamed.beta);
  }
  limpid_test::device_matrix<double> const there(x.view());
  CHECK(ridge_shrink(limpid_test::device, k, there, {.lambda = lambda}).beta == fixed.beta);
  CHECK(ridge_shrink(limpid_test::device, k, there).score == chosen.score);
  CHECK(ridge_shrink(limpid_test::device, k, there, {.lambda = lambda, .exact_rows = 0}).beta ==
        streamed.beta);

  limpid::matrix<float> single(70, 5);
  for (std::size_t i = 0; i < 350; ++i) single.data()[i] = static_cast<float>(x.data()[i]);
  double largest = 0;
  for (double b : want) largest = std::fmax(largest, std::abs(b));
  auto const narrow = ridge_shrink(k, single, {.lambda = lambda}),
             narrow_streamed = ridge_shrink(k, single, {.lambda = lambda, .exact_rows = 0});
  CHECK(apart(narrow.beta, want) < 1e-4 * largest);
  CHECK(apart(narrow_streamed.beta, want) < 1e-4 * largest);
  CHECK(narrow_streamed.converged);
  CHECK(close(narrow.score, fixed.score, 1e-5));

  std::vector<double> padded(70 * 9, std::nan(""));
  for (std::size_t i = 0; i < 70; ++i)
    for (std::size_t c = 0; c < 5; ++c) padded[i * 9 + c] = x(i, c);
  CHECK(ridge_shrink(k, limpid::matrix_view<double const>(padded.data(), 70, 5, 9, 1),
                     {.lambda = lambda})
            .beta == wide.beta);
}

TEST_CASE("ridge_shrink: leave-one-out is what leaving one out gives, singular kernels too") {
  auto x = bells(13, 3, 8, 0.3);
  for (std::size_t c = 0; c < 3; ++c) x(12, c) = x(5, c);            // K is singular
  for (auto const& k : {kernels::gaussian(0.2), kernels::linear()})  // the linear one of rank 3
    for (double lambda : {1e-3, 0.1, 3.0, 100.0, 1e5})
      CHECK(
          close(ridge_shrink(k, x, {.lambda = lambda}).score, left_out(gram(x, k), lambda), 1e-8));
}

TEST_CASE("ridge_shrink: limits") {
  auto const x = bells(20, 3, 4, 0.5);
  auto const k = kernels::gaussian(0.5);
  matrix const K = gram(x, k);
  double rho = 0;
  for (std::size_t i = 0; i < 400; ++i) rho += K.data()[i] / 400;
  auto const none = ridge_shrink(k, x, {.lambda = 0});
  for (double b : none.beta) CHECK(b == 0.05);
  CHECK(none.score == none.plain_score);
  CHECK(close(none.norm2, rho));
  CHECK_FALSE(none.admissible);
  auto const faint = ridge_shrink(k, x, {.lambda = 1e-9});
  CHECK(close(faint.norm2, rho, 1e-7));
  CHECK(close(faint.score, none.score, 1e-7));
  auto const strong = ridge_shrink(k, x, {.lambda = 1e9});
  for (std::size_t i = 0; i < 20; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 20; ++j) sum += K(i, j);
    CHECK(close(strong.beta[i] * 1e9, sum / 20, 1e-6));
  }
  CHECK(close(strong.score, 1, 1e-6));
  auto const streamed = ridge_shrink(k, x, {.lambda = 0, .exact_rows = 0});
  for (double b : streamed.beta) CHECK(b == 0.05);
  CHECK(std::isinf(streamed.condition));
  CHECK(close(streamed.norm2, rho));
}

TEST_CASE("ridge_shrink: linear kernel, one column: the scalar ridge") {
  // K = x x': the estimate of the mean m is m s / (s + lambda), s = sum x^2
  matrix const x{{0.5}, {-1}, {2}, {1.5}};
  double const s = 0.25 + 1 + 4 + 2.25, m = 0.75, lambda = 2;
  auto const r = ridge_shrink(kernels::linear(), x, {.lambda = lambda});
  double estimate = 0;
  for (std::size_t i = 0; i < 4; ++i) estimate += r.beta[i] * x(i, 0);
  CHECK(close(estimate, m * s / (s + lambda)));
  CHECK(close(r.norm2, estimate * estimate));
}

TEST_CASE("ridge_shrink: total shrinkage, no kernel at all, a kernel that is not positive") {
  auto const centred = ridge_shrink(kernels::linear(), matrix{{1}, {-1}, {0.5}, {-0.5}});
  CHECK(centred.total_shrinkage);
  CHECK(std::isinf(centred.lambda));
  CHECK(centred.norm2 == 0);
  for (double b : centred.beta) CHECK(b == 0);
  auto const zero = ridge_shrink(kernels::linear(), matrix{{0}, {0}});
  CHECK(zero.beta[0] == 0.5);
  CHECK(zero.norm2 == 0);
  CHECK(zero.score == 0);
  CHECK_FALSE(zero.total_shrinkage);
  auto const equal = ridge_shrink(kernels::gaussian(1), matrix{{1}, {1}, {1}});
  CHECK(equal.at_edge);  // nothing to gain: the smallest lambda
  CHECK_FALSE(equal.admissible);

  struct indefinite {
    double operator()(limpid::vector_view<double const> a,
                      limpid::vector_view<double const> b) const {
      return 1 - 2 * std::abs(a[0] - b[0]);
    }
    double operator()(limpid::vector_view<float const>, limpid::vector_view<float const>) const {
      return 0;
    }
  };
  auto const bent = ridge_shrink(indefinite{}, matrix{{0}, {1}, {2}, {3}}, {.lambda = 0.1});
  // eigenvalues below 0 are taken as 0: (0, 1, 2, 3) has some
  CHECK(bent.smallest < -1);
  for (double b : bent.beta) CHECK(std::isfinite(b));
  CHECK(std::isfinite(bent.score));
}

TEST_CASE("ridge_shrink_features: ridge_shrink with the inner product as kernel") {
  auto const z = bells(60, 7, 21, 0.3);
  for (double lambda : {0.0, 0.01, 1.0, 30.0, 1e4}) {
    CAPTURE(lambda);
    auto const a = ridge_shrink(kernels::linear(), z, {.lambda = lambda});
    auto const b = ridge_shrink_features(z, {.lambda = lambda});
    CHECK(close(b.score, a.score, 1e-9));
    CHECK(close(b.plain_score, a.plain_score, 1e-9));
    CHECK(close(b.norm2, a.norm2, 1e-9));
    CHECK(apart(b.beta, a.beta) < 1e-10);
    for (std::size_t c = 0; c < 7; ++c) {
      double g = 0;
      for (std::size_t i = 0; i < 60; ++i) g += b.beta[i] * z(i, c);
      CHECK(close(g, b.mean[c], 1e-10));
    }
  }
  auto const a = ridge_shrink(kernels::linear(), z);
  auto const b = ridge_shrink_features(limpid::seq, z);
  CHECK(close(b.score, a.score, 1e-8));
  CHECK(std::abs(std::log(a.lambda / b.lambda)) < 2e-3);
  CHECK(apart(a.scores, b.scores) < 1e-9);
  auto const wide = ridge_shrink_features(z);
  CHECK(close(wide.score, b.score, 1e-10));
  for (int threads : {1, 2, 3, 7})
    CHECK(ridge_shrink_features(limpid::par_policy{.threads = threads}, z).mean == wide.mean);
  limpid_test::device_matrix<double> const there(z.view());
  CHECK(ridge_shrink_features(limpid_test::device, there).mean == b.mean);
  limpid::matrix<float> single(60, 7);
  for (std::size_t i = 0; i < 420; ++i) single.data()[i] = static_cast<float>(z.data()[i]);
  CHECK(apart(ridge_shrink_features(single, {.lambda = 2}).mean,
              ridge_shrink_features(z, {.lambda = 2}).mean) < 1e-6);
  // more features than rows, more rows than a tile, rows stored as columns
  auto const few = bells(6, 11, 2, 0.5);
  CHECK(close(ridge_shrink_features(few, {.lambda = 1}).score,
              left_out(gram(few, kernels::linear()), 1), 1e-9));
  auto const many = bells(2060, 3, 5, 0.1);
  limpid::matrix<double> turned(3, 2060);
  for (std::size_t i = 0; i < 2060; ++i)
    for (std::size_t c = 0; c < 3; ++c) turned(c, i) = many(i, c);
  auto const straight = ridge_shrink_features(limpid::seq, many, {.lambda = 5}),
             columns = ridge_shrink_features(
                 limpid::simd, std::as_const(turned).view().transposed(), {.lambda = 5});
  CHECK(close(straight.score, columns.score, 1e-11));
  CHECK(apart(straight.mean, columns.mean) < 1e-12);
  auto const centred = ridge_shrink_features(matrix{{1}, {-1}, {0.5}, {-0.5}});
  CHECK(centred.total_shrinkage);
  CHECK(centred.mean[0] == 0);
  CHECK(ridge_shrink_features(matrix{{0}, {0}}).score == 0);
}

TEST_CASE("ridge_shrink: bad input, progress") {
  auto const k = kernels::gaussian(1);
  matrix const two{{1}, {2}};
  CHECK_THROWS_WITH_AS(ridge_shrink(k, matrix{{1}}),
                       "kernel_mean::ridge_shrink: x has 1 rows; leaving one out needs at least 2",
                       input_error);
  CHECK_NOTHROW(ridge_shrink(k, two));
  CHECK_THROWS_WITH_AS(ridge_shrink(k, matrix{{1}, {1.0 / 0.0}}),
                       "kernel_mean::ridge_shrink: x row 1 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(
      ridge_shrink(k, two, {.lambda = -0.5}),
      "kernel_mean::ridge_shrink: lambda is -0.5; it must be at least 0 and finite", input_error);
  CHECK_THROWS_AS(ridge_shrink(k, two, {.lambda = std::nan("")}), input_error);
  CHECK_THROWS_WITH_AS(ridge_shrink(k, two, {.grid = 2}),
                       "kernel_mean::ridge_shrink: grid is 2; it must be at least 3", input_error);
  CHECK_NOTHROW(ridge_shrink(k, two, {.grid = 3}));
  CHECK_THROWS_WITH_AS(
      ridge_shrink(k, two, {.grid_low = 2, .grid_high = 1}),
      "kernel_mean::ridge_shrink: the grid is from 2 to 1; it must be 0 < low < high", input_error);
  CHECK_THROWS_AS(ridge_shrink(k, two, {.precision = 0}), input_error);
  CHECK_THROWS_AS(ridge_shrink(k, two, {.tolerance = 1}), input_error);
  CHECK_THROWS_AS(ridge_shrink(k, two, {.max_iterations = 0}), input_error);
  CHECK_THROWS_WITH_AS(ridge_shrink(k, two, {.exact_rows = 1}),
                       "kernel_mean::ridge_shrink: x has 2 rows, more than exact_rows = 1; give "
                       "lambda, or take ridge_shrink_features",
                       input_error);
  CHECK_THROWS_WITH_AS(
      ridge_shrink(kernels::polynomial(4), matrix{{1e100}, {1}}, {.lambda = 1}),
      "kernel_mean::ridge_shrink: x row 0 has a kernel value that is not finite; scale x, or the "
      "kernel",
      input_error);
  CHECK_THROWS_WITH_AS(ridge_shrink_features(matrix{{1}}),
                       "kernel_mean::ridge_shrink_features: z has 1 rows; leaving one out needs at "
                       "least 2",
                       input_error);
  CHECK_THROWS_WITH_AS(ridge_shrink_features(matrix(2, 0)),
                       "kernel_mean::ridge_shrink_features: z has no columns", input_error);
  CHECK_THROWS_WITH_AS(
      ridge_shrink(kernels::sigmoid(1), two),
      "kernel_mean::ridge_shrink: the sigmoid kernel is not positive semidefinite; take another",
      input_error);
  auto const x = bells(90, 2, 1, 0);
  CHECK(ridge_shrink(k, x, {.on_progress = [](double) { return false; }}).stopped);
  CHECK(ridge_shrink(k, x,
                     {.lambda = 1, .exact_rows = 0, .on_progress = [](double) { return false; }})
            .stopped);
  CHECK(ridge_shrink_features(x, {.on_progress = [](double) { return false; }}).stopped);
  double last = 0;
  bool rising = true;
  auto const told = ridge_shrink(k, x, {.on_progress = [&](double f) {
                                   rising = rising && f >= last;
                                   last = f;
                                   return true;
                                 }});
  CHECK_FALSE(told.stopped);
  CHECK(rising);
  CHECK(last == 1);
  auto const short_of = ridge_shrink(k, x, {.lambda = 1e-6, .exact_rows = 0, .max_iterations = 2});
  CHECK_FALSE(short_of.converged);
  CHECK(short_of.residual > 1e-6);
}

TEST_CASE("ridge_shrink: how a caller reads it") {
  auto const x = bells(40, 5, 1, 0.3), queries = bells(4, 5, 2, 0.2);
  //! [ridge_shrink]
  auto const kernel = limpid::kernels::gaussian(0.1);
  auto const shrunk = limpid::kernel_mean::ridge_shrink(kernel, x);
  auto const mean = limpid::kernel_mean::evaluate(kernel, x, queries, shrunk.beta);
  if (!shrunk.admissible || shrunk.at_edge) {
    // the plain mean scores as well, or a wider grid is worth a try
  }
  //! [ridge_shrink]
  CHECK(shrunk.score < shrunk.plain_score);
  CHECK(mean.value.size() == 4);
}
