// SPDX-License-Identifier: BSL-1.0
// transition::robot: ten outer steps, d = 16. The floor is one pass of logits and slopes by hand,
// what a step takes tens of. Then a whole path on separable rows: the error of the likeliest T, and
// of the path's end.
#include <limpid/transition/robot.hpp>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include "classes.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

void pass_by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)), d = std::size_t{16},
             K = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_classes(n, d, K);
  std::vector<double> w(K * d, 0.01), slope(K * d), z(K);
  for (auto _ : state) {
    for (double& g : slope) g = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < K; ++k) {
        double v = 0;
        for (std::size_t j = 0; j < d; ++j) v += w[k * d + j] * static_cast<double>(in.x(i, j));
        sum += z[k] = std::exp(v);
      }
      for (std::size_t k = 0; k < K; ++k) {
        double const c = z[k] / sum - (static_cast<std::size_t>(in.y[i]) == k ? 1 : 0);
        for (std::size_t j = 0; j < d; ++j) slope[k * d + j] += c * static_cast<double>(in.x(i, j));
      }
    }
    benchmark::DoNotOptimize(slope.data());
  }
  state.counters["rows"] =
      benchmark::Counter(static_cast<double>(n) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  state.counters["flops"] = benchmark::Counter(
      4.0 * static_cast<double>(n * d * K) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}
BENCHMARK(pass_by_hand)->ArgNames({"n", "K"})->Args({20000, 10})->Unit(benchmark::kMillisecond);

template <class P>
void ten_steps(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             K = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_classes(n, 16, K);
  double loss = 0;
  for (auto _ : state) {
    auto const r =
        limpid::transition::robot(exec, in.x, in.y, K, {.tolerance = 0, .max_iterations = 10});
    loss = r.outer_loss[10];
  }
  state.counters["outer_loss"] = loss;
  state.counters["row_steps"] =
      benchmark::Counter(10.0 * static_cast<double>(n) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(ten_steps, seq, limpid::seq)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ten_steps, simd, limpid::simd)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ten_steps, par, limpid::par)
    ->ArgNames({"n", "K"})
    ->Args({20000, 10})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// Largest error of T against the shares that were flipped: noise in per cent, to the next class or
/// to any other.
void path(benchmark::State& state) {
  std::size_t const n = 4000, K = 3;
  double const rate = static_cast<double>(state.range(0)) / 100;
  bool const pair = state.range(1) != 0;
  limpid::matrix<double> x(n, K), flips(K, K);
  std::vector<int> y(n);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(5, 0, i);
    std::size_t const z = i % K;
    for (std::size_t c = 0; c < K; ++c) {
      double bell = -6;
      for (int t = 0; t < 12; ++t) bell += draw.uniform();
      x(i, c) = bell + (c == z ? 5 : 0);
    }
    std::size_t const other = pair ? 1 : 1 + draw.below(K - 1);
    std::size_t const given = draw.uniform() < rate ? (z + other) % K : z;
    y[i] = static_cast<int>(given);
    flips(z, given) += 1;
  }
  auto const error = [&](limpid::matrix<double> const& t) {
    double worst = 0;
    for (std::size_t k = 0; k < K; ++k) {
      double const rows = flips(k, 0) + flips(k, 1) + flips(k, 2);
      for (std::size_t j = 0; j < K; ++j)
        worst = std::fmax(worst, std::abs(t(k, j) - flips(k, j) / rows));
    }
    return worst;
  };
  for (auto _ : state) {
    auto const r = limpid::transition::robot(x, y, K);
    state.counters["error"] = error(r.transition);
    state.counters["error_at_end"] = error(r.last);
    state.counters["chosen"] = static_cast<double>(r.chosen);
    state.counters["steps"] = r.iterations;
  }
}
BENCHMARK(path)
    ->ArgNames({"noise", "pair"})
    ->ArgsProduct({{20, 40}, {0, 1}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
