// SPDX-License-Identifier: BSL-1.0
// transition::estimate from probabilities against counting arg max by hand, and from features over
// n.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/estimate.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

namespace {

using limpid_bench::estimate_transition;
using limpid_bench::posteriors;

// The floor: one of the readings.
limpid::matrix<double> by_hand(posteriors const& in) {
  std::size_t const classes = in.p.cols();
  limpid::matrix<double> t(classes, classes);
  for (std::size_t i = 0; i < in.p.rows(); ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < classes; ++k)
      if (in.p(i, k) > in.p(i, best)) best = k;
    t(best, static_cast<std::size_t>(in.y[i])) += 1;
  }
  return limpid::transition::detail::evidence::row_stochastic(t);
}

template <class P>
constexpr auto with(P exec) {
  return [=](posteriors const& in) {
    return limpid::transition::estimate(exec, in.p, in.y).transition;
  };
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})
      ->Args({50000, 10})
      ->Args({500000, 10})
      ->Args({50000, 100})
      ->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(estimate_transition, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, simd, with(limpid::default_policy))->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, par2, with(limpid::par_policy{.threads = 2}))->Apply(sizes);

/// Clouds of rows, one per class, at unit distance; a fifth of the labels is wrong.
void from_features(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  limpid::matrix<float> x(n, classes);
  limpid::vector<std::int32_t> y(n);
  limpid::matrix<double> truth(classes, classes, 0.2 / static_cast<double>(classes - 1));
  for (std::size_t k = 0; k < classes; ++k) truth(k, k) = 0.8;
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(3, 0, i);
    std::size_t const z = i % classes;
    for (std::size_t c = 0; c < classes; ++c)
      x(i, c) = static_cast<float>((c == z ? 1 : 0) + 0.6 * draw.uniform());
    std::size_t label = z;
    if (draw.uniform() < 0.2) {
      label = draw.below(classes - 1);
      label += label >= z;
    }
    y[i] = static_cast<std::int32_t>(label);
  }
  limpid::transition::estimate_result r;
  for (auto _ : state) {
    r = limpid::transition::estimate(x, y, classes);
    benchmark::DoNotOptimize(r);
  }
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(r.transition, truth);
  state.counters["views"] = r.rule == limpid::transition::estimate_rule::views;
}
BENCHMARK(from_features)
    ->ArgNames({"n", "K"})
    ->Args({2000, 10})
    ->Args({8000, 10})
    ->Args({8000, 50})
    ->Unit(benchmark::kMillisecond);

}  // namespace
