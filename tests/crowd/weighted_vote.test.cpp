// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/weighted_vote.hpp>

#include <doctest/doctest.h>

#include "crowd/helpers.hpp"
#include "crowd/policies.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::crowd::answers;
using limpid::crowd::weighted_vote;
using limpid_test::largest_gap;
using ints = std::vector<int>;

TEST_CASE("weighted_vote: by hand, with given weights") {
  //! [call]
  limpid::matrix<int> const table{{0, 1, 1}, {0, 0, 1}};
  auto const list = limpid::crowd::answers(table, {.classes = 2});

  auto const r = limpid::crowd::weighted_vote(list, std::vector<double>{3, 1, 1});
  // task 0: 3 for class 0 against 2
  //! [call]
  CHECK(largest_gap(r.probabilities, {{.6, .4}, {.8, .2}}) < 1e-15);
  CHECK(r.label == limpid::vector<std::int32_t>{0, 0});
  CHECK(r.weight == limpid::vector<double>{3, 1, 1});
  CHECK(largest_gap(weighted_vote(list, std::vector<float>{3, 1, 1}).probabilities,
                    r.probabilities) == 0);
}

// worker agreement with the aggregate: shares of the plain vote for what he said
TEST_CASE("weighted_vote: by hand, weights from the answers") {
  matrix<int> const table{{0, 0, 1}, {1, 1, 0}, {0, 0, 0}, {0, -1, 1}};
  auto const list = answers(table, {.classes = 2});
  auto const r = weighted_vote(list);
  double const w[] = {(2. / 3 + 2. / 3 + 1 + .5) / 4, (2. / 3 + 2. / 3 + 1) / 3,
                      (1. / 3 + 1. / 3 + 1 + .5) / 4};
  for (std::size_t i = 0; i < 3; ++i) CHECK(r.weight[i] == doctest::Approx(w[i]).epsilon(1e-14));
  CHECK(r.probabilities(0, 0) ==
        doctest::Approx((w[0] + w[1]) / (w[0] + w[1] + w[2])).epsilon(1e-14));
  CHECK(r.label[3] == 0);  // a tie of two, broken by who agrees with the others
  CHECK(r.ties == 0);
  auto const twice = weighted_vote(list, {.rounds = 2});
  CHECK(twice.weight[0] > r.weight[0]);
  CHECK(twice.weight[2] < r.weight[2]);
}

TEST_CASE("weighted_vote: equal weights are the majority, nothing and one class") {
  auto const in = limpid_test::draw_crowd(100, 3, {.8, .7, .6, .5}, 3, 1);
  auto wide = in.answers;
  wide.tasks = 101, wide.workers = 5;
  auto const r = weighted_vote(wide.list(), std::vector<double>(5, 2.5));
  std::size_t off = 0;
  for (std::size_t t = 0; t < 100; ++t)
    for (std::size_t j = 0; j < 3; ++j) {
      double const thirds = 3 * r.probabilities(t, j);
      off += std::abs(thirds - std::round(thirds)) > 1e-12;
    }
  CHECK(off == 0);
  CHECK(r.label[100] == -1);
  CHECK(r.unanswered == 1);
  // answers of no weight say nothing: even, and tied
  auto const mute =
      weighted_vote(answers(ints{0}, ints{0}, ints{1}, {.classes = 2}), std::vector<double>{0});
  CHECK(mute.probabilities(0, 0) == 0.5);
  CHECK(mute.ties == 1);
  CHECK(weighted_vote(answers(ints{}, ints{}, ints{}, {.classes = 1})).label.empty());
}

TEST_CASE("weighted_vote: every policy") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  auto const in = limpid_test::draw_crowd(tile + 1, 3, {.9, .7, .8, .5}, 3, 5);
  limpid_test::over_policies(in.answers.list(), [](auto const& exec, auto const& a) {
    auto const r = weighted_vote(exec, a, {.rounds = 3});
    std::vector<double> out;
    limpid_test::put(out, r.probabilities);
    limpid_test::put(out, r.label);
    limpid_test::put(out, r.weight);
    return out;
  });
}

TEST_CASE("weighted_vote: bad input") {
  auto const list = answers(ints{0, 1}, ints{0, 1}, ints{0, 1}, {.classes = 2});
  CHECK_THROWS_WITH_AS((void)weighted_vote(list, std::vector<double>{1}),
                       "crowd::weighted_vote: weights has 1 rows, the answers have 2 workers",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)weighted_vote(list, std::vector<double>{1, -1}),
      "crowd::weighted_vote: weights row 1 is negative; weights must be at least 0", input_error);
  CHECK_THROWS_WITH_AS((void)weighted_vote(list, std::vector<double>{1, NAN}),
                       "crowd::weighted_vote: weights row 1 is not finite", input_error);
  CHECK_THROWS_WITH_AS((void)weighted_vote(list, {.rounds = 0}),
                       "crowd::weighted_vote: options.rounds is 0; need at least 1", input_error);
  CHECK_NOTHROW((void)weighted_vote(list, std::vector<double>{1, 0}));
}

}  // namespace
