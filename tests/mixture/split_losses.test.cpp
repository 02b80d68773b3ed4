// SPDX-License-Identifier: BSL-1.0
#include <limpid/mixture/split_losses.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/golden.hpp"

namespace {

using limpid::mixture::split_losses;
using limpid::mixture::split_losses_options;

std::string shared_data() {
#ifdef LIMPID_SHARED_DATA_DIR
  return LIMPID_SHARED_DATA_DIR;
#else
  char const* const folder = std::getenv("LIMPID_SHARED_DATA");
  return folder ? folder : "";
#endif
}

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

std::vector<double> two_humps(std::size_t n, unsigned seed, double share = 0.7) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> right(0.3, 0.12), wrong(2.0, 0.5);
  std::uniform_real_distribution<double> u;
  std::vector<double> out(n);
  for (double& x : out) x = std::abs(u(draw) < share ? right(draw) : wrong(draw));
  return out;
}

/// EM in long double from the best cut of the sorted values: shares no code with the library.
struct oracle {
  std::vector<double> prob;
  long double w[2], m[2], v[2];
  int iterations = 0;
  long double objective = 0;  ///< between-sum of squares of the first cut

  oracle(std::vector<double> const& x, int most, long double tolerance, long double reg) {
    std::size_t const n = x.size();
    long double const lo = *std::min_element(x.begin(), x.end());
    long double const hi = *std::max_element(x.begin(), x.end());
    std::vector<long double> z(n);
    for (std::size_t i = 0; i < n; ++i) z[i] = (x[i] - lo) / (hi - lo);
    std::vector<long double> sorted = z;
    std::sort(sorted.begin(), sorted.end());
    long double total = 0;
    for (long double s : sorted) total += s;
    long double below = 0, best = -1, cut = 0;
    for (std::size_t k = 1; k < n; ++k) {
      below += sorted[k - 1];
      if (sorted[k] == sorted[k - 1]) continue;
      auto const c = static_cast<long double>(k), r = static_cast<long double>(n - k);
      long double const gap = below / c - (total - below) / r;
      long double const between = c * r / static_cast<long double>(n) * gap * gap;
      if (between > best) {
        best = between;
        cut = (sorted[k] + sorted[k - 1]) / 2;
      }
    }
    objective = best;
    std::vector<long double> r(n);
    for (std::size_t i = 0; i < n; ++i) r[i] = z[i] < cut ? 1 : 0;
    update(z, r, reg);
    long double before = -std::numeric_limits<long double>::infinity();
    for (iterations = 1; iterations <= most; ++iterations) {
      long double const now = posterior(z, r);
      update(z, r, reg);
      if (std::abs(now - before) < tolerance) break;
      before = now;
    }
    iterations = iterations > most ? most : iterations;
    posterior(z, r);
    for (long double p : r) prob.push_back(static_cast<double>(m[0] < m[1] ? p : 1 - p));
  }
  void update(std::vector<long double> const& z, std::vector<long double> const& r,
              long double reg) {
    for (int k = 0; k < 2; ++k) {
      long double mass = 0, sum = 0, square = 0;
      for (std::size_t i = 0; i < z.size(); ++i) {
        long double const p = k == 0 ? r[i] : 1 - r[i];
        mass += p;
        sum += p * z[i];
      }
      m[k] = sum / mass;
      for (std::size_t i = 0; i < z.size(); ++i)
        square += (k == 0 ? r[i] : 1 - r[i]) * (z[i] - m[k]) * (z[i] - m[k]);
      v[k] = square / mass + reg;
      w[k] = mass / static_cast<long double>(z.size());
    }
  }
  long double posterior(std::vector<long double> const& z, std::vector<long double>& r) const {
    long double total = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      long double p[2];
      for (int k = 0; k < 2; ++k)
        p[k] = w[k] * std::exp(-(z[i] - m[k]) * (z[i] - m[k]) / (2 * v[k])) /
               std::sqrt(2 * 3.14159265358979323846L * v[k]);
      r[i] = p[0] / (p[0] + p[1]);
      total += std::log(p[0] + p[1]);
    }
    return total / static_cast<long double>(z.size());
  }
};

}  // namespace

TEST_CASE("split_losses: two clusters part, by hand") {
  // z = 0, 0.1, 0.9, 1: clusters {0, 0.1} and {0.9, 1}, each of variance 0.0025 + 0.0005
  std::vector<double> const losses{0, 1, 9, 10};
  auto const r = split_losses(losses, {.max_iterations = 1});
  CHECK(r.clean == limpid::vector<std::uint8_t>{1, 1, 0, 0});
  CHECK(close(r.fit.mean[0], 0.05, 1e-9));
  CHECK(close(r.fit.mean[1], 0.95, 1e-9));
  CHECK(close(r.fit.variance[0], 0.003, 1e-9));
  CHECK(close(r.fit.weight[0], 0.5, 1e-9));
  CHECK(r.fit.scale_low == 0);
  CHECK(r.fit.scale_high == 10);
  CHECK(r.share_clean == 0.5);
  CHECK_FALSE(r.fit.converged);
}

TEST_CASE("split_losses: golden values, scikit-learn 1.2.1 from the same first clusters") {
  auto const g = limpid_test::golden("gmm_dividemix.json");
  auto const losses = g["loss"].get<std::vector<double>>();
  auto const expected = g["prob_clean"].get<std::vector<double>>();
  auto const r = split_losses(losses);
  CHECK(r.fit.iterations == g["n_iter"].get<int>());
  CHECK(r.fit.converged == g["converged"].get<bool>());
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(close(r.fit.weight[k], g["weights_sorted_by_mean"][k].get<double>()));
    CHECK(close(r.fit.mean[k], g["means_sorted"][k].get<double>()));
    CHECK(close(r.fit.variance[k], g["variances_sorted"][k].get<double>()));
  }
  auto const clean = g["pred_clean prob>0.5"].get<std::vector<int>>();
  for (std::size_t i = 0; i < losses.size(); ++i) {
    CHECK(close(r.prob_clean[i], expected[i]));
    CHECK(r.clean[i] == clean[i]);
  }
  std::vector<float> const single(losses.begin(), losses.end());
  auto const f = split_losses(single);
  for (std::size_t i = 0; i < losses.size(); ++i) CHECK(close(f.prob_clean[i], expected[i], 1e-4));

  auto const labels = g["labels"].get<std::vector<int>>();
  auto const classes =
      static_cast<std::size_t>(*std::max_element(labels.begin(), labels.end())) + 1;
  auto const by_class = split_losses(losses, labels, classes);
  auto const each = g["per_class_prob_clean"].get<std::vector<double>>();
  for (std::size_t i = 0; i < losses.size(); ++i) CHECK(close(by_class.prob_clean[i], each[i]));
  for (std::size_t c = 0; c < classes; ++c) CHECK(by_class.fell_back[c] == 0);
}

TEST_CASE("split_losses: history is the mean of the last scaled epochs") {
  auto const g = limpid_test::golden("gmm_dividemix.json")["history_example"];
  auto history = g["history (T x n)"].get<std::vector<std::vector<double>>>();
  // the file's values count as scaled: a column of 0 and one of 1 keep them as they are
  for (auto& epoch : history) epoch.insert(epoch.end(), {0.0, 1.0});
  auto const mean = g["mean_of_last_5"].get<std::vector<double>>();
  auto const r = split_losses(history);
  // the posterior is taken at the mean, not at a second scaling of it
  for (std::size_t i = 0; i < mean.size(); ++i) {
    double part[2];
    for (int k = 0; k < 2; ++k) {
      double const u = mean[i] - r.fit.mean[k];
      part[k] =
          r.fit.weight[k] * std::exp(-u * u / r.fit.variance[k] / 2) / std::sqrt(r.fit.variance[k]);
    }
    CHECK(close(r.prob_clean[i], part[0] / (part[0] + part[1]), 1e-9));
  }
  CHECK(r.fit.scale_low == 0);
  CHECK(r.fit.scale_high == 1);
  // one epoch alone = that epoch's losses
  std::vector<std::vector<double>> const last{history.back()};
  auto const one = split_losses(last), plain = split_losses(history.back());
  for (std::size_t i = 0; i < history.back().size(); ++i)
    CHECK(close(one.prob_clean[i], plain.prob_clean[i], 1e-9));
  CHECK(split_losses(history, {.epochs = 1}).prob_clean == one.prob_clean);
}

TEST_CASE("split_losses: agrees with an oracle in long double, on both sides of the tiles") {
  for (std::size_t n : {2u, 3u, 7u, 63u, 2047u, 2048u, 2049u, 6001u})
    for (unsigned seed = 1; seed < 6; ++seed) {
      CAPTURE(n);
      CAPTURE(seed);
      auto const losses = two_humps(n, seed);
      oracle const expected(losses, 10, 1e-2L, 5e-4L);
      auto const r = split_losses(limpid::seq, losses);
      CHECK(r.fit.iterations == expected.iterations);
      double worst = 0;
      for (std::size_t i = 0; i < n; ++i)
        worst = (std::max)(worst, std::abs(r.prob_clean[i] - expected.prob[i]));
      CHECK(worst < 1e-8);
      auto const fast = split_losses(losses);
      for (std::size_t i = 0; i < n; ++i) CHECK(close(fast.prob_clean[i], r.prob_clean[i], 1e-9));
      for (int threads : {1, 2, 3, 7}) {
        auto const p = split_losses(limpid::par_policy{.threads = threads}, losses);
        CHECK(p.prob_clean == fast.prob_clean);
        CHECK(p.fit.bic_gain == fast.fit.bic_gain);
      }
      auto const d = split_losses(
          limpid_test::device, limpid_test::device_vector<double>({losses.data(), losses.size()}));
      CHECK(d.prob_clean == r.prob_clean);
    }
}

TEST_CASE("split_losses: the first cut is the best one, whatever the losses look like") {
  std::mt19937 draw(3);
  for (int round = 0; round < 60; ++round) {
    std::size_t const n = 2 + draw() % 400;
    std::vector<double> x(n);
    std::uniform_real_distribution<double> u;
    for (double& v : x) {
      if (round % 4 == 0) v = u(draw);
      if (round % 4 == 1) v = std::pow(10.0, 12 * u(draw) - 9);          // a few giants
      if (round % 4 == 2) v = static_cast<double>(draw() % 5);           // ties
      if (round % 4 == 3) v = u(draw) < 0.9 ? 1e-7 * u(draw) : u(draw);  // all but all in one bin
    }
    if (*std::min_element(x.begin(), x.end()) == *std::max_element(x.begin(), x.end())) continue;
    CAPTURE(round);
    using namespace limpid::mixture::detail;
    double const lo = *std::min_element(x.begin(), x.end()),
                 hi = *std::max_element(x.begin(), x.end());
    double total = 0;
    cut_search search;
    search.weight = static_cast<double>(n);
    std::vector<double> z(n);
    for (std::size_t i = 0; i < n; ++i) {
      z[i] = (x[i] - lo) / (hi - lo);
      total += z[i];
    }
    search.sum = total;
    search.end = 1 + 1e-9;
    for (int zoom = 0; zoom < 6 && !search.done; ++zoom) {
      std::vector<double> const window{search.begin, 512 / (search.end - search.begin)}, unit{0, 1};
      loss_rows<double, limpid::memory_space::host> const rows{
          limpid::view(z), {}, {}, limpid::view(unit)};
      add_histogram<double, limpid::memory_space::host> const f{rows, limpid::view(window), 512};
      auto const sums = limpid::ops::sum_rows(limpid::seq, n, std::size_t{1026}, f);
      auto const twin = limpid::ops::sum_rows(limpid::simd, n, std::size_t{1026}, f);
      for (std::size_t c = 0; c < 1026; ++c)
        CHECK((c % 2 ? close(sums[c], twin[c], 1e-13) : sums[c] == twin[c]));
      search.look(cumulated(sums.data(), 512, window[0], 1 / window[1]), true);
    }
    oracle const expected(x, 1, 0, 5e-4L);
    CHECK(search.best >= (1 - 2e-6) * static_cast<double>(expected.objective));
  }
}

TEST_CASE("split_losses: scale and offset of the losses, order of the rows") {
  auto const losses = two_humps(500, 9);
  auto const r = split_losses(losses);
  std::vector<double> moved, turned(losses.rbegin(), losses.rend());
  for (double x : losses) moved.push_back(3 * x - 100);
  auto const m = split_losses(moved), t = split_losses(turned);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    CHECK(close(m.prob_clean[i], r.prob_clean[i], 1e-8));
    CHECK(close(t.prob_clean[losses.size() - 1 - i], r.prob_clean[i], 1e-8));
  }
}

TEST_CASE("split_losses: weight 3 is the row three times, weight 0 is an absent row") {
  auto losses = two_humps(300, 4);
  losses.push_back(1e6);  // absent
  std::vector<double> weights(301, 1.0), repeated;
  weights[300] = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    weights[i] = static_cast<double>(i % 4);
    for (std::size_t k = 0; k < i % 4; ++k) repeated.push_back(losses[i]);
  }
  auto const r = split_losses(losses, weights), expected = split_losses(repeated);
  std::vector<float> const single(weights.begin(), weights.end());
  CHECK(split_losses(losses, single).prob_clean == r.prob_clean);
  CHECK(close(r.fit.bic_gain, expected.fit.bic_gain, 1e-8));
  CHECK(r.fit.scale_high < 10);
  std::size_t at = 0;
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t k = 0; k < i % 4; ++k)
      CHECK(close(r.prob_clean[i], expected.prob_clean[at++], 1e-8));
  std::vector<int> labels(301);
  for (std::size_t i = 0; i < 301; ++i) labels[i] = static_cast<int>(i % 2);
  auto const by_class = split_losses(losses, labels, 2, weights);
  std::vector<double> even;
  for (std::size_t i = 0; i < 300; i += 2)
    for (std::size_t k = 0; k < i % 4; ++k) even.push_back(losses[i]);
  auto const one = split_losses(even);
  at = 0;
  for (std::size_t i = 0; i < 300; i += 2)
    for (std::size_t k = 0; k < i % 4; ++k)
      CHECK(close(by_class.prob_clean[i], one.prob_clean[at++], 1e-8));
}

TEST_CASE("split_losses: float32 far from zero and the two-row case") {
  std::vector<float> const pair{9999, 0};
  auto const r = split_losses(pair);
  CHECK(r.fit.variance[0] > 0);
  CHECK(r.fit.variance[1] > 0);
  CHECK(r.clean == limpid::vector<std::uint8_t>{0, 1});
  // float32 losses with an offset that float32 squares could not carry
  auto const base = two_humps(4000, 12);
  std::vector<float> moved(base.size());
  std::vector<double> same(base.size());
  for (std::size_t i = 0; i < base.size(); ++i) {
    moved[i] = static_cast<float>(base[i]) + 4096.0f;
    same[i] = static_cast<double>(moved[i]);
  }
  auto const f = split_losses(moved), d = split_losses(same);
  for (std::size_t i = 0; i < base.size(); ++i)
    CHECK(close(f.prob_clean[i], d.prob_clean[i], 1e-4));
}

TEST_CASE("split_losses: monotone never rises with the loss") {
  std::vector<double> losses = two_humps(2000, 5, 0.9);
  for (std::size_t i = 0; i < 200; ++i) losses.push_back(0.3 + 0.0001 * static_cast<double>(i));
  for (bool narrow_first : {true, false}) {
    auto x = losses;
    double const most = *std::max_element(x.begin(), x.end());
    if (!narrow_first)
      for (double& v : x) v = most - v;
    std::vector<std::size_t> order(x.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
    auto const free_run = split_losses(x), held = split_losses(x, {.monotone = true});
    bool rises = false;
    for (std::size_t k = 1; k < order.size(); ++k) {
      rises = rises || free_run.prob_clean[order[k]] > free_run.prob_clean[order[k - 1]] + 1e-12;
      CHECK(held.prob_clean[order[k]] <= held.prob_clean[order[k - 1]]);
    }
    CHECK(rises);  // else the option has nothing to do here
    CHECK(held.fit.mean[0] == free_run.fit.mean[0]);
  }
}

TEST_CASE("split_losses: the verdict tells two humps from one") {
  std::mt19937 draw(8);
  std::normal_distribution<double> bell(1.0, 0.3);
  std::exponential_distribution<double> decay(1.0);
  std::uniform_real_distribution<double> flat;
  std::gamma_distribution<double> skew(2.0, 1.0);
  std::lognormal_distribution<double> heavy(0.0, 0.5);
  for (std::size_t n : {500u, 20000u}) {
    CAPTURE(n);
    std::vector<double> b(n), e(n), f(n), g(n), h(n);
    for (std::size_t i = 0; i < n; ++i) {
      b[i] = bell(draw);
      e[i] = decay(draw);
      f[i] = flat(draw);
      g[i] = skew(draw);
      h[i] = heavy(draw);
    }
    CHECK_FALSE(split_losses(b).fit.justified);
    CHECK_FALSE(split_losses(e).fit.justified);
    CHECK_FALSE(split_losses(f).fit.justified);
    CHECK_FALSE(split_losses(g).fit.justified);
    CHECK_FALSE(split_losses(h).fit.justified);
    for (double share : {0.95, 0.7, 0.3}) {
      if (static_cast<double>(n) * (1 - share) < 100) continue;  // too few to be sure of
      CAPTURE(share);
      auto const r = split_losses(two_humps(n, 3, share));
      CHECK(r.fit.justified);
      CHECK(r.fit.bic_gain > 10);
      CHECK(r.fit.separation > 2);
      CHECK(std::abs(r.share_clean - share) < 0.06);
    }
  }
}

TEST_CASE("split_losses: per class, small and constant classes take the global fit") {
  auto losses = two_humps(600, 2);
  std::vector<std::int64_t> labels(600);
  for (std::size_t i = 0; i < 600; ++i) labels[i] = static_cast<std::int64_t>(i % 2);
  for (std::size_t i = 0; i < 9; ++i) labels[i] = 2;  // one too few
  for (std::size_t i = 9; i < 40; ++i) {
    labels[i] = 3;
    losses[i] = 0.25;  // constant
  }
  auto const r = split_losses(losses, labels, 5);  // class 4 is absent
  CHECK(r.fell_back == limpid::vector<std::uint8_t>{0, 0, 1, 1, 1});
  auto const all = split_losses(losses);
  CHECK(close(r.global.mean[1], all.fit.mean[1], 1e-9));
  for (std::size_t i = 0; i < 40; ++i) CHECK(close(r.prob_clean[i], all.prob_clean[i], 1e-7));
  CHECK(r.share_clean[4] == 0);
  std::vector<double> zero;
  for (std::size_t i = 0; i < 600; ++i)
    if (labels[i] == 0) zero.push_back(losses[i]);
  auto const own = split_losses(zero);
  std::size_t at = 0;
  for (std::size_t i = 0; i < 600; ++i)
    if (labels[i] == 0) CHECK(close(r.prob_clean[i], own.prob_clean[at++], 1e-8));
  CHECK(split_losses(losses, labels, 5, {.class_minimum = 9}).fell_back[2] == 0);

  // more classes than one pass for extremes holds
  std::vector<int> many(600);
  for (std::size_t i = 0; i < 600; ++i) many[i] = static_cast<int>(i % 150);
  auto const wide = split_losses(losses, many, 150, {.class_minimum = 4});
  std::vector<double> of_100;
  for (std::size_t i = 100; i < 600; i += 150) of_100.push_back(losses[i]);
  auto const narrow = split_losses(of_100);
  at = 0;
  for (std::size_t i = 100; i < 600; i += 150)
    CHECK(close(wide.prob_clean[i], narrow.prob_clean[at++], 1e-8));

  limpid_test::device_vector<double> const dl({losses.data(), losses.size()});
  limpid_test::device_vector<std::int64_t> const dy({labels.data(), labels.size()});
  CHECK(split_losses(limpid_test::device, dl, dy, 5).prob_clean ==
        split_losses(limpid::seq, losses, labels, 5).prob_clean);
}

TEST_CASE("split_losses: nothing, one row, equal losses, strided losses") {
  std::vector<double> const none, one{3}, equal(50, 2.5);
  auto const r0 = split_losses(none);
  CHECK(r0.prob_clean.empty());
  CHECK(r0.fit.degenerate);
  for (auto const& x : {one, equal}) {
    auto const r = split_losses(x);
    CHECK(r.fit.degenerate);
    CHECK_FALSE(r.fit.justified);
    CHECK(r.share_clean == 1);
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(r.prob_clean[i] == 1);
  }
  CHECK(split_losses(none, std::vector<int>{}, 3).fell_back ==
        limpid::vector<std::uint8_t>{1, 1, 1});
  std::vector<std::vector<double>> const flat{{1, 1, 1}};
  CHECK(split_losses(flat).fit.degenerate);

  auto const losses = two_humps(700, 6);
  std::vector<double> padded(2100, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < 700; ++i) padded[3 * i] = losses[i];
  limpid::vector_view<double const> const strided(padded.data(), 700, 3);
  auto const a = split_losses(strided), b = split_losses(losses);
  for (std::size_t i = 0; i < 700; ++i) CHECK(close(a.prob_clean[i], b.prob_clean[i], 1e-9));
}

TEST_CASE("split_losses: bad input is refused with the row and the rule") {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> const good{0, 1, 2, 3}, bad{0, 1, nan, 3}, infinite{0, 1.0 / 0.0, 1, 2};
  std::vector<int> const labels{0, 1, 0, 2};
  using limpid::input_error;
  CHECK_THROWS_WITH_AS(split_losses(bad), "mixture::split_losses: losses row 2 is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(split_losses(infinite), "mixture::split_losses: losses row 1 is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(split_losses(std::vector<std::vector<double>>{{0, nan}}),
                       "mixture::split_losses: history row 0 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(split_losses(std::vector<std::vector<double>>{}),
                       "mixture::split_losses: history has no epochs; it needs at least 1 row",
                       input_error);
  CHECK_THROWS_WITH_AS(
      split_losses(good, std::vector<double>{1, 1, -1, 1}),
      "mixture::split_losses: weights row 2 is negative; weights must be at least 0", input_error);
  CHECK_THROWS_WITH_AS(split_losses(good, std::vector<double>{1, 1, 1}),
                       doctest::Contains("losses has 4 rows, weights has 3"), input_error);
  CHECK_THROWS_WITH_AS(split_losses(good, std::vector<int>{0, 1}, 2),
                       doctest::Contains("losses has 4 rows, labels has 2"), input_error);
  CHECK_THROWS_WITH_AS(split_losses(good, labels, 2),
                       "mixture::split_losses: labels row 3 is 2; labels must be 0..1",
                       input_error);
  CHECK_NOTHROW(split_losses(good, labels, 3));
  CHECK_THROWS_WITH_AS(split_losses(good, labels, 0),
                       "mixture::split_losses: classes is 0; it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(split_losses(good, {.max_iterations = 0}),
                       "mixture::split_losses: max_iterations is 0; it must be at least 1",
                       input_error);
  CHECK_NOTHROW(split_losses(good, {.max_iterations = 1}));
  CHECK_THROWS_WITH_AS(split_losses(good, {.tolerance = -1e-3}),
                       "mixture::split_losses: tolerance is -0.001; it must be at least 0",
                       input_error);
  CHECK_NOTHROW(split_losses(good, {.tolerance = 0}));
  CHECK_THROWS_WITH_AS(split_losses(good, {.reg_covar = 0}),
                       "mixture::split_losses: reg_covar is 0; it must be above 0 and finite",
                       input_error);
  CHECK_NOTHROW(split_losses(good, {.reg_covar = 1e-12}));
  CHECK_THROWS_WITH_AS(split_losses(good, {.threshold = 1}),
                       "mixture::split_losses: threshold is 1; it must be in [0, 1)", input_error);
  CHECK_NOTHROW(split_losses(good, {.threshold = 0}));
  CHECK_THROWS_WITH_AS(split_losses(std::vector<double>{-1e308, 1e308}),
                       doctest::Contains("they cannot be scaled to [0, 1]"), input_error);
}

TEST_CASE("split_losses: real losses, MNIST with 40 % symmetric noise") {
  std::string const folder = shared_data() + "/loss_curves_mnist/";
  std::ifstream in(folder + "sym40_loss.npy", std::ios::binary);
  std::ifstream noisy_in(folder + "sym40_noisy.npy", std::ios::binary);
  std::ifstream clean_in(folder + "clean.npy", std::ios::binary);
  if (!in || !noisy_in || !clean_in) {
    MESSAGE("skipped: no shared data");
    return;
  }
  constexpr std::size_t n = 10000, header = 128, best_epoch = 3;
  std::vector<float> losses(n);
  std::vector<std::uint8_t> noisy(n), truth(n);
  in.seekg(static_cast<std::streamoff>(header + best_epoch * n * sizeof(float)));
  in.read(reinterpret_cast<char*>(losses.data()), static_cast<std::streamsize>(n * sizeof(float)));
  noisy_in.seekg(header);
  noisy_in.read(reinterpret_cast<char*>(noisy.data()), n);
  clean_in.seekg(header);
  clean_in.read(reinterpret_cast<char*>(truth.data()), n);
  REQUIRE(in.good());

  auto const r = split_losses(losses, {.max_iterations = 200, .tolerance = 1e-6});
  // the data set's own record: scikit-learn at tol 1e-6
  CHECK(std::abs(r.fit.mean[0] - 0.0763) < 2e-3);
  CHECK(std::abs(r.fit.mean[1] - 0.4120) < 2e-3);
  CHECK(std::abs(r.fit.weight[0] - 0.6004) < 2e-3);
  CHECK(std::abs(r.share_clean - 0.6120) < 2e-3);
  std::size_t kept = 0, hit = 0, right = 0;
  for (std::size_t i = 0; i < n; ++i) {
    bool const is_right = noisy[i] == truth[i];
    kept += r.clean[i];
    right += is_right;
    hit += is_right && r.clean[i];
  }
  CHECK(static_cast<double>(hit) / static_cast<double>(kept) > 0.99);
  CHECK(static_cast<double>(hit) / static_cast<double>(right) > 0.93);
  CHECK(r.fit.justified);
}

TEST_CASE("split_losses: how a caller reads it") {
  auto const losses = two_humps(1000, 1);
  //! [split]
  auto const split = limpid::mixture::split_losses(losses);
  if (!split.fit.justified) MESSAGE("one hump: do not split these losses");
  std::vector<double> const weight = split.prob_clean;  // n, to weigh the rows with
  //! [split]
  CHECK(weight.size() == losses.size());
  CHECK(split.fit.justified);
}
