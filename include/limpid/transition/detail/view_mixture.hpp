// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/view_mixture.hpp
/// Three unlike labels of one thing, independent given its true class: the maximum-likelihood
/// confusion of each by EM on their counts.
#ifndef LIMPID_TRANSITION_DETAIL_VIEW_MIXTURE_HPP
#define LIMPID_TRANSITION_DETAIL_VIEW_MIXTURE_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/transition/detail/joint_table.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition::detail::evidence {

/// A row's second and third view as one number: the label of a neighbour, the classifier's class.
template <memory_space S>
struct neighbour_and_class {
  matrix_view<std::uint32_t const, S> index;
  vector_view<std::int32_t const, S> y, z;
  std::size_t column;
  std::int32_t classes;
  vector_view<std::int32_t, S> both;
  LIMPID_HD void operator()(std::size_t i) const { both[i] = y[index(i, column)] * classes + z[i]; }
};

struct view_mixture {
  matrix<double> own, neighbour, classifier;  ///< K x K, P(what the view says | true class)
  vector<double> prior;
  int iterations = 0;
  bool converged = false;
};

/// `counts`: K x K^2, rows with own label j, neighbour's label k, classifier's class l at
/// (j, k K + l). T is where `own` and `neighbour` start from.
inline view_mixture fit_views(matrix<double> const& counts, matrix<double> const& start,
                              int max_iterations = 500, double tolerance = 1e-7) {
  std::size_t const classes = counts.rows();
  struct cell {
    std::uint32_t own, neighbour, classifier;
    double share;
  };
  std::vector<cell> cells;
  double rows = 0;
  view_mixture m{smoothed(start, 0.05), smoothed(start, 0.05),
                 smoothed(matrix<double>::identity(classes), 0.1), vector<double>(classes)};
  for (std::size_t j = 0; j < classes; ++j)
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t l = 0; l < classes; ++l) {
        double const count = counts(j, k * classes + l);
        if (count <= 0) continue;
        cells.push_back({static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(k),
                         static_cast<std::uint32_t>(l), count});
        rows += count;
        m.prior[l] += count;
      }
  for (auto& c : cells) c.share /= rows;
  for (double& p : m.prior) p = (p + 1) / (rows + static_cast<double>(classes));

  std::vector<double> q(classes);
  // columns lie in a row: what EM reads and adds to is contiguous
  auto own = transposed(m.own), neighbour = transposed(m.neighbour),
       classifier = transposed(m.classifier);
  double before = -INFINITY;
  for (m.iterations = 0; m.iterations < max_iterations; ++m.iterations) {
    matrix<double> sum_own(classes, classes), sum_neighbour = sum_own, sum_classifier = sum_own;
    vector<double> mass(classes);
    double log_likelihood = 0;
    for (cell const& c : cells) {
      double const *const a = &own(c.own, 0), *const b = &neighbour(c.neighbour, 0),
                          *const z = &classifier(c.classifier, 0);
      double evidence = 0;
      for (std::size_t k = 0; k < classes; ++k) evidence += q[k] = m.prior[k] * a[k] * b[k] * z[k];
      if (!(evidence > 0)) continue;
      log_likelihood += c.share * std::log(evidence);
      double const scale = c.share / evidence;
      double *const to_own = &sum_own(c.own, 0), *const to_near = &sum_neighbour(c.neighbour, 0),
                    *const to_class = &sum_classifier(c.classifier, 0);
      for (std::size_t k = 0; k < classes; ++k) {
        double const part = scale * q[k];
        mass[k] += part;
        to_own[k] += part;
        to_near[k] += part;
        to_class[k] += part;
      }
    }
    for (std::size_t j = 0; j < classes; ++j)
      for (std::size_t k = 0; k < classes; ++k)
        if (mass[k] > 0) {
          own(j, k) = sum_own(j, k) / mass[k];
          neighbour(j, k) = sum_neighbour(j, k) / mass[k];
          classifier(j, k) = sum_classifier(j, k) / mass[k];
        }
    m.prior = std::move(mass);
    m.converged = log_likelihood - before < tolerance;
    if (m.converged) break;
    before = log_likelihood;
  }
  m.own = row_stochastic(transposed(own));
  m.neighbour = row_stochastic(transposed(neighbour));
  m.classifier = row_stochastic(transposed(classifier));
  return m;
}

/// Do the labels of neighbours depend on the row's own: the likelihood-ratio statistic against its
/// distribution under independence, 4 deviations above its mean.
inline bool depends(matrix<double> const& pairs, double& statistic) {
  std::size_t const classes = pairs.rows();
  auto const row = row_sums(pairs), col = row_sums(transposed(pairs));
  double rows = 0, used_rows = 0, used_cols = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    rows += row[k];
    used_rows += row[k] > 0;
    used_cols += col[k] > 0;
  }
  statistic = 0;
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j)
      if (pairs(i, j) > 0)
        statistic += 2 * pairs(i, j) * std::log(pairs(i, j) * rows / (row[i] * col[j]));
  double const freedom = (used_rows - 1) * (used_cols - 1);
  return freedom > 0 && statistic > freedom + 4 * std::sqrt(2 * freedom);
}

}  // namespace limpid::transition::detail::evidence

#endif  // LIMPID_TRANSITION_DETAIL_VIEW_MIXTURE_HPP
