// SPDX-License-Identifier: BSL-1.0
// kernel_mean::nystrom and nystrom_features: s landmarks, 20000 rows in 64 columns, against loops
// over the kernel and the factor. `left` is the mean of k(x, x) - |z(x)|^2 over 1000 rows: what the
// landmarks miss.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/nystrom.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>

#include "classes.hpp"

namespace {

constexpr auto kernel = limpid::kernels::gaussian(1.0 / 512);
using map_type = limpid::kernel_mean::nystrom_map<limpid::kernel_function, double>;

limpid::matrix<double> rows() {
  auto const in = limpid_bench::make_classes(20000, 64, 10);
  limpid::matrix<double> x(in.x.rows(), in.x.cols());
  for (std::size_t e = 0; e < x.rows() * x.cols(); ++e) x.data()[e] = in.x.data()[e];
  return x;
}

void report(benchmark::State& state, limpid::matrix<double> const& x,
            limpid::matrix<double> const& z) {
  double left = 1000;
  for (std::size_t i = 0; i < 1000; ++i)
    for (std::size_t c = 0; c < z.cols(); ++c) left -= z(i, c) * z(i, c);
  state.counters["left"] = left / 1000;
  auto const s = static_cast<double>(state.range(0));
  state.counters["flops/s"] = benchmark::Counter(2 * static_cast<double>(x.rows()) * s *
                                                     (static_cast<double>(x.cols()) + s) *
                                                     static_cast<double>(state.iterations()),
                                                 benchmark::Counter::kIsRate);
}

map_type chosen(
    benchmark::State const& state, limpid::matrix<double> const& x,
    limpid::kernel_mean::landmark_draw draw = limpid::kernel_mean::landmark_draw::uniform) {
  return limpid::kernel_mean::nystrom(
      kernel, x, {.landmarks = static_cast<std::size_t>(state.range(0)), .draw = draw});
}

void by_hand(benchmark::State& state) {
  auto const x = rows();
  auto const map = chosen(state, x);
  limpid::matrix<double> z(x.rows(), map.features());
  std::vector<double> values(map.landmarks.size());
  for (auto _ : state)
    for (std::size_t i = 0; i < x.rows(); ++i) {
      for (std::size_t j = 0; j < values.size(); ++j)
        values[j] = kernel(x.view().row(i), map.points.view().row(j));
      for (std::size_t c = 0; c < z.cols(); ++c) z(i, c) = 0;
      for (std::size_t j = 0; j < values.size(); ++j)
        for (std::size_t c = 0; c < z.cols(); ++c) z(i, c) += values[j] * map.factor(j, c);
    }
  report(state, x, z);
}

template <class P>
void features(benchmark::State& state, P exec) {
  auto const x = rows();
  auto const map = chosen(state, x);
  limpid::matrix<double> z(x.rows(), map.features());
  for (auto _ : state) limpid::kernel_mean::nystrom_features(exec, map, x, z);
  report(state, x, z);
}

template <class Draw>
void choose(benchmark::State& state, Draw draw) {
  auto const x = rows();
  map_type map;
  for (auto _ : state) map = chosen(state, x, draw);
  report(state, x, limpid::kernel_mean::nystrom_features(map, x));
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("s")->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);
}
BENCHMARK(by_hand)->ArgName("s")->Arg(256)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(features, seq, limpid::seq)
    ->ArgName("s")
    ->Arg(256)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(features, simd, limpid::simd)->Apply(sizes);
BENCHMARK_CAPTURE(features, par, limpid::par)->Apply(sizes)->UseRealTime();
BENCHMARK_CAPTURE(choose, uniform, limpid::kernel_mean::landmark_draw::uniform)->Apply(sizes);
BENCHMARK_CAPTURE(choose, leverage, limpid::kernel_mean::landmark_draw::leverage)
    ->ArgName("s")
    ->Arg(256)
    ->Unit(benchmark::kMillisecond);

}  // namespace
