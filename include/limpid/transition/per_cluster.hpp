// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/per_cluster.hpp
/// A T for each cluster of rows, as far from the global one as its own counts allow.
#ifndef LIMPID_TRANSITION_PER_CLUSTER_HPP
#define LIMPID_TRANSITION_PER_CLUSTER_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/shrink_rows.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace limpid::transition {

using per_cluster_options = local_options;

/// K classes, C clusters.
struct per_cluster_result {
  matrix<double> global;       ///< K x K, (i, j) = P(given j | true i), of all rows or as given
  matrix<double> transitions;  ///< C K x K: rows cK to cK + K - 1 are the T of cluster c
  matrix<double> counts;       ///< C K x K, true x given, in the same order
  vector<double> strength;  ///< K, counts that the global row weighs; infinite: no cluster differs
  vector<double> rows;      ///< C, rows that counted
  vector<std::uint8_t> class_estimated;  ///< K, 0: no row counts as class k: identity, unless given
  matrix<std::uint8_t> class_seen;  ///< C x K, 0: the cluster has no row of class k: global row

  std::size_t clusters() const { return rows.size(); }
  matrix_view<double const> transition(std::size_t c) const {
    return transitions.view().row_block(c * transitions.cols(), (c + 1) * transitions.cols());
  }
};

namespace detail {

/// Cluster and class as one number; -1 where either is missing.
template <memory_space S>
struct join_cluster {
  vector_view<std::int32_t const, S> cluster, truth;
  std::int32_t classes;
  vector_view<std::int32_t, S> both;
  LIMPID_HD void operator()(std::size_t i) const {
    both[i] = truth[i] < 0 || cluster[i] < 0 ? -1 : cluster[i] * classes + truth[i];
  }
};

/// sum_rows: posteriors of the true class, by cluster and given label.
template <class T, memory_space S>
struct add_posterior {
  matrix_view<T const, S> q;
  vector_view<std::int32_t const, S> cluster, y;
  LIMPID_HD void operator()(std::size_t i, double* cells) const {
    if (cluster[i] < 0) return;
    std::size_t const from = static_cast<std::size_t>(cluster[i]) * q.cols;
    for (std::size_t k = 0; k < q.cols; ++k)
      cells[(from + k) * q.cols + static_cast<std::size_t>(y[i])] += static_cast<double>(q(i, k));
  }
};

}  // namespace detail

/// Estimates T in each of the clusters that the rows fall into.
///
/// \f$ T_c(k, \cdot) = (N_c(k, \cdot) + \tau_k T(k, \cdot)) / (n_{ck} + \tau_k) \f$: the cluster's
/// counts of class k, true x given, with \f$ \tau_k \f$ counts of the global row. \f$ \tau_k \f$
/// makes the clusters' counts most probable if their rows of T are Dirichlet draws about the global
/// one: \f$ \max_\tau \sum_c \log \mathrm{DirMult}(N_c(k, \cdot); \tau T(k, \cdot)) \f$.
///
/// @param exec      where to run
/// @param truth     n, a stand-in for the true class, 0..K-1, negative where there is none: the
///                  guess of transition::confident_joint, whose thresholds are those of all rows
///                  (thresholds of a cluster's own could not be compared). Or n x K, P(true = k |
///                  x_i, y_i), whose probabilities count as parts of rows
/// @param cluster   n, 0..C-1; a negative one leaves the row out
/// @param y         n, given labels 0..K-1
/// @param classes   K >= 1
/// @param clusters  C >= 1
/// @param options   local_options
/// @return  per_cluster_result
/// @throws  input_error  for shapes, options outside their intervals, labels or clusters out of
///                       range, rows of truth that are no distributions
/// @par Complexity   O(n + C K^2) time, O(n K) with posteriors; C K^2 doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       T. Minka, "Estimating a Dirichlet distribution", 2000, section 2 (the
///                   evidence); regions as in Z. Zhu, Y. Song, Y. Liu, ICML 2021, section 4.3
struct per_cluster_fn {
  using primitives = uses<ops::first_row_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, label_vector Z, label_vector C, label_vector L>
  per_cluster_result operator()(Exec const& exec, Z const& truth, C const& cluster, L const& y,
                                std::size_t classes, std::size_t clusters,
                                per_cluster_options const& options = {}) const {
    limpid::detail::enter<per_cluster_fn, Exec, Z, C, L>();
    auto&& held_truth = limpid::detail::materialise(truth);
    auto&& held_cluster = limpid::detail::materialise(cluster);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    vector_view<value_t<Z> const, S> const z = limpid::view(held_truth);
    vector_view<value_t<C> const, S> const at = limpid::view(held_cluster);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return run(exec, z, at, given, classes, clusters, options);
  }

  template <execution_policy Exec, real_matrix M, label_vector C, label_vector L>
  per_cluster_result operator()(Exec const& exec, M const& truth, C const& cluster, L const& y,
                                std::size_t classes, std::size_t clusters,
                                per_cluster_options const& options = {}) const {
    limpid::detail::enter<per_cluster_fn, Exec, M, C, L>();
    auto&& held_truth = limpid::detail::materialise(truth);
    auto&& held_cluster = limpid::detail::materialise(cluster);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const q = limpid::view(held_truth);
    vector_view<value_t<C> const, S> const at = limpid::view(held_cluster);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return run(exec, q, at, given, classes, clusters, options);
  }

  template <class Z, label_vector C, label_vector L>
    requires(label_vector<Z> || real_matrix<Z>)
  per_cluster_result operator()(Z const& truth, C const& cluster, L const& y, std::size_t classes,
                                std::size_t clusters,
                                per_cluster_options const& options = {}) const {
    return (*this)(default_policy, truth, cluster, y, classes, clusters, options);
  }

 private:
  static constexpr char const* where = "transition::per_cluster";

  template <class Exec, class Z, class C, class L, memory_space S>
  static per_cluster_result run(Exec const& exec, vector_view<Z const, S> z,
                                vector_view<C const, S> at, vector_view<L const, S> given,
                                std::size_t classes, std::size_t clusters,
                                per_cluster_options const& options) {
    check(z.size, at.size, given.size, classes, clusters, options);
    auto const clusters_of = ops::check_labels(exec, where, "cluster", at, clusters, true);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    auto const known = ops::check_labels(exec, where, "truth", z, classes, true);
    auto const both = ops::make_buffer<std::int32_t>(exec, z.size);
    ops::for_rows(exec, z.size,
                  detail::join_cluster<S>{clusters_of.view(), known.view(),
                                          static_cast<std::int32_t>(classes), both.view()});
    per_cluster_result r;
    r.counts = ops::count_pairs(exec, vector_view<std::int32_t const, S>(both.view()),
                                labels.view(), clusters * classes, classes);
    shrink(r, clusters, options);
    return r;
  }

  template <class Exec, class T, class C, class L, memory_space S>
  static per_cluster_result run(Exec const& exec, matrix_view<T const, S> q,
                                vector_view<C const, S> at, vector_view<L const, S> given,
                                std::size_t classes, std::size_t clusters,
                                per_cluster_options const& options) {
    limpid::detail::require(q.cols == classes, where, "truth has ", q.cols, " columns; need ",
                            classes, ", one per class");
    check(q.rows, at.size, given.size, classes, clusters, options);
    auto const clusters_of = ops::check_labels(exec, where, "cluster", at, clusters, true);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    if (options.validate) ops::check_distributions(exec, where, "truth", q);
    auto const cells =
        ops::sum_rows(exec, q.rows, clusters * classes * classes,
                      detail::add_posterior<T, S>{q, clusters_of.view(), labels.view()});
    per_cluster_result r;
    r.counts = matrix<double>(clusters * classes, classes);
    for (std::size_t c = 0; c < cells.size(); ++c) r.counts.data()[c] = cells[c];
    shrink(r, clusters, options);
    return r;
  }

  static void check(std::size_t n, std::size_t n_cluster, std::size_t n_y, std::size_t classes,
                    std::size_t clusters, per_cluster_options const& options) {
    detail::check_local(where, classes, options);
    limpid::detail::require(clusters >= 1 && clusters <= 2147483647 / classes, where,
                            "clusters is ", clusters,
                            "; need at least 1, and fewer than 2^31 classes times clusters");
    ops::check_rows(where, "truth", n, "cluster", n_cluster);
    ops::check_rows(where, "truth", n, "y", n_y);
  }

  static void shrink(per_cluster_result& r, std::size_t clusters,
                     per_cluster_options const& options) {
    std::size_t const classes = r.counts.cols();
    matrix<double> all(classes, classes);
    r.rows = vector<double>(clusters);
    r.class_seen = matrix<std::uint8_t>(clusters, classes);
    for (std::size_t c = 0; c < clusters; ++c)
      for (std::size_t k = 0; k < classes; ++k)
        for (std::size_t j = 0; j < classes; ++j) {
          double const n = r.counts(c * classes + k, j);
          all(k, j) += n;
          r.rows[c] += n;
          if (n > 0) r.class_seen(c, k) = 1;
        }
    r.global = detail::rows_of_counts(all, r.class_estimated);
    if (!options.global.empty()) r.global = options.global;
    r.transitions = matrix<double>(clusters * classes, classes);
    r.strength = vector<double>(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      r.strength[k] = !options.strength.empty()
                          ? options.strength[k]
                          : detail::best_strength(&r.counts(k, 0), clusters, classes * classes,
                                                  &r.global(k, 0), classes);
      for (std::size_t c = 0; c < clusters; ++c)
        detail::shrink_row(&r.counts(c * classes + k, 0), &r.global(k, 0), classes, r.strength[k],
                           &r.transitions(c * classes + k, 0));
    }
  }
};
inline constexpr per_cluster_fn per_cluster{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_PER_CLUSTER_HPP
