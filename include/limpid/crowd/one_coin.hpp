// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/one_coin.hpp
/// True labels and one skill per worker: how often he is right, whatever the class.
#ifndef LIMPID_CROWD_ONE_COIN_HPP
#define LIMPID_CROWD_ONE_COIN_HPP

#include <limpid/crowd/detail/skills.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::crowd {

struct one_coin_options {
  double tolerance = 1e-6;   ///< least gain of the log-likelihood that goes on, nats per task; >= 0
  int max_iterations = 500;  ///< >= 1
  vector<double> start = {};  ///< empty, or skills in [0, 1] of the first workers, e.g. an earlier
                              ///< result's; the others start from the shares of the answers
  progress on_progress = {};
};

/// K classes.
struct one_coin_result {
  matrix<double>
      probabilities;  ///< tasks x K, P(true k | answers); the prior where nobody answered
  vector<std::int32_t>
      label;  ///< tasks, the most probable class, the lowest of equal ones; -1: nobody answered
  vector<double> prior;       ///< K, P(true k) among the tasks with answers
  vector<double> skill;       ///< workers, P(right); 1 / K without an answer
  vector<double> answered;    ///< workers, number of answers
  matrix<double> transition;  ///< K x K, (i, j) = P(an answer is j | true i), from the workers'
                              ///< mean skill by answers
  vector<std::uint8_t> below_chance;  ///< workers, 1: right less often than by guessing among K
  vector<double>
      log_likelihood;  ///< per iteration, nats, of the parameters that gave its posteriors
  int iterations = 0;
  bool converged = false;
  bool stopped = false;  ///< progress asked to stop; what was reached is returned
  bool swapped = false;  ///< the mean skill is below chance: classes are probably named wrongly
  std::size_t unanswered = 0;  ///< tasks with neither answers nor gold
};

/// Dawid and Skene's model with one number per worker: \f$ E^w_{jj} = s_w \f$, all other labels
/// \f$ (1 - s_w) / (K - 1) \f$. Far fewer parameters than a matrix per worker: for workers with few
/// answers.
///
/// @param exec     where to run
/// @param list     crowd::answers' result
/// @param gold     tasks, the true class where it is known, negative elsewhere; may be left out
/// @param options  one_coin_options
/// @return  one_coin_result
/// @throws  input_error  for gold labels, options outside their intervals
/// @par Complexity   O(answers + tasks K) per iteration; memory the same
/// @par Determinism  bitwise for any number of threads
/// @par Source       Y. Zhang, X. Chen, D. Zhou, M. I. Jordan, "Spectral methods meet EM", JMLR 17
/// (2016), Section 2
struct one_coin_fn {
  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A, label_vector G>
  one_coin_result operator()(Exec const& exec, A const& list, G const& gold,
                             one_coin_options const& options = {}) const {
    auto const a = detail::enter<one_coin_fn, Exec, G>(list);
    auto const codes = detail::gold_codes(exec, where, gold, a.tasks, a.classes);
    return run(exec, a, codes.view(), options);
  }
  template <execution_policy Exec, answer_source A>
  one_coin_result operator()(Exec const& exec, A const& list,
                             one_coin_options const& options = {}) const {
    return run(exec, detail::enter<one_coin_fn, Exec>(list), {}, options);
  }
  template <answer_source A, label_vector G>
  one_coin_result operator()(A const& list, G const& gold,
                             one_coin_options const& options = {}) const {
    return (*this)(default_policy, list, gold, options);
  }
  template <answer_source A>
  one_coin_result operator()(A const& list, one_coin_options const& options = {}) const {
    return (*this)(default_policy, list, options);
  }

 private:
  static constexpr std::string_view where = "crowd::one_coin";

  template <class Exec>
  static one_coin_result run(Exec const& exec, answers_view<Exec::space> a,
                             vector_view<std::int32_t const, Exec::space> gold,
                             one_coin_options const& options) {
    constexpr auto S = Exec::space;
    std::size_t const classes = a.classes;
    detail::check_iterations(where, options.tolerance, options.max_iterations);
    limpid::detail::require(options.start.size() <= a.workers, where, "options.start has ",
                            options.start.size(), " entries, the answers have ", a.workers,
                            " workers");
    for (std::size_t w = 0; w < options.start.size(); ++w)
      limpid::detail::require(options.start[w] >= 0 && options.start[w] <= 1, where,
                              "options.start row ", w, " is ", options.start[w], "; need [0, 1]");

    auto const cells = ops::make_buffer<double>(exec, a.tasks * classes);
    auto const q = cells.view(a.tasks, classes);
    detail::task_rows<S> const tasks{a, gold};
    detail::skill_model<Exec> model(exec, a);
    auto sums = ops::sum_rows(exec, a.tasks, classes + 1, detail::share_rows<S>{tasks, {}, q});
    one_coin_result r;
    r.prior = detail::mean_of(sums, classes);
    model.maximise(q);
    if (!options.start.empty()) model.replace(options.start);

    std::vector<double> trace;
    double before = -std::numeric_limits<double>::infinity();
    for (;;) {
      auto const logs = detail::logs_of(r.prior);
      auto const log_prior = ops::upload(exec, logs.view());
      model.expect(q);
      sums = ops::sum_rows(exec, a.tasks, classes + 4,
                           detail::posterior_rows<S>{tasks, log_prior.view(), q});
      trace.push_back(sums[classes + 1]);
      r.prior = detail::mean_of(sums, classes);
      model.maximise(q);
      ++r.iterations;
      r.converged = trace.back() - before <= options.tolerance * sums[classes];
      if (r.converged || r.iterations == options.max_iterations) break;
      before = trace.back();
      if (options.on_progress &&
          !options.on_progress(static_cast<double>(r.iterations) / options.max_iterations)) {
        r.stopped = true;
        break;
      }
    }
    r.log_likelihood = vector<double>(std::move(trace));
    r.probabilities = ops::download(exec, q);
    r.label = detail::chosen(exec, tasks, q);
    for (std::int32_t l : r.label) r.unanswered += l < 0;
    r.skill = model.skills();
    r.answered = model.answered();
    r.below_chance = vector<std::uint8_t>(a.workers);
    double right = 0, all = 0;
    auto const chance = 1 / static_cast<double>(classes);
    for (std::size_t w = 0; w < a.workers; ++w) {
      r.below_chance[w] = r.answered[w] > 0 && r.skill[w] < chance;
      right += r.skill[w] * r.answered[w];
      all += r.answered[w];
    }
    double const mean = all > 0 ? right / all : 1;
    r.swapped = classes > 1 && mean < chance;
    r.transition = matrix<double>(classes, classes);
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j)
        r.transition(i, j) = classes == 1 ? 1
                             : i == j     ? mean
                                          : (1 - mean) / static_cast<double>(classes - 1);
    return r;
  }
};
inline constexpr one_coin_fn one_coin{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_ONE_COIN_HPP
