// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/three_views.hpp
/// Three labels of one thing, independent given its true class: T from the counts of triples, by
/// maximum likelihood, by matching moments or in closed form.
#ifndef LIMPID_TRANSITION_DETAIL_THREE_VIEWS_HPP
#define LIMPID_TRANSITION_DETAIL_THREE_VIEWS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/transition/detail/moments_of_triples.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

enum class consensus_method {
  likelihood,  ///< maximum likelihood of the triples, by EM
  moments,     ///< least squares on the first, second and third consensuses, as published
  spectral     ///< closed form, exact on exact triples; noise grows fast with K: for K below ten
};

struct consensus_options {
  consensus_method method = consensus_method::likelihood;
  /// of the first, second and third consensus' squared error; moments only; >= 0, the third > 0:
  /// without it T is not determined
  std::array<double, 3> order_weights = {1, 1, 1};
  double tolerance = 1e-10;     ///< stop when the mean log-likelihood rises by less, nats per row;
                                ///< moments: gradient against the first; > 0
  int max_iterations = 5000;    ///< >= 1
  double start_diagonal = 0.8;  ///< T starts as this times I plus the rest spread evenly; (0, 1)
};

/// What three labels per row say. K classes.
struct consensus_result {
  matrix<double> transition;     ///< K x K, (i, j) = P(given j | true i)
  vector<double> prior;          ///< K, P(true i)
  vector<double> c1;             ///< K, share of rows with label j
  matrix<double> c2;             ///< K x K, share with first label j, second k
  matrix<double> c3;             ///< K x K^2, share with labels j, k, l at (j, k K + l)
  double agreement = 0;          ///< share of rows whose three labels are the same
  double implied_agreement = 0;  ///< what T and the prior say it is: sum_ij p_i T_ij^3
  double others_agree = 0;       ///< share of rows whose second and third label are the same
  /// |c2 - c2^T|, Frobenius; 0 in the limit, since the three labels are exchangeable
  double asymmetry = 0;
  /// of (c2 + c2^T) / 2 on the labels that occur; above 0 where T has full rank: near or below it
  /// T is hardly determined
  double least_eigenvalue = 0;
  double log_likelihood = 0;  ///< mean per row, nats; of the T that is returned
  double mismatch = 0;        ///< sum of order_weights times squared errors of the consensuses
  int iterations = 0;
  bool converged = false;
  bool stopped = false;                  ///< progress asked to stop; what was reached is returned
  vector<std::uint8_t> class_estimated;  ///< K, 0: label i never occurs, or no row is of class i;
                                         ///< its row is the identity's
  /// each row's largest entry is on the diagonal, which is what names the classes
  bool diagonally_dominant = false;
};

namespace detail {

inline constexpr std::size_t most_classes_of_triples = 200;  ///< K^3 doubles: 64 MB

/// A multiset of labels j <= k <= l and its share of the rows.
struct triple {
  std::uint32_t j, k, l;
  double share;
};

/// The cells of c3 that are not empty, over all orders of their labels.
inline std::vector<triple> triples_of(matrix<double> const& c3) {
  std::size_t const classes = c3.rows();
  auto const at = [&](std::size_t a, std::size_t b, std::size_t c) {
    return c3(a, b * classes + c);
  };
  std::vector<triple> cells;
  for (std::size_t j = 0; j < classes; ++j)
    for (std::size_t k = j; k < classes; ++k)
      for (std::size_t l = k; l < classes; ++l) {
        double share = at(j, k, l);
        if (j != k || k != l)
          share += at(k, l, j) + at(l, j, k);  // three orders where two labels are equal
        if (j != k && k != l) share += at(k, j, l) + at(j, l, k) + at(l, k, j);
        if (share > 0)
          cells.push_back({static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(k),
                           static_cast<std::uint32_t>(l), share});
      }
  return cells;
}

/// One pass of EM: posteriors of the true class for every cell, then their sums. Row j of `columns`
/// is column j of T.
class triple_em {
 public:
  triple_em(std::vector<triple> cells, std::size_t classes)
      : cells_(std::move(cells)), classes_(classes), product_(classes), posterior_(classes) {}

  /// Updates both arguments; returns the mean log-likelihood before the update.
  double step(matrix<double>& columns, vector<double>& prior) {
    matrix<double> sums(classes_, classes_);
    double log_likelihood = 0;
    std::uint32_t j = 0, k = 0;
    bool first = true;
    for (triple const& cell : cells_) {
      if (first || cell.j != j || cell.k != k) {
        double const *const a = &columns(cell.j, 0), *const b = &columns(cell.k, 0);
        for (std::size_t i = 0; i < classes_; ++i) product_[i] = prior[i] * a[i] * b[i];
        j = cell.j, k = cell.k, first = false;
      }
      double const* const c = &columns(cell.l, 0);
      double evidence = 0;
      for (std::size_t i = 0; i < classes_; ++i) evidence += posterior_[i] = product_[i] * c[i];
      log_likelihood += cell.share * std::log(evidence);
      double const share =
          cell.share / (3 * evidence);  // each of the three labels is as good as the others
      double *const x = &sums(cell.j, 0), *const y = &sums(cell.k, 0), *const z = &sums(cell.l, 0);
      for (std::size_t i = 0; i < classes_; ++i) {
        double const part = share * posterior_[i];
        x[i] += part;
        y[i] += part;
        z[i] += part;
      }
    }
    for (std::size_t i = 0; i < classes_; ++i) {
      double mass = 0;
      for (std::size_t l = 0; l < classes_; ++l) mass += sums(l, i);
      prior[i] = mass;
      if (mass > 0)
        for (std::size_t l = 0; l < classes_; ++l) columns(l, i) = sums(l, i) / mass;
    }
    return log_likelihood;
  }

 private:
  std::vector<triple> cells_;
  std::size_t classes_;
  std::vector<double> product_, posterior_;
};

/// EM from columns and r.prior on.
inline void maximise_likelihood(consensus_result& r, matrix<double>& columns,
                                consensus_options const& options, progress const& on_progress) {
  triple_em em(triples_of(r.c3), r.c3.rows());
  r.iterations = 0;
  double before = -INFINITY;
  for (;;) {
    matrix<double> next = columns;
    vector<double> next_prior = r.prior;
    r.log_likelihood = em.step(next, next_prior);
    r.converged = r.log_likelihood - before < options.tolerance;
    if (r.converged || r.iterations == options.max_iterations) break;
    if (on_progress && !on_progress(static_cast<double>(r.iterations) / options.max_iterations)) {
      r.stopped = true;
      break;
    }
    before = r.log_likelihood;
    columns = std::move(next);
    r.prior = std::move(next_prior);
    ++r.iterations;
  }
}

/// L-BFGS on logits from columns and r.prior on, over the labels that occur.
inline void match_moments(consensus_result& r, matrix<double>& columns,
                          std::vector<std::uint8_t> const& seen, consensus_options const& options,
                          progress const& on_progress) {
  moments_of_triples const problem(r.c1, r.c2, r.c3, seen, options.order_weights);
  auto const found = problem.solve(columns, r.prior, options.tolerance,
                                   static_cast<std::size_t>(options.max_iterations), on_progress);
  r.iterations = static_cast<int>(found.iterations);
  r.converged = found.converged;
  r.stopped = found.stopped;
}

/// False, and nothing is changed, where the consensuses do not allow it.
inline bool spectral_solution(consensus_result& r, matrix<double>& columns,
                              std::vector<std::uint8_t> const& seen) {
  auto const found = spectral_triples(r.c3, seen);
  if (!found) return false;
  for (std::size_t i = 0; i < r.prior.size(); ++i) {
    r.prior[i] = found->prior[i];
    for (std::size_t j = 0; j < r.prior.size(); ++j) columns(j, i) = found->transition(i, j);
  }
  return true;
}

/// Throws unless the options lie in their intervals.
inline void check_options(char const* where, consensus_options const& o) {
  using limpid::detail::require;
  require(o.tolerance > 0, where, "options.solver.tolerance is ", o.tolerance,
          "; need more than 0");
  require(o.max_iterations >= 1, where, "options.solver.max_iterations is ", o.max_iterations,
          "; need at least 1");
  require(o.order_weights[0] >= 0 && o.order_weights[1] >= 0 && o.order_weights[2] > 0 &&
              o.order_weights[0] + o.order_weights[1] + o.order_weights[2] < 1e300,
          where, "options.solver.order_weights are ", o.order_weights[0], ", ", o.order_weights[1],
          ", ", o.order_weights[2], "; need finite numbers, at least 0, the third more than 0");
  require(o.start_diagonal > 0 && o.start_diagonal < 1, where, "options.solver.start_diagonal is ",
          o.start_diagonal, "; need (0, 1)");
}

inline void check_classes(char const* where, std::size_t classes) {
  limpid::detail::require(classes > 0 && classes <= most_classes_of_triples, where, "classes is ",
                          classes, "; need 1..", most_classes_of_triples,
                          ": triples of labels take K^3 doubles");
}

/// How well T and the prior explain the consensuses, and how well they are determined.
inline void describe_fit(consensus_result& r, std::vector<std::uint8_t> const& seen,
                         consensus_options const& options) {
  std::size_t const classes = r.c3.rows();
  double squares = 0;
  for (std::size_t j = 0; j < classes; ++j)
    for (std::size_t k = 0; k < classes; ++k) {
      double const gap = r.c2(j, k) - r.c2(k, j);
      squares += gap * gap;
    }
  r.asymmetry = std::sqrt(squares);
  r.least_eigenvalue = least_eigenvalue(r.c2, seen);
  r.implied_agreement = r.log_likelihood = 0;
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j)
      r.implied_agreement +=
          r.prior[i] * r.transition(i, j) * r.transition(i, j) * r.transition(i, j);
  for (triple const& cell : triples_of(r.c3)) {
    double evidence = 0;
    for (std::size_t i = 0; i < classes; ++i)
      evidence +=
          r.prior[i] * r.transition(i, cell.j) * r.transition(i, cell.k) * r.transition(i, cell.l);
    r.log_likelihood += cell.share * std::log(evidence);
  }
  r.mismatch = moments_of_triples(r.c1, r.c2, r.c3, seen, options.order_weights)
                   .mismatch(r.transition, r.prior);
}

/// Fills what follows from r.c3.
inline void solve_consensus(consensus_result& r, consensus_options const& options,
                            progress const& on_progress) {
  std::size_t const classes = r.c3.rows();
  r.c1 = vector<double>(classes);
  r.c2 = matrix<double>(classes, classes);
  r.agreement = r.others_agree = 0;
  std::vector<std::uint8_t> seen(classes);
  for (std::size_t j = 0; j < classes; ++j) {
    r.agreement += r.c3(j, j * classes + j);
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t l = 0; l < classes; ++l) {
        double const share = r.c3(j, k * classes + l);
        if (k == l) r.others_agree += share;
        r.c1[j] += share;
        r.c2(j, k) += share;
        if (share > 0) seen[j] = seen[k] = seen[l] = 1;
      }
  }
  std::size_t present = 0;
  for (auto s : seen) present += s;
  // a class that no label names has no mass from the start: it could only copy another
  r.prior = vector<double>(classes);
  matrix<double> columns(classes, classes);
  for (std::size_t i = 0; i < classes; ++i) {
    r.prior[i] = seen[i] ? 1 / static_cast<double>(present) : 0;
    for (std::size_t j = 0; j < classes; ++j)
      columns(j, i) = (i == j ? options.start_diagonal : 0) +
                      (1 - options.start_diagonal) / static_cast<double>(classes);
  }
  if (options.method == consensus_method::likelihood)
    maximise_likelihood(r, columns, options, on_progress);
  else if (options.method == consensus_method::moments)
    match_moments(r, columns, seen, options, on_progress);
  else
    r.converged = spectral_solution(r, columns, seen);
  r.transition = matrix<double>(classes, classes);
  r.class_estimated = vector<std::uint8_t>(classes);
  r.diagonally_dominant = true;
  for (std::size_t i = 0; i < classes; ++i) {
    r.class_estimated[i] = r.prior[i] > 1e-12;
    for (std::size_t j = 0; j < classes; ++j)
      r.transition(i, j) = r.class_estimated[i] ? columns(j, i) : (i == j ? 1.0 : 0.0);
    for (std::size_t j = 0; j < classes; ++j)
      if (j != i && r.transition(i, j) >= r.transition(i, i)) r.diagonally_dominant = false;
  }
  describe_fit(r, seen, options);
}

}  // namespace detail
}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_DETAIL_THREE_VIEWS_HPP
