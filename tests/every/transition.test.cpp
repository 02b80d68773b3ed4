// SPDX-License-Identifier: BSL-1.0
#include "every/transition_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of transition: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::transition_cases>();
}
