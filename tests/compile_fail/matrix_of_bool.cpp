// EXPECT: arrays hold numbers; std::uint8_t holds flags
// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/matrix.hpp>

limpid::vector<bool> wrong() {
  return limpid::vector<bool>(3);
}
