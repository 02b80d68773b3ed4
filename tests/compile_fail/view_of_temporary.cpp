// EXPECT: has_a_name_or_owns_nothing
// SPDX-License-Identifier: BSL-1.0
// The view of a temporary would outlive its elements.
#include <limpid/core/tensor.hpp>

#include <vector>

auto wrong() {
  return limpid::view(std::vector<double>{1, 2});
}
