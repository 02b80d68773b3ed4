// SPDX-License-Identifier: BSL-1.0
// kernel_mean::outlier_score: 10000 rows in 64 columns, 10 classes, a fifth of the labels drawn
// anew, against distances to equally weighted means by loops. `precision` is the share of wrong
// labels among as many rows of the largest scores as there are wrong labels.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/outlier_score.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "classes.hpp"

namespace {

constexpr auto kernel = limpid::kernels::gaussian(1.0 / 512);
constexpr std::size_t n = 10000;

void report(benchmark::State& state, limpid_bench::classes_data const& in, double const* score) {
  std::vector<std::size_t> order(n);
  std::size_t wrong = 0, found = 0;
  for (std::size_t i = 0; i < n; ++i) {
    order[i] = i;
    wrong += in.y[i] != in.truth[i];
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  for (std::size_t r = 0; r < wrong; ++r) found += in.y[order[r]] != in.truth[order[r]];
  state.counters["precision"] = static_cast<double>(found) / static_cast<double>(wrong);
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(n) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

void by_hand(benchmark::State& state) {
  auto const in = limpid_bench::make_classes(n, 64, 10);
  std::vector<double> score(n);
  for (auto _ : state) {
    std::vector<double> mean(10), size(10), own(n);
    for (std::size_t i = 0; i < n; ++i) ++size[static_cast<std::size_t>(in.y[i])];
    for (std::size_t i = 0; i < n; ++i) {
      own[i] = 0;
      for (std::size_t j = 0; j < n; ++j)
        if (in.y[j] == in.y[i]) own[i] += kernel(in.x.view().row(i), in.x.view().row(j));
      auto const c = static_cast<std::size_t>(in.y[i]);
      own[i] /= size[c];
      mean[c] += own[i] / size[c];
    }
    for (std::size_t i = 0; i < n; ++i)
      score[i] = 1 - 2 * own[i] + mean[static_cast<std::size_t>(in.y[i])];
  }
  report(state, in, score.data());
}

template <class P>
void rank(benchmark::State& state, P exec, limpid::kernel_mean::outlier_rule rule) {
  auto const in = limpid_bench::make_classes(n, 64, 10);
  limpid::kernel_mean::outlier_result r;
  for (auto _ : state)
    r = limpid::kernel_mean::outlier_score(exec, kernel, in.x, in.y, 10, {.rule = rule});
  report(state, in, r.score.data());
}
template <class P>
void margin(benchmark::State& state, P exec) {
  rank(state, exec, limpid::kernel_mean::outlier_rule::margin);
}
template <class P>
void distance(benchmark::State& state, P exec) {
  rank(state, exec, limpid::kernel_mean::outlier_rule::distance);
}

BENCHMARK(by_hand)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(distance, seq, limpid::seq)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(distance, simd, limpid::simd)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(margin, simd, limpid::simd)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(margin, par, limpid::par)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
