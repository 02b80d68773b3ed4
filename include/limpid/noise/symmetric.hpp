// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/symmetric.hpp
/// Symmetric label noise: wrong labels fall evenly on all classes.
#ifndef LIMPID_NOISE_SYMMETRIC_HPP
#define LIMPID_NOISE_SYMMETRIC_HPP

#include <limpid/noise/from_transition.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpid::noise {

/// Options of symmetric.
struct symmetric_options {
  double rate = 0.2;  ///< [0, 1]: P(the label changes), or, if includes_own_class, P(it is redrawn)
  std::uint64_t seed = 0;  ///< the same seed and labels give the same noise
  bool includes_own_class =
      false;  ///< redraw from all K classes: the label then changes with probability rate (K-1)/K
  sampling mode = sampling::iid;  ///< exact: floor(T(i, j) n_i) rows of class i become j
};

/// T of symmetric noise, K x K: (1 - rate) I + rate / (K - 1) (1 - I), or (1 - rate) I + rate / K
/// if the own class is included. Singular at rate (K - 1) / K, or 1. rate in [0, 1]; K >= 2 unless
/// rate is 0 or the own class is included.
inline matrix<double> symmetric_transition(std::size_t classes, double rate,
                                           bool includes_own_class = false) {
  constexpr std::string_view name = "noise::symmetric";
  using limpid::detail::require;
  require(classes >= 1, name, "classes is 0; give the number of classes");
  require(rate >= 0 && rate <= 1, name, "rate is ", rate, "; it must be in [0, 1]");
  require(classes >= 2 || rate == 0 || includes_own_class, name,
          "classes is 1; labels cannot change among one class");
  double const K = static_cast<double>(classes);
  double const off = includes_own_class ? rate / K : classes > 1 ? rate / (K - 1) : 0;
  matrix<double> t(classes, classes, off);
  for (std::size_t i = 0; i < classes; ++i)
    t(i, i) = includes_own_class ? 1 - rate + off : 1 - rate;
  return t;
}

/// Draws symmetric noise. The literature knows two conventions of the rate: with
/// `includes_own_class = false` a share `rate` of labels is wrong (loss correction, Co-teaching);
/// with true a share `rate` is redrawn from all classes, and some come back right (DivideMix and
/// its followers).
///
/// @param exec     Where to run.
/// @param labels   n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param classes  K.
/// @return noisy_labels; `expected` is symmetric_transition.
/// @throws input_error  on rate outside [0, 1], K = 1 with a rate that cannot be met, labels out of
/// range.
/// @par Complexity   O(n K) time, O(n) memory.
/// @par Determinism  Draws are keyed by seed and row: the same under every policy, bit for bit.
/// @par Source       B. van Rooyen, A. K. Menon, R. C. Williamson, "Learning with symmetric label
/// noise: the importance of
///                   being unhinged", NeurIPS 2015.
struct symmetric_fn {
  using primitives = uses<from_transition_fn>;

  template <execution_policy P, label_vector L>
  noisy_labels operator()(P const& exec, L const& labels, std::size_t classes,
                          symmetric_options const& options = {}) const {
    limpid::detail::enter<symmetric_fn, P, L>();
    auto transition = symmetric_transition(classes, options.rate, options.includes_own_class);
    auto&& held = limpid::detail::materialise(labels);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held);
    return detail::draw_from(exec, "noise::symmetric", z, std::move(transition), options.seed,
                             options.mode);
  }
  template <label_vector L>
  noisy_labels operator()(L const& labels, std::size_t classes,
                          symmetric_options const& options = {}) const {
    return (*this)(default_policy, labels, classes, options);
  }
};
inline constexpr symmetric_fn symmetric{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_SYMMETRIC_HPP
