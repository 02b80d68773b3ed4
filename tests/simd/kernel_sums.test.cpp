// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <limpid/simd/kernel_sums.hpp>

using namespace lanes_test;
namespace lanes = limpid::lanes;

namespace {

template <class T>
double kernel_of(padded<T> const& x, std::size_t i, padded<T> const& y, std::size_t j,
                 lanes::kernel const& k) {
  double dot = 0, square = 0, size = 0;
  for (std::size_t c = 0; c < x.K; ++c) {
    double const a = static_cast<double>(x(i, c)), b = static_cast<double>(y(j, c));
    dot += a * b;
    square += (a - b) * (a - b);
    size += std::fabs(a - b);
  }
  switch (k.kind) {
    case lanes::kernel_kind::linear:
      return dot;
    case lanes::kernel_kind::polynomial:
      return std::pow(k.gamma * dot + k.c0, k.degree);
    case lanes::kernel_kind::gaussian:
      return std::exp(-k.gamma * square);
    case lanes::kernel_kind::laplacian_l1:
      return std::exp(-k.gamma * size);
    case lanes::kernel_kind::laplacian_l2:
      return std::exp(-k.gamma * std::sqrt(square));
  }
  return 0;
}

constexpr lanes::kernel_kind kinds[] = {
    lanes::kernel_kind::linear, lanes::kernel_kind::polynomial, lanes::kernel_kind::gaussian,
    lanes::kernel_kind::laplacian_l1, lanes::kernel_kind::laplacian_l2};

}  // namespace

namespace {

// n queries against n + 4 references under every set, with B weights a reference (0: none).
template <class T>
void check_sums(lanes::kernel_kind kind, std::size_t n, std::size_t d, std::size_t B) {
  CAPTURE(static_cast<int>(kind));
  CAPTURE(n);
  CAPTURE(d);
  CAPTURE(B);
  lanes::kernel k;
  k.kind = kind;
  k.gamma = 0.7 / static_cast<double>(d);
  auto const x = random_rows<T>(n, d, 2, 3), y = random_rows<T>(n + 4, d, 1, 4),
             w = random_rows<T>(n + 4, B, 0, 5);
  std::size_t const sides = B == 0 ? 1 : B;
  std::vector<double> weights, want(n * sides, 0.25), size(n * sides, 1.0), mean(d, 0.1);
  for (std::size_t j = 0; j < y.n; ++j)
    for (std::size_t b = 0; b < B; ++b) weights.push_back(static_cast<double>(w(j, b)));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < y.n; ++j) {
      double const value = kernel_of(x, i, y, j, k);
      for (std::size_t b = 0; b < sides; ++b) {
        double const v = value * (B == 0 ? 1.0 : weights[j * B + b]);
        want[i * sides + b] += v;
        size[i * sides + b] += std::fabs(v);
      }
    }
  bool const centred = kind != lanes::kernel_kind::linear && kind != lanes::kernel_kind::polynomial;
  for_each_set([&] {
    std::vector<double> out(n * sides + 1, 0.25);
    auto const refs = lanes::pack_rows(y.data.data(), y.n, d, static_cast<std::ptrdiff_t>(y.ld), 1,
                                       centred ? mean.data() : nullptr);
    lanes::kernel_sums_block(refs, x.data.data(), static_cast<std::ptrdiff_t>(x.ld), 1, 0, n, k,
                             B == 0 ? nullptr : weights.data(), B, out.data());
    double worst = 0;
    for (std::size_t i = 0; i < n * sides; ++i)
      worst = std::max(worst, std::fabs(out[i] - want[i]) / size[i]);
    CHECK(worst < 10 * tolerance<T>);
    CHECK(out[n * sides] == 0.25);
  });
}

}  // namespace

TEST_CASE_TEMPLATE("kernel sums and products against double loops", T, float, double) {
  for (auto kind : kinds) {
    // both sides of every set's tile, by rows and by columns
    for (std::size_t n : sizes{0, 1, 3, 4, 5, 7, 8, 9, 12, 13, 20, 21, 43, 44, 45, 49})
      for (std::size_t B : sizes{0, 1, 2}) check_sums<T>(kind, n, 3, B);
    for (std::size_t d : sizes{1, 33})
      for (std::size_t B : sizes{0, 1, 2, 17}) check_sums<T>(kind, 15, d, B);
  }
}

TEST_CASE_TEMPLATE("equal rows are at distance zero, near rows keep their distance", T, float,
                   double) {
  // Pairs of rows 1e-3 apart and copies, 30 from the origin even after centring.
  auto x = random_rows<T>(90, 20, 0, 6, 0.0, 10.0);
  for (std::size_t i = 0; i < 45; ++i)
    for (std::size_t c = 0; c < 20; ++c) x(i + 45, c) = x(i, c) + (i < 20 ? T(1e-3) : T(0));
  std::vector<double> mean(20, 0.0);
  for_each_set([&] {
    auto const refs = lanes::pack_rows(x.data.data(), 90, 20, 20, 1, mean.data());
    for (auto kind : {lanes::kernel_kind::gaussian, lanes::kernel_kind::laplacian_l1,
                      lanes::kernel_kind::laplacian_l2}) {
      lanes::kernel k;
      k.kind = kind;
      k.gamma = 100.0;
      std::vector<double> out(90, 0.0);
      lanes::kernel_sums_block(refs, x.data.data(), 20, 1, 0, 90, k, nullptr, 1, out.data());
      for (std::size_t i = 0; i < 90; ++i) {
        double want = 0;
        for (std::size_t j = 0; j < 90; ++j) want += kernel_of(x, i, x, j, k);
        if (i % 45 >= 20) CHECK(out[i] == 2.0);
        CHECK(std::fabs(out[i] - want) < 1e-4);
      }
    }
  });
}

TEST_CASE_TEMPLATE("the sums do not depend on the blocks", T, float, double) {
  // more queries than are taken at a time, more references than stay in the cache
  auto const x = random_rows<T>(530, 2, 0, 6);
  std::vector<double> mean(2, 0.0), w(530 * 3, 0.0);
  for (std::size_t j = 0; j < w.size(); ++j) w[j] = std::sin(static_cast<double>(j));
  for_each_set([&] {
    for (std::size_t m : sizes{40, 530}) {
      std::size_t const n = m == 40 ? 530 : 40;
      auto const refs = lanes::pack_rows(x.data.data(), m, 2, 2, 1, mean.data());
      for (std::size_t B : sizes{0, 1, 3})
        for (auto kind : kinds) {
          lanes::kernel k;
          k.kind = kind;
          std::size_t const sides = B == 0 ? 1 : B;
          double const* const weights = B == 0 ? nullptr : w.data();
          std::vector<double> whole(n * sides, 0.0), parts(n * sides, 0.0);
          lanes::kernel_sums_block(refs, x.data.data(), 2, 1, 0, n, k, weights, B, whole.data());
          for (std::size_t q = 0; q < n; q += 17)
            lanes::kernel_sums_block(refs, x.data.data(), 2, 1, q, std::min<std::size_t>(n, q + 17),
                                     k, weights, B, parts.data() + q * sides);
          CHECK(parts == whole);
        }
    }
  });
}

TEST_CASE_TEMPLATE("rows among themselves: each kernel value serves two sums", T, float, double) {
  for (std::size_t n : sizes{0, 1, 2, 4, 5, 8, 9, 23, 25, 47, 48, 49, 96, 97, 200}) {
    auto const x = random_rows<T>(n, 3, 2, 3), w = random_rows<T>(n, 1, 0, 5);
    std::vector<double> const mean(3, 0.1);
    std::vector<double> weights(n);
    for (std::size_t j = 0; j < n; ++j) weights[j] = static_cast<double>(w(j, 0));
    for (auto kind : {lanes::kernel_kind::linear, lanes::kernel_kind::gaussian,
                      lanes::kernel_kind::laplacian_l1, lanes::kernel_kind::laplacian_l2})
      for (bool weighted : {true, false}) {
        CAPTURE(n);
        CAPTURE(static_cast<int>(kind));
        CAPTURE(weighted);
        lanes::kernel k;
        k.kind = kind;
        k.gamma = 0.7;
        std::vector<double> want(n), size(n, 1.0);
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < n; ++j) {
            double const v = kernel_of(x, i, x, j, k) * (weighted ? weights[j] : 1.0);
            want[i] += v;
            size[i] += std::fabs(v);
          }
        for_each_set([&] {
          auto const packed =
              lanes::pack_rows(x.data.data(), n, 3, static_cast<std::ptrdiff_t>(x.ld), 1,
                               kind == lanes::kernel_kind::linear ? nullptr : mean.data());
          lanes::own_kernel_sums<T> const sums(packed, k, weighted ? weights.data() : nullptr);
          for (std::size_t a = 0; a < sums.blocks(); ++a)
            for (std::size_t b = a; b < sums.blocks(); ++b) sums.pair(a, b);
          double worst = 0;
          for (std::size_t i = 0; i < n; ++i)
            worst = std::max(worst, std::fabs(sums.sums()[i] - want[i]) / size[i]);
          CHECK(worst < 10 * tolerance<T>);
        });
      }
  }
}
