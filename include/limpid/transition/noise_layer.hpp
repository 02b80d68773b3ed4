// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/noise_layer.hpp
/// T as a layer on top of a classifier of the true class: its most likely value.
#ifndef LIMPID_TRANSITION_NOISE_LAYER_HPP
#define LIMPID_TRANSITION_NOISE_LAYER_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/corrected_check.hpp>
#include <limpid/transition/detail/layer_solver.hpp>
#include <limpid/transition/detail/normal.hpp>
#include <limpid/transition/detail/row_weights.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace limpid::transition {

/// Where the search starts. The maximum does not depend on it: the likelihood is concave.
enum class layer_start {
  near_identity,  ///< 0.9 I + 0.1 / K
  confusion       ///< counts of arg max S against label, one added to each (Goldberger)
};

struct noise_layer_options {
  layer_solver solver = layer_solver::automatic;
  layer_start start = layer_start::near_identity;
  /// K x K, >= 0: counts added, true x given; empty: none. alpha - 1 of a Dirichlet prior
  matrix<double> prior_counts = {};
  /// g in the penalty g tr T, in rows; >= 0. Sukhbaatar's pull away from the identity
  double trace_weight = 0;
  /// ends when no T can be more likely by this much per row, in nats; >= 0
  double tolerance = 1e-10;
  int max_iterations = 1000;    ///< steps; >= 0
  double floor = 1e-12;         ///< a probability below counts as this; (0, 1 / K]
  bool intervals = false;       ///< fill deviation, low, high; 64 classes at most
  double level = 0.95;          ///< of the intervals; (0, 1)
  bool keep_posterior = false;  ///< fill posterior
  bool validate = true;         ///< check that rows are distributions
  progress on_progress = {};    ///< told steps / max_iterations; false stops
};

/// n rows, K classes.
struct noise_layer_result {
  matrix<double> transition;  ///< K x K, (k, j) = P(given j | true k)
  vector<double> prior;       ///< K, P(true k): mean of the posteriors
  matrix<double> counts;      ///< K x K, expected rows of true class k with label j
  double log_likelihood = 0;  ///< of the labels, in nats
  /// nats that the objective is below its maximum, at most
  double gap = 0;
  int iterations = 0, newton_steps = 0;
  int passes = 0;          ///< over the rows
  bool converged = false;  ///< the tolerance was met
  bool stopped = false;    ///< by on_progress
  /// K x K, of the observed information (entries at 0: 0); empty where it is singular, or unasked
  matrix<double> deviation;
  /// K x K; normal on the scale of log(t / (1 - t)), for entries at 0 up to where the likelihood
  /// has fallen by log(1 - level); as deviation
  matrix<double> low, high;
  matrix<double> posterior;              ///< n x K, P(true k | x_i, y_i); if kept
  vector<std::uint8_t> class_estimated;  ///< K, 0: less than a millionth of a row is of the class;
                                         ///< its row is the identity's
};

namespace detail {

template <class T, memory_space S>
struct layer_rows {
  matrix_view<T const, S> s;
  vector_view<std::int32_t const, S> y;
  vector_view<double const, S> weights;  ///< no data: 1
  matrix_view<double const, S> columns;  ///< K x K, T transposed
  double floor;

  LIMPID_HD double probability(std::size_t i, std::size_t k) const {
    auto const p = static_cast<double>(s(i, k));
    return p > floor ? p : floor;
  }
  LIMPID_HD double label_probability(std::size_t i) const {
    auto const given = static_cast<std::size_t>(y[i]);
    double u = 0;
    for (std::size_t k = 0; k < s.cols; ++k) u += probability(i, k) * columns(given, k);
    return u;
  }
};

/// sum_rows: (label, class) of w s / u, then w log u.
template <class T, memory_space S>
struct layer_gradient {
  layer_rows<T, S> rows_of;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = rows_of.weights.data ? rows_of.weights[i] : 1;
    if (w == 0) return;
    std::size_t const K = rows_of.s.cols;
    double const u = rows_of.label_probability(i), share = w / u;
    double* const row = sums + static_cast<std::size_t>(rows_of.y[i]) * K;
    for (std::size_t k = 0; k < K; ++k) row[k] += share * rows_of.probability(i, k);
    sums[K * K] += w * std::log(u);
  }
};

/// sum_rows: for each label the lower triangle of w s s' / u^2.
template <class T, memory_space S>
struct layer_curvature {
  layer_rows<T, S> rows_of;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = rows_of.weights.data ? rows_of.weights[i] : 1;
    if (w == 0) return;
    std::size_t const K = rows_of.s.cols;
    double const u = rows_of.label_probability(i), share = w / (u * u);
    double* cell = sums + static_cast<std::size_t>(rows_of.y[i]) * (K * (K + 1) / 2);
    for (std::size_t k = 0; k < K; ++k) {
      double const part = share * rows_of.probability(i, k);
      for (std::size_t l = 0; l <= k; ++l) *cell++ += part * rows_of.probability(i, l);
    }
  }
};

/// for_rows: the posterior of the true class.
template <class T, memory_space S>
struct layer_posterior {
  layer_rows<T, S> rows_of;
  matrix_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    auto const given = static_cast<std::size_t>(rows_of.y[i]);
    double const u = rows_of.label_probability(i);
    for (std::size_t k = 0; k < out.cols; ++k)
      out(i, k) = rows_of.probability(i, k) * rows_of.columns(given, k) / u;
  }
};

}  // namespace detail

/// Estimates T from posteriors of the true class and the given labels.
///
/// The most likely T of \f$ \ell(T) = \sum_i w_i \log \sum_k S_{ik} T_{k y_i} \f$, plus \f$ \sum
/// a_{kj} \log T_{kj} \f$ for prior counts a. It is concave over row-stochastic matrices, so that
/// there is one maximum, and with the gradient G no T can exceed \f$ \ell \f$ by more than \f$
/// \sum_k \max_j (G_{kj} - \sum_l T_{kl} G_{kl}) \f$, the `gap`. EM multiplies: \f$ T_{kj} \propto
/// T_{kj} G_{kj} \f$; where entries go to 0 it creeps. Newton's steps have one block per label, and
/// entries at 0 whose gradient keeps them there are held.
///
/// S must be of the true class, say of a model that was trained on clean rows or through T. From
/// posteriors of the given label T comes out as the identity, or near it.
///
/// @param exec     where to run
/// @param S        n x K, P(true = k | x_i): probabilities, not logits; n, K >= 1
/// @param y        n, given labels 0..K-1
/// @param weights  n, >= 0; weight 3 is the row three times. None: all 1. With 1 for trusted and
///                 gamma for other rows, Sukhbaatar's weighting
/// @param options  noise_layer_options
/// @return  noise_layer_result
/// @throws  input_error  for shapes, options outside their intervals, rows that are no
///                       distributions, labels, weights
/// @par Complexity   O(n K) per EM step, O(n K^2 + K^4) per Newton step, of which there are about
///                   ten; O(K^2), O(K^3) memory per tile of rows
/// @par Determinism  bitwise for any number of threads
/// @par Source       S. Sukhbaatar et al., "Training convolutional networks with noisy labels",
///                   ICLR workshop 2015; A. Bekker, J. Goldberger, "Training deep neural-networks
///                   based on unreliable labels", ICASSP 2016 (EM); J. Goldberger, E. Ben-Reuven,
///                   ICLR 2017; R. Varadhan, C. Roland, Scand. J. Statistics 2008 (SQUAREM)
struct noise_layer_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::arg_max_rows_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  noise_layer_result operator()(Exec const& exec, M const& S, L const& y,
                                noise_layer_options const& options = {}) const {
    limpid::detail::enter<noise_layer_fn, Exec, M, L>();
    auto&& held_s = limpid::detail::materialise(S);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const s = limpid::view(held_s);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    check(exec, s, given.size, options);
    auto const labels = ops::check_labels(exec, where, "y", given, s.cols);
    return run(exec, s, labels.view(), {}, static_cast<double>(s.rows), options);
  }
  template <execution_policy Exec, real_matrix M, label_vector L, real_vector W>
  noise_layer_result operator()(Exec const& exec, M const& S, L const& y, W const& weights,
                                noise_layer_options const& options = {}) const {
    limpid::detail::enter<noise_layer_fn, Exec, M, L, W>();
    auto&& held_s = limpid::detail::materialise(S);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_w = limpid::detail::materialise(weights);
    matrix_view<value_t<M> const, Exec::space> const s = limpid::view(held_s);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    vector_view<value_t<W> const, Exec::space> const w = limpid::view(held_w);
    check(exec, s, given.size, options);
    ops::check_rows(where, "S", s.rows, "weights", w.size);
    if (options.validate) ops::check_weights(exec, where, "weights", w);
    auto const labels = ops::check_labels(exec, where, "y", given, s.cols);
    auto const own = detail::in_double(exec, w);
    vector_view<double const, Exec::space> const weight(own.view());
    double const total = ops::sum_rows(exec, s.rows, 1, detail::add_weight<Exec::space>{weight})[0];
    limpid::detail::require(total > 0, where, "weights sum to ", total, "; some must be positive");
    return run(exec, s, labels.view(), weight, total, options);
  }
  template <real_matrix M, label_vector L>
  noise_layer_result operator()(M const& S, L const& y,
                                noise_layer_options const& options = {}) const {
    return (*this)(default_policy, S, y, options);
  }
  template <real_matrix M, label_vector L, real_vector W>
  noise_layer_result operator()(M const& S, L const& y, W const& weights,
                                noise_layer_options const& options = {}) const {
    return (*this)(default_policy, S, y, weights, options);
  }

 private:
  static constexpr std::string_view where = "transition::noise_layer";
  static constexpr std::size_t most_newton_classes = 32, most_interval_classes = 64;

  template <class Exec, class T, memory_space S>
  static void check(Exec const& exec, matrix_view<T const, S> s, std::size_t labels,
                    noise_layer_options const& o) {
    using limpid::detail::require;
    std::size_t const K = s.cols;
    require(s.rows > 0 && K > 0, where, "S is ", s.rows, " x ", K,
            "; need at least one row and one class");
    ops::check_rows(where, "S", s.rows, "y", labels);
    require(o.prior_counts.empty() || (o.prior_counts.rows() == K && o.prior_counts.cols() == K),
            where, "options.prior_counts is ", o.prior_counts.rows(), " x ", o.prior_counts.cols(),
            "; need ", K, " x ", K, ", or none");
    for (std::size_t c = 0; c < o.prior_counts.rows() * o.prior_counts.cols(); ++c)
      require(o.prior_counts.data()[c] >= 0 && o.prior_counts.data()[c] < 1e15, where,
              "options.prior_counts has the entry ", o.prior_counts.data()[c],
              "; need finite counts, at least 0");
    require(o.trace_weight >= 0 && o.trace_weight < 1e15, where, "options.trace_weight is ",
            o.trace_weight, "; need at least 0");
    require(o.tolerance >= 0, where, "options.tolerance is ", o.tolerance, "; need at least 0");
    require(o.max_iterations >= 0, where, "options.max_iterations is ", o.max_iterations,
            "; need at least 0");
    require(o.floor > 0 && o.floor * static_cast<double>(K) <= 1, where, "options.floor is ",
            o.floor, "; need (0, 1 / K]");
    require(o.level > 0 && o.level < 1, where, "options.level is ", o.level, "; need (0, 1)");
    require(!o.intervals || K <= most_interval_classes, where, "options.intervals with ", K,
            " classes; need ", most_interval_classes, " at most");
    require(o.solver != layer_solver::newton || K <= most_interval_classes, where,
            "options.solver is newton with ", K, " classes; need ", most_interval_classes,
            " at most");
    if (o.validate) ops::check_distributions(exec, where, "S", s);
  }

  template <class Exec, class T, memory_space S>
  static noise_layer_result run(Exec const& exec, matrix_view<T const, S> s,
                                vector_view<std::int32_t const, S> y,
                                vector_view<double const, S> weights, double total,
                                noise_layer_options const& options) {
    std::size_t const K = s.cols;
    auto const there = ops::make_buffer<double>(exec, K * K);
    auto const place = [&](matrix<double> const& t) {
      matrix<double> columns(K, K);
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = 0; j < K; ++j) columns(j, k) = t(k, j);
      ops::copy(exec, std::as_const(columns).view(), there.view(K, K));
      return detail::layer_rows<T, S>{s, y, weights, there.view(K, K), options.floor};
    };
    detail::layer_problem problem;
    problem.prior = options.prior_counts;
    problem.trace_weight = options.trace_weight;
    problem.pass.gradient = [&](matrix<double> const& t, matrix<double>& gradient) {
      auto const sums =
          ops::sum_rows(exec, s.rows, K * K + 1, detail::layer_gradient<T, S>{place(t)});
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = 0; j < K; ++j) gradient(k, j) = sums[j * K + k];
      return sums[K * K];
    };
    problem.pass.curvature = [&](matrix<double> const& t) {
      return ops::sum_rows(exec, s.rows, K * (K * (K + 1) / 2),
                           detail::layer_curvature<T, S>{place(t)});
    };

    matrix<double> start(K, K);
    if (options.start == layer_start::confusion) {
      auto const best = ops::make_buffer<std::int32_t>(exec, s.rows);
      ops::arg_max_rows(exec, s, best.view());
      start =
          ops::count_pairs(exec, vector_view<std::int32_t const, S>(best.view()), y, K, K, weights);
    }
    for (std::size_t k = 0; k < K; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < K; ++j)
        sum += start(k, j) = options.start == layer_start::confusion
                                 ? start(k, j) + 1
                                 : (k == j ? 0.9 : 0.0) + 0.1 / static_cast<double>(K);
      for (std::size_t j = 0; j < K; ++j) start(k, j) /= sum;
    }
    detail::layer_climber climber(std::move(problem), std::move(start));
    auto r = climb(climber, total, options);
    if (options.keep_posterior) {
      auto const out = ops::make_buffer<double>(exec, s.rows * K);
      ops::for_rows(exec, s.rows,
                    detail::layer_posterior<T, S>{place(climber.at().T), out.view(s.rows, K)});
      r.posterior = ops::download(exec, out.view(s.rows, K));
    }
    return r;
  }

  static noise_layer_result climb(detail::layer_climber& climber, double total,
                                  noise_layer_options const& options) {
    std::size_t const K = climber.at().T.rows();
    noise_layer_result r;
    auto solver = options.solver;
    if (solver == layer_solver::automatic)
      solver = K <= most_newton_classes ? layer_solver::newton : layer_solver::squarem;
    for (;;) {
      r.converged = climber.at().gap <= options.tolerance * total;
      if (r.converged || r.stopped || r.iterations == options.max_iterations) break;
      if (solver == layer_solver::squarem)
        climber.squarem_step();
      else if (solver == layer_solver::em || r.iterations < 3)
        climber.em_step();
      else
        climber.newton_step();
      ++r.iterations;
      if (options.on_progress)
        r.stopped =
            !options.on_progress(r.iterations / static_cast<double>(options.max_iterations));
    }
    auto const& best = climber.at();
    r.transition = best.T;
    r.log_likelihood = best.likelihood;
    r.gap = (std::max)(best.gap, 0.0);
    r.passes = climber.passes();
    r.newton_steps = climber.newton_steps();
    r.counts = matrix<double>(K, K);
    r.prior = vector<double>(K);
    r.class_estimated = vector<std::uint8_t>(K);
    for (std::size_t k = 0; k < K; ++k) {
      double mass = 0;
      for (std::size_t j = 0; j < K; ++j)
        mass += r.counts(k, j) = best.T(k, j) * best.data_gradient(k, j);
      r.prior[k] = mass / total;
      r.class_estimated[k] = mass >= 1e-6;
      if (!r.class_estimated[k])
        for (std::size_t j = 0; j < K; ++j) r.transition(k, j) = k == j;
    }
    if (options.intervals) add_intervals(climber, options.level, r);
    return r;
  }

  static void add_intervals(detail::layer_climber const& climber, double level,
                            noise_layer_result& r) {
    r.deviation = climber.deviations();
    if (r.deviation.empty()) return;
    std::size_t const K = r.deviation.rows();
    auto const& best = climber.at();
    double const z = detail::normal_quantile((1 + level) / 2);
    r.low = matrix<double>(K, K);
    r.high = matrix<double>(K, K, 1.0);
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t j = 0; j < K; ++j) {
        double const t = best.T(k, j);
        if (r.deviation(k, j) > 0 && t < 1) {
          double const middle = std::log(t / (1 - t)),
                       reach = z * r.deviation(k, j) / (t * (1 - t));
          r.low(k, j) = 1 / (1 + std::exp(reach - middle));
          r.high(k, j) = 1 / (1 + std::exp(-reach - middle));
          continue;
        }
        // the likelihood falls with the slope of the entry, of all others for one that fills its
        // row
        double pull = best.multiplier[k] - climber.gradient(best, k, j);
        if (t > 0.5) {
          pull = std::numeric_limits<double>::infinity();
          for (std::size_t l = 0; l < K; ++l)
            if (l != j) pull = (std::min)(pull, best.multiplier[k] - climber.gradient(best, k, l));
        }
        double const reach = pull > 0 ? (std::min)(-std::log(1 - level) / pull, 1.0) : 1.0;
        if (t > 0.5)
          r.low(k, j) = 1 - reach;
        else
          r.high(k, j) = reach;
      }
  }
};
inline constexpr noise_layer_fn noise_layer{};

/// K classes.
struct estimated_layer_result {
  matrix<double> transition;        ///< K x K, (k, j) = P(given j | true k)
  vector<double> prior;             ///< K, P(true k) among the noisy rows
  matrix<double> true_given_label;  ///< K x K, (j, k) = P(true k | given j)
  double condition = 0;             ///< of P(predicted | true), 1-norm; infinite: singular
  vector<std::uint8_t> projected;   ///< K, 1: no mixture of true classes predicts as label j's rows
                                    ///< are predicted; the nearest was taken
  vector<std::uint8_t> class_estimated;  ///< K, 0: no clean row of the class, or no noisy row of
                                         ///< the label; identity rows
};

/// Sukhbaatar's estimated layer, from the confusions of one classifier on clean and on noisy rows.
/// `clean`: K x K counts, true x predicted; `noisy`: given x predicted; both >= 0. Where the
/// prediction depends on the label through the true class alone, row j of P(predicted | given) is
/// the mixture P(true | given j) of the rows of P(predicted | true); Bayes turns it round. O(K^3).
inline estimated_layer_result estimated_layer(matrix<double> const& clean,
                                              matrix<double> const& noisy) {
  constexpr char const* where = "transition::estimated_layer";
  using limpid::detail::require;
  std::size_t const K = clean.rows();
  require(K > 0 && clean.cols() == K, where, "clean is ", K, " x ", clean.cols(),
          "; need K x K, K >= 1");
  require(noisy.rows() == K && noisy.cols() == K, where, "noisy is ", noisy.rows(), " x ",
          noisy.cols(), "; need ", K, " x ", K);
  estimated_layer_result r;
  r.class_estimated = vector<std::uint8_t>(K, 1);
  r.projected = vector<std::uint8_t>(K);
  vector<double> labels(K);
  double total = 0;
  auto const shares = [&](matrix<double> const& counts, char const* name, vector<double>* sums) {
    matrix<double> share(K, K);
    for (std::size_t i = 0; i < K; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < K; ++j) {
        require(counts(i, j) >= 0 && counts(i, j) < 1e15, where, name, " row ", i,
                " has the entry ", counts(i, j), "; need finite counts, at least 0");
        sum += counts(i, j);
      }
      if (sums) (*sums)[i] = sum;
      if (!(sum > 0)) r.class_estimated[i] = 0;
      for (std::size_t j = 0; j < K; ++j)
        share(i, j) = sum > 0 ? counts(i, j) / sum : (i == j ? 1.0 : 0.0);
    }
    return share;
  };
  auto const of_true = shares(clean, "clean", nullptr), of_given = shares(noisy, "noisy", &labels);
  for (double n : labels) total += n;
  auto const inverted = ops::invert(of_true);
  r.condition = inverted.condition;
  r.true_given_label = r.transition = matrix<double>(K, K);
  r.prior = vector<double>(K);
  for (std::size_t j = 0; j < K; ++j) {
    bool inside = !inverted.inverse.empty() && inverted.condition < 1e12;
    vector<double> row(K), predicted(K);
    for (std::size_t k = 0; k < K; ++k) predicted[k] = of_given(j, k);
    for (std::size_t k = 0; k < K && inside; ++k) {
      for (std::size_t l = 0; l < K; ++l) row[k] += predicted[l] * inverted.inverse(l, k);
      inside = row[k] >= -1e-12;
      if (row[k] < 0) row[k] = 0;
    }
    if (!inside) row = ops::recover_distribution(of_true, predicted).q;
    r.projected[j] = !inside;
    for (std::size_t k = 0; k < K; ++k) {
      r.true_given_label(j, k) = row[k];
      if (total > 0) r.prior[k] += row[k] * labels[j] / total;
    }
  }
  for (std::size_t k = 0; k < K; ++k) {
    if (!(r.prior[k] > 0)) r.class_estimated[k] = 0;
    for (std::size_t j = 0; j < K; ++j)
      r.transition(k, j) = r.prior[k] > 0
                               ? r.true_given_label(j, k) * labels[j] / total / r.prior[k]
                               : (j == k ? 1.0 : 0.0);
  }
  return r;
}

/// The targets of a top-down layer, one row per label: (j, k) = P(true k | given j) of T and a
/// prior. A row labelled j is then fitted to row j, by classify's fit_soft or any soft-target loss.
/// Labels that T and the prior rule out keep the identity's row.
inline matrix<double> top_down_targets(matrix<double> const& transition,
                                       vector<double> const& prior) {
  constexpr char const* where = "transition::top_down_targets";
  std::size_t const K = transition.rows();
  limpid::detail::require(K > 0 && transition.cols() == K && prior.size() == K, where,
                          "transition is ", K, " x ", transition.cols(), ", prior has ",
                          prior.size(), " entries; need K x K and K, K >= 1");
  matrix<double> targets(K, K);
  for (std::size_t j = 0; j < K; ++j) {
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += targets(j, k) = prior[k] * transition(k, j);
    for (std::size_t k = 0; k < K; ++k)
      targets(j, k) = sum > 0 ? targets(j, k) / sum : (j == k ? 1.0 : 0.0);
  }
  return targets;
}

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_NOISE_LAYER_HPP
