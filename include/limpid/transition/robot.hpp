// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/robot.hpp
/// T from two levels: a head fitted through T, and a loss that noise does not mislead to judge it.
#ifndef LIMPID_TRANSITION_ROBOT_HPP
#define LIMPID_TRANSITION_ROBOT_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/bilevel_head.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

/// The loss of the outer level; s = P(true | x), y the given label. They differ by a factor and
/// have the same minimum.
enum class robot_loss {
  mean_absolute,         ///< 2 (1 - s_y)
  reverse_cross_entropy  ///< -log_zero (1 - s_y)
};

/// Which T of the path is the estimate.
enum class robot_choice {
  likeliest,  ///< with the lowest forward loss of the rows that judge
  last        ///< where the outer search ended, the paper's
};

struct robot_options {
  robot_loss loss = robot_loss::mean_absolute;
  double log_zero = -4;  ///< what stands for log 0 in reverse cross entropy; < 0
  robot_choice choice = robot_choice::likeliest;
  double first = -4.5;        ///< all parameters of the first T; [-30, 30]
  matrix<double> start = {};  ///< K x K, the first T in place of `first`; empty: none. Each row's
                              ///< diagonal is its largest entry; those below 1e-6 of it are raised
  double penalty = 1e-3;      ///< lambda in lambda / 2 |W|^2, constants included; > 0
  bool standardise = true;    ///< fit to features of mean 0 and deviation 1
  double rate = 0.05;         ///< Adam's step, in parameters of T; > 0
  double tolerance = 1e-3;  ///< ends where the outer gradient is below this times its largest; >= 0
  int max_iterations = 200;       ///< outer steps; >= 0
  double inner_tolerance = 1e-6;  ///< of the head's gradient, Euclidean; > 0
  int inner_iterations = 500;     ///< L-BFGS steps of a fit at most; >= 1
  double solve_tolerance = 1e-4;  ///< of the linear system's residual, relative; (0, 1)
  int solve_iterations = 500;     ///< conjugate gradients at most; >= 1
  double damping = 0;  ///< added to the Hessian's diagonal: a biased, calmer gradient; >= 0
  double holdout = 0;  ///< share of rows that judge and are not fitted to, [0, 1); 0: all do both
  std::uint64_t seed = 0;     ///< of their choice
  bool validate = true;       ///< check that features are finite
  progress on_progress = {};  ///< told outer steps / max_iterations; false stops
};

/// K classes, d columns.
struct robot_result {
  matrix<double> transition;    ///< K x K, (k, j) = P(given j | true k)
  matrix<double> last;          ///< K x K, where the outer search ended
  matrix<double> gradient;      ///< K x K, of the outer loss by the parameters of `last`
  matrix<double> weights;       ///< K x d, of the head at `transition`, in the features' own units
  vector<double> bias;          ///< K; P(true k | x) is proportional to exp(weights x + bias)
  vector<double> outer_loss;    ///< at the first T and after each step
  vector<double> forward_loss;  ///< as outer_loss: mean -log P(given | x) of the rows that judge
  std::size_t chosen = 0;       ///< the step of `transition`
  double inner_residual = 0;    ///< largest norm of the head's gradient after a fit
  double solve_residual = 0;    ///< largest relative residual of the linear system
  int gauss_newton = 0;  ///< steps whose Hessian was not positive: their gradient is approximate
  /// K, 0: no row has label k, or the head puts less than one row in class k: row k is a guess
  vector<std::uint8_t> class_estimated;
  /// K, 1: an entry of the row is above 0.95 of its diagonal, beyond which T is not sought
  vector<std::uint8_t> at_bound;
  double condition = 0;          ///< of `transition`, 1-norm; infinite if singular
  int iterations = 0;            ///< outer steps
  bool converged = false;        ///< the outer tolerance was met
  bool inner_converged = false;  ///< every fit met inner_tolerance, every system solve_tolerance
  bool stopped = false;          ///< by on_progress; what was reached is returned
};

/// Estimates T at two levels, with a softmax-linear head in place of a network.
///
/// Inner: \f$ W^*(T) = \arg\min_W -\frac1n \sum_i \log (s_i^T T)_{y_i} + \frac\lambda2 \|W\|^2 \f$,
/// s = softmax(W (x, 1)). Outer: \f$ \min_T \frac1n \sum_i c (1 - s_{i y_i}) \f$ at W*(T), T =
/// rows of \f$ I + \sigma(A) \f$ off the diagonal, normalised. Exact gradient by T: v solves
/// \f$ H v = \nabla_W L_{out} \f$ with the Hessian of the inner problem, and
/// \f$ dL_{out} / dT = -\partial_T \langle \nabla_W L_{in}, v \rangle \f$.
///
/// The outer loss does not have its minimum at the true T: a noisier T makes the head surer, which
/// it likes. From little noise on, its path leads past the true T; `likeliest` takes the T that
/// suits the labels best. The page of this function has figures.
///
/// @param exec     where to run
/// @param X        n x d, features; finite, n, d >= 1
/// @param y        n, given labels 0..K-1
/// @param classes  K >= 1
/// @param options  robot_options
/// @return  robot_result. Distrust it where `inner_converged` is false, `gauss_newton` not 0,
///          `at_bound` or `chosen` is the path's end
/// @throws  input_error  for shapes, options outside their intervals, features, labels, a holdout
///                       that leaves no row to fit to or to judge
/// @par Complexity   O(n d K) per pass; per outer step a few Newton steps of the head and a linear
///                   system, tens of passes; O(n (d + K)) memory
/// @par Determinism  bitwise for any number of threads
/// @par Source       Y. Lin et al., "A holistic view of label noise transition matrix in deep
///                   learning and beyond", ICLR 2023; parametrisation: X. Li et al., "Provably
///                   end-to-end label-noise learning without anchor points", ICML 2021. The
///                   published code takes one step of the network for W*, and keeps the T that is
///                   nearest to the true one
struct robot_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  robot_result operator()(Exec const& exec, M const& X, L const& y, std::size_t classes,
                          robot_options const& options = {}) const {
    limpid::detail::enter<robot_fn, Exec, M, L>();
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const x = limpid::view(held_x);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    check(x.rows, x.cols, classes, options);
    ops::check_rows(where, "X", x.rows, "y", given.size);
    if (options.validate) ops::check_finite(exec, where, "X", x);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    return run(exec, x, labels.view(), classes, options);
  }
  template <real_matrix M, label_vector L>
  robot_result operator()(M const& X, L const& y, std::size_t classes,
                          robot_options const& options = {}) const {
    return (*this)(default_policy, X, y, classes, options);
  }

 private:
  static constexpr std::string_view where = "transition::robot";
  static constexpr double least_ratio = 1e-6;

  static void check(std::size_t n, std::size_t d, std::size_t K, robot_options const& o) {
    using limpid::detail::require;
    require(K >= 1, where, "classes is 0; give the number of classes");
    require(n > 0 && d > 0, where, "X is ", n, " x ", d, "; need at least one row and one column");
    require(o.log_zero < 0 && o.log_zero > -1e15, where, "options.log_zero is ", o.log_zero,
            "; need less than 0");
    require(o.first >= -30 && o.first <= 30, where, "options.first is ", o.first,
            "; need [-30, 30]");
    require(o.penalty > 0 && o.penalty < 1e15, where, "options.penalty is ", o.penalty,
            "; need more than 0");
    require(o.rate > 0 && o.rate < 1e15, where, "options.rate is ", o.rate, "; need more than 0");
    require(o.tolerance >= 0, where, "options.tolerance is ", o.tolerance, "; need at least 0");
    require(o.max_iterations >= 0, where, "options.max_iterations is ", o.max_iterations,
            "; need at least 0");
    require(o.inner_tolerance > 0, where, "options.inner_tolerance is ", o.inner_tolerance,
            "; need more than 0");
    require(o.inner_iterations >= 1, where, "options.inner_iterations is ", o.inner_iterations,
            "; need at least 1");
    require(o.solve_tolerance > 0 && o.solve_tolerance < 1, where, "options.solve_tolerance is ",
            o.solve_tolerance, "; need (0, 1)");
    require(o.solve_iterations >= 1, where, "options.solve_iterations is ", o.solve_iterations,
            "; need at least 1");
    require(o.damping >= 0 && o.damping < 1e15, where, "options.damping is ", o.damping,
            "; need at least 0");
    require(o.holdout >= 0 && o.holdout < 1, where, "options.holdout is ", o.holdout,
            "; need [0, 1)");
    check_start(K, o.start);
  }

  static void check_start(std::size_t K, matrix<double> const& start) {
    using limpid::detail::require;
    if (start.empty()) return;
    require(start.rows() == K && start.cols() == K, where, "options.start is ", start.rows(), " x ",
            start.cols(), "; need ", K, " x ", K, ", or none");
    ops::check_distributions(default_policy, where, "options.start", start.view());
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t j = 0; j < K; ++j)
        require(j == k || start(k, j) < start(k, k), where, "options.start row ", k, " has ",
                start(k, j), " in column ", j, ", its diagonal is ", start(k, k),
                "; the diagonal must be the largest");
  }

  static double logistic(double a) { return 1 / (1 + std::exp(-a)); }

  static matrix<double> first_parameters(std::size_t K, robot_options const& o) {
    matrix<double> a(K, K, o.first);
    for (std::size_t k = 0; k < o.start.rows(); ++k)
      for (std::size_t j = 0; j < K; ++j) {
        if (j == k) continue;
        double const ratio = o.start(k, j) / o.start(k, k);
        double const inside = ratio < least_ratio       ? least_ratio
                              : ratio > 1 - least_ratio ? 1 - least_ratio
                                                        : ratio;
        a(k, j) = std::log(inside / (1 - inside));
      }
    for (std::size_t k = 0; k < K; ++k) a(k, k) = 0;
    return a;
  }

  static matrix<double> transition_of(matrix<double> const& a) {
    std::size_t const K = a.rows();
    matrix<double> t(K, K);
    for (std::size_t k = 0; k < K; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < K; ++j) sum += t(k, j) = j == k ? 1 : logistic(a(k, j));
      for (std::size_t j = 0; j < K; ++j) t(k, j) /= sum;
    }
    return t;
  }

  /// From a gradient by T, entries free, to one by the parameters.
  static matrix<double> by_parameters(matrix<double> const& a, matrix<double> const& t,
                                      matrix<double> const& by_t) {
    std::size_t const K = a.rows();
    matrix<double> g(K, K);
    for (std::size_t k = 0; k < K; ++k) {
      double mean = 0;
      for (std::size_t j = 0; j < K; ++j) mean += by_t(k, j) * t(k, j);
      for (std::size_t j = 0; j < K; ++j)
        if (j != k) g(k, j) = t(k, j) * (1 - logistic(a(k, j))) * (by_t(k, j) - mean);
    }
    return g;
  }

  template <class Exec, class T, memory_space S>
  static robot_result run(Exec const& exec, matrix_view<T const, S> x,
                          vector_view<std::int32_t const, S> y, std::size_t K,
                          robot_options const& o) {
    std::size_t const n = x.rows, d = x.cols;
    vector<double> centre(d), scale(d, 1.0);
    auto const own = ops::make_buffer<T>(exec, o.standardise ? n * d : 0);
    matrix_view<T const, S> features = x;
    if (o.standardise) {
      auto moments = ops::column_moments(exec, x);
      scale = moments.scale();
      centre = std::move(moments.mean);
      ops::standardise_rows(exec, x, std::as_const(centre).view(), std::as_const(scale).view(),
                            own.view(n, d));
      features = own.view(n, d);
    }
    check_holdout(exec, y, o);
    detail::bilevel_head<Exec, T> head(
        exec, features, y, K,
        {.penalty = o.penalty,
         .damping = o.damping,
         .inner_tolerance = o.inner_tolerance,
         .solve_tolerance = o.solve_tolerance,
         .inner_iterations = static_cast<std::size_t>(o.inner_iterations),
         .solve_iterations = static_cast<std::size_t>(o.solve_iterations),
         .scale = o.loss == robot_loss::mean_absolute ? 2.0 : -o.log_zero,
         .holdout = o.holdout,
         .seed = o.seed});
    robot_result r;
    kept best;
    search(head, K, o, r, best);
    report(exec, y, best, scale, centre, r);
    return r;
  }

  /// The head and T of the chosen step.
  struct kept {
    matrix<double> parameters;
    ops::numbers head, share;
  };

  template <class Head>
  static void search(Head& head, std::size_t K, robot_options const& o, robot_result& r,
                     kept& best) {
    auto a = first_parameters(K, o);
    matrix<double> mean(K, K), square(K, K);
    std::vector<double> outer, forward;
    double largest = 0, fade = 1, fade_square = 1;
    r.inner_converged = true;
    for (;;) {
      auto t = transition_of(a);
      head.place(t);
      double const residual = head.fit();
      auto const now = head.judge();
      auto const slope = head.hypergradient(now.gradient);
      if (outer.empty() || o.choice == robot_choice::last || now.forward_loss < forward[r.chosen]) {
        r.chosen = outer.size();
        best = {a, head.parameters(), now.share};
      }
      outer.push_back(now.loss);
      forward.push_back(now.forward_loss);
      r.gradient = by_parameters(a, t, slope.by_t);
      r.last = std::move(t);
      if (!(residual <= r.inner_residual)) r.inner_residual = residual;
      if (!(slope.residual <= r.solve_residual)) r.solve_residual = slope.residual;
      r.inner_converged =
          r.inner_converged && residual <= o.inner_tolerance && slope.residual <= o.solve_tolerance;
      r.gauss_newton += slope.gauss_newton;

      double norm = 0;
      for (std::size_t c = 0; c < K * K; ++c) norm += r.gradient.data()[c] * r.gradient.data()[c];
      norm = std::sqrt(norm);
      largest = norm > largest ? norm : largest;
      r.converged = norm <= o.tolerance * largest;
      if (r.converged || r.iterations == o.max_iterations || norm - norm != 0) break;
      if (o.on_progress && !o.on_progress(r.iterations / static_cast<double>(o.max_iterations))) {
        r.stopped = true;
        break;
      }
      // Adam
      fade *= 0.9;
      fade_square *= 0.999;
      for (std::size_t c = 0; c < K * K; ++c) {
        double const g = r.gradient.data()[c];
        double& m = mean.data()[c];
        double& s = square.data()[c];
        m = 0.9 * m + 0.1 * g;
        s = 0.999 * s + 0.001 * g * g;
        a.data()[c] -= o.rate * m / (1 - fade) / (std::sqrt(s / (1 - fade_square)) + 1e-8);
      }
      ++r.iterations;
    }
    r.outer_loss = vector<double>(std::move(outer));
    r.forward_loss = vector<double>(std::move(forward));
  }

  template <class Exec, memory_space S>
  static void check_holdout(Exec const& exec, vector_view<std::int32_t const, S> y,
                            robot_options const& o) {
    if (o.holdout == 0) return;
    auto const held = ops::sum_rows(exec, y.size, 1, detail::judging_rows{o.holdout, o.seed})[0];
    limpid::detail::require(held > 0, where, "options.holdout of ", o.holdout,
                            " leaves no row to judge");
    limpid::detail::require(held < static_cast<double>(y.size), where, "options.holdout of ",
                            o.holdout, " leaves no row to fit to");
  }

  template <class Exec, memory_space S>
  static void report(Exec const& exec, vector_view<std::int32_t const, S> y, kept const& best,
                     vector<double> const& scale, vector<double> const& centre, robot_result& r) {
    std::size_t const K = best.parameters.rows(), d = scale.size();
    auto const given = ops::sum_rows(exec, y.size, K, detail::labelled_rows<S>{y});
    r.transition = transition_of(best.parameters);
    r.weights = matrix<double>(K, d);
    r.bias = vector<double>(K);
    r.class_estimated = vector<std::uint8_t>(K);
    r.at_bound = vector<std::uint8_t>(K);
    for (std::size_t k = 0; k < K; ++k) {
      double const* const row = best.head.data() + k * (d + 1);
      r.bias[k] = row[d];
      for (std::size_t j = 0; j < d; ++j) {
        r.weights(k, j) = row[j] * scale[j];
        r.bias[k] -= r.weights(k, j) * centre[j];
      }
      r.class_estimated[k] = given[k] > 0 && best.share[k] * static_cast<double>(y.size) >= 1;
      for (std::size_t j = 0; j < K; ++j)
        if (j != k && logistic(best.parameters(k, j)) > 0.95) r.at_bound[k] = 1;
    }
    r.condition = ops::invert(r.transition).condition;
  }
};
inline constexpr robot_fn robot{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_ROBOT_HPP
