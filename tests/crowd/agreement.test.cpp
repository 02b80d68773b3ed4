// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/agreement.hpp>

#include <doctest/doctest.h>

#include "crowd/helpers.hpp"
#include "crowd/policies.hpp"
#include "support/shared_data.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::crowd::agreement;
using limpid::crowd::answers;
using limpid::crowd::cohen_kappa;
using ints = std::vector<int>;

// Fleiss (1971): 10 subjects, 14 raters, 5 categories; kappa 0.210, Pbar 0.378, Pe 0.213
TEST_CASE("agreement: the classic table") {
  int const counts[10][5] = {{0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0},
                             {2, 2, 8, 1, 1},  {7, 7, 0, 0, 0}, {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2},
                             {6, 5, 2, 1, 0},  {0, 2, 2, 3, 7}};
  limpid_test::triples in;
  in.tasks = 10, in.workers = 14, in.classes = 5;
  for (int t = 0; t < 10; ++t)
    for (int j = 0, w = 0; j < 5; ++j)
      for (int i = 0; i < counts[t][j]; ++i) in.add(t, w++, j);
  auto const list = in.list();
  //! [call]
  auto const r = limpid::crowd::agreement(list);
  // r.fleiss_kappa is 0.210, give or take r.fleiss_error
  //! [call]
  CHECK(std::abs(r.fleiss_kappa - 0.210) < 5e-4);
  CHECK(std::abs(r.observed - 0.378) < 5e-4);
  CHECK(std::abs(r.expected - 0.213) < 5e-4);
  CHECK(r.tasks == 10);
  CHECK(r.unanimous == 1);
  // with equal numbers of raters alpha follows from kappa
  double const N = 140;
  CHECK(r.krippendorff_alpha ==
        doctest::Approx(1 - (1 - r.observed) * (N - 1) / (N * (1 - r.expected))).epsilon(1e-12));
}

// Cohen by hand: counts {{20, 5}, {10, 15}}: Po = .7, Pe = .5, kappa = .4
TEST_CASE("agreement: two columns") {
  ints a, b;
  auto const add = [&](int x, int y, int times) {
    for (int i = 0; i < times; ++i) a.push_back(x), b.push_back(y);
  };
  add(0, 0, 20), add(0, 1, 5), add(1, 0, 10), add(1, 1, 15), add(-1, 1, 3), add(0, -2, 2);
  //! [cohen]
  auto const r = limpid::crowd::cohen_kappa(a, b, {.classes = 2});
  // 50 rows have both labels: r.observed is 0.7, r.expected 0.5, r.kappa 0.4
  //! [cohen]
  CHECK(r.kappa == doctest::Approx(.4).epsilon(1e-12));
  CHECK(r.observed == doctest::Approx(.7));
  CHECK(r.expected == doctest::Approx(.5));
  CHECK(r.rows == 50);
  CHECK(r.counts == matrix<double>{{20, 5}, {10, 15}});
  // Fleiss, Cohen, Everitt (1969), worked by hand for this table: variance 0.0161
  double const p[2] = {.5, .5}, q[2] = {.6, .4}, cell[2][2] = {{.4, .1}, {.2, .3}};
  double variance = 0;
  for (int i = 0; i < 2; ++i) {
    variance += cell[i][i] * std::pow((1 - .5) - (p[i] + q[i]) * (1 - .7), 2);
    for (int j = 0; j < 2; ++j)
      if (i != j) variance += std::pow(1 - .7, 2) * cell[i][j] * std::pow(q[i] + p[j], 2);
  }
  variance = (variance - std::pow(.7 * .5 - 2 * .5 + .7, 2)) / (50 * std::pow(.5, 4));
  CHECK(r.error == doctest::Approx(std::sqrt(variance)).epsilon(1e-10));
  CHECK(cohen_kappa(ints{0, 1, 1}, ints{0, 1, 1}, {.classes = 2}).kappa == 1);
  CHECK(std::isnan(cohen_kappa(ints{1, 1}, ints{1, 1}, {.classes = 2}).kappa));
  CHECK(std::isnan(cohen_kappa(ints{-1}, ints{1}, {.classes = 2}).observed));
}

TEST_CASE("agreement: unequal numbers of answers, against pairs counted one by one") {
  auto const in = limpid_test::draw_crowd(200, 3, {.9, .7, .5, .6, .8}, 4, 2);
  limpid_test::triples some = in.answers;
  some.task.clear(), some.worker.clear(), some.label.clear();
  for (std::size_t i = 0; i < in.answers.task.size(); ++i)
    if ((i * 7) % 5 < 3) some.add(in.answers.task[i], in.answers.worker[i], in.answers.label[i]);
  some.workers = 6;
  auto const r = agreement(some.list());
  std::vector<std::vector<std::size_t>> of(200);
  for (std::size_t i = 0; i < some.task.size(); ++i)
    of[static_cast<std::size_t>(some.task[i])].push_back(i);
  double observed = 0, tasks = 0, N = 0, disagree = 0, share[3] = {}, same[6] = {}, pairs[6] = {};
  for (auto const& own : of) {
    if (own.size() < 2) continue;
    double agree = 0, all = 0;
    for (std::size_t i : own) {
      share[some.label[i]] += 1;
      N += 1;
      for (std::size_t k : own) {
        if (i == k) continue;
        all += 1;
        agree += some.label[i] == some.label[k];
        pairs[some.worker[i]] += 1;
        same[some.worker[i]] += some.label[i] == some.label[k];
        disagree += (some.label[i] != some.label[k]) / (static_cast<double>(own.size()) - 1);
      }
    }
    observed += agree / all;
    tasks += 1;
  }
  double expected = 0, chance = 0;
  for (double s : share) expected += s * s / (N * N), chance += s * (N - s);
  observed /= tasks;
  CHECK(r.tasks == static_cast<std::size_t>(tasks));
  CHECK(r.observed == doctest::Approx(observed).epsilon(1e-12));
  CHECK(r.expected == doctest::Approx(expected).epsilon(1e-12));
  CHECK(r.fleiss_kappa == doctest::Approx((observed - expected) / (1 - expected)).epsilon(1e-12));
  CHECK(r.krippendorff_alpha ==
        doctest::Approx(1 - disagree / N / (chance / (N * (N - 1)))).epsilon(1e-12));
  for (std::size_t w = 0; w < 5; ++w)
    CHECK(r.worker_agreement[w] == doctest::Approx(same[w] / pairs[w]).epsilon(1e-12));
  CHECK(std::isnan(r.worker_agreement[5]));
}

TEST_CASE("agreement: the standard error is the spread over samples") {
  double sum = 0, squares = 0, error = 0;
  int const samples = 300;
  for (int s = 0; s < samples; ++s) {
    auto const r =
        agreement(limpid_test::draw_crowd(80, 3, {.9, .7, .6}, 3, static_cast<std::uint64_t>(s + 1))
                      .answers.list());
    sum += r.fleiss_kappa / samples;
    squares += r.fleiss_kappa * r.fleiss_kappa / samples;
    error += r.fleiss_error / samples;
  }
  CHECK(error == doctest::Approx(std::sqrt(squares - sum * sum)).epsilon(0.12));
}

TEST_CASE("agreement: nothing to compare") {
  auto const alone = agreement(answers(ints{0, 1}, ints{0, 0}, ints{0, 1}, {.classes = 2}));
  CHECK(alone.tasks == 0);
  CHECK(std::isnan(alone.fleiss_kappa));
  CHECK(std::isnan(alone.observed));
  auto const flat = agreement(answers(ints{0, 0}, ints{0, 1}, ints{0, 0}, {.classes = 1}));
  CHECK(flat.observed == 1);
  CHECK(std::isnan(flat.fleiss_kappa));
  CHECK(std::isnan(flat.krippendorff_alpha));
  CHECK(agreement(answers(ints{}, ints{}, ints{}, {.classes = 2})).tasks == 0);
}

TEST_CASE("agreement: every policy") {
  auto const in =
      limpid_test::draw_crowd(limpid::ops::detail::row_tile + 1, 3, {.9, .4, .5, .5, .6}, 3, 5);
  limpid_test::over_policies(in.answers.list(), [](auto const& exec, auto const& a) {
    auto const r = agreement(exec, a);
    std::vector<double> out{r.observed, r.expected, r.fleiss_kappa, r.fleiss_error,
                            r.krippendorff_alpha};
    limpid_test::put(out, r.worker_agreement);
    return out;
  });
}

TEST_CASE("agreement: bad input") {
  CHECK_THROWS_WITH_AS((void)cohen_kappa(ints{0}, ints{0}, {}),
                       "crowd::cohen_kappa: options.classes is 0; need at least 1", input_error);
  CHECK_THROWS_WITH_AS((void)cohen_kappa(ints{0}, ints{0, 1}, {.classes = 2}),
                       "crowd::cohen_kappa: a has 1 rows, b has 2", input_error);
  CHECK_THROWS_WITH_AS(
      (void)cohen_kappa(ints{0}, ints{2}, {.classes = 2}),
      "crowd::cohen_kappa: b row 0 is 2; labels must be 0..1, or negative for unlabelled",
      input_error);
}

// computed from the released file
TEST_CASE("agreement: CIFAR-10N") {
  auto const folder = limpid_test::shared_data("cifar10n");
  if (folder.empty()) return;
  matrix<int> table(50000, 3);
  std::vector<ints> column;
  for (std::size_t w = 0; w < 3; ++w) {
    column.push_back(limpid_test::read_npy(folder + "/random" + std::to_string(w + 1) + ".npy"));
    for (std::size_t t = 0; t < 50000; ++t) table(t, w) = column[w][t];
  }
  auto const r = agreement(answers(table, {.classes = 10}));
  CHECK(std::abs(r.fleiss_kappa - 0.6836690133) < 1e-9);
  CHECK(std::abs(r.observed - 0.7154333333) < 1e-9);
  CHECK(std::abs(r.expected - 0.1004148228) < 1e-9);
  CHECK(r.unanimous == 30178);
  CHECK(r.split == 3041);
  CHECK(std::abs(cohen_kappa(column[0], column[1], {.classes = 10}).kappa - 0.684439) < 1e-6);
  CHECK(std::abs(cohen_kappa(column[0], column[2], {.classes = 10}).kappa - 0.686715) < 1e-6);
  CHECK(std::abs(cohen_kappa(column[1], column[2], {.classes = 10}).kappa - 0.679855) < 1e-6);
}

}  // namespace
