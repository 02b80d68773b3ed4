// SPDX-License-Identifier: BSL-1.0
/// One struct per function of kernel_mean/ridge_shrink.hpp and spectral_shrink.hpp, for the
/// properties that hold for all.
#ifndef LIMPID_TESTS_EVERY_KERNEL_SHRINKAGE_CASES_HPP
#define LIMPID_TESTS_EVERY_KERNEL_SHRINKAGE_CASES_HPP

#include <limpid/kernel_mean/ridge_shrink.hpp>
#include <limpid/kernel_mean/spectral_shrink.hpp>

#include "every/flattened.hpp"

#include <tuple>
#include <vector>

namespace limpid_test {

/// The first rows: cubic time, and many products with a kernel matrix, are no work for seq; tiles
/// of rows are met by ridge_shrink_features.
template <class X>
auto first_rows(X const& x) {
  auto const all = limpid::view(x);
  return all.row_block(0, all.rows < 70 ? all.rows : 70);
}

struct ridge_shrink_case {
  static constexpr char const* name = "kernel_mean::ridge_shrink";
  using function = limpid::kernel_mean::ridge_shrink_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::kernel_mean::ridge_shrink;
    auto const k = limpid::kernels::gaussian(0.1);
    auto&& held = limpid::detail::materialise(in.features);
    auto const x = first_rows(held);
    auto const stored = ridge_shrink(exec, k, x, {.lambda = 2.0});
    auto const streamed =
        ridge_shrink(exec, k, x, {.lambda = 2.0, .exact_rows = 0, .tolerance = 1e-6});
    auto const chosen = ridge_shrink(exec, k, x);
    return flattened{} << stored.beta << stored.norm2 << stored.score << streamed.beta
                       << streamed.norm2 << chosen.scores;
  }
};

struct ridge_shrink_features_case {
  static constexpr char const* name = "kernel_mean::ridge_shrink_features";
  using function = limpid::kernel_mean::ridge_shrink_features_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::ridge_shrink_features(exec, in.features, {.lambda = 3.0});
    return flattened{} << r.mean << r.beta << r.norm2 << r.score << r.plain_score;
  }
};

struct spectral_shrink_case {
  static constexpr char const* name = "kernel_mean::spectral_shrink";
  using function = limpid::kernel_mean::spectral_shrink_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::kernel_mean::spectral_filter;
    using limpid::kernel_mean::spectral_shrink;
    auto const k = limpid::kernels::gaussian(0.1);
    auto&& held = limpid::detail::materialise(in.features);
    auto const x = first_rows(held);
    auto const nu =
        spectral_shrink(exec, k, x, {.filter = spectral_filter::nu_method, .iterations = 4});
    auto const landweber = spectral_shrink(
        exec, k, x, {.most_iterations = 3, .leave_one_out_rows = 40, .exact_rows = 40});
    return flattened{} << nu.beta << nu.norm2 << landweber.scores << landweber.plain_score;
  }
};

using kernel_shrinkage_cases =
    std::tuple<ridge_shrink_case, ridge_shrink_features_case, spectral_shrink_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_KERNEL_SHRINKAGE_CASES_HPP
