// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/mmd.hpp
/// The maximum mean discrepancy of two samples: how far apart their kernel means are.
#ifndef LIMPID_KERNEL_MEAN_MMD_HPP
#define LIMPID_KERNEL_MEAN_MMD_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/two_samples.hpp>
#include <limpid/ops/kernel_products.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>

namespace limpid::kernel_mean {

enum class mmd_estimator {
  unbiased,     ///< pairs of different rows of x, of y, and all pairs between; may be negative
  biased,       ///< the kernel means' own distance, >= 0
  one_sample,   ///< as many x as y: mean of h over i != j; leaves out k(x_i, y_i) as well
  linear_time,  ///< mean of h over the pairs (0, 1), (2, 3), ...; O(n d)
  block         ///< mean of one_sample over blocks of rows; O(n block d)
};

struct mmd_options {
  mmd_estimator estimator = mmd_estimator::unbiased;
  std::size_t block =
      0;  ///< rows of a block, >= 2; 0: the root of n, rounded down. Of `block` only
  bool variance = false;  ///< estimate the variances as well, unbiased and one_sample: two to three
                          ///< times the time, and at least 4 rows of each. linear_time and block
                          ///< always do; biased never
  progress on_progress = {};  ///< told the fraction done; false stops. Not by linear_time, block
  bool validate = true;       ///< look for entries that are not finite first
};

struct mmd_result {
  double value = 0;                                            ///< squared MMD
  double variance = std::numeric_limits<double>::quiet_NaN();  ///< of the estimator, whatever the
                                                               ///< distributions; may be below 0
  double null_variance = std::numeric_limits<double>::quiet_NaN();  ///< if both were the same one
  double normal_p = std::numeric_limits<double>::quiet_NaN();  ///< linear_time and block: P(N(0,
                                                               ///< null_variance) >= value)
  std::size_t rows_used = 0;  ///< of x; the rest of the last pair or block is left out
  bool stopped = false;       ///< by on_progress: nothing else is meant
};

namespace detail {

/// h of rows (x_i, y_i) put side by side.
template <class K>
struct pair_kernel {
  K k;
  std::size_t d;
  template <class V, memory_space S>
  LIMPID_HD double operator()(vector_view<V, S> const& a, vector_view<V, S> const& b) const {
    auto const x = [this](vector_view<V, S> const& v) {
      return vector_view<V, S>(v.data, d, v.stride);
    };
    auto const y = [this](vector_view<V, S> const& v) {
      return vector_view<V, S>(v.data + static_cast<std::ptrdiff_t>(d) * v.stride, d, v.stride);
    };
    return k(x(a), x(b)) + k(y(a), y(b)) - k(x(a), y(b)) - k(x(b), y(a));
  }
};

template <class K, class T, memory_space S>
struct between_pairs {
  K k;
  matrix_view<T const, S> x, y;
  LIMPID_HD double operator()(std::size_t i, std::size_t j) const {
    return k(x.row(i), x.row(j)) + k(y.row(i), y.row(j)) - k(x.row(i), y.row(j)) -
           k(x.row(j), y.row(i));
  }
};

/// sum_rows: h of rows 2i and 2i + 1, and its square.
template <class K, class T, memory_space S>
struct add_neighbours {
  between_pairs<K, T, S> h;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const value = h(2 * i, 2 * i + 1);
    sums[0] += value;
    sums[1] += value * value;
  }
};

/// Row i: sum of h over the other rows of its block.
template <class K, class T, memory_space S>
struct sum_in_block {
  between_pairs<K, T, S> h;
  std::size_t block;
  vector_view<double, S> sums;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const begin = i / block * block;
    double sum = 0;
    for (std::size_t j = begin; j < begin + block; ++j)
      if (j != i) sum += h(i, j);
    sums[i] = sum;
  }
};

/// sum_rows over blocks: the mean of h in it, less `centre`, and that squared.
template <memory_space S>
struct add_blocks {
  vector_view<double const, S> sums;
  std::size_t block;
  double centre;
  LIMPID_HD void operator()(std::size_t b, double* totals) const {
    double sum = 0;
    for (std::size_t i = b * block; i < (b + 1) * block; ++i) sum += sums[i];
    sum = sum / (static_cast<double>(block) * static_cast<double>(block - 1)) - centre;
    totals[0] += sum;
    totals[1] += sum * sum;
  }
};

/// sum_rows: k(x_i, y_i).
template <class K, class T, memory_space S>
struct add_matched {
  K k;
  matrix_view<T const, S> x, y;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += k(x.row(i), y.row(i)); }
};

/// sum_rows over the rows of one sample: g = own / (rows - 2) - cross / other_rows, own and cross,
/// each with its square, and (own + cross)^2.
template <memory_space S>
struct add_projections {
  vector_view<double const, S> own, others;  ///< sums over its own sample, and over the other
  double own_rows, other_rows;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const cross = others[i], g = own[i] / (own_rows - 2) - cross / other_rows;
    sums[0] += g;
    sums[1] += g * g;
    sums[2] += own[i];
    sums[3] += own[i] * own[i];
    sums[4] += cross;
    sums[5] += cross * cross;
    sums[6] += (own[i] + cross) * (own[i] + cross);
  }
};

/// sum_rows: v and v^2.
template <memory_space S>
struct add_squares {
  vector_view<double const, S> v;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += v[i];
    sums[1] += v[i] * v[i];
  }
};

/// E of the doubly centred kernel squared from n rows, without bias: sums of k, of squared row sums
/// and of k^2 over i != j. n >= 4.
inline double centred_square(double n, double all, double row_squares, double squares) {
  return (squares + all * all / ((n - 1) * (n - 2)) - 2 * row_squares / (n - 2)) / (n * (n - 3));
}

}  // namespace detail

/// The squared maximum mean discrepancy |mu_x - mu_y|^2 of two samples' kernel means. With h_ij =
/// k(x_i, x_j) + k(y_i, y_j) - k(x_i, y_j) - k(x_j, y_i):
///
///     unbiased     mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_ij k(x_i, y_j)
///     biased       the same with i = j
///     one_sample   mean_{i != j} h_ij                 (m = n; pairs (x_i, y_i) are the sample)
///     linear_time  mean_i h_{2i, 2i+1}                (m = n)
///     block        mean over blocks of one_sample     (m = n)
///
/// `variance` is an unbiased estimate of the estimator's variance, from its Hoeffding
/// decomposition: 4 Var a / m + 4 Var b / n + 2 V_xx / (m(m-1)) + 2 V_yy / (n(n-1)) + 4 V_xy /
/// (mn), a and b the first-order parts, V the mean squares of the doubly centred kernels; of
/// linear_time and block from the spread of their terms. Where both distributions are one, the
/// first-order parts vanish and all V are equal: `null_variance`, V from both samples together; of
/// one_sample 2 mean h^2 / (n(n-1)), of linear_time 2 mean h^2 / n.
///
/// @param kernel  as in evaluate; positive semidefinite.
/// @param x       m x d, finite; at least 1 row (biased), 2, or 4 with variance.
/// @param y       n x d, as x, of its value type.
/// @return mmd_result.
/// @throws input_error  entries that are not finite, too few rows, different widths, different row
///         counts where pairs are taken, a block of less than 2 or more than n rows, kernel
///         parameters out of range, the sigmoid kernel.
///
/// Time O((m + n)^2 d), linear_time O(n d), block O(n block d); memory O((m + n) d) for packed
/// rows. Deterministic: bitwise the same for any number of threads. float32 instead of float64
/// changes the value by less than 1e-6 of the mean of k(x, x), once the rows themselves are
/// rounded, and the variances of unbiased and one_sample by less than 1e-6 / min(m, n) of its
/// square.
///
/// Source: Gretton, Borgwardt, Rasch, Schoelkopf, Smola, "A kernel two-sample test", JMLR 13
/// (2012); block: Zaremba, Gretton, Blaschko, "B-tests: low variance kernel two-sample tests", NIPS
/// 2013.
struct mmd_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::kernel_products_fn, ops::for_rows_fn,
                          ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::mmd";

  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Y>
  mmd_result operator()(P const& exec, K const& kernel, X const& x, Y const& y,
                        mmd_options const& options = {}) const {
    limpid::detail::enter<mmd_fn, P, X, Y>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(y);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held_x)),
               matrix_view<value_t<Y> const, P::space>(view(held_y)), options);
  }
  template <kernel_like K, real_matrix X, real_matrix Y>
  mmd_result operator()(K const& kernel, X const& x, Y const& y,
                        mmd_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, y, options);
  }

 private:
  template <class P, class T>
  using points = matrix_view<T const, P::space>;

  template <execution_policy P, kernel_like K, class T, class U>
  static mmd_result run(P const& exec, K const& k, points<P, T> x, points<P, U> y,
                        mmd_options const& o) {
    using limpid::detail::require;
    using enum mmd_estimator;
    detail::check_positive(where, k);
    bool const quadratic = o.estimator == unbiased || o.estimator == one_sample;
    detail::check_two(exec, where,
                      o.estimator == biased     ? 1
                      : quadratic && o.variance ? 4
                                                : 2,
                      x, y, o.validate);
    if (o.estimator != unbiased && o.estimator != biased)
      require(x.rows == y.rows, where, "x has ", x.rows, " rows, y has ", y.rows,
              "; this estimator takes pairs of rows");
    switch (o.estimator) {
      case unbiased:
      case biased:
        return all_pairs(exec, k, x, y, o);
      case one_sample:
        return of_pairs(exec, k, x, y, o);
      case linear_time:
        return of_neighbours(exec, k, x, y);
      case block:
        return of_blocks(exec, k, x, y, o);
    }
    return {};
  }

  static double upper_tail(double value, double variance) {
    return variance > 0 ? 0.5 * std::erfc(value / std::sqrt(2 * variance)) : value > 0 ? 0 : 1;
  }

  template <execution_policy P, kernel_like K, class T>
  static mmd_result all_pairs(P const& exec, K const& k, points<P, T> x, points<P, T> y,
                              mmd_options const& o, double* between = nullptr) {
    mmd_result out;
    bool const spread = o.variance && o.estimator == mmd_estimator::unbiased;
    auto const m = static_cast<double>(x.rows), n = static_cast<double>(y.rows);
    double const every = (m + n) * (m + n) * (spread ? 3 : 1);
    double const first = m * m / every, second = first + n * n / every;
    double xx = 0, yy = 0, xy = 0;
    vector_view<double const, P::space> const ones{};
    out.rows_used = x.rows;
    out.stopped =
        !detail::inner(exec, k, x, ones, x, ones, detail::stretch(o.on_progress, 0, first), xx) ||
        !detail::inner(exec, k, y, ones, y, ones, detail::stretch(o.on_progress, first, second),
                       yy) ||
        !detail::inner(exec, k, x, ones, y, ones,
                       detail::stretch(o.on_progress, second, spread ? 1.0 / 3 : 1), xy);
    if (out.stopped) return out;
    if (between) *between = xy;
    if (o.estimator == mmd_estimator::biased) {
      out.value = xx / (m * m) + yy / (n * n) - 2 * xy / (m * n);
      if (out.value < 0) out.value = 0;  // by rounding only
      return out;
    }
    out.value = (xx - detail::sum_of_diagonal(exec, k, x)) / (m * (m - 1)) +
                (yy - detail::sum_of_diagonal(exec, k, y)) / (n * (n - 1)) - 2 * xy / (m * n);
    if (spread) out.stopped = !variances(exec, k, x, y, o.on_progress, out);
    return out;
  }

  template <execution_policy P, kernel_like K, class T>
  static bool between(P const& exec, K const& k, points<P, T> x, points<P, T> y,
                      vector_view<double, P::space> sums, progress const& told) {
    return ops::kernel_sums(exec, k, x, y, matrix_view<double const, P::space>{},
                            matrix_view<double, P::space>(sums.data, sums.size, 1), &told);
  }

  template <execution_policy P, kernel_like K, class T>
  static bool squares(P const& exec, K const& k, points<P, T> x, progress const& told,
                      double& value) {
    auto const sum = ops::make_buffer<double>(exec, 1);
    if (!ops::kernel_products(exec, k, x, k, x, matrix_view<std::int32_t const, P::space>{},
                              sum.view(), &told))
      return false;
    value = ops::download(exec, sum.view())[0];
    return true;
  }

  template <execution_policy P, kernel_like K, class T>
  static bool variances(P const& exec, K const& k, points<P, T> x, points<P, T> y,
                        progress const& told, mmd_result& out) {
    detail::stacked<P, T> const both(exec, x, y);
    auto const m = static_cast<double>(x.rows), n = static_cast<double>(y.rows), all = m + n;
    points<P, T> const z = both.view();
    auto const own = ops::make_buffer<double>(exec, z.rows),
               sums = ops::make_buffer<double>(exec, z.rows);
    auto const part = [](vector_view<double, P::space> v, std::size_t from, std::size_t count) {
      return vector_view<double, P::space>(v.data + from, count);
    };
    double const start = 1.0 / 3, step = (1 - start) / 4;
    auto const during = [&](int s) {
      return detail::stretch(told, start + s * step / 2, start + (s + 1) * step / 2);
    };
    double xx2 = 0, yy2 = 0, zz2 = 0;
    if (!detail::sums_without_diagonal(exec, k, x, part(own.view(), 0, x.rows), during(0)) ||
        !detail::sums_without_diagonal(exec, k, y, part(own.view(), x.rows, y.rows), during(1)) ||
        !between(exec, k, x, y, part(sums.view(), 0, x.rows), during(2)) ||
        !between(exec, k, y, x, part(sums.view(), x.rows, y.rows), during(3)) ||
        !squares(exec, k, x, during(4), xx2) || !squares(exec, k, y, during(5), yy2) ||
        !squares(exec, k, z, detail::stretch(told, start + 3 * step, 1), zz2))
      return false;
    using projections = detail::add_projections<P::space>;
    auto const of_x =
        ops::sum_rows(exec, x.rows, 7,
                      projections{part(own.view(), 0, x.rows), part(sums.view(), 0, x.rows), m, n});
    auto const of_y = ops::sum_rows(
        exec, y.rows, 7,
        projections{part(own.view(), x.rows, y.rows), part(sums.view(), x.rows, y.rows), n, m});
    double const of_both = of_x[2] + of_y[2] + of_x[4] + of_y[4];
    double const v_xx = detail::centred_square(m, of_x[2], of_x[3], xx2),
                 v_yy = detail::centred_square(n, of_y[2], of_y[3], yy2),
                 v_xy = ((zz2 - xx2 - yy2) / 2 - of_x[5] / n - of_y[5] / m +
                         of_x[4] * of_x[4] / (m * n)) /
                        ((m - 1) * (n - 1)),
                 v_zz = detail::centred_square(all, of_both, of_x[6] + of_y[6], zz2);
    auto const first_order = [&](std::vector<double> const& s, double rows, double others,
                                 double v) {
      return (s[1] - s[0] * s[0] / rows) / (rows - 1) - v / (rows - 2) - v_xy / others;
    };
    out.variance = 4 * first_order(of_x, m, n, v_xx) / m + 4 * first_order(of_y, n, m, v_yy) / n +
                   2 * v_xx / (m * (m - 1)) + 2 * v_yy / (n * (n - 1)) + 4 * v_xy / (m * n);
    out.null_variance = v_zz * (2 / (m * (m - 1)) + 2 / (n * (n - 1)) + 4 / (m * n));
    return true;
  }

  template <execution_policy P, kernel_like K, class T>
  static mmd_result of_pairs(P const& exec, K const& k, points<P, T> x, points<P, T> y,
                             mmd_options const& o) {
    auto without = o;
    without.estimator = mmd_estimator::unbiased;
    without.variance = false;
    progress const head = detail::stretch(o.on_progress, 0, o.variance ? 0.2 : 1.0);
    if (o.on_progress) without.on_progress = head;
    double between = 0;
    mmd_result out = all_pairs(exec, k, x, y, without, &between);
    if (out.stopped) return out;
    auto const n = static_cast<double>(x.rows);
    double const matched =
        ops::sum_rows(exec, x.rows, 1, detail::add_matched<K, T, P::space>{k, x, y})[0];
    out.value += 2 * between / (n * n) - 2 * (between - matched) / (n * (n - 1));
    if (!o.variance) return out;

    std::size_t const d = x.cols;
    auto const rows = ops::make_buffer<T>(exec, x.rows * 2 * d);
    auto const side = rows.view(x.rows, 2 * d);
    ops::copy(exec, x, matrix_view<T, P::space>(side.data, x.rows, d, side.row_stride, 1));
    ops::copy(exec, y, matrix_view<T, P::space>(side.data + d, x.rows, d, side.row_stride, 1));
    detail::pair_kernel<K> const h{k, d};
    points<P, T> const w = side;
    auto const sums = ops::make_buffer<double>(exec, x.rows);
    double h2 = 0;
    if (!detail::sums_without_diagonal(exec, h, w, sums.view(),
                                       detail::stretch(o.on_progress, 0.2, 0.6)) ||
        !squares(exec, h, w, detail::stretch(o.on_progress, 0.6, 1), h2)) {
      out.stopped = true;
      return out;
    }
    auto const s = ops::sum_rows(exec, x.rows, 2, detail::add_squares<P::space>{sums.view()});
    double const product = (s[1] - h2) / (n * (n - 1) * (n - 2)), square = h2 / (n * (n - 1)),
                 mean2 = (s[0] * s[0] - 4 * s[1] + 2 * h2) / (n * (n - 1) * (n - 2) * (n - 3));
    out.variance = (4 * (n - 2) * (product - mean2) + 2 * (square - mean2)) / (n * (n - 1));
    out.null_variance = 2 * square / (n * (n - 1));
    return out;
  }

  template <execution_policy P, kernel_like K, class T>
  static mmd_result of_neighbours(P const& exec, K const& k, points<P, T> x, points<P, T> y) {
    mmd_result out;
    std::size_t const pairs = x.rows / 2;
    auto const count = static_cast<double>(pairs);
    auto const s = ops::sum_rows(exec, pairs, 2, detail::add_neighbours<K, T, P::space>{{k, x, y}});
    out.rows_used = 2 * pairs;
    out.value = s[0] / count;
    out.null_variance = s[1] / (count * count);  // 2 mean h^2 / (2 count)
    if (pairs >= 2) out.variance = (s[1] - s[0] * out.value) / ((count - 1) * count);
    out.normal_p = upper_tail(out.value, out.null_variance);
    return out;
  }

  template <execution_policy P, kernel_like K, class T>
  static mmd_result of_blocks(P const& exec, K const& k, points<P, T> x, points<P, T> y,
                              mmd_options const& o) {
    std::size_t block = o.block;
    if (!block) {
      block = static_cast<std::size_t>(std::sqrt(static_cast<double>(x.rows)));
      if (block < 2) block = 2;
    }
    limpid::detail::require(block >= 2 && block <= x.rows, where, "block is ", block,
                            "; it must be at least 2 and at most the ", x.rows, " rows");
    mmd_result out;
    std::size_t const blocks = x.rows / block;
    auto const count = static_cast<double>(blocks);
    out.rows_used = blocks * block;
    auto const sums = ops::make_buffer<double>(exec, out.rows_used);
    ops::for_rows(exec, out.rows_used,
                  detail::sum_in_block<K, T, P::space>{{k, x, y}, block, sums.view()});
    using add = detail::add_blocks<P::space>;
    out.value = ops::sum_rows(exec, blocks, 2, add{sums.view(), block, 0.0})[0] / count;
    if (blocks >= 2) {
      auto const s = ops::sum_rows(exec, blocks, 2, add{sums.view(), block, out.value});
      out.variance = out.null_variance = s[1] / ((count - 1) * count);
      out.normal_p = upper_tail(out.value, out.null_variance);
    }
    return out;
  }
};
inline constexpr mmd_fn mmd{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_MMD_HPP
