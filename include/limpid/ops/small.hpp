// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/small.hpp
/// Small dense algebra on the host, K x K in double: plain loops, since Eigen's decompositions cost
/// seconds of compile time.
#ifndef LIMPID_OPS_SMALL_HPP
#define LIMPID_OPS_SMALL_HPP

#include <limpid/core/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

namespace limpid::ops {

/// An inverse and how far to trust it.
struct inverse_result {
  matrix<double> inverse;  ///< empty if singular
  /// |A|_1 |A^-1|_1 >= 1; infinite if singular
  double condition = std::numeric_limits<double>::infinity();
};

/// Inverse of a square matrix by elimination with row pivots. O(K^3).
inline inverse_result invert(matrix<double> a) {
  std::size_t const size = a.rows();
  auto const norm = [size](matrix<double> const& m) {
    double largest = 0;
    for (std::size_t j = 0; j < size; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < size; ++i) sum += std::abs(m(i, j));
      largest = (std::max)(largest, sum);
    }
    return largest;
  };
  double const norm_a = norm(a);
  auto inverse = matrix<double>::identity(size);
  for (std::size_t k = 0; k < size; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < size; ++i)
      if (std::abs(a(i, k)) > std::abs(a(pivot, k))) pivot = i;
    if (!(std::abs(a(pivot, k)) > 0)) return {};
    if (pivot != k) {
      std::swap_ranges(&a(k, 0), &a(k, 0) + size, &a(pivot, 0));
      std::swap_ranges(&inverse(k, 0), &inverse(k, 0) + size, &inverse(pivot, 0));
    }
    double const scale = 1 / a(k, k);
    for (std::size_t j = 0; j < size; ++j) {
      a(k, j) *= scale;
      inverse(k, j) *= scale;
    }
    for (std::size_t i = 0; i < size; ++i) {
      double const factor = a(i, k);
      if (i == k || factor == 0) continue;
      for (std::size_t j = k; j < size; ++j) a(i, j) -= factor * a(k, j);
      for (std::size_t j = 0; j < size; ++j) inverse(i, j) -= factor * inverse(k, j);
    }
  }
  double const condition = size ? norm_a * norm(inverse) : 1;
  if (!(condition < std::numeric_limits<double>::infinity())) return {};
  return {std::move(inverse), (std::max)(condition, 1.0)};
}

/// The lower factor L of a = L L', in place on and below the diagonal, which alone is read; false
/// if `a` is not positive definite. O(K^3).
inline bool cholesky(matrix<double>& a) {
  std::size_t const size = a.rows();
  for (std::size_t j = 0; j < size; ++j) {
    double pivot = a(j, j);
    for (std::size_t c = 0; c < j; ++c) pivot -= a(j, c) * a(j, c);
    if (!(pivot > 0)) return false;
    pivot = std::sqrt(pivot);
    a(j, j) = pivot;
    for (std::size_t i = j + 1; i < size; ++i) {
      double sum = a(i, j);
      for (std::size_t c = 0; c < j; ++c) sum -= a(i, c) * a(j, c);
      a(i, j) = sum / pivot;
    }
  }
  return true;
}

/// The inverse of a lower triangle with no 0 on its diagonal, in place; what is above is left.
/// O(K^3).
inline void invert_lower(matrix<double>& l) {
  std::size_t const size = l.rows();
  for (std::size_t j = 0; j < size; ++j) {
    l(j, j) = 1 / l(j, j);
    for (std::size_t i = j + 1; i < size; ++i) {
      double sum = 0;
      for (std::size_t c = j; c < i; ++c) sum -= l(i, c) * l(c, j);
      l(i, j) = sum / l(i, i);
    }
  }
}

/// Singular values of rows x cols, rows >= cols, descending, by one-sided Jacobi rotations: small
/// ones are accurate relative to themselves. O(rows cols^2) per sweep, a handful of sweeps.
inline vector<double> singular_values(matrix<double> a) {
  std::size_t const rows = a.rows(), cols = a.cols();
  bool rotated = true;
  for (int sweep = 0; rotated && sweep < 60; ++sweep) {
    rotated = false;
    for (std::size_t p = 0; p + 1 < cols; ++p)
      for (std::size_t q = p + 1; q < cols; ++q) {
        double pp = 0, qq = 0, pq = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          pp += a(i, p) * a(i, p);
          qq += a(i, q) * a(i, q);
          pq += a(i, p) * a(i, q);
        }
        if (std::abs(pq) <= 1e-15 * std::sqrt(pp * qq) || pq == 0) continue;
        rotated = true;
        double const zeta = (qq - pp) / (2 * pq);
        double const t = (zeta >= 0 ? 1 : -1) / (std::abs(zeta) + std::hypot(1.0, zeta));
        double const c = 1 / std::hypot(1.0, t), s = c * t;
        for (std::size_t i = 0; i < rows; ++i) {
          double const x = a(i, p), y = a(i, q);
          a(i, p) = c * x - s * y;
          a(i, q) = s * x + c * y;
        }
      }
  }
  vector<double> values(cols);
  for (std::size_t j = 0; j < cols; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < rows; ++i) sum += a(i, j) * a(i, j);
    values[j] = std::sqrt(sum);
  }
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

/// The first two rows whose entries differ by at most `tolerance`, which make a matrix singular.
inline std::optional<std::pair<std::size_t, std::size_t>> equal_rows(matrix<double> const& a,
                                                                     double tolerance = 1e-9) {
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t r = i + 1; r < a.rows(); ++r) {
      std::size_t j = 0;
      while (j < a.cols() && std::abs(a(i, j) - a(r, j)) <= tolerance) ++j;
      if (j == a.cols()) return std::pair{i, r};
    }
  return std::nullopt;
}

struct recovered_distribution {
  vector<double> q;  ///< K, a distribution
  int iterations = 0;
  bool converged = false;
};

/// The distribution q whose image q T is nearest to p in Kullback-Leibler divergence: q_k <- q_k
/// sum_j p_j T(k, j) / (q T)_j. Never negative, whatever T; unique if T has full rank. Stops when
/// no entry moves by more than `tolerance`.
inline recovered_distribution recover_distribution(matrix<double> const& T, vector<double> const& p,
                                                   double tolerance = 1e-12,
                                                   int max_iterations = 10000) {
  std::size_t const size = T.rows();
  recovered_distribution r;
  r.q = vector<double>(size, 1 / static_cast<double>(size));
  while (!r.converged && r.iterations < max_iterations) {
    vector<double> ratio(T.cols());
    for (std::size_t j = 0; j < T.cols(); ++j) {
      double image = 0;
      for (std::size_t k = 0; k < size; ++k) image += r.q[k] * T(k, j);
      ratio[j] = image > 0 ? p[j] / image : 0;
    }
    double moved = 0, sum = 0;
    vector<double> next(size);
    for (std::size_t k = 0; k < size; ++k) {
      for (std::size_t j = 0; j < T.cols(); ++j) next[k] += r.q[k] * T(k, j) * ratio[j];
      sum += next[k];
    }
    if (!(sum > 0)) break;
    for (std::size_t k = 0; k < size; ++k) {
      moved = (std::max)(moved, std::abs(next[k] / sum - r.q[k]));
      r.q[k] = next[k] / sum;
    }
    r.converged = moved <= tolerance;
    ++r.iterations;
  }
  return r;
}

}  // namespace limpid::ops

#endif  // LIMPID_OPS_SMALL_HPP
