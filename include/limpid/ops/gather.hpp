// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/gather.hpp
/// Some of the rows, in a given order.
#ifndef LIMPID_OPS_GATHER_HPP
#define LIMPID_OPS_GATHER_HPP

#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <type_traits>

namespace limpid::ops {

namespace detail {

template <class T, class Index, memory_space S>
struct gather_row {
  matrix_view<T const, S> from;
  vector_view<Index const, S> index;
  matrix_view<T, S> to;
  LIMPID_HD void operator()(std::size_t r) const {
    auto const i = static_cast<std::size_t>(index[r]);
    for (std::size_t c = 0; c < from.cols; ++c) to(r, c) = from(i, c);
  }
};
template <class T, class U, class Index, memory_space S>
struct gather_element {
  vector_view<T const, S> from;
  vector_view<Index const, S> index;
  vector_view<U, S> to;
  LIMPID_HD void operator()(std::size_t r) const {
    to[r] = static_cast<U>(from[static_cast<std::size_t>(index[r])]);
  }
};

}  // namespace detail

/// gather_rows(exec, from, index, to): row r of `to` = row index[r] of `from`, for every entry of
/// index (row numbers, not checked). Of a vector: element r, converted to the type of `to`. They do
/// not overlap.
struct gather_rows_fn {
  using primitives = uses<for_rows_fn>;

  template <execution_policy P, class T, class Index, memory_space S>
  void operator()(P const& exec, matrix_view<T const, S> from, vector_view<Index, S> index,
                  matrix_view<T, S> to) const {
    for_rows(exec, index.size,
             detail::gather_row<T, std::remove_const_t<Index>, S>{from, index, to});
  }
  template <execution_policy P, class T, class Index, class U, memory_space S>
  void operator()(P const& exec, vector_view<T const, S> from, vector_view<Index, S> index,
                  vector_view<U, S> to) const {
    for_rows(exec, index.size,
             detail::gather_element<T, U, std::remove_const_t<Index>, S>{from, index, to});
  }
};
inline constexpr gather_rows_fn gather_rows{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_GATHER_HPP
