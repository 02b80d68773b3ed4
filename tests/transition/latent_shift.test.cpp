// SPDX-License-Identifier: BSL-1.0
#include <limpid/transition/latent_shift.hpp>

#include <doctest/doctest.h>

#include "support/emulated_device.hpp"
#include "transition/helpers.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using limpid::matrix;
using limpid::transition::latent_shift;
using limpid_test::gap;

/// Classes in domains; a sample is one of `kinds`, each with its own P(class); kind k < C is of
/// class k alone.
struct world {
  matrix<double> share;  // domains x classes
  matrix<double> q, posterior;
  std::vector<std::int32_t> domain, truth;
};
world make(std::size_t n, unsigned seed) {
  world w{matrix<double>{{0.7, 0.2, 0.1}, {0.1, 0.6, 0.3}, {0.2, 0.1, 0.7}, {0.4, 0.4, 0.2}},
          matrix<double>(n, 4), matrix<double>(n, 3), std::vector<std::int32_t>(n),
          std::vector<std::int32_t>(n)};
  // P(kind | class): three anchors and two kinds that classes share
  double const kind_of[3][5] = {
      {0.6, 0, 0, 0.3, 0.1}, {0, 0.5, 0, 0.4, 0.1}, {0, 0, 0.7, 0.1, 0.2}};
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> u;
  auto const draw = [&](auto const& weight, std::size_t size) {
    double at = u(rng);
    std::size_t k = 0;
    while (k + 1 < size && at >= weight(k)) at -= weight(k++);
    return k;
  };
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t const d = i % 4, y = draw([&](std::size_t k) { return w.share(d, k); }, 3);
    std::size_t const kind = draw([&](std::size_t k) { return kind_of[y][k]; }, 5);
    w.domain[i] = static_cast<std::int32_t>(d);
    w.truth[i] = static_cast<std::int32_t>(y);
    double all = 0, here = 0;
    for (std::size_t e = 0; e < 4; ++e) {
      for (std::size_t k = 0; k < 3; ++k) w.q(i, e) += w.share(e, k) * kind_of[k][kind];
      all += w.q(i, e);
    }
    for (std::size_t e = 0; e < 4; ++e) w.q(i, e) /= all;
    for (std::size_t k = 0; k < 3; ++k)
      here += w.posterior(i, k) = w.share(d, k) * kind_of[k][kind];
    for (std::size_t k = 0; k < 3; ++k) w.posterior(i, k) /= here;
  }
  return w;
}

/// The found class for each true one: the largest agreement of class_given_domain.
std::vector<std::size_t> names(matrix<double> const& found, matrix<double> const& share) {
  std::vector<std::size_t> best, order{0, 1, 2};
  double least = INFINITY;
  do {
    double sum = 0;
    for (std::size_t d = 0; d < share.rows(); ++d)
      for (std::size_t k = 0; k < 3; ++k) sum += std::abs(found(d, order[k]) - share(d, k));
    if (sum < least) least = sum, best = order;
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}
double error(matrix<double> const& found, matrix<double> const& want,
             std::vector<std::size_t> const& name) {
  double worst = 0;
  for (std::size_t i = 0; i < want.rows(); ++i)
    for (std::size_t k = 0; k < 3; ++k)
      worst = (std::max)(worst, std::abs(found(i, name[k]) - want(i, k)));
  return worst;
}

TEST_CASE("latent_shift: classes and their shares without a label") {
  auto const w = make(8000, 1);
  //! [call]
  auto const r = limpid::transition::latent_shift(w.q, w.domain, 3, {.cells = 5});
  // r.class_given_domain: shares of the classes in each domain; r.posterior: P(class | x, domain)
  //! [call]
  auto const name = names(r.class_given_domain, w.share);
  CHECK(r.converged);
  CHECK(error(r.class_given_domain, w.share, name) < 0.05);
  CHECK(error(r.posterior, w.posterior, name) < 0.12);
  CHECK(r.condition < 20);
  CHECK(r.divergence >= 0);
  for (std::size_t d = 0; d < 4; ++d)
    CHECK(r.class_given_domain(d, 0) + r.class_given_domain(d, 1) + r.class_given_domain(d, 2) ==
          doctest::Approx(1));
  for (std::size_t i = 0; i < 8000; i += 997) {
    CHECK(r.posterior(i, 0) + r.posterior(i, 1) + r.posterior(i, 2) == doctest::Approx(1));
    for (std::size_t k = 0; k < 3; ++k) CHECK(r.posterior(i, k) >= 0);
  }
  // the refinement only gains
  auto const raw = latent_shift(w.q, w.domain, 3, {.cells = 5, .refine_iterations = 0});
  CHECK(raw.divergence >= r.divergence);
  CHECK(raw.iterations == 0);
  CHECK(error(raw.class_given_domain, w.share, names(raw.class_given_domain, w.share)) < 0.08);
}

TEST_CASE("latent_shift: exact shares of the cells give everything back exactly") {
  // ten rows per domain in exact proportion; P(domain | x) is that of the class
  matrix<double> const share{{0.7, 0.2, 0.1}, {0.1, 0.6, 0.3}, {0.2, 0.2, 0.6}};
  std::vector<std::int32_t> domain, truth;
  for (std::size_t d = 0; d < 3; ++d)
    for (std::size_t k = 0; k < 3; ++k)
      for (int c = 0; c < static_cast<int>(std::lround(10 * share(d, k))); ++c)
        domain.push_back(static_cast<std::int32_t>(d)),
            truth.push_back(static_cast<std::int32_t>(k));
  matrix<double> q(domain.size(), 3);
  for (std::size_t i = 0; i < domain.size(); ++i)
    for (std::size_t d = 0; d < 3; ++d)
      q(i, d) = share(d, static_cast<std::size_t>(truth[i]));  // columns of share sum to 1
  auto const r = latent_shift(q, domain, 3, {.cells = 3});
  auto const name = names(r.class_given_domain, share);
  CHECK(error(r.class_given_domain, share, name) < 1e-12);
  for (std::size_t i = 0; i < domain.size(); ++i)
    CHECK(r.posterior(i, name[static_cast<std::size_t>(truth[i])]) ==
          doctest::Approx(1).epsilon(1e-12));
  CHECK(r.violations == 0);
  CHECK(r.divergence < 1e-12);
}

TEST_CASE("latent_shift: one class; classes that cannot be told apart say so") {
  matrix<double> const even(40, 2, 0.5);
  std::vector<std::int32_t> domain(40);
  for (std::size_t i = 0; i < 40; ++i) domain[i] = static_cast<std::int32_t>(i % 2);
  auto const one = latent_shift(even, domain, 1);
  CHECK(one.posterior(3, 0) == 1);
  CHECK(one.class_given_domain == matrix<double>(2, 1, 1.0));
  auto const two = latent_shift(even, domain, 2);
  CHECK(std::isinf(two.condition));
  CHECK(two.posterior(0, 0) + two.posterior(0, 1) == doctest::Approx(1));
}

TEST_CASE("latent_shift: every policy, and stopping") {
  auto const w = make(limpid::ops::detail::row_tile + 4, 2);
  auto const r = latent_shift(limpid::seq, w.q, w.domain, 3, {.cells = 5, .restarts = 1});
  CHECK(gap(latent_shift(w.q, w.domain, 3, {.cells = 5, .restarts = 1}).posterior, r.posterior) <
        1e-9);
  auto const wide = latent_shift(w.q, w.domain, 3, {.cells = 5, .restarts = 1});
  for (int threads : {1, 3})
    CHECK(latent_shift(limpid::par_policy{.threads = threads}, w.q, w.domain, 3,
                       {.cells = 5, .restarts = 1})
              .posterior == wide.posterior);
  limpid_test::device_matrix<double> const q(w.q.view());
  limpid_test::device_vector<std::int32_t> const d(
      limpid::vector_view<std::int32_t const>(w.domain.data(), w.domain.size()));
  CHECK(latent_shift(limpid_test::device, q, d, 3, {.cells = 5, .restarts = 1}).posterior ==
        r.posterior);
  auto const narrow =
      latent_shift(limpid_test::to_float(w.q), w.domain, 3, {.cells = 5, .restarts = 1});
  CHECK(gap(narrow.class_given_domain, r.class_given_domain) < 1e-4);
  CHECK(latent_shift(w.q, w.domain, 3, {.cells = 5, .on_progress = [](double) { return false; }})
            .stopped);
}

TEST_CASE("latent_shift: bad input") {
  matrix<double> const q{{0.5, 0.5}, {0.25, 0.75}};
  std::vector const d{0, 1};
  auto const says = [&](auto const& call, char const* words) {
    CHECK_THROWS_WITH_AS(call(), words, limpid::input_error);
  };
  says([&] { (void)latent_shift(matrix<double>(0, 2), std::vector<int>{}, 2); },
       "transition::latent_shift: Q is 0 x 2; need at least one row and one domain");
  says([&] { (void)latent_shift(q, d, 3); },
       "transition::latent_shift: classes is 3; need 1..2, the number of domains");
  says([&] { (void)latent_shift(q, std::vector{0}, 2); },
       "transition::latent_shift: Q has 2 rows, domains has 1");
  says([&] { (void)latent_shift(q, std::vector{0, 0}, 2, {.cells = 2}); },
       "transition::latent_shift: domains has no row of domain 1; every domain needs rows");
  says([&] { (void)latent_shift(matrix<double>{{0.5, 0.5}, {1, 1}}, d, 2); },
       "transition::latent_shift: Q row 1 sums to 2; rows must be probability distributions "
       "(tolerance 1e-3)");
  says([&] { (void)latent_shift(q, d, 2, {.cells = 1}); },
       "transition::latent_shift: options.cells is 1; need at least 2, a cell per class");
}

}  // namespace
