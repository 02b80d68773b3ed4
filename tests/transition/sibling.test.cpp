// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/sibling.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::affinity_transition;
using limpid::transition::sibling;
using limpid::transition::sibling_transition;
using limpid_test::gap;
using limpid_test::to_matrix;

// classes 0..4, superclasses 5 (of 0, 1, 2) and 6 (of 3, 4), root 7
std::vector<std::size_t> const tree{5, 5, 5, 6, 6, 7, 7, 7};

TEST_CASE("sibling: T of a hierarchy") {
  auto const T = sibling_transition(5, tree, {0.7, 0.2, 0.1});
  CHECK(gap(T, {{0.7, 0.1, 0.1, 0.05, 0.05},
                {0.1, 0.7, 0.1, 0.05, 0.05},
                {0.1, 0.1, 0.7, 0.05, 0.05},
                {0.1 / 3, 0.1 / 3, 0.1 / 3, 0.7, 0.2},
                {0.1 / 3, 0.1 / 3, 0.1 / 3, 0.2, 0.7}}) < 1e-15);
  // within equal groups: doubly stochastic, eigenvalues 1 and 1 - b - b / (g - 1)
  auto const equal = sibling_transition(4, {4, 4, 5, 5, 6, 6, 6}, {0.8, 0.2});
  CHECK(gap(equal, {{0.8, 0.2, 0, 0}, {0.2, 0.8, 0, 0}, {0, 0, 0.8, 0.2}, {0, 0, 0.2, 0.8}}) <
        1e-15);
  CHECK(gap(sibling_transition(5, tree, {1}), matrix<double>::identity(5)) == 0);
  // an only child keeps its label, so that no mass is lost
  auto const only = sibling_transition(3, {3, 3, 4, 5, 5, 5}, {0.8, 0.2});
  CHECK(gap(only, {{0.8, 0.2, 0}, {0.2, 0.8, 0}, {0, 0, 1}}) < 1e-15);
  // a star: symmetric noise
  auto const star = sibling_transition(4, {4, 4, 4, 4, 4}, {0.7, 0.3});
  CHECK(star(0, 1) == doctest::Approx(0.1));
  CHECK(star(3, 3) == 0.7);
}

TEST_CASE("sibling: rates from counts are shares") {
  //! [call]
  // classes 0, 1 under node 4, classes 2, 3 under node 5, both under the root, 6
  std::vector<std::size_t> const parents{4, 4, 5, 5, 6, 6, 6};
  limpid::matrix<double> const counts{
      {80, 15, 3, 2}, {10, 85, 1, 4}, {2, 2, 70, 26}, {4, 2, 19, 75}};

  auto const r = limpid::transition::sibling(counts, parents);
  // r.rates = {310 / 400, 70 / 400, 20 / 400}; r.p_value: can all siblings be alike?
  //! [call]
  CHECK(r.rates[0] == doctest::Approx(310. / 400));
  CHECK(r.rates[1] == doctest::Approx(70. / 400));
  CHECK(r.rates[2] == doctest::Approx(20. / 400));
  CHECK(r.iterations == 1);
  CHECK(r.transition(0, 1) == doctest::Approx(70. / 400));
  CHECK(r.transition(0, 3) == doctest::Approx(10. / 400));
  CHECK(r.degrees == 10);  // 12 - 2
  double free = 0, tied = 0;
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      free += counts(i, j) * std::log(counts(i, j) / 100);
      tied += counts(i, j) * std::log(r.transition(i, j));
    }
  CHECK(r.log_likelihood == doctest::Approx(tied));
  CHECK(r.statistic == doctest::Approx(2 * (free - tied)));
  CHECK(r.p_value == doctest::Approx(limpid::transition::detail::chi_square_tail(r.statistic, 10)));
}

// golden: scipy 1.10.1
TEST_CASE("sibling: a star is the test of symmetric noise") {
  auto const e = limpid_test::golden("transition_misc.json")["class_vs_instance_dependence_tests"]
                                                            ["lrt_symmetric_vs_class_dependent"];
  auto const r = sibling(to_matrix(e["counts"]), {3, 3, 3, 3});
  CHECK(r.rates[1] == doctest::Approx(e["eps_hat"].get<double>()));
  CHECK(r.log_likelihood == doctest::Approx(e["loglik_symmetric"].get<double>()));
  CHECK(r.log_likelihood_free == doctest::Approx(e["loglik_free"].get<double>()));
  CHECK(r.statistic == doctest::Approx(e["G"].get<double>()));
  CHECK(r.degrees == e["dof"].get<int>());
  CHECK(r.p_value == doctest::Approx(e["p"].get<double>()));
}

TEST_CASE("sibling: an only child's diagonal is divided by EM") {
  std::vector<std::size_t> const parents{3, 3, 4, 5, 5, 5};
  matrix<double> const counts{{70, 20, 10}, {22, 68, 10}, {6, 6, 88}};
  auto const r = sibling(counts, parents);
  CHECK(r.converged);
  CHECK(r.iterations > 1);
  auto const at = [&](double b, double c) {
    auto const T = sibling_transition(3, parents, {1 - b - c, b, c});
    double sum = 0;
    for (std::size_t i = 0; i < 9; ++i) sum += counts.data()[i] * std::log(T.data()[i]);
    return sum;
  };
  CHECK(at(r.rates[1], r.rates[2]) == doctest::Approx(r.log_likelihood).epsilon(1e-12));
  for (double db : {-1e-3, 0.0, 1e-3})
    for (double dc : {-1e-3, 0.0, 1e-3})
      CHECK(at(r.rates[1] + db, r.rates[2] + dc) <= r.log_likelihood + 1e-9);
  // class 2 keeps what it has no sibling for
  CHECK(r.transition(2, 2) == doctest::Approx(r.rates[0] + r.rates[1]));
}

TEST_CASE("sibling: the test holds its level, and finds what is no hierarchy") {
  auto const T = sibling_transition(5, tree, {0.7, 0.2, 0.1});
  auto other = T;
  std::swap(other(0, 1), other(0, 3));
  int rejected = 0, found = 0;
  for (std::uint64_t s = 0; s < 200; ++s) {
    matrix<double> counts(5, 5), wrong(5, 5);
    for (std::size_t k = 0; k < 5; ++k)
      for (std::uint64_t i = 0; i < 400; ++i) {
        double const u = limpid::random_stream(s, static_cast<std::uint32_t>(k), i).uniform();
        std::size_t a = 0, b = 0;
        for (double x = u; a < 4 && x >= T(k, a);) x -= T(k, a++);
        for (double x = u; b < 4 && x >= other(k, b);) x -= other(k, b++);
        counts(k, a) += 1;
        wrong(k, b) += 1;
      }
    rejected += sibling(counts, tree).p_value < 0.05;
    found += sibling(wrong, tree).p_value < 0.05;
  }
  CHECK(rejected >= 3);
  CHECK(rejected <= 20);  // 10 +- 3
  CHECK(found > 120);
}

TEST_CASE("sibling: affinities") {
  matrix<double> const w{{9, 1, 3, 0}, {1, 0, 0, 0}, {1, 1, 0, 0}, {0, 0, 0, 5}};
  auto const T = affinity_transition(w, 0.2);
  CHECK(gap(T, {{0.8, 0.05, 0.15, 0}, {0.2, 0.8, 0, 0}, {0.1, 0.1, 0.8, 0}, {0, 0, 0, 1}}) < 1e-15);
  CHECK(affinity_transition(w, 0) == matrix<double>::identity(4));
  auto const far = affinity_transition(w, 0.2, true);
  // sum over steps of 0.8 0.2^s W^s
  matrix<double> W = affinity_transition(w, 1), power = matrix<double>::identity(4), sum(4, 4);
  double weight = 0.8;
  for (int s = 0; s < 40; ++s, weight *= 0.2) {
    for (std::size_t c = 0; c < 16; ++c) sum.data()[c] += weight * power.data()[c];
    power = limpid_test::multiply(power, W);
  }
  CHECK(gap(far, sum) < 1e-14);
}

TEST_CASE("sibling: empty rows, strangers, one class") {
  auto const r = sibling(matrix<double>{{8, 2, 0}, {0, 0, 0}, {0, 3, 7}}, {3, 3, 3, 3});
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{1, 0, 1});
  CHECK(r.degrees == 3);
  CHECK(r.rates[1] == doctest::Approx(0.25));
  auto const none = sibling(matrix<double>(2, 2), {2, 2, 2});
  CHECK(none.transition == matrix<double>::identity(2));
  CHECK(none.p_value == 1);
  // two trees: classes that share no ancestor are never confused; counts that say so refute them
  auto const apart = sibling(matrix<double>{{9, 1}, {1, 9}}, {0, 1});
  CHECK(apart.level(0, 1) == 1);
  CHECK(apart.transition == matrix<double>::identity(2));
  CHECK(apart.p_value == 0);
  CHECK(sibling(matrix<double>{{4}}, {0}).transition == matrix<double>{{1}});
}

TEST_CASE("sibling: every policy and type") {
  matrix<double> const counts{{70, 20, 10}, {22, 68, 10}, {6, 6, 88}};
  std::vector<std::size_t> const parents{3, 3, 4, 5, 5, 5};
  auto const r = sibling(limpid::seq, counts, parents);
  CHECK(sibling(counts, parents).transition == r.transition);
  CHECK(sibling(limpid::par_policy{.threads = 3}, counts, parents).transition == r.transition);
  limpid_test::device_matrix<double> const there(counts.view());
  CHECK(sibling(limpid_test::device, there, parents).transition == r.transition);
  CHECK(sibling(limpid_test::to_float(counts), parents).transition == r.transition);
  limpid_test::strided const padded(counts);
  CHECK(sibling(padded.window, parents).transition == r.transition);
}

TEST_CASE("sibling: bad input") {
  matrix<double> const c{{4, 1}, {0, 3}};
  CHECK_THROWS_WITH_AS((void)sibling(matrix<double>(2, 3), {2, 2, 2}),
                       "transition::sibling: counts is 2 x 3; need K x K, K >= 1", input_error);
  CHECK_THROWS_WITH_AS((void)sibling(c, {0}),
                       "transition::sibling: parents has 1 nodes; the first 2 are the classes",
                       input_error);
  CHECK_THROWS_WITH_AS((void)sibling(c, {2, 5, 2}),
                       "transition::sibling: parents[1] is 5; there are 3 nodes", input_error);
  CHECK_THROWS_WITH_AS((void)sibling(c, {2, 0, 2}),
                       "transition::sibling: parents[1] is 0, a class; classes have no children",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)sibling(c, {2, 2, 3, 2}),
      "transition::sibling: parents of class 0 run in a circle; a root is its own parent",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)sibling(matrix<double>{{1, NAN}, {0, 1}}, {2, 2, 2}),
      "transition::sibling: counts row 0 has the entry nan; need finite counts, at least 0",
      input_error);
  CHECK_THROWS_WITH_AS((void)sibling(c, {2, 2, 2}, {.max_iterations = -1}),
                       "transition::sibling: options.max_iterations is -1; need at least 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)sibling_transition(2, {2, 2, 2}, {0.5, 0.4}),
                       "transition::sibling_transition: rates sum to 0.9; need 1", input_error);
  CHECK_THROWS_WITH_AS((void)sibling_transition(0, {}, {1}),
                       "transition::sibling_transition: classes is 0; give the number of classes",
                       input_error);
  CHECK_THROWS_WITH_AS((void)affinity_transition(c, 1, true),
                       "transition::affinity_transition: share is 1; need [0, 1)", input_error);
  CHECK_THROWS_WITH_AS(
      (void)affinity_transition(matrix<double>{{0, -1}, {1, 0}}, 0.1),
      "transition::affinity_transition: affinity row 0 has the entry -1; need finite "
      "numbers, at least 0",
      input_error);
  CHECK_NOTHROW((void)affinity_transition(c, 1));
}

}  // namespace
