// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/identifiability.hpp
/// What stands between the data and one T: a list of checks that never throws for what T says.
#ifndef LIMPID_TRANSITION_IDENTIFIABILITY_HPP
#define LIMPID_TRANSITION_IDENTIFIABILITY_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/order.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>
#include <limpid/transition/detail/symmetric_eigen.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::transition {

struct identifiability_options {
  /// P(true k), K numbers, for prior_valid; empty: not asked
  std::vector<double> prior = {};
  double anchor_tolerance = 0.02;   ///< d: an anchor has a clean posterior above 1 - d; (0, 0.5)
  double infeasible_below = -1e-3;  ///< clean posteriors below this are infeasible; <= 0
  std::size_t most_facets = 32;     ///< facets are looked at for K up to this: O(n K^3)
  bool validate = true;             ///< check that rows of P are distributions
};

/// K classes. Flags are 1 where the condition holds. Entries that are not finite make every flag of
/// T 0 and its numbers NaN.
struct identifiability_result {
  bool finite = false;           ///< every entry of T is
  bool rows_sum_to_one = false;  ///< within 1e-8
  bool non_negative = false;     ///< no entry below 0
  std::size_t rank = 0;          ///< singular values above K eps times the largest
  bool full_rank = false;        ///< T has an inverse: clean posteriors follow from noisy ones
  double smallest_singular_value = 0;
  double condition = 0;  ///< largest singular value over the smallest; infinite if singular
  /// each T_ii is the largest of its row: latent classes can be named (HOC, Dawid-Skene)
  bool row_dominant = false;
  /// each T_ii is the largest of its column: under equal priors the likeliest true class of a label
  /// is its own
  bool column_dominant = false;
  bool majority_right = false;  ///< each T_ii > 1/2: enough for both
  /// K = 2: T_01 + T_10 < 1; any K: the trace of T is above 1, better than blind labels
  bool better_than_chance = false;
  vector<std::uint8_t> class_dominant;  ///< K, T_ii is the largest of its row
  /// P(given k) P(true k) < P(given k, true k) for all k; false also where no prior was given
  bool prior_valid = false;

  // with posteriors only; corrected = P T^-1, the clean posteriors if P and T are right
  bool posteriors_checked = false;  ///< P was given and T has an inverse
  vector<double> best_anchor;       ///< K, largest corrected posterior of each class
  vector<std::uint8_t> has_anchor;  ///< K, best_anchor > 1 - anchor_tolerance
  bool all_anchors = false;         ///< anchors determine T
  /// share of entries of corrected below infeasible_below: above a few percent T is too noisy, or P
  /// is no posterior
  double infeasible_share = 0;
  bool facets_checked = false;  ///< K is at most most_facets
  /// K, dimensions spanned by the rows whose corrected posterior of class k is near 0
  vector<std::size_t> facet_rank;
  /// facet_rank >= K - 1 for every class: rows near every face, as minimum volume needs
  bool scattered = false;
};

namespace detail {

/// One row times a K x K matrix.
template <class T, memory_space S>
struct corrected_row {
  matrix_view<T const, S> p;
  matrix_view<double const, S> inverse;
  matrix_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t k = 0; k < out.cols; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < out.cols; ++j)
        sum += static_cast<double>(p(i, j)) * inverse(j, k);
      out(i, k) = sum;
    }
  }
};

/// Entries below `limit`, then if asked the sums of z z^T over rows with z_k < near, for each k.
template <memory_space S>
struct facet_sums {
  matrix_view<double const, S> z;
  double limit, tiny;
  bool facets;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const size = z.cols;
    for (std::size_t k = 0; k < size; ++k)
      if (z(i, k) < limit) sums[0] += 1;
    for (std::size_t k = 0; facets && k < size; ++k) {
      if (!(z(i, k) < tiny && z(i, k) > -tiny)) continue;
      double* const cell = sums + 1 + k * (size * size + 1);
      cell[0] += 1;
      for (std::size_t a = 0; a < size; ++a)
        for (std::size_t b = 0; b < size; ++b) cell[1 + a * size + b] += z(i, a) * z(i, b);
    }
  }
};

}  // namespace detail

/// Checks the conditions under which T, and the clean posteriors given T, are determined.
///
/// Each estimator needs some: anchors (anchor_points, dual_t) want a row that is surely of each
/// class, minimum volume rows near every face of the simplex of clean posteriors, HOC and
/// Dawid-Skene full rank and dominant diagonals, corrections an inverse. With posteriors P of the
/// given label the corrected rows \f$ P T^{-1} \f$ show it; many below 0 show a T that is too
/// noisy. Conditions on neighbours' labels are in transition::consensus_result.
///
/// @param exec     where to run
/// @param T        K x K, (i, j) = P(given j | true i); any numbers
/// @param P        n x K, P(given = k | x_i); may be left out
/// @param options  identifiability_options
/// @return  identifiability_result
/// @throws  input_error  for shapes, options outside their intervals, rows of P that are no
///                       distributions: never for what T holds
/// @par Complexity   O(K^3), with P O(n K^2), with facets O(n K^3) at worst; n K doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       T. Liu, D. Tao, TPAMI 2016 (anchors); X. Li et al., "Provably end-to-end
///                   label-noise learning without anchor points", ICML 2021 (scatter); Z. Zhu, Y.
///                   Song, Y. Liu, ICML 2021 (rank and dominance); C. Northcutt, L. Jiang, I.
///                   Chuang, JAIR 2021 (validity of a prior)
struct identifiability_fn {
  using primitives = uses<ops::first_row_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::arg_max_columns_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  identifiability_result operator()(Exec const& exec, M const& T,
                                    identifiability_options const& options = {}) const {
    limpid::detail::enter<identifiability_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(T);
    matrix_view<value_t<M> const, Exec::space> const t = limpid::view(held);
    return of_transition(wide(exec, t, options), options);
  }

  template <execution_policy Exec, real_matrix M, real_matrix Q>
  identifiability_result operator()(Exec const& exec, M const& T, Q const& P,
                                    identifiability_options const& options = {}) const {
    limpid::detail::enter<identifiability_fn, Exec, M, Q>();
    auto&& held_t = limpid::detail::materialise(T);
    auto&& held_p = limpid::detail::materialise(P);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const t = limpid::view(held_t);
    matrix_view<value_t<Q> const, S> const p = limpid::view(held_p);
    return run(exec, t, p, options);
  }

  template <real_matrix M>
  identifiability_result operator()(M const& T, identifiability_options const& options = {}) const {
    return (*this)(default_policy, T, options);
  }
  template <real_matrix M, real_matrix Q>
  identifiability_result operator()(M const& T, Q const& P,
                                    identifiability_options const& options = {}) const {
    return (*this)(default_policy, T, P, options);
  }

 private:
  static constexpr char const* where = "transition::identifiability";

  template <class Exec, class M, class Q, memory_space S>
  static identifiability_result run(Exec const& exec, matrix_view<M const, S> t,
                                    matrix_view<Q const, S> p,
                                    identifiability_options const& options) {
    auto const own = wide(exec, t, options);
    limpid::detail::require(p.rows > 0 && p.cols == own.rows(), where, "P is ", p.rows, " x ",
                            p.cols, "; need at least one row and ", own.rows(), " columns");
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    auto r = of_transition(own, options);
    if (r.full_rank) of_posteriors(exec, own, p, options, r);
    return r;
  }

  /// A copy of T on the host, in double, once shapes and options are what they must be.
  template <class Exec, class M, memory_space S>
  static matrix<double> wide(Exec const& exec, matrix_view<M const, S> t,
                             identifiability_options const& o) {
    using limpid::detail::require;
    require(t.rows > 0 && t.rows == t.cols, where, "T is ", t.rows, " x ", t.cols,
            "; need K x K, K >= 1");
    require(o.prior.empty() || o.prior.size() == t.rows, where, "options.prior has ",
            o.prior.size(), " entries; need ", t.rows, ", or none");
    require(o.anchor_tolerance > 0 && o.anchor_tolerance < 0.5, where,
            "options.anchor_tolerance is ", o.anchor_tolerance, "; need (0, 0.5)");
    require(o.infeasible_below <= 0, where, "options.infeasible_below is ", o.infeasible_below,
            "; need at most 0");
    auto const own = ops::download(exec, t);
    matrix<double> out(t.rows, t.cols);
    for (std::size_t c = 0; c < t.rows * t.cols; ++c)
      out.data()[c] = static_cast<double>(own.data()[c]);
    return out;
  }

  static identifiability_result of_transition(matrix<double> const& T,
                                              identifiability_options const& options) {
    std::size_t const size = T.rows();
    identifiability_result r;
    r.class_dominant = vector<std::uint8_t>(size);
    r.finite = true;
    for (std::size_t c = 0; c < size * size; ++c)
      if (!(T.data()[c] - T.data()[c] == 0)) r.finite = false;
    if (!r.finite) {
      r.smallest_singular_value = r.condition = std::numeric_limits<double>::quiet_NaN();
      return r;
    }
    r.rows_sum_to_one = r.non_negative = r.row_dominant = r.column_dominant = r.majority_right =
        true;
    double trace = 0;
    for (std::size_t i = 0; i < size; ++i) {
      double sum = 0;
      bool in_row = true;
      trace += T(i, i);
      for (std::size_t j = 0; j < size; ++j) {
        sum += T(i, j);
        if (T(i, j) < 0) r.non_negative = false;
        if (j == i) continue;
        if (!(T(i, i) > T(i, j))) in_row = false;
        if (!(T(i, i) > T(j, i))) r.column_dominant = false;
      }
      r.class_dominant[i] = in_row;
      if (!in_row) r.row_dominant = false;
      if (!(std::abs(sum - 1) <= 1e-8)) r.rows_sum_to_one = false;
      if (!(T(i, i) > 0.5)) r.majority_right = false;
    }
    r.better_than_chance = size == 1 || trace > 1;
    auto const values = ops::singular_values(T);
    double const largest = values[0];
    r.smallest_singular_value = values[size - 1];
    double const floor =
        static_cast<double>(size) * std::numeric_limits<double>::epsilon() * largest;
    for (double v : values) r.rank += v > floor;
    r.full_rank = r.rank == size;
    r.condition =
        r.full_rank ? largest / r.smallest_singular_value : std::numeric_limits<double>::infinity();
    r.prior_valid = !options.prior.empty();
    for (std::size_t k = 0; r.prior_valid && k < size; ++k) {
      double given = 0;
      for (std::size_t i = 0; i < size; ++i) given += options.prior[i] * T(i, k);
      r.prior_valid = given * options.prior[k] < options.prior[k] * T(k, k);
    }
    return r;
  }

  template <class Exec, class V, memory_space S>
  static void of_posteriors(Exec const& exec, matrix<double> const& T, matrix_view<V const, S> p,
                            identifiability_options const& options, identifiability_result& r) {
    std::size_t const n = p.rows, size = T.rows();
    auto const solved = ops::invert(T);
    if (solved.inverse.empty()) return;
    r.posteriors_checked = true;
    auto const inverse = ops::upload(exec, solved.inverse.view());
    auto const corrected = ops::make_buffer<double>(exec, n * size);
    ops::for_rows(
        exec, n, detail::corrected_row<V, S>{p, inverse.view(size, size), corrected.view(n, size)});
    matrix_view<double const, S> const z = corrected.view(n, size);
    auto const rows = ops::arg_max_columns(
        exec, z, vector<double>(size, std::numeric_limits<double>::infinity()));
    r.best_anchor = vector<double>(size);
    r.has_anchor = vector<std::uint8_t>(size);
    r.all_anchors = true;
    for (std::size_t k = 0; k < size; ++k) {
      r.best_anchor[k] = ops::download(exec, z.row(rows[k]))[k];
      r.has_anchor[k] = r.best_anchor[k] > 1 - options.anchor_tolerance;
      if (!r.has_anchor[k]) r.all_anchors = false;
    }
    r.facets_checked = size <= options.most_facets;
    std::size_t const step = size * size + 1;
    auto const sums =
        ops::sum_rows(exec, n, 1 + (r.facets_checked ? size * step : 0),
                      detail::facet_sums<S>{z, options.infeasible_below, options.anchor_tolerance,
                                            r.facets_checked});
    r.infeasible_share = sums[0] / static_cast<double>(n * size);
    if (!r.facets_checked) return;
    r.facet_rank = vector<std::size_t>(size);
    r.scattered = true;
    for (std::size_t k = 0; k < size; ++k) {
      double const* const cell = sums.data() + 1 + k * step;
      if (cell[0] > 0) {
        matrix<double> mean(size, size);
        for (std::size_t c = 0; c < size * size; ++c) mean.data()[c] = cell[1 + c] / cell[0];
        // directions in which the rows reach farther than what "near 0" allows
        double const floor = options.anchor_tolerance * options.anchor_tolerance;
        auto const spread = detail::symmetric_eigen(mean);
        for (double v : spread.values) r.facet_rank[k] += v > floor;
      }
      if (r.facet_rank[k] + 1 < size) r.scattered = false;
    }
  }
};
inline constexpr identifiability_fn identifiability{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_IDENTIFIABILITY_HPP
