// EXPECT: tensor_traits_exist_for
// SPDX-License-Identifier: BSL-1.0
// The bits of a std::vector<bool> have no address.
#include <limpid/transition/dual_t.hpp>

#include <vector>

auto wrong(limpid::matrix<double> const& p, std::vector<bool> const& labels) {
  return limpid::transition::dual_t(p, labels);
}
