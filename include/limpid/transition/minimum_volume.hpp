// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/minimum_volume.hpp
/// T without anchor points: the smallest simplex that holds the posteriors.
#ifndef LIMPID_TRANSITION_MINIMUM_VOLUME_HPP
#define LIMPID_TRANSITION_MINIMUM_VOLUME_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/transition/detail/enclosing_simplex.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace limpid::transition {

struct minimum_volume_options {
  /// on the mean distance of rows outside, per face; > 0. Infinite: no row may be outside, which is
  /// for posteriors without error
  double penalty = 30;
  int max_rounds = 50;           ///< linear programmes where penalty is infinite; >= 1
  std::size_t max_rows = 20000;  ///< that a finite penalty is searched on, spread over all; >= 1
  std::uint64_t seed = 0;        ///< of their choice
  bool validate = true;          ///< check that rows of P are distributions
  progress on_progress = {};     ///< told the share of rounds done; false stops
};

using minimum_volume_result = enclosing_simplex_result;

/// Estimates T from posteriors of the given label whose clean counterparts reach every face of the
/// simplex.
///
/// P(given | x) is P(true | x) T, a mixture of the rows of T. Among all T whose simplex holds the
/// rows of P the smallest one is taken: with \f$ Q = T^{-1} \f$, \f$ \max \log |\det Q| \f$ subject
/// to \f$ P Q \ge 0, Q 1 = 1 \f$. No class need have an anchor; it is enough that rows lie near
/// every face, scattered widely (sufficiently scattered). With an infinite penalty linear
/// programmes along the gradient, solved exactly, climb to it; a finite one, w, subtracts \f$
/// \frac{w}{n} \sum_{ik} \max(0, -(PQ)_{ik}) \f$ instead, since one wrong row would blow the
/// simplex up, and its corners are rounded ever less. From Q = I: a local maximum. With y the
/// classes are named by the labels that their rows carry, else by where the search began.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i), calibrated: probabilities, not logits; n, K >= 1
/// @param y        n, given labels 0..K-1
/// @param options  minimum_volume_options
/// @return  minimum_volume_result; look at `outside_share` and `independence`
/// @throws  input_error  for an empty P, options outside their intervals, rows that are no
///                       distributions, labels, K > 32 with an infinite penalty
/// @par Complexity   O(m K^2) per step, some hundreds, m = min(n, max_rows); infinite penalty: O(n
///                   K^2) per pass, a few dozen, and O(K^4) per pivot, several K^2 of them
/// @par Determinism  bitwise for any number of threads
/// @par Source       X. Li et al., "Provably end-to-end label-noise learning without anchor
///                   points", ICML 2021 (volume; their network, loss and T in one:
///                   volume_transition); the enclosure by linear programmes: J. Li, J.
///                   Bioucas-Dias, "Minimum volume simplex analysis", IGARSS 2008
struct minimum_volume_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::arg_max_columns_fn, ops::gather_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  minimum_volume_result operator()(Exec const& exec, M const& P,
                                   minimum_volume_options const& options = {}) const {
    limpid::detail::enter<minimum_volume_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(P);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held);
    check(exec, p, options);
    return run(exec, p, vector_view<std::int32_t const, Exec::space>{}, options);
  }
  template <execution_policy Exec, real_matrix M, label_vector L>
  minimum_volume_result operator()(Exec const& exec, M const& P, L const& y,
                                   minimum_volume_options const& options = {}) const {
    limpid::detail::enter<minimum_volume_fn, Exec, M, L>();
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
  minimum_volume_result operator()(M const& P, minimum_volume_options const& options = {}) const {
    return (*this)(default_policy, P, options);
  }
  template <real_matrix M, label_vector L>
  minimum_volume_result operator()(M const& P, L const& y,
                                   minimum_volume_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  static constexpr std::string_view where = "transition::minimum_volume";

  template <class Exec, class T, memory_space S>
  static void check(Exec const& exec, matrix_view<T const, S> p, minimum_volume_options const& o) {
    using limpid::detail::require;
    require(p.rows > 0 && p.cols > 0, where, "P is ", p.rows, " x ", p.cols,
            "; need at least one row and one class");
    require(o.penalty > 0, where, "options.penalty is ", o.penalty, "; need more than 0");
    require(o.penalty < std::numeric_limits<double>::infinity() || p.cols <= 32, where,
            "options.penalty is infinite with ", p.cols, " classes; need 32 at most");
    require(o.max_rounds >= 1, where, "options.max_rounds is ", o.max_rounds, "; need at least 1");
    require(o.max_rows >= 1, where, "options.max_rows is 0; need at least 1");
    if (o.validate) ops::check_distributions(exec, where, "P", p);
  }

  template <class Exec, class T, memory_space S>
  static minimum_volume_result run(Exec const& exec, matrix_view<T const, S> p,
                                   vector_view<std::int32_t const, S> y,
                                   minimum_volume_options const& o) {
    detail::enclosing::search<Exec, T> search(
        exec, p, detail::enclosing::aim::volume,
        {o.penalty, o.max_rounds, o.max_rows, 0, o.seed, &o.on_progress});
    return search.run(y);
  }
};
inline constexpr minimum_volume_fn minimum_volume{};

/// VolMinNet's T: rows of \f$ I + \sigma(W) \f$ off the diagonal, divided by their sums. `weights`:
/// K x K, the diagonal is not read. T(i, i) is the largest of its row.
inline matrix<double> volume_transition(matrix<double> const& weights) {
  std::size_t const K = weights.rows();
  limpid::detail::require(K > 0 && weights.cols() == K, "transition::volume_transition",
                          "weights is ", K, " x ", weights.cols(), "; need K x K, K >= 1");
  matrix<double> t(K, K);
  for (std::size_t i = 0; i < K; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < K; ++j)
      sum += t(i, j) = i == j ? 1 : 1 / (1 + std::exp(-weights(i, j)));
    for (std::size_t j = 0; j < K; ++j) t(i, j) /= sum;
  }
  return t;
}

/// The gradient in W of loss + strength log |det T|, T = volume_transition(W), from the loss's own
/// gradient in T (of forward_loss, say).
inline matrix<double> volume_gradient(matrix<double> const& weights,
                                      matrix<double> const& gradient_in_t, double strength) {
  constexpr char const* name = "transition::volume_gradient";
  auto const t = volume_transition(weights);
  std::size_t const K = t.rows();
  limpid::detail::require(gradient_in_t.rows() == K && gradient_in_t.cols() == K, name,
                          "gradient_in_t is ", gradient_in_t.rows(), " x ", gradient_in_t.cols(),
                          "; need ", K, " x ", K);
  auto const inverse = ops::invert(t).inverse;
  limpid::detail::require(!inverse.empty(), name, "T is singular; its volume has no gradient");
  matrix<double> out(K, K);
  for (std::size_t i = 0; i < K; ++i) {
    double mean = 0, sum = 1;
    for (std::size_t j = 0; j < K; ++j) {
      out(i, j) = gradient_in_t(i, j) + strength * inverse(j, i);
      mean += out(i, j) * t(i, j);
      if (j != i) sum += 1 / (1 + std::exp(-weights(i, j)));
    }
    for (std::size_t j = 0; j < K; ++j) {
      double const s = 1 / (1 + std::exp(-weights(i, j)));
      out(i, j) = i == j ? 0 : s * (1 - s) / sum * (out(i, j) - mean);
    }
  }
  return out;
}

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_MINIMUM_VOLUME_HPP
