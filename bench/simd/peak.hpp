// SPDX-License-Identifier: BSL-1.0
#ifndef LIMPID_BENCH_SIMD_PEAK_HPP
#define LIMPID_BENCH_SIMD_PEAK_HPP

// What this machine can do right now, on one thread: measure it in the same run as the code it is
// held against.

#include <time.h>

#include <cstdio>
#include <vector>

#include <limpid/simd/vec.hpp>

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE "peak.inl"
#include <limpid/simd/detail/each_set.inc>

template <class T>
T fma_chain(std::size_t rounds, T a, T b) {
  LIMPID_SIMD_CALL(isa(), template fma_chain<T>(rounds, a, b));
}
template <class T>
std::size_t fma_chain_width() {
  LIMPID_SIMD_CALL(isa(), template fma_chain_width<T>());
}

#include <limpid/simd/detail/close.inc>

namespace limpid_bench {

// Seconds this thread has computed: on a shared machine wall-clock time measures the neighbours.
inline double now() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// The shortest of `repeats` runs of f, in seconds.
template <class F>
double best_of(int repeats, F&& f) {
  double best = 1e300;
  for (int r = 0; r < repeats; ++r) {
    double const t = now();
    f();
    double const s = now() - t;
    if (s < best) best = s;
  }
  return best;
}

// GFLOP/s of independent fused multiply-adds in the instruction set in use.
template <class T>
double peak_gflops() {
  std::size_t const rounds = 400000;
  volatile T sink = T(0);
  double const s = best_of(7, [&] { sink = limpid::lanes::fma_chain<T>(rounds, T(0.5), T(0.25)); });
  static_cast<void>(sink);
  return 2.0 * static_cast<double>(rounds * limpid::lanes::fma_chain_width<T>()) / s * 1e-9;
}

// GB/s read plus written by a copy of 256 MiB.
inline double copy_bandwidth() {
  std::size_t const n = std::size_t{256} << 20;
  std::vector<char> a(n, 1), b(n, 2);
  double const s = best_of(5, [&] { __builtin_memcpy(b.data(), a.data(), n); });
  volatile char const sink = b[n / 2];
  static_cast<void>(sink);
  return 2.0 * static_cast<double>(n) / s * 1e-9;
}

// GB/s of reading 256 MiB (sum of 64-bit words).
inline double read_bandwidth() {
  std::size_t const n = std::size_t{32} << 20;
  std::vector<double> a(n, 1.0);
  volatile double sink = 0;
  double const s = best_of(5, [&] {
    double t[8] = {};
    for (std::size_t i = 0; i < n; i += 8)
      for (std::size_t l = 0; l < 8; ++l) t[l] += a[i + l];
    sink = t[0] + t[1] + t[2] + t[3] + t[4] + t[5] + t[6] + t[7];
  });
  static_cast<void>(sink);
  return static_cast<double>(n * sizeof(double)) / s * 1e-9;
}

}  // namespace limpid_bench

#endif
