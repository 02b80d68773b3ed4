// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/total_variation.hpp
/// T without anchor points: the one whose removal sets the rows farthest apart.
#ifndef LIMPID_TRANSITION_TOTAL_VARIATION_HPP
#define LIMPID_TRANSITION_TOTAL_VARIATION_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/transition/detail/enclosing_simplex.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace limpid::transition {

struct total_variation_options {
  /// on the mean distance of rows outside, per face; > 0. Infinite: no row may be outside, which is
  /// for posteriors without error
  double penalty = 5;
  std::size_t pairs = 20000;  ///< drawn to measure distances; all n^2 where these are no more; >= 1
  int max_rounds = 50;        ///< linear programmes where penalty is infinite; >= 1
  std::size_t max_rows = 20000;  ///< that a finite penalty is searched on, spread over all; >= 1
  std::uint64_t seed = 0;        ///< of pairs and rows
  bool validate = true;          ///< check that rows of P are distributions
  progress on_progress = {};     ///< told the share of rounds done; false stops
};

using total_variation_result = enclosing_simplex_result;

/// Estimates T from posteriors of the given label whose clean counterparts reach every face of the
/// simplex.
///
/// Mixing by T brings distributions closer, \f$ \tfrac12 |pT - qT|_1 \le \tfrac12 |p - q|_1 \f$: of
/// all T that the rows of P can have passed through, the right one leaves the clean posteriors
/// farthest apart. With \f$ Q = T^{-1} \f$, \f$ \max \mathrm{mean}_{ab} \tfrac12 |(p_a - p_b) Q|_1
/// \f$ over pairs of rows subject to \f$ P Q \ge 0, Q 1 = 1 \f$. It is convex: with an infinite
/// penalty every linear programme along the gradient climbs, and they end at a vertex; a finite one
/// is as in minimum_volume, whose conditions are these too. From Q = I: a local maximum.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i), calibrated: probabilities, not logits; n, K >= 1
/// @param y        n, given labels 0..K-1: they name the classes, else where the search began does
/// @param options  total_variation_options
/// @return  total_variation_result; look at `outside_share` and `independence`
/// @throws  input_error  for an empty P, options outside their intervals, rows that are no
///                       distributions, labels, K > 32 with an infinite penalty
/// @par Complexity   O((m + pairs) K^2) per step, some hundreds, m = min(n, max_rows); infinite
///                   penalty: O((n + pairs) K^2) per pass, a few dozen, and O(K^4) per pivot
/// @par Determinism  bitwise for any number of threads; pairs are keyed by seed and number
/// @par Source       Y. Zhang, G. Niu, M. Sugiyama, "Learning noise transition matrix from only
///                   noisy labels via total variation regularization", ICML 2021 (with a network
///                   and its loss in place of the given P; T's update: dirichlet_update)
struct total_variation_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::arg_max_columns_fn, ops::gather_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  total_variation_result operator()(Exec const& exec, M const& P,
                                    total_variation_options const& options = {}) const {
    limpid::detail::enter<total_variation_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(P);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held);
    check(exec, p, options);
    return run(exec, p, vector_view<std::int32_t const, Exec::space>{}, options);
  }
  template <execution_policy Exec, real_matrix M, label_vector L>
  total_variation_result operator()(Exec const& exec, M const& P, L const& y,
                                    total_variation_options const& options = {}) const {
    limpid::detail::enter<total_variation_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    check(exec, p, options);
    ops::check_rows(where, "P", p.rows, "y", given.size);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return run(exec, p, labels.view(), options);
  }
  template <real_matrix M>
  total_variation_result operator()(M const& P, total_variation_options const& options = {}) const {
    return (*this)(default_policy, P, options);
  }
  template <real_matrix M, label_vector L>
  total_variation_result operator()(M const& P, L const& y,
                                    total_variation_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  static constexpr std::string_view where = "transition::total_variation";

  template <class Exec, class T, memory_space S>
  static void check(Exec const& exec, matrix_view<T const, S> p, total_variation_options const& o) {
    using limpid::detail::require;
    require(p.rows > 0 && p.cols > 0, where, "P is ", p.rows, " x ", p.cols,
            "; need at least one row and one class");
    require(o.penalty > 0, where, "options.penalty is ", o.penalty, "; need more than 0");
    require(o.penalty < std::numeric_limits<double>::infinity() || p.cols <= 32, where,
            "options.penalty is infinite with ", p.cols, " classes; need 32 at most");
    require(o.pairs >= 1, where, "options.pairs is 0; need at least 1");
    require(o.max_rounds >= 1, where, "options.max_rounds is ", o.max_rounds, "; need at least 1");
    require(o.max_rows >= 1, where, "options.max_rows is 0; need at least 1");
    if (o.validate) ops::check_distributions(exec, where, "P", p);
  }

  template <class Exec, class T, memory_space S>
  static total_variation_result run(Exec const& exec, matrix_view<T const, S> p,
                                    vector_view<std::int32_t const, S> y,
                                    total_variation_options const& o) {
    std::size_t const all = p.rows < 100000 ? p.rows * p.rows : o.pairs;
    detail::enclosing::search<Exec, T> search(
        exec, p, detail::enclosing::aim::distance,
        {o.penalty, o.max_rounds, o.max_rows, (std::min)(o.pairs, all), o.seed, &o.on_progress});
    return search.run(y);
  }
};
inline constexpr total_variation_fn total_variation{};

/// The concentrations of T's rows after a batch, as in the paper's code: keep A + add N, N the
/// batch's counts, guessed true class x given label. T is the rows' mean.
inline matrix<double> dirichlet_update(matrix<double> const& concentration,
                                       matrix<double> const& counts, double keep = 0.999,
                                       double add = 0.01) {
  limpid::detail::require(
      concentration.rows() == counts.rows() && concentration.cols() == counts.cols(),
      "transition::dirichlet_update", "concentration is ", concentration.rows(), " x ",
      concentration.cols(), ", counts is ", counts.rows(), " x ", counts.cols());
  matrix<double> next = concentration;
  for (std::size_t c = 0; c < counts.rows() * counts.cols(); ++c)
    next.data()[c] = keep * next.data()[c] + add * counts.data()[c];
  return next;
}

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_TOTAL_VARIATION_HPP
