// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/tridiagonal.hpp>

#include <limpid/exec/par.hpp>
#include <limpid/simd/isa.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace {

using limpid::ops::row_strips;
using limpid::ops::symmetric_matrix;
using limpid::ops::tridiagonalise;

/// Symmetric, the upper triangle NaN: only the lower one may be read.
symmetric_matrix draw(std::size_t n, unsigned seed, limpid::matrix<double>& whole) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> bell;
  symmetric_matrix a(n);
  whole = limpid::matrix<double>(n, n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) whole(i, j) = whole(j, i) = bell(generator);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) a.row(i)[j] = j <= i ? whole(i, j) : std::nan("");
  return a;
}

/// The largest entry of Q T Q' - A and of Q Q' - 1.
double worst(row_strips const& q, std::vector<double> const& diagonal,
             std::vector<double> const& off, limpid::matrix<double> const& a) {
  double out = 0;
  std::size_t const n = q.size();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double whole = 0, unit = 0;
      for (std::size_t k = 0; k < n; ++k) {
        double const tq = diagonal[k] * q(j, k) + (k ? off[k] * q(j, k - 1) : 0) +
                          (k + 1 < n ? off[k + 1] * q(j, k + 1) : 0);
        whole += q(i, k) * tq;
        unit += q(i, k) * q(j, k);
      }
      out = std::fmax(out, std::abs(whole - a(i, j)));
      out = std::fmax(out, std::abs(unit - (i == j ? 1 : 0)));
    }
  return out;
}

}  // namespace

TEST_CASE("tridiagonal: two by two, by hand") {
  symmetric_matrix a(2);
  a.row(0)[0] = 2;
  a.row(1)[0] = 1;
  a.row(1)[1] = 2;
  auto const t = tridiagonalise(std::move(a));
  auto w = limpid::ops::eigenvalues(t);
  std::sort(w.begin(), w.end());
  CHECK(std::abs(w[0] - 1) < 1e-15);
  CHECK(std::abs(w[1] - 3) < 1e-15);
}

TEST_CASE("tridiagonal: A = Q T Q' = U w U' for every instruction set, on both sides of a strip") {
  constexpr limpid::instruction_set sets[] = {
      limpid::instruction_set::baseline, limpid::instruction_set::v3, limpid::instruction_set::v4};
  for (int pass = 0; pass < 4; ++pass) {  // first what the processor itself takes
    if (pass && !limpid::lanes::force(sets[pass - 1])) continue;
    CAPTURE(pass);
    for (std::size_t n : std::vector<std::size_t>{1, 2, 3, 4, 5, 15, 16, 17, 33, 70}) {
      CAPTURE(n);
      limpid::matrix<double> a;
      auto t = tridiagonalise(draw(n, static_cast<unsigned>(n), a));
      auto const d = t.diagonal, e = t.off;
      std::vector<double> x(n), back;
      for (std::size_t i = 0; i < n; ++i) x[i] = std::sin(static_cast<double>(i + 1));
      auto into = x;
      t.into_basis(into.data());
      back = into;
      t.from_basis(back.data());
      auto const q = limpid::ops::basis_of(limpid::simd, std::move(t));
      CHECK(worst(q, d, e, a) < 1e-13 * static_cast<double>(n + 4));
      auto const turned = q.transposed_times(x), whole = q.times(turned);
      for (std::size_t i = 0; i < n; ++i) {
        CHECK(std::abs(back[i] - x[i]) < 1e-13);
        CHECK(std::abs(turned[i] - into[i]) < 1e-13);
        CHECK(std::abs(whole[i] - x[i]) < 1e-13);
      }
      // (T + 100)^-1 on every row, against the definition
      limpid::ops::shifted_factor const shifted(d, e, 100);
      std::vector<double> room(16 * n), out(96), unit(n, 1);
      auto const task = shifted.task(unit.data(), x.data(), d.data());
      for (std::size_t s = 0; s < q.count(); ++s) {
        limpid::lanes::resolvent_strip(task, q.strip(s), room.data(), out.data());
        for (std::size_t c = 0; c < 16 && 16 * s + c < n; ++c) {
          std::size_t const i = 16 * s + c;
          std::vector<double> row(n);
          for (std::size_t j = 0; j < n; ++j) row[j] = q(i, j);
          auto y = row;
          shifted.solve(y);
          auto const ty = shifted.times(y);
          double want[6] = {};
          for (std::size_t j = 0; j < n; ++j) {
            want[0] += row[j] * y[j];
            want[1] += row[j] * ty[j];
            want[2] += y[j] * ty[j];
            want[3] += row[j];
            want[4] += row[j] * x[j];
            want[5] += row[j] * d[j];
            CHECK(std::abs(ty[j] + 100 * y[j] - row[j]) < 1e-13);
          }
          for (std::size_t k = 0; k < 6; ++k)
            CHECK(std::abs(out[16 * k + c] - want[k]) < 1e-13 * (1 + std::abs(want[k])));
        }
      }
      auto const w = limpid::ops::turn_to_eigenvectors(limpid::simd, d, e, q);
      CHECK(worst(q, w, std::vector<double>(n + 1), a) < 1e-13 * static_cast<double>(n + 4));
    }
    if (pass) limpid::lanes::unforce();
  }
}

TEST_CASE("tridiagonal: any number of threads, equal eigenvalues, zeros, a stop") {
  limpid::matrix<double> a;
  auto const with = [&](int threads) {
    limpid::par_policy const par{.threads = threads};
    auto t = tridiagonalise(draw(50, 3, a));
    auto const d = t.diagonal, e = t.off;
    auto const q = limpid::ops::basis_of(par, std::move(t));
    auto w = limpid::ops::turn_to_eigenvectors(par, d, e, q);
    for (std::size_t i = 0; i < 50; ++i)
      for (std::size_t j = 0; j < 50; ++j) w.push_back(q(i, j));
    return w;
  };
  auto const one = with(1);
  for (int threads : {2, 3, 7}) CHECK(with(threads) == one);

  symmetric_matrix flat(20);  // 1 + all ones: eigenvalues 21 and nineteen times 1
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t j = 0; j < 20; ++j) flat.row(i)[j] = i == j ? 2 : 1;
  auto w = limpid::ops::eigenvalues(tridiagonalise(std::move(flat)));
  std::sort(w.begin(), w.end());
  CHECK(std::abs(w[19] - 21) < 1e-13);
  for (std::size_t i = 0; i < 19; ++i) CHECK(std::abs(w[i] - 1) < 1e-13);

  symmetric_matrix zero(9);
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t j = 0; j < 9; ++j) zero.row(i)[j] = 0;
  for (double v : limpid::ops::eigenvalues(tridiagonalise(std::move(zero)))) CHECK(v == 0);

  limpid::progress const stop = [](double) { return false; };
  CHECK(tridiagonalise(draw(60, 1, a), &stop).stopped);
}
