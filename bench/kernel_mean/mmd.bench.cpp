// SPDX-License-Identifier: BSL-1.0
// kernel_mean::mmd and kernel_mean::witness against the double loops one writes by hand. `mmd2` is
// the value that comes out; flop/s counts two for each column of each pair of rows that the
// estimator asks for.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/mmd.hpp>
#include <limpid/kernel_mean/witness.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>

#include "classes.hpp"

namespace {

using limpid::kernel_mean::mmd_estimator;
using rows = limpid::matrix_view<float const>;
constexpr double gamma_of = 1.0 / 128;

double by_hand(rows x, rows y) {
  auto const sum = [](rows a, rows b, bool other) {
    double all = 0;
    for (std::size_t i = 0; i < a.rows; ++i)
      for (std::size_t j = 0; j < b.rows; ++j) {
        float gap = 0;
        for (std::size_t c = 0; c < a.cols; ++c) gap += (a(i, c) - b(j, c)) * (a(i, c) - b(j, c));
        if (!other || i != j) all += std::exp(-gamma_of * static_cast<double>(gap));
      }
    return all;
  };
  auto const n = static_cast<double>(x.rows);
  return (sum(x, x, true) + sum(y, y, true)) / (n * (n - 1)) - 2 * sum(x, y, false) / (n * n);
}
template <class P>
auto with(P exec, mmd_estimator which, bool variance = false) {
  return [=](rows x, rows y) {
    return limpid::kernel_mean::mmd(exec, limpid::kernels::gaussian(gamma_of), x, y,
                                    {.estimator = which, .variance = variance})
        .value;
  };
}
template <class P>
auto witness_with(P exec) {
  return [=](rows x, rows y) {
    return limpid::kernel_mean::witness(exec, limpid::kernels::gaussian(gamma_of), x, y, x)
        .value[0];
  };
}

template <class F>
void mmd(benchmark::State& state, F estimate, bool all_pairs = true) {
  auto const n = static_cast<std::size_t>(state.range(0));
  auto const both = limpid_bench::make_classes(2 * n, static_cast<std::size_t>(state.range(1)), 10);
  rows const all = both.x.view();
  double value = 0;
  for (auto _ : state) value = estimate(all.row_block(0, n), all.row_block(n, 2 * n));
  state.counters["mmd2"] = value;
  auto const entries =
      2.0 * static_cast<double>(state.range(0) * state.range(1) * state.iterations());
  if (all_pairs)
    state.counters["flop/s"] =
        benchmark::Counter(2.0 * static_cast<double>(n) * entries, benchmark::Counter::kIsRate);
  else
    state.counters["bytes/s"] =
        benchmark::Counter(sizeof(float) * entries, benchmark::Counter::kIsRate);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 64})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(mmd, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(mmd, seq, with(limpid::seq, mmd_estimator::unbiased))->Apply(sizes);
BENCHMARK_CAPTURE(mmd, simd, with(limpid::simd, mmd_estimator::unbiased))->Apply(sizes);
BENCHMARK_CAPTURE(mmd, par, with(limpid::par, mmd_estimator::unbiased))
    ->Apply(sizes)
    ->UseRealTime();
BENCHMARK_CAPTURE(mmd, variance, with(limpid::simd, mmd_estimator::unbiased, true))->Apply(sizes);
BENCHMARK_CAPTURE(mmd, block, with(limpid::simd, mmd_estimator::block), false)->Apply(sizes);
BENCHMARK_CAPTURE(mmd, linear_time, with(limpid::simd, mmd_estimator::linear_time), false)
    ->Apply(sizes);
BENCHMARK_CAPTURE(mmd, witness, witness_with(limpid::simd))->Apply(sizes);

}  // namespace
