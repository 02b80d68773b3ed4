// SPDX-License-Identifier: BSL-1.0
#ifndef LIMPID_TESTS_ODR_RESULTS_HPP
#define LIMPID_TESTS_ODR_RESULTS_HPP

#include <vector>

namespace limpid_odr {
/// Everything that one unit computed, and the sizes of the public types as it sees them.
struct results {
  std::vector<double> values;
  std::vector<unsigned long> sizes;
};
namespace plain {
results run();
}
namespace native {
results run();
}
}  // namespace limpid_odr

#endif  // LIMPID_TESTS_ODR_RESULTS_HPP
