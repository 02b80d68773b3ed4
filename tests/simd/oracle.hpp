// SPDX-License-Identifier: BSL-1.0
#ifndef LIMPID_TESTS_SIMD_ORACLE_HPP
#define LIMPID_TESTS_SIMD_ORACLE_HPP

// Helpers of the simd tests. Nothing here uses the library but the choice of the instruction set.

#define LIMPID_SIMD_WITH_SCALAR

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>
#include <vector>

#include <limpid/simd/isa.hpp>

namespace lanes_test {

using sizes = std::initializer_list<std::size_t>;

// Runs f once for every instruction set this processor has.
template <class F>
void for_each_set(F&& f) {
  for (int s = 0; s <= 3; ++s) {
    auto const set = static_cast<limpid::instruction_set>(s);
    if (!limpid::lanes::force(set)) continue;
    CAPTURE(s);
    f();
  }
  limpid::lanes::unforce();
}

// An n x K matrix in a padded store, the padding NaN.
template <class T>
struct padded {
  std::size_t n, K, ld;
  std::vector<T> data;
  padded(std::size_t rows, std::size_t cols, std::size_t pad)
      : n(rows),
        K(cols),
        ld(cols + pad),
        data(rows * (cols + pad) + 1, std::numeric_limits<T>::quiet_NaN()) {}
  T& operator()(std::size_t i, std::size_t k) { return data[i * ld + k]; }
  T const& operator()(std::size_t i, std::size_t k) const { return data[i * ld + k]; }
};

template <class T>
padded<T> random_rows(std::size_t n, std::size_t K, std::size_t pad, unsigned seed,
                      double centre = 0.0, double spread = 1.0) {
  std::mt19937 gen(seed);
  std::normal_distribution<double> normal(centre, spread);
  padded<T> m(n, K, pad);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < K; ++k) m(i, k) = static_cast<T>(normal(gen));
  return m;
}

// |got - want| in units in the last place of want, want to more than double's precision.
template <class T>
double ulps(T got, long double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0.0 : 1e9;
  T const rounded = static_cast<T>(want);
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0.0 : 1e9;
  int e = 0;
  std::frexp(want, &e);
  int const low = std::numeric_limits<T>::min_exponent;
  long double const unit = std::ldexp(1.0L, (e < low ? low : e) - std::numeric_limits<T>::digits);
  return static_cast<double>(std::fabs((static_cast<long double>(got) - want) / unit));
}

template <class T>
constexpr double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;

}  // namespace lanes_test

#endif
