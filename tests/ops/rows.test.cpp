// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/rows.hpp>

#include <doctest/doctest.h>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstdint>

namespace {

using limpid::memory_space;
using limpid::vector;
using limpid::vector_view;
using limpid_test::each_policy;
namespace ops = limpid::ops;

constexpr std::size_t tile = ops::detail::row_tile;
// on both sides of one tile, of two, and of the 256 tiles of a sum
std::size_t const sizes[] = {0, 1, tile - 1, tile, tile + 1, 2 * tile + 1, 256 * tile + 5};

template <memory_space S>
struct count_visits {
  vector_view<std::uint8_t, S> seen;
  LIMPID_HD void operator()(std::size_t i) const { ++seen[i]; }
};
/// Its twin leaves a mark of its own.
template <memory_space S>
struct marked_visits {
  vector_view<std::uint8_t, S> seen;
  LIMPID_HD void operator()(std::size_t i) const { seen[i] = 1; }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    CHECK(begin < end);
    CHECK(end - begin <= tile);
    for (std::size_t i = begin; i < end; ++i) seen[i] = 2;
  }
};

TEST_CASE("for_rows: every row once; twins where the policy is vectorised") {
  for (std::size_t n : sizes) {
    INFO("n ", n);
    auto const visit = [&](auto const& exec) {
      vector<std::uint8_t> seen(n);
      ops::for_rows(exec, n, count_visits<memory_space::host>{seen.view()});
      return seen;
    };
    each_policy(visit, [&](auto const& seen) { CHECK(seen == vector<std::uint8_t>(n, 1)); });
    vector<std::uint8_t> seen(n);
    ops::for_rows(limpid::seq, n, marked_visits<memory_space::host>{seen.view()});
    CHECK(seen == vector<std::uint8_t>(n, 1));
    ops::for_rows(limpid::simd, n, marked_visits<memory_space::host>{seen.view()});
    CHECK(seen == vector<std::uint8_t>(n, 2));
    auto const there = ops::make_buffer<std::uint8_t>(limpid_test::device, n);
    ops::for_rows(limpid_test::device, n, marked_visits<memory_space::device>{there.view()});
    CHECK(ops::download(limpid_test::device, there.view()) == vector<std::uint8_t>(n, 1));
  }
}

/// Row i: 1, i, and 1 / (i + 1), whose sum depends on the order of additions.
struct three_sums {
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[0] += 1;
    sums[1] += static_cast<double>(i);
    sums[2] += 1 / static_cast<double>(i + 1);
  }
};

TEST_CASE("sum_rows: closed forms, bitwise for any number of threads") {
  for (std::size_t n : sizes) {
    INFO("n ", n);
    double const rows = static_cast<double>(n);
    long double harmonic = 0;
    for (std::size_t i = n; i > 0; --i) harmonic += 1 / static_cast<long double>(i);
    auto const check = [&](std::vector<double> const& sums) {
      REQUIRE(sums.size() == 3);
      CHECK(sums[0] == rows);
      CHECK(sums[1] == (n ? rows * (rows - 1) / 2 : 0));
      CHECK(sums[2] == doctest::Approx(static_cast<double>(harmonic)).epsilon(1e-13));
    };
    each_policy([&](auto const& exec) { return ops::sum_rows(exec, n, 3, three_sums{}); }, check);
    CHECK(ops::sum_rows(limpid_test::device, n, 3, three_sums{}) ==
          ops::sum_rows(limpid::seq, n, 3, three_sums{}));
  }
}

TEST_CASE("sum_rows: tiles follow n and width alone, and stay within 8 MB") {
  using ops::detail::tiles_of_sum;
  CHECK(tiles_of_sum(tile, 3).count == 1);
  CHECK(tiles_of_sum(tile + 1, 3).count == 2);
  CHECK(tiles_of_sum(1000 * tile, 3).count <= 256);
  CHECK(tiles_of_sum(1000 * tile, 1 << 16).count <= 16);
  CHECK(tiles_of_sum(1000 * tile, std::size_t{1} << 30).count == 1);
  CHECK(tiles_of_sum(0, 0).count == 0);
  for (std::size_t n : {tile + 1, 300 * tile + 7}) {
    auto const t = tiles_of_sum(n, 5);
    CHECK(t.begin(0) == 0);
    CHECK(t.end(t.count - 1) == n);
    CHECK(t.begin(t.count - 1) < n);
  }
}

struct extremes {
  std::int64_t least, most;
  std::size_t rows;
  bool operator==(extremes const&) const = default;
};
struct add_extremes {
  LIMPID_HD void operator()(std::size_t i, extremes& e) const {
    auto const v = static_cast<std::int64_t>(i * 7919 % 10007) - 5000;
    if (v < e.least) e.least = v;
    if (v > e.most) e.most = v;
    ++e.rows;
  }
};

TEST_CASE("fold_rows: smallest, largest and number") {
  for (std::size_t n : sizes) {
    INFO("n ", n);
    extremes expected{0, 0, n};
    for (std::size_t i = 0; i < n; ++i) {
      auto const v = static_cast<std::int64_t>(i * 7919 % 10007) - 5000;
      expected.least = v < expected.least ? v : expected.least;
      expected.most = v > expected.most ? v : expected.most;
    }
    auto const merge = [](extremes& a, extremes const& b) {
      if (b.least < a.least) a.least = b.least;
      if (b.most > a.most) a.most = b.most;
      a.rows += b.rows;
    };
    auto const run = [&](auto const& exec) {
      return ops::fold_rows(exec, n, extremes{0, 0, 0}, add_extremes{}, merge);
    };
    each_policy(run, [&](extremes const& e) { CHECK(e == expected); });
    CHECK(run(limpid_test::device) == expected);
  }
}

struct first_text {  // tiles are merged in order: the lowest rows of the first tile that has any
  std::size_t bad_from;
  LIMPID_HD int operator()(std::size_t i) const {
    return i >= bad_from ? static_cast<int>(i % 5) + 1 : 0;
  }
};

TEST_CASE("first_row: the lowest bad row of all tiles") {
  std::size_t const n = 3 * tile + 1;
  for (std::size_t bad : {std::size_t{0}, tile - 1, tile, 3 * tile, n}) {
    INFO("bad from ", bad);
    auto const run = [&](auto const& exec) {
      auto const found = ops::first_row(exec, n, first_text{bad});
      return std::vector<std::size_t>{found.row, static_cast<std::size_t>(found.code)};
    };
    std::vector<std::size_t> const expected =
        bad < n ? std::vector<std::size_t>{bad, bad % 5 + 1} : std::vector<std::size_t>{0, 0};
    each_policy(run, [&](auto const& found) { CHECK(found == expected); });
    CHECK(run(limpid_test::device) == expected);
  }
  CHECK(ops::first_row(limpid::simd, 0, first_text{0}).code == 0);
}

TEST_CASE("par: an exception in a tile reaches the caller") {
  limpid::par_policy par;
  par.threads = 3;
  auto const thrower = [](std::size_t t) {
    if (t == 5) throw limpid::input_error("tile 5");
  };
  CHECK_THROWS_WITH_AS(par.for_tiles(9, thrower), "tile 5", limpid::input_error);
}

}  // namespace
