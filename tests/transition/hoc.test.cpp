// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/hoc.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

namespace {

using limpid::matrix;
using limpid::metric;
using limpid::transition::consensus_result;
using limpid::transition::hoc;
using limpid::transition::hoc_options;
using limpid_test::gap;
using limpid_test::to_matrix;
using flags = limpid::vector<std::uint8_t>;

/// Clouds far apart, one per class, labels drawn from T.
struct clouds {
  matrix<double> x;
  std::vector<int> y;
};
clouds make_clouds(std::size_t n, matrix<double> const& T, std::vector<double> const& prior,
                   unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal(0, 0.05);
  std::uniform_real_distribution<double> uniform(0, 1);
  auto const draw = [&](auto&& p) {
    double u = uniform(rng);
    std::size_t k = 0;
    while (k + 1 < prior.size() && u >= p(k)) u -= p(k++);
    return k;
  };
  clouds out{matrix<double>(n, prior.size()), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    auto const z = draw([&](std::size_t k) { return prior[k]; });
    for (std::size_t c = 0; c < prior.size(); ++c) out.x(i, c) = (c == z ? 1 : 0) + normal(rng);
    out.y[i] = static_cast<int>(draw([&](std::size_t k) { return T(z, k); }));
  }
  return out;
}

/// c3 of T and p, by the definition.
matrix<double> triples(matrix<double> const& T, std::vector<double> const& p) {
  std::size_t const classes = p.size();
  matrix<double> c3(classes, classes * classes);
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j)
      for (std::size_t k = 0; k < classes; ++k)
        for (std::size_t l = 0; l < classes; ++l)
          c3(j, k * classes + l) += p[i] * T(i, j) * T(i, k) * T(i, l);
  return c3;
}

matrix<double> flatten(limpid_test::golden_value const& cube) {
  std::size_t const classes = cube.size();
  matrix<double> m(classes, classes * classes);
  for (std::size_t j = 0; j < classes; ++j)
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t l = 0; l < classes; ++l) m(j, k * classes + l) = cube[j][k][l].get<double>();
  return m;
}

bool same(consensus_result const& a, consensus_result const& b) {
  return a.transition == b.transition && a.prior == b.prior && a.c3 == b.c3 &&
         a.iterations == b.iterations;
}

TEST_CASE("hoc: T comes back where neighbours share their class") {
  //! [call]
  limpid::matrix<double> const T{{0.7, 0.2, 0.1}, {0.05, 0.9, 0.05}, {0.1, 0.3, 0.6}};
  auto const data = make_clouds(3000, T, {0.5, 0.3, 0.2}, 1);

  auto const r = limpid::transition::hoc(data.x, data.y, 3);
  // r.transition is T up to sampling error, r.prior the classes' shares
  //! [call]
  CHECK(gap(r.transition, T) < 0.05);
  CHECK(gap(r.transition, limpid_test::transpose(T)) > 0.1);
  CHECK(gap(r.prior, std::vector{0.5, 0.3, 0.2}) < 0.03);
  CHECK(r.converged);
  CHECK(r.diagonally_dominant);
  CHECK(r.class_estimated == flags{1, 1, 1});
  double implied = 0, of_data = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) implied += r.prior[i] * std::pow(r.transition(i, j), 3);
  for (std::size_t j = 0; j < 3; ++j) of_data += r.c3(j, 4 * j);
  CHECK(r.agreement == doctest::Approx(of_data));
  CHECK(r.agreement == doctest::Approx(implied).epsilon(0.02));
}

// golden: UCSC-REAL/HOC f26a6eb, hoc.count_y: nearest two by 1 - cosine and counts
TEST_CASE("hoc: consensus counts of the official code") {
  auto const e = limpid_test::golden("hoc.json")["case_count"];
  auto const x = to_matrix(e["X"]);
  auto const y = limpid_test::to_ints(e["noisy_labels"]);
  auto const r = hoc(x, y, 3);
  auto n3 = flatten(e["n3"]), n2 = to_matrix(e["n2"]);
  for (std::size_t c = 0; c < 27; ++c) n3.data()[c] /= 60;
  for (std::size_t c = 0; c < 9; ++c) n2.data()[c] /= 60;
  CHECK(gap(r.c3, n3) < 1e-15);
  CHECK(gap(r.c2, n2) < 1e-15);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(r.c1[k] == doctest::Approx(e["n1"][k].get<double>() / 60));
  matrix<unsigned> index(60, 2);
  for (std::size_t i = 0; i < 60; ++i)
    for (std::size_t c = 0; c < 2; ++c) index(i, c) = e["nearest_two"][i][c].get<unsigned>();
  CHECK(same(hoc(index, y, 3), r));  // neighbours given instead of features
}

// exact tensors of the golden case; the official solver is 8e-3 off on them
TEST_CASE("hoc: exact triples give T") {
  auto const e = limpid_test::golden("hoc.json")["case_exact_K3"];
  consensus_result r;
  r.c3 = triples(to_matrix(e["T"]), e["p"].get<std::vector<double>>());
  CHECK(gap(r.c3, flatten(e["c3"])) < 1e-15);
  limpid::transition::detail::solve_consensus(r, {.tolerance = 1e-16, .max_iterations = 100000},
                                              {});
  CHECK(gap(r.c2, to_matrix(e["c2"])) < 1e-15);
  CHECK(gap(r.transition, to_matrix(e["T"])) < 1e-5);
  CHECK(gap(r.prior, e["p"].get<std::vector<double>>()) < 1e-5);
}

TEST_CASE("hoc: permuting classes permutes T") {
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.05, 0.9, 0.05}, {0.1, 0.3, 0.6}};
  auto const data = make_clouds(400, T, {0.5, 0.3, 0.2}, 8);
  std::size_t const to[] = {2, 0, 1};
  auto moved = data.y;
  for (int& label : moved) label = static_cast<int>(to[label]);
  auto const a = hoc(data.x, data.y, 3), b = hoc(data.x, moved, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(b.prior[to[i]] == doctest::Approx(a.prior[i]).epsilon(1e-9));
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(b.transition(to[i], to[j]) == doctest::Approx(a.transition(i, j)).epsilon(1e-8));
  }
}

TEST_CASE("hoc: an absent class, one class, duplicates") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  auto data = make_clouds(500, T, {0.5, 0.5}, 3);
  auto const two = hoc(data.x, data.y, 2);
  for (int& label : data.y) label = label == 1 ? 2 : 0;
  auto const three = hoc(data.x, data.y, 3);
  CHECK(three.class_estimated == flags{1, 0, 1});
  CHECK(three.prior[1] == 0);
  for (std::size_t j = 0; j < 3; ++j) CHECK(three.transition(1, j) == (j == 1 ? 1 : 0));
  CHECK(three.transition(0, 2) == doctest::Approx(two.transition(0, 1)).epsilon(1e-4));

  auto const one = hoc(data.x, std::vector<int>(500, 0), 1);
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.converged);
  CHECK(one.agreement == doctest::Approx(1));
  // four equal rows: each has two of the others, never itself
  auto const equal = hoc(matrix<double>(4, 2, 1.0), std::vector{0, 1, 1, 1}, 2);
  CHECK(equal.c3(0, 3) == 0.25);
  CHECK(equal.c3(1, 1) == 0.75);  // rows 1 to 3 see row 0 and the lowest other: labels 0, 1
}

TEST_CASE("hoc: every policy and type") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{3}, std::size_t{60}, tile + 1}) {
    CAPTURE(n);
    auto const data = make_clouds(n, T, {0.6, 0.4}, static_cast<unsigned>(n));
    // index by the definition, then triples
    matrix<double> c3(2, 4);
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t best[2] = {n, n};
      double at[2] = {INFINITY, INFINITY};
      for (std::size_t j = 0; j < n; ++j) {
        if (j == i) continue;
        double const d = std::hypot(data.x(i, 0) - data.x(j, 0), data.x(i, 1) - data.x(j, 1));
        if (d < at[0])
          at[1] = at[0], best[1] = best[0], at[0] = d, best[0] = j;
        else if (d < at[1])
          at[1] = d, best[1] = j;
      }
      c3(static_cast<std::size_t>(data.y[i]),
         static_cast<std::size_t>(2 * data.y[best[0]] + data.y[best[1]])) +=
          1 / static_cast<double>(n);
    }
    hoc_options const options{.distance = metric::euclidean};
    auto const r = hoc(limpid::seq, data.x, data.y, 2, options);
    CHECK(gap(r.c3, c3) < 1e-12);
    CHECK(same(hoc(data.x, data.y, 2, options), r));
    for (int threads : {1, 2, 3, 7}) {
      limpid::par_policy par;
      par.threads = threads;
      CHECK(same(hoc(par, data.x, data.y, 2, options), r));
    }
    limpid_test::device_matrix<double> const x(data.x.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
    CHECK(same(hoc(limpid_test::device, x, y, 2, options), r));
    hoc_options subsets{.rounds = 2, .subset = 3, .seed = 4};
    CHECK(same(hoc(limpid_test::device, x, y, 2, subsets), hoc(data.x, data.y, 2, subsets)));
    limpid_test::strided const padded(data.x);
    CHECK(same(hoc(padded.window, data.y, 2, options), r));
    if (n == 60) CHECK(gap(hoc(limpid_test::to_float(data.x), data.y, 2, options).c3, r.c3) < 0.04);
  }
}

TEST_CASE("hoc: subsets are drawn without replacement, from the seed alone") {
  auto const rows = limpid::transition::detail::draw_rows(50, 20, limpid::random_stream(1, 0, 0));
  std::vector<int> times(50);
  for (auto row : rows) ++times[row];
  for (int t : times) CHECK(t <= 1);
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  auto const data = make_clouds(900, T, {0.6, 0.4}, 2);
  hoc_options const options{.rounds = 5, .subset = 300, .seed = 9};
  auto const r = hoc(data.x, data.y, 2, options);
  CHECK(same(hoc(data.x, data.y, 2, options), r));
  CHECK(gap(r.transition, T) < 0.1);
  double sum = 0;
  for (std::size_t c = 0; c < 8; ++c) sum += r.c3.data()[c];
  CHECK(sum == doctest::Approx(1));
  CHECK(r.c3(0, 0) * 1500 ==
        doctest::Approx(std::nearbyint(r.c3(0, 0) * 1500)));  // counts of 5 x 300 rows
  CHECK_FALSE(same(hoc(data.x, data.y, 2, {.rounds = 5, .subset = 300, .seed = 10}), r));
  CHECK(same(hoc(data.x, data.y, 2, {.subset = 900}), hoc(data.x, data.y, 2)));
}

TEST_CASE("hoc: progress and the iteration limit") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  auto const data = make_clouds(200, T, {0.6, 0.4}, 2);
  double last = -1;
  auto const full = hoc(data.x, data.y, 2, {.on_progress = [&](double f) {
                          CHECK(f >= last);
                          CHECK(f <= 1);
                          last = f;
                          return true;
                        }});
  CHECK(last >= 0.9);
  CHECK_FALSE(full.stopped);
  auto const stopped = hoc(data.x, data.y, 2, {.on_progress = [](double f) { return f < 0.9; }});
  CHECK(stopped.stopped);
  CHECK_FALSE(stopped.converged);
  auto const limited = hoc(data.x, data.y, 2, {.solver = {.max_iterations = 2}});
  CHECK(limited.iterations == 2);
  CHECK_FALSE(limited.converged);
  CHECK(limited.log_likelihood < full.log_likelihood);
}

TEST_CASE("hoc: bad input") {
  matrix<double> const x{{1, 0}, {0, 1}, {1, 1}};
  std::vector<int> const y{0, 1, 1};
  using limpid::input_error;
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(
      (void)hoc(x, y, 201),
      "transition::hoc: classes is 201; need 1..200: triples of labels take K^3 doubles",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)hoc(x, y, 0),
      "transition::hoc: classes is 0; need 1..200: triples of labels take K^3 doubles",
      input_error);
  CHECK_THROWS_WITH_AS((void)hoc(matrix<double>(2, 2, 1.0), y, 2),
                       "transition::hoc: X is 2 x 2; need at least three rows and one column",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc(x, std::vector{0, 1}, 2), "transition::hoc: X has 3 rows, y has 2",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc(x, std::vector{0, 1, 2}, 2),
                       "transition::hoc: y row 2 is 2; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)hoc(matrix<double>{{1, 0}, {0, 0}, {1, 1}}, y, 2),
                       "transition::hoc: X row 1 is zero; the cosine to it is not defined",
                       input_error);
  CHECK_NOTHROW(
      (void)hoc(matrix<double>{{1, 0}, {0, 0}, {1, 1}}, y, 2, {.distance = metric::euclidean}));
  CHECK_THROWS_WITH_AS((void)hoc(matrix<double>{{1, nan}, {0, 0}, {1, 1}}, y, 2),
                       "transition::hoc: X row 0 has an entry that is not finite", input_error);
  CHECK_THROWS_WITH_AS((void)hoc(x, y, 2, {.rounds = 0}),
                       "transition::hoc: options.rounds is 0; need at least 1", input_error);
  CHECK_THROWS_WITH_AS((void)hoc(x, y, 2, {.subset = 4}),
                       "transition::hoc: options.subset is 4; need 3..3, or 0 for all rows",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc(x, y, 2, {.solver = {.tolerance = 0}}),
                       "transition::hoc: options.solver.tolerance is 0; need more than 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc(x, y, 2, {.solver = {.max_iterations = 0}}),
                       "transition::hoc: options.solver.max_iterations is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc(x, y, 2, {.solver = {.start_diagonal = 1}}),
                       "transition::hoc: options.solver.start_diagonal is 1; need (0, 1)",
                       input_error);

  using indices = matrix<int>;
  CHECK_NOTHROW((void)hoc(indices{{1, 2}, {0, 2}, {0, 1}}, y, 2));
  CHECK_NOTHROW(
      (void)hoc(indices{{1, 2, 7}, {0, 2, 7}, {0, 1, 7}}, y, 2));  // the third column is not read
  CHECK_THROWS_WITH_AS((void)hoc(indices{{1, 2}, {0, 3}, {0, 1}}, y, 2),
                       "transition::hoc: neighbours row 1 has an entry that is no row number",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc(indices{{1, 2}, {0, -1}, {0, 1}}, y, 2),
                       "transition::hoc: neighbours row 1 has an entry that is no row number",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hoc(indices{{1, 2}, {0, 2}, {0, 2}}, y, 2),
                       "transition::hoc: neighbours row 2 names the row itself", input_error);
  CHECK_THROWS_WITH_AS((void)hoc(indices{{1, 1}, {0, 2}, {0, 1}}, y, 2),
                       "transition::hoc: neighbours row 0 names one row twice", input_error);
  CHECK_THROWS_WITH_AS(
      (void)hoc(indices(3, 1), y, 2),
      "transition::hoc: neighbours is 3 x 1; need at least three rows and two columns",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)hoc(indices{{1, 2}, {0, 2}, {0, 1}}, y, 2, {.subset = 3}),
      "transition::hoc: options.rounds and options.subset need features; neighbours are given",
      input_error);
}

}  // namespace
