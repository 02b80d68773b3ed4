// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/sparse.hpp
/// A sparse matrix in compressed rows times a dense block.
#ifndef LIMPID_SIMD_SPARSE_HPP
#define LIMPID_SIMD_SPARSE_HPP

#include <limpid/simd/vec.hpp>

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/sparse.inl>
#include <limpid/simd/detail/each_set.inc>

/// out[(i - row0) * ldo + k] = sum over t in [indptr[i], indptr[i + 1]) of values[t] F[indices[t] *
/// ldf + k], for rows i in [row0, row1) and k < K. Each row is summed in the order of its entries:
/// in T, or in double when T is float and the row has more than 256.
template <class T>
void spmm(std::uint64_t const* indptr, std::uint32_t const* indices, T const* values, T const* F,
          std::size_t ldf, T* out, std::size_t ldo, std::size_t row0, std::size_t row1,
          std::size_t K) {
  LIMPID_SIMD_CALL(isa(),
                   template spmm<T>(indptr, indices, values, F, ldf, out, ldo, row0, row1, K));
}

#include <limpid/simd/detail/close.inc>

#endif
