// EXPECT: real_number
// SPDX-License-Identifier: BSL-1.0
// Probabilities are float or double.
#include <limpid/transition/dual_t.hpp>

auto wrong(limpid::matrix<int> const& p, limpid::vector<int> const& labels) {
  return limpid::transition::dual_t(p, labels);
}
