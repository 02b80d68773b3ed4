// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/find_label_issues.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cstddef>
#include <limits>
#include <random>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::find_label_issues;
using limpid::transition::find_label_issues_options;
using limpid::transition::find_multilabel_issues;
using limpid::transition::issue_filter;
using limpid::transition::quality_score;
using rows = limpid::vector<std::size_t>;

TEST_CASE("find_multilabel_issues: each class against the rest") {
  //! [multilabel]
  // 8 rows, 2 classes, each given or not; row 3 lacks class 0, row 6 has class 1 wrongly
  limpid::matrix<double> const P{{0.9, 0.1}, {0.8, 0.9}, {0.2, 0.8}, {0.9, 0.2},
                                 {0.1, 0.9}, {0.2, 0.1}, {0.1, 0.1}, {0.7, 0.3}};
  limpid::matrix<int> const Y{{1, 0}, {1, 1}, {0, 1}, {0, 0}, {0, 1}, {0, 0}, {0, 1}, {1, 0}};

  auto const r = limpid::transition::find_multilabel_issues(P, Y);
  // r.issues lists rows 3 and 6; r.class_flagged(3, 0) and r.class_flagged(6, 1) are 1
  //! [multilabel]
  CHECK(r.issues == rows{3, 6});
  CHECK(r.flagged == limpid::vector<std::uint8_t>{0, 0, 0, 1, 0, 0, 1, 0});
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(r.class_flagged(i, 0) == (i == 3));
    CHECK(r.class_flagged(i, 1) == (i == 6));
  }
  // of row 3: 0.8 and 0.1, the lower one with weight 0.8
  CHECK(r.score[0] == doctest::Approx(0.8 * 0.1 + 0.2 * 0.8));
  CHECK(r.joint == matrix<double>{{4, 1, 0, 3}, {4, 0, 1, 3}});

  find_label_issues_options one;  // the same, class by class
  one.rank_by.reset();
  for (auto rule :
       {issue_filter::prune_by_noise_rate, issue_filter::prune_by_class, issue_filter::both,
        issue_filter::confident_learning, issue_filter::predicted_neq_given}) {
    limpid_test::labelled_posteriors const data = limpid_test::make_posteriors(300, 3, 5);
    matrix<int> y(300, 3);
    std::mt19937 rng(4);
    for (std::size_t c = 0; c < 900; ++c)
      y.data()[c] = data.p.data()[c] * 100 > static_cast<double>(rng() % 60);
    auto const all = find_multilabel_issues(data.p, y, {.filter_by = rule});
    one.filter_by = rule;
    for (std::size_t k = 0; k < 3; ++k) {
      matrix<double> two(300, 2);
      std::vector<int> label(300);
      for (std::size_t i = 0; i < 300; ++i)
        two(i, 0) = 1 - data.p(i, k), two(i, 1) = data.p(i, k), label[i] = y(i, k);
      auto const want = find_label_issues(two, label, one);
      for (std::size_t i = 0; i < 300; ++i) CHECK(all.class_flagged(i, k) == want.flagged[i]);
    }
  }
}

TEST_CASE("find_multilabel_issues: the low rules, ranking, and bad input") {
  matrix<double> const p{{0.9, 0.1}, {0.8, 0.9}, {0.2, 0.8}, {0.9, 0.2},
                         {0.1, 0.9}, {0.2, 0.1}, {0.1, 0.1}, {0.7, 0.3}};
  matrix<int> const y{{1, 0}, {1, 1}, {0, 1}, {0, 0}, {0, 1}, {0, 0}, {0, 1}, {1, 0}};
  auto const low = find_multilabel_issues(p, y, {.filter_by = issue_filter::low_self_confidence});
  CHECK(low.issues == rows{3, 6});
  CHECK(low.class_flagged.empty());
  auto const margin = find_multilabel_issues(p, y,
                                             {.filter_by = issue_filter::low_normalized_margin,
                                              .rank_by = quality_score::normalized_margin});
  CHECK(margin.issues == rows{3, 6});
  auto const unranked = find_multilabel_issues(p, y, {.rank_by = {}});
  CHECK(unranked.score.empty());
  auto const adjusted = find_multilabel_issues(p, y, {.adjust = true});
  CHECK(adjusted.score != margin.score);
  CHECK(find_multilabel_issues(p, y, {.num_to_remove_per_class = {0, 0}}).issues.empty());

  auto bad = y;
  bad(4, 1) = 2;
  CHECK_THROWS_WITH_AS(
      (void)find_multilabel_issues(p, bad),
      "transition::find_multilabel_issues: Y row 4 has an entry that is neither 0 nor 1",
      input_error);
  CHECK_THROWS_WITH_AS((void)find_multilabel_issues(p, matrix<int>(8, 3)),
                       "transition::find_multilabel_issues: P is 8 x 2, Y is 8 x 3", input_error);
  auto q = p;
  q(2, 0) = 1.5;
  CHECK_THROWS_WITH_AS((void)find_multilabel_issues(q, y),
                       "transition::find_multilabel_issues: P row 2 has an entry outside [0, 1]",
                       input_error);
  q(2, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(
      (void)find_multilabel_issues(q, y),
      "transition::find_multilabel_issues: P row 2 has an entry that is not finite", input_error);
  q(2, 0) = 1;  // rows need not sum to 1
  CHECK_NOTHROW((void)find_multilabel_issues(q, y));
}

TEST_CASE("find_multilabel_issues: policies, and rows without a class") {
  auto const data = limpid_test::make_posteriors(2100, 3, 8);
  matrix<int> y(2100, 3);
  for (std::size_t i = 0; i < 2100; ++i)
    if (i % 5) y(i, static_cast<std::size_t>(data.y[i])) = 1;
  auto const r = find_multilabel_issues(limpid::seq, data.p, y);
  CHECK(!r.issues.empty());
  limpid::par_policy par;
  par.threads = 3;
  limpid_test::device_matrix<double> const p(data.p.view());
  limpid_test::device_matrix<int> const there(y.view());
  for (auto const& s : {find_multilabel_issues(data.p, y), find_multilabel_issues(par, data.p, y),
                        find_multilabel_issues(limpid_test::device, p, there)}) {
    CHECK(s.issues == r.issues);
    CHECK(s.score == r.score);
    CHECK(s.class_flagged == r.class_flagged);
    CHECK(s.joint == r.joint);
  }
}

}  // namespace
