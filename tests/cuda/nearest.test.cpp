// SPDX-License-Identifier: BSL-1.0
#include <limpid/exec/detail/cuda_nearest.hpp>

#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

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

template <class T>
void compare_nearest(limpid::matrix<T> const& x, limpid::matrix<T> const& z, bool own,
                     std::size_t k, limpid::metric how) {
  CAPTURE(x.rows());
  CAPTURE(z.rows());
  CAPTURE(k);
  on_grid<T> const a(x), b(z);
  std::size_t const n = x.rows();
  limpid::matrix<std::uint32_t> want_index(n, k);
  limpid::matrix<double> want(n, k);
  ops::nearest_options const options{.distance = how, .exclude_self = own};
  ops::nearest(limpid::seq, matrix_view<T const>(x.view()), matrix_view<T const>(z.view()), k,
               want_index.view(), want.view(), options);
  for (auto const& exec : {grid, grid_backwards}) {
    auto const index = ops::make_buffer<std::uint32_t>(grid, n * k);
    auto const distance = ops::make_buffer<double>(grid, n * k);
    REQUIRE(
        ops::nearest(exec, a.view(), b.view(), k, index.view(n, k), distance.view(n, k), options));
    CHECK(ops::download(grid, index.view(n, k)) == want_index);
    CHECK(ops::download(grid, distance.view(n, k)) == want);
  }
}

}  // namespace

TEST_CASE("nearest rows: the reference's indices and distances to the bit") {
  using limpid::metric;
  auto& launched = limpid_test::grid_policy::launched();
  launched.clear();
  auto const x = random_matrix<float>(150, 6, 1, 2), z = random_matrix<float>(4200, 6, 2, 2);
  compare_nearest(x, z, false, 5, metric::euclidean);
  compare_nearest(x, x, true, 149, metric::euclidean);
  compare_nearest(x, x, true, 3, metric::cosine);
  compare_nearest(x, x, false, 1, metric::cosine);
  auto const y = random_matrix<double>(70, 20, 3);
  compare_nearest(y, y, true, 10, metric::euclidean);
  compare_nearest(random_matrix<double>(1, 1, 1), random_matrix<double>(1, 1, 2), false, 1,
                  metric::euclidean);
  CHECK(launched["nearest"] == 12);
  CHECK(launched["nearest (in double)"] == 0);
}

TEST_CASE("nearest rows: what float cannot tell apart is searched again") {
  using limpid::metric;
  limpid::matrix<double> close(300, 2);  // gaps of 1e-9 at distance 1 from the mean
  for (std::size_t i = 0; i < 300; ++i) {
    close(i, 0) = (i % 2 ? 1 : -1) + 1e-9 * static_cast<double>(i * 7919 % 300);
    close(i, 1) = 0.25;
  }
  limpid_test::grid_policy::launched().clear();
  compare_nearest(close, close, true, 6, metric::euclidean);
  CHECK(limpid_test::grid_policy::launched()["nearest (in double)"] == 2);
  limpid::matrix<float> const equal(200, 3, 1.0f);  // all ties: the lower reference
  compare_nearest(equal, equal, true, 4, metric::euclidean);
  limpid::matrix<double> huge(40, 1);  // squares overflow float
  for (std::size_t i = 0; i < 40; ++i) huge(i, 0) = 1e30 * static_cast<double>(i * i);
  compare_nearest(huge, huge, true, 2, metric::euclidean);
}
