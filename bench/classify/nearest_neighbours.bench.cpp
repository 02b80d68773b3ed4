// SPDX-License-Identifier: BSL-1.0
// classify::nearest_neighbours: votes of 10 neighbours for n queries among n rows. The floor is the
// search alone, without votes and standardisation: what the classifier adds to it is the
// difference.
#include <limpid/classify/nearest_neighbours.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/simd.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>

#include "classes.hpp"

namespace {

using limpid_bench::classes_data;

double share_right(limpid::matrix<double> const& p, classes_data const& in) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < p.rows(); ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < p.cols(); ++k)
      if (p(i, k) > p(i, best)) best = k;
    right += best == static_cast<std::size_t>(in.truth[i]);
  }
  return static_cast<double>(right) / static_cast<double>(p.rows());
}

void search_alone(benchmark::State& state) {
  auto const in = limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                             static_cast<std::size_t>(state.range(1)), 10);
  limpid::matrix<std::uint32_t> index(in.x.rows(), 10);
  limpid::matrix<double> distance(in.x.rows(), 10);
  for (auto _ : state)
    limpid::ops::nearest(limpid::simd, limpid::view(in.x), limpid::view(in.x), 10, index.view(),
                         distance.view(), {});
}

template <class P>
void classifier(benchmark::State& state, P exec) {
  auto const in = limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                             static_cast<std::size_t>(state.range(1)), 10);
  limpid::matrix<double> p(in.x.rows(), in.classes);
  for (auto _ : state) {
    auto const model = limpid::classify::nearest_neighbours{}.fit(
        exec, in.x, in.y, limpid::vector_view<double const>{}, in.classes);
    model.probabilities(exec, in.x, p);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["right"] = share_right(p, in);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({10000, 32})->Args({10000, 256})->Unit(benchmark::kMillisecond);
}
BENCHMARK(search_alone)->Apply(sizes);
BENCHMARK_CAPTURE(classifier, simd, limpid::simd)->Apply(sizes);
BENCHMARK_CAPTURE(classifier, par, limpid::par)->Apply(sizes)->UseRealTime();

}  // namespace
