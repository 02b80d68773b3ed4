// SPDX-License-Identifier: BSL-1.0
#include <limpid/kernel_mean/thinning.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/emulated_device.hpp"
#include "support/golden.hpp"

namespace {

namespace kernels = limpid::kernels;
using limpid::input_error;
using limpid::kernel_function;
using limpid::matrix;
using limpid::kernel_mean::thinning;

matrix<double> bells(std::size_t n, std::size_t d, std::uint64_t seed) {
  matrix<double> x(n, d);
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(seed, 0, i);
    for (std::size_t c = 0; c < d; ++c)
      x(i, c) = 2 * (draw.uniform() + draw.uniform() + draw.uniform() - 1.5);
  }
  return x;
}

/// Row by row as the rows come in, from the paper's statement: coresets[j][c] and one walk each.
struct online {
  kernel_function k;
  matrix<double> const& x;
  std::size_t halvings;
  double delta;
  std::vector<double> const& uniforms;

  std::vector<std::vector<std::size_t>> split() const {
    std::vector<std::vector<std::vector<std::size_t>>> sets(halvings + 1);
    std::vector<std::vector<double>> variance(halvings);
    for (std::size_t j = 0; j <= halvings; ++j) sets[j].resize(std::size_t{1} << j);
    for (std::size_t j = 0; j < halvings; ++j) variance[j].resize(std::size_t{1} << j);
    auto const at = [&](std::size_t a, std::size_t b) {
      return k(x.view().row(a), x.view().row(b));
    };
    std::size_t used = 0;
    for (std::size_t i = 0; i < x.rows(); ++i) {
      sets[0][0].push_back(i);
      for (std::size_t j = 0; j < halvings && (i + 1) % (std::size_t{2} << j) == 0; ++j)
        for (std::size_t c = 0; c < sets[j].size(); ++c) {
          auto const& parent = sets[j][c];
          auto& left = sets[j + 1][2 * c];
          auto& right = sets[j + 1][2 * c + 1];
          std::size_t const a = parent[parent.size() - 2], b = parent.back();
          double const b2 = at(a, a) + at(b, b) - 2 * at(a, b),
                       nm = static_cast<double>(x.rows() * halvings);
          double const log_term =
              2 * std::log(2 * nm / delta) - 2 * static_cast<double>(j) * std::log(2.0);
          double& v = variance[j][c];
          double threshold = std::fmax(std::sqrt(v * b2 * log_term), b2);
          if (v == 0)
            v = b2;
          else if (threshold > 0)
            v += 2 * b2 * std::fmax(0.0, 0.5 + (b2 / (2 * threshold) - 1) * v / threshold);
          if (threshold == 0) threshold = 1;
          double alpha = 0;
          for (std::size_t l : parent)
            if (l != a && l != b) alpha += at(l, a) - at(l, b);
          for (std::size_t l : left) alpha -= 2 * (at(l, a) - at(l, b));
          bool const turned = uniforms[used++] <= 0.5 * (1 - alpha / threshold);
          left.push_back(turned ? b : a);
          right.push_back(turned ? a : b);
        }
    }
    for (auto& set : sets[halvings]) set.resize(x.rows() >> halvings);
    return sets[halvings];
  }
};

double mmd2(kernel_function const& k, matrix<double> const& x,
            std::vector<std::size_t> const& rows) {
  std::vector<double> a(x.rows(), 1 / static_cast<double>(x.rows()));
  for (std::size_t i : rows) a[i] -= 1 / static_cast<double>(rows.size());
  double sum = 0;
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < x.rows(); ++j)
      sum += a[i] * a[j] * k(x.view().row(i), x.view().row(j));
  return sum;
}

}  // namespace

TEST_CASE("thinning: golden values of goodpoints 56062e9, with its uniforms") {
  auto const g = limpid_test::golden("herding_thinning.json");
  auto const x = limpid_test::to_matrix(g["X"]);
  auto const kt = g["kt"];
  auto const r = thinning(
      kernels::gaussian(g["gamma"]), x,
      {.halvings = 2, .delta = kt["delta"], .uniforms = kt["uniforms"].get<std::vector<double>>()});
  for (std::size_t p = 0; p < 4; ++p) {
    CHECK(std::fabs(r.part_mmd2[p] - kt["mmd2_each"][p].get<double>()) < 1e-12);
    auto const want = limpid_test::to_ints(kt["coresets (4 x 8)"][p]);
    for (std::size_t s = 0; s < 8; ++s) CHECK(static_cast<int>(r.parts(p, s)) == want[s]);
  }
  CHECK(std::vector<int>(r.rows.begin(), r.rows.end()) == limpid_test::to_ints(kt["after_refine"]));
  CHECK(std::fabs(r.mmd2 - kt["mmd2_after_refine"].get<double>()) < 1e-12);
  CHECK(r.mmd2 < g["mmd2_random_baseline_mean"].get<double>());
  auto const plain = thinning(
      kernels::gaussian(g["gamma"]), x,
      {.halvings = 2, .swap = false, .uniforms = kt["uniforms"].get<std::vector<double>>()});
  CHECK(std::vector<int>(plain.rows.begin(), plain.rows.end()) ==
        limpid_test::to_ints(kt["best_before_refine"]));
  CHECK(plain.mmd2 == r.mmd2_split);
  CHECK(plain.exchanged == 0);
}

TEST_CASE("thinning: the parts are those of rows taken one by one") {
  for (std::size_t n : {1u, 7u, 64u, 101u, 150u})
    for (std::size_t m : {0u, 1u, 2u, 3u}) {
      if (n >> m == 0) continue;
      CAPTURE(n);
      CAPTURE(m);
      auto const x = bells(n, 2, n);
      std::size_t decisions = 0;
      for (std::size_t j = 0; j < m; ++j) decisions += (n >> (j + 1)) << j;
      std::vector<double> uniforms(decisions);
      limpid::random_stream draw(9, 0, n);
      for (double& u : uniforms) u = draw.uniform();
      auto const k = kernels::matern52(0.9);
      auto const r = thinning(k, x, {.halvings = m, .delta = 0.3, .uniforms = uniforms});
      auto const want = online{k, x, m, 0.3, uniforms}.split();
      for (std::size_t p = 0; p < want.size(); ++p)
        for (std::size_t s = 0; s < n >> m; ++s) CHECK(r.parts(p, s) == want[p][s]);
      CHECK(r.rows.size() == n >> m);
      CHECK(r.mmd2 == doctest::Approx(mmd2(k, x, r.rows)).epsilon(1e-8));
      CHECK(r.mmd2 <= r.mmd2_split + 1e-15);
      CHECK(r.mmd2_split <= r.mmd2_every);
    }
}

TEST_CASE("thinning: nearer to the sample than draws of the same size; no single swap is better") {
  auto const k = kernels::gaussian(0.5);
  double thinned = 0, split = 0, drawn = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    auto const x = bells(256, 2, seed);
    //! [thinning]
    auto const kept = limpid::kernel_mean::thinning(k, x, {.halvings = 4, .seed = seed});
    // kept.rows: 16 of 256 row numbers; kept.mmd2: squared distance of their mean to that of all
    //! [thinning]
    thinned += kept.mmd2 / 5;
    split += thinning(k, x, {.halvings = 4, .swap = false, .seed = seed}).mmd2 / 5;
    drawn += (1 - kept.norm2) / 16 / 5;  // E of 16 independent draws from the rows
  }
  MESSAGE("thinned " << thinned << ", split alone " << split << ", drawn " << drawn);
  CHECK(split < 0.4 * drawn);
  CHECK(thinned < 0.05 * drawn);

  auto const x = bells(60, 2, 77);
  auto const r = thinning(k, x, {.halvings = 3});
  auto swapped = r.rows;  // the last slot was exchanged last: no other row does better there
  for (std::size_t i = 0; i < 60; ++i) {
    swapped.back() = i;
    CHECK(mmd2(k, x, swapped) > r.mmd2 - 1e-12);
  }
}

TEST_CASE("thinning: policies, devices, blocks, float32, stopping") {
  auto const x = bells(2100, 2, 5);  // three blocks
  auto const k = kernels::gaussian(0.7);
  auto const r = thinning(k, x, {.halvings = 6, .seed = 3});
  CHECK(r.rows.size() == 32);
  CHECK(r.mmd2 < 0.1 * (1 - r.norm2) / 32);
  for (int threads : {1, 3}) {
    auto const p =
        thinning(limpid::par_policy{.threads = threads}, k, x, {.halvings = 6, .seed = 3});
    CHECK(p.rows == r.rows);
    CHECK(p.mmd2 == r.mmd2);
  }
  matrix<float> single(2100, 2);
  for (std::size_t e = 0; e < 2100 * 2; ++e) single.data()[e] = static_cast<float>(x.data()[e]);
  auto const f = thinning(k, single, {.halvings = 6, .swap = false, .seed = 3});
  std::vector<std::size_t> best(f.rows);
  CHECK(std::fabs(f.mmd2 - mmd2(k, x, best)) < 1e-5);
  auto const small = bells(50, 2, 6);
  limpid_test::device_matrix<double> const there(small.view());
  auto const here = thinning(limpid::seq, k, small, {.halvings = 2});
  auto const device = thinning(limpid_test::device, k, there, {.halvings = 2});
  CHECK(device.parts == here.parts);
  CHECK(device.rows == here.rows);
  CHECK(device.mmd2 == here.mmd2);

  for (double at : {0.0, 0.3, 0.7, 0.97})
    CHECK(thinning(k, small, {.halvings = 2, .on_progress = [=](double p) { return p < at; }})
              .stopped);
  double last = 0;
  auto const told = [&](double p) {
    CHECK((p >= last - 1e-12 && p <= 1 + 1e-12));
    last = p;
    return true;
  };
  CHECK_FALSE(thinning(k, small, {.halvings = 2, .on_progress = told}).stopped);
  // equal rows: every part is as good as all
  auto const same = thinning(k, matrix<double>(16, 2, 1.0), {.halvings = 2});
  CHECK(same.mmd2 < 1e-15);
  CHECK(same.rows.size() == 4);
}

TEST_CASE("thinning: bad input") {
  auto const k = kernels::gaussian(1);
  matrix<double> x(7, 2);
  CHECK_THROWS_WITH_AS(thinning(k, x, {.halvings = 3}),
                       "kernel_mean::thinning: x has 7 rows; 3 halvings leave none", input_error);
  CHECK(thinning(k, x, {.halvings = 2}).rows.size() == 1);
  CHECK_THROWS_WITH_AS(thinning(k, matrix<double>(0, 2), {.halvings = 0}),
                       doctest::Contains("x has 0 rows"), input_error);
  CHECK_THROWS_WITH_AS(thinning(k, x, {.delta = 1}), doctest::Contains("delta is 1"), input_error);
  CHECK_THROWS_WITH_AS(thinning(k, x, {.delta = 0}), doctest::Contains("delta is 0"), input_error);
  CHECK_THROWS_WITH_AS(thinning(k, x, {.uniforms = {0.5, 0.5}}),
                       doctest::Contains("uniforms has 2 elements; there are 3 decisions"),
                       input_error);
  CHECK_THROWS_WITH_AS(thinning(k, x, {.uniforms = {0.5, 1.0, 0.5}}),
                       doctest::Contains("uniforms row 1 is 1"), input_error);
  CHECK_THROWS_WITH_AS(thinning(kernels::sigmoid(1), x), doctest::Contains("sigmoid"), input_error);
  x(2, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(thinning(k, x), doctest::Contains("x row 2"), input_error);
}
