// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/dual_t.hpp
/// T as a product: from the true to the predicted class, and from the predicted class to the given
/// label.
#ifndef LIMPID_TRANSITION_DUAL_T_HPP
#define LIMPID_TRANSITION_DUAL_T_HPP

#include <limpid/ops/count.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/transition/anchor_points.hpp>
#include <limpid/transition/detail/row_weights.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid::transition {

struct dual_t_options {
  anchor_points_options anchors = {};  ///< of the first factor; its `validate` is not read
  bool validate = true;  ///< check that rows of P are distributions and labels are in range
};

/// K classes. "Predicted" is the arg max of a row of P.
struct dual_t_result {
  matrix<double> transition;     ///< K x K, (i, j) = P(given j | true i) = club * spade
  matrix<double> club;           ///< K x K, (i, l) = P(predicted l | true i), from anchor points
  matrix<double> spade;          ///< K x K, (l, j) = P(given j | predicted l), from counts
  matrix<double> counts;         ///< K x K, (l, j) = rows predicted l with label j
  anchor_points_result anchors;  ///< of the first factor
  /// K, 1: no row is predicted l; row l of spade is the identity's
  vector<std::uint8_t> never_predicted;
  /// K, 0: class i has no row of club, or no row has label i
  vector<std::uint8_t> class_estimated;
};

/// Estimates T without trusting the posteriors' values twice.
///
/// \f$ T = T^\clubsuit T^\spadesuit \f$: an anchor point's row gives the way from the true class to
/// the predicted one, the labels' counts within each predicted class the rest, whose error falls
/// with n. It presumes a model that is surer than the labels allow, whose anchor rows are nearly
/// one-hot; posteriors calibrated to the given labels hold the noise in both factors, and T then
/// comes out noisier than it is.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i): probabilities, not logits; n, K >= 1
/// @param y        n, given labels 0..K-1
/// @param weights  n >= 0, what a row counts in spade; anchors are rows of any weight. None: all 1
/// @param options  dual_t_options
/// @return  dual_t_result
/// @throws  input_error  for shapes, anchor options outside their intervals, rows that are no
///                       distributions, labels, weights that are negative or not finite
/// @par Complexity   O(nK + K^3) time; O(n + K^2) scratch
/// @par Determinism  bitwise for any policy and number of threads
/// @par Source       Y. Yao et al., "Dual T: reducing estimation error for transition matrix in
///                   label-noise learning", NeurIPS 2020, Eqs. 2 to 4
struct dual_t_fn {
  using primitives = uses<anchor_points_fn, ops::arg_max_rows_fn, ops::count_pairs_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  dual_t_result operator()(Exec const& exec, M const& P, L const& y,
                           dual_t_options const& options = {}) const {
    limpid::detail::enter<dual_t_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return run(exec, p, given, {}, options);
  }
  template <execution_policy Exec, real_matrix M, label_vector L, real_vector W>
  dual_t_result operator()(Exec const& exec, M const& P, L const& y, W const& weights,
                           dual_t_options const& options = {}) const {
    limpid::detail::enter<dual_t_fn, Exec, M, L, W>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_w = limpid::detail::materialise(weights);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    vector_view<value_t<W> const, S> const w = limpid::view(held_w);
    auto const kept = detail::row_weights(exec, where, "P", p.rows, w);
    return run(exec, p, given, vector_view<double const, S>(kept.view()), options);
  }

  template <real_matrix M, label_vector L>
  dual_t_result operator()(M const& P, L const& y, dual_t_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }
  template <real_matrix M, label_vector L, real_vector W>
  dual_t_result operator()(M const& P, L const& y, W const& weights,
                           dual_t_options const& options = {}) const {
    return (*this)(default_policy, P, y, weights, options);
  }

 private:
  static constexpr char const* where = "transition::dual_t";

  /// weights: no data for all 1.
  template <class Exec, class T, class Label, memory_space S>
  static dual_t_result run(Exec const& exec, matrix_view<T const, S> p,
                           vector_view<Label const, S> given, vector_view<double const, S> weights,
                           dual_t_options const& options) {
    std::size_t const n = p.rows, classes = p.cols;
    limpid::detail::require(n > 0 && classes > 0, where, "P is ", n, " x ", classes,
                            "; need at least one row and one class");
    ops::check_rows(where, "P", n, "y", given.size);
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);

    dual_t_result r;
    auto anchor_options = options.anchors;
    anchor_options.validate = false;
    r.anchors = anchor_points(exec, p, anchor_options);
    r.club = r.anchors.transition;
    auto const predicted = ops::make_buffer<std::int32_t>(exec, n);
    ops::arg_max_rows(exec, p, predicted.view());
    r.counts = ops::count_pairs(exec, vector_view<std::int32_t const, S>(predicted.view()),
                                labels.view(), classes, classes, weights);
    combine(r);
    return r;
  }

  static void combine(dual_t_result& r) {
    std::size_t const classes = r.counts.rows();
    r.spade = r.transition = matrix<double>(classes, classes);
    r.never_predicted = vector<std::uint8_t>(classes);
    vector<double> given(classes);
    for (std::size_t l = 0; l < classes; ++l) {
      double rows = 0;
      for (std::size_t j = 0; j < classes; ++j) {
        rows += r.counts(l, j);
        given[j] += r.counts(l, j);
      }
      r.never_predicted[l] = rows == 0;
      for (std::size_t j = 0; j < classes; ++j)
        r.spade(l, j) = rows > 0 ? r.counts(l, j) / rows : (l == j ? 1.0 : 0.0);
    }
    r.class_estimated = r.anchors.class_estimated;
    for (std::size_t i = 0; i < classes; ++i) {
      if (given[i] == 0) r.class_estimated[i] = 0;
      for (std::size_t l = 0; l < classes; ++l)
        for (std::size_t j = 0; j < classes; ++j)
          r.transition(i, j) += r.club(i, l) * r.spade(l, j);
    }
  }
};
inline constexpr dual_t_fn dual_t{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_DUAL_T_HPP
