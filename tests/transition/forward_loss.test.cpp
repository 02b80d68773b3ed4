// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/forward_loss.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/corrected.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::forward_loss;
using limpid_test::gap;

// golden: own derivation, values and gradients by torch 1.13.0a0 autograd in float64
TEST_CASE("forward_loss: values and gradients of automatic differentiation") {
  auto const in = limpid_test::golden_corrected();
  auto const e = limpid_test::golden("loss_corrections.json")["expected"];
  auto const r = forward_loss(in.z, in.y, in.T, {.transition_gradient = true});
  CHECK(gap(r.loss, e["forward"]["loss"].get<std::vector<double>>()) < 1e-12);
  CHECK(gap(r.gradient, limpid_test::to_matrix(e["forward"]["grad_logits"])) < 1e-12);
  CHECK(r.impossible == 0);
  double mean = 0;
  for (double v : r.loss) mean += v / 6;
  CHECK(r.mean_loss == doctest::Approx(mean).epsilon(1e-14));
  // T = I is cross entropy
  auto const ce = forward_loss(in.z, in.y, matrix<double>::identity(4));
  CHECK(gap(ce.loss, e["ce"]["loss"].get<std::vector<double>>()) < 1e-12);
  CHECK(gap(ce.gradient, limpid_test::to_matrix(e["ce"]["grad_logits"])) < 1e-12);
}

TEST_CASE("forward_loss: by hand") {
  //! [call]
  limpid::matrix<double> const logits{{0, 0}, {std::log(3.0), 0}};  // softmax 1/2, 1/2 and 3/4, 1/4
  limpid::matrix<double> const T{{0.8, 0.2}, {0.4, 0.6}};
  auto const r = limpid::transition::forward_loss(logits, std::vector<int>{1, 1}, T);
  // the given label 1 has probability 0.4 in row 0 and 0.3 in row 1
  //! [call]
  CHECK(r.loss[0] == doctest::Approx(-std::log(0.4)).epsilon(1e-15));
  CHECK(r.loss[1] == doctest::Approx(-std::log(0.3)).epsilon(1e-15));
  CHECK(r.gradient(0, 0) == doctest::Approx(0.5 * (1 - 0.2 / 0.4)).epsilon(1e-15));
  CHECK(r.gradient(1, 1) == doctest::Approx(0.25 * (1 - 0.6 / 0.3)).epsilon(1e-15));
}

TEST_CASE("forward_loss: finite differences by T, one and per row, with weights") {
  auto const in = limpid_test::make_corrected(6, 3, 4);
  std::vector<double> const w{1, 2, 0, 1, 0.5, 3};
  auto const r = forward_loss(in.z, in.y, in.T, w, {.transition_gradient = true});
  auto const mean = [&](matrix<double> const& T) {
    double sum = 0;
    for (std::size_t i = 0; i < 6; ++i)
      sum += w[i] / 7.5 * limpid_test::forward_by_hand(in.z, i, T, in.y[i]);
    return sum;
  };
  CHECK(r.mean_loss == doctest::Approx(mean(in.T)).epsilon(1e-13));
  for (std::size_t c = 0; c < 9; ++c) {
    auto up = in.T, down = in.T;
    up.data()[c] += 1e-6, down.data()[c] -= 1e-6;
    CHECK(std::abs((mean(up) - mean(down)) / 2e-6 - r.transition_gradient.data()[c]) < 1e-8);
  }
  auto const own = limpid_test::row_transitions(in);
  auto const s = forward_loss(in.z, in.y, own, {.transition_gradient = true});
  for (std::size_t i = 0; i < 6; ++i) {
    matrix<double> T(3, 3);
    for (std::size_t c = 0; c < 9; ++c) T.data()[c] = own(i, c);
    CHECK(s.loss[i] ==
          doctest::Approx(limpid_test::forward_by_hand(in.z, i, T, in.y[i])).epsilon(1e-13));
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) sum += s.gradient(i, k);
    CHECK(std::abs(sum) < 1e-14);
    for (std::size_t c = 0; c < 9; ++c) {
      auto up = T, down = T;
      up.data()[c] += 1e-6, down.data()[c] -= 1e-6;
      double const slope = (limpid_test::forward_by_hand(in.z, i, up, in.y[i]) -
                            limpid_test::forward_by_hand(in.z, i, down, in.y[i])) /
                           2e-6;
      CHECK(std::abs(slope - s.transition_gradient(i, c)) < 1e-8 * (1 + std::abs(slope)));
    }
  }
}

TEST_CASE("forward_loss: far logits stay finite, impossible labels do not hide") {
  matrix<double> const z{{2000, 0, -2000}, {0, 0, 0}};
  matrix<double> const T{{1, 0, 0}, {0, 0.5, 0.5}, {0, 0.5, 0.5}};
  auto const r = forward_loss(z, std::vector<int>{1, 0}, T, {.transition_gradient = true});
  CHECK(r.loss[0] == doctest::Approx(2000 + std::log(2.0)).epsilon(1e-15));
  CHECK(r.gradient(0, 0) == 1);
  CHECK(r.gradient(0, 1) == -1);
  CHECK(r.impossible == 0);
  matrix<double> const never{{1, 0, 0}, {0.5, 0.5, 0}, {0.5, 0.5, 0}};
  auto const s = forward_loss(z, std::vector<int>{2, 0}, never);
  CHECK(s.loss[0] == std::numeric_limits<double>::infinity());
  CHECK(s.impossible == 1);
  CHECK(s.gradient(0, 0) == 0);
  CHECK(s.mean_loss == s.loss[1]);
  CHECK(forward_loss(matrix<double>(0, 3), std::vector<int>{}, T).mean_loss == 0);
  auto const one =
      forward_loss(matrix<double>(2, 1, 7.0), std::vector<int>{0, 0}, matrix<double>{{1}});
  CHECK(one.loss[0] == 0);
  CHECK(one.gradient(1, 0) == 0);
}

// the claim: the posterior of the true class is where the mean loss over noisy labels is least
TEST_CASE("forward_loss: its mean gradient is 0 at the true posterior") {
  matrix<double> const T{{0.6, 0.3, 0.1}, {0.2, 0.7, 0.1}, {0.0, 0.4, 0.6}};
  double const q[] = {0.5, 0.2, 0.3};
  matrix<double> z(3, 3);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t k = 0; k < 3; ++k) z(i, k) = std::log(q[k]);
  std::vector<double> w(3);
  for (std::size_t j = 0; j < 3; ++j)
    for (std::size_t k = 0; k < 3; ++k) w[j] += q[k] * T(k, j);
  auto const r = forward_loss(z, std::vector<int>{0, 1, 2}, T, w);
  for (std::size_t k = 0; k < 3; ++k) {
    double mean = 0;
    for (std::size_t j = 0; j < 3; ++j) mean += w[j] * r.gradient(j, k);
    CHECK(std::abs(mean) < 1e-15);
  }
}

TEST_CASE("forward_loss: every policy, any strides, both sides of the tile") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{1}, tile, tile + 1}) {
    CAPTURE(n);
    auto const in = limpid_test::make_corrected(n, 4, 5);
    auto const r = forward_loss(limpid::seq, in.z, in.y, in.T, {.transition_gradient = true});
    for (std::size_t i = 0; i < n; i += 97)
      CHECK(r.loss[i] ==
            doctest::Approx(limpid_test::forward_by_hand(in.z, i, in.T, in.y[i])).epsilon(1e-12));
    auto const s = forward_loss(in.z, in.y, in.T, {.transition_gradient = true});
    CHECK(gap(s.loss, r.loss) < 1e-13);
    CHECK(gap(s.gradient, r.gradient) < 1e-14);
    CHECK(gap(s.transition_gradient, r.transition_gradient) < 1e-13);
    for (int threads : {1, 3}) {
      limpid::par_policy par;
      par.threads = threads;
      auto const p = forward_loss(par, in.z, in.y, in.T, {.transition_gradient = true});
      CHECK(p.loss == s.loss);
      CHECK(p.gradient == s.gradient);
      CHECK(p.transition_gradient == s.transition_gradient);
    }
    limpid_test::device_matrix<double> const z(in.z.view()), T(in.T.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n));
    CHECK(forward_loss(limpid_test::device, z, y, T).gradient == r.gradient);
    limpid_test::strided const padded(in.z);
    CHECK(forward_loss(padded.window, in.y, in.T).loss == s.loss);
  }
}

TEST_CASE("forward_loss: written into the caller's own") {
  auto const in = limpid_test::make_corrected(40, 4, 6);
  auto const r = forward_loss(in.z, in.y, in.T);
  //! [into]
  std::vector<float> loss(40);
  limpid::matrix<float> gradient(40, 4);
  auto const rest = forward_loss.into(limpid::simd, in.z, in.y, in.T, loss, gradient);
  //! [into]
  CHECK(gap(loss, r.loss) < 1e-6);
  for (std::size_t c = 0; c < 160; ++c)
    CHECK(std::abs(gradient.data()[c] - r.gradient.data()[c]) < 1e-7);
  CHECK(rest.mean_loss == r.mean_loss);
  CHECK(rest.loss.empty());
}

TEST_CASE("forward_loss: bad input") {
  auto const in = limpid_test::make_corrected(2, 3, 1);
  using limpid::input_error;
  CHECK_THROWS_WITH_AS(
      (void)forward_loss(in.z, in.y, matrix<double>(3, 2, 0.5)),
      "transition::forward_loss: T is 3 x 2; need K x K, K = 3, or one row of 9 per row of data",
      input_error);
  CHECK_THROWS_WITH_AS((void)forward_loss(in.z, std::vector<int>{0}, in.T),
                       "transition::forward_loss: logits has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)forward_loss(in.z, std::vector<int>{0, 3}, in.T),
                       "transition::forward_loss: y row 1 is 3; labels must be 0..2", input_error);
  auto bad = in.z;
  bad(1, 0) = NAN;
  CHECK_THROWS_WITH_AS((void)forward_loss(bad, in.y, in.T),
                       "transition::forward_loss: logits row 1 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS((void)forward_loss(in.z, in.y, matrix<double>(3, 3, 0.5)),
                       "transition::forward_loss: T row 0 sums to 1.5; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)forward_loss(in.z, in.y, matrix<double>(2, 9, 0.5)),
      "transition::forward_loss: T row 0 has a row of T(x) that does not sum to 1 (tolerance 1e-3)",
      input_error);
  CHECK_NOTHROW((void)forward_loss(in.z, in.y, matrix<double>(2, 9, 1 / 3.0)));
  CHECK_THROWS_WITH_AS(
      (void)forward_loss(in.z, in.y, in.T, std::vector<double>{1, -1}),
      "transition::forward_loss: weights row 1 is negative; weights must be at least 0",
      input_error);
  CHECK_NOTHROW((void)forward_loss(in.z, in.y, matrix<double>(3, 3, 0.5), {.validate = false}));
}

}  // namespace
