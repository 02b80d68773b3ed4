// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/detail/rows.hpp
/// The pass over rows that an audit from features adds.
#ifndef LIMPID_AUDIT_DETAIL_ROWS_HPP
#define LIMPID_AUDIT_DETAIL_ROWS_HPP

#include <limpid/core/view.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid::audit::detail {

/// Two estimates of P(true | x), averaged in place of a, say which class is best and how far it
/// leads; with T and the label, how likely the label is right, as a share and as log-odds.
template <memory_space S>
struct averaged_verdict {
  matrix_view<double, S> a;
  matrix_view<double const, S> b;
  matrix_view<double const, S> transition;  ///< K x K
  vector_view<std::int32_t const, S> y;
  vector_view<std::int32_t, S> best;
  vector_view<double, S> lead, p_right, odds;
  LIMPID_HD void operator()(std::size_t i) const {
    auto const given = static_cast<std::size_t>(y[i]);
    std::size_t top = 0;
    double second = 0, rest = 0, right = 0;
    for (std::size_t k = 0; k < a.cols; ++k) {
      a(i, k) = (a(i, k) + b(i, k)) / 2;
      if (a(i, k) > a(i, top)) top = k;
      (k == given ? right : rest) += a(i, k) * transition(k, given);
    }
    for (std::size_t k = 0; k < a.cols; ++k)
      if (k != top && a(i, k) > second) second = a(i, k);
    best[i] = static_cast<std::int32_t>(top);
    lead[i] = a(i, top) - second;
    p_right[i] = right + rest > 0 ? right / (right + rest) : 0;
    odds[i] = std::log(right > 1e-300 ? right : 1e-300) - std::log(rest > 1e-300 ? rest : 1e-300);
  }
};

}  // namespace limpid::audit::detail

#endif  // LIMPID_AUDIT_DETAIL_ROWS_HPP
