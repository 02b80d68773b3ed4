// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/mmd_fuse.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/two_sample_test.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_mean::fuse_scale;
using limpid::kernel_mean::mmd_fuse;
using limpid::kernel_mean::two_sample_test;
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

TEST_CASE("mmd_fuse: the statistic of the authors' own program") {
  // antoninschrab/mmdfuse @0318e03 with jax in float64, executed on X and the first 6 rows of Y:
  // its bandwidths, its exponents n(n-1) MMD_k^2 / sqrt(N_k), and its statistic (the logarithm,
  // which it does not divide) for lambda_multiplier 1 and for 1 / sqrt(n(n-1)), which is the
  // paper's
  auto const g = limpid_test::golden("mmd_hsic.json");
  auto const x = limpid_test::to_matrix(g["X"]), y = limpid_test::to_matrix(g["Y"]);
  auto const fewer = limpid::matrix_view<double const>(y.view()).row_block(0, 6);
  double const laplace[] = {
      0.5105175000000001, 1.4064839999999998, 2.3024505, 3.1984169999999996, 4.094383499999999,
      4.990349999999999,  5.8863164999999995, 6.782283,  7.6782495,          8.574216};
  double const gauss[] = {0.4018867014302663, 1.069210404797779,  1.7365341081652919,
                          2.403857811532805,  3.0711815149003177, 3.7385052182678304,
                          4.405828921635344,  5.073152625002856,  5.740476328370369,
                          6.4078000317378825};
  double const exponent[] = {
      8.820274933722548,   5.665938228755336,   3.3663479026923047,  2.27490800779362,
      1.6797374478188005,  1.3160568201042648,  1.0747293915636027,  0.904559971242517,
      0.7789042301119432,  0.6827201823863813,  9.293111262252824,   4.15258835310494,
      1.6076347729812615,  0.754670518024767,   0.4243972910186528,  0.2701088495088373,
      0.18690367021147303, 0.13713132215694276, 0.10501194042824202, 0.08306752986355231};
  std::vector<limpid::kernel_function> theirs;
  for (double h : laplace) theirs.push_back(kernels::laplacian(std::sqrt(2) / h));
  for (double h : gauss) theirs.push_back(kernels::gaussian(1 / (2 * h * h)));
  auto const code =
      mmd_fuse(x, fewer, {.kernels = theirs, .scale = fuse_scale::code, .draws = 200});
  CHECK(close(code.statistic, 6.805576875553292 / 30));
  auto const paper = mmd_fuse(x, fewer, {.kernels = theirs, .draws = 200});
  CHECK(close(paper.statistic, 0.5538630227687833 / std::sqrt(30)));
  CHECK(close(
      mmd_fuse(x, fewer, {.kernels = theirs, .sharpness = std::sqrt(30), .draws = 1}).statistic,
      code.statistic));
  double shares = 0;
  for (std::size_t s = 0; s < 20; ++s) {
    CHECK(close(30 * paper.kernels[s].mmd2 / paper.kernels[s].spread, exponent[s]));
    CHECK(close(paper.kernels[s].share,
                std::exp(exponent[s] / std::sqrt(30) - 0.5538630227687833) / 20));
    shares += paper.kernels[s].share;
  }
  CHECK(close(shares, 1));
  // sum over i != j of k^2 for the Gaussian of the golden file, over n(n-1)
  double const gamma = g["gamma"];
  auto const one = mmd_fuse(x, fewer, {.kernels = {kernels::gaussian(gamma)}, .draws = 1});
  CHECK(close(one.kernels[0].spread,
              std::sqrt(static_cast<double>(g["fuse"]["N_k = sum/(n(n-1)) with n=6"]))));
}

TEST_CASE("mmd_fuse: p-value and splits written out from single tests") {
  auto const x = bells(25, 2, 1, 0), y = bells(31, 2, 2, 0.5);
  std::vector<limpid::kernel_function> const some{kernels::gaussian(0.3), kernels::laplacian(2),
                                                  kernels::matern32(1)};
  auto const r = mmd_fuse(x, y, {.alpha = 0.1, .kernels = some, .draws = 199, .seed = 4});
  double const root = std::sqrt(25.0 * 24);
  std::vector<double> fused(200);
  for (std::size_t s = 0; s < 3; ++s) {
    auto const t = two_sample_test(some[s], x, y, {.draws = 199, .seed = 4});  // the same splits
    CHECK(close(r.kernels[s].mmd2, t.statistic));
    for (std::size_t b = 0; b < 200; ++b)
      fused[b] +=
          std::exp(root * (b ? t.null_sample[b - 1] : t.statistic) / r.kernels[s].spread) / 3;
  }
  double not_below = 0;
  for (std::size_t b = 0; b < 200; ++b) {
    fused[b] = std::log(fused[b]) / root;
    not_below += fused[b] >= fused[0];
    if (b) CHECK(close(r.null_sample[b - 1], fused[b]));
  }
  CHECK(close(r.statistic, fused[0]));
  CHECK(r.p_value == not_below / 200);
  std::sort(fused.begin(), fused.end());
  CHECK(close(r.threshold, fused[179]));
  CHECK(r.reject == (r.p_value <= 0.1));
}

TEST_CASE("mmd_fuse: bandwidths are the quantiles' of all rows, whichever sample they are in") {
  auto const x = bells(9, 2, 1, 0), y = bells(6, 2, 2, 1);
  auto const r = mmd_fuse(x, y, {.bandwidths = 4, .draws = 1});
  std::vector<double> l1, l2;
  auto const at = [&](std::size_t i, std::size_t c) { return i < 9 ? x(i, c) : y(i - 9, c); };
  for (std::size_t i = 0; i < 15; ++i)
    for (std::size_t j = i + 1; j < 15; ++j) {
      double const a = at(i, 0) - at(j, 0), b = at(i, 1) - at(j, 1);
      l1.push_back(std::abs(a) + std::abs(b));
      l2.push_back(std::hypot(a, b));
    }
  std::sort(l1.begin(), l1.end());
  std::sort(l2.begin(), l2.end());
  for (std::size_t s = 0; s < 4; ++s) {  // of 105 distances: numbers 5 and 99
    double const t = static_cast<double>(s) / 3;
    double const h1 = l1[5] / 2 + t * (2 * l1[99] - l1[5] / 2);
    double const h2 = l2[5] / 2 + t * (2 * l2[99] - l2[5] / 2);
    CHECK(close(r.kernels[s].kernel.gamma, std::sqrt(2) / h1));
    CHECK(close(r.kernels[4 + s].kernel.gamma, 1 / (2 * h2 * h2)));
  }
  auto const swapped = mmd_fuse(y, x, {.bandwidths = 4, .draws = 1});
  CHECK(close(swapped.statistic, r.statistic));
}

TEST_CASE("mmd_fuse: policies, float32") {
  auto const x = bells(33, 3, 1, 0), y = bells(28, 3, 2, 0.3);
  limpid::matrix<float> fx(33, 3), fy(28, 3);
  for (std::size_t i = 0; i < 99; ++i) fx.data()[i] = static_cast<float>(x.data()[i]);
  for (std::size_t i = 0; i < 84; ++i) fy.data()[i] = static_cast<float>(y.data()[i]);
  limpid_test::device_matrix<double> const dx(x.view()), dy(y.view());
  limpid::kernel_mean::mmd_fuse_options const o{.bandwidths = 3, .draws = 60};
  auto const r = mmd_fuse(x, y, o);
  auto const same = [&](auto const& other, double within) {
    CHECK(other.p_value == r.p_value);
    CHECK(close(other.statistic, r.statistic, within));
    for (std::size_t b = 0; b < 60; ++b)
      CHECK(close(other.null_sample[b], r.null_sample[b], within));
  };
  same(mmd_fuse(limpid::seq, x, y, o), 1e-13);
  same(mmd_fuse(limpid_test::device, dx, dy, o), 1e-13);
  same(mmd_fuse(limpid::par_policy{.threads = 1}, x, y, o), 0);
  same(mmd_fuse(limpid::par_policy{.threads = 3}, x, y, o), 0);
  same(mmd_fuse(fx, fy, o), 1e-5);
}

TEST_CASE("mmd_fuse: holds its level and finds what is there") {
  int level = 0, power = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    auto const x = bells(12, 1, 2 * seed, 0), y = bells(9, 1, 2 * seed + 1, 0);
    limpid::kernel_mean::mmd_fuse_options const o{
        .alpha = 0.1, .bandwidths = 2, .draws = 49, .seed = seed};
    level += mmd_fuse(x, y, o).reject;
    if (seed < 15) power += mmd_fuse(x, bells(14, 1, 2 * seed + 1, 2.5), o).reject;
  }
  CHECK(level >= 2);  // binomial, 100 of 0.1: outside 2..20 with probability 0.001
  CHECK(level <= 20);
  CHECK(power >= 13);
}

TEST_CASE("mmd_fuse: equal rows everywhere, few distances, overflow") {
  limpid::matrix<double> const same(5, 2, 1.0);
  auto const r = mmd_fuse(same, same, {.draws = 20});
  CHECK(r.p_value == 1);
  CHECK_FALSE(r.reject);
  CHECK(std::abs(r.statistic) < 1e-15);
  CHECK_FALSE(mmd_fuse(rows_t{{1}, {2}}, rows_t{{1}, {2}}, {.draws = 20}).reject);
  rows_t const huge{{1e200}, {2e200}, {3}};
  auto const lost = mmd_fuse(huge, rows_t{{3}, {4}, {5}},
                             {.kernels = {kernels::linear(), kernels::gaussian(1)}, .draws = 20});
  CHECK(std::isinf(lost.statistic));
  CHECK(lost.p_value == 1);
  // a kernel that is 0 between all rows
  auto const none = mmd_fuse(rows_t{{0}, {1e9}}, rows_t{{2e9}, {3e9}},
                             {.kernels = {kernels::gaussian(1)}, .draws = 20});
  CHECK(none.statistic == 0);
  CHECK(none.p_value == 1);
}

TEST_CASE("mmd_fuse: bad input, progress") {
  rows_t const x{{1}, {2}}, y{{1}, {2}, {3}};
  auto const throws = [&](limpid::kernel_mean::mmd_fuse_options const& o, char const* words) {
    CHECK_THROWS_WITH_AS(mmd_fuse(x, y, o), words, input_error);
  };
  throws({.alpha = 1}, "kernel_mean::mmd_fuse: alpha is 1; it must be in (0, 1)");
  throws({.bandwidths = 1}, "kernel_mean::mmd_fuse: bandwidths is 1; it must be at least 2");
  throws({.kernels = {kernels::gaussian(-1)}},
         "kernel_mean::mmd_fuse: kernel gamma is -1; it must be above 0 and finite");
  throws({.kernels = {kernels::sigmoid(1)}},
         "kernel_mean::mmd_fuse: the sigmoid kernel is not positive semidefinite; take another");
  throws({.sharpness = 0}, "kernel_mean::mmd_fuse: sharpness is 0; it must be above 0 and finite");
  throws({.draws = 0}, "kernel_mean::mmd_fuse: draws is 0; it must be at least 1");
  CHECK_THROWS_WITH_AS(mmd_fuse(rows_t{{1}}, y),
                       "kernel_mean::mmd_fuse: x has 1 rows; it needs at least 2", input_error);
  CHECK_THROWS_WITH_AS(mmd_fuse(rows_t{{1}, {0.0 / 0.0}}, y),
                       "kernel_mean::mmd_fuse: x row 1 has an entry that is not finite",
                       input_error);
  std::size_t calls = 0;
  auto const r = mmd_fuse(x, y, {.on_progress = [&](double) { return ++calls < 30; }});
  CHECK(r.stopped);
  CHECK(calls == 30);
  CHECK(r.kernels.empty());
}

TEST_CASE("mmd_fuse: how a caller reads it") {
  auto const trusted = bells(30, 3, 1, 0), cleaned = bells(40, 3, 2, 0.9);
  //! [mmd_fuse]
  auto const r = limpid::kernel_mean::mmd_fuse(trusted, cleaned, {.draws = 999});
  bool const different = r.p_value < 0.01;
  auto const most =
      std::max_element(r.kernels.begin(), r.kernels.end(),
                       [](auto const& a, auto const& b) { return a.share < b.share; });
  double const scale_of_difference = most->kernel.gamma;
  //! [mmd_fuse]
  CHECK(different);
  CHECK(scale_of_difference > 0);
}
