// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/biased.hpp
/// Biased mislabelling: all wrong labels of a class are of one other class.
#ifndef LIMPID_NOISE_BIASED_HPP
#define LIMPID_NOISE_BIASED_HPP

#include <limpid/core/random.hpp>
#include <limpid/noise/from_transition.hpp>
#include <limpid/noise/sampling.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::noise {

/// Options of biased.
struct biased_options {
  double rate =
      0.2;  ///< [0, 1]: P(the label changes). Above 1/2 wrong labels outnumber right ones.
  /// K, the wrong class of each class; empty: drawn by seed, each class's uniformly from the others
  std::vector<std::size_t> wrong = {};
  sampling mode = sampling::iid;
  std::uint64_t seed = 0;  ///< the same seed and labels give the same noise
};

/// The wrong class of each class as `biased` draws it, uniform over the others. K >= 2.
inline std::vector<std::size_t> biased_classes(std::size_t classes, std::uint64_t seed) {
  std::vector<std::size_t> wrong(classes);
  for (std::size_t i = 0; i < classes && classes >= 2; ++i) {
    auto const other =
        static_cast<std::size_t>(random_stream(seed, detail::matrix_stream, i).below(classes - 1));
    wrong[i] = other + (other >= i);
  }
  return wrong;
}

/// T of biased noise: T(i, i) = 1 - rate, T(i, wrong[i]) = rate.
inline matrix<double> biased_transition(std::vector<std::size_t> const& wrong, double rate) {
  constexpr std::string_view name = "noise::biased";
  using limpid::detail::require;
  std::size_t const K = wrong.size();
  require(rate >= 0 && rate <= 1, name, "rate is ", rate, "; it must be in [0, 1]");
  auto t = matrix<double>::identity(K);
  for (std::size_t i = 0; i < K; ++i) {
    require((wrong[i] < K && wrong[i] != i) || rate == 0, name, "wrong[", i, "] is ", wrong[i],
            "; it must be another class of 0..", K - 1);
    t(i, i) = 1 - rate;
    if (rate > 0) t(i, wrong[i]) += rate;
  }
  return t;
}

/// Draws biased noise: consistent mistakes, which more data do not average out. Its counterpart,
/// unbiased mislabelling, is symmetric noise that excludes the own class.
///
/// @param exec     Where to run.
/// @param labels   n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param classes  K.
/// @return noisy_labels; `expected` is biased_transition.
/// @throws input_error  on a rate outside [0, 1], wrong classes that are none, K = 1 with a rate
/// above 0, labels out of range.
/// @par Complexity   O(n K) time, O(n) memory.
/// @par Determinism  Draws are keyed by seed and row: the same under every policy, bit for bit.
/// @par Source       "Impact of biased mislabelling on learning with deep networks", 2017.
struct biased_fn {
  using primitives = uses<from_transition_fn>;

  template <execution_policy P, label_vector L>
  noisy_labels operator()(P const& exec, L const& labels, std::size_t classes,
                          biased_options const& options = {}) const {
    limpid::detail::enter<biased_fn, P, L>();
    constexpr std::string_view name = "noise::biased";
    using limpid::detail::require;
    require(classes >= 1, name, "classes is 0; give the number of classes");
    require(classes >= 2 || options.rate == 0, name,
            "classes is 1; labels cannot change among one class");
    require(options.wrong.empty() || options.wrong.size() == classes, name, "wrong has ",
            options.wrong.size(), " entries; one per class is needed, ", classes);
    auto transition = biased_transition(
        options.wrong.empty() ? biased_classes(classes, options.seed) : options.wrong,
        options.rate);
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held);
    return detail::draw_from(exec, name, z, std::move(transition), options.seed, options.mode);
  }
  template <label_vector L>
  noisy_labels operator()(L const& labels, std::size_t classes,
                          biased_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, options);
  }
};
inline constexpr biased_fn biased{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_BIASED_HPP
