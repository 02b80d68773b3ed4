// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/polynomial_margin.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/noise/symmetric.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

using limpid::matrix;
using limpid::noise::pmd_rule;
using limpid::noise::pmd_type;
using limpid::noise::polynomial_margin;
namespace d_ = limpid::noise::detail;

matrix<double> posteriors(std::size_t n, std::size_t K, std::uint64_t seed = 1001) {
  matrix<double> p(n, K);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += p(i, k) = std::pow(draw.uniform(), 3);
    for (std::size_t k = 0; k < K; ++k) p(i, k) /= sum;
  }
  return p;
}

// golden: formulas of the paper, and of pxiangwu/PLC 8c2bcfd utils.py label_noise
TEST_CASE("the flip probability of a row is the paper's, and the released code's") {
  auto const g = limpid_test::golden("noise_generators.json")["expected"]["pmd"];
  auto const eta = limpid_test::to_matrix(g["eta"]);
  char const* const paper[] = {"tau_type1", "tau_type2", "tau_type3"};
  char const* const code[] = {"type1", "type2", "type3"};
  for (int type = 0; type < 3; ++type) {
    auto const want = g[paper[type]].get<std::vector<double>>();
    auto const keep = g["repo_P(keep top)"][code[type]].get<std::vector<double>>();
    for (std::size_t i = 0; i < eta.rows(); ++i) {
      d_::margin_law<double, limpid::memory_space::host> law{
          eta.view(), static_cast<pmd_type>(type), pmd_rule::paper};
      auto const pair = law(i);
      CHECK(pair.first == g["top"][i].get<int>());
      CHECK(pair.second == g["second"][i].get<int>());
      CHECK(std::abs(pair.flip - want[i]) < 1e-12);
      law.rule = pmd_rule::released_code;
      CHECK(std::abs(1 - law(i).flip - keep[i]) < 1e-12);
    }
  }
}

TEST_CASE("ties go to the lowest class") {
  matrix<double> const eta{
      {0.2, 0.4, 0.4}, {0.25, 0.5, 0.25}, {0.25, 0.25, 0.5}, {1 / 3., 1 / 3., 1 / 3.}};
  int const want[][2] = {{1, 2}, {1, 0}, {2, 0}, {0, 1}};
  d_::margin_law<double, limpid::memory_space::host> const law{eta.view(), pmd_type::type1,
                                                               pmd_rule::paper};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(law(i).first == want[i][0]);
    CHECK(law(i).second == want[i][1]);
  }
}

TEST_CASE("draws follow the margins, meet the rate, and go to the second class only") {
  auto const eta = posteriors(40000, 4);
  //! [polynomial_margin]
  auto const noisy = limpid::noise::polynomial_margin(
      eta, {.type = limpid::noise::pmd_type::type2, .rate = 0.35, .seed = 1});
  // noisy.truth, noisy.labels; noisy.factor scales the formula's probabilities to the rate
  //! [polynomial_margin]
  CHECK(noisy.reached);
  CHECK(noisy.margin_rate == doctest::Approx(0.35).epsilon(1e-9));
  CHECK(std::abs(noisy.realised_rate - 0.35) < 4 * std::sqrt(0.35 * 0.65 / 40000));
  double flips[2] = {}, rows[2] = {};
  for (std::size_t i = 0; i < 40000; ++i) {
    std::size_t best = 0, next = 4;
    for (std::size_t k = 1; k < 4; ++k)
      if (eta(i, k) > eta(i, best)) best = k;
    for (std::size_t k = 0; k < 4; ++k)
      if (k != best && (next == 4 || eta(i, k) > eta(i, next))) next = k;
    auto const label = static_cast<std::size_t>(noisy.labels[i]);
    REQUIRE(noisy.truth[i] == static_cast<int>(best));
    REQUIRE((label == best || label == next));
    int const far = eta(i, best) - eta(i, next) > 0.4;
    flips[far] += label != best;
    rows[far] += 1;
  }
  CHECK(flips[0] / rows[0] > 1.2 * flips[1] / rows[1]);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      CHECK(std::abs(noisy.realised(i, j) - noisy.expected(i, j)) < 0.02);
}

TEST_CASE("a rate at which some probabilities reach 1, and one that cannot be met") {
  auto const eta = posteriors(5000, 3);
  auto const high = polynomial_margin(eta, {.type = pmd_type::type1, .rate = 0.8});
  CHECK(high.reached);
  CHECK(high.margin_rate == doctest::Approx(0.8).epsilon(1e-9));
  matrix<double> sure(10, 2);
  for (std::size_t i = 0; i < 10; ++i) sure(i, 0) = i < 8 ? 1 : 0.6, sure(i, 1) = 1 - sure(i, 0);
  auto const low = polynomial_margin(sure, {.rate = 0.3});
  CHECK_FALSE(low.reached);
  CHECK(low.margin_rate == doctest::Approx(0.2));  // two rows have a margin below 1
  CHECK(low.realised_rate == doctest::Approx(0.2));
  auto const none = polynomial_margin(matrix<double>{{1, 0}, {0, 1}}, {.rate = 0.3});
  CHECK(none.realised_rate == 0);
  CHECK_FALSE(none.reached);
  CHECK(polynomial_margin(matrix<double>(0, 3), {.rate = 0.3}).labels.empty());
}

TEST_CASE("hybrid noise is the one law after the other") {
  auto const eta = posteriors(60000, 3);
  auto const then = limpid::noise::symmetric_transition(3, 0.3);
  auto const first = polynomial_margin(eta, {.rate = 0.3, .seed = 4});
  auto const r = polynomial_margin(eta, {.rate = 0.3, .then = then, .seed = 4});
  CHECK(r.margin_rate == first.margin_rate);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      double both = 0;
      for (std::size_t k = 0; k < 3; ++k) both += first.expected(i, k) * then(k, j);
      CHECK(r.expected(i, j) == doctest::Approx(both).epsilon(1e-12));
      CHECK(std::abs(r.realised(i, j) - both) < 4 * 0.5 / std::sqrt(20000 / 1.5));
    }
}

TEST_CASE_TEMPLATE("PMD noise is the same under every policy and any strides", T, float, double) {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const wide = posteriors(n, 3);
  matrix<T> eta(n, 3), turned(3, n);
  for (std::size_t i = 0; i < 3 * n; ++i)
    turned(i % 3, i / 3) = eta.data()[i] = static_cast<T>(wide.data()[i]);
  auto const r = polynomial_margin(eta, {.rate = 0.3, .seed = 2});
  CHECK(polynomial_margin(limpid::seq, eta, {.rate = 0.3, .seed = 2}).labels == r.labels);
  CHECK(polynomial_margin(turned.view().transposed(), {.rate = 0.3, .seed = 2}).labels == r.labels);
  CHECK(polynomial_margin(eta, {.rate = 0.3, .seed = 3}).labels != r.labels);
  for (int threads : {1, 3}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(polynomial_margin(par, eta, {.rate = 0.3, .seed = 2}).labels == r.labels);
  }
  limpid_test::device_matrix<T> const far(std::as_const(eta).view());
  CHECK(polynomial_margin(limpid_test::device, far, {.rate = 0.3, .seed = 2}).labels == r.labels);
}

TEST_CASE("polynomial_margin says what is wrong with its input") {
  using limpid::input_error;
  matrix<double> const eta{{0.5, 0.5}};
  CHECK_THROWS_WITH_AS((void)polynomial_margin(matrix<double>(3, 1, 1.0)),
                       "noise::polynomial_margin: eta has 1 columns; a margin needs two classes",
                       input_error);
  CHECK_THROWS_WITH_AS((void)polynomial_margin(eta, {.rate = 1}),
                       "noise::polynomial_margin: rate is 1; it must be in (0, 1)", input_error);
  CHECK_NOTHROW((void)polynomial_margin(eta, {.rate = 0.999}));
  CHECK_THROWS_WITH_AS((void)polynomial_margin(eta, {.then = matrix<double>::identity(3)}),
                       "noise::polynomial_margin: then is 3 x 3; it must be K x K, K = 2",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)polynomial_margin(eta, {.then = matrix<double>(2, 2, 0.4)}),
      "noise::polynomial_margin: then row 0 sums to 0.8; rows must be probability distributions "
      "(tolerance 1e-3)",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)polynomial_margin(matrix<double>{{0.5, 0.7}}),
      "noise::polynomial_margin: eta row 0 sums to 1.2; rows must be probability distributions "
      "(tolerance 1e-3)",
      input_error);
}

}  // namespace
