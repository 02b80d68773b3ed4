// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/outlier_score.hpp
/// How far a row lies from the kernel mean of the class it is said to be of.
#ifndef LIMPID_KERNEL_MEAN_OUTLIER_SCORE_HPP
#define LIMPID_KERNEL_MEAN_OUTLIER_SCORE_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/landmarks.hpp>
#include <limpid/kernel_mean/detail/picks.hpp>
#include <limpid/ops/check.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace limpid::kernel_mean {

/// margin: the squared distance to the own class's mean less that to the nearest other class's,
/// which ranks wrong labels; distance: the first alone, which ranks rows that are of no class as
/// well.
enum class outlier_rule { margin, distance };

/// How a row's weight in its class's mean falls with its distance t: not at all; min(1, a / t), a
/// the median distance; or Hampel's, the same up to the 75 % quantile and then down to 0 at the 95
/// % one.
enum class mean_weights { equal, huber, hampel };

struct outlier_options {
  outlier_rule rule = outlier_rule::margin;
  mean_weights weights = mean_weights::huber;
  std::size_t iterations = 10;  ///< >= 1, at most, of weights and distances in turn
  double tolerance = 1e-3;  ///< >= 0: ends when no weight moves by more than this over its class's
                            ///< mean weight
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct outlier_result {
  vector<double> score;            ///< n, larger = more suspect
  vector<double> distance2;        ///< n, squared distance to the mean of the own class's others
  vector<double> other_distance2;  ///< n, to the nearest other class's mean; infinite without one;
                                   ///< empty by `distance`
  vector<std::int32_t> other_class;  ///< n, that class, or -1; empty by `distance`
  vector<double> weights;            ///< n, of each row in its class's mean: they sum to 1 a class
  vector<double> norm2;              ///< K, |class mean|^2; 0 for a class without rows
  vector<std::size_t> rows;          ///< K: classes of fewer than 3 say nothing of their rows
  vector<std::uint8_t> converged;    ///< K, 0 where iterations ran out
  bool stopped = false;              ///< by on_progress: nothing else is meant
};

namespace detail {

/// for_rows: the nearest mean of a class that is not the row's own.
template <class K, class T, memory_space S>
struct nearest_other {
  K k;
  matrix_view<T const, S> x;
  matrix_view<double const, S> inner;  ///< n x K, mu_c(x_i)
  vector_view<std::int32_t const, S> label;
  vector_view<double const, S> norm2;  ///< K, negative: the class has no rows
  vector_view<double, S> distance2;
  vector_view<std::int32_t, S> nearest;
  LIMPID_HD void operator()(std::size_t i) const {
    double best = std::numeric_limits<double>::infinity();
    std::int32_t at = -1;
    for (std::size_t c = 0; c < inner.cols; ++c) {
      if (static_cast<std::size_t>(label[i]) == c || norm2[c] < 0) continue;
      double const gap = norm2[c] - 2 * inner(i, c);
      if (gap < best) {
        best = gap;
        at = static_cast<std::int32_t>(c);
      }
    }
    double const value = best + diagonal_of(k, x.row(i));
    distance2[i] = value > 0 ? value : 0;
    nearest[i] = at;
  }
};

/// Element at rank q (m - 1), rounded down, of m values.
inline double rank_of(std::vector<double> values, double q) {
  auto const at =
      values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// psi(t) / t of the distances, up to a factor.
inline void robust_weights(mean_weights kind, std::vector<double> const& t,
                           std::vector<double>& w) {
  double const a = rank_of(t, 0.5);
  if (kind == mean_weights::huber) {
    for (std::size_t i = 0; i < t.size(); ++i) w[i] = t[i] > a ? a / t[i] : 1;
    return;
  }
  double const b = rank_of(t, 0.75), c = rank_of(t, 0.95);
  for (std::size_t i = 0; i < t.size(); ++i)
    w[i] = t[i] <= a ? 1 : t[i] <= b ? a / t[i] : t[i] < c ? a / t[i] * (c - t[i]) / (c - b) : 0;
}

}  // namespace detail

/// Distances of rows from the kernel mean of the class they are labelled with,
///
///     distance2_i = |phi(x_i) - mu_i|^2 = k(x_i, x_i) - 2 mu_i(x_i) + |mu_i|^2,
///
/// mu_i the weighted mean of the class's other rows. The weights make the mean robust against the
/// very rows that are looked for: they fall with the distance, and means and distances are computed
/// in turn. Rows of wrong labels are far from the mean of their class and near that of another:
/// `margin` takes the difference.
///
/// @param kernel   positive semidefinite; as in evaluate.
/// @param x        n x d, n >= 1, finite.
/// @param labels   n class numbers 0..classes-1.
/// @param classes  K >= 1.
/// @param options  outlier_options.
/// @return outlier_result. A row that is alone in its class has mu_i = 0.
/// @throws input_error  entries that are not finite, labels out of range, different lengths,
///         options or kernel parameters out of range, the sigmoid kernel.
///
/// Time O(d sum_c n_c^2) an iteration, and O(n^2 (d + K)) once by `margin`; memory O(n (d + K)).
/// Deterministic: bitwise the same for any number of threads. float32 instead of float64 changes a
/// distance2 by less than 1e-4 max k(x, x).
///
/// Source: Kim, Scott, "Robust kernel density estimation", JMLR 13 (2012), for the weights.
struct outlier_score_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::outlier_score";

  template <execution_policy P, kernel_like K, real_matrix X, label_vector L>
  outlier_result operator()(P const& exec, K const& kernel, X const& x, L const& labels,
                            std::size_t classes, outlier_options const& options = {}) const {
    limpid::detail::enter<outlier_score_fn, P, X, L>();
    using limpid::detail::require;
    auto&& held = limpid::detail::materialise(x);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<X> const, P::space> const rows = view(held);
    vector_view<value_t<L> const, P::space> const y = view(held_labels);
    detail::check_positive(where, kernel);
    require(rows.rows >= 1, where, "x has no rows; it needs at least 1");
    require(classes >= 1, where, "classes is 0; give the number of classes");
    require(options.iterations >= 1, where, "iterations is 0; it must be at least 1");
    require(options.tolerance >= 0, where, "tolerance is ", options.tolerance,
            "; it must be at least 0");
    ops::check_rows(where, "x", rows.rows, "labels", y.size);
    auto const codes = ops::check_labels(exec, where, "labels", y, classes, false);
    if (options.validate) ops::check_finite(exec, where, "x", rows);
    return run(exec, kernel, rows, codes.view(), classes, options);
  }
  template <kernel_like K, real_matrix X, label_vector L>
  outlier_result operator()(K const& kernel, X const& x, L const& labels, std::size_t classes,
                            outlier_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, labels, classes, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T>
  static outlier_result run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                            vector_view<std::int32_t const, P::space> label, std::size_t classes,
                            outlier_options const& o) {
    std::size_t const n = x.rows;
    outlier_result out;
    out.distance2 = vector<double>(n);
    out.weights = vector<double>(n);
    out.norm2 = vector<double>(classes);
    out.rows = vector<std::size_t>(classes);
    out.converged = vector<std::uint8_t>(classes, 1);
    std::vector<std::vector<std::uint64_t>> of_class(classes);
    auto const y = ops::download(exec, label);
    for (std::size_t i = 0; i < n; ++i) of_class[static_cast<std::size_t>(y[i])].push_back(i);
    double pairs = 0, done = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      auto const size = static_cast<double>(out.rows[c] = of_class[c].size());
      pairs += size * size * static_cast<double>(o.iterations) / 2;
    }
    bool const compare = o.rule == outlier_rule::margin;
    double const all = pairs + (compare ? static_cast<double>(n) * static_cast<double>(n) : 0);
    for (std::size_t c = 0; c < classes; ++c) {
      if (of_class[c].empty()) continue;
      auto const size = static_cast<double>(of_class[c].size());
      double const from = done / all;
      done += size * size * static_cast<double>(o.iterations) / 2;
      if (!one_class(exec, k, x, of_class[c], c, o,
                     detail::stretch(o.on_progress, from, done / all), out)) {
        out.stopped = true;
        return out;
      }
    }
    if (compare) out.stopped = !others(exec, k, x, label, y, classes, o, done / all, out);
    if (out.stopped) return out;
    out.score = out.distance2;
    for (std::size_t i = 0; i < n && compare; ++i) out.score[i] -= out.other_distance2[i];
    return out;
  }

  template <execution_policy P, kernel_like K, class T>
  static bool one_class(P const& exec, K const& k, matrix_view<T const, P::space> x,
                        std::vector<std::uint64_t> const& rows, std::size_t c,
                        outlier_options const& o, progress const& told, outlier_result& out) {
    std::size_t const size = rows.size();
    auto const held = detail::rows_of(exec, x, rows.data(), size);
    matrix_view<T const, P::space> const own = held.view(size, x.cols);
    auto const there = ops::make_buffer<double>(exec, size);
    ops::for_rows(exec, size, detail::put_diagonal<K, T, P::space>{k, own, there.view()});
    auto const diagonal = ops::download(exec, there.view());
    std::vector<double> beta(size, 1 / static_cast<double>(size)), next(size), distance(size);
    bool const once = o.weights == mean_weights::equal || size < 3;
    for (std::size_t step = 0;; ++step) {
      auto const weight = ops::upload(exec, vector_view<double const>(beta.data(), size));
      if (!ops::kernel_sums(exec, k, own, own,
                            matrix_view<double const, P::space>(weight.view().data, size, 1),
                            there.view(size, 1)))
        return false;
      auto const inner = ops::download(exec, there.view());
      double norm2 = 0;
      for (std::size_t i = 0; i < size; ++i) norm2 += beta[i] * inner[i];
      for (std::size_t i = 0; i < size; ++i) {
        // the others' mean: (mu - beta phi) / (1 - beta)
        double const rest = 1 - beta[i], at = inner[i] - beta[i] * diagonal[i];
        double const others = norm2 - 2 * beta[i] * inner[i] + beta[i] * beta[i] * diagonal[i];
        double const gap =
            rest > 1e-12 ? diagonal[i] - 2 * at / rest + others / (rest * rest) : diagonal[i];
        out.distance2[rows[i]] = gap > 0 ? gap : 0;
        out.weights[rows[i]] = beta[i];
        distance[i] = std::sqrt(gap > 0 ? gap : 0);
      }
      out.norm2[c] = norm2 > 0 ? norm2 : 0;
      if (told &&
          !told(once ? 1 : static_cast<double>(step + 1) / static_cast<double>(o.iterations)))
        return false;
      if (once) return true;
      detail::robust_weights(o.weights, distance, next);
      double total = 0, moved = 0;
      for (double w : next) total += w;
      if (!(total > 0)) return true;  // all rows equal
      for (std::size_t i = 0; i < size; ++i) {
        next[i] /= total;
        moved = (std::max)(moved, std::fabs(next[i] - beta[i]));
      }
      if (moved * static_cast<double>(size) <= o.tolerance) return true;
      if (step + 1 == o.iterations) {
        out.converged[c] = 0;
        return true;
      }
      beta = next;
    }
  }

  template <execution_policy P, kernel_like K, class T>
  static bool others(P const& exec, K const& k, matrix_view<T const, P::space> x,
                     vector_view<std::int32_t const, P::space> label, vector<std::int32_t> const& y,
                     std::size_t classes, outlier_options const& o, double from,
                     outlier_result& out) {
    std::size_t const n = x.rows;
    matrix<double> weights(n, classes);
    for (std::size_t i = 0; i < n; ++i) weights(i, static_cast<std::size_t>(y[i])) = out.weights[i];
    vector<double> norm2 = out.norm2;
    for (std::size_t c = 0; c < classes; ++c)
      if (out.rows[c] == 0) norm2[c] = -1;
    auto const w = ops::upload(exec, matrix_view<double const>(weights.view()));
    auto const norms = ops::upload(exec, vector_view<double const>(norm2.view()));
    auto const inner = ops::make_buffer<double>(exec, n * classes);
    auto const distance2 = ops::make_buffer<double>(exec, n);
    auto const nearest = ops::make_buffer<std::int32_t>(exec, n);
    progress const told = detail::stretch(o.on_progress, from, 1);
    if (!ops::kernel_sums(exec, k, x, x, matrix_view<double const, P::space>(w.view(n, classes)),
                          inner.view(n, classes), &told))
      return false;
    ops::for_rows(
        exec, n,
        detail::nearest_other<K, T, P::space>{k, x, inner.view(n, classes), label, norms.view(),
                                              distance2.view(), nearest.view()});
    out.other_distance2 = ops::download(exec, distance2.view());
    out.other_class = ops::download(exec, nearest.view());
    return true;
  }
};
inline constexpr outlier_score_fn outlier_score{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_OUTLIER_SCORE_HPP
