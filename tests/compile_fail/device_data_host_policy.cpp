// EXPECT: the policy and the data are in different memory spaces
// SPDX-License-Identifier: BSL-1.0
#include <support/emulated_device.hpp>

#include <limpid/exec/seq.hpp>
#include <limpid/transition/dual_t.hpp>

auto wrong(limpid_test::device_matrix<double> const& p,
           limpid_test::device_vector<int> const& labels) {
  return limpid::transition::dual_t(limpid::seq, p, labels);
}
