// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/row_inverse.hpp
/// The backward-corrected loss of a row with a T of its own, inverted in scratch.
#ifndef LIMPID_TRANSITION_DETAIL_ROW_INVERSE_HPP
#define LIMPID_TRANSITION_DETAIL_ROW_INVERSE_HPP

#include <limpid/core/view.hpp>
#include <limpid/transition/detail/corrected_rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace limpid::transition::detail {

/// Inverts the K x K matrix at `a` in place, by elimination with row pivots; `moved`: K doubles.
/// False if a pivot is 0.
LIMPID_HD inline bool invert_in_place(double* a, double* moved, std::size_t K) {
  for (std::size_t k = 0; k < K; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < K; ++i)
      if (std::abs(a[i * K + k]) > std::abs(a[pivot * K + k])) pivot = i;
    if (!(std::abs(a[pivot * K + k]) > 0)) return false;
    moved[k] = static_cast<double>(pivot);
    for (std::size_t j = 0; j < K && pivot != k; ++j) {
      double const held = a[k * K + j];
      a[k * K + j] = a[pivot * K + j];
      a[pivot * K + j] = held;
    }
    double const scale = 1 / a[k * K + k];
    a[k * K + k] = 1;
    for (std::size_t j = 0; j < K; ++j) a[k * K + j] *= scale;
    for (std::size_t i = 0; i < K; ++i) {
      if (i == k) continue;
      double const factor = a[i * K + k];
      a[i * K + k] = 0;
      for (std::size_t j = 0; j < K; ++j) a[i * K + j] -= factor * a[k * K + j];
    }
  }
  for (std::size_t k = K; k-- > 0;) {
    auto const other = static_cast<std::size_t>(moved[k]);
    for (std::size_t i = 0; i < K && other != k; ++i) {
      double const held = a[i * K + k];
      a[i * K + k] = a[i * K + other];
      a[i * K + other] = held;
    }
  }
  return true;
}

/// The largest sum of absolute values of a column, and of a row.
LIMPID_HD inline double column_norm(double const* a, std::size_t K) {
  double most = 0;
  for (std::size_t j = 0; j < K; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < K; ++i) sum += std::abs(a[i * K + j]);
    most = sum > most ? sum : most;
  }
  return most;
}
LIMPID_HD inline double row_norm(double const* a, std::size_t K) {
  double most = 0;
  for (std::size_t i = 0; i < K; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < K; ++j) sum += std::abs(a[i * K + j]);
    most = sum > most ? sum : most;
  }
  return most;
}

struct own_row_state {
  double loss = 0, weight = 0, condition = 1, amplification = 1;
  std::size_t refused = static_cast<std::size_t>(-1);  ///< the first row, in the block
};
struct merge_own_rows {
  LIMPID_HD void operator()(own_row_state& a, own_row_state const& b) const {
    a.loss += b.loss;
    a.weight += b.weight;
    a.condition = b.condition > a.condition ? b.condition : a.condition;
    a.amplification = b.amplification > a.amplification ? b.amplification : a.amplification;
    a.refused = b.refused < a.refused ? b.refused : a.refused;
  }
};

/// fold_rows over rows first + r. `scratch` row: K x K, then 3 K.
template <class T, class N, class U, memory_space S>
struct backward_own_row {
  matrix_view<T const, S> z;
  vector_view<std::int32_t const, S> y;
  matrix_view<N const, S> t;
  vector_view<double const, S> weights;
  corrected_outputs<U, S> out;
  std::size_t first;
  double max_condition;
  matrix_view<double, S> scratch;
  vector_view<double, S> fault;  ///< condition of a row that was refused

  LIMPID_HD void operator()(std::size_t r, own_row_state& state) const {
    std::size_t const K = z.cols, i = first + r, label = static_cast<std::size_t>(y[i]);
    double* const a = &scratch(r, 0);
    double* const losses = a + K * K;
    double* const all = losses + K;  // R l
    for (std::size_t c = 0; c < K * K; ++c) a[c] = static_cast<double>(t(i, c));
    double const norm = column_norm(a, K);
    bool const possible = invert_in_place(a, all + K, K);
    double condition =
        possible ? norm * column_norm(a, K) : std::numeric_limits<double>::infinity();
    if (condition < 1) condition = 1;
    if (!(condition <= max_condition)) {
      fault[r] = condition;
      if (r < state.refused) state.refused = r;
      return;
    }
    double const top = largest_of_row(z, i), w = weights.data ? weights[i] : 1.0;
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += std::exp(static_cast<double>(z(i, k)) - top);
    double const total = top + std::log(sum);
    for (std::size_t k = 0; k < K; ++k) losses[k] = total - static_cast<double>(z(i, k));
    for (std::size_t k = 0; k < K; ++k) {
      all[k] = 0;
      for (std::size_t j = 0; j < K; ++j) all[k] += a[k * K + j] * losses[j];
    }
    state.loss += w * all[label];
    state.weight += w;
    if (condition > state.condition) state.condition = condition;
    double const amplified = row_norm(a, K);
    if (amplified > state.amplification) state.amplification = amplified;
    if (out.loss.data) out.loss[i] = static_cast<U>(all[label]);
    if (out.gradient.data) {
      double mass = 0;
      for (std::size_t k = 0; k < K; ++k) mass += a[label * K + k];
      for (std::size_t k = 0; k < K; ++k)
        out.gradient(i, k) = static_cast<U>(mass * std::exp(-losses[k]) - a[label * K + k]);
    }
    if (out.transition_gradient.data)
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = 0; j < K; ++j)
          out.transition_gradient(i, k * K + j) = static_cast<U>(-a[label * K + k] * all[j]);
  }
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_ROW_INVERSE_HPP
