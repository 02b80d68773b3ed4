// SPDX-License-Identifier: BSL-1.0
#include "every/corrections_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every use of T: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::corrections_cases>();
}
