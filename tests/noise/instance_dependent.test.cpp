// SPDX-License-Identifier: BSL-1.0
#include <limpid/noise/instance_dependent.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

using limpid::matrix;
using limpid::noise::instance_dependent;
namespace d_ = limpid::noise::detail;

struct golden_law {
  matrix<double> x, p;
  std::vector<std::size_t> y;
  std::vector<matrix<double>> w;
  limpid::vector<double> q, zero, one;
  auto law(std::size_t row) const {
    return d_::class_law<double, limpid::memory_space::host>{x.view(), zero.view(),      one.view(),
                                                             q.view(), w[y[row]].view(), y[row]};
  }
};
golden_law read() {
  auto const g =
      limpid_test::golden("noise_generators.json")["expected"]["xia2020_instance_dependent"];
  auto const to_matrix = [](limpid_test::golden_value const& j) {
    matrix<double> m(j.size(), j[0].size());
    for (std::size_t r = 0; r < m.rows(); ++r)
      for (std::size_t c = 0; c < m.cols(); ++c) m(r, c) = j[r][c];
    return m;
  };
  golden_law out{
      to_matrix(g["X"]), to_matrix(g["P"]), g["y"].get<std::vector<std::size_t>>(), {}, {}, {}, {}};
  for (auto const& w : g["W_[clean][d][noisy]"]) out.w.push_back(to_matrix(w));
  out.q = limpid::vector<double>(g["q"].get<std::vector<double>>());
  out.zero = limpid::vector<double>(out.x.cols());
  out.one = limpid::vector<double>(out.x.cols(), 1.0);
  return out;
}

TEST_CASE("given W and q, the law of a row is the published generator's") {
  auto const g = read();
  for (std::size_t i = 0; i < g.x.rows(); ++i) {
    std::vector<double> p(g.p.cols());
    g.law(i).add(i, p.data());
    for (std::size_t k = 0; k < p.size(); ++k) CHECK(std::abs(p[k] - g.p(i, k)) < 1e-12);
  }
}

// golden: UCSC-REAL/HOC f26a6eb data/utils.noisify_instance, with W and q given
TEST_CASE("with one W for all classes the law is that of HOC's generator") {
  auto g = read();
  auto const h = limpid_test::golden("noise_generators.json")["expected"]["hoc_shared_W_variant"];
  auto const p = limpid_test::to_matrix(h["P"]);
  g.w.assign(g.w.size(), limpid_test::to_matrix(h["W"]));
  for (std::size_t i = 0; i < g.x.rows(); ++i) {
    std::vector<double> row(p.cols());
    g.law(i).add(i, row.data());
    for (std::size_t k = 0; k < row.size(); ++k) CHECK(std::abs(row[k] - p(i, k)) < 1e-12);
  }
}

TEST_CASE("draws follow the law") {
  auto const g = read();
  std::size_t const K = g.p.cols();
  for (std::size_t i = 0; i < g.x.rows(); ++i) {
    std::vector<double> count(K);
    for (std::uint64_t seed = 0; seed < 20000; ++seed) ++count[g.law(i).draw(i, seed)];
    double chi = 0;
    for (std::size_t k = 0; k < K; ++k)
      chi += std::pow(count[k] - 20000 * g.p(i, k), 2) / (20000 * g.p(i, k));
    double const tail = boost::math::cdf(
        boost::math::complement(boost::math::chi_squared(static_cast<double>(K - 1)), chi));
    CHECK(tail > 1e-4);
  }
}

TEST_CASE("flip rates are a normal law cut to [0, 1], weights a normal law") {
  std::size_t const n = 40000;
  for (double rate : {0.02, 0.5}) {
    limpid::vector<double> q(n);
    limpid::ops::for_rows(limpid::seq, n,
                          d_::draw_rates<limpid::memory_space::host>{rate, 0.1, 7, q.view()});
    boost::math::normal const normal(rate, 0.1);
    double const low = boost::math::cdf(normal, 0.0), mass = boost::math::cdf(normal, 1.0) - low;
    double chi = 0;
    std::vector<double> count(20);
    for (double v : q) {
      REQUIRE(v >= 0);
      REQUIRE(v <= 1);
      ++count[(std::min)(std::size_t{19}, static_cast<std::size_t>(
                                              20 * (boost::math::cdf(normal, v) - low) / mass))];
    }
    for (double c : count) chi += (c - n / 20.0) * (c - n / 20.0) / (n / 20.0);
    double const tail =
        boost::math::cdf(boost::math::complement(boost::math::chi_squared(19), chi));
    CHECK(tail > 1e-4);
    CHECK(tail < 1 - 1e-4);
  }
  matrix<double> w(5000, 5);
  limpid::ops::for_rows(limpid::seq, 5000,
                        d_::draw_weights<limpid::memory_space::host>{1, 16, w.view()});
  double sum = 0, square = 0, cross = 0;
  for (std::size_t i = 0; i < 5000; ++i) {
    cross += w(i, 0) * w(i, 1);
    for (std::size_t k = 0; k < 5; ++k) {
      sum += w(i, k);
      square += w(i, k) * w(i, k);
    }
  }
  CHECK(std::abs(sum / 25000) < 4 / std::sqrt(25000.0));
  CHECK(std::abs(square / 25000 - 1) < 4 * std::sqrt(2.0 / 25000));
  CHECK(std::abs(cross / 5000) < 4 / std::sqrt(5000.0));
}

struct sample {
  matrix<double> x;
  std::vector<int> y;
};
sample rows(std::size_t n, std::size_t d, int K) {
  sample s{matrix<double>(n, d), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    s.y[i] = static_cast<int>(i) % K;
    for (std::size_t j = 0; j < d; ++j)
      s.x(i, j) = 100 + 10 * limpid::random_stream(4, static_cast<std::uint32_t>(j), i).uniform();
  }
  return s;
}

TEST_CASE(
    "instance-dependent noise meets its rate and its expected matrix, and depends on the "
    "features") {
  auto const [x, y] = rows(40000, 4, 4);
  //! [instance_dependent]
  auto const noisy = limpid::noise::instance_dependent(x, y, 4, {.rate = 0.3, .seed = 1});
  // noisy.labels, noisy.realised (as drawn), noisy.expected (the law, averaged per class)
  //! [instance_dependent]

  CHECK(std::abs(noisy.realised_rate - 0.3) < 0.01);
  for (std::size_t i = 0; i < 4; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      sum += noisy.expected(i, j);
      CHECK(std::abs(noisy.realised(i, j) - noisy.expected(i, j)) < 4 * 0.005);
    }
    CHECK(sum == doctest::Approx(1));
  }
  // among the flipped rows of class 0, those that became 1 and those that became 2 lie apart
  double mean[2][4] = {}, count[2] = {};
  for (std::size_t i = 0; i < y.size(); ++i)
    if (y[i] == 0 && (noisy.labels[i] == 1 || noisy.labels[i] == 2)) {
      int const side = noisy.labels[i] - 1;
      ++count[side];
      for (std::size_t j = 0; j < 4; ++j) mean[side][j] += x(i, j);
    }
  double far = 0;
  for (std::size_t j = 0; j < 4; ++j)
    far = (std::max)(far, std::abs(mean[0][j] / count[0] - mean[1][j] / count[1]));
  CHECK(far > 1);  // the columns' standard deviation is 2.9

  auto const quick = instance_dependent(x, y, 4, {.rate = 0.3, .seed = 1, .expected = false});
  CHECK(quick.expected.empty());
  CHECK(quick.labels == noisy.labels);
  // raw features of size 100 send the wrong labels of a class to one class
  auto const raw = instance_dependent(x, y, 4, {.rate = 0.3, .seed = 1, .standardise = false});
  for (std::size_t i = 0; i < 4; ++i) {
    double top = 0;
    for (std::size_t j = 0; j < 4; ++j)
      if (j != i) top = (std::max)(top, raw.realised(i, j));
    CHECK(top > 0.95 * (1 - raw.realised(i, i)));
  }
}

TEST_CASE(
    "rate 0 changes nothing, rate 1 everything; two classes, absent classes, unlabelled rows, a "
    "constant feature, no rows") {
  auto [x, y] = rows(2049, 3, 3);
  CHECK(instance_dependent(x, y, 3, {.rate = 0, .deviation = 0}).realised ==
        matrix<double>::identity(3));
  CHECK(instance_dependent(x, y, 3, {.rate = 1, .deviation = 0}).realised_rate == 1);
  for (std::size_t i = 0; i < 2049; ++i) x(i, 2) = 0.1;
  y[0] = -1;
  auto const r = instance_dependent(x, y, 5, {.rate = 0.5});
  CHECK(r.labels[0] == -1);
  CHECK(r.flipped[0] == 0);
  CHECK(r.class_rows[4] == 0);
  CHECK(r.expected(4, 4) == 1);
  CHECK(std::abs(r.realised_rate - 0.5) < 0.05);
  auto const two =
      instance_dependent(x, std::vector<int>(2049, 1), 2, {.rate = 0.4, .deviation = 0});
  CHECK(two.expected(1, 0) == doctest::Approx(0.4));
  CHECK(instance_dependent(x, std::vector<int>(2049, 0), 1, {.rate = 0, .deviation = 0})
            .realised_rate == 0);
  CHECK(instance_dependent(matrix<double>(0, 3), std::vector<int>{}, 2).labels.empty());
  CHECK(instance_dependent(matrix<double>(1, 3, 2.0), std::vector<int>{1}, 2,
                           {.rate = 1, .deviation = 0})
            .labels[0] == 0);
}

TEST_CASE("shared weights are those of class 0; rates are cut at max_rate") {
  auto [x, y] = rows(6000, 3, 3);
  auto const own = instance_dependent(x, y, 3, {.rate = 0.4, .seed = 5});
  auto const shared = instance_dependent(x, y, 3, {.rate = 0.4, .shared_weights = true, .seed = 5});
  bool same = true;
  for (std::size_t i = 0; i < 6000; ++i)
    if (y[i] == 0)
      CHECK(own.labels[i] == shared.labels[i]);
    else
      same = same && own.labels[i] == shared.labels[i];
  CHECK_FALSE(same);
  limpid::vector<double> q(20000);
  limpid::ops::for_rows(limpid::seq, 20000,
                        d_::draw_rates<limpid::memory_space::host>{0.5, 0.1, 7, q.view(), 0.6});
  double mean = 0;
  for (double v : q) {
    REQUIRE(v <= 0.6);
    mean += v / 20000;
  }
  // E of N(0.5, 0.1) below 0.6: 0.5 - 0.1 phi(1) / Phi(1)
  CHECK(std::abs(mean - (0.5 - 0.1 * 0.24197072 / 0.84134475)) < 4 * 0.1 / std::sqrt(20000));
  CHECK(instance_dependent(x, y, 3, {.rate = 0.5, .max_rate = 0.6}).realised_rate < 0.5);
  CHECK_THROWS_WITH_AS(
      (void)instance_dependent(x, y, 3, {.rate = 0.5, .max_rate = 0.4}),
      "noise::instance_dependent: max_rate is 0.4; it must be in (0, 1] and at least the rate",
      limpid::input_error);
}

TEST_CASE_TEMPLATE("the same draws under every policy and any strides", T, float, double) {
  for (std::size_t n : {limpid::ops::detail::row_tile, limpid::ops::detail::row_tile + 1}) {
    auto const [wide, y] = rows(n, 3, 3);
    matrix<T> x(n, 3), turned(3, n);
    for (std::size_t i = 0; i < 3 * n; ++i)
      turned(i % 3, i / 3) = x.data()[i] = static_cast<T>(wide.data()[i]);
    auto const r = instance_dependent(x, y, 3, {.seed = 3});
    CHECK(instance_dependent(limpid::seq, x, y, 3, {.seed = 3}).labels == r.labels);
    CHECK(instance_dependent(turned.view().transposed(), y, 3, {.seed = 3}).labels == r.labels);
    CHECK(instance_dependent(x, y, 3, {.seed = 4}).labels != r.labels);
    for (int threads : {1, 2, 3, 7}) {
      limpid::par_policy par;
      par.threads = threads;
      auto const q = instance_dependent(par, x, y, 3, {.seed = 3});
      CHECK(q.labels == r.labels);
      CHECK(q.expected == r.expected);
    }
    limpid_test::device_matrix<T> const far(std::as_const(x).view());
    limpid_test::device_vector<int> const labels(limpid::vector_view<int const>(y.data(), n));
    CHECK(instance_dependent(limpid_test::device, far, labels, 3, {.seed = 3}).labels == r.labels);
  }
}

TEST_CASE("instance_dependent says what is wrong with its input") {
  using limpid::input_error;
  auto [x, y] = rows(6, 2, 2);
  CHECK_THROWS_WITH_AS((void)instance_dependent(x, y, 2, {.rate = 1.1}),
                       "noise::instance_dependent: rate is 1.1; it must be in [0, 1]", input_error);
  CHECK_THROWS_WITH_AS((void)instance_dependent(x, y, 2, {.deviation = -0.1}),
                       "noise::instance_dependent: deviation is -0.1; it must be in [0, 1]",
                       input_error);
  CHECK_NOTHROW((void)instance_dependent(x, y, 2, {.rate = 1, .deviation = 1}));
  CHECK_THROWS_WITH_AS(
      (void)instance_dependent(x, std::vector<int>(6, 0), 1),
      "noise::instance_dependent: classes is 1; labels cannot change among one class", input_error);
  CHECK_THROWS_AS((void)instance_dependent(x, y, 0), input_error);
  CHECK_THROWS_WITH_AS((void)instance_dependent(x, std::vector<int>(5, 0), 2),
                       "noise::instance_dependent: features has 6 rows, labels has 5", input_error);
  CHECK_THROWS_WITH_AS((void)instance_dependent(x, std::vector<int>(6, 2), 2),
                       "noise::instance_dependent: labels row 0 is 2; labels must be 0..1, or "
                       "negative for unlabelled",
                       input_error);
  x(4, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS((void)instance_dependent(x, y, 2),
                       "noise::instance_dependent: features row 4 has an entry that is not finite",
                       input_error);
}

}  // namespace
