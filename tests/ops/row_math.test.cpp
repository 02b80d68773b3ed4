// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/row_math.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstdint>
#include <limits>
#include <utility>

namespace {

using limpid::matrix;
using limpid::matrix_view;
using limpid::vector;
using limpid::vector_view;
using limpid_test::close;
using limpid_test::each_policy;
namespace ops = limpid::ops;

/// Soft max, log sum exp, entropy of the soft max and arg max of each row, in long double.
template <class T>
struct answers {
  matrix<double> softmax;
  std::vector<double> sums, entropy;
  vector<std::int32_t> best;
  explicit answers(matrix<T> const& x)
      : softmax(x.rows(), x.cols()), sums(x.rows()), entropy(x.rows()), best(x.rows()) {
    for (std::size_t i = 0; i < x.rows(); ++i) {
      long double total = 0;
      std::size_t top = 0;
      for (std::size_t k = 0; k < x.cols(); ++k) {
        total += std::exp(static_cast<long double>(x(i, k)));
        if (x(i, k) > x(i, top)) top = k;
      }
      long double h = 0;
      for (std::size_t k = 0; k < x.cols(); ++k) {
        long double const p = std::exp(static_cast<long double>(x(i, k))) / total;
        softmax(i, k) = static_cast<double>(p);
        h -= p * std::log(p);
      }
      sums[i] = static_cast<double>(std::log(total));
      entropy[i] = static_cast<double>(h);
      best[i] = static_cast<std::int32_t>(top);
    }
  }
};

template <class T>
std::vector<double> flat(matrix<T> const& m) {
  return {m.data(), m.data() + m.rows() * m.cols()};
}

TEST_CASE_TEMPLATE("row_math: every policy, layout and size", T, float, double) {
  double const tolerance = sizeof(T) == 4 ? 3e-6 : 1e-13;
  for (std::size_t n : {std::size_t{1}, std::size_t{2047}, std::size_t{2049}})
    for (std::size_t K : {std::size_t{1}, std::size_t{3}, std::size_t{16}, std::size_t{37}}) {
      INFO("n ", n, " K ", K);
      auto const x = limpid_test::random_matrix<T>(n, K, -6, 6);
      answers<T> const expected(x);
      matrix<T> p(n, K);
      for (std::size_t i = 0; i < n * K; ++i)
        p.data()[i] = static_cast<T>(expected.softmax.data()[i]);
      limpid_test::layouts<T> const logits(x), shares(p);
      logits.each([&](matrix_view<T const> v) {
        each_policy(
            [&](auto const& exec) {
              vector<std::int32_t> out(n);
              ops::arg_max_rows(exec, v, out.view());
              return out;
            },
            [&](auto const& got) { CHECK(got == expected.best); });
        each_policy(
            [&](auto const& exec) {
              vector<T> out(2 * n);  // every second element of it
              ops::log_sum_exp_rows(exec, v, vector_view<T>(out.data(), n, 2));
              std::vector<double> sums(n);
              for (std::size_t i = 0; i < n; ++i) sums[i] = static_cast<double>(out[2 * i]);
              return sums;
            },
            [&](auto const& got) { CHECK(close(got, expected.sums, tolerance)); });
        each_policy(
            [&](auto const& exec) {
              matrix<T> out(n, K);
              ops::softmax_rows(exec, v, out.view());
              return flat(out);
            },
            [&](auto const& got) { CHECK(close(got, flat(expected.softmax), tolerance)); });
        matrix<T> across(K, n);
        ops::softmax_rows(limpid::simd, v, across.view().transposed());
        CHECK(across(K - 1, n - 1) ==
              doctest::Approx(expected.softmax(n - 1, K - 1)).epsilon(1e-5));
      });
      shares.each([&](matrix_view<T const> v) {
        each_policy(
            [&](auto const& exec) {
              vector<T> out(n);
              ops::entropy_rows(exec, v, out.view());
              return out;
            },
            [&](auto const& got) { CHECK(close(got, expected.entropy, tolerance)); });
      });
      auto in_place = x;
      ops::softmax_rows(limpid::simd, std::as_const(in_place).view(), in_place.view());
      CHECK(close(flat(in_place), flat(expected.softmax), tolerance));
      auto const there = ops::upload(limpid_test::device, x.view());
      auto const out = ops::make_buffer<T>(limpid_test::device, n * K);
      ops::softmax_rows(limpid_test::device,
                        matrix_view<T const, limpid::memory_space::device>(there.view(n, K)),
                        out.view(n, K));
      CHECK(close(flat(ops::download(limpid_test::device, out.view(n, K))), flat(expected.softmax),
                  tolerance));
    }
}

TEST_CASE("row_math: large logits, ties, and 0 log 0") {
  double const infinity = std::numeric_limits<double>::infinity();
  matrix<double> const x{{1000, 1000, -1000}, {-1e300, 2, -1e300}, {3, 3, 3}};
  vector<double> const third(1, 3 + std::log(3.0));
  each_policy(
      [&](auto const& exec) {
        matrix<double> s(3, 3);
        vector<double> sums(3);
        vector<std::int32_t> best(3);
        ops::softmax_rows(exec, x.view(), s.view());
        ops::log_sum_exp_rows(exec, x.view(), sums.view());
        ops::arg_max_rows(exec, x.view(), best.view());
        CHECK(best == vector<std::int32_t>{0, 1, 0});
        std::vector<double> out = flat(s);
        out.insert(out.end(), sums.begin(), sums.end());
        return out;
      },
      [&](auto const& got) {
        CHECK(close(got,
                    std::vector<double>{0.5, 0.5, 0, 0, 1, 0, 1. / 3, 1. / 3, 1. / 3,
                                        1000 + std::log(2.0), 2, third[0]},
                    1e-14));
      });
  matrix<double> const p{{0, 1, 0}, {0.5, 0.5, -0.1}}, low(1, 3, -infinity);
  each_policy(
      [&](auto const& exec) {
        vector<double> h(2), sum(1);
        ops::entropy_rows(exec, p.view(), h.view());
        ops::log_sum_exp_rows(exec, low.view(), sum.view());
        CHECK(sum[0] == -infinity);
        return h;
      },
      [&](auto const& h) {
        CHECK(h[0] == 0);
        CHECK(h[1] == doctest::Approx(std::log(2.0)).epsilon(1e-14));
      });
}

}  // namespace
