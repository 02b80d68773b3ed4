// SPDX-License-Identifier: BSL-1.0
// What all backends have in common: the same elements come in, without a copy where there is
// storage.
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

// Once per T, not once per backend: what doctest makes of a REQUIRE is large.
template <class T>
void check_same(limpid::matrix_view<T const> v, limpid::matrix<T> const& expected,
                char const* backend) {
  CAPTURE(std::string(backend));
  CAPTURE(expected.rows());
  CAPTURE(expected.cols());
  REQUIRE(v.rows == expected.rows());
  // rows that live apart cannot say how wide none of them is
  if (v.rows > 0) REQUIRE(v.cols == expected.cols());
  for (std::size_t r = 0; r < v.rows; ++r)
    for (std::size_t c = 0; c < v.cols; ++c) REQUIRE(v(r, c) == expected(r, c));
}
template <class T>
void check_same(limpid::vector_view<T const> v, limpid::vector_view<T const> expected,
                char const* backend) {
  CAPTURE(std::string(backend));
  REQUIRE(v.size == expected.size);
  for (std::size_t i = 0; i < v.size; ++i) REQUIRE(v[i] == expected[i]);
}

template <class T>
void matrices_come_in() {
  for_each_backend<host_backends>([]<class Backend>() {
    for (auto const& [rows, cols] :
         {std::pair<std::size_t, std::size_t>{7, 5}, {1, 4}, {6, 1}, {1, 1}, {0, 3}, {0, 0}}) {
      auto const expected = numbered<T>(rows, cols);
      auto const held = Backend::matrix(expected.view());
      decltype(auto) x = held.get();
      using X = std::remove_cvref_t<decltype(x)>;
      static_assert(limpid::tensor_matrix<X> && !limpid::tensor_vector<X>);
      static_assert(std::is_same_v<limpid::value_t<X>, T>);
      static_assert(limpid::space_of<X> == limpid::memory_space::host);
      auto&& once = limpid::detail::materialise(x);
      check_same<T>(limpid::view(once), expected, Backend::name);
    }
  });
}

template <class T>
void vectors_come_in() {
  for_each_backend<host_backends>([]<class Backend>() {
    for (std::size_t const size : {std::size_t{9}, std::size_t{1}, std::size_t{0}}) {
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
      check_same<T>(limpid::view(once), expected, Backend::name);
    }
  });
}

}  // namespace

TEST_CASE_TEMPLATE("every backend: a matrix comes in element for element", T, float, double,
                   std::int32_t, std::uint8_t) {
  matrices_come_in<T>();
}

TEST_CASE_TEMPLATE("every backend: a vector comes in element for element", T, float, double,
                   std::int8_t, std::uint8_t, std::int64_t) {
  vectors_come_in<T>();
}
