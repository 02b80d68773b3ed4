// SPDX-License-Identifier: BSL-1.0
// classify::softmax_regression: one fit of a fixed number of steps, against the gradient loop that
// one writes by hand.
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

struct data {
  limpid::matrix<float> x;
  std::vector<std::int32_t> y;
};
data make_data(std::size_t n, std::size_t d, std::size_t classes) {
  data in{limpid::matrix<float>(n, d), std::vector<std::int32_t>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(1, 0, i);
    in.y[i] = static_cast<std::int32_t>(draw.below(classes));
    for (std::size_t j = 0; j < d; ++j)
      in.x(i, j) = static_cast<float>(draw.uniform() +
                                      (j % classes == static_cast<std::size_t>(in.y[i]) ? 0.3 : 0));
  }
  return in;
}

double accuracy(limpid::classify::softmax_model const& m, data const& in) {
  auto const guess = m.predict(in.x);
  std::size_t hits = 0;
  for (std::size_t i = 0; i < in.y.size(); ++i) hits += guess[i] == in.y[i];
  return static_cast<double>(hits) / static_cast<double>(in.y.size());
}

void report(benchmark::State& state, std::size_t passes) {
  // two products of n x d by K per pass
  double const flops = 4.0 * static_cast<double>(state.range(0) * state.range(1) * state.range(2));
  state.counters["flop/s"] =
      benchmark::Counter(flops * static_cast<double>(passes), benchmark::Counter::kIsRate);
}

// The floor: loss and gradient of every row, in double, as the formula reads; 20 steps of plain
// descent.
void by_hand(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             d = static_cast<std::size_t>(state.range(1)),
             classes = static_cast<std::size_t>(state.range(2));
  auto const in = make_data(n, d, classes);
  std::size_t passes = 0;
  limpid::classify::softmax_model fitted;
  for (auto _ : state) {
    std::vector<double> w(classes * d), b(classes), z(classes);
    for (int step = 0; step < 20; ++step, ++passes) {
      std::vector<double> gw(classes * d), gb(classes);
      for (std::size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < classes; ++k) {
          z[k] = b[k];
          for (std::size_t j = 0; j < d; ++j)
            z[k] += w[k * d + j] * static_cast<double>(in.x(i, j));
          sum += z[k] = std::exp(z[k]);
        }
        for (std::size_t k = 0; k < classes; ++k) {
          double const slope = z[k] / sum - (static_cast<std::size_t>(in.y[i]) == k ? 1 : 0);
          gb[k] += slope;
          for (std::size_t j = 0; j < d; ++j)
            gw[k * d + j] += slope * static_cast<double>(in.x(i, j));
        }
      }
      double const rate = 0.5 / static_cast<double>(n);
      for (std::size_t c = 0; c < w.size(); ++c) w[c] -= rate * gw[c];
      for (std::size_t k = 0; k < classes; ++k) b[k] -= rate * gb[k];
    }
    fitted.weights = limpid::matrix<double>(classes, d);
    for (std::size_t c = 0; c < w.size(); ++c) fitted.weights.data()[c] = w[c];
    fitted.bias = fitted.bias_at_centre = limpid::vector<double>(b);
    fitted.centre = limpid::vector<double>(d);
    benchmark::DoNotOptimize(fitted);
  }
  report(state, passes);
  state.counters["accuracy"] = accuracy(fitted, in);
}

template <class P>
void fit(benchmark::State& state, P const& exec) {
  auto const in =
      make_data(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)),
                static_cast<std::size_t>(state.range(2)));
  std::size_t passes = 0;
  limpid::classify::softmax_model fitted;
  for (auto _ : state) {
    fitted = limpid::classify::softmax_regression{.max_iterations = 20, .tolerance = 0}.fit(
        exec, in.x, in.y, static_cast<std::size_t>(state.range(2)));
    passes += fitted.evaluations;
    benchmark::DoNotOptimize(fitted);
  }
  report(state, passes);
  state.counters["accuracy"] = accuracy(fitted, in);
}

auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d", "K"})->Args({20000, 64, 10})->Args({20000, 8, 2})->Args({5000, 784, 10});
  b->Unit(benchmark::kMillisecond);
}
BENCHMARK(by_hand)->Apply(sizes);
BENCHMARK_CAPTURE(fit, seq, limpid::seq)->Apply(sizes);
BENCHMARK_CAPTURE(fit, simd, limpid::simd)->Apply(sizes);
BENCHMARK_CAPTURE(fit, par, limpid::par)->Apply(sizes)->UseRealTime();

}  // namespace
