// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/linear.hpp
/// The two products of a linear classifier with K classes, K small: logits, and the gradient of its
/// weights.
#ifndef LIMPID_SIMD_LINEAR_HPP
#define LIMPID_SIMD_LINEAR_HPP

#include <memory>

#include <limpid/simd/vec.hpp>

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/linear.inl>
#include <limpid/simd/detail/each_set.inc>

/// K rows of weights and a bias each, as linear_rows takes them: packed once for many blocks of
/// rows.
template <class T>
class packed_weights {
 public:
  /// w: K x d, ldw from row to row; b: K, or null for 0.
  packed_weights(T const* w, std::size_t ldw, T const* b, std::size_t K, std::size_t d)
      : d_(d), K_(K), pitch_((K + pad - 1) / pad * pad), data_(new T[(d + 1) * pitch_]()) {
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t c = 0; c < d; ++c) data_[c * pitch_ + k] = w[k * ldw + c];
    if (b != nullptr)
      for (std::size_t k = 0; k < K; ++k) data_[d * pitch_ + k] = b[k];
  }

  /// out[i][k] = b[k] + sum_c x[i][c] w[k][c]. x: n x d, ldx from row to row; out: n x K, ldo.
  /// Summed in T, columns in order.
  void rows(T const* x, std::size_t ldx, std::size_t n, T* out, std::size_t ldo) const {
    LIMPID_SIMD_CALL(
        isa(), template linear_rows<T>(x, ldx, n, d_, static_cast<T const*>(data_.get()), pitch_,
                                       K_, out, ldo));
  }

 private:
  static constexpr std::size_t pad = 64 / sizeof(T);
  std::size_t d_, K_, pitch_;
  std::unique_ptr<T[]> data_;  // [d][pitch], zeros behind; then the biases
};

/// packed_weights for one block of rows.
template <class T>
void linear_rows(T const* x, std::size_t ldx, std::size_t n, std::size_t d, T const* w,
                 std::size_t ldw, T const* b, std::size_t K, T* out, std::size_t ldo) {
  packed_weights<T>(w, ldw, b, K, d).rows(x, ldx, n, out, ldo);
}

/// g[k][c] += sum_i r[i][k] x[i][c]. r: n x K, ldr; x: n x d, ldx; g: K x d, ldg, in double:
/// partial sums of 64 rows in T.
template <class T>
void accumulate_outer(T const* r, std::size_t ldr, T const* x, std::size_t ldx, std::size_t n,
                      std::size_t K, std::size_t d, double* g, std::size_t ldg) {
  LIMPID_SIMD_CALL(isa(), template accumulate_outer<T>(r, ldr, x, ldx, n, K, d, g, ldg));
}

#include <limpid/simd/detail/close.inc>

#endif
