// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/quadratic_forms.hpp>

#include <limpid/ops/kernel_products.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstdint>
#include <vector>

namespace {

using limpid::kernel_function;
using limpid::matrix;
using limpid::matrix_view;
using limpid::vector;
namespace kernels = limpid::kernels;
namespace ops = limpid::ops;

struct overlap {  // the user's own
  template <class A, class B>
  double operator()(A const& x, B const& z) const {
    double s = 0;
    for (std::size_t c = 0; c < x.size; ++c) {
      auto const a = static_cast<double>(x[c]), b = static_cast<double>(z[c]);
      s += a < b ? a : b;
    }
    return s;
  }
};

template <class T, class K, class V>
std::vector<double> forms(K const& k, matrix<T> const& x, matrix<V> const& columns) {
  std::vector<double> out(columns.cols());
  for (std::size_t c = 0; c < out.size(); ++c)
    for (std::size_t i = 0; i < x.rows(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        out[c] += 2 * static_cast<double>(columns(i, c)) * k(x.view().row(i), x.view().row(j)) *
                  static_cast<double>(columns(j, c));
  return out;
}

/// Gap relative to the sum of absolute terms, which is at most `scale`.
double worst(vector<double> const& got, std::vector<double> const& want, double scale) {
  double most = 0;
  for (std::size_t c = 0; c < want.size(); ++c) {
    double const gap = std::abs(got[c] - want[c]) / scale;
    if (!(gap <= most)) most = gap;
  }
  return most;
}

TEST_CASE_TEMPLATE("quadratic_forms: every policy against the double sum", T, float, double) {
  // more than a block of rows (256)
  for (std::size_t n : {std::size_t{2}, std::size_t{257}}) {
    auto const x = limpid_test::random_matrix<T>(n, 3, 9, 11, 1);
    auto const v = limpid_test::random_matrix<double>(n, 5, -1, 1, 2);
    for (auto const& k : {kernels::laplacian(0.3) + 0.1 * kernels::cauchy(2),
                          2.0 * kernels::normalised(kernels::polynomial(2))}) {
      auto const want = forms(k, x, v);
      limpid_test::each_policy(
          [&](auto const& exec) {
            vector<double> out(5);
            matrix_view<double const> const columns = v.view();
            matrix_view<T const> const rows = x.view();
            CHECK(ops::quadratic_forms(exec, k, rows, columns, out.view()));
            return out;
          },
          [&](auto const& got) {
            CHECK(worst(got, want, static_cast<double>(n * n)) < (sizeof(T) == 4 ? 1e-6 : 1e-14));
          });
    }
  }
}

TEST_CASE(
    "quadratic_forms: signs in bytes, transposed; many groups of columns; a functor; a device") {
  auto const x = limpid_test::random_matrix<double>(60, 2, -1, 1, 1);
  matrix<std::int8_t> signs(101, 60);  // more columns than any register tile is wide
  limpid::random_stream draw(3);
  for (std::size_t i = 0; i < signs.rows() * signs.cols(); ++i)
    signs.data()[i] = static_cast<std::int8_t>(static_cast<int>(draw() & 1) * 2 - 1);
  matrix<std::int8_t> columns(60, 101);
  for (std::size_t i = 0; i < 60; ++i)
    for (std::size_t c = 0; c < 101; ++c) columns(i, c) = signs(c, i);
  for (std::size_t i = 0; i < 60; ++i) signs(100, i) = columns(i, 100) = signs(0, i);
  auto const k = kernels::gaussian(1);
  matrix_view<double const> const rows = x.view();
  auto const across = matrix_view<std::int8_t const>(signs.view()).transposed();
  vector<double> out(101);
  ops::quadratic_forms(limpid::simd, k, rows, across, out.view());
  CHECK(worst(out, forms(k, x, columns), 3600) < 1e-14);
  CHECK(out[100] == out[0]);  // equal columns, whatever their place
  ops::quadratic_forms(limpid::simd, overlap{}, rows, across, out.view());
  CHECK(worst(out, forms(overlap{}, x, columns), 3600) < 1e-14);

  limpid_test::device_matrix<double> const dx(x.view());
  limpid_test::device_matrix<std::int8_t> const dv(columns.view());
  auto const there = ops::make_buffer<double>(limpid_test::device, 101);
  using rows_there = matrix_view<double const, limpid::memory_space::device>;
  using columns_there = matrix_view<std::int8_t const, limpid::memory_space::device>;
  CHECK(ops::quadratic_forms(limpid_test::device, k, rows_there(dx.view()),
                             columns_there(dv.view()), there.view()));
  CHECK(worst(ops::download(limpid_test::device, there.view()), forms(k, x, columns), 3600) <
        1e-14);
}

TEST_CASE("quadratic_forms: one row, no columns, progress") {
  auto const x = limpid_test::random_matrix<double>(600, 2, -1, 1, 1);
  matrix<double> const ones(600, 2, 1.0);
  matrix_view<double const> const rows = x.view(), columns = ones.view();
  vector<double> out(2);
  ops::quadratic_forms(limpid::simd, kernels::gaussian(1), rows.row_block(0, 1),
                       columns.row_block(0, 1), out.view());
  CHECK(out[0] == 0);
  matrix<double> const empty(600, 0);
  vector<double> none(0);
  CHECK(ops::quadratic_forms(limpid::simd, kernels::gaussian(1), rows,
                             matrix_view<double const>(empty.view()), none.view()));
  limpid::progress const stop = [](double) { return false; };
  CHECK_FALSE(
      ops::quadratic_forms(limpid::simd, kernels::gaussian(1), rows, columns, out.view(), &stop));
  CHECK_FALSE(
      ops::quadratic_forms(limpid::seq, kernels::gaussian(1), rows, columns, out.view(), &stop));
}

TEST_CASE_TEMPLATE("kernel_products: every policy against the double sum", T, float, double) {
  for (std::size_t n : {std::size_t{2}, sizeof(T) == 4 ? std::size_t{50} : std::size_t{257}}) {
    auto const x = limpid_test::random_matrix<T>(n, 3, 9, 11, 1);
    auto const y = limpid_test::random_matrix<T>(n, 2, -1, 1, 2);
    std::size_t const count = n > 256 ? 3 : 17;  // more than a block of rows; 16 share a value
    matrix<std::int32_t> orders(count, n);
    limpid::random_stream draw(1);
    for (std::size_t b = 0; b < count; ++b) {
      for (std::size_t i = 0; i < n; ++i) orders(b, i) = static_cast<std::int32_t>(i);
      for (std::size_t i = n; b && i > 1; --i)
        std::swap(orders(b, i - 1), orders(b, draw.below(i)));
    }
    auto const k = kernels::gaussian(0.5), l = 3.0 * kernels::normalised(kernels::polynomial(2));
    std::vector<double> want(count);
    for (std::size_t b = 0; b < count; ++b)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < i; ++j)
          want[b] += 2 * k(x.view().row(i), x.view().row(j)) *
                     l(y.view().row(static_cast<std::size_t>(orders(b, i))),
                       y.view().row(static_cast<std::size_t>(orders(b, j))));
    double square = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j) {
        double const value = l(x.view().row(i), x.view().row(j));
        square += 2 * value * value;
      }
    matrix_view<T const> const vx = x.view(), vy = y.view();
    matrix_view<std::int32_t const> const vo = orders.view();
    double const tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14, all = static_cast<double>(n * n);
    limpid_test::each_policy(
        [&](auto const& exec) {
          vector<double> out(count + 2), one(1);
          CHECK(ops::kernel_products(exec, k, vx, l, vy, vo,
                                     limpid::vector_view<double>(out.data(), count)));
          for (auto const& other : {vy, vx}) {
            ops::kernel_products(exec, other.cols == 3 ? l : k, vx, l, other, {}, one.view());
            out[other.cols == 3 ? count + 1 : count] = one[0];
          }
          ops::kernel_products(exec, l, vx, l, vx, {}, one.view());
          CHECK(std::abs(one[0] - out[count + 1]) <= tolerance * 10 * all);
          return out;
        },
        [&](auto const& got) {
          CHECK(worst(got, want, all) < 3 * tolerance);
          CHECK(std::abs(got[count] - want[0]) < 3 * tolerance * all);
          CHECK(std::abs(got[count + 1] - square) < 9 * tolerance * all);
        });
  }
}

TEST_CASE("kernel_products: progress stops it") {
  auto const x = limpid_test::random_matrix<double>(600, 2, -1, 1, 1);
  vector<double> out(1);
  matrix_view<double const> const rows = x.view();
  limpid::progress const stop = [](double) { return false; };
  auto const k = kernels::gaussian(1);
  CHECK_FALSE(ops::kernel_products(limpid::simd, k, rows, k, rows, {}, out.view(), &stop));
  CHECK_FALSE(ops::kernel_products(limpid::seq, k, rows, k, rows, {}, out.view(), &stop));
}

}  // namespace
