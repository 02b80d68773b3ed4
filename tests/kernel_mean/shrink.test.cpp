// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/shrink.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/evaluate.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::kernel_mean::shrink;
using limpid::kernel_mean::shrinkage_rule;
using rows_t = std::vector<std::vector<double>>;
bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
rows_t bells(std::size_t n, std::size_t d, unsigned seed, double centre) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell(centre, 1);
  rows_t out(n, std::vector<double>(d));
  for (auto& row : out)
    for (double& x : row) x = bell(draw);
  return out;
}

/// (1/n) sum_i |phi(x_i) - c mu^(-i)|^2, written out.
double leave_one_out(rows_t const& x, double gamma, double c) {
  std::size_t const n = x.size();
  auto const k = [&](std::size_t i, std::size_t j) {
    double s = 0;
    for (std::size_t f = 0; f < x[0].size(); ++f) s += (x[i][f] - x[j][f]) * (x[i][f] - x[j][f]);
    return std::exp(-gamma * s);
  };
  double total = 0;
  for (std::size_t out = 0; out < n; ++out) {
    double cross = 0, norm = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == out) continue;
      cross += k(out, i);
      for (std::size_t j = 0; j < n; ++j)
        if (j != out) norm += k(i, j);
    }
    auto const m = static_cast<double>(n - 1);
    total += k(out, out) - 2 * c * cross / m + c * c * norm / m / m;
  }
  return total / static_cast<double>(n);
}

}  // namespace

TEST_CASE("shrink: two points on a line, by hand") {
  // linear kernel on 1 and 2: K = [[1, 2], [2, 4]], rho = 9/4, vrho = 5/2
  limpid::matrix<double> const x{{1.0}, {2.0}};
  auto const r = shrink(kernels::linear(), x);
  CHECK(close(r.rho, 2.25));
  CHECK(close(r.vrho, 2.5));
  CHECK(close(r.risk, 0.25));
  CHECK(close(r.lambda, 2 * 0.25 / 2));  // n (vrho - rho) / ((n - 1)(n rho - vrho))
  CHECK(close(r.alpha, 0.2));
  CHECK(close(r.weight, 0.4));
  CHECK(close(r.norm2, 0.64 * 2.25));
  CHECK(close(shrink(kernels::linear(), x, {.rule = shrinkage_rule::plug_in}).alpha, 0.1));
}

TEST_CASE("shrink: golden values, brute-force leave-one-out in numpy") {
  auto const g = limpid_test::golden("kmse.json");
  auto const x = g["X"].get<rows_t>();
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
    auto const& e = g["results"][c.name];
    auto const r = shrink(c.k, x);
    CHECK(close(r.rho, e["rho"].get<double>()));
    CHECK(close(r.vrho, e["varrho"].get<double>()));
    CHECK(close(r.lambda, e["R_KMSE_lambda_closed_form"].get<double>(), 1e-9));
    CHECK(close(r.lambda, e["R_KMSE_lambda_brute_force_argmin"].get<double>(), 1e-6));
    CHECK(close(r.score, e["R_KMSE_loocv_at_lambda"].get<double>(), 1e-9));
    CHECK(close(r.risk, e["Delta_hat"].get<double>()));
    auto const p = shrink(c.k, x, {.rule = shrinkage_rule::plug_in});
    CHECK(close(p.alpha, e["B_KMSE_alpha"].get<double>()));
    CHECK(p.score >= r.score);
    auto const sums = e["K_row_sums"].get<std::vector<double>>();
    auto const rows = limpid::kernel_mean::evaluate(c.k, x, x).value;
    for (std::size_t i = 0; i < 10; ++i) CHECK(close(10 * rows[i], sums[i]));
    for (int threads : {1, 2, 3, 7})
      CHECK(shrink(limpid::par_policy{.threads = threads}, c.k, x).alpha == r.alpha);
    limpid::matrix<double> m(10, 4);
    for (std::size_t i = 0; i < 10; ++i)
      for (std::size_t f = 0; f < 4; ++f) m(i, f) = x[i][f];
    limpid_test::device_matrix<double> const d(m.view());
    CHECK(shrink(limpid_test::device, c.k, d).alpha == shrink(limpid::seq, c.k, m).alpha);
    limpid::matrix<float> single(10, 4);
    for (std::size_t i = 0; i < 40; ++i) single.data()[i] = static_cast<float>(m.data()[i]);
    auto const of_float = shrink(c.k, single);
    CHECK(std::abs(of_float.rho - r.rho) < 1e-5 * r.vrho);
    CHECK(std::abs(of_float.vrho - r.vrho) < 1e-5 * r.vrho);
    CHECK(close(of_float.alpha, r.alpha, 1e-4));
  }
}

TEST_CASE("shrink: no other share has a smaller leave-one-out score") {
  auto const x = bells(23, 3, 5, 0.4);
  double const gamma = 0.3;
  auto const r = shrink(kernels::gaussian(gamma), x);
  double const c = 1 - r.alpha, best = leave_one_out(x, gamma, c);
  CHECK(close(r.score, best, 1e-9));
  for (double step : {-0.2, -0.01, -1e-3, 1e-3, 0.01, 0.2})
    CHECK(leave_one_out(x, gamma, c + step) > best);
}

TEST_CASE("shrink: the shrunk mean is nearer to the truth, on average") {
  // linear kernel: the kernel mean is the mean; truth 0.3 in each of 20 directions
  double plain = 0, loo = 0, plug = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    auto const x = bells(10, 20, seed, 0.3);
    double const kept[] = {
        1, 1 - shrink(kernels::linear(), x).alpha,
        1 - shrink(kernels::linear(), x, {.rule = shrinkage_rule::plug_in}).alpha};
    double* const error[] = {&plain, &loo, &plug};
    for (int e = 0; e < 3; ++e)
      for (std::size_t f = 0; f < 20; ++f) {
        double mean = 0;
        for (auto const& row : x) mean += row[f] / 10;
        *error[e] += (kept[e] * mean - 0.3) * (kept[e] * mean - 0.3);
      }
  }
  CHECK(loo < 0.85 * plain);
  CHECK(plug < 0.85 * plain);
}

TEST_CASE("shrink: scaling the kernel changes nothing, duplicated rows do") {
  auto const x = bells(12, 3, 2, 1);
  auto twice = x;
  twice.insert(twice.end(), x.begin(), x.end());
  rows_t big = x;
  for (auto& row : big)
    for (double& v : row) v *= 3;  // linear kernel times 9
  CHECK(close(shrink(kernels::linear(), big).alpha, shrink(kernels::linear(), x).alpha));
  CHECK(shrink(kernels::linear(), twice).alpha < shrink(kernels::linear(), x).alpha - 1e-3);
}

TEST_CASE("shrink: total shrinkage, equal rows, two rows") {
  auto const centred = shrink(kernels::linear(), rows_t{{1}, {-1}, {0.5}, {-0.5}});
  CHECK(centred.total_shrinkage);
  CHECK(centred.alpha == 1);
  CHECK(centred.weight == 0);
  CHECK(std::isinf(centred.lambda));
  auto const equal = shrink(kernels::gaussian(1), rows_t{{1}, {1}, {1}});
  CHECK(equal.alpha == 0);
  CHECK_FALSE(equal.total_shrinkage);
  auto const zero = shrink(kernels::linear(), rows_t{{0}, {0}});
  CHECK(zero.alpha == 0);
  CHECK(zero.norm2 == 0);
}

TEST_CASE("shrink: bad input, progress") {
  auto const k = kernels::gaussian(1);
  CHECK_THROWS_WITH_AS(shrink(k, rows_t{{1}}),
                       "kernel_mean::shrink: x has 1 rows; leaving one out needs at least 2",
                       input_error);
  CHECK_NOTHROW(shrink(k, rows_t{{1}, {2}}));
  CHECK_THROWS_WITH_AS(shrink(k, rows_t{{1}, {1.0 / 0.0}}),
                       "kernel_mean::shrink: x row 1 has an entry that is not finite", input_error);
  CHECK_THROWS_WITH_AS(shrink(kernels::laplacian(-1), rows_t{{1}, {2}}),
                       "kernel_mean::shrink: kernel gamma is -1; it must be above 0 and finite",
                       input_error);
}

TEST_CASE("shrink: the sigmoid kernel is refused, alone and within another") {
  rows_t const x{{1}, {2}};
  for (auto const& k : {kernels::sigmoid(1), kernels::gaussian(1) + 2.0 * kernels::sigmoid(1)})
    CHECK_THROWS_WITH_AS(shrink(k, x),
                         "kernel_mean::shrink: the sigmoid kernel is not positive semidefinite; "
                         "take another",
                         input_error);
  CHECK_NOTHROW(shrink(kernels::gaussian(1) + 2.0 * kernels::matern52(1), x));
}

TEST_CASE("shrink: where shrinking helps, known exactly") {
  // Linear kernel, normal rows of d columns, mean m, variance 1: Delta = d / n. The mean squared
  // error of (1 - alpha) mean against the formula, and nothing gained at the end of the range.
  std::size_t const n = 8, d = 10;
  double const m = 0.35, delta = static_cast<double>(d) / static_cast<double>(n),
               bias = static_cast<double>(d) * m * m, best = delta / (delta + bias);
  double errors[4]{}, admissible = 0;
  double const alphas[4] = {0, best, best / 2, 2 * best};
  int const times = 400;
  for (unsigned seed = 0; seed < times; ++seed) {
    auto const x = bells(n, d, seed, m);
    for (std::size_t f = 0; f < d; ++f) {
      double mean = 0;
      for (auto const& row : x) mean += row[f] / static_cast<double>(n);
      for (int a = 0; a < 4; ++a)
        errors[a] += ((1 - alphas[a]) * mean - m) * ((1 - alphas[a]) * mean - m) / times;
    }
    admissible += shrink(kernels::linear(), x).admissible / times;
  }
  for (int a = 0; a < 4; ++a)
    CHECK(std::abs(errors[a] - ((1 - alphas[a]) * (1 - alphas[a]) * delta +
                                alphas[a] * alphas[a] * bias)) < 0.08 * delta);
  CHECK(errors[1] < errors[2]);
  CHECK(errors[2] < errors[0]);
  CHECK(std::abs(errors[3] - errors[0]) < 0.1 * delta);
  CHECK(std::abs(admissible - 2 * best) < 0.2 * 2 * best);
}

TEST_CASE("shrink: towards a target, by brute force") {
  auto const x = bells(14, 2, 3, 0.5), z = bells(5, 2, 4, 0.5);
  std::vector<double> const gamma{0.4, 0.3, -0.1, 0.2, 0.2};
  double const width = 0.3;
  auto const k = [&](std::vector<double> const& a, std::vector<double> const& b) {
    double s = 0;
    for (std::size_t f = 0; f < 2; ++f) s += (a[f] - b[f]) * (a[f] - b[f]);
    return std::exp(-width * s);
  };
  // phi(x_i) - f for every i, by their inner products
  std::size_t const n = 14;
  double norm2 = 0;
  std::vector<double> with(n);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 5; ++j) norm2 += gamma[i] * gamma[j] * k(z[i], z[j]);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < 5; ++j) with[i] += gamma[j] * k(x[i], z[j]);
  auto const centred = [&](std::size_t i, std::size_t j) {
    return k(x[i], x[j]) - with[i] - with[j] + norm2;
  };
  auto const score = [&](double c) {
    double total = 0;
    for (std::size_t out = 0; out < n; ++out) {
      double cross = 0, square = 0;
      for (std::size_t i = 0; i < n; ++i) {
        if (i == out) continue;
        cross += centred(out, i) / (n - 1);
        for (std::size_t j = 0; j < n; ++j)
          if (j != out) square += centred(i, j) / (n - 1) / (n - 1);
      }
      total += centred(out, out) - 2 * c * cross + c * c * square;
    }
    return total / n;
  };
  auto const r = shrink(kernels::gaussian(width), x, z, gamma);
  CHECK(close(r.target_norm2, norm2));
  double mean_with = 0;
  for (double w : with) mean_with += w / n;
  CHECK(close(r.target_inner, mean_with));
  CHECK(close(r.score, score(1 - r.alpha), 1e-9));
  for (double step : {-0.1, -1e-3, 1e-3, 0.1}) CHECK(score(1 - r.alpha + step) > r.score);
  // the norm of (1 - alpha) mean + alpha f, written out
  double norm = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) norm += r.weight * r.weight * k(x[i], x[j]);
  norm += 2 * (1 - r.alpha) * r.alpha * mean_with + r.alpha * r.alpha * norm2;
  CHECK(close(r.norm2, norm));
  auto const plain = shrink(kernels::gaussian(width), x);
  CHECK(close(r.risk, plain.risk));
  CHECK(close(r.rho, plain.rho));
  CHECK(r.alpha > plain.alpha);  // the target is nearer than 0
  CHECK(r.admissible > plain.admissible);

  // a target of weight 0 is no target; the mean itself is where there is nothing to gain or lose
  auto const none = shrink(kernels::gaussian(width), x, z, std::vector<double>(5, 0.0));
  CHECK(none.alpha == plain.alpha);
  auto const there = shrink(kernels::gaussian(width), x, x, std::vector<double>(n, 1.0 / n));
  CHECK(there.total_shrinkage);
  CHECK(close(there.norm2, plain.rho));

  for (int threads : {1, 3})
    CHECK(shrink(limpid::par_policy{.threads = threads}, kernels::gaussian(width), x, z, gamma)
              .alpha == r.alpha);
  CHECK(close(shrink(limpid::seq, kernels::gaussian(width), x, z, gamma).alpha, r.alpha));
}

TEST_CASE("shrink: bad targets, stopping") {
  rows_t const x{{1}, {2}}, z{{1}, {3}};
  auto const k = kernels::gaussian(1);
  CHECK_THROWS_WITH_AS(shrink(k, x, rows_t{}, std::vector<double>{}),
                       "kernel_mean::shrink: target has no rows; it needs at least 1", input_error);
  CHECK_THROWS_WITH_AS(shrink(k, x, rows_t{{1, 2}}, std::vector<double>{1}),
                       "kernel_mean::shrink: x has 1 columns, target has 2", input_error);
  CHECK_THROWS_WITH_AS(shrink(k, x, z, std::vector<double>{1}),
                       "kernel_mean::shrink: target has 2 rows, target_weights has 1", input_error);
  CHECK_THROWS_WITH_AS(shrink(k, x, z, std::vector<double>{1, 1.0 / 0.0}),
                       "kernel_mean::shrink: target_weights row 1 is not finite", input_error);
  CHECK_THROWS_WITH_AS(shrink(k, x, rows_t{{1}, {1.0 / 0.0}}, std::vector<double>{1, 1}),
                       "kernel_mean::shrink: target row 1 has an entry that is not finite",
                       input_error);
  CHECK_NOTHROW(shrink(k, x, z, std::vector<double>{1, -1}));
  std::vector<double> told;
  auto const r =
      shrink(k, x, z, std::vector<double>{1, 1},
             {.on_progress = [&](double f) { return told.push_back(f), told.size() < 2; }});
  CHECK(r.stopped);
  CHECK(told.size() == 2);
  CHECK(told[0] < told[1]);
}

TEST_CASE("shrink: how a caller reads it") {
  auto const x = bells(20, 5, 1, 0.2), queries = bells(4, 5, 2, 0.2);
  //! [shrink]
  auto const kernel = limpid::kernels::gaussian(0.1);
  auto const shrunk = limpid::kernel_mean::shrink(kernel, x);
  std::vector<double> const weights(x.size(), shrunk.weight);
  auto const mean = limpid::kernel_mean::evaluate(kernel, x, queries, weights);
  //! [shrink]
  auto const plain = limpid::kernel_mean::evaluate(kernel, x, queries);
  for (std::size_t j = 0; j < 4; ++j)
    CHECK(close(mean.value[j], (1 - shrunk.alpha) * plain.value[j]));
}

TEST_CASE("shrink: how a caller shrinks towards an earlier sample") {
  auto const x = bells(20, 5, 1, 0.2), earlier = bells(30, 5, 3, 0.2),
             queries = bells(4, 5, 2, 0.2);
  //! [target]
  auto const kernel = limpid::kernels::gaussian(0.1);
  std::vector<double> const target_weights(earlier.size(), 1.0 / 30);
  auto const shrunk = limpid::kernel_mean::shrink(kernel, x, earlier, target_weights);
  auto const own = limpid::kernel_mean::evaluate(kernel, x, queries).value;
  auto const target = limpid::kernel_mean::evaluate(kernel, earlier, queries).value;
  std::vector<double> mean(queries.size());
  for (std::size_t j = 0; j < mean.size(); ++j)
    mean[j] = (1 - shrunk.alpha) * own[j] + shrunk.alpha * target[j];
  //! [target]
  CHECK((shrunk.alpha > 0 && shrunk.alpha < 1));
  for (std::size_t j = 0; j < 4; ++j)
    CHECK((mean[j] - own[j]) * (mean[j] - target[j]) <= 0);  // between the two
}
