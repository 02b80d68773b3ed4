// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/hierarchical.hpp
/// Label noise along a class hierarchy: siblings are confused before strangers.
#ifndef LIMPID_NOISE_HIERARCHICAL_HPP
#define LIMPID_NOISE_HIERARCHICAL_HPP

#include <limpid/noise/from_transition.hpp>
#include <limpid/noise/sampling.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace limpid::noise {

/// Options of hierarchical.
struct hierarchical_options {
  /// rates[u], [0, 1], sum at most 1: P(the label moves to a class whose lowest common ancestor
  /// with the true one is u + 1 steps up); all such classes alike. {0.2}: to siblings only.
  std::vector<double> rates = {0.2};
  sampling mode = sampling::iid;
  std::uint64_t seed = 0;  ///< the same seed and labels give the same noise
};

/// The tree over `superclass.size()` classes in two levels: classes, their superclasses, one root.
/// What hierarchical takes as `parents`.
inline std::vector<std::size_t> two_level_tree(std::vector<std::size_t> const& superclass) {
  std::size_t const K = superclass.size();
  std::size_t groups = 0;
  for (std::size_t s : superclass) groups = s + 1 > groups ? s + 1 : groups;
  std::vector<std::size_t> parents(K + groups + 1, K + groups);
  for (std::size_t i = 0; i < K; ++i) parents[i] = K + superclass[i];
  return parents;
}

/// T of the hierarchy: T(i, j) = rates[u] / c where u + 1 steps lead from class i up to its lowest
/// common ancestor with j, and c is the number of such classes. Where i has none at a level, that
/// rate stays on the diagonal. See hierarchical for `parents`.
inline matrix<double> hierarchical_transition(std::size_t classes,
                                              std::vector<std::size_t> const& parents,
                                              std::vector<double> const& rates) {
  constexpr std::string_view name = "noise::hierarchical";
  using limpid::detail::require;
  require(classes >= 1, name, "classes is 0; give the number of classes");
  std::size_t const nodes = parents.size();
  require(nodes >= classes, name, "parents has ", nodes, " nodes; the first ", classes,
          " are the classes");
  double total = 0;
  for (std::size_t u = 0; u < rates.size(); ++u) {
    require(rates[u] >= 0 && rates[u] <= 1, name, "rates[", u, "] is ", rates[u],
            "; it must be in [0, 1]");
    total += rates[u];
  }
  require(total <= 1 + 1e-12, name, "rates sum to ", total, "; they must sum to 1 at most");
  for (std::size_t v = 0; v < nodes; ++v) {
    require(parents[v] < nodes, name, "parents[", v, "] is ", parents[v], "; there are ", nodes,
            " nodes");
    require(parents[v] >= classes || (v < classes && parents[v] == v), name, "parents[", v, "] is ",
            parents[v], ", a class; classes have no children");
  }
  // ancestors of every class, the class itself first, the root last
  std::vector<std::vector<std::size_t>> path(classes);
  for (std::size_t i = 0; i < classes; ++i) {
    path[i].push_back(i);
    while (parents[path[i].back()] != path[i].back()) {
      path[i].push_back(parents[path[i].back()]);
      require(path[i].size() <= nodes, name, "parents of class ", i,
              " run in a circle; the root is its own parent");
    }
  }
  auto t = matrix<double>::identity(classes);
  std::vector<std::size_t> level(classes), count;
  for (std::size_t i = 0; i < classes; ++i) {
    count.assign(path[i].size(), 0);
    for (std::size_t j = 0; j < classes; ++j) {
      level[j] = path[i].size();  // no ancestor in common: never confused
      if (j == i) continue;
      for (std::size_t up = 1; up < path[i].size() && level[j] == path[i].size(); ++up)
        for (std::size_t node : path[j])
          if (node == path[i][up]) level[j] = up;
      if (level[j] < path[i].size()) ++count[level[j]];
    }
    for (std::size_t j = 0; j < classes; ++j) {
      std::size_t const up = level[j];
      if (j == i || up >= path[i].size() || up > rates.size()) continue;
      t(i, j) = rates[up - 1] / static_cast<double>(count[up]);
    }
    double moved = 0;
    for (std::size_t j = 0; j < classes; ++j)
      if (j != i) moved += t(i, j);
    t(i, i) = moved < 1 ? 1 - moved : 0.0;
  }
  return t;
}

/// Draws noise along a tree of classes.
///
/// @param exec     Where to run.
/// @param labels   n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param classes  K.
/// @param parents  One entry per node: its parent; nodes 0..K-1 are the classes, the root is its
/// own parent. two_level_tree makes one from superclasses; cifar100_superclasses has those of
/// CIFAR-100.
/// @return noisy_labels; `expected` is hierarchical_transition.
/// @throws input_error  on rates out of range, parents that are no tree, labels out of range.
/// @par Complexity   O(n K) time, O(K^2 depth^2) for T; O(n) memory.
/// @par Determinism  Draws are keyed by seed and row: the same under every policy, bit for bit.
struct hierarchical_fn {
  using primitives = uses<from_transition_fn>;

  template <execution_policy P, label_vector L>
  noisy_labels operator()(P const& exec, L const& labels, std::size_t classes,
                          std::vector<std::size_t> const& parents,
                          hierarchical_options const& options = {}) const {
    limpid::detail::enter<hierarchical_fn, P, L>();
    auto transition = hierarchical_transition(classes, parents, options.rates);
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held);
    return detail::draw_from(exec, "noise::hierarchical", z, std::move(transition), options.seed,
                             options.mode);
  }
  template <label_vector L>
  noisy_labels operator()(L const& labels, std::size_t classes,
                          std::vector<std::size_t> const& parents,
                          hierarchical_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, parents, options);
  }
};
inline constexpr hierarchical_fn hierarchical{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_HIERARCHICAL_HPP
