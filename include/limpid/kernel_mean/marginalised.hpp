// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/marginalised.hpp
/// The kernel mean of rows that carry a known noise, with the noise integrated out exactly.
#ifndef LIMPID_KERNEL_MEAN_MARGINALISED_HPP
#define LIMPID_KERNEL_MEAN_MARGINALISED_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/gaussian_totals.hpp>
#include <limpid/kernel_mean/detail/noisy_sums.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean {

/// By what the level of noise is chosen. Both estimate the squared error, up to a constant.
enum class noise_rule {
  leave_one_out,  ///< of the estimate from n - 1 rows
  unbiased_risk   ///< of the estimate from all n rows, without bias
};

struct marginalised_options {
  noise_rule rule = noise_rule::leave_one_out;
  vector<double> levels = {};  ///< tried where the noise has none; 0 is always tried. Empty: a grid
  std::size_t grid = 2;        ///< levels of the grid per doubling; >= 1
  progress on_progress = {};   ///< told the fraction done; false stops
  bool validate = true;        ///< look for entries that are not finite first, for negative counts
};

struct marginalised_result {
  corruption_model noise;  ///< with the level used: for evaluate_marginalised and mixture_loss
  double level = 0;        ///< of noise
  double norm2 = 0;        ///< squared norm of the marginalised mean
  double inner = 0;        ///< its inner product with the plain mean
  double score = 0;        ///< leave-one-out at the level
  double plain_score = 0;  ///< of the plain mean
  double risk = 0;         ///< unbiased estimate of |mean - mu|^2 - |mu|^2 at the level
  double plain_risk = 0;   ///< of the plain mean
  vector<double> levels;   ///< all that were tried, ascending; the plain mean is level 0
  vector<double> scores;   ///< leave-one-out of each
  vector<double> risks;    ///< unbiased risk of each
  bool helps = false;      ///< the rule's value at the level is below that of the plain mean
  bool at_edge = false;    ///< the largest level of the grid was chosen: widen it
  bool stopped = false;    ///< by on_progress: nothing else is meant
};

struct evaluate_marginalised_options {
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first, for negative counts
};

struct evaluate_marginalised_result {
  vector<double> value;  ///< m, of each query
  bool stopped = false;  ///< by on_progress: value is not complete
};

namespace detail {

/// Sums over all pairs for each level: K1 = E k(x~, z), K2 = E k(x~, z~).
struct noisy_totals {
  std::vector<double> total1, trace1, total2, trace2;
  double plain_trace = 0;
  bool stopped = false;
  explicit noisy_totals(std::size_t levels)
      : total1(levels), trace1(levels), total2(levels), trace2(levels) {}
};

template <class K>
inline constexpr bool has_noisy_form = std::is_same_v<K, kernel_function>;

}  // namespace detail

/// The kernel mean of a sample whose rows are taken for noisy ones: every row x_i is spread out to
/// the distribution of x~ given x_i, which is integrated out exactly, not drawn from,
///
///     mu = (1/n) sum_i E k(x~_i, .),   |mu|^2 = (1/n^2) sum_ij E k(x~_i, x~'_j),
///
/// with independent copies x~, x~', for i = j too. Little noise smooths mu, and on average brings
/// it nearer to the truth. The level of the noise is given, or minimises the leave-one-out score
///
///     LOO = (1/n) sum_i |k(x_i, .) - mu^(-i)|^2
///         = mean k(x_i, x_i) - 2 / (n (n - 1)) sum_{i != j} K1_ij
///           + ((n - 2) sum_ij K2_ij + sum_i K2_ii) / (n (n - 1)^2),
///
/// K1_ij = E k(x~_i, x_j), K2_ij = E k(x~_i, x~'_j), or the unbiased risk
///
///     URE = (1/n^2) sum_ij K2_ij - 2 / (n (n - 1)) sum_{i != j} K1_ij.
///
/// @param kernel  kernels::gaussian, linear, polynomial of degree 1 to 8, or a sum of such.
/// @param x       n x d, n >= 1 (n >= 2 where the level is chosen), finite.
/// @param noise   corruption::gaussian, laplace, blank_out, blank_out_unbiased, with a level or
///                without, or poisson (entries >= 0).
/// @return marginalised_result: the noise with its level, the norm, the curve of scores. Scores are
///         NaN for n = 1. Evaluate it by evaluate_marginalised(kernel, x, queries, result.noise).
/// @throws input_error  a kernel without a closed form, levels out of range, negative entries for
///         Poisson noise, entries that are not finite, too few rows.
///
/// The default grid has `grid` levels per doubling. Gaussian: from s2 / (100 d) to s2, s2 = 1 / (2
/// gamma), or where no part of the kernel is Gaussian the mean square of the entries: noise of
/// variance v costs a Gaussian kernel a factor of exp(-d v / (2 s2)) or so. Laplace: the same
/// variances. Blank-out: from 0.05 / d to 0.6.
///
/// Time: Gaussian kernel and noise O(n^2 (d + L)) for L levels, in vectors; linear and quadratic
/// kernels O(n^2 d) for all levels, in vectors; else O(L n^2 d), pair by pair: a few exponentials
/// per pair and column, Poisson noise a few dozen. Memory O(n d), 8 MB of distances. Deterministic:
/// bitwise the same for any number of threads. float32 instead of float64 changes norm2, inner and
/// the scores by less than 1e-5 of the mean of |k(x_i, x_j)|, once the rows themselves are rounded.
///
/// Source: Xia, Shan, Gong, Wang, Gao, Wei, Liu, "Sample-efficient kernel mean estimator with
/// marginalized corrupted data", KDD 2022 (arXiv 2107.04855): the estimator. Its forms, and the
/// choice of the level, are derived in docs/kernel_mean/marginalised.md.
struct marginalised_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::kernel_matrix_fn, ops::for_rows_fn,
                          ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::marginalised";

  template <execution_policy P, kernel_like K, real_matrix X>
  marginalised_result operator()(P const& exec, K const& kernel, X const& x,
                                 corruption_model const& noise,
                                 marginalised_options const& options = {}) const {
    limpid::detail::enter<marginalised_fn, P, X>();
    static_assert(detail::has_noisy_form<K>,
                  "limpid: a kernel of your own has no closed form under noise; take one of "
                  "limpid::kernels");
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    return run(exec, kernel, p, noise, options);
  }
  template <kernel_like K, real_matrix X>
  marginalised_result operator()(K const& kernel, X const& x, corruption_model const& noise,
                                 marginalised_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, noise, options);
  }

 private:
  template <execution_policy P, class T>
  static marginalised_result run(P const& exec, kernel_function const& k,
                                 matrix_view<T const, P::space> x, corruption_model noise,
                                 marginalised_options const& o) {
    using limpid::detail::require;
    auto const parts = detail::parts_of_sum(where, k);
    if (noise.kind == corruption_model::family::poisson) noise.level = 1;
    bool const choose = !noise.level;
    require(x.rows >= 1, where, "x has no rows; a mean needs at least 1");
    require(!choose || x.rows >= 2, where, "x has ", x.rows,
            " rows; leaving one out needs at least 2");
    require(o.grid >= 1, where, "grid is 0; it must be at least 1");
    for (double level : o.levels) detail::check_level(where, noise, level);
    detail::check_noise(exec, where, noise, x, o.validate);

    marginalised_result r;
    r.noise = noise;
    std::vector<double> levels{0.0};
    if (!choose) {
      if (*noise.level != 0) levels.push_back(*noise.level);
    } else if (!o.levels.empty()) {
      for (double level : o.levels) insert(levels, level);
    } else {
      for (double level : grid(exec, parts, x, noise, o.grid)) insert(levels, level);
    }
    auto const t = totals(exec, parts, x, noise, levels, o.on_progress);
    if (t.stopped) {
      r.stopped = true;
      return r;
    }

    auto const n = static_cast<double>(x.rows);
    r.levels = r.scores = r.risks = vector<double>(levels.size());
    for (std::size_t e = 0; e < levels.size(); ++e) {
      double const apart = x.rows > 1 ? 2 * (t.total1[e] - t.trace1[e]) / (n * (n - 1))
                                      : std::numeric_limits<double>::quiet_NaN();
      r.levels[e] = levels[e];
      r.scores[e] = t.plain_trace / n - apart +
                    ((n - 2) * t.total2[e] + t.trace2[e]) / (n * (n - 1) * (n - 1));
      r.risks[e] = t.total2[e] / (n * n) - apart;
    }
    auto const& values = o.rule == noise_rule::leave_one_out ? r.scores : r.risks;
    std::size_t best = choose ? 0 : levels.size() - 1;
    for (std::size_t e = 0; choose && e < levels.size(); ++e)
      if (values[e] < values[best]) best = e;
    r.level = levels[best];
    r.noise.level = r.level;
    r.norm2 = t.total2[best] / (n * n);
    r.inner = t.total1[best] / (n * n);
    r.score = r.scores[best];
    r.risk = r.risks[best];
    r.plain_score = r.scores[0];
    r.plain_risk = r.risks[0];
    r.helps = values[best] < values[0];
    r.at_edge = choose && best > 0 && best + 1 == levels.size();
    return r;
  }

  /// In order, once.
  static void insert(std::vector<double>& levels, double level) {
    std::size_t at = levels.size();
    while (at > 0 && levels[at - 1] > level) --at;
    if (at > 0 && levels[at - 1] == level) return;
    levels.insert(levels.begin() + static_cast<std::ptrdiff_t>(at), level);
  }

  template <execution_policy P, class T>
  static std::vector<double> grid(P const& exec, std::vector<detail::part_of_sum> const& parts,
                                  matrix_view<T const, P::space> x, corruption_model const& noise,
                                  std::size_t count) {
    using family = corruption_model::family;
    double const d = static_cast<double>(x.cols ? x.cols : 1);
    double most = noise.columns.empty() ? 1 : 0, mean = 0, scale = 0;
    for (double c : noise.columns) {
      most = c > most ? c : most;
      mean += c / d;
    }
    double low, high;
    bool const blanks = noise.kind == family::blank_out || noise.kind == family::blank_out_unbiased;
    if (blanks) {
      low = 0.05 / d;
      high = 0.6;
      if (most > 0) low /= most, high /= most;
    } else {
      for (auto const& part : parts)
        if (part.gaussian() && !(scale > 0)) scale = 0.5 / part.kernel.gamma;
      if (!(scale > 0)) {
        detail::column_powers const powers(exec, x, {});
        for (double s : powers.second) scale += s / (d * powers.weight);
      }
      if (!(scale > 0)) scale = 1;
      if (mean > 0) scale /= noise.kind == family::gaussian ? mean : mean * mean;
      low = scale / (100 * d);
      high = scale;
      if (noise.kind == family::laplace) low = std::sqrt(low / 2), high = std::sqrt(high / 2);
    }
    // Twice a level is a level, to the bit: the sums of two noisy arguments at it are those of one
    // at its double.
    std::vector<double> out;
    for (std::size_t e = 0;; ++e) {
      double const level =
          e < count ? low * std::pow(2.0, static_cast<double>(e) / static_cast<double>(count))
                    : 2 * out[e - count];
      out.push_back(level);
      if (level >= high) break;
    }
    if (blanks) out.back() = high;
    return out;
  }

  template <execution_policy P, class T>
  static detail::noisy_totals totals(P const& exec, std::vector<detail::part_of_sum> const& parts,
                                     matrix_view<T const, P::space> x,
                                     corruption_model const& noise,
                                     std::vector<double> const& levels, progress const& told) {
    detail::noisy_totals t(levels.size());
    vector_view<double const, P::space> const ones{};
    auto const count = static_cast<double>(parts.size());
    for (std::size_t p = 0; p < parts.size() && !t.stopped; ++p) {
      detail::part_of_sum const& part = parts[p];
      progress const here =
          detail::stretch(told, static_cast<double>(p) / count, static_cast<double>(p + 1) / count);
      if (keeps_quadratic(part, noise)) {
        detail::quadratic_totals<P, T> const sums(exec, part, x, ones, here);
        t.stopped = sums.stopped();
        for (std::size_t e = 0; e < levels.size(); ++e) {
          corruption_model const kind = of(noise, levels[e]);
          t.total1[e] += sums(kind, levels[e], false);
          t.total2[e] += sums(kind, levels[e], true);
        }
      } else if (part.gaussian() && noise.kind == corruption_model::family::gaussian &&
                 noise.columns.empty()) {
        add_bells(exec, part, x, levels, here, t);
      } else {
        for (std::size_t e = 0; e < levels.size() && !t.stopped; ++e) {
          detail::noisy_part<P, T> const noisy(exec, part, of(noise, levels[e]), levels[e]);
          auto const from = [&](std::size_t half) {
            return static_cast<double>(2 * e + half) / static_cast<double>(2 * levels.size());
          };
          double one = 0, two = 0;
          t.stopped = !noisy.total(x, ones, false, detail::stretch(here, from(0), from(1)), one);
          if (levels[e] == 0)
            two = one;
          else if (!t.stopped)
            t.stopped = !noisy.total(x, ones, true, detail::stretch(here, from(1), from(2)), two);
          t.total1[e] += one;
          t.total2[e] += two;
        }
      }
      for (std::size_t e = 0; e < levels.size() && !t.stopped; ++e) {
        detail::noisy_part<P, T> const noisy(exec, part, of(noise, levels[e]), levels[e]);
        t.trace1[e] += noisy.trace(x, false);
        t.trace2[e] += noisy.trace(x, true);
        if (e == 0) t.plain_trace += noisy.trace(x, false);
      }
    }
    return t;
  }

  /// Level 0 is the plain mean, of Poisson noise too.
  static corruption_model of(corruption_model const& noise, double level) {
    return level == 0 ? corruption::gaussian(0.0) : noise;
  }

  /// exp(-gamma |u|^2) under noise of variance v is one of gamma / (1 + 2 gamma v), and of height
  /// (1 + 2 gamma v)^(-d/2).
  template <execution_policy P, class T>
  static void add_bells(P const& exec, detail::part_of_sum const& part,
                        matrix_view<T const, P::space> x, std::vector<double> const& levels,
                        progress const& told, detail::noisy_totals& t) {
    std::vector<double> variances, gammas;
    std::vector<std::size_t> place;  // of one and two times each level
    for (double v : levels)
      for (double times : {1.0, 2.0}) {
        std::size_t at = variances.size();
        while (at > 0 && variances[at - 1] != times * v) --at;
        if (at == 0) {
          variances.push_back(times * v);
          gammas.push_back(part.kernel.gamma / (1 + 2 * part.kernel.gamma * times * v));
          at = variances.size();
        }
        place.push_back(at - 1);
      }
    auto const sums = detail::gaussian_totals(exec, x, gammas, told);
    t.stopped = sums.empty();
    auto const total = [&](std::size_t at) {
      double const wider = part.kernel.gamma / gammas[at];
      return part.factor * std::exp(-0.5 * static_cast<double>(x.cols) * std::log(wider)) *
             sums[at];
    };
    for (std::size_t e = 0; e < levels.size() && !t.stopped; ++e) {
      t.total1[e] += total(place[2 * e]);
      t.total2[e] += total(place[2 * e + 1]);
    }
  }
};
inline constexpr marginalised_fn marginalised{};

/// The marginalised mean at the query points,
///
///     mu(z) = sum_i beta_i E k(x~_i, z),    beta_i = 1 / n by default.
///
/// @param kernel   as in marginalised.
/// @param x        n x d, n >= 1, finite.
/// @param queries  m x d, finite, of x's value type; they carry no noise.
/// @param weights  n, optional, finite; any sign and sum.
/// @param noise    with a level: a given one, or that of marginalised's result.
/// @return evaluate_marginalised_result.
/// @throws input_error  as marginalised; noise without a level, different widths or lengths.
///
/// Time O(n m d): in vectors for a Gaussian kernel under Gaussian noise, and for linear and
/// quadratic kernels, else pair by pair; memory O((n + m) d). Deterministic: bitwise the same for
/// any number of threads. float32 instead of float64 changes the value by less than 1e-5 of
/// sum_i |beta_i E k(x~_i, z)|, once the rows themselves are rounded.
///
/// Source: as marginalised.
struct evaluate_marginalised_fn {
  using primitives = marginalised_fn::primitives;
  static constexpr std::string_view where = "kernel_mean::evaluate_marginalised";

  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Q>
  evaluate_marginalised_result operator()(P const& exec, K const& kernel, X const& x,
                                          Q const& queries, corruption_model const& noise,
                                          evaluate_marginalised_options const& options = {}) const {
    limpid::detail::enter<evaluate_marginalised_fn, P, X, Q>();
    static_assert(detail::has_noisy_form<K>,
                  "limpid: a kernel of your own has no closed form under noise; take one of "
                  "limpid::kernels");
    static_assert(std::is_same_v<value_t<X>, value_t<Q>>,
                  "limpid: x and queries must both be float or both be double");
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    matrix_view<value_t<X> const, P::space> const px = view(held_x);
    return run(exec, kernel, px, detail::one_for_both(x, queries, px, points<P, Q>(view(held_q))),
               vector_view<double const, P::space>{}, false, noise, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_matrix Q, real_vector W>
  evaluate_marginalised_result operator()(P const& exec, K const& kernel, X const& x,
                                          Q const& queries, W const& weights,
                                          corruption_model const& noise,
                                          evaluate_marginalised_options const& options = {}) const {
    limpid::detail::enter<evaluate_marginalised_fn, P, X, Q, W>();
    static_assert(detail::has_noisy_form<K>,
                  "limpid: a kernel of your own has no closed form under noise; take one of "
                  "limpid::kernels");
    static_assert(std::is_same_v<value_t<X>, value_t<Q>>,
                  "limpid: x and queries must both be float or both be double");
    auto&& held_x = limpid::detail::materialise(x);
    auto&& held_q = limpid::detail::materialise(queries);
    auto&& held_w = limpid::detail::materialise(weights);
    matrix_view<value_t<X> const, P::space> const px = view(held_x);
    return run(exec, kernel, px, detail::one_for_both(x, queries, px, points<P, Q>(view(held_q))),
               vector_view<value_t<W> const, P::space>(view(held_w)), true, noise, options);
  }
  template <kernel_like K, real_matrix X, real_matrix Q>
  evaluate_marginalised_result operator()(K const& kernel, X const& x, Q const& queries,
                                          corruption_model const& noise,
                                          evaluate_marginalised_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, noise, options);
  }
  template <kernel_like K, real_matrix X, real_matrix Q, real_vector W>
  evaluate_marginalised_result operator()(K const& kernel, X const& x, Q const& queries,
                                          W const& weights, corruption_model const& noise,
                                          evaluate_marginalised_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, queries, weights, noise, options);
  }

 private:
  template <class P, class X>
  using points = matrix_view<value_t<X> const, P::space>;

  template <execution_policy P, class T, class W>
  static evaluate_marginalised_result run(P const& exec, kernel_function const& k,
                                          matrix_view<T const, P::space> x,
                                          matrix_view<T const, P::space> queries,
                                          vector_view<W const, P::space> weights, bool weighted,
                                          corruption_model noise,
                                          evaluate_marginalised_options const& o) {
    using limpid::detail::require;
    auto const parts = detail::parts_of_sum(where, k);
    if (noise.kind == corruption_model::family::poisson) noise.level = 1;
    require(x.rows >= 1, where, "x has no rows; a mean needs at least 1");
    require(x.cols == queries.cols, where, "x has ", x.cols, " columns, queries has ",
            queries.cols);
    if (weighted) ops::check_rows(where, "x", x.rows, "weights", weights.size);
    require(noise.level.has_value(), where,
            "noise has no level; give one, or take the noise of marginalised's result");
    detail::check_noise(exec, where, noise, x, o.validate);
    if (o.validate) {
      ops::check_finite(exec, where, "queries", queries);
      if (weighted) ops::check_finite(exec, where, "weights", weights);
    }
    auto const beta = detail::weights_or_mean(exec, weights, x.rows);
    auto const sums = ops::make_buffer<double>(exec, queries.rows);
    ops::for_rows(exec, queries.rows, detail::spread_weights<double, P::space>{{}, 0, sums.view()});
    evaluate_marginalised_result out;
    auto const count = static_cast<double>(parts.size());
    for (std::size_t p = 0; p < parts.size() && !out.stopped; ++p) {
      detail::noisy_part<P, T> const noisy(exec, parts[p], noise, *noise.level);
      out.stopped = !noisy.add_to(x, beta.view(), queries, sums.view(),
                                  detail::stretch(o.on_progress, static_cast<double>(p) / count,
                                                  static_cast<double>(p + 1) / count));
    }
    out.value = ops::download(exec, sums.view());
    return out;
  }
};
inline constexpr evaluate_marginalised_fn evaluate_marginalised{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_MARGINALISED_HPP
