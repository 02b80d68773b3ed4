// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/tensor.hpp
/// How any array type gets in: one trait, the concepts written on it, and the standard library's own types.
#ifndef LIMPID_CORE_TENSOR_HPP
#define LIMPID_CORE_TENSOR_HPP

#include <limpid/core/error.hpp>
#include <limpid/core/view.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace limpid {

/// Customisation point: specialise it for your own type with one function,
///
///     static auto view(auto& x)          // O(1), no copy; returns a vector_view or a matrix_view of x
///
/// or, when the type has no storage that strides can describe, with one that evaluates it once,
///
///     static auto evaluate(X const& x)   // returns an owning type that has a view
///
/// and, if results should convert to it, `static X make(rows, cols)` or `make(size)`.
template <class X>
struct tensor_traits;

namespace detail {

template <class X>
using traits_of = tensor_traits<std::remove_cvref_t<X>>;

template <class X>
concept has_view = requires(std::remove_reference_t<X>& x) { traits_of<X>::view(x); };
template <class X>
concept has_evaluate = requires(std::remove_cvref_t<X> const& x) { traits_of<X>::evaluate(x); };

template <class X>
struct view_type {};
template <has_view X>
struct view_type<X> {
  using type = decltype(traits_of<X>::view(std::declval<std::remove_reference_t<X>&>()));
};
template <class X>
  requires(has_evaluate<X> && !has_view<X>)
struct view_type<X> {
  using type = typename view_type<
      decltype(traits_of<X>::evaluate(std::declval<std::remove_cvref_t<X> const&>())) const>::type;
};
template <class X>
using view_of = typename view_type<X>::type;

/// The object itself where it has storage; its value, evaluated once, where it has not.
/// Bind the answer with `auto&&`, then take its view.
template <class X>
decltype(auto) materialise(X const& x) {
  if constexpr (has_view<X const>) return (x);
  else return traits_of<X>::evaluate(x);
}

}  // namespace detail

/// The strided view of an adapted object, in O(1).
inline constexpr auto view = []<class X>(X&& x)
  requires detail::has_view<X>
{ return detail::traits_of<X>::view(x); };

/// Anything that reads as a vector / as a matrix.
template <class X>
concept tensor_vector = detail::is_vector_view<detail::view_of<std::remove_reference_t<X> const>>;
template <class X>
concept tensor_matrix = detail::is_matrix_view<detail::view_of<std::remove_reference_t<X> const>>;

template <class X>
using value_t = typename detail::view_of<std::remove_reference_t<X> const>::value_type;
template <class X>
inline constexpr memory_space space_of =
    detail::view_of<std::remove_reference_t<X> const>::space;

/// A vector / matrix of float or double.
template <class X>
concept real_vector = tensor_vector<X> && std::floating_point<value_t<X>>;
template <class X>
concept real_matrix = tensor_matrix<X> && std::floating_point<value_t<X>>;
/// A vector of class numbers: any integer type but bool.
template <class X>
concept label_vector =
    tensor_vector<X> && std::integral<value_t<X>> && !std::same_as<value_t<X>, bool>;

namespace detail {
template <class V>
concept writable_view = !std::is_const_v<std::remove_pointer_t<decltype(V::data)>>;
}
/// What a function may write its result into.
template <class X>
concept writable_vector = tensor_vector<X> && detail::has_view<std::remove_reference_t<X>> &&
                          detail::writable_view<detail::view_of<std::remove_reference_t<X>>>;
template <class X>
concept writable_matrix = tensor_matrix<X> && detail::has_view<std::remove_reference_t<X>> &&
                          detail::writable_view<detail::view_of<std::remove_reference_t<X>>>;

/// What a result may be converted to.
template <class X>
concept makeable_vector = writable_vector<X> && requires(std::size_t n) {
  { tensor_traits<X>::make(n) } -> std::same_as<X>;
};
template <class X>
concept makeable_matrix = writable_matrix<X> && requires(std::size_t n) {
  { tensor_traits<X>::make(n, n) } -> std::same_as<X>;
};

// Views themselves, and the types of the standard library ---------------------------------------------

template <class T, memory_space S>
struct tensor_traits<vector_view<T, S>> {
  static vector_view<T, S> view(vector_view<T, S> const& v) { return v; }
};
template <class T, memory_space S>
struct tensor_traits<matrix_view<T, S>> {
  static matrix_view<T, S> view(matrix_view<T, S> const& m) { return m; }
};

template <class T>
  requires std::is_arithmetic_v<T>
struct tensor_traits<std::vector<T>> {
  static auto view(auto& v) { return vector_view(v.data(), v.size()); }
  static std::vector<T> make(std::size_t size) { return std::vector<T>(size); }
};
template <>
struct tensor_traits<std::vector<bool>> {};  // bits have no address
template <class T, std::size_t N>
struct tensor_traits<std::span<T, N>> {
  static auto view(std::span<T, N> const& v) { return vector_view(v.data(), v.size()); }
};
template <class T, std::size_t N>
  requires std::is_arithmetic_v<T>
struct tensor_traits<std::array<T, N>> {
  static auto view(auto& v) { return vector_view(v.data(), N); }
  static std::array<T, N> make(std::size_t size) {
    detail::require(size == N, "std::array", "holds ", N, " elements, the result ", size);
    return {};
  }
};
template <class T, std::size_t N, std::size_t M>
  requires std::is_arithmetic_v<T>
struct tensor_traits<std::array<std::array<T, M>, N>> {
  static auto view(auto& m) { return matrix_view(N ? m[0].data() : nullptr, N, M); }
  static std::array<std::array<T, M>, N> make(std::size_t rows, std::size_t cols) {
    detail::require(rows == N && cols == M, "std::array", "holds ", N, " x ", M, ", the result is ",
                    rows, " x ", cols);
    return {};
  }
};
template <class T, std::size_t N>
  requires std::is_arithmetic_v<T>
struct tensor_traits<T[N]> {
  static auto view(auto& v) { return vector_view(&v[0], N); }
};
template <class T, std::size_t N, std::size_t M>
  requires std::is_arithmetic_v<T>
struct tensor_traits<T[N][M]> {
  static auto view(auto& m) { return matrix_view(&m[0][0], N, M); }
};

}  // namespace limpid

#endif  // LIMPID_CORE_TENSOR_HPP
