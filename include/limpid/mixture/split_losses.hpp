// SPDX-License-Identifier: BSL-1.0
/// @file limpid/mixture/split_losses.hpp
/// Which labels are right, read from the losses: two Gaussians in one dimension, the smaller is
/// clean.
#ifndef LIMPID_MIXTURE_SPLIT_LOSSES_HPP
#define LIMPID_MIXTURE_SPLIT_LOSSES_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/mixture/detail/fit_losses.hpp>
#include <limpid/ops/check.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::mixture {

/// DivideMix's values, in its paper and in its code.
struct split_losses_options {
  int max_iterations = 10;  ///< EM steps at most, >= 1
  double tolerance = 1e-2;  ///< stop when the mean log-likelihood moves less; >= 0
  double reg_covar = 5e-4;  ///< added to each variance, in units of z squared; > 0
  double threshold = 0.5;   ///< clean where prob_clean is above it, strictly; [0, 1)
  bool monotone = false;    ///< prob_clean never rises with the loss; false = the paper's posterior
  std::size_t epochs = 5;   ///< history only: how many of the last epochs are averaged; 0 = all
  std::size_t class_minimum = 10;  ///< per class only: a class of less weight takes the global fit
  bool validate = true;            ///< look for bad losses, labels and weights first, one pass each
};

struct split_losses_result {
  vector<double> prob_clean;   ///< n, posterior of the component with the smaller mean
  vector<std::uint8_t> clean;  ///< n, 1 where prob_clean > threshold
  double share_clean = 0;      ///< mean of clean over the rows (not weighted)
  loss_fit fit;                ///< the two Gaussians and the verdict: read fit.justified
};

struct split_losses_by_class_result {
  vector<double> prob_clean;   ///< n
  vector<std::uint8_t> clean;  ///< n
  vector<double> share_clean;  ///< K; 0 for a class without rows
  std::vector<loss_fit> fits;  ///< K, the fit that judged the class: its own, or the global one
  vector<std::uint8_t>
      fell_back;    ///< K, 1 = too small or all losses equal: the global fit was used
  loss_fit global;  ///< over all rows; fitted only where a class fell back
};

namespace detail {

template <memory_space S>
struct add_clean {
  vector_view<std::uint8_t const, S> clean;
  vector_view<std::int32_t const, S> group;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const g = group.data ? static_cast<std::size_t>(group[i]) : 0;
    sums[2 * g] += 1;
    sums[2 * g + 1] += clean[i];
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const {
    if (group.data) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i, sums);
      return;
    }
    std::uint64_t count = 0;
    for (std::size_t i = begin; i < end; ++i) count += clean[i];
    sums[0] += static_cast<double>(end - begin);
    sums[1] += static_cast<double>(count);
  }
};

template <class W, memory_space S>
struct to_double {
  vector_view<W const, S> from;
  vector_view<double, S> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = static_cast<double>(from[i]); }
};

inline void check_options(std::string_view where, split_losses_options const& o) {
  using limpid::detail::require;
  require(o.max_iterations >= 1, where, "max_iterations is ", o.max_iterations,
          "; it must be at least 1");
  require(o.tolerance >= 0, where, "tolerance is ", o.tolerance, "; it must be at least 0");
  require(o.reg_covar > 0 && o.reg_covar < 1e300, where, "reg_covar is ", o.reg_covar,
          "; it must be above 0 and finite");
  require(o.threshold >= 0 && o.threshold < 1, where, "threshold is ", o.threshold,
          "; it must be in [0, 1)");
}

inline std::vector<double> scale_of(std::vector<loss_span> const& spans, std::string_view where) {
  std::vector<double> scale(2 * spans.size());
  for (std::size_t g = 0; g < spans.size(); ++g) {
    if (!(spans[g].high > spans[g].low)) continue;
    double const length = spans[g].high - spans[g].low;
    limpid::detail::require(1 / length > 0 && length - length == 0 && 1 / length < 1e300, where,
                            "losses reach from ", spans[g].low, " to ", spans[g].high,
                            "; they cannot be scaled to [0, 1]");
    scale[2 * g] = spans[g].low;
    scale[2 * g + 1] = 1 / length;
  }
  return scale;
}

inline void set_scale(loss_fit& f, loss_span const& s) {
  f.scale_low = s.high >= s.low ? s.low : 0;
  f.scale_high = s.high >= s.low ? s.high : 1;
}

inline std::vector<loss_span> unit_spans(std::vector<loss_span> spans) {
  for (loss_span& s : spans)
    if (s.high > s.low) s = {0, 1, s.weight};
  return spans;
}

/// prob_clean, clean, and the rows and clean rows of each group.
template <execution_policy P, class T>
std::vector<double> finish(P const& exec, loss_rows<T, P::space> const& r,
                           std::vector<double> const& model, split_losses_options const& o,
                           std::size_t groups, vector<double>& prob_clean,
                           vector<std::uint8_t>& clean) {
  std::size_t const n = r.loss.size;
  auto const held = upload(exec, model);
  auto const fill = [&](vector_view<double, P::space> prob,
                        vector_view<std::uint8_t, P::space> mask) {
    ops::for_rows(
        exec, n, write_posterior<T, P::space>{r, held.view(), o.monotone, o.threshold, prob, mask});
    return ops::sum_rows(exec, n, 2 * groups, add_clean<P::space>{mask, r.group});
  };
  if constexpr (P::space == memory_space::host) {
    prob_clean = vector<double>(n);
    clean = vector<std::uint8_t>(n);
    return fill(prob_clean.view(), clean.view());
  } else {
    auto prob = ops::make_buffer<double>(exec, n);
    auto mask = ops::make_buffer<std::uint8_t>(exec, n);
    auto const count = fill(prob.view(), mask.view());
    prob_clean = ops::download(exec, prob.view());
    clean = ops::download(exec, mask.view());
    return count;
  }
}

/// One group. `unit`: the losses are z already.
template <execution_policy P, class T>
split_losses_result split_all(P const& exec, std::string_view where,
                              vector_view<T const, P::space> losses,
                              vector_view<double const, P::space> weights, bool unit,
                              split_losses_options const& o) {
  split_losses_result out;
  loss_rows<T, P::space> r{losses, weights, {}, {}};
  std::vector<loss_span> spans(1);
  spans_of<1>(exec, r, spans);
  std::vector<double> const scale = unit ? std::vector<double>{0, 1} : scale_of(spans, where);
  auto const held = upload(exec, scale);
  r.scale = held.view();
  out.fit = fit_losses(exec, r, unit ? spans : unit_spans(spans), 0,
                       {o.max_iterations, o.tolerance, o.reg_covar})[0];
  if (!unit) set_scale(out.fit, spans[0]);
  std::vector<double> model(model_width);
  write_model(model.data(), out.fit, !out.fit.degenerate);
  auto const count = finish(exec, r, model, o, 1, out.prob_clean, out.clean);
  out.share_clean = count[0] > 0 ? count[1] / count[0] : 0;
  return out;
}

template <execution_policy P, class T>
split_losses_by_class_result split_classes(P const& exec, std::string_view where,
                                           vector_view<T const, P::space> losses,
                                           vector_view<std::int32_t const, P::space> labels,
                                           std::size_t classes,
                                           vector_view<double const, P::space> weights,
                                           split_losses_options const& o) {
  split_losses_by_class_result out;
  em_settings const settings{o.max_iterations, o.tolerance, o.reg_covar};
  loss_rows<T, P::space> r{losses, weights, labels, {}};
  std::vector<loss_span> spans(classes);
  spans_of<extremes_width>(exec, r, spans);
  std::vector<double> scale = scale_of(spans, where);
  auto own_scale = upload(exec, scale);
  r.scale = own_scale.view();
  out.fits = fit_losses(exec, r, unit_spans(spans), static_cast<double>(o.class_minimum), settings);

  out.fell_back = vector<std::uint8_t>(classes);
  bool any = false;
  for (std::size_t c = 0; c < classes; ++c) {
    set_scale(out.fits[c], spans[c]);
    out.fell_back[c] = out.fits[c].degenerate ? 1 : 0;
    any = any || (out.fell_back[c] && spans[c].weight > 0);
  }
  if (any) {
    loss_rows<T, P::space> all{losses, weights, {}, {}};
    std::vector<loss_span> span(1);
    for (loss_span const& s : spans) {
      span[0].low = s.low < span[0].low ? s.low : span[0].low;
      span[0].high = s.high > span[0].high ? s.high : span[0].high;
      span[0].weight += s.weight;
    }
    std::vector<double> const one = scale_of(span, where);
    auto const held = upload(exec, one);
    all.scale = held.view();
    out.global = fit_losses(exec, all, unit_spans(span), 0, settings)[0];
    set_scale(out.global, span[0]);
    for (std::size_t c = 0; c < classes; ++c) {
      if (!out.fell_back[c]) continue;
      out.fits[c] = out.global;
      scale[2 * c] = one[0];
      scale[2 * c + 1] = one[1];
    }
    own_scale = upload(exec, scale);
    r.scale = own_scale.view();
  }
  std::vector<double> model(classes * model_width);
  for (std::size_t c = 0; c < classes; ++c)
    write_model(&model[c * model_width], out.fits[c], !out.fits[c].degenerate);
  auto const count = finish(exec, r, model, o, classes, out.prob_clean, out.clean);
  out.share_clean = vector<double>(classes);
  for (std::size_t c = 0; c < classes; ++c)
    out.share_clean[c] = count[2 * c] > 0 ? count[2 * c + 1] / count[2 * c] : 0;
  return out;
}

/// Weights in double: the caller's own array where it is that, else a copy.
template <execution_policy P>
struct weight_column {
  vector_view<double const, P::space> view;
  std::optional<ops::buffer<double, P>> copy;
};
template <execution_policy P, class W>
weight_column<P> read_weights(P const& exec, std::string_view where,
                              vector_view<W const, P::space> w, std::size_t rows, bool validate) {
  ops::check_rows(where, "losses", rows, "weights", w.size);
  if (validate) ops::check_weights(exec, where, "weights", w);
  if constexpr (std::is_same_v<W, double>) {
    // an empty view would read as "no weights": nothing to weigh either way
    return {w, std::nullopt};
  } else {
    weight_column<P> out{{}, ops::make_buffer<double>(exec, rows)};
    out.view = out.copy->view();
    ops::for_rows(exec, rows, to_double<W, P::space>{w, out.copy->view()});
    return out;
  }
}

}  // namespace detail

/// The probability that each label is right, from each row's loss.
///
/// Rows whose labels are right are learnt first, so at the right epoch their losses are small. With
/// z = (loss - min) / (max - min), fits
///
///     p(z) = w_0 N(z; m_0, v_0) + w_1 N(z; m_1, v_1),   m_0 < m_1
///
/// by EM from the best cut into two clusters (2-means, exact to 1e-6 of the sum of squares and a
/// fixed point of Lloyd's steps), and returns prob_clean = w_0 N(z; m_0, v_0) / p(z).
///
/// Look at `fit.justified` before you use the split: on one hump, two Gaussians fit something too.
/// prob_clean is not monotone in the loss: with v_0 > v_1 it rises again far to the right. Option
/// `monotone` replaces it by its running minimum to the right of m_0 and its maximum to the left.
///
/// @param losses   n, one finite loss per row; any scale and offset (a loss + b gives the same
/// answer).
/// @param weights  n, optional, >= 0: weight 3 counts as three rows, weight 0 as an absent row
///                 (whose prob_clean is still given).
/// @param history  epochs x n, optional: each epoch is scaled, the last `epochs` of them are
///                 averaged, and the mean is not scaled again.
/// @param labels   n, optional, 0..classes-1: a scale and a fit per class. A class with weight
///                 below `class_minimum`, or without spread, is judged by the global fit and
///                 flagged.
/// @param classes  K >= 1.
/// @return split_losses_result, or split_losses_by_class_result with labels. All losses equal:
/// prob_clean = 1
///         everywhere, fit.degenerate set.
/// @throws input_error  a loss or weight that is not finite, a negative weight, a label out of
///         range, options out of range, losses too far apart to be scaled, different lengths.
///
/// Time O(n) per pass: about 5 passes for the cut, one per EM step, two for the answer. Memory n
/// doubles and n bytes. Deterministic: bitwise the same for any number of threads.
///
/// Source: Li, Socher, Hoi, "DivideMix", ICLR 2020, section 3.1; BIC: Schwarz 1978; D: Ashman,
/// Bird, Zepf 1994, eq. 4.
struct split_losses_fn {
  using primitives =
      uses<ops::for_rows_fn, ops::sum_rows_fn, ops::fold_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "mixture::split_losses";

  template <execution_policy P, real_vector L>
  split_losses_result operator()(P const& exec, L const& losses,
                                 split_losses_options const& options = {}) const {
    limpid::detail::enter<split_losses_fn, P, L>();
    detail::check_options(where, options);
    auto&& held = limpid::detail::materialise(losses);
    vector_view<value_t<L> const, P::space> const x = view(held);
    if (options.validate) ops::check_finite(exec, where, "losses", x);
    return detail::split_all(exec, where, x, {}, false, options);
  }

  template <execution_policy P, real_vector L, real_vector W>
  split_losses_result operator()(P const& exec, L const& losses, W const& weights,
                                 split_losses_options const& options = {}) const {
    limpid::detail::enter<split_losses_fn, P, L, W>();
    detail::check_options(where, options);
    auto&& held = limpid::detail::materialise(losses);
    auto&& held_weights = limpid::detail::materialise(weights);
    vector_view<value_t<L> const, P::space> const x = view(held);
    vector_view<value_t<W> const, P::space> const w = view(held_weights);
    if (options.validate) ops::check_finite(exec, where, "losses", x);
    auto const column = detail::read_weights(exec, where, w, x.size, options.validate);
    return detail::split_all(exec, where, x, column.view, false, options);
  }

  template <execution_policy P, real_matrix H>
  split_losses_result operator()(P const& exec, H const& history,
                                 split_losses_options const& options = {}) const {
    limpid::detail::enter<split_losses_fn, P, H>();
    detail::check_options(where, options);
    auto&& held = limpid::detail::materialise(history);
    matrix_view<value_t<H> const, P::space> const all = view(held);
    limpid::detail::require(all.rows >= 1, where, "history has no epochs; it needs at least 1 row");
    std::size_t const used =
        options.epochs && options.epochs < all.rows ? options.epochs : all.rows;
    auto const last = all.row_block(all.rows - used, all.rows);
    if (options.validate) ops::check_finite(exec, where, "history", last);
    std::vector<detail::loss_span> spans(used);
    for (std::size_t t = 0; t < used; ++t) {
      std::vector<detail::loss_span> span(1);
      detail::spans_of<1>(exec, detail::loss_rows<value_t<H>, P::space>{last.row(t), {}, {}, {}},
                          span);
      spans[t] = span[0];
    }
    auto const scale = detail::upload(exec, detail::scale_of(spans, where));
    auto z = ops::make_buffer<double>(exec, last.cols);
    ops::for_rows(exec, last.cols,
                  detail::mean_scaled<value_t<H>, P::space>{last, scale.view(), z.view()});
    return detail::split_all<P, double>(exec, where, z.view(), {}, true, options);
  }

  template <execution_policy P, real_vector L, label_vector Y>
  split_losses_by_class_result operator()(P const& exec, L const& losses, Y const& labels,
                                          std::size_t classes,
                                          split_losses_options const& options = {}) const {
    limpid::detail::enter<split_losses_fn, P, L, Y>();
    auto&& held = limpid::detail::materialise(losses);
    auto&& held_labels = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const x = view(held);
    vector_view<value_t<Y> const, P::space> const y = view(held_labels);
    auto const codes = by_class(exec, x, y, classes, options);
    return detail::split_classes(exec, where, x, codes.view(), classes, {}, options);
  }

  template <execution_policy P, real_vector L, label_vector Y, real_vector W>
  split_losses_by_class_result operator()(P const& exec, L const& losses, Y const& labels,
                                          std::size_t classes, W const& weights,
                                          split_losses_options const& options = {}) const {
    limpid::detail::enter<split_losses_fn, P, L, Y, W>();
    auto&& held = limpid::detail::materialise(losses);
    auto&& held_labels = limpid::detail::materialise(labels);
    auto&& held_weights = limpid::detail::materialise(weights);
    vector_view<value_t<L> const, P::space> const x = view(held);
    vector_view<value_t<Y> const, P::space> const y = view(held_labels);
    vector_view<value_t<W> const, P::space> const w = view(held_weights);
    auto const codes = by_class(exec, x, y, classes, options);
    auto const column = detail::read_weights(exec, where, w, x.size, options.validate);
    return detail::split_classes(exec, where, x, codes.view(), classes, column.view, options);
  }

  template <real_vector L>
  split_losses_result operator()(L const& losses, split_losses_options const& options = {}) const {
    return (*this)(default_policy, losses, options);
  }
  template <real_vector L, real_vector W>
  split_losses_result operator()(L const& losses, W const& weights,
                                 split_losses_options const& options = {}) const {
    return (*this)(default_policy, losses, weights, options);
  }
  template <real_matrix H>
  split_losses_result operator()(H const& history, split_losses_options const& options = {}) const {
    return (*this)(default_policy, history, options);
  }
  template <real_vector L, label_vector Y>
  split_losses_by_class_result operator()(L const& losses, Y const& labels, std::size_t classes,
                                          split_losses_options const& options = {}) const {
    return (*this)(default_policy, losses, labels, classes, options);
  }
  template <real_vector L, label_vector Y, real_vector W>
  split_losses_by_class_result operator()(L const& losses, Y const& labels, std::size_t classes,
                                          W const& weights,
                                          split_losses_options const& options = {}) const {
    return (*this)(default_policy, losses, labels, classes, weights, options);
  }

 private:
  template <execution_policy P, class T, class Label>
  static ops::label_codes<P> by_class(P const& exec, vector_view<T const, P::space> x,
                                      vector_view<Label const, P::space> y, std::size_t classes,
                                      split_losses_options const& options) {
    detail::check_options(where, options);
    limpid::detail::require(classes >= 1, where, "classes is 0; it must be at least 1");
    ops::check_rows(where, "losses", x.size, "labels", y.size);
    if (options.validate) ops::check_finite(exec, where, "losses", x);
    return ops::check_labels(exec, where, "labels", y, classes);
  }
};
inline constexpr split_losses_fn split_losses{};

}  // namespace limpid::mixture

#endif  // LIMPID_MIXTURE_SPLIT_LOSSES_HPP
