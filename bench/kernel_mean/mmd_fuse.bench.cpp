// SPDX-License-Identifier: BSL-1.0
// kernel_mean::mmd_fuse with its defaults: 20 kernels, 2000 redraws. What it finds:
// bench.kernel_mean.mmd_agg.
#include <limpid/exec/par.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/mmd_fuse.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>

#include "classes.hpp"

namespace {

template <class P>
void mmd_fuse(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             d = static_cast<std::size_t>(state.range(1));
  auto const both = limpid_bench::make_classes(2 * n, d, 10);
  limpid::matrix_view<float const> const rows = both.x.view();
  auto const x = rows.row_block(0, n), y = rows.row_block(n, 2 * n);
  double p = 0;
  for (auto _ : state) p = limpid::kernel_mean::mmd_fuse(exec, x, y).p_value;
  state.counters["p"] = p;
  state.counters["FMA/s"] = benchmark::Counter(
      2.0 * static_cast<double>(n * n) * 20 * 2001 * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}
void cost(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({500, 10})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(mmd_fuse, simd, limpid::simd)->Apply(cost);
BENCHMARK_CAPTURE(mmd_fuse, par, limpid::par)->Apply(cost)->UseRealTime();

}  // namespace
