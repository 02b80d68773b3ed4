// SPDX-License-Identifier: BSL-1.0
/// @file limpid/limpid.hpp
/// Everything that needs nothing but the library, Eigen and Boost headers.
/// Not included, since each needs something of its own: limpid/tensor/*.hpp, limpid/exec/cuda.hpp,
/// limpid/exec/mpi.hpp. limpid/exec/par.hpp is included where the program is compiled with OpenMP.
#ifndef LIMPID_LIMPID_HPP
#define LIMPID_LIMPID_HPP

#include <limpid/audit.hpp>
#include <limpid/classify.hpp>
#include <limpid/core.hpp>
#include <limpid/crowd.hpp>
#include <limpid/exec.hpp>
#include <limpid/graph.hpp>
#include <limpid/kernel_mean.hpp>
#include <limpid/mixture.hpp>
#include <limpid/noise.hpp>
#include <limpid/ops.hpp>
#include <limpid/reweight.hpp>
#include <limpid/transition.hpp>
#include <limpid/version.hpp>

#endif  // LIMPID_LIMPID_HPP
