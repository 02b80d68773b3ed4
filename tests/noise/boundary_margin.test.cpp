// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/boundary_margin.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::noise::boundary_margin;
using limpid::noise::boundary_rule;

struct sample {
  matrix<double> s;
  std::vector<int> y;
};
sample scores(std::size_t n, std::size_t K) {
  sample out{matrix<double>(n, K), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(78, 0, i);
    out.y[i] = static_cast<int>(i % K);
    for (std::size_t k = 0; k < K; ++k) out.s(i, k) = draw.uniform() + (k == i % K ? 0.4 : 0);
  }
  return out;
}

TEST_CASE("the smallest margins change, to the class across the boundary") {
  //! [boundary_margin]
  limpid::matrix<double> const scores{
      {0.9, 0.1, 0.0}, {0.2, 0.45, 0.35}, {0.3, 0.4, 0.3}, {0.0, 0.6, 0.4}};
  auto const noisy =
      limpid::noise::boundary_margin(scores, std::vector<int>{0, 1, 0, 2}, {.rate = 0.5});
  // margins 0.8, 0.1, 0.1 (its own class is not the largest) and 0.2: rows 1 and 2 change
  //! [boundary_margin]
  CHECK(noisy.labels == limpid::vector<std::int32_t>{0, 2, 1, 2});
  CHECK(noisy.margin[2] == doctest::Approx(0.1));
  CHECK(noisy.realised_rate == 0.5);
  CHECK(noisy.expected == noisy.realised);
}

TEST_CASE("probabilistic: probabilities fall with the margin and have the mean asked for") {
  auto const [s, y] = scores(50000, 3);
  for (double rate : {0.1, 0.6}) {
    auto const r =
        boundary_margin(s, y, {.rule = boundary_rule::probabilistic, .rate = rate, .seed = 1});
    CHECK(r.reached);
    CHECK(std::abs(r.realised_rate - rate) < 4 * 0.5 / std::sqrt(50000));
    double law = 0;
    for (std::size_t i = 0; i < 3; ++i) law += (1 - r.expected(i, i)) / 3;
    CHECK(law == doctest::Approx(rate).epsilon(1e-4));
    double flips[2] = {}, rows[2] = {};
    for (std::size_t i = 0; i < 50000; ++i) {
      int const far = r.margin[i] > 0.3;
      flips[far] += r.flipped[i];
      rows[far] += 1;
    }
    CHECK(flips[0] / rows[0] > 1.5 * flips[1] / rows[1]);
    if (rate == 0.1) {  // no probability is cut: they are exp(-(m / 0.25)^2) times one factor
      double sum = 0, near = 0, hit = 0;
      for (std::size_t i = 0; i < 50000; ++i) {
        double const v = std::exp(-std::pow(r.margin[i] / 0.25, 2));
        sum += v;
        if (r.margin[i] < 0.05) near += v, hit += r.flipped[i];
      }
      CHECK(std::abs(hit - near * 0.1 * 50000 / sum) < 4.5 * std::sqrt(hit));
    }
  }
}

TEST_CASE("rates 0 and 1, margins too large, unlabelled rows, no rows") {
  auto [s, y] = scores(300, 2);
  y[7] = -1;
  for (auto rule : {boundary_rule::smallest_margin, boundary_rule::probabilistic}) {
    CHECK(boundary_margin(s, y, {.rule = rule, .rate = 0}).realised_rate == 0);
    auto const all = boundary_margin(s, y, {.rule = rule, .rate = 1});
    CHECK(all.realised_rate == 1);
    CHECK(all.labels[7] == -1);
    CHECK(std::isnan(all.margin[7]));
    CHECK(boundary_margin(matrix<double>(0, 2), std::vector<int>{}, {.rule = rule}).labels.empty());
  }
  auto const far = boundary_margin(matrix<double>{{1000, 0}, {0, 0.1}}, std::vector<int>{0, 1},
                                   {.rule = boundary_rule::probabilistic, .rate = 0.9});
  CHECK_FALSE(far.reached);
  CHECK(far.labels == limpid::vector<std::int32_t>{0, 0});
}

TEST_CASE_TEMPLATE("the same under every policy and any strides", T, float, double) {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const [wide, y] = scores(n, 3);
  matrix<T> s(n, 3), turned(3, n);
  for (std::size_t i = 0; i < 3 * n; ++i)
    turned(i % 3, i / 3) = s.data()[i] = static_cast<T>(wide.data()[i]);
  for (auto rule : {boundary_rule::smallest_margin, boundary_rule::probabilistic}) {
    auto const r = boundary_margin(s, y, {.rule = rule, .seed = 2});
    CHECK(boundary_margin(limpid::seq, s, y, {.rule = rule, .seed = 2}).labels == r.labels);
    CHECK(boundary_margin(turned.view().transposed(), y, {.rule = rule, .seed = 2}).labels ==
          r.labels);
    limpid::par_policy par;
    par.threads = 3;
    CHECK(boundary_margin(par, s, y, {.rule = rule, .seed = 2}).labels == r.labels);
    limpid_test::device_matrix<T> const far(std::as_const(s).view());
    limpid_test::device_vector<int> const labels(limpid::vector_view<int const>(y.data(), n));
    CHECK(boundary_margin(limpid_test::device, far, labels, {.rule = rule, .seed = 2}).labels ==
          r.labels);
  }
}

TEST_CASE("boundary_margin says what is wrong with its input") {
  using limpid::input_error;
  matrix<double> const s{{0.5, 0.5}};
  std::vector<int> const y{0};
  CHECK_THROWS_WITH_AS((void)boundary_margin(matrix<double>(1, 1), y),
                       "noise::boundary_margin: scores has 1 columns; a margin needs two classes",
                       input_error);
  CHECK_THROWS_WITH_AS((void)boundary_margin(s, y, {.rate = -0.1}),
                       "noise::boundary_margin: rate is -0.1; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)boundary_margin(s, y, {.bandwidth = 0}),
                       "noise::boundary_margin: bandwidth is 0; it must be more than 0",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)boundary_margin(s, std::vector<int>{2}),
      "noise::boundary_margin: labels row 0 is 2; labels must be 0..1, or negative for unlabelled",
      input_error);
  CHECK_THROWS_WITH_AS((void)boundary_margin(matrix<double>{{0.5, INFINITY}}, y),
                       "noise::boundary_margin: scores row 0 has an entry that is not finite",
                       input_error);
  CHECK_NOTHROW((void)boundary_margin(s, y, {.rate = 1, .bandwidth = 1e-6}));
}

}  // namespace
