// SPDX-License-Identifier: BSL-1.0
// kernel_mean::evaluate (kernel sums) against the loop a reader would write by hand.
#include <limpid/kernel_mean/evaluate.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace {

limpid::matrix<float> bells(std::size_t n, std::size_t d) {
  std::mt19937 draw(7);
  std::normal_distribution<float> bell;
  limpid::matrix<float> out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = bell(draw);
  return out;
}

// The floor.
limpid::vector<double> by_hand(double gamma, limpid::matrix<float> const& x) {
  limpid::vector<double> out(x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < x.rows(); ++j) {
      float s = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) s += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      sum += std::exp(-gamma * static_cast<double>(s));
    }
    out[i] = sum / static_cast<double>(x.rows());
  }
  return out;
}

template <class F>
void kernel_sums(benchmark::State& state, F const& f) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             d = static_cast<std::size_t>(state.range(1));
  auto const x = bells(n, d);
  double const gamma = 1 / static_cast<double>(d);
  auto const truth = by_hand(gamma, x);
  limpid::vector<double> found;
  for (auto _ : state) {
    found = f(gamma, x);
    benchmark::DoNotOptimize(found.data());
  }
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    worst = (std::max)(worst, std::abs(found[i] - truth[i]) / truth[i]);
  state.counters["flops"] = benchmark::Counter(2.0 * static_cast<double>(n * n * d),
                                               benchmark::Counter::kIsIterationInvariantRate);
  state.counters["max_rel_error"] = worst;  // never speed alone
}

template <class P>
auto with(P exec) {
  return [=](double gamma, auto const& x) {
    return limpid::kernel_mean::evaluate(exec, limpid::kernels::gaussian(gamma), x, x).value;
  };
}
void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 64})->Args({2000, 784})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(kernel_sums, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(kernel_sums, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(kernel_sums, simd, with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(kernel_sums, par, with(limpid::par))->Apply(sizes)->UseRealTime();

}  // namespace
