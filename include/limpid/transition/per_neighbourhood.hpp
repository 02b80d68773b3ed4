// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/per_neighbourhood.hpp
/// A T for each row, from the rows near it.
#ifndef LIMPID_TRANSITION_PER_NEIGHBOURHOOD_HPP
#define LIMPID_TRANSITION_PER_NEIGHBOURHOOD_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/consensus_counts.hpp>
#include <limpid/transition/detail/shrink_rows.hpp>
#include <limpid/transition/three_views.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct per_neighbourhood_options {
  local_options local = {};
  std::size_t neighbours = 250;         ///< of a row, itself counted; features only; 2..n
  metric distance = metric::euclidean;  ///< features only
  /// rows whose whole T is wanted: K^2 numbers each
  std::vector<std::size_t> whole = {};
  std::size_t centres = 1000;  ///< neighbourhoods that `strength` is estimated from, at most; >= 1
  progress on_progress = {};   ///< of the search for neighbours
};

/// K classes, W rows asked for in whole.
struct per_neighbourhood_result {
  matrix<double> global;    ///< K x K, (i, j) = P(given j | true i), of all rows or as given
  vector<double> strength;  ///< K, counts that the global row weighs; infinite: no place differs
  /// n x K: (i, k) = P(y_i | true k, near x_i), the column of T at row i that its label picks: what
  /// a posterior of the true class or a forward-corrected loss needs
  matrix<double> likelihood;
  matrix<double> transitions;            ///< W K x K: rows wK to wK + K - 1 are T at row whole[w]
  vector<std::uint8_t> class_estimated;  ///< K, 0: no row counts as class k: identity, unless given
  bool stopped = false;                  ///< progress asked to stop; nothing else is filled

  matrix_view<double const> transition(std::size_t w) const {
    return transitions.view().row_block(w * transitions.cols(), (w + 1) * transitions.cols());
  }
};

namespace detail {

/// True x given counts of chosen row i and its neighbours, to table row i.
template <class Index, memory_space S>
struct neighbourhood_table {
  matrix_view<Index const, S> index;
  vector_view<std::int32_t const, S> truth, y;
  vector_view<std::uint64_t const, S> chosen;
  std::size_t classes;
  matrix_view<double, S> table;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t c = 0; c < table.cols; ++c) table(i, c) = 0;
    auto const row = static_cast<std::size_t>(chosen[i]);
    add(i, row);
    for (std::size_t c = 0; c < index.cols; ++c) add(i, static_cast<std::size_t>(index(row, c)));
  }
  LIMPID_HD void add(std::size_t i, std::size_t j) const {
    if (truth[j] >= 0)
      table(i, static_cast<std::size_t>(truth[j]) * classes + static_cast<std::size_t>(y[j])) += 1;
  }
};

/// The column of the shrunk T that the row's label picks.
template <class Index, memory_space S>
struct neighbourhood_column {
  matrix_view<Index const, S> index;
  vector_view<std::int32_t const, S> truth, y;
  matrix_view<double const, S> global;
  vector_view<double const, S> strength;
  matrix_view<double, S> totals, out;  ///< totals: scratch
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t k = 0; k < out.cols; ++k) totals(i, k) = out(i, k) = 0;
    add(i, i);
    for (std::size_t c = 0; c < index.cols; ++c) add(i, static_cast<std::size_t>(index(i, c)));
    for (std::size_t k = 0; k < out.cols; ++k) {
      double const centre = global(k, static_cast<std::size_t>(y[i])), s = strength[k];
      out(i, k) =
          !(totals(i, k) > 0) || s > 1e300 ? centre : (out(i, k) + s * centre) / (totals(i, k) + s);
    }
  }
  LIMPID_HD void add(std::size_t i, std::size_t j) const {
    if (truth[j] < 0) return;
    auto const k = static_cast<std::size_t>(truth[j]);
    totals(i, k) += 1;
    if (y[j] == y[i]) out(i, k) += 1;
  }
};

}  // namespace detail

/// Estimates T at each row from the rows near it.
///
/// As transition::per_cluster with the neighbourhood of row i, itself included, for the cluster.
/// The strength of the pull to the global T comes from neighbourhoods of rows spread evenly over
/// the data. T at all rows would be n K^2 numbers: what is returned is the column that each row's
/// label picks, and the whole of T for rows that are asked for.
///
/// @param exec     where to run
/// @param truth    n, a stand-in for the true class, 0..K-1, negative where there is none: the
///                 guess of transition::confident_joint, the label of transition::bayes_label
/// @param X        n x d features; or n x k row numbers, each row's neighbours, itself left out,
///                 from any search
/// @param y        n, given labels 0..K-1
/// @param classes  K >= 1
/// @param options  per_neighbourhood_options
/// @return  per_neighbourhood_result
/// @throws  input_error  for shapes, options outside their intervals, features not finite or zero
///                       under cosine, neighbours that are no other rows, labels out of range
/// @par Complexity   neighbours O(n^2 d / 2), then O(n (k + K)) time and 2 n K doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       as transition::per_cluster
struct per_neighbourhood_fn {
  using primitives =
      uses<ops::nearest_fn, ops::first_row_fn, ops::for_rows_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, label_vector Z, class M, label_vector L>
    requires(real_matrix<M> || detail::index_matrix<M>)
  per_neighbourhood_result operator()(Exec const& exec, Z const& truth, M const& X, L const& y,
                                      std::size_t classes,
                                      per_neighbourhood_options const& options = {}) const {
    limpid::detail::enter<per_neighbourhood_fn, Exec, Z, M, L>();
    auto&& held_truth = limpid::detail::materialise(truth);
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    vector_view<value_t<Z> const, S> const z = limpid::view(held_truth);
    matrix_view<value_t<M> const, S> const x = limpid::view(held_x);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    if constexpr (real_number<value_t<M>>)
      return of_features(exec, z, x, given, classes, options);
    else
      return of_neighbours(exec, z, x, given, classes, options);
  }

  template <label_vector Z, class M, label_vector L>
    requires(real_matrix<M> || detail::index_matrix<M>)
  per_neighbourhood_result operator()(Z const& truth, M const& X, L const& y, std::size_t classes,
                                      per_neighbourhood_options const& options = {}) const {
    return (*this)(default_policy, truth, X, y, classes, options);
  }

 private:
  static constexpr char const* where = "transition::per_neighbourhood";

  template <class Exec, class Z, class T, class L, memory_space S>
  static per_neighbourhood_result of_features(Exec const& exec, vector_view<Z const, S> z,
                                              matrix_view<T const, S> x,
                                              vector_view<L const, S> given, std::size_t classes,
                                              per_neighbourhood_options const& options) {
    std::size_t const n = x.rows;
    detail::check_features(exec, where, x, options.local.validate,
                           options.distance == metric::cosine);
    limpid::detail::require(options.neighbours >= 2 && options.neighbours <= n, where,
                            "options.neighbours is ", options.neighbours, "; need 2..", n);
    check(n, "X", z.size, given.size, classes, options);
    auto const known = ops::check_labels(exec, where, "truth", z, classes, true);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    std::size_t const k = options.neighbours - 1;
    auto const index = ops::make_buffer<std::uint32_t>(exec, n * k);
    auto const distance = ops::make_buffer<double>(exec, n * k);
    if (!ops::nearest(exec, x, x, k, index.view(n, k), distance.view(n, k),
                      {.distance = options.distance,
                       .exclude_self = true,
                       .on_progress = options.on_progress ? &options.on_progress : nullptr})) {
      per_neighbourhood_result r;
      r.stopped = true;
      return r;
    }
    return run(exec, matrix_view<std::uint32_t const, S>(index.view(n, k)), known.view(),
               labels.view(), classes, options);
  }

  template <class Exec, class Z, class Index, class L, memory_space S>
  static per_neighbourhood_result of_neighbours(Exec const& exec, vector_view<Z const, S> z,
                                                matrix_view<Index const, S> index,
                                                vector_view<L const, S> given, std::size_t classes,
                                                per_neighbourhood_options const& options) {
    limpid::detail::require(index.rows >= 1 && index.cols >= 1, where, "neighbours is ", index.rows,
                            " x ", index.cols, "; need at least one row and one column");
    if (options.local.validate) {
      auto const fault =
          ops::first_row(exec, index.rows, detail::any_neighbour_fault<Index, S>{index});
      limpid::detail::require(
          !fault.code, where, "neighbours row ", fault.row,
          fault.code == 1 ? " has an entry that is no row number" : " names the row itself");
    }
    check(index.rows, "neighbours", z.size, given.size, classes, options);
    auto const known = ops::check_labels(exec, where, "truth", z, classes, true);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    return run(exec, index, known.view(), labels.view(), classes, options);
  }

  static void check(std::size_t n, char const* name, std::size_t n_truth, std::size_t n_y,
                    std::size_t classes, per_neighbourhood_options const& options) {
    detail::check_local(where, classes, options.local);
    limpid::detail::require(options.centres >= 1, where, "options.centres is 0; need at least 1");
    for (std::size_t row : options.whole)
      limpid::detail::require(row < n, where, "options.whole holds ", row, "; there are ", n,
                              " rows");
    ops::check_rows(where, name, n, "truth", n_truth);
    ops::check_rows(where, name, n, "y", n_y);
  }

  /// Tables of some rows, one behind the other.
  template <class Exec, class Index, memory_space S>
  static matrix<double> tables(Exec const& exec, matrix_view<Index const, S> index,
                               vector_view<std::int32_t const, S> truth,
                               vector_view<std::int32_t const, S> y,
                               std::vector<std::uint64_t> const& rows, std::size_t classes) {
    std::size_t const cells = classes * classes;
    auto const chosen =
        ops::upload(exec, vector_view<std::uint64_t const>(rows.data(), rows.size()));
    auto const table = ops::make_buffer<double>(exec, rows.size() * cells);
    ops::for_rows(exec, rows.size(),
                  detail::neighbourhood_table<Index, S>{index, truth, y, chosen.view(), classes,
                                                        table.view(rows.size(), cells)});
    return ops::download(exec, table.view(rows.size(), cells));
  }

  template <class Exec, class Index, memory_space S>
  static per_neighbourhood_result run(Exec const& exec, matrix_view<Index const, S> index,
                                      vector_view<std::int32_t const, S> truth,
                                      vector_view<std::int32_t const, S> y, std::size_t classes,
                                      per_neighbourhood_options const& options) {
    std::size_t const n = index.rows;
    per_neighbourhood_result r;
    r.global = detail::rows_of_counts(ops::count_pairs(exec, truth, y, classes, classes),
                                      r.class_estimated);
    if (!options.local.global.empty()) r.global = options.local.global;
    r.strength = vector<double>(options.local.strength);
    if (options.local.strength.empty()) {
      std::size_t const fit = (std::size_t{1} << 24) / (classes * classes);  // 128 MB of tables
      std::size_t count = options.centres < n ? options.centres : n;
      count = count < fit ? count : fit > 0 ? fit : 1;
      std::vector<std::uint64_t> rows(count);
      for (std::size_t c = 0; c < count; ++c) rows[c] = c * n / count;
      auto const found = tables(exec, index, truth, y, rows, classes);
      r.strength = vector<double>(classes);
      for (std::size_t k = 0; k < classes; ++k)
        r.strength[k] = detail::best_strength(&found(0, k * classes), count, classes * classes,
                                              &r.global(k, 0), classes);
    }
    auto const global = ops::upload(exec, std::as_const(r.global).view());
    auto const strength = ops::upload(exec, std::as_const(r.strength).view());
    auto const scratch = ops::make_buffer<double>(exec, n * classes);
    auto const out = ops::make_buffer<double>(exec, n * classes);
    ops::for_rows(exec, n,
                  detail::neighbourhood_column<Index, S>{
                      index, truth, y, global.view(classes, classes), strength.view(),
                      scratch.view(n, classes), out.view(n, classes)});
    r.likelihood = ops::download(exec, out.view(n, classes));
    if (options.whole.empty()) return r;
    std::vector<std::uint64_t> const whole(options.whole.begin(), options.whole.end());
    auto const found = tables(exec, index, truth, y, whole, classes);
    r.transitions = matrix<double>(whole.size() * classes, classes);
    for (std::size_t w = 0; w < whole.size(); ++w)
      for (std::size_t k = 0; k < classes; ++k)
        detail::shrink_row(&found(w, k * classes), &r.global(k, 0), classes, r.strength[k],
                           &r.transitions(w * classes + k, 0));
    return r;
  }
};
inline constexpr per_neighbourhood_fn per_neighbourhood{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_PER_NEIGHBOURHOOD_HPP
