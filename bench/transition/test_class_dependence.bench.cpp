// SPDX-License-Identifier: BSL-1.0
// transition::test_class_dependence: all five tests, 99 permutations and 199 redraws.
#include <limpid/transition/test_class_dependence.hpp>

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
void tests(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  for (auto _ : state) {
    auto const r = limpid::transition::test_class_dependence(exec, in.truth, in.region, in.y,
                                                             classes, 5, {.permutations = 99});
    benchmark::DoNotOptimize(r);
    state.counters["p_value"] = r.permutation.p_value;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(tests, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(tests, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(tests, par, limpid::par)
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
