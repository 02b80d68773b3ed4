// SPDX-License-Identifier: BSL-1.0
/// Posteriors and labels for the benchmarks of transition/ and reweight/: clean posteriors, labels
/// drawn through T.
#ifndef LIMPID_BENCH_TRANSITION_POSTERIORS_HPP
#define LIMPID_BENCH_TRANSITION_POSTERIORS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid_bench {

struct posteriors {
  limpid::matrix<float> p;  // of the given label
  limpid::vector<std::int32_t> y;
  limpid::matrix<double> transition;
};

/// A fifth of the labels is wrong, all other classes alike. Class k has rows that are sure of it.
inline posteriors make_posteriors(std::size_t n, std::size_t classes) {
  double const wrong = 0.2 / static_cast<double>(classes - 1);
  posteriors out{limpid::matrix<float>(n, classes), limpid::vector<std::int32_t>(n),
                 limpid::matrix<double>(classes, classes, wrong)};
  for (std::size_t k = 0; k < classes; ++k) out.transition(k, k) = 0.8;
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(1, 0, i);
    std::size_t const truth = draw.below(classes);
    double const doubt = 0.6 * draw.uniform() * draw.uniform();
    std::size_t other = draw.below(classes - 1);
    other += other >= truth;
    for (std::size_t k = 0; k < classes; ++k) {
      double const clean = k == truth ? 1 - doubt : k == other ? doubt : 0;
      out.p(i, k) = static_cast<float>(wrong + (0.8 - wrong) * clean);
    }
    bool const is_other = draw.uniform() < doubt;
    std::size_t label = is_other ? other : truth;
    if (draw.uniform() < 0.2) {
      std::size_t const flip = draw.below(classes - 1);
      label = flip + (flip >= label);
    }
    out.y[i] = static_cast<std::int32_t>(label);
  }
  return out;
}

inline double mean_absolute_gap(limpid::matrix<double> const& a, limpid::matrix<double> const& b) {
  double sum = 0;
  std::size_t const cells = a.rows() * a.cols();
  for (std::size_t c = 0; c < cells; ++c) sum += std::abs(a.data()[c] - b.data()[c]);
  return sum / static_cast<double>(a.rows());
}

inline void set_bytes(benchmark::State& state, std::size_t n, std::size_t classes) {
  state.SetBytesProcessed(
      static_cast<std::int64_t>(n * (classes * sizeof(float) + sizeof(std::int32_t))) *
      state.iterations());
}

/// T from posteriors and labels of the sizes (n, K): bytes per second and the error of T.
template <class Estimate>
void estimate_transition(benchmark::State& state, Estimate estimate) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_posteriors(n, classes);
  limpid::matrix<double> T;
  for (auto _ : state) {
    T = estimate(in);
    benchmark::DoNotOptimize(T);
  }
  set_bytes(state, n, classes);
  state.counters["row_error_of_T"] = mean_absolute_gap(T, in.transition);
}

}  // namespace limpid_bench

#endif  // LIMPID_BENCH_TRANSITION_POSTERIORS_HPP
