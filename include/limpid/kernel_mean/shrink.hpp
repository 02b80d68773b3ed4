// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/shrink.hpp
/// Kernel mean shrinkage: the empirical kernel mean pulled towards zero by as much as the data ask
/// for.
#ifndef LIMPID_KERNEL_MEAN_SHRINK_HPP
#define LIMPID_KERNEL_MEAN_SHRINK_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/ops/check.hpp>

#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>

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
  double alpha = 0;   ///< share of the way to the target, [0, 1]
  double lambda = 0;  ///< alpha / (1 - alpha); infinite on total shrinkage
  double weight = 0;  ///< (1 - alpha) / n: each row's weight in the shrunk mean
  double rho = 0;  ///< mean of the kernel matrix with its diagonal = squared norm of the plain mean
  double vrho = 0;  ///< mean of its diagonal
  double risk = 0;  ///< (vrho - rho) / (n - 1): unbiased estimate of the plain mean's squared error
  double admissible = 0;    ///< estimate of 2 risk / (risk + |f - mean|^2): every alpha above 0 and
                            ///< below it is better than none; may exceed 1
  double norm2 = 0;         ///< squared norm of the shrunk mean
  double score = 0;         ///< leave-one-out score at this alpha; lower is better
  double target_inner = 0;  ///< <plain mean, f>; 0 without a target
  double target_norm2 = 0;  ///< |f|^2; 0 without a target
  bool total_shrinkage = false;  ///< nothing is left of the plain mean: the rows' similarity, less
                                 ///< the target, is not above 0 on average
  bool stopped = false;          ///< by on_progress: nothing else is meant
};

/// The shrunk kernel mean (1 - alpha) mu + alpha f, mu = (1/n) sum_i k(x_i, .), whose squared error
/// is smaller than mu's for some alpha > 0 whatever the distribution. The target f is 0, or
/// sum_j gamma_j k(z_j, .): what is known or believed beforehand.
///
/// With rho = |mu - f|^2 = (1/n^2) sum_ij k(x_i, x_j) - 2 <mu, f> + |f|^2 and
/// vrho = (1/n) sum_i k(x_i, x_i) - 2 <mu, f> + |f|^2 (all terms with f vanish where f = 0):
///
///     leave_one_out:  lambda = n (vrho - rho) / ((n - 1)(n rho - vrho)),
///                     alpha  = lambda / (1 + lambda)
///     plug_in:        alpha  = risk / (risk + rho),   risk = (vrho - rho) / (n - 1)
///
/// leave_one_out minimises (1/n) sum_i |phi(x_i) - f - (mu^(-i) - f) / (1 + lambda)|^2. Where
/// n rho <= vrho (the off-diagonal entries do not sum to more than 0) the minimum is at lambda =
/// infinity: total shrinkage. With the true mean m and Delta = E |mu - m|^2 the risk of alpha is
/// (1 - alpha)^2 Delta + alpha^2 |f - m|^2: below Delta for 0 < alpha < 2 Delta / (Delta + |f -
/// m|^2), least at half of that.
///
/// @param kernel  as in evaluate; positive semidefinite.
/// @param x       n x d, n >= 2, finite.
/// @param target  q x d, optional, q >= 1, finite, of x's value type: the points z_j of f.
/// @param target_weights  q, with target: gamma, finite; any sign and sum.
/// @return shrink_result. Pass n weights of `weight` to evaluate, or multiply its values by 1 -
///         alpha; a target's values times alpha are to be added.
/// @throws input_error  entries that are not finite, fewer than 2 rows, different widths or
///         lengths, kernel parameters out of range, the sigmoid kernel.
///
/// Time O(n^2 d), with a target O(n (n + q) d + q^2 d); memory O((n + q) d) for packed rows.
/// Deterministic: bitwise the same for any number of threads. float32 instead of float64 changes
/// rho and vrho by less than 1e-5 vrho, and alpha by that over its own spread: below 1e-3 where
/// alpha is above 1 %.
///
/// Source: Muandet, Fukumizu, Sriperumbudur, Gretton, Schoelkopf, "Kernel mean estimation and Stein
/// effect", ICML 2014 (S-KMSE); Muandet et al., "Kernel mean shrinkage estimators", JMLR 17 (2016)
/// (R-KMSE and B-KMSE).
struct shrink_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::shrink";

  template <execution_policy P, kernel_like K, real_matrix X>
  shrink_result operator()(P const& exec, K const& kernel, X const& x,
                           shrink_options const& options = {}) const {
    limpid::detail::enter<shrink_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    using points = matrix_view<value_t<X> const, P::space>;
    return run(exec, kernel, points(view(held)), points{}, vector_view<double const, P::space>{},
               false, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Z, real_vector G>
  shrink_result operator()(P const& exec, K const& kernel, X const& x, Z const& target,
                           G const& target_weights, shrink_options const& options = {}) const {
    limpid::detail::enter<shrink_fn, P, X, Z, G>();
    static_assert(std::is_same_v<value_t<X>, value_t<Z>>,
                  "limpid: x and target must both be float or both be double");
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_z = limpid::detail::materialise(target);
    auto&& held_g = limpid::detail::materialise(target_weights);
    matrix_view<value_t<X> const, P::space> const px = view(held_x);
    matrix_view<value_t<Z> const, P::space> const pz = view(held_z);
    return run(exec, kernel, px, detail::one_for_both(x, target, px, pz),
               vector_view<value_t<G> const, P::space>(view(held_g)), true, options);
  }
  template <kernel_like K, real_matrix X>
  shrink_result operator()(K const& kernel, X const& x, shrink_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }
  template <kernel_like K, real_matrix X, real_matrix Z, real_vector G>
  shrink_result operator()(K const& kernel, X const& x, Z const& target, G const& target_weights,
                           shrink_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, target, target_weights, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T, class G>
  static shrink_result run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                           matrix_view<T const, P::space> z, vector_view<G const, P::space> weights,
                           bool aimed, shrink_options const& o) {
    using limpid::detail::require;
    detail::check_positive(where, k);
    require(x.rows >= 2, where, "x has ", x.rows, " rows; leaving one out needs at least 2");
    if (aimed) {
      require(z.rows >= 1, where, "target has no rows; it needs at least 1");
      require(x.cols == z.cols, where, "x has ", x.cols, " columns, target has ", z.cols);
      ops::check_rows(where, "target", z.rows, "target_weights", weights.size);
    }
    if (o.validate) {
      ops::check_finite(exec, where, "x", x);
      if (aimed) ops::check_finite(exec, where, "target", z);
      if (aimed) ops::check_finite(exec, where, "target_weights", weights);
    }

    shrink_result out;
    auto const n = static_cast<double>(x.rows), q = static_cast<double>(z.rows);
    double const all = n * n / 2 + n * q + q * q / 2, first = n * n / 2 / all;
    vector_view<double const, P::space> const ones{};
    out.stopped = !detail::inner(exec, k, x, ones, x, ones,
                                 detail::stretch(o.on_progress, 0, first), out.rho);
    if (!out.stopped && aimed) {
      auto const gamma = detail::weights_or_mean(exec, weights, z.rows);
      out.stopped =
          !detail::inner(exec, k, x, ones, z, gamma.view(),
                         detail::stretch(o.on_progress, first, first + n * q / all),
                         out.target_inner) ||
          !detail::inner(exec, k, z, gamma.view(), z, gamma.view(),
                         detail::stretch(o.on_progress, first + n * q / all, 1), out.target_norm2);
    }
    if (out.stopped) return out;
    out.rho /= n * n;
    out.target_inner /= n;
    out.vrho = ops::sum_rows(exec, x.rows, 1, detail::add_diagonal<K, T, P::space>{k, x})[0] / n;
    choose(out, n, o.rule);
    return out;
  }

  static void choose(shrink_result& r, double n, shrinkage_rule rule) {
    double const shift = r.target_norm2 - 2 * r.target_inner;
    double const rho = r.rho + shift > 0 ? r.rho + shift : 0, vrho = r.vrho + shift;  // less f
    double const spread = vrho > rho ? vrho - rho : 0;  // below 0 by rounding only
    double const apart = n * rho - vrho;                // n - 1 times the mean off-diagonal entry
    r.risk = spread / (n - 1);
    double const reach = rho > r.risk ? rho : r.risk;  // rho estimates risk + |f - mean|^2
    r.admissible = reach > 0 ? 2 * r.risk / reach : 0;
    if (rule == shrinkage_rule::leave_one_out) {
      double const over = n * spread, under = (n - 1) * apart;
      r.alpha = spread <= 0 ? 0 : apart > 0 ? over / (over + under) : 1;
    } else {
      double const all = r.risk + rho;
      r.alpha = spread <= 0 ? 0 : all > 0 ? r.risk / all : 1;
      r.alpha = r.alpha > 1 ? 1 : r.alpha;
    }
    double const kept = 1 - r.alpha;
    r.total_shrinkage = kept <= 0;
    r.lambda = kept > 0 ? r.alpha / kept : std::numeric_limits<double>::infinity();
    r.weight = kept / n;
    r.norm2 = kept * kept * r.rho + 2 * kept * r.alpha * r.target_inner +
              r.alpha * r.alpha * r.target_norm2;
    r.score = vrho - 2 * kept * apart / (n - 1) +
              kept * kept * (n * n * rho - 2 * n * rho + vrho) / ((n - 1) * (n - 1));
  }
};
inline constexpr shrink_fn shrink{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_SHRINK_HPP
