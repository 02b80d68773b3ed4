// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/kernel_sums.inl
/// Included once per instruction set (each_set.inc).

template <class T>
constexpr T near_part = sizeof(T) == 4 ? T(1e-3) : T(1e-6);

// tile: inner products in, squared distances out. a, b: the panels they came from.
template <class T>
LIMPID_SIMD_NOINLINE void squared_distances(T* tile, T const* a, T const* b, std::size_t d,
                                            T const* a_norm, T const* b_norm) {
  vec<T> near_one{};
  for (std::size_t r = 0; r < tile_rows; ++r) {
    vec<T> const an = broadcast(a_norm[r]);
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      T* const s = tile + (r * tile_vecs + v) * lanes<T>;
      vec<T> const both = an + load(b_norm + v * lanes<T>);
      vec<T> const square = both - load(s) * T(2);
      near_one = greater(both * near_part<T> - square, near_one);
      store<T>(s, greater(square, vec<T>{}));
    }
  }
  if (greater_bits(near_one, vec<T>{}) == 0) return;
  alignas(64) T direct[tile_rows * tile_cols<T>];
  store_tile<T, square_of_difference>(a, b, d, direct);
  for (std::size_t r = 0; r < tile_rows; ++r) {
    vec<T> const an = broadcast(a_norm[r]);
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      T* const s = tile + (r * tile_vecs + v) * lanes<T>;
      vec<T> const limit = (an + load(b_norm + v * lanes<T>)) * near_part<T>;
      vec<T> const square = load(s);
      store<T>(s, select(square < limit, load(direct + (r * tile_vecs + v) * lanes<T>), square));
    }
  }
}

template <kernel_kind Kind, class V, class T>
LIMPID_SIMD_INLINE V kernel_value(V const& s, T gamma) {
  if constexpr (Kind == kernel_kind::linear)
    return s;
  else if constexpr (Kind == kernel_kind::laplacian_l2)
    return exp_to_zero(sqrt(s) * -gamma);
  else
    return exp_to_zero(s * -gamma);
}

// tile: kernel values in place of products or distances; their row sums, lane by lane, are added to
// sum[tile_rows][lanes].
template <kernel_kind Kind, class T>
LIMPID_SIMD_NOINLINE void values_and_sums(T* tile, T gamma, T const* weights, T* sum) {
  vec<T> w[tile_vecs];
  for (std::size_t v = 0; v < tile_vecs; ++v)
    w[v] = weights != nullptr ? load(weights + v * lanes<T>) : broadcast(T(1));
  for (std::size_t r = 0; r < tile_rows; ++r) {
    vec<T> total = load(sum + r * lanes<T>);
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      T* const s = tile + (r * tile_vecs + v) * lanes<T>;
      vec<T> const value = kernel_value<Kind>(load(s), gamma);
      store<T>(s, value);
      total += value * w[v];
    }
    store<T>(sum + r * lanes<T>, total);
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

template <kernel_kind Kind, class T>
inline void kernel_sums_of(kernel_sums_task<T> const& task) {
  constexpr bool wide = Kind == kernel_kind::polynomial;
  constexpr bool distance = Kind == kernel_kind::gaussian || Kind == kernel_kind::laplacian_l2;
  std::size_t const d = task.cols;
  std::size_t const panels = (task.ref_rows + tile_cols<T> - 1) / tile_cols<T>;
  std::size_t const step = panels_in_cache<T>(d, tile_vecs < 32 ? 32 / tile_vecs : 1);
  std::size_t const width = task.sides > 0 ? task.sides : 1;
  T const gamma = static_cast<T>(task.what.gamma);
  alignas(64) T tile[tile_rows * tile_cols<T>];
  alignas(64) double wide_tile[wide ? tile_rows * tile_cols<T> : 1];
  alignas(64) T sum[tile_rows * lanes<T>];
  for (std::size_t p0 = 0; p0 < panels; p0 += step) {
    std::size_t const p1 = panels - p0 < step ? panels : p0 + step;
    for (std::size_t q = 0; q < task.query_rows; q += tile_rows) {
      std::size_t const rows = task.query_rows - q < tile_rows ? task.query_rows - q : tile_rows;
      T const* const a = task.queries + q * d;
      double* const out = task.out + q * width;
      for (std::size_t t = 0; t < tile_rows * lanes<T>; ++t) sum[t] = T(0);
      for (std::size_t p = p0; p < p1; ++p) {
        T const* const b = task.refs + p * tile_cols<T> * d;
        std::size_t const first = p * tile_cols<T>;
        store_tile<T, std::conditional_t<Kind == kernel_kind::laplacian_l1, size_of_difference,
                                         product_of>>(a, b, d, tile);
        if constexpr (distance)
          squared_distances<T>(tile, a, b, d, task.query_norm + q, task.ref_norm + first);
        std::size_t const valid =
            task.ref_rows - first < tile_cols<T> ? task.ref_rows - first : tile_cols<T>;
        if constexpr (wide) {
          polynomial_values<T>(tile, task.what, wide_tile);
          if (task.sides > 1) {
            weigh_tile<double, T>(wide_tile, task.wide_weights + first * task.side_pitch,
                                  task.side_pitch, task.sides, rows, out);
          } else {
            for (std::size_t r = 0; r < rows; ++r) {
              double s = 0.0;
              for (std::size_t j = 0; j < valid; ++j)
                s += wide_tile[r * tile_cols<T> + j] *
                     (task.sides == 1 ? task.wide_weights[first + j] : 1.0);
              out[r] += s;
            }
          }
        } else if (task.sides > 1) {
          values_and_sums<Kind, T>(tile, gamma, nullptr, sum);
          weigh_tile<T, T>(tile, task.weights + first * task.side_pitch, task.side_pitch,
                           task.sides, rows, out);
        } else if (task.sides == 1 || valid == tile_cols<T>) {
          values_and_sums<Kind, T>(tile, gamma, task.sides == 1 ? task.weights + first : nullptr,
                                   sum);
        } else {
          T ones[tile_cols<T>];
          for (std::size_t j = 0; j < tile_cols<T>; ++j) ones[j] = j < valid ? T(1) : T(0);
          values_and_sums<Kind, T>(tile, gamma, ones, sum);
        }
      }
      if constexpr (!wide) {
        if (task.sides <= 1) {
          for (std::size_t r = 0; r < rows; ++r) {
            vec<double> s{};
            for (std::size_t l = 0; l < lanes<T>; l += lanes<double>)
              s += widen(sum + r * lanes<T> + l);
            out[r] += sum_lanes<double>(s);
          }
        }
      }
    }
  }
}

template <class T>
inline void kernel_sums(kernel_sums_task<T> const& task) {
  switch (task.what.kind) {
    case kernel_kind::linear:
      return kernel_sums_of<kernel_kind::linear, T>(task);
    case kernel_kind::polynomial:
      return kernel_sums_of<kernel_kind::polynomial, T>(task);
    case kernel_kind::gaussian:
      return kernel_sums_of<kernel_kind::gaussian, T>(task);
    case kernel_kind::laplacian_l1:
      return kernel_sums_of<kernel_kind::laplacian_l1, T>(task);
    case kernel_kind::laplacian_l2:
      return kernel_sums_of<kernel_kind::laplacian_l2, T>(task);
  }
}
