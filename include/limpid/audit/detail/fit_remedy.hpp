// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/detail/fit_remedy.hpp
/// Softmax regression by what a report recommends.
#ifndef LIMPID_AUDIT_DETAIL_FIT_REMEDY_HPP
#define LIMPID_AUDIT_DETAIL_FIT_REMEDY_HPP

#include <limpid/audit/report.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpid::audit::detail {

/// Labels to train on: those of rows not held out; -1 elsewhere. No fold: all rows.
template <memory_space S>
struct training_labels {
  vector_view<std::int32_t const, S> from, fold;
  std::int32_t held_out;
  vector_view<std::int32_t, S> to;
  LIMPID_HD void operator()(std::size_t i) const {
    to[i] = fold.data && fold[i] == held_out ? -1 : from[i];
  }
};

inline constexpr double fit_floor = 1e-3;  ///< share of the uniform mixed into a T to fit through

inline matrix<double> without_zeros(matrix<double> t) {
  double const part = fit_floor / static_cast<double>(t.rows());
  for (std::size_t e = 0; e < t.rows() * t.cols(); ++e)
    t.data()[e] = (1 - fit_floor) * t.data()[e] + part;
  return t;
}

/// Softmax regression by the remedy of `r` on rows outside the fold.
template <class P, class T, memory_space S>
classify::softmax_model fit_remedy(P const& exec, matrix_view<T const, S> x,
                                   vector_view<std::int32_t const, S> y, report const& r,
                                   remedy how, vector_view<std::int32_t const, S> fold,
                                   std::int32_t held_out, classify::softmax_regression learner) {
  auto const train_on = ops::make_buffer<std::int32_t>(exec, y.size);
  if (how == remedy::repaired_labels) {
    auto const suggested = ops::upload(exec, r.suggested.view());
    auto const lead = ops::upload(exec, r.lead.view());
    ops::for_rows(exec, y.size,
                  training_labels<S>{suggested.view(), fold, held_out, train_on.view()});
    return learner.fit(exec, x, train_on.view(), vector_view<double const, S>(lead.view()),
                       r.classes);
  }
  if (how == remedy::forward_correction) learner.transition = without_zeros(r.transition);
  ops::for_rows(exec, y.size, training_labels<S>{y, fold, held_out, train_on.view()});
  return learner.fit(exec, x, train_on.view(), r.classes);
}

inline void check_report(std::string_view where, report const& r, std::size_t rows) {
  using limpid::detail::require;
  require(r.rows == rows, where, "report is of ", r.rows, " rows, features has ", rows);
  require(!r.transition.empty() && r.suggested.size() == rows, where,
          "report is of an audit that was stopped");
}

}  // namespace limpid::audit::detail

#endif  // LIMPID_AUDIT_DETAIL_FIT_REMEDY_HPP
