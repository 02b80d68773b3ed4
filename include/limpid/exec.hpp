// SPDX-License-Identifier: BSL-1.0
/// @file limpid/exec.hpp
/// The execution policies seq and simd, and par where the program is compiled with OpenMP.
#ifndef LIMPID_EXEC_HPP
#define LIMPID_EXEC_HPP

#include <limpid/exec/policy.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>
#ifdef _OPENMP
#include <limpid/exec/par.hpp>
#endif

#endif  // LIMPID_EXEC_HPP
