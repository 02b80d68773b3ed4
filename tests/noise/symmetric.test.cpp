// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/symmetric.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

using limpid::matrix;
using limpid::noise::symmetric;
using limpid::noise::symmetric_transition;

std::vector<int> cycle(std::size_t n, int K) {
  std::vector<int> y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<int>(i) % K;
  return y;
}

/// P(chi square this large or larger) of labels against T, rows of T without zeros.
double fit_of(std::vector<int> const& before, limpid::vector<std::int32_t> const& after,
              matrix<double> const& t) {
  std::size_t const K = t.rows();
  matrix<double> counts(K, K);
  std::vector<double> rows(K);
  for (std::size_t i = 0; i < before.size(); ++i) {
    ++counts(static_cast<std::size_t>(before[i]), static_cast<std::size_t>(after[i]));
    ++rows[static_cast<std::size_t>(before[i])];
  }
  double chi = 0;
  for (std::size_t i = 0; i < K; ++i)
    for (std::size_t j = 0; j < K; ++j)
      chi += std::pow(counts(i, j) - rows[i] * t(i, j), 2) / (rows[i] * t(i, j));
  return boost::math::cdf(
      boost::math::complement(boost::math::chi_squared(static_cast<double>(K * (K - 1))), chi));
}

TEST_CASE("symmetric noise follows its matrix, in both conventions of the rate") {
  auto const labels = cycle(50000, 5);
  //! [symmetric]
  auto const noisy =
      limpid::noise::symmetric(labels, 5, {.rate = 0.4, .seed = 1});  // 40 % are wrong
  auto const redrawn = limpid::noise::symmetric(
      labels, 5, {.rate = 0.4, .seed = 1, .includes_own_class = true});  // 32 %
  //! [symmetric]

  CHECK(std::abs(noisy.realised_rate - 0.4) < 0.01);
  CHECK(std::abs(redrawn.realised_rate - 0.32) < 0.01);
  for (bool own : {false, true}) {
    auto const& r = own ? redrawn : noisy;
    double const p = fit_of(labels, r.labels, symmetric_transition(5, 0.4, own));
    CHECK(p > 1e-4);
    CHECK(p < 1 - 1e-4);
    CHECK(r.expected == symmetric_transition(5, 0.4, own));
  }
}

TEST_CASE("symmetric matrices are the published ones") {
  auto const golden = limpid_test::golden("noise_generators.json")["expected"]["matrices"];
  for (bool own : {false, true}) {
    auto const t = symmetric_transition(5, 0.4, own);
    auto const& g = golden[own ? "symmetric_inclusive_K5_0.4" : "symmetric_exclusive_K5_0.4"];
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = 0; j < 5; ++j) CHECK(std::abs(t(i, j) - g[i][j].get<double>()) < 1e-12);
  }
}

TEST_CASE("rate 0 changes nothing, rate 1 everything; two classes swap; one class stays") {
  auto const labels = cycle(4097, 3);
  auto const none = symmetric(labels, 3, {.rate = 0});
  auto const all = symmetric(labels, 3, {.rate = 1});
  for (std::size_t i = 0; i < labels.size(); ++i) {
    CHECK(none.labels[i] == labels[i]);
    CHECK(all.labels[i] != labels[i]);
  }
  CHECK(none.realised == matrix<double>::identity(3));
  CHECK(all.realised_rate == 1);
  auto const two = symmetric(std::vector<int>{0, 1, 0}, 2, {.rate = 1});
  CHECK(two.labels == limpid::vector<std::int32_t>{1, 0, 1});
  CHECK(symmetric(std::vector<int>{0, 0}, 1, {.rate = 0}).realised_rate == 0);
  CHECK(
      symmetric(std::vector<int>{0, 0}, 1, {.rate = 1, .includes_own_class = true}).realised_rate ==
      0);
  CHECK(symmetric(std::vector<int>{}, 2).realised_rate == 0);
}

TEST_CASE("symmetric noise is the same under every policy") {
  auto const labels = cycle(2049, 4);
  auto const r = symmetric(labels, 4, {.rate = 0.5, .seed = 3});
  CHECK(symmetric(limpid::seq, labels, 4, {.rate = 0.5, .seed = 3}).labels == r.labels);
  for (int threads : {1, 2, 3, 7}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(symmetric(par, labels, 4, {.rate = 0.5, .seed = 3}).labels == r.labels);
  }
  limpid_test::device_vector<int> const far(
      limpid::vector_view<int const>(labels.data(), labels.size()));
  CHECK(symmetric(limpid_test::device, far, 4, {.rate = 0.5, .seed = 3}).labels == r.labels);
}

TEST_CASE("symmetric says what is wrong with its input") {
  using limpid::input_error;
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)symmetric(y, 2, {.rate = 1.01}),
                       "noise::symmetric: rate is 1.01; it must be in [0, 1]", input_error);
  CHECK_THROWS_AS((void)symmetric(y, 2, {.rate = -0.01}), input_error);
  CHECK_THROWS_AS((void)symmetric(y, 2, {.rate = std::numeric_limits<double>::quiet_NaN()}),
                  input_error);
  CHECK_NOTHROW((void)symmetric(y, 2, {.rate = 1}));
  CHECK_THROWS_WITH_AS((void)symmetric(std::vector<int>{0}, 1, {.rate = 0.1}),
                       "noise::symmetric: classes is 1; labels cannot change among one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)symmetric(y, 0),
                       "noise::symmetric: classes is 0; give the number of classes", input_error);
  CHECK_THROWS_WITH_AS(
      (void)symmetric(std::vector<int>{0, 2}, 2),
      "noise::symmetric: labels row 1 is 2; labels must be 0..1, or negative for unlabelled",
      input_error);
}

}  // namespace
