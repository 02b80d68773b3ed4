// SPDX-License-Identifier: BSL-1.0
#include <limpid/audit/examine.hpp>

#include <limpid/audit/score_remedy.hpp>
#include <limpid/audit/train.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/pair_flip.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "../bench/audit/files.hpp"
#include "support/emulated_device.hpp"
#include "support/inputs.hpp"
#include "support/shared_data.hpp"

namespace {

namespace audit = limpid::audit;

/// Three classes that a hyperplane separates.
limpid_test::inputs<double> separable(std::size_t n) {
  return limpid_test::make_inputs<double>(n, 5, 3, 21);
}
std::vector<std::int32_t> truth_of(std::size_t n) {
  std::vector<std::int32_t> z(n);
  for (std::size_t i = 0; i < n; ++i) z[i] = static_cast<std::int32_t>(i % 3);
  return z;
}

TEST_CASE("separated classes: every wrong label is found and named right") {
  auto const data = separable(900);
  auto const truth = truth_of(900);

  //! [examine]
  auto const report = limpid::audit::examine(data.features, data.labels, {.classes = 3});
  auto const model = limpid::audit::train(data.features, data.labels, report);
  //! [examine]

  for (std::size_t i = 0; i < 900; ++i) CHECK(report.suggested[i] == truth[i]);
  CHECK(limpid_bench::transition_error(report.transition, data.labels, truth) < 0.01);
  double const rate = limpid_bench::wrong_share(data.labels, truth);
  CHECK(report.noise_rate.low <= rate);
  CHECK(report.noise_rate.high >= rate);
  CHECK(limpid_bench::average_precision(report.ranking, data.labels, truth) > 0.999);
  CHECK(report.recommended == audit::remedy::repaired_labels);
  CHECK(limpid_bench::wrong_share(model.predict(data.features), truth) == 0);
}

TEST_CASE("real tables, planted noise: most of the lost accuracy comes back") {
  for (std::string const name : {"satellite", "digits"}) {
    std::string const folder = limpid_test::shared_data(name);
    if (folder.empty()) return;
    CAPTURE(name);
    auto const x = limpid_bench::read_matrix(folder + "/X.npy");
    auto const z = limpid_bench::read_labels(folder + "/y.npy");
    std::size_t const classes = name == "digits" ? 10 : 6, n = x.rows() * 3 / 4, d = x.cols();
    // every fourth row is for testing
    limpid::matrix<double> train(n, d), test(x.rows() - n, d);
    std::vector<std::int32_t> train_z, test_z;
    for (std::size_t i = 0; i < x.rows(); ++i) {
      bool const held = i % 4 == 3 || train_z.size() == n;
      auto& rows = held ? test_z : train_z;
      for (std::size_t c = 0; c < d; ++c) (held ? test : train)(rows.size(), c) = x(i, c);
      rows.push_back(z[i]);
    }
    for (bool const pair : {true, false}) {
      CAPTURE(pair);
      auto const noisy = pair ? limpid::noise::pair_flip(train_z, classes, {.rate = 0.4, .seed = 1})
                              : limpid::noise::instance_dependent(train, train_z, classes,
                                                                  {.rate = 0.4, .seed = 1});
      auto const accuracy = [&](auto const& model) {
        return 1 - limpid_bench::wrong_share(model.predict(test), test_z);
      };
      limpid::classify::softmax_regression const learner;
      double const clean = accuracy(learner.fit(train, train_z, classes)),
                   lost = accuracy(learner.fit(train, noisy.labels, classes));
      auto const report = audit::examine(train, noisy.labels, {.classes = classes});
      double const back = accuracy(audit::train(train, noisy.labels, report));
      CHECK((back - lost) / (clean - lost) > 0.5);
      CHECK(report.noise_rate.low <= noisy.realised_rate);
      CHECK(report.noise_rate.high >= noisy.realised_rate);
      CHECK(report.converged);
    }
  }
}

TEST_CASE("the remedy is scored out of fold") {
  auto const data = separable(600);
  auto const truth = truth_of(600);
  auto const report = audit::examine(data.features, data.labels, {.classes = 3});

  //! [score_remedy]
  auto const scores =
      limpid::audit::score_remedy(data.features, data.labels, truth, report, {.folds = 3});
  //! [score_remedy]

  CHECK(scores.clean_repaired == 1);
  CHECK(scores.clean_given <= 1);
  CHECK(scores.repaired == doctest::Approx(1 - limpid_bench::wrong_share(data.labels, truth)));
  auto const unknown =
      audit::score_remedy(data.features, data.labels, std::vector<int>{}, report, {.folds = 3});
  CHECK(unknown.given == scores.given);
  CHECK(unknown.clean_given == 0);
}

TEST_CASE("few rows, constant columns and duplicates have an answer") {
  limpid::matrix<double> const x{{1, 5}, {1, 5}, {1, 7}, {1, 7}};
  auto const r = audit::examine(x, std::vector<int>{0, 0, 1, 1}, {.classes = 2});
  for (double p : r.p_right) CHECK(std::isfinite(p));
  auto const one = audit::examine(x, std::vector<int>(4), {.classes = 1});
  CHECK(one.noise_rate.estimate == 0);
}

TEST_CASE(
    "the report says what T was taken from, and that features tell nothing where they do not") {
  auto const data = separable(300);
  auto const seen = audit::examine(data.features, data.labels, {.classes = 3});
  CHECK(seen.rule == limpid::transition::estimate_rule::views);
  double weights = 0;
  for (auto const& one : seen.readings) weights += one.weight;
  CHECK(weights == doctest::Approx(1));
  limpid::matrix<double> junk(300, 2);
  for (std::size_t i = 0; i < 300; ++i) {
    limpid::random_stream draw(5, 0, i);
    junk(i, 0) = draw.uniform();
    junk(i, 1) = draw.uniform();
  }
  auto const blind = audit::examine(junk, data.labels, {.classes = 3});
  CHECK(blind.reason_of_rule == limpid::transition::estimate_reason::unrelated_neighbours);
  bool told = false;
  for (auto const& w : blind.warnings)
    told = told || w.find("the features tell nothing") != std::string::npos;
  CHECK(told);
}

TEST_CASE("bad input is named") {
  auto const& f = audit::examine;
  limpid::matrix<double> x{{1, 2}, {3, 4}, {5, 7}};
  std::vector<int> const y{0, 1, 0};
  CHECK_THROWS_WITH_AS(f(x, y), "audit::examine: classes is 0; say how many there are",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS(f(x, std::vector<int>{0, 1}, {.classes = 2}),
                       "audit::examine: features has 3 rows, labels has 2", limpid::input_error);
  CHECK_THROWS_WITH_AS(f(x, std::vector<int>{0, -1, 0}, {.classes = 2}),
                       "audit::examine: labels row 1 is -1; labels must be 0..1",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS(f(limpid::matrix<double>(2, 2), std::vector<int>{0, 1}, {.classes = 2}),
                       "audit::examine: features is 2 x 2; need at least three rows and one column",
                       limpid::input_error);
  x(2, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(f(x, y, {.classes = 2}),
                       "audit::examine: features row 2 has an entry that is not finite",
                       limpid::input_error);
  auto const data = separable(60);
  auto const report = audit::examine(data.features, data.labels, {.classes = 3});
  CHECK_THROWS_WITH_AS(audit::train(limpid::matrix<double>(59, 5), std::vector<int>(59), report),
                       "audit::train: report is of 60 rows, features has 59", limpid::input_error);
}

TEST_CASE("progress stops it") {
  auto const data = separable(300);
  for (int stop_at : {1, 2, 3, 5}) {
    int calls = 0;
    auto const r = audit::examine(
        data.features, data.labels,
        {.classes = 3, .on_progress = [&](double f) { return ++calls < stop_at || f >= 1; }});
    CHECK(r.stopped);
    CHECK(r.suggested.empty());
  }
}

TEST_CASE("threads, the plain loops and a device agree") {
  auto const data = separable(400);
  auto const r = audit::examine(limpid::simd, data.features, data.labels, {.classes = 3});
  for (int threads : {2, 3, 7}) {
    auto const other = audit::examine(limpid::par_policy{.threads = threads}, data.features,
                                      data.labels, {.classes = 3});
    CHECK(other.transition == r.transition);
    CHECK(other.p_right == r.p_right);
  }
  auto const plain = audit::examine(limpid::seq, data.features, data.labels, {.classes = 3});
  CHECK(plain.suggested == r.suggested);
  limpid_test::device_matrix<double> const x(data.features.view());
  limpid_test::device_vector<std::int32_t> const y(data.labels.view());
  auto const there = audit::examine(limpid_test::device, x, y, {.classes = 3});
  CHECK(there.transition == plain.transition);
  auto const model = audit::train(limpid_test::device, x, y, there);
  CHECK(model.weights == audit::train(limpid::seq, data.features, data.labels, plain).weights);
}

}  // namespace
