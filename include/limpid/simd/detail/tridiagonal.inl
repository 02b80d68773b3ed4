// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/tridiagonal.inl
/// Included once per instruction set (each_set.inc).

// The vectors that two registers hold, of a strip's columns.
constexpr std::size_t pair_of = 2 * lanes<double>;

LIMPID_SIMD_INLINE double sum_of(vec<double> const& v) {
  double part[lanes<double>];
  store<double>(part, v);
  double s = 0;
  for (std::size_t l = 0; l < lanes<double>; ++l) s += part[l];
  return s;
}

// A row of a symmetric matrix less v[row] q + q[row] v, over [0, end).
inline void update_row(double* row, double const* v, double const* q, double vr,
                       double qr, std::size_t end) {
  std::size_t c = 0;
  for (; c + lanes<double> <= end; c += lanes<double>)
    store<double>(row + c, load(row + c) - (vr * load(q + c) + qr * load(v + c)));
  for (; c < end; ++c) row[c] -= vr * q[c] + qr * v[c];
}

// p = A x over the first m rows of the lower triangle, after A -= v q' + q v'; v null: A as it is.
inline void update_and_multiply(double* a, std::size_t pitch, std::size_t m, double const* v,
                                double const* q, double const* x, double* p) {
  constexpr std::size_t some = 4;
  for (std::size_t c = 0; c < m; ++c) p[c] = 0;
  std::size_t r = 0;
  for (; r + some <= m; r += some) {
    double* const row = a + r * pitch;
    vec<double> dot[some];
    LIMPID_SIMD_UNROLL
    for (std::size_t s = 0; s < some; ++s) dot[s] = vec<double>{};
    std::size_t c = 0;
    if (v != nullptr) {
      for (; c + lanes<double> <= r; c += lanes<double>) {
        vec<double> const vc = load(v + c), qc = load(q + c), xc = load(x + c);
        vec<double> pc = load(p + c);
        LIMPID_SIMD_UNROLL
        for (std::size_t s = 0; s < some; ++s) {
          vec<double> const t = load(row + s * pitch + c) - v[r + s] * qc - q[r + s] * vc;
          store<double>(row + s * pitch + c, t);
          dot[s] += t * xc;
          pc += t * x[r + s];
        }
        store<double>(p + c, pc);
      }
    } else {
      for (; c + lanes<double> <= r; c += lanes<double>) {
        vec<double> const xc = load(x + c);
        vec<double> pc = load(p + c);
        LIMPID_SIMD_UNROLL
        for (std::size_t s = 0; s < some; ++s) {
          vec<double> const t = load(row + s * pitch + c);
          dot[s] += t * xc;
          pc += t * x[r + s];
        }
        store<double>(p + c, pc);
      }
    }
    for (std::size_t s = 0; s < some; ++s) {
      double* const at = row + s * pitch;
      double sum = sum_of(dot[s]);
      for (std::size_t k = c; k <= r + s; ++k) {
        if (v != nullptr) at[k] -= v[r + s] * q[k] + q[r + s] * v[k];
        sum += at[k] * x[k];
        if (k < r + s) p[k] += at[k] * x[r + s];
      }
      p[r + s] += sum;
    }
  }
  for (; r < m; ++r) {
    double* const at = a + r * pitch;
    double sum = 0;
    for (std::size_t k = 0; k <= r; ++k) {
      if (v != nullptr) at[k] -= v[r] * q[k] + q[r] * v[k];
      sum += at[k] * x[k];
      if (k < r) p[k] += at[k] * x[r];
    }
    p[r] += sum;
  }
}

// Four reflectors at once: what the earlier ones did to a later one's product is put right with the
// products of the v, so that a strip is read twice and not eight times.
LIMPID_SIMD_INLINE void reflect_pair(double const* a, std::size_t pitch, std::size_t first,
                                     double const* b, double const* cross, double* strip,
                                     std::size_t wide) {
  constexpr std::size_t some = 4;
  std::size_t const rows = first + some - 1;
  double const* const v = a + first * pitch;
  vec<double> w[some][2];
  LIMPID_SIMD_UNROLL
  for (std::size_t s = 0; s < some; ++s) w[s][0] = w[s][1] = vec<double>{};
  for (std::size_t r = 0; r < rows; ++r) {
    vec<double> const x0 = load(strip + r * wide), x1 = load(strip + r * wide + lanes<double>);
    LIMPID_SIMD_UNROLL
    for (std::size_t s = 0; s < some; ++s) {
      double const f = v[s * pitch + r];
      w[s][0] += f * x0;
      w[s][1] += f * x1;
    }
  }
  LIMPID_SIMD_UNROLL
  for (std::size_t s = 0; s < some; ++s) {
    LIMPID_SIMD_UNROLL
    for (std::size_t t = 0; t < s; ++t) {
      w[s][0] -= cross[s * some + t] * w[t][0];
      w[s][1] -= cross[s * some + t] * w[t][1];
    }
    w[s][0] *= b[s];
    w[s][1] *= b[s];
  }
  for (std::size_t r = 0; r < rows; ++r) {
    vec<double> x0 = load(strip + r * wide), x1 = load(strip + r * wide + lanes<double>);
    LIMPID_SIMD_UNROLL
    for (std::size_t s = 0; s < some; ++s) {
      double const f = v[s * pitch + r];
      x0 -= f * w[s][0];
      x1 -= f * w[s][1];
    }
    store<double>(strip + r * wide, x0);
    store<double>(strip + r * wide + lanes<double>, x1);
  }
}

inline void reflect_strip(double const* a, std::size_t pitch, std::size_t first, double const* b,
                          double const* cross, double* strip, std::size_t wide) {
  for (std::size_t c = 0; c < wide; c += pair_of)
    reflect_pair(a, pitch, first, b, cross, strip + c, wide);
}

// Rotations of neighbouring rows j, j + 1 of a strip, in order.
inline void rotate_strip(plane_rotation const* rotations, std::size_t count, double* strip,
                         std::size_t wide) {
  for (std::size_t c = 0; c < wide; c += pair_of) {
    double* const at = strip + c;
    std::size_t held = static_cast<std::size_t>(-1);  // the row in h0, h1
    vec<double> h0{}, h1{};
    for (std::size_t k = 0; k < count; ++k) {
      plane_rotation const g = rotations[k];
      double* const low = at + g.row * wide;
      if (g.row + 1 != held) {
        if (held != static_cast<std::size_t>(-1)) {
          store<double>(at + held * wide, h0);
          store<double>(at + held * wide + lanes<double>, h1);
        }
        h0 = load(low + wide);
        h1 = load(low + wide + lanes<double>);
      }
      vec<double> const x0 = load(low), x1 = load(low + lanes<double>);
      store<double>(low + wide, g.s * x0 + g.c * h0);
      store<double>(low + wide + lanes<double>, g.s * x1 + g.c * h1);
      h0 = g.c * x0 - g.s * h0;
      h1 = g.c * x1 - g.s * h1;
      held = g.row;
    }
    if (held != static_cast<std::size_t>(-1)) {
      store<double>(at + held * wide, h0);
      store<double>(at + held * wide + lanes<double>, h1);
    }
  }
}

// With y = (T + lambda)^-1 x for each column x of a strip: sums of x y, x (T y), y (T y), and of x
// times each of three vectors. out: 6 x wide.
inline void resolvent_strip(resolvent_task const& t, double const* strip, std::size_t wide,
                            double* y, double* out) {
  for (std::size_t c = 0; c < wide; c += pair_of) {
    double const* const x = strip + c;
    double* const z = y + c;
    vec<double> z0{}, z1{}, v[3][2];
    LIMPID_SIMD_UNROLL
    for (std::size_t k = 0; k < 3; ++k) v[k][0] = v[k][1] = vec<double>{};
    for (std::size_t j = 0; j < t.size; ++j) {
      vec<double> const x0 = load(x + j * wide), x1 = load(x + j * wide + lanes<double>);
      z0 = x0 - t.factor[j] * z0;
      z1 = x1 - t.factor[j] * z1;
      store<double>(z + j * wide, z0);
      store<double>(z + j * wide + lanes<double>, z1);
      LIMPID_SIMD_UNROLL
      for (std::size_t k = 0; k < 3; ++k) {
        double const f = t.with[k][j];
        v[k][0] += f * x0;
        v[k][1] += f * x1;
      }
    }
    vec<double> g0{}, g1{}, h0{}, h1{}, k0{}, k1{};
    // Row j's y is known when row j + 1's T y is asked for.
    vec<double> y0{}, y1{}, above0{}, above1{};
    for (std::size_t j = t.size; j-- > 0;) {
      vec<double> n0 = t.inverse[j] * load(z + j * wide) - t.factor[j + 1] * y0,
                  n1 = t.inverse[j] * load(z + j * wide + lanes<double>) - t.factor[j + 1] * y1;
      if (j + 1 < t.size) {
        vec<double> const x0 = load(x + (j + 1) * wide),
                          x1 = load(x + (j + 1) * wide + lanes<double>);
        vec<double> const T0 = t.off[j + 1] * n0 + t.diagonal[j + 1] * y0 + t.off[j + 2] * above0,
                          T1 = t.off[j + 1] * n1 + t.diagonal[j + 1] * y1 + t.off[j + 2] * above1;
        g0 += x0 * y0;
        g1 += x1 * y1;
        h0 += x0 * T0;
        h1 += x1 * T1;
        k0 += y0 * T0;
        k1 += y1 * T1;
      }
      above0 = y0;
      above1 = y1;
      y0 = n0;
      y1 = n1;
    }
    vec<double> const T0 = t.diagonal[0] * y0 + t.off[1] * above0,
                      T1 = t.diagonal[0] * y1 + t.off[1] * above1;
    vec<double> const x0 = load(x), x1 = load(x + lanes<double>);
    g0 += x0 * y0;
    g1 += x1 * y1;
    h0 += x0 * T0;
    h1 += x1 * T1;
    k0 += y0 * T0;
    k1 += y1 * T1;
    double* const to = out + c;
    store<double>(to, g0);
    store<double>(to + lanes<double>, g1);
    store<double>(to + wide, h0);
    store<double>(to + wide + lanes<double>, h1);
    store<double>(to + 2 * wide, k0);
    store<double>(to + 2 * wide + lanes<double>, k1);
    LIMPID_SIMD_UNROLL
    for (std::size_t k = 0; k < 3; ++k) {
      store<double>(to + (3 + k) * wide, v[k][0]);
      store<double>(to + (3 + k) * wide + lanes<double>, v[k][1]);
    }
  }
}
