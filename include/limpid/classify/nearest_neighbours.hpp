// SPDX-License-Identifier: BSL-1.0
/// @file limpid/classify/nearest_neighbours.hpp
/// k nearest neighbours as a classifier: no training, no assumption on the shape of classes.
#ifndef LIMPID_CLASSIFY_NEAREST_NEIGHBOURS_HPP
#define LIMPID_CLASSIFY_NEAREST_NEIGHBOURS_HPP

#include <limpid/classify/classifier.hpp>
#include <limpid/core/matrix.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::classify {

namespace detail {

/// for_rows: smoothed shares of the neighbours' votes.
template <class U, memory_space S>
struct vote_rows {
  matrix_view<std::uint32_t const, S> index;
  matrix_view<double const, S> distance;
  vector_view<std::int32_t const, S> label;
  vector_view<double const, S> weights;  ///< no data = all 1
  bool by_distance;
  double smoothing;
  matrix_view<U, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double const width = distance(i, index.cols - 1);
    double total = smoothing;
    // U may be float: votes are counted per class in double, one class at a time
    for (std::size_t c = 0; c < index.cols; ++c) total += vote(i, c, width);
    for (std::size_t k = 0; k < out.cols; ++k) {
      double votes = smoothing / static_cast<double>(out.cols);
      for (std::size_t c = 0; c < index.cols; ++c)
        if (static_cast<std::size_t>(label[index(i, c)]) == k) votes += vote(i, c, width);
      out(i, k) = static_cast<U>(votes / total);
    }
  }
  LIMPID_HD double vote(std::size_t i, std::size_t c, double width) const {
    double const w = weights.data ? weights[index(i, c)] : 1.0;
    if (!by_distance || !(width > 0)) return w;
    double const ratio = distance(i, c) / width;
    return w * std::exp(-ratio * ratio);
  }
};

}  // namespace detail

/// The training rows, kept in the policy's memory; `exec` must outlive the model.
template <class T, execution_policy P>
struct nearest_neighbours_model {
  ops::buffer<T, P> features;           ///< m x d, standardised if that was asked
  ops::buffer<std::int32_t, P> labels;  ///< m
  ops::buffer<double, P> weights;       ///< m, or empty = all 1
  std::size_t rows, cols, classes, k;   ///< k: neighbours that vote, at most m
  vector<double> centre,
      scale;  ///< d; scale 0 where a feature is constant; empty if not standardised
  bool by_distance;
  double smoothing;
  metric distance;
  vector<std::uint8_t> classes_seen;  ///< K, 0 where a class has no training row

  /// Writes P(k | x_i) to out(i, k); out is n x K, float or double. O(n m d) time, O(n (k + d))
  /// memory.
  template <real_matrix M, writable_matrix O>
    requires real_matrix<O> && std::same_as<value_t<M>, T>
  void probabilities(P const& exec, M const& queries, O&& out) const {
    static_assert(
        space_of<M> == P::space && space_of<O> == P::space,
        "limpid: the policy and the data are in different memory spaces; copy the data first");
    constexpr std::string_view name = "classify::nearest_neighbours_model";
    auto&& held = limpid::detail::materialise(queries);
    matrix_view<T const, P::space> const x = limpid::view(held);
    matrix_view<value_t<O>, P::space> const to = limpid::view(out);
    std::size_t const n = x.rows;
    limpid::detail::require(x.cols == cols, name, "features have ", x.cols,
                            " columns, the model was fitted on ", cols);
    limpid::detail::require(to.rows == n && to.cols == classes, name, "out is ", to.rows, " x ",
                            to.cols, "; ", n, " rows of ", classes, " classes are to be written");
    auto const own = ops::make_buffer<T>(exec, centre.empty() ? 0 : n * cols);
    matrix_view<T const, P::space> query = x;
    if (!centre.empty()) {
      ops::standardise_rows(exec, x, centre.view(), scale.view(), own.view(n, cols));
      query = own.view(n, cols);
    }
    auto const index = ops::make_buffer<std::uint32_t>(exec, n * k);
    auto const gap = ops::make_buffer<double>(exec, n * k);
    ops::nearest(exec, query, matrix_view<T const, P::space>(features.view(rows, cols)), k,
                 index.view(n, k), gap.view(n, k), {.distance = distance});
    ops::for_rows(
        exec, n,
        detail::vote_rows<value_t<O>, P::space>{index.view(n, k), gap.view(n, k), labels.view(),
                                                weights.view(), by_distance, smoothing, to});
  }
};

/// k nearest neighbours. Meets classifier.
///
///     P(k | x) = (smoothing / K + sum of the votes of neighbours of class k) / (smoothing + sum of
///     all votes)
///
/// A neighbour at distance r votes w exp(-(r / r_k)^2), with r_k the distance of the k-th: a
/// Gaussian kernel as wide as the neighbourhood (0.37 w at its edge); without `by_distance` it
/// votes w. w is its training weight. A row of weight 3 votes three times as loudly but is one
/// neighbour; rows of weight 0 are left out.
struct nearest_neighbours {
  std::size_t k = 10;  ///< neighbours, >= 1; all rows if there are fewer
  metric distance =
      metric::euclidean;    ///< cosine needs rows that are not 0, and is best without standardise
  bool standardise = true;  ///< to mean 0 and standard deviation 1; constant features are ignored
  bool by_distance = true;  ///< near neighbours vote louder
  double smoothing = 1;     ///< pseudo-votes, shared evenly by all classes (Laplace); >= 0
  bool validate = true;     ///< check that features are finite and weights are not negative

  using primitives =
      uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn, ops::nearest_fn>;

  /// Keeps a copy of the rows that have a label and a positive weight.
  ///
  /// @param exec     Where to run; must outlive the model.
  /// @param features X, n x d, finite.
  /// @param labels   n class numbers 0..classes-1; rows with a negative label are left out.
  /// @param weights  n weights >= 0, or a view without data: all 1.
  /// @param classes  K >= 1.
  /// @return nearest_neighbours_model.
  /// @throws input_error  on shapes, options out of range, labels out of range, no row left.
  /// @par Complexity  O(n d) time and memory.
  /// @par Determinism  Bitwise equal for any number of
  /// threads.
  template <execution_policy P, real_matrix M, label_vector L, real_vector W>
  nearest_neighbours_model<value_t<M>, P> fit(P const& exec, M const& features, L const& labels,
                                              W const& weights, std::size_t classes) const {
    limpid::detail::enter<nearest_neighbours, P, M, L, W>();
    using T = value_t<M>;
    using limpid::detail::require;
    constexpr std::string_view name = "classify::nearest_neighbours";
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    auto&& held_weights = limpid::detail::materialise(weights);
    matrix_view<T const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const y = limpid::view(held_labels);
    vector_view<value_t<W> const, P::space> const w = limpid::view(held_weights);
    require(k >= 1, name, "k is 0; at least one neighbour must vote");
    require(smoothing >= 0 && smoothing - smoothing == 0, name, "smoothing is ", smoothing,
            "; it must be finite and at least 0");
    require(classes >= 1, name, "classes is 0; give the number of classes");
    ops::check_rows(name, "features", x.rows, "labels", y.size);
    if (w.data || w.size) ops::check_rows(name, "features", x.rows, "weights", w.size);
    auto const codes = ops::check_labels(exec, name, "labels", y, classes, true);
    if (validate) {
      ops::check_finite(exec, name, "features", x);
      if (w.data) ops::check_weights(exec, name, "weights", w);
    }

    auto const label = ops::download(exec, codes.view());
    vector<value_t<W>> const weight = w.data ? ops::download(exec, w) : vector<value_t<W>>{};
    std::vector<std::uint64_t> kept;
    vector<std::uint8_t> seen(classes);
    vector<std::int32_t> kept_label(label.size());
    vector<double> kept_weight(weight.size());
    for (std::size_t i = 0; i < label.size(); ++i) {
      if (label[i] < 0 || (w.data && !(weight[i] > 0))) continue;
      kept_label[kept.size()] = label[i];
      if (w.data) kept_weight[kept.size()] = static_cast<double>(weight[i]);
      seen[static_cast<std::size_t>(label[i])] = 1;
      kept.push_back(i);
    }
    std::size_t const m = kept.size(), d = x.cols;
    require(m > 0, name, "no row has a label and a positive weight; there is no neighbour");

    auto const index = ops::upload(exec, vector_view<std::uint64_t const>(kept.data(), m));
    vector<double> centre, scale;
    auto copy = ops::make_buffer<T>(exec, m * d);
    ops::gather_rows(exec, x, index.view(), copy.view(m, d));
    if (standardise) {
      auto moments = ops::column_moments(exec, matrix_view<T const, P::space>(copy.view(m, d)));
      scale = moments.scale();
      centre = std::move(moments.mean);
      ops::standardise_rows(exec, x, std::as_const(centre).view(), std::as_const(scale).view(),
                            copy.view(m, d),
                            vector_view<std::uint64_t const, P::space>(index.view()));
    }
    auto own_labels = ops::upload(exec, vector_view<std::int32_t const>(kept_label.data(), m));
    auto own_weights =
        ops::upload(exec, vector_view<double const>(kept_weight.data(), w.data ? m : 0));
    return {std::move(copy),
            std::move(own_labels),
            std::move(own_weights),
            m,
            d,
            classes,
            k < m ? k : m,
            std::move(centre),
            std::move(scale),
            by_distance,
            smoothing,
            distance,
            std::move(seen)};
  }
};

}  // namespace limpid::classify

#endif  // LIMPID_CLASSIFY_NEAREST_NEIGHBOURS_HPP
