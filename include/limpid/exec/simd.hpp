// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/simd.hpp
/// One thread, the widest instruction set of the processor: the default.
#ifndef LIMPID_EXEC_SIMD_HPP
#define LIMPID_EXEC_SIMD_HPP

#include <limpid/exec/policy.hpp>

namespace limpid {

struct simd_policy {
  static constexpr memory_space space = memory_space::host;
  static constexpr bool vectorised = true;
  static void* allocate(std::size_t bytes) { return detail::allocate_host(bytes); }
  static void deallocate(void* block) noexcept { detail::deallocate_host(block); }
  template <class Tile>
  void for_tiles(std::size_t count, Tile const& tile) const {
    for (std::size_t t = 0; t < count; ++t) tile(t);
  }
};
template <>
inline constexpr bool enable_execution_policy<simd_policy> = true;
inline constexpr simd_policy simd{};

/// What a call without a policy runs under: an embedded library starts no threads unasked.
inline constexpr simd_policy default_policy{};

}  // namespace limpid

#endif  // LIMPID_EXEC_SIMD_HPP
