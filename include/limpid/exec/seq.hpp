// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec/seq.hpp
/// Plain loops on one thread, meant to be read: the reference.
#ifndef LIMPID_EXEC_SEQ_HPP
#define LIMPID_EXEC_SEQ_HPP

#include <limpid/exec/policy.hpp>

namespace limpid {

struct seq_policy {
  static constexpr memory_space space = memory_space::host;
  static constexpr bool vectorised = false;
  static void* allocate(std::size_t bytes) { return detail::allocate_host(bytes); }
  static void deallocate(void* block) noexcept { detail::deallocate_host(block); }
  template <class Tile>
  void for_tiles(std::size_t count, Tile const& tile) const {
    for (std::size_t t = 0; t < count; ++t) tile(t);
  }
};
template <>
inline constexpr bool enable_execution_policy<seq_policy> = true;
inline constexpr seq_policy seq{};

}  // namespace limpid

#endif  // LIMPID_EXEC_SEQ_HPP
