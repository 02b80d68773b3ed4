// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/math.hpp
/// exp, log, log1p, square root of arrays. T is float or double; in may be out. Errors (measured by
/// the tests over all exponents): exp and log1p below 1.5 ulp, log below 1 ulp, sqrt below 2 ulp
/// (normal arguments). Subnormals, infinities, NaN as in the
/// standard library.
#ifndef LIMPID_SIMD_MATH_HPP
#define LIMPID_SIMD_MATH_HPP

#include <limpid/simd/vec.hpp>

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/math.inl>
#include <limpid/simd/detail/each_set.inc>

/// out[i] = exp(in[i]), 0 <= i < n.
template <class T>
void exp(T const* in, T* out, std::size_t n) {
  LIMPID_SIMD_CALL(isa(), template exp_all<T>(in, out, n));
}
/// out[i] = log(in[i]).
template <class T>
void log(T const* in, T* out, std::size_t n) {
  LIMPID_SIMD_CALL(isa(), template log_all<T>(in, out, n));
}
/// out[i] = log(1 + in[i]).
template <class T>
void log1p(T const* in, T* out, std::size_t n) {
  LIMPID_SIMD_CALL(isa(), template log1p_all<T>(in, out, n));
}
/// out[i] = sqrt(in[i]), in[i] >= 0 and finite.
template <class T>
void sqrt(T const* in, T* out, std::size_t n) {
  LIMPID_SIMD_CALL(isa(), template sqrt_all<T>(in, out, n));
}

#include <limpid/simd/detail/close.inc>

#endif
