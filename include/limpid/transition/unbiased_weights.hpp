// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/unbiased_weights.hpp
/// Weights of the classes' losses that make a given label stand for the true one, without bias.
#ifndef LIMPID_TRANSITION_UNBIASED_WEIGHTS_HPP
#define LIMPID_TRANSITION_UNBIASED_WEIGHTS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/transition/invert.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace limpid::transition {

struct unbiased_weights_options {
  invert_options inverse = {};  ///< how T is inverted
};

/// n rows, K classes.
struct unbiased_weights_result {
  matrix<double> weights;             ///< n x K, row i is row y_i of by_label
  matrix<double> by_label;            ///< K x K, T^-1; rows sum to 1 unless the rule is tikhonov
  vector<std::uint8_t> has_negative;  ///< K, 1: a label with a weight below 0
  double condition = 1;               ///< of T
  double amplification = 1;  ///< the largest sum of |weights| of a row: how much losses can grow
};

/// Row i is the unbiased soft label of y_i: sum_k w_ik l(k, x_i) has, over labels drawn from T, the
/// mean l(true class, x_i), whatever the loss l.
///
/// \f$ w_i = e_{y_i}^\top T^{-1} \f$. Some weights are negative unless T is a permutation: for
/// losses without an upper bound see backward_loss. Weights per row that cannot be negative, but
/// need P: reweight::liu_tao, and the rows of clean_posterior.
///
/// @param exec     where to run
/// @param y        n, given labels 0..K-1
/// @param T        K x K, T(i, j) = P(given j | true i)
/// @param options  unbiased_weights_options
/// @return  unbiased_weights_result
/// @throws  input_error  for T that is not square, whose rows are no distributions or that invert
///                       refuses, labels, options outside their intervals
/// @par Complexity   O(nK + K^3) time
/// @par Determinism  bitwise, the same under every policy
/// @par Source       N. Natarajan et al., "Learning with noisy labels", NeurIPS 2013, Lemma 1; B.
///                   van Rooyen, R. C. Williamson, "A theory of learning with corrupted labels",
///                   JMLR 2018
struct unbiased_weights_fn {
  using primitives = uses<invert_fn, ops::gather_rows_fn>;

  template <execution_policy Exec, label_vector L, real_matrix N>
  unbiased_weights_result operator()(Exec const& exec, L const& y, N const& T,
                                     unbiased_weights_options const& options = {}) const {
    limpid::detail::enter<unbiased_weights_fn, Exec, L, N>();
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    constexpr auto S = Exec::space;
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    limpid::detail::require(t.rows == t.cols && t.rows > 0, where, "T is ", t.rows, " x ", t.cols,
                            "; need K x K, K at least 1");
    detail::check_invert_options(where, options.inverse);
    ops::check_distributions(exec, where, "T", t);
    auto const labels = ops::check_labels(exec, where, "y", given, t.cols);
    return run(exec, labels.view(), detail::inversion::on_host(exec, t), options);
  }
  template <label_vector L, real_matrix N>
  unbiased_weights_result operator()(L const& y, N const& T,
                                     unbiased_weights_options const& options = {}) const {
    return (*this)(default_policy, y, T, options);
  }

 private:
  static constexpr char const* where = "transition::unbiased_weights";

  template <class Exec, memory_space S>
  static unbiased_weights_result run(Exec const& exec, vector_view<std::int32_t const, S> y,
                                     matrix<double> const& T,
                                     unbiased_weights_options const& options) {
    std::size_t const K = T.rows();
    auto inverted = detail::invert_or_throw(where, T, options.inverse);
    unbiased_weights_result r;
    r.condition = inverted.condition;
    r.amplification = inverted.amplification;
    r.by_label = std::move(inverted.inverse);
    r.has_negative = vector<std::uint8_t>(K);
    for (std::size_t i = 0; i < K; ++i)
      for (std::size_t j = 0; j < K; ++j)
        if (r.by_label(i, j) < 0) r.has_negative[i] = 1;
    auto const rows = ops::upload(exec, std::as_const(r.by_label).view());
    auto const out = ops::make_buffer<double>(exec, y.size * K);
    ops::gather_rows(exec, matrix_view<double const, S>(rows.view(K, K)), y, out.view(y.size, K));
    r.weights = ops::download(exec, out.view(y.size, K));
    return r;
  }
};
inline constexpr unbiased_weights_fn unbiased_weights{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_UNBIASED_WEIGHTS_HPP
