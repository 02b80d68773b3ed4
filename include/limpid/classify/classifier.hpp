// SPDX-License-Identifier: BSL-1.0
/// @file limpid/classify/classifier.hpp
/// What a classifier is: options that can be fitted, and a model that gives probabilities.
#ifndef LIMPID_CLASSIFY_CLASSIFIER_HPP
#define LIMPID_CLASSIFY_CLASSIFIER_HPP

#include <limpid/exec/simd.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid::classify {

/// An object c that holds options and has two verbs, used by out_of_fold and by the audit:
///
///     auto model = c.fit(exec, X, y, weights, classes);
///     model.probabilities(exec, X, out);
///
/// exec     P, where to run
/// X        matrix_view<T const, P::space>, n x d, finite
/// y        vector_view<int32 const, P::space>, n class numbers 0..classes-1; a class may be absent
/// weights  vector_view<double const, P::space>, n weights >= 0; null data = all 1
/// out      matrix_view<double, P::space>, n x classes; every row becomes a distribution
///
/// The model may be of any type; it must not refer to X, y or weights after fit. A member `bool
/// converged`, if there is one, is reported. Arrays are in the policy's memory space; under the
/// host policies that is plain memory.
template <class C, class P = simd_policy, class T = double>
concept classifier =
    execution_policy<P> && requires(C const& c, P const& exec, matrix_view<T const, P::space> x,
                                    vector_view<std::int32_t const, P::space> y,
                                    vector_view<double const, P::space> weights,
                                    std::size_t classes, matrix_view<double, P::space> out) {
      c.fit(exec, x, y, weights, classes).probabilities(exec, x, out);
    };

}  // namespace limpid::classify

#endif  // LIMPID_CLASSIFY_CLASSIFIER_HPP
