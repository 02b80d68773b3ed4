// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/matrix.hpp>

#include "../tensor/checks.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

TEST_CASE("matrix: rows, columns, elements") {
  limpid::matrix<double> m{{1, 2, 3}, {4, 5, 6}};
  CHECK(m.rows() == 2);
  CHECK(m.cols() == 3);
  CHECK(m(1, 0) == 4);
  CHECK(m.data()[5] == 6);
  m(0, 2) = 30;
  CHECK(m.view()(0, 2) == 30);
  CHECK(m.view().row_stride == 3);
  CHECK(limpid::matrix<float>(2, 2, 7.f)(1, 1) == 7.f);
  CHECK(limpid::matrix<float>(2, 2)(1, 1) == 0.f);
  CHECK(limpid::matrix<int>::identity(2) == limpid::matrix<int>{{1, 0}, {0, 1}});
  CHECK(limpid::matrix<int>(2, 3) != limpid::matrix<int>(3, 2));
  CHECK(limpid::matrix<int>().empty());
  CHECK(limpid::matrix<int>(3, 0).empty());
  CHECK(limpid::matrix<int>(3, 0).rows() == 3);
  CHECK_THROWS_WITH_AS((limpid::matrix<int>{{1, 2}, {3}}), "matrix: rows of different lengths",
                       limpid::input_error);
  std::size_t const huge = (std::numeric_limits<std::size_t>::max)() / 2;
  CHECK_THROWS_AS(limpid::matrix<char>(huge, 4),
                  limpid::input_error);  // the product wraps round to a small number
  static_assert(std::is_same_v<decltype(std::declval<limpid::matrix<int> const&>().view()),
                               limpid::matrix_view<int const>>);
}

TEST_CASE("matrix: moving leaves an empty one behind") {
  limpid::matrix<double> a{{1, 2}, {3, 4}};
  limpid::matrix<double> b = std::move(a);
  CHECK(a.rows() == 0);  // NOLINT(bugprone-use-after-move)
  CHECK(a.cols() == 0);
  CHECK(a.empty());
  CHECK(b(1, 1) == 4);
  a = std::move(b);
  CHECK(b.rows() == 0);
  CHECK(a(1, 0) == 3);
  auto& same = a;
  a = std::move(same);
  CHECK(a.rows() == 2);
  CHECK(a(1, 0) == 3);
  limpid::matrix<double> const copy = a;
  CHECK(copy == a);
  CHECK(copy.data() != a.data());
  static_assert(std::is_nothrow_move_constructible_v<limpid::matrix<double>>);
}

TEST_CASE("vector: size, elements, iteration") {
  limpid::vector<int> v{3, 1, 2};
  CHECK(v.size() == 3);
  CHECK(v[1] == 1);
  int sum = 0;
  for (int x : v) sum += x;
  CHECK(sum == 6);
  CHECK(limpid::vector<double>(3).size() == 3);
  CHECK(limpid::vector<double>(3, 2.5)[2] == 2.5);
  CHECK(limpid::vector<int>(std::vector<int>{1, 2}) == limpid::vector<int>{1, 2});
  CHECK(limpid::vector<int>().empty());
  v.view()[0] = 9;
  CHECK(v[0] == 9);
}

TEST_CASE_TEMPLATE("matrix, vector: tensors like any other", T, float, double, std::int32_t,
                   std::uint8_t) {
  using matrix = limpid::matrix<T>;
  using vector = limpid::vector<T>;
  static_assert(limpid::writable_matrix<matrix> && !limpid::writable_matrix<matrix const>);
  static_assert(limpid::writable_vector<vector> && !limpid::writable_vector<vector const>);
  matrix m = limpid_test::sample_matrix<T>(4, 3);
  limpid_test::is_seen_in_place(
      m, [](auto& x, std::size_t r, std::size_t c) -> auto& { return x(r, c); });
  vector v = limpid_test::sample_vector<T>(7);
  limpid_test::vector_is_seen_in_place(v, [](auto& x, std::size_t i) -> auto& { return x[i]; });
  auto const m2 = limpid::to<matrix>(m);
  CHECK(std::memcmp(m2.data(), m.data(), 12 * sizeof(T)) == 0);
  auto const turned = limpid::to<matrix>(m.view().transposed());
  CHECK(turned.rows() == 3);
  CHECK(limpid_test::same_bits<T>(turned(2, 1), m(1, 2)));
}

TEST_CASE("to: numbers keep their meaning or it says so") {
  limpid::vector<std::int64_t> const labels{0, 255, 7};
  CHECK(limpid::to<std::vector<std::uint8_t>>(labels)[1] == 255);
  CHECK_THROWS_WITH_AS((void)limpid::to<std::vector<std::int8_t>>(labels),
                       "to: the element 255 does not fit the type converted to",
                       limpid::input_error);
  CHECK_THROWS_AS((void)limpid::to<std::vector<unsigned>>(limpid::vector<int>{-1}),
                  limpid::input_error);
  CHECK_THROWS_AS((void)limpid::to<std::vector<int>>(limpid::vector<std::uint32_t>{0xffffffffu}),
                  limpid::input_error);
  CHECK(limpid::to<std::vector<double>>(labels)[1] == 255.0);
  CHECK(limpid::to<std::vector<float>>(limpid::vector<double>{0.1})[0] == 0.1f);
  // real numbers become integers only where the caller rounds them
  static_assert(!std::is_convertible_v<limpid::vector<double>, std::vector<int>>);
  static_assert(std::is_convertible_v<limpid::vector<int>, std::vector<double>>);
  static_assert(!std::is_convertible_v<limpid::vector<double>,
                                       limpid::vector<float>>);  // to<>() says it aloud
  static_assert(!std::is_convertible_v<limpid::matrix<double>, std::vector<double>>);

  std::array<double, 3> const fits = limpid::vector<double>{1, 2, 3};
  CHECK(fits[2] == 3);
  using four = std::array<double, 4>;
  CHECK_THROWS_WITH_AS((void)limpid::to<four>(labels), "std::array: holds 4 elements, the result 3",
                       limpid::input_error);
  using grid = std::array<std::array<double, 2>, 2>;
  CHECK_THROWS_WITH_AS((void)limpid::to<grid>(limpid::matrix<double>(2, 3)),
                       "std::array: holds 2 x 2, the result is 2 x 3", limpid::input_error);
}
