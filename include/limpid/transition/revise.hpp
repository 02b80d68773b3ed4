// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/revise.hpp
/// T from a first guess: a slack that the labels ask for, or T and a classifier in turn.
#ifndef LIMPID_TRANSITION_REVISE_HPP
#define LIMPID_TRANSITION_REVISE_HPP

#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/recover_rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

/// What the slack minimises.
enum class revise_loss {
  likelihood,  ///< -log of the label's probability, convex in T
  reweighted   ///< the importance-weighted loss of the paper, weights differentiated
};

struct revise_options {
  revise_loss loss = revise_loss::likelihood;
  double penalty = 1;         ///< m in m / 2 |slack|^2 / n; > 0: without, T is not identified
  matrix<double> slack = {};  ///< K x K, where the search starts; empty: 0
  bool project = true;        ///< keep rows of T distributions. The paper does not
  double holdout = 0;  ///< share of the rows that only judge: T is the one that suits them best;
                       ///< [0, 1)
  std::uint64_t seed = 0;     ///< of their choice
  double tolerance = 1e-9;    ///< ends when a step gains less per row; >= 0
  int max_iterations = 500;   ///< >= 0
  bool validate = true;       ///< check that rows of S and T are distributions
  progress on_progress = {};  ///< told iterations / max_iterations; false stops
};

/// K classes.
struct revise_result {
  matrix<double> transition;                  ///< K x K, the first T and the slack
  matrix<double> slack;                       ///< K x K
  matrix<double> gradient;                    ///< K x K, of the objective at `transition`
  double first_objective = 0, objective = 0;  ///< mean loss and penalty
  double held_out_loss = 0;  ///< mean -log of the label's probability on rows held out; 0 without
  double condition = 0;      ///< of T, 1-norm; infinite if singular
  int iterations = 0;
  bool converged = false, stopped = false;
};

struct revise_jointly_options {
  double prior_rows = 10;     ///< rows that each row of the first T is worth; > 0
  double tolerance = 1e-6;    ///< ends when a round gains less log-likelihood per row; >= 0
  int max_rounds = 50;        ///< >= 1
  bool validate = true;       ///< check that rows of T are distributions
  progress on_progress = {};  ///< told rounds / max_rounds; false stops
};

/// n rows, K classes.
template <class Model>
struct revise_jointly_result {
  matrix<double> transition;  ///< K x K
  Model model;                ///< of P(true | x), as the classifier made it
  matrix<double> posterior;   ///< n x K, P(true | x_i, y_i)
  vector<double> trace;       ///< log-likelihood per row, with the prior on T, after every round
  double condition = 0;       ///< of T, 1-norm; infinite if singular
  int rounds = 0;
  bool converged = false, stopped = false;
};

namespace detail {

/// sum_rows: (label, class) derivatives of the loss in T, then the loss, rows, and the loss and
/// rows held out.
template <class T, memory_space S>
struct revise_rows {
  matrix_view<T const, S> s;
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> columns;  ///< K x K, T transposed
  bool reweighted;
  double holdout;
  std::uint64_t seed;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    constexpr double least = 1e-12;
    std::size_t const K = s.cols, j = static_cast<std::size_t>(y[i]);
    double u = 0;
    for (std::size_t k = 0; k < K; ++k) u += static_cast<double>(s(i, k)) * columns(j, k);
    if (u < least) u = least;
    if (holdout > 0 && random_stream(seed, 0, i).uniform() < holdout) {
      sums[K * K + 2] -= std::log(u);
      sums[K * K + 3] += 1;
      return;
    }
    double slope = -1 / u, loss = -std::log(u);
    if (reweighted) {
      auto const own = static_cast<double>(s(i, j));
      double const entropy = -std::log(own > least ? own : least);
      loss = own / u * entropy;
      slope = -loss / u;
    }
    for (std::size_t k = 0; k < K; ++k) sums[j * K + k] += slope * static_cast<double>(s(i, k));
    sums[K * K] += loss;
    sums[K * K + 1] += 1;
  }
};

/// for_rows and sum_rows: the posterior of the true class, from s or, without, from T alone; counts
/// by label and class, then log u.
template <memory_space S>
struct joint_rows {
  matrix_view<double const, S> s;  ///< no data: all classes alike
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> columns;
  matrix_view<double, S> q;
  LIMPID_HD double share(std::size_t i, std::size_t k) const {
    if (!s.data) return columns(static_cast<std::size_t>(y[i]), k);
    double const p = s(i, k) > 1e-12 ? s(i, k) : 1e-12;
    return p * columns(static_cast<std::size_t>(y[i]), k);
  }
  LIMPID_HD void operator()(std::size_t i) const {
    double u = 0;
    for (std::size_t k = 0; k < q.cols; ++k) u += share(i, k);
    for (std::size_t k = 0; k < q.cols; ++k)
      q(i, k) = u > 0 ? share(i, k) / u : 1 / static_cast<double>(q.cols);
  }
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const K = q.cols, j = static_cast<std::size_t>(y[i]);
    double u = 0;
    for (std::size_t k = 0; k < K; ++k) {
      u += share(i, k);
      sums[j * K + k] += q(i, k);
    }
    sums[K * K] += std::log(u > 1e-300 ? u : 1e-300);
  }
};

}  // namespace detail

/// Revises a first T (T-revision without a network).
///
/// From posteriors S of the true class: the slack D minimises \f$ \frac1n \sum_i \ell_i(T + D) +
/// \frac{m}{2n} \|D\|_F^2 \f$ over row-stochastic T + D, by projected gradients. With u_i = (s_i (T
/// + D))_{y_i}, \f$ \ell_i = -\log u_i \f$, or the paper's \f$ -\frac{s_{i y_i}}{u_i} \log s_{i
/// y_i} \f$, whose minimum favours T with large entries at the labels and is no estimate of T by
/// itself.
///
/// From features and a classifier: EM between T and P(true | x). E: \f$ q_{ik} \propto s_{ik} T_{k
/// y_i} \f$; T's rows are the counts of q and `prior_rows` of the first T's; the classifier is
/// fitted to q. Where nothing ties T to the first guess, T and the classifier can trade a
/// permutation or a mixture: look at `condition`.
///
/// @param exec     where to run
/// @param S        n x K, P(true = k | x_i): probabilities, not logits; n, K >= 1
/// @param X        n x d, features, as the classifier takes them
/// @param y        n, given labels 0..K-1
/// @param T        K x K, the first guess, rows are distributions
/// @param head     with fit_soft(exec, X, targets), that returns a model with probabilities(exec,
///                 X, out): classify::softmax_regression
/// @param options  revise_options, revise_jointly_options
/// @return  revise_result, revise_jointly_result<model>
/// @throws  input_error  for shapes, options outside their intervals, rows that are no
///                       distributions, labels; what the classifier throws
/// @par Complexity   O(n K) per step; jointly a fit of the classifier per round
/// @par Determinism  bitwise for any number of threads, if the classifier is
/// @par Source       X. Xia et al., "Are anchor points really indispensable in label-noise
///                   learning?", NeurIPS 2019; its code adds the slack once per row of a batch and
///                   detaches the weights in its second form: neither is done here
struct revise_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N>
  revise_result operator()(Exec const& exec, M const& S, L const& y, N const& T,
                           revise_options const& options = {}) const {
    limpid::detail::enter<revise_fn, Exec, M, L, N>();
    auto&& held_s = limpid::detail::materialise(S);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    matrix_view<value_t<M> const, Exec::space> const s = limpid::view(held_s);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, Exec::space> const t = limpid::view(held_t);
    check(s.rows, s.cols, options);
    ops::check_rows(where, "S", s.rows, "y", given.size);
    if (options.validate) ops::check_distributions(exec, where, "S", s);
    auto first = read_transition(exec, t, s.cols, options.validate);
    auto const labels = ops::check_labels(exec, where, "y", given, s.cols);
    return run(exec, s, labels.view(), std::move(first), options);
  }
  template <real_matrix M, label_vector L, real_matrix N>
  revise_result operator()(M const& S, L const& y, N const& T,
                           revise_options const& options = {}) const {
    return (*this)(default_policy, S, y, T, options);
  }

  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N, class Head>
    requires(!std::is_convertible_v<Head const&, revise_options>)
  auto operator()(Exec const& exec, M const& X, L const& y, N const& T, Head const& head,
                  revise_jointly_options const& options = {}) const {
    limpid::detail::enter<revise_fn, Exec, M, L, N>();
    auto&& held_x = limpid::detail::materialise(X);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    matrix_view<value_t<M> const, Exec::space> const x = limpid::view(held_x);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, Exec::space> const t = limpid::view(held_t);
    using limpid::detail::require;
    require(x.rows > 0 && t.rows > 0, where, "X has ", x.rows, " rows, T ", t.rows,
            "; need at least one each");
    require(options.prior_rows > 0 && options.prior_rows < 1e15, where, "options.prior_rows is ",
            options.prior_rows, "; need more than 0");
    require(options.tolerance >= 0, where, "options.tolerance is ", options.tolerance,
            "; need at least 0");
    require(options.max_rounds >= 1, where, "options.max_rounds is ", options.max_rounds,
            "; need at least 1");
    ops::check_rows(where, "X", x.rows, "y", given.size);
    auto first = read_transition(exec, t, t.rows, options.validate);
    auto const labels = ops::check_labels(exec, where, "y", given, t.rows);
    return jointly(exec, x, labels.view(), std::move(first), head, options);
  }
  template <real_matrix M, label_vector L, real_matrix N, class Head>
    requires(!std::is_convertible_v<Head const&, revise_options>)
  auto operator()(M const& X, L const& y, N const& T, Head const& head,
                  revise_jointly_options const& options = {}) const {
    return (*this)(default_policy, X, y, T, head, options);
  }

 private:
  static constexpr std::string_view where = "transition::revise";

  static void check(std::size_t n, std::size_t K, revise_options const& o) {
    using limpid::detail::require;
    require(n > 0 && K > 0, where, "S is ", n, " x ", K, "; need at least one row and one class");
    require(o.penalty > 0 && o.penalty < 1e15, where, "options.penalty is ", o.penalty,
            "; need more than 0");
    require(o.slack.empty() || (o.slack.rows() == K && o.slack.cols() == K), where,
            "options.slack is ", o.slack.rows(), " x ", o.slack.cols(), "; need ", K, " x ", K,
            ", or none");
    for (std::size_t c = 0; c < o.slack.rows() * o.slack.cols(); ++c)
      require(std::abs(o.slack.data()[c]) < 1e15, where, "options.slack has the entry ",
              o.slack.data()[c], "; need finite numbers");
    require(o.holdout >= 0 && o.holdout < 1, where, "options.holdout is ", o.holdout,
            "; need [0, 1)");
    require(o.tolerance >= 0, where, "options.tolerance is ", o.tolerance, "; need at least 0");
    require(o.max_iterations >= 0, where, "options.max_iterations is ", o.max_iterations,
            "; need at least 0");
  }

  template <class Exec, class T, memory_space S>
  static matrix<double> read_transition(Exec const& exec, matrix_view<T const, S> t, std::size_t K,
                                        bool validate) {
    limpid::detail::require(t.rows == K && t.cols == K, where, "T is ", t.rows, " x ", t.cols,
                            "; need ", K, " x ", K);
    if (validate) ops::check_distributions(exec, where, "T", t);
    auto const own = ops::download(exec, t);
    matrix<double> wide(K, K);
    for (std::size_t c = 0; c < K * K; ++c) wide.data()[c] = static_cast<double>(own.data()[c]);
    return wide;
  }

  template <class Exec>
  static void place(Exec const& exec, matrix<double> const& t,
                    matrix_view<double, Exec::space> there) {
    matrix<double> columns(t.cols(), t.rows());
    for (std::size_t k = 0; k < t.rows(); ++k)
      for (std::size_t j = 0; j < t.cols(); ++j) columns(j, k) = t(k, j);
    ops::copy(exec, std::as_const(columns).view(), there);
  }

  struct point {
    matrix<double> t, gradient;
    double objective = 0, held_out = 0;
  };

  template <class Exec, class T, memory_space S>
  static revise_result run(Exec const& exec, matrix_view<T const, S> s,
                           vector_view<std::int32_t const, S> y, matrix<double> first,
                           revise_options const& o) {
    std::size_t const K = s.cols;
    auto const there = ops::make_buffer<double>(exec, K * K);
    auto const look = [&](matrix<double> t) {
      place(exec, t, there.view(K, K));
      auto const sums = ops::sum_rows(
          exec, s.rows, K * K + 4,
          detail::revise_rows<T, S>{s, y, there.view(K, K), o.loss == revise_loss::reweighted,
                                    o.holdout, o.seed});
      point p;
      double const rows = sums[K * K + 1] > 0 ? sums[K * K + 1] : 1, pull = o.penalty / rows;
      p.objective = sums[K * K] / rows;
      p.held_out = sums[K * K + 3] > 0 ? sums[K * K + 2] / sums[K * K + 3] : 0;
      p.gradient = matrix<double>(K, K);
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = 0; j < K; ++j) {
          double const gap = t(k, j) - first(k, j);
          p.objective += 0.5 * pull * gap * gap;
          p.gradient(k, j) = sums[j * K + k] / rows + pull * gap;
        }
      p.t = std::move(t);
      return p;
    };
    matrix<double> start = first;
    for (std::size_t c = 0; c < o.slack.rows() * o.slack.cols(); ++c)
      start.data()[c] += o.slack.data()[c];
    if (o.project)
      for (std::size_t k = 0; k < K; ++k) detail::onto_simplex(&start(k, 0), K);
    return descend(look, look(std::move(start)), first, o);
  }

  /// Projected gradients, steps by Barzilai and Borwein, halved until they descend.
  template <class Look>
  static revise_result descend(Look const& look, point at, matrix<double> const& first,
                               revise_options const& o) {
    std::size_t const K = first.rows(), cells = K * K;
    revise_result r;
    r.first_objective = at.objective;
    point best = at;
    double step = 1;
    while (r.iterations < o.max_iterations && !r.converged && !r.stopped) {
      point next;
      bool lower = false;
      for (int halved = 0; halved < 40 && !lower; ++halved, step *= 0.5) {
        matrix<double> t = at.t;
        for (std::size_t c = 0; c < cells; ++c) t.data()[c] -= step * at.gradient.data()[c];
        if (o.project)
          for (std::size_t k = 0; k < K; ++k) detail::onto_simplex(&t(k, 0), K);
        next = look(std::move(t));
        double slope = 0;
        for (std::size_t c = 0; c < cells; ++c)
          slope += at.gradient.data()[c] * (next.t.data()[c] - at.t.data()[c]);
        lower = next.objective <= at.objective + 1e-4 * slope;
        if (lower) break;
      }
      if (!lower) {
        r.converged = true;  // rounding is all that is left
        break;
      }
      ++r.iterations;
      double moved = 0, bend = 0;
      for (std::size_t c = 0; c < cells; ++c) {
        double const d = next.t.data()[c] - at.t.data()[c];
        moved += d * d;
        bend += d * (next.gradient.data()[c] - at.gradient.data()[c]);
      }
      step = bend > 0 && moved / bend < 1e6 ? moved / bend : step * 4;
      r.converged = at.objective - next.objective <= o.tolerance;
      at = std::move(next);
      if (o.holdout == 0 || at.held_out < best.held_out) best = at;
      if (o.on_progress)
        r.stopped = !o.on_progress(r.iterations / static_cast<double>(o.max_iterations));
    }
    r.transition = std::move(best.t);
    r.gradient = std::move(best.gradient);
    r.objective = best.objective;
    r.held_out_loss = best.held_out;
    r.slack = r.transition;
    for (std::size_t c = 0; c < cells; ++c) r.slack.data()[c] -= first.data()[c];
    r.condition = ops::invert(r.transition).condition;
    return r;
  }

  template <class Exec, class T, memory_space S, class Head>
  static auto jointly(Exec const& exec, matrix_view<T const, S> x,
                      vector_view<std::int32_t const, S> y, matrix<double> first, Head const& head,
                      revise_jointly_options const& o) {
    std::size_t const n = x.rows, K = first.rows();
    auto const there = ops::make_buffer<double>(exec, K * K);
    auto const posterior = ops::make_buffer<double>(exec, n * K);
    auto const probability = ops::make_buffer<double>(exec, n * K);
    matrix_view<double, S> const q = posterior.view(n, K), s = probability.view(n, K);
    detail::joint_rows<S> rows{{}, y, there.view(K, K), q};
    place(exec, first, there.view(K, K));
    ops::for_rows(exec, n, rows);
    using model_type = decltype(head.fit_soft(exec, x, matrix_view<double const, S>(q)));
    revise_jointly_result<model_type> r;
    r.transition = first;
    std::vector<double> trace;
    rows.s = s;
    while (!r.converged && !r.stopped && r.rounds < o.max_rounds) {
      r.model = head.fit_soft(exec, x, matrix_view<double const, S>(q));
      r.model.probabilities(exec, x, s);
      place(exec, r.transition, there.view(K, K));
      ops::for_rows(exec, n, rows);
      auto const sums = ops::sum_rows(exec, n, K * K + 1, rows);
      double value = sums[K * K];
      for (std::size_t k = 0; k < K; ++k) {
        double mass = o.prior_rows;
        for (std::size_t j = 0; j < K; ++j) {
          mass += sums[j * K + k];
          if (first(k, j) > 0)
            value += o.prior_rows * first(k, j) *
                     std::log(r.transition(k, j) > 1e-300 ? r.transition(k, j) : 1e-300);
        }
        for (std::size_t j = 0; j < K; ++j)
          r.transition(k, j) = (sums[j * K + k] + o.prior_rows * first(k, j)) / mass;
      }
      trace.push_back(value / static_cast<double>(n));
      ++r.rounds;
      std::size_t const last = trace.size() - 1;
      r.converged = last > 0 && std::abs(trace[last] - trace[last - 1]) <= o.tolerance;
      if (o.on_progress) r.stopped = !o.on_progress(r.rounds / static_cast<double>(o.max_rounds));
    }
    r.trace = vector<double>(std::move(trace));
    r.posterior = ops::download(exec, matrix_view<double const, S>(q));
    r.condition = ops::invert(r.transition).condition;
    return r;
  }
};
inline constexpr revise_fn revise{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_REVISE_HPP
