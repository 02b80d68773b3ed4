// SPDX-License-Identifier: BSL-1.0
#include <limpid/core/random.hpp>

#include <boost/random/normal_distribution.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>
#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#endif

namespace {

using limpid::random_stream;
using words = random_stream::words;

}  // namespace

TEST_CASE("random: Philox4x32-10 gives its authors' known answers") {
  // kat_vectors of Random123 (philox4x32 10): counter, key, answer
  CHECK(random_stream::philox({0, 0, 0, 0}, {0, 0}) ==
        words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(random_stream::philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                              {0xffffffff, 0xffffffff}) ==
        words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(random_stream::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                              {0xa4093822, 0x299f31d0}) ==
        words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  static_assert(random_stream::philox({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5);
}

#if __has_include(<Random123/philox.h>)
TEST_CASE("random: Philox4x32-10 agrees with Random123") {
  std::mt19937 some(5);
  auto const word = [&] { return static_cast<std::uint32_t>(some()); };
  for (int trial = 0; trial < 2000; ++trial) {
    words const counter{word(), word(), word(), word()};
    std::uint32_t const k0 = word(), k1 = word();
    r123::Philox4x32 peer;
    r123::Philox4x32::ctr_type const c{{counter[0], counter[1], counter[2], counter[3]}};
    r123::Philox4x32::key_type const k{{k0, k1}};
    auto const expected = peer(c, k);
    auto const got = random_stream::philox(counter, {k0, k1});
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(got[i] == expected[i]);
  }
}
#endif

TEST_CASE("random: a draw is a function of seed, stream, row and its number") {
  std::uint64_t const seed = 0x1122334455667788, row = 0xaabbccdd00112233;
  random_stream stream(seed, 9, row);
  for (std::uint32_t block = 0; block < 3; ++block) {
    words const expected =
        random_stream::philox({block, 9, 0x00112233, 0xaabbccdd}, {0x55667788, 0x11223344});
    for (std::size_t i = 0; i < 4; ++i) CHECK(stream() == expected[i]);
  }
  static_assert(std::uniform_random_bit_generator<random_stream>);
  static_assert(random_stream(0)() == 0x6627e8d5);
}

TEST_CASE("random: streams differ") {
  std::set<std::uint64_t> first;
  std::size_t count = 0;
  for (std::uint64_t seed : {0ull, 1ull, 1ull << 32})
    for (std::uint32_t stream : {0u, 1u, 2u})
      for (std::uint64_t row : {0ull, 1ull, 2ull, 1ull << 32, (1ull << 32) + 1}) {
        random_stream r(seed, stream, row);
        first.insert((std::uint64_t{r()} << 32) | r());
        ++count;
      }
  CHECK(first.size() == count);
  random_stream a(1, 2, 3), b(1, 2, 3);
  for (int i = 0; i < 100; ++i) REQUIRE(a() == b());

  // neighbouring rows are uncorrelated: 20000 pairs, |r| below 4 standard errors
  double sum = 0;
  for (std::uint64_t row = 0; row < 20000; ++row)
    sum +=
        (random_stream(7, 0, row).uniform() - 0.5) * (random_stream(7, 0, row + 1).uniform() - 0.5);
  CHECK(std::abs(sum / 20000 * 12) < 4 / std::sqrt(20000.0));
}

TEST_CASE("random: uniform is on [0, 1) with 53 bits") {
  random_stream known(0);
  double const high = 0x6627e8d5, low = 0xe169c58d;
  CHECK(known.uniform() == std::ldexp(high, -32) + std::ldexp(std::floor(low / 2048), -53));

  random_stream r(3);
  double sum = 0, squares = 0, smallest = 1, largest = 0;
  bool on_grid = true, finer_than_float = false;
  int const n = 200000;
  for (int i = 0; i < n; ++i) {
    double const u = r.uniform(), scaled = std::ldexp(u, 53);
    on_grid = on_grid && scaled == std::floor(scaled);
    finer_than_float = finer_than_float || std::fmod(scaled, 2) == 1;
    sum += u;
    squares += u * u;
    smallest = std::fmin(smallest, u);
    largest = std::fmax(largest, u);
  }
  CHECK(smallest >= 0);
  CHECK(largest < 1);
  CHECK(on_grid);
  CHECK(finer_than_float);
  CHECK(sum / n == doctest::Approx(0.5).epsilon(0.005));
  CHECK(squares / n - sum * sum / n / n == doctest::Approx(1.0 / 12).epsilon(0.01));
}

TEST_CASE("random: below is unbiased") {
  random_stream r(11);
  for (std::uint64_t bound : {2u, 3u, 10u, 97u}) {
    std::vector<double> count(bound);
    double const n = 100000, expected = n / static_cast<double>(bound);
    for (int i = 0; i < 100000; ++i) count.at(r.below(bound)) += 1;
    double chi2 = 0;
    for (double c : count) chi2 += (c - expected) * (c - expected) / expected;
    double const freedom = static_cast<double>(bound - 1);
    CHECK(chi2 < freedom + 5 * std::sqrt(2 * freedom) + 5);  // far beyond the 1 - 1e-5 quantile
  }
  // a remainder alone would give the first third twice the chance: 1/2 instead of 1/3
  std::uint64_t const third = std::uint64_t{1} << 62, bound = 3 * third;
  int low = 0;
  for (int i = 0; i < 30000; ++i) {
    std::uint64_t const x = r.below(bound);
    REQUIRE(x < bound);
    low += x < third;
  }
  CHECK(low / 30000.0 == doctest::Approx(1.0 / 3).epsilon(0.03));
  CHECK(r.below(1) == 0);
  std::uint64_t const largest = ~std::uint64_t{0};
  CHECK(r.below(largest) < largest);
  // a power of two rejects nothing: two words a draw
  random_stream a(4), b(4);
  for (int i = 0; i < 10; ++i) {
    std::uint64_t const high = b(), x = (high << 32) | b();
    REQUIRE(a.below(std::uint64_t{1} << 40) == x % (std::uint64_t{1} << 40));
  }
}

TEST_CASE("random: the distributions of Boost.Random take it") {
  random_stream r(21, 1);
  boost::random::normal_distribution<double> normal;
  double sum = 0, squares = 0;
  int const n = 50000;
  for (int i = 0; i < n; ++i) {
    double const x = normal(r);
    sum += x;
    squares += x * x;
  }
  CHECK(std::abs(sum / n) < 4 / std::sqrt(static_cast<double>(n)));
  CHECK(squares / n == doctest::Approx(1).epsilon(0.03));
}
