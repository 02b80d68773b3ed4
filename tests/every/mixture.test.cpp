// SPDX-License-Identifier: BSL-1.0
#include "every/mixture_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of mixture: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::mixture_cases>();
}
