// SPDX-License-Identifier: BSL-1.0
// transition::three_views: three noisy labels per row, a fifth of each wrong. The floor is the
// count of triples alone.
#include <limpid/core/random.hpp>
#include <limpid/transition/three_views.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

limpid::matrix<std::int32_t> make_views(std::size_t n, std::size_t classes) {
  limpid::matrix<std::int32_t> views(n, 3);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(5, 0, i);
    std::size_t const truth = draw.below(classes);
    for (std::size_t v = 0; v < 3; ++v) {
      bool const wrong = draw.uniform() < 0.2;
      std::size_t const other = draw.below(classes - 1);
      views(i, v) = static_cast<std::int32_t>(wrong ? other + (other >= truth) : truth);
    }
  }
  return views;
}

void count_by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const views = make_views(n, classes);
  for (auto _ : state) {
    std::vector<double> count(classes * classes * classes);
    for (std::size_t i = 0; i < n; ++i)
      ++count[(static_cast<std::size_t>(views(i, 0)) * classes +
               static_cast<std::size_t>(views(i, 1))) *
                  classes +
              static_cast<std::size_t>(views(i, 2))];
    benchmark::DoNotOptimize(count.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void three_views(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const views = make_views(n, classes);
  limpid::transition::consensus_result r;
  for (auto _ : state) r = limpid::transition::three_views(views, classes);
  state.SetItemsProcessed(state.iterations() * state.range(0));
  limpid::matrix<double> truth(classes, classes, 0.2 / static_cast<double>(classes - 1));
  for (std::size_t k = 0; k < classes; ++k) truth(k, k) = 0.8;
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(r.transition, truth);
  state.counters["iterations_of_EM"] = r.iterations;
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 50})->Unit(benchmark::kMillisecond);
}
BENCHMARK(count_by_hand)->Apply(sizes);
BENCHMARK(three_views)->Apply(sizes);

}  // namespace
