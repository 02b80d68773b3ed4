// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/marginalised.hpp>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/kernel_mean/shrink.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

#include <boost/math/quadrature/gauss_kronrod.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

namespace kernels = limpid::kernels;
namespace corruption = limpid::kernel_mean::corruption;
using limpid::input_error;
using limpid::kernel_function;
using limpid::matrix;
using limpid::kernel_mean::corruption_model;
using limpid::kernel_mean::evaluate;
using limpid::kernel_mean::evaluate_marginalised;
using limpid::kernel_mean::marginalised;
using limpid::kernel_mean::noise_rule;
using family = corruption_model::family;
using row_t = std::vector<double>;
using pair_kernel = limpid::kernel_mean::detail::noisy_kernel<limpid::memory_space::host>;

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
bool near(double a, double b, double relative) {
  return std::abs(a - b) <= relative * std::abs(b);
}

double normal(limpid::random_stream& draw) {
  double const u = 1 - draw.uniform(), angle = 6.283185307179586 * draw.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(angle);
}
matrix<double> cloud(std::size_t n, std::size_t d, std::uint64_t seed, double centre = 0) {
  matrix<double> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    for (std::size_t c = 0; c < d; ++c) x(i, c) = centre + normal(draw);
  }
  return x;
}
/// Entries that are at least 0.
matrix<double> counts(std::size_t n, std::size_t d, std::uint64_t seed) {
  auto x = cloud(n, d, seed);
  for (std::size_t c = 0; c < n * d; ++c) x.data()[c] *= x.data()[c];
  return x;
}

pair_kernel gaussian_pair(double gamma, corruption_model const& noise, bool both) {
  pair_kernel k;
  k.gamma = gamma;
  k.noise = noise.kind;
  k.level = *noise.level;
  k.both = both;
  return k;
}
pair_kernel polynomial_pair(unsigned degree, double gamma, double offset,
                            corruption_model const& noise, bool both) {
  pair_kernel k = gaussian_pair(gamma, noise, both);
  k.gaussian = false;
  k.degree = degree;
  k.offset = offset;
  return k;
}
double pair(pair_kernel const& k, row_t const& clean, row_t const& noisy) {
  return k(limpid::vector_view(clean.data(), clean.size()),
           limpid::vector_view(noisy.data(), noisy.size()));
}

/// E f(x~) by quadrature of the density, or summed over the values of x~.
double expectation(corruption_model const& noise, double x,
                   std::function<double(double)> const& f) {
  using boost::math::quadrature::gauss_kronrod;
  double const v = *noise.level;
  switch (noise.kind) {
    case family::gaussian: {
      double const s = std::sqrt(v);
      auto const part = [&](double from, double to) {
        return gauss_kronrod<double, 31>::integrate(
            [&](double t) { return f(x + s * t) * std::exp(-t * t / 2) / 2.5066282746310005; },
            from, to, 3, 1e-13);
      };
      return part(-12, -3) + part(-3, 0) + part(0, 3) + part(3, 12);
    }
    case family::laplace: {
      auto const side = [&](double sign, double from, double to) {
        return gauss_kronrod<double, 31>::integrate(
            [&](double t) { return f(x + sign * v * t) * std::exp(-t) / 2; }, from, to, 3, 1e-13);
      };
      double sum = 0;
      for (double sign : {-1.0, 1.0})
        sum += side(sign, 0, 4) + side(sign, 4, 14) + side(sign, 14, 50);
      return sum;
    }
    case family::blank_out:
      return v * f(0) + (1 - v) * f(x);
    case family::blank_out_unbiased:
      return v * f(0) + (1 - v) * f(x / (1 - v));
    case family::poisson:
      break;
  }
  double sum = 0, log_p = -x;
  for (int m = 0; m < 200; ++m) {
    sum += std::exp(log_p) * f(m);
    log_p += std::log(x) - std::log(m + 1.0);
  }
  return x > 0 ? sum : f(0);
}
double expectation(corruption_model const& noise, double x, double z, bool both,
                   std::function<double(double, double)> const& f) {
  return expectation(noise, x, [&](double a) {
    return both ? expectation(noise, z, [&](double b) { return f(a, b); }) : f(a, z);
  });
}

double drawn(corruption_model const& noise, double x, limpid::random_stream& draw) {
  double const v = *noise.level;
  switch (noise.kind) {
    case family::gaussian:
      return x + std::sqrt(v) * normal(draw);
    case family::laplace: {
      double const u = draw.uniform() - 0.5;
      return x - v * (u < 0 ? -1 : 1) * std::log(1 - 2 * std::abs(u));
    }
    case family::blank_out:
      return draw.uniform() < v ? 0 : x;
    case family::blank_out_unbiased:
      return draw.uniform() < v ? 0 : x / (1 - v);
    case family::poisson:
      break;
  }
  double left = std::exp(-x);
  int m = 0;
  for (double product = draw.uniform(); product > left; ++m) product *= draw.uniform();
  return m;
}

struct named_noise {
  char const* name;
  corruption_model noise;
};
std::vector<named_noise> const& every_noise() {
  static std::vector<named_noise> const all{
      {"gaussian", corruption::gaussian(0.4)},
      {"laplace", corruption::laplace(0.5)},
      {"dropout_unbiased", corruption::blank_out_unbiased(0.3)},
      {"dropout_biased", corruption::blank_out(0.3)},
      {"poisson", corruption::poisson()}};
  return all;
}
limpid_test::golden_value of(limpid_test::golden_value const& object, std::string const& name) {
  for (auto const& [key, value] : object.items())
    if (key.compare(0, name.size(), name) == 0) return value;
  FAIL("no golden value");
  return object;
}

}  // namespace

TEST_CASE("marginalised: erfcx against 50 digits") {
  double const table[][3] = {{0, 1, 1},
                             {1e-9, 0.99999999887162083, 0.99999999822754615},
                             {0.1, 0.89645697996912665, 0.84110713736825926},
                             {0.5, 0.6156903441929259, 0.45435863923495295},
                             {1, 0.427583576155807, 0.24212784385868791},
                             {1.75, 0.28497223473743638, 0.11607476399234036},
                             {2.5, 0.21080636406114359, 0.065888620561089711},
                             {2.999, 0.17905553933024893, 0.048214327044620427},
                             {3, 0.17900115118138996, 0.048186160816074769},
                             {3.3, 0.16400729757293264, 0.040705291672820651},
                             {4.5, 0.12248480427384142, 0.023056016443396173},
                             {5.999, 0.092791630568856781, 0.013351171281500372},
                             {6, 0.092776567800538348, 0.013346890768834555},
                             {8, 0.069985166200880924, 0.0076361812878882928},
                             {11.99, 0.046893031655408327, 0.0034423428862296193},
                             {12, 0.046854221014893761, 0.0034366663716807406},
                             {20, 0.028174348741051319, 0.0012453415433722336},
                             {25, 0.022549572432641361, 0.00079808763729896062}};
  for (auto const& e : table) {
    CAPTURE(e[0]);
    auto const got = limpid::kernel_mean::detail::erfcx(e[0]);
    CHECK(near(got.value, e[1], 1e-15));
    CHECK(near(got.rest, e[2], 2e-14));
  }
  auto const far = limpid::kernel_mean::detail::erfcx(std::numeric_limits<double>::infinity());
  CHECK(far.value == 0);
  CHECK(far.rest == 0);
}

TEST_CASE("marginalised: one column, by hand") {
  // k = exp(-(x - z)^2 / 2) at x = z: noise of variance 1 on one row leaves (1 + 1)^(-1/2), on two
  // (1 + 2)^(-1/2).
  matrix<double> const x{{2.0}};
  auto const r = marginalised(kernels::gaussian(0.5), x, corruption::gaussian(1));
  CHECK(close(r.inner, std::sqrt(0.5)));
  CHECK(close(r.norm2, std::sqrt(1.0 / 3)));
  CHECK(std::isnan(r.score));
  // Half of the time nothing is left of 2: k(0, 2) = e^-2.
  auto const b = marginalised(kernels::gaussian(0.5), x, corruption::blank_out(0.5));
  CHECK(close(b.inner, 0.5 + 0.5 * std::exp(-2.0)));
  CHECK(close(b.norm2, 0.5 + 0.5 * std::exp(-2.0)));
  // (x z + 1)^2 with x~ of mean 2 and variance 2: (4 + 1)^2 + 4 * 2; both: 4 * 2 * 2 + 2 * 2 more.
  auto const p = marginalised(kernels::polynomial(2), x, corruption::poisson());
  CHECK(close(p.inner, 33));
  CHECK(close(p.norm2, 45));
}

TEST_CASE("marginalised: spot values of the closed forms") {
  // x = 1.3, z = -0.4 (0.4 for counts), s = 0.9.
  double const gamma = 0.5 / 0.81;
  struct {
    corruption_model noise;
    double z, one, two;
  } const cases[] = {{corruption::gaussian(0.49), -0.4, 0.2597381919, 0.3000725815},
                     {corruption::laplace(0.6), -0.4, 0.2563789077, 0.2940568486},
                     {corruption::blank_out_unbiased(0.3), -0.4, 0.3019372402, 0.2995003431},
                     {corruption::poisson(), 0.4, 0.5795666151, 0.5230388423}};
  for (auto const& c : cases) {
    CHECK(close(pair(gaussian_pair(gamma, c.noise, false), {c.z}, {1.3}), c.one));
    CHECK(close(pair(gaussian_pair(gamma, c.noise, true), {c.z}, {1.3}), c.two));
  }
}

TEST_CASE("marginalised: golden values, closed forms in numpy against quadrature and 2e6 draws") {
  auto const g = limpid_test::golden("mkme.json");
  double const gamma = 0.5 / g["sigma2"].get<double>();
  auto const x = g["x"].get<row_t>(), z = g["z"].get<row_t>(), xp = g["x_poisson"].get<row_t>();
  for (auto const& entry : every_noise()) {
    auto const& noise = entry.noise;
    CAPTURE(entry.name);
    bool const poisson = noise.kind == family::poisson;
    auto const& noisy = poisson ? xp : x;
    auto const bells = of(g["rbf [one_noisy, both_noisy]"], entry.name);
    CHECK(close(pair(gaussian_pair(gamma, noise, false), z, noisy), bells[0].get<double>()));
    CHECK(close(pair(gaussian_pair(gamma, noise, true), z, noisy), bells[1].get<double>()));
    auto const powers = of(g["polynomial"], entry.name);
    for (unsigned degree = 1; degree <= 4; ++degree) {
      auto const want = powers[degree == 1 ? "LIN" : "POLY" + std::to_string(degree)];
      double const offset = degree == 1 ? 0 : 1;
      CHECK(close(pair(polynomial_pair(degree, 1, offset, noise, false), z, noisy),
                  want["one_noisy"].get<double>()));
      CHECK(close(pair(polynomial_pair(degree, 1, offset, noise, true), z, noisy),
                  want["both_noisy"].get<double>()));
      // the function's own way: one row, evaluated
      auto const k = degree == 1 ? kernels::linear() : kernels::polynomial(degree);
      matrix<double> a(1, 3), q(1, 3);
      for (std::size_t c = 0; c < 3; ++c) a(0, c) = noisy[c], q(0, c) = z[c];
      CHECK(close(evaluate_marginalised(k, a, q, noise).value[0], want["one_noisy"].get<double>()));
      CHECK(close(evaluate_marginalised(kernels::gaussian(gamma), a, q, noise).value[0],
                  bells[0].get<double>()));
    }
  }
  for (auto const& row : g["laplace_1d_table"]) {
    double const u = row["u"], inverse = 1 / std::sqrt(row["sigma2"].get<double>());
    limpid::kernel_mean::detail::laplace_factor const f(u * inverse, row["b"] * inverse, true);
    CHECK(near(f.one, row["one_noisy"], 1e-12));
    CHECK(near(f.two, row["both_noisy"], 1e-12));
  }
}

TEST_CASE("marginalised: Gaussian kernel against quadrature, each noise, one and two arguments") {
  double const points[] = {0, 0.3, 1.7, 4};
  for (auto noise :
       {corruption::gaussian(0.7), corruption::laplace(0.05), corruption::laplace(1.4),
        corruption::blank_out(0.45), corruption::blank_out_unbiased(0.2), corruption::poisson()})
    for (double gamma : {0.1, 2.0})
      for (double x : points)
        for (double z : {0.0, 1.1, 3.2}) {
          bool const both = x < 1 && z < 2;  // the double integrals cost most
          CAPTURE(gamma);
          CAPTURE(x);
          CAPTURE(z);
          auto const k = [&](double a, double b) { return std::exp(-gamma * (a - b) * (a - b)); };
          CHECK(std::abs(pair(gaussian_pair(gamma, noise, false), {z}, {x}) -
                         expectation(noise, x, z, false, k)) < 2e-11);
          if (both)
            CHECK(std::abs(pair(gaussian_pair(gamma, noise, true), {z}, {x}) -
                           expectation(noise, x, z, true, k)) < 2e-11);
        }
}

TEST_CASE("marginalised: polynomial kernels to degree 8 against expanded powers") {
  // (g sum_c x_c z_c + o)^p by the multinomial theorem, moments by quadrature or sums.
  row_t const x{0.8, 0.2, 1.1}, z{0.3, 0.9, 0.4};
  double const g = 0.7, o = 0.6;
  for (auto const& entry : every_noise())
    for (bool both : {false, true}) {
      auto const& noise = entry.noise;
      CAPTURE(entry.name);
      CAPTURE(both);
      double moment[3][9];
      for (std::size_t c = 0; c < 3; ++c)
        for (int r = 0; r <= 8; ++r) {
          auto const power = [r](double t) { return std::pow(t, r); };
          moment[c][r] = expectation(noise, x[c], power) *
                         (both ? expectation(noise, z[c], power) : power(z[c]));
        }
      for (unsigned p : {1u, 2u, 3u, 5u, 8u}) {
        int const top = static_cast<int>(p);
        double want = 0;
        for (int a = 0; a <= top; ++a)
          for (int b = 0; a + b <= top; ++b)
            for (int c = 0; a + b + c <= top; ++c) {
              int const rest = top - a - b - c;
              want += std::tgamma(top + 1.0) / std::tgamma(a + 1.0) / std::tgamma(b + 1.0) /
                      std::tgamma(c + 1.0) / std::tgamma(rest + 1.0) * std::pow(g, a + b + c) *
                      std::pow(o, rest) * moment[0][a] * moment[1][b] * moment[2][c];
            }
        CHECK(near(pair(polynomial_pair(p, g, o, noise, both), z, x), want, 1e-10));
      }
    }
}

TEST_CASE("marginalised: every form against draws") {
  row_t const x{0.8, 1.2, 2.0}, z{0.3, 0.5, 1.1};
  double const gamma = 0.2;
  for (auto const& entry : every_noise()) {
    auto const& noise = entry.noise;
    CAPTURE(entry.name);
    int const draws = 20000;
    double sum[4] = {}, square[4] = {};
    for (int t = 0; t < draws; ++t) {
      limpid::random_stream draw(11, static_cast<std::uint32_t>(noise.kind),
                                 static_cast<std::uint64_t>(t));
      double gaps[2] = {}, dots[2] = {};
      for (std::size_t c = 0; c < 3; ++c) {
        double const a = drawn(noise, x[c], draw), b = drawn(noise, z[c], draw);
        gaps[0] += (a - z[c]) * (a - z[c]);
        gaps[1] += (a - b) * (a - b);
        dots[0] += a * z[c];
        dots[1] += a * b;
      }
      for (int b = 0; b < 2; ++b) {
        double const got[] = {std::exp(-gamma * gaps[b]), std::pow(dots[b] + 1, 3)};
        for (int k = 0; k < 2; ++k) {
          sum[2 * k + b] += got[k];
          square[2 * k + b] += got[k] * got[k];
        }
      }
    }
    for (int b = 0; b < 2; ++b)
      for (int k = 0; k < 2; ++k) {
        double const mean = sum[2 * k + b] / draws,
                     error = std::sqrt((square[2 * k + b] / draws - mean * mean) / draws);
        double const want = k == 0 ? pair(gaussian_pair(gamma, noise, b == 1), z, x)
                                   : pair(polynomial_pair(3, 1, 1, noise, b == 1), z, x);
        CHECK(std::abs(mean - want) < 4.5 * error);
      }
  }
}

TEST_CASE("marginalised: linear kernel, noise of mean 0 changes nothing, drop-out shrinks") {
  auto const x = counts(15, 4, 3), q = cloud(6, 4, 5);
  auto const plain = evaluate(kernels::linear(), x, q).value;
  double const norm2 = limpid::kernel_mean::shrink(kernels::linear(), x).rho;
  for (auto const& entry : every_noise()) {
    auto const& noise = entry.noise;
    CAPTURE(entry.name);
    double const kept =
        noise.kind == family::blank_out ? 0.7 : 1;  // as scalar shrinkage, alpha = p
    auto const r = marginalised(kernels::linear(), x, noise);
    auto const value = evaluate_marginalised(kernels::linear(), x, q, noise).value;
    for (std::size_t i = 0; i < 6; ++i) CHECK(close(value[i], kept * plain[i], 1e-12));
    CHECK(close(r.norm2, kept * kept * norm2, 1e-12));
    CHECK(close(r.inner, kept * norm2, 1e-12));
    if (kept == 1) CHECK(close(r.score, r.plain_score, 1e-12));
  }
}

TEST_CASE("marginalised: no noise is no change, little noise half the Laplacian") {
  auto const x = cloud(12, 3, 1), q = cloud(5, 3, 2);
  double const s2 = 1.7, gamma = 0.5 / s2;
  for (auto const& k : {kernels::gaussian(gamma), kernels::polynomial(3), kernels::polynomial(2)}) {
    auto const plain = evaluate(k, x, q).value;
    for (auto const& noise : {corruption::gaussian(0), corruption::laplace(0),
                              corruption::blank_out(0), corruption::blank_out_unbiased(0)}) {
      auto const value = evaluate_marginalised(k, x, q, noise).value;
      for (std::size_t i = 0; i < 5; ++i) CHECK(value[i] == plain[i]);
      auto const r = marginalised(k, x, noise);
      CHECK(r.score == r.plain_score);
      CHECK(r.levels.size() == 1);
      CHECK_FALSE(r.helps);
    }
    for (auto const& noise : {corruption::gaussian(1e-13), corruption::laplace(1e-7),
                              corruption::laplace(1e-120), corruption::blank_out(1e-13)}) {
      auto const value = evaluate_marginalised(k, x, q, noise).value;
      for (std::size_t i = 0; i < 5; ++i) CHECK(close(value[i], plain[i], 1e-11));
    }
  }
  double const v = 1e-5;
  auto const plain = evaluate(kernels::gaussian(gamma), x, q).value;
  for (auto const& noise : {corruption::gaussian(v), corruption::laplace(std::sqrt(v / 2))}) {
    auto const value = evaluate_marginalised(kernels::gaussian(gamma), x, q, noise).value;
    for (std::size_t i = 0; i < 5; ++i) {
      double laplacian = 0;
      for (std::size_t j = 0; j < 12; ++j) {
        double u2 = 0;
        for (std::size_t c = 0; c < 3; ++c) u2 += (q(i, c) - x(j, c)) * (q(i, c) - x(j, c));
        laplacian += std::exp(-gamma * u2) * (u2 / s2 - 3) / s2 / 12;
      }
      CHECK(std::abs((value[i] - plain[i]) / v - laplacian / 2) < 5e-5);
    }
  }
}

TEST_CASE("marginalised: the scores are those of the definition, and the best is chosen") {
  auto const x = counts(9, 2, 4);
  std::size_t const n = 9;
  struct {
    kernel_function k;
    bool gaussian;
    unsigned degree;
    double gamma, offset;
  } const cases[] = {{kernels::gaussian(0.4), true, 1, 0.4, 0},
                     {kernels::polynomial(2, 0.5, 0.3), false, 2, 0.5, 0.3},
                     {kernels::polynomial(3, 0.5, 1), false, 3, 0.5, 1}};
  for (auto const& c : cases)
    for (auto const& entry : every_noise()) {
      auto const& given = entry.noise;
      CAPTURE(entry.name);
      CAPTURE(c.degree);
      corruption_model noise = given;
      noise.level = std::nullopt;
      limpid::kernel_mean::marginalised_options o;
      o.levels = {0.2, 0.05, 0.5};
      auto const r = marginalised(c.k, x, noise, o);
      o.rule = noise_rule::unbiased_risk;
      auto const u = marginalised(c.k, x, noise, o);
      bool const poisson = noise.kind == family::poisson;
      REQUIRE(r.levels.size() == (poisson ? 2 : 4));
      std::size_t best = 0, safest = 0;
      for (std::size_t e = 0; e < r.levels.size(); ++e) {
        noise.level = r.levels[e];
        if (poisson && e == 0) noise.kind = family::gaussian;  // level 0: none
        auto one = gaussian_pair(c.gamma, noise, false);
        one.gaussian = c.gaussian;
        one.degree = c.degree;
        one.offset = c.offset;
        auto two = one;
        two.both = true;
        noise.kind = given.kind;
        double score = 0, risk = 0;
        for (std::size_t i = 0; i < n; ++i) {
          auto const xi = x.view().row(i);
          score += c.k(xi, xi) / n;
          for (std::size_t j = 0; j < n; ++j) {
            if (j != i) score -= 2 * one(xi, x.view().row(j)) / (n - 1) / n;
            if (j != i) risk -= 2 * one(xi, x.view().row(j)) / (n - 1) / n;
            risk += two(xi, x.view().row(j)) / n / n;
            for (std::size_t l = 0; l < n; ++l)
              if (j != i && l != i)
                score += two(x.view().row(j), x.view().row(l)) / (n - 1) / (n - 1) / n;
          }
        }
        CHECK(close(r.scores[e], score));
        CHECK(close(r.risks[e], risk));
        if (r.scores[e] < r.scores[best]) best = e;
        if (r.risks[e] < r.risks[safest]) safest = e;
      }
      if (poisson) best = safest = 1;
      CHECK(r.level == r.levels[best]);
      CHECK(r.score == r.scores[best]);
      CHECK(r.helps == (r.score < r.plain_score));
      CHECK(u.level == u.levels[safest]);
      CHECK(u.risk == r.risks[safest]);
      if (poisson) continue;
      CHECK(r.at_edge == (best == 3));
      noise.level = r.level;
      auto const again = marginalised(c.k, x, noise);  // the level given
      CHECK(close(again.norm2, r.norm2, 1e-12));
      CHECK(close(again.score, r.score, 1e-11));
    }
}

TEST_CASE("marginalised: a variance per column") {
  auto const x = cloud(8, 3, 6), q = cloud(4, 3, 7);
  limpid::vector<double> const v{0.1, 0, 0.9};
  double const gamma = 0.35;
  auto const noise = corruption::gaussian(v);
  auto const value = evaluate_marginalised(kernels::gaussian(gamma), x, q, noise).value;
  auto const r = marginalised(kernels::gaussian(gamma), x, noise);
  double norm2 = 0;
  auto const expected = [&](auto const& a, std::size_t i, std::size_t j, double times) {
    double k = 1;
    for (std::size_t c = 0; c < 3; ++c) {
      double const wider = 1 + 2 * gamma * times * v[c], u = a(i, c) - x(j, c);
      k *= std::exp(-gamma * u * u / wider) / std::sqrt(wider);
    }
    return k;
  };
  for (std::size_t i = 0; i < 4; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < 8; ++j) sum += expected(q, i, j, 1) / 8;
    CHECK(close(value[i], sum));
  }
  for (std::size_t i = 0; i < 8; ++i)
    for (std::size_t j = 0; j < 8; ++j) norm2 += expected(x, i, j, 2) / 64;
  CHECK(close(r.norm2, norm2));
  // All columns alike: as without columns, for every noise and kernel; the level multiplies them.
  for (auto const& entry : every_noise()) {
    auto const& given = entry.noise;
    if (given.kind == family::poisson) continue;
    CAPTURE(entry.name);
    corruption_model alike = given;
    alike.columns = {0.5, 0.5, 0.5};
    alike.level = 2 * *given.level;
    for (auto const& k : {kernels::gaussian(gamma), kernels::polynomial(2), kernels::polynomial(4),
                          kernels::linear()}) {
      CHECK(close(marginalised(k, x, alike).norm2, marginalised(k, x, given).norm2));
      auto const a = evaluate_marginalised(k, x, q, alike).value,
                 b = evaluate_marginalised(k, x, q, given).value;
      for (std::size_t i = 0; i < 4; ++i) CHECK(close(a[i], b[i]));
    }
  }
  corruption_model free = corruption::gaussian();
  free.columns = v;
  CHECK(close(marginalised(kernels::gaussian(gamma), x, free).levels[1], 0.5 / gamma / 100));
}

TEST_CASE("marginalised: sums of kernels, weights") {
  auto const x = cloud(10, 2, 8), q = cloud(3, 2, 9);
  auto const noise = corruption::laplace(0.3);
  auto const both = kernels::gaussian(0.5) + 2.0 * kernels::polynomial(2);
  auto const a = evaluate_marginalised(kernels::gaussian(0.5), x, q, noise).value,
             b = evaluate_marginalised(kernels::polynomial(2), x, q, noise).value,
             c = evaluate_marginalised(both, x, q, noise).value;
  for (std::size_t i = 0; i < 3; ++i) CHECK(close(c[i], a[i] + 2 * b[i]));
  auto const ra = marginalised(kernels::gaussian(0.5), x, noise),
             rb = marginalised(kernels::polynomial(2), x, noise), rc = marginalised(both, x, noise);
  CHECK(close(rc.norm2, ra.norm2 + 2 * rb.norm2));
  CHECK(close(rc.score, ra.score + 2 * rb.score));

  std::vector<double> beta(10, 0.0);  // the first row twice, the third taken away
  beta[0] = 2;
  beta[2] = -1;
  for (auto const& entry : every_noise()) {
    auto const& each = entry.noise;
    CAPTURE(entry.name);
    auto const y = counts(10, 2, 8);
    for (auto const& k : {kernels::gaussian(0.5), kernels::polynomial(2), kernels::polynomial(3)}) {
      auto const first = evaluate_marginalised(k, y.view().row_block(0, 1), q, each).value,
                 third = evaluate_marginalised(k, y.view().row_block(2, 3), q, each).value,
                 all = evaluate_marginalised(k, y, q, beta, each).value;
      for (std::size_t i = 0; i < 3; ++i) CHECK(close(all[i], 2 * first[i] - third[i]));
    }
  }
}

TEST_CASE("marginalised: what noise does to the norm") {
  auto const x = cloud(20, 3, 10, 1.0);
  auto const k = kernels::gaussian(0.2);
  for (auto const& noise : {corruption::gaussian(), corruption::laplace()}) {
    double last = 2;
    for (double level : {0.0, 0.01, 0.1, 0.5, 2.0}) {
      corruption_model given = noise;
      given.level = level;
      double const norm2 = marginalised(k, x, given).norm2;
      CHECK(norm2 < last);
      last = norm2;
    }
  }
  // Almost all blanked: the mean is k(0, .), of norm 1.
  CHECK(std::abs(marginalised(k, x, corruption::blank_out(0.9999)).norm2 - 1) < 1e-3);
}

TEST_CASE("marginalised: one sweep over many tiles is the sum of kernels") {
  std::size_t const n =
#if defined(LIMPID_SANITIZED)
      600;
#else
      2100;  // beyond 4 tiles of 512 columns, and the first of 2048 rows
#endif
  auto const x = cloud(n, 2, 12, 50.0);
  double const gamma = 0.6, v = 0.3;
  auto const r = marginalised(kernels::gaussian(gamma), x, corruption::gaussian(v));
  auto const sum = [&](double times) {
    double const wider = 1 + 2 * gamma * times * v;
    return limpid::kernel_mean::shrink(kernels::gaussian(gamma / wider), x).rho / wider;
  };
  CHECK(close(r.norm2, sum(2), 1e-9));
  CHECK(close(r.inner, sum(1), 1e-9));
}

TEST_CASE("marginalised: every policy, float") {
  auto const x = counts(40, 3, 13), q = counts(7, 3, 14);
  limpid_test::device_matrix<double> const dx(x.view()), dq(q.view());
  matrix<float> fx(40, 3), fq(7, 3);
  for (std::size_t c = 0; c < 120; ++c) fx.data()[c] = static_cast<float>(x.data()[c]);
  for (std::size_t c = 0; c < 21; ++c) fq.data()[c] = static_cast<float>(q.data()[c]);
  struct {
    kernel_function k;
    corruption_model noise;
  } const cases[] = {
      {kernels::gaussian(0.3), corruption::gaussian()},
      {kernels::gaussian(0.3), corruption::gaussian(limpid::vector<double>{1, 2, 0})},
      {kernels::gaussian(0.3), corruption::laplace(0.4)},
      {kernels::polynomial(2, 0.1), corruption::blank_out()},
      {kernels::polynomial(3, 0.1), corruption::poisson()}};
  for (auto const& c : cases) {
    auto const r = marginalised(limpid::seq, c.k, x, c.noise);
    auto const value = evaluate_marginalised(limpid::seq, c.k, x, q, r.noise).value;
    auto const w = marginalised(limpid::simd, c.k, x, c.noise);
    CHECK(close(w.norm2, r.norm2));
    CHECK(w.level == r.level);
    for (int threads : {1, 3}) {
      limpid::par_policy const par{.threads = threads};
      auto const p = marginalised(par, c.k, x, c.noise);
      CHECK(p.scores == w.scores);
      CHECK(p.norm2 == w.norm2);
      CHECK(evaluate_marginalised(par, c.k, x, q, r.noise).value ==
            evaluate_marginalised(limpid::simd, c.k, x, q, r.noise).value);
    }
    auto const d = marginalised(limpid_test::device, c.k, dx, c.noise);
    CHECK(d.scores == r.scores);
    CHECK(evaluate_marginalised(limpid_test::device, c.k, dx, dq, r.noise).value == value);
    auto const f = marginalised(c.k, fx, r.noise);
    auto const fv = evaluate_marginalised(c.k, fx, fq, r.noise).value;
    CHECK(close(f.norm2, r.norm2, 1e-5));
    CHECK(close(f.score, r.score, 1e-5));
    for (std::size_t i = 0; i < 7; ++i) CHECK(close(fv[i], value[i], 1e-5));
  }
}

TEST_CASE("marginalised: the default grids, the edge") {
  auto const x = cloud(30, 10, 15);
  double const gamma = 0.05;
  auto const g = marginalised(kernels::gaussian(gamma), x, corruption::gaussian());
  REQUIRE(g.levels.size() == 22);  // from s2 / (100 d) = 0.01 to s2 = 10, two per doubling
  CHECK(g.levels[0] == 0);
  CHECK(close(g.levels[1], 0.01));
  CHECK(close(g.levels[2], 0.01 * std::sqrt(2.0)));
  CHECK(g.levels[3] == 2 * g.levels[1]);
  CHECK((g.levels[21] >= 10 && g.levels[20] < 10));
  auto const l = marginalised(kernels::gaussian(gamma), x, corruption::laplace(), {.grid = 1});
  CHECK(close(2 * l.levels[1] * l.levels[1], 0.01));
  CHECK(l.levels.size() == 7);
  auto const b = marginalised(kernels::gaussian(gamma), x, corruption::blank_out());
  CHECK(close(b.levels[1], 0.005));
  CHECK(b.levels[b.levels.size() - 1] == 0.6);
  auto const p = marginalised(kernels::polynomial(2), matrix<double>(4, 2), corruption::gaussian());
  CHECK(p.levels.size() > 10);  // rows of 0
  limpid::kernel_mean::marginalised_options o;
  o.levels = {1e-3, 2e-3};
  auto const e = marginalised(kernels::gaussian(2), x, corruption::gaussian(), o);
  CHECK(e.level == 2e-3);
  CHECK(e.at_edge);
}

TEST_CASE("marginalised: bad input") {
  matrix<double> const x{{1, 2}, {3, 0}};
  auto const k = kernels::gaussian(1);
  auto const says = [&](kernel_function const& kernel, matrix<double> const& rows,
                        corruption_model const& noise, std::string const& words) {
    CAPTURE(words);
    CHECK_THROWS_WITH_AS(marginalised(kernel, rows, noise),
                         ("kernel_mean::marginalised: " + words).c_str(), input_error);
    if (!noise.level) return;
    CHECK_THROWS_WITH_AS(evaluate_marginalised(kernel, rows, x, noise),
                         ("kernel_mean::evaluate_marginalised: " + words).c_str(), input_error);
  };
  says(k, x, corruption::gaussian(-0.1),
       "noise variance is -0.1; it must be at least 0 and finite");
  says(k, x, corruption::laplace(1.0 / 0.0),
       "noise scale is inf; it must be at least 0 and finite");
  says(k, x, corruption::blank_out(1), "noise probability is 1; it must be in [0, 1)");
  says(k, x, corruption::blank_out_unbiased(-0.2),
       "noise probability is -0.2; it must be in [0, 1)");
  CHECK_NOTHROW(marginalised(k, x, corruption::blank_out(0.999)));
  corruption_model columns = corruption::blank_out(0.5);
  columns.columns = {1, 2};
  says(k, x, columns, "noise probability is 1; it must be in [0, 1)");
  columns.columns = {1};
  says(k, x, columns, "noise has 1 columns, x has 2");
  columns.columns = {1, -1};
  says(k, x, columns, "noise column 1 is -1; it must be at least 0 and finite");
  says(k, matrix<double>{{1, 2}, {3, -1}}, corruption::poisson(),
       "x row 1 column 1 is -1; Poisson noise needs entries of at least 0");
  CHECK_NOTHROW(marginalised(k, x, corruption::poisson()));
  corruption_model counted = corruption::poisson();
  counted.columns = {1, 1};
  says(k, x, counted, "Poisson noise takes no columns: its variance is the entry itself");
  for (auto const& other : {kernels::matern32(1), kernels::gaussian(1) * kernels::linear(),
                            kernels::normalised(kernels::linear()), kernels::sigmoid(1)})
    says(other, x, corruption::gaussian(1),
         "the kernel has no closed form here; take a linear, polynomial or gaussian one, or a sum "
         "of these");
  says(kernels::polynomial(9), x, corruption::gaussian(1),
       "kernel degree is 9; the closed form is there for 1 to 8");
  CHECK_NOTHROW(marginalised(kernels::polynomial(8), x, corruption::gaussian(1)));
  says(kernels::gaussian(-1), x, corruption::gaussian(1),
       "kernel gamma is -1; it must be above 0 and finite");
  says(k, matrix<double>{{1, 2}, {3, 0.0 / 0.0}}, corruption::gaussian(1),
       "x row 1 has an entry that is not finite");
  says(k, matrix<double>(0, 2), corruption::gaussian(1), "x has no rows; a mean needs at least 1");
  says(k, matrix<double>{{1, 2}}, corruption::gaussian(),
       "x has 1 rows; leaving one out needs at least 2");
  CHECK_THROWS_WITH_AS(marginalised(k, x, corruption::gaussian(), {.grid = 0}),
                       "kernel_mean::marginalised: grid is 0; it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(evaluate_marginalised(k, x, x, corruption::gaussian()),
                       "kernel_mean::evaluate_marginalised: noise has no level; give one, or take "
                       "the noise of marginalised's result",
                       input_error);
  CHECK_THROWS_WITH_AS(evaluate_marginalised(k, x, matrix<double>{{1}}, corruption::gaussian(1)),
                       "kernel_mean::evaluate_marginalised: x has 2 columns, queries has 1",
                       input_error);
  CHECK_THROWS_WITH_AS(
      evaluate_marginalised(k, x, x, std::vector<double>{1}, corruption::gaussian(1)),
      "kernel_mean::evaluate_marginalised: x has 2 rows, weights has 1", input_error);
}

TEST_CASE("marginalised: told and stopped, no queries") {
  auto const x = cloud(30, 2, 16);
  for (auto const& k : {kernels::gaussian(1), kernels::polynomial(2), kernels::polynomial(3)}) {
    std::vector<double> told;
    auto const all =
        marginalised(k, x, corruption::laplace(0.1),
                     {.on_progress = [&](double f) { return told.push_back(f), true; }});
    CHECK_FALSE(all.stopped);
    CHECK(close(told.back(), 1));
    for (std::size_t t = 1; t < told.size(); ++t) CHECK(told[t] >= told[t - 1]);
    auto const none =
        marginalised(k, x, corruption::laplace(), {.on_progress = [](double) { return false; }});
    CHECK(none.stopped);
    CHECK(evaluate_marginalised(k, x, x, corruption::gaussian(1),
                                {.on_progress = [](double) { return false; }})
              .stopped);
  }
  CHECK(
      evaluate_marginalised(kernels::gaussian(1), x, matrix<double>(0, 2), corruption::gaussian(1))
          .value.empty());
}

TEST_CASE("marginalised: the level chosen brings the mean nearer to the truth, on average") {
  // N(0, I) in 5 columns and a narrow kernel: |mu~ - mu|^2 by the two normal integrals.
  std::size_t const d = 5, n = 15;
  double const s2 = 1;
  double plain = 0, chosen = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto const x = cloud(n, d, 100 + seed);
    auto const r = marginalised(kernels::gaussian(0.5 / s2), x, corruption::gaussian());
    auto const loss = [&](double v, double norm2) {
      double inner = 0;
      double const wide = 1 + s2 + v;
      for (std::size_t i = 0; i < n; ++i) {
        double square = 0;
        for (std::size_t c = 0; c < d; ++c) square += x(i, c) * x(i, c);
        inner += std::pow(s2 / wide, d / 2.0) * std::exp(-square / 2 / wide) / n;
      }
      return norm2 - 2 * inner + std::pow(s2 / (s2 + 2), d / 2.0);
    };
    auto const none = marginalised(kernels::gaussian(0.5 / s2), x, corruption::gaussian(0));
    plain += loss(0, none.norm2);
    chosen += loss(r.level, r.norm2);
  }
  CHECK(chosen < 0.75 * plain);
}

TEST_CASE("marginalised: how a caller reads it") {
  auto const x = cloud(40, 5, 1), queries = cloud(4, 5, 2);
  //! [marginalised]
  namespace corruption = limpid::kernel_mean::corruption;
  auto const kernel = limpid::kernels::gaussian(0.3);
  auto const fit = limpid::kernel_mean::marginalised(kernel, x, corruption::gaussian());
  auto const mean = limpid::kernel_mean::evaluate_marginalised(kernel, x, queries, fit.noise);
  double const gained = fit.plain_score - fit.score;  // of the leave-one-out score
  //! [marginalised]
  CHECK(fit.helps == (gained > 0));
  CHECK(mean.value.size() == 4);
  //! [given]
  auto const blanked = limpid::kernel_mean::marginalised(kernel, x, corruption::blank_out(0.1));
  limpid::vector<double> const variances{0.1, 0.1, 0, 0, 0.4};  // known per column
  auto const measured =
      limpid::kernel_mean::marginalised(kernel, x, corruption::gaussian(variances));
  //! [given]
  CHECK(blanked.level == 0.1);
  CHECK(measured.norm2 < limpid::kernel_mean::shrink(kernel, x).rho);
}
