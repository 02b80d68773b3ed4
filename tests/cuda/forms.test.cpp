// SPDX-License-Identifier: BSL-1.0
#include <limpid/exec/detail/cuda_forms.hpp>

#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "cuda/emulated_grid.hpp"
#include "cuda/grid_data.hpp"

namespace {

namespace kernels = limpid::kernels;
namespace ops = limpid::ops;
using limpid::matrix_view;
using limpid::vector_view;
using limpid_test::device_space;
using limpid_test::grid;
using limpid_test::grid_backwards;
using limpid_test::on_grid;
using limpid_test::random_matrix;

void close(limpid::vector<double> const& got, limpid::vector<double> const& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == doctest::Approx(want[i]).epsilon(1e-11));
}

}  // namespace

TEST_CASE("quadratic forms: both sides of a block of columns; equal columns give the same bits") {
  std::size_t const n = 70, count = 67;
  auto const x = random_matrix<double>(n, 3, 1);
  limpid::matrix<std::int8_t> v(n, count);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < count; ++c)
      v(i, c) = static_cast<std::int8_t>(static_cast<int>(i * (c % 66 + 3) % 5) - 2);
  on_grid<double> const a(x);
  on_grid<std::int8_t> const columns(v);
  auto const out = ops::make_buffer<double>(grid, 2 * count);
  vector_view<double, device_space> const every_second(out.view().data, count, 2);
  for (auto const& k :
       {kernels::gaussian(0.6), kernels::normalised(kernels::polynomial(2, 1, 1))}) {
    limpid::vector<double> want(count);
    ops::quadratic_forms(limpid::seq, k, matrix_view<double const>(x.view()),
                         matrix_view<std::int8_t const>(v.view()), want.view());
    REQUIRE(ops::quadratic_forms(grid, k, a.view(), columns.view(), every_second));
    auto const got = ops::download(grid, every_second);
    close(got, want);
    CHECK(got[0] == got[66]);
    REQUIRE(ops::quadratic_forms(grid_backwards, k, a.view(), columns.view(), every_second));
    CHECK(ops::download(grid, every_second) == got);
  }
}

TEST_CASE("inner products of kernel matrices: orders, and one matrix with itself") {
  std::size_t const n = 40;
  auto const x = random_matrix<double>(n, 3, 1), y = random_matrix<double>(n, 2, 2);
  auto const k = kernels::gaussian(0.5);
  auto const l = kernels::laplacian(0.7);
  limpid::matrix<std::int32_t> orders(2, n);
  for (std::size_t i = 0; i < n; ++i) {
    orders(0, i) = static_cast<std::int32_t>(i * 7 % n);
    orders(1, i) = static_cast<std::int32_t>(n - 1 - i);
  }
  on_grid<double> const a(x), b(y);
  on_grid<std::int32_t> const o(orders);
  auto const out = ops::make_buffer<double>(grid, 2);
  limpid::vector<double> want(2);
  ops::kernel_products(limpid::seq, k, matrix_view<double const>(x.view()), l,
                       matrix_view<double const>(y.view()),
                       matrix_view<std::int32_t const>(orders.view()), want.view());
  REQUIRE(ops::kernel_products(grid, k, a.view(), l, b.view(), o.view(), out.view()));
  close(ops::download(grid, out.view()), want);
  limpid::vector<double> one(1);
  ops::kernel_products(limpid::seq, k, matrix_view<double const>(x.view()), k,
                       matrix_view<double const>(x.view()), matrix_view<std::int32_t const>(),
                       one.view());
  vector_view<double, device_space> const first(out.view().data, 1);
  REQUIRE(ops::kernel_products(grid, k, a.view(), k, a.view(),
                               matrix_view<std::int32_t const, device_space>(), first));
  close(ops::download(grid, first), one);
}
