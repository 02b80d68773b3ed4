// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/hsic.hpp>

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
struct same_label {
  template <class A, class B>
  double operator()(A const& a, B const& b) const {
    return a[0] == b[0] ? 1 : 0;
  }
};
/// tr(K H L H) / n^2 with K and L centred in full.
template <class K, class L>
double centred(K const& k, limpid::matrix<double> const& x, L const& l,
               limpid::matrix<double> const& y) {
  std::size_t const n = x.rows();
  auto const table = [n](auto const& kernel, auto const& rows) {
    rows_t t(n, std::vector<double>(n));
    std::vector<double> mean(n);
    double all = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        t[i][j] = kernel(rows.view().row(i), rows.view().row(j));
        mean[i] += t[i][j] / static_cast<double>(n);
        all += t[i][j] / static_cast<double>(n * n);
      }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) t[i][j] += all - mean[i] - mean[j];
    return t;
  };
  auto const a = table(k, x), b = table(l, y);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) sum += a[i][j] * b[i][j];
  return sum / static_cast<double>(n * n);
}
/// The U-statistic of four different rows.
template <class K, class L>
double of_fours(K const& k, limpid::matrix<double> const& x, L const& l,
                limpid::matrix<double> const& y) {
  std::size_t const n = x.rows();
  double sum = 0, count = 0;
  auto const a = [&](std::size_t i, std::size_t j) { return k(x.view().row(i), x.view().row(j)); };
  auto const b = [&](std::size_t i, std::size_t j) { return l(y.view().row(i), y.view().row(j)); };
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t p = 0; p < n; ++p)
        for (std::size_t q = 0; q < n; ++q) {
          if (i == j || i == p || i == q || j == p || j == q || p == q) continue;
          sum += a(i, j) * (b(i, j) + b(p, q) - 2 * b(i, p));
          ++count;
        }
  return sum / count;
}

}  // namespace

TEST_CASE("hsic: two pairs of rows, by hand; golden values") {
  // K = [[0,0],[0,1]] centred +-1/4: HSIC = (4 * 1/16) / 4 = 1/16
  rows_t const x{{0}, {1}};
  auto const r = hsic(kernels::linear(), x, kernels::linear(), x);
  CHECK(close(r.biased, 1.0 / 16));
  CHECK(std::isnan(r.unbiased));
  auto const g = limpid_test::golden("mmd_hsic.json");
  auto const k = kernels::gaussian(g["gamma"]);
  auto const s = hsic(k, limpid_test::to_matrix(g["X"]), k, limpid_test::to_matrix(g["Y"]));
  CHECK(close(s.biased, g["hsic"]["biased_1_over_n2"]));
  CHECK(close(s.biased * 64 / 49, g["hsic"]["biased_1_over_(n-1)2"]));
  CHECK(close(s.unbiased, g["hsic"]["unbiased_song"]));
}

TEST_CASE(
    "hsic: against centring in full and the U-statistic of four rows; labels are the 0-1 kernel") {
  std::size_t const n = 9;
  auto const x = bells(n, 2, 1), y = bells(n, 3, 2);
  limpid::matrix<double> z(n, 1);
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i) z(i, 0) = labels[i] = static_cast<int>(i * i % 3);
  auto const k = kernels::gaussian(0.5);
  for (auto const& l : {kernels::laplacian(0.4), kernels::polynomial(2, 0.3)}) {
    auto const r = hsic(k, x, l, y);
    CHECK(close(r.biased, centred(k, x, l, y)));
    CHECK(close(r.unbiased, of_fours(k, x, l, y)));
  }
  auto const r = hsic(k, x, labels, 4);  // one class is absent
  CHECK(close(r.biased, centred(k, x, same_label{}, z)));
  CHECK(close(r.unbiased, of_fours(k, x, same_label{}, z)));
  CHECK(close(hsic(k, x, same_label{}, z).unbiased, r.unbiased));
  CHECK(close(hsic(k, x, std::vector<int>(n, 0), 1).biased, 0));
}

TEST_CASE("hsic: policies, float32") {
  std::size_t const n = 270;
  auto const x = bells(n, 2, 1);
  auto y = bells(n, 1, 2);
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i)
    y(i, 0) += x(i, 0), labels[i] = x(i, 1) > 0.5 ? 2 : x(i, 1) > 0;
  limpid::matrix<float> fx(n, 2), fy(n, 1);
  for (std::size_t i = 0; i < n; ++i)
    fx(i, 0) = static_cast<float>(x(i, 0)), fx(i, 1) = static_cast<float>(x(i, 1)),
          fy(i, 0) = static_cast<float>(y(i, 0));
  auto const k = kernels::gaussian(0.5), l = kernels::matern12(1);
  auto const r = hsic(k, x, l, y), c = hsic(k, x, labels, 3);
  CHECK(close(r.biased, centred(k, x, l, y), 1e-12));
  CHECK(r.unbiased > 0.005);
  CHECK(c.unbiased > 0.01);
  auto const same = [&](auto const& exec, auto const& px, auto const& py, auto const& pl,
                        double within) {
    auto const s = hsic(exec, k, px, l, py), t = hsic(exec, k, px, pl, 3);
    CHECK(close(s.biased, r.biased, within));
    CHECK(close(s.unbiased, r.unbiased, within));
    CHECK(close(t.biased, c.biased, within));
    CHECK(close(t.unbiased, c.unbiased, within));
  };
  limpid_test::device_matrix<double> const dx(x.view()), dy(y.view());
  limpid_test::device_vector<int> const dl(limpid::vector_view<int const>(labels.data(), n));
  same(limpid::seq, x, y, labels, 1e-14);
  same(limpid_test::device, dx, dy, dl, 1e-14);
  same(limpid::par_policy{.threads = 1}, x, y, labels, 0);
  same(limpid::par_policy{.threads = 3}, x, y, labels, 0);
  same(limpid::simd, fx, fy, labels, 1e-6);
}

TEST_CASE("hsic: bad input, progress") {
  rows_t const x{{1}, {2}, {3}, {4}};
  auto const k = kernels::gaussian(1);
  CHECK_THROWS_WITH_AS(hsic(k, rows_t{{1}}, k, rows_t{{1}}),
                       "kernel_mean::hsic: x has 1 rows; it needs at least 2", input_error);
  CHECK_THROWS_WITH_AS(hsic(k, x, k, rows_t{{1}, {2}}), "kernel_mean::hsic: x has 4 rows, y has 2",
                       input_error);
  CHECK_THROWS_WITH_AS(hsic(k, x, k, rows_t{{1}, {2}, {3}, {0.0 / 0.0}}),
                       "kernel_mean::hsic: y row 3 has an entry that is not finite", input_error);
  CHECK_THROWS_WITH_AS(hsic(k, x, std::vector<int>{0, 1, 2, 0}, 2),
                       "kernel_mean::hsic: labels row 2 is 2; labels must be 0..1", input_error);
  CHECK_NOTHROW(hsic(k, x, std::vector<int>{0, 1, 2, 0}, 3));
  CHECK_THROWS_WITH_AS(hsic(k, x, std::vector<int>{0, 1}, 3),
                       "kernel_mean::hsic: x has 4 rows, labels has 2", input_error);
  CHECK_THROWS_WITH_AS(hsic(k, x, std::vector<int>{0, 0, 0, 0}, 0),
                       "kernel_mean::hsic: classes is 0; it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(
      hsic(k, x, kernels::sigmoid(1), x),
      "kernel_mean::hsic: the sigmoid kernel is not positive semidefinite; take another",
      input_error);
  std::vector<double> told;
  CHECK_FALSE(
      hsic(k, x, k, x, {.on_progress = [&](double f) { return told.push_back(f), true; }}).stopped);
  CHECK(close(told.back(), 1));
  for (std::size_t last = 1; last <= told.size(); ++last) {
    std::size_t calls = 0;
    CHECK(hsic(k, x, k, x, {.on_progress = [&](double) { return ++calls < last; }}).stopped);
  }
}

TEST_CASE("hsic: how a caller reads it") {
  auto const features = bells(60, 2, 1);
  std::vector<int> labels(60);
  for (std::size_t i = 0; i < 60; ++i) labels[i] = features(i, 0) > 0;
  //! [hsic]
  auto const kernel = limpid::kernels::gaussian(0.5);
  auto const r = limpid::kernel_mean::hsic(kernel, features, labels, 2);
  double const dependence = r.unbiased;  // near 0 where features say nothing about labels
  //! [hsic]
  CHECK(dependence > 0.01);
}
