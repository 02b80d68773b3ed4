// SPDX-License-Identifier: BSL-1.0
#include "every/kernel_tests_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every test of kernel_mean: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::kernel_tests_cases>();
}
