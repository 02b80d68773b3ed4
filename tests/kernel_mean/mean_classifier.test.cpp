// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/mean_classifier.hpp>

#include <limpid/classify/classifier.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/shrink.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::matrix;
using limpid::kernel_mean::mean_classifier;
using limpid::kernel_mean::mean_rule;
static_assert(limpid::classify::classifier<mean_classifier<>>);
static_assert(limpid::classify::classifier<mean_classifier<>, limpid::par_policy, float>);
static_assert(limpid::classify::classifier<mean_classifier<>, limpid_test::device_policy>);

limpid::vector_view<double const> const all_one{};

struct classes_data {
  matrix<double> x;
  limpid::vector<int> y, truth;
};
classes_data make(std::size_t n, std::size_t d, double share, std::uint64_t seed) {
  classes_data out{matrix<double>(n, d), limpid::vector<int>(n), limpid::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    out.truth[i] = static_cast<int>(i % 3);
    for (std::size_t c = 0; c < d; ++c)
      out.x(i, c) = 2 * (draw.uniform() + draw.uniform() + draw.uniform() - 1.5) +
                    (static_cast<int>(c % 3) == out.truth[i] ? 1.5 : 0);
    out.y[i] = draw.uniform() < share ? (out.truth[i] + 1) % 3 : out.truth[i];
  }
  return out;
}
template <class C>
matrix<double> posterior(C const& c, matrix<double> const& x, limpid::vector<int> const& y,
                         std::size_t classes, matrix<double> const& queries) {
  auto const model = c.fit(limpid::simd, x, y, all_one, classes);
  matrix<double> p(queries.rows(), classes);
  model.probabilities(limpid::simd, queries, p);
  return p;
}

}  // namespace

TEST_CASE("mean_classifier: density is the Parzen vote, written out; weights are repeated rows") {
  auto const d = make(60, 2, 0, 3), q = make(20, 2, 0, 4);
  auto const k = kernels::laplacian(0.7);
  auto const p = posterior(mean_classifier<>{.kernel = k}, d.x, d.y, 4, q.x);
  for (std::size_t i = 0; i < 20; ++i) {
    double votes[4] = {}, total = 0;
    for (std::size_t j = 0; j < 60; ++j) {
      double const v = k(q.x.view().row(i), d.x.view().row(j));
      votes[d.y[j]] += v;
      total += v;
    }
    for (std::size_t c = 0; c < 4; ++c)
      CHECK(p(i, c) == doctest::Approx(votes[c] / total).epsilon(1e-12));
  }
  // row 0 three times, row 1 left out, row 2 unlabelled
  matrix<double> again(60, 2);
  limpid::vector<int> y(60), marked = d.y;
  std::vector<double> w(60, 1.0);
  w[0] = 3, w[1] = 0, marked[2] = -1;
  for (std::size_t i = 0; i < 60; ++i) {
    std::size_t const from = i == 1 || i == 2 ? 0 : i;
    y[i] = d.y[from];
    for (std::size_t c = 0; c < 2; ++c) again(i, c) = d.x(from, c);
  }
  for (bool shrink : {false, true}) {
    mean_classifier<> const c{.kernel = k, .shrink = shrink};
    matrix<double> a(20, 3);
    c.fit(limpid::simd, d.x, marked, w, 3).probabilities(limpid::simd, q.x, a);
    auto const b = posterior(c, again, y, 3, q.x);
    if (!shrink)
      for (std::size_t e = 0; e < 60; ++e)
        CHECK(a.data()[e] == doctest::Approx(b.data()[e]).epsilon(1e-12));
    else
      for (std::size_t e = 0; e < 60; ++e) CHECK(std::fabs(a.data()[e] - b.data()[e]) < 0.05);
  }
}

TEST_CASE("mean_classifier: distance to class means, by hand with the linear kernel") {
  // class 0: -1 1 -> mean 0; class 1: 4 6 -> mean 5; spread 1; at 2: distances 4 and 9
  matrix<double> const x{{-1.0}, {1.0}, {4.0}, {6.0}}, q{{2.0}};
  limpid::vector<int> const y{0, 0, 1, 1};
  mean_classifier<> const c{.kernel = kernels::linear(), .rule = mean_rule::distance};
  auto const p = posterior(c, x, y, 2, q);
  CHECK(p(0, 0) == doctest::Approx(1 / (1 + std::exp(-2.5))));
  mean_classifier<> wide = c;
  wide.spread = 5;
  CHECK(posterior(wide, x, y, 2, q)(0, 0) == doctest::Approx(1 / (1 + std::exp(-0.5))));
  // a class of equal rows only: certain, not undefined
  auto const sure =
      posterior(c, matrix<double>{{1.0}, {1.0}, {2.0}}, limpid::vector<int>{0, 0, 1}, 2, q);
  CHECK(sure(0, 1) == 1);
}

TEST_CASE("mean_classifier: shrinkage is kernel_mean::shrink towards the mean of all") {
  auto const d = make(30, 2, 0, 5);
  auto const k = kernels::gaussian(0.6);
  auto const model =
      mean_classifier<>{.kernel = k, .shrink = true}.fit(limpid::simd, d.x, d.y, all_one, 3);
  std::vector<double> const even(30, 1.0 / 30);
  for (int c = 0; c < 3; ++c) {
    std::vector<std::vector<double>> own;
    for (std::size_t i = 0; i < 30; ++i)
      if (d.y[i] == c) own.push_back({d.x(i, 0), d.x(i, 1)});
    auto const want = limpid::kernel_mean::shrink(k, limpid::to<matrix<double>>(own), d.x, even);
    CHECK(model.alpha[static_cast<std::size_t>(c)] == doctest::Approx(want.alpha).epsilon(1e-9));
    CHECK(model.norm2[static_cast<std::size_t>(c)] == doctest::Approx(want.norm2).epsilon(1e-9));
  }
}

TEST_CASE("mean_classifier: tells classes apart behind wrong labels") {
  auto const train = make(600, 6, 0.3, 7), test = make(600, 6, 0, 8);
  //! [mean_classifier]
  limpid::kernel_mean::mean_classifier<> const classifier{.kernel =
                                                              limpid::kernels::gaussian(0.05)};
  limpid::vector_view<double const> const weights{};  // all 1
  auto const model = classifier.fit(limpid::simd, train.x, train.y, weights, 3);
  auto const predicted = model.predict(limpid::simd, test.x);
  //! [mean_classifier]
  double right = 0;
  for (std::size_t i = 0; i < 600; ++i) right += predicted[i] == test.truth[i] ? 1.0 / 600 : 0;
  MESSAGE("right: " << right);
  CHECK(right > 0.75);
}

TEST_CASE("mean_classifier: policies, devices, float32, far rows, absent classes") {
  auto const d = make(2050, 3, 0.1, 9), q = make(50, 3, 0, 10);
  for (auto rule : {mean_rule::density, mean_rule::distance}) {
    mean_classifier<> const c{.kernel = kernels::gaussian(0.3), .rule = rule, .shrink = true};
    auto const p = posterior(c, d.x, d.y, 3, q.x);
    matrix<double> plain(50, 3), threaded(50, 3);
    c.fit(limpid::seq, d.x, d.y, all_one, 3).probabilities(limpid::seq, q.x, plain);
    limpid::par_policy const par{.threads = 3};
    c.fit(par, d.x, d.y, all_one, 3).probabilities(par, q.x, threaded);
    CHECK(threaded == p);
    matrix<float> single(2050, 3), queries(50, 3), out(50, 3);
    for (std::size_t e = 0; e < 2050 * 3; ++e) single.data()[e] = static_cast<float>(d.x.data()[e]);
    for (std::size_t e = 0; e < 150; ++e) queries.data()[e] = static_cast<float>(q.x.data()[e]);
    c.fit(limpid::simd, single, d.y, all_one, 3).probabilities(limpid::simd, queries, out);
    for (std::size_t e = 0; e < 150; ++e) {
      CHECK(plain.data()[e] == doctest::Approx(p.data()[e]).epsilon(1e-9));
      CHECK(std::fabs(static_cast<double>(out.data()[e]) - p.data()[e]) < 1e-4);
    }
  }
  auto const s = make(40, 3, 0.1, 11);
  limpid_test::device_matrix<double> const x(s.x.view());
  limpid_test::device_vector<int> const y(s.y.view());
  mean_classifier<> const c{.kernel = kernels::gaussian(0.3), .shrink = true};
  limpid::vector_view<double const, limpid::memory_space::device> const none{};
  auto const there = c.fit(limpid_test::device, x, y, none, 3);
  auto const here = c.fit(limpid::seq, s.x, s.y, all_one, 3);
  CHECK(there.alpha == here.alpha);
  CHECK(there.predict(limpid_test::device, x) == here.predict(limpid::seq, s.x));

  // out of the kernel's reach: the prior; a class without rows: 0
  matrix<double> const far(1, 3, 1e4);
  auto const p = posterior(c, s.x, s.y, 5, far);
  CHECK(p(0, 4) == 0);
  CHECK(p(0, 0) + p(0, 1) + p(0, 2) == doctest::Approx(1));
  CHECK(p(0, 0) == doctest::Approx(here.prior[0]));
  // a class of one row is shrunk to the mean of all; one class alone is certain
  limpid::vector<int> lonely = s.y;
  for (int& v : lonely) v = v == 2 ? 1 : v;
  lonely[7] = 2;
  CHECK(c.fit(limpid::simd, s.x, lonely, all_one, 3).alpha[2] == 1);
  CHECK(posterior(c, s.x, limpid::vector<int>(40), 1, far)(0, 0) == 1);
}

TEST_CASE("mean_classifier: bad input") {
  mean_classifier<> c{.kernel = kernels::linear()};
  matrix<double> x(3, 2);
  limpid::vector<int> const y{0, 1, 0};
  auto const fit = [&](auto const& labels, std::size_t classes) {
    return c.fit(limpid::simd, x, labels, all_one, classes).rows;
  };
  CHECK_THROWS_WITH_AS(fit(y, 2),
                       "kernel_mean::mean_classifier: the kernel depends on x.z and may be "
                       "negative; take mean_rule::distance",
                       input_error);
  c.rule = mean_rule::distance;
  CHECK(fit(y, 2) == 3);
  c.spread = -1;
  CHECK_THROWS_WITH_AS(fit(y, 2), doctest::Contains("spread is -1"), input_error);
  c = {.kernel = kernels::gaussian(1)};
  CHECK_THROWS_WITH_AS(fit(y, 0), doctest::Contains("classes is 0"), input_error);
  CHECK_THROWS_WITH_AS(fit(y, 1), doctest::Contains("labels row 1 is 1"), input_error);
  CHECK_THROWS_WITH_AS(fit(limpid::vector<int>{0, 1}, 2), doctest::Contains("labels has 2"),
                       input_error);
  CHECK_THROWS_WITH_AS(fit(limpid::vector<int>{-1, -1, -1}, 2),
                       doctest::Contains("there is no mean"), input_error);
  CHECK_THROWS_WITH_AS(c.fit(limpid::simd, x, y, std::vector<double>{1, -1, 1}, 2),
                       doctest::Contains("weights row 1"), input_error);
  auto const model = c.fit(limpid::simd, x, y, all_one, 2);
  matrix<double> out(3, 3);
  CHECK_THROWS_WITH_AS(model.probabilities(limpid::simd, x, out), doctest::Contains("out is 3 x 3"),
                       input_error);
  CHECK_THROWS_WITH_AS(model.predict(limpid::simd, matrix<double>(1, 3)),
                       doctest::Contains("fitted on 2"), input_error);
  c.kernel = kernels::sigmoid(1);
  CHECK_THROWS_WITH_AS(fit(y, 2), doctest::Contains("sigmoid"), input_error);
  c.kernel = kernels::gaussian(1);
  x(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(fit(y, 2), doctest::Contains("features row 1"), input_error);
}
