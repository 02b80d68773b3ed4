// SPDX-License-Identifier: BSL-1.0
// reweight::liu_tao against the loop a reader would write by hand, given the inverse.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/reweight/liu_tao.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>

namespace {

using limpid_bench::posteriors;

limpid::vector<double> by_hand(posteriors const& in) {
  auto const inverse = limpid::ops::invert(in.transition).inverse;
  limpid::vector<double> w(in.p.rows());
  for (std::size_t i = 0; i < in.p.rows(); ++i) {
    auto const y = static_cast<std::size_t>(in.y[i]);
    double sum = 0;
    for (std::size_t k = 0; k < in.p.cols(); ++k)
      sum += static_cast<double>(in.p(i, k)) * inverse(k, y);
    w[i] = sum > 0 ? sum / static_cast<double>(in.p(i, y)) : 0;
  }
  return w;
}

template <class F>
void weights(benchmark::State& state, F estimate) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, classes);
  limpid::vector<double> w;
  for (auto _ : state) {
    w = estimate(in);
    benchmark::DoNotOptimize(w);
  }
  limpid_bench::set_bytes(state, n, classes);
  double sum = 0;
  for (double x : w) sum += x;
  state.counters["mean_weight"] = sum / static_cast<double>(n);
}

template <class P>
constexpr auto with(P exec, limpid::posterior_of kind) {
  return [=](posteriors const& in) {
    return limpid::reweight::liu_tao(exec, in.p, in.y, in.transition, {.posteriors = kind}).weights;
  };
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 100})->Unit(benchmark::kMillisecond);
}
using limpid::posterior_of;

BENCHMARK_CAPTURE(weights, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(weights, seq, with(limpid::seq, posterior_of::given))->Apply(sizes);
BENCHMARK_CAPTURE(weights, simd, with(limpid::default_policy, posterior_of::given))->Apply(sizes);
BENCHMARK_CAPTURE(weights, simd_from_truth, with(limpid::default_policy, posterior_of::truth))
    ->Apply(sizes);
BENCHMARK_CAPTURE(weights, par, with(limpid::par, posterior_of::given))
    ->Apply(sizes)
    ->UseRealTime();

}  // namespace
