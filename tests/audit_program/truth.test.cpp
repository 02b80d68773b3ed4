// SPDX-License-Identifier: BSL-1.0
#include "truth.hpp"

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace limpid_audit;
using doctest::Approx;

TEST_CASE("rank_quality: by hand") {
  // Order by score: wrong, right, wrong, right. Precision at the wrong ones 1/1 and 2/3; 3 of 4
  // pairs right.
  auto const q = rank_quality({0.9, 0.8, 0.7, 0.1}, {1, 0, 1, 0});
  CHECK(q.average_precision == Approx((1 + 2.0 / 3) / 2));
  CHECK(q.auroc == Approx(0.75));
  auto const perfect = rank_quality({3, 2, 1}, {1, 1, 0});
  CHECK(perfect.average_precision == 1);
  CHECK(perfect.auroc == 1);
  auto const worst = rank_quality({3, 2, 1}, {0, 0, 1});
  CHECK(worst.average_precision == Approx(1.0 / 3));
  CHECK(worst.auroc == 0);
}

TEST_CASE("rank_quality: ties are one step, in whatever order the rows come") {
  // All alike: chance.
  auto const flat = rank_quality({5, 5, 5, 5}, {0, 1, 0, 0});
  CHECK(flat.average_precision == Approx(0.25));
  CHECK(flat.auroc == Approx(0.5));
  // Scores 2, {1, 1}, 0 with wrong rows 2 and one of the 1s: (1/1 + 2/3) / 2; pairs: 2 + 0.5 + 1 of
  // 4.
  for (bool const first : {true, false}) {
    auto const q = rank_quality({1, 2, 1, 0}, {char{first}, 1, char{!first}, 0});
    CHECK(q.average_precision == Approx((1 + 2.0 / 3) / 2));
    CHECK(q.auroc == Approx(3.5 / 4));
  }
}

TEST_CASE("rank_quality: nothing sought, everything sought, no rows") {
  CHECK(std::isnan(rank_quality({1, 2}, {0, 0}).average_precision));
  CHECK(std::isnan(rank_quality({1, 2}, {0, 0}).auroc));
  CHECK(rank_quality({1, 2}, {1, 1}).average_precision == 1);
  CHECK(std::isnan(rank_quality({1, 2}, {1, 1}).auroc));
  CHECK(std::isnan(rank_quality({}, {}).auroc));
}

TEST_CASE("rank_quality: the pairs counted one by one, and precision over thresholds") {
  limpid::random_stream draw(7);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> score;
    std::vector<char> sought;
    for (int i = 0; i < 40; ++i) {
      score.push_back(static_cast<double>(draw.below(8)));
      sought.push_back(draw.uniform() < 0.3);
    }
    double better = 0, pairs = 0, precision = 0, positives = 0;
    for (std::size_t i = 0; i < 40; ++i) {
      if (!sought[i]) continue;
      ++positives;
      double above = 0, hits = 0;
      for (std::size_t j = 0; j < 40; ++j) {
        if (score[j] >= score[i]) above += 1, hits += sought[j];
        if (sought[j]) continue;
        ++pairs;
        better += score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0;
      }
      precision += hits / above;
    }
    auto const q = rank_quality(score, sought);
    REQUIRE(positives > 0);
    CHECK(q.auroc == Approx(better / pairs).epsilon(1e-12));
    CHECK(q.average_precision == Approx(precision / positives).epsilon(1e-12));
  }
}

TEST_CASE("compare: by hand") {
  // Truth 0 0 0 0 1 1, class 2 absent; given 0 0 0 1 1 0: rows 3 and 5 are wrong.
  limpid::audit::report r;
  r.rows = 6;
  r.classes = 3;
  r.transition = {{0.75, 0.25, 0}, {0.25, 0.75, 0}, {0.5, 0, 0.5}};
  r.p_right = {0.9, 0.8, 0.4, 0.1, 0.9, 0.3};
  r.is_issue = {0, 0, 1, 1, 0, 0};
  auto const t = compare(r, {0, 0, 0, 1, 1, 0}, {0, 0, 0, 0, 1, 1});
  CHECK(t.noise_rate == Approx(1.0 / 3));
  CHECK(t.transition == limpid::matrix<double>{{0.75, 0.25, 0}, {0.5, 0.5, 0}, {0, 0, 1}});
  CHECK(t.transition_mean_abs_error ==
        Approx((0.25 + 0.25) / 6));  // two classes that occur, three cells each
  CHECK(t.precision == Approx(0.5));
  CHECK(t.recall == Approx(0.5));
  CHECK(t.average_precision == 1);  // doubts .9 and .7 stand before .6
  CHECK(t.auroc == 1);
}

TEST_CASE("compare: nothing wrong, nothing flagged, probability not known") {
  limpid::audit::report r;
  r.rows = 2;
  r.classes = 2;
  r.transition = limpid::matrix<double>::identity(2);
  r.p_right = {1, std::numeric_limits<double>::quiet_NaN()};
  r.is_issue = {0, 0};
  auto const t = compare(r, {0, 1}, {0, 1});
  CHECK(t.noise_rate == 0);
  CHECK(t.transition_mean_abs_error == 0);
  CHECK(std::isnan(t.precision));
  CHECK(std::isnan(t.recall));
  CHECK(std::isnan(t.average_precision));
}
