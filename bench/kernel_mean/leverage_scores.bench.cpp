// SPDX-License-Identifier: BSL-1.0
// kernel_mean::leverage_scores: exact at n = 1000 beside the loop over its definition by
// elimination, and recursive_leverage at n = 20000. `dimension` is the effective dimension found.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/leverage_scores.hpp>
#include <limpid/ops/small.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>

#include "classes.hpp"

namespace {

constexpr auto kernel = limpid::kernels::gaussian(1.0 / 64);

limpid::matrix<double> rows(std::size_t n) {
  auto const in = limpid_bench::make_classes(n, 16, 10);
  limpid::matrix<double> x(n, 16);
  for (std::size_t e = 0; e < n * 16; ++e) x.data()[e] = in.x.data()[e];
  return x;
}

void by_hand(benchmark::State& state) {
  auto const x = rows(1000);
  double dimension = 0;
  for (auto _ : state) {
    limpid::matrix<double> A(1000, 1000);
    for (std::size_t i = 0; i < 1000; ++i)
      for (std::size_t j = 0; j < 1000; ++j)
        A(i, j) = kernel(x.view().row(i), x.view().row(j)) + (i == j ? 1 : 0);
    auto const inverse = limpid::ops::invert(A).inverse;
    dimension = 1000;
    for (std::size_t i = 0; i < 1000; ++i) dimension -= inverse(i, i);
  }
  state.counters["dimension"] = dimension;
}

template <class P>
void exact(benchmark::State& state, P exec) {
  auto const x = rows(1000);
  double dimension = 0;
  for (auto _ : state)
    dimension = limpid::kernel_mean::leverage_scores(exec, kernel, x).effective_dimension;
  state.counters["dimension"] = dimension;
}

template <class P>
void recursive(benchmark::State& state, P exec) {
  auto const x = rows(20000);
  limpid::kernel_mean::recursive_leverage_result r;
  for (auto _ : state)
    r = limpid::kernel_mean::recursive_leverage(exec, kernel, x, {.landmarks = 128});
  state.counters["dimension"] = r.effective_dimension;
  state.counters["rows/s"] = benchmark::Counter(2e4 * static_cast<double>(state.iterations()),
                                                benchmark::Counter::kIsRate);
}

BENCHMARK(by_hand)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(exact, seq, limpid::seq)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(exact, simd, limpid::simd)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(exact, par, limpid::par)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(recursive, simd, limpid::simd)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(recursive, par, limpid::par)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
