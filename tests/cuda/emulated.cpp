// SPDX-License-Identifier: BSL-1.0
// The cases of a file of tests/every on the device's programs, unchanged, in memory that host code
// cannot touch.
#include LIMPID_CASES_HEADER

#include <limpid/exec/detail/cuda_forms.hpp>

#include "cuda/grid_cases.hpp"

TEST_CASE("public functions on the device's programs") {
  limpid_test::every_on_the_grid(limpid_test::LIMPID_CASES{}, LIMPID_EMULATED_ROWS);
}
