// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/glad.hpp
/// True labels, workers' ability and tasks' difficulty.
#ifndef LIMPID_CROWD_GLAD_HPP
#define LIMPID_CROWD_GLAD_HPP

#include <limpid/crowd/detail/passes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::crowd {

struct glad_options {
  double tolerance = 1e-6;    ///< least gain of the objective that goes on, nats per task; >= 0
  int max_iterations = 100;   ///< >= 1
  int inner_iterations = 25;  ///< of the maximisation, each over all workers and all tasks; >= 1
  double inner_tolerance =
      1e-3;  ///< it ends when abilities and eases move by less, root mean square; >= 0
  double ability_mean = 1;  ///< of the abilities' normal prior, whose variance is 1
  double ease_mean = 1;     ///< of the eases' normal prior, whose variance is 1
  progress on_progress = {};
};

/// K classes.
struct glad_result {
  matrix<double> probabilities;  ///< tasks x K, P(true k | answers); 1 / K where nobody answered
  vector<std::int32_t>
      label;  ///< tasks, the most probable class, the lowest of equal ones; -1: nobody answered
  vector<double> ability;  ///< workers; 0 guesses between right and wrong, below 0 errs on purpose;
                           ///< the prior's mean without an answer
  vector<double>
      ease;  ///< tasks, the logarithm of how far ability counts; the prior's mean without an answer
  vector<std::uint8_t> adversarial;  ///< workers, 1: ability below 0
  vector<double> answered;           ///< workers, number of answers
  matrix<double>
      transition;            ///< K x K, (i, j) = P(an answer is j | true i): wrong answers are even
  vector<double> objective;  ///< per iteration, nats: log-likelihood and the priors' density, of
                             ///< the parameters that gave its posteriors
  int iterations = 0;
  bool converged = false;
  bool stopped = false;        ///< progress asked to stop; what was reached is returned
  std::size_t unanswered = 0;  ///< tasks with neither answers nor gold
};

namespace detail {

LIMPID_HD inline double softplus(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

struct slope {
  double value, first, second;
};

/// Goes uphill from x by Newton's steps, halved until they climb.
template <class F>
LIMPID_HD double climb(double x, F const& f) {
  slope here = f(x);
  for (int iteration = 0; iteration < 8; ++iteration) {
    double step = here.second < 0 ? -here.first / here.second : here.first;
    step = step > 1 ? 1 : step < -1 ? -1 : step;
    if (here.second < 0 && step < 1e-4 && step > -1e-4)
      return x + step;  // too near for values to tell
    bool up = false;
    for (int half = 0; half < 12 && !up; ++half) {
      slope const there = f(x + step);
      up = there.value > here.value;
      if (up) {
        x += step;
        here = there;
      } else {
        step /= 2;
      }
    }
    if (!up) break;
  }
  return x;
}

template <memory_space S>
struct ability_state {
  answers_view<S> a;
  matrix_view<double const, S> q;
  vector_view<double, S> ability, ease, scale;  ///< scale = exp(ease)
  double ability_mean, ease_mean;
};

/// sum_rows over workers: the ability that fits q best, tasks as they are. Sums: square of the
/// move.
template <memory_space S>
struct fit_worker {
  ability_state<S> s;
  LIMPID_HD void operator()(std::size_t w, double* sums) const {
    struct {
      ability_state<S> const& s;
      std::size_t w;
      LIMPID_HD slope operator()(double ability) const {
        double const gap = ability - s.ability_mean;
        slope out{-gap * gap / 2, -gap, -1};
        for (std::uint64_t c = s.a.worker_start[w]; c < s.a.worker_start[w + 1]; ++c)
          for (std::uint64_t e = s.a.by_cell.start[c]; e < s.a.by_cell.start[c + 1]; ++e) {
            std::size_t const t = s.a.by_cell.col[e];
            double const n = s.a.by_cell.value[e], right = s.q(t, s.a.cell_label[c]),
                         scale = s.scale[t];
            double const z = ability * scale, wrong = softplus(z), sigma = std::exp(z - wrong);
            out.value += n * (right * z - wrong);
            out.first += n * (right - sigma) * scale;
            out.second -= n * sigma * (1 - sigma) * scale * scale;
          }
        return out;
      }
    } const f{s, w};
    double const before = s.ability[w], after = climb(before, f);
    s.ability[w] = after;
    sums[0] += (after - before) * (after - before);
  }
};
/// The same over tasks.
template <memory_space S>
struct fit_task {
  ability_state<S> s;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    struct {
      ability_state<S> const& s;
      std::size_t t;
      LIMPID_HD slope operator()(double ease) const {
        double const gap = ease - s.ease_mean, scale = std::exp(ease);
        slope out{-gap * gap / 2, -gap, -1};
        for (std::uint64_t e = s.a.by_task.start[t]; e < s.a.by_task.start[t + 1]; ++e) {
          std::uint32_t const c = s.a.by_task.col[e];
          double const n = s.a.by_task.value[e], right = s.q(t, s.a.cell_label[c]);
          double const z = s.ability[s.a.cell_worker[c]] * scale, wrong = softplus(z),
                       sigma = std::exp(z - wrong);
          out.value += n * (right * z - wrong);
          out.first += n * (right - sigma) * z;
          out.second += n * ((right - sigma) * z - sigma * (1 - sigma) * z * z);
        }
        return out;
      }
    } const f{s, t};
    double const before = s.ease[t], after = climb(before, f);
    s.ease[t] = after;
    s.scale[t] = std::exp(after);
    sums[0] += (after - before) * (after - before);
  }
};

/// sum_rows over tasks: row t of q becomes log p(answers | class). Sums: the density of the task's
/// prior.
template <memory_space S>
struct score_by_ability {
  answers_view<S> a;
  vector_view<double const, S> ability, ease, scale;
  double ease_mean;
  matrix_view<double, S> q;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    double* const row = &q(t, 0);
    double const others = std::log(static_cast<double>(q.cols - 1));
    double base = 0;
    for (std::size_t j = 0; j < q.cols; ++j) row[j] = 0;
    for (std::uint64_t e = a.by_task.start[t]; e < a.by_task.start[t + 1]; ++e) {
      std::uint32_t const c = a.by_task.col[e];
      double const z = ability[a.cell_worker[c]] * scale[t];
      base -= a.by_task.value[e] * (softplus(z) + others);
      row[a.cell_label[c]] += a.by_task.value[e] * (z + others);
    }
    for (std::size_t j = 0; j < q.cols; ++j) row[j] += base;
    sums[0] -= (ease[t] - ease_mean) * (ease[t] - ease_mean) / 2;
  }
};
template <memory_space S>
struct ability_density {
  vector_view<double const, S> ability;
  double mean;
  LIMPID_HD void operator()(std::size_t w, double* sums) const {
    sums[0] -= (ability[w] - mean) * (ability[w] - mean) / 2;
  }
};
/// sum_rows over tasks: answers and expected right ones, by class.
template <memory_space S>
struct right_by_class {
  answers_view<S> a;
  matrix_view<double const, S> q;
  vector_view<double const, S> ability, scale;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    for (std::uint64_t e = a.by_task.start[t]; e < a.by_task.start[t + 1]; ++e) {
      double const z = ability[a.cell_worker[a.by_task.col[e]]] * scale[t], n = a.by_task.value[e];
      double const sigma = std::exp(z - softplus(z));
      for (std::size_t j = 0; j < q.cols; ++j) {
        sums[j] += n * q(t, j);
        sums[q.cols + j] += n * q(t, j) * sigma;
      }
    }
  }
};
template <memory_space S>
struct fill_row {
  vector_view<double, S> to;
  double value;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = value; }
};
/// for_rows over workers: how many answers.
template <memory_space S>
struct count_answers {
  answers_view<S> a;
  vector_view<double, S> answered;
  LIMPID_HD void operator()(std::size_t w) const {
    double all = 0;
    for (std::uint64_t c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c)
      for (std::uint64_t e = a.by_cell.start[c]; e < a.by_cell.start[c + 1]; ++e)
        all += a.by_cell.value[e];
    answered[w] = all;
  }
};

}  // namespace detail

/// Estimates true labels together with how able each worker and how easy each task is:
/// \f$ P(\text{right}) = \sigma(\alpha_w e^{b_t}) \f$, wrong answers even over the other classes.
///
/// Classes are equally likely a priori; abilities and eases have normal priors. The maximisation
/// step climbs each worker's and each task's own curve by Newton's method in turn, until they
/// settle: every step goes uphill, and so does the objective.
///
/// @param exec     where to run
/// @param list     crowd::answers' result, K >= 2
/// @param gold     tasks, the true class where it is known, negative elsewhere; may be left out
/// @param options  glad_options
/// @return  glad_result
/// @throws  input_error  for K = 1, gold labels, options outside their intervals
/// @par Complexity   O(answers inner_iterations + tasks K) per iteration, some ten exponentials an
/// answer; memory O(answers + tasks K)
/// @par Determinism  bitwise for any number of threads
/// @par Source       J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma, J. Movellan, "Whose vote should
/// count more: optimal integration of
///                   labels from labelers of unknown expertise", NIPS 2009
struct glad_fn {
  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A, label_vector G>
  glad_result operator()(Exec const& exec, A const& list, G const& gold,
                         glad_options const& options = {}) const {
    auto const a = detail::enter<glad_fn, Exec, G>(list);
    auto const codes = detail::gold_codes(exec, where, gold, a.tasks, a.classes);
    return run(exec, a, codes.view(), options);
  }
  template <execution_policy Exec, answer_source A>
  glad_result operator()(Exec const& exec, A const& list, glad_options const& options = {}) const {
    return run(exec, detail::enter<glad_fn, Exec>(list), {}, options);
  }
  template <answer_source A, label_vector G>
  glad_result operator()(A const& list, G const& gold, glad_options const& options = {}) const {
    return (*this)(default_policy, list, gold, options);
  }
  template <answer_source A>
  glad_result operator()(A const& list, glad_options const& options = {}) const {
    return (*this)(default_policy, list, options);
  }

 private:
  static constexpr std::string_view where = "crowd::glad";

  static void check(glad_options const& o, std::size_t classes) {
    using limpid::detail::require;
    require(classes >= 2, where, "the answers have one class; need at least 2");
    detail::check_iterations(where, o.tolerance, o.max_iterations);
    require(o.inner_iterations >= 1, where, "options.inner_iterations is ", o.inner_iterations,
            "; need at least 1");
    require(o.inner_tolerance >= 0 && o.inner_tolerance < 1e300, where,
            "options.inner_tolerance is ", o.inner_tolerance, "; need a finite number >= 0");
    require(std::abs(o.ability_mean) < 100, where, "options.ability_mean is ", o.ability_mean,
            "; need -100..100");
    require(std::abs(o.ease_mean) < 100, where, "options.ease_mean is ", o.ease_mean,
            "; need -100..100");
  }

  template <class Exec>
  static glad_result run(Exec const& exec, answers_view<Exec::space> a,
                         vector_view<std::int32_t const, Exec::space> gold,
                         glad_options const& options) {
    constexpr auto S = Exec::space;
    std::size_t const classes = a.classes;
    check(options, classes);
    auto const reals = [&](std::size_t n) { return ops::make_buffer<double>(exec, n); };
    auto const cells = reals(a.tasks * classes);
    auto const ability = reals(a.workers), ease = reals(a.tasks), scale = reals(a.tasks),
               answered = reals(a.workers);
    auto const q = cells.view(a.tasks, classes);
    detail::task_rows<S> const tasks{a, gold};
    ops::for_rows(exec, a.workers, detail::fill_row<S>{ability.view(), options.ability_mean});
    ops::for_rows(exec, a.tasks, detail::fill_row<S>{ease.view(), options.ease_mean});
    ops::for_rows(exec, a.tasks, detail::fill_row<S>{scale.view(), std::exp(options.ease_mean)});
    vector<double> const even(classes, -std::log(static_cast<double>(classes)));
    auto const log_prior = ops::upload(exec, even.view());
    detail::ability_state<S> const state{
        a, q, ability.view(), ease.view(), scale.view(), options.ability_mean, options.ease_mean};

    glad_result r;
    std::vector<double> trace;
    double before = -std::numeric_limits<double>::infinity();
    for (;;) {
      double objective =
          ops::sum_rows(exec, a.tasks, 1,
                        detail::score_by_ability<S>{a, ability.view(), ease.view(), scale.view(),
                                                    options.ease_mean, q})[0];
      objective += ops::sum_rows(
          exec, a.workers, 1, detail::ability_density<S>{ability.view(), options.ability_mean})[0];
      auto const sums = ops::sum_rows(exec, a.tasks, classes + 4,
                                      detail::posterior_rows<S>{tasks, log_prior.view(), q});
      objective += sums[classes + 1];
      trace.push_back(objective);
      for (int inner = 0; inner < options.inner_iterations; ++inner) {
        double const moved = ops::sum_rows(exec, a.workers, 1, detail::fit_worker<S>{state})[0] +
                             ops::sum_rows(exec, a.tasks, 1, detail::fit_task<S>{state})[0];
        if (std::sqrt(moved / static_cast<double>(a.workers + a.tasks + 1)) <=
            options.inner_tolerance)
          break;
      }
      ++r.iterations;
      r.converged = objective - before <= options.tolerance * sums[classes];
      if (r.converged || r.iterations == options.max_iterations) break;
      before = objective;
      if (options.on_progress &&
          !options.on_progress(static_cast<double>(r.iterations) / options.max_iterations)) {
        r.stopped = true;
        break;
      }
    }
    ops::for_rows(exec, a.workers, detail::count_answers<S>{a, answered.view()});
    auto const right = ops::sum_rows(exec, a.tasks, 2 * classes,
                                     detail::right_by_class<S>{a, q, ability.view(), scale.view()});
    r.objective = vector<double>(std::move(trace));
    r.probabilities = ops::download(exec, q);
    r.label = detail::chosen(exec, tasks, q);
    r.ability = ops::download(exec, ability.view());
    r.ease = ops::download(exec, ease.view());
    r.answered = ops::download(exec, answered.view());
    r.adversarial = vector<std::uint8_t>(a.workers);
    for (std::size_t w = 0; w < a.workers; ++w) r.adversarial[w] = r.ability[w] < 0;
    for (std::int32_t l : r.label) r.unanswered += l < 0;
    r.transition = matrix<double>(classes, classes);
    for (std::size_t i = 0; i < classes; ++i) {
      double const share = right[i] > 1e-6 ? right[classes + i] / right[i] : 1;
      for (std::size_t j = 0; j < classes; ++j)
        r.transition(i, j) = i == j ? share : (1 - share) / static_cast<double>(classes - 1);
    }
    return r;
  }
};
inline constexpr glad_fn glad{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_GLAD_HPP
