// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/mmd.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <cmath>
#include <random>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_mean::mmd;
using limpid::kernel_mean::mmd_estimator;
using limpid::kernel_mean::mmd_result;
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
double gaussian(std::vector<double> const& a, std::vector<double> const& b, double gamma) {
  double s = 0;
  for (std::size_t c = 0; c < a.size(); ++c) s += (a[c] - b[c]) * (a[c] - b[c]);
  return std::exp(-gamma * s);
}
/// h written out.
double h(rows_t const& x, rows_t const& y, std::size_t i, std::size_t j, double gamma) {
  return gaussian(x[i], x[j], gamma) + gaussian(y[i], y[j], gamma) - gaussian(x[i], y[j], gamma) -
         gaussian(x[j], y[i], gamma);
}
double unbiased(rows_t const& x, rows_t const& y, double gamma) {
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j)
      if (i != j) xx += gaussian(x[i], x[j], gamma);
  for (std::size_t i = 0; i < y.size(); ++i)
    for (std::size_t j = 0; j < y.size(); ++j)
      if (i != j) yy += gaussian(y[i], y[j], gamma);
  for (auto const& a : x)
    for (auto const& b : y) xy += gaussian(a, b, gamma);
  auto const m = static_cast<double>(x.size()), n = static_cast<double>(y.size());
  return xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n);
}

}  // namespace

TEST_CASE("mmd: by hand, and the form in which others give it") {
  // gamma = 1: k within each sample 1/e, between 1/e and 1/e^2
  rows_t const x{{0, 0}, {1, 0}}, y{{0, 1}, {1, 1}};
  auto const k = kernels::gaussian(1);
  double const e1 = std::exp(-1.0), e2 = std::exp(-2.0);
  CHECK(close(mmd(k, x, y, {.estimator = mmd_estimator::biased}).value, (1 + e1) - (e1 + e2)));
  CHECK(close(mmd(k, x, y, {.estimator = mmd_estimator::biased}).value, 0.8646647167633874));
  CHECK(close(mmd(k, x, y).value, 2 * e1 - (e1 + e2)));
  CHECK(close(mmd(k, x, y, {.estimator = mmd_estimator::one_sample}).value, 2 * e1 - 2 * e2));
  CHECK(close(mmd(k, x, y, {.estimator = mmd_estimator::linear_time}).value, 2 * e1 - 2 * e2));
  CHECK(mmd(k, x, x, {.estimator = mmd_estimator::biased}).value == 0);
  CHECK(mmd(k, x, rows_t{{0, 3}}, {.estimator = mmd_estimator::biased}).value > 0);  // one row
}

TEST_CASE("mmd: golden values of interpretable-test and numpy") {
  auto const g = limpid_test::golden("mmd_hsic.json");
  auto const x = limpid_test::to_matrix(g["X"]), y = limpid_test::to_matrix(g["Y"]);
  auto const e = g["equal_sizes_8_8"], u = g["unequal_sizes_8_6"];
  auto const k = kernels::gaussian(g["gamma"]);
  CHECK(close(mmd(k, x, y).value, e["mmd2_unbiased"]));
  CHECK(close(mmd(k, x, y, {.estimator = mmd_estimator::biased}).value, e["mmd2_biased"]));
  CHECK(
      close(mmd(k, x, y, {.estimator = mmd_estimator::one_sample}).value, e["mmd2_one_sample_U"]));
  auto const linear = mmd(k, x, y, {.estimator = mmd_estimator::linear_time});
  CHECK(close(linear.value, e["mmd2_linear_time"]));
  CHECK(close(linear.null_variance, 2 * e["linear_second_moment"].get<double>() / 8));
  CHECK(linear.rows_used == 8);
  auto const block = mmd(k, x, y, {.estimator = mmd_estimator::block, .block = 4});
  CHECK(close(block.value, e["mmd2_block"]));
  double const gap = e["block_values"][0].get<double>() - e["block_values"][1].get<double>();
  CHECK(close(block.variance, gap * gap / 4));
  auto const fewer = limpid::matrix_view<double const>(y.view()).row_block(0, 6);
  CHECK(close(mmd(k, x, fewer).value, u["mmd2_unbiased"]));
  CHECK(close(mmd(k, x, fewer, {.estimator = mmd_estimator::biased}).value, u["mmd2_biased"]));
}

TEST_CASE("mmd: the linear kernel's is the squared distance of the means") {
  auto const x = bells(31, 4, 1, 0), y = bells(23, 4, 2, 1);
  double gap = 0;
  for (std::size_t c = 0; c < 4; ++c) {
    double a = 0, b = 0;
    for (auto const& row : x) a += row[c] / 31;
    for (auto const& row : y) b += row[c] / 23;
    gap += (a - b) * (a - b);
  }
  CHECK(close(mmd(kernels::linear(), x, y, {.estimator = mmd_estimator::biased}).value, gap));
}

TEST_CASE("mmd: every estimator by brute force, under every policy") {
  std::size_t const n = 259;  // more than a block of rows of the primitives
  double const gamma = 0.3;
  auto const x = bells(n, 2, 1, 0), y = bells(n, 2, 2, 0.5);
  auto const k = kernels::gaussian(gamma);
  double one = 0, squares = 0, linear = 0, blocks = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      double const value = h(x, y, i, j, gamma);
      one += 2 * value / static_cast<double>(n * (n - 1));
      squares += 2 * value * value / static_cast<double>(n * (n - 1));
      if (i % 2 && j + 1 == i) linear += value / 129;
      if (i < 256 && i / 16 == j / 16) blocks += 2 * value / (16 * 15) / 16;
    }
  double const want[] = {unbiased(x, y, gamma), one, linear, blocks};
  mmd_estimator const which[] = {mmd_estimator::unbiased, mmd_estimator::one_sample,
                                 mmd_estimator::linear_time, mmd_estimator::block};
  limpid::matrix<double> mx(n, 2), my(n, 2);
  limpid::matrix<float> fx(n, 2), fy(n, 2);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < 2; ++c) {
      mx(i, c) = x[i][c], my(i, c) = y[i][c];
      fx(i, c) = static_cast<float>(x[i][c]), fy(i, c) = static_cast<float>(y[i][c]);
    }
  limpid_test::device_matrix<double> const dx(mx.view()), dy(my.view());
  for (int w = 0; w < 4; ++w) {
    CAPTURE(w);
    limpid::kernel_mean::mmd_options const o{.estimator = which[w], .block = 16, .variance = w < 2};
    auto const r = mmd(k, mx, my, o);
    CHECK(close(r.value, want[w], 1e-12));
    CHECK(r.rows_used == (w < 2 ? n : w == 2 ? 258 : 256));
    CHECK(r.variance > 0);
    if (w == 1)
      CHECK(close(r.null_variance, 2 * squares / static_cast<double>(n * (n - 1)), 1e-12));
    for (auto const& other :
         {mmd(limpid::seq, k, mx, my, o), mmd(limpid_test::device, k, dx, dy, o)}) {
      CHECK(close(other.value, r.value, 1e-13));
      CHECK(close(other.variance * 1e3, r.variance * 1e3, 1e-10));
      CHECK(close(other.null_variance * 1e3, r.null_variance * 1e3, 1e-10));
    }
    for (int threads : {1, 3}) {
      auto const p = mmd(limpid::par_policy{.threads = threads}, k, mx, my, o);
      CHECK(p.value == r.value);
      CHECK(p.variance == r.variance);
      CHECK(p.null_variance == r.null_variance);
    }
    auto const in_float = mmd(k, fx, fy, o);
    CHECK(std::abs(in_float.value - r.value) < 1e-6);
    if (w < 2) {
      CHECK(std::abs(in_float.variance - r.variance) < 1e-6 / n);
      CHECK(std::abs(in_float.null_variance - r.null_variance) < 1e-6 / n);
    }
  }
}

TEST_CASE("mmd: block takes the last rows that fill no block out") {
  auto const x = bells(19, 2, 1, 0), y = bells(19, 2, 2, 0);
  auto const k = kernels::gaussian(0.5);
  auto const r = mmd(k, x, y, {.estimator = mmd_estimator::block});  // 4 = root of 19
  CHECK(r.rows_used == 16);
  auto x2 = x;
  for (std::size_t i = 16; i < 19; ++i) x2[i] = {9, 9};
  CHECK(mmd(k, x2, y, {.estimator = mmd_estimator::block}).value == r.value);
  CHECK(close(mmd(k, x, y, {.estimator = mmd_estimator::block, .block = 19}).value,
              mmd(k, x, y, {.estimator = mmd_estimator::one_sample}).value));
  CHECK(std::isnan(mmd(k, x, y, {.estimator = mmd_estimator::block, .block = 19}).variance));
}

TEST_CASE("mmd: the variances have no bias, over every sample that there can be") {
  // x of 0, 1 with probabilities .3, .7; y of 0, 1.5: all 2^8 pairs of samples of 4 rows, weighted
  double const p = 0.3, q = 0.6;
  std::size_t const n = 4;
  auto const k = kernels::gaussian(0.7);
  for (auto which :
       {mmd_estimator::unbiased, mmd_estimator::one_sample, mmd_estimator::linear_time}) {
    CAPTURE(static_cast<int>(which));
    double mean = 0, square = 0, estimate = 0, all = 0, null = 0;
    for (unsigned a = 0; a < 16; ++a)
      for (unsigned b = 0; b < 16; ++b) {
        rows_t x(n, {0}), y(n, {0});
        double weight = 1;
        for (std::size_t i = 0; i < n; ++i) {
          bool const up = a >> i & 1u, over = b >> i & 1u;
          x[i][0] = up ? 1 : 0, y[i][0] = over ? 1.5 : 0;
          weight *= (up ? 1 - p : p) * (over ? 1 - q : q);
        }
        auto const r = mmd(k, x, y, {.estimator = which, .variance = true});
        all += weight;
        mean += weight * r.value;
        square += weight * r.value * r.value;
        estimate += weight * r.variance;
        null += weight * r.null_variance;
      }
    CHECK(close(all, 1));
    CHECK(close(estimate, square - mean * mean));
    CHECK(null > 0);
  }
  // both samples from one distribution: null_variance has no bias either
  double mean = 0, square = 0, null = 0;
  for (unsigned a = 0; a < 16; ++a)
    for (unsigned b = 0; b < 32; ++b) {
      rows_t x(4, {0}), y(5, {0});
      double weight = 1;
      for (std::size_t i = 0; i < 4; ++i) {
        x[i][0] = a >> i & 1u;
        weight *= x[i][0] > 0 ? 1 - p : p;
      }
      for (std::size_t i = 0; i < 5; ++i) {
        y[i][0] = b >> i & 1u;
        weight *= y[i][0] > 0 ? 1 - p : p;
      }
      auto const r = mmd(k, x, y, {.variance = true});
      mean += weight * r.value;
      square += weight * r.value * r.value;
      null += weight * r.null_variance;
    }
  CHECK(close(mean, 0));
  CHECK(close(null, square));
}

TEST_CASE("mmd: the order of rows does not matter, the samples' places neither") {
  auto const x = bells(20, 3, 1, 0), y = bells(30, 3, 2, 0.4);
  rows_t const back(x.rbegin(), x.rend());
  auto const k = kernels::laplacian(0.3);
  CHECK(close(mmd(k, back, y).value, mmd(k, x, y).value, 1e-14));
  CHECK(close(mmd(k, y, x).value, mmd(k, x, y).value, 1e-14));
  auto const one = mmd(k, x, y, {.variance = true}), other = mmd(k, y, x, {.variance = true});
  CHECK(close(one.variance, other.variance, 1e-13));
}

TEST_CASE("mmd: linear_time and block are normal where nothing sets the samples apart") {
  int linear = 0, block = 0;
  auto const k = kernels::gaussian(0.5);
  for (unsigned seed = 0; seed < 100; ++seed) {
    auto const x = bells(100, 1, 2 * seed, 0), y = bells(100, 1, 2 * seed + 1, 0);
    linear += mmd(k, x, y, {.estimator = mmd_estimator::linear_time}).normal_p <= 0.1;
    block += mmd(k, x, y, {.estimator = mmd_estimator::block}).normal_p <= 0.1;
  }
  CHECK(linear >= 3);  // binomial, 100 draws of 0.1: outside with probability 0.004
  CHECK(linear <= 20);
  CHECK(block >= 2);
  CHECK(block <= 24);
  auto const x = bells(300, 1, 1, 0), y = bells(300, 1, 2, 1.5);
  CHECK(mmd(k, x, y, {.estimator = mmd_estimator::linear_time}).normal_p < 0.01);
  CHECK(mmd(k, x, y, {.estimator = mmd_estimator::block}).normal_p < 1e-6);
}

TEST_CASE("mmd: bad input, progress") {
  rows_t const x{{1}, {2}, {3}, {4}}, y{{1}, {2}, {3}};
  auto const k = kernels::gaussian(1);
  CHECK_THROWS_WITH_AS(mmd(k, rows_t{{1}}, y),
                       "kernel_mean::mmd: x has 1 rows; it needs at least 2", input_error);
  CHECK_THROWS_WITH_AS(mmd(k, x, rows_t{}, {.estimator = mmd_estimator::biased}),
                       "kernel_mean::mmd: y has 0 rows; it needs at least 1", input_error);
  CHECK_NOTHROW(mmd(k, rows_t{{1}}, rows_t{{1}}, {.estimator = mmd_estimator::biased}));
  CHECK_THROWS_WITH_AS(mmd(k, x, y, {.variance = true}),
                       "kernel_mean::mmd: y has 3 rows; it needs at least 4", input_error);
  CHECK_NOTHROW(mmd(k, x, x, {.variance = true}));
  CHECK_THROWS_WITH_AS(mmd(k, x, rows_t{{1, 2}, {1, 2}}),
                       "kernel_mean::mmd: x has 1 columns, y has 2", input_error);
  CHECK_THROWS_WITH_AS(
      mmd(k, x, y, {.estimator = mmd_estimator::linear_time}),
      "kernel_mean::mmd: x has 4 rows, y has 3; this estimator takes pairs of rows", input_error);
  CHECK_THROWS_WITH_AS(mmd(k, x, x, {.estimator = mmd_estimator::block, .block = 5}),
                       "kernel_mean::mmd: block is 5; it must be at least 2 and at most the 4 rows",
                       input_error);
  CHECK_THROWS_WITH_AS(mmd(k, x, rows_t{{1}, {0.0 / 0.0}}),
                       "kernel_mean::mmd: y row 1 has an entry that is not finite", input_error);
  CHECK_THROWS_WITH_AS(
      mmd(kernels::sigmoid(1), x, y),
      "kernel_mean::mmd: the sigmoid kernel is not positive semidefinite; take another",
      input_error);
  for (auto which : {mmd_estimator::unbiased, mmd_estimator::one_sample}) {
    std::vector<double> told;
    auto const all =
        mmd(k, x, x, {.estimator = which, .variance = true, .on_progress = [&](double f) {
                        return told.push_back(f), true;
                      }});
    CHECK_FALSE(all.stopped);
    REQUIRE(told.size() > 3);
    for (std::size_t i = 1; i < told.size(); ++i) CHECK(told[i - 1] <= told[i]);
    CHECK(close(told.back(), 1));
    for (std::size_t last = 1; last < told.size(); ++last) {
      std::size_t calls = 0;
      CHECK(mmd(k, x, x,
                {.estimator = which,
                 .variance = true,
                 .on_progress = [&](double) { return ++calls < last; }})
                .stopped);
      CHECK(calls == last);
    }
  }
}

TEST_CASE("mmd: how a caller reads it") {
  auto const clean = bells(80, 3, 1, 0), suspect = bells(60, 3, 2, 0.8);
  //! [mmd]
  auto const kernel = limpid::kernels::gaussian(0.2);
  auto const r = limpid::kernel_mean::mmd(kernel, clean, suspect, {.variance = true});
  double const sds_from_zero = r.value / std::sqrt(r.variance);
  //! [mmd]
  CHECK(sds_from_zero > 3);
}
