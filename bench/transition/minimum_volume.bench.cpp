// SPDX-License-Identifier: BSL-1.0
// transition::minimum_volume and total_variation: there is no loop by hand for these; the floor is
// one pass over P. The error is that of T; the posteriors are exact, and no class has an anchor.
#include <limpid/exec/par.hpp>
#include <limpid/transition/minimum_volume.hpp>
#include <limpid/transition/total_variation.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <limits>

namespace {

using limpid::matrix;

struct mixtures {
  matrix<double> p, transition;
};
/// Rows on faces of the simplex, none nearer to a vertex than 0.85.
mixtures make(std::size_t n, std::size_t K) {
  mixtures out{matrix<double>(n, K), matrix<double>(K, K)};
  for (std::size_t k = 0; k < K; ++k) {
    limpid::random_stream draw(2, 1, k);
    double sum = 0;
    for (std::size_t j = 0; j < K; ++j)
      sum += out.transition(k, j) = (j == k ? 2 : 0) + 2 * draw.uniform() / static_cast<double>(K);
    for (std::size_t j = 0; j < K; ++j) out.transition(k, j) /= sum;
  }
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(2, 0, i);
    std::size_t const none = draw.below(K);
    limpid::vector<double> q(K);
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += q[k] = k == none ? 0 : std::pow(draw.uniform(), 4);
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t j = 0; j < K; ++j)
        out.p(i, j) += (0.85 * q[k] / sum + (k == none ? 0 : 0.15 / static_cast<double>(K - 1))) *
                       out.transition(k, j);
  }
  return out;
}

template <class Estimate>
void enclose(benchmark::State& state, Estimate estimate) {
  auto const in =
      make(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  matrix<double> t;
  for (auto _ : state) {
    t = estimate(in.p);
    benchmark::DoNotOptimize(t);
  }
  state.counters["row_error_of_T"] = limpid_bench::mean_absolute_gap(t, in.transition);
}
matrix<double> one_pass(matrix<double> const& p) {
  matrix<double> sums(p.cols(), p.cols());
  for (std::size_t i = 0; i < p.rows(); ++i)
    for (std::size_t k = 0; k < p.cols(); ++k)
      for (std::size_t j = 0; j < p.cols(); ++j) sums(k, j) += p(i, k) * p(i, j);
  return sums;
}
constexpr double exact = std::numeric_limits<double>::infinity();
template <class P>
auto volume(P exec, double penalty) {
  return [=](matrix<double> const& p) {
    return limpid::transition::minimum_volume(exec, p, {.penalty = penalty}).transition;
  };
}
template <class P>
auto variation(P exec, double penalty) {
  return [=](matrix<double> const& p) {
    return limpid::transition::total_variation(exec, p, {.penalty = penalty}).transition;
  };
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})
      ->Args({10000, 4})
      ->Args({10000, 10})
      ->Args({100000, 10})
      ->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(enclose, one_pass_by_hand, one_pass)->Apply(sizes);
BENCHMARK_CAPTURE(enclose, volume_exact, volume(limpid::simd, exact))->Apply(sizes);
BENCHMARK_CAPTURE(enclose, volume_penalty_100, volume(limpid::simd, 100.0))->Apply(sizes);
BENCHMARK_CAPTURE(enclose, volume_penalty_100_par, volume(limpid::par, 100.0))
    ->Apply(sizes)
    ->UseRealTime();
BENCHMARK_CAPTURE(enclose, variation_exact, variation(limpid::simd, exact))->Apply(sizes);
BENCHMARK_CAPTURE(enclose, variation_penalty_10, variation(limpid::simd, 10.0))->Apply(sizes);

}  // namespace
