// SPDX-License-Identifier: BSL-1.0
#include <limpid/classify/softmax_regression.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/noise/from_transition.hpp>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

using limpid::matrix;
using limpid::classify::softmax_model;
using limpid::classify::softmax_regression;

static_assert(limpid::classify::classifier<softmax_regression>);
static_assert(limpid::classify::classifier<softmax_regression, limpid::seq_policy, float>);
static_assert(limpid::classify::classifier<softmax_regression, limpid_test::device_policy>);

template <class T>
struct sample {
  matrix<T> x;
  std::vector<int> y;
  matrix<double> posterior;
};

/// Classes i mod K at unit-variance logistic-shaped blobs that overlap; labels are drawn from a
/// known softmax-linear posterior.
template <class T = double>
sample<T> blobs(std::size_t n, std::size_t d, std::size_t K, std::uint64_t seed) {
  sample<T> s{matrix<T>(n, d), std::vector<int>(n), matrix<double>(n, K)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    for (std::size_t j = 0; j < d; ++j)
      s.x(i, j) = static_cast<T>(draw.uniform() + draw.uniform() + draw.uniform() - 1.5);
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k)
      sum += s.posterior(i, k) =
          std::exp(4 * static_cast<double>(s.x(i, k % d)) * (k < d ? 1 : -1));
    double u = draw.uniform() * sum;
    int label = 0;
    for (std::size_t k = 0; k < K; ++k) {
      if (u >= 0) label = static_cast<int>(k);
      u -= s.posterior(i, k);
      s.posterior(i, k) /= sum;
    }
    s.y[i] = label;
  }
  return s;
}

double gap(matrix<double> const& a, matrix<double> const& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  double worst = 0;
  for (std::size_t i = 0; i < a.rows() * a.cols(); ++i)
    worst = (std::max)(worst, std::abs(a.data()[i] - b.data()[i]));
  return worst;
}

TEST_CASE("softmax_regression gives class shares where features say nothing") {
  matrix<double> const x(8, 1, 0.1);
  std::vector<int> const y{0, 0, 0, 0, 1, 1, 2, 2};

  auto const model = softmax_regression{.tolerance = 1e-10}.fit(x, y, 3);
  auto const p = model.probabilities(x);

  CHECK(model.converged);
  CHECK(p(0, 0) == doctest::Approx(0.5).epsilon(1e-9));
  CHECK(p(7, 1) == doctest::Approx(0.25).epsilon(1e-9));
  CHECK(model.features_used[0] == 0);
  CHECK(model.weights(0, 0) == 0);
  CHECK(model.objective == doctest::Approx(1.5 * std::log(2.0)));  // entropy of (1/2, 1/4, 1/4)
}

TEST_CASE("softmax_regression without penalty meets the shares of a two by two table") {
  //! [softmax_regression]
  matrix<double> const x{{0}, {0}, {0}, {0}, {1}, {1}, {1}};
  std::vector<int> const y{0, 0, 0, 1, 0, 1, 1};

  auto const model = limpid::classify::softmax_regression{.l2 = 0, .tolerance = 1e-9}.fit(x, y, 2);
  matrix<double> const p =
      model.probabilities(x);  // (3/4, 1/4) where x = 0, (1/3, 2/3) where x = 1
  //! [softmax_regression]

  CHECK(p(0, 1) == doctest::Approx(0.25).epsilon(1e-8));
  CHECK(p(6, 1) == doctest::Approx(2.0 / 3).epsilon(1e-8));
  // log odds ratio: (2/1) / (1/3) = 6
  CHECK(model.weights(1, 0) - model.weights(0, 0) == doctest::Approx(std::log(6.0)).epsilon(1e-7));
  CHECK(model.predict(x)[0] == 0);
  CHECK(model.predict(x)[6] == 1);
}

TEST_CASE("softmax_regression agrees with scikit-learn") {
  auto const golden = limpid_test::golden("softmax_regression.json");
  REQUIRE(golden["cases"].size() == 4);
  for (auto const& c : golden["cases"]) {
    CAPTURE(c["name"].get<std::string>());
    auto const rows = c["x"].get<std::vector<std::vector<double>>>();
    auto const y = c["y"].get<std::vector<int>>();
    auto const w = c["w"].get<std::vector<double>>();
    auto const coef = c["coef"].get<std::vector<std::vector<double>>>();
    auto const intercept = c["intercept"].get<std::vector<double>>();
    softmax_regression const options{
        .l2 = c["l2"], .standardise = false, .max_iterations = 5000, .tolerance = 1e-10};
    auto const model =
        w.empty() ? options.fit(rows, y, coef.size()) : options.fit(rows, y, w, coef.size());
    CHECK(model.converged);
    double weights = 0, biases = 0, probabilities = 0, scale = 0;
    for (std::size_t k = 0; k < coef.size(); ++k) {
      biases = (std::max)(biases, std::abs(model.bias[k] - intercept[k]));
      for (std::size_t j = 0; j < coef[k].size(); ++j) {
        weights = (std::max)(weights, std::abs(model.weights(k, j) - coef[k][j]));
        scale = (std::max)(scale, std::abs(coef[k][j]));
      }
    }
    auto const p = model.probabilities(rows);
    for (std::size_t i = 0; i < 10; ++i)
      for (std::size_t k = 0; k < coef.size(); ++k)
        probabilities =
            (std::max)(probabilities, std::abs(p(i, k) - c["probabilities"][i][k].get<double>()));
    CHECK(weights < 1e-6 * (1 + scale));
    CHECK(biases < 1e-5);
    CHECK(probabilities < 1e-7);
  }
}

/// Loss and target rules written once more, with plain arrays.
double loss_by_hand(sample<double> const& s, std::vector<double> const& w,
                    std::vector<double> const& v, std::size_t K, matrix<double> const* transition,
                    matrix<double> const* soft) {
  std::size_t const d = s.x.cols();
  double sum = 0;
  for (std::size_t i = 0; i < s.x.rows(); ++i) {
    std::vector<double> e(K);
    double total = 0;
    for (std::size_t k = 0; k < K; ++k) {
      double z = v[K * d + k];
      for (std::size_t j = 0; j < d; ++j) z += v[k * d + j] * (s.x(i, j) - 0.25) * 2;
      total += e[k] = std::exp(z);
    }
    auto const y = static_cast<std::size_t>(s.y[i]);
    double loss = 0;
    if (soft) {
      for (std::size_t k = 0; k < K; ++k) loss -= (*soft)(i, k) * std::log(e[k] / total);
    } else if (transition) {
      double u = 0;
      for (std::size_t k = 0; k < K; ++k) u += e[k] / total * (*transition)(k, y);
      loss = -std::log(u);
    } else {
      loss = -std::log(e[y] / total);
    }
    sum += w[i] * loss;
  }
  return sum;
}

TEST_CASE(
    "the gradient is the loss's, for labels, through a transition and for soft targets; functor "
    "and twin") {
  namespace d_ = limpid::classify::detail;
  std::size_t const n = 150, d = 5, K = 4;
  auto const s = blobs(n, d, K, 3);
  matrix<double> const transition{
      {0.7, 0.3, 0, 0}, {0.1, 0.8, 0.1, 0}, {0, 0, 0.5, 0.5}, {0.25, 0.25, 0.25, 0.25}};
  matrix<double> logs(K, K);
  for (std::size_t i = 0; i < K * K; ++i) logs.data()[i] = std::log(transition.data()[i]);
  std::vector<double> w(n), v(K * (d + 1));
  for (std::size_t i = 0; i < n; ++i) w[i] = static_cast<double>(i % 3);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = limpid::random_stream(9, 0, i).uniform() - 0.5;
  limpid::vector<double> const centre(d, 0.25), scale(d, 2.0);
  std::vector<std::int32_t> const y(s.y.begin(), s.y.end());
  limpid::vector_view<double const> const weights(w.data(), n);
  limpid::vector_view<std::int32_t const> const labels(y.data(), n);

  auto const check = [&](auto target, matrix<double> const* t, matrix<double> const* q) {
    d_::softmax_gradient<double, double, decltype(target), limpid::memory_space::host> const f{
        {s.x.view(), centre.view(), scale.view(), {v.data(), v.size()}, K}, weights, target};
    auto const by_row = limpid::ops::sum_rows(limpid::seq, n, v.size() + 1, f);
    auto const by_tile = limpid::ops::sum_rows(limpid::simd, n, v.size() + 1, f);
    CHECK(by_row.back() == doctest::Approx(loss_by_hand(s, w, v, K, t, q)).epsilon(1e-12));
    for (std::size_t i = 0; i < v.size(); ++i) {
      CAPTURE(i);
      auto up = v, down = v;
      up[i] += 1e-5;
      down[i] -= 1e-5;
      double const slope =
          (loss_by_hand(s, w, up, K, t, q) - loss_by_hand(s, w, down, K, t, q)) / 2e-5;
      CHECK(std::abs(by_row[i] - slope) < 1e-6 * (1 + std::abs(slope)));
      CHECK(std::abs(by_tile[i] - by_row[i]) < 1e-11);
    }
    CHECK(std::abs(by_tile.back() - by_row.back()) < 1e-11 * by_row.back());
  };
  check(d_::label_target<limpid::memory_space::host>{labels}, nullptr, nullptr);
  check(d_::forward_target<limpid::memory_space::host>{labels, std::as_const(logs).view(),
                                                       std::as_const(transition).view()},
        &transition, nullptr);
  check(d_::soft_target<double, limpid::memory_space::host>{s.posterior.view()}, nullptr,
        &s.posterior);
}

TEST_CASE(
    "softmax_regression penalises weights of standardised features, or of the features as they "
    "are") {
  auto s = blobs(400, 3, 3, 5);
  for (std::size_t i = 0; i < 400; ++i) s.x(i, 1) = s.x(i, 1) * 1000 + 5e5;
  double mean[3] = {}, square[3] = {};
  for (std::size_t i = 0; i < 400; ++i)
    for (std::size_t j = 0; j < 3; ++j) mean[j] += s.x(i, j) / 400;
  for (std::size_t i = 0; i < 400; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      square[j] += (s.x(i, j) - mean[j]) * (s.x(i, j) - mean[j]) / 400;
  matrix<double> standard(400, 3);
  for (std::size_t i = 0; i < 400; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      standard(i, j) = (s.x(i, j) - mean[j]) / std::sqrt(square[j]);

  softmax_regression const tight{.l2 = 0.1, .tolerance = 1e-10};
  softmax_regression const raw{
      .l2 = 0.1, .standardise = false, .max_iterations = 2000, .tolerance = 1e-10};
  auto const a = tight.fit(s.x, s.y, 3);
  auto const b = raw.fit(standard, s.y, 3);

  CHECK(gap(a.probabilities(s.x), b.probabilities(standard)) < 1e-8);
  CHECK(gap(a.probabilities(s.x), raw.fit(s.x, s.y, 3).probabilities(s.x)) >
        1e-3);  // so that the option is seen
  for (std::size_t k = 0; k < 3; ++k) {
    double z = a.bias[k], c = a.bias_at_centre[k];
    for (std::size_t j = 0; j < 3; ++j) {
      z += a.weights(k, j) * s.x(7, j);
      c += a.weights(k, j) * (s.x(7, j) - a.centre[j]);
    }
    CHECK(z == doctest::Approx(c).epsilon(1e-8));
  }
}

TEST_CASE("softmax_regression does not mind features far from 0") {
  auto s = blobs(300, 3, 3, 5);
  softmax_regression const options{.tolerance = 1e-9};
  auto const near = options.fit(s.x, s.y, 3).probabilities(s.x);
  for (std::size_t i = 0; i < 900; ++i)
    s.x.data()[i] += 1048576.0;  // a power of two: few digits are lost on entry
  CHECK(gap(options.fit(s.x, s.y, 3).probabilities(s.x), near) < 1e-6);
}

TEST_CASE("softmax_regression through the identity is plain softmax_regression") {
  auto const s = blobs(500, 3, 3, 6);
  auto const plain = softmax_regression{.l2 = 1e-2, .tolerance = 1e-9}.fit(s.x, s.y, 3);
  auto const forward =
      softmax_regression{.l2 = 1e-2, .transition = matrix<double>::identity(3), .tolerance = 1e-9}
          .fit(s.x, s.y, 3);
  CHECK(forward.objective == doctest::Approx(plain.objective).epsilon(1e-12));
  CHECK(gap(forward.weights, plain.weights) < 1e-6);
}

TEST_CASE(
    "softmax_regression through the exact transition recovers the clean posterior from noisy "
    "labels") {
  auto const s = blobs(20000, 3, 3, 7);
  //! [forward]
  matrix<double> const transition{{0.6, 0.4, 0.0}, {0.0, 0.7, 0.3}, {0.3, 0.1, 0.6}};
  auto const noisy = limpid::noise::from_transition(s.y, transition, {.seed = 1});

  auto const model =
      limpid::classify::softmax_regression{.transition = transition}.fit(s.x, noisy.labels, 3);
  matrix<double> const p = model.probabilities(s.x);  // of the true class
  //! [forward]

  auto const mean_gap = [&](matrix<double> const& q) {
    double sum = 0;
    for (std::size_t i = 0; i < q.rows() * 3; ++i)
      sum += std::abs(q.data()[i] - s.posterior.data()[i]);
    return sum / static_cast<double>(q.rows() * 3);
  };
  CHECK(model.converged);
  CHECK(mean_gap(p) < 0.02);
  CHECK(mean_gap(softmax_regression{}.fit(s.x, noisy.labels, 3).probabilities(s.x)) > 0.1);
  CHECK(mean_gap(softmax_regression{}.fit(s.x, s.y, 3).probabilities(s.x)) < 0.02);
}

TEST_CASE("soft targets: one-hot is labels, shares are weighted copies") {
  auto const s = blobs(200, 3, 3, 8);
  softmax_regression const options{.l2 = 1e-2, .tolerance = 1e-10};
  matrix<double> hot(200, 3);
  for (std::size_t i = 0; i < 200; ++i) hot(i, static_cast<std::size_t>(s.y[i])) = 1;
  auto const from_labels = options.fit(s.x, s.y, 3);
  CHECK(gap(options.fit_soft(s.x, hot).weights, from_labels.weights) < 1e-7);

  matrix<double> copies(600, 3);
  std::vector<int> y(600);
  std::vector<double> w(600);
  for (std::size_t i = 0; i < 200; ++i)
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t j = 0; j < 3; ++j) copies(3 * i + k, j) = s.x(i, j);
      y[3 * i + k] = static_cast<int>(k);
      w[3 * i + k] = s.posterior(i, k);
    }
  auto const soft = options.fit_soft(s.x, s.posterior);
  CHECK(gap(soft.weights, options.fit(copies, y, w, 3).weights) < 1e-7);
  CHECK(gap(soft.weights, from_labels.weights) > 1e-3);
}

TEST_CASE("weight 3 is the row three times, weight 0 is no row, a negative label is no row") {
  auto const s = blobs(100, 3, 3, 9);
  std::vector<double> w(100, 1);
  matrix<double> x(102 - 4, 3);
  std::vector<int> y;
  auto unlabelled = s.y;
  auto broken = s.x;
  std::size_t r = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    w[i] = i == 5 ? 3 : i % 25 == 1 ? 0 : 1;
    if (w[i] == 0) {
      unlabelled[i] = -1;
      broken(i, 0) = std::numeric_limits<double>::quiet_NaN();
    }
    for (int c = 0; c < static_cast<int>(w[i]); ++c, ++r) {
      for (std::size_t j = 0; j < 3; ++j) x(r, j) = s.x(i, j);
      y.push_back(s.y[i]);
    }
  }
  REQUIRE(r == 98);
  softmax_regression options{.l2 = 1e-2, .tolerance = 1e-11};
  auto const expected = options.fit(x, y, 3);
  CHECK(gap(options.fit(s.x, s.y, w, 3).weights, expected.weights) < 1e-8);
  std::vector<float> const single(w.begin(), w.end());
  CHECK(gap(options.fit(s.x, s.y, single, 3).weights, expected.weights) < 1e-8);
  CHECK(gap(options.fit(s.x, unlabelled, w, 3).weights, expected.weights) < 1e-8);
  options.validate = false;
  CHECK(gap(options.fit(broken, s.y, w, 3).weights, expected.weights) < 1e-8);
  CHECK(gap(options.fit(limpid::seq, broken, s.y, w, 3).weights, expected.weights) < 1e-8);
}

TEST_CASE("softmax_regression with a class that is absent, one class, one row, no features") {
  auto const s = blobs(200, 2, 2, 10);
  auto const four = softmax_regression{}.fit(s.x, s.y, 4);
  CHECK(four.converged);
  CHECK(four.classes_seen == limpid::vector<std::uint8_t>{1, 1, 0, 0});
  auto const p = four.probabilities(s.x);
  for (std::size_t i = 0; i < 200; ++i) {
    CHECK(p(i, 2) < 1e-3);
    CHECK(p(i, 0) + p(i, 1) + p(i, 2) + p(i, 3) == doctest::Approx(1));
  }

  auto const one = softmax_regression{}.fit(s.x, std::vector<int>(200, 0), 1);
  CHECK(one.converged);
  CHECK(one.iterations == 0);
  CHECK(one.probabilities(s.x)(3, 0) == 1);

  auto const single = softmax_regression{}.fit(matrix<double>{{1, 2}}, std::vector<int>{1}, 2);
  CHECK(single.probabilities(matrix<double>{{1, 2}})(0, 1) > 0.99);

  auto const bare = softmax_regression{.tolerance = 1e-9}.fit(matrix<double>(4, 0),
                                                              std::vector<int>{0, 1, 1, 1}, 2);
  CHECK(bare.probabilities(matrix<double>(1, 0))(0, 1) == doctest::Approx(0.75));
  CHECK(four.probabilities(matrix<double>(0, 2)).rows() == 0);
}

TEST_CASE("softmax_regression says how it ended") {
  auto const s = blobs(300, 3, 3, 11);
  auto const short_of = softmax_regression{.max_iterations = 2, .tolerance = 1e-9}.fit(s.x, s.y, 3);
  CHECK_FALSE(short_of.converged);
  CHECK(short_of.iterations == 2);
  CHECK_FALSE(softmax_regression{.max_iterations = 0}.fit(s.x, s.y, 3).converged);

  std::vector<double> told;
  auto const stopped = softmax_regression{
      .tolerance = 1e-9, .on_progress = [&](double done) {
        told.push_back(done);
        return told.size() < 3;
      }}.fit(s.x, s.y, 3);
  CHECK(stopped.stopped);
  CHECK(stopped.iterations == 3);
  CHECK(told == std::vector<double>{1 / 200.0, 2 / 200.0, 3 / 200.0});

  // a hyperplane separates: without a penalty the weights grow without end, with one they do not
  matrix<double> const x{{-1}, {-2}, {1}, {2}};
  std::vector<int> const y{0, 0, 1, 1};
  auto const free = softmax_regression{.l2 = 0, .tolerance = 0}.fit(x, y, 2);
  CHECK(free.objective < 1e-6);
  auto const held = softmax_regression{.l2 = 0.1, .tolerance = 1e-10}.fit(x, y, 2);
  CHECK(held.converged);
  // stationary: weights of the standardised feature are -v, v with l2 v = mean over rows of |z| (1
  // - p of its own class)
  double const v = held.weights(1, 0) * std::sqrt(2.5);
  double mean = 0;
  for (double at : {1.0, 2.0})
    mean += at / std::sqrt(2.5) / (1 + std::exp(2 * v * at / std::sqrt(2.5))) / 2;
  CHECK(0.1 * v == doctest::Approx(mean).epsilon(1e-8));
}

template <class T>
std::vector<double> flat(softmax_model const& m, matrix<T> const& x) {
  auto const p = m.probabilities(x);
  std::vector<double> out(p.data(), p.data() + p.rows() * p.cols());
  out.insert(out.end(), m.weights.data(), m.weights.data() + m.weights.rows() * m.weights.cols());
  return out;
}

TEST_CASE_TEMPLATE("every policy fits the same model, any strides, sizes around the tiles", T,
                   float, double) {
  softmax_regression const options{.l2 = 1e-2, .tolerance = 1e-9};
  for (std::size_t n : {std::size_t{63}, std::size_t{64}, limpid::ops::detail::row_tile - 1,
                        limpid::ops::detail::row_tile + 1}) {
    CAPTURE(n);
    auto const s = blobs<T>(n, 9, 5, 12);
    auto const wide = options.fit(s.x, s.y, 5);
    auto const plain = options.fit(limpid::seq, s.x, s.y, 5);
    CHECK(gap(wide.weights, plain.weights) < 1e-7);
    CHECK(gap(wide.probabilities(s.x), plain.probabilities(limpid::seq, s.x)) < 1e-7);
    for (int threads : {1, 2, 3, 7}) {
      limpid::par_policy par;
      par.threads = threads;
      CHECK(flat(options.fit(par, s.x, s.y, 5), s.x) == flat(wide, s.x));
    }
    limpid_test::device_matrix<T> const x(std::as_const(s.x).view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(s.y.data(), n));
    auto const far = options.fit(limpid_test::device, x, y, 5);
    CHECK(far.weights == plain.weights);
    CHECK(far.probabilities(limpid_test::device, x) == plain.probabilities(limpid::seq, s.x));
    CHECK(far.predict(limpid_test::device, x) == plain.predict(s.x));

    matrix<T> turned(9, n), padded(n, 12, std::numeric_limits<T>::quiet_NaN());
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < 9; ++j) turned(j, i) = padded(i, j) = s.x(i, j);
    CHECK(options.fit(turned.view().transposed(), s.y, 5).weights == wide.weights);
    limpid::matrix_view<T const> const window(padded.data(), n, 9, 12, 1);
    CHECK(options.fit(window, s.y, 5).weights == wide.weights);

    matrix<float> into(n, 5);
    wide.probabilities(limpid::simd, s.x, into);
    CHECK(static_cast<double>(into(n - 1, 2)) ==
          doctest::Approx(wide.probabilities(s.x)(n - 1, 2)).epsilon(1e-6));
  }
}

TEST_CASE("softmax_regression says what is wrong with its input") {
  auto const s = blobs(20, 2, 2, 13);
  double const nan = std::numeric_limits<double>::quiet_NaN();
  using limpid::input_error;
  softmax_regression const fit{};
  CHECK_THROWS_WITH_AS((void)fit.fit(s.x, std::vector<int>(19), 2),
                       "classify::softmax_regression: features has 20 rows, labels has 19",
                       input_error);
  CHECK_THROWS_WITH_AS((void)fit.fit(s.x, s.y, std::vector<double>(21, 1), 2),
                       "classify::softmax_regression: features has 20 rows, weights has 21",
                       input_error);
  CHECK_THROWS_WITH_AS((void)fit.fit(s.x, s.y, 0),
                       "classify::softmax_regression: classes is 0; give the number of classes",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)(softmax_regression{.l2 = -1e-9}.fit(s.x, s.y, 2)),
      "classify::softmax_regression: l2 is -1e-09; it must be finite and at least 0", input_error);
  CHECK_NOTHROW((void)(softmax_regression{.l2 = 0}.fit(s.x, s.y, 2)));
  CHECK_THROWS_AS((void)(softmax_regression{.l2 = nan}.fit(s.x, s.y, 2)), input_error);
  CHECK_THROWS_WITH_AS((void)(softmax_regression{.tolerance = 1}.fit(s.x, s.y, 2)),
                       "classify::softmax_regression: tolerance is 1; it must be in [0, 1)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)(softmax_regression{.transition = {{1}}}.fit(s.x, s.y, 2)),
                       "classify::softmax_regression: transition is 1 x 1; it must be 2 x 2",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)(softmax_regression{.transition = {{0.5, 0.5}, {0.5, 0.6}}}.fit(s.x, s.y, 2)),
      "classify::softmax_regression: transition row 1 sums to 1.1; rows must be probability "
      "distributions (tolerance 1e-3)",
      input_error);
  softmax_regression const impossible{.transition = {{1, 0}, {1, 0}}};
  CHECK_THROWS_WITH_AS((void)impossible.fit(s.x, s.y, 2),
                       "classify::softmax_regression: transition column 1 is 0, but rows are "
                       "labelled 1; a label that "
                       "occurs must be possible",
                       input_error);
  CHECK_NOTHROW((void)impossible.fit(s.x, std::vector<int>(20, 0), 2));
  CHECK_THROWS_WITH_AS((void)impossible.fit_soft(s.x, s.posterior),
                       "classify::softmax_regression: transition corrects labels; it cannot be "
                       "used with soft targets",
                       input_error);
  auto y = s.y;
  y[4] = 2;
  CHECK_THROWS_WITH_AS((void)fit.fit(s.x, y, 2),
                       "classify::softmax_regression: labels row 4 is 2; labels must be 0..1, or "
                       "negative for unlabelled",
                       input_error);
  auto x = s.x;
  x(3, 1) = nan;
  CHECK_THROWS_WITH_AS(
      (void)fit.fit(x, s.y, 2),
      "classify::softmax_regression: features row 3 has an entry that is not finite", input_error);
  x(3, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS((void)fit.fit(x, s.y, 2), input_error);
  std::vector<double> w(20, 1);
  w[2] = -1;
  CHECK_THROWS_WITH_AS(
      (void)fit.fit(s.x, s.y, w, 2),
      "classify::softmax_regression: weights row 2 is negative; weights must be at least 0",
      input_error);
  CHECK_THROWS_WITH_AS((void)fit.fit(s.x, s.y, std::vector<double>(20, 0), 2),
                       "classify::softmax_regression: no row has a label and a positive weight; "
                       "nothing can be fitted",
                       input_error);
  CHECK_THROWS_AS((void)fit.fit(matrix<double>(0, 2), std::vector<int>{}, 2), input_error);
  auto q = s.posterior;
  q(6, 0) = 2;
  CHECK_THROWS_AS((void)fit.fit_soft(s.x, q), input_error);
  auto const model = fit.fit(s.x, s.y, 2);
  CHECK_THROWS_WITH_AS(
      (void)model.probabilities(matrix<double>(3, 5)),
      "classify::softmax_model: features have 5 columns, the model was fitted on 2", input_error);
  matrix<double> small(20, 3);
  CHECK_THROWS_AS(model.probabilities(limpid::simd, s.x, small), input_error);
  CHECK_THROWS_AS((void)softmax_model{}.probabilities(s.x), input_error);
}

TEST_CASE("lbfgs finds minima of functions whose minima are known") {
  using limpid::ops::lbfgs;
  using limpid::ops::numbers;
  auto const on = [](std::size_t) { return true; };
  numbers x{-1.2, 1};
  auto const rosenbrock = [](numbers const& p, numbers& g) {
    double const a = 1 - p[0], b = p[1] - p[0] * p[0];
    g = {-2 * a - 400 * p[0] * b, 200 * b};
    return a * a + 100 * b * b;
  };
  auto const r = lbfgs(x, rosenbrock, on, {.tolerance = 1e-12});
  CHECK(r.converged);
  CHECK(std::abs(x[0] - 1) < 1e-8);
  CHECK(std::abs(x[1] - 1) < 1e-8);

  numbers q(30, 1);
  auto const stretched = [](numbers const& p, numbers& g) {
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      double const c = std::pow(10, static_cast<double>(i) / 6);
      g[i] = c * (p[i] - 3);
      sum += 0.5 * c * (p[i] - 3) * (p[i] - 3);
    }
    return sum;
  };
  auto const ended = lbfgs(q, stretched, on, {.max_iterations = 2000, .tolerance = 1e-10});
  CHECK(ended.converged);
  for (double v : q) CHECK(v == doctest::Approx(3).epsilon(1e-4));

  numbers l{5};  // -log(p) + p is no number below 0: steps that leave are taken back
  auto const barrier = [](numbers const& p, numbers& g) {
    g[0] = 1 - 1 / p[0];
    return p[0] - std::log(p[0]);
  };
  l[0] = 1e-3;
  CHECK(lbfgs(l, barrier, on, {.tolerance = 1e-12}).converged);
  CHECK(l[0] == doctest::Approx(1).epsilon(1e-8));

  numbers best{1, 1};
  auto const still = lbfgs(best, rosenbrock, on, {});
  CHECK(still.converged);
  CHECK(still.evaluations == 1);
}

}  // namespace
