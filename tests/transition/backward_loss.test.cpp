// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/backward_loss.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/corrected.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::backward_loss;
using limpid::transition::regularisation;
using limpid_test::gap;

// golden: own derivation, values and gradients by torch 1.13.0a0 autograd in float64
TEST_CASE("backward_loss: values and gradients of automatic differentiation") {
  auto const in = limpid_test::golden_corrected();
  auto const e = limpid_test::golden("loss_corrections.json")["expected"]["backward"];
  auto const r = backward_loss(in.z, in.y, in.T);
  CHECK(gap(r.loss, e["loss"].get<std::vector<double>>()) < 1e-12);
  CHECK(gap(r.gradient, limpid_test::to_matrix(e["grad_logits"])) < 1e-12);
  double risk = 0;
  for (double v : r.class_risk) risk += v;
  CHECK(r.mean_loss == doctest::Approx(risk).epsilon(1e-13));
}

TEST_CASE("backward_loss: unbiased, and by hand") {
  //! [call]
  limpid::matrix<double> const T{{0.8, 0.2}, {0.4, 0.6}};  // its inverse is {{1.5, -0.5}, {-1, 2}}
  limpid::matrix<double> const logits{{std::log(3.0), 0}, {std::log(3.0), 0}};
  auto const r = limpid::transition::backward_loss(logits, std::vector<int>{0, 1}, T);
  // 0.8 r.loss[0] + 0.2 r.loss[1] is the cross entropy of the true label 0
  //! [call]
  double const l0 = -std::log(0.75), l1 = -std::log(0.25);
  CHECK(r.loss[0] == doctest::Approx(1.5 * l0 - 0.5 * l1).epsilon(1e-13));
  CHECK(std::abs(0.8 * r.loss[0] + 0.2 * r.loss[1] - l0) < 1e-15);
  CHECK(std::abs(0.4 * r.loss[0] + 0.6 * r.loss[1] - l1) < 1e-15);
  CHECK(r.amplification == doctest::Approx(3).epsilon(1e-14));
  CHECK(r.condition == doctest::Approx(2.5 * 1.2).epsilon(1e-14));
  CHECK(r.gradient(0, 0) == doctest::Approx(0.75 - 1.5).epsilon(1e-13));
}

/// The loss of each row through the inverse given, no code of the library.
double by_hand(matrix<double> const& z, std::size_t i, matrix<double> const& R, int y) {
  auto const s = limpid_test::softmax_of(z, i);
  double sum = 0;
  for (std::size_t k = 0; k < s.size(); ++k)
    sum -= R(static_cast<std::size_t>(y), k) * std::log(s[k]);
  return sum;
}

/// Inverse by Cramer's rule, 3 x 3.
matrix<double> cramer(matrix<double> const& a) {
  matrix<double> r(3, 3);
  double det = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      std::size_t const p = (i + 1) % 3, q = (i + 2) % 3, u = (j + 1) % 3, v = (j + 2) % 3;
      r(j, i) = a(p, u) * a(q, v) - a(p, v) * a(q, u);
      if (i == 0) det += a(0, j) * r(j, 0);
    }
  for (std::size_t c = 0; c < 9; ++c) r.data()[c] /= det;
  return r;
}

TEST_CASE("backward_loss: finite differences by T under every regularisation") {
  auto const in = limpid_test::make_corrected(6, 3, 4);
  std::vector<double> const w{1, 2, 0, 1, 0.5, 3};
  double const a = 0.2;
  for (auto rule : {regularisation::none, regularisation::shrink, regularisation::tikhonov}) {
    auto const r = backward_loss(
        in.z, in.y, in.T, w, {.inverse = {.rule = rule, .amount = a}, .transition_gradient = true});
    auto const inverse = [&](matrix<double> const& T) {
      auto const across = limpid_test::transpose(T);
      matrix<double> base = rule == regularisation::tikhonov ? limpid_test::multiply(T, across) : T;
      for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) {
          if (rule == regularisation::shrink) base(i, j) *= 1 - a;
          if (i == j && rule != regularisation::none) base(i, j) += a;
        }
      auto const inverted = cramer(base);
      return rule == regularisation::tikhonov ? limpid_test::multiply(across, inverted) : inverted;
    };
    auto const mean = [&](matrix<double> const& T) {
      auto const R = inverse(T);
      double sum = 0;
      for (std::size_t i = 0; i < 6; ++i) sum += w[i] / 7.5 * by_hand(in.z, i, R, in.y[i]);
      return sum;
    };
    CHECK(r.mean_loss == doctest::Approx(mean(in.T)).epsilon(1e-12));
    for (std::size_t c = 0; c < 9; ++c) {
      auto up = in.T, down = in.T;
      up.data()[c] += 1e-6, down.data()[c] -= 1e-6;
      double const slope = (mean(up) - mean(down)) / 2e-6;
      CHECK(std::abs(slope - r.transition_gradient.data()[c]) < 1e-7 * (1 + std::abs(slope)));
    }
    auto const R = inverse(in.T);
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t k = 0; k < 3; ++k) {
        auto up = in.z, down = in.z;
        up(i, k) += 1e-6, down(i, k) -= 1e-6;
        double const slope = (by_hand(up, i, R, in.y[i]) - by_hand(down, i, R, in.y[i])) / 2e-6;
        CHECK(std::abs(slope - r.gradient(i, k)) < 1e-7 * (1 + std::abs(slope)));
      }
  }
}

TEST_CASE("backward_loss: a T of each row's own") {
  auto const in = limpid_test::make_corrected(9, 3, 8);
  auto const own = limpid_test::row_transitions(in, 0.3);
  auto const r = backward_loss(in.z, in.y, own, {.transition_gradient = true});
  for (std::size_t i = 0; i < 9; ++i) {
    matrix<double> T(3, 3);
    for (std::size_t c = 0; c < 9; ++c) T.data()[c] = own(i, c);
    CHECK(r.loss[i] == doctest::Approx(by_hand(in.z, i, cramer(T), in.y[i])).epsilon(1e-12));
    for (std::size_t c = 0; c < 9; ++c) {
      auto up = T, down = T;
      up.data()[c] += 1e-6, down.data()[c] -= 1e-6;
      double const slope =
          (by_hand(in.z, i, cramer(up), in.y[i]) - by_hand(in.z, i, cramer(down), in.y[i])) / 2e-6;
      CHECK(std::abs(slope - r.transition_gradient(i, c)) < 1e-7 * (1 + std::abs(slope)));
    }
  }
  // the same T in every row is one T; pivots out of order on the way
  matrix<double> const odd{{0.1, 0.8, 0.1}, {0.7, 0.2, 0.1}, {0.2, 0.2, 0.6}};
  matrix<double> same(9, 9);
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t c = 0; c < 9; ++c) same(i, c) = odd.data()[c];
  auto const a = backward_loss(in.z, in.y, same), b = backward_loss(in.z, in.y, odd);
  CHECK(gap(a.loss, b.loss) < 1e-12);
  CHECK(gap(a.gradient, b.gradient) < 1e-12);
  CHECK(a.condition == doctest::Approx(b.condition).epsilon(1e-12));
  CHECK(a.amplification == doctest::Approx(b.amplification).epsilon(1e-12));
  for (std::size_t c = 0; c < 9; ++c) same(7, c) = 1 / 3.0;
  CHECK_THROWS_WITH_AS(
      (void)backward_loss(in.z, in.y, same),
      doctest::Contains("transition::backward_loss: T row 7 is a T(x) with condition number"),
      limpid::input_error);
}

TEST_CASE("backward_loss: the clamp drops classes whose risk is negative, and their gradients") {
  // sure of class 1 while the labels say 0: l_0 is large, and R(0, 1) < 0 of little l_1
  matrix<double> const T{{0.8, 0.2}, {0.4, 0.6}};
  matrix<double> const z{{8, 0}, {8, 0}, {8, 0}};
  std::vector<int> const y{0, 0, 1};
  auto const plain = backward_loss(z, y, T);
  auto const r = backward_loss(z, y, T, {.clamp = true});
  double const l0 = std::log1p(std::exp(-8.0)), l1 = l0 + 8;
  CHECK(plain.class_risk[0] == doctest::Approx((1.5 + 1.5 - 1) / 3 * l0).epsilon(1e-9));
  CHECK(plain.class_risk[1] == doctest::Approx((-0.5 - 0.5 + 2) / 3 * l1).epsilon(1e-12));
  CHECK(r.clamped == limpid::vector<std::uint8_t>{0, 0});
  CHECK(r.loss == plain.loss);
  std::vector<int> const all0{0, 0, 0};
  auto const c = backward_loss(z, all0, T, {.clamp = true});
  CHECK(c.class_risk[1] == doctest::Approx(-0.5 * l1).epsilon(1e-12));
  CHECK(c.clamped == limpid::vector<std::uint8_t>{0, 1});
  CHECK(c.mean_loss == doctest::Approx(1.5 * l0).epsilon(1e-9));
  CHECK(c.gradient(0, 1) == doctest::Approx(1.5 / (1 + std::exp(8.0))).epsilon(1e-9));
  CHECK(backward_loss(z, all0, T).mean_loss < 0);
}

TEST_CASE("backward_loss: every policy, any strides, both sides of the tile; into float") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{1}, tile, tile + 1}) {
    auto const in = limpid_test::make_corrected(n, 4, 5);
    auto const r = backward_loss(limpid::seq, in.z, in.y, in.T);
    auto const s = backward_loss(in.z, in.y, in.T);
    CHECK(gap(s.loss, r.loss) < 1e-12);
    CHECK(gap(s.gradient, r.gradient) < 1e-13);
    for (int threads : {1, 3}) {
      limpid::par_policy par;
      par.threads = threads;
      auto const p = backward_loss(par, in.z, in.y, in.T);
      CHECK(p.loss == s.loss);
      CHECK(p.class_risk == s.class_risk);
    }
    limpid_test::device_matrix<double> const z(in.z.view()), T(in.T.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n));
    CHECK(backward_loss(limpid_test::device, z, y, T).gradient == r.gradient);
    limpid_test::strided const padded(in.z);
    CHECK(backward_loss(padded.window, in.y, in.T).loss == s.loss);
    std::vector<float> loss(n);
    matrix<float> gradient(n, 4);
    (void)backward_loss.into(limpid::simd, in.z, in.y, in.T, loss, gradient);
    CHECK(gap(loss, s.loss) < 1e-5);
    matrix<double> each(n, 16);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < 16; ++c) each(i, c) = in.T.data()[c];
    limpid::vector<double> own_loss(n);
    matrix<double> own_gradient(n, 4);
    auto const rest = backward_loss.into(limpid::simd, in.z, in.y, each, own_loss, own_gradient,
                                         {.transition_gradient = true});
    auto const whole = backward_loss(in.z, in.y, each, {.transition_gradient = true});
    CHECK(gap(own_loss, s.loss) < 1e-12);
    CHECK(own_gradient == whole.gradient);
    CHECK(rest.transition_gradient == whole.transition_gradient);
  }
  auto const one =
      backward_loss(matrix<double>(2, 1, 7.0), std::vector<int>{0, 0}, matrix<double>{{1}});
  CHECK(one.loss[0] == 0);
  CHECK(backward_loss(matrix<double>(0, 2), std::vector<int>{}, matrix<double>::identity(2))
            .mean_loss == 0);
}

TEST_CASE("backward_loss: bad input") {
  auto const in = limpid_test::make_corrected(2, 2, 1);
  using limpid::input_error;
  CHECK_THROWS_WITH_AS(
      (void)backward_loss(in.z, in.y, matrix<double>(2, 2, 0.5)),
      "transition::backward_loss: T rows 0 and 1 are equal, so that T has no inverse; the two "
      "classes cannot be told apart",
      input_error);
  CHECK_NOTHROW((void)backward_loss(in.z, in.y, matrix<double>(2, 2, 0.5),
                                    {.inverse = {.rule = regularisation::shrink}}));
  CHECK_THROWS_WITH_AS(
      (void)backward_loss(in.z, in.y, in.T,
                          {.inverse = {.rule = regularisation::shrink, .amount = 0}}),
      "transition::backward_loss: options.amount is 0; shrink needs (0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)backward_loss(in.z, in.y, in.T, {.inverse = {.max_condition = 1}}),
                       doctest::Contains("transition::backward_loss: T has condition number"),
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)backward_loss(in.z, in.y, in.T, {.transition_gradient = true, .clamp = true}),
      "transition::backward_loss: options.clamp leaves no gradient by T; choose one of the two",
      input_error);
  CHECK_THROWS_WITH_AS((void)backward_loss(in.z, std::vector<int>{0, -1}, in.T),
                       "transition::backward_loss: y row 1 is -1; labels must be 0..1",
                       input_error);
}

}  // namespace
