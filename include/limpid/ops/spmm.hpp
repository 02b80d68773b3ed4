// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/spmm.hpp
/// Sparse matrix times dense block.
#ifndef LIMPID_OPS_SPMM_HPP
#define LIMPID_OPS_SPMM_HPP

#include <limpid/exec/policy.hpp>
#include <limpid/simd/sparse.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid {

/// A compressed-sparse-row matrix seen through three arrays: row r holds entries [start[r], start[r
/// + 1]).
template <class T, memory_space Space = memory_space::host>
struct csr_view {
  using value_type = std::remove_const_t<T>;
  static constexpr memory_space space = Space;
  vector_view<std::uint64_t const, Space> start;  ///< rows + 1, contiguous
  vector_view<std::uint32_t const, Space> col;    ///< entries, contiguous, ascending within a row
  vector_view<T const, Space> value;              ///< entries, contiguous
  std::size_t cols = 0;
  LIMPID_HD constexpr std::size_t rows() const noexcept { return start.size ? start.size - 1 : 0; }
};

}  // namespace limpid

namespace limpid::ops {

/// spmm(exec, a, x cols x b, out rows x b): out = a x, each row summed in storage order; x and out
/// do not overlap.
struct spmm_fn {
  template <execution_policy P, class T, memory_space S>
  void operator()(P const& exec, csr_view<T, S> a, matrix_view<T const, S> x,
                  matrix_view<T, S> out) const {
    kernel<spmm_fn, P>::run(exec, a, x, out);
  }

  template <host_policy P, class T>
  static void host(P const& exec, csr_view<T> a, matrix_view<T const> x, matrix_view<T> out) {
    constexpr std::size_t tile = 512;
    bool const packed = x.col_stride == 1 && out.col_stride == 1 && a.value.contiguous();
    exec.for_tiles((a.rows() + tile - 1) / tile, [&](std::size_t t) {
      std::size_t const begin = t * tile, end = begin + tile < a.rows() ? begin + tile : a.rows();
      if constexpr (P::vectorised)
        if (packed) {
          lanes::spmm(a.start.data, a.col.data, a.value.data, x.data,
                      static_cast<std::size_t>(x.row_stride), &out(begin, 0),
                      static_cast<std::size_t>(out.row_stride), begin, end, x.cols);
          return;
        }
      for (std::size_t r = begin; r < end; ++r)
        for (std::size_t c = 0; c < x.cols; ++c) {
          double sum = 0;
          for (std::uint64_t e = a.start[r]; e < a.start[r + 1]; ++e)
            sum += static_cast<double>(a.value[e]) * static_cast<double>(x(a.col[e], c));
          out(r, c) = static_cast<T>(sum);
        }
    });
  }
};
inline constexpr spmm_fn spmm{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_SPMM_HPP
