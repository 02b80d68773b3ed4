// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/ridge_shrink.hpp
/// Ridge shrinkage of a kernel mean: directions that the sample knows little about are pulled to
/// zero harder than the others.
#ifndef LIMPID_KERNEL_MEAN_RIDGE_SHRINK_HPP
#define LIMPID_KERNEL_MEAN_RIDGE_SHRINK_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/krylov.hpp>
#include <limpid/kernel_mean/detail/part_of.hpp>
#include <limpid/kernel_mean/detail/ridge_features.hpp>
#include <limpid/kernel_mean/detail/ridge_score.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean {

struct ridge_shrink_options {
  std::optional<double> lambda =
      std::nullopt;               ///< lambda' >= 0, finite; none: chosen by the leave-one-out score
  std::size_t grid = 60;          ///< lambdas tried, >= 3
  double grid_low = 1e-4;         ///< the first, in units of the largest eigenvalue of K; > 0
  double grid_high = 1e3;         ///< the last, in the same units; > grid_low
  double precision = 1e-4;        ///< of log lambda, where it is chosen; > 0
  std::size_t exact_rows = 5000;  ///< up to so many rows K is stored (2 n^2 doubles); >= 0
  double tolerance = 0;  ///< beyond: relative residual to reach, [0, 1); 0 = 1e-10, float data 1e-7
  int max_iterations = 1000;  ///< beyond: products with K at most; >= 1
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct ridge_shrink_result {
  vector<double> beta;  ///< n: each row's weight in the shrunk mean
  double lambda = 0;    ///< lambda'; infinite on total shrinkage
  double norm2 = 0;     ///< squared norm of the shrunk mean
  double score = std::numeric_limits<double>::quiet_NaN();  ///< leave-one-out at lambda; NaN where
                                                            ///< K was not stored
  double plain_score = std::numeric_limits<double>::quiet_NaN();  ///< of the plain mean, lambda = 0
  vector<double> lambdas;   ///< the grid, where lambda was chosen
  vector<double> scores;    ///< its leave-one-out scores
  bool admissible = false;  ///< score < plain_score: shrinking by this lambda seems to help
  bool total_shrinkage =
      false;             ///< no lambda of the grid scores below the estimate 0, which is returned
  bool at_edge = false;  ///< the best of the grid is its first or last: widen it
  double condition =
      1;  ///< of K + lambda; of the bound trace K / lambda + 1 where K was not stored
  double smallest =
      0;  ///< eigenvalue of K as computed; well below 0: k is not positive semidefinite
  int iterations = 0;     ///< products with K, where it was not stored
  double residual = 0;    ///< |K 1/n - (K + lambda) beta| / |K 1/n| there
  bool converged = true;  ///< residual is within tolerance
  bool stopped = false;   ///< by on_progress: nothing else is meant
};

namespace detail {

inline void check_ridge_options(std::string_view where, ridge_shrink_options const& o) {
  using limpid::detail::require;
  if (o.lambda)
    require(*o.lambda >= 0 && *o.lambda - *o.lambda == 0, where, "lambda is ", *o.lambda,
            "; it must be at least 0 and finite");
  require(o.grid >= 3, where, "grid is ", o.grid, "; it must be at least 3");
  require(o.grid_low > 0 && o.grid_high > o.grid_low && o.grid_high - o.grid_high == 0, where,
          "the grid is from ", o.grid_low, " to ", o.grid_high, "; it must be 0 < low < high");
  require(o.precision > 0, where, "precision is ", o.precision, "; it must be above 0");
  require(o.tolerance >= 0 && o.tolerance < 1, where, "tolerance is ", o.tolerance,
          "; it must be in [0, 1)");
  require(o.max_iterations >= 1, where, "max_iterations is ", o.max_iterations,
          "; it must be at least 1");
}

/// Where the score of the estimate 0 is not beaten.
template <class Result>
bool shrink_totally(Result& r, double zero_score) {
  r.total_shrinkage = !(r.score < zero_score);
  if (!r.total_shrinkage) return false;
  r.lambda = std::numeric_limits<double>::infinity();
  r.score = zero_score;
  r.norm2 = 0;
  r.condition = 1;
  return true;
}

/// The grid's best place in `r.scores`, and whether it is at an end.
template <class Result>
std::size_t best_of(Result& r) {
  std::size_t best = 0;
  for (std::size_t g = 1; g < r.scores.size(); ++g)
    if (r.scores[g] < r.scores[best]) best = g;
  r.at_edge = best == 0 || best + 1 == r.scores.size();
  return best;
}

}  // namespace detail

/// The kernel mean sum_i beta_i k(x_i, .) that stays near the plain mean mu with small weights,
///
///     minimise |mu - sum_i beta_i k(x_i, .)|^2 + lambda' |beta|^2:
///     beta = (K + lambda')^-1 K 1 / n.
///
/// In the direction of an eigenvector of K with eigenvalue w it keeps the share w / (w + lambda')
/// of the plain mean. lambda' -> 0: the plain mean; lambda' -> infinity: 0. The JMLR paper's lambda
/// is lambda' / n; only lambda' is used here, for all n rows and for n - 1 alike.
///
/// lambda' is given, or minimises the exact leave-one-out score
///
///     (1/n) sum_i |k(x_i, .) - mu_lambda'^(-i)|^2,   mu^(-i) made from the other n - 1 rows,
///
/// on a grid even in log lambda', and then by golden section around the best. The score's mean is
/// the risk of an estimate from n - 1 rows plus a constant, so only its differences speak.
///
/// @param kernel  positive semidefinite: as in evaluate but for the sigmoid, or a functor.
/// @param x       n x d, n >= 2, finite.
/// @return ridge_shrink_result: beta for evaluate, the curve of scores, and what to distrust. Total
///         shrinkage, or K = 0: beta = 0, or 1 / n.
/// @throws input_error  entries or kernel values that are not finite, fewer than 2 rows, options or
///         kernel parameters out of range, a kernel known not to be positive semidefinite; no
///         lambda and more than exact_rows rows.
///
/// Up to exact_rows rows K is stored and brought to tridiagonal form once, 8/3 n^3 flops; a lambda
/// is then O(n^2), no eigenvectors are computed. Memory 2 n^2 doubles. Lambdas up to n 2^-52 times
/// the largest eigenvalue count as 0. Beyond exact_rows: conjugate gradients, O(n^2 d) per
/// iteration, O(n) memory, no score. Deterministic: bitwise the same for any number of threads.
/// float data: kernel values may be in float, beta is within 1e-4 of its largest entry of that of
/// double where lambda' is a hundredth of K's largest eigenvalue or more.
///
/// Source: Muandet, Fukumizu, Sriperumbudur, Gretton, Schoelkopf, "Kernel mean estimation and Stein
/// effect", ICML 2014 (F-KMSE); Muandet et al., "Kernel mean shrinkage estimators", JMLR 17 (2016)
/// (S-KMSE).
struct ridge_shrink_fn {
  using primitives = uses<ops::kernel_matrix_fn, ops::kernel_sums_fn, ops::for_rows_fn,
                          ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::ridge_shrink";

  template <execution_policy P, kernel_like K, real_matrix X>
  ridge_shrink_result operator()(P const& exec, K const& kernel, X const& x,
                                 ridge_shrink_options const& options = {}) const {
    limpid::detail::enter<ridge_shrink_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    return run(exec, kernel, p, options);
  }
  template <kernel_like K, real_matrix X>
  ridge_shrink_result operator()(K const& kernel, X const& x,
                                 ridge_shrink_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }

 private:
  template <execution_policy P, class K, class T>
  static ridge_shrink_result run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                                 ridge_shrink_options const& o) {
    using limpid::detail::require;
    detail::check_positive(where, k);
    detail::check_ridge_options(where, o);
    require(x.rows >= 2, where, "x has ", x.rows, " rows; leaving one out needs at least 2");
    require(o.lambda || x.rows <= o.exact_rows, where, "x has ", x.rows,
            " rows, more than exact_rows = ", o.exact_rows,
            "; give lambda, or take ridge_shrink_features");
    if (o.validate) ops::check_finite(exec, where, "x", x);
    return x.rows <= o.exact_rows ? stored(exec, k, x, o) : streamed(exec, k, x, o);
  }

  template <execution_policy P, class K, class T>
  static ridge_shrink_result stored(P const& exec, K const& k, matrix_view<T const, P::space> x,
                                    ridge_shrink_options const& o) {
    ridge_shrink_result r;
    auto const& host = detail::spectral::host_of(exec);
    ops::symmetric_matrix matrix(x.rows);
    if (!detail::spectral::host_kernel_matrix(exec, where, k, x, matrix.view(),
                                              detail::spectral::part_of(o.on_progress, 0, 0.3))) {
      r.stopped = true;
      return r;
    }
    detail::spectral::ridge_scores const scores(host, std::move(matrix),
                                                o.lambda ? *o.lambda : o.grid_low, !o.lambda,
                                                detail::spectral::part_of(o.on_progress, 0.3, 0.8));
    if (scores.stopped() || (o.on_progress && !o.on_progress(0.8))) {
      r.stopped = true;
      return r;
    }
    r.plain_score = scores.plain();
    r.smallest = scores.smallest();
    double const largest = scores.largest();
    if (o.lambda) {
      r.lambda = *o.lambda;
      r.score = scores(r.lambda);
    } else if (largest > 0) {
      r.lambdas = detail::spectral::log_grid(o.grid_low * largest, o.grid_high * largest, o.grid);
      r.scores = vector<double>(o.grid);
      for (std::size_t g = 0; g < o.grid; ++g) r.scores[g] = scores(r.lambdas[g]);
      std::size_t const best = detail::best_of(r);
      r.lambda = r.lambdas[best];
      r.score = r.scores[best];
      detail::spectral::golden_section(scores, r.lambdas[best ? best - 1 : 0],
                                       r.lambdas[best + 1 < o.grid ? best + 1 : best], o.precision,
                                       r.score, r.lambda);
    } else {
      r.score = r.plain_score;
    }
    if (!o.lambda && largest > 0 && detail::shrink_totally(r, scores.vrho())) {
      r.beta = vector<double>(x.rows);
    } else {
      auto [beta, norm2] = scores.weights(r.lambda);
      r.beta = std::move(beta);
      r.norm2 = norm2;
      double const least = r.smallest > 0 ? r.smallest : 0;
      r.condition = largest > 0 ? (largest + r.lambda) / (least + r.lambda) : 1;
    }
    r.admissible = r.score < r.plain_score;
    if (o.on_progress) o.on_progress(1);
    return r;
  }

  template <execution_policy P, class K, class T>
  static ridge_shrink_result streamed(P const& exec, K const& k, matrix_view<T const, P::space> x,
                                      ridge_shrink_options const& o) {
    constexpr auto space = P::space;
    std::size_t const rows = x.rows;
    auto const n = static_cast<double>(rows);
    ridge_shrink_result r;
    r.lambda = *o.lambda;
    detail::spectral::kernel_operator<P, K, T> apply{exec, k, x, o.on_progress};
    auto const mean = ops::make_buffer<double>(exec, rows),
               beta = ops::make_buffer<double>(exec, rows),
               image = ops::make_buffer<double>(exec, rows);
    ops::for_rows(exec, rows, detail::spectral::set_value<space>{beta.view(), 1 / n});
    double const trace =
        ops::sum_rows(exec, rows, 1, detail::spectral::add_own<K, T, space>{k, x})[0];
    if (!apply(beta.view(), mean.view())) {
      r.stopped = true;
      return r;
    }
    double const size = std::sqrt(detail::spectral::dot(exec, mean.view(), mean.view()));
    limpid::detail::require(size - size == 0, where,
                            "x has kernel values that are not finite; scale x, or the kernel");
    if (r.lambda > n * std::numeric_limits<double>::epsilon() * trace) {
      double const tolerance = o.tolerance > 0            ? o.tolerance
                               : std::is_same_v<T, float> ? 1e-7
                                                          : 1e-10;
      auto const solved = detail::spectral::shifted_gradients(
          exec, apply, mean.view(), {r.lambda}, beta.view(rows, 1), tolerance, o.max_iterations);
      r.iterations = solved.iterations;
      r.converged = solved.converged;
      r.stopped = solved.stopped || !apply(beta.view(), image.view());
      if (r.stopped) return r;
      r.norm2 = detail::spectral::dot(exec, beta.view(), image.view());
      // What is left of mean - (K + lambda) beta itself: the recursion's own residual flatters.
      ops::for_rows(
          exec, rows,
          detail::spectral::combine<space>{image.view(), 1, image.view(), r.lambda, beta.view()});
      ops::for_rows(
          exec, rows,
          detail::spectral::combine<space>{image.view(), 1, image.view(), -1, mean.view()});
      double const left = std::sqrt(detail::spectral::dot(exec, image.view(), image.view()));
      r.residual = size > 0 ? left / size : 0;
      r.converged = r.converged && r.residual <= 10 * tolerance;
      r.condition = trace / r.lambda + 1;
    } else {
      r.norm2 = detail::spectral::dot(exec, beta.view(), mean.view());
      r.condition = trace > 0 ? std::numeric_limits<double>::infinity() : 1;
    }
    r.beta = ops::download(exec, beta.view());
    if (o.on_progress) o.on_progress(1);
    return r;
  }
};
inline constexpr ridge_shrink_fn ridge_shrink{};

struct ridge_features_result {
  vector<double> mean;           ///< D: g, the shrunk mean of the features
  vector<double> beta;           ///< n: the weights with mean = Z' beta
  double lambda = 0;             ///< lambda'; infinite on total shrinkage
  double norm2 = 0;              ///< |g|^2
  double score = 0;              ///< leave-one-out at lambda
  double plain_score = 0;        ///< of the plain mean, lambda = 0
  vector<double> lambdas;        ///< the grid, where lambda was chosen
  vector<double> scores;         ///< its leave-one-out scores
  bool admissible = false;       ///< score < plain_score
  bool total_shrinkage = false;  ///< no lambda of the grid scores below the estimate 0
  bool at_edge = false;          ///< the best of the grid is its first or last: widen it
  double condition = 1;          ///< of Z' Z + lambda
  bool stopped = false;          ///< by on_progress: nothing else is meant
};

/// ridge_shrink where the kernel is the inner product of given features, k(i, j) = z_i . z_j:
/// random Fourier or Nystrom features of as many rows as there are, or plain columns.
///
///     g = (M + lambda')^-1 M mu,   M = Z' Z,   mu = Z' 1 / n
///     g = Z' beta,   beta = Z (M + lambda')^-1 mu
///
/// with lambda' given or chosen by the exact leave-one-out score. With H = (M + lambda')^-1, h_i =
/// z_i' H z_i and m_i the mean of the others, g^(-i) = m_i - lambda' (H m_i + H z_i (z_i' H m_i) /
/// (1 - h_i)).
///
/// @param z  n x D, n >= 2, D >= 1, finite.
/// @return ridge_features_result.
/// @throws input_error  entries that are not finite, fewer than 2 rows, no columns, options out of
/// range.
///
/// The rows are read a few times, the features of one row at a time: O(n D^2 + D^3) time, O(D^2 +
/// n) memory. Of the options exact_rows, tolerance and max_iterations do not matter; the grid is
/// refined by two more of as many lambdas instead of golden section. Deterministic: bitwise the
/// same for any number of threads. float data: sums of products in float over 64 rows at a time; at
/// one lambda the mean is within 1e-6 of that of double, relative to the largest entry of z.
///
/// Source: as ridge_shrink; the leave-one-out form is the rank-one update of H.
struct ridge_shrink_features_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::ridge_shrink_features";

  template <execution_policy P, real_matrix Z>
  ridge_features_result operator()(P const& exec, Z const& z,
                                   ridge_shrink_options const& options = {}) const {
    limpid::detail::enter<ridge_shrink_features_fn, P, Z>();
    auto&& held = limpid::detail::materialise(z);
    matrix_view<value_t<Z> const, P::space> const p = view(held);
    return run(exec, p, options);
  }
  template <real_matrix Z>
  ridge_features_result operator()(Z const& z, ridge_shrink_options const& options = {}) const {
    return (*this)(default_policy, z, options);
  }

 private:
  template <execution_policy P, class T>
  static ridge_features_result run(P const& exec, matrix_view<T const, P::space> z,
                                   ridge_shrink_options const& o) {
    using limpid::detail::require;
    detail::check_ridge_options(where, o);
    require(z.rows >= 2, where, "z has ", z.rows, " rows; leaving one out needs at least 2");
    require(z.cols >= 1, where, "z has no columns");
    if (o.validate) ops::check_finite(exec, where, "z", z);
    ridge_features_result r;
    detail::spectral::feature_scores<P, T> scores(exec, z, o.on_progress);
    if (scores.stopped()) {
      r.stopped = true;
      return r;
    }
    double const largest = scores.largest();
    vector<double> found = scores({0.0});
    r.plain_score = found[0];
    if (o.lambda) {
      r.lambda = *o.lambda;
      r.score = scores({r.lambda})[0];
    } else if (largest > 0) {
      r.lambdas = detail::spectral::log_grid(o.grid_low * largest, o.grid_high * largest, o.grid);
      r.scores = scores(r.lambdas);
      std::size_t best = detail::best_of(r);
      r.lambda = r.lambdas[best];
      r.score = r.scores[best];
      double low = r.lambdas[best ? best - 1 : 0],
             high = r.lambdas[best + 1 < o.grid ? best + 1 : best];
      for (int round = 0; round < 2; ++round) {
        if (o.on_progress && !o.on_progress(0.6 + 0.2 * round)) {
          r.stopped = true;
          return r;
        }
        vector<double> const finer = detail::spectral::log_grid(low, high, o.grid);
        found = scores(finer);
        best = 0;
        for (std::size_t g = 1; g < o.grid; ++g)
          if (found[g] < found[best]) best = g;
        if (found[best] < r.score) {
          r.score = found[best];
          r.lambda = finer[best];
        }
        low = finer[best ? best - 1 : 0];
        high = finer[best + 1 < o.grid ? best + 1 : best];
      }
    } else {
      r.score = r.plain_score;
    }
    if (!o.lambda && largest > 0 && detail::shrink_totally(r, scores.square())) {
      r.mean = vector<double>(z.cols);
      r.beta = vector<double>(z.rows);
    } else {
      r.mean = scores.mean(r.lambda);
      r.beta = scores.weights(r.lambda);
      for (double g : r.mean) r.norm2 += g * g;
      r.condition = largest > 0 ? (largest + r.lambda) / (scores.smallest() + r.lambda) : 1;
    }
    r.admissible = r.score < r.plain_score;
    if (o.on_progress) o.on_progress(1);
    return r;
  }
};
inline constexpr ridge_shrink_features_fn ridge_shrink_features{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_RIDGE_SHRINK_HPP
