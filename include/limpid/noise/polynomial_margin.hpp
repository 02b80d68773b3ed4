// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/polynomial_margin.hpp
/// Label noise that grows towards the decision boundary: polynomial-margin-diminishing (PMD) noise.
#ifndef LIMPID_NOISE_POLYNOMIAL_MARGIN_HPP
#define LIMPID_NOISE_POLYNOMIAL_MARGIN_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/noise/detail/draw.hpp>
#include <limpid/noise/detail/rate_factor.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace limpid::noise {

/// P(the label moves to the second class), by the margin m between the two most probable ones.
enum class pmd_type {
  type1,  ///< (1 - m^2) / 2
  type2,  ///< 1 - m^3
  type3   ///< 1 - (m + m^2 + m^3) / 3
};

/// Whose probabilities.
enum class pmd_rule {
  paper,         ///< as written above
  released_code  ///< labels stay with max(1 - tau, 1/2) / 1.2 (type 1), (1 - tau) / 1.2 (types 2,
                 ///< 3)
};

/// Options of polynomial_margin.
struct polynomial_margin_options {
  pmd_type type = pmd_type::type1;
  pmd_rule rule = pmd_rule::paper;
  /// (0, 1): mean flip probability; all probabilities are multiplied by one factor to reach it, and
  /// cut at 1. Empty: as the formula has them.
  std::optional<double> rate = std::nullopt;
  matrix<double> then =
      {};  ///< K x K, row-stochastic: noise applied to the labels afterwards (hybrid
           ///< noise; see symmetric_transition and class_map_transition); empty: none
  std::uint64_t seed = 0;  ///< the same seed and posteriors give the same noise
  bool validate = true;    ///< check that rows of the posteriors are distributions
};

/// What polynomial_margin returns. `expected` is the mean over a true class's rows.
struct polynomial_margin_labels : noisy_labels {
  vector<std::int32_t>
      truth;               ///< n, the most probable class: what the labels were before the noise
  double margin_rate = 0;  ///< mean flip probability before `then`
  double factor = 1;       ///< what flip probabilities were multiplied by
  bool reached = true;     ///< `rate` was met; false: too many rows have a margin of 1
};

namespace detail {

/// The two most probable classes of a row, the lowest of equal ones, and the flip probability.
struct margin_pair {
  std::int32_t first, second;
  double flip;
};

template <class T, memory_space S>
struct margin_law {
  matrix_view<T const, S> eta;
  pmd_type type;
  pmd_rule rule;

  LIMPID_HD margin_pair operator()(std::size_t i) const {
    std::size_t first = 0, second = 1;
    if (eta(i, 1) > eta(i, 0)) first = 1, second = 0;
    for (std::size_t k = 2; k < eta.cols; ++k)
      if (eta(i, k) > eta(i, first)) {
        second = first;
        first = k;
      } else if (eta(i, k) > eta(i, second)) {
        second = k;
      }
    // equal second places: the lowest, which an earlier first place may have displaced
    for (std::size_t k = 0; k < second; ++k)
      if (k != first && eta(i, k) == eta(i, second)) {
        second = k;
        break;
      }
    double const m = static_cast<double>(eta(i, first)) - static_cast<double>(eta(i, second));
    double tau = type == pmd_type::type1   ? 0.5 - 0.5 * m * m
                 : type == pmd_type::type2 ? 1 - m * m * m
                                           : 1 - (m * m * m + m * m + m) / 3;
    if (rule == pmd_rule::released_code) {
      double keep = 1 - tau;
      if (type == pmd_type::type1 && keep < 0.5) keep = 0.5;
      tau = 1 - keep / 1.2;
    }
    if (tau < 0) tau = 0;
    return {static_cast<std::int32_t>(first), static_cast<std::int32_t>(second), tau};
  }
};

/// sum_rows: flip, and rows where it is above 0; writes the pair.
template <class T, memory_space S>
struct find_margins {
  margin_law<T, S> law;
  vector_view<std::int32_t, S> first, second;
  vector_view<double, S> flip;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    margin_pair const pair = law(i);
    first[i] = pair.first;
    second[i] = pair.second;
    flip[i] = pair.flip;
    sums[0] += pair.flip;
    if (pair.flip > 0) sums[1] += 1;
  }
};
/// for_rows: the second class with probability factor * flip, then the law of `then`, if any.
template <memory_space S>
struct draw_margin {
  vector_view<std::int32_t const, S> first, second;
  vector_view<double const, S> flip;
  double factor;
  matrix_view<double const, S> cumulative;  ///< of `then`; no data: none
  std::uint64_t seed;
  vector_view<std::int32_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    random_stream draw(seed, label_stream, i);
    std::int32_t label = draw.uniform() < factor * flip[i] ? second[i] : first[i];
    if (cumulative.data) {
      double const u = draw.uniform();
      std::size_t j = 0;
      while (u >= cumulative(static_cast<std::size_t>(label), j)) ++j;
      label = static_cast<std::int32_t>(j);
    }
    out[i] = label;
  }
};

/// sum_rows: K x K probabilities of (first, label), before `then`.
template <memory_space S>
struct sum_margin {
  vector_view<std::int32_t const, S> first, second;
  vector_view<double const, S> flip;
  double factor;
  std::size_t classes;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const q = factor * flip[i] < 1 ? factor * flip[i] : 1.0;
    double* const row = sums + static_cast<std::size_t>(first[i]) * classes;
    row[static_cast<std::size_t>(first[i])] += 1 - q;
    row[static_cast<std::size_t>(second[i])] += q;
  }
};

}  // namespace detail

/// Draws labels that are wrong near the decision boundary: row i is of its most probable class u,
/// and moves to the second one, s, with a probability that falls with the margin between the two.
///
///     m_i = eta_i(u) - eta_i(s),   P(noisy = s | x_i) = factor tau(m_i), tau by type.
///
/// The factor is 1 unless a rate is asked for. Far from the boundary labels are clean, which is
/// what estimators that correct the least sure rows first presume. With `then` the noise is hybrid:
/// uniform or asymmetric noise on top.
///
/// @param exec     Where to run.
/// @param eta      n x K, P(true class | x): of a model trained on clean labels. K >= 2.
/// @param options  polynomial_margin_options
/// @return polynomial_margin_labels.
/// @throws input_error  on K below 2, a rate outside (0, 1), a `then` that is not K x K or no
/// distribution; if `validate`, rows of eta that are no distributions.
/// @par Complexity   O(n K) time, some passes over n numbers for a rate; O(n) memory.
/// @par Determinism  Draws are keyed by seed and row: the same bits for any number of threads.
/// @par Source       Y. Zhang et al., "Learning with feature-dependent label noise: a progressive
/// approach", ICLR 2021, section 4. Its released code draws with other probabilities: see pmd_rule.
struct polynomial_margin_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy P, real_matrix M>
  polynomial_margin_labels operator()(P const& exec, M const& eta,
                                      polynomial_margin_options const& options = {}) const {
    limpid::detail::enter<polynomial_margin_fn, P, M>();
    auto&& held = limpid::detail::materialise(eta);
    matrix_view<value_t<M> const, P::space> const p = limpid::view(held);
    return run(exec, p, options);
  }
  template <real_matrix M>
  polynomial_margin_labels operator()(M const& eta,
                                      polynomial_margin_options const& options = {}) const {
    return (*this)(default_policy, eta, options);
  }

 private:
  template <class P, class T, memory_space S>
  static polynomial_margin_labels run(P const& exec, matrix_view<T const, S> eta,
                                      polynomial_margin_options const& options) {
    constexpr std::string_view name = "noise::polynomial_margin";
    using limpid::detail::require;
    std::size_t const n = eta.rows, K = eta.cols;
    require(K >= 2, name, "eta has ", K, " columns; a margin needs two classes");
    double const rate = options.rate.value_or(0.5);
    require(rate > 0 && rate < 1, name, "rate is ", rate, "; it must be in (0, 1)");
    bool const hybrid = !options.then.empty();
    if (hybrid) {
      require(options.then.rows() == K && options.then.cols() == K, name, "then is ",
              options.then.rows(), " x ", options.then.cols(), "; it must be K x K, K = ", K);
      ops::check_distributions(default_policy, name, "then", options.then.view());
    }
    if (options.validate) ops::check_distributions(exec, name, "eta", eta);

    auto const first = ops::make_buffer<std::int32_t>(exec, n);
    auto const second = ops::make_buffer<std::int32_t>(exec, n);
    auto const out = ops::make_buffer<std::int32_t>(exec, n);
    auto const flip = ops::make_buffer<double>(exec, n);
    auto const sums = ops::sum_rows(
        exec, n, 2,
        detail::find_margins<T, S>{
            {eta, options.type, options.rule}, first.view(), second.view(), flip.view()});
    polynomial_margin_labels r;
    vector_view<double const, S> const tau = flip.view();
    if (options.rate && n > 0)
      r.factor = detail::factor_for_rate(exec, tau, sums[0], sums[1], rate, r.reached);
    auto const law = ops::sum_rows(
        exec, n, K * K, detail::sum_margin<S>{first.view(), second.view(), tau, r.factor, K});

    matrix<double> then = options.then;
    matrix<double> const cumulative = detail::cumulative_rows(then);
    auto const on_exec = ops::upload(exec, cumulative.view());
    ops::for_rows(exec, n,
                  detail::draw_margin<S>{first.view(), second.view(), tau, r.factor,
                                         hybrid ? on_exec.view(K, K) : matrix_view<double, S>{},
                                         options.seed, out.view()});
    auto expected = matrix<double>::identity(K);
    double kept = 0;
    for (std::size_t i = 0; i < K; ++i) {
      double rows = 0;
      for (std::size_t j = 0; j < K; ++j) rows += law[i * K + j];
      for (std::size_t j = 0; j < K && rows > 0; ++j) expected(i, j) = law[i * K + j] / rows;
      kept += law[i * K + i];
    }
    if (n > 0) r.margin_rate = 1 - kept / static_cast<double>(n);
    if (hybrid) {
      matrix<double> both(K, K);
      for (std::size_t i = 0; i < K; ++i)
        for (std::size_t k = 0; k < K; ++k)
          for (std::size_t j = 0; j < K; ++j) both(i, j) += expected(i, k) * then(k, j);
      expected = std::move(both);
    }
    vector_view<std::int32_t const, S> const truth = first.view(), labels = out.view();
    static_cast<noisy_labels&>(r) = detail::describe(exec, truth, labels, K, std::move(expected));
    r.truth = ops::download(exec, truth);
    return r;
  }
};
inline constexpr polynomial_margin_fn polynomial_margin{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_POLYNOMIAL_MARGIN_HPP
