// SPDX-License-Identifier: BSL-1.0
// The corrected losses, value and gradient by the logits, against the loop a reader would write by
// hand; then clean_posterior. Bytes are those of the logits read and the gradient written.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/transition/backward_loss.hpp>
#include <limpid/transition/clean_posterior.hpp>
#include <limpid/transition/forward_loss.hpp>
#include <limpid/transition/instance_loss.hpp>

#include "transition/posteriors.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using limpid_bench::posteriors;

struct outputs {
  std::vector<float> loss;
  limpid::matrix<float> gradient;
};

// The floor: softmax, its product with a column of T, the gradient; nothing checked.
double by_hand(posteriors const& in, outputs& out) {
  std::size_t const n = in.p.rows(), K = in.p.cols();
  std::vector<double> e(K);
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    auto const y = static_cast<std::size_t>(in.y[i]);
    double sum = 0, share = 0;
    for (std::size_t k = 0; k < K; ++k) {
      e[k] = std::exp(static_cast<double>(in.p(i, k)));
      sum += e[k];
      share += e[k] * in.transition(k, y);
    }
    for (std::size_t k = 0; k < K; ++k)
      out.gradient(i, k) = static_cast<float>(e[k] / sum - e[k] * in.transition(k, y) / share);
    double const loss = std::log(sum / share);
    out.loss[i] = static_cast<float>(loss);
    mean += loss;
  }
  return mean / static_cast<double>(n);
}

template <class F>
void corrected(benchmark::State& state, F compute) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             K = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, K);
  outputs out{std::vector<float>(n), limpid::matrix<float>(n, K)};
  double const want = by_hand(in, out);
  double mean = 0;
  for (auto _ : state) {
    mean = compute(in, out);
    benchmark::DoNotOptimize(out.gradient.data());
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(2 * n * K * sizeof(float)));
  state.counters["gap_of_mean_loss"] = std::abs(mean - want);
}

template <class P>
auto forward(P exec) {
  return [=](posteriors const& in, outputs& out) {
    return limpid::transition::forward_loss
        .into(exec, in.p, in.y, in.transition, out.loss, out.gradient)
        .mean_loss;
  };
}
// its mean is another one: that of the loss on true labels
template <class P>
auto backward(P exec) {
  return [=](posteriors const& in, outputs& out) {
    return limpid::transition::backward_loss
        .into(exec, in.p, in.y, in.transition, out.loss, out.gradient)
        .mean_loss;
  };
}

template <class P>
void instance(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             K = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, K);
  limpid::matrix<float> a(n, K * K), by_t(n, K * K), gradient(n, K);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < K * K; ++c)
      a(i, c) = static_cast<float>(std::log(in.transition.data()[c] + 1e-9));
  std::vector<float> loss(n);
  double mean = 0;
  for (auto _ : state)
    mean = limpid::transition::instance_loss.into(exec, in.p, in.y, a, loss, gradient, by_t);
  outputs out{std::vector<float>(n), limpid::matrix<float>(n, K)};
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(2 * n * K * K * sizeof(float)));
  state.counters["gap_of_mean_loss"] = std::abs(mean - by_hand(in, out));
}

template <class P>
void posterior(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             K = static_cast<std::size_t>(state.range(1));
  auto const in = limpid_bench::make_posteriors(n, K);
  limpid::matrix<float> out(n, K);
  double misfit = 0;
  for (auto _ : state)
    misfit =
        limpid::transition::clean_posterior.into(exec, in.p, in.y, in.transition, out).mean_misfit;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(n));
  state.counters["mean_misfit"] = misfit;
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "K"})->Args({1000000, 10})->Args({100000, 100})->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(corrected, forward_by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(corrected, forward_seq, forward(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(corrected, forward_simd, forward(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(corrected, forward_par, forward(limpid::par))->Apply(sizes)->UseRealTime();
BENCHMARK_CAPTURE(corrected, backward_simd, backward(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(instance, seq, limpid::seq)->Args({100000, 10})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(instance, simd, limpid::simd)->Args({100000, 10})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(posterior, simd, limpid::simd)->Args({50000, 10})->Unit(benchmark::kMillisecond);

}  // namespace
