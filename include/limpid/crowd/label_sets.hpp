// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/label_sets.hpp
/// One label per task by CIFAR-N's rules: the majority, a random answer, a wrong answer.
#ifndef LIMPID_CROWD_LABEL_SETS_HPP
#define LIMPID_CROWD_LABEL_SETS_HPP

#include <limpid/core/random.hpp>
#include <limpid/crowd/detail/passes.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpid::crowd {

/// Which of several wrong answers is the worst label.
enum class worst_rule {
  random,  ///< any of them, each answer as likely: the paper's
  last     ///< of the worker with the highest number, his highest label: the released CIFAR-10N
           ///< file's, with a worker per column
};

struct label_sets_options {
  std::uint64_t seed = 0;
  worst_rule worst = worst_rule::random;
  std::size_t random = 3;  ///< how many random labels, 1..16
};

struct label_sets_result {
  vector<std::int32_t> aggregate;  ///< tasks, the label of most answers, drawn among equal ones; -1
                                   ///< without an answer
  vector<std::int32_t>
      worst;  ///< tasks, a wrong answer, else the true class; -1 without truth or answers
  matrix<std::int32_t>
      random;  ///< tasks x random, answers drawn without replacement; -1 where they have run out
  vector<std::uint8_t> tied;  ///< tasks, 1: the aggregate was drawn among several labels
  double aggregate_noise =
      0;  ///< share of wrong labels among those that are not -1 and whose truth is known
  double worst_noise = 0;
  vector<double> random_noise;  ///< random
};

namespace detail {

template <memory_space S>
struct aggregate_row {
  task_rows<S> tasks;
  matrix_view<double const, S> q;
  std::uint64_t seed;
  vector_view<std::int32_t, S> label;
  vector_view<std::uint8_t, S> tied;
  LIMPID_HD void operator()(std::size_t t) const {
    label[t] = -1;
    tied[t] = 0;
    if (!tasks.answered(t)) return;
    double top = 0;
    std::size_t equal = 0;
    for (std::size_t j = 0; j < q.cols; ++j) {
      if (q(t, j) > top) top = q(t, j), equal = 0;
      equal += q(t, j) == top;
    }
    random_stream draw(seed, 0, t);
    std::size_t left = equal > 1 ? static_cast<std::size_t>(draw.below(equal)) : 0;
    tied[t] = equal > 1;
    for (std::size_t j = 0; j < q.cols; ++j)
      if (q(t, j) == top && left-- == 0) {
        label[t] = static_cast<std::int32_t>(j);
        return;
      }
  }
};

template <memory_space S>
struct worst_row {
  answers_view<S> a;
  vector_view<std::int32_t const, S> truth;
  worst_rule rule;
  std::uint64_t seed;
  vector_view<std::int32_t, S> label;
  LIMPID_HD void operator()(std::size_t t) const {
    std::uint64_t const begin = a.by_task.start[t], end = a.by_task.start[t + 1];
    label[t] = begin < end ? truth[t] : -1;
    if (truth[t] < 0) return;
    double wrong = 0;
    for (std::uint64_t e = begin; e < end; ++e) wrong += is_wrong(t, e) ? a.by_task.value[e] : 0;
    if (!(wrong > 0)) return;
    random_stream draw(seed, 1, t);
    double left = draw.uniform() * wrong;
    for (std::uint64_t e = begin; e < end; ++e) {
      if (!is_wrong(t, e)) continue;
      label[t] = static_cast<std::int32_t>(a.cell_label[a.by_task.col[e]]);
      left -= a.by_task.value[e];
      if (rule == worst_rule::random && left < 0) return;
    }
  }

 private:
  LIMPID_HD bool is_wrong(std::size_t t, std::uint64_t e) const {
    return static_cast<std::int32_t>(a.cell_label[a.by_task.col[e]]) != truth[t];
  }
};

/// Draws among what is left of each entry; an entry that was drawn has one answer less.
template <memory_space S>
struct random_row {
  answers_view<S> a;
  std::uint64_t seed;
  matrix_view<std::int32_t, S> label;
  LIMPID_HD void operator()(std::size_t t) const {
    std::uint64_t const begin = a.by_task.start[t], end = a.by_task.start[t + 1];
    random_stream draw(seed, 2, t);
    std::uint64_t taken[16] = {};
    for (std::size_t r = 0; r < label.cols; ++r) {
      double all = 0;
      for (std::uint64_t e = begin; e < end; ++e) all += left(e, taken, r);
      label(t, r) = -1;
      taken[r] = end;
      if (!(all > 0)) continue;
      double rest = draw.uniform() * all;
      for (std::uint64_t e = begin; e < end; ++e) {
        double const here = left(e, taken, r);
        if (!(here > 0)) continue;
        taken[r] = e;
        rest -= here;
        if (rest < 0) break;
      }
      label(t, r) = static_cast<std::int32_t>(a.cell_label[a.by_task.col[taken[r]]]);
    }
  }

 private:
  LIMPID_HD double left(std::uint64_t e, std::uint64_t const* taken, std::size_t count) const {
    double some = a.by_task.value[e];
    for (std::size_t r = 0; r < count; ++r) some -= taken[r] == e ? 1 : 0;
    return some > 0 ? some : 0;
  }
};

/// Sums: wrong labels and known ones, of the aggregate, of the worst, of each random set.
template <memory_space S>
struct wrong_labels {
  vector_view<std::int32_t const, S> truth, aggregate, worst;
  matrix_view<std::int32_t const, S> random;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    if (truth[t] < 0) return;
    add(t, aggregate[t], sums);
    add(t, worst[t], sums + 2);
    for (std::size_t r = 0; r < random.cols; ++r) add(t, random(t, r), sums + 4 + 2 * r);
  }

 private:
  LIMPID_HD void add(std::size_t t, std::int32_t label, double* sums) const {
    if (label < 0) return;
    sums[0] += label != truth[t];
    sums[1] += 1;
  }
};

}  // namespace detail

/// The noisy label sets of CIFAR-N, from answers and true classes: `aggregate`, `random` 1, 2, ...,
/// and `worst`.
///
/// Real human noise at several rates from one collection: the worst labels are wrong wherever any
/// answer is, the aggregate only where most answers are. In the released CIFAR-10N file ties are
/// not drawn evenly, and the worst label is the last wrong one.
///
/// @param exec     where to run
/// @param list     crowd::answers' result
/// @param truth    tasks, 0..K-1, negative where it is not known
/// @param options  label_sets_options
/// @return  label_sets_result
/// @throws  input_error  for labels, options outside their intervals
/// @par Complexity   O(answers (1 + random^2) + tasks K)
/// @par Determinism  draws are keyed by seed and task: the same for any policy and number of
/// threads
/// @par Source       J. Wei et al., "Learning with noisy labels revisited: a study using real-world
/// human annotations", ICLR
///                   2022, Section 3
struct label_sets_fn {
  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A, label_vector L>
  label_sets_result operator()(Exec const& exec, A const& list, L const& truth,
                               label_sets_options const& options = {}) const {
    auto const a = detail::enter<label_sets_fn, Exec, L>(list);
    auto&& held = limpid::detail::materialise(truth);
    vector_view<value_t<L> const, Exec::space> const seen = limpid::view(held);
    limpid::detail::require(seen.size == a.tasks, where, "truth has ", seen.size,
                            " rows, the answers have ", a.tasks, " tasks");
    auto const codes = ops::check_labels(exec, where, "truth", seen, a.classes, true);
    return run(exec, a, codes.view(), options);
  }
  template <answer_source A, label_vector L>
  label_sets_result operator()(A const& list, L const& truth,
                               label_sets_options const& options = {}) const {
    return (*this)(default_policy, list, truth, options);
  }

 private:
  static constexpr std::string_view where = "crowd::label_sets";

  template <class Exec>
  static label_sets_result run(Exec const& exec, answers_view<Exec::space> a,
                               vector_view<std::int32_t const, Exec::space> truth,
                               label_sets_options const& options) {
    constexpr auto S = Exec::space;
    limpid::detail::require(options.random >= 1 && options.random <= 16, where,
                            "options.random is ", options.random, "; need 1..16");
    auto const shares = ops::make_buffer<double>(exec, a.tasks * a.classes);
    auto const aggregate = ops::make_buffer<std::int32_t>(exec, a.tasks),
               worst = ops::make_buffer<std::int32_t>(exec, a.tasks);
    auto const drawn = ops::make_buffer<std::int32_t>(exec, a.tasks * options.random);
    auto const tied = ops::make_buffer<std::uint8_t>(exec, a.tasks);
    auto const q = shares.view(a.tasks, a.classes);
    auto const random = drawn.view(a.tasks, options.random);
    detail::task_rows<S> const tasks{a, {}};
    (void)ops::sum_rows(exec, a.tasks, a.classes + 1, detail::share_rows<S>{tasks, {}, q});
    ops::for_rows(exec, a.tasks,
                  detail::aggregate_row<S>{tasks, q, options.seed, aggregate.view(), tied.view()});
    ops::for_rows(exec, a.tasks,
                  detail::worst_row<S>{a, truth, options.worst, options.seed, worst.view()});
    ops::for_rows(exec, a.tasks, detail::random_row<S>{a, options.seed, random});
    auto const sums =
        ops::sum_rows(exec, a.tasks, 4 + 2 * options.random,
                      detail::wrong_labels<S>{truth, aggregate.view(), worst.view(), random});
    label_sets_result r;
    r.aggregate = ops::download(exec, aggregate.view());
    r.worst = ops::download(exec, worst.view());
    r.random = ops::download(exec, random);
    r.tied = ops::download(exec, tied.view());
    auto const rate = [&](std::size_t at) {
      return sums[at + 1] > 0 ? sums[at] / sums[at + 1] : 0;
    };
    r.aggregate_noise = rate(0);
    r.worst_noise = rate(2);
    r.random_noise = vector<double>(options.random);
    for (std::size_t i = 0; i < options.random; ++i) r.random_noise[i] = rate(4 + 2 * i);
    return r;
  }
};
inline constexpr label_sets_fn label_sets{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_LABEL_SETS_HPP
