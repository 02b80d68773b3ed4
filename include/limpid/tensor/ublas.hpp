// SPDX-License-Identifier: BSL-1.0
/// @file limpid/tensor/ublas.hpp
/// Boost.uBLAS: dense containers and their regular proxies are viewed, expressions are evaluated
/// once.
#ifndef LIMPID_TENSOR_UBLAS_HPP
#define LIMPID_TENSOR_UBLAS_HPP

#if !__has_include(<boost/numeric/ublas/matrix.hpp>)
#error \
    "limpid/tensor/ublas.hpp needs Boost.uBLAS: install Boost and put its folder on the include path"
#endif

#include <limpid/core/matrix.hpp>

#include <boost/numeric/ublas/matrix.hpp>
#include <boost/numeric/ublas/matrix_proxy.hpp>
#include <boost/numeric/ublas/vector.hpp>
#include <boost/numeric/ublas/vector_proxy.hpp>

#include <cstddef>
#include <type_traits>

namespace limpid {

namespace detail {

namespace ublas = boost::numeric::ublas;

template <class E>
E ublas_matrix_object(ublas::matrix_expression<E> const&);
template <class E>
E ublas_vector_object(ublas::vector_expression<E> const&);
template <class X>
concept ublas_matrix = requires(X const& x) { detail::ublas_matrix_object(x); };
template <class X>
concept ublas_vector = requires(X const& x) { detail::ublas_vector_object(x); };

/// Dense, with equal steps from element to element: not the proxies of index lists.
template <class X>
inline constexpr bool ublas_regular = false;
template <class T, class L, class A>
inline constexpr bool ublas_regular<ublas::matrix<T, L, A>> = true;
template <class T, std::size_t M, std::size_t N, class L>
inline constexpr bool ublas_regular<ublas::bounded_matrix<T, M, N, L>> = true;
template <class T, std::size_t M, std::size_t N>
inline constexpr bool ublas_regular<ublas::c_matrix<T, M, N>> = true;
template <class T, class A>
inline constexpr bool ublas_regular<ublas::vector<T, A>> = true;
template <class T, std::size_t N>
inline constexpr bool ublas_regular<ublas::bounded_vector<T, N>> = true;
template <class T, std::size_t N>
inline constexpr bool ublas_regular<ublas::c_vector<T, N>> = true;

template <class X>
inline constexpr bool ublas_window = false;
template <class E>
inline constexpr bool ublas_window<ublas::matrix_reference<E>> = true;
template <class E>
inline constexpr bool ublas_window<ublas::vector_reference<E>> = true;
template <class E>
inline constexpr bool ublas_window<ublas::matrix_range<E>> = true;
template <class E>
inline constexpr bool ublas_window<ublas::matrix_slice<E>> = true;
template <class E>
inline constexpr bool ublas_window<ublas::vector_range<E>> = true;
template <class E>
inline constexpr bool ublas_window<ublas::vector_slice<E>> = true;
template <class E>
inline constexpr bool ublas_window<ublas::matrix_row<E>> = true;
template <class E>
inline constexpr bool ublas_window<ublas::matrix_column<E>> = true;
template <class E>
inline constexpr bool ublas_regular<ublas::matrix_reference<E>> =
    ublas_regular<std::remove_const_t<E>>;
template <class E>
inline constexpr bool ublas_regular<ublas::vector_reference<E>> =
    ublas_regular<std::remove_const_t<E>>;
template <class E>
inline constexpr bool ublas_regular<ublas::matrix_range<E>> = ublas_regular<std::remove_const_t<E>>;
template <class E>
inline constexpr bool ublas_regular<ublas::matrix_slice<E>> = ublas_regular<std::remove_const_t<E>>;
template <class E>
inline constexpr bool ublas_regular<ublas::vector_range<E>> = ublas_regular<std::remove_const_t<E>>;
template <class E>
inline constexpr bool ublas_regular<ublas::vector_slice<E>> = ublas_regular<std::remove_const_t<E>>;
template <class E>
inline constexpr bool ublas_regular<ublas::matrix_row<E>> = ublas_regular<std::remove_const_t<E>>;
template <class E>
inline constexpr bool ublas_regular<ublas::matrix_column<E>> =
    ublas_regular<std::remove_const_t<E>>;

template <class X>
concept ublas_stored = ublas_regular<X>;

/// Strides are read off the addresses of elements: every container and proxy says those.
template <class X>
auto ublas_view(X& x) {
  if constexpr (ublas_matrix<std::remove_const_t<X>>) {
    using element = std::remove_reference_t<decltype(x(0, 0))>;
    std::size_t const rows = x.size1(), cols = x.size2();
    if (rows == 0 || cols == 0) return matrix_view<element>(nullptr, rows, cols);
    element* const first = &x(0, 0);
    return tidy(matrix_view<element>(first, rows, cols, rows > 1 ? &x(1, 0) - first : 0,
                                     cols > 1 ? &x(0, 1) - first : 1));
  } else {
    using element = std::remove_reference_t<decltype(x(0))>;
    std::size_t const size = x.size();
    if (size == 0) return vector_view<element>(nullptr, 0);
    element* const first = &x(0);
    return vector_view<element>(first, size, size > 1 ? &x(1) - first : 1);
  }
}

template <class X>
concept ublas_can_resize = ublas_stored<X> && !ublas_window<X>;

}  // namespace detail

template <class X>
  requires(detail::ublas_matrix<X> || detail::ublas_vector<X>)
struct tensor_traits<X> {
  /// Element by element: uBLAS' own assignment computes every element twice in debug builds.
  static auto evaluate(X const& x) {
    using value = std::remove_const_t<typename X::value_type>;
    if constexpr (detail::ublas_matrix<X>) {
      matrix<value> out(x.size1(), x.size2());
      for (std::size_t r = 0; r < out.rows(); ++r)
        for (std::size_t c = 0; c < out.cols(); ++c) out(r, c) = x(r, c);
      return out;
    } else {
      vector<value> out(x.size());
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = x(i);
      return out;
    }
  }
};

template <class X>
  requires((detail::ublas_matrix<X> || detail::ublas_vector<X>) && detail::ublas_stored<X>)
struct tensor_traits<X> {
  static constexpr bool borrowed = detail::ublas_window<X>;
  static auto view(auto& x) { return detail::ublas_view(x); }

  static X make(std::size_t rows, std::size_t cols)
    requires(detail::ublas_matrix<X> && detail::ublas_can_resize<X>)
  {
    X out(rows, cols);
    return out;
  }
  static X make(std::size_t size)
    requires(detail::ublas_vector<X> && detail::ublas_can_resize<X>)
  {
    X out(size);
    return out;
  }
};

}  // namespace limpid

#endif  // LIMPID_TENSOR_UBLAS_HPP
