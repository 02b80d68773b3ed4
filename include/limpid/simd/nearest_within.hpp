// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/nearest_within.hpp
/// The k nearest of every row among the rows themselves, packing included.
#ifndef LIMPID_SIMD_NEAREST_WITHIN_HPP
#define LIMPID_SIMD_NEAREST_WITHIN_HPP

#include <limpid/simd/nearest.hpp>

#include <limpid/simd/detail/open.inc>

/// own_search with the rows it is about. squared_euclidean and cosine only; n < 2^32.
template <class T>
class within_search {
 public:
  /// mean: as of pack_rows, for the Euclidean distance. block: rows of a block, see panel_blocks.
  within_search(T const* x, std::size_t n, std::size_t d, std::ptrdiff_t ld, std::ptrdiff_t cs,
                double const* mean, metric measure, std::size_t k, std::size_t block = 0)
      : rows_(pack_rows(x, n, d, ld, cs, mean, measure)), search_(rows_, k, true, block) {}
  within_search(within_search const&) = delete;
  within_search& operator=(within_search const&) = delete;

  std::size_t blocks() const { return search_.blocks(); }
  std::size_t block_rows() const { return search_.block_rows(); }
  void own(std::size_t a) const { search_.pair(a, a); }
  void pair(std::size_t a, std::size_t b) const { search_.pair(a, b); }
  void finish(std::size_t first, std::size_t last, std::uint32_t* idx, double* dist) const {
    search_.finish(first, last, idx, dist);
  }

 private:
  packed_rows<T> rows_;
  own_search<T> search_;
};

#include <limpid/simd/detail/close.inc>

#endif
