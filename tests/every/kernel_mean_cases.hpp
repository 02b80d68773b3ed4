// SPDX-License-Identifier: BSL-1.0
/// One struct per public function of kernel_mean/, for the properties that hold for all.
#ifndef LIMPID_TESTS_EVERY_KERNEL_MEAN_CASES_HPP
#define LIMPID_TESTS_EVERY_KERNEL_MEAN_CASES_HPP

#include <limpid/kernel_mean.hpp>

#include <tuple>
#include <vector>

namespace limpid_test {

struct evaluate_case {
  static constexpr char const* name = "kernel_mean::evaluate";
  using function = limpid::kernel_mean::evaluate_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    std::vector<double> out;
    for (auto const& kernel : {limpid::kernels::linear(), limpid::kernels::polynomial(2, 0.5),
                               limpid::kernels::gaussian(0.1), limpid::kernels::laplacian(0.1)}) {
      auto const r =
          limpid::kernel_mean::evaluate(exec, kernel, in.features, in.features, in.weights);
      out.insert(out.end(), r.value.begin(), r.value.end());
    }
    return out;
  }
};

struct median_heuristic_case {
  static constexpr char const* name = "kernel_mean::median_heuristic";
  using function = limpid::kernel_mean::median_heuristic_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::median_heuristic(exec, in.features, {.sample = 100});
    return {r.sigma, r.gamma};
  }
};

struct shrink_case {
  static constexpr char const* name = "kernel_mean::shrink";
  using function = limpid::kernel_mean::shrink_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::shrink(exec, limpid::kernels::gaussian(0.1), in.features);
    return {r.alpha, r.weight, r.rho, r.vrho, r.risk, r.norm2, r.score};
  }
};

using kernel_mean_cases = std::tuple<evaluate_case, median_heuristic_case, shrink_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_KERNEL_MEAN_CASES_HPP
