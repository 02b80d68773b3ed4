// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/clean_posterior.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/corrected.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::matrix;
using limpid::posterior_of;
using limpid::transition::clean_posterior;
using limpid::transition::recovery;
using limpid::transition::regularisation;
using limpid_test::gap;

/// n distributions, some near a corner.
matrix<double> distributions(std::size_t n, std::size_t K, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> u(0, 1);
  matrix<double> p(n, K);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0, power = 1 + static_cast<double>(i % 5) * 3;
    for (std::size_t k = 0; k < K; ++k) sum += p(i, k) = std::pow(u(rng), power);
    for (std::size_t k = 0; k < K; ++k) p(i, k) /= sum;
  }
  return p;
}

TEST_CASE("clean_posterior: by hand") {
  //! [call]
  limpid::matrix<double> const T{{0.8, 0.2}, {0.4, 0.6}};
  limpid::matrix<double> const P{{0.6, 0.4}, {0.9, 0.1}};  // P(given | x)
  auto const q = limpid::transition::clean_posterior(P, T);
  // {0.5, 0.5}; and {1, 0}, since no distribution of the true label gives 0.9: q.misfit[1] = 0.2
  auto const r = limpid::transition::clean_posterior(P, std::vector<int>{1, 1}, T);
  // knowing the labels: {0.25, 0.75}, {1, 0}
  //! [call]
  CHECK(gap(q.posterior, matrix<double>{{0.5, 0.5}, {1, 0}}) < 1e-12);
  CHECK(std::abs(q.misfit[0]) < 1e-12);
  CHECK(q.misfit[1] == doctest::Approx(0.2).epsilon(1e-12));
  CHECK(q.outside == 1);
  CHECK(q.condition == doctest::Approx(3));
  CHECK(gap(r.posterior, matrix<double>{{0.25, 0.75}, {1, 0}}) < 1e-12);
  auto const known = clean_posterior(matrix<double>{{0.5, 0.5}}, std::vector<int>{1}, T,
                                     {.posteriors = posterior_of::truth});
  CHECK(gap(known.posterior, matrix<double>{{0.25, 0.75}}) < 1e-15);
  CHECK(known.misfit.empty());
}

TEST_CASE("clean_posterior: every method returns q from p = q T") {
  auto const in = limpid_test::make_corrected(1, 4, 3);
  auto const q = distributions(8, 4, 1);
  auto const p = limpid_test::multiply(q, in.T);
  for (auto method : {recovery::least_squares, recovery::em, recovery::inverse}) {
    auto const r =
        clean_posterior(p, in.T, {.method = method, .max_iterations = 50000, .tolerance = 1e-13});
    CHECK(gap(r.posterior, q) < (method == recovery::em ? 1e-5 : 1e-9));
    CHECK(r.outside == 0);
    CHECK(r.mean_misfit < (method == recovery::em ? 1e-6 : 1e-9));
  }
}

/// |q T - p|^2 over the simplex: the least over all supports, each by its own equations.
std::vector<double> least_squares_oracle(std::vector<double> const& p, matrix<double> const& T) {
  std::size_t const K = p.size();
  std::vector<double> best;
  double least = 1e300;
  for (unsigned mask = 1; mask < (1u << K); ++mask) {
    std::vector<std::size_t> on;
    for (std::size_t k = 0; k < K; ++k)
      if (mask >> k & 1) on.push_back(k);
    std::size_t const m = on.size() + 1;  // multiplier of the sum last
    matrix<double> a(m, m + 1);
    for (std::size_t u = 0; u < on.size(); ++u) {
      for (std::size_t v = 0; v < on.size(); ++v)
        for (std::size_t j = 0; j < K; ++j) a(u, v) += T(on[u], j) * T(on[v], j);
      for (std::size_t j = 0; j < K; ++j) a(u, m) += T(on[u], j) * p[j];
      a(u, m - 1) = a(m - 1, u) = 1;
    }
    a(m - 1, m) = 1;
    for (std::size_t c = 0; c < m; ++c) {
      std::size_t top = c;
      for (std::size_t r = c; r < m; ++r)
        if (std::abs(a(r, c)) > std::abs(a(top, c))) top = r;
      for (std::size_t k = 0; k <= m; ++k) std::swap(a(c, k), a(top, k));
      for (std::size_t r = 0; r < m; ++r)
        if (r != c) {
          double const factor = a(r, c) / a(c, c);
          for (std::size_t k = 0; k <= m; ++k) a(r, k) -= factor * a(c, k);
        }
    }
    std::vector<double> q(K);
    bool inside = true;
    for (std::size_t u = 0; u < on.size(); ++u)
      inside = inside && (q[on[u]] = a(u, m) / a(u, u)) >= -1e-12;
    if (!inside) continue;
    double value = 0;
    for (std::size_t j = 0; j < K; ++j) {
      double image = -p[j];
      for (std::size_t k = 0; k < K; ++k) image += q[k] * T(k, j);
      value += image * image;
    }
    if (value < least) least = value, best = q;
  }
  return best;
}

TEST_CASE("clean_posterior: least squares against all supports, EM against its optimality") {
  auto const in = limpid_test::make_corrected(1, 4, 3);
  auto const p = distributions(40, 4, 2);  // most are no image of a distribution
  auto const r = clean_posterior(p, in.T);
  CHECK(r.outside > 10);
  CHECK(r.not_converged == 0);
  for (std::size_t i = 0; i < 40; ++i) {
    auto const want = least_squares_oracle({p(i, 0), p(i, 1), p(i, 2), p(i, 3)}, in.T);
    for (std::size_t k = 0; k < 4; ++k) CHECK(std::abs(r.posterior(i, k) - want[k]) < 1e-8);
  }
  auto const e =
      clean_posterior(p.view().row_block(0, 10), in.T,
                      {.method = recovery::em, .max_iterations = 20000, .tolerance = 1e-11});
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t k = 0; k < 4; ++k) {
      double force = 0;
      for (std::size_t j = 0; j < 4; ++j) {
        double image = 0;
        for (std::size_t l = 0; l < 4; ++l) image += e.posterior(i, l) * in.T(l, j);
        force += p(i, j) * in.T(k, j) / image;
      }
      CHECK(force <= 1 + 1e-6);
      if (e.posterior(i, k) > 1e-4) CHECK(std::abs(force - 1) < 1e-6);
    }
}

TEST_CASE("clean_posterior: the inverse's methods, and a T that has none") {
  matrix<double> const T{{0.6, 0.3, 0.1}, {0.1, 0.8, 0.1}, {0.6, 0.3, 0.1}};
  matrix<double> const P{{0.35, 0.55, 0.1}};
  for (auto method : {recovery::least_squares, recovery::em}) {
    auto const r = clean_posterior(P, T, {.method = method});
    CHECK(r.posterior(0, 1) == doctest::Approx(0.5).epsilon(1e-7));
    CHECK(r.posterior(0, 0) + r.posterior(0, 2) == doctest::Approx(0.5).epsilon(1e-7));
    CHECK(r.mean_misfit < 1e-7);
  }
  for (auto rule : {regularisation::shrink, regularisation::tikhonov}) {
    auto const r = clean_posterior(
        P, T, {.method = recovery::inverse, .inverse = {.rule = rule, .amount = 1e-4}});
    CHECK(r.posterior(0, 1) == doctest::Approx(0.5).epsilon(0.01));
    CHECK(r.condition == INFINITY);
  }
  CHECK_THROWS_WITH_AS((void)clean_posterior(P, T, {.method = recovery::inverse}),
                       doctest::Contains("transition::clean_posterior: T rows 0 and 2 are equal"),
                       limpid::input_error);
  // p T^-1 = {1.25, -0.25}: the nearest distribution is the corner
  auto const r = clean_posterior(matrix<double>{{0.9, 0.1}}, matrix<double>{{0.8, 0.2}, {0.4, 0.6}},
                                 {.method = recovery::inverse});
  CHECK(r.posterior == matrix<double>{{1, 0}});
}

TEST_CASE(
    "clean_posterior: T of each row's own, impossible labels, one class, no rows, too few steps") {
  auto const in = limpid_test::make_corrected(14, 3, 3);
  auto const own = limpid_test::row_transitions(in);
  auto const q = distributions(14, 3, 4);
  matrix<double> p(14, 3);
  for (std::size_t i = 0; i < 14; ++i)
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t j = 0; j < 3; ++j) p(i, j) += q(i, k) * own(i, k * 3 + j);
  CHECK(gap(clean_posterior(p, own, {.tolerance = 1e-13}).posterior, q) < 1e-9);
  auto const r = clean_posterior(p, in.y, own, {.tolerance = 1e-13});
  for (std::size_t i = 0; i < 14; ++i)
    for (std::size_t k = 0; k < 3; ++k) {
      auto const y = static_cast<std::size_t>(in.y[i]);
      CHECK(std::abs(r.posterior(i, k) - q(i, k) * own(i, k * 3 + y) / p(i, y)) < 1e-8);
    }
  matrix<double> const never{{1, 0, 0}, {0.5, 0.5, 0}, {0, 1, 0}};
  auto const s = clean_posterior(matrix<double>{{0.2, 0.3, 0.5}}, std::vector<int>{2}, never,
                                 {.posteriors = posterior_of::truth});
  CHECK(s.impossible == 1);
  CHECK(s.posterior == matrix<double>{{0.2, 0.3, 0.5}});
  CHECK(clean_posterior(matrix<double>(3, 1, 1.0), matrix<double>{{1}}).posterior ==
        matrix<double>(3, 1, 1.0));
  CHECK(clean_posterior(matrix<double>(0, 3), in.T).posterior.rows() == 0);
  CHECK(clean_posterior(p, in.T, {.method = recovery::em, .max_iterations = 1}).not_converged ==
        14);
}

TEST_CASE("clean_posterior: every policy, any strides, both sides of the tile; into float") {
  std::size_t const n = limpid::ops::detail::row_tile + 1;
  auto const in = limpid_test::make_corrected(n, 3, 5);
  auto const p = distributions(n, 3, 6);
  auto const r = clean_posterior(limpid::seq, p, in.y, in.T);
  CHECK(gap(clean_posterior(p, in.y, in.T).posterior, r.posterior) < 1e-13);
  limpid::par_policy par;
  par.threads = 3;
  CHECK(clean_posterior(par, p, in.y, in.T).posterior == clean_posterior(p, in.y, in.T).posterior);
  limpid_test::device_matrix<double> const far(p.view()), T(in.T.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n));
  CHECK(clean_posterior(limpid_test::device, far, y, T).posterior == r.posterior);
  limpid_test::strided const padded(p);
  CHECK(gap(clean_posterior(padded.window, in.y, in.T).posterior, r.posterior) < 1e-13);
  matrix<float> out(n, 3);
  CHECK(
      clean_posterior.into(limpid::simd, limpid_test::to_float(p), in.y, in.T, out).not_converged ==
      0);
  for (std::size_t c = 0; c < 3 * n; ++c)
    REQUIRE(std::abs(out.data()[c] - r.posterior.data()[c]) < 1e-4);
}

TEST_CASE("clean_posterior: bad input") {
  using limpid::input_error;
  matrix<double> const T{{0.8, 0.2}, {0.4, 0.6}}, P{{0.5, 0.5}};
  CHECK_THROWS_WITH_AS(
      (void)clean_posterior(P, T, {.posteriors = posterior_of::truth}),
      "transition::clean_posterior: options.posteriors is truth: without labels P is the answer",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)clean_posterior(matrix<double>{{0.5, 0.6}}, T),
      "transition::clean_posterior: P row 0 sums to 1.1; rows must be probability distributions "
      "(tolerance 1e-3)",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)clean_posterior(P, matrix<double>(3, 3)),
      "transition::clean_posterior: T is 3 x 3; need K x K, K = 2, or one row of 4 per row of data",
      input_error);
  CHECK_THROWS_WITH_AS((void)clean_posterior(P, T, {.tolerance = 0}),
                       "transition::clean_posterior: options.tolerance is 0; need more than 0",
                       input_error);
  CHECK_THROWS_WITH_AS((void)clean_posterior(P, T, {.max_iterations = 0}),
                       "transition::clean_posterior: options.max_iterations is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)clean_posterior(P, matrix<double>{{0.8, 0.2, 0.4, 0.6}}, {.method = recovery::inverse}),
      "transition::clean_posterior: options.method is inverse, which needs one T for all rows",
      input_error);
  CHECK_THROWS_WITH_AS((void)clean_posterior(P, std::vector<int>{2}, T),
                       "transition::clean_posterior: y row 0 is 2; labels must be 0..1",
                       input_error);
  CHECK_NOTHROW((void)clean_posterior(P, T, {.max_iterations = 1, .tolerance = 1e-300}));
}

}  // namespace
