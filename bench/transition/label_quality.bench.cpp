// SPDX-License-Identifier: BSL-1.0
// transition::label_quality against the loop a reader would write by hand. Bytes are those of P,
// read once, and y. wrong_below is the share of wrong labels that score below the median.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/label_quality.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::transition::quality_score;
using limpid_bench::posteriors;

// The floor: no checks.
limpid::vector<double> by_hand(posteriors const& in) {
  std::size_t const n = in.p.rows(), classes = in.p.cols();
  limpid::vector<double> score(n);
  for (std::size_t i = 0; i < n; ++i) {
    auto const y = static_cast<std::size_t>(in.y[i]);
    float other = -1;
    for (std::size_t k = 0; k < classes; ++k)
      if (k != y) other = std::max(other, in.p(i, k));
    score[i] = (static_cast<double>(in.p(i, y) - other) + 1) / 2;
  }
  return score;
}

// Of the rows whose label is not the class with the largest entry.
double wrong_below_median(posteriors const& in, limpid::vector<double> const& score) {
  std::vector<double> sorted(score.begin(), score.end());
  auto const middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  double wrong = 0, below = 0;
  for (std::size_t i = 0; i < score.size(); ++i) {
    float const* const row = &in.p(i, 0);
    if (std::max_element(row, row + in.p.cols()) - row == in.y[i]) continue;
    wrong += 1;
    below += score[i] < *middle;
  }
  return below / wrong;
}

template <class F>
void label_quality(benchmark::State& state, F make) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, classes);
  limpid::vector<double> score;
  for (auto _ : state) {
    score = make(in);
    benchmark::DoNotOptimize(score);
  }
  limpid_bench::set_bytes(state, n, classes);
  state.counters["wrong_below"] = wrong_below_median(in, score);
}

template <class P>
constexpr auto with(P exec, quality_score score, bool adjust = false) {
  return [=](posteriors const& in) {
    return limpid::transition::label_quality(exec, in.p, in.y, {.score = score, .adjust = adjust})
        .score;
  };
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 1000})->Unit(benchmark::kMillisecond);
}
constexpr auto margin = quality_score::normalized_margin;

BENCHMARK_CAPTURE(label_quality, by_hand_margin, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(label_quality, seq_margin, with(limpid::seq, margin))->Apply(sizes);
BENCHMARK_CAPTURE(label_quality, simd_margin, with(limpid::default_policy, margin))->Apply(sizes);
BENCHMARK_CAPTURE(label_quality, simd_margin_adjusted, with(limpid::default_policy, margin, true))
    ->Apply(sizes);
BENCHMARK_CAPTURE(label_quality, simd_self,
                  with(limpid::default_policy, quality_score::self_confidence))
    ->Apply(sizes);
BENCHMARK_CAPTURE(label_quality, simd_entropy,
                  with(limpid::default_policy, quality_score::confidence_weighted_entropy))
    ->Apply(sizes);
BENCHMARK_CAPTURE(label_quality, par_margin, with(limpid::par, margin))
    ->Apply(sizes)
    ->UseRealTime();

}  // namespace
