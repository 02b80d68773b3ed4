// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/detail/cuda_stage.hpp
/// Blocks of a row functor's own rows in a block's memory. A thread that walks along its row reads
/// one element of every 32 bytes that its warp moves; a block that moves its rows together reads
/// each byte once, and its threads walk along copies.
#ifndef LIMPID_EXEC_DETAIL_CUDA_STAGE_HPP
#define LIMPID_EXEC_DETAIL_CUDA_STAGE_HPP

#include <limpid/exec/detail/cuda_grid.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace limpid::detail {

/// Where a matrix's rows lie in the block's memory.
struct stage_layout {
  unsigned char* memory;
  std::size_t begin;       ///< first row of the block
  unsigned rows, threads;  ///< rows that fit
  std::size_t offset = 0;  ///< bytes of the matrices before

  /// Rows of adjacent elements, longer than what a warp's neighbours read at once anyway.
  template <class T>
  static LIMPID_HD bool worthwhile(matrix_view<T, memory_space::device> const& m) {
    return m.data && m.col_stride == 1 && m.cols * sizeof(T) > 16;
  }
  /// Odd: the same element of neighbouring rows lies in different banks.
  static LIMPID_HD std::size_t pitch(std::size_t cols) { return cols | 1; }

  template <class T>
  LIMPID_HD std::remove_const_t<T>* next(matrix_view<T, memory_space::device> const& m) {
    auto* const here = reinterpret_cast<std::remove_const_t<T>*>(memory + offset);
    offset += (rows * pitch(m.cols) * sizeof(T) + 15) / 16 * 16;
    return here;
  }
};

/// Visits a functor's matrices: bytes that they need for the rows of a block.
struct stage_size : stage_layout {
  template <class T>
  LIMPID_HD void operator()(matrix_view<T, memory_space::device>& m) {
    if (worthwhile(m)) (void)next(m);
  }
};

struct stage_load : stage_layout {
  unsigned thread, some;  ///< rows that there are
  template <class T>
  LIMPID_HD void operator()(matrix_view<T, memory_space::device>& m) {
    if (!worthwhile(m)) return;
    auto* const to = next(m);
    if constexpr (std::is_const_v<T>)
      for (std::size_t at = thread; at < some * m.cols; at += threads) {
        auto const [r, c] = place_of(at, m.cols);
        to[r * pitch(m.cols) + c] = m(begin + r, c);
      }
  }
};

/// Makes the functor's views look at the copies.
struct stage_turn : stage_layout {
  template <class T>
  LIMPID_HD void operator()(matrix_view<T, memory_space::device>& m) {
    if (!worthwhile(m)) return;
    m.row_stride = static_cast<std::ptrdiff_t>(pitch(m.cols));
    m.data = next(m) - static_cast<std::ptrdiff_t>(begin) * m.row_stride;
  }
};

struct stage_store : stage_layout {
  unsigned thread, some;
  template <class T>
  LIMPID_HD void operator()(matrix_view<T, memory_space::device>& m) {
    if (!worthwhile(m)) return;
    auto const* const from = next(m);
    if constexpr (!std::is_const_v<T>)
      for (std::size_t at = thread; at < some * m.cols; at += threads) {
        auto const [r, c] = place_of(at, m.cols);
        m(begin + r, c) = from[r * pitch(m.cols) + c];
      }
  }
};

/// A functor that names the matrices of which f(i) touches row i alone; see ops/rows.hpp.
template <class F>
concept names_own_rows = requires(F f, stage_size& visit) { f.own_rows(visit); };

/// How many rows of a block are staged: 0 where that is not possible or not worthwhile.
struct stage_plan {
  unsigned rows = 0;
  std::size_t bytes = 0;
  /// `threads` a power of 2, at least 32; `free` bytes of the block's memory.
  template <class F>
  static stage_plan of(F f, unsigned threads, std::size_t free) {
    if constexpr (names_own_rows<F>)
      for (unsigned rows = threads; rows >= 32; rows /= 2) {
        stage_size size{{nullptr, 0, rows, threads}};
        f.own_rows(size);
        if (size.offset == 0) break;
        if (size.offset <= free) return {rows, size.offset};
      }
    return {};
  }
};

/// f on rows [begin, begin + some), some <= rows, of a block: call(functor, row, thread).
template <class Block, class F, class Call>
LIMPID_HD void on_staged_rows(Block const& block, F const& f, unsigned char* memory,
                              std::size_t begin, unsigned rows, unsigned some, unsigned threads,
                              Call const& call) {
  stage_layout const layout{memory, begin, rows, threads};
  block.each([&](unsigned t) {
    F mine = f;
    stage_load load{layout, t, some};
    mine.own_rows(load);
  });
  block.each([&](unsigned t) {
    if (t >= some) return;
    F mine = f;
    stage_turn turn{layout};
    mine.own_rows(turn);
    call(mine, begin + t, t);
  });
  block.each([&](unsigned t) {
    F mine = f;
    stage_store store{layout, t, some};
    mine.own_rows(store);
  });
}

}  // namespace limpid::detail

#endif  // LIMPID_EXEC_DETAIL_CUDA_STAGE_HPP
