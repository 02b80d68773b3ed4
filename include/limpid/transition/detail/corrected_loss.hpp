// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/corrected_loss.hpp
/// The calls of the corrected losses: what goes in, its checks, and where results go.
#ifndef LIMPID_TRANSITION_DETAIL_CORRECTED_LOSS_HPP
#define LIMPID_TRANSITION_DETAIL_CORRECTED_LOSS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/transition/detail/corrected_check.hpp>
#include <limpid/transition/detail/corrected_rows.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace limpid::transition::detail {

/// `Fn` gives `where` and
///     static void check_options(bool one_transition, Options const& options);
///     static Result run(exec, logits, codes of y, T, weights, corrected_outputs, options);
/// the second with everything checked; of the result it leaves what corrected_outputs holds.
template <class Fn, class Result, class Options>
struct corrected_loss {
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N>
  Result operator()(Exec const& exec, M const& logits, L const& y, N const& T,
                    Options const& options = {}) const {
    return (*this)(exec, logits, y, T, vector_view<double const, Exec::space>{}, options);
  }
  /// With weights: n numbers at least 0, or a view without data for all 1. They enter what is
  /// summed over rows; the loss and gradients of a row are its own.
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N, real_vector W>
  Result operator()(Exec const& exec, M const& logits, L const& y, N const& T, W const& weights,
                    Options const& options = {}) const {
    limpid::detail::enter<Fn, Exec, M, L, N, W>();
    auto&& held_z = limpid::detail::materialise(logits);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    auto&& held_w = limpid::detail::materialise(weights);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const z = limpid::view(held_z);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    vector_view<value_t<W> const, S> const w = limpid::view(held_w);
    auto const labels = check(exec, z, given, t, w, options);
    auto const loss = ops::make_buffer<double>(exec, z.rows);
    auto const slope = ops::make_buffer<double>(exec, options.gradient ? z.rows * z.cols : 0);
    auto r = run(exec, z, labels.view(), t, w, loss.view(),
                 slope.view(options.gradient ? z.rows : 0, z.cols), options);
    r.loss = ops::download(exec, loss.view());
    if (options.gradient) r.gradient = ops::download(exec, slope.view(z.rows, z.cols));
    return r;
  }
  template <real_matrix M, label_vector L, real_matrix N>
  Result operator()(M const& logits, L const& y, N const& T, Options const& options = {}) const {
    return (*this)(default_policy, logits, y, T, options);
  }
  template <real_matrix M, label_vector L, real_matrix N, real_vector W>
  Result operator()(M const& logits, L const& y, N const& T, W const& weights,
                    Options const& options = {}) const {
    return (*this)(default_policy, logits, y, T, weights, options);
  }

  /// Writes the losses and their gradients by the logits into the caller's own n and n x K, both of
  /// float or both of double; returns the rest.
  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N, writable_vector V,
            writable_matrix G>
    requires real_vector<V> && std::same_as<value_t<V>, value_t<G>>
  Result into(Exec const& exec, M const& logits, L const& y, N const& T, V&& loss, G&& gradient,
              Options const& options = {}) const {
    limpid::detail::enter<Fn, Exec, M, L, N, V, G>();
    auto&& held_z = limpid::detail::materialise(logits);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const z = limpid::view(held_z);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    vector_view<double const, S> const w{};
    vector_view<value_t<V>, S> const to = limpid::view(loss);
    matrix_view<value_t<V>, S> const slope = limpid::view(gradient);
    auto const labels = check(exec, z, given, t, w, options);
    limpid::detail::require(to.size == z.rows && slope.rows == z.rows && slope.cols == z.cols,
                            Fn::where, "loss and gradient must be ", z.rows, " and ", z.rows, " x ",
                            z.cols);
    return run(exec, z, labels.view(), t, w, to, slope, options);
  }

 private:
  template <class Exec, class T, class Label, class N, class W, memory_space S>
  static ops::label_codes<Exec> check(Exec const& exec, matrix_view<T const, S> z,
                                      vector_view<Label const, S> y, matrix_view<N const, S> t,
                                      vector_view<W const, S> w, Options const& options) {
    check_corrected(Fn::where, z.rows, z.cols, y.size, t.rows, t.cols);
    if (w.data || w.size) ops::check_rows(Fn::where, "logits", z.rows, "weights", w.size);
    Fn::check_options(t.cols == z.cols, options);
    if (options.validate) {
      ops::check_finite(exec, Fn::where, "logits", z);
      check_transitions(exec, Fn::where, t, z.cols);
      if (w.data) ops::check_weights(exec, Fn::where, "weights", w);
    }
    return ops::check_labels(exec, Fn::where, "y", y, z.cols);
  }

  /// A gradient by T(x) goes through a buffer of U.
  template <class Exec, class T, class N, class W, class U, memory_space S>
  static Result run(Exec const& exec, matrix_view<T const, S> z,
                    vector_view<std::int32_t const, S> y, matrix_view<N const, S> t,
                    vector_view<W const, S> w, vector_view<U, S> loss, matrix_view<U, S> gradient,
                    Options const& options) {
    std::size_t const n = z.rows, cells = z.cols * z.cols;
    bool const wanted = options.transition_gradient && t.cols != z.cols;
    auto const by_row = ops::make_buffer<U>(exec, wanted ? n * cells : 0);
    auto const weights = in_double(exec, w);
    vector_view<double const, S> const wide = w.data ? weights.view() : vector_view<double, S>{};
    auto r = Fn::run(exec, z, y, t, wide,
                     corrected_outputs<U, S>{loss, gradient, by_row.view(wanted ? n : 0, cells)},
                     options);
    if (!wanted) return r;
    if constexpr (std::is_same_v<U, double>) {
      r.transition_gradient = ops::download(exec, by_row.view(n, cells));
    } else {
      auto const own = in_double(exec, vector_view<U const, S>(by_row.view()));
      r.transition_gradient = ops::download(exec, own.view(n, cells));
    }
    return r;
  }
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_CORRECTED_LOSS_HPP
