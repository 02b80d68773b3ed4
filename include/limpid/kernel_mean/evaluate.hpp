// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/evaluate.hpp
/// The kernel mean of a sample at given points, and a bandwidth to begin with.
#ifndef LIMPID_KERNEL_MEAN_EVALUATE_HPP
#define LIMPID_KERNEL_MEAN_EVALUATE_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/order.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
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

template <class T, memory_space S>
struct copy_column {
  vector_view<double const, S> from;
  vector_view<T, S> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = static_cast<T>(from[i]); }
};

template <execution_policy P, kernel_like K, class T, class W>
bool evaluate_into(P const& exec, std::string_view where, K const& k,
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
  auto const held =
      weights_or_mean(exec, weighted ? weights : vector_view<W const, P::space>{}, x.rows);
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
/// @param kernel   kernels::gaussian(gamma) and the others of docs/kernel_mean/kernels.md, their
///                 sums and products, or a functor of two rows (kernel_like): slower, in tiles on
///                 all threads but without vectors.
/// @param x        n x d, n >= 1, finite.
/// @param queries  m x d, finite, of x's value type.
/// @param weights  n, optional, finite; any sign and sum (those of a shrunk mean, of importance
/// weights).
/// @param out      m, optional: written instead of returned; any adapted vector of float or double.
/// @return evaluate_result; with `out`, true unless on_progress stopped the work.
/// @throws input_error  entries that are not finite, different widths or lengths, no rows, kernel
///         parameters out of range.
///
/// Time O(n m d), half of it where queries are x; memory O(n d) for a packed copy of x, and the
/// tiles: the kernel matrix is never stored. Sums are kept in double. Deterministic: bitwise the
/// same for any number of threads. float32 instead of float64 changes the value by less than 1e-5
/// of sum_i |beta_i k(x_i, z)|, once the rows themselves are rounded.
///
/// Source: Smola, Gretton, Song, Schoelkopf, "A Hilbert space embedding for distributions", ALT
/// 2007.
struct evaluate_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::evaluate";

  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Q>
  evaluate_result operator()(P const& exec, K const& kernel, X const& x, Q const& queries,
                             evaluate_options const& options = {}) const {
    limpid::detail::enter<evaluate_fn, P, X, Q>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    auto const px = points<P, X>(view(held_x));
    return owned(exec, kernel, px, detail::one_for_both(x, queries, px, points<P, Q>(view(held_q))),
                 vector_view<double const, P::space>{}, false, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Q, real_vector W>
  evaluate_result operator()(P const& exec, K const& kernel, X const& x, Q const& queries,
                             W const& weights, evaluate_options const& options = {}) const {
    limpid::detail::enter<evaluate_fn, P, X, Q, W>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    auto&& held_w = limpid::detail::materialise(weights);
    auto const px = points<P, X>(view(held_x));
    return owned(exec, kernel, px, detail::one_for_both(x, queries, px, points<P, Q>(view(held_q))),
                 vector_view<value_t<W> const, P::space>(view(held_w)), true, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Q, real_vector W,
            class Out>
    requires writable_vector<Out> && std::floating_point<value_t<Out>>
  bool operator()(P const& exec, K const& kernel, X const& x, Q const& queries, W const& weights,
                  Out&& out, evaluate_options const& options = {}) const {
    limpid::detail::enter<evaluate_fn, P, X, Q, W, std::remove_reference_t<Out>>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    auto&& held_w = limpid::detail::materialise(weights);
    auto const px = points<P, X>(view(held_x));
    auto const pq = detail::one_for_both(x, queries, px, points<P, Q>(view(held_q)));
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

  template <kernel_like K, real_matrix X, real_matrix Q>
  evaluate_result operator()(K const& kernel, X const& x, Q const& queries,
                             evaluate_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, options);
  }
  template <kernel_like K, real_matrix X, real_matrix Q, real_vector W>
  evaluate_result operator()(K const& kernel, X const& x, Q const& queries, W const& weights,
                             evaluate_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, weights, options);
  }
  template <kernel_like K, real_matrix X, real_matrix Q, real_vector W, class Out>
    requires writable_vector<Out> && std::floating_point<value_t<Out>>
  bool operator()(K const& kernel, X const& x, Q const& queries, W const& weights, Out&& out,
                  evaluate_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, weights, out, options);
  }

 private:
  template <class P, class X>
  using points = matrix_view<value_t<X> const, P::space>;

  template <execution_policy P, kernel_like K, class T, class U, class W>
  static evaluate_result owned(P const& exec, K const& k, matrix_view<T const, P::space> x,
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

/// What the median is of, and what is made of it: three conventions in use.
enum class median_convention {
  distance,          ///< sigma = median |x_i - x_j|
  squared_distance,  ///< sigma^2 = median |x_i - x_j|^2: differs for even pair counts only
  half_square  ///< sigma^2 = median |x_i - x_j|^2 / 2, that is gamma = 1 / median |x_i - x_j|^2
};

struct median_heuristic_options {
  median_convention convention = median_convention::distance;
  std::size_t sample = 1000;  ///< rows looked at, evenly spaced; >= 2; 0 = all, exactly
  bool validate = true;       ///< look for entries that are not finite first
};

struct median_heuristic_result {
  double sigma = 1;         ///< bandwidth, by the convention
  double gamma = 0.5;       ///< 1 / (2 sigma^2), for kernels::gaussian
  std::size_t rows = 0;     ///< looked at
  bool degenerate = false;  ///< the median is 0: the mean of the positive distances serves, or 1
};

namespace detail {

/// use(squared distance) for row i and every row before it, in order.
template <class T, memory_space S, class Use>
LIMPID_HD void squared_gaps(matrix_view<T const, S> const& x, std::size_t i, Use& use) {
  auto const d = static_cast<std::ptrdiff_t>(x.cols), step = x.col_stride;
  std::size_t j = 0;
  for (; j + 4 <= i; j += 4) {  // four at once: they do not wait for each other
    T const *const own = x.row(i).data, *const r0 = x.row(j).data, *const r1 = x.row(j + 1).data,
                   *const r2 = x.row(j + 2).data, *const r3 = x.row(j + 3).data;
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (std::ptrdiff_t c = 0, at = 0; c < d; ++c, at += step) {
      auto const a = static_cast<double>(own[at]);
      double const g0 = a - static_cast<double>(r0[at]), g1 = a - static_cast<double>(r1[at]),
                   g2 = a - static_cast<double>(r2[at]), g3 = a - static_cast<double>(r3[at]);
      s0 += g0 * g0;
      s1 += g1 * g1;
      s2 += g2 * g2;
      s3 += g3 * g3;
    }
    use(s0);
    use(s1);
    use(s2);
    use(s3);
  }
  for (; j < i; ++j) {
    double s = 0;
    for (std::size_t c = 0; c < x.cols; ++c) {
      double const gap = static_cast<double>(x(i, c)) - static_cast<double>(x(j, c));
      s += gap * gap;
    }
    use(s);
  }
}

/// The bits of a number >= 0: in the order of the numbers.
LIMPID_HD inline std::uint64_t key_of(double x) {
  std::uint64_t key;
  std::memcpy(&key, &x, sizeof key);
  return key;
}
inline double number_of(std::uint64_t key) {
  double x;
  std::memcpy(&x, &key, sizeof x);
  return x;
}

inline constexpr std::size_t gap_bins = 4096, most_gaps = std::size_t{1} << 20;
inline constexpr std::uint64_t all_gaps = std::uint64_t{1} << 63;  ///< more than any key

/// Counts of squared distances: gap_bins bins of 2^shift keys from `low`, then those below `low`.
template <class T, memory_space S>
struct count_gaps {
  matrix_view<T const, S> x;
  std::uint64_t low;
  unsigned shift;
  struct into_bins {
    double* sums;
    std::uint64_t low;
    unsigned shift;
    LIMPID_HD void operator()(double s) {
      std::uint64_t const key = key_of(s), bin = (key - low) >> shift;
      if (key < low)
        sums[gap_bins] += 1;
      else if (bin < gap_bins)
        sums[bin] += 1;
    }
  };
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    into_bins use{sums, low, shift};
    squared_gaps(x, i, use);
  }
};

/// Row i's squared distances with keys in [low, low + width): their number to `count`, or they
/// themselves to out from place first[i].
template <class T, memory_space S>
struct keep_gaps {
  matrix_view<T const, S> x;
  std::uint64_t low, width;
  vector_view<double, S> count;  ///< no data: they are written
  vector_view<double const, S> first;
  vector_view<double, S> out;
  struct into_place {
    std::uint64_t low, width;
    double* out;
    std::size_t found;
    LIMPID_HD void operator()(double s) {
      if (key_of(s) - low >= width) return;
      if (out) out[found] = s;
      ++found;
    }
  };
  LIMPID_HD void operator()(std::size_t i) const {
    into_place use{low, width, count.data ? nullptr : out.data + static_cast<std::size_t>(first[i]),
                   0};
    squared_gaps(x, i, use);
    if (count.data) count[i] = static_cast<double>(use.found);
  }
};

/// The least squared distance with a key >= low.
template <class T, memory_space S>
struct least_gap {
  matrix_view<T const, S> x;
  std::uint64_t low;
  struct least {
    std::uint64_t low;
    double value;
    LIMPID_HD void operator()(double s) {
      if (key_of(s) >= low && s < value) value = s;
    }
  };
  LIMPID_HD void operator()(std::size_t i, double& state) const {
    least use{low, state};
    squared_gaps(x, i, use);
    state = use.value;
  }
};
struct lesser_of {
  LIMPID_HD void operator()(double& a, double b) const { a = b < a ? b : a; }
};

/// Squared distances above 0: their number and the sum of their roots.
template <class T, memory_space S>
struct add_positive_gaps {
  matrix_view<T const, S> x;
  struct add {
    double* sums;
    LIMPID_HD void operator()(double s) {
      sums[0] += s > 0 ? 1 : 0;
      sums[1] += std::sqrt(s);
    }
  };
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    add use{sums};
    squared_gaps(x, i, use);
  }
};

struct middle {
  double low, high;  ///< the two middle squared distances; one and the same for odd pair counts
};

/// Of all pairs, kept in memory: at most most_gaps.
template <execution_policy P, class T>
middle middle_of_few(P const& exec, matrix_view<T const, P::space> x, std::uint64_t low,
                     std::uint64_t width, std::size_t rank, bool two, bool& beyond) {
  vector<double> first(x.rows);
  if (width < all_gaps) {
    auto const count = ops::make_buffer<double>(exec, x.rows);
    ops::for_rows(exec, x.rows, keep_gaps<T, P::space>{x, low, width, count.view(), {}, {}});
    first = ops::download(exec, count.view());
  } else {
    for (std::size_t i = 0; i < x.rows; ++i) first[i] = static_cast<double>(i);
  }
  double total = 0;
  for (double& f : first) {
    double const here = f;
    f = total;
    total += here;
  }
  auto const from = ops::upload(exec, first.view());
  auto const kept = ops::make_buffer<double>(exec, static_cast<std::size_t>(total));
  ops::for_rows(exec, x.rows, keep_gaps<T, P::space>{x, low, width, {}, from.view(), kept.view()});
  auto gaps = ops::download(exec, kept.view());
  auto const at = gaps.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(gaps.begin(), at, gaps.end());
  beyond = two && rank + 1 == gaps.size();
  return {*at, two && !beyond ? *std::min_element(at + 1, gaps.end()) : *at};
}

/// Of any number of pairs: histograms of what is left until few enough are left to be kept.
template <execution_policy P, class T>
middle middle_gaps(P const& exec, matrix_view<T const, P::space> x, double guess_low,
                   double guess_high) {
  std::uint64_t const n = x.rows, pairs = n * (n - 1) / 2, rank = (pairs - 1) / 2;
  bool const two = pairs % 2 == 0;
  auto const shift_for = [](std::uint64_t keys) {
    unsigned s = 0;
    while ((keys >> s) >= gap_bins) ++s;
    return s;
  };
  std::uint64_t low = key_of(guess_low), left = pairs, below = 0;
  unsigned shift = shift_for(key_of(guess_high) - low);
  if (pairs <= most_gaps) low = 0, shift = 63;
  while (left > most_gaps) {
    auto const bins =
        ops::sum_rows(exec, x.rows, gap_bins + 1, count_gaps<T, P::space>{x, low, shift});
    below = static_cast<std::uint64_t>(bins[gap_bins]);
    if (rank < below) {  // the guess was too high
      shift = shift_for(low);
      low = 0;
      continue;
    }
    std::size_t b = 0;
    while (b < gap_bins && rank >= below + static_cast<std::uint64_t>(bins[b]))
      below += static_cast<std::uint64_t>(bins[b++]);
    low += static_cast<std::uint64_t>(b) << shift;
    if (b == gap_bins) {  // too low
      shift = shift_for(key_of(std::numeric_limits<double>::infinity()) - low);
      continue;
    }
    left = static_cast<std::uint64_t>(bins[b]);
    if (left <= most_gaps || shift == 0) break;
    shift = shift < 12 ? 0 : shift - 12;
  }
  bool beyond = two && rank + 1 == below + left;
  middle m{number_of(low), number_of(low)};  // shift 0: all that are left are one number
  std::uint64_t const width = std::uint64_t{1} << shift;
  if (left <= most_gaps)
    m = middle_of_few(exec, x, low, width, static_cast<std::size_t>(rank - below), two, beyond);
  if (beyond)
    m.high = ops::fold_rows(exec, x.rows, std::numeric_limits<double>::infinity(),
                            least_gap<T, P::space>{x, low + width}, lesser_of{});
  return m;
}

/// Every step-th of the rows, `rows` of them.
template <class T, memory_space S>
matrix_view<T const, S> every(matrix_view<T const, S> x, std::size_t rows) {
  auto const step = static_cast<std::ptrdiff_t>(x.rows / rows);
  return {x.data, rows, x.cols, x.row_stride * step, x.col_stride};
}

/// A bracket of the middle, from 300 rows.
template <execution_policy P, class T>
middle guess_gaps(P const& exec, matrix_view<T const, P::space> x) {
  constexpr std::size_t rows = 300;
  auto const some = every(x, rows);
  auto const all = ops::make_buffer<double>(exec, rows * (rows - 1) / 2);
  vector<double> first(rows);
  for (std::size_t i = 1; i < rows; ++i) first[i] = first[i - 1] + static_cast<double>(i - 1);
  auto const from = ops::upload(exec, first.view());
  ops::for_rows(exec, rows, keep_gaps<T, P::space>{some, 0, all_gaps, {}, from.view(), all.view()});
  return {ops::quantile(exec, all.view(), 0.4, ops::quantile_rule::linear),
          ops::quantile(exec, all.view(), 0.6, ops::quantile_rule::linear)};
}

}  // namespace detail

/// The median distance between two different rows, as a Gaussian kernel's bandwidth:
///
///     sigma = median of |x_i - x_j| over i < j,   gamma = 1 / (2 sigma^2),
///
/// or by another of the conventions in use. An even number of pairs: the mean of the two in the
/// middle.
///
/// @param x  n x d, n >= 2, finite.
/// @return median_heuristic_result; all rows equal: sigma = 1 and `degenerate`.
/// @throws input_error  entries that are not finite, fewer than 2 rows, sample of 1.
///
/// Rows 0, s, 2 s, ... with s = floor(n / sample) are looked at: shuffle data that are ordered with
/// a period. sample = 0 takes every pair: a histogram is refined until it holds the median among at
/// most 2^20 distances, which are then kept; three passes over the pairs as a rule. Time O(m^2 d)
/// for m rows looked at, memory O(m) and at most some 30 MB. Distances in double: float32 input is
/// widened first. Deterministic.
///
/// Source: Gretton et al., "A kernel two-sample test", JMLR 13 (2012), section 8.
struct median_heuristic_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::fold_rows_fn, ops::quantile_fn,
                          ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::median_heuristic";

  template <execution_policy P, real_matrix X>
  median_heuristic_result operator()(P const& exec, X const& x,
                                     median_heuristic_options const& options = {}) const {
    limpid::detail::enter<median_heuristic_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    return run(exec, matrix_view<value_t<X> const, P::space>(view(held)), options);
  }
  template <real_matrix X>
  median_heuristic_result operator()(X const& x,
                                     median_heuristic_options const& options = {}) const {
    return (*this)(default_policy, x, options);
  }

 private:
  template <execution_policy P, class T>
  static median_heuristic_result run(P const& exec, matrix_view<T const, P::space> all,
                                     median_heuristic_options const& options) {
    limpid::detail::require(all.rows >= 2, where, "x has ", all.rows,
                            " rows; a distance needs at least 2");
    limpid::detail::require(options.sample != 1, where, "sample is 1; it must be 0 or at least 2");
    if (options.validate) ops::check_finite(exec, where, "x", all);
    median_heuristic_result out;
    out.rows = options.sample && options.sample < all.rows ? options.sample : all.rows;
    auto const some = detail::every(all, out.rows);
    detail::middle guess{0, 0};
    if (out.rows * (out.rows - 1) / 2 > detail::most_gaps) guess = detail::guess_gaps(exec, some);
    auto const m = detail::middle_gaps(exec, some, guess.low, guess.high);
    double distance = (std::sqrt(m.low) + std::sqrt(m.high)) / 2;
    double square = options.convention == median_convention::distance ? distance * distance
                                                                      : (m.low + m.high) / 2;
    if (!(square > 0)) {
      auto const sums =
          ops::sum_rows(exec, out.rows, 2, detail::add_positive_gaps<T, P::space>{some});
      out.degenerate = true;
      distance = sums[0] > 0 ? sums[1] / sums[0] : 1;
      square = distance * distance;
      if (!(sums[0] > 0) && options.convention == median_convention::half_square) square = 2;
    }
    out.sigma = options.convention == median_convention::distance      ? distance
                : options.convention == median_convention::half_square ? std::sqrt(square / 2)
                                                                       : std::sqrt(square);
    out.gamma = 1 / (2 * out.sigma * out.sigma);
    return out;
  }
};
inline constexpr median_heuristic_fn median_heuristic{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_EVALUATE_HPP
