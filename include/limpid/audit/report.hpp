// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/report.hpp
/// What an audit of a data set's labels says.
#ifndef LIMPID_AUDIT_REPORT_HPP
#define LIMPID_AUDIT_REPORT_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/transition/reading.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace limpid::audit {

/// A number and the interval it lies in with the stated probability.
using interval = transition::bounded;

/// Two Gaussians on the losses, scaled to [0, 1]: what a split into right and wrong labels would
/// rest on.
struct loss_split {
  double scale_low = 0, scale_high = 1;  ///< the loss that became 0 and the loss that became 1
  double weight[2] = {1, 0}, mean[2] = {0, 0},
         variance[2] = {0, 0};  ///< ascending mean; of scaled losses
  bool justified = false;       ///< two parts describe the losses better than one, and they part
};

/// How the labels are best used for training, by what was read from the data.
enum class remedy {
  none,                ///< as they are
  forward_correction,  ///< train through T
  repaired_labels      ///< train on `suggested`, each row weighted by its `lead`
};

/// K classes, n rows. T(i, j) = P(given label j | true label i).
struct report {
  std::size_t rows = 0, classes = 0;
  double level = 0.95;   ///< of every interval here
  interval noise_rate;   ///< share of rows whose given label is wrong, 0..1
  vector<double> prior;  ///< K, share of each true class
  matrix<double> transition, transition_low, transition_high;  ///< K x K
  std::vector<interval> class_noise;                           ///< K, 1 - T(k, k) with its interval
  vector<std::size_t> given_count;                             ///< K, rows that carry each label
  transition::estimate_rule rule = transition::estimate_rule::counts;  ///< what T was taken from
  transition::estimate_reason reason_of_rule =
      transition::estimate_reason::no_features;  ///< and why
  std::vector<transition::reading>
      readings;  ///< the estimates it was chosen from, with their weights

  vector<double> p_right;          ///< n, P(the given label is right)
  vector<std::int32_t> suggested;  ///< n, the most probable true label
  vector<double> lead;  ///< n, how far the suggested class leads the second, 0..1: the row's weight
                        ///< in repaired training
  vector<std::uint8_t> is_issue;  ///< n, 1 where another label is suggested than the given one
  vector<std::size_t> ranking;    ///< n, row numbers, the most doubtful first

  vector<double> loss;  ///< n, -log P(given label | x), out of fold
  loss_split split;

  remedy recommended = remedy::none;
  std::string reason;                 ///< why, in a sentence
  std::vector<std::string> warnings;  ///< what to distrust, a sentence each
  bool converged = true;              ///< every fit inside did
  bool stopped = false;  ///< on_progress asked to stop; what was not done by then is empty
};

}  // namespace limpid::audit

#endif  // LIMPID_AUDIT_REPORT_HPP
