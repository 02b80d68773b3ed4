// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/nystrom.hpp>

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
using limpid::kernel_mean::landmark_draw;
using limpid::kernel_mean::nystrom;
using limpid::kernel_mean::nystrom_features;

matrix<double> heap_and_strays(std::size_t n, std::size_t d) {
  matrix<double> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(11, 0, i);
    for (std::size_t c = 0; c < d; ++c) x(i, c) = draw.uniform() * (i % 10 == 0 ? 12 : 1);
  }
  return x;
}
double dot(matrix<double> const& z, std::size_t i, std::size_t j) {
  double sum = 0;
  for (std::size_t c = 0; c < z.cols(); ++c) sum += z(i, c) * z(j, c);
  return sum;
}
/// Mean of k(x, x) - |z(x)|^2, checked to be at least 0.
double left_over(matrix<double> const& z) {
  double total = 0;
  for (std::size_t i = 0; i < z.rows(); ++i) {
    double const rest = 1 - dot(z, i, i);
    CHECK(rest > -1e-9);
    total += rest / static_cast<double>(z.rows());
  }
  return total;
}

}  // namespace

TEST_CASE("nystrom: one landmark, by hand") {
  // z(x) = k(x, s) / sqrt(k(s, s)), linear kernel, s = 2: z(x) = x
  matrix<double> const x{{1.0}, {2.0}, {-3.0}};
  auto const map = nystrom(kernels::linear(), x, {.rows = {1}});
  auto const z = nystrom_features(map, x);
  REQUIRE(z.cols() == 1);
  double const sign = z(1, 0) > 0 ? 1 : -1;
  for (std::size_t i = 0; i < 3; ++i) CHECK(sign * z(i, 0) == doctest::Approx(x(i, 0)));
}

TEST_CASE("nystrom: golden values of scikit-learn 1.2.1's Nystroem") {
  auto const g = limpid_test::golden("random_features.json");
  auto const x = limpid_test::to_matrix(g["X"]), y = limpid_test::to_matrix(g["Y"]);
  std::vector<std::size_t> rows;
  for (int i : limpid_test::to_ints(g["nystroem"]["landmark_indices"]))
    rows.push_back(static_cast<std::size_t>(i));
  auto const map = nystrom(kernels::gaussian(g["gamma"]), x, {.rows = rows});
  auto const z = nystrom_features(map, y);
  auto const want = limpid_test::to_matrix(g["nystroem"]["features_dot_features"]);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) CHECK(std::fabs(dot(z, i, j) - want(i, j)) < 1e-10);
  auto const half = limpid_test::to_matrix(g["nystroem"]["normalization"]);  // K_SS^-1/2
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < 3; ++b) {
      double inverse = 0;
      for (std::size_t c = 0; c < 3; ++c) inverse += half(a, c) * half(c, b);
      CHECK(std::fabs(dot(map.factor, a, b) - inverse) < 1e-9);
    }
}

TEST_CASE("nystrom: all rows as landmarks give the kernel itself; duplicates are dropped") {
  auto x = heap_and_strays(40, 3);
  for (std::size_t c = 0; c < 3; ++c) x(7, c) = x(3, c);
  auto const k = kernels::gaussian(0.8);
  auto const map = nystrom(k, x, {.landmarks = 40});
  CHECK(map.features() < 40);
  CHECK(map.least > 1e-12);
  auto const z = nystrom_features(map, x);
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 40; ++j)
      CHECK(std::fabs(dot(z, i, j) - k(x.view().row(i), x.view().row(j))) < 1e-8);
  // fewer landmarks: exact between a landmark and any row, below the kernel on the diagonal
  auto const few = nystrom(k, x, {.landmarks = 6, .seed = 3});
  CHECK(std::set<std::size_t>(few.landmarks.begin(), few.landmarks.end()).size() == 6);
  auto const part = nystrom_features(few, x);
  for (std::size_t s : few.landmarks)
    for (std::size_t j = 0; j < 40; ++j)
      CHECK(std::fabs(dot(part, s, j) - k(x.view().row(s), x.view().row(j))) < 1e-9);
  CHECK(left_over(part) > 0);
  // a linear kernel of d columns has rank d
  CHECK(nystrom(kernels::linear(), x, {.landmarks = 20}).features() == 3);
  CHECK(nystrom(kernels::linear(), matrix<double>(5, 2), {.landmarks = 3}).features() == 0);
}

TEST_CASE("nystrom: leverage sampling leaves less over where some rows lie apart") {
  auto const x = heap_and_strays(400, 2);
  auto const k = kernels::gaussian(0.3);
  double uniform = 0, leverage = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    //! [nystrom]
    auto const map = limpid::kernel_mean::nystrom(
        k, x,
        {.landmarks = 40, .draw = limpid::kernel_mean::landmark_draw::leverage, .seed = seed});
    auto const z = limpid::kernel_mean::nystrom_features(map, x);  // z(i).z(j) ~ k(x_i, x_j)
    //! [nystrom]
    leverage += left_over(z);
    uniform += left_over(nystrom_features(nystrom(k, x, {.landmarks = 40, .seed = seed}), x));
    CHECK(map.score.size() == 400);
  }
  MESSAGE("left over: uniform " << uniform / 5 << ", leverage " << leverage / 5);
  CHECK(leverage < 0.6 * uniform);
}

TEST_CASE("nystrom: policies, devices, strides, float32") {
  auto const x = heap_and_strays(2049, 3);
  auto const k = kernels::matern32(2.0);
  auto const map = nystrom(k, x, {.landmarks = 12});
  auto const z = nystrom_features(map, x);
  auto const plain = nystrom_features(limpid::seq, map, x);
  for (std::size_t e = 0; e < z.rows() * z.cols(); ++e)
    CHECK(std::fabs(z.data()[e] - plain.data()[e]) < 1e-10);
  for (int threads : {1, 3}) {
    limpid::par_policy const par{.threads = threads};
    CHECK(nystrom(par, k, x, {.landmarks = 12}).factor == map.factor);
    CHECK(nystrom_features(par, map, x) == z);
  }
  auto const small = heap_and_strays(33, 3);
  limpid_test::device_matrix<double> const there(small.view());
  CHECK(nystrom_features(limpid_test::device,
                         nystrom(limpid_test::device, k, there, {.landmarks = 5}), there) ==
        nystrom_features(limpid::seq, nystrom(limpid::seq, k, small, {.landmarks = 5}), small));
  matrix<float> out(12, 2049), narrow(2049, 3);
  CHECK(nystrom_features(map, x, out.view().transposed()));
  for (std::size_t i = 0; i < 2049; i += 100) CHECK(out(11, i) == static_cast<float>(z(i, 11)));

  matrix<double> rounded(2049, 3);
  for (std::size_t e = 0; e < 2049 * 3; ++e)
    rounded.data()[e] = static_cast<double>(narrow.data()[e] = static_cast<float>(x.data()[e]));
  auto const z1 = nystrom_features(nystrom(k, narrow, {.landmarks = 12}), narrow);
  auto const z2 = nystrom_features(nystrom(k, rounded, {.landmarks = 12}), rounded);
  double worst = 0;
  for (std::size_t i = 0; i < 2048; ++i) {
    double a = 0, b = 0;
    for (std::size_t c = 0; c < 12; ++c) {
      a += static_cast<double>(z1(i, c)) * static_cast<double>(z1(i + 1, c));
      b += z2(i, c) * z2(i + 1, c);
    }
    worst = std::fmax(worst, std::fabs(a - b));
  }
  MESSAGE("float32: " << worst);
  CHECK(worst < 1e-4);
  CHECK_FALSE(nystrom_features(map, x, out.view().transposed(),
                               {.on_progress = [](double) { return false; }}));
  CHECK(nystrom(k, x,
                {.landmarks = 12,
                 .draw = landmark_draw::leverage,
                 .on_progress = [](double) { return false; }})
            .stopped);
  CHECK(nystrom_features(map, matrix<double>(0, 3)).rows() == 0);
}

TEST_CASE("nystrom: bad input") {
  auto const k = kernels::gaussian(1);
  matrix<double> x(6, 2);
  CHECK_THROWS_WITH_AS(nystrom(k, x, {.landmarks = 7}),
                       "kernel_mean::nystrom: landmarks is 7; it must be from 1 to x's 6 rows",
                       input_error);
  CHECK_THROWS_WITH_AS(nystrom(k, x, {.landmarks = 0}), doctest::Contains("landmarks is 0"),
                       input_error);
  CHECK_THROWS_WITH_AS(nystrom(k, x, {.landmarks = 3, .draw = landmark_draw::leverage}),
                       doctest::Contains("from 4"), input_error);
  CHECK_THROWS_WITH_AS(nystrom(k, x, {.rows = {1, 6}}),
                       doctest::Contains("a landmark is row 6; x has 6"), input_error);
  CHECK_THROWS_WITH_AS(nystrom(k, x, {.landmarks = 2, .cut = 1}), doctest::Contains("cut is 1"),
                       input_error);
  CHECK_THROWS_WITH_AS(nystrom(kernels::sigmoid(1), x, {.landmarks = 2}),
                       doctest::Contains("sigmoid"), input_error);
  auto const map = nystrom(k, x, {.landmarks = 2});
  CHECK_THROWS_WITH_AS(nystrom_features(map, matrix<double>(2, 3)),
                       doctest::Contains("x has 3 columns, the landmarks 2"), input_error);
  matrix<double> out(2, 5);
  CHECK_THROWS_WITH_AS(nystrom_features(map, matrix<double>(2, 2), out),
                       doctest::Contains("out is 2 x 5"), input_error);
  x(3, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(nystrom(k, x, {.landmarks = 2}), doctest::Contains("x row 3"), input_error);
  CHECK_THROWS_WITH_AS(nystrom_features(map, x), doctest::Contains("x row 3"), input_error);
  CHECK_THROWS_WITH_AS(
      nystrom_features(limpid::kernel_mean::nystrom_map<limpid::kernel_function, double>{}, x),
      doctest::Contains("map has no landmarks"), input_error);
}
