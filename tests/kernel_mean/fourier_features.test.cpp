// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/fourier_features.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::matrix;
using limpid::kernel_mean::draw_fourier;
using limpid::kernel_mean::fourier_features;
using limpid::kernel_mean::fourier_form;
using limpid::kernel_mean::fourier_map;

matrix<double> bells(std::size_t n, std::size_t d, std::uint64_t seed, double spread = 0.5) {
  matrix<double> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    for (std::size_t c = 0; c < d; ++c)
      x(i, c) = spread * 2 * (draw.uniform() + draw.uniform() + draw.uniform() - 1.5);
  }
  return x;
}

double dot(matrix<double> const& z, std::size_t i, std::size_t j) {
  double sum = 0;
  for (std::size_t c = 0; c < z.cols(); ++c) sum += z(i, c) * z(j, c);
  return sum;
}

/// Mean squared error of z(x_i).z(x_j) over all pairs and some draws.
double error_of(kernel_function const& k, matrix<double> const& x,
                limpid::kernel_mean::fourier_options o, std::size_t draws) {
  double total = 0, pairs = 0;
  for (o.seed = 0; o.seed < draws; ++o.seed) {
    auto const z = fourier_features(draw_fourier(k, x.cols(), o), x);
    for (std::size_t i = 0; i < x.rows(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        double const gap = dot(z, i, j) - k(x.view().row(i), x.view().row(j));
        total += gap * gap;
        pairs += 1;
      }
  }
  return total / pairs;
}

double worst_gap(matrix<double> const& a, matrix<double> const& b) {
  REQUIRE((a.rows() == b.rows() && a.cols() == b.cols()));
  double worst = 0;
  for (std::size_t e = 0; e < a.rows() * a.cols(); ++e)
    worst = std::fmax(worst, std::fabs(a.data()[e] - b.data()[e]));
  return worst;
}

}  // namespace

TEST_CASE("fourier_features: one frequency, by hand") {
  fourier_map map{{{2.0, 0.5}}, {}, 3.0};
  auto const z = fourier_features(map, matrix<double>{{1.0, -1.0}});
  CHECK(z(0, 0) == doctest::Approx(3 * std::cos(1.5)).epsilon(1e-14));
  CHECK(z(0, 1) == doctest::Approx(3 * std::sin(1.5)).epsilon(1e-14));
  map.phases = {0.25};
  auto const shifted = fourier_features(map, matrix<double>{{1.0, -1.0}});
  REQUIRE(shifted.cols() == 1);
  CHECK(shifted(0, 0) == doctest::Approx(3 * std::cos(1.75)).epsilon(1e-14));
}

TEST_CASE("fourier_features: golden values of scikit-learn 1.2.1's RBFSampler") {
  auto const g = limpid_test::golden("random_features.json");
  auto const x = limpid_test::to_matrix(g["X"]);
  auto const columns = limpid_test::to_matrix(g["rbf_sampler"]["random_weights"]);  // d x D
  matrix<double> w(8, 3);
  for (std::size_t f = 0; f < 8; ++f)
    for (std::size_t c = 0; c < 3; ++c) w(f, c) = columns(c, f);
  auto const b = g["rbf_sampler"]["random_offset"].get<std::vector<double>>();
  fourier_map const phases{w, limpid::vector<double>(b), std::sqrt(2.0 / 8)};
  CHECK(worst_gap(fourier_features(phases, x),
                  limpid_test::to_matrix(g["rbf_sampler"]["transform_X"])) < 1e-14);
  fourier_map const pairs{w, {}, std::sqrt(1.0 / 8)};
  CHECK(worst_gap(fourier_features(pairs, x), limpid_test::to_matrix(g["cos_sin"]["transform_X"])) <
        1e-14);

  // an orthogonal block: numpy's QR
  auto block = limpid_test::to_matrix(g["orthogonal_block"]["G"]);
  auto const norms = g["orthogonal_block"]["norms"].get<std::vector<double>>();
  auto const want = limpid_test::to_matrix(g["orthogonal_block"]["W_rows"]);
  limpid::kernel_mean::detail::orthonormalise_rows(block);
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t c = 0; c < 3; ++c)
      CHECK(std::fabs(std::sqrt(2 * 0.4) * norms[r] * block(r, c) - want(r, c)) < 1e-12);
}

TEST_CASE("fourier_features: inner products estimate the kernel, for every law") {
  // the standard deviation of one frequency's product is at most k(0) sqrt(1/2) (phases: 1)
  auto const x = bells(6, 3, 5);
  kernel_function const all[] = {
      kernels::gaussian(0.7),
      kernels::laplacian(0.4),
      kernels::matern12(1.5),
      kernels::matern32(0.8),
      kernels::matern52(1.2),
      kernels::rational_quadratic(0.9, 0.6),
      kernels::inverse_multiquadric(1.1, 0.7, 0.8),
      kernels::cauchy(1.3),
      2.0 * kernels::gaussian(0.3) + 0.5 * kernels::matern32(0.5),
      kernels::gaussian(0.2) * kernels::laplacian(0.3) * kernels::cauchy(2),
      3.0 * kernels::normalised(kernels::inverse_multiquadric(1, 0.5))};
  std::size_t which = 0;
  for (auto const& k : all) {
    CAPTURE(which++);
    double const size = k.diagonal(x.view().row(0));
    for (auto form : {fourier_form::pairs, fourier_form::phases}) {
      std::size_t const D = 20000;
      auto const z =
          fourier_features(draw_fourier(k, 3, {.features = D, .form = form, .seed = 4}), x);
      double const frequencies = form == fourier_form::pairs ? D / 2 : D;
      for (std::size_t i = 0; i < 6; ++i) {
        if (form == fourier_form::pairs)
          CHECK(dot(z, i, i) == doctest::Approx(size).epsilon(1e-12));
        for (std::size_t j = 0; j < i; ++j)
          CHECK(std::fabs(dot(z, i, j) - k(x.view().row(i), x.view().row(j))) <
                4.5 * size / std::sqrt(frequencies));
      }
    }
  }
}

TEST_CASE(
    "fourier_features: the error falls as 1 / D; pairs and orthogonal blocks make it smaller") {
  auto const x = bells(12, 8, 2, 0.3);
  auto const k = kernels::gaussian(0.4);
  double const few = error_of(k, x, {.features = 64}, 30);
  double const many = error_of(k, x, {.features = 1024}, 30);
  CHECK(few / many == doctest::Approx(16).epsilon(0.25));
  // Var of the mean of F cosines cos(w.r): (1 - k^2)^2 / (2 F) (Sutherland and Schneider, UAI 2015)
  double theory = 0;
  for (std::size_t i = 0; i < 12; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      double const value = k(x.view().row(i), x.view().row(j)), rest = 1 - value * value;
      theory += rest * rest / (2 * 32) / 66;
    }
  CHECK(few == doctest::Approx(theory).epsilon(0.15));
  CHECK(error_of(k, x, {.features = 64, .form = fourier_form::phases}, 30) > 1.3 * few);
  CHECK(error_of(k, x, {.features = 64, .orthogonal = true}, 30) < 0.7 * few);
  auto const m = kernels::matern52(1.0);
  CHECK(error_of(m, x, {.features = 64, .orthogonal = true}, 30) <
        0.95 * error_of(m, x, {.features = 64}, 30));
}

TEST_CASE("draw_fourier: orthogonal blocks, the last one cut") {
  auto const map = draw_fourier(kernels::gaussian(0.5), 5, {.features = 24, .orthogonal = true});
  auto const& w = map.frequencies;
  REQUIRE(w.rows() == 12);
  for (std::size_t a = 0; a < 12; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      double product = 0, size = 0;
      for (std::size_t c = 0; c < 5; ++c) {
        product += w(a, c) * w(b, c);
        size += w(a, c) * w(a, c);
      }
      if (a / 5 == b / 5)
        CHECK(std::fabs(product) < 1e-12 * size);
      else
        CHECK(std::fabs(product) > 1e-6 * size);
    }
  // lengths: chi-squared of 5 degrees, gamma = 1/2
  auto const big = draw_fourier(kernels::gaussian(0.5), 5, {.features = 8000, .orthogonal = true});
  double mean = 0;
  for (std::size_t e = 0; e < 20000; ++e)
    mean += big.frequencies.data()[e] * big.frequencies.data()[e] / 4000;
  CHECK(mean == doctest::Approx(5).epsilon(0.03));
}

TEST_CASE("fourier_features: policies, devices, strides, float32") {
  //! [fourier_features]
  auto const map =
      limpid::kernel_mean::draw_fourier(limpid::kernels::gaussian(0.1), 7, {.features = 512});
  auto const x = bells(2049, 7, 3);
  auto const z =
      limpid::kernel_mean::fourier_features(map, x);  // 2049 x 512; z(i).z(j) ~ k(x_i, x_j)
  //! [fourier_features]
  CHECK(worst_gap(z, fourier_features(limpid::seq, map, x)) < 1e-15);
  for (int threads : {1, 2, 3, 7})
    CHECK(fourier_features(limpid::par_policy{.threads = threads}, map, x) == z);

  auto const some =
      draw_fourier(kernels::laplacian(0.2), 7,
                   {.features = 301, .form = fourier_form::phases, .orthogonal = false});
  auto const few = bells(33, 7, 4);
  auto const here = fourier_features(limpid::seq, some, few);
  limpid_test::device_matrix<double> const there(few.view());
  CHECK(fourier_features(limpid_test::device, some, there) == here);
  // turned: columns apart in and out; a wider type out
  matrix<double> turned(7, 33), into(301, 33);
  for (std::size_t i = 0; i < 33; ++i)
    for (std::size_t c = 0; c < 7; ++c) turned(c, i) = few(i, c);
  auto const written = into.view().transposed();
  fourier_features(some, turned.view().transposed(), written);
  for (std::size_t i = 0; i < 33; ++i)
    for (std::size_t f = 0; f < 301; ++f) CHECK(std::fabs(written(i, f) - here(i, f)) < 1e-14);

  matrix<float> single(33, 7), single_out(33, 301);
  for (std::size_t e = 0; e < 33 * 7; ++e) single.data()[e] = static_cast<float>(few.data()[e]);
  matrix<double> rounded(33, 7);
  for (std::size_t e = 0; e < 33 * 7; ++e)
    rounded.data()[e] = static_cast<double>(single.data()[e]);
  auto const exact = fourier_features(some, rounded);
  auto const z_single = fourier_features(some, single);
  fourier_features(some, rounded, single_out);
  for (std::size_t i = 0; i < 33; ++i)
    for (std::size_t f = 0; f < 301; ++f) {
      double reach = 1;
      for (std::size_t c = 0; c < 7; ++c) reach += std::fabs(some.frequencies(f, c)) * 1.5;
      CHECK(std::fabs(static_cast<double>(z_single(i, f)) - exact(i, f)) <
            1e-6 * some.scale * reach);
      CHECK(single_out(i, f) == static_cast<float>(exact(i, f)));
    }
  CHECK(fourier_features(map, matrix<double>(0, 7)).rows() == 0);
  CHECK(fourier_features(map, bells(1, 7, 3)).rows() == 1);
}

TEST_CASE("fourier_features: bad input") {
  auto const g = kernels::gaussian(1);
  CHECK_THROWS_WITH_AS(
      draw_fourier(kernels::polynomial(2), 3),
      "kernel_mean::draw_fourier: the kernel depends on x.z; Fourier features need "
      "one of x - z alone",
      input_error);
  CHECK_THROWS_WITH_AS(draw_fourier(g + kernels::linear(), 3), doctest::Contains("depends on x.z"),
                       input_error);
  CHECK_THROWS_WITH_AS(draw_fourier(kernels::gaussian(-1), 3), doctest::Contains("gamma is -1"),
                       input_error);
  CHECK_THROWS_WITH_AS(draw_fourier(g, 0), doctest::Contains("dimension is 0"), input_error);
  CHECK_THROWS_WITH_AS(draw_fourier(g, 3, {.features = 0}), doctest::Contains("features is 0"),
                       input_error);
  CHECK_THROWS_WITH_AS(draw_fourier(g, 3, {.features = 7}),
                       doctest::Contains("features is 7; pairs need an even number"), input_error);
  CHECK(draw_fourier(g, 3, {.features = 7, .form = fourier_form::phases}).features() == 7);
  CHECK_THROWS_WITH_AS(draw_fourier(kernels::laplacian(1), 3, {.orthogonal = true}),
                       doctest::Contains("orthogonal frequencies need a kernel of |x - z|_2"),
                       input_error);
  auto const map = draw_fourier(g, 2, {.features = 4});
  matrix<double> x{{1, 2}, {3, std::numeric_limits<double>::quiet_NaN()}};
  CHECK_THROWS_WITH_AS(fourier_features(map, x), doctest::Contains("x row 1"), input_error);
  CHECK(std::isnan(fourier_features(map, x, {.validate = false})(1, 0)));
  CHECK_THROWS_WITH_AS(fourier_features(map, matrix<double>(2, 3)),
                       doctest::Contains("x has 3 columns, map was drawn for 2"), input_error);
  matrix<double> out(2, 3);
  CHECK_THROWS_WITH_AS(fourier_features(map, matrix<double>(2, 2), out),
                       doctest::Contains("out is 2 x 3; 2 rows of 4 features"), input_error);
  CHECK_THROWS_WITH_AS(fourier_features(fourier_map{}, x), doctest::Contains("no frequencies"),
                       input_error);
  fourier_map bad{{{1.0}, {2.0}}, {0.5}, 1.0};
  CHECK_THROWS_WITH_AS(fourier_features(bad, matrix<double>(2, 1)),
                       doctest::Contains("2 frequencies and 1 phases"), input_error);
  bad = {{{1.0}}, {}, 0.0};
  CHECK_THROWS_WITH_AS(fourier_features(bad, matrix<double>(2, 1)), doctest::Contains("scale is 0"),
                       input_error);
}
