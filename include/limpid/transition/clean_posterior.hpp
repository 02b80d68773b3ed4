// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/clean_posterior.hpp
/// Probabilities of the true label: from those of the given one, and from the given label itself.
#ifndef LIMPID_TRANSITION_CLEAN_POSTERIOR_HPP
#define LIMPID_TRANSITION_CLEAN_POSTERIOR_HPP

#include <limpid/core/posterior_of.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/corrected_check.hpp>
#include <limpid/transition/detail/recover_rows.hpp>
#include <limpid/transition/invert.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace limpid::transition {

/// How p = q T is solved for the distribution q.
enum class recovery {
  least_squares,  ///< the q with q T nearest to p in squared distance; exact where p T^-1 is one
  em,             ///< the q with q T nearest to p in Kullback-Leibler divergence, by EM
  inverse         ///< p R with R as `inverse` says, moved to the nearest distribution; one T only
};

struct clean_posterior_options {
  posterior_of posteriors = posterior_of::given;
  recovery method = recovery::least_squares;  ///< not read where P is of the true label
  invert_options inverse = {};                ///< of method inverse; least_squares needs none
  std::size_t max_iterations = 5000;          ///< of least_squares and em, per row; at least 1
  double tolerance = 1e-10;                   ///< they stop where no entry moves by more; > 0
  bool validate = true;  ///< check that rows of P and T are distributions, labels in range
};

/// n rows, K classes.
struct clean_posterior_result {
  matrix<double> posterior;  ///< n x K, rows are distributions
  /// n, |q T - p|_1, 0..2: what no distribution of the true label explains; empty where P is of the
  /// true label
  vector<double> misfit;
  double mean_misfit = 0;
  /// rows with a misfit above 1e-3; many: T holds more noise than P does, or P is overconfident
  std::size_t outside = 0;
  std::size_t not_converged = 0;  ///< rows that max_iterations ended
  /// rows whose label has probability 0 given x; their posterior is q, without the label
  std::size_t impossible = 0;
  double condition =
      1;  ///< of T, where it was inverted; infinite if singular; 1 if it was not needed
};

/// The posterior of the true label.
///
/// Without labels, q = P(true | x) from p = P(given | x) = q T: p T^-1, which need be no
/// distribution where p is estimated, so that it is found among the distributions (see `method`).
/// With the given label y
///
///     P(true = k | x, y) = q_k T(k, y) / (q T)_y.
///
/// A T that is singular is no hindrance for least_squares and em; but then q is one of many: EM
/// starts from the flat one, least_squares from p.
///
/// @param exec     where to run
/// @param P        n x K, probabilities of the given or of the true label, see options.posteriors;
///                 K >= 1. One row: the classes' shares in a population
/// @param y        n, given labels 0..K-1
/// @param T        K x K, T(i, j) = P(given j | true i); or n x K*K, row i holds T(x_i) row by row
/// @param options  clean_posterior_options
/// @return  clean_posterior_result
/// @throws  input_error  for shapes, rows of P or T that are no distributions, labels, options
///                       outside their intervals; method inverse: for a T that invert refuses, or T
///                       per row; without labels: for P of the true label, which is the answer
///                       already
/// @par Complexity   O(nK^2) per iteration, about ten times T's condition number of them in
///                   least_squares; O(nK) memory
/// @par Determinism  bitwise for any number of threads
/// @par Source       EM: W. H. Richardson, 1972, L. B. Lucy, 1974; least squares by A. Beck, M.
///                   Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009, restarted
///                   after B. O'Donoghue, E. Candes, 2015
struct clean_posterior_fn {
  using primitives = uses<ops::first_row_fn, ops::fold_rows_fn, ops::for_rows_fn, ops::copy_fn>;

  /// With labels.
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N>
  clean_posterior_result operator()(Exec const& exec, M const& P, L const& y, N const& T,
                                    clean_posterior_options const& options = {}) const {
    limpid::detail::enter<clean_posterior_fn, Exec, M, L, N>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    check(exec, p, t, options);
    ops::check_rows(where, "P", p.rows, "y", given.size);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return allocate(exec, p, labels.view(), t, options);
  }
  /// Without.
  template <execution_policy Exec, real_matrix M, real_matrix N>
  clean_posterior_result operator()(Exec const& exec, M const& P, N const& T,
                                    clean_posterior_options const& options = {}) const {
    limpid::detail::enter<clean_posterior_fn, Exec, M, N>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_t = limpid::detail::materialise(T);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    check(exec, p, t, options);
    limpid::detail::require(options.posteriors == posterior_of::given, where,
                            "options.posteriors is truth: without labels P is the answer");
    return allocate(exec, p, vector_view<std::int32_t const, S>{}, t, options);
  }
  template <real_matrix M, label_vector L, real_matrix N>
  clean_posterior_result operator()(M const& P, L const& y, N const& T,
                                    clean_posterior_options const& options = {}) const {
    return (*this)(default_policy, P, y, T, options);
  }
  template <real_matrix M, real_matrix N>
  clean_posterior_result operator()(M const& P, N const& T,
                                    clean_posterior_options const& options = {}) const {
    return (*this)(default_policy, P, T, options);
  }

  /// Writes the posterior given labels into the caller's own n x K; returns the rest.
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N, writable_matrix O>
    requires real_matrix<O>
  clean_posterior_result into(Exec const& exec, M const& P, L const& y, N const& T, O&& out,
                              clean_posterior_options const& options = {}) const {
    limpid::detail::enter<clean_posterior_fn, Exec, M, L, N, O>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    matrix_view<value_t<O>, S> const to = limpid::view(out);
    check(exec, p, t, options);
    ops::check_rows(where, "P", p.rows, "y", given.size);
    limpid::detail::require(to.rows == p.rows && to.cols == p.cols, where, "out is ", to.rows,
                            " x ", to.cols, "; need ", p.rows, " x ", p.cols);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return run(exec, p, labels.view(), t, to, options);
  }

 private:
  static constexpr char const* where = "transition::clean_posterior";

  template <class Exec, class T, class N, memory_space S>
  static void check(Exec const& exec, matrix_view<T const, S> p, matrix_view<N const, S> t,
                    clean_posterior_options const& options) {
    using limpid::detail::require;
    require(p.cols > 0, where, "P has no columns; need one per class");
    detail::check_shape_of_t(where, p.rows, p.cols, t.rows, t.cols);
    require(options.max_iterations > 0, where, "options.max_iterations is 0; need at least 1");
    require(options.tolerance > 0, where, "options.tolerance is ", options.tolerance,
            "; need more than 0");
    detail::check_invert_options(where, options.inverse);
    require(options.method != recovery::inverse || t.cols == p.cols ||
                options.posteriors == posterior_of::truth,
            where, "options.method is inverse, which needs one T for all rows");
    if (!options.validate) return;
    ops::check_distributions(exec, where, "P", p);
    detail::check_transitions(exec, where, t, p.cols);
  }

  template <class Exec, class T, class N, memory_space S>
  static clean_posterior_result allocate(Exec const& exec, matrix_view<T const, S> p,
                                         vector_view<std::int32_t const, S> y,
                                         matrix_view<N const, S> t,
                                         clean_posterior_options const& options) {
    auto const out = ops::make_buffer<double>(exec, p.rows * p.cols);
    auto r = run(exec, p, y, t, out.view(p.rows, p.cols), options);
    r.posterior = ops::download(exec, out.view(p.rows, p.cols));
    return r;
  }

  template <class Exec, class T, class N, class U, memory_space S>
  static clean_posterior_result run(Exec const& exec, matrix_view<T const, S> p,
                                    vector_view<std::int32_t const, S> y, matrix_view<N const, S> t,
                                    matrix_view<U, S> out, clean_posterior_options const& options) {
    using rule = detail::recover_rule;
    std::size_t const K = p.cols;
    rule const how = options.posteriors == posterior_of::truth   ? rule::known
                     : options.method == recovery::least_squares ? rule::least_squares
                     : options.method == recovery::em            ? rule::em
                                                                 : rule::inverse;
    if (t.cols != K)
      return blocks(exec, p, y, detail::row_transition<N, S>{t, K}, matrix_view<double const, S>{},
                    how, out, options, 1);
    auto const columns = ops::make_buffer<double>(exec, K * K);
    ops::copy(exec, t.transposed(), columns.view(K, K));
    detail::class_transition<S> const transition{columns.view(K, K)};
    matrix<double> inverse;
    double condition = 1;
    if (how == rule::inverse || how == rule::least_squares) {
      invert_options choice = how == rule::inverse ? options.inverse : invert_options{};
      choice.singular_values = false;
      auto inverted =
          how == rule::inverse
              ? detail::invert_or_throw(where, detail::inversion::on_host(exec, t), choice)
              : detail::invert_on_host(detail::inversion::on_host(exec, t), choice);
      condition = inverted.condition;
      inverse = std::move(inverted.inverse);
    }
    auto const on_exec = ops::upload(exec, std::as_const(inverse).view());
    return blocks(exec, p, y, transition,
                  inverse.empty() ? matrix_view<double const, S>{}
                                  : matrix_view<double const, S>(on_exec.view(K, K)),
                  how, out, options, condition);
  }

  template <class Exec, class T, class U, class Transition, memory_space S>
  static clean_posterior_result blocks(Exec const& exec, matrix_view<T const, S> p,
                                       vector_view<std::int32_t const, S> y,
                                       Transition const& transition,
                                       matrix_view<double const, S> inverse,
                                       detail::recover_rule how, matrix_view<U, S> out,
                                       clean_posterior_options const& options, double condition) {
    std::size_t const n = p.rows, K = p.cols, most = 16 * ops::detail::row_tile,
                      block = n < most ? n : most;
    auto const scratch = ops::make_buffer<double>(exec, block * 5 * K);
    auto const misfit = ops::make_buffer<double>(exec, how == detail::recover_rule::known ? 0 : n);
    detail::recover_state total;
    for (std::size_t first = 0; first < n; first += block) {
      std::size_t const rows = n - first < block ? n - first : block;
      auto const part =
          ops::fold_rows(exec, rows, detail::recover_state{},
                         detail::recover_row<T, U, Transition, S>{
                             p, y, transition, inverse, how, first, options.max_iterations,
                             options.tolerance, out, misfit.view(), scratch.view(block, 5 * K)},
                         detail::merge_recovered{});
      detail::merge_recovered{}(total, part);
    }
    clean_posterior_result r;
    r.misfit = ops::download(exec, misfit.view());
    r.mean_misfit = n ? total.misfit / static_cast<double>(n) : 0.0;
    r.outside = total.outside;
    r.not_converged = total.not_converged;
    r.impossible = total.impossible;
    r.condition = condition;
    return r;
  }
};
inline constexpr clean_posterior_fn clean_posterior{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_CLEAN_POSTERIOR_HPP
