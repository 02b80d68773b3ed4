// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/majority_vote.hpp
/// The label that most answers name.
#ifndef LIMPID_CROWD_MAJORITY_VOTE_HPP
#define LIMPID_CROWD_MAJORITY_VOTE_HPP

#include <limpid/crowd/detail/passes.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid::crowd {

struct majority_vote_result {
  matrix<double> probabilities;  ///< tasks x K, shares of the answers; 1 / K without an answer
  vector<std::int32_t>
      label;  ///< tasks, the largest share, the lowest class of equal ones; -1 without an answer
  vector<std::uint8_t> tied;   ///< tasks, 1: several classes have the largest share
  vector<double> prior;        ///< K, mean of the shares over tasks with answers
  std::size_t ties = 0;        ///< tasks that are tied
  std::size_t unanswered = 0;  ///< tasks without an answer
};

/// Shares of the answers that name each class: \f$ q_{tj} = \frac1{n_t} \sum_w r_{wtj} \f$.
///
/// @param exec  where to run
/// @param list  crowd::answers' result
/// @return  majority_vote_result
/// @par Complexity   O(answers + tasks K) time and memory
/// @par Determinism  bitwise for any number of threads
/// @par Source       the rule that every method here starts from; ties are reported, not drawn:
/// label_sets draws them
struct majority_vote_fn {
  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A>
  majority_vote_result operator()(Exec const& exec, A const& list) const {
    return run(exec, detail::enter<majority_vote_fn, Exec>(list));
  }
  template <answer_source A>
  majority_vote_result operator()(A const& list) const {
    return (*this)(default_policy, list);
  }

 private:
  template <class Exec>
  static majority_vote_result run(Exec const& exec, answers_view<Exec::space> a) {
    constexpr auto S = Exec::space;
    auto const cells = ops::make_buffer<double>(exec, a.tasks * a.classes);
    auto const label = ops::make_buffer<std::int32_t>(exec, a.tasks);
    auto const tied = ops::make_buffer<std::uint8_t>(exec, a.tasks);
    auto const q = cells.view(a.tasks, a.classes);
    detail::task_rows<S> const tasks{a, {}};
    auto const sums =
        ops::sum_rows(exec, a.tasks, a.classes + 1, detail::share_rows<S>{tasks, {}, q});
    ops::for_rows(exec, a.tasks, detail::choose_rows<S>{tasks, q, label.view(), tied.view()});
    majority_vote_result r;
    r.probabilities = ops::download(exec, q);
    r.label = ops::download(exec, label.view());
    r.tied = ops::download(exec, tied.view());
    r.prior = detail::mean_of(sums, a.classes);
    for (std::uint8_t t : r.tied) r.ties += t;
    for (std::int32_t l : r.label) r.unanswered += l < 0;
    return r;
  }
};
inline constexpr majority_vote_fn majority_vote{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_MAJORITY_VOTE_HPP
