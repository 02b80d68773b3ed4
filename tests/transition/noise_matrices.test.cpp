// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/noise_matrices.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::noise_matrices;
using limpid::transition::noise_matrices_options;
using limpid::transition::prior_rule;
using limpid::transition::rescaled_posterior;
using limpid_test::gap;
using limpid_test::golden;
using limpid_test::to_ints;
using limpid_test::to_matrix;
using limpid_test::transpose;

std::map<std::string, prior_rule> const rules{{"cnt", prior_rule::count},
                                              {"eqn", prior_rule::equation},
                                              {"marginal", prior_rule::marginal},
                                              {"marginal_ps", prior_rule::marginal_of_given}};

TEST_CASE("noise_matrices: counted by hand") {
  //! [call]
  // rows of 100 given 0 and 100 given 1: 80 of the former are truly 0, 70 of the latter truly 1
  limpid::matrix<double> const counts{{80, 20}, {30, 70}};

  auto const r = limpid::transition::noise_matrices(counts);
  // r.transition = {{8/11, 3/11}, {2/9, 7/9}}; r.prior = {0.55, 0.45}
  //! [call]
  CHECK(gap(r.transition, matrix<double>{{8. / 11, 3. / 11}, {2. / 9, 7. / 9}}) < 1e-12);
  CHECK(gap(r.true_given_label, matrix<double>{{0.8, 0.2}, {0.3, 0.7}}) < 1e-12);
  CHECK(gap(r.prior, std::vector{0.55, 0.45}) < 1e-12);
  CHECK(r.given == limpid::vector<double>{0.5, 0.5});
  CHECK(r.inconsistency < 1e-12);
  CHECK(r.counts == counts);
}

// golden: cleanlab 2.9.0 (count.estimate_latent, latent_algebra.compute_pyx)
void check_case(limpid_test::golden_value const& in, limpid_test::golden_value const& expected) {
  auto const p = to_matrix(in["pred_probs"]);
  auto const y = to_ints(in["labels"]);
  for (auto const& [name, rule] : rules)
    for (bool converge : {false, true}) {
      std::string const key = "latent_" + name + (converge ? "_converge_True" : "_converge_False");
      CAPTURE(key);
      auto const& want = expected[key];
      noise_matrices_options o{.prior = rule, .converge = converge, .cleanlab_compatible = true};
      if (want.contains("error")) {
        CHECK_THROWS_WITH_AS(
            (void)noise_matrices(p, y, o),
            "transition::noise_matrices: T is singular, so that prior_rule::equation "
            "has no solution",
            input_error);
        continue;
      }
      auto const r = noise_matrices(p, y, o);
      CHECK(gap(transpose(r.transition), to_matrix(want["noise_matrix"])) < 1e-12);
      CHECK(gap(transpose(r.true_given_label), to_matrix(want["inverse_noise_matrix"])) < 1e-12);
      CHECK(gap(r.prior, want["py"].get<std::vector<double>>()) < 1e-12);
      if (name != "cnt" || converge) continue;
      auto const q = rescaled_posterior(p, r).posterior;
      auto const pyx = to_matrix(expected["pyx_cnt"]);
      double worst = 0;
      for (std::size_t i = 0; i < pyx.rows(); ++i)
        for (std::size_t k = 0; k < pyx.cols(); ++k)
          worst = std::max(worst, std::abs(q(i, k) - pyx(i, k)));
      CHECK(worst < 1e-12);
    }
}

TEST_CASE("noise_matrices: the numbers of cleanlab 2.9.0, all rules") {
  auto const file = golden("cleanlab_confident_learning.json");
  check_case(file["input"], file["expected"]);
  for (char const* name : {"missing_class", "binary_ties", "single_example_class"}) {
    CAPTURE(name);
    check_case(file["edge_cases"][name], file["edge_cases"][name]["expected"]);
  }
}

// golden: cleanlab 2.9.0 (internal.util, internal.latent_algebra)
TEST_CASE("noise_matrices: cleanlab's helpers") {
  auto const h = golden("cleanlab_confident_learning.json")["helpers"];
  auto m = transpose(to_matrix(h["clip_noise_rates"]["in"]));
  for (std::size_t k = 0; k < 3; ++k) CHECK(limpid::transition::detail::clip_row(m, k));
  CHECK(gap(transpose(m), to_matrix(h["clip_noise_rates"]["out"])) < 1e-15);
  limpid::vector<double> v(h["clip_values_new_sum_1"]["in"].get<std::vector<double>>());
  limpid::transition::detail::clip_prior(v, 1e-6);
  CHECK(gap(v, h["clip_values_new_sum_1"]["out"].get<std::vector<double>>()) < 1e-15);
  // the prior by T's inverse, and the posterior that follows, one round
  auto const& e = h["compute_py_inv_noise_matrix"];
  limpid::transition::detail::latent_estimates r;
  r.transition = transpose(to_matrix(e["noise_matrix_columns_sum_to_1"]));
  r.true_seen = limpid::vector<std::uint8_t>(4, 1);
  limpid::vector<double> const share(e["ps"].get<std::vector<double>>());
  limpid::transition::detail::prior_by_equation("here", share, false, r);
  CHECK(gap(r.prior, e["out"]["py"].get<std::vector<double>>()) < 1e-14);
  CHECK(r.condition >= 1);
}

TEST_CASE(
    "noise_matrices: a class without counts has the identity's row, a singular T the rule of "
    "counts") {
  auto const file = golden("cleanlab_confident_learning.json");
  auto const& missing = file["edge_cases"]["missing_class"];
  auto const p = to_matrix(missing["pred_probs"]);
  auto const y = to_ints(missing["labels"]);
  for (bool converge : {false, true}) {
    auto const r = noise_matrices(p, y, {.prior = prior_rule::equation, .converge = converge});
    CHECK_FALSE(r.prior_fell_back);  // with the identity's row T has an inverse
    CHECK(r.class_estimated == limpid::vector<std::uint8_t>{1, 1, 0, 1});
    CHECK(r.label_seen == limpid::vector<std::uint8_t>{1, 1, 0, 1});
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(r.transition(2, k) == (k == 2 ? 1 : 0));
      CHECK(r.true_given_label(2, k) == (k == 2 ? 1 : 0));
    }
    double sum = 0;
    for (double x : r.prior) sum += x;
    CHECK(sum == doctest::Approx(1));
  }
  auto const& ties = file["edge_cases"]["binary_ties"];
  auto const r = noise_matrices(to_matrix(ties["pred_probs"]), to_ints(ties["labels"]),
                                {.prior = prior_rule::equation, .converge = false});
  CHECK(r.prior_fell_back);
  CHECK(r.condition == std::numeric_limits<double>::infinity());
  auto const s =
      noise_matrices(to_matrix(ties["pred_probs"]), to_ints(ties["labels"]), {.converge = false});
  CHECK(r.prior == s.prior);
}

// Counts that come from one joint are consistent already; what was separate becomes so.
TEST_CASE("noise_matrices: convergence makes the three agree") {
  matrix<double> const counts{{50, 10, 3}, {4, 90, 1}, {12, 0, 30}};
  for (auto const& [key, rule] : rules) {
    std::string const name = key;
    CAPTURE(name);
    auto const once = noise_matrices(counts, {.prior = rule, .converge = false});
    CHECK(once.inconsistency < 1e-12);
    CHECK(gap(noise_matrices(counts, {.prior = rule}).transition, once.transition) < 1e-9);
  }
  auto const data =
      limpid_test::make_posteriors(400, 4, 6, 0.3);  // raw counts miss the frequencies
  auto const raw = noise_matrices(data.p, data.y, {.calibrate = false, .converge = false});
  auto const settled = noise_matrices(data.p, data.y, {.calibrate = false});
  CHECK(raw.inconsistency > 1e-4);
  CHECK(settled.inconsistency < raw.inconsistency / 3);
}

TEST_CASE("noise_matrices: policies, float, weights, rows from a callback") {
  auto const data = limpid_test::make_posteriors(2100, 4, 12);
  std::size_t const n = data.y.size();
  auto const r = noise_matrices(data.p, data.y);
  auto const same = [&](auto const& other) {
    CHECK(other.transition == r.transition);
    CHECK(other.true_given_label == r.true_given_label);
    CHECK(other.prior == r.prior);
  };
  same(noise_matrices(limpid::seq, data.p, data.y));
  for (int threads : {1, 3}) {
    limpid::par_policy par;
    par.threads = threads;
    same(noise_matrices(par, data.p, data.y));
  }
  limpid_test::device_matrix<double> const p(data.p.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
  same(noise_matrices(limpid_test::device, p, y));
  same(noise_matrices(limpid_test::to_float(data.p), data.y));
  same(noise_matrices(data.p, data.y, std::vector<double>(n, 1.0)));
  limpid::row_reader<double> reader{n, 4,
                                    [&](std::size_t first, limpid::matrix_view<double> block) {
                                      for (std::size_t i = 0; i < block.rows; ++i)
                                        for (std::size_t k = 0; k < 4; ++k)
                                          block(i, k) = data.p(first + i, k);
                                    },
                                    500};
  same(noise_matrices(reader, data.y));
}

TEST_CASE("rescaled_posterior: by hand, policies, and rows of which nothing is left") {
  auto const m = noise_matrices(matrix<double>{{80, 20}, {30, 70}}, {.converge = false});
  matrix<double> const p{{0.5, 0.5}, {1, 0}};
  auto const r = rescaled_posterior(p, m);
  double const a = 0.5 * 0.8 / (8. / 11), b = 0.5 * 0.7 / (7. / 9);
  CHECK(r.posterior(0, 0) == doctest::Approx(a / (a + b)).epsilon(1e-14));
  CHECK(r.posterior(1, 0) == 1);
  CHECK(r.unchanged.empty());

  auto nothing = m;
  nothing.true_given_label(1, 1) = 0;
  auto const left = rescaled_posterior(matrix<double>{{0, 1}, {0.5, 0.5}}, nothing);
  CHECK(left.unchanged == limpid::vector<std::size_t>{0});
  CHECK(left.posterior == matrix<double>{{0, 1}, {1, 0}});

  auto const data = limpid_test::make_posteriors(2100, 3, 4);
  auto const n = noise_matrices(data.p, data.y);
  auto const q = rescaled_posterior(data.p, n).posterior;
  CHECK(rescaled_posterior(limpid::seq, data.p, n).posterior == q);
  CHECK(rescaled_posterior(limpid::par, data.p, n).posterior == q);
  CHECK(
      rescaled_posterior(limpid_test::device, limpid_test::device_matrix<double>(data.p.view()), n)
          .posterior == q);
  limpid_test::strided const padded(data.p);
  CHECK(rescaled_posterior(padded.window, n).posterior == q);
  CHECK_THROWS_WITH_AS((void)rescaled_posterior(p, n),
                       "transition::rescaled_posterior: matrices is of 3 classes, P has 2 columns",
                       input_error);
  CHECK_THROWS_WITH_AS((void)rescaled_posterior(matrix<double>{{0.5, 0.6}}, m),
                       doctest::Contains("P row 0 sums to 1.1"), input_error);
}

TEST_CASE("noise_matrices: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const y{0, 1};
  std::string const where = "transition::noise_matrices: ";
  CHECK_THROWS_WITH_AS((void)noise_matrices(matrix<double>(2, 3)),
                       (where + "counts is 2 x 3; need K x K with K >= 1").c_str(), input_error);
  CHECK_THROWS_WITH_AS((void)noise_matrices(matrix<double>{{1, -1}, {0, 1}}),
                       (where + "counts(0, 1) is -1; counts are finite and at least 0").c_str(),
                       input_error);
  CHECK_THROWS_WITH_AS((void)noise_matrices(matrix<double>(2, 2)),
                       (where + "counts are all 0; some row must count").c_str(), input_error);
  CHECK_THROWS_WITH_AS((void)noise_matrices(p, std::vector{0, 2}),
                       doctest::Contains((where + "y row 1 is 2").c_str()), input_error);
  CHECK_THROWS_WITH_AS((void)noise_matrices(p, y, std::vector{1.0, -1.0}),
                       doctest::Contains((where + "weights row 1 is negative").c_str()),
                       input_error);
  CHECK_NOTHROW((void)noise_matrices(matrix<double>{{0.5, 0.75}, {0, 1}}, y, {.validate = false}));
  auto const one = noise_matrices(matrix<double>{{3}});
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.prior[0] == 1);
}

}  // namespace
