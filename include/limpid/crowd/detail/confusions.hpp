// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/detail/confusions.hpp
/// A confusion matrix per worker, held for the labels that he gave: cells x K numbers, whatever
/// workers x K x K is.
#ifndef LIMPID_CROWD_DETAIL_CONFUSIONS_HPP
#define LIMPID_CROWD_DETAIL_CONFUSIONS_HPP

#include <limpid/crowd/detail/passes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace limpid::crowd {

/// How given matrices start the workers' matrices.
enum class start_rule {
  replace,  ///< probabilities or counts, in place of what the first posteriors say
  add       ///< counts, beside what the first posteriors say
};

}  // namespace limpid::crowd

namespace limpid::crowd::detail {

inline constexpr double seen_count = 1e-6;  ///< expected answers below which nothing was seen

/// for_rows over workers: expected answers per class, and the logarithm of what divides the cells.
template <memory_space S>
struct total_workers {
  answers_view<S> a;
  matrix_view<double const, S> count;   ///< cells x K
  vector_view<double const, S> pseudo;  ///< K, summed over labels
  matrix_view<double, S> total, log_total;
  LIMPID_HD void operator()(std::size_t w) const {
    sum(w);
    for (std::size_t j = 0; j < total.cols; ++j)
      log_total(w, j) = std::log(total(w, j) + pseudo[j]);
  }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    for (std::size_t w = begin; w < end; ++w) {
      sum(w);
      for (std::size_t j = 0; j < total.cols; ++j) log_total(w, j) = total(w, j) + pseudo[j];
    }
    if (begin < end)
      lanes::log(static_cast<double const*>(&log_total(begin, 0)), &log_total(begin, 0),
                 (end - begin) * total.cols);
  }

 private:
  LIMPID_HD void sum(std::size_t w) const {
    for (std::size_t j = 0; j < total.cols; ++j) total(w, j) = 0;
    for (std::uint64_t c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c)
      for (std::size_t j = 0; j < total.cols; ++j) total(w, j) += count(c, j);
  }
};

/// for_rows over cells: log p(label | class) of the cell's worker.
template <memory_space S>
struct log_cells {
  answers_view<S> a;
  matrix_view<double const, S> count, pseudo, log_total;  ///< pseudo: K x K, (label, class)
  matrix_view<double, S> log_p;
  LIMPID_HD void operator()(std::size_t c) const {
    std::size_t const w = a.cell_worker[c], l = a.cell_label[c];
    for (std::size_t j = 0; j < count.cols; ++j)
      log_p(c, j) = std::log(count(c, j) + pseudo(l, j)) - log_total(w, j);
  }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    if (begin == end) return;
    std::size_t const classes = count.cols;
    for (std::size_t c = begin; c < end; ++c) {
      double const *const n = &count(c, 0), *const extra = &pseudo(a.cell_label[c], 0);
      double* const to = &log_p(c, 0);
      for (std::size_t j = 0; j < classes; ++j) to[j] = n[j] + extra[j];
    }
    lanes::log(static_cast<double const*>(&log_p(begin, 0)), &log_p(begin, 0),
               (end - begin) * classes);
    for (std::size_t c = begin; c < end; ++c) {
      double const* const from = &log_total(a.cell_worker[c], 0);
      double* const to = &log_p(c, 0);
      for (std::size_t j = 0; j < classes; ++j) to[j] -= from[j];
    }
  }
};

/// for_rows over workers: given counts beside the expected ones. start: (workers K) x K, maybe of
/// fewer workers.
template <memory_space S>
struct add_start {
  answers_view<S> a;
  matrix_view<double const, S> start;
  vector_view<double const, S> pseudo;
  matrix_view<double, S> count, total, log_total;
  LIMPID_HD void operator()(std::size_t w) const {
    std::size_t const classes = count.cols;
    if ((w + 1) * classes > start.rows) return;
    for (std::size_t j = 0; j < classes; ++j) {
      for (std::size_t l = 0; l < classes; ++l) total(w, j) += start(w * classes + j, l);
      for (std::uint64_t c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c)
        count(c, j) += start(w * classes + j, a.cell_label[c]);
      log_total(w, j) = std::log(total(w, j) + pseudo[j]);
    }
  }
};
/// for_rows over workers: given matrices in place of the expected ones, where their row is not
/// empty.
template <memory_space S>
struct replace_start {
  answers_view<S> a;
  matrix_view<double const, S> start;
  double floor;
  matrix_view<double, S> log_p;
  LIMPID_HD void operator()(std::size_t w) const {
    std::size_t const classes = log_p.cols;
    if ((w + 1) * classes > start.rows) return;
    for (std::size_t j = 0; j < classes; ++j) {
      double sum = 0;
      for (std::size_t l = 0; l < classes; ++l) sum += start(w * classes + j, l);
      if (!(sum > 0)) continue;
      for (std::uint64_t c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c) {
        double const p = start(w * classes + j, a.cell_label[c]) / sum;
        log_p(c, j) = std::log(p > floor ? p : floor);
      }
    }
  }
};

/// sum_rows over workers: sum of pseudo log p over classes and labels. Of labels that the worker
/// never gave, p is pseudo / total.
template <memory_space S>
struct log_density {
  answers_view<S> a;
  matrix_view<double const, S> pseudo, log_p, log_total;
  double floor;  ///< no part of the density
  LIMPID_HD void operator()(std::size_t w, double* sums) const {
    if (a.worker_start[w] == a.worker_start[w + 1]) return;
    for (std::size_t j = 0; j < pseudo.cols; ++j) {
      std::uint64_t c = a.worker_start[w];
      for (std::size_t l = 0; l < pseudo.rows; ++l) {
        double const extra = pseudo(l, j);
        bool const given = c < a.worker_start[w + 1] && a.cell_label[c] == l;
        if (extra > floor)
          sums[0] += extra * (given ? log_p(c, j) : std::log(extra) - log_total(w, j));
        c += given;
      }
    }
  }
};

/// sum_rows over cells and over tasks: Crowd-Kit's bound, which counts a task's prior once per
/// answer.
template <memory_space S>
struct bound_of_cells {
  matrix_view<double const, S> count, log_p;
  LIMPID_HD void operator()(std::size_t c, double* sums) const {
    for (std::size_t j = 0; j < count.cols; ++j) sums[0] += count(c, j) * log_p(c, j);
  }
};
template <memory_space S>
struct bound_of_tasks {
  answers_view<S> a;
  matrix_view<double const, S> q;
  vector_view<double const, S> log_prior;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    double answers_here = 0;
    for (std::uint64_t e = a.by_task.start[t]; e < a.by_task.start[t + 1]; ++e)
      answers_here += a.by_task.value[e];
    if (!(answers_here > 0)) return;
    for (std::size_t j = 0; j < q.cols; ++j) {
      double const held = q(t, j) > 1e-10 ? q(t, j) : 1e-10;
      double const prior = log_prior[j] > -23.025850929940457 ? log_prior[j] : -23.025850929940457;
      sums[0] += answers_here * q(t, j) * prior - held * std::log(held);
    }
    sums[1] += answers_here;
  }
};

/// Workers' matrices on the host.
struct worker_matrices {
  matrix<double> confusion;            ///< (workers K) x K
  matrix<double> transition;           ///< K x K
  matrix<double> evidence;             ///< workers x K
  matrix<std::uint8_t> row_estimated;  ///< workers x K
  vector<double> accuracy, answered;   ///< workers
};

/// The matrices, their expectation step and their maximisation step.
template <class Exec>
class confusion_model {
  static constexpr auto S = Exec::space;

 public:
  /// `pseudo`: K x K, (class, label), added to every worker's counts.
  /// `floor`: more of the same, so that no count is 0.
  confusion_model(Exec const& exec, answers_view<S> a, matrix<double> const& pseudo, double floor)
      : exec_(exec),
        a_(a),
        floor_(floor),
        host_pseudo_(floored(pseudo, floor)),
        count_(exec, a.cells() * a.classes),
        log_p_(exec, a.cells() * a.classes),
        total_(exec, a.workers * a.classes),
        log_total_(exec, a.workers * a.classes),
        pseudo_(ops::upload(exec, std::as_const(host_pseudo_).view())),
        pseudo_sum_(ops::upload(exec, class_sums(host_pseudo_).view())) {}

  /// Counts from q, then logarithms.
  void maximise(matrix_view<double const, S> q) {
    expected_counts(q);
    logarithms();
  }
  /// The same, with given matrices.
  void maximise(matrix_view<double const, S> q, matrix<double> const& start, start_rule rule) {
    expected_counts(q);
    auto const given = ops::upload(exec_, start.view());
    matrix_view<double const, S> const from = given.view(start.rows(), start.cols());
    if (rule == start_rule::add)
      ops::for_rows(exec_, a_.workers,
                    add_start<S>{a_, from, pseudo_sum_.view(), by_cell(count_), by_worker(total_),
                                 by_worker(log_total_)});
    logarithms();
    if (rule == start_rule::replace)
      ops::for_rows(exec_, a_.workers, replace_start<S>{a_, from, floor_, by_cell(log_p_)});
  }
  /// q = log p(answers | class).
  void expect(matrix_view<double, S> q) const {
    csr_view<double, S> const rows = a_.by_task;
    ops::spmm(exec_, rows, matrix_view<double const, S>(by_cell(log_p_)), q);
  }
  /// Logarithm of the Dirichlet density of the matrices, but for its constant.
  double log_prior_density() const {
    return ops::sum_rows(exec_, a_.workers, 1,
                         log_density<S>{a_, pseudo_.view(a_.classes, a_.classes), by_cell(log_p_),
                                        by_worker(log_total_), floor_})[0];
  }
  /// Crowd-Kit's objective, per answer.
  double bound(matrix_view<double const, S> q, vector_view<double const, S> log_prior) const {
    double const cells =
        ops::sum_rows(exec_, a_.cells(), 1, bound_of_cells<S>{by_cell(count_), by_cell(log_p_)})[0];
    auto const tasks = ops::sum_rows(exec_, a_.tasks, 2, bound_of_tasks<S>{a_, q, log_prior});
    return tasks[1] > 0 ? (cells + tasks[0]) / tasks[1] : 0;
  }

  worker_matrices matrices(bool keep_confusions) const {
    std::size_t const classes = a_.classes, workers = a_.workers;
    auto const count = ops::download(exec_, by_cell(count_));
    auto const label = ops::download(exec_, a_.cell_label);
    auto const start = ops::download(exec_, a_.worker_start);
    worker_matrices r;
    r.evidence = ops::download(exec_, by_worker(total_));
    r.row_estimated = matrix<std::uint8_t>(workers, classes);
    r.confusion = keep_confusions ? matrix<double>(workers * classes, classes) : matrix<double>();
    r.transition = matrix<double>(classes, classes);
    r.accuracy = vector<double>(workers, 1 / static_cast<double>(classes));
    r.answered = vector<double>(workers);
    matrix<double> const& pseudo = host_pseudo_;
    matrix<double> own(classes, classes);
    vector<double> seen(classes);
    for (std::size_t w = 0; w < workers; ++w) {
      double right = 0;
      for (std::size_t j = 0; j < classes; ++j)
        for (std::size_t l = 0; l < classes; ++l) own(j, l) = pseudo(l, j);
      for (std::uint64_t c = start[w]; c < start[w + 1]; ++c) {
        for (std::size_t j = 0; j < classes; ++j) own(j, label[c]) += count(c, j);
        right += count(c, label[c]);
      }
      for (std::size_t j = 0; j < classes; ++j) {
        double sum = 0;
        for (std::size_t l = 0; l < classes; ++l) sum += own(j, l);
        double const evidence = r.evidence(w, j);
        r.row_estimated(w, j) = evidence > seen_count;
        r.answered[w] += evidence;
        seen[j] += evidence;
        for (std::size_t l = 0; l < classes; ++l) {
          double const p = own(j, l) / sum;
          if (keep_confusions) r.confusion(w * classes + j, l) = p;
          r.transition(j, l) += evidence * p;
        }
      }
      if (r.answered[w] > 0) r.accuracy[w] = right / r.answered[w];
    }
    for (std::size_t j = 0; j < classes; ++j)
      for (std::size_t l = 0; l < classes; ++l)
        r.transition(j, l) =
            seen[j] > seen_count ? r.transition(j, l) / seen[j] : (j == l ? 1.0 : 0.0);
    return r;
  }

 private:
  using reals = ops::buffer<double, Exec>;
  matrix_view<double, S> by_cell(reals const& b) const { return b.view(a_.cells(), a_.classes); }
  matrix_view<double, S> by_worker(reals const& b) const { return b.view(a_.workers, a_.classes); }
  /// (label, class), never 0.
  static matrix<double> floored(matrix<double> const& pseudo, double floor) {
    matrix<double> out(pseudo.cols(), pseudo.rows());
    for (std::size_t j = 0; j < pseudo.rows(); ++j)
      for (std::size_t l = 0; l < pseudo.cols(); ++l) out(l, j) = pseudo(j, l) + floor;
    return out;
  }
  static vector<double> class_sums(matrix<double> const& m) {
    vector<double> out(m.cols());
    for (std::size_t l = 0; l < m.rows(); ++l)
      for (std::size_t j = 0; j < m.cols(); ++j) out[j] += m(l, j);
    return out;
  }
  void expected_counts(matrix_view<double const, S> q) {
    csr_view<double, S> const rows = a_.by_cell;
    ops::spmm(exec_, rows, q, by_cell(count_));
    ops::for_rows(exec_, a_.workers,
                  total_workers<S>{a_, by_cell(count_), pseudo_sum_.view(), by_worker(total_),
                                   by_worker(log_total_)});
  }
  void logarithms() {
    ops::for_rows(exec_, a_.cells(),
                  log_cells<S>{a_, by_cell(count_), pseudo_.view(a_.classes, a_.classes),
                               by_worker(log_total_), by_cell(log_p_)});
  }

  Exec const& exec_;
  answers_view<S> a_;
  double floor_;
  matrix<double> host_pseudo_;
  reals count_, log_p_, total_, log_total_, pseudo_, pseudo_sum_;
};

}  // namespace limpid::crowd::detail

#endif  // LIMPID_CROWD_DETAIL_CONFUSIONS_HPP
