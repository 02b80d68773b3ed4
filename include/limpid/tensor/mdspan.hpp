// SPDX-License-Identifier: BSL-1.0
/// @file limpid/tensor/mdspan.hpp
/// std::mdspan, and whatever else has its interface (Kokkos' reference implementation, your own).
#ifndef LIMPID_TENSOR_MDSPAN_HPP
#define LIMPID_TENSOR_MDSPAN_HPP

#include <limpid/core/tensor.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace limpid {

namespace detail {

/// Elements lie in memory as they are read: an accessor that computes (scaled, atomic) is not
/// adapted.
template <class X>
concept mdspan_object = requires(X const& x) {
  typename X::extents_type;
  typename X::mapping_type;
  typename X::accessor_type;
  requires std::same_as<typename X::reference, typename X::element_type&>;
  { x.data_handle() } -> std::convertible_to<typename X::element_type*>;
  { X::rank() } -> std::convertible_to<std::size_t>;
  { X::is_always_strided() } -> std::convertible_to<bool>;
  { x.is_strided() } -> std::convertible_to<bool>;
  x.extent(0);
} && std::is_arithmetic_v<typename X::value_type> && (X::rank() == 1 || X::rank() == 2);

}  // namespace detail

template <detail::mdspan_object X>
struct tensor_traits<X> {
  static constexpr bool borrowed = true;

  static auto view(X const& x) {
    if constexpr (!X::is_always_strided())
      detail::require(x.is_strided(), "mdspan",
                      "the layout has no strides; copy it into one that has");
    typename X::element_type* const first = x.data_handle();
    auto const extent = [&](typename X::rank_type r) {
      return static_cast<std::size_t>(x.extent(r));
    };
    auto const step = [&](typename X::rank_type r) {
      return static_cast<std::ptrdiff_t>(x.stride(r));
    };
    if constexpr (X::rank() == 1)
      return detail::tidy(vector_view(first, extent(0), step(0)));
    else
      return detail::tidy(matrix_view(first, extent(0), extent(1), step(0), step(1)));
  }
};

/// An mdspan over a device's memory as a view there: its own type does not say where it points.
template <detail::mdspan_object X>
auto device_view(X const& x) {
  auto const here = tensor_traits<X>::view(x);
  using T = typename X::element_type;
  if constexpr (X::rank() == 1)
    return vector_view<T, memory_space::device>(here.data, here.size, here.stride);
  else
    return matrix_view<T, memory_space::device>(here.data, here.rows, here.cols, here.row_stride,
                                                here.col_stride);
}

}  // namespace limpid

#endif  // LIMPID_TENSOR_MDSPAN_HPP
