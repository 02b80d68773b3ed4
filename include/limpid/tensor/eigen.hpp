// SPDX-License-Identifier: BSL-1.0
/// @file limpid/tensor/eigen.hpp
/// Eigen: dense objects with storage are viewed, dense expressions are evaluated once.
#ifndef LIMPID_TENSOR_EIGEN_HPP
#define LIMPID_TENSOR_EIGEN_HPP

#if !__has_include(<Eigen/Core>)
#error \
    "limpid/tensor/eigen.hpp needs Eigen 3.3 or later: install it and put its folder on the include path"
#endif

#include <limpid/core/matrix.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <type_traits>

namespace limpid {

namespace detail {

template <class D>
D eigen_object(Eigen::DenseBase<D> const&);
template <class D>
std::true_type owns_elements(Eigen::PlainObjectBase<D> const&);
std::false_type owns_elements(...);

template <class X>
concept eigen_dense = requires(X const& x) { detail::eigen_object(x); };
/// Matrix, Array, Map, Ref, Block, transposes of these: strides describe where the elements lie.
template <class X>
concept eigen_stored =
    eigen_dense<X> && static_cast<bool>(X::Flags & Eigen::DirectAccessBit) &&
    requires(X const& x) { x.data(); };  // IndexedView sets the bit and has no data()
template <class X>
concept eigen_owner =
    eigen_stored<X> && decltype(detail::owns_elements(std::declval<X const&>()))::value;
template <class X>
inline constexpr bool eigen_may_own = eigen_owner<X>;
template <class P, int Options, class Stride>
inline constexpr bool eigen_may_own<Eigen::Ref<P const, Options, Stride>> =
    true;  // of what it was given

template <class X>
constexpr auto eigen_view(X& x) {
  auto const count = [](Eigen::Index n) { return static_cast<std::size_t>(n); };
  if constexpr (std::remove_const_t<X>::IsVectorAtCompileTime)
    return tidy(vector_view(
        x.data(), count(x.size()),
        std::remove_const_t<X>::RowsAtCompileTime == 1 ? x.colStride() : x.rowStride()));
  else
    return tidy(
        matrix_view(x.data(), count(x.rows()), count(x.cols()), x.rowStride(), x.colStride()));
}

constexpr bool eigen_fits(Eigen::Index n, int fixed, int most) {
  return n >= 0 && (fixed == Eigen::Dynamic || n == fixed) && (most == Eigen::Dynamic || n <= most);
}

}  // namespace detail

template <detail::eigen_dense X>
struct tensor_traits<X> {
  static auto evaluate(X const& x) { return typename X::PlainObject(x); }
};

template <detail::eigen_stored X>
struct tensor_traits<X> {
  static constexpr bool borrowed = !detail::eigen_may_own<X>;
  static auto view(auto& x) { return detail::eigen_view(x); }
};

template <detail::eigen_owner X>
struct tensor_traits<X> {
  static auto view(auto& x) { return detail::eigen_view(x); }

  static X make(std::size_t rows, std::size_t cols)
    requires(!X::IsVectorAtCompileTime)
  {
    auto const r = static_cast<Eigen::Index>(rows), c = static_cast<Eigen::Index>(cols);
    detail::require(detail::eigen_fits(r, X::RowsAtCompileTime, X::MaxRowsAtCompileTime) &&
                        detail::eigen_fits(c, X::ColsAtCompileTime, X::MaxColsAtCompileTime),
                    "Eigen", "the fixed-size type cannot hold ", rows, " x ", cols);
    X out;
    out.resize(r, c);
    return out;
  }
  static X make(std::size_t size)
    requires(static_cast<bool>(X::IsVectorAtCompileTime))
  {
    auto const n = static_cast<Eigen::Index>(size);
    detail::require(detail::eigen_fits(n, X::SizeAtCompileTime, X::MaxSizeAtCompileTime), "Eigen",
                    "the fixed-size type cannot hold ", size, " elements");
    X out;
    out.resize(n);
    return out;
  }
};

namespace detail {
template <class T, class Like>
using like_const = std::conditional_t<std::is_const_v<Like>, T const, T>;
template <class T>
using eigen_matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using eigen_vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
}  // namespace detail

/// as_eigen(a): an Eigen::Map onto limpid's own matrix or vector, or onto a view; nothing is
/// copied. Read-only where the elements are. The array must outlive the map.
struct as_eigen_fn {
  template <class T>
  auto operator()(matrix<T>& m) const {
    return map<detail::eigen_matrix<T>>(m.data(), m.rows(), m.cols());
  }
  template <class T>
  auto operator()(matrix<T> const& m) const {
    return map<detail::eigen_matrix<T> const>(m.data(), m.rows(), m.cols());
  }
  template <class T>
  auto operator()(vector<T>& v) const {
    return map<detail::eigen_vector<T>>(v.data(), v.size(), 1);
  }
  template <class T>
  auto operator()(vector<T> const& v) const {
    return map<detail::eigen_vector<T> const>(v.data(), v.size(), 1);
  }
  template <class T>
  void operator()(matrix<T> const&&) const = delete;
  template <class T>
  void operator()(vector<T> const&&) const = delete;

  /// Strides must not be negative: Eigen::Map has none such.
  template <class T>
  auto operator()(matrix_view<T> m) const {
    detail::require(m.row_stride >= 0 && m.col_stride >= 0, "as_eigen",
                    "Eigen has no negative strides");
    using stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
    using object = detail::like_const<detail::eigen_matrix<std::remove_const_t<T>>, T>;
    return Eigen::Map<object, Eigen::Unaligned, stride>(m.data, index(m.rows), index(m.cols),
                                                        stride(m.row_stride, m.col_stride));
  }
  template <class T>
  auto operator()(vector_view<T> v) const {
    detail::require(v.stride >= 0, "as_eigen", "Eigen has no negative strides");
    using stride = Eigen::InnerStride<Eigen::Dynamic>;
    using object = detail::like_const<detail::eigen_vector<std::remove_const_t<T>>, T>;
    return Eigen::Map<object, Eigen::Unaligned, stride>(v.data, index(v.size), stride(v.stride));
  }

 private:
  static Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }
  template <class Object, class T>
  static auto map(T* data, std::size_t rows, std::size_t cols) {
    return Eigen::Map<Object>(data, index(rows), index(cols));
  }
};
inline constexpr as_eigen_fn as_eigen{};

}  // namespace limpid

#endif  // LIMPID_TENSOR_EIGEN_HPP
