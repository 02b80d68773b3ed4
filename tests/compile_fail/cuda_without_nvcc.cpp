// EXPECT: limpid/exec/cuda.hpp needs CUDA: compile this file with nvcc -std=c++20
// SPDX-License-Identifier: BSL-1.0
#include <limpid/exec/cuda.hpp>
