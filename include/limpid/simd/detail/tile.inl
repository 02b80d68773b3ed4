// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/tile.inl
/// Included once per instruction set (each_set.inc).

constexpr std::size_t tile_rows = LIMPID_SIMD_ROWS;
constexpr std::size_t tile_vecs = LIMPID_SIMD_VECS;
template <class T>
constexpr std::size_t tile_cols = tile_vecs* lanes<T>;

template <class T>
inline tile_shape shape() {
  return {tile_rows, tile_cols<T>};
}

// A panel holds tile_cols<T> rows and so a whole number of tiles: the same packed rows are read as
// queries and as references.
static_assert(tile_vecs * (LIMPID_SIMD_BYTES > 0 ? LIMPID_SIMD_BYTES / 8 : 1) % tile_rows == 0);
template <class T>
constexpr std::size_t tile_size = tile_rows* tile_cols<T>;
template <class T>
constexpr std::size_t tiles_in_panel = tile_cols<T> / tile_rows;

// Panels of d columns that stay in the second-level cache.
template <class T>
LIMPID_SIMD_INLINE std::size_t panels_in_cache(std::size_t d, std::size_t most) {
  std::size_t const bytes = (d > 0 ? d : 1) * tile_cols<T> * sizeof(T);
  std::size_t const fit = std::size_t{450} * 1024 / bytes;
  return fit < 1 ? 1 : fit > most ? most : fit;
}

// What a tile sums over the columns: a b, (a - b)^2, |a - b|.
struct product_of {
  template <class V>
  static LIMPID_SIMD_INLINE void add(V& acc, V const& a, V const& b) {
    acc += a * b;
  }
};
struct square_of_difference {
  template <class V>
  static LIMPID_SIMD_INLINE void add(V& acc, V const& a, V const& b) {
    V const t = a - b;
    acc += t * t;
  }
};
struct size_of_difference {
  template <class V>
  static LIMPID_SIMD_INLINE void add(V& acc, V const& a, V const& b) {
    acc += abs(a - b);
  }
};

// acc[r][v] += sum over d columns, a: tile_rows rows of a panel, b: a panel.
template <class T, class Term>
LIMPID_SIMD_INLINE void sum_tile(T const* a, T const* b, std::size_t d,
                                 vec<T> (&acc)[tile_rows][tile_vecs]) {
  for (std::size_t c = 0; c < d; ++c) {
    vec<T> bc[tile_vecs];
    LIMPID_SIMD_PREFETCH(a + 8 * tile_cols<T>);
    LIMPID_SIMD_UNROLL
    for (std::size_t l = 0; l < tile_cols<T>; l += 64 / sizeof(T))
      LIMPID_SIMD_PREFETCH(b + 8 * tile_cols<T> + l);
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) bc[v] = load(b + v * lanes<T>);
    LIMPID_SIMD_UNROLL
    for (std::size_t r = 0; r < tile_rows; ++r) {
      vec<T> const ar = broadcast(a[r]);
      LIMPID_SIMD_UNROLL
      for (std::size_t v = 0; v < tile_vecs; ++v) Term::add(acc[r][v], ar, bc[v]);
    }
    a += tile_cols<T>;
    b += tile_cols<T>;
  }
}

template <class T>
LIMPID_SIMD_INLINE void store_tile(T* to, vec<T> const (&acc)[tile_rows][tile_vecs]) {
  LIMPID_SIMD_UNROLL
  for (std::size_t r = 0; r < tile_rows; ++r) {
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v)
      store<T>(to + (r * tile_vecs + v) * lanes<T>, acc[r][v]);
  }
}

// Tile i of panels of d columns.
template <class T>
LIMPID_SIMD_INLINE T const* tile_at(T const* panels, std::size_t i, std::size_t d) {
  return panels + i / tiles_in_panel<T> * tile_cols<T> * d + i % tiles_in_panel<T> * tile_rows;
}

// The sums of one tile, as to[tile_rows][tile_cols].
template <class T, class Term>
LIMPID_SIMD_NOINLINE void plain_tile(T const* a, T const* b, std::size_t d, T* to) {
  vec<T> acc[tile_rows][tile_vecs];
  LIMPID_SIMD_UNROLL
  for (std::size_t r = 0; r < tile_rows; ++r) {
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) acc[r][v] = vec<T>{};
  }
  sum_tile<T, Term>(a, b, d, acc);
  store_tile<T>(to, acc);
}
