// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise.hpp
/// Noise generators: labels made wrong by a stated law.
#ifndef LIMPID_NOISE_HPP
#define LIMPID_NOISE_HPP

#include <limpid/noise/biased.hpp>
#include <limpid/noise/boundary.hpp>
#include <limpid/noise/boundary_margin.hpp>
#include <limpid/noise/class_map.hpp>
#include <limpid/noise/from_transition.hpp>
#include <limpid/noise/hierarchical.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/knn_accuracy.hpp>
#include <limpid/noise/multilabel.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/noise/open_set.hpp>
#include <limpid/noise/pair_flip.hpp>
#include <limpid/noise/polynomial_margin.hpp>
#include <limpid/noise/random_transition.hpp>
#include <limpid/noise/sampling.hpp>
#include <limpid/noise/symmetric.hpp>

#endif  // LIMPID_NOISE_HPP
