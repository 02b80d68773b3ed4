// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/detail/choose.hpp
/// Exact sampling: so many of the rows, each as likely as the others.
#ifndef LIMPID_NOISE_DETAIL_CHOOSE_HPP
#define LIMPID_NOISE_DETAIL_CHOOSE_HPP

#include <limpid/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::noise::detail {

/// floor(share * count), a product that is a whole number up to rounding being that number.
inline std::size_t whole_part(double share, std::size_t count) {
  double const exact = share * static_cast<double>(count);
  auto const out = static_cast<std::size_t>(std::floor(exact + 1e-9 * (1 + exact)));
  return out < count ? out : count;
}

/// `some` of the rows, in random order: those with the smallest keys, a row's key being its own
/// draw.
inline std::vector<std::size_t> choose_rows(std::vector<std::size_t> const& rows, std::size_t some,
                                            std::uint64_t seed, std::uint32_t stream) {
  std::vector<std::pair<std::uint64_t, std::size_t>> keyed(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    random_stream draw(seed, stream, rows[r]);
    std::uint64_t const high = draw(), low = draw();
    keyed[r] = {high << 32 | low, rows[r]};
  }
  some = some < rows.size() ? some : rows.size();
  auto const end = keyed.begin() + static_cast<std::ptrdiff_t>(some);
  if (some < keyed.size()) std::nth_element(keyed.begin(), end, keyed.end());
  std::sort(keyed.begin(), end);
  std::vector<std::size_t> out(some);
  for (std::size_t r = 0; r < some; ++r) out[r] = keyed[r].second;
  return out;
}

}  // namespace limpid::noise::detail

#endif  // LIMPID_NOISE_DETAIL_CHOOSE_HPP
