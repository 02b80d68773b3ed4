// SPDX-License-Identifier: BSL-1.0
/// @file limpid/reweight/liu_tao.hpp
/// Importance weights that make a loss on given labels the loss on true ones.
#ifndef LIMPID_REWEIGHT_LIU_TAO_HPP
#define LIMPID_REWEIGHT_LIU_TAO_HPP

#include <limpid/core/posterior_of.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/small.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::reweight {

struct liu_tao_options {
  posterior_of posteriors = posterior_of::given;
  double max_weight = std::numeric_limits<double>::infinity();  ///< larger weights become this; > 0
  bool normalise = false;      ///< divide the weights by their mean
  double max_condition = 1e8;  ///< of T, where it is inverted (posteriors of given labels): beyond
                               ///< it T is refused; >= 1
  bool validate = true;        ///< check that rows of P are distributions and labels are in range
};

/// n rows, K classes.
struct liu_tao_result {
  vector<double> weights;  ///< n, at least 0; mean 1 in theory, and exactly so if normalised
  double negative_share =
      0;                    ///< rows whose posterior lies below the noise floor; their weight is 0
  double capped_share = 0;  ///< rows cut to max_weight
  double undefined_share =
      0;                   ///< rows whose label has posterior 0 (below 1e-12); their weight is 0
  double mean_weight = 0;  ///< before normalising; far from 1: P, T and y do not fit together
  double effective_sample_size = 0;  ///< (sum w)^2 / sum w^2, 0..n
  /// |T|_1 |T^-1|_1, by how much errors in P can grow; 1 if T was not inverted
  double condition = 1;
  vector<std::uint8_t>
      unbounded;          ///< K, 1: T(k, k) = 0, so that weights of rows with label k have no bound
  bool all_zero = false;  ///< no row has weight: nothing was normalised
};

namespace detail {

/// Writes row i's weight and adds: weight, its square, and the three ways to lose it.
template <class T, memory_space S>
struct label_weight {
  static constexpr std::size_t width = 5;
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> columns;  ///< row j: column j of T^-1 (given) or of T (truth)
  bool of_truth;
  double max_weight;
  vector_view<double, S> weights;

  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    auto const label = static_cast<std::size_t>(y[i]);
    double image = 0;
    for (std::size_t k = 0; k < p.cols; ++k)
      image += static_cast<double>(p(i, k)) * columns(label, k);
    double const own = static_cast<double>(p(i, label));
    double const above = of_truth ? own : image, below = of_truth ? image : own;
    double weight = 0;
    if (!(below > 1e-12))
      sums[4] += 1;
    else if (above < 0)
      sums[2] += 1;
    else
      weight = above / below;
    if (weight > max_weight) {
      weight = max_weight;
      sums[3] += 1;
    }
    weights[i] = weight;
    sums[0] += weight;
    sums[1] += weight * weight;
  }
};

template <memory_space S>
struct scale {
  vector_view<double, S> weights;
  double factor;
  LIMPID_HD void operator()(std::size_t i) const { weights[i] *= factor; }
};

}  // namespace detail

/// Weights \f$ \beta(x, y) = P(\text{true} = y | x) / P(\text{given} = y | x) \f$: the mean of \f$
/// \beta \ell(f(x), y) \f$ over given labels is the mean of the loss over true ones.
///
/// From posteriors p of given labels \f$ \beta_i = (p_i T^{-1})_{y_i} / p_{i y_i} \f$, for two
/// classes \f$ (p_y - \rho_{-y}) / ((1 - \rho_+ - \rho_-) p_y) \f$; negative values, posteriors
/// below the noise floor, become 0. From posteriors s of true labels \f$ \beta_i = s_{i y_i} / (s_i
/// T)_{y_i} \f$, in 0..1/T(y, y), without an inverse.
///
/// @param exec     where to run
/// @param P        n x K, probabilities of the given or of the true label, see options.posteriors;
///                 n, K >= 1
/// @param y        n, given labels 0..K-1
/// @param T        K x K, T(i, j) = P(given j | true i)
/// @param options  liu_tao_options
/// @return  liu_tao_result
/// @throws  input_error  for shapes, rows of P or T that are no distributions, labels, options
///                       outside their intervals; with posteriors of given labels also for a T that
///                       is singular, worse conditioned than max_condition, or for two classes with
///                       noise rates that sum to 1 or more
/// @par Complexity   O(nK + K^3) time, one pass over P; n + O(K^2) doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       T. Liu, D. Tao, "Classification with noisy labels by importance reweighting",
///                   TPAMI 2016, Eq. 10; from true posteriors: X. Xia et al., "Are anchor points
///                   really indispensable in label-noise learning?", NeurIPS 2019
struct liu_tao_fn {
  using primitives = uses<ops::first_row_fn, ops::sum_rows_fn, ops::for_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L, real_matrix N>
  liu_tao_result operator()(Exec const& exec, M const& P, L const& y, N const& T,
                            liu_tao_options const& options = {}) const {
    limpid::detail::enter<liu_tao_fn, Exec, M, L, N>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_t = limpid::detail::materialise(T);
    constexpr auto S = Exec::space;
    matrix_view<value_t<M> const, S> const p = limpid::view(held_p);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    matrix_view<value_t<N> const, S> const t = limpid::view(held_t);
    check(p.rows, p.cols, given.size, t.rows, t.cols, options);
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    ops::check_distributions(exec, where, "T", t);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);

    auto const own = ops::download(exec, t);
    matrix<double> transition(p.cols, p.cols);
    for (std::size_t i = 0; i < p.cols; ++i)
      for (std::size_t j = 0; j < p.cols; ++j) transition(i, j) = static_cast<double>(own(i, j));
    liu_tao_result r;
    auto const columns = ops::upload(exec, columns_of(transition, options, r).view());
    auto const weights = ops::make_buffer<double>(exec, p.rows);
    bool const of_truth = options.posteriors == posterior_of::truth;
    using weigh = detail::label_weight<value_t<M>, S>;
    auto const sums = ops::sum_rows(exec, p.rows, weigh::width,
                                    weigh{p, labels.view(), columns.view(p.cols, p.cols), of_truth,
                                          options.max_weight, weights.view()});
    summarise(sums, static_cast<double>(p.rows), r);
    if (options.normalise && !r.all_zero)
      ops::for_rows(exec, p.rows, detail::scale<S>{weights.view(), 1 / r.mean_weight});
    r.weights = ops::download(exec, weights.view());
    return r;
  }

  template <real_matrix M, label_vector L, real_matrix N>
  liu_tao_result operator()(M const& P, L const& y, N const& T,
                            liu_tao_options const& options = {}) const {
    return (*this)(default_policy, P, y, T, options);
  }

 private:
  static constexpr char const* where = "reweight::liu_tao";

  static void check(std::size_t n, std::size_t classes, std::size_t labels, std::size_t rows,
                    std::size_t cols, liu_tao_options const& options) {
    using limpid::detail::require;
    require(n > 0 && classes > 0, where, "P is ", n, " x ", classes,
            "; need at least one row and one class");
    ops::check_rows(where, "P", n, "y", labels);
    require(rows == classes && cols == classes, where, "T is ", rows, " x ", cols,
            "; need K x K, K = ", classes);
    require(options.max_weight > 0, where, "options.max_weight is ", options.max_weight,
            "; need more than 0");
    require(options.max_condition >= 1, where, "options.max_condition is ", options.max_condition,
            "; need at least 1");
  }

  /// The columns of T or of its inverse, as rows.
  static matrix<double> columns_of(matrix<double> const& T, liu_tao_options const& options,
                                   liu_tao_result& r) {
    using limpid::detail::require;
    std::size_t const classes = T.rows();
    r.unbounded = vector<std::uint8_t>(classes);
    for (std::size_t k = 0; k < classes; ++k) r.unbounded[k] = !(T(k, k) > 0);
    matrix<double> source = T;
    if (options.posteriors == posterior_of::given) {
      auto inverted = ops::invert(T);
      r.condition = inverted.condition;
      if (!(r.condition <= options.max_condition)) {
        auto const equal = ops::equal_rows(T);
        if (equal)
          limpid::detail::fail(
              where, ": T rows ", equal->first, " and ", equal->second,
              " are equal, so that T has no inverse; the two classes cannot be told apart");
        limpid::detail::fail(where, ": T has condition number ", r.condition,
                             "; it is inverted up to ", options.max_condition,
                             " (options.max_condition)");
      }
      if (classes == 2)
        require(T(0, 1) + T(1, 0) < 1, where, "T has noise rates ", T(0, 1), " and ", T(1, 0),
                "; for two classes their sum must be below 1");
      source = std::move(inverted.inverse);
    }
    matrix<double> columns(classes, classes);
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j) columns(j, i) = source(i, j);
    return columns;
  }

  static void summarise(std::vector<double> const& sums, double rows, liu_tao_result& r) {
    r.mean_weight = sums[0] / rows;
    r.effective_sample_size = sums[1] > 0 ? sums[0] * sums[0] / sums[1] : 0;
    r.negative_share = sums[2] / rows;
    r.capped_share = sums[3] / rows;
    r.undefined_share = sums[4] / rows;
    r.all_zero = !(sums[0] > 0);
  }
};
inline constexpr liu_tao_fn liu_tao{};

}  // namespace limpid::reweight

#endif  // LIMPID_REWEIGHT_LIU_TAO_HPP
