// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/sparse.inl
/// Included once per instruction set (each_set.inc).

// Columns [k, k + Vecs * lanes) of one row.
template <std::size_t Vecs, class T>
LIMPID_SIMD_INLINE void spmm_strip(std::uint32_t const* at, T const* value, std::size_t entries,
                                   T const* F, std::size_t ldf, T* out) {
  vec<T> acc[Vecs];
  LIMPID_SIMD_UNROLL
  for (std::size_t v = 0; v < Vecs; ++v) acc[v] = vec<T>{};
  for (std::size_t t = 0; t < entries; ++t) {
    T const* const from = F + at[t] * ldf;
    vec<T> const a = broadcast(value[t]);
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < Vecs; ++v) acc[v] += a * load(from + v * lanes<T>);
  }
  LIMPID_SIMD_UNROLL
  for (std::size_t v = 0; v < Vecs; ++v) store<T>(out + v * lanes<T>, acc[v]);
}

template <class T>
inline void spmm(std::uint64_t const* indptr, std::uint32_t const* indices, T const* values,
                 T const* F, std::size_t ldf, T* out, std::size_t ldo, std::size_t row0,
                 std::size_t row1, std::size_t K) {
  for (std::size_t i = row0; i < row1; ++i) {
    std::uint32_t const* const at = indices + indptr[i];
    T const* const value = values + indptr[i];
    std::size_t const entries = static_cast<std::size_t>(indptr[i + 1] - indptr[i]);
    T* const to = out + (i - row0) * ldo;
    std::size_t k = 0;
    if constexpr (sizeof(T) == 4) {
      if (entries > 256) {
        for (; k + lanes<double> <= K; k += lanes<double>) {
          vec<double> acc{};
          for (std::size_t t = 0; t < entries; ++t)
            acc += widen(F + at[t] * ldf + k) * static_cast<double>(value[t]);
          double part[lanes<double>];
          store<double>(part, acc);
          for (std::size_t l = 0; l < lanes<double>; ++l) to[k + l] = static_cast<T>(part[l]);
        }
        for (; k < K; ++k) {
          double s = 0.0;
          for (std::size_t t = 0; t < entries; ++t)
            s += static_cast<double>(value[t]) * static_cast<double>(F[at[t] * ldf + k]);
          to[k] = static_cast<T>(s);
        }
        continue;
      }
    }
    for (; k + 4 * lanes<T> <= K; k += 4 * lanes<T>)
      spmm_strip<4>(at, value, entries, F + k, ldf, to + k);
    for (; k + lanes<T> <= K; k += lanes<T>) spmm_strip<1>(at, value, entries, F + k, ldf, to + k);
    if (k < K) {
      std::size_t const width = K - k;
      vec<T> acc{};
      for (std::size_t t = 0; t < entries; ++t)
        acc += broadcast(value[t]) * load_part(F + at[t] * ldf + k, width, T(0));
      store_part<T>(to + k, acc, width);
    }
  }
}
