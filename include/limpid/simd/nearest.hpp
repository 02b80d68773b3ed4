// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/nearest.hpp
/// The k nearest reference rows of each query row, exactly, in O(n k) memory.
#ifndef LIMPID_SIMD_NEAREST_HPP
#define LIMPID_SIMD_NEAREST_HPP

#include <limpid/simd/tile.hpp>

#include <limpid/simd/detail/open.inc>

/// Places for the candidates of a query row: `keep`, and as many again before the worst are
/// dropped.
constexpr std::size_t candidate_room(std::size_t keep) {
  return (2 * keep + 15) / 16 * 16;
}

/// Above every index, and far from wrapping round.
constexpr std::size_t no_self = ~std::size_t{0} / 2;

#define LIMPID_SIMD_SOURCE <limpid/simd/detail/nearest.inl>
#include <limpid/simd/detail/each_set.inc>

namespace detail {

// dist[t] for the candidates of one query row, recomputed from the caller's rows in double, columns
// in order: what a plain loop gives, bit for bit. Four candidates at a time hide the latency of the
// additions.
template <class T>
void exact_measure(strided_rows<T> const& x, std::size_t q, packed_rows<T> const& refs,
                   std::uint32_t const* idx, std::size_t count, double* dist) {
  strided_rows<T> const& y = refs.source;
  std::size_t const d = refs.cols;
  T const* const a = x.row(q);
  double square = 0.0;
  if (refs.measure == metric::cosine)
    for (std::size_t c = 0; c < d; ++c) {
      double const v = static_cast<double>(a[static_cast<std::ptrdiff_t>(c) * x.cs]);
      square += v * v;
    }
  for (std::size_t t = 0; t < count; t += 4) {
    T const* b[4];
    for (std::size_t l = 0; l < 4; ++l) b[l] = y.row(idx[t + l < count ? t + l : count - 1]);
    double s[4] = {}, n[4] = {};
    if (refs.measure == metric::squared_euclidean) {
      for (std::size_t c = 0; c < d; ++c) {
        double const v = static_cast<double>(a[static_cast<std::ptrdiff_t>(c) * x.cs]);
        for (std::size_t l = 0; l < 4; ++l) {
          double const diff = v - static_cast<double>(b[l][static_cast<std::ptrdiff_t>(c) * y.cs]);
          s[l] += diff * diff;
        }
      }
    } else {
      for (std::size_t c = 0; c < d; ++c) {
        double const v = static_cast<double>(a[static_cast<std::ptrdiff_t>(c) * x.cs]);
        for (std::size_t l = 0; l < 4; ++l) {
          double const w = static_cast<double>(b[l][static_cast<std::ptrdiff_t>(c) * y.cs]);
          s[l] += v * w;
          n[l] += w * w;
        }
      }
    }
    for (std::size_t l = 0; l < 4 && t + l < count; ++l) {
      if (refs.measure == metric::cosine) {
        double const norms = std::sqrt(square) * std::sqrt(n[l]);
        dist[t + l] = norms > 0.0 ? 1.0 - s[l] / norms : 1.0;
      } else {
        dist[t + l] = s[l];
      }
    }
  }
}

// Shell sort of (dist, idx) by distance (by decreasing product if `largest`), then index.
inline void sort_candidates(double* dist, std::uint32_t* idx, std::size_t count, bool largest) {
  std::size_t gap = 1;
  while (gap < count / 3) gap = 3 * gap + 1;
  for (; gap > 0; gap /= 3) {
    for (std::size_t i = gap; i < count; ++i) {
      double const v = dist[i];
      std::uint32_t const j = idx[i];
      std::size_t h = i;
      for (; h >= gap; h -= gap) {
        double const u = dist[h - gap];
        bool const after = u == v ? idx[h - gap] > j : largest ? u < v : u > v;
        if (!after) break;
        dist[h] = u;
        idx[h] = idx[h - gap];
      }
      dist[h] = v;
      idx[h] = j;
    }
  }
}

// What the arithmetic in T can be wrong by, for one query row. x and y: the packed rows, X and Y
// their norms.
struct score_bound {
  metric measure;
  double unit;     // relative error of a score, of the sum of the sizes of its terms
  double wide;     // the same of a distance summed in double
  double pack;     // relative error of a packed entry, mean subtracted
  double tiny;     // what underflow can add to either
  double square;   // X^2
  double largest;  // the largest Y
  double highest;  // scores beyond may have overflowed

  // Every reference scoring below the result is strictly farther, as summed in double, than
  // `distance`. NaN: nothing is known.
  //   Euclidean: score = x.y - Y^2 / 2, so |x - y|^2 = X^2 - 2 score. A reference with Y > X +
  //   sqrt(distance) is farther anyway, which
  //   keeps the bound small where the data reach far. The others' scores are wrong by at most unit
  //   (X Y + Y^2 / 2).
  //   Cosine: score = X cos, with Y = 1.
  double lowest_score(double distance) const noexcept {
    double const none = std::numeric_limits<double>::quiet_NaN();
    double const x = std::sqrt(square) * (1.0 + wide);
    if (!(unit < 0.25 && largest >= 0.0)) return none;
    if (measure == metric::squared_euclidean) {
      double const root = std::sqrt(distance) * (1.0 + wide) + tiny;
      double const reach = (x + root) * (1.0 + 4.0 * pack) + tiny;
      double const y = reach < largest ? reach : largest;
      if (!(square + y * y < highest)) return none;
      double const away = root + pack * (x + y) + tiny;
      double const size = square + y * y + away * away;
      return 0.5 * (square - away * away * (1.0 + wide)) - unit * (x * y + 0.5 * y * y) -
             wide * size - tiny;
    }
    double const y = measure == metric::cosine ? 1.0 : largest;
    double const scale = measure == metric::cosine ? x : 0.0;
    double const product = measure == metric::cosine ? (1.0 - distance) * x : distance;
    if (!(square < highest && y * y < highest) || (measure == metric::cosine && square < 1e-290))
      return none;
    return product - (unit + wide) * x * y - 4.0 * wide * scale - tiny;
  }
};

template <class T>
score_bound make_score_bound(packed_rows<T> const& refs) {
  constexpr double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  constexpr double eps_wide = std::numeric_limits<double>::epsilon();
  double const terms = static_cast<double>(refs.cols + 8);
  score_bound b{};
  b.measure = refs.measure;
  b.unit = terms * eps * (refs.measure == metric::cosine ? 2.0 : 1.0);
  b.wide = terms * eps_wide;
  b.pack = refs.mean.get() != nullptr ? eps + eps_wide : 0.0;
  b.tiny = terms * static_cast<double>((std::numeric_limits<T>::min)());
  b.largest = refs.regular ? std::sqrt(refs.largest_norm) * (1.0 + 4.0 * eps + b.wide)
                           : std::numeric_limits<double>::quiet_NaN();
  b.highest = 0.125 * static_cast<double>((std::numeric_limits<T>::max)());
  return b;
}

// The largest T below x; NaN stays.
template <class T>
T strictly_below(double x) {
  T const t = static_cast<T>(x);
  return static_cast<double>(t) >= x ? std::nextafter(t, -std::numeric_limits<T>::infinity()) : t;
}

// The answer of one query row so far, nearest first.
struct nearest_list {
  std::uint32_t* idx;
  double* dist;
  std::size_t k, count;

  // j is above every index put in before: it comes behind its equals.
  void put(std::uint32_t j, double d, bool largest) {
    if (count == k && !(largest ? d > dist[k - 1] : d < dist[k - 1])) return;
    std::size_t t = count < k ? count++ : k - 1;
    for (; t > 0 && (largest ? dist[t - 1] < d : dist[t - 1] > d); --t) {
      dist[t] = dist[t - 1];
      idx[t] = idx[t - 1];
    }
    dist[t] = d;
    idx[t] = j;
  }
};

// The query rows that the first search could not vouch for, once more: every reference whose score
// does not rule it out is measured in double. A few hundred references at a time, so the memory is
// small whatever is ruled out.
template <class T>
class second_search {
 public:
  second_search(packed_rows<T> const& refs, strided_rows<T> const& source, std::size_t k,
                bool exclude_self)
      : refs_(refs),
        source_(source),
        k_(k),
        exclude_self_(exclude_self),
        height_(refs.shape.rows) {}

  // Row `row` of panels is query q, its bound b; idx and dist hold k neighbours, the first guess.
  void add(T const* panels, std::size_t row, std::size_t q, score_bound const& b,
           std::uint32_t* idx, double* dist) {
    if (rows_ == 0 && query_.get() == nullptr) allocate();
    T const* const from = panels + row / height_ * height_ * refs_.cols + row % height_;
    T* const to = panels_.get() + rows_ / height_ * height_ * refs_.cols + rows_ % height_;
    for (std::size_t c = 0; c < refs_.cols; ++c) to[c * height_] = from[c * height_];
    query_[rows_] = q;
    bound_[rows_] = b;
    double const bar = b.lowest_score(dist[k_ - 1]);
    plain_[rows_] = !(bar == bar);
    worst_[rows_] = plain_[rows_] ? std::numeric_limits<T>::infinity() : strictly_below<T>(bar);
    list_[rows_] = {idx, dist, k_, 0};
    if (++rows_ == most()) flush();
  }

  void flush() {
    if (rows_ == 0) return;
    constexpr T never = std::numeric_limits<T>::infinity();
    bool const largest = refs_.measure == metric::inner_product;
    std::size_t const tiles = (rows_ + height_ - 1) / height_;
    for (std::size_t r = rows_; r < tiles * height_; ++r) {
      worst_[r] = never;
      T* const to = panels_.get() + r / height_ * height_ * refs_.cols + r % height_;
      for (std::size_t c = 0; c < refs_.cols; ++c) to[c * height_] = T(0);
    }
    std::size_t const width = refs_.shape.cols, step = chunk / width;
    bool any = true;
    for (std::size_t p = 0; p < refs_.panels && any; p += step) {
      std::size_t const panels = refs_.panels - p < step ? refs_.panels - p : step;
      std::size_t const first = p * width;
      std::size_t const valid =
          refs_.rows - first < panels * width ? refs_.rows - first : panels * width;
      for (std::size_t r = 0; r < tiles * height_; ++r) count_[r] = 0;
      auto const scan = [&] {
        LIMPID_SIMD_CALL(refs_.set,
                         template scan_nearest<T>(
                             panels_.get(), tiles, refs_.data.get() + first * refs_.cols,
                             refs_.start.get() + first, panels, refs_.cols, std::size_t{chunk},
                             no_self, worst_.get(), score_.get(), found_.get(), count_.get()));
      };
      scan();
      any = false;
      for (std::size_t r = 0; r < rows_; ++r) {
        std::uint32_t* const j = found_.get() + r * room;
        if (plain_[r]) {
          count_[r] = valid;
          for (std::size_t t = 0; t < valid; ++t) j[t] = static_cast<std::uint32_t>(t);
        }
        for (std::size_t t = 0; t < count_[r]; ++t) j[t] += static_cast<std::uint32_t>(first);
        nearest_list& list = list_[r];
        exact_measure(source_, query_[r], refs_, j, count_[r], exact_.get());
        for (std::size_t t = 0; t < count_[r]; ++t)
          if (!(exclude_self_ && j[t] == query_[r])) list.put(j[t], exact_[t], largest);
        if (list.count == k_ && count_[r] > 0) {
          if (refs_.measure == metric::squared_euclidean &&
              list.dist[k_ - 1] == 0.0) {  // no later one is nearer
            plain_[r] = false;
            worst_[r] = never;
          } else if (!plain_[r]) {
            T const bar = strictly_below<T>(bound_[r].lowest_score(list.dist[k_ - 1]));
            if (bar > worst_[r]) worst_[r] = bar;
          }
        }
        any = any || plain_[r] || worst_[r] < never;
      }
    }
    rows_ = 0;
  }

 private:
  static constexpr std::size_t chunk = 512, room = candidate_room(chunk);
  std::size_t most() const { return 64 / height_ * height_ + height_; }
  void allocate() {
    panels_ = buffer<T>(most() * refs_.cols);
    worst_ = buffer<T>(most());
    score_ = buffer<T>(most() * room);
    found_ = buffer<std::uint32_t>(most() * room);
    count_ = buffer<std::size_t>(most());
    query_ = buffer<std::size_t>(most());
    bound_ = buffer<score_bound>(most());
    list_ = buffer<nearest_list>(most());
    plain_ = buffer<bool>(most());
    exact_ = buffer<double>(chunk);
  }

  packed_rows<T> const& refs_;
  strided_rows<T> const& source_;
  std::size_t k_;
  bool exclude_self_;
  std::size_t height_, rows_ = 0;
  buffer<T> panels_, worst_, score_;
  buffer<std::uint32_t> found_;
  buffer<std::size_t> count_, query_;
  buffer<score_bound> bound_;
  buffer<nearest_list> list_;
  buffer<bool> plain_;  // measure every reference
  buffer<double> exact_;
};

// Squared norms of packed query rows, in double.
template <class T>
void query_norms(T const* panels, std::size_t tiles, std::size_t d, std::size_t height,
                 double* norm) {
  for (std::size_t r = 0; r < tiles * height; ++r) norm[r] = 0.0;
  for (std::size_t i = 0; i < tiles; ++i)
    for (std::size_t c = 0; c < d; ++c) {
      T const* const v = panels + (i * d + c) * height;
      for (std::size_t r = 0; r < height; ++r)
        norm[i * height + r] += static_cast<double>(v[r]) * static_cast<double>(v[r]);
    }
}

// nearest_block, counting the rows that were searched a second time.
template <class T>
void nearest_block(packed_rows<T> const& refs, T const* x, std::ptrdiff_t ld, std::ptrdiff_t cs,
                   std::size_t q0, std::size_t q1, std::size_t k, bool exclude_self,
                   std::uint32_t* idx, double* dist, std::size_t& searched_again) {
  if (q1 <= q0 || k == 0) return;
  bool const largest = refs.measure == metric::inner_product;
  std::size_t const keep = k + 8 < refs.rows ? k + 8 : refs.rows;
  std::size_t const height = refs.shape.rows;
  std::size_t const step = query_rows<T>(refs.cols, height, keep > 512 ? 64 : 512);
  std::size_t const most = q1 - q0 < step ? (q1 - q0 + height - 1) / height * height : step;
  std::size_t const room = candidate_room(keep);
  buffer<T> const panels(most * refs.cols), worst(most), score(most * room);
  buffer<std::uint32_t> const found(most * room);
  buffer<std::size_t> const count(most);
  buffer<double> const exact(keep), norm(most);
  strided_rows<T> const source{x, ld, cs};
  score_bound bound = make_score_bound(refs);
  second_search<T> again(refs, source, k, exclude_self);
  double const none =
      largest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  for (std::size_t q = q0; q < q1; q += step) {
    std::size_t const rows = q1 - q < step ? q1 - q : step;
    std::size_t const tiles = (rows + height - 1) / height;
    pack_panels(source, q, q + rows, refs.cols, height, static_cast<double const*>(refs.mean.get()),
                false, panels.get());
    query_norms(static_cast<T const*>(panels.get()), tiles, refs.cols, height, norm.get());
    for (std::size_t r = 0; r < tiles * height; ++r) {
      bool const real = r < rows && keep > 0;
      worst[r] = real ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
      count[r] = 0;
    }
    auto const scan = [&] {
      LIMPID_SIMD_CALL(refs.set, template scan_nearest<T>(
                                     panels.get(), tiles, refs.data.get(), refs.start.get(),
                                     refs.panels, refs.cols, keep, exclude_self ? q : no_self,
                                     worst.get(), score.get(), found.get(), count.get()));
    };
    scan();
    for (std::size_t r = 0; r < rows; ++r) {
      std::uint32_t* const candidates = found.get() + r * room;
      std::uint32_t* const to_idx = idx + (q - q0 + r) * k;
      double* const to_dist = dist + (q - q0 + r) * k;
      exact_measure(source, q + r, refs, candidates, count[r], exact.get());
      sort_candidates(exact.get(), candidates, count[r], largest);
      for (std::size_t t = 0; t < k; ++t) {
        bool const there = t < count[r];
        to_idx[t] = there ? candidates[t] : ~std::uint32_t{0};
        to_dist[t] = there ? exact[t] : none;
      }
      bool const itself = exclude_self && q + r < refs.rows;
      if (count[r] == refs.rows - (itself ? 1u : 0u)) continue;
      bound.square = norm[r];
      if (count[r] >= k && static_cast<double>(worst[r]) < bound.lowest_score(to_dist[k - 1]))
        continue;
      ++searched_again;
      again.add(panels.get(), r, q + r, bound, to_idx, to_dist);
    }
    again.flush();
  }
}

}  // namespace detail

/// The k nearest rows of `refs` to each row q of x in [q0, q1), nearest first, ties by the lower
/// index: bit for bit what sorting all distances gives, each summed in double from the caller's
/// values, columns in order. Row q's answer is at idx + (q - q0) * k and dist + (q - q0) * k.
/// Places without a neighbour (k above the number of references) hold 2^32 - 1 and infinity
/// (-infinity for the inner product).
///
/// squared_euclidean: dist = sum_c (x_c - y_c)^2. cosine: 1 - x.y / (|x| |y|), 1 if either is 0.
/// inner_product: x.y, largest first. exclude_self: skip reference q for query q. Data must be
/// finite; m < 2^32.
///
/// The k + 8 best by arithmetic in T, on centred data, are measured in double. A bound on what that
/// arithmetic can be wrong by (about d eps (|x|^2 + |y|^2)) tells whether any other reference could
/// belong to the answer. Where one could (ties beyond the eighth, clusters far apart in float), the
/// row is searched again and every reference within the bound is measured: at worst the row costs
/// what m distances in double cost.
///
/// O((q1 - q0) m d) time, O((q1 - q0) (k + d)) memory, in blocks of at most 512 rows. The result
/// depends neither on how [0, n) is cut into blocks nor on the instruction set.
template <class T>
void nearest_block(packed_rows<T> const& refs, T const* x, std::ptrdiff_t ld, std::ptrdiff_t cs,
                   std::size_t q0, std::size_t q1, std::size_t k, bool exclude_self,
                   std::uint32_t* idx, double* dist) {
  std::size_t searched_again = 0;
  detail::nearest_block(refs, x, ld, cs, q0, q1, k, exclude_self, idx, dist, searched_again);
}

#include <limpid/simd/detail/close.inc>

#endif
