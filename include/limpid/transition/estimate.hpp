// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/estimate.hpp
/// T from whatever there is: probabilities, features, neighbours, trusted rows; and why that T.
#ifndef LIMPID_TRANSITION_ESTIMATE_HPP
#define LIMPID_TRANSITION_ESTIMATE_HPP

#include <limpid/core/progress.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/transition/detail/neighbour_votes.hpp>
#include <limpid/transition/detail/readings.hpp>
#include <limpid/transition/detail/view_mixture.hpp>
#include <limpid/transition/hoc.hpp>
#include <limpid/transition/reading.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct estimate_options {
  double level = 0.95;  ///< of the intervals; (0, 1)
  /// K x K counts, true x given, of rows whose true label is known, or of an annotator's confusion;
  /// empty: none
  matrix<double> trusted = {};
  /// rows whose true label is known, and that label; counted into `trusted`
  std::vector<std::size_t> trusted_rows = {};
  std::vector<std::int32_t> trusted_labels = {};
  bool judge_rows = true;     ///< fill p_right, suggested, lead, ranking, label_loss
  bool keep_clean = false;    ///< fill `clean`
  bool validate = true;       ///< check that rows of P are distributions, features finite,
                              ///< neighbours row numbers
  progress on_progress = {};  ///< told the fraction done; false stops the work
};

/// K classes, n rows; T(i, j) = P(given j | true i).
struct estimate_result {
  std::size_t rows = 0, classes = 0;
  matrix<double> transition, low, high;  ///< K x K and its intervals, each on its own
  vector<double> prior;                  ///< K, P(true i)
  matrix<double> joint;                  ///< K x K, P(true i, given j)
  bounded noise_rate;                    ///< share of wrong labels
  vector<std::size_t> given_count;       ///< K, rows that carry each label

  estimate_rule rule = estimate_rule::counts;
  estimate_reason reason = estimate_reason::no_features;
  std::vector<reading> readings;
  double disagreement = 0;     ///< standard deviation of the readings' noise rates
  double confident_share = 1;  ///< of the rows whose label is not the arg max, how many confident
                               ///< learning counts too: near 0, the classifier itself is in doubt
  double generous_share = 1;   ///< of the same, how many are wrong even by the reading that gives
                               ///< labels every benefit; where views are read, by T
  double median_weight = 1;    ///< of the median of three in the counts' T; expected: the rest
  double power = 1;            ///< that makes P, or the votes, most likely for the labels
  double mean_loss = 0;        ///< mean -log of the labels then
  double passed_loss = 0;      ///< the same under the expected counts' P(true | x) passed through T
  estimate_order order = estimate_order::log_odds;  ///< what `ranking` goes by
  bool from_votes =
      false;  ///< neighbours' votes were read: there is no P, or they predict the labels better
  std::size_t votes = 0;  ///< neighbours that vote
  double neighbour_statistic =
      0;  ///< likelihood ratio of own and neighbour's label against independence
  double trusted_weight = 0;  ///< rows that T was worth, for each class, against the trusted ones

  vector<double> p_right;          ///< n, P(the given label is right | x, label)
  vector<double> lead;             ///< n, how far the suggested class leads the second, 0..1
  vector<std::int32_t> suggested;  ///< n, the most probable true label
  vector<std::size_t> ranking;     ///< n, rows, the most doubtful first
  vector<double> label_loss;       ///< n, -log P(given label | x), P or the votes, as they are
  matrix<double> clean;            ///< n x K, P(true | x) before the row's own label is weighed in

  vector<std::uint8_t>
      class_estimated;               ///< K, 0: no row has label i; its row of T rests on nothing
  vector<std::uint8_t> outnumbered;  ///< K, 1: another label is more frequent than i in T's row:
                                     ///< the two names may have changed places
  bool converged = true;             ///< the mixture of views did
  bool stopped = false;              ///< progress asked to stop; what was not done by then is empty
};

/// Estimates T, the prior and each row's chance of being wrong from what is given, and says why.
///
/// Counts, from probabilities P of the given label. The joint counts are read three times: by the
/// most probable class; by confident learning, which leaves out rows that are sure of nothing; and
/// by the expected counts of P(true | x, label), proportional to \f$ P_k^{sa} T_{ky} \f$, one step
/// of EM from the second, a the power that makes P most likely for the labels. Disagreements of arg
/// max and label are label noise where they are as common among confident rows, and else mostly
/// the classifier's own: with w the share of them that confident learning counts, the weight of
/// noise is \f$ m = w^2 / (w^2 + (1-w)^2) \f$ (inverse squares of what the arg max may count too
/// much and confident learning may leave out). \f$ s = 3^m \f$: a classifier in doubt is read as
/// it is, one that is not as three who agree, three labellers being what it takes to tell T from
/// labels alone. T is the median of the three with weight m, else the expected counts'.
///
/// Views, where near rows are known. A row's label, the label of one of its two nearest and a
/// classifier's class are three views of its true class, each with a confusion matrix of its own:
/// EM from the counts' T finds all three, so that neither a neighbour of another class nor a
/// classifier's error passes for label noise. The classifier is arg max P, or the votes of the
/// further neighbours unmixed by the counts' T: whichever predicts the labels better. Labels that
/// do not depend on the neighbour's (likelihood ratio) leave the counts.
///
/// Order of rows. By the log-odds of P(label is right | x, label), \f$ P_k^{3a} T_{ky} \f$, where
/// the labels' noise is in evidence: even the expected counts of s = 1 call most disagreements
/// wrong, or \f$ P^{sa} \f$ passed through T makes the labels likelier than P does. Else doubts
/// are the classifier's, T tells of its errors, and rows are ordered by P(label).
///
/// Trusted rows. Row i of T becomes the posterior mean given the trusted counts, T's own weight the
/// number of rows that makes these most likely.
///
/// Intervals are Student's t on the mean of all readings, sampling error added to their spread, and
/// hold the estimate.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i), out of fold: not of the rows' own training
/// @param y        n, given labels 0..K-1
/// @param X        n x d features, which are centred and scaled; or n x k row numbers, the nearest
///                 of each row first
/// @param classes  K, where there is no P
/// @param options  estimate_options
/// @return  estimate_result
/// @throws  input_error  for shapes, options outside their intervals, rows of P that are no
///                       distributions, features not finite, neighbours that are no other rows,
///                       labels out of range
/// @par Complexity   counts: about 25 passes over P; views: neighbours O(n^2 d), votes O(n K^2), EM
///                   O(K min(2n, K^3)) per step. n (K + 160) doubles with features, O(n) and 32 MB
///                   without
/// @par Determinism  bitwise for any number of threads
/// @par Source       C. Northcutt et al., JAIR 2021 (confident counts); A. Dawid, A. Skene, Applied
///                   Statistics 1979 (confusions of several views by EM); Z. Zhu et al., ICML 2021
///                   (neighbours as views). The choice between them is this library's
struct estimate_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::nearest_fn,
                          ops::copy_fn, confident_joint_fn, hoc_fn>;

  /// From probabilities.
  template <execution_policy Exec, real_matrix M, label_vector L>
  estimate_result operator()(Exec const& exec, M const& P, L const& y,
                             estimate_options const& options = {}) const {
    limpid::detail::enter<estimate_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    check_probabilities(exec, p, given.size, options);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return run(exec, p, {}, labels.view(), p.cols, options);
  }

  /// From probabilities and features, or neighbours.
  template <execution_policy Exec, real_matrix M, label_vector L, tensor_matrix F>
    requires(real_matrix<F> || detail::index_matrix<F>)
  estimate_result operator()(Exec const& exec, M const& P, L const& y, F const& X,
                             estimate_options const& options = {}) const {
    limpid::detail::enter<estimate_fn, Exec, M, L, F>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_x = limpid::detail::materialise(X);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    matrix_view<value_t<F> const, Exec::space> const x = limpid::view(held_x);
    check_probabilities(exec, p, given.size, options);
    check_neighbourhood(exec, x, given.size, options);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return with_neighbours(exec, p, x, labels.view(), p.cols, options);
  }

  /// From features, or neighbours, alone.
  template <execution_policy Exec, tensor_matrix F, label_vector L>
    requires(real_matrix<F> || detail::index_matrix<F>)
  estimate_result operator()(Exec const& exec, F const& X, L const& y, std::size_t classes,
                             estimate_options const& options = {}) const {
    limpid::detail::enter<estimate_fn, Exec, F, L>();
    auto&& held_y = limpid::detail::materialise(y);
    auto&& held_x = limpid::detail::materialise(X);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    matrix_view<value_t<F> const, Exec::space> const x = limpid::view(held_x);
    limpid::detail::require(classes > 0, where, "classes is 0; say how many there are");
    check_neighbourhood(exec, x, given.size, options);
    auto const labels = ops::check_labels(exec, where, "y", given, classes);
    return with_neighbours(exec, matrix_view<double const, Exec::space>{}, x, labels.view(),
                           classes, options);
  }

  template <real_matrix M, label_vector L>
  estimate_result operator()(M const& P, L const& y, estimate_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }
  template <real_matrix M, label_vector L, tensor_matrix F>
    requires(real_matrix<F> || detail::index_matrix<F>)
  estimate_result operator()(M const& P, L const& y, F const& X,
                             estimate_options const& options = {}) const {
    return (*this)(default_policy, P, y, X, options);
  }
  template <tensor_matrix F, label_vector L>
    requires(real_matrix<F> || detail::index_matrix<F>)
  estimate_result operator()(F const& X, L const& y, std::size_t classes,
                             estimate_options const& options = {}) const {
    return (*this)(default_policy, X, y, classes, options);
  }

 private:
  static constexpr char const* where = "transition::estimate";
  static constexpr std::size_t most_classes_of_views = 100;
  static constexpr std::size_t nearest_views = 2, fewest_further = 4;

  template <class Exec, class T, memory_space S>
  static void check_probabilities(Exec const& exec, matrix_view<T const, S> p, std::size_t labels,
                                  estimate_options const& options) {
    limpid::detail::require(p.rows > 0 && p.cols > 0, where, "P is ", p.rows, " x ", p.cols,
                            "; need at least one row and one class");
    ops::check_rows(where, "P", p.rows, "y", labels);
    if (options.validate) ops::check_distributions(exec, where, "P", p);
  }

  template <class Exec, class T, memory_space S>
  static void check_neighbourhood(Exec const& exec, matrix_view<T const, S> x, std::size_t labels,
                                  estimate_options const& options) {
    using limpid::detail::require;
    require(x.rows >= 3 && x.cols > 0, where, "X is ", x.rows, " x ", x.cols,
            "; need at least three rows and one column");
    ops::check_rows(where, "X", x.rows, "y", labels);
    if (!options.validate) return;
    if constexpr (real_number<T>) {
      ops::check_finite(exec, where, "X", x);
    } else {
      auto const fault = ops::first_row(exec, x.rows, detail::evidence::bad_neighbour<T, S>{x});
      require(!fault.code, where, "X row ", fault.row,
              fault.code == 1 ? " has an entry that is no row number" : " names the row itself");
    }
  }

  /// Trusted counts of both forms, checked.
  template <class Exec, memory_space S>
  static matrix<double> trusted_counts(Exec const& exec, vector_view<std::int32_t const, S> y,
                                       std::size_t classes, estimate_options const& o) {
    using limpid::detail::require;
    require(o.level > 0 && o.level < 1, where, "options.level is ", o.level, "; need (0, 1)");
    matrix<double> seen = o.trusted;
    if (!seen.empty()) {
      require(seen.rows() == classes && seen.cols() == classes, where, "options.trusted is ",
              seen.rows(), " x ", seen.cols(), "; need K x K, K = ", classes);
      for (std::size_t e = 0; e < classes * classes; ++e)
        require(seen.data()[e] >= 0 && seen.data()[e] < 1e15, where,
                "options.trusted has the entry ", seen.data()[e],
                "; need finite counts, at least 0");
    }
    require(o.trusted_rows.size() == o.trusted_labels.size(), where, "options.trusted_rows has ",
            o.trusted_rows.size(), " entries, trusted_labels ", o.trusted_labels.size());
    if (o.trusted_rows.empty()) return seen;
    if (seen.empty()) seen = matrix<double>(classes, classes);
    auto const given = ops::download(exec, y);
    for (std::size_t t = 0; t < o.trusted_rows.size(); ++t) {
      require(o.trusted_rows[t] < y.size, where, "options.trusted_rows entry ", t, " is ",
              o.trusted_rows[t], "; need rows 0..", y.size - 1);
      require(o.trusted_labels[t] >= 0 && static_cast<std::size_t>(o.trusted_labels[t]) < classes,
              where, "options.trusted_labels entry ", t, " is ", o.trusted_labels[t], "; need 0..",
              classes - 1);
      seen(static_cast<std::size_t>(o.trusted_labels[t]),
           static_cast<std::size_t>(given[o.trusted_rows[t]])) += 1;
    }
    return seen;
  }

  static bool go_on(estimate_options const& o, double fraction) {
    return !o.on_progress || o.on_progress(fraction);
  }

  /// Features or row numbers become neighbours.
  template <class Exec, class T, class F, memory_space S>
  static estimate_result with_neighbours(Exec const& exec, matrix_view<T const, S> p,
                                         matrix_view<F const, S> x,
                                         vector_view<std::int32_t const, S> y, std::size_t classes,
                                         estimate_options const& o) {
    std::size_t const n = x.rows;
    std::size_t const count = real_number<F> ? detail::evidence::neighbours_sought(n)
                                             : (std::min)(x.cols, detail::evidence::most_votes);
    auto const index = ops::make_buffer<std::uint32_t>(exec, n * count);
    if constexpr (real_number<F>) {
      progress part;
      if (o.on_progress) part = [&](double f) { return go_on(o, 0.6 * f); };
      if (!detail::evidence::find_neighbours(exec, x, index.view(n, count), part)) {
        estimate_result r;
        r.stopped = true;
        return r;
      }
    } else {
      ops::for_rows(exec, n, detail::evidence::copy_index<F, S>{x, index.view(n, count)});
    }
    return run(exec, p, matrix_view<std::uint32_t const, S>(index.view(n, count)), y, classes, o);
  }

  /// p, index: empty where there is none.
  template <class Exec, class T, memory_space S>
  static estimate_result run(Exec const& exec, matrix_view<T const, S> p,
                             matrix_view<std::uint32_t const, S> index,
                             vector_view<std::int32_t const, S> y, std::size_t classes,
                             estimate_options const& o) {
    namespace ev = detail::evidence;
    std::size_t const n = y.size;
    estimate_result r;
    r.rows = n;
    r.classes = classes;
    auto const seen = trusted_counts(exec, y, classes, o);
    if (r.stopped = !go_on(o, 0.6); r.stopped) return r;
    auto const counted = ops::count_pairs(exec, y, y, classes, classes);
    r.given_count = vector<std::size_t>(classes);
    for (std::size_t k = 0; k < classes; ++k)
      r.given_count[k] = static_cast<std::size_t>(counted(k, k));

    auto const votes = ops::make_buffer<double>(exec, index.cols ? n * classes : 0);
    auto const frequency = ev::label_shares(r.given_count, n);
    auto const frequency_there = ops::upload(exec, frequency.view());
    vector_view<double const, S> const shares = frequency_there.view();
    matrix_view<double const, S> const v = votes.view(index.cols ? n : 0, classes);
    ev::tempering by_votes, by_p;
    if (index.cols) {
      r.votes = ev::choose_votes(exec, index, y, shares);
      ops::for_rows(exec, n, ev::vote<S>{index, y, shares, 0, r.votes, votes.view(n, classes)});
      by_votes = ev::temper(exec, v, y);
    }
    if (p.rows) by_p = ev::temper(exec, p, y);
    r.from_votes = index.cols && (!p.rows || by_votes.loss < by_p.loss);
    r.power = r.from_votes ? by_votes.power : by_p.power;
    r.mean_loss = r.from_votes ? by_votes.loss : by_p.loss;
    auto const counts =
        r.from_votes ? ev::read_counts(exec, v, y, r.power) : ev::read_counts(exec, p, y, r.power);
    auto const weighed = ev::weigh(counts);
    r.transition = weighed.transition;
    r.prior = weighed.prior;
    r.confident_share = counts.confident_share;
    r.median_weight = counts.noise_odds;
    if (r.stopped = !go_on(o, 0.75); r.stopped) return r;

    choose_rule(p.rows > 0, index.cols, classes, r);
    std::vector<matrix<double>> joints{counts.arg_max, counts.confident, counts.expected,
                                       counts.generous};
    std::vector<reading_kind> kinds{reading_kind::arg_max, reading_kind::confident,
                                    reading_kind::expected, reading_kind::generous};
    auto const s = ops::make_buffer<double>(exec, r.from_votes ? n * classes : 0);
    auto const work = ops::make_buffer<double>(exec, r.from_votes ? n * classes : 0);
    if (r.rule == estimate_rule::views) {
      auto const z = ops::make_buffer<std::int32_t>(exec, n);
      if (r.from_votes && index.cols >= nearest_views + fewest_further) {
        std::size_t const further = (std::min)(r.votes, index.cols - nearest_views);
        ops::for_rows(
            exec, n, ev::vote<S>{index, y, shares, nearest_views, further, votes.view(n, classes)});
        ev::unmix_rows(exec, v, ev::smoothed(r.transition, ev::fit_floor), s.view(n, classes),
                       work.view(n, classes));
        ops::arg_max_rows(exec, matrix_view<double const, S>(s.view(n, classes)), z.view());
        ops::for_rows(exec, n, ev::vote<S>{index, y, shares, 0, r.votes, votes.view(n, classes)});
      } else {
        ops::arg_max_rows(exec, p, z.view());
      }
      see(exec, index, y, vector_view<std::int32_t const, S>(z.view()), joints, kinds, r);
    }
    if (r.stopped = !go_on(o, 0.9); r.stopped) return r;
    if (!seen.empty()) trust(seen, r);
    summarise(joints, kinds, o, r);
    auto const through = ev::smoothed(r.transition, r.from_votes ? ev::fit_floor : ev::count_floor);
    double const all = ev::off_diagonal_share(counts.arg_max);
    double const wrong = r.rule == estimate_rule::views ? r.noise_rate.estimate
                                                        : ev::off_diagonal_share(counts.generous);
    r.generous_share = all > 0 ? (std::min)(1.0, wrong / all) : 1;
    if (r.from_votes) {
      ev::unmix_rows(exec, v, through, s.view(n, classes), work.view(n, classes));
      matrix_view<double const, S> const clean = s.view(n, classes);
      if (o.judge_rows) say(exec, clean, v, y, through, 1, r);
      if (o.keep_clean) r.clean = ops::download(exec, clean);
    } else {
      double const power = ev::sharpening * r.power;
      r.passed_loss = ev::loss_through(exec, p, y, through, counts.power);
      if (r.generous_share <= 0.5 && r.passed_loss >= r.mean_loss)
        r.order = estimate_order::self_confidence;
      if (o.judge_rows) say(exec, p, p, y, through, power, r);
      if (o.keep_clean) {
        auto const clean = ops::make_buffer<double>(exec, n * classes);
        ops::for_rows(exec, n, ev::power_rows<T, S>{p, power, clean.view(n, classes)});
        r.clean = ops::download(exec, clean.view(n, classes));
      }
    }
    r.stopped = !go_on(o, 1);
    return r;
  }

  static void choose_rule(bool have_p, std::size_t neighbours, std::size_t classes,
                          estimate_result& r) {
    if (!neighbours) return;
    if (classes < 2)
      r.reason = estimate_reason::one_class;
    else if (classes > most_classes_of_views)
      r.reason = estimate_reason::too_many_classes;
    else if (neighbours < nearest_views + (have_p ? 0 : fewest_further))
      r.reason = estimate_reason::few_neighbours;
    else
      r.rule = estimate_rule::views, r.reason = estimate_reason::related_neighbours;
  }

  /// The mixture of views, and the triples as a further reading.
  template <class Exec, memory_space S>
  static void see(Exec const& exec, matrix_view<std::uint32_t const, S> index,
                  vector_view<std::int32_t const, S> y, vector_view<std::int32_t const, S> z,
                  std::vector<matrix<double>>& joints, std::vector<reading_kind>& kinds,
                  estimate_result& r) {
    namespace ev = detail::evidence;
    std::size_t const classes = r.classes, n = r.rows;
    matrix<double> table(classes, classes * classes), pairs(classes, classes);
    auto const both = ops::make_buffer<std::int32_t>(exec, n);
    for (std::size_t c = 0; c < nearest_views; ++c) {
      ops::for_rows(exec, n,
                    ev::neighbour_and_class<S>{index, y, z, c, static_cast<std::int32_t>(classes),
                                               both.view()});
      auto const part = ops::count_pairs(exec, y, vector_view<std::int32_t const, S>(both.view()),
                                         classes, classes * classes);
      for (std::size_t e = 0; e < classes * classes * classes; ++e)
        table.data()[e] += part.data()[e];
      if (c > 0) continue;
      for (std::size_t j = 0; j < classes; ++j)
        for (std::size_t k = 0; k < classes; ++k)
          for (std::size_t l = 0; l < classes; ++l) pairs(j, k) += part(j, k * classes + l);
    }
    if (!ev::depends(pairs, r.neighbour_statistic)) {
      r.rule = estimate_rule::counts;
      r.reason = estimate_reason::unrelated_neighbours;
      return;
    }
    auto const mixture = ev::fit_views(table, r.transition);
    r.converged = mixture.converged;
    for (std::size_t k = 0; k < classes; ++k) {
      // a class that no view holds on to keeps the counts' row
      if (!(mixture.prior[k] * static_cast<double>(n) >= 1)) continue;
      for (std::size_t j = 0; j < classes; ++j) r.transition(k, j) = mixture.own(k, j);
    }
    r.prior = mixture.prior;
    joints.push_back(ev::rows_times(mixture.own, mixture.prior));
    kinds.push_back(reading_kind::views);
    auto const triples = hoc(exec, index, y, classes, {.validate = false});
    joints.push_back(ev::rows_times(triples.transition, triples.prior));
    kinds.push_back(reading_kind::triples);
  }

  static void trust(matrix<double> const& seen, estimate_result& r) {
    namespace ev = detail::evidence;
    auto const t = ev::smoothed(r.transition, ev::fit_floor);
    double const weight = r.trusted_weight = ev::trusted_weight(t, seen);
    auto const rows = ev::row_sums(seen);
    for (std::size_t k = 0; k < r.classes; ++k)
      if (rows[k] > 0)
        for (std::size_t j = 0; j < r.classes; ++j)
          r.transition(k, j) = (seen(k, j) + weight * t(k, j)) / (rows[k] + weight);
  }

  /// Readings, intervals, flags.
  static void summarise(std::vector<matrix<double>> const& joints,
                        std::vector<reading_kind> const& kinds, estimate_options const& o,
                        estimate_result& r) {
    namespace ev = detail::evidence;
    std::size_t const classes = r.classes, count = joints.size();
    auto const many = static_cast<double>(count);
    double const quantile = ev::students_t_half_width(count - 1, o.level);
    auto const bounds = [&](std::vector<double> const& read, double estimate, double rows) {
      double mean = 0, variance = 0;
      for (double x : read) mean += x / many;
      for (double x : read) variance += (x - mean) * (x - mean) / (many - 1);
      double const sampling = estimate * (1 - estimate) / (std::max)(rows, 1.0);
      double const half = quantile * std::sqrt((variance + sampling) / many);
      return bounded{estimate, (std::max)(0.0, (std::min)(estimate, mean - half)),
                     (std::min)(1.0, (std::max)(estimate, mean + half))};
    };
    r.joint = ev::rows_times(r.transition, r.prior);
    std::vector<double> read(count), rates(count);
    for (std::size_t m = 0; m < count; ++m) {
      reading one{kinds[m], ev::row_stochastic(joints[m]), ev::off_diagonal_share(joints[m]), 0, 0};
      one.weight = weight_of(kinds[m], r);
      one.distance = ev::mean_gap(one.transition, r.transition);
      rates[m] = one.noise_rate;
      r.readings.push_back(std::move(one));
    }
    auto const n = static_cast<double>(r.rows);
    double wrong = 0;
    for (std::size_t k = 0; k < classes; ++k) wrong += r.prior[k] * (1 - r.transition(k, k));
    r.noise_rate = bounds(rates, (std::min)(1.0, (std::max)(0.0, wrong)), n);
    double mean = 0, variance = 0;
    for (double x : rates) mean += x / many;
    for (double x : rates) variance += (x - mean) * (x - mean) / (many - 1);
    r.disagreement = std::sqrt(variance);
    r.low = r.high = matrix<double>(classes, classes);
    r.class_estimated = r.outnumbered = vector<std::uint8_t>(classes);
    for (std::size_t k = 0; k < classes; ++k) {
      r.class_estimated[k] = r.given_count[k] > 0;
      for (std::size_t j = 0; j < classes; ++j) {
        for (std::size_t m = 0; m < count; ++m) read[m] = r.readings[m].transition(k, j);
        auto const range = bounds(read, r.transition(k, j), n * r.prior[k]);
        r.low(k, j) = range.low;
        r.high(k, j) = range.high;
        if (r.transition(k, j) > r.transition(k, k)) r.outnumbered[k] = 1;
      }
    }
  }

  static double weight_of(reading_kind kind, estimate_result const& r) {
    if (r.rule == estimate_rule::views) return kind == reading_kind::views ? 1 : 0;
    double const third = r.median_weight / 3;
    switch (kind) {
      case reading_kind::arg_max:
      case reading_kind::confident:
        return third;
      case reading_kind::expected:
        return 1 - 2 * third;
      default:
        return 0;
    }
  }

  /// The rows' verdicts by P(true | x) ~ clean^power, and the labels' losses under `predicted`.
  /// Classes are all that votes can name; P may put a row in none, so that there P(label) counts
  /// once more.
  template <class Exec, class C, class T, memory_space S>
  static void say(Exec const& exec, matrix_view<C const, S> clean,
                  matrix_view<T const, S> predicted, vector_view<std::int32_t const, S> y,
                  matrix<double> const& transition, double power, estimate_result& r) {
    double const vouched = r.from_votes ? 0 : power;
    auto v = detail::evidence::judge(exec, clean, y, transition, power, vouched,
                                     r.order == estimate_order::log_odds);
    r.p_right = std::move(v.p_right);
    r.lead = std::move(v.lead);
    r.suggested = std::move(v.suggested);
    r.ranking = std::move(v.ranking);
    auto const loss = ops::make_buffer<double>(exec, y.size);
    ops::for_rows(exec, y.size, detail::evidence::label_loss<T, S>{predicted, y, loss.view()});
    r.label_loss = ops::download(exec, loss.view());
  }
};
inline constexpr estimate_fn estimate{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_ESTIMATE_HPP
