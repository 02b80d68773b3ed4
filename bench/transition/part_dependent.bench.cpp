// SPDX-License-Identifier: BSL-1.0
// transition::part_dependent: 20 rounds of the factorisation into ten parts of 32 columns, then the
// basis.
#include <limpid/transition/part_dependent.hpp>

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
void parts(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 32);
  for (auto _ : state) {
    auto const r = limpid::transition::part_dependent(exec, in.x, in.p);
    benchmark::DoNotOptimize(r);
    state.counters["factor_error"] = r.factor_error;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(parts, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(parts, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(parts, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
