// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/memory.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/gather.hpp>

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

/// Counts what is allocated and not yet freed.
struct counted_policy {
  static constexpr limpid::memory_space space = limpid::memory_space::host;
  [[maybe_unused]] static constexpr bool vectorised = false;
  int* live;
  void* allocate(std::size_t bytes) const {
    ++*live;
    return ::operator new(bytes);
  }
  void deallocate(void* block) const noexcept {
    --*live;
    ::operator delete(block);
  }
  template <class Tile>
  void for_tiles(std::size_t count, Tile const& tile) const {
    limpid::seq.for_tiles(count, tile);
  }
};

}  // namespace

template <>
inline constexpr bool limpid::enable_execution_policy<counted_policy> = true;

namespace {

TEST_CASE("buffer: owns one block, moves it, frees it once") {
  int live = 0;
  counted_policy const exec{&live};
  {
    auto a = ops::make_buffer<double>(exec, 6);
    CHECK(live == 1);
    a.view()[5] = 2.5;
    CHECK(a.view(2, 3)(1, 2) == 2.5);
    auto b = std::move(a);
    CHECK(live == 1);
    CHECK(a.size() == 0);  // NOLINT: what is left of it is stated
    CHECK(b.view()[5] == 2.5);
    auto c = ops::make_buffer<double>(exec, 1);
    c = std::move(b);
    CHECK(c.size() == 6);
    auto const none = ops::make_buffer<double>(exec, 0);
    CHECK(none.view().data == nullptr);
    CHECK(live == 2);
  }
  CHECK(live == 0);
}

TEST_CASE("buffer: aligned for every vector instruction set") {
  for (std::size_t bytes : {std::size_t{1}, std::size_t{3}, std::size_t{65}}) {
    auto const b = ops::make_buffer<char>(limpid::simd, bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(b.view().data) % 64 == 0);
  }
}

TEST_CASE_TEMPLATE("copy: any strides on both sides, and a change of type", T, float, double) {
  auto const m = limpid_test::random_matrix<T>(37, 5, -1, 1);
  limpid_test::layouts<T> const all(m);
  all.each([&](matrix_view<T const> from) {
    CHECK(ops::download(limpid::simd, from) == m);
    matrix<double> wide(5, 37);
    ops::copy(limpid::simd, from, wide.view().transposed());
    for (std::size_t r = 0; r < 37; ++r)
      for (std::size_t c = 0; c < 5; ++c) REQUIRE(wide(c, r) == static_cast<double>(m(r, c)));
    CHECK(ops::download(limpid::simd, from.col(3))[36] == m(36, 3));
  });
}

TEST_CASE("upload and download: there and back, over the border of a device") {
  auto const m = limpid_test::random_matrix<double>(7, 3, -1, 1);
  limpid_test::layouts<double> const all(m);
  all.each([&](matrix_view<double const> from) {
    auto const there = ops::upload(limpid_test::device, from);
    CHECK(ops::download(limpid_test::device, there.view(7, 3)) == m);
    CHECK(ops::download(limpid_test::device, there.view(7, 3).col(1))[6] == m(6, 1));
  });
  vector<std::int32_t> const v{3, 1, 2};
  auto const there = ops::upload(limpid_test::device, vector_view<std::int32_t const>(&v[0], 2, 2));
  CHECK(ops::download(limpid_test::device, there.view()) == vector<std::int32_t>{3, 2});
  auto const empty = ops::upload(limpid_test::device, vector_view<double const>{});
  CHECK(ops::download(limpid_test::device, empty.view()).empty());
}

TEST_CASE_TEMPLATE("gather_rows: rows and elements in a given order", T, float, double) {
  std::size_t const n = 5000;
  auto const m = limpid_test::random_matrix<T>(n, 4, -1, 1);
  vector<std::uint32_t> index(n + 3);
  for (std::size_t r = 0; r < index.size(); ++r)
    index[r] = static_cast<std::uint32_t>(r * 4999 % n);
  matrix<T> expected(index.size(), 4);
  vector<double> column(index.size());
  for (std::size_t r = 0; r < index.size(); ++r) {
    for (std::size_t c = 0; c < 4; ++c) expected(r, c) = m(index[r], c);
    column[r] = static_cast<double>(m(index[r], 2));
  }
  limpid_test::layouts<T> const all(m);
  all.each([&](matrix_view<T const> from) {
    limpid_test::each_policy(
        [&](auto const& exec) {
          matrix<T> to(index.size(), 4);
          ops::gather_rows(exec, from, std::as_const(index).view(), to.view());
          return to;
        },
        [&](auto const& to) { CHECK(to == expected); });
    vector<double> to(index.size());
    ops::gather_rows(limpid::simd, from.col(2), index.view(), to.view());
    CHECK(to == column);
  });
  auto const from = ops::upload(limpid_test::device, m.view());
  auto const rows = ops::upload(limpid_test::device, std::as_const(index).view());
  auto const to = ops::make_buffer<T>(limpid_test::device, index.size() * 4);
  ops::gather_rows(limpid_test::device,
                   matrix_view<T const, limpid::memory_space::device>(from.view(n, 4)), rows.view(),
                   to.view(index.size(), 4));
  CHECK(ops::download(limpid_test::device, to.view(index.size(), 4)) == expected);
}

}  // namespace
