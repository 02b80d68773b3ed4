// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/evaluate.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <algorithm>
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
using limpid::kernel_mean::evaluate;
using limpid::kernel_mean::median_heuristic;
using rows_t = std::vector<std::vector<double>>;
bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
rows_t bells(std::size_t n, std::size_t d, unsigned seed) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell;
  rows_t out(n, std::vector<double>(d));
  for (auto& row : out)
    for (double& x : row) x = bell(draw);
  return out;
}
template <class T>
limpid::matrix<T> as_matrix(rows_t const& x) {
  limpid::matrix<T> out(x.size(), x.empty() ? 0 : x[0].size());
  for (std::size_t i = 0; i < out.rows(); ++i)
    for (std::size_t c = 0; c < out.cols(); ++c) out(i, c) = static_cast<T>(x[i][c]);
  return out;
}

}  // namespace

TEST_CASE("evaluate: two points on a line, by hand") {
  limpid::matrix<double> const x{{0.0}, {2.0}}, z{{1.0}, {3.0}};
  auto const linear = evaluate(kernels::linear(), x, z).value;
  CHECK(linear == limpid::vector<double>{1, 3});
  auto const bell = evaluate(kernels::gaussian(0.5), x, z).value;
  CHECK(close(bell[0], std::exp(-0.5)));
  CHECK(close(bell[1], (std::exp(-4.5) + std::exp(-0.5)) / 2));
  auto const tent = evaluate(kernels::laplacian(2), x, z, std::vector<double>{1, -1}).value;
  CHECK(close(tent[0], 0));
  CHECK(close(tent[1], std::exp(-6.0) - std::exp(-2.0)));
  auto const power = evaluate(kernels::polynomial(3, 0.5, 1), x, z).value;
  CHECK(close(power[0], (1.0 + 8.0) / 2));
}

TEST_CASE("evaluate: golden kernel matrices, scikit-learn 1.2.1") {
  auto const g = limpid_test::golden("kernels.json");
  auto const x = g["X"].get<rows_t>(), y = g["Y"].get<rows_t>();
  int seen = 0;
  for (auto const& c : g["cases"]) {
    auto const name = c["kernel"].get<std::string>();
    kernel_function k;
    auto const& p = c["params"];
    if (name == "linear")
      k = kernels::linear();
    else if (name == "polynomial")
      k = kernels::polynomial(p["degree"].get<unsigned>(), p["gamma"].get<double>(),
                              p["coef0"].get<double>());
    else if (name == "gaussian_gamma")
      k = kernels::gaussian(p["gamma"].get<double>());
    else if (name == "gaussian_default_gamma")
      k = kernels::gaussian(1.0 / 3);
    else if (name == "laplacian_l1")
      k = kernels::laplacian(p["gamma"].get<double>());
    else
      continue;
    ++seen;
    CAPTURE(name);
    auto const expected = c["K"].get<rows_t>();
    for (std::size_t i = 0; i < x.size(); ++i) {  // one row of K at a time: the mean of one point
      rows_t const one{x[i]};
      auto const value = evaluate(k, one, y).value;
      for (std::size_t j = 0; j < y.size(); ++j) CHECK(close(value[j], expected[i][j]));
    }
  }
  CHECK(seen == 6);
}

TEST_CASE("evaluate: every policy and value type against plain loops") {
  kernel_function const all[] = {kernels::linear(), kernels::polynomial(2), kernels::gaussian(0.1),
                                 kernels::laplacian(0.2)};
  for (std::size_t n : {1u, 5u, 255u, 257u})
    for (auto const& k : all) {
      auto const x = bells(n, 3, 1), z = bells(70, 3, 2);
      std::vector<double> w(n), expected(70);
      for (std::size_t i = 0; i < n; ++i) w[i] = std::sin(static_cast<double>(i) + 1);
      for (std::size_t j = 0; j < 70; ++j)
        for (std::size_t i = 0; i < n; ++i) {
          double dot = 0, two = 0, one = 0;
          for (std::size_t c = 0; c < 3; ++c) {
            dot += x[i][c] * z[j][c];
            two += (x[i][c] - z[j][c]) * (x[i][c] - z[j][c]);
            one += std::abs(x[i][c] - z[j][c]);
          }
          double v = dot;
          if (k.kind == kernel_function::family::polynomial) v = (dot + 1) * (dot + 1);
          if (k.kind == kernel_function::family::gaussian) v = std::exp(-0.1 * two);
          if (k.kind == kernel_function::family::laplacian) v = std::exp(-0.2 * one);
          expected[j] += w[i] * v;
        }
      auto const r = evaluate(k, x, z, w).value;
      for (std::size_t j = 0; j < 70; ++j) CHECK(close(r[j], expected[j], 1e-9));
      for (int threads : {1, 2, 3, 7})
        CHECK(evaluate(limpid::par_policy{.threads = threads}, k, x, z, w).value == r);
      auto const reference = evaluate(limpid::seq, k, x, z, w).value;
      auto const mx = as_matrix<double>(x), mz = as_matrix<double>(z);
      limpid_test::device_matrix<double> const dx(mx.view()), dz(mz.view());
      limpid_test::device_vector<double> const dw({w.data(), n});
      CHECK(evaluate(limpid_test::device, k, dx, dz, dw).value == reference);
      auto const f = evaluate(k, as_matrix<float>(x), as_matrix<float>(z), w).value;
      double scale = 0;
      for (std::size_t j = 0; j < 70; ++j) scale = (std::max)(scale, std::abs(expected[j]));
      for (std::size_t j = 0; j < 70; ++j) CHECK(std::abs(f[j] - expected[j]) < 1e-4 * (1 + scale));
    }
}

TEST_CASE("evaluate: writes into the caller's own vector, strided") {
  auto const x = bells(20, 4, 3), z = bells(6, 4, 4);
  std::vector<double> const w(20, 1.0 / 20);
  std::vector<float> out(18, -7);
  limpid::vector_view<float> const every_third(out.data(), 6, 3);
  CHECK(evaluate(kernels::gaussian(1), x, z, w, every_third));
  auto const expected = evaluate(kernels::gaussian(1), x, z).value;
  for (std::size_t j = 0; j < 6; ++j) {
    CHECK(close(static_cast<double>(out[3 * j]), expected[j], 1e-6));
    CHECK(out[3 * j + 1] == -7);
  }
}

TEST_CASE("evaluate: bad input") {
  auto const x = bells(4, 2, 1);
  auto bad = x;
  bad[2][1] = std::numeric_limits<double>::quiet_NaN();
  auto const k = kernels::gaussian(1);
  CHECK_THROWS_WITH_AS(evaluate(k, bad, x),
                       "kernel_mean::evaluate: x row 2 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(evaluate(k, x, bad),
                       "kernel_mean::evaluate: queries row 2 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(evaluate(k, rows_t{}, x),
                       "kernel_mean::evaluate: x has no rows; a mean needs at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(evaluate(k, x, bells(4, 3, 1)),
                       "kernel_mean::evaluate: x has 2 columns, queries has 3", input_error);
  CHECK_THROWS_WITH_AS(evaluate(k, x, x, std::vector<double>(3)),
                       doctest::Contains("x has 4 rows, weights has 3"), input_error);
  CHECK_THROWS_WITH_AS(evaluate(kernels::gaussian(0), x, x),
                       "kernel_mean::evaluate: kernel gamma is 0; it must be above 0 and finite",
                       input_error);
  CHECK_NOTHROW(evaluate(kernels::gaussian(1e-300), x, x));
  CHECK_THROWS_WITH_AS(evaluate(kernels::polynomial(0), x, x),
                       "kernel_mean::evaluate: kernel degree is 0; it must be at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      evaluate(kernels::polynomial(2, 1, -0.5), x, x),
      "kernel_mean::evaluate: kernel offset is -0.5; it must be at least 0 and finite",
      input_error);
  CHECK_NOTHROW(evaluate(kernels::polynomial(1, 1, 0), x, x));
  std::vector<double> small(3), weights(4);
  CHECK_THROWS_WITH_AS(evaluate(k, x, x, weights, small),
                       "kernel_mean::evaluate: out has 3 elements, queries has 4 rows",
                       input_error);
}

TEST_CASE("median_heuristic: golden values and policies") {
  auto const g = limpid_test::golden("kernels.json")["median_heuristic"];
  auto const z = g["Z"].get<rows_t>();
  auto const r = median_heuristic(z);
  CHECK(close(r.sigma, g["median_distance_i<j"].get<double>()));
  CHECK(close(r.gamma, g["gamma_A (sigma=median distance, gamma=1/(2 sigma^2))"].get<double>()));
  CHECK(r.rows == 10);

  auto const x = bells(301, 5, 7);
  std::vector<double> all;
  for (std::size_t i = 0; i < 300; i += 3)
    for (std::size_t j = 0; j < i; j += 3) {
      double s = 0;
      for (std::size_t c = 0; c < 5; ++c) s += (x[i][c] - x[j][c]) * (x[i][c] - x[j][c]);
      all.push_back(std::sqrt(s));
    }
  std::sort(all.begin(), all.end());
  auto const part = median_heuristic(x, {.sample = 100});
  CHECK(part.rows == 100);
  CHECK(close(part.sigma, (all[all.size() / 2] + all[(all.size() - 1) / 2]) / 2));
  CHECK(median_heuristic(limpid::par_policy{.threads = 3}, x, {.sample = 100}).sigma == part.sigma);
  auto const m = as_matrix<double>(x);
  limpid_test::device_matrix<double> const d(m.view());
  CHECK(median_heuristic(limpid_test::device, d, {.sample = 100}).sigma == part.sigma);
}

TEST_CASE("median_heuristic: equal rows, bad input") {
  CHECK(median_heuristic(rows_t{{1, 2}, {1, 2}}).sigma == 1);
  CHECK(median_heuristic(rows_t{{1, 2}, {1, 2}}).degenerate);
  auto const most =
      median_heuristic(rows_t{{0}, {0}, {0}, {0}, {4}});  // median 0, four distances of 4
  CHECK(most.degenerate);
  CHECK(most.sigma == 4);
  CHECK_THROWS_WITH_AS(median_heuristic(rows_t{{1}}),
                       "kernel_mean::median_heuristic: x has 1 rows; a distance needs at least 2",
                       input_error);
  CHECK_THROWS_WITH_AS(median_heuristic(rows_t{{1}, {2}}, {.sample = 1}),
                       "kernel_mean::median_heuristic: sample is 1; it must be 0 or at least 2",
                       input_error);
  CHECK_THROWS_WITH_AS(median_heuristic(rows_t{{1}, {1.0 / 0.0}}),
                       "kernel_mean::median_heuristic: x row 1 has an entry that is not finite",
                       input_error);
}

TEST_CASE("evaluate: how a caller reads it") {
  auto const x = bells(50, 2, 1), queries = bells(3, 2, 2);
  //! [evaluate]
  auto const width = limpid::kernel_mean::median_heuristic(x);
  auto const mean =
      limpid::kernel_mean::evaluate(limpid::kernels::gaussian(width.gamma), x, queries);
  std::vector<double> const values = mean.value;  // one per query
  //! [evaluate]
  CHECK(values.size() == 3);
  for (double v : values) CHECK((v > 0 && v < 1));
}
