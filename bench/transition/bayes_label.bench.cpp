// SPDX-License-Identifier: BSL-1.0
// transition::bayes_label: one pass over the posteriors.
#include <limpid/transition/bayes_label.hpp>

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
void distil(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  for (auto _ : state) {
    auto const r = limpid::transition::bayes_label(exec, in.p, in.y);
    benchmark::DoNotOptimize(r);
    state.counters["gap_to_0.82"] = std::abs(r.transition(0, 0) - 0.82);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(distil, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(distil, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(distil, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// The floor: the arg max and the count.
void by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  for (auto _ : state) {
    std::vector<double> cells(classes * classes);
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t best = 0;
      for (std::size_t k = 1; k < classes; ++k)
        if (in.p(i, k) > in.p(i, best)) best = k;
      if (in.p(i, best) > 0.65) ++cells[best * classes + static_cast<std::size_t>(in.y[i])];
    }
    benchmark::DoNotOptimize(cells);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK(by_hand)->ArgNames({"n", "K"})->Args({100000, 10})->Unit(benchmark::kMillisecond);

}  // namespace
