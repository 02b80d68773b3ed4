// SPDX-License-Identifier: BSL-1.0
#include "every/kernel_marginal_cases.hpp"

#include "every/every.hpp"

TEST_CASE(
    "every function of marginalised kernel means: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::kernel_marginal_cases>();
}
