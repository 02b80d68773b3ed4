// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/detail/write_report.hpp
/// From an estimate to a report: what every audit says.
#ifndef LIMPID_AUDIT_DETAIL_WRITE_REPORT_HPP
#define LIMPID_AUDIT_DETAIL_WRITE_REPORT_HPP

#include <limpid/audit/options.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/core/error.hpp>
#include <limpid/mixture/split_losses.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/transition/estimate.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace limpid::audit::detail {

inline void check_options(std::string_view where, options const& o) {
  limpid::detail::require(o.level > 0 && o.level < 1, where, "level is ", o.level,
                          "; it must be between 0 and 1");
}

inline bool go_on(options const& o, double fraction) {
  return !o.on_progress || o.on_progress(fraction);
}

/// Options of the estimate inside; it takes the first `share` of the time.
inline transition::estimate_options estimating(options const& o, double share) {
  transition::estimate_options e{.level = o.level, .validate = false};
  if (o.on_progress) e.on_progress = [&o, share](double f) { return go_on(o, share * f); };
  return e;
}

inline void copy_estimate(transition::estimate_result e, report& r) {
  r.rows = e.rows;
  r.classes = e.classes;
  r.noise_rate = e.noise_rate;
  r.prior = std::move(e.prior);
  r.transition = std::move(e.transition);
  r.transition_low = std::move(e.low);
  r.transition_high = std::move(e.high);
  r.class_noise.assign(r.classes, {});
  for (std::size_t k = 0; k < r.classes; ++k)
    r.class_noise[k] = {1 - r.transition(k, k), 1 - r.transition_high(k, k),
                        1 - r.transition_low(k, k)};
  r.given_count = std::move(e.given_count);
  r.rule = e.rule;
  r.reason_of_rule = e.reason;
  r.readings = std::move(e.readings);
  r.p_right = std::move(e.p_right);
  r.suggested = std::move(e.suggested);
  r.lead = std::move(e.lead);
  r.ranking = std::move(e.ranking);
  r.loss = std::move(e.label_loss);
  r.converged = e.converged;
}

inline void mark_issues(vector<std::int32_t> const& given, report& r) {
  r.is_issue = vector<std::uint8_t>(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) r.is_issue[i] = r.suggested[i] != given[i];
}

/// Two Gaussians on the labels' losses.
template <class P>
void split(P const& exec, report& r) {
  auto const loss = ops::upload(exec, std::as_const(r.loss).view());
  auto const halves = mixture::split_losses(exec, vector_view<double const, P::space>(loss.view()),
                                            {.validate = false});
  r.split = {halves.fit.scale_low, halves.fit.scale_high, {}, {}, {}, halves.fit.justified};
  for (std::size_t c = 0; c < 2; ++c) {
    r.split.weight[c] = halves.fit.weight[c];
    r.split.mean[c] = halves.fit.mean[c];
    r.split.variance[c] = halves.fit.variance[c];
  }
}

/// Which use of the labels is promised most by the report.
inline void recommend(report& r) {
  double wrong_after = 0;  // expected share of suggestions that are wrong
  for (std::size_t i = 0; i < r.rows; ++i) wrong_after += (1 - r.lead[i]) / 2;
  wrong_after /= static_cast<double>(r.rows);
  std::string const about = "About " +
                            limpid::detail::text(std::round(1000 * r.noise_rate.estimate) / 10) +
                            " % of the labels are wrong";
  if (r.classes < 2 || r.noise_rate.estimate < 0.005) {
    r.recommended = remedy::none;
    r.reason = about + ": too few to act on.";
  } else if (wrong_after < r.noise_rate.estimate) {
    r.recommended = remedy::repaired_labels;
    r.reason = about +
               ". Train on the suggested labels, each row weighted by its lead: "
               "fewer of those are expected to be wrong.";
  } else {
    r.recommended = remedy::forward_correction;
    r.reason = about +
               ", and single rows cannot be told apart well enough to repair them. "
               "Train through the transition matrix.";
  }
}

/// What to distrust.
inline void warn(report& r) {
  auto const say = [&](std::string sentence) { r.warnings.push_back(std::move(sentence)); };
  for (std::size_t k = 0; k < r.classes; ++k) {
    std::string const name = std::to_string(k);
    if (r.given_count[k] == 0)
      say("No row is labelled " + name + "; its row and column of T rest on nothing.");
    else if (r.given_count[k] < 30)
      say("Only " + std::to_string(r.given_count[k]) + " rows are labelled " + name +
          "; its row of T is a rough guess.");
  }
  if (r.noise_rate.high - r.noise_rate.low > 0.25)
    say("The readings of the noise rate disagree: the interval is wider than 25 points.");
  if (r.reason_of_rule == transition::estimate_reason::unrelated_neighbours)
    say("Near rows share labels no more often than any two rows do: the features tell nothing of "
        "the labels.");
  for (std::size_t k = 0; k < r.classes && r.classes > 1; ++k)
    for (std::size_t j = 0; j < r.classes; ++j)
      if (j != k && r.transition(k, j) > r.transition(k, k))
        say("Class " + std::to_string(k) + " is labelled " + std::to_string(j) +
            " more often than " + std::to_string(k) +
            "; the names of the two may have changed places.");
  if (!r.split.justified)
    say("The losses do not fall into two groups; a split into clean and wrong rows by loss alone "
        "is "
        "not justified.");
}

}  // namespace limpid::audit::detail

#endif  // LIMPID_AUDIT_DETAIL_WRITE_REPORT_HPP
