// SPDX-License-Identifier: BSL-1.0
/// @file limpid/version.hpp
/// The version; CMake reads it from here.
#ifndef LIMPID_VERSION_HPP
#define LIMPID_VERSION_HPP

#define LIMPID_VERSION_MAJOR 0
#define LIMPID_VERSION_MINOR 1
#define LIMPID_VERSION_PATCH 0
#define LIMPID_VERSION_STRING "0.1.0"

#endif  // LIMPID_VERSION_HPP
