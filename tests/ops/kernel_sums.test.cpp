// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/kernel_sums.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <functional>
#include <string>
#include <utility>

namespace {

using limpid::kernel_function;
using limpid::matrix;
using limpid::matrix_view;
namespace kernels = limpid::kernels;
namespace ops = limpid::ops;

/// A kernel of x.z, |x - z|_2^2, |x - z|_1, and of x.x, z.z.
using written_out =
    std::function<long double(long double, long double, long double, long double, long double)>;

/// sum_j w_jc k(q_i, r_j) in long double.
template <class T>
std::vector<double> by_hand(matrix<T> const& q, matrix<T> const& r, matrix<double> const& w,
                            written_out const& k) {
  std::vector<double> out(q.rows() * w.cols());
  for (std::size_t i = 0; i < q.rows(); ++i)
    for (std::size_t c = 0; c < w.cols(); ++c) {
      long double sum = 0;
      for (std::size_t j = 0; j < r.rows(); ++j) {
        long double dot = 0, squared = 0, absolute = 0, xx = 0, zz = 0;
        for (std::size_t f = 0; f < q.cols(); ++f) {
          auto const a = static_cast<long double>(q(i, f)), b = static_cast<long double>(r(j, f));
          dot += a * b, squared += (a - b) * (a - b), absolute += std::abs(a - b);
          xx += a * a, zz += b * b;
        }
        sum += static_cast<long double>(w(j, c)) * k(dot, squared, absolute, xx, zz);
      }
      out[i * w.cols() + c] = static_cast<double>(sum);
    }
  return out;
}

template <class T>
void compare(std::size_t n, std::size_t m, std::size_t d, std::size_t sides,
             kernel_function const& kernel, written_out const& k) {
  INFO("n ", n, " m ", m, " d ", d, " sides ", sides, " kernel ", static_cast<int>(kernel.kind));
  auto const q = limpid_test::random_matrix<T>(n, d, -1, 1, 1),
             r = limpid_test::random_matrix<T>(m, d, -1, 1, 2);
  auto const w = limpid_test::random_matrix<double>(m, sides, -1, 1, 3);
  auto const expected = by_hand(q, r, w, k), plain = by_hand(q, r, matrix<double>(m, 1, 1.0), k);
  // simd takes kernel values and weights in T: each of the m terms may be off by the last digits of
  // a float
  double const tolerance = sizeof(T) == 4 ? 1e-6 + 2e-7 * static_cast<double>(m) : 1e-12;
  limpid_test::layouts<T> const queries(q), references(r);
  limpid_test::layouts<double> const weights(w);
  auto const sums = [&](auto const& exec, auto vq, auto vr, auto vw, std::size_t cols) {
    auto const out = ops::make_buffer<double>(exec, n * cols);
    CHECK(ops::kernel_sums(exec, kernel, vq, vr, vw, out.view(n, cols)));
    auto const host = ops::download(exec, out.view(n, cols));
    return std::vector<double>(host.data(), host.data() + n * cols);
  };
  queries.each([&](matrix_view<T const> v) {
    limpid_test::each_policy(
        [&](auto const& exec) { return sums(exec, v, r.view(), w.view(), sides); },
        [&](auto const& got) { CHECK(limpid_test::close(got, expected, tolerance)); });
  });
  references.each([&](matrix_view<T const> v) {
    CHECK(
        limpid_test::close(sums(limpid::simd, q.view(), v, w.view(), sides), expected, tolerance));
  });
  weights.each([&](matrix_view<double const> v) {
    CHECK(
        limpid_test::close(sums(limpid::simd, q.view(), r.view(), v, sides), expected, tolerance));
  });
  limpid_test::each_policy(
      [&](auto const& exec) {
        return sums(exec, q.view(), r.view(), matrix_view<double const>{}, 1);
      },
      [&](auto const& got) { CHECK(limpid_test::close(got, plain, tolerance)); });
  // the reference is exact to the last digits
  CHECK(
      limpid_test::close(sums(limpid::seq, q.view(), r.view(), w.view(), sides), expected, 1e-12));
  limpid_test::device_matrix<T> const dq(q.view()), dr(r.view());
  limpid_test::device_matrix<double> const dw(w.view());
  using there = matrix_view<T const, limpid::memory_space::device>;
  using weights_there = matrix_view<double const, limpid::memory_space::device>;
  CHECK(limpid_test::close(sums(limpid_test::device, there(dq.view()), there(dr.view()),
                                weights_there(dw.view()), sides),
                           expected, 1e-12));
}

struct named {
  char const* name;
  kernel_function kernel;
  written_out by_hand;
};
using real = long double;
std::vector<named> families() {
  auto const root = [](real s, real times, real length) { return std::sqrt(times * s) / length; };
  return {
      {"linear", kernels::linear(), [](real dot, real, real, real, real) { return dot; }},
      {"polynomial", kernels::polynomial(3, 0.5, 1),
       [](real dot, real, real, real, real) { return std::pow(0.5L * dot + 1, 3.0L); }},
      {"gaussian", kernels::gaussian(0.5),
       [](real, real s, real, real, real) { return std::exp(-0.5L * s); }},
      {"laplacian", kernels::laplacian(0.25),
       [](real, real, real a, real, real) { return std::exp(-0.25L * a); }},
      {"matern12", kernels::matern12(1.3),
       [=](real, real s, real, real, real) { return std::exp(-root(s, 1, 1.3)); }},
      {"matern32", kernels::matern32(1.3),
       [=](real, real s, real, real, real) {
         return (1 + root(s, 3, 1.3)) * std::exp(-root(s, 3, 1.3));
       }},
      {"matern52", kernels::matern52(1.3),
       [=](real, real s, real, real, real) {
         auto const r = root(s, 5, 1.3);
         return (1 + r + r * r / 3) * std::exp(-r);
       }},
      {"inverse multiquadric", kernels::inverse_multiquadric(1.7, 0.8, 0.7),
       [](real, real s, real, real, real) {
         return std::pow(0.8L * 0.8L + s / (1.7L * 1.7L), -0.7L);
       }},
      {"rational quadratic", kernels::rational_quadratic(1.3, 0.5),
       [](real, real s, real, real, real) { return 1 / std::sqrt(1 + s / (1.3L * 1.3L)); }},
      {"cauchy", kernels::cauchy(1.7),
       [](real, real s, real, real, real) { return 1 / (1 + s / (1.7L * 1.7L)); }},
      {"sigmoid", kernels::sigmoid(0.5, -0.2),
       [](real dot, real, real, real, real) { return std::tanh(0.5L * dot - 0.2L); }},
      {"combination",
       kernels::gaussian(0.5) +
           2.0 * kernels::linear() * (kernels::linear() + kernels::laplacian(0.2)),
       [](real dot, real s, real a, real, real) {
         return std::exp(-0.5L * s) + 2 * dot * (dot + std::exp(-0.2L * a));
       }},
      {"cosine", 3.0 * kernels::normalised(kernels::linear()),
       [](real dot, real, real, real xx, real zz) { return 3 * dot / std::sqrt(xx * zz); }},
  };
}

TEST_CASE_TEMPLATE("kernel_sums: every kernel, policy and layout", T, float, double) {
  for (auto const& f : families()) {
    INFO(f.name);
    compare<T>(33, 17, 3, 2, f.kernel, f.by_hand);
  }
  auto const gaussian = families()[2], polynomial = families()[1];
  compare<T>(1, 1, 1, 1, gaussian.kernel, gaussian.by_hand);
  compare<T>(255, 33, 3, 1, gaussian.kernel, gaussian.by_hand);
  compare<T>(257, 50, 9, 3, gaussian.kernel, gaussian.by_hand);
  compare<T>(17, 250, 2, 70, gaussian.kernel, gaussian.by_hand);
  compare<T>(257, 50, 2, 50, polynomial.kernel, polynomial.by_hand);
}

TEST_CASE_TEMPLATE("kernel_sums: rows among themselves, every kernel", T, float, double) {
  auto const x = limpid_test::random_matrix<T>(130, 3, 4, 6, 5);
  auto const w = limpid_test::random_matrix<double>(130, 1, -1, 1, 6);
  for (auto const& f : families()) {
    INFO(f.name);
    auto const expected = by_hand(x, x, w, f.by_hand);
    double scale = 1;
    for (double e : expected) scale = (std::max)(scale, std::abs(e));
    limpid_test::each_policy(
        [&](auto const& exec) {
          limpid::vector<double> out(130);
          CHECK(ops::kernel_sums(exec, f.kernel, x.view(), x.view(), w.view(),
                                 limpid::matrix_view<double>(out.data(), 130, 1)));
          return std::vector<double>(out.begin(), out.end());
        },
        [&](auto const& got) {
          double worst = 0;
          for (std::size_t i = 0; i < 130; ++i)
            if (!(std::abs(got[i] - expected[i]) <= worst)) worst = std::abs(got[i] - expected[i]);
          CHECK(worst < (sizeof(T) == 4 ? 6e-5 : 1e-11) * scale);
        });
  }
}

struct tent {  // the user's own
  double width;
  template <class A, class B>
  double operator()(A const& x, B const& z) const {
    double s = 0;
    for (std::size_t c = 0; c < x.size; ++c)
      s += std::abs(static_cast<double>(x[c]) - static_cast<double>(z[c]));
    return s < width ? 1 - s / width : 0;
  }
};
static_assert(limpid::kernel_like<tent>);

TEST_CASE("kernel_sums: a functor of the user's, in tiles") {
  for (std::size_t n :
       {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{33}}) {
    auto const q = limpid_test::random_matrix<double>(n, 2, -1, 1, 1),
               r = limpid_test::random_matrix<double>(20, 2, -1, 1, 2);
    auto const w = limpid_test::random_matrix<double>(20, 2, -1, 1, 3);
    auto const expected = by_hand(
        q, r, w, [](real, real, real a, real, real) { return a < 1.5L ? 1 - a / 1.5L : 0; });
    limpid_test::each_policy(
        [&](auto const& exec) {
          matrix<double> out(n, 2, -1.0);
          CHECK(ops::kernel_sums(exec, tent{1.5}, q.view(), r.view(), w.view(), out.view()));
          return std::vector<double>(out.data(), out.data() + 2 * n);
        },
        [&](auto const& got) { CHECK(limpid_test::close(got, expected, 1e-12)); });
  }
}

TEST_CASE("kernel_function: sums, products, scalings by hand") {
  using namespace limpid::kernels;
  matrix<double> const rows{{1, 2}, {3, -1}};
  auto const x = rows.view().row(0),
             z = rows.view().row(1);  // x.z = 1, |x - z|^2 = 13, |x - z|_1 = 5
  auto const near = [](double a, double b) { return std::abs(a - b) <= 1e-14 * (1 + std::abs(b)); };
  double const g = std::exp(-6.5), l = std::exp(-2.5), c = 1 / (1 + 13.0 / 4);
  CHECK(near((gaussian(.5) + 2.0 * linear())(x, z), g + 2));
  CHECK(near((2.0 * (gaussian(.5) + linear()))(x, z), 2 * g + 2));
  CHECK(near((gaussian(.5) * linear() * 3.0)(x, z), 3 * g));
  CHECK(near(((gaussian(.5) + laplacian(.5)) * (cauchy(2) + linear()))(x, z), (g + l) * (c + 1)));
  CHECK(near((4.0 * (gaussian(.5) * laplacian(.5) + cauchy(2)) * (0.5 * cauchy(2)))(x, z),
             2 * (g * l + c) * c));
  CHECK(near(power(cauchy(2), 3)(x, z), c * c * c));
  CHECK(near(power(polynomial(1, 2, 1) + cauchy(2), 2)(x, z), (3 + c) * (3 + c)));
  CHECK(near(normalised(linear())(x, z), 1 / std::sqrt(5.0 * 10)));
  CHECK(near((normalised(linear() + gaussian(.5)) * normalised(linear()) * 5.0)(x, z),
             5 * (1 + g) / std::sqrt(6.0 * 11) / std::sqrt(50.0)));
  auto const e = gaussian(.5) + 2.0 * polynomial(2);
  CHECK(near(e.diagonal(x), 1 + 2 * 36));
  CHECK(e.diagonal(x) == e(x, x));
  CHECK(near(inverse_multiquadric(3, 0.5, 1.5).diagonal(x), 8));
  CHECK((5.0 * normalised(linear())).diagonal(x) == 5);
  matrix<double> const zero{{0, 0}};
  CHECK(normalised(linear())(x, zero.view().row(0)) == 0);
  CHECK(normalised(linear()).diagonal(zero.view().row(0)) == 0);

  CHECK((gaussian(1) + 2.0 * cauchy(1) * matern52(2)).is_translation_invariant());
  CHECK_FALSE((gaussian(1) + linear()).is_translation_invariant());
  CHECK_FALSE(sigmoid(1).is_translation_invariant());
  CHECK((gaussian(1) + linear()).positive());
  CHECK_FALSE(sigmoid(1).positive());
  CHECK_FALSE((gaussian(1) * sigmoid(1)).positive());

  auto const four = gaussian(1) + gaussian(2) + gaussian(3) + gaussian(4);
  CHECK_NOTHROW(four + four);
  CHECK_THROWS_WITH_AS(
      four + four + linear(),
      "kernels: the combination has more than 8 parts once its products are multiplied out",
      limpid::input_error);
  CHECK_NOTHROW((linear() + cauchy(1)) * (gaussian(1) + gaussian(2)));
  CHECK_THROWS_AS((linear() + cauchy(1)) * (gaussian(1) + gaussian(2) + gaussian(3)),
                  limpid::input_error);
  CHECK_THROWS_WITH_AS(0.0 * linear(), "kernels: factor is 0; it must be above 0 and finite",
                       limpid::input_error);
  CHECK_THROWS_AS(linear() * -1.0, limpid::input_error);
  CHECK_THROWS_WITH_AS(normalised(linear()) + gaussian(1),
                       "kernels: a normalised kernel cannot be added to another",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS(normalised(linear()) * gaussian(1),
                       "kernels: a normalised kernel can be multiplied by a normalised kernel only",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS(power(linear(), 0), "kernels::power: p is 0; it must be at least 1",
                       limpid::input_error);
}

TEST_CASE("kernel_sums: a sample that coincides with the query, by hand") {
  matrix<double> const x{{1, 2}}, z{{1, 2}, {1, 3}, {4, 2}};
  matrix<double> const w{{1}, {10}, {100}};
  limpid_test::each_policy(
      [&](auto const& exec) {
        matrix<double> out(1, 1);
        ops::kernel_sums(exec, kernels::gaussian(1), x.view(), z.view(), w.view(), out.view());
        return out(0, 0);
      },
      [](double got) {
        CHECK(got == doctest::Approx(1 + 10 * std::exp(-1.0) + 100 * std::exp(-9.0)).epsilon(1e-7));
      });
}

TEST_CASE("kernels: how a caller combines them") {
  //! [combining]
  auto const k = limpid::kernels::gaussian(0.5) + 2.0 * limpid::kernels::linear();
  auto const cosine = limpid::kernels::normalised(limpid::kernels::linear());
  auto const steep = limpid::kernels::power(limpid::kernels::cauchy(2), 3);
  //! [combining]
  matrix<double> const x{{1, 2}};
  auto const row = x.view().row(0);
  CHECK(k(row, row) == 11);
  CHECK(cosine(row, row) == doctest::Approx(1));
  CHECK(steep(row, row) == 1);
}

TEST_CASE("in_steps: every tile once, told in order, stopped when asked") {
  for (std::size_t count :
       {std::size_t{0}, std::size_t{1}, std::size_t{99}, std::size_t{100}, std::size_t{1234}}) {
    INFO("count ", count);
    std::vector<int> seen(count);
    std::vector<double> told;
    limpid::progress const go_on = [&](double f) { return told.push_back(f), true; };
    auto const tile = [&](std::size_t t) { ++seen[t]; };
    limpid::par_policy par;
    par.threads = 3;
    CHECK(ops::in_steps(par, count, &go_on, tile));
    CHECK(seen == std::vector<int>(count, 1));
    CHECK(told.size() <= 100);
    for (std::size_t i = 1; i < told.size(); ++i) CHECK(told[i] > told[i - 1]);
    if (count)
      CHECK(told.back() == 1);
    else
      CHECK(told.empty());
    limpid::progress const nobody;
    CHECK(ops::in_steps(limpid::seq, count, &nobody, tile));
    CHECK(ops::in_steps(limpid::seq, count, nullptr, tile));
    CHECK(seen == std::vector<int>(count, 3));
    std::size_t calls = 0;
    limpid::progress const stop = [&](double) { return ++calls < 3; };
    std::vector<int> some(count);
    bool const finished =
        ops::in_steps(limpid::simd, count, &stop, [&](std::size_t t) { ++some[t]; });
    CHECK(finished == (count < 3));
    if (count > 99) {
      std::size_t const run = count / 100 + 1;  // nothing is touched after the third step
      for (std::size_t t = 0; t < count; ++t) CHECK(some[t] == (t < 3 * run ? 1 : 0));
    }
  }
}

}  // namespace
