// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/means.hpp
/// Weighted samples as elements of the kernel's space, and their inner products.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_MEANS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_MEANS_HPP

#include <limpid/ops/kernel_sums.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>

namespace limpid::kernel_mean::detail {

/// One part of the whole work, [from, to], as its own progress; empty where `all` is.
inline progress stretch(progress const& all, double from, double to) {
  if (!all) return {};
  return [&all, from, to](double f) { return all(from + (to - from) * f); };
}

/// An expression given as both samples is evaluated to two arrays; one serves both, so that the
/// sums are those of an array given twice, to the bit.
template <class X, class Z, class VX, class VZ>
VZ one_for_both(X const& x, Z const& z, VX const& px, VZ const& pz) {
  if constexpr (std::is_same_v<X, Z>)
    if (std::addressof(x) == std::addressof(z)) return px;
  return pz;
}

template <class W, memory_space S>
struct spread_weights {
  vector_view<W const, S> from;  ///< no data: all `value`
  double value;
  vector_view<double, S> to;
  LIMPID_HD void operator()(std::size_t i) const {
    to[i] = from.data ? static_cast<double>(from[i]) : value;
  }
};

/// The weights in double; 1 / rows each where there are none.
template <execution_policy P, class W>
ops::buffer<double, P> weights_or_mean(P const& exec, vector_view<W const, P::space> weights,
                                       std::size_t rows) {
  auto out = ops::make_buffer<double>(exec, rows);
  ops::for_rows(exec, rows,
                spread_weights<W, P::space>{weights, 1 / static_cast<double>(rows), out.view()});
  return out;
}

template <memory_space S>
struct add_product {
  vector_view<double const, S> a, b;  ///< b without data: all 1
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += b.data ? a[i] * b[i] : a[i];
  }
};

template <class K, class T, memory_space S>
struct add_diagonal {
  K k;
  matrix_view<T const, S> x;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += diagonal_of(k, x.row(i));
  }
};

/// value = sum_ij beta_i k(x_i, z_j) gamma_j; false if stopped. beta without data: all 1.
template <execution_policy P, kernel_like K, class T>
bool inner(P const& exec, K const& k, matrix_view<T const, P::space> x,
           std::type_identity_t<vector_view<double const, P::space>> beta,
           matrix_view<T const, P::space> z,
           std::type_identity_t<vector_view<double const, P::space>> gamma, progress const& told,
           double& value) {
  auto const sums = ops::make_buffer<double>(exec, x.rows);
  matrix_view<double const, P::space> const weights(gamma.data, gamma.size, 1, gamma.stride, 1);
  if (!ops::kernel_sums(exec, k, x, z, weights, sums.view(x.rows, 1), &told)) return false;
  value = ops::sum_rows(exec, x.rows, 1, add_product<P::space>{sums.view(), beta})[0];
  return true;
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_MEANS_HPP
