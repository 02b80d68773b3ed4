// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/sampling.hpp
/// Two ways to follow a rate.
#ifndef LIMPID_NOISE_SAMPLING_HPP
#define LIMPID_NOISE_SAMPLING_HPP

#include <limpid/core/config.hpp>

namespace limpid::noise {

/// How a rate becomes labels.
enum class sampling {
  iid,   ///< each row draws on its own: the realised rate scatters about the asked one
  exact  ///< floor(rate * rows) rows, chosen without replacement, the remainder stays right
};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_SAMPLING_HPP
