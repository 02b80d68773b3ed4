// SPDX-License-Identifier: BSL-1.0
// transition::hoc: the solver alone over K, given neighbours, and the whole from features.
#include <limpid/exec/par.hpp>
#include <limpid/transition/hoc.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

namespace {

/// n rows in clouds, one per class; labels wrong at rate 0.2; each row's neighbours are of its
/// class.
struct cloud {
  limpid::matrix<float> x;
  limpid::matrix<std::uint32_t> neighbours;
  limpid::vector<std::int32_t> y;
  limpid::matrix<double> transition;
};
cloud make_cloud(std::size_t n, std::size_t classes, std::size_t columns) {
  cloud out{limpid::matrix<float>(n, columns), limpid::matrix<std::uint32_t>(n, 2),
            limpid::vector<std::int32_t>(n),
            limpid::matrix<double>(classes, classes, 0.2 / static_cast<double>(classes - 1))};
  for (std::size_t k = 0; k < classes; ++k) out.transition(k, k) = 0.8;
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(3, 0, i);
    std::size_t const truth = i % classes;
    for (std::size_t c = 0; c < columns; ++c)
      out.x(i, c) = static_cast<float>((c % classes == truth ? 1 : 0) + 0.1 * draw.uniform());
    for (std::size_t v = 0; v < 2; ++v)
      out.neighbours(i, v) = static_cast<std::uint32_t>((i + (v + 1) * classes) % n);
    std::size_t label = truth;
    if (draw.uniform() < 0.2) {
      label = draw.below(classes - 1);
      label += label >= truth;
    }
    out.y[i] = static_cast<std::int32_t>(label);
  }
  return out;
}

void given_neighbours(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_cloud(n - n % classes, classes, 1);
  limpid::transition::consensus_result r;
  for (auto _ : state) {
    r = limpid::transition::hoc(in.neighbours, in.y, classes);
    benchmark::DoNotOptimize(r);
  }
  state.counters["iterations_of_EM"] = r.iterations;
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(r.transition, in.transition);
}
BENCHMARK(given_neighbours)
    ->ArgNames({"n", "K"})
    ->Args({50000, 10})
    ->Args({50000, 26})
    ->Args({50000, 100})
    ->Unit(benchmark::kMillisecond);

template <class P>
void from_features(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             columns = static_cast<std::size_t>(state.range(1));
  auto const in = make_cloud(n, 10, columns);
  limpid::transition::consensus_result r;
  for (auto _ : state) {
    r = limpid::transition::hoc(exec, in.x, in.y, 10);
    benchmark::DoNotOptimize(r);
  }
  state.counters["flops"] = benchmark::Counter(
      2.0 * static_cast<double>(n * n * columns) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(r.transition, in.transition);
}
BENCHMARK_CAPTURE(from_features, simd, limpid::default_policy)
    ->ArgNames({"n", "d"})
    ->Args({10000, 64})
    ->Args({15000, 512})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(from_features, par, limpid::par)
    ->ArgNames({"n", "d"})
    ->Args({10000, 64})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// As published: 50 subsets of 15000 of 50000 rows, or what share of that the machine has time for.
void subsets(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             m = static_cast<std::size_t>(state.range(1));
  auto const in = make_cloud(n, 10, 512);
  limpid::transition::consensus_result r;
  for (auto _ : state) {
    r = limpid::transition::hoc(in.x, in.y, 10, {.rounds = 50, .subset = m});
    benchmark::DoNotOptimize(r);
  }
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(r.transition, in.transition);
}
BENCHMARK(subsets)
    ->ArgNames({"n", "m"})
    ->Args({10000, 3000})
    ->Args({50000, 15000})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

/// The three solvers on the same counts.
void solvers(benchmark::State& state) {
  auto const method = static_cast<limpid::transition::consensus_method>(state.range(0));
  auto const classes = static_cast<std::size_t>(state.range(1));
  auto const in = make_cloud(50000 - 50000 % classes, classes, 1);
  limpid::transition::consensus_result r;
  for (auto _ : state) {
    r = limpid::transition::hoc(in.neighbours, in.y, classes, {.solver = {.method = method}});
    benchmark::DoNotOptimize(r);
  }
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(r.transition, in.transition);
}
BENCHMARK(solvers)
    ->ArgNames({"method", "K"})
    ->ArgsProduct({{0, 1, 2}, {5, 10}})
    ->Unit(benchmark::kMillisecond);

}  // namespace
