// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/hoc_local.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace {

using limpid::matrix;
using limpid::metric;
using limpid::transition::hoc_local;
using limpid::transition::hoc_local_options;
using limpid::transition::hoc_local_result;
using limpid_test::gap;

/// Two places, far apart, each with both classes in clouds of their own; labels of place v are
/// drawn from T[v].
struct places {
  matrix<double> x;
  std::vector<int> y;
  std::vector<std::size_t> place;
};
places make_places(std::size_t n, matrix<double> const (&T)[2], std::uint64_t seed) {
  places out{matrix<double>(n, 3), std::vector<int>(n), std::vector<std::size_t>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    std::size_t const z = i % 2, v = i / 2 % 2;
    out.place[i] = v;
    out.x(i, 0) = (z ? 1 : 0) + 0.1 * draw.uniform();
    out.x(i, 1) = (z ? 0 : 1) + 0.1 * draw.uniform();
    out.x(i, 2) = (v ? 10 : 1) + 0.1 * draw.uniform();
    out.y[i] = draw.uniform() < T[v](z, 0) ? 0 : 1;
  }
  return out;
}

matrix<double> own(limpid::matrix_view<double const> v) {
  return limpid::to<matrix<double>>(v);
}

bool same(hoc_local_result const& a, hoc_local_result const& b) {
  return a.transitions == b.transitions && a.prior == b.prior && a.region == b.region &&
         a.centre == b.centre;
}

TEST_CASE("hoc_local: each place has its own T") {
  //! [call]
  limpid::matrix<double> const T[] = {{{0.9, 0.1}, {0.1, 0.9}}, {{0.6, 0.4}, {0.3, 0.7}}};
  auto const data = make_places(2000, T, 1);

  auto const r = limpid::transition::hoc_local(
      data.x, data.y, 2, {.region = 1000, .distance = limpid::metric::euclidean});
  // r.at(i) is T where row i is, r.global.transition that of all rows
  //! [call]
  REQUIRE(r.regions() == 2);
  CHECK(r.covered == 2000);
  double shrunk = 0;
  for (std::size_t i = 0; i < 2000; ++i) {
    std::size_t const v = data.place[i];
    CHECK(r.region[i] == r.region[v * 2]);
    shrunk = (std::max)(shrunk, gap(own(r.at(i)), T[v]));
  }
  // half the way to the global T, which is half way to the other: a quarter of what sets them apart
  CHECK(shrunk < 0.14);
  CHECK(gap(r.global.transition, T[0]) > 0.1);
  CHECK(gap(own(r.at(0)), T[0]) < gap(r.global.transition, T[0]));
  CHECK(gap(own(r.at(2)), T[1]) < gap(r.global.transition, T[1]));
}

// the rule, by transition::hoc on the region's rows alone
TEST_CASE("hoc_local: a region is transition::hoc on its rows, drawn to the global T") {
  matrix<double> const T[] = {{{0.9, 0.1}, {0.1, 0.9}}, {{0.6, 0.4}, {0.3, 0.7}}};
  auto const data = make_places(400, T, 3);
  hoc_local_options const options{.region = 60, .max_regions = 3, .seed = 5};
  auto const r = hoc_local(data.x, data.y, 2, options);
  REQUIRE(r.regions() == 3);
  CHECK(gap(r.global.transition, limpid::transition::hoc(data.x, data.y, 2).transition) == 0);
  CHECK(own(r.transition(3)) == r.global.transition);
  std::vector<std::int32_t> region(400, 3);
  std::size_t covered = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<std::pair<double, std::size_t>> all(400);
    std::size_t const centre = r.centre[c];
    CHECK(region[centre] == 3);  // no region had reached it
    for (std::size_t i = 0; i < 400; ++i) {
      double square = 0;
      for (std::size_t d = 0; d < 3; ++d) square += std::pow(data.x(i, d) - data.x(centre, d), 2);
      all[i] = {square, i};
    }
    std::sort(all.begin(), all.end());
    std::set<std::size_t> rows;
    for (std::size_t i = 0; i < 60; ++i) rows.insert(all[i].second);
    matrix<double> x(60, 3);
    std::vector<int> y;
    for (std::size_t row : rows) {
      for (std::size_t d = 0; d < 3; ++d) x(y.size(), d) = data.x(row, d);
      y.push_back(data.y[row]);
      if (region[row] == 3) region[row] = static_cast<std::int32_t>(c), ++covered;
    }
    auto const alone = limpid::transition::hoc(x, y, 2);
    CHECK(r.agreement[c] == alone.agreement);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(r.prior(c, i) == alone.prior[i]);
      for (std::size_t j = 0; j < 2; ++j)
        CHECK(r.transition(c)(i, j) ==
              doctest::Approx(alone.prior[i] * alone.transition(i, j) +
                              (1 - alone.prior[i]) * r.global.transition(i, j)));
    }
  }
  CHECK(std::vector<std::int32_t>(r.region) == region);
  CHECK(r.covered == covered);

  // neighbours instead of features: all of them, nearest first
  matrix<std::uint32_t> index(400, 399);
  for (std::size_t i = 0; i < 400; ++i) {
    std::vector<std::pair<double, std::uint32_t>> all;
    for (std::size_t j = 0; j < 400; ++j) {
      double square = 0;
      for (std::size_t d = 0; d < 3; ++d) square += std::pow(data.x(i, d) - data.x(j, d), 2);
      if (j != i) all.emplace_back(square, static_cast<std::uint32_t>(j));
    }
    std::sort(all.begin(), all.end());
    for (std::size_t c = 0; c < 399; ++c) index(i, c) = all[c].second;
  }
  auto euclidean = options;
  euclidean.distance = euclidean.global.distance = metric::euclidean;
  auto const by_features = hoc_local(data.x, data.y, 2, euclidean);
  CHECK(same(hoc_local(index, data.y, 2, options), by_features));
}

TEST_CASE("hoc_local: every policy and type") {
  matrix<double> const T[] = {{{0.9, 0.1}, {0.1, 0.9}}, {{0.6, 0.4}, {0.3, 0.7}}};
  std::size_t const n = 300;
  auto const data = make_places(n, T, 2);
  hoc_local_options const options{
      .region = 40, .max_regions = 4, .rounds = 3, .subset = 20, .distance = metric::euclidean};
  auto const r = hoc_local(limpid::seq, data.x, data.y, 2, options);
  CHECK(r.regions() == 4);
  CHECK(r.covered < n);
  CHECK(same(hoc_local(data.x, data.y, 2, options), r));
  for (int threads : {1, 3}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(same(hoc_local(par, data.x, data.y, 2, options), r));
  }
  limpid_test::device_matrix<double> const x(data.x.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
  CHECK(same(hoc_local(limpid_test::device, x, y, 2, options), r));
  auto other = options;
  other.seed = 1;
  CHECK_FALSE(same(hoc_local(data.x, data.y, 2, other), r));
  CHECK(hoc_local(limpid_test::to_float(data.x), data.y, 2, options).regions() == 4);
}

TEST_CASE("hoc_local: few rows, one class, neighbours that end early, stopping") {
  matrix<double> const x{{1, 0}, {0, 1}, {1, 1}};
  auto const one = hoc_local(x, std::vector{0, 0, 0}, 1);
  CHECK(one.regions() == 1);
  CHECK(own(one.at(2)) == matrix<double>{{1}});
  // two neighbours each, in a ring: a region of 3 rows is a path, only its centre has both in it
  matrix<int> ring(5, 2);
  for (int i = 0; i < 5; ++i) {
    auto const row = static_cast<std::size_t>(i);
    ring(row, 0) = (i + 1) % 5, ring(row, 1) = (i + 4) % 5;
  }
  std::vector<int> const y{0, 1, 0, 1, 0};
  auto const r = hoc_local(ring, y, 2, {.region = 3});
  for (std::size_t c = 0; c < r.regions(); ++c) {
    std::size_t const i = r.centre[c];
    bool const equal = y[i] == y[(i + 1) % 5] && y[i] == y[(i + 4) % 5];
    CHECK(r.agreement[c] == (equal ? 1 : 0));
  }
  matrix<double> const T[] = {{{0.9, 0.1}, {0.1, 0.9}}, {{0.6, 0.4}, {0.3, 0.7}}};
  auto const data = make_places(300, T, 2);
  auto const stopped = hoc_local(data.x, data.y, 2,
                                 {.region = 30, .on_progress = [](double f) { return f < 0.503; }});
  CHECK(stopped.stopped);
  CHECK(stopped.regions() == 2);
  CHECK(stopped.region.size() == 300);
  auto const never = hoc_local(data.x, data.y, 2, {.on_progress = [](double) { return false; }});
  CHECK(never.stopped);
  CHECK(never.regions() == 0);
  CHECK(own(never.at(7)) == matrix<double>::identity(2));
}

TEST_CASE("hoc_local: bad input") {
  matrix<double> const x{{1, 0}, {0, 1}, {1, 1}};
  std::vector<int> const y{0, 1, 1};
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)hoc_local(matrix<double>(2, 2, 1.0), y, 2),
                       "transition::hoc_local: X has 2 rows; need at least three", input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(x, std::vector{0, 1}, 2),
                       "transition::hoc_local: X has 3 rows, y has 2", input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(x, std::vector{0, 1, 2}, 2),
                       "transition::hoc_local: y row 2 is 2; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(matrix<double>{{1, 0}, {0, 0}, {1, 1}}, y, 2),
                       "transition::hoc_local: X row 1 is zero; the cosine to it is not defined",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(x, y, 2, {.region = 2}),
                       "transition::hoc_local: options.region is 2; need at least 3", input_error);
  CHECK_NOTHROW((void)hoc_local(x, y, 2, {.region = 3}));
  CHECK_THROWS_WITH_AS((void)hoc_local(x, y, 2, {.max_regions = 0}),
                       "transition::hoc_local: options.max_regions is 0; need 1..999999",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(x, y, 2, {.rounds = 0}),
                       "transition::hoc_local: options.rounds is 0; need at least 1", input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(x, y, 2, {.region = 3, .subset = 4}),
                       "transition::hoc_local: options.subset is 4; need 3..3, or 0 for the whole "
                       "region",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(x, y, 201),
                       "transition::hoc: classes is 201; need 1..200: triples of labels take K^3 "
                       "doubles",
                       input_error);
  using indices = matrix<int>;
  CHECK_THROWS_WITH_AS((void)hoc_local(indices(3, 1), y, 2),
                       "transition::hoc_local: neighbours is 3 x 1; need at least two columns",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(indices{{1, 2, 7}, {0, 2, 1}, {0, 1, 1}}, y, 2),
                       "transition::hoc_local: neighbours row 0 has an entry that is no row number",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc_local(indices{{1, 2}, {0, 2}, {0, 1}}, y, 2, {.subset = 3}),
                       "transition::hoc_local: options.rounds and options.subset need features; "
                       "neighbours are given",
                       input_error);
}

}  // namespace
