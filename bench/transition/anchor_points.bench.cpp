// SPDX-License-Identifier: BSL-1.0
// transition::anchor_points and transition::dual_t against a hand-written arg max per class.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/dual_t.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace {

using limpid::transition::anchor_rule;
using limpid_bench::estimate_transition;
using limpid_bench::posteriors;

// The floor: one pass with K running maxima.
limpid::matrix<double> by_hand(posteriors const& in) {
  std::size_t const n = in.p.rows(), classes = in.p.cols();
  std::vector<std::size_t> best(classes);
  for (std::size_t i = 1; i < n; ++i)
    for (std::size_t k = 0; k < classes; ++k)
      if (in.p(i, k) > in.p(best[k], k)) best[k] = i;
  limpid::matrix<double> T(classes, classes);
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j) T(i, j) = static_cast<double>(in.p(best[i], j));
  return T;
}

template <class P>
constexpr auto with(P exec, anchor_rule rule) {
  return [=](posteriors const& in) {
    return limpid::transition::anchor_points(exec, in.p, {.rule = rule}).transition;
  };
}
template <class P>
constexpr auto dual(P exec) {
  return
      [=](posteriors const& in) { return limpid::transition::dual_t(exec, in.p, in.y).transition; };
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 100})->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(estimate_transition, by_hand_arg_max, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, seq_arg_max, with(limpid::seq, anchor_rule::arg_max))
    ->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, simd_arg_max,
                  with(limpid::default_policy, anchor_rule::arg_max))
    ->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, par_arg_max, with(limpid::par, anchor_rule::arg_max))
    ->Apply(sizes)
    ->UseRealTime();
BENCHMARK_CAPTURE(estimate_transition, simd_percentile,
                  with(limpid::default_policy, anchor_rule::percentile))
    ->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, simd_dual_t, dual(limpid::default_policy))->Apply(sizes);

}  // namespace
