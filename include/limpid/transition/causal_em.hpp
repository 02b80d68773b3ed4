// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/causal_em.hpp
/// T from how samples and labels arise together: a class makes the features, class and features
/// make the label.
#ifndef LIMPID_TRANSITION_CAUSAL_EM_HPP
#define LIMPID_TRANSITION_CAUSAL_EM_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/assignment.hpp>
#include <limpid/transition/detail/gaussian_classes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

/// What the label depends on, given the true class.
enum class label_channel {
  class_dependent,    ///< T(k, j)
  instance_dependent  ///< T(k, j | x), K multinomial logistic regressions
};

struct causal_em_options {
  label_channel channel = label_channel::class_dependent;
  bool diagonal =
      false;  ///< features independent within a class: O(d) numbers per class instead of O(d^2)
  int starts = 4;  ///< starts from the features alone, beside the one from the given labels; >= 0
  double ridge =
      1e-3;  ///< added to every variance, in units of the feature's own variance over all rows; > 0
  double smoothing =
      0.1;  ///< class_dependent: rows added to each entry of T before it is normalised; >= 0
  double penalty = 1.0;      ///< instance_dependent: L2 penalty on its coefficients, in rows; > 0
  double tolerance = 1e-7;   ///< ends when a step gains less log-likelihood per row; >= 0
  int max_iterations = 500;  ///< per start, >= 1
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the share of starts done; false stops
  bool validate = true;       ///< check that features are finite
};

/// n rows, K classes, d columns.
struct causal_em_result {
  matrix<double> posterior;   ///< n x K, P(true class | x, label)
  matrix<double> transition;  ///< K x K, (k, j) = P(given j | true k), over the rows of class k
  vector<double> prior;       ///< K, P(true class)
  matrix<double> mean;        ///< K x d
  /// Full: K blocks of d x d, one below the other. Diagonal: K x d variances.
  matrix<double> covariance;
  /// instance_dependent: K blocks of K x (d + 1), the last column the constant: log-odds of the
  /// labels of true class k, of standardised features. Else empty.
  matrix<double> coefficients;
  double log_likelihood = 0;        ///< of features and labels together, of the best start
  vector<double> start_likelihood;  ///< starts + 1; the first is that of the given labels
  std::size_t best_start = 0;
  vector<double> trace;                  ///< log-likelihood before every step of the best start
  int iterations = 0;                    ///< of the best start
  bool converged = false;                ///< the best start met the tolerance
  bool stopped = false;                  ///< by on_progress: the best of the starts that were done
  vector<std::uint8_t> class_estimated;  ///< K, 0: hardly any row (less than one) is of the class
};

/// Fits features and noisy labels together, by EM.
///
/// \f$ y \sim \pi,\; x \mid y = k \sim N(\mu_k, S_k),\; \tilde y \mid y = k, x \sim T(k, \cdot \mid
/// x) \f$. Where the class causes the features, P(x) says something about the true class that the
/// labels cannot: clusters. The posterior of the true class weighs both. The likelihood has a trap,
/// T near the identity, which a start from the labels falls into: further starts fit the clusters
/// alone, name them by the labels within them, and the best likelihood is kept.
///
/// @param exec     where to run
/// @param X        n x d, features; finite. They are standardised first
/// @param y        n, given labels 0..K-1, negative = unlabelled
/// @param classes  K >= 1
/// @param options  causal_em_options
/// @return  causal_em_result. It is as good as the Gaussian shape of the classes: look at
///          `start_likelihood`, and at whether the posterior's classes are those that were meant
/// @throws  input_error  for shapes, options outside their intervals, fewer rows than classes,
///          features, labels
/// @par Complexity   O(n K d^2) time per step (diagonal: O(n K d)), with instance_dependent O(n K^2
///         d) more; O(n (d + K)) memory
/// @par Determinism  bitwise for any number of threads; draws are keyed by the seed
/// @par Source       Y. Yao, T. Liu, M. Gong, B. Han, G. Niu, K. Zhang, "Instance-dependent
///                   label-noise learning under a structural causal model", NeurIPS 2021 (the
///                   generative model, without its networks); EM after N. Lawrence, B. Schoelkopf,
///                   "Estimating a kernel Fisher discriminant in the presence of label noise", ICML
///                   2001
struct causal_em_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "transition::causal_em";

  template <execution_policy Exec, real_matrix M, label_vector L>
  causal_em_result operator()(Exec const& exec, M const& X, L const& y, std::size_t classes,
                              causal_em_options const& options = {}) const {
    limpid::detail::enter<causal_em_fn, Exec, M, L>();
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const x = limpid::view(held_x);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    check(x.rows, x.cols, classes, options);
    ops::check_rows(where, "X", x.rows, "y", given.size);
    if (options.validate) ops::check_finite(exec, where, "X", x);
    auto const labels = ops::check_labels(exec, where, "y", given, classes, true);
    return run(exec, x, labels.view(), classes, options);
  }
  template <real_matrix M, label_vector L>
  causal_em_result operator()(M const& X, L const& y, std::size_t classes,
                              causal_em_options const& options = {}) const {
    return (*this)(default_policy, X, y, classes, options);
  }

 private:
  static void check(std::size_t n, std::size_t d, std::size_t classes, causal_em_options const& o) {
    using limpid::detail::require;
    require(classes >= 1, where, "classes is 0; give the number of classes");
    require(n >= classes && d > 0, where, "X is ", n, " x ", d,
            "; need a column and at least as many rows as classes, ", classes);
    require(o.starts >= 0, where, "options.starts is ", o.starts, "; need at least 0");
    require(o.ridge > 0, where, "options.ridge is ", o.ridge, "; need more than 0");
    require(o.smoothing >= 0, where, "options.smoothing is ", o.smoothing, "; need at least 0");
    require(o.penalty > 0, where, "options.penalty is ", o.penalty, "; need more than 0");
    require(o.tolerance >= 0, where, "options.tolerance is ", o.tolerance, "; need at least 0");
    require(o.max_iterations >= 1, where, "options.max_iterations is ", o.max_iterations,
            "; need at least 1");
  }

  template <class Exec, class T, memory_space S>
  static causal_em_result run(Exec const& exec, matrix_view<T const, S> x,
                              vector_view<std::int32_t const, S> y, std::size_t classes,
                              causal_em_options const& options) {
    std::size_t const n = x.rows, d = x.cols;
    auto const spread = ops::column_moments(exec, x);
    auto const scale = spread.scale();
    auto const own = ops::make_buffer<T>(exec, n * d);
    ops::standardise_rows(exec, x, spread.mean.view(), scale.view(), own.view(n, d));
    detail::gaussian_classes<Exec, T> model(
        exec, matrix_view<T const, S>(own.view(n, d)), y, classes,
        {.diagonal = options.diagonal,
         .instance = options.channel == label_channel::instance_dependent,
         .ridge = options.ridge,
         .smoothing = options.smoothing,
         .penalty = options.penalty});

    causal_em_result r;
    auto const starts = static_cast<std::size_t>(options.starts) + 1;
    r.start_likelihood = vector<double>(starts, -std::numeric_limits<double>::infinity());
    r.log_likelihood = -std::numeric_limits<double>::infinity();
    for (std::size_t s = 0; s < starts && !r.stopped; ++s) {
      if (s == 0)
        model.start_from_labels();
      else
        start_from_clusters(model, options, s);
      std::vector<double> trace;
      bool const converged = climb(model, options, trace);
      r.start_likelihood[s] = trace.back();
      if (trace.back() > r.log_likelihood) {
        r.log_likelihood = trace.back();
        r.best_start = s;
        r.converged = converged;
        r.iterations = static_cast<int>(trace.size()) - 1;
        r.trace = vector<double>(trace.size());
        for (std::size_t i = 0; i < trace.size(); ++i) r.trace[i] = trace[i];
        keep(model, r);
      }
      r.stopped = options.on_progress && s + 1 < starts &&
                  !options.on_progress(static_cast<double>(s + 1) / static_cast<double>(starts));
    }

    // Back to the caller's units.
    double shift = 0;
    for (std::size_t j = 0; j < d; ++j)
      if (scale[j] > 0) shift += static_cast<double>(n) * std::log(scale[j]);
    r.log_likelihood += shift;
    for (double& l : r.start_likelihood) l += shift;
    for (double& l : r.trace) l += shift;
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t j = 0; j < d; ++j)
        r.mean(k, j) = spread.mean[j] + r.mean(k, j) * spread.deviation[j];
    for (std::size_t a = 0; a < r.covariance.rows(); ++a)
      for (std::size_t b = 0; b < d; ++b)
        r.covariance(a, b) *= spread.deviation[b] * spread.deviation[options.diagonal ? b : a % d];
    return r;
  }

  /// Clusters of the features alone, each named by its labels.
  template <class Model>
  static void start_from_clusters(Model& model, causal_em_options const& options,
                                  std::size_t start) {
    model.start_from_seeds(options.seed, start);
    model.use_labels(false);
    std::vector<double> ignored;
    climb(model, options, ignored);
    model.use_labels(true);
    model.rename(detail::best_assignment(model.label_counts()));
  }

  /// EM steps; trace gets the log-likelihood before each, and after the last.
  template <class Model>
  static bool climb(Model& model, causal_em_options const& options, std::vector<double>& trace) {
    model.maximise();
    trace.push_back(model.expect());
    for (int step = 0; step < options.max_iterations; ++step) {
      model.maximise();
      trace.push_back(model.expect());
      if (trace.back() - trace[trace.size() - 2] <=
          options.tolerance * static_cast<double>(model.rows()))
        return true;
    }
    return false;
  }

  template <class Model>
  static void keep(Model& model, causal_em_result& r) {
    r.posterior = model.posterior();
    r.prior = model.prior();
    r.mean = model.mean();
    r.covariance = model.covariance();
    r.transition = model.transition();
    r.coefficients = model.coefficients();
    r.class_estimated = vector<std::uint8_t>(r.prior.size());
    for (std::size_t k = 0; k < r.prior.size(); ++k)
      r.class_estimated[k] = r.prior[k] * static_cast<double>(model.rows()) >= 1;
  }
};
inline constexpr causal_em_fn causal_em{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_CAUSAL_EM_HPP
