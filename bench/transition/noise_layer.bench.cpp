// SPDX-License-Identifier: BSL-1.0
// transition::noise_layer against EM written by hand, transition::revise from a guess, and
// transition::gold. The posteriors are of the true class, so that the planted T can be found.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/gold.hpp>
#include <limpid/transition/noise_layer.hpp>
#include <limpid/transition/revise.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>

namespace {

using limpid::matrix;
using limpid::transition::layer_solver;
using limpid_bench::posteriors;

/// P(true | x) of the rows, from P(given | x) and the planted T of make_posteriors: P = wrong +
/// (0.8 - wrong) S.
posteriors clean_posteriors(std::size_t n, std::size_t classes) {
  auto in = limpid_bench::make_posteriors(n, classes);
  float const wrong = static_cast<float>(in.transition(0, 1)),
              right = static_cast<float>(in.transition(0, 0));
  for (std::size_t c = 0; c < n * classes; ++c) {
    float const s = (in.p.data()[c] - wrong) / (right - wrong);
    in.p.data()[c] = s > 1e-6F ? s : 0;
  }
  return in;
}

template <class Estimate>
void layer(benchmark::State& state, Estimate estimate) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = clean_posteriors(n, classes);
  matrix<double> t;
  double passes = 0;
  for (auto _ : state) {
    t = estimate(in, passes);
    benchmark::DoNotOptimize(t);
  }
  limpid_bench::set_bytes(state, n, classes);
  state.counters["passes"] = passes;
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(t, in.transition);
}

// The floor: 50 steps of EM.
matrix<double> by_hand(posteriors const& in, double& passes) {
  std::size_t const n = in.p.rows(), K = in.p.cols();
  matrix<double> t(K, K, 0.1 / static_cast<double>(K));
  for (std::size_t k = 0; k < K; ++k) t(k, k) += 0.9;
  for (int step = 0; step < 50; ++step) {
    matrix<double> count(K, K);
    for (std::size_t i = 0; i < n; ++i) {
      auto const j = static_cast<std::size_t>(in.y[i]);
      double u = 0;
      for (std::size_t k = 0; k < K; ++k) u += static_cast<double>(in.p(i, k)) * t(k, j);
      for (std::size_t k = 0; k < K; ++k)
        count(k, j) += static_cast<double>(in.p(i, k)) * t(k, j) / u;
    }
    for (std::size_t k = 0; k < K; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < K; ++j) sum += count(k, j);
      for (std::size_t j = 0; j < K; ++j) t(k, j) = count(k, j) / sum;
    }
  }
  passes = 50;
  return t;
}
template <class P>
auto with(P exec, layer_solver solver) {
  return [=](posteriors const& in, double& passes) {
    auto const r = limpid::transition::noise_layer(exec, in.p, in.y, {.solver = solver});
    passes = r.passes;
    return r.transition;
  };
}
// From a guess that is twice as sure of the labels.
matrix<double> revised(posteriors const& in, double& passes) {
  std::size_t const K = in.p.cols();
  matrix<double> guess(K, K, 0.1 / static_cast<double>(K - 1));
  for (std::size_t k = 0; k < K; ++k) guess(k, k) = 0.9;
  auto r = limpid::transition::revise(in.p, in.y, guess);
  passes = r.iterations;
  return r.transition;
}
// Every tenth row is trusted: its class is the arg max.
void gold(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, classes);
  limpid::vector<std::int32_t> truth(n, -1);
  for (std::size_t i = 0; i < n; i += 10) {
    auto const* const row = &in.p(i, 0);
    truth[i] = static_cast<std::int32_t>(std::max_element(row, row + classes) - row);
  }
  limpid::transition::gold_result r;
  for (auto _ : state) {
    r = limpid::transition::gold(in.p, truth);
    benchmark::DoNotOptimize(r);
  }
  limpid_bench::set_bytes(state, n, classes);
  state.counters["deviation"] = r.deviation(0, 0);
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({200000, 10})->Args({20000, 100})->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(layer, by_hand_50_steps, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(layer, seq, with(limpid::seq, layer_solver::automatic))->Apply(sizes);
BENCHMARK_CAPTURE(layer, simd, with(limpid::simd, layer_solver::automatic))->Apply(sizes);
BENCHMARK_CAPTURE(layer, simd_em, with(limpid::simd, layer_solver::em))->Apply(sizes);
BENCHMARK_CAPTURE(layer, simd_squarem, with(limpid::simd, layer_solver::squarem))->Apply(sizes);
BENCHMARK_CAPTURE(layer, par, with(limpid::par, layer_solver::automatic))
    ->Apply(sizes)
    ->UseRealTime();
BENCHMARK_CAPTURE(layer, revise, revised)->Apply(sizes);
BENCHMARK(gold)->Apply(sizes);

}  // namespace
