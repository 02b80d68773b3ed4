// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/hoc.hpp
/// T from neighbours' labels, without anchors and without a classifier.
#ifndef LIMPID_TRANSITION_HOC_HPP
#define LIMPID_TRANSITION_HOC_HPP

#include <limpid/transition/detail/consensus_counts.hpp>
#include <limpid/transition/detail/row_weights.hpp>
#include <limpid/transition/three_views.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace limpid::transition {

struct hoc_options {
  metric distance = metric::cosine;  ///< of the features, which are neither centred nor scaled
  std::size_t rounds = 1;            ///< consensus counts averaged over this many subsets; >= 1
  std::size_t subset = 0;  ///< rows of a subset, drawn without replacement; neighbours are sought
                           ///< inside it. 0: all rows; else 3..n
  std::uint64_t seed = 0;  ///< of the subsets
  consensus_options solver = {};
  progress on_progress = {};  ///< the search for neighbours is 0 to 0.9, the solver the rest
  bool validate = true;       ///< check that features are finite (cosine: and no row is zero),
                              ///< neighbours are row numbers
};

/// Estimates T and the prior from the labels of each row and its two nearest neighbours ("HOC":
/// high-order consensus).
///
/// Where a row and its two nearest share one true class, their three labels are three independent
/// draws of that class's row of T: see transition::three_views for the model and its solver.
/// Nothing is learnt from the data but who is near whom; `agreement` far below what T implies, \f$
/// \sum_{ij} p_i T_{ij}^3 \f$, says that neighbours differ in class.
///
/// @param exec     where to run
/// @param X        n x d features, n >= 3; or n x k row numbers, k >= 2, of which the first two
///                 columns are read: the nearest and the second nearest row of each row, from any
///                 search
/// @param y        n, given labels 0..K-1
/// @param weights  n >= 0, not all 0: what the triple of a row counts. None: all 1
/// @param classes  K, 1..200: the triples take K^3 doubles
/// @param options  hoc_options; distance, rounds, subset and seed matter for features only
/// @return  consensus_result
/// @throws  input_error  for shapes, options outside their intervals, features not finite or zero
///                       under cosine, neighbours that are no other rows, labels out of range,
///                       weights negative, not finite or all 0
/// @par Complexity   neighbours O(min(n^2, rounds m^2) d / 2) for subsets of m rows: many subsets
///                   share one search; then O(n + K^3), then O(K min(n, K^3 / 6)) per iteration,
///                   O(K^4 / 6) with moments. Memory O(n d)
/// @par Determinism  bitwise for any number of threads; equal distances go to the lower row; a
///                   duplicate of a row is its neighbour
/// @par Source       Z. Zhu, Y. Song, Y. Liu, "Clusterability as an alternative to anchor points
///                   when learning with noisy labels", ICML 2021, Algorithm 1; the solver is
///                   maximum likelihood; consensus_method::moments is its moment match with the
///                   squares of the norms, which have no kink at the solution
struct hoc_fn {
  using primitives = uses<ops::nearest_fn, ops::first_row_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::gather_rows_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, class M, label_vector L>
    requires(real_matrix<M> || detail::index_matrix<M>)
  consensus_result operator()(Exec const& exec, M const& X, L const& y, std::size_t classes,
                              hoc_options const& options = {}) const {
    limpid::detail::enter<hoc_fn, Exec, M, L>();
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const x = limpid::view(held_x);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return of(exec, x, given, {}, classes, options);
  }
  template <execution_policy Exec, class M, label_vector L, real_vector W>
    requires(real_matrix<M> || detail::index_matrix<M>)
  consensus_result operator()(Exec const& exec, M const& X, L const& y, W const& weights,
                              std::size_t classes, hoc_options const& options = {}) const {
    limpid::detail::enter<hoc_fn, Exec, M, L, W>();
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_w = limpid::detail::materialise(weights);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const x = limpid::view(held_x);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    vector_view<value_t<W> const, S> const w = limpid::view(held_w);
    auto const kept = detail::row_weights(exec, where, "X", x.rows, w);
    double const total = ops::sum_rows(exec, x.rows, 1, detail::add_weight<S>{kept.view()})[0];
    limpid::detail::require(total > 0, where, "weights are all 0; no row counts");
    return of(exec, x, given, vector_view<double const, S>(kept.view()), classes, options);
  }

  template <class M, label_vector L>
    requires(real_matrix<M> || detail::index_matrix<M>)
  consensus_result operator()(M const& X, L const& y, std::size_t classes,
                              hoc_options const& options = {}) const {
    return (*this)(default_policy, X, y, classes, options);
  }
  template <class M, label_vector L, real_vector W>
    requires(real_matrix<M> || detail::index_matrix<M>)
  consensus_result operator()(M const& X, L const& y, W const& weights, std::size_t classes,
                              hoc_options const& options = {}) const {
    return (*this)(default_policy, X, y, weights, classes, options);
  }

 private:
  static constexpr char const* where = "transition::hoc";

  static void check(hoc_options const& options, std::size_t classes) {
    detail::check_classes(where, classes);
    detail::check_options(where, options.solver);
    limpid::detail::require(options.rounds >= 1, where, "options.rounds is 0; need at least 1");
  }

  /// Of features.
  template <class Exec, std::floating_point T, class L, memory_space S>
  static consensus_result of(Exec const& exec, matrix_view<T const, S> x,
                             vector_view<L const, S> given, vector_view<double const, S> weights,
                             std::size_t classes, hoc_options const& options) {
    using limpid::detail::require;
    std::size_t const n = x.rows;
    check(options, classes);
    detail::check_features(exec, where, x, false, false);
    require(options.subset == 0 || (options.subset >= 3 && options.subset <= n), where,
            "options.subset is ", options.subset, "; need 3..", n, ", or 0 for all rows");
    ops::check_rows(where, "X", n, "y", given.size);
    detail::check_features(exec, where, x, options.validate, options.distance == metric::cosine);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);

    consensus_result r;
    r.c3 = matrix<double>(classes, classes * classes);
    if (!count(exec, x, labels.view(), weights, options, r.c3)) return unfinished(std::move(r));
    return solve(std::move(r), options);
  }

  /// Of neighbours.
  template <class Exec, std::integral Index, class L, memory_space S>
  static consensus_result of(Exec const& exec, matrix_view<Index const, S> index,
                             vector_view<L const, S> given, vector_view<double const, S> weights,
                             std::size_t classes, hoc_options const& options) {
    using limpid::detail::require;
    check(options, classes);
    require(options.rounds == 1 && options.subset == 0, where,
            "options.rounds and options.subset need features; neighbours are given");
    require(index.rows >= 3 && index.cols >= 2, where, "neighbours is ", index.rows, " x ",
            index.cols, "; need at least three rows and two columns");
    ops::check_rows(where, "neighbours", index.rows, "y", given.size);
    if (options.validate) detail::check_neighbours(exec, where, index, 2);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    consensus_result r;
    r.c3 = matrix<double>(classes, classes * classes);
    detail::add_counts(exec, index, labels.view(), weights, r.c3);
    return solve(std::move(r), options);
  }

  /// False if progress asked to stop.
  template <class Exec, class T, memory_space S>
  static bool count(Exec const& exec, matrix_view<T const, S> x,
                    vector_view<std::int32_t const, S> y, vector_view<double const, S> weights,
                    hoc_options const& options, matrix<double>& c3) {
    std::size_t const n = x.rows, m = options.subset ? options.subset : n, rounds = options.rounds;
    auto const part = [&](std::size_t done, std::size_t of) {
      progress p;
      if (options.on_progress)
        p = [&options, done, of](double f) {
          return options.on_progress(0.9 * (static_cast<double>(done) + f) /
                                     static_cast<double>(of));
        };
      return p;
    };
    if (m == n) {  // every round is the same
      return detail::count_all(exec, x, y, weights, options.distance, part(0, 1), c3);
    }
    auto const chosen = [&](std::size_t round) {
      auto const rows = detail::draw_rows(n, m, random_stream(options.seed, 0, round));
      return ops::upload(exec, rows.view());
    };
    std::size_t const k = detail::neighbours_for_subsets(n, m, rounds);
    if (k == 0) {
      for (std::size_t round = 0; round < rounds; ++round) {
        auto const rows = chosen(round);
        if (!detail::count_subset(exec, x, y, weights,
                                  vector_view<std::uint32_t const, S>(rows.view()),
                                  options.distance, part(round, rounds), c3))
          return false;
      }
      return true;
    }
    // one search among all rows serves every subset: the nearest in it are the first in it
    auto const index = ops::make_buffer<std::uint32_t>(exec, k * n);
    auto const distances = ops::make_buffer<double>(exec, k * n);
    auto const search = part(0, 2);
    if (!ops::nearest(exec, x, x, k, index.view(n, k), distances.view(n, k),
                      {.distance = options.distance,
                       .exclude_self = true,
                       .on_progress = search ? &search : nullptr}))
      return false;
    detail::subset_counts<Exec> subsets(exec, n);
    for (std::size_t round = 0; round < rounds; ++round) {
      auto const rows = chosen(round);
      subsets.add(x, matrix_view<std::uint32_t const, S>(index.view(n, k)), y, weights,
                  vector_view<std::uint32_t const, S>(rows.view()), options.distance, c3);
      if (options.on_progress &&
          !part(1, 2)(static_cast<double>(round + 1) / static_cast<double>(rounds)))
        return false;
    }
    return true;
  }

  static consensus_result solve(consensus_result r, hoc_options const& options) {
    double rows = 0;
    std::size_t const cells = r.c3.rows() * r.c3.cols();
    for (std::size_t c = 0; c < cells; ++c) rows += r.c3.data()[c];
    for (std::size_t c = 0; c < cells; ++c) r.c3.data()[c] /= rows;
    progress part;
    if (options.on_progress) part = [&](double f) { return options.on_progress(0.9 + 0.1 * f); };
    detail::solve_consensus(r, options.solver, part);
    return r;
  }

  /// Stopped before there were counts: nothing is estimated.
  static consensus_result unfinished(consensus_result r) {
    std::size_t const classes = r.c3.rows();
    r.stopped = true;
    r.transition = matrix<double>::identity(classes);
    r.prior = vector<double>(classes, 1 / static_cast<double>(classes));
    r.c1 = vector<double>(classes);
    r.c2 = matrix<double>(classes, classes);
    r.c3 = matrix<double>(classes, classes * classes);
    r.class_estimated = vector<std::uint8_t>(classes);
    return r;
  }
};
inline constexpr hoc_fn hoc{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_HOC_HPP
