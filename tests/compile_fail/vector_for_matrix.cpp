// EXPECT: viewed_as_matrix
// SPDX-License-Identifier: BSL-1.0
// Probabilities are n x K: one dimension is not enough.
#include <limpid/transition/dual_t.hpp>

#include <vector>

auto wrong(std::vector<double> const& p, limpid::vector<int> const& labels) {
  return limpid::transition::dual_t(p, labels);
}
