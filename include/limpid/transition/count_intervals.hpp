// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/count_intervals.hpp
/// How far a T that comes from counts can be off.
#ifndef LIMPID_TRANSITION_COUNT_INTERVALS_HPP
#define LIMPID_TRANSITION_COUNT_INTERVALS_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/transition/detail/beta.hpp>

#include <boost/random/binomial_distribution.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::transition {

enum class interval_rule {
  dirichlet,  ///< equal tails of the posterior of each row under a Dirichlet prior
  bootstrap   ///< percentiles of T over tables redrawn from the joint counts
};

struct count_intervals_options {
  double level = 0.95;  ///< of each interval on its own; (0, 1)
  interval_rule rule = interval_rule::dirichlet;
  double prior_count = 1;   ///< of every cell, dirichlet only; > 0. 1: uniform, 0.5: Jeffreys
  std::size_t draws = 200;  ///< tables, bootstrap only; >= 2
  std::uint64_t seed = 0;   ///< bootstrap only
};

/// K classes; all matrices are K x K, true x given.
struct count_intervals_result {
  matrix<double> estimate;  ///< posterior mean, or under bootstrap the counts' own T
  matrix<double> low, high;
  matrix<double> deviation;              ///< standard deviation, posterior or over tables
  vector<std::uint8_t> class_estimated;  ///< K, 0: no counts in the row; it says what the prior
                                         ///< says (bootstrap: 0 to 1)
};

/// Intervals for the entries of T from a table of counts, true x given.
///
/// Row k of T has posterior \f$ \mathrm{Dirichlet}(N_{k\cdot} + \alpha) \f$, hence \f$ T_{kj} \sim
/// \mathrm{Beta}(a, S - a) \f$ with \f$ a = N_{kj} + \alpha \f$ and \f$ S = \sum_j a \f$. Counts
/// that were themselves estimated (confident joint, EM) are not independent observations: the
/// intervals are then too narrow.
///
/// @param exec     where `counts` lives; the work is done on the host
/// @param counts   K x K, true x given, entries >= 0, need not be whole. Confident counts are given
///                 x true: hand over `view(r.calibrated).transposed()`
/// @param options  count_intervals_options
/// @return  count_intervals_result
/// @throws  input_error  if counts is empty, not square, negative or not finite, or for options
///                       outside their intervals
/// @par Complexity   O(K^2) quantiles; bootstrap O(draws K^2), and as many doubles per row
/// @par Determinism  bitwise; a function of counts and seed
/// @par Source       A. Gelman et al., "Bayesian data analysis", 3rd ed., section 3.4; B. Efron, R.
///                   Tibshirani, "An introduction to the bootstrap", chapter 13
struct count_intervals_fn {
  using primitives = uses<ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  count_intervals_result operator()(Exec const& exec, M const& counts,
                                    count_intervals_options const& options = {}) const {
    limpid::detail::enter<count_intervals_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(counts);
    matrix_view<value_t<M> const, Exec::space> const c = limpid::view(held);
    using limpid::detail::require;
    constexpr char const* where = "transition::count_intervals";
    require(c.rows > 0 && c.rows == c.cols, where, "counts is ", c.rows, " x ", c.cols,
            "; need K x K, K >= 1");
    require(options.level > 0 && options.level < 1, where, "options.level is ", options.level,
            "; need (0, 1)");
    require(options.prior_count > 0 && options.prior_count < 1e9, where, "options.prior_count is ",
            options.prior_count, "; need (0, 1e9)");
    require(options.draws >= 2, where, "options.draws is ", options.draws, "; need at least 2");
    auto const own = ops::download(exec, c);
    matrix<double> table(c.rows, c.cols);
    for (std::size_t i = 0; i < c.rows; ++i)
      for (std::size_t j = 0; j < c.cols; ++j) {
        table(i, j) = static_cast<double>(own(i, j));
        require(table(i, j) >= 0 && table(i, j) < 1e15, where, "counts row ", i, " has the entry ",
                table(i, j), "; need finite counts, at least 0");
      }
    return options.rule == interval_rule::dirichlet ? posterior(table, options)
                                                    : redrawn(table, options);
  }

  template <real_matrix M>
  count_intervals_result operator()(M const& counts,
                                    count_intervals_options const& options = {}) const {
    return (*this)(default_policy, counts, options);
  }

 private:
  static double row_sum(matrix<double> const& m, std::size_t i) {
    double sum = 0;
    for (std::size_t j = 0; j < m.cols(); ++j) sum += m(i, j);
    return sum;
  }

  static count_intervals_result empty(matrix<double> const& counts) {
    std::size_t const size = counts.rows();
    matrix<double> const blank(size, size);
    count_intervals_result r{blank, blank, blank, blank, vector<std::uint8_t>(size)};
    for (std::size_t k = 0; k < size; ++k) r.class_estimated[k] = row_sum(counts, k) > 0;
    return r;
  }

  static count_intervals_result posterior(matrix<double> const& counts,
                                          count_intervals_options const& options) {
    auto r = empty(counts);
    std::size_t const size = counts.rows();
    double const tail = (1 - options.level) / 2;
    for (std::size_t k = 0; k < size; ++k) {
      double const sum = row_sum(counts, k) + options.prior_count * static_cast<double>(size);
      for (std::size_t j = 0; j < size; ++j) {
        double const a = counts(k, j) + options.prior_count, b = sum - a;
        r.estimate(k, j) = a / sum;
        r.deviation(k, j) = std::sqrt(a * b / (sum * sum * (sum + 1)));
        r.low(k, j) = size == 1 ? 1 : detail::beta_quantile(a, b, tail);
        r.high(k, j) = size == 1 ? 1 : 1 - detail::beta_quantile(b, a, tail);
      }
    }
    return r;
  }

  static count_intervals_result redrawn(matrix<double> const& counts,
                                        count_intervals_options const& options) {
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
        if (kept) percentiles(&values[j * options.draws], kept, options.level, k, j, r);
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

  static void percentiles(double* v, std::size_t size, double level, std::size_t k, std::size_t j,
                          count_intervals_result& r) {
    std::sort(v, v + size);
    auto const at = [&](double q) {
      double const rank = q * static_cast<double>(size - 1);
      auto const i = static_cast<std::size_t>(rank);
      return i + 1 < size ? v[i] + (rank - static_cast<double>(i)) * (v[i + 1] - v[i]) : v[i];
    };
    r.low(k, j) = at((1 - level) / 2);
    r.high(k, j) = at((1 + level) / 2);
    double mean = 0, square = 0;
    for (std::size_t d = 0; d < size; ++d) mean += v[d] / static_cast<double>(size);
    for (std::size_t d = 0; d < size; ++d) square += (v[d] - mean) * (v[d] - mean);
    r.deviation(k, j) = size > 1 ? std::sqrt(square / static_cast<double>(size - 1)) : 0;
  }
};
inline constexpr count_intervals_fn count_intervals{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_COUNT_INTERVALS_HPP
