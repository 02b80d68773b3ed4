// SPDX-License-Identifier: BSL-1.0
// classify::folds: stratified folds against a shuffle per class, as one writes it by hand; rows per
// second, and the largest difference of a class's rows between two folds.
#include <limpid/classify/folds.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "classes.hpp"

namespace {

constexpr std::size_t classes = 10, count = 5;

limpid::vector<std::int32_t> by_hand(limpid::vector<std::int32_t> const& y) {
  std::mt19937 engine(1);
  std::vector<std::vector<std::size_t>> of(classes);
  for (std::size_t i = 0; i < y.size(); ++i) of[static_cast<std::size_t>(y[i])].push_back(i);
  limpid::vector<std::int32_t> fold(y.size());
  for (auto& rows : of) {
    std::shuffle(rows.begin(), rows.end(), engine);
    for (std::size_t r = 0; r < rows.size(); ++r)
      fold[rows[r]] = static_cast<std::int32_t>(r % count);
  }
  return fold;
}
limpid::vector<std::int32_t> library(limpid::vector<std::int32_t> const& y) {
  return limpid::classify::folds(y, classes, {.count = count}).fold;
}

template <class F>
void folds(benchmark::State& state, F split) {
  auto const in = limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)), 1, classes);
  limpid::vector<std::int32_t> fold;
  for (auto _ : state) {
    fold = split(in.y);
    benchmark::DoNotOptimize(fold.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  limpid::matrix<double> rows(classes, count);
  for (std::size_t i = 0; i < in.y.size(); ++i)
    ++rows(static_cast<std::size_t>(in.y[i]), static_cast<std::size_t>(fold[i]));
  double spread = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    auto const [low, high] = std::minmax_element(&rows(k, 0), &rows(k, 0) + count);
    spread = (std::max)(spread, *high - *low);
  }
  state.counters["spread"] = spread;
}
BENCHMARK_CAPTURE(folds, by_hand, by_hand)->Arg(1 << 20)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(folds, library, library)->Arg(1 << 20)->Unit(benchmark::kMillisecond);

}  // namespace
