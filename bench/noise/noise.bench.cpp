// SPDX-License-Identifier: BSL-1.0
// Generators of label noise against a loop around std::discrete_distribution; rows per second, and
// how near the rate came.
#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/noise/boundary.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/multilabel.hpp>
#include <limpid/noise/pair_flip.hpp>
#include <limpid/noise/polynomial_margin.hpp>
#include <limpid/noise/symmetric.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace {

std::vector<std::int32_t> make_labels(std::size_t n) {
  std::vector<std::int32_t> y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<std::int32_t>(i % 10);
  return y;
}

template <class F>
void rows(benchmark::State& state, F draw) {
  auto const labels = make_labels(static_cast<std::size_t>(state.range(0)));
  double rate = draw(labels);  // makes its inputs
  for (auto _ : state) rate = draw(labels);
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["rate_error"] = std::abs(rate - 0.4);
}

double by_hand(std::vector<std::int32_t> const& labels) {
  auto const t = limpid::noise::symmetric_transition(10, 0.4);
  std::mt19937_64 engine(1);
  std::vector<std::discrete_distribution<std::int32_t>> law;
  for (std::size_t k = 0; k < 10; ++k) law.emplace_back(&t(k, 0), &t(k, 0) + 10);
  std::vector<std::int32_t> out(labels.size());
  std::size_t flips = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    out[i] = law[static_cast<std::size_t>(labels[i])](engine);
    flips += out[i] != labels[i];
  }
  benchmark::DoNotOptimize(out);
  return static_cast<double>(flips) / static_cast<double>(labels.size());
}

template <class P>
auto symmetric_by(P const& exec) {
  return [exec](auto const& y) {
    return limpid::noise::symmetric(exec, y, 10, {.rate = 0.4}).realised_rate;
  };
}
template <class P>
auto instance_by(P const& exec) {
  return [exec](auto const& y) {
    static limpid::matrix<float> x;
    if (x.rows() != y.size()) {
      x = limpid::matrix<float>(y.size(), 32);
      for (std::size_t i = 0; i < 32 * y.size(); ++i)
        x.data()[i] = static_cast<float>(limpid::random_stream(2, 0, i).uniform());
    }
    return limpid::noise::instance_dependent(exec, x, y, 10, {.rate = 0.4, .expected = false})
        .realised_rate;
  };
}

limpid::matrix<float> uniform_rows(std::size_t n, std::size_t d, bool sum_to_one) {
  limpid::matrix<float> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(2, 0, i);
    double sum = 0;
    for (std::size_t j = 0; j < d; ++j) {
      double const u = draw.uniform();
      sum += u * u * u;
      x(i, j) = static_cast<float>(sum_to_one ? u * u * u : u);
    }
    for (std::size_t j = 0; j < d && sum_to_one; ++j) x(i, j) = static_cast<float>(x(i, j) / sum);
  }
  return x;
}
template <class P>
auto margin_by(P const& exec) {
  return [exec](auto const& y) {
    static limpid::matrix<float> eta;
    if (eta.rows() != y.size()) eta = uniform_rows(y.size(), 10, true);
    return limpid::noise::polynomial_margin(exec, eta, {.rate = 0.4, .seed = 1}).realised_rate;
  };
}
template <class P>
auto boundary_by(P const& exec) {
  return [exec](auto const& y) {
    static limpid::matrix<float> x;
    if (x.rows() != y.size()) x = uniform_rows(y.size(), 32, false);
    return limpid::noise::boundary(exec, x, y, 10, {.rate = 0.4}).realised_rate;
  };
}
// n labels seen as n / 10 rows of ten: ones where the number is below 2
auto multilabel_by(limpid::noise::sampling mode) {
  return [mode](auto const& y) {
    limpid::matrix<std::uint8_t> ones(y.size() / 10, 10);
    for (std::size_t i = 0; i < y.size() / 10 * 10; ++i) ones.data()[i] = (i * 7 / 10 + i) % 10 < 2;
    return limpid::noise::multilabel(ones, {.rule = limpid::noise::multilabel_rule::subtractive,
                                            .subtractive = 0.4,
                                            .mode = mode})
        .missing_rate[0];
  };
}

BENCHMARK_CAPTURE(rows, by_hand, by_hand)->Arg(1 << 20);
BENCHMARK_CAPTURE(rows, symmetric_seq, symmetric_by(limpid::seq))->Arg(1 << 20);
BENCHMARK_CAPTURE(rows, symmetric_simd, symmetric_by(limpid::simd))->Arg(1 << 20);
BENCHMARK_CAPTURE(rows, symmetric_par, symmetric_by(limpid::par))->Arg(1 << 20)->UseRealTime();
BENCHMARK_CAPTURE(rows, pair_flip_simd, [](auto const& y) {
  return limpid::noise::pair_flip(y, 10, {.rate = 0.4}).realised_rate;
}) -> Arg(1 << 20);
BENCHMARK_CAPTURE(rows, instance_dependent_d32_simd, instance_by(limpid::simd))->Arg(1 << 17);
BENCHMARK_CAPTURE(rows, instance_dependent_d32_par, instance_by(limpid::par))
    ->Arg(1 << 17)
    ->UseRealTime();

BENCHMARK_CAPTURE(rows, symmetric_exact_simd, [](auto const& y) {
  return limpid::noise::symmetric(y, 10, {.rate = 0.4, .mode = limpid::noise::sampling::exact})
      .realised_rate;
}) -> Arg(1 << 20);
BENCHMARK_CAPTURE(rows, polynomial_margin_simd, margin_by(limpid::simd))->Arg(1 << 20);
BENCHMARK_CAPTURE(rows, polynomial_margin_par, margin_by(limpid::par))->Arg(1 << 20)->UseRealTime();
BENCHMARK_CAPTURE(rows, boundary_d32_simd, boundary_by(limpid::simd))->Arg(1 << 14);
BENCHMARK_CAPTURE(rows, multilabel_iid_simd, multilabel_by(limpid::noise::sampling::iid))
    ->Arg(10 << 17);
BENCHMARK_CAPTURE(rows, multilabel_exact_simd, multilabel_by(limpid::noise::sampling::exact))
    ->Arg(10 << 17);

}  // namespace
