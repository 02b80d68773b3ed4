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
  std::uint64_t seed = 0;  ///< the same seed and labels give the same noise
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

/// Draws noise along a list of confusions. The benchmarks' maps, each at one rate:
/// MNIST 7-1, 2-7, 5-6, 6-5, 3-8; CIFAR-10 9-1, 2-0, 3-5, 5-3, 4-7.
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
    return detail::draw_from(exec, "noise::class_map", z, std::move(transition), options.seed);
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
