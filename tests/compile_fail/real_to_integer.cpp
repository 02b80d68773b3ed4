// EXPECT: keeps_kind
// SPDX-License-Identifier: BSL-1.0
// Who wants whole numbers rounds them himself.
#include <limpid/core/matrix.hpp>

#include <vector>

auto wrong(limpid::vector<double> const& v) {
  return limpid::to<std::vector<int>>(v);
}
