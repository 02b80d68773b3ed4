// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/noise_matrices.hpp
/// T, its posterior and the prior of the true classes from confident counts, made consistent with
/// each other; and the probabilities of the true classes that follow.
#ifndef LIMPID_TRANSITION_NOISE_MATRICES_HPP
#define LIMPID_TRANSITION_NOISE_MATRICES_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_reader.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/confident_joint.hpp>
#include <limpid/transition/detail/latent.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

struct noise_matrices_options {
  std::vector<double> thresholds = {};  ///< of the confident joint: K finite numbers; empty: from
                                        ///< the data; not read where counts are given
  bool calibrate = true;  ///< the counts, to the labels' frequencies; see confident_joint_options
  prior_rule prior = prior_rule::count;
  bool converge =
      true;  ///< make T, posterior and prior agree: each anew from the others, 3 x 5 times
  /// cleanlab 2.9.0 to the letter: a class without counts has rows of zeros, and
  /// prior_rule::equation throws where T is singular
  bool cleanlab_compatible = false;
  bool validate = true;  ///< check that rows of P are distributions
};

/// K classes. Two directions occur, and each member says which it has.
struct noise_matrices_result {
  matrix<double> transition;        ///< K x K, true x given: T(i, j) = P(given j | true i)
  matrix<double> true_given_label;  ///< K x K, given x true: P(true t | given g); not T's inverse
  vector<double> prior;             ///< K, P(true k), sums to 1
  vector<double> given;             ///< K, P(given k)
  matrix<double> counts;            ///< K x K, given x true: what all this is read from
  vector<std::uint8_t> class_estimated;  ///< K, 0: no count as true class i; its row of T rests on
                                         ///< the forced diagonal, or is the identity's
  vector<std::uint8_t> label_seen;  ///< K, 0: no row has label g; its row of true_given_label is
                                    ///< the identity's
  bool prior_fell_back = false;     ///< T was singular: prior_rule::count instead of equation
  double condition = 0;             ///< of T, for prior_rule::equation; 0 else
  double inconsistency = 0;         ///< largest |prior_i T(i, j) - given_j true_given_label(j, i)|
};

/// Estimates how labels are wrong from out-of-fold probabilities, or from joint counts.
///
/// From the calibrated counts C of confident_joint, T(i, j) = C(j, i) / sum_g C(g, i), P(true t |
/// given g) = C(g, t) / sum_s C(g, s), and the prior of the true classes by options.prior. The
/// three are tied by prior_i T(i, j) = given_j P(true i | given j), which separate estimates miss;
/// with options.converge each is renewed from the others until they nearly agree.
///
/// Same numbers as cleanlab 2.9.0 (`estimate_py_and_noise_matrices_from_probabilities`,
/// `estimate_latent`), save where it leaves zeros: that class has the identity's row here.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i) predicted out of fold: probabilities, not logits; n, K
///                 >= 1. Or a row_reader, read twice
/// @param y        n, given labels 0..K-1
/// @param weights  n >= 0; see confident_joint
/// @param counts   K x K, given x true, on the host, >= 0: joint counts in place of P and y
/// @param options  noise_matrices_options
/// @return  noise_matrices_result
/// @throws  input_error  what confident_joint throws; counts that are not square, negative, not
///                       finite or all 0; a singular T if cleanlab_compatible
/// @par Complexity   confident_joint's, and O(K^2) time; O(K^3) for prior_rule::equation
/// @par Determinism  bitwise for any number of threads
/// @par Source       C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty
///                   in dataset labels", JAIR 2021; the rules of the prior and the rounds of
///                   convergence are cleanlab's
struct noise_matrices_fn {
  using primitives = uses<confident_joint_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  noise_matrices_result operator()(Exec const& exec, M const& P, L const& y,
                                   noise_matrices_options const& options = {}) const {
    limpid::detail::enter<noise_matrices_fn, Exec, M, L>();
    return from_joint(confident_joint_fn::of(exec, where, P, y, joint_options(options)), options);
  }
  template <execution_policy Exec, real_matrix M, label_vector L, real_vector W>
  noise_matrices_result operator()(Exec const& exec, M const& P, L const& y, W const& weights,
                                   noise_matrices_options const& options = {}) const {
    limpid::detail::enter<noise_matrices_fn, Exec, M, L, W>();
    return from_joint(confident_joint_fn::of(exec, where, P, y, weights, joint_options(options)),
                      options);
  }
  template <execution_policy Exec, class T, label_vector L>
  noise_matrices_result operator()(Exec const& exec, row_reader<T> const& P, L const& y,
                                   noise_matrices_options const& options = {}) const {
    limpid::detail::enter<noise_matrices_fn, Exec, L>();
    return from_joint(confident_joint_fn::of(exec, where, P, y, joint_options(options)), options);
  }

  template <real_matrix M, label_vector L>
  noise_matrices_result operator()(M const& P, L const& y,
                                   noise_matrices_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }
  template <real_matrix M, label_vector L, real_vector W>
  noise_matrices_result operator()(M const& P, L const& y, W const& weights,
                                   noise_matrices_options const& options = {}) const {
    return (*this)(default_policy, P, y, weights, options);
  }
  template <class T, label_vector L>
  noise_matrices_result operator()(row_reader<T> const& P, L const& y,
                                   noise_matrices_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

  /// From joint counts; the frequencies of the labels are those of the counts' rows.
  noise_matrices_result operator()(matrix<double> const& counts,
                                   noise_matrices_options const& options = {}) const {
    using limpid::detail::require;
    std::size_t const classes = counts.rows();
    require(classes > 0 && counts.cols() == classes, where, "counts is ", counts.rows(), " x ",
            counts.cols(), "; need K x K with K >= 1");
    vector<double> given(classes);
    for (std::size_t g = 0; g < classes; ++g)
      for (std::size_t t = 0; t < classes; ++t) {
        double const c = counts(g, t);
        require(ops::detail::is_finite(c) && c >= 0, where, "counts(", g, ", ", t, ") is ", c,
                "; counts are finite and at least 0");
        given[g] += c;
      }
    vector<std::uint8_t> const estimated(classes, 1);
    return finish(counts, given, estimated, options);
  }

 private:
  static constexpr char const* where = "transition::noise_matrices";

  static confident_joint_options joint_options(noise_matrices_options const& options) {
    confident_joint_options joint;
    joint.thresholds = options.thresholds;
    joint.calibrate = options.calibrate;
    joint.off_diagonal_rows = false;
    joint.validate = options.validate;
    return joint;
  }

  static noise_matrices_result from_joint(confident_joint_result const& joint,
                                          noise_matrices_options const& options) {
    return finish(joint.calibrated, joint.given_weight, joint.class_estimated, options);
  }

  static noise_matrices_result finish(matrix<double> const& counts, vector<double> const& given,
                                      vector<std::uint8_t> const& estimated,
                                      noise_matrices_options const& options) {
    std::size_t const classes = given.size();
    noise_matrices_result r;
    double rows = 0;
    for (double g : given) rows += g;
    limpid::detail::require(rows > 0, where, "counts are all 0; some row must count");
    r.given = vector<double>(classes);
    for (std::size_t k = 0; k < classes; ++k) r.given[k] = given[k] / rows;
    auto latent = detail::estimate_latent(where, counts, r.given, options.prior, options.converge,
                                          options.cleanlab_compatible);
    r.transition = std::move(latent.transition);
    r.true_given_label = std::move(latent.true_given_label);
    r.prior = std::move(latent.prior);
    r.counts = counts;
    r.label_seen = std::move(latent.label_seen);
    r.class_estimated = estimated;
    for (std::size_t k = 0; k < classes; ++k)
      if (!latent.true_seen[k]) r.class_estimated[k] = 0;
    r.prior_fell_back = latent.singular;
    r.condition = latent.condition;
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j)
        r.inconsistency = (std::max)(
            r.inconsistency,
            std::abs(r.prior[i] * r.transition(i, j) - r.given[j] * r.true_given_label(j, i)));
    return r;
  }
};
inline constexpr noise_matrices_fn noise_matrices{};

namespace detail {

/// out(i, .) = P(i, .) factor, clipped to [0, 1], divided by its sum; P's own row if that is 0,
/// which flag marks.
template <class T, memory_space S>
struct rescale_row {
  matrix_view<T const, S> p;
  vector_view<double const, S> factor;
  matrix_view<T, S> out;
  vector_view<std::uint8_t, S> flag;
  LIMPID_HD double entry(std::size_t i, std::size_t k) const {
    double const v = static_cast<double>(p(i, k)) * factor[k];
    return v < 0 ? 0 : v > 1 ? 1 : v;
  }
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t k = 0; k < p.cols; ++k) sum += entry(i, k);
    flag[i] = !(sum > 0);
    for (std::size_t k = 0; k < p.cols; ++k)
      out(i, k) = flag[i] ? p(i, k) : static_cast<T>(entry(i, k) / sum);
  }
};

}  // namespace detail

struct rescaled_posterior_options {
  bool validate = true;  ///< check that rows of P are distributions
};

template <class T>
struct rescaled_posterior_result {
  matrix<T> posterior;            ///< n x K, P(true k | x_i), rows sum to 1
  vector<std::size_t> unchanged;  ///< rows of which nothing was left; they are P's own
};

/// P(true | x) from P(given | x): each entry times P(true k | given k) / P(given k | true k), the
/// ratio of the matrices' diagonals, clipped to [0, 1] and divided by the row's sum.
///
/// The diagonals are the entries that are estimated best; the exact relation, P(given | x) =
/// P(true | x) T, asks for T's inverse, and is clean_posterior's.
///
/// @param exec      where to run
/// @param P         n x K, P(given = k | x_i); n, K >= 1
/// @param matrices  noise_matrices' result, of K classes
/// @param options   rescaled_posterior_options
/// @return  rescaled_posterior_result of P's type
/// @throws  input_error  for shapes, rows of P that are no distributions
/// @par Complexity   O(nK) time; the result
/// @par Determinism  bitwise for any policy and number of threads
/// @par Source       cleanlab 2.9.0, latent_algebra.compute_pyx
struct rescaled_posterior_fn {
  using primitives = uses<ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  rescaled_posterior_result<value_t<M>> operator()(
      Exec const& exec, M const& P, noise_matrices_result const& matrices,
      rescaled_posterior_options const& options = {}) const {
    limpid::detail::enter<rescaled_posterior_fn, Exec, M>();
    using T = value_t<M>;
    auto&& held = limpid::detail::materialise(P);
    matrix_view<T const, Exec::space> const p = limpid::view(held);
    constexpr char const* where = "transition::rescaled_posterior";
    limpid::detail::require(p.rows > 0 && p.cols > 0, where, "P is ", p.rows, " x ", p.cols,
                            "; need at least one row and one class");
    limpid::detail::require(matrices.prior.size() == p.cols, where, "matrices is of ",
                            matrices.prior.size(), " classes, P has ", p.cols, " columns");
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    return run(exec, p, matrices);
  }

  template <real_matrix M>
  rescaled_posterior_result<value_t<M>> operator()(
      M const& P, noise_matrices_result const& matrices,
      rescaled_posterior_options const& options = {}) const {
    return (*this)(default_policy, P, matrices, options);
  }

 private:
  template <class Exec, class T, memory_space S>
  static rescaled_posterior_result<T> run(Exec const& exec, matrix_view<T const, S> p,
                                          noise_matrices_result const& matrices) {
    vector<double> factor(p.cols);
    for (std::size_t k = 0; k < p.cols; ++k)
      factor[k] =
          matrices.true_given_label(k, k) / detail::at_least_tiny(matrices.transition(k, k));
    auto const factors = ops::upload(exec, std::as_const(factor).view());
    auto const out = ops::make_buffer<T>(exec, p.rows * p.cols);
    auto const flag = ops::make_buffer<std::uint8_t>(exec, p.rows);
    ops::for_rows(
        exec, p.rows,
        detail::rescale_row<T, S>{p, factors.view(), out.view(p.rows, p.cols), flag.view()});
    rescaled_posterior_result<T> r;
    r.posterior = ops::download(exec, out.view(p.rows, p.cols));
    auto const flags = ops::download(exec, flag.view());
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < flags.size(); ++i)
      if (flags[i]) rows.push_back(i);
    r.unchanged = vector<std::size_t>(std::move(rows));
    return r;
  }
};
inline constexpr rescaled_posterior_fn rescaled_posterior{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_NOISE_MATRICES_HPP
