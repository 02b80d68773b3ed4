// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/class_map.hpp
/// Label noise along a map of classes: cat becomes dog, 7 becomes 1, the rest is left alone.
#ifndef LIMPID_NOISE_CLASS_MAP_HPP
#define LIMPID_NOISE_CLASS_MAP_HPP

#include <limpid/noise/from_transition.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace limpid::noise {

/// One confusion: labels of class `from` become `to` with probability `rate` in [0, 1].
struct confusion {
  std::size_t from, to;
  double rate;
};

/// Options of class_map.
struct class_map_options {
  std::uint64_t seed = 0;         ///< the same seed and labels give the same noise
  sampling mode = sampling::iid;  ///< exact: floor(T(i, j) n_i) rows of class i become j
};

/// T of the confusions, K x K: T(from, to) = rate, the rest of each row on the diagonal. The rates
/// of a class sum to 1 at most.
inline matrix<double> class_map_transition(std::size_t classes,
                                           std::vector<confusion> const& confusions) {
  constexpr std::string_view name = "noise::class_map";
  using limpid::detail::require;
  require(classes >= 1, name, "classes is 0; give the number of classes");
  auto t = matrix<double>::identity(classes);
  for (std::size_t c = 0; c < confusions.size(); ++c) {
    auto const [from, to, rate] = confusions[c];
    require(from < classes && to < classes && from != to, name, "confusion ", c, " maps class ",
            from, " to ", to, "; it must name two different classes of 0..", classes - 1);
    require(rate >= 0 && rate <= 1, name, "confusion ", c, " has rate ", rate,
            "; it must be in [0, 1]");
    t(from, to) += rate;
    t(from, from) -= rate;
    require(t(from, from) >= -1e-12, name, "the rates of class ", from, " sum to ",
            1 - t(from, from), "; they must sum to 1 at most");
    if (t(from, from) < 0) t(from, from) = 0;
  }
  return t;
}

/// MNIST: 7 to 1, 2 to 7, 5 and 6 to each other, 3 to 8.
inline std::vector<confusion> mnist_map(double rate) {
  return {{7, 1, rate}, {2, 7, rate}, {5, 6, rate}, {6, 5, rate}, {3, 8, rate}};
}
/// CIFAR-10: truck to automobile, bird to airplane, cat and dog to each other, deer to horse.
inline std::vector<confusion> cifar10_map(double rate) {
  return {{9, 1, rate}, {2, 0, rate}, {3, 5, rate}, {5, 3, rate}, {4, 7, rate}};
}
/// Two classes: 1 becomes 0 at `rate`, 0 becomes 1 at `other`.
inline std::vector<confusion> binary_map(double rate, double other = 0.05) {
  return {{1, 0, rate}, {0, 1, other}};
}

/// The superclass, 0..19, of each of CIFAR-100's classes, both in the data's own (alphabetical)
/// order.
inline std::vector<std::size_t> cifar100_superclasses() {
  return {4,  1,  14, 8,  0,  6,  7,  7,  18, 3,  3,  14, 9,  18, 7,  11, 3,  9,  7,  11,
          6,  11, 5,  10, 7,  6,  13, 15, 3,  15, 0,  11, 1,  10, 12, 14, 16, 9,  11, 5,
          5,  19, 8,  8,  15, 13, 14, 17, 18, 10, 16, 4,  17, 4,  2,  0,  17, 4,  18, 17,
          10, 3,  2,  12, 12, 16, 12, 1,  9,  19, 2,  10, 0,  1,  16, 12, 9,  13, 15, 13,
          16, 19, 2,  4,  6,  19, 5,  5,  8,  19, 18, 1,  2,  15, 6,  0,  17, 8,  14, 13};
}
/// CIFAR-100: each class to the next one, in turn, of its superclass.
inline std::vector<confusion> cifar100_map(double rate) {
  auto const superclass = cifar100_superclasses();
  std::vector<confusion> out;
  for (std::size_t i = 0; i < superclass.size(); ++i) {
    std::size_t next = (i + 1) % superclass.size();
    while (superclass[next] != superclass[i]) next = (next + 1) % superclass.size();
    out.push_back({i, next, rate});
  }
  return out;
}
/// The same where class numbers run by superclass, five each, which those of the data files do not:
/// what much published code does with them all the same.
inline std::vector<confusion> cifar100_block_map(double rate) {
  std::vector<confusion> out;
  for (std::size_t i = 0; i < 100; ++i) out.push_back({i, i / 5 * 5 + (i + 1) % 5, rate});
  return out;
}

/// Draws noise along a list of confusions, "asymmetric" noise. Benchmarks' lists: mnist_map,
/// cifar10_map, cifar100_map, cifar100_block_map, binary_map.
///
/// @param exec        Where to run.
/// @param labels      n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param classes     K.
/// @param confusions  What becomes what, and how often.
/// @return noisy_labels; `expected` is class_map_transition.
/// @throws input_error  on classes and rates out of range, labels out of range.
/// @par Complexity   O(n K) time, O(n) memory.
/// @par Determinism  Draws are keyed by seed and row: the same under every policy, bit for bit.
/// @par Source       G. Patrini et al., "Making deep neural networks robust to label noise: a loss
/// correction approach", CVPR 2017.
struct class_map_fn {
  using primitives = uses<from_transition_fn>;

  template <execution_policy P, label_vector L>
  noisy_labels operator()(P const& exec, L const& labels, std::size_t classes,
                          std::vector<confusion> const& confusions,
                          class_map_options const& options = {}) const {
    limpid::detail::enter<class_map_fn, P, L>();
    auto transition = class_map_transition(classes, confusions);
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held);
    return detail::draw_from(exec, "noise::class_map", z, std::move(transition), options.seed,
                             options.mode);
  }
  template <label_vector L>
  noisy_labels operator()(L const& labels, std::size_t classes,
                          std::vector<confusion> const& confusions,
                          class_map_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, confusions, options);
  }
};
inline constexpr class_map_fn class_map{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_CLASS_MAP_HPP
