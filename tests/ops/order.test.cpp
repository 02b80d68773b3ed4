// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/order.hpp>

#include <doctest/doctest.h>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace {

using limpid::matrix;
using limpid::matrix_view;
using limpid::vector;
using limpid::vector_view;
using limpid::ops::quantile_rule;
using limpid_test::each_policy;
namespace ops = limpid::ops;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The sorted column's element, as numpy.quantile defines it.
template <class T>
double sorted_quantile(matrix<T> const& x, std::size_t k, double q, quantile_rule rule) {
  std::vector<double> v(x.rows());
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(x(i, k));
  std::sort(v.begin(), v.end());
  double const at = q * static_cast<double>(v.size() - 1);
  auto const low = static_cast<std::size_t>(at), high = (std::min)(low + 1, v.size() - 1);
  double const rest = at - static_cast<double>(low);
  if (rule == quantile_rule::higher) return rest > 1e-9 ? v[high] : v[low];
  return v[low] + rest * (v[high] - v[low]);
}

template <class T>
std::size_t scanned_arg_max(matrix<T> const& x, std::size_t k, double limit) {
  std::size_t best = x.rows();
  for (std::size_t i = 0; i < x.rows(); ++i)
    if (static_cast<double>(x(i, k)) < limit && (best == x.rows() || x(i, k) > x(best, k)))
      best = i;
  return best;
}

TEST_CASE("column_quantiles: five values, by hand") {
  matrix<double> const x{{4, 1}, {0, 1}, {3, 1}, {1, 1}, {2, 7}};
  CHECK(ops::column_quantiles(limpid::simd, x.view(), 0.5, quantile_rule::higher) ==
        vector<double>{2, 1});
  CHECK(ops::column_quantiles(limpid::simd, x.view(), 0.6, quantile_rule::higher) ==
        vector<double>{3, 1});
  CHECK(ops::column_quantiles(limpid::simd, x.view(), 0.625, quantile_rule::linear) ==
        vector<double>{2.5, 1});
  CHECK(ops::column_quantiles(limpid::simd, x.view(), 1, quantile_rule::linear) ==
        vector<double>{4, 7});
  CHECK(ops::column_quantiles(limpid::simd, x.view(), 0, quantile_rule::higher) ==
        vector<double>{0, 1});
  // 0.97 * 100 is a little above 97 in floating point, and is 97
  matrix<double> hundred(101, 1);
  for (std::size_t i = 0; i < 101; ++i) hundred(i, 0) = static_cast<double>(i);
  CHECK(ops::quantile(limpid::seq, vector_view<double const>(hundred.data(), 101), 0.97,
                      quantile_rule::higher) == 97);
  CHECK(ops::quantile(limpid::seq, vector_view<double>(hundred.data(), 51, 2), 0.5,
                      quantile_rule::linear) == 50);
}

TEST_CASE_TEMPLATE("column_quantiles: sorted columns, on both sides of the sample", T, float,
                   double) {
  for (std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{16384}, std::size_t{16385},
                        std::size_t{30011}}) {
    auto x = limpid_test::random_matrix<T>(n, 5, 0, 1);
    for (std::size_t i = 0; i < n; ++i) {
      x(i, 1) = static_cast<T>(i < n / 3 ? 0 : 1);               // two values
      x(i, 2) = static_cast<T>(i);                               // ascending
      x(i, 3) = static_cast<T>(static_cast<int>(x(i, 3) * 20));  // many ties
      x(i, 4) = static_cast<T>(0.25);                            // one value
    }
    limpid_test::layouts<T> const all(x);
    for (double q : {0.0, 0.003, 0.5, 0.97, 0.9999, 1.0})
      for (auto rule : {quantile_rule::higher, quantile_rule::linear}) {
        INFO("n ", n, " q ", q);
        vector<double> expected(5);
        for (std::size_t k = 0; k < 5; ++k) expected[k] = sorted_quantile(x, k, q, rule);
        all.each([&](matrix_view<T const> v) {
          CHECK(ops::column_quantiles(limpid::simd, v, q, rule) == expected);
        });
        limpid::par_policy three;
        three.threads = 3;
        CHECK(ops::column_quantiles(limpid::seq, std::as_const(x).view(), q, rule) == expected);
        CHECK(ops::column_quantiles(three, std::as_const(x).view(), q, rule) == expected);
        limpid_test::device_matrix<T> const there(x.view());
        matrix_view<T const, limpid::memory_space::device> const on_device = there.view();
        CHECK(ops::column_quantiles(limpid_test::device, on_device, q, rule) == expected);
      }
  }
}

TEST_CASE("column_quantiles: a sample that sees nothing of the column") {
  // the sampled rows are the multiples of 5: all others are larger, so every bracket misses
  std::size_t const n = 5 * 4096;
  matrix<double> x(n, 2);
  for (std::size_t i = 0; i < n; ++i) {
    x(i, 0) = i % 5 == 0 ? -1 - static_cast<double>(i) : 1 + static_cast<double>(i);
    x(i, 1) = i % 5 == 0 ? 1 + static_cast<double>(i) : -1 - static_cast<double>(i);
  }
  for (double q : {0.1, 0.5, 0.9}) {
    vector<double> const expected{sorted_quantile(x, 0, q, quantile_rule::linear),
                                  sorted_quantile(x, 1, q, quantile_rule::linear)};
    each_policy(
        [&](auto const& exec) {
          return ops::column_quantiles(exec, std::as_const(x).view(), q, quantile_rule::linear);
        },
        [&](auto const& got) { CHECK(got == expected); });
  }
}

TEST_CASE("arg_max_columns: by hand, ties to the first row, NaN passed over") {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  matrix<double> const x{
      {nan, 1, -infinity}, {2, 5, -infinity}, {3, 5, -infinity}, {3, nan, -infinity}};
  auto const at = [&](vector<double> const& limits) {
    return ops::arg_max_columns(limpid::simd, x.view(), limits);
  };
  CHECK(at({infinity, infinity, infinity}) == vector<std::size_t>{2, 1, 0});
  CHECK(at({3, 5, 0}) == vector<std::size_t>{1, 0, 0});          // limits are exclusive
  CHECK(at({2, 1, -infinity}) == vector<std::size_t>{4, 4, 4});  // nothing below
  CHECK(ops::arg_max_columns(limpid::simd, matrix_view<double const>(nullptr, 0, 2), {1, 1}) ==
        vector<std::size_t>{0, 0});
}

TEST_CASE_TEMPLATE("arg_max_columns: every policy, layout and size", T, float, double) {
  for (std::size_t n : {std::size_t{1}, std::size_t{2048}, std::size_t{2049}, std::size_t{9000}})
    for (std::size_t cols : {std::size_t{1}, std::size_t{10}, std::size_t{33}}) {
      INFO("n ", n, " columns ", cols);
      auto const x = limpid_test::random_matrix<T>(n, cols, 0, 1);
      vector<double> limits(cols, infinity);
      // an entry itself is not below its limit, and one step above it is
      for (std::size_t k = 0; k < cols; ++k)
        if (k % 3) limits[k] = static_cast<double>(x(n / 2, k)) + (k % 3 == 1 ? 0 : 1e-12);
      vector<std::size_t> expected(cols);
      for (std::size_t k = 0; k < cols; ++k) expected[k] = scanned_arg_max(x, k, limits[k]);
      limpid_test::layouts<T> const all(x);
      all.each([&](matrix_view<T const> v) {
        each_policy([&](auto const& exec) { return ops::arg_max_columns(exec, v, limits); },
                    [&](auto const& got) { CHECK(got == expected); });
      });
      limpid_test::device_matrix<T> const there(x.view());
      matrix_view<T const, limpid::memory_space::device> const on_device = there.view();
      CHECK(ops::arg_max_columns(limpid_test::device, on_device, limits) == expected);
    }
}

}  // namespace
