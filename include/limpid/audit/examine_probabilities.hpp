// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/examine_probabilities.hpp
/// Out-of-fold probabilities and labels in, a report of the label noise out.
#ifndef LIMPID_AUDIT_EXAMINE_PROBABILITIES_HPP
#define LIMPID_AUDIT_EXAMINE_PROBABILITIES_HPP

#include <limpid/audit/detail/write_report.hpp>
#include <limpid/audit/options.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/transition/estimate.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace limpid::audit {

/// Audits labels by the out-of-fold probabilities of a classifier: transition::estimate for the
/// noise and for every row, the losses split in two, and advice.
///
/// @param exec           where to run
/// @param probabilities  n x K, P(given label | x), out of fold: not of the rows' own training; n,
/// K >= 1
/// @param labels         n given labels 0..K-1
/// @param o              audit::options
/// @return  audit::report; `stopped` where on_progress said so, with what was done by then
/// @throws  input_error  for shapes, options, rows that are no distributions, labels out of range
/// @par Complexity   O(n K) passes, about 25 of them; O(n) and 32 MB of memory beyond the input
/// @par Determinism  bitwise for any number of threads
struct examine_probabilities_fn {
  using primitives = uses<transition::estimate_fn, mixture::split_losses_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  report operator()(P const& exec, M const& probabilities, L const& labels,
                    options const& o = {}) const {
    limpid::detail::enter<examine_probabilities_fn, P, M, L>();
    using limpid::detail::require;
    constexpr std::string_view where = "audit::examine_probabilities";
    auto&& held = limpid::detail::materialise(probabilities);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<M> const, P::space> const p = limpid::view(held);
    vector_view<value_t<L> const, P::space> const given = limpid::view(held_labels);
    require(p.rows > 0 && p.cols > 0, where, "probabilities is ", p.rows, " x ", p.cols,
            "; need at least one row and one class");
    require(o.classes == 0 || o.classes == p.cols, where, "probabilities has ", p.cols,
            " columns, classes is ", o.classes);
    ops::check_rows(where, "probabilities", p.rows, "labels", given.size);
    detail::check_options(where, o);
    if (o.validate) ops::check_distributions(exec, where, "probabilities", p);
    auto const codes = ops::check_labels(exec, where, "labels", given, p.cols);
    return run(exec, p, codes.view(), o);
  }

  template <real_matrix M, label_vector L>
  report operator()(M const& probabilities, L const& labels, options const& o = {}) const {
    return (*this)(default_policy, probabilities, labels, o);
  }

 private:
  template <class P, class T, memory_space S>
  static report run(P const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y,
                    options const& o) {
    report r;
    r.level = o.level;
    auto found = transition::estimate(exec, p, y, detail::estimating(o, 0.9));
    r.stopped = found.stopped;
    if (r.stopped) return r;
    detail::copy_estimate(std::move(found), r);
    detail::mark_issues(ops::download(exec, y), r);
    detail::split(exec, r);
    detail::recommend(r);
    detail::warn(r);
    r.stopped = !detail::go_on(o, 1);
    return r;
  }
};
inline constexpr examine_probabilities_fn examine_probabilities{};

}  // namespace limpid::audit

#endif  // LIMPID_AUDIT_EXAMINE_PROBABILITIES_HPP
