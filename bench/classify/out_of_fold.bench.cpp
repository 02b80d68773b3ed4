// SPDX-License-Identifier: BSL-1.0
// classify::out_of_fold around softmax regression, 5 folds. The floor is five fits on four fifths
// of the rows and five predictions, without copies by fold: the difference is what the folds cost.
#include <limpid/classify/out_of_fold.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/simd.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>

#include "classes.hpp"

namespace {

limpid_bench::classes_data make(benchmark::State const& state) {
  return limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                    static_cast<std::size_t>(state.range(1)), 10);
}

void fits_alone(benchmark::State& state) {
  auto const in = make(state);
  std::size_t const fifth = in.x.rows() / 5, rest = in.x.rows() - fifth;
  limpid::classify::softmax_regression const c{};
  limpid::matrix<double> p(fifth, in.classes);
  auto const train = in.x.view().row_block(0, rest),
             held_out = in.x.view().row_block(rest, rest + fifth);
  limpid::vector_view<std::int32_t const> const y(in.y.data(), rest);
  for (auto _ : state)
    for (int fold = 0; fold < 5; ++fold)
      c.fit(limpid::simd, train, y, in.classes).probabilities(limpid::simd, held_out, p);
}

template <class P>
void folds(benchmark::State& state, P exec) {
  auto const in = make(state);
  std::size_t right = 0;
  for (auto _ : state) {
    auto const r = limpid::classify::out_of_fold(exec, limpid::classify::softmax_regression{}, in.x,
                                                 in.y, in.classes);
    benchmark::DoNotOptimize(r.probabilities.data());
    right = 0;
    for (std::size_t i = 0; i < in.x.rows(); ++i) {
      std::size_t best = 0;
      for (std::size_t k = 1; k < in.classes; ++k)
        if (r.probabilities(i, k) > r.probabilities(i, best)) best = k;
      right += best == static_cast<std::size_t>(in.truth[i]);
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["right"] = static_cast<double>(right) / static_cast<double>(in.x.rows());
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({20000, 32})->Args({5000, 256})->Unit(benchmark::kMillisecond);
}
BENCHMARK(fits_alone)->Apply(sizes);
BENCHMARK_CAPTURE(folds, simd, limpid::simd)->Apply(sizes);
BENCHMARK_CAPTURE(folds, par, limpid::par)->Apply(sizes)->UseRealTime();

}  // namespace
