// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/run_audit.hpp
/// All calls into the library are here.
#ifndef LIMPID_EXAMPLES_AUDIT_RUN_AUDIT_HPP
#define LIMPID_EXAMPLES_AUDIT_RUN_AUDIT_HPP

#include "findings.hpp"

#include <limpid/audit/examine.hpp>
#include <limpid/audit/examine_probabilities.hpp>
#include <limpid/audit/score_remedy.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#ifdef _OPENMP
#include <limpid/exec/par.hpp>
#endif

namespace limpid_audit {

namespace detail {

template <class Policy>
findings run(Policy const& exec, dataset const& data, request const& ask,
             limpid::progress const& progress) {
  bool const train = !data.features.empty();
  auto const part = [&](double first, double share) -> limpid::progress {
    return [&progress, first, share](double done) { return progress(first + share * done); };
  };
  limpid::audit::options const options{.classes = data.classes,
                                       .folds = ask.folds,
                                       .seed = ask.seed,
                                       .on_progress = part(0, train ? 0.5 : 1)};
  findings out;
  out.report =
      data.probabilities.empty()
          ? limpid::audit::examine(exec, data.features, data.given, options)
          : limpid::audit::examine_probabilities(exec, data.probabilities, data.given, options);
  if (train && !out.report.stopped) {
    auto again = options;
    again.on_progress = part(0.5, 0.5);
    auto const scores =
        limpid::audit::score_remedy(exec, data.features, data.given, data.truth, out.report, again);
    out.classifier =
        accuracies{scores.given, scores.repaired, scores.clean_given, scores.clean_repaired};
  }
  if (!data.truth.empty() && !out.report.stopped)
    out.with_truth = compare(out.report, data.given, data.truth);
  return out;
}

}  // namespace detail

inline findings run_audit(dataset const& data, request const& ask,
                          limpid::progress const& progress) {
  if (ask.threads == 1) return detail::run(limpid::simd, data, ask, progress);
#ifdef _OPENMP
  limpid::par_policy exec;
  exec.threads = ask.threads;
  return detail::run(exec, data, ask, progress);
#else
  refuse("--threads ", ask.threads, ": this program was built without OpenMP");
#endif
}

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_RUN_AUDIT_HPP
