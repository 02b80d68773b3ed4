// SPDX-License-Identifier: BSL-1.0
/// One struct per test of two samples or of dependence in kernel_mean/, for the properties that
/// hold for all.
#ifndef LIMPID_TESTS_EVERY_KERNEL_TESTS_CASES_HPP
#define LIMPID_TESTS_EVERY_KERNEL_TESTS_CASES_HPP

#include <limpid/kernel_mean/cka.hpp>
#include <limpid/kernel_mean/hsic.hpp>
#include <limpid/kernel_mean/hsic_test.hpp>
#include <limpid/kernel_mean/mmd.hpp>
#include <limpid/kernel_mean/mmd_agg.hpp>
#include <limpid/kernel_mean/mmd_fuse.hpp>
#include <limpid/kernel_mean/two_sample_test.hpp>
#include <limpid/kernel_mean/witness.hpp>

#include <tuple>
#include <vector>

#include "every/flattened.hpp"

namespace limpid_test {

// Two samples of one width: the probabilities and the rows of the transition matrix. hsic goes over
// tiles of products for those that are made of them.

struct mmd_case {
  static constexpr char const* name = "kernel_mean::mmd";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::mmd_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::mmd(exec, limpid::kernels::gaussian(1), in.probabilities,
                                            in.transition);
    return {r.value};
  }
};

struct two_sample_test_case {
  static constexpr char const* name = "kernel_mean::two_sample_test";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::two_sample_test_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::two_sample_test(
        exec, limpid::kernels::gaussian(1), in.probabilities, in.transition, {.draws = 2});
    return flattened{} << r.statistic << r.null_sample;
  }
};

struct mmd_agg_case {
  static constexpr char const* name = "kernel_mean::mmd_agg";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::mmd_agg_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::mmd_agg(exec, in.transition, in.transition,
                                                {.bandwidths = 2, .draws = 2, .level_draws = 2});
    std::vector<double> out;
    for (auto const& k : r.kernels) out.insert(out.end(), {k.kernel.gamma, k.statistic});
    return out;
  }
};

struct mmd_fuse_case {
  static constexpr char const* name = "kernel_mean::mmd_fuse";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::mmd_fuse_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::mmd_fuse(exec, in.transition, in.transition,
                                                 {.bandwidths = 2, .draws = 2});
    return flattened{} << r.statistic << r.null_sample;
  }
};

struct witness_case {
  static constexpr char const* name = "kernel_mean::witness";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::witness_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return flattened{} << limpid::kernel_mean::witness(exec, limpid::kernels::gaussian(1),
                                                       in.probabilities, in.transition,
                                                       in.probabilities)
                              .value;
  }
};

struct hsic_case {
  static constexpr char const* name = "kernel_mean::hsic";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::hsic_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::hsic(exec, limpid::kernels::gaussian(0.1), in.features,
                                             limpid::kernels::matern12(1), in.probabilities);
    return {r.biased, r.unbiased};
  }
};

struct hsic_labels_case {
  static constexpr char const* name = "kernel_mean::hsic, labels";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::hsic_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::hsic(exec, limpid::kernels::gaussian(0.1), in.features,
                                             in.labels, in.classes);
    return {r.biased, r.unbiased};
  }
};

struct cka_case {
  static constexpr char const* name = "kernel_mean::cka";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::cka_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::cka(exec, limpid::kernels::linear(), in.transition,
                                            limpid::kernels::gaussian(1), in.transition);
    return {r.value, r.hsic_xy, r.hsic_xx, r.hsic_yy};
  }
};

struct hsic_test_case {
  static constexpr char const* name = "kernel_mean::hsic_test";
  static constexpr bool pairs = true;
  using function = limpid::kernel_mean::hsic_test_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::kernel_mean::hsic_test(exec, limpid::kernels::gaussian(0.1), in.transition,
                                       limpid::kernels::linear(), in.transition, {.draws = 20});
    return flattened{} << r.statistic << r.null_sample;
  }
};

using kernel_tests_cases =
    std::tuple<mmd_case, two_sample_test_case, mmd_agg_case, mmd_fuse_case, witness_case, hsic_case,
               hsic_labels_case, cka_case, hsic_test_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_KERNEL_TESTS_CASES_HPP
