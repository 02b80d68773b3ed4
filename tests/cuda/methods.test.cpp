// SPDX-License-Identifier: BSL-1.0
// Methods made of the primitives, unchanged, on the device's programs.
#include "every/graph_cases.hpp"

#include "cuda/grid_cases.hpp"

TEST_CASE("graphs on the device's programs") {
  limpid_test::every_on_the_grid(limpid_test::graph_cases{}, 70);
}
