// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/nearest.inl
/// Included once per instruction set (each_set.inc).

// Candidates of one row: score[cap], id[cap], the first `count` in use. They are appended in the
// order of their index, and when the row is full all but the `keep` best are dropped, the higher
// index first among equal scores, in the same order.

template <class T, class U>
LIMPID_SIMD_INLINE T value_of_key(U key) {
  constexpr U sign = U{1} << (8 * sizeof(T) - 1);
  U const b = (key & sign) != 0 ? key ^ sign : ~key;
  T value;
  LIMPID_SIMD_COPY(&value, &b, sizeof value);
  return value;
}

// Drops, and returns the lowest score kept. Counting how many beat each one has no branch to
// mispredict; longer rows select.
template <class T>
LIMPID_SIMD_NOINLINE T drop_candidates(T* score, std::uint32_t* id, std::size_t& count,
                                       std::size_t keep) {
  constexpr std::size_t longest = 256;
  T limit = limits_of<T>::inf;
  if (count <= longest) {
    T padded[longest + lanes<T>];
    std::size_t const vecs = (count + lanes<T> - 1) / lanes<T>;
    for (std::size_t t = 0; t < count; ++t) padded[t] = score[t];
    for (std::size_t t = count; t < vecs * lanes<T>; ++t) padded[t] = -limits_of<T>::inf;
    vec<T> const most = broadcast(static_cast<T>(keep));
    vec<T> lowest = broadcast(limits_of<T>::inf);
    for (std::size_t v = 0; v < vecs; v += 2) {
      bool const two = v + 1 < vecs;
      vec<T> const s0 = load(static_cast<T const*>(padded) + v * lanes<T>);
      vec<T> const s1 = two ? load(static_cast<T const*>(padded) + (v + 1) * lanes<T>)
                            : broadcast(-limits_of<T>::inf);
      vec<T> above0{}, above1{};
      for (std::size_t t = 0; t < count; ++t) {
        vec<T> const other = broadcast(padded[t]);
        above0 += select(other > s0, broadcast(T(1)), vec<T>{});
        above1 += select(other > s1, broadcast(T(1)), vec<T>{});
      }
      lowest = lesser(select(above0 < most, s0, lowest), lowest);
      lowest = lesser(select(above1 < most, s1, lowest), lowest);
    }
    limit = min_lanes<T>(lowest);
  } else {
    // The largest value that at least `keep` scores reach, bit by bit from the top: unsigned order,
    // with the sign turned over, is the order of the values.
    using U = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr U sign = U{1} << (8 * sizeof(T) - 1);
    U key = 0;
    for (U bit = sign; bit != 0; bit >>= 1) {
      U const next = key | bit;
      T const value = value_of_key<T, U>(next);
      vec<T> const at_least = broadcast(value);
      vec<T> reach{};
      std::size_t t = 0;
      for (; t + lanes<T> <= count; t += lanes<T>)
        reach +=
            select(load(static_cast<T const*>(score) + t) >= at_least, broadcast(T(1)), vec<T>{});
      std::size_t number = static_cast<std::size_t>(sum_lanes<T>(reach));
      for (; t < count; ++t) number += score[t] >= value ? 1u : 0u;
      if (number >= keep) key = next;
    }
    limit = value_of_key<T, U>(key);
  }
  std::size_t above = 0;
  for (std::size_t t = 0; t < count; ++t) above += score[t] > limit ? 1u : 0u;
  std::size_t equal = keep > above ? keep - above : 0, w = 0;
  for (std::size_t t = 0; t < count; ++t) {
    T const s = score[t];
    bool const tie = s == limit && equal > 0;
    score[w] = s;
    id[w] = id[t];
    equal -= tie ? 1u : 0u;
    w += s > limit || tie ? 1u : 0u;
  }
  count = w;
  return limit;
}

// Puts what beats the worst of its row into the row. tile: [tile_rows][tile_cols] scores of
// references first, first + 1...
template <class T>
LIMPID_SIMD_NOINLINE void take_hits(T const* tile, std::uint32_t first, std::size_t keep,
                                    std::size_t cap, std::size_t self, T* worst, T* score,
                                    std::uint32_t* id, std::size_t* count) {
  for (std::size_t r = 0; r < tile_rows; ++r) {
    T const* const row = tile + r * tile_cols<T>;
    vec<T> const limit = broadcast(worst[r]);
    unsigned hits[tile_vecs], any = 0;
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v)
      any |= hits[v] = greater_bits(load(row + v * lanes<T>), limit);
    if (any == 0) continue;
    T* const row_score = score + r * cap;
    std::uint32_t* const row_id = id + r * cap;
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      while (hits[v] != 0) {
        std::size_t const l = v * lanes<T> + lowest_bit(hits[v]);
        hits[v] &= hits[v] - 1;
        std::uint32_t const j = first + static_cast<std::uint32_t>(l);
        if (j == self + r) continue;
        if (count[r] == cap) {
          worst[r] = drop_candidates(row_score, row_id, count[r], keep);
        }
        row_score[count[r]] = row[l];
        row_id[count[r]] = j;
        ++count[r];
      }
    }
  }
}

// Leaves the keep best candidates, in the order of their index.
template <class T>
inline void finish_nearest(std::size_t rows, std::size_t keep, T* worst, T* score,
                           std::uint32_t* id, std::size_t* count) {
  std::size_t const cap = candidate_room(keep);
  for (std::size_t r = 0; r < rows; ++r)
    if (count[r] > keep) worst[r] = drop_candidates(score + r * cap, id + r * cap, count[r], keep);
}

// Row r of query tile i is tile_rows * i + r. self: the index of query row 0 among the references,
// or no_self. Every reference that is no candidate at the end scores at most worst[r], which comes
// in as the score to beat.
template <class T>
inline void scan_nearest(T const* queries, std::size_t query_tiles, T const* refs, T const* start,
                         std::size_t panels, std::size_t d, std::size_t keep, std::size_t self,
                         T* worst, T* score, std::uint32_t* id, std::size_t* count) {
  std::size_t const step = panels_in_cache<T>(d, 64);
  std::size_t const cap = candidate_room(keep);
  alignas(64) T hits[tile_rows * tile_cols<T>];
  for (std::size_t p0 = 0; p0 < panels; p0 += step) {
    std::size_t const p1 = panels - p0 < step ? panels : p0 + step;
    for (std::size_t i = 0; i < query_tiles; ++i) {
      std::size_t const row = i * tile_rows;
      for (std::size_t p = p0; p < p1; ++p) {
        vec<T> acc[tile_rows][tile_vecs];
        LIMPID_SIMD_UNROLL
        for (std::size_t v = 0; v < tile_vecs; ++v) {
          vec<T> const from = load(start + p * tile_cols<T> + v * lanes<T>);
          LIMPID_SIMD_UNROLL
          for (std::size_t r = 0; r < tile_rows; ++r) acc[r][v] = from;
        }
        sum_tile<T, product_of>(queries + row * d, refs + p * tile_cols<T> * d, d, acc);
        vec<T> best[4] = {broadcast(T(-1)), broadcast(T(-1)), broadcast(T(-1)),
                          broadcast(T(-1))};  // four short chains
        LIMPID_SIMD_UNROLL
        for (std::size_t r = 0; r < tile_rows; ++r) {
          vec<T> m = acc[r][0];
          LIMPID_SIMD_UNROLL
          for (std::size_t v = 1; v < tile_vecs; ++v) m = greater(acc[r][v], m);
          best[r % 4] = greater(m - worst[row + r], best[r % 4]);
        }
        if (greater_bits(greater(greater(best[0], best[1]), greater(best[2], best[3])), vec<T>{}) != 0) {
          LIMPID_SIMD_UNROLL
          for (std::size_t r = 0; r < tile_rows; ++r) {
            LIMPID_SIMD_UNROLL
            for (std::size_t v = 0; v < tile_vecs; ++v)
              store<T>(hits + (r * tile_vecs + v) * lanes<T>, acc[r][v]);
          }
          take_hits(hits, static_cast<std::uint32_t>(p * tile_cols<T>), keep, cap, self + row,
                    worst + row, score + row * cap, id + row * cap, count + row);
        }
      }
    }
  }
  finish_nearest<T>(query_tiles * tile_rows, keep, worst, score, id, count);
}
