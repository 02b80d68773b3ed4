// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/answers.hpp
/// Who gave which label to what: a sparse list of answers, by task and by worker.
#ifndef LIMPID_CROWD_ANSWERS_HPP
#define LIMPID_CROWD_ANSWERS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/spmm.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::crowd {

/// The list seen through its arrays. A cell is a worker with one of the labels that he gave; cells
/// are sorted by worker, then by label. Equal answers are one entry whose value counts them.
template <memory_space Space = memory_space::host>
struct answers_view {
  static constexpr memory_space space = Space;
  std::size_t tasks = 0, workers = 0, classes = 0;
  csr_view<double, Space> by_task;  ///< tasks x cells: what a task was given
  csr_view<double, Space> by_cell;  ///< cells x tasks: the transpose
  vector_view<std::uint32_t const, Space> cell_worker, cell_label;
  vector_view<std::uint64_t const, Space> worker_start;  ///< workers + 1: worker w's first cell

  LIMPID_HD constexpr std::size_t cells() const noexcept { return cell_worker.size; }
  constexpr answers_view view() const noexcept { return *this; }
};

namespace detail {
template <class V>
inline constexpr bool is_answers_view = false;
template <memory_space S>
inline constexpr bool is_answers_view<answers_view<S>> = true;
}  // namespace detail

/// A list of answers: what crowd::answers made, its copy in a policy's space, or their view.
template <class A>
concept answer_source =
    requires(A const& a) { requires detail::is_answers_view<decltype(a.view())>; };

/// The list on the host.
struct answer_list {
  std::size_t tasks = 0, workers = 0, classes = 0;
  vector<std::uint64_t> task_start;    ///< tasks + 1
  vector<std::uint32_t> task_cell;     ///< entries, ascending within a task
  vector<double> task_count;           ///< entries, > 0
  vector<std::uint64_t> cell_start;    ///< cells + 1
  vector<std::uint32_t> cell_task;     ///< entries, ascending within a cell
  vector<double> cell_count;           ///< entries, > 0
  vector<std::uint32_t> cell_worker;   ///< cells
  vector<std::uint32_t> cell_label;    ///< cells
  vector<std::uint64_t> worker_start;  ///< workers + 1
  double total = 0;                    ///< answers, each as often as it was given
  std::size_t unanswered = 0;          ///< tasks without an answer
  std::size_t idle = 0;                ///< workers without an answer
  std::size_t repeated = 0;            ///< answers beyond a worker's first to the same task

  std::size_t cells() const noexcept { return cell_worker.size(); }
  std::size_t entries() const noexcept { return task_cell.size(); }
  answers_view<> view() const noexcept {
    return {tasks,
            workers,
            classes,
            {task_start.view(), task_cell.view(), task_count.view(), cells()},
            {cell_start.view(), cell_task.view(), cell_count.view(), tasks},
            cell_worker.view(),
            cell_label.view(),
            worker_start.view()};
  }
};

/// A copy of a list in `exec`'s space, for policies whose memory is not the host's. exec must
/// outlive it.
template <execution_policy P>
class answers_in {
 public:
  answers_in(P const& exec, answer_list const& a)
      : tasks_(a.tasks),
        workers_(a.workers),
        classes_(a.classes),
        task_start_(ops::upload(exec, a.task_start.view())),
        cell_start_(ops::upload(exec, a.cell_start.view())),
        worker_start_(ops::upload(exec, a.worker_start.view())),
        task_cell_(ops::upload(exec, a.task_cell.view())),
        cell_task_(ops::upload(exec, a.cell_task.view())),
        cell_worker_(ops::upload(exec, a.cell_worker.view())),
        cell_label_(ops::upload(exec, a.cell_label.view())),
        task_count_(ops::upload(exec, a.task_count.view())),
        cell_count_(ops::upload(exec, a.cell_count.view())) {}

  answers_view<P::space> view() const noexcept {
    return {tasks_,
            workers_,
            classes_,
            {task_start_.view(), task_cell_.view(), task_count_.view(), cell_worker_.size()},
            {cell_start_.view(), cell_task_.view(), cell_count_.view(), tasks_},
            cell_worker_.view(),
            cell_label_.view(),
            worker_start_.view()};
  }

 private:
  std::size_t tasks_, workers_, classes_;
  ops::buffer<std::uint64_t, P> task_start_, cell_start_, worker_start_;
  ops::buffer<std::uint32_t, P> task_cell_, cell_task_, cell_worker_, cell_label_;
  ops::buffer<double, P> task_count_, cell_count_;
};

struct answers_options {
  std::size_t classes = 0;  ///< K >= 1; labels are 0..K-1. Never guessed from the labels
  std::size_t tasks = 0;    ///< number of tasks; 0: one more than the largest task number
  std::size_t workers = 0;  ///< number of workers; 0: one more than the largest worker number
};

namespace detail {

inline constexpr std::string_view answers_name = "crowd::answers";

struct raw_answers {
  std::vector<std::uint32_t> task, worker, label;
  std::vector<double> weight;  ///< empty: all 1
};

/// Numbers 0..bound-1 (bound 0: any that 32 bits hold) as 32 bits.
template <class Number>
std::vector<std::uint32_t> numbers(vector<Number> const& from, std::string_view name,
                                   std::size_t bound) {
  std::uint64_t const limit = bound ? bound : (std::numeric_limits<std::uint32_t>::max)();
  std::vector<std::uint32_t> to(from.size());
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (from[i] < 0 || static_cast<std::uint64_t>(from[i]) >= limit)
      limpid::detail::fail(answers_name, ": ", name, " row ", i, " is ", from[i], "; need 0..",
                           limit - 1);
    to[i] = static_cast<std::uint32_t>(from[i]);
  }
  return to;
}

inline std::size_t count_of(std::vector<std::uint32_t> const& numbers, std::size_t given) {
  if (given) return given;
  std::uint32_t most = 0;
  for (std::uint32_t x : numbers) most = x > most ? x : most;
  return numbers.empty() ? 0 : std::size_t{most} + 1;
}

/// An answer and where its weight is. `label` gives way to the cell.
struct entry {
  std::uint32_t task, worker, label, at;
};

/// Sorted by a member, below `bound`; equal ones keep their order. Few digits at a time, so that
/// the places written to stay in the cache. O(n) per 12 bits of the bound.
inline void stable_sort(std::vector<entry>& entries, std::size_t bound,
                        std::uint32_t entry::* member) {
  unsigned bits = 0;
  while (bits < 32 && bound > (std::size_t{1} << bits)) ++bits;
  if (bits == 0) return;
  unsigned const passes = (bits + 11) / 12, width = (bits + passes - 1) / passes;
  std::uint32_t const mask = (std::uint32_t{1} << width) - 1;
  std::vector<entry> sorted(entries.size());
  for (unsigned shift = 0; shift < bits; shift += width) {
    std::vector<std::size_t> place(std::size_t{mask} + 2);
    for (entry const& e : entries) ++place[((e.*member >> shift) & mask) + 1];
    for (std::size_t d = 0; d <= mask; ++d) place[d + 1] += place[d];
    for (entry const& e : entries) sorted[place[(e.*member >> shift) & mask]++] = e;
    entries.swap(sorted);
  }
}

inline answer_list build_answers(raw_answers const& raw, std::size_t tasks, std::size_t workers,
                                 std::size_t classes) {
  answer_list out;
  out.tasks = tasks, out.workers = workers, out.classes = classes;
  std::vector<entry> order;
  order.reserve(raw.task.size());
  for (std::size_t i = 0; i < raw.task.size(); ++i)
    if (raw.weight.empty() || raw.weight[i] > 0)
      order.push_back({raw.task[i], raw.worker[i], raw.label[i], static_cast<std::uint32_t>(i)});

  stable_sort(order, classes, &entry::label);
  stable_sort(order, workers, &entry::worker);
  std::vector<std::uint32_t> cell_worker, cell_label;
  for (entry& e : order) {
    if (cell_worker.empty() || cell_worker.back() != e.worker || cell_label.back() != e.label) {
      cell_worker.push_back(e.worker);
      cell_label.push_back(e.label);
    }
    e.label = static_cast<std::uint32_t>(cell_worker.size() - 1);
  }
  out.worker_start = vector<std::uint64_t>(workers + 1);
  for (std::uint32_t w : cell_worker) ++out.worker_start[w + std::size_t{1}];
  for (std::size_t w = 0; w < workers; ++w) {
    out.idle += out.worker_start[w + 1] == 0;
    out.worker_start[w + 1] += out.worker_start[w];
  }

  stable_sort(order, tasks, &entry::task);
  std::vector<std::uint32_t> task_cell;
  std::vector<double> task_count;
  task_cell.reserve(order.size());
  task_count.reserve(order.size());
  out.task_start = vector<std::uint64_t>(tasks + 1);
  out.cell_start = vector<std::uint64_t>(cell_worker.size() + 1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    entry const& e = order[i];
    double const weight = raw.weight.empty() ? 1 : raw.weight[e.at];
    out.total += weight;
    bool const same_task = i > 0 && order[i - 1].task == e.task;
    out.repeated += same_task && order[i - 1].worker == e.worker;
    if (same_task && order[i - 1].label == e.label) {
      task_count.back() += weight;
      continue;
    }
    task_cell.push_back(e.label);
    task_count.push_back(weight);
    ++out.task_start[e.task + std::size_t{1}];
    ++out.cell_start[e.label + std::size_t{1}];
  }
  for (std::size_t t = 0; t < tasks; ++t) {
    out.unanswered += out.task_start[t + 1] == 0;
    out.task_start[t + 1] += out.task_start[t];
  }
  for (std::size_t c = 0; c < cell_worker.size(); ++c) out.cell_start[c + 1] += out.cell_start[c];

  out.cell_task = vector<std::uint32_t>(task_cell.size());
  out.cell_count = vector<double>(task_cell.size());
  std::vector<std::uint64_t> next(out.cell_start.begin(), out.cell_start.end());
  for (std::size_t t = 0; t < tasks; ++t)
    for (std::uint64_t e = out.task_start[t]; e < out.task_start[t + 1]; ++e) {
      std::uint64_t const at = next[task_cell[e]]++;
      out.cell_task[at] = static_cast<std::uint32_t>(t);
      out.cell_count[at] = task_count[e];
    }
  out.task_cell = vector<std::uint32_t>(std::move(task_cell));
  out.task_count = vector<double>(std::move(task_count));
  out.cell_worker = vector<std::uint32_t>(std::move(cell_worker));
  out.cell_label = vector<std::uint32_t>(std::move(cell_label));
  return out;
}

}  // namespace detail

/// Sorts answers by task and by worker, once for all methods of this family.
///
/// An answer is a triple (task, worker, label), in any order; a task may have any number of them,
/// and a worker may answer a task again: equal answers are counted, different ones are all kept. Or
/// a table with a row per task and a column per worker, negative where the worker gave no answer.
///
/// @param exec     where the arguments live; the list is made on the host
/// @param task     one entry per answer, 0..tasks-1
/// @param worker   one entry per answer, 0..workers-1
/// @param label    one entry per answer, 0..K-1
/// @param weights  one entry per answer, finite, >= 0: an answer of weight 3 was given three times,
///                 one of weight 0 not at all
/// @param options  answers_options; `classes` must be given
/// @return  answer_list
/// @throws  input_error  for different lengths, numbers out of range, bad weights, no classes
/// @par Complexity   O(answers + tasks + workers + K) time and memory
/// @par Determinism  the order of the answers does not matter
struct answers_fn {
  using primitives = uses<ops::copy_fn>;

  template <execution_policy Exec, label_vector T, label_vector W, label_vector L>
  answer_list operator()(Exec const& exec, T const& task, W const& worker, L const& label,
                         answers_options const& options) const {
    limpid::detail::enter<answers_fn, Exec, T, W, L>();
    return finish(triples(exec, task, worker, label, options), options);
  }

  template <execution_policy Exec, label_vector T, label_vector W, label_vector L, real_vector V>
  answer_list operator()(Exec const& exec, T const& task, W const& worker, L const& label,
                         V const& weights, answers_options const& options) const {
    limpid::detail::enter<answers_fn, Exec, T, W, L, V>();
    auto raw = triples(exec, task, worker, label, options);
    auto const weight = host_copy(exec, weights);
    same_length("weights", weight.size(), raw.task.size());
    raw.weight.resize(weight.size());
    for (std::size_t i = 0; i < weight.size(); ++i) {
      auto const w = static_cast<double>(weight[i]);
      limpid::detail::require(w >= 0 && w <= (std::numeric_limits<double>::max)(),
                              detail::answers_name, "weights row ", i, " is ", w,
                              "; weights must be finite and at least 0");
      raw.weight[i] = w;
    }
    return finish(std::move(raw), options);
  }

  template <execution_policy Exec, tensor_matrix M>
    requires class_number<value_t<M>>
  answer_list operator()(Exec const& exec, M const& table, answers_options const& options) const {
    limpid::detail::enter<answers_fn, Exec, M>();
    check_classes(options);
    auto&& held = limpid::detail::materialise(table);
    matrix_view<value_t<M> const, Exec::space> const seen = limpid::view(held);
    auto const given = ops::download(exec, seen);
    answers_options all = options;
    limpid::detail::require(!options.tasks || options.tasks == given.rows(), detail::answers_name,
                            "options.tasks is ", options.tasks, ", the table has ", given.rows(),
                            " rows");
    limpid::detail::require(!options.workers || options.workers == given.cols(),
                            detail::answers_name, "options.workers is ", options.workers,
                            ", the table has ", given.cols(), " columns");
    all.tasks = given.rows(), all.workers = given.cols();
    limpid::detail::require(all.tasks * all.workers < (std::numeric_limits<std::uint32_t>::max)(),
                            detail::answers_name, "more than 2^32 - 2 answers");
    detail::raw_answers raw;
    for (std::size_t t = 0; t < given.rows(); ++t)
      for (std::size_t w = 0; w < given.cols(); ++w) {
        auto const label = given(t, w);
        if (label < 0) continue;
        limpid::detail::require(static_cast<std::uint64_t>(label) < options.classes,
                                detail::answers_name, "table row ", t, " has the label ", label,
                                "; need 0..", options.classes - 1, ", or negative for no answer");
        raw.task.push_back(static_cast<std::uint32_t>(t));
        raw.worker.push_back(static_cast<std::uint32_t>(w));
        raw.label.push_back(static_cast<std::uint32_t>(label));
      }
    return detail::build_answers(raw, all.tasks, all.workers, all.classes);
  }

  template <label_vector T, label_vector W, label_vector L>
  answer_list operator()(T const& task, W const& worker, L const& label,
                         answers_options const& options) const {
    return (*this)(default_policy, task, worker, label, options);
  }
  template <label_vector T, label_vector W, label_vector L, real_vector V>
  answer_list operator()(T const& task, W const& worker, L const& label, V const& weights,
                         answers_options const& options) const {
    return (*this)(default_policy, task, worker, label, weights, options);
  }
  template <tensor_matrix M>
    requires class_number<value_t<M>>
  answer_list operator()(M const& table, answers_options const& options) const {
    return (*this)(default_policy, table, options);
  }

 private:
  static void same_length(std::string_view name, std::size_t rows, std::size_t tasks) {
    limpid::detail::require(rows == tasks, detail::answers_name, "task has ", tasks, " rows, ",
                            name, " has ", rows);
  }
  static void check_classes(answers_options const& options) {
    limpid::detail::require(options.classes >= 1 && options.classes < 0x7fffffffu,
                            detail::answers_name, "options.classes is ", options.classes,
                            "; need 1..2147483646");
  }
  template <class Exec, class V>
  static auto host_copy(Exec const& exec, V const& values) {
    auto&& held = limpid::detail::materialise(values);
    vector_view<value_t<V> const, Exec::space> const seen = limpid::view(held);
    return ops::download(exec, seen);
  }
  template <class Exec, class T, class W, class L>
  static detail::raw_answers triples(Exec const& exec, T const& task, W const& worker,
                                     L const& label, answers_options const& options) {
    check_classes(options);
    auto const t = host_copy(exec, task);
    auto const w = host_copy(exec, worker);
    auto const l = host_copy(exec, label);
    limpid::detail::require(t.size() < (std::numeric_limits<std::uint32_t>::max)(),
                            detail::answers_name, "more than 2^32 - 2 answers");
    same_length("worker", w.size(), t.size());
    same_length("label", l.size(), t.size());
    return {detail::numbers(t, "task", options.tasks),
            detail::numbers(w, "worker", options.workers),
            detail::numbers(l, "label", options.classes),
            {}};
  }
  static answer_list finish(detail::raw_answers raw, answers_options const& options) {
    return detail::build_answers(raw, detail::count_of(raw.task, options.tasks),
                                 detail::count_of(raw.worker, options.workers), options.classes);
  }
};
inline constexpr answers_fn answers{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_ANSWERS_HPP
