// SPDX-License-Identifier: BSL-1.0
// kernel_mean::mmd_agg with its defaults: 20 kernels, 4000 redraws; and what the tests of two
// samples are worth: the share of rejections at level 0.05 of normal rows in 2 dimensions, shifted
// by `shift` / 10 in each, and of a mixture of narrow bells on a grid ("blobs") against the same
// bells turned. 0 is the level. `mmd_agg` and `mmd_fuse` of 300 draws each.
#include <limpid/exec/par.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/kernel_mean/mmd_agg.hpp>
#include <limpid/kernel_mean/mmd_fuse.hpp>
#include <limpid/kernel_mean/two_sample_test.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "classes.hpp"

namespace {

using limpid::kernel_mean::bandwidths_from;
using limpid::kernel_mean::redraw;

double bell(limpid::random_stream& draw) {
  double const u = 1 - draw.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * draw.uniform());
}
limpid::matrix<double> shifted(std::size_t n, std::uint64_t seed, double shift) {
  limpid::matrix<double> out(n, 2);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 1, i);
    for (std::size_t c = 0; c < 2; ++c) out(i, c) = bell(draw) + shift;
  }
  return out;
}
/// Bells on a 3 x 3 grid, 3 apart, 6 times as long as wide along the diagonal that `turn` says.
limpid::matrix<double> blobs(std::size_t n, std::uint64_t seed, bool turn) {
  limpid::matrix<double> out(n, 2);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 2, i);
    double const along = 0.9 * bell(draw), across = 0.15 * bell(draw);
    out(i, 0) = 3 * static_cast<double>(draw.below(3)) + along + across;
    out(i, 1) = 3 * static_cast<double>(draw.below(3)) + (turn ? across - along : along - across);
  }
  return out;
}

template <class P>
void mmd_agg(benchmark::State& state, P exec) {
  auto const n = static_cast<std::size_t>(state.range(0)),
             d = static_cast<std::size_t>(state.range(1));
  auto const both = limpid_bench::make_classes(2 * n, d, 10);
  limpid::matrix_view<float const> const rows = both.x.view();
  auto const x = rows.row_block(0, n), y = rows.row_block(n, 2 * n);
  bool reject = false;
  for (auto _ : state) reject = limpid::kernel_mean::mmd_agg(exec, x, y).reject;
  state.counters["reject"] = reject;
  state.counters["FMA/s"] = benchmark::Counter(
      2.0 * static_cast<double>(n * n) * 20 * 4001 * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}
void cost(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({500, 10})->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(mmd_agg, simd, limpid::simd)->Apply(cost);
BENCHMARK_CAPTURE(mmd_agg, par, limpid::par)->Apply(cost)->UseRealTime();

enum class which { permutation, wild, agg, agg_pooled, agg_wild, fuse, fuse_code };

void power(benchmark::State& state, which test) {
  auto const tenths = state.range(0);
  std::size_t const n = 60;
  bool const equal = test == which::wild || test == which::agg_wild;
  std::size_t const m = equal ? n : 45;
  int const tests = static_cast<int>(state.range(1));
  double rejected = 0;
  for (auto _ : state) {
    rejected = 0;
    for (int t = 0; t < tests; ++t) {
      auto const seed = static_cast<std::uint64_t>(t);
      double const shift = static_cast<double>(tenths) / 10;
      auto const x = tenths < 0 ? blobs(n, 2 * seed, false) : shifted(n, 2 * seed, 0);
      auto const y = tenths < 0 ? blobs(m, 2 * seed + 1, true) : shifted(m, 2 * seed + 1, shift);
      if (test == which::agg || test == which::agg_pooled || test == which::agg_wild) {
        rejected += limpid::kernel_mean::mmd_agg(
                        x, y,
                        {.distances = test == which::agg ? bandwidths_from::between
                                                         : bandwidths_from::pooled,
                         .by = test == which::agg_wild ? redraw::wild : redraw::permutation,
                         .draws = 300,
                         .level_draws = 300,
                         .seed = seed})
                        .reject;
        continue;
      }
      if (test == which::fuse || test == which::fuse_code) {
        using limpid::kernel_mean::fuse_scale;
        rejected += limpid::kernel_mean::mmd_fuse(
                        x, y,
                        {.scale = test == which::fuse ? fuse_scale::paper : fuse_scale::code,
                         .draws = 300,
                         .seed = seed})
                        .reject;
        continue;
      }
      limpid::matrix<double> both(n + m, 2);
      for (std::size_t i = 0; i < n + m; ++i)
        for (std::size_t c = 0; c < 2; ++c) both(i, c) = i < n ? x(i, c) : y(i - n, c);
      auto const k = limpid::kernels::gaussian(limpid::kernel_mean::median_heuristic(both).gamma);
      rejected += limpid::kernel_mean::two_sample_test(
                      k, x, y,
                      {.by = test == which::wild ? redraw::wild : redraw::permutation,
                       .draws = 199,
                       .seed = seed})
                      .reject;
    }
  }
  state.counters["rejected"] = rejected / tests;
}
void shifts(benchmark::internal::Benchmark* b) {
  b->ArgNames({"shift", "tests"})->Args({0, 1000});
  for (int s : {2, 4, 6}) b->Args({s, 200});
  b->Args({-1, 200})->Iterations(1)->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(power, permutation, which::permutation)->Apply(shifts);
BENCHMARK_CAPTURE(power, wild, which::wild)->Apply(shifts);
BENCHMARK_CAPTURE(power, mmd_agg, which::agg)->Apply(shifts);
BENCHMARK_CAPTURE(power, mmd_agg_pooled, which::agg_pooled)->Apply(shifts);
BENCHMARK_CAPTURE(power, mmd_agg_wild, which::agg_wild)->Apply(shifts);
BENCHMARK_CAPTURE(power, mmd_fuse, which::fuse)->Apply(shifts);
BENCHMARK_CAPTURE(power, mmd_fuse_code, which::fuse_code)->Apply(shifts);

}  // namespace
