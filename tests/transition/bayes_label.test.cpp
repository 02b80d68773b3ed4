// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/bayes_label.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::bayes_label;
using limpid::transition::bayes_label_options;
using limpid::transition::bayes_label_result;
using limpid_test::gap;
using flags = limpid::vector<std::uint8_t>;

TEST_CASE("bayes_label: by hand") {
  //! [call]
  limpid::matrix<double> const P{{0.9, 0.1}, {0.7, 0.3}, {0.2, 0.8}, {0.6, 0.4}, {0.75, 0.25}};
  std::vector<int> const y{0, 1, 1, 0, 1};

  // no row is wrong with probability above 0.3: beyond 0.65 the label is sure
  auto const r = limpid::transition::bayes_label(P, y, {.largest_rate = 0.3});
  // r.label = {0, 0, 1, -1, 0}; r.transition = {{1/3, 2/3}, {0, 1}}
  //! [call]
  CHECK(r.label == limpid::vector<std::int32_t>{0, 0, 1, -1, 0});
  CHECK(r.counts == matrix<double>{{1, 2}, {0, 1}});
  CHECK(gap(r.transition, matrix<double>{{1. / 3, 2. / 3}, {0, 1}}) < 1e-15);
  CHECK(r.distilled == 4);
  CHECK(r.class_estimated == flags{1, 1});
  // strictly above; a Dirichlet prior
  matrix<double> const edge{{0.75, 0.25}};
  CHECK(bayes_label(edge, std::vector{0}, {.largest_rate = 0.5}).distilled == 0);
  CHECK(bayes_label(edge, std::vector{0}, {.largest_rate = 0.49}).distilled == 1);
  auto const smooth = bayes_label(P, y, {.largest_rate = 0.3, .prior_count = 2});
  CHECK(gap(smooth.transition, matrix<double>{{0.4, 0.6}, {1. / 3, 2. / 3}}) < 1e-15);
}

TEST_CASE("bayes_label: sure posteriors give the confusion matrix") {
  auto const data = limpid_test::make_posteriors(3000, 4, 3);
  matrix<double> sure(3000, 4), confusion(4, 4);
  for (std::size_t i = 0; i < 3000; ++i) {
    std::size_t const z = i % 4;
    sure(i, z) = 1;
    confusion(z, static_cast<std::size_t>(data.y[i])) += 1. / 750;
  }
  auto const r = bayes_label(sure, data.y);
  CHECK(gap(r.transition, confusion) < 1e-12);
  CHECK(r.distilled == 3000);
}

TEST_CASE("bayes_label: classes that no row is sure of") {
  matrix<double> const P{{0.9, 0.05, 0.05}, {0.9, 0.05, 0.05}, {0.1, 0.8, 0.1}, {0.1, 0.8, 0.1}};
  auto const r = bayes_label(P, std::vector{0, 1, 1, 1}, {.largest_rate = 0.2});
  CHECK(r.class_estimated == flags{1, 1, 0});
  CHECK(gap(r.transition, matrix<double>{{0.5, 0.5, 0}, {0, 1, 0}, {0.125, 0.125, 0.75}}) < 1e-15);
  auto const none = bayes_label(matrix<double>(3, 2, 0.5), std::vector{0, 1, 1});
  CHECK(none.distilled == 0);
  CHECK(none.transition == matrix<double>::identity(2));
  CHECK(bayes_label(matrix<double>(3, 1, 1.0), std::vector{0, 0, 0}).transition ==
        matrix<double>{{1}});
}

TEST_CASE("bayes_label: policies and types") {
  auto const data = limpid_test::make_posteriors(2049, 3, 5);
  auto const r = bayes_label(limpid::seq, data.p, data.y);
  auto const same = [&](bayes_label_result const& a) {
    return a.transition == r.transition && a.label == r.label;
  };
  CHECK(r.distilled > 100);
  CHECK(r.distilled < 2000);
  CHECK(same(bayes_label(data.p, data.y)));
  for (int threads : {1, 3})
    CHECK(same(bayes_label(limpid::par_policy{.threads = threads}, data.p, data.y)));
  limpid_test::device_matrix<double> const p(data.p.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), 2049));
  CHECK(same(bayes_label(limpid_test::device, p, y)));
  CHECK(gap(bayes_label(limpid_test::to_float(data.p), data.y).transition, r.transition) < 0.01);
  limpid_test::strided const padded(data.p);
  CHECK(same(bayes_label(padded.window, data.y)));
}

TEST_CASE("bayes_label: bad input") {
  matrix<double> const P{{0.9, 0.1}, {0.7, 0.3}};
  std::vector<int> const y{0, 1};
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)bayes_label(matrix<double>(0, 2), std::vector<int>{}),
                       "transition::bayes_label: P is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)bayes_label(P, std::vector{0}),
                       "transition::bayes_label: P has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)bayes_label(P, std::vector{0, 2}),
                       "transition::bayes_label: y row 1 is 2; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)bayes_label(matrix<double>{{0.9, 0.1}, {0.9, 0.3}}, y),
                       "transition::bayes_label: P row 1 sums to 1.2; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)bayes_label(P, y, {.largest_rate = 1}),
                       "transition::bayes_label: options.largest_rate is 1; need [0, 1)",
                       input_error);
  CHECK_NOTHROW((void)bayes_label(P, y, {.largest_rate = 0}));
  CHECK_THROWS_WITH_AS((void)bayes_label(P, y, {.prior_count = -1}),
                       "transition::bayes_label: options.prior_count is -1; need [0, 1e15)",
                       input_error);
}

}  // namespace
