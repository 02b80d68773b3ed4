// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/knn_accuracy.hpp
/// How much label noise a majority of neighbours stands, by theory.
#ifndef LIMPID_NOISE_KNN_ACCURACY_HPP
#define LIMPID_NOISE_KNN_ACCURACY_HPP

#include <limpid/core/error.hpp>
#include <limpid/core/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

namespace limpid::noise {

/// P(the majority of k noisy labels of one class names it), a tie being broken at random:
///
///     sum over counts n of k: multinomial(n; k, T(own, .)) [n_own = max n] / #{c: n_c = max n}.
///
/// The accuracy of a k-nearest-neighbour classifier where all neighbours are of the true class:
/// uniform noise is outvoted until T(own, own) is no longer the row's largest entry, biased noise
/// only up to half.
///
/// @param row  K probabilities, row `own` of T; their sum is 1.
/// @param own  The class; 0..K-1.
/// @param k    Neighbours, 1 to 1000.
/// @throws input_error  on a row that is no distribution, own or k out of range.
/// @par Complexity   O(K k^3) time.
inline double knn_accuracy(vector<double> const& row, std::size_t own, std::size_t k) {
  constexpr std::string_view name = "noise::knn_accuracy";
  using limpid::detail::require;
  std::size_t const K = row.size();
  require(own < K, name, "own is ", own, "; the row has ", K, " classes");
  require(k >= 1 && k <= 1000, name, "k is ", k, "; it must be 1 to 1000");
  double sum = 0;
  for (double p : row) {
    require(p >= 0 && p <= 1, name, "row has the entry ", p, "; it must be in [0, 1]");
    sum += p;
  }
  require(std::abs(sum - 1) <= 1e-3, name, "row sums to ", sum, "; it must be a distribution");
  std::vector<double> log_factorial(k + 1);
  for (std::size_t a = 1; a <= k; ++a)
    log_factorial[a] = log_factorial[a - 1] + std::log(static_cast<double>(a));
  double correct = 0;
  for (std::size_t m = 1; m <= k && row[own] > 0; ++m) {
    // way(s, t): classes so far have s labels together, none more than m, and t of them exactly m;
    // weights are those of a Poisson law with mean k p, which keeps them in range
    std::size_t const rest = k - m, most_ties = (std::min)(rest / m, K - 1);
    matrix<double> way(rest + 1, most_ties + 1);
    way(0, 0) = 1;
    auto const weight = [&](std::size_t j, std::size_t a) {
      double const mean = static_cast<double>(k) * row[j];
      if (mean == 0) return a == 0 ? 1.0 : 0.0;
      return std::exp(static_cast<double>(a) * std::log(mean) - mean - log_factorial[a]);
    };
    for (std::size_t j = 0; j < K; ++j) {
      if (j == own) continue;
      matrix<double> next(rest + 1, most_ties + 1);
      for (std::size_t a = 0; a <= m && a <= rest; ++a) {
        double const w = weight(j, a);
        if (w == 0) continue;
        std::size_t const tie = a == m;
        for (std::size_t s = 0; s + a <= rest; ++s)
          for (std::size_t t = 0; t + tie <= most_ties; ++t) next(s + a, t + tie) += w * way(s, t);
      }
      way = next;
    }
    for (std::size_t t = 0; t <= most_ties; ++t)
      correct += weight(own, m) * way(rest, t) / static_cast<double>(t + 1);
  }
  // out of the Poisson law's total, k: its probability is k^k e^-k / k!
  double const kk = static_cast<double>(k);
  return correct / std::exp(kk * std::log(kk) - kk * sum - log_factorial[k]);
}

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_KNN_ACCURACY_HPP
