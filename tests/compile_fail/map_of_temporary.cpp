// EXPECT: deleted function
// HAVE: Eigen/Core
// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/eigen.hpp>

auto wrong() {
  return limpid::as_eigen(limpid::matrix<double>(2, 2));
}
