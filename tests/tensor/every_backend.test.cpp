// SPDX-License-Identifier: BSL-1.0
// What all backends have in common: the same elements come in, without a copy where there is storage.
#include <limpid/core/matrix.hpp>

#include "../support/backends.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using limpid_test::for_each_backend;
using limpid_test::host_backends;

template <class T>
limpid::matrix<T> numbered(std::size_t rows, std::size_t cols) {
  limpid::matrix<T> m(rows, cols);
  for (std::size_t i = 0; i < rows * cols; ++i) m.data()[i] = static_cast<T>(i % 101);
  return m;
}

template <class T>
void matrices_come_in() {
  for_each_backend<host_backends>([]<class Backend>() {
    CAPTURE(std::string(Backend::name));
    for (auto const& size : {std::pair<std::size_t, std::size_t>{7, 5}, {1, 4}, {6, 1}, {1, 1}, {0, 3}, {0, 0}}) {
      std::size_t const rows = size.first, cols = size.second;
      CAPTURE(rows);
      CAPTURE(cols);
      auto const expected = numbered<T>(rows, cols);
      auto const held = Backend::matrix(expected.view());
      decltype(auto) x = held.get();
      using X = std::remove_cvref_t<decltype(x)>;
      static_assert(limpid::tensor_matrix<X> && !limpid::tensor_vector<X>);
      static_assert(std::is_same_v<limpid::value_t<X>, T>);
      static_assert(limpid::space_of<X> == limpid::memory_space::host);
      auto&& once = limpid::detail::materialise(x);
      limpid::matrix_view<T const> const v = limpid::view(once);
      REQUIRE(v.rows == rows);
      // rows that live apart cannot say how wide none of them is
      if (rows > 0) REQUIRE(v.cols == cols);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < cols; ++c) REQUIRE(v(r, c) == expected(r, c));
    }
  });
}

template <class T>
void vectors_come_in() {
  for_each_backend<host_backends>([]<class Backend>() {
    CAPTURE(std::string(Backend::name));
    for (std::size_t const size : {std::size_t{9}, std::size_t{1}, std::size_t{0}}) {
      CAPTURE(size);
      auto const numbers = numbered<T>(size, 1);
      limpid::vector_view<T const> const expected(numbers.data(), size);
      auto const held = Backend::vector(expected);
      decltype(auto) x = held.get();
      using X = std::remove_cvref_t<decltype(x)>;
      static_assert(limpid::tensor_vector<X> && !limpid::tensor_matrix<X>);
      static_assert(std::is_same_v<limpid::value_t<X>, T>);
      static_assert(limpid::label_vector<X> == std::is_integral_v<T>);
      static_assert(limpid::real_vector<X> == std::is_floating_point_v<T>);
      auto&& once = limpid::detail::materialise(x);
      limpid::vector_view<T const> const v = limpid::view(once);
      REQUIRE(v.size == size);
      for (std::size_t i = 0; i < size; ++i) REQUIRE(v[i] == expected[i]);
    }
  });
}

}  // namespace

TEST_CASE_TEMPLATE("every backend: a matrix comes in element for element", T, float, double, std::int32_t, std::uint8_t) {
  matrices_come_in<T>();
}

TEST_CASE_TEMPLATE("every backend: a vector comes in element for element", T, float, double, std::int8_t, std::uint8_t,
                   std::int64_t) {
  vectors_come_in<T>();
}
