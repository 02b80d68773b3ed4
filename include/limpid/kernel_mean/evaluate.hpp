// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/evaluate.hpp
/// The kernel mean of a sample at given points, and a bandwidth to begin with.
#ifndef LIMPID_KERNEL_MEAN_EVALUATE_HPP
#define LIMPID_KERNEL_MEAN_EVALUATE_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/order.hpp>

#include <cmath>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>

namespace limpid::kernel_mean {

struct evaluate_options {
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct evaluate_result {
  vector<double> value;  ///< m, mu(query)
  bool stopped = false;  ///< by on_progress: value is not complete
};

namespace detail {

template <class W, memory_space S>
struct spread_weights {
  vector_view<W const, S> from;  ///< no data: all `value`
  double value;
  vector_view<double, S> to;
  LIMPID_HD void operator()(std::size_t i) const {
    to[i] = from.data ? static_cast<double>(from[i]) : value;
  }
};

template <class T, memory_space S>
struct copy_column {
  vector_view<double const, S> from;
  vector_view<T, S> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = static_cast<T>(from[i]); }
};

template <execution_policy P, class T, class W>
bool evaluate_into(P const& exec, std::string_view where, kernel_function const& k,
                   matrix_view<T const, P::space> x, matrix_view<T const, P::space> queries,
                   vector_view<W const, P::space> weights, bool weighted,
                   vector_view<double, P::space> out, evaluate_options const& o) {
  using limpid::detail::require;
  check_kernel(where, k);
  require(x.rows >= 1, where, "x has no rows; a mean needs at least 1");
  require(x.cols == queries.cols, where, "x has ", x.cols, " columns, queries has ", queries.cols);
  if (weighted) ops::check_rows(where, "x", x.rows, "weights", weights.size);
  if (o.validate) {
    ops::check_finite(exec, where, "x", x);
    ops::check_finite(exec, where, "queries", queries);
    if (weighted) ops::check_finite(exec, where, "weights", weights);
  }
  auto held = ops::make_buffer<double>(exec, x.rows);
  ops::for_rows(exec, x.rows,
                spread_weights<W, P::space>{weighted ? weights : vector_view<W const, P::space>{},
                                            1 / static_cast<double>(x.rows), held.view()});
  matrix_view<double const, P::space> const beta = held.view(x.rows, 1);
  matrix_view<double, P::space> const sums(out.data, out.size, 1, out.stride, 1);
  return ops::kernel_sums(exec, k, queries, x, beta, sums,
                          o.on_progress ? &o.on_progress : nullptr);
}

}  // namespace detail

/// The kernel mean of a weighted sample at the query points,
///
///     mu(z) = sum_i beta_i k(x_i, z),    beta_i = 1 / n by default.
///
/// @param kernel   kernels::linear(), polynomial(degree, gamma, offset), gaussian(gamma),
/// laplacian(gamma).
/// @param x        n x d, n >= 1, finite.
/// @param queries  m x d, finite, of x's value type.
/// @param weights  n, optional, finite; any sign and sum (those of a shrunk mean, of importance
/// weights).
/// @param out      m, optional: written instead of returned; any adapted vector of float or double.
/// @return evaluate_result; with `out`, true unless on_progress stopped the work.
/// @throws input_error  entries that are not finite, different widths or lengths, no rows, kernel
///         parameters out of range.
///
/// Time O(n m d), memory n doubles and the tiles: the kernel matrix is never stored. Sums are kept
/// in double. Deterministic: bitwise the same for any number of threads.
///
/// Source: Smola, Gretton, Song, Schoelkopf, "A Hilbert space embedding for distributions", ALT
/// 2007.
struct evaluate_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::evaluate";

  template <execution_policy P, real_matrix X, real_matrix Q>
  evaluate_result operator()(P const& exec, kernel_function const& kernel, X const& x,
                             Q const& queries, evaluate_options const& options = {}) const {
    limpid::detail::enter<evaluate_fn, P, X, Q>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    auto const px = points<P, X>(view(held_x));
    return owned(exec, kernel, px, either(x, queries, px, points<P, Q>(view(held_q))),
                 vector_view<double const, P::space>{}, false, options);
  }
  template <execution_policy P, real_matrix X, real_matrix Q, real_vector W>
  evaluate_result operator()(P const& exec, kernel_function const& kernel, X const& x,
                             Q const& queries, W const& weights,
                             evaluate_options const& options = {}) const {
    limpid::detail::enter<evaluate_fn, P, X, Q, W>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    auto&& held_w = limpid::detail::materialise(weights);
    auto const px = points<P, X>(view(held_x));
    return owned(exec, kernel, px, either(x, queries, px, points<P, Q>(view(held_q))),
                 vector_view<value_t<W> const, P::space>(view(held_w)), true, options);
  }
  template <execution_policy P, real_matrix X, real_matrix Q, real_vector W, class Out>
  requires writable_vector<Out> && std::floating_point<value_t<Out>>
  bool operator()(P const& exec, kernel_function const& kernel, X const& x, Q const& queries,
                  W const& weights, Out&& out, evaluate_options const& options = {}) const {
    limpid::detail::enter<evaluate_fn, P, X, Q, W, std::remove_reference_t<Out>>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    auto&& held_w = limpid::detail::materialise(weights);
    auto const px = points<P, X>(view(held_x));
    auto const pq = either(x, queries, px, points<P, Q>(view(held_q)));
    vector_view<value_t<W> const, P::space> const w = view(held_w);
    auto const to = view(out);
    limpid::detail::require(to.size == pq.rows, where, "out has ", to.size,
                            " elements, queries has ", pq.rows, " rows");
    auto const sums = ops::make_buffer<double>(exec, pq.rows);
    bool const done =
        detail::evaluate_into(exec, where, kernel, px, pq, w, true, sums.view(), options);
    ops::for_rows(exec, pq.rows, detail::copy_column<value_t<Out>, P::space>{sums.view(), to});
    return done;
  }

  template <real_matrix X, real_matrix Q>
  evaluate_result operator()(kernel_function const& kernel, X const& x, Q const& queries,
                             evaluate_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, options);
  }
  template <real_matrix X, real_matrix Q, real_vector W>
  evaluate_result operator()(kernel_function const& kernel, X const& x, Q const& queries,
                             W const& weights, evaluate_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, weights, options);
  }
  template <real_matrix X, real_matrix Q, real_vector W, class Out>
  requires writable_vector<Out> && std::floating_point<value_t<Out>>
  bool operator()(kernel_function const& kernel, X const& x, Q const& queries, W const& weights,
                  Out&& out, evaluate_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, weights, out, options);
  }

 private:
  template <class P, class X>
  using points = matrix_view<value_t<X> const, P::space>;

  /// An expression given as both sample and queries is evaluated to two arrays; one serves both, so
  /// that the sums are those of an array given twice, to the bit.
  template <class X, class Q, class VX, class VQ>
  static VQ either(X const& x, Q const& queries, VX const& px, VQ const& pq) {
    if constexpr (std::is_same_v<X, Q>)
      if (std::addressof(x) == std::addressof(queries)) return px;
    return pq;
  }

  template <execution_policy P, class T, class U, class W>
  static evaluate_result owned(P const& exec, kernel_function const& k,
                               matrix_view<T const, P::space> x,
                               matrix_view<U const, P::space> queries,
                               vector_view<W const, P::space> weights, bool weighted,
                               evaluate_options const& o) {
    static_assert(std::is_same_v<T, U>,
                  "limpid: x and queries must both be float or both be double");
    auto const sums = ops::make_buffer<double>(exec, queries.rows);
    evaluate_result out;
    out.stopped =
        !detail::evaluate_into(exec, where, k, x, queries, weights, weighted, sums.view(), o);
    out.value = ops::download(exec, sums.view());
    return out;
  }
};
inline constexpr evaluate_fn evaluate{};

struct median_heuristic_options {
  std::size_t sample = 1000;  ///< rows looked at, evenly spaced; >= 2; 0 = all (n^2 / 2 doubles)
  bool validate = true;       ///< look for entries that are not finite first
};

struct median_heuristic_result {
  double sigma = 1;         ///< median distance between two rows
  double gamma = 0.5;       ///< 1 / (2 sigma^2), for kernels::gaussian
  std::size_t rows = 0;     ///< looked at
  bool degenerate = false;  ///< the median is 0: sigma is the mean of the positive distances, or 1
};

namespace detail {

/// Row j: its distances to the rows before it, at place j (j - 1) / 2.
template <class T, memory_space S>
struct pair_distances {
  matrix_view<T const, S> x;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t j) const {
    for (std::size_t i = 0; i < j; ++i) {
      double squared = 0;
      for (std::size_t c = 0; c < x.cols; ++c) {
        double const gap = static_cast<double>(x(i, c)) - static_cast<double>(x(j, c));
        squared += gap * gap;
      }
      out[j * (j - 1) / 2 + i] = std::sqrt(squared);
    }
  }
};

template <memory_space S>
struct add_positive {
  vector_view<double const, S> v;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += v[i] > 0 ? 1 : 0;
    sums[1] += v[i];
  }
};

}  // namespace detail

/// The median distance between two different rows, as a Gaussian kernel's bandwidth:
///
///     sigma = median of |x_i - x_j| over i < j,   gamma = 1 / (2 sigma^2).
///
/// Other conventions in use: the median of squared distances (differs for even pair counts only),
/// and gamma = 1 / median |x_i - x_j|^2, which is twice this gamma.
///
/// @param x  n x d, n >= 2, finite.
/// @return median_heuristic_result; all rows equal: sigma = 1 and `degenerate`.
/// @throws input_error  entries that are not finite, fewer than 2 rows, sample of 1.
///
/// Rows 0, s, 2 s, ... with s = floor(n / sample) are looked at: shuffle data that are ordered with
/// a period. Time O(m^2 d) for m rows looked at, memory m^2 / 2 doubles. Deterministic.
///
/// Source: Gretton et al., "A kernel two-sample test", JMLR 13 (2012), section 8.
struct median_heuristic_fn {
  using primitives =
      uses<ops::for_rows_fn, ops::sum_rows_fn, ops::quantile_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::median_heuristic";

  template <execution_policy P, real_matrix X>
  median_heuristic_result operator()(P const& exec, X const& x,
                                     median_heuristic_options const& options = {}) const {
    limpid::detail::enter<median_heuristic_fn, P, X>();
    using T = value_t<X>;
    auto&& held = limpid::detail::materialise(x);
    matrix_view<T const, P::space> const all = view(held);
    limpid::detail::require(all.rows >= 2, where, "x has ", all.rows,
                            " rows; a distance needs at least 2");
    limpid::detail::require(options.sample != 1, where, "sample is 1; it must be 0 or at least 2");
    if (options.validate) ops::check_finite(exec, where, "x", all);
    median_heuristic_result out;
    bool const part = options.sample && options.sample < all.rows;
    std::size_t const step = part ? all.rows / options.sample : 1;
    out.rows = part ? options.sample : all.rows;
    matrix_view<T const, P::space> const some(all.data, out.rows, all.cols,
                                              all.row_stride * static_cast<std::ptrdiff_t>(step),
                                              all.col_stride);
    std::size_t const pairs = out.rows * (out.rows - 1) / 2;
    auto const distance = ops::make_buffer<double>(exec, pairs);
    ops::for_rows(exec, out.rows, detail::pair_distances<T, P::space>{some, distance.view()});
    out.sigma = ops::quantile(exec, distance.view(), 0.5, ops::quantile_rule::linear);
    if (!(out.sigma > 0)) {
      auto const sums =
          ops::sum_rows(exec, pairs, 2, detail::add_positive<P::space>{distance.view()});
      out.degenerate = true;
      out.sigma = sums[0] > 0 ? sums[1] / sums[0] : 1;
    }
    out.gamma = 1 / (2 * out.sigma * out.sigma);
    return out;
  }
  template <real_matrix X>
  median_heuristic_result operator()(X const& x,
                                     median_heuristic_options const& options = {}) const {
    return (*this)(default_policy, x, options);
  }
};
inline constexpr median_heuristic_fn median_heuristic{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_EVALUATE_HPP
