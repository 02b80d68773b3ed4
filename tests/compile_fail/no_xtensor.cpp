// EXPECT: limpid/tensor/xtensor.hpp needs xtensor
// HIDE: xtensor
// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/xtensor.hpp>
