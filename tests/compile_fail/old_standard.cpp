// EXPECT: limpid needs C++20
// FLAGS: -std=c++17
// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/config.hpp>
