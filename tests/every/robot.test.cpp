// SPDX-License-Identifier: BSL-1.0
#include "every/every.hpp"

#include "every/robot_cases.hpp"

TEST_CASE("every two-level estimator: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::robot_cases>();
}
