// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/score_remedy.hpp
/// How much training with an audit helps.
#ifndef LIMPID_AUDIT_SCORE_REMEDY_HPP
#define LIMPID_AUDIT_SCORE_REMEDY_HPP

#include <limpid/audit/detail/fit_remedy.hpp>
#include <limpid/audit/options.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/classify/folds.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/ops/check.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpid::audit {

namespace detail {

/// Adds a hit for each held-out row whose prediction is its label, and the row.
template <memory_space S>
struct held_out_hits {
  vector_view<std::int32_t const, S> predicted, label, fold;
  std::int32_t held_out;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (fold[i] == held_out) sums[0] += predicted[i] == label[i] ? 1 : 0;
  }
};

}  // namespace detail

/// Accuracy of rows predicted out of fold, 0..1.
struct classifier_scores {
  double given = 0,
         repaired = 0;  ///< against the given labels: trained on them; trained by the remedy
  double clean_given = 0,
         clean_repaired = 0;  ///< the same two against the truth; 0 where it is not known
};

/// What the recommended remedy does to softmax regression: stratified folds, trained twice on all
/// but one and judged on it.
///
/// Against given labels, themselves partly wrong, a better classifier may well score lower: the
/// truth decides.
///
/// @param exec      where to run
/// @param features  n x d
/// @param labels    n, given labels
/// @param truth     n, true labels, or empty
/// @param r         the audit's report on them. It has seen all rows, so that a held-out row's own
/// label has had a say, through its
///                  neighbours' repair, in the training of its judge.
/// @param o         folds, seed, on_progress
/// @return  classifier_scores
/// @throws  input_error  as train; folds outside 2..n
/// @par Complexity   2 * folds fits
struct score_remedy_fn {
  using primitives = uses<classify::softmax_regression, ops::copy_fn>;

  template <execution_policy P, real_matrix M, label_vector L, label_vector Truth>
  classifier_scores operator()(P const& exec, M const& features, L const& labels,
                               Truth const& truth, report const& r, options const& o = {}) const {
    limpid::detail::enter<score_remedy_fn, P, M, L, Truth>();
    constexpr std::string_view where = "audit::score_remedy";
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    auto&& held_truth = limpid::detail::materialise(truth);
    constexpr auto S = P::space;
    matrix_view<value_t<M> const, S> const x = limpid::view(held);
    vector_view<value_t<L> const, S> const given = limpid::view(held_labels);
    vector_view<value_t<Truth> const, S> const clean = limpid::view(held_truth);
    std::size_t const n = x.rows;
    ops::check_rows(where, "features", n, "labels", given.size);
    if (clean.size) ops::check_rows(where, "features", n, "truth", clean.size);
    detail::check_report(where, r, n);
    auto const codes = ops::check_labels(exec, where, "labels", given, r.classes);
    auto const truths = ops::check_labels(exec, where, "truth", clean, r.classes);

    return run(exec, x, codes.view(),
               clean.size ? truths.view() : vector_view<std::int32_t const, S>{}, r, o);
  }

  template <real_matrix M, label_vector L, label_vector Truth>
  classifier_scores operator()(M const& features, L const& labels, Truth const& truth,
                               report const& r, options const& o = {}) const {
    return (*this)(default_policy, features, labels, truth, r, o);
  }

 private:
  template <class P, class T, memory_space S>
  static classifier_scores run(P const& exec, matrix_view<T const, S> x,
                               vector_view<std::int32_t const, S> y,
                               vector_view<std::int32_t const, S> clean, report const& r,
                               options const& o) {
    std::size_t const n = x.rows;
    auto const dealt = classify::folds(exec, y, r.classes, {.count = o.folds, .seed = o.seed});
    auto const on_device = ops::upload(exec, dealt.fold.view());
    vector_view<std::int32_t const, S> const fold = on_device.view();
    classifier_scores hits;
    std::size_t done = 0;
    for (std::int32_t held_out = 0; held_out < static_cast<std::int32_t>(o.folds); ++held_out)
      for (remedy const how : {remedy::none, r.recommended}) {
        auto const model =
            detail::fit_remedy(exec, x, y, r, how, fold, held_out, {.validate = false});
        auto const predicted = model.predict(exec, x);
        auto const there = ops::upload(exec, predicted.view());
        auto const score = [&](vector_view<std::int32_t const, S> against) {
          return ops::sum_rows(exec, n, 1,
                               detail::held_out_hits<S>{there.view(), against, fold, held_out})[0] /
                 static_cast<double>(n);
        };
        bool const first = done % 2 == 0;
        (first ? hits.given : hits.repaired) += score(y);
        if (clean.data) (first ? hits.clean_given : hits.clean_repaired) += score(clean);
        ++done;
        if (o.on_progress &&
            !o.on_progress(static_cast<double>(done) / (2 * static_cast<double>(o.folds))))
          return hits;
      }
    return hits;
  }
};
inline constexpr score_remedy_fn score_remedy{};

}  // namespace limpid::audit

#endif  // LIMPID_AUDIT_SCORE_REMEDY_HPP
