// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/eigen.hpp>

#include "checks.hpp"

#include <Eigen/Core>

#include <cstdint>

namespace {

auto const at = [](auto& x, std::size_t r, std::size_t c) -> decltype(auto) {
  return x.coeffRef(static_cast<Eigen::Index>(r), static_cast<Eigen::Index>(c));
};
auto const at_vector = [](auto& x, std::size_t i) -> decltype(auto) {
  return x.coeffRef(static_cast<Eigen::Index>(i));
};

template <class T, int Rows = Eigen::Dynamic, int Cols = Eigen::Dynamic,
          int Order = Eigen::ColMajor>
using dense = Eigen::Matrix<T, Rows, Cols, Order>;

/// An element-wise function that counts its calls.
struct counting {
  int* calls;
  double operator()(double x) const {
    ++*calls;
    return x + 1;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("eigen: owning matrices", T, float, double, std::int32_t, std::uint8_t,
                   std::int64_t) {
  limpid_test::matrix_type_works<dense<T>>(at);
  limpid_test::matrix_type_works<dense<T, -1, -1, Eigen::RowMajor>>(at);
  limpid_test::matrix_type_works<Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic>>(at);
  limpid_test::matrix_type_works<dense<T, 5, 4>>(at);
  limpid_test::matrix_type_works<dense<T, Eigen::Dynamic, 4, Eigen::RowMajor>>(at);
}

TEST_CASE_TEMPLATE("eigen: owning vectors", T, float, double, std::int32_t, std::uint8_t,
                   std::int64_t) {
  limpid_test::vector_type_works<dense<T, Eigen::Dynamic, 1>>(at_vector);
  limpid_test::vector_type_works<dense<T, 1, Eigen::Dynamic, Eigen::RowMajor>>(at_vector);
  limpid_test::vector_type_works<Eigen::Array<T, 9, 1>>(at_vector);
}

TEST_CASE("eigen: strides are Eigen's") {
  Eigen::MatrixXd a = Eigen::MatrixXd::Random(4, 5);
  auto const v = limpid::view(a);
  CHECK(v.row_stride == 1);
  CHECK(v.col_stride == 4);

  auto const t = limpid::view(a.transpose());
  CHECK(t.data == a.data());
  CHECK(t.rows == 5);
  CHECK(t.row_stride == 4);
  CHECK(t.col_stride == 1);

  auto block = a.block(1, 2, 3, 2);
  limpid_test::is_seen_in_place(block, at);
  CHECK(limpid::view(block).data == &a(1, 2));
  CHECK(limpid::view(block).col_stride == 4);
  limpid::view(block)(0, 0) = 7;
  CHECK(a(1, 2) == 7);

  auto row = a.row(2);
  limpid_test::vector_is_seen_in_place(row, at_vector);
  CHECK(limpid::view(row).stride == 4);
  CHECK(limpid::view(a.transpose().row(1)).stride == 1);
  CHECK(limpid::view(a.col(3)).stride == 1);
  CHECK(limpid::view(a.row(0).tail(2)).data == &a(0, 3));
  CHECK(limpid::view(a.array()).data == a.data());
  CHECK(limpid::view(a.reshaped()).size == 20);
}

TEST_CASE("eigen: maps and references") {
  double memory[40] = {};
  using stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<dense<double, -1, -1, Eigen::RowMajor>, 0, stride> map(memory, 3, 4, stride(11, 2));
  limpid_test::is_seen_in_place(map, at);
  CHECK(limpid::view(map).row_stride == 11);
  CHECK(limpid::view(map).col_stride == 2);
  limpid::view(map)(2, 3) = 5;
  CHECK(memory[28] == 5);
  static_assert(limpid::writable_matrix<decltype(map)>);
  static_assert(!limpid::writable_matrix<Eigen::Map<Eigen::MatrixXd const>>);
  static_assert(std::is_invocable_v<limpid::view_fn, Eigen::Map<Eigen::MatrixXd>>);

  Eigen::MatrixXf a = Eigen::MatrixXf::Random(4, 4);
  Eigen::Ref<Eigen::MatrixXf> ref = a.block(1, 1, 2, 2);
  CHECK(limpid::view(ref).data == &a(1, 1));
  limpid::view(ref)(0, 1) = 3;
  CHECK(a(1, 2) == 3);
  // Ref to const may own a copy of what it was given
  static_assert(!std::is_invocable_v<limpid::view_fn, Eigen::Ref<Eigen::MatrixXf const>>);
  static_assert(!limpid::writable_matrix<Eigen::Ref<Eigen::MatrixXf const>>);
}

TEST_CASE("eigen: an expression is evaluated once") {
  Eigen::MatrixXd const a = Eigen::MatrixXd::Constant(3, 4, 1.0);
  int calls = 0;
  auto const lazy = a.unaryExpr(counting{&calls});
  static_assert(limpid::tensor_matrix<decltype(lazy)> && !limpid::writable_matrix<decltype(lazy)>);
  static_assert(!limpid::detail::has_view<decltype(lazy)>);

  auto&& held = limpid::detail::materialise(lazy);
  auto const v = limpid::view(held);
  for (int pass = 0; pass < 2; ++pass)
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 4; ++c) CHECK(v(r, c) == 2);
  CHECK(calls == 12);

  auto&& product = limpid::detail::materialise(a * a.transpose());
  CHECK(limpid::view(product)(2, 1) == 4);
  auto&& sums = limpid::detail::materialise(a.rowwise().sum());
  static_assert(limpid::tensor_vector<decltype(sums)>);
  CHECK(limpid::view(sums)[2] == 4);
  // an indexed view has the flag of storage and no address
  auto&& rows = limpid::detail::materialise(a(Eigen::seq(0, 2, 2), Eigen::all));
  CHECK(limpid::view(rows).rows == 2);
  static_assert(!limpid::detail::has_tensor_traits<decltype(a.asDiagonal())>);
}

TEST_CASE("eigen: results convert") {
  //! [eigen]
  limpid::matrix<double> const transition{{0.9, 0.1}, {0.2, 0.8}};

  Eigen::MatrixXd T = transition;               // a copy, of any size and order
  Eigen::Matrix2f F = transition;               // fixed size: input_error where it does not fit
  T = transition;                               // assignment too
  auto const M = limpid::as_eigen(transition);  // an Eigen::Map: no copy
  Eigen::MatrixXd const inverse = M.transpose() * M;
  //! [eigen]
  CHECK(T(1, 0) == 0.2);
  CHECK(F(1, 0) == 0.2f);
  Eigen::MatrixXd const with_brackets(transition);
  CHECK(with_brackets == T);
  CHECK(Eigen::VectorXd(limpid::vector<double>{5, 6, 7}) == Eigen::Vector3d(5, 6, 7));
  CHECK(M.data() == transition.data());
  CHECK(inverse(0, 0) == doctest::Approx(0.85));

  CHECK_THROWS_WITH_AS(([&] {
                         Eigen::Matrix3d const wrong = transition;
                         (void)wrong;
                       }()),
                       "Eigen: the fixed-size type cannot hold 2 x 2", limpid::input_error);
  limpid::vector<int> const labels{0, 1, 1};
  Eigen::VectorXi y = labels;
  CHECK(y(2) == 1);
  Eigen::VectorXd reals = labels;
  CHECK(reals(2) == 1.0);
  CHECK_THROWS_AS((void)limpid::to<Eigen::Vector2i>(labels), limpid::input_error);
  static_assert(
      !std::is_convertible_v<limpid::matrix<double>, Eigen::MatrixXi>);  // the caller rounds
  static_assert(!std::is_convertible_v<limpid::matrix<double>, Eigen::VectorXd>);
}

TEST_CASE("eigen: as_eigen is a window") {
  limpid::matrix<float> m{{1, 2, 3}, {4, 5, 6}};
  auto map = limpid::as_eigen(m);
  CHECK(limpid_test::allocations_of([&] { (void)limpid::as_eigen(m); }) == 0);
  map(1, 2) = 60;
  CHECK(m(1, 2) == 60);
  auto const turned = limpid::as_eigen(m.view().transposed());
  CHECK(turned.rows() == 3);
  CHECK(&turned(2, 1) == &m(1, 2));
  limpid::vector<double> v{1, 2, 3, 4};
  limpid::as_eigen(v).array() *= 2;
  CHECK(v[3] == 8);
  auto const every_other = limpid::as_eigen(limpid::vector_view<double>(v.data(), 2, 2));
  CHECK(every_other(1) == 6);
  CHECK_THROWS_WITH_AS((void)limpid::as_eigen(limpid::vector_view<double>(v.data() + 3, 4, -1)),
                       "as_eigen: Eigen has no negative strides", limpid::input_error);
  static_assert(
      !std::is_invocable_v<limpid::as_eigen_fn, limpid::matrix<double>>);  // it would dangle
  static_assert(limpid::writable_matrix<decltype(map)>);
  static_assert(!limpid::writable_matrix<decltype(limpid::as_eigen(std::as_const(m)))>);
}

TEST_CASE("eigen: empty extents") {
  Eigen::MatrixXd none(0, 3);
  CHECK(limpid::view(none).rows == 0);
  CHECK(limpid::view(none).cols == 3);
  Eigen::MatrixXd back = limpid::matrix<double>(0, 3);
  CHECK(back.cols() == 3);
  CHECK(limpid::view(Eigen::VectorXd().head(0)).size == 0);
}
