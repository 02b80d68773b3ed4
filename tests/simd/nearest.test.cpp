// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <algorithm>

#include <limpid/simd/nearest.hpp>

using namespace lanes_test;
namespace lanes = limpid::lanes;

namespace {

struct answer {
  std::vector<std::uint32_t> idx;
  std::vector<double> dist;
};

template <class T>
answer brute(padded<T> const& x, padded<T> const& y, std::size_t k, bool self,
             lanes::metric measure) {
  answer out;
  for (std::size_t i = 0; i < x.n; ++i) {
    std::vector<std::pair<double, std::uint32_t>> all;
    for (std::size_t j = 0; j < y.n; ++j) {
      if (self && i == j) continue;
      double dot = 0, xx = 0, yy = 0, dd = 0;
      for (std::size_t c = 0; c < x.K; ++c) {
        double const a = static_cast<double>(x(i, c)), b = static_cast<double>(y(j, c));
        dot += a * b;
        xx += a * a;
        yy += b * b;
        dd += (a - b) * (a - b);
      }
      double const key = measure == lanes::metric::squared_euclidean ? dd
                         : measure == lanes::metric::cosine
                             ? (xx * yy > 0 ? 1 - dot / (std::sqrt(xx) * std::sqrt(yy)) : 1)
                             : -dot;
      all.emplace_back(key, static_cast<std::uint32_t>(j));
    }
    std::sort(all.begin(), all.end());
    for (std::size_t t = 0; t < k; ++t) {
      bool const there = t < all.size();
      double const none = std::numeric_limits<double>::infinity();
      double const key = there ? all[t].first : none;
      out.idx.push_back(there ? all[t].second : ~std::uint32_t{0});
      out.dist.push_back(measure == lanes::metric::inner_product ? -key : key);
    }
  }
  return out;
}

template <class T>
std::vector<double> means(padded<T> const& y) {
  std::vector<double> m(y.K, 0.0);
  for (std::size_t c = 0; c < y.K; ++c) {
    for (std::size_t j = 0; j < y.n; ++j) m[c] += static_cast<double>(y(j, c));
    if (y.n > 0) m[c] /= static_cast<double>(y.n);
  }
  return m;
}

template <class T>
answer blocks(padded<T> const& x, padded<T> const& y, std::size_t k, bool self,
              lanes::metric measure, std::size_t step) {
  auto const mean = means(y);
  auto const refs = lanes::pack_rows(
      y.data.data(), y.n, y.K, static_cast<std::ptrdiff_t>(y.ld), 1,
      measure == lanes::metric::squared_euclidean ? mean.data() : nullptr, measure);
  answer out{std::vector<std::uint32_t>(x.n * k), std::vector<double>(x.n * k)};
  for (std::size_t q = 0; q < x.n; q += step) {
    std::size_t const end = std::min(x.n, q + step);
    lanes::nearest_block(refs, x.data.data(), static_cast<std::ptrdiff_t>(x.ld), 1, q, end, k, self,
                         out.idx.data() + q * k, out.dist.data() + q * k);
  }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("k nearest rows equal brute force in double", T, float, double) {
  for_each_set([&] {
    for (auto measure :
         {lanes::metric::squared_euclidean, lanes::metric::cosine, lanes::metric::inner_product})
      for (std::size_t n : sizes{0, 1, 2, 5, 14, 15, 31, 32, 33, 130})
        for (std::size_t d : sizes{1, 2, 3, 17, 40})
          for (std::size_t k : sizes{1, 4, 33}) {
            if (measure == lanes::metric::cosine && d == 1)
              continue;  // all ties in exact arithmetic, not in double
            CAPTURE(n);
            CAPTURE(d);
            CAPTURE(k);
            CAPTURE(static_cast<int>(measure));
            auto const x = random_rows<T>(n, d, 3, 21);
            auto const want = brute(x, x, k, true, measure);
            auto const got = blocks(x, x, k, true, measure, 1000);
            CHECK(got.idx == want.idx);
            CHECK(got.dist == want.dist);
            auto const y = random_rows<T>(n + 7, d, 1, 22);
            auto const other = blocks(x, y, k, false, measure, 1000);
            CHECK(other.idx == brute(x, y, k, false, measure).idx);
          }
  });
}

TEST_CASE_TEMPLATE("the answer does not depend on the blocks", T, float, double) {
  auto const x = random_rows<T>(301, 19, 2, 4);
  for_each_set([&] {
    auto const whole = blocks(x, x, 6, true, lanes::metric::squared_euclidean, 301);
    for (std::size_t step : sizes{1, 13, 14, 100}) {
      auto const parts = blocks(x, x, 6, true, lanes::metric::squared_euclidean, step);
      CHECK(parts.idx == whole.idx);
      CHECK(parts.dist == whole.dist);
    }
  });
}

TEST_CASE_TEMPLATE("duplicates and lattice ties go to the lower index", T, float, double) {
  std::mt19937 gen(9);
  for_each_set([&] {
    padded<T> x(200, 3, 1);
    for (std::size_t i = 0; i < x.n; ++i)
      for (std::size_t c = 0; c < 3; ++c) x(i, c) = static_cast<T>(gen() % 4);
    auto const want = brute(x, x, 10, true, lanes::metric::squared_euclidean);
    // Uncentred small integers are exact in T: every tie is a tie of the fused scores too.
    auto const refs =
        lanes::pack_rows(x.data.data(), x.n, 3, static_cast<std::ptrdiff_t>(x.ld), 1, nullptr);
    answer got{std::vector<std::uint32_t>(x.n * 10), std::vector<double>(x.n * 10)};
    lanes::nearest_block(refs, x.data.data(), static_cast<std::ptrdiff_t>(x.ld), 1, 0, x.n, 10,
                         true, got.idx.data(), got.dist.data());
    CHECK(got.idx == want.idx);
    CHECK(got.dist == want.dist);
    padded<T> same(100, 5, 0);
    for (auto& v : same.data) v = T(3);
    auto const ones = blocks(same, same, 4, true, lanes::metric::squared_euclidean, 100);
    CHECK(ones.idx == brute(same, same, 4, true, lanes::metric::squared_euclidean).idx);
  });
}

TEST_CASE("float32 data far from the origin: recall 1") {
  auto const x = random_rows<float>(1500, 16, 0, 31, 1000.0, 1.0);
  auto const want = brute(x, x, 10, true, lanes::metric::squared_euclidean);
  for_each_set([&] {
    auto const got = blocks(x, x, 10, true, lanes::metric::squared_euclidean, 512);
    CHECK(got.idx == want.idx);
    CHECK(got.dist == want.dist);
  });
}

TEST_CASE_TEMPLATE("many neighbours, many references", T, float, double) {
  auto const x = random_rows<T>(2500, 3, 0, 8);
  padded<T> q(20, 3, 0);
  for (std::size_t i = 0; i < 20; ++i)
    for (std::size_t c = 0; c < 3; ++c) q(i, c) = x(i * 7, c);
  for_each_set([&] {
    for (std::size_t k : sizes{100, 120, 121, 300, 1000, 2490, 2500, 2600}) {
      CAPTURE(k);
      auto const got = blocks(q, x, k, false, lanes::metric::squared_euclidean, 20);
      CHECK(got.idx == brute(q, x, k, false, lanes::metric::squared_euclidean).idx);
    }
  });
}

TEST_CASE_TEMPLATE("column strides", T, float, double) {
  auto const x = random_rows<T>(60, 5, 0, 8);
  std::vector<T> t(300);
  for (std::size_t i = 0; i < 60; ++i)
    for (std::size_t c = 0; c < 5; ++c) t[c * 60 + i] = x(i, c);
  for_each_set([&] {
    auto const refs = lanes::pack_rows(t.data(), 60, 5, 1, 60, nullptr);
    answer got{std::vector<std::uint32_t>(180), std::vector<double>(180)};
    lanes::nearest_block(refs, t.data(), 1, 60, 0, 60, 3, true, got.idx.data(), got.dist.data());
    CHECK(got.idx == brute(x, x, 3, true, lanes::metric::squared_euclidean).idx);
  });
}

namespace {

constexpr lanes::metric measures[] = {lanes::metric::squared_euclidean, lanes::metric::cosine,
                                      lanes::metric::inner_product};

template <class T>
void check_equal(padded<T> const& x, padded<T> const& y, std::size_t k, bool self,
                 lanes::metric measure) {
  auto const want = brute(x, y, k, self, measure);
  for_each_set([&] {
    CAPTURE(k);
    CAPTURE(static_cast<int>(measure));
    auto const got = blocks(x, y, k, self, measure, 100);
    CHECK(got.idx == want.idx);
    CHECK(got.dist == want.dist);
  });
}

// How many rows of x the bound could not vouch for.
template <class T>
std::size_t searched_again(padded<T> const& x, std::size_t k) {
  auto const mean = means(x);
  auto const refs =
      lanes::pack_rows(x.data.data(), x.n, x.K, static_cast<std::ptrdiff_t>(x.ld), 1, mean.data());
  answer got{std::vector<std::uint32_t>(x.n * k), std::vector<double>(x.n * k)};
  std::size_t again = 0;
  lanes::detail::nearest_block(refs, x.data.data(), static_cast<std::ptrdiff_t>(x.ld), 1, 0, x.n, k,
                               true, got.idx.data(), got.dist.data(), again);
  return again;
}

template <class T>
padded<T> clusters(std::size_t n, std::size_t d, double apart, double spread) {
  auto x = random_rows<T>(n, d, 1, 77, 0.0, spread);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d; ++c)
      x(i, c) =
          static_cast<T>(static_cast<double>(x(i, c)) + apart * static_cast<double>((i + c) % 3));
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("clusters far apart", T, float, double) {
  for (double apart : {1e3, 1e5, 1e9})
    for (auto measure : measures) {
      CAPTURE(apart);
      check_equal(clusters<T>(330, 5, apart, 1.0), clusters<T>(330, 5, apart, 1.0), 7, true,
                  measure);
    }
  CHECK(searched_again(clusters<float>(330, 5, 1e5, 1.0), 7) > 300);
}

TEST_CASE_TEMPLATE("binary rows: ties beyond number", T, float, double) {
  std::mt19937 gen(5);
  padded<T> x(700, 12, 2);
  for (std::size_t i = 0; i < x.n; ++i)
    for (std::size_t c = 0; c < x.K; ++c) x(i, c) = static_cast<T>(gen() % 4 == 0);
  for (auto measure : measures)
    for (std::size_t k : sizes{1, 10, 60}) check_equal(x, x, k, true, measure);
  CHECK(searched_again(x, 10) > 300);
}

TEST_CASE_TEMPLATE("all rows equal", T, float, double) {
  for (T value : {T(0), T(0.1)}) {
    padded<T> x(530, 9, 0);  // more than are measured at a time
    for (auto& v : x.data) v = value;
    for (auto measure : measures)
      for (std::size_t k : sizes{5, 500}) check_equal(x, x, k, true, measure);
  }
}

TEST_CASE_TEMPLATE("k near the number of references", T, float, double) {
  auto const x = clusters<T>(90, 4, 1e4, 1e-2);
  for (auto measure : measures)
    for (std::size_t k : sizes{80, 81, 82, 83, 88, 89, 90, 91, 95}) {
      check_equal(x, x, k, true, measure);
      check_equal(x, x, k, false, measure);
    }
}

TEST_CASE_TEMPLATE("squares that overflow or vanish", T, float, double) {
  int const e = sizeof(T) == 4 ? 22 : 153;
  for (double scale : {std::pow(10.0, e), std::pow(10.0, -e), std::pow(10.0, -e - 4)})
    for (auto measure : measures) {
      if (measure == lanes::metric::cosine && sizeof(T) == 8 && scale < 1)
        continue;  // the norms vanish in double too
      CAPTURE(scale);
      auto const x = random_rows<T>(150, 6, 0, 12, 0.0, scale);
      check_equal(x, x, 5, true, measure);
    }
  auto mixed = random_rows<T>(150, 6, 0, 12);
  for (std::size_t c = 0; c < 6; ++c) {
    mixed(3, c) = static_cast<T>(std::pow(10.0, e));
    mixed(140, c) = static_cast<T>(-std::pow(10.0, e));
    mixed(70, c) = T(0);
  }
  for (auto measure : measures) check_equal(mixed, mixed, 5, true, measure);
}

TEST_CASE_TEMPLATE("ordinary rows are searched once", T, float, double) {
  for (std::size_t d : sizes{2, 16, 300})
    CHECK(searched_again(random_rows<T>(1200, d, 0, 3), 10) <= 2);
}
