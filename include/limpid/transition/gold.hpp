// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/gold.hpp
/// T from rows whose true class is known: what a model of the given labels says of them.
#ifndef LIMPID_TRANSITION_GOLD_HPP
#define LIMPID_TRANSITION_GOLD_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/anchor_points.hpp>
#include <limpid/transition/detail/recover_rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

/// What is averaged over the trusted rows of a class.
enum class gold_rule {
  mean,      ///< the posteriors
  confusion  ///< their arg max, mixed with the uniform distribution
};

struct gold_options {
  gold_rule rule = gold_rule::mean;
  double uniform_share = 0.01;  ///< of the uniform distribution in the confusion rule; [0, 1]
  /// raise P to the power that makes the given labels most likely, before anything; needs y
  bool calibrate = false;
  /// move T so that the shares of the true classes lead to those of the given labels; needs y
  bool adjust = false;
  double adjust_penalty = 1e-2;    ///< on |T - T before|^2 / K in adjust; > 0
  vector<double> true_share = {};  ///< K, P(true = k) for adjust; empty: of the trusted rows
  bool anchors = false;  ///< a class without a trusted row takes its anchor point's row of P
  bool validate = true;  ///< check that rows of P are distributions
};

/// K classes.
struct gold_result {
  matrix<double> transition;  ///< K x K, (i, j) = P(given j | true i)
  /// K x K, standard error of a mean of that many rows; 0 where there is one or none, not of adjust
  matrix<double> deviation;
  vector<double> rows;     ///< K, trusted rows of the class
  double power = 1;        ///< that P was raised to; 1 / temperature
  double share_error = 0;  ///< largest gap between the labels' shares and true_share T, with y
  bool converged = true;   ///< calibrate and adjust did
  vector<std::uint8_t> class_estimated;  ///< K, 0: no trusted row; identity's or anchor's row
};

namespace detail {

/// log of a probability, never of 0.
LIMPID_HD inline double log_share(double p) {
  return std::log(p > 1e-12 ? p : 1e-12);
}

/// sum_rows: loss of the given label under P^power, its first and second derivative, rows.
template <class T, memory_space S>
struct power_loss {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  double power;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (y[i] < 0) return;
    double top = -1e300, total = 0, first = 0, second = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      double const l = power * log_share(static_cast<double>(p(i, k)));
      if (l > top) top = l;
    }
    for (std::size_t k = 0; k < p.cols; ++k) {
      double const log_p = log_share(static_cast<double>(p(i, k)));
      double const q = std::exp(power * log_p - top);
      total += q;
      first += q * log_p;
      second += q * log_p * log_p;
    }
    first /= total;
    second = second / total - first * first;
    double const own = log_share(static_cast<double>(p(i, static_cast<std::size_t>(y[i]))));
    sums[0] += top + std::log(total) - power * own;
    sums[1] += first - own;
    sums[2] += second;
    sums[3] += 1;
  }
};

/// sum_rows: for each true class the sums of P^power, normalised, then of their squares, then rows.
template <class T, memory_space S>
struct gold_sums {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> truth;
  double power;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (truth[i] < 0) return;
    std::size_t const K = p.cols, at = static_cast<std::size_t>(truth[i]) * K;
    sums[2 * K * K + static_cast<std::size_t>(truth[i])] += 1;
    double top = -1e300, total = 0;
    if (power != 1) {
      for (std::size_t k = 0; k < K; ++k) {
        double const l = power * log_share(static_cast<double>(p(i, k)));
        if (l > top) top = l;
      }
      for (std::size_t k = 0; k < K; ++k)
        total += std::exp(power * log_share(static_cast<double>(p(i, k))) - top);
    }
    for (std::size_t k = 0; k < K; ++k) {
      auto const x = static_cast<double>(p(i, k));
      double const q = power == 1 ? x : std::exp(power * log_share(x) - top) / total;
      sums[at + k] += q;
      sums[K * K + at + k] += q * q;
    }
  }
};

/// sum_rows: rows of each label; negative ones count nowhere.
template <memory_space S>
struct count_labels {
  vector_view<std::int32_t const, S> y;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (y[i] >= 0) sums[static_cast<std::size_t>(y[i])] += 1;
  }
};

}  // namespace detail

/// Estimates T from trusted rows (gold loss correction).
///
/// Where P is the posterior of the given label and the label depends on x through the true class
/// alone, \f$ E[P(\cdot | x) \mid \text{true } i] = T_i \f$: row i is the mean of P over the
/// trusted rows of class i. `calibrate` and `adjust` repair a P that is too sure, or off in the
/// mean: the second minimises \f$ c \|T - \hat T\|_F^2 / K + \|\pi T - \nu\|^2 \f$ over
/// row-stochastic matrices, \f$ \pi \f$ and \f$ \nu \f$ the shares of true classes and of given
/// labels.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i), better out of fold: probabilities, not logits; n, K
///                 >= 1
/// @param truth    n, true classes 0..K-1 of trusted rows, negative: not trusted
/// @param y        n, given labels 0..K-1, negative: none; for calibrate and adjust
/// @param options  gold_options
/// @return  gold_result
/// @throws  input_error  for shapes, options outside their intervals or without the y they need,
///                       rows that are no distributions, labels
/// @par Complexity   O(n K) per pass: one, with calibrate about ten; O(K^2) per step of adjust
/// @par Determinism  bitwise for any number of threads
/// @par Source       D. Hendrycks et al., "Using trusted data to train deep networks on labels
///                   corrupted by severe noise", NeurIPS 2018, and its code's variants
struct gold_fn {
  using primitives =
      uses<ops::sum_rows_fn, ops::first_row_fn, ops::for_rows_fn, ops::arg_max_rows_fn,
           ops::count_pairs_fn, ops::copy_fn, anchor_points_fn>;

  template <execution_policy Exec, real_matrix M, label_vector G>
  gold_result operator()(Exec const& exec, M const& P, G const& truth,
                         gold_options const& options = {}) const {
    limpid::detail::enter<gold_fn, Exec, M, G>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_g = limpid::detail::materialise(truth);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<G> const, Exec::space> const g = limpid::view(held_g);
    check(exec, p, g.size, options);
    limpid::detail::require(!options.calibrate && !options.adjust, where, "options.",
                            options.calibrate ? "calibrate" : "adjust",
                            " needs the given labels y");
    auto const known = ops::check_labels(exec, where, "truth", g, p.cols, true);
    return run(exec, p, known.view(), vector_view<std::int32_t const, Exec::space>{}, options);
  }
  template <execution_policy Exec, real_matrix M, label_vector G, label_vector L>
  gold_result operator()(Exec const& exec, M const& P, G const& truth, L const& y,
                         gold_options const& options = {}) const {
    limpid::detail::enter<gold_fn, Exec, M, G, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_g = limpid::detail::materialise(truth);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<G> const, Exec::space> const g = limpid::view(held_g);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    check(exec, p, g.size, options);
    ops::check_rows(where, "P", p.rows, "y", given.size);
    auto const known = ops::check_labels(exec, where, "truth", g, p.cols, true);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols, true);
    return run(exec, p, known.view(), labels.view(), options);
  }
  template <real_matrix M, label_vector G>
  gold_result operator()(M const& P, G const& truth, gold_options const& options = {}) const {
    return (*this)(default_policy, P, truth, options);
  }
  template <real_matrix M, label_vector G, label_vector L>
  gold_result operator()(M const& P, G const& truth, L const& y,
                         gold_options const& options = {}) const {
    return (*this)(default_policy, P, truth, y, options);
  }

 private:
  static constexpr std::string_view where = "transition::gold";

  template <class Exec, class T, memory_space S>
  static void check(Exec const& exec, matrix_view<T const, S> p, std::size_t truths,
                    gold_options const& o) {
    using limpid::detail::require;
    require(p.rows > 0 && p.cols > 0, where, "P is ", p.rows, " x ", p.cols,
            "; need at least one row and one class");
    ops::check_rows(where, "P", p.rows, "truth", truths);
    require(o.uniform_share >= 0 && o.uniform_share <= 1, where, "options.uniform_share is ",
            o.uniform_share, "; need [0, 1]");
    require(o.adjust_penalty > 0 && o.adjust_penalty < 1e9, where, "options.adjust_penalty is ",
            o.adjust_penalty, "; need (0, 1e9)");
    if (!o.true_share.empty()) {
      require(o.true_share.size() == p.cols, where, "options.true_share has ", o.true_share.size(),
              " entries; need ", p.cols, ", one per class, or none");
      double sum = 0;
      for (double share : o.true_share) {
        require(share >= 0 && share <= 1, where, "options.true_share has the entry ", share,
                "; need [0, 1]");
        sum += share;
      }
      require(std::abs(sum - 1) <= ops::distribution_tolerance, where,
              "options.true_share sums to ", sum, "; need 1 (tolerance 1e-3)");
    }
    if (o.validate) ops::check_distributions(exec, where, "P", p);
  }

  template <class Exec, class T, memory_space S>
  static gold_result run(Exec const& exec, matrix_view<T const, S> p,
                         vector_view<std::int32_t const, S> truth,
                         vector_view<std::int32_t const, S> y, gold_options const& options) {
    std::size_t const n = p.rows, K = p.cols;
    gold_result r;
    if (options.calibrate) calibrate(exec, p, y, r);
    auto const sums =
        ops::sum_rows(exec, n, 2 * K * K + K, detail::gold_sums<T, S>{p, truth, r.power});
    r.rows = vector<double>(K);
    for (std::size_t k = 0; k < K; ++k) r.rows[k] = sums[2 * K * K + k];
    matrix<double> counts;
    if (options.rule == gold_rule::confusion) {
      auto const best = ops::make_buffer<std::int32_t>(exec, n);
      ops::arg_max_rows(exec, p, best.view());
      counts = ops::count_pairs(exec, truth, vector_view<std::int32_t const, S>(best.view()), K, K);
    }
    average(sums, counts, options, r);
    bool const some_missing = [&] {
      for (double rows : r.rows)
        if (rows == 0) return true;
      return false;
    }();
    if (options.anchors && some_missing) {
      auto const anchors = anchor_points(exec, p, {.validate = false});
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = 0; j < K && r.rows[k] == 0; ++j)
          r.transition(k, j) = anchors.transition(k, j);
    }
    if (y.data) {
      auto const given = ops::sum_rows(exec, n, K, detail::count_labels<S>{y});
      shares(given, options, r);
    }
    return r;
  }

  /// Newton on the convex loss of P^a in a > 0.
  template <class Exec, class T, memory_space S>
  static void calibrate(Exec const& exec, matrix_view<T const, S> p,
                        vector_view<std::int32_t const, S> y, gold_result& r) {
    auto const at = [&](double power) {
      return ops::sum_rows(exec, p.rows, 4, detail::power_loss<T, S>{p, y, power});
    };
    double low = 0, high = 1e3, power = 1;
    r.converged = false;
    for (int step = 0; step < 60 && !r.converged; ++step) {
      auto const s = at(power);
      if (!(s[3] > 0)) {  // no labels: nothing to go by
        power = 1;
        break;
      }
      (s[1] > 0 ? high : low) = power;
      double next = s[2] > 0 ? power - s[1] / s[2] : 0;
      if (!(next > low && next < high)) next = low > 0 ? std::sqrt(low * high) : 0.1 * high;
      r.converged = std::abs(next - power) <= 1e-10 * power;
      power = next;
      if (power < 1e-3) break;  // the labels know nothing of P
    }
    r.power = power;
  }

  static void average(std::vector<double> const& sums, matrix<double> const& counts,
                      gold_options const& options, gold_result& r) {
    std::size_t const K = r.rows.size();
    r.transition = r.deviation = matrix<double>(K, K);
    r.class_estimated = vector<std::uint8_t>(K);
    for (std::size_t k = 0; k < K; ++k) {
      double const m = r.rows[k];
      r.class_estimated[k] = m > 0;
      for (std::size_t j = 0; j < K; ++j) {
        double& t = r.transition(k, j);
        if (m == 0) {
          t = k == j;
          continue;
        }
        double mean = sums[k * K + j] / m, square = sums[K * K + k * K + j] / m;
        if (!counts.empty()) mean = square = counts(k, j) / m;
        t = mean;
        double const variance = square - mean * mean;
        if (m > 1 && variance > 0) r.deviation(k, j) = std::sqrt(variance / (m - 1));
        if (counts.empty()) continue;
        t = (1 - options.uniform_share) * mean + options.uniform_share / static_cast<double>(K);
        r.deviation(k, j) *= 1 - options.uniform_share;
      }
    }
  }

  static void shares(std::vector<double> const& given, gold_options const& options,
                     gold_result& r) {
    std::size_t const K = given.size();
    double labels = 0, trusted = 0;
    for (std::size_t k = 0; k < K; ++k) labels += given[k], trusted += r.rows[k];
    if (!(labels > 0) || !(trusted > 0 || !options.true_share.empty())) {
      r.converged = r.converged && !options.adjust;
      return;
    }
    std::vector<double> pi(K), nu(K);
    for (std::size_t k = 0; k < K; ++k) {
      pi[k] = options.true_share.empty() ? r.rows[k] / trusted : options.true_share[k];
      nu[k] = given[k] / labels;
    }
    if (options.adjust)
      r.converged = adjust(pi, nu, options.adjust_penalty, r.transition) && r.converged;
    for (std::size_t j = 0; j < K; ++j) {
      double image = 0;
      for (std::size_t k = 0; k < K; ++k) image += pi[k] * r.transition(k, j);
      double const gap = std::abs(image - nu[j]);
      if (gap > r.share_error) r.share_error = gap;
    }
  }

  /// Accelerated projected gradient on the strongly convex problem.
  static bool adjust(std::vector<double> const& pi, std::vector<double> const& nu, double penalty,
                     matrix<double>& T) {
    std::size_t const K = pi.size();
    double const bend = 2 * penalty / static_cast<double>(K);
    double steep = bend;
    for (double share : pi) steep += 2 * share * share;
    double const root = std::sqrt(bend / steep), momentum = (1 - root) / (1 + root);
    matrix<double> const before = T;
    matrix<double> ahead = T, next = T;
    for (int step = 0; step < 100000; ++step) {
      double moved = 0;
      for (std::size_t j = 0; j < K; ++j) {
        double rest = -nu[j];
        for (std::size_t k = 0; k < K; ++k) rest += pi[k] * ahead(k, j);
        for (std::size_t k = 0; k < K; ++k)
          next(k, j) =
              ahead(k, j) - (bend * (ahead(k, j) - before(k, j)) + 2 * pi[k] * rest) / steep;
      }
      for (std::size_t k = 0; k < K; ++k) detail::onto_simplex(&next(k, 0), K);
      for (std::size_t c = 0; c < K * K; ++c) {
        double const gap = next.data()[c] - T.data()[c];
        if (std::abs(gap) > moved) moved = std::abs(gap);
        ahead.data()[c] = next.data()[c] + momentum * gap;
      }
      std::swap(T, next);
      if (moved <= 1e-14) return true;
    }
    return false;
  }
};
inline constexpr gold_fn gold{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_GOLD_HPP
