// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/instance_loss.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/corrected.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::instance_loss;
using limpid_test::gap;

matrix<double> make_logits_of_t(std::size_t n, std::size_t K, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal(0, 1);
  matrix<double> a(n, K * K);
  for (std::size_t c = 0; c < n * K * K; ++c) a.data()[c] = normal(rng);
  return a;
}

/// T(x_i) of row i of a.
matrix<double> softmax_rows(matrix<double> const& a, std::size_t i, std::size_t K) {
  matrix<double> T(K, K);
  for (std::size_t k = 0; k < K; ++k) {
    double sum = 0;
    for (std::size_t j = 0; j < K; ++j) sum += T(k, j) = std::exp(a(i, k * K + j));
    for (std::size_t j = 0; j < K; ++j) T(k, j) /= sum;
  }
  return T;
}

// golden: own derivation, values and gradients by torch 1.13.0a0 autograd in float64
TEST_CASE("instance_loss: one matrix of logits for all rows, as automatic differentiation has it") {
  auto const in = limpid_test::golden_corrected();
  auto const e = limpid_test::golden("loss_corrections.json")["expected"]["forward_wrt_A"];
  auto const r = instance_loss(in.z, in.y, limpid_test::to_matrix(e["A"]));
  CHECK(std::abs(r.mean_loss - e["mean_loss"].get<double>()) < 1e-12);
  CHECK(gap(r.transition_gradient, limpid_test::to_matrix(e["grad_A"])) < 1e-12);
}

TEST_CASE("instance_loss: finite differences by both logits") {
  auto const in = limpid_test::make_corrected(5, 3, 2);
  auto const a = make_logits_of_t(5, 3, 9);
  //! [call]
  auto const r = limpid::transition::instance_loss(in.z, in.y, a);  // a: n x K*K
  //! [call]
  double mean = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    auto const T = softmax_rows(a, i, 3);
    double const loss = limpid_test::forward_by_hand(in.z, i, T, in.y[i]);
    mean += loss / 5;
    CHECK(r.loss[i] == doctest::Approx(loss).epsilon(1e-13));
    for (std::size_t k = 0; k < 3; ++k) {
      auto up = in.z, down = in.z;
      up(i, k) += 1e-6, down(i, k) -= 1e-6;
      double const slope = (limpid_test::forward_by_hand(up, i, T, in.y[i]) -
                            limpid_test::forward_by_hand(down, i, T, in.y[i])) /
                           2e-6;
      CHECK(std::abs(slope - r.gradient(i, k)) < 2e-9);
      double sum = 0;
      for (std::size_t j = 0; j < 3; ++j) sum += r.transition_gradient(i, k * 3 + j);
      CHECK(std::abs(sum) < 1e-15);
    }
    for (std::size_t c = 0; c < 9; ++c) {
      auto up = a, down = a;
      up(i, c) += 1e-6, down(i, c) -= 1e-6;
      double const slope =
          (limpid_test::forward_by_hand(in.z, i, softmax_rows(up, i, 3), in.y[i]) -
           limpid_test::forward_by_hand(in.z, i, softmax_rows(down, i, 3), in.y[i])) /
          2e-6;
      CHECK(std::abs(slope - r.transition_gradient(i, c)) < 2e-9);
    }
  }
  CHECK(r.mean_loss == doctest::Approx(mean).epsilon(1e-13));
}

TEST_CASE("instance_loss: far logits, one class, no rows") {
  auto const r = instance_loss(matrix<double>{{900, 0}}, std::vector<int>{1},
                               matrix<double>{{900, 0, 0, 900}});
  CHECK(r.loss[0] == doctest::Approx(900 - std::log(2.0)).epsilon(1e-14));
  auto const one =
      instance_loss(matrix<double>(2, 1, 3.0), std::vector<int>{0, 0}, matrix<double>(2, 1, 5.0));
  CHECK(one.loss[1] == 0);
  CHECK(one.transition_gradient(1, 0) == 0);
  CHECK(instance_loss(matrix<double>(0, 2), std::vector<int>{}, matrix<double>(0, 4)).mean_loss ==
        0);
}

TEST_CASE("instance_loss: every policy, any strides; into float") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const in = limpid_test::make_corrected(n, 3, 5);
  auto const a = make_logits_of_t(n, 3, 1);
  auto const r = instance_loss(limpid::seq, in.z, in.y, a);
  auto const s = instance_loss(in.z, in.y, a);
  CHECK(gap(s.loss, r.loss) < 1e-13);
  CHECK(gap(s.transition_gradient, r.transition_gradient) < 1e-14);
  for (int threads : {1, 3}) {
    limpid::par_policy par;
    par.threads = threads;
    auto const p = instance_loss(par, in.z, in.y, a);
    CHECK(p.loss == s.loss);
    CHECK(p.mean_loss == s.mean_loss);
    CHECK(p.transition_gradient == s.transition_gradient);
  }
  limpid_test::device_matrix<double> const z(in.z.view()), t(a.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n));
  CHECK(instance_loss(limpid_test::device, z, y, t).transition_gradient == r.transition_gradient);
  limpid_test::strided const padded(a);
  CHECK(instance_loss(in.z, in.y, padded.window).loss == s.loss);
  std::vector<float> loss(n);
  matrix<float> gradient(n, 3), by_t(n, 9);
  CHECK(instance_loss.into(limpid::simd, in.z, in.y, a, loss, gradient, by_t) == s.mean_loss);
  CHECK(gap(loss, s.loss) < 1e-5);
  CHECK(std::abs(by_t(7, 4) - s.transition_gradient(7, 4)) < 1e-6);
}

TEST_CASE("instance_loss: bad input") {
  using limpid::input_error;
  matrix<double> const z(2, 2);
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)instance_loss(z, y, matrix<double>(2, 3)),
                       "transition::instance_loss: transition_logits is 2 x 3; need K x K, K = 2, "
                       "or one row of 4 per row of data",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)instance_loss(z, y, matrix<double>(2, 4, INFINITY)),
      "transition::instance_loss: transition_logits row 0 has an entry that is not finite",
      input_error);
  CHECK_THROWS_WITH_AS((void)instance_loss(z, std::vector<int>{0, 2}, matrix<double>(2, 4)),
                       "transition::instance_loss: y row 1 is 2; labels must be 0..1", input_error);
  CHECK_NOTHROW((void)instance_loss(z, y, matrix<double>(2, 4, 50.0)));
}

}  // namespace
