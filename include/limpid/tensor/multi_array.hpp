// SPDX-License-Identifier: BSL-1.0
/// @file limpid/tensor/multi_array.hpp
/// Boost.MultiArray: arrays, references, sub-arrays and views, of any storage order, index base and
/// direction.
#ifndef LIMPID_TENSOR_MULTI_ARRAY_HPP
#define LIMPID_TENSOR_MULTI_ARRAY_HPP

#if !__has_include(<boost/multi_array.hpp>)
#error \
    "limpid/tensor/multi_array.hpp needs Boost.MultiArray: install Boost and put its folder on the include path"
#endif

#include <limpid/core/matrix.hpp>

#include <boost/multi_array.hpp>

#include <cstddef>
#include <type_traits>

namespace limpid {

namespace detail {

template <class X>
concept multi_array_object =
    requires(X const& x) {
      typename X::element;
      typename X::index_range;
      x.origin();
      x.index_bases();
      x.strides();
      x.shape();
    } && std::is_arithmetic_v<typename X::element> &&
    (X::dimensionality == 1 || X::dimensionality == 2);

template <class X>
inline constexpr bool is_multi_array = false;
template <class T, std::size_t N, class A>
inline constexpr bool is_multi_array<boost::multi_array<T, N, A>> = true;

template <class X>
auto multi_array_view(X& x) {
  using index = std::ptrdiff_t;
  auto const* const step = x.strides();
  auto const* const base = x.index_bases();
  auto const* const extent = x.shape();
  // origin() is where all indices are 0, which need not be an element
  if constexpr (std::remove_const_t<X>::dimensionality == 1)
    return tidy(
        vector_view(x.origin() + static_cast<index>(base[0]) * step[0], extent[0], step[0]));
  else
    return tidy(matrix_view(x.origin() + (static_cast<index>(base[0]) * step[0] +
                                          static_cast<index>(base[1]) * step[1]),
                            extent[0], extent[1], step[0], step[1]));
}

}  // namespace detail

template <detail::multi_array_object X>
struct tensor_traits<X> {
  static constexpr bool borrowed = !detail::is_multi_array<X>;
  static auto view(auto& x) { return detail::multi_array_view(x); }

  static X make(std::size_t rows, std::size_t cols)
    requires(detail::is_multi_array<X> && X::dimensionality == 2)
  {
    return X(
        boost::extents[static_cast<typename X::index>(rows)][static_cast<typename X::index>(cols)]);
  }
  static X make(std::size_t size)
    requires(detail::is_multi_array<X> && X::dimensionality == 1)
  {
    return X(boost::extents[static_cast<typename X::index>(size)]);
  }
};

}  // namespace limpid

#endif  // LIMPID_TENSOR_MULTI_ARRAY_HPP
