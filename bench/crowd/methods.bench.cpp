// SPDX-License-Identifier: BSL-1.0
// Every method of crowd/ on the same answers, with its defaults, against counting the votes by
// hand.
#include <limpid/crowd/agreement.hpp>
#include <limpid/crowd/glad.hpp>
#include <limpid/crowd/label_sets.hpp>
#include <limpid/crowd/mace.hpp>
#include <limpid/crowd/majority_vote.hpp>
#include <limpid/crowd/one_coin.hpp>
#include <limpid/crowd/weighted_vote.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include "crowd/crowds.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace {

using limpid_bench::crowd;
namespace lc = limpid::crowd;

// The floor: one pass over the triples.
std::vector<std::int32_t> by_hand(crowd const& c) {
  std::vector<std::int32_t> votes(c.tasks * c.classes), label(c.tasks);
  for (std::size_t i = 0; i < c.task.size(); ++i)
    ++votes[static_cast<std::size_t>(c.task[i]) * c.classes + static_cast<std::size_t>(c.label[i])];
  for (std::size_t t = 0; t < c.tasks; ++t)
    for (std::size_t j = 1; j < c.classes; ++j)
      if (votes[t * c.classes + j] > votes[t * c.classes + static_cast<std::size_t>(label[t])])
        label[t] = static_cast<std::int32_t>(j);
  return label;
}

template <class F>
void votes(benchmark::State& state, F estimate) {
  auto const c = limpid_bench::make_crowd(static_cast<std::size_t>(state.range(0)),
                                          static_cast<std::size_t>(state.range(1)),
                                          static_cast<std::size_t>(state.range(2)));
  double accuracy = 0;
  for (auto _ : state) accuracy = limpid_bench::accuracy(estimate(c), c);
  state.SetBytesProcessed(state.iterations() * state.range(0) * 12);
  state.counters["accuracy"] = accuracy;
}
template <class P>
constexpr auto majority(P exec) {
  return [=](crowd const& c) { return lc::majority_vote(exec, c.list).label; };
}
template <class P>
constexpr auto coin(P exec) {
  return [=](crowd const& c) {
    return lc::one_coin(exec, c.list, {.tolerance = 0, .max_iterations = 10}).label;
  };
}
template <class P>
constexpr auto habits(P exec) {
  return [=](crowd const& c) {
    return lc::mace(exec, c.list, {.restarts = 1, .max_iterations = 10, .tolerance = 0}).label;
  };
}
template <class P>
constexpr auto difficulty(P exec) {
  return [=](crowd const& c) {
    return lc::glad(exec, c.list, {.tolerance = 0, .max_iterations = 2}).label;
  };
}
auto weighted(crowd const& c) {
  return lc::weighted_vote(c.list).label;
}
auto sets(crowd const& c) {
  return lc::label_sets(c.list, c.truth).aggregate;
}
void kappa(benchmark::State& state) {
  auto const c = limpid_bench::make_crowd(static_cast<std::size_t>(state.range(0)),
                                          static_cast<std::size_t>(state.range(1)),
                                          static_cast<std::size_t>(state.range(2)));
  double value = 0;
  for (auto _ : state) value = lc::agreement(c.list).fleiss_kappa;
  state.counters["kappa"] = value;
}

auto one_size(benchmark::internal::Benchmark* b) {
  b->ArgNames({"answers", "workers", "K"})->Args({1000000, 1000, 4})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(votes, by_hand_majority, by_hand)->Apply(one_size);
BENCHMARK_CAPTURE(votes, seq_majority, majority(limpid::seq))->Apply(one_size);
BENCHMARK_CAPTURE(votes, simd_majority, majority(limpid::default_policy))->Apply(one_size);
BENCHMARK_CAPTURE(votes, par_majority, majority(limpid::par))->Apply(one_size)->UseRealTime();
BENCHMARK_CAPTURE(votes, simd_weighted, weighted)->Apply(one_size);
BENCHMARK_CAPTURE(votes, seq_one_coin_10, coin(limpid::seq))->Apply(one_size);
BENCHMARK_CAPTURE(votes, simd_one_coin_10, coin(limpid::default_policy))->Apply(one_size);
BENCHMARK_CAPTURE(votes, par_one_coin_10, coin(limpid::par))->Apply(one_size)->UseRealTime();
BENCHMARK_CAPTURE(votes, simd_mace_10, habits(limpid::default_policy))->Apply(one_size);
BENCHMARK_CAPTURE(votes, par_mace_10, habits(limpid::par))->Apply(one_size)->UseRealTime();
BENCHMARK_CAPTURE(votes, simd_glad_2, difficulty(limpid::default_policy))->Apply(one_size);
BENCHMARK_CAPTURE(votes, par_glad_2, difficulty(limpid::par))->Apply(one_size)->UseRealTime();
BENCHMARK_CAPTURE(votes, simd_label_sets, sets)->Apply(one_size);
BENCHMARK(kappa)->Apply(one_size);

}  // namespace
