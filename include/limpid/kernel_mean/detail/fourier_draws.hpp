// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/fourier_draws.hpp
/// Draws from the spectral distribution of a translation-invariant kernel.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_FOURIER_DRAWS_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_FOURIER_DRAWS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>
#include <limpid/ops/kernel_sums.hpp>

#include <boost/random/gamma_distribution.hpp>
#include <boost/random/normal_distribution.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid::kernel_mean::detail {

/// One frequency w = sqrt(variance) g + rate c, g of independent normals, c of independent Cauchy
/// variables: every kernel of |x - z|_2 here is a mixture of Gaussian kernels, and the frequencies
/// of a product of kernels add up.
struct frequency_law {
  double variance = 0, rate = 0;

  void multiply(kernel_part const& k, random_stream& draw) {
    using family = kernel_part::family;
    double const narrow = 1 / (k.length * k.length);
    // E exp(-s r) = (1 + r / a)^-a for s = Gamma(a) / a
    auto const gamma = [&](double shape) {
      return boost::random::gamma_distribution<double>(shape)(draw);
    };
    switch (k.kind) {
      case family::gaussian:
        variance += 2 * k.gamma;
        return;
      case family::laplacian:
        rate += k.gamma;
        return;
      case family::matern12:
        variance += narrow * 0.5 / gamma(0.5);
        return;
      case family::matern32:
        variance += narrow * 1.5 / gamma(1.5);
        return;
      case family::matern52:
        variance += narrow * 2.5 / gamma(2.5);
        return;
      case family::rational_quadratic:
        variance += narrow * gamma(k.exponent) / k.exponent;
        return;
      case family::cauchy:
        variance += 2 * narrow * gamma(1);
        return;
      case family::inverse_multiquadric:
        variance += 2 * narrow / (k.offset * k.offset) * gamma(k.exponent);
        return;
      case family::linear:
      case family::polynomial:
      case family::sigmoid:
      case family::combination:
        return;
    }
  }
};

/// The law of one frequency: of a sum of kernels, that of an addend drawn by its value at 0.
inline frequency_law draw_law(kernel_function const& k, random_stream& draw) {
  frequency_law out;
  if (!k.is_combination()) {
    out.multiply(k, draw);
    return out;
  }
  auto const product = [&](unsigned p, unsigned& end) {
    double value = 1;
    end = p;
    do {
      value *= k.parts[end].factor * k.parts[end].value(0, 0, 0);
      ++end;
    } while (end < k.count && k.parts[end].times);
    return value;
  };
  double total = 0;
  for (unsigned p = 0, end = 0; p < k.count; p = end) total += product(p, end);
  double left = draw.uniform() * total;
  for (unsigned p = 0, end = 0; p < k.count; p = end) {
    left -= product(p, end);
    if (left > 0 && end < k.count) continue;
    for (unsigned f = p; f < end; ++f) out.multiply(k.parts[f], draw);
    return out;
  }
  return out;
}

inline bool has_laplacian(kernel_function const& k) {
  if (!k.is_combination()) return k.kind == kernel_part::family::laplacian;
  for (unsigned p = 0; p < k.count; ++p)
    if (k.parts[p].kind == kernel_part::family::laplacian) return true;
  return false;
}

/// The rows of g made orthonormal, each in the order given (Gram and Schmidt): the rows of Q' where
/// g' = Q R, diag(R) > 0. Rows of normals are independent with probability 1.
inline void orthonormalise_rows(matrix<double>& g) {
  for (std::size_t r = 0; r < g.rows(); ++r) {
    double* const row = g.data() + r * g.cols();
    for (std::size_t q = 0; q < r; ++q) {
      double const* const before = g.data() + q * g.cols();
      double dot = 0;
      for (std::size_t c = 0; c < g.cols(); ++c) dot += row[c] * before[c];
      for (std::size_t c = 0; c < g.cols(); ++c) row[c] -= dot * before[c];
    }
    double norm = 0;
    for (std::size_t c = 0; c < g.cols(); ++c) norm += row[c] * row[c];
    for (std::size_t c = 0; c < g.cols(); ++c) row[c] /= std::sqrt(norm);
  }
}

}  // namespace limpid::kernel_mean::detail

#endif  // LIMPID_KERNEL_MEAN_DETAIL_FOURIER_DRAWS_HPP
