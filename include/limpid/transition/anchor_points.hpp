// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/anchor_points.hpp
/// T from anchor points: the row surest of a class speaks for it.
#ifndef LIMPID_TRANSITION_ANCHOR_POINTS_HPP
#define LIMPID_TRANSITION_ANCHOR_POINTS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/order.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace limpid::transition {

/// Which row speaks for class i.
enum class anchor_rule {
  arg_max,     ///< the row with the largest P(., i)
  percentile,  ///< the largest among the rows below the quantile of P(., i): the very surest are
               ///< left out
  least_posterior  ///< K = 2 only: the noise rates are the least posteriors (Liu & Tao)
};

struct anchor_points_options {
  anchor_rule rule = anchor_rule::percentile;
  /// of the percentile rule; (0, 1]. Rows that reach it, ties included, are left out
  double quantile = 0.97;
  /// of the least_posterior rule: quantile that stands for the minimum; [0, 1)
  double least_quantile = 0;
  /// rows averaged per class, the surest and those next to it in sureness (of equally sure ones the
  /// first); >= 1. More: less chance, further from the corner. Not of least_posterior
  std::size_t rows = 1;
  /// where a quantile falls between two rows
  ops::quantile_rule interpolation = ops::quantile_rule::higher;
  /// entries of a chosen row below this become 0; [0, 1). Patrini et al.: 1e-6
  double clip_to_zero = 0;
  bool normalise_rows = true;  ///< divide each row by its sum
  double identity_share = 0;   ///< a in T <- a I + (1 - a) T; [0, 1]
  bool validate = true;        ///< check that rows of P are distributions
};

/// K classes.
struct anchor_points_result {
  matrix<double> transition;  ///< K x K, (i, j) = P(given j | true i)
  /// K, the row that speaks for class i, the surest of several; empty under least_posterior
  vector<std::size_t> anchor_row;
  /// K, P(anchor_row[i], i); near 1 / K: class i has no anchor. As anchor_row
  vector<double> confidence;
  vector<std::uint8_t> fell_back;  ///< K, 1: no row lay below the quantile; the arg max was taken
  /// K, 1: another class has the same anchor, so T has equal rows
  vector<std::uint8_t> shared_row;
  vector<std::uint8_t> class_estimated;  ///< K, 0: the row summed to 0 and is the identity's
};

/// Estimates T from posteriors of the given label.
///
/// If \f$ P(\text{true } i | x) = 1 \f$ then \f$ P(\text{given } j | x) = T_{ij} \f$: the posterior
/// row of an anchor of class i is row i of T. \f$ a_i = \arg\max_r P_{ri} \f$, by default over the
/// rows with \f$ P_{ri} < \theta_i \f$, the 0.97-quantile of column i: a model is overconfident
/// where it is surest. Two classes: \f$ T_{01} = \min_r P_{r1}, T_{10} = \min_r P_{r0} \f$.
///
/// P is only read: the official codes of the percentile rule zero what they leave out, and later
/// classes then read zeros.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i), better out of fold: probabilities, not logits; n, K
///                 >= 1
/// @param options  anchor_points_options
/// @return  anchor_points_result
/// @throws  input_error  for an empty P, options outside their intervals, rows that are no
///                       distributions, K != 2 under least_posterior
/// @par Complexity   O(nK) expected, a few passes over P and one per further row averaged; scratch
///                   a few percent of P, O(nK) at worst, where a sample of the rows misleads
/// @par Determinism  bitwise for any policy and number of threads; ties go to the lowest row
/// @par Source       G. Patrini et al., "Making deep neural networks robust to label noise", CVPR
///                   2017, section 4.3; T. Liu, D. Tao, "Classification with noisy labels by
///                   importance reweighting", TPAMI 2016, Theorem 4
struct anchor_points_fn {
  using primitives = uses<ops::quantile_fn, ops::column_quantiles_fn, ops::arg_max_columns_fn,
                          ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  anchor_points_result operator()(Exec const& exec, M const& P,
                                  anchor_points_options const& options = {}) const {
    limpid::detail::enter<anchor_points_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(P);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held);
    check(p.rows, p.cols, options);
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    anchor_points_result r;
    r.transition = matrix<double>(p.cols, p.cols);
    r.class_estimated = vector<std::uint8_t>(p.cols, 1);
    r.fell_back = r.shared_row = vector<std::uint8_t>(p.cols);
    if (options.rule == anchor_rule::least_posterior)
      for (std::size_t i = 0; i < 2; ++i) {
        double const rate =
            ops::quantile(exec, p.col(1 - i), options.least_quantile, options.interpolation);
        r.transition(i, 1 - i) = rate;
        r.transition(i, i) = 1 - rate;
      }
    else
      choose_rows(exec, p, options, r);
    post_process(options, r);
    return r;
  }

  template <real_matrix M>
  anchor_points_result operator()(M const& P, anchor_points_options const& options = {}) const {
    return (*this)(default_policy, P, options);
  }

 private:
  static constexpr char const* where = "transition::anchor_points";

  static void check(std::size_t rows, std::size_t classes, anchor_points_options const& o) {
    using limpid::detail::require;
    require(rows > 0 && classes > 0, where, "P is ", rows, " x ", classes,
            "; need at least one row and one class");
    require(o.quantile > 0 && o.quantile <= 1, where, "options.quantile is ", o.quantile,
            "; need (0, 1]");
    require(o.least_quantile >= 0 && o.least_quantile < 1, where, "options.least_quantile is ",
            o.least_quantile, "; need [0, 1)");
    require(o.rows >= 1, where, "options.rows is 0; need at least 1");
    require(o.clip_to_zero >= 0 && o.clip_to_zero < 1, where, "options.clip_to_zero is ",
            o.clip_to_zero, "; need [0, 1)");
    require(o.identity_share >= 0 && o.identity_share <= 1, where, "options.identity_share is ",
            o.identity_share, "; need [0, 1]");
    require(o.rule != anchor_rule::least_posterior || classes == 2, where,
            "the least_posterior rule is for two classes; P has ", classes);
  }

  template <class Exec, class T, memory_space S>
  static void choose_rows(Exec const& exec, matrix_view<T const, S> p,
                          anchor_points_options const& options, anchor_points_result& r) {
    std::size_t const classes = p.cols;
    constexpr double none = std::numeric_limits<double>::infinity();
    auto const limits =
        options.rule == anchor_rule::percentile
            ? ops::column_quantiles(exec, p, options.quantile, options.interpolation)
            : vector<double>(classes, none);
    r.anchor_row = ops::arg_max_columns(exec, p, limits);
    r.confidence = vector<double>(classes);
    vector<std::size_t> surest;
    auto below = limits;
    for (std::size_t i = 0; i < classes; ++i) {
      std::size_t& row = r.anchor_row[i];
      if (row == p.rows) {
        if (surest.empty()) surest = ops::arg_max_columns(exec, p, vector<double>(classes, none));
        row = surest[i];
        r.fell_back[i] = 1;
      }
      auto const posterior = ops::download(exec, p.row(row));
      for (std::size_t j = 0; j < classes; ++j)
        r.transition(i, j) = static_cast<double>(posterior[j]);
      r.confidence[i] = below[i] = r.transition(i, i);
      for (std::size_t before = 0; before < i; ++before)
        if (r.anchor_row[before] == row) r.shared_row[before] = r.shared_row[i] = 1;
    }
    if (options.rows > 1) average_rows(exec, p, options.rows, std::move(below), r);
  }

  /// Adds the rows that come next to the sums, then divides by what there are.
  template <class Exec, class T, memory_space S>
  static void average_rows(Exec const& exec, matrix_view<T const, S> p, std::size_t wanted,
                           vector<double> below, anchor_points_result& r) {
    std::size_t const classes = p.cols;
    vector<double> taken(classes, 1.0);
    bool more = true;
    for (std::size_t m = 1; m < wanted && more; ++m) {
      auto const next = ops::arg_max_columns(exec, p, below);
      more = false;
      for (std::size_t i = 0; i < classes; ++i) {
        if (next[i] == p.rows) continue;
        more = true;
        auto const posterior = ops::download(exec, p.row(next[i]));
        for (std::size_t j = 0; j < classes; ++j)
          r.transition(i, j) += static_cast<double>(posterior[j]);
        below[i] = static_cast<double>(posterior[i]);
        taken[i] += 1;
      }
    }
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j) r.transition(i, j) /= taken[i];
  }

  /// Patrini et al.: clip, then normalise, then mix with the identity.
  static void post_process(anchor_points_options const& options, anchor_points_result& r) {
    std::size_t const classes = r.transition.rows();
    for (std::size_t i = 0; i < classes; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < classes; ++j) {
        if (r.transition(i, j) < options.clip_to_zero) r.transition(i, j) = 0;
        sum += r.transition(i, j);
      }
      if (!(sum > 0)) r.class_estimated[i] = 0;
      for (std::size_t j = 0; j < classes; ++j) {
        double const one = i == j ? 1.0 : 0.0;
        double& entry = r.transition(i, j);
        if (!r.class_estimated[i])
          entry = one;
        else if (options.normalise_rows)
          entry /= sum;
        entry = options.identity_share * one + (1 - options.identity_share) * entry;
      }
    }
  }
};
inline constexpr anchor_points_fn anchor_points{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_ANCHOR_POINTS_HPP
