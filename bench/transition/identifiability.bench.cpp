// SPDX-License-Identifier: BSL-1.0
// transition::identifiability: all checks, with posteriors and facets.
#include <limpid/transition/identifiability.hpp>

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
void checks(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  limpid::matrix<double> T(classes, classes, 0.2 / static_cast<double>(classes));
  for (std::size_t k = 0; k < classes; ++k) T(k, k) += 0.8;
  for (auto _ : state) {
    auto const r = limpid::transition::identifiability(exec, T, in.p);
    benchmark::DoNotOptimize(r);
    state.counters["infeasible_share"] = r.infeasible_share;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(checks, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(checks, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(checks, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
