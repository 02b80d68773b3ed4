// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/detail/skills.hpp
/// One skill per worker.
#ifndef LIMPID_CROWD_DETAIL_SKILLS_HPP
#define LIMPID_CROWD_DETAIL_SKILLS_HPP

#include <limpid/crowd/detail/passes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace limpid::crowd::detail {

/// for_rows over workers: from matches to the skill; 1 / K without an answer.
template <memory_space S>
struct skill_of_worker {
  answers_view<S> a;
  vector_view<double const, S> match, count;  ///< cells
  vector_view<double, S> skill, answered;     ///< workers
  LIMPID_HD void operator()(std::size_t w) const {
    double right = 0, all = 0;
    for (std::uint64_t c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c) {
      right += match[c];
      all += count[c];
    }
    skill[w] = all > 0 ? right / all : 1 / static_cast<double>(a.classes);
    answered[w] = all;
  }
};
/// for_rows over cells: log p of a wrong answer, and what a right one has beyond it.
template <memory_space S>
struct coin_of_cell {
  answers_view<S> a;
  vector_view<double const, S> skill;
  vector_view<double, S> off, gain;
  LIMPID_HD void operator()(std::size_t c) const {
    constexpr double least = 1e-10;
    double const others = a.classes > 1 ? static_cast<double>(a.classes - 1) : 1;
    double const s = skill[a.cell_worker[c]], wrong = (1 - s) / others;
    double const right = s < least ? least : s > 1 - least ? 1 - least : s;
    off[c] = std::log(wrong < least ? least : wrong);
    gain[c] = std::log(right) - off[c];
  }
};

template <class Exec>
class skill_model {
  static constexpr auto S = Exec::space;

 public:
  skill_model(Exec const& exec, answers_view<S> a)
      : exec_(exec),
        a_(a),
        match_(exec, a.cells()),
        count_(exec, a.cells()),
        off_(exec, a.cells()),
        gain_(exec, a.cells()),
        skill_(exec, a.workers),
        answered_(exec, a.workers) {}

  void maximise(matrix_view<double const, S> q) {
    ops::for_rows(exec_, a_.cells(), match_cells<S>{a_, q, match_.view(), count_.view()});
    ops::for_rows(
        exec_, a_.workers,
        skill_of_worker<S>{a_, match_.view(), count_.view(), skill_.view(), answered_.view()});
    logarithms();
  }
  /// The first workers' skills.
  void replace(vector<double> const& skill) {
    vector_view<double, S> const first(skill_.view().data, skill.size());
    ops::copy(exec_, skill.view(), first);
    logarithms();
  }
  void expect(matrix_view<double, S> q) const {
    ops::for_rows(exec_, a_.tasks, score_tasks<S>{a_, off_.view(), gain_.view(), q});
  }
  vector<double> skills() const { return ops::download(exec_, skill_.view()); }
  vector<double> answered() const { return ops::download(exec_, answered_.view()); }

 private:
  void logarithms() {
    ops::for_rows(exec_, a_.cells(), coin_of_cell<S>{a_, skill_.view(), off_.view(), gain_.view()});
  }
  Exec const& exec_;
  answers_view<S> a_;
  ops::buffer<double, Exec> match_, count_, off_, gain_, skill_, answered_;
};

}  // namespace limpid::crowd::detail

#endif  // LIMPID_CROWD_DETAIL_SKILLS_HPP
