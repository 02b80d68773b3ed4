// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/multilabel.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::noise::additive_base;
using limpid::noise::multilabel;
using limpid::noise::multilabel_rule;
using limpid::noise::sampling;

/// Class k has a share of ones of its own: 0.3, 0.05, 0.9 and none.
matrix<int> labels(std::size_t n) {
  matrix<int> y(n, 4);
  for (std::size_t i = 0; i < n; ++i) {
    y(i, 0) = i * 7 % 10 < 3;
    y(i, 1) = i % 20 == 5;
    y(i, 2) = i % 10 != 0;
  }
  return y;
}

TEST_CASE("counts are exact, relative to the ones, and mixed noise keeps the prevalence") {
  auto const Y = labels(100);
  //! [multilabel]
  auto const noisy = limpid::noise::multilabel(Y, {.rule = limpid::noise::multilabel_rule::mixed,
                                                   .subtractive = 0.4,
                                                   .additive = 0.4,
                                                   .seed = 1});
  // class 0 has 30 ones: 12 are removed, 12 added; extra_rate is 12 / 70
  //! [multilabel]
  CHECK(noisy.ones == limpid::vector<std::size_t>{30, 5, 90, 0});
  CHECK(noisy.removed == limpid::vector<std::size_t>{12, 2, 36, 0});
  CHECK(noisy.added ==
        limpid::vector<std::size_t>{12, 2, 5, 0});  // 95 of 100 at most, and 10 zeros only
  CHECK(noisy.limited == limpid::vector<std::uint8_t>{0, 0, 1, 0});
  CHECK(noisy.missing_rate[0] == doctest::Approx(0.4));
  CHECK(noisy.extra_rate[0] == doctest::Approx(12.0 / 70));
  CHECK(noisy.expected_extra_rate[0] == noisy.extra_rate[0]);
  CHECK(noisy.missing_rate[3] == 0);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < 100; ++i)
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK((noisy.labels(i, k) != Y(i, k)) == (noisy.flipped(i, k) == 1));
      changed += noisy.flipped(i, k);
    }
  CHECK(changed == 12 + 2 + 36 + 12 + 2 + 5);
  CHECK(noisy.realised_rate == doctest::Approx(static_cast<double>(changed) / 400));
}

TEST_CASE("subtractive only removes, additive only adds; relative to zeros it adds far more") {
  auto const Y = labels(1000);
  auto const less = multilabel(Y, {.rule = multilabel_rule::subtractive, .subtractive = 0.3});
  auto const more = multilabel(Y, {.rule = multilabel_rule::additive, .additive = 0.3});
  auto const zeros = multilabel(
      Y, {.rule = multilabel_rule::additive, .additive = 0.3, .relative_to = additive_base::zeros});
  CHECK(less.removed == limpid::vector<std::size_t>{90, 15, 270, 0});
  CHECK(less.added == limpid::vector<std::size_t>{0, 0, 0, 0});
  CHECK(more.added == limpid::vector<std::size_t>{90, 15, 50, 0});
  CHECK(more.removed == limpid::vector<std::size_t>{0, 0, 0, 0});
  CHECK(zeros.added == limpid::vector<std::size_t>{210, 285, 30, 300});
  auto const all = multilabel(Y, {.rule = multilabel_rule::subtractive, .subtractive = 1});
  CHECK(all.missing_rate[0] == 1);
  CHECK(multilabel(Y, {.subtractive = 0, .additive = 0}).realised_rate == 0);
}

TEST_CASE("exact choices are uniform over a class's rows, and classes choose apart") {
  auto const Y = labels(40);  // class 0 has 12 ones
  std::vector<double> hits(40);
  double together = 0;
  matrix<int> twice(40, 2);
  for (std::size_t i = 0; i < 40; ++i) twice(i, 0) = twice(i, 1) = Y(i, 0);
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    auto const r = multilabel(
        twice, {.rule = multilabel_rule::subtractive, .subtractive = 0.25, .seed = seed});
    for (std::size_t i = 0; i < 40; ++i) {
      hits[i] += r.flipped(i, 0);
      together += r.flipped(i, 0) * r.flipped(i, 1);
    }
  }
  for (std::size_t i = 0; i < 40; ++i)
    CHECK(std::abs(hits[i] - (Y(i, 0) ? 750.0 : 0.0)) <= (Y(i, 0) ? 5 * std::sqrt(750 * 0.75) : 0));
  CHECK(std::abs(together / 3000 - 12 / 16.0) < 0.1);
}

TEST_CASE("iid rates are probabilities of each class") {
  auto const Y = labels(40000);
  auto const r =
      multilabel(Y, {.subtractive = 0.2, .additive = 0.1, .mode = sampling::iid, .seed = 3});
  CHECK(r.expected_missing_rate[0] == 0.2);
  CHECK(r.expected_extra_rate[0] == doctest::Approx(0.1 * 12000 / 28000));
  CHECK(r.expected_missing_rate[3] == 0);
  CHECK(r.limited[2] == 1);  // 3600 wanted, 2000 fit
  for (std::size_t k = 0; k < 4; ++k) {
    double const ones = static_cast<double>(r.ones[k]), zeros = 40000 - ones;
    CHECK(std::abs(r.missing_rate[k] - r.expected_missing_rate[k]) <=
          4.5 * 0.4 / std::sqrt(ones + 1));
    CHECK(std::abs(r.extra_rate[k] - r.expected_extra_rate[k]) <= 4.5 * 0.5 / std::sqrt(zeros));
  }
  CHECK(r.realised_rate > 0);
}

TEST_CASE("uniform noise turns so many labels in so many rows") {
  auto const Y = labels(200);
  auto const r = multilabel(
      Y, {.rule = multilabel_rule::uniform, .rows = 0.25, .labels_per_row = 0.5, .seed = 2});
  std::size_t rows = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    int turned = 0;
    for (std::size_t k = 0; k < 4; ++k) turned += r.flipped(i, k);
    CHECK((turned == 0 || turned == 2));
    rows += turned == 2;
  }
  CHECK(rows == 50);
  CHECK(r.realised_rate == doctest::Approx(0.125));
  CHECK(r.expected_extra_rate[1] == doctest::Approx(0.125));
}

TEST_CASE("the same under every policy, value type and strides; no rows, no classes") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const Y = labels(n);
  matrix<float> wide(4, n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < 4; ++k) wide(k, i) = static_cast<float>(Y(i, k));
  limpid_test::device_matrix<int> const far(Y.view());
  for (auto mode : {sampling::exact, sampling::iid}) {
    auto const r = multilabel(Y, {.mode = mode, .seed = 5});
    CHECK(multilabel(limpid::seq, Y, {.mode = mode, .seed = 5}).labels == r.labels);
    CHECK(multilabel(wide.view().transposed(), {.mode = mode, .seed = 5}).labels == r.labels);
    CHECK(multilabel(Y, {.mode = mode, .seed = 6}).labels != r.labels);
    limpid::par_policy par;
    par.threads = 3;
    CHECK(multilabel(par, Y, {.mode = mode, .seed = 5}).labels == r.labels);
    CHECK(multilabel(limpid_test::device, far, {.mode = mode, .seed = 5}).labels == r.labels);
    CHECK(multilabel(matrix<int>(0, 3), {.mode = mode}).realised_rate == 0);
    CHECK(multilabel(matrix<int>(3, 0), {.mode = mode}).realised_rate == 0);
  }
}

TEST_CASE("multilabel says what is wrong with its input") {
  using limpid::input_error;
  auto Y = labels(4);
  CHECK_THROWS_WITH_AS((void)multilabel(Y, {.subtractive = 1.5}),
                       "noise::multilabel: subtractive is 1.5; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)multilabel(Y, {.additive = 2, .relative_to = additive_base::zeros}),
                       "noise::multilabel: additive is 2; of zeros it must be in [0, 1]",
                       input_error);
  CHECK_NOTHROW((void)multilabel(Y, {.additive = 2}));
  CHECK_THROWS_WITH_AS((void)multilabel(Y, {.additive = -0.1}),
                       "noise::multilabel: additive is -0.1; it must be at least 0", input_error);
  CHECK_THROWS_AS((void)multilabel(Y, {.max_prevalence = NAN}), input_error);
  CHECK_THROWS_AS((void)multilabel(Y, {.rows = 2}), input_error);
  CHECK_THROWS_AS((void)multilabel(Y, {.labels_per_row = -1}), input_error);
  Y(2, 1) = 2;
  CHECK_THROWS_WITH_AS((void)multilabel(Y),
                       "noise::multilabel: Y row 2 has an entry that is neither 0 nor 1",
                       input_error);
  CHECK(multilabel(Y, {.validate = false}).ones[1] == 1);
}

}  // namespace
