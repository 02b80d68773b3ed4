// SPDX-License-Identifier: BSL-1.0
// What one thread of this machine can do right now: "<GFLOP/s of float multiply-adds> <GB/s of
// reading>".
#include "simd/peak.hpp"

int main() {
  std::printf("%.1f %.1f\n", limpid_bench::peak_gflops<float>(), limpid_bench::read_bandwidth());
}
