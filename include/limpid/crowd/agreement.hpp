// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/agreement.hpp
/// How far workers agree, and how far chance alone would make them.
#ifndef LIMPID_CROWD_AGREEMENT_HPP
#define LIMPID_CROWD_AGREEMENT_HPP

#include <limpid/crowd/detail/skills.hpp>
#include <limpid/ops/count.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace limpid::crowd {

/// K classes. A kappa or alpha is NaN where chance alone gives full agreement: one label only, or
/// no task with two answers.
struct agreement_result {
  double observed = 0;      ///< mean over tasks of the share of pairs of answers that agree
  double expected = 0;      ///< the same for answers drawn from class_share
  double fleiss_kappa = 0;  ///< (observed - expected) / (1 - expected)
  double fleiss_error =
      0;  ///< standard error of fleiss_kappa, tasks taken as a sample; first order
  double krippendorff_alpha = 0;    ///< nominal; tasks weigh by their answers
  vector<double> class_share;       ///< K, of the answers to tasks with two or more
  vector<double> worker_agreement;  ///< workers, share of the other answers to his tasks that are
                                    ///< his; NaN without any
  std::size_t tasks = 0;            ///< tasks with two or more answers
  std::size_t unanimous = 0;        ///< of these, tasks with one label
  std::size_t split = 0;            ///< of these, tasks whose answers are all different
};

/// Two columns of labels.
struct cohen_kappa_result {
  double observed = 0;    ///< share of rows that agree
  double expected = 0;    ///< the same for independent columns with these shares
  double kappa = 0;       ///< (observed - expected) / (1 - expected); NaN where expected is 1
  double error = 0;       ///< standard error of kappa, rows taken as a sample
  matrix<double> counts;  ///< K x K, (j, k): rows with a = j and b = k
  std::size_t rows = 0;   ///< rows where both columns have a label
};

namespace detail {

/// sum_rows: n(t, j) answers to task t with label j. Sums over tasks with two or more: K of n,
/// number of tasks, of n, of shares of agreeing pairs, of disagreeing pairs over n - 1, of
/// unanimous tasks, of tasks whose labels all differ.
template <memory_space S>
struct agree_rows {
  answers_view<S> a;
  matrix_view<double, S> n;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    for (std::size_t j = 0; j < n.cols; ++j) n(t, j) = 0;
    double all = 0, pairs = 0;
    for (std::uint64_t e = a.by_task.start[t]; e < a.by_task.start[t + 1]; ++e) {
      n(t, a.cell_label[a.by_task.col[e]]) += a.by_task.value[e];
      all += a.by_task.value[e];
    }
    if (!(all > 1)) return;
    double most = 0;
    for (std::size_t j = 0; j < n.cols; ++j) {
      double const some = n(t, j);
      pairs += some > 1 ? some * (some - 1) : 0;
      most = some > most ? some : most;
      sums[j] += some;
    }
    double* const rest = sums + n.cols;
    rest[0] += 1;
    rest[1] += all;
    rest[2] += pairs / (all * (all - 1));
    rest[3] += all - pairs / (all - 1);
    rest[4] += most == all;
    rest[5] += most <= 1;
  }
};

/// sum_rows: square of each task's part in the error of kappa.
template <memory_space S>
struct kappa_influence {
  matrix_view<double const, S> n;
  vector_view<double const, S> share;
  double observed, expected, mean_answers;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    double all = 0, pairs = 0, moved = 0;
    for (std::size_t j = 0; j < n.cols; ++j) {
      all += n(t, j);
      pairs += n(t, j) > 1 ? n(t, j) * (n(t, j) - 1) : 0;
    }
    if (!(all > 1)) return;
    for (std::size_t j = 0; j < n.cols; ++j)
      moved += 2 * share[j] * (n(t, j) - share[j] * all) / mean_answers;
    double const room = 1 - expected;
    double const part =
        (pairs / (all * (all - 1)) - observed) / room - (1 - observed) / (room * room) * moved;
    sums[0] += part * part;
  }
};

/// for_rows over cells: pairs of an answer of the cell with another answer to its task; `match`:
/// those that agree.
template <memory_space S>
struct pairs_of_cell {
  answers_view<S> a;
  matrix_view<double const, S> n;
  vector_view<double, S> match, count;
  LIMPID_HD void operator()(std::size_t c) const {
    double same = 0, all = 0;
    for (std::uint64_t e = a.by_cell.start[c]; e < a.by_cell.start[c + 1]; ++e) {
      std::size_t const t = a.by_cell.col[e];
      double const own = a.by_cell.value[e];
      double answers_here = 0;
      for (std::size_t j = 0; j < n.cols; ++j) answers_here += n(t, j);
      same += own * (n(t, a.cell_label[c]) - own);
      all += own * (answers_here - own);
    }
    match[c] = same;
    count[c] = all;
  }
};

}  // namespace detail

/// Agreement between workers: Fleiss' kappa, Krippendorff's alpha, and each worker's agreement with
/// the others.
///
/// \f$ \kappa = (\bar P - P_e) / (1 - P_e) \f$; \f$ \bar P \f$ is the mean over tasks of the share
/// of agreeing pairs of answers, \f$ P_e = \sum_j p_j^2 \f$. Tasks with fewer than two answers are
/// left out. Tasks may have different numbers of answers: then Fleiss' mean weighs tasks alike,
/// Krippendorff's alpha answers.
///
/// @param exec  where to run
/// @param list  crowd::answers' result
/// @return  agreement_result
/// @par Complexity   O((answers + tasks) K) time, O(tasks K) memory
/// @par Determinism  bitwise for any number of threads
/// @par Source       J. L. Fleiss, "Measuring nominal scale agreement among many raters",
/// Psychological Bulletin 76 (1971);
///                   K. Krippendorff, "Content analysis" (2004), chapter 11
struct agreement_fn {
  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A>
  agreement_result operator()(Exec const& exec, A const& list) const {
    return run(exec, detail::enter<agreement_fn, Exec>(list));
  }
  template <answer_source A>
  agreement_result operator()(A const& list) const {
    return (*this)(default_policy, list);
  }

 private:
  template <class Exec>
  static agreement_result run(Exec const& exec, answers_view<Exec::space> a) {
    constexpr auto S = Exec::space;
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    std::size_t const classes = a.classes;
    auto const counts = ops::make_buffer<double>(exec, a.tasks * classes);
    auto const n = counts.view(a.tasks, classes);
    auto const sums = ops::sum_rows(exec, a.tasks, classes + 6, detail::agree_rows<S>{a, n});
    double const *const rest = sums.data() + classes, tasks = rest[0], all = rest[1];
    agreement_result r;
    r.class_share = vector<double>(classes);
    double squares = 0;
    for (std::size_t j = 0; j < classes; ++j) {
      r.class_share[j] = all > 0 ? sums[j] / all : 0;
      r.expected += r.class_share[j] * r.class_share[j];
      squares += sums[j] * sums[j];
    }
    r.tasks = static_cast<std::size_t>(tasks);
    r.unanimous = static_cast<std::size_t>(rest[4]);
    r.split = static_cast<std::size_t>(rest[5]);
    r.observed = tasks > 0 ? rest[2] / tasks : none;
    bool const room = tasks > 0 && r.expected < 1;
    r.fleiss_kappa = room ? (r.observed - r.expected) / (1 - r.expected) : none;
    double const disagreement = all * all - squares;  // expected, times N (N - 1)
    r.krippendorff_alpha = room && disagreement > 0 ? 1 - rest[3] * (all - 1) / disagreement : none;
    r.fleiss_error = none;
    if (room) {
      auto const share = ops::upload(exec, r.class_share.view());
      double const square = ops::sum_rows(
          exec, a.tasks, 1,
          detail::kappa_influence<S>{n, share.view(), r.observed, r.expected, all / tasks})[0];
      r.fleiss_error = std::sqrt(square) / tasks;
    }
    auto const match = ops::make_buffer<double>(exec, a.cells()),
               count = ops::make_buffer<double>(exec, a.cells());
    auto const agree = ops::make_buffer<double>(exec, a.workers),
               pairs = ops::make_buffer<double>(exec, a.workers);
    ops::for_rows(exec, a.cells(), detail::pairs_of_cell<S>{a, n, match.view(), count.view()});
    ops::for_rows(
        exec, a.workers,
        detail::skill_of_worker<S>{a, match.view(), count.view(), agree.view(), pairs.view()});
    r.worker_agreement = ops::download(exec, agree.view());
    auto const seen = ops::download(exec, pairs.view());
    for (std::size_t w = 0; w < a.workers; ++w)
      if (!(seen[w] > 0)) r.worker_agreement[w] = none;
    return r;
  }
};
inline constexpr agreement_fn agreement{};

struct cohen_kappa_options {
  std::size_t classes = 0;  ///< K >= 1; labels are 0..K-1
};

/// Cohen's kappa of two columns of labels: two workers, or a worker and the truth.
///
/// \f$ \kappa = (P_o - P_e) / (1 - P_e) \f$ with \f$ P_e = \sum_j p_j q_j \f$. Rows where either
/// label is negative are left out.
///
/// @param exec     where to run
/// @param a, b     n labels each, 0..K-1, or negative for none
/// @param options  cohen_kappa_options; `classes` must be given
/// @return  cohen_kappa_result
/// @throws  input_error  for different lengths, labels out of range, no classes
/// @par Complexity   O(n + K^2)
/// @par Determinism  bitwise for any policy and number of threads
/// @par Source       J. Cohen, "A coefficient of agreement for nominal scales", 1960; the error: J.
/// L. Fleiss, J. Cohen,
///                   B. S. Everitt, "Large sample standard errors of kappa and weighted kappa",
///                   Psychological Bulletin 72 (1969)
struct cohen_kappa_fn {
  using primitives = uses<ops::count_pairs_fn, ops::first_row_fn, ops::for_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, label_vector A, label_vector B>
  cohen_kappa_result operator()(Exec const& exec, A const& a, B const& b,
                                cohen_kappa_options const& options) const {
    limpid::detail::enter<cohen_kappa_fn, Exec, A, B>();
    constexpr std::string_view where = "crowd::cohen_kappa";
    limpid::detail::require(options.classes >= 1, where, "options.classes is 0; need at least 1");
    auto&& held_a = limpid::detail::materialise(a);
    auto&& held_b = limpid::detail::materialise(b);
    vector_view<value_t<A> const, Exec::space> const first = limpid::view(held_a);
    vector_view<value_t<B> const, Exec::space> const second = limpid::view(held_b);
    ops::check_rows(where, "a", first.size, "b", second.size);
    auto const x = ops::check_labels(exec, where, "a", first, options.classes, true);
    auto const y = ops::check_labels(exec, where, "b", second, options.classes, true);
    return finish(ops::count_pairs(exec, x.view(), y.view(), options.classes, options.classes));
  }
  template <label_vector A, label_vector B>
  cohen_kappa_result operator()(A const& a, B const& b, cohen_kappa_options const& options) const {
    return (*this)(default_policy, a, b, options);
  }

 private:
  static cohen_kappa_result finish(matrix<double> counts) {
    std::size_t const classes = counts.rows();
    cohen_kappa_result r;
    vector<double> p(classes), q(classes);
    double n = 0;
    for (std::size_t j = 0; j < classes; ++j)
      for (std::size_t k = 0; k < classes; ++k) n += counts(j, k);
    r.rows = static_cast<std::size_t>(n);
    r.kappa = r.error = r.observed = r.expected = std::numeric_limits<double>::quiet_NaN();
    if (n > 0) {
      r.observed = r.expected = 0;
      for (std::size_t j = 0; j < classes; ++j)
        for (std::size_t k = 0; k < classes; ++k) {
          p[j] += counts(j, k) / n;
          q[k] += counts(j, k) / n;
          r.observed += j == k ? counts(j, k) / n : 0;
        }
      for (std::size_t j = 0; j < classes; ++j) r.expected += p[j] * q[j];
      if (r.expected < 1) {
        double const room = 1 - r.expected, kappa = (r.observed - r.expected) / room;
        double sum = 0;
        for (std::size_t j = 0; j < classes; ++j)
          for (std::size_t k = 0; k < classes; ++k) {
            double const mixed = p[k] + q[j];  // of label j of a and k of b
            double const part = (j == k ? 1 : 0) * room - mixed * (1 - r.observed);
            sum += counts(j, k) / n * part * part;
          }
        double const mean = r.observed * r.expected - 2 * r.expected + r.observed;
        r.kappa = kappa;
        r.error = std::sqrt((sum > mean * mean ? sum - mean * mean : 0) / n) / (room * room);
      }
    }
    r.counts = std::move(counts);
    return r;
  }
};
inline constexpr cohen_kappa_fn cohen_kappa{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_AGREEMENT_HPP
