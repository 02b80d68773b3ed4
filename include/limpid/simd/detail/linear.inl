// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/linear.inl
/// Included once per instruction set (each_set.inc).

template <class T>
inline void linear_rows(T const* x, std::size_t ldx, std::size_t n, std::size_t d, T const* w,
                        std::size_t pitch, std::size_t K, T* out, std::size_t ldo) {
  constexpr std::size_t rows = 6;
  for (std::size_t i = 0; i < n; i += rows) {
    T const* row[rows];
    for (std::size_t r = 0; r < rows; ++r) row[r] = x + (i + r < n ? i + r : n - 1) * ldx;
    for (std::size_t k = 0; k < K; k += lanes<T>) {
      vec<T> acc[rows];
      LIMPID_SIMD_UNROLL
      for (std::size_t r = 0; r < rows; ++r) acc[r] = load(w + d * pitch + k);
      for (std::size_t c = 0; c < d; ++c) {
        vec<T> const wc = load(w + c * pitch + k);
        LIMPID_SIMD_UNROLL
        for (std::size_t r = 0; r < rows; ++r) acc[r] += wc * row[r][c];
      }
      T part[rows][lanes<T>];
      LIMPID_SIMD_UNROLL
      for (std::size_t r = 0; r < rows; ++r) store<T>(part[r], acc[r]);
      std::size_t const width = K - k < lanes<T> ? K - k : lanes<T>;
      for (std::size_t r = 0; r < rows && i + r < n; ++r)
        for (std::size_t l = 0; l < width; ++l) out[(i + r) * ldo + k + l] = part[r][l];
    }
  }
}

template <class T>
inline void accumulate_outer(T const* r, std::size_t ldr, T const* x, std::size_t ldx,
                             std::size_t n, std::size_t K, std::size_t d, double* g,
                             std::size_t ldg) {
  constexpr std::size_t block = 64, some = 5;
  T factor[block * some];
  for (std::size_t i = 0; i < n; i += block) {
    std::size_t const count = n - i < block ? n - i : block;
    for (std::size_t k = 0; k < K; k += some) {
      std::size_t const height = K - k < some ? K - k : some;
      for (std::size_t t = 0; t < count; ++t)
        for (std::size_t s = 0; s < some; ++s)
          factor[t * some + s] = s < height ? r[(i + t) * ldr + k + s] : T(0);
      for (std::size_t c = 0; c < d; c += 2 * lanes<T>) {
        std::size_t const width = d - c < 2 * lanes<T> ? d - c : 2 * lanes<T>;
        vec<T> acc[some][2];
        LIMPID_SIMD_UNROLL
        for (std::size_t s = 0; s < some; ++s) acc[s][0] = acc[s][1] = vec<T>{};
        for (std::size_t t = 0; t < count; ++t) {
          T const* const from = x + (i + t) * ldx + c;
          vec<T> x0, x1{};
          if (width == 2 * lanes<T>) {
            x0 = load(from);
            x1 = load(from + lanes<T>);
          } else if (width > lanes<T>) {
            x0 = load(from);
            x1 = load_part(from + lanes<T>, width - lanes<T>, T(0));
          } else {
            x0 = load_part(from, width, T(0));
          }
          LIMPID_SIMD_UNROLL
          for (std::size_t s = 0; s < some; ++s) {
            vec<T> const f = broadcast(factor[t * some + s]);
            acc[s][0] += f * x0;
            acc[s][1] += f * x1;
          }
        }
        T part[some][2 * lanes<T>];
        LIMPID_SIMD_UNROLL
        for (std::size_t s = 0; s < some; ++s) {
          store<T>(part[s], acc[s][0]);
          store<T>(part[s] + lanes<T>, acc[s][1]);
        }
        for (std::size_t s = 0; s < height; ++s)
          for (std::size_t l = 0; l < width; ++l)
            g[(k + s) * ldg + c + l] += static_cast<double>(part[s][l]);
      }
    }
  }
}
