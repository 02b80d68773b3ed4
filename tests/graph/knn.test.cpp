// SPDX-License-Identifier: BSL-1.0
#include <limpid/graph/knn.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/golden.hpp"

namespace {

using limpid::input_error;
using limpid::metric;
using limpid::graph::knn;
using rows_t = std::vector<std::vector<double>>;

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
template <class T>
limpid::matrix<T> bells(std::size_t n, std::size_t d, unsigned seed, double centre = 0) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell(centre, 1);
  limpid::matrix<T> out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = static_cast<T>(bell(draw));
  return out;
}
/// All distances, sorted: shares no code with the library.
template <class T>
std::vector<std::pair<double, std::uint32_t>> sorted_row(limpid::matrix<T> const& x, std::size_t i,
                                                         bool cosine) {
  std::vector<std::pair<double, std::uint32_t>> all;
  for (std::size_t j = 0; j < x.rows(); ++j) {
    if (j == i) continue;
    long double s = 0, dot = 0, a = 0, b = 0;
    for (std::size_t c = 0; c < x.cols(); ++c) {
      auto const u = static_cast<long double>(x(i, c)), v = static_cast<long double>(x(j, c));
      s += (u - v) * (u - v);
      dot += u * v;
      a += u * u;
      b += v * v;
    }
    all.emplace_back(static_cast<double>(cosine ? 1 - dot / std::sqrt(a * b) : std::sqrt(s)),
                     static_cast<std::uint32_t>(j));
  }
  std::sort(all.begin(), all.end());
  return all;
}
template <class T>
void against_oracle(std::size_t n, std::size_t d, std::size_t k, metric how, double centre) {
  auto const x = bells<T>(n, d, static_cast<unsigned>(n + d), centre);
  auto const r = knn(x, {.k = k, .metric = how});
  std::size_t far = 0;
  for (std::size_t i = 0; i < n; i += n > 500 ? 97 : 1) {
    auto const expected = sorted_row(x, i, how == metric::cosine);
    for (std::size_t c = 0; c < k; ++c) {
      far += !close(r.distance(i, c), expected[c].first, 1e-12);
      if (c > 0) CHECK(r.distance(i, c) >= r.distance(i, c - 1));
      CHECK(r.index(i, c) != i);
    }
  }
  CHECK(far == 0);
  for (int threads : {1, 2, 3, 7}) {
    auto const p = knn(limpid::par_policy{.threads = threads}, x, {.k = k, .metric = how});
    CHECK(p.index == r.index);
    CHECK(p.distance == r.distance);
  }
  auto const s = knn(limpid::seq, x, {.k = k, .metric = how});
  CHECK(s.index == r.index);
  limpid_test::device_matrix<T> const dev(x.view());
  CHECK(knn(limpid_test::device, dev, {.k = k, .metric = how}).index == s.index);
}

}  // namespace

TEST_CASE("knn: a line of points, by hand") {
  limpid::matrix<double> const x{{0.0}, {1.0}, {3.0}, {3.5}};
  auto const r = knn(x, {.k = 2});
  CHECK(r.index == limpid::matrix<std::uint32_t>{{1, 2}, {0, 2}, {3, 1}, {2, 1}});
  CHECK(r.distance == limpid::matrix<double>{{1, 3}, {1, 2}, {0.5, 2}, {0.5, 2.5}});
  CHECK_FALSE(r.stopped);
}

TEST_CASE("knn: golden values, scikit-learn 1.2.1") {
  auto const g = limpid_test::golden("knn_graph.json");
  auto const r = knn(g["X"].get<rows_t>(), {.k = g["k"].get<std::size_t>()});
  auto const index = g["indices (self excluded)"].get<std::vector<std::vector<std::uint32_t>>>();
  auto const distance = g["distances"].get<rows_t>();
  for (std::size_t i = 0; i < index.size(); ++i)
    for (std::size_t c = 0; c < index[i].size(); ++c) {
      CHECK(r.index(i, c) == index[i][c]);
      CHECK(close(r.distance(i, c), distance[i][c]));
    }
}

TEST_CASE("knn: every policy against sorted distances, also far from the origin") {
  for (auto how : {metric::euclidean, metric::cosine}) {
    against_oracle<double>(2, 1, 1, how, 0.5);
    against_oracle<double>(65, 7, 5, how, 0);
    against_oracle<float>(257, 16, 10, how, 0);
  }
  against_oracle<float>(300, 16, 10, metric::euclidean, 1000);
  against_oracle<double>(2049, 3, 3, metric::euclidean, 0);
}

TEST_CASE("knn: duplicates are neighbours at distance 0, ties go to the lower row") {
  limpid::matrix<float> const x{
      {1.0f, 2.0f}, {5.0f, 5.0f}, {1.0f, 2.0f}, {1.0f, 2.0f}, {1.0f, 3.0f}};
  auto const r = knn(x, {.k = 2});
  CHECK(r.index == limpid::matrix<std::uint32_t>{{2, 3}, {4, 0}, {0, 3}, {0, 2}, {0, 2}});
  CHECK(r.distance(2, 0) == 0);
}

TEST_CASE("knn: queries against references, into the caller's arrays, padded") {
  auto const x = bells<double>(50, 4, 3);
  auto const q = bells<double>(9, 4, 4);
  auto const r = knn(x, q, {.k = 3});
  std::vector<double> padded(9 * 6, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t c = 0; c < 4; ++c) padded[i * 6 + c] = q(i, c);
  limpid::matrix_view<double const> const strided(padded.data(), 9, 4, 6, 1);
  limpid::matrix<std::uint32_t> index(9, 3);
  std::vector<double> columns(27);
  limpid::matrix_view<double> const by_column(columns.data(), 9, 3, 1, 9);
  CHECK(knn(x, strided, index, by_column, {.k = 3}));
  CHECK(index == r.index);
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t c = 0; c < 3; ++c) CHECK(by_column(i, c) == r.distance(i, c));
  // a reference that is the query itself is found: nothing is left out
  CHECK(knn(x, x, {.k = 1}).distance(7, 0) == 0);
  CHECK(knn(x, x, {.k = 1}).index(7, 0) == 7);
  limpid::matrix<double> distance(50, 2);
  limpid::matrix<std::uint32_t> own(50, 2);
  CHECK(knn(x, own, distance, {.k = 2}));
  CHECK(own == knn(x, {.k = 2}).index);
}

TEST_CASE("knn: bad input") {
  auto const x = bells<double>(4, 2, 1);
  CHECK_THROWS_WITH_AS(
      knn(x, {.k = 4}),
      "graph::knn: x has 4 rows; k = 4 neighbours besides the row itself need at least 5",
      input_error);
  CHECK_NOTHROW(knn(x, {.k = 3}));
  CHECK_THROWS_WITH_AS(knn(x, {.k = 0}), "graph::knn: k is 0; it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(knn(x, x, {.k = 5}),
                       "graph::knn: references has 4 rows; k = 5 neighbours need at least 5",
                       input_error);
  CHECK_NOTHROW(knn(x, x, {.k = 4}));
  CHECK_THROWS_WITH_AS(knn(x, bells<double>(2, 3, 1), {.k = 1}),
                       "graph::knn: references has 2 columns, queries has 3", input_error);
  auto bad = x;
  bad(2, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(knn(bad, {.k = 1}), "graph::knn: x row 2 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(knn(x, bad, {.k = 1}),
                       "graph::knn: queries row 2 has an entry that is not finite", input_error);
  bad(2, 0) = bad(2, 1) = 0;
  CHECK_THROWS_WITH_AS(knn(bad, {.k = 1, .metric = metric::cosine}),
                       "graph::knn: x row 2 is zero; the cosine distance needs rows that are not",
                       input_error);
  CHECK_NOTHROW(knn(bad, {.k = 1}));
  limpid::matrix<std::uint32_t> index(4, 1);
  limpid::matrix<double> distance(4, 2);
  CHECK_THROWS_WITH_AS(knn(x, index, distance, {.k = 1}),
                       "graph::knn: distance is 4 x 2; it must be 4 x 1", input_error);
  CHECK(knn(x, limpid::matrix<double>(0, 2), {.k = 9}).index.rows() == 0);
  CHECK(knn(limpid::matrix<double>(0, 2)).index.rows() == 0);
}

TEST_CASE("knn: how a caller reads it") {
  auto const x = bells<float>(100, 8, 1);
  //! [knn]
  auto const near = limpid::graph::knn(x, {.k = 5, .metric = limpid::metric::cosine});
  std::uint32_t const nearest_to_row_7 = near.index(7, 0);
  double const how_far = near.distance(7, 0);
  //! [knn]
  CHECK(nearest_to_row_7 != 7);
  CHECK((how_far > 0 && how_far < 2));
}
