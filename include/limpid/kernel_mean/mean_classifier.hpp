// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/mean_classifier.hpp
/// Classes told apart by their kernel means.
#ifndef LIMPID_KERNEL_MEAN_MEAN_CLASSIFIER_HPP
#define LIMPID_KERNEL_MEAN_MEAN_CLASSIFIER_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/landmarks.hpp>
#include <limpid/kernel_mean/detail/picks.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/row_math.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean {

/// density: class means as densities, P(c | x) in proportion to prior_c mu_c(x), the vote of a
/// Parzen window; for kernels that are never negative. distance: to prior_c exp(-|phi(x) - mu_c|^2
/// / (2 spread)), for every kernel with a norm.
enum class mean_rule { density, distance };

namespace detail {

/// sum_rows: <mu_c, mu_c'>, then of each class the weighted mean of k(x, x) and the sum of squared
/// weights.
template <class K, class T, memory_space S>
struct add_class_products {
  K k;
  matrix_view<T const, S> x;
  matrix_view<double const, S> inner, weights;  ///< m x K: mu_c(x_i), and class weights
  vector_view<std::int32_t const, S> label;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const classes = weights.cols, c = static_cast<std::size_t>(label[i]);
    double const w = weights(i, c);
    for (std::size_t other = 0; other < classes; ++other)
      sums[c * classes + other] += w * inner(i, other);
    sums[classes * classes + c] += w * diagonal_of(k, x.row(i));
    sums[classes * (classes + 1) + c] += w * w;
  }
};

/// for_rows: class probabilities from inner products with the means.
template <class K, class T, class U, memory_space S>
struct mean_posterior {
  K k;
  matrix_view<T const, S> x;
  matrix_view<double, S> inner;               ///< n x K, used up
  vector_view<double const, S> prior, norm2;  ///< K; prior 0: the class has no rows
  double spread;                              ///< 0: density
  matrix_view<U, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double most = 0, total = 0;
    bool any = false;
    for (std::size_t c = 0; c < out.cols && spread > 0; ++c) {
      if (!(prior[c] > 0)) continue;
      inner(i, c) = (inner(i, c) - norm2[c] / 2) / spread;  // k(x, x) is the same for all
      if (!any || inner(i, c) > most) most = inner(i, c);
      any = true;
    }
    for (std::size_t c = 0; c < out.cols; ++c) {
      double const value = spread > 0 ? std::exp(inner(i, c) - most) : inner(i, c);
      inner(i, c) = prior[c] > 0 && value > 0 ? prior[c] * value : 0;
      total += inner(i, c);
    }
    for (std::size_t c = 0; c < out.cols; ++c)
      out(i, c) = static_cast<U>(total > 0 ? inner(i, c) / total : prior[c]);
  }
};

}  // namespace detail

/// Class means over a copy of the training rows in the policy's memory; `exec` must outlive the
/// model.
template <kernel_like K, class T, execution_policy P>
struct mean_classifier_model {
  K kernel;
  ops::buffer<T, P> features;      ///< m x d
  ops::buffer<double, P> weights;  ///< m x K: mean c is sum_i weights(i, c) phi(x_i)
  std::size_t rows, cols, classes;
  vector<double> prior;  ///< K, share of the training weight; 0: no row, and never predicted
  vector<double> norm2;  ///< K, |mean|^2; empty by density without shrinkage
  vector<double> alpha;  ///< K, share of the way to the mean of all; 0 without shrinkage
  double spread = 0;     ///< mean squared distance of rows from their class's mean; 0 by density

  /// Writes P(c | x_i) to out(i, c); out is n x K, float or double. Where no class has a value
  /// above 0, the prior. O(n m (d + K)) time, O(n K + m (d + K)) memory.
  template <real_matrix M, writable_matrix O>
    requires real_matrix<O> && std::same_as<value_t<M>, T>
  void probabilities(P const& exec, M const& queries, O&& out) const {
    static_assert(
        space_of<M> == P::space && space_of<O> == P::space,
        "limpid: the policy and the data are in different memory spaces; copy the data first");
    using limpid::detail::require;
    constexpr std::string_view name = "kernel_mean::mean_classifier_model";
    auto&& held = limpid::detail::materialise(queries);
    matrix_view<T const, P::space> const x = limpid::view(held);
    matrix_view<value_t<O>, P::space> const to = limpid::view(out);
    std::size_t const n = x.rows;
    require(x.cols == cols, name, "features have ", x.cols, " columns, the model was fitted on ",
            cols);
    require(to.rows == n && to.cols == classes, name, "out is ", to.rows, " x ", to.cols, "; ", n,
            " rows of ", classes, " classes are to be written");
    auto const inner = ops::make_buffer<double>(exec, n * classes);
    auto const share = ops::upload(exec, prior.view());
    auto const norms = ops::upload(exec, norm2.view());
    ops::kernel_sums(exec, kernel, x, matrix_view<T const, P::space>(features.view(rows, cols)),
                     matrix_view<double const, P::space>(weights.view(rows, classes)),
                     inner.view(n, classes));
    ops::for_rows(exec, n,
                  detail::mean_posterior<K, T, value_t<O>, P::space>{
                      kernel, x, inner.view(n, classes), share.view(), norms.view(), spread, to});
  }

  /// The most probable class of each row, the lowest on ties.
  template <real_matrix M>
    requires std::same_as<value_t<M>, T>
  vector<std::int32_t> predict(P const& exec, M const& queries) const {
    auto&& held = limpid::detail::materialise(queries);
    matrix_view<T const, P::space> const x = limpid::view(held);
    auto const p = ops::make_buffer<double>(exec, x.rows * classes);
    probabilities(exec, x, p.view(x.rows, classes));
    auto const best = ops::make_buffer<std::int32_t>(exec, x.rows);
    ops::arg_max_rows(exec, matrix_view<double const, P::space>(p.view(x.rows, classes)),
                      best.view());
    return ops::download(exec, best.view());
  }
};

/// Nearest kernel mean: no training but one mean a class. Meets classify::classifier.
///
///     mean_c = sum over class c of w_i phi(x_i) / sum w_i,
///     shrunk: (1 - alpha_c) mean_c + alpha_c mean of all
///
/// alpha_c is shrink's leave-one-out choice with the mean of all as its target (which holds the
/// class itself: a little too little shrinkage in few classes): small classes lean on the others.
template <kernel_like K = kernel_function>
struct mean_classifier {
  K kernel{};                           ///< positive semidefinite
  mean_rule rule = mean_rule::density;  ///< density: of x - z alone, or a functor never below 0
  bool shrink = false;  ///< needs one more sweep over all pairs of rows, as distance does
  double spread = 0;    ///< >= 0, of distance; smaller is more certain; 0: mean squared distance of
                        ///< rows from their class's mean
  bool validate = true;  ///< check that features are finite and weights are not negative

  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::first_row_fn, ops::copy_fn>;

  /// Keeps a copy of the rows that have a label and a positive weight.
  ///
  /// @param exec     Where to run; must outlive the model.
  /// @param features X, n x d, finite.
  /// @param labels   n class numbers 0..classes-1; rows with a negative label are left out.
  /// @param weights  n weights >= 0, or a view without data: all 1. Those of outlier_score make the
  ///                 means robust; they should then be multiplied by the size of each class.
  /// @param classes  K >= 1.
  /// @return mean_classifier_model.
  /// @throws input_error  on shapes, options out of range, labels out of range, no row left,
  ///         density with a kernel of x.z.
  /// @par Complexity  O(n (d + K)) time and memory; with shrink or distance O(n^2 (d + K)) time.
  /// @par Determinism  Bitwise equal for any number of threads. float32 instead of float64 changes
  ///         a
  /// probability by less than 1e-4 where rows are in range of the kernel.
  template <execution_policy P, real_matrix M, label_vector L, real_vector W>
  mean_classifier_model<K, value_t<M>, P> fit(P const& exec, M const& features, L const& labels,
                                              W const& weights, std::size_t classes) const {
    limpid::detail::enter<mean_classifier, P, M, L, W>();
    using T = value_t<M>;
    using limpid::detail::require;
    constexpr std::string_view name = "kernel_mean::mean_classifier";
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    auto&& held_weights = limpid::detail::materialise(weights);
    matrix_view<T const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const y = limpid::view(held_labels);
    vector_view<value_t<W> const, P::space> const w = limpid::view(held_weights);
    detail::check_positive(name, kernel);
    if constexpr (std::is_same_v<K, kernel_function>)
      require(rule != mean_rule::density || kernel.is_translation_invariant(), name,
              "the kernel depends on x.z and may be negative; take mean_rule::distance");
    require(spread >= 0 && spread - spread == 0, name, "spread is ", spread,
            "; it must be finite and at least 0");
    require(classes >= 1, name, "classes is 0; give the number of classes");
    ops::check_rows(name, "features", x.rows, "labels", y.size);
    if (w.data || w.size) ops::check_rows(name, "features", x.rows, "weights", w.size);
    auto const codes = ops::check_labels(exec, name, "labels", y, classes, true);
    if (validate) {
      ops::check_finite(exec, name, "features", x);
      if (w.data) ops::check_weights(exec, name, "weights", w);
    }

    auto const label = ops::download(exec, codes.view());
    vector<value_t<W>> const weight = w.data ? ops::download(exec, w) : vector<value_t<W>>{};
    std::vector<std::uint64_t> kept;
    std::vector<std::int32_t> of;
    std::vector<double> mass;
    vector<double> prior(classes);
    double total = 0;
    for (std::size_t i = 0; i < label.size(); ++i) {
      double const m = w.data ? static_cast<double>(weight[i]) : 1;
      if (label[i] < 0 || !(m > 0)) continue;
      kept.push_back(i);
      of.push_back(label[i]);
      mass.push_back(m);
      prior[static_cast<std::size_t>(label[i])] += m;
      total += m;
    }
    std::size_t const rows = kept.size();
    require(rows > 0, name, "no row has a label and a positive weight; there is no mean");
    matrix<double> beta(rows, classes);
    for (std::size_t i = 0; i < rows; ++i) {
      auto const c = static_cast<std::size_t>(of[i]);
      beta(i, c) = mass[i] / prior[c];
    }
    for (double& p : prior) p /= total;

    auto copy = detail::rows_of(exec, x, kept.data(), rows);
    vector<double> norm2, alpha(classes);
    double width = 0;
    if (shrink || rule == mean_rule::distance) {
      std::vector<double> const sums =
          products(exec, matrix_view<T const, P::space>(copy.view(rows, x.cols)), of, beta);
      matrix<double> mix = matrix<double>::identity(classes);
      if (shrink) {
        alpha = shares(sums, prior);
        for (std::size_t c = 0; c < classes; ++c)
          for (std::size_t other = 0; other < classes; ++other)
            mix(c, other) = (c == other ? 1 - alpha[c] : 0) + alpha[c] * prior[other];
        for (std::size_t i = 0; i < rows; ++i) {
          auto const own = static_cast<std::size_t>(of[i]);
          double const b = beta(i, own);
          for (std::size_t c = 0; c < classes; ++c) beta(i, c) = b * mix(c, own);
        }
      }
      norm2 = vector<double>(classes);
      for (std::size_t c = 0; c < classes; ++c) {
        for (std::size_t a = 0; a < classes; ++a)
          for (std::size_t b = 0; b < classes; ++b)
            norm2[c] += mix(c, a) * mix(c, b) * sums[a * classes + b];
        double const scatter = sums[classes * classes + c] - sums[c * classes + c];
        if (rule == mean_rule::distance) width += prior[c] * (scatter > 0 ? scatter : 0);
      }
      if (rule == mean_rule::distance)
        width = spread > 0 ? spread : width > 0 ? width : 1e-300;  // rows of a class all equal
    } else {
      norm2 = vector<double>(classes);
    }
    auto placed = ops::upload(exec, matrix_view<double const>(beta.view()));
    return {kernel,           std::move(copy),  std::move(placed), rows, x.cols, classes,
            std::move(prior), std::move(norm2), std::move(alpha),  width};
  }

 private:
  template <execution_policy P, class T>
  std::vector<double> products(P const& exec, matrix_view<T const, P::space> x,
                               std::vector<std::int32_t> const& of,
                               matrix<double> const& beta) const {
    std::size_t const classes = beta.cols();
    auto const label = ops::upload(exec, vector_view<std::int32_t const>(of.data(), of.size()));
    auto const weights = ops::upload(exec, matrix_view<double const>(beta.view()));
    auto const inner = ops::make_buffer<double>(exec, x.rows * classes);
    matrix_view<double const, P::space> const w(weights.view(x.rows, classes));
    ops::kernel_sums(exec, kernel, x, x, w, inner.view(x.rows, classes));
    return ops::sum_rows(exec, x.rows, classes * (classes + 2),
                         detail::add_class_products<K, T, P::space>{
                             kernel, x, inner.view(x.rows, classes), w, label.view()});
  }

  /// shrink's lambda = risk n / ((n - 1) off) with n = 1 / sum of squared weights, towards the mean
  /// of all.
  static vector<double> shares(std::vector<double> const& sums, vector<double> const& prior) {
    std::size_t const classes = prior.size();
    vector<double> out(classes);
    double all = 0;
    std::vector<double> with_all(classes);
    for (std::size_t c = 0; c < classes; ++c) {
      for (std::size_t other = 0; other < classes; ++other)
        with_all[c] += prior[other] * sums[c * classes + other];
      all += prior[c] * with_all[c];
    }
    for (std::size_t c = 0; c < classes; ++c) {
      double const q = sums[classes * (classes + 1) + c], shift = all - 2 * with_all[c];
      if (!(prior[c] > 0)) continue;
      if (!(q < 1)) {  // one row: nothing to judge its mean by
        out[c] = 1;
        continue;
      }
      double const rho = sums[c * classes + c] + shift, v = sums[classes * classes + c] + shift;
      double const over = (v - rho) / ((1 - q) * (1 - q)) * q, off = (rho - q * v) / (1 - q);
      out[c] = over <= 0 ? 0 : off > 0 ? over / (over + off) : 1;
    }
    return out;
  }
};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_MEAN_CLASSIFIER_HPP
