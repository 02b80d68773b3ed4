// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/detail/confident.inl
/// Included once per instruction set (each_set.inc), after rows.inl, whose helpers it uses.

// A sum of K terms in T, in parallel lanes, is nearer than half the tolerance to the sum in double;
// beyond that, and above so many columns, row_check decides.
constexpr std::size_t most_summed_in_place = std::size_t{1} << 16;

template <class T>
inline row_report confident_rows(T const* p, std::size_t ld, std::size_t n, std::size_t K,
                                 T const* bound, double tolerance, std::int32_t* guess,
                                 std::int32_t* best, T* top) {
  bool const check = tolerance >= 0;
  T const half = static_cast<T>(tolerance / 2), least = T(-1e-6), most = T(1) + T(1e-6);
  if (K <= few) {
    alignas(64) T t[few * group];
    for (std::size_t i = 0; i < n; i += group) {
      std::size_t const count = n - i < group ? n - i : group;
      gather_group(p + i * ld, ld, count, K, t);
      bool sure = K <= most_summed_in_place;
      for (std::size_t r = 0; r < count; r += lanes<T>) {
        vec<T> high = broadcast(-limits_of<T>::inf), low{}, sum{};
        bits<T> at{}, only{}, members{};
        for (std::size_t k = 0; k < K; ++k) {
          vec<T> const x = load(t + k * group + r);
          bits<T> const column = broadcast_bits<T>(k);
          auto const in_s = x >= bound[k];
          only = select(in_s, column, only);
          members = select(in_s, members + broadcast_bits<T>(1), members);
          at = select(x > high, column, at);
          high = greater(x, high);
          low = lesser(x, low);
          sum += x;
        }
        bits<T> g = select(members == broadcast_bits<T>(1), only, at);
        g = select(members == bits<T>{}, broadcast_bits<T>(~std::uint64_t{0}), g);
        store_columns<T>(g, guess + i + r, count - r);
        if (best != nullptr) store_columns<T>(at, best + i + r, count - r);
        if (top != nullptr) {
          if (count - r >= lanes<T>)
            store<T>(top + i + r, high);
          else
            store_part<T>(top + i + r, high, count - r);
        }
        if (check) {
          auto const good =
              (low >= least) & (high <= most) & (sum - T(1) <= half) & (T(1) - sum <= half);
          vec<T> const flag = select(good, vec<T>{}, broadcast(T(1)));
          unsigned bad = greater_bits(flag, vec<T>{});
          if (count - r < lanes<T>) bad &= (1u << (count - r)) - 1u;
          sure = sure && bad == 0;
        }
      }
      if (check && !sure) {
        auto report = row_check<T>(p + i * ld, ld, count, K, tolerance);
        if (report.fault != row_fault::none) {
          report.row += i;
          return report;
        }
      }
    }
    return {n, row_fault::none, 0.0};
  }
  for (std::size_t i = 0; i < n; ++i) {
    T const* row = p + i * ld;
    // The hardware's prefetching stops at the page: ask for what lies a row further on.
    T const* ahead = row + ld;
    vec<T> high = broadcast(-limits_of<T>::inf), low{}, sum{};
    bits<T> at{}, only{}, members{};
    bits<T> here = lane_numbers<T>();
    std::size_t k = 0;
    for (; k + lanes<T> <= K; k += lanes<T>) {
      LIMPID_SIMD_PREFETCH(ahead + k);
      vec<T> const x = load(row + k);
      auto const in_s = x >= load(bound + k);
      only = select(in_s, here, only);
      members = select(in_s, members + broadcast_bits<T>(1), members);
      at = select(x > high, here, at);
      high = greater(x, high);
      low = lesser(x, low);
      sum += x;
      here += broadcast_bits<T>(lanes<T>);
    }
    if (k < K) {
      vec<T> const x = load_part(row + k, K - k, -limits_of<T>::inf);
      auto const in_s = x >= load_part(bound + k, K - k, limits_of<T>::inf);
      only = select(in_s, here, only);
      members = select(in_s, members + broadcast_bits<T>(1), members);
      at = select(x > high, here, at);
      high = greater(x, high);
      vec<T> const zeroed = load_part(row + k, K - k, T(0));
      low = lesser(zeroed, low);
      sum += zeroed;
    }
    std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t> m[lanes<T>], o[lanes<T>];
    LIMPID_SIMD_COPY(m, &members, sizeof m);
    LIMPID_SIMD_COPY(o, &only, sizeof o);
    std::size_t size = 0, member = 0;
    for (std::size_t l = 0; l < lanes<T>; ++l) {
      size += m[l];
      if (m[l] != 0) member = o[l];
    }
    std::int32_t const arg = lowest_best<T>(high, at);
    T const largest = max_lanes<T>(high);
    guess[i] = size == 0 ? -1 : size == 1 ? static_cast<std::int32_t>(member) : arg;
    if (best != nullptr) best[i] = arg;
    if (top != nullptr) top[i] = largest;
    if (check) {
      T const total = sum_lanes<T>(sum);
      bool const sure = K <= most_summed_in_place && min_lanes<T>(low) >= least &&
                        largest <= most && total - T(1) <= half && T(1) - total <= half;
      if (!sure) {
        auto report = row_check<T>(row, ld, 1, K, tolerance);
        if (report.fault != row_fault::none) {
          report.row = i;
          return report;
        }
      }
    }
  }
  return {n, row_fault::none, 0.0};
}

// out[i] = p[i][y[i]] - the largest entry of row i in another column; K >= 2.
template <class T>
inline void row_margins(T const* p, std::size_t ld, std::size_t n, std::size_t K,
                        std::int32_t const* y, double* out) {
  for (std::size_t i = 0; i < n; ++i) {
    T const* row = p + i * ld;
    std::size_t const own = static_cast<std::size_t>(y[i]);
    T other = -limits_of<T>::inf;
    if (K <= few) {
      for (std::size_t k = 0; k < K; ++k) other = k != own && row[k] > other ? row[k] : other;
    } else {
      T const before = row_max(row, own), after = row_max(row + own + 1, K - own - 1);
      other = before > after ? before : after;
    }
    out[i] = static_cast<double>(row[own]) - static_cast<double>(other);
  }
}

// The numbers q < count for which row[column[q]] - self >= limit[q], in double; returns how many.
// `next` is the row that will be asked about next.
template <class T>
inline std::size_t margin_hits(T const* row, T const* next, std::int32_t const* column,
                               std::size_t count, double self, double const* limit,
                               std::uint32_t* hit) {
  std::size_t hits = 0;
  for (std::size_t q = 0; q < count; ++q) {
    std::size_t const k = static_cast<std::size_t>(column[q]);
    LIMPID_SIMD_PREFETCH(next + k);
    hit[hits] = static_cast<std::uint32_t>(q);
    hits += static_cast<double>(row[k]) - self >= limit[q] ? 1 : 0;
  }
  return hits;
}
