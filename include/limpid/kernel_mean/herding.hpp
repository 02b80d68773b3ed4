// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/herding.hpp
/// Kernel herding: a few rows whose kernel mean is near that of all.
#ifndef LIMPID_KERNEL_MEAN_HERDING_HPP
#define LIMPID_KERNEL_MEAN_HERDING_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/kernel_check.hpp>
#include <limpid/kernel_mean/detail/picks.hpp>
#include <limpid/ops/check.hpp>

#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

namespace limpid::kernel_mean {

struct herding_options {
  std::size_t size = 100;     ///< m >= 1, rows to pick; with `unique` at most n
  bool unique = false;        ///< no row twice
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first
};

struct herding_result {
  std::vector<std::size_t> rows;  ///< in the order picked: the first t are the answer for size t
  vector<double> mmd2;            ///< m, |mean of the first t rows - mean of all|^2 for t = 1..m
  double norm2 = 0;               ///< |mean of all|^2
  bool stopped = false;           ///< by on_progress: `rows` are those picked so far
};

namespace detail {

/// fold_rows: the picked column joins the sums; the best row of the new score.
template <memory_space S>
struct herd_row {
  vector_view<double const, S> mean, column;  ///< column without data: nothing picked yet
  vector_view<double, S> sums;                ///< of k(x_i, picked)
  std::size_t last;                           ///< picked; unique: never again
  double share;                               ///< 1 / (picked + 1)
  bool unique;
  LIMPID_HD void operator()(std::size_t i, best_row& best) const {
    if (column.data) sums[i] += column[i];
    if (unique && column.data && i == last) sums[i] = std::numeric_limits<double>::infinity();
    double const value = mean[i] - share * sums[i];
    if (value > best.value) best = {value, i, mean[i], sums[i]};
  }
};

}  // namespace detail

/// Picks rows greedily so that their kernel mean approaches that of the sample, mu:
///
///     next row = argmax_i mu(x_i) - 1 / (t + 1) sum over the t picked rows of k(x_p, x_i),
///
/// the first on ties: where the sample is dense and the picks are not. For the mean of a smooth
/// kernel m picks do about as well as m^2 independent draws at best.
///
/// @param kernel   positive semidefinite; as in evaluate.
/// @param x        n x d, n >= 1, finite: the candidates, and the sample unless it is weighted.
/// @param weights  n, optional, >= 0, of sum above 0: mu is the weighted mean, of weights divided
///                 by their sum; a row of weight 0 may be picked.
/// @param options  herding_options.
/// @return herding_result.
/// @throws input_error  entries that are not finite, no rows, negative weights, size or kernel
///         parameters out of range, the sigmoid kernel.
///
/// Time O(n^2 d) once and O(n m d); memory O(n d): the kernel matrix is never stored.
/// Deterministic: bitwise the same for any number of threads. float32 instead of float64 changes
/// mmd2 by less than 1e-5 max k(x, x), and so may change the order of near ties.
///
/// Source: Chen, Welling, Smola, "Super-samples from kernel herding", UAI 2010.
struct herding_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::kernel_matrix_fn, ops::for_rows_fn,
                          ops::sum_rows_fn, ops::fold_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::herding";

  template <execution_policy P, kernel_like K, real_matrix X>
  herding_result operator()(P const& exec, K const& kernel, X const& x,
                            herding_options const& options = {}) const {
    limpid::detail::enter<herding_fn, P, X>();
    auto&& held = limpid::detail::materialise(x);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held)),
               vector_view<double const, P::space>{}, false, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_vector W>
  herding_result operator()(P const& exec, K const& kernel, X const& x, W const& weights,
                            herding_options const& options = {}) const {
    limpid::detail::enter<herding_fn, P, X, W>();
    auto&& held = limpid::detail::materialise(x);
    auto&& held_w = limpid::detail::materialise(weights);
    return run(exec, kernel, matrix_view<value_t<X> const, P::space>(view(held)),
               vector_view<value_t<W> const, P::space>(view(held_w)), true, options);
  }
  template <kernel_like K, real_matrix X>
  herding_result operator()(K const& kernel, X const& x,
                            herding_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, options);
  }
  template <kernel_like K, real_matrix X, real_vector W>
  herding_result operator()(K const& kernel, X const& x, W const& weights,
                            herding_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, weights, options);
  }

 private:
  template <execution_policy P, kernel_like K, class T, class W>
  static herding_result run(P const& exec, K const& k, matrix_view<T const, P::space> x,
                            vector_view<W const, P::space> weights, bool weighted,
                            herding_options const& o) {
    using limpid::detail::require;
    constexpr auto S = P::space;
    std::size_t const n = x.rows;
    detail::check_positive(where, k);
    require(n >= 1, where, "x has no rows; it needs at least 1");
    require(o.size >= 1, where, "size is 0; it must be at least 1");
    require(!o.unique || o.size <= n, where, "size is ", o.size, "; x has ", n,
            " rows to pick once each");
    if (weighted) ops::check_rows(where, "x", n, "weights", weights.size);
    if (o.validate) {
      ops::check_finite(exec, where, "x", x);
      if (weighted) ops::check_weights(exec, where, "weights", weights);
    }
    auto const beta = detail::weights_or_mean(exec, weighted ? weights : vector_view<W const, S>{},
                                              weighted ? n : 0);
    if (weighted) {
      double const total = ops::sum_rows(
          exec, n, 1, detail::add_product<S>{beta.view(), vector_view<double const, S>{}})[0];
      require(total > 0 && total - total == 0, where, "weights sum to ", total,
              "; their sum must be above 0 and finite");
      ops::for_rows(exec, n, detail::scale_by<S>{beta.view(), 1 / total});
    }

    herding_result out;
    auto const pairs = static_cast<double>(n) / 2, picks = static_cast<double>(o.size);
    double const first = pairs / (pairs + picks);
    auto const mean = ops::make_buffer<double>(exec, n), sums = ops::make_buffer<double>(exec, n),
               column = ops::make_buffer<double>(exec, n);
    ops::for_rows(exec, n, detail::fill_with<S>{sums.view(), 0.0});
    out.stopped = !detail::mean_at_rows(
        exec, k, x,
        weighted ? vector_view<double const, S>(beta.view()) : vector_view<double const, S>{},
        mean.view(), out.norm2, detail::stretch(o.on_progress, 0, first));
    std::vector<double> mmd2;
    double inner = 0, own = 0;  // sums over the picked of mu and, in pairs, of k
    for (std::size_t t = 0; t < o.size && !out.stopped; ++t) {
      constexpr double nothing = -std::numeric_limits<double>::infinity();
      std::size_t const last = t > 0 ? out.rows.back() : 0;
      auto const best = ops::fold_rows(
          exec, n, detail::best_row{nothing, 0, 0, 0},
          detail::herd_row<S>{mean.view(), t > 0 ? column.view() : vector_view<double, S>{},
                              sums.view(), last, 1 / static_cast<double>(t + 1), o.unique},
          detail::better_of{});
      out.rows.push_back(best.row);
      detail::kernel_column(exec, k, x, best.row, column.view());
      double const diagonal =
          ops::download(exec, vector_view<double, S>(column.view().data + best.row, 1))[0];
      auto const count = static_cast<double>(t + 1);
      inner += best.mean;
      own += 2 * best.sum + diagonal;
      double const gap = out.norm2 - 2 * inner / count + own / (count * count);
      mmd2.push_back(gap > 0 ? gap : 0);
      out.stopped =
          o.on_progress && !o.on_progress(first + (1 - first) * count / picks) && t + 1 < o.size;
    }
    out.mmd2 = vector<double>(std::move(mmd2));
    return out;
  }
};
inline constexpr herding_fn herding{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_HERDING_HPP
