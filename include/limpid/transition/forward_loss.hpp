// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/forward_loss.hpp
/// The forward-corrected loss: predictions are made as noisy as the labels before they are
/// compared.
#ifndef LIMPID_TRANSITION_FORWARD_LOSS_HPP
#define LIMPID_TRANSITION_FORWARD_LOSS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/corrected_check.hpp>
#include <limpid/transition/detail/corrected_rows.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace limpid::transition {

struct forward_loss_options {
  bool gradient = true;              ///< by the logits, n x K
  bool transition_gradient = false;  ///< by T
  bool validate = true;  ///< check that logits are finite, rows of T distributions, labels in range
};

/// n rows, K classes.
struct forward_loss_result {
  vector<double> loss;      ///< n, nats, at least 0; infinite where the label is impossible
  matrix<double> gradient;  ///< n x K, d loss_i / d logits_i; rows sum to 0; 0 where impossible
  /// One T: K x K, d mean_loss / d T. T per row: n x K*K, d loss_i / d T(x_i), row i as that of T.
  matrix<double> transition_gradient;
  double mean_loss =
      0;  ///< weighted mean over the rows whose label is possible; 0 if there are none
  /// rows whose label has probability 0 under T whatever the logits: T is wrong for them
  std::size_t impossible = 0;
};

/// Cross entropy of the given labels with predictions of the true class sent through T.
///
/// With s = softmax(logits) and u = (s T)_y = sum_k s_k T(k, y): loss = -log u,
///
///     d loss / d z_k = s_k (1 - T(k, y) / u),      d loss / d T(k, y) = -s_k / u,
///
/// the other columns of T having no part. Computed in the log domain where u underflows: nothing is
/// floored. Its minimiser over all s is the posterior of the true class, if T is right. T = I gives
/// cross entropy.
///
/// @param exec     where to run
/// @param logits   z, n x K, finite: logits of the true class, not probabilities; K >= 1
/// @param y        n, given labels 0..K-1
/// @param T        K x K, T(i, j) = P(given j | true i); or n x K*K, row i holds T(x_i) row by row
/// @param options  forward_loss_options
/// @return  forward_loss_result
/// @throws  input_error  for shapes, logits, labels, rows of T that are no distributions
/// @par Complexity   O(nK) time with one T, O(nK^2) memory traffic for a gradient by T(x); K^2 sums
///                   per tile of rows for the gradient by T
/// @par Determinism  bitwise for any number of threads
/// @par Source       G. Patrini et al., "Making deep neural networks robust to label noise: a loss
///                   correction approach", CVPR 2017, Eq. 5
struct forward_loss_fn {
  using primitives = uses<ops::first_row_fn, ops::sum_rows_fn, ops::for_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N>
  forward_loss_result operator()(Exec const& exec, M const& logits, L const& y, N const& T,
                                 forward_loss_options const& options = {}) const {
    return (*this)(exec, logits, y, T, vector_view<double const, Exec::space>{}, options);
  }
  /// With weights: n numbers at least 0, or a view without data for all 1. They enter mean_loss and
  /// the gradient by one T; the loss and gradients of a row are its own.
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N, real_vector W>
  forward_loss_result operator()(Exec const& exec, M const& logits, L const& y, N const& T,
                                 W const& weights, forward_loss_options const& options = {}) const {
    limpid::detail::enter<forward_loss_fn, Exec, M, L, N, W>();
    auto&& held_z = limpid::detail::materialise(logits);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    auto&& held_w = limpid::detail::materialise(weights);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const z = limpid::view(held_z);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    vector_view<value_t<W> const, S> const w = limpid::view(held_w);
    auto const labels =
        enter(exec, z, vector_view<value_t<L> const, S>(limpid::view(held_y)), t, w, options);
    std::size_t const n = z.rows, K = z.cols;
    auto const loss = ops::make_buffer<double>(exec, n);
    auto const slope = ops::make_buffer<double>(exec, options.gradient ? n * K : 0);
    auto const by_row =
        ops::make_buffer<double>(exec, options.transition_gradient && t.cols != K ? n * K * K : 0);
    detail::corrected_outputs<double, S> const out{loss.view(), slope.view(slope.size() ? n : 0, K),
                                                   by_row.view(by_row.size() ? n : 0, K * K)};
    auto r = run(exec, z, labels.view(), t, w, out, options);
    r.loss = ops::download(exec, out.loss);
    if (options.gradient) r.gradient = ops::download(exec, slope.view(n, K));
    if (by_row.size()) r.transition_gradient = ops::download(exec, by_row.view(n, K * K));
    return r;
  }
  template <real_matrix M, label_vector L, real_matrix N>
  forward_loss_result operator()(M const& logits, L const& y, N const& T,
                                 forward_loss_options const& options = {}) const {
    return (*this)(default_policy, logits, y, T, options);
  }
  template <real_matrix M, label_vector L, real_matrix N, real_vector W>
  forward_loss_result operator()(M const& logits, L const& y, N const& T, W const& weights,
                                 forward_loss_options const& options = {}) const {
    return (*this)(default_policy, logits, y, T, weights, options);
  }

  /// Writes the losses and their gradients by the logits into the caller's own n and n x K, both of
  /// float or both of double; returns the rest.
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N, writable_vector V,
            writable_matrix G>
  requires real_vector<V> && std::same_as<value_t<V>, value_t<G>> forward_loss_result
  into(Exec const& exec, M const& logits, L const& y, N const& T, V&& loss, G&& gradient,
       forward_loss_options const& options = {})
  const {
    limpid::detail::enter<forward_loss_fn, Exec, M, L, N, V, G>();
    auto&& held_z = limpid::detail::materialise(logits);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    constexpr auto S = Exec::space;
    using U = value_t<V>;
    matrix_view<value_t<M> const, S> const z = limpid::view(held_z);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    vector_view<double const, S> const w{};
    auto const labels =
        enter(exec, z, vector_view<value_t<L> const, S>(limpid::view(held_y)), t, w, options);
    std::size_t const n = z.rows, K = z.cols;
    vector_view<U, S> const to = limpid::view(loss);
    matrix_view<U, S> const slope = limpid::view(gradient);
    limpid::detail::require(to.size == n && slope.rows == n && slope.cols == K, where,
                            "loss and gradient must be ", n, " and ", n, " x ", K);
    auto const by_row =
        ops::make_buffer<U>(exec, options.transition_gradient && t.cols != K ? n * K * K : 0);
    auto r =
        run(exec, z, labels.view(), t, w,
            detail::corrected_outputs<U, S>{to, slope, by_row.view(by_row.size() ? n : 0, K * K)},
            options);
    if (by_row.size()) {
      auto const own = ops::make_buffer<double>(exec, by_row.size());
      ops::copy(exec, by_row.view(), own.view());
      r.transition_gradient = ops::download(exec, own.view(n, K * K));
    }
    return r;
  }

 private:
  static constexpr char const* where = "transition::forward_loss";

  template <class Exec, class T, class Label, class N, class W, memory_space S>
  static ops::label_codes<Exec> enter(Exec const& exec, matrix_view<T const, S> z,
                                      vector_view<Label const, S> y, matrix_view<N const, S> t,
                                      vector_view<W const, S> w,
                                      forward_loss_options const& options) {
    detail::check_corrected(where, z.rows, z.cols, y.size, t.rows, t.cols);
    if (w.data || w.size) ops::check_rows(where, "logits", z.rows, "weights", w.size);
    if (options.validate) {
      ops::check_finite(exec, where, "logits", z);
      detail::check_transitions(exec, where, t, z.cols);
      if (w.data) ops::check_weights(exec, where, "weights", w);
    }
    return ops::check_labels(exec, where, "y", y, z.cols);
  }

  template <class Exec, class T, class N, class W, class U, memory_space S>
  static forward_loss_result run(Exec const& exec, matrix_view<T const, S> z,
                                 vector_view<std::int32_t const, S> y, matrix_view<N const, S> t,
                                 vector_view<W const, S> w,
                                 detail::corrected_outputs<U, S> const& out,
                                 forward_loss_options const& options) {
    auto const weights = detail::in_double(exec, w);
    vector_view<double const, S> const wide = w.data ? weights.view() : vector_view<double, S>{};
    if (t.cols != z.cols)
      return sum(exec, z, y, detail::row_transition<N, S>{t, z.cols}, wide, out, false);
    auto const columns = ops::make_buffer<double>(exec, t.cols * t.cols);
    ops::copy(exec, t.transposed(), columns.view(t.cols, t.cols));
    return sum(exec, z, y, detail::class_transition<S>{columns.view(t.cols, t.cols)}, wide, out,
               options.transition_gradient);
  }

  template <class Exec, class T, class Transition, class U, memory_space S>
  static forward_loss_result sum(Exec const& exec, matrix_view<T const, S> z,
                                 vector_view<std::int32_t const, S> y, Transition const& transition,
                                 vector_view<double const, S> w,
                                 detail::corrected_outputs<U, S> const& out, bool class_gradient) {
    std::size_t const K = z.cols;
    auto const sums = ops::sum_rows(
        exec, z.rows, detail::own_sums + (class_gradient ? K * K : 0),
        detail::forward_row<T, U, Transition, S>{z, y, transition, w, out, class_gradient});
    forward_loss_result r;
    double const weight = sums[detail::weight_sum];
    r.impossible = static_cast<std::size_t>(sums[detail::lost_rows]);
    if (weight > 0) r.mean_loss = sums[detail::loss_sum] / weight;
    if (class_gradient) {
      r.transition_gradient = matrix<double>(K, K);
      for (std::size_t c = 0; c < K * K && weight > 0; ++c)
        r.transition_gradient.data()[c] = sums[detail::own_sums + c] / weight;
    }
    return r;
  }
};
inline constexpr forward_loss_fn forward_loss{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_FORWARD_LOSS_HPP
