// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/interval.hpp
/// How far an estimate of T can be off: from counts, by redrawing rows, and what it means for the
/// prior.
#ifndef LIMPID_TRANSITION_INTERVAL_HPP
#define LIMPID_TRANSITION_INTERVAL_HPP

#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/beta.hpp>
#include <limpid/transition/detail/bootstrap_rows.hpp>
#include <limpid/transition/detail/normal.hpp>
#include <limpid/transition/reading.hpp>

#include <boost/random/binomial_distribution.hpp>
#include <boost/random/gamma_distribution.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::transition {

enum class interval_rule {
  dirichlet,  ///< equal tails of the posterior of each row under a Dirichlet prior
  wilson,     ///< the score interval of each entry as a share of its row
  delta,      ///< normal on the scale of log(t / (1 - t)), with the deviation of first order
  bootstrap   ///< percentiles of T over tables redrawn from the joint counts
};

struct interval_options {
  double level = 0.95;  ///< of each interval on its own; (0, 1)
  interval_rule rule = interval_rule::dirichlet;
  bool simultaneous = false;  ///< all K (K - 1) free entries at once, by Bonferroni
  double prior_count = 0.5;   ///< of every cell, dirichlet only; > 0. 1: uniform, 0.5: Jeffreys
  /// dirichlet only: an entry not seen once can be 0, one that filled its row can be 1, where equal
  /// tails leave these ends out
  bool reach_ends = true;
  /// what one count is worth less than an independent row's; >= 1. Counts are divided by it
  double design_effect = 1;
  std::size_t draws = 200;  ///< tables, bootstrap only; >= 2
  std::uint64_t seed = 0;   ///< bootstrap only
};

/// K classes; all matrices are K x K, true x given.
struct interval_result {
  matrix<double> estimate;  ///< dirichlet: posterior mean; else the counts' own T
  matrix<double> low, high;
  matrix<double> deviation;              ///< standard deviation, posterior or over tables
  vector<std::uint8_t> class_estimated;  ///< K, 0: no counts in the row; it says what the prior
                                         ///< says (other rules: 0 to 1)
};

/// Which ends the redrawn estimates give.
enum class bootstrap_rule {
  percentile,  ///< percentiles of the redrawn estimates
  bca,         ///< the same, moved for bias and skewness
  basic        ///< twice the estimate less the percentiles
};
/// What is redrawn.
enum class redraw {
  rows,          ///< rows out of all rows: how often each label occurs is chance
  within_labels  ///< rows of each label out of those: how often it occurs was decided
};

struct interval_rows_options {
  double level = 0.95;  ///< of each interval on its own; (0, 1)
  bootstrap_rule rule = bootstrap_rule::percentile;
  redraw from = redraw::rows;
  std::size_t draws = 200;  ///< times that the estimator is run; >= 2
  std::size_t parts = 50;   ///< bca: of the rows, each left out once; 2..n (the smaller is taken)
  std::uint64_t seed = 0;
  bool validate = true;       ///< check that rows of P are distributions
  progress on_progress = {};  ///< told the share of the draws done; false stops
};

/// Matrices have the estimator's extents.
struct interval_rows_result {
  matrix<double> estimate;  ///< from the rows as they are
  matrix<double> low, high;
  matrix<double> deviation;  ///< over the draws
  matrix<double> bias;       ///< mean of the draws less the estimate
  /// square estimates only, else 0: log |det T| and cond T (1-norm), by the basic rule on their
  /// logarithms; infinite where T, or a share of the draws beyond the level, is singular
  bounded log_determinant, condition;
  std::size_t draws = 0;    ///< that were done
  std::size_t patched = 0;  ///< in which a label had got no row and was given one
  bool stopped = false;     ///< by on_progress; intervals of fewer than 2 draws are not numbers
};

struct prior_interval_options {
  double level = 0.95;                            ///< of each interval on its own; (0, 1)
  interval_rule rule = interval_rule::dirichlet;  ///< or delta
  double prior_count = 0.5;                       ///< of every cell and every label; > 0
  std::size_t draws = 1000;                       ///< dirichlet only; >= 2
  std::uint64_t seed = 0;
};

/// K classes.
struct prior_interval_result {
  vector<double> estimate;  ///< K, P(true = k) from the counts' own T
  vector<double> low, high;
  vector<double> deviation;  ///< of first order; not numbers where T is singular
  double condition = 0;      ///< of T; infinite: singular
  /// of the draws, had no prior that T leads to the labels' shares: the nearest was taken
  double outside_share = 0;
};

namespace detail {
/// trials > 0; z: normal quantile.
inline bounded score_interval(double successes, double trials, double z) {
  double const square = z * z / trials;
  double const p = successes / trials, middle = (p + square / 2) / (1 + square);
  double const reach = std::sqrt(square * (p * (1 - p) + square / 4)) / (1 + square);
  return {p, successes > 0 ? (std::max)(middle - reach, 0.0) : 0.0,
          successes < trials ? (std::min)(middle + reach, 1.0) : 1.0};
}
}  // namespace detail

/// The score interval of a share: `successes` out of `trials`, both may be fractions; 0 <=
/// successes <= trials.
inline bounded wilson_interval(double successes, double trials, double level = 0.95) {
  constexpr char const* where = "transition::wilson_interval";
  limpid::detail::require(level > 0 && level < 1, where, "level is ", level, "; need (0, 1)");
  limpid::detail::require(trials >= 0 && trials < 1e15 && successes >= 0 && successes <= trials,
                          where, successes, " successes out of ", trials,
                          "; need finite numbers with 0 <= successes <= trials");
  if (!(trials > 0)) return {0.5, 0, 1};
  return detail::score_interval(successes, trials, detail::normal_quantile((1 + level) / 2));
}

/// Intervals for the entries of T.
///
/// From counts, true x given. Row k of T has posterior \f$ \mathrm{Dirichlet}(N_{k\cdot} + \alpha)
/// \f$, hence \f$ T_{kj} \sim \mathrm{Beta}(a, S - a) \f$ with \f$ a = N_{kj} + \alpha \f$ and \f$
/// S = \sum_j a \f$. Counts that were themselves estimated (confident joint, EM) are not
/// independent observations: the intervals are then too narrow, by the root of the `design_effect`.
///
/// From rows, with any estimator. It is run again on rows redrawn from these, and the spread of
/// what it says is its sampling error; an error that it makes on all rows alike, its bias against
/// the truth, no redrawing shows. Estimates that hang on single rows (the largest posterior of a
/// class) are redrawn too narrowly. `redraw::within_labels` is for data whose label counts were
/// chosen: where they are chance, T moves with them, and its intervals would be too narrow.
///
/// @param exec     where to run; counts are worked on on the host
/// @param counts   K x K, true x given, entries >= 0, need not be whole. Confident counts are given
///                 x true: hand over `view(r.calibrated).transposed()`
/// @param P        n x K, as the estimator wants them; rows are distributions
/// @param y        n, given labels 0..K-1
/// @param estimator  called as estimator(exec, P', y') with views of redrawn rows, n' x K in P's
///                 type and int32 labels, in exec's space; returns a matrix<double>, always of the
///                 same extents. Or, without P and with `classes`, as estimator(exec, index) with a
///                 view of n' row numbers (uint64), for estimators of any other data
/// @param options  interval_options, interval_rows_options
/// @return  interval_result, interval_rows_result
/// @throws  input_error  for shapes, options outside their intervals, counts negative or not
///                       finite, rows that are no distributions, labels out of range, an estimator
///                       whose extents change
/// @par Complexity   counts: O(K^2) quantiles, bootstrap O(draws K^2). Rows: draws (bca: + parts)
///                   runs of the estimator; O(draws E) doubles for E entries, O(n K) scratch
/// @par Determinism  bitwise for any policy and number of threads if the estimator is; draws are
///                   keyed by seed, draw and row
/// @par Source       A. Gelman et al., "Bayesian data analysis", 3rd ed., section 3.4; L. Brown, T.
///                   Cai, A. DasGupta, "Interval estimation for a binomial proportion", Statistical
///                   Science 2001 (wilson, reach_ends); B. Efron, R. Tibshirani, "An introduction
///                   to the bootstrap", chapters 13 and 14
struct interval_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::gather_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  interval_result operator()(Exec const& exec, M const& counts,
                             interval_options const& options = {}) const {
    limpid::detail::enter<interval_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(counts);
    matrix_view<value_t<M> const, Exec::space> const c = limpid::view(held);
    check(c.rows, c.cols, options);
    return from_counts(read_counts(exec, where, c), options);
  }
  template <real_matrix M>
  interval_result operator()(M const& counts, interval_options const& options = {}) const {
    return (*this)(default_policy, counts, options);
  }

  template <execution_policy Exec, real_matrix M, label_vector L, class Estimator>
  interval_rows_result operator()(Exec const& exec, M const& P, L const& y,
                                  Estimator const& estimator,
                                  interval_rows_options const& options = {}) const {
    limpid::detail::enter<interval_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    limpid::detail::require(p.rows > 0 && p.cols > 0, where, "P is ", p.rows, " x ", p.cols,
                            "; need at least one row and one class");
    ops::check_rows(where, "P", p.rows, "y", given.size);
    check(options);
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return of_rows(exec, p, labels.view(), estimator, options);
  }
  template <real_matrix M, label_vector L, class Estimator>
  interval_rows_result operator()(M const& P, L const& y, Estimator const& estimator,
                                  interval_rows_options const& options = {}) const {
    return (*this)(default_policy, P, y, estimator, options);
  }

  template <execution_policy Exec, label_vector L, class Estimator>
  interval_rows_result operator()(Exec const& exec, L const& y, std::size_t classes,
                                  Estimator const& estimator,
                                  interval_rows_options const& options = {}) const {
    limpid::detail::enter<interval_fn, Exec, L>();
    auto&& held_y = limpid::detail::materialise(y);
    constexpr auto S = Exec::space;
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    limpid::detail::require(given.size > 0 && classes > 0, where, "y has ", given.size, " rows of ",
                            classes, " classes; need at least one of each");
    check(options);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    vector<std::uint64_t> every(given.size);
    for (std::size_t i = 0; i < given.size; ++i) every[i] = i;
    auto const all = ops::upload(exec, std::as_const(every).view());
    return redrawn_rows(exec, labels.view(), classes, options,
                        [&](vector_view<std::uint64_t const, S> index) {
                          if (!index.data) index = all.view();
                          return matrix<double>(estimator(exec, index));
                        });
  }
  template <label_vector L, class Estimator>
  interval_rows_result operator()(L const& y, std::size_t classes, Estimator const& estimator,
                                  interval_rows_options const& options = {}) const {
    return (*this)(default_policy, y, classes, estimator, options);
  }

 private:
  friend struct prior_interval_fn;
  static constexpr char const* where = "transition::interval";

  static void check(std::size_t rows, std::size_t cols, interval_options const& options) {
    using limpid::detail::require;
    require(rows > 0 && rows == cols, where, "counts is ", rows, " x ", cols,
            "; need K x K, K >= 1");
    require(options.level > 0 && options.level < 1, where, "options.level is ", options.level,
            "; need (0, 1)");
    require(options.prior_count > 0 && options.prior_count < 1e9, where, "options.prior_count is ",
            options.prior_count, "; need (0, 1e9)");
    require(options.design_effect >= 1 && options.design_effect < 1e9, where,
            "options.design_effect is ", options.design_effect, "; need [1, 1e9)");
    require(options.draws >= 2, where, "options.draws is ", options.draws, "; need at least 2");
  }
  static void check(interval_rows_options const& options) {
    using limpid::detail::require;
    require(options.level > 0 && options.level < 1, where, "options.level is ", options.level,
            "; need (0, 1)");
    require(options.draws >= 2 && options.draws < 0xfffffffeu, where, "options.draws is ",
            options.draws, "; need at least 2, and less than 2^32 - 2");
    require(options.parts >= 2, where, "options.parts is ", options.parts, "; need at least 2");
  }

  template <class Exec, class T, memory_space S>
  static matrix<double> read_counts(Exec const& exec, char const* name, matrix_view<T const, S> c) {
    auto const own = ops::download(exec, c);
    matrix<double> table(c.rows, c.cols);
    for (std::size_t i = 0; i < c.rows; ++i)
      for (std::size_t j = 0; j < c.cols; ++j) {
        table(i, j) = static_cast<double>(own(i, j));
        limpid::detail::require(table(i, j) >= 0 && table(i, j) < 1e15, name, "counts row ", i,
                                " has the entry ", table(i, j), "; need finite counts, at least 0");
      }
    return table;
  }

  static interval_result from_counts(matrix<double> counts, interval_options options) {
    std::size_t const size = counts.rows();
    if (options.design_effect > 1)
      for (std::size_t c = 0; c < size * size; ++c) counts.data()[c] /= options.design_effect;
    if (options.simultaneous && size > 1)
      options.level = 1 - (1 - options.level) / static_cast<double>(size * (size - 1));
    switch (options.rule) {
      case interval_rule::dirichlet:
        return posterior(counts, options);
      case interval_rule::bootstrap:
        return redrawn(counts, options);
      default:
        return shares(counts, options);
    }
  }

  static double row_sum(matrix<double> const& m, std::size_t i) {
    double sum = 0;
    for (std::size_t j = 0; j < m.cols(); ++j) sum += m(i, j);
    return sum;
  }

  static interval_result empty(matrix<double> const& counts) {
    std::size_t const size = counts.rows();
    matrix<double> const blank(size, size);
    interval_result r{blank, blank, blank, blank, vector<std::uint8_t>(size)};
    for (std::size_t k = 0; k < size; ++k) r.class_estimated[k] = row_sum(counts, k) > 0;
    return r;
  }

  static interval_result posterior(matrix<double> const& counts, interval_options const& options) {
    auto r = empty(counts);
    std::size_t const size = counts.rows();
    double const tail = (1 - options.level) / 2;
    for (std::size_t k = 0; k < size; ++k) {
      double const seen = row_sum(counts, k);
      double const sum = seen + options.prior_count * static_cast<double>(size);
      for (std::size_t j = 0; j < size; ++j) {
        double const a = counts(k, j) + options.prior_count, b = sum - a;
        r.estimate(k, j) = a / sum;
        r.deviation(k, j) = std::sqrt(a * b / (sum * sum * (sum + 1)));
        bool const none = options.reach_ends && counts(k, j) == 0;
        bool const all = options.reach_ends && counts(k, j) == seen;
        r.low(k, j) = size == 1 ? 1 : none ? 0 : detail::beta_quantile(a, b, tail);
        r.high(k, j) = size == 1 || all ? 1 : 1 - detail::beta_quantile(b, a, tail);
      }
    }
    return r;
  }

  /// Each entry as a share of its row.
  static interval_result shares(matrix<double> const& counts, interval_options const& options) {
    auto r = empty(counts);
    std::size_t const size = counts.rows();
    double const z = detail::normal_quantile((1 + options.level) / 2);
    for (std::size_t k = 0; k < size; ++k) {
      double const rows = row_sum(counts, k);
      for (std::size_t j = 0; j < size; ++j) {
        r.estimate(k, j) = rows > 0 ? counts(k, j) / rows : (k == j ? 1.0 : 0.0);
        r.high(k, j) = 1;
        r.deviation(k, j) = 0.5;
        if (!(rows > 0)) continue;
        double const t = r.estimate(k, j), rest = (std::max)(rows - counts(k, j), 0.0);
        r.deviation(k, j) = std::sqrt(t * (1 - t) / rows);
        if (options.rule == interval_rule::wilson) {
          auto const ends = detail::score_interval((std::min)(counts(k, j), rows), rows, z);
          r.low(k, j) = size == 1 ? 1 : ends.low;
          r.high(k, j) = ends.high;
          continue;
        }
        // half a count either way keeps the logarithm finite
        double const in = counts(k, j) + 0.5, out = rest + 0.5;
        double const middle = std::log(in / out), reach = z * std::sqrt(1 / in + 1 / out);
        r.low(k, j) = size == 1 ? 1 : 1 / (1 + std::exp(reach - middle));
        r.high(k, j) = size == 1 ? 1 : 1 / (1 + std::exp(-reach - middle));
      }
    }
    return r;
  }

  static interval_result redrawn(matrix<double> const& counts, interval_options const& options) {
    auto r = empty(counts);
    std::size_t const size = counts.rows();
    std::vector<double> left(size + 1);  // count in rows k and below
    for (std::size_t k = size; k-- > 0;) left[k] = left[k + 1] + row_sum(counts, k);
    // all row totals first: rows may then be redrawn one after the other, each kept only as long as
    // its percentiles need
    std::vector<std::int64_t> totals(options.draws * size);
    for (std::size_t d = 0; d < options.draws; ++d) {
      random_stream draws(options.seed, 0, d);
      auto remaining = static_cast<std::int64_t>(std::llround(left[0]));
      for (std::size_t k = 0; k < size; ++k)
        remaining -= totals[d * size + k] =
            binomial(remaining, left[k] - left[k + 1], left[k], draws);
    }
    std::vector<double> values(options.draws * size);
    for (std::size_t k = 0; k < size; ++k) {
      std::size_t kept = 0;  // tables in which the row is not empty
      for (std::size_t d = 0; d < options.draws; ++d) {
        std::int64_t const total = totals[d * size + k];
        if (total == 0) continue;
        random_stream draws(options.seed, 1 + static_cast<std::uint32_t>(k), d);
        std::int64_t remaining = total;
        double below = row_sum(counts, k);
        for (std::size_t j = 0; j < size; ++j) {
          std::int64_t const cell = binomial(remaining, counts(k, j), below, draws);
          remaining -= cell;
          below -= counts(k, j);
          values[j * options.draws + kept] = static_cast<double>(cell) / static_cast<double>(total);
        }
        ++kept;
      }
      double const sum = row_sum(counts, k);
      for (std::size_t j = 0; j < size; ++j) {
        r.estimate(k, j) = sum > 0 ? counts(k, j) / sum : (k == j ? 1.0 : 0.0);
        r.high(k, j) = 1;
        if (!kept) continue;
        double* const v = &values[j * options.draws];
        std::sort(v, v + kept);
        r.low(k, j) = detail::draw_quantile(v, kept, (1 - options.level) / 2);
        r.high(k, j) = detail::draw_quantile(v, kept, (1 + options.level) / 2);
        r.deviation(k, j) = spread(v, kept).second;
      }
    }
    return r;
  }

  /// Successes out of `trials` with probability part / whole.
  static std::int64_t binomial(std::int64_t trials, double part, double whole,
                               random_stream& draws) {
    if (trials == 0 || part <= 0) return 0;
    if (part >= whole * (1 - 1e-14)) return trials;
    return boost::random::binomial_distribution<std::int64_t, double>(trials, part / whole)(draws);
  }

  /// Mean and standard deviation.
  static std::pair<double, double> spread(double const* v, std::size_t size) {
    double mean = 0, square = 0;
    for (std::size_t d = 0; d < size; ++d) mean += v[d] / static_cast<double>(size);
    for (std::size_t d = 0; d < size; ++d) square += (v[d] - mean) * (v[d] - mean);
    return {mean, size > 1 ? std::sqrt(square / static_cast<double>(size - 1)) : 0};
  }

  template <class Exec, class T, memory_space S, class Estimator>
  static interval_rows_result of_rows(Exec const& exec, matrix_view<T const, S> p,
                                      vector_view<std::int32_t const, S> y,
                                      Estimator const& estimator,
                                      interval_rows_options const& options) {
    auto const some_p = ops::make_buffer<T>(exec, p.rows * p.cols);
    auto const some_y = ops::make_buffer<std::int32_t>(exec, p.rows);
    return redrawn_rows(exec, y, p.cols, options, [&](vector_view<std::uint64_t const, S> index) {
      if (!index.data) return matrix<double>(estimator(exec, p, y));
      matrix_view<T, S> const to = some_p.view(index.size, p.cols);
      vector_view<std::int32_t, S> const label(some_y.view().data, index.size);
      ops::gather_rows(exec, p, index, to);
      ops::gather_rows(exec, y, index, label);
      return matrix<double>(
          estimator(exec, matrix_view<T const, S>(to), vector_view<std::int32_t const, S>(label)));
    });
  }

  /// `estimator` takes a view of row numbers; one without data means the rows as they are.
  template <class Exec, memory_space S, class Estimate>
  static interval_rows_result redrawn_rows(Exec const& exec, vector_view<std::int32_t const, S> y,
                                           std::size_t classes,
                                           interval_rows_options const& options,
                                           Estimate const& estimator) {
    interval_rows_result r;
    r.estimate = estimator(vector_view<std::uint64_t const, S>{});
    std::size_t const rows = r.estimate.rows(), cols = r.estimate.cols(), cells = rows * cols;
    bool const square = rows == cols && rows > 0;
    auto const again = [&](vector_view<std::uint64_t const, S> index) {
      auto t = estimator(index);
      limpid::detail::require(t.rows() == rows && t.cols() == cols, where, "the estimator gave ",
                              rows, " x ", cols, " numbers and then ", t.rows(), " x ", t.cols(),
                              "; its extents must not depend on the rows");
      return t;
    };
    bool const accelerated = options.rule == bootstrap_rule::bca;
    std::size_t const parts = accelerated ? (std::min)(options.parts, y.size) : 0;
    double const runs = static_cast<double>(options.draws + parts);
    detail::row_drawer<Exec> drawer(exec, y, classes, options.seed,
                                    options.from == redraw::within_labels);
    std::vector<double> drawn(cells * options.draws), left(cells * parts), dets, conds;
    for (std::size_t d = 0; d < options.draws && !r.stopped; ++d) {
      auto const t = again(drawer.draw(static_cast<std::uint32_t>(d)));
      for (std::size_t c = 0; c < cells; ++c) drawn[c * options.draws + d] = t.data()[c];
      if (square) {
        auto const [det, cond] = detail::log_determinant_and_condition(t);
        dets.push_back(det);
        conds.push_back(cond);
      }
      ++r.draws;
      if (options.on_progress) r.stopped = !options.on_progress(static_cast<double>(d + 1) / runs);
    }
    r.patched = drawer.patched();
    bool const corrected = parts >= 2 && !r.stopped;
    for (std::size_t g = 0; g < parts && corrected && !r.stopped; ++g) {
      auto const t = again(drawer.without(g, parts));
      for (std::size_t c = 0; c < cells; ++c) left[c * parts + g] = t.data()[c];
      if (options.on_progress)
        r.stopped = !options.on_progress(static_cast<double>(options.draws + g + 1) / runs);
    }
    r.low = r.high = r.deviation = r.bias =
        matrix<double>(rows, cols, std::numeric_limits<double>::quiet_NaN());
    for (std::size_t c = 0; c < cells; ++c) {
      double* const v = &drawn[c * options.draws];
      std::size_t const used = corrected && !r.stopped ? parts : 0;
      std::vector<double> const out(left.data() + c * parts, left.data() + c * parts + used);
      ends(v, r.draws, r.estimate.data()[c], options, out, r, c);
    }
    if (square) {
      auto const [det, cond] = detail::log_determinant_and_condition(r.estimate);
      r.log_determinant = basic(dets, det, options.level);
      auto const logs = basic(conds, cond, options.level);
      r.condition = {std::exp(logs.estimate), (std::max)(std::exp(logs.low), 1.0),
                     std::exp(logs.high)};
    }
    return r;
  }

  /// Draws that are no numbers are left out.
  static void ends(double* v, std::size_t size, double middle, interval_rows_options const& options,
                   std::vector<double> const& left_out, interval_rows_result& r, std::size_t c) {
    size =
        static_cast<std::size_t>(std::remove_if(v, v + size, [](double x) { return x != x; }) - v);
    if (size < 2) return;
    std::sort(v, v + size);
    auto const [mean, deviation] = spread(v, size);
    r.deviation.data()[c] = deviation;
    r.bias.data()[c] = mean - middle;
    double low = (1 - options.level) / 2, high = (1 + options.level) / 2;
    if (options.rule == bootstrap_rule::bca) {
      double const at = static_cast<double>(std::lower_bound(v, v + size, middle) - v);
      double const past = static_cast<double>(std::upper_bound(v, v + size, middle) - v);
      auto const moved = detail::bca_levels(0.5 * (at + past) / static_cast<double>(size), size,
                                            left_out, options.level);
      low = moved.first;
      high = moved.second;
    }
    double const a = detail::draw_quantile(v, size, low), b = detail::draw_quantile(v, size, high);
    bool const mirrored = options.rule == bootstrap_rule::basic;
    r.low.data()[c] = mirrored ? 2 * middle - b : a;
    r.high.data()[c] = mirrored ? 2 * middle - a : b;
  }

  static bounded basic(std::vector<double>& v, double middle, double level) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (v.size() < 2) return {middle, -infinity, infinity};
    std::sort(v.begin(), v.end());
    double const a = detail::draw_quantile(v.data(), v.size(), (1 - level) / 2);
    double const b = detail::draw_quantile(v.data(), v.size(), (1 + level) / 2);
    if (!(a > -infinity && b < infinity && std::abs(middle) < infinity))
      return {middle, -infinity, infinity};
    return {middle, 2 * middle - b, 2 * middle - a};
  }
};
inline constexpr interval_fn interval{};

/// Intervals for the prior of the true classes.
///
/// The labels' shares \f$ \nu \f$ and T, each from its own rows, give \f$ \pi = \nu T^{-1} \f$.
/// Rows of T and \f$ \nu \f$ are drawn from their Dirichlet posteriors and \f$ \pi \f$ solved anew
/// each time; where the solution has a negative entry it is the distribution whose image is nearest
/// to \f$ \nu \f$ in Kullback-Leibler divergence. Of first order, \f$ d\pi = (d\nu - \pi\, dT)
/// T^{-1} \f$ (delta: normal intervals within [0, 1]).
///
/// @param exec      where the data lives; the work is done on the host
/// @param counts    K x K, true x given, entries >= 0: of rows whose true class is known
/// @param observed  K, how many of the other rows carry each label, >= 0, in all more than 0
/// @param options   prior_interval_options
/// @return  prior_interval_result
/// @throws  input_error  for shapes, options outside their intervals, counts negative or not finite
/// @par Complexity   O(draws K^3); where the image is missed, iterations O(K^2) each
/// @par Determinism  bitwise; a function of the data and the seed
/// @par Source       first order: M. Saerens et al., Neural Computation 2002, section 2.2 (the
///                   confusion matrix method); the posterior of both is this library's
struct prior_interval_fn {
  using primitives = uses<ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, real_vector V>
  prior_interval_result operator()(Exec const& exec, M const& counts, V const& observed,
                                   prior_interval_options const& options = {}) const {
    limpid::detail::enter<prior_interval_fn, Exec, M, V>();
    auto&& held = limpid::detail::materialise(counts);
    auto&& held_v = limpid::detail::materialise(observed);
    matrix_view<value_t<M> const, Exec::space> const c = limpid::view(held);
    vector_view<value_t<V> const, Exec::space> const v = limpid::view(held_v);
    using limpid::detail::require;
    require(c.rows > 0 && c.rows == c.cols, where, "counts is ", c.rows, " x ", c.cols,
            "; need K x K, K >= 1");
    require(v.size == c.rows, where, "observed has ", v.size, " entries; need ", c.rows,
            ", one per class");
    require(options.level > 0 && options.level < 1, where, "options.level is ", options.level,
            "; need (0, 1)");
    require(options.rule == interval_rule::dirichlet || options.rule == interval_rule::delta, where,
            "options.rule must be dirichlet or delta");
    require(options.prior_count > 0 && options.prior_count < 1e9, where, "options.prior_count is ",
            options.prior_count, "; need (0, 1e9)");
    require(options.draws >= 2, where, "options.draws is ", options.draws, "; need at least 2");
    auto const own = ops::download(exec, v);
    vector<double> shares(v.size);
    double total = 0;
    for (std::size_t k = 0; k < v.size; ++k) {
      total += shares[k] = static_cast<double>(own[k]);
      require(shares[k] >= 0 && shares[k] < 1e15, where, "observed row ", k, " is ", shares[k],
              "; need finite counts, at least 0");
    }
    require(total > 0, where, "observed sums to 0; need at least one row");
    return solve(interval_fn::read_counts(exec, where, c), shares, total, options);
  }
  template <real_matrix M, real_vector V>
  prior_interval_result operator()(M const& counts, V const& observed,
                                   prior_interval_options const& options = {}) const {
    return (*this)(default_policy, counts, observed, options);
  }

 private:
  static constexpr char const* where = "transition::prior_interval";

  /// q with nu = q T, or the nearest distribution; whether it had to be that.
  static bool prior_of(matrix<double> const& T, vector<double> const& nu, vector<double>& q) {
    auto const solved = ops::invert(T);
    std::size_t const size = nu.size();
    bool inside = !solved.inverse.empty() && solved.condition < 1e12;
    q = vector<double>(size);
    for (std::size_t k = 0; k < size && inside; ++k) {
      for (std::size_t j = 0; j < size; ++j) q[k] += nu[j] * solved.inverse(j, k);
      inside = q[k] >= 0;
    }
    if (!inside) q = ops::recover_distribution(T, nu, 1e-9, 2000).q;
    return !inside;
  }

  static prior_interval_result solve(matrix<double> const& counts, vector<double> const& observed,
                                     double total, prior_interval_options const& options) {
    std::size_t const size = counts.rows();
    prior_interval_result r;
    matrix<double> T(size, size);
    vector<double> nu(size), rows(size);
    for (std::size_t k = 0; k < size; ++k) {
      rows[k] = interval_fn::row_sum(counts, k);
      nu[k] = observed[k] / total;
      for (std::size_t j = 0; j < size; ++j)
        T(k, j) = rows[k] > 0 ? counts(k, j) / rows[k] : (k == j ? 1.0 : 0.0);
    }
    prior_of(T, nu, r.estimate);
    first_order(T, nu, rows, total, r);
    r.low = r.high = r.estimate;
    if (options.rule == interval_rule::delta) {
      double const z = detail::normal_quantile((1 + options.level) / 2);
      for (std::size_t k = 0; k < size; ++k) {
        r.low[k] = (std::max)(r.estimate[k] - z * r.deviation[k], 0.0);
        r.high[k] = (std::min)(r.estimate[k] + z * r.deviation[k], 1.0);
      }
      return r;
    }
    std::vector<double> drawn(size * options.draws);
    vector<double> q;
    for (std::size_t d = 0; d < options.draws; ++d) {
      random_stream draw(options.seed, 0, d);
      for (std::size_t k = 0; k < size; ++k)
        dirichlet(&counts(k, 0), size, options.prior_count, draw, &T(k, 0));
      dirichlet(observed.data(), size, options.prior_count, draw, nu.data());
      r.outside_share += prior_of(T, nu, q) ? 1 : 0;
      for (std::size_t k = 0; k < size; ++k) drawn[k * options.draws + d] = q[k];
    }
    r.outside_share /= static_cast<double>(options.draws);
    for (std::size_t k = 0; k < size; ++k) {
      double* const v = &drawn[k * options.draws];
      std::sort(v, v + options.draws);
      r.low[k] = detail::draw_quantile(v, options.draws, (1 - options.level) / 2);
      r.high[k] = detail::draw_quantile(v, options.draws, (1 + options.level) / 2);
    }
    return r;
  }

  static void dirichlet(double const* counts, std::size_t size, double prior, random_stream& draw,
                        double* to) {
    double sum = 0;
    for (std::size_t j = 0; j < size; ++j)
      sum += to[j] = boost::random::gamma_distribution<double>(counts[j] + prior)(draw);
    for (std::size_t j = 0; j < size; ++j)
      to[j] = sum > 0 ? to[j] / sum : 1 / static_cast<double>(size);
  }

  /// The covariance of nu and of each row of T, through the inverse.
  static void first_order(matrix<double> const& T, vector<double> const& nu,
                          vector<double> const& rows, double total, prior_interval_result& r) {
    std::size_t const size = nu.size();
    auto const solved = ops::invert(T);
    r.condition = solved.condition;
    r.deviation = vector<double>(size, std::numeric_limits<double>::quiet_NaN());
    if (solved.inverse.empty()) return;
    for (std::size_t k = 0; k < size; ++k) {
      // variance of sum_j x_j inverse(j, k) for x multinomial shares t out of n
      auto const part = [&](auto const& t, double n) {
        double mean = 0, square = 0;
        for (std::size_t j = 0; j < size; ++j) {
          double const a = solved.inverse(j, k);
          mean += t(j) * a;
          square += t(j) * a * a;
        }
        return (square - mean * mean) / n;
      };
      double variance = part([&](std::size_t j) { return nu[j]; }, total);
      for (std::size_t i = 0; i < size; ++i)
        if (rows[i] > 0)
          variance +=
              r.estimate[i] * r.estimate[i] * part([&](std::size_t j) { return T(i, j); }, rows[i]);
      r.deviation[k] = std::sqrt((std::max)(variance, 0.0));
    }
  }
};
inline constexpr prior_interval_fn prior_interval{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_INTERVAL_HPP
