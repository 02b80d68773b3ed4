// SPDX-License-Identifier: BSL-1.0
#include "every/crowd_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of crowd: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::crowd_cases>();
}
