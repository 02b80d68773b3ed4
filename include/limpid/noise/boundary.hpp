// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/boundary.hpp
/// Label noise among the samples that lie next to another class: neighbour-wise borderline noise.
#ifndef LIMPID_NOISE_BOUNDARY_HPP
#define LIMPID_NOISE_BOUNDARY_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/noise/detail/choose.hpp>
#include <limpid/noise/detail/draw.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/nearest.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::noise {

/// Options of boundary.
struct boundary_options {
  double rate = 0.2;  ///< [0, 1]: floor(rate n) labels change, exactly
  std::size_t neighbours =
      1;                    ///< >= 1: nearest rows of other classes whose majority is the new label
  bool standardise = true;  ///< features to mean 0 and standard deviation 1 first
  bool validate = true;     ///< check that features are finite
  progress on_progress = {};  ///< told the fraction of the search done
};

/// What boundary returns. Nothing is random: `expected` is `realised`.
struct boundary_labels : noisy_labels {
  /// n, distance to the nearest row of the own class / of another one: large next to a boundary;
  /// infinite for the only row of a class; 0 for unlabelled rows
  vector<double> score;
  bool stopped = false;  ///< on_progress asked to stop: nothing has changed
};

namespace detail {

/// The majority of the classes in order of distance; of equal ones that of the nearest row.
inline std::int32_t majority(std::vector<std::int32_t> const& ranked,
                             std::vector<std::size_t>& votes) {
  std::int32_t best = ranked[0];
  for (std::int32_t c : ranked) ++votes[static_cast<std::size_t>(c)];
  for (std::int32_t c : ranked)
    if (votes[static_cast<std::size_t>(c)] > votes[static_cast<std::size_t>(best)]) best = c;
  for (std::int32_t c : ranked) votes[static_cast<std::size_t>(c)] = 0;
  return best;
}

}  // namespace detail

/// Gives the samples nearest to another class that class's label.
///
///     score_i = d(x_i, nearest row of its class) / d(x_i, nearest row of another class);
///
/// the floor(rate n) rows with the largest scores, of equal ones the first, take the majority label
/// among their `neighbours` nearest rows of other classes. For noise along the margin of a
/// classifier instead of the neighbours' see boundary_margin.
///
/// @param exec      Where to run.
/// @param features  X, n x d, finite.
/// @param labels    n true class numbers 0..K-1; negative = unlabelled, left out and unchanged.
/// @param classes   K.
/// @return boundary_labels.
/// @throws input_error  on shapes, a rate outside [0, 1], no neighbours, labels out of range or of
/// one class only with a rate above 0; if `validate`, features that are not finite.
/// @par Complexity   O(n^2 d) time, O(n d) memory.
/// @par Determinism  No draws: the same bits for any number of threads.
/// @par Source       L. P. F. Garcia et al., "Noisy data set identification", HAIS 2013, as the R
/// package noisemodel 1.0.2 has it (nei_bor_ln).
struct boundary_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::count_pairs_fn, ops::copy_fn, ops::nearest_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  boundary_labels operator()(P const& exec, M const& features, L const& labels, std::size_t classes,
                             boundary_options const& options = {}) const {
    limpid::detail::enter<boundary_fn, P, M, L>();
    using limpid::detail::require;
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<M> const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held_labels);
    require(classes >= 1, name, "classes is 0; give the number of classes");
    ops::check_rows(name, "features", x.rows, "labels", z.size);
    require(options.rate >= 0 && options.rate <= 1, name, "rate is ", options.rate,
            "; it must be in [0, 1]");
    require(options.neighbours >= 1, name, "neighbours is 0; one at least must vote");
    auto const codes = ops::check_labels(exec, name, "labels", z, classes, true);
    if (options.validate) ops::check_finite(exec, name, "features", x);
    return run(exec, x, codes.view(), classes, options);
  }
  template <real_matrix M, label_vector L>
  boundary_labels operator()(M const& features, L const& labels, std::size_t classes,
                             boundary_options const& options = {}) const {
    return (*this)(default_policy, features, labels, classes, options);
  }

 private:
  static constexpr std::string_view name = "noise::boundary";

  template <class P, class T, memory_space S>
  static boundary_labels run(P const& exec, matrix_view<T const, S> x,
                             vector_view<std::int32_t const, S> codes, std::size_t K,
                             boundary_options const& options) {
    std::size_t const n = x.rows, d = x.cols;
    auto const label = ops::download(exec, codes);
    std::vector<std::vector<std::uint64_t>> rows(K);
    std::size_t labelled = 0, present = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (label[i] >= 0) {
        rows[static_cast<std::size_t>(label[i])].push_back(i);
        ++labelled;
      }
    for (auto const& own : rows) present += !own.empty();
    limpid::detail::require(present >= 2 || labelled == 0 || options.rate == 0, name,
                            "labels are of one class only; there is no boundary");
    boundary_labels r;
    r.score = vector<double>(n);
    vector<std::int32_t> after = label, rival = label;
    vector<double> centre(d), scale(d, 1.0);
    if (options.standardise && n > 0) {
      auto moments = ops::column_moments(exec, x);
      scale = moments.scale();
      centre = std::move(moments.mean);
    }
    std::vector<std::size_t> votes(K);
    double done = 0;
    progress const part = [&](double fraction) {
      return options.on_progress((done + fraction) / static_cast<double>(present));
    };
    for (std::size_t c = 0; c < K && present >= 2 && !r.stopped; ++c) {
      if (rows[c].empty()) continue;
      r.stopped = !search(exec, x, label, rows[c], c, centre, scale, options,
                          options.on_progress ? &part : nullptr, votes, r.score, rival);
      done += 1;
    }
    if (!r.stopped && present >= 2) {
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < n; ++i)
        if (label[i] >= 0) order.push_back(i);
      std::size_t const some = detail::whole_part(options.rate, labelled);
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return r.score[a] > r.score[b]; });
      for (std::size_t o = 0; o < some; ++o) after[order[o]] = rival[order[o]];
    }
    auto const there = ops::upload(exec, std::as_const(after).view());
    vector_view<std::int32_t const, S> const changed = there.view();
    static_cast<noisy_labels&>(r) = detail::describe(exec, codes, changed, K, {});
    r.expected = r.realised;
    return r;
  }

  /// Scores and rivals of the rows of class c. False if stopped.
  template <class P, class T, memory_space S>
  static bool search(P const& exec, matrix_view<T const, S> x, vector<std::int32_t> const& label,
                     std::vector<std::uint64_t> const& own, std::size_t c,
                     vector<double> const& centre, vector<double> const& scale,
                     boundary_options const& options, progress const* told,
                     std::vector<std::size_t>& votes, vector<double>& score,
                     vector<std::int32_t>& rival) {
    std::size_t const n = x.rows, d = x.cols, m = own.size();
    std::vector<std::uint64_t> others;
    for (std::size_t i = 0; i < n; ++i)
      if (label[i] >= 0 && static_cast<std::size_t>(label[i]) != c) others.push_back(i);
    std::size_t const k = (std::min)(options.neighbours, others.size());
    auto const gather = [&](std::vector<std::uint64_t> const& index) {
      auto const there =
          ops::upload(exec, vector_view<std::uint64_t const>(index.data(), index.size()));
      auto to = ops::make_buffer<T>(exec, index.size() * d);
      ops::standardise_rows(exec, x, centre.view(), scale.view(), to.view(index.size(), d),
                            vector_view<std::uint64_t const, S>(there.view()));
      return to;
    };
    auto const mine = gather(own), theirs = gather(others);
    matrix_view<T const, S> const queries = mine.view(m, d),
                                  references = theirs.view(others.size(), d);
    auto const index = ops::make_buffer<std::uint32_t>(exec, m * k);
    auto const away = ops::make_buffer<double>(exec, m * k);
    if (!ops::nearest(exec, queries, references, k, index.view(m, k), away.view(m, k),
                      {.on_progress = told}))
      return false;
    auto const found = ops::download(exec, index.view(m, k));
    auto const to_other = ops::download(exec, away.view(m, k));
    vector<double> to_own(m, std::numeric_limits<double>::infinity());
    if (m >= 2) {
      auto const one = ops::make_buffer<std::uint32_t>(exec, m);
      auto const nearest_own = ops::make_buffer<double>(exec, m);
      if (!ops::nearest(exec, queries, queries, 1, one.view(m, 1), nearest_own.view(m, 1),
                        {.exclude_self = true}))
        return false;
      to_own = ops::download(exec, nearest_own.view());
    }
    std::vector<std::int32_t> ranked(k);
    for (std::size_t r = 0; r < m; ++r) {
      for (std::size_t j = 0; j < k; ++j) ranked[j] = label[others[found(r, j)]];
      rival[own[r]] = detail::majority(ranked, votes);
      double const other = to_other(r, 0);
      // both at the same place: as near to the one as to the other
      score[own[r]] = other > 0       ? to_own[r] / other
                      : to_own[r] > 0 ? std::numeric_limits<double>::infinity()
                                      : 1.0;
    }
    return true;
  }
};
inline constexpr boundary_fn boundary{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_BOUNDARY_HPP
