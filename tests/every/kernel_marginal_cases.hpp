// SPDX-License-Identifier: BSL-1.0
/// One struct per function of kernel_mean/marginalised.hpp and mixture_loss.hpp, for the properties
/// that hold for all.
#ifndef LIMPID_TESTS_EVERY_KERNEL_MARGINAL_CASES_HPP
#define LIMPID_TESTS_EVERY_KERNEL_MARGINAL_CASES_HPP

#include <limpid/kernel_mean/marginalised.hpp>
#include <limpid/kernel_mean/mixture_loss.hpp>

#include "every/flattened.hpp"

#include <cstddef>
#include <tuple>
#include <vector>

namespace limpid_test {

/// The first rows: pairs of thousands of rows are no work for seq; tiles of rows are met by
/// evaluate_marginalised.
template <class X>
auto few_rows(X const& x, std::size_t most = 40) {
  auto const all = limpid::view(x);
  return all.row_block(0, all.rows < most ? all.rows : most);
}

struct marginalised_case {
  static constexpr char const* name = "kernel_mean::marginalised";
  using function = limpid::kernel_mean::marginalised_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::kernel_mean::marginalised;
    namespace corruption = limpid::kernel_mean::corruption;
    auto&& held = limpid::detail::materialise(in.features);
    auto const x = few_rows(held);
    auto const bell = limpid::kernels::gaussian(0.1);
    auto const swept = marginalised(exec, bell, x, corruption::gaussian(), {.grid = 1});
    auto const paired = marginalised(exec, bell, x, corruption::laplace(0.3));
    auto const quadratic = marginalised(exec, limpid::kernels::polynomial(2, 0.1),
                                        few_rows(held, 300), corruption::blank_out(0.2));
    return flattened{} << swept.scores << swept.risks << paired.scores << paired.norm2
                       << paired.inner << quadratic.norm2 << quadratic.inner;
  }
};

struct evaluate_marginalised_case {
  static constexpr char const* name = "kernel_mean::evaluate_marginalised";
  using function = limpid::kernel_mean::evaluate_marginalised_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::kernel_mean::evaluate_marginalised;
    namespace corruption = limpid::kernel_mean::corruption;
    auto&& held = limpid::detail::materialise(in.features);
    auto const x = few_rows(held);
    auto const bell = limpid::kernels::gaussian(0.1);
    limpid::vector<double> const columns{0.1, 0, 0.3, 0.2, 0, 1};
    auto const fast =
        evaluate_marginalised(exec, bell, in.features, x, in.weights, corruption::gaussian(0.3));
    auto const scaled =
        evaluate_marginalised(exec, bell, x, in.features, corruption::gaussian(columns));
    auto const cubic = evaluate_marginalised(exec, limpid::kernels::polynomial(3, 0.1), x, x,
                                             corruption::blank_out_unbiased(0.2));
    return flattened{} << fast.value << scaled.value << cubic.value;
  }
};

struct mixture_loss_case {
  static constexpr char const* name = "kernel_mean::mixture_loss";
  using function = limpid::kernel_mean::mixture_loss_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using limpid::kernel_mean::mixture_loss;
    limpid::kernel_mean::gaussian_mixture mixture{
        {0.4, 0.6}, limpid::matrix<double>(2, 6, 1), limpid::matrix<double>(12, 6)};
    for (std::size_t c = 0; c < 6; ++c) {
      mixture.means(1, c) = 0.5 * static_cast<double>(c);
      mixture.covariances(c, c) = 1;
      mixture.covariances(6 + c, c) = 0.5;
    }
    auto&& held = limpid::detail::materialise(in.features);
    auto const bell =
        mixture_loss(exec, limpid::kernels::gaussian(0.1), few_rows(held, 300), mixture,
                     {.noise = limpid::kernel_mean::corruption::gaussian(0.2)});
    auto const line =
        mixture_loss(exec, limpid::kernels::linear(), in.features, in.weights, mixture);
    return flattened{} << bell.loss << bell.norm2 << bell.expectation << line.inner / line.norm2
                       << line.expectation << line.mixture_norm2;
  }
};

using kernel_marginal_cases =
    std::tuple<marginalised_case, evaluate_marginalised_case, mixture_loss_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_KERNEL_MARGINAL_CASES_HPP
