// SPDX-License-Identifier: BSL-1.0
/// One struct per public function of crowd/, for the properties that hold for all.
#ifndef LIMPID_TESTS_EVERY_CROWD_CASES_HPP
#define LIMPID_TESTS_EVERY_CROWD_CASES_HPP

#include <limpid/crowd/agreement.hpp>
#include <limpid/crowd/answers.hpp>
#include <limpid/crowd/dawid_skene.hpp>
#include <limpid/crowd/fast_dawid_skene.hpp>
#include <limpid/crowd/glad.hpp>
#include <limpid/crowd/label_sets.hpp>
#include <limpid/crowd/mace.hpp>
#include <limpid/crowd/majority_vote.hpp>
#include <limpid/crowd/one_coin.hpp>
#include <limpid/crowd/weighted_vote.hpp>
#include <limpid/ops/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "graph/device_graph.hpp"  // before the device, which looks its overload up

#include "every/flattened.hpp"

namespace limpid_test {

/// The labels on the host: what follows does not depend on the backend.
template <class Policy, class In>
std::vector<std::int32_t> said_labels(Policy const& exec, In const& in) {
  auto&& held = limpid::detail::materialise(in.labels);
  auto const here = limpid::ops::download(
      exec, limpid::vector_view<std::int32_t const, Policy::space>(limpid::view(held)));
  return {here.begin(), here.end()};
}

/// Three answers to each of a third of the tasks, by five workers in turn; one worker and some
/// tasks without any.
inline limpid::crowd::answer_list crowd_list(std::vector<std::int32_t> const& label,
                                             std::size_t classes) {
  std::size_t const n = label.size();
  std::vector<std::int32_t> task(n), worker(n);
  for (std::size_t i = 0; i < n; ++i) {
    task[i] = static_cast<std::int32_t>(i % ((n + 2) / 3) / classes * classes + i % classes);
    worker[i] = static_cast<std::int32_t>(i * 7 % 5);
  }
  return limpid::crowd::answers(task, worker, label,
                                {.classes = classes, .tasks = n + classes, .workers = 6});
}

/// F{}(exec, answers in exec's space, gold in exec's space).
template <class F, class Policy>
std::vector<double> with_list(Policy const& exec, std::vector<std::int32_t> const& label,
                              std::size_t classes) {
  auto const list = crowd_list(label, classes);
  limpid::crowd::answers_in<Policy> const there(exec, list);
  std::vector<std::int32_t> gold(list.tasks, -1);
  for (std::size_t i = 0; i < gold.size(); i += 9) gold[i] = static_cast<std::int32_t>(i % classes);
  auto const known =
      limpid::ops::upload(exec, limpid::vector_view<std::int32_t const>(gold.data(), gold.size()));
  return F{}(exec, there, known.view());
}
template <class F>
struct crowd_case {
  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    return with_list<F>(exec, said_labels(exec, in), in.classes);
  }
};

struct answers_case {
  static constexpr char const* name = "crowd::answers";
  using function = limpid::crowd::answers_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto const a =
        limpid::crowd::answers(exec, in.labels, in.labels, in.labels, {.classes = in.classes});
    auto const w = limpid::crowd::answers(exec, in.labels, in.labels, in.labels, in.weights,
                                          {.classes = in.classes});
    return flattened{} << a.task_start << a.task_cell << a.task_count << a.cell_start << a.cell_task
                       << a.cell_count << a.cell_worker << a.cell_label << a.worker_start << a.total
                       << w.task_count << w.cell_count << w.total;
  }
};

struct majority_vote_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const&) const {
    auto const r = limpid::crowd::majority_vote(exec, a);
    return flattened{} << r.probabilities << r.label << r.tied << r.prior;
  }
};
struct majority_vote_case : crowd_case<majority_vote_call> {
  static constexpr char const* name = "crowd::majority_vote";
  using function = limpid::crowd::majority_vote_fn;
};

struct weighted_vote_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const&) const {
    auto const r = limpid::crowd::weighted_vote(exec, a, {.rounds = 2});
    return flattened{} << r.probabilities << r.label << r.weight << r.prior;
  }
};
struct weighted_vote_case : crowd_case<weighted_vote_call> {
  static constexpr char const* name = "crowd::weighted_vote";
  using function = limpid::crowd::weighted_vote_fn;
};

struct dawid_skene_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const& gold) const {
    auto const r = limpid::crowd::dawid_skene(
        exec, a, gold, {.tolerance = 0, .max_iterations = 5, .smoothing = 0.1});
    return flattened{} << r.probabilities << r.label << r.confusion << r.transition << r.evidence
                       << r.log_likelihood;
  }
};
struct dawid_skene_case : crowd_case<dawid_skene_call> {
  static constexpr char const* name = "crowd::dawid_skene";
  using function = limpid::crowd::dawid_skene_fn;
};

struct fast_dawid_skene_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const& gold) const {
    auto const r = limpid::crowd::fast_dawid_skene(
        exec, a, gold, {.hybrid = true, .max_iterations = 4, .smoothing = 0.1});
    return flattened{} << r.probabilities << r.label << r.transition << r.moved;
  }
};
struct fast_dawid_skene_case : crowd_case<fast_dawid_skene_call> {
  static constexpr char const* name = "crowd::fast_dawid_skene";
  using function = limpid::crowd::fast_dawid_skene_fn;
};

struct one_coin_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const& gold) const {
    auto const r = limpid::crowd::one_coin(exec, a, gold, {.tolerance = 0, .max_iterations = 5});
    return flattened{} << r.probabilities << r.label << r.skill << r.log_likelihood;
  }
};
struct one_coin_case : crowd_case<one_coin_call> {
  static constexpr char const* name = "crowd::one_coin";
  using function = limpid::crowd::one_coin_fn;
};

struct glad_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const& gold) const {
    auto const r = limpid::crowd::glad(
        exec, a, gold, {.tolerance = 0, .max_iterations = 2, .inner_iterations = 2});
    return flattened{} << r.probabilities << r.label << r.ability << r.ease << r.objective;
  }
};
struct glad_case : crowd_case<glad_call> {
  static constexpr char const* name = "crowd::glad";
  using function = limpid::crowd::glad_fn;
};

struct mace_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const& gold) const {
    auto const r =
        limpid::crowd::mace(exec, a, gold, {.restarts = 2, .max_iterations = 4, .tolerance = 0});
    return flattened{} << r.probabilities << r.label << r.competence << r.strategy
                       << r.log_likelihood;
  }
};
struct mace_case : crowd_case<mace_call> {
  static constexpr char const* name = "crowd::mace";
  using function = limpid::crowd::mace_fn;
};

struct label_sets_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const& gold) const {
    auto const r = limpid::crowd::label_sets(exec, a, gold, {.seed = 2});
    return flattened{} << r.aggregate << r.worst << r.random << r.tied << r.random_noise;
  }
};
struct label_sets_case : crowd_case<label_sets_call> {
  static constexpr char const* name = "crowd::label_sets";
  using function = limpid::crowd::label_sets_fn;
};

struct agreement_call {
  template <class Policy, class A, class Gold>
  std::vector<double> operator()(Policy const& exec, A const& a, Gold const&) const {
    auto const r = limpid::crowd::agreement(exec, a);
    return flattened{} << r.observed << r.expected << r.fleiss_kappa << r.fleiss_error
                       << r.krippendorff_alpha << r.class_share << r.worker_agreement;
  }
};
struct agreement_case : crowd_case<agreement_call> {
  static constexpr char const* name = "crowd::agreement";
  using function = limpid::crowd::agreement_fn;
};

struct cohen_kappa_case {
  static constexpr char const* name = "crowd::cohen_kappa";
  using function = limpid::crowd::cohen_kappa_fn;

  template <class Policy, class In>
  static std::vector<double> run(Policy const& exec, In const& in) {
    auto&& held = limpid::detail::materialise(in.labels);
    std::size_t const n = limpid::view(held).size;
    std::vector<std::int32_t> other(n);
    for (std::size_t i = 0; i < n; ++i) other[i] = static_cast<std::int32_t>(i % in.classes);
    auto const b =
        limpid::ops::upload(exec, limpid::vector_view<std::int32_t const>(other.data(), n));
    auto const r = limpid::crowd::cohen_kappa(exec, in.labels, b.view(), {.classes = in.classes});
    return flattened{} << r.counts << r.kappa << r.error;
  }
};

using crowd_cases = std::tuple<answers_case, majority_vote_case, weighted_vote_case,
                               dawid_skene_case, fast_dawid_skene_case, one_coin_case, glad_case,
                               mace_case, label_sets_case, agreement_case, cohen_kappa_case>;

}  // namespace limpid_test

#endif  // LIMPID_TESTS_EVERY_CROWD_CASES_HPP
