// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/config.hpp
/// What the compiler must be, and the one mark that device code needs.
#ifndef LIMPID_CORE_CONFIG_HPP
#define LIMPID_CORE_CONFIG_HPP

#if !(__cplusplus >= 202002L || (defined(_MSVC_LANG) && _MSVC_LANG >= 202002L))
#error "limpid needs C++20: compile with -std=c++20 (CUDA too: nvcc -std=c++20)"
#endif

#include <limpid/version.hpp>

/// Marks scalar code that also runs on a device.
#if defined(__CUDACC__)
#define LIMPID_HD __host__ __device__
#else
#define LIMPID_HD
#endif

#endif  // LIMPID_CORE_CONFIG_HPP
