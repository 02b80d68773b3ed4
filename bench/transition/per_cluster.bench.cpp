// SPDX-License-Identifier: BSL-1.0
// transition::per_cluster: counts, strengths and rows of five clusters.
#include <limpid/transition/per_cluster.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include "transition/clouds.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using limpid_bench::make_rows;

template <class P>
void clusters(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  for (auto _ : state) {
    auto const r = limpid::transition::per_cluster(exec, in.truth, in.region, in.y, classes, 5);
    benchmark::DoNotOptimize(r);
    state.counters["gap_to_0.82"] = std::abs(r.global(0, 0) - 0.82);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(clusters, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(clusters, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(clusters, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// The floor: one pass that counts.
void by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  for (auto _ : state) {
    std::vector<double> cells(classes * classes * 5);
    for (std::size_t i = 0; i < n; ++i)
      ++cells[static_cast<std::size_t>(in.truth[i] * 5 + in.region[i]) * classes +
              static_cast<std::size_t>(in.y[i])];
    benchmark::DoNotOptimize(cells);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK(by_hand)->ArgNames({"n", "K"})->Args({100000, 10})->Unit(benchmark::kMillisecond);

}  // namespace
