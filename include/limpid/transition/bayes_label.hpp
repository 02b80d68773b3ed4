// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/bayes_label.hpp
/// From the Bayes-optimal label to the given one: rows whose optimal label is sure speak for T.
#ifndef LIMPID_TRANSITION_BAYES_LABEL_HPP
#define LIMPID_TRANSITION_BAYES_LABEL_HPP

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

struct bayes_label_options {
  /// largest noise rate of any row, [0, 1): a row is distilled where its largest posterior is above
  /// (1 + this) / 2. Official code 0.1, paper 0.3; too small lets wrong labels in
  double largest_rate = 0.3;
  double prior_count = 0;  ///< Dirichlet: counts added to each row of T, spread evenly; >= 0
  bool validate = true;    ///< check that rows of P are distributions and labels are in range
};

/// K classes.
struct bayes_label_result {
  matrix<double> transition;   ///< K x K, (k, j) = P(given j | Bayes label k)
  matrix<double> counts;       ///< K x K, Bayes label x given, distilled rows
  vector<std::int32_t> label;  ///< n, the Bayes label, -1 where it is not sure
  std::size_t distilled = 0;   ///< rows with one
  /// K, 0: no distilled row of the class: its row is the mean of the others' flip rates, or the
  /// identity's where there are none
  vector<std::uint8_t> class_estimated;
};

namespace detail {

template <class T, memory_space S>
struct distil_row {
  matrix_view<T const, S> p;
  double threshold;
  vector_view<std::int32_t, S> label;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t best = 0;
    for (std::size_t k = 1; k < p.cols; ++k)
      if (p(i, k) > p(i, best)) best = k;
    label[i] = static_cast<double>(p(i, best)) > threshold ? static_cast<std::int32_t>(best) : -1;
  }
};

}  // namespace detail

/// Finds the rows whose Bayes-optimal label is sure, and the T from it to the given label.
///
/// Where \f$ \max_k P(\text{given } k | x) > (1 + \rho_{max}) / 2 \f$ and no row's noise rate is
/// above \f$ \rho_{max} < 1 \f$, the most probable given label is the most probable true one. The T
/// between them is the law of the given labels of those rows: exact where labels are noise about a
/// deterministic class. For T near a row hand `label` to transition::per_neighbourhood, for T per
/// cluster to transition::per_cluster; the published method trains a network on (x, label, given).
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i): probabilities, not logits; n, K >= 1
/// @param y        n, given labels 0..K-1
/// @param options  bayes_label_options
/// @return  bayes_label_result
/// @throws  input_error  for shapes, options outside their intervals, rows that are no
///                       distributions, labels
/// @par Complexity   O(nK) time, O(n + K^2) memory
/// @par Determinism  bitwise for any policy and number of threads
/// @par Source       S. Yang et al., "Estimating instance-dependent Bayes-label transition matrix
///                   using a deep neural network", ICML 2022, section 3; J. Cheng et al., "Learning
///                   with bounded instance- and label-dependent label noise", ICML 2020, Theorem 1
struct bayes_label_fn {
  using primitives = uses<ops::first_row_fn, ops::for_rows_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  bayes_label_result operator()(Exec const& exec, M const& P, L const& y,
                                bayes_label_options const& options = {}) const {
    limpid::detail::enter<bayes_label_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    return run(exec, p, given, options);
  }

  template <real_matrix M, label_vector L>
  bayes_label_result operator()(M const& P, L const& y,
                                bayes_label_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  static constexpr char const* where = "transition::bayes_label";

  template <class Exec, class T, class L, memory_space S>
  static bayes_label_result run(Exec const& exec, matrix_view<T const, S> p,
                                vector_view<L const, S> given, bayes_label_options const& options) {
    using limpid::detail::require;
    std::size_t const n = p.rows, classes = p.cols;
    require(n > 0 && classes > 0, where, "P is ", n, " x ", classes,
            "; need at least one row and one class");
    require(options.largest_rate >= 0 && options.largest_rate < 1, where,
            "options.largest_rate is ", options.largest_rate, "; need [0, 1)");
    require(options.prior_count >= 0 && options.prior_count < 1e15, where,
            "options.prior_count is ", options.prior_count, "; need [0, 1e15)");
    ops::check_rows(where, "P", n, "y", given.size);
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    auto const sure = ops::make_buffer<std::int32_t>(exec, n);
    ops::for_rows(exec, n,
                  detail::distil_row<T, S>{p, 0.5 * (1 + options.largest_rate), sure.view()});
    bayes_label_result r;
    r.counts = ops::count_pairs(exec, vector_view<std::int32_t const, S>(sure.view()),
                                labels.view(), classes, classes);
    r.label = ops::download(exec, sure.view());
    finish(r, options);
    return r;
  }

  static void finish(bayes_label_result& r, bayes_label_options const& options) {
    std::size_t const classes = r.counts.rows();
    r.transition = detail::rows_of_counts(r.counts, r.class_estimated);
    double rows = 0, right = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      double total = 0;
      for (std::size_t j = 0; j < classes; ++j) total += r.counts(k, j);
      rows += total;
      right += r.counts(k, k);
      double const each = options.prior_count / static_cast<double>(classes);
      for (std::size_t j = 0; total > 0 && j < classes; ++j)
        r.transition(k, j) = (r.counts(k, j) + each) / (total + options.prior_count);
    }
    r.distilled = static_cast<std::size_t>(rows);
    if (!(rows > 0) || classes < 2) return;
    double const rate = 1 - right / rows;
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t j = 0; !r.class_estimated[k] && j < classes; ++j)
        r.transition(k, j) = j == k ? 1 - rate : rate / static_cast<double>(classes - 1);
  }
};
inline constexpr bayes_label_fn bayes_label{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_BAYES_LABEL_HPP
