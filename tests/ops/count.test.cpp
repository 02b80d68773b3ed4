// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/count.hpp>

#include <doctest/doctest.h>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstdint>
#include <map>
#include <utility>

namespace {

using limpid::matrix;
using limpid::vector;
using limpid::vector_view;
namespace ops = limpid::ops;
using labels = vector<std::int32_t>;

TEST_CASE("count_pairs: by hand") {
  labels const a{0, 1, 1, 2, -1, 0}, b{1, 1, 0, -1, 0, 1};
  vector<double> const w{0.5, 2, 4, 100, 100, 0.25};
  CHECK(ops::count_pairs(limpid::simd, a.view(), b.view(), 3, 2) ==
        matrix<double>{{0, 2}, {1, 1}, {0, 0}});
  CHECK(ops::count_pairs(limpid::simd, a.view(), b.view(), 3, 2, w.view()) ==
        matrix<double>{{0, 0.75}, {4, 2}, {0, 0}});
  CHECK(ops::count_pairs(limpid::simd, vector_view<std::int32_t const>{},
                         vector_view<std::int32_t const>{}, 1, 2) == matrix<double>(1, 2));
}

TEST_CASE("count_pairs: every policy and size, counted in a map") {
  for (std::size_t n : {std::size_t{1}, std::size_t{2047}, std::size_t{2049}, std::size_t{20000}}) {
    INFO("n ", n);
    std::vector<std::int32_t> spread(2 * n);  // every second element
    labels b(n);
    vector<double> w(n);
    std::map<std::pair<std::int32_t, std::int32_t>, double> counted, weighed;
    for (std::size_t i = 0; i < n; ++i) {
      limpid::random_stream draw(5, 0, i);
      auto const u = static_cast<std::int32_t>(draw.below(8)) - 1,
                 v = static_cast<std::int32_t>(draw.below(4)) - 1;
      spread[2 * i] = u;
      b[i] = v;
      w[i] = static_cast<double>(draw.below(16)) / 16;  // sums of these are exact
      counted[{u, v}] += 1;
      weighed[{u, v}] += w[i];
    }
    matrix<double> counts(7, 3), weights(7, 3);
    for (std::int32_t u = 0; u < 7; ++u)
      for (std::int32_t v = 0; v < 3; ++v) {
        counts(static_cast<std::size_t>(u), static_cast<std::size_t>(v)) = counted[{u, v}];
        weights(static_cast<std::size_t>(u), static_cast<std::size_t>(v)) = weighed[{u, v}];
      }
    vector_view<std::int32_t const> const a(spread.data(), n, 2);
    limpid_test::each_policy(
        [&](auto const& exec) { return ops::count_pairs(exec, a, std::as_const(b).view(), 7, 3); },
        [&](auto const& got) { CHECK(got == counts); });
    limpid_test::each_policy(
        [&](auto const& exec) {
          return ops::count_pairs(exec, a, std::as_const(b).view(), 7, 3, std::as_const(w).view());
        },
        [&](auto const& got) { CHECK(got == weights); });
    auto const da = ops::upload(limpid_test::device, a),
               db = ops::upload(limpid_test::device, std::as_const(b).view());
    using there = vector_view<std::int32_t const, limpid::memory_space::device>;
    CHECK(ops::count_pairs(limpid_test::device, there(da.view()), there(db.view()), 7, 3) ==
          counts);
  }
}

}  // namespace
