// SPDX-License-Identifier: BSL-1.0
#include "every/kernel_features_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of kernel features: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::kernel_features_cases>();
}
