// SPDX-License-Identifier: BSL-1.0
// Two units of one program, built with different flags, agree.
#include "results.hpp"

#include <cmath>
#include <cstddef>
#include <cstdio>

int main() {
  auto const plain = limpid_odr::plain::run();
  if (plain.values.empty()) return std::puts("nothing was computed"), 1;
  for (std::size_t i = 0; i < plain.values.size(); ++i)
    if (!std::isfinite(plain.values[i])) return std::printf("value %zu is not finite\n", i), 1;
#ifndef LIMPID_ODR_PLAIN_ONLY
  auto const native = limpid_odr::native::run();
  if (plain.sizes != native.sizes)
    return std::puts("a public type changes its size with the flags"), 1;
  if (plain.values.size() != native.values.size())
    return std::puts("different numbers of results"), 1;
  for (std::size_t i = 0; i < plain.values.size(); ++i) {
    double const a = plain.values[i], b = native.values[i];
    if (!(std::abs(a - b) <= 1e-5 * (1 + std::abs(a))))
      return std::printf("value %zu: %.9g and %.9g\n", i, a, b), 1;
  }
#endif
  std::printf("%zu values\n", plain.values.size());
}
