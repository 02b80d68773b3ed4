// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/view.hpp>

#include <doctest/doctest.h>

#include <numeric>
#include <type_traits>
#include <vector>

namespace {
using limpid::matrix_view;
using limpid::memory_space;
using limpid::vector_view;
}  // namespace

TEST_CASE("view: elements, rows and columns are where the strides say") {
  std::vector<int> memory(60);
  std::iota(memory.begin(), memory.end(), 0);
  matrix_view<int> const m(memory.data() + 1, 3, 4, 10, 2);
  CHECK(m(0, 0) == 1);
  CHECK(m(2, 3) == 27);
  CHECK(m.row(1).size == 4);
  CHECK(m.row(1)[2] == 15);
  CHECK(m.col(3).size == 3);
  CHECK(m.col(3)[1] == 17);
  CHECK(m.transposed().rows == 4);
  CHECK(m.transposed()(3, 2) == 27);
  CHECK(m.row_block(1, 3).rows == 2);
  CHECK(m.row_block(1, 3)(1, 1) == 23);
  CHECK(m.row_block(2, 2).rows == 0);
  matrix_view<int> const packed(memory.data(), 3, 4);
  CHECK(packed(2, 1) == 9);
  vector_view<int> const backwards(memory.data() + 9, 5, -2);
  CHECK(backwards[4] == 1);
  backwards[0] = 70;
  CHECK(memory[9] == 70);
}

TEST_CASE("view: contiguous") {
  int x[4] = {};
  CHECK(vector_view<int>(x, 4).contiguous());
  CHECK_FALSE(vector_view<int>(x, 2, 2).contiguous());
  CHECK_FALSE(vector_view<int>(x + 3, 2, -1).contiguous());
  CHECK(vector_view<int>(x, 1, 7).contiguous());
  CHECK(vector_view<int>().contiguous());
  CHECK(matrix_view<int>().rows == 0);
}

TEST_CASE("view: what converts to what") {
  using std::is_convertible_v;
  static_assert(is_convertible_v<vector_view<int>, vector_view<int const>>);
  static_assert(is_convertible_v<matrix_view<int>, matrix_view<int const>>);
  static_assert(!is_convertible_v<vector_view<int const>, vector_view<int>>);
  static_assert(!is_convertible_v<matrix_view<int const>, matrix_view<int>>);
  static_assert(!is_convertible_v<vector_view<int>, vector_view<long const>>);
  // an address in one memory space is none in another
  constexpr auto device = memory_space::device;
  static_assert(!is_convertible_v<vector_view<int, device>, vector_view<int>>);
  static_assert(!is_convertible_v<vector_view<int>, vector_view<int, device>>);
  static_assert(!std::is_constructible_v<vector_view<int const>, vector_view<int, device>>);
  static_assert(!is_convertible_v<matrix_view<int, device>, matrix_view<int const>>);
  static_assert(!is_convertible_v<matrix_view<int>, matrix_view<int const, device>>);
  static_assert(is_convertible_v<matrix_view<int, device>, matrix_view<int const, device>>);
  static_assert(
      std::is_same_v<decltype(matrix_view<int, device>().row(0)), vector_view<int, device>>);
  static_assert(std::is_trivially_copyable_v<matrix_view<double>>);  // travels to kernels by value
  int x[2] = {1, 2};
  vector_view<int const> const reading = vector_view<int>(x, 2);
  CHECK(reading[1] == 2);
}

TEST_CASE("view: usable in constant expressions") {
  static constexpr int x[] = {1, 2, 3, 4, 5, 6};
  static_assert(matrix_view<int const>(x, 2, 3)(1, 2) == 6);
  static_assert(matrix_view<int const>(x, 2, 3).transposed().row(2)[0] == 3);
}
