// EXPECT: limpid/tensor/eigen.hpp needs Eigen
// HIDE: Eigen
// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/eigen.hpp>
