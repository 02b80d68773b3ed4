// EXPECT: limpid/exec/par.hpp needs OpenMP
// SPDX-License-Identifier: BSL-1.0
#undef _OPENMP
#include <limpid/exec/par.hpp>
