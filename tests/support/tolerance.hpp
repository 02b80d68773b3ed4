// SPDX-License-Identifier: BSL-1.0
/// The one table of tolerances: how far two policies or instruction sets may be apart, |a - b| / (1
/// + |b|).
#ifndef LIMPID_TESTS_SUPPORT_TOLERANCE_HPP
#define LIMPID_TESTS_SUPPORT_TOLERANCE_HPP

namespace limpid_test {

template <class T>
inline constexpr double tolerance = 1e-9;
template <>
inline constexpr double tolerance<float> = 2e-4;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_SUPPORT_TOLERANCE_HPP
