// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/multi_array.hpp>

#include "checks.hpp"

#include <cstdint>
#include <vector>

namespace {

using range = boost::multi_array_types::index_range;

/// Counted from the array's own index bases.
auto const at = [](auto& x, std::size_t r, std::size_t c) -> decltype(auto) {
  return x[x.index_bases()[0] + static_cast<std::ptrdiff_t>(r)]
          [x.index_bases()[1] + static_cast<std::ptrdiff_t>(c)];
};
auto const at_vector = [](auto& x, std::size_t i) -> decltype(auto) {
  return x[x.index_bases()[0] + static_cast<std::ptrdiff_t>(i)];
};

}  // namespace

TEST_CASE_TEMPLATE("multi_array: owning types", T, float, double, std::int32_t, std::uint8_t) {
  limpid_test::matrix_type_works<boost::multi_array<T, 2>>(at);
  limpid_test::vector_type_works<boost::multi_array<T, 1>>(at_vector);
}

TEST_CASE("multi_array: storage orders, bases and directions") {
  boost::multi_array<double, 2> columns(boost::extents[4][5], boost::fortran_storage_order());
  limpid_test::is_seen_in_place(columns, at);
  CHECK(limpid::view(columns).row_stride == 1);
  CHECK(limpid::view(columns).col_stride == 4);

  using extent = boost::multi_array_types::extent_range;
  boost::multi_array<double, 2> based(boost::extents[extent(1, 5)][extent(-2, 3)]);
  limpid_test::is_seen_in_place(based, at);
  CHECK(limpid::view(based).data == based.data());

  boost::multi_array<double, 2>::size_type const order[] = {1, 0};
  bool const ascending[] = {false, true};
  boost::multi_array<double, 2> upside_down(boost::extents[4][5],
                                            boost::general_storage_order<2>(order, ascending));
  limpid_test::is_seen_in_place(upside_down, at);
  CHECK(limpid::view(upside_down).row_stride == -5);

  boost::multi_array<double, 1> line(boost::extents[extent(3, 9)]);
  limpid_test::vector_is_seen_in_place(line, at_vector);
}

TEST_CASE("multi_array: views, rows and references") {
  boost::multi_array<float, 2> a(boost::extents[6][5]);
  auto part = a[boost::indices[range(5, 0, -2)][range(1, 5, 3)]];
  static_assert(limpid::writable_matrix<decltype(part)>);
  limpid_test::is_seen_in_place(part, at);
  auto const v = limpid::view(part);
  CHECK(v.row_stride == -10);
  CHECK(v.col_stride == 3);
  CHECK(v.data == &a[5][1]);
  v(1, 1) = 8;
  CHECK(a[3][4] == 8);

  auto row = a[2];
  static_assert(limpid::tensor_vector<decltype(row)>);
  limpid_test::vector_is_seen_in_place(row, at_vector);
  auto column = a[boost::indices[range()][3]];
  CHECK(limpid::view(column).stride == 5);
  limpid_test::vector_is_seen_in_place(column, at_vector);

  boost::multi_array<float, 3> cube(boost::extents[2][3][4]);
  auto plane = cube[boost::indices[range()][1][range()]];
  limpid_test::is_seen_in_place(plane, at);
  CHECK(limpid::view(plane).row_stride == 12);
  CHECK(limpid::view(cube[1]).data == &cube[1][0][0]);
  static_assert(!limpid::detail::has_tensor_traits<boost::multi_array<float, 3>>);

  std::vector<int> memory(12);
  boost::multi_array_ref<int, 2> ref(memory.data(), boost::extents[3][4]);
  limpid_test::is_seen_in_place(ref, at);
  boost::const_multi_array_ref<int, 2> const reading(memory.data(), boost::extents[3][4]);
  static_assert(limpid::tensor_matrix<decltype(reading)> &&
                !limpid::writable_matrix<decltype(reading)>);
  CHECK(limpid::view(reading).data == memory.data());
  auto const& fixed = a;
  static_assert(!limpid::writable_vector<decltype(fixed[1])>);
  static_assert(std::is_same_v<decltype(limpid::view(fixed[1])), limpid::vector_view<float const>>);
}

TEST_CASE("multi_array: results convert") {
  //! [multi_array]
  limpid::matrix<double> const transition{{0.9, 0.1}, {0.2, 0.8}};

  boost::multi_array<double, 2> T = transition;  // construction
  T = limpid::to<boost::multi_array<double, 2>>(
      transition);  // assignment: its own operator= takes anything
  //! [multi_array]
  CHECK(T[1][0] == 0.2);
  static_assert(!std::is_convertible_v<limpid::matrix<double>, boost::multi_array<int, 2>>);
  static_assert(!std::is_convertible_v<limpid::matrix<double>, boost::multi_array<double, 1>>);
}

TEST_CASE("multi_array: empty extents") {
  boost::multi_array<double, 2> none(boost::extents[0][3]);
  CHECK(limpid::view(none).rows == 0);
  CHECK(limpid::view(none).cols == 3);
  boost::multi_array<double, 2> back = limpid::matrix<double>(0, 3);
  CHECK(back.shape()[1] == 3);
}
