// SPDX-License-Identifier: BSL-1.0
/// @file limpid/classify/folds.hpp
/// Folds for cross-validation: stratified, seeded, whole groups where asked.
#ifndef LIMPID_CLASSIFY_FOLDS_HPP
#define LIMPID_CLASSIFY_FOLDS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace limpid::classify {

/// Options of folds.
struct folds_options {
  std::size_t count = 5;   ///< folds, 2..n
  std::uint64_t seed = 0;  ///< of the shuffle
  bool stratified = true;  ///< spread every class evenly; false: only the totals are even
  vector_view<std::int32_t const> groups = {};  ///< n group numbers, any integers, on the host:
                                                ///< rows of a group stay together; no data = none
};

/// Which fold each row is held out in.
struct folds_result {
  vector<std::int32_t> fold;  ///< n, 0..count-1
  matrix<std::size_t> rows;   ///< count x K, labelled rows of each class in each fold
};

namespace detail {

/// 64 random bits of group i.
inline std::uint64_t shuffle_key(std::uint64_t seed, std::uint64_t i) {
  random_stream draw(seed, 0, i);
  std::uint64_t const high = draw();
  return (high << 32) | draw();
}

/// Listed by class, unlabelled rows first, and shuffled within it (Fisher and Yates), rows are
/// dealt out in turn: sizes differ by at most 1, per class and in total.
inline void deal_rows(vector<std::int32_t> const& label, std::size_t classes, std::size_t count,
                      std::uint64_t seed, bool stratified, vector<std::int32_t>& fold) {
  auto const stratum = [&](std::size_t i) {
    return stratified ? static_cast<std::size_t>(label[i] + 1) : 0;
  };
  std::size_t const n = label.size(), strata = stratified ? classes + 1 : 1;
  std::vector<std::size_t> start(strata + 1), order(n);
  for (std::size_t i = 0; i < n; ++i) ++start[stratum(i) + 1];
  for (std::size_t s = 0; s < strata; ++s) start[s + 1] += start[s];
  std::vector<std::size_t> next(start.begin(), start.end() - 1);
  for (std::size_t i = 0; i < n; ++i) order[next[stratum(i)]++] = i;
  for (std::size_t s = 0; s < strata; ++s) {
    random_stream draw(seed, 0, s);
    for (std::size_t left = start[s + 1] - start[s]; left > 1; --left)
      std::swap(order[start[s] + left - 1], order[start[s] + draw.below(left)]);
  }
  for (std::size_t r = 0; r < n; ++r) fold[order[r]] = static_cast<std::int32_t>(r % count);
}

/// The largest groups first, each to the fold that has the smallest share of its classes. False:
/// fewer groups than folds.
inline bool deal_groups(vector<std::int32_t> const& label, vector_view<std::int32_t const> groups,
                        std::size_t classes, std::size_t count, std::uint64_t seed, bool stratified,
                        vector<std::int32_t>& fold) {
  struct group {
    std::size_t size;
    std::uint64_t key;
    std::size_t begin;
  };
  std::size_t const n = label.size();
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(groups[a], a) < std::pair(groups[b], b);
  });
  std::vector<group> all;
  for (std::size_t r = 0; r < n; ++r) {
    if (r == 0 || groups[order[r]] != groups[order[r - 1]])
      all.push_back({0, shuffle_key(seed, static_cast<std::uint32_t>(groups[order[r]])), r});
    ++all.back().size;
  }
  if (all.size() < count) return false;
  std::sort(all.begin(), all.end(), [](group const& a, group const& b) {
    return std::tuple(b.size, a.key, a.begin) < std::tuple(a.size, b.key, b.begin);
  });

  // stratum `classes` holds the unlabelled rows
  auto const stratum = [&](std::size_t row) {
    return !stratified ? 0 : label[row] < 0 ? classes : static_cast<std::size_t>(label[row]);
  };
  std::vector<double> total(classes + 1), held(count * (classes + 1));
  std::vector<std::size_t> size(count);
  for (std::size_t i = 0; i < n; ++i) ++total[stratum(i)];
  for (group const& g : all) {
    std::size_t best = 0;
    double least = 0;
    for (std::size_t f = 0; f < count; ++f) {
      double overlap = 0;  // grows of sum_k held_k^2 / total_k, halved, but for a constant
      for (std::size_t r = g.begin; r < g.begin + g.size; ++r) {
        std::size_t const k = stratum(order[r]);
        overlap += held[f * (classes + 1) + k] / total[k];
      }
      if (f == 0 || overlap < least || (overlap == least && size[f] < size[best])) {
        best = f;
        least = overlap;
      }
    }
    for (std::size_t r = g.begin; r < g.begin + g.size; ++r) {
      fold[order[r]] = static_cast<std::int32_t>(best);
      std::size_t const k = stratum(order[r]);
      ++held[best * (classes + 1) + k];
    }
    size[best] += g.size;
  }
  return true;
}

/// Counts rows of every class in every fold.
inline matrix<std::size_t> count_rows(vector<std::int32_t> const& fold,
                                      vector<std::int32_t> const& label, std::size_t count,
                                      std::size_t classes) {
  matrix<std::size_t> rows(count, classes);
  for (std::size_t i = 0; i < fold.size(); ++i)
    if (label[i] >= 0)
      ++rows(static_cast<std::size_t>(fold[i]), static_cast<std::size_t>(label[i]));
  return rows;
}

/// Checks and deals; `label` on the host, -1 = unlabelled.
inline folds_result make_folds(std::string_view where, vector<std::int32_t> const& label,
                               std::size_t classes, folds_options const& options) {
  using limpid::detail::require;
  std::size_t const n = label.size();
  require(options.count >= 2, where, "folds is ", options.count, "; at least 2 are needed");
  require(n >= options.count, where, "labels has ", n, " rows, fewer than ", options.count,
          " folds");
  folds_result result{vector<std::int32_t>(n), {}};
  if (options.groups.data) {
    require(options.groups.size == n, where, "groups has ", options.groups.size,
            " rows, labels has ", n);
    require(deal_groups(label, options.groups, classes, options.count, options.seed,
                        options.stratified, result.fold),
            where, "groups are fewer than ", options.count, " folds; every fold needs a group");
  } else {
    deal_rows(label, classes, options.count, options.seed, options.stratified, result.fold);
  }
  result.rows = count_rows(result.fold, label, options.count, classes);
  return result;
}

}  // namespace detail

/// Deals rows out to folds.
///
/// Rows are shuffled within their class, then dealt in turn: per class and in total, fold sizes
/// differ by at most 1. With `groups` whole groups are dealt, the largest first, each to the fold
/// with the smallest share of its classes; every fold gets a group, and evenness is as good as the
/// groups allow. Negative labels (unlabelled rows) are spread as a class of their own.
///
/// @param labels   n class numbers 0..classes-1, or negative.
/// @param classes  K >= 1.
/// @return folds_result. A class with fewer rows than folds is absent from some of them: see
/// `rows`.
/// @throws input_error  if n < count, count < 2, fewer groups than folds, or labels out of range
/// (always checked: it is O(n)).
/// @par Complexity   O(n + K) time, with groups O(n (log n + count)); O(n) memory, on the host.
/// @par Determinism  The same for every policy; depends on the labels, the seed and row (or group)
/// numbers alone.
struct folds_fn {
  using primitives = uses<ops::first_row_fn, ops::for_rows_fn, ops::copy_fn>;

  template <execution_policy P, label_vector L>
  folds_result operator()(P const& exec, L const& labels, std::size_t classes,
                          folds_options const& options = {}) const {
    limpid::detail::enter<folds_fn, P, L>();
    constexpr std::string_view name = "classify::folds";
    limpid::detail::require(classes >= 1, name, "classes is 0; give the number of classes");
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const y = limpid::view(held);
    auto const codes = ops::check_labels(exec, name, "labels", y, classes, true);
    return detail::make_folds(name, ops::download(exec, codes.view()), classes, options);
  }
  template <label_vector L>
  folds_result operator()(L const& labels, std::size_t classes,
                          folds_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, options);
  }
};
inline constexpr folds_fn folds{};

}  // namespace limpid::classify

#endif  // LIMPID_CLASSIFY_FOLDS_HPP
