// SPDX-License-Identifier: BSL-1.0
#include "every/reweight_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of reweight: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::reweight_cases>();
}
