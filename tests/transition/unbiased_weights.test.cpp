// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/unbiased_weights.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::regularisation;
using limpid::transition::unbiased_weights;
using limpid_test::gap;
using flags = limpid::vector<std::uint8_t>;

TEST_CASE("unbiased_weights: by hand") {
  //! [call]
  limpid::matrix<double> const T{{0.8, 0.2}, {0.4, 0.6}};
  auto const r = limpid::transition::unbiased_weights(std::vector<int>{0, 1, 0}, T);
  // r.weights = {{1.5, -0.5}, {-1, 2}, {1.5, -0.5}}
  //! [call]
  CHECK(gap(r.weights, matrix<double>{{1.5, -0.5}, {-1, 2}, {1.5, -0.5}}) < 1e-14);
  CHECK(gap(r.by_label, matrix<double>{{1.5, -0.5}, {-1, 2}}) < 1e-14);
  CHECK(r.has_negative == flags{1, 1});
  CHECK(r.amplification == doctest::Approx(3).epsilon(1e-14));
}

// the claim, for an arbitrary loss: averaged over the labels that T draws, the true class's is left
TEST_CASE("unbiased_weights: unbiased whatever the loss") {
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.0, 0.6, 0.4}, {0.3, 0.1, 0.6}};
  double const loss[] = {5, -1, 17};
  auto const r = unbiased_weights(std::vector<int>{0, 1, 2}, T);
  for (std::size_t truth = 0; truth < 3; ++truth) {
    double mean = 0;
    for (std::size_t y = 0; y < 3; ++y)
      for (std::size_t k = 0; k < 3; ++k) mean += T(truth, y) * r.weights(y, k) * loss[k];
    CHECK(mean == doctest::Approx(loss[truth]).epsilon(1e-13));
  }
  auto const none = unbiased_weights(std::vector<int>{2, 0}, matrix<double>::identity(3));
  CHECK(none.weights == matrix<double>{{0, 0, 1}, {1, 0, 0}});
  CHECK(none.has_negative == flags{0, 0, 0});
}

TEST_CASE("unbiased_weights: every policy, both sides of the tile, one class, no rows") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  std::vector<int> y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<int>(i * 7 % 3);
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.0, 0.6, 0.4}, {0.3, 0.1, 0.6}};
  auto const r = unbiased_weights(limpid::seq, y, T);
  CHECK(r.weights(n - 1, 1) == r.by_label(static_cast<std::size_t>(y[n - 1]), 1));
  CHECK(unbiased_weights(y, T).weights == r.weights);
  limpid::par_policy par;
  par.threads = 3;
  CHECK(unbiased_weights(par, y, T).weights == r.weights);
  limpid_test::device_matrix<double> const t(T.view());
  limpid_test::device_vector<int> const far(limpid::vector_view<int const>(y.data(), n));
  CHECK(unbiased_weights(limpid_test::device, far, t).weights == r.weights);
  CHECK(unbiased_weights(std::vector<int>{0}, matrix<double>{{1}}).weights == matrix<double>{{1}});
  CHECK(unbiased_weights(std::vector<int>{}, T).weights.rows() == 0);
}

TEST_CASE("unbiased_weights: bad input") {
  using limpid::input_error;
  matrix<double> const same(2, 2, 0.5);
  CHECK_THROWS_WITH_AS(
      (void)unbiased_weights(std::vector<int>{0}, same),
      "transition::unbiased_weights: T rows 0 and 1 are equal, so that T has no inverse; the two "
      "classes cannot be told apart",
      input_error);
  CHECK_NOTHROW((void)unbiased_weights(std::vector<int>{0}, same,
                                       {.inverse = {.rule = regularisation::tikhonov}}));
  CHECK_THROWS_WITH_AS((void)unbiased_weights(std::vector<int>{2}, matrix<double>::identity(2)),
                       "transition::unbiased_weights: y row 0 is 2; labels must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)unbiased_weights(std::vector<int>{0}, matrix<double>(0, 0)),
                       "transition::unbiased_weights: T is 0 x 0; need K x K, K at least 1",
                       input_error);
}

}  // namespace
