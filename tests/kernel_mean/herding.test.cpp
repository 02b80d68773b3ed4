// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/herding.hpp>

#include <limpid/core/random.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::matrix;
using limpid::kernel_mean::herding;

matrix<double> bells(std::size_t n, std::size_t d, std::uint64_t seed) {
  matrix<double> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    for (std::size_t c = 0; c < d; ++c)
      x(i, c) = 2 * (draw.uniform() + draw.uniform() + draw.uniform() - 1.5);
  }
  return x;
}
/// |sum_i a_i phi(x_i)|^2, written out.
double norm2(kernel_function const& k, matrix<double> const& x, std::vector<double> const& a) {
  double sum = 0;
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < x.rows(); ++j)
      sum += a[i] * a[j] * k(x.view().row(i), x.view().row(j));
  return sum;
}
double mmd2(kernel_function const& k, matrix<double> const& x, std::vector<double> target,
            std::vector<std::size_t> const& rows, std::size_t count) {
  for (std::size_t t = 0; t < count; ++t) target[rows[t]] -= 1 / static_cast<double>(count);
  return norm2(k, x, target);
}

}  // namespace

TEST_CASE("herding: golden values of goodpoints 56062e9") {
  auto const g = limpid_test::golden("herding_thinning.json");
  auto const x = limpid_test::to_matrix(g["X"]);
  auto const k = kernels::gaussian(g["gamma"]);
  auto const r = herding(k, x, {.size = 8});
  CHECK(std::vector<int>(r.rows.begin(), r.rows.end()) ==
        limpid_test::to_ints(g["herding_size_8"]));
  CHECK(std::fabs(r.mmd2[7] - g["mmd2_herding"].get<double>()) < 1e-12);
  auto const u = herding(k, x, {.size = 8, .unique = true});
  CHECK(std::vector<int>(u.rows.begin(), u.rows.end()) ==
        limpid_test::to_ints(g["herding_unique_size_8"]));
}

TEST_CASE("herding: by hand, and by brute force with repeats, without, and weighted") {
  // linear kernel, 1 2 4: mu(x) = 7/3 x is largest at 4, then 7/3 x - 4/2 x, ...
  auto const line = herding(kernels::linear(), matrix<double>{{1.0}, {2.0}, {4.0}}, {.size = 3});
  CHECK(line.rows == std::vector<std::size_t>{2, 2, 0});
  CHECK(line.mmd2[2] == doctest::Approx((3 - 7.0 / 3) * (3 - 7.0 / 3)));

  auto const x = bells(40, 2, 3);
  auto const k = kernels::matern32(0.8);
  std::vector<double> weights(40, 1.0);
  for (int round = 0; round < 3; ++round) {
    bool const unique = round == 1, weighted = round == 2;
    double total = 0;
    for (std::size_t i = 0; i < 40; ++i) {
      if (weighted) weights[i] = i % 4 == 0 ? 0 : 0.1 + static_cast<double>(i % 3);
      total += weights[i];
    }
    auto const r = weighted ? herding(k, x, weights, {.size = 12})
                            : herding(k, x, {.size = 12, .unique = unique});
    std::vector<double> mu(40), sums(40), target(40);
    for (std::size_t i = 0; i < 40; ++i) {
      target[i] = weights[i] / total;
      for (std::size_t j = 0; j < 40; ++j)
        mu[i] += weights[j] / total * k(x.view().row(i), x.view().row(j));
    }
    std::set<std::size_t> seen;
    for (std::size_t t = 0; t < 12; ++t) {
      std::size_t best = 40;
      for (std::size_t i = 0; i < 40; ++i) {
        if (unique && seen.count(i)) continue;
        auto const score = [&](std::size_t r_) {
          return mu[r_] - sums[r_] / static_cast<double>(t + 1);
        };
        if (best == 40 || score(i) > score(best)) best = i;
      }
      CHECK(r.rows[t] == best);
      seen.insert(best);
      for (std::size_t i = 0; i < 40; ++i) sums[i] += k(x.view().row(i), x.view().row(best));
      CHECK(r.mmd2[t] == doctest::Approx(mmd2(k, x, target, r.rows, t + 1)).epsilon(1e-9));
    }
    CHECK(r.norm2 == doctest::Approx(norm2(k, x, target)).epsilon(1e-12));
  }
}

TEST_CASE("herding: better than draws of the same size, and all rows once are all rows") {
  auto const x = bells(300, 2, 8);
  auto const k = kernels::gaussian(0.5);
  //! [herding]
  auto const picked = limpid::kernel_mean::herding(k, x, {.size = 30});
  // picked.rows: 30 row numbers; picked.mmd2[t - 1]: squared distance of the first t rows' mean
  //! [herding]
  // E of t independent draws: (mean diagonal - |mu|^2) / t
  for (std::size_t t : {5u, 10u, 30u})
    CHECK(picked.mmd2[t - 1] < 0.4 * (1 - picked.norm2) / static_cast<double>(t));
  CHECK(picked.mmd2[29] < 0.1 * (1 - picked.norm2) / 30);
  auto const few = bells(25, 2, 8);
  auto const all = herding(k, few, {.size = 25, .unique = true});
  CHECK(std::set<std::size_t>(all.rows.begin(), all.rows.end()).size() == 25);
  CHECK(all.mmd2[24] < 1e-12);
  auto const one = herding(k, bells(1, 2, 8), {.size = 3});
  CHECK(one.rows == std::vector<std::size_t>{0, 0, 0});
  CHECK(one.mmd2[2] < 1e-15);
}

TEST_CASE("herding: policies, devices, float32, stopping") {
  auto const x = bells(2049, 2, 5);
  auto const k = kernels::gaussian(0.7);
  auto const r = herding(k, x, {.size = 4});
  auto const plain = herding(limpid::seq, k, x, {.size = 4});
  CHECK(plain.rows == r.rows);
  for (int threads : {1, 3})
    CHECK(herding(limpid::par_policy{.threads = threads}, k, x, {.size = 4}).mmd2 == r.mmd2);
  auto const small = bells(40, 2, 6);
  limpid_test::device_matrix<double> const there(small.view());
  auto const here = herding(limpid::seq, k, small, {.size = 9});
  auto const device = herding(limpid_test::device, k, there, {.size = 9});
  CHECK(device.rows == here.rows);
  CHECK(device.mmd2 == here.mmd2);
  matrix<float> single(2049, 2);
  for (std::size_t e = 0; e < 2049 * 2; ++e) single.data()[e] = static_cast<float>(x.data()[e]);
  auto const f = herding(k, single, {.size = 4});
  for (std::size_t t = 0; t < 4; ++t) CHECK(std::fabs(f.mmd2[t] - r.mmd2[t]) < 1e-5);

  auto const none = herding(k, small, {.size = 9, .on_progress = [](double) { return false; }});
  CHECK(none.stopped);
  CHECK(none.rows.empty());
  auto const half = herding(k, small, {.size = 9, .on_progress = [](double p) { return p < 0.9; }});
  CHECK(half.stopped);
  CHECK(half.rows.size() < 9);
  CHECK(half.rows.size() == half.mmd2.size());
}

TEST_CASE("herding: bad input") {
  auto const k = kernels::gaussian(1);
  matrix<double> x(3, 2);
  CHECK_THROWS_WITH_AS(herding(k, x, {.size = 0}),
                       "kernel_mean::herding: size is 0; it must be at least 1", input_error);
  CHECK_THROWS_WITH_AS(herding(k, x, {.size = 4, .unique = true}),
                       doctest::Contains("size is 4; x has 3 rows to pick once each"), input_error);
  CHECK(herding(k, x, {.size = 3, .unique = true}).rows == std::vector<std::size_t>{0, 1, 2});
  CHECK_THROWS_WITH_AS(herding(k, matrix<double>(0, 2)), doctest::Contains("x has no rows"),
                       input_error);
  CHECK_THROWS_WITH_AS(herding(kernels::sigmoid(1), x), doctest::Contains("sigmoid"), input_error);
  CHECK_THROWS_WITH_AS(herding(k, x, std::vector<double>{1, 2}),
                       doctest::Contains("x has 3 rows, weights has 2"), input_error);
  CHECK_THROWS_WITH_AS(herding(k, x, std::vector<double>{1, -2, 3}),
                       doctest::Contains("weights row 1"), input_error);
  CHECK_THROWS_WITH_AS(herding(k, x, std::vector<double>{0, 0, 0}),
                       doctest::Contains("weights sum to 0"), input_error);
  x(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(herding(k, x), doctest::Contains("x row 2"), input_error);
}
