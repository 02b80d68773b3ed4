// SPDX-License-Identifier: BSL-1.0
#include "every/noise_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of noise: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::noise_cases>();
}
