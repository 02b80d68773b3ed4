// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/trust_mixture.hpp
/// Each label is either that of the model's posterior or a draw from a background: how far is it to
/// be trusted?
#ifndef LIMPID_TRANSITION_TRUST_MIXTURE_HPP
#define LIMPID_TRANSITION_TRUST_MIXTURE_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

struct trust_mixture_options {
  /// n numbers 0..sources-1 on the host: who gave the label. Each source has a trust of its own.
  /// Empty: one for all. The given labels themselves give a trust per given class.
  vector_view<std::int32_t const> source = {};
  std::size_t sources = 1;          ///< with `source`: how many there are, >= 1
  bool uniform_background = false;  ///< keep b at 1 / K: then T is symmetric noise
  double start = 0.5;               ///< trust at the start, (0, 1)
  double tolerance =
      1e-8;  ///< ends when no trust and no entry of the background moves by more; >= 0
  int max_iterations = 1000;   ///< >= 0
  bool keep_posterior = true;  ///< fill `posterior`, n x K
  progress on_progress = {};   ///< told iterations / max_iterations; false stops
  bool validate = true;  ///< check that rows of P are distributions and weights are not negative
};

/// n rows, K classes.
struct trust_mixture_result {
  vector<double> trust;         ///< n, P(the label is the true class's | x, label)
  vector<double> source_trust;  ///< sources, a: share of a source's labels that are the true
                                ///< class's; 0.5 where it gave none
  vector<double> background;    ///< K, b: what the other labels are drawn from; sums to 1
  matrix<double> transition;  ///< K x K, a I + (1 - a) 1 b', with a the mean trust over all weight
  matrix<double> posterior;   ///< n x K, P(true class | x, label); empty without keep_posterior
  double log_likelihood = 0;  ///< sum of weights times log P(label | x)
  int iterations = 0;
  bool converged = false;
  bool stopped = false;              ///< by on_progress: the estimates are those of the last step
  vector<std::uint8_t> source_seen;  ///< sources, 0: no label of positive weight
};

namespace detail {

/// a P(i, y_i) + (1 - a) b_{y_i} of row i, and its first part.
template <class T, memory_space S>
struct trust_of_row {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y, source;  ///< source: no data = all 0
  vector_view<double const, S> trust, background;

  LIMPID_HD std::size_t source_of(std::size_t i) const {
    return source.data ? static_cast<std::size_t>(source[i]) : 0;
  }
  LIMPID_HD double operator()(std::size_t i, double& own) const {
    auto const label = static_cast<std::size_t>(y[i]);
    double const a = trust[source_of(i)];
    own = a * static_cast<double>(p(i, label));
    return own + (1 - a) * background[label];
  }
};

/// sum_rows: per source the trust, then per class the distrust.
template <class T, class W, memory_space S>
struct trust_step {
  trust_of_row<T, S> law;
  vector_view<W const, S> weights;  ///< no data = all 1
  std::size_t sources;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = weights.data ? static_cast<double>(weights[i]) : 1.0;
    if (!(w > 0)) return;
    double own = 0;
    double const all = law(i, own), t = all > 0 ? own / all : 0.0;
    sums[law.source_of(i)] += w * t;
    sums[sources + static_cast<std::size_t>(law.y[i])] += w * (1 - t);
  }
};

/// sum_rows: the log-likelihood.
template <class T, class W, memory_space S>
struct trust_likelihood {
  trust_of_row<T, S> law;
  vector_view<W const, S> weights;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = weights.data ? static_cast<double>(weights[i]) : 1.0;
    double own = 0;
    if (w > 0) sums[0] += w * std::log(law(i, own));
  }
};

/// sum_rows: weight per source, then per given class.
template <class W, memory_space S>
struct trust_weights {
  vector_view<std::int32_t const, S> y, source;
  vector_view<W const, S> weights;
  std::size_t sources;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = weights.data ? static_cast<double>(weights[i]) : 1.0;
    sums[source.data ? static_cast<std::size_t>(source[i]) : 0] += w;
    sums[sources + static_cast<std::size_t>(y[i])] += w;
  }
};

/// for_rows: the trust of each row, and the posterior of its true class where `out` has data.
template <class T, memory_space S>
struct write_trust {
  trust_of_row<T, S> law;
  vector_view<double, S> trust;
  matrix_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double own = 0;
    double const all = law(i, own), t = all > 0 ? own / all : 0.0;
    trust[i] = t;
    if (!out.data) return;
    for (std::size_t k = 0; k < out.cols; ++k)
      out(i, k) = (1 - t) * static_cast<double>(law.p(i, k));
    out(i, static_cast<std::size_t>(law.y[i])) += t;
  }
};

}  // namespace detail

/// Splits labels into those of the posterior and those of a background, by EM.
///
/// \f$ P(\tilde y_i \mid x_i) = a\, P_{i \tilde y_i} + (1 - a)\, b_{\tilde y_i} \f$: a label is,
/// with probability a, drawn from the model's posterior row, else from a background b that does not
/// look at the sample. The trust of a label is its share of the first part; a is the mean trust of
/// its source, b the distribution of what is not trusted. It is the classical core of quality
/// embedding, where a network predicts a.
///
/// @param exec     where to run
/// @param P        n x K, P(true = k | x_i), out of sample: probabilities, not logits; n, K >= 1
/// @param y        n, given labels 0..K-1
/// @param weights  n, finite and not negative; 0 leaves a row out of the fit. Optional
/// @param options  trust_mixture_options
/// @return  trust_mixture_result; the log-likelihood never falls from step to step
/// @throws  input_error  for shapes, options outside their intervals, rows that are no
///          distributions, labels, weights
/// @par Complexity   O(n) time per step, O(nK) at the end; O(n) scratch
/// @par Determinism  bitwise for any number of threads
/// @par Source       the mixture behind J. Yao et al., "Deep learning from noisy image labels with
///                   quality embedding", IEEE TIP 2019 (the network's contrastive-additive layer)
struct trust_mixture_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "transition::trust_mixture";

  template <execution_policy Exec, real_matrix M, label_vector L, real_vector W>
  trust_mixture_result operator()(Exec const& exec, M const& P, L const& y, W const& weights,
                                  trust_mixture_options const& options = {}) const {
    limpid::detail::enter<trust_mixture_fn, Exec, M, L, W>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_w = limpid::detail::materialise(weights);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    vector_view<value_t<W> const, S> const w = limpid::view(held_w);
    check(p.rows, p.cols, options);
    ops::check_rows(where, "P", p.rows, "y", given.size);
    if (w.data) ops::check_rows(where, "P", p.rows, "weights", w.size);
    if (options.validate) {
      ops::check_distributions(exec, where, "P", p);
      if (w.data) ops::check_weights(exec, where, "weights", w);
    }
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return run(exec, p, labels.view(), w, options);
  }
  template <execution_policy Exec, real_matrix M, label_vector L>
  trust_mixture_result operator()(Exec const& exec, M const& P, L const& y,
                                  trust_mixture_options const& options = {}) const {
    return (*this)(exec, P, y, vector_view<double const, Exec::space>{}, options);
  }
  template <real_matrix M, label_vector L, real_vector W>
  trust_mixture_result operator()(M const& P, L const& y, W const& weights,
                                  trust_mixture_options const& options = {}) const {
    return (*this)(default_policy, P, y, weights, options);
  }
  template <real_matrix M, label_vector L>
  trust_mixture_result operator()(M const& P, L const& y,
                                  trust_mixture_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  static void check(std::size_t n, std::size_t classes, trust_mixture_options const& options) {
    using limpid::detail::require;
    require(n > 0 && classes > 0, where, "P is ", n, " x ", classes,
            "; need at least one row and one class");
    require(options.start > 0 && options.start < 1, where, "options.start is ", options.start,
            "; need (0, 1)");
    require(options.tolerance >= 0, where, "options.tolerance is ", options.tolerance,
            "; need at least 0");
    require(options.max_iterations >= 0, where, "options.max_iterations is ",
            options.max_iterations, "; need at least 0");
    require(options.sources >= 1, where, "options.sources is 0; need at least 1");
    if (!options.source.data) {
      require(options.sources == 1, where, "options.sources is ", options.sources,
              " without options.source");
      return;
    }
    ops::check_rows(where, "P", n, "options.source", options.source.size);
    for (std::size_t i = 0; i < n; ++i)
      require(
          options.source[i] >= 0 && static_cast<std::size_t>(options.source[i]) < options.sources,
          where, "options.source row ", i, " is ", options.source[i], "; sources must be 0..",
          options.sources - 1);
  }

  template <class Exec, class T, class W, memory_space S>
  static trust_mixture_result run(Exec const& exec, matrix_view<T const, S> p,
                                  vector_view<std::int32_t const, S> y,
                                  vector_view<W const, S> weights,
                                  trust_mixture_options const& options) {
    std::size_t const n = p.rows, classes = p.cols, sources = options.sources;
    auto const source_rows = ops::upload(exec, options.source);
    vector_view<std::int32_t const, S> const source = source_rows.view();

    auto const mass = ops::sum_rows(exec, n, sources + classes,
                                    detail::trust_weights<W, S>{y, source, weights, sources});
    double total = 0;
    for (std::size_t s = 0; s < sources; ++s) total += mass[s];
    limpid::detail::require(total > 0, where, "weights sum to 0; some row needs a weight");

    trust_mixture_result r;
    r.source_trust = vector<double>(sources, options.start);
    r.source_seen = vector<std::uint8_t>(sources);
    for (std::size_t s = 0; s < sources; ++s) r.source_seen[s] = mass[s] > 0;
    r.background = vector<double>(classes, 1.0 / static_cast<double>(classes));
    if (!options.uniform_background)
      for (std::size_t k = 0; k < classes; ++k) r.background[k] = mass[sources + k] / total;

    auto const trust = ops::make_buffer<double>(exec, sources),
               background = ops::make_buffer<double>(exec, classes);
    detail::trust_of_row<T, S> const law{p, y, source, trust.view(), background.view()};
    auto const publish = [&] {
      ops::copy(exec, std::as_const(r.source_trust).view(), trust.view());
      ops::copy(exec, std::as_const(r.background).view(), background.view());
    };
    publish();
    while (r.iterations < options.max_iterations && !r.converged && !r.stopped) {
      auto const sum = ops::sum_rows(exec, n, sources + classes,
                                     detail::trust_step<T, W, S>{law, weights, sources});
      double distrust = 0, moved = 0;
      auto const set = [&moved](double& to, double value) {
        double const by = std::abs(value - to);
        moved = by > moved ? by : moved;
        to = value;
      };
      for (std::size_t k = 0; k < classes; ++k) distrust += sum[sources + k];
      for (std::size_t s = 0; s < sources; ++s)
        if (mass[s] > 0) set(r.source_trust[s], sum[s] / mass[s]);
      if (!options.uniform_background && distrust > 0)
        for (std::size_t k = 0; k < classes; ++k) set(r.background[k], sum[sources + k] / distrust);
      publish();
      ++r.iterations;
      r.converged = moved <= options.tolerance;
      r.stopped = options.on_progress &&
                  !options.on_progress(static_cast<double>(r.iterations) / options.max_iterations);
    }
    r.log_likelihood =
        ops::sum_rows(exec, n, 1, detail::trust_likelihood<T, W, S>{law, weights})[0];

    double mean = 0;
    for (std::size_t s = 0; s < sources; ++s) mean += mass[s] * r.source_trust[s] / total;
    r.transition = matrix<double>(classes, classes);
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j)
        r.transition(i, j) = (1 - mean) * r.background[j] + (i == j ? mean : 0.0);

    auto const row_trust = ops::make_buffer<double>(exec, n);
    auto const posterior = ops::make_buffer<double>(exec, options.keep_posterior ? n * classes : 0);
    matrix_view<double, S> const out =
        options.keep_posterior ? posterior.view(n, classes) : matrix_view<double, S>{};
    ops::for_rows(exec, n, detail::write_trust<T, S>{law, row_trust.view(), out});
    r.trust = ops::download(exec, row_trust.view());
    if (options.keep_posterior) r.posterior = ops::download(exec, out);
    return r;
  }
};
inline constexpr trust_mixture_fn trust_mixture{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_TRUST_MIXTURE_HPP
