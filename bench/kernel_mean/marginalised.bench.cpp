// SPDX-License-Identifier: BSL-1.0
// kernel_mean::marginalised: the leave-one-out curve of 26 to 34 levels of Gaussian noise from one
// sweep, against the double loop one writes by hand (distance once, an exponential per level), and
// against as many sweeps of a Gaussian kernel as there are widths. `level` is what comes out.
// kernel_mean::evaluate_marginalised: the mean at its own rows for each noise.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/inner_product.hpp>
#include <limpid/kernel_mean/marginalised.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "classes.hpp"

namespace {

namespace corruption = limpid::kernel_mean::corruption;
constexpr double width = 8, gamma = 1 / (2 * width * width);

limpid::matrix<float> rows(benchmark::State const& state) {
  return limpid_bench::make_classes(static_cast<std::size_t>(state.range(0)),
                                    static_cast<std::size_t>(state.range(1)), 10)
      .x;
}

std::vector<double> levels_of(std::size_t d) {
  std::vector<double> out{0};
  for (int e = 0; out.back() < width * width; ++e)
    out.push_back(width * width / (100 * static_cast<double>(d)) * std::pow(2.0, e / 2.0));
  return out;
}

/// The level with the least score.
double chosen(std::vector<double> const& levels, std::vector<double> const& totals, double n,
              double d) {
  double best = 0, least = 0;
  for (std::size_t e = 0; e < levels.size(); ++e) {
    double const h1 = std::pow(1 + 2 * gamma * levels[e], -d / 2),
                 h2 = std::pow(1 + 4 * gamma * levels[e], -d / 2);
    double const score = 1 - 2 * h1 * (totals[2 * e] - n) / (n * (n - 1)) +
                         h2 * ((n - 2) * totals[2 * e + 1] + n) / (n * (n - 1) * (n - 1));
    if (e == 0 || score < least) least = score, best = levels[e];
  }
  return best;
}

double by_hand(limpid::matrix<float> const& x) {
  auto const levels = levels_of(x.cols());
  std::vector<double> totals(2 * levels.size());
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      float gap = 0;
      for (std::size_t c = 0; c < x.cols(); ++c) gap += (x(i, c) - x(j, c)) * (x(i, c) - x(j, c));
      for (std::size_t e = 0; e < levels.size(); ++e)
        for (std::size_t both = 0; both < 2; ++both)
          totals[2 * e + both] +=
              (i == j ? 1 : 2) *
              std::exp(-static_cast<double>(gap) * gamma /
                       (1 + 2 * gamma * static_cast<double>(1 + both) * levels[e]));
    }
  return chosen(levels, totals, static_cast<double>(x.rows()), static_cast<double>(x.cols()));
}
double sweep_per_width(limpid::matrix<float> const& x) {
  auto const levels = levels_of(x.cols());
  auto const n = static_cast<double>(x.rows());
  std::vector<double> totals;
  for (double v : levels)
    for (double times : {1.0, 2.0})
      totals.push_back(n * n *
                       limpid::kernel_mean::inner_product(
                           limpid::kernels::gaussian(gamma / (1 + 2 * gamma * times * v)), x, x)
                           .value);
  return chosen(levels, totals, n, static_cast<double>(x.cols()));
}
template <class P>
auto with(P exec) {
  return [exec](limpid::matrix<float> const& x) {
    return limpid::kernel_mean::marginalised(exec, limpid::kernels::gaussian(gamma), x,
                                             corruption::gaussian())
        .level;
  };
}

template <class F>
void choose(benchmark::State& state, F level_of) {
  auto const x = rows(state);
  double level = 0;
  for (auto _ : state) level = level_of(x);
  state.counters["level"] = level;
  state.counters["pairs/s"] =
      benchmark::Counter(static_cast<double>(state.range(0) * state.range(0) * state.iterations()),
                         benchmark::Counter::kIsRate);
}

auto curve_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({2000, 64})->Args({2000, 784})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(choose, by_hand, by_hand)->Apply(curve_sizes);
BENCHMARK_CAPTURE(choose, sweep_per_width, sweep_per_width)->Apply(curve_sizes);
BENCHMARK_CAPTURE(choose, seq, with(limpid::seq))->Apply(curve_sizes);
BENCHMARK_CAPTURE(choose, simd, with(limpid::simd))->Apply(curve_sizes);
BENCHMARK_CAPTURE(choose, par, with(limpid::par))->Apply(curve_sizes)->UseRealTime();

void evaluate(benchmark::State& state, limpid::kernel_function const& kernel,
              limpid::kernel_mean::corruption_model const& noise) {
  auto x = rows(state);
  for (std::size_t c = 0; c < x.rows() * x.cols(); ++c) x.data()[c] = std::abs(x.data()[c]);
  double first = 0;
  for (auto _ : state)
    first = limpid::kernel_mean::evaluate_marginalised(kernel, x, x, noise).value[0];
  state.counters["mean"] = first;
  state.counters["pairs*d/s"] = benchmark::Counter(
      static_cast<double>(state.range(0) * state.range(0) * state.range(1) * state.iterations()),
      benchmark::Counter::kIsRate);
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({1000, 16})->Unit(benchmark::kMillisecond);
}
auto const bell = limpid::kernels::gaussian(gamma);
BENCHMARK_CAPTURE(evaluate, gaussian_gaussian, bell, corruption::gaussian(1))->Apply(sizes);
BENCHMARK_CAPTURE(evaluate, gaussian_laplace, bell, corruption::laplace(1))->Apply(sizes);
BENCHMARK_CAPTURE(evaluate, gaussian_blank_out, bell, corruption::blank_out(0.1))->Apply(sizes);
BENCHMARK_CAPTURE(evaluate, gaussian_poisson, bell, corruption::poisson())->Apply(sizes);
BENCHMARK_CAPTURE(evaluate, quadratic_laplace, limpid::kernels::polynomial(2),
                  corruption::laplace(1))
    ->Apply(sizes);
BENCHMARK_CAPTURE(evaluate, cubic_laplace, limpid::kernels::polynomial(3), corruption::laplace(1))
    ->Apply(sizes);

}  // namespace
