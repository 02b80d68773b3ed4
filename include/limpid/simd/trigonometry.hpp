// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/trigonometry.hpp
/// Cosines and sines of arrays. T is float or double. Errors (measured by the test): below 2.5e-16
/// of `scale` in double where |in| < 2^20, below 9e-8 in float where |in| < 2^13; the standard
/// library's beyond, entry by entry.
#ifndef LIMPID_SIMD_TRIGONOMETRY_HPP
#define LIMPID_SIMD_TRIGONOMETRY_HPP

#include <cmath>

#include <limpid/simd/vec.hpp>

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/trigonometry.inl>
#include <limpid/simd/detail/each_set.inc>

namespace detail {
template <class T>
bool turn_all(T const* in, T* cosines, T* sines, std::size_t n, T scale, T limit) {
  LIMPID_SIMD_CALL(isa(), template turn_all<T>(in, cosines, sines, n, scale, limit));
}
}  // namespace detail

/// cosines[i] = scale cos(in[i]), sines[i] = scale sin(in[i]), 0 <= i < n; sines may be null. The
/// arrays do not overlap.
template <class T>
void cosines_and_sines(T const* in, T* cosines, T* sines, std::size_t n, T scale) {
  T const limit = sizeof(T) == 4 ? T(8192) : T(1048576);
  if (detail::turn_all(in, cosines, sines, n, scale, limit)) return;
  for (std::size_t i = 0; i < n; ++i) {
    if (std::fabs(in[i]) < limit) continue;
    cosines[i] = scale * std::cos(in[i]);
    if (sines != nullptr) sines[i] = scale * std::sin(in[i]);
  }
}

#include <limpid/simd/detail/close.inc>

#endif
