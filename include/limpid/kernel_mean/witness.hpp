// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/witness.hpp
/// Where two samples differ: the difference of their kernel means at given points.
#ifndef LIMPID_KERNEL_MEAN_WITNESS_HPP
#define LIMPID_KERNEL_MEAN_WITNESS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/two_samples.hpp>

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace limpid::kernel_mean {

struct witness_options {
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct witness_result {
  vector<double> value;  ///< q; above 0 where x is denser than y, below where y is
  bool stopped = false;  ///< by on_progress: value is all 0
};

namespace detail {

template <memory_space S>
struct take_away {
  vector_view<double const, S> y;
  vector_view<double, S> x;
  LIMPID_HD void operator()(std::size_t i) const { x[i] -= y[i]; }
};

}  // namespace detail

/// The witness function of two samples at the query points,
///
///     f(z) = (1/m) sum_i k(x_i, z) - (1/n) sum_j k(y_j, z):
///
/// of all functions of its norm the one whose means over x and over y are farthest apart. Its mean
/// over x less that over y is the biased squared MMD.
///
/// @param kernel   as in evaluate.
/// @param x        m x d, m >= 1, finite.
/// @param y        n x d, n >= 1, finite, of x's value type.
/// @param queries  q x d, finite, of x's value type.
/// @return witness_result.
/// @throws input_error  entries that are not finite, no rows, different widths, kernel parameters
///         out of range.
///
/// Time O(q (m + n) d); memory O((m + n) d) for packed rows. Deterministic: bitwise the same for
/// any number of threads. float32 instead of float64 changes the value by less than 1e-6 of the
/// largest k(x, x), once the rows themselves are rounded.
///
/// Source: Gretton, Borgwardt, Rasch, Schoelkopf, Smola, "A kernel two-sample test", JMLR 13
/// (2012).
struct witness_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::witness";

  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Y, real_matrix Q>
  witness_result operator()(P const& exec, K const& kernel, X const& x, Y const& y,
                            Q const& queries, witness_options const& options = {}) const {
    limpid::detail::enter<witness_fn, P, X, Y, Q>();
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_q = limpid::detail::materialise(queries);
    matrix_view<value_t<X> const, P::space> const px = view(held_x);
    return run(
        exec, kernel, px, matrix_view<value_t<Y> const, P::space>(view(held_y)),
        detail::one_for_both(x, queries, px, matrix_view<value_t<Q> const, P::space>(view(held_q))),
        options);
  }
  template <kernel_like K, real_matrix X, real_matrix Y, real_matrix Q>
  witness_result operator()(K const& kernel, X const& x, Y const& y, Q const& queries,
                            witness_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, y, queries, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T, class U, class V>
  static witness_result run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                            matrix_view<U const, P::space> y,
                            matrix_view<V const, P::space> queries, witness_options const& o) {
    static_assert(std::is_same_v<T, V>,
                  "limpid: x, y and queries must all be float or all be double");
    detail::check_kernel(where, k);
    detail::check_two(exec, where, 1, x, y, o.validate);
    limpid::detail::require(queries.cols == x.cols, where, "x has ", x.cols,
                            " columns, queries has ", queries.cols);
    if (o.validate) ops::check_finite(exec, where, "queries", queries);

    witness_result out;
    std::size_t const q = queries.rows;
    auto const of_x = ops::make_buffer<double>(exec, q), of_y = ops::make_buffer<double>(exec, q);
    auto const mean_at = [&](auto const& rows, ops::buffer<double, P> const& to, double from,
                             double until) {
      auto const weights =
          detail::weights_or_mean(exec, vector_view<double const, P::space>{}, rows.rows);
      progress const part = detail::stretch(o.on_progress, from, until);
      matrix_view<double const, P::space> const column = weights.view(rows.rows, 1);
      return ops::kernel_sums(exec, k, queries, rows, column, to.view(q, 1), &part);
    };
    double const share = static_cast<double>(x.rows) / static_cast<double>(x.rows + y.rows);
    out.stopped = !mean_at(x, of_x, 0, share) || !mean_at(y, of_y, share, 1);
    if (!out.stopped) ops::for_rows(exec, q, detail::take_away<P::space>{of_y.view(), of_x.view()});
    out.value = out.stopped ? vector<double>(q) : ops::download(exec, of_x.view());
    return out;
  }
};
inline constexpr witness_fn witness{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_WITNESS_HPP
