// SPDX-License-Identifier: BSL-1.0
/// @file limpid/core/posterior_of.hpp
/// What a matrix of class probabilities is about.
#ifndef LIMPID_CORE_POSTERIOR_OF_HPP
#define LIMPID_CORE_POSTERIOR_OF_HPP

namespace limpid {

/// Whose probabilities the rows of P are.
enum class posterior_of {
  given,  ///< P(given label | x): what a model trained on the labels as they are predicts
  truth   ///< P(true label | x): what a corrected model predicts
};

}  // namespace limpid

#endif  // LIMPID_CORE_POSTERIOR_OF_HPP
