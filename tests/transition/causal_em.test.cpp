// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/causal_em.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::causal_em;
using limpid::transition::causal_em_options;
using limpid::transition::label_channel;
using limpid_test::gap;

struct cloud {
  matrix<double> x;
  std::vector<int> y, truth;
};
/// Three bells in the plane, pair flips at 0.45; or, where `tilted`, only to the right of a class's
/// centre, at 0.9.
cloud make(std::size_t n, double apart, unsigned seed, bool tilted = false) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> bell;
  std::uniform_real_distribution<double> u;
  double const centre[3][2] = {{0, 0}, {apart, 0}, {0, apart}};
  cloud out{matrix<double>(n, 2), std::vector<int>(n), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    int const z = out.truth[i] = static_cast<int>(i % 3);
    for (std::size_t c = 0; c < 2; ++c) out.x(i, c) = centre[z][c] + bell(rng);
    double const rate = !tilted ? 0.45 : out.x(i, 0) > centre[z][0] ? 0.9 : 0;
    out.y[i] = u(rng) < rate ? (z + 1) % 3 : z;
  }
  return out;
}
double share_right(matrix<double> const& posterior, std::vector<int> const& truth) {
  double right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < posterior.cols(); ++k)
      if (posterior(i, k) > posterior(i, best)) best = k;
    right += best == static_cast<std::size_t>(truth[i]);
  }
  return right / static_cast<double>(truth.size());
}

/// log P(x, y) of all rows from the result's own numbers, with 2 x 2 inverses written out.
double likelihood(limpid::transition::causal_em_result const& r, cloud const& in) {
  double sum = 0;
  for (std::size_t i = 0; i < in.y.size(); ++i) {
    double p = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      double const a = r.covariance(2 * k, 0), b = r.covariance(2 * k, 1),
                   c = r.covariance(2 * k + 1, 1);
      double const det = a * c - b * b, u = in.x(i, 0) - r.mean(k, 0),
                   v = in.x(i, 1) - r.mean(k, 1);
      double const quadratic = (c * u * u - 2 * b * u * v + a * v * v) / det;
      p += r.prior[k] * std::exp(-quadratic / 2) / (2 * 3.14159265358979323846 * std::sqrt(det)) *
           r.transition(k, static_cast<std::size_t>(in.y[i]));
    }
    sum += std::log(p);
  }
  return sum;
}

TEST_CASE("causal_em: pair flips that the labels alone cannot see through") {
  auto const in = make(1200, 3, 1);
  //! [call]
  auto const r = limpid::transition::causal_em(in.x, in.y, 3, {.starts = 2});
  // r.transition: T; r.posterior: P(true class | x, label); r.start_likelihood: the labels' own
  // start, then two clusterings
  //! [call]
  CHECK(r.converged);
  CHECK(share_right(r.posterior, in.truth) > 0.93);  // given: 0.55
  matrix<double> const T{{0.55, 0.45, 0}, {0, 0.55, 0.45}, {0.45, 0, 0.55}};
  CHECK(gap(r.transition, T) < 0.05);
  CHECK(std::abs(r.mean(1, 0) - 3) < 0.2);
  CHECK(std::abs(r.covariance(2, 0) - 1) < 0.25);
  // the trap: from the labels EM ends in a worse likelihood
  CHECK(r.best_start > 0);
  CHECK(r.start_likelihood[0] < r.log_likelihood - 50);
  // what is reported is what the model's formula gives
  CHECK(r.log_likelihood == doctest::Approx(likelihood(r, in)).epsilon(1e-5));
  for (std::size_t t = 1; t < r.trace.size(); ++t) CHECK(r.trace[t] >= r.trace[t - 1] - 1e-6);
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(r.transition(k, 0) + r.transition(k, 1) + r.transition(k, 2) == doctest::Approx(1));
}

TEST_CASE("causal_em: far classes without noise give the identity; permuted classes permute T") {
  auto in = make(300, 12, 2);
  auto const noisy = causal_em(in.x, in.y, 3, {.starts = 2});
  auto const clean = causal_em(in.x, in.truth, 3, {.starts = 1, .smoothing = 0});
  CHECK(gap(clean.transition, matrix<double>::identity(3)) < 1e-9);
  CHECK(share_right(clean.posterior, in.truth) == 1);
  for (int& y : in.y) y = (y + 1) % 3;
  auto const moved = causal_em(in.x, in.y, 3, {.starts = 2});
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(moved.transition((i + 1) % 3, (j + 1) % 3) ==
            doctest::Approx(noisy.transition(i, j)).epsilon(1e-4));
}

TEST_CASE("causal_em: noise that depends on the sample") {
  auto const in = make(600, 6, 3, true);
  causal_em_options options{
      .channel = label_channel::instance_dependent, .starts = 1, .max_iterations = 60};
  auto const r = causal_em(in.x, in.y, 3, options);
  CHECK(share_right(r.posterior, in.truth) > 0.97);
  CHECK(std::abs(r.transition(0, 1) - 0.45) < 0.06);
  // class 0 turns to label 1 to the right: the log-odds rise with the first feature
  CHECK(r.coefficients(1, 0) - r.coefficients(0, 0) > 1);
  for (std::size_t t = 1; t < r.trace.size(); ++t) CHECK(r.trace[t] >= r.trace[t - 1] - 1e-6);
  options.channel = label_channel::class_dependent;
  CHECK(causal_em(in.x, in.y, 3, options).log_likelihood < r.log_likelihood - 50);
}

TEST_CASE("causal_em: diagonal shapes, unlabelled rows, a constant column, one class") {
  auto in = make(400, 5, 4);
  for (std::size_t i = 0; i < 400; i += 4) in.y[i] = -1;
  matrix<double> wide(400, 3, 7.0);
  for (std::size_t i = 0; i < 400; ++i) wide(i, 0) = in.x(i, 0), wide(i, 1) = in.x(i, 1);
  auto const r = causal_em(wide, in.y, 3, {.diagonal = true, .starts = 2});
  CHECK(share_right(r.posterior, in.truth) > 0.97);
  CHECK(r.mean(0, 2) == 7);
  CHECK(r.covariance.rows() == 3);
  auto const one = causal_em(in.x, std::vector<int>(400), 1, {.starts = 0});
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.posterior(0, 0) == 1);
}

TEST_CASE("causal_em: every policy, and stopping") {
  auto const in = make(limpid::ops::detail::row_tile + 5, 4, 5);
  causal_em_options const options{.starts = 1, .max_iterations = 5};
  auto const r = causal_em(limpid::seq, in.x, in.y, 3, options);
  auto const wide = causal_em(in.x, in.y, 3, options);
  CHECK(gap(wide.posterior, r.posterior) < 1e-10);
  for (int threads : {1, 3})
    CHECK(causal_em(limpid::par_policy{.threads = threads}, in.x, in.y, 3, options).posterior ==
          wide.posterior);
  limpid_test::device_matrix<double> const x(in.x.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), in.y.size()));
  CHECK(causal_em(limpid_test::device, x, y, 3, options).posterior == r.posterior);
  CHECK(gap(causal_em(limpid_test::to_float(in.x), in.y, 3, options).transition, r.transition) <
        1e-3);
  auto const stopped =
      causal_em(in.x, in.y, 3,
                {.starts = 3, .max_iterations = 2, .on_progress = [](double) { return false; }});
  CHECK(stopped.stopped);
  CHECK(!stopped.converged);
  CHECK(std::isinf(stopped.start_likelihood[1]));
}

TEST_CASE("causal_em: bad input") {
  matrix<double> const x{{0, 1}, {1, 0}};
  std::vector const y{0, 1};
  auto const says = [&](auto const& call, char const* words) {
    CHECK_THROWS_WITH_AS(call(), words, limpid::input_error);
  };
  says([&] { (void)causal_em(x, y, 0); },
       "transition::causal_em: classes is 0; give the number of classes");
  says([&] { (void)causal_em(x, y, 3); },
       "transition::causal_em: X is 2 x 2; need a column and at least as many rows as classes, 3");
  says([&] { (void)causal_em(x, std::vector{0}, 2); },
       "transition::causal_em: X has 2 rows, y has 1");
  says([&] { (void)causal_em(x, std::vector{0, 2}, 2); },
       "transition::causal_em: y row 1 is 2; labels must be 0..1, or negative for unlabelled");
  says([&] { (void)causal_em(matrix<double>{{0, 1}, {NAN, 0}}, y, 2); },
       "transition::causal_em: X row 1 has an entry that is not finite");
  says([&] { (void)causal_em(x, y, 2, {.ridge = 0}); },
       "transition::causal_em: options.ridge is 0; need more than 0");
  says([&] { (void)causal_em(x, y, 2, {.starts = -1}); },
       "transition::causal_em: options.starts is -1; need at least 0");
}

}  // namespace
