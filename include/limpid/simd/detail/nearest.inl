// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/nearest.inl
/// Included once per instruction set (each_set.inc).

// Candidates of one row: score[room], id[room], the first `count` in use. When the row is full all
// but the `keep` best are dropped, the latest first among equal scores; the others keep their
// order.

template <class T, class U>
LIMPID_SIMD_INLINE T value_of_key(U key) {
  constexpr U sign = U{1} << (8 * sizeof(T) - 1);
  U const b = (key & sign) != 0 ? key ^ sign : ~key;
  T value;
  LIMPID_SIMD_COPY(&value, &b, sizeof value);
  return value;
}

// The largest value that at least n scores reach, bit by bit from the top: unsigned order, with the
// sign turned over, is the order of the values.
template <class T>
LIMPID_SIMD_NOINLINE T nth_largest(T const* score, std::size_t count, std::size_t n) {
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
      reach += select(load(score + t) >= at_least, broadcast(T(1)), vec<T>{});
    std::size_t number = static_cast<std::size_t>(sum_lanes<T>(reach));
    for (; t < count; ++t) number += score[t] >= value ? 1u : 0u;
    if (number >= n) key = next;
  }
  return value_of_key<T, U>(key);
}

// Drops what is not among the `keep` best, and what is worse than the k-th by more than rounding
// can explain: raises `worst` to what the dropped score at most. Counting how many beat each one
// has no branch to mispredict; longer rows select.
template <class T>
LIMPID_SIMD_NOINLINE void drop_candidates(candidates<T> const& of, std::size_t row) {
  T* const score = of.score + row * of.room;
  std::uint32_t* const id = of.id + row * of.room;
  std::size_t const count = of.count[row];
  constexpr std::size_t longest = 256;
  T kth = limits_of<T>::inf, last = limits_of<T>::inf;
  if (count <= longest) {
    T padded[longest + 2 * lanes<T>];
    std::size_t const step = 2 * lanes<T>, whole = (count + step - 1) / step * step;
    for (std::size_t t = 0; t < count; ++t) padded[t] = score[t];
    for (std::size_t t = count; t < whole; ++t) padded[t] = -limits_of<T>::inf;
    vec<T> const wanted = broadcast(static_cast<T>(of.k)),
                 most = broadcast(static_cast<T>(of.keep));
    vec<T> lowest_k = broadcast(limits_of<T>::inf), lowest = lowest_k;
    for (std::size_t v = 0; v < whole; v += step) {
      vec<T> const s0 = load(static_cast<T const*>(padded) + v);
      vec<T> const s1 = load(static_cast<T const*>(padded) + v + lanes<T>);
      vec<T> above0{}, above1{};
      for (std::size_t t = 0; t < count; ++t) {
        vec<T> const other = broadcast(padded[t]);
        above0 += select(other > s0, broadcast(T(1)), vec<T>{});
        above1 += select(other > s1, broadcast(T(1)), vec<T>{});
      }
      lowest_k = lesser(select(above0 < wanted, s0, lowest_k), lowest_k);
      lowest_k = lesser(select(above1 < wanted, s1, lowest_k), lowest_k);
      lowest = lesser(select(above0 < most, s0, lowest), lowest);
      lowest = lesser(select(above1 < most, s1, lowest), lowest);
    }
    kth = min_lanes<T>(lowest_k);
    last = min_lanes<T>(lowest);
  } else {
    kth = nth_largest<T>(score, count, of.k);
    last = nth_largest<T>(score, count, of.keep);
  }
  // NaN, where scores overflow: only `keep` decides.
  T const inside = kth - (of.slack[row] - kth * of.slack_factor);
  T const limit = inside > last ? inside : last;
  std::size_t above = 0;
  for (std::size_t t = 0; t < count; ++t) above += score[t] > limit ? 1u : 0u;
  std::size_t equal = of.keep > above ? of.keep - above : 0, w = 0;
  for (std::size_t t = 0; t < count; ++t) {
    T const s = score[t];
    bool const tie = s == limit && equal > 0;
    score[w] = s;
    id[w] = id[t];
    equal -= tie ? 1u : 0u;
    w += s > limit || tie ? 1u : 0u;
  }
  of.count[row] = static_cast<std::uint32_t>(w);
  of.worst[row] = limit;
}

template <class T>
LIMPID_SIMD_INLINE candidates<T> from_row(candidates<T> const& c, std::size_t row) {
  return {c.k,
          c.keep,
          c.room,
          c.slack_factor,
          c.slack + row,
          c.worst + row,
          c.score + row * c.room,
          c.id + row * c.room,
          c.count + row};
}

template <class T>
LIMPID_SIMD_INLINE void push_candidate(candidates<T> const& to, std::size_t r, T value,
                                       std::uint32_t j) {
  if (to.count[r] == to.room) drop_candidates(to, r);
  std::size_t const at = r * to.room + to.count[r]++;
  to.score[at] = value;
  to.id[at] = j;
}

// Offers the scores of a tile, query rows first_row... by references first_col..., to the lists of
// its rows, and of its columns too if Both. Reference `self` + r is passed over for row r.
template <bool Both, class T>
LIMPID_SIMD_NOINLINE void take_hits(T const* tile, candidates<T> const& rows,
                                    candidates<T> const& cols, std::uint32_t first_row,
                                    std::uint32_t first_col, std::size_t self) {
  for (std::size_t r = 0; r < tile_rows; ++r) {
    T const* const row = tile + r * tile_cols<T>;
    vec<T> const limit = broadcast(rows.worst[r]);
    std::uint64_t hits = 0;
    LIMPID_SIMD_UNROLL
    for (std::size_t v = 0; v < tile_vecs; ++v) {
      vec<T> least = limit;
      if constexpr (Both)
        least = lesser(load(static_cast<T const*>(cols.worst) + v * lanes<T>), limit);
      hits |= std::uint64_t{greater_bits(load(row + v * lanes<T>), least)} << (v * lanes<T>);
    }
    for (; hits != 0; hits &= hits - 1) {
      std::size_t const l = lowest_bit(hits);
      T const value = row[l];
      std::uint32_t const j = first_col + static_cast<std::uint32_t>(l);
      if ((!Both || value > rows.worst[r]) && j != self + r) push_candidate(rows, r, value, j);
      if (Both && value > cols.worst[l])
        push_candidate(cols, l, value, first_row + static_cast<std::uint32_t>(r));
    }
  }
}

// Leaves of each row's candidates what may be among the k nearest, at most `keep`.
template <class T>
inline void finish_nearest(std::size_t rows, candidates<T> const& of) {
  for (std::size_t r = 0; r < rows; ++r)
    if (of.count[r] > of.k) drop_candidates(of, r);
}

// Panels of queries against panels of references: every score above `worst` of its row goes to the
// row's candidates; if Both, above that of its column to the column's too.
template <bool Both, class T>
inline void scan_pairs(nearest_scan<T> const& s) {
  alignas(64) T hits[tile_size<T>];
  for (std::size_t p = 0; p < s.ref_panels; ++p) {
    T const* const panel = s.refs + p * tile_cols<T> * s.cols;
    T const* const ref_start = s.ref_start + p * tile_cols<T>;
    candidates<T> cols{};
    if constexpr (Both) cols = from_row(s.of_refs, p * tile_cols<T>);
    for (std::size_t i = 0; i < s.query_tiles; ++i) {
      std::size_t const row = i * tile_rows;
      T const* const query_start = s.query_start + row;
      T const* const row_worst = s.of_queries.worst + row;
      vec<T> acc[tile_rows][tile_vecs];
      LIMPID_SIMD_UNROLL
      for (std::size_t v = 0; v < tile_vecs; ++v) {
        vec<T> const from = load(ref_start + v * lanes<T>);
        LIMPID_SIMD_UNROLL
        for (std::size_t r = 0; r < tile_rows; ++r) acc[r][v] = from + query_start[r];
      }
      sum_tile<T, product_of>(tile_at(s.queries, i, s.cols), panel, s.cols, acc);
      // Does any score pass? The largest of each row and column, less what it has to beat.
      vec<T> best[4] = {broadcast(T(-1)), broadcast(T(-1)), broadcast(T(-1)),
                        broadcast(T(-1))};  // four short chains
      LIMPID_SIMD_UNROLL
      for (std::size_t r = 0; r < tile_rows; ++r) {
        vec<T> m = acc[r][0];
        LIMPID_SIMD_UNROLL
        for (std::size_t v = 1; v < tile_vecs; ++v) m = greater(acc[r][v], m);
        best[r % 4] = greater(m - row_worst[r], best[r % 4]);
      }
      if constexpr (Both) {
        LIMPID_SIMD_UNROLL
        for (std::size_t v = 0; v < tile_vecs; ++v) {
          vec<T> m = acc[0][v];
          LIMPID_SIMD_UNROLL
          for (std::size_t r = 1; r < tile_rows; ++r) m = greater(acc[r][v], m);
          vec<T> const limit = load(static_cast<T const*>(cols.worst) + v * lanes<T>);
          best[v % 4] = greater(m - limit, best[v % 4]);
        }
      }
      vec<T> const most = greater(greater(best[0], best[1]), greater(best[2], best[3]));
      if (greater_bits(most, vec<T>{}) == 0) continue;
      store_tile<T>(hits, acc);
      take_hits<Both, T>(hits, from_row(s.of_queries, row), cols,
                         static_cast<std::uint32_t>(s.first_query + row),
                         static_cast<std::uint32_t>(s.first_ref + p * tile_cols<T>), s.self + row);
    }
  }
}

// The query rows against the references in pieces of both that the second-level cache holds.
template <class T>
inline void scan_nearest(nearest_scan<T> const& s, bool both) {
  std::size_t const tiles = panels_in_cache<T>(s.cols, 64) * tiles_in_panel<T>;
  for (std::size_t i = 0; i < s.query_tiles; i += tiles) {
    nearest_scan<T> part = s;
    part.queries = tile_at(s.queries, i, s.cols);
    part.query_start = s.query_start + i * tile_rows;
    part.of_queries = from_row(s.of_queries, i * tile_rows);
    part.first_query = s.first_query + i * tile_rows;
    part.self = s.self + i * tile_rows;
    part.query_tiles = s.query_tiles - i < tiles ? s.query_tiles - i : tiles;
    if (both)
      scan_pairs<true, T>(part);
    else
      scan_pairs<false, T>(part);
  }
}
