// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/quadratic_forms.inl
/// Included once per instruction set (each_set.inc).

// out[c] += sum_r left[r][c] sum_j values[r][j] right[j][c] for one register tile of rows and one
// group of columns.
template <class T>
LIMPID_SIMD_NOINLINE void form_tile(T const* values, std::size_t refs, T const* left,
                                    T const* right, double* out) {
  vec<T> acc[tile_rows][tile_vecs];
  LIMPID_SIMD_UNROLL
  for (std::size_t r = 0; r < tile_rows; ++r) {
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) acc[r][v] = vec<T>{};
  }
  for (std::size_t j = 0; j < refs; ++j, right += tile_cols<T>) {
    vec<T> column[tile_vecs];
    LIMPID_SIMD_PREFETCH(right + 8 * tile_cols<T>);
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) column[v] = load(right + v * lanes<T>);
    LIMPID_SIMD_UNROLL
    for (std::size_t r = 0; r < tile_rows; ++r) {
      vec<T> const value = broadcast(values[r * form_refs + j]);
      LIMPID_SIMD_UNROLL
      for (std::size_t v = 0; v < tile_vecs; ++v) acc[r][v] += value * column[v];
    }
  }
  alignas(64) T part[tile_cols<T>];
  LIMPID_SIMD_UNROLL
  for (std::size_t v = 0; v < tile_vecs; ++v) {
    vec<T> total{};
    LIMPID_SIMD_UNROLL
    for (std::size_t r = 0; r < tile_rows; ++r)
      total += acc[r][v] * load(left + r * tile_cols<T> + v * lanes<T>);
    store<T>(part + v * lanes<T>, total);
  }
  for (std::size_t l = 0; l < tile_cols<T>; l += lanes<double>)
    store<double>(out + l, load(static_cast<double const*>(out) + l) +
                               widen(static_cast<T const*>(part) + l));
}

// For all groups, `pitch` elements apart. A slice of a group's columns stays in the first cache
// while it meets all rows.
template <class T>
inline void quadratic_forms(T const* values, std::size_t rows, std::size_t refs, T const* left,
                            T const* right, std::size_t pitch, std::size_t groups, double* out) {
  constexpr std::size_t depth = 128;
  for (std::size_t j = 0; j < refs; j += depth) {
    std::size_t const some = refs - j < depth ? refs - j : depth;
    for (std::size_t g = 0; g < groups; ++g)
      for (std::size_t r = 0; r < rows; r += tile_rows)
        form_tile<T>(values + r * form_refs + j, some, left + g * pitch + r * tile_cols<T>,
                     right + g * pitch + j * tile_cols<T>, out + g * tile_cols<T>);
  }
}

template <class T>
inline void scale_to(double const* from, std::size_t count, double factor, T* to) {
  std::size_t i = 0;
#if LIMPID_SIMD_BYTES
  if constexpr (sizeof(T) == 8) {
    for (; i + lanes<double> <= count; i += lanes<double>)
      store<double>(to + i, load(from + i) * factor);
  } else {
    typedef typename vec_of<float>::half_loose half;
    for (; i + lanes<double> <= count; i += lanes<double>)
      *reinterpret_cast<half*>(to + i) = __builtin_convertvector(load(from + i) * factor, half);
  }
#endif
  for (; i < count; ++i) to[i] = static_cast<T>(from[i] * factor);
}

inline double wide_dot(double const* a, double const* b, std::size_t count) {
  vec<double> sum[4]{};
  std::size_t i = 0;
  for (; i + 4 * lanes<double> <= count; i += 4 * lanes<double>) {
    LIMPID_SIMD_UNROLL
    for (std::size_t u = 0; u < 4; ++u)
      sum[u] += load(a + i + u * lanes<double>) * load(b + i + u * lanes<double>);
  }
  double total = sum_lanes<double>((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}
