// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/evaluate.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/ops/kernel_matrix.hpp>

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

TEST_CASE("evaluate: golden kernel matrices, scikit-learn 1.2.1 and numpy") {
  auto const g = limpid_test::golden("kernels.json");
  auto const x = g["X"].get<rows_t>(), y = g["Y"].get<rows_t>();
  std::size_t seen = 0;
  for (auto const& c : g["cases"]) {
    auto const name = c["kernel"].get<std::string>();
    CAPTURE(name);
    auto const& p = c["params"];
    auto const number = [&](char const* key, double other = 0) {
      return p.contains(key) ? p[key].get<double>() : other;
    };
    auto const made = [&]() -> kernel_function {
      if (name == "linear") return kernels::linear();
      if (name == "polynomial")
        return kernels::polynomial(p["degree"].get<unsigned>(), number("gamma"), number("coef0"));
      if (name == "gaussian_gamma") return kernels::gaussian(number("gamma"));
      if (name == "gaussian_default_gamma") return kernels::gaussian(1.0 / 3);
      if (name == "laplacian_l1") return kernels::laplacian(number("gamma"));
      if (name == "laplacian_l2") return kernels::matern12(1 / number("gamma"));
      if (name == "sigmoid") return kernels::sigmoid(number("gamma"), number("coef0"));
      if (name == "cosine") return kernels::normalised(kernels::linear());
      double const length = number("length_scale");
      if (name == "matern")
        return number("nu") == 0.5   ? kernels::matern12(length)
               : number("nu") == 1.5 ? kernels::matern32(length)
                                     : kernels::matern52(length);
      if (name == "matern_inf=rbf") return kernels::gaussian(0.5 / (length * length));
      if (name == "rational_quadratic") return kernels::rational_quadratic(length, number("alpha"));
      if (name == "inverse_multiquadric")
        return kernels::inverse_multiquadric(number("bandwidth", 1), number("c"), number("beta"));
      if (name == "cauchy") return kernels::cauchy(number("bandwidth"));
      if (name == "sum") return kernels::gaussian(0.4) + kernels::linear();
      if (name == "product") return kernels::gaussian(0.4) * kernels::polynomial(2);
      REQUIRE(name == "scale");
      return 2.5 * kernels::laplacian(0.4);
    };
    auto const k = made();
    ++seen;
    auto const expected = c["K"].get<rows_t>();
    for (std::size_t i = 0; i < x.size(); ++i) {  // one row of K at a time: the mean of one point
      rows_t const one{x[i]};
      auto const value = evaluate(k, one, y).value;
      auto const plain = evaluate(limpid::seq, k, one, y).value;
      for (std::size_t j = 0; j < y.size(); ++j) {
        CHECK(close(value[j], expected[i][j]));
        CHECK(close(plain[j], expected[i][j]));
      }
    }
  }
  CHECK(seen == g["cases"].size());
  CHECK(seen == 20);
}

TEST_CASE("evaluate: every policy and value type against plain loops") {
  kernel_function const all[] = {kernels::linear(), kernels::polynomial(2), kernels::gaussian(0.1),
                                 kernels::laplacian(0.2)};
  for (std::size_t n : {1u, 5u, 257u})
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

struct overlap {  // the user's own: how much of two histograms is shared
  template <class A, class B>
  double operator()(A const& x, B const& z) const {
    double s = 0;
    for (std::size_t c = 0; c < x.size; ++c) {
      auto const a = static_cast<double>(x[c]), b = static_cast<double>(z[c]);
      s += a < b ? a : b;
    }
    return s;
  }
};

TEST_CASE("evaluate: a kernel of the user's own") {
  //! [own]
  limpid::matrix<double> const histograms{{0.2, 0.8}, {0.5, 0.5}}, query{{0.4, 0.6}};
  auto const mean = limpid::kernel_mean::evaluate(overlap{}, histograms, query);
  CHECK(mean.value[0] == doctest::Approx((0.8 + 0.9) / 2));
  //! [own]
  auto const x = bells(40, 3, 1), z = bells(20, 3, 2);
  auto const expected = evaluate(limpid::seq, overlap{}, x, z).value;
  CHECK(evaluate(overlap{}, x, z).value == expected);
  for (int threads : {1, 3})
    CHECK(evaluate(limpid::par_policy{.threads = threads}, overlap{}, x, z).value == expected);
  auto const mx = as_matrix<double>(x), mz = as_matrix<double>(z);
  limpid_test::device_matrix<double> const dx(mx.view()), dz(mz.view());
  CHECK(evaluate(limpid_test::device, overlap{}, dx, dz).value == expected);
}

TEST_CASE("evaluate: the error of float32, of every family") {
  // 150 standard normal rows of 20 columns, 30 away from the origin: the rows are rounded first,
  // the truth is the double mean of the rounded rows
  auto wide = bells(150, 20, 3);
  for (auto& row : wide)
    for (double& v : row) v = static_cast<double>(static_cast<float>(v + 30));
  auto const single = as_matrix<float>(wide);
  std::vector<double> w(150);
  for (std::size_t i = 0; i < 150; ++i) w[i] = std::sin(static_cast<double>(i) + 1);
  double const length = 6;
  double const bound = 2e-6;  // docs/kernel_mean/kernels.md
  struct {
    char const* name;
    kernel_function k;
  } const all[] = {
      {"linear", kernels::linear()},
      {"polynomial", kernels::polynomial(3, 1e-4)},
      {"gaussian", kernels::gaussian(0.01)},
      {"laplacian", kernels::laplacian(0.05)},
      {"matern12", kernels::matern12(length)},
      {"matern32", kernels::matern32(length)},
      {"matern52", kernels::matern52(length)},
      {"inverse multiquadric", kernels::inverse_multiquadric(length)},
      {"rational quadratic", kernels::rational_quadratic(length, 0.7)},
      {"cauchy", kernels::cauchy(length)},
      {"sigmoid", kernels::sigmoid(1e-5, 0.1)},
      {"combination", kernels::gaussian(0.01) + 1e-4 * kernels::linear()},
  };
  for (auto const& c : all) {
    CAPTURE(c.name);
    auto const truth = evaluate(limpid::seq, c.k, wide, wide, w).value;
    std::vector<double> magnitude(w);
    for (double& v : magnitude) v = std::abs(v);
    auto const scale = evaluate(limpid::seq, c.k, wide, wide, magnitude).value;
    auto const narrow = evaluate(c.k, single, single, w).value;
    auto const full = evaluate(c.k, wide, wide, w).value;
    double worst = 0, worst_double = 0;
    for (std::size_t j = 0; j < 150; ++j) {
      double const a = std::abs(narrow[j] - truth[j]) / scale[j],
                   b = std::abs(full[j] - truth[j]) / scale[j];
      if (!(a <= worst)) worst = a;
      if (!(b <= worst_double)) worst_double = b;
    }
    CHECK(worst < bound);  // of sum |beta k|
    CHECK(worst_double < 1e-15);

    limpid::matrix<double> exact(150, 150), of_float(150, 150), of_double(150, 150);
    auto const rows = as_matrix<double>(wide);
    limpid::ops::kernel_matrix(limpid::seq, c.k, rows.view(), rows.view(), exact.view());
    limpid::ops::kernel_matrix(limpid::simd, c.k, single.view(), single.view(), of_float.view());
    limpid::ops::kernel_matrix(limpid::simd, c.k, rows.view(), rows.view(), of_double.view());
    double largest = 0, value = 0, value_double = 0;
    for (std::size_t i = 0; i < 150 * 150; ++i) {
      double const e = exact.data()[i], a = std::abs(of_float.data()[i] - e),
                   b = std::abs(of_double.data()[i] - e);
      largest = (std::max)(largest, std::abs(e));
      if (!(a <= value)) value = a;
      if (!(b <= value_double)) value_double = b;
    }
    CHECK(value < bound * largest);
    CHECK(value_double < 1e-14 * largest);
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
  struct {
    kernel_function bad;
    char const* words;
  } const faults[] = {
      {kernels::laplacian(-1), "kernel gamma is -1; it must be above 0 and finite"},
      {kernels::sigmoid(0), "kernel gamma is 0; it must be above 0 and finite"},
      {kernels::sigmoid(1, 1.0 / 0.0), "kernel offset is inf; it must be finite"},
      {kernels::matern12(0), "kernel length is 0; it must be above 0 and finite"},
      {kernels::matern32(-2), "kernel length is -2; it must be above 0 and finite"},
      {kernels::matern52(1.0 / 0.0), "kernel length is inf; it must be above 0 and finite"},
      {kernels::cauchy(0), "kernel length is 0; it must be above 0 and finite"},
      {kernels::inverse_multiquadric(1, 0), "kernel offset is 0; it must be above 0 and finite"},
      {kernels::inverse_multiquadric(1, 1, -1),
       "kernel exponent is -1; it must be above 0 and finite"},
      {kernels::rational_quadratic(1, 0), "kernel exponent is 0; it must be above 0 and finite"},
      {kernels::gaussian(1) + kernels::linear() * kernels::cauchy(-3),
       "kernel part 3: length is -3; it must be above 0 and finite"},
  };
  for (auto const& f : faults)
    CHECK_THROWS_WITH_AS(evaluate(f.bad, x, x),
                         (std::string("kernel_mean::evaluate: ") + f.words).c_str(), input_error);
  CHECK_NOTHROW(evaluate(kernels::sigmoid(1, -5), x, x));
  CHECK_NOTHROW(evaluate(kernels::inverse_multiquadric(1e-200, 1e-3, 1e-3), x, x));
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

TEST_CASE("median_heuristic: the three conventions") {
  using enum limpid::kernel_mean::median_convention;
  auto const g = limpid_test::golden("kernels.json")["median_heuristic"];
  auto const z = g["Z"].get<rows_t>();
  CHECK(close(median_heuristic(z, {.convention = squared_distance}).gamma,
              g["gamma_B (sigma^2=median sq distance, gamma=1/(2 sigma^2))"].get<double>()));
  CHECK(close(median_heuristic(z, {.convention = half_square}).gamma,
              g["gamma_C (sigma^2=median sq distance/2, gamma=1/median)"].get<double>()));
  // distances 1, 2, 4, 3, 5, 6 between four points: the middle ones are 3 and 4
  rows_t const four{{0}, {1}, {3}, {-3}};
  auto const a = median_heuristic(four),
             b = median_heuristic(four, {.convention = squared_distance}),
             c = median_heuristic(four, {.convention = half_square});
  CHECK(close(a.sigma, 3));  // 1 2 3 3 4 6
  CHECK(close(b.gamma, 1.0 / 18));
  CHECK(close(c.gamma, 1.0 / 9));
  rows_t const even{{0}, {1}, {4}, {-6}};  // 1 3 4 6 7 10
  CHECK(close(median_heuristic(even).sigma, 5));
  CHECK(close(median_heuristic(even, {.convention = squared_distance}).gamma, 1.0 / 52));
  CHECK(close(median_heuristic(even, {.convention = half_square}).gamma, 1.0 / 26));
  CHECK(close(median_heuristic(rows_t{{2}, {2}}, {.convention = half_square}).sigma, 1));
}

TEST_CASE("median_heuristic: more pairs than are kept, exactly") {
  // 1449 rows: 1049076 pairs, an even number; 1450: an odd one. Bells; rows in clumps, so that the
  // guess from 300 rows misses or finds one value only; whole numbers, so that hundreds of
  // thousands of distances are equal.
  auto const clumps = [](std::size_t i, std::size_t n) { return i < n * 7 / 10 ? 0.0 : 1000.0; };
  for (int kind = 0; kind < 4; ++kind) {
    CAPTURE(kind);
    std::vector<double> all;
    auto x = bells(kind == 3 ? 1450 : 1449, 2, 5);
    for (std::size_t i = 0; i < x.size(); ++i)
      for (double& v : x[i]) {
        if (kind == 1) v += clumps(i, x.size());
        if (kind == 2) v = std::floor(v);
      }
    for (std::size_t i = 0; i < x.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        all.push_back((x[i][0] - x[j][0]) * (x[i][0] - x[j][0]) +
                      (x[i][1] - x[j][1]) * (x[i][1] - x[j][1]));
    auto const middle = [&](std::size_t rank) {
      std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(rank), all.end());
      return std::sqrt(all[rank]);
    };
    double const expected = (middle((all.size() - 1) / 2) + middle(all.size() / 2)) / 2;
    auto const found = median_heuristic(x, {.sample = 0});
    CHECK(found.rows == x.size());
    CHECK(found.sigma == expected);
    if (kind == 0) {
      CHECK(median_heuristic(limpid::par_policy{.threads = 3}, x, {.sample = 0}).sigma == expected);
      auto const m = as_matrix<double>(x);
      limpid_test::device_matrix<double> const d(m.view());
      CHECK(median_heuristic(limpid_test::device, d, {.sample = 0}).sigma == expected);
    }
  }
  auto most = bells(1500, 2, 5);  // two thirds of the rows equal: the median is 0
  for (std::size_t i = 0; i < 1100; ++i) most[i] = {1, 1};
  auto const flat = median_heuristic(most, {.sample = 0});
  CHECK(flat.degenerate);
  CHECK(flat.sigma > 0.5);
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
