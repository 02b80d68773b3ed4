// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/row_reader.hpp
/// Matrices that do not fit in memory: a callback that fills a block of rows, read block by block.
/// (A file mapped into memory needs none of this: its matrix_view is a matrix.)
#ifndef LIMPID_OPS_ROW_READER_HPP
#define LIMPID_OPS_ROW_READER_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/memory.hpp>

#include <cstddef>
#include <functional>
#include <type_traits>

namespace limpid {

/// rows x cols of T, given block by block. A function that takes one may read all rows several
/// times, always from the first to the last; each says how often. What `read` throws ends the call.
template <real_number T>
struct row_reader {
  std::size_t rows = 0, cols = 0;
  /// fills block(r, c) with the entry of row first + r, for all of block's rows
  std::function<void(std::size_t first, matrix_view<T> block)> read;
  std::size_t block_rows = 0;  ///< rows asked for at a time; 0: as many as 8 MB hold
};

namespace ops::detail {

/// A matrix in memory: one block.
template <class T, memory_space S>
struct resident_rows {
  using value_type = T;
  matrix_view<T const, S> p;
  std::size_t rows() const { return p.rows; }
  std::size_t cols() const { return p.cols; }
  /// use(block, first row) over all blocks in order.
  template <class Exec, class Use>
  void operator()(Exec const&, Use const& use) const {
    use(p, std::size_t{0});
  }
};

template <class T, memory_space S>
struct read_rows {
  using value_type = T;
  row_reader<T> const* reader;
  std::size_t rows() const { return reader->rows; }
  std::size_t cols() const { return reader->cols; }
  std::size_t block() const {
    std::size_t const fit = (std::size_t{1} << 23) / (sizeof(T) * (cols() ? cols() : 1));
    std::size_t const most = reader->block_rows ? reader->block_rows : fit ? fit : 1;
    return most < rows() ? most : rows();
  }
  template <class Exec, class Use>
  void operator()(Exec const& exec, Use const& use) const {
    matrix<T> held(block(), cols());
    for (std::size_t first = 0; first < rows(); first += block()) {
      std::size_t const count = rows() - first < block() ? rows() - first : block();
      matrix_view<T> const part(held.data(), count, cols());
      reader->read(first, part);
      if constexpr (S == memory_space::host) {
        use(matrix_view<T const>(part), first);
      } else {
        auto const there = upload(exec, part);
        use(matrix_view<T const, S>(there.view(count, cols())), first);
      }
    }
  }
};

}  // namespace ops::detail
}  // namespace limpid

#endif  // LIMPID_OPS_ROW_READER_HPP
