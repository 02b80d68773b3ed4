// SPDX-License-Identifier: BSL-1.0
#include <limpid/exec/detail/cuda_order.hpp>

#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "cuda/emulated_grid.hpp"
#include "cuda/grid_data.hpp"

namespace {

namespace ops = limpid::ops;
using limpid::matrix_view;
using limpid_test::device_space;
using limpid_test::grid;
using limpid_test::grid_backwards;
using limpid_test::on_grid;
using limpid_test::random_matrix;

}  // namespace

TEST_CASE("quantiles: radix selection is exact, for either layout, ties and signs") {
  for (std::size_t n : {1u, 2u, 31u, 1000u, 16385u})
    for (std::size_t cols : {1u, 3u, 33u}) {
      if (n * cols > 40000) continue;
      CAPTURE(n);
      CAPTURE(cols);
      auto x = random_matrix<float>(n, cols, 9);
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t c = 0; c < cols; c += 2)
          x(i, c) = static_cast<float>(std::round(8 * x(i, c)));
      on_grid<float> const a(x);
      auto const turned = ops::make_buffer<double>(grid, n * cols);
      matrix_view<double, device_space> const column_major(turned.view().data, n, cols, 1,
                                                           static_cast<std::ptrdiff_t>(n));
      ops::copy(grid, a.view(), column_major);
      for (double q : {0.0, 0.1, 0.5, 0.97, 1.0})
        for (auto rule : {ops::quantile_rule::higher, ops::quantile_rule::linear}) {
          auto const want =
              ops::column_quantiles(limpid::seq, matrix_view<float const>(x.view()), q, rule);
          CHECK(ops::column_quantiles(grid, a.view(), q, rule) == want);
          CHECK(ops::column_quantiles(grid_backwards,
                                      matrix_view<double const, device_space>(column_major), q,
                                      rule) == want);
        }
    }
}

TEST_CASE("the rows where columns are largest: limits, ties, NaN, nothing") {
  for (std::size_t cols : {1u, 5u, 40u}) {
    std::size_t const n = 17000;
    auto x = random_matrix<double>(n, cols, 4);
    for (std::size_t i = 0; i < n; i += 3) x(i, 0) = 0.25;
    x(77, cols - 1) = std::numeric_limits<double>::quiet_NaN();
    limpid::vector<double> limits(cols, std::numeric_limits<double>::infinity());
    limits[0] = 0.4;
    for (double limit : {0.26, 0.0, -2.0}) {
      limits[cols - 1] = limit;
      on_grid<double> const a(x);
      auto const want =
          ops::arg_max_columns(limpid::seq, matrix_view<double const>(x.view()), limits);
      CHECK(ops::arg_max_columns(grid, a.view(), limits) == want);
      CHECK(ops::arg_max_columns(grid_backwards, a.view(), limits) == want);
    }
  }
}

TEST_CASE("sparse times dense: rows without entries too") {
  limpid::vector<std::uint64_t> const start{0, 2, 2, 3};
  limpid::vector<std::uint32_t> const col{0, 2, 1};
  limpid::vector<float> const value{2, 3, -1};
  limpid::matrix<float> const x{{1, 10}, {2, 20}, {3, 30}};
  auto const s = ops::upload(grid, start.view());
  auto const c = ops::upload(grid, col.view());
  auto const v = ops::upload(grid, value.view());
  on_grid<float> const b(x);
  auto const out = ops::make_buffer<float>(grid, 6);
  limpid::csr_view<float, device_space> const a{s.view(), c.view(), v.view(), 3};
  ops::spmm(grid, a, b.view(), out.view(3, 2));
  CHECK(ops::download(grid, out.view(3, 2)) == limpid::matrix<float>{{11, 110}, {0, 0}, {-2, -20}});
}

TEST_CASE("ordered bits: the order of the reals, and back") {
  double const inf = std::numeric_limits<double>::infinity();
  double before = -inf;
  for (double x : {-1e300, -1.0, -1e-310, -0.0, 0.0, 5e-324, 1.0, 1e300, inf}) {
    using key = limpid::detail::ordered<double>;
    CHECK(key::from(before) < key::from(x));
    CHECK(key::to(key::from(x)) == x);
    before = x;
  }
  using key = limpid::detail::ordered<float>;
  CHECK(key::from(-2.5f) < key::from(1.5f));
  CHECK(key::to(key::from(-2.5f)) == -2.5f);
}
