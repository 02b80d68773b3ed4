// EXPECT: limpid/tensor/ublas.hpp needs Boost.uBLAS
// HIDE: boost
// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/ublas.hpp>
