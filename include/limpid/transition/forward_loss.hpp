// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/forward_loss.hpp
/// The forward-corrected loss: predictions are made as noisy as the labels before they are
/// compared.
#ifndef LIMPID_TRANSITION_FORWARD_LOSS_HPP
#define LIMPID_TRANSITION_FORWARD_LOSS_HPP

#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/corrected_loss.hpp>

#include <cstddef>
#include <cstdint>

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
/// @param weights  n, optional, after T: at least 0; they enter mean_loss and the gradient by one
///                 T; the loss and gradients of a row are its own
/// @param options  forward_loss_options
/// @param loss, gradient  of `into(exec, logits, y, T, loss, gradient, options)`: the caller's own,
///                 n and n x K, both of float or both of double; they are written, and left out of
///                 the result
/// @return  forward_loss_result
/// @throws  input_error  for shapes, logits, labels, rows of T that are no distributions
/// @par Complexity   O(nK) time with one T, O(nK^2) memory traffic for a gradient by T(x); K^2 sums
///                   per tile of rows for the gradient by T
/// @par Determinism  bitwise for any number of threads
/// @par Source       G. Patrini et al., "Making deep neural networks robust to label noise: a loss
///                   correction approach", CVPR 2017, Eq. 5
struct forward_loss_fn
    : detail::corrected_loss<forward_loss_fn, forward_loss_result, forward_loss_options> {
  using primitives = uses<ops::first_row_fn, ops::sum_rows_fn, ops::for_rows_fn, ops::copy_fn>;

 private:
  friend detail::corrected_loss<forward_loss_fn, forward_loss_result, forward_loss_options>;
  static constexpr char const* where = "transition::forward_loss";

  static void check_options(bool, forward_loss_options const&) {}

  template <class Exec, class T, class N, class U, memory_space S>
  static forward_loss_result run(Exec const& exec, matrix_view<T const, S> z,
                                 vector_view<std::int32_t const, S> y, matrix_view<N const, S> t,
                                 vector_view<double const, S> w,
                                 detail::corrected_outputs<U, S> const& out,
                                 forward_loss_options const& options) {
    if (t.cols != z.cols)
      return sum(exec, z, y, detail::row_transition<N, S>{t, z.cols}, w, out, false);
    auto const columns = ops::make_buffer<double>(exec, t.cols * t.cols);
    ops::copy(exec, t.transposed(), columns.view(t.cols, t.cols));
    return sum(exec, z, y, detail::class_transition<S>{columns.view(t.cols, t.cols)}, w, out,
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
