// SPDX-License-Identifier: BSL-1.0
// kernel_mean::ridge_shrink: kernel matrix, tridiagonal form and the leave-one-out scores of 50
// lambdas, against Eigen's eigendecomposition of the same matrix alone, which the textbook formula
// begins with. Then a given lambda without the matrix, by conjugate gradients, and features.
// `score` is the leave-one-out score reached, `gain` its share below the plain mean's.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/ridge_shrink.hpp>

#include <benchmark/benchmark.h>
#include <Eigen/Eigenvalues>

#include <cmath>
#include <cstddef>

#include "classes.hpp"

namespace {

constexpr auto kernel = limpid::kernels::gaussian(1.0 / 128);

limpid::matrix<double> rows(benchmark::State const& state) {
  auto const in = limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                             static_cast<std::size_t>(state.range(1)), 10);
  limpid::matrix<double> x(in.x.rows(), in.x.cols());
  for (std::size_t i = 0; i < x.rows() * x.cols(); ++i) x.data()[i] = in.x.data()[i];
  return x;
}

void eigen_alone(benchmark::State& state) {
  auto const x = rows(state);
  auto const n = static_cast<Eigen::Index>(x.rows());
  Eigen::MatrixXd K(n, n);
  limpid::ops::kernel_matrix(limpid::simd, kernel, x.view(), x.view(),
                             limpid::matrix_view<double>(K.data(), x.rows(), x.rows()));
  double largest = 0;
  for (auto _ : state) {
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> const solver(K);
    largest = solver.eigenvalues()[n - 1];
  }
  state.counters["largest"] = largest;
}

template <class P>
void choose(benchmark::State& state, P exec) {
  auto const x = rows(state);
  limpid::kernel_mean::ridge_shrink_result r;
  for (auto _ : state) r = limpid::kernel_mean::ridge_shrink(exec, kernel, x, {.grid = 50});
  state.counters["score"] = r.score;
  state.counters["gain"] = (r.plain_score - r.score) / r.plain_score;
}

template <class P>
void streamed(benchmark::State& state, P exec) {
  auto const x = rows(state);
  limpid::kernel_mean::ridge_shrink_result r;
  for (auto _ : state)
    r = limpid::kernel_mean::ridge_shrink(
        exec, kernel, x,
        {.lambda = static_cast<double>(x.rows()) / 100, .exact_rows = 0, .tolerance = 1e-8});
  state.counters["iterations"] = r.iterations;
  state.counters["residual"] = r.residual;
  state.counters["pairs/s"] =
      benchmark::Counter(static_cast<double>(state.range(0)) * static_cast<double>(state.range(0)) *
                             (r.iterations + 2) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

template <class P>
void features(benchmark::State& state, P exec) {
  auto const x = rows(state);
  limpid::kernel_mean::ridge_features_result r;
  for (auto _ : state) r = limpid::kernel_mean::ridge_shrink_features(exec, x);
  state.counters["score"] = r.score;
  state.counters["gain"] = (r.plain_score - r.score) / r.plain_score;
}

auto small(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({500, 16})->Args({2000, 16})->Unit(benchmark::kMillisecond);
}
auto large(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})
      ->Args({4000, 16})
      ->Args({8000, 16})
      ->Args({16000, 16})
      ->Unit(benchmark::kMillisecond);
}
auto wide(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({20000, 256})->Args({40000, 256})->Unit(benchmark::kMillisecond);
}
BENCHMARK(eigen_alone)->Apply(small);
BENCHMARK_CAPTURE(choose, seq, limpid::seq)->Apply(small);
BENCHMARK_CAPTURE(choose, simd, limpid::simd)->Apply(small);
BENCHMARK_CAPTURE(choose, par, limpid::par)->Apply(small)->UseRealTime();
BENCHMARK_CAPTURE(streamed, simd, limpid::simd)->Apply(large);
BENCHMARK_CAPTURE(streamed, par, limpid::par)->Apply(large)->UseRealTime();
BENCHMARK_CAPTURE(features, simd, limpid::simd)->Apply(wide);
BENCHMARK_CAPTURE(features, par, limpid::par)->Apply(wide)->UseRealTime();

}  // namespace
