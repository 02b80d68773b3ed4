// EXPECT: limpid/tensor/thrust.hpp needs Thrust: install the CUDA toolkit and compile with nvcc
// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/thrust.hpp>
