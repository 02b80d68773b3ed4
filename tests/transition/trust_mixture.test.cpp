// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/trust_mixture.hpp>

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
using limpid::transition::trust_mixture;
using limpid_test::gap;

/// n rows whose labels are, with probability `trust`, drawn from the row, else from `background`.
struct mixed_labels {
  matrix<double> p;
  std::vector<std::int32_t> y, source;
  std::vector<bool> trusted;
};
mixed_labels make(std::size_t n, std::vector<double> const& trust,
                  std::vector<double> const& background) {
  std::mt19937 rng(11);
  std::uniform_real_distribution<double> u;
  std::size_t const classes = background.size();
  mixed_labels out{matrix<double>(n, classes), std::vector<std::int32_t>(n),
                   std::vector<std::int32_t>(n), std::vector<bool>(n)};
  auto const draw = [&](auto const& weight) {
    double at = u(rng);
    std::size_t k = 0;
    while (k + 1 < classes && at >= weight(k)) at -= weight(k++);
    return static_cast<std::int32_t>(k);
  };
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t const top = i % classes;
    double const sure = 0.7 + 0.3 * u(rng);
    for (std::size_t k = 0; k < classes; ++k)
      out.p(i, k) = k == top ? sure : (1 - sure) / static_cast<double>(classes - 1);
    out.source[i] = static_cast<std::int32_t>(rng() % trust.size());
    out.trusted[i] = u(rng) < trust[static_cast<std::size_t>(out.source[i])];
    out.y[i] = out.trusted[i] ? draw([&](std::size_t k) { return out.p(i, k); })
                              : draw([&](std::size_t k) { return background[k]; });
  }
  return out;
}

double log_likelihood(mixed_labels const& in, double a, std::vector<double> const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < in.y.size(); ++i) {
    auto const k = static_cast<std::size_t>(in.y[i]);
    sum += std::log(a * in.p(i, k) + (1 - a) * b[k]);
  }
  return sum;
}

TEST_CASE("trust_mixture: one step by hand") {
  //! [call]
  limpid::matrix<double> const P{{0.9, 0.1}, {0.8, 0.2}, {0.3, 0.7}, {0.9, 0.1}};
  std::vector<int> const y{0, 0, 1, 1};

  auto const r = limpid::transition::trust_mixture(P, y);
  // r.trust: how far each label is to be trusted, the last one least; r.posterior: the true class,
  // given label and sample
  //! [call]
  CHECK(r.trust[3] < r.trust[2]);
  auto const one = trust_mixture(P, y, {.max_iterations = 1});
  // a = b = 1/2: trust 0.9/1.4, 0.8/1.3, 0.7/1.2, 0.1/0.6
  double const t[] = {0.9 / 1.4, 0.8 / 1.3, 0.7 / 1.2, 0.1 / 0.6};
  CHECK(one.source_trust[0] == doctest::Approx((t[0] + t[1] + t[2] + t[3]) / 4));
  CHECK(one.background[0] == doctest::Approx((2 - t[0] - t[1]) / (4 - t[0] - t[1] - t[2] - t[3])));
  CHECK(!one.converged);
  CHECK(one.iterations == 1);
}

TEST_CASE("trust_mixture: planted trust and background come back, at the top of the likelihood") {
  auto const in = make(20000, {0.6}, {0.1, 0.2, 0.7});
  auto const r = trust_mixture(in.p, in.y);
  CHECK(r.converged);
  CHECK(std::abs(r.source_trust[0] - 0.6) < 0.03);
  CHECK(std::abs(r.background[2] - 0.7) < 0.03);
  // no step away from the estimate gains
  std::vector<double> const b(r.background.begin(), r.background.end());
  CHECK(r.log_likelihood ==
        doctest::Approx(log_likelihood(in, r.source_trust[0], b)).epsilon(1e-12));
  for (double step : {-0.01, 0.01}) {
    CHECK(log_likelihood(in, r.source_trust[0] + step, b) < r.log_likelihood);
    auto moved = b;
    moved[0] += step, moved[2] -= step;
    CHECK(log_likelihood(in, r.source_trust[0], moved) < r.log_likelihood);
  }
  // calibrated: among rows with trust near t, a share t is
  double sum = 0, share = 0;
  for (std::size_t i = 0; i < in.y.size(); ++i) sum += r.trust[i], share += in.trusted[i];
  CHECK(std::abs(sum - share) < 0.03 * 20000);
  double rows = 0;
  for (std::size_t k = 0; k < 3; ++k) rows += r.posterior(5, k);
  CHECK(rows == doctest::Approx(1));
}

TEST_CASE("trust_mixture: the likelihood never falls") {
  auto const in = make(800, {0.4}, {0.5, 0.5});
  double before = -INFINITY;
  for (int steps = 0; steps < 12; ++steps) {
    auto const r = trust_mixture(in.p, in.y, {.tolerance = 0, .max_iterations = steps});
    CHECK(r.log_likelihood >= before - 1e-9);
    before = r.log_likelihood;
  }
}

TEST_CASE(
    "trust_mixture: a trust per source, a source without labels, and weights as repeated rows") {
  auto const in = make(20000, {0.9, 0.3}, {0.4, 0.3, 0.3});
  limpid::vector_view<std::int32_t const> const source(in.source.data(), in.source.size());
  auto const r = trust_mixture(in.p, in.y, {.source = source, .sources = 3});
  CHECK(std::abs(r.source_trust[0] - 0.9) < 0.03);
  CHECK(std::abs(r.source_trust[1] - 0.3) < 0.05);
  CHECK(r.source_trust[2] == 0.5);
  CHECK(r.source_seen == limpid::vector<std::uint8_t>{1, 1, 0});

  matrix<double> const p{{0.9, 0.1}, {0.3, 0.7}, {0.9, 0.1}};
  matrix<double> const repeated{{0.9, 0.1}, {0.3, 0.7}, {0.3, 0.7}, {0.3, 0.7}};
  auto const a = trust_mixture(p, std::vector{0, 1, 1}, std::vector<double>{1, 3, 0});
  auto const b = trust_mixture(repeated, std::vector{0, 1, 1, 1});
  CHECK(a.source_trust[0] == doctest::Approx(b.source_trust[0]).epsilon(1e-9));
  CHECK(a.background[0] == doctest::Approx(b.background[0]).epsilon(1e-9));
}

TEST_CASE("trust_mixture: limits") {
  auto const in = make(3000, {1.0}, {0.5, 0.25, 0.25});
  // a uniform background is symmetric noise
  auto const s = trust_mixture(in.p, in.y, {.uniform_background = true});
  CHECK(s.transition(0, 1) == doctest::Approx((1 - s.source_trust[0]) / 3));
  CHECK(s.transition(1, 1) == doctest::Approx(s.source_trust[0] + (1 - s.source_trust[0]) / 3));
  CHECK(s.source_trust[0] > 0.95);
  // trust near 1: the posterior is the label
  auto const sure = trust_mixture(in.p, in.y, {.start = 1 - 1e-12, .max_iterations = 0});
  CHECK(sure.posterior(0, static_cast<std::size_t>(in.y[0])) == doctest::Approx(1));
  // trust near 0: the posterior is P
  auto const blind = trust_mixture(in.p, in.y, {.start = 1e-12, .max_iterations = 0});
  CHECK(blind.posterior(7, 1) == doctest::Approx(in.p(7, 1)));
  CHECK(trust_mixture(matrix<double>(1, 1, 1.0), std::vector{0}).transition == matrix<double>{{1}});
  CHECK(trust_mixture(in.p, in.y, {.keep_posterior = false}).posterior.rows() == 0);
  // a label the model rules out
  auto const ruled_out = trust_mixture(matrix<double>{{1, 0}, {1, 0}}, std::vector{0, 1});
  CHECK(ruled_out.trust[1] == 0);
  CHECK(std::isfinite(ruled_out.log_likelihood));
}

TEST_CASE("trust_mixture: every policy, and stopping") {
  auto const in = make(limpid::ops::detail::row_tile + 3, {0.7}, {0.5, 0.3, 0.2});
  auto const r = trust_mixture(limpid::seq, in.p, in.y, {.max_iterations = 20});
  CHECK(trust_mixture(in.p, in.y, {.max_iterations = 20}).trust == r.trust);
  for (int threads : {1, 3})
    CHECK(trust_mixture(limpid::par_policy{.threads = threads}, in.p, in.y, {.max_iterations = 20})
              .trust == r.trust);
  limpid_test::device_matrix<double> const p(in.p.view());
  limpid_test::device_vector<std::int32_t> const y(
      limpid::vector_view<std::int32_t const>(in.y.data(), in.y.size()));
  CHECK(trust_mixture(limpid_test::device, p, y, {.max_iterations = 20}).posterior == r.posterior);
  CHECK(gap(trust_mixture(limpid_test::to_float(in.p), in.y, {.max_iterations = 20}).transition,
            r.transition) < 1e-6);
  auto const stopped = trust_mixture(in.p, in.y, {.on_progress = [](double) { return false; }});
  CHECK(stopped.stopped);
  CHECK(stopped.iterations == 1);
}

TEST_CASE("trust_mixture: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector const y{0, 1};
  std::vector<std::int32_t> const wrong{0, 2};
  auto const says = [&](auto const& call, char const* words) {
    CHECK_THROWS_WITH_AS(call(), words, limpid::input_error);
  };
  says([&] { (void)trust_mixture(matrix<double>(0, 2), std::vector<int>{}); },
       "transition::trust_mixture: P is 0 x 2; need at least one row and one class");
  says([&] { (void)trust_mixture(p, std::vector{0}); },
       "transition::trust_mixture: P has 2 rows, y has 1");
  says([&] { (void)trust_mixture(p, std::vector{0, 2}); },
       "transition::trust_mixture: y row 1 is 2; labels must be 0..1");
  says([&] { (void)trust_mixture(matrix<double>{{0.5, 0.5}, {0.9, 0}}, y); },
       "transition::trust_mixture: P row 1 sums to 0.9; rows must be probability distributions "
       "(tolerance 1e-3)");
  says([&] { (void)trust_mixture(p, y, std::vector<double>{1, -1}); },
       "transition::trust_mixture: weights row 1 is negative; weights must be at least 0");
  says([&] { (void)trust_mixture(p, y, std::vector<double>{0, 0}); },
       "transition::trust_mixture: weights sum to 0; some row needs a weight");
  says([&] { (void)trust_mixture(p, y, {.start = 1}); },
       "transition::trust_mixture: options.start is 1; need (0, 1)");
  says([&] { (void)trust_mixture(p, y, {.sources = 2}); },
       "transition::trust_mixture: options.sources is 2 without options.source");
  says([&] { (void)trust_mixture(p, y, {.source = {wrong.data(), 2}, .sources = 2}); },
       "transition::trust_mixture: options.source row 1 is 2; sources must be 0..1");
}

}  // namespace
