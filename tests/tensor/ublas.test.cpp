// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/ublas.hpp>

#include "checks.hpp"

#include <boost/numeric/ublas/matrix_expression.hpp>
#include <boost/version.hpp>

#include <cstdint>
#include <vector>

namespace {

namespace ublas = boost::numeric::ublas;
// std::vector as storage: uBLAS' own does not compile as C++20 in Boost 1.74
template <class T, class Order = ublas::row_major>
using matrix = ublas::matrix<T, Order, std::vector<T>>;
template <class T>
using vector = ublas::vector<T, std::vector<T>>;

auto const at = [](auto& x, std::size_t r, std::size_t c) -> decltype(auto) { return x(r, c); };
auto const at_vector = [](auto& x, std::size_t i) -> decltype(auto) { return x(i); };

/// An element-wise function that counts its calls, as uBLAS' expressions take one.
struct counting {
  using value_type = double;
  using argument_type = double;
  using result_type = double;
  static inline int calls = 0;
  static double apply(double x) {
    ++calls;
    return x + 1;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("ublas: owning types", T, float, double, std::int32_t, std::uint8_t) {
  limpid_test::matrix_type_works<matrix<T>>(at);
  limpid_test::matrix_type_works<matrix<T, ublas::column_major>>(at);
  limpid_test::matrix_type_works<ublas::bounded_matrix<T, 8, 8>>(at);
  limpid_test::vector_type_works<vector<T>>(at_vector);
  limpid_test::vector_type_works<ublas::bounded_vector<T, 16>>(at_vector);
#if BOOST_VERSION >= 108000
  limpid_test::matrix_type_works<ublas::matrix<T>>(at);
  limpid_test::vector_type_works<ublas::vector<T>>(at_vector);
#endif
}

TEST_CASE("ublas: proxies are seen in place") {
  matrix<double> a(5, 6);
  for (std::size_t r = 0; r < 5; ++r)
    for (std::size_t c = 0; c < 6; ++c) a(r, c) = static_cast<double>(10 * r + c);

  ublas::matrix_range<matrix<double>> range(a, ublas::range(1, 4), ublas::range(2, 5));
  limpid_test::is_seen_in_place(range, at);
  CHECK(limpid::view(range).row_stride == 6);
  limpid::view(range)(0, 0) = -1;
  CHECK(a(1, 2) == -1);

  ublas::matrix_slice<matrix<double>> slice(a, ublas::slice(4, -2, 3), ublas::slice(0, 3, 2));
  limpid_test::is_seen_in_place(slice, at);
  CHECK(limpid::view(slice).row_stride == -12);
  CHECK(limpid::view(slice).col_stride == 3);

  ublas::matrix_row<matrix<double>> row(a, 2);
  ublas::matrix_column<matrix<double>> column(a, 3);
  limpid_test::vector_is_seen_in_place(row, at_vector);
  limpid_test::vector_is_seen_in_place(column, at_vector);
  CHECK(limpid::view(column).stride == 6);

  vector<int> y(10);
  ublas::vector_range<vector<int>> part(y, ublas::range(2, 6));
  ublas::vector_slice<vector<int>> step(y, ublas::slice(9, -3, 4));
  limpid_test::vector_is_seen_in_place(part, at_vector);
  limpid_test::vector_is_seen_in_place(step, at_vector);
  CHECK(limpid::view(step).stride == -3);
  static_assert(limpid::label_vector<decltype(step)>);

  matrix<double> const& fixed = a;
  auto const reading = ublas::row(fixed, 1);
  static_assert(limpid::tensor_vector<decltype(reading)> &&
                !limpid::writable_vector<decltype(reading)>);
  CHECK(limpid::view(reading).data == &a(1, 0));
  static_assert(std::is_invocable_v<limpid::view_fn, ublas::matrix_row<matrix<double>>>);

  ublas::matrix_slice<ublas::matrix_range<matrix<double>>> nested(range, ublas::slice(0, 2, 2),
                                                                  ublas::slice(1, 1, 2));
  CHECK(limpid::view(nested).data == &a(1, 3));
  CHECK(limpid::view(nested).row_stride == 12);
}

TEST_CASE("ublas: an expression is evaluated once") {
  matrix<double> const a(3, 4, 1.0);
  counting::calls = 0;
  ublas::matrix_unary1<matrix<double>, counting> const lazy(a);
  static_assert(limpid::tensor_matrix<decltype(lazy)> && !limpid::detail::has_view<decltype(lazy)>);
  auto&& held = limpid::detail::materialise(lazy);
  auto const v = limpid::view(held);
  for (int pass = 0; pass < 2; ++pass)
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 4; ++c) CHECK(v(r, c) == 2);
  CHECK(counting::calls == 12);

  auto&& product = limpid::detail::materialise(ublas::prod(a, ublas::trans(a)));
  CHECK(limpid::view(product)(2, 0) == 4);
  vector<double> const ones(4, 1.0);
  auto&& doubled = limpid::detail::materialise(2.0 * ones);
  CHECK(limpid::view(doubled)[3] == 2);
}

TEST_CASE("ublas: results convert") {
  //! [ublas]
  limpid::matrix<double> const transition{{0.9, 0.1}, {0.2, 0.8}};

  ublas::matrix<double, ublas::column_major, std::vector<double>> T = transition;
  T = transition;
  //! [ublas]
  CHECK(T(1, 0) == 0.2);
  static_assert(!std::is_convertible_v<limpid::matrix<double>, matrix<int>>);
}

TEST_CASE("ublas: empty extents") {
  matrix<double> none(0, 3);
  CHECK(limpid::view(none).rows == 0);
  CHECK(limpid::view(none).cols == 3);
  CHECK(limpid::view(none).data == nullptr);
  vector<int> nothing;
  CHECK(limpid::view(nothing).size == 0);
  matrix<double> back = limpid::matrix<double>(0, 3);
  CHECK(back.size2() == 3);
}
