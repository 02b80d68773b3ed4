// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/hoc.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <utility>
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

// what the other solvers and the flags say of the same exact triples
TEST_CASE("hoc: moments and the closed form on exact triples") {
  using limpid::transition::consensus_method;
  auto const e = limpid_test::golden("hoc.json")["case_exact_K3"];
  auto const T = to_matrix(e["T"]);
  auto const p = e["p"].get<std::vector<double>>();
  consensus_result r;
  r.c3 = triples(T, p);
  auto const solve = [&](limpid::transition::consensus_options const& options) {
    limpid::transition::detail::solve_consensus(r, options, {});
    return std::pair{gap(r.transition, T), gap(r.prior, p)};
  };
  auto const spectral = solve({.method = consensus_method::spectral});
  CHECK(spectral.first < 1e-12);
  CHECK(spectral.second < 1e-12);
  CHECK(r.converged);
  CHECK(r.mismatch < 1e-24);
  CHECK(r.asymmetry < 1e-16);
  CHECK(r.implied_agreement == doctest::Approx(r.agreement));
  auto const moments = solve({.method = consensus_method::moments});
  CHECK(moments.first < 1e-6);  // the official solver: 8e-3
  CHECK(moments.second < 1e-6);
  CHECK(r.converged);
  // c2 = T^T diag(p) T: det of it is det(T)^2 p0 p1 p2, so its least eigenvalue is above that over
  // the square of the largest, which is at most the trace
  CHECK(r.least_eigenvalue > 0.01);
  CHECK(r.least_eigenvalue < 0.0963);  // the least diagonal entry
  CHECK(solve({.method = consensus_method::moments, .order_weights = {0, 0, 1}}).first < 1e-5);
}

TEST_CASE("hoc: the gradient of the moment match is its finite difference") {
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.05, 0.8, 0.15}, {0.25, 0.1, 0.65}};
  limpid::vector<double> const p{0.5, 0.3, 0.2};
  matrix<double> at{{0.6, 0.1, 0.2}, {0.1, 0.7, 0.1}, {0.3, 0.2, 0.7}};  // columns of another T
  limpid::vector<double> prior{0.2, 0.5, 0.3};
  auto c3 = triples(T, {0.5, 0.3, 0.2});
  c3(0, 5) += 0.01;  // and not symmetric
  matrix<double> c2(3, 3);
  limpid::vector<double> c1(3);
  for (std::size_t j = 0; j < 3; ++j)
    for (std::size_t k = 0; k < 9; ++k) c1[j] += c3(j, k), c2(j, k / 3) += c3(j, k);
  limpid::transition::detail::moments_of_triples const problem(c1, c2, c3, {1, 1, 1}, {1, 2, 3});
  matrix<double> slope, unused;
  limpid::vector<double> prior_slope, unused_prior;
  double const value = problem.value(at, prior, slope, prior_slope);
  // by the definition, over all ordered cells of the averaged tensors
  double by_hand = 0;
  for (std::size_t j = 0; j < 3; ++j) {
    double m1 = 0;
    for (std::size_t i = 0; i < 3; ++i) m1 += prior[i] * at(j, i);
    by_hand += (m1 - c1[j]) * (m1 - c1[j]);
    for (std::size_t k = 0; k < 3; ++k) {
      double m2 = 0;
      for (std::size_t i = 0; i < 3; ++i) m2 += prior[i] * at(j, i) * at(k, i);
      double const d2 = m2 - (c2(j, k) + c2(k, j)) / 2;
      by_hand += 2 * d2 * d2;
      for (std::size_t l = 0; l < 3; ++l) {
        double m3 = 0;
        for (std::size_t i = 0; i < 3; ++i) m3 += prior[i] * at(j, i) * at(k, i) * at(l, i);
        double const d3 = m3 - (c3(j, k * 3 + l) + c3(j, l * 3 + k) + c3(k, j * 3 + l) +
                                c3(k, l * 3 + j) + c3(l, j * 3 + k) + c3(l, k * 3 + j)) /
                                   6;
        by_hand += 3 * d3 * d3;
      }
    }
  }
  CHECK(value == doctest::Approx(by_hand).epsilon(1e-12));
  for (std::size_t j = 0; j < 3; ++j) {
    auto const step = [&](double& x, double expected) {
      double const kept = x, h = 1e-6;
      x = kept + h;
      double const above = problem.value(at, prior, unused, unused_prior);
      x = kept - h;
      double const below = problem.value(at, prior, unused, unused_prior);
      x = kept;
      CHECK((above - below) / (2 * h) == doctest::Approx(expected).epsilon(1e-6));
    };
    step(prior[j], prior_slope[j]);
    for (std::size_t i = 0; i < 3; ++i) step(at(j, i), slope(j, i));
  }
}

// golden: the repository's 200 x 3 table; closed form and ML by independent programs
TEST_CASE("hoc: the three solvers on a real table of three labels") {
  using limpid::transition::consensus_method;
  auto const e = limpid_test::golden("hoc.json")["case_three_labels_csv"];
  consensus_result r;
  r.c3 = flatten(e["c3"]);
  auto const solve = [&](consensus_method method) {
    limpid::transition::detail::solve_consensus(r, {.method = method}, {});
    return r.transition;
  };
  // off exact triples the closed form depends on the combination of slices that is drawn
  CHECK(gap(solve(consensus_method::spectral), to_matrix(e["spectral"]["T"])) < 0.06);
  CHECK(gap(solve(consensus_method::likelihood), to_matrix(e["em_on_counts_ml"]["T"])) < 1e-4);
  double const likelihood = r.log_likelihood;
  CHECK(likelihood == doctest::Approx(e["em_on_counts_ml"]["mean_loglik"].get<double>()));
  // the published objective has norms, not squares: the solutions differ by its other weights
  CHECK(gap(solve(consensus_method::moments), to_matrix(e["independent_optimum"]["T"])) < 0.02);
  CHECK(r.log_likelihood < likelihood);
  CHECK(r.others_agree == doctest::Approx(0.435 + 0.065 + 0.065 + 0.195));
  CHECK(r.asymmetry == doctest::Approx(std::sqrt(2.0) * 0.01));
}

TEST_CASE("hoc: a class without labels leaves the other solvers alone") {
  using limpid::transition::consensus_method;
  matrix<double> const T{{0.8, 0, 0.2}, {0, 1, 0}, {0.3, 0, 0.7}};
  for (auto method : {consensus_method::moments, consensus_method::spectral}) {
    consensus_result r;
    r.c3 = triples(T, {0.6, 0, 0.4});
    limpid::transition::detail::solve_consensus(r, {.method = method}, {});
    CHECK(gap(r.transition, T) < 1e-6);
    CHECK(r.class_estimated == flags{1, 0, 1});
  }
  // labels that say nothing: no closed form, and the result says so
  consensus_result r;
  r.c3 = triples(matrix<double>{{0.5, 0.5}, {0.5, 0.5}}, {0.5, 0.5});
  limpid::transition::detail::solve_consensus(r, {.method = consensus_method::spectral}, {});
  CHECK_FALSE(r.converged);
  CHECK(std::abs(r.least_eigenvalue) < 1e-15);
}

TEST_CASE("hoc: one search for many subsets counts what a search in each would") {
  namespace detail = limpid::transition::detail;
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  auto data = make_clouds(600, T, {0.6, 0.4}, 5);
  for (std::size_t i = 0; i < 30; ++i)  // and some duplicates
    for (std::size_t c = 0; c < 2; ++c) data.x(i, c) = data.x(i % 3, c);
  std::size_t const m = 200, rounds = 12;
  REQUIRE(detail::neighbours_for_subsets(600, m, rounds) > 10);
  REQUIRE(detail::neighbours_for_subsets(600, m, 1) == 0);
  auto const r = hoc(data.x, data.y, 2, {.rounds = rounds, .subset = m, .seed = 6});
  // by hand, and from lists so short that most rows have to be searched again
  limpid::matrix_view<double const> const all = data.x.view();
  limpid::vector_view<int const> const y(data.y.data(), 600);
  matrix<std::uint32_t> near(600, 3);
  matrix<double> distance(600, 3), c3(2, 4), counts(2, 4);
  limpid::ops::nearest(limpid::simd, all, all, 3, near.view(), distance.view(),
                       {.distance = metric::cosine, .exclude_self = true});
  detail::subset_counts<limpid::simd_policy> subsets(limpid::simd, 600);
  for (std::size_t round = 0; round < rounds; ++round) {
    auto const rows = detail::draw_rows(600, m, limpid::random_stream(6, 0, round));
    matrix<double> x(m, 2);
    std::vector<int> labels(m);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t c = 0; c < 2; ++c) x(i, c) = data.x(rows[i], c);
      labels[i] = data.y[rows[i]];
    }
    auto const one = hoc(x, labels, 2);
    for (std::size_t c = 0; c < 8; ++c)
      c3.data()[c] += one.c3.data()[c] / static_cast<double>(rounds);
    subsets.add(all, limpid::matrix_view<std::uint32_t const>(near.view()), y, {}, rows.view(),
                metric::cosine, counts);
  }
  CHECK(gap(r.c3, c3) < 1e-14);
  for (std::size_t c = 0; c < 8; ++c) counts.data()[c] /= static_cast<double>(rounds * m);
  CHECK(gap(counts, c3) < 1e-14);
}

TEST_CASE("hoc: weights count the triples of their rows") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  auto const data = make_clouds(300, T, {0.6, 0.4}, 7);
  std::vector<float> w(300);
  for (std::size_t i = 0; i < 300; ++i) w[i] = static_cast<float>(i % 4) / 4;
  limpid::matrix_view<double const> const x = data.x.view();
  matrix<std::uint32_t> index(300, 2);
  matrix<double> distance(300, 2), expected(2, 4);
  limpid::ops::nearest(limpid::seq, x, x, 2, index.view(), distance.view(),
                       {.distance = metric::cosine, .exclude_self = true});
  double total = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    auto const label = [&](std::size_t r) { return static_cast<std::size_t>(data.y.data()[r]); };
    expected(label(i), 2 * label(index(i, 0)) + label(index(i, 1))) += w[i];
    total += w[i];
  }
  for (std::size_t c = 0; c < 8; ++c) expected.data()[c] /= total;
  auto const r = hoc(data.x, data.y, w, 2);
  CHECK(gap(r.c3, expected) < 1e-14);
  CHECK(hoc(index, data.y, w, 2).c3 == r.c3);
  CHECK(hoc(data.x, data.y, std::vector<double>(300, 2.0), 2).c3 == hoc(data.x, data.y, 2).c3);
  // subsets: searched one by one, and from one list
  for (std::size_t const rounds : {std::size_t{1}, std::size_t{12}}) {
    matrix<double> sums(2, 4);
    for (std::size_t round = 0; round < rounds; ++round) {
      auto const rows =
          limpid::transition::detail::draw_rows(300, 100, limpid::random_stream(6, 0, round));
      matrix<double> some(100, 2);
      std::vector<int> y(100);
      std::vector<double> v(100);
      double mass = 0;
      for (std::size_t i = 0; i < 100; ++i) {
        for (std::size_t c = 0; c < 2; ++c) some(i, c) = data.x(rows[i], c);
        y[i] = data.y[rows[i]];
        mass += v[i] = w[rows[i]];
      }
      auto const one = hoc(some, y, v, 2);
      for (std::size_t c = 0; c < 8; ++c) sums.data()[c] += one.c3.data()[c] * mass;
    }
    double all = 0;
    for (std::size_t c = 0; c < 8; ++c) all += sums.data()[c];
    for (std::size_t c = 0; c < 8; ++c) sums.data()[c] /= all;
    CHECK(gap(hoc(data.x, data.y, w, 2, {.rounds = rounds, .subset = 100, .seed = 6}).c3, sums) <
          1e-14);
  }
  w[17] = -1;
  CHECK_THROWS_WITH_AS((void)hoc(data.x, data.y, w, 2),
                       "transition::hoc: weights row 17 is negative; weights must be at least 0",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS((void)hoc(data.x, data.y, std::vector<float>(300), 2),
                       "transition::hoc: weights are all 0; no row counts", limpid::input_error);
  CHECK_THROWS_AS((void)hoc(data.x, data.y, std::vector<float>(299), 2), limpid::input_error);
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
    for (int threads : {1, 3}) {
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
  CHECK_THROWS_WITH_AS((void)hoc(x, y, 2, {.solver = {.order_weights = {1, 1, 0}}}),
                       "transition::hoc: options.solver.order_weights are 1, 1, 0; need finite "
                       "numbers, at least 0, the third more than 0",
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
