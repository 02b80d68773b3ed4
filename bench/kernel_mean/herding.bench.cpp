// SPDX-License-Identifier: BSL-1.0
// kernel_mean::herding: n rows in 16 columns to n / 64, against herding by
// loops. `gain` is the mean squared distance of as many independent draws over that reached.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/herding.hpp>

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

void by_hand(benchmark::State& state) {
  auto const x = rows(state);
  std::size_t const n = x.rows();
  for (auto _ : state) {
    std::vector<double> mean(n), sums(n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        mean[i] += kernel(x.view().row(i), x.view().row(j)) / static_cast<double>(n);
    for (std::size_t t = 0; t < n / 64; ++t) {
      std::size_t best = 0;
      double most = -1e300;
      for (std::size_t i = 0; i < n; ++i) {
        double const score = mean[i] - sums[i] / static_cast<double>(t + 1);
        if (score > most) most = score, best = i;
      }
      for (std::size_t i = 0; i < n; ++i) sums[i] += kernel(x.view().row(i), x.view().row(best));
    }
    benchmark::DoNotOptimize(sums.data());
  }
}

template <class P>
void herd(benchmark::State& state, P exec) {
  auto const x = rows(state);
  limpid::kernel_mean::herding_result r;
  for (auto _ : state) r = limpid::kernel_mean::herding(exec, kernel, x, {.size = x.rows() / 64});
  auto const size = static_cast<double>(r.rows.size());
  state.counters["gain"] = (1 - r.norm2) / size / r.mmd2[r.rows.size() - 1];
  state.counters["values/s"] =
      benchmark::Counter(static_cast<double>(x.rows()) * (static_cast<double>(x.rows()) + size) *
                             static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("n")->Arg(4096)->Arg(16384)->Unit(benchmark::kMillisecond);
}
BENCHMARK(by_hand)->ArgName("n")->Arg(4096)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(herd, seq, limpid::seq)->ArgName("n")->Arg(4096)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(herd, simd, limpid::simd)->Apply(sizes);
BENCHMARK_CAPTURE(herd, par, limpid::par)->Apply(sizes)->UseRealTime();

}  // namespace
