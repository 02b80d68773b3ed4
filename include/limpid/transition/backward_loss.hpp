// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/backward_loss.hpp
/// The backward-corrected loss: an unbiased estimate, from a given label, of the loss on the true
/// one.
#ifndef LIMPID_TRANSITION_BACKWARD_LOSS_HPP
#define LIMPID_TRANSITION_BACKWARD_LOSS_HPP

#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/corrected_loss.hpp>
#include <limpid/transition/detail/row_inverse.hpp>
#include <limpid/transition/invert.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct backward_loss_options {
  invert_options inverse = {};       ///< how T is inverted; T per row: rule none only
  bool gradient = true;              ///< by the logits, n x K
  bool transition_gradient = false;  ///< by T; not with `clamp`
  /// leave out the classes whose share of the risk is negative, which no true risk can be; one T
  /// only
  bool clamp = false;
  bool validate = true;  ///< check that logits are finite, rows of T distributions, labels in range
};

/// n rows, K classes.
struct backward_loss_result {
  vector<double> loss;      ///< n, nats; any sign
  matrix<double> gradient;  ///< n x K, d loss_i / d logits_i
  /// One T: K x K, d mean_loss / d T. T per row: n x K*K, d loss_i / d T(x_i), row i as that of T.
  matrix<double> transition_gradient;
  double mean_loss = 0;  ///< weighted mean; negative: the model has begun to fit the noise
  /// K, of mean_loss without the clamp: estimates P(true k) times the mean loss on true k, so that
  /// a negative one is noise. Empty with T per row.
  vector<double> class_risk;
  vector<std::uint8_t> clamped;  ///< K, 1: left out by `clamp`
  double condition = 1;          ///< of T; of the worst T(x_i)
  double amplification = 1;      ///< |T^-1|_inf, see invert; of the worst T(x_i)
};

/// Losses of all classes, combined by the inverse of T.
///
/// With l_k = -log softmax(logits)_k, loss = sum_k T^-1(y, k) l_k: over labels drawn from T(i, .)
/// its mean is l_i. Hence with R = T^-1
///
///     d loss / d z = (sum_k R(y, k)) s - R(y, .),    d loss / d T = -(R')(., y) (R l)',
///
/// the sum being 1 unless `inverse` is tikhonov. Its variance is that of l times up to
/// amplification^2, and it is not bounded below: minimising it with a flexible model ends in
/// fitting the noise; forward_loss does not share that. `clamp` leaves out, of the whole sample's
/// risk sum_k mean_i R(y_i, k) l_k(x_i), the terms below 0, as the non-negative risk of learning
/// from positive and unlabelled data does; losses and gradients are then those of the classes left.
///
/// @param exec     where to run
/// @param logits   z, n x K, finite: logits of the true class, not probabilities; K >= 1
/// @param y        n, given labels 0..K-1
/// @param T        K x K, T(i, j) = P(given j | true i); or n x K*K, row i holds T(x_i) row by row
/// @param weights  n, optional, after T: at least 0; they enter mean_loss, class_risk and the
///                 gradient by one T; the loss and gradients of a row are its own
/// @param options  backward_loss_options
/// @param loss, gradient  of `into(exec, logits, y, T, loss, gradient, options)`: the caller's own,
///                 n and n x K, both of float or both of double; they are written, and left out of
///                 the result
/// @return  backward_loss_result
/// @throws  input_error  for shapes, logits, labels, rows of T that are no distributions, options;
///                       for a T, or a T(x_i), that invert refuses, naming the equal rows if there
///                       are
/// @par Complexity   O(nK + K^3) time with one T, O(nK^3) with T per row
/// @par Determinism  bitwise for any number of threads
/// @par Source       N. Natarajan et al., "Learning with noisy labels", NeurIPS 2013, Lemma 1; G.
///                   Patrini et al., CVPR 2017, Eq. 4; the clamp after R. Kiryo et al.,
///                   "Positive-unlabeled learning with non-negative risk estimator", NeurIPS 2017
struct backward_loss_fn
    : detail::corrected_loss<backward_loss_fn, backward_loss_result, backward_loss_options> {
  using primitives = uses<ops::first_row_fn, ops::sum_rows_fn, ops::for_rows_fn, ops::copy_fn>;

 private:
  friend detail::corrected_loss<backward_loss_fn, backward_loss_result, backward_loss_options>;
  static constexpr char const* where = "transition::backward_loss";

  static void check_options(bool one_transition, backward_loss_options const& options) {
    using limpid::detail::require;
    detail::check_invert_options(where, options.inverse);
    require(!options.clamp || !options.transition_gradient, where,
            "options.clamp leaves no gradient by T; choose one of the two");
    if (one_transition) return;
    require(options.inverse.rule == regularisation::none, where,
            "options.inverse.rule must be none where T has a row per row of data");
    require(!options.clamp, where, "options.clamp needs one T for all rows");
  }

  template <class Exec, class T, class N, class U, memory_space S>
  static backward_loss_result run(Exec const& exec, matrix_view<T const, S> z,
                                  vector_view<std::int32_t const, S> y, matrix_view<N const, S> t,
                                  vector_view<double const, S> w,
                                  detail::corrected_outputs<U, S> const& out,
                                  backward_loss_options const& options) {
    if (t.cols != z.cols) return by_rows(exec, z, y, t, w, out, options);
    std::size_t const K = z.cols;
    matrix<double> const T_host = detail::inversion::on_host(exec, t);
    auto const inverted = detail::invert_or_throw(where, T_host, options.inverse);
    backward_loss_result r;
    r.condition = inverted.condition;
    r.amplification = inverted.amplification;
    r.clamped = vector<std::uint8_t>(K);
    auto const on_exec = ops::upload(exec, inverted.inverse.view());
    matrix_view<double const, S> const inverse = on_exec.view(K, K);
    vector<double> active(K, 1.0);
    auto sums = sum(exec, z, y, inverse, active, w,
                    options.clamp ? detail::corrected_outputs<U, S>{} : out);
    r.class_risk = vector<double>(K);
    for (std::size_t k = 0; k < K; ++k) {
      double const weight = sums[detail::weight_sum];
      r.class_risk[k] = weight > 0 ? sums[detail::own_sums + k] / weight : 0.0;
      r.clamped[k] = options.clamp && r.class_risk[k] < 0;
      active[k] = r.clamped[k] ? 0 : 1;
    }
    if (options.clamp) sums = sum(exec, z, y, inverse, active, w, out);
    double const weight = sums[detail::weight_sum];
    if (weight > 0) r.mean_loss = sums[detail::loss_sum] / weight;
    if (options.transition_gradient)
      r.transition_gradient =
          by_t(exec, z, y, w, T_host, inverted.inverse, weight, options.inverse);
    return r;
  }

  template <class Exec, class T, class U, memory_space S>
  static std::vector<double> sum(Exec const& exec, matrix_view<T const, S> z,
                                 vector_view<std::int32_t const, S> y,
                                 matrix_view<double const, S> inverse, vector<double> const& active,
                                 vector_view<double const, S> w,
                                 detail::corrected_outputs<U, S> const& out) {
    auto const mask = ops::upload(exec, active.view());
    return ops::sum_rows(exec, z.rows, detail::own_sums + z.cols,
                         detail::backward_row<T, U, S>{z, y, inverse, mask.view(), w, out});
  }

  /// d mean_loss / d T = -R' M R' for R = T^-1, M(j, k) the mean of l_k over labels j.
  template <class Exec, class T, memory_space S>
  static matrix<double> by_t(Exec const& exec, matrix_view<T const, S> z,
                             vector_view<std::int32_t const, S> y, vector_view<double const, S> w,
                             matrix<double> const& T_host, matrix<double> const& R, double weight,
                             invert_options const& options) {
    using namespace detail::inversion;
    std::size_t const K = z.cols;
    auto const sums = ops::sum_rows(exec, z.rows, K * K, detail::label_losses<T, S>{z, y, w});
    matrix<double> M(K, K);
    for (std::size_t c = 0; c < K * K; ++c) M.data()[c] = weight > 0 ? sums[c] / weight : 0.0;
    matrix<double> const across = transposed(R);
    matrix<double> slope = product(product(across, M), across);
    double const factor = options.rule == regularisation::shrink ? options.amount - 1 : -1.0;
    for (std::size_t c = 0; c < K * K; ++c) slope.data()[c] *= factor;
    if (options.rule == regularisation::tikhonov) {  // R = (T'T + a I)^-1 T' has one term more
      matrix<double> gram = product(transposed(T_host), T_host), rest = product(T_host, R);
      for (std::size_t i = 0; i < K; ++i) gram(i, i) += options.amount;
      for (std::size_t c = 0; c < K * K; ++c) rest.data()[c] = -rest.data()[c];
      for (std::size_t i = 0; i < K; ++i) rest(i, i) += 1;
      auto const more = product(product(rest, transposed(M)), ops::invert(std::move(gram)).inverse);
      for (std::size_t c = 0; c < K * K; ++c) slope.data()[c] += more.data()[c];
    }
    return slope;
  }

  /// T per row: each inverted in scratch of its own, some rows at a time.
  template <class Exec, class T, class N, class U, memory_space S>
  static backward_loss_result by_rows(Exec const& exec, matrix_view<T const, S> z,
                                      vector_view<std::int32_t const, S> y,
                                      matrix_view<N const, S> t, vector_view<double const, S> w,
                                      detail::corrected_outputs<U, S> const& out,
                                      backward_loss_options const& options) {
    std::size_t const n = z.rows, K = z.cols, room = (std::size_t{1} << 22) / (K * K),
                      most = room ? room : 1, block = n < most ? n : most;
    auto const scratch = ops::make_buffer<double>(exec, block * K * (K + 3));
    auto const fault = ops::make_buffer<double>(exec, block);
    backward_loss_result r;
    double loss = 0, weight = 0;
    for (std::size_t first = 0; first < n; first += block) {
      std::size_t const rows = n - first < block ? n - first : block;
      detail::backward_own_row<T, N, U, S> const row{z,
                                                     y,
                                                     t,
                                                     w,
                                                     out,
                                                     first,
                                                     options.inverse.max_condition,
                                                     scratch.view(block, K * (K + 3)),
                                                     fault.view()};
      auto const part =
          ops::fold_rows(exec, rows, detail::own_row_state{}, row, detail::merge_own_rows{});
      if (part.refused < rows) {
        auto const worst = ops::download(exec, fault.view())[part.refused];
        limpid::detail::fail(where, ": T row ", first + part.refused,
                             " is a T(x) with condition number ", worst, "; it is inverted up to ",
                             options.inverse.max_condition, " (options.inverse.max_condition)");
      }
      loss += part.loss;
      weight += part.weight;
      r.condition = part.condition > r.condition ? part.condition : r.condition;
      r.amplification = part.amplification > r.amplification ? part.amplification : r.amplification;
    }
    if (weight > 0) r.mean_loss = loss / weight;
    return r;
  }
};
inline constexpr backward_loss_fn backward_loss{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_BACKWARD_LOSS_HPP
