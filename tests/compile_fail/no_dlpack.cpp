// EXPECT: limpid/tensor/dlpack.hpp needs dlpack/dlpack.h
// HIDE: dlpack
// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/dlpack.hpp>
