// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/prune.hpp
/// From joint counts to the rows that find_label_issues flags.
#ifndef LIMPID_TRANSITION_DETAIL_PRUNE_HPP
#define LIMPID_TRANSITION_DETAIL_PRUNE_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/groups.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/transition/detail/confident.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace limpid::transition::detail {

/// Row numbers by label, ascending within each: rows of class k are order[start[k]..start[k + 1]).
struct rows_by_class {
  std::vector<std::size_t> start;  ///< K + 1
  vector<std::uint32_t> order;     ///< n
  std::size_t size(std::size_t k) const { return start[k + 1] - start[k]; }
};

inline rows_by_class group_rows(vector<std::int32_t> const& y, std::size_t classes) {
  rows_by_class r{std::vector<std::size_t>(classes + 1), vector<std::uint32_t>(y.size())};
  for (std::int32_t k : y) ++r.start[static_cast<std::size_t>(k) + 1];
  for (std::size_t k = 0; k < classes; ++k) r.start[k + 1] += r.start[k];
  std::vector<std::size_t> next(r.start.begin(), r.start.end() - 1);
  for (std::size_t i = 0; i < y.size(); ++i)
    r.order[next[static_cast<std::size_t>(y[i])]++] = static_cast<std::uint32_t>(i);
  return r;
}

/// The joint counts of labels and guesses, with at least 1 on the diagonal.
inline sparse_counts count_sparse(rows_by_class const& rows, vector<std::int32_t> const& guess) {
  std::size_t const classes = rows.start.size() - 1;
  sparse_counts s{{0}, {}, {}};
  std::vector<std::uint32_t> here(classes);
  std::vector<std::int32_t> seen;
  for (std::size_t g = 0; g < classes; ++g) {
    seen.assign(1, static_cast<std::int32_t>(g));
    for (std::size_t r = rows.start[g]; r < rows.start[g + 1]; ++r) {
      std::int32_t const t = guess[rows.order[r]];
      if (t < 0) continue;
      if (here[static_cast<std::size_t>(t)]++ == 0 && t != static_cast<std::int32_t>(g))
        seen.push_back(t);
    }
    std::sort(seen.begin(), seen.end());
    if (here[g] == 0) here[g] = 1;
    for (std::int32_t t : seen) {
      s.column.push_back(t);
      s.value.push_back(here[static_cast<std::size_t>(t)]);
      here[static_cast<std::size_t>(t)] = 0;
    }
    s.start.push_back(s.value.size());
  }
  return s;
}

/// How many rows to flag: of label g as class t (cells, without the diagonal), and how many rows of
/// label g to keep.
struct prune_counts {
  sparse_counts remove;      ///< whole numbers
  std::vector<double> keep;  ///< K
};

/// joint: given x true. Keeps at least n_min rows of each label, taking the difference in equal
/// parts from the cells that are not 0; then only the share `frac` of every cell is removed.
inline prune_counts counts_to_prune(sparse_counts const& joint, double n_min, double frac) {
  std::size_t const classes = joint.classes();
  prune_counts r{{{0}, {}, {}}, std::vector<double>(classes)};
  for (std::size_t g = 0; g < classes; ++g) {
    double diagonal = 0, nonzero = 0;
    for (std::size_t c = joint.start[g]; c < joint.start[g + 1]; ++c) {
      nonzero += joint.value[c] != 0;
      if (static_cast<std::size_t>(joint.column[c]) == g) diagonal = joint.value[c];
    }
    double const kept = (std::max)(diagonal, n_min);
    double const each = (kept - diagonal) / (std::max)(nonzero - 1, 1.0);
    pairwise_sum spared;
    for (std::size_t c = joint.start[g]; c < joint.start[g + 1]; ++c) {
      auto const t = static_cast<std::size_t>(joint.column[c]);
      if (t == g) continue;
      double const cell = (std::max)(joint.value[c] - each, 0.0);
      spared.add(t, cell - cell * frac);
      double const removed = std::trunc(cell * frac);
      if (removed <= 0) continue;
      r.remove.column.push_back(joint.column[c]);
      r.remove.value.push_back(removed);
    }
    r.remove.start.push_back(r.remove.value.size());
    r.keep[g] = std::trunc(kept + spared.of(classes));
  }
  return r;
}

/// Scales each label's cells so that they sum to its number; that many rows are not kept.
inline void scale_to(prune_counts& r, std::vector<std::size_t> const& number,
                     vector<std::size_t> const& given_count) {
  for (std::size_t g = 0; g < number.size(); ++g) {
    double const want = static_cast<double>(number[g]);
    double sum = 0;
    for (std::size_t c = r.remove.start[g]; c < r.remove.start[g + 1]; ++c)
      sum += r.remove.value[c];
    for (std::size_t c = r.remove.start[g]; c < r.remove.start[g + 1]; ++c)
      r.remove.value[c] *= want / sum;
    round_preserving_sum(r.remove.value.data() + r.remove.start[g],
                         r.remove.start[g + 1] - r.remove.start[g]);
    r.keep[g] = static_cast<double>(given_count[g]) - want;
  }
}

/// cleanlab 2.9.0's way: cells are divided by the sums over labels of another class's, and the
/// numbers are those of true classes.
inline void scale_as_cleanlab(prune_counts& r, std::vector<std::size_t> const& number,
                              vector<std::size_t> const& given_count) {
  std::size_t const classes = number.size();
  auto by_true = transposed(r.remove);
  std::vector<double> divisor(classes);
  for (std::size_t t = 0; t < classes; ++t) {
    divisor[t] = r.keep[t];
    for (std::size_t c = by_true.start[t]; c < by_true.start[t + 1]; ++c)
      divisor[t] += by_true.value[c];
    divisor[t] = at_least_tiny(divisor[t]);
  }
  for (std::size_t t = 0; t < classes; ++t) {
    std::size_t const first = by_true.start[t], last = by_true.start[t + 1];
    double noise = 0;
    for (std::size_t c = first; c < last; ++c)
      noise += by_true.value[c] /= divisor[static_cast<std::size_t>(by_true.column[c])];
    double const kept = static_cast<double>(given_count[t]) - static_cast<double>(number[t]);
    r.keep[t] = kept;
    if (first == last) continue;
    std::vector<double> row;  // with the diagonal in its place
    std::size_t place = 0;
    for (std::size_t c = first; c < last; ++c) {
      if (static_cast<std::size_t>(by_true.column[c]) < t) ++place;
      row.push_back(by_true.value[c] * static_cast<double>(number[t]) / noise);
    }
    row.insert(row.begin() + static_cast<std::ptrdiff_t>(place), kept);
    round_preserving_sum(row.data(), row.size());
    r.keep[t] = row[place];
    for (std::size_t c = first; c < last; ++c)
      by_true.value[c] = row[c - first + (c - first >= place ? 1 : 0)];
  }
  r.remove = transposed(by_true);
}

/// order[first..last) rearranged so that the `count` rows with the lowest key (of equal ones the
/// lowest row) come first.
template <class Key>
void lowest_first(std::uint32_t* first, std::uint32_t* last, std::size_t count, Key const& key) {
  if (count >= static_cast<std::size_t>(last - first)) return;
  std::nth_element(first, first + count, last, [&](std::uint32_t a, std::uint32_t b) {
    auto const ka = key(a), kb = key(b);
    return ka < kb || (ka == kb && a < b);
  });
}

// ---- the rows of a class with the largest margins to another ----

/// A cell's best rows are a heap whose root is the worst kept: least margin, of equal ones the
/// highest row.
struct margin_heap {
  double* margin;
  std::uint32_t* row;
  LIMPID_HD bool worse(std::size_t a, std::size_t b) const {
    return margin[a] < margin[b] || (margin[a] == margin[b] && row[a] > row[b]);
  }
  LIMPID_HD void exchange(std::size_t a, std::size_t b) const {
    double const m = margin[a];
    std::uint32_t const r = row[a];
    margin[a] = margin[b];
    row[a] = row[b];
    margin[b] = m;
    row[b] = r;
  }
  LIMPID_HD void push(std::size_t used, double m, std::uint32_t r) const {
    margin[used] = m;
    row[used] = r;
    for (std::size_t at = used; at > 0 && worse(at, (at - 1) / 2); at = (at - 1) / 2)
      exchange(at, (at - 1) / 2);
  }
  LIMPID_HD void replace_root(std::size_t used, double m, std::uint32_t r) const {
    margin[0] = m;
    row[0] = r;
    for (std::size_t at = 0;;) {
      std::size_t child = 2 * at + 1;
      if (child >= used) return;
      if (child + 1 < used && worse(child + 1, child)) ++child;
      if (!worse(child, at)) return;
      exchange(at, child);
      at = child;
    }
  }
};

/// for_groups: lets the rows of class g (those of the block, whose doubt is `doubt_is`) compete for
/// the cells that the class has in `list`. The limit of a cell is the least margin that it keeps;
/// -inf while there is room.
template <class T, memory_space S>
struct compete {
  matrix_view<T const, S> p;
  std::size_t first;  ///< row of p's row 0
  vector_view<std::uint32_t const, S> order;
  vector_view<std::size_t const, S> from, to;  ///< K, the class's rows in `order` that lie in p
  vector_view<std::uint8_t const, S> doubt;
  std::uint8_t doubt_is;
  vector_view<std::size_t const, S> list_start;  ///< K + 1
  vector_view<std::uint32_t const, S> list;      ///< cells
  vector_view<std::int32_t const, S> column;     ///< per cell: the other class
  vector_view<std::size_t const, S> heap_start;  ///< cells + 1
  vector_view<std::uint32_t, S> used;            ///< per cell
  vector_view<double, S> limit;                  ///< per cell
  vector_view<double, S> heap_margin;
  vector_view<std::uint32_t, S> heap_row;
  vector_view<std::uint32_t, S> hit;  ///< scratch, as long as `list`; no data: plain loops

  LIMPID_HD void operator()(std::size_t g) const
    requires(S == memory_space::device)
  {
    in_order(g);
  }
  void operator()(std::size_t g) const  // calls what is compiled for the host alone
    requires(S == memory_space::host)
  {
    if (hit.data && list_start[g] < list_start[g + 1])
      in_vectors(g, list_start[g], list_start[g + 1]);
    else
      in_order(g);
  }

 private:
  LIMPID_HD void in_order(std::size_t g) const {
    std::size_t const begin = list_start[g], end = list_start[g + 1];
    if (begin == end) return;
    for (std::size_t r = from[g]; r < to[g]; ++r) {
      std::size_t const i = order[r];
      if (doubt[i] != doubt_is) continue;
      auto const self = static_cast<double>(p(i - first, g));
      for (std::size_t q = begin; q < end; ++q) {
        std::size_t const c = list[q];
        double const margin =
            static_cast<double>(p(i - first, static_cast<std::size_t>(column[c]))) - self;
        if (margin >= limit[c]) enter(c, margin, static_cast<std::uint32_t>(i));
      }
    }
  }
  LIMPID_HD std::size_t next_row(std::size_t r, std::size_t last) const {
    while (r < last && doubt[order[r]] != doubt_is) ++r;
    return r;
  }
  /// The cells are list[begin] and those behind it, and rows of p are contiguous.
  void in_vectors(std::size_t g, std::size_t begin, std::size_t end) const {
    std::size_t const last = to[g], cell = list[begin];
    for (std::size_t r = next_row(from[g], last); r < last;) {
      std::size_t const i = order[r], following = next_row(r + 1, last);
      T const* const row = &p(i - first, 0);
      T const* const next = following < last ? &p(order[following] - first, 0) : row;
      auto const self = static_cast<double>(row[g]);
      std::size_t const hits = lanes::margin_hits(row, next, column.data + cell, end - begin, self,
                                                  limit.data + cell, hit.data + begin);
      for (std::size_t h = 0; h < hits; ++h) {
        std::size_t const c = cell + hit[begin + h];
        enter(c, static_cast<double>(row[static_cast<std::size_t>(column[c])]) - self,
              static_cast<std::uint32_t>(i));
      }
      r = following;
    }
  }
  LIMPID_HD void enter(std::size_t c, double margin, std::uint32_t row) const {
    std::size_t const at = heap_start[c], room = heap_start[c + 1] - at;
    margin_heap const heap{heap_margin.data + at, heap_row.data + at};
    if (used[c] < room) {
      heap.push(used[c], margin, row);
      if (++used[c] == room) limit[c] = heap.margin[0];
      return;
    }
    if (margin == heap.margin[0] && row > heap.row[0]) return;
    heap.replace_root(room, margin, row);
    limit[c] = heap.margin[0];
  }
};

/// Flags, for every cell (g, t) of `remove`, that many rows of label g with the largest margins
/// P(i, t) - P(i, g): those among them whose label is in doubt. Only the rows in doubt are read,
/// unless a cell's least margin is one that another row may have.
template <class Exec, class Source, memory_space S>
void flag_by_margin(Exec const& exec, Source const& source, rows_by_class const& rows,
                    sparse_counts const& remove, vector_view<std::uint8_t const, S> doubt,
                    vector<std::uint8_t> const& doubts, vector<std::uint8_t>& flagged) {
  using T = typename Source::value_type;
  std::size_t const classes = remove.classes(), cells = remove.value.size();
  if (cells == 0) return;
  vector<std::size_t> heap_start(cells + 1), list_start(remove.start);
  vector<std::uint32_t> list(cells), used(cells);
  vector<double> limit(cells, -std::numeric_limits<double>::infinity());
  std::iota(list.begin(), list.end(), std::uint32_t{0});
  for (std::size_t g = 0; g < classes; ++g)
    for (std::size_t c = remove.start[g]; c < remove.start[g + 1]; ++c) {
      double const room = (std::min)(remove.value[c], static_cast<double>(rows.size(g)));
      heap_start[c + 1] = heap_start[c] + (room > 0 ? static_cast<std::size_t>(room) : 0);
      if (heap_start[c + 1] == heap_start[c]) limit[c] = std::numeric_limits<double>::infinity();
    }
  auto const order = ops::upload(exec, rows.order.view());
  vector<std::int32_t> const columns(remove.column);
  auto const column = ops::upload(exec, columns.view());
  auto const starts = ops::upload(exec, std::as_const(heap_start).view());
  auto const count = ops::upload(exec, std::as_const(used).view());
  auto const limits = ops::upload(exec, std::as_const(limit).view());
  auto const heap_margin = ops::make_buffer<double>(exec, heap_start[cells]);
  auto const heap_row = ops::make_buffer<std::uint32_t>(exec, heap_start[cells]);
  auto const hit = ops::make_buffer<std::uint32_t>(exec, cells);

  // A row that is not in doubt has margins of at most the slack, give or take a rounding.
  constexpr double reachable = 1.01 * threshold_slack;
  for (std::uint8_t doubt_is : {std::uint8_t{1}, std::uint8_t{0}}) {
    if (doubt_is == 0) {
      limit = ops::download(exec, limits.view());
      std::size_t open = 0;
      for (std::size_t g = 0; g < classes; ++g) {
        list_start[g] = open;
        for (std::size_t c = remove.start[g]; c < remove.start[g + 1]; ++c)
          if (limit[c] <= reachable) list[open++] = static_cast<std::uint32_t>(c);
      }
      list_start[classes] = open;
      if (open == 0) break;
    }
    auto const list_there = ops::upload(exec, std::as_const(list).view());
    auto const list_starts = ops::upload(exec, std::as_const(list_start).view());
    source(exec, [&](matrix_view<T const, S> p, std::size_t first) {
      vector<std::size_t> from(classes), to(classes);
      for (std::size_t g = 0; g < classes; ++g) {
        auto const begin = rows.order.begin() + rows.start[g],
                   end = rows.order.begin() + rows.start[g + 1];
        from[g] =
            static_cast<std::size_t>(std::lower_bound(begin, end, first) - rows.order.begin());
        to[g] = static_cast<std::size_t>(std::lower_bound(begin, end, first + p.rows) -
                                         rows.order.begin());
      }
      auto const from_there = ops::upload(exec, std::as_const(from).view());
      auto const to_there = ops::upload(exec, std::as_const(to).view());
      // the first time all cells of a class compete, so that they lie one behind the other
      bool vectors = false;
      if constexpr (requires { Exec::vectorised; })
        vectors = Exec::vectorised && doubt_is == 1 && p.col_stride == 1;
      ops::for_groups(
          exec, classes,
          compete<T, S>{p, first, order.view(), from_there.view(), to_there.view(), doubt, doubt_is,
                        list_starts.view(), list_there.view(), column.view(), starts.view(),
                        count.view(), limits.view(), heap_margin.view(), heap_row.view(),
                        vectors ? hit.view() : vector_view<std::uint32_t, S>()});
    });
  }
  used = ops::download(exec, count.view());
  auto const winners = ops::download(exec, heap_row.view());
  for (std::size_t c = 0; c < cells; ++c)
    for (std::size_t h = heap_start[c]; h < heap_start[c] + used[c]; ++h)
      if (doubts[winners[h]]) flagged[winners[h]] = 1;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_PRUNE_HPP
