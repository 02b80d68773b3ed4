// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/part_dependent.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::part_dependent;
using limpid::transition::part_dependent_options;
using limpid::transition::part_dependent_result;
using limpid_test::gap;

/// Rows of two parts, nearly pure ones among them; class z; T(x) = mix of two matrices.
struct parts_data {
  matrix<double> f, p, mix;
};
matrix<double> const part_T[] = {{{0.9, 0.1}, {0.2, 0.8}}, {{0.6, 0.4}, {0.4, 0.6}}};
parts_data make_parts(std::size_t n, std::uint64_t seed) {
  parts_data out{matrix<double>(n, 4), matrix<double>(n, 2), matrix<double>(n, 2)};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    double const a = draw.uniform(), q = draw.uniform();
    out.mix(i, 0) = a, out.mix(i, 1) = 1 - a;
    double const scale = 1;
    out.f(i, 0) = scale * a, out.f(i, 1) = scale * a * 0.5;
    out.f(i, 2) = scale * (1 - a), out.f(i, 3) = scale * (1 - a) * 2;
    for (std::size_t j = 0; j < 2; ++j)
      for (std::size_t v = 0; v < 2; ++v)
        out.p(i, j) += out.mix(i, v) * (q * part_T[v](0, j) + (1 - q) * part_T[v](1, j));
  }
  return out;
}

bool same(part_dependent_result const& a, part_dependent_result const& b) {
  return a.basis == b.basis && a.weights == b.weights && a.parts == b.parts &&
         a.anchors == b.anchors;
}

TEST_CASE("part_dependent: one part is the anchors' T, everywhere") {
  //! [call]
  auto const data = make_parts(400, 1);

  auto const r = limpid::transition::part_dependent(data.f, data.p, {.parts = 3});
  limpid::matrix<double> const T = r.at(0);  // of row 0: r.weights(0, .) mixes r.basis
  //! [call]
  for (std::size_t k = 0; k < 2; ++k) CHECK(T(k, 0) + T(k, 1) == doctest::Approx(1));
  auto const one = part_dependent(data.f, data.p, {.parts = 1});
  auto const anchors = limpid::transition::anchor_points(data.p);
  CHECK(gap(one.at(7), anchors.transition) < 1e-12);
  CHECK(gap(one.basis, anchors.transition) < 1e-12);
  CHECK(one.weights == matrix<double>(400, 1, 1.0));
  CHECK(one.converged);
  CHECK(one.residual[0] < 1e-12);
}

// the definition of the objective, at the answer and away from it
TEST_CASE("part_dependent: the basis minimises its objective; weights are a factorisation") {
  auto const data = make_parts(300, 2);
  part_dependent_options const options{.parts = 3, .factor_rounds = 100, .ridge = 1e-3};
  auto const r = part_dependent(data.f, data.p, options);
  CHECK(r.converged);
  CHECK(r.factor_error < 0.05);  // two parts fit in three
  for (std::size_t i = 0; i < 300; ++i) {
    double sum = 0;
    for (std::size_t v = 0; v < 3; ++v) sum += r.weights(i, v);
    CHECK(sum == doctest::Approx(1));
  }
  auto const objective = [&](matrix<double> const& basis, std::size_t k) {
    double total = 0;
    for (std::size_t j = 0; j < 2; ++j) {
      double centre = 0;
      for (std::size_t q = 0; q < 3; ++q) centre += data.p(r.anchors(q, k), j) / 3;
      for (std::size_t q = 0; q < 3; ++q) {
        double gap_here = -data.p(r.anchors(q, k), j);
        for (std::size_t v = 0; v < 3; ++v)
          gap_here += r.weights(r.anchors(q, k), v) * basis(v * 2 + k, j);
        total += gap_here * gap_here +
                 options.ridge * (basis(q * 2 + k, j) - centre) * (basis(q * 2 + k, j) - centre);
      }
    }
    return total;
  };
  for (std::size_t k = 0; k < 2; ++k) {
    double const least = objective(r.basis, k);
    for (std::size_t v = 0; v < 3; ++v)
      for (double step : {-1e-3, 1e-3}) {
        auto moved = r.basis;
        double const room = step > 0 ? moved(v * 2 + k, 1) : moved(v * 2 + k, 0);
        double const by = std::abs(step) < room ? step : (step > 0 ? room : -room);
        moved(v * 2 + k, 0) += by;
        moved(v * 2 + k, 1) -= by;
        CHECK(objective(moved, k) >= least - 1e-12);
      }
  }
}

TEST_CASE("part_dependent: T follows the parts") {
  auto const data = make_parts(900, 3);
  auto const r = part_dependent(data.f, data.p, {.parts = 2, .factor_rounds = 100});
  // more of part 1 is more noise
  double low = 0, high = 0;
  std::size_t few = 0, many = 0;
  for (std::size_t i = 0; i < 900; ++i) {
    auto const T = r.at(i);
    if (data.mix(i, 0) > 0.9) low += T(0, 1), ++few;
    if (data.mix(i, 0) < 0.1) high += T(0, 1), ++many;
  }
  CHECK(low / static_cast<double>(few) < high / static_cast<double>(many));
}

TEST_CASE("part_dependent: projection on the simplex") {
  double inside[] = {0.2, 0.3, 0.5}, outside[] = {1.2, 0.2, -3}, one[] = {-4};
  limpid::transition::detail::project_simplex(inside, 3);
  CHECK(inside[1] == doctest::Approx(0.3));
  limpid::transition::detail::project_simplex(outside, 3);
  CHECK(outside[0] == 1);
  CHECK(outside[1] < 1e-15);
  CHECK(outside[2] == 0);
  limpid::transition::detail::project_simplex(one, 1);
  CHECK(one[0] == 1);
  double spread[] = {0.7, 0.7, 0};
  limpid::transition::detail::project_simplex(spread, 3);
  CHECK(spread[0] == doctest::Approx(0.5));
  CHECK(spread[2] == 0);
}

TEST_CASE("part_dependent: policies, rows without parts, one class, stopping") {
  auto data = make_parts(300, 4);
  for (std::size_t c = 0; c < 4; ++c) data.f(11, c) = 0;
  part_dependent_options const options{.parts = 2, .factor_rounds = 5, .seed = 3};
  auto const r = part_dependent(limpid::seq, data.f, data.p, options);
  CHECK(same(part_dependent(data.f, data.p, options), r));
  for (int threads : {1, 3})
    CHECK(same(part_dependent(limpid::par_policy{.threads = threads}, data.f, data.p, options), r));
  limpid_test::device_matrix<double> const f(data.f.view()), p(data.p.view());
  CHECK(same(part_dependent(limpid_test::device, f, p, options), r));
  auto other = options;
  other.seed = 4;
  CHECK_FALSE(same(part_dependent(data.f, data.p, other), r));
  CHECK(gap(part_dependent(limpid_test::to_float(data.f), limpid_test::to_float(data.p), options)
                .weights,
            r.weights) < 1e-4);
  for (std::size_t v = 0; v < 2; ++v) CHECK(r.weights(11, v) == 0);
  auto const nowhere = r.at(11);
  for (std::size_t k = 0; k < 2; ++k)
    CHECK(nowhere(k, 0) == doctest::Approx((r.basis(k, 0) + r.basis(2 + k, 0)) / 2));
  CHECK(part_dependent(data.f, matrix<double>(300, 1, 1.0), options).at(0) == matrix<double>{{1}});
  auto const single = part_dependent(matrix<double>{{1, 2}}, matrix<double>{{0.5, 0.5}}, options);
  CHECK(single.distinct_anchors[0] == 1);
  auto stop = options;
  stop.on_progress = [](double f_done) { return f_done < 0.3; };
  auto const stopped = part_dependent(data.f, data.p, stop);
  CHECK(stopped.stopped);
  CHECK_FALSE(stopped.converged);
  CHECK(stopped.at(0)(0, 0) + stopped.at(0)(0, 1) == doctest::Approx(1));
}

TEST_CASE("part_dependent: bad input") {
  matrix<double> const F{{1, 2}, {3, 0}}, P{{0.9, 0.1}, {0.7, 0.3}};
  using limpid::input_error;
  CHECK_NOTHROW((void)part_dependent(F, P));
  CHECK_THROWS_WITH_AS(
      (void)part_dependent(matrix<double>(0, 2), P),
      "transition::part_dependent: F is 0 x 2; need at least one row and one column", input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, matrix<double>{{0.9, 0.1}}),
                       "transition::part_dependent: F has 2 rows, P has 1", input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(matrix<double>{{1, 2}, {3, -1}}, P),
                       "transition::part_dependent: F row 1 has a negative entry; parts add up, "
                       "they do not cancel",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(matrix<double>{{1, NAN}, {3, 1}}, P),
                       "transition::part_dependent: F row 0 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, matrix<double>{{0.9, 0.1}, {0.7, 0.7}}),
                       "transition::part_dependent: P row 1 sums to 1.4; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, P, {.parts = 0}),
                       "transition::part_dependent: options.parts is 0; need 1..10000",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, P, {.factor_rounds = 0}),
                       "transition::part_dependent: options.factor_rounds is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, P, {.first_quantile = 0}),
                       "transition::part_dependent: options.first_quantile is 0; need (0, 1]",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, P, {.last_quantile = 1.1}),
                       "transition::part_dependent: options.last_quantile is 1.1; need (0, 1]",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, P, {.ridge = 0}),
                       "transition::part_dependent: options.ridge is 0; need (0, 1e15)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, P, {.max_iterations = 0}),
                       "transition::part_dependent: options.max_iterations is 0; need at least 1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)part_dependent(F, P, {.tolerance = 0}),
                       "transition::part_dependent: options.tolerance is 0; need more than 0",
                       input_error);
}

}  // namespace
