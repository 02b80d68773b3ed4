// SPDX-License-Identifier: BSL-1.0
// transition::interval from counts and by redrawing rows; the floor is the redrawing by hand,
// labels and arg max only. The quality is in interval_coverage.cpp.
#include <limpid/exec/par.hpp>
#include <limpid/transition/confident_joint.hpp>
#include <limpid/transition/interval.hpp>
#include <limpid/transition/sibling.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::interval_rule;

void counts(benchmark::State& state, interval_rule rule) {
  auto const K = static_cast<std::size_t>(state.range(0));
  matrix<double> table(K, K, 5);
  for (std::size_t k = 0; k < K; ++k) table(k, k) = 500;
  double width = 0;
  for (auto _ : state) {
    auto const r = limpid::transition::interval(table, {.rule = rule});
    width = r.high(0, 0) - r.low(0, 0);
    benchmark::DoNotOptimize(width);
  }
  state.counters["width"] = width;
  state.SetItemsProcessed(static_cast<std::int64_t>(K * K) * state.iterations());
}
void hierarchy(benchmark::State& state) {
  auto const K = static_cast<std::size_t>(state.range(0));
  matrix<double> table(K, K, 5);
  for (std::size_t k = 0; k < K; ++k) table(k, k) = 500;
  std::vector<std::size_t> parents(K + K / 5 + 1, K + K / 5);
  for (std::size_t k = 0; k < K; ++k) parents[k] = K + k / 5;
  for (auto _ : state)
    benchmark::DoNotOptimize(limpid::transition::sibling(table, parents).p_value);
  state.SetItemsProcessed(static_cast<std::int64_t>(K * K) * state.iterations());
}

void rows_by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             K = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, K);
  std::vector<std::size_t> guess(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 1; k < K; ++k)
      if (in.p(i, k) > in.p(i, guess[i])) guess[i] = k;
  for (auto _ : state)
    for (std::uint64_t d = 0; d < 50; ++d) {
      matrix<double> t(K, K);
      limpid::random_stream draw(0, 0, d);
      for (std::size_t i = 0; i < n; ++i) {
        auto const r = static_cast<std::size_t>(draw.below(n));
        t(guess[r], static_cast<std::size_t>(in.y[r])) += 1;
      }
      benchmark::DoNotOptimize(t);
    }
  limpid_bench::set_bytes(state, 50 * n, K);
}
template <class P>
void rows(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             K = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, K);
  auto const estimator = [](auto const& where, auto const& p, auto const& y) {
    return limpid::transition::confident_joint(where, p, y, {.validate = false}).transition;
  };
  double width = 0;
  for (auto _ : state) {
    auto const r = limpid::transition::interval(exec, in.p, in.y, estimator, {.draws = 50});
    width = r.high(0, 0) - r.low(0, 0);
  }
  state.counters["width"] = width;
  limpid_bench::set_bytes(state, 50 * n, K);
}

BENCHMARK_CAPTURE(counts, dirichlet, interval_rule::dirichlet)
    ->Arg(10)
    ->Arg(100)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(counts, wilson, interval_rule::wilson)
    ->Arg(10)
    ->Arg(100)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(counts, bootstrap, interval_rule::bootstrap)
    ->Arg(10)
    ->Arg(100)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(hierarchy)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);
BENCHMARK(rows_by_hand)->ArgNames({"n", "K"})->Args({100000, 10})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rows, simd, limpid::simd)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rows, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({100000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
