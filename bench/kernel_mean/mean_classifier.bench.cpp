// SPDX-License-Identifier: BSL-1.0
// kernel_mean::mean_classifier: fitted on 10000 rows in 64 columns and 10 classes, a fifth of the
// labels drawn anew; 5000 other rows to classify, against the Parzen vote by loops. `right` is the
// share of true classes found.
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/mean_classifier.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

#include "classes.hpp"

namespace {

constexpr auto kernel = limpid::kernels::gaussian(1.0 / 512);
constexpr std::size_t n = 10000, queries = 5000, d = 64;

struct parts {
  limpid_bench::classes_data in = limpid_bench::make_classes(n + queries, d, 10);
  limpid::matrix_view<float const> train = in.x.view().row_block(0, n),
                                   test = in.x.view().row_block(n, n + queries);
  limpid::vector_view<std::int32_t const> labels{in.y.data(), n};

  template <class Labels>
  void report(benchmark::State& state, Labels const& found) const {
    std::size_t right = 0;
    for (std::size_t i = 0; i < queries; ++i) right += found[i] == in.truth[n + i];
    state.counters["right"] = static_cast<double>(right) / queries;
    state.counters["rows/s"] =
        benchmark::Counter(static_cast<double>(queries) * static_cast<double>(state.iterations()),
                           benchmark::Counter::kIsRate);
  }
};

void by_hand(benchmark::State& state) {
  parts const p;
  std::vector<std::int32_t> found(queries);
  for (auto _ : state)
    for (std::size_t i = 0; i < queries; ++i) {
      double votes[10] = {};
      for (std::size_t j = 0; j < n; ++j)
        votes[p.labels[j]] += kernel(p.test.row(i), p.train.row(j));
      found[i] = 0;
      for (std::int32_t c = 1; c < 10; ++c)
        if (votes[c] > votes[found[i]]) found[i] = c;
    }
  p.report(state, found);
}

template <class P>
void predict(benchmark::State& state, P exec) {
  parts const p;
  limpid::kernel_mean::mean_classifier<> const c{.kernel = kernel};
  auto const model = c.fit(exec, p.train, p.labels, limpid::vector_view<double const>{}, 10);
  limpid::vector<std::int32_t> found;
  for (auto _ : state) found = model.predict(exec, p.test);
  p.report(state, found);
}

template <class P>
void fit_shrunk(benchmark::State& state, P exec) {
  parts const p;
  limpid::kernel_mean::mean_classifier<> const c{.kernel = kernel, .shrink = true};
  for (auto _ : state)
    benchmark::DoNotOptimize(
        c.fit(exec, p.train, p.labels, limpid::vector_view<double const>{}, 10).norm2[0]);
  auto const model = c.fit(exec, p.train, p.labels, limpid::vector_view<double const>{}, 10);
  p.report(state, model.predict(exec, p.test));
}

BENCHMARK(by_hand)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict, seq, limpid::seq)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict, simd, limpid::simd)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(predict, par, limpid::par)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(fit_shrunk, simd, limpid::simd)->Unit(benchmark::kMillisecond);

}  // namespace
