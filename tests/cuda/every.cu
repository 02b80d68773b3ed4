// SPDX-License-Identifier: BSL-1.0
// Every public function of one file of cases on the device, against seq; twice, for the same bits.
// LIMPID_CASES_HEADER and LIMPID_CASES name the cases.
#include "cuda/on_device.hpp"

#include <limpid/exec/seq.hpp>

#include LIMPID_CASES_HEADER

#include <cstddef>
#include <exception>
#include <string>
#include <tuple>

#include "support/inputs.hpp"
#include "support/tolerance.hpp"

namespace {

template <class Case, class T>
void every_size(limpid::cuda_policy const& exec, limpid_test::report& report) {
  for (std::size_t n : {33u, 2048u, 2049u}) {
    std::string const what =
        std::string(Case::name) + (sizeof(T) == 4 ? " float " : " double ") + std::to_string(n);
    try {
      auto const raw = limpid_test::make_inputs<T>(n, 6, 4, 7);
      limpid_test::cuda_inputs<T> const there(exec, raw);
      auto const want = Case::run(limpid::seq, raw);
      auto const got = Case::run(exec, there);
      report.close(got, want, limpid_test::tolerance<T>, what);
      report.close(Case::run(exec, there), got, 0, what + ", the second run");
    } catch (std::exception const& error) {
      report.check(false, what + ": " + error.what());
    }
  }
}

template <class... Cases>
void every_case(std::tuple<Cases...>, limpid::cuda_policy const& exec,
                limpid_test::report& report) {
  (every_size<Cases, double>(exec, report), ...);
#ifndef LIMPID_CASES_DOUBLE_ONLY
  (every_size<Cases, float>(exec, report), ...);
#endif
}

}  // namespace

int main() {
  if (!limpid_test::device_is_here()) return limpid_test::skipped;
  limpid_test::report report;
  every_case(limpid_test::LIMPID_CASES{}, limpid::cuda{}, report);
  return report.exit_status();
}
