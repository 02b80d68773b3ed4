// SPDX-License-Identifier: BSL-1.0
#include "every/classify_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of classify: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::classify_cases>();
}
