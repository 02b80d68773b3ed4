// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/label_sets.hpp>

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
using limpid::crowd::answers;
using limpid::crowd::label_sets;
using limpid::crowd::worst_rule;
using ints = std::vector<int>;
using labels = limpid::vector<std::int32_t>;

TEST_CASE("label_sets: by hand") {
  //! [call]
  limpid::matrix<int> const table{{0, 0, 1}, {2, 1, 0}, {1, 1, 1}, {-1, -1, -1}};
  std::vector<int> const truth{0, 1, 1, 2};
  auto const list = limpid::crowd::answers(table, {.classes = 3});

  auto const r =
      limpid::crowd::label_sets(list, truth, {.seed = 7, .worst = limpid::crowd::worst_rule::last});
  std::vector<int> const worst = r.worst;  // {1, 0, 1, -1}: the last wrong answer, else the truth
  //! [call]
  CHECK(worst == ints{1, 0, 1, -1});
  CHECK(r.aggregate[0] == 0);
  CHECK(r.aggregate[2] == 1);
  CHECK(r.aggregate[3] == -1);
  CHECK(r.tied == limpid::vector<std::uint8_t>{0, 1, 0, 0});
  CHECK(r.worst_noise == doctest::Approx(2. / 3));
  for (std::size_t t = 0; t < 3; ++t) {  // all three answers, in some order
    int sum = 0, given = 0;
    for (std::size_t i = 0; i < 3; ++i) sum += r.random(t, i), given += table(t, i);
    CHECK(sum == given);
  }
  CHECK(r.random(3, 0) == -1);
  auto const more = label_sets(list, truth, {.random = 5});
  CHECK(more.random(0, 2) >= 0);
  CHECK(more.random(0, 3) == -1);  // three answers only
}

TEST_CASE("label_sets: ties, wrong answers and random ones are drawn evenly") {
  std::size_t const n = 30000;
  limpid_test::triples in;
  in.tasks = n, in.workers = 4, in.classes = 4;
  ints const truth(n, 3);
  for (int t = 0; t < static_cast<int>(n); ++t)
    in.add(t, 0, 0), in.add(t, 1, 1), in.add(t, 2, 1), in.add(t, 3, 0);
  auto const r = label_sets(in.list(), truth, {.seed = 3});
  double zero[3] = {};
  for (std::size_t t = 0; t < n; ++t) {
    zero[0] += r.aggregate[t] == 0;
    zero[1] += r.worst[t] == 0;
    zero[2] += r.random(t, 1) == 0;
  }
  for (double z : zero) CHECK(std::abs(z - 15000) < 4 * std::sqrt(7500.));
  CHECK(r.aggregate_noise == 1);
  CHECK(r.worst_noise == 1);
  auto const again = label_sets(in.list(), truth, {.seed = 3}),
             other = label_sets(in.list(), truth, {.seed = 4});
  CHECK(again.aggregate == r.aggregate);
  CHECK(again.random == r.random);
  CHECK(!(other.aggregate == r.aggregate));
  // answers of weight two are drawn twice as often
  auto const weighed = label_sets(
      answers(ints{0, 0}, ints{0, 1}, ints{0, 1}, std::vector<double>{2, 1}, {.classes = 2}),
      ints{1}, {.random = 3});
  CHECK(weighed.random(0, 0) + weighed.random(0, 1) + weighed.random(0, 2) == 1);
}

TEST_CASE("label_sets: no truth, no answers, one class") {
  auto const list = answers(matrix<int>{{0, 1, 1}, {0, -1, -1}}, {.classes = 2});
  auto const r = label_sets(list, ints{-1, -9});
  CHECK(r.worst == labels{-1, -1});
  CHECK(r.aggregate == labels{1, 0});
  CHECK(r.aggregate_noise == 0);
  auto const one = label_sets(answers(matrix<int>{{0, 0}}, {.classes = 1}), ints{0}, {.random = 1});
  CHECK(one.worst == labels{0});
  CHECK(one.random_noise == limpid::vector<double>{0});
  CHECK(label_sets(answers(ints{}, ints{}, ints{}, {.classes = 2}), ints{}).aggregate.empty());
}

TEST_CASE("label_sets: every policy") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const in = limpid_test::draw_crowd(n, 3, {.9, .4, .5, .5, .6}, 3, 5);
  std::vector<std::int32_t> const known(in.truth.begin(), in.truth.end());
  limpid_test::over_policies(
      in.answers.list(),
      [&](auto const& exec, auto const& a) {
        auto const truth =
            limpid::ops::upload(exec, limpid::vector_view<std::int32_t const>(known.data(), n));
        auto const r = label_sets(exec, a, truth.view(), {.seed = 1});
        std::vector<double> out{r.aggregate_noise, r.worst_noise};
        limpid_test::put(out, r.aggregate);
        limpid_test::put(out, r.worst);
        limpid_test::put(out, r.random);
        limpid_test::put(out, r.random_noise);
        return out;
      },
      0);
}

TEST_CASE("label_sets: bad input") {
  auto const list = answers(ints{0, 1}, ints{0, 0}, ints{0, 1}, {.classes = 2});
  CHECK_THROWS_WITH_AS((void)label_sets(list, ints{0}),
                       "crowd::label_sets: truth has 1 rows, the answers have 2 tasks",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)label_sets(list, ints{0, 2}),
      "crowd::label_sets: truth row 1 is 2; labels must be 0..1, or negative for unlabelled",
      input_error);
  CHECK_THROWS_WITH_AS((void)label_sets(list, ints{0, 1}, {.random = 0}),
                       "crowd::label_sets: options.random is 0; need 1..16", input_error);
  CHECK_THROWS_WITH_AS((void)label_sets(list, ints{0, 1}, {.random = 17}),
                       "crowd::label_sets: options.random is 17; need 1..16", input_error);
  CHECK_NOTHROW((void)label_sets(list, ints{0, 1}, {.random = 16}));
}

// the released file: every worst label, every aggregate label that is no tie
TEST_CASE("label_sets: CIFAR-10N") {
  auto const folder = limpid_test::shared_data("cifar10n");
  if (folder.empty()) return;
  auto const truth = limpid_test::read_npy(folder + "/clean.npy"),
             worst = limpid_test::read_npy(folder + "/worst.npy"),
             aggregate = limpid_test::read_npy(folder + "/aggregate.npy");
  matrix<int> table(50000, 3);
  for (std::size_t w = 0; w < 3; ++w) {
    auto const given = limpid_test::read_npy(folder + "/random" + std::to_string(w + 1) + ".npy");
    for (std::size_t t = 0; t < 50000; ++t) table(t, w) = given[t];
  }
  auto const list = answers(table, {.classes = 10});
  auto const r = label_sets(list, truth, {.worst = worst_rule::last}),
             drawn = label_sets(list, truth);
  std::size_t worst_differs = 0, aggregate_differs = 0, ties = 0;
  for (std::size_t t = 0; t < 50000; ++t) {
    worst_differs += r.worst[t] != worst[t];
    aggregate_differs += !r.tied[t] && r.aggregate[t] != aggregate[t];
    ties += r.tied[t];
  }
  CHECK(worst_differs == 0);
  CHECK(aggregate_differs == 0);
  CHECK(ties == 3041);
  CHECK(r.worst_noise == doctest::Approx(0.40208).epsilon(1e-12));
  CHECK(drawn.worst_noise == r.worst_noise);
  CHECK(std::abs(r.aggregate_noise - (1 - 0.9117867)) < 4 * std::sqrt(3041 * .21) / 50000);
  double mean = 0;
  for (double x : r.random_noise) mean += x / 3;
  CHECK(mean == doctest::Approx((0.17234 + 0.18122 + 0.17640) / 3).epsilon(1e-9));
}

}  // namespace
