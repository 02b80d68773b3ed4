// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/boundary_margin.hpp
/// Label noise along a classifier's decision boundary.
#ifndef LIMPID_NOISE_BOUNDARY_MARGIN_HPP
#define LIMPID_NOISE_BOUNDARY_MARGIN_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/noise/detail/choose.hpp>
#include <limpid/noise/detail/draw.hpp>
#include <limpid/noise/detail/rate_factor.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/ops/check.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::noise {

/// Which labels change.
enum class boundary_rule {
  smallest_margin,  ///< those of the floor(rate n) rows with the smallest margins; nothing is
                    ///< random
  probabilistic     ///< each with probability proportional to exp(-(margin / bandwidth)^2)
};

/// Options of boundary_margin.
struct boundary_margin_options {
  boundary_rule rule = boundary_rule::smallest_margin;
  double rate = 0.2;  ///< [0, 1]: share of labels that change; probabilistic: the mean probability
  double bandwidth = 0.25;  ///< > 0, in units of the scores; probabilistic only
  std::uint64_t seed = 0;   ///< the same seed and scores give the same noise; probabilistic only
  bool validate = true;     ///< check that scores are finite
};

/// What boundary_margin returns.
struct boundary_margin_labels : noisy_labels {
  vector<double>
      margin;  ///< n, |score of the own class - largest of the others|; NaN if unlabelled
  bool reached =
      true;  ///< probabilistic: the mean probability is `rate`; false: too few rows are near
};

namespace detail {

/// sum_rows: margin, rival and probability before scaling of each row; sums the probabilities and
/// the rows where they are not 0.
template <class T, memory_space S>
struct find_rivals {
  matrix_view<T const, S> score;
  vector_view<std::int32_t const, S> label;
  double bandwidth;
  vector_view<double, S> margin, closeness;
  vector_view<std::int32_t, S> rival;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    rival[i] = -1;
    closeness[i] = 0;
    margin[i] = std::numeric_limits<double>::quiet_NaN();
    if (label[i] < 0) return;
    auto const own = static_cast<std::size_t>(label[i]);
    std::size_t best = own == 0 ? 1 : 0;
    for (std::size_t k = best + 1; k < score.cols; ++k)
      if (k != own && score(i, k) > score(i, best)) best = k;
    rival[i] = static_cast<std::int32_t>(best);
    double const m =
        std::abs(static_cast<double>(score(i, own)) - static_cast<double>(score(i, best)));
    margin[i] = m;
    closeness[i] = std::exp(-(m / bandwidth) * (m / bandwidth));
    sums[0] += closeness[i];
    if (closeness[i] > 0) sums[1] += 1;
    sums[2] += 1;
  }
};

/// for_rows: the rival with probability factor * closeness.
template <memory_space S>
struct draw_rival {
  vector_view<std::int32_t const, S> label, rival;
  vector_view<double const, S> closeness;
  double factor;
  std::uint64_t seed;
  vector_view<std::int32_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    bool const turn =
        label[i] >= 0 && random_stream(seed, label_stream, i).uniform() < factor * closeness[i];
    out[i] = turn ? rival[i] : label[i];
  }
};

/// sum_rows: K x K probabilities of (label, after).
template <memory_space S>
struct sum_rivals {
  vector_view<std::int32_t const, S> label, rival;
  vector_view<double const, S> closeness;
  double factor;
  std::size_t classes;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (label[i] < 0) return;
    double const q = factor * closeness[i] < 1 ? factor * closeness[i] : 1.0;
    double* const row = sums + static_cast<std::size_t>(label[i]) * classes;
    row[static_cast<std::size_t>(label[i])] += 1 - q;
    row[static_cast<std::size_t>(rival[i])] += q;
  }
};

}  // namespace detail

/// Gives rows near a classifier's decision boundary the label of the class across it.
///
/// The rival of row i is the class other than z_i with the largest score, the lowest of equal
/// ones, and
///
///     margin_i = |score_i(z_i) - score_i(rival)|,
///
/// small on both sides of the boundary. Scores are probabilities or decision values of a model of
/// the true labels.
///
/// @param exec     Where to run.
/// @param scores   n x K, finite; K >= 2.
/// @param labels   n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param options  boundary_margin_options
/// @return boundary_margin_labels; `expected` is the mean law of a class's rows, `realised` for
/// smallest_margin.
/// @throws input_error  on shapes, K below 2, options out of range, labels out of range; if
/// `validate`, scores that are not finite.
/// @par Complexity   O(n K) time, O(n) memory; smallest_margin orders n numbers on the host.
/// @par Determinism  Draws are keyed by seed and row: the same bits for any number of threads.
/// @par Source       Smallest margin: the R package noisemodel 1.0.2 (nlin_bor_ln), there with a
/// support vector machine.
struct boundary_margin_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  boundary_margin_labels operator()(P const& exec, M const& scores, L const& labels,
                                    boundary_margin_options const& options = {}) const {
    limpid::detail::enter<boundary_margin_fn, P, M, L>();
    using limpid::detail::require;
    auto&& held = limpid::detail::materialise(scores);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<M> const, P::space> const s = limpid::view(held);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held_labels);
    require(s.cols >= 2, name, "scores has ", s.cols, " columns; a margin needs two classes");
    ops::check_rows(name, "scores", s.rows, "labels", z.size);
    require(options.rate >= 0 && options.rate <= 1, name, "rate is ", options.rate,
            "; it must be in [0, 1]");
    require(options.bandwidth > 0, name, "bandwidth is ", options.bandwidth,
            "; it must be more than 0");
    auto const codes = ops::check_labels(exec, name, "labels", z, s.cols, true);
    if (options.validate) ops::check_finite(exec, name, "scores", s);
    return run(exec, s, codes.view(), options);
  }
  template <real_matrix M, label_vector L>
  boundary_margin_labels operator()(M const& scores, L const& labels,
                                    boundary_margin_options const& options = {}) const {
    return (*this)(default_policy, scores, labels, options);
  }

 private:
  static constexpr std::string_view name = "noise::boundary_margin";

  template <class P, class T, memory_space S>
  static boundary_margin_labels run(P const& exec, matrix_view<T const, S> scores,
                                    vector_view<std::int32_t const, S> label,
                                    boundary_margin_options const& options) {
    std::size_t const n = scores.rows, K = scores.cols;
    auto const margin = ops::make_buffer<double>(exec, n),
               closeness = ops::make_buffer<double>(exec, n);
    auto const rival = ops::make_buffer<std::int32_t>(exec, n);
    auto const sums =
        ops::sum_rows(exec, n, 3,
                      detail::find_rivals<T, S>{scores, label, options.bandwidth, margin.view(),
                                                closeness.view(), rival.view()});
    boundary_margin_labels r;
    r.margin = ops::download(exec, margin.view());
    auto const after = ops::make_buffer<std::int32_t>(exec, n);
    auto const labelled = static_cast<std::size_t>(sums[2]);
    if (options.rule == boundary_rule::smallest_margin) {
      vector<std::int32_t> chosen = ops::download(exec, label);
      auto const across = ops::download(exec, rival.view());
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < n; ++i)
        if (chosen[i] >= 0) order.push_back(i);
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return r.margin[a] < r.margin[b]; });
      for (std::size_t o = 0; o < detail::whole_part(options.rate, labelled); ++o)
        chosen[order[o]] = across[order[o]];
      ops::copy(exec, std::as_const(chosen).view(), after.view());
      finish(exec, label, after.view(), K, {}, r);
      r.expected = r.realised;
      return r;
    }
    vector_view<double const, S> const value = closeness.view();
    double factor = 0;
    if (labelled > 0 && options.rate > 0) {
      // unlabelled rows have probability 0: the mean is over all n
      double const rate = options.rate * sums[2] / static_cast<double>(n);
      factor = detail::factor_for_rate(exec, value, sums[0], sums[1], rate, r.reached);
    }
    ops::for_rows(
        exec, n,
        detail::draw_rival<S>{label, rival.view(), value, factor, options.seed, after.view()});
    auto const law =
        ops::sum_rows(exec, n, K * K, detail::sum_rivals<S>{label, rival.view(), value, factor, K});
    auto expected = matrix<double>::identity(K);
    for (std::size_t i = 0; i < K; ++i) {
      double rows = 0;
      for (std::size_t j = 0; j < K; ++j) rows += law[i * K + j];
      for (std::size_t j = 0; j < K && rows > 0; ++j) expected(i, j) = law[i * K + j] / rows;
    }
    finish(exec, label, after.view(), K, std::move(expected), r);
    return r;
  }

  template <class P, memory_space S>
  static void finish(P const& exec, vector_view<std::int32_t const, S> before,
                     vector_view<std::int32_t, S> after, std::size_t K, matrix<double> expected,
                     boundary_margin_labels& r) {
    static_cast<noisy_labels&>(r) = detail::describe(
        exec, before, vector_view<std::int32_t const, S>(after), K, std::move(expected));
  }
};
inline constexpr boundary_margin_fn boundary_margin{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_BOUNDARY_MARGIN_HPP
