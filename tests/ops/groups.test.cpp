// SPDX-License-Identifier: BSL-1.0
#include <limpid/ops/groups.hpp>

#include <doctest/doctest.h>

#include <limpid/ops/memory.hpp>

#include "ops/policies.hpp"
#include "support/emulated_device.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace {

namespace ops = limpid::ops;

/// The sum of what the group holds.
template <limpid::memory_space S>
struct sum_group {
  limpid::vector_view<double const, S> values;
  limpid::vector_view<std::size_t const, S> start;
  limpid::vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t g) const {
    out[g] = 0;
    for (std::size_t i = start[g]; i < start[g + 1]; ++i) out[g] += values[i];
  }
};

TEST_CASE("for_groups: every group once, under every policy") {
  for (std::size_t groups : {std::size_t{0}, std::size_t{1}, std::size_t{5}, std::size_t{3000}}) {
    limpid::vector<std::size_t> start(groups + 1);
    for (std::size_t g = 0; g < groups; ++g) start[g + 1] = start[g] + g % 7;  // some are empty
    limpid::vector<double> values(start[groups]);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 11);
    limpid::vector<double> want(groups);
    for (std::size_t g = 0; g < groups; ++g)
      for (std::size_t i = start[g]; i < start[g + 1]; ++i) want[g] += values[i];
    auto const run = [&](auto const& exec) {
      auto const v = ops::upload(exec, std::as_const(values).view());
      auto const s = ops::upload(exec, std::as_const(start).view());
      auto const out = ops::make_buffer<double>(exec, groups);
      constexpr auto S = std::remove_cvref_t<decltype(exec)>::space;
      ops::for_groups(exec, groups, sum_group<S>{v.view(), s.view(), out.view()});
      return ops::download(exec, out.view());
    };
    limpid_test::each_policy(run, [&](auto const& got) { CHECK(got == want); });
    CHECK(run(limpid_test::device) == want);
  }
}

}  // namespace
