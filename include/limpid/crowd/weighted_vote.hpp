// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/weighted_vote.hpp
/// The majority, with workers who count more or less.
#ifndef LIMPID_CROWD_WEIGHTED_VOTE_HPP
#define LIMPID_CROWD_WEIGHTED_VOTE_HPP

#include <limpid/crowd/detail/skills.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpid::crowd {

struct weighted_vote_options {
  int rounds =
      1;  ///< without weights: how often they are taken from the agreement with the vote; >= 1
  bool validate = true;  ///< look for bad weights first
};

/// K classes.
struct weighted_vote_result {
  matrix<double> probabilities;  ///< tasks x K, weighted shares of the answers; 1 / K where no
                                 ///< answer has weight
  vector<std::int32_t>
      label;  ///< tasks, the largest share, the lowest class of equal ones; -1 without an answer
  vector<std::uint8_t> tied;   ///< tasks, 1: several classes have the largest share
  vector<double> weight;       ///< workers, what was used
  vector<double> prior;        ///< K, mean of the shares over tasks with answers
  std::size_t ties = 0;        ///< tasks that are tied
  std::size_t unanswered = 0;  ///< tasks without an answer
};

/// Shares of the answers, weighed by worker: \f$ q_{tj} \propto \sum_w a_w r_{wtj} \f$.
///
/// The weights are the caller's, or come from the answers: a worker's mean share of the vote for
/// what he said, from the plain vote first ("worker agreement with the aggregate"), then from the
/// weighted one for further rounds.
///
/// @param exec     where to run
/// @param list     crowd::answers' result
/// @param weights  workers, finite, >= 0; may be left out
/// @param options  weighted_vote_options
/// @return  weighted_vote_result
/// @throws  input_error  for a wrong number of weights, bad weights, options outside their
/// intervals
/// @par Complexity   O(answers + tasks K) per round
/// @par Determinism  bitwise for any number of threads
/// @par Source       the weighted majority vote of the crowd-sourcing literature; Crowd-Kit's Wawa
/// is one round with hard votes
struct weighted_vote_fn {
  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A, real_vector W>
  weighted_vote_result operator()(Exec const& exec, A const& list, W const& weights,
                                  weighted_vote_options const& options = {}) const {
    auto const a = detail::enter<weighted_vote_fn, Exec, W>(list);
    auto&& held = limpid::detail::materialise(weights);
    vector_view<value_t<W> const, Exec::space> const given = limpid::view(held);
    limpid::detail::require(given.size == a.workers, where, "weights has ", given.size,
                            " rows, the answers have ", a.workers, " workers");
    if (options.validate) ops::check_weights(exec, where, "weights", given);
    auto const own = ops::download(exec, given);
    vector<double> weight(own.size());
    for (std::size_t w = 0; w < own.size(); ++w) weight[w] = static_cast<double>(own[w]);
    return run(exec, a, &weight, options);
  }
  template <execution_policy Exec, answer_source A>
  weighted_vote_result operator()(Exec const& exec, A const& list,
                                  weighted_vote_options const& options = {}) const {
    return run(exec, detail::enter<weighted_vote_fn, Exec>(list), nullptr, options);
  }
  template <answer_source A, real_vector W>
  weighted_vote_result operator()(A const& list, W const& weights,
                                  weighted_vote_options const& options = {}) const {
    return (*this)(default_policy, list, weights, options);
  }
  template <answer_source A>
  weighted_vote_result operator()(A const& list, weighted_vote_options const& options = {}) const {
    return (*this)(default_policy, list, options);
  }

 private:
  static constexpr std::string_view where = "crowd::weighted_vote";

  template <class Exec>
  static weighted_vote_result run(Exec const& exec, answers_view<Exec::space> a,
                                  vector<double> const* given,
                                  weighted_vote_options const& options) {
    constexpr auto S = Exec::space;
    limpid::detail::require(options.rounds >= 1, where, "options.rounds is ", options.rounds,
                            "; need at least 1");
    auto const cells = ops::make_buffer<double>(exec, a.tasks * a.classes);
    auto const label = ops::make_buffer<std::int32_t>(exec, a.tasks);
    auto const tied = ops::make_buffer<std::uint8_t>(exec, a.tasks);
    auto const q = cells.view(a.tasks, a.classes);
    detail::task_rows<S> const tasks{a, {}};
    auto const vote = [&](vector_view<double const, S> weights) {
      return ops::sum_rows(exec, a.tasks, a.classes + 1, detail::share_rows<S>{tasks, weights, q});
    };
    weighted_vote_result r;
    std::vector<double> sums;
    if (given) {
      r.weight = *given;
      auto const weights = ops::upload(exec, given->view());
      sums = vote(weights.view());
    } else {
      auto const match = ops::make_buffer<double>(exec, a.cells()),
                 count = ops::make_buffer<double>(exec, a.cells());
      auto const weights = ops::make_buffer<double>(exec, a.workers),
                 all = ops::make_buffer<double>(exec, a.workers);
      sums = vote({});
      for (int round = 0; round < options.rounds; ++round) {
        ops::for_rows(exec, a.cells(), detail::match_cells<S>{a, q, match.view(), count.view()});
        ops::for_rows(
            exec, a.workers,
            detail::skill_of_worker<S>{a, match.view(), count.view(), weights.view(), all.view()});
        sums = vote(weights.view());
      }
      r.weight = ops::download(exec, weights.view());
    }
    ops::for_rows(exec, a.tasks, detail::choose_rows<S>{tasks, q, label.view(), tied.view()});
    r.probabilities = ops::download(exec, q);
    r.label = ops::download(exec, label.view());
    r.tied = ops::download(exec, tied.view());
    r.prior = detail::mean_of(sums, a.classes);
    for (std::uint8_t t : r.tied) r.ties += t;
    for (std::int32_t l : r.label) r.unanswered += l < 0;
    return r;
  }
};
inline constexpr weighted_vote_fn weighted_vote{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_WEIGHTED_VOTE_HPP
