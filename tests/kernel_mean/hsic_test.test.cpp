// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/hsic_test.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/hsic.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_mean::hsic;
using limpid::kernel_mean::hsic_test;
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

TEST_CASE("hsic_test: the null sample is hsic of rows in other orders") {
  std::size_t const n = 40;
  auto const x = bells(n, 2, 1);
  auto y = bells(n, 1, 2);
  std::vector<int> labels(n);
  for (std::size_t i = 0; i < n; ++i)
    y(i, 0) += x(i, 0), labels[i] = x(i, 1) > 0.5 ? 2 : x(i, 1) > 0;
  auto const k = kernels::gaussian(0.5), l = kernels::laplacian(1);
  auto const r = hsic_test(k, x, l, y, {.draws = 60, .seed = 8});
  auto const c = hsic_test(k, x, labels, 3, {.draws = 60, .seed = 8});
  CHECK(close(r.statistic, hsic(k, x, l, y).unbiased, 1e-14));
  CHECK(close(c.statistic, hsic(k, x, labels, 3).unbiased, 1e-14));
  limpid::matrix<std::int32_t> orders(60, n);
  std::size_t above = 1;
  for (std::size_t b = 0; b < 60; ++b) {
    limpid::kernel_mean::detail::draw_order<limpid::memory_space::host>{orders.view(), 1, 8}(b);
    limpid::matrix<double> moved(n, 1);
    std::vector<int> other(n), seen(n);
    for (std::size_t i = 0; i < n; ++i) {
      auto const from = static_cast<std::size_t>(orders(b, i));
      moved(i, 0) = y(from, 0), other[i] = labels[from], ++seen[from];
    }
    CHECK(seen == std::vector<int>(n, 1));
    CHECK(close(r.null_sample[b], hsic(k, x, l, moved).unbiased, 1e-14));
    CHECK(close(c.null_sample[b], hsic(k, x, other, 3).unbiased, 1e-14));
    above += r.null_sample[b] >= r.statistic;
  }
  CHECK(close(r.p_value, static_cast<double>(above) / 61));
  CHECK(r.reject);
  CHECK(c.reject);

  limpid_test::device_matrix<double> const dx(x.view()), dy(y.view());
  limpid_test::device_vector<int> const dl(limpid::vector_view<int const>(labels.data(), n));
  limpid::matrix<float> fx(n, 2), fy(n, 1);
  for (std::size_t i = 0; i < 2 * n; ++i) fx.data()[i] = static_cast<float>(x.data()[i]);
  for (std::size_t i = 0; i < n; ++i) fy(i, 0) = static_cast<float>(y(i, 0));
  auto const same = [&](auto const& exec, auto const& px, auto const& py, auto const& pl,
                        double within) {
    auto const s = hsic_test(exec, k, px, l, py, {.draws = 60, .seed = 8});
    auto const t = hsic_test(exec, k, px, pl, 3, {.draws = 60, .seed = 8});
    CHECK(s.p_value == r.p_value);
    CHECK(t.p_value == c.p_value);
    for (std::size_t b = 0; b < 60; ++b) {
      CHECK(close(s.null_sample[b], r.null_sample[b], within));
      CHECK(close(t.null_sample[b], c.null_sample[b], within));
    }
  };
  same(limpid::seq, x, y, labels, 1e-14);
  same(limpid_test::device, dx, dy, dl, 1e-14);
  same(limpid::par_policy{.threads = 1}, x, y, labels, 0);
  same(limpid::par_policy{.threads = 3}, x, y, labels, 0);
  same(limpid::simd, fx, fy, labels, 1e-6);
}

TEST_CASE("hsic_test: the p-value is the share of all 24 orders of four pairs") {
  rows_t const x{{1}, {2}, {3.5}, {4}}, y{{1}, {2.2}, {2.9}, {4}};
  auto const k = kernels::gaussian(0.3);
  double const own = hsic(k, x, k, y).unbiased;
  std::size_t order[] = {0, 1, 2, 3};
  double share = 0, most = 0;
  do {
    rows_t moved;
    for (std::size_t i : order) moved.push_back(y[i]);
    double const value = hsic(k, x, k, moved).unbiased;
    share += (value >= own - 1e-12) / 24.0;
    most = value > most ? value : most;
  } while (std::next_permutation(order, order + 4));
  auto const r = hsic_test(k, x, k, y, {.draws = 2399});
  CHECK(std::abs(r.p_value - share) < 0.02);
  CHECK(close(*std::max_element(r.null_sample.begin(), r.null_sample.end()), most));
}

TEST_CASE("hsic_test: holds its level and finds what no correlation shows") {
  int level = 0, labels = 0, circle = 0;
  auto const k = kernels::gaussian(2);
  for (unsigned seed = 0; seed < 80; ++seed) {
    auto const x = bells(16, 1, 2 * seed), y = bells(16, 1, 2 * seed + 1);
    level += hsic_test(k, x, k, y, {.draws = 39, .alpha = 0.1, .seed = seed}).reject;
    std::vector<int> c(16);
    for (std::size_t i = 0; i < 16; ++i) c[i] = y(i, 0) > 0;
    labels += hsic_test(k, x, c, 2, {.draws = 39, .alpha = 0.1, .seed = seed}).reject;
    if (seed >= 10) continue;
    auto const far = bells(60, 1, seed);
    limpid::matrix<double> a(60, 1), b(60, 1);
    for (std::size_t i = 0; i < 60; ++i) {
      double const angle = 6.283185307179586 * (static_cast<double>(i) + 0.5 * far(i, 0)) / 60;
      a(i, 0) = 2 * std::cos(angle), b(i, 0) = 2 * std::sin(angle);
    }
    circle += hsic_test(k, a, k, b, {.draws = 39, .alpha = 0.1, .seed = seed}).reject;
  }
  for (int l : {level, labels}) {  // binomial, 80 of 0.1: outside with probability 0.002
    CHECK(l >= 1);
    CHECK(l <= 18);
  }
  CHECK(circle == 10);
}

TEST_CASE("hsic_test: bad input, progress") {
  rows_t const x{{1}, {2}, {3}, {4}};
  auto const k = kernels::gaussian(1);
  auto const throws = [&](auto const& call, char const* words) {
    CHECK_THROWS_WITH_AS(call(), words, input_error);
  };
  throws([&] { hsic_test(k, rows_t{{1}, {2}, {3}}, k, rows_t{{1}, {2}, {3}}); },
         "kernel_mean::hsic_test: x has 3 rows; it needs at least 4");
  CHECK_NOTHROW(hsic_test(k, x, k, x, {.draws = 1}));
  throws([&] { hsic_test(k, x, k, x, {.draws = 0}); },
         "kernel_mean::hsic_test: draws is 0; it must be at least 1");
  throws([&] { hsic_test(k, x, k, x, {.alpha = 0}); },
         "kernel_mean::hsic_test: alpha is 0; it must be in (0, 1)");
  throws([&] { hsic_test(k, x, k, rows_t{{1}}); }, "kernel_mean::hsic_test: x has 4 rows, y has 1");
  throws([&] { hsic_test(k, x, std::vector<int>{0, 0, 1, 5}, 2); },
         "kernel_mean::hsic_test: labels row 3 is 5; labels must be 0..1");
  throws([&] { hsic_test(k, rows_t{{1}, {2}, {3}, {1.0 / 0.0}}, k, x); },
         "kernel_mean::hsic_test: x row 3 has an entry that is not finite");
  CHECK(hsic_test(k, x, std::vector<int>(4, 0), 1).p_value == 1);  // one class says nothing
  rows_t const huge{{1e200}, {2e200}, {3}, {4}};
  CHECK(hsic_test(kernels::linear(), huge, k, x).p_value == 1);  // nor does what overflows
  std::vector<double> told;
  hsic_test(k, x, k, x,
            {.draws = 40, .on_progress = [&](double f) { return told.push_back(f), true; }});
  CHECK(close(told.back(), 1));
  for (std::size_t last = 1; last <= told.size(); ++last) {
    std::size_t calls = 0;
    CHECK(
        hsic_test(k, x, k, x, {.draws = 40, .on_progress = [&](double) { return ++calls < last; }})
            .stopped);
  }
}

TEST_CASE("hsic_test: how a caller reads it") {
  auto const features = bells(60, 2, 1);
  std::vector<int> is_noisy(60);
  for (std::size_t i = 0; i < 60; ++i) is_noisy[i] = features(i, 0) > 0.8;
  //! [hsic_test]
  auto const kernel = limpid::kernels::gaussian(0.5);
  auto const r = limpid::kernel_mean::hsic_test(kernel, features, is_noisy, 2, {.draws = 999});
  bool const noise_depends_on_features = r.reject;
  //! [hsic_test]
  CHECK(noise_depends_on_features);
}
