// EXPECT: enable_execution_policy
// SPDX-License-Identifier: BSL-1.0
// Looking like a policy is not enough: a type is one only where its author says so.
#include <limpid/transition/dual_t.hpp>

struct not_a_policy {
  static constexpr limpid::memory_space space = limpid::memory_space::host;
  static void* allocate(std::size_t) { return nullptr; }
  static void deallocate(void*) {}
};

auto wrong(limpid::matrix<double> const& p, limpid::vector<int> const& labels) {
  return limpid::transition::dual_t(not_a_policy{}, p, labels, {});
}
