// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/find_label_issues.hpp
/// Which labels look wrong: the rows that confident learning would remove, worst first.
#ifndef LIMPID_TRANSITION_FIND_LABEL_ISSUES_HPP
#define LIMPID_TRANSITION_FIND_LABEL_ISSUES_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/groups.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_reader.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/confident.hpp>
#include <limpid/transition/detail/ensemble.hpp>
#include <limpid/transition/detail/multilabel.hpp>
#include <limpid/transition/detail/prune.hpp>
#include <limpid/transition/detail/quality.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::transition {

/// Which rows are flagged. C is the calibrated joint, C(g, t) rows of label g that are truly t. A
/// row is flagged only if its label is in doubt: another entry exceeds the label's by more than
/// 1e-6 (by 1e-6 and more, if it is a lower class's); for the two low_ rules see there.
enum class issue_filter {
  prune_by_noise_rate,  ///< for every g != t: the C(g, t) rows of label g with the largest P(i, t)
                        ///< - P(i, g)
  prune_by_class,      ///< for every g: the rows with the lowest P(i, g), as many as C(g, g) leaves
  both,                ///< what the two above have in common
  confident_learning,  ///< the rows counted off the diagonal of the confident joint
  predicted_neq_given,    ///< the rows whose most probable class is another
  low_normalized_margin,  ///< the lowest margins, as many as confident_learning flags
  low_self_confidence  ///< the lowest P(i, y_i), as many as confident_learning flags, in doubt or
                       ///< not
};

struct find_label_issues_options {
  issue_filter filter_by = issue_filter::prune_by_noise_rate;
  double frac_noise = 1;  ///< share of the counted noise to flag, in [0, 1]; pruning rules only
  /// rows of a class that the pruning rules leave; a class with no more has no flags
  std::size_t min_examples_per_class = 1;
  /// K, at most the rows of each label: rows of it to flag before doubt is asked for; pruning rules
  /// only; empty: as counted
  std::vector<std::size_t> num_to_remove_per_class = {};
  std::vector<double> thresholds = {};  ///< K, of the confident joint; empty: from the data
  /// K x K, given x true, >= 0: joint counts to prune by, calibrated first; empty: from the data
  matrix<double> joint = {};
  /// issues in ascending order of this score; no value: of their rows
  std::optional<quality_score> rank_by = quality_score::self_confidence;
  bool adjust = false;  ///< adjust the entries that are ranked by; see label_quality_options
  /// cleanlab 2.9.0 to the letter: num_to_remove_per_class as it divides it, `joint` as it is, the
  /// entropy score of one-hot rows 0
  bool cleanlab_compatible = false;
  bool validate = true;  ///< check that rows of P are distributions
};

/// The counts of a joint distribution that are not 0, label by label: the cells of label g are
/// start[g]..start[g + 1], true classes ascending.
struct sparse_joint {
  vector<std::size_t> start;        ///< K + 1
  vector<std::int32_t> true_class;  ///< per cell
  vector<double> count;             ///< per cell
};

struct find_label_issues_result {
  vector<std::uint8_t> flagged;  ///< n, 1: the label looks wrong
  vector<std::size_t> issues;    ///< the flagged rows, worst first if ranked
  vector<double> score;          ///< of each of `issues`; empty if not ranked
  /// estimates of how many labels are wrong
  std::size_t off_diagonal = 0;  ///< rows counted off the diagonal whose label is in doubt
  std::size_t off_diagonal_calibrated = 0;  ///< off the diagonal of the calibrated counts
  sparse_joint joint;                       ///< the calibrated counts, given x true
  vector<double> thresholds;                ///< K
  vector<std::size_t> given_count;          ///< K, rows of each label
  vector<std::size_t> issue_count;          ///< K, flagged rows of each label
  vector<std::uint8_t> too_few;  ///< K, 1: the label has too few rows for the pruning rules
};

/// Finds the labels that look wrong, by confident learning.
///
/// How many rows of label g are truly of class t is counted and calibrated as in confident_joint;
/// which ones is then a matter of rank among the rows of label g, by the rule of
/// options.filter_by. K x K matrices are never stored: memory grows with the pairs of classes that
/// occur.
///
/// Same rows as cleanlab 2.9.0 (`find_label_issues`) for double P; ties go to the lower row, there
/// to either. A float P is compared in double, where cleanlab rounds thresholds and margins to
/// float.
///
/// @param exec     where to run
/// @param P        n x K, P(given = k | x_i) predicted out of fold: probabilities, not logits; 1 <=
///                 n < 2^32, K >= 1. Or a row_reader, whose rows are read three times, four where a
///                 cell of the joint asks for more rows than are in doubt, once more to rank by
///                 another score than plain self-confidence
/// @param y        n, given labels 0..K-1
/// @param options  find_label_issues_options
/// @return  find_label_issues_result
/// @throws  input_error  for shapes, rows of P that are no distributions, labels out of range,
///                       options outside their intervals, or that the rule does not read
/// @par Complexity   O(nK + n log n) time: one pass over P, one entry per row before it, and one
///                   over the rows in doubt; about 25 n bytes, and 40 per pair of classes that
///                   occurs
/// @par Determinism  bitwise for any number of threads
/// @par Source       C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty
///                   in dataset labels", JAIR 2021, section 3.2; the rules and their order are
///                   cleanlab's
struct find_label_issues_fn {
  using primitives =
      uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::for_groups_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  find_label_issues_result operator()(Exec const& exec, M const& P, L const& y,
                                      find_label_issues_options const& options = {}) const {
    limpid::detail::enter<find_label_issues_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    return check_and_run(exec, ops::detail::resident_rows<value_t<M>, Exec::space>{p}, given,
                         options);
  }
  template <execution_policy Exec, class T, label_vector L>
  find_label_issues_result operator()(Exec const& exec, row_reader<T> const& P, L const& y,
                                      find_label_issues_options const& options = {}) const {
    limpid::detail::enter<find_label_issues_fn, Exec, L>();
    auto&& held_y = limpid::detail::materialise(y);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    return check_and_run(exec, ops::detail::read_rows<T, Exec::space>{&P}, given, options);
  }

  template <real_matrix M, label_vector L>
  find_label_issues_result operator()(M const& P, L const& y,
                                      find_label_issues_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }
  template <class T, label_vector L>
  find_label_issues_result operator()(row_reader<T> const& P, L const& y,
                                      find_label_issues_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  friend struct find_multilabel_issues_fn;

  static bool prunes(issue_filter rule) {
    return rule == issue_filter::prune_by_noise_rate || rule == issue_filter::prune_by_class ||
           rule == issue_filter::both;
  }

  static void check_options(std::string_view where, std::size_t classes,
                            find_label_issues_options const& options) {
    using limpid::detail::require;
    bool const pruning = prunes(options.filter_by);
    require(options.frac_noise >= 0 && options.frac_noise <= 1, where, "options.frac_noise is ",
            options.frac_noise, "; need 0..1");
    require(pruning || options.frac_noise == 1, where,
            "options.frac_noise is read by the pruning rules only");
    auto const& number = options.num_to_remove_per_class;
    require(pruning || number.empty(), where,
            "options.num_to_remove_per_class is read by the pruning rules only");
    require(number.empty() || number.size() == classes, where,
            "options.num_to_remove_per_class has ", number.size(), " entries; need K = ", classes);
    matrix<double> const& joint = options.joint;
    require(joint.empty() || pruning, where, "options.joint is read by the pruning rules only");
    require(joint.empty() || (joint.rows() == classes && joint.cols() == classes), where,
            "options.joint is ", joint.rows(), " x ", joint.cols(),
            "; need K x K with K = ", classes);
    for (std::size_t g = 0; g < joint.rows(); ++g)
      for (std::size_t t = 0; t < joint.cols(); ++t)
        require(ops::detail::is_finite(joint(g, t)) && joint(g, t) >= 0, where, "options.joint(", g,
                ", ", t, ") is ", joint(g, t), "; counts are finite and at least 0");
    if (options.rank_by) detail::check_adjusted(where, options.adjust, *options.rank_by);
  }

  template <class Exec, class Source, class Label, memory_space S>
  static find_label_issues_result check_and_run(Exec const& exec, Source const& source,
                                                vector_view<Label const, S> given,
                                                find_label_issues_options const& options) {
    constexpr char const* where = "transition::find_label_issues";
    detail::check_confident(where, source.rows(), source.cols(), given.size, options.thresholds);
    limpid::detail::require(source.rows() <= 0xffffffffu, where, "P has ", source.rows(),
                            " rows; at most 2^32 - 1");
    check_options(where, source.cols(), options);
    auto const labels = ops::check_labels(exec, where, "y", given, source.cols());
    return run(exec, where, source, labels.view(), options);
  }

  /// What the passes over P leave of every row, on the host; `doubt_there` where exec runs.
  template <class Exec, class T>
  struct row_facts {
    vector<std::int32_t> y, guess;
    vector<std::uint8_t> doubt;
    vector<T> self;
    ops::buffer<std::uint8_t, Exec> doubt_there;
    bool counted_off(std::size_t i) const { return guess[i] >= 0 && guess[i] != y[i] && doubt[i]; }
  };

  template <class Exec, class Source, memory_space S>
  static find_label_issues_result run(Exec const& exec, std::string_view where,
                                      Source const& source, vector_view<std::int32_t const, S> y,
                                      find_label_issues_options const& options) {
    find_label_issues_result r;
    auto const rows = look(exec, where, source, y, options, r);
    std::size_t const n = source.rows(), classes = source.cols();
    for (std::size_t i = 0; i < n; ++i) r.off_diagonal += rows.counted_off(i);
    auto by_class = detail::group_rows(rows.y, classes);
    r.given_count = vector<std::size_t>(classes);
    for (std::size_t k = 0; k < classes; ++k) r.given_count[k] = by_class.size(k);
    auto const joint = calibrated(by_class, rows.guess, options, r);

    r.flagged = vector<std::uint8_t>(n);
    r.too_few = vector<std::uint8_t>(classes);
    if (prunes(options.filter_by))
      prune(exec, where, source, by_class, joint, rows, options, r);
    else if (options.filter_by == issue_filter::low_self_confidence)
      flag_lowest(rows.self, all_rows(n), r);
    else if (options.filter_by == issue_filter::low_normalized_margin)
      flag_low_margins(exec, source, y, rows.doubt, r);
    else
      for (std::size_t i = 0; i < n; ++i)
        r.flagged[i] = options.filter_by == issue_filter::confident_learning ? rows.counted_off(i)
                                                                             : rows.doubt[i] != 0;
    list(exec, source, y, rows, options, r);
    return r;
  }

  /// Both passes.
  template <class Exec, class Source, memory_space S>
  static row_facts<Exec, typename Source::value_type> look(Exec const& exec, std::string_view where,
                                                           Source const& source,
                                                           vector_view<std::int32_t const, S> y,
                                                           find_label_issues_options const& options,
                                                           find_label_issues_result& r) {
    using T = typename Source::value_type;
    std::size_t const n = source.rows();
    r.thresholds = options.thresholds.empty()
                       ? detail::mean_self_confidence(exec, source, y).threshold
                       : vector<double>(options.thresholds);
    auto const guess = ops::make_buffer<std::int32_t>(exec, n);
    auto const self = ops::make_buffer<T>(exec, n);
    auto doubt = ops::make_buffer<std::uint8_t>(exec, n);
    detail::scan_rows(exec, where, source, r.thresholds, options.validate, y, guess.view(),
                      self.view(), doubt.view());
    return {ops::download(exec, y), ops::download(exec, guess.view()),
            ops::download(exec, doubt.view()), ops::download(exec, self.view()), std::move(doubt)};
  }

  /// The counts to prune by; r.joint and r.off_diagonal_calibrated are theirs.
  static detail::sparse_counts calibrated(detail::rows_by_class const& by_class,
                                          vector<std::int32_t> const& guess,
                                          find_label_issues_options const& options,
                                          find_label_issues_result& r) {
    std::size_t const classes = r.given_count.size();
    auto joint = options.joint.empty() ? detail::count_sparse(by_class, guess)
                                       : detail::to_sparse(options.joint);
    auto const as_given = joint;
    vector<double> given(classes);
    for (std::size_t k = 0; k < classes; ++k) given[k] = static_cast<double>(r.given_count[k]);
    detail::calibrate(joint, given, true);
    r.joint = {vector<std::size_t>(joint.start), vector<std::int32_t>(joint.column),
               vector<double>(joint.value)};
    double off = 0;
    for (std::size_t g = 0; g < classes; ++g)
      for (std::size_t c = joint.start[g]; c < joint.start[g + 1]; ++c)
        if (static_cast<std::size_t>(joint.column[c]) != g) off += joint.value[c];
    r.off_diagonal_calibrated = static_cast<std::size_t>(off);
    return options.joint.empty() || !options.cleanlab_compatible ? joint : as_given;
  }

  template <class Exec, class Source, class Rows>
  static void prune(Exec const& exec, std::string_view where, Source const& source,
                    detail::rows_by_class& by_class, detail::sparse_counts const& joint,
                    Rows const& rows, find_label_issues_options const& options,
                    find_label_issues_result& r) {
    std::size_t const n = rows.y.size(), classes = r.given_count.size();
    auto counts = detail::counts_to_prune(
        joint, static_cast<double>(options.min_examples_per_class), options.frac_noise);
    auto const& number = options.num_to_remove_per_class;
    for (std::size_t k = 0; k < number.size(); ++k)
      limpid::detail::require(number[k] <= r.given_count[k], where,
                              "options.num_to_remove_per_class[", k, "] is ", number[k], "; label ",
                              k, " has ", r.given_count[k], " rows");
    if (!number.empty() && options.cleanlab_compatible)
      detail::scale_as_cleanlab(counts, number, r.given_count);
    else if (!number.empty())
      detail::scale_to(counts, number, r.given_count);

    // a class of one row is never pruned
    std::size_t const least = (std::max)(options.min_examples_per_class, std::size_t{1});
    for (std::size_t k = 0; k < classes; ++k) {
      r.too_few[k] = r.given_count[k] <= least;
      if (!r.too_few[k]) continue;
      for (std::size_t c = counts.remove.start[k]; c < counts.remove.start[k + 1]; ++c)
        counts.remove.value[c] = 0;
      counts.keep[k] = static_cast<double>(r.given_count[k]);
    }
    if (options.filter_by != issue_filter::prune_by_class)
      detail::flag_by_margin(exec, source, by_class, counts.remove,
                             vector_view<std::uint8_t const, Exec::space>(rows.doubt_there.view()),
                             rows.doubt, r.flagged);
    if (options.filter_by == issue_filter::prune_by_noise_rate) return;

    vector<std::uint8_t> by_self(n);
    for (std::size_t k = 0; k < classes; ++k) {
      double const wanted = static_cast<double>(r.given_count[k]) - counts.keep[k];
      if (wanted < 1) continue;
      auto const remove = (std::min)(static_cast<std::size_t>(wanted), r.given_count[k]);
      std::uint32_t* const first = by_class.order.data() + by_class.start[k];
      detail::lowest_first(first, first + r.given_count[k], remove,
                           [&](std::uint32_t i) { return rows.self[i]; });
      for (std::size_t q = 0; q < remove; ++q) by_self[first[q]] = rows.doubt[first[q]];
    }
    bool const both = options.filter_by == issue_filter::both;
    for (std::size_t i = 0; i < n; ++i) r.flagged[i] = by_self[i] && (!both || r.flagged[i]);
  }

  static vector<std::uint32_t> all_rows(std::size_t n) {
    vector<std::uint32_t> all(n);
    for (std::size_t i = 0; i < n; ++i) all[i] = static_cast<std::uint32_t>(i);
    return all;
  }

  /// Flags the r.off_diagonal candidates with the lowest score.
  template <class Score>
  static void flag_lowest(Score const& score, vector<std::uint32_t> candidates,
                          find_label_issues_result& r) {
    std::size_t const count = (std::min)(r.off_diagonal, candidates.size());
    detail::lowest_first(candidates.begin(), candidates.end(), count,
                         [&](std::uint32_t i) { return score[i]; });
    for (std::size_t q = 0; q < count; ++q) r.flagged[candidates[q]] = 1;
  }

  /// The lowest margins are those of rows in doubt, and no more than those are flagged.
  template <class Exec, class Source, memory_space S>
  static void flag_low_margins(Exec const& exec, Source const& source,
                               vector_view<std::int32_t const, S> y,
                               vector<std::uint8_t> const& doubt, find_label_issues_result& r) {
    auto const candidates = marked_rows(doubt);
    auto const score =
        score_some(exec, source, y, candidates, quality_score::normalized_margin, {}, false);
    vector<double> of_row(doubt.size());
    for (std::size_t q = 0; q < candidates.size(); ++q) of_row[candidates[q]] = score[q];
    flag_lowest(of_row, candidates, r);
  }

  static vector<std::uint32_t> marked_rows(vector<std::uint8_t> const& mark) {
    std::size_t count = 0;
    for (std::uint8_t m : mark) count += m;
    vector<std::uint32_t> rows(count);
    count = 0;
    for (std::size_t i = 0; i < mark.size(); ++i)
      if (mark[i]) rows[count++] = static_cast<std::uint32_t>(i);
    return rows;
  }

  /// Scores of the rows of `index` (ascending).
  template <class Exec, class Source, memory_space S>
  static vector<double> score_some(Exec const& exec, Source const& source,
                                   vector_view<std::int32_t const, S> y,
                                   vector<std::uint32_t> const& index, quality_score score,
                                   vector<double> const& thresholds, bool cleanlab_compatible) {
    using T = typename Source::value_type;
    auto const shift = ops::upload(exec, thresholds.view());
    auto const rows = ops::upload(exec, index.view());
    auto const out = ops::make_buffer<double>(exec, index.size());
    std::size_t done = 0;
    source(exec, [&](matrix_view<T const, S> p, std::size_t first) {
      std::size_t const from = done;
      while (done < index.size() && index[done] < first + p.rows) ++done;
      ops::for_rows(
          exec, done - from,
          detail::score_some_rows<T, S>{{p, detail::part_of(y, first, p.rows), score, shift.view(),
                                         detail::largest_of(thresholds), cleanlab_compatible},
                                        detail::part_of(rows.view(), from, done - from),
                                        first,
                                        detail::part_of(out.view(), from, done - from)});
    });
    return ops::download(exec, out.view());
  }

  /// r.issues in their order, r.score, r.issue_count.
  template <class Exec, class Source, memory_space S, class Rows>
  static void list(Exec const& exec, Source const& source, vector_view<std::int32_t const, S> y,
                   Rows const& rows, find_label_issues_options const& options,
                   find_label_issues_result& r) {
    auto const found = marked_rows(r.flagged);
    r.issue_count = vector<std::size_t>(r.given_count.size());
    for (std::uint32_t i : found) ++r.issue_count[static_cast<std::size_t>(rows.y[i])];
    r.issues = vector<std::size_t>(found.size());
    vector<std::uint32_t> order = all_rows(found.size());
    if (options.rank_by) {
      vector<double> score(found.size());
      if (*options.rank_by == quality_score::self_confidence && !options.adjust) {
        for (std::size_t q = 0; q < found.size(); ++q)
          score[q] = static_cast<double>(rows.self[found[q]]);
      } else {
        auto const adjust_by = !options.adjust ? vector<double>()
                               : options.thresholds.empty()
                                   ? r.thresholds
                                   : detail::mean_self_confidence(exec, source, y).threshold;
        score = score_some(exec, source, y, found, *options.rank_by, adjust_by,
                           options.cleanlab_compatible);
      }
      std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return score[a] < score[b] || (score[a] == score[b] && a < b);
      });
      r.score = vector<double>(found.size());
      for (std::size_t q = 0; q < found.size(); ++q) r.score[q] = score[order[q]];
    }
    for (std::size_t q = 0; q < found.size(); ++q) r.issues[q] = found[order[q]];
  }
};
inline constexpr find_label_issues_fn find_label_issues{};

struct find_multilabel_issues_options {
  issue_filter filter_by = issue_filter::prune_by_noise_rate;
  double frac_noise = 1;                   ///< see find_label_issues_options
  std::size_t min_examples_per_class = 1;  ///< of the rows with a class, and of those without it
  /// K: rows without class k to flag as having it, before doubt is asked for; pruning rules only;
  /// empty: as counted
  std::vector<std::size_t> num_to_remove_per_class = {};
  /// issues in ascending order of this score: of a row's K scores, from the highest to the lowest,
  /// the exponential moving average with weight 0.8 for the next; no value: of their rows
  std::optional<quality_score> rank_by = quality_score::self_confidence;
  bool adjust = false;  ///< adjust the entries that are ranked by
  /// cleanlab 2.9.0 to the letter: see find_label_issues_options; and the low_ rules, whichever of
  /// the two, go by self-confidence
  bool cleanlab_compatible = false;
  bool validate = true;  ///< check that entries are finite and in [0, 1]
};

struct find_multilabel_issues_result {
  vector<std::uint8_t> flagged;  ///< n, 1: some class looks wrongly given or left out
  vector<std::size_t> issues;    ///< the flagged rows, worst first if ranked
  vector<double> score;          ///< of each of `issues`; empty if not ranked
  /// n x K, 1: class k looks wrongly given to row i, or left out; empty for the low_ rules, which
  /// judge rows
  matrix<std::uint8_t> class_flagged;
  /// K x 4, for class k: calibrated counts (given no, truly no), (no, yes), (yes, no), (yes, yes)
  matrix<double> joint;
  matrix<double> thresholds;  ///< K x 2, of not having the class and of having it
};

/// Finds rows whose sets of classes look wrong: each class against the rest.
///
/// Every class k is a problem of two classes with probabilities (1 - P(i, k), P(i, k)) and labels
/// Y(i, k), for find_label_issues; a row is flagged if any of them flags it.
///
/// @param exec     where to run
/// @param P        n x K, P(class k is given | x_i), each in [0, 1]; rows need not sum to 1
/// @param Y        n x K, 1 where class k is given, 0 where not; of any integer type. Rows without
///                 a class are valid
/// @param options  find_multilabel_issues_options
/// @return  find_multilabel_issues_result
/// @throws  input_error  for shapes, entries of P that are not finite or outside [0, 1], of Y that
///                       are neither 0 nor 1, and find_label_issues' options
/// @par Complexity   K times find_label_issues of n x 2; O(n) scratch, and n K bytes
/// @par Determinism  bitwise for any number of threads
/// @par Source       cleanlab 2.9.0, multilabel_classification.filter
struct find_multilabel_issues_fn {
  using primitives =
      uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::for_groups_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, detail::class_matrix Y>
  find_multilabel_issues_result operator()(
      Exec const& exec, M const& P, Y const& given,
      find_multilabel_issues_options const& options = {}) const {
    limpid::detail::enter<find_multilabel_issues_fn, Exec, M, Y>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(given);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    matrix_view<value_t<Y> const, Exec::space> const y = limpid::view(held_y);
    return run(exec, p, y, options);
  }

  template <real_matrix M, detail::class_matrix Y>
  find_multilabel_issues_result operator()(
      M const& P, Y const& given, find_multilabel_issues_options const& options = {}) const {
    return (*this)(default_policy, P, given, options);
  }

 private:
  static constexpr char const* where = "transition::find_multilabel_issues";

  static bool low(issue_filter rule) {
    return rule == issue_filter::low_normalized_margin || rule == issue_filter::low_self_confidence;
  }

  template <class T, class Label, memory_space S>
  static void check(auto const& exec, matrix_view<T const, S> p, matrix_view<Label const, S> y,
                    bool validate) {
    using limpid::detail::require;
    require(p.rows > 0 && p.cols > 0, where, "P is ", p.rows, " x ", p.cols,
            "; need at least one row and one class");
    require(p.rows == y.rows && p.cols == y.cols, where, "P is ", p.rows, " x ", p.cols, ", Y is ",
            y.rows, " x ", y.cols);
    require(p.rows <= 0xffffffffu, where, "P has ", p.rows, " rows; at most 2^32 - 1");
    auto const odd = ops::first_row(exec, y.rows, detail::not_binary<Label, S>{y});
    require(!odd.code, where, "Y row ", odd.row, " has an entry that is neither 0 nor 1");
    if (!validate) return;
    auto const bad = ops::first_row(exec, p.rows, detail::outside_unit<T, S>{p});
    require(bad.code != 1, where, "P row ", bad.row, " has an entry that is not finite");
    require(bad.code != 2, where, "P row ", bad.row, " has an entry outside [0, 1]");
  }

  template <class Exec, class T, class Label, memory_space S>
  static find_multilabel_issues_result run(Exec const& exec, matrix_view<T const, S> p,
                                           matrix_view<Label const, S> y,
                                           find_multilabel_issues_options const& options) {
    check(exec, p, y, options.validate);
    std::size_t const n = p.rows, classes = p.cols;
    bool const by_row = low(options.filter_by);
    auto const& number = options.num_to_remove_per_class;
    limpid::detail::require(number.empty() || number.size() == classes, where,
                            "options.num_to_remove_per_class has ", number.size(),
                            " entries; need K = ", classes);
    find_label_issues_options one;
    one.filter_by = by_row ? issue_filter::confident_learning : options.filter_by;
    one.frac_noise = options.frac_noise;
    one.min_examples_per_class = options.min_examples_per_class;
    one.rank_by.reset();
    one.cleanlab_compatible = options.cleanlab_compatible;
    one.validate = false;
    if (!number.empty()) one.num_to_remove_per_class = {0, 0};
    find_label_issues_fn::check_options(where, 2, one);
    if (options.rank_by) detail::check_adjusted(where, options.adjust, *options.rank_by);

    find_multilabel_issues_result r;
    r.flagged = vector<std::uint8_t>(n);
    r.class_flagged = matrix<std::uint8_t>(n, classes);
    r.joint = matrix<double>(classes, 4);
    r.thresholds = matrix<double>(classes, 2);
    auto const two = ops::make_buffer<T>(exec, 2 * n);
    auto const label = ops::make_buffer<std::int32_t>(exec, n);
    vector_view<std::int32_t const, S> const given = label.view();
    matrix_view<T const, S> const pair = two.view(n, 2);
    for (std::size_t k = 0; k < classes; ++k) {
      ops::for_rows(exec, n,
                    detail::one_against_rest<T, Label, S>{p, y, k, two.view(n, 2), label.view()});
      if (!number.empty()) one.num_to_remove_per_class = {number[k], 0};
      auto const found = find_label_issues_fn::run(
          exec, where, ops::detail::resident_rows<T, S>{pair}, given, one);
      for (std::size_t i = 0; i < n; ++i) {
        r.class_flagged(i, k) = found.flagged[i];
        r.flagged[i] |= found.flagged[i];
      }
      for (std::size_t g = 0; g < 2; ++g) {
        r.thresholds(k, g) = found.thresholds[g];
        for (std::size_t c = found.joint.start[g]; c < found.joint.start[g + 1]; ++c)
          r.joint(k, 2 * g + static_cast<std::size_t>(found.joint.true_class[c])) =
              found.joint.count[c];
      }
    }
    if (by_row) judge_rows(exec, p, y, options, r);
    list(exec, p, y, options, r);
    return r;
  }

  /// Flags as many rows as the classes flagged, those with the lowest scores.
  template <class Exec, class T, class Label, memory_space S>
  static void judge_rows(Exec const& exec, matrix_view<T const, S> p, matrix_view<Label const, S> y,
                         find_multilabel_issues_options const& options,
                         find_multilabel_issues_result& r) {
    bool const margin =
        options.filter_by == issue_filter::low_normalized_margin && !options.cleanlab_compatible;
    auto const all = find_label_issues_fn::all_rows(p.rows);
    auto const score = scores(
        exec, p, y, all, margin ? quality_score::normalized_margin : quality_score::self_confidence,
        matrix<double>(), options.cleanlab_compatible);
    find_label_issues_result as_one;
    for (std::uint8_t f : r.flagged) as_one.off_diagonal += f;
    as_one.flagged = vector<std::uint8_t>(p.rows);
    find_label_issues_fn::flag_lowest(score, all, as_one);
    r.flagged = std::move(as_one.flagged);
    r.class_flagged = {};
  }

  /// Of the rows of `index`, a block of them at a time.
  template <class Exec, class T, class Label, memory_space S>
  static vector<double> scores(Exec const& exec, matrix_view<T const, S> p,
                               matrix_view<Label const, S> y, vector<std::uint32_t> const& index,
                               quality_score score, matrix<double> const& thresholds,
                               bool cleanlab_compatible) {
    std::size_t const fit = (std::size_t{1} << 20) / p.cols;
    std::size_t const block = (std::min)(index.size(), fit ? fit : 1);
    auto const shift = ops::upload(exec, thresholds.view());
    auto const rows = ops::upload(exec, index.view());
    auto const out = ops::make_buffer<double>(exec, index.size());
    auto const scratch = ops::make_buffer<double>(exec, block * p.cols);
    for (std::size_t first = 0; first < index.size(); first += block) {
      std::size_t const count = (std::min)(block, index.size() - first);
      vector_view<std::uint32_t const, S> const some = detail::part_of(rows.view(), first, count);
      ops::for_rows(exec, count,
                    detail::multilabel_score<T, Label, S>{
                        p, y, some, score, shift.view(thresholds.rows(), thresholds.cols()),
                        cleanlab_compatible, scratch.view(count, p.cols),
                        detail::part_of(out.view(), first, count)});
    }
    return ops::download(exec, out.view());
  }

  template <class Exec, class T, class Label, memory_space S>
  static void list(Exec const& exec, matrix_view<T const, S> p, matrix_view<Label const, S> y,
                   find_multilabel_issues_options const& options,
                   find_multilabel_issues_result& r) {
    auto const found = find_label_issues_fn::marked_rows(r.flagged);
    auto order = find_label_issues_fn::all_rows(found.size());
    if (options.rank_by) {
      auto const score =
          scores(exec, p, y, found, *options.rank_by,
                 options.adjust ? r.thresholds : matrix<double>(), options.cleanlab_compatible);
      std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return score[a] < score[b] || (score[a] == score[b] && a < b);
      });
      r.score = vector<double>(found.size());
      for (std::size_t q = 0; q < found.size(); ++q) r.score[q] = score[order[q]];
    }
    r.issues = vector<std::size_t>(found.size());
    for (std::size_t q = 0; q < found.size(); ++q) r.issues[q] = found[order[q]];
  }
};
inline constexpr find_multilabel_issues_fn find_multilabel_issues{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_FIND_LABEL_ISSUES_HPP
