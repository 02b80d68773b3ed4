// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/kernel_matrix.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <vector>

namespace {

using limpid::kernel_function;
using limpid::matrix;
using limpid::matrix_view;
namespace kernels = limpid::kernels;
namespace ops = limpid::ops;

kernel_function const some[] = {kernels::linear(),
                                kernels::polynomial(2, 0.5),
                                kernels::gaussian(0.5),
                                kernels::laplacian(0.3),
                                kernels::matern32(2),
                                2.0 * kernels::cauchy(1) * kernels::linear() + kernels::gaussian(1),
                                2.0 * kernels::normalised(kernels::polynomial(2))};

/// The gap between got and k itself, relative to 1 + |k|; NaN counts.
template <class T, class K>
double worst(matrix<double> const& got, K const& k, matrix<T> const& x, matrix<T> const& z) {
  double most = 0;
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < z.rows(); ++j) {
      double const value = k(x.view().row(i), z.view().row(j));
      double const gap = std::abs(got(i, j) - value) / (1 + std::abs(value));
      if (!(gap <= most)) most = gap;
    }
  return most;
}

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

TEST_CASE_TEMPLATE("kernel_matrix: every policy against the kernel itself", T, float, double) {
  for (std::size_t n : {std::size_t{1}, std::size_t{47}, std::size_t{257}}) {
    auto const x = limpid_test::random_matrix<T>(n, 3, 9, 11, 1),
               z = limpid_test::random_matrix<T>(31, 3, 9, 11, 2);
    for (auto const& k : some) {
      INFO("n ", n, " kernel ", static_cast<int>(k.kind));
      limpid_test::each_policy(
          [&](auto const& exec) {
            matrix<double> out(n, 31, -7.0);
            CHECK(ops::kernel_matrix(exec, k, x.view(), z.view(), out.view()));
            return out;
          },
          [&](auto const& got) { CHECK(worst(got, k, x, z) < (sizeof(T) == 4 ? 4e-5 : 1e-11)); });
    }
  }
}

TEST_CASE("kernel_matrix: layouts, the user's functor, a device") {
  auto const x = limpid_test::random_matrix<double>(33, 3, -1, 1, 1),
             z = limpid_test::random_matrix<double>(20, 3, -1, 1, 2);
  auto const k = kernels::gaussian(0.4);
  limpid_test::layouts<double> const many(x);
  many.each([&](matrix_view<double const> v) {
    std::vector<double> store(33 * 22, -7);
    matrix_view<double> const padded(store.data(), 33, 20, 22, 1),
        across(store.data(), 33, 20, 1, 35);
    for (auto const& to : {padded, across}) {
      ops::kernel_matrix(limpid::simd, k, v, z.view(), to);
      matrix<double> got(33, 20);
      for (std::size_t i = 0; i < 33; ++i)
        for (std::size_t j = 0; j < 20; ++j) got(i, j) = to(i, j);
      CHECK(worst(got, k, x, z) < 1e-13);
    }
  });
  limpid_test::each_policy(
      [&](auto const& exec) {
        matrix<double> out(33, 20);
        ops::kernel_matrix(exec, overlap{}, x.view(), z.view(), out.view());
        return out;
      },
      [&](auto const& got) { CHECK(worst(got, overlap{}, x, z) == 0); });
  limpid_test::device_matrix<double> const dx(x.view()), dz(z.view());
  auto const out = ops::make_buffer<double>(limpid_test::device, 33 * 20);
  using there = matrix_view<double const, limpid::memory_space::device>;
  CHECK(ops::kernel_matrix(limpid_test::device, k, there(dx.view()), there(dz.view()),
                           out.view(33, 20)));
  CHECK(worst(ops::download(limpid_test::device, out.view(33, 20)), k, x, z) == 0);
}

TEST_CASE(
    "kernel_matrix: of rows with themselves it is symmetric, its diagonal exact, and positive") {
  // 40 rows far from the origin in float
  auto const x = limpid_test::random_matrix<float>(40, 5, 99, 101, 1);
  for (auto const& k :
       {kernels::gaussian(0.5), kernels::matern52(1), kernels::laplacian(1) * kernels::cauchy(2)}) {
    matrix<double> g(40, 40);
    ops::kernel_matrix(limpid::simd, k, x.view(), x.view(), g.view());
    for (std::size_t i = 0; i < 40; ++i) {
      CHECK(g(i, i) == 1);
      for (std::size_t j = 0; j < i; ++j) CHECK(g(i, j) == g(j, i));
    }
    for (std::size_t j = 0; j < 40; ++j) {  // Cholesky
      for (std::size_t c = 0; c < j; ++c)
        for (std::size_t i = j; i < 40; ++i) g(i, j) -= g(i, c) * g(j, c);
      REQUIRE(g(j, j) > 0);
      double const root = std::sqrt(g(j, j));
      for (std::size_t i = j; i < 40; ++i) g(i, j) /= root;
    }
  }
}

TEST_CASE("kernel_matrix: progress stops it; nothing to do") {
  auto const x = limpid_test::random_matrix<double>(600, 2, -1, 1, 1);
  matrix<double> out(600, 600, -7.0);
  limpid::progress const stop = [](double) { return false; };
  CHECK_FALSE(ops::kernel_matrix(limpid::simd, kernels::gaussian(1), x.view(), x.view(), out.view(),
                                 &stop));
  CHECK(out(599, 0) == -7);
  CHECK(out(0, 0) == 1);
  matrix<double> const none(0, 2);
  matrix<double> empty(0, 0);
  CHECK(ops::kernel_matrix(limpid::simd, kernels::gaussian(1), none.view(), none.view(),
                           empty.view()));
}

}  // namespace
