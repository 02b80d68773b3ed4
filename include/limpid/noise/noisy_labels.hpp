// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/noisy_labels.hpp
/// What a generator of label noise returns.
#ifndef LIMPID_NOISE_NOISY_LABELS_HPP
#define LIMPID_NOISE_NOISY_LABELS_HPP

#include <limpid/core/matrix.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid::noise {

/// Labels with noise, and what noise it was. n rows, K classes; T(i, j) = P(noisy label j | true
/// label i).
struct noisy_labels {
  vector<std::int32_t> labels;   ///< n; unlabelled rows stay -1
  vector<std::uint8_t> flipped;  ///< n, 1 where the label changed
  double realised_rate = 0;  ///< share of labelled rows whose label changed; 0 if there are none
  matrix<double> realised;   ///< K x K, shares as drawn; the unit row where a class has no rows
  matrix<double>
      expected;  ///< K x K, the law the labels were drawn from, averaged over the rows of a class
                 ///< where it depends on the row; empty if that was not asked for
  vector<std::size_t>
      class_rows;  ///< K, rows of each true class: 0 = row of `realised` says nothing
};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_NOISY_LABELS_HPP
