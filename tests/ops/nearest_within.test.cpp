// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/nearest_within.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using limpid::matrix;
using limpid::matrix_view;
using limpid::metric;
namespace ops = limpid::ops;

struct found {
  matrix<std::uint32_t> index;
  matrix<double> distance;
  bool operator==(found const&) const = default;
};

template <class P, class T, limpid::memory_space S>
found within(P const& exec, matrix_view<T const, S> x, std::size_t k, metric how) {
  auto const index = ops::make_buffer<std::uint32_t>(exec, x.rows * k);
  auto const distance = ops::make_buffer<double>(exec, x.rows * k);
  CHECK(ops::nearest_within(exec, x, k, index.view(x.rows, k), distance.view(x.rows, k), how));
  return {ops::download(exec, index.view(x.rows, k)),
          ops::download(exec, distance.view(x.rows, k))};
}
template <class P, class T, limpid::memory_space S>
found plain(P const& exec, matrix_view<T const, S> x, std::size_t k, metric how) {
  auto const index = ops::make_buffer<std::uint32_t>(exec, x.rows * k);
  auto const distance = ops::make_buffer<double>(exec, x.rows * k);
  CHECK(ops::nearest(exec, x, x, k, index.view(x.rows, k), distance.view(x.rows, k),
                     {.distance = how, .exclude_self = true}));
  return {ops::download(exec, index.view(x.rows, k)),
          ops::download(exec, distance.view(x.rows, k))};
}

template <class T>
matrix<T> points(std::size_t n, std::size_t d, bool ties) {
  auto x = limpid_test::random_matrix<T>(n, d, T(0.5), T(3), 1);
  if (ties)  // a few places only: most distances are tied
    for (std::size_t e = 0; e < n * d; ++e)
      x.data()[e] = static_cast<T>(static_cast<int>(x.data()[e] * 8)) / 8;
  return x;
}

/// The search itself, in blocks small enough for a test.
template <class T>
found in_blocks(matrix_view<T const> x, std::size_t k, metric how, std::size_t block) {
  std::vector<double> mean(x.cols);
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t c = 0; c < x.cols; ++c)
      mean[c] += static_cast<double>(x(i, c)) / static_cast<double>(x.rows);
  bool const euclidean = how == metric::euclidean;
  limpid::lanes::within_search<T> search(
      x.data, x.rows, x.cols, x.row_stride, x.col_stride, euclidean ? mean.data() : nullptr,
      euclidean ? limpid::lanes::metric::squared_euclidean : limpid::lanes::metric::cosine, k,
      block);
  CHECK(search.blocks() == (x.rows + search.block_rows() - 1) / search.block_rows());
  for (std::size_t a = 0; a < search.blocks(); ++a) {
    search.own(a);
    for (std::size_t b = 0; b < a; ++b) search.pair(b, a);
  }
  found out{matrix<std::uint32_t>(x.rows, k), matrix<double>(x.rows, k)};
  std::size_t const cut = x.rows / 3;
  search.finish(0, cut, out.index.data(), out.distance.data());
  search.finish(cut, x.rows, &out.index(cut, 0), &out.distance(cut, 0));
  for (std::size_t e = 0; euclidean && e < x.rows * k; ++e)
    out.distance.data()[e] = std::sqrt(out.distance.data()[e]);
  return out;
}

TEST_CASE_TEMPLATE("nearest_within: blocks find bit for bit what nearest finds", T, float, double) {
  struct {
    std::size_t n, d, k;
    bool ties;
  } const sizes[] = {{2, 3, 1, false}, {301, 5, 7, true}, {500, 17, 2, false}};
  for (auto const& s : sizes)
    for (auto how : {metric::euclidean, metric::cosine})
      for (auto set : {limpid::instruction_set::baseline, limpid::instruction_set::v3,
                       limpid::instruction_set::v4}) {
        if (!limpid::lanes::force(set)) continue;
        INFO("n ", s.n, " d ", s.d, " k ", s.k, " cosine ", how == metric::cosine, " set ",
             limpid::to_string(set));
        auto const x = points<T>(s.n, s.d, s.ties);
        matrix_view<T const> const v = x.view();
        auto const expected = plain(limpid::simd, v, s.k, how);
        CHECK(in_blocks(v, s.k, how, 1) == expected);
        CHECK(in_blocks(v, s.k, how, 200) == expected);
        CHECK(within(limpid::simd, v, s.k, how) == expected);
        limpid::lanes::unforce();
      }
}

// an oracle of its own
TEST_CASE("nearest_within: sorted distances, in other layouts, on the device") {
  std::size_t const n = 250;
  auto const x = limpid_test::random_matrix<double>(n, 4, -1, 1, 3);
  auto const got = in_blocks(matrix_view<double const>(x.view()), 5, metric::euclidean, 1);
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::pair<double, std::uint32_t>> all;
    for (std::size_t j = 0; j < n; ++j) {
      double square = 0;
      for (std::size_t c = 0; c < 4; ++c) square += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      if (j != i) all.emplace_back(square, static_cast<std::uint32_t>(j));
    }
    std::sort(all.begin(), all.end());
    for (std::size_t c = 0; c < 5; ++c) CHECK(got.index(i, c) == all[c].second);
  }
  limpid_test::layouts<double> const layouts(x);
  layouts.each([&](matrix_view<double const> v) {
    CHECK(in_blocks(v, 5, metric::euclidean, 1) == got);
    CHECK(within(limpid::simd, v, 5, metric::euclidean) == got);
  });
  limpid_test::device_matrix<double> const on_device(x.view());
  matrix_view<double const, limpid::memory_space::device> const v = on_device.view();
  CHECK(within(limpid_test::device, v, 5, metric::euclidean) == got);
}

#if !defined(LIMPID_SANITIZED)  // thousands of rows
TEST_CASE("nearest_within: many rows, for any number of threads") {
  for (bool ties : {false, true}) {
    auto const x = points<float>(6723, 3, ties);
    matrix_view<float const> const v = x.view();
    auto const expected = plain(limpid::simd, v, 2, metric::cosine);
    CHECK(within(limpid::simd, v, 2, metric::cosine) == expected);
    for (int threads : {1, 2, 3, 7})
      CHECK(within(limpid::par_policy{.threads = threads}, v, 2, metric::cosine) == expected);
  }
}

TEST_CASE("nearest_within: told of progress, and stopped") {
  auto const x = limpid_test::random_matrix<float>(9000, 2, -1, 1);
  std::size_t const n = 9000;
  auto const index = ops::make_buffer<std::uint32_t>(limpid::simd, n);
  auto const distance = ops::make_buffer<double>(limpid::simd, n);
  double last = -1;
  limpid::progress const told = [&](double f) {
    CHECK(f > last);
    last = f;
    return true;
  };
  matrix_view<float const> const v = x.view();
  CHECK(ops::nearest_within(limpid::simd, v, 1, index.view(n, 1), distance.view(n, 1),
                            metric::euclidean, &told));
  CHECK(last == 1);
  limpid::progress const stop = [](double f) { return f < 0.2; };
  CHECK_FALSE(ops::nearest_within(limpid::simd, v, 1, index.view(n, 1), distance.view(n, 1),
                                  metric::euclidean, &stop));
}
#endif

}  // namespace
