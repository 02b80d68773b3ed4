// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/mmd_agg.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/two_sample_test.hpp>

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
using limpid::matrix_view;
using limpid::kernel_mean::bandwidths_from;
using limpid::kernel_mean::mmd_agg;
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

}  // namespace

TEST_CASE("mmd_agg: bandwidths and statistics of the authors' own program") {
  // antoninschrab/mmdagg @baca0a9, mmdagg/np.py, executed on X and the first 6 rows of Y; the wild
  // bootstrap's statistics on all of Y, divided by n(n-1) = 56, which that program leaves out
  auto const g = limpid_test::golden("mmd_hsic.json");
  auto const x = limpid_test::to_matrix(g["X"]), y = limpid_test::to_matrix(g["Y"]);
  auto const fewer = limpid::matrix_view<double const>(y.view()).row_block(0, 6);
  double const width[] = {0.48231,
                          0.6677395317474066,
                          0.924459543153254,
                          1.2798784650216153,
                          1.7719422092163193,
                          2.45318542237476,
                          3.396340289909158,
                          4.702101708110536,
                          6.509877864449027,
                          9.012674000000002,
                          0.36330038216914945,
                          0.5014555148732801,
                          0.6921480013190572,
                          0.9553566398627168,
                          1.3186577257904322,
                          1.8201142120461584,
                          2.512263554143009,
                          3.46762204465178,
                          4.786282324848195,
                          6.606400062684666};
  double const mmd2[] = {
      0.06264890887644976, 0.08099019002511021, 0.09278256483203806,  0.09489682962976817,
      0.0881246303936099,  0.07585530157841999, 0.06173723286439174,  0.04830379919988339,
      0.03679281906312906, 0.02752916577706531, 0.06362726705661692,  0.09365737351803854,
      0.12270595248833187, 0.14553306336260138, 0.14998102973308883,  0.12230220300254871,
      0.07964030052496884, 0.0449472508707313,  0.023797941118227417, 0.012370742911016336};
  double const wild[] = {
      0.023893891724191076, 0.04238100322088494, 0.06702539726098301, 0.09004228776001323,
      0.10158744770492535,  0.09827677862547289, 0.08439369307030134, 0.06659182422724765,
      0.049647214683041826, 0.03567793977207944, 0.03208004514703218, 0.05169470857477382,
      0.07747337100318376,  0.12083903521144922, 0.17001813565827992, 0.17473741115046604,
      0.12408801950613278,  0.06716701032074639, 0.03214020552006376, 0.014924176862704893};
  auto const r = mmd_agg(x, fewer, {.draws = 50, .level_draws = 50});
  auto const w = mmd_agg(x, y, {.by = redraw::wild, .draws = 50, .level_draws = 50});
  REQUIRE(r.kernels.size() == 20);
  for (std::size_t s = 0; s < 20; ++s) {
    auto const& k = r.kernels[s].kernel;
    CHECK(k.kind == (s < 10 ? limpid::kernel_part::family::laplacian
                            : limpid::kernel_part::family::gaussian));
    CHECK(close(s < 10 ? 1 / k.gamma : 1 / std::sqrt(k.gamma), width[s]));
    CHECK(close(r.kernels[s].statistic, mmd2[s]));
    CHECK(close(w.kernels[s].statistic, wild[s]));
    CHECK(close(r.kernels[s].weight, 0.05));
  }
}

TEST_CASE("mmd_agg: quantiles, level and decision written out from the splits of single tests") {
  auto const x = bells(30, 2, 1, 0), y = bells(24, 2, 2, 0.9);
  std::size_t const b1 = 99, b2 = 150;
  std::vector<limpid::kernel_function> const some{kernels::gaussian(0.3), kernels::laplacian(2),
                                                  kernels::matern32(1)};
  std::vector<double> const weights{0.5, 0.2, 0.3};
  double const alpha = 0.1;
  auto const r = mmd_agg(x, y,
                         {.alpha = alpha,
                          .kernels = some,
                          .weights = weights,
                          .draws = b1,
                          .level_draws = b2,
                          .seed = 4});
  // the single tests draw the same splits
  std::vector<std::vector<double>> first(3), last(3);
  double statistic[3];
  for (std::size_t s = 0; s < 3; ++s) {
    auto const t = two_sample_test(some[s], x, y, {.draws = b1 + b2, .seed = 4});
    statistic[s] = t.statistic;
    first[s].assign(t.null_sample.begin(), t.null_sample.begin() + b1);
    first[s].push_back(t.statistic);
    std::sort(first[s].begin(), first[s].end());
    last[s].assign(t.null_sample.begin() + b1, t.null_sample.end());
  }
  auto const share = [&](double u) {
    double over = 0;
    for (std::size_t b = 0; b < b2; ++b) {
      bool some_rejects = false;
      for (std::size_t s = 0; s < 3; ++s) {
        auto const rank = static_cast<std::size_t>(std::ceil(100 * (1 - u * weights[s])));
        some_rejects = some_rejects || last[s][b] > first[s][rank - 1];
      }
      over += some_rejects;
    }
    return over / b2;
  };
  CHECK(share(r.level) <= alpha);
  CHECK(share(r.level) == r.level_share);
  CHECK(share(r.level + 1e-9) > alpha);  // as large as it may be
  bool reject = false;
  for (std::size_t s = 0; s < 3; ++s) {
    double p = 0;
    for (double t : first[s]) p += t >= statistic[s];
    CHECK(close(r.kernels[s].statistic, statistic[s]));
    CHECK(close(r.kernels[s].p_value, p / 100));
    CHECK(close(r.kernels[s].threshold, r.level * weights[s]));
    CHECK(r.kernels[s].reject == (p / 100 <= r.level * weights[s]));
    CHECK(r.kernels[s].reject == (statistic[s] > r.kernels[s].quantile));
    reject = reject || r.kernels[s].reject;
  }
  CHECK(r.reject == reject);
  CHECK(r.reject);
  CHECK(r.level > alpha);  // a Bonferroni correction would have alpha
}

TEST_CASE("mmd_agg: one kernel with weight 1 is the single test") {
  auto const x = bells(20, 1, 1, 0), y = bells(20, 1, 2, 0.4);
  auto const r = mmd_agg(
      x, y, {.alpha = 0.2, .kernels = {kernels::gaussian(1)}, .draws = 999, .level_draws = 999});
  auto const t = two_sample_test(kernels::gaussian(1), x, y, {.draws = 999});
  CHECK(close(r.kernels[0].p_value, t.p_value));
  CHECK(std::abs(r.level - 0.2) < 0.05);
}

TEST_CASE("mmd_agg: policies, float32, a pooled choice of bandwidths") {
  auto const x = bells(33, 3, 1, 0), y = bells(33, 3, 2, 0.3);
  limpid::matrix<float> fx(33, 3), fy(33, 3);
  for (std::size_t i = 0; i < 99; ++i) {
    fx.data()[i] = static_cast<float>(x.data()[i]);
    fy.data()[i] = static_cast<float>(y.data()[i]);
  }
  limpid_test::device_matrix<double> const dx(x.view()), dy(y.view());
  limpid::kernel_mean::mmd_agg_options const o{.bandwidths = 3,
                                               .distances = bandwidths_from::pooled,
                                               .by = redraw::wild,
                                               .draws = 60,
                                               .level_draws = 60};
  auto const r = mmd_agg(x, y, o);
  auto const same = [&](auto const& other, double within) {
    CHECK(other.level == r.level);
    for (std::size_t s = 0; s < 6; ++s) {
      CHECK(close(other.kernels[s].statistic, r.kernels[s].statistic, within));
      CHECK(close(other.kernels[s].quantile, r.kernels[s].quantile, within));
      CHECK(other.kernels[s].p_value == r.kernels[s].p_value);
    }
  };
  same(mmd_agg(limpid::seq, x, y, o), 1e-13);
  same(mmd_agg(limpid_test::device, dx, dy, o), 1e-13);
  same(mmd_agg(limpid::par_policy{.threads = 1}, x, y, o), 0);
  same(mmd_agg(limpid::par_policy{.threads = 3}, x, y, o), 0);
  same(mmd_agg(fx, fy, o), 1e-6);
  // pooled: the same for any split
  auto const swapped = mmd_agg(y, x, o);
  for (std::size_t s = 0; s < 6; ++s)
    CHECK(close(swapped.kernels[s].kernel.gamma, r.kernels[s].kernel.gamma));
}

TEST_CASE("mmd_agg: holds its level and finds what is there") {
  int level[2] = {}, power = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    auto const x = bells(12, 1, 2 * seed, 0), y = bells(9, 1, 2 * seed + 1, 0);
    for (int pooled = 0; pooled < 2; ++pooled)
      level[pooled] +=
          mmd_agg(x, y,
                  {.alpha = 0.1,
                   .bandwidths = 2,
                   .distances = pooled ? bandwidths_from::pooled : bandwidths_from::between,
                   .draws = 49,
                   .level_draws = 50,
                   .seed = seed})
              .reject;
    if (seed < 15)
      power +=
          mmd_agg(x, bells(14, 1, 2 * seed + 1, 2.5),
                  {.alpha = 0.1, .bandwidths = 2, .draws = 49, .level_draws = 50, .seed = seed})
              .reject;
  }
  for (int l : level) {  // binomial, 50 of 0.1: above 13 with probability 0.0003
    CHECK(l >= 1);
    CHECK(l <= 13);
  }
  CHECK(power >= 13);
}

TEST_CASE("mmd_agg: equal rows everywhere, few distances") {
  limpid::matrix<double> const same(5, 2, 1.0);
  auto const r = mmd_agg(same, same, {.draws = 20, .level_draws = 20});
  CHECK_FALSE(r.reject);
  for (auto const& k : r.kernels) CHECK(k.p_value == 1);
  CHECK_FALSE(mmd_agg(rows_t{{1}, {2}}, rows_t{{1}, {2}}, {.draws = 20, .level_draws = 20}).reject);
  // what overflows says nothing
  rows_t const huge{{1e200}, {2e200}, {3}};
  CHECK_FALSE(mmd_agg(huge, rows_t{{3}, {4}, {5}},
                      {.kernels = {kernels::linear()}, .draws = 20, .level_draws = 20})
                  .reject);
}

TEST_CASE("mmd_agg: bandwidths of many rows are from rows all over the sample") {
  auto const rows = limpid::matrix<double>(1401, 1);
  matrix_view<double const> const all = rows.view();
  CHECK(limpid::kernel_mean::detail::some_rows(all, 1401).rows == 1401);
  auto const some = limpid::kernel_mean::detail::some_rows(all, 1400);
  CHECK(some.rows == 701);
  CHECK(&some(700, 0) == &all(1400, 0));
  CHECK(limpid::kernel_mean::detail::some_rows(all, 500).rows == 467);
}

TEST_CASE("mmd_agg: bad input, progress") {
  rows_t const x{{1}, {2}}, y{{1}, {2}, {3}};
  auto const throws = [&](limpid::kernel_mean::mmd_agg_options const& o, char const* words) {
    CHECK_THROWS_WITH_AS(mmd_agg(x, y, o), words, input_error);
  };
  throws({.alpha = 0}, "kernel_mean::mmd_agg: alpha is 0; it must be in (0, 1)");
  throws({.bandwidths = 1}, "kernel_mean::mmd_agg: bandwidths is 1; it must be at least 2");
  throws({.kernels = {kernels::gaussian(-1)}},
         "kernel_mean::mmd_agg: kernel gamma is -1; it must be above 0 and finite");
  throws({.kernels = {kernels::sigmoid(1)}},
         "kernel_mean::mmd_agg: the sigmoid kernel is not positive semidefinite; take another");
  throws({.weights = {1}}, "kernel_mean::mmd_agg: weights has 1 elements; there are 20 kernels");
  throws({.kernels = {kernels::gaussian(1)}, .weights = {0}},
         "kernel_mean::mmd_agg: weights element 0 is 0; it must be above 0");
  throws({.kernels = {kernels::gaussian(1)}, .weights = {1.5}},
         "kernel_mean::mmd_agg: weights sum to 1.5; they must not sum to more than 1");
  throws({.by = redraw::wild_series},
         "kernel_mean::mmd_agg: by is wild_series; it must be permutation or wild");
  throws({.by = redraw::wild},
         "kernel_mean::mmd_agg: x has 2 rows, y has 3; the wild bootstrap takes pairs of rows");
  throws({.draws = 0}, "kernel_mean::mmd_agg: draws is 0; it must be at least 1");
  throws({.level_draws = 0}, "kernel_mean::mmd_agg: level_draws is 0; it must be at least 1");
  throws({.bisections = 0}, "kernel_mean::mmd_agg: bisections is 0; it must be in 1..50");
  throws({.bisections = 51}, "kernel_mean::mmd_agg: bisections is 51; it must be in 1..50");
  CHECK_NOTHROW(mmd_agg(x, y, {.bandwidths = 2, .draws = 1, .level_draws = 1, .bisections = 1}));
  CHECK_THROWS_WITH_AS(mmd_agg(rows_t{{1}}, y),
                       "kernel_mean::mmd_agg: x has 1 rows; it needs at least 2", input_error);
  CHECK_THROWS_WITH_AS(mmd_agg(rows_t{{1}, {0.0 / 0.0}}, y),
                       "kernel_mean::mmd_agg: x row 1 has an entry that is not finite",
                       input_error);
  std::size_t calls = 0;
  auto const r = mmd_agg(x, y, {.on_progress = [&](double) { return ++calls < 30; }});
  CHECK(r.stopped);
  CHECK(calls == 30);
  CHECK(r.kernels.empty());
}

TEST_CASE("mmd_agg: how a caller reads it") {
  auto const trusted = bells(30, 3, 1, 0), cleaned = bells(40, 3, 2, 0.9);
  //! [mmd_agg]
  auto const r = limpid::kernel_mean::mmd_agg(trusted, cleaned, {.draws = 200, .level_draws = 200});
  std::size_t rejecting = 0;
  for (auto const& k : r.kernels) rejecting += k.reject;
  //! [mmd_agg]
  CHECK(r.reject);
  CHECK(rejecting >= 1);
}
