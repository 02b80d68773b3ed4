// SPDX-License-Identifier: BSL-1.0
// g++ -std=c++20 -O2 -I include -I bench/simd bench/simd/simd.bench.cpp -o simd_bench &&
// ./simd_bench [what] [n]
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include <limpid/simd/kernel_sums.hpp>
#include <limpid/simd/linear.hpp>
#include <limpid/simd/loss_mixture.hpp>
#include <limpid/simd/nearest.hpp>
#include <limpid/simd/rows.hpp>
#include <limpid/simd/sparse.hpp>

#include "peak.hpp"

namespace {
namespace lanes = limpid::lanes;
using limpid_bench::best_of;
using std::size_t;

std::vector<float> normals(size_t n) {
  std::mt19937 gen(1);
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) {
    float s = -6.0f;
    for (int t = 0; t < 12; ++t) s += static_cast<float>(gen()) * 0x1p-32f;
    x[i] = s;
  }
  return x;
}

void report(char const* name, double seconds, double amount, char const* unit) {
  std::printf("  %-34s %9.2f ms  %8.1f %s\n", name, seconds * 1e3, amount / seconds * 1e-9, unit);
}

void tiles(size_t n, size_t d) {
  auto const x = normals(n * d);
  std::vector<double> mean(d);
  auto const ld = static_cast<std::ptrdiff_t>(d);
  std::vector<std::uint32_t> idx(n * 10);
  std::vector<double> dist(n * 10), out(n);
  double const flops =
      2.0 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(d);
  double s = best_of(2, [&] {
    auto const refs = lanes::pack_rows(x.data(), n, d, ld, 1, mean.data());
    lanes::nearest_block(refs, x.data(), ld, 1, 0, n, 10, true, idx.data(), dist.data());
  });
  std::printf(" n = %zu, d = %zu\n", n, d);
  report("nearest, k = 10", s, flops, "GFLOP/s");
  auto const refs = lanes::pack_rows(x.data(), n, d, ld, 1, mean.data());
  for (int kind = 0; kind < 5; ++kind) {
    char const* const names[] = {"linear sums", "polynomial sums", "gaussian sums",
                                 "laplacian (L1) sums", "laplacian (L2) sums"};
    lanes::kernel k;
    k.kind = static_cast<lanes::kernel_kind>(kind);
    k.gamma = 0.5 / static_cast<double>(d);
    s = best_of(2, [&] {
      lanes::kernel_sums_block(refs, x.data(), ld, 1, 0, n, k, nullptr, 1, out.data());
    });
    report(names[kind], s, flops, "GFLOP/s");
  }
  lanes::kernel k;
  k.gamma = 0.5 / static_cast<double>(d);
  std::vector<double> w(n * 10, 0.5), o(n * 10);
  s = best_of(
      2, [&] { lanes::kernel_sums_block(refs, x.data(), ld, 1, 0, n, k, w.data(), 10, o.data()); });
  report("gaussian times 10 vectors", s, flops, "GFLOP/s");
}

void rows(size_t n, size_t K) {
  auto const x = normals(n * K);
  std::vector<float> p(n * K), e(n);
  std::vector<std::int32_t> o(n);
  double const bytes = 4.0 * static_cast<double>(n * K);
  std::printf(" rows: n = %zu, K = %zu, float32; GB/s of the matrix read (softmax: and written)\n",
              n, K);
  report("softmax", best_of(3, [&] { lanes::softmax(x.data(), K, p.data(), K, n, K); }), 2 * bytes,
         "GB/s");
  report("log_sum_exp", best_of(3, [&] { lanes::log_sum_exp(x.data(), K, n, K, e.data()); }), bytes,
         "GB/s");
  report("entropy", best_of(3, [&] { lanes::entropy(p.data(), K, n, K, e.data()); }), bytes,
         "GB/s");
  report("arg_max", best_of(3, [&] { lanes::arg_max(p.data(), K, n, K, o.data()); }), bytes,
         "GB/s");
  report("row_check", best_of(3, [&] { lanes::row_check(p.data(), K, n, K, 1e-3); }), bytes,
         "GB/s");
}

void mixture(size_t n) {
  auto const x = normals(n);
  std::vector<float> p(n);
  auto const m = lanes::make_loss_mixture({0.5, 0.5}, {0.3, 0.7}, {0.02, 0.03});
  double volatile sink = 0;
  std::printf(" loss mixture: n = %zu, float32\n", n);
  report("step",
         best_of(5,
                 [&] {
                   sink = lanes::loss_mixture_step(x.data(), n, -6.0, 1.0 / 12, m).log_likelihood;
                 }),
         4.0 * static_cast<double>(n), "GB/s");
  report(
      "posterior",
      best_of(5, [&] { lanes::loss_mixture_posterior(x.data(), n, -6.0, 1.0 / 12, m, p.data()); }),
      4.0 * static_cast<double>(n), "GB/s");
  static_cast<void>(sink);
}

void linear(size_t n, size_t d, size_t K) {
  auto const x = normals(n * d), w = normals(K * d);
  std::vector<float> o(n * K);
  std::vector<double> g(K * d);
  double const flops = 2.0 * static_cast<double>(n * d * K);
  std::printf(" linear: n = %zu, d = %zu, K = %zu\n", n, d, K);
  report(
      "linear_rows",
      best_of(
          3, [&] { lanes::linear_rows(x.data(), d, n, d, w.data(), d, w.data(), K, o.data(), K); }),
      flops, "GFLOP/s");
  report(
      "accumulate_outer",
      best_of(3, [&] { lanes::accumulate_outer(o.data(), K, x.data(), d, n, K, d, g.data(), d); }),
      flops, "GFLOP/s");
}

void sparse(size_t n, size_t each, size_t K) {
  std::mt19937 gen(2);
  std::vector<std::uint64_t> indptr(n + 1);
  std::vector<std::uint32_t> indices(n * each);
  for (size_t i = 0; i <= n; ++i) indptr[i] = i * each;
  for (auto& j : indices) j = static_cast<std::uint32_t>(gen() % n);
  std::vector<float> v(n * each, 0.1f), F(n * K, 1.0f), o(n * K);
  std::printf(" sparse: n = %zu, %zu a row, K = %zu\n", n, each, K);
  report("spmm",
         best_of(3,
                 [&] {
                   lanes::spmm(indptr.data(), indices.data(), v.data(), F.data(), K, o.data(), K, 0,
                               n, K);
                 }),
         2.0 * static_cast<double>(n * each * K), "GFLOP/s");
}

}  // namespace

int main(int argc, char** argv) {
  char const* const what = argc > 1 ? argv[1] : "all";
  size_t const n = argc > 2 ? static_cast<size_t>(std::atoi(argv[2])) : 10000;
  bool const all = std::strcmp(what, "all") == 0;
  std::printf("%s: FMA peak %.0f GFLOP/s float, %.0f double; copy %.1f GB/s, read %.1f GB/s\n",
              limpid::to_string(limpid::isa()), limpid_bench::peak_gflops<float>(),
              limpid_bench::peak_gflops<double>(), limpid_bench::copy_bandwidth(),
              limpid_bench::read_bandwidth());
  if (all || std::strcmp(what, "tiles") == 0)
    for (size_t d : {size_t{64}, size_t{784}}) tiles(n, d);
  if (all || std::strcmp(what, "rows") == 0) {
    rows(1000000, 10);
    rows(200000, 1000);
  }
  if (all || std::strcmp(what, "mixture") == 0) mixture(1000000);
  if (all || std::strcmp(what, "linear") == 0) linear(100000, 784, 10);
  if (all || std::strcmp(what, "sparse") == 0) sparse(200000, 10, 10);
  std::printf("FMA peak again: %.0f GFLOP/s\n", limpid_bench::peak_gflops<float>());
}
