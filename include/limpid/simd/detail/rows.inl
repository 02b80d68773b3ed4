// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/rows.inl
/// Included once per instruction set (each_set.inc). Up to `few` columns, `group` rows at a time
/// are transposed into a buffer, and a vector holds one column of several rows; above, a vector
/// runs along the row.

constexpr std::size_t few = 32;
constexpr std::size_t group = 64;

// t[k][r] = in[r][k] for rows < count; rows of the last vector beyond count are 0.
template <class T>
LIMPID_SIMD_NOINLINE void gather_group(T const* in, std::size_t ld, std::size_t count,
                                       std::size_t K, T* t) {
  for (std::size_t r = 0; r < count; ++r) {
    T const* row = in + r * ld;
    for (std::size_t k = 0; k < K; ++k) t[k * group + r] = row[k];
  }
  std::size_t const end = (count + lanes<T> - 1) / lanes<T> * lanes<T>;
  for (std::size_t k = 0; k < K; ++k)
    for (std::size_t r = count; r < end; ++r) t[k * group + r] = T(0);
}

template <class T>
LIMPID_SIMD_NOINLINE void scatter_group(T const* t, T* out, std::size_t ld, std::size_t count,
                                        std::size_t K) {
  for (std::size_t r = 0; r < count; ++r) {
    T* row = out + r * ld;
    for (std::size_t k = 0; k < K; ++k) row[k] = t[k * group + r];
  }
}

template <class T>
LIMPID_SIMD_INLINE T row_max(T const* row, std::size_t K) {
  vec<T> m0 = broadcast(-limits_of<T>::inf), m1 = m0;
  std::size_t k = 0;
  for (; k + 2 * lanes<T> <= K; k += 2 * lanes<T>) {
    m0 = greater(load(row + k), m0);
    m1 = greater(load(row + k + lanes<T>), m1);
  }
  for (; k + lanes<T> <= K; k += lanes<T>) m0 = greater(load(row + k), m0);
  if (k < K) m1 = greater(load_part(row + k, K - k, -limits_of<T>::inf), m1);
  return max_lanes<T>(greater(m0, m1));
}

template <class T>
inline void softmax(T const* in, std::size_t ld, T* out, std::size_t ldo, std::size_t n,
                    std::size_t K) {
  if (K <= few) {
    alignas(64) T t[few * group];
    for (std::size_t i = 0; i < n; i += group) {
      std::size_t const count = n - i < group ? n - i : group;
      gather_group(in + i * ld, ld, count, K, t);
      for (std::size_t r = 0; r < count; r += lanes<T>) {
        vec<T> m = broadcast(-limits_of<T>::inf);
        for (std::size_t k = 0; k < K; ++k) m = greater(load(t + k * group + r), m);
        vec<T> s{};
        for (std::size_t k = 0; k < K; ++k) {
          vec<T> const e = exp_to_zero(load(t + k * group + r) - m);
          store<T>(t + k * group + r, e);
          s += e;
        }
        s = T(1) / s;
        for (std::size_t k = 0; k < K; ++k)
          store<T>(t + k * group + r, load(t + k * group + r) * s);
      }
      scatter_group(t, out + i * ldo, ldo, count, K);
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    T const* row = in + i * ld;
    T* to = out + i * ldo;
    vec<T> const m = broadcast(row_max(row, K));
    vec<T> s{};
    std::size_t k = 0;
    for (; k + lanes<T> <= K; k += lanes<T>) {
      LIMPID_SIMD_PREFETCH(row + ld +
                           k);  // this loop computes: let the memory fetch the next row meanwhile
      vec<T> const e = exp_to_zero(load(row + k) - m);
      store<T>(to + k, e);
      s += e;
    }
    vec<T> last{};
    if (k < K) {
      last = exp_to_zero(load_part(row + k, K - k, -limits_of<T>::inf) - m);
      s += last;
    }
    vec<T> const scale = broadcast(T(1) / sum_lanes<T>(s));
    std::size_t j = 0;
    for (; j + lanes<T> <= K; j += lanes<T>) store<T>(to + j, load(to + j) * scale);
    if (j < K) store_part<T>(to + j, last * scale, K - j);
  }
}

template <class T>
inline void log_sum_exp(T const* in, std::size_t ld, std::size_t n, std::size_t K, T* out) {
  if (K <= few) {
    alignas(64) T t[few * group];
    for (std::size_t i = 0; i < n; i += group) {
      std::size_t const count = n - i < group ? n - i : group;
      gather_group(in + i * ld, ld, count, K, t);
      for (std::size_t r = 0; r < count; r += lanes<T>) {
        vec<T> m = broadcast(-limits_of<T>::inf);
        for (std::size_t k = 0; k < K; ++k) m = greater(load(t + k * group + r), m);
        vec<T> const shift = select(abs(m) <= limits_of<T>::huge, m, vec<T>{});
        vec<T> s{};
        for (std::size_t k = 0; k < K; ++k) s += exp_to_zero(load(t + k * group + r) - shift);
        s = log(s) + shift;
        if (count - r >= lanes<T>)
          store<T>(out + i + r, s);
        else
          store_part<T>(out + i + r, s, count - r);
      }
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    T const* row = in + i * ld;
    vec<T> const m = broadcast(row_max(row, K));
    vec<T> const shift = select(abs(m) <= limits_of<T>::huge, m, vec<T>{});
    vec<T> s0{}, s1{};
    std::size_t k = 0;
    for (; k + 2 * lanes<T> <= K; k += 2 * lanes<T>) {
      LIMPID_SIMD_PREFETCH(row + ld + k);
      LIMPID_SIMD_PREFETCH(row + ld + k + lanes<T>);
      s0 += exp_to_zero(load(row + k) - shift);
      s1 += exp_to_zero(load(row + k + lanes<T>) - shift);
    }
    for (; k + lanes<T> <= K; k += lanes<T>) s0 += exp_to_zero(load(row + k) - shift);
    if (k < K) s1 += exp_to_zero(load_part(row + k, K - k, -limits_of<T>::inf) - shift);
    vec<T> const y = log(broadcast(sum_lanes<T>(s0 + s1))) + shift;
    store_part<T>(out + i, y, 1);
  }
}

template <class T>
LIMPID_SIMD_INLINE vec<T> entropy_term(vec<T> const& p) {
  return select(p > T(0), p * log(p), vec<T>{});
}

template <class T>
inline void entropy(T const* p, std::size_t ld, std::size_t n, std::size_t K, T* out) {
  if (K <= few) {
    alignas(64) T t[few * group];
    for (std::size_t i = 0; i < n; i += group) {
      std::size_t const count = n - i < group ? n - i : group;
      gather_group(p + i * ld, ld, count, K, t);
      for (std::size_t r = 0; r < count; r += lanes<T>) {
        vec<T> s{};
        for (std::size_t k = 0; k < K; ++k) s -= entropy_term<T>(load(t + k * group + r));
        if (count - r >= lanes<T>)
          store<T>(out + i + r, s);
        else
          store_part<T>(out + i + r, s, count - r);
      }
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    T const* row = p + i * ld;
    vec<T> s{};
    std::size_t k = 0;
    for (; k + lanes<T> <= K; k += lanes<T>) s -= entropy_term<T>(load(row + k));
    if (k < K) s -= entropy_term<T>(load_part(row + k, K - k, T(0)));
    out[i] = sum_lanes<T>(s);
  }
}

// The columns in `at` belong to the values in `best`: the largest value, the lowest of its columns.
template <class T>
LIMPID_SIMD_INLINE std::int32_t lowest_best(vec<T> const& best, bits<T> const& at) {
  T value[lanes<T>];
  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t> index[lanes<T>];
  store<T>(value, best);
  LIMPID_SIMD_COPY(index, &at, sizeof at);
  std::size_t w = 0;
  for (std::size_t l = 1; l < lanes<T>; ++l)
    if (value[l] > value[w] || (value[l] == value[w] && index[l] < index[w])) w = l;
  return static_cast<std::int32_t>(index[w]);
}

// 0, 1, ..., lanes - 1
template <class T>
LIMPID_SIMD_INLINE bits<T> lane_numbers() {
  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t> index[lanes<T>];
  for (std::size_t l = 0; l < lanes<T>; ++l) index[l] = static_cast<std::uint32_t>(l);
  bits<T> b;
  LIMPID_SIMD_COPY(&b, index, sizeof b);
  return b;
}

template <class T>
inline std::int32_t row_arg_max(T const* row, std::size_t K) {
  vec<T> best = broadcast(-limits_of<T>::inf);
  bits<T> at{};
  bits<T> here = lane_numbers<T>();
  std::size_t k = 0;
  for (; k + lanes<T> <= K; k += lanes<T>) {
    vec<T> const x = load(row + k);
    auto const more = x > best;
    at = select(more, here, at);
    best = select(more, x, best);
    here += broadcast_bits<T>(lanes<T>);
  }
  if (k < K) {
    vec<T> const x = load_part(row + k, K - k, -limits_of<T>::inf);
    auto const more = x > best;
    at = select(more, here, at);
    best = select(more, x, best);
  }
  return lowest_best<T>(best, at);
}

// Writes the low 32 bits of each lane for count rows.
template <class T>
LIMPID_SIMD_INLINE void store_columns(bits<T> const& at, std::int32_t* out, std::size_t count) {
  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t> index[lanes<T>];
  LIMPID_SIMD_COPY(index, &at, sizeof at);
  if (count > lanes<T>) count = lanes<T>;
  for (std::size_t l = 0; l < count; ++l) out[l] = static_cast<std::int32_t>(index[l]);
}

template <class T>
inline void arg_max(T const* in, std::size_t ld, std::size_t n, std::size_t K, std::int32_t* out) {
  if (K <= few) {
    alignas(64) T t[few * group];
    for (std::size_t i = 0; i < n; i += group) {
      std::size_t const count = n - i < group ? n - i : group;
      gather_group(in + i * ld, ld, count, K, t);
      for (std::size_t r = 0; r < count; r += lanes<T>) {
        vec<T> best = broadcast(-limits_of<T>::inf);
        bits<T> at{};
        for (std::size_t k = 0; k < K; ++k) {
          vec<T> const x = load(t + k * group + r);
          auto const more = x > best;
          at = select(more, broadcast_bits<T>(k), at);
          best = select(more, x, best);
        }
        store_columns<T>(at, out + i + r, count - r);
      }
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) out[i] = row_arg_max(in + i * ld, K);
}

// What is wrong with a row that failed, or none.
template <class T>
inline row_report describe_row(T const* row, std::size_t i, std::size_t K, double sum) {
  for (std::size_t k = 0; k < K; ++k) {
    double const v = static_cast<double>(row[k]);
    if (!(v - v == 0.0)) return {i, row_fault::not_finite, v};
  }
  for (std::size_t k = 0; k < K; ++k) {
    double const v = static_cast<double>(row[k]);
    if (v < -1e-6 || v > 1.0 + 1e-6) return {i, row_fault::out_of_range, v};
  }
  return {i, row_fault::bad_sum, sum};
}

LIMPID_SIMD_INLINE bool row_good(double low, double high, double sum, double tolerance) {
  return low >= -1e-6 && high <= 1.0 + 1e-6 && sum - 1.0 <= tolerance && 1.0 - sum <= tolerance;
}

template <class T>
inline row_report row_check(T const* p, std::size_t ld, std::size_t n, std::size_t K,
                            double tolerance) {
  constexpr std::size_t wide = lanes<double>;
  if (K <= few) {
    alignas(64) T t[few * group];
    for (std::size_t i = 0; i < n; i += group) {
      std::size_t const count = n - i < group ? n - i : group;
      gather_group(p + i * ld, ld, count, K, t);
      for (std::size_t r = 0; r < count; r += wide) {
        vec<double> low{}, high{}, sum{};
        for (std::size_t k = 0; k < K; ++k) {
          vec<double> const x = widen(t + k * group + r);
          low = lesser(x, low);
          high = greater(x, high);
          sum += x;
        }
        auto const good = (low >= -1e-6) & (high <= 1.0 + 1e-6) & (sum - 1.0 <= tolerance) &
                          (1.0 - sum <= tolerance);
        vec<double> const flag = select(good, vec<double>{}, broadcast(1.0));
        unsigned bad = greater_bits(flag, vec<double>{});
        if (count - r < wide) bad &= (1u << (count - r)) - 1u;
        if (bad != 0) {
          double s[wide];
          store<double>(s, sum);
          unsigned const l = lowest_bit(bad);
          return describe_row(p + (i + r + l) * ld, i + r + l, K, s[l]);
        }
      }
    }
    return {n, row_fault::none, 0.0};
  }
  for (std::size_t i = 0; i < n; ++i) {
    T const* row = p + i * ld;
    vec<T> low{}, high{};
    vec<double> sum0{}, sum1{};
    std::size_t k = 0;
    for (; k + lanes<T> <= K; k += lanes<T>) {
      vec<T> const x = load(row + k);
      low = lesser(x, low);
      high = greater(x, high);
      if constexpr (lanes<T> != wide) {
        sum0 += widen(row + k);
        sum1 += widen(row + k + lanes<T> - wide);
      } else {
        sum0 += widen(row + k);
      }
    }
    double sum = sum_lanes<double>(sum0 + sum1);
    double lowest = static_cast<double>(min_lanes<T>(low)),
           highest = static_cast<double>(max_lanes<T>(high));
    for (; k < K; ++k) {
      double const x = static_cast<double>(row[k]);
      lowest = x < lowest ? x : lowest;
      highest = x > highest ? x : highest;
      sum += x;
    }
    if (!row_good(lowest, highest, sum, tolerance)) return describe_row(row, i, K, sum);
  }
  return {n, row_fault::none, 0.0};
}
