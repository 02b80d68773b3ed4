// EXPECT: class_number
// SPDX-License-Identifier: BSL-1.0
// The character '1' is not the class 1.
#include <limpid/transition/dual_t.hpp>

auto wrong(limpid::matrix<double> const& p) {
  return limpid::transition::dual_t(p, "0110");
}
