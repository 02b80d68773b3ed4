// SPDX-License-Identifier: BSL-1.0
#include <limpid/crowd/majority_vote.hpp>

#include <doctest/doctest.h>

#include "crowd/golden.hpp"
#include "crowd/helpers.hpp"
#include "crowd/policies.hpp"
#include "support/shared_data.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using limpid::matrix;
using limpid::crowd::answers;
using limpid::crowd::majority_vote;
using ints = std::vector<int>;
using labels = limpid::vector<std::int32_t>;
using flags = limpid::vector<std::uint8_t>;

TEST_CASE("majority_vote: by hand") {
  //! [call]
  limpid::matrix<int> const table{{0, 0, 1}, {2, 1, -1}, {-1, -1, -1}};  // -1: no answer

  auto const r = limpid::crowd::majority_vote(limpid::crowd::answers(table, {.classes = 3}));
  std::vector<int> const label = r.label;  // 0, 1 (tied with 2), -1
  //! [call]
  CHECK(label == ints{0, 1, -1});
  CHECK(r.tied == flags{0, 1, 0});
  CHECK(r.ties == 1);
  CHECK(r.unanswered == 1);
  CHECK(limpid_test::largest_gap(
            r.probabilities, {{2. / 3, 1. / 3, 0}, {0, .5, .5}, {1. / 3, 1. / 3, 1. / 3}}) < 1e-15);
  CHECK(r.prior[0] == doctest::Approx(1. / 3));  // over the two tasks with answers
  CHECK(r.prior[1] == doctest::Approx(5. / 12));
}

// golden: Crowd-Kit 1.4.1, MajorityVote
TEST_CASE("majority_vote: the numbers of Crowd-Kit") {
  auto const g = limpid_test::golden("crowd_aggregation.json");
  CHECK(limpid_test::largest_gap(majority_vote(limpid_test::golden_answers(g).list()).probabilities,
                                 limpid_test::to_matrix(g["expected"]["majority_vote_proba"])) ==
        0);
}

TEST_CASE("majority_vote: one class, nothing at all, weights") {
  auto const one =
      majority_vote(answers(ints{0, 1}, ints{0, 0}, ints{0, 0}, {.classes = 1, .tasks = 3}));
  CHECK(one.label == labels{0, 0, -1});
  CHECK(one.ties == 0);
  auto const none = majority_vote(answers(ints{}, ints{}, ints{}, {.classes = 2}));
  CHECK(none.label.empty());
  CHECK(none.prior == limpid::vector<double>{.5, .5});
  auto const weighed = majority_vote(answers(ints{0, 0, 0}, ints{0, 1, 2}, ints{0, 0, 1},
                                             std::vector<double>{1, 1, 2.5}, {.classes = 2}));
  CHECK(weighed.label == labels{1});
}

TEST_CASE("majority_vote: every policy") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {tile - 1, tile, 2 * tile + 1}) {
    auto const in = limpid_test::draw_crowd(n, 3, {.9, .7, .8, .5}, 3, 5);
    limpid_test::over_policies(
        in.answers.list(),
        [](auto const& exec, auto const& a) {
          auto const r = majority_vote(exec, a);
          std::vector<double> out;
          limpid_test::put(out, r.probabilities);
          limpid_test::put(out, r.label);
          limpid_test::put(out, r.tied);
          limpid_test::put(out, r.prior);
          return out;
        },
        1e-13);
  }
}

// published: Zhang et al. 2014 (error of the majority vote); measured: the README of each set
TEST_CASE("majority_vote: published accuracies") {
  struct set {
    char const* name;
    std::size_t tasks, classes;
    double accuracy;
  };
  for (set const& s : {set{"bluebird", 108, 2, .7593},
                       {"rte", 800, 2, .8969},
                       {"dog", 807, 4, .8222},
                       {"web", 2665, 5, .7307},
                       {"face", 584, 4, .6367},
                       {"product", 8315, 2, .8966},
                       {"adult", 11040, 4, .7598},
                       {"weather_cf", 300, 5, .8822},
                       {"weather_cf_amt", 300, 5, .8533},
                       {"mozafari", 1000, 2, .6960},
                       {"music_genre", 700, 10, .7042},
                       {"imagenet_real_golden", 1135, 3, .9115}}) {
    CAPTURE(s.name);
    auto const folder = limpid_test::shared_data(s.name);
    if (folder.empty()) continue;
    bool const genre = std::string(s.name) == "music_genre";
    auto const truth = limpid_test::read_npy(folder + (genre ? "/y_train.npy" : "/truth.npy"));
    auto const r = majority_vote(limpid_test::read_answers(folder, s.tasks, s.classes).list());
    CHECK(std::abs(limpid_test::fair_accuracy(r.probabilities, truth) - s.accuracy) < 6e-5);
  }
}

}  // namespace
