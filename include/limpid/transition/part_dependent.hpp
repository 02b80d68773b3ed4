// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/part_dependent.hpp
/// T(x) as a mixture of a few matrices, one for each part that rows are made of.
#ifndef LIMPID_TRANSITION_PART_DEPENDENT_HPP
#define LIMPID_TRANSITION_PART_DEPENDENT_HPP

#include <limpid/core/progress.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/anchor_points.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct part_dependent_options {
  std::size_t parts = 10;          ///< R, matrices that T(x) is mixed from; >= 1
  std::size_t factor_rounds = 20;  ///< of the factorisation into parts; >= 1
  double first_quantile = 0.97;    ///< of the first anchors; (0, 1]
  double last_quantile = 0.99;     ///< of the R-th anchors; (0, 1], the others evenly between
  double ridge = 1e-6;  ///< pull of each basis row to the mean of its class' anchors; > 0
  std::size_t max_iterations = 5000;  ///< of the fit of the basis; >= 1
  double tolerance = 1e-10;           ///< stop where no entry moves by more; > 0
  std::uint64_t seed = 0;             ///< of the factorisation's start
  progress on_progress = {};          ///< the factorisation is 0 to 0.5, the fit the rest
  bool validate = true;  ///< check that F is finite and not negative, rows of P distributions
};

/// K classes, R parts, m columns of F.
struct part_dependent_result {
  matrix<double> basis;         ///< R K x K: rows rK to rK + K - 1 are B_r, row-stochastic
  matrix<double> weights;       ///< n x R, of the parts in each row; rows sum to 1, or are all 0
  matrix<double> parts;         ///< R x m, F is about weights times parts
  matrix<std::size_t> anchors;  ///< R x K, the row that speaks for class k at the r-th quantile
  vector<double> residual;      ///< K, root mean square of (T(anchor) - posterior) of class k
  /// K, anchors of class k that differ: below R its part of the basis is held by the ridge
  vector<std::size_t> distinct_anchors;
  double factor_error =
      0;                   ///< |F - weights parts| / |F|, Frobenius, before weights are cut at 1e-6
  bool converged = false;  ///< the fit's, of every class
  bool stopped = false;    ///< progress asked to stop; what was reached is returned

  /// T at row i, O(R K^2). A row without parts has the mean of the basis.
  matrix<double> at(std::size_t i) const {
    std::size_t const size = basis.cols(), count = weights.cols();
    matrix<double> out(size, size);
    double mass = 0;
    for (std::size_t r = 0; r < count; ++r) mass += weights(i, r);
    for (std::size_t k = 0; k < size; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < size; ++j) {
        for (std::size_t r = 0; r < count; ++r)
          out(k, j) +=
              (mass > 0 ? weights(i, r) : 1 / static_cast<double>(count)) * basis(r * size + k, j);
        if (out(k, j) < 1e-6) out(k, j) = 0;
        sum += out(k, j);
      }
      for (std::size_t j = 0; j < size; ++j) out(k, j) /= sum;
    }
    return out;
  }
};

namespace detail {

template <class T, memory_space S>
struct negative_fault {
  matrix_view<T const, S> x;
  LIMPID_HD int operator()(std::size_t i) const {
    for (std::size_t c = 0; c < x.cols; ++c)
      if (x(i, c) < 0) return 1;
    return 0;
  }
};

template <memory_space S>
struct start_weights {
  matrix_view<double, S> h;
  std::uint64_t seed;
  LIMPID_HD void operator()(std::size_t i) const {
    random_stream draws(seed, 0, i);
    for (std::size_t r = 0; r < h.cols; ++r) h(i, r) = draws.uniform();
  }
};

/// H <- H (F S^T) / (H S S^T), entry by entry, then rows divided by their sums. cross: S S^T.
template <class T, memory_space S>
struct update_weights {
  matrix_view<T const, S> f;
  matrix_view<double const, S> parts, cross;
  matrix_view<double, S> h, scratch;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t r = 0; r < h.cols; ++r) {
      double above = 0, below = 0;
      for (std::size_t c = 0; c < f.cols; ++c) above += static_cast<double>(f(i, c)) * parts(r, c);
      for (std::size_t q = 0; q < h.cols; ++q) below += h(i, q) * cross(q, r);
      scratch(i, r) = below > 0 ? h(i, r) * above / below : 0;
    }
    for (std::size_t r = 0; r < h.cols; ++r) sum += scratch(i, r);
    for (std::size_t r = 0; r < h.cols; ++r) h(i, r) = sum > 0 ? scratch(i, r) / sum : 0;
  }
};

/// H^T F, then H^T H, then |F|^2 and |F - H S|^2.
template <class T, memory_space S>
struct factor_sums {
  matrix_view<T const, S> f;
  matrix_view<double const, S> h, parts;
  bool error;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const m = f.cols, count = h.cols;
    for (std::size_t r = 0; r < count; ++r) {
      if (h(i, r) == 0) continue;
      for (std::size_t c = 0; c < m; ++c) sums[r * m + c] += h(i, r) * static_cast<double>(f(i, c));
      for (std::size_t q = 0; q < count; ++q) sums[count * m + r * count + q] += h(i, r) * h(i, q);
    }
    for (std::size_t c = 0; error && c < m; ++c) {
      auto const value = static_cast<double>(f(i, c));
      double gap = value;
      for (std::size_t r = 0; r < count; ++r) gap -= h(i, r) * parts(r, c);
      sums[count * (m + count)] += value * value;
      sums[count * (m + count) + 1] += gap * gap;
    }
  }
};

template <memory_space S>
struct cut_weights {
  matrix_view<double, S> h;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t r = 0; r < h.cols; ++r) sum += h(i, r) = h(i, r) < 1e-6 ? 0 : h(i, r);
    for (std::size_t r = 0; sum > 0 && r < h.cols; ++r) h(i, r) /= sum;
  }
};

/// The nearest point of the simplex.
inline void project_simplex(double* v, std::size_t size) {
  std::vector<double> u(v, v + size);
  std::sort(u.begin(), u.end(), [](double a, double b) { return a > b; });
  double sum = 0, shift = 0;
  for (std::size_t j = 0; j < size; ++j) {
    sum += u[j];
    double const t = (sum - 1) / static_cast<double>(j + 1);
    if (u[j] - t > 0) shift = t;
  }
  for (std::size_t j = 0; j < size; ++j) v[j] = v[j] - shift > 0 ? v[j] - shift : 0;
}

}  // namespace detail

/// Estimates a T(x) that depends on the parts a row is made of.
///
/// F is factored into non-negative parts, \f$ F \approx H S \f$ with rows of H on the simplex, and
/// \f$ T(x_i) = \sum_r H_{ir} B_r \f$. The anchors of class k at R quantiles, whose posterior of
/// the given label is their row of T, determine the k-th rows of the basis: \f$ \min_{B} \sum_r \|
/// \sum_\rho H_{a_r \rho} B_\rho(k, \cdot) - P_{a_r} \|^2 \f$ on the simplex, a convex problem per
/// class. Where anchors coincide it is determined by the ridge alone.
///
/// @param exec     where to run
/// @param F        n x m, non-negative representation: max(X, 0), posteriors, counts; n, m >= 1
/// @param P        n x K, P(given = k | x_i): probabilities, not logits
/// @param options  part_dependent_options
/// @return  part_dependent_result
/// @throws  input_error  for shapes, options outside their intervals, F with entries that are not
///                       finite or negative, rows of P that are no distributions
/// @par Complexity   O(n m R) per round of the factorisation, O(R^2 K^2) per iteration of the fit;
///                   2 n R doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       X. Xia et al., "Part-dependent label noise: towards instance-dependent label
///                   noise", NeurIPS 2020, sections 3.1 and 3.2; factorisation: D. Lee, H. Seung,
///                   NeurIPS 2000. The official fit is by Adam on unconstrained entries
struct part_dependent_fn {
  using primitives = uses<anchor_points_fn, ops::first_row_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::gather_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, real_matrix Q>
  part_dependent_result operator()(Exec const& exec, M const& F, Q const& P,
                                   part_dependent_options const& options = {}) const {
    limpid::detail::enter<part_dependent_fn, Exec, M, Q>();
    auto&& held_f = limpid::detail::materialise(F);
    auto&& held_p = limpid::detail::materialise(P);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const f = limpid::view(held_f);
    matrix_view<value_t<Q> const, S> const p = limpid::view(held_p);
    return run(exec, f, p, options);
  }

  template <real_matrix M, real_matrix Q>
  part_dependent_result operator()(M const& F, Q const& P,
                                   part_dependent_options const& options = {}) const {
    return (*this)(default_policy, F, P, options);
  }

 private:
  static constexpr char const* where = "transition::part_dependent";

  template <class Exec, class T, class Q, memory_space S>
  static part_dependent_result run(Exec const& exec, matrix_view<T const, S> f,
                                   matrix_view<Q const, S> p,
                                   part_dependent_options const& options) {
    check(f.rows, f.cols, p.rows, p.cols, options);
    if (options.validate) {
      ops::check_finite(exec, where, "F", f);
      auto const fault = ops::first_row(exec, f.rows, detail::negative_fault<T, S>{f});
      limpid::detail::require(!fault.code, where, "F row ", fault.row,
                              " has a negative entry; parts add up, they do not cancel");
      ops::check_distributions(exec, where, "P", p);
    }
    part_dependent_result r;
    auto const weights = ops::make_buffer<double>(exec, f.rows * options.parts);
    factor(exec, f, weights.view(f.rows, options.parts), options, r);
    r.weights = ops::download(exec, weights.view(f.rows, options.parts));
    fit(exec, p, matrix_view<double const, S>(weights.view(f.rows, options.parts)), options, r);
    return r;
  }

  static void check(std::size_t n, std::size_t m, std::size_t rows, std::size_t classes,
                    part_dependent_options const& o) {
    using limpid::detail::require;
    require(n > 0 && m > 0, where, "F is ", n, " x ", m, "; need at least one row and one column");
    require(classes > 0, where, "P has no columns; need at least one class");
    ops::check_rows(where, "F", n, "P", rows);
    require(o.parts >= 1 && o.parts <= 10000, where, "options.parts is ", o.parts,
            "; need 1..10000");
    require(o.factor_rounds >= 1, where, "options.factor_rounds is 0; need at least 1");
    require(o.first_quantile > 0 && o.first_quantile <= 1, where, "options.first_quantile is ",
            o.first_quantile, "; need (0, 1]");
    require(o.last_quantile > 0 && o.last_quantile <= 1, where, "options.last_quantile is ",
            o.last_quantile, "; need (0, 1]");
    require(o.ridge > 0 && o.ridge < 1e15, where, "options.ridge is ", o.ridge, "; need (0, 1e15)");
    require(o.max_iterations >= 1, where, "options.max_iterations is 0; need at least 1");
    require(o.tolerance > 0, where, "options.tolerance is ", o.tolerance, "; need more than 0");
  }

  /// Lee and Seung's multiplicative updates, parts before weights.
  template <class Exec, class T, memory_space S>
  static void factor(Exec const& exec, matrix_view<T const, S> f, matrix_view<double, S> h,
                     part_dependent_options const& options, part_dependent_result& r) {
    std::size_t const n = f.rows, m = f.cols, count = options.parts;
    r.parts = matrix<double>(count, m);
    for (std::size_t q = 0; q < count; ++q) {
      random_stream draws(options.seed, 1, q);
      for (std::size_t c = 0; c < m; ++c) r.parts(q, c) = draws.uniform();
    }
    ops::for_rows(exec, n, detail::start_weights<S>{h, options.seed});
    auto const scratch = ops::make_buffer<double>(exec, n * count);
    auto const sums = [&](bool error) {
      auto const parts = ops::upload(exec, std::as_const(r.parts).view());
      return ops::sum_rows(exec, n, count * (m + count) + 2,
                           detail::factor_sums<T, S>{f, h, parts.view(count, m), error});
    };
    for (std::size_t round = 0; round < options.factor_rounds && !r.stopped; ++round) {
      auto const now = sums(false);
      matrix<double> next(count, m), cross(count, count);
      for (std::size_t q = 0; q < count; ++q)
        for (std::size_t c = 0; c < m; ++c) {
          double below = 0;
          for (std::size_t s = 0; s < count; ++s)
            below += now[count * m + q * count + s] * r.parts(s, c);
          next(q, c) = below > 0 ? r.parts(q, c) * now[q * m + c] / below : 0;
        }
      r.parts = std::move(next);
      for (std::size_t q = 0; q < count; ++q)
        for (std::size_t s = 0; s < count; ++s)
          for (std::size_t c = 0; c < m; ++c) cross(q, s) += r.parts(q, c) * r.parts(s, c);
      auto const parts = ops::upload(exec, std::as_const(r.parts).view());
      auto const squares = ops::upload(exec, std::as_const(cross).view());
      ops::for_rows(
          exec, n,
          detail::update_weights<T, S>{f, parts.view(count, m), squares.view(count, count), h,
                                       scratch.view(n, count)});
      r.stopped =
          options.on_progress && !options.on_progress(0.5 * static_cast<double>(round + 1) /
                                                      static_cast<double>(options.factor_rounds));
    }
    auto const last = sums(true);
    double const all = last[count * (m + count)];
    r.factor_error = all > 0 ? std::sqrt(last[count * (m + count) + 1] / all) : 0;
    ops::for_rows(exec, n, detail::cut_weights<S>{h});
  }

  template <class Exec, class T, memory_space S>
  static void fit(Exec const& exec, matrix_view<T const, S> p, matrix_view<double const, S> h,
                  part_dependent_options const& options, part_dependent_result& r) {
    std::size_t const count = options.parts, classes = p.cols;
    r.anchors = matrix<std::size_t>(count, classes);
    std::vector<matrix<double>> target(count);
    for (std::size_t q = 0; q < count; ++q) {
      double const share =
          count > 1 ? static_cast<double>(q) / static_cast<double>(count - 1) : 0.0;
      auto const found =
          anchor_points(exec, p,
                        {.quantile = options.first_quantile +
                                     share * (options.last_quantile - options.first_quantile),
                         .validate = false});
      for (std::size_t k = 0; k < classes; ++k) r.anchors(q, k) = found.anchor_row[k];
      target[q] = found.transition;
    }
    r.basis = matrix<double>(count * classes, classes);
    r.residual = vector<double>(classes);
    r.distinct_anchors = vector<std::size_t>(classes);
    r.converged = true;
    for (std::size_t k = 0; k < classes; ++k) {
      std::vector<std::uint64_t> rows(count);
      for (std::size_t q = 0; q < count; ++q) rows[q] = r.anchors(q, k);
      auto const chosen = ops::upload(exec, vector_view<std::uint64_t const>(rows.data(), count));
      auto const fits = ops::make_buffer<double>(exec, count * count);
      ops::gather_rows(exec, h, vector_view<std::uint64_t const, S>(chosen.view()),
                       fits.view(count, count));
      auto mix = ops::download(exec, fits.view(count, count));  // anchors x parts
      for (std::size_t q = 0; q < count; ++q) {
        double sum = 0;
        for (std::size_t s = 0; s < count; ++s) sum += mix(q, s);
        for (std::size_t s = 0; !(sum > 0) && s < count; ++s)
          mix(q, s) = 1 / static_cast<double>(count);
      }
      matrix<double> want(count, classes);
      for (std::size_t q = 0; q < count; ++q)
        for (std::size_t j = 0; j < classes; ++j) want(q, j) = target[q](k, j);
      if (!r.stopped && !solve(mix, want, k, options, r)) r.converged = false;
      std::sort(rows.begin(), rows.end());
      r.distinct_anchors[k] =
          static_cast<std::size_t>(std::unique(rows.begin(), rows.end()) - rows.begin());
      if (r.stopped) {
        r.converged = false;
        mean_rows(want, k, r);
      } else if (options.on_progress &&
                 !options.on_progress(0.5 + 0.5 * static_cast<double>(k + 1) /
                                                static_cast<double>(classes))) {
        r.stopped = true;
      }
      double square = 0;
      for (std::size_t q = 0; q < count; ++q)
        for (std::size_t j = 0; j < classes; ++j) {
          double gap = -want(q, j);
          for (std::size_t s = 0; s < count; ++s) gap += mix(q, s) * r.basis(s * classes + k, j);
          square += gap * gap;
        }
      r.residual[k] = std::sqrt(square / static_cast<double>(count * classes));
    }
  }

  static void mean_rows(matrix<double> const& want, std::size_t k, part_dependent_result& r) {
    std::size_t const count = want.rows(), classes = want.cols();
    for (std::size_t q = 0; q < count; ++q)
      for (std::size_t j = 0; j < classes; ++j) {
        double sum = 0;
        for (std::size_t s = 0; s < count; ++s) sum += want(s, j);
        r.basis(q * classes + k, j) = sum / static_cast<double>(count);
      }
  }

  /// Accelerated projected gradient from the mean of the anchors, restarted where it turns back.
  static bool solve(matrix<double> const& mix, matrix<double> const& want, std::size_t k,
                    part_dependent_options const& options, part_dependent_result& r) {
    std::size_t const count = mix.rows(), classes = want.cols();
    matrix<double> gram(count, count), pull(count, classes), centre(count, classes);
    double bound = 0;  // of the gram's eigenvalues: its largest row sum, entries are >= 0
    for (std::size_t a = 0; a < count; ++a) {
      double sum = 0;
      for (std::size_t b = 0; b < count; ++b) {
        for (std::size_t q = 0; q < count; ++q) gram(a, b) += mix(q, a) * mix(q, b);
        sum += gram(a, b);
      }
      bound = sum > bound ? sum : bound;
      for (std::size_t j = 0; j < classes; ++j) {
        for (std::size_t q = 0; q < count; ++q) {
          pull(a, j) += mix(q, a) * want(q, j);
          centre(a, j) += want(q, j) / static_cast<double>(count);
        }
      }
    }
    double const step = 1 / (bound + options.ridge);
    matrix<double> now = centre, ahead = centre, next(count, classes);
    double pace = 1;
    bool converged = false;
    for (std::size_t t = 0; t < options.max_iterations && !converged; ++t) {
      double moved = 0, turn = 0;
      for (std::size_t a = 0; a < count; ++a) {
        for (std::size_t j = 0; j < classes; ++j) {
          double slope = options.ridge * (ahead(a, j) - centre(a, j)) - pull(a, j);
          for (std::size_t b = 0; b < count; ++b) slope += gram(a, b) * ahead(b, j);
          next(a, j) = ahead(a, j) - step * slope;
        }
        detail::project_simplex(&next(a, 0), classes);
      }
      for (std::size_t c = 0; c < count * classes; ++c) {
        double const change = next.data()[c] - now.data()[c];
        moved = (std::max)(moved, std::abs(next.data()[c] - ahead.data()[c]));
        turn += (ahead.data()[c] - next.data()[c]) * change;
      }
      converged = moved <= options.tolerance;
      double const faster = turn > 0 ? 1 : 0.5 * (1 + std::sqrt(1 + 4 * pace * pace));
      double const carry = turn > 0 ? 0 : (pace - 1) / faster;
      for (std::size_t c = 0; c < count * classes; ++c)
        ahead.data()[c] = next.data()[c] + carry * (next.data()[c] - now.data()[c]);
      now = next;
      pace = faster;
    }
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t j = 0; j < classes; ++j) r.basis(a * classes + k, j) = now(a, j);
    return converged;
  }
};
inline constexpr part_dependent_fn part_dependent{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_PART_DEPENDENT_HPP
