// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/one_coin.hpp>

#include <doctest/doctest.h>

#include "crowd/golden.hpp"
#include "crowd/helpers.hpp"
#include "crowd/policies.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::input_error;
using limpid::crowd::answers;
using limpid::crowd::one_coin;
using ints = std::vector<int>;

TEST_CASE("one_coin: skills and labels come back") {
  std::vector<double> const skill{.95, .8, .6, .4, .7, .9};
  auto const in = limpid_test::draw_crowd(3000, 4, skill, 4, 9);
  auto const list = in.answers.list();
  //! [call]
  auto const r = limpid::crowd::one_coin(list);
  limpid::vector<double> const& how_often_right = r.skill;  // one number per worker
  //! [call]
  for (std::size_t w = 0; w < 6; ++w) CHECK(std::abs(how_often_right[w] - skill[w]) < 0.04);
  CHECK(limpid_test::accuracy(r.label, in.truth) > 0.9);
  CHECK(r.converged);
  CHECK(!r.swapped);
  for (std::size_t i = 1; i < r.log_likelihood.size(); ++i)
    CHECK(r.log_likelihood[i] >= r.log_likelihood[i - 1] - 1e-9);
  double mean = 0;
  for (std::size_t w = 0; w < 6; ++w) mean += r.skill[w] * r.answered[w] / 12000;
  CHECK(r.transition(2, 2) == doctest::Approx(mean).epsilon(1e-12));
  CHECK(r.transition(2, 0) == doctest::Approx((1 - mean) / 3).epsilon(1e-12));
}

// golden: Crowd-Kit 1.4.1, OneCoinDawidSkene
TEST_CASE("one_coin: the numbers of Crowd-Kit") {
  auto const g = limpid_test::golden("crowd_aggregation.json");
  auto const want = g["expected"]["one_coin"];
  auto const r = one_coin(limpid_test::golden_answers(g).list(),
                          {.tolerance = 0, .max_iterations = want["n_iter_run"].get<int>()});
  CHECK(limpid_test::largest_gap(r.probabilities, limpid_test::to_matrix(want["probas"])) < 1e-12);
  CHECK(limpid_test::gap(r.skill, want["skills"].get<std::vector<double>>()) < 1e-12);
  CHECK(limpid_test::gap(r.prior, want["priors"].get<std::vector<double>>()) < 1e-12);
}

TEST_CASE("one_coin: one step by hand") {
  // shares: task 0 (2/3, 1/3), task 1 (0, 1); skills 1/2 (2/3 + 1), 1/2 (2/3 + 1), 1/3
  auto const list = answers(limpid::matrix<int>{{0, 0, 1}, {1, 1, -1}}, {.classes = 2});
  auto const r = one_coin(list, {.max_iterations = 1});
  double const s = 5. / 6, t = 1. / 3, first = s * s * (1 - t) / 3,
               second = (1 - s) * (1 - s) * t * 2 / 3;
  CHECK(r.probabilities(0, 0) == doctest::Approx(first / (first + second)).epsilon(1e-12));
  double const other = s * s * 2 / 3, one = (1 - s) * (1 - s) / 3;
  CHECK(r.log_likelihood[0] ==
        doctest::Approx(std::log(first + second) + std::log(other + one)).epsilon(1e-12));
}

TEST_CASE("one_coin: gold, a start, contrary workers, nobody, one class") {
  auto const in = limpid_test::draw_crowd(200, 2, {.9, .8, .2}, 3, 3);
  auto wide = in.answers;
  wide.tasks = 202, wide.workers = 4;
  ints gold(202, -1);
  gold[5] = 1 - in.truth[5];
  gold[201] = 1;  // nobody answered it, but it is known
  auto const r = one_coin(wide.list(), gold);
  CHECK(r.label[5] == gold[5]);
  CHECK(r.label[201] == 1);
  CHECK(r.label[200] == -1);
  CHECK(r.unanswered == 1);
  CHECK(r.below_chance == limpid::vector<std::uint8_t>{0, 0, 1, 0});
  CHECK(r.skill[3] == 0.5);
  CHECK(r.answered[3] == 0);
  // a start that believes the opposite ends in the opposite solution, and says so
  auto const opposite = one_coin(in.answers.list(), {.start = {.1, .2, .8}});
  CHECK(opposite.swapped);
  CHECK(limpid_test::accuracy(opposite.label, in.truth) < 0.2);
  auto const one = one_coin(answers(ints{0}, ints{0}, ints{0}, {.classes = 1}));
  CHECK(one.probabilities(0, 0) == 1);
  CHECK(one.transition(0, 0) == 1);
  CHECK(one_coin(answers(ints{}, ints{}, ints{}, {.classes = 2})).converged);
}

TEST_CASE("one_coin: every policy") {
  auto const in =
      limpid_test::draw_crowd(limpid::ops::detail::row_tile + 1, 3, {.9, .7, .8, .5, .6}, 3, 5);
  limpid_test::over_policies(in.answers.list(), [](auto const& exec, auto const& a) {
    auto const r = one_coin(exec, a, {.tolerance = 0, .max_iterations = 6});
    std::vector<double> out;
    limpid_test::put(out, r.probabilities);
    limpid_test::put(out, r.label);
    limpid_test::put(out, r.skill);
    limpid_test::put(out, r.log_likelihood);
    return out;
  });
}

TEST_CASE("one_coin: bad input") {
  auto const list = answers(ints{0, 1}, ints{0, 0}, ints{0, 1}, {.classes = 2});
  CHECK_THROWS_WITH_AS((void)one_coin(list, {.tolerance = NAN}),
                       doctest::Contains("crowd::one_coin: options.tolerance is "), input_error);
  CHECK_THROWS_WITH_AS((void)one_coin(list, {.max_iterations = 0}),
                       "crowd::one_coin: options.max_iterations is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)one_coin(list, {.start = {.5, .5}}),
                       "crowd::one_coin: options.start has 2 entries, the answers have 1 workers",
                       input_error);
  CHECK_THROWS_WITH_AS((void)one_coin(list, {.start = {1.5}}),
                       "crowd::one_coin: options.start row 0 is 1.5; need [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)one_coin(list, ints{0}),
                       "crowd::one_coin: gold has 1 rows, the answers have 2 tasks", input_error);
  CHECK_NOTHROW(
      (void)one_coin(list, ints{0, 1}, {.tolerance = 0, .max_iterations = 1, .start = {1}}));
}

}  // namespace
