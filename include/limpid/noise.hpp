// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise.hpp
/// Noise generators: labels made wrong by a stated law.
#ifndef LIMPID_NOISE_HPP
#define LIMPID_NOISE_HPP

#include <limpid/noise/class_map.hpp>
#include <limpid/noise/from_transition.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/noise/pair_flip.hpp>
#include <limpid/noise/symmetric.hpp>

#endif  // LIMPID_NOISE_HPP
