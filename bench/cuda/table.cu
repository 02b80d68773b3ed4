// SPDX-License-Identifier: BSL-1.0
// The device's table: each primitive that carries a method, against what the device can do,
// measured in the same run.
//     bench.cuda.table [share of the sizes, 1 = 1e6 x 128 rows, 1e8 losses and so on]
#include <limpid/exec/cuda.hpp>
#include <limpid/mixture/split_losses.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/transition/forward_loss.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace {

namespace ops = limpid::ops;
using limpid::matrix_view;
using limpid::vector_view;
constexpr auto there = limpid::memory_space::device;
constexpr int repeats = 7;

/// Median seconds of a call that ends on the stream.
template <class Call>
double seconds(limpid::cuda const& exec, Call const& call) {
  cudaEvent_t begin, end;
  cudaEventCreate(&begin);
  cudaEventCreate(&end);
  std::vector<double> all;
  call();
  for (int r = 0; r < repeats; ++r) {
    exec.wait();
    cudaEventRecord(begin, exec.stream);
    call();
    cudaEventRecord(end, exec.stream);
    cudaEventSynchronize(end);
    float ms = 0;
    cudaEventElapsedTime(&ms, begin, end);
    all.push_back(1e-3 * ms);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::sort(all.begin(), all.end());
  return all[repeats / 2];
}

/// Eight chains of fused multiply-adds that nothing can shorten: the peak as it is reached.
__global__ void fma_chains(float* out, int steps) {
  float x[8], a = 1.0000001f, b = 1e-9f * static_cast<float>(threadIdx.x);
  for (int i = 0; i < 8; ++i) x[i] = static_cast<float>(i);
  for (int s = 0; s < steps; ++s) {
#pragma unroll
    for (int i = 0; i < 8; ++i) x[i] = x[i] * a + b;
  }
  float sum = 0;
  for (int i = 0; i < 8; ++i) sum += x[i];
  if (sum == 42.5f) *out = sum;
}

/// Numbers from a counter, in [0, scale).
template <class T>
struct fill {
  vector_view<T, there> to;
  std::uint64_t seed;
  double scale;
  LIMPID_HD void operator()(std::size_t i) const {
    std::uint64_t z = (i + seed) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    to[i] = static_cast<T>(static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53 * scale);
  }
};
template <class T>
auto filled(limpid::cuda const& exec, std::size_t size, std::uint64_t seed, double scale) {
  auto out = ops::make_buffer<T>(exec, size);
  ops::for_rows(exec, size, fill<T>{out.view(), seed, scale});
  return out;
}
struct regular_rows {
  vector_view<std::uint64_t, there> start;
  std::uint64_t per_row;
  LIMPID_HD void operator()(std::size_t i) const { start[i] = i * per_row; }
};

struct measured {
  double peak, bandwidth;
};
void row(char const* what, double time, double flops, double bytes, measured of) {
  std::printf("%-44s %9.3f ms", what, 1e3 * time);
  if (flops > 0)
    std::printf("  %7.2f TFLOP/s %5.1f %% of the peak", 1e-12 * flops / time,
                100 * flops / time / of.peak);
  if (bytes > 0)
    std::printf("  %7.1f GB/s %5.1f %% of a copy", 1e-9 * bytes / time,
                100 * bytes / time / of.bandwidth);
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("no CUDA device here: nothing is measured\n");
    return 77;
  }
  double const share = count > 1 ? std::atof(arguments[1]) : 1;
  auto const scaled = [&](double n) {
    return std::max<std::size_t>(256, static_cast<std::size_t>(share * n));
  };
  limpid::cuda const exec{};
  cudaDeviceProp device{};
  cudaGetDeviceProperties(&device, 0);
  int driver = 0;
  cudaDriverGetVersion(&driver);
  measured of{};
  {
    auto const out = ops::make_buffer<float>(exec, 1);
    int const blocks = 16 * device.multiProcessorCount, steps = 20000;
    double const time = seconds(exec, [&] { fma_chains<<<blocks, 256>>>(out.view().data, steps); });
    of.peak = 2.0 * 8 * steps * 256 * blocks / time;
    std::size_t const bytes = scaled(2e9);
    auto const a = ops::make_buffer<char>(exec, bytes), b = ops::make_buffer<char>(exec, bytes);
    exec.clear(a.view().data, bytes);
    of.bandwidth = 2.0 * static_cast<double>(bytes) / seconds(exec, [&] {
                     cudaMemcpyAsync(b.view().data, a.view().data, bytes, cudaMemcpyDeviceToDevice,
                                     exec.stream);
                   });
  }
  std::printf("%s, driver %d, CUDA %d; float32 %.1f TFLOP/s, copy %.0f GB/s, medians of %d\n",
              device.name, driver, CUDART_VERSION, 1e-12 * of.peak, 1e-9 * of.bandwidth, repeats);
  {
    std::size_t const n = scaled(1e6), d = 128, k = 10;
    auto const x = filled<float>(exec, n * d, 1, 1);
    auto const index = ops::make_buffer<std::uint32_t>(exec, n * k);
    auto const distance = ops::make_buffer<double>(exec, n * k);
    matrix_view<float const, there> const rows = x.view(n, d);
    double const time = seconds(exec, [&] {
      ops::nearest(exec, rows, rows, k, index.view(n, k), distance.view(n, k),
                   {.exclude_self = true});
    });
    double const pairs = static_cast<double>(n) * static_cast<double>(n);
    row("10 nearest of 1e6 x 128, exact", time, 2 * d * pairs, 0, of);
  }
  {
    std::size_t const n = scaled(1e5), d = 128;
    auto const x = filled<float>(exec, n * d, 2, 1), z = filled<float>(exec, n * d, 3, 1);
    auto const out = ops::make_buffer<double>(exec, n);
    matrix_view<float const, there> const a = x.view(n, d), b = z.view(n, d);
    double const time = seconds(exec, [&] {
      ops::kernel_sums(exec, limpid::kernels::gaussian(0.05), a, b,
                       matrix_view<double const, there>(), out.view(n, 1));
    });
    double const pairs = static_cast<double>(n) * static_cast<double>(n);
    row("Gaussian row sums 1e5 x 1e5, d = 128", time, 2 * d * pairs, 0, of);
  }
  {
    std::size_t const n = scaled(1e7), K = 100;
    auto const logits = filled<float>(exec, n * K, 4, 8);
    auto const label = filled<std::int32_t>(exec, n, 5, K);
    auto const loss = ops::make_buffer<float>(exec, n),
               gradient = ops::make_buffer<float>(exec, n * K);
    auto const identity = limpid::matrix<float>::identity(K);
    auto const transition = ops::upload(exec, identity.view());
    matrix_view<float const, there> const z = logits.view(n, K), t = transition.view(K, K);
    vector_view<std::int32_t const, there> const y = label.view();
    double const time = seconds(exec, [&] {
      limpid::transition::forward_loss.into(exec, z, y, t, loss.view(), gradient.view(n, K),
                                            {.validate = false});
    });
    row("forward cross-entropy + gradient 1e7 x 100", time, 0, static_cast<double>(n) * (8 * K + 8),
        of);
  }
  {
    std::size_t const n = scaled(1e9);
    auto const a = filled<std::int32_t>(exec, n, 6, 100), b = filled<std::int32_t>(exec, n, 7, 100);
    vector_view<std::int32_t const, there> const va = a.view(), vb = b.view();
    double const time = seconds(exec, [&] { ops::count_pairs(exec, va, vb, 100, 100); });
    row("counts of 1e9 pairs, 100 x 100", time, 0, 8.0 * static_cast<double>(n), of);
  }
  {
    std::size_t const n = scaled(1e8);
    auto const loss = filled<float>(exec, n, 8, 5);
    vector_view<float const, there> const x = loss.view();
    int passes = 0;
    double const time =
        seconds(exec, [&] { passes = limpid::mixture::split_losses(exec, x).fit.iterations; });
    std::printf("split of 1e8 losses: %d iterations, results brought to the host\n", passes);
    row("  a pass over the losses", time / std::max(passes, 1), 0, 4.0 * static_cast<double>(n),
        of);
  }
  {
    std::size_t const rows = scaled(1e6), per_row = 10, columns = 16;
    auto const start = ops::make_buffer<std::uint64_t>(exec, rows + 1);
    ops::for_rows(exec, rows + 1, regular_rows{start.view(), per_row});
    auto const col = filled<std::uint32_t>(exec, rows * per_row, 9, static_cast<double>(rows));
    auto const value = filled<float>(exec, rows * per_row, 10, 1),
               x = filled<float>(exec, rows * columns, 11, 1);
    auto const out = ops::make_buffer<float>(exec, rows * columns);
    limpid::csr_view<float, there> const graph{start.view(), col.view(), value.view(), rows};
    matrix_view<float const, there> const from = x.view(rows, columns);
    double const time =
        seconds(exec, [&] { ops::spmm(exec, graph, from, out.view(rows, columns)); });
    auto const edges = static_cast<double>(rows * per_row);
    row("propagation, 1e7 edges x 16 columns", time, 0,
        edges * (8 + 4.0 * columns) + 4.0 * columns * static_cast<double>(rows), of);
  }
  return 0;
}
