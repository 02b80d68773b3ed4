// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/consensus_counts.hpp
/// Counts of the labels of rows and their two nearest neighbours, among all rows or within subsets.
#ifndef LIMPID_TRANSITION_DETAIL_CONSENSUS_COUNTS_HPP
#define LIMPID_TRANSITION_DETAIL_CONSENSUS_COUNTS_HPP

#include <limpid/core/random.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/rows.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition::detail {

template <class T, memory_space S>
struct zero_row {
  matrix_view<T const, S> x;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < x.cols; ++c)
      if (x(i, c) != 0) return 0;
    return 1;
  }
};

/// Codes: 1 no row number, 2 the row itself, 3 twice the same in the first two columns. Of the
/// first `read` columns.
template <class Index, memory_space S>
struct neighbour_fault {
  matrix_view<Index const, S> index;
  std::size_t read;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < read; ++c) {
      Index const j = index(i, c);
      if (j < 0 || static_cast<std::uint64_t>(j) >= index.rows) return 1;
      if (static_cast<std::uint64_t>(j) == i) return 2;
    }
    return index(i, 0) == index(i, 1) ? 3 : 0;
  }
};

/// Codes: 1 no row number, 2 the row itself.
template <class Index, memory_space S>
struct any_neighbour_fault {
  matrix_view<Index const, S> index;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < index.cols; ++c) {
      Index const j = index(i, c);
      if (j < 0 || static_cast<std::uint64_t>(j) >= index.rows) return 1;
      if (static_cast<std::uint64_t>(j) == i) return 2;
    }
    return 0;
  }
};

/// Finite features and, for the cosine, no row of zeros.
template <class Exec, class T, memory_space S>
void check_features(Exec const& exec, char const* where, matrix_view<T const, S> x, bool look,
                    bool cosine) {
  limpid::detail::require(x.rows >= 3 && x.cols > 0, where, "X is ", x.rows, " x ", x.cols,
                          "; need at least three rows and one column");
  if (!look) return;
  ops::check_finite(exec, where, "X", x);
  auto const zero = cosine ? ops::first_row(exec, x.rows, zero_row<T, S>{x}) : ops::row_fault{};
  limpid::detail::require(!zero.code, where, "X row ", zero.row,
                          " is zero; the cosine to it is not defined");
}

template <class Exec, class Index, memory_space S>
void check_neighbours(Exec const& exec, char const* where, matrix_view<Index const, S> index,
                      std::size_t read) {
  auto const fault = ops::first_row(exec, index.rows, neighbour_fault<Index, S>{index, read});
  limpid::detail::require(!fault.code, where, "neighbours row ", fault.row,
                          fault.code == 1   ? " has an entry that is no row number"
                          : fault.code == 2 ? " names the row itself"
                                            : " names one row twice");
}

/// The labels of a row's two neighbours as one number.
template <class Index, memory_space S>
struct neighbour_labels {
  matrix_view<Index const, S> index;
  vector_view<std::int32_t const, S> y;
  std::int32_t classes;
  vector_view<std::int32_t, S> both;
  LIMPID_HD void operator()(std::size_t i) const {
    both[i] = y[static_cast<std::size_t>(index(i, 0))] * classes +
              y[static_cast<std::size_t>(index(i, 1))];
  }
};

/// Notes that row chosen[i] is of the subset `mark`.
template <memory_space S>
struct mark_member {
  vector_view<std::uint32_t const, S> chosen;
  std::uint32_t mark;
  vector_view<std::uint32_t, S> marks;
  LIMPID_HD void operator()(std::size_t i) const { marks[chosen[i]] = mark; }
};
template <memory_space S>
struct no_member {
  vector_view<std::uint32_t, S> marks;
  LIMPID_HD void operator()(std::size_t i) const { marks[i] = 0; }
};

/// neighbour_labels of chosen row i, by the first two of its neighbours that are of the subset; -1
/// where the row's list ends before.
template <class Index, memory_space S>
struct member_labels {
  matrix_view<Index const, S> index;
  vector_view<std::int32_t const, S> y;
  vector_view<std::uint32_t const, S> chosen, marks;
  std::uint32_t mark;
  std::int32_t classes;
  vector_view<std::int32_t, S> own, both;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const row = chosen[i];
    own[i] = y[row];
    both[i] = -1;
    std::int32_t first = -1;
    for (std::size_t c = 0; c < index.cols; ++c) {
      auto const j = static_cast<std::size_t>(index(row, c));
      if (marks[j] != mark) continue;
      if (first < 0) {
        first = y[j];
        continue;
      }
      both[i] = first * classes + y[j];
      return;
    }
  }
};

/// neighbour_labels of a row whose three nearest may hold itself, at `self`.
template <memory_space S>
struct other_labels {
  matrix_view<std::uint32_t const, S> index;
  vector_view<std::uint32_t const, S> self;
  vector_view<std::int32_t const, S> y;
  std::int32_t classes;
  vector_view<std::int32_t, S> own, both;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const a = index(i, 0) == self[i] ? 1 : 0;
    std::size_t const b = index(i, a + 1) == self[i] ? a + 2 : a + 1;
    own[i] = y[self[i]];
    both[i] = y[index(i, a)] * classes + y[index(i, b)];
  }
};

/// `count` of the rows 0..n-1 without replacement, ascending, by the first steps of a Fisher-Yates
/// shuffle.
inline vector<std::uint32_t> draw_rows(std::size_t n, std::size_t count, random_stream draws) {
  std::vector<std::uint32_t> all(n);
  for (std::size_t i = 0; i < n; ++i) all[i] = static_cast<std::uint32_t>(i);
  for (std::size_t i = 0; i < count; ++i)
    std::swap(all[i], all[i + static_cast<std::size_t>(draws.below(n - i))]);
  all.resize(count);
  std::sort(all.begin(), all.end());
  return vector<std::uint32_t>(std::move(all));
}

/// c3 is K x K^2; rows where `both` is negative count nowhere. weights: of the rows, none for 1.
/// Returns what was counted.
template <class Exec, memory_space S>
double add_pairs(Exec const& exec, vector_view<std::int32_t const, S> own,
                 vector_view<std::int32_t const, S> both, vector_view<double const, S> weights,
                 matrix<double>& c3) {
  std::size_t const classes = c3.rows();
  auto const counts = ops::count_pairs(exec, own, both, classes, classes * classes, weights);
  double rows = 0;
  for (std::size_t c = 0; c < classes * classes * classes; ++c) {
    c3.data()[c] += counts.data()[c];
    rows += counts.data()[c];
  }
  return rows;
}

/// Every row with the first two of its neighbours.
template <class Exec, class Index, memory_space S>
void add_counts(Exec const& exec, matrix_view<Index const, S> index,
                vector_view<std::int32_t const, S> y, vector_view<double const, S> weights,
                matrix<double>& c3) {
  auto const both = ops::make_buffer<std::int32_t>(exec, y.size);
  ops::for_rows(
      exec, y.size,
      neighbour_labels<Index, S>{index, y, static_cast<std::int32_t>(c3.rows()), both.view()});
  add_pairs(exec, y, vector_view<std::int32_t const, S>(both.view()), weights, c3);
}

/// Every row with its two nearest. False if progress asked to stop.
template <class Exec, class T, memory_space S>
bool count_all(Exec const& exec, matrix_view<T const, S> x, vector_view<std::int32_t const, S> y,
               vector_view<double const, S> weights, metric distance, progress const& part,
               matrix<double>& c3) {
  auto const index = ops::make_buffer<std::uint32_t>(exec, 2 * x.rows);
  auto const distances = ops::make_buffer<double>(exec, 2 * x.rows);
  if (!ops::nearest(
          exec, x, x, 2, index.view(x.rows, 2), distances.view(x.rows, 2),
          {.distance = distance, .exclude_self = true, .on_progress = part ? &part : nullptr}))
    return false;
  add_counts(exec, matrix_view<std::uint32_t const, S>(index.view(x.rows, 2)), y, weights, c3);
  return true;
}

/// The weights of chosen rows; no data where there are none.
template <class Exec, memory_space S>
ops::buffer<double, Exec> chosen_weights(Exec const& exec, vector_view<double const, S> weights,
                                         vector_view<std::uint32_t const, S> chosen) {
  auto some = ops::make_buffer<double>(exec, weights.data ? chosen.size : 0);
  if (weights.data) ops::gather_rows(exec, weights, chosen, some.view());
  return some;
}

/// The chosen rows with their two nearest among each other.
template <class Exec, class T, memory_space S>
bool count_subset(Exec const& exec, matrix_view<T const, S> x, vector_view<std::int32_t const, S> y,
                  vector_view<double const, S> weights, vector_view<std::uint32_t const, S> chosen,
                  metric distance, progress const& part, matrix<double>& c3) {
  std::size_t const m = chosen.size;
  auto const some_x = ops::make_buffer<T>(exec, m * x.cols);
  auto const some_y = ops::make_buffer<std::int32_t>(exec, m);
  ops::gather_rows(exec, x, chosen, some_x.view(m, x.cols));
  ops::gather_rows(exec, y, chosen, some_y.view());
  auto const some_w = chosen_weights(exec, weights, chosen);
  return count_all(exec, matrix_view<T const, S>(some_x.view(m, x.cols)),
                   vector_view<std::int32_t const, S>(some_y.view()),
                   vector_view<double const, S>(some_w.view()), distance, part, c3);
}

/// Subsets of rows whose neighbours, nearest first, are known: as count_subset, without a search
/// but for rows whose list holds fewer than two of the subset.
template <class Exec>
class subset_counts {
 public:
  static constexpr memory_space S = Exec::space;
  subset_counts(Exec const& exec, std::size_t n)
      : exec_(exec), marks_(ops::make_buffer<std::uint32_t>(exec, n)) {
    ops::for_rows(exec, n, no_member<S>{marks_.view()});
  }

  /// The places in `chosen` of rows that were not counted.
  template <class Index>
  std::vector<std::uint32_t> add(matrix_view<Index const, S> index,
                                 vector_view<std::int32_t const, S> y,
                                 vector_view<double const, S> weights,
                                 vector_view<std::uint32_t const, S> chosen, matrix<double>& c3) {
    std::size_t const m = chosen.size;
    auto const own = ops::make_buffer<std::int32_t>(exec_, m);
    auto const both = ops::make_buffer<std::int32_t>(exec_, m);
    ++mark_;
    ops::for_rows(exec_, m, mark_member<S>{chosen, mark_, marks_.view()});
    ops::for_rows(
        exec_, m,
        member_labels<Index, S>{index, y, chosen, marks_.view(), mark_,
                                static_cast<std::int32_t>(c3.rows()), own.view(), both.view()});
    auto const some_w = chosen_weights(exec_, weights, chosen);
    std::vector<std::uint32_t> lost;
    double const counted = add_pairs(exec_, vector_view<std::int32_t const, S>(own.view()),
                                     vector_view<std::int32_t const, S>(both.view()),
                                     vector_view<double const, S>(some_w.view()), c3);
    if (!weights.data && counted == static_cast<double>(m)) return lost;
    auto const found = ops::download(exec_, both.view());
    for (std::size_t i = 0; i < m; ++i)
      if (found[i] < 0) lost.push_back(static_cast<std::uint32_t>(i));
    return lost;
  }

  template <class T>
  void add(matrix_view<T const, S> x, matrix_view<std::uint32_t const, S> index,
           vector_view<std::int32_t const, S> y, vector_view<double const, S> weights,
           vector_view<std::uint32_t const, S> chosen, metric distance, matrix<double>& c3) {
    auto const lost = add(index, y, weights, chosen, c3);
    if (lost.empty()) return;
    std::size_t const m = chosen.size, few = lost.size();
    auto const places = ops::upload(exec_, vector_view<std::uint32_t const>(lost.data(), few));
    auto const some_x = ops::make_buffer<T>(exec_, m * x.cols);
    auto const few_x = ops::make_buffer<T>(exec_, few * x.cols);
    auto const some_y = ops::make_buffer<std::int32_t>(exec_, m);
    ops::gather_rows(exec_, x, chosen, some_x.view(m, x.cols));
    ops::gather_rows(exec_, y, chosen, some_y.view());
    matrix_view<T const, S> const all = some_x.view(m, x.cols);
    vector_view<std::uint32_t const, S> const place = places.view();
    ops::gather_rows(exec_, all, place, few_x.view(few, x.cols));
    auto const found = ops::make_buffer<std::uint32_t>(exec_, 3 * few);
    auto const distances = ops::make_buffer<double>(exec_, 3 * few);
    ops::nearest(exec_, matrix_view<T const, S>(few_x.view(few, x.cols)), all, 3,
                 found.view(few, 3), distances.view(few, 3), {.distance = distance});
    auto const own = ops::make_buffer<std::int32_t>(exec_, few);
    auto const both = ops::make_buffer<std::int32_t>(exec_, few);
    ops::for_rows(exec_, few,
                  other_labels<S>{found.view(few, 3), place, some_y.view(),
                                  static_cast<std::int32_t>(c3.rows()), own.view(), both.view()});
    auto const some_w = chosen_weights(exec_, weights, chosen);
    auto const few_w = chosen_weights(exec_, vector_view<double const, S>(some_w.view()), place);
    add_pairs(exec_, vector_view<std::int32_t const, S>(own.view()),
              vector_view<std::int32_t const, S>(both.view()),
              vector_view<double const, S>(few_w.view()), c3);
  }

 private:
  Exec const& exec_;
  ops::buffer<std::uint32_t, Exec> marks_;
  std::uint32_t mark_ = 0;
};

/// Neighbours per row among all n, so that about one row in all the subsets of m has fewer than two
/// of them in its subset; 0 if more than 128, or if searching the subsets is less work.
inline std::size_t neighbours_for_subsets(std::size_t n, std::size_t m, std::size_t rounds) {
  auto const all = static_cast<double>(n), some = static_cast<double>(m);
  if (static_cast<double>(rounds) * some * some < all * all) return 0;
  double const in = some / all, out = 1 - in;
  double none = out;  // of k neighbours, and one = exactly one of them, in the subset
  double one = in;
  for (std::size_t k = 1; k <= 128 && k < n; ++k) {
    if ((none + one) * some * static_cast<double>(rounds) < 1) return k;
    one = one * out + none * in;
    none *= out;
  }
  return 0;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_CONSENSUS_COUNTS_HPP
