// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/detail/passes.hpp
/// The passes over tasks, cells and workers that the methods of this family share.
///
/// q is tasks x K: what is believed of each task's true class. gold[t] is its class where it is
/// known, negative elsewhere; no data = never.
#ifndef LIMPID_CROWD_DETAIL_PASSES_HPP
#define LIMPID_CROWD_DETAIL_PASSES_HPP

#include <limpid/core/progress.hpp>
#include <limpid/crowd/answers.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/spmm.hpp>
#include <limpid/simd/math.hpp>
#include <limpid/simd/rows.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace limpid::crowd::detail {

/// What a public function asks of its list and its other arguments; the list's view.
template <class Fn, class P, class... Tensors, class A>
auto enter(A const& list) {
  limpid::detail::enter<Fn, P, Tensors...>();
  static_assert(
      decltype(list.view())::space == std::remove_cvref_t<P>::space,
      "limpid: the policy and the answers are in different memory spaces; use crowd::answers_in");
  return list.view();
}

/// Gold labels as codes in the policy's space.
template <class Exec, class G>
auto gold_codes(Exec const& exec, std::string_view where, G const& gold, std::size_t tasks,
                std::size_t classes) {
  auto&& held = limpid::detail::materialise(gold);
  vector_view<value_t<G> const, Exec::space> const seen = limpid::view(held);
  limpid::detail::require(seen.size == tasks, where, "gold has ", seen.size,
                          " rows, the answers have ", tasks, " tasks");
  return ops::check_labels(exec, where, "gold", seen, classes, true);
}

template <memory_space S>
struct task_rows {
  answers_view<S> a;
  vector_view<std::int32_t const, S> gold;
  LIMPID_HD bool is_gold(std::size_t t) const { return gold.data && gold[t] >= 0; }
  LIMPID_HD bool answered(std::size_t t) const {
    return a.by_task.start[t] < a.by_task.start[t + 1];
  }
  /// Does the task say anything about the classes?
  LIMPID_HD bool informs(std::size_t t) const { return is_gold(t) || answered(t); }
};

/// sum_rows: q = shares of the task's answers, each weighed by its worker where weights are given;
/// 1 / K without an answer. Sums: K of q and the number of tasks, over tasks that say something.
template <memory_space S>
struct share_rows {
  task_rows<S> tasks;
  vector_view<double const, S> worker_weight;  ///< no data: 1
  matrix_view<double, S> q;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    auto const& a = tasks.a;
    double* const row = &q(t, 0);
    for (std::size_t j = 0; j < q.cols; ++j) row[j] = 0;
    double total = 0;
    if (tasks.is_gold(t)) {
      row[tasks.gold[t]] = total = 1;
    } else {
      for (std::uint64_t e = a.by_task.start[t]; e < a.by_task.start[t + 1]; ++e) {
        std::uint32_t const c = a.by_task.col[e];
        double const w =
            a.by_task.value[e] * (worker_weight.data ? worker_weight[a.cell_worker[c]] : 1.0);
        row[a.cell_label[c]] += w;
        total += w;
      }
    }
    for (std::size_t j = 0; j < q.cols; ++j)
      row[j] = total > 0 ? row[j] / total : 1 / static_cast<double>(q.cols);
    if (!tasks.informs(t)) return;
    for (std::size_t j = 0; j < q.cols; ++j) sums[j] += row[j];
    sums[q.cols] += 1;
  }
};

/// sum_rows: q holds log p(answers | class); becomes p(class | answers), one-hot where the class is
/// known. Sums: K of q and the number of tasks as in share_rows, then the log-likelihood, the tasks
/// with gold and answers, and of these those whose answers alone name the gold class.
template <memory_space S>
struct posterior_rows {
  task_rows<S> tasks;
  vector_view<double const, S> log_prior;
  matrix_view<double, S> q;  ///< row-major without padding

  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    std::size_t const classes = q.cols;
    double* const row = &q(t, 0);
    double top = -std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < classes; ++j) {
      row[j] += log_prior[j];
      top = row[j] > top ? row[j] : top;
    }
    if (tasks.is_gold(t)) {
      double const known = row[tasks.gold[t]];
      add_gold(t, row, known, known == top, sums);
      return;
    }
    double sum = 0;
    for (std::size_t j = 0; j < classes; ++j) sum += row[j] = std::exp(row[j] - top);
    for (std::size_t j = 0; j < classes; ++j) row[j] /= sum;
    if (!tasks.answered(t)) return;
    add(row, sums);
    sums[classes + 1] += top + std::log(sum);
  }

  /// The largest entry of softmax is 1 / sum: its logarithm gives the log-likelihood.
  void rows(std::size_t begin, std::size_t end, double* sums) const
    requires(S == memory_space::host)
  {
    constexpr std::size_t block = 128;
    std::size_t const classes = q.cols;
    double top[block], share[block], known[block];
    std::size_t best[block];
    for (std::size_t first = begin; first < end; first += block) {
      std::size_t const count = end - first < block ? end - first : block;
      double* const at = &q(first, 0);
      for (std::size_t r = 0; r < count; ++r) {
        double* const row = at + r * classes;
        std::size_t arg = 0;
        for (std::size_t j = 0; j < classes; ++j) {
          row[j] += log_prior[j];
          arg = row[j] > row[arg] ? j : arg;
        }
        best[r] = arg, top[r] = row[arg];
        if (tasks.is_gold(first + r)) known[r] = row[tasks.gold[first + r]];
      }
      lanes::softmax(static_cast<double const*>(at), classes, at, classes, count, classes);
      for (std::size_t r = 0; r < count; ++r) share[r] = at[r * classes + best[r]];
      lanes::log(static_cast<double const*>(share), share, count);
      for (std::size_t r = 0; r < count; ++r) {
        double* const row = at + r * classes;
        if (tasks.is_gold(first + r)) {
          add_gold(first + r, row, known[r], known[r] == top[r], sums);
        } else if (tasks.answered(first + r)) {
          add(row, sums);
          sums[classes + 1] += top[r] - share[r];
        }
      }
    }
  }

 private:
  LIMPID_HD void add(double const* row, double* sums) const {
    for (std::size_t j = 0; j < q.cols; ++j) sums[j] += row[j];
    sums[q.cols] += 1;
  }
  LIMPID_HD void add_gold(std::size_t t, double* row, double joint, bool agrees,
                          double* sums) const {
    for (std::size_t j = 0; j < q.cols; ++j) row[j] = 0;
    row[tasks.gold[t]] = 1;
    add(row, sums);
    sums[q.cols + 1] += joint;
    if (!tasks.answered(t)) return;
    sums[q.cols + 2] += 1;
    sums[q.cols + 3] += agrees;
  }
};

/// for_rows: tasks without gold count less.
template <memory_space S>
struct weigh_shares {
  task_rows<S> tasks;
  double weight;
  matrix_view<double, S> q;
  LIMPID_HD void operator()(std::size_t t) const {
    if (tasks.is_gold(t)) return;
    for (std::size_t j = 0; j < q.cols; ++j) q(t, j) *= weight;
  }
};

/// for_rows over cells: the expected share of right answers, M_c = sum over the cell's answers of
/// q(task, label), and how many answers there are.
template <memory_space S>
struct match_cells {
  answers_view<S> a;
  matrix_view<double const, S> q;
  vector_view<double, S> match, count;
  LIMPID_HD void operator()(std::size_t c) const {
    double sum = 0, all = 0;
    std::uint32_t const label = a.cell_label[c];
    for (std::uint64_t e = a.by_cell.start[c]; e < a.by_cell.start[c + 1]; ++e) {
      sum += a.by_cell.value[e] * q(a.by_cell.col[e], label);
      all += a.by_cell.value[e];
    }
    match[c] = sum;
    count[c] = all;
  }
};

/// for_rows over tasks, where an answer's probability depends on whether it is right alone: row t
/// of q becomes log p(answers | class), from `off` = log p(answer | it is wrong) and `gain` = log
/// p(answer | it is right) - off of each cell. O(answers of the task + K).
template <memory_space S>
struct score_tasks {
  answers_view<S> a;
  vector_view<double const, S> off, gain;
  matrix_view<double, S> q;
  LIMPID_HD void operator()(std::size_t t) const {
    double* const row = &q(t, 0);
    double base = 0;
    for (std::size_t j = 0; j < q.cols; ++j) row[j] = 0;
    for (std::uint64_t e = a.by_task.start[t]; e < a.by_task.start[t + 1]; ++e) {
      std::uint32_t const c = a.by_task.col[e];
      base += a.by_task.value[e] * off[c];
      row[a.cell_label[c]] += a.by_task.value[e] * gain[c];
    }
    for (std::size_t j = 0; j < q.cols; ++j) row[j] += base;
  }
};

/// for_rows: the class with the largest q, the lowest of equal ones; -1 where nothing was said.
/// `tied`: more than one class has it.
template <memory_space S>
struct choose_rows {
  task_rows<S> tasks;
  matrix_view<double const, S> q;
  vector_view<std::int32_t, S> label;
  vector_view<std::uint8_t, S> tied;  ///< no data: not asked for
  LIMPID_HD void operator()(std::size_t t) const {
    std::size_t best = 0, equal = 1;
    for (std::size_t j = 1; j < q.cols; ++j) {
      if (q(t, j) > q(t, best))
        best = j, equal = 1;
      else if (q(t, j) == q(t, best))
        ++equal;
    }
    bool const said = tasks.informs(t);
    label[t] = said ? static_cast<std::int32_t>(best) : -1;
    if (tied.data) tied[t] = said && equal > 1;
  }
};

/// The labels that choose_rows names, on the host.
template <class Exec, memory_space S>
vector<std::int32_t> chosen(Exec const& exec, task_rows<S> tasks, matrix_view<double, S> q) {
  auto const label = ops::make_buffer<std::int32_t>(exec, q.rows);
  ops::for_rows(exec, q.rows, choose_rows<S>{tasks, q, label.view(), {}});
  return ops::download(exec, label.view());
}

inline void check_iterations(std::string_view where, double tolerance, int max_iterations) {
  limpid::detail::require(tolerance >= 0 && tolerance < 1e300, where, "options.tolerance is ",
                          tolerance, "; need a finite number >= 0");
  limpid::detail::require(max_iterations >= 1, where, "options.max_iterations is ", max_iterations,
                          "; need at least 1");
}

/// The mean of q over tasks that say something, from the sums; even where there is none.
inline vector<double> mean_of(std::vector<double> const& sums, std::size_t classes,
                              double pseudo = 0) {
  vector<double> prior(classes);
  double const n = sums[classes] + pseudo * static_cast<double>(classes);
  for (std::size_t j = 0; j < classes; ++j)
    prior[j] = n > 0 ? (sums[j] + pseudo) / n : 1 / static_cast<double>(classes);
  return prior;
}
inline vector<double> logs_of(vector<double> const& prior) {
  vector<double> out(prior.size());
  for (std::size_t j = 0; j < out.size(); ++j) out[j] = std::log(prior[j]);
  return out;
}

/// Which class each row of the K x K matrix would rather be: the assignment of rows to columns with
/// the largest sum of entries (Kuhn's method with potentials, O(K^3)). The identity wherever it is
/// as good.
inline std::vector<std::size_t> best_assignment(matrix<double> const& m) {
  std::size_t const size = m.rows();
  std::vector<std::size_t> to(size);
  bool dominant = true;
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = i;
    for (std::size_t j = 0; j < size; ++j) dominant = dominant && m(i, j) <= m(i, i);
  }
  if (dominant) return to;
  double const none = std::numeric_limits<double>::infinity();
  std::vector<double> u(size + 1), v(size + 1);
  std::vector<std::size_t> row_of(size + 1), way(size + 1);  // 1-based; column 0 is the start
  for (std::size_t i = 1; i <= size; ++i) {
    std::vector<double> least(size + 1, none);
    std::vector<char> used(size + 1);
    std::size_t at = 0;
    row_of[0] = i;
    while (row_of[at]) {
      used[at] = 1;
      std::size_t const row = row_of[at];
      std::size_t next = 0;
      double step = none;
      for (std::size_t j = 1; j <= size; ++j) {
        if (used[j]) continue;
        double const cost = -m(row - 1, j - 1) - u[row] - v[j];
        if (cost < least[j]) least[j] = cost, way[j] = at;
        if (least[j] < step) step = least[j], next = j;
      }
      for (std::size_t j = 0; j <= size; ++j) {
        if (used[j])
          u[row_of[j]] += step, v[j] -= step;
        else
          least[j] -= step;
      }
      at = next;
    }
    while (at) {
      row_of[at] = row_of[way[at]];
      at = way[at];
    }
  }
  double identity = 0, found = 0;
  for (std::size_t i = 0; i < size; ++i) identity += m(i, i);
  std::vector<std::size_t> best(size);
  for (std::size_t j = 1; j <= size; ++j) {
    best[row_of[j] - 1] = j - 1;
    found += m(row_of[j] - 1, j - 1);
  }
  return found > identity + 1e-9 ? best : to;
}

}  // namespace limpid::crowd::detail

#endif  // LIMPID_CROWD_DETAIL_PASSES_HPP
