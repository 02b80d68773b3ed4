// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/view.hpp
/// Non-owning strided windows: the only array types that kernels see.
#ifndef LIMPID_CORE_VIEW_HPP
#define LIMPID_CORE_VIEW_HPP

#include <limpid/core/config.hpp>

#include <cstddef>
#include <type_traits>

namespace limpid {

/// Where an address may be dereferenced. Part of a view's type: a host kernel cannot be given
/// device memory, and the reverse does not compile.
enum class memory_space { host, device };

/// `size` elements, `stride` elements apart. Copies in O(1); owns nothing.
template <class T, memory_space Space = memory_space::host>
struct vector_view {
  using value_type = std::remove_const_t<T>;
  static constexpr memory_space space = Space;

  T* data = nullptr;
  std::size_t size = 0;
  std::ptrdiff_t stride = 1;

  constexpr vector_view() = default;
  LIMPID_HD constexpr vector_view(T* first, std::size_t count, std::ptrdiff_t step = 1) noexcept
      : data(first), size(count), stride(step) {}
  /// Reading is always allowed where writing is.
  template <class U>
    requires(std::is_same_v<U const, T> && !std::is_const_v<U>)
  LIMPID_HD constexpr vector_view(vector_view<U, Space> other) noexcept  // NOLINT(*-explicit-*)
      : data(other.data), size(other.size), stride(other.stride) {}

  LIMPID_HD constexpr T& operator[](std::size_t i) const noexcept {
    return data[static_cast<std::ptrdiff_t>(i) * stride];
  }
  LIMPID_HD constexpr bool contiguous() const noexcept { return stride == 1 || size < 2; }
};

/// `rows` x `cols` elements; strides count elements: row-major, column-major, padded, transposed.
template <class T, memory_space Space = memory_space::host>
struct matrix_view {
  using value_type = std::remove_const_t<T>;
  static constexpr memory_space space = Space;

  T* data = nullptr;
  std::size_t rows = 0, cols = 0;
  std::ptrdiff_t row_stride = 0, col_stride = 1;

  constexpr matrix_view() = default;
  /// Row-major without padding.
  LIMPID_HD constexpr matrix_view(T* first, std::size_t r, std::size_t c) noexcept
      : matrix_view(first, r, c, static_cast<std::ptrdiff_t>(c), 1) {}
  LIMPID_HD constexpr matrix_view(T* first, std::size_t r, std::size_t c, std::ptrdiff_t row_step,
                                  std::ptrdiff_t col_step) noexcept
      : data(first), rows(r), cols(c), row_stride(row_step), col_stride(col_step) {}
  template <class U>
    requires(std::is_same_v<U const, T> && !std::is_const_v<U>)
  LIMPID_HD constexpr matrix_view(matrix_view<U, Space> other) noexcept  // NOLINT(*-explicit-*)
      : data(other.data),
        rows(other.rows),
        cols(other.cols),
        row_stride(other.row_stride),
        col_stride(other.col_stride) {}

  LIMPID_HD constexpr T& operator()(std::size_t r, std::size_t c) const noexcept {
    return data[static_cast<std::ptrdiff_t>(r) * row_stride +
                static_cast<std::ptrdiff_t>(c) * col_stride];
  }
  LIMPID_HD constexpr vector_view<T, Space> row(std::size_t r) const noexcept {
    return {data + static_cast<std::ptrdiff_t>(r) * row_stride, cols, col_stride};
  }
  LIMPID_HD constexpr vector_view<T, Space> col(std::size_t c) const noexcept {
    return {data + static_cast<std::ptrdiff_t>(c) * col_stride, rows, row_stride};
  }
  /// Rows [first, last).
  LIMPID_HD constexpr matrix_view row_block(std::size_t first, std::size_t last) const noexcept {
    return {data + static_cast<std::ptrdiff_t>(first) * row_stride, last - first, cols, row_stride,
            col_stride};
  }
  LIMPID_HD constexpr matrix_view<T, Space> transposed() const noexcept {
    return {data, cols, rows, col_stride, row_stride};
  }
};

template <class T>
vector_view(T*, std::size_t) -> vector_view<T>;
template <class T>
vector_view(T*, std::size_t, std::ptrdiff_t) -> vector_view<T>;
template <class T>
matrix_view(T*, std::size_t, std::size_t) -> matrix_view<T>;
template <class T>
matrix_view(T*, std::size_t, std::size_t, std::ptrdiff_t, std::ptrdiff_t) -> matrix_view<T>;

namespace detail {

template <class V>
inline constexpr bool is_vector_view = false;
template <class T, memory_space S>
inline constexpr bool is_vector_view<vector_view<T, S>> = true;
template <class V>
inline constexpr bool is_matrix_view = false;
template <class T, memory_space S>
inline constexpr bool is_matrix_view<matrix_view<T, S>> = true;

}  // namespace detail
}  // namespace limpid

#endif  // LIMPID_CORE_VIEW_HPP
