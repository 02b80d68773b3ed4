// SPDX-License-Identifier: BSL-1.0
#include "every/every.hpp"

#include "every/generative_cases.hpp"

TEST_CASE("every generative estimator: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::generative_cases>();
}
