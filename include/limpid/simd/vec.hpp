// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/vec.hpp
/// vec<T>, a register of T, and its exp, log, log1p, sqrt: one copy per instruction set, in
/// namespace lanes::baseline, v3, v4 (and scalar, where a vec<T> is a T). For the kernels of this
/// folder.
#ifndef LIMPID_SIMD_VEC_HPP
#define LIMPID_SIMD_VEC_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include <limpid/simd/isa.hpp>

#include <limpid/simd/detail/open.inc>
#define LIMPID_SIMD_SOURCE <limpid/simd/detail/vec.inl>
#include <limpid/simd/detail/each_set.inc>

#include <limpid/simd/detail/close.inc>

#endif
