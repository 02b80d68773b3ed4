// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/confident_joint.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::confident_joint;
using limpid::transition::confident_joint_options;
using limpid::transition::prior_rule;
using limpid_test::gap;
using limpid_test::golden;
using limpid_test::to_ints;
using limpid_test::to_matrix;
using limpid_test::transpose;

std::vector<double> flat(limpid::transition::confident_joint_result const& r) {
  std::vector<double> out;
  auto add = [&](auto const& v) {
    for (auto x : v) out.push_back(static_cast<double>(x));
  };
  auto add_matrix = [&](matrix<double> const& m) {
    out.insert(out.end(), m.data(), m.data() + m.rows() * m.cols());
  };
  add(r.thresholds), add(r.given_count), add(r.prior), add(r.off_diagonal), add(r.guess),
      add(r.class_estimated);
  add_matrix(r.counts), add_matrix(r.calibrated), add_matrix(r.joint), add_matrix(r.transition);
  add_matrix(r.true_given_label);
  return out;
}

TEST_CASE("confident_joint: counted by hand") {
  //! [call]
  // 5 rows, 2 classes; the last row says 0 and is labelled 1
  limpid::matrix<double> const P{{0.9, 0.1}, {0.8, 0.2}, {0.3, 0.7}, {0.2, 0.8}, {0.9, 0.1}};
  std::vector<int> const y{0, 0, 1, 1, 1};

  auto const r = limpid::transition::confident_joint(P, y, {.keep_guess = true});
  // r.transition(i, j) estimates P(given j | true i); r.off_diagonal lists row 4
  //! [call]
  CHECK(gap(r.thresholds, std::vector{0.85, 1.6 / 3}) < 1e-15);
  CHECK(r.guess == limpid::vector<std::int32_t>{0, -1, 1, 1, 0});  // row 1: 0.8 < 0.85
  CHECK(r.counts == matrix<double>{{1, 0}, {1, 2}});
  CHECK(r.calibrated == matrix<double>{{2, 0}, {1, 2}});
  CHECK(r.off_diagonal == limpid::vector<std::size_t>{4});
  CHECK(r.unconfident == 1);
  CHECK(gap(r.transition, matrix<double>{{2. / 3, 1. / 3}, {0, 1}}) < 1e-15);
  CHECK(gap(r.true_given_label, matrix<double>{{1, 0}, {1. / 3, 2. / 3}}) < 1e-15);
  CHECK(gap(r.prior, std::vector{0.6, 0.4}) < 1e-15);
}

void check_case(limpid_test::golden_value const& in, limpid_test::golden_value const& expected) {
  auto const p = to_matrix(in["pred_probs"]);
  auto const y = to_ints(in["labels"]);
  auto const r = confident_joint(p, y);
  CHECK(gap(r.thresholds, expected["thresholds"].get<std::vector<double>>()) < 1e-12);
  CHECK(r.counts == to_matrix(expected["confident_joint_uncalibrated"]));
  CHECK(r.calibrated == to_matrix(expected["confident_joint_calibrated"]));
  CHECK(gap(r.off_diagonal, expected["off_diagonal_indices"].get<std::vector<std::size_t>>()) == 0);
  CHECK(gap(r.joint, to_matrix(expected["joint"])) < 1e-12);
  for (auto const& [rule, method] :
       std::map<prior_rule, std::string>{{prior_rule::count, "cnt"},
                                         {prior_rule::marginal, "marginal"},
                                         {prior_rule::marginal_of_given, "marginal_ps"}}) {
    std::string const name = method;
    CAPTURE(name);
    auto const& latent = expected["latent_" + name + "_converge_False"];
    auto const s = confident_joint(p, y, {.prior = rule});
    CHECK(gap(s.prior, latent["py"].get<std::vector<double>>()) < 1e-12);
    // columns of zeros in the peer are rows of the identity here
    auto t = transpose(to_matrix(latent["noise_matrix"])),
         inverse = transpose(to_matrix(latent["inverse_noise_matrix"]));
    for (std::size_t k = 0; k < t.rows(); ++k) {
      if (!s.class_estimated[k] &&
          std::count(&t(k, 0), &t(k, 0) + t.cols(), 0.0) == static_cast<int>(t.cols()))
        t(k, k) = 1;
      if (!s.label_seen[k]) inverse(k, k) = 1;
    }
    CHECK(gap(s.transition, t) < 1e-12);
    CHECK(gap(s.true_given_label, inverse) < 1e-12);
  }
}

// golden: cleanlab 2.9.0 (count.compute_confident_joint, estimate_joint, estimate_latent)
TEST_CASE("confident_joint: the numbers of cleanlab 2.9.0") {
  auto const file = golden("cleanlab_confident_learning.json");
  check_case(file["input"], file["expected"]);
  for (char const* name : {"missing_class", "binary_ties", "single_example_class"}) {
    CAPTURE(name);
    check_case(file["edge_cases"][name], file["edge_cases"][name]["expected"]);
  }
  auto const p = to_matrix(file["input"]["pred_probs"]);
  auto const y = to_ints(file["input"]["labels"]);
  auto const r = confident_joint(p, y, {.thresholds = {1.1, 1.1, 1.1, 1.1}});
  CHECK(r.counts == to_matrix(file["edge_cases"]["no_confident"]["uncalibrated"]));
  CHECK(r.calibrated == to_matrix(file["edge_cases"]["no_confident"]["calibrated"]));
  CHECK(r.unconfident == 200);
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{0, 0, 0, 0});
  CHECK(r.transition == matrix<double>::identity(4));
}

TEST_CASE("confident_joint: rounding keeps the sum, as cleanlab 2.9.0 does it") {
  auto const file = golden("cleanlab_confident_learning.json");
  for (auto const& each : file["helpers"]["round_preserving_sum"]) {
    auto v = each["in"].get<std::vector<double>>();
    limpid::transition::detail::round_preserving_sum(v.data(), v.size());
    CHECK(v == each["out"].get<std::vector<double>>());
  }
}

TEST_CASE("confident_joint: an absent class has the identity's row and a flag") {
  auto data = limpid_test::make_posteriors(300, 4, 5);
  for (int& label : data.y) label = label == 2 ? 3 : label;
  auto const r = confident_joint(data.p, data.y);
  CHECK(r.thresholds[2] == 2);
  CHECK(r.class_estimated == limpid::vector<std::uint8_t>{1, 1, 0, 1});
  CHECK(r.label_seen == limpid::vector<std::uint8_t>{1, 1, 0, 1});
  for (std::size_t j = 0; j < 4; ++j) {
    CHECK(r.transition(2, j) == (j == 2 ? 1 : 0));
    CHECK(r.true_given_label(2, j) == (j == 2 ? 1 : 0));
  }
  auto const raw = confident_joint(data.p, data.y, {.calibrate = false});
  CHECK(raw.class_estimated[2] == 0);  // although its forced diagonal stands in the counts
  CHECK(raw.calibrated == raw.counts);
}

TEST_CASE("confident_joint: thresholds pass by 1e-6, ties go to the lowest class") {
  matrix<double> const p{{0.5, 0.5}, {0.6, 0.4}, {0.6000021, 0.3999979}};
  std::vector<int> const y{0, 1, 1};
  auto const r = confident_joint(p, y, {.thresholds = {0.6000009, 0.4}, .keep_guess = true});
  CHECK(r.guess == limpid::vector<std::int32_t>{
                       1, 0, 0});  // row 1 reaches both: the arg max; row 2 lacks 2e-6 for class 1
  auto const tie = confident_joint(p, y, {.thresholds = {0.1, 0.1}, .keep_guess = true});
  CHECK(tie.guess[0] == 0);
}

// permuting classes permutes every direction of the result (no ties, whole counts: exact up to the
// order of sums)
TEST_CASE("confident_joint: permuting classes permutes T") {
  auto const data = limpid_test::make_posteriors(2500, 4, 11);
  std::size_t const to[] = {2, 0, 3, 1};
  limpid_test::labelled_posteriors moved = data;
  for (std::size_t i = 0; i < data.y.size(); ++i) {
    for (std::size_t k = 0; k < 4; ++k) moved.p(i, to[k]) = data.p(i, k);
    moved.y[i] = static_cast<int>(to[data.y[i]]);
  }
  auto const a = confident_joint(data.p, data.y, {.calibrate = false});
  auto const b = confident_joint(moved.p, moved.y, {.calibrate = false});
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      CHECK(b.counts(to[i], to[j]) == a.counts(i, j));
      CHECK(b.transition(to[i], to[j]) == doctest::Approx(a.transition(i, j)).epsilon(1e-13));
    }
  CHECK(a.transition(0, 1) !=
        doctest::Approx(a.transition(1, 0)).epsilon(0.05));  // a transpose would be seen
}

/// Written from the definition alone.
matrix<double> counts_by_definition(matrix<double> const& p, std::vector<int> const& y) {
  std::size_t const classes = p.cols();
  std::vector<double> sum(classes), rows(classes);
  for (std::size_t i = 0; i < y.size(); ++i) {
    sum[static_cast<std::size_t>(y[i])] += p(i, static_cast<std::size_t>(y[i]));
    rows[static_cast<std::size_t>(y[i])] += 1;
  }
  matrix<double> counts(classes, classes);
  for (std::size_t i = 0; i < y.size(); ++i) {
    std::vector<std::size_t> reached;
    for (std::size_t k = 0; k < classes; ++k)
      if (rows[k] > 0 && p(i, k) >= sum[k] / rows[k] - 1e-6) reached.push_back(k);
    if (reached.empty()) continue;
    auto const top =
        static_cast<std::size_t>(std::max_element(&p(i, 0), &p(i, 0) + classes) - &p(i, 0));
    counts(static_cast<std::size_t>(y[i]), reached.size() == 1 ? reached[0] : top) += 1;
  }
  for (std::size_t k = 0; k < classes; ++k) counts(k, k) = std::max(counts(k, k), 1.0);
  return counts;
}

TEST_CASE("confident_joint: every policy, on both sides of a tile, agrees with the definition") {
  std::size_t const tile = limpid::ops::detail::row_tile;
  for (std::size_t n : {std::size_t{1}, std::size_t{17}, tile - 1, tile, tile + 1, 3 * tile + 5}) {
    CAPTURE(n);
    auto const data = limpid_test::make_posteriors(n, 5, static_cast<unsigned>(n));
    auto const expected = counts_by_definition(data.p, data.y);
    confident_joint_options const options{.keep_guess = true};
    auto const reference = confident_joint(limpid::seq, data.p, data.y, options);
    CHECK(reference.counts == expected);
    CHECK(flat(confident_joint(limpid::simd, data.p, data.y, options)) == flat(reference));
    for (int threads : {1, 2, 3, 7}) {
      limpid::par_policy par;
      par.threads = threads;
      CHECK(flat(confident_joint(par, data.p, data.y, options)) == flat(reference));
    }
    limpid_test::device_matrix<double> const p(data.p.view());
    limpid_test::device_vector<int> const y(limpid::vector_view<int const>(data.y.data(), n));
    CHECK(flat(confident_joint(limpid_test::device, p, y, options)) == flat(reference));
    limpid_test::strided const padded(data.p);
    CHECK(flat(confident_joint(padded.window, data.y, options)) == flat(reference));
    CHECK(confident_joint(limpid_test::to_float(data.p), data.y).counts == expected);
  }
}

TEST_CASE("confident_joint: more classes than the kernels hold in registers") {
  for (std::size_t classes : {std::size_t{32}, std::size_t{33}, std::size_t{150}}) {
    auto const data = limpid_test::make_posteriors(400, classes, 21);
    auto const expected = counts_by_definition(data.p, data.y);
    CHECK(confident_joint(data.p, data.y).counts == expected);
    CHECK(confident_joint(limpid::seq, data.p, data.y).counts == expected);
    auto bad = data.p;
    bad(397, classes - 1) += 0.5;
    CHECK_THROWS_WITH_AS((void)confident_joint(bad, data.y), doctest::Contains("P row 397 "),
                         input_error);
  }
}

TEST_CASE("confident_joint: weight 3 is the row three times, weight 0 a row that is not there") {
  auto const data = limpid_test::make_posteriors(500, 4, 31);
  std::vector<double> weights(500);
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < 500; ++i) {
    weights[i] = static_cast<double>(i * 7 % 4);
    for (std::size_t c = 0; c < i * 7 % 4; ++c) rows.push_back(i);
  }
  limpid_test::labelled_posteriors copies{matrix<double>(rows.size(), 4), {}};
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t k = 0; k < 4; ++k) copies.p(r, k) = data.p(rows[r], k);
    copies.y.push_back(data.y[rows[r]]);
  }
  auto const a = confident_joint(data.p, data.y, weights), b = confident_joint(copies.p, copies.y);
  CHECK(gap(a.thresholds, b.thresholds) < 1e-14);
  CHECK(a.counts == b.counts);
  CHECK(a.calibrated == b.calibrated);
  CHECK(gap(a.transition, b.transition) < 1e-14);
  CHECK(gap(a.prior, b.prior) < 1e-14);
  CHECK(a.given_weight == b.given_weight);
  CHECK(a.given_count != b.given_count);  // rows, not copies
  for (std::size_t i : a.off_diagonal) CHECK(weights[i] > 0);

  auto const ones = confident_joint(data.p, data.y, std::vector<float>(500, 1));
  CHECK(flat(ones) == flat(confident_joint(data.p, data.y)));
  // fractions: the counts are scaled, and not rounded
  auto half = weights;
  for (double& w : half) w *= 0.75;
  auto const c = confident_joint(data.p, data.y, half);
  CHECK(gap(c.thresholds, a.thresholds) < 1e-14);
  double sum = 0;
  for (std::size_t t = 0; t < 4; ++t) sum += c.calibrated(0, t);
  CHECK(sum == doctest::Approx(c.given_weight[0]).epsilon(1e-12));
  CHECK(c.calibrated(0, 0) != std::floor(c.calibrated(0, 0)));
  limpid_test::device_vector<double> const w(
      limpid::vector_view<double const>(weights.data(), 500));
  CHECK(flat(confident_joint(
            limpid_test::device, limpid_test::device_matrix<double>(data.p.view()),
            limpid_test::device_vector<int>(limpid::vector_view<int const>(data.y.data(), 500)),
            w)) == flat(confident_joint(limpid::seq, data.p, data.y, weights)));

  CHECK_THROWS_WITH_AS((void)confident_joint(data.p, data.y, std::vector<double>(500, 0.0)),
                       "transition::confident_joint: weights are all 0; some row must count",
                       input_error);
  CHECK_THROWS_WITH_AS((void)confident_joint(data.p, data.y, std::vector<double>(499, 1.0)),
                       "transition::confident_joint: P has 500 rows, weights has 499", input_error);
  half[17] = -1;
  CHECK_THROWS_WITH_AS(
      (void)confident_joint(data.p, data.y, half),
      "transition::confident_joint: weights row 17 is negative; weights must be at least 0",
      input_error);
}

TEST_CASE("confident_joint: rows from a callback, and the prior by T's inverse") {
  auto const data = limpid_test::make_posteriors(300, 4, 7);
  auto const want = confident_joint(data.p, data.y, {.keep_guess = true});
  limpid::row_reader<double> reader{300, 4,
                                    [&](std::size_t first, limpid::matrix_view<double> block) {
                                      for (std::size_t i = 0; i < block.rows; ++i)
                                        for (std::size_t k = 0; k < 4; ++k)
                                          block(i, k) = data.p(first + i, k);
                                    },
                                    0};
  for (std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{300}}) {
    reader.block_rows = block;
    auto const r = confident_joint(reader, data.y, {.keep_guess = true});
    CHECK(gap(r.thresholds, want.thresholds) < 1e-14);
    CHECK(r.guess == want.guess);
    CHECK(r.calibrated == want.calibrated);
    CHECK(r.off_diagonal == want.off_diagonal);
    CHECK(r.given_count == want.given_count);
  }
  auto const given =
      confident_joint(reader, data.y, {.thresholds = std::vector<double>(want.thresholds)});
  CHECK(given.calibrated == want.calibrated);
  CHECK(given.given_count == want.given_count);

  auto const r = confident_joint(data.p, data.y, {.prior = prior_rule::equation});
  CHECK_FALSE(r.prior_fell_back);
  for (std::size_t j = 0; j < 4; ++j) {
    double image = 0;
    for (std::size_t i = 0; i < 4; ++i) image += r.prior[i] * r.transition(i, j);
    CHECK(image == doctest::Approx(r.given_weight[j] / 300).epsilon(1e-10));
  }
}

TEST_CASE("confident_joint: label types and one class") {
  auto const data = limpid_test::make_posteriors(200, 3, 1);
  auto const r = confident_joint(data.p, data.y);
  std::vector<unsigned char> const bytes(data.y.begin(), data.y.end());
  std::vector<long long> const longs(data.y.begin(), data.y.end());
  CHECK(flat(confident_joint(data.p, bytes)) == flat(r));
  CHECK(flat(confident_joint(data.p, longs)) == flat(r));

  auto const one = confident_joint(matrix<double>(3, 1, 1.0), std::vector{0, 0, 0});
  CHECK(one.transition == matrix<double>{{1}});
  CHECK(one.prior[0] == 1);
  CHECK(one.off_diagonal.empty());
}

TEST_CASE("confident_joint: bad input") {
  matrix<double> const p{{0.5, 0.5}, {0.25, 0.75}};
  std::vector<int> const y{0, 1};
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  auto const throws = [](auto&& call, char const* text) {
    try {
      call();
      FAIL("did not throw: ", text);
    } catch (input_error const& e) {
      CHECK(std::string(e.what()) == text);
    }
  };
  throws([&] { (void)confident_joint(matrix<double>(0, 2), std::vector<int>{}); },
         "transition::confident_joint: P is 0 x 2; need at least one row and one class");
  throws([&] { (void)confident_joint(matrix<double>(2, 0), y); },
         "transition::confident_joint: P is 2 x 0; need at least one row and one class");
  throws([&] { (void)confident_joint(p, std::vector{0}); },
         "transition::confident_joint: P has 2 rows, y has 1");
  throws([&] { (void)confident_joint(p, std::vector{0, 2}); },
         "transition::confident_joint: y row 1 is 2; labels must be 0..1");
  throws([&] { (void)confident_joint(p, std::vector{-1, 0}); },
         "transition::confident_joint: y row 0 is -1; labels must be 0..1");
  throws([&] { (void)confident_joint(matrix<double>{{0.5, 0.5}, {nan, 1}}, y); },
         "transition::confident_joint: P row 1 has an entry that is not finite");
  throws(
      [&] { (void)confident_joint(matrix<double>{{0.5, 0.75}, {0, 1}}, y); },
      "transition::confident_joint: P row 0 sums to 1.25; rows must be probability distributions "
      "(tolerance 1e-3)");
  throws([&] { (void)confident_joint(p, y, {.thresholds = {0.5}}); },
         "transition::confident_joint: options.thresholds has 1 entries; need K = 2");
  throws([&] { (void)confident_joint(p, y, {.thresholds = {0.5, nan}}); },
         "transition::confident_joint: options.thresholds[1] is not finite");
  CHECK_NOTHROW((void)confident_joint(matrix<double>{{0.5, 0.5009}, {0, 1}}, y));
  CHECK_NOTHROW((void)confident_joint(matrix<double>{{0.5, 0.75}, {0, 1}}, y, {.validate = false}));
}

}  // namespace
