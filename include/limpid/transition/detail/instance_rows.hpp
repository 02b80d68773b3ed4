// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/instance_rows.hpp
/// The loss of a row whose transition matrix is given by logits: scalar functor and twin.
#ifndef LIMPID_TRANSITION_DETAIL_INSTANCE_ROWS_HPP
#define LIMPID_TRANSITION_DETAIL_INSTANCE_ROWS_HPP

#include <limpid/core/view.hpp>
#include <limpid/simd/math.hpp>
#include <limpid/transition/detail/corrected_rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::transition::detail {

/// sum_rows: -log (softmax(z) T)_y, T's rows the softmaxes of K logits each, with its gradients;
/// one sum, of the loss. `total` is scratch: log sum exp of each row of A.
template <class T, class N, class U, memory_space S>
struct instance_row {
  matrix_view<T const, S> z;
  vector_view<std::int32_t const, S> y;
  matrix_view<N const, S> a;
  matrix_view<double, S> total;  ///< n x K
  corrected_outputs<U, S> out;

  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const K = z.cols;
    for (std::size_t k = 0; k < K; ++k) {
      double top = static_cast<double>(a(i, k * K)), sum = 0;
      for (std::size_t j = 1; j < K; ++j)
        top =
            static_cast<double>(a(i, k * K + j)) > top ? static_cast<double>(a(i, k * K + j)) : top;
      for (std::size_t j = 0; j < K; ++j)
        sum += std::exp(static_cast<double>(a(i, k * K + j)) - top);
      total(i, k) = top + std::log(sum);
    }
    finish(i, sums);
    if (!out.transition_gradient.data) return;
    double const reach = label_reach(i);
    for (std::size_t k = 0; k < K; ++k) {
      double const r = responsibility(i, k, reach);
      for (std::size_t j = 0; j < K; ++j)
        out.transition_gradient(i, k * K + j) =
            static_cast<U>(r * std::exp(static_cast<double>(a(i, k * K + j)) - total(i, k)) -
                           (j == static_cast<std::size_t>(y[i]) ? r : 0.0));
    }
  }

  /// The exponentials of A are taken once, a row of data at a time.
  void rows(std::size_t begin, std::size_t end, double* sums) const {
    std::size_t const K = z.cols;
    std::vector<double> e(K * K), top(K), sum(K);
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t k = 0; k < K; ++k) {
        double* const row = e.data() + k * K;
        double most = static_cast<double>(a(i, k * K));
        for (std::size_t j = 0; j < K; ++j) {
          row[j] = static_cast<double>(a(i, k * K + j));
          most = row[j] > most ? row[j] : most;
        }
        for (std::size_t j = 0; j < K; ++j) row[j] -= most;
        top[k] = most;
      }
      lanes::exp(static_cast<double const*>(e.data()), e.data(), K * K);
      for (std::size_t k = 0; k < K; ++k) {
        double const* const row = e.data() + k * K;
        sum[k] = 0;
        for (std::size_t j = 0; j < K; ++j) sum[k] += row[j];
        total(i, k) = top[k] + std::log(sum[k]);
      }
      finish(i, sums);
      if (!out.transition_gradient.data) continue;
      double const reach = label_reach(i);
      auto const label = static_cast<std::size_t>(y[i]);
      for (std::size_t k = 0; k < K; ++k) {
        double const r = responsibility(i, k, reach), share = r / sum[k];
        double const* const row = e.data() + k * K;
        for (std::size_t j = 0; j < K; ++j)
          out.transition_gradient(i, k * K + j) =
              static_cast<U>(share * row[j] - (j == label ? r : 0.0));
      }
    }
  }

 private:
  /// z_k + log T(k, y).
  LIMPID_HD double joint(std::size_t i, std::size_t k) const {
    return static_cast<double>(z(i, k)) +
           static_cast<double>(a(i, k * z.cols + static_cast<std::size_t>(y[i]))) - total(i, k);
  }
  /// log sum_k exp(joint).
  LIMPID_HD double label_reach(std::size_t i) const {
    double top = joint(i, 0), sum = 0;
    for (std::size_t k = 1; k < z.cols; ++k) top = joint(i, k) > top ? joint(i, k) : top;
    for (std::size_t k = 0; k < z.cols; ++k) sum += std::exp(joint(i, k) - top);
    return top + std::log(sum);
  }
  LIMPID_HD double responsibility(std::size_t i, std::size_t k, double reach) const {
    return std::exp(joint(i, k) - reach);
  }
  LIMPID_HD void finish(std::size_t i, double* sums) const {
    double const top = largest_of_row(z, i), reach = label_reach(i);
    double sum = 0;
    for (std::size_t k = 0; k < z.cols; ++k) sum += std::exp(static_cast<double>(z(i, k)) - top);
    double const all = top + std::log(sum), loss = all - reach;
    sums[0] += loss;
    if (out.loss.data) out.loss[i] = static_cast<U>(loss);
    if (!out.gradient.data) return;
    for (std::size_t k = 0; k < z.cols; ++k)
      out.gradient(i, k) = static_cast<U>(std::exp(static_cast<double>(z(i, k)) - all) -
                                          responsibility(i, k, reach));
  }
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_INSTANCE_ROWS_HPP
