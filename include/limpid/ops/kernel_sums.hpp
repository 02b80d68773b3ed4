// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/kernel_sums.hpp
/// Kernels, and kernel matrix times vectors: tiles consumed at once, the kernel matrix never
/// stored.
#ifndef LIMPID_OPS_KERNEL_SUMS_HPP
#define LIMPID_OPS_KERNEL_SUMS_HPP

#include <limpid/core/error.hpp>
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

/// One kernel k(x, z) of a family, with that family's parameters; r = |x - z|_2 / length.
struct kernel_part {
  enum class family {
    linear,                ///< x.z
    polynomial,            ///< (gamma x.z + offset)^degree
    gaussian,              ///< exp(-gamma |x - z|_2^2)
    laplacian,             ///< exp(-gamma |x - z|_1)
    matern12,              ///< exp(-r), also called the L2 Laplacian
    matern32,              ///< (1 + sqrt3 r) exp(-sqrt3 r)
    matern52,              ///< (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r)
    inverse_multiquadric,  ///< (offset^2 + r^2)^(-exponent)
    rational_quadratic,    ///< (1 + r^2 / (2 exponent))^(-exponent)
    cauchy,                ///< 1 / (1 + r^2)
    sigmoid,               ///< tanh(gamma x.z + offset): not positive semidefinite
    combination            ///< of kernel_function alone: its parts say what it is
  } kind = family::gaussian;
  double gamma = 1;     ///< > 0
  double offset = 0;    ///< polynomial: >= 0; inverse_multiquadric: > 0; sigmoid: any
  unsigned degree = 1;  ///< >= 1
  double length = 1;    ///< > 0, of the rows' unit
  double exponent = 1;  ///< > 0

  LIMPID_HD constexpr bool of_products() const {
    return kind == family::linear || kind == family::polynomial || kind == family::sigmoid;
  }

  /// From x.z, |x - z|_2^2 and |x - z|_1.
  LIMPID_HD double value(double dot, double squared, double absolute) const {
    double const r2 = squared / length / length;
    switch (kind) {
      case family::linear:
        return dot;
      case family::gaussian:
        return std::exp(-gamma * squared);
      case family::laplacian:
        return std::exp(-gamma * absolute);
      case family::matern12:
        return std::exp(-std::sqrt(r2));
      case family::matern32: {
        double const r = bounded(std::sqrt(3 * r2));
        return (1 + r) * std::exp(-r);
      }
      case family::matern52: {
        double const r = bounded(std::sqrt(5 * r2));
        return (1 + r + r * r / 3) * std::exp(-r);
      }
      case family::inverse_multiquadric:
        return std::pow(offset * offset + r2, -exponent);
      case family::rational_quadratic:
        return std::pow(1 + r2 / (2 * exponent), -exponent);
      case family::cauchy:
        return 1 / (1 + r2);
      case family::sigmoid:
        return std::tanh(gamma * dot + offset);
      case family::polynomial:
      case family::combination:
        break;
    }
    double const base = gamma * dot + offset;
    double power = 1;
    for (unsigned p = 0; p < degree; ++p) power *= base;
    return power;
  }

 private:
  static LIMPID_HD double bounded(double r) {
    return r < 1e4 ? r : 1e4;
  }  // 0 times infinity is NaN
};

/// The kernel k(x, z). Make one by `kernels::gaussian(gamma)` and friends, and from those by
/// `k1 + k2`, `k1 * k2`, `2.0 * k` and kernels::power, kernels::normalised: at most 8 parts, after
/// products are multiplied out.
struct kernel_function : kernel_part {
  struct term : kernel_part {
    double factor = 1;
    bool times = false;  ///< multiplies the term before, else is added
  };
  static constexpr unsigned most_parts = 8;
  unsigned count = 0;       ///< of parts; 0: not a combination
  bool normalised = false;  ///< divided by sqrt(k(x, x) k(z, z)); then `scale` counts
  double scale = 1;         ///< of a normalised kernel
  term parts[most_parts]{};

  LIMPID_HD constexpr bool is_combination() const { return kind == family::combination; }

  /// k(x, z) of two rows, in double.
  template <class A, class B>
  LIMPID_HD double operator()(A const& x, B const& z) const {
    bool dots = of_products(), sizes = kind == family::laplacian, gaps = !dots && !sizes;
    if (is_combination()) {
      gaps = false;
      for (unsigned p = 0; p < count; ++p) {
        bool const dot = parts[p].of_products(), size = parts[p].kind == family::laplacian;
        dots = dots || dot;
        sizes = sizes || size;
        gaps = gaps || !(dot || size);
      }
    }
    double squared = 0, absolute = 0;
    if (gaps)
      for (std::size_t c = 0; c < x.size; ++c) {
        double const gap = static_cast<double>(x[c]) - static_cast<double>(z[c]);
        squared += gap * gap;
      }
    if (sizes)
      for (std::size_t c = 0; c < x.size; ++c) {
        double const gap = static_cast<double>(x[c]) - static_cast<double>(z[c]);
        absolute += gap < 0 ? -gap : gap;
      }
    double const k = plain(dots ? product_of(x, z) : 0, squared, absolute);
    return normalised ? k * row_factor(x) * row_factor(z) * scale : k;
  }

  /// k(x, x).
  template <class A>
  LIMPID_HD double diagonal(A const& x) const {
    double const k = plain(product_of(x, x), 0, 0);
    return !normalised ? k : k > 0 ? scale : 0;
  }

  /// Of `normalised`, what both rows are multiplied by: 1 / sqrt(k(x, x)), 0 where that is 0.
  template <class A>
  LIMPID_HD double row_factor(A const& x) const {
    double const own = plain(product_of(x, x), 0, 0);
    return own > 0 ? 1 / std::sqrt(own) : 0;
  }

  /// k depends on x - z alone.
  constexpr bool is_translation_invariant() const {
    if (!is_combination()) return !of_products();
    for (unsigned p = 0; p < count; ++p)
      if (parts[p].of_products()) return false;
    return true;
  }
  /// k is positive semidefinite, if its parameters are in range.
  constexpr bool positive() const {
    if (!is_combination()) return kind != family::sigmoid;
    for (unsigned p = 0; p < count; ++p)
      if (parts[p].kind == family::sigmoid) return false;
    return true;
  }

 private:
  template <class A, class B>
  static LIMPID_HD double product_of(A const& x, B const& z) {
    double dot = 0;
    for (std::size_t c = 0; c < x.size; ++c)
      dot += static_cast<double>(x[c]) * static_cast<double>(z[c]);
    return dot;
  }
  LIMPID_HD double plain(double dot, double squared, double absolute) const {
    if (kind != family::combination) return value(dot, squared, absolute);
    double sum = 0, product = 0;
    for (unsigned p = 0; p < count; ++p) {
      double const v = parts[p].factor * parts[p].value(dot, squared, absolute);
      if (!parts[p].times) sum += product;
      product = parts[p].times ? product * v : v;
    }
    return sum + product;
  }
};

/// What kernel sums are taken of: kernel_function, or a functor of two rows (`size`, `[c]`) of
/// either type, copied to the device where the policy is one.
template <class K>
concept kernel_like = std::copyable<K> && requires(K const& k, vector_view<float const> x,
                                                   vector_view<double const> z) {
  { k(x, x) } -> std::convertible_to<double>;
  { k(z, z) } -> std::convertible_to<double>;
};

/// k(x, x).
template <kernel_like K, class A>
LIMPID_HD double diagonal_of(K const& k, A const& x) {
  if constexpr (requires { k.diagonal(x); })
    return k.diagonal(x);
  else
    return k(x, x);
}

namespace detail {

constexpr void add_part(kernel_function& to, kernel_function::term const& part) {
  if (to.count == kernel_function::most_parts)
    fail("kernels: the combination has more than ", kernel_function::most_parts,
         " parts once its products are multiplied out");
  to.parts[to.count++] = part;
}

/// A kernel alone as a combination of one part.
constexpr kernel_function as_combination(kernel_function const& k) {
  if (k.is_combination()) return k;
  kernel_function out;
  out.kind = kernel_part::family::combination;
  kernel_function::term part;
  static_cast<kernel_part&>(part) = k;
  add_part(out, part);
  return out;
}

}  // namespace detail

/// factor k; factor > 0.
constexpr kernel_function operator*(double factor, kernel_function const& k) {
  if (!(factor > 0 && factor - factor == 0))
    detail::fail("kernels: factor is ", factor, "; it must be above 0 and finite");
  kernel_function out = detail::as_combination(k);
  out.scale *= factor;
  for (unsigned p = 0; p < out.count && !out.normalised; ++p)
    if (!out.parts[p].times) out.parts[p].factor *= factor;
  if (!out.normalised) out.scale = 1;
  return out;
}
constexpr kernel_function operator*(kernel_function const& k, double factor) {
  return factor * k;
}

/// The sum k1 + k2.
constexpr kernel_function operator+(kernel_function const& a, kernel_function const& b) {
  if (a.normalised || b.normalised)
    detail::fail("kernels: a normalised kernel cannot be added to another");
  kernel_function out = detail::as_combination(a);
  kernel_function const more = detail::as_combination(b);
  for (unsigned p = 0; p < more.count; ++p) detail::add_part(out, more.parts[p]);
  return out;
}

/// The product k1 k2.
constexpr kernel_function operator*(kernel_function const& a, kernel_function const& b) {
  if (a.normalised != b.normalised)
    detail::fail("kernels: a normalised kernel can be multiplied by a normalised kernel only");
  kernel_function const left = detail::as_combination(a), right = detail::as_combination(b);
  kernel_function out;
  out.kind = kernel_part::family::combination;
  out.normalised = a.normalised;
  out.scale = left.scale * right.scale;
  for (unsigned i = 0; i < left.count;) {
    unsigned i_end = i + 1;
    while (i_end < left.count && left.parts[i_end].times) ++i_end;
    for (unsigned j = 0; j < right.count; ++j) {
      if (!right.parts[j].times)  // each product of the right begins with the whole one of the left
        for (unsigned p = i; p < i_end; ++p) detail::add_part(out, left.parts[p]);
      kernel_function::term part = right.parts[j];
      part.times = true;
      detail::add_part(out, part);
    }
    i = i_end;
  }
  return out;
}

namespace kernels {

namespace detail {
constexpr kernel_function make(kernel_part const& part) {
  kernel_function k;
  static_cast<kernel_part&>(k) = part;
  return k;
}
}  // namespace detail

using family = kernel_part::family;

constexpr kernel_function linear() {
  return detail::make({family::linear, 1, 0, 1, 1, 1});
}
constexpr kernel_function polynomial(unsigned degree, double gamma = 1, double offset = 1) {
  return detail::make({family::polynomial, gamma, offset, degree, 1, 1});
}
constexpr kernel_function gaussian(double gamma) {
  return detail::make({family::gaussian, gamma, 0, 1, 1, 1});
}
constexpr kernel_function laplacian(double gamma) {
  return detail::make({family::laplacian, gamma, 0, 1, 1, 1});
}
constexpr kernel_function matern12(double length) {
  return detail::make({family::matern12, 1, 0, 1, length, 1});
}
constexpr kernel_function matern32(double length) {
  return detail::make({family::matern32, 1, 0, 1, length, 1});
}
constexpr kernel_function matern52(double length) {
  return detail::make({family::matern52, 1, 0, 1, length, 1});
}
constexpr kernel_function inverse_multiquadric(double length = 1, double offset = 1,
                                               double exponent = 0.5) {
  return detail::make({family::inverse_multiquadric, 1, offset, 1, length, exponent});
}
constexpr kernel_function rational_quadratic(double length = 1, double exponent = 1) {
  return detail::make({family::rational_quadratic, 1, 0, 1, length, exponent});
}
constexpr kernel_function cauchy(double length = 1) {
  return detail::make({family::cauchy, 1, 0, 1, length, 1});
}
constexpr kernel_function sigmoid(double gamma, double offset = 0) {
  return detail::make({family::sigmoid, gamma, offset, 1, 1, 1});
}

/// k^p, p >= 1.
constexpr kernel_function power(kernel_function const& k, unsigned p) {
  if (p < 1) limpid::detail::fail("kernels::power: p is 0; it must be at least 1");
  kernel_function out = k;
  for (unsigned i = 1; i < p; ++i) out = out * k;
  return out;
}

/// k(x, z) / sqrt(k(x, x) k(z, z)), 0 where that root is 0: normalised(linear()) is the cosine. The
/// result may be scaled, and multiplied by another normalised kernel.
constexpr kernel_function normalised(kernel_function const& k) {
  kernel_function out = limpid::detail::as_combination(k);
  out.normalised = true;
  out.scale = 1;
  return out;
}

}  // namespace kernels

namespace ops::detail {

/// A kernel as the lanes take it.
struct lanes_kernel {
  lanes::kernel parts[kernel_function::most_parts];
  std::size_t count = 1;
  bool of_differences = false;  ///< some part: rows are centred first
  static_assert(kernel_function::most_parts <= lanes::most_kernels);

  explicit lanes_kernel(kernel_function const& k) {
    if (k.is_combination()) count = k.count;
    for (unsigned p = 0; p < count; ++p) {
      kernel_part const& part =
          k.is_combination() ? k.parts[p] : static_cast<kernel_part const&>(k);
      parts[p] = translated(part);
      parts[p].factor = k.is_combination() ? k.parts[p].factor : 1;
      parts[p].times = k.is_combination() && k.parts[p].times;
      of_differences = of_differences || !part.of_products();
    }
  }

 private:
  static lanes::kernel translated(kernel_part const& k) {
    using from = kernel_part::family;
    using to = lanes::kernel_kind;
    double const inverse = 1 / k.length, square = inverse / k.length;
    lanes::kernel out;
    out.gamma = k.gamma;
    out.c0 = k.offset;
    out.degree = static_cast<int>(k.degree);
    out.power = k.exponent;
    switch (k.kind) {
      case from::linear:
        out.kind = to::linear;
        break;
      case from::polynomial:
        out.kind = to::polynomial;
        break;
      case from::sigmoid:
        out.kind = to::sigmoid;
        break;
      case from::laplacian:
        out.kind = to::laplacian_l1;
        break;
      case from::gaussian:
      case from::combination:
        out.kind = to::gaussian;
        break;
      case from::matern12:
        out.kind = to::laplacian_l2, out.gamma = inverse;
        break;
      case from::matern32:
        out.kind = to::matern32, out.gamma = inverse * std::sqrt(3.0);
        break;
      case from::matern52:
        out.kind = to::matern52, out.gamma = inverse * std::sqrt(5.0);
        break;
      case from::inverse_multiquadric:
        out.kind = to::rational, out.gamma = square, out.c0 = k.offset * k.offset;
        break;
      case from::rational_quadratic:
        out.kind = to::rational, out.gamma = square / (2 * k.exponent), out.c0 = 1;
        break;
      case from::cauchy:
        out.kind = to::rational, out.gamma = square, out.c0 = 1, out.power = 1;
        break;
    }
    return out;
  }
};

/// Packed, less their means where the kernel depends on differences: float32 is useless far from
/// the origin.
template <class T>
lanes::packed_rows<T> pack_references(lanes_kernel const& k, matrix_view<T const> x) {
  std::vector<double> mean(k.of_differences ? x.cols : 0);
  if (k.of_differences) {
    for (std::size_t j = 0; j < x.rows; ++j)
      for (std::size_t c = 0; c < x.cols; ++c) mean[c] += static_cast<double>(x(j, c));
    for (double& c : mean) c /= static_cast<double>(x.rows);
  }
  return lanes::pack_rows(x.data, x.rows, x.cols, x.row_stride, x.col_stride,
                          k.of_differences ? mean.data() : nullptr);
}

template <class V>
bool same_rows(V const& a, V const& b) {
  return a.data == b.data && a.rows == b.rows && a.cols == b.cols && a.row_stride == b.row_stride &&
         a.col_stride == b.col_stride;
}

inline constexpr std::size_t query_tile = 256;   ///< rows, of the vectorised kernels
inline constexpr std::size_t functor_tile = 16;  ///< rows that share a pass over the references

struct tile_range {
  std::size_t begin, end;
  tile_range(std::size_t t, std::size_t size, std::size_t rows)
      : begin(t * size), end(begin + size < rows ? begin + size : rows) {}
};
inline std::size_t tiles_for(std::size_t rows, std::size_t size) {
  return (rows + size - 1) / size;
}

}  // namespace ops::detail

}  // namespace limpid

namespace limpid::ops {

/// kernel_sums(exec, k, queries n x d, references m x d, weights m x b, out n x b, on_progress) ->
/// false if stopped. out(i, c) = sum_j weights(j, c) k(query i, reference j). Sums are kept in
/// double. `weights` with no data pointer: all 1, b = 1. O(n m (d + b)) time, half of it where
/// queries and references are one view and b = 1; O(m (d + b)) memory. Any number of columns at
/// once: each kernel value is computed once.
struct kernel_sums_fn {
  template <execution_policy P, kernel_like K, class T, memory_space S>
  bool operator()(P const& exec, K const& k, matrix_view<T const, S> queries,
                  matrix_view<T const, S> references, matrix_view<double const, S> weights,
                  matrix_view<double, S> out, progress const* on_progress = nullptr) const {
    return kernel<kernel_sums_fn, P>::run(exec, k, queries, references, weights, out, on_progress);
  }

  template <host_policy P, kernel_like K, class T>
  static bool host(P const& exec, K const& k, matrix_view<T const> queries,
                   matrix_view<T const> references, matrix_view<double const> weights,
                   matrix_view<double> out, progress const* on_progress) {
    if constexpr (P::vectorised && std::is_same_v<K, kernel_function>)
      return tiles(exec, k, queries, references, weights, out, on_progress);
    else
      return in_steps(exec, detail::tiles_for(queries.rows, detail::functor_tile), on_progress,
                      [&](std::size_t t) {
                        detail::tile_range const rows(t, detail::functor_tile, queries.rows);
                        for (std::size_t i = rows.begin; i < rows.end; ++i)
                          for (std::size_t c = 0; c < out.cols; ++c) out(i, c) = 0;
                        for (std::size_t j = 0; j < references.rows; ++j)
                          for (std::size_t i = rows.begin; i < rows.end; ++i) {
                            double const value = k(queries.row(i), references.row(j));
                            for (std::size_t c = 0; c < out.cols; ++c)
                              out(i, c) += value * (weights.data ? weights(j, c) : 1.0);
                          }
                      });
  }

 private:
  template <host_policy P, class T>
  static bool tiles(P const& exec, kernel_function const& k, matrix_view<T const> queries,
                    matrix_view<T const> references, matrix_view<double const> weights,
                    matrix_view<double> out, progress const* on_progress) {
    std::size_t const n = queries.rows, m = references.rows, sides = out.cols;
    bool const weighted = weights.data || k.normalised;
    std::vector<double> packed_weights(weighted ? m * sides : 0);
    if (weighted)
      for (std::size_t j = 0; j < m; ++j) {
        double const by = k.normalised ? k.scale * k.row_factor(references.row(j)) : 1;
        for (std::size_t c = 0; c < sides; ++c)
          packed_weights[j * sides + c] = by * (weights.data ? weights(j, c) : 1);
      }
    detail::lanes_kernel const what(k);
    auto const packed = detail::pack_references(what, references);
    double const* const w = weighted ? packed_weights.data() : nullptr;
    auto const by = [&](std::size_t i) { return k.normalised ? k.row_factor(queries.row(i)) : 1; };
    if (sides == 1 && detail::same_rows(queries, references)) {
      lanes::own_kernel_sums<T> const both(packed, what.parts, what.count, w);
      if (!in_pairs(exec, both.blocks(), on_progress,
                    [&](std::size_t a, std::size_t b) { both.pair(a, b); }))
        return false;
      for (std::size_t i = 0; i < n; ++i) out(i, 0) = by(i) * both.sums()[i];
      return true;
    }
    lanes::kernel_references<T> const weighted_rows(packed, what.parts, what.count, w, sides);
    return in_steps(
        exec, detail::tiles_for(n, detail::query_tile), on_progress, [&](std::size_t t) {
          detail::tile_range const rows(t, detail::query_tile, n);
          std::vector<double> sums((rows.end - rows.begin) * sides);
          lanes::kernel_sums_block(weighted_rows, queries.data, queries.row_stride,
                                   queries.col_stride, rows.begin, rows.end, sums.data());
          for (std::size_t i = rows.begin; i < rows.end; ++i)
            for (std::size_t c = 0; c < sides; ++c)
              out(i, c) = by(i) * sums[(i - rows.begin) * sides + c];
        });
  }
};
inline constexpr kernel_sums_fn kernel_sums{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_KERNEL_SUMS_HPP
