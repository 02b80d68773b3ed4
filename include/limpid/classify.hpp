// SPDX-License-Identifier: BSL-1.0
/// @file limpid/classify.hpp
/// The classifier concept, softmax regression, out-of-fold probabilities.
#ifndef LIMPID_CLASSIFY_HPP
#define LIMPID_CLASSIFY_HPP

#include <limpid/classify/classifier.hpp>
#include <limpid/classify/folds.hpp>
#include <limpid/classify/nearest_neighbours.hpp>
#include <limpid/classify/out_of_fold.hpp>
#include <limpid/classify/softmax_regression.hpp>

#endif  // LIMPID_CLASSIFY_HPP
