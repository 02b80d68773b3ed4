// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/pairs.hpp>

#include <doctest/doctest.h>

#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace {

namespace ops = limpid::ops;

TEST_CASE("in_pairs: every two blocks once, in rounds in which each block has one partner") {
  for (std::size_t count = 0; count < 12; ++count) {
    INFO("count ", count);
    std::vector<int> met(count * count), calls(count);
    std::vector<double> told;
    limpid::progress const tell = [&](double share) {
      told.push_back(share);
      // a block has met as many as there were rounds
      for (std::size_t a = 0; a < count; ++a) CHECK(calls[a] == static_cast<int>(told.size()));
      return true;
    };
    CHECK(ops::in_pairs(limpid::seq, count, &tell, [&](std::size_t a, std::size_t b) {
      REQUIRE(a <= b);
      REQUIRE(b < count);
      ++met[a * count + b];
      ++calls[a];
      if (a != b) ++calls[b];
    }));
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t b = 0; b < count; ++b) CHECK(met[a * count + b] == (a <= b ? 1 : 0));
    CHECK(told.size() == count);
    if (count) CHECK(told.back() == 1);
  }
}

TEST_CASE("in_pairs: partners of a block come in the same order for any number of threads") {
  constexpr std::size_t count = 23;
  auto const order = [&](int threads) {
    std::vector<std::vector<std::size_t>> partners(count);
    limpid::par_policy par;
    par.threads = threads;
    CHECK(ops::in_pairs(par, count, nullptr, [&](std::size_t a, std::size_t b) {
      partners[a].push_back(b);
      if (a != b) partners[b].push_back(a);
    }));
    return partners;
  };
  auto const one = order(1);
  for (int threads : {2, 3, 7}) CHECK(order(threads) == one);
}

TEST_CASE("in_pairs: told about a hundred times, and stopped") {
  std::size_t told = 0, met = 0;
  limpid::progress const count_them = [&](double) { return ++told, true; };
  CHECK(ops::in_pairs(limpid::seq, 350, &count_them, [&](std::size_t, std::size_t) { ++met; }));
  CHECK(told > 50);
  CHECK(told <= 101);
  CHECK(met == 350 * 351 / 2);
  met = 0;
  limpid::progress const stop = [&](double) { return false; };
  CHECK_FALSE(ops::in_pairs(limpid::seq, 9, &stop, [&](std::size_t, std::size_t) { ++met; }));
  CHECK(met == 5);  // one round: four pairs and one block with itself
}

}  // namespace
