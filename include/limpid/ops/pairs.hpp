// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/pairs.hpp
/// Every two of some blocks once, as in a tournament.
#ifndef LIMPID_OPS_PAIRS_HPP
#define LIMPID_OPS_PAIRS_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/policy.hpp>

#include <cstddef>

namespace limpid::ops {

/// pair(a, b), a <= b, once for every two of `count` blocks and for each with itself, in `count`
/// rounds: no two calls of a round share a block, and a round ends before the next begins. So what
/// is written about a block needs no lock and is written in the same order for any number of
/// threads. `on_progress` (null or empty: nobody) is told the share of rounds done, about a hundred
/// times. False if it stopped.
template <host_policy P, class Pair>
bool in_pairs(P const& exec, std::size_t count, progress const* on_progress, Pair const& pair) {
  bool const told = on_progress && *on_progress;
  std::size_t const run = count / 100 + 1;
  // In round s block a meets block s - a modulo count.
  for (std::size_t s = 0; s < count; ++s) {
    std::size_t const low = s / 2 + 1, high = (count - s) / 2;
    exec.for_tiles(low + high, [&](std::size_t t) {
      if (t < low)
        pair(t, s - t);
      else
        pair(s + 1 + t - low, count - 1 - (t - low));
    });
    bool const last = s + 1 == count;
    if (told && (last || (s + 1) % run == 0) &&
        !(*on_progress)(static_cast<double>(s + 1) / static_cast<double>(count)))
      return false;
  }
  return true;
}

}  // namespace limpid::ops

#endif  // LIMPID_OPS_PAIRS_HPP
