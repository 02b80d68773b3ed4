// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/hierarchical.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/seq.hpp>
#include <limpid/noise/class_map.hpp>
#include <limpid/noise/symmetric.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::noise::hierarchical;
using limpid::noise::hierarchical_transition;
using limpid::noise::two_level_tree;

double gap(matrix<double> const& a, matrix<double> const& b) {
  double worst = 0;
  for (std::size_t c = 0; c < a.rows() * a.cols(); ++c)
    worst = (std::max)(worst, std::abs(a.data()[c] - b.data()[c]));
  return worst;
}

TEST_CASE("siblings first, then cousins") {
  std::vector<int> labels(30000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i % 5);
  //! [hierarchical]
  // superclasses {0, 1, 2}, {3, 4}: 30 % of labels move to a sibling, 10 % beyond
  auto const tree = limpid::noise::two_level_tree({0, 0, 0, 1, 1});
  auto const noisy = limpid::noise::hierarchical(labels, 5, tree, {.rates = {0.3, 0.1}, .seed = 1});
  //! [hierarchical]
  matrix<double> const want{{0.6, 0.15, 0.15, 0.05, 0.05},
                            {0.15, 0.6, 0.15, 0.05, 0.05},
                            {0.15, 0.15, 0.6, 0.05, 0.05},
                            {0.1 / 3, 0.1 / 3, 0.1 / 3, 0.6, 0.3},
                            {0.1 / 3, 0.1 / 3, 0.1 / 3, 0.3, 0.6}};
  CHECK(gap(noisy.expected, want) < 1e-15);
  CHECK(gap(noisy.realised, want) < 0.03);
  CHECK(std::abs(noisy.realised_rate - 0.4) < 0.012);
  auto const exact =
      hierarchical(labels, 5, tree, {.rates = {0.3, 0.1}, .mode = limpid::noise::sampling::exact});
  CHECK(exact.realised(3, 4) == 0.3);
  CHECK(exact.realised(0, 3) == 0.05);
}

TEST_CASE("a star is symmetric noise; an only child keeps its label; levels without classes stay") {
  CHECK(gap(hierarchical_transition(4, two_level_tree({0, 0, 0, 0}), {0.3}),
            limpid::noise::symmetric_transition(4, 0.3)) < 1e-15);
  auto const only = hierarchical_transition(3, two_level_tree({0, 1, 1}), {0.4});
  CHECK(gap(only, matrix<double>{{1, 0, 0}, {0, 0.6, 0.4}, {0, 0.4, 0.6}}) < 1e-15);
  CHECK(hierarchical_transition(1, {0}, {0.4}) == matrix<double>{{1}});
  CHECK(hierarchical_transition(3, two_level_tree({0, 1, 1}), {}) == matrix<double>::identity(3));
  // three levels, not all leaves equally deep: 0 and 1 under 4, 4 and 2 under 5, 5 and 3 under the
  // root 6
  auto const deep = hierarchical_transition(4, {4, 4, 5, 6, 5, 6, 6}, {0.1, 0.2, 0.3});
  CHECK(gap(deep, matrix<double>{{0.4, 0.1, 0.2, 0.3},
                                 {0.1, 0.4, 0.2, 0.3},
                                 {0.05, 0.05, 0.7, 0.2},
                                 {0.1 / 3, 0.1 / 3, 0.1 / 3, 0.9}}) < 1e-15);
  // two trees: never confused
  CHECK(hierarchical_transition(2, {0, 1}, {0.5}) == matrix<double>::identity(2));
}

TEST_CASE("CIFAR-100: superclasses of five, and the map within them") {
  auto const superclass = limpid::noise::cifar100_superclasses();
  std::vector<int> size(20);
  for (std::size_t s : superclass) ++size[s];
  for (int s : size) CHECK(s == 5);
  CHECK(superclass[4] == superclass[30]);   // beaver, dolphin
  CHECK(superclass[8] == superclass[90]);   // bicycle, train
  CHECK(superclass[47] == superclass[96]);  // maple, willow
  auto const T = hierarchical_transition(100, two_level_tree(superclass), {0.2});
  for (auto const& [from, to, rate] : limpid::noise::cifar100_map(0.2)) {
    CHECK(superclass[from] == superclass[to]);
    CHECK(from != to);
    CHECK(T(from, to) == doctest::Approx(0.05));
    CHECK(T(from, from) == doctest::Approx(0.8));
  }
}

TEST_CASE("hierarchical noise: policies, and bad input") {
  std::vector<int> const y{0, 1, 2, 0, 1, 2};
  auto const tree = two_level_tree({0, 0, 1});
  auto const r = hierarchical(y, 3, tree, {.rates = {0.5, 0.5}});
  CHECK(hierarchical(limpid::seq, y, 3, tree, {.rates = {0.5, 0.5}}).labels == r.labels);
  limpid_test::device_vector<int> const far(limpid::vector_view<int const>(y.data(), 6));
  CHECK(hierarchical(limpid_test::device, far, 3, tree, {.rates = {0.5, 0.5}}).labels == r.labels);
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)hierarchical(y, 3, {0, 1}),
                       "noise::hierarchical: parents has 2 nodes; the first 3 are the classes",
                       input_error);
  CHECK_THROWS_WITH_AS((void)hierarchical(y, 3, tree, {.rates = {0.7, 0.4}}),
                       "noise::hierarchical: rates sum to 1.1; they must sum to 1 at most",
                       input_error);
  CHECK_NOTHROW((void)hierarchical(y, 3, tree, {.rates = {0.7, 0.3}}));
  CHECK_THROWS_WITH_AS((void)hierarchical(y, 3, tree, {.rates = {-0.1}}),
                       "noise::hierarchical: rates[0] is -0.1; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)hierarchical(y, 3, {3, 3, 9, 3}),
                       "noise::hierarchical: parents[2] is 9; there are 4 nodes", input_error);
  CHECK_THROWS_WITH_AS((void)hierarchical(y, 3, {3, 3, 1, 3}),
                       "noise::hierarchical: parents[2] is 1, a class; classes have no children",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)hierarchical(y, 3, {3, 3, 4, 4, 3}),
      "noise::hierarchical: parents of class 0 run in a circle; the root is its own parent",
      input_error);
}

}  // namespace
