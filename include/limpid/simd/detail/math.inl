// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/math.inl
/// Included once per instruction set (each_set.inc).
#define LIMPID_SIMD_MAP(name, f)                                                 \
  template <class T>                                                             \
  inline void name(T const* in, T* out, std::size_t n) {                         \
    std::size_t i = 0;                                                           \
    for (; i + lanes<T> <= n; i += lanes<T>) store<T>(out + i, f(load(in + i))); \
    if (i < n) store_part<T>(out + i, f(load_part(in + i, n - i, T(0))), n - i); \
  }
LIMPID_SIMD_MAP(exp_all, exp)
LIMPID_SIMD_MAP(log_all, log)
LIMPID_SIMD_MAP(log1p_all, log1p)
LIMPID_SIMD_MAP(sqrt_all, sqrt)
#undef LIMPID_SIMD_MAP
