// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/open_set.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <cmath>
#include <cstddef>
#include <set>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::noise::open_set;

std::vector<int> cycle(std::size_t n, int K) {
  std::vector<int> y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<int>(i) % K;
  return y;
}

TEST_CASE("so many rows are replaced, so many others redrawn; labels of replaced rows stay") {
  auto const labels = cycle(1000, 4);
  matrix<float> X(1000, 2), foreign(400, 2, -1.0f);
  //! [open_set]
  auto const noisy = limpid::noise::open_set(labels, 4, foreign.rows(),
                                             {.rate = 0.4, .open_share = 0.75, .seed = 1});
  for (std::size_t r = 0; r < noisy.replaced.size(); ++r)  // 300 rows; 100 others are redrawn
    for (std::size_t c = 0; c < X.cols(); ++c)
      X(noisy.replaced[r], c) = foreign(noisy.source[r], c);
  //! [open_set]
  CHECK(noisy.replaced.size() == 300);
  CHECK(noisy.redrawn.size() == 100);
  CHECK_FALSE(noisy.reused);
  CHECK(std::set<std::size_t>(noisy.source.begin(), noisy.source.end()).size() == 300);
  std::set<std::size_t> const out(noisy.replaced.begin(), noisy.replaced.end()),
      drawn(noisy.redrawn.begin(), noisy.redrawn.end());
  CHECK(out.size() == 300);
  std::size_t flips = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    if (out.count(i)) {
      CHECK(noisy.truth[i] == 4);
      CHECK(noisy.labels[i] == labels[i]);
      CHECK(noisy.flipped[i] == 0);
      CHECK_FALSE(drawn.count(i));
      CHECK(X(i, 0) == -1);
    } else {
      CHECK(noisy.truth[i] == labels[i]);
      if (!drawn.count(i)) CHECK(noisy.labels[i] == labels[i]);
      flips += noisy.labels[i] != labels[i];
    }
  }
  CHECK(noisy.realised_rate == doctest::Approx(static_cast<double>(flips) / 700));
  CHECK(std::abs(static_cast<double>(flips) - 75) < 5 * std::sqrt(100 * 0.25 * 0.75));
  double rows = 0;
  for (std::size_t c : noisy.class_rows) rows += static_cast<double>(c);
  CHECK(rows == 700);
}

TEST_CASE("closed-set labels follow the law given; expected says what they were drawn from") {
  auto const labels = cycle(40000, 2);
  matrix<double> const law{{0, 1}, {0.5, 0.5}};
  auto const r = open_set(labels, 2, 0, {.rate = 0.3, .open_share = 0, .closed = law});
  CHECK(r.replaced.empty());
  CHECK(r.redrawn.size() == 12000);
  for (std::size_t i : r.redrawn)
    if (labels[i] == 0) CHECK(r.labels[i] == 1);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) CHECK(std::abs(r.expected(i, j) - r.realised(i, j)) < 0.02);
  CHECK(r.expected(0, 1) == r.realised(0, 1));
  CHECK(r.expected(0, 1) == doctest::Approx(0.3).epsilon(0.05));
}

TEST_CASE(
    "few foreign rows come again, but none more often than it must; rate 0 and 1; unlabelled "
    "rows") {
  auto const labels = cycle(100, 4);
  auto const r = open_set(labels, 4, 30, {.rate = 1, .open_share = 1});
  CHECK(r.reused);
  std::vector<int> used(30);
  for (std::size_t s : r.source) ++used[s];
  for (int times : used) CHECK((times == 3 || times == 4));
  CHECK(r.replaced.size() == 100);
  CHECK(r.realised_rate == 0);
  CHECK(r.realised == matrix<double>::identity(4));
  CHECK(open_set(labels, 4, 0, {.rate = 0}).redrawn.empty());
  auto some = labels;
  for (std::size_t i = 0; i < 50; ++i) some[i] = -1;
  auto const s = open_set(some, 4, 10, {.rate = 0.4});
  CHECK(s.replaced.size() == 10);
  CHECK(s.redrawn.size() == 10);
  CHECK(s.truth[3] == -1);
  CHECK(s.labels[3] == -1);
  for (std::size_t i : s.replaced) CHECK(i >= 50);
  CHECK(open_set(std::vector<int>{}, 2, 0).labels.empty());
}

TEST_CASE("open-set noise is the same under every policy") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const labels = cycle(n, 3);
  auto const r = open_set(labels, 3, n, {.seed = 2});
  CHECK(open_set(limpid::seq, labels, 3, n, {.seed = 2}).labels == r.labels);
  CHECK(open_set(labels, 3, n, {.seed = 3}).replaced != r.replaced);
  limpid::par_policy par;
  par.threads = 3;
  CHECK(open_set(par, labels, 3, n, {.seed = 2}).source == r.source);
  limpid_test::device_vector<int> const far(limpid::vector_view<int const>(labels.data(), n));
  CHECK(open_set(limpid_test::device, far, 3, n, {.seed = 2}).labels == r.labels);
}

TEST_CASE("open_set says what is wrong with its input") {
  using limpid::input_error;
  auto const y = cycle(10, 2);
  CHECK_THROWS_WITH_AS((void)open_set(y, 2, 0),
                       "noise::open_set: foreign_rows is 0, but 1 rows are to be replaced",
                       input_error);
  CHECK_NOTHROW((void)open_set(y, 2, 1));
  CHECK_THROWS_WITH_AS((void)open_set(y, 2, 1, {.rate = 1.5}),
                       "noise::open_set: rate is 1.5; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)open_set(y, 2, 1, {.open_share = -1}),
                       "noise::open_set: open_share is -1; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)open_set(y, 2, 1, {.closed = matrix<double>(3, 3)}),
                       "noise::open_set: closed is 3 x 3; it must be K x K, K = 2", input_error);
  CHECK_THROWS_WITH_AS(
      (void)open_set(std::vector<int>{2}, 2, 1),
      "noise::open_set: labels row 0 is 2; labels must be 0..1, or negative for unlabelled",
      input_error);
}

}  // namespace
