// SPDX-License-Identifier: BSL-1.0
#include "every/estimate_cases.hpp"

#include "every/every.hpp"

TEST_CASE("transition::estimate: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::estimate_cases>();
}
