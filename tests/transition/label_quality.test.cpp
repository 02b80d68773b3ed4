// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/label_quality.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::ensemble_weighting;
using limpid::transition::label_quality;
using limpid::transition::label_quality_ensemble;
using limpid::transition::label_quality_options;
using limpid::transition::quality_score;
using limpid_test::gap;
using limpid_test::golden;
using limpid_test::to_ints;
using limpid_test::to_matrix;

constexpr quality_score all_scores[] = {quality_score::self_confidence,
                                        quality_score::normalized_margin,
                                        quality_score::confidence_weighted_entropy};

TEST_CASE("label_quality: by hand") {
  //! [call]
  limpid::matrix<double> const P{{0.7, 0.2, 0.1}, {0.1, 0.3, 0.6}};
  std::vector<int> const y{0, 1};

  auto const self = limpid::transition::label_quality(P, y);  // 0.7 and 0.3
  auto const margin = limpid::transition::label_quality(
      P, y, {.score = limpid::transition::quality_score::normalized_margin});  // 0.75 and 0.35
  //! [call]
  CHECK(self.score == limpid::vector<double>{0.7, 0.3});
  CHECK(gap(margin.score, std::vector{0.75, 0.35}) < 1e-15);
  auto const entropy = label_quality(P, y, {.score = quality_score::confidence_weighted_entropy});
  double const h =
      -(0.7 * std::log(0.7) + 0.2 * std::log(0.2) + 0.1 * std::log(0.1)) / std::log(3.0);
  CHECK(entropy.score[0] == doctest::Approx(std::log(h / 0.7 + 1) / (h / 0.7)).epsilon(1e-12));
  // thresholds 0.4 and 0.1: entries less 0.4 and 0.1, plus 0.4, over their sum 1.3
  matrix<double> const q{{0.7, 0.3}};
  auto const adjusted =
      label_quality(q, std::vector{0}, {.adjust = true, .thresholds = {0.4, 0.1}});
  CHECK(adjusted.score[0] == doctest::Approx(0.7 / 1.3).epsilon(1e-14));
  CHECK(adjusted.thresholds == limpid::vector<double>{0.4, 0.1});
  CHECK(adjusted.label_seen.empty());
}

// golden: cleanlab 2.9.0 (rank.get_label_quality_scores)
TEST_CASE("label_quality: the scores of cleanlab 2.9.0") {
  auto const file = golden("cleanlab_confident_learning.json");
  auto const check = [](auto const& in, auto const& expected) {
    auto const p = to_matrix(in["pred_probs"]);
    auto const y = to_ints(in["labels"]);
    auto const& e = expected["scores"];
    auto const want = [&](char const* name) { return e[name].template get<std::vector<double>>(); };
    CHECK(gap(label_quality(p, y).score, want("self_confidence")) < 1e-12);
    CHECK(gap(label_quality(p, y, {.score = quality_score::normalized_margin}).score,
              want("normalized_margin")) < 1e-12);
    CHECK(gap(label_quality(p, y, {.score = quality_score::confidence_weighted_entropy}).score,
              want("confidence_weighted_entropy")) < 1e-12);
    auto const self = label_quality(p, y, {.adjust = true});
    CHECK(gap(self.score, want("self_confidence_adjusted")) < 1e-12);
    CHECK(gap(self.thresholds, expected["thresholds"].template get<std::vector<double>>()) < 1e-12);
    CHECK(
        gap(label_quality(p, y, {.score = quality_score::normalized_margin, .adjust = true}).score,
            want("normalized_margin_adjusted")) < 1e-12);
  };
  check(file["input"], file["expected"]);
  for (char const* name : {"missing_class", "binary_ties", "single_example_class"}) {
    CAPTURE(name);
    check(file["edge_cases"][name], file["edge_cases"][name]["expected"]);
  }
  auto const& missing = file["edge_cases"]["missing_class"];
  auto const r =
      label_quality(to_matrix(missing["pred_probs"]), to_ints(missing["labels"]), {.adjust = true});
  CHECK(r.label_seen == limpid::vector<std::uint8_t>{1, 1, 0, 1});
  CHECK(r.thresholds[2] == 2);
}

TEST_CASE("label_quality: a one-hot row has the best entropy score, in cleanlab the worst") {
  matrix<double> const p{{1, 0}, {0, 1}, {1 - 1e-12, 1e-12}};
  std::vector<int> const y{0, 0, 0};
  label_quality_options o{.score = quality_score::confidence_weighted_entropy};
  auto const r = label_quality(p, y, o);
  CHECK(r.score[0] == 1);
  CHECK(r.score[1] == 1);  // the score asks how sure the model is: sure, of another class
  CHECK(r.score[2] == doctest::Approx(1));
  o.cleanlab_compatible = true;
  auto const s = label_quality(p, y, o);
  CHECK(s.score[0] == 0);
  CHECK(s.score[2] < 1e-4);
}

/// Written from the formulas alone.
double by_definition(matrix<double> const& p, std::size_t i, std::size_t label,
                     quality_score score) {
  double other = -INFINITY, entropy = 0;
  for (std::size_t k = 0; k < p.cols(); ++k) {
    if (k != label) other = std::max(other, p(i, k));
    if (p(i, k) > 0) entropy -= p(i, k) * std::log(p(i, k));
  }
  if (score == quality_score::self_confidence) return p(i, label);
  if (score == quality_score::normalized_margin) return (p(i, label) - other + 1) / 2;
  double const x = entropy / std::log(static_cast<double>(p.cols())) / p(i, label);
  return std::log(x + 1) / x;
}

TEST_CASE("label_quality: every policy agrees with the formulas") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t classes : {std::size_t{5}, std::size_t{33}})  // both forms of the kernels
    for (auto score : all_scores) {
      auto const data = limpid_test::make_posteriors(classes == 5 ? tile + 1 : 70, classes, 3);
      std::size_t const n = data.y.size();
      std::vector<double> want(n);
      for (std::size_t i = 0; i < n; ++i)
        want[i] = by_definition(data.p, i, static_cast<std::size_t>(data.y[i]), score);
      label_quality_options o;
      o.score = score;
      CHECK(gap(label_quality(limpid::seq, data.p, data.y, o).score, want) < 1e-12);
      auto const r = label_quality(data.p, data.y, o);
      CHECK(gap(r.score, want) < 1e-12);
      for (int threads : {1, 3}) {
        limpid::par_policy par;
        par.threads = threads;
        CHECK(label_quality(par, data.p, data.y, o).score == r.score);
      }
      limpid_test::device_matrix<double> const p(data.p.view());
      limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
      CHECK(gap(label_quality(limpid_test::device, p, y, o).score, want) < 1e-12);
      limpid_test::strided const padded(data.p);
      CHECK(label_quality(padded.window, data.y, o).score == r.score);
      CHECK(gap(label_quality(limpid_test::to_float(data.p), data.y, o).score, want) < 2e-5);
      for (double s : r.score) CHECK((s >= 0 && s <= 1));
    }
}

TEST_CASE("label_quality: one class") {
  matrix<double> const p(3, 1, 1.0);
  for (auto score : all_scores) {
    CHECK(label_quality(p, std::vector{0, 0, 0}, {.score = score}).score ==
          limpid::vector<double>{1, 1, 1});
    CHECK(label_quality(limpid::seq, p, std::vector{0, 0, 0}, {.score = score}).score ==
          limpid::vector<double>{1, 1, 1});
  }
}

TEST_CASE("label_quality: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)label_quality(p, std::vector{0}),
                       "transition::label_quality: P has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)label_quality(p, std::vector{0, 2}),
                       "transition::label_quality: y row 1 is 2; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)label_quality(matrix<double>(0, 2), std::vector<int>{}),
                       "transition::label_quality: P is 0 x 2; need at least one row and one class",
                       input_error);
  matrix<double> const bad{{0.5, 0.5}, {std::numeric_limits<double>::quiet_NaN(), 0.75}};
  CHECK_THROWS_WITH_AS((void)label_quality(bad, y),
                       "transition::label_quality: P row 1 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)label_quality(p, y,
                          {.score = quality_score::confidence_weighted_entropy, .adjust = true}),
      "transition::label_quality: options.adjust is not defined for the entropy score",
      input_error);
  CHECK_THROWS_WITH_AS((void)label_quality(p, y, {.adjust = true, .thresholds = {0.5, INFINITY}}),
                       "transition::label_quality: options.thresholds[1] is not finite",
                       input_error);
  CHECK_NOTHROW((void)label_quality(matrix<double>{{0.5, 0.75}, {0, 1}}, y, {.validate = false}));
}

// golden: cleanlab 2.9.0 (rank.get_label_quality_ensemble_scores)
TEST_CASE("label_quality_ensemble: the scores of cleanlab 2.9.0") {
  auto const file = golden("cleanlab_confident_learning.json");
  auto const p = to_matrix(file["input"]["pred_probs"]);
  auto const y = to_ints(file["input"]["labels"]);
  auto second = p;  // as the golden file says
  for (std::size_t i = 0; i < p.rows(); ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < 4; ++k)
      sum += second(i, k) = std::nearbyint((0.8 * p(i, k) + 0.05) * 1e6) / 1e6;
    for (std::size_t k = 0; k < 4; ++k) second(i, k) /= sum;
  }
  //! [ensemble]
  // p and second: the n x K probabilities of two models
  std::vector<limpid::matrix_view<double const>> const models{p.view(), second.view()};
  auto const r = limpid::transition::label_quality_ensemble(
      models, y, {.weighting = limpid::transition::ensemble_weighting::log_loss});
  // r.weight: the models' shares; r.score: the weighted sum of their scores
  //! [ensemble]
  auto const first_20 = [](auto const& result) {
    return std::vector<double>(result.score.begin(), result.score.begin() + 20);
  };
  auto const& want = file["ensemble"]["first_20"];
  CHECK(gap(first_20(r), want["log_loss_search"].get<std::vector<double>>()) < 1e-12);
  CHECK(r.weight[0] + r.weight[1] == doctest::Approx(1));
  CHECK(r.weight[0] > r.weight[1]);
  CHECK(r.temperature == 200);
  auto const accuracy = label_quality_ensemble(models, y);
  CHECK(gap(first_20(accuracy), want["accuracy"].get<std::vector<double>>()) < 1e-12);
  CHECK(accuracy.accuracy[0] == accuracy.accuracy[1]);
  CHECK(gap(first_20(label_quality_ensemble(models, y, {.weighting = ensemble_weighting::uniform})),
            want["uniform"].get<std::vector<double>>()) < 1e-12);
}

TEST_CASE(
    "label_quality_ensemble: one model, custom weights, policies, and models that know nothing") {
  auto const a = limpid_test::make_posteriors(300, 3, 2),
             b = limpid_test::make_posteriors(300, 3, 9);
  std::vector<matrix<double>> const one{a.p}, two{a.p, b.p};
  for (auto weighting :
       {ensemble_weighting::uniform, ensemble_weighting::accuracy, ensemble_weighting::log_loss})
    for (auto score : all_scores) {
      auto const r = label_quality_ensemble(one, a.y, {.score = score, .weighting = weighting});
      CHECK(r.score == label_quality(a.p, a.y, {.score = score}).score);
      CHECK(r.weight == limpid::vector<double>{1});
    }
  auto const custom = label_quality_ensemble(
      two, a.y, {.adjust = true, .weighting = ensemble_weighting::custom, .weights = {2, -0.5}});
  auto const sa = label_quality(a.p, a.y, {.adjust = true}).score,
             sb = label_quality(b.p, a.y, {.adjust = true}).score;
  for (std::size_t i = 0; i < 300; ++i)
    CHECK(custom.score[i] == doctest::Approx(2 * sa[i] - 0.5 * sb[i]).epsilon(1e-12));

  auto const searched =
      label_quality_ensemble(two, a.y, {.weighting = ensemble_weighting::log_loss});
  CHECK(searched.log_loss[0] < searched.log_loss[1]);  // b's probabilities are of other rows
  CHECK(searched.weight[0] > 0.99);
  std::vector<limpid_test::device_matrix<double>> there;
  for (auto const& m : two) there.emplace_back(m.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(a.y.data(), 300));
  auto const on_device = label_quality_ensemble(limpid_test::device, there, y,
                                                {.weighting = ensemble_weighting::log_loss});
  CHECK(gap(on_device.score, searched.score) < 1e-12);
  limpid::par_policy par;
  par.threads = 3;
  CHECK(label_quality_ensemble(par, two, a.y, {.weighting = ensemble_weighting::log_loss}).score ==
        searched.score);

  std::vector<matrix<double>> const never{matrix<double>{{0, 1}}, matrix<double>{{0.1, 0.9}}};
  auto const lost = label_quality_ensemble(never, std::vector{0});  // no model is ever right
  CHECK(lost.uniform_fall_back);
  CHECK(lost.weight == limpid::vector<double>{0.5, 0.5});
  // losses so large that exp(-200 L) is 0 in double: shares all the same, where cleanlab divides 0
  // by 0
  auto const far =
      label_quality_ensemble(never, std::vector{0}, {.weighting = ensemble_weighting::log_loss});
  CHECK(far.weight[1] > 0.99);
}

TEST_CASE("label_quality_ensemble: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const y{0, 1};
  std::vector<matrix<double>> const two{p, p};
  std::string const where = "transition::label_quality_ensemble: ";
  CHECK_THROWS_WITH_AS((void)label_quality_ensemble(std::vector<matrix<double>>{}, y),
                       (where + "members is empty; need at least one model").c_str(), input_error);
  CHECK_THROWS_WITH_AS(
      (void)label_quality_ensemble(std::vector<matrix<double>>{p, matrix<double>(2, 3)}, y),
      (where + "members[1] is 2 x 3; members[0] is 2 x 2").c_str(), input_error);
  CHECK_THROWS_WITH_AS(
      (void)label_quality_ensemble(
          std::vector<matrix<double>>{p, matrix<double>{{0.5, 0.5}, {0.5, 0.6}}}, y),
      (where +
       "members[1] row 1 sums to 1.1; rows must be probability distributions (tolerance 1e-3)")
          .c_str(),
      input_error);
  CHECK_THROWS_WITH_AS(
      (void)label_quality_ensemble(two, y, {.weights = {1, 1}}),
      (where + "options.weights is given, but options.weighting is not custom").c_str(),
      input_error);
  CHECK_THROWS_WITH_AS((void)label_quality_ensemble(
                           two, y, {.weighting = ensemble_weighting::custom, .weights = {1}}),
                       (where + "options.weights has 1 entries; need one per model = 2").c_str(),
                       input_error);
  CHECK_THROWS_WITH_AS((void)label_quality_ensemble(
                           two, y, {.weighting = ensemble_weighting::custom, .weights = {1, NAN}}),
                       (where + "options.weights[1] is not finite").c_str(), input_error);
  CHECK_THROWS_WITH_AS((void)label_quality_ensemble(
                           two, y, {.weighting = ensemble_weighting::log_loss, .temperatures = {}}),
                       (where + "options.temperatures is empty").c_str(), input_error);
}

}  // namespace
