// SPDX-License-Identifier: BSL-1.0
#include "every/audit_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of audit: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::audit_cases>();
}
