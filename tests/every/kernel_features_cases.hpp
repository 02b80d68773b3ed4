// SPDX-License-Identifier: BSL-1.0
/// One struct per function of kernel_mean/ that makes features, picks rows or works by class means,
/// for the properties that hold for all.
#ifndef LIMPID_TESTS_EVERY_KERNEL_FEATURES_CASES_HPP
#define LIMPID_TESTS_EVERY_KERNEL_FEATURES_CASES_HPP

#include <limpid/kernel_mean/fourier_features.hpp>
#include <limpid/kernel_mean/herding.hpp>
#include <limpid/kernel_mean/leverage_scores.hpp>
#include <limpid/kernel_mean/mean_classifier.hpp>
#include <limpid/kernel_mean/nystrom.hpp>
#include <limpid/kernel_mean/outlier_score.hpp>
#include <limpid/kernel_mean/thinning.hpp>

#include "every/flattened.hpp"

#include <tuple>
#include <vector>

namespace limpid_test {

/// The first rows: many pairs of rows, and cubic time, are no work for seq; tiles of rows are met
/// by fourier_features, nystrom_features and leverage_scores.
template <class X>
auto few_rows(X const& x, std::size_t most) {
  auto some = limpid::view(x);
  if constexpr (limpid::tensor_matrix<X>) {
    return some.row_block(0, some.rows < most ? some.rows : most);
  } else {
    some.size = some.size < most ? some.size : most;
    return some;
  }
}

struct fourier_features_case {
  static constexpr char const* name = "kernel_mean::fourier_features";
  using function = limpid::kernel_mean::fourier_features_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    namespace k = limpid::kernels;
    auto const z = limpid::kernel_mean::fourier_features(
        exec,
        limpid::kernel_mean::draw_fourier(k::gaussian(0.1) * k::laplacian(0.05), 6,
                                          {.features = 14}),
        in.features);
    return flattened{} << z;
  }
};

struct leverage_scores_case {
  static constexpr char const* name = "kernel_mean::leverage_scores";
  using function = limpid::kernel_mean::leverage_scores_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const k = limpid::kernels::gaussian(0.1);
    auto&& held = limpid::detail::materialise(in.features);
    auto const exact = limpid::kernel_mean::leverage_scores(exec, k, few_rows(held, 60));
    auto const near = limpid::kernel_mean::leverage_scores(exec, k, in.features,
                                                           {{0, 5, 11, 17, 31}, {1, 2, 1, 1.5, 1}});
    return flattened{} << exact.score << exact.effective_dimension << near.score;
  }
};

struct recursive_leverage_case {
  static constexpr char const* name = "kernel_mean::recursive_leverage";
  using function = limpid::kernel_mean::recursive_leverage_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.features);
    auto const r = limpid::kernel_mean::recursive_leverage(exec, limpid::kernels::matern52(2),
                                                           few_rows(held, 100), {.landmarks = 8});
    std::vector<double> out(r.landmarks.begin(), r.landmarks.end());
    out.push_back(r.lambda);
    out.insert(out.end(), r.score.begin(), r.score.end());
    return out;
  }
};

struct nystrom_case {
  static constexpr char const* name = "kernel_mean::nystrom";
  using function = limpid::kernel_mean::nystrom_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::kernel_mean::nystrom(exec, limpid::kernels::gaussian(0.1), in.features,
                                                {.landmarks = 9});
    std::vector<double> out(r.landmarks.begin(), r.landmarks.end());
    for (std::size_t a = 0; a < 9; ++a) {  // factor's columns have no sign of their own
      double sum = 0;
      for (std::size_t c = 0; c < r.factor.cols(); ++c) sum += r.factor(a, c) * r.factor(a, c);
      out.push_back(sum);
    }
    return out;
  }
};

struct nystrom_features_case {
  static constexpr char const* name = "kernel_mean::nystrom_features";
  using function = limpid::kernel_mean::nystrom_features_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    using T = limpid::value_t<decltype(in.features)>;
    limpid::kernel_mean::nystrom_map<limpid::kernel_function, T> map{limpid::kernels::gaussian(0.1),
                                                                     {0, 1},
                                                                     limpid::matrix<T>(2, 6),
                                                                     {{1, 0.5, 0.2}, {-1, 0.5, 1}},
                                                                     1,
                                                                     {},
                                                                     false};
    for (std::size_t c = 0; c < 6; ++c) map.points(1, c) = static_cast<T>(c) / 2;
    return flattened{} << limpid::kernel_mean::nystrom_features(exec, map, in.features);
  }
};

struct herding_case {
  static constexpr char const* name = "kernel_mean::herding";
  using function = limpid::kernel_mean::herding_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const k = limpid::kernels::gaussian(0.1);
    auto&& held_x = limpid::detail::materialise(in.features);
    auto&& held_w = limpid::detail::materialise(in.weights);
    auto const x = few_rows(held_x, 300);
    auto const plain = limpid::kernel_mean::herding(exec, k, x, {.size = 5});
    auto const weighted = limpid::kernel_mean::herding(exec, k, x, few_rows(held_w, 300),
                                                       {.size = 5, .unique = true});
    return flattened{} << plain.mmd2 << plain.norm2 << weighted.mmd2 << weighted.norm2;
  }
};

struct thinning_case {
  static constexpr char const* name = "kernel_mean::thinning";
  using function = limpid::kernel_mean::thinning_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.features);
    auto const r = limpid::kernel_mean::thinning(exec, limpid::kernels::gaussian(0.1),
                                                 few_rows(held, 120), {.halvings = 2});
    return flattened{} << r.mmd2 << r.mmd2_split << r.mmd2_every << r.norm2 << r.part_mmd2;
  }
};

struct mean_classifier_case {
  static constexpr char const* name = "kernel_mean::mean_classifier";
  using function = limpid::kernel_mean::mean_classifier<>;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    namespace km = limpid::kernel_mean;
    auto&& held_x = limpid::detail::materialise(in.features);
    auto&& held_y = limpid::detail::materialise(in.labels);
    auto&& held_w = limpid::detail::materialise(in.weights);
    auto const x = few_rows(held_x, 300);
    auto const model = km::mean_classifier<>{.kernel = limpid::kernels::gaussian(0.1),
                                             .rule = km::mean_rule::distance,
                                             .shrink = true}
                           .fit(exec, x, few_rows(held_y, 300), few_rows(held_w, 300), in.classes);
    flattened out;
    out << model.alpha << model.norm2 << model.prior << model.spread;
    for (std::int32_t c : model.predict(exec, x)) out << static_cast<double>(c);
    return out;
  }
};

struct outlier_score_case {
  static constexpr char const* name = "kernel_mean::outlier_score";
  using function = limpid::kernel_mean::outlier_score_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held_x = limpid::detail::materialise(in.features);
    auto&& held_y = limpid::detail::materialise(in.labels);
    auto const r = limpid::kernel_mean::outlier_score(exec, limpid::kernels::gaussian(0.1),
                                                      few_rows(held_x, 300), few_rows(held_y, 300),
                                                      in.classes, {.iterations = 2});
    return flattened{} << r.score << r.distance2 << r.norm2;
  }
};

using kernel_features_cases =
    std::tuple<fourier_features_case, leverage_scores_case, recursive_leverage_case, nystrom_case,
               nystrom_features_case, herding_case, thinning_case, mean_classifier_case,
               outlier_score_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_KERNEL_FEATURES_CASES_HPP
