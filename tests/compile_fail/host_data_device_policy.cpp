// EXPECT: the policy and the data are in different memory spaces
// SPDX-License-Identifier: BSL-1.0
#include <support/emulated_device.hpp>

#include <limpid/transition/dual_t.hpp>

auto wrong(limpid::matrix<double> const& p, limpid::vector<int> const& labels) {
  return limpid::transition::dual_t(limpid_test::device, p, labels);
}
