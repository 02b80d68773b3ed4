// SPDX-License-Identifier: BSL-1.0
// kernel_mean::hsic_test, hsic and cka of features and labels, and of features and other features,
// against centred kernel matrices as one writes them by hand. `hsic` is the unbiased value.
// `power`: the share of rejections at level 0.05, of 199 orders, for 60 pairs of normal numbers
// with correlation `rho` / 10 (0: the level; -1: points around a circle), against labels whether
// the second is positive, or against the number itself.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/cka.hpp>
#include <limpid/kernel_mean/hsic.hpp>
#include <limpid/kernel_mean/hsic_test.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "classes.hpp"

namespace {

using limpid_bench::classes_data;
auto const kernel = limpid::kernels::gaussian(1.0 / 128);

/// The biased value, which is what the matrices give.
double by_hand(classes_data const& in) {
  std::size_t const n = in.x.rows();
  std::vector<double> k(n * n), mean(n);
  double all = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      float gap = 0;
      for (std::size_t c = 0; c < in.x.cols(); ++c)
        gap += (in.x(i, c) - in.x(j, c)) * (in.x(i, c) - in.x(j, c));
      k[i * n + j] = std::exp(-static_cast<double>(gap) / 128);
      mean[i] += k[i * n + j] / static_cast<double>(n);
      all += k[i * n + j] / static_cast<double>(n * n);
    }
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (in.truth[i] == in.truth[j]) sum += k[i * n + j] + all - mean[i] - mean[j];
  return sum / static_cast<double>(n * n);
}
template <class P>
auto hsic_with(P exec) {
  return [exec](classes_data const& in) {
    return limpid::kernel_mean::hsic(exec, kernel, in.x, in.truth, 10).unbiased;
  };
}
template <class P>
auto test_with(P exec, bool labels) {
  return [exec, labels](classes_data const& in) {
    if (labels)
      return limpid::kernel_mean::hsic_test(exec, kernel, in.x, in.truth, 10, {.draws = 200})
          .statistic;
    return limpid::kernel_mean::hsic_test(exec, kernel, in.x, kernel, in.x, {.draws = 200})
        .statistic;
  };
}
double cka(classes_data const& in) {
  return limpid::kernel_mean::cka(kernel, in.x, limpid::kernels::linear(), in.x).value;
}

template <class F>
void hsic(benchmark::State& state, F estimate) {
  auto const in = limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                             static_cast<std::size_t>(state.range(1)), 10);
  double value = 0;
  for (auto _ : state) value = estimate(in);
  state.counters["hsic"] = value;
  state.counters["pairs/s"] =
      benchmark::Counter(static_cast<double>(state.range(0) * state.range(0) * state.iterations()),
                         benchmark::Counter::kIsRate);
}

void power(benchmark::State& state, bool labels) {
  std::size_t const n = 60;
  double const rho = static_cast<double>(state.range(0)) / 10;
  int const tests = static_cast<int>(state.range(1));
  auto const k = limpid::kernels::gaussian(0.5);
  double rejected = 0;
  for (auto _ : state)
    for (int t = 0; t < tests; ++t) {
      limpid::matrix<double> x(n, 1), y(n, 1);
      std::vector<int> positive(n);
      for (std::size_t i = 0; i < n; ++i) {
        limpid::random_stream draw(static_cast<std::uint64_t>(t), 1, i);
        double const radius = std::sqrt(-2 * std::log(1 - draw.uniform())),
                     angle = 6.283185307179586 * draw.uniform();
        double const a = radius * std::cos(angle), b = radius * std::sin(angle);
        x(i, 0) = rho < 0 ? 1.5 * std::cos(angle) + 0.2 * a : a;
        y(i, 0) =
            rho < 0 ? 1.5 * std::sin(angle) + 0.2 * b : rho * a + std::sqrt(1 - rho * rho) * b;
        positive[i] = y(i, 0) > 0;
      }
      limpid::kernel_mean::hsic_test_options const o{.draws = 199,
                                                     .seed = static_cast<std::uint64_t>(t)};
      rejected += labels ? limpid::kernel_mean::hsic_test(k, x, positive, 2, o).reject
                         : limpid::kernel_mean::hsic_test(k, x, k, y, o).reject;
    }
  state.counters["rejected"] = rejected / tests;
}
void strengths(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rho", "tests"})->Args({0, 1000});
  for (int r : {2, 4, 6}) b->Args({r, 200});
  b->Args({-1, 200})->Iterations(1)->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(power, numbers, false)->Apply(strengths);
BENCHMARK_CAPTURE(power, labels, true)->Apply(strengths);

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 16})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(hsic, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(hsic, seq, hsic_with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(hsic, simd, hsic_with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(hsic, par, hsic_with(limpid::par))->Apply(sizes)->UseRealTime();
BENCHMARK_CAPTURE(hsic, cka, cka)->Apply(sizes);
BENCHMARK_CAPTURE(hsic, test_labels_simd, test_with(limpid::simd, true))->Apply(sizes);
BENCHMARK_CAPTURE(hsic, test_labels_par, test_with(limpid::par, true))->Apply(sizes)->UseRealTime();
BENCHMARK_CAPTURE(hsic, test_simd, test_with(limpid::simd, false))->Apply(sizes);
BENCHMARK_CAPTURE(hsic, test_par, test_with(limpid::par, false))->Apply(sizes)->UseRealTime();

}  // namespace
