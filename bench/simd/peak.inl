// SPDX-License-Identifier: BSL-1.0
// Included once per instruction set (each_set.inc).
constexpr std::size_t chains = LIMPID_SIMD_BYTES == 64 ? 24 : 12;

template <class T>
inline std::size_t fma_chain_width() {
  return chains * lanes<T>;
}

// rounds * chains * lanes multiply-adds, chains of them independent; 12 hide the latency of two
// units.
template <class T>
inline T fma_chain(std::size_t rounds, T a, T b) {
  vec<T> const factor = broadcast(a), term = broadcast(b);
  vec<T> acc[chains];
  LIMPID_SIMD_UNROLL
  for (std::size_t c = 0; c < chains; ++c) acc[c] = vec<T>{} + static_cast<T>(c);
  for (std::size_t r = 0; r < rounds; ++r) {
    LIMPID_SIMD_UNROLL
    for (std::size_t c = 0; c < chains; ++c) acc[c] = acc[c] * factor + term;
  }
  vec<T> s = acc[0];
  LIMPID_SIMD_UNROLL
  for (std::size_t c = 1; c < chains; ++c) s += acc[c];
  return sum_lanes<T>(s);
}
