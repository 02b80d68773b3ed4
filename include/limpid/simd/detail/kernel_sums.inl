// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/kernel_sums.inl
/// Included once per instruction set (each_set.inc).

// Of minus half the squared norms: what is above is computed from differences. Where one is looked
// for, a little less is asked, so that rounding overlooks none.
template <class T>
constexpr T near_part = sizeof(T) == 4 ? T(1e-3) : T(1e-6);

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

// scale: see kernel_sums_of.
template <kernel_kind Kind, class V, class T>
LIMPID_SIMD_INLINE V kernel_value(V const& s, T scale) {
  if constexpr (Kind == kernel_kind::linear)
    return s;
  else if constexpr (Kind == kernel_kind::laplacian_l2)
    return exp_to_zero(sqrt(greater(s * T(-2), V{})) * scale);
  else if constexpr (Kind == kernel_kind::gaussian)
    return exp_to_zero(lesser(s, V{}) * scale);
  else
    return exp_to_zero(s * scale);
}

// tile: kernel values in place of sums. Values times the weights of their columns are added to
// row_sum[tile_rows][lanes], lane by lane; if Both, values times those of their rows to col_sum.
template <kernel_kind Kind, bool Both, class T>
LIMPID_SIMD_NOINLINE void values_and_sums(T* tile, T scale, T const* col_weight,
                                          T const* row_weight, T* row_sum, double* col_sum) {
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
      T* const s = tile + (r * tile_vecs + v) * lanes<T>;
      vec<T> const value = kernel_value<Kind>(load(static_cast<T const*>(s)), scale);
      if constexpr (!Both) store<T>(s, value);
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

// The same, in double, into wide: (gamma s + c0)^degree by repeated multiplication.
template <class T>
LIMPID_SIMD_NOINLINE void polynomial_values(T const* tile, kernel const& what, double* wide) {
  for (std::size_t t = 0; t < tile_rows * tile_cols<T>; t += lanes<double>) {
    vec<double> const base = widen(tile + t) * what.gamma + what.c0;
    vec<double> power = broadcast(1.0);
    for (int e = 0; e < what.degree; ++e) power = power * base;
    store<double>(wide + t, power);
  }
}

// out[r][b] += sum_j values[r][j] w[j][b], rounded to double after every tile. K: the type of
// values and weights.
template <class K, class T>
LIMPID_SIMD_NOINLINE void weigh_tile(K const* values, K const* w, std::size_t pitch,
                                     std::size_t sides, std::size_t rows, double* out) {
  for (std::size_t b = 0; b < sides; b += lanes<K>) {
    vec<K> acc[tile_rows];
    LIMPID_SIMD_UNROLL
    for (std::size_t r = 0; r < tile_rows; ++r) acc[r] = vec<K>{};
    for (std::size_t j = 0; j < tile_cols<T>; ++j) {
      vec<K> const wj = load(w + j * pitch + b);
      LIMPID_SIMD_UNROLL
      for (std::size_t r = 0; r < tile_rows; ++r) acc[r] += wj * values[r * tile_cols<T> + j];
    }
    K part[tile_rows][lanes<K>];
    LIMPID_SIMD_UNROLL
    for (std::size_t r = 0; r < tile_rows; ++r) store<K>(part[r], acc[r]);
    std::size_t const width = sides - b < lanes<K> ? sides - b : lanes<K>;
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t l = 0; l < width; ++l)
        out[r * sides + b + l] += static_cast<double>(part[r][l]);
  }
}

// Both: each pair of rows serves the sums of both; one weight a row.
template <kernel_kind Kind, bool Both, class T>
inline void kernel_sums_of(kernel_sums_task<T> const& task) {
  constexpr bool wide = Kind == kernel_kind::polynomial;
  constexpr bool distance = Kind == kernel_kind::gaussian || Kind == kernel_kind::laplacian_l2;
  using term =
      std::conditional_t<Kind == kernel_kind::laplacian_l1, size_of_difference, product_of>;
  // At most 32 values are added up in T.
  constexpr std::size_t run = tile_vecs < 32 ? 32 / tile_vecs : 1;
  constexpr std::size_t most_tiles = 256 / tile_rows;
  std::size_t const d = task.cols;
  std::size_t const fit = panels_in_cache<T>(d, 64) * tiles_in_panel<T>;
  std::size_t const step = fit < most_tiles ? fit : most_tiles;
  std::size_t const all_tiles = (task.query_rows + tile_rows - 1) / tile_rows;
  // The Gaussian is taken of minus half the squared distance.
  T const scale =
      static_cast<T>(Kind == kernel_kind::gaussian ? 2.0 * task.what.gamma : -task.what.gamma);
  alignas(64) T tile[tile_size<T>];
  alignas(64) double wide_tile[wide ? tile_size<T> : 1];
  alignas(64) T sums[wide ? 1 : most_tiles * tile_rows * lanes<T>];
  for (std::size_t i0 = 0; i0 < all_tiles; i0 += step) {
    std::size_t const tiles = all_tiles - i0 < step ? all_tiles - i0 : step;
    for (std::size_t p0 = 0; p0 < task.ref_panels; p0 += run) {
      std::size_t const p1 = task.ref_panels - p0 < run ? task.ref_panels : p0 + run;
      if constexpr (!wide)
        for (std::size_t t = 0; t < tiles * tile_rows * lanes<T>; ++t) sums[t] = T(0);
      for (std::size_t p = p0; p < p1; ++p) {
        std::size_t const first = p * tile_cols<T>;
        T const* const panel = task.refs + first * d;
        T lowest = T(0);
        if constexpr (distance)
          for (std::size_t j = 0; j < tile_cols<T>; ++j)
            lowest = task.ref_half[first + j] < lowest ? task.ref_half[first + j] : lowest;
        for (std::size_t i = 0; i < tiles; ++i) {
          std::size_t const row = (i0 + i) * tile_rows;
          std::size_t const rows =
              task.query_rows - row < tile_rows ? task.query_rows - row : tile_rows;
          T const* const from = tile_at(task.queries, i0 + i, d);
          vec<T> acc[tile_rows][tile_vecs];
          LIMPID_SIMD_UNROLL
          for (std::size_t v = 0; v < tile_vecs; ++v) {
            vec<T> half{};
            if constexpr (distance) half = load(task.ref_half + first + v * lanes<T>);
            LIMPID_SIMD_UNROLL
            for (std::size_t r = 0; r < tile_rows; ++r) {
              acc[r][v] = half;
              if constexpr (distance) acc[r][v] += task.query_half[row + r];
            }
          }
          sum_tile<T, term>(from, panel, d, acc);
          vec<T> near_one = broadcast(T(-1));
          if constexpr (distance) {
            LIMPID_SIMD_UNROLL
            for (std::size_t r = 0; r < tile_rows; ++r) {
              vec<T> m = acc[r][0];
              LIMPID_SIMD_UNROLL
              for (std::size_t v = 1; v < tile_vecs; ++v) m = greater(acc[r][v], m);
              near_one = greater(m - (task.query_half[row + r] + lowest) * (near_part<T> * T(1.01)),
                                 near_one);
            }
          }
          store_tile<T>(tile, acc);
          if constexpr (distance)
            if (greater_bits(near_one, vec<T>{}) != 0)
              measure_near<T>(tile, from, panel, d, task.query_half + row, task.ref_half + first);
          if constexpr (wide) {
            polynomial_values<T>(tile, task.what, wide_tile);
            if (task.sides > 1) {
              weigh_tile<double, T>(wide_tile, task.wide_weights + first * task.side_pitch,
                                    task.side_pitch, task.sides, rows, task.out + row * task.sides);
            } else {
              for (std::size_t r = 0; r < rows; ++r) {
                double s = 0.0;
                for (std::size_t j = 0; j < tile_cols<T>; ++j)
                  s += wide_tile[r * tile_cols<T> + j] * task.wide_weights[first + j];
                task.out[row + r] += s;
              }
            }
          } else {
            T* const sum = sums + i * tile_rows * lanes<T>;  // not used with several sides
            if constexpr (Both)
              values_and_sums<Kind, true, T>(tile, scale, task.weights + first,
                                             task.query_weights + row, sum, task.ref_out + first);
            else
              values_and_sums<Kind, false, T>(tile, scale, task.weights + first, nullptr, sum,
                                              nullptr);
            if (task.sides > 1)
              weigh_tile<T, T>(tile, task.weights + first * task.side_pitch, task.side_pitch,
                               task.sides, rows, task.out + row * task.sides);
          }
        }
      }
      if constexpr (!wide) {
        if (task.sides > 1) continue;
        for (std::size_t t = 0; t < tiles * tile_rows && i0 * tile_rows + t < task.query_rows;
             ++t) {
          vec<double> s{};
          for (std::size_t l = 0; l < lanes<T>; l += lanes<double>)
            s += widen(static_cast<T const*>(sums) + t * lanes<T> + l);
          task.out[i0 * tile_rows + t] += sum_lanes<double>(s);
        }
      }
    }
  }
}

template <bool Both, class T>
inline void kernel_sums_or(kernel_sums_task<T> const& task) {
  switch (task.what.kind) {
    case kernel_kind::linear:
      return kernel_sums_of<kernel_kind::linear, Both, T>(task);
    case kernel_kind::polynomial:
      return kernel_sums_of<kernel_kind::polynomial, false, T>(task);
    case kernel_kind::gaussian:
      return kernel_sums_of<kernel_kind::gaussian, Both, T>(task);
    case kernel_kind::laplacian_l1:
      return kernel_sums_of<kernel_kind::laplacian_l1, Both, T>(task);
    case kernel_kind::laplacian_l2:
      return kernel_sums_of<kernel_kind::laplacian_l2, Both, T>(task);
  }
}
template <class T>
inline void kernel_sums(kernel_sums_task<T> const& task) {
  if (task.ref_out != nullptr)
    kernel_sums_or<true, T>(task);
  else
    kernel_sums_or<false, T>(task);
}
