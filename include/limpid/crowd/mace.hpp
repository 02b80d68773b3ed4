// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/mace.hpp
/// True labels, and who knows them: a worker copies the true class or answers by habit.
#ifndef LIMPID_CROWD_MACE_HPP
#define LIMPID_CROWD_MACE_HPP

#include <limpid/core/random.hpp>
#include <limpid/crowd/detail/digamma.hpp>
#include <limpid/crowd/detail/passes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::crowd {

/// How the parameters follow from expected counts.
enum class mace_method {
  variational,  ///< exponentials of mean logarithms under Beta and Dirichlet priors
  em            ///< shares, with a pseudo-count of 0.01 / K
};

struct mace_options {
  mace_method method = mace_method::variational;
  double spam_prior = 0.5;  ///< variational: Beta prior's count of answers by habit, > 0
  double know_prior = 0.5;  ///< variational: Beta prior's count of answers that copy the class, > 0
  double strategy_prior =
      10;                   ///< variational: Dirichlet prior's count of every label of a habit, > 0
  int restarts = 10;        ///< starts from different draws, the likeliest kept; >= 1
  int max_iterations = 50;  ///< of each start, >= 1
  double tolerance =
      1e-8;  ///< a start ends when the log-likelihood moves by less, nats per task; >= 0
  std::uint64_t seed = 0;
  progress on_progress = {};
};

/// K classes.
struct mace_result {
  matrix<double> probabilities;  ///< tasks x K, P(true k | answers); 1 / K where nobody answered
  vector<std::int32_t>
      label;  ///< tasks, the most probable class, the lowest of equal ones; -1: nobody answered
  vector<double> competence;  ///< workers, P(copies the true class); variational: with spamming
                              ///< sums to less than 1
  vector<double> spamming;    ///< workers, P(answers by habit)
  matrix<double>
      strategy;  ///< workers x K, what a habitual answer is; variational: rows sum to less than 1
  vector<double>
      answered;  ///< workers, number of answers; without any the parameters are the prior's
  matrix<double> transition;  ///< K x K, (i, j) = P(an answer is j | true i), workers by their
                              ///< number of answers
  double log_likelihood =
      0;  ///< of the kept start, nats; variational: with parameters that sum to less than 1
  vector<double> start_log_likelihood;  ///< restarts; starts that were not run: -infinity
  int iterations = 0;                   ///< of the kept start
  bool converged = false;               ///< the kept start
  bool stopped = false;        ///< progress asked to stop; the best start so far is returned
  std::size_t unanswered = 0;  ///< tasks with neither answers nor gold
};

namespace detail {

/// for_rows over workers: even draws from [1, 2.5), shares.
template <memory_space S>
struct draw_habits {
  answers_view<S> a;
  std::uint64_t seed;
  std::uint32_t start;
  vector_view<double, S> spam, know, strategy;  ///< strategy: cells
  LIMPID_HD void operator()(std::size_t w) const {
    random_stream draw(seed, start, w);
    double const s = 1 + 1.5 * draw.uniform(), k = 1 + 1.5 * draw.uniform();
    spam[w] = s / (s + k);
    know[w] = k / (s + k);
    double sum = 0;
    std::uint64_t c = a.worker_start[w];
    for (std::size_t l = 0; l < a.classes; ++l) {
      double const x = 1 + 1.5 * draw.uniform();
      sum += x;
      if (c < a.worker_start[w + 1] && a.cell_label[c] == l) strategy[c++] = x;
    }
    for (c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c) strategy[c] /= sum;
  }
};

template <memory_space S>
struct habit_cells {
  answers_view<S> a;
  vector_view<double const, S> spam, know, strategy;
  vector_view<double, S> off, gain;
  LIMPID_HD void operator()(std::size_t c) const {
    double const s = spam[a.cell_worker[c]] * strategy[c];
    off[c] = std::log(s);
    gain[c] = std::log((s + know[a.cell_worker[c]]) / s);
  }
};

/// for_rows over workers: expected answers that copy and by habit, then the parameters. `match`
/// becomes the cell's count by habit.
template <memory_space S>
struct update_habits {
  answers_view<S> a;
  vector_view<double const, S> count;
  vector_view<double, S> match, spam, know, strategy;
  vector_view<double, S>
      unseen;  ///< workers: the habit's share of each label that the worker never gave
  bool variational;
  double spam_prior, know_prior, strategy_prior;
  LIMPID_HD void operator()(std::size_t w) const {
    auto const classes = static_cast<double>(a.classes);
    double habit = 0, copies = 0;
    for (std::uint64_t c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c) {
      double const k = know[w], copied = match[c] * k / (spam[w] * strategy[c] + k);
      match[c] = count[c] > copied ? count[c] - copied : 0;
      habit += match[c];
      copies += copied;
    }
    double const both = value(habit + copies + spam_prior + know_prior);
    spam[w] = value(habit + spam_prior) / both;
    know[w] = value(copies + know_prior) / both;
    double const all = value(habit + classes * strategy_prior);
    unseen[w] = value(strategy_prior) / all;
    for (std::uint64_t c = a.worker_start[w]; c < a.worker_start[w + 1]; ++c)
      strategy[c] = value(match[c] + strategy_prior) / all;
  }
  LIMPID_HD double value(double x) const { return variational ? std::exp(digamma(x)) : x; }
};

}  // namespace detail

/// Estimates true labels and workers' competence: a worker copies the true class with probability
/// `competence`, else answers by habit, whatever the class: \f$ P(y \mid z) = c_w [y = z] + s_w
/// \xi_{wy} \f$.
///
/// Meant for crowds with spammers: one number says whom to trust. Classes are equally likely a
/// priori. Every start draws its own parameters; the likeliest is kept. Products are taken as sums
/// of logarithms.
///
/// @param exec     where to run
/// @param list     crowd::answers' result
/// @param gold     tasks, the true class where it is known, negative elsewhere; may be left out
/// @param options  mace_options
/// @return  mace_result
/// @throws  input_error  for gold labels, options outside their intervals
/// @par Complexity   O(answers + tasks K + workers K) per iteration of a start; memory O(answers +
/// tasks K)
/// @par Determinism  draws are keyed by seed, start and worker: bitwise for any number of threads
/// @par Source       D. Hovy, T. Berg-Kirkpatrick, A. Vaswani, E. Hovy, "Learning whom to trust
/// with MACE", NAACL 2013
struct mace_fn {
  using primitives = uses<ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A, label_vector G>
  mace_result operator()(Exec const& exec, A const& list, G const& gold,
                         mace_options const& options = {}) const {
    auto const a = detail::enter<mace_fn, Exec, G>(list);
    auto const codes = detail::gold_codes(exec, where, gold, a.tasks, a.classes);
    return run(exec, a, codes.view(), options);
  }
  template <execution_policy Exec, answer_source A>
  mace_result operator()(Exec const& exec, A const& list, mace_options const& options = {}) const {
    return run(exec, detail::enter<mace_fn, Exec>(list), {}, options);
  }
  template <answer_source A, label_vector G>
  mace_result operator()(A const& list, G const& gold, mace_options const& options = {}) const {
    return (*this)(default_policy, list, gold, options);
  }
  template <answer_source A>
  mace_result operator()(A const& list, mace_options const& options = {}) const {
    return (*this)(default_policy, list, options);
  }

 private:
  static constexpr std::string_view where = "crowd::mace";

  static void check(mace_options const& o) {
    using limpid::detail::require;
    detail::check_iterations(where, o.tolerance, o.max_iterations);
    require(o.restarts >= 1, where, "options.restarts is ", o.restarts, "; need at least 1");
    auto const positive = [](double x, std::string_view name) {
      require(x > 0 && x < 1e300, where, "options.", name, " is ", x, "; need a finite number > 0");
    };
    positive(o.spam_prior, "spam_prior");
    positive(o.know_prior, "know_prior");
    positive(o.strategy_prior, "strategy_prior");
  }

  template <class Exec>
  static mace_result run(Exec const& exec, answers_view<Exec::space> a,
                         vector_view<std::int32_t const, Exec::space> gold,
                         mace_options const& options) {
    constexpr auto S = Exec::space;
    check(options);
    std::size_t const classes = a.classes;
    bool const variational = options.method == mace_method::variational;
    double const little = 0.01 / static_cast<double>(classes);
    auto const reals = [&](std::size_t n) { return ops::make_buffer<double>(exec, n); };
    auto const cells = reals(a.tasks * classes);
    auto const spam = reals(a.workers), know = reals(a.workers), unseen = reals(a.workers);
    auto const strategy = reals(a.cells()), match = reals(a.cells()), count = reals(a.cells()),
               off = reals(a.cells()), gain = reals(a.cells());
    auto const q = cells.view(a.tasks, classes);
    detail::task_rows<S> const tasks{a, gold};
    vector<double> const even(classes, -std::log(static_cast<double>(classes)));
    auto const log_prior = ops::upload(exec, even.view());
    detail::update_habits<S> const update{a,
                                          count.view(),
                                          match.view(),
                                          spam.view(),
                                          know.view(),
                                          strategy.view(),
                                          unseen.view(),
                                          variational,
                                          variational ? options.spam_prior : little,
                                          variational ? options.know_prior : little,
                                          variational ? options.strategy_prior : little};
    auto const expect = [&] {
      ops::for_rows(exec, a.cells(),
                    detail::habit_cells<S>{a, spam.view(), know.view(), strategy.view(), off.view(),
                                           gain.view()});
      ops::for_rows(exec, a.tasks, detail::score_tasks<S>{a, off.view(), gain.view(), q});
      return ops::sum_rows(exec, a.tasks, classes + 4,
                           detail::posterior_rows<S>{tasks, log_prior.view(), q});
    };

    constexpr double worst = -std::numeric_limits<double>::infinity();
    mace_result r;
    r.log_likelihood = worst;
    r.start_log_likelihood = vector<double>(static_cast<std::size_t>(options.restarts), worst);
    vector<double> kept_strategy, kept_unseen;
    for (int start = 0; start < options.restarts && !r.stopped; ++start) {
      ops::for_rows(exec, a.workers,
                    detail::draw_habits<S>{a, options.seed, static_cast<std::uint32_t>(start),
                                           spam.view(), know.view(), strategy.view()});
      auto sums = expect();
      bool converged = false;
      int iteration = 0;
      while (!converged && !r.stopped && iteration < options.max_iterations) {
        double const before = sums[classes + 1];
        ops::for_rows(exec, a.cells(), detail::match_cells<S>{a, q, match.view(), count.view()});
        ops::for_rows(exec, a.workers, update);
        sums = expect();
        ++iteration;
        converged = std::abs(sums[classes + 1] - before) <= options.tolerance * sums[classes];
        double const done =
            (start + static_cast<double>(iteration) / options.max_iterations) / options.restarts;
        r.stopped = options.on_progress && !options.on_progress(done);
      }
      double const reached = sums[classes + 1];
      r.start_log_likelihood[static_cast<std::size_t>(start)] = reached;
      if (start > 0 && !(reached > r.log_likelihood)) continue;
      r.log_likelihood = reached;
      r.iterations = iteration;
      r.converged = converged;
      r.spamming = ops::download(exec, spam.view());
      r.competence = ops::download(exec, know.view());
      kept_strategy = ops::download(exec, strategy.view());
      kept_unseen = ops::download(exec, unseen.view());
    }
    ops::copy(exec, std::as_const(r.spamming).view(), spam.view());
    ops::copy(exec, std::as_const(r.competence).view(), know.view());
    ops::copy(exec, std::as_const(kept_strategy).view(), strategy.view());
    (void)expect();
    r.probabilities = ops::download(exec, q);
    r.label = detail::chosen(exec, tasks, q);
    for (std::int32_t l : r.label) r.unanswered += l < 0;
    ops::for_rows(exec, a.cells(), detail::match_cells<S>{a, q, match.view(), count.view()});
    describe(a, ops::download(exec, a.worker_start), ops::download(exec, a.cell_label),
             ops::download(exec, count.view()), kept_strategy, kept_unseen, r);
    return r;
  }

  template <class View>
  static void describe(View const& a, vector<std::uint64_t> const& start,
                       vector<std::uint32_t> const& label, vector<double> const& count,
                       vector<double> const& strategy, vector<double> const& unseen,
                       mace_result& r) {
    std::size_t const classes = a.classes;
    r.answered = vector<double>(a.workers);
    r.strategy = matrix<double>(a.workers, classes);
    r.transition = matrix<double>(classes, classes);
    double total = 0;
    for (std::size_t w = 0; w < a.workers; ++w) {
      for (std::size_t l = 0; l < classes; ++l) r.strategy(w, l) = unseen[w];
      for (std::uint64_t c = start[w]; c < start[w + 1]; ++c) {
        r.answered[w] += count[c];
        r.strategy(w, label[c]) = strategy[c];
      }
      double const both = r.spamming[w] + r.competence[w];
      double sum = 0;
      for (std::size_t l = 0; l < classes; ++l) sum += r.strategy(w, l);
      for (std::size_t i = 0; i < classes; ++i)
        for (std::size_t j = 0; j < classes; ++j)
          r.transition(i, j) +=
              r.answered[w] *
              ((i == j ? r.competence[w] : 0) + r.spamming[w] * r.strategy(w, j) / sum) / both;
      total += r.answered[w];
    }
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = 0; j < classes; ++j)
        r.transition(i, j) = total > 0 ? r.transition(i, j) / total : (i == j ? 1.0 : 0.0);
  }
};
inline constexpr mace_fn mace{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_MACE_HPP
