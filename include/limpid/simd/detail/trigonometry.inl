// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/trigonometry.inl
/// Included once per instruction set (each_set.inc).

// x = quarter pi / 2 + f, |f| <= pi / 4 but for rounding; the quarter's number is in the low bits of
// shifted. pi / 2 in three parts, the first two short enough for exact products with the number.
LIMPID_SIMD_INLINE vec<double> quarter_turns(vec<double> const& x, vec<double>& shifted) {
  shifted = x * 0.63661977236758134 + 6755399441055744.0;
  vec<double> const q = shifted - 6755399441055744.0;
  return ((x - q * 0x1.921fb544p+0) - q * 0x1.0b4611a6p-34) - q * 0x1.3198a2e037073p-69;
}
LIMPID_SIMD_INLINE vec<float> quarter_turns(vec<float> const& x, vec<float>& shifted) {
  shifted = x * 0.63661977f + 12582912.0f;
  vec<float> const q = shifted - 12582912.0f;
  return ((x - q * 0x1.92p+0f) - q * 0x1.fb4p-12f) - q * 0x1.4442d2p-24f;
}

// Taylor's series on |f| <= pi / 4: what is left out is below half a unit in the last place.
LIMPID_SIMD_INLINE vec<double> sine_series(vec<double> const& f) {
  vec<double> const s = f * f;
  vec<double> p = broadcast(-1.0 / 1307674368000.0);
  p = p * s + 1.0 / 6227020800.0;
  p = p * s - 1.0 / 39916800.0;
  p = p * s + 1.0 / 362880.0;
  p = p * s - 1.0 / 5040.0;
  p = p * s + 1.0 / 120.0;
  p = p * s - 1.0 / 6.0;
  return p * s * f + f;
}
LIMPID_SIMD_INLINE vec<double> cosine_series(vec<double> const& f) {
  vec<double> const s = f * f;
  vec<double> p = broadcast(1.0 / 20922789888000.0);
  p = p * s - 1.0 / 87178291200.0;
  p = p * s + 1.0 / 479001600.0;
  p = p * s - 1.0 / 3628800.0;
  p = p * s + 1.0 / 40320.0;
  p = p * s - 1.0 / 720.0;
  p = p * s + 1.0 / 24.0;
  return (p * s - 0.5) * s + 1.0;
}
LIMPID_SIMD_INLINE vec<float> sine_series(vec<float> const& f) {
  vec<float> const s = f * f;
  vec<float> p = broadcast(1.0f / 362880.0f);
  p = p * s - 1.0f / 5040.0f;
  p = p * s + 1.0f / 120.0f;
  p = p * s - 1.0f / 6.0f;
  return p * s * f + f;
}
LIMPID_SIMD_INLINE vec<float> cosine_series(vec<float> const& f) {
  vec<float> const s = f * f;
  vec<float> p = broadcast(-1.0f / 3628800.0f);
  p = p * s + 1.0f / 40320.0f;
  p = p * s - 1.0f / 720.0f;
  p = p * s + 1.0f / 24.0f;
  return (p * s - 0.5f) * s + 1.0f;
}

// scale cos(x) and scale sin(x); of |x| < limit.
template <class T>
LIMPID_SIMD_INLINE void turn(vec<T> const& x, T scale, vec<T>& cosine, vec<T>& sine) {
  vec<T> shifted;
  vec<T> const f = quarter_turns(x, shifted);
  vec<T> const c = cosine_series(f), s = sine_series(f);
  bits<T> const q = to_bits<T>(shifted), one = broadcast_bits<T>(1);
  auto const odd = (q & one) != 0;
  bits<T> const top = broadcast_bits<T>(sizeof(T) == 4 ? 0x80000000u : 0x8000000000000000u);
  constexpr unsigned up = sizeof(T) * 8 - 2;
  cosine = scale * from_bits<T>(to_bits<T>(select(odd, s, c)) ^ (((q + one) << up) & top));
  sine = scale * from_bits<T>(to_bits<T>(select(odd, c, s)) ^ ((q << up) & top));
}

// cosines[i] = scale cos(in[i]), sines[i] = scale sin(in[i]); sines may be null. False if some
// |in[i]| is not below limit: those entries are not meant.
template <class T>
inline bool turn_all(T const* in, T* cosines, T* sines, std::size_t n, T scale, T limit) {
  vec<T> beyond{};
  for (std::size_t i = 0; i < n; i += lanes<T>) {
    bool const whole = i + lanes<T> <= n;
    vec<T> const x = whole ? load(in + i) : load_part(in + i, n - i, T(0));
    beyond = select(abs(x) < limit, beyond, broadcast(T(1)));
    vec<T> c, s;
    turn<T>(x, scale, c, s);
    if (whole) {
      store<T>(cosines + i, c);
      if (sines != nullptr) store<T>(sines + i, s);
    } else {
      store_part<T>(cosines + i, c, n - i);
      if (sines != nullptr) store_part<T>(sines + i, s, n - i);
    }
  }
  return sum_lanes<T>(beyond) == T(0);
}
