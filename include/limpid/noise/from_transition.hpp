// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/from_transition.hpp
/// Label noise of any class-dependent kind: every label is redrawn from its class's row of T.
#ifndef LIMPID_NOISE_FROM_TRANSITION_HPP
#define LIMPID_NOISE_FROM_TRANSITION_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/noise/detail/choose.hpp>
#include <limpid/noise/detail/draw.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/noise/sampling.hpp>
#include <limpid/ops/check.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::noise {

/// Options of from_transition.
struct from_transition_options {
  std::uint64_t seed = 0;         ///< the same seed, labels and T give the same noise
  sampling mode = sampling::iid;  ///< exact: of n_i rows of class i, floor(T(i, j) n_i) become j;
                                  ///< the rest stays
};

namespace detail {

/// for_rows: the first class whose cumulative probability exceeds the row's uniform draw.
template <memory_space S>
struct draw_class {
  vector_view<std::int32_t const, S> label;
  matrix_view<double const, S>
      cumulative;  ///< rows end in numbers above 1 from the last possible class on
  std::uint64_t seed;
  vector_view<std::int32_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    if (label[i] < 0) {
      out[i] = -1;
      return;
    }
    auto const row = static_cast<std::size_t>(label[i]);
    double const u = random_stream(seed, label_stream, i).uniform();
    std::size_t j = 0;
    while (u >= cumulative(row, j)) ++j;
    out[i] = static_cast<std::int32_t>(j);
  }
};

/// Labels after floor(T(i, j) n_i) rows of class i, chosen at random, have become j.
inline vector<std::int32_t> exact_labels(vector<std::int32_t> const& before,
                                         matrix<double> const& transition, std::uint64_t seed) {
  std::size_t const K = transition.rows();
  std::vector<std::vector<std::size_t>> rows(K);
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] >= 0) rows[static_cast<std::size_t>(before[i])].push_back(i);
  vector<std::int32_t> after = before;
  std::vector<std::size_t> count(K);
  for (std::size_t i = 0; i < K; ++i) {
    std::size_t moved = 0;
    for (std::size_t j = 0; j < K; ++j)
      if (j != i) moved += count[j] = whole_part(transition(i, j), rows[i].size());
    auto const chosen = choose_rows(rows[i], moved, seed, choice_stream);
    std::size_t next = 0;
    for (std::size_t j = 0; j < K; ++j)
      for (std::size_t c = 0; j != i && c < count[j] && next < chosen.size(); ++c)
        after[chosen[next++]] = static_cast<std::int32_t>(j);
  }
  return after;
}

/// Draws from T, which is row-stochastic within rounding.
template <class P, class Label, memory_space S>
noisy_labels draw_from(P const& exec, std::string_view name, vector_view<Label const, S> labels,
                       matrix<double> transition, std::uint64_t seed,
                       sampling mode = sampling::iid) {
  std::size_t const K = transition.rows();
  auto const codes = ops::check_labels(exec, name, "labels", labels, K, true);
  matrix<double> const cumulative = cumulative_rows(transition);
  auto const out = ops::make_buffer<std::int32_t>(exec, labels.size);
  if (mode == sampling::exact) {
    auto const after = exact_labels(ops::download(exec, codes.view()), transition, seed);
    ops::copy(exec, after.view(), out.view());
  } else {
    auto const on_exec = ops::upload(exec, cumulative.view());
    ops::for_rows(exec, labels.size,
                  draw_class<S>{codes.view(), on_exec.view(K, K), seed, out.view()});
  }
  return describe(exec, codes.view(), vector_view<std::int32_t const, S>(out.view()), K,
                  std::move(transition));
}

}  // namespace detail

/// Draws noisy labels: row i's is j with probability T(z_i, j), independently. In the exact mode
/// the counts are those of T, rounded down in favour of the diagonal, and only which rows is
/// random.
///
/// @param exec        Where to run.
/// @param labels      z, n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param transition  T, K x K, row-stochastic. Rows are scaled to sum to 1 exactly before they are
/// drawn from.
/// @return noisy_labels; `expected` is T as drawn from.
/// @throws input_error  if T is not square, its rows are no distributions (always checked: it is
/// small), or labels are out of range.
/// @par Complexity   O(n K) time, O(n) memory.
/// @par Determinism  Draws are keyed by seed and row: the same under every policy, bit for bit.
struct from_transition_fn {
  using primitives = uses<ops::for_rows_fn, ops::first_row_fn, ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy P, label_vector L, real_matrix M>
  noisy_labels operator()(P const& exec, L const& labels, M const& transition,
                          from_transition_options const& options = {}) const {
    limpid::detail::enter<from_transition_fn, P, L, M>();
    constexpr std::string_view name = "noise::from_transition";
    auto&& held_labels = limpid::detail::materialise(labels);
    auto&& held = limpid::detail::materialise(transition);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held_labels);
    matrix_view<value_t<M> const, P::space> const t = limpid::view(held);
    limpid::detail::require(t.rows == t.cols && t.rows >= 1, name, "transition is ", t.rows, " x ",
                            t.cols, "; it must be K x K, K >= 1");
    ops::check_distributions(exec, name, "transition", t);
    auto const given = ops::download(exec, t);
    matrix<double> wide(t.rows, t.cols);
    for (std::size_t i = 0; i < t.rows; ++i)
      for (std::size_t j = 0; j < t.cols; ++j) wide(i, j) = static_cast<double>(given(i, j));
    return detail::draw_from(exec, name, z, std::move(wide), options.seed, options.mode);
  }
  template <label_vector L, real_matrix M>
  noisy_labels operator()(L const& labels, M const& transition,
                          from_transition_options const& options = {}) const {
    return (*this)(default_policy, labels, transition, options);
  }
};
inline constexpr from_transition_fn from_transition{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_FROM_TRANSITION_HPP
