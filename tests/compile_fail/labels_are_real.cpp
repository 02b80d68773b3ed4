// EXPECT: class_number
// SPDX-License-Identifier: BSL-1.0
// Labels are integers: a vector of float is refused by the concept's name.
#include <limpid/transition/dual_t.hpp>

auto wrong(limpid::matrix<double> const& p, limpid::vector<float> const& labels) {
  return limpid::transition::dual_t(p, labels);
}
