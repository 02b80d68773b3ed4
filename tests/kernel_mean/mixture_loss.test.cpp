// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/mixture_loss.hpp>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/inner_product.hpp>
#include <limpid/kernel_mean/marginalised.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace {

namespace kernels = limpid::kernels;
namespace corruption = limpid::kernel_mean::corruption;
using limpid::input_error;
using limpid::kernel_function;
using limpid::matrix;
using limpid::kernel_mean::corruption_model;
using limpid::kernel_mean::evaluate_marginalised;
using limpid::kernel_mean::gaussian_mixture;
using limpid::kernel_mean::mixture_loss;
using family = corruption_model::family;

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

gaussian_mixture mixture_of(limpid_test::golden_value const& g) {
  gaussian_mixture m;
  m.weights = limpid::vector<double>(g["pi"].get<std::vector<double>>());
  m.means = limpid_test::to_matrix(g["theta"]);
  std::size_t const C = m.means.rows(), d = m.means.cols();
  m.covariances = matrix<double>(C * d, d);
  for (std::size_t k = 0; k < C; ++k) {
    auto const s = limpid_test::to_matrix(g["Sigma"][k]);
    for (std::size_t r = 0; r < d; ++r)
      for (std::size_t c = 0; c < d; ++c) m.covariances(k * d + r, c) = s(r, c);
  }
  return m;
}

/// Two components in 2 columns, with correlation.
gaussian_mixture small_mixture() {
  return {{0.3, 0.7},
          matrix<double>{{1, 0.5}, {-0.4, 0.8}},
          matrix<double>{{0.5, 0.2}, {0.2, 0.4}, {0.3, -0.1}, {-0.1, 0.6}}};
}
double normal(limpid::random_stream& draw) {
  double const u = 1 - draw.uniform(), angle = 6.283185307179586 * draw.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(angle);
}
matrix<double> draws_of(gaussian_mixture const& m, std::size_t n, std::uint64_t seed) {
  matrix<double> x(n, 2);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    std::size_t const k = draw.uniform() < m.weights[0] ? 0 : 1;
    double const a = normal(draw), b = normal(draw), l = std::sqrt(m.covariances(2 * k, 0)),
                 s = m.covariances(2 * k + 1, 0) / l,
                 t = std::sqrt(m.covariances(2 * k + 1, 1) - s * s);
    x(i, 0) = m.means(k, 0) + l * a;
    x(i, 1) = m.means(k, 1) + s * a + t * b;
  }
  return x;
}
std::vector<kernel_function> four_kernels() {
  return {kernels::linear(), kernels::polynomial(2, 0.8, 0.5), kernels::polynomial(3, 0.8, 0.5),
          kernels::gaussian(0.4)};
}

}  // namespace

TEST_CASE("mixture_loss: one point, one normal, by hand") {
  // x = 1, y ~ N(2, 3). Linear: (1 - 2)^2. (x y + 1)^2: 2^2 - 2 E (y + 1)^2 + E (y y' + 1)^2 with
  // E y^2 = 7: 4 - 2 (7 + 4 + 1) + (49 + 2 * 4 + 1).
  gaussian_mixture const m{{1}, matrix<double>{{2}}, matrix<double>{{3}}};
  matrix<double> const x{{1.0}};
  CHECK(close(mixture_loss(kernels::linear(), x, m).loss, 1));
  auto const p = mixture_loss(kernels::polynomial(2), x, m);
  CHECK(close(p.norm2, 4));
  CHECK(close(p.inner, 12));
  CHECK(close(p.mixture_norm2, 58));
  CHECK(close(p.loss, 38));
  // exp(-(x - y)^2 / 2): (1 + 3)^(-1/2) exp(-1 / 8), and (1 + 6)^(-1/2)
  auto const g = mixture_loss(kernels::gaussian(0.5), x, m);
  CHECK(close(g.expectation[0], 0.5 * std::exp(-0.125)));
  CHECK(close(g.mixture_norm2, 1 / std::sqrt(7.0)));
  // A point mass on the point itself.
  gaussian_mixture const point{{1}, matrix<double>{{1}}, matrix<double>{{0}}};
  for (auto const& k : four_kernels()) CHECK(mixture_loss(k, x, point).loss < 1e-14);
}

TEST_CASE("mixture_loss: golden values, numpy against Monte Carlo") {
  auto const g = limpid_test::golden("kme_mog_loss.json");
  auto const m = mixture_of(g);
  auto const x = limpid_test::to_matrix(g["X"]);
  double const gamma = 0.5 / g["sigma2_RBF"].get<double>();
  struct {
    char const* name;
    kernel_function k;
  } const cases[] = {{"LIN", kernels::linear()},
                     {"POLY2", kernels::polynomial(2)},
                     {"POLY3", kernels::polynomial(3)},
                     {"RBF", kernels::gaussian(gamma)}};
  limpid_test::device_matrix<double> const on_device(x.view());
  matrix<float> single(6, 3);
  for (std::size_t c = 0; c < 18; ++c) single.data()[c] = static_cast<float>(x.data()[c]);
  for (auto const& c : cases) {
    CAPTURE(c.name);
    auto const& e = g["results"][c.name];
    auto const r = mixture_loss(c.k, x, m);
    auto const want = e["g_i = E_y k(x_i,y)"].get<std::vector<double>>();
    for (std::size_t i = 0; i < 6; ++i) CHECK(close(r.expectation[i], want[i]));
    CHECK(close(r.mixture_norm2, e["c = E k(y,y')"].get<double>()));
    CHECK(close(r.loss, e["loss_empirical ||mu_hat-mu||^2"].get<double>()));
    std::vector<double> const weights(6, 0.8 / 6);
    CHECK(close(mixture_loss(c.k, x, weights, m).loss, e["loss of 0.8*mu_hat"].get<double>()));
    auto const seq = mixture_loss(limpid::seq, c.k, x, m);
    CHECK(close(seq.loss, r.loss));
    for (int threads : {1, 3})
      CHECK(mixture_loss(limpid::par_policy{.threads = threads}, c.k, x, m).loss == r.loss);
    CHECK(mixture_loss(limpid_test::device, c.k, on_device, m).loss == seq.loss);
    auto const f = mixture_loss(c.k, single, m);
    CHECK(std::abs(f.loss - r.loss) < 1e-5 * (r.norm2 + r.mixture_norm2));
  }
  auto const e = limpid_test::golden("mkme.json")["mixture_loss_example"];
  auto const r = mixture_loss(kernels::gaussian(gamma), x, m,
                              {.noise = corruption::gaussian(e["noise variance"].get<double>())});
  CHECK(close(r.norm2, e["||mu_mk||^2"].get<double>()));
  CHECK(close(r.loss, e["loss"].get<double>()));
  auto const want = e["g_i"].get<std::vector<double>>();
  for (std::size_t i = 0; i < 6; ++i) CHECK(close(r.expectation[i], want[i]));
}

TEST_CASE("mixture_loss: against draws of the mixture, with and without noise") {
  auto const m = small_mixture();
  std::size_t const draws = 6000;
  auto const y = draws_of(m, draws, 1), other = draws_of(m, draws, 2);
  matrix<double> const x{{0.5, 1.2}, {1.4, 0.1}, {0.2, 2.0}};
  std::vector<double> const beta{0.5, 0.2, 0.4};
  corruption_model per_column = corruption::gaussian(limpid::vector<double>{0.2, 0.9});
  for (auto const& noise :
       {corruption::gaussian(0), corruption::gaussian(0.5), per_column, corruption::laplace(0.4),
        corruption::blank_out(0.3), corruption::blank_out_unbiased(0.3), corruption::poisson()})
    for (auto const& k : four_kernels()) {
      if (k.kind == limpid::kernel_part::family::gaussian && noise.kind != family::gaussian)
        continue;
      CAPTURE(static_cast<int>(k.kind));
      CAPTURE(static_cast<int>(noise.kind));
      auto const r = mixture_loss(k, x, beta, m, {.noise = noise});
      // The estimate at many draws is <estimate, mu> on average; one row each is `expectation`.
      auto const mean_of = [&](matrix<double> const& rows, std::vector<double> const& weights,
                               double want) {
        auto const value = evaluate_marginalised(k, rows, y, weights, noise).value;
        double sum = 0, square = 0;
        for (double v : value) sum += v, square += v * v;
        double const mean = sum / draws, error = std::sqrt((square / draws - mean * mean) / draws);
        CHECK(std::abs(mean - want) < 4.5 * error + 1e-12);
      };
      mean_of(x, beta, r.inner);
      for (std::size_t i = 0; i < 3; ++i)
        mean_of(matrix<double>{{x(i, 0), x(i, 1)}}, {1}, r.expectation[i]);
      double sum = 0, square = 0;
      for (std::size_t t = 0; t < draws; ++t) {
        double const v = k(y.view().row(t), other.view().row(t));
        sum += v;
        square += v * v;
      }
      double const mean = sum / draws, error = std::sqrt((square / draws - mean * mean) / draws);
      CHECK(std::abs(mean - r.mixture_norm2) < 4.5 * error);
      if (noise.columns.empty() && *noise.level == 0)
        CHECK(close(r.norm2, limpid::kernel_mean::inner_product(k, x, beta, x, beta).value));
      CHECK(close(r.loss, r.norm2 - 2 * r.inner + r.mixture_norm2, 1e-12));
    }
}

TEST_CASE("mixture_loss: noisy rows are the mean over what they may be") {
  // A cubic of x~ knows its first three moments only: points that have them stand for x~.
  auto const m = small_mixture();
  struct value {
    double at, probability;
  };
  auto const outcomes = [](corruption_model const& noise, double x) {
    double const v = *noise.level, s = std::sqrt(noise.kind == family::gaussian ? v : 2 * v * v);
    std::vector<value> out;
    switch (noise.kind) {
      case family::gaussian:
      case family::laplace:
        return std::vector<value>{{x - s, 0.5}, {x + s, 0.5}};
      case family::blank_out:
        return std::vector<value>{{0, v}, {x, 1 - v}};
      case family::blank_out_unbiased:
        return std::vector<value>{{0, v}, {x / (1 - v), 1 - v}};
      case family::poisson:
        break;
    }
    double p = std::exp(-x);
    for (int count = 0; count < 40; ++count) {
      out.push_back({static_cast<double>(count), p});
      p *= x / (count + 1);
    }
    return out;
  };
  double const x0 = 1.4, x1 = 0.6;
  for (auto const& noise :
       {corruption::gaussian(0.5), corruption::laplace(0.4), corruption::blank_out(0.3),
        corruption::blank_out_unbiased(0.3), corruption::poisson()})
    for (auto const& k :
         {kernels::linear(), kernels::polynomial(2, 0.8, 0.5), kernels::polynomial(3, 0.8, 0.5)}) {
      CAPTURE(static_cast<int>(noise.kind));
      CAPTURE(k.degree);
      std::vector<double> probabilities;
      std::vector<std::vector<double>> points;
      for (value const& a : outcomes(noise, x0))
        for (value const& b : outcomes(noise, x1)) {
          points.push_back({a.at, b.at});
          probabilities.push_back(a.probability * b.probability);
        }
      auto const got = mixture_loss(k, matrix<double>{{x0, x1}}, m, {.noise = noise}).expectation;
      CHECK(close(got[0], mixture_loss(k, points, probabilities, m).inner));
    }
}

TEST_CASE("mixture_loss: the estimate's norm is marginalised's, sums of kernels add up") {
  auto const m = small_mixture();
  auto const x = draws_of(m, 12, 3);
  for (auto const& k : four_kernels()) {
    auto const noise = corruption::gaussian(0.3);
    CHECK(close(mixture_loss(k, x, m, {.noise = noise}).norm2,
                limpid::kernel_mean::marginalised(k, x, noise).norm2));
  }
  auto const a = mixture_loss(kernels::gaussian(0.4), x, m),
             b = mixture_loss(kernels::polynomial(3), x, m),
             c = mixture_loss(kernels::gaussian(0.4) + 0.1 * kernels::polynomial(3), x, m);
  CHECK(close(c.loss, a.loss + 0.1 * b.loss));
}

TEST_CASE("mixture_loss: many rows of the mixture come near to it") {
  auto const m = small_mixture();
  for (auto const& k : four_kernels()) {
    auto const few = mixture_loss(k, draws_of(m, 20, 4), m),
               many = mixture_loss(k, draws_of(m, 800, 5), m);
    CHECK(many.loss < 0.02 * many.mixture_norm2);
    CHECK(many.loss < few.loss);
  }
}

TEST_CASE("mixture_loss: bad input, stopping") {
  auto const m = small_mixture();
  matrix<double> const x{{1, 2}};
  auto const k = kernels::gaussian(1);
  auto const says = [&](kernel_function const& kernel, gaussian_mixture const& mixture,
                        std::string const& words,
                        limpid::kernel_mean::mixture_loss_options const& o = {}) {
    CAPTURE(words);
    CHECK_THROWS_WITH_AS(mixture_loss(kernel, x, mixture, o),
                         ("kernel_mean::mixture_loss: " + words).c_str(), input_error);
  };
  auto bad = m;
  bad.weights = {0.3, 0.6};
  says(k, bad, "mixture weights sum to 0.9; they must sum to 1");
  bad.weights = {-0.3, 1.3};
  says(k, bad, "mixture weight 0 is -0.3; it must be at least 0");
  bad.weights = {1};
  says(k, bad, "mixture means are 2 x 2; they must be 1 x 2");
  bad.weights = {};
  says(k, bad, "the mixture has no components");
  bad = m;
  bad.covariances = matrix<double>(2, 2);
  says(k, bad, "mixture covariances are 2 x 2; they must be 4 x 2");
  bad = m;
  bad.covariances(1, 0) = 0.3;
  says(k, bad, "mixture covariance 0 is not symmetric, or not finite");
  bad = m;
  bad.covariances(2, 0) = -1;
  says(k, bad, "mixture covariance 1 is not positive semidefinite");
  bad = m;
  bad.means(1, 0) = 1.0 / 0.0;
  says(k, bad, "mixture mean 1 is not finite");
  says(kernels::polynomial(4), m, "kernel degree is 4; the closed form is there for 1 to 3");
  says(kernels::laplacian(1), m,
       "the kernel has no closed form here; take a linear, polynomial or gaussian one, or a sum of "
       "these");
  says(k, m, "under a gaussian kernel the loss has a closed form for gaussian noise only",
       {.noise = corruption::laplace(1)});
  CHECK_NOTHROW(mixture_loss(kernels::polynomial(3), x, m, {.noise = corruption::laplace(1)}));
  says(k, m, "noise has no level; give one, or take the noise of marginalised's result",
       {.noise = corruption::gaussian()});
  says(k, m, "noise variance is -1; it must be at least 0 and finite",
       {.noise = corruption::gaussian(-1)});
  CHECK_THROWS_WITH_AS(mixture_loss(k, matrix<double>(0, 2), m),
                       "kernel_mean::mixture_loss: x has no rows; a mean needs at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS(mixture_loss(k, x, std::vector<double>{1, 2}, m),
                       "kernel_mean::mixture_loss: x has 1 rows, weights has 2", input_error);
  CHECK_THROWS_WITH_AS(mixture_loss(k, matrix<double>{{1, 0.0 / 0.0}}, m),
                       "kernel_mean::mixture_loss: x row 0 has an entry that is not finite",
                       input_error);
  CHECK(mixture_loss(k, x, m, {.on_progress = [](double) { return false; }}).stopped);
  auto none = m;  // a component of no weight
  none.weights = {0, 1};
  CHECK(mixture_loss(k, x, none).loss > 0);
}

TEST_CASE("mixture_loss: how a caller reads it") {
  //! [mixture_loss]
  limpid::kernel_mean::gaussian_mixture const truth{
      {0.3, 0.7}, {{1, 0.5}, {-0.4, 0.8}}, {{0.5, 0.2}, {0.2, 0.4}, {0.3, -0.1}, {-0.1, 0.6}}};
  auto const x = draws_of(truth, 15, 7);
  auto const kernel = limpid::kernels::gaussian(0.4);
  auto const fit = limpid::kernel_mean::marginalised(kernel, x, corruption::gaussian());
  double const plain = limpid::kernel_mean::mixture_loss(kernel, x, truth).loss;
  double const smoothed =
      limpid::kernel_mean::mixture_loss(kernel, x, truth, {.noise = fit.noise}).loss;
  //! [mixture_loss]
  CHECK(plain > 0);
  CHECK(smoothed > 0);
  CHECK(smoothed != plain);
}
