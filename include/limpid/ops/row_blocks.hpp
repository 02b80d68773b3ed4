// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/row_blocks.hpp
/// Rows as the kernels of simd/ want them: packed one behind the other where the caller's strides
/// are not that.
#ifndef LIMPID_OPS_ROW_BLOCKS_HPP
#define LIMPID_OPS_ROW_BLOCKS_HPP

#include <limpid/core/view.hpp>

#include <cstddef>
#include <vector>

namespace limpid::ops::detail {

/// Calls use(pointer, leading dimension, first row, rows) over rows [begin, end): once, on the
/// caller's memory, where entries of a row are adjacent; else on copies of a few rows at a time.
template <class T, class Use>
void for_row_blocks(matrix_view<T const> x, std::size_t begin, std::size_t end, Use const& use) {
  if (x.col_stride == 1 && x.row_stride >= 0) {
    use(x.data + static_cast<std::ptrdiff_t>(begin) * x.row_stride,
        static_cast<std::size_t>(x.row_stride), begin, end - begin);
    return;
  }
  constexpr std::size_t bytes = std::size_t{1} << 16;
  std::size_t const fit = bytes / (sizeof(T) * (x.cols ? x.cols : 1)), most = fit ? fit : 1;
  std::vector<T> packed(most * x.cols);
  for (std::size_t first = begin; first < end; first += most) {
    std::size_t const rows = end - first < most ? end - first : most;
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < x.cols; ++c) packed[r * x.cols + c] = x(first + r, c);
    use(static_cast<T const*>(packed.data()), x.cols, first, rows);
  }
}

/// Calls use(pointer) for `count` results from `first` on: the caller's memory where it is
/// contiguous, else a copy put back.
template <class T, class Use>
void for_column_blocks(vector_view<T> out, std::size_t first, std::size_t count, Use const& use) {
  if (out.contiguous()) {
    use(out.data + first);
    return;
  }
  std::vector<T> packed(count);
  use(packed.data());
  for (std::size_t r = 0; r < count; ++r) out[first + r] = packed[r];
}

}  // namespace limpid::ops::detail

#endif  // LIMPID_OPS_ROW_BLOCKS_HPP
