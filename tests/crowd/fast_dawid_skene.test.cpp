// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/fast_dawid_skene.hpp>

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
using limpid::crowd::fast_dawid_skene;
using ints = std::vector<int>;

TEST_CASE("fast_dawid_skene: labels as good, in fewer sweeps") {
  auto const in = limpid_test::draw_crowd(2000, 3, {.95, .8, .8, .7, .6, .5}, 5, 2);
  auto const list = in.answers.list();
  //! [call]
  auto const slow = limpid::crowd::dawid_skene(list);
  auto const fast = limpid::crowd::fast_dawid_skene(list);
  auto const both = limpid::crowd::fast_dawid_skene(list, {.hybrid = true});  // soft first
  //! [call]
  double const reached = limpid_test::accuracy(slow.label, in.truth);
  CHECK(reached > 0.92);
  CHECK(limpid_test::accuracy(fast.label, in.truth) > reached - 0.01);
  CHECK(limpid_test::accuracy(both.label, in.truth) > reached - 0.01);
  CHECK(fast.iterations < slow.iterations);
  CHECK(fast.converged);
  CHECK(fast.soft_iterations == 0);
  CHECK(both.soft_iterations > 0);
  CHECK(both.soft_iterations < both.iterations);
  CHECK(std::abs(fast.accuracy[0] - .95) < 0.03);
}

// golden: Fast-Dawid-Skene 377ef55, which draws among equal votes: its draws are given as start
TEST_CASE("fast_dawid_skene: the labels of the official program") {
  auto const g = limpid_test::golden("crowd_aggregation.json");
  auto const want = g["expected"]["fast_dawid_skene"]["labels"];
  auto const list = limpid_test::golden_answers(g).list();
  limpid::vector<std::int32_t> drawn(60, -1);
  drawn[16] = 0, drawn[17] = 1, drawn[26] = 0, drawn[30] = 2, drawn[31] = 2, drawn[57] = 2;
  CHECK(limpid_test::gap(fast_dawid_skene(list, {.start = drawn}).label,
                         limpid_test::to_ints(want["FDS"])) == 0);
  CHECK(limpid_test::gap(fast_dawid_skene(list, {.hybrid = true}).label,
                         limpid_test::to_ints(want["H"])) == 0);
}

TEST_CASE("fast_dawid_skene: one step by hand") {
  // hard votes 0, 1, 1; then worker 2 is (0/1, 1/1), (1/2, 1/2) by class, and so on
  auto const list = answers(limpid::matrix<int>{{0, 0, 1}, {1, 1, 0}, {1, 1, 1}}, {.classes = 2});
  auto const r = fast_dawid_skene(list, {.max_iterations = 1});
  CHECK(r.confusion(2 * 2 + 0, 1) == doctest::Approx(1).epsilon(1e-9));
  CHECK(r.confusion(2 * 2 + 1, 0) == doctest::Approx(.5).epsilon(1e-9));
  CHECK(r.confusion(0, 0) == doctest::Approx(1).epsilon(1e-9));
  CHECK(r.label == limpid::vector<std::int32_t>{0, 1, 1});
  CHECK(r.prior[1] == doctest::Approx(2. / 3));
  CHECK(r.moved == limpid::vector<double>{0});
  CHECK(r.converged);
}

TEST_CASE("fast_dawid_skene: gold, nobody, one class, progress") {
  auto const in = limpid_test::draw_crowd(100, 2, {.9, .8, .7}, 3, 6);
  auto wide = in.answers;
  wide.tasks = 102, wide.workers = 4, wide.classes = 3;
  ints gold(102, -1);
  gold[3] = 1 - in.truth[3], gold[101] = 0;
  for (bool hybrid : {false, true}) {
    auto const r = fast_dawid_skene(wide.list(), gold, {.hybrid = hybrid});
    CHECK(r.label[3] == gold[3]);
    CHECK(r.label[101] == 0);
    CHECK(r.label[100] == -1);
    CHECK(r.prior[2] == 0);
    CHECK(r.class_estimated == limpid::vector<std::uint8_t>{1, 1, 0});
    CHECK(r.gold_agreement == 0);
    CHECK(r.answered[3] == 0);
  }
  CHECK(fast_dawid_skene(answers(ints{0}, ints{0}, ints{0}, {.classes = 1})).probabilities(0, 0) ==
        1);
  CHECK(fast_dawid_skene(answers(ints{}, ints{}, ints{}, {.classes = 2})).converged);
  auto const stopped = fast_dawid_skene(
      wide.list(), {.hybrid = true, .tolerance = 0, .on_progress = [](double) { return false; }});
  CHECK(stopped.stopped);
  CHECK(stopped.iterations == 1);
}

TEST_CASE("fast_dawid_skene: every policy") {
  auto const in =
      limpid_test::draw_crowd(limpid::ops::detail::row_tile + 1, 3, {.9, .7, .8, .5, .6}, 3, 5);
  limpid_test::over_policies(in.answers.list(), [](auto const& exec, auto const& a) {
    std::vector<double> out;
    for (bool hybrid : {false, true}) {
      auto const r = fast_dawid_skene(exec, a, {.hybrid = hybrid, .max_iterations = 5});
      limpid_test::put(out, r.probabilities);
      limpid_test::put(out, r.label);
      limpid_test::put(out, r.moved);
    }
    return out;
  });
}

TEST_CASE("fast_dawid_skene: bad input") {
  auto const list = answers(ints{0, 1}, ints{0, 0}, ints{0, 1}, {.classes = 2});
  auto const fails = [&](limpid::crowd::fast_dawid_skene_options const& o, char const* text) {
    CHECK_THROWS_WITH_AS((void)fast_dawid_skene(list, o), text, input_error);
  };
  fails({.tolerance = -1},
        "crowd::fast_dawid_skene: options.tolerance is -1; need a finite number >= 0");
  fails({.hybrid_switch = 1e-5},
        "crowd::fast_dawid_skene: options.hybrid_switch is 1e-05; need a finite number >= "
        "options.tolerance");
  fails({.max_iterations = 0},
        "crowd::fast_dawid_skene: options.max_iterations is 0; need at least 1");
  fails({.floor = 1}, "crowd::fast_dawid_skene: options.floor is 1; need (0, 1e-3]");
  fails({.smoothing = -1},
        "crowd::fast_dawid_skene: options.smoothing is -1; need a finite number >= 0");
  fails({.start = {1}},
        "crowd::fast_dawid_skene: options.start has 1 entries, the answers have 2 tasks");
  fails({.start = {1, 2}},
        "crowd::fast_dawid_skene: options.start row 1 is 2; need 0..1, or negative");
  CHECK_NOTHROW(
      (void)fast_dawid_skene(list, {.tolerance = 0.1, .hybrid_switch = 0.1, .start = {1, -1}}));
}

}  // namespace
