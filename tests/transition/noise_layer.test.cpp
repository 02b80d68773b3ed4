// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/noise_layer.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::layer_solver;
using limpid::transition::layer_start;
using limpid::transition::noise_layer;
using limpid::transition::noise_layer_options;
using limpid_test::gap;
using limpid_test::to_matrix;

// The log-likelihood and EM's next T, as sums over rows.
double by_hand(matrix<double> const& s, std::vector<int> const& y, matrix<double> const& T,
               matrix<double>& counts) {
  std::size_t const K = s.cols();
  counts = matrix<double>(K, K);
  double sum = 0;
  for (std::size_t i = 0; i < s.rows(); ++i) {
    auto const j = static_cast<std::size_t>(y[i]);
    double u = 0;
    for (std::size_t k = 0; k < K; ++k) u += s(i, k) * T(k, j);
    for (std::size_t k = 0; k < K; ++k) counts(k, j) += s(i, k) * T(k, j) / u;
    sum += std::log(u);
  }
  return sum;
}

limpid_test::labelled_posteriors golden_input() {
  auto const in = limpid_test::golden("cleanlab_confident_learning.json")["input"];
  limpid_test::labelled_posteriors out{to_matrix(in["pred_probs"]),
                                       limpid_test::to_ints(in["labels"])};
  for (std::size_t i = 0; i < out.p.rows(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < out.p.cols(); ++k) sum += out.p(i, k) = std::max(out.p(i, k), 1e-3);
    for (std::size_t k = 0; k < out.p.cols(); ++k) out.p(i, k) /= sum;
  }
  return out;
}

// Posteriors of the true class, the class drawn from them, the label through T.
limpid_test::labelled_posteriors draw_labels(std::size_t n, matrix<double> const& T,
                                             std::uint64_t seed) {
  std::size_t const K = T.rows();
  limpid_test::labelled_posteriors out{matrix<double>(n, K), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    double sum = 0;
    std::size_t const top = draw.below(K);
    for (std::size_t k = 0; k < K; ++k) {
      double const u = draw.uniform();
      sum += out.p(i, k) = u * u * u + (k == top ? 3 : 0);
    }
    for (std::size_t k = 0; k < K; ++k) out.p(i, k) /= sum;
    double u = draw.uniform(), v = draw.uniform();
    std::size_t z = 0, j = 0;
    while (z + 1 < K && u >= out.p(i, z)) u -= out.p(i, z++);
    while (j + 1 < K && v >= T(z, j)) v -= T(z, j++);
    out.y[i] = static_cast<int>(j);
  }
  return out;
}

// golden: EM in numpy 1.24.2 to 1e-14
TEST_CASE("noise_layer: the maximum of the likelihood") {
  auto const e = limpid_test::golden("transition_misc.json")["em_T_given_clean_posteriors"];
  auto const in = golden_input();
  auto const none = noise_layer(in.p, in.y, {.max_iterations = 0});
  CHECK(none.log_likelihood == doctest::Approx(e["loglik_T0"].get<double>()).epsilon(1e-12));
  CHECK(gap(none.counts, to_matrix(e["expected_counts_iteration_1"])) < 1e-9);
  auto const once = noise_layer(in.p, in.y, {.solver = layer_solver::em, .max_iterations = 1});
  CHECK(gap(once.transition, to_matrix(e["T_iteration_1"])) < 1e-12);
  CHECK(!once.converged);
  for (auto solver : {layer_solver::newton, layer_solver::squarem, layer_solver::em}) {
    CAPTURE(static_cast<int>(solver));
    auto const r = noise_layer(in.p, in.y, {.solver = solver, .max_iterations = 5000});
    CHECK(r.converged);
    CHECK(r.log_likelihood == doctest::Approx(e["loglik_converged"].get<double>()).epsilon(1e-9));
    CHECK(gap(r.transition, to_matrix(e["T_converged"])) < 2e-5);
    CHECK(e["loglik_converged"].get<double>() - r.log_likelihood <= r.gap + 1e-10);
  }
  auto const r = noise_layer(in.p, in.y, {.tolerance = 1e-14});
  CHECK(gap(r.transition, to_matrix(e["T_converged"])) < 1e-9);
  CHECK(r.iterations < 30);
  auto const mass = e["row_multipliers_equal_row_mass"].get<std::vector<double>>();
  for (std::size_t k = 0; k < 4; ++k)
    CHECK(r.prior[k] * 200 == doctest::Approx(mass[k]).epsilon(1e-7));
  CHECK(noise_layer(in.p, in.y, {.start = layer_start::confusion, .tolerance = 1e-14})
            .log_likelihood == doctest::Approx(r.log_likelihood).epsilon(1e-12));
}

TEST_CASE("noise_layer: what an optimum is, and that EM climbs to it") {
  matrix<double> const T{{0.7, 0.3, 0}, {0, 0.9, 0.1}, {0.2, 0.2, 0.6}};
  auto const in = draw_labels(3000, T, 5);
  auto const r = noise_layer(in.p, in.y, {.keep_posterior = true});
  CHECK(r.converged);
  matrix<double> counts;
  CHECK(by_hand(in.p, in.y, r.transition, counts) ==
        doctest::Approx(r.log_likelihood).epsilon(1e-12));
  CHECK(gap(counts, r.counts) < 1e-7);
  for (std::size_t k = 0; k < 3; ++k) {
    double mass = 0, all = 0;
    for (std::size_t j = 0; j < 3; ++j) mass += counts(k, j);
    for (std::size_t j = 0; j < 3; ++j)  // a fixed point of EM
      CHECK(std::abs(counts(k, j) / mass - r.transition(k, j)) < 1e-6);
    for (std::size_t i = 0; i < 3000; ++i) all += r.posterior(i, k);
    CHECK(all == doctest::Approx(mass).epsilon(1e-9));
  }
  CHECK(gap(r.transition, T) < 0.05);
  double before = -INFINITY;
  for (int steps = 0; steps < 12; ++steps) {
    auto const e = noise_layer(in.p, in.y, {.solver = layer_solver::em, .max_iterations = steps});
    CHECK(e.log_likelihood >= before);
    CHECK(r.log_likelihood - e.log_likelihood <= e.gap);
    before = e.log_likelihood;
  }
  // no random T is more likely
  for (std::uint64_t t = 0; t < 50; ++t) {
    limpid::random_stream draw(9, 0, t);
    auto other = r.transition;
    for (std::size_t k = 0; k < 3; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < 3; ++j) sum += other(k, j) += 0.02 * draw.uniform();
      for (std::size_t j = 0; j < 3; ++j) other(k, j) /= sum;
    }
    CHECK(by_hand(in.p, in.y, other, counts) <= r.log_likelihood);
  }
}

TEST_CASE("noise_layer: one-hot posteriors give the confusion matrix, in one step") {
  //! [call]
  limpid::matrix<double> const S{{1, 0}, {1, 0}, {1, 0},
                                 {1, 0}, {0, 1}, {0, 1}};  // of the true class
  std::vector<int> const y{0, 0, 0, 1, 1, 1};

  auto const r = limpid::transition::noise_layer(S, y);
  // r.transition = {{0.75, 0.25}, {0, 1}}; r.gap bounds the likelihood that is missing
  //! [call]
  CHECK(gap(r.transition, matrix<double>{{0.75, 0.25}, {0, 1}}) < 1e-9);
  CHECK(r.iterations <= 6);
  auto const once = noise_layer(S, y, {.max_iterations = 1});
  CHECK(gap(once.transition, r.transition) < 1e-9);
  CHECK(r.prior[0] == doctest::Approx(4. / 6));
}

TEST_CASE("noise_layer: prior counts, trace, weights") {
  auto const in = draw_labels(800, {{0.8, 0.1, 0.1}, {0.2, 0.7, 0.1}, {0, 0.3, 0.7}}, 8);
  // prior counts are rows whose class is known
  matrix<double> const a{{5, 2, 1}, {1, 9, 1}, {3, 3, 3}};
  auto more = in;
  more.p = matrix<double>(828, 3);
  std::copy(in.p.data(), in.p.data() + 2400, more.p.data());
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t j = 0; j < 3; ++j)
      for (int c = 0; c < static_cast<int>(a(k, j)); ++c) {
        more.p(more.y.size(), k) = 1;
        more.y.push_back(static_cast<int>(j));
      }
  REQUIRE(more.y.size() == 828);
  auto const map = noise_layer(in.p, in.y, {.prior_counts = a});
  CHECK(map.converged);
  CHECK(gap(map.transition, noise_layer(more.p, more.y).transition) < 1e-5);
  auto const by_em = noise_layer(in.p, in.y, {.solver = layer_solver::em, .prior_counts = a});
  CHECK(gap(map.transition, by_em.transition) < 1e-4);

  // weight 3 = three times, weight 0 = absent
  std::vector<double> w(800);
  limpid_test::labelled_posteriors copies{matrix<double>(0, 3), {}};
  std::vector<double> rows;
  for (std::size_t i = 0; i < 800; ++i) {
    w[i] = static_cast<double>(i % 4);
    for (std::size_t c = 0; c < i % 4; ++c) {
      for (std::size_t k = 0; k < 3; ++k) rows.push_back(in.p(i, k));
      copies.y.push_back(in.y[i]);
    }
  }
  copies.p = matrix<double>(copies.y.size(), 3);
  std::copy(rows.begin(), rows.end(), copies.p.data());
  CHECK(gap(noise_layer(in.p, in.y, w).transition, noise_layer(copies.p, copies.y).transition) <
        1e-8);

  // the trace is pushed down, and the gap still bounds
  double last = 3;
  for (double g : {0.0, 20.0, 100.0}) {
    auto const r = noise_layer(in.p, in.y, {.trace_weight = g});
    CHECK(r.converged);
    double const trace = r.transition(0, 0) + r.transition(1, 1) + r.transition(2, 2);
    CHECK(trace < last);
    last = trace;
    auto const e = noise_layer(
        in.p, in.y,
        {.solver = layer_solver::em, .trace_weight = g, .tolerance = 1e-9, .max_iterations = 5000});
    CHECK(e.converged);
    CHECK(gap(e.transition, r.transition) < 1e-3);
  }
}

TEST_CASE("noise_layer: deviations and intervals") {
  // one-hot: T's entries are shares
  matrix<double> s(150, 2);
  std::vector<int> y(150);
  for (std::size_t i = 0; i < 150; ++i) {
    s(i, i < 100 ? 0 : 1) = 1;
    y[i] = i < 20 || i >= 100;
  }
  auto const r = noise_layer(s, y, {.intervals = true});
  REQUIRE(!r.deviation.empty());
  double const sd = std::sqrt(0.2 * 0.8 / 100), reach = 1.959963984540054 * sd / 0.16;
  CHECK(r.deviation(0, 1) == doctest::Approx(sd).epsilon(1e-6));
  CHECK(r.low(0, 1) == doctest::Approx(1 / (1 + 4 * std::exp(reach))).epsilon(1e-5));
  CHECK(r.high(0, 1) == doctest::Approx(1 / (1 + 4 * std::exp(-reach))).epsilon(1e-5));
  CHECK(r.low(1, 0) == 0);
  CHECK(r.high(1, 0) == doctest::Approx(-std::log(0.05) / 50).epsilon(1e-3));  // 3 / n
  CHECK(r.low(1, 1) == doctest::Approx(1 - r.high(1, 0)));
  // in general: numeric second differences of the profile along a row
  auto const in = draw_labels(2000, {{0.8, 0.2}, {0.3, 0.7}}, 2);
  auto const t = noise_layer(in.p, in.y, {.tolerance = 1e-14, .intervals = true});
  REQUIRE(!t.deviation.empty());
  double h[2][2];
  matrix<double> unused;
  auto const at = [&](double a, double b) {
    double const p = t.transition(0, 1) + a, q = t.transition(1, 0) + b;
    return by_hand(in.p, in.y, {{1 - p, p}, {q, 1 - q}}, unused);
  };
  double const e = 1e-3;
  h[0][0] = -(at(e, 0) - 2 * at(0, 0) + at(-e, 0)) / (e * e);
  h[1][1] = -(at(0, e) - 2 * at(0, 0) + at(0, -e)) / (e * e);
  h[0][1] = -(at(e, e) - at(e, -e) - at(-e, e) + at(-e, -e)) / (4 * e * e);
  double const det = h[0][0] * h[1][1] - h[0][1] * h[0][1];
  CHECK(t.deviation(0, 1) == doctest::Approx(std::sqrt(h[1][1] / det)).epsilon(1e-3));
  CHECK(t.deviation(1, 0) == doctest::Approx(std::sqrt(h[0][0] / det)).epsilon(1e-3));
  CHECK(t.deviation(0, 0) == doctest::Approx(t.deviation(0, 1)).epsilon(1e-6));
  // equal columns: nothing tells the classes apart
  CHECK(noise_layer(matrix<double>(9, 2, 0.5), std::vector{0, 1, 0, 1, 0, 1, 0, 1, 1},
                    {.intervals = true})
            .deviation.empty());
}

TEST_CASE("noise_layer: absent classes, one class, one row, permuted classes") {
  auto in = draw_labels(500, {{0.8, 0.2, 0}, {0.1, 0.9, 0}, {0.4, 0.3, 0.3}}, 3);
  for (int& label : in.y)
    if (label == 2) label = 1;
  auto const r = noise_layer(in.p, in.y);
  CHECK(r.converged);
  for (std::size_t k = 0; k < 3; ++k) CHECK(r.transition(k, 2) == 0);
  matrix<double> s(40, 3);
  for (std::size_t i = 0; i < 40; ++i) s(i, i % 2) = 1;
  auto const empty = noise_layer(s, std::vector<int>(40, 0));
  CHECK(empty.class_estimated == limpid::vector<std::uint8_t>{1, 1, 0});
  CHECK(empty.transition(2, 2) == 1);
  auto const one =
      noise_layer(matrix<double>(4, 1, 1.0), std::vector{0, 0, 0, 0}, {.intervals = true});
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.converged);
  CHECK(noise_layer(matrix<double>{{0.5, 0.5}}, std::vector{1}).converged);
  auto moved = in;
  std::size_t const to[] = {2, 0, 1};
  for (std::size_t i = 0; i < 500; ++i) {
    for (std::size_t k = 0; k < 3; ++k) moved.p(i, to[k]) = in.p(i, k);
    moved.y[i] = static_cast<int>(to[in.y[i]]);
  }
  auto const m = noise_layer(moved.p, moved.y);
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(std::abs(m.transition(to[k], to[j]) - r.transition(k, j)) < 1e-5);
}

TEST_CASE("noise_layer: estimated from two confusions, and turned into targets") {
  using limpid::transition::estimated_layer;
  using limpid::transition::top_down_targets;
  // exact counts: prior {0.5, 0.3, 0.2}, T and the classifier's confusions C of the true class
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.1, 0.9, 0}, {0.2, 0.3, 0.5}},
      C{{0.8, 0.1, 0.1}, {0.2, 0.7, 0.1}, {0.1, 0.2, 0.7}};
  limpid::vector<double> const prior{0.5, 0.3, 0.2};
  matrix<double> clean(3, 3), noisy(3, 3);
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t l = 0; l < 3; ++l) {
      clean(k, l) = 40 * C(k, l);
      for (std::size_t j = 0; j < 3; ++j) noisy(j, l) += 1000 * prior[k] * T(k, j) * C(k, l);
    }
  //! [estimated]
  // counts of one classifier's predictions: true x predicted on clean rows, given x predicted on
  // the others
  auto const r = limpid::transition::estimated_layer(clean, noisy);
  // r.transition is T; a top-down layer fits a row labelled j to row j of these
  auto const targets = limpid::transition::top_down_targets(r.transition, r.prior);
  //! [estimated]
  CHECK(gap(r.transition, T) < 1e-12);
  CHECK(gap(r.prior, prior) < 1e-12);
  CHECK(gap(targets, r.true_given_label) < 1e-12);
  CHECK(r.projected == limpid::vector<std::uint8_t>{0, 0, 0});
  CHECK(r.condition == doctest::Approx(limpid::ops::invert(C).condition));
  // confusions that no mixture explains
  auto const odd = estimated_layer({{8, 2}, {2, 8}}, {{10, 0}, {3, 7}});
  CHECK(odd.projected == limpid::vector<std::uint8_t>{1, 0});
  CHECK(odd.true_given_label(0, 0) == doctest::Approx(1));
  CHECK(estimated_layer({{8, 2}, {0, 0}}, {{10, 0}, {3, 7}}).class_estimated[1] == 0);
  CHECK(std::isinf(estimated_layer({{5, 5}, {5, 5}}, {{1, 1}, {1, 1}}).condition));
  CHECK(top_down_targets({{1, 0}, {1, 0}}, {0.5, 0.5}) == matrix<double>{{0.5, 0.5}, {0, 1}});
  CHECK_THROWS_WITH_AS((void)estimated_layer(matrix<double>(2, 2), matrix<double>(3, 2)),
                       "transition::estimated_layer: noisy is 3 x 2; need 2 x 2", input_error);
  CHECK_THROWS_WITH_AS(
      (void)estimated_layer({{1, -1}, {0, 1}}, {{1, 0}, {0, 1}}),
      "transition::estimated_layer: clean row 0 has the entry -1; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)top_down_targets(matrix<double>(2, 2), {1.0}),
      "transition::top_down_targets: transition is 2 x 2, prior has 1 entries; need K x K and "
      "K, K >= 1",
      input_error);
}

TEST_CASE("noise_layer: stopped") {
  auto const in = draw_labels(300, {{0.8, 0.2}, {0.3, 0.7}}, 3);
  noise_layer_options stop{.tolerance = 0};
  int calls = 0;
  stop.on_progress = [&](double) { return ++calls < 4; };
  auto const r = noise_layer(in.p, in.y, stop);
  CHECK(r.stopped);
  CHECK(r.iterations == 4);
  CHECK(!r.converged);
}

TEST_CASE("noise_layer: every policy and type") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const in = draw_labels(n, {{0.7, 0.2, 0.1}, {0, 0.9, 0.1}, {0.2, 0.2, 0.6}}, 7);
  noise_layer_options const options{.intervals = true, .keep_posterior = true};
  auto const r = noise_layer(limpid::seq, in.p, in.y, options);
  CHECK(noise_layer(in.p, in.y, options).transition == r.transition);
  for (int threads : {1, 3}) {
    auto const p = noise_layer(limpid::par_policy{.threads = threads}, in.p, in.y, options);
    CHECK(p.transition == r.transition);
    CHECK(p.posterior == r.posterior);
    CHECK(p.high == r.high);
  }
  limpid_test::device_matrix<double> const p(in.p.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n));
  auto const d = noise_layer(limpid_test::device, p, y, options);
  CHECK(d.transition == r.transition);
  CHECK(d.posterior == r.posterior);
  CHECK(gap(noise_layer(limpid_test::to_float(in.p), in.y, options).transition, r.transition) <
        1e-5);
  limpid_test::strided const padded(in.p);
  CHECK(noise_layer(padded.window, in.y, options).low == r.low);
}

TEST_CASE("noise_layer: bad input") {
  matrix<double> const s{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)noise_layer(matrix<double>(0, 2), std::vector<int>{}),
                       "transition::noise_layer: S is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, std::vector{0}),
                       "transition::noise_layer: S has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, std::vector{0, -1}),
                       "transition::noise_layer: y row 1 is -1; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(matrix<double>{{0.5, 0.5}, {NAN, 1}}, y),
                       "transition::noise_layer: S row 1 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, y, std::vector<double>{1}),
                       "transition::noise_layer: S has 2 rows, weights has 1", input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, y, std::vector<double>{0, 0}),
                       "transition::noise_layer: weights sum to 0; some must be positive",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)noise_layer(s, y, {.prior_counts = matrix<double>(1, 2)}),
      "transition::noise_layer: options.prior_counts is 1 x 2; need 2 x 2, or none", input_error);
  CHECK_THROWS_WITH_AS(
      (void)noise_layer(s, y, {.prior_counts = {{1, -1}, {1, 1}}}),
      "transition::noise_layer: options.prior_counts has the entry -1; need finite "
      "counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, y, {.trace_weight = -1}),
                       "transition::noise_layer: options.trace_weight is -1; need at least 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, y, {.tolerance = -1}),
                       "transition::noise_layer: options.tolerance is -1; need at least 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, y, {.floor = 0.6}),
                       "transition::noise_layer: options.floor is 0.6; need (0, 1 / K]",
                       input_error);
  CHECK_THROWS_WITH_AS((void)noise_layer(s, y, {.level = 1}),
                       "transition::noise_layer: options.level is 1; need (0, 1)", input_error);
  CHECK_NOTHROW((void)noise_layer(s, y, {.floor = 0.5, .level = 0.5}));
}

}  // namespace
