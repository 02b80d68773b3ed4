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
    case lanes::kernel_kind::matern32: {
      double const r = k.gamma * std::sqrt(square);
      return (1 + r) * std::exp(-r);
    }
    case lanes::kernel_kind::matern52: {
      double const r = k.gamma * std::sqrt(square);
      return (1 + r + r * r / 3) * std::exp(-r);
    }
    case lanes::kernel_kind::rational:
      return std::pow(k.c0 + k.gamma * square, -k.power);
    case lanes::kernel_kind::sigmoid:
      return std::tanh(k.gamma * dot + k.c0);
  }
  return 0;
}

// The largest so far; NaN once there was one.
void note(double& worst, double error) {
  if (worst == worst && !(error <= worst)) worst = error;
}

lanes::kernel part(lanes::kernel_kind kind, double gamma, double factor = 1, bool times = false) {
  lanes::kernel k;
  k.kind = kind;
  k.gamma = gamma;
  k.factor = factor;
  k.times = times;
  return k;
}

template <class T>
double combined(padded<T> const& x, std::size_t i, padded<T> const& y, std::size_t j,
                std::vector<lanes::kernel> const& parts) {
  double sum = 0, product = 0;
  for (auto const& k : parts) {
    double const v = k.factor * kernel_of(x, i, y, j, k);
    if (!k.times) sum += product;
    product = k.times ? product * v : v;
  }
  return sum + product;
}

constexpr lanes::kernel_kind kinds[] = {
    lanes::kernel_kind::linear,       lanes::kernel_kind::polynomial,
    lanes::kernel_kind::gaussian,     lanes::kernel_kind::laplacian_l1,
    lanes::kernel_kind::laplacian_l2, lanes::kernel_kind::matern32,
    lanes::kernel_kind::matern52,     lanes::kernel_kind::rational,
    lanes::kernel_kind::sigmoid};

// Sums of products over every mixture of the statistics that a tile can hold.
std::vector<std::vector<lanes::kernel>> combinations() {
  using kind = lanes::kernel_kind;
  auto const rational = [](double power, bool times) {
    auto k = part(kind::rational, 0.4, 1.5, times);
    k.power = power;
    return k;
  };
  return {
      {part(kind::gaussian, 0.4, 2)},
      {part(kind::gaussian, 0.4), part(kind::matern32, 0.7, 3, true), rational(1, false)},
      {part(kind::gaussian, 0.4), part(kind::linear, 1, 0.5)},
      {part(kind::laplacian_l1, 0.2), part(kind::laplacian_l1, 0.9, 2)},
      {part(kind::laplacian_l1, 0.2), part(kind::sigmoid, 0.3, 1, true), rational(1.7, false)},
      {part(kind::polynomial, 0.5), part(kind::gaussian, 0.3, 1, true), part(kind::linear, 1),
       part(kind::laplacian_l1, 0.3, 1, true), part(kind::matern52, 0.6), rational(0.5, true),
       part(kind::laplacian_l2, 0.6), part(kind::sigmoid, 0.2)},
  };
}

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
  bool const centred = kind != lanes::kernel_kind::linear &&
                       kind != lanes::kernel_kind::polynomial &&
                       kind != lanes::kernel_kind::sigmoid;
  for_each_set([&] {
    std::vector<double> out(n * sides + 1, 0.25);
    auto const refs = lanes::pack_rows(y.data.data(), y.n, d, static_cast<std::ptrdiff_t>(y.ld), 1,
                                       centred ? mean.data() : nullptr);
    lanes::kernel_sums_block(refs, x.data.data(), static_cast<std::ptrdiff_t>(x.ld), 1, 0, n, k,
                             B == 0 ? nullptr : weights.data(), B, out.data());
    double worst = 0;
    for (std::size_t i = 0; i < n * sides; ++i) note(worst, std::fabs(out[i] - want[i]) / size[i]);
    CHECK(worst < 10 * tolerance<T>);
    CHECK(out[n * sides] == 0.25);
  });
}

}  // namespace

TEST_CASE_TEMPLATE("kernel sums and products against double loops", T, float, double) {
  for (auto kind : kinds) {
    // both sides of every set's tile, by rows and by columns
    // the loops are one for all: the rest of the families only have values of their own
    bool const own_values = kind > lanes::kernel_kind::laplacian_l1;
    sizes const few{5, 9, 49}, all{0, 1, 3, 4, 5, 7, 8, 9, 12, 13, 20, 21, 43, 44, 45, 49};
    for (std::size_t n : own_values ? few : all)
      for (std::size_t B : sizes{0, 1, 2}) check_sums<T>(kind, n, 3, B);
    for (std::size_t d : sizes{1, 33})
      for (std::size_t B : sizes{0, 17}) check_sums<T>(kind, 15, d, B);
  }
  // both sides of a block of columns, and of the references summed at once
  for (auto kind : {lanes::kernel_kind::gaussian, lanes::kernel_kind::polynomial})
    for (std::size_t B : sizes{8, 15, 24, 49, 97}) check_sums<T>(kind, 10, 2, B);
  check_sums<T>(lanes::kernel_kind::gaussian, 400, 2, 3);
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
                      lanes::kernel_kind::laplacian_l2, lanes::kernel_kind::matern32,
                      lanes::kernel_kind::matern52}) {
      auto const k = part(kind, 100);
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
    for (auto kind :
         {lanes::kernel_kind::linear, lanes::kernel_kind::polynomial, lanes::kernel_kind::gaussian,
          lanes::kernel_kind::laplacian_l1, lanes::kernel_kind::matern52})
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
          auto const packed = lanes::pack_rows(
              x.data.data(), n, 3, static_cast<std::ptrdiff_t>(x.ld), 1,
              kind == lanes::kernel_kind::linear || kind == lanes::kernel_kind::polynomial
                  ? nullptr
                  : mean.data());
          lanes::own_kernel_sums<T> const sums(packed, k, weighted ? weights.data() : nullptr);
          for (std::size_t a = 0; a < sums.blocks(); ++a)
            for (std::size_t b = a; b < sums.blocks(); ++b) sums.pair(a, b);
          double worst = 0;
          for (std::size_t i = 0; i < n; ++i)
            note(worst, std::fabs(sums.sums()[i] - want[i]) / size[i]);
          CHECK(worst < 10 * tolerance<T>);
        });
      }
  }
}

TEST_CASE_TEMPLATE("combinations: sums, several columns, own rows, the matrix", T, float, double) {
  std::vector<double> const mean{0.3, -0.2, 5.0};
  for (std::size_t n : sizes{1, 9, 50}) {
    auto x = random_rows<T>(n, 3, 2, 3);
    auto y = random_rows<T>(n + 5, 3, 1, 4);
    for (std::size_t i = 0; i < n; ++i) x(i, 2) += T(5);
    for (std::size_t i = 0; i < n + 5; ++i) y(i, 2) += T(5);
    if (n > 4)
      for (std::size_t c = 0; c < 3; ++c) y(3, c) = x(2, c);
    auto const w = random_rows<T>(n + 5, 3, 0, 5);
    std::vector<double> weights;
    for (std::size_t j = 0; j < n + 5; ++j)
      for (std::size_t b = 0; b < 3; ++b) weights.push_back(static_cast<double>(w(j, b)));
    int number = 0;
    for (auto const& parts : combinations()) {
      CAPTURE(n);
      CAPTURE(number++);
      std::vector<double> want(n * 3), size(n * 3, 1.0), own(n), own_size(n, 1.0);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n + 5; ++j)
          for (std::size_t b = 0; b < 3; ++b) {
            double const v = combined(x, i, y, j, parts) * weights[j * 3 + b];
            want[i * 3 + b] += v;
            size[i * 3 + b] += std::fabs(v);
          }
        for (std::size_t j = 0; j < n; ++j) {
          double const v = combined(x, i, x, j, parts) * weights[j];
          own[i] += v;
          own_size[i] += std::fabs(v);
        }
      }
      for_each_set([&] {
        auto const lx = static_cast<std::ptrdiff_t>(x.ld), ly = static_cast<std::ptrdiff_t>(y.ld);
        auto const refs = lanes::pack_rows(y.data.data(), n + 5, 3, ly, 1, mean.data());
        lanes::kernel_references<T> const both(refs, parts.data(), parts.size(), weights.data(), 3);
        std::vector<double> out(n * 3, 0.0);
        lanes::kernel_sums_block(both, x.data.data(), lx, 1, 0, n, out.data());
        double worst = 0;
        for (std::size_t i = 0; i < n * 3; ++i) note(worst, std::fabs(out[i] - want[i]) / size[i]);
        CHECK(worst < 20 * tolerance<T>);

        auto const among = lanes::pack_rows(x.data.data(), n, 3, lx, 1, mean.data());
        lanes::own_kernel_sums<T> const sums(among, parts.data(), parts.size(), weights.data());
        for (std::size_t a = 0; a < sums.blocks(); ++a)
          for (std::size_t b = a; b < sums.blocks(); ++b) sums.pair(a, b);
        worst = 0;
        for (std::size_t i = 0; i < n; ++i)
          note(worst, std::fabs(sums.sums()[i] - own[i]) / own_size[i]);
        CHECK(worst < 20 * tolerance<T>);

        // rows and columns apart in memory, then columns first; what lies between is not touched
        std::size_t const m = n + 5;
        std::vector<double> rows(n * (m + 2), -7.0), columns(n * m, -7.0);
        lanes::kernel_matrix_block(both, x.data.data(), lx, 1, 0, n, rows.data(),
                                   static_cast<std::ptrdiff_t>(m + 2), 1);
        lanes::kernel_matrix_block(both, x.data.data(), lx, 1, 0, n, columns.data(), 1,
                                   static_cast<std::ptrdiff_t>(n));
        worst = 0;
        for (std::size_t i = 0; i < n; ++i) {
          for (std::size_t j = 0; j < m; ++j) {
            double const v = combined(x, i, y, j, parts);
            note(worst, std::fabs(rows[i * (m + 2) + j] - v) / (1 + std::fabs(v)));
            if (columns[j * n + i] != rows[i * (m + 2) + j]) worst = 1;
          }
          CHECK(rows[i * (m + 2) + m] == -7.0);
          CHECK(rows[i * (m + 2) + m + 1] == -7.0);
        }
        CHECK(worst < 20 * tolerance<T>);

        std::vector<double> square(n * n);
        lanes::kernel_references<T> const alone(among, parts.data(), parts.size(), nullptr, 1);
        lanes::kernel_matrix_block(alone, x.data.data(), lx, 1, 0, n, square.data(),
                                   static_cast<std::ptrdiff_t>(n), 1);
        bool symmetric = true;
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < i; ++j)
            symmetric = symmetric && square[i * n + j] == square[j * n + i];
        CHECK(symmetric);
      });
    }
  }
}

TEST_CASE_TEMPLATE("Gaussian values over their whole range", T, float, double) {
  // (0, 0) from points on the axes: squared distances without rounding, from 0 to where exp is 0.
  std::size_t const m = 3000;
  double const gamma = sizeof(T) == 4 ? 1e-5 : 1e-4, least = sizeof(T) == 4 ? 87 : 708;
  std::vector<T> x(2 * m);
  for (std::size_t j = 0; j < m; ++j) x[2 * j + j % 2] = static_cast<T>(j);
  T const origin[2] = {T(0), T(0)};
  std::vector<double> const mean(2, 0.0);
  auto const kernel = part(lanes::kernel_kind::gaussian, gamma);
  for_each_set([&] {
    auto const refs = lanes::pack_rows(x.data(), m, 2, 2, 1, mean.data());
    lanes::kernel_references<T> const alone(refs, &kernel, 1, nullptr, 1);
    std::vector<double> out(m);
    lanes::kernel_matrix_block(alone, origin, 2, 1, 0, 1, out.data(),
                               static_cast<std::ptrdiff_t>(m), 1);
    CHECK(out[0] == 1);
    for (std::size_t j = 1; j < m; ++j) {
      double const power = gamma * static_cast<double>(j * j);
      CAPTURE(power);
      if (power > least)
        CHECK(out[j] <= std::exp(-least));
      else  // gamma and its product with the square are rounded once each
        CHECK(std::fabs(out[j] / std::exp(-power) - 1) <
              (2 + 2 * power) * std::numeric_limits<T>::epsilon() + 4e-16 * power);
    }
  });
}

TEST_CASE_TEMPLATE("parameters beyond the type: 1 at distance zero, 0 elsewhere", T, float,
                   double) {
  std::vector<T> const x{0, 1, 0, 2};
  for_each_set([&] {
    std::vector<double> const mean(1, 0.0);
    auto const refs = lanes::pack_rows(x.data(), 4, 1, 1, 1, mean.data());
    for (auto kind : {lanes::kernel_kind::gaussian, lanes::kernel_kind::laplacian_l1,
                      lanes::kernel_kind::laplacian_l2, lanes::kernel_kind::matern52,
                      lanes::kernel_kind::rational}) {
      CAPTURE(static_cast<int>(kind));
      for (double power : {0.5, 1.0, 3.0}) {
        auto k = part(kind, 1e308);
        k.power = power;
        std::vector<double> out(4, 0.0);
        lanes::kernel_sums_block(refs, x.data(), 1, 1, 0, 4, k, nullptr, 1, out.data());
        std::vector<double> const want{2, 1, 2, 1};
        for (std::size_t i = 0; i < 4; ++i) CHECK(std::fabs(out[i] - want[i]) < 1e-6);
      }
    }
  });
}
