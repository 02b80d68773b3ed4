// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/random_transition.hpp
/// Random transition matrices with a given rate, or a given trace: what estimators of T are tried
/// on.
#ifndef LIMPID_NOISE_RANDOM_TRANSITION_HPP
#define LIMPID_NOISE_RANDOM_TRANSITION_HPP

#include <limpid/core/error.hpp>
#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>
#include <limpid/noise/detail/draw.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::noise {

/// Options of random_transition.
struct random_transition_options {
  double rate = 0.2;  ///< [0, 1): mean over the classes of P(the label changes), met exactly
  double concentration =
      1;  ///< > 0, of the rows' Dirichlet law: large = rows alike, small = few targets
  std::size_t attempts = 1000;  ///< >= 1, draws until no flip rate is above 1
  std::uint64_t seed = 0;
};
/// What random_transition returns.
struct random_transition_result {
  matrix<double> transition;  ///< K x K, row-stochastic
  std::size_t attempts = 0;   ///< draws used
  /// no draw would do: every class flips at `rate`, to the last draw's targets
  bool equal_rates = false;
};

/// Options of transition_with_trace.
struct trace_options {
  double trace =
      0;  ///< (0, K]: sum of the diagonal, met exactly; K minus it is the sum of flip rates
  double min_diagonal = 0;  ///< [0, trace / K]: no class keeps less
  double max_rate = 1;      ///< (0, 1]: no entry off the diagonal above it
  double zero_share =
      0;  ///< [0, 1): share of the entries off the diagonal that are 0, rounded down
  vector<double> prior = {};  ///< K, P(true); empty: all alike. For `valid`.
  bool valid = true;          ///< draw until P(true k, given k) > P(true k) P(given k) for every k
  std::size_t attempts = 1000;  ///< >= 1
  std::uint64_t seed = 0;
};
/// What transition_with_trace returns.
struct trace_result {
  matrix<double> transition;  ///< K x K, row-stochastic
  std::size_t attempts = 0;   ///< draws used
  bool valid = false;  ///< P(true k, given k) > P(true k) P(given k) for every k: a label says more
                       ///< than nothing of its class
};

namespace detail {

/// Gamma(shape, 1) by Marsaglia and Tsang (2000).
inline double draw_gamma(random_stream& draw, double shape) {
  if (shape == 1) return -std::log1p(-draw.uniform());
  if (shape < 1) {
    double const whole = draw_gamma(draw, shape + 1);
    return whole * std::pow(1 - draw.uniform(), 1 / shape);
  }
  double const d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    double const x = draw_normals(draw).first, v = 1 + c * x;
    if (v <= 0) continue;
    double const cube = v * v * v;
    if (std::log(1 - draw.uniform()) < 0.5 * x * x + d - d * cube + d * std::log(cube))
      return d * cube;
  }
}

/// A draw from Dirichlet(shape, ..., shape); the flat one where all underflow.
inline std::vector<double> draw_dirichlet(random_stream& draw, std::size_t size, double shape) {
  std::vector<double> p(size);
  double sum = 0;
  for (double& v : p) sum += v = draw_gamma(draw, shape);
  for (double& v : p) v = sum > 0 ? v / sum : 1 / static_cast<double>(size);
  return p;
}

/// T = a M + (1 - a) I with a = rate K / (K - tr M), whose mean flip rate is `rate`.
inline matrix<double> scaled_to_rate(matrix<double> const& M, double rate) {
  std::size_t const K = M.rows();
  double trace = 0;
  for (std::size_t i = 0; i < K; ++i) trace += M(i, i);
  auto const size = static_cast<double>(K);
  double const a = size > trace ? rate * size / (size - trace) : 0.0;
  matrix<double> T(K, K);
  for (std::size_t i = 0; i < K; ++i)
    for (std::size_t j = 0; j < K; ++j) T(i, j) = a * M(i, j) + (i == j ? 1 - a : 0.0);
  return T;
}

/// Numbers with their mean kept, drawn towards it until none is above `most`, which the mean is
/// not.
inline void pull_below(std::vector<double>& v, double most) {
  double mean = 0, top = 0;
  for (double x : v) {
    mean += x / static_cast<double>(v.size());
    top = (std::max)(top, x);
  }
  if (top <= most || top <= mean) return;
  double const share = (most - mean) / (top - mean);
  for (double& x : v) x = (std::min)(mean + share * (x - mean), most);
}

}  // namespace detail

/// A random T: rows from a Dirichlet law, then mixed with the identity so that the mean flip rate
/// is `rate` exactly. A draw in which a class would flip with probability above 1 is thrown away.
///
/// @param classes  K >= 1; rate 0 if it is 1.
/// @param options  random_transition_options
/// @throws input_error  on options out of range.
/// @par Complexity   O(K^2) per draw.
/// @par Determinism  Draws are keyed by seed, attempt and row.
/// @par Source       Y. Zhang, G. Niu, M. Sugiyama, "Learning noise transition matrix from only
/// noisy labels via total variation regularization", ICML 2021: their experiments.
inline random_transition_result random_transition(std::size_t classes,
                                                  random_transition_options const& options = {}) {
  constexpr std::string_view name = "noise::random_transition";
  using limpid::detail::require;
  std::size_t const K = classes;
  require(K >= 1, name, "classes is 0; give the number of classes");
  require(options.rate >= 0 && options.rate < 1, name, "rate is ", options.rate,
          "; it must be in [0, 1)");
  require(K >= 2 || options.rate == 0, name, "classes is 1; labels cannot change among one class");
  require(options.concentration > 0, name, "concentration is ", options.concentration,
          "; it must be more than 0");
  require(options.attempts >= 1, name, "attempts is 0; it must be at least 1");
  random_transition_result r;
  matrix<double> M(K, K);
  while (r.attempts < options.attempts) {
    ++r.attempts;
    for (std::size_t i = 0; i < K; ++i) {
      random_stream draw(options.seed, detail::matrix_stream, r.attempts * K + i);
      auto const row = detail::draw_dirichlet(draw, K, options.concentration);
      for (std::size_t j = 0; j < K; ++j) M(i, j) = row[j];
    }
    r.transition = detail::scaled_to_rate(M, options.rate);
    bool possible = true;
    for (std::size_t i = 0; i < K; ++i) possible = possible && r.transition(i, i) >= 0;
    if (possible) return r;
  }
  r.equal_rates = true;
  for (std::size_t i = 0; i < K; ++i) {
    double const off = 1 - M(i, i);
    for (std::size_t j = 0; j < K; ++j)
      r.transition(i, j) = i == j    ? 1 - options.rate
                           : off > 0 ? options.rate * M(i, j) / off
                                     : options.rate / static_cast<double>(K - 1);
  }
  return r;
}

/// A random T with a given trace: flip rates of the classes, and within them the entries off the
/// diagonal, each uniform over what has their sum, then drawn towards their mean as far as the
/// bounds ask.
///
/// @param classes  K >= 1.
/// @param options  trace_options
/// @throws input_error  on options out of range, or bounds that no T meets.
/// @par Complexity   O(K^2) per draw.
/// @par Determinism  Draws are keyed by seed, attempt and row.
/// @par Source       C. Northcutt, L. Jiang, I. Chuang, "Confident learning", JAIR 2021: the
/// experiments' generator, in cleanlab transposed.
inline trace_result transition_with_trace(std::size_t classes, trace_options const& options) {
  constexpr std::string_view name = "noise::transition_with_trace";
  using limpid::detail::require;
  std::size_t const K = classes;
  auto const size = static_cast<double>(K);
  require(K >= 1, name, "classes is 0; give the number of classes");
  require(options.trace > 0 && options.trace <= size, name, "trace is ", options.trace,
          "; it must be in (0, K], K = ", K);
  require(K >= 2 || options.trace == 1, name, "classes is 1; the trace must be 1");
  require(options.min_diagonal >= 0 && options.min_diagonal * size <= options.trace, name,
          "min_diagonal is ", options.min_diagonal, "; it must be in [0, trace / K]");
  require(options.max_rate > 0 && options.max_rate <= 1, name, "max_rate is ", options.max_rate,
          "; it must be in (0, 1]");
  require(options.zero_share >= 0 && options.zero_share < 1, name, "zero_share is ",
          options.zero_share, "; it must be in [0, 1)");
  require(options.attempts >= 1, name, "attempts is 0; it must be at least 1");
  require(options.prior.empty() || options.prior.size() == K, name, "prior has ",
          options.prior.size(), " entries; one per class is needed, ", K);
  // zeros are dealt to the rows in turn, one more to the first few; one entry at least is left in
  // each
  auto const zeros = static_cast<std::size_t>(options.zero_share * size * (size - 1) + 1e-9);
  std::size_t const most_zeros = K ? (zeros + K - 1) / K : 0;
  require(K < 2 || most_zeros + 1 < K || zeros == 0, name, "zero_share is ", options.zero_share,
          ", which leaves a class without a target; lower it");
  double const room = K < 2 ? 0 : options.max_rate * static_cast<double>(K - 1 - most_zeros);
  double const cap = (std::min)(1 - options.min_diagonal, room);
  require(K < 2 || (size - options.trace) / size <= cap + 1e-12, name,
          "max_rate and zero_share leave no room for flip rates of mean ",
          (size - options.trace) / size);
  trace_result r;
  r.transition = matrix<double>::identity(K);
  if (K < 2) {
    r.valid = false;  // one label says nothing
    return r;
  }
  vector<double> prior = options.prior.empty() ? vector<double>(K, 1 / size) : options.prior;
  while (r.attempts < options.attempts && !r.valid) {
    ++r.attempts;
    random_stream draw(options.seed, detail::matrix_stream, r.attempts * (K + 1));
    auto flips = detail::draw_dirichlet(draw, K, 1);
    for (double& f : flips) f *= size - options.trace;
    detail::pull_below(flips, cap);
    std::size_t const extra = zeros % K, start = static_cast<std::size_t>(draw.below(K));
    for (std::size_t i = 0; i < K; ++i) {
      random_stream own(options.seed, detail::matrix_stream, r.attempts * (K + 1) + 1 + i);
      std::size_t const none = zeros / K + ((i + K - start) % K < extra ? 1 : 0);
      auto off = detail::draw_dirichlet(own, K - 1 - none, 1);
      for (double& v : off) v *= flips[i];
      detail::pull_below(off, options.max_rate);
      off.resize(K - 1);
      for (std::size_t c = 0; c + 1 < K - 1 && none > 0; ++c)
        std::swap(off[c], off[c + static_cast<std::size_t>(own.below(K - 1 - c))]);
      for (std::size_t j = 0; j < K; ++j)
        r.transition(i, j) = j == i ? 1 - flips[i] : off[j < i ? j : j - 1];
    }
    r.valid = true;
    for (std::size_t k = 0; k < K; ++k) {
      double given = 0;
      for (std::size_t i = 0; i < K; ++i) given += prior[i] * r.transition(i, k);
      r.valid = r.valid && r.transition(k, k) > given;  // times P(true k) on both sides
    }
    if (!options.valid) break;
  }
  return r;
}

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_RANDOM_TRANSITION_HPP
