// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/mmd_fuse.hpp
/// A two-sample test that needs no bandwidth: one statistic from many kernels, one p-value.
#ifndef LIMPID_KERNEL_MEAN_MMD_FUSE_HPP
#define LIMPID_KERNEL_MEAN_MMD_FUSE_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/bandwidths.hpp>
#include <limpid/kernel_mean/detail/null_statistics.hpp>
#include <limpid/ops/kernel_products.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace limpid::kernel_mean {

/// What the normalised statistics are multiplied by before their soft maximum is taken, n the rows
/// of the smaller sample.
enum class fuse_scale {
  paper,  ///< sqrt(n (n - 1)): every kernel has its say
  code    ///< n (n - 1), as its authors' program has it: nearly the largest alone
};

struct mmd_fuse_options {
  double alpha = 0.05;                        ///< level, (0, 1)
  std::size_t bandwidths = 10;                ///< of each of the two kernels, >= 2
  std::vector<kernel_function> kernels = {};  ///< instead of those with the bandwidths; not chosen
                                              ///< by how far they set x and y apart
  fuse_scale scale = fuse_scale::paper;
  double sharpness = 1;      ///< a factor of that, above 0
  std::size_t draws = 2000;  ///< B >= 1; the p-value is at least 1 / (B + 1)
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

/// What one kernel has to say.
struct mmd_fuse_kernel {
  kernel_function kernel;
  double mmd2 = 0;    ///< unbiased squared MMD
  double spread = 0;  ///< sqrt(N_k), which it is divided by
  double share = 0;   ///< of the soft maximum: which kernels see a difference; they sum to 1. NaN
                      ///< where a kernel overflows
};

struct mmd_fuse_result {
  double statistic = 0;
  double p_value = std::numeric_limits<double>::quiet_NaN();  ///< (1 + #{T_b >= T}) / (B + 1)
  double threshold =
      std::numeric_limits<double>::quiet_NaN();  ///< 1 - alpha quantile of T and all T_b
  bool reject = false;                           ///< p_value <= alpha: not one distribution
  vector<double> null_sample;                    ///< B, T_b
  std::vector<mmd_fuse_kernel> kernels;  ///< Laplacian (L1) then Gaussian, bandwidths ascending
  bool stopped = false;                  ///< by on_progress: nothing else is meant
};

/// Tests that x and y come from one distribution with many kernels at once (MMD-FUSE): the soft
/// maximum of their squared MMDs, each divided by a spread that no split changes,
///
///     T = (1 / L) log mean_k exp(L MMD_k^2 / sqrt(N_k)),   L = sqrt(n (n - 1)),
///     N_k = sum over i != j of k(z_i, z_j)^2 / (n (n - 1)),  z all rows, n those of the smaller
///                                                            sample,
///
/// against that of B splits dealt anew. One loop over splits where mmd_agg needs two and a level to
/// find; a p-value comes out. Kernels by default: exp(-sqrt(2) |x - y|_1 / h) and
/// exp(-|x - y|^2 / (2 h^2)) with 10 h each, evenly from half the 5 % quantile of the distances
/// between all rows to twice the 95 % quantile, of at most 1000 rows. Permuting rows changes
/// nothing of that (with more than 1000: but which are taken), so that the level holds exactly.
///
/// @param x  m x d, m >= 2, finite.
/// @param y  n x d, n >= 2, finite, of x's value type.
/// @return mmd_fuse_result.
/// @throws input_error  entries that are not finite, too few rows, different widths, options or
///         kernel parameters out of range, the sigmoid kernel.
///
/// Time O((m + n)^2 (d + B)) for each kernel; memory O((m + n)(d + B)) but at most about 48 MB or
/// 256 redraws at once, and 8 MB of distances. Deterministic: draws are keyed by seed and number;
/// bitwise the same for any number of threads. float32 instead of float64 changes MMD_k^2 by less
/// than 1e-6 of the mean of k(x, x), once the rows themselves are rounded. Where a kernel overflows
/// statistics are infinite and reject nothing.
///
/// Source: Biggs, Schrab, Gretton, "MMD-FUSE: learning and combining kernels for two-sample testing
/// without data splitting", NeurIPS 2023.
struct mmd_fuse_fn {
  using primitives = uses<ops::quadratic_forms_fn, ops::kernel_matrix_fn, ops::kernel_sums_fn,
                          ops::kernel_products_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::mmd_fuse";

  template <execution_policy P, real_matrix X, real_matrix Y>
  mmd_fuse_result operator()(P const& exec, X const& x, Y const& y,
                             mmd_fuse_options const& options = {}) const {
    limpid::detail::enter<mmd_fuse_fn, P, X, Y>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(y);
    return run(exec, matrix_view<value_t<X> const, P::space>(view(held_x)),
               matrix_view<value_t<Y> const, P::space>(view(held_y)), options);
  }
  template <real_matrix X, real_matrix Y>
  mmd_fuse_result operator()(X const& x, Y const& y, mmd_fuse_options const& options = {}) const {
    return (*this)(default_policy, x, y, options);
  }

 private:
  static void check(mmd_fuse_options const& o) {
    using limpid::detail::require;
    require(o.alpha > 0 && o.alpha < 1, where, "alpha is ", o.alpha, "; it must be in (0, 1)");
    require(o.draws >= 1, where, "draws is 0; it must be at least 1");
    require(o.bandwidths >= 2 || !o.kernels.empty(), where, "bandwidths is ", o.bandwidths,
            "; it must be at least 2");
    require(o.sharpness > 0 && o.sharpness - o.sharpness == 0, where, "sharpness is ", o.sharpness,
            "; it must be above 0 and finite");
    for (kernel_function const& k : o.kernels) detail::check_positive(where, k);
  }

  template <execution_policy P, class T>
  static std::vector<kernel_function> kernels_of(P const& exec, matrix_view<T const, P::space> both,
                                                 std::size_t bandwidths) {
    auto const some = detail::some_rows(both, 1000);
    std::vector<kernel_function> out;
    for (double h : detail::even_bandwidths(
             detail::sorted_distances(exec, detail::city_block_distance{}, some, some, true),
             bandwidths))
      out.push_back(kernels::laplacian(std::sqrt(2) / h));
    for (double h : detail::even_bandwidths(
             detail::sorted_distances(exec, detail::straight_distance{}, some, some, true),
             bandwidths))
      out.push_back(kernels::gaussian(1 / (2 * h * h)));
    return out;
  }

  template <execution_policy P, class T, class U>
  static mmd_fuse_result run(P const& exec, matrix_view<T const, P::space> x,
                             matrix_view<U const, P::space> y, mmd_fuse_options const& o) {
    check(o);
    detail::check_two(exec, where, 2, x, y, o.validate);
    detail::stacked<P, T> const both(exec, x, y, true);
    std::size_t const smaller = (std::min)(x.rows, y.rows);
    auto const n = static_cast<double>(smaller);
    std::vector<kernel_function> const kernels =
        o.kernels.empty() ? kernels_of(exec, both.view(), o.bandwidths) : o.kernels;
    auto const count = static_cast<double>(kernels.size());

    mmd_fuse_result out;
    std::vector<double> spread(kernels.size());
    auto const squares = ops::make_buffer<double>(exec, 1);
    for (std::size_t s = 0; s < kernels.size(); ++s) {
      auto const at = static_cast<double>(s);
      progress const told =
          detail::stretch(o.on_progress, 0.05 * at / count, 0.05 * (at + 1) / count);
      if (!ops::kernel_products(exec, kernels[s], both.view(), kernels[s], both.view(),
                                matrix_view<std::int32_t const, P::space>{}, squares.view(),
                                &told)) {
        out.stopped = true;
        return out;
      }
      spread[s] = std::sqrt(ops::download(exec, squares.view())[0] / (n * (n - 1)));
    }
    detail::null_statistics<kernel_function, T, P> statistics(exec, kernels, both.view(), smaller,
                                                              redraw::permutation);
    matrix<double> all(kernels.size(), 1 + o.draws);
    out.stopped =
        !statistics.prepare(detail::stretch(o.on_progress, 0.05, 0.1)) ||
        !statistics.template operator()<std::int8_t>(
            all.cols(), detail::draw_redraws<P>{exec, redraw::permutation, smaller, o.seed},
            all.view(), detail::stretch(o.on_progress, 0.1, 1));
    if (out.stopped) return out;

    double const root = std::sqrt(n * (n - 1));
    double const factor = o.sharpness * (o.scale == fuse_scale::paper ? root : root * root);
    double equal = 0;  // of the soft maximum, whose slope is at most the steepest of its parts'
    for (std::size_t s = 0; s < kernels.size(); ++s)
      if (spread[s] > 0) equal = (std::max)(equal, statistics.equal(s) / spread[s]);
    vector<double> fused(all.cols());
    for (std::size_t b = 0; b < all.cols(); ++b) fused[b] = fuse(all, b, spread, factor);
    detail::judge(fused.view(), equal, o.alpha, out);
    for (std::size_t s = 0; s < kernels.size(); ++s) {
      double const above = ratio(all(s, 0), spread[s]) - out.statistic;
      out.kernels.push_back({kernels[s], all(s, 0), spread[s], std::exp(factor * above) / count});
    }
    return out;
  }

  /// A kernel whose values are all 0 sees nothing; one whose squares overflow makes all infinite.
  static double ratio(double mmd2, double spread) {
    if (spread == 0) return 0;
    return std::isfinite(spread) ? mmd2 / spread : std::numeric_limits<double>::infinity();
  }

  /// The soft maximum of split b.
  static double fuse(matrix<double> const& mmd2, std::size_t b, std::vector<double> const& spread,
                     double factor) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t s = 0; s < spread.size(); ++s)
      largest = (std::max)(largest, ratio(mmd2(s, b), spread[s]));
    if (largest == std::numeric_limits<double>::infinity()) return largest;
    for (std::size_t s = 0; s < spread.size(); ++s)
      sum += std::exp(factor * (ratio(mmd2(s, b), spread[s]) - largest));
    return largest + std::log(sum / static_cast<double>(spread.size())) / factor;
  }
};
inline constexpr mmd_fuse_fn mmd_fuse{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_MMD_FUSE_HPP
