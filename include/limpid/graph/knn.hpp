// SPDX-License-Identifier: BSL-1.0
/// @file limpid/graph/knn.hpp
/// The exact k nearest neighbours of every row.
#ifndef LIMPID_GRAPH_KNN_HPP
#define LIMPID_GRAPH_KNN_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/nearest.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace limpid::graph {

struct knn_options {
  std::size_t k = 10;                                 ///< neighbours per row, >= 1
  limpid::metric metric = limpid::metric::euclidean;  ///< cosine: distance 1 - cos, no zero rows
  progress on_progress = {};                          ///< told the fraction done; false stops
  bool validate = true;                               ///< look for bad rows first
};

struct knn_result {
  matrix<std::uint32_t> index;  ///< n x k, ascending distance, ties to the lower row
  matrix<double> distance;      ///< n x k
  bool stopped = false;         ///< by on_progress: rows not reached hold nothing of meaning
};

/// Where neighbours' numbers and distances may be written.
template <class X>
concept index_matrix = writable_matrix<X> && std::same_as<value_t<X>, std::uint32_t>;
template <class X>
concept distance_matrix = writable_matrix<X> && std::same_as<value_t<X>, double>;

namespace detail {

template <class T, memory_space S>
struct zero_fault {
  matrix_view<T const, S> x;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < x.cols; ++c)
      if (x(i, c) != T{0}) return 0;
    return 1;
  }
};

template <execution_policy P, class T>
void check_points(P const& exec, std::string_view where, std::string_view name,
                  matrix_view<T const, P::space> x, limpid::metric metric) {
  ops::check_finite(exec, where, name, x);
  if (metric != limpid::metric::cosine) return;
  auto const fault = ops::first_row(exec, x.rows, zero_fault<T, P::space>{x});
  if (fault.code)
    limpid::detail::fail(where, ": ", name, " row ", fault.row,
                         " is zero; the cosine distance needs rows that are not");
}

inline void check_sizes(std::string_view where, std::size_t references, std::size_t queries,
                        bool self, std::size_t k) {
  using limpid::detail::require;
  std::string_view const name = self ? "x" : "references";
  require(k >= 1, where, "k is 0; it must be at least 1");
  require(references < 0xffffffffu, where, name, " has ", references,
          " rows; row numbers are 32 bits wide");
  require(k < 0xffffffffu, where, "k is ", k, "; row numbers are 32 bits wide");
  std::size_t const least = k + (self ? 1 : 0);
  if (queries)
    require(
        references >= least, where, name, " has ", references, " rows; k = ", k,
        self ? " neighbours besides the row itself need at least " : " neighbours need at least ",
        least);
}

template <execution_policy P, class T>
bool knn_into(P const& exec, std::string_view where, matrix_view<T const, P::space> references,
              matrix_view<T const, P::space> queries, bool self,
              matrix_view<std::uint32_t, P::space> index, matrix_view<double, P::space> distance,
              knn_options const& o) {
  std::string_view const name = self ? "x" : "references";
  check_sizes(where, references.rows, queries.rows, self, o.k);
  limpid::detail::require(references.cols == queries.cols, where, "references has ",
                          references.cols, " columns, queries has ", queries.cols);
  if (o.validate) {
    check_points(exec, where, name, references, o.metric);
    if (!self) check_points(exec, where, "queries", queries, o.metric);
  }
  if (!queries.rows) return true;
  ops::nearest_options const how{o.metric, self, o.on_progress ? &o.on_progress : nullptr};
  return ops::nearest(exec, queries, references, o.k, index, distance, how);
}

}  // namespace detail

/// The k nearest rows of each row, exactly: a row's own number is left out, not its place, so exact
/// duplicates are neighbours at distance 0.
///
///     distance(i, j) = |x_i - x_j|_2   or   1 - x_i . x_j / (|x_i| |x_j|)
///
/// @param x           n x d, n >= k + 1, finite: the graph of x on itself.
/// @param references  m x d, m >= k, and
/// @param queries     n x d, of the same value type: neighbours of other rows; nothing is left out.
/// @param index       n x k, optional, written instead of returned: any adapted matrix of
/// std::uint32_t, and
/// @param distance    n x k of double.
/// @return knn_result; with `index` and `distance`, true unless on_progress stopped the work.
/// @throws input_error  too few rows, entries that are not finite, a zero row under cosine,
///         different widths, extents of index or distance that are not n x k.
///
/// Time O(n m d), the graph of x on itself half of that; memory O(n k), a packed copy of the
/// references and the tiles: the n x m distances are never stored. Distances are
/// computed from differences in double, so float data far from the origin rank right.
/// Deterministic: bitwise the same for any number of threads.
struct knn_fn {
  using primitives = uses<ops::nearest_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "graph::knn";

  template <execution_policy P, real_matrix X>
  knn_result operator()(P const& exec, X const& x, knn_options const& options = {}) const {
    limpid::detail::enter<knn_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    return owned(exec, p, p, true, options);
  }
  template <execution_policy P, real_matrix R, real_matrix Q>
  knn_result operator()(P const& exec, R const& references, Q const& queries,
                        knn_options const& options = {}) const {
    limpid::detail::enter<knn_fn, P, R, Q>();
    static_assert(std::is_same_v<value_t<R>, value_t<Q>>,
                  "limpid: references and queries must both be float or both be double");
    auto&& held_r = limpid::detail::materialise(references);
    auto&& held_q = limpid::detail::materialise(queries);
    matrix_view<value_t<R> const, P::space> const r = view(held_r);
    matrix_view<value_t<Q> const, P::space> const q = view(held_q);
    return owned(exec, r, q, false, options);
  }
  template <execution_policy P, real_matrix X, class Index, class Distance>
    requires index_matrix<Index> && distance_matrix<Distance>
  bool operator()(P const& exec, X const& x, Index&& index, Distance&& distance,
                  knn_options const& options = {}) const {
    limpid::detail::enter<knn_fn, P, X, std::remove_reference_t<Index>,
                          std::remove_reference_t<Distance>>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    auto const i = view(index);
    auto const d = view(distance);
    check_out(i, d, p.rows, options.k);
    return detail::knn_into(exec, where, p, p, true, i, d, options);
  }
  template <execution_policy P, real_matrix R, real_matrix Q, class Index, class Distance>
    requires index_matrix<Index> && distance_matrix<Distance>
  bool operator()(P const& exec, R const& references, Q const& queries, Index&& index,
                  Distance&& distance, knn_options const& options = {}) const {
    limpid::detail::enter<knn_fn, P, R, Q, std::remove_reference_t<Index>,
                          std::remove_reference_t<Distance>>();
    static_assert(std::is_same_v<value_t<R>, value_t<Q>>,
                  "limpid: references and queries must both be float or both be double");
    auto&& held_r = limpid::detail::materialise(references);
    auto&& held_q = limpid::detail::materialise(queries);
    matrix_view<value_t<R> const, P::space> const r = view(held_r);
    matrix_view<value_t<Q> const, P::space> const q = view(held_q);
    auto const i = view(index);
    auto const d = view(distance);
    check_out(i, d, q.rows, options.k);
    return detail::knn_into(exec, where, r, q, false, i, d, options);
  }

  template <real_matrix X>
  knn_result operator()(X const& x, knn_options const& options = {}) const {
    return (*this)(default_policy, x, options);
  }
  template <real_matrix R, real_matrix Q>
  knn_result operator()(R const& references, Q const& queries,
                        knn_options const& options = {}) const {
    return (*this)(default_policy, references, queries, options);
  }
  template <real_matrix X, class Index, class Distance>
    requires index_matrix<Index> && distance_matrix<Distance>
  bool operator()(X const& x, Index&& index, Distance&& distance,
                  knn_options const& options = {}) const {
    return (*this)(default_policy, x, index, distance, options);
  }
  template <real_matrix R, real_matrix Q, class Index, class Distance>
    requires index_matrix<Index> && distance_matrix<Distance>
  bool operator()(R const& references, Q const& queries, Index&& index, Distance&& distance,
                  knn_options const& options = {}) const {
    return (*this)(default_policy, references, queries, index, distance, options);
  }

 private:
  template <class Index, class D>
  static void check_out(Index const& i, D const& d, std::size_t rows, std::size_t k) {
    limpid::detail::require(i.rows == rows && i.cols == k, where, "index is ", i.rows, " x ",
                            i.cols, "; it must be ", rows, " x ", k);
    limpid::detail::require(d.rows == rows && d.cols == k, where, "distance is ", d.rows, " x ",
                            d.cols, "; it must be ", rows, " x ", k);
  }
  template <execution_policy P, class T>
  static knn_result owned(P const& exec, matrix_view<T const, P::space> references,
                          matrix_view<T const, P::space> queries, bool self, knn_options const& o) {
    detail::check_sizes(where, references.rows, queries.rows, self,
                        o.k);  // before n x k is asked for
    std::size_t const n = queries.rows;
    auto const index = ops::make_buffer<std::uint32_t>(exec, n * o.k);
    auto const distance = ops::make_buffer<double>(exec, n * o.k);
    knn_result out;
    out.stopped = !detail::knn_into(exec, where, references, queries, self, index.view(n, o.k),
                                    distance.view(n, o.k), o);
    out.index = ops::download(exec, index.view(n, o.k));
    out.distance = ops::download(exec, distance.view(n, o.k));
    return out;
  }
};
inline constexpr knn_fn knn{};

}  // namespace limpid::graph

#endif  // LIMPID_GRAPH_KNN_HPP
