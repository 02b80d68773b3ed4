// SPDX-License-Identifier: BSL-1.0
// kernel_mean::shrink: the two kernel sums that the leave-one-out score needs, against the double
// loop one writes by hand. `alpha` is the shrinkage that comes out.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/shrink.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>

#include "classes.hpp"

namespace {

constexpr double width = 8;

double by_hand(limpid::matrix<float> const& x) {
  double all = 0;
  auto const n = static_cast<double>(x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < x.rows(); ++j) {
      float gap = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) gap += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      all += std::exp(-static_cast<double>(gap) / (2 * width * width));
    }
  double const rho = all / (n * n), risk = (1 - rho) / (n - 1);
  return risk / (risk + rho);
}
template <class P>
auto with(P exec) {
  return [exec](limpid::matrix<float> const& x) {
    return limpid::kernel_mean::shrink(exec, limpid::kernels::gaussian(1 / (2 * width * width)), x)
        .alpha;
  };
}

template <class F>
void shrink(benchmark::State& state, F estimate) {
  auto const in = limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                             static_cast<std::size_t>(state.range(1)), 10);
  double alpha = 0;
  for (auto _ : state) alpha = estimate(in.x);
  state.counters["alpha"] = alpha;
  state.counters["flop/s"] =
      benchmark::Counter(2.0 * static_cast<double>(state.range(0) * state.range(0) *
                                                   state.range(1) * state.iterations()),
                         benchmark::Counter::kIsRate);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({4000, 64})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(shrink, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(shrink, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(shrink, simd, with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(shrink, par, with(limpid::par))->Apply(sizes)->UseRealTime();

}  // namespace
