// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/xtensor.hpp>

#include "checks.hpp"

#include <xtensor/xfixed.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xvectorize.hpp>

#include <cstdint>
#include <vector>

namespace {

auto const at = [](auto& x, std::size_t r, std::size_t c) -> decltype(auto) { return x(r, c); };
auto const at_vector = [](auto& x, std::size_t i) -> decltype(auto) { return x(i); };

}  // namespace

TEST_CASE_TEMPLATE("xtensor: owning matrices", T, float, double, std::int32_t, std::uint8_t) {
  limpid_test::matrix_type_works<xt::xtensor<T, 2>>(at);
  limpid_test::matrix_type_works<xt::xtensor<T, 2, xt::layout_type::column_major>>(at);
  limpid_test::matrix_type_works<xt::xtensor_fixed<T, xt::xshape<5, 4>>>(at);
  limpid_test::matrix_type_works<xt::xarray<T>>(at);
}

TEST_CASE_TEMPLATE("xtensor: owning vectors", T, float, double, std::int32_t, std::uint8_t) {
  limpid_test::vector_type_works<xt::xtensor<T, 1>>(at_vector);
}

TEST_CASE(
    "xtensor: an array without a rank in its type is a matrix, and a vector where one says so") {
  xt::xarray<double> m = xt::ones<double>({3, 4});
  xt::xarray<int> y = xt::zeros<int>({3});
  static_assert(limpid::tensor_matrix<xt::xarray<double>> &&
                !limpid::tensor_vector<xt::xarray<double>>);
  CHECK(limpid::view(m).cols == 4);
  //! [xarray]
  xt::xarray<int> labels = {2, 0, 1};
  auto const v = limpid::as_vector(labels);  // a view, checked: rank must be 1
  //! [xarray]
  CHECK(v.size == 3);
  CHECK(&v[1] == &labels(1));
  static_assert(limpid::label_vector<decltype(v)>);
  limpid::as_vector(y)[2] = 7;
  CHECK(y(2) == 7);

  CHECK_THROWS_WITH_AS((void)limpid::view(y),
                       "xtensor: the array has rank 1; a matrix has rank 2 (limpid::as_vector(x) "
                       "is for a vector whose type says no rank)",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS((void)limpid::as_vector(m),
                       "xtensor: the array has rank 2; a vector has rank 1", limpid::input_error);
  static_assert(!limpid::detail::has_tensor_traits<xt::xtensor<double, 3>>);

  limpid::vector<int> const own{4, 5};
  xt::xarray<int> copy = own;
  CHECK(copy.dimension() == 1);
  CHECK(copy(1) == 5);
}

TEST_CASE("xtensor: views with storage are seen in place") {
  xt::xtensor<double, 2> a = xt::arange<double>(30).reshape({5, 6});
  using xt::placeholders::_;

  auto part = xt::view(a, xt::range(1, 5, 2), xt::range(2, 5));
  limpid_test::is_seen_in_place(part, at);
  CHECK(limpid::view(part).row_stride == 12);
  limpid::view(part)(1, 0) = -1;
  CHECK(a(3, 2) == -1);

  auto column = xt::view(a, xt::all(), 3);
  static_assert(limpid::tensor_vector<decltype(column)>);
  limpid_test::vector_is_seen_in_place(column, at_vector);
  CHECK(limpid::view(column).stride == 6);

  auto upside_down = xt::flip(a, 0);
  CHECK(limpid::view(upside_down).row_stride == -6);
  limpid_test::is_seen_in_place(upside_down, at);
  CHECK(limpid::view(xt::transpose(a)).row_stride == 1);
  CHECK(limpid::view(xt::view(a, 2, xt::all())).data == &a(2, 0));

  auto const& fixed = a;
  auto reading = xt::view(fixed, xt::all(), xt::range(0, 2));
  static_assert(!limpid::writable_matrix<decltype(reading)>);
  CHECK(limpid::view(reading).data == a.data());

  // extents of 1 have stride 0 in xtensor: here they count like an unpadded array
  xt::xtensor<double, 2> one_row = xt::ones<double>({1, 4});
  CHECK(limpid::view(one_row).row_stride == 4);
}

TEST_CASE("xtensor: adaptors") {
  std::vector<float> memory(12, 1);
  auto pointer = xt::adapt(memory.data(), 12, xt::no_ownership(), std::array<std::size_t, 2>{3, 4});
  limpid_test::is_seen_in_place(pointer, at);
  CHECK(limpid::view(pointer).data == memory.data());
  auto container = xt::adapt(memory, std::array<std::size_t, 2>{4, 3});
  CHECK(limpid::view(container).data == memory.data());
  auto run_time = xt::adapt(memory, std::vector<std::size_t>{2, 6});
  CHECK(limpid::view(run_time).cols == 6);
  limpid::view(run_time)(1, 5) = 9;
  CHECK(memory[11] == 9);
}

TEST_CASE("xtensor: a lazy function is evaluated once") {
  xt::xtensor<double, 2> const a = xt::ones<double>({3, 4});
  int calls = 0;
  auto const next = xt::vectorize([&calls](double x) {
    ++calls;
    return x + 1;
  });
  auto const lazy = next(a);
  static_assert(limpid::tensor_matrix<decltype(lazy)> && !limpid::detail::has_view<decltype(lazy)>);
  auto&& held = limpid::detail::materialise(lazy);
  auto const v = limpid::view(held);
  for (int pass = 0; pass < 2; ++pass)
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 4; ++c) CHECK(v(r, c) == 2);
  CHECK(calls == 12);

  xt::xarray<double> const b = xt::ones<double>({3, 4});
  auto&& sum = limpid::detail::materialise(b + 2 * b);
  CHECK(limpid::view(sum)(2, 3) == 3);
  auto&& picked =
      limpid::detail::materialise(xt::view(a, xt::keep(0, 2), xt::all()));  // no strides
  CHECK(limpid::view(picked).rows == 2);
}

TEST_CASE("xtensor: results convert") {
  //! [xtensor]
  limpid::matrix<double> transition{{0.9, 0.1}, {0.2, 0.8}};

  xt::xtensor<double, 2> T = transition;  // a copy
  xt::xarray<float> F = transition;
  auto const M = limpid::as_xtensor(transition);  // an adaptor: no copy
  double const largest = xt::amax(M)();
  //! [xtensor]
  CHECK(T(1, 0) == 0.2);
  CHECK(F(1, 0) == 0.2f);
  CHECK(largest == 0.9);
  T = transition;
  CHECK(&M(1, 0) == &transition(1, 0));
  limpid::as_xtensor(transition)(0, 0) = 0.5;
  CHECK(transition(0, 0) == 0.5);
  auto const turned = limpid::as_xtensor(transition.view().transposed());
  CHECK(turned(0, 1) == 0.2);
  limpid::vector<int> const labels{1, 2, 3};
  CHECK(limpid::as_xtensor(labels)(2) == 3);
  using two_by_three = xt::xtensor_fixed<double, xt::xshape<2, 3>>;
  CHECK_THROWS_AS((void)limpid::to<two_by_three>(transition), limpid::input_error);
  static_assert(!std::is_invocable_v<limpid::as_xtensor_fn, limpid::matrix<double>>);
  static_assert(!std::is_convertible_v<limpid::matrix<double>, xt::xtensor<int, 2>>);
}

TEST_CASE("xtensor: empty extents") {
  auto none = xt::xtensor<double, 2>::from_shape({0, 3});
  CHECK(limpid::view(none).rows == 0);
  CHECK(limpid::view(none).cols == 3);
  xt::xtensor<double, 2> back = limpid::matrix<double>(0, 3);
  CHECK(back.shape()[1] == 3);
}
