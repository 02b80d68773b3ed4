// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/leverage_scores.hpp
/// Ridge leverage scores: how much of the kernel's space a row spans that others do not.
#ifndef LIMPID_KERNEL_MEAN_LEVERAGE_SCORES_HPP
#define LIMPID_KERNEL_MEAN_LEVERAGE_SCORES_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/landmarks.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

namespace limpid::kernel_mean {

struct leverage_options {
  double lambda = 1;          ///< ridge, > 0, of the kernel's unit
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct leverage_result {
  vector<double> score;            ///< n; exact ones are in [0, 1]
  double effective_dimension = 0;  ///< their sum
  bool stopped = false;            ///< by on_progress: nothing else is meant
};

/// Rows that stand for all, by number, and the weight each is seen with.
struct landmark_rows {
  std::vector<std::size_t> rows;  ///< s numbers of rows of x
  std::vector<double> weights;    ///< s, > 0: 1 / sqrt of the probability it was drawn with
};

struct recursive_leverage_options {
  std::size_t landmarks = 256;  ///< s, 4..n
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct recursive_leverage_result {
  std::vector<std::size_t> landmarks;  ///< s different row numbers, increasing
  vector<double> score;                ///< n, in [0, 1]: estimates, large rather than small
  double effective_dimension = 0;      ///< their sum
  double lambda = 0;       ///< of the last level: about the mean of the eigenvalues left out by
                           ///< s / (4 log s) directions, times their number over that of directions
  std::size_t levels = 0;  ///< of halved samples
  bool refilled = false;   ///< on some level nothing was drawn, and s rows were taken at random
  bool stopped = false;    ///< by on_progress: nothing else is meant
};

namespace detail {

/// K_SS + lambda W^-2, or W K_SS W.
inline ops::symmetric_matrix with_ridge(matrix<double> const& K, double lambda, double const* w) {
  ops::symmetric_matrix out(K.rows());
  for (std::size_t i = 0; i < K.rows(); ++i) {
    for (std::size_t j = 0; j < K.rows(); ++j) out.row(i)[j] = K(i, j);
    out.row(i)[i] += lambda / (w[i] * w[i]);
  }
  return out;
}
inline ops::symmetric_matrix weighted(matrix<double> const& K, double const* w) {
  ops::symmetric_matrix out(K.rows());
  for (std::size_t i = 0; i < K.rows(); ++i)
    for (std::size_t j = 0; j < K.rows(); ++j) out.row(i)[j] = w[i] * w[j] * K(i, j);
  return out;
}

/// left[i] = what is left of row i of x beside the landmarks, over lambda. False if stopped.
template <execution_policy P, class K, class T>
bool approximate_scores(P const& exec, K const& k, matrix_view<T const, P::space> x,
                        matrix_view<T const, P::space> points, matrix<double> const& K_SS,
                        double lambda, double const* weights, vector_view<double, P::space> left,
                        progress const& told) {
  matrix<double> const root =
      inverse_root(eigen_of(spectral::host_of(exec), with_ridge(K_SS, lambda, weights)),
                   rounding_cut<T>(K_SS.rows()));
  placed_factor<P> const factor(exec, root.view());
  return in_kernel_blocks(
      exec, k, x, points, told,
      [&](std::size_t first, std::size_t last, matrix_view<double const, P::space> values) {
        ops::for_rows(exec, last - first,
                      left_of_row<K, T, P::space>{k,
                                                  x.row_block(first, last),
                                                  values,
                                                  factor.view(),
                                                  lambda,
                                                  {left.data + first, last - first},
                                                  factor.packed()});
      });
}

/// (trace - the k largest eigenvalues) / k of W K W; above `least` of the mean eigenvalue.
inline double tail_per_direction(matrix<double> const& K, double const* w, std::size_t k,
                                 double least) {
  std::size_t const n = K.rows();
  if (k >= n) return 1e-5;
  std::vector<double> values = ops::eigenvalues(ops::tridiagonalise(weighted(K, w)));
  std::sort(values.begin(), values.end());
  double tail = 0, trace = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (i < n - k) tail += values[i];
    trace += values[i];
  }
  double const lambda = tail / static_cast<double>(k),
               floor = least * trace / static_cast<double>(n);
  return lambda > floor ? lambda : floor > 0 ? floor : 1e-5;
}

}  // namespace detail

/// Ridge leverage scores
///
///     score_i = [K (K + lambda I)^-1]_ii,    their sum is the effective dimension,
///
/// near 1 for a row that no others can stand for, small for one of many alike: the odds to sample
/// landmarks by. With landmarks, from those alone,
///
///     score_i = (1 / lambda) max(0, K_ii - K_iS (K_SS + lambda W^-2)^-1 K_Si),
///
/// W = diag(weights), which is the same where S is all rows and W = I.
///
/// @param kernel     positive semidefinite; as in evaluate.
/// @param x          n x d, n >= 1, finite.
/// @param landmarks  optional: s >= 1 row numbers and weights > 0.
/// @param options    leverage_options.
/// @return leverage_result.
/// @throws input_error  entries that are not finite, no rows, lambda or kernel parameters out of
///         range, landmarks out of range, the sigmoid kernel.
///
/// Exact: for small n, O(n^2 (d + n)) time, O(n^2) memory. With landmarks: O(n s (d + s) + s^3)
/// time, O(s^2) memory beside blocks of rows of the kernel. Deterministic: bitwise the same for any
/// number of threads. float32 instead of float64 changes a score by less than 1e-5 max K_ii /
/// lambda.
///
/// Source: Alaoui, Mahoney, "Fast randomized kernel ridge regression with statistical guarantees",
/// NIPS 2015; Musco, Musco, "Recursive sampling for the Nystrom method", NIPS 2017.
struct leverage_scores_fn {
  using primitives = uses<ops::kernel_matrix_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::leverage_scores";

  template <execution_policy P, kernel_like K, real_matrix X>
  leverage_result operator()(P const& exec, K const& kernel, X const& x,
                             leverage_options const& options = {}) const {
    limpid::detail::enter<leverage_scores_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held)), nullptr, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X>
  leverage_result operator()(P const& exec, K const& kernel, X const& x,
                             landmark_rows const& landmarks,
                             leverage_options const& options = {}) const {
    limpid::detail::enter<leverage_scores_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held)), &landmarks,
               options);
  }
  template <kernel_like K, real_matrix X>
  leverage_result operator()(K const& kernel, X const& x,
                             leverage_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }
  template <kernel_like K, real_matrix X>
  leverage_result operator()(K const& kernel, X const& x, landmark_rows const& landmarks,
                             leverage_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, landmarks, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T>
  static leverage_result run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                             landmark_rows const* landmarks, leverage_options const& o) {
    using limpid::detail::require;
    detail::check_positive(where, k);
    require(x.rows >= 1, where, "x has no rows; it needs at least 1");
    require(o.lambda > 0 && o.lambda - o.lambda == 0, where, "lambda is ", o.lambda,
            "; it must be above 0 and finite");
    if (landmarks) {
      require(!landmarks->rows.empty(), where, "landmarks has no rows; it needs at least 1");
      ops::check_rows(where, "landmarks", landmarks->rows.size(), "their weights",
                      landmarks->weights.size());
      for (std::size_t j = 0; j < landmarks->rows.size(); ++j) {
        double const w = landmarks->weights[j];
        require(landmarks->rows[j] < x.rows, where, "landmark ", j, " is row ", landmarks->rows[j],
                "; x has ", x.rows);
        require(w > 0 && w - w == 0, where, "landmark ", j, " has weight ", w,
                "; weights must be above 0 and finite");
      }
    }
    if (o.validate) ops::check_finite(exec, where, "x", x);
    leverage_result out;
    out.stopped =
        !(landmarks ? approximate(exec, k, x, *landmarks, o, out) : exact(exec, k, x, o, out));
    for (double s : out.score) out.effective_dimension += s;
    return out;
  }

  template <execution_policy P, kernel_like K, class T>
  static bool exact(P const& exec, K const& k, matrix_view<T const, P::space> x,
                    leverage_options const& o, leverage_result& out) {
    ops::symmetric_matrix A(x.rows);
    progress const half = detail::stretch(o.on_progress, 0, 0.5);
    if (!detail::spectral::host_kernel_matrix(exec, where, k, x, A.view(), half)) return false;
    auto const e = detail::eigen_of(detail::spectral::host_of(exec), std::move(A));
    out.score = vector<double>(x.rows);
    for (std::size_t i = 0; i < x.rows; ++i) {
      double s = 0;
      for (std::size_t j = 0; j < x.rows; ++j) {
        double const q = e.vectors(i, j), v = e.values[j] > 0 ? e.values[j] : 0;
        s += q * q * (v / (v + o.lambda));
      }
      out.score[i] = s < 1 ? s : 1;
    }
    return !o.on_progress || o.on_progress(1);
  }

  template <execution_policy P, kernel_like K, class T>
  static bool approximate(P const& exec, K const& k, matrix_view<T const, P::space> x,
                          landmark_rows const& landmarks, leverage_options const& o,
                          leverage_result& out) {
    std::size_t const s = landmarks.rows.size();
    std::vector<std::uint64_t> const rows(landmarks.rows.begin(), landmarks.rows.end());
    auto const held = detail::rows_of(exec, x, rows.data(), s);
    matrix_view<T const, P::space> const points = held.view(s, x.cols);
    matrix<double> K_SS(s, s);
    if (!detail::spectral::host_kernel_matrix(exec, where, k, points, K_SS.view(), {}))
      return false;
    auto const left = ops::make_buffer<double>(exec, x.rows);
    if (!detail::approximate_scores(exec, k, x, points, K_SS, o.lambda, landmarks.weights.data(),
                                    left.view(), o.on_progress))
      return false;
    out.score = ops::download(exec, left.view());
    return true;
  }
};
inline constexpr leverage_scores_fn leverage_scores{};

/// s landmarks drawn by approximate ridge leverage scores, without the kernel matrix: halved
/// samples of the rows, the smallest taken whole; from each sample's landmarks the scores of the
/// next, twice as large, and from those its landmarks. On the way row i is drawn with probability
/// min(1, log(s) score_i) and weighted by its inverse root; at last s different rows, with odds
/// min(1, score_i). With W the weights and k = ceil(s / (4 log s)),
///
///     lambda = (tr W K_SS W - its k largest eigenvalues) / k,
///
/// which is kept above a rounding error of the kernel.
///
/// @param kernel   positive semidefinite; as in evaluate.
/// @param x        n x d, n >= 4, finite.
/// @param options  recursive_leverage_options.
/// @return recursive_leverage_result.
/// @throws input_error  entries that are not finite, landmarks not in 4..n, kernel parameters out
///         of range, the sigmoid kernel.
///
/// Time O(n s (d + s)) with about s log(s) landmarks on the way, memory O(s^2) and a copy of half
/// the rows, beside blocks. Deterministic: bitwise the same for any number of threads; draws are
/// keyed by seed and row. float32 instead of float64 changes the scores as in leverage_scores, and
/// so may change which rows are drawn.
///
/// Source: Musco, Musco, "Recursive sampling for the Nystrom method", NIPS 2017, algorithm 3.
struct recursive_leverage_fn {
  using primitives = uses<ops::kernel_matrix_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::recursive_leverage";

  template <execution_policy P, kernel_like K, real_matrix X>
  recursive_leverage_result operator()(P const& exec, K const& kernel, X const& x,
                                       recursive_leverage_options const& options = {}) const {
    limpid::detail::enter<recursive_leverage_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held)), options);
  }
  template <kernel_like K, real_matrix X>
  recursive_leverage_result operator()(K const& kernel, X const& x,
                                       recursive_leverage_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T>
  static recursive_leverage_result run(P const& exec, K const& kernel,
                                       matrix_view<T const, P::space> x,
                                       recursive_leverage_options const& o) {
    using limpid::detail::require;
    std::size_t const n = x.rows, s = o.landmarks;
    detail::check_positive(where, kernel);
    require(s >= 4 && s <= n, where, "landmarks is ", s, "; it must be from 4 to x's ", n, " rows");
    if (o.validate) ops::check_finite(exec, where, "x", x);

    recursive_leverage_result out;
    double const oversampling = std::log(static_cast<double>(s));
    auto const k = static_cast<std::size_t>(std::ceil(static_cast<double>(s) / (4 * oversampling)));
    std::vector<std::size_t> sizes{n};
    while (sizes.back() > s) sizes.push_back((sizes.back() + 1) / 2);
    out.levels = sizes.size() - 1;
    double work = 0, done = 0;
    for (std::size_t l = 0; l == 0 || l < out.levels; ++l) work += static_cast<double>(sizes[l]);

    auto const order = shuffled(n, o.seed);
    std::vector<std::uint64_t> chosen(order.begin(),
                                      order.begin() + static_cast<std::ptrdiff_t>(sizes.back()));
    std::vector<double> weights(chosen.size(), 1.0);
    for (std::size_t level = out.levels;; --level) {
      // of the whole sample when nothing was halved
      std::size_t const above = level > 0 ? level - 1 : 0, size = sizes[above];
      auto const told =
          detail::stretch(o.on_progress, done / work, (done + static_cast<double>(size)) / work);
      done += static_cast<double>(size);
      vector<double> score;
      if (!scores(exec, kernel, x, order, size, above == 0, chosen, weights, k, told, out.lambda,
                  score)) {
        out.stopped = true;
        return out;
      }
      if (above == 0) {
        for (double& v : score) {
          v = v < 1 ? v : 1;
          out.effective_dimension += v;
        }
        auto const rows = detail::draw_rows(n, s, score.data(), o.seed, detail::final_stream);
        out.landmarks.assign(rows.begin(), rows.end());
        out.score = std::move(score);
        return out;
      }
      draw(order, size, score, oversampling, o.seed, above, chosen, weights);
      if (!chosen.empty()) continue;
      out.refilled = true;
      for (std::size_t i :
           detail::draw_rows(size, s < size ? s : size, nullptr, o.seed,
                             detail::level_stream + static_cast<std::uint32_t>(above)))
        chosen.push_back(order[i]);
      weights.assign(chosen.size(),
                     std::sqrt(static_cast<double>(size) / static_cast<double>(chosen.size())));
    }
  }

  static std::vector<std::uint64_t> shuffled(std::size_t n, std::uint64_t seed) {
    std::vector<std::uint64_t> order(n);
    for (std::size_t i = 0; i < n; ++i) order[i] = i;
    for (std::size_t i = n; i > 1; --i) {
      random_stream stream(seed, detail::order_stream, i);
      std::swap(order[i - 1], order[stream.below(i)]);
    }
    return order;
  }

  static void draw(std::vector<std::uint64_t> const& order, std::size_t size,
                   vector<double> const& score, double oversampling, std::uint64_t seed,
                   std::size_t level, std::vector<std::uint64_t>& chosen,
                   std::vector<double>& weights) {
    chosen.clear();
    weights.clear();
    for (std::size_t i = 0; i < size; ++i) {
      double const p = oversampling * score[i] < 1 ? oversampling * score[i] : 1;
      random_stream stream(seed, detail::level_stream + static_cast<std::uint32_t>(level),
                           order[i]);
      if (!(stream.uniform() < p)) continue;
      chosen.push_back(order[i]);
      weights.push_back(1 / std::sqrt(p));
    }
  }

  /// Scores of the first `size` rows of the order (all of them: in x's own order) by the landmarks.
  template <execution_policy P, kernel_like K, class T>
  static bool scores(P const& exec, K const& kernel, matrix_view<T const, P::space> x,
                     std::vector<std::uint64_t> const& order, std::size_t size, bool all,
                     std::vector<std::uint64_t> const& chosen, std::vector<double> const& weights,
                     std::size_t k, progress const& told, double& lambda, vector<double>& score) {
    std::size_t const s = chosen.size();
    auto const held = detail::rows_of(exec, x, chosen.data(), s);
    matrix_view<T const, P::space> const points = held.view(s, x.cols);
    matrix<double> K_SS(s, s);
    if (!detail::spectral::host_kernel_matrix(exec, where, kernel, points, K_SS.view(), {}))
      return false;
    lambda = detail::tail_per_direction(K_SS, weights.data(), k, sizeof(T) == 4 ? 1e-4 : 1e-8);
    auto const left = ops::make_buffer<double>(exec, size);
    if (all) {
      if (!detail::approximate_scores(exec, kernel, x, points, K_SS, lambda, weights.data(),
                                      left.view(), told))
        return false;
    } else {
      auto const some = detail::rows_of(exec, x, order.data(), size);
      if (!detail::approximate_scores(exec, kernel,
                                      matrix_view<T const, P::space>(some.view(size, x.cols)),
                                      points, K_SS, lambda, weights.data(), left.view(), told))
        return false;
    }
    score = ops::download(exec, left.view());
    return true;
  }
};
inline constexpr recursive_leverage_fn recursive_leverage{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_LEVERAGE_SCORES_HPP
