// SPDX-License-Identifier: BSL-1.0
// transition::hoc_local: the global estimate and 50 regions of 250 rows.
#include <limpid/transition/hoc_local.hpp>

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
void regions(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 64);
  for (auto _ : state) {
    auto const r = limpid::transition::hoc_local(exec, in.x, in.y, classes, {.max_regions = 50});
    benchmark::DoNotOptimize(r);
    state.counters["covered"] = static_cast<double>(r.covered);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(regions, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(regions, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(regions, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
