// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/groups.hpp
/// The primitive over groups of rows: few, and each of them work for one worker.
#ifndef LIMPID_OPS_GROUPS_HPP
#define LIMPID_OPS_GROUPS_HPP

#include <limpid/exec/policy.hpp>

#include <cstddef>

namespace limpid::ops {

/// for_groups(exec, groups, f): f(g) for every group, in any order; f is portable scalar code, as a
/// row functor is, and writes only what belongs to its group. Unlike for_rows a group is a tile:
/// the rows of one class, not one row.
struct for_groups_fn {
  template <execution_policy P, class F>
  void operator()(P const& exec, std::size_t groups, F const& f) const {
    kernel<for_groups_fn, P>::run(exec, groups, f);
  }
  template <host_policy P, class F>
  static void host(P const& exec, std::size_t groups, F const& f) {
    exec.for_tiles(groups, f);
  }
};
inline constexpr for_groups_fn for_groups{};

}  // namespace limpid::ops

#endif  // LIMPID_OPS_GROUPS_HPP
