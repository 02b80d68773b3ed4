// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/inner_product.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::kernel_mean::inner_product;
using limpid::kernel_mean::squared_distance;
using rows_t = std::vector<std::vector<double>>;
bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
rows_t bells(std::size_t n, std::size_t d, unsigned seed, double centre = 0) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell(centre, 1);
  rows_t out(n, std::vector<double>(d));
  for (auto& row : out)
    for (double& x : row) x = bell(draw);
  return out;
}
std::vector<double> waves(std::size_t n) {
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = std::sin(static_cast<double>(i) + 1);
  return out;
}
limpid::matrix<double> as_matrix(rows_t const& x) {
  limpid::matrix<double> out(x.size(), x[0].size());
  for (std::size_t i = 0; i < out.rows(); ++i)
    for (std::size_t c = 0; c < out.cols(); ++c) out(i, c) = x[i][c];
  return out;
}

/// sum beta_i exp(-gamma |x_i - z_j|^2) gamma_j, and with |.| of every term.
struct both_sums {
  double value = 0, size = 0;
};
both_sums by_hand(double gamma, rows_t const& x, std::vector<double> const& b, rows_t const& z,
                  std::vector<double> const& g) {
  both_sums out;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < z.size(); ++j) {
      double s = 0;
      for (std::size_t c = 0; c < x[i].size(); ++c) s += (x[i][c] - z[j][c]) * (x[i][c] - z[j][c]);
      double const v = b[i] * g[j] * std::exp(-gamma * s);
      out.value += v;
      out.size += std::abs(v);
    }
  return out;
}

}  // namespace

TEST_CASE("inner_product: points on a line, by hand") {
  limpid::matrix<double> const x{{1.0}, {3.0}}, z{{2.0}};
  CHECK(close(inner_product(kernels::linear(), x, z).value, 4));  // 2 times 2
  CHECK(close(
      inner_product(kernels::linear(), x, std::vector<double>{1, -1}, z, std::vector<double>{0.5})
          .value,
      -2));
  CHECK(close(inner_product(kernels::gaussian(1), x, z).value, std::exp(-1.0)));
  auto const d = squared_distance(kernels::linear(), x, limpid::matrix<double>{{5.0}});
  CHECK(close(d.value, 9));
  CHECK(close(d.distance, 3));
  CHECK(close(d.norm2_x, 4));
  CHECK(close(d.norm2_z, 25));
  CHECK(close(d.inner, 10));
}

TEST_CASE("squared_distance: with the linear kernel it is that of the means") {
  auto const x = bells(50, 4, 1), z = bells(31, 4, 2, 0.5);
  auto const beta = waves(50), gamma = waves(31);
  double plain = 0, weighted = 0;
  for (std::size_t c = 0; c < 4; ++c) {
    double a = 0, b = 0, wa = 0, wb = 0;
    for (std::size_t i = 0; i < 50; ++i) a += x[i][c] / 50, wa += beta[i] * x[i][c];
    for (std::size_t i = 0; i < 31; ++i) b += z[i][c] / 31, wb += gamma[i] * z[i][c];
    plain += (a - b) * (a - b);
    weighted += (wa - wb) * (wa - wb);
  }
  CHECK(close(squared_distance(kernels::linear(), x, z).value, plain));
  CHECK(close(squared_distance(kernels::linear(), x, beta, z, gamma).value, weighted));
}

TEST_CASE("inner products: every policy against plain loops, both sides of a tile") {
  for (std::size_t n : {1u, 257u, 700u}) {
    CAPTURE(n);
    auto const x = bells(n, 3, 1), z = bells(90, 3, 2, 0.3);
    auto const beta = waves(n), gamma = waves(90);
    auto const k = kernels::gaussian(0.2);
    auto const xx = by_hand(0.2, x, beta, x, beta), xz = by_hand(0.2, x, beta, z, gamma),
               zz = by_hand(0.2, z, gamma, z, gamma);
    auto const r = squared_distance(k, x, beta, z, gamma);
    CHECK(std::abs(r.norm2_x - xx.value) < 1e-12 * xx.size);
    CHECK(std::abs(r.norm2_z - zz.value) < 1e-12 * zz.size);
    CHECK(std::abs(r.inner - xz.value) < 1e-12 * xz.size);
    CHECK(std::abs(r.value - (xx.value + zz.value - 2 * xz.value)) < 1e-12 * (xx.size + zz.size));
    CHECK(inner_product(k, x, beta, z, gamma).value == r.inner);
    for (int threads : {1, 2, 3, 7})
      CHECK(squared_distance(limpid::par_policy{.threads = threads}, k, x, beta, z, gamma).value ==
            r.value);
    auto const plain = squared_distance(limpid::seq, k, x, beta, z, gamma);
    CHECK(std::abs(plain.value - r.value) < 1e-12 * (xx.size + zz.size));
    auto const mx = as_matrix(x), mz = as_matrix(z);
    limpid_test::device_matrix<double> const dx(mx.view()), dz(mz.view());
    limpid_test::device_vector<double> const db({beta.data(), n}), dg({gamma.data(), 90});
    CHECK(squared_distance(limpid_test::device, k, dx, db, dz, dg).value == plain.value);
    CHECK(inner_product(limpid_test::device, k, dx, db, dz, dg).value == plain.inner);

    limpid::matrix<float> fx(n, 3), fz(90, 3);  // float32: rounding of the input and of the sums
    for (std::size_t i = 0; i < n * 3; ++i) fx.data()[i] = static_cast<float>(mx.data()[i]);
    for (std::size_t i = 0; i < 90 * 3; ++i) fz.data()[i] = static_cast<float>(mz.data()[i]);
    CHECK(std::abs(inner_product(k, fx, beta, fz, gamma).value - xz.value) < 1e-5 * xz.size);
    CHECK(std::abs(squared_distance(k, fx, beta, fz, gamma).value - r.value) <
          1e-5 * (xx.size + zz.size));
  }
}

TEST_CASE("squared_distance: 0 for a sample and itself, whatever the order; the triangle holds") {
  auto const x = bells(300, 3, 1), y = bells(200, 3, 2, 0.4), z = bells(100, 3, 3, -0.4);
  rows_t back(x.rbegin(), x.rend());
  for (auto const& k : {kernels::gaussian(0.3), kernels::polynomial(3), kernels::matern32(1),
                        kernels::laplacian(1) + 0.5 * kernels::linear()}) {
    CHECK(squared_distance(k, x, x).value == 0);
    auto const same = squared_distance(k, x, back);
    CHECK(same.value < 1e-12 * same.norm2_x);
    double const xy = squared_distance(k, x, y).distance, yz = squared_distance(k, y, z).distance,
                 xz = squared_distance(k, x, z).distance;
    CHECK(xy > 0);
    CHECK(xz <= xy + yz);
    CHECK(close(squared_distance(k, y, x).distance, xy));
  }
  auto const again = x;  // another array: never below 0
  CHECK(squared_distance(kernels::gaussian(0.3), x, again).value >= 0);
}

TEST_CASE("inner products: bad input, stopping") {
  auto const k = kernels::gaussian(1);
  rows_t const x{{1}, {2}}, bad{{1}, {1.0 / 0.0}};
  std::vector<double> const w{1, 2};
  CHECK_THROWS_WITH_AS(inner_product(k, rows_t{}, x),
                       "kernel_mean::inner_product: x has no rows; a mean needs at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(squared_distance(k, x, rows_t{}),
                       "kernel_mean::squared_distance: z has no rows; a mean needs at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(inner_product(k, x, rows_t{{1, 2}}),
                       "kernel_mean::inner_product: x has 1 columns, z has 2", input_error);
  CHECK_THROWS_WITH_AS(inner_product(k, bad, x),
                       "kernel_mean::inner_product: x row 1 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(inner_product(k, x, bad),
                       "kernel_mean::inner_product: z row 1 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(inner_product(k, x, std::vector<double>{1}, x, w),
                       "kernel_mean::inner_product: x has 2 rows, weights_x has 1", input_error);
  CHECK_THROWS_WITH_AS(inner_product(k, x, w, x, std::vector<double>{1}),
                       "kernel_mean::inner_product: z has 2 rows, weights_z has 1", input_error);
  CHECK_THROWS_WITH_AS(inner_product(k, x, w, x, std::vector<double>{1, std::nan("")}),
                       "kernel_mean::inner_product: weights_z row 1 is not finite", input_error);
  CHECK_THROWS_WITH_AS(
      inner_product(kernels::matern32(0), x, x),
      "kernel_mean::inner_product: kernel length is 0; it must be above 0 and finite", input_error);
  CHECK_THROWS_WITH_AS(squared_distance(kernels::sigmoid(1), x, x),
                       "kernel_mean::squared_distance: the sigmoid kernel is not positive "
                       "semidefinite; take another",
                       input_error);
  CHECK_NOTHROW(inner_product(kernels::sigmoid(1), x, x));  // a number, if not an inner product
  CHECK_NOTHROW(squared_distance(k, rows_t{{1}}, rows_t{{2}}));
  auto const many = bells(900, 1, 1);
  CHECK(inner_product(k, many, many, {.on_progress = [](double) { return false; }}).stopped);
  std::vector<double> told;
  auto const whole = squared_distance(
      k, many, x, {.on_progress = [&](double f) { return told.push_back(f), true; }});
  CHECK_FALSE(whole.stopped);
  for (std::size_t i = 1; i < told.size(); ++i) CHECK(told[i] > told[i - 1]);
  CHECK(close(told.back(), 1));
}

TEST_CASE("inner products: how a caller reads them") {
  auto const x = bells(50, 2, 1), z = bells(40, 2, 2, 1.0);
  //! [inner_product]
  auto const kernel = limpid::kernels::matern52(2.0) + 0.1 * limpid::kernels::linear();
  double const similarity = limpid::kernel_mean::inner_product(kernel, x, z).value;
  auto const apart = limpid::kernel_mean::squared_distance(kernel, x, z);
  double const cosine = similarity / std::sqrt(apart.norm2_x * apart.norm2_z);
  //! [inner_product]
  CHECK(similarity == apart.inner);
  CHECK((cosine > 0 && cosine < 1));
}
