// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/nearest.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace {

using limpid::matrix;
using limpid::matrix_view;
using limpid::metric;
namespace ops = limpid::ops;

struct found {
  matrix<std::uint32_t> index;
  matrix<double> distance;
  bool operator==(found const&) const = default;
};

/// All distances in long double, sorted.
template <class T>
found sorted(matrix<T> const& q, matrix<T> const& r, std::size_t k, metric how, bool exclude) {
  found out{matrix<std::uint32_t>(q.rows(), k), matrix<double>(q.rows(), k)};
  for (std::size_t i = 0; i < q.rows(); ++i) {
    std::vector<std::pair<long double, std::uint32_t>> all;
    for (std::size_t j = 0; j < r.rows(); ++j) {
      if (exclude && i == j) continue;
      long double dot = 0, squared = 0, a2 = 0, b2 = 0;
      for (std::size_t c = 0; c < q.cols(); ++c) {
        auto const a = static_cast<long double>(q(i, c)), b = static_cast<long double>(r(j, c));
        dot += a * b, squared += (a - b) * (a - b), a2 += a * a, b2 += b * b;
      }
      all.emplace_back(how == metric::cosine ? 1 - dot / std::sqrt(a2 * b2) : std::sqrt(squared),
                       static_cast<std::uint32_t>(j));
    }
    std::sort(all.begin(), all.end());
    for (std::size_t c = 0; c < k; ++c) {
      out.distance(i, c) = static_cast<double>(all[c].first);
      out.index(i, c) = all[c].second;
    }
  }
  return out;
}

template <class P, class T, limpid::memory_space S>
found run(P const& exec, matrix_view<T const, S> q, matrix_view<T const, S> r, std::size_t k,
          ops::nearest_options const& options) {
  auto const index = ops::make_buffer<std::uint32_t>(exec, q.rows * k);
  auto const distance = ops::make_buffer<double>(exec, q.rows * k);
  CHECK(ops::nearest(exec, q, r, k, index.view(q.rows, k), distance.view(q.rows, k), options));
  return {ops::download(exec, index.view(q.rows, k)),
          ops::download(exec, distance.view(q.rows, k))};
}

void check(found const& got, found const& expected) {
  CHECK(got.index == expected.index);
  double worst = 0;
  for (std::size_t e = 0; e < got.distance.rows() * got.distance.cols(); ++e)
    worst = (std::max)(worst, std::abs(got.distance.data()[e] - expected.distance.data()[e]));
  CHECK(worst < 1e-12);
}

TEST_CASE_TEMPLATE("nearest: all distances sorted; every policy, layout and metric", T, float,
                   double) {
  struct {
    std::size_t n, m, d, k;
  } const sizes[] = {{1, 1, 1, 1}, {255, 40, 3, 5}, {257, 60, 9, 10}, {10, 130, 33, 33}};
  for (auto const& s : sizes)
    for (auto how : {metric::euclidean, metric::cosine}) {
      INFO("n ", s.n, " m ", s.m, " d ", s.d, " k ", s.k, " cosine ", how == metric::cosine);
      auto const q = limpid_test::random_matrix<T>(s.n, s.d, -1, 1, 1),
                 r = limpid_test::random_matrix<T>(s.m, s.d, -1, 1, 2);
      if (s.d == 1 && how == metric::cosine) continue;  // two directions only: all ties
      auto const expected = sorted(q, r, s.k, how, false);
      limpid_test::layouts<T> const queries(q), references(r);
      queries.each([&](matrix_view<T const> v) {
        limpid_test::each_policy(
            [&](auto const& exec) { return run(exec, v, r.view(), s.k, {.distance = how}); },
            [&](found const& got) { check(got, expected); });
      });
      references.each([&](matrix_view<T const> v) {
        check(run(limpid::simd, q.view(), v, s.k, {.distance = how}), expected);
      });
      limpid_test::device_matrix<T> const dq(q.view()), dr(r.view());
      matrix_view<T const, limpid::memory_space::device> const vq = dq.view(), vr = dr.view();
      check(run(limpid_test::device, vq, vr, s.k, {.distance = how}), expected);
    }
}

TEST_CASE("nearest: a row is not its own neighbour; equal distances go to the lower row") {
  auto const x = limpid_test::random_matrix<double>(257, 2, -1, 1);
  auto const expected = sorted(x, x, 7, metric::euclidean, true);
  limpid_test::each_policy(
      [&](auto const& exec) { return run(exec, x.view(), x.view(), 7, {.exclude_self = true}); },
      [&](found const& got) { check(got, expected); });
  // the corners of a square, twice: row i + 4 is row i
  matrix<double> const square{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 0}, {0, 1}, {1, 0}, {1, 1}};
  limpid_test::each_policy(
      [&](auto const& exec) {
        return run(exec, square.view(), square.view(), 4, {.exclude_self = true}).index;
      },
      [&](matrix<std::uint32_t> const& index) {
        CHECK(index == matrix<std::uint32_t>{{4, 1, 2, 5},
                                             {5, 0, 3, 4},
                                             {6, 0, 3, 4},
                                             {7, 1, 2, 5},
                                             {0, 1, 2, 5},
                                             {1, 0, 3, 4},
                                             {2, 0, 3, 4},
                                             {3, 1, 2, 5}});
      });
}

TEST_CASE("nearest: far from the origin distances keep their digits") {
  auto x = limpid_test::random_matrix<double>(60, 4, -1, 1);
  for (std::size_t e = 0; e < 240; ++e) x.data()[e] += 1e6;
  auto const expected = sorted(x, x, 5, metric::euclidean, true);
  limpid_test::each_policy(
      [&](auto const& exec) {
        return run(exec, std::as_const(x).view(), std::as_const(x).view(), 5,
                   {.exclude_self = true});
      },
      [&](found const& got) { check(got, expected); });
}

TEST_CASE("nearest: told of progress, and stopped") {
  auto const x = limpid_test::random_matrix<double>(600, 1, -1, 1);
  auto const search = [&](auto const& exec, limpid::progress const& p) {
    matrix<std::uint32_t> index(600, 1);
    matrix<double> distance(600, 1);
    return ops::nearest(exec, x.view(), x.view(), 1, index.view(), distance.view(),
                        {.on_progress = &p});
  };
  auto const both = [&](auto const& exec) {
    std::vector<double> told;
    CHECK(search(exec, [&](double f) { return told.push_back(f), true; }));
    REQUIRE(!told.empty());
    CHECK(std::is_sorted(told.begin(), told.end()));
    CHECK(told.back() == 1);
    int calls = 0;
    CHECK_FALSE(search(exec, [&](double) { return ++calls < 2; }));
    CHECK(calls == 2);
  };
  both(limpid::seq);
  both(limpid::simd);
  both(limpid::par);
}

}  // namespace
