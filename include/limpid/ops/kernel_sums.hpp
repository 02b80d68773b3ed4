// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/kernel_sums.hpp
/// Kernel matrix times vectors: tiles of inner products consumed at once, the kernel matrix never stored.
#ifndef LIMPID_OPS_KERNEL_SUMS_HPP
#define LIMPID_OPS_KERNEL_SUMS_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/policy.hpp>
#include <limpid/ops/pairs.hpp>
#include <limpid/ops/steps.hpp>
#include <limpid/simd/kernel_sums.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace limpid {

/// The kernel k(x, z), with its parameters named. Make one by `kernels::gaussian(gamma)` and friends.
struct kernel_function {
  enum class family { linear, polynomial, gaussian, laplacian } kind = family::gaussian;
  double gamma = 1;      ///< > 0. gaussian: exp(-gamma |x-z|_2^2); laplacian: exp(-gamma |x-z|_1); polynomial: (gamma x.z + offset)^degree
  double offset = 0;     ///< >= 0, polynomial only
  unsigned degree = 1;   ///< >= 1, polynomial only

  /// k(x, z) of two rows, in double.
  template <class A, class B>
  LIMPID_HD double operator()(A const& x, B const& z) const {
    double dot = 0, squared = 0, absolute = 0;
    for (std::size_t c = 0; c < x.size; ++c) {
      double const a = static_cast<double>(x[c]), b = static_cast<double>(z[c]), gap = a - b;
      dot += a * b;
      squared += gap * gap;
      absolute += gap < 0 ? -gap : gap;
    }
    switch (kind) {
      case family::linear: return dot;
      case family::gaussian: return std::exp(-gamma * squared);
      case family::laplacian: return std::exp(-gamma * absolute);
      case family::polynomial: break;
    }
    double const base = gamma * dot + offset;
    double power = 1;
    for (unsigned p = 0; p < degree; ++p) power *= base;
    return power;
  }
};

/// What kernel sums are taken of: kernel_function, or a functor of two rows (`size`, `[c]`) of either
/// type, copied to the device where the policy is one.
template <class K>
concept kernel_like = std::copyable<K> && requires(K const& k, vector_view<float const> x, vector_view<double const> z) {
  { k(x, x) } -> std::convertible_to<double>;
  { k(z, z) } -> std::convertible_to<double>;
};

namespace kernels {
constexpr kernel_function linear() { return {kernel_function::family::linear, 1, 0, 1}; }
constexpr kernel_function gaussian(double gamma) { return {kernel_function::family::gaussian, gamma, 0, 1}; }
constexpr kernel_function laplacian(double gamma) { return {kernel_function::family::laplacian, gamma, 0, 1}; }
constexpr kernel_function polynomial(unsigned degree, double gamma = 1, double offset = 1) {
  return {kernel_function::family::polynomial, gamma, offset, degree};
}
}  // namespace kernels

}  // namespace limpid

namespace limpid::ops {

/// kernel_sums(exec, k, queries n x d, references m x d, weights m x b, out n x b, on_progress) -> false if stopped.
/// out(i, c) = sum_j weights(j, c) k(query i, reference j). Sums are kept in double. `weights` with no data pointer: all 1, b = 1.
/// O(n m d) time, half of it where queries and references are one view, b = 1 and the kernel is not polynomial; O(m (d + b)) memory.
struct kernel_sums_fn {
  template <execution_policy P, kernel_like K, class T, memory_space S>
  bool operator()(P const& exec, K const& k, matrix_view<T const, S> queries,
                  matrix_view<T const, S> references, matrix_view<double const, S> weights, matrix_view<double, S> out,
                  progress const* on_progress = nullptr) const {
    return kernel<kernel_sums_fn, P>::run(exec, k, queries, references, weights, out, on_progress);
  }

  template <host_policy P, kernel_like K, class T>
  static bool host(P const& exec, K const& k, matrix_view<T const> queries,
                   matrix_view<T const> references, matrix_view<double const> weights, matrix_view<double> out,
                   progress const* on_progress) {
    if constexpr (P::vectorised && std::is_same_v<K, kernel_function>)
      return tiles(exec, k, queries, references, weights, out, on_progress);
    else
      return in_steps(exec, queries.rows, on_progress, [&](std::size_t i) {
        for (std::size_t c = 0; c < out.cols; ++c) out(i, c) = 0;
        for (std::size_t j = 0; j < references.rows; ++j) {
          double const value = k(queries.row(i), references.row(j));
          for (std::size_t c = 0; c < out.cols; ++c) out(i, c) += value * (weights.data ? weights(j, c) : 1.0);
        }
      });
  }

 private:
  static constexpr std::size_t query_tile = 256;

  static lanes::kernel translated(kernel_function const& k) {
    using from = kernel_function::family;
    auto const kind = k.kind == from::linear       ? lanes::kernel_kind::linear
                      : k.kind == from::polynomial ? lanes::kernel_kind::polynomial
                      : k.kind == from::gaussian   ? lanes::kernel_kind::gaussian
                                                   : lanes::kernel_kind::laplacian_l1;
    return {kind, k.gamma, k.offset, static_cast<int>(k.degree)};
  }

  template <host_policy P, class T>
  static bool tiles(P const& exec, kernel_function const& k, matrix_view<T const> queries,
                    matrix_view<T const> references, matrix_view<double const> weights, matrix_view<double> out,
                    progress const* on_progress) {
    bool const moves = k.kind == kernel_function::family::gaussian || k.kind == kernel_function::family::laplacian;
    std::size_t const n = queries.rows, m = references.rows, d = queries.cols, sides = out.cols;
    std::vector<double> mean(d), packed_weights(weights.data ? m * sides : 0);
    for (std::size_t j = 0; moves && j < m; ++j)
      for (std::size_t c = 0; c < d; ++c) mean[c] += static_cast<double>(references(j, c));
    for (double& c : mean) c /= static_cast<double>(m);
    for (std::size_t j = 0; weights.data && j < m; ++j)
      for (std::size_t c = 0; c < sides; ++c) packed_weights[j * sides + c] = weights(j, c);
    auto const packed = lanes::pack_rows(references.data, m, d, references.row_stride, references.col_stride,
                                         moves ? mean.data() : nullptr);
    double const* const w = weights.data ? packed_weights.data() : nullptr;
    bool const own = queries.data == references.data && n == m && queries.row_stride == references.row_stride &&
                     queries.col_stride == references.col_stride;
    if (own && sides == 1 && k.kind != kernel_function::family::polynomial) {
      lanes::own_kernel_sums<T> const both(packed, translated(k), w);
      if (!in_pairs(exec, both.blocks(), on_progress, [&](std::size_t a, std::size_t b) { both.pair(a, b); })) return false;
      for (std::size_t i = 0; i < n; ++i) out(i, 0) = both.sums()[i];
      return true;
    }
    lanes::kernel_references<T> const weighted(packed, translated(k), w, sides);
    return in_steps(exec, (n + query_tile - 1) / query_tile, on_progress, [&](std::size_t t) {
      std::size_t const begin = t * query_tile, end = begin + query_tile < n ? begin + query_tile : n;
      std::vector<double> sums((end - begin) * sides);
      lanes::kernel_sums_block(weighted, queries.data, queries.row_stride, queries.col_stride, begin, end, sums.data());
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t c = 0; c < sides; ++c) out(i, c) = sums[(i - begin) * sides + c];
    });
  }
};
inline constexpr kernel_sums_fn kernel_sums{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_KERNEL_SUMS_HPP
