// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/cka.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/hsic.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <cmath>
#include <random>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_mean::cka;
using limpid::kernel_mean::hsic;
using rows_t = std::vector<std::vector<double>>;

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
limpid::matrix<double> bells(std::size_t n, std::size_t d, unsigned seed) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell(0, 1);
  limpid::matrix<double> out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = bell(draw);
  return out;
}

}  // namespace

TEST_CASE("cka: golden value") {
  auto const g = limpid_test::golden("mmd_hsic.json");
  auto const k = kernels::gaussian(g["gamma"]);
  CHECK(close(cka(k, limpid_test::to_matrix(g["X"]), k, limpid_test::to_matrix(g["Y"])).value,
              g["hsic"]["unbiased_cka"]));
}

TEST_CASE(
    "cka: a rotation and a scale change nothing, other features do; wide noise is not alike") {
  auto const x = bells(40, 2, 1);
  limpid::matrix<double> turned(40, 2), half(40, 2);
  for (std::size_t i = 0; i < 40; ++i) {
    turned(i, 0) = 3 * (0.6 * x(i, 0) - 0.8 * x(i, 1)) + 5;
    turned(i, 1) = 3 * (0.8 * x(i, 0) + 0.6 * x(i, 1)) - 1;
    half(i, 0) = x(i, 0);
  }
  auto const k = kernels::linear();
  CHECK(close(cka(k, x, k, x).value, 1));
  CHECK(close(cka(k, x, k, turned).value, 1));
  auto const r = cka(k, x, k, half);
  CHECK(r.value < 0.95);
  CHECK(r.value > 0.4);
  CHECK(close(r.value, cka(k, half, k, x).value));
  CHECK(close(r.hsic_xy, hsic(k, x, k, half).unbiased));
  CHECK(close(r.hsic_xx, hsic(k, x, k, x).unbiased));
  CHECK(std::abs(cka(k, bells(40, 200, 3), k, bells(40, 200, 4)).value) < 0.2);
}

TEST_CASE("cka: labels are the 0-1 kernel of a column") {
  std::size_t const n = 50;
  auto const x = bells(n, 2, 1);
  std::vector<int> labels(n);
  limpid::matrix<double> hot(n, 3);
  for (std::size_t i = 0; i < n; ++i) {
    labels[i] = x(i, 0) > 0.5 ? 2 : x(i, 0) > -0.5;
    hot(i, static_cast<std::size_t>(labels[i])) = 1;
  }
  auto const k = kernels::gaussian(0.5);
  auto const r = cka(k, x, labels, 3), s = cka(k, x, kernels::linear(), hot);
  CHECK(close(r.value, s.value));
  CHECK(close(r.hsic_yy, s.hsic_yy));
  CHECK(r.value > 0.2);

  limpid_test::device_matrix<double> const dx(x.view()), dh(hot.view());
  limpid_test::device_vector<int> const dl(limpid::vector_view<int const>(labels.data(), n));
  CHECK(close(cka(limpid::seq, k, x, labels, 3).value, r.value, 1e-13));
  CHECK(close(cka(limpid_test::device, k, dx, dl, 3).value, r.value, 1e-13));
  CHECK(close(cka(limpid_test::device, k, dx, kernels::linear(), dh).value, r.value, 1e-13));
  for (int threads : {1, 3})
    CHECK(cka(limpid::par_policy{.threads = threads}, k, x, labels, 3).value == r.value);
  limpid::matrix<float> fx(n, 2);
  for (std::size_t i = 0; i < 2 * n; ++i) fx.data()[i] = static_cast<float>(x.data()[i]);
  auto const f = cka(k, fx, labels, 3);
  CHECK(std::abs(f.hsic_xy - r.hsic_xy) < 1e-6);
  CHECK(std::abs(f.hsic_xx - r.hsic_xx) < 1e-6);
}

TEST_CASE("cka: a constant side is undefined, not alike") {
  auto const x = bells(10, 2, 1);
  limpid::matrix<double> const same(10, 2, 1.0);
  auto const r = cka(kernels::gaussian(1), x, kernels::gaussian(1), same);
  CHECK(r.undefined);
  CHECK(std::isnan(r.value));
  CHECK(cka(kernels::gaussian(1), x, std::vector<int>(10, 1), 2).undefined);
  CHECK_FALSE(cka(kernels::gaussian(1), x, kernels::gaussian(1), x).undefined);
}

TEST_CASE("cka: bad input, progress") {
  auto const k = kernels::gaussian(1);
  CHECK_THROWS_WITH_AS(cka(k, bells(3, 1, 1), k, bells(3, 1, 1)),
                       "kernel_mean::cka: x has 3 rows; it needs at least 4", input_error);
  CHECK_NOTHROW(cka(k, bells(4, 1, 1), k, bells(4, 1, 1)));
  CHECK_THROWS_WITH_AS(cka(k, bells(4, 1, 1), k, bells(5, 1, 1)),
                       "kernel_mean::cka: x has 4 rows, y has 5", input_error);
  CHECK_THROWS_WITH_AS(cka(kernels::gaussian(0), bells(4, 1, 1), k, bells(4, 1, 1)),
                       "kernel_mean::cka: kernel gamma is 0; it must be above 0 and finite",
                       input_error);
  CHECK_THROWS_WITH_AS(cka(k, bells(4, 1, 1), std::vector<int>{0, -1, 0, 1}, 2),
                       "kernel_mean::cka: labels row 1 is -1; labels must be 0..1", input_error);
  auto const x = bells(6, 1, 1);
  std::vector<double> told;
  cka(k, x, k, x, {.on_progress = [&](double f) { return told.push_back(f), true; }});
  CHECK(close(told.back(), 1));
  for (std::size_t last = 1; last <= told.size(); ++last) {
    std::size_t calls = 0;
    CHECK(cka(k, x, k, x, {.on_progress = [&](double) { return ++calls < last; }}).stopped);
  }
}

TEST_CASE("cka: how a caller reads it") {
  auto const before = bells(40, 3, 1), after = bells(40, 5, 2);
  //! [cka]
  auto const kernel = limpid::kernels::linear();
  auto const r = limpid::kernel_mean::cka(kernel, before, kernel, after);
  bool const alike = !r.undefined && r.value > 0.9;
  //! [cka]
  CHECK_FALSE(alike);
}
