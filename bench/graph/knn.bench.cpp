// SPDX-License-Identifier: BSL-1.0
// graph::knn against the loop a reader would write by hand.
#include <limpid/graph/knn.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t k = 10;

limpid::matrix<float> bells(std::size_t n, std::size_t d) {
  std::mt19937 draw(7);
  std::normal_distribution<float> bell;
  limpid::matrix<float> out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = bell(draw);
  return out;
}

// The floor: a sorted list of k per row.
limpid::matrix<std::uint32_t> by_hand(limpid::matrix<float> const& x) {
  limpid::matrix<std::uint32_t> index(x.rows(), k);
  for (std::size_t i = 0; i < x.rows(); ++i) {
    std::vector<std::pair<float, std::uint32_t>> best;
    for (std::size_t j = 0; j < x.rows(); ++j) {
      if (j == i) continue;
      float s = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) s += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      if (best.size() == k && s >= best.back().first) continue;
      if (best.size() == k) best.pop_back();
      std::pair<float, std::uint32_t> const item{s, static_cast<std::uint32_t>(j)};
      best.insert(std::upper_bound(best.begin(), best.end(), item), item);
    }
    for (std::size_t c = 0; c < k; ++c) index(i, c) = best[c].second;
  }
  return index;
}

template <class F>
void nearest(benchmark::State& state, F const& f) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             d = static_cast<std::size_t>(state.range(1));
  auto const x = bells(n, d);
  auto const truth = by_hand(x);
  limpid::matrix<std::uint32_t> found;
  for (auto _ : state) {
    found = f(x);
    benchmark::DoNotOptimize(found.data());
  }
  double same = 0;
  for (std::size_t i = 0; i < n * k; ++i) same += found.data()[i] == truth.data()[i];
  state.counters["flops"] = benchmark::Counter(2.0 * static_cast<double>(n * n * d),
                                               benchmark::Counter::kIsIterationInvariantRate);
  state.counters["recall"] = same / static_cast<double>(n * k);  // never speed alone
}

template <class P>
auto with(P exec) {
  return [=](auto const& x) { return limpid::graph::knn(exec, x, {.k = k}).index; };
}
void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 64})->Args({4000, 512})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(nearest, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(nearest, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(nearest, simd, with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(nearest, par, with(limpid::par))->Apply(sizes)->UseRealTime();

}  // namespace
