// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/confident_joint.hpp
/// Confident learning: who is counted as what, and the noise that follows.
#ifndef LIMPID_TRANSITION_CONFIDENT_JOINT_HPP
#define LIMPID_TRANSITION_CONFIDENT_JOINT_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/confident.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

/// How the prior of the true classes is read from the joint counts.
enum class prior_rule {
  count,             ///< P(true k | given k) P(given k) / P(given k | true k)
  marginal,          ///< the counts' column sums
  marginal_of_given  ///< sum over g of P(true k | given g) P(given g)
};

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
  vector<std::size_t> given_count;  ///< K, rows that carry each label
  matrix<double> counts;            ///< K x K, given x true: confident rows; diagonal at least 1
  matrix<double> calibrated;  ///< K x K, given x true: whole numbers, row g sums to given_count[g];
                              ///< counts if not asked for
  matrix<double> joint;       ///< K x K, given x true: P(given g, true t), sums to 1
  matrix<double> transition;  ///< K x K, true x given: T(i, j) = P(given j | true i), rows sum to 1
  matrix<double> true_given_label;  ///< K x K, given x true: P(true t | given g), rows sum to 1;
                                    ///< not T's inverse
  vector<double> prior;             ///< K, P(true k), sums to 1
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
///                 >= 1
/// @param y        n, given labels 0..K-1
/// @param options  confident_joint_options
/// @return  confident_joint_result
/// @throws  input_error  for shapes, rows of P that are no distributions, labels out of range,
///                       thresholds not finite
/// @par Complexity   O(nK + K^2 log K) time, two passes over P; n int32, n bytes and O(K^2) doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty
///                   in dataset labels", JAIR 2021, Eq. 2 (its arg max runs over the classes
///                   reached; cleanlab's and this one over all)
struct confident_joint_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  confident_joint_result operator()(Exec const& exec, M const& P, L const& y,
                                    confident_joint_options const& options = {}) const {
    limpid::detail::enter<confident_joint_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    return run(exec, p, given, options);
  }

  template <real_matrix M, label_vector L>
  confident_joint_result operator()(M const& P, L const& y,
                                    confident_joint_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  static constexpr char const* where = "transition::confident_joint";

  template <class Exec, class T, class Label, memory_space S>
  static confident_joint_result run(Exec const& exec, matrix_view<T const, S> p,
                                    vector_view<Label const, S> given,
                                    confident_joint_options const& options) {
    using limpid::detail::require;
    std::size_t const n = p.rows, classes = p.cols;
    require(n > 0 && classes > 0, where, "P is ", n, " x ", classes,
            "; need at least one row and one class");
    ops::check_rows(where, "P", n, "y", given.size);
    require(options.thresholds.empty() || options.thresholds.size() == classes, where,
            "options.thresholds has ", options.thresholds.size(), " entries; need K = ", classes);
    for (std::size_t k = 0; k < options.thresholds.size(); ++k)
      require(ops::detail::is_finite(options.thresholds[k]), where, "options.thresholds[", k,
              "] is not finite");
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    auto const y = labels.view();

    confident_joint_result r;
    auto const sums = ops::sum_rows(exec, n, 2 * classes, detail::self_confidence<T, S>{p, y});
    r.thresholds = vector<double>(options.thresholds);
    r.given_count = vector<std::size_t>(classes);
    for (std::size_t k = 0; k < classes; ++k)
      r.given_count[k] = static_cast<std::size_t>(sums[classes + k]);
    if (r.thresholds.empty()) r.thresholds = mean_self_confidence(sums);

    count(exec, p, y, options, r);
    force_diagonal(r);
    r.calibrated = options.calibrate ? detail::calibrate(r.counts, r.given_count, n) : r.counts;
    latent(options.prior, n, r);
    return r;
  }

  static vector<double> mean_self_confidence(std::vector<double> const& sums) {
    std::size_t const classes = sums.size() / 2;
    vector<double> mean(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      double const rows = sums[classes + k];
      mean[k] = (std::max)(rows > 0 ? sums[k] / rows : detail::threshold_of_absent,
                           detail::least_threshold);
    }
    return mean;
  }

  template <class Exec, class T, memory_space S>
  static void count(Exec const& exec, matrix_view<T const, S> p,
                    vector_view<std::int32_t const, S> y, confident_joint_options const& options,
                    confident_joint_result& r) {
    std::size_t const n = p.rows, classes = p.cols;
    auto const thresholds = ops::upload(exec, std::as_const(r.thresholds).view());
    auto const guess = ops::make_buffer<std::int32_t>(exec, n);
    detail::confident_guess<T, S> const guesser{p, thresholds.view(), guess.view()};
    if (options.validate)
      ops::report_distributions(exec, where, "P", p, ops::first_row(exec, n, detail::checked_guess<T, S>{{p}, guesser}));
    else
      ops::for_rows(exec, n, guesser);
    r.counts = ops::count_pairs(exec, y, vector_view<std::int32_t const, S>(guess.view()), classes,
                                classes);
    r.unconfident = n - static_cast<std::size_t>(detail::sum_of(r.counts));
    if (options.keep_guess) r.guess = ops::download(exec, guess.view());
    if (!options.off_diagonal_rows) return;
    auto const mark = ops::make_buffer<std::uint8_t>(exec, n);
    ops::for_rows(exec, n, detail::mark_off_diagonal<S>{y, guess.view(), mark.view()});
    auto const marks = ops::download(exec, mark.view());
    std::size_t found = 0;
    for (std::size_t i = 0; i < n; ++i) found += marks[i];
    r.off_diagonal = vector<std::size_t>(found);
    found = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (marks[i]) r.off_diagonal[found++] = i;
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

  /// Joint, T, its posterior and the prior from the calibrated counts.
  static void latent(prior_rule rule, std::size_t n, confident_joint_result& r) {
    std::size_t const classes = r.calibrated.rows();
    double const total = detail::at_least_tiny(detail::sum_of(r.calibrated));
    vector<double> given_sum(classes), true_sum(classes);
    r.joint = r.transition = r.true_given_label = matrix<double>(classes, classes);
    for (std::size_t g = 0; g < classes; ++g)
      for (std::size_t t = 0; t < classes; ++t) {
        r.joint(g, t) = r.calibrated(g, t) / total;
        given_sum[g] += r.calibrated(g, t);
        true_sum[t] += r.calibrated(g, t);
      }
    for (std::size_t g = 0; g < classes; ++g)
      for (std::size_t t = 0; t < classes; ++t) {
        r.transition(t, g) = r.calibrated(g, t) / detail::at_least_tiny(true_sum[t]);
        r.true_given_label(g, t) = r.calibrated(g, t) / detail::at_least_tiny(given_sum[g]);
      }

    r.prior = vector<double>(classes);
    double prior_sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      double const share = static_cast<double>(r.given_count[k]) / static_cast<double>(n);
      if (rule == prior_rule::count)
        r.prior[k] = r.true_given_label(k, k) / detail::at_least_tiny(r.transition(k, k)) * share;
      else if (rule == prior_rule::marginal)
        r.prior[k] = true_sum[k] / total;
      else
        for (std::size_t g = 0; g < classes; ++g)
          r.prior[k] += r.true_given_label(g, k) * static_cast<double>(r.given_count[g]) /
                        static_cast<double>(n);
      r.prior[k] = (std::min)((std::max)(r.prior[k], detail::least_prior), 1.0);
      prior_sum += r.prior[k];
    }
    r.label_seen = vector<std::uint8_t>(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      r.prior[k] /= prior_sum;
      if (!detail::clip_row(r.transition, k)) r.class_estimated[k] = 0;
      r.label_seen[k] = detail::clip_row(r.true_given_label, k) && r.given_count[k] > 0;
    }
  }
};
inline constexpr confident_joint_fn confident_joint{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_CONFIDENT_JOINT_HPP
