// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <limpid/simd/rows.hpp>

using namespace lanes_test;
namespace lanes = limpid::lanes;

namespace {
constexpr std::size_t widths[] = {1,  2,  3,  7,  8,  9,  10, 15,  16, 17,
                                  31, 32, 33, 34, 47, 64, 65, 100, 257};
constexpr std::size_t heights[] = {0, 1, 2, 15, 16, 17, 63, 64, 65, 131};

template <class T>
padded<T> exact_softmax(padded<T> const& x) {
  padded<T> p(x.n, x.K, 3);
  for (std::size_t i = 0; i < x.n; ++i) {
    long double m = -std::numeric_limits<long double>::infinity(), s = 0;
    for (std::size_t k = 0; k < x.K; ++k) m = std::max(m, static_cast<long double>(x(i, k)));
    for (std::size_t k = 0; k < x.K; ++k) s += std::exp(x(i, k) - m);
    for (std::size_t k = 0; k < x.K; ++k) p(i, k) = static_cast<T>(std::exp(x(i, k) - m) / s);
  }
  return p;
}
}  // namespace

TEST_CASE_TEMPLATE("softmax, log_sum_exp, entropy against long double", T, float, double) {
  for_each_set([&] {
    for (std::size_t K : widths)
      for (std::size_t n : heights) {
        CAPTURE(K);
        CAPTURE(n);
        auto const x = random_rows<T>(n, K, 3, 11, 5.0, 4.0);
        auto const p = exact_softmax(x);
        padded<T> got(n, K, 2);
        std::vector<T> lse(n), h(n);
        lanes::softmax(x.data.data(), x.ld, got.data.data(), got.ld, n, K);
        lanes::log_sum_exp(x.data.data(), x.ld, n, K, lse.data());
        lanes::entropy(p.data.data(), p.ld, n, K, h.data());
        double worst = 0, worst_lse = 0, worst_h = 0;
        for (std::size_t i = 0; i < n; ++i) {
          long double s = 0, e = 0;
          for (std::size_t k = 0; k < K; ++k) {
            worst = std::max(worst, std::fabs(static_cast<double>(got(i, k) - p(i, k))));
            s += std::exp(static_cast<long double>(x(i, k)));
            if (p(i, k) > 0) e -= p(i, k) * std::log(static_cast<long double>(p(i, k)));
          }
          worst_lse = std::max(worst_lse, static_cast<double>(std::fabs(lse[i] - std::log(s)) /
                                                              (1 + std::fabs(std::log(s)))));
          worst_h = std::max(worst_h, static_cast<double>(std::fabs(h[i] - e)));
          if (i + 1 < n) CHECK(std::isnan(got(i, K)));
        }
        CHECK(worst < tolerance<T>);
        CHECK(worst_lse < tolerance<T>);
        CHECK(worst_h < 4 * tolerance<T>);
        auto copy = x;
        lanes::softmax(copy.data.data(), copy.ld, copy.data.data(), copy.ld, n, K);
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t k = 0; k < K; ++k) CHECK(copy(i, k) == got(i, k));
      }
  });
}

TEST_CASE_TEMPLATE("rows of infinities and zeros", T, float, double) {
  T const inf = std::numeric_limits<T>::infinity();
  for_each_set([&] {
    for (std::size_t K : sizes{3, 40}) {
      padded<T> x(2, K, 1);
      for (std::size_t k = 0; k < K; ++k) x(0, k) = x(1, k) = -inf;
      x(1, K - 1) = 1000;
      std::vector<T> out(2);
      lanes::log_sum_exp(x.data.data(), x.ld, 2, K, out.data());
      CHECK(out[0] == -inf);
      CHECK(out[1] == T(1000));
      std::vector<std::int32_t> at(2);
      lanes::arg_max(x.data.data(), x.ld, 2, K, at.data());
      CHECK(at[0] == 0);
      CHECK(at[1] == static_cast<int>(K - 1));
      for (std::size_t k = 0; k < K; ++k) x(0, k) = T(0);
      x(0, 1) = 1;
      lanes::entropy(x.data.data(), x.ld, 1, K, out.data());
      CHECK(out[0] == T(0));
    }
  });
}

TEST_CASE_TEMPLATE("arg_max with ties", T, float, double) {
  std::mt19937 gen(5);
  for_each_set([&] {
    for (std::size_t K : widths)
      for (std::size_t n : heights) {
        CAPTURE(K);
        padded<T> p(n, K, 3);
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t k = 0; k < K; ++k) p(i, k) = static_cast<T>(gen() % 8) * T(0.125);
        std::vector<std::int32_t> best(n + 1, -9);
        lanes::arg_max(p.data.data(), p.ld, n, K, best.data());
        for (std::size_t i = 0; i < n; ++i) {
          std::size_t w = 0;
          for (std::size_t k = 0; k < K; ++k)
            if (p(i, k) > p(i, w)) w = k;
          CHECK(best[i] == static_cast<int>(w));
        }
        CHECK(best[n] == -9);
      }
  });
}

TEST_CASE_TEMPLATE("row_check finds the first bad row and says why", T, float, double) {
  for_each_set([&] {
    for (std::size_t K : widths)
      for (std::size_t n : sizes{std::size_t{1}, std::size_t{17}, std::size_t{70}}) {
        auto p = exact_softmax(random_rows<T>(n, K, 0, 2));
        CHECK(lanes::row_check(p.data.data(), p.ld, n, K, 1e-5).row == n);
        for (std::size_t bad : sizes{std::size_t{0}, n / 2, n - 1}) {
          auto q = p;
          q(bad, K - 1) = std::numeric_limits<T>::quiet_NaN();
          auto r = lanes::row_check(q.data.data(), q.ld, n, K, 1e-5);
          CHECK(r.row == bad);
          CHECK(r.fault == lanes::row_fault::not_finite);
          q(bad, K - 1) = -std::numeric_limits<T>::infinity();
          CHECK(lanes::row_check(q.data.data(), q.ld, n, K, 1e-5).fault ==
                lanes::row_fault::not_finite);
          q(bad, K - 1) = T(-0.01);
          CHECK(lanes::row_check(q.data.data(), q.ld, n, K, 1e-5).fault ==
                lanes::row_fault::out_of_range);
          q(bad, K - 1) = T(1.01);
          r = lanes::row_check(q.data.data(), q.ld, n, K, 10.0);
          CHECK(r.row == bad);
          CHECK(r.fault == lanes::row_fault::out_of_range);
          if (K > 1) {
            for (std::size_t k = 0; k < K; ++k) q(bad, k) = T(0.9);
            r = lanes::row_check(q.data.data(), q.ld, n, K, 1e-2);
            CHECK(r.row == bad);
            CHECK(r.fault == lanes::row_fault::bad_sum);
            CHECK(r.value == doctest::Approx(0.9 * static_cast<double>(K)));
          }
        }
      }
  });
}
