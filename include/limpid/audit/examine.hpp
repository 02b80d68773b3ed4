// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/examine.hpp
/// A data set in, a report of its label noise out.
#ifndef LIMPID_AUDIT_EXAMINE_HPP
#define LIMPID_AUDIT_EXAMINE_HPP

#include <limpid/audit/detail/fit_remedy.hpp>
#include <limpid/audit/detail/rows.hpp>
#include <limpid/audit/detail/write_report.hpp>
#include <limpid/audit/options.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/transition/estimate.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>

namespace limpid::audit {

/// Audits labels by the features alone.
///
/// T is transition::estimate's: from the labels of near rows. P(true | x) is the average of the
/// neighbours' votes unmixed by T, which is local and follows noise that depends on x, and of
/// softmax regression trained through T, which is global and has little variance.
///
/// @param exec      where to run
/// @param features  n x d, n >= 3; columns are centred and scaled first
/// @param labels    n given labels 0..classes-1
/// @param o         audit::options; classes is needed
/// @return  audit::report; `suggested` and `lead` are of P(true | x) before a row's own label is
///          weighed in, as training wants them; `p_right` and the ranking weigh it in
/// @throws  input_error  for shapes, options, features not finite, labels out of range
/// @par Complexity   as transition::estimate from features, and one fit of softmax regression
/// @par Determinism  bitwise for any number of threads
struct examine_fn {
  using primitives =
      uses<transition::estimate_fn, classify::softmax_regression, mixture::split_losses_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  report operator()(P const& exec, M const& features, L const& labels,
                    options const& o = {}) const {
    limpid::detail::enter<examine_fn, P, M, L>();
    using limpid::detail::require;
    constexpr std::string_view where = "audit::examine";
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<M> const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const given = limpid::view(held_labels);
    require(x.rows >= 3 && x.cols > 0, where, "features is ", x.rows, " x ", x.cols,
            "; need at least three rows and one column");
    require(o.classes > 0, where, "classes is 0; say how many there are");
    ops::check_rows(where, "features", x.rows, "labels", given.size);
    detail::check_options(where, o);
    if (o.validate) ops::check_finite(exec, where, "features", x);
    auto const codes = ops::check_labels(exec, where, "labels", given, o.classes);
    return run(exec, x, codes.view(), o);
  }

  template <real_matrix M, label_vector L>
  report operator()(M const& features, L const& labels, options const& o = {}) const {
    return (*this)(default_policy, features, labels, o);
  }

 private:
  template <class P, class T, memory_space S>
  static report run(P const& exec, matrix_view<T const, S> x, vector_view<std::int32_t const, S> y,
                    options const& o) {
    report r;
    r.level = o.level;
    auto asked = detail::estimating(o, 0.7);
    asked.keep_clean = true;
    auto found = transition::estimate(exec, x, y, o.classes, asked);
    r.stopped = found.stopped;
    if (r.stopped) return r;
    auto const local = std::move(found.clean);
    detail::copy_estimate(std::move(found), r);
    auto const through = detail::without_zeros(r.transition);
    auto const model =
        classify::softmax_regression{.transition = through, .tolerance = 1e-3, .validate = false}
            .fit(exec, x, y, o.classes);
    r.converged = r.converged && model.converged;
    r.stopped = !detail::go_on(o, 0.9);
    if (r.stopped) return r;
    judge(exec, x, y, local, model, through, r);
    detail::mark_issues(ops::download(exec, y), r);
    detail::split(exec, r);
    detail::recommend(r);
    detail::warn(r);
    r.stopped = !detail::go_on(o, 1);
    return r;
  }

  /// The rows' verdicts by the average of the local and the global P(true | x).
  template <class P, class T, memory_space S>
  static void judge(P const& exec, matrix_view<T const, S> x, vector_view<std::int32_t const, S> y,
                    matrix<double> const& local, classify::softmax_model const& model,
                    matrix<double> const& through, report& r) {
    std::size_t const n = x.rows, classes = r.classes;
    auto const clean = ops::upload(exec, local.view());
    auto const other = ops::make_buffer<double>(exec, n * classes);
    auto const t = ops::upload(exec, through.view());
    model.probabilities(exec, x, other.view(n, classes));
    auto const best = ops::make_buffer<std::int32_t>(exec, n);
    auto const lead = ops::make_buffer<double>(exec, n), right = ops::make_buffer<double>(exec, n),
               odds = ops::make_buffer<double>(exec, n);
    ops::for_rows(exec, n,
                  detail::averaged_verdict<S>{clean.view(n, classes), other.view(n, classes),
                                              t.view(classes, classes), y, best.view(), lead.view(),
                                              right.view(), odds.view()});
    r.suggested = ops::download(exec, best.view());
    r.lead = ops::download(exec, lead.view());
    r.p_right = ops::download(exec, right.view());
    auto const log_odds = ops::download(exec, odds.view());
    std::iota(r.ranking.begin(), r.ranking.end(), std::size_t{0});
    std::stable_sort(r.ranking.begin(), r.ranking.end(),
                     [&](std::size_t a, std::size_t b) { return log_odds[a] < log_odds[b]; });
  }
};
inline constexpr examine_fn examine{};

}  // namespace limpid::audit

#endif  // LIMPID_AUDIT_EXAMINE_HPP
