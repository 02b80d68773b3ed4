// SPDX-License-Identifier: BSL-1.0
// mixture::split_losses against the loop a reader would write by hand.
#include <limpid/mixture/split_losses.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace {

constexpr int steps = 10;

template <class T>
std::vector<T> two_humps(std::size_t n) {
  std::mt19937 draw(7);
  std::normal_distribution<double> right(0.3, 0.12), wrong(2.0, 0.5);
  std::uniform_real_distribution<double> u;
  std::vector<T> out(n);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = static_cast<T>(std::abs(i % 10 < 7 ? right(draw) : wrong(draw)));
  return out;
}

// The floor. EM from a cut halfway between the extremes; a release that is slower than this row is
// a bug.
template <class T>
std::vector<double> by_hand(std::vector<T> const& x) {
  double const lo = *std::min_element(x.begin(), x.end()),
               hi = *std::max_element(x.begin(), x.end());
  std::vector<double> z(x.size()), p(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    z[i] = (static_cast<double>(x[i]) - lo) / (hi - lo);
    p[i] = z[i] < 0.5 ? 1 : 0;
  }
  double w[2] = {}, m[2] = {}, v[2] = {};
  for (int step = 0; step <= steps; ++step) {
    double mass[2] = {}, sum[2] = {}, square[2] = {};
    for (std::size_t i = 0; i < z.size(); ++i) {
      double const r[2] = {p[i], 1 - p[i]};
      for (int k = 0; k < 2; ++k) {
        mass[k] += r[k];
        sum[k] += r[k] * z[i];
        square[k] += r[k] * z[i] * z[i];
      }
    }
    for (int k = 0; k < 2; ++k) {
      m[k] = sum[k] / mass[k];
      v[k] = square[k] / mass[k] - m[k] * m[k] + 5e-4;
      w[k] = mass[k] / static_cast<double>(z.size());
    }
    for (std::size_t i = 0; i < z.size(); ++i) {
      double d[2];
      for (int k = 0; k < 2; ++k)
        d[k] = w[k] * std::exp(-(z[i] - m[k]) * (z[i] - m[k]) / (2 * v[k])) / std::sqrt(v[k]);
      p[i] = d[0] / (d[0] + d[1]);
    }
  }
  return p;
}

template <class T, class F>
void split(benchmark::State& state, F const& f) {
  auto const x = two_humps<T>(static_cast<std::size_t>(state.range(0)));
  double right = 0;
  for (auto _ : state) {
    auto const p = f(x);
    benchmark::DoNotOptimize(p.data());
    right = 0;
    for (std::size_t i = 0; i < x.size(); ++i) right += (p[i] > 0.5) == (i % 10 < 7);
  }
  state.SetBytesProcessed(state.iterations() * steps *
                          static_cast<std::int64_t>(x.size() * sizeof(T)));
  state.counters["accuracy"] = right / static_cast<double>(x.size());  // never speed alone
}

template <class F>
void split_double(benchmark::State& state, F const& f) {
  split<double>(state, f);
}
template <class F>
void split_float(benchmark::State& state, F const& f) {
  split<float>(state, f);
}

template <class P>
auto with(P exec) {
  return [=](auto const& x) {
    return limpid::mixture::split_losses(exec, x, {.max_iterations = steps, .tolerance = 0})
        .prob_clean;
  };
}
auto const hand = [](auto const& x) { return by_hand(x); };

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgName("n")->Arg(1 << 14)->Arg(1000000)->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(split_double, by_hand, hand)->Apply(sizes);
BENCHMARK_CAPTURE(split_double, seq, with(limpid::seq))->Apply(sizes);
BENCHMARK_CAPTURE(split_double, simd, with(limpid::simd))->Apply(sizes);
BENCHMARK_CAPTURE(split_double, par, with(limpid::par))->Apply(sizes)->UseRealTime();
BENCHMARK_CAPTURE(split_float, by_hand, hand)->Apply(sizes);
BENCHMARK_CAPTURE(split_float, simd, with(limpid::simd))->Apply(sizes);

}  // namespace
