// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/reading.hpp
/// What an estimate of T was chosen from, and why.
#ifndef LIMPID_TRANSITION_READING_HPP
#define LIMPID_TRANSITION_READING_HPP

#include <limpid/core/matrix.hpp>

namespace limpid::transition {

/// One way to read the joint counts of true and given labels.
enum class reading_kind {
  arg_max,    ///< the most probable class of P against the label
  confident,  ///< confident learning's calibrated joint
  expected,   ///< expected counts of the posterior on P, sharpened as far as its doubts are noise
  generous,   ///< the same on P as it is: labels have the benefit of every doubt
  views,   ///< own label, a neighbour's label and a classifier's class as three views of the true
           ///< class
  triples  ///< labels of a row and its two nearest (hoc)
};

/// What T was taken from.
enum class estimate_rule {
  counts,  ///< expected counts, and the median of arg_max, confident and expected
  views    ///< the views
};

/// Why that rule.
enum class estimate_reason {
  no_features,           ///< counts: nothing but probabilities is known
  few_neighbours,        ///< counts: too few for votes beside the two nearest, and no probabilities
  too_many_classes,      ///< counts: the views' table has K^3 cells
  one_class,             ///< counts: nothing to tell apart
  unrelated_neighbours,  ///< counts: near rows' labels tell nothing of a row's own
  related_neighbours     ///< views: they do
};

/// What the rows are ordered by, the most doubtful first.
enum class estimate_order {
  log_odds,        ///< of P(label is right | x, label): T tells which labels are mistaken for which
  self_confidence  ///< P(label): T would tell of the classifier's errors
};

/// A number and the interval it lies in with the stated probability.
struct bounded {
  double estimate = 0, low = 0, high = 0;
};

/// One of the estimates that T was chosen from.
struct reading {
  reading_kind kind = reading_kind::arg_max;
  matrix<double> transition;  ///< K x K
  double noise_rate = 0;      ///< share of wrong labels by it
  double weight = 0;          ///< its part in T; sums to 1 over the readings
  double distance = 0;        ///< mean |its entries - T's|
};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_READING_HPP
