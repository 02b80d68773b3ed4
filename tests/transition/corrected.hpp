// SPDX-License-Identifier: BSL-1.0
/// Inputs and oracles of the corrected losses: golden rows, and losses written as their formulas
/// say.
#ifndef LIMPID_TESTS_TRANSITION_CORRECTED_HPP
#define LIMPID_TESTS_TRANSITION_CORRECTED_HPP

#include <limpid/core/matrix.hpp>

#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace limpid_test {

struct corrected_input {
  limpid::matrix<double> z, T;
  std::vector<int> y;
};

inline corrected_input golden_corrected() {
  auto const in = golden("loss_corrections.json")["input"];
  return {to_matrix(in["logits"]), to_matrix(in["T"]), to_ints(in["labels"])};
}

/// n rows of logits, labels, and a T whose diagonal leads.
inline corrected_input make_corrected(std::size_t n, std::size_t K, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal(0, 2);
  std::uniform_real_distribution<double> u(0.05, 1);
  corrected_input in{limpid::matrix<double>(n, K), limpid::matrix<double>(K, K),
                     std::vector<int>(n)};
  for (std::size_t c = 0; c < n * K; ++c) in.z.data()[c] = normal(rng);
  for (int& label : in.y) label = static_cast<int>(rng() % K);
  for (std::size_t i = 0; i < K; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < K; ++j)
      sum += in.T(i, j) = u(rng) + (i == j ? 1.5 * static_cast<double>(K) : 0);
    for (std::size_t j = 0; j < K; ++j) in.T(i, j) /= sum;
  }
  return in;
}

inline std::vector<double> softmax_of(limpid::matrix<double> const& z, std::size_t i) {
  std::vector<double> s(z.cols());
  double sum = 0;
  for (std::size_t k = 0; k < s.size(); ++k) sum += s[k] = std::exp(z(i, k));
  for (double& v : s) v /= sum;
  return s;
}

/// -log (softmax(z_i) T)_y.
inline double forward_by_hand(limpid::matrix<double> const& z, std::size_t i,
                              limpid::matrix<double> const& T, int y) {
  auto const s = softmax_of(z, i);
  double u = 0;
  for (std::size_t k = 0; k < s.size(); ++k) u += s[k] * T(k, static_cast<std::size_t>(y));
  return -std::log(u);
}

/// One T per row: that of `in`, each row of it mixed with the flat law by a share of its own.
inline limpid::matrix<double> row_transitions(corrected_input const& in, double most = 0.4) {
  std::size_t const n = in.z.rows(), K = in.z.cols();
  limpid::matrix<double> t(n, K * K);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < K * K; ++c) {
      double const share = most * static_cast<double>(i % 7) / 7;
      t(i, c) = (1 - share) * in.T.data()[c] + share / static_cast<double>(K);
    }
  return t;
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_TRANSITION_CORRECTED_HPP
