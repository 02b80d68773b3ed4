// SPDX-License-Identifier: BSL-1.0
/// @file limpid/tensor/xtensor.hpp
/// xtensor: containers, adaptors and strided views are viewed, lazy expressions are evaluated once.
#ifndef LIMPID_TENSOR_XTENSOR_HPP
#define LIMPID_TENSOR_XTENSOR_HPP

#if !__has_include(<xtensor/xtensor.hpp>) && !__has_include(<xtensor/containers/xtensor.hpp>)
#error "limpid/tensor/xtensor.hpp needs xtensor: install it and put its folder on the include path"
#endif

#include <limpid/core/matrix.hpp>

#if __has_include(<xtensor/xtensor.hpp>)
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#else
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#endif

#include <array>
#include <cstddef>
#include <type_traits>

namespace limpid {

namespace detail {

inline constexpr std::size_t run_time_rank = static_cast<std::size_t>(-1);
template <class Shape>
inline constexpr std::size_t xtensor_rank = run_time_rank;
template <class Index, std::size_t N>
inline constexpr std::size_t xtensor_rank<std::array<Index, N>> = N;
template <std::size_t... N>
inline constexpr std::size_t xtensor_rank<xt::fixed_shape<N...>> = sizeof...(N);

template <class X>
concept xtensor_expression =
    xt::is_xexpression<X>::value && requires { typename X::shape_type; } &&
    std::is_arithmetic_v<typename X::value_type> &&
    (xtensor_rank<std::remove_cvref_t<typename X::shape_type>> == run_time_rank ||
     xtensor_rank<std::remove_cvref_t<typename X::shape_type>> == 1 ||
     xtensor_rank<std::remove_cvref_t<typename X::shape_type>> == 2);
/// Elements in memory, at data() + data_offset() and strides from there.
template <class X>
concept xtensor_stored = xtensor_expression<X> && requires(X const& x) {
  { x.data() + x.data_offset() } -> std::convertible_to<typename X::value_type const*>;
  x.strides();
};

template <std::size_t Rank, class X>
auto xtensor_view(X& x) {
  auto const extent = [&](std::size_t r) { return static_cast<std::size_t>(x.shape()[r]); };
  auto const step = [&](std::size_t r) { return static_cast<std::ptrdiff_t>(x.strides()[r]); };
  if constexpr (xtensor_rank<std::remove_cvref_t<typename X::shape_type>> == run_time_rank)
    require(x.dimension() == Rank, "xtensor", "the array has rank ", x.dimension(),
            Rank == 1 ? "; a vector has rank 1"
                      : "; a matrix has rank 2 (limpid::as_vector(x) is for a vector whose type "
                        "says no rank)");
  auto* const first = x.data() + x.data_offset();
  if constexpr (Rank == 1)
    return tidy(vector_view(first, extent(0), step(0)));
  else
    return tidy(matrix_view(first, extent(0), extent(1), step(0), step(1)));
}

template <class X>
inline constexpr bool xtensor_borrows = false;
template <class E, class... S>
inline constexpr bool xtensor_borrows<xt::xview<E&, S...>> = true;
template <class E, class S, xt::layout_type L, class F>
inline constexpr bool xtensor_borrows<xt::xstrided_view<E&, S, L, F>> = true;

/// xtensor_owner<X>::make: extents in, object out.
template <class X>
struct xtensor_owner {};
template <class E, std::size_t N, xt::layout_type L, class Tag>
struct xtensor_owner<xt::xtensor_container<E, N, L, Tag>> {
  using object = xt::xtensor_container<E, N, L, Tag>;
  static object make(std::size_t size)
    requires(N == 1)
  {
    return object::from_shape(std::array<std::size_t, 1>{size});
  }
  static object make(std::size_t rows, std::size_t cols)
    requires(N == 2)
  {
    return object::from_shape(std::array<std::size_t, 2>{rows, cols});
  }
};
template <class E, xt::layout_type L, class S, class Tag>
struct xtensor_owner<xt::xarray_container<E, L, S, Tag>> {
  using object = xt::xarray_container<E, L, S, Tag>;
  static object make(std::size_t size) {
    return object::from_shape(std::array<std::size_t, 1>{size});
  }
  static object make(std::size_t rows, std::size_t cols) {
    return object::from_shape(std::array<std::size_t, 2>{rows, cols});
  }
};
template <class E, std::size_t... N, xt::layout_type L, bool Sharable, class Tag>
struct xtensor_owner<xt::xfixed_container<E, xt::fixed_shape<N...>, L, Sharable, Tag>> {
  using object = xt::xfixed_container<E, xt::fixed_shape<N...>, L, Sharable, Tag>;
  static object make(auto... extents)
    requires(sizeof...(extents) == sizeof...(N))
  {
    require(((extents == N) && ...), "xtensor",
            "the extents of the fixed-size type are not the result's");
    return object();
  }
};

}  // namespace detail

template <detail::xtensor_expression X>
struct tensor_traits<X> {
  static auto evaluate(X const& x) {
    using value = std::remove_const_t<typename X::value_type>;
    constexpr std::size_t rank = detail::xtensor_rank<std::remove_cvref_t<typename X::shape_type>>;
    if constexpr (rank == detail::run_time_rank)
      return xt::xarray<value, xt::layout_type::row_major>(x);
    else
      return xt::xtensor<value, rank, xt::layout_type::row_major>(x);
  }
};

template <detail::xtensor_stored X>
struct tensor_traits<X> : detail::xtensor_owner<X> {
  static constexpr bool borrowed = detail::xtensor_borrows<X>;
  static constexpr std::size_t rank =
      detail::xtensor_rank<std::remove_cvref_t<typename X::shape_type>>;

  static auto view(auto& x) {
    return detail::xtensor_view < rank == detail::run_time_rank ? 2 : rank > (x);
  }
  template <std::size_t Rank>
    requires(rank == detail::run_time_rank)
  static auto view_as(auto& x) {
    return detail::xtensor_view<Rank>(x);
  }
};

/// as_xtensor(a): an xtensor adaptor onto limpid's own matrix or vector, or onto a view; nothing is
/// copied. The array must outlive the adaptor.
struct as_xtensor_fn {
  template <class T>
  auto operator()(matrix<T>& m) const {
    return (*this)(m.view());
  }
  template <class T>
  auto operator()(matrix<T> const& m) const {
    return (*this)(m.view());
  }
  template <class T>
  auto operator()(vector<T>& v) const {
    return (*this)(v.view());
  }
  template <class T>
  auto operator()(vector<T> const& v) const {
    return (*this)(v.view());
  }
  template <class T>
  void operator()(matrix<T> const&&) const = delete;
  template <class T>
  void operator()(vector<T> const&&) const = delete;

  /// Strides must not be negative: an adaptor starts at its lowest address.
  template <class T>
  auto operator()(matrix_view<T> m) const {
    detail::require(m.row_stride >= 0 && m.col_stride >= 0, "as_xtensor",
                    "negative strides are not adapted");
    std::size_t const span = m.rows && m.cols
                                 ? (m.rows - 1) * static_cast<std::size_t>(m.row_stride) +
                                       (m.cols - 1) * static_cast<std::size_t>(m.col_stride) + 1
                                 : 0;
    return xt::adapt(m.data, span, xt::no_ownership(), std::array<std::size_t, 2>{m.rows, m.cols},
                     std::array<std::ptrdiff_t, 2>{m.row_stride, m.col_stride});
  }
  template <class T>
  auto operator()(vector_view<T> v) const {
    detail::require(v.stride >= 0, "as_xtensor", "negative strides are not adapted");
    std::size_t const span = v.size ? (v.size - 1) * static_cast<std::size_t>(v.stride) + 1 : 0;
    return xt::adapt(v.data, span, xt::no_ownership(), std::array<std::size_t, 1>{v.size},
                     std::array<std::ptrdiff_t, 1>{v.stride});
  }
};
inline constexpr as_xtensor_fn as_xtensor{};

}  // namespace limpid

#endif  // LIMPID_TENSOR_XTENSOR_HPP
