// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <limpid/simd/confident.hpp>

using namespace lanes_test;
namespace lanes = limpid::lanes;

namespace {
constexpr std::size_t widths[] = {1, 2, 3, 9, 16, 17, 31, 32, 33, 47, 64, 65, 130};
constexpr std::size_t heights[] = {0, 1, 2, 17, 63, 64, 65, 131};

template <class T>
padded<T> distributions(std::size_t n, std::size_t K, std::mt19937& gen) {
  padded<T> p(n, K, 3);
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += p(i, k) = static_cast<T>(1 + gen() % 8);
    for (std::size_t k = 0; k < K; ++k)
      p(i, k) = static_cast<T>(static_cast<double>(p(i, k)) / sum);
  }
  return p;
}
}  // namespace

TEST_CASE_TEMPLATE("confident_rows: guess, arg max and maximum of rows with ties", T, float,
                   double) {
  std::mt19937 gen(5);
  for_each_set([&] {
    for (std::size_t K : widths)
      for (std::size_t n : heights) {
        CAPTURE(K);
        CAPTURE(n);
        auto const p = distributions<T>(n, K, gen);
        std::vector<T> bound(K);
        for (auto& b : bound)
          b = static_cast<T>(static_cast<double>(1 + gen() % 3) * 1.6 / static_cast<double>(K));
        std::vector<std::int32_t> guess(n + 1, -9), best(n + 1, -9), alone(n + 1, -9);
        std::vector<T> top(n + 1, T(-9));
        auto const report = lanes::confident_rows(p.data.data(), p.ld, n, K, bound.data(), 1e-3,
                                                  guess.data(), best.data(), top.data());
        CHECK(report.row == n);
        lanes::confident_rows(p.data.data(), p.ld, n, K, bound.data(), -1.0, alone.data(),
                              static_cast<std::int32_t*>(nullptr), static_cast<T*>(nullptr));
        CHECK(alone == guess);
        for (std::size_t i = 0; i < n; ++i) {
          std::size_t w = 0;
          int members = 0, only = -1;
          for (std::size_t k = 0; k < K; ++k) {
            if (p(i, k) > p(i, w)) w = k;
            if (p(i, k) >= bound[k]) {
              ++members;
              only = static_cast<int>(k);
            }
          }
          CHECK(best[i] == static_cast<int>(w));
          CHECK(top[i] == p(i, w));
          CHECK(guess[i] == (members == 0 ? -1 : members == 1 ? only : static_cast<int>(w)));
        }
        CHECK((guess[n] == -9 && best[n] == -9 && top[n] == T(-9)));
      }
  });
}

// Sums near the tolerance are decided in double, by row_check.
TEST_CASE_TEMPLATE("confident_rows: finds the row that row_check finds", T, float, double) {
  std::mt19937 gen(6);
  for_each_set([&] {
    for (std::size_t K : widths) {
      std::size_t const n = 70;
      auto const good = distributions<T>(n, K, gen);
      std::vector<T> const bound(K, T(0.5));
      std::vector<std::int32_t> guess(n);
      auto const agree = [&](padded<T> const& p, std::size_t row) {
        auto const want = lanes::row_check(p.data.data(), p.ld, n, K, 1e-3);
        auto const got =
            lanes::confident_rows(p.data.data(), p.ld, n, K, bound.data(), 1e-3, guess.data(),
                                  static_cast<std::int32_t*>(nullptr), static_cast<T*>(nullptr));
        CHECK(want.row == row);
        CHECK(got.row == want.row);
        CHECK(got.fault == want.fault);
        CHECK(((got.value == want.value) || (std::isnan(got.value) && std::isnan(want.value))));
      };
      for (std::size_t row : {std::size_t{0}, std::size_t{63}, std::size_t{64}, n - 1})
        for (std::size_t k : {std::size_t{0}, K / 2, K - 1}) {
          CAPTURE(K);
          CAPTURE(row);
          auto p = good;
          p(row, k) = std::numeric_limits<T>::quiet_NaN();
          agree(p, row);
          p(row, k) = std::numeric_limits<T>::infinity();
          agree(p, row);
          p(row, k) = T(-2e-6);
          agree(p, row);
          p(row, k) = good(row, k) + T(1.1e-3);
          agree(p, row);
          p(row, k) = good(row, k) + T(0.9e-3);  // within the tolerance, beyond half of it
          agree(p, K == 1 ? row : n);            // one class: above 1
        }
    }
  });
}

TEST_CASE_TEMPLATE("row_margins, margin_hits", T, float, double) {
  std::mt19937 gen(7);
  for_each_set([&] {
    for (std::size_t K : widths) {
      if (K < 2) continue;
      std::size_t const n = 40;
      auto const p = distributions<T>(n, K, gen);
      std::vector<std::int32_t> y(n);
      for (auto& label : y) label = static_cast<std::int32_t>(gen() % K);
      y[0] = 0, y[1] = static_cast<std::int32_t>(K) - 1;
      std::vector<double> margin(n + 1, -9);
      lanes::row_margins(p.data.data(), p.ld, n, K, y.data(), margin.data());
      for (std::size_t i = 0; i < n; ++i) {
        auto const own = static_cast<std::size_t>(y[i]);
        T other = own == 0 ? p(i, 1) : p(i, 0);
        for (std::size_t k = 0; k < K; ++k)
          if (k != own && p(i, k) > other) other = p(i, k);
        CHECK(margin[i] == static_cast<double>(p(i, own)) - static_cast<double>(other));

        std::vector<std::int32_t> column;
        std::vector<double> limit;
        std::vector<std::uint32_t> want;
        for (std::size_t k = 0; k < K; k += 1 + gen() % 3) {
          double const m = static_cast<double>(p(i, k)) - static_cast<double>(p(i, own));
          column.push_back(static_cast<std::int32_t>(k));
          limit.push_back(gen() % 3 == 0 ? m : gen() % 2 == 0 ? m + 1e-12 : m - 1e-12);
          if (m >= limit.back()) want.push_back(static_cast<std::uint32_t>(column.size() - 1));
        }
        std::vector<std::uint32_t> hit(column.size());
        T const* const row = p.data.data() + i * p.ld;
        hit.resize(lanes::margin_hits(row, row, column.data(), column.size(),
                                      static_cast<double>(p(i, own)), limit.data(), hit.data()));
        CHECK(hit == want);
      }
      CHECK(margin[n] == -9);
    }
  });
}
