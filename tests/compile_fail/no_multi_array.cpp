// EXPECT: limpid/tensor/multi_array.hpp needs Boost.MultiArray
// HIDE: boost
// SPDX-License-Identifier: BSL-1.0
#include <limpid/tensor/multi_array.hpp>
