// SPDX-License-Identifier: BSL-1.0
// transition::hoc_local: the global estimate and 50 regions of 250 rows.
#include <limpid/transition/hoc_local.hpp>

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
void regions(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_rows(n, classes, 64);
  for (auto _ : state) {
    auto const r = limpid::transition::hoc_local(exec, in.x, in.y, classes, {.max_regions = 50});
    benchmark::DoNotOptimize(r);
    state.counters["covered"] = static_cast<double>(r.covered);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(n) * state.iterations());
}
BENCHMARK_CAPTURE(regions, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(regions, simd, limpid::default_policy)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(regions, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({5000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
