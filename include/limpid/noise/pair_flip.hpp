// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/pair_flip.hpp
/// Pair-flip label noise: wrong labels of a class all fall on the next one.
#ifndef LIMPID_NOISE_PAIR_FLIP_HPP
#define LIMPID_NOISE_PAIR_FLIP_HPP

#include <limpid/noise/from_transition.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpid::noise {

/// Options of pair_flip.
struct pair_flip_options {
  double rate = 0.2;  ///< [0, 1]: P(the label becomes the next class's). Above 1/2 wrong labels
                      ///< outnumber right ones.
  std::uint64_t seed = 0;         ///< the same seed and labels give the same noise
  sampling mode = sampling::iid;  ///< exact: floor(T(i, j) n_i) rows of class i become j
};

/// T of pair-flip noise, K x K: T(i, i) = 1 - rate, T(i, i + 1 mod K) = rate. Its determinant is (1
/// - rate)^K - (-rate)^K: singular only at rate 1/2 with K even. rate in [0, 1]; K >= 2 unless rate
/// is 0.
inline matrix<double> pair_flip_transition(std::size_t classes, double rate) {
  constexpr std::string_view name = "noise::pair_flip";
  using limpid::detail::require;
  require(classes >= 1, name, "classes is 0; give the number of classes");
  require(rate >= 0 && rate <= 1, name, "rate is ", rate, "; it must be in [0, 1]");
  require(classes >= 2 || rate == 0, name, "classes is 1; labels cannot change among one class");
  matrix<double> t(classes, classes);
  for (std::size_t i = 0; i < classes; ++i) {
    t(i, i) = 1 - rate;
    t(i, (i + 1) % classes) += rate;
  }
  return t;
}

/// Draws pair-flip noise: each label i becomes i + 1 mod K with probability `rate`.
///
/// @param exec     Where to run.
/// @param labels   n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param classes  K.
/// @return noisy_labels; `expected` is pair_flip_transition.
/// @throws input_error  on rate outside [0, 1], K = 1 with a rate above 0, labels out of range.
/// @par Complexity   O(n K) time, O(n) memory.
/// @par Determinism  Draws are keyed by seed and row: the same under every policy, bit for bit.
/// @par Source       B. Han et al., "Co-teaching: robust training of deep neural networks with
/// extremely noisy labels", NeurIPS 2018.
struct pair_flip_fn {
  using primitives = uses<from_transition_fn>;

  template <execution_policy P, label_vector L>
  noisy_labels operator()(P const& exec, L const& labels, std::size_t classes,
                          pair_flip_options const& options = {}) const {
    limpid::detail::enter<pair_flip_fn, P, L>();
    auto transition = pair_flip_transition(classes, options.rate);
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held);
    return detail::draw_from(exec, "noise::pair_flip", z, std::move(transition), options.seed,
                             options.mode);
  }
  template <label_vector L>
  noisy_labels operator()(L const& labels, std::size_t classes,
                          pair_flip_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, options);
  }
};
inline constexpr pair_flip_fn pair_flip{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_PAIR_FLIP_HPP
