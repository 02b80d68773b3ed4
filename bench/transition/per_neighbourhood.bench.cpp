// SPDX-License-Identifier: BSL-1.0
// transition::per_neighbourhood: neighbours from features, then the column of each row.
#include <limpid/transition/per_neighbourhood.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include "transition/clouds.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace {

using limpid_bench::make_rows;

template <class P>
void neighbourhoods(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 16);
  for (auto _ : state) {
    auto const r = limpid::transition::per_neighbourhood(exec, in.truth, in.x, in.y, classes,
                                                         {.neighbours = 100});
    benchmark::DoNotOptimize(r);
    state.counters["gap_to_0.82"] = std::abs(r.global(0, 0) - 0.82);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(neighbourhoods, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(neighbourhoods, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(neighbourhoods, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
