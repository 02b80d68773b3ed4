// SPDX-License-Identifier: BSL-1.0
/// @file limpid/classify/softmax_regression.hpp
/// Multinomial logistic regression, with labels, with soft targets, or through a label-transition
/// matrix.
#ifndef LIMPID_CLASSIFY_SOFTMAX_REGRESSION_HPP
#define LIMPID_CLASSIFY_SOFTMAX_REGRESSION_HPP

#include <limpid/classify/classifier.hpp>
#include <limpid/classify/detail/softmax_kernels.hpp>
#include <limpid/core/matrix.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/lbfgs.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::classify {

/// A fitted softmax-linear model of K classes on d features: P(k | x) is proportional to exp(z_k),
/// z = W x + bias = W (x - centre) + bias_at_centre. All in the features' own units.
struct softmax_model {
  matrix<double> weights;         ///< W, K x d; 0 in the columns of constant features
  vector<double> bias;            ///< K
  vector<double> centre;          ///< d, weighted means of the training features
  vector<double> bias_at_centre;  ///< K; what predictions use: no digits are lost to large means
  vector<std::uint8_t> classes_seen;   ///< K, 0 where a class had no training weight
  vector<std::uint8_t> features_used;  ///< d, 0 where a feature was constant and is ignored
  std::size_t iterations = 0, evaluations = 0;  ///< of L-BFGS; passes over the data
  double objective = 0;                         ///< mean loss + penalty, nats
  double gradient_norm = 0;  ///< Euclidean, by the weights of standardised features and the biases
  bool converged = false;    ///< the tolerance was met
  bool stopped = false;      ///< on_progress asked to stop

  using primitives = uses<ops::for_rows_fn, ops::copy_fn>;

  /// Writes P(k | x_i) to out(i, k); out is n x K, float or double. O(n d K), O(d K) memory.
  template <execution_policy P, real_matrix M, writable_matrix O>
    requires real_matrix<O>
  void probabilities(P const& exec, M const& features, O&& out) const {
    limpid::detail::enter<softmax_model, P, M, O>();
    auto&& held = limpid::detail::materialise(features);
    auto const x = limpid::view(held);
    auto const to = limpid::view(out);
    check(x.cols);
    limpid::detail::require(to.rows == x.rows && to.cols == bias.size(), name, "out is ", to.rows,
                            " x ", to.cols, "; ", x.rows, " rows of ", bias.size(),
                            " classes are to be written");
    on_device(exec, matrix_view<value_t<M> const, P::space>(x), [&](auto const& linear) {
      ops::for_rows(exec, x.rows,
                    detail::softmax_rows<value_t<M>, value_t<O>, P::space>{linear, to});
    });
  }

  /// P(k | x_i), n x K.
  template <execution_policy P, real_matrix M>
  matrix<double> probabilities(P const& exec, M const& features) const {
    auto&& held = limpid::detail::materialise(features);
    std::size_t const n = limpid::view(held).rows;
    auto const out = ops::make_buffer<double>(exec, n * bias.size());
    probabilities(exec, held, out.view(n, bias.size()));
    return ops::download(exec, out.view(n, bias.size()));
  }
  template <real_matrix M>
  matrix<double> probabilities(M const& features) const {
    return probabilities(default_policy, features);
  }

  /// The most probable class of each row, the lowest of equal ones.
  template <execution_policy P, real_matrix M>
  vector<std::int32_t> predict(P const& exec, M const& features) const {
    limpid::detail::enter<softmax_model, P, M>();
    auto&& held = limpid::detail::materialise(features);
    auto const x = limpid::view(held);
    check(x.cols);
    auto const label = ops::make_buffer<std::int32_t>(exec, x.rows);
    on_device(exec, matrix_view<value_t<M> const, P::space>(x), [&](auto const& linear) {
      ops::for_rows(exec, x.rows, detail::best_class<value_t<M>, P::space>{linear, label.view()});
    });
    return ops::download(exec, label.view());
  }
  template <real_matrix M>
  vector<std::int32_t> predict(M const& features) const {
    return predict(default_policy, features);
  }

 private:
  static constexpr std::string_view name = "classify::softmax_model";

  void check(std::size_t d) const {
    limpid::detail::require(!bias.empty(), name, "the model is empty; fit it first");
    limpid::detail::require(d == weights.cols(), name, "features have ", d,
                            " columns, the model was fitted on ", weights.cols());
  }

  template <class P, class T, memory_space S, class Use>
  void on_device(P const& exec, matrix_view<T const, S> x, Use const& use) const {
    std::size_t const K = bias.size(), d = weights.cols();
    std::vector<double> v(K * (d + 1));
    for (std::size_t i = 0; i < K * d; ++i) v[i] = weights.data()[i];
    for (std::size_t k = 0; k < K; ++k) v[K * d + k] = bias_at_centre[k];
    vector<double> const ones(d, 1.0);
    auto const parameters = ops::upload(exec, vector_view<double const>(v.data(), v.size()));
    auto const mean = ops::upload(exec, centre.view());
    auto const scale = ops::upload(exec, ones.view());
    use(detail::linear_rows<T, S>{x, mean.view(), scale.view(), parameters.view(), K});
  }
};

/// Multinomial logistic regression, fitted by L-BFGS. Meets classifier.
///
/// Minimises, over weights W (K x d) and biases b,
///     sum_i w_i loss_i / sum_i w_i + l2 / 2 sum_kj (W_kj s_j)^2,   z_i = W x_i + b,
/// with s_j the weighted standard deviation of feature j if `standardise` (the penalty is then on
/// the weights of standardised features), else 1. Biases are not penalised. The loss of a row is
///     labels              -log softmax(z)_y
///     with a transition   -log (softmax(z)^T T)_y          forward correction: softmax(z) is then
///     P(true class | x) soft targets        -sum_k q_k log softmax(z)_k
///
/// With labels or soft targets the problem is convex, and has one minimum if l2 > 0; with a
/// transition it need not be: the search starts at W = 0, b = 0, and finds one that is local. With
/// l2 = 0 and classes that a hyperplane separates there is no minimum: W grows until
/// `max_iterations` or the tolerance ends it. A class without training weight is no error: it
/// becomes improbable, as far as its free bias gets, and `classes_seen` says so.
struct softmax_regression {
  double l2 = 1e-4;  ///< penalty, >= 0; l2 n is 1 / C of other libraries
  matrix<double> transition =
      {};  ///< T for forward correction, K x K, T(i, j) = P(observed j | true i); empty = none
  bool standardise = true;           ///< penalise as if each feature had standard deviation 1
  std::size_t max_iterations = 200;  ///< L-BFGS steps, 0 or more
  double tolerance = 1e-5;    ///< stop at |gradient| <= tolerance |gradient at the start|; >= 0
  bool validate = true;       ///< check that data are finite and labels in range
  progress on_progress = {};  ///< told steps done / max_iterations

  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  /// Fits to labels.
  ///
  /// @param exec     Where to run.
  /// @param features X, n x d, finite.
  /// @param labels   n class numbers 0..classes-1; rows with a negative label are left out.
  /// @param weights  n weights >= 0, some positive, or a view without data: all 1. Weight 3 is the
  /// row three times.
  /// @param classes  K >= 1.
  /// @return softmax_model.
  /// @throws input_error  on shapes, options out of range, a transition whose rows are no
  /// distributions or that says a label which
  ///                      occurs cannot be observed, no row with a label and a weight; if
  ///                      `validate`, on data that break the rules above.
  /// @par Complexity   O(n d K) per evaluation, about one per step; memory O(d K) per tile of rows;
  /// X is not copied.
  /// @par Determinism  Bitwise equal for any number of threads.
  /// @par Source       Forward correction: G. Patrini et al., "Making deep neural networks robust
  /// to label noise: a loss correction
  ///                   approach", CVPR 2017, equation 5.
  template <execution_policy P, real_matrix M, label_vector L, real_vector W>
  softmax_model fit(P const& exec, M const& features, L const& labels, W const& weights,
                    std::size_t classes) const {
    limpid::detail::enter<softmax_regression, P, M, L, W>();
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    auto&& held_weights = limpid::detail::materialise(weights);
    matrix_view<value_t<M> const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const y = limpid::view(held_labels);
    vector_view<value_t<W> const, P::space> const w = limpid::view(held_weights);
    limpid::detail::require(classes >= 1, name, "classes is 0; give the number of classes");
    ops::check_rows(name, "features", x.rows, "labels", y.size);
    check_options(classes);
    check_data(exec, x, w);
    auto const codes = ops::check_labels(exec, name, "labels", y, classes, true);
    auto const mass = ops::sum_rows(exec, x.rows, classes,
                                    detail::label_mass<value_t<W>, P::space>{codes.view(), w});
    if (transition.empty())
      return solve(exec, x, w, detail::label_target<P::space>{codes.view()}, mass);

    matrix<double> shares(classes, classes), logs(classes, classes);
    for (std::size_t j = 0; j < classes; ++j) {
      double reach = 0;
      for (std::size_t k = 0; k < classes; ++k) {
        reach += shares(k, j) = transition(k, j) > 0 ? transition(k, j) : 0.0;
        logs(k, j) = std::log(shares(k, j));
      }
      limpid::detail::require(reach > 0 || mass[j] == 0, name, "transition column ", j,
                              " is 0, but rows are labelled ", j,
                              "; a label that occurs must be possible");
    }
    auto const there = ops::upload(exec, std::as_const(shares).view());
    auto const logs_there = ops::upload(exec, std::as_const(logs).view());
    return solve(exec, x, w,
                 detail::forward_target<P::space>{codes.view(), logs_there.view(classes, classes),
                                                  there.view(classes, classes)},
                 mass);
  }
  template <execution_policy P, real_matrix M, label_vector L>
  softmax_model fit(P const& exec, M const& features, L const& labels, std::size_t classes) const {
    return fit(exec, features, labels, vector_view<double const, P::space>{}, classes);
  }
  template <real_matrix M, label_vector L, real_vector W>
  softmax_model fit(M const& features, L const& labels, W const& weights,
                    std::size_t classes) const {
    return fit(default_policy, features, labels, weights, classes);
  }
  template <real_matrix M, label_vector L>
  softmax_model fit(M const& features, L const& labels, std::size_t classes) const {
    return fit(default_policy, features, labels, classes);
  }

  /// Fits to distributions: `targets` is n x K, each row a probability distribution. What EM asks
  /// for. `transition` must be empty. The rest as in fit.
  template <execution_policy P, real_matrix M, real_matrix Q, real_vector W>
  softmax_model fit_soft(P const& exec, M const& features, Q const& targets,
                         W const& weights) const {
    limpid::detail::enter<softmax_regression, P, M, Q, W>();
    auto&& held = limpid::detail::materialise(features);
    auto&& held_targets = limpid::detail::materialise(targets);
    auto&& held_weights = limpid::detail::materialise(weights);
    matrix_view<value_t<M> const, P::space> const x = limpid::view(held);
    matrix_view<value_t<Q> const, P::space> const q = limpid::view(held_targets);
    vector_view<value_t<W> const, P::space> const w = limpid::view(held_weights);
    limpid::detail::require(q.cols >= 1, name, "targets has no columns; one per class is needed");
    limpid::detail::require(transition.empty(), name,
                            "transition corrects labels; it cannot be used with soft targets");
    ops::check_rows(name, "features", x.rows, "targets", q.rows);
    check_options(q.cols);
    check_data(exec, x, w);
    if (validate) ops::check_distributions(exec, name, "targets", q);
    auto const mass = ops::sum_rows(exec, x.rows, q.cols,
                                    detail::soft_mass<value_t<Q>, value_t<W>, P::space>{q, w});
    return solve(exec, x, w, detail::soft_target<value_t<Q>, P::space>{q}, mass);
  }
  template <execution_policy P, real_matrix M, real_matrix Q>
  softmax_model fit_soft(P const& exec, M const& features, Q const& targets) const {
    return fit_soft(exec, features, targets, vector_view<double const, P::space>{});
  }
  template <real_matrix M, real_matrix Q>
  softmax_model fit_soft(M const& features, Q const& targets) const {
    return fit_soft(default_policy, features, targets);
  }

 private:
  static constexpr std::string_view name = "classify::softmax_regression";

  void check_options(std::size_t classes) const {
    using limpid::detail::require;
    require(l2 >= 0 && l2 - l2 == 0, name, "l2 is ", l2, "; it must be finite and at least 0");
    require(tolerance >= 0 && tolerance < 1, name, "tolerance is ", tolerance,
            "; it must be in [0, 1)");
    if (transition.empty()) return;
    require(transition.rows() == classes && transition.cols() == classes, name, "transition is ",
            transition.rows(), " x ", transition.cols(), "; it must be ", classes, " x ", classes);
    ops::check_distributions(default_policy, name, "transition", transition.view());
  }

  template <class P, class T, class W, memory_space S>
  void check_data(P const& exec, matrix_view<T const, S> x, vector_view<W const, S> w) const {
    if (w.data || w.size) ops::check_rows(name, "features", x.rows, "weights", w.size);
    if (!validate) return;
    ops::check_finite(exec, name, "features", x);
    if (w.data) ops::check_weights(exec, name, "weights", w);
  }

  /// The parameters of the search: V = W s of standardised, centred features, then the biases at
  /// the centre.
  template <class P, class T, class W, class Target, memory_space S>
  softmax_model solve(P const& exec, matrix_view<T const, S> x, vector_view<W const, S> w,
                      Target const& target, std::vector<double> const& mass) const {
    std::size_t const n = x.rows, d = x.cols, K = mass.size(), size = K * d + K;
    softmax_model model;
    model.classes_seen = vector<std::uint8_t>(K);
    double total = 0;
    for (std::size_t k = 0; k < K; ++k) {
      model.classes_seen[k] = mass[k] > 0;
      total += mass[k];
    }
    limpid::detail::require(total > 0, name,
                            "no row has a label and a positive weight; nothing can be fitted");

    auto moments = ops::column_moments(exec, x, detail::used_weight<W, Target, S>{w, target});
    double const rows =
        moments.weight;  // total, but for soft targets that do not sum to 1 in the last digit
    vector<double> const scale = moments.scale();
    model.features_used = vector<std::uint8_t>(d);
    for (std::size_t j = 0; j < d; ++j) model.features_used[j] = scale[j] > 0;
    model.centre = std::move(moments.mean);
    auto const centre = ops::upload(exec, std::as_const(model.centre).view());
    auto const scales = ops::upload(exec, scale.view());

    auto const objective = [&](ops::numbers const& v, ops::numbers& gradient) {
      auto const parameters = ops::upload(exec, vector_view<double const>(v.data(), v.size()));
      auto const sums =
          ops::sum_rows(exec, n, size + 1,
                        detail::softmax_gradient<T, W, Target, S>{
                            {x, centre.view(), scales.view(), parameters.view(), K}, w, target});
      for (std::size_t i = 0; i < size; ++i) gradient[i] = sums[i] / rows;
      double penalty = 0;
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = 0; j < d; ++j) {
          double const unit = standardise ? 1.0 : scale[j];
          double const weight = v[k * d + j] * unit;
          penalty += weight * weight;
          gradient[k * d + j] += l2 * weight * unit;
        }
      return sums[size] / rows + 0.5 * l2 * penalty;
    };
    ops::numbers v(size);
    auto const ended = ops::lbfgs(
        v, objective,
        [&](std::size_t done) {
          return !on_progress ||
                 on_progress(static_cast<double>(done) / static_cast<double>(max_iterations));
        },
        {.max_iterations = max_iterations, .tolerance = tolerance});

    model.weights = matrix<double>(K, d);
    model.bias = vector<double>(K);
    model.bias_at_centre = vector<double>(K);
    for (std::size_t k = 0; k < K; ++k) {
      model.bias[k] = model.bias_at_centre[k] = v[K * d + k];
      for (std::size_t j = 0; j < d; ++j) {
        model.weights(k, j) = v[k * d + j] * scale[j];
        model.bias[k] -= model.weights(k, j) * model.centre[j];
      }
    }
    model.iterations = ended.iterations;
    model.evaluations = ended.evaluations;
    model.objective = ended.objective;
    model.gradient_norm = ended.gradient_norm;
    model.converged = ended.converged;
    model.stopped = ended.stopped;
    return model;
  }
};

}  // namespace limpid::classify

#endif  // LIMPID_CLASSIFY_SOFTMAX_REGRESSION_HPP
