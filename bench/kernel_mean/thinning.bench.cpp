// SPDX-License-Identifier: BSL-1.0
// kernel_mean::thinning: n rows in 16 columns halved six times, with and without swapping. The
// floor is one pass over the kernel values of all pairs by a plain loop. `gain` is the mean squared
// distance of as many independent draws over that reached.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/thinning.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "classes.hpp"

namespace {

constexpr auto kernel = limpid::kernels::gaussian(1.0 / 64);

limpid::matrix<double> rows(benchmark::State const& state) {
  auto const n = static_cast<std::size_t>(state.range(0));
  auto const in = limpid_bench::make_classes(n, 16, 10);
  limpid::matrix<double> x(n, 16);
  for (std::size_t e = 0; e < n * 16; ++e) x.data()[e] = in.x.data()[e];
  return x;
}

void one_pass_by_hand(benchmark::State& state) {
  auto const x = rows(state);
  for (auto _ : state) {
    std::vector<double> sums(x.rows());
    for (std::size_t i = 0; i < x.rows(); ++i)
      for (std::size_t j = 0; j < x.rows(); ++j)
        sums[i] += kernel(x.view().row(i), x.view().row(j));
    benchmark::DoNotOptimize(sums.data());
  }
}

template <class P>
void run(benchmark::State& state, P exec, bool swap) {
  auto const x = rows(state);
  limpid::kernel_mean::thinning_result r;
  for (auto _ : state)
    r = limpid::kernel_mean::thinning(exec, kernel, x, {.halvings = 6, .swap = swap});
  state.counters["gain"] = (1 - r.norm2) / static_cast<double>(r.rows.size()) / r.mmd2;
  state.counters["pairs/s"] =
      benchmark::Counter(static_cast<double>(x.rows()) * static_cast<double>(x.rows()) *
                             static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
template <class P>
void thin(benchmark::State& state, P exec) {
  run(state, exec, true);
}
template <class P>
void split_alone(benchmark::State& state, P exec) {
  run(state, exec, false);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("n")->Arg(4096)->Arg(16384)->Unit(benchmark::kMillisecond);
}
BENCHMARK(one_pass_by_hand)->ArgName("n")->Arg(4096)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(thin, seq, limpid::seq)->ArgName("n")->Arg(4096)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(thin, simd, limpid::simd)->Apply(sizes);
BENCHMARK_CAPTURE(thin, par, limpid::par)->Apply(sizes)->UseRealTime();
BENCHMARK_CAPTURE(split_alone, simd, limpid::simd)->Apply(sizes);

}  // namespace
