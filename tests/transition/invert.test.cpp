// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/invert.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

namespace {

using limpid::matrix;
using limpid::transition::invert;
using limpid::transition::regularisation;
using limpid_test::gap;

TEST_CASE("invert: symmetric noise has its inverse and singular values in closed form") {
  std::size_t const K = 5;
  double const rate = 0.4, a = 1 - rate * 5 / 4;
  matrix<double> T(K, K, rate / 4), inverse(K, K, -(1 - a) / 5 / a);
  for (std::size_t i = 0; i < K; ++i) T(i, i) = 1 - rate, inverse(i, i) += 1 / a;
  auto const r = invert(T);
  CHECK(gap(r.inverse, inverse) < 1e-14);
  CHECK(r.smallest_singular_value == doctest::Approx(a).epsilon(1e-13));
  CHECK(r.largest_singular_value == doctest::Approx(1).epsilon(1e-13));
  CHECK(r.amplification == doctest::Approx(1 / a + (1 - a) / a * 3 / 5).epsilon(1e-13));
  CHECK(r.condition == doctest::Approx(r.amplification).epsilon(1e-13));
  CHECK_FALSE(r.refused);
  CHECK(r.reason.empty());
}

TEST_CASE("invert: T T^-1 = I for a T without symmetry, and under class permutation") {
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.0, 0.6, 0.4}, {0.3, 0.1, 0.6}};
  auto const r = invert(T);
  CHECK(gap(limpid_test::multiply(T, r.inverse), matrix<double>::identity(3)) <
        1e-10 * r.condition);
  matrix<double> P(3, 3), expected(3, 3);
  std::size_t const to[] = {1, 2, 0};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      P(to[i], to[j]) = T(i, j), expected(to[i], to[j]) = r.inverse(i, j);
  CHECK(gap(invert(P).inverse, expected) < 1e-13);
}

TEST_CASE("invert: a singular T is refused with its equal rows named, and regularised when asked") {
  //! [call]
  limpid::matrix<double> const T{{0.6, 0.3, 0.1}, {0.1, 0.8, 0.1}, {0.6, 0.3, 0.1}};
  auto const r = limpid::transition::invert(T);
  // r.refused, r.equal_rows, rows r.first_equal = 0 and r.second_equal = 2; r.reason says it
  auto const s = limpid::transition::invert(
      T, {.rule = limpid::transition::regularisation::shrink, .amount = 0.1});
  //! [call]
  CHECK(r.refused);
  CHECK(r.inverse.empty());
  CHECK(r.equal_rows);
  CHECK(r.first_equal == 0);
  CHECK(r.second_equal == 2);
  CHECK(r.condition == std::numeric_limits<double>::infinity());
  CHECK(r.smallest_singular_value < 1e-15);
  CHECK(r.reason ==
        "T rows 0 and 2 are equal, so that T has no inverse; the two classes cannot be told apart");
  CHECK_FALSE(s.refused);
  matrix<double> pulled(3, 3);
  for (std::size_t i = 0; i < 3; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      pulled(i, j) = 0.9 * T(i, j) + (i == j ? 0.1 : 0);
      sum += s.inverse(i, j);
    }
    CHECK(sum == doctest::Approx(1).epsilon(1e-12));
  }
  CHECK(gap(limpid_test::multiply(s.inverse, pulled), matrix<double>::identity(3)) < 1e-13);
  // (T'T + m I) R = T'
  auto const t = invert(T, {.rule = regularisation::tikhonov, .amount = 0.01});
  auto gram = limpid_test::multiply(limpid_test::transpose(T), T);
  for (std::size_t i = 0; i < 3; ++i) gram(i, i) += 0.01;
  CHECK(gap(limpid_test::multiply(gram, t.inverse), limpid_test::transpose(T)) < 1e-12);
  CHECK(t.equal_rows);
}

TEST_CASE("invert: nearly singular without equal rows; the limit; one class") {
  double const e = 1e-10;
  matrix<double> const T{{0.5, 0.25, 0.25}, {0.25, 0.5, 0.25}, {0.375 + e, 0.375, 0.25 - e}};
  auto const r = invert(T);
  CHECK(r.refused);
  CHECK_FALSE(r.equal_rows);
  CHECK(r.reason.find("choose a regularisation") != std::string::npos);
  CHECK_FALSE(invert(T, {.rule = regularisation::shrink}).refused);
  CHECK_FALSE(invert(matrix<double>{{0.8, 0.2}, {0.4, 0.6}}, {.max_condition = 3.1}).refused);
  CHECK(invert(matrix<double>{{0.8, 0.2}, {0.4, 0.6}}, {.max_condition = 2.9}).refused);
  CHECK(invert(matrix<double>{{1}}).inverse == matrix<double>{{1}});
  CHECK(invert(matrix<float>{{1, 0}, {0, 1}}).amplification == 1);
  auto const quick = invert(matrix<double>{{0.8, 0.2}, {0.4, 0.6}}, {.singular_values = false});
  CHECK(quick.smallest_singular_value == 0);
  CHECK(quick.condition == doctest::Approx(3));
}

TEST_CASE("invert: on the device, and bad input") {
  matrix<double> const T{{0.8, 0.2}, {0.4, 0.6}};
  limpid_test::device_matrix<double> const far(T.view());
  CHECK(invert(limpid_test::device, far).inverse == invert(T).inverse);
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)invert(matrix<double>(2, 3)),
                       "transition::invert: T is 2 x 3; need K x K, K at least 1", input_error);
  CHECK_THROWS_WITH_AS(
      (void)invert(matrix<double>{{1, 0}, {0.5, 0.6}}),
      "transition::invert: T row 1 sums to 1.1; rows must be probability distributions "
      "(tolerance 1e-3)",
      input_error);
  CHECK_THROWS_WITH_AS((void)invert(T, {.max_condition = 0.5}),
                       "transition::invert: options.max_condition is 0.5; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)invert(T, {.rule = regularisation::tikhonov, .amount = -1}),
                       "transition::invert: options.amount is -1; tikhonov needs more than 0",
                       input_error);
  CHECK_THROWS_AS((void)invert(T, {.rule = regularisation::shrink, .amount = 1.01}), input_error);
  CHECK_NOTHROW((void)invert(T, {.rule = regularisation::shrink, .amount = 1}));
}

}  // namespace
