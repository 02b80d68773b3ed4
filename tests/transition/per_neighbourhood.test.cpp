// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/per_neighbourhood.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::per_neighbourhood;
using limpid::transition::per_neighbourhood_options;
using limpid::transition::per_neighbourhood_result;
using limpid_test::gap;

/// Points on a line from 0 to 1; a label is wrong with probability x / 2.
struct line {
  matrix<double> x;
  std::vector<int> truth, y;
};
line make_line(std::size_t n, std::uint64_t seed) {
  line out{matrix<double>(n, 2), {}, {}};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    out.x(i, 0) = draw.uniform();
    out.x(i, 1) = 1;
    int const z = static_cast<int>(draw.below(2));
    out.truth.push_back(z);
    out.y.push_back(draw.uniform() < out.x(i, 0) / 2 ? 1 - z : z);
  }
  return out;
}

matrix<double> own(limpid::matrix_view<double const> v) {
  return limpid::to<matrix<double>>(v);
}

bool same(per_neighbourhood_result const& a, per_neighbourhood_result const& b) {
  return a.likelihood == b.likelihood && a.strength == b.strength &&
         a.transitions == b.transitions && a.global == b.global;
}

TEST_CASE("per_neighbourhood: a rate that grows along a line") {
  //! [call]
  auto const data = make_line(1500, 1);  // labels are wrong with probability x / 2

  auto const r = limpid::transition::per_neighbourhood(data.truth, data.x, data.y, 2,
                                                       {.neighbours = 150, .whole = {0, 1}});
  // r.likelihood(i, k) is P(given label of row i | true k) where row i is; r.transition(0) all of T
  // at row 0
  //! [call]
  double local = 0, global = 0;
  for (std::size_t i = 0; i < 1500; ++i) {
    auto const label = static_cast<std::size_t>(data.y[i]);
    for (std::size_t k = 0; k < 2; ++k) {
      double const rate = data.x(i, 0) / 2, truth = label == k ? 1 - rate : rate;
      local += std::abs(r.likelihood(i, k) - truth) / 3000;
      global += std::abs(r.global(k, label) - truth) / 3000;
    }
  }
  CHECK(local < 0.05);
  CHECK(global > 0.1);
  for (std::size_t w = 0; w < 2; ++w)
    for (std::size_t k = 0; k < 2; ++k)
      CHECK(r.transition(w)(k, static_cast<std::size_t>(data.y[w])) ==
            doctest::Approx(r.likelihood(w, k)).epsilon(1e-12));
  CHECK(r.strength[0] < 100);
}

// the definition, in loops of its own, and neighbours instead of features
TEST_CASE("per_neighbourhood: counts of the row and its nearest, drawn to the global T") {
  auto data = make_line(120, 2);
  data.truth[5] = -1;
  double const strength[] = {3, 8};
  auto const r = per_neighbourhood(data.truth, data.x, data.y, 2,
                                   {.local = {.strength = {3, 8}}, .neighbours = 12, .whole = {7}});
  matrix<std::uint32_t> index(120, 11);
  matrix<double> all(2, 2), likelihood(120, 2);
  for (std::size_t i = 0; i < 120; ++i)
    if (data.truth[i] >= 0)
      all(static_cast<std::size_t>(data.truth[i]), static_cast<std::size_t>(data.y[i])) += 1;
  for (std::size_t k = 0; k < 2; ++k) {
    double const total = all(k, 0) + all(k, 1);
    all(k, 0) /= total, all(k, 1) /= total;
  }
  CHECK(gap(r.global, all) < 1e-15);
  matrix<double> whole(2, 2);
  for (std::size_t i = 0; i < 120; ++i) {
    std::vector<std::pair<double, std::uint32_t>> near;
    for (std::size_t j = 0; j < 120; ++j)
      near.emplace_back(i == j ? -1 : std::abs(data.x(i, 0) - data.x(j, 0)),
                        static_cast<std::uint32_t>(j));
    std::sort(near.begin(), near.end());
    matrix<double> counts(2, 2);
    for (std::size_t c = 0; c < 12; ++c) {
      std::size_t const j = near[c].second;
      if (c) index(i, c - 1) = near[c].second;
      if (data.truth[j] >= 0)
        counts(static_cast<std::size_t>(data.truth[j]), static_cast<std::size_t>(data.y[j])) += 1;
    }
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t j = 0; j < 2; ++j) {
        double const total = counts(k, 0) + counts(k, 1);
        double const entry = (counts(k, j) + strength[k] * all(k, j)) / (total + strength[k]);
        if (static_cast<int>(j) == data.y[i]) likelihood(i, k) = entry;
        if (i == 7) whole(k, j) = entry;
      }
  }
  CHECK(gap(r.likelihood, likelihood) < 1e-14);
  CHECK(gap(own(r.transition(0)), whole) < 1e-14);
  CHECK(same(per_neighbourhood(data.truth, index, data.y, 2,
                               {.local = {.strength = {3, 8}}, .whole = {7}}),
             r));
  constexpr double inf = std::numeric_limits<double>::infinity();
  auto const flat =
      per_neighbourhood(data.truth, index, data.y, 2, {.local = {.strength = {inf, inf}}});
  for (std::size_t i = 0; i < 120; ++i)
    for (std::size_t k = 0; k < 2; ++k)
      CHECK(flat.likelihood(i, k) == r.global(k, static_cast<std::size_t>(data.y[i])));
}

TEST_CASE("per_neighbourhood: policies, an absent class, stopping") {
  auto const data = make_line(400, 3);
  std::size_t const n = 400;
  per_neighbourhood_options const options{.neighbours = 40, .whole = {3}};
  auto const r = per_neighbourhood(limpid::seq, data.truth, data.x, data.y, 2, options);
  CHECK(same(per_neighbourhood(data.truth, data.x, data.y, 2, options), r));
  for (int threads : {1, 3})
    CHECK(same(per_neighbourhood(limpid::par_policy{.threads = threads}, data.truth, data.x, data.y,
                                 2, options),
               r));
  limpid_test::device_matrix<double> const x(data.x.view());
  limpid_test::device_vector<int> const z(limpid::vector_view<int const>(data.truth.data(), n)),
      y(limpid::vector_view<int const>(data.y.data(), n));
  CHECK(same(per_neighbourhood(limpid_test::device, z, x, y, 2, options), r));
  auto const three = per_neighbourhood(data.truth, data.x, data.y, 3, options);
  CHECK(three.class_estimated == limpid::vector<std::uint8_t>{1, 1, 0});
  CHECK(three.likelihood(0, 2) == 0);
  auto const one = per_neighbourhood(std::vector<int>(n, 0), data.x, std::vector<int>(n, 0), 1);
  CHECK(one.likelihood == matrix<double>(n, 1, 1.0));
  auto stop = options;
  stop.on_progress = [](double) { return false; };
  CHECK(per_neighbourhood(data.truth, data.x, data.y, 2, stop).stopped);
}

TEST_CASE("per_neighbourhood: bad input") {
  matrix<double> const x{{1, 0}, {0, 1}, {1, 1}};
  std::vector<int> const z{0, 1, 1}, y{0, 1, 1};
  using limpid::input_error;
  CHECK_NOTHROW((void)per_neighbourhood(z, x, y, 2, {.neighbours = 3}));
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(z, x, y, 2, {.neighbours = 4}),
                       "transition::per_neighbourhood: options.neighbours is 4; need 2..3",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(z, x, y, 2, {.neighbours = 1}),
                       "transition::per_neighbourhood: options.neighbours is 1; need 2..3",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(z, matrix<double>{{1, NAN}, {0, 0}, {1, 1}}, y, 2),
                       "transition::per_neighbourhood: X row 0 has an entry that is not finite",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(std::vector{0}, x, y, 2, {.neighbours = 2}),
                       "transition::per_neighbourhood: X has 3 rows, truth has 1", input_error);
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(z, x, std::vector{0, 1, 2}, 2, {.neighbours = 2}),
                       "transition::per_neighbourhood: y row 2 is 2; labels must be 0..1",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(z, x, y, 2, {.neighbours = 2, .whole = {3}}),
                       "transition::per_neighbourhood: options.whole holds 3; there are 3 rows",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(z, x, y, 2, {.neighbours = 2, .centres = 0}),
                       "transition::per_neighbourhood: options.centres is 0; need at least 1",
                       input_error);
  using indices = matrix<int>;
  CHECK_NOTHROW((void)per_neighbourhood(z, indices{{1}, {0}, {0}}, y, 2));
  CHECK_THROWS_WITH_AS(
      (void)per_neighbourhood(z, indices{{1}, {3}, {0}}, y, 2),
      "transition::per_neighbourhood: neighbours row 1 has an entry that is no row number",
      input_error);
  CHECK_THROWS_WITH_AS((void)per_neighbourhood(z, indices{{1}, {1}, {0}}, y, 2),
                       "transition::per_neighbourhood: neighbours row 1 names the row itself",
                       input_error);
}

}  // namespace
