// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/outlier_score.hpp>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::matrix;
using limpid::kernel_mean::mean_weights;
using limpid::kernel_mean::outlier_rule;
using limpid::kernel_mean::outlier_score;

struct planted {
  matrix<double> x;
  limpid::vector<int> y;
  std::vector<bool> wrong;
};
/// Three overlapping classes in d columns; a share of the labels of class 0 becomes 1, of 1 becomes
/// 2, of 2 becomes 0.
planted make(std::size_t n, std::size_t d, double share, std::uint64_t seed) {
  planted out{matrix<double>(n, d), limpid::vector<int>(n), std::vector<bool>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    int const truth = static_cast<int>(i % 3);
    for (std::size_t c = 0; c < d; ++c)
      out.x(i, c) = 2 * (draw.uniform() + draw.uniform() + draw.uniform() - 1.5) +
                    (static_cast<int>(c % 3) == truth ? 1.5 : 0);
    out.wrong[i] = draw.uniform() < share;
    out.y[i] = out.wrong[i] ? (truth + 1) % 3 : truth;
  }
  return out;
}
double average_precision(limpid::vector<double> const& score, std::vector<bool> const& wrong) {
  std::vector<std::size_t> order(score.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  double found = 0, sum = 0;
  for (std::size_t r = 0; r < order.size(); ++r)
    if (wrong[order[r]]) sum += ++found / static_cast<double>(r + 1);
  return sum / found;
}

}  // namespace

TEST_CASE("outlier_score: the linear kernel on a line, by hand") {
  // class 0: 1 2 6, class 1: 10. Others' means of class 0: 4, 3.5, 1.5.
  matrix<double> const x{{1.0}, {2.0}, {6.0}, {10.0}};
  auto const r = outlier_score(kernels::linear(), x, std::vector<int>{0, 0, 0, 1}, 3,
                               {.weights = mean_weights::equal});
  double const own[] = {9, 2.25, 20.25, 100}, other[] = {81, 64, 16, 49};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(r.distance2[i] == doctest::Approx(own[i]));
    CHECK(r.other_distance2[i] == doctest::Approx(other[i]));
    CHECK(r.score[i] == doctest::Approx(own[i] - other[i]));
    CHECK(r.other_class[i] == (i < 3 ? 1 : 0));
  }
  CHECK(r.rows[1] == 1);
  CHECK(r.rows[2] == 0);
  CHECK(r.norm2[0] == doctest::Approx(9));
  // Huber: the median distance of others' means is 3; 6 is 4.5 away
  auto const h = outlier_score(kernels::linear(), x, std::vector<int>{0, 0, 0, 1}, 2,
                               {.rule = outlier_rule::distance, .iterations = 2, .tolerance = 0});
  CHECK(h.weights[2] == doctest::Approx((2.0 / 3) / (2 + 2.0 / 3)));
  CHECK(h.weights[0] == doctest::Approx(1 / (2 + 2.0 / 3)));
  CHECK(h.converged[0] == 0);
  CHECK(h.other_class.empty());
  CHECK(h.score == h.distance2);
}

TEST_CASE("outlier_score: distances against the definition, with robust weights") {
  auto const p = make(90, 3, 0.2, 4);
  auto const k = kernels::matern32(2.0);
  for (auto kind : {mean_weights::equal, mean_weights::huber, mean_weights::hampel}) {
    auto const r = outlier_score(k, p.x, p.y, 3, {.weights = kind, .iterations = 50});
    for (std::size_t i = 0; i < 90; ++i) {
      std::vector<double> a(90);
      double rest = 0, gap = 0;
      for (std::size_t j = 0; j < 90; ++j)
        if (j != i && p.y[j] == p.y[i]) rest += a[j] = -r.weights[j];
      for (double& v : a) v /= -rest;
      a[i] += 1;
      for (std::size_t s = 0; s < 90; ++s)
        for (std::size_t t = 0; t < 90; ++t)
          gap += a[s] * a[t] * k(p.x.view().row(s), p.x.view().row(t));
      CHECK(r.distance2[i] == doctest::Approx(gap).epsilon(1e-9));
      double best = 1e300;
      for (int c = 0; c < 3; ++c) {
        if (c == p.y[i]) continue;
        double other = 1 + r.norm2[static_cast<std::size_t>(c)];
        for (std::size_t j = 0; j < 90; ++j)
          if (p.y[j] == c) other -= 2 * r.weights[j] * k(p.x.view().row(i), p.x.view().row(j));
        best = std::fmin(best, other);
      }
      CHECK(r.other_distance2[i] == doctest::Approx(best).epsilon(1e-9));
    }
    for (int c = 0; c < 3; ++c) {
      double total = 0;
      for (std::size_t j = 0; j < 90; ++j) total += p.y[j] == c ? r.weights[j] : 0;
      CHECK(total == doctest::Approx(1));
      if (kind == mean_weights::huber) CHECK(r.converged[static_cast<std::size_t>(c)] == 1);
    }
  }
}

TEST_CASE("outlier_score: wrong labels come first") {
  auto const p = make(600, 6, 0.3, 7);
  auto const kernel = kernels::gaussian(0.05);
  //! [outlier_score]
  auto const r = limpid::kernel_mean::outlier_score(kernel, p.x, p.y, 3);
  // r.score: largest where the label is most likely wrong; r.other_class: what it may be instead
  //! [outlier_score]
  double const margin = average_precision(r.score, p.wrong);
  double const distance = average_precision(r.distance2, p.wrong);
  double const equal = average_precision(
      outlier_score(kernel, p.x, p.y, 3, {.weights = mean_weights::equal}).score, p.wrong);
  MESSAGE("average precision, 30 % wrong: margin " << margin << ", distance " << distance
                                                   << ", margin to equal weights " << equal);
  CHECK(margin > 0.82);
  CHECK(margin > distance);
  CHECK(distance > 0.55);  // 0.3 by chance
  std::size_t told = 0, right = 0;
  for (std::size_t i = 0; i < 600; ++i)
    if (p.wrong[i] && r.score[i] > 0) {
      ++told;
      right += static_cast<std::size_t>(r.other_class[i]) == i % 3;
    }
  CHECK(static_cast<double>(right) > 0.9 * static_cast<double>(told));
  // the weights of wrong labels are smaller
  double wrong = 0, good = 0, wrong_n = 0, good_n = 0;
  for (std::size_t i = 0; i < 600; ++i)
    (p.wrong[i] ? wrong : good) += r.weights[i], (p.wrong[i] ? wrong_n : good_n) += 1;
  CHECK(wrong / wrong_n < 0.95 * good / good_n);
}

TEST_CASE("outlier_score: policies, devices, float32, stopping, small classes") {
  auto const p = make(2100, 3, 0.2, 5);
  auto const k = kernels::gaussian(0.2);
  auto const r = outlier_score(k, p.x, p.y, 3, {.iterations = 2});
  auto const plain = outlier_score(limpid::seq, k, p.x, p.y, 3, {.iterations = 2});
  matrix<float> single(2100, 3);
  for (std::size_t e = 0; e < 2100 * 3; ++e) single.data()[e] = static_cast<float>(p.x.data()[e]);
  auto const f = outlier_score(k, single, p.y, 3, {.iterations = 2});
  for (std::size_t i = 0; i < 2100; ++i) {
    CHECK(r.score[i] == doctest::Approx(plain.score[i]).epsilon(1e-9));
    CHECK(std::fabs(f.distance2[i] - r.distance2[i]) < 1e-4);
  }
  for (int threads : {1, 3})
    CHECK(outlier_score(limpid::par_policy{.threads = threads}, k, p.x, p.y, 3, {.iterations = 2})
              .score == r.score);
  auto const s = make(40, 3, 0.2, 5);
  limpid_test::device_matrix<double> const there(s.x.view());
  limpid_test::device_vector<int> const labels(s.y.view());
  CHECK(outlier_score(limpid_test::device, k, there, labels, 3).score ==
        outlier_score(limpid::seq, k, s.x, s.y, 3).score);
  for (double at : {0.0, 0.5, 0.99})
    CHECK(
        outlier_score(k, s.x, s.y, 3, {.on_progress = [=](double f_) { return f_ < at; }}).stopped);

  // one class: no other mean. Equal rows: distance 0. A row alone: its own size.
  auto const one = outlier_score(k, matrix<double>(5, 2, 1.0), std::vector<int>(5, 0), 1);
  CHECK(one.other_class[0] == -1);
  CHECK(std::isinf(one.other_distance2[0]));
  CHECK(one.distance2[3] < 1e-12);
  auto const alone = outlier_score(k, matrix<double>(1, 2, 1.0), std::vector<int>{1}, 2,
                                   {.rule = outlier_rule::distance});
  CHECK(alone.score[0] == doctest::Approx(1));
}

TEST_CASE("outlier_score: bad input") {
  auto const k = kernels::gaussian(1);
  matrix<double> x(3, 2);
  std::vector<int> const y{0, 1, 0};
  CHECK_THROWS_WITH_AS(outlier_score(k, x, std::vector<int>{0, 1}, 2),
                       "kernel_mean::outlier_score: x has 3 rows, labels has 2", input_error);
  CHECK_THROWS_WITH_AS(outlier_score(k, x, std::vector<int>{0, 2, 0}, 2),
                       doctest::Contains("labels row 1 is 2"), input_error);
  CHECK_THROWS_WITH_AS(outlier_score(k, x, std::vector<int>{0, -1, 0}, 2),
                       doctest::Contains("row 1 is -1"), input_error);
  CHECK_THROWS_WITH_AS(outlier_score(k, x, y, 0), doctest::Contains("classes is 0"), input_error);
  CHECK_THROWS_WITH_AS(outlier_score(k, x, y, 2, {.iterations = 0}),
                       doctest::Contains("iterations is 0"), input_error);
  CHECK_THROWS_WITH_AS(outlier_score(k, x, y, 2, {.tolerance = -1}),
                       doctest::Contains("tolerance is -1"), input_error);
  CHECK_THROWS_WITH_AS(outlier_score(kernels::sigmoid(1), x, y, 2), doctest::Contains("sigmoid"),
                       input_error);
  CHECK_THROWS_WITH_AS(outlier_score(k, matrix<double>(0, 2), std::vector<int>{}, 2),
                       doctest::Contains("x has no rows"), input_error);
  x(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(outlier_score(k, x, y, 2), doctest::Contains("x row 1"), input_error);
}
