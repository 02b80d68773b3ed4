// SPDX-License-Identifier: BSL-1.0
/// One call under every policy.
#ifndef LIMPID_TESTS_CROWD_POLICIES_HPP
#define LIMPID_TESTS_CROWD_POLICIES_HPP

#include <limpid/crowd/answers.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "graph/device_graph.hpp"  // before the device, which looks its overload up

#include "support/emulated_device.hpp"

namespace limpid_test {

/// f(exec, answers) -> numbers: simd near seq, threads bitwise as simd, the device bitwise as seq.
template <class F>
void over_policies(limpid::crowd::answer_list const& list, F const& f, double tolerance = 1e-9) {
  std::vector<double> const reference = f(limpid::seq, list), wide = f(limpid::simd, list);
  REQUIRE(wide.size() == reference.size());
  double worst = 0;
  for (std::size_t i = 0; i < wide.size(); ++i) {
    double const gap = std::abs(wide[i] - reference[i]) / (1 + std::abs(reference[i]));
    if (!(gap <= worst)) worst = std::isnan(wide[i]) && std::isnan(reference[i]) ? worst : gap;
  }
  CHECK(worst <= tolerance);
  for (int threads : {1, 3}) {
    auto const threaded = f(limpid::par_policy{.threads = threads}, list);
    REQUIRE(threaded.size() == wide.size());
    std::size_t different = 0;
    for (std::size_t i = 0; i < wide.size(); ++i)
      different += !(threaded[i] == wide[i] || (std::isnan(threaded[i]) && std::isnan(wide[i])));
    CHECK(different == 0);
  }
  limpid::crowd::answers_in<device_policy> const there(device, list);
  auto const remote = f(device, there);
  REQUIRE(remote.size() == reference.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < remote.size(); ++i)
    different +=
        !(remote[i] == reference[i] || (std::isnan(remote[i]) && std::isnan(reference[i])));
  CHECK(different == 0);
}

template <class X>
void put(std::vector<double>& out, X const& values) {
  for (std::size_t i = 0; i < values.size(); ++i) out.push_back(static_cast<double>(values[i]));
}
template <class T>
void put(std::vector<double>& out, limpid::matrix<T> const& m) {
  for (std::size_t i = 0; i < m.rows() * m.cols(); ++i)
    out.push_back(static_cast<double>(m.data()[i]));
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_CROWD_POLICIES_HPP
