// SPDX-License-Identifier: BSL-1.0
/// The public functions of classify, each called once.
#ifndef LIMPID_TESTS_EVERY_CLASSIFY_CASES_HPP
#define LIMPID_TESTS_EVERY_CLASSIFY_CASES_HPP

#include <limpid/classify/folds.hpp>
#include <limpid/classify/nearest_neighbours.hpp>
#include <limpid/classify/out_of_fold.hpp>
#include <limpid/classify/softmax_regression.hpp>

#include <tuple>
#include <vector>

namespace limpid_test {

inline void append_classify(std::vector<double>& out, limpid::matrix<double> const& m) {
  out.insert(out.end(), m.data(), m.data() + m.rows() * m.cols());
}

// Tight tolerances: what differs between instruction sets is then the arithmetic, not where the
// search stopped.
struct softmax_regression_case {
  static constexpr char const* name = "classify::softmax_regression";
  using function = limpid::classify::softmax_regression;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const model = limpid::classify::softmax_regression{.l2 = 0.1, .tolerance = 1e-12}.fit(
        exec, in.features, in.labels, in.weights, in.classes);
    std::vector<double> out;
    append_classify(out, model.weights);
    append_classify(out, model.probabilities(exec, in.features));
    for (std::int32_t label : model.predict(exec, in.features)) out.push_back(label);
    return out;
  }
};
struct softmax_regression_soft_case {
  static constexpr char const* name = "classify::softmax_regression::fit_soft";
  using function = limpid::classify::softmax_regression;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const model = limpid::classify::softmax_regression{.l2 = 0.1, .tolerance = 1e-12}.fit_soft(
        exec, in.features, in.probabilities, in.weights);
    std::vector<double> out;
    append_classify(out, model.weights);
    append_classify(out, model.probabilities(exec, in.features));
    return out;
  }
};
struct folds_case {
  static constexpr char const* name = "classify::folds";
  using function = limpid::classify::folds_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::classify::folds(exec, in.labels, in.classes, {.count = 4, .seed = 2});
    return {r.fold.begin(), r.fold.end()};
  }
};
struct out_of_fold_case {
  static constexpr char const* name = "classify::out_of_fold";
  using function = limpid::classify::out_of_fold_fn;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r = limpid::classify::out_of_fold(
        exec, limpid::classify::softmax_regression{.l2 = 0.1, .tolerance = 1e-12}, in.features,
        in.labels, in.classes, in.weights, {.folds = 3});
    std::vector<double> out;
    append_classify(out, r.probabilities);
    out.push_back(r.accuracy);
    return out;
  }
};
struct nearest_neighbours_case {
  static constexpr char const* name = "classify::nearest_neighbours";
  static constexpr bool pairs = true;
  using function = limpid::classify::nearest_neighbours;
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const r =
        limpid::classify::out_of_fold(exec, limpid::classify::nearest_neighbours{.k = 5},
                                      in.features, in.labels, in.classes, in.weights, {.folds = 2});
    std::vector<double> out;
    append_classify(out, r.probabilities);
    return out;
  }
};

using classify_cases = std::tuple<softmax_regression_case, softmax_regression_soft_case, folds_case,
                                  out_of_fold_case, nearest_neighbours_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_CLASSIFY_CASES_HPP
