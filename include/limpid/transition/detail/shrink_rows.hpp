// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/shrink_rows.hpp
/// Rows of T from few counts, drawn to a common row as far as the counts' own spread says.
#ifndef LIMPID_TRANSITION_DETAIL_SHRINK_ROWS_HPP
#define LIMPID_TRANSITION_DETAIL_SHRINK_ROWS_HPP

#include <limpid/core/error.hpp>
#include <limpid/core/matrix.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace limpid::transition {

struct local_options {
  /// K x K, row-stochastic: what rows with few counts are drawn to. Empty: the counts of all rows
  matrix<double> global = {};
  /// weight of the global row in counts, K numbers >= 0, infinity allowed. Empty: from the counts,
  /// by empirical Bayes
  std::vector<double> strength = {};
  bool validate = true;  ///< check the data that are n long
};

namespace detail {

/// log of the probability of counts drawn from Dirichlet(strength * centre), but for the number of
/// their orders. Infinite strength: the multinomial at the centre.
inline double log_dirichlet_multinomial(double const* counts, double const* centre,
                                        std::size_t size, double strength) {
  double total = 0, sum = 0;
  bool const fixed = strength > 1e300;
  for (std::size_t j = 0; j < size; ++j) {
    total += counts[j];
    if (!(counts[j] > 0)) continue;
    if (!(centre[j] > 0)) return -std::numeric_limits<double>::infinity();
    double const a = strength * centre[j];
    sum += fixed ? counts[j] * std::log(centre[j]) : std::lgamma(counts[j] + a) - std::lgamma(a);
  }
  return fixed ? sum : sum + std::lgamma(strength) - std::lgamma(strength + total);
}

/// The strength under which the regions' rows of one class are most probable: the best of a grid,
/// then by golden section about it; infinite where none is better than equal rows. `rows`: regions
/// x K counts, `step` apart.
inline double best_strength(double const* rows, std::size_t regions, std::size_t step,
                            double const* centre, std::size_t size) {
  auto const evidence = [&](double strength) {
    double sum = 0;
    for (std::size_t c = 0; c < regions; ++c)
      sum += log_dirichlet_multinomial(rows + c * step, centre, size, strength);
    return sum;
  };
  constexpr double grid[] = {1, 3, 10, 30, 100, 300, 1000, 3000, 10000};
  double best = std::numeric_limits<double>::infinity(), most = evidence(best);
  double const slack = 1e-9 * (1 + std::abs(most));
  for (double strength : grid) {
    double const here = evidence(strength);
    if (here > most + slack || !(most - most == 0)) most = here, best = strength;
  }
  if (best > 1e300) return best;
  double low = std::log(best / 3.3), high = std::log(best * 3.3);
  constexpr double golden = 0.6180339887498949;
  double a = high - golden * (high - low), b = low + golden * (high - low);
  double at_a = evidence(std::exp(a)), at_b = evidence(std::exp(b));
  while (high - low > 1e-4) {
    if (at_a >= at_b) {
      high = b, b = a, at_b = at_a;
      a = high - golden * (high - low);
      at_a = evidence(std::exp(a));
    } else {
      low = a, a = b, at_a = at_b;
      b = low + golden * (high - low);
      at_b = evidence(std::exp(b));
    }
  }
  return std::exp(0.5 * (low + high));
}

/// (counts + strength * centre) / (total + strength); the centre where there are no counts.
inline void shrink_row(double const* counts, double const* centre, std::size_t size,
                       double strength, double* out) {
  double total = 0;
  for (std::size_t j = 0; j < size; ++j) total += counts[j];
  for (std::size_t j = 0; j < size; ++j)
    out[j] = !(total > 0) || strength > 1e300
                 ? centre[j]
                 : (counts[j] + strength * centre[j]) / (total + strength);
}

inline void check_local(char const* where, std::size_t classes, local_options const& o) {
  using limpid::detail::require;
  require(classes >= 1, where, "classes is 0; need at least 1");
  require(o.strength.empty() || o.strength.size() == classes, where, "options.strength has ",
          o.strength.size(), " entries; need ", classes, ", or none");
  for (double s : o.strength)
    require(s >= 0, where, "options.strength holds ", s, "; need at least 0");
  if (o.global.empty()) return;
  require(o.global.rows() == classes && o.global.cols() == classes, where, "options.global is ",
          o.global.rows(), " x ", o.global.cols(), "; need ", classes, " x ", classes);
  for (std::size_t i = 0; i < classes; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < classes; ++j) {
      require(o.global(i, j) >= 0 && o.global(i, j) <= 1 + 1e-6, where, "options.global row ", i,
              " has the entry ", o.global(i, j), "; need probabilities");
      sum += o.global(i, j);
    }
    require(sum > 1 - 1e-3 && sum < 1 + 1e-3, where, "options.global row ", i, " sums to ", sum,
            "; rows must be probability distributions (tolerance 1e-3)");
  }
}

/// Row-stochastic from counts; classes without any have the identity's row and flag 0.
inline matrix<double> rows_of_counts(matrix<double> const& counts,
                                     vector<std::uint8_t>& class_estimated) {
  std::size_t const classes = counts.rows();
  auto out = matrix<double>::identity(classes);
  class_estimated = vector<std::uint8_t>(classes);
  for (std::size_t k = 0; k < classes; ++k) {
    double total = 0;
    for (std::size_t j = 0; j < classes; ++j) total += counts(k, j);
    class_estimated[k] = total > 0;
    for (std::size_t j = 0; total > 0 && j < classes; ++j) out(k, j) = counts(k, j) / total;
  }
  return out;
}

}  // namespace detail
}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_DETAIL_SHRINK_ROWS_HPP
