// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/corrected_rows.hpp
/// The corrected losses row by row: scalar functors, and twins that take the exponentials of many
/// rows at once.
#ifndef LIMPID_TRANSITION_DETAIL_CORRECTED_ROWS_HPP
#define LIMPID_TRANSITION_DETAIL_CORRECTED_ROWS_HPP

#include <limpid/core/view.hpp>
#include <limpid/simd/math.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace limpid::transition::detail {

/// T(k, j) of row i: one T for all rows, given by its columns, so that those of a label are
/// adjacent.
template <memory_space S>
struct class_transition {
  static constexpr bool per_row = false;
  matrix_view<double const, S> column;  ///< row j: column j of T
  LIMPID_HD double operator()(std::size_t, std::size_t k, std::size_t j) const {
    return column(j, k);
  }
};

/// T(k, j) of row i: row i of an n x K*K matrix, T(x_i) row by row.
template <class N, memory_space S>
struct row_transition {
  static constexpr bool per_row = true;
  matrix_view<N const, S> t;
  std::size_t classes;
  LIMPID_HD double operator()(std::size_t i, std::size_t k, std::size_t j) const {
    return static_cast<double>(t(i, k * classes + j));
  }
};

/// Where a row's results go; no data = not asked for.
template <class U, memory_space S>
struct corrected_outputs {
  vector_view<U, S> loss;                 ///< n
  matrix_view<U, S> gradient;             ///< n x K, by the logits
  matrix_view<U, S> transition_gradient;  ///< n x K*K, by T(x_i) or its logits
};

/// Sums of every functor, before those of its own.
inline constexpr std::size_t loss_sum = 0, weight_sum = 1, lost_rows = 2, own_sums = 3;

/// e = exp(z - largest) of a few rows at a time for the twins: use(row, largest, pointer to K e).
template <class Z, class Use>
void with_exponentials(Z const& z, std::size_t begin, std::size_t end, Use const& use) {
  std::size_t const K = z.cols, fit = (std::size_t{1} << 11) / K, most = fit ? fit : 1;
  std::vector<double> e(most * K), top(most);
  for (std::size_t first = begin; first < end; first += most) {
    std::size_t const rows = end - first < most ? end - first : most;
    for (std::size_t r = 0; r < rows; ++r) {
      double largest = static_cast<double>(z(first + r, 0));
      for (std::size_t k = 0; k < K; ++k) {
        double const v = static_cast<double>(z(first + r, k));
        e[r * K + k] = v;
        largest = v > largest ? v : largest;
      }
      for (std::size_t k = 0; k < K; ++k) e[r * K + k] -= largest;
      top[r] = largest;
    }
    lanes::exp(static_cast<double const*>(e.data()), e.data(), rows * K);
    for (std::size_t r = 0; r < rows; ++r) use(first + r, top[r], e.data() + r * K);
  }
}

/// exp(z - top) where it is not at hand.
template <class T, memory_space S>
struct exponentials_of_row {
  matrix_view<T const, S> z;
  std::size_t row;
  double top;
  LIMPID_HD double operator[](std::size_t k) const {
    return std::exp(static_cast<double>(z(row, k)) - top);
  }
};

template <class T, memory_space S>
LIMPID_HD double largest_of_row(matrix_view<T const, S> z, std::size_t i) {
  double top = static_cast<double>(z(i, 0));
  for (std::size_t k = 1; k < z.cols; ++k)
    if (static_cast<double>(z(i, k)) > top) top = static_cast<double>(z(i, k));
  return top;
}

/// sum_rows: -log (softmax(z) T)_y with its gradients; sums of w loss, w, impossible labels and, if
/// asked for, the K x K sums of w d loss / d T.
template <class T, class U, class Transition, memory_space S>
struct forward_row {
  matrix_view<T const, S> z;
  vector_view<std::int32_t const, S> y;
  Transition transition;
  vector_view<double const, S> weights;
  corrected_outputs<U, S> out;
  bool class_gradient;

  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const top = largest_of_row(z, i);
    finish(i, top, exponentials_of_row<T, S>{z, i, top}, sums);
  }
  LIMPID_HD void own_rows(auto& use) {
    use(z);
    use(out.gradient);
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const {
    with_exponentials(z, begin, end,
                      [&](std::size_t i, double top, double const* e) { finish(i, top, e, sums); });
  }

 private:
  template <class E>
  LIMPID_HD void finish(std::size_t i, double top, E const& e, double* sums) const {
    std::size_t const K = z.cols, label = static_cast<std::size_t>(y[i]);
    double sum = 0, share = 0;
    for (std::size_t k = 0; k < K; ++k) {
      double const v = e[k];
      sum += v;
      share += v * transition(i, k, label);
    }
    // below that, products underflow: once more in the log domain
    bool const plain = share > 1e-280;
    double reach = 0, rest = 0;
    if (!plain)
      for (std::size_t k = 0; k < K; ++k) {
        double const t = transition(i, k, label);
        if (!(t > 0)) continue;
        double const v = static_cast<double>(z(i, k)) + std::log(t);
        if (rest == 0 || v > reach) {
          rest = rest == 0 ? 1 : rest * std::exp(reach - v) + 1;
          reach = v;
        } else {
          rest += std::exp(v - reach);
        }
      }
    bool const possible = plain || rest > 0;
    double const loss = plain      ? std::log(sum / share)
                        : possible ? top + std::log(sum) - reach - std::log(rest)
                                   : std::numeric_limits<double>::infinity();
    double const w = weights.data ? weights[i] : 1.0;
    if (possible) {
      sums[loss_sum] += w * loss;
      sums[weight_sum] += w;
    } else {
      sums[lost_rows] += 1;
    }
    if (out.loss.data) out.loss[i] = static_cast<U>(loss);
    bool const by_row = Transition::per_row && out.transition_gradient.data;
    if (by_row)
      for (std::size_t c = 0; c < K * K; ++c) out.transition_gradient(i, c) = U{0};
    if (out.gradient.data && !possible)
      for (std::size_t k = 0; k < K; ++k) out.gradient(i, k) = U{0};
    if (!possible) return;
    if (plain && out.gradient.data) {
      double const by_sum = 1 / sum, by_share = 1 / share;
      for (std::size_t k = 0; k < K; ++k)
        out.gradient(i, k) = static_cast<U>(e[k] * (by_sum - transition(i, k, label) * by_share));
    } else if (out.gradient.data) {
      for (std::size_t k = 0; k < K; ++k) {
        double const t = transition(i, k, label), v = static_cast<double>(z(i, k));
        double const r = t > 0 ? std::exp(v + std::log(t) - reach) / rest : 0.0;
        out.gradient(i, k) = static_cast<U>(e[k] / sum - r);
      }
    }
    if (!by_row && !class_gradient) return;
    for (std::size_t k = 0; k < K; ++k) {
      double const slope =
          plain ? -e[k] / share : -std::exp(static_cast<double>(z(i, k)) - reach) / rest;
      if (by_row) out.transition_gradient(i, k * K + label) = static_cast<U>(slope);
      if (class_gradient) sums[own_sums + k * K + label] += w * slope;
    }
  }
};

/// sum_rows: sum_k R(y, k) l_k with l = -log softmax(z), for the R = T^-1 of the row, with its
/// gradients; sums of w loss, w, nothing, and K of w R(y, k) l_k. Terms of classes with
/// active[k] = 0 are left out of the loss.
template <class T, class U, memory_space S>
struct backward_row {
  matrix_view<T const, S> z;
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> inverse;  ///< R; one for all rows
  vector_view<double const, S> active;   ///< K
  vector_view<double const, S> weights;
  corrected_outputs<U, S> out;

  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const top = largest_of_row(z, i);
    finish(i, top, exponentials_of_row<T, S>{z, i, top}, sums);
  }
  LIMPID_HD void own_rows(auto& use) {
    use(z);
    use(out.gradient);
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const {
    with_exponentials(z, begin, end,
                      [&](std::size_t i, double top, double const* e) { finish(i, top, e, sums); });
  }

 private:
  template <class E>
  LIMPID_HD void finish(std::size_t i, double top, E const& e, double* sums) const {
    std::size_t const K = z.cols, label = static_cast<std::size_t>(y[i]);
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += e[k];
    double const total = top + std::log(sum), w = weights.data ? weights[i] : 1.0;
    double loss = 0, mass = 0;
    for (std::size_t k = 0; k < K; ++k) {
      double const r = inverse(label, k), part = r * (total - static_cast<double>(z(i, k)));
      sums[own_sums + k] += w * part;
      loss += active[k] * part;
      mass += active[k] * r;
    }
    sums[loss_sum] += w * loss;
    sums[weight_sum] += w;
    if (out.loss.data) out.loss[i] = static_cast<U>(loss);
    if (!out.gradient.data) return;
    double const by_sum = mass / sum;
    for (std::size_t k = 0; k < K; ++k)
      out.gradient(i, k) = static_cast<U>(by_sum * e[k] - active[k] * inverse(label, k));
  }
};

/// sum_rows: w l_k of row i to the K x K sums of its label, l = -log softmax(z).
template <class T, memory_space S>
struct label_losses {
  matrix_view<T const, S> z;
  vector_view<std::int32_t const, S> y;
  vector_view<double const, S> weights;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const top = largest_of_row(z, i), w = weights.data ? weights[i] : 1.0;
    double sum = 0;
    for (std::size_t k = 0; k < z.cols; ++k) sum += std::exp(static_cast<double>(z(i, k)) - top);
    double const total = top + std::log(sum);
    double* const to = sums + static_cast<std::size_t>(y[i]) * z.cols;
    for (std::size_t k = 0; k < z.cols; ++k) to[k] += w * (total - static_cast<double>(z(i, k)));
  }
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_CORRECTED_ROWS_HPP
