// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/spectral_shrink.hpp
/// Shrinkage of a kernel mean by a spectral filter: Tikhonov once or iterated, cut-off, Landweber,
/// nu-method.
#ifndef LIMPID_KERNEL_MEAN_SPECTRAL_SHRINK_HPP
#define LIMPID_KERNEL_MEAN_SPECTRAL_SHRINK_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/part_of.hpp>
#include <limpid/kernel_mean/detail/ridge_score.hpp>
#include <limpid/kernel_mean/detail/spectral_filter.hpp>
#include <limpid/kernel_mean/detail/spectral_iterations.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean {

/// How the parameter was found: given; by leaving out each row in turn; by the rows held out.
enum class parameter_rule { given, leave_one_out, hold_out };

struct spectral_shrink_options {
  spectral_filter filter = spectral_filter::landweber;
  std::optional<double> lambda =
      std::nullopt;           ///< of the first three filters, >= 0, finite; none: chosen
  int iterations = 0;         ///< of Landweber and the nu-method: steps; 0 = chosen
  int order = 2;              ///< of iterated Tikhonov, >= 1
  double nu = 1;              ///< of the nu-method, >= 1/2
  double step = 1;            ///< of Landweber: eta in units of 1 / largest eigenvalue; (0, 1]
  std::size_t grid = 60;      ///< lambdas tried, >= 3
  double grid_low = 1e-4;     ///< the first, in units of the largest eigenvalue of K; > 0
  double grid_high = 1e3;     ///< the last, in the same units; > grid_low
  double precision = 1e-4;    ///< of log lambda, where it is chosen by golden section; > 0
  int most_iterations = 100;  ///< steps tried, >= 1
  std::size_t leave_one_out_rows =
      200;                        ///< up to so many rows each is left out, beyond some are held out
  double held_out = 0.2;          ///< their share, (0, 1)
  std::uint64_t seed = 0;         ///< of the choice of the rows held out
  std::size_t exact_rows = 5000;  ///< up to so many rows K is stored (2 n^2 doubles); >= 0
  double tolerance =
      0;  ///< beyond, Tikhonov: relative residual, [0, 1); 0 = 1e-10, float data 1e-7
  int max_iterations = 1000;  ///< beyond, Tikhonov: products with K per solve at most; >= 1
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct spectral_shrink_result {
  vector<double> beta;  ///< n: each row's weight in the shrunk mean
  double lambda = std::numeric_limits<double>::quiet_NaN();  ///< of the first three filters;
                                                             ///< infinite on total shrinkage
  int iterations = 0;  ///< steps of Landweber or the nu-method, or iterated Tikhonov's order
  double norm2 = 0;    ///< squared norm of the shrunk mean
  parameter_rule rule = parameter_rule::given;
  double score = std::numeric_limits<double>::quiet_NaN();        ///< at the parameter; NaN: given
  double plain_score = std::numeric_limits<double>::quiet_NaN();  ///< of the plain mean
  vector<double> parameters;     ///< tried: lambdas, or numbers of steps
  vector<double> scores;         ///< theirs
  bool admissible = false;       ///< score < plain_score: the filter seems to help
  bool total_shrinkage = false;  ///< nothing scores below the estimate 0, which is returned
  bool at_edge = false;  ///< the best is the last tried (of lambdas: or the first): widen the grid
  double largest =
      0;  ///< eigenvalue of K; where K was not stored, what stood for it in the steps; else 0
  int products = 0;       ///< with K or a part of it, where it was not stored
  double residual = 0;    ///< Tikhonov there: the last solve's, relative
  bool converged = true;  ///< every solve was within tolerance
  bool stopped = false;   ///< by on_progress: nothing else is meant
};

/// The kernel mean sum_i beta_i k(x_i, .) with the plain mean filtered along the eigenvectors of K,
///
///     beta = g(K) K 1 / n,
///
/// where w g(w), the share that is kept of an eigenvector with eigenvalue w, is near 1 for large w
/// and near 0 for small:
///
///     Tikhonov   w / (w + lambda)
///     iterated   1 - (lambda / (w + lambda))^order
///     cut-off    1 for w >= lambda, else 0
///     Landweber  1 - (1 - eta w)^t,   eta = step / largest w
///
/// and for the nu-method a polynomial in w / largest w, t steps of
///
///     b_i = b_{i-1} + u_i (b_{i-1} - b_{i-2}) + m_i (K 1/n - K b_{i-1}) / largest w.
///
/// The parameter is lambda (of K itself, as in ridge_shrink) or t. Given, or the best of those
/// tried:
///
/// - up to leave_one_out_rows rows by the score (1/n) sum_i |k(x_i, .) - mu^(-i)|^2, the filter run
///   anew on the other n - 1 rows, whose largest eigenvalue sets its steps; Tikhonov so up to
///   exact_rows, where it is ridge_shrink;
/// - else on rows held out: |mu_out - mu|^2 with mu made of the others. A lambda found for m rows
///   is n / m times as large for all n, since K's eigenvalues grow with n. `parameters` are those
///   for n.
///
/// Tikhonov's lambda, once or iterated, is refined by golden section, but for the streamed form
/// below.
///
/// @param kernel  positive semidefinite: as in evaluate but for the sigmoid, or a functor.
/// @param x       n x d, n >= 2 (>= 3 where rows are held out), finite.
/// @return spectral_shrink_result.
/// @throws input_error  entries or kernel values that are not finite, too few rows, options or
///         kernel parameters out of range, a kernel known not to be positive semidefinite, a
///         parameter of another filter; with more than exact_rows rows cut-off, and iterated
///         Tikhonov without lambda.
///
/// Up to exact_rows rows K is stored and an eigendecomposition made: O(n^3), 2 n^2 doubles;
/// choosing by leave-one-out O(n^4) (of at most leave_one_out_rows). Beyond, products with K by
/// tiles, O(n^2 d) each and O(n) memory: one per step; Tikhonov by conjugate gradients, all lambdas
/// of the grid in one run with 2 grid n doubles. The largest eigenvalue is there that of the power
/// method, raised by a twentieth, and by half as often as the residual still grows. Deterministic:
/// bitwise the same for any number of threads. float data: kernel values may be in float, beta
/// within 1e-4 of its largest entry at parameters that keep a hundredth of the largest eigenvalue
/// or more.
///
/// Source: Muandet, Sriperumbudur, Schoelkopf, "Kernel mean estimation via spectral filtering",
/// NIPS 2014; Engl, Hanke, Neubauer, "Regularization of inverse problems", 1996 (the nu-method).
struct spectral_shrink_fn {
  using primitives = uses<ops::kernel_matrix_fn, ops::kernel_sums_fn, ops::for_rows_fn,
                          ops::sum_rows_fn, ops::first_row_fn, ops::gather_rows_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::spectral_shrink";

  template <execution_policy P, kernel_like K, real_matrix X>
  spectral_shrink_result operator()(P const& exec, K const& kernel, X const& x,
                                    spectral_shrink_options const& options = {}) const {
    limpid::detail::enter<spectral_shrink_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    check(p.rows, options);
    detail::check_positive(where, kernel);
    if (options.validate) ops::check_finite(exec, where, "x", p);
    return p.rows <= options.exact_rows ? stored(exec, kernel, p, options)
                                        : streamed(exec, kernel, p, options);
  }
  template <kernel_like K, real_matrix X>
  spectral_shrink_result operator()(K const& kernel, X const& x,
                                    spectral_shrink_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }

 private:
  using options_t = spectral_shrink_options;
  using result_t = spectral_shrink_result;

  static bool given(options_t const& o) {
    return detail::spectral::has_lambda(o.filter) ? o.lambda.has_value() : o.iterations > 0;
  }
  static bool smooth(options_t const& o) {
    return o.filter == spectral_filter::tikhonov || o.filter == spectral_filter::iterated_tikhonov;
  }
  static detail::spectral::filter_shape shape(options_t const& o) {
    return {o.filter, o.filter == spectral_filter::iterated_tikhonov ? o.order : 1, o.nu, o.step};
  }

  static void check(std::size_t rows, options_t const& o) {
    using limpid::detail::require;
    bool const by_lambda = detail::spectral::has_lambda(o.filter);
    if (o.lambda)
      require(*o.lambda >= 0 && *o.lambda - *o.lambda == 0, where, "lambda is ", *o.lambda,
              "; it must be at least 0 and finite");
    require(by_lambda || !o.lambda, where, "this filter has no lambda; give iterations");
    require(o.iterations >= 0, where, "iterations is ", o.iterations, "; it must be at least 0");
    require(!by_lambda || o.iterations == 0, where, "this filter has no iterations; give lambda",
            o.filter == spectral_filter::iterated_tikhonov ? ", and order" : "");
    require(o.order >= 1, where, "order is ", o.order, "; it must be at least 1");
    require(o.nu >= 0.5 && o.nu - o.nu == 0, where, "nu is ", o.nu,
            "; it must be at least 0.5 and finite");
    require(o.step > 0 && o.step <= 1, where, "step is ", o.step, "; it must be in (0, 1]");
    require(o.grid >= 3, where, "grid is ", o.grid, "; it must be at least 3");
    require(o.grid_low > 0 && o.grid_high > o.grid_low && o.grid_high - o.grid_high == 0, where,
            "the grid is from ", o.grid_low, " to ", o.grid_high, "; it must be 0 < low < high");
    require(o.precision > 0, where, "precision is ", o.precision, "; it must be above 0");
    require(o.most_iterations >= 1, where, "most_iterations is ", o.most_iterations,
            "; it must be at least 1");
    require(o.held_out > 0 && o.held_out < 1, where, "held_out is ", o.held_out,
            "; it must be in (0, 1)");
    require(o.tolerance >= 0 && o.tolerance < 1, where, "tolerance is ", o.tolerance,
            "; it must be in [0, 1)");
    require(o.max_iterations >= 1, where, "max_iterations is ", o.max_iterations,
            "; it must be at least 1");
    require(rows >= 2, where, "x has ", rows, " rows; leaving one out needs at least 2");
    bool const held = !given(o) && rows > o.leave_one_out_rows &&
                      (o.filter != spectral_filter::tikhonov || rows > o.exact_rows);
    require(!held || rows >= 3, where, "x has 2 rows; holding some out needs at least 3");
    if (rows <= o.exact_rows) return;
    require(o.filter != spectral_filter::cut_off, where, "x has ", rows,
            " rows, more than exact_rows = ", o.exact_rows, "; cut_off needs the eigenvectors");
    require(o.filter != spectral_filter::iterated_tikhonov || o.lambda, where, "x has ", rows,
            " rows, more than exact_rows = ", o.exact_rows, "; give iterated_tikhonov its lambda");
  }

  /// The numbers of steps tried, or lambdas in units of `largest`.
  static vector<double> tried(options_t const& o, double largest) {
    if (detail::spectral::has_lambda(o.filter))
      return detail::spectral::log_grid(o.grid_low * largest, o.grid_high * largest, o.grid);
    vector<double> steps(static_cast<std::size_t>(o.most_iterations));
    for (std::size_t t = 0; t < steps.size(); ++t) steps[t] = static_cast<double>(t + 1);
    return steps;
  }

  /// Picks the best of r.scores; `zero`: the score of the estimate 0.
  static std::size_t pick(result_t& r, options_t const& o, double zero) {
    std::size_t best = 0;
    for (std::size_t g = 1; g < r.scores.size(); ++g)
      if (r.scores[g] < r.scores[best]) best = g;
    bool const by_lambda = detail::spectral::has_lambda(o.filter);
    r.at_edge = best + 1 == r.scores.size() || (by_lambda && best == 0);
    r.score = r.scores[best];
    if (by_lambda)
      r.lambda = r.parameters[best];
    else
      r.iterations = static_cast<int>(best + 1);
    r.total_shrinkage = !(r.score < zero);
    if (!r.total_shrinkage) return best;
    r.score = zero;
    if (by_lambda)
      r.lambda = std::numeric_limits<double>::infinity();
    else
      r.iterations = 0;
    return best;
  }
  /// Around place `best` of the grid.
  template <class Score>
  static void refine(result_t& r, options_t const& o, std::size_t best, Score const& score) {
    if (r.total_shrinkage || !smooth(o)) return;
    detail::spectral::golden_section(score, r.parameters[best ? best - 1 : 0],
                                     r.parameters[best + 1 < o.grid ? best + 1 : best], o.precision,
                                     r.score, r.lambda);
  }

  // With K on the host.

  template <execution_policy P, class K, class T>
  static result_t stored(P const& exec, K const& k, matrix_view<T const, P::space> x,
                         options_t const& o) {
    result_t r;
    auto const& host = detail::spectral::host_of(exec);
    std::size_t const rows = x.rows;
    auto const n = static_cast<double>(rows);
    ops::symmetric_matrix matrix(rows);
    if (!detail::spectral::host_kernel_matrix(exec, where, k, x, matrix.view(),
                                              detail::spectral::part_of(o.on_progress, 0, 0.3))) {
      r.stopped = true;
      return r;
    }
    if (o.filter == spectral_filter::iterated_tikhonov) r.iterations = o.order;
    if (o.filter == spectral_filter::tikhonov && !o.lambda) {
      r.rule = parameter_rule::leave_one_out;
      detail::spectral::ridge_scores const scores(
          host, std::move(matrix), o.grid_low, true,
          detail::spectral::part_of(o.on_progress, 0.3, 0.8));
      r.stopped = scores.stopped();
      if (r.stopped) return r;
      r.largest = scores.largest();
      r.plain_score = scores.plain();
      if (!(r.largest > 0)) return nothing(std::move(r), rows);
      r.parameters = tried(o, r.largest);
      r.scores = vector<double>(r.parameters.size());
      for (std::size_t g = 0; g < r.scores.size(); ++g) r.scores[g] = scores(r.parameters[g]);
      refine(r, o, pick(r, o, scores.vrho()), scores);
      if (!r.total_shrinkage) {
        auto [beta, norm2] = scores.weights(r.lambda);
        r.beta = std::move(beta);
        r.norm2 = norm2;
      }
      return finished(std::move(r), rows, o);
    }

    bool const choose = !given(o), out_each = choose && rows <= o.leave_one_out_rows;
    std::vector<std::unique_ptr<detail::spectral::scored_mean>> means;
    double scale = 1, zero = 0;
    if (out_each) {
      r.rule = parameter_rule::leave_one_out;
      means.resize(rows);
      host.for_tiles(rows, [&](std::size_t i) { means[i] = without(matrix, i); });
      for (std::size_t i = 0; i < rows; ++i) zero += matrix.row(i)[i] / n;
    } else if (choose) {
      r.rule = parameter_rule::hold_out;
      detail::spectral::held_out_rows<P, T> const split(
          exec, k, x, o.held_out, o.seed, detail::spectral::part_of(o.on_progress, 0.3, 0.4));
      ops::symmetric_matrix part(split.rows);
      r.stopped = split.stopped || !detail::spectral::host_kernel_matrix(
                                       exec, where, k, split.fit_view(), part.view(),
                                       detail::spectral::part_of(o.on_progress, 0.4, 0.5));
      if (r.stopped) return r;
      auto const inner = ops::download(exec, split.inner.view());
      means.push_back(std::make_unique<detail::spectral::scored_mean>(
          std::move(part), std::vector<double>(inner.begin(), inner.end()), split.norm2));
      scale = n / static_cast<double>(split.rows);
      zero = split.norm2;
    }
    if (o.on_progress && !o.on_progress(0.5)) {
      r.stopped = true;
      return r;
    }

    progress const told = detail::spectral::part_of(o.on_progress, 0.5, 0.9);
    ops::tridiagonal t = ops::tridiagonalise(std::move(matrix), &told);
    if (t.stopped) {
      r.stopped = true;
      return r;
    }
    std::vector<double> const diagonal = t.diagonal, off = t.off;
    auto const u = ops::basis_of(host, std::move(t));
    std::vector<double> w = ops::turn_to_eigenvectors(host, diagonal, off, u);
    for (double& v : w) {
      v = v > 0 ? v : 0;
      r.largest = v > r.largest ? v : r.largest;
    }
    if (choose) {
      double const count = static_cast<double>(means.size());
      r.plain_score = 0;
      for (auto const& m : means) r.plain_score += m->plain() / count;
      if (!(r.largest > 0)) return nothing(std::move(r), rows);
      r.parameters = tried(o, out_each ? r.largest : means[0]->largest * scale);
      std::size_t const points = r.parameters.size();
      vector<double> fitted = r.parameters;
      if (detail::spectral::has_lambda(o.filter))
        for (double& v : fitted) v /= scale;
      std::vector<double> curves(means.size() * points);
      host.for_tiles(means.size(), [&](std::size_t i) {
        means[i]->curve(shape(o), fitted, curves.data() + i * points);
      });
      r.scores = vector<double>(points);
      for (std::size_t i = 0; i < means.size(); ++i)
        for (std::size_t g = 0; g < points; ++g) r.scores[g] += curves[i * points + g] / count;
      refine(r, o, pick(r, o, zero), [&](double lambda) {
        vector<double> const one{lambda / scale};
        double sum = 0, here = 0;
        for (auto const& m : means) {
          m->curve(shape(o), one, &here);
          sum += here / count;
        }
        return sum;
      });
    } else if (detail::spectral::has_lambda(o.filter)) {
      r.lambda = *o.lambda;
    } else {
      r.iterations = o.iterations;
    }
    if (r.total_shrinkage) return finished(std::move(r), rows, o);

    std::vector<double> kept = u.transposed_times(std::vector<double>(rows, 1 / n));
    if (detail::spectral::has_lambda(o.filter)) {
      double const floor = n * std::numeric_limits<double>::epsilon() * r.largest;
      for (std::size_t j = 0; j < rows; ++j)
        kept[j] *= detail::spectral::kept_share(shape(o), w[j], r.lambda, floor);
    } else {
      detail::spectral::share_iteration run(shape(o), w, r.largest);
      for (int i = 0; i < r.iterations; ++i) run.advance();
      for (std::size_t j = 0; j < rows; ++j) kept[j] *= run.shares()[j];
    }
    for (std::size_t j = 0; j < rows; ++j) r.norm2 += kept[j] * kept[j] * w[j];
    r.beta = vector<double>(u.times(kept));
    return finished(std::move(r), rows, o);
  }

  /// All rows but one, scored on that one.
  static std::unique_ptr<detail::spectral::scored_mean> without(ops::symmetric_matrix const& k,
                                                                std::size_t out) {
    std::size_t const rest = k.size() - 1;
    ops::symmetric_matrix part(rest);
    std::vector<double> inner(rest);
    for (std::size_t i = 0; i < rest; ++i) {
      std::size_t const from = i < out ? i : i + 1;
      inner[i] = from > out ? k.row(from)[out] : k.row(out)[from];
      for (std::size_t j = 0; j <= i; ++j) part.row(i)[j] = k.row(from)[j < out ? j : j + 1];
    }
    return std::make_unique<detail::spectral::scored_mean>(std::move(part), std::move(inner),
                                                           k.row(out)[out]);
  }
  /// K = 0: every mean is 0.
  static result_t nothing(result_t r, std::size_t rows) {
    r.beta = vector<double>(rows, 1 / static_cast<double>(rows));
    r.lambda = 0;
    r.score = r.plain_score;
    return r;
  }
  static result_t finished(result_t r, std::size_t rows, options_t const& o) {
    if (r.total_shrinkage) r.beta = vector<double>(rows);
    r.admissible = r.score < r.plain_score;
    if (o.on_progress) o.on_progress(1);
    return r;
  }

  // With products only.

  template <execution_policy P, class K, class T>
  static result_t streamed(P const& exec, K const& k, matrix_view<T const, P::space> x,
                           options_t const& o) {
    constexpr auto space = P::space;
    std::size_t const rows = x.rows;
    auto const n = static_cast<double>(rows);
    double const tolerance = o.tolerance > 0            ? o.tolerance
                             : std::is_same_v<T, float> ? 1e-7
                                                        : 1e-10;
    result_t r;
    if (o.filter == spectral_filter::iterated_tikhonov) r.iterations = o.order;
    if (detail::spectral::has_lambda(o.filter) && o.lambda) r.lambda = *o.lambda;
    if (!detail::spectral::has_lambda(o.filter)) r.iterations = o.iterations;
    if (!given(o)) {
      hold_out(exec, k, x, o, r);
      if (r.stopped || r.total_shrinkage) return finished(std::move(r), rows, o);
    }
    detail::spectral::kernel_operator<P, K, T> apply{exec, k, x, o.on_progress, given(o) ? 0 : 0.5};
    auto const mean = ops::make_buffer<double>(exec, rows),
               beta = ops::make_buffer<double>(exec, rows),
               image = ops::make_buffer<double>(exec, rows);
    ops::for_rows(exec, rows, detail::spectral::set_value<space>{beta.view(), 1 / n});
    if (!apply(beta.view(), mean.view())) {
      r.stopped = true;
      return r;
    }
    ++r.products;
    double const size = std::sqrt(detail::spectral::dot(exec, mean.view(), mean.view()));
    finite(size);
    if (detail::spectral::has_lambda(o.filter)) {
      double const trace =
          ops::sum_rows(exec, rows, 1, detail::spectral::add_own<K, T, space>{k, x})[0];
      if (r.lambda > n * std::numeric_limits<double>::epsilon() * trace) {
        auto const right = ops::make_buffer<double>(exec, rows);
        ops::copy(exec, mean.view(), right.view());
        int const solves = o.filter == spectral_filter::iterated_tikhonov ? o.order : 1;
        for (int s = 0; s < solves; ++s) {
          if (s)
            ops::for_rows(exec, rows,
                          detail::spectral::combine<space>{right.view(), 1, mean.view(), r.lambda,
                                                           beta.view()});
          auto const solved =
              detail::spectral::shifted_gradients(exec, apply, right.view(), {r.lambda},
                                                  beta.view(rows, 1), tolerance, o.max_iterations);
          r.products += solved.iterations;
          r.converged = r.converged && solved.converged;
          r.residual = solved.residual[0];
          r.stopped = solved.stopped;
          if (r.stopped) return r;
        }
      }
      r.stopped = !apply(beta.view(), image.view());
      if (r.stopped) return r;
      ++r.products;
      r.norm2 = detail::spectral::dot(exec, beta.view(), image.view());
    } else {
      auto const power = detail::spectral::largest_eigenvalue(exec, apply, rows, o.seed);
      r.products += power.products;
      r.stopped = power.stopped;
      if (r.stopped) return r;
      auto const end = detail::spectral::iterate_filter(
          exec, apply, shape(o), mean.view(), power.value, r.iterations, beta.view(),
          [&](int, auto const& b, auto const& kb) {
            r.norm2 = detail::spectral::dot(exec, b, kb);
          });
      r.products += end.products;
      r.largest = end.largest;
      r.stopped = end.stopped;
      if (r.stopped) return r;
    }
    r.beta = ops::download(exec, beta.view());
    return finished(std::move(r), rows, o);
  }

  static void finite(double size) {
    limpid::detail::require(size - size == 0, where,
                            "x has kernel values that are not finite; scale x, or the kernel");
  }

  /// The parameter, by rows held out.
  template <execution_policy P, class K, class T>
  static void hold_out(P const& exec, K const& k, matrix_view<T const, P::space> x,
                       options_t const& o, result_t& r) {
    constexpr auto space = P::space;
    r.rule = parameter_rule::hold_out;
    progress const first = detail::spectral::part_of(o.on_progress, 0, 0.5);
    detail::spectral::held_out_rows<P, T> const split(exec, k, x, o.held_out, o.seed, progress{});
    std::size_t const m = split.rows;
    double const share = 1 / static_cast<double>(m), scale = static_cast<double>(x.rows) * share;
    auto const fit = split.fit_view();
    detail::spectral::kernel_operator<P, K, T> apply{exec, k, fit, first};
    auto const mean = ops::make_buffer<double>(exec, m), b = ops::make_buffer<double>(exec, m);
    ops::for_rows(exec, m, detail::spectral::set_value<space>{b.view(), share});
    r.stopped = !apply(b.view(), mean.view());
    if (r.stopped) return;
    finite(std::sqrt(detail::spectral::dot(exec, mean.view(), mean.view())));
    auto const score = [&](vector_view<double const, space> beta, double norm2) {
      return norm2 - 2 * detail::spectral::dot(exec, beta, split.inner.view()) + split.norm2;
    };
    r.plain_score = score(b.view(), detail::spectral::dot(exec, b.view(), mean.view()));
    auto const power = detail::spectral::largest_eigenvalue(exec, apply, m, o.seed);
    r.products = power.products + 1;
    r.stopped = power.stopped;
    if (r.stopped) return;
    double const norm2 = split.norm2;
    if (o.filter == spectral_filter::tikhonov) {
      r.parameters = tried(o, power.value * scale);
      std::vector<double> shifts(r.parameters.begin(), r.parameters.end());
      for (double& v : shifts) v /= scale;
      r.scores = vector<double>(o.grid, norm2);
      auto const held_x = ops::make_buffer<double>(exec, m * o.grid);
      auto const solutions = held_x.view(m, o.grid);
      auto const solved = detail::spectral::shifted_gradients(exec, apply, mean.view(), shifts,
                                                              solutions, 1e-5, o.max_iterations);
      r.products += solved.iterations;
      r.stopped = solved.stopped;
      if (r.stopped) return;
      // x' K x = x' (mean - lambda x), but for the residual.
      for (std::size_t g = 0; g < o.grid; ++g) {
        auto const column = solutions.col(g);
        r.scores[g] = score(column, detail::spectral::dot(exec, column, mean.view()) -
                                        shifts[g] * detail::spectral::dot(exec, column, column));
      }
      r.converged = solved.converged;
    } else {
      r.parameters = tried(o, 1);
      r.scores = vector<double>(r.parameters.size(), norm2);
      auto const end = detail::spectral::iterate_filter(
          exec, apply, shape(o), mean.view(), power.value, o.most_iterations, b.view(),
          [&](int i, auto const& beta, auto const& image) {
            r.scores[static_cast<std::size_t>(i - 1)] =
                score(beta, detail::spectral::dot(exec, beta, image));
          });
      r.products += end.products;
      r.stopped = end.stopped;
      if (r.stopped) return;
    }
    pick(r, o, norm2);
  }
};
inline constexpr spectral_shrink_fn spectral_shrink{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_SPECTRAL_SHRINK_HPP
