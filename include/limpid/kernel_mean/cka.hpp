// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/cka.hpp
/// How alike two representations of the same rows are, whatever their widths and rotations.
#ifndef LIMPID_KERNEL_MEAN_CKA_HPP
#define LIMPID_KERNEL_MEAN_CKA_HPP

#include <limpid/kernel_mean/detail/dependence.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

namespace limpid::kernel_mean {

struct cka_options {
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct cka_result {
  double value = std::numeric_limits<double>::quiet_NaN();  ///< near 1: alike; NaN where undefined
  double hsic_xy = 0, hsic_xx = 0, hsic_yy = 0;             ///< unbiased
  bool undefined =
      false;             ///< hsic_xx or hsic_yy is not above 0: a side is constant, or too few rows
  bool stopped = false;  ///< by on_progress: nothing else is meant
};

/// Centred kernel alignment of two descriptions of the same rows,
///
///     HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)),
///
/// of unbiased HSIC (see hsic), so that wide features do not look alike merely because they are
/// wide. With linear kernels it does not see rotations and isotropic scaling of x or y.
///
/// @param kernel_x  as in evaluate; positive semidefinite.
/// @param x         n x d, finite; n >= 4.
/// @param kernel_y  as kernel_x.
/// @param y         n x e, finite. Or
/// @param labels    n, 0..classes-1, instead of kernel_y and y: with the kernel that is 1 for equal
///                  labels and 0 for others.
/// @return cka_result.
/// @throws input_error  entries that are not finite, labels out of range, too few rows, different
///         row counts, kernel parameters out of range, the sigmoid kernel.
///
/// Time O(n^2 (d + e)), with labels O(n^2 (d + classes)); memory O(n (d + e)), O(n (d + classes)).
/// Deterministic: bitwise the same for any number of threads. float32 instead of float64 changes
/// each HSIC by less than 1e-6 of the mean of its kernels' diagonals, once the rows themselves are
/// rounded.
///
/// Source: Kornblith, Norouzi, Lee, Hinton, "Similarity of neural network representations
/// revisited", ICML 2019; unbiased: Nguyen, Raghu, Kornblith, "Do wide and deep networks learn the
/// same things?", ICLR 2021.
struct cka_fn : detail::dependence_measure<cka_fn, cka_result, cka_options> {
  using primitives = uses<ops::kernel_sums_fn, ops::kernel_products_fn, ops::quadratic_forms_fn,
                          ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::cka";
  static constexpr std::size_t least_rows = 4;

 private:
  friend detail::dependence_measure<cka_fn, cka_result, cka_options>;

  template <execution_policy P, class First, class Second>
  static cka_result run(P const& exec, First& first, Second& second, cka_options const& o) {
    cka_result out;
    detail::dependence_sums xy, xx, yy;
    out.stopped =
        !first.prepare(detail::stretch(o.on_progress, 0, 0.1)) ||
        !second.prepare(detail::stretch(o.on_progress, 0.1, 0.2)) ||
        !detail::sum_sides(exec, first, second, xy, detail::stretch(o.on_progress, 0.2, 0.6)) ||
        !detail::sum_sides(exec, first, first, xx, detail::stretch(o.on_progress, 0.6, 0.8)) ||
        !with_itself(exec, second, yy, detail::stretch(o.on_progress, 0.8, 1));
    if (out.stopped) return out;
    out.hsic_xy = xy.unbiased();
    out.hsic_xx = xx.unbiased();
    out.hsic_yy = yy.unbiased();
    out.undefined = !(out.hsic_xx > 0 && out.hsic_yy > 0);
    if (!out.undefined) out.value = out.hsic_xy / std::sqrt(out.hsic_xx * out.hsic_yy);
    return out;
  }
  template <execution_policy P, class L, class U>
  static bool with_itself(P const& exec, detail::kernel_side<P, L, U> const& y,
                          detail::dependence_sums& out, progress const& told) {
    return detail::sum_sides(exec, y, y, out, told);
  }
  /// The squares of [y_i = y_j] are their sums.
  template <execution_policy P>
  static bool with_itself(P const& exec, detail::label_side<P> const& y,
                          detail::dependence_sums& out, progress const&) {
    auto const s = ops::sum_rows(exec, y.code.size, 7,
                                 detail::add_sides<P::space>{y.sums.view(), y.diagonal.view(),
                                                             y.sums.view(), y.diagonal.view()});
    out.n = static_cast<double>(y.code.size);
    out.a = out.b = out.cross = s[0];
    out.along = s[2];
    return true;
  }
};
inline constexpr cka_fn cka{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_CKA_HPP
