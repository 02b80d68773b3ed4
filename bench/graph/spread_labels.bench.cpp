// SPDX-License-Identifier: BSL-1.0
// graph::spread_labels on a 10-neighbour graph, a hundredth of the nodes labelled, by conjugate
// gradients and by power iteration; the floor is the power iteration one writes by hand. The share
// of nodes that get the right class is `right`.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/graph/knn.hpp>
#include <limpid/graph/sparse.hpp>
#include <limpid/graph/spread_labels.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "classes.hpp"

namespace {

constexpr std::size_t classes = 10;

struct problem {
  limpid::graph::build_result<double> built;
  limpid::vector<std::int32_t> seeds, truth;
};
problem make(std::size_t n) {
  auto const in = limpid_bench::make_classes(n, 60, classes);
  auto const near = limpid::graph::knn(in.x, {.k = 10});
  problem out{limpid::graph::build(near.index, near.distance), limpid::vector<std::int32_t>(n, -1),
              in.truth};
  for (std::size_t i = 0; i < n; i += 100) out.seeds[i] = in.truth[i];
  return out;
}

// The floor: F <- alpha S F + (1 - alpha) Y, 50 times.
std::vector<double> by_hand(problem const& in) {
  auto const& g = in.built.graph;
  std::size_t const n = in.seeds.size();
  std::vector<double> root(n), f(n * classes), next(n * classes);
  for (std::size_t i = 0; i < n; ++i) {
    double degree = 0;
    for (std::size_t e = g.start[i]; e < g.start[i + 1]; ++e) degree += g.value[e];
    root[i] = degree > 0 ? 1 / std::sqrt(degree) : 0;
  }
  for (int step = 0; step < 50; ++step) {
    for (std::size_t i = 0; i < n; ++i) {
      double* const to = &next[i * classes];
      for (std::size_t k = 0; k < classes; ++k)
        to[k] = static_cast<std::size_t>(in.seeds[i]) == k ? 0.01 : 0;
      for (std::size_t e = g.start[i]; e < g.start[i + 1]; ++e) {
        double const w = 0.99 * g.value[e] * root[i] * root[g.col[e]];
        for (std::size_t k = 0; k < classes; ++k) to[k] += w * f[g.col[e] * classes + k];
      }
    }
    f.swap(next);
  }
  return f;
}

void power_by_hand(benchmark::State& state) {
  auto const in = make(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(by_hand(in).data());
}

template <class P>
void spread(benchmark::State& state, P exec, limpid::graph::spread_solver how) {
  auto const in = make(static_cast<std::size_t>(state.range(0)));
  std::size_t right = 0;
  int steps = 0;
  for (auto _ : state) {
    auto const r = limpid::graph::spread_labels(exec, in.built.graph, in.seeds,
                                                {.classes = classes, .solver = how});
    right = 0;
    for (std::size_t i = 0; i < in.truth.size(); ++i) right += r.label[i] == in.truth[i];
    steps = r.iterations;
  }
  state.counters["right"] = static_cast<double>(right) / static_cast<double>(in.truth.size());
  state.counters["steps"] = static_cast<double>(steps);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("n")->Arg(20000)->Unit(benchmark::kMillisecond);
}
BENCHMARK(power_by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(spread, gradients_seq, limpid::seq,
                  limpid::graph::spread_solver::conjugate_gradients)
    ->Apply(sizes);
BENCHMARK_CAPTURE(spread, gradients_simd, limpid::simd,
                  limpid::graph::spread_solver::conjugate_gradients)
    ->Apply(sizes);
BENCHMARK_CAPTURE(spread, power_simd, limpid::simd, limpid::graph::spread_solver::power)
    ->Apply(sizes);
BENCHMARK_CAPTURE(spread, gradients_par, limpid::par,
                  limpid::graph::spread_solver::conjugate_gradients)
    ->Apply(sizes)
    ->UseRealTime();

}  // namespace
