// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/estimate.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/inputs.hpp"

namespace {

using limpid::matrix;
using limpid::transition::estimate;
using limpid::transition::estimate_reason;
using limpid::transition::estimate_rule;
using limpid::transition::reading_kind;
namespace evidence = limpid::transition::detail::evidence;

double gap(matrix<double> const& a, matrix<double> const& b) {
  REQUIRE(a.rows() == b.rows());
  double worst = 0;
  for (std::size_t e = 0; e < a.rows() * a.cols(); ++e)
    worst = std::max(worst, std::abs(a.data()[e] - b.data()[e]));
  return worst;
}

/// Row shares of true against given.
template <class Truth, class Given>
matrix<double> happened(Truth const& truth, Given const& given, std::size_t classes) {
  matrix<double> t(classes, classes);
  std::vector<double> rows(classes);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    t(static_cast<std::size_t>(truth[i]), static_cast<std::size_t>(given[i])) += 1;
    rows[static_cast<std::size_t>(truth[i])] += 1;
  }
  for (std::size_t k = 0; k < classes; ++k)
    for (std::size_t j = 0; j < classes; ++j) t(k, j) /= rows[k];
  return t;
}

std::size_t drawn(limpid::random_stream& draw, matrix<double> const& t, std::size_t row) {
  double u = draw.uniform();
  std::size_t j = 0;
  while (j + 1 < t.cols() && (u -= t(row, j)) >= 0) ++j;
  return j;
}

/// Classes on a circle of radius r in the plane, unit squares of noise about their centres, labels
/// drawn through t; p: a classifier that sees the centres.
struct plane {
  matrix<double> x, p;
  std::vector<std::int32_t> truth, given;
};
plane make_plane(std::size_t n, matrix<double> const& t, double radius, std::uint64_t seed) {
  std::size_t const classes = t.rows();
  plane out{matrix<double>(n, 2), matrix<double>(n, classes), {}, {}};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 3, i);
    std::size_t const z = i % classes;
    auto const angle = [&](std::size_t k) {
      return 6.283185307179586 * static_cast<double>(k) / static_cast<double>(classes);
    };
    out.x(i, 0) = radius * std::cos(angle(z)) + draw.uniform() + draw.uniform() - 1;
    out.x(i, 1) = radius * std::sin(angle(z)) + draw.uniform() + draw.uniform() - 1;
    out.truth.push_back(static_cast<std::int32_t>(z));
    out.given.push_back(static_cast<std::int32_t>(drawn(draw, t, z)));
    std::vector<double> s(classes);
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      double const dx = out.x(i, 0) - radius * std::cos(angle(k)),
                   dy = out.x(i, 1) - radius * std::sin(angle(k));
      sum += s[k] = std::exp(-3 * (dx * dx + dy * dy));
    }
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t j = 0; j < classes; ++j) out.p(i, j) += s[k] / sum * t(k, j);
  }
  return out;
}

matrix<double> const asymmetric{{0.7, 0.3, 0.0}, {0.1, 0.8, 0.1}, {0.0, 0.05, 0.95}};

TEST_CASE("estimate: from features and labels alone, T, who is wrong, and why that T") {
  auto const data = make_plane(900, asymmetric, 3, 1);
  auto const& features = data.x;
  auto const& labels = data.given;

  //! [call]
  auto const r = limpid::transition::estimate(features, labels, 3);
  bool const by_neighbours = r.rule == limpid::transition::estimate_rule::views;
  std::size_t const most_doubtful = r.ranking[0];
  //! [call]

  CHECK(by_neighbours);
  CHECK(r.reason == estimate_reason::related_neighbours);
  CHECK(r.given_count.size() == 3);
  CHECK(labels[most_doubtful] != data.truth[most_doubtful]);
  CHECK(gap(r.transition, happened(data.truth, labels, 3)) < 0.01);
  double wrong = 0, weights = 0, total = 0;
  std::size_t named = 0;
  for (std::size_t i = 0; i < 900; ++i) {
    wrong += labels[i] != data.truth[i];
    named += r.suggested[i] == data.truth[i];
  }
  CHECK(named >= 885);
  CHECK(r.noise_rate.estimate == doctest::Approx(wrong / 900).epsilon(0.02));
  CHECK(r.noise_rate.low <= wrong / 900);
  CHECK(r.noise_rate.high >= wrong / 900);
  REQUIRE(r.readings.size() == 6);
  for (auto const& one : r.readings) weights += one.weight;
  CHECK(weights == doctest::Approx(1));
  CHECK(r.readings[4].kind == reading_kind::views);
  CHECK(r.readings[4].weight == 1);
  CHECK(r.readings[4].distance < 1e-15);
  for (std::size_t e = 0; e < 9; ++e) {
    CHECK(r.low.data()[e] <= r.transition.data()[e]);
    CHECK(r.transition.data()[e] <= r.high.data()[e]);
    total += r.joint.data()[e];
  }
  CHECK(total == doctest::Approx(1));
}

// friends share a class 8 times in 10, whatever they look like
TEST_CASE(
    "estimate: views tell a classifier's error, and a neighbour of another class, from a wrong "
    "label") {
  auto const data = make_plane(3000, asymmetric, 0.6, 2);
  matrix<int> friends(3000, 2);
  for (std::size_t i = 0; i < 3000; ++i)
    for (std::size_t c = 0; c < 2; ++c) {
      limpid::random_stream draw(6, 1, 2 * i + c);
      std::size_t const step = draw.uniform() < 0.8 ? 0 : 1 + draw.below(2);
      std::size_t const to = 3 * draw.below(1000) + (i + step) % 3;
      friends(i, c) = static_cast<int>(to == i ? (to + 3) % 3000 : to);
    }
  auto const truth = happened(data.truth, data.given, 3);
  auto const counts = estimate(data.p, data.given);
  auto const r = estimate(data.p, data.given, friends);
  CHECK(counts.rule == estimate_rule::counts);
  CHECK(counts.reason == estimate_reason::no_features);
  REQUIRE(r.rule == estimate_rule::views);
  CHECK(r.readings[0].distance > 0.02);  // arg max against label
  CHECK(r.readings[5].distance > 0.02);  // triples
  CHECK(gap(r.transition, truth) < 0.04);
  CHECK(gap(r.transition, truth) < gap(counts.transition, truth) / 2);
  CHECK(gap(r.transition, truth) < gap(r.readings[5].transition, truth) / 2);
}

TEST_CASE("estimate: half widths of Student's t") {
  CHECK(evidence::students_t_half_width(1, 0.95) == doctest::Approx(12.7062047));
  CHECK(evidence::students_t_half_width(2, 0.95) == doctest::Approx(4.30265273));
  CHECK(evidence::students_t_half_width(3, 0.95) == doctest::Approx(3.18244631));
  CHECK(evidence::students_t_half_width(4, 0.99) == doctest::Approx(4.60409487));
  CHECK(evidence::students_t_half_width(5, 0.9) == doctest::Approx(2.01504837));
}

TEST_CASE("estimate: the mixture of views returns the confusions that made the counts") {
  matrix<double> const near{{0.6, 0.3, 0.1}, {0.2, 0.7, 0.1}, {0.05, 0.15, 0.8}};
  matrix<double> const learnt{{0.9, 0.1, 0}, {0.05, 0.9, 0.05}, {0, 0.2, 0.8}};
  double const prior[] = {0.5, 0.3, 0.2};
  matrix<double> counts(3, 9);
  for (std::size_t z = 0; z < 3; ++z)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t l = 0; l < 3; ++l)
          counts(j, k * 3 + l) += 1e4 * prior[z] * asymmetric(z, j) * near(z, k) * learnt(z, l);
  auto const m = evidence::fit_views(
      counts, matrix<double>{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.1, 0.1, 0.8}}, 20000, 1e-14);
  CHECK(gap(m.own, asymmetric) < 1e-3);
  CHECK(gap(m.neighbour, near) < 1e-3);
  CHECK(gap(m.classifier, learnt) < 1e-3);
  for (std::size_t z = 0; z < 3; ++z) CHECK(m.prior[z] == doctest::Approx(prior[z]).epsilon(1e-3));
}

TEST_CASE(
    "estimate: a classifier in doubt leaves T to counts that believe the labels, by the stated "
    "weight") {
  // 60 sure rows and 40 whose two classes are a toss-up that the arg max loses half the time
  matrix<double> p(100, 2);
  std::vector<int> y(100);
  for (std::size_t i = 0; i < 100; ++i) {
    std::size_t const k = i % 2;
    y[i] = static_cast<int>(k);
    bool const sure = i < 60, lost = i % 4 < 2;
    p(i, k) = sure ? 0.99 : lost ? 0.48 : 0.52;
    p(i, 1 - k) = 1 - p(i, k);
  }
  p(0, 0) = 0.01, p(0, 1) = 0.99;  // one label is wrong for certain
  auto const r = estimate(p, y);
  CHECK(r.confident_share < 0.2);
  double const w = r.confident_share, m = w * w / (w * w + (1 - w) * (1 - w));
  CHECK(r.median_weight == doctest::Approx(m));
  auto const &a = r.readings[0].transition, &c = r.readings[1].transition,
             &e = r.readings[2].transition;
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) {
      double const middle =
          std::max(std::min(a(i, j), c(i, j)), std::min(std::max(a(i, j), c(i, j)), e(i, j)));
      CHECK(r.transition(i, j) == doctest::Approx(m * middle + (1 - m) * e(i, j)));
    }
  CHECK(r.readings[2].weight == doctest::Approx(1 - 2 * m / 3));
  CHECK(r.readings[1].weight == doctest::Approx(m / 3));
  CHECK(r.noise_rate.estimate < 0.06);
  CHECK(r.readings[0].noise_rate > 0.15);
  CHECK(r.ranking[0] == 0);
}

// by hand: one step of EM from the confident counts, P to the power 3^m a
TEST_CASE(
    "estimate: the expected counts start from the confident ones and are as sharp as w says") {
  auto const data = make_plane(200, asymmetric, 1, 12);
  auto const r = estimate(data.p, data.given);
  auto const start = evidence::smoothed(r.readings[1].transition, 0.05);
  double const power = r.power * std::pow(3.0, r.median_weight);
  matrix<double> counts(3, 3);
  double passed = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    auto const y = static_cast<std::size_t>(data.given[i]);
    double q[3], p[3], sum = 0, all = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      all += p[k] = std::pow(std::max(data.p(i, k), 1e-12), power);
      sum += q[k] = p[k] * start(k, y);
    }
    double likelihood = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      counts(k, y) += q[k] / sum;
      likelihood += p[k] / all * (0.95 * r.transition(k, y) + 0.05 / 3);
    }
    passed -= std::log(likelihood) / 200;
  }
  CHECK(gap(r.readings[2].transition, evidence::row_stochastic(counts)) < 1e-9);
  CHECK(r.passed_loss == doctest::Approx(passed).epsilon(1e-9));
}

TEST_CASE("estimate: rows in the order of odds where labels are noisy, of P(label) in doubt") {
  using limpid::transition::estimate_order;
  // noise of 40 % that a classifier sees through
  auto const noisy = make_plane(900, {{0.6, 0.4, 0}, {0, 0.6, 0.4}, {0.4, 0, 0.6}}, 3, 13);
  auto const a = estimate(noisy.p, noisy.given);
  CHECK(a.generous_share > 0.5);
  CHECK(a.order == estimate_order::log_odds);
  // right labels, and a classifier that mixes the classes up
  auto const unsure = make_plane(900, matrix<double>::identity(3), 0.5, 14);
  auto const b = estimate(unsure.p, unsure.given);
  REQUIRE(b.generous_share < 0.5);
  REQUIRE(b.passed_loss > b.mean_loss);
  CHECK(b.order == estimate_order::self_confidence);
  auto const own = [&](std::size_t i) {
    return unsure.p(i, static_cast<std::size_t>(unsure.given[i]));
  };
  for (std::size_t k = 1; k < 900; ++k) CHECK(own(b.ranking[k - 1]) <= own(b.ranking[k]));
  CHECK(estimate(unsure.x, unsure.given, 3).order == estimate_order::log_odds);
}

TEST_CASE("estimate: features that tell nothing change nothing but the reason") {
  auto const data = make_plane(600, asymmetric, 3, 4);
  matrix<double> junk(600, 2);
  for (std::size_t i = 0; i < 600; ++i) {
    limpid::random_stream draw(9, 0, i);
    junk(i, 0) = draw.uniform();
    junk(i, 1) = draw.uniform();
  }
  auto const plain = estimate(data.p, data.given);
  auto const r = estimate(data.p, data.given, junk);
  CHECK(r.rule == estimate_rule::counts);
  CHECK(r.reason == estimate_reason::unrelated_neighbours);
  CHECK(r.from_votes == false);
  CHECK(r.transition == plain.transition);
  CHECK(r.ranking == plain.ranking);
}

TEST_CASE("estimate: neighbours from any search, nearest first") {
  auto const data = make_plane(120, asymmetric, 3, 5);
  matrix<int> index(120, 20);
  matrix<double> z(120, 2);
  for (std::size_t c = 0; c < 2; ++c) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < 120; ++i) mean += data.x(i, c) / 120;
    for (std::size_t i = 0; i < 120; ++i)
      square += (data.x(i, c) - mean) * (data.x(i, c) - mean) / 120;
    for (std::size_t i = 0; i < 120; ++i) z(i, c) = (data.x(i, c) - mean) / std::sqrt(square);
  }
  for (std::size_t i = 0; i < 120; ++i) {
    std::vector<std::pair<double, int>> order;
    for (std::size_t j = 0; j < 120; ++j)
      if (j != i)
        order.push_back(
            {std::pow(z(i, 0) - z(j, 0), 2) + std::pow(z(i, 1) - z(j, 1), 2), static_cast<int>(j)});
    std::sort(order.begin(), order.end());
    for (std::size_t c = 0; c < 20; ++c) index(i, c) = order[c].second;
  }
  auto const by_index = estimate(index, data.given, 3);
  matrix<int> first_two(120, 2);
  for (std::size_t i = 0; i < 120; ++i)
    first_two(i, 0) = index(i, 0), first_two(i, 1) = index(i, 1);
  CHECK(by_index.rule == estimate_rule::views);
  // 40 neighbours are sought among 120 rows; cut to 20 they are those of the list
  auto const by_features = estimate(data.x, data.given, 3);
  CHECK(by_features.votes >= 10);
  CHECK(gap(by_index.transition, by_features.transition) < 0.02);
  CHECK(estimate(first_two, data.given, 3).reason == estimate_reason::few_neighbours);
  CHECK(estimate(data.p, data.given, first_two).rule == estimate_rule::views);
}

TEST_CASE("estimate: trusted rows, as counts or as labels, weigh what they deserve") {
  auto const data = make_plane(600, asymmetric, 3, 6);
  auto const plain = estimate(data.p, data.given);
  std::vector<std::size_t> rows;
  std::vector<std::int32_t> labels;
  matrix<double> counts(3, 3);
  for (std::size_t i = 0; i < 60; ++i) {
    rows.push_back(i * 10);
    labels.push_back(data.truth[i * 10]);
    counts(static_cast<std::size_t>(data.truth[i * 10]),
           static_cast<std::size_t>(data.given[i * 10])) += 1;
  }
  auto const by_rows =
      estimate(data.p, data.given, {.trusted_rows = rows, .trusted_labels = labels});
  auto const by_counts = estimate(data.p, data.given, {.trusted = counts});
  CHECK(by_rows.transition == by_counts.transition);
  CHECK(by_rows.trusted_weight > 50);  // they agree with the labels' own T
  CHECK(gap(by_rows.transition, plain.transition) < 0.06);

  matrix<double> const other{{10000, 0, 0}, {0, 5000, 5000}, {0, 0, 0}};
  auto const against = estimate(data.p, data.given, {.trusted = other});
  CHECK(against.trusted_weight < 20);
  CHECK(gap(against.transition, matrix<double>{{1, 0, 0},
                                               {0, 0.5, 0.5},
                                               {plain.transition(2, 0), plain.transition(2, 1),
                                                plain.transition(2, 2)}}) < 0.01);
}

TEST_CASE("estimate: renaming the classes renames the answer") {
  auto const data = make_plane(300, asymmetric, 2, 7);
  std::size_t const to[] = {2, 0, 1};
  matrix<double> p(300, 3);
  std::vector<std::int32_t> y(300);
  for (std::size_t i = 0; i < 300; ++i) {
    for (std::size_t k = 0; k < 3; ++k) p(i, to[k]) = data.p(i, k);
    y[i] = static_cast<std::int32_t>(to[data.given[i]]);
  }
  auto const a = estimate(data.p, data.given, data.x), b = estimate(p, y, data.x);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(b.transition(to[i], to[j]) == doctest::Approx(a.transition(i, j)).epsilon(1e-6));
}

TEST_CASE("estimate: small and lopsided inputs have an answer") {
  SUBCASE("one class") {
    auto const r = estimate(matrix<double>(5, 1, 1.0), std::vector<int>(5));
    CHECK(r.transition == matrix<double>{{1}});
    CHECK(r.noise_rate.estimate == 0);
    matrix<double> const x{{1}, {2}, {3}, {4}, {5}};
    CHECK(estimate(x, std::vector<int>(5), 1).reason == estimate_reason::one_class);
  }
  SUBCASE("one row") {
    auto const r = estimate(matrix<double>{{0.2, 0.8}}, std::vector<int>{0});
    for (std::size_t e = 0; e < 4; ++e) CHECK(std::isfinite(r.transition.data()[e]));
  }
  SUBCASE("three rows and their features") {
    matrix<double> const x{{1, 5}, {1, 6}, {1, 6}};
    auto const r = estimate(x, std::vector<int>{0, 1, 1}, 2);
    CHECK(r.reason == estimate_reason::few_neighbours);
    for (double p : r.p_right) CHECK(std::isfinite(p));
  }
  SUBCASE("a class without rows") {
    auto const data = make_plane(200, matrix<double>::identity(2), 3, 8);
    auto const r = estimate(data.x, data.given, 3);
    CHECK(r.class_estimated[2] == 0);
    CHECK(r.class_estimated[0] == 1);
    CHECK(gap(r.transition, matrix<double>::identity(3)) < 1e-6);
    CHECK(r.prior[2] < 1e-6);
  }
  SUBCASE("more wrong labels than right ones are pointed at") {
    matrix<double> p(100, 2, 0.05);
    std::vector<int> y(100);
    for (std::size_t i = 0; i < 100; ++i) {
      p(i, i % 2) = 0.95;
      y[i] = i % 2 && i % 3 ? 0 : static_cast<int>(i % 2);
    }
    auto const r = estimate(p, y, {.judge_rows = false});
    CHECK(r.outnumbered[0] == 0);
    CHECK(r.outnumbered[1] == 1);
    CHECK(r.ranking.empty());
  }
}

TEST_CASE("estimate: bad input is named") {
  matrix<double> p{{0.5, 0.5}, {0.4, 0.6}, {0.3, 0.7}};
  std::vector<int> const y{0, 1, 1};
  using limpid::input_error;
  CHECK_THROWS_WITH_AS(estimate(matrix<double>(0, 2), std::vector<int>{}),
                       "transition::estimate: P is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS(estimate(p, std::vector<int>{0}),
                       "transition::estimate: P has 3 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS(estimate(p, std::vector<int>{0, 1, 2}),
                       "transition::estimate: y row 2 is 2; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS(estimate(p, y, {.level = 1}),
                       "transition::estimate: options.level is 1; need (0, 1)", input_error);
  CHECK_THROWS_WITH_AS(estimate(p, y, {.trusted = matrix<double>(2, 3)}),
                       "transition::estimate: options.trusted is 2 x 3; need K x K, K = 2",
                       input_error);
  CHECK_THROWS_WITH_AS(
      estimate(p, y, {.trusted = matrix<double>(2, 2, -1)}),
      "transition::estimate: options.trusted has the entry -1; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS(estimate(p, y, {.trusted_rows = {1}}),
                       "transition::estimate: options.trusted_rows has 1 entries, trusted_labels 0",
                       input_error);
  CHECK_THROWS_WITH_AS(estimate(p, y, {.trusted_rows = {3}, .trusted_labels = {0}}),
                       "transition::estimate: options.trusted_rows entry 0 is 3; need rows 0..2",
                       input_error);
  CHECK_THROWS_WITH_AS(estimate(p, y, {.trusted_rows = {2}, .trusted_labels = {2}}),
                       "transition::estimate: options.trusted_labels entry 0 is 2; need 0..1",
                       input_error);
  CHECK_NOTHROW(estimate(p, y, {.trusted_rows = {2}, .trusted_labels = {1}}));
  matrix<double> x{{1}, {2}, {3}};
  CHECK_THROWS_WITH_AS(estimate(x, y, 0),
                       "transition::estimate: classes is 0; say how many there are", input_error);
  CHECK_THROWS_WITH_AS(estimate(p, y, matrix<double>(2, 1)),
                       "transition::estimate: X is 2 x 1; need at least three rows and one column",
                       input_error);
  CHECK_THROWS_WITH_AS(estimate(p, y, matrix<double>(4, 1)),
                       "transition::estimate: X has 4 rows, y has 3", input_error);
  matrix<int> index{{1, 2}, {0, 2}, {0, 2}};
  CHECK_THROWS_WITH_AS(estimate(p, y, index), "transition::estimate: X row 2 names the row itself",
                       input_error);
  index(2, 1) = 3;
  CHECK_THROWS_WITH_AS(estimate(p, y, index),
                       "transition::estimate: X row 2 has an entry that is no row number",
                       input_error);
  x(1, 0) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(estimate(x, y, 2),
                       "transition::estimate: X row 1 has an entry that is not finite",
                       input_error);
  p(1, 0) = 0.9;
  CHECK_THROWS_WITH_AS(estimate(p, y),
                       "transition::estimate: P row 1 sums to 1.5; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
}

TEST_CASE("estimate: progress stops it") {
  auto const data = make_plane(300, asymmetric, 3, 10);
  for (int stop_at : {1, 2, 3}) {
    int calls = 0;
    auto const r = estimate(data.x, data.given, 3,
                            {.on_progress = [&](double f) { return ++calls < stop_at || f >= 1; }});
    CHECK(r.stopped);
    CHECK(r.ranking.empty());
  }
}

TEST_CASE("estimate: threads, the plain loops and a device agree") {
  auto const data = make_plane(300, asymmetric, 1.5, 11);
  auto const run = [&](auto const& exec, auto const& p, auto const& y, auto const& x) {
    return estimate(exec, p, y, x);
  };
  auto const r = run(limpid::simd, data.p, data.given, data.x);
  for (int threads : {1, 3}) {
    auto const other = run(limpid::par_policy{.threads = threads}, data.p, data.given, data.x);
    CHECK(other.transition == r.transition);
    CHECK(other.ranking == r.ranking);
  }
  auto const plain = run(limpid::seq, data.p, data.given, data.x);
  CHECK(gap(plain.transition, r.transition) < 1e-9);
  limpid_test::device_matrix<double> const p(data.p.view()), x(data.x.view());
  limpid_test::device_vector<std::int32_t> const y(
      limpid::vector_view<std::int32_t const>(data.given.data(), data.given.size()));
  auto const there = run(limpid_test::device, p, y, x);
  CHECK(there.transition == plain.transition);
  CHECK(there.p_right == plain.p_right);

  // rows by P(label)
  auto const unsure = make_plane(300, matrix<double>::identity(3), 0.5, 15);
  limpid_test::device_matrix<double> const q(unsure.p.view());
  limpid_test::device_vector<std::int32_t> const z(
      limpid::vector_view<std::int32_t const>(unsure.given.data(), unsure.given.size()));
  auto const here = estimate(limpid::seq, unsure.p, unsure.given);
  CHECK(here.order == limpid::transition::estimate_order::self_confidence);
  CHECK(estimate(limpid_test::device, q, z).ranking == here.ranking);
}

}  // namespace
