// SPDX-License-Identifier: BSL-1.0
/// @file limpid/noise/instance_dependent.hpp
/// Label noise that depends on the features: the generator of Xia et al.
#ifndef LIMPID_NOISE_INSTANCE_DEPENDENT_HPP
#define LIMPID_NOISE_INSTANCE_DEPENDENT_HPP

#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/noise/detail/draw.hpp>
#include <limpid/noise/noisy_labels.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/moments.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace limpid::noise {

/// Options of instance_dependent.
struct instance_dependent_options {
  double rate = 0.2;  ///< [0, 1]: centre of the rows' flip rates; their mean where [0, 1] does not
                      ///< cut the normal law
  double deviation =
      0.1;  ///< [0, 1]: of the rows' flip rates about `rate`; 0 = every row flips at `rate`
  double max_rate =
      1;  ///< (0, 1], at least `rate`: upper end of the rows' flip rates (BLTM's code: 0.6)
  bool shared_weights = false;  ///< one W for all classes (HOC's code) instead of one each
  std::uint64_t seed = 0;       ///< the same seed and data give the same noise
  bool standardise = true;  ///< features to mean 0 and standard deviation 1 first; without it large
                            ///< features send nearly all wrong labels of a class to one other class
  bool expected =
      true;  ///< average each class's probabilities for `expected`; false saves most of the time
  bool validate = true;  ///< check that features are finite
};

namespace detail {

/// for_rows: q_i from N(rate, deviation) conditioned on [0, most], by rejection, rate <= most. At
/// least a third of the draws is accepted, but for deviations wider than the interval.
template <memory_space S>
struct draw_rates {
  double rate, deviation;
  std::uint64_t seed;
  vector_view<double, S> q;
  double most = 1;
  LIMPID_HD void operator()(std::size_t i) const {
    random_stream draw(seed, rate_stream, i);
    double value = rate;
    if (deviation > 0) do {
        value = rate + deviation * draw_normals(draw).first;
      } while (value < 0 || value > most);
    q[i] = value;
  }
};

/// for_rows over features: one row of W(class), d x K, from N(0, 1).
template <memory_space S>
struct draw_weights {
  std::uint64_t seed;
  std::uint32_t stream;
  matrix_view<double, S> w;
  LIMPID_HD void operator()(std::size_t j) const {
    random_stream draw(seed, stream, j);
    for (std::size_t k = 0; k < w.cols; k += 2) {
      normal_pair const pair = draw_normals(draw);
      w(j, k) = pair.first;
      if (k + 1 < w.cols) w(j, k + 1) = pair.second;
    }
  }
};

/// The law of one class c: P(i, j) = q_i softmax over j != c of x_i W, P(i, c) = 1 - q_i.
template <class T, memory_space S>
struct class_law {
  matrix_view<T const, S> x;
  vector_view<double const, S> centre, scale, q;
  matrix_view<double const, S> w;  ///< d x K
  std::size_t own;

  LIMPID_HD double score(std::size_t i, std::size_t k) const {
    double sum = 0;
    for (std::size_t j = 0; j < x.cols; ++j)
      sum += (static_cast<double>(x(i, j)) - centre[j]) * scale[j] * w(j, k);
    return sum;
  }
  /// Adds P(i, .) to K sums.
  LIMPID_HD void add(std::size_t i, double* sums) const {
    double top = 0, total = 0;
    bool none = true;
    for (std::size_t k = 0; k < w.cols; ++k) {
      if (k == own) continue;
      double const a = score(i, k);
      if (none || a > top) {
        total = none ? 1 : total * std::exp(top - a) + 1;
        top = a;
        none = false;
      } else {
        total += std::exp(a - top);
      }
    }
    for (std::size_t k = 0; k < w.cols; ++k)
      sums[k] += k == own ? 1 - q[i] : q[i] * std::exp(score(i, k) - top) / total;
  }
  /// One draw from P(i, .): flip with probability q_i; then arg max of score + Gumbel noise has the
  /// softmax's law.
  LIMPID_HD std::size_t draw(std::size_t i, std::uint64_t seed) const {
    random_stream stream(seed, label_stream, i);
    if (stream.uniform() >= q[i]) return own;
    std::size_t best = own;
    double top = 0;
    for (std::size_t k = 0; k < w.cols; ++k) {
      if (k == own) continue;
      double const value = score(i, k) - std::log(-std::log1p(-stream.uniform()) + 1e-300);
      if (best == own || value > top) {
        best = k;
        top = value;
      }
    }
    return best;
  }
};

/// sum_rows: K sums of the law of the rows of its class.
template <class T, memory_space S>
struct sum_law {
  class_law<T, S> law;
  vector_view<std::int32_t const, S> label;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (label[i] == static_cast<std::int32_t>(law.own)) law.add(i, sums);
  }
};

/// for_rows: draws the rows of its class.
template <class T, memory_space S>
struct draw_law {
  class_law<T, S> law;
  vector_view<std::int32_t const, S> label;
  std::uint64_t seed;
  vector_view<std::int32_t, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    if (label[i] == static_cast<std::int32_t>(law.own))
      out[i] = static_cast<std::int32_t>(law.draw(i, seed));
  }
};

}  // namespace detail

/// Draws instance-dependent noise: row i's label flips with its own probability q_i, and where to
/// depends on its features.
///
///     q_i ~ N(rate, deviation^2) conditioned on [0, max_rate],
///     W_c of d x K entries ~ N(0, 1), one per true class c,
///     P(noisy = j | x_i, c) = q_i softmax_{j != c}(x_i W_c)_j,   P(noisy = c | x_i, c) = 1 - q_i.
///
/// @param exec      Where to run.
/// @param features  X, n x d, finite.
/// @param labels    n true class numbers 0..K-1; negative = unlabelled, stays so.
/// @param classes   K.
/// @return noisy_labels; `expected` row c is the mean of P(. | x_i, c) over the rows of class
/// c, the unit row if it has none.
/// @throws input_error  on shapes, rate or deviation outside [0, 1], max_rate below the rate, K =
/// 1 with a rate or deviation above 0, labels out of range; if `validate`, features that are not
/// finite.
/// @par Complexity   O(n d K) time for `expected`, rate times that for the labels, O(d K^2) for W;
/// memory O(n + d K): one W at a time.
/// @par Determinism  Draws are keyed by seed, class, feature and row: the same bits for any number
/// of threads.
/// @par Source       X. Xia et al., "Part-dependent label noise: towards instance-dependent label
/// noise", NeurIPS 2020,
///                   algorithm 2. Scales: features are standardised here by default.
struct instance_dependent_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn,
                          ops::count_pairs_fn, ops::copy_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  noisy_labels operator()(P const& exec, M const& features, L const& labels, std::size_t classes,
                          instance_dependent_options const& options = {}) const {
    limpid::detail::enter<instance_dependent_fn, P, M, L>();
    constexpr std::string_view name = "noise::instance_dependent";
    using limpid::detail::require;
    using T = value_t<M>;
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<T const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const z = limpid::view(held_labels);
    std::size_t const n = x.rows, d = x.cols, K = classes;
    require(K >= 1, name, "classes is 0; give the number of classes");
    ops::check_rows(name, "features", n, "labels", z.size);
    require(options.rate >= 0 && options.rate <= 1, name, "rate is ", options.rate,
            "; it must be in [0, 1]");
    require(options.deviation >= 0 && options.deviation <= 1, name, "deviation is ",
            options.deviation, "; it must be in [0, 1]");
    require(options.max_rate > 0 && options.max_rate <= 1 && options.max_rate >= options.rate, name,
            "max_rate is ", options.max_rate, "; it must be in (0, 1] and at least the rate");
    require(K >= 2 || (options.rate == 0 && options.deviation == 0), name,
            "classes is 1; labels cannot change among one class");
    auto const codes = ops::check_labels(exec, name, "labels", z, K, true);
    if (options.validate) ops::check_finite(exec, name, "features", x);

    vector<double> centre(d), scale(d, 1.0);
    if (options.standardise && n > 0) {
      auto moments = ops::column_moments(exec, x);
      scale = moments.scale();  // 0: a constant says nothing
      centre = std::move(moments.mean);
    }
    auto const mean = ops::upload(exec, std::as_const(centre).view());
    auto const factor = ops::upload(exec, std::as_const(scale).view());
    auto const q = ops::make_buffer<double>(exec, n);
    auto const w = ops::make_buffer<double>(exec, d * K);
    auto const out = ops::make_buffer<std::int32_t>(exec, n);
    ops::for_rows(exec, n,
                  detail::draw_rates<P::space>{options.rate, options.deviation, options.seed,
                                               q.view(), options.max_rate});
    ops::copy(exec, codes.view(), out.view());
    matrix<double> expected = options.expected ? matrix<double>::identity(K) : matrix<double>{};
    for (std::size_t c = 0; c < K; ++c) {
      if (c == 0 || !options.shared_weights)
        ops::for_rows(
            exec, d,
            detail::draw_weights<P::space>{
                options.seed, detail::weight_stream + static_cast<std::uint32_t>(c), w.view(d, K)});
      detail::class_law<T, P::space> const law{x,        mean.view(),  factor.view(),
                                               q.view(), w.view(d, K), c};
      ops::for_rows(exec, n,
                    detail::draw_law<T, P::space>{law, codes.view(), options.seed, out.view()});
      if (!options.expected) continue;
      auto const sums = ops::sum_rows(exec, n, K, detail::sum_law<T, P::space>{law, codes.view()});
      double total = 0;
      for (double sum : sums) total += sum;
      for (std::size_t j = 0; j < K && total > 0; ++j) expected(c, j) = sums[j] / total;
    }
    return detail::describe(exec, codes.view(),
                            vector_view<std::int32_t const, P::space>(out.view()), K,
                            std::move(expected));
  }
  template <real_matrix M, label_vector L>
  noisy_labels operator()(M const& features, L const& labels, std::size_t classes,
                          instance_dependent_options const& options = {}) const {
    return (*this)(default_policy, features, labels, classes, options);
  }
};
inline constexpr instance_dependent_fn instance_dependent{};

}  // namespace limpid::noise

#endif  // LIMPID_NOISE_INSTANCE_DEPENDENT_HPP
