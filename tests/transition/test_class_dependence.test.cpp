// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/test_class_dependence.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "support/shared_data.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::test_class_dependence;
using limpid::transition::test_class_dependence_options;
using limpid::transition::test_class_dependence_result;
using flags = limpid::vector<std::uint8_t>;

struct rows {
  std::vector<int> truth, region, y;
  void add(int z, int r, int label, int times) {
    for (int i = 0; i < times; ++i) truth.push_back(z), region.push_back(r), y.push_back(label);
  }
};

/// Labels by T[class], shifted by `drift` in region 1.
rows make_rows(std::size_t n, double drift, std::uint64_t seed) {
  rows out;
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    int const z = static_cast<int>(draw.below(2)), r = static_cast<int>(draw.below(3));
    double const keep = (z ? 0.7 : 0.85) - (r == 1 ? drift : 0);
    out.add(z, r, draw.uniform() < keep ? z : 1 - z, 1);
  }
  return out;
}

test_class_dependence_result test(rows const& d, std::size_t classes, std::size_t regions,
                                  test_class_dependence_options const& options = {}) {
  return test_class_dependence(d.truth, d.region, d.y, classes, regions, options);
}

bool same(test_class_dependence_result const& a, test_class_dependence_result const& b) {
  return a.counts == b.counts && a.homogeneity.statistic == b.homogeneity.statistic &&
         a.permutation.p_value == b.permutation.p_value &&
         a.permutation.null_mean == b.permutation.null_mean &&
         a.monte_carlo.null_mean == b.monte_carlo.null_mean &&
         a.student.p_value == b.student.p_value;
}

TEST_CASE("test_class_dependence: noise of the class, and of the region too") {
  //! [call]
  auto const by_class = make_rows(1000, 0, 0);     // labels depend on the class alone
  auto const by_region = make_rows(1000, 0.3, 0);  // and here on the region as well
  auto const a = limpid::transition::test_class_dependence(by_class.truth, by_class.region,
                                                           by_class.y, 2, 3, {.permutations = 199});
  auto const b = limpid::transition::test_class_dependence(
      by_region.truth, by_region.region, by_region.y, 2, 3, {.permutations = 199});
  // a.rejected is false, b.rejected is true
  //! [call]
  CHECK_FALSE(a.rejected);
  CHECK(b.rejected);
  for (auto const* test : {&a.homogeneity, &a.likelihood_ratio, &a.permutation, &a.monte_carlo})
    CHECK(test->p_value > 0.05);
  CHECK(a.bootstrap_p_value > 0.05);
  for (auto const* test : {&b.homogeneity, &b.likelihood_ratio}) CHECK(test->p_value < 1e-6);
  CHECK(b.permutation.p_value == doctest::Approx(1.0 / 200));
  CHECK(b.monte_carlo.p_value == doctest::Approx(1.0 / 200));
  CHECK(b.bootstrap_p_value == doctest::Approx(1.0 / 200));
  CHECK(b.student.p_value < a.student.p_value);
  CHECK(b.homogeneity.degrees == 4);
  // T has two rates, .15 and .3: not one
  CHECK(a.symmetric.p_value < 1e-6);
  CHECK(a.symmetric.degrees == 1);
  // under the null X^2 has its degrees of freedom as mean
  CHECK(b.permutation.null_mean == doctest::Approx(4).epsilon(0.15));
  CHECK(b.permutation.null_largest < b.permutation.statistic);
}

// golden: scipy 1.10.1 chi2_contingency and chi2.sf
TEST_CASE("test_class_dependence: the numbers of another program") {
  auto const e = limpid_test::golden("transition_misc.json")["class_vs_instance_dependence_tests"];
  auto const tables = e["tables_[clean][cluster][noisy]"];
  rows d;
  for (int k = 0; k < 2; ++k)
    for (int c = 0; c < 3; ++c)
      for (int j = 0; j < 3; ++j) {
        auto const cell = tables[static_cast<std::size_t>(k)][static_cast<std::size_t>(c)]
                                [static_cast<std::size_t>(j)];
        d.add(k, c, j, cell.get<int>());
      }
  auto const r = test(d, 3, 3);
  for (std::size_t k = 0; k < 2; ++k) {
    auto const of_class = e["per_class"][k];
    CHECK(r.class_homogeneity[k] == doctest::Approx(of_class["chi2"].get<double>()).epsilon(1e-12));
    CHECK(r.class_likelihood_ratio[k] ==
          doctest::Approx(of_class["G"].get<double>()).epsilon(1e-12));
    CHECK(r.class_degrees[k] == 4);
    CHECK(r.class_p_value[k] == doctest::Approx(of_class["p_chi2"].get<double>()).epsilon(1e-10));
  }
  auto const pooled = e["pooled"];
  CHECK(r.homogeneity.statistic == doctest::Approx(pooled["chi2"].get<double>()).epsilon(1e-12));
  CHECK(r.homogeneity.degrees == 8);
  CHECK(r.homogeneity.p_value == doctest::Approx(pooled["p_chi2"].get<double>()).epsilon(1e-10));
  CHECK(r.likelihood_ratio.statistic == doctest::Approx(pooled["G"].get<double>()).epsilon(1e-12));
  CHECK(r.likelihood_ratio.p_value == doctest::Approx(pooled["p_G"].get<double>()).epsilon(1e-10));
  CHECK(std::abs(r.permutation.p_value - r.homogeneity.p_value) < 0.05);
  CHECK(std::abs(r.bootstrap_p_value - r.likelihood_ratio.p_value) < 0.1);
  CHECK(r.class_tested == flags{1, 1, 0});
  CHECK(r.class_p_value[2] == 1);

  auto const one = e["lrt_symmetric_vs_class_dependent"];
  rows s;
  for (int k = 0; k < 3; ++k)
    for (int j = 0; j < 3; ++j)
      s.add(k, 0, j,
            static_cast<int>(one["counts"][static_cast<std::size_t>(k)][static_cast<std::size_t>(j)]
                                 .get<double>()));
  auto const t = test(s, 3, 1);
  CHECK(t.symmetric.statistic == doctest::Approx(one["G"].get<double>()).epsilon(1e-12));
  CHECK(t.symmetric.degrees == 5);
  CHECK(t.symmetric.p_value == doctest::Approx(one["p"].get<double>()).epsilon(1e-10));
  CHECK_FALSE(t.rejected);  // one region: nothing to compare
  CHECK(t.homogeneity.p_value == 1);
}

// tails by numerical integration of the densities, and by closed forms
TEST_CASE("test_class_dependence: chi-square and Student tails") {
  using limpid::transition::detail::chi_square_tail;
  using limpid::transition::detail::student_tail;
  for (double x : {0.01, 1.0, 3.0, 20.0, 200.0}) {
    CHECK(chi_square_tail(x, 2) == doctest::Approx(std::exp(-x / 2)).epsilon(1e-12));
    CHECK(chi_square_tail(x, 1) == doctest::Approx(std::erfc(std::sqrt(x / 2))).epsilon(1e-11));
    CHECK(chi_square_tail(x, 4) == doctest::Approx(std::exp(-x / 2) * (1 + x / 2)).epsilon(1e-12));
    // one degree: Cauchy; two: algebraic
    CHECK(student_tail(x, 1) == doctest::Approx(2 / M_PI * std::atan(1 / x)).epsilon(1e-11));
    CHECK(student_tail(-x, 2) == doctest::Approx(1 - x / std::sqrt(2 + x * x)).epsilon(1e-9));
  }
  CHECK(chi_square_tail(0, 3) == 1);
  CHECK(chi_square_tail(810, 810) == doctest::Approx(0.4934).epsilon(1e-3));
}

// the published table: S(1,2) and S(1,3) of random annotators as regions of each other
TEST_CASE("test_class_dependence: CIFAR-10N, a second annotator as regions") {
  auto const folder = limpid_test::shared_data("cifar10n");
  if (folder.empty()) return;
  auto const column = [&](std::string const& name) {
    std::ifstream in(folder + "/" + name + ".npy", std::ios::binary);
    in.seekg(128);
    std::vector<char> bytes(50000);
    in.read(bytes.data(), 50000);
    return std::vector<int>(bytes.begin(), bytes.end());
  };
  auto const clean = column("clean"), first = column("random1");
  test_class_dependence_options const few{.permutations = 20, .redraws = 10};
  auto const r = test_class_dependence(clean, column("random2"), first, 10, 10, few);
  CHECK(r.homogeneity.statistic == doctest::Approx(3134.844354683325).epsilon(1e-12));
  CHECK(r.homogeneity.degrees == 810);
  CHECK(r.permutation.null_mean == doctest::Approx(810).epsilon(0.1));
  CHECK(r.permutation.null_largest < 1200);
  CHECK(r.rejected);
  auto const s = test_class_dependence(clean, column("random3"), first, 10, 10, few);
  CHECK(s.homogeneity.statistic == doctest::Approx(2976.305680).epsilon(1e-9));
  // the released counts of random_label1, an airplane's
  double airplanes = 0;
  for (std::size_t v = 0; v < 10; ++v) airplanes += r.counts(v, 0);
  CHECK(airplanes == 4242);
}

// exactness of the permutation test: p is uniform where labels and regions are independent
TEST_CASE("test_class_dependence: the level is kept") {
  std::size_t below = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto const d = make_rows(60, 0, seed);  // small cells: X^2 is not chi-square
    below +=
        test(d, 2, 3, {.permutations = 39, .redraws = 1, .compared = 1, .seed = seed}).rejected;
  }
  CHECK(below <= 9);  // 3 expected
}

TEST_CASE("test_class_dependence: policies, missing rows, degenerate tables, stopping") {
  auto d = make_rows(2100, 0.1, 4);
  for (std::size_t i = 0; i < 2100; i += 7) d.truth[i] = -1;
  for (std::size_t i = 3; i < 2100; i += 11) d.region[i] = -5;
  test_class_dependence_options const few{.permutations = 19, .redraws = 10};
  auto const r = test(d, 2, 3, few);
  rows left;
  for (std::size_t i = 0; i < 2100; ++i)
    if (d.truth[i] >= 0 && d.region[i] >= 0) left.add(d.truth[i], d.region[i], d.y[i], 1);
  CHECK(same(test(left, 2, 3, few), r));
  auto const run = [&](auto const& exec) {
    return test_class_dependence(exec, d.truth, d.region, d.y, 2, 3, few);
  };
  CHECK(same(run(limpid::seq), r));
  for (int threads : {1, 3}) CHECK(same(run(limpid::par_policy{.threads = threads}), r));
  auto const on_device = [&](std::vector<int> const& v) {
    return limpid_test::device_vector<int>(limpid::vector_view<int const>(v.data(), v.size()));
  };
  auto const z = on_device(d.truth), c = on_device(d.region), y = on_device(d.y);
  CHECK(same(test_class_dependence(limpid_test::device, z, c, y, 2, 3, few), r));
  auto other = few;
  other.seed = 1;
  CHECK_FALSE(same(test(d, 2, 3, other), r));

  rows perfect;  // every label right: nothing to test, and nothing divides by zero
  for (int k = 0; k < 2; ++k)
    for (int v = 0; v < 3; ++v) perfect.add(k, v, k, 4);
  auto const p = test(perfect, 2, 3);
  CHECK_FALSE(p.rejected);
  CHECK(p.class_tested == flags{0, 0});
  CHECK(p.permutation.p_value == 1);
  CHECK(p.monte_carlo.p_value == 1);
  CHECK(p.student.p_value == 1);
  CHECK(p.symmetric.statistic == 0);
  rows one;
  one.add(0, 0, 0, 1);
  auto const single = test(one, 1, 1);
  CHECK(single.symmetric.p_value == 1);
  CHECK(single.permutation.p_value == 1);

  auto const stopped =
      test(d, 2, 3, {.permutations = 50, .on_progress = [](double f) { return f < 0.1; }});
  CHECK(stopped.stopped);
  CHECK(stopped.monte_carlo.p_value == 1);
  CHECK(stopped.permutation.p_value >= 1.0 / 26);
  CHECK(stopped.small_expected == 0);
}

TEST_CASE("test_class_dependence: bad input") {
  std::vector<int> const z{0, 1}, c{0, 1}, y{1, 0};
  using limpid::input_error;
  auto const run = [&](auto const& truth, auto const& region, auto const& labels,
                       std::size_t classes, std::size_t regions,
                       test_class_dependence_options const& options = {}) {
    return test_class_dependence(truth, region, labels, classes, regions, options);
  };
  CHECK_NOTHROW((void)run(z, c, y, 2, 2));
  CHECK_THROWS_WITH_AS((void)run(z, c, y, 0, 2),
                       "transition::test_class_dependence: classes is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)run(z, c, y, 2, 0),
      "transition::test_class_dependence: regions is 0; need at least 1, and fewer "
      "than 2^31 classes times regions",
      input_error);
  CHECK_THROWS_WITH_AS((void)run(z, std::vector{0}, y, 2, 2),
                       "transition::test_class_dependence: truth has 2 rows, region has 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)run(z, c, std::vector{0}, 2, 2),
                       "transition::test_class_dependence: truth has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)run(std::vector{0, 2}, c, y, 2, 2),
                       "transition::test_class_dependence: truth row 1 is 2; labels must be 0..1, "
                       "or negative for unlabelled",
                       input_error);
  CHECK_THROWS_WITH_AS((void)run(z, c, std::vector{0, -1}, 2, 2),
                       "transition::test_class_dependence: y row 1 is -1; labels must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)run(std::vector{-1, 1}, std::vector{0, -1}, y, 2, 2),
                       "transition::test_class_dependence: no row has a class and a region",
                       input_error);
  CHECK_THROWS_WITH_AS((void)run(z, c, y, 2, 2, {.level = 1}),
                       "transition::test_class_dependence: options.level is 1; need (0, 1)",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)run(z, c, y, 2, 2, {.permutations = 0}),
      "transition::test_class_dependence: options.permutations is 0; need at least 1", input_error);
  CHECK_THROWS_WITH_AS((void)run(z, c, y, 2, 2, {.redraws = 0}),
                       "transition::test_class_dependence: options.redraws is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)run(z, c, y, 2, 2, {.redraws = 5, .compared = 6}),
                       "transition::test_class_dependence: options.compared is 6; need 1..5, the "
                       "redraws",
                       input_error);
}

}  // namespace
