// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/vec.inl
/// Included once per instruction set (each_set.inc). Nothing here calls a function of another
/// namespace.

template <class T>
struct vec_of;

#if LIMPID_SIMD_BYTES
template <>
struct vec_of<float> {
  typedef float type __attribute__((vector_size(LIMPID_SIMD_BYTES)));
  typedef float loose __attribute__((vector_size(LIMPID_SIMD_BYTES), aligned(4), may_alias));
  typedef float half_loose
      __attribute__((vector_size(LIMPID_SIMD_BYTES / 2), aligned(4), may_alias));
  typedef std::uint32_t bits __attribute__((vector_size(LIMPID_SIMD_BYTES)));
};
template <>
struct vec_of<double> {
  typedef double type __attribute__((vector_size(LIMPID_SIMD_BYTES)));
  typedef double loose __attribute__((vector_size(LIMPID_SIMD_BYTES), aligned(8), may_alias));
  typedef std::uint64_t bits __attribute__((vector_size(LIMPID_SIMD_BYTES)));
};
#else
template <>
struct vec_of<float> {
  using type = float;
  using bits = std::uint32_t;
};
template <>
struct vec_of<double> {
  using type = double;
  using bits = std::uint64_t;
};
#endif

template <class T>
using vec = typename vec_of<T>::type;
template <class T>
using bits = typename vec_of<T>::bits;  // unsigned integers of the same width

// Template parameters of the helpers below are given explicitly where a vec<T> is all they see.
template <class T>
constexpr std::size_t lanes = sizeof(vec<T>) / sizeof(T);

// x - 0 is x for every x, so this folds to one broadcasting load. 0 + x does not fold (-0 + 0 is
// 0).
template <class T>
LIMPID_SIMD_INLINE vec<T> broadcast(T x) {
  return x - vec<T>{};
}

template <class T>
LIMPID_SIMD_INLINE bits<T> broadcast_bits(std::uint64_t x) {
  using U = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return static_cast<U>(x) + bits<T>{};
}

template <class T>
LIMPID_SIMD_INLINE vec<T> load(T const* p) {
#if LIMPID_SIMD_BYTES
  return *reinterpret_cast<typename vec_of<T>::loose const*>(p);
#else
  return *p;
#endif
}

template <class T>
LIMPID_SIMD_INLINE void store(T* p, vec<T> const& v) {
#if LIMPID_SIMD_BYTES
  *reinterpret_cast<typename vec_of<T>::loose*>(p) = v;
#else
  *p = v;
#endif
}

// lanes<double> values of p as doubles.
LIMPID_SIMD_INLINE vec<double> widen(double const* p) {
  return load(p);
}
LIMPID_SIMD_INLINE vec<double> widen(float const* p) {
#if LIMPID_SIMD_BYTES
  return __builtin_convertvector(*reinterpret_cast<typename vec_of<float>::half_loose const*>(p),
                                 vec<double>);
#else
  return *p;
#endif
}

template <class Mask, class V>
LIMPID_SIMD_INLINE V select(Mask const& mask, V const& yes, V const& no) {
  return mask ? yes : no;
}

// The first count (< lanes) values of p, then fill.
template <class T>
LIMPID_SIMD_INLINE vec<T> load_part(T const* p, std::size_t count, T fill) {
#if LIMPID_SIMD_X86 && LIMPID_SIMD_BYTES == 64
  unsigned const some = (1u << count) - 1;
  if constexpr (sizeof(T) == 4) {
    return __builtin_ia32_loadups512_mask(p, broadcast(fill), static_cast<std::uint16_t>(some));
  } else {
    return __builtin_ia32_loadupd512_mask(p, broadcast(fill), static_cast<std::uint8_t>(some));
  }
#elif LIMPID_SIMD_X86 && LIMPID_SIMD_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    typedef int ints __attribute__((vector_size(32)));
    ints const some = ints{0, 1, 2, 3, 4, 5, 6, 7} < static_cast<int>(count);
    vec<T> const v = __builtin_ia32_maskloadps256(reinterpret_cast<vec<T> const*>(p), some);
    return select(some, v, broadcast(fill));
  } else {
    typedef long long longs __attribute__((vector_size(32)));
    longs const some = longs{0, 1, 2, 3} < static_cast<long long>(count);
    vec<T> const v = __builtin_ia32_maskloadpd256(reinterpret_cast<vec<T> const*>(p), some);
    return select(some, v, broadcast(fill));
  }
#else
  T part[lanes<T>];
  for (std::size_t l = 0; l < lanes<T>; ++l) part[l] = l < count ? p[l] : fill;
  return load(part);
#endif
}

template <class T>
LIMPID_SIMD_INLINE void store_part(T* p, vec<T> const& v, std::size_t count) {
#if LIMPID_SIMD_X86 && LIMPID_SIMD_BYTES == 64
  unsigned const some = (1u << count) - 1;
  if constexpr (sizeof(T) == 4) {
    __builtin_ia32_storeups512_mask(p, v, static_cast<std::uint16_t>(some));
  } else {
    __builtin_ia32_storeupd512_mask(p, v, static_cast<std::uint8_t>(some));
  }
#else
  T part[lanes<T>];
  store(part, v);
  for (std::size_t l = 0; l < count; ++l) p[l] = part[l];
#endif
}

// a where a is smaller, else b: a NaN in a is passed over, one in b stays.
template <class V>
LIMPID_SIMD_INLINE V lesser(V const& a, V const& b) {
  return a < b ? a : b;
}
template <class V>
LIMPID_SIMD_INLINE V greater(V const& a, V const& b) {
  return a > b ? a : b;
}

template <class T>
LIMPID_SIMD_INLINE bits<T> to_bits(vec<T> const& v) {
  bits<T> b;
  LIMPID_SIMD_COPY(&b, &v, sizeof b);
  return b;
}
template <class T>
LIMPID_SIMD_INLINE vec<T> from_bits(bits<T> const& b) {
  vec<T> v;
  LIMPID_SIMD_COPY(&v, &b, sizeof v);
  return v;
}

// a * b + c, rounded once where the set has it and the compiler contracts (their default), twice
// elsewhere.
template <class V>
LIMPID_SIMD_INLINE V fma(V const& a, V const& b, V const& c) {
  return a * b + c;
}

template <class T>
LIMPID_SIMD_INLINE T sum_lanes(vec<T> const& v) {
  T t[lanes<T>];
  store(t, v);
  LIMPID_SIMD_UNROLL
  for (std::size_t h = lanes<T> / 2; h > 0; h /= 2) {
    LIMPID_SIMD_UNROLL
    for (std::size_t l = 0; l < h; ++l) t[l] += t[l + h];
  }
  return t[0];
}
template <class T>
LIMPID_SIMD_INLINE T max_lanes(vec<T> const& v) {
  T t[lanes<T>];
  store(t, v);
  LIMPID_SIMD_UNROLL
  for (std::size_t h = lanes<T> / 2; h > 0; h /= 2) {
    LIMPID_SIMD_UNROLL
    for (std::size_t l = 0; l < h; ++l) t[l] = t[l] > t[l + h] ? t[l] : t[l + h];
  }
  return t[0];
}
template <class T>
LIMPID_SIMD_INLINE T min_lanes(vec<T> const& v) {
  T t[lanes<T>];
  store(t, v);
  LIMPID_SIMD_UNROLL
  for (std::size_t h = lanes<T> / 2; h > 0; h /= 2) {
    LIMPID_SIMD_UNROLL
    for (std::size_t l = 0; l < h; ++l) t[l] = t[l] < t[l + h] ? t[l] : t[l + h];
  }
  return t[0];
}

// Bit l: a[l] > b[l].
#if LIMPID_SIMD_X86 && LIMPID_SIMD_BYTES == 64
LIMPID_SIMD_INLINE unsigned greater_bits(vec<float> const& a, vec<float> const& b) {
  return static_cast<std::uint16_t>(
      __builtin_ia32_cmpps512_mask(a, b, 30, static_cast<std::uint16_t>(0xffff), 4));
}
LIMPID_SIMD_INLINE unsigned greater_bits(vec<double> const& a, vec<double> const& b) {
  return static_cast<std::uint8_t>(
      __builtin_ia32_cmppd512_mask(a, b, 30, static_cast<std::uint8_t>(0xff), 4));
}
#elif LIMPID_SIMD_X86 && LIMPID_SIMD_BYTES == 32
LIMPID_SIMD_INLINE unsigned greater_bits(vec<float> const& a, vec<float> const& b) {
  auto const m = a > b;
  vec<float> v;
  __builtin_memcpy(&v, &m, sizeof v);
  return static_cast<unsigned>(__builtin_ia32_movmskps256(v));
}
LIMPID_SIMD_INLINE unsigned greater_bits(vec<double> const& a, vec<double> const& b) {
  auto const m = a > b;
  vec<double> v;
  __builtin_memcpy(&v, &m, sizeof v);
  return static_cast<unsigned>(__builtin_ia32_movmskpd256(v));
}
#elif LIMPID_SIMD_X86 && LIMPID_SIMD_BYTES == 16
LIMPID_SIMD_INLINE unsigned greater_bits(vec<float> const& a, vec<float> const& b) {
  auto const m = a > b;
  vec<float> v;
  __builtin_memcpy(&v, &m, sizeof v);
  return static_cast<unsigned>(__builtin_ia32_movmskps(v));
}
LIMPID_SIMD_INLINE unsigned greater_bits(vec<double> const& a, vec<double> const& b) {
  auto const m = a > b;
  vec<double> v;
  __builtin_memcpy(&v, &m, sizeof v);
  return static_cast<unsigned>(__builtin_ia32_movmskpd(v));
}
#elif LIMPID_SIMD_BYTES
template <class V>
LIMPID_SIMD_INLINE unsigned greater_bits(V const& a, V const& b) {
  auto const m = a > b;
  unsigned r = 0;
  for (unsigned l = 0; l < sizeof m / sizeof m[0]; ++l) r |= m[l] != 0 ? 1u << l : 0u;
  return r;
}
#else
template <class V>
LIMPID_SIMD_INLINE unsigned greater_bits(V const& a, V const& b) {
  return a > b ? 1u : 0u;
}
#endif

// Index of the lowest bit of x != 0.
LIMPID_SIMD_INLINE unsigned lowest_bit(std::uint64_t x) {
#if LIMPID_SIMD_VECTORS
  return static_cast<unsigned>(__builtin_ctzll(x));
#else
  unsigned i = 0;
  while ((x & 1u) == 0) {
    x >>= 1;
    ++i;
  }
  return i;
#endif
}

LIMPID_SIMD_INLINE vec<float> abs(vec<float> const& x) {
  return from_bits<float>(to_bits<float>(x) & broadcast_bits<float>(0x7fffffffu));
}
LIMPID_SIMD_INLINE vec<double> abs(vec<double> const& x) {
  return from_bits<double>(to_bits<double>(x) & broadcast_bits<double>(0x7fffffffffffffffu));
}

// exp without the scaling: returns e^f for the remainder f, |f| <= ln 2 / 2, and the exponent n in
// the low bits of shifted.
LIMPID_SIMD_INLINE vec<float> exp_reduced(vec<float> const& x, vec<float>& shifted) {
  shifted = x * 1.44269504088896341f +
            12582912.0f;  // rounds to nearest: 1.5 * 2^23 leaves no room for a fraction
  vec<float> const n = shifted - 12582912.0f;
  vec<float> const f = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  vec<float> p = broadcast(1.9875691500e-4f);
  p = p * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  return (p * (f * f) + f) + 1.0f;
}
LIMPID_SIMD_INLINE vec<double> exp_reduced(vec<double> const& x, vec<double>& shifted) {
  shifted = x * 1.4426950408889634074 + 6755399441055744.0;
  vec<double> const n = shifted - 6755399441055744.0;
  vec<double> const f = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
  vec<double> p = broadcast(1.0 / 6227020800.0);
  p = p * f + 1.0 / 479001600.0;
  p = p * f + 1.0 / 39916800.0;
  p = p * f + 1.0 / 3628800.0;
  p = p * f + 1.0 / 362880.0;
  p = p * f + 1.0 / 40320.0;
  p = p * f + 1.0 / 5040.0;
  p = p * f + 1.0 / 720.0;
  p = p * f + 1.0 / 120.0;
  p = p * f + 1.0 / 24.0;
  p = p * f + 1.0 / 6.0;
  p = p * f + 0.5;
  return (p * (f * f) + f) + 1.0;
}

// exp, below 1.5 ulp on every finite x (tests/simd/math.test.cpp). Underflow is gradual: subnormal
// results are within one unit of the smallest subnormal. exp(NaN) is NaN, exp(inf) inf, exp(-inf)
// 0.
LIMPID_SIMD_INLINE vec<float> exp(vec<float> const& x0) {
  vec<float> const x =
      select(x0 > 89.0f, broadcast(89.0f), select(x0 < -105.0f, broadcast(-105.0f), x0));
  vec<float> shifted;
  vec<float> const p = exp_reduced(x, shifted);
  bits<float> const n = to_bits<float>(shifted) - 0x4b400000u;  // two's complement
  bits<float> const half = ((n + 1024u) >> 1) - 512u;
  return p * from_bits<float>((half + 127u) << 23) * from_bits<float>((n - half + 127u) << 23);
}
LIMPID_SIMD_INLINE vec<double> exp(vec<double> const& x0) {
  vec<double> const x =
      select(x0 > 710.0, broadcast(710.0), select(x0 < -746.0, broadcast(-746.0), x0));
  vec<double> shifted;
  vec<double> const p = exp_reduced(x, shifted);
  bits<double> const n = to_bits<double>(shifted) - std::uint64_t{0x4338000000000000u};
  bits<double> const half = ((n + std::uint64_t{4096}) >> 1) - std::uint64_t{2048};
  return p * from_bits<double>((half + std::uint64_t{1023}) << 52) *
         from_bits<double>((n - half + std::uint64_t{1023}) << 52);
}

// exp for x <= 0 where tiny results may be 0: the same error down to -87 (double -708), 0 below.
LIMPID_SIMD_INLINE vec<float> exp_to_zero(vec<float> const& x0) {
  vec<float> const x = select(x0 < -87.0f, broadcast(-87.0f), x0);
  vec<float> shifted;
  vec<float> const p = exp_reduced(x, shifted);
  vec<float> const e = p * from_bits<float>((to_bits<float>(shifted) - (0x4b400000u - 127u)) << 23);
  return select(x0 < -87.0f, vec<float>{}, e);
}
LIMPID_SIMD_INLINE vec<double> exp_to_zero(vec<double> const& x0) {
  vec<double> const x = select(x0 < -708.0, broadcast(-708.0), x0);
  vec<double> shifted;
  vec<double> const p = exp_reduced(x, shifted);
  vec<double> const e =
      p * from_bits<double>((to_bits<double>(shifted) - std::uint64_t{0x4338000000000000u - 1023u})
                            << 52);
  return select(x0 < -708.0, vec<double>{}, e);
}

// 2^y for y <= 0: below 1 ulp down to -126 (double -1022), 0 below; 1 at 0. What is left of y beside
// the nearest whole number is exact. The added constant puts the exponent's bits in place as well.
LIMPID_SIMD_INLINE vec<float> exp2_to_zero(vec<float> const& y) {
  vec<float> const shifted = y + (12582912.0f + 127.0f);
  vec<float> const f = y - (shifted - (12582912.0f + 127.0f));
  vec<float> p = broadcast(1.5353362e-4f);  // minimax
  p = p * f + 1.3398874e-3f;
  p = p * f + 9.618437e-3f;
  p = p * f + 5.5503324e-2f;
  p = p * f + 2.4022648e-1f;
  p = p * f + 6.931472e-1f;
  p = p * f + 1.0f;
  return select(y < -126.0f, vec<float>{}, p * from_bits<float>(to_bits<float>(shifted) << 23));
}
LIMPID_SIMD_INLINE vec<double> exp2_to_zero(vec<double> const& y) {
  vec<double> const shifted = y + (6755399441055744.0 + 1023.0);
  vec<double> const f = y - (shifted - (6755399441055744.0 + 1023.0));
  vec<double> p = broadcast(1.3691488853904124e-12);  // Taylor's: log(2)^k / k!
  p = p * f + 2.5678435993488196e-11;
  p = p * f + 4.44553827187081e-10;
  p = p * f + 7.054911620801121e-9;
  p = p * f + 1.0178086009239696e-7;
  p = p * f + 1.3215486790144305e-6;
  p = p * f + 1.5252733804059838e-5;
  p = p * f + 1.5403530393381606e-4;
  p = p * f + 1.3333558146428441e-3;
  p = p * f + 9.618129107628477e-3;
  p = p * f + 5.5504108664821576e-2;
  p = p * f + 2.402265069591007e-1;
  p = p * f + 6.931471805599453e-1;
  p = p * f + 1.0;
  return select(y < -1022.0, vec<double>{}, p * from_bits<double>(to_bits<double>(shifted) << 52));
}

// log(2^k (1 + f)) + c: the series of fdlibm.
LIMPID_SIMD_INLINE vec<float> log_reduced(vec<float> const& f, vec<float> const& k,
                                          vec<float> const& c) {
  vec<float> const s = f / (f + 2.0f);
  vec<float> const z = s * s;
  vec<float> const w = z * z;
  vec<float> const r =
      w * (w * 0.24279078841f + 0.40000972152f) + z * (w * 0.28498786688f + 0.66666662693f);
  vec<float> const h = f * f * 0.5f;
  return k * 6.9313812256e-01f - ((h - (s * (h + r) + (k * 9.0580006145e-06f + c))) - f);
}
LIMPID_SIMD_INLINE vec<double> log_reduced(vec<double> const& f, vec<double> const& k,
                                           vec<double> const& c) {
  vec<double> const s = f / (f + 2.0);
  vec<double> const z = s * s;
  vec<double> const w = z * z;
  vec<double> const even = w * (w * (w * 1.531383769920937332e-01 + 2.222219843214978396e-01) +
                                3.999999999940941908e-01);
  vec<double> const odd = z * (w * (w * (w * 1.479819860511658591e-01 + 1.818357216161805012e-01) +
                                    2.857142874366239149e-01) +
                               6.666666666666735130e-01);
  vec<double> const h = f * f * 0.5;
  return k * 6.93147180369123816490e-01 -
         ((h - (s * (h + (even + odd)) + (k * 1.90821492927058770002e-10 + c))) - f);
}

// x = 2^k m, m in [sqrt(1/2), sqrt(2)), for positive normal x.
LIMPID_SIMD_INLINE vec<float> split_exponent(vec<float> const& x, vec<float>& k) {
  bits<float> const i = to_bits<float>(x) + (0x3f800000u - 0x3f3504f3u);
  k = from_bits<float>((i >> 23) + (0x4b400000u - 127u)) - 12582912.0f;
  return from_bits<float>((i & 0x007fffffu) + 0x3f3504f3u);
}
LIMPID_SIMD_INLINE vec<double> split_exponent(vec<double> const& x, vec<double>& k) {
  bits<double> const i =
      to_bits<double>(x) + std::uint64_t{0x3ff0000000000000u - 0x3fe6a09e00000000u};
  k = from_bits<double>((i >> 52) + std::uint64_t{0x4338000000000000u - 1023u}) -
      6755399441055744.0;
  return from_bits<double>((i & std::uint64_t{0x000fffffffffffffu}) +
                           std::uint64_t{0x3fe6a09e00000000u});
}

template <class T>
struct limits_of;
template <>
struct limits_of<float> {
  static constexpr float smallest = 1.17549435e-38f, up = 33554432.0f, up_bits = 25.0f;
  static constexpr float inf = std::numeric_limits<float>::infinity(),
                         nan = std::numeric_limits<float>::quiet_NaN();
  static constexpr float huge = 3.40282347e+38f;
};
template <>
struct limits_of<double> {
  static constexpr double smallest = 2.2250738585072014e-308, up = 18014398509481984.0,
                          up_bits = 54.0;
  static constexpr double inf = std::numeric_limits<double>::infinity(),
                          nan = std::numeric_limits<double>::quiet_NaN();
  static constexpr double huge = 1.7976931348623157e308;
};

// log, below 1 ulp on every positive x, subnormals too. log(0) is -inf, log of a negative number or
// NaN is NaN.
template <class T>
LIMPID_SIMD_INLINE vec<T> log_of(vec<T> const& x0) {
  using L = limits_of<T>;
  auto const tiny = x0 < L::smallest;
  vec<T> const x = select(tiny, x0 * L::up, x0);
  vec<T> k;
  vec<T> const m = split_exponent(x, k);
  k = select(tiny, k - L::up_bits, k);
  vec<T> const y = log_reduced(m - T(1), k, vec<T>{});
  vec<T> const edge =
      select(x0 == vec<T>{}, broadcast(-L::inf), select(x0 > T(0), x0, broadcast(L::nan)));
  return select((x0 > T(0)) & (x0 <= L::huge), y, edge);
}
LIMPID_SIMD_INLINE vec<float> log(vec<float> const& x) {
  return log_of<float>(x);
}
LIMPID_SIMD_INLINE vec<double> log(vec<double> const& x) {
  return log_of<double>(x);
}

// log(1 + x), below 1.5 ulp for every x > -1. log1p(-1) is -inf, below that NaN.
template <class T>
LIMPID_SIMD_INLINE vec<T> log1p_of(vec<T> const& x) {
  using L = limits_of<T>;
  vec<T> const u = x + T(1);
  vec<T> k;
  vec<T> const m = split_exponent(u, k);
  vec<T> const lost =
      select(x > T(1), T(1) - (u - x), x - (u - T(1))) / u;  // what rounding took from 1 + x
  auto const close_by = k == vec<T>{};
  vec<T> const y = log_reduced(select(close_by, x, m - T(1)), k, select(close_by, vec<T>{}, lost));
  vec<T> const edge =
      select(x == T(-1), broadcast(-L::inf), select(x > T(-1), x, broadcast(L::nan)));
  vec<T> const z = select((x > T(-1)) & (x <= L::huge), y, edge);
  return select(x == vec<T>{}, x, z);
}
LIMPID_SIMD_INLINE vec<float> log1p(vec<float> const& x) {
  return log1p_of<float>(x);
}
LIMPID_SIMD_INLINE vec<double> log1p(vec<double> const& x) {
  return log1p_of<double>(x);
}

// Square root of x >= 0, within 2 ulp for normal x; the compilers have no portable vector form.
// Subnormal x: some value of the size of sqrt(x).
LIMPID_SIMD_INLINE vec<float> sqrt(vec<float> const& x) {
  vec<float> y = from_bits<float>(0x5f3759dfu - (to_bits<float>(x) >> 1));
  vec<float> const h = x * 0.5f;
  y = y * (1.5f - h * y * y);
  y = y * (1.5f - h * y * y);
  y = y * (1.5f - h * y * y);
  vec<float> const s = x * y;
  return s + 0.5f * y * (x - s * s);
}
LIMPID_SIMD_INLINE vec<double> sqrt(vec<double> const& x) {
  vec<double> y = from_bits<double>(std::uint64_t{0x5fe6eb50c7b537a9u} - (to_bits<double>(x) >> 1));
  vec<double> const h = x * 0.5;
  y = y * (1.5 - h * y * y);
  y = y * (1.5 - h * y * y);
  y = y * (1.5 - h * y * y);
  y = y * (1.5 - h * y * y);
  vec<double> const s = x * y;
  return s + 0.5 * y * (x - s * s);
}
