// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/train.hpp
/// Training with what an audit found.
#ifndef LIMPID_AUDIT_TRAIN_HPP
#define LIMPID_AUDIT_TRAIN_HPP

#include <limpid/audit/detail/fit_remedy.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/ops/check.hpp>

#include <cstdint>
#include <string_view>

namespace limpid::audit {

/// Trains softmax regression with the remedy that the report recommends.
///
/// @param exec      where to run
/// @param features  n x d, the rows that were audited
/// @param labels    n, their given labels
/// @param r         the report of audit::examine or audit::examine_probabilities on them
/// @param learner   options of the regression; `transition` is set by the remedy
/// @return  classify::softmax_model: P(true class | x)
/// @throws  input_error  where the report does not belong to the data, and as
/// softmax_regression::fit
/// @par Complexity   of one fit
/// @par Determinism  bitwise for any number of threads
struct train_fn {
  using primitives = uses<classify::softmax_regression, ops::copy_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  classify::softmax_model operator()(P const& exec, M const& features, L const& labels,
                                     report const& r,
                                     classify::softmax_regression const& learner = {}) const {
    limpid::detail::enter<train_fn, P, M, L>();
    constexpr std::string_view where = "audit::train";
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<M> const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const given = limpid::view(held_labels);
    ops::check_rows(where, "features", x.rows, "labels", given.size);
    detail::check_report(where, r, x.rows);
    auto const codes = ops::check_labels(exec, where, "labels", given, r.classes);
    return detail::fit_remedy(exec, x, codes.view(), r, r.recommended,
                              vector_view<std::int32_t const, P::space>{}, 0, learner);
  }

  template <real_matrix M, label_vector L>
  classify::softmax_model operator()(M const& features, L const& labels, report const& r,
                                     classify::softmax_regression const& learner = {}) const {
    return (*this)(default_policy, features, labels, r, learner);
  }
};
inline constexpr train_fn train{};

}  // namespace limpid::audit

#endif  // LIMPID_AUDIT_TRAIN_HPP
