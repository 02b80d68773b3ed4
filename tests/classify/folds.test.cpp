// SPDX-License-Identifier: BSL-1.0
#include <limpid/classify/folds.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::classify::folds;

std::vector<int> some_labels(std::size_t n, std::size_t K, std::uint64_t seed) {
  std::vector<int> y(n);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    auto const a = draw.below(K), b = draw.below(K);
    y[i] = static_cast<int>((std::min)(a, b));  // uneven classes
  }
  return y;
}

TEST_CASE("folds deal every class evenly") {
  //! [folds]
  std::vector<int> const labels{0, 0, 0, 0, 1, 1, 1, 1, 1, 1};

  auto const r =
      limpid::classify::folds(labels, 2, {.count = 2, .seed = 1});  // r.fold: 0 or 1 for each row
  //! [folds]

  CHECK(r.rows == limpid::matrix<std::size_t>{{2, 3}, {2, 3}});
  CHECK(std::count(r.fold.begin(), r.fold.end(), 0) == 5);
}

TEST_CASE("fold sizes differ by one at most, per class and in total; rows are counted right") {
  for (std::size_t n : {5u, 6u, 97u, 2049u})
    for (std::size_t count : {2u, 3u, 5u}) {
      CAPTURE(n);
      CAPTURE(count);
      auto const y = some_labels(n, 4, n);
      auto const r = folds(y, 4, {.count = count, .seed = 3});
      std::map<std::pair<int, int>, std::size_t> seen;
      std::vector<std::size_t> total(count);
      for (std::size_t i = 0; i < n; ++i) {
        REQUIRE(r.fold[i] >= 0);
        REQUIRE(r.fold[i] < static_cast<int>(count));
        ++seen[{r.fold[i], y[i]}];
        ++total[static_cast<std::size_t>(r.fold[i])];
      }
      CHECK(*std::max_element(total.begin(), total.end()) -
                *std::min_element(total.begin(), total.end()) <=
            1);
      for (std::size_t k = 0; k < 4; ++k) {
        std::size_t low = n, high = 0;
        for (std::size_t f = 0; f < count; ++f) {
          CHECK(r.rows(f, k) == seen[{static_cast<int>(f), static_cast<int>(k)}]);
          low = (std::min)(low, r.rows(f, k));
          high = (std::max)(high, r.rows(f, k));
        }
        CHECK(high - low <= 1);
      }
    }
}

TEST_CASE("folds depend on the seed, not on the policy; without strata only totals are even") {
  auto const y = some_labels(3000, 3, 1);
  auto const r = folds(y, 3, {.seed = 4});
  CHECK(folds(y, 3, {.seed = 4}).fold == r.fold);
  CHECK(folds(limpid::seq, y, 3, {.seed = 4}).fold == r.fold);
  CHECK(folds(limpid::par, y, 3, {.seed = 4}).fold == r.fold);
  limpid_test::device_vector<int> const on_device(
      limpid::vector_view<int const>(y.data(), y.size()));
  CHECK(folds(limpid_test::device, on_device, 3, {.seed = 4}).fold == r.fold);
  auto const other = folds(y, 3, {.seed = 5});
  std::size_t same = 0;
  for (std::size_t i = 0; i < 3000; ++i) same += other.fold[i] == r.fold[i];
  CHECK(same > 450);  // about a fifth
  CHECK(same < 750);

  auto const loose = folds(y, 3, {.seed = 4, .stratified = false});
  std::size_t spread = 0;
  for (std::size_t f = 0; f < 5; ++f) {
    CHECK(loose.rows(f, 0) + loose.rows(f, 1) + loose.rows(f, 2) == 600);
    spread = (std::max)(spread, loose.rows(f, 0));
    spread = (std::max)(spread, loose.rows(0, 0) - (std::min)(loose.rows(0, 0), loose.rows(f, 0)));
  }
  CHECK(spread > 1);
}

TEST_CASE("rows of a group stay together, and classes are as even as the groups allow") {
  std::size_t const n = 1200;
  auto y = some_labels(n, 3, 2);
  y[7] = -1;
  std::vector<std::int32_t> group(n);
  for (std::size_t i = 0; i < n; ++i)
    group[i] = static_cast<std::int32_t>(limpid::random_stream(8, 0, i).below(60)) * 1000 - 30000;
  for (bool stratified : {true, false}) {
    auto const r =
        folds(y, 3, {.count = 4, .seed = 2, .stratified = stratified, .groups = {group.data(), n}});
    std::map<int, std::set<int>> fold_of;
    std::vector<std::size_t> total(4);
    for (std::size_t i = 0; i < n; ++i) {
      fold_of[group[i]].insert(r.fold[i]);
      ++total[static_cast<std::size_t>(r.fold[i])];
    }
    for (auto const& [g, f] : fold_of) CHECK(f.size() == 1);
    for (std::size_t f = 0; f < 4; ++f) {
      CHECK(total[f] > 250);
      CHECK(total[f] < 350);
    }
  }
  // each group is one class: every class must still reach every fold
  std::vector<int> pure(n);
  for (std::size_t i = 0; i < n; ++i) pure[i] = (group[i] + 30000) / 1000 % 3;
  auto const r = folds(pure, 3, {.count = 4, .groups = {group.data(), n}});
  for (std::size_t f = 0; f < 4; ++f)
    for (std::size_t k = 0; k < 3; ++k) CHECK(r.rows(f, k) > 60);  // 100 if it were even
}

TEST_CASE("unlabelled rows are spread too, an absent class and a single class are no error") {
  std::vector<int> y(100, -1);
  for (std::size_t i = 0; i < 40; ++i) y[i] = 0;
  auto const r = folds(y, 2, {.count = 4});
  for (std::size_t f = 0; f < 4; ++f) {
    CHECK(r.rows(f, 0) == 10);
    CHECK(r.rows(f, 1) == 0);
    CHECK(std::count(r.fold.begin() + 40, r.fold.end(), static_cast<int>(f)) == 15);
  }
  CHECK(folds(std::vector<int>(6, 0), 1, {.count = 3}).rows(2, 0) == 2);
  CHECK(folds(std::vector<int>{0, 1}, 2, {.count = 2}).fold.size() == 2);  // n == count
}

TEST_CASE("folds say what is wrong with their input") {
  using limpid::input_error;
  std::vector<int> const y{0, 1, 0, 1};
  CHECK_THROWS_WITH_AS((void)folds(y, 2), "classify::folds: labels has 4 rows, fewer than 5 folds",
                       input_error);
  CHECK_NOTHROW((void)folds(y, 2, {.count = 4}));
  CHECK_THROWS_WITH_AS((void)folds(y, 2, {.count = 1}),
                       "classify::folds: folds is 1; at least 2 are needed", input_error);
  CHECK_THROWS_WITH_AS((void)folds(y, 0, {.count = 2}),
                       "classify::folds: classes is 0; give the number of classes", input_error);
  CHECK_THROWS_WITH_AS(
      (void)folds(y, 1, {.count = 2}),
      "classify::folds: labels row 1 is 1; labels must be 0..0, or negative for unlabelled",
      input_error);
  std::vector<std::int32_t> const g{1, 1, 2, 2};
  CHECK_THROWS_WITH_AS((void)folds(y, 2, {.count = 3, .groups = {g.data(), 4}}),
                       "classify::folds: groups are fewer than 3 folds; every fold needs a group",
                       input_error);
  CHECK_NOTHROW((void)folds(y, 2, {.count = 2, .groups = {g.data(), 4}}));
  CHECK_THROWS_WITH_AS((void)folds(y, 2, {.count = 2, .groups = {g.data(), 3}}),
                       "classify::folds: groups has 3 rows, labels has 4", input_error);
  CHECK_THROWS_AS((void)folds(std::vector<int>{}, 2, {.count = 2}), input_error);
}

}  // namespace
