// EXPECT: writable_view
// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/tensor.hpp>

#include <span>

void write_zero(limpid::writable_vector auto&& out) {
  limpid::view(out)[0] = 0;
}

void wrong(std::span<double const> out) {
  write_zero(out);
}
