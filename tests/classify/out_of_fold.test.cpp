// SPDX-License-Identifier: BSL-1.0
#include <limpid/classify/out_of_fold.hpp>

#include <doctest/doctest.h>

#include <limpid/classify/nearest_neighbours.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/emulated_device.hpp"

namespace {

using limpid::matrix;
using limpid::classify::nearest_neighbours;
using limpid::classify::out_of_fold;
using limpid::classify::softmax_regression;

//! [own_classifier]
/// The nearest class mean, in a few lines: any type with these two verbs is a classifier.
struct nearest_mean {
  struct model_type {
    limpid::matrix<double> mean;
    template <class T>
    void probabilities(auto const&, limpid::matrix_view<T const> x,
                       limpid::matrix_view<double> out) const {
      for (std::size_t i = 0; i < x.rows; ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < out.cols; ++k) {
          double squared = 0;
          for (std::size_t j = 0; j < x.cols; ++j)
            squared += std::pow(static_cast<double>(x(i, j)) - mean(k, j), 2);
          sum += out(i, k) = std::exp(-squared);
        }
        for (std::size_t k = 0; k < out.cols; ++k) out(i, k) /= sum;
      }
    }
  };
  template <class T>
  model_type fit(auto const&, limpid::matrix_view<T const> x,
                 limpid::vector_view<std::int32_t const> y,
                 limpid::vector_view<double const> weights, std::size_t classes) const {
    limpid::matrix<double> mean(classes, x.cols);
    std::vector<double> total(classes);
    for (std::size_t i = 0; i < x.rows; ++i) {
      auto const k = static_cast<std::size_t>(y[i]);
      double const w = weights.data ? weights[i] : 1;
      total[k] += w;
      for (std::size_t j = 0; j < x.cols; ++j) mean(k, j) += w * static_cast<double>(x(i, j));
    }
    for (std::size_t k = 0; k < classes; ++k)
      for (std::size_t j = 0; j < x.cols; ++j) mean(k, j) /= total[k] > 0 ? total[k] : 1;
    return {mean};
  }
};
static_assert(limpid::classify::classifier<nearest_mean>);
//! [own_classifier]

/// A classifier that remembers: rows it was trained on get a different answer than rows it was not.
/// The first feature is the row number.
struct spy {
  struct model_type {
    std::vector<double> seen;
    bool converged = false;
    void probabilities(auto const&, limpid::matrix_view<double const> x,
                       limpid::matrix_view<double> out) const {
      for (std::size_t i = 0; i < x.rows; ++i) {
        bool const known = std::find(seen.begin(), seen.end(), x(i, 0)) != seen.end();
        for (std::size_t k = 0; k < out.cols; ++k) out(i, k) = k == (known ? 1u : 0u);
      }
    }
  };
  model_type fit(auto const&, limpid::matrix_view<double const> x,
                 limpid::vector_view<std::int32_t const> y, limpid::vector_view<double const> w,
                 std::size_t) const {
    model_type m;
    for (std::size_t i = 0; i < x.rows; ++i) {
      CHECK(y[i] >= 0);
      CHECK(x(i, 1) == y[i]);  // features and labels were gathered alike
      if (w.data) CHECK(w[i] == x(i, 2));
      m.seen.push_back(x(i, 0));
    }
    m.converged = x.rows % 2 == 0;
    return m;
  }
};

struct sample {
  matrix<double> x;
  std::vector<int> y;
  std::vector<double> w;
};
sample numbered(std::size_t n) {
  sample s{matrix<double>(n, 3), std::vector<int>(n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    s.y[i] = static_cast<int>(i % 3) - (i % 11 == 0 ? 3 : 0);  // some unlabelled
    s.w[i] = i % 13 == 0 ? 0.0 : 1.0 + static_cast<double>(i % 5);
    s.x(i, 0) = static_cast<double>(i);
    s.x(i, 1) = s.y[i];
    s.x(i, 2) = s.w[i];
  }
  return s;
}

template <class T>
sample blobs(std::size_t n, matrix<T>& x) {
  sample s{{}, std::vector<int>(n), std::vector<double>(n, 1)};
  x = matrix<T>(n, 3);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(3, 0, i);
    s.y[i] = static_cast<int>(draw.below(3));
    for (std::size_t j = 0; j < 3; ++j)
      x(i, j) = static_cast<T>(draw.uniform() + draw.uniform() +
                               (static_cast<int>(j) == s.y[i] ? 1.5 : 0));
  }
  return s;
}

TEST_CASE(
    "no row is predicted by a model that saw it; what is left out of training is predicted all the "
    "same") {
  auto const s = numbered(205);
  auto const r = out_of_fold(spy{}, s.x, s.y, 3, s.w, {.folds = 4, .seed = 2});
  REQUIRE(r.probabilities.rows() == 205);
  for (std::size_t i = 0; i < 205; ++i) CHECK(r.probabilities(i, 0) == 1);
  CHECK(r.folds_done == 4);
  for (std::size_t f = 0; f < 4; ++f) {
    std::size_t trained = 0;
    for (std::size_t i = 0; i < 205; ++i)
      trained += r.fold[i] != static_cast<int>(f) && s.y[i] >= 0 && s.w[i] > 0;
    CHECK(r.converged[f] == (trained % 2 == 0 ? 1 : 0));
  }
  // every prediction is class 0: accuracy is the weight of class 0
  double zero = 0, all = 0;
  for (std::size_t i = 0; i < 205; ++i)
    if (s.y[i] >= 0) {
      all += s.w[i];
      zero += s.y[i] == 0 ? s.w[i] : 0;
    }
  CHECK(r.accuracy == doctest::Approx(zero / all));
}

TEST_CASE("out_of_fold is what fitting on the rest of the rows by hand gives") {
  matrix<double> x;
  auto const s = blobs(300, x);
  softmax_regression const fit{.l2 = 1e-2, .tolerance = 1e-9};
  auto const r = out_of_fold(fit, x, s.y, 3, {.folds = 3, .seed = 1});
  for (int f = 0; f < 3; ++f) {
    std::vector<double> w(300);
    for (std::size_t i = 0; i < 300; ++i) w[i] = r.fold[i] != f;
    auto const p = fit.fit(x, s.y, w, 3).probabilities(x);
    for (std::size_t i = 0; i < 300; ++i)
      if (r.fold[i] == f)
        for (std::size_t k = 0; k < 3; ++k) CHECK(std::abs(r.probabilities(i, k) - p(i, k)) < 1e-7);
  }
  CHECK(r.converged == limpid::vector<std::uint8_t>{1, 1, 1});
  std::size_t hits = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < 3; ++k)
      if (r.probabilities(i, k) > r.probabilities(i, best)) best = k;
    hits += static_cast<int>(best) == s.y[i];
  }
  CHECK(r.accuracy == doctest::Approx(static_cast<double>(hits) / 300));
}

TEST_CASE("labels without meaning are not learnt: no row's own label leaks") {
  matrix<double> x(900, 40);
  std::vector<int> y(900);
  for (std::size_t i = 0; i < 900; ++i) {
    limpid::random_stream draw(5, 0, i);
    y[i] = static_cast<int>(draw.below(2));
    for (std::size_t j = 0; j < 40; ++j) x(i, j) = draw.uniform();
  }
  CHECK(std::abs(out_of_fold(softmax_regression{}, x, y, 2).accuracy - 0.5) < 0.06);
  CHECK(std::abs(out_of_fold(nearest_neighbours{}, x, y, 2).accuracy - 0.5) < 0.06);
}

TEST_CASE_TEMPLATE("any classifier, any policy, written into any matrix", T, float, double) {
  matrix<T> x;
  auto const s = blobs(700, x);
  //! [out_of_fold]
  auto const r = limpid::classify::out_of_fold(nearest_mean{}, x, s.y, 3, {.folds = 5, .seed = 1});
  // r.probabilities(i, k), r.fold[i], r.accuracy
  //! [out_of_fold]
  CHECK(r.accuracy > 0.85);
  CHECK(out_of_fold(softmax_regression{}, x, s.y, 3).accuracy > 0.85);
  CHECK(out_of_fold(nearest_neighbours{}, x, s.y, 3).accuracy > 0.85);

  softmax_regression const fit{.l2 = 1e-2, .tolerance = 1e-9};
  auto const wide = out_of_fold(fit, x, s.y, 3);
  auto const plain = out_of_fold(limpid::seq, fit, x, s.y, 3);
  for (std::size_t i = 0; i < 2100; ++i)
    CHECK(std::abs(wide.probabilities.data()[i] - plain.probabilities.data()[i]) < 1e-7);
  for (int threads : {1, 2, 3, 7}) {
    limpid::par_policy par;
    par.threads = threads;
    CHECK(out_of_fold(par, fit, x, s.y, 3).probabilities == wide.probabilities);
  }
  limpid_test::device_matrix<T> const far_x(std::as_const(x).view());
  limpid_test::device_vector<int> const far_y(limpid::vector_view<int const>(s.y.data(), 700));
  auto const far = out_of_fold(limpid_test::device, fit, far_x, far_y, 3);
  CHECK(far.probabilities == plain.probabilities);
  CHECK(far.accuracy == plain.accuracy);

  matrix<T> into(3, 700);  // column-major from outside
  auto const inside = out_of_fold(limpid::simd, fit, x, s.y, 3, s.w, {}, into.view().transposed());
  CHECK(inside.probabilities.empty());
  CHECK(static_cast<double>(into(1, 44)) ==
        doctest::Approx(wide.probabilities(44, 1)).epsilon(1e-6));
}

TEST_CASE("classes missing from a training part are flagged") {
  matrix<double> x;
  auto s = blobs(60, x);
  for (int& label : s.y) label = label == 2 ? 1 : label;
  s.y[10] = 2;  // one row of class 2
  auto const r = out_of_fold(softmax_regression{}, x, s.y, 4, {.folds = 3});
  for (std::size_t f = 0; f < 3; ++f) {
    CHECK(r.class_missing(f, 0) == 0);
    CHECK(r.class_missing(f, 2) == (r.fold[10] == static_cast<int>(f)));
    CHECK(r.class_missing(f, 3) == 1);  // nowhere
  }
  CHECK(r.probabilities(10, 2) < 1e-3);
  CHECK(out_of_fold(softmax_regression{}, x, std::vector<int>(60, 0), 1).accuracy == 1);
}

TEST_CASE("folds from outside, and stopping") {
  auto const s = numbered(60);
  std::vector<std::int32_t> own(60);
  for (std::size_t i = 0; i < 60; ++i) own[i] = i < 20 ? 0 : i < 30 ? 1 : 2;
  std::vector<double> told;
  auto const r = out_of_fold(
      spy{}, s.x, s.y, 3, {.folds = 3, .fold = {own.data(), 60}, .on_progress = [&](double done) {
                             told.push_back(done);
                             return told.size() < 2;
                           }});
  CHECK(std::equal(own.begin(), own.end(), r.fold.begin()));
  CHECK(r.stopped);
  CHECK(r.folds_done == 2);
  CHECK(told == std::vector<double>{1.0 / 3, 2.0 / 3});
  CHECK(r.probabilities(29, 0) == 1);
  CHECK(r.probabilities(30, 0) == 0);  // its fold was not done
  CHECK(r.probabilities(59, 1) == 0);
}

TEST_CASE("out_of_fold says what is wrong with its input") {
  using limpid::input_error;
  matrix<double> x;
  auto const s = blobs(20, x);
  nearest_mean const c{};
  CHECK_THROWS_WITH_AS((void)out_of_fold(c, x, std::vector<int>(19), 3),
                       "classify::out_of_fold: features has 20 rows, labels has 19", input_error);
  CHECK_THROWS_WITH_AS((void)out_of_fold(c, x, s.y, 3, std::vector<double>(3)),
                       "classify::out_of_fold: features has 20 rows, weights has 3", input_error);
  CHECK_THROWS_WITH_AS((void)out_of_fold(c, x, s.y, 3, {.folds = 21}),
                       "classify::out_of_fold: labels has 20 rows, fewer than 21 folds",
                       input_error);
  CHECK_NOTHROW((void)out_of_fold(c, x, s.y, 3, {.folds = 20}));
  CHECK_THROWS_WITH_AS((void)out_of_fold(c, x, s.y, 0),
                       "classify::out_of_fold: classes is 0; give the number of classes",
                       input_error);
  CHECK_THROWS_WITH_AS(
      (void)out_of_fold(c, x, std::vector<int>(20, 3), 3),
      "classify::out_of_fold: labels row 0 is 3; labels must be 0..2, or negative for unlabelled",
      input_error);
  std::vector<std::int32_t> own(20, 1);
  own[3] = 2;
  CHECK_THROWS_WITH_AS((void)out_of_fold(c, x, s.y, 3, {.folds = 2, .fold = {own.data(), 20}}),
                       "classify::out_of_fold: fold row 3 is 2; fold numbers must be 0..1",
                       input_error);
  own[3] = 1;
  CHECK_THROWS_WITH_AS(
      (void)out_of_fold(c, x, s.y, 3, {.folds = 2, .fold = {own.data(), 20}}),
      "classify::out_of_fold: fold 1 leaves no labelled row of positive weight to train on",
      input_error);
  own[3] = 0;
  CHECK_NOTHROW((void)out_of_fold(c, x, s.y, 3, {.folds = 2, .fold = {own.data(), 20}}));
  x(4, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS((void)out_of_fold(c, x, s.y, 3),
                       "classify::out_of_fold: features row 4 has an entry that is not finite",
                       input_error);
  x(4, 1) = 0;
  matrix<double> small(20, 2);
  CHECK_THROWS_WITH_AS((void)out_of_fold(limpid::simd, c, x, s.y, 3, s.w, {}, small),
                       "classify::out_of_fold: out is 20 x 2; it must be 20 x 3", input_error);
  CHECK_THROWS_AS((void)out_of_fold(c, matrix<double>(0, 2), std::vector<int>{}, 3), input_error);
}

}  // namespace
