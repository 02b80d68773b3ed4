// SPDX-License-Identifier: BSL-1.0
// kernel_mean::spectral_shrink: ten steps of Landweber written by hand as the floor, the same by
// products that never store K, and the choice of a parameter by leave-one-out and on rows held out.
// `gain` is the share by which the score falls below the plain mean's.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/spectral_shrink.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "classes.hpp"

namespace {

using limpid::kernel_mean::spectral_filter;
using limpid::kernel_mean::spectral_shrink;
constexpr double gamma_of_kernel = 1.0 / 128;
constexpr auto kernel = limpid::kernels::gaussian(gamma_of_kernel);
constexpr int steps = 10;

limpid_bench::classes_data rows(benchmark::State const& state) {
  return limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                    static_cast<std::size_t>(state.range(1)), 10);
}
void count_pairs(benchmark::State& state, int products) {
  state.counters["pairs/s"] =
      benchmark::Counter(static_cast<double>(state.range(0)) * static_cast<double>(state.range(0)) *
                             products * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

void by_hand(benchmark::State& state) {
  auto const in = rows(state);
  std::size_t const n = in.x.rows();
  std::vector<double> b(n), mean, image(n);
  auto const multiply = [&](std::vector<double> const& v) {
    for (std::size_t i = 0; i < n; ++i) {
      image[i] = 0;
      for (std::size_t j = 0; j < n; ++j) {
        float gap = 0;
        for (std::size_t c = 0; c < in.x.cols(); ++c)
          gap += (in.x(i, c) - in.x(j, c)) * (in.x(i, c) - in.x(j, c));
        image[i] += v[j] * std::exp(-gamma_of_kernel * static_cast<double>(gap));
      }
    }
  };
  for (auto _ : state) {
    multiply(std::vector<double>(n, 1 / static_cast<double>(n)));
    mean = image;
    b.assign(n, 0);
    image.assign(n, 0);
    for (int t = 0; t < steps; ++t) {
      for (std::size_t i = 0; i < n; ++i) b[i] += (mean[i] - image[i]) / static_cast<double>(n);
      multiply(b);
    }
    benchmark::DoNotOptimize(b.data());
  }
  count_pairs(state, steps + 1);
}

template <class P>
void given_steps(benchmark::State& state, P exec) {
  auto const in = rows(state);
  int products = 0;
  for (auto _ : state) {
    auto const r = spectral_shrink(exec, kernel, in.x, {.iterations = steps, .exact_rows = 0});
    products = r.products;
    benchmark::DoNotOptimize(r.beta.data());
  }
  state.counters["products"] = products;
  count_pairs(state, products);
}

template <class P>
void choose(benchmark::State& state, P exec, spectral_filter filter, std::size_t leave_one_out,
            std::size_t exact) {
  auto const in = rows(state);
  limpid::kernel_mean::spectral_shrink_result r;
  for (auto _ : state)
    r = spectral_shrink(
        exec, kernel, in.x,
        {.filter = filter, .leave_one_out_rows = leave_one_out, .exact_rows = exact});
  state.counters["gain"] = (r.plain_score - r.score) / r.plain_score;
  state.counters["products"] = r.products;
}

auto by_products(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})
      ->Args({2000, 64})
      ->Args({4000, 64})
      ->Args({8000, 64})
      ->Unit(benchmark::kMillisecond);
}
auto few(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({200, 16})->Unit(benchmark::kMillisecond);
}
auto some(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 16})->Unit(benchmark::kMillisecond);
}

BENCHMARK(by_hand)->ArgNames({"n", "d"})->Args({2000, 64})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(given_steps, seq, limpid::seq)
    ->ArgNames({"n", "d"})
    ->Args({2000, 64})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(given_steps, simd, limpid::simd)->Apply(by_products);
BENCHMARK_CAPTURE(given_steps, par, limpid::par)->Apply(by_products)->UseRealTime();
BENCHMARK_CAPTURE(choose, leave_one_out, limpid::simd, spectral_filter::landweber, 200, 5000)
    ->Apply(few);
BENCHMARK_CAPTURE(choose, leave_one_out_par, limpid::par, spectral_filter::landweber, 200, 5000)
    ->Apply(few)
    ->UseRealTime();
BENCHMARK_CAPTURE(choose, held_out_cut_off, limpid::simd, spectral_filter::cut_off, 0, 5000)
    ->Apply(some);
BENCHMARK_CAPTURE(choose, held_out_nu_products, limpid::simd, spectral_filter::nu_method, 0, 0)
    ->Apply(some);
BENCHMARK_CAPTURE(choose, held_out_tikhonov_products, limpid::simd, spectral_filter::tikhonov, 0, 0)
    ->Apply(some);

}  // namespace
