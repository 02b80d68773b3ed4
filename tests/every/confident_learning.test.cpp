// SPDX-License-Identifier: BSL-1.0
#include "every/confident_learning_cases.hpp"

#include "every/every.hpp"

TEST_CASE("every function of confident learning: backends, policies, devices, instruction sets") {
  limpid_test::every_function<limpid_test::confident_learning_cases>();
}
