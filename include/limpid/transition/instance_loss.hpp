// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/instance_loss.hpp
/// The forward-corrected loss with a transition matrix that is itself predicted: gradients by its
/// logits.
#ifndef LIMPID_TRANSITION_INSTANCE_LOSS_HPP
#define LIMPID_TRANSITION_INSTANCE_LOSS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/corrected_check.hpp>
#include <limpid/transition/detail/instance_rows.hpp>
#include <limpid/transition/forward_loss.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct instance_loss_options {
  bool gradient = true;             ///< by the logits of the class, n x K
  bool transition_gradient = true;  ///< by the logits of T
  bool validate = true;             ///< check that logits are finite, labels in range
};

/// n rows, K classes.
struct instance_loss_result {
  vector<double> loss;      ///< n, nats, at least 0
  matrix<double> gradient;  ///< n x K, d loss_i / d logits_i; rows sum to 0
  /// Logits of T per row: n x K*K, d loss_i / d A_i. One: K x K, d mean_loss / d A. Rows of K sum
  /// to 0.
  matrix<double> transition_gradient;
  double mean_loss = 0;
};

/// Cross entropy of the given labels with predictions sent through a T whose rows are softmaxes.
///
/// With p = softmax(logits), T(x)(i, .) = softmax(A_i) and q = p T(x): loss = -log q_y, and with
/// the responsibilities r_i = p_i T_iy / q_y
///
///     d loss / d z = p - r,      d loss / d A_im = -r_i ([m = y] - T_im).
///
/// A network with these two heads is the noise adaptation layer; with T from the adversarial to the
/// natural label it models attacks. One A for all rows is that layer without features. Computed in
/// the log domain: no floor, and no infinite loss, since no entry of T is 0.
///
/// @param exec               where to run
/// @param logits             z, n x K, finite; K >= 1
/// @param y                  n, given labels 0..K-1
/// @param transition_logits  A: n x K*K, row i holds the K rows of A(x_i); or K x K; finite
/// @param options            instance_loss_options
/// @return  instance_loss_result
/// @throws  input_error  for shapes, logits that are not finite, labels
/// @par Complexity   O(nK^2) time and memory traffic with A per row, O(nK + K^2) with one
/// @par Determinism  bitwise for any number of threads
/// @par Source       D. Zhou et al., "Modeling adversarial noise for adversarial training", ICML
///                   2022; J. Goldberger, E. Ben-Reuven, "Training deep neural-networks using a
///                   noise adaptation layer", ICLR 2017
struct instance_loss_fn {
  using primitives = uses<forward_loss_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N>
  instance_loss_result operator()(Exec const& exec, M const& logits, L const& y,
                                  N const& transition_logits,
                                  instance_loss_options const& options = {}) const {
    limpid::detail::enter<instance_loss_fn, Exec, M, L, N>();
    auto&& held_z = limpid::detail::materialise(logits);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_a = limpid::detail::materialise(transition_logits);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const z = limpid::view(held_z);
    matrix_view<value_t<N> const, S> const a = limpid::view(held_a);
    auto const labels =
        enter(exec, z, vector_view<value_t<L> const, S>(limpid::view(held_y)), a, options);
    return run(exec, z, labels.view(), a, options);
  }
  template <real_matrix M, label_vector L, real_matrix N>
  instance_loss_result operator()(M const& logits, L const& y, N const& transition_logits,
                                  instance_loss_options const& options = {}) const {
    return (*this)(default_policy, logits, y, transition_logits, options);
  }

  /// Writes losses and both gradients into the caller's own n, n x K and n x K*K, all of float or
  /// all of double; A per row. Returns the mean loss.
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N, writable_vector V,
            writable_matrix G, writable_matrix H>
    requires real_vector<V> && std::same_as<value_t<V>, value_t<G>> &&
             std::same_as<value_t<V>, value_t<H>>
  double into(Exec const& exec, M const& logits, L const& y, N const& transition_logits, V&& loss,
              G&& gradient, H&& transition_gradient,
              instance_loss_options const& options = {}) const {
    limpid::detail::enter<instance_loss_fn, Exec, M, L, N, V, G, H>();
    auto&& held_z = limpid::detail::materialise(logits);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_a = limpid::detail::materialise(transition_logits);
    constexpr auto S = Exec::space;
    using U = value_t<V>;
    matrix_view<value_t<M> const, S> const z = limpid::view(held_z);
    matrix_view<value_t<N> const, S> const a = limpid::view(held_a);
    auto const labels =
        enter(exec, z, vector_view<value_t<L> const, S>(limpid::view(held_y)), a, options);
    std::size_t const n = z.rows, K = z.cols;
    vector_view<U, S> const to = limpid::view(loss);
    matrix_view<U, S> const slope = limpid::view(gradient),
                            by_t = limpid::view(transition_gradient);
    limpid::detail::require(to.size == n && slope.rows == n && slope.cols == K && by_t.rows == n &&
                                by_t.cols == K * K && a.cols == K * K,
                            where,
                            "loss, gradient and transition_gradient must be n, n x K and n "
                            "x K*K, n = ",
                            n, ", K = ", K, ", transition_logits per row");
    return mean(exec, z, labels.view(), a, detail::corrected_outputs<U, S>{to, slope, by_t});
  }

 private:
  static constexpr char const* where = "transition::instance_loss";

  template <class Exec, class T, class Label, class N, memory_space S>
  static ops::label_codes<Exec> enter(Exec const& exec, matrix_view<T const, S> z,
                                      vector_view<Label const, S> y, matrix_view<N const, S> a,
                                      instance_loss_options const& options) {
    std::size_t const n = z.rows, K = z.cols;
    limpid::detail::require(K > 0, where, "logits has no columns; need one per class");
    ops::check_rows(where, "logits", n, "y", y.size);
    limpid::detail::require((a.rows == K && a.cols == K) || (a.rows == n && a.cols == K * K), where,
                            "transition_logits is ", a.rows, " x ", a.cols, "; need K x K, K = ", K,
                            ", or one row of ", K * K, " per row of data");
    if (options.validate) {
      ops::check_finite(exec, where, "logits", z);
      ops::check_finite(exec, where, "transition_logits", a);
    }
    return ops::check_labels(exec, where, "y", y, K);
  }

  template <class Exec, class T, class N, class U, memory_space S>
  static double mean(Exec const& exec, matrix_view<T const, S> z,
                     vector_view<std::int32_t const, S> y, matrix_view<N const, S> a,
                     detail::corrected_outputs<U, S> const& out) {
    std::size_t const n = z.rows, K = z.cols;
    auto const scale = ops::make_buffer<double>(exec, n * K);
    auto const sums =
        ops::sum_rows(exec, n, 1, detail::instance_row<T, N, U, S>{z, y, a, scale.view(n, K), out});
    return n ? sums[0] / static_cast<double>(n) : 0.0;
  }

  template <class Exec, class T, class N, memory_space S>
  static instance_loss_result run(Exec const& exec, matrix_view<T const, S> z,
                                  vector_view<std::int32_t const, S> y, matrix_view<N const, S> a,
                                  instance_loss_options const& options) {
    std::size_t const n = z.rows, K = z.cols;
    if (a.cols == K && !(K == 1 && a.rows == n)) return with_one(exec, z, y, a, options);
    auto const loss = ops::make_buffer<double>(exec, n);
    auto const slope = ops::make_buffer<double>(exec, options.gradient ? n * K : 0);
    auto const by_t = ops::make_buffer<double>(exec, options.transition_gradient ? n * K * K : 0);
    instance_loss_result r;
    r.mean_loss =
        mean(exec, z, y, a,
             detail::corrected_outputs<double, S>{loss.view(), slope.view(slope.size() ? n : 0, K),
                                                  by_t.view(by_t.size() ? n : 0, K * K)});
    r.loss = ops::download(exec, loss.view());
    if (options.gradient) r.gradient = ops::download(exec, slope.view(n, K));
    if (options.transition_gradient)
      r.transition_gradient = ops::download(exec, by_t.view(n, K * K));
    return r;
  }

  template <class Exec, class T, class N, memory_space S>
  static instance_loss_result with_one(Exec const& exec, matrix_view<T const, S> z,
                                       vector_view<std::int32_t const, S> y,
                                       matrix_view<N const, S> a,
                                       instance_loss_options const& options) {
    std::size_t const K = z.cols;
    auto const own = ops::download(exec, a);
    matrix<double> transition(K, K);
    for (std::size_t i = 0; i < K; ++i) {
      double top = static_cast<double>(own(i, 0)), sum = 0;
      for (std::size_t j = 1; j < K; ++j)
        top = static_cast<double>(own(i, j)) > top ? static_cast<double>(own(i, j)) : top;
      for (std::size_t j = 0; j < K; ++j)
        sum += transition(i, j) = std::exp(static_cast<double>(own(i, j)) - top);
      for (std::size_t j = 0; j < K; ++j) transition(i, j) /= sum;
    }
    auto const on_exec = ops::upload(exec, std::as_const(transition).view());
    auto f = forward_loss(exec, z, y, matrix_view<double const, S>(on_exec.view(K, K)),
                          {.gradient = options.gradient,
                           .transition_gradient = options.transition_gradient,
                           .validate = false});
    instance_loss_result r{std::move(f.loss), std::move(f.gradient), {}, f.mean_loss};
    if (!options.transition_gradient) return r;
    r.transition_gradient = matrix<double>(K, K);
    for (std::size_t i = 0; i < K; ++i) {
      double mean = 0;
      for (std::size_t j = 0; j < K; ++j) mean += f.transition_gradient(i, j) * transition(i, j);
      for (std::size_t j = 0; j < K; ++j)
        r.transition_gradient(i, j) = transition(i, j) * (f.transition_gradient(i, j) - mean);
    }
    return r;
  }
};
inline constexpr instance_loss_fn instance_loss{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_INSTANCE_LOSS_HPP
