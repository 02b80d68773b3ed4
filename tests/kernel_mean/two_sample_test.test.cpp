// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/two_sample_test.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/mmd.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_mean::mmd;
using limpid::kernel_mean::mmd_estimator;
using limpid::kernel_mean::redraw;
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
limpid::matrix<float> in_float(limpid::matrix<double> const& x) {
  limpid::matrix<float> out(x.rows(), x.cols());
  for (std::size_t i = 0; i < x.rows() * x.cols(); ++i)
    out.data()[i] = static_cast<float>(x.data()[i]);
  return out;
}
/// x and y after a redraw, where what is dealt is 0 and 1.
struct dealt {
  limpid::matrix<double> x, y;
  dealt(limpid::matrix<double> const& a, limpid::matrix<double> const& b, double const* to_x)
      : x(a.rows(), a.cols()), y(b.rows(), b.cols()) {
    std::size_t at[2] = {0, 0};
    for (std::size_t i = 0; i < a.rows() + b.rows(); ++i) {
      auto& to = to_x[i] > 0 ? x : y;
      std::size_t const r = at[to_x[i] > 0]++;
      for (std::size_t c = 0; c < a.cols(); ++c)
        to(r, c) = i < a.rows() ? a(i, c) : b(i - a.rows(), c);
    }
  }
};

}  // namespace

TEST_CASE("two_sample_test: golden permutations and signs") {
  auto const g = limpid_test::golden("mmd_hsic.json");
  auto const x = limpid_test::to_matrix(g["X"]), y = limpid_test::to_matrix(g["Y"]);
  auto const k = kernels::gaussian(g["gamma"]);
  auto const u = g["unequal_sizes_8_6"], e = g["equal_sizes_8_8"];
  auto const orders = u["permutations_of_[X;Y]"].get<std::vector<std::vector<int>>>();
  rows_t splits;
  for (auto const& order : orders) {
    splits.emplace_back();
    for (int r : order) splits.back().push_back(r < 8 ? 1 : 0);
  }
  auto const fewer = limpid::matrix_view<double const>(y.view()).row_block(0, 6);
  auto const r = two_sample_test(k, x, fewer, splits);
  CHECK(close(r.statistic, u["mmd2_unbiased"]));
  auto const want = u["permuted_mmd2_unbiased"].get<std::vector<double>>();
  int above = 0;
  for (std::size_t b = 0; b < 5; ++b) {
    CHECK(close(r.null_sample[b], want[b]));
    above += want[b] >= r.statistic;
  }
  CHECK(close(r.p_value, (1.0 + above) / 6));

  auto const signs = e["wild_bootstrap_signs"].get<rows_t>();
  auto const w = two_sample_test(k, x, y, signs, {.by = redraw::wild});
  CHECK(close(w.statistic, e["mmd2_one_sample_U"]));
  auto const values = e["wild_bootstrap_values"].get<std::vector<double>>();
  for (std::size_t b = 0; b < 5; ++b) CHECK(close(w.null_sample[b], values[b]));
}

TEST_CASE("two_sample_test: every split of three and three rows, counted by hand") {
  // 1, 2, 3 against 11, 12, 13: of the 20 splits only the observed one and its mirror are this far
  rows_t const x{{1}, {2}, {3}}, y{{11}, {12}, {13}};
  rows_t splits;
  for (unsigned s = 0; s < 64; ++s) {
    std::vector<double> row(6);
    double ones = 0;
    for (std::size_t i = 0; i < 6; ++i) ones += row[i] = s >> i & 1u;
    if (ones == 3 && s != 7) splits.push_back(row);
  }
  REQUIRE(splits.size() == 19);
  for (auto const& k : {kernels::linear(), kernels::gaussian(0.1), kernels::laplacian(0.1)}) {
    auto const r = two_sample_test(k, x, y, splits, {.alpha = 0.1});
    CHECK(close(r.p_value, 0.1));
    CHECK(r.reject);
    CHECK_FALSE(two_sample_test(k, x, y, splits, {.alpha = 0.099}).reject);
  }
  // the same in float, whose sums differ in their last digits
  limpid::matrix<float> const fx{{1.1f}, {2.1f}, {3.1f}}, fy{{11.1f}, {12.1f}, {13.1f}};
  CHECK(close(two_sample_test(kernels::gaussian(0.1), fx, fy, splits).p_value, 0.1));
}

TEST_CASE("two_sample_test: what is drawn is what is said, under every policy") {
  auto const x = bells(40, 2, 1, 0), y = bells(27, 2, 2, 0.7), z = bells(40, 2, 3, 0.3);
  auto const k = kernels::gaussian(0.4);
  auto const r = two_sample_test(k, x, y, {.draws = 300, .seed = 5});
  CHECK(close(r.statistic, mmd(k, x, y).value, 1e-14));
  CHECK(r.null_sample.size() == 300);
  double mean = 0;
  std::size_t above = 1;
  for (double t : r.null_sample) mean += t / 300, above += t >= r.statistic;
  CHECK(std::abs(mean) < 4 * std::sqrt(mmd(k, x, y, {.variance = true}).null_variance / 300));
  CHECK(close(r.p_value, static_cast<double>(above) / 301));
  std::vector<double> sorted(r.null_sample.begin(), r.null_sample.end());
  sorted.push_back(r.statistic);
  std::sort(sorted.begin(), sorted.end());
  CHECK(r.threshold == sorted[285]);  // ceil(301 * 0.95) = 286
  CHECK(two_sample_test(k, x, y, {.draws = 10, .seed = 5}).null_sample[9] == r.null_sample[9]);
  CHECK(two_sample_test(k, x, y, {.draws = 10, .seed = 6}).null_sample[9] != r.null_sample[9]);

  // each policy draws the same rows; float32 is as near as documented
  limpid_test::device_matrix<double> const dx(x.view()), dz(z.view());
  for (auto by : {redraw::permutation, redraw::wild, redraw::wild_series}) {
    CAPTURE(static_cast<int>(by));
    limpid::kernel_mean::two_sample_test_options const o{.by = by, .draws = 60, .seed = 9};
    auto const one = two_sample_test(k, x, z, o);
    auto const same = [&](auto const& other, double within) {
      CHECK(close(other.statistic, one.statistic, within));
      for (std::size_t b = 0; b < 60; ++b)
        CHECK(close(other.null_sample[b], one.null_sample[b], within));
      CHECK(other.p_value == one.p_value);
    };
    same(two_sample_test(limpid::seq, k, x, z, o), 1e-14);
    same(two_sample_test(limpid_test::device, k, dx, dz, o), 1e-14);
    same(two_sample_test(limpid::par_policy{.threads = 1}, k, x, z, o), 0);
    same(two_sample_test(limpid::par_policy{.threads = 3}, k, x, z, o), 0);
    same(two_sample_test(k, in_float(x), in_float(z), o), 1e-6);
  }
}

TEST_CASE("two_sample_test: redraws given are samples dealt anew") {
  auto const x = bells(9, 2, 1, 0), y = bells(6, 2, 2, 1);
  auto const k = kernels::matern32(1.5);
  limpid::matrix<double> splits(4, 15);
  std::mt19937 draw(3);
  for (std::size_t b = 0; b < 4; ++b) {
    double* const row = splits.data() + 15 * b;
    for (std::size_t i = 0; i < 9; ++i) row[i] = 1;
    std::shuffle(row, row + 15, draw);
  }
  auto const r = two_sample_test(k, x, y, splits);
  for (std::size_t b = 0; b < 4; ++b) {
    dealt const d(x, y, splits.data() + 15 * b);
    CHECK(close(r.null_sample[b], mmd(k, d.x, d.y).value, 1e-13));
  }
  // multipliers of 1: the observed statistic, biased for a series
  auto const z = bells(9, 2, 4, 1);
  limpid::matrix<double> const ones(1, 9, 1.0);
  auto const w = two_sample_test(k, x, z, ones, {.by = redraw::wild_series});
  CHECK(close(w.statistic, mmd(k, x, z, {.estimator = mmd_estimator::biased}).value, 1e-13));
  CHECK(w.null_sample[0] == w.statistic);
  CHECK(w.p_value == 1);
}

TEST_CASE("two_sample_test: the multipliers of a series remember") {
  // k = 1 for equal rows, 0 for others: h is 2 on the diagonal alone, T_b = 2 sum w^2 / n^2; with
  // rows in equal runs of 2, h sees neighbours' products
  std::size_t const n = 200;
  limpid::matrix<double> x(n, 1), y(n, 1), x2(n, 1), y2(n, 1);
  for (std::size_t i = 0; i < n; ++i) {
    x(i, 0) = static_cast<double>(1000 * i), y(i, 0) = -1e6 - static_cast<double>(1000 * i);
    x2(i, 0) = static_cast<double>(1000 * (i / 2)),
          y2(i, 0) = -1e6 - static_cast<double>(1000 * (i / 2));
  }
  auto const k = kernels::gaussian(1);
  limpid::kernel_mean::two_sample_test_options const o{
      .by = redraw::wild_series, .draws = 160, .memory = 5};
  auto const own = two_sample_test(k, x, y, o), with = two_sample_test(k, x2, y2, o);
  double variance = 0, neighbours = 0;
  for (std::size_t b = 0; b < 160; ++b) {
    variance += own.null_sample[b] * n / 2 / 160;
    neighbours += (with.null_sample[b] - own.null_sample[b]) * n / 2 / 160;
  }
  // less its mean: 1 - 2 * 5 / 200 or so
  CHECK(std::abs(variance - 0.95) < 0.05);
  CHECK(std::abs(neighbours - (std::exp(-0.2) - 0.05)) < 0.05);
}

TEST_CASE("two_sample_test: holds its level and finds what is there") {
  auto const k = kernels::gaussian(0.5);
  int level = 0, wild = 0, power[3] = {};
  for (unsigned seed = 0; seed < 100; ++seed) {
    auto const x = bells(12, 1, 2 * seed, 0);
    level += two_sample_test(k, x, bells(9, 1, 2 * seed + 1, 0),
                             {.draws = 39, .alpha = 0.1, .seed = seed})
                 .reject;
    wild += two_sample_test(k, x, bells(12, 1, 2 * seed + 1, 0),
                            {.by = redraw::wild, .draws = 39, .alpha = 0.1, .seed = seed})
                .reject;
    for (int s = 0; s < 3; ++s)
      power[s] += two_sample_test(k, x, bells(12, 1, 2 * seed + 1, 0.5 * s + 0.5),
                                  {.draws = 39, .alpha = 0.1, .seed = seed})
                      .reject;
  }
  CHECK(level >= 2);  // binomial, 100 of 0.1: outside 2..21 with probability 0.001
  CHECK(level <= 21);
  CHECK(wild >= 2);
  CHECK(wild <= 21);
  CHECK(power[0] > level);
  CHECK(power[1] > power[0] + 15);
  CHECK(power[2] > 90);
}

TEST_CASE("two_sample_test: a sample much smaller than the other loses no digits") {
  auto const x = bells(300, 2, 1, 0), y = bells(3, 2, 2, 1);
  auto const k = kernels::gaussian(0.2);
  auto const want = two_sample_test(k, x, y, {.draws = 20});
  CHECK(close(want.statistic, mmd(k, x, y).value, 1e-13));
  auto const got = two_sample_test(k, in_float(x), in_float(y), {.draws = 20});
  CHECK(std::abs(got.statistic - want.statistic) < 1e-6);
  for (std::size_t b = 0; b < 20; ++b)
    CHECK(std::abs(got.null_sample[b] - want.null_sample[b]) < 1e-6);
  auto const swapped = two_sample_test(k, y, x, {.draws = 20});
  CHECK(swapped.statistic == want.statistic);
  CHECK(swapped.p_value == want.p_value);
}

TEST_CASE("two_sample_test: equal samples, every row the same") {
  auto const x = bells(10, 2, 1, 0);
  CHECK(two_sample_test(kernels::gaussian(0.5), x, x, {.draws = 99}).p_value > 0.9);
  limpid::matrix<double> const same(4, 2, 1.0);
  auto const r = two_sample_test(kernels::gaussian(0.5), same, same, {.draws = 19});
  CHECK(std::abs(r.statistic) < 1e-15);
  CHECK(r.p_value == 1);
  // what overflows says nothing
  auto const over = two_sample_test(kernels::linear(), rows_t{{1e200}, {2e200}}, rows_t{{3}, {4}});
  CHECK(std::isinf(over.statistic));
  CHECK(over.p_value == 1);
  CHECK_FALSE(over.reject);
}

TEST_CASE("two_sample_test: bad input, progress") {
  rows_t const x{{1}, {2}}, y{{1}, {2}, {3}};
  auto const k = kernels::gaussian(1);
  auto const throws = [&](auto const& call, char const* words) {
    CHECK_THROWS_WITH_AS(call(), words, input_error);
  };
  throws([&] { two_sample_test(k, rows_t{{1}}, y); },
         "kernel_mean::two_sample_test: x has 1 rows; it needs at least 2");
  CHECK_NOTHROW(two_sample_test(k, x, x, {.draws = 1}));
  throws([&] { two_sample_test(k, x, y, {.draws = 0}); },
         "kernel_mean::two_sample_test: draws is 0; it must be at least 1");
  throws([&] { two_sample_test(k, x, y, {.alpha = 1}); },
         "kernel_mean::two_sample_test: alpha is 1; it must be in (0, 1)");
  throws([&] { two_sample_test(k, x, x, {.by = redraw::wild_series, .memory = 0}); },
         "kernel_mean::two_sample_test: memory is 0; it must be above 0");
  throws([&] { two_sample_test(k, x, y, {.by = redraw::wild}); },
         "kernel_mean::two_sample_test: x has 2 rows, y has 3; the wild bootstrap takes pairs of "
         "rows");
  throws(
      [&] { two_sample_test(k, x, y, rows_t{{1, 1, 0, 0}}); },
      "kernel_mean::two_sample_test: redraws has 4 columns; it needs one for each of the 5 rows of "
      "x and y");
  throws(
      [&] { two_sample_test(k, x, x, rows_t{{1, 1, 0, 0}}, {.by = redraw::wild}); },
      "kernel_mean::two_sample_test: redraws has 4 columns; it needs one for each of the 2 pairs "
      "of "
      "rows");
  throws([&] { two_sample_test(k, x, y, rows_t{}); },
         "kernel_mean::two_sample_test: redraws has no rows; it needs at least 1");
  throws([&] { two_sample_test(k, x, y, rows_t{{1, 1, 0, 0, 0}, {1, 0.5, 0.5, 0, 0}}); },
         "kernel_mean::two_sample_test: redraws row 1 has an entry that is not 0 or 1");
  throws([&] { two_sample_test(k, x, y, rows_t{{1, 1, 1, 0, 0}}); },
         "kernel_mean::two_sample_test: redraws row 0 does not deal 2 rows to x, as many as x has");
  CHECK_NOTHROW(two_sample_test(k, x, y, rows_t{{0, 1, 1, 0, 0}}));
  throws([&] { two_sample_test(k, x, rows_t{{1.0 / 0.0}, {1}}); },
         "kernel_mean::two_sample_test: y row 0 has an entry that is not finite");
  throws([&] { two_sample_test(kernels::sigmoid(1), x, y); },
         "kernel_mean::two_sample_test: the sigmoid kernel is not positive semidefinite; take "
         "another");
  std::vector<double> told;
  two_sample_test(k, x, y, {.on_progress = [&](double f) { return told.push_back(f), true; }});
  REQUIRE(told.size() >= 2);
  CHECK(close(told.back(), 1));
  for (std::size_t last = 1; last <= told.size(); ++last) {
    std::size_t calls = 0;
    CHECK(
        two_sample_test(k, x, y, {.on_progress = [&](double) { return ++calls < last; }}).stopped);
  }
}

TEST_CASE("two_sample_test: how a caller reads it") {
  auto const trusted = bells(60, 3, 1, 0), cleaned = bells(80, 3, 2, 0.6);
  //! [two_sample_test]
  auto const kernel = limpid::kernels::gaussian(0.2);
  auto const r =
      limpid::kernel_mean::two_sample_test(kernel, trusted, cleaned, {.draws = 499, .alpha = 0.01});
  bool const cleaned_is_like_trusted = !r.reject;
  //! [two_sample_test]
  CHECK_FALSE(cleaned_is_like_trusted);
  CHECK(r.p_value <= 0.01);
}
