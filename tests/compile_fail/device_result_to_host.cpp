// EXPECT: to<X>() reads host memory
// SPDX-License-Identifier: BSL-1.0
#include <support/emulated_device.hpp>

#include <vector>

auto wrong(limpid_test::device_vector<int> const& labels) {
  return limpid::to<std::vector<int>>(labels);
}
