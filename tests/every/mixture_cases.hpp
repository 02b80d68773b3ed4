// SPDX-License-Identifier: BSL-1.0
/// One struct per public function of mixture/, for the properties that hold for all.
#ifndef LIMPID_TESTS_EVERY_MIXTURE_CASES_HPP
#define LIMPID_TESTS_EVERY_MIXTURE_CASES_HPP

#include <limpid/mixture.hpp>

#include <tuple>
#include <vector>

namespace limpid_test {

struct split_losses_case {
  static constexpr char const* name = "mixture::split_losses";
  using function = limpid::mixture::split_losses_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    std::vector<double> out;
    auto const add = [&](auto const& r) {
      out.insert(out.end(), r.prob_clean.begin(), r.prob_clean.end());
    };
    auto const add_fit = [&](limpid::mixture::loss_fit const& f) {
      out.insert(out.end(), {f.weight[0], f.mean[0], f.mean[1], f.variance[0], f.variance[1],
                             f.log_likelihood, f.overlap});
    };
    auto const all = limpid::mixture::split_losses(exec, in.losses);
    add(all);
    add_fit(all.fit);
    auto const weighted = limpid::mixture::split_losses(exec, in.losses, in.weights);
    add(weighted);
    add_fit(weighted.fit);
    auto const by_class = limpid::mixture::split_losses(exec, in.losses, in.labels, in.classes);
    add(by_class);
    for (auto const& f : by_class.fits) add_fit(f);
    return out;
  }
};

using mixture_cases = std::tuple<split_losses_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_MIXTURE_CASES_HPP
