// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/findings.hpp
/// What an audit found, as the reports are written from it.
#ifndef LIMPID_EXAMPLES_AUDIT_FINDINGS_HPP
#define LIMPID_EXAMPLES_AUDIT_FINDINGS_HPP

#include "input.hpp"
#include "truth.hpp"

#include <limpid/audit/report.hpp>

#include <optional>

namespace limpid_audit {

/// Of a classifier, out of fold, 0..1: trained on the labels as given, and by the recommended
/// remedy.
struct accuracies {
  double given, repaired;              ///< against the given labels
  double clean_given, clean_repaired;  ///< against the truth; without meaning where it is not known
};

struct findings {
  limpid::audit::report report;
  std::optional<accuracies> classifier;        ///< with features only
  std::optional<truth_comparison> with_truth;  ///< with the truth only
};

struct audit_record {
  dataset const& data;
  findings const& found;
};

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_FINDINGS_HPP
