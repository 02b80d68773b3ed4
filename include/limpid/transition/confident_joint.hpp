// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/confident_joint.hpp
/// Confident learning: who is counted as what, and the noise that follows.
#ifndef LIMPID_TRANSITION_CONFIDENT_JOINT_HPP
#define LIMPID_TRANSITION_CONFIDENT_JOINT_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_reader.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/confident.hpp>
#include <limpid/transition/detail/latent.hpp>
#include <limpid/transition/detail/row_weights.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

struct confident_joint_options {
  std::vector<double> thresholds = {};  ///< K finite numbers, as they are; empty: from the data
  bool calibrate = true;  ///< scale the counts to the labels' frequencies, in whole numbers
  prior_rule prior = prior_rule::count;
  bool keep_guess = false;        ///< return the guess of every row (n int32)
  bool off_diagonal_rows = true;  ///< return the rows counted off the diagonal
  bool validate = true;  ///< check that rows of P are distributions and labels are in range
};

/// K classes. Two directions occur, and each member says which it has.
struct confident_joint_result {
  vector<double> thresholds;        ///< K, what P(i, k) must reach (less 1e-6)
  vector<std::size_t> given_count;  ///< K, rows that carry each label (of positive weight)
  vector<double> given_weight;      ///< K, their weight: given_count where there are no weights
  matrix<double> counts;            ///< K x K, given x true: confident rows; diagonal at least 1
  matrix<double> calibrated;        ///< K x K, given x true: row g sums to given_weight[g]; whole
                              ///< numbers, unless weights are fractions; counts if not asked for
  matrix<double> joint;       ///< K x K, given x true: P(given g, true t), sums to 1
  matrix<double> transition;  ///< K x K, true x given: T(i, j) = P(given j | true i), rows sum to 1
  matrix<double> true_given_label;  ///< K x K, given x true: P(true t | given g), rows sum to 1;
                                    ///< not T's inverse
  vector<double> prior;             ///< K, P(true k), sums to 1
  bool prior_fell_back = false;     ///< T was singular: prior_rule::count instead of equation
  vector<std::uint8_t> class_estimated;  ///< K, 0: no row was counted as true class i; its row of T
                                         ///< rests on the forced diagonal
  vector<std::uint8_t> label_seen;   ///< K, 0: no row has label g; its row of true_given_label is
                                     ///< the identity's
  std::size_t unconfident = 0;       ///< rows that reach no threshold and count nowhere
  vector<std::size_t> off_diagonal;  ///< rows whose guess is not their label, ascending
  vector<std::int32_t> guess;  ///< n, -1 where no threshold is reached; empty unless asked for
};

/// Estimates the joint distribution of given and true labels from out-of-fold probabilities, and T
/// from it.
///
/// \f$ t_k = \mathrm{mean}\{P_{ik} : y_i = k\} \f$. Row i is counted as the class whose threshold
/// it reaches, as its most probable class if it reaches several, and not at all if it reaches none.
/// The counts, calibrated to the labels' frequencies, are the joint; \f$ T_{ij} = C_{ji} / \sum_g
/// C_{gi} \f$.
///
/// Same numbers as cleanlab 2.9.0 (`compute_confident_joint`, `estimate_latent`), save where it
/// leaves a column of zeros: that class has the identity's row here. A class without confident rows
/// is flagged.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i) predicted out of fold: probabilities, not logits; n, K
///                 >= 1. Or a row_reader, whose rows are read twice (once if thresholds are given)
/// @param y        n, given labels 0..K-1
/// @param weights  n >= 0; 3 is the row three times, 0 a row that is not there. None: all 1
/// @param options  confident_joint_options
/// @return  confident_joint_result
/// @throws  input_error  for shapes, rows of P that are no distributions, labels out of range,
///                       weights that are negative or not finite, thresholds not finite
/// @par Complexity   O(nK + K^2 log K) time: one pass over P, and one entry per row before it; n
///                   int32, n bytes and O(K^2) doubles
/// @par Determinism  bitwise for any number of threads; thresholds from a row_reader differ from
///                   those of the matrix in the order of their sums
/// @par Source       C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty
///                   in dataset labels", JAIR 2021, Eq. 2 (its arg max runs over the classes
///                   reached; cleanlab's and this one over all)
struct confident_joint_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::count_pairs_fn, ops::gather_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  confident_joint_result operator()(Exec const& exec, M const& P, L const& y,
                                    confident_joint_options const& options = {}) const {
    limpid::detail::enter<confident_joint_fn, Exec, M, L>();
    return of(exec, where, P, y, options);
  }
  template <execution_policy Exec, real_matrix M, label_vector L, real_vector W>
  confident_joint_result operator()(Exec const& exec, M const& P, L const& y, W const& weights,
                                    confident_joint_options const& options = {}) const {
    limpid::detail::enter<confident_joint_fn, Exec, M, L, W>();
    return of(exec, where, P, y, weights, options);
  }
  template <execution_policy Exec, class T, label_vector L>
  confident_joint_result operator()(Exec const& exec, row_reader<T> const& P, L const& y,
                                    confident_joint_options const& options = {}) const {
    limpid::detail::enter<confident_joint_fn, Exec, L>();
    return of(exec, where, P, y, options);
  }

  template <real_matrix M, label_vector L>
  confident_joint_result operator()(M const& P, L const& y,
                                    confident_joint_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }
  template <real_matrix M, label_vector L, real_vector W>
  confident_joint_result operator()(M const& P, L const& y, W const& weights,
                                    confident_joint_options const& options = {}) const {
    return (*this)(default_policy, P, y, weights, options);
  }
  template <class T, label_vector L>
  confident_joint_result operator()(row_reader<T> const& P, L const& y,
                                    confident_joint_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  friend struct noise_matrices_fn;
  static constexpr std::string_view where = "transition::confident_joint";

  /// `name` is the function that errors are reported under.
  template <class Exec, real_matrix M, class L>
  static confident_joint_result of(Exec const& exec, std::string_view name, M const& P, L const& y,
                                   confident_joint_options const& options) {
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    return check_and_run(exec, name, ops::detail::resident_rows<value_t<M>, Exec::space>{p}, given,
                         {}, options);
  }
  template <class Exec, class M, class L, class W>
  static confident_joint_result of(Exec const& exec, std::string_view name, M const& P, L const& y,
                                   W const& weights, confident_joint_options const& options) {
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_w = limpid::detail::materialise(weights);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    vector_view<value_t<W> const, S> const w = limpid::view(held_w);
    auto const kept = detail::row_weights(exec, name, "P", p.rows, w);
    return check_and_run(exec, name, ops::detail::resident_rows<value_t<M>, S>{p}, given,
                         vector_view<double const, S>(kept.view()), options);
  }
  template <class Exec, class T, class L>
  static confident_joint_result of(Exec const& exec, std::string_view name, row_reader<T> const& P,
                                   L const& y, confident_joint_options const& options) {
    auto&& held_y = limpid::detail::materialise(y);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    return check_and_run(exec, name, ops::detail::read_rows<T, Exec::space>{&P}, given, {},
                         options);
  }

  template <class Exec, class Source, class Label, memory_space S>
  static confident_joint_result check_and_run(Exec const& exec, std::string_view name,
                                              Source const& source,
                                              vector_view<Label const, S> given,
                                              vector_view<double const, S> weights,
                                              confident_joint_options const& options) {
    detail::check_confident(name, source.rows(), source.cols(), given.size, options.thresholds);
    auto const labels = ops::check_labels(exec, name, "y", given, source.cols());
    return run(exec, name, source, labels.view(), weights, options);
  }

  template <class Exec, class Source, memory_space S>
  static confident_joint_result run(Exec const& exec, std::string_view name, Source const& source,
                                    vector_view<std::int32_t const, S> y,
                                    vector_view<double const, S> weights,
                                    confident_joint_options const& options) {
    std::size_t const classes = source.cols();
    confident_joint_result r;
    if (options.thresholds.empty()) {
      auto means = detail::mean_self_confidence(exec, source, y, weights);
      r.thresholds = std::move(means.threshold);
      r.given_count = std::move(means.given_count);
      r.given_weight = std::move(means.given_weight);
    } else {
      r.thresholds = vector<double>(options.thresholds);
      count_labels(exec, y, weights, r);
    }
    double rows = 0;
    for (double w : r.given_weight) rows += w;
    limpid::detail::require(rows > 0, name, "weights are all 0; some row must count");

    count(exec, name, source, y, weights, options, r);
    force_diagonal(r);
    if (options.calibrate) {
      bool const whole =
          !weights.data ||
          !ops::first_row(exec, weights.size, detail::fractional_weight<S>{weights}).code;
      auto cells = detail::to_sparse(r.counts);
      detail::calibrate(cells, r.given_weight, whole);
      r.calibrated = detail::to_dense(cells);
    } else {
      r.calibrated = r.counts;
    }

    vector<double> share(classes);
    for (std::size_t k = 0; k < classes; ++k) share[k] = r.given_weight[k] / rows;
    auto latent = detail::estimate_latent(name, r.calibrated, share, options.prior, false, false);
    r.joint = std::move(latent.joint);
    r.transition = std::move(latent.transition);
    r.true_given_label = std::move(latent.true_given_label);
    r.prior = std::move(latent.prior);
    r.prior_fell_back = latent.singular;
    r.label_seen = std::move(latent.label_seen);
    for (std::size_t k = 0; k < classes; ++k)
      if (!latent.true_seen[k]) r.class_estimated[k] = 0;
    return r;
  }

  /// Without a look at P: each label paired with itself.
  template <class Exec, memory_space S>
  static void count_labels(Exec const& exec, vector_view<std::int32_t const, S> y,
                           vector_view<double const, S> weights, confident_joint_result& r) {
    std::size_t const classes = r.thresholds.size();
    auto const sums =
        ops::sum_rows(exec, y.size, 2 * classes, detail::label_weight<S>{y, weights, classes});
    r.given_count = vector<std::size_t>(classes);
    r.given_weight = vector<double>(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      r.given_weight[k] = sums[k];
      r.given_count[k] = static_cast<std::size_t>(sums[classes + k]);
    }
  }

  template <class Exec, class Source, memory_space S>
  static void count(Exec const& exec, std::string_view name, Source const& source,
                    vector_view<std::int32_t const, S> y, vector_view<double const, S> weights,
                    confident_joint_options const& options, confident_joint_result& r) {
    std::size_t const n = source.rows(), classes = source.cols();
    auto const guess = ops::make_buffer<std::int32_t>(exec, n);
    vector_view<std::int32_t const, S> const guessed = guess.view();
    detail::scan_rows(exec, name, source, r.thresholds, options.validate, y, guess.view());
    r.counts = ops::count_pairs(exec, y, guessed, classes, classes, weights);
    if (options.keep_guess) r.guess = ops::download(exec, guessed);
    auto const mark = ops::make_buffer<std::uint8_t>(exec, n);
    ops::for_rows(exec, n, detail::mark_row<S>{y, guessed, weights, mark.view()});
    auto const marks = ops::download(exec, mark.view());
    std::size_t found = 0;
    for (std::size_t i = 0; i < n; ++i) {
      found += marks[i] == 1;
      r.unconfident += marks[i] == 2;
    }
    if (!options.off_diagonal_rows) return;
    r.off_diagonal = vector<std::size_t>(found);
    found = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (marks[i] == 1) r.off_diagonal[found++] = i;
  }

  /// At least 1 on the diagonal, after noting which classes have nothing else.
  static void force_diagonal(confident_joint_result& r) {
    std::size_t const classes = r.counts.rows();
    r.class_estimated = vector<std::uint8_t>(classes);
    for (std::size_t g = 0; g < classes; ++g)
      for (std::size_t t = 0; t < classes; ++t)
        if (r.counts(g, t) > 0) r.class_estimated[t] = 1;
    for (std::size_t k = 0; k < classes; ++k)
      if (r.counts(k, k) < 1) r.counts(k, k) = 1;
  }
};
inline constexpr confident_joint_fn confident_joint{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_CONFIDENT_JOINT_HPP
