// SPDX-License-Identifier: BSL-1.0
#include <limpid/exec/detail/cuda_kernels.hpp>

#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

#include "cuda/emulated_grid.hpp"
#include "cuda/grid_data.hpp"

namespace {

namespace kernels = limpid::kernels;
namespace ops = limpid::ops;
using limpid::matrix_view;
using limpid_test::device_space;
using limpid_test::grid;
using limpid_test::grid_backwards;
using limpid_test::on_grid;
using limpid_test::random_matrix;

template <class T>
limpid::matrix<double> sums_on(limpid_test::grid_policy const& exec,
                               limpid::kernel_function const& k, limpid::matrix<T> const& x,
                               limpid::matrix<T> const& z, limpid::matrix<double> const& w) {
  on_grid<T> const a(x), b(z);
  on_grid<double> const weights(w);
  std::size_t const columns = w.rows() ? w.cols() : 1;
  auto const out = ops::make_buffer<double>(grid, x.rows() * columns);
  REQUIRE(ops::kernel_sums(exec, k, a.view(), b.view(),
                           w.rows() ? weights.view() : matrix_view<double const, device_space>(),
                           out.view(x.rows(), columns)));
  return ops::download(grid, out.view(x.rows(), columns));
}

template <class T>
void compare_sums(limpid::kernel_function const& k, std::size_t n, std::size_t m, std::size_t d,
                  std::size_t columns, double tolerance) {
  CAPTURE(static_cast<int>(k.kind));
  CAPTURE(n);
  CAPTURE(m);
  auto const x = random_matrix<T>(n, d, 1, 0.3), z = random_matrix<T>(m, d, 2, 0.3);
  auto const w = random_matrix<double>(columns ? m : 0, columns, 3);
  auto const got = sums_on(grid, k, x, z, w);
  limpid::matrix<double> want(n, columns ? columns : 1);
  ops::kernel_sums(limpid::seq, k, matrix_view<T const>(x.view()), matrix_view<T const>(z.view()),
                   columns ? matrix_view<double const>(w.view()) : matrix_view<double const>(),
                   want.view());
  double worst = 0;
  for (std::size_t i = 0; i < want.rows() * want.cols(); ++i) {
    double const gap = std::abs(got.data()[i] - want.data()[i]) / (1 + std::abs(want.data()[i]));
    if (!(gap <= worst)) worst = gap;
  }
  CHECK(worst <= tolerance);
}

struct hat {
  double operator()(auto const& x, auto const& z) const {
    double const gap = std::abs(static_cast<double>(x[0]) - static_cast<double>(z[0]));
    return gap < 1 ? 1 - gap : 0;
  }
};

}  // namespace

TEST_CASE("kernel sums: every family, expanded or from differences, in float and double") {
  auto const combination =
      0.5 * kernels::gaussian(0.7) + kernels::laplacian(0.2) * kernels::linear();
  for (auto const& k :
       {kernels::linear(), kernels::polynomial(3, 0.5, 1), kernels::gaussian(0.8),
        kernels::laplacian(0.4), kernels::matern12(1.5), kernels::matern32(1.5),
        kernels::matern52(2), kernels::inverse_multiquadric(), kernels::rational_quadratic(1, 2),
        kernels::cauchy(2), kernels::sigmoid(0.3, 0.1), combination,
        2.0 * kernels::normalised(kernels::polynomial(2))}) {
    compare_sums<float>(k, 9, 70, 5, 2, 5e-5);
    compare_sums<double>(k, 9, 70, 5, 2, 1e-12);
  }
}

TEST_CASE("kernel sums: both sides of tiles, segments and blocks of columns") {
  auto const k = kernels::gaussian(0.3);
  compare_sums<float>(k, 129, 2049, 17, 0, 5e-5);
  compare_sums<double>(k, 65, 4097, 16, 0, 1e-12);
  compare_sums<float>(k, 1, 1, 1, 17, 5e-5);
  compare_sums<double>(k, 3, 64, 33, 40, 1e-12);
  auto const x = random_matrix<float>(130, 3, 4);
  auto const w = random_matrix<double>(130, 3, 5);
  CHECK(sums_on(grid, k, x, x, w) == sums_on(grid_backwards, k, x, x, w));
}

TEST_CASE("kernel sums of a functor, and of nothing") {
  auto const x = random_matrix<double>(5, 1, 1), z = random_matrix<double>(2100, 1, 2);
  auto const w = random_matrix<double>(2100, 11, 3);
  on_grid<double> const a(x), b(z), v(w);
  auto const out = ops::make_buffer<double>(grid, 55);
  REQUIRE(ops::kernel_sums(grid, hat{}, a.view(), b.view(), v.view(), out.view(5, 11)));
  limpid::matrix<double> want(5, 11);
  ops::kernel_sums(limpid::seq, hat{}, matrix_view<double const>(x.view()),
                   matrix_view<double const>(z.view()), matrix_view<double const>(w.view()),
                   want.view());
  auto const got = ops::download(grid, out.view(5, 11));
  for (std::size_t i = 0; i < 55; ++i)
    CHECK(got.data()[i] == doctest::Approx(want.data()[i]).epsilon(1e-12));
  auto const none = sums_on(grid, kernels::gaussian(1), x, limpid::matrix<double>(0, 1),
                            limpid::matrix<double>());
  CHECK(none == limpid::matrix<double>(5, 1));
}

TEST_CASE("kernel matrix: symmetric to the bit, and as the reference's") {
  for (auto const& k : {kernels::gaussian(0.5), kernels::normalised(kernels::linear())}) {
    auto const x = random_matrix<float>(140, 9, 1, 5);
    on_grid<float> const a(x);
    auto const out = ops::make_buffer<double>(grid, 140 * 150);
    matrix_view<double, device_space> const padded(out.view().data, 140, 140, 150, 1);
    REQUIRE(ops::kernel_matrix(grid, k, a.view(), a.view(), padded));
    auto const got = ops::download(grid, padded);
    for (std::size_t i = 0; i < 140; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        REQUIRE(got(i, j) == got(j, i));
        REQUIRE(std::abs(got(i, j) - k(x.view().row(i), x.view().row(j))) < 5e-5);
      }
  }
}

TEST_CASE("long work is told its share and stops") {
  auto const x = random_matrix<double>(4, 2, 1);
  on_grid<double> const a(x);
  auto const out = ops::make_buffer<double>(grid, 16);
  double told = 0;
  limpid::progress const stop = [&](double f) {
    told = f;
    return false;
  };
  CHECK_FALSE(
      ops::kernel_matrix(grid, kernels::gaussian(1), a.view(), a.view(), out.view(4, 4), &stop));
  CHECK(told == 1);
}
