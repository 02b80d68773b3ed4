// SPDX-License-Identifier: BSL-1.0
/// One struct per public function of kernel_mean/, for the properties that hold for all.
#ifndef LIMPID_TESTS_EVERY_KERNEL_MEAN_CASES_HPP
#define LIMPID_TESTS_EVERY_KERNEL_MEAN_CASES_HPP

#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/kernel_mean/inner_product.hpp>
#include <limpid/kernel_mean/shrink.hpp>

#include <tuple>
#include <vector>

namespace limpid_test {

struct evaluate_case {
  static constexpr char const* name = "kernel_mean::evaluate";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::evaluate_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    namespace k = limpid::kernels;
    auto const r = limpid::kernel_mean::evaluate(
        exec, k::gaussian(0.1) + 0.5 * k::linear() * k::laplacian(0.1), in.features, in.features,
        in.weights);
    return {r.value.begin(), r.value.end()};
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
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::shrink_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::shrink(exec, limpid::kernels::cauchy(3), in.features,
                                               in.features, in.weights);
    return {r.alpha, r.weight, r.rho, r.risk, r.target_inner, r.target_norm2, r.norm2};
  }
};

struct inner_product_case {
  static constexpr char const* name = "kernel_mean::inner_product";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::inner_product_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return {limpid::kernel_mean::inner_product(exec, limpid::kernels::matern32(3), in.features,
                                               in.weights, in.features, in.losses)
                .value};
  }
};

struct squared_distance_case {
  static constexpr char const* name = "kernel_mean::squared_distance";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::squared_distance_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::squared_distance(
        exec, limpid::kernels::gaussian(0.1), in.features, in.weights, in.features, in.losses);
    return {r.value, r.distance, r.norm2_x, r.norm2_z, r.inner};
  }
};

using kernel_mean_cases = std::tuple<evaluate_case, median_heuristic_case, shrink_case,
                                     inner_product_case, squared_distance_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_KERNEL_MEAN_CASES_HPP
