// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/options.hpp
/// What can be asked of an audit.
#ifndef LIMPID_AUDIT_OPTIONS_HPP
#define LIMPID_AUDIT_OPTIONS_HPP

#include <limpid/core/progress.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid::audit {

struct options {
  std::size_t classes =
      0;  ///< K; examine needs it, examine_probabilities takes P's width where it is 0
  std::size_t folds = 5;      ///< of score_remedy; 2..n
  std::uint64_t seed = 0;     ///< of the folds
  double level = 0.95;        ///< of the intervals, (0, 1)
  bool validate = true;       ///< look for bad rows first, one pass
  progress on_progress = {};  ///< told the fraction done; false stops the work
};

}  // namespace limpid::audit

#endif  // LIMPID_AUDIT_OPTIONS_HPP
