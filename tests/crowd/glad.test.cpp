// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/glad.hpp>

#include <limpid/core/random.hpp>

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
using limpid::crowd::glad;
using ints = std::vector<int>;

/// P(right) = sigma(ability_w e^{b_t}): half the tasks easy (b = 1.2), half hard (b = -1.5).
limpid_test::drawn_crowd of_difficulty(std::size_t tasks) {
  limpid_test::drawn_crowd out;
  double const ability[] = {1.6, 1.2, .8, .4, -.6, 1, 1.4, .9};
  out.answers.tasks = tasks, out.answers.workers = 8, out.answers.classes = 3;
  for (std::size_t t = 0; t < tasks; ++t) {
    limpid::random_stream draw(17, 0, t);
    auto const z = static_cast<int>(draw.below(3));
    out.truth.push_back(z);
    for (int w = 0; w < 8; ++w) {
      double const x = ability[w] * std::exp(t % 2 ? 1.2 : -1.5), right = 1 / (1 + std::exp(-x));
      int const other = static_cast<int>((static_cast<std::uint64_t>(z) + 1 + draw.below(2)) % 3);
      out.answers.add(static_cast<int>(t), w, draw.uniform() < right ? z : other);
    }
  }
  return out;
}

TEST_CASE("glad: able workers, hard tasks, a contrary worker") {
  auto const in = of_difficulty(600);
  auto const list = in.answers.list();
  //! [call]
  auto const r = limpid::crowd::glad(list);
  // r.ability by worker, r.ease by task (a logarithm); r.adversarial: below 0
  //! [call]
  double easy = 0, hard = 0;
  for (std::size_t t = 0; t < 600; ++t) (t % 2 ? easy : hard) += r.ease[t] / 300;
  CHECK(easy > hard + 0.5);
  CHECK(r.ability[0] > r.ability[2]);
  CHECK(r.ability[2] > r.ability[3]);
  CHECK(r.adversarial == limpid::vector<std::uint8_t>{0, 0, 0, 0, 1, 0, 0, 0});
  CHECK(limpid_test::accuracy(r.label, in.truth) > 0.75);
  CHECK(r.converged);
  for (std::size_t i = 1; i < r.objective.size(); ++i)
    CHECK(r.objective[i] >= r.objective[i - 1] - 1e-9);
  CHECK(r.transition(0, 0) + r.transition(0, 1) + r.transition(0, 2) ==
        doctest::Approx(1).epsilon(1e-12));
}

// golden: Crowd-Kit 1.4.1, GLAD(), which ends after two iterations; its maximisation by conjugate
// gradients ends at a gradient of 1e-2
TEST_CASE("glad: the numbers of Crowd-Kit") {
  auto const g = limpid_test::golden("crowd_aggregation.json");
  auto const want = g["expected"]["glad"];
  auto const r =
      glad(limpid_test::golden_answers(g).list(),
           {.tolerance = 0, .max_iterations = static_cast<int>(want["loss_history"].size())});
  CHECK(limpid_test::largest_gap(r.probabilities, limpid_test::to_matrix(want["probas"])) < 1e-2);
  CHECK(limpid_test::gap(r.ability, want["alphas"].get<std::vector<double>>()) < 1e-2);
  CHECK(limpid_test::gap(r.ease, want["betas_log_inverse_difficulty"].get<std::vector<double>>()) <
        1e-2);
}

TEST_CASE("glad: the first posteriors by hand, and gradients that vanish where it maximised") {
  auto const in = of_difficulty(40);
  auto const r = glad(in.answers.list(),
                      {.max_iterations = 1, .inner_iterations = 200, .inner_tolerance = 1e-9});
  double const z = std::exp(1.0), right = 1 / (1 + std::exp(-z));  // ability 1, ease 1
  std::vector<std::vector<double>> q(40, std::vector<double>(3, 1. / 3));
  for (std::size_t i = 0; i < in.answers.task.size(); ++i)
    for (std::size_t j = 0; j < 3; ++j)
      q[static_cast<std::size_t>(in.answers.task[i])][j] *=
          in.answers.label[i] == static_cast<int>(j) ? right : (1 - right) / 2;
  double objective = 0;
  for (auto& row : q) {
    double const sum = row[0] + row[1] + row[2];
    objective += std::log(sum);
    for (double& x : row) x /= sum;
  }
  double worst = 0;
  for (std::size_t t = 0; t < 40; ++t)
    for (std::size_t j = 0; j < 3; ++j)
      worst = std::fmax(worst, std::abs(r.probabilities(t, j) - q[t][j]));
  CHECK(worst < 1e-12);
  CHECK(r.objective[0] == doctest::Approx(objective).epsilon(1e-12));
  std::vector<double> by_worker(8), by_task(40);
  for (std::size_t w = 0; w < 8; ++w) by_worker[w] = 1 - r.ability[w];
  for (std::size_t t = 0; t < 40; ++t) by_task[t] = 1 - r.ease[t];
  for (std::size_t i = 0; i < in.answers.task.size(); ++i) {
    auto const t = static_cast<std::size_t>(in.answers.task[i]),
               w = static_cast<std::size_t>(in.answers.worker[i]);
    double const scale = std::exp(r.ease[t]), x = r.ability[w] * scale;
    double const rest =
        q[t][static_cast<std::size_t>(in.answers.label[i])] - 1 / (1 + std::exp(-x));
    by_worker[w] += rest * scale;
    by_task[t] += rest * x;
  }
  double slope = 0;
  for (double x : by_worker) slope = std::fmax(slope, std::abs(x));
  for (double x : by_task) slope = std::fmax(slope, std::abs(x));
  CHECK(slope < 1e-4);
}

TEST_CASE("glad: gold, nobody, progress") {
  auto in = of_difficulty(50);
  in.answers.tasks = 52, in.answers.workers = 9;
  ints gold(52, -1);
  gold[4] = (in.truth[4] + 1) % 3, gold[51] = 2;
  auto const r = glad(in.answers.list(), gold, {.ability_mean = 0.5, .ease_mean = 0.2});
  CHECK(r.label[4] == gold[4]);
  CHECK(r.label[51] == 2);
  CHECK(r.label[50] == -1);
  CHECK(r.unanswered == 1);
  CHECK(r.ability[8] == 0.5);
  CHECK(r.ease[50] == 0.2);
  CHECK(r.answered[8] == 0);
  CHECK(glad(answers(ints{}, ints{}, ints{}, {.classes = 2})).label.empty());
  auto const stopped = glad(in.answers.list(), {.on_progress = [](double) { return false; }});
  CHECK(stopped.stopped);
  CHECK(stopped.iterations == 1);
}

TEST_CASE("glad: every policy") {
  auto const in = of_difficulty(limpid::ops::detail::row_tile / 4 + 1);
  limpid_test::over_policies(in.answers.list(), [](auto const& exec, auto const& a) {
    auto const r = glad(exec, a, {.tolerance = 0, .max_iterations = 2, .inner_iterations = 2});
    std::vector<double> out;
    limpid_test::put(out, r.probabilities);
    limpid_test::put(out, r.label);
    limpid_test::put(out, r.ability);
    limpid_test::put(out, r.ease);
    return out;
  });
}

TEST_CASE("glad: bad input") {
  auto const list = answers(ints{0, 1}, ints{0, 0}, ints{0, 1}, {.classes = 2});
  auto const fails = [&](limpid::crowd::glad_options const& o, char const* text) {
    CHECK_THROWS_WITH_AS((void)glad(list, o), text, input_error);
  };
  CHECK_THROWS_WITH_AS((void)glad(answers(ints{0}, ints{0}, ints{0}, {.classes = 1})),
                       "crowd::glad: the answers have one class; need at least 2", input_error);
  fails({.tolerance = -1}, "crowd::glad: options.tolerance is -1; need a finite number >= 0");
  fails({.max_iterations = 0}, "crowd::glad: options.max_iterations is 0; need at least 1");
  fails({.inner_iterations = 0}, "crowd::glad: options.inner_iterations is 0; need at least 1");
  fails({.inner_tolerance = -1},
        "crowd::glad: options.inner_tolerance is -1; need a finite number >= 0");
  fails({.ability_mean = 100}, "crowd::glad: options.ability_mean is 100; need -100..100");
  fails({.ease_mean = -100}, "crowd::glad: options.ease_mean is -100; need -100..100");
  CHECK_THROWS_WITH_AS((void)glad(list, ints{0}),
                       "crowd::glad: gold has 1 rows, the answers have 2 tasks", input_error);
  CHECK_NOTHROW((void)glad(list, ints{0, -1}, {.max_iterations = 1, .inner_tolerance = 0}));
}

}  // namespace
