// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/per_cluster.hpp>

#include <doctest/doctest.h>

#include <limpid/core/random.hpp>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::per_cluster;
using limpid::transition::per_cluster_options;
using limpid::transition::per_cluster_result;
using limpid_test::gap;
constexpr double inf = std::numeric_limits<double>::infinity();

struct rows {
  std::vector<int> truth, cluster, y;
};

/// Cluster c keeps a label with probability keep[c], else it is the next class's.
rows make_rows(std::size_t n, std::vector<double> const& keep, std::size_t classes,
               std::uint64_t seed) {
  rows out;
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    auto const c = static_cast<std::size_t>(draw.below(keep.size()));
    auto const z = static_cast<std::size_t>(draw.below(classes));
    out.truth.push_back(static_cast<int>(z));
    out.cluster.push_back(static_cast<int>(c));
    out.y.push_back(static_cast<int>(draw.uniform() < keep[c] ? z : (z + 1) % classes));
  }
  return out;
}

matrix<double> own(limpid::matrix_view<double const> v) {
  return limpid::to<matrix<double>>(v);
}

bool same(per_cluster_result const& a, per_cluster_result const& b) {
  return a.transitions == b.transitions && a.strength == b.strength && a.counts == b.counts;
}

TEST_CASE("per_cluster: clusters that differ keep their own T, equal ones share it") {
  //! [call]
  auto const differ = make_rows(4000, {0.95, 0.6}, 2, 1);  // rates .05 and .4
  auto const equal = make_rows(4000, {0.8, 0.8, 0.8, 0.8}, 2, 1);
  auto const a = limpid::transition::per_cluster(differ.truth, differ.cluster, differ.y, 2, 2);
  auto const b = limpid::transition::per_cluster(equal.truth, equal.cluster, equal.y, 2, 4);
  // a.transition(0) is near {{.95, .05}, {.05, .95}}; b's are all nearly b.global
  //! [call]
  CHECK(gap(own(a.transition(0)), matrix<double>{{0.95, 0.05}, {0.05, 0.95}}) < 0.03);
  CHECK(gap(own(a.transition(1)), matrix<double>{{0.6, 0.4}, {0.4, 0.6}}) < 0.05);
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(a.strength[k] < 50);
    CHECK(b.strength[k] > 200);
  }
  double own_error = 0, shrunk_error = 0;  // shrinking pays
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t k = 0; k < 2; ++k) {
      double const total = b.counts(2 * c + k, 0) + b.counts(2 * c + k, 1);
      own_error += std::abs(b.counts(2 * c + k, k) / total - 0.8);
      shrunk_error += std::abs(b.transition(c)(k, k) - 0.8);
    }
  CHECK(shrunk_error < 0.7 * own_error);
}

TEST_CASE("per_cluster: by hand") {
  std::vector<int> const truth{0, 0, 0, 1, 1, 0}, cluster{0, 0, 1, 1, -1, 1}, y{0, 1, 0, 1, 0, 0};
  // cluster 0: class 0 has labels 0, 1. cluster 1: class 0 has 0, 0; class 1 has 1
  auto const r = per_cluster(truth, cluster, y, 2, 2, {.strength = {4, 1}});
  CHECK(r.counts == matrix<double>{{1, 1}, {0, 0}, {2, 0}, {0, 1}});
  CHECK(r.global == matrix<double>{{0.75, 0.25}, {0, 1}});
  CHECK(gap(own(r.transition(0)), matrix<double>{{4. / 6, 2. / 6}, {0, 1}}) < 1e-15);
  CHECK(gap(own(r.transition(1)), matrix<double>{{5. / 6, 1. / 6}, {0, 1}}) < 1e-15);
  CHECK(r.rows == limpid::vector<double>{2, 3});
  CHECK(r.class_seen == matrix<std::uint8_t>{{1, 0}, {1, 1}});
  CHECK(own(per_cluster(truth, cluster, y, 2, 2, {.strength = {inf, inf}}).transition(0)) ==
        r.global);
  auto const raw = per_cluster(truth, cluster, y, 2, 2, {.strength = {0, 0}});
  CHECK(own(raw.transition(0)) == matrix<double>{{0.5, 0.5}, {0, 1}});
  auto const given = per_cluster(truth, cluster, y, 2, 2,
                                 {.global = {{0.5, 0.5}, {0.25, 0.75}}, .strength = {2, 3}});
  CHECK(gap(own(given.transition(1)), matrix<double>{{0.75, 0.25}, {0.1875, 0.8125}}) < 1e-15);
  // one cluster: the global T, whatever the strength
  auto const one = per_cluster(truth, std::vector(6, 0), y, 2, 1, {.strength = {7, 7}});
  CHECK(gap(own(one.transition(0)), one.global) < 1e-15);
  // posteriors that are sure count as classes
  matrix<double> sure(6, 2);
  for (std::size_t i = 0; i < 6; ++i) sure(i, static_cast<std::size_t>(truth[i])) = 1;
  CHECK(same(per_cluster(sure, cluster, y, 2, 2), per_cluster(truth, cluster, y, 2, 2)));
  matrix<double> half(6, 2, 0.5);
  CHECK(per_cluster(half, cluster, y, 2, 2).counts ==
        matrix<double>{{0.5, 0.5}, {0.5, 0.5}, {1, 0.5}, {1, 0.5}});
}

// the evidence by its definition: a product of rising factorials
TEST_CASE("per_cluster: the strength is where the evidence is largest") {
  using limpid::transition::detail::best_strength;
  using limpid::transition::detail::log_dirichlet_multinomial;
  double const counts[] = {3, 1, 2}, centre[] = {0.5, 0.2, 0.3};
  double product = 1;
  for (int j = 0; j < 3; ++j)
    for (int n = 0; n < static_cast<int>(counts[j]); ++n) product *= 7 * centre[j] + n;
  for (int n = 0; n < 6; ++n) product /= 7 + n;
  CHECK(log_dirichlet_multinomial(counts, centre, 3, 7) ==
        doctest::Approx(std::log(product)).epsilon(1e-12));
  CHECK(log_dirichlet_multinomial(counts, centre, 3, 1e9) ==
        doctest::Approx(log_dirichlet_multinomial(counts, centre, 3, inf)).epsilon(1e-6));
  double const impossible[] = {1, 0, 0};
  CHECK(log_dirichlet_multinomial(counts, impossible, 3, 7) == -inf);

  double const two[] = {40, 10, 25, 25, 45, 5}, middle[] = {0.7, 0.3};
  double const best = best_strength(two, 3, 2, middle, 2);
  auto const evidence = [&](double s) {
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) sum += log_dirichlet_multinomial(two + 2 * c, middle, 2, s);
    return sum;
  };
  for (double s = 0.5; s < 3000; s *= 1.05) CHECK(evidence(best) >= evidence(s) - 1e-9);
  double const alike[] = {70, 30, 70, 30};
  CHECK(best_strength(alike, 2, 2, middle, 2) == inf);
}

TEST_CASE("per_cluster: policies, absent classes") {
  auto const d = make_rows(2100, {0.9, 0.7, 0.8}, 3, 3);
  auto const r = per_cluster(d.truth, d.cluster, d.y, 3, 3);
  CHECK(same(per_cluster(limpid::seq, d.truth, d.cluster, d.y, 3, 3), r));
  for (int threads : {1, 3})
    CHECK(same(per_cluster(limpid::par_policy{.threads = threads}, d.truth, d.cluster, d.y, 3, 3),
               r));
  auto const on_device = [&](std::vector<int> const& v) {
    return limpid_test::device_vector<int>(limpid::vector_view<int const>(v.data(), v.size()));
  };
  auto const z = on_device(d.truth), c = on_device(d.cluster), y = on_device(d.y);
  CHECK(same(per_cluster(limpid_test::device, z, c, y, 3, 3), r));
  auto const more = per_cluster(d.truth, d.cluster, d.y, 4, 5);  // class 3, clusters 3 and 4 empty
  CHECK(more.class_estimated == limpid::vector<std::uint8_t>{1, 1, 1, 0});
  CHECK(own(more.transition(4)) == more.global);
  CHECK(more.global(3, 3) == 1);
  CHECK(more.rows[3] == 0);
  CHECK(own(per_cluster(std::vector<int>{}, std::vector<int>{}, std::vector<int>{}, 1, 1)
                .transition(0)) == matrix<double>{{1}});
}

TEST_CASE("per_cluster: bad input") {
  std::vector<int> const z{0, 1}, c{0, 1}, y{1, 0};
  using limpid::input_error;
  CHECK_THROWS_WITH_AS((void)per_cluster(z, c, y, 0, 2),
                       "transition::per_cluster: classes is 0; need at least 1", input_error);
  CHECK_THROWS_WITH_AS(
      (void)per_cluster(z, c, y, 2, 0),
      "transition::per_cluster: clusters is 0; need at least 1, and fewer than 2^31 "
      "classes times clusters",
      input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(z, std::vector{0}, y, 2, 2),
                       "transition::per_cluster: truth has 2 rows, cluster has 1", input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(z, c, std::vector{0}, 2, 2),
                       "transition::per_cluster: truth has 2 rows, y has 1", input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(z, std::vector{0, 2}, y, 2, 2),
                       "transition::per_cluster: cluster row 1 is 2; labels must be 0..1, or "
                       "negative for unlabelled",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(matrix<double>(2, 3), c, y, 2, 2),
                       "transition::per_cluster: truth has 3 columns; need 2, one per class",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(matrix<double>{{1, 0}, {1, 1}}, c, y, 2, 2),
                       "transition::per_cluster: truth row 1 sums to 2; rows must be probability "
                       "distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(z, c, y, 2, 2, {.strength = {1}}),
                       "transition::per_cluster: options.strength has 1 entries; need 2, or none",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(z, c, y, 2, 2, {.strength = {1, -1}}),
                       "transition::per_cluster: options.strength holds -1; need at least 0",
                       input_error);
  CHECK_NOTHROW((void)per_cluster(z, c, y, 2, 2, {.strength = {1, 0}}));
  CHECK_THROWS_WITH_AS((void)per_cluster(z, c, y, 2, 2, {.global = {{1}}}),
                       "transition::per_cluster: options.global is 1 x 1; need 2 x 2", input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(z, c, y, 2, 2, {.global = {{1, 0}, {0.5, 0.4}}}),
                       "transition::per_cluster: options.global row 1 sums to 0.9; rows must be "
                       "probability distributions (tolerance 1e-3)",
                       input_error);
  CHECK_THROWS_WITH_AS((void)per_cluster(z, c, y, 2, 2, {.global = {{1, 0}, {1.5, -0.5}}}),
                       "transition::per_cluster: options.global row 1 has the entry 1.5; need "
                       "probabilities",
                       input_error);
}

}  // namespace
