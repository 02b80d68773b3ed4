// SPDX-License-Identifier: BSL-1.0
#include "every/graph_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of graph: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::graph_cases>();
}
