// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/latent_shift.hpp
/// Classes without a single label, from domains that hold them in different shares.
#ifndef LIMPID_TRANSITION_LATENT_SHIFT_HPP
#define LIMPID_TRANSITION_LATENT_SHIFT_HPP

#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/spread_seeds.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

struct latent_shift_options {
  std::size_t cells = 30;       ///< of the discretised posteriors, >= classes; at most n are used
  int restarts = 5;             ///< of k-means, the tightest is kept; >= 1
  int kmeans_iterations = 100;  ///< per restart, >= 1
  /// Steps of maximum likelihood from the anchors' solution (the factorisation of least
  /// Kullback-Leibler divergence); 0 keeps the anchors' solution.
  int refine_iterations = 500;
  double tolerance = 1e-9;  ///< refinement ends when a step gains less log-likelihood per row; >= 0
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the share of restarts done; false stops
  bool validate = true;       ///< check that rows of Q are distributions
};

/// n rows, D domains, C classes, m cells. Classes have no names: their order is that of their
/// anchor cells.
struct latent_shift_result {
  matrix<double> posterior;           ///< n x C, P(class | x, its domain)
  matrix<double> class_given_domain;  ///< D x C, P(class | domain); rows sum to 1
  matrix<double> cell_given_class;    ///< C x m, P(cell | class); rows sum to 1
  matrix<double>
      domain_given_class;  ///< C x D, P(domain | class), with the domains' shares of the rows
  matrix<double> cell_given_domain;  ///< D x m, what is factorised: shares of a domain's rows
  vector<std::int32_t> cell;         ///< n, cell of each row
  vector<std::size_t> anchor;        ///< C, the cell that is taken for a class alone
  double condition = std::numeric_limits<double>::infinity();  ///< of domain_given_class; infinite:
                                                               ///< C classes cannot be told apart
  /// Share of the entries of P(class | x) that were outside [0, 1] by more than 1e-3 before they
  /// were put back.
  double violations = 0;
  double divergence = 0;   ///< of cell_given_domain from its factorisation, nats per row
  int iterations = 0;      ///< of the refinement
  bool converged = false;  ///< the refinement met the tolerance, or none was asked for
  bool stopped = false;    ///< by on_progress, after the restarts that were done
};

namespace detail {

/// sum_rows: per cell its rows and the sum of x.
template <class T, memory_space S>
struct cell_sums {
  matrix_view<T const, S> x;
  matrix_view<std::uint32_t const, S> cell;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double* const at = sums + cell(i, 0) * (x.cols + 1);
    for (std::size_t c = 0; c < x.cols; ++c) at[c] += static_cast<double>(x(i, c));
    at[x.cols] += 1;
  }
};

/// sum_rows: the sum of squared distances.
template <memory_space S>
struct squared_distances {
  matrix_view<double const, S> distance;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += distance(i, 0) * distance(i, 0);
  }
};

template <memory_space S>
struct cell_codes {
  matrix_view<std::uint32_t const, S> cell;
  vector_view<std::int32_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const { out[i] = static_cast<std::int32_t>(cell(i, 0)); }
};

/// for_rows: P(class | x) = q times the right inverse of P(domain | class), put back on the
/// simplex, then by domain.
template <class T, memory_space S>
struct class_of_domain_posterior {
  matrix_view<T const, S> q;
  vector_view<std::int32_t const, S> domain;
  matrix_view<double const, S> inverse, domain_given_class;  ///< D x C, C x D
  matrix_view<double, S> out;
  vector_view<std::int32_t, S> outside;

  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const classes = out.cols;
    std::int32_t bad = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      double sum = 0;
      for (std::size_t d = 0; d < q.cols; ++d) sum += static_cast<double>(q(i, d)) * inverse(d, k);
      bad += sum < -1e-3 || sum > 1 + 1e-3;
      out(i, k) = sum;
    }
    outside[i] = bad;
    // Nearest point of the simplex: what exceeds 1 is taken from the positive entries until none
    // turns negative.
    for (std::size_t round = 0; round < classes; ++round) {
      double excess = -1, positive = 0;
      for (std::size_t k = 0; k < classes; ++k)
        if (round == 0 || out(i, k) > 0) excess += out(i, k), positive += 1;
      double const each = positive > 0 ? excess / positive : 0;
      bool negative = false;
      for (std::size_t k = 0; k < classes; ++k) {
        if (round > 0 && !(out(i, k) > 0)) continue;
        double const moved = out(i, k) - each;
        negative = negative || moved < 0;
        out(i, k) = moved > 0 ? moved : 0;
      }
      if (!negative) break;
    }
    double sum = 0;
    auto const d = static_cast<std::size_t>(domain[i]);
    for (std::size_t k = 0; k < classes; ++k) sum += out(i, k) * domain_given_class(k, d);
    for (std::size_t k = 0; k < classes; ++k)
      out(i, k) =
          sum > 0 ? out(i, k) * domain_given_class(k, d) / sum : 1 / static_cast<double>(classes);
  }
};

template <memory_space S>
struct add_integers {
  vector_view<std::int32_t const, S> x;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += x[i]; }
};

/// Rows of `a` (C of its columns' worth) that span the others' cone: successive projection. Column
/// c of `a`, normalised to sum 1, is cell c's share of each domain.
inline vector<std::size_t> anchor_cells(matrix<double> const& a, std::size_t classes) {
  std::size_t const domains = a.rows(), cells = a.cols();
  matrix<double> rest(cells, domains);
  for (std::size_t c = 0; c < cells; ++c) {
    double sum = 0;
    for (std::size_t d = 0; d < domains; ++d) sum += a(d, c);
    for (std::size_t d = 0; d < domains && sum > 0; ++d) rest(c, d) = a(d, c) / sum;
  }
  vector<std::size_t> out(classes);
  for (std::size_t k = 0; k < classes; ++k) {
    double longest = -1;
    for (std::size_t c = 0; c < cells; ++c) {
      double norm = 0;
      for (std::size_t d = 0; d < domains; ++d) norm += rest(c, d) * rest(c, d);
      if (norm > longest) longest = norm, out[k] = c;
    }
    if (!(longest > 0)) continue;
    vector<double> axis(domains);
    for (std::size_t d = 0; d < domains; ++d) axis[d] = rest(out[k], d) / std::sqrt(longest);
    for (std::size_t c = 0; c < cells; ++c) {
      double along = 0;
      for (std::size_t d = 0; d < domains; ++d) along += rest(c, d) * axis[d];
      for (std::size_t d = 0; d < domains; ++d) rest(c, d) -= along * axis[d];
    }
  }
  return out;
}

/// x >= 0 with the least |A x - b|^2, by coordinate descent on the normal equations; A is rows x C,
/// C small.
inline vector<double> nonnegative_least_squares(matrix<double> const& a, vector<double> const& b) {
  std::size_t const size = a.cols();
  matrix<double> gram(size, size);
  vector<double> right(size), x(size);
  for (std::size_t r = 0; r < a.rows(); ++r)
    for (std::size_t i = 0; i < size; ++i) {
      right[i] += a(r, i) * b[r];
      for (std::size_t j = 0; j < size; ++j) gram(i, j) += a(r, i) * a(r, j);
    }
  for (int sweep = 0; sweep < 100000; ++sweep) {
    double moved = 0, largest = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (!(gram(i, i) > 0)) continue;
      double slope = right[i];
      for (std::size_t j = 0; j < size; ++j) slope -= gram(i, j) * x[j];
      double const to = (std::max)(0.0, x[i] + slope / gram(i, i));
      moved = (std::max)(moved, std::abs(to - x[i]));
      largest = (std::max)(largest, to);
      x[i] = to;
    }
    if (moved <= 1e-15 * largest) break;
  }
  return x;
}

}  // namespace detail

/// Finds classes, and their shares in each domain, from what tells the domains apart.
///
/// Domains hold the same classes in different shares, and a class looks the same in all of them.
/// Then \f$ P(\text{cell} \mid d) = \sum_y P(\text{cell} \mid y) P(y \mid d) \f$ for any cells that
/// the samples are sorted into, and a cell that only one class enters gives that class away. Cells
/// are those of k-means on Q; anchors come by successive projection, their scale by non-negative
/// least squares, then both factors climb the likelihood of the counts. \f$ P(y \mid x) \f$ solves
/// \f$ P(d \mid x) = \sum_y P(d \mid y) P(y \mid x) \f$ on the simplex.
///
/// @param exec     where to run
/// @param Q        n x D, P(domain | x_i) by any classifier of domains, out of sample:
///                 probabilities, not logits
/// @param domains  n, domain of each row, 0..D-1
/// @param classes  C, 1..D
/// @param options  latent_shift_options
/// @return  latent_shift_result. Look at `condition` and `violations`
/// @throws  input_error  for shapes, options outside their intervals, rows that are no
///          distributions, a domain without rows
/// @par Complexity   O(restarts n m D) per step of k-means; O(n D C) at the end; O(n (D + C))
///         memory
/// @par Determinism  bitwise for any number of threads; draws are keyed by the seed
/// @par Source       M. Roberts, P. Mani, S. Garg, Z. Lipton, "Unsupervised learning under latent
///                   label shift", NeurIPS 2022, Algorithm 1; successive projection: M. Araujo et
///                   al., Chemom. Intell. Lab. Syst. 57 (2001)
struct latent_shift_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::nearest_fn,
                          ops::count_pairs_fn, ops::copy_fn>;
  static constexpr std::string_view where = "transition::latent_shift";

  template <execution_policy Exec, real_matrix M, label_vector L>
  latent_shift_result operator()(Exec const& exec, M const& Q, L const& domains,
                                 std::size_t classes,
                                 latent_shift_options const& options = {}) const {
    limpid::detail::enter<latent_shift_fn, Exec, M, L>();
    auto&& held_q = limpid::detail::materialise(Q);
    auto&& held_d = limpid::detail::materialise(domains);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const q = limpid::view(held_q);
    vector_view<value_t<L> const, S> const domain = limpid::view(held_d);
    check(q.rows, q.cols, classes, options);
    ops::check_rows(where, "Q", q.rows, "domains", domain.size);
    if (options.validate) ops::check_distributions(exec, where, "Q", q);
    auto const codes = ops::check_labels(exec, where, "domains", domain, q.cols);
    return run(exec, q, codes.view(), classes, options);
  }
  template <real_matrix M, label_vector L>
  latent_shift_result operator()(M const& Q, L const& domains, std::size_t classes,
                                 latent_shift_options const& options = {}) const {
    return (*this)(default_policy, Q, domains, classes, options);
  }

 private:
  static void check(std::size_t n, std::size_t domains, std::size_t classes,
                    latent_shift_options const& o) {
    using limpid::detail::require;
    require(n > 0 && domains > 0, where, "Q is ", n, " x ", domains,
            "; need at least one row and one domain");
    require(classes >= 1 && classes <= domains, where, "classes is ", classes, "; need 1..",
            domains, ", the number of domains");
    require(o.cells >= classes, where, "options.cells is ", o.cells, "; need at least ", classes,
            ", a cell per class");
    require(o.restarts >= 1, where, "options.restarts is ", o.restarts, "; need at least 1");
    require(o.kmeans_iterations >= 1, where, "options.kmeans_iterations is ", o.kmeans_iterations,
            "; need at least 1");
    require(o.refine_iterations >= 0, where, "options.refine_iterations is ", o.refine_iterations,
            "; need at least 0");
    require(o.tolerance >= 0, where, "options.tolerance is ", o.tolerance, "; need at least 0");
    require(n >= classes, where, "Q has ", n, " rows, fewer than ", classes, " classes");
  }

  template <class Exec, class T, memory_space S>
  static latent_shift_result run(Exec const& exec, matrix_view<T const, S> q,
                                 vector_view<std::int32_t const, S> domain, std::size_t classes,
                                 latent_shift_options const& options) {
    std::size_t const n = q.rows, domains = q.cols, cells = options.cells < n ? options.cells : n;
    latent_shift_result r;
    auto const code = ops::make_buffer<std::int32_t>(exec, n);
    double tightest = std::numeric_limits<double>::infinity();
    for (int start = 0; start < options.restarts && !r.stopped; ++start) {
      auto const index = ops::make_buffer<std::uint32_t>(exec, n);
      double const spread =
          cluster(exec, q, cells, options, static_cast<std::uint32_t>(start), index.view(n, 1));
      if (spread < tightest) {
        tightest = spread;
        ops::for_rows(exec, n, detail::cell_codes<S>{index.view(n, 1), code.view()});
      }
      r.stopped = options.on_progress && start + 1 < options.restarts &&
                  !options.on_progress(static_cast<double>(start + 1) / options.restarts);
    }
    r.cell = ops::download(exec, code.view());
    auto const counts = ops::count_pairs(
        exec, domain, vector_view<std::int32_t const, S>(code.view()), domains, cells);
    vector<double> rows(domains);
    for (std::size_t d = 0; d < domains; ++d)
      for (std::size_t c = 0; c < cells; ++c) rows[d] += counts(d, c);
    for (std::size_t d = 0; d < domains; ++d)
      limpid::detail::require(rows[d] > 0, where, "domains has no row of domain ", d,
                              "; every domain needs rows");
    r.cell_given_domain = counts;
    for (std::size_t d = 0; d < domains; ++d)
      for (std::size_t c = 0; c < cells; ++c) r.cell_given_domain(d, c) /= rows[d];

    factorise(r, counts, classes, options);
    auto const inverse = turn(r, rows, n);

    auto const posterior = ops::make_buffer<double>(exec, n * classes);
    auto const outside = ops::make_buffer<std::int32_t>(exec, n);
    auto const there = ops::upload(exec, inverse.view());
    auto const share = ops::upload(exec, std::as_const(r.domain_given_class).view());
    ops::for_rows(exec, n,
                  detail::class_of_domain_posterior<T, S>{
                      q, domain, there.view(domains, classes), share.view(classes, domains),
                      posterior.view(n, classes), outside.view()});
    r.posterior = ops::download(exec, posterior.view(n, classes));
    r.violations = ops::sum_rows(exec, n, 1, detail::add_integers<S>{outside.view()})[0] /
                   static_cast<double>(n * classes);
    return r;
  }

  /// k-means; returns the sum of squared distances.
  template <class Exec, class T, memory_space S>
  static double cluster(Exec const& exec, matrix_view<T const, S> q, std::size_t cells,
                        latent_shift_options const& options, std::uint32_t start,
                        matrix_view<std::uint32_t, S> index) {
    std::size_t const n = q.rows, domains = q.cols;
    random_stream draw(options.seed, start, 0);
    auto centre = detail::spread_seeds(exec, q, cells, draw);
    auto const distance = ops::make_buffer<double>(exec, n);
    double before = std::numeric_limits<double>::infinity();
    for (int step = 0;; ++step) {
      matrix<T> rounded(cells, domains);
      for (std::size_t c = 0; c < cells * domains; ++c)
        rounded.data()[c] = static_cast<T>(centre.data()[c]);
      auto const there = ops::upload(exec, std::as_const(rounded).view());
      ops::nearest(exec, q, matrix_view<T const, S>(there.view(cells, domains)), 1, index,
                   distance.view(n, 1), {});
      double const spread =
          ops::sum_rows(exec, n, 1, detail::squared_distances<S>{distance.view(n, 1)})[0];
      if (step == options.kmeans_iterations || !(spread < before)) return spread;
      before = spread;
      auto const sums =
          ops::sum_rows(exec, n, cells * (domains + 1), detail::cell_sums<T, S>{q, index});
      for (std::size_t c = 0; c < cells; ++c) {
        double const* const at = sums.data() + c * (domains + 1);
        if (at[domains] > 0)
          for (std::size_t d = 0; d < domains; ++d) centre(c, d) = at[d] / at[domains];
      }
    }
  }

  /// cell_given_domain = class_given_domain * cell_given_class: from the anchors, then by maximum
  /// likelihood.
  static void factorise(latent_shift_result& r, matrix<double> const& counts, std::size_t classes,
                        latent_shift_options const& options) {
    std::size_t const domains = counts.rows(), cells = counts.cols();
    r.anchor = detail::anchor_cells(r.cell_given_domain, classes);
    matrix<double> at_anchor(domains, classes);
    for (std::size_t d = 0; d < domains; ++d)
      for (std::size_t k = 0; k < classes; ++k)
        at_anchor(d, k) = r.cell_given_domain(d, r.anchor[k]);
    auto const scale = detail::nonnegative_least_squares(at_anchor, vector<double>(domains, 1.0));
    r.class_given_domain = matrix<double>(domains, classes);
    for (std::size_t d = 0; d < domains; ++d) {
      double sum = 0;
      for (std::size_t k = 0; k < classes; ++k)
        sum += r.class_given_domain(d, k) = at_anchor(d, k) * scale[k];
      for (std::size_t k = 0; k < classes; ++k)
        r.class_given_domain(d, k) =
            sum > 0 ? r.class_given_domain(d, k) / sum : 1 / static_cast<double>(classes);
    }
    r.cell_given_class = matrix<double>(classes, cells);
    for (std::size_t c = 0; c < cells; ++c) {
      vector<double> column(domains);
      for (std::size_t d = 0; d < domains; ++d) column[d] = r.cell_given_domain(d, c);
      auto const x = detail::nonnegative_least_squares(r.class_given_domain, column);
      for (std::size_t k = 0; k < classes; ++k) r.cell_given_class(k, c) = x[k];
    }
    for (std::size_t k = 0; k < classes; ++k) {
      double sum = 0;
      for (std::size_t c = 0; c < cells; ++c) sum += r.cell_given_class(k, c);
      for (std::size_t c = 0; c < cells; ++c)
        r.cell_given_class(k, c) =
            sum > 0 ? r.cell_given_class(k, c) / sum : 1 / static_cast<double>(cells);
    }
    climb(r, counts, options);
  }

  static void climb(latent_shift_result& r, matrix<double> const& counts,
                    latent_shift_options const& options) {
    std::size_t const domains = counts.rows(), cells = counts.cols(),
                      classes = r.cell_given_class.rows();
    double total = 0;
    for (std::size_t c = 0; c < domains * cells; ++c) total += counts.data()[c];
    double gained = std::numeric_limits<double>::infinity();
    r.divergence = std::numeric_limits<double>::infinity();
    for (;;) {
      matrix<double> domain_sum(domains, classes), cell_sum(classes, cells);
      double divergence = 0;
      for (std::size_t d = 0; d < domains; ++d)
        for (std::size_t c = 0; c < cells; ++c) {
          if (!(counts(d, c) > 0)) continue;
          double image = 1e-300;
          for (std::size_t k = 0; k < classes; ++k)
            image += r.class_given_domain(d, k) * r.cell_given_class(k, c);
          divergence += counts(d, c) / total * std::log(r.cell_given_domain(d, c) / image);
          for (std::size_t k = 0; k < classes; ++k) {
            double const part =
                counts(d, c) * r.class_given_domain(d, k) * r.cell_given_class(k, c) / image;
            domain_sum(d, k) += part;
            cell_sum(k, c) += part;
          }
        }
      gained = r.divergence - divergence;
      r.divergence = divergence;
      r.converged = options.refine_iterations == 0 || gained <= options.tolerance;
      if (r.converged || r.iterations >= options.refine_iterations) return;
      ++r.iterations;
      normalise_rows(domain_sum, r.class_given_domain);
      normalise_rows(cell_sum, r.cell_given_class);
    }
  }
  static void normalise_rows(matrix<double> const& sums, matrix<double>& to) {
    for (std::size_t i = 0; i < sums.rows(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < sums.cols(); ++j) sum += sums(i, j);
      for (std::size_t j = 0; j < sums.cols() && sum > 0; ++j) to(i, j) = sums(i, j) / sum;
    }
  }

  /// P(domain | class), and its right inverse, D x C: 0 if the classes cannot be told apart.
  static matrix<double> turn(latent_shift_result& r, vector<double> const& rows, std::size_t n) {
    std::size_t const domains = r.class_given_domain.rows(), classes = r.class_given_domain.cols();
    auto& t = r.domain_given_class = matrix<double>(classes, domains);
    for (std::size_t k = 0; k < classes; ++k) {
      double sum = 0;
      for (std::size_t d = 0; d < domains; ++d)
        sum += t(k, d) = r.class_given_domain(d, k) * rows[d] / static_cast<double>(n);
      for (std::size_t d = 0; d < domains; ++d)
        t(k, d) = sum > 0 ? t(k, d) / sum : 1 / static_cast<double>(domains);
    }
    matrix<double> tall(domains, classes), gram(classes, classes), inverse(domains, classes);
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t d = 0; d < domains; ++d) {
        tall(d, k) = t(k, d);
        for (std::size_t j = 0; j < classes; ++j) gram(k, j) += t(k, d) * t(j, d);
      }
    auto const sizes = ops::singular_values(tall);
    double const smallest = sizes[classes - 1];
    if (smallest > 1e-12 * sizes[0]) r.condition = sizes[0] / smallest;
    auto const middle = ops::invert(gram).inverse;
    if (middle.rows() == classes)
      for (std::size_t d = 0; d < domains; ++d)
        for (std::size_t k = 0; k < classes; ++k)
          for (std::size_t j = 0; j < classes; ++j) inverse(d, k) += t(j, d) * middle(j, k);
    return inverse;
  }
};
inline constexpr latent_shift_fn latent_shift{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_LATENT_SHIFT_HPP
