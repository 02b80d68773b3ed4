// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/witness.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/mmd.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <cmath>
#include <random>
#include <vector>

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_mean::mmd;
using limpid::kernel_mean::mmd_estimator;
using limpid::kernel_mean::witness;
using rows_t = std::vector<std::vector<double>>;

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
limpid::matrix<double> bells(std::size_t n, std::size_t d, unsigned seed, double centre) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell(centre, 1);
  limpid::matrix<double> out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = bell(draw);
  return out;
}

}  // namespace

TEST_CASE("witness: by hand") {
  // k(a, b) = exp(-|a - b|): at 0, 1 and 2
  auto const r =
      witness(kernels::laplacian(1), rows_t{{0}, {1}}, rows_t{{2}}, rows_t{{0}, {1}, {2}});
  double const e1 = std::exp(-1.0), e2 = std::exp(-2.0);
  CHECK(close(r.value[0], (1 + e1) / 2 - e2));
  CHECK(close(r.value[1], (1 + e1) / 2 - e1));
  CHECK(close(r.value[2], (e1 + e2) / 2 - 1));
  // the linear kernel's is z times the difference of the means
  auto const l =
      witness(kernels::linear(), rows_t{{1, 2}, {3, 2}}, rows_t{{0, 5}}, rows_t{{1, 1}, {2, 0}});
  CHECK(close(l.value[0], 2 - 3));
  CHECK(close(l.value[1], 4));
}

TEST_CASE("witness: its mean over x less that over y is the biased MMD; policies, float32") {
  auto const x = bells(300, 2, 1, 0), y = bells(200, 2, 2, 1);
  auto const k = kernels::gaussian(0.5);
  auto const on_x = witness(k, x, y, x), on_y = witness(k, x, y, y);
  double gap = 0;
  for (double v : on_x.value) gap += v / 300;
  for (double v : on_y.value) gap -= v / 200;
  CHECK(close(gap, mmd(k, x, y, {.estimator = mmd_estimator::biased}).value, 1e-13));

  auto const z = bells(33, 2, 3, 0.5);
  auto const r = witness(k, x, y, z);
  limpid::matrix<float> fx(300, 2), fy(200, 2), fz(33, 2);
  for (std::size_t i = 0; i < 600; ++i) fx.data()[i] = static_cast<float>(x.data()[i]);
  for (std::size_t i = 0; i < 400; ++i) fy.data()[i] = static_cast<float>(y.data()[i]);
  for (std::size_t i = 0; i < 66; ++i) fz.data()[i] = static_cast<float>(z.data()[i]);
  limpid_test::device_matrix<double> const dx(x.view()), dy(y.view()), dz(z.view());
  auto const same = [&](limpid::kernel_mean::witness_result const& other, double within) {
    for (std::size_t i = 0; i < 33; ++i) CHECK(std::abs(other.value[i] - r.value[i]) <= within);
  };
  same(witness(limpid::seq, k, x, y, z), 1e-14);
  same(witness(limpid_test::device, k, dx, dy, dz), 1e-14);
  same(witness(limpid::par_policy{.threads = 1}, k, x, y, z), 0);
  same(witness(limpid::par_policy{.threads = 3}, k, x, y, z), 0);
  same(witness(k, fx, fy, fz), 1e-6);
}

TEST_CASE("witness: one sample against itself, no queries, bad input, progress") {
  auto const x = bells(20, 2, 1, 0);
  auto const k = kernels::gaussian(0.5);
  for (double v : witness(k, x, x, x).value) CHECK(std::abs(v) < 1e-15);
  CHECK(witness(k, x, x, limpid::matrix<double>(0, 2)).value.size() == 0);
  CHECK_NOTHROW(witness(kernels::sigmoid(1), x, x, x));
  CHECK_THROWS_WITH_AS(witness(k, rows_t{}, rows_t{{1}}, rows_t{{1}}),
                       "kernel_mean::witness: x has 0 rows; it needs at least 1", input_error);
  CHECK_THROWS_WITH_AS(witness(k, rows_t{{1}}, rows_t{{1}}, rows_t{{1, 2}}),
                       "kernel_mean::witness: x has 1 columns, queries has 2", input_error);
  CHECK_THROWS_WITH_AS(witness(k, rows_t{{1}}, rows_t{{1}}, rows_t{{0.0 / 0.0}}),
                       "kernel_mean::witness: queries row 0 has an entry that is not finite",
                       input_error);
  CHECK_NOTHROW(witness(k, rows_t{{1}}, rows_t{{1}}, rows_t{{1}}));
  std::vector<double> told;
  auto const r = witness(
      k, x, x, x, {.on_progress = [&](double f) { return told.push_back(f), told.size() < 2; }});
  CHECK(r.stopped);
  CHECK(told.size() == 2);
}

TEST_CASE("witness: how a caller reads it") {
  auto const trusted = bells(60, 1, 1, 0), cleaned = bells(60, 1, 2, 1);
  //! [witness]
  auto const kernel = limpid::kernels::gaussian(0.5);
  auto const w = limpid::kernel_mean::witness(kernel, trusted, cleaned, cleaned);
  std::size_t oddest = 0;  // the row of cleaned that trusted rows are least like
  for (std::size_t i = 1; i < w.value.size(); ++i)
    if (w.value[i] < w.value[oddest]) oddest = i;
  //! [witness]
  CHECK(cleaned(oddest, 0) > 0.5);
}
