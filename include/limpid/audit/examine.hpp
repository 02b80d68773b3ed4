// SPDX-License-Identifier: BSL-1.0
/// @file limpid/audit/examine.hpp
/// A data set in, a report of its label noise out.
#ifndef LIMPID_AUDIT_EXAMINE_HPP
#define LIMPID_AUDIT_EXAMINE_HPP

#include <limpid/audit/detail/feature_rows.hpp>
#include <limpid/audit/detail/row_models.hpp>
#include <limpid/audit/detail/three_counts.hpp>
#include <limpid/audit/options.hpp>
#include <limpid/audit/report.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/core/progress.hpp>
#include <limpid/mixture/split_losses.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/moments.hpp>
#include <limpid/ops/nearest.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/transition/confident_joint.hpp>
#include <limpid/transition/hoc.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::audit {

namespace detail {

inline constexpr std::size_t block_doubles = std::size_t{1} << 22;  ///< n x K work is done in blocks of this many
inline constexpr std::size_t temperature_rows = std::size_t{1} << 16;
inline constexpr double sharpening = 3;  ///< see examine_probabilities
inline constexpr double count_floor = 0.05, fit_floor = 1e-3;  ///< shares of the uniform mixed into a T that must hold no 0

/// The power a that makes P^a, rows normalised, most likely for the labels: golden section on log a over [1/10, 10].
template <class P, class T, memory_space S>
double fitted_power(P const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y) {
  std::size_t const step = (p.rows + temperature_rows - 1) / temperature_rows;
  auto const loss = [&](double log_power) {
    auto const sums = ops::sum_rows(exec, (p.rows + step - 1) / step, 2,
                                    tempered_loss<T, S>{p, y, std::exp(log_power), step});
    return sums[0] / sums[1];
  };
  double const golden = (std::sqrt(5.0) - 1) / 2;
  double low = std::log(0.1), high = std::log(10.0);
  double a = high - golden * (high - low), b = low + golden * (high - low), at_a = loss(a), at_b = loss(b);
  while (high - low > 1e-2) {
    if (at_a <= at_b) {
      high = std::exchange(b, a);
      at_b = at_a;
      at_a = loss(a = high - golden * (high - low));
    } else {
      low = std::exchange(a, b);
      at_a = at_b;
      at_b = loss(b = low + golden * (high - low));
    }
  }
  return std::exp((low + high) / 2);
}

inline matrix<double> logs(matrix<double> t) {
  for (std::size_t e = 0; e < t.rows() * t.cols(); ++e) t.data()[e] = std::log(t.data()[e]);
  return t;
}

inline matrix<double> transposed(matrix<double> const& m) {
  matrix<double> out(m.cols(), m.rows());
  for (std::size_t i = 0; i < m.rows(); ++i)
    for (std::size_t j = 0; j < m.cols(); ++j) out(j, i) = m(i, j);
  return out;
}

/// Calls use(block of posteriors, first row) for runs of rows of P^power T, in order.
template <class P, class T, memory_space S, class Use>
void for_posterior_blocks(P const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y,
                          matrix<double> const& transition, double power, Use const& use) {
  std::size_t const n = p.rows, classes = p.cols;
  std::size_t const block = (std::min)(n, (std::max)(std::size_t{1}, block_doubles / classes));
  auto const log_t = ops::upload(exec, logs(transition).view());
  auto const q = ops::make_buffer<double>(exec, block * classes);
  for (std::size_t first = 0; first < n; first += block) {
    std::size_t const rows = (std::min)(block, n - first);
    auto const part = q.view(rows, classes);
    ops::for_rows(exec, rows, posterior_rows<T, S>{p, y, log_t.view(classes, classes), power, part, first});
    use(part, first, rows);
  }
}

/// Joint counts of true and given labels by the readings of P: the most probable class; confident learning's joint; and
/// the expected counts of the posterior that one step of EM from the first gives, on P sharpened and on P as it is. The
/// first three are what T is the median of. The last gives labels the benefit of every doubt, and bounds the noise
/// from below where the others, which take a classifier's errors for label noise, all read too much.
struct readings {
  joint_counts three;
  matrix<double> generous;
  std::vector<matrix<double>> all() const { return {three[0], three[1], three[2], generous}; }
};

template <class P, class T, memory_space S>
readings read_counts(P const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y, double power) {
  std::size_t const n = p.rows, classes = p.cols;
  readings counts;
  auto const best = ops::make_buffer<std::int32_t>(exec, n);
  ops::arg_max_rows(exec, p, best.view());
  counts.three[0] = ops::count_pairs(exec, vector_view<std::int32_t const, S>(best.view()), y, classes, classes);
  counts.three[1] = transposed(
      transition::confident_joint(exec, p, y, {.off_diagonal_rows = false, .validate = false}).calibrated);
  auto const start = smoothed(row_stochastic(counts.three[0]), count_floor);
  auto const expected = [&](double sharpness) {
    matrix<double> sum(classes, classes);
    for_posterior_blocks(exec, p, y, start, sharpness, [&](auto q, std::size_t first, std::size_t rows) {
      auto const part = ops::sum_rows(exec, rows, classes * classes, expected_counts<S>{q, y, first});
      for (std::size_t c = 0; c < part.size(); ++c) sum.data()[c] += part[c];
    });
    return sum;
  };
  counts.three[2] = expected(sharpening * power);
  counts.generous = expected(power);
  return counts;
}

/// Judges every row by P^power T and ranks them: fills p_right, suggested, lead, is_issue, ranking.
template <class P, class T, memory_space S>
void judge(P const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y,
           matrix<double> const& transition, double power, report& r) {
  std::size_t const n = p.rows;
  auto const right = ops::make_buffer<double>(exec, n), lead = ops::make_buffer<double>(exec, n),
             odds = ops::make_buffer<double>(exec, n);
  auto const suggested = ops::make_buffer<std::int32_t>(exec, n);
  for_posterior_blocks(exec, p, y, transition, power, [&](auto q, std::size_t first, std::size_t rows) {
    ops::for_rows(exec, rows, row_verdict<S>{q, y, first, right.view(), lead.view(), odds.view(), suggested.view()});
  });
  r.p_right = ops::download(exec, right.view());
  r.lead = ops::download(exec, lead.view());
  r.suggested = ops::download(exec, suggested.view());
  auto const log_odds = ops::download(exec, odds.view());
  r.ranking = vector<std::size_t>(n);
  std::iota(r.ranking.begin(), r.ranking.end(), std::size_t{0});
  std::stable_sort(r.ranking.begin(), r.ranking.end(),
                   [&](std::size_t a, std::size_t b) { return log_odds[a] < log_odds[b]; });
}

inline void mark_issues(vector<std::int32_t> const& given, report& r) {
  r.is_issue = vector<std::uint8_t>(given.size());
  for (std::size_t i = 0; i < given.size(); ++i) r.is_issue[i] = r.suggested[i] != given[i];
}

/// The losses of the labels under P, and the two Gaussians on them.
template <class P, class T, memory_space S>
void split(P const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y, report& r) {
  auto const loss = ops::make_buffer<double>(exec, p.rows);
  ops::for_rows(exec, p.rows, label_loss<T, S>{p, y, loss.view()});
  auto const halves = mixture::split_losses(exec, vector_view<double const, S>(loss.view()), {.validate = false});
  r.loss = ops::download(exec, loss.view());
  r.split = {halves.fit.scale_low, halves.fit.scale_high, {}, {}, {}, halves.fit.justified};
  for (std::size_t c = 0; c < 2; ++c) {
    r.split.weight[c] = halves.fit.weight[c];
    r.split.mean[c] = halves.fit.mean[c];
    r.split.variance[c] = halves.fit.variance[c];
  }
}

/// Which use of the labels is promised most by the report, and what in it to distrust.
inline void advise(report& r) {
  double wrong_after = 0;  // expected share of suggestions that are wrong
  for (std::size_t i = 0; i < r.rows; ++i) wrong_after += (1 - r.lead[i]) / 2;
  wrong_after /= static_cast<double>(r.rows);
  std::string const rate = limpid::detail::text(std::round(1000 * r.noise_rate.estimate) / 10) + " %";
  if (r.classes < 2 || r.noise_rate.estimate < 0.005) {
    r.recommended = remedy::none;
    r.reason = "About " + rate + " of the labels are wrong: too few to act on.";
  } else if (wrong_after < r.noise_rate.estimate) {
    r.recommended = remedy::repaired_labels;
    r.reason = "About " + rate + " of the labels are wrong. Train on the suggested labels, each row weighted by its lead: "
               "fewer of those are expected to be wrong.";
  } else {
    r.recommended = remedy::forward_correction;
    r.reason = "About " + rate + " of the labels are wrong, and single rows cannot be told apart well enough to repair "
               "them. Train through the transition matrix.";
  }
  for (std::size_t k = 0; k < r.classes; ++k) {
    if (r.given_count[k] == 0)
      r.warnings.push_back("No row is labelled " + std::to_string(k) + "; its row and column of T rest on nothing.");
    else if (r.given_count[k] < 30)
      r.warnings.push_back("Only " + std::to_string(r.given_count[k]) + " rows are labelled " + std::to_string(k) +
                           "; its row of T is a rough guess.");
  }
  if (r.noise_rate.high - r.noise_rate.low > 0.25)
    r.warnings.push_back("The readings of the noise rate disagree: the interval is wider than 25 points.");
  for (std::size_t k = 0; k < r.classes && r.classes > 1; ++k)
    for (std::size_t j = 0; j < r.classes; ++j)
      if (j != k && r.transition(k, j) > r.transition(k, k))
        r.warnings.push_back("Class " + std::to_string(k) + " is labelled " + std::to_string(j) +
                             " more often than " + std::to_string(k) + "; the names of the two may have changed places.");
  if (!r.split.justified)
    r.warnings.push_back("The losses do not fall into two groups; a split into clean and wrong rows by loss alone is not justified.");
}

inline void check_options(std::string_view where, options const& o) {
  using limpid::detail::require;
  require(o.level > 0 && o.level < 1, where, "level is ", o.level, "; it must be between 0 and 1");
  require(o.draws >= 2, where, "draws is ", o.draws, "; at least 2 are needed");
}

inline bool go_on(options const& o, double fraction) { return !o.on_progress || o.on_progress(fraction); }

template <class P>
vector<std::size_t> label_counts(P const& exec, vector_view<std::int32_t const, P::space> y, std::size_t classes) {
  auto const counted = ops::count_pairs(exec, y, y, classes, classes);
  vector<std::size_t> out(classes);
  for (std::size_t k = 0; k < classes; ++k) out[k] = static_cast<std::size_t>(counted(k, k));
  return out;
}

}  // namespace detail

/// Audits labels by the out-of-fold probabilities of a classifier.
///
/// The joint counts of true and given labels are read three times: by the most probable class, by confident learning,
/// and by the expected counts of P(true | x, label), proportional to \f$P_k^{3a} T_{ky}\f$, with a the power that makes P
/// most likely for the labels: the cube is what three labellers who agree are worth, and three are what it takes to
/// tell T from the labels alone. P predicts given labels, not true ones, so each reading errs in a way of its own. T
/// is the median of the three, entry by entry. Intervals are Student's t on the mean of these and of a fourth reading, without
/// the cube; their spread counts beside the bootstrap's sampling error. Rows are ranked by the log-odds of P(label is
/// right | x, label) under that T.
///
/// @param exec           where to run
/// @param probabilities  n x K, P(given label | x), out of fold: not of the rows' own training; n, K >= 1
/// @param labels         n given labels 0..K-1
/// @param o              audit::options
/// @return  audit::report; `stopped` where on_progress said so, with what was done by then
/// @throws  input_error  for shapes, options, rows that are no distributions, labels out of range
/// @par Complexity   O(n K) passes, about 25 of them; O(n) and 32 MB of memory beyond the input
/// @par Determinism  bitwise for any number of threads
struct examine_probabilities_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn,
                          transition::confident_joint_fn, mixture::split_losses_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  report operator()(P const& exec, M const& probabilities, L const& labels, options const& o = {}) const {
    limpid::detail::enter<examine_probabilities_fn, P, M, L>();
    using limpid::detail::require;
    constexpr std::string_view where = "audit::examine_probabilities";
    auto&& held = limpid::detail::materialise(probabilities);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<M> const, P::space> const p = limpid::view(held);
    vector_view<value_t<L> const, P::space> const given = limpid::view(held_labels);
    require(p.rows > 0 && p.cols > 0, where, "probabilities is ", p.rows, " x ", p.cols,
            "; need at least one row and one class");
    require(o.classes == 0 || o.classes == p.cols, where, "probabilities has ", p.cols, " columns, classes is ", o.classes);
    ops::check_rows(where, "probabilities", p.rows, "labels", given.size);
    detail::check_options(where, o);
    if (o.validate) ops::check_distributions(exec, where, "probabilities", p);
    auto const codes = ops::check_labels(exec, where, "labels", given, p.cols);
    return run(exec, p, codes.view(), o);
  }

  template <real_matrix M, label_vector L>
  report operator()(M const& probabilities, L const& labels, options const& o = {}) const {
    return (*this)(default_policy, probabilities, labels, o);
  }

 private:
  template <class P, class T, memory_space S>
  static report run(P const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y, options const& o) {
    report r;
    r.rows = p.rows;
    r.classes = p.cols;
    r.level = o.level;
    r.given_count = detail::label_counts(exec, y, r.classes);
    double const power = detail::fitted_power(exec, p, y);
    if (r.stopped = !detail::go_on(o, 0.4); r.stopped) return r;
    auto const counts = detail::read_counts(exec, p, y, power);
    if (r.stopped = !detail::go_on(o, 0.6); r.stopped) return r;
    detail::summarise(counts.three, counts.all(), o, r);
    detail::judge(exec, p, y, detail::smoothed(r.transition, detail::count_floor), detail::sharpening * power, r);
    detail::mark_issues(ops::download(exec, y), r);
    if (r.stopped = !detail::go_on(o, 0.9); r.stopped) return r;
    detail::split(exec, p, y, r);
    detail::advise(r);
    r.stopped = !detail::go_on(o, 1);
    return r;
  }
};
inline constexpr examine_probabilities_fn examine_probabilities{};

/// Audits labels by the features alone.
///
/// 1. P(given label | x) by the votes of the nearest rows, a row never for itself; 10, 20, 40 or 80 of them, whichever makes
///    the labels most likely.
/// 2. A first T from the three readings of P as in examine_probabilities.
/// 3. Twice: the votes unmixed by T, and softmax regression trained through T, are averaged to P(true | x); the labels
///    it suggests give a T of their own, which is averaged with the first.
/// 4. T is the median of the first T, the suggestions' T, and the maximum-likelihood T of triples of neighbours (HOC; K <=
///    100). Intervals are those of the readings of the votes, as in examine_probabilities.
///
/// @param exec      where to run
/// @param features  n x d, n >= 3; columns are centred and scaled first
/// @param labels    n given labels 0..classes-1
/// @param o         audit::options; classes is needed
/// @return  audit::report; `suggested` and `lead` are of P(true | x) before a row's own label is weighed in, as training wants
///          them; `p_right` and the ranking weigh it in
/// @throws  input_error  for shapes, options, features not finite, labels out of range
/// @par Complexity   O(n^2 d) for the neighbours, O(n K (d + K)) per pass of the rest; n x (d + 3 K + 240) doubles at most
/// @par Determinism  bitwise for any number of threads
struct examine_fn {
  using primitives = uses<ops::nearest_fn, transition::hoc_fn, classify::softmax_regression, examine_probabilities_fn>;

  template <execution_policy P, real_matrix M, label_vector L>
  report operator()(P const& exec, M const& features, L const& labels, options const& o = {}) const {
    limpid::detail::enter<examine_fn, P, M, L>();
    using limpid::detail::require;
    constexpr std::string_view where = "audit::examine";
    auto&& held = limpid::detail::materialise(features);
    auto&& held_labels = limpid::detail::materialise(labels);
    matrix_view<value_t<M> const, P::space> const x = limpid::view(held);
    vector_view<value_t<L> const, P::space> const given = limpid::view(held_labels);
    require(x.rows >= 3 && x.cols > 0, where, "features is ", x.rows, " x ", x.cols,
            "; need at least three rows and one column");
    require(o.classes > 0, where, "classes is 0; say how many there are");
    ops::check_rows(where, "features", x.rows, "labels", given.size);
    detail::check_options(where, o);
    if (o.validate) ops::check_finite(exec, where, "features", x);
    auto const codes = ops::check_labels(exec, where, "labels", given, o.classes);
    return run(exec, x, codes.view(), o);
  }

  template <real_matrix M, label_vector L>
  report operator()(M const& features, L const& labels, options const& o = {}) const {
    return (*this)(default_policy, features, labels, o);
  }

 private:
  static constexpr int rounds = 2, unmixing_steps = 50;
  static constexpr std::size_t most_classes_for_triples = 100;

  template <class P, class T, memory_space S>
  static report run(P const& exec, matrix_view<T const, S> x, vector_view<std::int32_t const, S> y, options const& o) {
    std::size_t const n = x.rows, classes = o.classes;
    report r;
    r.rows = n;
    r.classes = classes;
    r.level = o.level;
    r.given_count = detail::label_counts(exec, y, classes);
    if (r.stopped = !detail::go_on(o, 0); r.stopped) return r;

    std::size_t most = detail::fewest_votes;
    while (most * 2 <= detail::most_votes && most * 2 < n / 2) most *= 2;
    most = (std::min)(most, n - 1);
    auto const index = ops::make_buffer<std::uint32_t>(exec, n * most);
    if (!find_neighbours(exec, x, most, index.view(n, most), o)) {
      r.stopped = true;
      return r;
    }
    auto const p = ops::make_buffer<double>(exec, n * classes);
    matrix_view<double const, S> const votes = p.view(n, classes);
    count_votes(exec, index.view(n, most), y, r.given_count, p.view(n, classes));

    auto const by_votes = detail::read_counts(exec, votes, y, detail::fitted_power(exec, votes, y));
    auto const first_counts = median_counts(by_votes.three);
    auto const first = detail::row_stochastic(first_counts);
    if (r.stopped = !detail::go_on(o, 0.55); r.stopped) return r;

    auto const g = ops::make_buffer<double>(exec, n * classes), other = ops::make_buffer<double>(exec, n * classes);
    auto const best = ops::make_buffer<std::int32_t>(exec, n);
    auto const lead = ops::make_buffer<double>(exec, n);
    matrix<double> suggested_counts, t = first;
    for (int round = 0; round < rounds; ++round) {
      auto const through = detail::smoothed(t, detail::fit_floor);
      auto const t_there = ops::upload(exec, through.view());
      ops::for_rows(exec, n, detail::unmix<S>{votes, t_there.view(classes, classes), g.view(n, classes),
                                             other.view(n, classes), unmixing_steps});
      auto const model = classify::softmax_regression{.transition = through, .tolerance = 1e-3, .validate = false}.fit(
          exec, x, y, classes);
      r.converged = model.converged;
      model.probabilities(exec, x, other.view(n, classes));
      ops::for_rows(exec, n, detail::average_rows<S>{g.view(n, classes), other.view(n, classes)});
      ops::for_rows(exec, n, detail::best_and_lead<S>{g.view(n, classes), best.view(), lead.view()});
      suggested_counts = ops::count_pairs(exec, vector_view<std::int32_t const, S>(best.view()), y, classes, classes);
      auto const second = detail::row_stochastic(suggested_counts);
      for (std::size_t e = 0; e < classes * classes; ++e) t.data()[e] = (first.data()[e] + second.data()[e]) / 2;
      if (r.stopped = !detail::go_on(o, 0.55 + 0.2 * (round + 1)); r.stopped) return r;
    }

    detail::joint_counts const counts{first_counts, suggested_counts,
                                      triple_counts(exec, index.view(n, most), y, classes, first_counts)};
    detail::summarise(counts, by_votes.all(), o, r);
    detail::judge(exec, matrix_view<double const, S>(g.view(n, classes)), y,
                  detail::smoothed(r.transition, detail::fit_floor), 1, r);
    r.suggested = ops::download(exec, best.view());
    r.lead = ops::download(exec, lead.view());
    detail::mark_issues(ops::download(exec, y), r);
    detail::split(exec, votes, y, r);
    detail::advise(r);
    r.stopped = !detail::go_on(o, 1);
    return r;
  }

  /// Of the features centred and scaled to deviation 1; constant columns count nowhere.
  template <class P, class T, memory_space S>
  static bool find_neighbours(P const& exec, matrix_view<T const, S> x, std::size_t count,
                              matrix_view<std::uint32_t, S> index, options const& o) {
    std::size_t const n = x.rows, d = x.cols;
    auto const moments = ops::column_moments(exec, x);
    auto const scale = moments.scale();
    auto const z = ops::make_buffer<T>(exec, n * d);
    ops::standardise_rows(exec, x, moments.mean.view(), scale.view(), z.view(n, d));
    auto const distance = ops::make_buffer<double>(exec, n * count);
    progress const part = [&](double f) { return detail::go_on(o, 0.5 * f); };
    return ops::nearest(exec, matrix_view<T const, S>(z.view(n, d)), matrix_view<T const, S>(z.view(n, d)), count, index,
                        distance.view(n, count), {.exclude_self = true, .on_progress = &part});
  }

  template <class P, memory_space S>
  static void count_votes(P const& exec, matrix_view<std::uint32_t, S> index, vector_view<std::int32_t const, S> y,
                          vector<std::size_t> const& given, matrix_view<double, S> p) {
    vector<double> frequency(given.size());
    for (std::size_t k = 0; k < given.size(); ++k)
      frequency[k] = static_cast<double>(given[k]) / static_cast<double>(y.size);
    auto const share = ops::upload(exec, std::as_const(frequency).view());
    std::size_t count = index.cols;
    if (index.cols >= detail::fewest_votes) {
      auto const loss = ops::sum_rows(exec, y.size, 4, detail::vote_loss<S>{index, y, share.view()});
      double least = loss[0];
      count = detail::fewest_votes;
      for (std::size_t tried = 1, k = 2 * detail::fewest_votes; k <= index.cols; k *= 2, ++tried)
        if (loss[tried] < least) {
          least = loss[tried];
          count = k;
        }
    }
    ops::for_rows(exec, y.size, detail::vote<S>{index, y, share.view(), count, p});
  }

  /// Counts whose rows are the median T's, times the median mass of each true class.
  static matrix<double> median_counts(detail::joint_counts const& counts) {
    detail::joint_counts t = counts;
    for (auto& m : t) m = detail::row_stochastic(std::move(m));
    matrix<double> out = detail::median_transition(t);
    std::vector<double> const a = detail::row_sums(counts[0]), b = detail::row_sums(counts[1]), c = detail::row_sums(counts[2]);
    for (std::size_t i = 0; i < out.rows(); ++i)
      for (std::size_t j = 0; j < out.cols(); ++j) out(i, j) *= detail::middle(a[i], b[i], c[i]);
    return out;
  }

  /// What triples of neighbours say; the first reading again where there are too many classes for them.
  template <class P, memory_space S>
  static matrix<double> triple_counts(P const& exec, matrix_view<std::uint32_t, S> index, vector_view<std::int32_t const, S> y,
                                      std::size_t classes, matrix<double> const& first) {
    if (classes > most_classes_for_triples || classes < 2 || index.cols < 2) return first;
    auto const triples = transition::hoc(exec, index, y, classes, {.validate = false});
    matrix<double> out = triples.transition;
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j) out(i, j) *= triples.prior[i] * static_cast<double>(y.size);
    return out;
  }
};
inline constexpr examine_fn examine{};

}  // namespace limpid::audit

#endif  // LIMPID_AUDIT_EXAMINE_HPP
