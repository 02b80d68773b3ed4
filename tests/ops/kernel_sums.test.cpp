// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/kernel_sums.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <utility>

namespace {

using limpid::kernel_function;
using limpid::matrix;
using limpid::matrix_view;
namespace kernels = limpid::kernels;
namespace ops = limpid::ops;

/// sum_j w_jc k(q_i, r_j) in long double.
template <class T, class K>
std::vector<double> by_hand(matrix<T> const& q, matrix<T> const& r, matrix<double> const& w, K const& k) {
  std::vector<double> out(q.rows() * w.cols());
  for (std::size_t i = 0; i < q.rows(); ++i)
    for (std::size_t c = 0; c < w.cols(); ++c) {
      long double sum = 0;
      for (std::size_t j = 0; j < r.rows(); ++j) {
        long double dot = 0, squared = 0, absolute = 0;
        for (std::size_t f = 0; f < q.cols(); ++f) {
          auto const a = static_cast<long double>(q(i, f)), b = static_cast<long double>(r(j, f));
          dot += a * b, squared += (a - b) * (a - b), absolute += std::abs(a - b);
        }
        sum += static_cast<long double>(w(j, c)) * k(dot, squared, absolute);
      }
      out[i * w.cols() + c] = static_cast<double>(sum);
    }
  return out;
}

template <class T, class K>
void compare(std::size_t n, std::size_t m, std::size_t d, std::size_t sides, kernel_function const& kernel, K const& k) {
  INFO("n ", n, " m ", m, " d ", d, " sides ", sides, " kernel ", static_cast<int>(kernel.kind));
  auto const q = limpid_test::random_matrix<T>(n, d, -1, 1, 1), r = limpid_test::random_matrix<T>(m, d, -1, 1, 2);
  auto const w = limpid_test::random_matrix<double>(m, sides, -1, 1, 3);
  auto const expected = by_hand(q, r, w, k), plain = by_hand(q, r, matrix<double>(m, 1, 1.0), k);
  // simd takes kernel values and weights in T: each of the m terms may be off by the last digits of a float
  double const tolerance = sizeof(T) == 4 ? 1e-6 + 2e-7 * static_cast<double>(m) : 1e-12;
  limpid_test::layouts<T> const queries(q), references(r);
  limpid_test::layouts<double> const weights(w);
  auto const sums = [&](auto const& exec, auto vq, auto vr, auto vw, std::size_t cols) {
    auto const out = ops::make_buffer<double>(exec, n * cols);
    CHECK(ops::kernel_sums(exec, kernel, vq, vr, vw, out.view(n, cols)));
    auto const host = ops::download(exec, out.view(n, cols));
    return std::vector<double>(host.data(), host.data() + n * cols);
  };
  queries.each([&](matrix_view<T const> v) {
    limpid_test::each_policy([&](auto const& exec) { return sums(exec, v, r.view(), w.view(), sides); },
                             [&](auto const& got) { CHECK(limpid_test::close(got, expected, tolerance)); });
  });
  references.each([&](matrix_view<T const> v) {
    CHECK(limpid_test::close(sums(limpid::simd, q.view(), v, w.view(), sides), expected, tolerance));
  });
  weights.each([&](matrix_view<double const> v) {
    CHECK(limpid_test::close(sums(limpid::simd, q.view(), r.view(), v, sides), expected, tolerance));
  });
  limpid_test::each_policy([&](auto const& exec) { return sums(exec, q.view(), r.view(), matrix_view<double const>{}, 1); },
                           [&](auto const& got) { CHECK(limpid_test::close(got, plain, tolerance)); });
  // the reference is exact to the last digits
  CHECK(limpid_test::close(sums(limpid::seq, q.view(), r.view(), w.view(), sides), expected, 1e-12));
  limpid_test::device_matrix<T> const dq(q.view()), dr(r.view());
  limpid_test::device_matrix<double> const dw(w.view());
  using there = matrix_view<T const, limpid::memory_space::device>;
  using weights_there = matrix_view<double const, limpid::memory_space::device>;
  CHECK(limpid_test::close(sums(limpid_test::device, there(dq.view()), there(dr.view()), weights_there(dw.view()), sides),
                           expected, 1e-12));
}

TEST_CASE_TEMPLATE("kernel_sums: every kernel, policy and layout", T, float, double) {
  struct {
    std::size_t n, m, d, sides;
  } const sizes[] = {{1, 1, 1, 1}, {255, 33, 3, 1}, {257, 50, 9, 3}};
  for (auto const& s : sizes) {
    compare<T>(s.n, s.m, s.d, s.sides, kernels::linear(), [](auto dot, auto, auto) { return dot; });
    compare<T>(s.n, s.m, s.d, s.sides, kernels::gaussian(0.5), [](auto, auto squared, auto) { return std::exp(-0.5L * squared); });
    compare<T>(s.n, s.m, s.d, s.sides, kernels::laplacian(0.25), [](auto, auto, auto absolute) { return std::exp(-0.25L * absolute); });
    compare<T>(s.n, s.m, s.d, s.sides, kernels::polynomial(3, 0.5, 1), [](auto dot, auto, auto) {
      auto const base = 0.5L * dot + 1;
      return base * base * base;
    });
  }
}

TEST_CASE("kernel_sums: a sample that coincides with the query, by hand") {
  matrix<double> const x{{1, 2}}, z{{1, 2}, {1, 3}, {4, 2}};
  matrix<double> const w{{1}, {10}, {100}};
  limpid_test::each_policy(
      [&](auto const& exec) {
        matrix<double> out(1, 1);
        ops::kernel_sums(exec, kernels::gaussian(1), x.view(), z.view(), w.view(), out.view());
        return out(0, 0);
      },
      [](double got) { CHECK(got == doctest::Approx(1 + 10 * std::exp(-1.0) + 100 * std::exp(-9.0)).epsilon(1e-7)); });
}

TEST_CASE("in_steps: every tile once, told in order, stopped when asked") {
  for (std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{99}, std::size_t{100}, std::size_t{1234}}) {
    INFO("count ", count);
    std::vector<int> seen(count);
    std::vector<double> told;
    limpid::progress const go_on = [&](double f) { return told.push_back(f), true; };
    auto const tile = [&](std::size_t t) { ++seen[t]; };
    limpid::par_policy par;
    par.threads = 3;
    CHECK(ops::in_steps(par, count, &go_on, tile));
    CHECK(seen == std::vector<int>(count, 1));
    CHECK(told.size() <= 100);
    for (std::size_t i = 1; i < told.size(); ++i) CHECK(told[i] > told[i - 1]);
    if (count) CHECK(told.back() == 1);
    else CHECK(told.empty());
    limpid::progress const nobody;
    CHECK(ops::in_steps(limpid::seq, count, &nobody, tile));
    CHECK(ops::in_steps(limpid::seq, count, nullptr, tile));
    CHECK(seen == std::vector<int>(count, 3));
    std::size_t calls = 0;
    limpid::progress const stop = [&](double) { return ++calls < 3; };
    std::vector<int> some(count);
    bool const finished = ops::in_steps(limpid::simd, count, &stop, [&](std::size_t t) { ++some[t]; });
    CHECK(finished == (count < 3));
    if (count > 99) {
      std::size_t const run = count / 100 + 1;  // nothing is touched after the third step
      for (std::size_t t = 0; t < count; ++t) CHECK(some[t] == (t < 3 * run ? 1 : 0));
    }
  }
}

}  // namespace
