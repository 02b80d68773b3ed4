// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/tensor.hpp>

#include <limpid/core/matrix.hpp>

#include "../tensor/checks.hpp"

#include <doctest/doctest.h>

#include <array>
#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace {

// A picture with its rows 16 bytes apart, as an image library may have it.
struct picture {
  int height, width, pitch;
  std::vector<std::uint8_t> bytes;
};

// A formula without storage.
struct outer_sum {
  std::vector<double> a, b;
};

struct nothing_known {};

struct window {
  double* first;
};

template <class T>
struct allocator_of_ones_own : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = allocator_of_ones_own<U>;
  };
};

auto const at = [](auto& x, std::size_t r, std::size_t c) -> decltype(auto) { return (x[r][c]); };
auto const at_vector = [](auto& x, std::size_t i) -> decltype(auto) { return (x[i]); };

}  // namespace

template <>
struct limpid::tensor_traits<picture> {
  static auto view(auto& p) {
    return matrix_view(p.bytes.data(), static_cast<std::size_t>(p.height),
                       static_cast<std::size_t>(p.width), p.pitch, 1);
  }
};

//! [own_formula_traits]
template <>
struct limpid::tensor_traits<outer_sum> {
  static limpid::matrix<double> evaluate(outer_sum const& x) {
    limpid::matrix<double> out(x.a.size(), x.b.size());
    for (std::size_t r = 0; r < out.rows(); ++r)
      for (std::size_t c = 0; c < out.cols(); ++c) out(r, c) = x.a[r] + x.b[c];
    return out;
  }
};
//! [own_formula_traits]

template <>
struct limpid::tensor_traits<window> {
  static constexpr bool borrowed = true;
  static auto view(window const& w) { return vector_view(w.first, 2); }
};

TEST_CASE("tensor: a type of one's own") {
  picture p{2, 3, 16, std::vector<std::uint8_t>(32, 255)};
  static_assert(limpid::tensor_matrix<picture> && limpid::writable_matrix<picture>);
  static_assert(!limpid::writable_matrix<picture const> && !limpid::makeable_matrix<picture>);
  limpid::view(p)(1, 2) = 7;
  CHECK(p.bytes[18] == 7);
  CHECK(limpid::view(std::as_const(p)).cols == 3);

  outer_sum const lazy{{1, 2}, {10, 20, 30}};
  static_assert(limpid::real_matrix<outer_sum> && !limpid::writable_matrix<outer_sum>);
  auto&& held = limpid::detail::materialise(lazy);
  CHECK(limpid::view(held)(1, 2) == 32);
  CHECK(limpid::to<limpid::matrix<float>>(lazy)(0, 1) == 21);
}

TEST_CASE("tensor: what is no tensor") {
  static_assert(!limpid::tensor_matrix<nothing_known> && !limpid::tensor_vector<nothing_known>);
  static_assert(!limpid::tensor_vector<int> && !limpid::tensor_vector<double*>);
  static_assert(!limpid::tensor_vector<std::vector<bool>>);
  static_assert(!limpid::tensor_matrix<std::vector<std::vector<bool>>>);
  static_assert(!limpid::tensor_vector<std::vector<std::string>>);
  static_assert(!limpid::tensor_vector<std::span<std::string>>);
  static_assert(!limpid::detail::has_tensor_traits<std::vector<std::complex<double>>>);
}

TEST_CASE("tensor: real numbers and class numbers") {
  using limpid::label_vector;
  static_assert(limpid::real_vector<std::vector<float>> &&
                limpid::real_vector<std::vector<double>>);
  static_assert(!limpid::real_vector<std::vector<int>> &&
                !limpid::real_vector<std::vector<long double>>);
  static_assert(label_vector<std::vector<std::int8_t>> && label_vector<std::vector<std::uint8_t>>);
  static_assert(label_vector<std::vector<int>> && label_vector<std::vector<long long>> &&
                label_vector<std::vector<std::size_t>>);
  static_assert(!label_vector<std::vector<float>> && !label_vector<std::array<bool, 3>>);
  static_assert(!label_vector<decltype("text")> &&
                !label_vector<std::vector<char>>);  // '0' is not 0
  static_assert(limpid::real_matrix<std::vector<std::vector<float>>>);
  static_assert(!limpid::real_matrix<std::vector<float>> &&
                !limpid::real_vector<limpid::matrix<float>>);
  // references and const change nothing about reading
  static_assert(limpid::real_vector<std::vector<float> const&> &&
                limpid::real_vector<std::vector<float>&&>);
  static_assert(limpid::writable_vector<std::vector<float>&> &&
                !limpid::writable_vector<std::vector<float> const&>);
}

TEST_CASE_TEMPLATE("tensor: the standard library's own", T, float, double, std::int32_t,
                   std::uint8_t, std::int64_t) {
  limpid_test::vector_type_works<std::vector<T>>(at_vector);
  limpid_test::vector_type_works<std::vector<T, allocator_of_ones_own<T>>>(at_vector);
  limpid_test::vector_type_works<std::array<T, 9>>(at_vector);
  limpid_test::matrix_type_works<std::array<std::array<T, 4>, 5>>(at);
  limpid_test::matrix_type_works<std::vector<std::array<T, 4>>>(at);

  T line[3] = {1, 2, 3};
  T grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
  limpid_test::vector_is_seen_in_place(line, at_vector);
  limpid_test::is_seen_in_place(grid, at);
  CHECK(limpid::view(grid)(1, 2) == T{6});
  limpid::view(grid)(0, 0) = T{9};
  CHECK(grid[0][0] == T{9});
  T const fixed[2][2] = {{1, 2}, {3, 4}};
  static_assert(limpid::tensor_matrix<decltype(fixed)> &&
                !limpid::writable_matrix<decltype(fixed)>);
  CHECK(limpid::view(fixed)(1, 0) == T{3});

  std::vector<T> memory{1, 2, 3, 4};
  std::span<T> const span(memory);
  static_assert(limpid::writable_vector<std::span<T>> &&
                !limpid::writable_vector<std::span<T const>>);
  CHECK(limpid::view(span).data == memory.data());
  CHECK(limpid::view(std::span<T const, 2>(memory.data(), 2)).size == 2);
  limpid::view(span)[3] = T{8};
  CHECK(memory[3] == T{8});
}

TEST_CASE("tensor: rows that live apart are gathered") {
  double const first[] = {1, 2}, second[] = {3, 4}, third[] = {5, 6};
  double const* rows[] = {first, second, third};
  limpid::nested_rows const x{rows, 3, 2};
  auto&& held = limpid::detail::materialise(x);
  CHECK(limpid::view(held)(2, 1) == 6);
  static_assert(limpid::real_matrix<limpid::nested_rows<float>>);

  double a[] = {7, 8};
  double* writable[] = {a};  // as C code has it: double**
  auto&& one = limpid::detail::materialise(limpid::nested_rows{writable, 1, 2});
  CHECK(limpid::view(one)(0, 1) == 8);

  std::vector<std::vector<double>> const nested{{1, 2}, {3, 4}};
  auto&& gathered = limpid::detail::materialise(nested);
  CHECK(limpid::view(gathered)(1, 0) == 3);
  std::vector<std::vector<double>> const ragged{{1, 2}, {3, 4}, {5}};
  CHECK_THROWS_WITH_AS((void)limpid::detail::materialise(ragged),
                       "vector of vectors: row 2 has 1 elements; row 0 has 2", limpid::input_error);
  CHECK(limpid::detail::materialise(std::vector<std::vector<float>>{}).rows() == 0);
}

TEST_CASE("tensor: as_vector and as_matrix") {
  limpid::matrix<double> column{{1}, {2}, {3}}, row{{4, 5}}, both{{1, 2}, {3, 4}};
  CHECK(limpid::as_vector(column).size == 3);
  CHECK(limpid::as_vector(row)[1] == 5);
  CHECK(limpid::as_vector(both.view().col(1)).stride == 2);
  CHECK_THROWS_WITH_AS((void)limpid::as_vector(both),
                       "as_vector: the matrix is 2 x 2; a vector has one row or one column",
                       limpid::input_error);
  limpid::as_vector(column)[2] = 9;
  CHECK(column(2, 0) == 9);

  std::vector<double> const v{1, 2, 3};
  auto const m = limpid::as_matrix(v);
  static_assert(std::is_same_v<decltype(m), limpid::matrix_view<double const> const>);
  CHECK(m.rows == 3);
  CHECK(m.cols == 1);
  CHECK(m(2, 0) == 3);
  CHECK(limpid::as_matrix(both).data == both.data());
}

TEST_CASE("tensor: the view of a temporary") {
  // of an owner it would dangle, so it does not compile; a window has nothing to take along
  static_assert(!std::is_invocable_v<limpid::view_fn, std::vector<double>>);
  static_assert(!std::is_invocable_v<limpid::view_fn, limpid::matrix<double>>);
  static_assert(!std::is_invocable_v<limpid::as_vector_fn, std::vector<double>>);
  static_assert(!std::is_invocable_v<limpid::as_matrix_fn, std::vector<double>>);
  static_assert(std::is_invocable_v<limpid::view_fn, std::span<double>>);
  static_assert(std::is_invocable_v<limpid::view_fn, limpid::vector_view<double>>);
  static_assert(std::is_invocable_v<limpid::view_fn, window>);
  double x[2] = {1, 2};
  CHECK(limpid::view(window{x})[1] == 2);
  // what a function is given may be a temporary: it lives until the call returns
  auto const sum = [](auto const& tensor) {
    auto&& held = limpid::detail::materialise(tensor);
    auto const v = limpid::view(held);
    double total = 0;
    for (std::size_t i = 0; i < v.size; ++i) total += v[i];
    return total;
  };
  CHECK(sum(std::vector<double>{1, 2, 3}) == 6);
}

TEST_CASE("tensor: strides of extents below 2 are those of an unpadded array") {
  double x[4] = {};
  auto const one_row = limpid::detail::tidy(limpid::matrix_view<double>(x, 1, 4, 0, 1));
  CHECK(one_row.row_stride == 4);
  auto const one_column = limpid::detail::tidy(limpid::matrix_view<double>(x, 4, 1, 1, 0));
  CHECK(one_column.row_stride == 1);
  CHECK(one_column.col_stride == 1);
  auto const full = limpid::detail::tidy(limpid::matrix_view<double>(x, 2, 2, 1, 2));
  CHECK(full.row_stride == 1);
  CHECK(full.col_stride == 2);
  CHECK(limpid::detail::tidy(limpid::vector_view<double>(x, 1, 0)).stride == 1);
}
