// SPDX-License-Identifier: BSL-1.0
// kernel_mean::evaluate (kernel sums) against the loop a reader would write by hand; every family;
// many weight columns at once; the median heuristic.
#include <limpid/kernel_mean/evaluate.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace {

limpid::matrix<float> bells(std::size_t n, std::size_t d) {
  std::mt19937 draw(7);
  std::normal_distribution<float> bell;
  limpid::matrix<float> out(n, d);
  for (std::size_t i = 0; i < n * d; ++i) out.data()[i] = bell(draw);
  return out;
}

// The floor.
limpid::vector<double> by_hand(double gamma, limpid::matrix<float> const& x) {
  limpid::vector<double> out(x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < x.rows(); ++j) {
      float s = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) s += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      sum += std::exp(-gamma * static_cast<double>(s));
    }
    out[i] = sum / static_cast<double>(x.rows());
  }
  return out;
}

template <class F>
void kernel_sums(benchmark::State& state, F const& f) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             d = static_cast<std::size_t>(state.range(1));
  auto const x = bells(n, d);
  double const gamma = 1 / static_cast<double>(d);
  auto const truth = by_hand(gamma, x);
  limpid::vector<double> found;
  for (auto _ : state) {
    found = f(gamma, x);
    benchmark::DoNotOptimize(found.data());
  }
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    worst = (std::max)(worst, std::abs(found[i] - truth[i]) / truth[i]);
  state.counters["flops"] = benchmark::Counter(2.0 * static_cast<double>(n * n * d),
                                               benchmark::Counter::kIsIterationInvariantRate);
  state.counters["max_rel_error"] = worst;  // never speed alone
}

template <class P>
auto with(P exec) {
  return [=](double gamma, auto const& x) {
    return limpid::kernel_mean::evaluate(exec, limpid::kernels::gaussian(gamma), x, x).value;
  };
}
void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 64})->Args({2000, 784})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(kernel_sums, by_hand, by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(kernel_sums, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(kernel_sums, simd, with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(kernel_sums, par, with(limpid::par))->Apply(sizes)->UseRealTime();

// Every family, the queries other than the points. max_error: of the largest |value|, against seq.
void family(benchmark::State& state, limpid::kernel_function const& kernel) {
  auto const x = bells(2000, 64), all = bells(2300, 64);
  limpid::matrix_view<float const> const z = all.view().row_block(2000, 2300);
  auto const truth = limpid::kernel_mean::evaluate(limpid::seq, kernel, x, z).value;
  limpid::vector<double> found;
  for (auto _ : state) {
    found = limpid::kernel_mean::evaluate(limpid::simd, kernel, x, z).value;
    benchmark::DoNotOptimize(found.data());
  }
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    worst = (std::max)(worst, std::abs(found[i] - truth[i]));
    largest = (std::max)(largest, std::abs(truth[i]));
  }
  state.counters["flops"] =
      benchmark::Counter(2.0 * 2000 * 300 * 64, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["max_error"] = worst / largest;
}
namespace kernels = limpid::kernels;
BENCHMARK_CAPTURE(family, linear, kernels::linear());
BENCHMARK_CAPTURE(family, polynomial, kernels::polynomial(3, 1.0 / 64));
BENCHMARK_CAPTURE(family, gaussian, kernels::gaussian(1.0 / 64));
BENCHMARK_CAPTURE(family, laplacian, kernels::laplacian(1.0 / 64));
BENCHMARK_CAPTURE(family, matern12, kernels::matern12(8));
BENCHMARK_CAPTURE(family, matern32, kernels::matern32(8));
BENCHMARK_CAPTURE(family, matern52, kernels::matern52(8));
BENCHMARK_CAPTURE(family, inverse_multiquadric, kernels::inverse_multiquadric(8));
BENCHMARK_CAPTURE(family, rational_quadratic, kernels::rational_quadratic(8, 0.7));
BENCHMARK_CAPTURE(family, cauchy, kernels::cauchy(8));
BENCHMARK_CAPTURE(family, sigmoid, kernels::sigmoid(1.0 / 64));
BENCHMARK_CAPTURE(family, combination, kernels::gaussian(1.0 / 64) + 0.1 * kernels::linear());

// What a permutation test asks for: one kernel matrix, `columns` vectors. flops counts both
// products.
void columns(benchmark::State& state) {
  std::size_t const n = 2000, d = 64, sides = static_cast<std::size_t>(state.range(0));
  auto const x = bells(n, d);
  limpid::matrix<double> w(n, sides), out(n, sides);
  for (std::size_t i = 0; i < n * sides; ++i) w.data()[i] = i % 3 ? 1.0 : -1.0;
  for (auto _ : state) {
    limpid::ops::kernel_sums(limpid::simd, kernels::gaussian(1.0 / 64), x.view(), x.view(),
                             limpid::matrix_view<double const>(w.view()), out.view());
    benchmark::DoNotOptimize(out.data());
  }
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += out(i, 0);
  state.counters["sum"] = sum;
  state.counters["flops"] = benchmark::Counter(2.0 * static_cast<double>(n * n * (d + sides)),
                                               benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(columns)->ArgName("columns")->Arg(1)->Arg(2)->Arg(16)->Arg(64)->Arg(512)->Unit(
    benchmark::kMillisecond);

void median(benchmark::State& state) {
  auto const x = bells(4000, 64);
  double sigma = 0;
  for (auto _ : state)
    sigma = limpid::kernel_mean::median_heuristic(
                x, {.sample = static_cast<std::size_t>(state.range(0))})
                .sigma;
  state.counters["sigma"] = sigma;
}
BENCHMARK(median)->ArgName("sample")->Arg(1000)->Arg(0)->Unit(benchmark::kMillisecond);

}  // namespace
