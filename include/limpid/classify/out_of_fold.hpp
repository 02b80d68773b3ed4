// SPDX-License-Identifier: BSL-1.0
/// @file limpid/classify/out_of_fold.hpp
/// Probabilities of every row by a model that did not see it.
#ifndef LIMPID_CLASSIFY_OUT_OF_FOLD_HPP
#define LIMPID_CLASSIFY_OUT_OF_FOLD_HPP

#include <limpid/classify/classifier.hpp>
#include <limpid/classify/folds.hpp>
#include <limpid/core/matrix.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/gather.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::classify {

/// Options of out_of_fold.
struct out_of_fold_options {
  std::size_t folds = 5;                        ///< 2..n
  std::uint64_t seed = 0;                       ///< of the shuffle
  bool stratified = true;                       ///< spread every class evenly over the folds
  vector_view<std::int32_t const> groups = {};  ///< n group numbers on the host: rows of a group
                                                ///< are held out together; no data = none
  vector_view<std::int32_t const> fold = {};    ///< n fold numbers 0..folds-1 on the host, instead
                                                ///< of dealt ones; no data = deal
  bool validate = true;       ///< check that features are finite and weights are not negative
  progress on_progress = {};  ///< told folds done / folds
};

/// n rows, K classes, F folds.
struct out_of_fold_result {
  matrix<double> probabilities;        ///< n x K; empty where the caller's own matrix was filled
  vector<std::int32_t> fold;           ///< n, the fold each row was held out in
  vector<std::uint8_t> converged;      ///< F, 1 where the fold's fit converged, or does not say
  matrix<std::uint8_t> class_missing;  ///< F x K, 1 where the fold's training part had no row of
                                       ///< the class: do not trust that column for its rows
  double accuracy = 0;         ///< weighted share of labelled rows whose most probable class is
                               ///< their label; 0 if there are none
  std::size_t folds_done = 0;  ///< rows of folds that were not done are 0
  bool stopped = false;        ///< on_progress asked to stop
};

namespace detail {

/// for_rows: to row index[r] = from row r.
template <class U, memory_space S>
struct scatter_rows {
  matrix_view<double const, S> from;
  vector_view<std::uint64_t const, S> index;
  matrix_view<U, S> to;
  LIMPID_HD void operator()(std::size_t r) const {
    for (std::size_t c = 0; c < from.cols; ++c) to(index[r], c) = static_cast<U>(from(r, c));
  }
};
template <class U, memory_space S>
struct clear_rows {
  matrix_view<U, S> to;
  LIMPID_HD void operator()(std::size_t r) const {
    for (std::size_t c = 0; c < to.cols; ++c) to(r, c) = U{0};
  }
};

/// sum_rows: weight of labelled rows, and of those whose largest probability is at their label.
/// Undone rows, all 0, count nowhere.
template <class U, class W, memory_space S>
struct hits {
  matrix_view<U const, S> p;
  vector_view<std::int32_t const, S> y;
  vector_view<W const, S> weights;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (y[i] < 0) return;
    std::size_t best = 0;
    for (std::size_t k = 1; k < p.cols; ++k)
      if (p(i, k) > p(i, best)) best = k;
    if (!(p(i, best) > 0)) return;
    double const w = weights.data ? static_cast<double>(weights[i]) : 1.0;
    sums[0] += w;
    if (best == static_cast<std::size_t>(y[i])) sums[1] += w;
  }
};

}  // namespace detail

/// Out-of-fold probabilities: each fold is predicted by `classifier` fitted on the others, so that
/// no row's own label tells on it.
///
/// @param exec        Where to run.
/// @param classifier  Any classifier.
/// @param features    X, n x d, finite.
/// @param labels      n class numbers 0..classes-1; rows with a negative label are predicted but
/// never trained on.
/// @param classes     K >= 1.
/// @param weights     Optional: n weights >= 0, handed to the classifier; rows of weight 0 are
/// predicted but never trained on.
/// @param out         Optional, last: n x K of float or double to write probabilities into.
/// @return out_of_fold_result.
/// @throws input_error  on shapes, n < folds, fold numbers out of range, a fold whose training part
/// has no labelled row; if `validate`,
///                      on features that are not finite and negative weights. What the classifier
///                      throws passes through.
/// @par Complexity   F fits on (F - 1) / F of the rows; memory: one copy of the training part of X,
/// and of the fold held out.
/// @par Determinism  Folds are the same for every policy; the rest is the classifier's.
struct out_of_fold_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy P, class C, real_matrix M, label_vector L, real_vector W,
            writable_matrix O>
    requires classifier<C, P, value_t<M>> && real_matrix<O>
  out_of_fold_result operator()(P const& exec, C const& c, M const& features, L const& labels,
                                std::size_t classes, W const& weights,
                                out_of_fold_options const& options, O&& out) const {
    limpid::detail::enter<out_of_fold_fn, P, M, L, W, O>();
    constexpr std::string_view name = "classify::out_of_fold";
    using limpid::detail::require;
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    auto&& held_weights = limpid::detail::materialise(weights);
    matrix_view<value_t<M> const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const y = limpid::view(held_labels);
    vector_view<value_t<W> const, P::space> const w = limpid::view(held_weights);
    matrix_view<value_t<O>, P::space> const p = limpid::view(out);
    std::size_t const n = x.rows, F = options.folds;
    require(classes >= 1, name, "classes is 0; give the number of classes");
    ops::check_rows(name, "features", n, "labels", y.size);
    if (w.data || w.size) ops::check_rows(name, "features", n, "weights", w.size);
    require(p.rows == n && p.cols == classes, name, "out is ", p.rows, " x ", p.cols,
            "; it must be ", n, " x ", classes);
    auto const codes = ops::check_labels(exec, name, "labels", y, classes, true);
    if (options.validate) {
      ops::check_finite(exec, name, "features", x);
      if (w.data) ops::check_weights(exec, name, "weights", w);
    }

    // Folds and row lists are made on the host from two columns.
    auto const label = ops::download(exec, codes.view());
    vector<value_t<W>> const weight = w.data ? ops::download(exec, w) : vector<value_t<W>>{};
    out_of_fold_result result;
    if (options.fold.data) {
      require(F >= 2, name, "folds is ", F, "; at least 2 are needed");
      require(options.fold.size == n, name, "fold has ", options.fold.size, " rows, labels has ",
              n);
      result.fold = vector<std::int32_t>(n);
      for (std::size_t i = 0; i < n; ++i) {
        std::int32_t const f = result.fold[i] = options.fold[i];
        require(f >= 0 && static_cast<std::size_t>(f) < F, name, "fold row ", i, " is ", f,
                "; fold numbers must be 0..", F - 1);
      }
    } else {
      result.fold = detail::make_folds(name, label, classes,
                                       {.count = F,
                                        .seed = options.seed,
                                        .stratified = options.stratified,
                                        .groups = options.groups})
                        .fold;
    }
    auto const trains = [&](std::size_t i) {
      return label[i] >= 0 && (weight.empty() || weight[i] > 0);
    };
    matrix<std::size_t> rows(F, classes);
    std::vector<std::size_t> of_class(classes);
    std::size_t all = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (trains(i)) {
        ++rows(static_cast<std::size_t>(result.fold[i]), static_cast<std::size_t>(label[i]));
        ++of_class[static_cast<std::size_t>(label[i])];
        ++all;
      }
    result.converged = vector<std::uint8_t>(F);
    result.class_missing = matrix<std::uint8_t>(F, classes);
    for (std::size_t f = 0; f < F; ++f) {
      std::size_t here = 0;
      for (std::size_t k = 0; k < classes; ++k) {
        result.class_missing(f, k) = of_class[k] == rows(f, k);
        here += rows(f, k);
      }
      require(here < all, name, "fold ", f,
              " leaves no labelled row of positive weight to train on");
    }

    ops::for_rows(exec, n, detail::clear_rows<value_t<O>, P::space>{p});
    std::vector<std::uint64_t> train, test;
    for (std::size_t f = 0; f < F && !result.stopped; ++f) {
      train.clear();
      test.clear();
      for (std::size_t i = 0; i < n; ++i)
        if (static_cast<std::size_t>(result.fold[i]) == f)
          test.push_back(i);
        else if (trains(i))
          train.push_back(i);
      result.converged[f] = predict_fold(exec, c, x, codes.view(), w, p, train, test);
      ++result.folds_done;
      if (options.on_progress &&
          !options.on_progress(static_cast<double>(f + 1) / static_cast<double>(F)))
        result.stopped = f + 1 < F;
    }
    auto const hit = ops::sum_rows(
        exec, n, 2, detail::hits<value_t<O>, value_t<W>, P::space>{p, codes.view(), w});
    result.accuracy = hit[0] > 0 ? hit[1] / hit[0] : 0;
    return result;
  }

  template <execution_policy P, class C, real_matrix M, label_vector L, real_vector W>
    requires classifier<C, P, value_t<M>>
  out_of_fold_result operator()(P const& exec, C const& c, M const& features, L const& labels,
                                std::size_t classes, W const& weights,
                                out_of_fold_options const& options = {}) const {
    limpid::detail::enter<out_of_fold_fn, P, M, L, W>();
    auto&& held = limpid::detail::materialise(features);
    std::size_t const n = limpid::view(held).rows;
    auto const out = ops::make_buffer<double>(exec, n * classes);
    auto result = (*this)(exec, c, held, labels, classes, weights, options, out.view(n, classes));
    result.probabilities = ops::download(exec, out.view(n, classes));
    return result;
  }
  template <execution_policy P, class C, real_matrix M, label_vector L>
    requires classifier<C, P, value_t<M>>
  out_of_fold_result operator()(P const& exec, C const& c, M const& features, L const& labels,
                                std::size_t classes,
                                out_of_fold_options const& options = {}) const {
    return (*this)(exec, c, features, labels, classes, vector_view<double const, P::space>{},
                   options);
  }
  template <class C, real_matrix M, label_vector L, real_vector W>
    requires(!execution_policy<C>) && classifier<C, simd_policy, value_t<M>>
  out_of_fold_result operator()(C const& c, M const& features, L const& labels, std::size_t classes,
                                W const& weights, out_of_fold_options const& options = {}) const {
    return (*this)(default_policy, c, features, labels, classes, weights, options);
  }
  template <class C, real_matrix M, label_vector L>
    requires(!execution_policy<C>) && classifier<C, simd_policy, value_t<M>>
  out_of_fold_result operator()(C const& c, M const& features, L const& labels, std::size_t classes,
                                out_of_fold_options const& options = {}) const {
    return (*this)(default_policy, c, features, labels, classes, options);
  }

 private:
  /// Fits on `train`, predicts `test`. A scope of its own: its copies are gone before the next
  /// fold's are made.
  template <class P, class C, class T, class W, class U, memory_space S>
  static bool predict_fold(P const& exec, C const& c, matrix_view<T const, S> x,
                           vector_view<std::int32_t const, S> y, vector_view<W const, S> w,
                           matrix_view<U, S> p, std::vector<std::uint64_t> const& train,
                           std::vector<std::uint64_t> const& test) {
    std::size_t const d = x.cols, K = p.cols, m = test.size();
    auto const model = [&] {
      std::size_t const r = train.size();
      auto const index = ops::upload(exec, vector_view<std::uint64_t const>(train.data(), r));
      auto const part = ops::make_buffer<T>(exec, r * d);
      auto const labels = ops::make_buffer<std::int32_t>(exec, r);
      auto const weights = ops::make_buffer<double>(exec, w.data ? r : 0);
      ops::gather_rows(exec, x, index.view(), part.view(r, d));
      ops::gather_rows(exec, y, index.view(), labels.view());
      if (w.data) ops::gather_rows(exec, w, index.view(), weights.view());
      return c.fit(exec, matrix_view<T const, S>(part.view(r, d)),
                   vector_view<std::int32_t const, S>(labels.view()),
                   vector_view<double const, S>(weights.view()), K);
    }();
    if (m > 0) {
      auto const index = ops::upload(exec, vector_view<std::uint64_t const>(test.data(), m));
      auto const part = ops::make_buffer<T>(exec, m * d);
      auto const predicted = ops::make_buffer<double>(exec, m * K);
      ops::gather_rows(exec, x, index.view(), part.view(m, d));
      model.probabilities(exec, matrix_view<T const, S>(part.view(m, d)), predicted.view(m, K));
      ops::for_rows(exec, m, detail::scatter_rows<U, S>{predicted.view(m, K), index.view(), p});
    }
    if constexpr (requires { static_cast<bool>(model.converged); })
      return static_cast<bool>(model.converged);
    else
      return true;
  }
};
inline constexpr out_of_fold_fn out_of_fold{};

}  // namespace limpid::classify

#endif  // LIMPID_CLASSIFY_OUT_OF_FOLD_HPP
