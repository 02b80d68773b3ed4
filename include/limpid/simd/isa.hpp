// SPDX-License-Identifier: BSL-1.0
/// @file limpid/simd/isa.hpp
/// Which instruction set the kernels of simd/ use. Chosen once, at the first question: the widest
/// that the processor has, or the one that the environment variable LIMPID_ISA names (baseline, v3,
/// v4) where the processor has it. LIMPID_BASELINE_ONLY, defined before the first include, leaves
/// the wider ones out of a translation unit.
#ifndef LIMPID_SIMD_ISA_HPP
#define LIMPID_SIMD_ISA_HPP

#include <cstdlib>

namespace limpid {

/// scalar: plain loops (unknown compilers, and the tests). baseline: 16-byte vectors, what every
/// processor of the target has. v3: x86-64-v3 (AVX2, FMA). v4: x86-64-v4 (AVX-512 F, DQ, BW, VL).
enum class instruction_set : int { scalar = 0, baseline = 1, v3 = 2, v4 = 3 };

namespace lanes::state {
inline int chosen_set = -1;  // -1: not asked yet
}  // namespace lanes::state

}  // namespace limpid

#include <limpid/simd/detail/open.inc>

/// Its name, as LIMPID_ISA spells it.
inline char const* to_string(instruction_set set) noexcept {
  if (set == instruction_set::v4) return "v4";
  if (set == instruction_set::v3) return "v3";
  if (set == instruction_set::baseline) return "baseline";
  return "scalar";
}

/// Built into this program and present in this processor.
inline bool supported(instruction_set set) noexcept {
#if LIMPID_SIMD_X86
  if (set == instruction_set::v4) {
    return supported(instruction_set::v3) && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
  }
  if (set == instruction_set::v3)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#if LIMPID_SIMD_VECTORS
  if (set == instruction_set::baseline) return true;
#endif
#if LIMPID_SIMD_SCALAR
  if (set == instruction_set::scalar) return true;
#endif
  return false;
}

namespace detail {

inline bool same_text(char const* a, char const* b) noexcept {
  while (*a != 0 && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

inline int choose_set() noexcept {
  int best = 0;
  for (int s = 3; s > 0 && best == 0; --s)
    if (supported(static_cast<instruction_set>(s))) best = s;
  if (char const* wanted = std::getenv("LIMPID_ISA")) {
    for (int s = 0; s <= 3; ++s) {
      auto const set = static_cast<instruction_set>(s);
      if (same_text(wanted, to_string(set)) && supported(set)) return s;
    }
  }
  return best;
}

inline int load_set() noexcept {
#if LIMPID_SIMD_VECTORS
  return __atomic_load_n(&state::chosen_set, __ATOMIC_RELAXED);
#else
  return *static_cast<int const volatile*>(&state::chosen_set);
#endif
}

inline void store_set(int set) noexcept {
#if LIMPID_SIMD_VECTORS
  __atomic_store_n(&state::chosen_set, set, __ATOMIC_RELAXED);
#else
  *static_cast<int volatile*>(&state::chosen_set) = set;
#endif
}

}  // namespace detail

/// The set in use.
inline instruction_set isa() noexcept {
  int set = detail::load_set();
  if (set < 0) {
    set = detail::choose_set();
    detail::store_set(set);
  }
  return static_cast<instruction_set>(set);
}

/// For tests: use this set from now on, in every thread. False, and nothing changes, where it is
/// not supported.
inline bool force(instruction_set set) noexcept {
  if (!supported(set)) return false;
  detail::store_set(static_cast<int>(set));
  return true;
}

/// For tests: back to the choice of the processor and the environment.
inline void unforce() noexcept {
  detail::store_set(-1);
}

#include <limpid/simd/detail/close.inc>

namespace limpid {
using lanes::isa;
using lanes::to_string;
}  // namespace limpid

#endif
