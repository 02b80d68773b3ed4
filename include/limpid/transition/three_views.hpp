// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/three_views.hpp
/// T from three labels per row that were given independently.
#ifndef LIMPID_TRANSITION_THREE_VIEWS_HPP
#define LIMPID_TRANSITION_THREE_VIEWS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/three_views.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace limpid::transition {

namespace detail {

/// A matrix of class or row numbers.
template <class X>
concept index_matrix =
    tensor_matrix<X> && std::integral<value_t<X>> && !std::same_as<value_t<X>, bool>;

/// Two labels as one number.
template <memory_space S>
struct join_labels {
  vector_view<std::int32_t const, S> second, third;
  std::int32_t classes;
  vector_view<std::int32_t, S> both;
  LIMPID_HD void operator()(std::size_t i) const { both[i] = second[i] * classes + third[i]; }
};

}  // namespace detail

struct three_views_options {
  consensus_options solver = {};
  progress on_progress = {};
};

/// Estimates T and the prior from three labels per row, each drawn from T's row of the same true
/// class.
///
/// \f$ P(j, k, l) = \sum_i p_i T_{ij} T_{ik} T_{il} \f$, fitted to the counts of triples, over all
/// orders of the three, by maximum likelihood (EM). The likelihood does not say which latent class
/// is which; the start near the identity does, and T must have full rank.
///
/// @param exec     where to run
/// @param labels   n x 3, classes 0..K-1; n >= 1
/// @param classes  K, 1..200
/// @param options  three_views_options
/// @return  consensus_result
/// @throws  input_error  for shapes, options outside their intervals, labels out of range
/// @par Complexity   O(n + K^3), then O(K min(n, K^3 / 6)) per iteration; K^3 doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       Z. Zhu, Y. Song, Y. Liu, "Clusterability as an alternative to anchor points
///                   when learning with noisy labels", ICML 2021, Eqs. 1 to 3; the solver is
///                   maximum likelihood instead of its moment match
struct three_views_fn {
  using primitives = uses<ops::first_row_fn, ops::for_rows_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy Exec, detail::index_matrix M>
  consensus_result operator()(Exec const& exec, M const& labels, std::size_t classes,
                              three_views_options const& options = {}) const {
    limpid::detail::enter<three_views_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(labels);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const l = limpid::view(held);
    constexpr char const* where = "transition::three_views";
    detail::check_classes(where, classes);
    detail::check_options(where, options.solver);
    limpid::detail::require(l.rows > 0 && l.cols == 3, where, "labels is ", l.rows, " x ", l.cols,
                            "; need at least one row and three columns");
    auto const a = ops::check_labels(exec, where, "labels column 0", l.col(0), classes);
    auto const b = ops::check_labels(exec, where, "labels column 1", l.col(1), classes);
    auto const c = ops::check_labels(exec, where, "labels column 2", l.col(2), classes);
    auto const both = ops::make_buffer<std::int32_t>(exec, l.rows);
    ops::for_rows(exec, l.rows,
                  detail::join_labels<S>{b.view(), c.view(), static_cast<std::int32_t>(classes),
                                         both.view()});
    consensus_result r;
    r.c3 = ops::count_pairs(exec, a.view(), vector_view<std::int32_t const, S>(both.view()),
                            classes, classes * classes);
    for (std::size_t i = 0; i < classes * classes * classes; ++i)
      r.c3.data()[i] /= static_cast<double>(l.rows);
    detail::solve_consensus(r, options.solver, options.on_progress);
    return r;
  }

  template <detail::index_matrix M>
  consensus_result operator()(M const& labels, std::size_t classes,
                              three_views_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, options);
  }
};
inline constexpr three_views_fn three_views{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_THREE_VIEWS_HPP
