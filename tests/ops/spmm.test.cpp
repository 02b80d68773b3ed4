// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/spmm.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "graph/device_graph.hpp"
#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstdint>
#include <utility>

namespace {

using limpid::matrix;
using limpid::matrix_view;
using limpid::vector;
using limpid::vector_view;
namespace ops = limpid::ops;

/// A random sparse matrix, and the same dense. Some rows are empty.
template <class T>
struct sparse_pair {
  matrix<T> dense;
  vector<std::uint64_t> start;
  vector<std::uint32_t> col;
  vector<T> value;
  sparse_pair(std::size_t rows, std::size_t cols) : dense(rows, cols), start(rows + 1) {
    std::vector<std::uint32_t> c;
    std::vector<T> v;
    for (std::size_t i = 0; i < rows; ++i) {
      limpid::random_stream draw(3, 0, i);
      if (i % 7)
        for (std::size_t j = 0; j < cols; ++j)
          if (draw.below(6) == 0) {
            c.push_back(static_cast<std::uint32_t>(j));
            v.push_back(dense(i, j) = static_cast<T>(draw.uniform() - 0.5));
          }
      start[i + 1] = c.size();
    }
    col = vector<std::uint32_t>(std::move(c));
    value = vector<T>(std::move(v));
  }
  limpid::csr_view<T> view() const {
    return {start.view(), col.view(), value.view(), dense.cols()};
  }
};

TEST_CASE_TEMPLATE("spmm: the dense product, every policy, layout and width", T, float, double) {
  double const tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
  for (std::size_t rows : {std::size_t{1}, std::size_t{511}, std::size_t{513}, std::size_t{2100}})
    for (std::size_t wide : {std::size_t{1}, std::size_t{4}, std::size_t{17}, std::size_t{40}}) {
      INFO("rows ", rows, " columns ", wide);
      sparse_pair<T> const a(rows, 60);
      auto const x = limpid_test::random_matrix<T>(60, wide, -1, 1);
      std::vector<double> expected(rows * wide);
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t c = 0; c < wide; ++c) {
          long double sum = 0;
          for (std::size_t j = 0; j < 60; ++j)
            sum += static_cast<long double>(a.dense(i, j)) * static_cast<long double>(x(j, c));
          expected[i * wide + c] = static_cast<double>(sum);
        }
      auto const flat = [&](matrix<T> const& m) {
        return std::vector<double>(m.data(), m.data() + rows * wide);
      };
      limpid_test::layouts<T> const all(x);
      all.each([&](matrix_view<T const> v) {
        limpid_test::each_policy(
            [&](auto const& exec) {
              matrix<T> out(rows, wide, T{9});
              ops::spmm(exec, a.view(), v, out.view());
              return flat(out);
            },
            [&](auto const& got) { CHECK(limpid_test::close(got, expected, tolerance)); });
      });
      // a padded result: the padding stays
      vector<T> padded(rows * (wide + 2), T{9});
      ops::spmm(
          limpid::simd, a.view(), x.view(),
          matrix_view<T>(padded.data(), rows, wide, static_cast<std::ptrdiff_t>(wide + 2), 1));
      CHECK(padded[wide] == T{9});
      CHECK(padded[padded.size() - 1] == T{9});
      CHECK(static_cast<double>(padded[(rows - 1) * (wide + 2)]) ==
            doctest::Approx(expected[(rows - 1) * wide]).epsilon(1e-5));
    }
}

TEST_CASE("spmm: on the device") {
  sparse_pair<double> const a(100, 30);
  auto const x = limpid_test::random_matrix<double>(30, 5, -1, 1);
  auto const start = ops::upload(limpid_test::device, a.start.view());
  auto const col = ops::upload(limpid_test::device, a.col.view());
  auto const value = ops::upload(limpid_test::device, a.value.view());
  auto const there = ops::upload(limpid_test::device, x.view());
  auto const out = ops::make_buffer<double>(limpid_test::device, 500);
  constexpr auto device = limpid::memory_space::device;
  ops::spmm(limpid_test::device,
            limpid::csr_view<double, device>{start.view(), col.view(), value.view(), 30},
            matrix_view<double const, device>(there.view(30, 5)), out.view(100, 5));
  matrix<double> expected(100, 5);
  ops::spmm(limpid::seq, a.view(), x.view(), expected.view());
  CHECK(ops::download(limpid_test::device, out.view(100, 5)) == expected);
}

}  // namespace
