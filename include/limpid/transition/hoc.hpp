// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/hoc.hpp
/// T from neighbours' labels, without anchors and without a classifier.
#ifndef LIMPID_TRANSITION_HOC_HPP
#define LIMPID_TRANSITION_HOC_HPP

#include <limpid/core/random.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/transition/three_views.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

namespace detail {

template <class T, memory_space S>
struct zero_row {
  matrix_view<T const, S> x;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < x.cols; ++c)
      if (x(i, c) != 0) return 0;
    return 1;
  }
};

/// Codes: 1 no row number, 2 the row itself, 3 twice the same.
template <class Index, memory_space S>
struct neighbour_fault {
  matrix_view<Index const, S> index;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < 2; ++c) {
      Index const j = index(i, c);
      if (j < 0 || static_cast<std::uint64_t>(j) >= index.rows) return 1;
      if (static_cast<std::uint64_t>(j) == i) return 2;
    }
    return index(i, 0) == index(i, 1) ? 3 : 0;
  }
};

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

/// `count` of the rows 0..n-1 without replacement, by the first steps of a Fisher-Yates shuffle.
inline vector<std::uint32_t> draw_rows(std::size_t n, std::size_t count, random_stream draws) {
  std::vector<std::uint32_t> all(n);
  for (std::size_t i = 0; i < n; ++i) all[i] = static_cast<std::uint32_t>(i);
  for (std::size_t i = 0; i < count; ++i)
    std::swap(all[i], all[i + static_cast<std::size_t>(draws.below(n - i))]);
  all.resize(count);
  return vector<std::uint32_t>(std::move(all));
}

}  // namespace detail

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
/// @param classes  K, 1..200: the triples take K^3 doubles
/// @param options  hoc_options; distance, rounds, subset and seed matter for features only
/// @return  consensus_result
/// @throws  input_error  for shapes, options outside their intervals, features not finite or zero
///                       under cosine, neighbours that are no other rows, labels out of range
/// @par Complexity   neighbours O(rounds m^2 d) for m rows, then O(n + K^3), then O(K min(n, K^3 /
///                   6)) per iteration
/// @par Determinism  bitwise for any number of threads; equal distances go to the lower row; a
///                   duplicate of a row is its neighbour
/// @par Source       Z. Zhu, Y. Song, Y. Liu, "Clusterability as an alternative to anchor points
///                   when learning with noisy labels", ICML 2021, Algorithm 1; the solver is
///                   maximum likelihood instead of its moment match
struct hoc_fn {
  using primitives =
      uses<ops::nearest_fn, ops::first_row_fn, ops::for_rows_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  consensus_result operator()(Exec const& exec, M const& X, L const& y, std::size_t classes,
                              hoc_options const& options = {}) const {
    limpid::detail::enter<hoc_fn, Exec, M, L>();
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const x = limpid::view(held_x);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    using limpid::detail::require;
    std::size_t const n = x.rows;
    check(options, classes);
    require(n >= 3 && x.cols > 0, where, "X is ", n, " x ", x.cols,
            "; need at least three rows and one column");
    require(options.subset == 0 || (options.subset >= 3 && options.subset <= n), where,
            "options.subset is ", options.subset, "; need 3..", n, ", or 0 for all rows");
    ops::check_rows(where, "X", n, "y", given.size);
    if (options.validate) {
      ops::check_finite(exec, where, "X", x);
      auto const zero = options.distance == metric::cosine
                            ? ops::first_row(exec, n, detail::zero_row<value_t<M>, S>{x})
                            : ops::row_fault{};
      require(!zero.code, where, "X row ", zero.row, " is zero; the cosine to it is not defined");
    }
    auto const labels = ops::check_labels(exec, where, "y", given, classes);

    consensus_result r;
    r.c3 = matrix<double>(classes, classes * classes);
    for (std::size_t round = 0; round < options.rounds; ++round) {
      progress part;
      if (options.on_progress)
        part = [&](double f) {
          return options.on_progress(0.9 * (static_cast<double>(round) + f) /
                                     static_cast<double>(options.rounds));
        };
      if (!count_round(exec, x, labels.view(), round, options, part, r.c3))
        return unfinished(std::move(r));
    }
    return solve(std::move(r), options);
  }

  template <execution_policy Exec, detail::index_matrix M, label_vector L>
  consensus_result operator()(Exec const& exec, M const& neighbours, L const& y,
                              std::size_t classes, hoc_options const& options = {}) const {
    limpid::detail::enter<hoc_fn, Exec, M, L>();
    auto&& held_index = limpid::detail::materialise(neighbours);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const index = limpid::view(held_index);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    using limpid::detail::require;
    check(options, classes);
    require(options.rounds == 1 && options.subset == 0, where,
            "options.rounds and options.subset need features; neighbours are given");
    require(index.rows >= 3 && index.cols >= 2, where, "neighbours is ", index.rows, " x ",
            index.cols, "; need at least three rows and two columns");
    ops::check_rows(where, "neighbours", index.rows, "y", given.size);
    if (options.validate) {
      auto const fault =
          ops::first_row(exec, index.rows, detail::neighbour_fault<value_t<M>, S>{index});
      require(!fault.code, where, "neighbours row ", fault.row,
              fault.code == 1   ? " has an entry that is no row number"
              : fault.code == 2 ? " names the row itself"
                                : " names one row twice");
    }
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    consensus_result r;
    r.c3 = matrix<double>(classes, classes * classes);
    add_counts(exec, index, labels.view(), r.c3);
    return solve(std::move(r), options);
  }

  template <class M, label_vector L>
  requires(real_matrix<M> || detail::index_matrix<M>) consensus_result operator()(
      M const& X, L const& y, std::size_t classes, hoc_options const& options = {}) const {
    return (*this)(default_policy, X, y, classes, options);
  }

 private:
  static constexpr char const* where = "transition::hoc";

  static void check(hoc_options const& options, std::size_t classes) {
    detail::check_classes(where, classes);
    detail::check_options(where, options.solver);
    limpid::detail::require(options.rounds >= 1, where, "options.rounds is 0; need at least 1");
  }

  template <class Exec, class Index, memory_space S>
  static void add_counts(Exec const& exec, matrix_view<Index const, S> index,
                         vector_view<std::int32_t const, S> y, matrix<double>& c3) {
    std::size_t const classes = c3.rows();
    auto const both = ops::make_buffer<std::int32_t>(exec, y.size);
    ops::for_rows(
        exec, y.size,
        detail::neighbour_labels<Index, S>{index, y, static_cast<std::int32_t>(classes), both.view()});
    auto const counts = ops::count_pairs(exec, y, vector_view<std::int32_t const, S>(both.view()),
                                         classes, classes * classes);
    for (std::size_t c = 0; c < classes * classes * classes; ++c) c3.data()[c] += counts.data()[c];
  }

  /// False if progress asked to stop.
  template <class Exec, class T, memory_space S>
  static bool count_round(Exec const& exec, matrix_view<T const, S> x,
                          vector_view<std::int32_t const, S> y, std::size_t round,
                          hoc_options const& options, progress const& part, matrix<double>& c3) {
    if (options.subset && options.subset < x.rows) {
      std::size_t const m = options.subset;
      auto const rows = detail::draw_rows(x.rows, m, random_stream(options.seed, 0, round));
      auto const chosen = ops::upload(exec, rows.view());
      auto const some_x = ops::make_buffer<T>(exec, m * x.cols);
      auto const some_y = ops::make_buffer<std::int32_t>(exec, m);
      ops::gather_rows(exec, x, chosen.view(), some_x.view(m, x.cols));
      ops::gather_rows(exec, y, chosen.view(), some_y.view());
      return count_all(exec, matrix_view<T const, S>(some_x.view(m, x.cols)),
                       vector_view<std::int32_t const, S>(some_y.view()), options.distance, part,
                       c3);
    }
    return count_all(exec, x, y, options.distance, part, c3);
  }

  template <class Exec, class T, memory_space S>
  static bool count_all(Exec const& exec, matrix_view<T const, S> x,
                        vector_view<std::int32_t const, S> y, metric distance, progress const& part,
                        matrix<double>& c3) {
    auto const index = ops::make_buffer<std::uint32_t>(exec, 2 * x.rows);
    auto const distances = ops::make_buffer<double>(exec, 2 * x.rows);
    ops::nearest_options const search{
        .distance = distance, .exclude_self = true, .on_progress = part ? &part : nullptr};
    if (!ops::nearest(exec, x, x, 2, index.view(x.rows, 2), distances.view(x.rows, 2), search))
      return false;
    add_counts(exec, matrix_view<std::uint32_t const, S>(index.view(x.rows, 2)), y, c3);
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
