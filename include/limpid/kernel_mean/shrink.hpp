// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/shrink.hpp
/// Kernel mean shrinkage: the empirical kernel mean pulled towards zero by as much as the data ask
/// for.
#ifndef LIMPID_KERNEL_MEAN_SHRINK_HPP
#define LIMPID_KERNEL_MEAN_SHRINK_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/ops/check.hpp>

#include <cstddef>
#include <limits>
#include <string_view>

namespace limpid::kernel_mean {

/// How much to shrink is chosen by the leave-one-out score, or by an unbiased estimate of the risk
/// put into the best share.
enum class shrinkage_rule { leave_one_out, plug_in };

struct shrink_options {
  shrinkage_rule rule = shrinkage_rule::leave_one_out;
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct shrink_result {
  double alpha = 0;   ///< share taken away, [0, 1]
  double lambda = 0;  ///< alpha / (1 - alpha); infinite on total shrinkage
  double weight = 0;  ///< (1 - alpha) / n: each row's weight in the shrunk mean
  double rho =
      0;  ///< mean of the kernel matrix, diagonal included = squared norm of the plain mean
  double vrho = 0;  ///< mean of its diagonal
  double risk = 0;  ///< (vrho - rho) / (n - 1): unbiased estimate of the plain mean's squared error
  double norm2 = 0;              ///< squared norm of the shrunk mean, (1 - alpha)^2 rho
  double score = 0;              ///< leave-one-out score at this alpha; lower is better
  bool total_shrinkage = false;  ///< nothing is left: the rows' mean similarity is not above 0
  bool stopped = false;          ///< by on_progress: nothing else is meant
};

namespace detail {

template <memory_space S>
struct add_value {
  vector_view<double const, S> v;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += v[i]; }
};

template <class T, memory_space S>
struct add_diagonal {
  kernel_function k;
  matrix_view<T const, S> x;
  LIMPID_HD void operator()(std::size_t i, double* sums) const { sums[0] += k(x.row(i), x.row(i)); }
};

}  // namespace detail

/// The shrunk kernel mean (1 - alpha) mu, mu = (1/n) sum_i k(x_i, .), whose squared error is
/// smaller than mu's for some alpha > 0 whatever the distribution.
///
/// With rho = (1/n^2) sum_ij k(x_i, x_j) and vrho = (1/n) sum_i k(x_i, x_i):
///
///     leave_one_out:  lambda = n (vrho - rho) / ((n - 1)(n rho - vrho)),   alpha = lambda / (1 +
///     lambda) plug_in:        alpha  = risk / (risk + rho),   risk = (vrho - rho) / (n - 1)
///
/// leave_one_out minimises (1/n) sum_i |phi(x_i) - mu^(-i) / (1 + lambda)|^2. Where n rho <= vrho
/// (the off-diagonal entries do not sum to more than 0) the minimum is at lambda = infinity: total
/// shrinkage.
///
/// @param kernel  as in evaluate.
/// @param x       n x d, n >= 2, finite.
/// @return shrink_result. Pass n weights of `weight` to evaluate, or multiply its values by 1 -
/// alpha.
/// @throws input_error  entries that are not finite, fewer than 2 rows, kernel parameters out of
/// range.
///
/// Time O(n^2 d), memory n doubles and the tiles. Deterministic: bitwise the same for any number of
/// threads.
///
/// Source: Muandet, Fukumizu, Sriperumbudur, Gretton, Schoelkopf, "Kernel mean estimation and Stein
/// effect", ICML 2014 (S-KMSE); Muandet et al., "Kernel mean shrinkage estimators", JMLR 17 (2016)
/// (R-KMSE and B-KMSE).
struct shrink_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::shrink";

  template <execution_policy P, real_matrix X>
  shrink_result operator()(P const& exec, kernel_function const& kernel, X const& x,
                           shrink_options const& options = {}) const {
    limpid::detail::enter<shrink_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    detail::check_kernel(where, kernel);
    limpid::detail::require(p.rows >= 2, where, "x has ", p.rows,
                            " rows; leaving one out needs at least 2");
    if (options.validate) ops::check_finite(exec, where, "x", p);

    shrink_result out;
    auto const sums = ops::make_buffer<double>(exec, p.rows);
    out.stopped = !ops::kernel_sums(exec, kernel, p, p, matrix_view<double const, P::space>{},
                                    sums.view(p.rows, 1),
                                    options.on_progress ? &options.on_progress : nullptr);
    if (out.stopped) return out;
    auto const n = static_cast<double>(p.rows);
    out.rho = ops::sum_rows(exec, p.rows, 1, detail::add_value<P::space>{sums.view()})[0] / (n * n);
    out.vrho =
        ops::sum_rows(exec, p.rows, 1, detail::add_diagonal<value_t<X>, P::space>{kernel, p})[0] /
        n;
    choose(out, n, options.rule);
    return out;
  }
  template <real_matrix X>
  shrink_result operator()(kernel_function const& kernel, X const& x,
                           shrink_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }

 private:
  static void choose(shrink_result& r, double n, shrinkage_rule rule) {
    double const spread = r.vrho > r.rho ? r.vrho - r.rho : 0;  // below 0 by rounding only
    double const apart = n * r.rho - r.vrho;  // n - 1 times the mean off-diagonal entry
    r.risk = spread / (n - 1);
    if (rule == shrinkage_rule::leave_one_out) {
      double const over = n * spread, under = (n - 1) * apart;
      r.alpha = spread <= 0 ? 0 : apart > 0 ? over / (over + under) : 1;
    } else {
      double const all = r.risk + r.rho;
      r.alpha = spread <= 0 ? 0 : all > 0 ? r.risk / all : 1;
      r.alpha = r.alpha > 1 ? 1 : r.alpha;
    }
    double const kept = 1 - r.alpha;
    r.total_shrinkage = kept <= 0;
    r.lambda = kept > 0 ? r.alpha / kept : std::numeric_limits<double>::infinity();
    r.weight = kept / n;
    r.norm2 = kept * kept * r.rho;
    r.score = r.vrho - 2 * kept * apart / (n - 1) +
              kept * kept * (n * n * r.rho - 2 * n * r.rho + r.vrho) / ((n - 1) * (n - 1));
  }
};
inline constexpr shrink_fn shrink{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_SHRINK_HPP
