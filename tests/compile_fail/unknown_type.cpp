// EXPECT: tensor_traits_exist_for
// SPDX-License-Identifier: BSL-1.0
// A type that nobody adapted.
#include <limpid/transition/dual_t.hpp>

struct table {
  double* cells;
  int rows, cols;
};

auto wrong(table const& p, limpid::vector<int> const& labels) {
  return limpid::transition::dual_t(p, labels);
}
