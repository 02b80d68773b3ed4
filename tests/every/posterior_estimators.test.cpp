// SPDX-License-Identifier: BSL-1.0
#include "every/posterior_estimators_cases.hpp"

#include "every/every.hpp"

TEST_CASE(
    "T from posteriors, counts and hierarchies: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::posterior_estimators_cases>();
}
