// SPDX-License-Identifier: BSL-1.0
#include <limpid/reweight/liu_tao.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using limpid::matrix;
using limpid::posterior_of;
using limpid::reweight::liu_tao;
using limpid::reweight::liu_tao_options;
using limpid_test::gap;
using flags = limpid::vector<std::uint8_t>;

// golden: the closed form for two classes, negative values not yet clipped
TEST_CASE("liu_tao: two classes, the paper's formula") {
  auto const e = limpid_test::golden("transition_misc.json")["liu_tao_beta"];
  double const plus = e["rho_plus=P(-|+)"], minus = e["rho_minus=P(+|-)"];
  matrix<double> const T{{1 - minus, minus}, {plus, 1 - plus}};  // row 0: true -
  auto const p_plus = e["P_noisy(+1|x)"].get<std::vector<double>>();
  matrix<double> p(p_plus.size(), 2);
  for (std::size_t i = 0; i < p_plus.size(); ++i) p(i, 0) = 1 - p_plus[i], p(i, 1) = p_plus[i];
  for (int label : {0, 1}) {
    auto expected = e[label ? "beta(x,+1)" : "beta(x,-1)"].get<std::vector<double>>();
    double below = 0;
    for (double& b : expected)
      if (b < 0) below += 1, b = 0;
    auto const r = liu_tao(p, std::vector<int>(p_plus.size(), label), T);
    CHECK(gap(r.weights, expected) < 1e-12);
    CHECK(r.negative_share == doctest::Approx(below / static_cast<double>(p_plus.size())));
  }
}

TEST_CASE("liu_tao: both routes agree where P(given | x) = P(true | x) T") {
  //! [call]
  limpid::matrix<double> const T{{0.7, 0.2, 0.1}, {0.05, 0.9, 0.05}, {0.1, 0.3, 0.6}};
  auto const data = limpid_test::make_posteriors(300, 3, 1);  // P(true | x) and given labels
  auto const P = limpid_test::multiply(data.p, T);            // P(given | x)

  auto const r = limpid::reweight::liu_tao(P, data.y, T);
  auto const s =
      limpid::reweight::liu_tao(data.p, data.y, T, {.posteriors = limpid::posterior_of::truth});
  // r.weights and s.weights are equal: P(true = y | x) / P(given = y | x)
  //! [call]
  CHECK(gap(r.weights, s.weights) < 1e-12);
  for (std::size_t i = 0; i < 300; ++i) {
    auto const k = static_cast<std::size_t>(data.y[i]);
    CHECK(r.weights[i] == doctest::Approx(data.p(i, k) / P(i, k)).epsilon(1e-12));
    CHECK(s.weights[i] <= 1 / T(k, k) + 1e-12);
  }
  CHECK(s.condition == 1);
  CHECK(r.condition > 1);
  auto const wrong = liu_tao(
      data.p, data.y, limpid_test::transpose(matrix<double>{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}));
  CHECK(gap(wrong.weights, std::vector<double>(300, 1)) == 0);  // T = I
  CHECK(wrong.effective_sample_size == 300);
}

// over labels drawn given x, the weighted loss is the loss on true labels
TEST_CASE("liu_tao: the weighted mean is the mean over true labels") {
  matrix<double> const T{{0.7, 0.3}, {0.1, 0.9}};
  matrix<double> const s{{0.35, 0.65}, {0.8, 0.2}};
  auto const p = limpid_test::multiply(s, T);
  double const loss[2] = {3, 5};
  for (std::size_t i = 0; i < 2; ++i) {
    double weighted = 0, direct = 0;
    for (int label : {0, 1}) {
      auto const k = static_cast<std::size_t>(label);
      weighted += p(i, k) * liu_tao(p, std::vector{label, label}, T).weights[i] * loss[k];
      direct += s(i, k) * loss[k];
    }
    CHECK(weighted == doctest::Approx(direct).epsilon(1e-13));
  }
}

TEST_CASE("liu_tao: caps, normalisation, lost rows") {
  matrix<double> const T{{0.8, 0.2}, {0.1, 0.9}};
  matrix<double> const p{{0.95, 0.05}, {0.6, 0.4}, {0.3, 0.7}, {1, 0}};
  std::vector<int> const y{1, 0, 1, 1};
  auto const r = liu_tao(p, y, T);
  CHECK(r.weights[0] == 0);  // 0.05 < 0.2
  CHECK(r.weights[3] == 0);
  CHECK(r.negative_share == 0.25);
  CHECK(r.undefined_share == 0.25);
  double const a = (0.6 - 0.1) / (0.7 * 0.6), b = (0.7 - 0.2) / (0.7 * 0.7);
  CHECK(r.weights[1] == doctest::Approx(a));
  CHECK(r.weights[2] == doctest::Approx(b));
  CHECK(r.effective_sample_size == doctest::Approx((a + b) * (a + b) / (a * a + b * b)));
  CHECK(r.mean_weight == doctest::Approx((a + b) / 4));
  CHECK(r.condition == doctest::Approx(1.1 / 0.7));  // |T|_1 = 1.1, |T^-1|_1 = (0.9 + 0.1) / 0.7
  auto const capped = liu_tao(p, y, T, {.max_weight = 1.1});
  CHECK(capped.weights[1] == 1.1);
  CHECK(capped.capped_share == 0.25);
  auto const mean_one = liu_tao(p, y, T, {.normalise = true});
  CHECK(mean_one.weights[1] + mean_one.weights[2] == doctest::Approx(4));
  CHECK(mean_one.effective_sample_size == r.effective_sample_size);

  auto const none = liu_tao(matrix<double>{{1, 0}}, std::vector{1}, T, {.normalise = true});
  CHECK(none.all_zero);
  CHECK(none.weights[0] == 0);
  matrix<double> const turned{{0, 1, 0}, {0, 0, 1}, {1, 0, 0}};
  CHECK(liu_tao(matrix<double>{{0.2, 0.3, 0.5}}, std::vector{1}, turned).unbounded ==
        flags{1, 1, 1});
  CHECK(liu_tao(matrix<double>(2, 1, 1.0), std::vector{0, 0}, matrix<double>{{1}}).weights ==
        limpid::vector<double>{1, 1});
}

TEST_CASE("liu_tao: every policy and type, permuted classes") {
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.05, 0.9, 0.05}, {0.1, 0.3, 0.6}};
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{1}, tile - 1, tile, tile + 1, 2 * tile + 9})
    for (auto kind : {posterior_of::given, posterior_of::truth}) {
      CAPTURE(n);
      auto const data = limpid_test::make_posteriors(n, 3, 6);
      liu_tao_options const options{.posteriors = kind, .normalise = true};
      auto const r = liu_tao(limpid::seq, data.p, data.y, T, options);
      CHECK(liu_tao(data.p, data.y, T, options).weights == r.weights);
      for (int threads : {1, 2, 3, 7}) {
        limpid::par_policy par;
        par.threads = threads;
        auto const s = liu_tao(par, data.p, data.y, T, options);
        CHECK(s.weights == r.weights);
        CHECK(s.effective_sample_size == r.effective_sample_size);
      }
      limpid_test::device_matrix<double> const p(data.p.view()), t(T.view());
      limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
      CHECK(liu_tao(limpid_test::device, p, y, t, options).weights == r.weights);
      limpid_test::strided const padded(data.p), padded_t(T);
      CHECK(liu_tao(padded.window, data.y, padded_t.window, options).weights == r.weights);
      CHECK(gap(liu_tao(limpid_test::to_float(data.p), data.y, T, options).weights, r.weights) <
            1e-4);

      std::size_t const to[] = {2, 0, 1};
      auto moved = data;
      matrix<double> moved_t(3, 3);
      for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t b = 0; b < 3; ++b) moved_t(to[a], to[b]) = T(a, b);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < 3; ++k) moved.p(i, to[k]) = data.p(i, k);
        moved.y[i] = static_cast<int>(to[data.y[i]]);
      }
      CHECK(gap(liu_tao(moved.p, moved.y, moved_t, options).weights, r.weights) < 1e-11);
    }
}

TEST_CASE("liu_tao: bad input") {
  using limpid::input_error;
  matrix<double> const T{{0.8, 0.2}, {0.1, 0.9}}, p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const y{0, 1};
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS((void)liu_tao(matrix<double>(0, 2), std::vector<int>{}, T),
                       "reweight::liu_tao: P is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(p, std::vector{0}, T),
                       "reweight::liu_tao: P has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(p, y, matrix<double>{{1}}),
                       "reweight::liu_tao: T is 1 x 1; need K x K, K = 2", input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(p, std::vector{0, 3}, T),
                       "reweight::liu_tao: y row 1 is 3; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(matrix<double>{{0.5, nan}, {1, 0}}, y, T),
                       "reweight::liu_tao: P row 0 has an entry that is not finite", input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(p, y, matrix<double>{{0.8, 0.2}, {0.1, 0.8}}),
                       "reweight::liu_tao: T row 1 sums to 0.9; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(p, y, T, {.max_weight = 0}),
                       "reweight::liu_tao: options.max_weight is 0; need more than 0", input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(p, y, T, {.max_condition = 0.5}),
                       "reweight::liu_tao: options.max_condition is 0.5; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)liu_tao(p, y, matrix<double>{{0.3, 0.7}, {0.3, 0.7}}),
                       "reweight::liu_tao: T rows 0 and 1 are equal, so that T has no inverse; the "
                       "two classes cannot be "
                       "told apart",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)liu_tao(p, y, matrix<double>{{0.3, 0.7}, {0.6, 0.4}}),
      "reweight::liu_tao: T has noise rates 0.7 and 0.6; for two classes their sum must be below 1",
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)liu_tao(p, y, T, {.max_condition = 1.5}),
      "reweight::liu_tao: T has condition number 1.57143; it is inverted up to 1.5 "
      "(options.max_condition)",
      input_error);
  matrix<double> const flat{
      {0.5, 0.5, 0}, {0.25, 0.25, 0.5}, {0.375, 0.375, 0.25}};  // row 2 is the mean of the others
  matrix<double> const three{{0.2, 0.3, 0.5}};
  CHECK_THROWS_WITH_AS((void)liu_tao(three, std::vector{1}, flat),
                       "reweight::liu_tao: T has condition number inf; it is inverted up to 1e+08 "
                       "(options.max_condition)",
                       input_error);
  // from true posteriors nothing is inverted
  CHECK_NOTHROW((void)liu_tao(three, std::vector{1}, flat, {.posteriors = posterior_of::truth}));
  CHECK_NOTHROW((void)liu_tao(p, y, matrix<double>{{0.3, 0.7}, {0.3, 0.7}},
                              {.posteriors = posterior_of::truth}));
  CHECK_NOTHROW((void)liu_tao(p, y, matrix<double>{{0.51, 0.49}, {0.5, 0.5}}));
}

// the K x K helpers that stand behind
TEST_CASE("small: inverse, condition, singular values, equal rows") {
  auto const near = [](double a, double b) { return std::abs(a - b) < 1e-12; };
  matrix<double> const a{{0, 2, 0}, {1, 0, 0}, {0, 1, 4}};
  auto const r = limpid::ops::invert(a);
  CHECK(gap(limpid_test::multiply(a, r.inverse), matrix<double>::identity(3)) < 1e-15);
  CHECK(near(r.condition, 4 * 1));  // |A|_1 = 4, |A^-1|_1 = 1
  CHECK(limpid::ops::invert(matrix<double>{{1, 2}, {2, 4}}).inverse.empty());
  auto const data = limpid_test::make_posteriors(40, 40, 9);
  auto const random = limpid::ops::invert(data.p);
  CHECK(gap(limpid_test::multiply(data.p, random.inverse), matrix<double>::identity(40)) < 1e-10);

  auto const s = limpid::ops::singular_values(matrix<double>{{3, 0}, {4, 5}});  // squares 45 and 5
  CHECK(near(s[0], std::sqrt(45.0)));
  CHECK(near(s[1], std::sqrt(5.0)));
  // T = (1 - e) I + e / K 11^T: values 1, 1 - e, 1 - e
  matrix<double> const symmetric{{0.8, 0.1, 0.1}, {0.1, 0.8, 0.1}, {0.1, 0.1, 0.8}};
  auto const t = limpid::ops::singular_values(symmetric);
  CHECK(near(t[0], 1));
  CHECK(near(t[1], 0.7));
  CHECK(near(t[2], 0.7));
  auto const tiny = limpid::ops::singular_values(matrix<double>{{1, 1}, {0, 1e-12}});
  CHECK(tiny[1] == doctest::Approx(1e-12 / std::sqrt(2.0)).epsilon(1e-9));
  CHECK(limpid::ops::equal_rows(symmetric) == std::nullopt);
  CHECK(limpid::ops::equal_rows(matrix<double>{{1, 0}, {0, 1}, {0, 1}}) ==
        std::pair<std::size_t, std::size_t>{1, 2});
}

TEST_CASE("small: the distribution behind an image, never negative") {
  matrix<double> const T{{0.7, 0.2, 0.1}, {0.05, 0.9, 0.05}, {0.1, 0.3, 0.6}};
  limpid::vector<double> const q{0.2, 0.5, 0.3};
  auto const image = [&](auto const& v) {
    limpid::vector<double> p(3);
    for (std::size_t k = 0; k < 3; ++k)
      for (std::size_t j = 0; j < 3; ++j) p[j] += v[k] * T(k, j);
    return p;
  };
  auto const r = limpid::ops::recover_distribution(T, image(q));
  CHECK(r.converged);
  CHECK(gap(r.q, q) < 1e-9);
  // outside the image of the simplex the inverse goes negative; this stays on the simplex
  auto const edge = limpid::ops::recover_distribution(T, limpid::vector<double>{0.9, 0.05, 0.05});
  CHECK(edge.q[0] == doctest::Approx(1).epsilon(1e-6));
  for (double x : edge.q) CHECK(x >= 0);
  CHECK_FALSE(limpid::ops::recover_distribution(T, image(q), 1e-12, 3).converged);
}

}  // namespace
