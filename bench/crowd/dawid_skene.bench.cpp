// SPDX-License-Identifier: BSL-1.0
// crowd::dawid_skene, ten iterations, against loops over the triples with a dense matrix per
// worker.
#include <limpid/crowd/dawid_skene.hpp>
#include <limpid/crowd/fast_dawid_skene.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include "crowd/crowds.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid_bench::crowd;

// The floor: the triples as they come, workers x K x K matrices, logarithms of them once per
// iteration.
std::vector<std::int32_t> by_hand(crowd const& c) {
  std::size_t const K = c.classes, n = c.task.size();
  std::vector<double> q(c.tasks * K), e(c.workers * K * K), prior(K);
  for (std::size_t i = 0; i < n; ++i)
    q[static_cast<std::size_t>(c.task[i]) * K + static_cast<std::size_t>(c.label[i])] += 0.2;
  for (int iteration = 0; iteration < 10; ++iteration) {
    std::fill(e.begin(), e.end(), 1e-10);
    std::fill(prior.begin(), prior.end(), 0);
    for (std::size_t i = 0; i < n; ++i) {
      double const* const from = &q[static_cast<std::size_t>(c.task[i]) * K];
      double* const to =
          &e[(static_cast<std::size_t>(c.worker[i]) * K + static_cast<std::size_t>(c.label[i])) *
             K];
      for (std::size_t j = 0; j < K; ++j) to[j] += from[j];
    }
    for (std::size_t t = 0; t < c.tasks; ++t)
      for (std::size_t j = 0; j < K; ++j) prior[j] += q[t * K + j] / static_cast<double>(c.tasks);
    for (std::size_t w = 0; w < c.workers; ++w)
      for (std::size_t j = 0; j < K; ++j) {
        double sum = 0;
        for (std::size_t l = 0; l < K; ++l) sum += e[(w * K + l) * K + j];
        for (std::size_t l = 0; l < K; ++l)
          e[(w * K + l) * K + j] = std::log(e[(w * K + l) * K + j] / sum);
      }
    for (std::size_t t = 0; t < c.tasks; ++t)
      for (std::size_t j = 0; j < K; ++j) q[t * K + j] = std::log(prior[j]);
    for (std::size_t i = 0; i < n; ++i) {
      double* const to = &q[static_cast<std::size_t>(c.task[i]) * K];
      double const* const from =
          &e[(static_cast<std::size_t>(c.worker[i]) * K + static_cast<std::size_t>(c.label[i])) *
             K];
      for (std::size_t j = 0; j < K; ++j) to[j] += from[j];
    }
    for (std::size_t t = 0; t < c.tasks; ++t) {
      double* const row = &q[t * K];
      double const top = *std::max_element(row, row + K);
      double sum = 0;
      for (std::size_t j = 0; j < K; ++j) sum += row[j] = std::exp(row[j] - top);
      for (std::size_t j = 0; j < K; ++j) row[j] /= sum;
    }
  }
  std::vector<std::int32_t> label(c.tasks);
  for (std::size_t t = 0; t < c.tasks; ++t)
    label[t] = static_cast<std::int32_t>(std::max_element(&q[t * K], &q[t * K] + K) - &q[t * K]);
  return label;
}

template <class F>
void sweeps(benchmark::State& state, F estimate) {
  auto const c = limpid_bench::make_crowd(static_cast<std::size_t>(state.range(0)),
                                          static_cast<std::size_t>(state.range(1)),
                                          static_cast<std::size_t>(state.range(2)));
  double accuracy = 0;
  for (auto _ : state) accuracy = limpid_bench::accuracy(estimate(c), c);
  // answers times K, read and added twice an iteration
  state.counters["flops"] =
      benchmark::Counter(40.0 * static_cast<double>(state.range(0) * state.range(2)),
                         benchmark::Counter::kIsIterationInvariantRate);
  state.counters["accuracy"] = accuracy;
}

template <class P>
constexpr auto with(P exec) {
  return [=](crowd const& c) {
    return limpid::crowd::dawid_skene(exec, c.list,
                                      {.tolerance = 0, .max_iterations = 10, .confusions = false})
        .label;
  };
}
auto converged(crowd const& c) {
  return limpid::crowd::dawid_skene(c.list, {.confusions = false}).label;
}
auto fast(crowd const& c) {
  return limpid::crowd::fast_dawid_skene(c.list, {.confusions = false}).label;
}
void list_of(benchmark::State& state) {
  auto const c = limpid_bench::make_crowd(static_cast<std::size_t>(state.range(0)),
                                          static_cast<std::size_t>(state.range(1)),
                                          static_cast<std::size_t>(state.range(2)));
  for (auto _ : state)
    benchmark::DoNotOptimize(
        limpid::crowd::answers(c.task, c.worker, c.label, {.classes = c.classes}).total);
  state.SetBytesProcessed(state.iterations() * state.range(0) * 12);
}

BENCHMARK_CAPTURE(sweeps, by_hand, by_hand)->Apply(limpid_bench::crowd_sizes);
BENCHMARK_CAPTURE(sweeps, seq, with(limpid::seq))->Apply(limpid_bench::crowd_sizes);
BENCHMARK_CAPTURE(sweeps, simd, with(limpid::default_policy))->Apply(limpid_bench::crowd_sizes);
BENCHMARK_CAPTURE(sweeps, par, with(limpid::par))->Apply(limpid_bench::crowd_sizes)->UseRealTime();
BENCHMARK_CAPTURE(sweeps, simd_until_converged, converged)->Apply(limpid_bench::crowd_sizes);
BENCHMARK_CAPTURE(sweeps, simd_fast_dawid_skene, fast)->Apply(limpid_bench::crowd_sizes);
BENCHMARK(list_of)->Apply(limpid_bench::crowd_sizes);

}  // namespace
