// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/kernel_sums.inl
/// Included once per instruction set (each_set.inc).

// Of minus half the squared norms: what is above is computed from differences. Where one is looked
// for, a little less is asked, so that rounding overlooks none.
template <class T>
constexpr T near_part = sizeof(T) == 4 ? T(1e-3) : T(1e-6);

// A tile of inner products on top of a_start[row] + b_start[column]. With minus half the squared
// norms for starts it is minus half the squared distances; true if one may have lost too many
// digits. lowest: the least of b_start.
template <class T>
LIMPID_SIMD_NOINLINE bool product_tile(T const* a, T const* b, std::size_t d, T const* a_start,
                                       T const* b_start, T lowest, T* to) {
  vec<T> acc[tile_rows][tile_vecs];
  LIMPID_SIMD_UNROLL
  for (std::size_t v = 0; v < tile_vecs; ++v) {
    vec<T> const start = load(b_start + v * lanes<T>);
    LIMPID_SIMD_UNROLL
    for (std::size_t r = 0; r < tile_rows; ++r) acc[r][v] = start + a_start[r];
  }
  sum_tile<T, product_of>(a, b, d, acc);
  vec<T> near_one = broadcast(T(-1));
  LIMPID_SIMD_UNROLL
  for (std::size_t r = 0; r < tile_rows; ++r) {
    vec<T> m = acc[r][0];
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 1; v < tile_vecs; ++v) m = greater(acc[r][v], m);
    near_one = greater(m - (a_start[r] + lowest) * (near_part<T> * T(1.01)), near_one);
  }
  store_tile<T>(to, acc);
  return greater_bits(near_one, vec<T>{}) != 0;
}

// tile: minus half the squared distances, from inner products. Those that lost too many digits are
// replaced by sums of squared differences. a, b: where the tile comes from; a_half, b_half: minus
// half the squared norms.
template <class T>
LIMPID_SIMD_NOINLINE void measure_near(T* tile, T const* a, T const* b, std::size_t d,
                                       T const* a_half, T const* b_half) {
  vec<T> near_one = broadcast(T(-1));
  for (std::size_t r = 0; r < tile_rows; ++r)
    for (std::size_t v = 0; v < tile_vecs; ++v)
      near_one = greater(load(static_cast<T const*>(tile) + (r * tile_vecs + v) * lanes<T>) -
                             (load(b_half + v * lanes<T>) + a_half[r]) * (near_part<T> * T(1.01)),
                         near_one);
  if (greater_bits(near_one, vec<T>{}) == 0) return;
  alignas(64) T direct[tile_size<T>];
  plain_tile<T, square_of_difference>(a, b, d, direct);
  for (std::size_t r = 0; r < tile_rows; ++r)
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      T* const s = tile + (r * tile_vecs + v) * lanes<T>;
      vec<T> const limit = (load(b_half + v * lanes<T>) + a_half[r]) * near_part<T>;
      vec<T> const half = load(static_cast<T const*>(s));
      vec<T> const exact = load(static_cast<T const*>(direct) + (r * tile_vecs + v) * lanes<T>);
      store<T>(s, select(half > limit, exact * T(-0.5), half));
    }
}

// to = from + a_start[row] + b_start[column].
template <class T>
LIMPID_SIMD_NOINLINE void shift_tile(T const* from, T const* a_start, T const* b_start, T* to) {
  for (std::size_t r = 0; r < tile_rows; ++r)
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      std::size_t const at = (r * tile_vecs + v) * lanes<T>;
      store<T>(to + at, load(from + at) + (load(b_start + v * lanes<T>) + a_start[r]));
    }
}

// Parameters beyond T stay finite, so that their product with 0 is 0.
template <class T>
LIMPID_SIMD_INLINE T within(double x) {
  double const most = static_cast<double>(limits_of<T>::huge);
  return static_cast<T>(x > most ? most : x);
}

// exp(-k.gamma |x - y|^2) = 2^(rate s), s minus half the squared distance: never above 0, since what
// is near 0 was measured.
template <class T>
LIMPID_SIMD_INLINE T gaussian_rate(kernel const& k) {
  return within<T>(2.0 * 1.4426950408889634074 * k.gamma);
}
template <class T>
LIMPID_SIMD_INLINE vec<T> gaussian_value(vec<T> const& s, T rate) {
  return exp2_to_zero(s * rate);
}

template <class T, class Value>
LIMPID_SIMD_INLINE void each_of_tile(T const* s, T* out, Value const& value) {
  for (std::size_t t = 0; t < tile_size<T>; t += lanes<T>) store<T>(out + t, value(load(s + t)));
}

template <class T>
struct itself_of {
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const { return s; }
};
template <class T>
struct gaussian_of {
  T rate;
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const {
    return gaussian_value<T>(s, rate);
  }
};
template <class T>
struct laplacian_of {
  T gamma;
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const { return exp_to_zero(s * -gamma); }
};
// (1 + first r + second r^2) exp(-r), r = gamma |x - y|.
template <class T>
struct matern_of {
  T gamma, first, second;
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const {
    vec<T> const r =
        sqrt(lesser(greater(s * T(-2), vec<T>{}), broadcast(limits_of<T>::huge))) * gamma;
    vec<T> const most = lesser(r, broadcast(T(1e4)));  // keeps 0 inf away
    return ((most * second + first) * most + T(1)) * exp_to_zero(most * T(-1));
  }
};
// (c + gamma |x - y|^2)^(-power).
template <class T>
struct rational_of {
  T gamma, c, power;
  LIMPID_SIMD_INLINE vec<T> base(vec<T> const& s) const {
    return lesser(greater(s * T(-2), vec<T>{}) * gamma + c, broadcast(limits_of<T>::huge));
  }
};
template <class T>
struct inverse_of : rational_of<T> {
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const {
    return broadcast(T(1)) / this->base(s);
  }
};
template <class T>
struct inverse_root_of : rational_of<T> {
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const {
    return broadcast(T(1)) / sqrt(this->base(s));
  }
};
template <class T>
struct inverse_power_of : rational_of<T> {
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const {
    return exp(log(this->base(s)) * -this->power);
  }
};
// tanh(gamma s + c).
template <class T>
struct sigmoid_of {
  T gamma, c;
  LIMPID_SIMD_INLINE vec<T> operator()(vec<T> const& s) const {
    vec<T> const u = s * gamma + c;
    vec<T> const e = exp_to_zero(abs(u) * T(-2));
    vec<T> const size = (T(1) - e) / (e + T(1));
    return select(u < T(0), vec<T>{} - size, size);
  }
};

// out: kernel values, from the statistic that the kernel depends on. Not polynomial.
template <class T>
LIMPID_SIMD_NOINLINE void tile_values(T const* s, kernel const& k, T* out) {
  T const gamma = within<T>(k.gamma);
  switch (k.kind) {
    case kernel_kind::linear:
    case kernel_kind::polynomial:
      return each_of_tile<T>(s, out, itself_of<T>{});
    case kernel_kind::gaussian:
      return each_of_tile<T>(s, out, gaussian_of<T>{gaussian_rate<T>(k)});
    case kernel_kind::laplacian_l1:
      return each_of_tile<T>(s, out, laplacian_of<T>{gamma});
    case kernel_kind::laplacian_l2:
      return each_of_tile<T>(s, out, matern_of<T>{gamma, T(0), T(0)});
    case kernel_kind::matern32:
      return each_of_tile<T>(s, out, matern_of<T>{gamma, T(1), T(0)});
    case kernel_kind::matern52:
      return each_of_tile<T>(s, out, matern_of<T>{gamma, T(1), T(1.0 / 3.0)});
    case kernel_kind::rational: {
      rational_of<T> const base{gamma, within<T>(k.c0), within<T>(k.power)};
      if (k.power == 1.0) return each_of_tile<T>(s, out, inverse_of<T>{base});
      if (k.power == 0.5) return each_of_tile<T>(s, out, inverse_root_of<T>{base});
      return each_of_tile<T>(s, out, inverse_power_of<T>{base});
    }
    case kernel_kind::sigmoid:
      return each_of_tile<T>(s, out, sigmoid_of<T>{gamma, within<T>(k.c0)});
  }
}

// (gamma s + c0)^degree by repeated multiplication, in double.
template <class T>
LIMPID_SIMD_NOINLINE void polynomial_values(T const* s, kernel const& k, double* out) {
  for (std::size_t t = 0; t < tile_size<T>; t += lanes<double>) {
    vec<double> const base = widen(s + t) * k.gamma + k.c0;
    vec<double> power = broadcast(1.0);
    for (int e = 0; e < k.degree; ++e) power = power * base;
    store<double>(out + t, power);
  }
}

LIMPID_SIMD_INLINE vec<double> as_wide(double, double const* p) {
  return load(p);
}
LIMPID_SIMD_INLINE vec<double> as_wide(double, float const* p) {
  return widen(p);
}
LIMPID_SIMD_INLINE vec<float> as_wide(float, float const* p) {
  return load(p);
}

// The next kernel of a combination: product and sum as in `kernel`.
template <class T, class V, class K>
LIMPID_SIMD_NOINLINE void take_part(V const* value, kernel const& k, K* product, K* sum) {
  K const factor = within<K>(k.factor);
  for (std::size_t t = 0; t < tile_size<T>; t += lanes<K>) {
    vec<K> const v = as_wide(K{}, value + t) * factor;
    vec<K> const p = load(static_cast<K const*>(product) + t);
    if (!k.times) store<K>(sum + t, load(static_cast<K const*>(sum) + t) + p);
    store<K>(product + t, k.times ? p * v : v);
  }
}

// Values of a combination; tile: its statistic. a, b: where the tile comes from, at row and first.
template <class K, class T>
LIMPID_SIMD_NOINLINE void combined_values(kernel_sums_task<T> const& task, T const* tile,
                                          std::size_t row, std::size_t first, T const* a,
                                          T const* b, K* out) {
  alignas(64) T dot[tile_size<T>], half[tile_size<T>], size[tile_size<T>], one[tile_size<T>];
  alignas(64) K product[tile_size<T>];
  T const *dots = tile, *halves = tile, *sizes = tile;
  if (task.statistic == tile_statistic::products_and_distances) {
    shift_tile<T>(tile, task.query_lift + row, task.ref_lift + first, dot);
    shift_tile<T>(tile, task.query_half + row, task.ref_half + first, half);
    measure_near<T>(half, a, b, task.cols, task.query_half + row, task.ref_half + first);
    dots = dot;
    halves = half;
  }
  if (task.sizes_too) {
    plain_tile<T, size_of_difference>(a, b, task.cols, size);
    sizes = size;
  }
  for (std::size_t t = 0; t < tile_size<T>; ++t) product[t] = out[t] = K(0);
  for (std::size_t p = 0; p < task.count; ++p) {
    kernel const& k = task.parts[p];
    bool const of_dot = k.kind == kernel_kind::linear || k.kind == kernel_kind::polynomial ||
                        k.kind == kernel_kind::sigmoid;
    T const* const s = of_dot ? dots : k.kind == kernel_kind::laplacian_l1 ? sizes : halves;
    if constexpr (sizeof(K) == 8)
      if (k.kind == kernel_kind::polynomial) {
        alignas(64) double wide[tile_size<T>];
        polynomial_values<T>(s, k, wide);
        take_part<T, double, K>(wide, k, product, out);
        continue;
      }
    tile_values<T>(s, k, one);
    take_part<T, T, K>(one, k, product, out);
  }
  for (std::size_t t = 0; t < tile_size<T>; t += lanes<K>)
    store<K>(out + t,
             load(static_cast<K const*>(out) + t) + load(static_cast<K const*>(product) + t));
}

// sum[tile_rows][lanes] += values times the weights of their columns.
template <class T, class K>
LIMPID_SIMD_NOINLINE void add_rows(K const* values, K const* weight, K* sum) {
  for (std::size_t r = 0; r < tile_rows; ++r) {
    vec<K> total = load(static_cast<K const*>(sum) + r * lanes<K>);
    for (std::size_t c = 0; c < tile_cols<T>; c += lanes<K>)
      total += load(values + r * tile_cols<T> + c) * load(weight + c);
    store<K>(sum + r * lanes<K>, total);
  }
}
// sum[tile_cols] += values times the weights of their rows.
template <class T, class K>
LIMPID_SIMD_NOINLINE void add_columns(K const* values, K const* weight, double* sum) {
  alignas(64) K down[tile_cols<T>];
  for (std::size_t c = 0; c < tile_cols<T>; c += lanes<K>) {
    vec<K> total{};
    LIMPID_SIMD_UNROLL
    for (std::size_t r = 0; r < tile_rows; ++r)
      total += load(values + r * tile_cols<T> + c) * weight[r];
    store<K>(down + c, total);
  }
  for (std::size_t c = 0; c < tile_cols<T>; c += lanes<double>)
    store<double>(sum + c, load(static_cast<double const*>(sum) + c) +
                               widen(static_cast<K const*>(down) + c));
}

// tile_values of the Gaussian, add_rows and, if Both, add_columns at once.
template <bool Both, class T>
LIMPID_SIMD_NOINLINE void gaussian_sums(T* tile, T rate, T const* col_weight, T const* row_weight,
                                        T* row_sum, double* col_sum) {
  vec<T> w[tile_vecs], down[tile_vecs];
  LIMPID_SIMD_UNROLL
  for (std::size_t v = 0; v < tile_vecs; ++v) {
    w[v] = load(col_weight + v * lanes<T>);
    down[v] = vec<T>{};
  }
  for (std::size_t r = 0; r < tile_rows; ++r) {
    vec<T> total = load(static_cast<T const*>(row_sum) + r * lanes<T>);
    vec<T> own{};
    if constexpr (Both) own = broadcast(row_weight[r]);
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      vec<T> const value = gaussian_value<T>(
          load(static_cast<T const*>(tile) + (r * tile_vecs + v) * lanes<T>), rate);
      total += value * w[v];
      if constexpr (Both) down[v] += value * own;
    }
    store<T>(row_sum + r * lanes<T>, total);
  }
  if constexpr (Both) {
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) store<T>(tile + v * lanes<T>, down[v]);
    for (std::size_t l = 0; l < tile_cols<T>; l += lanes<double>)
      store<double>(col_sum + l, load(static_cast<double const*>(col_sum) + l) +
                                     widen(static_cast<T const*>(tile) + l));
  }
}

// out[r][c] += sum_j values[r][j] w[j][c] for V vectors of columns: the sums in K, then to double.
// values: tiles, one after another; w: `width` columns to a row; sides: columns of out.
template <std::size_t V, class T, class K>
LIMPID_SIMD_NOINLINE void weigh_columns(K const* values, std::size_t tiles, K const* w,
                                        std::size_t width, std::size_t rows, double* out,
                                        std::size_t sides, std::size_t columns) {
  vec<K> acc[tile_rows][V];
  LIMPID_SIMD_UNROLL
  for (std::size_t r = 0; r < tile_rows; ++r) {
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < V; ++v) acc[r][v] = vec<K>{};
  }
  for (std::size_t p = 0; p < tiles; ++p, values += tile_size<T>)
    for (std::size_t j = 0; j < tile_cols<T>; ++j, w += width) {
      vec<K> wj[V];
      LIMPID_SIMD_PREFETCH(w + 8 * width);
      LIMPID_SIMD_UNROLL
      for (std::size_t v = 0; v < V; ++v) wj[v] = load(w + v * lanes<K>);
      LIMPID_SIMD_UNROLL
      for (std::size_t r = 0; r < tile_rows; ++r) {
        vec<K> const value = broadcast(values[r * tile_cols<T> + j]);
        LIMPID_SIMD_UNROLL
        for (std::size_t v = 0; v < V; ++v) acc[r][v] += value * wj[v];
      }
    }
  alignas(64) K part[tile_rows][V * lanes<K>];
  LIMPID_SIMD_UNROLL
  for (std::size_t r = 0; r < tile_rows; ++r) {
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < V; ++v) store<K>(part[r] + v * lanes<K>, acc[r][v]);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    double* const to = out + r * sides;
    std::size_t l = 0;
    for (; l + lanes<double> <= columns; l += lanes<double>)
      store<double>(to + l, load(static_cast<double const*>(to) + l) +
                                widen(static_cast<K const*>(part[r]) + l));
    for (; l < columns; ++l) to[l] += static_cast<double>(part[r][l]);
  }
}

// The same for all sides. w: blocks of side_block<K> columns (the last fewer, whole vectors), each
// with all references; first: of the references of `values`.
template <class T, class K>
LIMPID_SIMD_NOINLINE void weigh_tiles(K const* values, std::size_t tiles, K const* w,
                                      std::size_t all_refs, std::size_t first, std::size_t rows,
                                      double* out, std::size_t sides) {
  constexpr std::size_t block = tile_vecs * lanes<K>;
  for (std::size_t b = 0; b < sides; b += block, w += block * all_refs) {
    std::size_t const left = sides - b;
    if (left >= block) {
      weigh_columns<tile_vecs, T, K>(values, tiles, w + first * block, block, rows, out + b, sides,
                                     block);
      continue;
    }
    std::size_t const width = (left + lanes<K> - 1) / lanes<K> * lanes<K>;
    for (std::size_t c = 0; c < left; c += lanes<K>)
      weigh_columns<1, T, K>(values, tiles, w + first * width + c, width, rows, out + b + c, sides,
                             left - c < lanes<K> ? left - c : lanes<K>);
  }
}

// Columns of a block of weights.
template <class K>
inline std::size_t side_block() {
  return tile_vecs * lanes<K>;
}
template <class K>
inline std::size_t side_vector() {
  return lanes<K>;
}

// A rectangle of values into a matrix.
template <class T, class K>
LIMPID_SIMD_NOINLINE void store_values(K const* values, std::size_t rows, std::size_t columns,
                                       double* out, std::ptrdiff_t row_stride,
                                       std::ptrdiff_t col_stride) {
  for (std::size_t r = 0; r < rows; ++r) {
    double* const to = out + static_cast<std::ptrdiff_t>(r) * row_stride;
    std::size_t c = 0;
    if (col_stride == 1)
      for (; c + lanes<double> <= columns; c += lanes<double>)
        store<double>(to + c, widen(values + r * tile_cols<T> + c));
    for (; c < columns; ++c)
      to[static_cast<std::ptrdiff_t>(c) * col_stride] =
          static_cast<double>(values[r * tile_cols<T> + c]);
  }
}

// The kernel values of query tile i and panel p, into out; null: minus half the squared distances
// of a Gaussian stay in tile.
template <class K, class T>
LIMPID_SIMD_NOINLINE void values_at(kernel_sums_task<T> const& task, std::size_t i, std::size_t p,
                                    T* tile, K* out) {
  std::size_t const d = task.cols, row = i * tile_rows, first = p * tile_cols<T>;
  T const* const a = tile_at(task.queries, i, d);
  T const* const b = task.refs + first * d;
  if (task.statistic == tile_statistic::sizes) {
    plain_tile<T, size_of_difference>(a, b, d, tile);
  } else {
    bool const close = product_tile<T>(a, b, d, task.query_start + row, task.ref_start + first,
                                       task.ref_lowest[p], tile);
    if (close && task.statistic == tile_statistic::distances)
      measure_near<T>(tile, a, b, d, task.query_start + row, task.ref_start + first);
  }
  if (out == nullptr) return;
  if (task.combined) return combined_values<K, T>(task, tile, row, first, a, b, out);
  if constexpr (sizeof(K) == 8)
    if (task.parts[0].kind == kernel_kind::polynomial)
      return polynomial_values<T>(tile, task.parts[0], out);
  if constexpr (sizeof(K) == sizeof(T)) tile_values<T>(tile, task.parts[0], out);
}

// References whose values wait for several sides: their sums are kept in K.
template <class T>
constexpr std::size_t deep_tiles = tile_cols<T> < 192 ? 192 / tile_cols<T> : 1;

// K: of values and weights.
template <class K, class T>
inline void kernel_sums_in(kernel_sums_task<T> const& task, K const* weights,
                           K const* query_weights) {
  // At most 32 values are added up in K where there is one side.
  constexpr std::size_t run = tile_vecs < 32 ? 32 / tile_vecs : 1;
  constexpr std::size_t most_tiles = 256 / tile_rows;
  bool const one_side = task.sides == 1 && task.matrix == nullptr;
  bool const fast = one_side && !task.combined && sizeof(K) == sizeof(T) &&
                    task.parts[0].kind == kernel_kind::gaussian;
  T const rate = gaussian_rate<T>(task.parts[0]);
  std::size_t const fit = panels_in_cache<T>(task.cols, 64) * tiles_in_panel<T>;
  std::size_t const step = fit < most_tiles ? fit : most_tiles;
  std::size_t const all_tiles = (task.query_rows + tile_rows - 1) / tile_rows;
  std::size_t const length = one_side ? run : deep_tiles<T>;
  alignas(64) T tile[tile_size<T>];
  alignas(64) K values[deep_tiles<T> * tile_size<T>];
  alignas(64) K sums[most_tiles * tile_rows * lanes<K>];
  for (std::size_t i0 = 0; i0 < all_tiles; i0 += step) {
    std::size_t const tiles = all_tiles - i0 < step ? all_tiles - i0 : step;
    for (std::size_t p0 = 0; p0 < task.ref_panels; p0 += length) {
      std::size_t const p1 = task.ref_panels - p0 < length ? task.ref_panels : p0 + length;
      if (!one_side) {
        for (std::size_t i = i0; i < i0 + tiles; ++i) {
          std::size_t const row = i * tile_rows;
          std::size_t const rows =
              task.query_rows - row < tile_rows ? task.query_rows - row : tile_rows;
          for (std::size_t p = p0; p < p1; ++p) {
            K* const here = values + (p - p0) * tile_size<T>;
            values_at<K, T>(task, i, p, tile, here);
            std::size_t const first = p * tile_cols<T>;
            if (task.matrix != nullptr)
              store_values<T, K>(
                  here, rows,
                  task.ref_rows - first < tile_cols<T> ? task.ref_rows - first : tile_cols<T>,
                  task.matrix + static_cast<std::ptrdiff_t>(row) * task.row_stride +
                      static_cast<std::ptrdiff_t>(first) * task.col_stride,
                  task.row_stride, task.col_stride);
          }
          if (task.matrix == nullptr)
            weigh_tiles<T, K>(values, p1 - p0, weights, task.ref_panels * tile_cols<T>,
                              p0 * tile_cols<T>, rows, task.out + row * task.sides, task.sides);
        }
        continue;
      }
      for (std::size_t t = 0; t < tiles * tile_rows * lanes<K>; ++t) sums[t] = K(0);
      for (std::size_t p = p0; p < p1; ++p)
        for (std::size_t i = 0; i < tiles; ++i) {
          std::size_t const row = (i0 + i) * tile_rows, first = p * tile_cols<T>;
          K* const sum = sums + i * tile_rows * lanes<K>;
          values_at<K, T>(task, i0 + i, p, tile, fast ? nullptr : values);
          if constexpr (sizeof(K) == sizeof(T))
            if (fast) {
              if (task.ref_out != nullptr)
                gaussian_sums<true, T>(tile, rate, weights + first, query_weights + row, sum,
                                       task.ref_out + first);
              else
                gaussian_sums<false, T>(tile, rate, weights + first, nullptr, sum, nullptr);
              continue;
            }
          add_rows<T, K>(values, weights + first, sum);
          if (task.ref_out != nullptr)
            add_columns<T, K>(values, query_weights + row, task.ref_out + first);
        }
      for (std::size_t t = 0; t < tiles * tile_rows && i0 * tile_rows + t < task.query_rows; ++t) {
        vec<double> s{};
        for (std::size_t l = 0; l < lanes<K>; l += lanes<double>)
          s += widen(static_cast<K const*>(sums) + t * lanes<K> + l);
        task.out[i0 * tile_rows + t] += sum_lanes<double>(s);
      }
    }
  }
}

template <class T>
inline void kernel_sums(kernel_sums_task<T> const& task) {
  if constexpr (sizeof(T) == 4)
    if (task.wide)
      return kernel_sums_in<double, T>(task, task.wide_weights, task.wide_query_weights);
  kernel_sums_in<T, T>(task, task.weights, task.query_weights);
}
