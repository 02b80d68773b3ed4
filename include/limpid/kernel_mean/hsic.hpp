// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/hsic.hpp
/// How much two variables depend on each other, by the Hilbert-Schmidt independence criterion.
#ifndef LIMPID_KERNEL_MEAN_HSIC_HPP
#define LIMPID_KERNEL_MEAN_HSIC_HPP

#include <limpid/kernel_mean/detail/dependence.hpp>

#include <cstddef>
#include <limits>
#include <string_view>

namespace limpid::kernel_mean {

struct hsic_options {
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct hsic_result {
  double unbiased =
      std::numeric_limits<double>::quiet_NaN();  ///< may be negative; NaN below 4 rows
  double biased = 0;     ///< tr(KHLH) / n^2, >= 0 but for rounding; others divide by (n - 1)^2
  bool stopped = false;  ///< by on_progress: nothing else is meant
};

/// The Hilbert-Schmidt independence criterion of pairs (x_i, y_i): the squared distance of the
/// joint distribution's kernel mean from that of the product of the margins, 0 where they are
/// independent. With K and L the kernel matrices, H = I - 11'/n, and ~ for a diagonal of zeros:
///
///     biased    tr(K H L H) / n^2
///     unbiased  [tr(K~ L~) + (1'K~1)(1'L~1) / ((n-1)(n-2)) - 2 / (n-2) 1'K~ L~1] / (n(n-3))
///
/// @param kernel_x  as in evaluate; positive semidefinite.
/// @param x         n x d, finite; n >= 2.
/// @param kernel_y  as kernel_x.
/// @param y         n x e, finite. Or
/// @param labels    n, 0..classes-1, instead of kernel_y and y: with the kernel that is 1 for equal
///                  labels and 0 for others.
/// @return hsic_result.
/// @throws input_error  entries that are not finite, labels out of range, too few rows, different
///         row counts, kernel parameters out of range, the sigmoid kernel.
///
/// Time O(n^2 (d + e)), with labels O(n^2 (d + classes)); memory O(n (d + e)), O(n (d + classes)):
/// no n x n matrix. Deterministic: bitwise the same for any number of threads. float32 instead of
/// float64 changes the values by less than 1e-6 of the mean of k(x, x) l(y, y), once the rows
/// themselves are rounded.
///
/// Source: Gretton, Bousquet, Smola, Schoelkopf, "Measuring statistical dependence with
/// Hilbert-Schmidt norms", ALT 2005; unbiased: Song, Smola, Gretton, Bedo, Borgwardt, "Feature
/// selection via dependence maximization", JMLR 13 (2012).
struct hsic_fn : detail::dependence_measure<hsic_fn, hsic_result, hsic_options> {
  using primitives = uses<ops::kernel_sums_fn, ops::kernel_products_fn, ops::quadratic_forms_fn,
                          ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::hsic";
  static constexpr std::size_t least_rows = 2;

 private:
  friend detail::dependence_measure<hsic_fn, hsic_result, hsic_options>;

  template <execution_policy P, class First, class Second>
  static hsic_result run(P const& exec, First& first, Second& second, hsic_options const& o) {
    hsic_result out;
    detail::dependence_sums sums;
    out.stopped =
        !first.prepare(detail::stretch(o.on_progress, 0, 0.25)) ||
        !second.prepare(detail::stretch(o.on_progress, 0.25, 0.5)) ||
        !detail::sum_sides(exec, first, second, sums, detail::stretch(o.on_progress, 0.5, 1));
    if (out.stopped) return out;
    out.biased = sums.biased();
    if (first.x.rows >= 4) out.unbiased = sums.unbiased();
    return out;
  }
};
inline constexpr hsic_fn hsic{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_HSIC_HPP
