// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/steps.hpp
/// Tiles with a word to the caller between them.
#ifndef LIMPID_OPS_STEPS_HPP
#define LIMPID_OPS_STEPS_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/policy.hpp>

#include <cstddef>

namespace limpid::ops {

/// exec.for_tiles in about a hundred runs, `on_progress` (null or empty: nobody) told after each.
/// False if it stopped.
template <host_policy P, class Tile>
bool in_steps(P const& exec, std::size_t count, progress const* on_progress, Tile const& tile) {
  bool const told = on_progress && *on_progress;
  std::size_t const run = told ? count / 100 + 1 : count;
  for (std::size_t begin = 0; begin < count; begin += run) {
    std::size_t const here = count - begin < run ? count - begin : run;
    exec.for_tiles(here, [&](std::size_t t) { tile(begin + t); });
    if (told && !(*on_progress)(static_cast<double>(begin + here) / static_cast<double>(count)))
      return false;
  }
  return true;
}

}  // namespace limpid::ops

#endif  // LIMPID_OPS_STEPS_HPP
