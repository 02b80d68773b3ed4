// SPDX-License-Identifier: BSL-1.0
// kernel_mean::fourier_features: 20000 rows, D cosine and sine columns, against the loop one would
// write. flops/s counts the products alone; `error` is the root mean squared error of the estimated
// kernel over 1000 pairs of rows.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/fourier_features.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <type_traits>

#include "classes.hpp"

namespace {

using limpid::kernel_mean::fourier_map;

template <class T>
limpid::matrix<T> rows(benchmark::State const& state) {
  auto const in = limpid_bench::make_classes(20000, static_cast<std::size_t>(state.range(0)), 10);
  limpid::matrix<T> x(in.x.rows(), in.x.cols());
  for (std::size_t e = 0; e < x.rows() * x.cols(); ++e)
    x.data()[e] = static_cast<T>(in.x.data()[e]);
  return x;
}

limpid::kernel_function kernel(benchmark::State const& state) {
  return limpid::kernels::gaussian(0.1 / static_cast<double>(state.range(0)));
}

fourier_map drawn(benchmark::State const& state, bool orthogonal = false) {
  return limpid::kernel_mean::draw_fourier(
      kernel(state), static_cast<std::size_t>(state.range(0)),
      {.features = static_cast<std::size_t>(state.range(1)), .orthogonal = orthogonal});
}

template <class T>
void report(benchmark::State& state, limpid::matrix<T> const& x, limpid::matrix<T> const& z) {
  double total = 0;
  auto const k = kernel(state);
  for (std::size_t i = 0; i < 1000; ++i) {
    double dot = 0;
    for (std::size_t c = 0; c < z.cols(); ++c)
      dot += static_cast<double>(z(i, c)) * static_cast<double>(z(i + 1, c));
    double const gap = dot - k(x.view().row(i), x.view().row(i + 1));
    total += gap * gap;
  }
  state.counters["error"] = std::sqrt(total / 1000);
  state.counters["flops/s"] = benchmark::Counter(
      static_cast<double>(x.rows()) * static_cast<double>(x.cols()) *
          static_cast<double>(z.cols()) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}

template <class T>
void by_hand(benchmark::State& state) {
  auto const x = rows<T>(state);
  auto const map = drawn(state);
  std::size_t const F = map.frequencies.rows();
  limpid::matrix<T> z(x.rows(), 2 * F);
  for (auto _ : state)
    for (std::size_t i = 0; i < x.rows(); ++i)
      for (std::size_t f = 0; f < F; ++f) {
        T angle = 0;
        for (std::size_t c = 0; c < x.cols(); ++c)
          angle += x(i, c) * static_cast<T>(map.frequencies(f, c));
        z(i, f) = static_cast<T>(map.scale) * std::cos(angle);
        z(i, F + f) = static_cast<T>(map.scale) * std::sin(angle);
      }
  report(state, x, z);
}

template <class T, class P>
void timed(benchmark::State& state, P exec) {
  auto const x = rows<T>(state);
  auto const map = drawn(state);
  limpid::matrix<T> z(x.rows(), map.features());
  for (auto _ : state) limpid::kernel_mean::fourier_features(exec, map, x, z);
  report(state, x, z);
}

template <class P>
void features(benchmark::State& state, P exec) {
  timed<double>(state, exec);
}
void features_float32(benchmark::State& state) {
  timed<float>(state, limpid::simd);
}

void draw(benchmark::State& state) {
  double sum = 0;
  for (auto _ : state) sum += drawn(state, true).frequencies(0, 0);
  benchmark::DoNotOptimize(sum);
  auto const x = rows<double>(state);
  auto const z = limpid::kernel_mean::fourier_features(drawn(state, true), x);
  report(state, x, z);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"d", "D"})->Args({64, 1024})->Args({784, 1024})->Unit(benchmark::kMillisecond);
}
BENCHMARK(by_hand<double>)->Apply(sizes);
BENCHMARK_CAPTURE(features, seq, limpid::seq)->Apply(sizes);
BENCHMARK_CAPTURE(features, simd, limpid::simd)->Apply(sizes);
BENCHMARK(features_float32)->Apply(sizes);
BENCHMARK_CAPTURE(features, par, limpid::par)->Apply(sizes)->UseRealTime();
BENCHMARK(draw)->Apply(sizes);

}  // namespace
