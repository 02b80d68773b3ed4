// SPDX-License-Identifier: BSL-1.0
// kernel_mean::squared_distance against the three double loops one writes by hand. `distance` is
// what comes out.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/inner_product.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>

#include "classes.hpp"

namespace {

constexpr double gamma_of = 1.0 / 128;

double inner(limpid::matrix<float> const& x, limpid::matrix<float> const& z) {
  double all = 0;
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < z.rows(); ++j) {
      float gap = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) gap += (x(i, c) - z(j, c)) * (x(i, c) - z(j, c));
      all += std::exp(-gamma_of * static_cast<double>(gap));
    }
  return all / static_cast<double>(x.rows() * z.rows());
}
double by_hand(limpid::matrix<float> const& x, limpid::matrix<float> const& z) {
  return std::sqrt(inner(x, x) - 2 * inner(x, z) + inner(z, z));
}
template <class P>
auto with(P exec) {
  return [exec](limpid::matrix<float> const& x, limpid::matrix<float> const& z) {
    return limpid::kernel_mean::squared_distance(exec, limpid::kernels::gaussian(gamma_of), x, z)
        .distance;
  };
}

template <class F>
void squared_distance(benchmark::State& state, F estimate) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             d = static_cast<std::size_t>(state.range(1));
  auto const x = limpid_bench::make_classes(n, d, 10).x, z = limpid_bench::make_classes(n, d, 7).x;
  double distance = 0;
  for (auto _ : state) distance = estimate(x, z);
  state.counters["distance"] = distance;
  state.counters["flop/s"] = benchmark::Counter(6.0 * static_cast<double>(n * n * d),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 64})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(squared_distance, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(squared_distance, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(squared_distance, simd, with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(squared_distance, par, with(limpid::par))->Apply(sizes)->UseRealTime();

}  // namespace
