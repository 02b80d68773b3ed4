// SPDX-License-Identifier: BSL-1.0
// transition::confident_joint against the loop a reader would write by hand. Bytes are those of P,
// read once, and y.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/confident_joint.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace {

using limpid_bench::estimate_transition;
using limpid_bench::posteriors;

// The floor: thresholds, then counts; no checks, no calibration.
limpid::matrix<double> by_hand(posteriors const& in) {
  std::size_t const n = in.p.rows(), classes = in.p.cols();
  std::vector<double> threshold(classes), rows(classes);
  for (std::size_t i = 0; i < n; ++i) {
    auto const k = static_cast<std::size_t>(in.y[i]);
    threshold[k] += static_cast<double>(in.p(i, k));
    rows[k] += 1;
  }
  for (std::size_t k = 0; k < classes; ++k) threshold[k] /= rows[k];
  limpid::matrix<double> joint(classes, classes);
  std::vector<double> sum(classes);
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t passing = 0, last = 0, best = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      if (in.p(i, k) > in.p(i, best)) best = k;
      if (static_cast<double>(in.p(i, k)) >= threshold[k] - 1e-6) ++passing, last = k;
    }
    if (!passing) continue;
    std::size_t const guess = passing == 1 ? last : best;
    joint(guess, static_cast<std::size_t>(in.y[i])) += 1;
    sum[guess] += 1;
  }
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j) joint(i, j) /= sum[i] > 0 ? sum[i] : 1;
  return joint;
}

template <class P>
constexpr auto with(P exec, bool validate = true) {
  return [=](posteriors const& in) {
    return limpid::transition::confident_joint(exec, in.p, in.y, {.validate = validate}).transition;
  };
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 1000})->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(estimate_transition, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, simd, with(limpid::default_policy))->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, simd_unchecked, with(limpid::default_policy, false))
    ->Apply(sizes);
BENCHMARK_CAPTURE(estimate_transition, par, with(limpid::par))->Apply(sizes)->UseRealTime();

}  // namespace
