// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/inner_product.hpp
/// Inner products of two (weighted) kernel means, and the distance between them.
#ifndef LIMPID_KERNEL_MEAN_INNER_PRODUCT_HPP
#define LIMPID_KERNEL_MEAN_INNER_PRODUCT_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/means.hpp>
#include <limpid/ops/check.hpp>

#include <cmath>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace limpid::kernel_mean {

struct inner_product_options {
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct inner_product_result {
  double value = 0;      ///< <mu_x, mu_z>
  bool stopped = false;  ///< by on_progress: value is not meant
};

struct squared_distance_result {
  double value = 0;      ///< |mu_x - mu_z|^2, at least 0
  double distance = 0;   ///< its root
  double norm2_x = 0;    ///< |mu_x|^2
  double norm2_z = 0;    ///< |mu_z|^2
  double inner = 0;      ///< <mu_x, mu_z>
  bool stopped = false;  ///< by on_progress: nothing else is meant
};

namespace detail {

/// Two weighted samples, checked.
template <execution_policy P, class T>
struct two_means {
  matrix_view<T const, P::space> x, z;
  ops::buffer<double, P> beta, gamma;

  template <class K, class B, class G>
  two_means(P const& exec, std::string_view where, K const& k, matrix_view<T const, P::space> x_,
            vector_view<B const, P::space> weights_x, matrix_view<T const, P::space> z_,
            vector_view<G const, P::space> weights_z, bool weighted, bool validate)
      : x(x_),
        z(z_),
        beta(ops::make_buffer<double>(exec, 0)),
        gamma(ops::make_buffer<double>(exec, 0)) {
    using limpid::detail::require;
    check_kernel(where, k);
    require(x.rows >= 1, where, "x has no rows; a mean needs at least 1");
    require(z.rows >= 1, where, "z has no rows; a mean needs at least 1");
    require(x.cols == z.cols, where, "x has ", x.cols, " columns, z has ", z.cols);
    if (weighted) {
      ops::check_rows(where, "x", x.rows, "weights_x", weights_x.size);
      ops::check_rows(where, "z", z.rows, "weights_z", weights_z.size);
    }
    if (validate) {
      ops::check_finite(exec, where, "x", x);
      ops::check_finite(exec, where, "z", z);
      if (weighted) ops::check_finite(exec, where, "weights_x", weights_x);
      if (weighted) ops::check_finite(exec, where, "weights_z", weights_z);
    }
    beta = weights_or_mean(exec, weights_x, x.rows);
    gamma = weights_or_mean(exec, weights_z, z.rows);
  }
};

template <class P, class X>
using points_of = matrix_view<value_t<X> const, P::space>;

/// The overloads that both functions have; Fn::run does the work.
template <class Fn>
struct of_two_means {
  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Z>
  auto operator()(P const& exec, K const& kernel, X const& x, Z const& z,
                  inner_product_options const& options = {}) const {
    limpid::detail::enter<Fn, P, X, Z>();
    static_assert(std::is_same_v<value_t<X>, value_t<Z>>,
                  "limpid: x and z must both be float or both be double");
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_z = limpid::detail::materialise(z);
    points_of<P, X> const px = view(held_x);
    vector_view<double const, P::space> const none{};
    return Fn::run(exec, kernel,
                   two_means<P, value_t<X>>(exec, Fn::where, kernel, px, none,
                                            one_for_both(x, z, px, points_of<P, Z>(view(held_z))),
                                            none, false, options.validate),
                   options.on_progress);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_vector B, real_matrix Z,
            real_vector G>
  auto operator()(P const& exec, K const& kernel, X const& x, B const& weights_x, Z const& z,
                  G const& weights_z, inner_product_options const& options = {}) const {
    limpid::detail::enter<Fn, P, X, B, Z, G>();
    static_assert(std::is_same_v<value_t<X>, value_t<Z>>,
                  "limpid: x and z must both be float or both be double");
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_z = limpid::detail::materialise(z);
    auto&& held_b = limpid::detail::materialise(weights_x);
    auto&& held_g = limpid::detail::materialise(weights_z);
    points_of<P, X> const px = view(held_x);
    return Fn::run(exec, kernel,
                   two_means<P, value_t<X>>(exec, Fn::where, kernel, px,
                                            vector_view<value_t<B> const, P::space>(view(held_b)),
                                            one_for_both(x, z, px, points_of<P, Z>(view(held_z))),
                                            vector_view<value_t<G> const, P::space>(view(held_g)),
                                            true, options.validate),
                   options.on_progress);
  }
  template <kernel_like K, real_matrix X, real_matrix Z>
  auto operator()(K const& kernel, X const& x, Z const& z,
                  inner_product_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, z, options);
  }
  template <kernel_like K, real_matrix X, real_vector B, real_matrix Z, real_vector G>
  auto operator()(K const& kernel, X const& x, B const& weights_x, Z const& z, G const& weights_z,
                  inner_product_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, weights_x, z, weights_z, options);
  }
};

}  // namespace detail

/// The inner product of two kernel means,
///
///     <mu_x, mu_z> = sum_ij beta_i gamma_j k(x_i, z_j),    beta_i = 1 / n, gamma_j = 1 / m by
///     default.
///
/// @param kernel     kernels::gaussian(gamma) and the others of docs/kernel_mean/kernels.md, or a
///                   functor of two rows.
/// @param x          n x d, n >= 1, finite.
/// @param weights_x  n, optional, finite; any sign and sum. Given together with weights_z.
/// @param z          m x d, m >= 1, finite, of x's value type.
/// @param weights_z  m.
/// @return inner_product_result. x and z the same array: the squared norm, in half the time.
/// @throws input_error  entries that are not finite, different widths or lengths, no rows, kernel
///         parameters out of range.
///
/// Time O(n m d), memory O((n + m) d) for the tiles' packed rows: the kernel matrix is never
/// stored. Sums are kept in double. Deterministic: bitwise the same for any number of threads.
/// float32 instead of float64 changes the value by less than 1e-5 of sum_ij |beta_i gamma_j k(x_i,
/// z_j)|.
///
/// Source: Smola, Gretton, Song, Schoelkopf, "A Hilbert space embedding for distributions", ALT
/// 2007.
struct inner_product_fn : detail::of_two_means<inner_product_fn> {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::inner_product";

 private:
  friend detail::of_two_means<inner_product_fn>;
  template <execution_policy P, kernel_like K, class T>
  static inner_product_result run(P const& exec, K const& k, detail::two_means<P, T> const& m,
                                  progress const& told) {
    inner_product_result out;
    out.stopped = !detail::inner(exec, k, m.x, m.beta.view(), m.z, m.gamma.view(), told, out.value);
    return out;
  }
};
inline constexpr inner_product_fn inner_product{};

/// The squared distance between two kernel means,
///
///     |mu_x - mu_z|^2 = beta' K_xx beta - 2 beta' K_xz gamma + gamma' K_zz gamma,
///
/// set to 0 where rounding takes it below. With weights of sum 1 it is the biased estimate of the
/// squared maximum mean discrepancy.
///
/// @param kernel     as in inner_product; positive semidefinite.
/// @param x          n x d, n >= 1, finite.
/// @param weights_x  n, optional, finite; any sign and sum. Given together with weights_z.
/// @param z          m x d, m >= 1, finite, of x's value type.
/// @param weights_z  m.
/// @return squared_distance_result. 0 for a sample and itself.
/// @throws input_error  as inner_product; the sigmoid kernel.
///
/// Time O((n + m)^2 d), memory as inner_product. Deterministic: bitwise the same for any number of
/// threads. The difference of large terms: the error, rounding of float32 input too, is a share of
/// norm2_x + norm2_z (float32 below 1e-5), not of the value.
///
/// Source: Gretton et al., "A kernel two-sample test", JMLR 13 (2012), lemma 6 and equation 5.
struct squared_distance_fn : detail::of_two_means<squared_distance_fn> {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::squared_distance";

 private:
  friend detail::of_two_means<squared_distance_fn>;
  template <execution_policy P, kernel_like K, class T>
  static squared_distance_result run(P const& exec, K const& k, detail::two_means<P, T> const& m,
                                     progress const& told) {
    detail::check_positive(where, k);
    squared_distance_result out;
    auto const beta = m.beta.view(), gamma = m.gamma.view();
    auto const n = static_cast<double>(m.x.rows), q = static_cast<double>(m.z.rows);
    double const all = n * n + n * q + q * q, first = n * n / all, second = (n * n + n * q) / all;
    out.stopped = !detail::inner(exec, k, m.x, beta, m.x, beta, detail::stretch(told, 0, first),
                                 out.norm2_x) ||
                  !detail::inner(exec, k, m.x, beta, m.z, gamma,
                                 detail::stretch(told, first, second), out.inner) ||
                  !detail::inner(exec, k, m.z, gamma, m.z, gamma, detail::stretch(told, second, 1),
                                 out.norm2_z);
    if (out.stopped) return out;
    double const gap = (out.norm2_x - out.inner) + (out.norm2_z - out.inner);
    out.value = gap > 0 ? gap : 0;
    out.distance = std::sqrt(out.value);
    return out;
  }
};
inline constexpr squared_distance_fn squared_distance{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_INNER_PRODUCT_HPP
