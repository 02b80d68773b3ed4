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

// All distances of the first `rows` rows of x in double, sorted: once for every k and every set.
class oracle {
 public:
  template <class T>
  oracle(padded<T> const& x, padded<T> const& y, bool self, lanes::metric measure,
         std::size_t rows = ~std::size_t{0})
      : largest_(measure == lanes::metric::inner_product) {
    std::vector<double> yy(y.n);
    for (std::size_t j = 0; j < y.n; ++j)
      for (std::size_t c = 0; c < y.K; ++c)
        yy[j] += static_cast<double>(y(j, c)) * static_cast<double>(y(j, c));
    for (std::size_t i = 0; i < std::min(rows, x.n); ++i) {
      std::vector<std::pair<double, std::uint32_t>> all;
      double xx = 0;
      for (std::size_t c = 0; c < x.K; ++c)
        xx += static_cast<double>(x(i, c)) * static_cast<double>(x(i, c));
      for (std::size_t j = 0; j < y.n; ++j) {
        if (self && i == j) continue;
        T const *const a = &x(i, 0), *const b = &y(j, 0);
        double sum = 0;
        if (measure == lanes::metric::squared_euclidean) {
          for (std::size_t c = 0; c < x.K; ++c) {
            double const gap = static_cast<double>(a[c]) - static_cast<double>(b[c]);
            sum += gap * gap;
          }
        } else {
          for (std::size_t c = 0; c < x.K; ++c)
            sum += static_cast<double>(a[c]) * static_cast<double>(b[c]);
        }
        double const key = measure == lanes::metric::squared_euclidean ? sum
                           : measure == lanes::metric::inner_product   ? -sum
                           : xx * yy[j] > 0 ? 1 - sum / (std::sqrt(xx) * std::sqrt(yy[j]))
                                            : 1;
        all.emplace_back(key, static_cast<std::uint32_t>(j));
      }
      std::sort(all.begin(), all.end());
      sorted_.push_back(std::move(all));
    }
  }
  answer nearest(std::size_t k) const {
    answer out;
    for (auto const& row : sorted_)
      for (std::size_t t = 0; t < k; ++t) {
        bool const there = t < row.size();
        double const key = there ? row[t].first : std::numeric_limits<double>::infinity();
        out.idx.push_back(there ? row[t].second : ~std::uint32_t{0});
        out.dist.push_back(largest_ ? -key : key);
      }
    return out;
  }

 private:
  bool largest_;
  std::vector<std::vector<std::pair<double, std::uint32_t>>> sorted_;
};

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
              lanes::metric measure, std::size_t step, std::size_t rows = ~std::size_t{0}) {
  rows = std::min(rows, x.n);
  auto const mean = means(y);
  auto const refs = lanes::pack_rows(
      y.data.data(), y.n, y.K, static_cast<std::ptrdiff_t>(y.ld), 1,
      measure == lanes::metric::squared_euclidean ? mean.data() : nullptr, measure);
  answer out{std::vector<std::uint32_t>(rows * k), std::vector<double>(rows * k)};
  for (std::size_t q = 0; q < rows; q += step) {
    std::size_t const end = std::min(rows, q + step);
    lanes::nearest_block(refs, x.data.data(), static_cast<std::ptrdiff_t>(x.ld), 1, q, end, k, self,
                         out.idx.data() + q * k, out.dist.data() + q * k);
  }
  return out;
}

}  // namespace

namespace {

constexpr lanes::metric measures[] = {lanes::metric::squared_euclidean, lanes::metric::cosine,
                                      lanes::metric::inner_product};

// The first `rows` rows of x, under every set and for every k.
template <class T>
void check_equal(padded<T> const& x, padded<T> const& y, sizes ks, bool self, lanes::metric measure,
                 std::size_t rows = ~std::size_t{0}) {
  oracle const truth(x, y, self, measure, rows);
  for (std::size_t k : ks) {
    auto const want = truth.nearest(k);
    for_each_set([&] {
      CAPTURE(x.n);
      CAPTURE(y.n);
      CAPTURE(x.K);
      CAPTURE(k);
      CAPTURE(static_cast<int>(measure));
      auto const got = blocks(x, y, k, self, measure, 100, rows);
      CHECK(got.idx == want.idx);
      CHECK(got.dist == want.dist);
    });
  }
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

// own_search over blocks of x with itself.
template <class T>
answer own_blocks(padded<T> const& x, std::size_t k, bool self, lanes::metric measure,
                  std::size_t block) {
  auto const mean = means(x);
  auto const packed = lanes::pack_rows(
      x.data.data(), x.n, x.K, static_cast<std::ptrdiff_t>(x.ld), 1,
      measure == lanes::metric::squared_euclidean ? mean.data() : nullptr, measure);
  lanes::own_search<T> const search(packed, k, self, block);
  std::size_t const count = search.blocks();
  for (std::size_t a = 0; a < count; ++a)
    for (std::size_t b = count; b-- > a;) search.pair(a, b);
  answer out{std::vector<std::uint32_t>(x.n * k), std::vector<double>(x.n * k)};
  std::size_t const cut = x.n / 3;
  search.finish(0, cut, out.idx.data(), out.dist.data());
  search.finish(cut, x.n, out.idx.data() + cut * k, out.dist.data() + cut * k);
  return out;
}

template <class T>
void check_own(padded<T> const& x, sizes ks, lanes::metric measure) {
  for (bool self : {x.n % 2 == 0, x.n % 3 == 0}) {
    oracle const truth(x, x, self, measure);
    for (std::size_t k : ks) {
      auto const want = truth.nearest(k);
      for_each_set([&] {
        CAPTURE(x.n);
        CAPTURE(x.K);
        CAPTURE(k);
        CAPTURE(self);
        CAPTURE(static_cast<int>(measure));
        auto const got = own_blocks(x, k, self, measure, x.n > 150 ? 0 : 1);
        CHECK(got.idx == want.idx);
        CHECK(got.dist == want.dist);
      });
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("rows among themselves: half the products, the same answer", T, float, double) {
  for (auto measure : measures) {
    // both sides of every set's tile and panel
    for (std::size_t n : sizes{0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 23, 24, 25, 47, 48, 49})
      check_own(random_rows<T>(n, 3, 3, 21), {n % 2 == 0 ? std::size_t{1} : std::size_t{4}},
                measure);
    check_own(random_rows<T>(33, 17, 1, 5), {2, 33}, measure);
    for (std::size_t n : sizes{96, 97, 194}) check_own(random_rows<T>(n, 2, 0, 5), {5}, measure);
  }
  // ties beyond number, and squares that overflow: searched again
  padded<T> x(70, 3, 1);
  for (std::size_t i = 0; i < x.n; ++i)
    for (std::size_t c = 0; c < 3; ++c) x(i, c) = static_cast<T>((i * 7 + c * i / 3) % 3);
  for (auto measure : measures) check_own(x, {1, 12}, measure);
  check_own(clusters<T>(70, 3, 1e5, 1.0), {7}, lanes::metric::squared_euclidean);
  x(5, 1) = sizeof(T) == 4 ? T(1e22) : static_cast<T>(1e153);
  check_own(x, {3}, lanes::metric::squared_euclidean);
}

TEST_CASE_TEMPLATE("k nearest rows equal brute force in double", T, float, double) {
  for (auto measure : measures) {
    // both sides of every set's tile, by rows and by columns
    for (std::size_t n :
         sizes{0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 23, 24, 25, 47, 48, 49, 97}) {
      auto const x = random_rows<T>(n, 3, 3, 21);
      check_equal(x, x, {n % 2 == 0 ? std::size_t{1} : std::size_t{4}}, true, measure);
      auto const y = random_rows<T>(n + 7, 3, 1, 22);
      check_equal(x, y, {3}, false, measure);
    }
    for (std::size_t d : sizes{1, 2, 17, 40}) {
      if (measure == lanes::metric::cosine && d == 1)
        continue;  // all ties in exact arithmetic, not in double
      auto const x = random_rows<T>(33, d, 3, 21);
      check_equal(x, x, {1, 4, 33}, true, measure);
    }
  }
}

TEST_CASE_TEMPLATE("the answer does not depend on the blocks", T, float, double) {
  auto const x = random_rows<T>(101, 5, 2, 4);
  auto const many = random_rows<T>(530, 5, 0, 4);  // more than are searched at a time
  for_each_set([&] {
    auto const whole = blocks(x, x, 6, true, lanes::metric::squared_euclidean, 301);
    for (std::size_t step : sizes{1, 13, 14, 100}) {
      auto const parts = blocks(x, x, 6, true, lanes::metric::squared_euclidean, step);
      CHECK(parts.idx == whole.idx);
      CHECK(parts.dist == whole.dist);
    }
    CHECK(blocks(many, x, 1, false, lanes::metric::squared_euclidean, 530).idx ==
          blocks(many, x, 1, false, lanes::metric::squared_euclidean, 77).idx);
  });
}

TEST_CASE_TEMPLATE("duplicates and lattice ties go to the lower index", T, float, double) {
  std::mt19937 gen(9);
  padded<T> x(90, 3, 1);
  for (std::size_t i = 0; i < x.n; ++i)
    for (std::size_t c = 0; c < 3; ++c) x(i, c) = static_cast<T>(gen() % 4);
  auto const want = oracle(x, x, true, lanes::metric::squared_euclidean).nearest(10);
  for_each_set([&] {
    // Uncentred small integers are exact in T: every tie is a tie of the fused scores too.
    auto const refs =
        lanes::pack_rows(x.data.data(), x.n, 3, static_cast<std::ptrdiff_t>(x.ld), 1, nullptr);
    answer got{std::vector<std::uint32_t>(x.n * 10), std::vector<double>(x.n * 10)};
    lanes::nearest_block(refs, x.data.data(), static_cast<std::ptrdiff_t>(x.ld), 1, 0, x.n, 10,
                         true, got.idx.data(), got.dist.data());
    CHECK(got.idx == want.idx);
    CHECK(got.dist == want.dist);
  });
}

TEST_CASE("float32 data far from the origin: recall 1") {
  auto const x = random_rows<float>(300, 16, 0, 31, 1000.0, 1.0);
  check_equal(x, x, {10}, true, lanes::metric::squared_euclidean);
}

TEST_CASE_TEMPLATE("many neighbours, many references", T, float, double) {
  auto const x = random_rows<T>(1100, 3, 0, 8);
  check_equal(x, x, {100, 120, 121, 300, 1000, 1090, 1099, 1100, 1200}, false,
              lanes::metric::squared_euclidean, 2);
}

TEST_CASE_TEMPLATE("column strides", T, float, double) {
  auto const x = random_rows<T>(60, 5, 0, 8);
  std::vector<T> t(300);
  for (std::size_t i = 0; i < 60; ++i)
    for (std::size_t c = 0; c < 5; ++c) t[c * 60 + i] = x(i, c);
  auto const want = oracle(x, x, true, lanes::metric::squared_euclidean).nearest(3);
  for_each_set([&] {
    auto const refs = lanes::pack_rows(t.data(), 60, 5, 1, 60, nullptr);
    answer got{std::vector<std::uint32_t>(180), std::vector<double>(180)};
    lanes::nearest_block(refs, t.data(), 1, 60, 0, 60, 3, true, got.idx.data(), got.dist.data());
    CHECK(got.idx == want.idx);
  });
}

namespace {

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

}  // namespace

TEST_CASE_TEMPLATE("clusters far apart", T, float, double) {
  for (double apart : {1e3, 1e5, 1e9})
    for (auto measure : measures) {
      CAPTURE(apart);
      auto const x = clusters<T>(60, 5, apart, 1.0);
      check_equal(x, x, {7}, true, measure);
    }
  CHECK(searched_again(clusters<float>(90, 5, 1e5, 1.0), 7) > 80);
}

TEST_CASE_TEMPLATE("binary rows: ties beyond number", T, float, double) {
  std::mt19937 gen(5);
  padded<T> x(600, 12, 2);  // more than are measured at a time
  for (std::size_t i = 0; i < x.n; ++i)
    for (std::size_t c = 0; c < x.K; ++c) x(i, c) = static_cast<T>(gen() % 4 == 0);
  for (auto measure : measures) check_equal(x, x, {1, 10, 60}, true, measure, 16);
  x.n = 120;
  CHECK(searched_again(x, 10) > 60);
}

TEST_CASE_TEMPLATE("all rows equal", T, float, double) {
  for (T value : {T(0), T(0.1)}) {
    padded<T> x(530, 9, 0);  // more than are measured at a time
    for (auto& v : x.data) v = value;
    for (auto measure : measures) check_equal(x, x, {5, 500}, true, measure, 5);
  }
}

TEST_CASE_TEMPLATE("k near the number of references", T, float, double) {
  auto const x = clusters<T>(90, 4, 1e4, 1e-2);
  for (auto measure : measures)
    for (bool self : {true, false})
      check_equal(x, x, {80, 81, 82, 83, 88, 89, 90, 91, 95}, self, measure, 10);
}

TEST_CASE_TEMPLATE("squares that overflow or vanish", T, float, double) {
  int const e = sizeof(T) == 4 ? 22 : 153;
  for (double scale : {std::pow(10.0, e), std::pow(10.0, -e), std::pow(10.0, -e - 4)})
    for (auto measure : measures) {
      if (measure == lanes::metric::cosine && sizeof(T) == 8 && scale < 1)
        continue;  // the norms vanish in double too
      CAPTURE(scale);
      auto const x = random_rows<T>(60, 6, 0, 12, 0.0, scale);
      check_equal(x, x, {5}, true, measure);
    }
  auto mixed = random_rows<T>(60, 6, 0, 12);
  for (std::size_t c = 0; c < 6; ++c) {
    mixed(3, c) = static_cast<T>(std::pow(10.0, e));
    mixed(50, c) = static_cast<T>(-std::pow(10.0, e));
    mixed(30, c) = T(0);
  }
  for (auto measure : measures) check_equal(mixed, mixed, {5}, true, measure);
}

TEST_CASE_TEMPLATE("ordinary rows are searched once", T, float, double) {
  for (std::size_t d : sizes{2, 16, 300})
    CHECK(searched_again(random_rows<T>(d > 16 ? 300 : 1200, d, 0, 3), 10) <= 2);
}
