// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/spectral_shrink.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/kernel_mean/ridge_shrink.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::kernel_mean::parameter_rule;
using limpid::kernel_mean::ridge_shrink;
using limpid::kernel_mean::spectral_filter;
using limpid::kernel_mean::spectral_shrink;
using limpid::kernel_mean::spectral_shrink_options;
using matrix = limpid::matrix<double>;
constexpr spectral_filter filters[] = {spectral_filter::tikhonov,
                                       spectral_filter::iterated_tikhonov, spectral_filter::cut_off,
                                       spectral_filter::landweber, spectral_filter::nu_method};

bool close(double a, double b, double tolerance = 1e-10) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}
template <class A, class B>
double apart(A const& a, B const& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::fmax(worst, std::abs(a[i] - b[i]));
  return worst;
}
matrix bells(std::size_t n, std::size_t d, unsigned seed, double centre) {
  std::mt19937 draw(seed);
  std::normal_distribution<double> bell(centre, 1);
  matrix out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = bell(draw);
  return out;
}
matrix gram(matrix const& x, double gamma) {
  matrix out(x.rows(), x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < x.rows(); ++j) {
      double gap = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) gap += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      out(i, j) = std::exp(-gamma * gap);
    }
  return out;
}
std::vector<double> times(matrix const& K, std::vector<double> const& v) {
  std::vector<double> out(v.size());
  for (std::size_t i = 0; i < v.size(); ++i)
    for (std::size_t j = 0; j < v.size(); ++j) out[i] += K(i, j) * v[j];
  return out;
}
/// (K + lambda)^-1 b.
std::vector<double> solved(matrix const& K, double lambda, std::vector<double> b) {
  matrix a = K;
  std::size_t const m = b.size();
  for (std::size_t i = 0; i < m; ++i) a(i, i) += lambda;
  for (std::size_t c = 0; c < m; ++c)
    for (std::size_t r = 0; r < m; ++r)
      if (r != c) {
        double const f = a(r, c) / a(c, c);
        for (std::size_t k = c; k < m; ++k) a(r, k) -= f * a(c, k);
        b[r] -= f * b[c];
      }
  for (std::size_t i = 0; i < m; ++i) b[i] /= a(i, i);
  return b;
}
double largest(matrix const& K) {
  std::vector<double> v(K.rows(), 1);
  double norm = 1;
  for (int i = 0; i < 300; ++i) {
    v = times(K, v);
    norm = 0;
    for (double x : v) norm += x * x;
    norm = std::sqrt(norm);
    for (double& x : v) x /= norm;
  }
  return norm;
}

/// The recursions as the papers write them.
std::vector<double> fitted(matrix const& K, spectral_shrink_options const& o) {
  std::size_t const m = K.rows();
  auto const mean = times(K, std::vector<double>(m, 1 / static_cast<double>(m)));
  std::vector<double> b(m), before(m);
  if (o.filter == spectral_filter::tikhonov) return solved(K, *o.lambda, mean);
  if (o.filter == spectral_filter::iterated_tikhonov) {
    for (int s = 0; s < o.order; ++s) {
      auto right = mean;
      for (std::size_t i = 0; i < m; ++i) right[i] += *o.lambda * b[i];
      b = solved(K, *o.lambda, right);
    }
    return b;
  }
  double const top = largest(K);
  for (int i = 1; i <= o.iterations; ++i) {
    auto const image = times(K, b);
    double const k = i, nu = o.nu;
    double u = 0, om = o.step;
    if (o.filter == spectral_filter::nu_method) {
      if (i > 1)
        u = (k - 1) * (2 * k - 3) * (2 * k + 2 * nu - 1) /
            ((k + 2 * nu - 1) * (2 * k + 4 * nu - 1) * (2 * k + 2 * nu - 3));
      om = 4 * (2 * k + 2 * nu - 1) * (k + nu - 1) / ((k + 2 * nu - 1) * (2 * k + 4 * nu - 1));
    }
    for (std::size_t j = 0; j < m; ++j) {
      double const old = b[j];
      b[j] += u * (b[j] - before[j]) + om * (mean[j] - image[j]) / top;
      before[j] = old;
    }
  }
  return b;
}
double left_out(matrix const& K, spectral_shrink_options const& o) {
  std::size_t const n = K.rows();
  double total = 0;
  for (std::size_t out = 0; out < n; ++out) {
    matrix part(n - 1, n - 1);
    for (std::size_t i = 0; i + 1 < n; ++i)
      for (std::size_t j = 0; j + 1 < n; ++j) part(i, j) = K(i + (i >= out), j + (j >= out));
    auto const b = fitted(part, o), kb = times(part, b);
    total += K(out, out);
    for (std::size_t i = 0; i + 1 < n; ++i)
      total += b[i] * kb[i] - 2 * b[i] * K(out, i + (i >= out));
  }
  return total / static_cast<double>(n);
}
/// `o` with the parameter that `r` ended at.
template <class Result>
spectral_shrink_options same(spectral_shrink_options o, Result const& r) {
  if (std::isnan(r.lambda))
    o.iterations = r.iterations;
  else
    o.lambda = r.lambda;
  return o;
}

}  // namespace

TEST_CASE("spectral_shrink: two points on a line, by hand") {
  // linear kernel on 1 and 2: eigenvalue 5 along (1, 2), 1/n has 1.5 / 5 of it; and 0
  matrix const x{{1}, {2}};
  auto const beta = [&](spectral_shrink_options const& o) {
    return spectral_shrink(kernels::linear(), x, o);
  };
  auto const t = beta({.filter = spectral_filter::tikhonov, .lambda = 5});
  CHECK(close(t.beta[0], 0.15));
  CHECK(close(t.beta[1], 0.3));
  CHECK(close(t.norm2, 0.75 * 0.75));
  CHECK(close(t.largest, 5));
  CHECK(t.rule == parameter_rule::given);
  CHECK(close(beta({.filter = spectral_filter::iterated_tikhonov, .lambda = 5, .order = 3}).beta[1],
              0.6 * 7 / 8));
  CHECK(close(beta({.filter = spectral_filter::cut_off, .lambda = 4.9}).beta[1], 0.6));
  CHECK(close(beta({.filter = spectral_filter::cut_off, .lambda = 5.1}).beta[1], 0));
  CHECK(close(beta({.iterations = 2, .step = 0.5}).beta[1], 0.6 * 0.75));
  // nu = 1, one step: 4 (3)(1) / (2 * 5) = 1.2
  CHECK(close(beta({.filter = spectral_filter::nu_method, .iterations = 1}).beta[1], 0.6 * 1.2));
}

TEST_CASE("spectral_shrink: golden values, eigendecomposition in numpy") {
  auto const g = limpid_test::golden("kmse.json");
  auto const x = limpid_test::to_matrix(g["X"]);
  double const gamma =
      0.5 / g["sigma2_RBF (median squared distance, k=exp(-d2/(2 sigma2)))"].get<double>();
  auto const& e = g["spectral_filters_RBF"];
  struct {
    char const* name;
    spectral_shrink_options o;
  } const cases[] = {{"tikhonov lambda=0.3", {.filter = spectral_filter::tikhonov, .lambda = 0.3}},
                     {"iterated_tikhonov lambda=0.3 t=5",
                      {.filter = spectral_filter::iterated_tikhonov, .lambda = 0.3, .order = 5}},
                     {"tsvd lambda=0.3", {.filter = spectral_filter::cut_off, .lambda = 0.3}},
                     {"landweber eta=1/lambda_max t=5", {.iterations = 5}},
                     {"nu_method nu=1 t=5 (K scaled by lambda_max)",
                      {.filter = spectral_filter::nu_method, .iterations = 5}}};
  for (auto const& c : cases) {
    CAPTURE(c.name);
    auto const r = spectral_shrink(kernels::gaussian(gamma), x, c.o);
    CHECK(apart(r.beta, e[c.name].get<std::vector<double>>()) < 1e-10);
    CHECK(close(r.largest, e["kappa_lambda_max(K)"].get<double>(), 1e-12));
    CHECK(std::isnan(r.score));
  }
}

TEST_CASE("spectral_shrink: every filter is its recursion, its score what leaving out gives") {
  auto x = bells(11, 3, 5, 0.4);
  for (std::size_t c = 0; c < 3; ++c) x(10, c) = x(2, c);  // K is singular
  double const gamma = 0.3;
  auto const k = kernels::gaussian(gamma);
  matrix const K = gram(x, gamma);
  for (auto f : filters) {
    CAPTURE(static_cast<int>(f));
    spectral_shrink_options const o{.filter = f, .nu = 1.5, .step = 0.7, .most_iterations = 12};
    auto const r = spectral_shrink(k, x, o);
    CHECK(r.rule == parameter_rule::leave_one_out);
    CHECK(r.score <= r.plain_score);
    CHECK(r.admissible);
    CHECK_FALSE(r.total_shrinkage);
    for (double s : r.scores) CHECK(r.score <= s);
    if (f == spectral_filter::cut_off) continue;
    CHECK(apart(r.beta, fitted(K, same(o, r))) < 1e-10);
    CHECK(close(r.score, left_out(K, same(o, r)), 1e-9));
    for (std::size_t g = 0; g < r.scores.size(); g += 11) {
      auto at = o;
      if (std::isnan(r.lambda))
        at.iterations = static_cast<int>(r.parameters[g]);
      else
        at.lambda = r.parameters[g];
      CHECK(close(r.scores[g], left_out(K, at), 1e-9));
    }
    auto const b = fitted(K, same(o, r)), kb = times(K, b);
    double norm2 = 0;
    for (std::size_t i = 0; i < 11; ++i) norm2 += b[i] * kb[i];
    CHECK(close(r.norm2, norm2));
  }
  // nu = 1/2: the first step's 0 / 0 is 0
  spectral_shrink_options const half{
      .filter = spectral_filter::nu_method, .iterations = 9, .nu = 0.5};
  CHECK(apart(spectral_shrink(k, x, half).beta, fitted(K, half)) < 1e-10);
}

TEST_CASE("spectral_shrink: Tikhonov is ridge_shrink; cut-off of one column by hand") {
  auto const x = bells(30, 4, 9, 0.5);
  auto const k = kernels::gaussian(0.2);
  auto const s = spectral_shrink(k, x, {.filter = spectral_filter::tikhonov});
  auto const r = ridge_shrink(k, x);
  CHECK(s.lambda == r.lambda);
  CHECK(s.beta == r.beta);
  CHECK(s.score == r.score);
  CHECK(apart(spectral_shrink(k, x, {.filter = spectral_filter::tikhonov, .lambda = 0.4}).beta,
              ridge_shrink(k, x, {.lambda = 0.4}).beta) < 1e-12);
  // K = x x': the mean of the others is kept where their squares sum to lambda or more
  matrix const line{{1}, {2}, {3}};
  auto const c = spectral_shrink(kernels::linear(), line,
                                 {.filter = spectral_filter::cut_off, .grid = 40, .grid_low = 0.1});
  double const left[] = {13, 10, 5}, gap[] = {1.5, 0, -1.5};
  for (std::size_t g = 0; g < 40; ++g) {
    double want = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      double const v = line(i, 0), miss = left[i] >= c.parameters[g] ? gap[i] : v;
      want += miss * miss / 3;
    }
    CHECK(close(c.scores[g], want));
  }
}

TEST_CASE("spectral_shrink: rows held out; products instead of a stored matrix") {
  auto const x = bells(90, 3, 12, 0.4);
  auto const k = kernels::gaussian(0.25);
  matrix const K = gram(x, 0.25);
  for (auto f : filters) {
    CAPTURE(static_cast<int>(f));
    spectral_shrink_options o{
        .filter = f, .most_iterations = 30, .leave_one_out_rows = 20, .seed = 4};
    auto const exact = spectral_shrink(k, x, o);
    bool const ridge = f == spectral_filter::tikhonov;
    CHECK((exact.rule == parameter_rule::hold_out) == !ridge);
    CHECK(exact.score <= exact.plain_score);
    if (f == spectral_filter::cut_off) continue;
    CHECK(apart(exact.beta, fitted(K, same(o, exact))) < 1e-9);
    // The same parameter without the matrix.
    auto fixed = same(o, exact);
    auto const stored = spectral_shrink(k, x, fixed);
    fixed.exact_rows = 10;
    auto const streamed = spectral_shrink(k, x, fixed);
    CHECK(streamed.products > 0);
    CHECK(streamed.converged);
    double const top = largest(K);
    if (limpid::kernel_mean::detail::spectral::has_lambda(f)) {
      CHECK(apart(streamed.beta, stored.beta) < 1e-8);
      CHECK(close(streamed.norm2, stored.norm2, 1e-8));
    } else {
      CHECK(streamed.largest >= top);
      CHECK(streamed.largest < 1.06 * top);
    }
    if (f == spectral_filter::iterated_tikhonov) continue;
    o.exact_rows = 10;
    auto const chosen = spectral_shrink(k, x, o);
    CHECK(chosen.rule == parameter_rule::hold_out);
    CHECK(chosen.score <= chosen.plain_score);
    CHECK(chosen.beta.size() == 90);
    if (!ridge) {  // the same rows: a step a twentieth shorter
      CHECK(std::abs(chosen.iterations - exact.iterations) <= 1 + exact.iterations / 10);
      CHECK(close(chosen.score, exact.score, 1e-2));
      CHECK(close(chosen.plain_score, exact.plain_score));
    }
    CHECK(spectral_shrink(k, x, same(o, chosen)).beta == chosen.beta);
  }
}

TEST_CASE("spectral_shrink: a split by hand") {
  // What is held out is the same for every filter: the score of one given step, written out.
  auto const x = bells(25, 2, 3, 0.5);
  double const gamma = 0.4;
  spectral_shrink_options const o{.most_iterations = 3, .leave_one_out_rows = 0, .seed = 9};
  auto const r = spectral_shrink(kernels::gaussian(gamma), x, o);
  auto const [fit, held] = limpid::kernel_mean::detail::spectral::split_rows(25, 0.2, 9);
  CHECK(fit.size() == 20);
  CHECK(held.size() == 5);
  matrix const K = gram(x, gamma);
  matrix part(20, 20);
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t j = 0; j < 20; ++j) part(i, j) = K(fit[i], fit[j]);
  auto const score = [&, &fit_rows = fit, &held_rows = held](spectral_shrink_options const& at) {
    auto const b = fitted(part, at), kb = times(part, b);
    double sum = 0;
    for (std::size_t i = 0; i < 20; ++i) {
      sum += b[i] * kb[i];
      for (auto h : held_rows) sum -= 2 * b[i] * K(fit_rows[i], h) / 5;
    }
    for (auto h : held_rows)
      for (auto g : held_rows) sum += K(h, g) / 25;
    return sum;
  };
  for (int t = 1; t <= 3; ++t) {
    auto at = o;
    at.iterations = t;
    CHECK(close(r.scores[static_cast<std::size_t>(t - 1)], score(at)));
  }
  // All lambdas by one run of conjugate gradients; those for 25 rows are 25 / 20 of those for 20.
  spectral_shrink_options const ridge{.filter = spectral_filter::tikhonov,
                                      .grid = 9,
                                      .leave_one_out_rows = 0,
                                      .seed = 9,
                                      .exact_rows = 0};
  auto const many = spectral_shrink(kernels::gaussian(gamma), x, ridge);
  CHECK(many.rule == parameter_rule::hold_out);
  CHECK(many.parameters.size() == 9);
  CHECK(close(many.parameters[8] / many.parameters[0], 1e7));
  for (std::size_t g = 0; g < 9; ++g) {
    auto at = ridge;
    at.lambda = many.parameters[g] * 20 / 25;
    CHECK(close(many.scores[g], score(at), 1e-5));
  }
  auto final_lambda = ridge;
  final_lambda.lambda = many.lambda;
  CHECK(apart(many.beta, fitted(K, final_lambda)) < 1e-9);
}

TEST_CASE("spectral_shrink: policies and value types") {
  auto const x = bells(60, 4, 30, 0.4);
  auto const k = kernels::gaussian(0.2);
  limpid_test::device_matrix<double> const there(x.view());
  limpid::matrix<float> single(60, 4);
  for (std::size_t i = 0; i < 240; ++i) single.data()[i] = static_cast<float>(x.data()[i]);
  for (std::size_t exact : {std::size_t{0}, std::size_t{5000}}) {
    spectral_shrink_options const o{.filter = spectral_filter::nu_method,
                                    .most_iterations = 15,
                                    .leave_one_out_rows = exact ? 100u : 0u,
                                    .exact_rows = exact};
    auto const plain = spectral_shrink(limpid::seq, k, x, o),
               wide = spectral_shrink(limpid::simd, k, x, o);
    CHECK(apart(plain.beta, wide.beta) < 1e-10);
    for (int threads : {1, 2, 3, 7}) {
      auto const par = spectral_shrink(limpid::par_policy{.threads = threads}, k, x, o);
      CHECK(par.beta == wide.beta);
      CHECK(par.scores == wide.scores);
    }
    CHECK(spectral_shrink(limpid_test::device, k, there, o).beta == plain.beta);
    double top = 0;
    for (double b : wide.beta) top = std::fmax(top, std::abs(b));
    CHECK(apart(spectral_shrink(k, single, same(o, wide)).beta, wide.beta) < 1e-4 * top);
  }
}

TEST_CASE("spectral_shrink: limits, total shrinkage, no kernel") {
  auto const x = bells(12, 2, 7, 0.5);
  auto const k = kernels::gaussian(1);
  for (auto f : filters) {
    CAPTURE(static_cast<int>(f));
    bool const by_lambda = limpid::kernel_mean::detail::spectral::has_lambda(f);
    spectral_shrink_options o{.filter = f};
    if (by_lambda)
      o.lambda = 1e-13;
    else
      o.iterations = f == spectral_filter::nu_method ? 1000 : 100000;
    double worst = 0;
    matrix const K = gram(x, 1);
    auto b = spectral_shrink(k, x, o).beta;
    std::vector<double> gap(12);
    for (std::size_t i = 0; i < 12; ++i) gap[i] = b[i] - 1.0 / 12;
    auto const image = times(K, gap);  // the means, not the weights: some eigenvalues are tiny
    for (double v : image) worst = std::fmax(worst, std::abs(v));
    CHECK(worst < 3e-5);
    if (by_lambda) {
      o.lambda = 1e9;
      for (double v : spectral_shrink(k, x, o).beta) CHECK(std::abs(v) < 1e-7);
      o.lambda = 0;
      for (double v : spectral_shrink(k, x, o).beta) CHECK(close(v, 1.0 / 12, 1e-13));
    }
    o = {.filter = f};
    auto const none = spectral_shrink(kernels::linear(), matrix{{1}, {-1}, {0.5}, {-0.5}}, o);
    CHECK(none.total_shrinkage);
    CHECK(none.norm2 == 0);
    for (double v : none.beta) CHECK(v == 0);
    auto const zero = spectral_shrink(kernels::linear(), matrix{{0}, {0}, {0}}, o);
    CHECK(zero.score == 0);
    CHECK(zero.norm2 == 0);
    for (double v : zero.beta) CHECK(std::isfinite(v));
  }
}

TEST_CASE("spectral_shrink: bad input, progress") {
  auto const k = kernels::gaussian(1);
  matrix const two{{1}, {2}};
  auto const says = [&](spectral_shrink_options const& o, char const* words) {
    CHECK_THROWS_WITH_AS(spectral_shrink(k, two, o), words, input_error);
  };
  CHECK_THROWS_WITH_AS(
      spectral_shrink(k, matrix{{1}}),
      "kernel_mean::spectral_shrink: x has 1 rows; leaving one out needs at least 2", input_error);
  CHECK_NOTHROW(spectral_shrink(k, two));
  CHECK_THROWS_WITH_AS(spectral_shrink(k, matrix{{1}, {std::nan("")}}),
                       "kernel_mean::spectral_shrink: x row 1 has an entry that is not finite",
                       input_error);
  says({.filter = spectral_filter::cut_off, .lambda = -1},
       "kernel_mean::spectral_shrink: lambda is -1; it must be at least 0 and finite");
  says({.lambda = 1}, "kernel_mean::spectral_shrink: this filter has no lambda; give iterations");
  says({.filter = spectral_filter::iterated_tikhonov, .iterations = 2},
       "kernel_mean::spectral_shrink: this filter has no iterations; give lambda, and order");
  says({.iterations = -1}, "kernel_mean::spectral_shrink: iterations is -1; it must be at least 0");
  says({.filter = spectral_filter::iterated_tikhonov, .order = 0},
       "kernel_mean::spectral_shrink: order is 0; it must be at least 1");
  says({.filter = spectral_filter::nu_method, .nu = 0.4},
       "kernel_mean::spectral_shrink: nu is 0.4; it must be at least 0.5 and finite");
  CHECK_NOTHROW(spectral_shrink(k, two, {.filter = spectral_filter::nu_method, .nu = 0.5}));
  says({.step = 1.5}, "kernel_mean::spectral_shrink: step is 1.5; it must be in (0, 1]");
  says({.grid = 2}, "kernel_mean::spectral_shrink: grid is 2; it must be at least 3");
  says({.grid_low = 0},
       "kernel_mean::spectral_shrink: the grid is from 0 to 1000; it must be 0 < low < high");
  says({.most_iterations = 0},
       "kernel_mean::spectral_shrink: most_iterations is 0; it must be at least 1");
  says({.held_out = 1}, "kernel_mean::spectral_shrink: held_out is 1; it must be in (0, 1)");
  says({.leave_one_out_rows = 1},
       "kernel_mean::spectral_shrink: x has 2 rows; holding some out needs at least 3");
  says({.filter = spectral_filter::cut_off, .lambda = 1, .exact_rows = 1},
       "kernel_mean::spectral_shrink: x has 2 rows, more than exact_rows = 1; cut_off needs the "
       "eigenvectors");
  says({.filter = spectral_filter::iterated_tikhonov, .leave_one_out_rows = 9, .exact_rows = 1},
       "kernel_mean::spectral_shrink: x has 2 rows, more than exact_rows = 1; give "
       "iterated_tikhonov its lambda");
  CHECK_THROWS_WITH_AS(
      spectral_shrink(kernels::polynomial(4), matrix{{1e100}, {1}}),
      "kernel_mean::spectral_shrink: x row 0 has a kernel value that is not finite; scale x, or "
      "the kernel",
      input_error);
  CHECK_THROWS_WITH_AS(
      spectral_shrink(kernels::sigmoid(1), two),
      "kernel_mean::spectral_shrink: the sigmoid kernel is not positive semidefinite; take another",
      input_error);
  auto const x = bells(70, 2, 1, 0.2);
  for (std::size_t exact : {std::size_t{0}, std::size_t{5000}})
    for (auto f : {spectral_filter::tikhonov, spectral_filter::landweber}) {
      CHECK(spectral_shrink(k, x,
                            {.filter = f,
                             .leave_one_out_rows = 0,
                             .exact_rows = exact,
                             .on_progress = [](double) { return false; }})
                .stopped);
      double last = 0;
      bool rising = true;
      CHECK_FALSE(spectral_shrink(k, x,
                                  {.filter = f,
                                   .leave_one_out_rows = 0,
                                   .exact_rows = exact,
                                   .on_progress =
                                       [&](double p) {
                                         rising = rising && p >= last;
                                         last = p;
                                         return true;
                                       }})
                      .stopped);
      CHECK(rising);
      CHECK(last == 1);
    }
}

TEST_CASE("spectral_shrink: how a caller reads it") {
  auto const x = bells(40, 5, 1, 0.3), queries = bells(4, 5, 2, 0.2);
  //! [spectral_shrink]
  auto const kernel = limpid::kernels::gaussian(0.1);
  auto const shrunk = limpid::kernel_mean::spectral_shrink(
      kernel, x, {.filter = limpid::kernel_mean::spectral_filter::nu_method});
  auto const mean = limpid::kernel_mean::evaluate(kernel, x, queries, shrunk.beta);
  //! [spectral_shrink]
  CHECK(shrunk.score < shrunk.plain_score);
  CHECK(mean.value.size() == 4);
}
