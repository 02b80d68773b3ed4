// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/boundary.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::noise::boundary;

struct sample {
  matrix<double> x;
  std::vector<int> y;
};
/// K clouds in two dimensions that overlap.
sample clouds(std::size_t n, int K) {
  sample s{matrix<double>(n, 2), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(77, 0, i);
    s.y[i] = static_cast<int>(i) % K;
    s.x(i, 0) = s.y[i] + 1.6 * draw.uniform();
    s.x(i, 1) = 100 * draw.uniform();
  }
  return s;
}

TEST_CASE("boundary noise by hand: the row between the classes changes") {
  //! [boundary]
  limpid::matrix<double> const X{{0}, {1}, {4}, {6}, {7}, {8}};
  std::vector<int> const labels{0, 0, 0, 1, 1, 1};
  auto const noisy =
      limpid::noise::boundary(X, labels, 2, {.rate = 0.2, .standardise = false});  // one of six
  // row 2: its class is 3 away, the other 2; noisy.score[2] = 1.5 is the largest
  //! [boundary]
  CHECK(noisy.labels == limpid::vector<std::int32_t>{0, 0, 1, 1, 1, 1});
  double const want[] = {1 / 6., 1 / 5., 3 / 2., 1 / 2., 1 / 3., 1 / 4.};
  for (std::size_t i = 0; i < 6; ++i)
    CHECK(noisy.score[i] == doctest::Approx(want[i]).epsilon(1e-12));
  CHECK(noisy.realised_rate == doctest::Approx(1 / 6.));
  CHECK(noisy.expected == noisy.realised);
  CHECK(boundary(X, labels, 2, {.rate = 0.5, .standardise = false}).labels ==
        limpid::vector<std::int32_t>{0, 0, 1, 0, 0, 1});
}

TEST_CASE("the majority of other classes' neighbours, ties to the nearest's class") {
  matrix<double> const x{{0}, {1}, {2}, {3}, {4}, {-50}, {-51}, {90}, {91}, {92}};
  std::vector<int> const y{0, 1, 2, 2, 1, 0, 0, 2, 1, 1};
  CHECK(boundary(x, y, 3, {.rate = 1, .neighbours = 1, .standardise = false}).labels[0] == 1);
  CHECK(boundary(x, y, 3, {.rate = 1, .neighbours = 3, .standardise = false}).labels[0] == 2);
  CHECK(boundary(x, y, 3, {.rate = 1, .neighbours = 4, .standardise = false}).labels[0] == 1);
  CHECK(boundary(x, y, 3, {.rate = 1, .neighbours = 100, .standardise = false}).labels[0] == 1);
}

TEST_CASE(
    "against every pair of rows; exactly floor(rate n) labels change, and the nearest to a "
    "boundary") {
  auto const [x, y] = clouds(500, 3);
  auto const r = boundary(x, y, 3, {.rate = 0.25});
  double mean[2] = {}, deviation[2] = {};
  for (std::size_t j = 0; j < 2; ++j) {
    for (std::size_t i = 0; i < 500; ++i) mean[j] += x(i, j) / 500;
    for (std::size_t i = 0; i < 500; ++i) deviation[j] += std::pow(x(i, j) - mean[j], 2) / 500;
  }
  std::size_t changed = 0;
  double least = 1e300, most = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    double own = 1e300, other = 1e300;
    int rival = -1;
    for (std::size_t k = 0; k < 500; ++k) {
      if (k == i) continue;
      double const d = std::sqrt(std::pow(x(i, 0) - x(k, 0), 2) / deviation[0] +
                                 std::pow(x(i, 1) - x(k, 1), 2) / deviation[1]);
      if (y[k] == y[i])
        own = (std::min)(own, d);
      else if (d < other)
        other = d, rival = y[k];
    }
    CHECK(r.score[i] == doctest::Approx(own / other).epsilon(1e-9));
    changed += r.flipped[i];
    if (r.flipped[i]) {
      CHECK(r.labels[i] == rival);
      least = (std::min)(least, own / other);
    } else {
      most = (std::max)(most, own / other);
    }
  }
  CHECK(changed == 125);
  CHECK(least >= most * (1 - 1e-9));
}

TEST_CASE("unlabelled rows, a class of one row, rows at one place, no rows, stopping") {
  matrix<double> const x{{0}, {0}, {0}, {5}, {9}};
  auto const r =
      boundary(x, std::vector<int>{0, 1, -1, 0, 2}, 4, {.rate = 1, .standardise = false});
  CHECK(r.labels[2] == -1);
  CHECK(r.score[2] == 0);
  CHECK(r.score[0] == std::numeric_limits<double>::infinity());  // on top of row 1
  CHECK(r.score[4] == std::numeric_limits<double>::infinity());  // alone in its class
  CHECK(r.labels[4] == 0);
  CHECK(r.realised_rate == 1);
  CHECK(r.class_rows[3] == 0);
  auto const twins =
      boundary(matrix<double>{{0}, {0}, {0}}, std::vector<int>{0, 0, 1}, 2, {.rate = 0.4});
  CHECK(twins.score[0] == 1);
  CHECK(twins.flipped == limpid::vector<std::uint8_t>{0, 0, 1});
  CHECK(boundary(matrix<double>(0, 2), std::vector<int>{}, 2).labels.empty());
  CHECK(boundary(x, std::vector<int>(5, 1), 2, {.rate = 0}).realised_rate == 0);
  auto const [far, y] = clouds(300, 2);
  auto const stopped = boundary(far, y, 2, {.on_progress = [](double) { return false; }});
  CHECK(stopped.stopped);
  CHECK(stopped.realised_rate == 0);
  double last = 0;
  auto const told = boundary(far, y, 2, {.on_progress = [&](double f) { return last = f, true; }});
  CHECK(last == doctest::Approx(1));
  CHECK_FALSE(told.stopped);
}

TEST_CASE("boundary noise is the same under every policy") {
  std::size_t const n = 700;
  auto const [x, y] = clouds(n, 3);
  auto const r = boundary(x, y, 3);
  CHECK(boundary(limpid::seq, x, y, 3).labels == r.labels);
  for (int threads : {1, 3}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(boundary(par, x, y, 3).score == r.score);
  }
  limpid_test::device_matrix<double> const far(x.view());
  limpid_test::device_vector<int> const labels(limpid::vector_view<int const>(y.data(), n));
  CHECK(boundary(limpid_test::device, far, labels, 3).labels == r.labels);
}

TEST_CASE("boundary says what is wrong with its input") {
  using limpid::input_error;
  auto const [x, y] = clouds(6, 2);
  CHECK_THROWS_WITH_AS((void)boundary(x, y, 2, {.rate = 1.1}),
                       "noise::boundary: rate is 1.1; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)boundary(x, y, 2, {.neighbours = 0}),
                       "noise::boundary: neighbours is 0; one at least must vote", input_error);
  CHECK_THROWS_WITH_AS((void)boundary(x, std::vector<int>(6, 1), 2),
                       "noise::boundary: labels are of one class only; there is no boundary",
                       input_error);
  CHECK_THROWS_WITH_AS((void)boundary(x, std::vector<int>{0}, 2),
                       "noise::boundary: features has 6 rows, labels has 1", input_error);
  auto bad = x;
  bad(3, 1) = NAN;
  CHECK_THROWS_WITH_AS((void)boundary(bad, y, 2),
                       "noise::boundary: features row 3 has an entry that is not finite",
                       input_error);
  CHECK_NOTHROW((void)boundary(x, y, 2, {.rate = 1}));
}

}  // namespace
