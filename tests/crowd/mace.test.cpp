// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/mace.hpp>

#include <doctest/doctest.h>

#include "crowd/golden.hpp"
#include "crowd/helpers.hpp"
#include "crowd/policies.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::crowd::answers;
using limpid::crowd::mace;
using limpid::crowd::mace_method;
using ints = std::vector<int>;

/// Three honest workers and two who say class 0 whatever they see.
limpid_test::drawn_crowd with_spammers(std::size_t tasks) {
  auto out = limpid_test::draw_crowd(tasks, 3, {.9, .8, .85}, 3, 4);
  out.answers.workers = 5;
  for (int t = 0; t < static_cast<int>(tasks); ++t)
    out.answers.add(t, 3, 0), out.answers.add(t, 4, t % 11 == 0);
  return out;
}

TEST_CASE("mace: spammers are found out") {
  auto const in = with_spammers(500);
  auto const list = in.answers.list();
  //! [call]
  auto const r = limpid::crowd::mace(list, {.seed = 1});
  // r.competence: P(a worker copies the true class); r.strategy: what he says otherwise
  //! [call]
  CHECK(limpid_test::accuracy(r.label, in.truth) > 0.9);
  for (std::size_t w = 0; w < 3; ++w) CHECK(r.competence[w] > 0.6);
  CHECK(r.competence[3] < 0.1);
  CHECK(r.competence[4] < 0.1);
  CHECK(r.strategy(3, 0) > 0.9);
  CHECK(r.strategy(3, 0) > 10 * r.strategy(3, 1));
  auto const em = mace(list, {.method = mace_method::em, .max_iterations = 500});
  CHECK(limpid_test::accuracy(em.label, in.truth) > 0.9);
  for (std::size_t w = 0; w < 5; ++w) {
    CHECK(em.competence[w] + em.spamming[w] == doctest::Approx(1).epsilon(1e-12));
    double sum = 0;
    for (std::size_t l = 0; l < 3; ++l) sum += em.strategy(w, l);
    CHECK(sum == doctest::Approx(1).epsilon(1e-9));
  }
  // right answers: copied or by lucky habit
  for (std::size_t i = 0; i < 3; ++i) {
    double row = 0, expected = 0;
    for (std::size_t j = 0; j < 3; ++j) row += em.transition(i, j);
    for (std::size_t w = 0; w < 5; ++w)
      expected += (em.competence[w] + em.spamming[w] * em.strategy(w, i)) / 5;
    CHECK(row == doctest::Approx(1).epsilon(1e-9));
    CHECK(em.transition(i, i) == doctest::Approx(expected).epsilon(1e-6));
  }
}

// Crowd-Kit 1.4.2, MACE(n_restarts=1, n_iter=500), on the golden answers sorted by worker: in any
// other order it adds up the habits of one worker and applies them to another, which its own golden
// values show
TEST_CASE("mace: the numbers of Crowd-Kit, workers in order") {
  auto const g = limpid_test::golden("crowd_aggregation.json");
  auto const list = limpid_test::golden_answers(g).list();
  auto const r = mace(list, {.restarts = 2, .max_iterations = 1000, .tolerance = 0});
  double const q[2][3] = {{0.9545572344789112, 0.03667723489148353, 0.008765530629605224},
                          {0.9841077940159485, 0.007946102992025838, 0.007946102992025838}};
  for (std::size_t j = 0; j < 3; ++j) {
    CHECK(std::abs(r.probabilities(0, j) - q[0][j]) < 1e-7);
    CHECK(std::abs(r.probabilities(2, j) - q[1][j]) < 1e-7);
  }
  CHECK(std::abs(r.spamming[0] - 0.14369603701599218) < 1e-7);
  CHECK(std::abs(r.competence[0] - 0.8438362103570414) < 1e-7);
  CHECK(std::abs(r.spamming[5] - 0.7139067211757305) < 1e-7);
  CHECK(std::abs(r.strategy(0, 0) - 0.33727324359315664) < 1e-7);
  CHECK(std::abs(r.strategy(5, 2) - 0.3424948778401979) < 1e-7);
  CHECK(limpid_test::largest_gap(
            r.probabilities, limpid_test::to_matrix(g["expected"]["mace_vb"]["probas"])) > 0.05);
  auto const em = mace(
      list, {.method = mace_method::em, .restarts = 1, .max_iterations = 5000, .tolerance = 0});
  CHECK(std::abs(em.probabilities(0, 0) - 0.8644612948898052) < 1e-3);
  CHECK(std::abs(em.spamming[0] - 0.23051531581019857) < 1e-3);
}

TEST_CASE("mace: one step of em, by hand") {
  // from q after a start, the update and the next q are worked out here from the returned
  // parameters of two runs
  auto const in = with_spammers(30);
  auto const list = in.answers.list();
  mace_method const em = mace_method::em;
  auto const one = mace(list, {.method = em, .restarts = 1, .max_iterations = 1, .seed = 5});
  auto const two =
      mace(list, {.method = em, .restarts = 1, .max_iterations = 2, .tolerance = 0, .seed = 5});
  std::size_t const K = 3;
  double habit[5] = {}, copies[5] = {}, by_label[5][3] = {};
  for (std::size_t i = 0; i < in.answers.task.size(); ++i) {
    auto const t = static_cast<std::size_t>(in.answers.task[i]),
               w = static_cast<std::size_t>(in.answers.worker[i]),
               l = static_cast<std::size_t>(in.answers.label[i]);
    double const s = one.spamming[w] * one.strategy(w, l),
                 copied = one.probabilities(t, l) * one.competence[w] / (s + one.competence[w]);
    habit[w] += 1 - copied, copies[w] += copied, by_label[w][l] += 1 - copied;
  }
  double const small = 0.01 / 3;
  for (std::size_t w = 0; w < 5; ++w) {
    CHECK(two.competence[w] ==
          doctest::Approx((copies[w] + small) / (habit[w] + copies[w] + 2 * small)).epsilon(1e-9));
    for (std::size_t l = 0; l < K; ++l)
      CHECK(two.strategy(w, l) ==
            doctest::Approx((by_label[w][l] + small) / (habit[w] + 3 * small)).epsilon(1e-9));
  }
  double log_likelihood = 0;
  for (std::size_t t = 0; t < 30; ++t) {
    double g[3] = {1. / 3, 1. / 3, 1. / 3}, sum = 0;
    for (std::size_t i = 0; i < in.answers.task.size(); ++i)
      if (in.answers.task[i] == static_cast<int>(t))
        for (std::size_t j = 0; j < K; ++j) {
          auto const w = static_cast<std::size_t>(in.answers.worker[i]),
                     l = static_cast<std::size_t>(in.answers.label[i]);
          g[j] *= two.spamming[w] * two.strategy(w, l) + (j == l ? two.competence[w] : 0);
        }
    for (double x : g) sum += x;
    CHECK(two.probabilities(t, 1) == doctest::Approx(g[1] / sum).epsilon(1e-9));
    log_likelihood += std::log(sum);
  }
  CHECK(two.log_likelihood == doctest::Approx(log_likelihood).epsilon(1e-12));
}

TEST_CASE("mace: starts differ, the likeliest is kept; seeds decide") {
  auto const list = limpid_test::draw_crowd(60, 3, {.6, .5, .5, .7}, 2, 3).answers.list();
  auto const r =
      mace(list, {.method = mace_method::em, .restarts = 4, .max_iterations = 5, .seed = 2});
  double best = -INFINITY;
  bool differ = false;
  for (double x : r.start_log_likelihood)
    best = std::fmax(best, x), differ = differ || x != r.start_log_likelihood[0];
  CHECK(differ);
  CHECK(r.log_likelihood == best);
  auto const again =
      mace(list, {.method = mace_method::em, .restarts = 4, .max_iterations = 5, .seed = 2});
  auto const other =
      mace(list, {.method = mace_method::em, .restarts = 4, .max_iterations = 5, .seed = 3});
  CHECK(again.probabilities == r.probabilities);
  CHECK(!(other.probabilities == r.probabilities));
  auto const stopped = mace(list, {.on_progress = [](double done) { return done < 0.15; }});
  CHECK(stopped.stopped);
  CHECK(std::isinf(stopped.start_log_likelihood[5]));
  CHECK(std::isfinite(stopped.log_likelihood));
}

TEST_CASE("mace: gold, nobody, more votes than a product can hold, one class") {
  auto in = with_spammers(50);
  in.answers.tasks = 52, in.answers.workers = 6;
  ints gold(52, -1);
  gold[4] = (in.truth[4] + 1) % 3, gold[51] = 2;
  auto const r = mace(in.answers.list(), gold);
  CHECK(r.label[4] == gold[4]);
  CHECK(r.label[51] == 2);
  CHECK(r.label[50] == -1);
  CHECK(r.probabilities(50, 1) == doctest::Approx(1. / 3));
  CHECK(r.answered[5] == 0);
  CHECK(r.competence[5] == doctest::Approx(r.spamming[5]).epsilon(1e-12));
  limpid_test::triples many;
  many.tasks = 1, many.workers = 3000, many.classes = 2;
  for (int w = 0; w < 3000; ++w) many.add(0, w, w % 4 == 0);
  CHECK(mace(many.list(), {.restarts = 1}).label[0] == 0);
  CHECK(mace(answers(ints{0}, ints{0}, ints{0}, {.classes = 1})).probabilities(0, 0) == 1);
  CHECK(mace(answers(ints{}, ints{}, ints{}, {.classes = 2})).label.empty());
}

// digamma(1) = -gamma, digamma(1/2) = -gamma - 2 log 2, digamma(x + 1) = digamma(x) + 1 / x; others
// from scipy 1.17.1
TEST_CASE("mace: digamma") {
  using limpid::crowd::detail::digamma;
  double const gamma = 0.57721566490153286;
  CHECK(digamma(1) == doctest::Approx(-gamma).epsilon(1e-14));
  CHECK(digamma(.5) == doctest::Approx(-gamma - 2 * std::log(2.)).epsilon(1e-14));
  CHECK(digamma(10) == doctest::Approx(2.251752589066721).epsilon(1e-14));
  CHECK(digamma(1e-3) == doctest::Approx(-1000.5755719318103).epsilon(1e-14));
  for (double x : {.01, .3, 2.5, 9.99, 10.01, 123.})
    CHECK(digamma(x + 1) - digamma(x) == doctest::Approx(1 / x).epsilon(1e-11));
}

TEST_CASE("mace: every policy") {
  auto const in = with_spammers(limpid::ops::detail::row_tile + 1);
  limpid_test::over_policies(in.answers.list(), [](auto const& exec, auto const& a) {
    std::vector<double> out;
    for (auto method : {mace_method::variational, mace_method::em}) {
      auto const r =
          mace(exec, a, {.method = method, .restarts = 2, .max_iterations = 4, .tolerance = 0});
      limpid_test::put(out, r.probabilities);
      limpid_test::put(out, r.label);
      limpid_test::put(out, r.competence);
      limpid_test::put(out, r.strategy);
    }
    return out;
  });
}

TEST_CASE("mace: bad input") {
  auto const list = answers(ints{0, 1}, ints{0, 0}, ints{0, 1}, {.classes = 2});
  auto const fails = [&](limpid::crowd::mace_options const& o, char const* text) {
    CHECK_THROWS_WITH_AS((void)mace(list, o), text, input_error);
  };
  fails({.spam_prior = 0}, "crowd::mace: options.spam_prior is 0; need a finite number > 0");
  fails({.know_prior = -1}, "crowd::mace: options.know_prior is -1; need a finite number > 0");
  fails({.strategy_prior = INFINITY},
        "crowd::mace: options.strategy_prior is inf; need a finite number > 0");
  fails({.restarts = 0}, "crowd::mace: options.restarts is 0; need at least 1");
  fails({.max_iterations = 0}, "crowd::mace: options.max_iterations is 0; need at least 1");
  fails({.tolerance = -1}, "crowd::mace: options.tolerance is -1; need a finite number >= 0");
  CHECK_THROWS_WITH_AS((void)mace(list, ints{0}),
                       "crowd::mace: gold has 1 rows, the answers have 2 tasks", input_error);
  CHECK_NOTHROW(
      (void)mace(list, ints{0, -1}, {.restarts = 1, .max_iterations = 1, .tolerance = 0}));
}

}  // namespace
