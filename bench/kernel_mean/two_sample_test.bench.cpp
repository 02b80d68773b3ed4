// SPDX-License-Identifier: BSL-1.0
// kernel_mean::two_sample_test: 1000 permutations of n + n rows, against sums over a stored kernel
// matrix, permutation by permutation, as one writes them by hand. `p` is the p-value, FMA/s counts
// one multiplication for each pair of rows and permutation.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/two_sample_test.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "classes.hpp"

namespace {

constexpr std::size_t draws = 1000;

struct samples {
  limpid::matrix<float> x, y;
  double gamma;
  samples(std::size_t n, std::size_t d) : gamma(1 / (8 * static_cast<double>(d))) {
    auto const both = limpid_bench::make_classes(2 * n, d, 10);
    x = limpid::matrix<float>(n, d);
    y = limpid::matrix<float>(n, d);
    for (std::size_t i = 0; i < n * d; ++i) {
      x.data()[i] = both.x.data()[i];
      y.data()[i] = both.x.data()[n * d + i];
    }
  }
};

double by_hand(samples const& in) {
  std::size_t const n = in.x.rows(), all = 2 * n, d = in.x.cols();
  std::vector<float> k(all * all);
  auto const row = [&](std::size_t i) {
    return i < n ? in.x.data() + i * d : in.y.data() + (i - n) * d;
  };
  for (std::size_t i = 0; i < all; ++i)
    for (std::size_t j = 0; j < all; ++j) {
      float gap = 0;
      for (std::size_t c = 0; c < d; ++c) gap += (row(i)[c] - row(j)[c]) * (row(i)[c] - row(j)[c]);
      k[i * all + j] = i == j ? 0 : std::exp(-static_cast<float>(in.gamma) * gap);
    }
  std::vector<std::size_t> order(all);
  for (std::size_t i = 0; i < all; ++i) order[i] = i;
  limpid::random_stream draw(0);
  double first = 0;
  std::size_t above = 0;
  for (std::size_t b = 0; b <= draws; ++b) {
    double within = 0, between = 0;
    std::vector<bool> to_x(all);
    for (std::size_t i = 0; i < n; ++i) to_x[order[i]] = true;
    for (std::size_t i = 0; i < all; ++i)
      for (std::size_t j = 0; j < all; ++j)
        (to_x[i] == to_x[j] ? within : between) += static_cast<double>(k[i * all + j]);
    auto const m = static_cast<double>(n);
    double const t = within / (m * (m - 1)) - between / (m * m);
    if (b == 0) first = t;
    above += t >= first;
    for (std::size_t i = all; i > 1; --i) std::swap(order[i - 1], order[draw.below(i)]);
  }
  return static_cast<double>(above) / (draws + 1);
}
template <class P>
auto with(P exec) {
  return [exec](samples const& in) {
    return limpid::kernel_mean::two_sample_test(exec, limpid::kernels::gaussian(in.gamma), in.x,
                                                in.y, {.draws = draws})
        .p_value;
  };
}

template <class F>
void two_sample_test(benchmark::State& state, F test) {
  samples const in(static_cast<std::size_t>(state.range(0)),
                   static_cast<std::size_t>(state.range(1)));
  double p = 0;
  for (auto _ : state) p = test(in);
  state.counters["p"] = p;
  state.counters["FMA/s"] = benchmark::Counter(
      2.0 * static_cast<double>(state.range(0) * state.range(0) * state.iterations()) * (draws + 1),
      benchmark::Counter::kIsRate);
}

double bell(limpid::random_stream& draw) {
  double const u = 1 - draw.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * draw.uniform());
}
void series(benchmark::State& state) {
  auto const n = static_cast<std::size_t>(state.range(0));
  auto const memory = static_cast<double>(state.range(1));
  double const phi = static_cast<double>(state.range(2)) / 100,
               shift = static_cast<double>(state.range(3)) / 10;
  int const tests = static_cast<int>(state.range(4));
  double rejected = 0;
  for (auto _ : state)
    for (int t = 0; t < tests; ++t) {
      limpid::matrix<double> both[2] = {limpid::matrix<double>(n, 2), limpid::matrix<double>(n, 2)};
      for (std::size_t s = 0; s < 2; ++s) {
        limpid::random_stream draw(static_cast<std::uint64_t>(t), static_cast<std::uint32_t>(s + 1),
                                   0);
        double at[2] = {bell(draw), bell(draw)};
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t c = 0; c < 2; ++c) {
            at[c] = phi * at[c] + std::sqrt(1 - phi * phi) * bell(draw);
            both[s](i, c) = at[c] + (s ? shift : 0);
          }
      }
      limpid::kernel_mean::two_sample_test_options o{.draws = 199,
                                                     .seed = static_cast<std::uint64_t>(t)};
      if (memory > 0) o.by = limpid::kernel_mean::redraw::wild_series, o.memory = memory;
      rejected +=
          limpid::kernel_mean::two_sample_test(limpid::kernels::gaussian(0.25), both[0], both[1], o)
              .reject;
    }
  state.counters["rejected"] = rejected / tests;
}

auto small(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({250, 10})->Unit(benchmark::kMillisecond);
}
auto sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})
      ->Args({250, 10})
      ->Args({2000, 10})
      ->Args({2000, 100})
      ->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(two_sample_test, by_hand, by_hand)->Apply(small);
BENCHMARK_CAPTURE(two_sample_test, seq, with(limpid::seq))->Apply(small);
BENCHMARK_CAPTURE(two_sample_test, simd, with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(two_sample_test, par, with(limpid::par))->Apply(sizes)->UseRealTime();
BENCHMARK(series)
    ->ArgNames({"n", "memory", "phi", "shift", "tests"})
    ->ArgsProduct({{100, 400}, {0, 5, 20}, {0, 50}, {0}, {200}})
    ->ArgsProduct({{400}, {5, 20}, {50}, {3}, {100}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
