// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/invert.hpp
/// The inverse of T, how far to trust it, and what to do where there is none.
#ifndef LIMPID_TRANSITION_INVERT_HPP
#define LIMPID_TRANSITION_INVERT_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/small.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace limpid::transition {

/// What stands in for the inverse of T.
enum class regularisation {
  none,     ///< T^-1 itself, refused where T is singular or badly conditioned
  shrink,   ///< (amount I + (1 - amount) T)^-1: T pulled to the identity; rows sum to 1
  tikhonov  ///< T' (T T' + amount I)^-1: ridge regression; rows do not sum to 1
};

struct invert_options {
  regularisation rule = regularisation::none;
  double amount = 0.1;  ///< of the regulariser; shrink: (0, 1], tikhonov: > 0; not read by none
  /// of the matrix inverted (tikhonov: of T T' + amount I): beyond it the inverse is refused; >= 1
  double max_condition = 1e8;
  bool singular_values = true;  ///< of T; false: they stay 0 and T is judged by its condition alone
};

struct invert_result {
  matrix<double> inverse;  ///< K x K; empty if refused
  double condition = 0;    ///< |T|_1 |T^-1|_1 of T itself, >= 1; infinite if T is singular
  double smallest_singular_value = 0;  ///< of T: its distance from a singular matrix
  double largest_singular_value = 0;
  /// |inverse|_inf, >= 1: how much larger a loss can get, its square what the variance grows by
  double amplification = 0;
  bool refused = false;     ///< singular, or worse than max_condition
  bool equal_rows = false;  ///< two rows of T are equal, within 1e-9: two classes look the same
  std::size_t first_equal = 0, second_equal = 0;  ///< they, if equal_rows
  std::string reason;                             ///< why it was refused, a sentence; empty if not
};

namespace detail {

namespace inversion {

inline matrix<double> transposed(matrix<double> const& a) {
  matrix<double> t(a.cols(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < a.cols(); ++j) t(j, i) = a(i, j);
  return t;
}

inline matrix<double> product(matrix<double> const& a, matrix<double> const& b) {
  matrix<double> c(a.rows(), b.cols());
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t k = 0; k < a.cols(); ++k)
      for (std::size_t j = 0; j < b.cols(); ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// A small matrix on the host, in double.
template <class P, class T, memory_space S>
matrix<double> on_host(P const& exec, matrix_view<T const, S> from) {
  auto const own = ops::download(exec, from);
  matrix<double> wide(from.rows, from.cols);
  for (std::size_t c = 0; c < wide.rows() * wide.cols(); ++c)
    wide.data()[c] = static_cast<double>(own.data()[c]);
  return wide;
}

}  // namespace inversion

inline void check_invert_options(std::string_view where, invert_options const& options) {
  using limpid::detail::require;
  double const a = options.amount;
  if (options.rule == regularisation::shrink)
    require(a > 0 && a <= 1, where, "options.amount is ", a, "; shrink needs (0, 1]");
  if (options.rule == regularisation::tikhonov)
    require(a > 0 && a < std::numeric_limits<double>::infinity(), where, "options.amount is ", a,
            "; tikhonov needs more than 0");
  require(options.max_condition >= 1, where, "options.max_condition is ", options.max_condition,
          "; need at least 1");
}

/// The inverse of a T on the host whose rows are distributions.
inline invert_result invert_on_host(matrix<double> const& T, invert_options const& options) {
  std::size_t const classes = T.rows();
  invert_result r;
  if (options.singular_values) {
    auto const values = ops::singular_values(T);
    r.largest_singular_value = values[0];
    r.smallest_singular_value = values[classes - 1];
  }
  if (auto const equal = ops::equal_rows(T)) {
    r.equal_rows = true;
    r.first_equal = equal->first;
    r.second_equal = equal->second;
  }
  auto plain = ops::invert(T);
  r.condition = plain.condition;
  double reached = plain.condition;
  if (options.rule == regularisation::none) {
    r.inverse = std::move(plain.inverse);
  } else if (options.rule == regularisation::shrink) {
    matrix<double> pulled = T;
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j)
        pulled(i, j) = (1 - options.amount) * T(i, j) + (i == j ? options.amount : 0.0);
    auto inverted = ops::invert(std::move(pulled));
    reached = inverted.condition;
    r.inverse = std::move(inverted.inverse);
  } else {
    matrix<double> const across = inversion::transposed(T);
    matrix<double> gram = inversion::product(T, across);
    for (std::size_t i = 0; i < classes; ++i) gram(i, i) += options.amount;
    auto const inverted = ops::invert(std::move(gram));
    reached = inverted.condition;
    if (!inverted.inverse.empty()) r.inverse = inversion::product(across, inverted.inverse);
  }
  // a singular value of 1e-8 or less is rounding of a singular matrix, whatever the norm says
  bool const singular = options.rule == regularisation::none && options.singular_values &&
                        r.smallest_singular_value < 1e-8;
  r.refused = r.inverse.empty() || !(reached <= options.max_condition) || singular;
  if (r.refused) {
    r.inverse = {};
    if (r.equal_rows && options.rule == regularisation::none)
      r.reason = "T rows " + std::to_string(r.first_equal) + " and " +
                 std::to_string(r.second_equal) +
                 " are equal, so that T has no inverse; the two classes cannot be told apart";
    else
      r.reason = "T has condition number " + limpid::detail::text(reached) +
                 "; it is inverted up to " + limpid::detail::text(options.max_condition) +
                 " and with singular values from 1e-8 on; choose a regularisation";
    return r;
  }
  for (std::size_t i = 0; i < classes; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < classes; ++j) sum += std::abs(r.inverse(i, j));
    r.amplification = (std::max)(r.amplification, sum);
  }
  return r;
}

/// The same, for functions that have nothing to return without an inverse.
inline invert_result invert_or_throw(std::string_view where, matrix<double> const& T,
                                     invert_options options) {
  options.singular_values = false;
  auto r = invert_on_host(T, options);
  limpid::detail::require(!r.refused, where, r.reason);
  return r;
}

}  // namespace detail

/// Inverts T, or says why not.
///
/// With p = P(given | x) and q = P(true | x) as rows, p = q T, hence q = p T^-1. Errors of p grow
/// by up to the condition number. The inverse has negative entries unless T is a permutation, so
/// that p T^-1 need be no distribution: clean_posterior has methods that give one. A singular or
/// badly conditioned T is refused unless a regularisation is chosen.
///
/// @param exec     where to run
/// @param T        K x K, T(i, j) = P(given j | true i); K >= 1
/// @param options  invert_options
/// @return  invert_result; `refused` with the reason instead of an inverse that means nothing
/// @throws  input_error  for T that is not square or whose rows are no distributions, and options
///                       outside their intervals
/// @par Complexity   O(K^3) time, O(K^2) memory
/// @par Determinism  bitwise, the same under every policy
/// @par Source       shrinking: G. Patrini et al., "Making deep neural networks robust to label
///                   noise: a loss correction approach", CVPR 2017
struct invert_fn {
  using primitives = uses<ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M>
  invert_result operator()(Exec const& exec, M const& T, invert_options const& options = {}) const {
    limpid::detail::enter<invert_fn, Exec, M>();
    auto&& held = limpid::detail::materialise(T);
    matrix_view<value_t<M> const, Exec::space> const t = limpid::view(held);
    constexpr char const* where = "transition::invert";
    limpid::detail::require(t.rows == t.cols && t.rows > 0, where, "T is ", t.rows, " x ", t.cols,
                            "; need K x K, K at least 1");
    detail::check_invert_options(where, options);
    ops::check_distributions(exec, where, "T", t);
    return detail::invert_on_host(detail::inversion::on_host(exec, t), options);
  }
  template <real_matrix M>
  invert_result operator()(M const& T, invert_options const& options = {}) const {
    return (*this)(default_policy, T, options);
  }
};
inline constexpr invert_fn invert{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_INVERT_HPP
