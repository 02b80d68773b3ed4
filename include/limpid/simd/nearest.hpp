// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/nearest.hpp
/// The k nearest reference rows of each query row, exactly, in O(n k) memory.
#ifndef LIMPID_SIMD_NEAREST_HPP
#define LIMPID_SIMD_NEAREST_HPP

#include <limpid/simd/tile.hpp>

namespace limpid::lanes {

/// Lists of candidates, one per row: row r has score[r * room] and id[r * room], the first count[r]
/// in use. What scores at most worst[r] is none. When a list is full those stay that score no less
/// than the k-th best by slack[r] - slack_factor score, at most `keep`.
template <class T>
struct candidates {
  std::size_t k, keep, room;
  T slack_factor;
  T* slack;
  T* worst;
  T* score;
  std::uint32_t* id;
  std::uint32_t* count;
};

/// Query rows against references, both packed: what one call hands to the kernels of an instruction
/// set. The lists' first row is the first query, the first reference.
template <class T>
struct nearest_scan {
  T const* queries;      ///< panels
  T const* query_start;  ///< as packed_rows::start
  std::size_t query_tiles;
  T const* refs;
  T const* ref_start;
  std::size_t ref_panels, cols;
  std::size_t first_query, first_ref;  ///< their numbers
  std::size_t self;                    ///< the reference that query row 0 passes over, or no_self
  candidates<T> of_queries;
  candidates<T> of_refs;  ///< only where each pair of rows is offered to both
};

}  // namespace limpid::lanes

#include <limpid/simd/detail/open.inc>

/// Places for the candidates of a query row: `keep`, and half as many again before the worst are
/// dropped.
constexpr std::size_t candidate_room(std::size_t keep) {
  return (keep + keep / 2 + 15) / 16 * 16;
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
  //   Euclidean: score = x.y - X^2 / 2 - Y^2 / 2 = -|x - y|^2 / 2. A reference with Y > X +
  //   sqrt(distance) is farther anyway, which keeps the bound small where the data reach far. The
  //   others' scores are wrong by at most unit (X Y + X^2 / 2 + Y^2 / 2).
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
      return -0.5 * away * away * (1.0 + wide) - unit * (x * y + 0.5 * x * x + 0.5 * y * y) -
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
  // Each of the terms is rounded by at most eps / 2, and so are the entries of unit rows.
  b.unit = terms * eps * (refs.measure == metric::cosine ? 1.0 : 0.5 * (1.0 + terms * eps));
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

// Query rows, packed.
template <class T>
struct query_panels {
  T const* data;
  T const* start;
  double const* norm;  // squared norms
};

// The lists of `rows` rows, and the memory they are in.
template <class T>
class candidate_lists {
 public:
  candidate_lists() = default;
  candidate_lists(std::size_t rows, std::size_t k, std::size_t keep)
      : slack_(rows),
        worst_(rows),
        score_(rows * candidate_room(keep)),
        id_(rows * candidate_room(keep)),
        count_(rows),
        k_(k),
        keep_(keep) {}
  candidates<T> from(std::size_t row) const {
    std::size_t const room = candidate_room(keep_);
    return {k_,
            keep_,
            room,
            factor_,
            slack_.get() + row,
            worst_.get() + row,
            score_.get() + row * room,
            id_.get() + row * room,
            count_.get() + row};
  }
  // Rows [0, rows) are open to every score, those up to `all` to none. What scores by less than the
  // k-th best by more than twice what both can be wrong by is not kept: with Y <= X + |x - y|, at
  // most unit (4 X^2 - 2 score) for the Euclidean distance, unit X Y for the rest.
  template <class N>
  void open(score_bound const& b, N const* norm, std::size_t rows, std::size_t all) {
    constexpr T inf = std::numeric_limits<T>::infinity();
    bool const squared = b.measure == metric::squared_euclidean;
    double const unit = 2.0 * (b.unit + 3.0 * b.wide + 4.0 * b.pack);
    factor_ = squared ? static_cast<T>(2.0 * unit) : T(0);
    for (std::size_t r = 0; r < all; ++r) {
      double const square = static_cast<double>(norm[r]);
      double const y = b.measure == metric::cosine ? 1.0 : b.largest;
      slack_[r] = static_cast<T>(unit * (squared ? 4.0 * square : 2.0 * std::sqrt(square) * y));
      worst_[r] = r < rows && keep_ > 0 ? -inf : inf;
      count_[r] = 0;
    }
  }

 private:
  buffer<T> slack_, worst_, score_;
  buffer<std::uint32_t> id_, count_;
  T factor_ = T(0);
  std::size_t k_ = 0, keep_ = 0;
};

template <class T>
void scan(instruction_set set, nearest_scan<T> const& task, bool both) {
  LIMPID_SIMD_CALL(set, template scan_nearest<T>(task, both));
}
template <class T>
void finish_lists(instruction_set set, std::size_t rows, candidates<T> const& lists) {
  LIMPID_SIMD_CALL(set, template finish_nearest<T>(rows, lists));
}

// The query rows that the first search could not vouch for, once more: every reference whose score
// does not rule it out is measured in double. A few hundred references at a time, so the memory is
// small whatever is ruled out.
template <class T>
class second_search {
 public:
  second_search(packed_rows<T> const& refs, strided_rows<T> const& source, std::size_t k,
                bool exclude_self)
      : refs_(refs), source_(source), k_(k), exclude_self_(exclude_self), width_(refs.shape.cols) {}

  // Row `row` of panels is query q, its bound b; idx and dist hold k neighbours, the first guess.
  void add(query_panels<T> const& panels, std::size_t row, std::size_t q, score_bound const& b,
           std::uint32_t* idx, double* dist) {
    if (rows_ == 0 && query_.get() == nullptr) allocate();
    T const* const from = panels.data + row / width_ * width_ * refs_.cols + row % width_;
    T* const to = place(rows_);
    for (std::size_t c = 0; c < refs_.cols; ++c) to[c * width_] = from[c * width_];
    start_[rows_] = panels.start[row];
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
    std::size_t const padded = (rows_ + width_ - 1) / width_ * width_;
    for (std::size_t r = rows_; r < padded; ++r) {
      worst_[r] = never;
      start_[r] = -never;
      T* const to = place(r);
      for (std::size_t c = 0; c < refs_.cols; ++c) to[c * width_] = T(0);
    }
    std::size_t const step = chunk / width_;
    candidates<T> const found = found_.from(0);
    bool any = true;
    for (std::size_t p = 0; p < refs_.panels && any; p += step) {
      std::size_t const panels = refs_.panels - p < step ? refs_.panels - p : step;
      std::size_t const first = p * width_;
      std::size_t const valid =
          refs_.rows - first < panels * width_ ? refs_.rows - first : panels * width_;
      for (std::size_t r = 0; r < padded; ++r) {
        found.worst[r] = worst_[r];
        found.count[r] = 0;
      }
      scan(refs_.set,
           nearest_scan<T>{panels_.get(), start_.get(), padded / refs_.shape.rows,
                           refs_.data.get() + first * refs_.cols, refs_.start.get() + first, panels,
                           refs_.cols, 0, 0, no_self, found, candidates<T>{}},
           false);
      any = false;
      for (std::size_t r = 0; r < rows_; ++r) {
        std::uint32_t* const j = found.id + r * found.room;
        std::size_t count = found.count[r];
        if (plain_[r]) {
          count = valid;
          for (std::size_t t = 0; t < valid; ++t) j[t] = static_cast<std::uint32_t>(t);
        }
        for (std::size_t t = 0; t < count; ++t) j[t] += static_cast<std::uint32_t>(first);
        nearest_list& list = list_[r];
        exact_measure(source_, query_[r], refs_, j, count, exact_.get());
        for (std::size_t t = 0; t < count; ++t)
          if (!(exclude_self_ && j[t] == query_[r])) list.put(j[t], exact_[t], largest);
        if (list.count == k_ && count > 0) {
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
  static constexpr std::size_t chunk = 512;  // references are found in the order of their number
  std::size_t most() const { return 64 / width_ * width_ + width_; }
  T* place(std::size_t row) const {
    return panels_.get() + row / width_ * width_ * refs_.cols + row % width_;
  }
  void allocate() {
    panels_ = buffer<T>(most() * refs_.cols);
    start_ = buffer<T>(most());
    worst_ = buffer<T>(most());
    found_ = candidate_lists<T>(most(), chunk, chunk);
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
  std::size_t width_, rows_ = 0;
  buffer<T> panels_, start_, worst_;
  candidate_lists<T> found_;
  buffer<std::size_t> query_;
  buffer<score_bound> bound_;
  buffer<nearest_list> list_;
  buffer<bool> plain_;  // measure every reference
  buffer<double> exact_;
};

// The answers of queries first, first + 1..., which are rows skip, skip + 1... of panels, from
// their candidates; how many were searched again.
template <class T>
std::size_t answer_rows(packed_rows<T> const& refs, strided_rows<T> const& source,
                        query_panels<T> const& panels, std::size_t skip, std::size_t first,
                        std::size_t rows, candidates<T> const& found, std::size_t k,
                        bool exclude_self, std::uint32_t* idx, double* dist) {
  bool const largest = refs.measure == metric::inner_product;
  double const none =
      largest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  score_bound bound = make_score_bound(refs);
  second_search<T> again(refs, source, k, exclude_self);
  std::size_t searched_again = 0;
  buffer<double> const exact(found.keep);
  finish_lists(refs.set, rows, found);
  for (std::size_t r = 0; r < rows; ++r) {
    std::uint32_t* const j = found.id + r * found.room;
    std::uint32_t* const to_idx = idx + r * k;
    double* const to_dist = dist + r * k;
    std::size_t const count = found.count[r];
    exact_measure(source, first + r, refs, j, count, exact.get());
    sort_candidates(exact.get(), j, count, largest);
    for (std::size_t t = 0; t < k; ++t) {
      bool const there = t < count;
      to_idx[t] = there ? j[t] : ~std::uint32_t{0};
      to_dist[t] = there ? exact[t] : none;
    }
    bool const itself = exclude_self && first + r < refs.rows;
    if (count == refs.rows - (itself ? 1u : 0u)) continue;
    bound.square = panels.norm[skip + r];
    if (count >= k && static_cast<double>(found.worst[r]) < bound.lowest_score(to_dist[k - 1]))
      continue;
    ++searched_again;
    again.add(panels, skip + r, first + r, bound, to_idx, to_dist);
  }
  again.flush();
  return searched_again;
}

// Beyond the k-th, so that the bound can vouch for the answer.
constexpr std::size_t kept_candidates(std::size_t k, std::size_t references) {
  return k + 8 < references ? k + 8 : references;
}

// nearest_block, counting the rows that were searched a second time.
template <class T>
void nearest_block(packed_rows<T> const& refs, T const* x, std::ptrdiff_t ld, std::ptrdiff_t cs,
                   std::size_t q0, std::size_t q1, std::size_t k, bool exclude_self,
                   std::uint32_t* idx, double* dist, std::size_t& searched_again) {
  if (q1 <= q0 || k == 0) return;
  std::size_t const keep = kept_candidates(k, refs.rows), width = refs.shape.cols;
  std::size_t const step = (keep > 512 ? 64 : 512) / width * width;
  std::size_t const most = q1 - q0 < step ? (q1 - q0 + width - 1) / width * width : step;
  buffer<T> const panels(most * refs.cols), start(most);
  buffer<double> const norm(most);
  candidate_lists<T> lists(most, k, keep);
  score_bound const bound = make_score_bound(refs);
  strided_rows<T> const source{x, ld, cs};
  for (std::size_t q = q0; q < q1; q += step) {
    std::size_t const rows = q1 - q < step ? q1 - q : step;
    std::size_t const padded = (rows + width - 1) / width * width;
    pack_panels(source, q, q + rows, refs.cols, width, static_cast<double const*>(refs.mean.get()),
                false, panels.get());
    panel_norms(static_cast<T const*>(panels.get()), padded / width, refs.cols, width, norm.get());
    for (std::size_t r = 0; r < padded; ++r)
      start[r] = refs.measure == metric::squared_euclidean ? static_cast<T>(-0.5 * norm[r]) : T(0);
    lists.open(bound, static_cast<double const*>(norm.get()), rows, padded);
    scan(refs.set,
         nearest_scan<T>{panels.get(), start.get(), (rows + refs.shape.rows - 1) / refs.shape.rows,
                         refs.data.get(), refs.start.get(), refs.panels, refs.cols, q, 0,
                         exclude_self ? q : no_self, lists.from(0), candidates<T>{}},
         false);
    searched_again +=
        answer_rows(refs, source, query_panels<T>{panels.get(), start.get(), norm.get()}, 0, q,
                    rows, lists.from(0), k, exclude_self, idx + (q - q0) * k, dist + (q - q0) * k);
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

/// The search of nearest_block where the queries are the references, in half the products and with
/// the same answer: the product of two rows is offered to the candidates of both. The rows are cut
/// into blocks; call `pair` once for each two blocks, in any order, and for each block with itself,
/// but no two at once that share a block; then `finish` for any cut of the rows, also at once.
///
/// O(n (d + k)) memory.
template <class T>
class own_search {
 public:
  /// x: the packed rows, which must outlive this. block: its rows, see panel_blocks.
  own_search(packed_rows<T> const& x, std::size_t k, bool exclude_self, std::size_t block = 0)
      : x_(x),
        k_(k),
        exclude_self_(exclude_self),
        blocks_(x, block),
        lists_(x.panels * x.shape.cols, k, detail::kept_candidates(k, x.rows)) {
    lists_.open(detail::make_score_bound(x), static_cast<T const*>(x.norm.get()), x.rows,
                x.panels * x.shape.cols);
  }

  std::size_t blocks() const { return blocks_.count(); }
  /// Rows of every block but the last.
  std::size_t block_rows() const { return blocks_.rows(); }

  void pair(std::size_t a, std::size_t b) const {
    std::size_t const first = blocks_.begin(a), last = blocks_.end(a);
    if (a != b) return scan(first, last, blocks_.begin(b), blocks_.end(b), true);
    for (std::size_t p = first; p < last; ++p) {
      scan(p, p + 1, p, p + 1, false);
      scan(p, p + 1, p + 1, last, true);
    }
  }

  /// The answers of rows [first, last), as nearest_block gives them; how many were searched again.
  std::size_t finish(std::size_t first, std::size_t last, std::uint32_t* idx, double* dist) const {
    if (first >= last || k_ == 0) return 0;
    std::size_t const width = x_.shape.cols, begin = first / width * width;
    std::size_t const panels = (last - begin + width - 1) / width;
    T const* const data = x_.data.get() + begin * x_.cols;
    buffer<double> const norm(panels * width);
    detail::panel_norms(data, panels, x_.cols, width, norm.get());
    return detail::answer_rows(
        x_, x_.source, detail::query_panels<T>{data, x_.start.get() + begin, norm.get()},
        first - begin, first, last - first, lists_.from(first), k_, exclude_self_, idx, dist);
  }

 private:
  // Panels [a, a_end) by [b, b_end).
  void scan(std::size_t a, std::size_t a_end, std::size_t b, std::size_t b_end, bool both) const {
    std::size_t const width = x_.shape.cols, per = width / x_.shape.rows;
    detail::scan(x_.set,
                 nearest_scan<T>{x_.data.get() + a * width * x_.cols, x_.start.get() + a * width,
                                 (a_end - a) * per, x_.data.get() + b * width * x_.cols,
                                 x_.start.get() + b * width, b_end - b, x_.cols, a * width,
                                 b * width, exclude_self_ ? a * width : no_self,
                                 lists_.from(a * width), lists_.from(b * width)},
                 both);
  }

  packed_rows<T> const& x_;
  std::size_t k_;
  bool exclude_self_;
  panel_blocks blocks_;
  detail::candidate_lists<T> lists_;
};

#include <limpid/simd/detail/close.inc>

#endif
