// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/sibling.hpp
/// T from a hierarchy of classes: how far apart two classes are is all that their confusion hangs
/// on.
#ifndef LIMPID_TRANSITION_SIBLING_HPP
#define LIMPID_TRANSITION_SIBLING_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/chi_square.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

struct sibling_options {
  int max_iterations = 10000;  ///< EM steps, where a class has no stranger at some level; >= 0
  double tolerance = 1e-12;    ///< ends when no rate moves by more; >= 0
};

/// K classes, L levels: 0 is the class itself, u > 0 the classes whose lowest common ancestor with
/// it is u steps up.
struct sibling_result {
  matrix<double> transition;  ///< K x K, (i, j) = P(given j | true i): rates[u] / their number
  vector<double> rates;       ///< L, P(the label is of a class u levels away); sum 1
  matrix<std::size_t> level;  ///< K x K, of j seen from i; L: no ancestor in common, never confused
  double log_likelihood = 0;  ///< of the counts under the rates; -infinity: some are of level L
  double log_likelihood_free = 0;  ///< under a T of their own rows
  double statistic = 0;            ///< twice their difference
  double degrees = 0;  ///< of freedom: free entries in rows with counts, less the rates'
  double p_value = 1;  ///< of the statistic, were the hierarchy right; 1 without degrees
  int iterations = 0;
  bool converged = true;
  vector<std::uint8_t>
      class_estimated;  ///< K, 0: no counts in the row; the others' rates are its own
};

namespace detail {

/// Level of each class from each other, see sibling_result; `levels` is set to the most there are.
inline matrix<std::size_t> tree_levels(std::string_view where, std::size_t classes,
                                       std::vector<std::size_t> const& parents,
                                       std::size_t& levels) {
  using limpid::detail::require;
  std::size_t const nodes = parents.size();
  require(nodes >= classes, where, "parents has ", nodes, " nodes; the first ", classes,
          " are the classes");
  for (std::size_t v = 0; v < nodes; ++v) {
    require(parents[v] < nodes, where, "parents[", v, "] is ", parents[v], "; there are ", nodes,
            " nodes");
    require(parents[v] >= classes || (v < classes && parents[v] == v), where, "parents[", v,
            "] is ", parents[v], ", a class; classes have no children");
  }
  std::vector<std::vector<std::size_t>> path(classes);  // the class first, its root last
  levels = 1;
  for (std::size_t i = 0; i < classes; ++i) {
    path[i].push_back(i);
    while (parents[path[i].back()] != path[i].back()) {
      path[i].push_back(parents[path[i].back()]);
      require(path[i].size() <= nodes, where, "parents of class ", i,
              " run in a circle; a root is its own parent");
    }
  }
  constexpr auto never = static_cast<std::size_t>(-1);
  matrix<std::size_t> level(classes, classes, never);
  std::vector<std::size_t> steps(nodes);
  for (std::size_t i = 0; i < classes; ++i) {
    std::fill(steps.begin(), steps.end(), never);
    for (std::size_t up = 0; up < path[i].size(); ++up) steps[path[i][up]] = up;
    for (std::size_t j = 0; j < classes; ++j)
      for (std::size_t node : path[j])
        if (steps[node] != never) {
          level(i, j) = steps[node];
          levels = steps[node] + 1 > levels ? steps[node] + 1 : levels;
          break;
        }
  }
  for (std::size_t c = 0; c < classes * classes; ++c)
    if (level.data()[c] == never) level.data()[c] = levels;
  return level;
}

/// How many classes are at each level of each class: K x L.
inline matrix<double> level_sizes(matrix<std::size_t> const& level, std::size_t levels) {
  matrix<double> size(level.rows(), levels);
  for (std::size_t i = 0; i < level.rows(); ++i)
    for (std::size_t j = 0; j < level.rows(); ++j)
      if (level(i, j) < levels) size(i, level(i, j)) += 1;
  return size;
}

/// rates[u] spread over the classes of level u; what has none stays with the class.
inline matrix<double> spread_rates(matrix<std::size_t> const& level, matrix<double> const& size,
                                   std::vector<double> const& rates) {
  std::size_t const K = level.rows();
  matrix<double> t(K, K);
  for (std::size_t i = 0; i < K; ++i) {
    for (std::size_t j = 0; j < K; ++j)
      if (level(i, j) < rates.size()) t(i, j) = rates[level(i, j)] / size(i, level(i, j));
    for (std::size_t u = 1; u < rates.size(); ++u)
      if (size(i, u) == 0) t(i, i) += rates[u];
  }
  return t;
}

}  // namespace detail

/// T of a hierarchy with given rates: T(i, j) = rates[u] / c for the c classes whose lowest common
/// ancestor with i is u steps up; rates[0] is the share of right labels, rates sum to 1. What a
/// class has nobody for stays on its diagonal (an only child keeps its label). `parents`: one entry
/// per node, its parent; nodes 0..K-1 are the classes, a root is its own parent. {1 - e, e}
/// confuses siblings alone.
inline matrix<double> sibling_transition(std::size_t classes,
                                         std::vector<std::size_t> const& parents,
                                         std::vector<double> const& rates) {
  constexpr char const* where = "transition::sibling_transition";
  using limpid::detail::require;
  require(classes >= 1, where, "classes is 0; give the number of classes");
  double sum = 0;
  for (std::size_t u = 0; u < rates.size(); ++u) {
    require(rates[u] >= 0 && rates[u] <= 1, where, "rates[", u, "] is ", rates[u], "; need [0, 1]");
    sum += rates[u];
  }
  require(std::abs(sum - 1) <= 1e-9, where, "rates sum to ", sum, "; need 1");
  std::size_t levels = 0;
  auto const level = detail::tree_levels(where, classes, parents, levels);
  auto padded = rates;
  if (padded.size() < levels) padded.resize(levels);
  auto const size = detail::level_sizes(level, padded.size());
  return detail::spread_rates(level, size, padded);
}

/// T of a graph of classes: (1 - share) I + share W, W the rows of `affinity` divided by their
/// sums; a class without neighbours keeps its label. With `series` confusion spreads on along the
/// graph, (1 - share) (I - share W)^-1.
inline matrix<double> affinity_transition(matrix<double> const& affinity, double share,
                                          bool series = false) {
  constexpr char const* where = "transition::affinity_transition";
  using limpid::detail::require;
  std::size_t const K = affinity.rows();
  require(K > 0 && affinity.cols() == K, where, "affinity is ", K, " x ", affinity.cols(),
          "; need K x K, K >= 1");
  require(share >= 0 && share <= 1 && (share < 1 || !series), where, "share is ", share,
          series ? "; need [0, 1)" : "; need [0, 1]");
  matrix<double> t(K, K), walk(K, K);
  for (std::size_t i = 0; i < K; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < K; ++j) {
      require(affinity(i, j) >= 0 && affinity(i, j) < 1e300, where, "affinity row ", i,
              " has the entry ", affinity(i, j), "; need finite numbers, at least 0");
      if (j != i) sum += affinity(i, j);
    }
    for (std::size_t j = 0; j < K; ++j) {
      double const step = sum > 0 ? (j == i ? 0.0 : affinity(i, j) / sum) : (j == i ? 1.0 : 0.0);
      t(i, j) = (j == i ? 1 - share : 0.0) + share * step;
      walk(i, j) = (j == i ? 1.0 : 0.0) - share * step;
    }
  }
  if (!series) return t;
  auto spread = ops::invert(std::move(walk)).inverse;  // diagonally dominant: never singular
  for (std::size_t c = 0; c < K * K; ++c) spread.data()[c] *= 1 - share;
  return spread;
}

/// Estimates the rates of a hierarchy from counts, and tests it.
///
/// \f$ T_{ij} = a_{\ell(i,j)} / c_{\ell(i,j)}(i) \f$: the label moves to a class \f$ \ell \f$
/// levels away with probability \f$ a_\ell \f$, to all such classes alike. The most likely rates
/// are the shares of the counts at each level; where a class has nobody at some level, so that this
/// rate stays on its diagonal, EM divides the diagonal's counts. The likelihood ratio against a T
/// whose rows are free is chi-square if the hierarchy is right.
///
/// L rates learn from few counts what K (K - 1) entries cannot. As a prior: prior_counts = m T in
/// noise_layer, or m T added to the counts.
///
/// @param exec     where `counts` lives; the work is done on the host
/// @param counts   K x K, true x given, entries >= 0
/// @param parents  one entry per node: its parent; nodes 0..K-1 are the classes, a root is its own
///                 parent
/// @param options  sibling_options
/// @return  sibling_result
/// @throws  input_error  for shapes, options outside their intervals, counts negative or not
///                       finite, parents that are no tree
/// @par Complexity   O(K^2 depth)
/// @par Determinism  bitwise
/// @par Source       Y. Li et al., "Learning from noisy labels with distillation", ICCV 2017 (the
///                   sibling transition); G. Patrini et al., CVPR 2017 (noise within superclasses);
///                   the estimate of rates is this library's
struct sibling_fn {
  using primitives = uses<ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  sibling_result operator()(Exec const& exec, M const& counts,
                            std::vector<std::size_t> const& parents,
                            sibling_options const& options = {}) const {
    limpid::detail::enter<sibling_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(counts);
    matrix_view<value_t<M> const, Exec::space> const c = limpid::view(held);
    using limpid::detail::require;
    require(c.rows > 0 && c.rows == c.cols, where, "counts is ", c.rows, " x ", c.cols,
            "; need K x K, K >= 1");
    require(options.max_iterations >= 0, where, "options.max_iterations is ",
            options.max_iterations, "; need at least 0");
    require(options.tolerance >= 0, where, "options.tolerance is ", options.tolerance,
            "; need at least 0");
    auto const own = ops::download(exec, c);
    matrix<double> table(c.rows, c.cols);
    for (std::size_t i = 0; i < c.rows; ++i)
      for (std::size_t j = 0; j < c.cols; ++j) {
        table(i, j) = static_cast<double>(own(i, j));
        require(table(i, j) >= 0 && table(i, j) < 1e15, where, "counts row ", i, " has the entry ",
                table(i, j), "; need finite counts, at least 0");
      }
    return estimate(table, parents, options);
  }
  template <real_matrix M>
  sibling_result operator()(M const& counts, std::vector<std::size_t> const& parents,
                            sibling_options const& options = {}) const {
    return (*this)(default_policy, counts, parents, options);
  }

 private:
  static constexpr std::string_view where = "transition::sibling";

  static sibling_result estimate(matrix<double> const& counts,
                                 std::vector<std::size_t> const& parents,
                                 sibling_options const& options) {
    std::size_t const K = counts.rows();
    std::size_t levels = 0;
    sibling_result r;
    r.level = detail::tree_levels(where, K, parents, levels);
    auto const size = detail::level_sizes(r.level, levels);
    std::vector<double> seen(levels), diagonal(K);
    double total = 0, entries = 0;
    bool missing = false;
    r.class_estimated = vector<std::uint8_t>(K);
    for (std::size_t i = 0; i < K; ++i) {
      double row = 0;
      for (std::size_t j = 0; j < K; ++j) {
        row += counts(i, j);
        if (j == i)
          diagonal[i] = counts(i, j);
        else if (r.level(i, j) < levels)
          seen[r.level(i, j)] += counts(i, j);
      }
      r.class_estimated[i] = row > 0;
      if (row > 0) entries += static_cast<double>(K - 1);
      for (std::size_t u = 1; u < levels; ++u) missing = missing || size(i, u) == 0;
    }
    for (std::size_t i = 0; i < K; ++i) total += diagonal[i];
    for (double s : seen) total += s;
    std::vector<double> rates(levels, 1 / static_cast<double>(levels));
    r.converged = false;
    if (!(total > 0)) {
      for (std::size_t u = 0; u < levels; ++u) rates[u] = u == 0;
      r.converged = true;
    }
    while (!r.converged && r.iterations < options.max_iterations) {
      std::vector<double> next = seen;
      for (std::size_t i = 0; i < K; ++i) {
        double stays = rates[0];
        for (std::size_t u = 1; u < levels; ++u)
          if (size(i, u) == 0) stays += rates[u];
        if (!(stays > 0)) continue;
        next[0] += diagonal[i] * rates[0] / stays;
        for (std::size_t u = 1; u < levels; ++u)
          if (size(i, u) == 0) next[u] += diagonal[i] * rates[u] / stays;
      }
      double moved = 0;
      for (std::size_t u = 0; u < levels; ++u) {
        next[u] /= total;
        double const gap = std::abs(next[u] - rates[u]);
        moved = gap > moved ? gap : moved;
      }
      rates = next;
      ++r.iterations;
      r.converged = !missing || moved <= options.tolerance;
    }
    r.transition = detail::spread_rates(r.level, size, rates);
    r.rates = vector<double>(std::move(rates));
    compare(counts, entries - static_cast<double>(levels - 1), r);
    return r;
  }

  static void compare(matrix<double> const& counts, double degrees, sibling_result& r) {
    std::size_t const K = counts.rows();
    for (std::size_t i = 0; i < K; ++i) {
      double row = 0;
      for (std::size_t j = 0; j < K; ++j) row += counts(i, j);
      for (std::size_t j = 0; j < K; ++j) {
        if (!(counts(i, j) > 0)) continue;
        r.log_likelihood += counts(i, j) * std::log(r.transition(i, j));
        r.log_likelihood_free += counts(i, j) * std::log(counts(i, j) / row);
      }
    }
    r.statistic = 2 * (r.log_likelihood_free - r.log_likelihood);
    if (r.statistic < 0) r.statistic = 0;
    r.degrees = degrees > 0 ? degrees : 0;
    r.p_value = !(r.degrees > 0)      ? 1
                : r.statistic < 1e300 ? detail::chi_square_tail(r.statistic, r.degrees)
                                      : 0;
  }
};
inline constexpr sibling_fn sibling{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_SIBLING_HPP
