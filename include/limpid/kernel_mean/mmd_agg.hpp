// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/mmd_agg.hpp
/// A two-sample test that needs no bandwidth: many kernels, tested together at one level.
#ifndef LIMPID_KERNEL_MEAN_MMD_AGG_HPP
#define LIMPID_KERNEL_MEAN_MMD_AGG_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/bandwidths.hpp>
#include <limpid/kernel_mean/detail/null_statistics.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace limpid::kernel_mean {

/// Which distances the bandwidths come from.
enum class bandwidths_from {
  between,  ///< of rows of x to rows of y, as its authors have it
  pooled    ///< of all rows: redrawing does not change them (with more than 1000, those taken)
};

struct mmd_agg_options {
  double alpha = 0.05;          ///< level, (0, 1)
  std::size_t bandwidths = 10;  ///< of each of the two kernels, >= 2
  bandwidths_from distances = bandwidths_from::between;
  std::vector<kernel_function> kernels = {};  ///< instead of those with the bandwidths; not chosen
                                              ///< by how far they set x and y apart
  std::vector<double> weights = {};  ///< of the kernels, above 0, sum at most 1; none: all equal
  redraw by = redraw::permutation;   ///< or wild
  std::size_t draws = 2000;          ///< B1 >= 1: for each kernel's quantiles
  std::size_t level_draws = 2000;    ///< B2 >= 1: for the level of all together
  std::size_t bisections = 50;  ///< B3 of 1..50: more would let u reach 1 / max w, where all reject
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

/// What the test says of one kernel.
struct mmd_agg_kernel {
  kernel_function kernel;
  double weight = 0;
  double statistic = 0;  ///< squared MMD: unbiased, or one_sample where redrawn by wild
  double quantile = 0;   ///< above which, but for ties, it rejects
  double p_value = 1;    ///< of this kernel alone, (1 + #{T_b >= T}) / (B1 + 1)
  double threshold = 0;  ///< level times weight: what p_value is compared with
  bool reject = false;
};

struct mmd_agg_result {
  bool reject = false;  ///< some kernel rejects: not one distribution
  double level = 0;  ///< u: kernel k is tested at u weight_k so that all together have level alpha
  double level_share =
      0;  ///< share of the level_draws that some kernel would reject at u, <= alpha
  std::vector<mmd_agg_kernel> kernels;  ///< Laplacian (L1) then Gaussian, bandwidths ascending
  bool stopped = false;                 ///< by on_progress: nothing else is meant
};

/// Tests that x and y come from one distribution with many kernels at once (MMDAgg): kernel k
/// rejects where its p-value from B1 redrawn splits is at most u w_k, and the test where one does.
/// u is as large as B2 further redrawn splits allow, found by bisection of [0, 1 / max w]:
///
///     share of splits b with  T_k(b) > q_k(u w_k) for some k  <=  alpha,
///
/// q_k(v) element ceil((B1 + 1)(1 - v)) of the B1 + 1 statistics of kernel k, the observed one
/// among them. Kernels by default: exp(-|x - y|_1 / h) and exp(-|x - y|^2 / h^2) with 10 h each, a
/// geometric grid from half the least distance to twice the largest, of at most 500 rows a sample.
///
/// @param x  m x d, m >= 2, finite.
/// @param y  n x d, n >= 2, finite, of x's value type; m = n for wild.
/// @return mmd_agg_result.
/// @throws input_error  entries that are not finite, too few rows, different widths, m != n for
///         wild, options or kernel parameters out of range, the sigmoid kernel.
///
/// Time O((m + n)^2 (d + B1 + B2)) for each kernel; memory O((m + n)(d + B1 + B2)) but at most
/// about 48 MB or 256 redraws at once, and 8 MB of distances. Deterministic: draws are keyed by
/// seed and number; bitwise the same for any number of threads. float32 instead of float64 changes
/// the statistics by less than 1e-6 of the mean of k(x, x), once the rows themselves are rounded.
/// Statistics that overflow are infinite and reject nothing.
///
/// Source: Schrab, Kim, Albert, Laurent, Guedj, Gretton, "MMD aggregated two-sample test", JMLR 24
/// (2023).
struct mmd_agg_fn {
  using primitives = uses<ops::quadratic_forms_fn, ops::kernel_matrix_fn, ops::kernel_sums_fn,
                          ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::mmd_agg";

  template <execution_policy P, real_matrix X, real_matrix Y>
  mmd_agg_result operator()(P const& exec, X const& x, Y const& y,
                            mmd_agg_options const& options = {}) const {
    limpid::detail::enter<mmd_agg_fn, P, X, Y>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(y);
    return run(exec, matrix_view<value_t<X> const, P::space>(view(held_x)),
               matrix_view<value_t<Y> const, P::space>(view(held_y)), options);
  }
  template <real_matrix X, real_matrix Y>
  mmd_agg_result operator()(X const& x, Y const& y, mmd_agg_options const& options = {}) const {
    return (*this)(default_policy, x, y, options);
  }

 private:
  static void check(mmd_agg_options const& o) {
    using limpid::detail::require;
    require(o.alpha > 0 && o.alpha < 1, where, "alpha is ", o.alpha, "; it must be in (0, 1)");
    require(o.by != redraw::wild_series, where,
            "by is wild_series; it must be permutation or wild");
    require(o.draws >= 1, where, "draws is 0; it must be at least 1");
    require(o.level_draws >= 1, where, "level_draws is 0; it must be at least 1");
    require(o.bisections >= 1 && o.bisections <= 50, where, "bisections is ", o.bisections,
            "; it must be in 1..50");
    require(o.bandwidths >= 2 || !o.kernels.empty(), where, "bandwidths is ", o.bandwidths,
            "; it must be at least 2");
    for (kernel_function const& k : o.kernels) detail::check_positive(where, k);
    std::size_t const count = o.kernels.empty() ? 2 * o.bandwidths : o.kernels.size();
    require(o.weights.empty() || o.weights.size() == count, where, "weights has ", o.weights.size(),
            " elements; there are ", count, " kernels");
    double sum = 0;
    for (std::size_t s = 0; s < o.weights.size(); ++s) {
      require(o.weights[s] > 0, where, "weights element ", s, " is ", o.weights[s],
              "; it must be above 0");
      sum += o.weights[s];
    }
    require(sum <= 1 + 1e-9, where, "weights sum to ", sum, "; they must not sum to more than 1");
  }

  template <execution_policy P, class T>
  static std::vector<kernel_function> kernels_of(P const& exec, matrix_view<T const, P::space> x,
                                                 matrix_view<T const, P::space> y,
                                                 matrix_view<T const, P::space> both,
                                                 mmd_agg_options const& o) {
    bool const pooled = o.distances == bandwidths_from::pooled;
    auto const a = detail::some_rows(pooled ? both : x, pooled ? 1000 : 500),
               b = pooled ? a : detail::some_rows(y, 500);
    std::vector<kernel_function> out;
    for (double h : detail::geometric_bandwidths(
             detail::sorted_distances(exec, detail::city_block_distance{}, a, b, pooled),
             o.bandwidths))
      out.push_back(kernels::laplacian(1 / h));
    for (double h : detail::geometric_bandwidths(
             detail::sorted_distances(exec, detail::straight_distance{}, a, b, pooled),
             o.bandwidths))
      out.push_back(kernels::gaussian(1 / (h * h)));
    return out;
  }

  template <execution_policy P, class T, class U>
  static mmd_agg_result run(P const& exec, matrix_view<T const, P::space> x,
                            matrix_view<U const, P::space> y, mmd_agg_options const& o) {
    check(o);
    detail::check_two(exec, where, 2, x, y, o.validate);
    limpid::detail::require(o.by == redraw::permutation || x.rows == y.rows, where, "x has ",
                            x.rows, " rows, y has ", y.rows,
                            "; the wild bootstrap takes pairs of rows");
    detail::stacked<P, T> const both(exec, x, y, true);
    std::size_t const smaller = (std::min)(x.rows, y.rows);
    std::vector<kernel_function> const kernels =
        o.kernels.empty() ? kernels_of(exec, x, y, both.view(), o) : o.kernels;

    mmd_agg_result out;
    detail::null_statistics<kernel_function, T, P> statistics(exec, kernels, both.view(), smaller,
                                                              o.by);
    matrix<double> all(kernels.size(), 1 + o.draws + o.level_draws);
    out.stopped = !statistics.prepare(detail::stretch(o.on_progress, 0, 0.05)) ||
                  !statistics.template operator()<std::int8_t>(
                      all.cols(), detail::draw_redraws<P>{exec, o.by, smaller, o.seed}, all.view(),
                      detail::stretch(o.on_progress, 0.05, 1));
    if (out.stopped) return out;
    std::vector<double> equal(kernels.size());
    for (std::size_t s = 0; s < kernels.size(); ++s) equal[s] = statistics.equal(s);
    judge(all, equal, kernels, o, out);
    return out;
  }

  static void judge(matrix<double> const& all, std::vector<double> const& equal,
                    std::vector<kernel_function> const& kernels, mmd_agg_options const& o,
                    mmd_agg_result& out) {
    std::size_t const count = kernels.size(), b1 = o.draws;
    std::vector<double> const weights =
        o.weights.empty() ? std::vector<double>(count, 1 / static_cast<double>(count)) : o.weights;
    std::vector<std::vector<double>> sorted(count);
    double heaviest = 0;
    for (std::size_t s = 0; s < count; ++s) {
      sorted[s].assign(all.data() + s * all.cols(), all.data() + s * all.cols() + b1 + 1);
      std::sort(sorted[s].begin(), sorted[s].end());
      heaviest = (std::max)(heaviest, weights[s]);
    }
    auto const share = [&](double u) {
      std::vector<double> above(count);
      for (std::size_t s = 0; s < count; ++s)
        above[s] = detail::upper_quantile(sorted[s], u * weights[s]) + equal[s];
      std::size_t over = 0;
      for (std::size_t b = b1 + 1; b < all.cols(); ++b) {
        bool some = false;
        for (std::size_t s = 0; s < count && !some; ++s) some = all(s, b) > above[s];
        over += some;
      }
      return static_cast<double>(over) / static_cast<double>(o.level_draws);
    };
    double low = 0, high = 1 / heaviest;
    for (std::size_t step = 0; step < o.bisections; ++step) {
      double const u = (low + high) / 2, p = share(u);
      (p <= o.alpha ? low : high) = u;
    }
    out.level = low;
    out.level_share = share(low);
    for (std::size_t s = 0; s < count; ++s) {
      mmd_agg_kernel k;
      k.kernel = kernels[s];
      k.weight = weights[s];
      k.statistic = all(s, 0);
      k.threshold = low * weights[s];
      k.quantile = detail::upper_quantile(sorted[s], k.threshold);
      k.p_value = static_cast<double>(
                      detail::not_below(all.view().row(s), 1, b1 + 1, all(s, 0), equal[s])) /
                  static_cast<double>(b1 + 1);
      k.reject = k.p_value <= k.threshold;
      out.reject = out.reject || k.reject;
      out.kernels.push_back(k);
    }
  }
};
inline constexpr mmd_agg_fn mmd_agg{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_MMD_AGG_HPP
