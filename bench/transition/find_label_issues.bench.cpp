// SPDX-License-Identifier: BSL-1.0
// transition::find_label_issues against the loops a reader would write by hand. Bytes are those of
// P, read once, and y.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/find_label_issues.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace {

using limpid::transition::issue_filter;
using limpid_bench::posteriors;

// The floor: thresholds, counts, and for every pair of classes the rows with the largest margins;
// no checks, no calibration.
std::size_t by_hand(posteriors const& in) {
  std::size_t const n = in.p.rows(), classes = in.p.cols();
  std::vector<double> threshold(classes), count(classes);
  std::vector<std::vector<std::size_t>> of_class(classes);
  for (std::size_t i = 0; i < n; ++i) {
    auto const k = static_cast<std::size_t>(in.y[i]);
    threshold[k] += static_cast<double>(in.p(i, k));
    of_class[k].push_back(i);
  }
  for (std::size_t k = 0; k < classes; ++k) threshold[k] /= static_cast<double>(of_class[k].size());
  limpid::matrix<std::size_t> joint(classes, classes);
  std::vector<std::uint8_t> doubt(n), flagged(n);
  for (std::size_t i = 0; i < n; ++i) {
    auto const y = static_cast<std::size_t>(in.y[i]);
    std::size_t passing = 0, last = 0, best = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      if (in.p(i, k) > in.p(i, best)) best = k;
      if (static_cast<double>(in.p(i, k)) >= threshold[k] - 1e-6) ++passing, last = k;
    }
    if (passing) ++joint(y, passing == 1 ? last : best);
    doubt[i] = best != y;
  }
  std::vector<float> margin;
  std::vector<std::size_t> order;
  for (std::size_t g = 0; g < classes; ++g)
    for (std::size_t t = 0; t < classes; ++t) {
      std::size_t const want = std::min(joint(g, t), of_class[g].size());
      if (g == t || want == 0) continue;
      order = of_class[g];
      std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(want - 1),
                       order.end(), [&](std::size_t a, std::size_t b) {
                         return in.p(a, t) - in.p(a, g) > in.p(b, t) - in.p(b, g);
                       });
      for (std::size_t q = 0; q < want; ++q) flagged[order[q]] = doubt[order[q]];
    }
  return static_cast<std::size_t>(std::count(flagged.begin(), flagged.end(), 1));
}

template <class F>
void find_label_issues(benchmark::State& state, F find) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             classes = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, classes);
  std::size_t found = 0;
  for (auto _ : state) {
    found = find(in);
    benchmark::DoNotOptimize(found);
  }
  limpid_bench::set_bytes(state, n, classes);
  state.counters["flagged_share"] = static_cast<double>(found) / static_cast<double>(n);
}

template <class P>
constexpr auto with(P exec, issue_filter rule = issue_filter::prune_by_noise_rate) {
  return [=](posteriors const& in) {
    return limpid::transition::find_label_issues(exec, in.p, in.y, {.filter_by = rule})
        .issues.size();
  };
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 1000})->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(find_label_issues, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(find_label_issues, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(find_label_issues, simd, with(limpid::default_policy))->Apply(sizes);
BENCHMARK_CAPTURE(find_label_issues, simd_confident_learning,
                  with(limpid::default_policy, issue_filter::confident_learning))
    ->Apply(sizes);
BENCHMARK_CAPTURE(find_label_issues, par, with(limpid::par))->Apply(sizes)->UseRealTime();

}  // namespace
