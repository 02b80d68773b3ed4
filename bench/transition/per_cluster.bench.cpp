// SPDX-License-Identifier: BSL-1.0
// transition::per_cluster: counts, strengths and rows of five clusters.
#include <limpid/transition/per_cluster.hpp>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

/// n rows of class i mod K in clouds, a fifth of the labels drawn anew.
struct rows {
  limpid::matrix<float> x;
  limpid::matrix<double> p;
  std::vector<int> truth, region, y;
};
rows make_rows(std::size_t n, std::size_t classes, std::size_t columns) {
  rows out{limpid::matrix<float>(n, columns), limpid::matrix<double>(n, classes), {}, {}, {}};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(1, 0, i);
    std::size_t const z = i % classes;
    for (std::size_t c = 0; c < columns; ++c)
      out.x(i, c) = static_cast<float>((c % classes == z ? 1 : 0) + draw.uniform());
    for (std::size_t k = 0; k < classes; ++k)
      out.p(i, k) = 0.2 / static_cast<double>(classes) + (k == z ? 0.8 : 0);
    out.truth.push_back(static_cast<int>(z));
    out.region.push_back(static_cast<int>(draw.below(5)));
    out.y.push_back(static_cast<int>(draw.uniform() < 0.2 ? draw.below(classes) : z));
  }
  return out;
}

template <class P>
void clusters(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  for (auto _ : state) {
    auto const r = limpid::transition::per_cluster(exec, in.truth, in.region, in.y, classes, 5);
    benchmark::DoNotOptimize(r);
    state.counters["gap_to_0.82"] = std::abs(r.global(0, 0) - 0.82);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(clusters, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(clusters, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(clusters, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// The floor: one pass that counts.
void by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 1);
  for (auto _ : state) {
    std::vector<double> cells(classes * classes * 5);
    for (std::size_t i = 0; i < n; ++i)
      ++cells[static_cast<std::size_t>(in.truth[i] * 5 + in.region[i]) * classes +
              static_cast<std::size_t>(in.y[i])];
    benchmark::DoNotOptimize(cells);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK(by_hand)->ArgNames({"n", "K"})->Args({100000, 10})->Unit(benchmark::kMillisecond);

}  // namespace
