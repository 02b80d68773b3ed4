// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/recover_rows.hpp
/// P(true | x) of a row from P(given | x) and T, and with the given label.
#ifndef LIMPID_TRANSITION_DETAIL_RECOVER_ROWS_HPP
#define LIMPID_TRANSITION_DETAIL_RECOVER_ROWS_HPP

#include <limpid/core/view.hpp>
#include <limpid/transition/detail/corrected_rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid::transition::detail {

/// The nearest point of the probability simplex, in place: entries below a shift become 0, the
/// others lose it. The shift rises as entries fall out (Michelot); K passes at most, a few in
/// practice.
LIMPID_HD inline void onto_simplex(double* v, std::size_t K) {
  double shift = -1e300;
  for (;;) {
    double sum = 0, count = 0;
    for (std::size_t k = 0; k < K; ++k)
      if (v[k] > shift) {
        sum += v[k];
        count += 1;
      }
    double const next = (sum - 1) / count;
    if (!(next > shift)) break;
    shift = next;
  }
  for (std::size_t k = 0; k < K; ++k) v[k] = v[k] > shift ? v[k] - shift : 0.0;
}

/// How P(true | x) is found.
enum class recover_rule { least_squares, em, inverse, known };

struct recover_state {
  std::size_t not_converged = 0, outside = 0, impossible = 0;
  double misfit = 0;
};
struct merge_recovered {
  LIMPID_HD void operator()(recover_state& a, recover_state const& b) const {
    a.not_converged += b.not_converged;
    a.outside += b.outside;
    a.impossible += b.impossible;
    a.misfit += b.misfit;
  }
};

/// fold_rows over rows first + r. `scratch` row: 5 K.
template <class T, class U, class Transition, memory_space S>
struct recover_row {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;  ///< no data: without labels
  Transition transition;
  matrix_view<double const, S>
      inverse;  ///< R, where p R is asked for or may do; no data: it may not
  recover_rule rule;
  std::size_t first, max_iterations;
  double tolerance;
  matrix_view<U, S> out;
  vector_view<double, S> misfit;
  matrix_view<double, S> scratch;

  LIMPID_HD void operator()(std::size_t r, recover_state& state) const {
    std::size_t const K = p.cols, i = first + r;
    double* const q = &scratch(r, 0);
    bool done = true;
    if (rule == recover_rule::known)
      for (std::size_t k = 0; k < K; ++k) q[k] = read(i, k);
    else if (rule == recover_rule::em)
      done = expectation_maximisation(i, q);
    else
      done = least_squares(i, q);
    if (!done) ++state.not_converged;
    if (rule != recover_rule::known) {
      double* const image = q + 4 * K;
      send(i, q, image);
      double gap = 0;
      for (std::size_t j = 0; j < K; ++j) gap += std::abs(image[j] - read(i, j));
      misfit[i] = gap;
      state.misfit += gap;
      if (gap > 1e-3) ++state.outside;
    }
    if (y.data) {
      auto const label = static_cast<std::size_t>(y[i]);
      double sum = 0;
      for (std::size_t k = 0; k < K; ++k) sum += q[k] * transition(i, k, label);
      if (sum > 0)
        for (std::size_t k = 0; k < K; ++k) q[k] = q[k] * transition(i, k, label) / sum;
      else
        ++state.impossible;
    }
    for (std::size_t k = 0; k < K; ++k) out(i, k) = static_cast<U>(q[k]);
  }

 private:
  /// Entries within rounding of 0 may be below it.
  LIMPID_HD double read(std::size_t i, std::size_t k) const {
    auto const v = static_cast<double>(p(i, k));
    return v > 0 ? v : 0.0;
  }
  /// to = q T
  LIMPID_HD void send(std::size_t i, double const* q, double* to) const {
    for (std::size_t j = 0; j < p.cols; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < p.cols; ++k) sum += q[k] * transition(i, k, j);
      to[j] = sum;
    }
  }
  /// to = d T'
  LIMPID_HD void pull(std::size_t i, double const* d, double* to) const {
    for (std::size_t k = 0; k < p.cols; ++k) to[k] = 0;
    for (std::size_t j = 0; j < p.cols; ++j)
      for (std::size_t k = 0; k < p.cols; ++k) to[k] += d[j] * transition(i, k, j);
  }

  /// |q T - p|^2 over the simplex: p R where that lies in it, else projected gradient steps with
  /// momentum, started anew where the momentum points uphill.
  LIMPID_HD bool least_squares(std::size_t i, double* q) const {
    std::size_t const K = p.cols;
    double *const before = q + K, *const at = q + 2 * K, *const slope = q + 3 * K,
                  *const image = q + 4 * K;
    bool inside = inverse.data != nullptr;
    for (std::size_t k = 0; k < K; ++k) q[k] = inside ? 0.0 : read(i, k);
    if (inside) {
      for (std::size_t j = 0; j < K; ++j) {
        double const v = read(i, j);
        for (std::size_t k = 0; k < K; ++k) q[k] += v * inverse(j, k);
      }
      for (std::size_t k = 0; k < K; ++k) inside = inside && q[k] >= 0;
    }
    onto_simplex(q, K);
    if (inside || rule == recover_rule::inverse) return true;
    double steepest = 0;  // |T|_1 |T|_inf, no less than the largest eigenvalue of T T'
    for (std::size_t j = 0; j < K; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < K; ++k) sum += transition(i, k, j);
      if (sum > steepest) steepest = sum;
    }
    for (std::size_t k = 0; k < K; ++k) at[k] = q[k];
    double pace = 1;
    for (std::size_t step = 0; step < max_iterations; ++step) {
      send(i, at, image);
      for (std::size_t j = 0; j < K; ++j) image[j] -= read(i, j);
      pull(i, image, slope);
      for (std::size_t k = 0; k < K; ++k) {
        before[k] = q[k];
        q[k] = at[k] - slope[k] / steepest;
      }
      onto_simplex(q, K);
      double moved = 0, uphill = 0;
      for (std::size_t k = 0; k < K; ++k) {
        double const gap = std::abs(q[k] - at[k]);
        if (gap > moved) moved = gap;
        uphill += (at[k] - q[k]) * (q[k] - before[k]);
      }
      if (moved <= tolerance) return true;
      double const faster = (1 + std::sqrt(1 + 4 * pace * pace)) / 2;
      double const share = uphill > 0 ? 0.0 : (pace - 1) / faster;
      pace = uphill > 0 ? 1 : faster;
      for (std::size_t k = 0; k < K; ++k) at[k] = q[k] + share * (q[k] - before[k]);
    }
    return false;
  }

  /// q_k <- q_k sum_j p_j T(k, j) / (q T)_j
  LIMPID_HD bool expectation_maximisation(std::size_t i, double* q) const {
    std::size_t const K = p.cols;
    double *const factor = q + K, *const image = q + 2 * K;
    for (std::size_t k = 0; k < K; ++k) q[k] = 1 / static_cast<double>(K);
    for (std::size_t step = 0; step < max_iterations; ++step) {
      send(i, q, image);
      for (std::size_t j = 0; j < K; ++j) image[j] = image[j] > 0 ? read(i, j) / image[j] : 0.0;
      pull(i, image, factor);
      double sum = 0, moved = 0;
      for (std::size_t k = 0; k < K; ++k) sum += q[k] * factor[k];
      if (!(sum > 0)) return false;
      for (std::size_t k = 0; k < K; ++k) {
        double const next = q[k] * factor[k] / sum, gap = std::abs(next - q[k]);
        if (gap > moved) moved = gap;
        q[k] = next;
      }
      if (moved <= tolerance) return true;
    }
    return false;
  }
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_RECOVER_ROWS_HPP
