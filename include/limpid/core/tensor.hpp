// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/tensor.hpp
/// How any array type gets in: one trait, the concepts written on it, and the standard library's
/// own types.
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
///     static auto view(auto& x)          // O(1), no copy: a vector_view or a matrix_view of x
///
/// or, when the type has no storage that strides can describe, with one that evaluates it once,
///
///     static auto evaluate(X const& x)   // returns an owning type that has a view
///
/// and, if results should convert to it, `static X make(rows, cols)` or `make(size)`.
/// A type that does not own its elements adds `static constexpr bool borrowed = true;`: then the
/// view of a temporary is allowed. A type whose rank is known at run time only has `template
/// <std::size_t Rank> static auto view_as(auto& x)`, Rank 1 or 2, that throws where x is of another
/// rank, and view(x) = view_as<2>(x).
template <class X>
struct tensor_traits;

namespace detail {

template <class X>
using traits_of = tensor_traits<std::remove_cvref_t<X>>;

template <class X>
concept has_view = requires(std::remove_reference_t<X>& x) { traits_of<X>::view(x); };
template <class X>
concept has_evaluate = requires(std::remove_cvref_t<X> const& x) { traits_of<X>::evaluate(x); };
/// Is there a tensor_traits specialisation for the type? docs/concepts.md shows one for a type of
/// your own. Variables, so that compilers name them with the type that fails.
template <class X>
inline constexpr bool tensor_traits_exist_for = has_view<X> || has_evaluate<X>;
template <class X>
concept has_tensor_traits = tensor_traits_exist_for<X>;
template <class X>
concept has_run_time_rank =
    requires(std::remove_reference_t<X>& x) { traits_of<X>::template view_as<1>(x); };
/// The view of a temporary must not outlive it: an owner needs a name, a window does not.
template <class X>
inline constexpr bool has_a_name_or_owns_nothing = std::is_lvalue_reference_v<X>;
template <class X>
  requires(traits_of<X>::borrowed)
inline constexpr bool has_a_name_or_owns_nothing<X> = true;
template <class X>
concept outlives_view = has_a_name_or_owns_nothing<X>;

template <class X>
struct view_type {};
template <has_view X>
struct view_type<X> {
  using type = decltype(traits_of<X>::view(std::declval<std::remove_reference_t<X>&>()));
};
template <class X>
  requires(has_evaluate<X> && !has_view<X>)
struct view_type<X> {
  using type = typename view_type<decltype(traits_of<X>::evaluate(
      std::declval<std::remove_cvref_t<X> const&>())) const>::type;
};
template <class X>
using view_of = typename view_type<X>::type;

/// The object itself where it has storage; its value, evaluated once, where it has not.
/// Bind the answer with `auto&&`, then take its view.
template <class X>
decltype(auto) materialise(X const& x) {
  if constexpr (has_view<X const>)
    return (x);
  else
    return traits_of<X>::evaluate(x);
}

}  // namespace detail

struct view_fn {
  template <detail::has_view X>
    requires detail::outlives_view<X>
  constexpr auto operator()(X&& x) const {
    return detail::traits_of<X>::view(x);
  }
};
/// The strided view of an adapted object, in O(1). Of temporaries only where they own nothing.
inline constexpr view_fn view{};

namespace detail {
template <class X>
concept viewed_as_vector = is_vector_view<view_of<std::remove_reference_t<X> const>>;
template <class X>
concept viewed_as_matrix = is_matrix_view<view_of<std::remove_reference_t<X> const>>;
}  // namespace detail

/// Anything that reads as a vector / as a matrix.
template <class X>
concept tensor_vector = detail::has_tensor_traits<X> && detail::viewed_as_vector<X>;
template <class X>
concept tensor_matrix = detail::has_tensor_traits<X> && detail::viewed_as_matrix<X>;

template <class X>
using value_t = typename detail::view_of<std::remove_reference_t<X> const>::value_type;
template <class X>
inline constexpr memory_space space_of = detail::view_of<std::remove_reference_t<X> const>::space;

/// float or double.
template <class T>
concept real_number = std::same_as<T, float> || std::same_as<T, double>;
/// Any integer type; characters and bool are none.
template <class T>
concept class_number = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                       !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                       !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// A vector / matrix of float or double.
template <class X>
concept real_vector = tensor_vector<X> && real_number<value_t<X>>;
template <class X>
concept real_matrix = tensor_matrix<X> && real_number<value_t<X>>;
/// A vector of class numbers.
template <class X>
concept label_vector = tensor_vector<X> && class_number<value_t<X>>;

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
concept makeable_vector =
    (writable_vector<X> || detail::has_run_time_rank<X>) && requires(std::size_t n) {
      { tensor_traits<X>::make(n) } -> std::same_as<X>;
    };
template <class X>
concept makeable_matrix = writable_matrix<X> && requires(std::size_t n) {
  { tensor_traits<X>::make(n, n) } -> std::same_as<X>;
};

/// A vector view of x: of a vector; of a matrix with one row or one column; of an array whose rank
/// is known at run time only (xt::xarray) and is 1. Throws input_error where x is none of these.
struct as_vector_fn {
  template <detail::has_view X>
    requires detail::outlives_view<X>
  constexpr auto operator()(X&& x) const {
    if constexpr (detail::has_run_time_rank<X>) {
      return detail::traits_of<X>::template view_as<1>(x);
    } else {
      auto const v = detail::traits_of<X>::view(x);
      if constexpr (detail::is_vector_view<std::remove_const_t<decltype(v)>>) {
        return v;
      } else {
        detail::require(v.rows == 1 || v.cols == 1, "as_vector", "the matrix is ", v.rows, " x ",
                        v.cols, "; a vector has one row or one column");
        return v.cols == 1 ? v.col(0) : v.row(0);
      }
    }
  }
};
inline constexpr as_vector_fn as_vector{};

/// A matrix view of x: of a matrix, or of a vector as one column.
struct as_matrix_fn {
  template <detail::has_view X>
    requires detail::outlives_view<X>
  constexpr auto operator()(X&& x) const {
    auto const v = detail::traits_of<X>::view(x);
    if constexpr (detail::is_vector_view<std::remove_const_t<decltype(v)>>)
      return matrix_view<std::remove_pointer_t<decltype(v.data)>, decltype(v)::space>(
          v.data, v.size, 1, v.stride, 1);
    else
      return v;
  }
};
inline constexpr as_matrix_fn as_matrix{};

namespace detail {

/// Strides of extents below 2 are never used; give them the values of an unpadded row-major array,
/// since some libraries say 0.
template <class T, memory_space S>
constexpr matrix_view<T, S> tidy(matrix_view<T, S> m) noexcept {
  if (m.cols < 2) m.col_stride = 1;
  if (m.rows < 2) m.row_stride = static_cast<std::ptrdiff_t>(m.cols) * m.col_stride;
  return m;
}
template <class T, memory_space S>
constexpr vector_view<T, S> tidy(vector_view<T, S> v) noexcept {
  if (v.size < 2) v.stride = 1;
  return v;
}

}  // namespace detail

// Views themselves, and the types of the standard library -----------------------------------------

template <class T, memory_space S>
struct tensor_traits<vector_view<T, S>> {
  static constexpr bool borrowed = true;
  static constexpr vector_view<T, S> view(vector_view<T, S> const& v) { return v; }
};
template <class T, memory_space S>
struct tensor_traits<matrix_view<T, S>> {
  static constexpr bool borrowed = true;
  static constexpr matrix_view<T, S> view(matrix_view<T, S> const& m) { return m; }
};

template <class T, class Allocator>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)  // a vector's bits have no address
struct tensor_traits<std::vector<T, Allocator>> {
  static auto view(auto& v) { return vector_view(v.data(), v.size()); }
  static std::vector<T, Allocator> make(std::size_t size) {
    return std::vector<T, Allocator>(size);
  }
};
/// Rows of one length known to the compiler.
template <class T, std::size_t N, class Allocator>
  requires std::is_arithmetic_v<T>
struct tensor_traits<std::vector<std::array<T, N>, Allocator>> {
  static auto view(auto& m) {
    return matrix_view(N && !m.empty() ? m[0].data() : nullptr, m.size(), N);
  }
  static std::vector<std::array<T, N>, Allocator> make(std::size_t rows, std::size_t cols) {
    detail::require(cols == N, "std::vector of std::array", "has ", N, " columns, the result ",
                    cols);
    return std::vector<std::array<T, N>, Allocator>(rows);
  }
};
template <class T, std::size_t N>
  requires std::is_arithmetic_v<T>
struct tensor_traits<std::span<T, N>> {
  static constexpr bool borrowed = true;
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
  static auto view(auto& m) { return matrix_view(&m[0][0], N, M); }  // namespace limpid
};

}  // namespace limpid

#endif  // LIMPID_CORE_TENSOR_HPP
