// SPDX-License-Identifier: BSL-1.0
// transition::noise_matrices: what consistency and the prior by T's inverse cost beyond the joint,
// which is the floor. Bytes are those of P, read once, and y.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/noise_matrices.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>

namespace {

using limpid::transition::prior_rule;
using limpid_bench::posteriors;

template <class F>
void noise_matrices(benchmark::State& state, F estimate) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, classes);
  limpid::matrix<double> T;
  for (auto _ : state) {
    T = estimate(in);
    benchmark::DoNotOptimize(T);
  }
  limpid_bench::set_bytes(state, n, classes);
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(T, in.transition);
}

template <class P>
constexpr auto with(P exec, prior_rule prior = prior_rule::count) {
  return [=](posteriors const& in) {
    return limpid::transition::noise_matrices(exec, in.p, in.y, {.prior = prior}).transition;
  };
}
limpid::matrix<double> joint_only(posteriors const& in) {
  return limpid::transition::confident_joint(in.p, in.y).transition;
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 300})->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(noise_matrices, joint_only, joint_only)->Apply(sizes);
BENCHMARK_CAPTURE(noise_matrices, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(noise_matrices, simd, with(limpid::default_policy))->Apply(sizes);
BENCHMARK_CAPTURE(noise_matrices, simd_equation, with(limpid::default_policy, prior_rule::equation))
    ->Apply(sizes);
BENCHMARK_CAPTURE(noise_matrices, par, with(limpid::par))->Apply(sizes)->UseRealTime();

void rescaled_posterior(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, classes);
  auto const m = limpid::transition::noise_matrices(in.p, in.y);
  for (auto _ : state)
    benchmark::DoNotOptimize(limpid::transition::rescaled_posterior(in.p, m).posterior);
  limpid_bench::set_bytes(state, n, classes);
}
BENCHMARK(rescaled_posterior)->Apply(sizes);

}  // namespace
