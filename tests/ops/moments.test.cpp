// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/moments.hpp>

#include <doctest/doctest.h>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstdint>
#include <limits>

namespace {

using limpid::matrix;
using limpid::matrix_view;
using limpid::vector;
using limpid::vector_view;
using limpid_test::close;
using limpid_test::each_policy;
namespace ops = limpid::ops;

/// Mean, then squares about it, in long double.
template <class T>
std::vector<double> by_hand(matrix<T> const& x, std::vector<double> const& w = {}) {
  std::vector<double> out(2 * x.cols() + 1);
  for (std::size_t j = 0; j < x.cols(); ++j) {
    long double total = 0, sum = 0, squares = 0;
    for (std::size_t i = 0; i < x.rows(); ++i) {
      long double const weight = w.empty() ? 1 : static_cast<long double>(w[i]);
      total += weight;
      sum += weight * static_cast<long double>(x(i, j));
    }
    long double const mean = sum / total;
    for (std::size_t i = 0; i < x.rows(); ++i) {
      long double const gap = static_cast<long double>(x(i, j)) - mean;
      squares += (w.empty() ? 1 : static_cast<long double>(w[i])) * gap * gap;
    }
    out[j] = static_cast<double>(mean);
    out[x.cols() + j] = static_cast<double>(std::sqrt(squares / total));
    out[2 * x.cols()] = static_cast<double>(total);
  }
  return out;
}

std::vector<double> flat(ops::moments const& m) {
  std::vector<double> out(m.mean.begin(), m.mean.end());
  out.insert(out.end(), m.deviation.begin(), m.deviation.end());
  out.push_back(m.weight);
  return out;
}

TEST_CASE("column_moments: closed form") {
  // 0..n-1: mean (n - 1) / 2, variance (n^2 - 1) / 12; and a constant
  std::size_t const n = 5001;
  matrix<double> x(n, 2);
  for (std::size_t i = 0; i < n; ++i) x(i, 0) = static_cast<double>(i), x(i, 1) = 0.1;
  auto const m = ops::column_moments(limpid::simd, std::as_const(x).view());
  CHECK(m.mean[0] == 2500);
  CHECK(m.deviation[0] == doctest::Approx(std::sqrt((5001.0 * 5001 - 1) / 12)).epsilon(1e-14));
  CHECK(m.weight == 5001);
  CHECK(m.scale()[0] == 1 / m.deviation[0]);
  CHECK(m.scale()[1] == 0);
}

TEST_CASE_TEMPLATE("column_moments: every policy, layout and size", T, float, double) {
  for (std::size_t n : {std::size_t{1}, std::size_t{127}, std::size_t{2047}, std::size_t{2048},
                        std::size_t{2049}, std::size_t{6000}})
    for (std::size_t d : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{19}}) {
      INFO("n ", n, " d ", d);
      auto const x = limpid_test::random_matrix<T>(n, d, -3, 5);
      std::vector<double> w(n);
      for (std::size_t i = 0; i < n; ++i) w[i] = static_cast<double>((i + 1) % 4);
      auto const plain = by_hand(x), weighted = by_hand(x, w);
      limpid_test::layouts<T> const all(x);
      all.each([&](matrix_view<T const> v) {
        each_policy([&](auto const& exec) { return flat(ops::column_moments(exec, v)); },
                    [&](auto const& m) { CHECK(close(m, plain, 1e-13)); });
        each_policy(
            [&](auto const& exec) {
              return flat(ops::column_moments(exec, v, vector_view<double const>(w.data(), n)));
            },
            [&](auto const& m) { CHECK(close(m, weighted, 1e-13)); });
      });
      limpid_test::device_matrix<T> const there(x.view());
      matrix_view<T const, limpid::memory_space::device> const on_device = there.view();
      CHECK(flat(ops::column_moments(limpid_test::device, on_device)) ==
            flat(ops::column_moments(limpid::seq, x.view())));
    }
}

TEST_CASE("column_moments: far from the origin") {
  // deviation 1 about 1e9: one pass of squares would be left with no digit
  std::size_t const n = 10000;
  matrix<double> x(n, 1);
  for (std::size_t i = 0; i < n; ++i) x(i, 0) = 1e9 + (i % 2 ? 1 : -1);
  each_policy(
      [&](auto const& exec) { return flat(ops::column_moments(exec, std::as_const(x).view())); },
      [](auto const& m) {
        CHECK(m[0] == 1e9);
        CHECK(m[1] == 1);
      });
}

TEST_CASE("column_moments: weight 3 is the row three times; weight 0 is not read") {
  auto const x = limpid_test::random_matrix<double>(300, 9, 0, 1);
  matrix<double> thrice(900, 9), holed = x;
  vector<float> w(300, 3.0f);
  for (std::size_t i = 0; i < 900; ++i)
    for (std::size_t j = 0; j < 9; ++j) thrice(i, j) = x(i / 3, j);
  auto const a = ops::column_moments(limpid::simd, x.view(), std::as_const(w).view());
  auto const b = ops::column_moments(limpid::simd, std::as_const(thrice).view());
  CHECK(a.weight == 900);
  CHECK(close(flat(a), flat(b), 1e-14));
  w[17] = 0;
  holed(17, 4) = std::numeric_limits<double>::quiet_NaN();
  each_policy(
      [&](auto const& exec) {
        return flat(
            ops::column_moments(exec, std::as_const(holed).view(), std::as_const(w).view()));
      },
      [](auto const& m) { CHECK(m[4] > 0.3); });
  vector<float> const nothing(300);
  auto const none = ops::column_moments(limpid::simd, x.view(), nothing.view());
  CHECK(none.weight == 0);
  CHECK(none.mean == vector<double>(9));
  CHECK(none.scale() == vector<double>(9));
  auto const empty = ops::column_moments(limpid::simd, matrix_view<double const>(nullptr, 0, 3));
  CHECK(empty.mean == vector<double>(3));
}

TEST_CASE_TEMPLATE("standardise_rows: by index and without", T, float, double) {
  auto const x = limpid_test::random_matrix<T>(50, 3, 2, 4);
  vector<double> const centre{1, 2, 3}, scale{2, 0, 0.5};
  vector<std::uint64_t> const index{49, 0, 7, 7};
  matrix<T> out(4, 3), all(50, 3);
  ops::standardise_rows(limpid::simd, x.view(), centre.view(), scale.view(), out.view(),
                        index.view());
  ops::standardise_rows(limpid::simd, x.view(), centre.view(), scale.view(), all.view());
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t j = 0; j < 3; ++j) {
      CHECK(out(r, j) ==
            static_cast<T>((static_cast<double>(x(index[r], j)) - centre[j]) * scale[j]));
      CHECK(out(r, j) == all(index[r], j));
    }
}

}  // namespace
