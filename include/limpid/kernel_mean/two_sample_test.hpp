// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/two_sample_test.hpp
/// Do two samples come from one distribution? By their kernel means and redrawn splits.
#ifndef LIMPID_KERNEL_MEAN_TWO_SAMPLE_TEST_HPP
#define LIMPID_KERNEL_MEAN_TWO_SAMPLE_TEST_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/null_statistics.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace limpid::kernel_mean {

struct two_sample_test_options {
  redraw by = redraw::permutation;
  std::size_t draws = 500;  ///< B >= 1; the p-value is at least 1 / (B + 1)
  double alpha = 0.05;      ///< level, (0, 1)
  double memory = 20;       ///< of wild_series: l, the lag in rows at which weights correlate by
                            ///< 1/e; > 0, far below n
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct two_sample_test_result {
  double statistic = 0;  ///< squared MMD: unbiased; one_sample for wild, biased for wild_series
  double p_value = std::numeric_limits<double>::quiet_NaN();  ///< (1 + #{T_b >= T}) / (B + 1)
  double threshold =
      std::numeric_limits<double>::quiet_NaN();  ///< 1 - alpha quantile of T and all T_b
  bool reject = false;                           ///< p_value <= alpha: not one distribution
  vector<double> null_sample;                    ///< B, T_b
  bool stopped = false;                          ///< by on_progress: nothing else is meant
};

/// Tests that x and y come from one distribution: the squared MMD of the samples against that of B
/// redrawn ones, the same estimator on both sides. `permutation` deals the rows anew and holds its
/// level exactly, for any sizes and kernel; `wild` multiplies h_ij (see mmd) by signs e_i e_j;
/// `wild_series` multiplies h_ij, diagonal included, by w_i w_j, w_t = exp(-1/l) w_{t-1} +
/// sqrt(1 - exp(-2/l)) N(0, 1) less its mean, for rows that depend on those before them: its level
/// holds as n grows, and l with it but more slowly.
///
/// @param kernel  as in evaluate; positive semidefinite. Its parameters must not be chosen by how
///                far it sets x and y apart.
/// @param x       m x d, m >= 2, finite.
/// @param y       n x d, n >= 2, finite, of x's value type. m = n for the wild ones.
/// @param redraws B x (m + n), optional: for `permutation`, 1 where the row of [x; y] is dealt to x
///        (m of them), else 0; for the wild ones B x n multipliers, +-1 or any. Instead of
///        options.draws.
/// @return two_sample_test_result.
/// @throws input_error  entries that are not finite, too few rows, different widths, m != n for the
///         wild ones, redraws of another shape or kind, options or kernel parameters out of range,
///         the sigmoid kernel.
///
/// Time O((m + n)^2 (d + B)): all redraws meet each kernel value once, as a product with a matrix
/// of 0 and 1; memory O((m + n)(d + B)) but at most about 48 MB or 256 redraws at once.
/// Deterministic: draws are keyed by seed and number; bitwise the same for any number of threads.
/// T_b that equal T but for rounding (1e-13, float32 3e-7 of the mean of k(x, x)) count as not
/// below it. float32 instead of float64 changes the statistics by less than 1e-6 of the mean of
/// k(x, x), once the rows themselves are rounded. Statistics that overflow are infinite and reject
/// nothing.
///
/// Source: Gretton, Borgwardt, Rasch, Schoelkopf, Smola, "A kernel two-sample test", JMLR 13
/// (2012); wild: Chwialkowski, Sejdinovic, Gretton, "A wild bootstrap for degenerate kernel tests",
/// NIPS 2014; p-value: Phipson, Smyth, "Permutation p-values should never be zero", SAGMB 9 (2010).
struct two_sample_test_fn {
  using primitives = uses<ops::quadratic_forms_fn, ops::kernel_sums_fn, ops::for_rows_fn,
                          ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::two_sample_test";

  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Y>
  two_sample_test_result operator()(P const& exec, K const& kernel, X const& x, Y const& y,
                                    two_sample_test_options const& options = {}) const {
    limpid::detail::enter<two_sample_test_fn, P, X, Y>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(y);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held_x)),
               matrix_view<value_t<Y> const, P::space>(view(held_y)),
               matrix_view<double const, P::space>{}, false, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Y, real_matrix R>
  two_sample_test_result operator()(P const& exec, K const& kernel, X const& x, Y const& y,
                                    R const& redraws,
                                    two_sample_test_options const& options = {}) const {
    limpid::detail::enter<two_sample_test_fn, P, X, Y, R>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_r = limpid::detail::materialise(redraws);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held_x)),
               matrix_view<value_t<Y> const, P::space>(view(held_y)),
               matrix_view<value_t<R> const, P::space>(view(held_r)), true, options);
  }
  template <kernel_like K, real_matrix X, real_matrix Y>
  two_sample_test_result operator()(K const& kernel, X const& x, Y const& y,
                                    two_sample_test_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, y, options);
  }
  template <kernel_like K, real_matrix X, real_matrix Y, real_matrix R>
  two_sample_test_result operator()(K const& kernel, X const& x, Y const& y, R const& redraws,
                                    two_sample_test_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, y, redraws, options);
  }

 private:
  template <execution_policy P, class R>
  static void check_redraws(P const& exec, matrix_view<R const, P::space> redraws, std::size_t m,
                            std::size_t n, two_sample_test_options const& o) {
    using limpid::detail::require;
    bool const split = o.by == redraw::permutation;
    require(redraws.rows >= 1, where, "redraws has no rows; it needs at least 1");
    require(redraws.cols == (split ? m + n : n), where, "redraws has ", redraws.cols,
            " columns; it needs one for each of the ", split ? m + n : n,
            split ? " rows of x and y" : " pairs of rows");
    if (!o.validate) return;
    ops::check_finite(exec, where, "redraws", redraws);
    if (!split) return;
    auto const fault =
        ops::first_row(exec, redraws.rows, detail::split_fault<R, P::space>{redraws, m});
    require(fault.code != 1, where, "redraws row ", fault.row, " has an entry that is not 0 or 1");
    require(fault.code != 2, where, "redraws row ", fault.row, " does not deal ", m,
            " rows to x, as many as x has");
  }

  template <execution_policy P, kernel_like K, class T, class U, class R>
  static two_sample_test_result run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                                    matrix_view<U const, P::space> y,
                                    matrix_view<R const, P::space> redraws, bool given,
                                    two_sample_test_options const& o) {
    using limpid::detail::require;
    detail::check_positive(where, k);
    require(given || o.draws >= 1, where, "draws is 0; it must be at least 1");
    require(o.alpha > 0 && o.alpha < 1, where, "alpha is ", o.alpha, "; it must be in (0, 1)");
    require(o.memory > 0, where, "memory is ", o.memory, "; it must be above 0");
    detail::check_two(exec, where, 2, x, y, o.validate);
    require(o.by == redraw::permutation || x.rows == y.rows, where, "x has ", x.rows,
            " rows, y has ", y.rows, "; the wild bootstrap takes pairs of rows");
    if (given) check_redraws(exec, redraws, x.rows, y.rows, o);

    std::size_t const draws = given ? redraws.rows : o.draws, m = x.rows;
    detail::stacked<P, T> const both(exec, x, y, true);
    std::size_t const smaller = (std::min)(m, y.rows);
    std::vector<K> const kernels{k};
    detail::null_statistics<K, T, P> statistics(exec, kernels, both.view(), smaller, o.by);
    two_sample_test_result out;
    matrix<double> all(1, draws + 1);
    double const start = o.by == redraw::permutation ? 0.1 : 0;
    progress const rest = detail::stretch(o.on_progress, start, 1);
    bool done = statistics.prepare(detail::stretch(o.on_progress, 0, start));
    if (done && given)
      done = statistics.template operator()<double>(
          draws + 1,
          [&](std::size_t first, matrix_view<double, P::space> rows) {
            ops::for_rows(exec, rows.rows,
                          detail::take_rows<R, P::space>{redraws, rows, m, first,
                                                         o.by == redraw::permutation});
          },
          all.view(), rest);
    else if (done && o.by == redraw::wild_series)
      done = statistics.template operator()<double>(
          draws + 1,
          [&](std::size_t first, matrix_view<double, P::space> rows) {
            ops::for_rows(exec, rows.rows,
                          detail::draw_series<P::space>{rows, first, o.seed, o.memory});
          },
          all.view(), rest);
    else if (done)
      done = statistics.template operator()<std::int8_t>(
          draws + 1, detail::draw_redraws<P>{exec, o.by, smaller, o.seed}, all.view(), rest);
    out.stopped = !done;
    if (!done) return out;
    detail::judge(all.view().row(0), statistics.equal(0), o.alpha, out);
    return out;
  }
};
inline constexpr two_sample_test_fn two_sample_test{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_TWO_SAMPLE_TEST_HPP
