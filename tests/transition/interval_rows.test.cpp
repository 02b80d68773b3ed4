// SPDX-License-Identifier: BSL-1.0
// transition::interval by redrawing rows.
#include <limpid/transition/interval.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/count.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/transition/dual_t.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace {

using limpid::input_error;
using limpid::matrix;
using limpid::transition::bootstrap_rule;
using limpid::transition::interval;
using limpid::transition::interval_rows_options;
using limpid::transition::redraw;
using limpid_test::gap;

// The share of given labels j among rows whose arg max is k.
struct counted {
  template <class Exec, class P, class L>
  matrix<double> operator()(Exec const& exec, P const& p, L const& y) const {
    auto const best = limpid::ops::make_buffer<std::int32_t>(exec, p.rows);
    limpid::ops::arg_max_rows(exec, p, best.view());
    auto t = limpid::ops::count_pairs(
        exec, limpid::vector_view<std::int32_t const, Exec::space>(best.view()), y, p.cols, p.cols);
    for (std::size_t k = 0; k < p.cols; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < p.cols; ++j) sum += t(k, j);
      for (std::size_t j = 0; j < p.cols; ++j) t(k, j) = sum > 0 ? t(k, j) / sum : k == j;
    }
    return t;
  }
};
// One-hot P of the true class, labels drawn through T.
limpid_test::labelled_posteriors known_truth(std::size_t n, matrix<double> const& T,
                                             std::uint64_t seed) {
  limpid_test::labelled_posteriors out{matrix<double>(n, T.rows()), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    std::size_t const z = draw.below(T.rows());
    out.p(i, z) = 1;
    double u = draw.uniform();
    std::size_t j = 0;
    while (j + 1 < T.rows() && u >= T(z, j)) u -= T(z, j++);
    out.y[i] = static_cast<int>(j);
  }
  return out;
}

TEST_CASE("interval: an estimator on redrawn rows spreads as its counts do") {
  matrix<double> const T{{0.8, 0.2}, {0.3, 0.7}};
  auto const in = known_truth(600, T, 4);
  auto const& P = in.p;
  auto const& y = in.y;
  //! [rows]
  auto const estimator = [](auto const& exec, auto const& some_P, auto const& some_y) {
    return limpid::transition::dual_t(
               exec, some_P, some_y,
               {.anchors = {.rule = limpid::transition::anchor_rule::arg_max}})
        .transition;
  };
  auto const r = limpid::transition::interval(P, y, estimator, {.draws = 400, .seed = 1});
  // T lies in r.low to r.high, entry by entry; r.condition.low to r.condition.high holds cond T
  //! [rows]
  auto const c = interval(P, y, counted{}, {.draws = 400, .seed = 1});
  CHECK(gap(c.estimate, r.estimate) < 1e-12);  // one-hot P: the first factor is the identity
  CHECK(gap(c.low, r.low) < 1e-12);
  CHECK(c.draws == 400);
  CHECK(c.patched == 0);
  matrix<double> counts(2, 2);
  for (std::size_t i = 0; i < 600; ++i)
    counts(in.p(i, 1) > 0, static_cast<std::size_t>(in.y[i])) += 1;
  // conditional on how often each label occurs, a share moves less
  auto const fixed = interval(P, y, counted{}, {.from = redraw::within_labels, .draws = 400});
  for (std::size_t k = 0; k < 2; ++k) {
    double const a = counts(k, 0), b = counts(k, 1), t = a / (a + b);
    double const free = std::sqrt(t * (1 - t) / (a + b));
    CHECK(std::abs(c.deviation(k, 0) - free) < 0.1 * free);
    double const qa = a / (counts(0, 0) + counts(1, 0)), qb = b / (counts(0, 1) + counts(1, 1));
    double const held = free * std::sqrt((b * (1 - qa) + a * (1 - qb)) / (a + b));
    CHECK(held < 0.85 * free);
    CHECK(std::abs(fixed.deviation(k, 0) - held) < 0.1 * held);
    CHECK(std::abs(c.bias(k, 0)) < 0.3 * free);
    for (std::size_t j = 0; j < 2; ++j) CHECK((c.low(k, j) < T(k, j) && T(k, j) < c.high(k, j)));
  }
  auto const& e = c.estimate;
  double const det = std::abs(e(0, 0) * e(1, 1) - e(0, 1) * e(1, 0));
  CHECK(c.log_determinant.estimate == doctest::Approx(std::log(det)));
  CHECK(c.condition.estimate == doctest::Approx(limpid::ops::invert(e).condition));
  CHECK(c.condition.low < limpid::ops::invert(T).condition);
  CHECK(c.condition.high > limpid::ops::invert(T).condition);
  auto const again = interval(P, y, counted{}, {.draws = 400, .seed = 1});
  CHECK(again.low == c.low);
  CHECK(interval(P, y, counted{}, {.draws = 400, .seed = 2}).low != c.low);
  auto const mirror =
      interval(P, y, counted{}, {.rule = bootstrap_rule::basic, .draws = 400, .seed = 1});
  CHECK(mirror.low(0, 1) == doctest::Approx(2 * e(0, 1) - c.high(0, 1)));
  CHECK(mirror.high(0, 1) == doctest::Approx(2 * e(0, 1) - c.low(0, 1)));
}

// Efron and Tibshirani, An introduction to the bootstrap, Table 14.1 and section 14.3: spatial test
// data A, variance 171.5; z0 = 0.146, a = 0.061, levels 0.110 and 0.985 of a 90 % interval
TEST_CASE("interval: BCa's published example") {
  std::vector<double> const a{48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6,
                              0,  33, 28, 34, 4,  32, 24, 47, 41, 24, 26, 30, 41};
  auto const variance = [&](std::size_t but) {
    double mean = 0, square = 0, n = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (i != but) mean += a[i], n += 1;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (i != but) square += (a[i] - mean / n) * (a[i] - mean / n);
    return square / n;
  };
  CHECK(std::abs(variance(99) - 171.5) < 0.05);
  std::vector<double> out;
  for (std::size_t i = 0; i < a.size(); ++i) out.push_back(variance(i));
  auto const [low, high] = limpid::transition::detail::bca_levels(0.558, 2000, out, 0.9);
  CHECK(std::abs(low - 0.110) < 1e-3);
  CHECK(std::abs(high - 0.985) < 1e-3);

  // the whole way, on the same data as labels' rows: the book's BCa interval is 115.8 to 259.6
  struct sample_variance {
    std::vector<double> const& values;
    matrix<double> operator()(limpid::simd_policy const&,
                              limpid::vector_view<std::uint64_t const> rows) const {
      double mean = 0, square = 0;
      for (std::size_t r = 0; r < rows.size; ++r)
        mean += values[rows[r]] / static_cast<double>(rows.size);
      for (std::size_t r = 0; r < rows.size; ++r)
        square += (values[rows[r]] - mean) * (values[rows[r]] - mean);
      return matrix<double>{{square / static_cast<double>(rows.size)}};
    }
  };
  std::vector<int> const one(a.size());
  auto const r = interval(one, 1, sample_variance{a},
                          {.level = 0.9, .rule = bootstrap_rule::bca, .draws = 2000});
  CHECK(r.estimate(0, 0) == doctest::Approx(variance(99)));
  CHECK(std::abs(r.low(0, 0) - 115.8) < 4);
  CHECK(std::abs(r.high(0, 0) - 259.6) < 12);
  auto const plain = interval(one, 1, sample_variance{a}, {.level = 0.9, .draws = 2000});
  CHECK(std::abs(plain.low(0, 0) - 100.8) < 6);  // and its percentile interval
  CHECK(std::abs(plain.high(0, 0) - 233.9) < 6);
}

TEST_CASE("interval: a label that a redrawing misses gets a row") {
  auto in = known_truth(60, matrix<double>{{0.9, 0.1, 0}, {0, 1, 0}, {0, 0, 1}}, 2);
  for (std::size_t i = 0; i < 60; ++i)
    if (in.y[i] == 2) in.y[i] = 1;
  in.y[7] = 2;  // once
  struct all_there {
    matrix<double> operator()(limpid::simd_policy const&, limpid::matrix_view<double const> p,
                              limpid::vector_view<std::int32_t const> y) const {
      matrix<double> seen(1, 3);
      for (std::size_t i = 0; i < y.size; ++i) seen(0, static_cast<std::size_t>(y[i])) += 1;
      return matrix<double>{{static_cast<double>(y.size), static_cast<double>(p.rows),
                             std::min({seen(0, 0), seen(0, 1), seen(0, 2)})}};
    }
  };
  auto const r = interval(in.p, in.y, all_there{}, {.draws = 100});
  CHECK(r.low(0, 0) == 60);
  CHECK(r.low(0, 2) == 1);
  CHECK(r.patched > 15);  // chance misses it in exp(-1) of the draws
  CHECK(r.patched < 60);
  CHECK(interval(in.p, in.y, all_there{}, {.from = redraw::within_labels, .draws = 9}).patched ==
        0);
}

TEST_CASE("interval: stopped, one row, estimates that are no numbers") {
  auto const in = known_truth(50, matrix<double>{{0.8, 0.2}, {0.3, 0.7}}, 3);
  interval_rows_options stop{.draws = 100};
  stop.on_progress = [](double done) { return done < 0.2; };
  auto const r = interval(in.p, in.y, counted{}, stop);
  CHECK(r.stopped);
  CHECK(r.draws == 20);
  CHECK(r.low(0, 0) < r.high(0, 0));
  stop.on_progress = [](double) { return false; };
  CHECK(std::isnan(interval(in.p, in.y, counted{}, stop).low(0, 0)));
  auto const one = interval(matrix<double>{{1.0}}, std::vector{0}, counted{},
                            {.rule = bootstrap_rule::bca, .draws = 3});
  CHECK(one.low(0, 0) == 1);
  CHECK(one.high(0, 0) == 1);
  struct sometimes {
    matrix<double> operator()(limpid::simd_policy const&, limpid::matrix_view<double const>,
                              limpid::vector_view<std::int32_t const> y) const {
      return matrix<double>{{y[0] == 0 ? NAN : 3.0, 1.0}};
    }
  };
  auto const s = interval(in.p, in.y, sometimes{}, {.draws = 40});
  CHECK(s.low(0, 0) == 3);
  CHECK(s.high(0, 0) == 3);
}

TEST_CASE("interval: rows under every policy and type") {
  std::size_t const n = limpid::ops::detail::row_tile + 9;
  auto const in = known_truth(n, matrix<double>{{0.8, 0.1, 0.1}, {0.1, 0.9, 0}, {0, 0.4, 0.6}}, 6);
  interval_rows_options const few{.rule = bootstrap_rule::bca, .draws = 6, .parts = 5};
  auto const r = interval(limpid::seq, in.p, in.y, counted{}, few);
  CHECK(interval(in.p, in.y, counted{}, few).low == r.low);
  for (int threads : {1, 3})
    CHECK(interval(limpid::par_policy{.threads = threads}, in.p, in.y, counted{}, few).low ==
          r.low);
  limpid_test::device_matrix<double> const p(in.p.view());
  limpid_test::device_vector<int> const y(limpid::vector_view<int const>(in.y.data(), n));
  CHECK(interval(limpid_test::device, p, y, counted{}, few).low == r.low);
  limpid_test::strided const padded(in.p);
  CHECK(interval(padded.window, in.y, counted{}, few).high == r.high);
}

TEST_CASE("interval: bad rows") {
  matrix<double> const p{{1, 0}, {0, 1}};
  std::vector<int> const y{0, 1};
  CHECK_THROWS_WITH_AS((void)interval(matrix<double>(0, 2), std::vector<int>{}, counted{}),
                       "transition::interval: P is 0 x 2; need at least one row and one class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)interval(p, std::vector{0}, counted{}),
                       "transition::interval: P has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)interval(p, std::vector{0, 2}, counted{}),
                       "transition::interval: y row 1 is 2; labels must be 0..1", input_error);
  CHECK_THROWS_WITH_AS((void)interval(matrix<double>{{1, 1}, {0, 1}}, y, counted{}),
                       "transition::interval: P row 0 sums to 2; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)interval(p, y, counted{}, {.draws = 1}),
                       "transition::interval: options.draws is 1; need at least 2, and less than "
                       "2^32 - 2",
                       input_error);
  CHECK_THROWS_WITH_AS((void)interval(p, y, counted{}, {.parts = 1}),
                       "transition::interval: options.parts is 1; need at least 2", input_error);
  struct growing {
    matrix<double> operator()(limpid::simd_policy const&, limpid::matrix_view<double const>,
                              limpid::vector_view<std::int32_t const> some) const {
      return matrix<double>(1, static_cast<std::size_t>(1 + some[0]));
    }
  };
  CHECK_THROWS_WITH_AS(
      (void)interval(p, std::vector{0, 1}, growing{}, {.from = redraw::rows, .draws = 20}),
      doctest::Contains("its extents must not depend on the rows"), input_error);
  CHECK_NOTHROW((void)interval(p, y, counted{}, {.draws = 2, .parts = 2}));
}

}  // namespace
