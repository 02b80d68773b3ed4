// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/loss_mixture.inl
/// Included once per instruction set (each_set.inc).

template <class T>
struct loss_mixture_of {
  T offset, scale, log_norm[2], mean[2], half_precision[2];
};

template <class T>
LIMPID_SIMD_INLINE loss_mixture_of<T> narrow_mixture(double offset, double scale,
                                                     loss_mixture const& m) {
  loss_mixture_of<T> c{};
  c.offset = static_cast<T>(offset);
  c.scale = static_cast<T>(scale);
  for (int k = 0; k < 2; ++k) {
    c.log_norm[k] = static_cast<T>(m.log_norm[k]);
    c.mean[k] = static_cast<T>(m.mean[k]);
    c.half_precision[k] = static_cast<T>(-0.5 * m.precision[k]);
  }
  return c;
}

template <class T>
inline loss_mixture_sums loss_mixture_step(T const* x, std::size_t n, double offset, double scale,
                                           loss_mixture const& m, T const* weights) {
  auto const c = narrow_mixture<T>(offset, scale, m);
  loss_mixture_sums total;
  for (std::size_t i0 = 0; i0 < n; i0 += 32 * lanes<T>) {
    std::size_t const i1 = n - i0 < 32 * lanes<T> ? n : i0 + 32 * lanes<T>;
    vec<T> r0{}, r1{}, a0{}, a1{}, b0{}, b1{}, top{}, rest{};
    vec<T> product = broadcast(
        T(1));  // of 1 + exp(-|l0 - l1|), each below 2, so 32 of them fit: one log for all
    for (std::size_t i = i0; i < i1; i += lanes<T>) {
      std::size_t const count = i1 - i;
      bool const whole = count >= lanes<T>;
      vec<T> const z = ((whole ? load(x + i) : load_part(x + i, count, x[i])) - c.offset) * c.scale;
      vec<T> const u0 = z - c.mean[0], u1 = z - c.mean[1];
      vec<T> const v0 = u0 * u0, v1 = u1 * u1;
      vec<T> const l0 = v0 * c.half_precision[0] + c.log_norm[0];
      vec<T> const l1 = v1 * c.half_precision[1] + c.log_norm[1];
      vec<T> const gap = l0 - l1;
      vec<T> const e = exp_to_zero(-abs(gap));
      vec<T> const denominator = e + T(1);
      vec<T> const strong = T(1) / denominator;
      vec<T> const weak = e * strong;
      auto const first = gap >= vec<T>{};
      vec<T> p0 = select(first, strong, weak), p1 = select(first, weak, strong);
      if (weights != nullptr || !whole) {
        vec<T> weight;
        if (whole) {
          weight = load(weights + i);
        } else {
          T part[lanes<T>];
          for (std::size_t l = 0; l < lanes<T>; ++l)
            part[l] = l >= count ? T(0) : weights != nullptr ? weights[i + l] : T(1);
          weight = load(static_cast<T const*>(part));
        }
        p0 = p0 * weight;
        p1 = p1 * weight;
        top += greater(l0, l1) * weight;
        rest += log(denominator) * weight;
      } else {
        top += greater(l0, l1);
        product = product * denominator;
      }
      r0 += p0;
      r1 += p1;
      a0 += p0 * u0;
      a1 += p1 * u1;
      b0 += p0 * v0;
      b1 += p1 * v1;
    }
    total.log_likelihood += static_cast<double>(sum_lanes<T>(top)) +
                            static_cast<double>(sum_lanes<T>(rest + log(product)));
    total.mass[0] += static_cast<double>(sum_lanes<T>(r0));
    total.mass[1] += static_cast<double>(sum_lanes<T>(r1));
    total.first[0] += static_cast<double>(sum_lanes<T>(a0));
    total.first[1] += static_cast<double>(sum_lanes<T>(a1));
    total.second[0] += static_cast<double>(sum_lanes<T>(b0));
    total.second[1] += static_cast<double>(sum_lanes<T>(b1));
  }
  return total;
}

template <class T>
inline void loss_mixture_posterior(T const* x, std::size_t n, double offset, double scale,
                                   loss_mixture const& m, T* out) {
  auto const c = narrow_mixture<T>(offset, scale, m);
  for (std::size_t i = 0; i < n; i += lanes<T>) {
    bool const whole = n - i >= lanes<T>;
    vec<T> const z = ((whole ? load(x + i) : load_part(x + i, n - i, x[i])) - c.offset) * c.scale;
    vec<T> const u0 = z - c.mean[0], u1 = z - c.mean[1];
    vec<T> const gap = (u1 * u1 * c.half_precision[1] + c.log_norm[1]) -
                       (u0 * u0 * c.half_precision[0] + c.log_norm[0]);
    vec<T> const e = exp_to_zero(-abs(gap));
    vec<T> const strong = T(1) / (e + T(1));
    vec<T> const p = select(gap <= vec<T>{}, strong, e * strong);
    if (whole)
      store<T>(out + i, p);
    else
      store_part<T>(out + i, p, n - i);
  }
}
