// EXPECT: this function has no kernel for this policy
// SPDX-License-Identifier: BSL-1.0
// A policy that lacks the primitives is not run serially instead.
#include <limpid/transition/dual_t.hpp>

struct bare_policy {
  static constexpr limpid::memory_space space = limpid::memory_space::host;
  static void* allocate(std::size_t) { return nullptr; }
  static void deallocate(void*) {}
};
template <>
inline constexpr bool limpid::enable_execution_policy<bare_policy> = true;

auto wrong(limpid::matrix<double> const& p, limpid::vector<int> const& labels) {
  return limpid::transition::dual_t(bare_policy{}, p, labels);
}
