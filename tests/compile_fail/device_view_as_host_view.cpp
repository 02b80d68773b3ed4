// EXPECT: could not convert|no viable conversion
// SPDX-License-Identifier: BSL-1.0
// An address of the device is no address of the host.
#include <limpid/core/view.hpp>

limpid::matrix_view<double const> wrong(
    limpid::matrix_view<double, limpid::memory_space::device> m) {
  return m;
}
