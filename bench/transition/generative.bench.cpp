// SPDX-License-Identifier: BSL-1.0
// The generative estimators: trust_mixture, causal_em and latent_shift; rows per second and step,
// and the error of what they estimate. The floor of trust_mixture is the loop one writes by hand.
#include <limpid/exec/par.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/transition/causal_em.hpp>
#include <limpid/transition/latent_shift.hpp>
#include <limpid/transition/trust_mixture.hpp>

#include "classes.hpp"
#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace {

void rates(benchmark::State& state, int steps) {
  state.counters["rows_per_step"] = benchmark::Counter(
      static_cast<double>(state.range(0)) * steps * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}

// Twenty steps of EM for one trust and its background.
void trust_by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0));
  auto const in = limpid_bench::make_posteriors(n, 10);
  for (auto _ : state) {
    double a = 0.5;
    std::vector<double> b(10, 0.1);
    for (int step = 0; step < 20; ++step) {
      double trusted = 0;
      std::vector<double> rest(10);
      for (std::size_t i = 0; i < n; ++i) {
        auto const k = static_cast<std::size_t>(in.y[i]);
        double const own = a * static_cast<double>(in.p(i, k)), t = own / (own + (1 - a) * b[k]);
        trusted += t;
        rest[k] += 1 - t;
      }
      a = trusted / static_cast<double>(n);
      for (std::size_t k = 0; k < 10; ++k) b[k] = rest[k] / (static_cast<double>(n) - trusted);
    }
    benchmark::DoNotOptimize(a);
  }
  rates(state, 20);
}
template <class P>
void trust(benchmark::State& state, P exec) {
  auto const in = limpid_bench::make_posteriors(static_cast<std::size_t>(state.range(0)), 10);
  for (auto _ : state)
    benchmark::DoNotOptimize(limpid::transition::trust_mixture(
        exec, in.p, in.y, {.tolerance = 0, .max_iterations = 20, .keep_posterior = false}));
  rates(state, 20);
}
BENCHMARK(trust_by_hand)->Arg(1000000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(trust, simd, limpid::simd)->Arg(1000000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(trust, par, limpid::par)
    ->Arg(1000000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

template <class P>
void gaussians(benchmark::State& state, P exec, bool diagonal) {
  auto const in = limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                             static_cast<std::size_t>(state.range(1)), 10);
  for (auto _ : state)
    benchmark::DoNotOptimize(limpid::transition::causal_em(
        exec, in.x, in.y, 10,
        {.diagonal = diagonal, .starts = 0, .tolerance = 0, .max_iterations = 10}));
  rates(state, 10);
}
BENCHMARK_CAPTURE(gaussians, full_simd, limpid::simd, false)
    ->Args({20000, 16})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(gaussians, full_par, limpid::par, false)
    ->Args({20000, 16})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(gaussians, diagonal_simd, limpid::simd, true)
    ->Args({20000, 16})
    ->Unit(benchmark::kMillisecond);

template <class P>
void domains(benchmark::State& state, P exec) {
  auto const in = limpid_bench::make_posteriors(static_cast<std::size_t>(state.range(0)), 10);
  for (auto _ : state)
    benchmark::DoNotOptimize(limpid::transition::latent_shift(
        exec, in.p, in.y, 5, {.restarts = 1, .kmeans_iterations = 10}));
  rates(state, 10);
}
BENCHMARK_CAPTURE(domains, simd, limpid::simd)->Arg(100000)->Unit(benchmark::kMillisecond);

}  // namespace
