// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/hsic_test.hpp
/// Are two variables independent? By the Hilbert-Schmidt independence criterion and permutations.
#ifndef LIMPID_KERNEL_MEAN_HSIC_TEST_HPP
#define LIMPID_KERNEL_MEAN_HSIC_TEST_HPP

#include <limpid/kernel_mean/detail/dependence.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace limpid::kernel_mean {

struct hsic_test_options {
  std::size_t draws = 500;  ///< B >= 1; the p-value is at least 1 / (B + 1)
  double alpha = 0.05;      ///< level, (0, 1)
  std::uint64_t seed = 0;
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct hsic_test_result {
  double statistic = 0;                                       ///< unbiased HSIC
  double p_value = std::numeric_limits<double>::quiet_NaN();  ///< (1 + #{T_b >= T}) / (B + 1)
  double threshold =
      std::numeric_limits<double>::quiet_NaN();  ///< 1 - alpha quantile of T and all T_b
  bool reject = false;                           ///< p_value <= alpha: not independent
  vector<double> null_sample;                    ///< B, T_b
  bool stopped = false;                          ///< by on_progress: nothing else is meant
};

/// Tests that x and y, or x and labels, are independent: unbiased HSIC (see hsic) against that of B
/// random orders of y's rows. Holds its level exactly, for any kernels and n.
///
/// @param kernel_x  as in evaluate; positive semidefinite.
/// @param x         n x d, finite; n >= 4.
/// @param kernel_y  as kernel_x.
/// @param y         n x e, finite. Or
/// @param labels    n, 0..classes-1, instead of kernel_y and y: with the kernel that is 1 for equal
///                  labels and 0 for others.
/// @return hsic_test_result.
/// @throws input_error  entries that are not finite, labels out of range, too few rows, different
///         row counts, options or kernel parameters out of range, the sigmoid kernel.
///
/// Time O(n^2 (d + B e)), with labels O(n^2 (d + B classes)); memory O(n (d + 16 e)) and at most
/// about 48 MB or 256 orders at once: values of y's kernel are computed anew for each order.
/// Deterministic: draws are keyed by seed and number; bitwise the same for any number of threads.
/// T_b that equal T but for rounding count as not below it. float32 instead of float64 changes the
/// statistics by less than 1e-6 of the mean of k(x, x) l(y, y), once the rows themselves are
/// rounded. Statistics that overflow are infinite and reject nothing.
///
/// Source: Gretton, Fukumizu, Teo, Song, Schoelkopf, Smola, "A kernel statistical test of
/// independence", NIPS 2007; p-value: Phipson, Smyth, "Permutation p-values should never be zero",
/// SAGMB 9 (2010).
struct hsic_test_fn
    : detail::dependence_measure<hsic_test_fn, hsic_test_result, hsic_test_options> {
  using primitives = uses<ops::kernel_sums_fn, ops::kernel_products_fn, ops::quadratic_forms_fn,
                          ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::hsic_test";
  static constexpr std::size_t least_rows = 4;

 private:
  friend detail::dependence_measure<hsic_test_fn, hsic_test_result, hsic_test_options>;

  template <execution_policy P, class First, class Second>
  static hsic_test_result run(P const& exec, First& first, Second& second,
                              hsic_test_options const& o) {
    limpid::detail::require(o.draws >= 1, where, "draws is 0; it must be at least 1");
    limpid::detail::require(o.alpha > 0 && o.alpha < 1, where, "alpha is ", o.alpha,
                            "; it must be in (0, 1)");
    hsic_test_result out;
    detail::dependence_sums sums;
    out.stopped =
        !first.prepare(detail::stretch(o.on_progress, 0, 0.02)) ||
        !second.prepare(detail::stretch(o.on_progress, 0.02, 0.04)) ||
        !detail::sum_sides(exec, first, second, sums, detail::stretch(o.on_progress, 0.04, 0.06));
    if (out.stopped) return out;

    std::size_t const n = first.x.rows, count = o.draws + 1;
    std::size_t const strip = detail::strip_of(n, count, second.bytes_per_order());
    auto const store = ops::make_buffer<std::int32_t>(exec, strip * n);
    auto const products = ops::make_buffer<double>(exec, strip);
    auto const inner = ops::make_buffer<double>(exec, strip);
    std::vector<double> all(count);
    for (std::size_t begin = 0; begin < count; begin += strip) {
      std::size_t const some = count - begin < strip ? count - begin : strip;
      auto const orders = store.view(some, n);
      auto const part = [&](ops::buffer<double, P> const& b) {
        return vector_view<double, P::space>(b.view().data, some);
      };
      ops::for_rows(exec, some, detail::draw_order<P::space>{orders, begin, o.seed});
      double const from = 0.06 + 0.94 * static_cast<double>(begin) / static_cast<double>(count),
                   to =
                       0.06 + 0.94 * static_cast<double>(begin + some) / static_cast<double>(count);
      if (!second.products(first.k, first.x, orders, part(products),
                           detail::stretch(o.on_progress, from, to))) {
        out.stopped = true;
        return out;
      }
      ops::for_rows(exec, some,
                    detail::dot_in_order<P::space>{first.sums.view(), second.sums.view(), orders,
                                                   part(inner)});
      auto const a = ops::download(exec, part(products)), b = ops::download(exec, part(inner));
      for (std::size_t s = 0; s < some; ++s)
        all[begin + s] = detail::or_infinite(sums.unbiased(a[s], b[s]));
    }
    double const scale = sums.a_own / sums.n * sums.b_own / sums.n;
    detail::judge(vector_view<double const>(all.data(), count),
                  detail::equal_within<typename First::value> * scale, o.alpha, out);
    return out;
  }
};
inline constexpr hsic_test_fn hsic_test{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_HSIC_TEST_HPP
