// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/symmetric_eigen.hpp
/// Eigenvalues and eigenvectors of a small symmetric matrix: plain loops, since Eigen's solvers
/// cost seconds of compile time.
#ifndef LIMPID_TRANSITION_DETAIL_SYMMETRIC_EIGEN_HPP
#define LIMPID_TRANSITION_DETAIL_SYMMETRIC_EIGEN_HPP

#include <limpid/core/matrix.hpp>

#include <cmath>
#include <cstddef>
#include <utility>

namespace limpid::transition::detail {

struct eigen_pairs {
  vector<double> values;   ///< K, in no order
  matrix<double> vectors;  ///< K x K, orthonormal; column i belongs to values[i]
};

/// By cyclic Jacobi rotations. O(K^3) per sweep, a handful of sweeps.
inline eigen_pairs symmetric_eigen(matrix<double> a) {
  std::size_t const size = a.rows();
  auto v = matrix<double>::identity(size);
  double scale = 0;
  for (std::size_t i = 0; i < size * size; ++i) scale += a.data()[i] * a.data()[i];
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < size; ++p)
      for (std::size_t q = p + 1; q < size; ++q) off += a(p, q) * a(p, q);
    if (!(off > 1e-32 * scale)) break;
    for (std::size_t p = 0; p + 1 < size; ++p)
      for (std::size_t q = p + 1; q < size; ++q) {
        if (a(p, q) == 0) continue;
        double const zeta = (a(q, q) - a(p, p)) / (2 * a(p, q));
        double const t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::hypot(1.0, zeta));
        double const c = 1 / std::hypot(1.0, t), s = c * t;
        for (std::size_t i = 0; i < size; ++i) {
          double const x = a(i, p), y = a(i, q);
          a(i, p) = c * x - s * y;
          a(i, q) = s * x + c * y;
        }
        for (std::size_t i = 0; i < size; ++i) {
          double const x = a(p, i), y = a(q, i);
          a(p, i) = c * x - s * y;
          a(q, i) = s * x + c * y;
        }
        for (std::size_t i = 0; i < size; ++i) {
          double const x = v(i, p), y = v(i, q);
          v(i, p) = c * x - s * y;
          v(i, q) = s * x + c * y;
        }
      }
  }
  eigen_pairs out{vector<double>(size), std::move(v)};
  for (std::size_t i = 0; i < size; ++i) out.values[i] = a(i, i);
  return out;
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_SYMMETRIC_EIGEN_HPP
