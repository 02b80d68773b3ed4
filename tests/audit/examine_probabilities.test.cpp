// SPDX-License-Identifier: BSL-1.0
#include <limpid/audit/examine_probabilities.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
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

/// Rows of known classes, labels drawn through T, and P = the exact P(label | x) of rows that are
/// themselves a little uncertain: s_k = 0.94 on the class, the rest spread.
struct planted {
  limpid::matrix<double> p;
  std::vector<std::int32_t> truth, given;
};
planted plant(limpid::matrix<double> const& t, std::size_t n, std::uint64_t seed) {
  std::size_t const classes = t.rows();
  planted out{limpid::matrix<double>(n, classes), std::vector<std::int32_t>(n),
              std::vector<std::int32_t>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 1, i);
    std::size_t const seat = i % classes;
    std::vector<double> s(classes, 0.06 / static_cast<double>(classes - 1));
    s[seat] = 0.94;
    auto const pick = [&](auto share) {
      double u = draw.uniform();
      std::size_t k = 0;
      while (k + 1 < classes && (u -= share(k)) >= 0) ++k;
      return k;
    };
    std::size_t const z = pick([&](std::size_t k) { return s[k]; });
    out.truth[i] = static_cast<std::int32_t>(z);
    out.given[i] = static_cast<std::int32_t>(pick([&](std::size_t k) { return t(z, k); }));
    for (std::size_t j = 0; j < classes; ++j)
      for (std::size_t k = 0; k < classes; ++k) out.p(i, j) += s[k] * t(k, j);
  }
  return out;
}

double worst_gap(limpid::matrix<double> const& a, limpid::matrix<double> const& b) {
  double worst = 0;
  for (std::size_t e = 0; e < a.rows() * a.cols(); ++e)
    worst = std::max(worst, std::abs(a.data()[e] - b.data()[e]));
  return worst;
}

limpid::matrix<double> const asymmetric{{0.7, 0.3, 0.0}, {0.1, 0.8, 0.1}, {0.0, 0.05, 0.95}};

TEST_CASE("labels that P is sure of are right, all of them") {
  limpid::matrix<double> p(30, 3);
  std::vector<int> y(30);
  for (std::size_t i = 0; i < 30; ++i) p(i, i % 3) = 1, y[i] = static_cast<int>(i % 3);

  auto const r = audit::examine_probabilities(p, y);

  CHECK(r.noise_rate.estimate == doctest::Approx(0).epsilon(1e-9));
  CHECK(r.noise_rate.low == 0);
  CHECK(worst_gap(r.transition, limpid::matrix<double>::identity(3)) < 1e-9);
  for (std::size_t i = 0; i < 30; ++i) {
    CHECK(r.is_issue[i] == 0);
    CHECK(r.p_right[i] > 0.999);
  }
  CHECK(r.recommended == audit::remedy::none);
}

TEST_CASE("one flipped label among sure rows is the first of the ranking, and the only issue") {
  limpid::matrix<double> p(40, 2, 0.02);
  std::vector<int> y(40);
  for (std::size_t i = 0; i < 40; ++i) p(i, i % 2) = 0.98, y[i] = static_cast<int>(i % 2);
  y[17] = 0;

  auto const r = audit::examine_probabilities(p, y);

  CHECK(r.ranking[0] == 17);
  CHECK(r.suggested[17] == 1);
  std::size_t issues = 0;
  for (auto flag : r.is_issue) issues += flag;
  CHECK(issues == 1);
  CHECK(r.noise_rate.low <= 1 / 40.0);
  CHECK(r.noise_rate.high >= 1 / 40.0);
}

TEST_CASE("the planted transition comes back, in the right direction") {
  auto const data = plant(asymmetric, 20000, 3);

  //! [examine_probabilities]
  auto const report = limpid::audit::examine_probabilities(data.p, data.given);
  std::size_t const most_doubtful = report.ranking[0];
  double const wrong = report.noise_rate.estimate;
  //! [examine_probabilities]

  CHECK(worst_gap(report.transition, asymmetric) < 0.06);
  double const rate = limpid_bench::wrong_share(data.given, data.truth);
  CHECK(wrong == doctest::Approx(rate).epsilon(0.2));
  CHECK(report.noise_rate.low <= rate);
  CHECK(report.noise_rate.high >= rate);
  CHECK(report.p_right[most_doubtful] < 0.1);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      CHECK(report.transition_low(i, j) <= report.transition(i, j));
      CHECK(report.transition(i, j) <= report.transition_high(i, j));
    }
}

TEST_CASE("renaming the classes renames the answer") {
  auto const data = plant(asymmetric, 3000, 5);
  std::size_t const to[] = {2, 0, 1};
  limpid::matrix<double> p(3000, 3);
  std::vector<std::int32_t> y(3000);
  for (std::size_t i = 0; i < 3000; ++i) {
    for (std::size_t k = 0; k < 3; ++k) p(i, to[k]) = data.p(i, k);
    y[i] = static_cast<std::int32_t>(to[data.given[i]]);
  }

  auto const a = audit::examine_probabilities(data.p, data.given),
             b = audit::examine_probabilities(p, y);

  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      CHECK(b.transition(to[i], to[j]) == doctest::Approx(a.transition(i, j)).epsilon(1e-9));
  CHECK(a.noise_rate.estimate == doctest::Approx(b.noise_rate.estimate).epsilon(1e-9));
}

TEST_CASE(
    "human labels of CIFAR-10: better than cleanlab 2.9.0 on the same input, and the truth inside "
    "the interval") {
  std::string const folder = limpid_test::shared_data("cifar10n");
  if (folder.empty()) return;
  struct figures {
    char const *p, *y;
    double error, precision;  // of cleanlab 2.9.0: estimate_joint's rows, self_confidence
  };
  for (figures const& f : {figures{"probs_worst_resnet18", "worst", 0.0083, 0.9512},
                           {"probs_worst_swin", "worst", 0.0069, 0.9879},
                           {"probs_aggregate_resnet18", "aggregate", 0.0068, 0.8747},
                           {"probs_aggregate_swin", "aggregate", 0.0065, 0.9770}}) {
    CAPTURE(f.p);
    auto const p = limpid_bench::read_matrix(folder + "/" + f.p + ".npy");
    auto const given = limpid_bench::read_labels(folder + "/" + f.y + ".npy"),
               truth = limpid_bench::read_labels(folder + "/clean.npy");
    auto const r = audit::examine_probabilities(p, given);
    CHECK(limpid_bench::transition_error(r.transition, given, truth) <= f.error);
    CHECK(limpid_bench::average_precision(r.ranking, given, truth) >= f.precision);
    double const rate = limpid_bench::wrong_share(given, truth);
    CHECK(r.noise_rate.low <= rate);
    CHECK(r.noise_rate.high >= rate);
    CHECK(r.noise_rate.high - r.noise_rate.low < 0.2);
  }
}

TEST_CASE("small and lopsided inputs have an answer, and it says what to distrust") {
  SUBCASE("one class") {
    auto const r =
        audit::examine_probabilities(limpid::matrix<double>(5, 1, 1.0), std::vector<int>(5));
    CHECK(r.transition == limpid::matrix<double>{{1}});
    CHECK(r.noise_rate.estimate == 0);
    CHECK(r.recommended == audit::remedy::none);
  }
  SUBCASE("one row") {
    auto const r =
        audit::examine_probabilities(limpid::matrix<double>{{0.2, 0.8}}, std::vector<int>{0});
    CHECK(r.ranking[0] == 0);
    for (std::size_t e = 0; e < 4; ++e) CHECK(std::isfinite(r.transition.data()[e]));
  }
  SUBCASE("a class without rows") {
    limpid::matrix<double> p(20, 3);
    std::vector<int> y(20);
    for (std::size_t i = 0; i < 20; ++i)
      p(i, i % 2) = 0.9, p(i, 2) = 0.1, y[i] = static_cast<int>(i % 2);
    auto const r = audit::examine_probabilities(p, y);
    CHECK(r.transition(2, 2) == doctest::Approx(1));
    REQUIRE(!r.warnings.empty());
    bool named = false;
    for (auto const& w : r.warnings)
      named = named || w.find("No row is labelled 2") != std::string::npos;
    CHECK(named);
  }
}

TEST_CASE("bad input is named before anything is computed") {
  limpid::matrix<double> p{{0.5, 0.5}, {0.4, 0.6}};
  std::vector<int> const y{0, 1};
  auto const& f = audit::examine_probabilities;
  CHECK_THROWS_WITH_AS(
      f(limpid::matrix<double>(0, 2), std::vector<int>{}),
      "audit::examine_probabilities: probabilities is 0 x 2; need at least one row and one class",
      limpid::input_error);
  CHECK_THROWS_WITH_AS(f(p, std::vector<int>{0}),
                       "audit::examine_probabilities: probabilities has 2 rows, labels has 1",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS(f(p, std::vector<int>{0, 2}),
                       "audit::examine_probabilities: labels row 1 is 2; labels must be 0..1",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS(f(p, y, {.classes = 3}),
                       "audit::examine_probabilities: probabilities has 2 columns, classes is 3",
                       limpid::input_error);
  CHECK_THROWS_WITH_AS(f(p, y, {.level = 1}),
                       "audit::examine_probabilities: level is 1; it must be between 0 and 1",
                       limpid::input_error);
  CHECK_NOTHROW(f(p, y, {.level = 0.999}));
  p(1, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(
      f(p, y), "audit::examine_probabilities: probabilities row 1 has an entry that is not finite",
      limpid::input_error);
  p(1, 0) = 0.9;
  CHECK_THROWS_WITH_AS(f(p, y),
                       "audit::examine_probabilities: probabilities row 1 sums to 1.5; rows must "
                       "be probability distributions (tolerance 1e-3)",
                       limpid::input_error);
}

TEST_CASE("progress stops it") {
  auto const data = plant(asymmetric, 300, 5);
  double last = 0;
  auto const r = audit::examine_probabilities(data.p, data.given, {.on_progress = [&](double f) {
                                                last = f;
                                                return false;
                                              }});
  CHECK(r.stopped);
  CHECK(last < 1);
  CHECK(r.ranking.empty());
}

TEST_CASE("threads, the plain loops and a device agree") {
  auto const data = plant(asymmetric, 5000, 9);
  auto const r = audit::examine_probabilities(limpid::simd, data.p, data.given);
  for (int threads : {1, 2, 3, 7}) {
    auto const other =
        audit::examine_probabilities(limpid::par_policy{.threads = threads}, data.p, data.given);
    CHECK(other.transition == r.transition);
    CHECK(other.p_right == r.p_right);
    CHECK(other.ranking == r.ranking);
  }
  auto const plain = audit::examine_probabilities(limpid::seq, data.p, data.given);
  CHECK(worst_gap(plain.transition, r.transition) < 1e-9);
  limpid_test::device_matrix<double> const p(std::as_const(data.p).view());
  limpid_test::device_vector<std::int32_t> const y(
      limpid::vector_view<std::int32_t const>(data.given.data(), data.given.size()));
  auto const there = audit::examine_probabilities(limpid_test::device, p, y);
  CHECK(there.transition == plain.transition);
  CHECK(there.ranking == plain.ranking);
}

}  // namespace
