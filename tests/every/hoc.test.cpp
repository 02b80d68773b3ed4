// SPDX-License-Identifier: BSL-1.0
#include "every/hoc_cases.hpp"

#include "every/every.hpp"

TEST_CASE(
    "every function of neighbours' labels and T by place: backends, policies, devices, sets") {
  limpid_test::every_function<limpid_test::hoc_cases>();
}
