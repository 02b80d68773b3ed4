// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/dawid_skene.hpp
/// True labels and every worker's confusion matrix, from answers alone.
#ifndef LIMPID_CROWD_DAWID_SKENE_HPP
#define LIMPID_CROWD_DAWID_SKENE_HPP

#include <limpid/crowd/detail/confusions.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::crowd {

/// What the iterations watch.
enum class stop_rule {
  log_likelihood,  ///< of the observed answers and the prior's density; a gain of tolerance per
                   ///< task stops
  crowd_kit  ///< Crowd-Kit's bound, a task's prior counted once per answer; a gain of tolerance per
             ///< answer stops
};

struct dawid_skene_options {
  double tolerance =
      1e-6;  ///< least gain that goes on, nats per task (crowd_kit: per answer); >= 0
  int max_iterations = 500;  ///< >= 1
  double floor = 1e-10;  ///< count of a label that a worker never gave a class, (0, 1e-3]: nothing
                         ///< is impossible
  double smoothing = 0;  ///< pseudo-count of every label of every worker's class, >= 0
  matrix<double> prior_counts =
      {};  ///< empty, or K x K: pseudo-counts (true, given) of every worker, beside smoothing
  double class_smoothing = 0;  ///< pseudo-tasks of every class, >= 0
  /// Empty, or (workers K) x K, row w K + i = worker w's class i: matrices to start from, e.g. an
  /// earlier result's `confusion`. May end before the last worker; the others start from the shares
  /// of the answers.
  matrix<double> start = {};
  start_rule start_as = start_rule::replace;
  vector<double> start_prior = {};  ///< empty, or K: class shares to start from, >= 0, not all 0
  /// Weight of tasks without gold in the first counts, (0, 1]. Near 0 the matrices start from the
  /// gold tasks, which frees a crowd whose majority is wrong.
  double start_weight = 1;
  stop_rule stop = stop_rule::log_likelihood;
  bool confusions = true;  ///< return every worker's matrix: workers K^2 numbers
  bool validate = true;    ///< look for bad numbers in start, start_prior, prior_counts
  progress on_progress = {};
};

/// K classes.
struct dawid_skene_result {
  matrix<double>
      probabilities;  ///< tasks x K, P(true k | answers); the prior where nobody answered
  vector<std::int32_t>
      label;  ///< tasks, the most probable class, the lowest of equal ones; -1: nobody answered
  vector<double> prior;       ///< K, P(true k) among the tasks with answers
  matrix<double> confusion;   ///< (workers K) x K, row w K + i = P(worker w says j | true i); empty
                              ///< if not asked for
  matrix<double> transition;  ///< K x K, (i, j) = P(an answer is j | true i): the workers'
                              ///< matrices, each row by its share
  matrix<double> evidence;    ///< workers x K, expected number of w's answers to tasks of class i
  matrix<std::uint8_t>
      row_estimated;  ///< workers x K, 0: w never saw class i; the row is the prior's, or even
  vector<std::uint8_t>
      class_estimated;  ///< K, 0: no task is of class i; its row of transition is the identity's
  vector<double> accuracy;  ///< workers, expected share of right answers; 1 / K without an answer
  vector<double> answered;  ///< workers, number of answers
  vector<double>
      log_likelihood;  ///< per iteration, nats, of the parameters that gave its posteriors
  int iterations = 0;
  bool converged = false;
  bool stopped = false;  ///< progress asked to stop; what was reached is returned
  double gold_agreement =
      0;  ///< share of gold tasks whose answers alone name the gold class; NaN without any
  /// Classes seem to be exchanged. With gold: answers contradict it more often than chance would;
  /// without: naming class i better_names[i] would make the workers better.
  bool swapped = false;
  vector<std::uint32_t> better_names;  ///< K, a permutation; i itself where no other is better
  std::size_t unanswered = 0;          ///< tasks with neither answers nor gold
};

namespace detail {

inline void check_start(std::string_view where, dawid_skene_options const& o, std::size_t workers,
                        std::size_t classes) {
  using limpid::detail::require;
  check_iterations(where, o.tolerance, o.max_iterations);
  require(o.floor > 0 && o.floor <= 1e-3, where, "options.floor is ", o.floor, "; need (0, 1e-3]");
  require(o.start_weight > 0 && o.start_weight <= 1, where, "options.start_weight is ",
          o.start_weight, "; need (0, 1]");
  require(o.smoothing >= 0 && o.smoothing < 1e300, where, "options.smoothing is ", o.smoothing,
          "; need a finite number >= 0");
  require(o.class_smoothing >= 0 && o.class_smoothing < 1e300, where, "options.class_smoothing is ",
          o.class_smoothing, "; need a finite number >= 0");
  auto const& m = o.prior_counts;
  require(m.empty() || (m.rows() == classes && m.cols() == classes), where,
          "options.prior_counts is ", m.rows(), " x ", m.cols(), "; need ", classes, " x ",
          classes);
  auto const& s = o.start;
  require(s.empty() ||
              (s.cols() == classes && s.rows() % classes == 0 && s.rows() <= workers * classes),
          where, "options.start is ", s.rows(), " x ", s.cols(), "; need at most ",
          workers * classes, " x ", classes, ", rows a multiple of ", classes);
  require(o.start_prior.empty() || o.start_prior.size() == classes, where,
          "options.start_prior has ", o.start_prior.size(), " entries; need ", classes);
  if (!o.validate) return;
  auto const good = [&](double const* x, std::size_t n, std::string_view name, std::size_t width) {
    for (std::size_t i = 0; i < n; ++i)
      require(x[i] >= 0 && x[i] <= (std::numeric_limits<double>::max)(), where, "options.", name,
              " row ", i / width, " has ", x[i], "; need finite numbers >= 0");
  };
  good(m.data(), m.rows() * m.cols(), "prior_counts", classes);
  good(s.data(), s.rows() * s.cols(), "start", classes);
  good(o.start_prior.data(), o.start_prior.size(), "start_prior", 1);
  double sum = 0;
  for (double p : o.start_prior) sum += p;
  require(o.start_prior.empty() || sum > 0, where, "options.start_prior is 0 for every class");
}

/// What the result says once q, the matrices and the prior are known.
template <class Exec, memory_space S, class Result>
void finish(Exec const& exec, task_rows<S> tasks, matrix_view<double, S> q,
            confusion_model<Exec> const& model, std::vector<double> const& sums,
            bool keep_confusions, Result& r) {
  std::size_t const classes = q.cols;
  r.probabilities = ops::download(exec, q);
  r.label = chosen(exec, tasks, q);
  auto m = model.matrices(keep_confusions);
  r.confusion = std::move(m.confusion);
  r.transition = std::move(m.transition);
  r.evidence = std::move(m.evidence);
  r.row_estimated = std::move(m.row_estimated);
  r.accuracy = std::move(m.accuracy);
  r.answered = std::move(m.answered);
  r.class_estimated = vector<std::uint8_t>(classes);
  for (std::size_t j = 0; j < classes; ++j) r.class_estimated[j] = sums[j] > seen_count;
  auto const names = best_assignment(r.transition);
  r.better_names = vector<std::uint32_t>(classes);
  for (std::size_t j = 0; j < classes; ++j) {
    r.better_names[j] = static_cast<std::uint32_t>(names[j]);
    r.swapped = r.swapped || names[j] != j;
  }
  bool const told = sums[classes + 2] > 0;
  r.gold_agreement =
      told ? sums[classes + 3] / sums[classes + 2] : std::numeric_limits<double>::quiet_NaN();
  if (told) r.swapped = r.gold_agreement * static_cast<double>(classes) < 1;  // gold knows better
  r.unanswered = 0;
  for (std::int32_t l : r.label) r.unanswered += l < 0;
}

}  // namespace detail

/// Estimates true labels and workers' error rates together, by maximum likelihood.
///
/// A task's true class is drawn from the prior; each answer to it is drawn from its worker's row of
/// that class: \f$ P(\text{answers of } t) = \sum_j \pi_j \prod_{w,l} (E^w_{jl})^{r_{twl}} \f$.
/// Maximised by expectation and maximisation from the shares of the answers (or from `start`), in
/// the logarithms' domain. It presumes that workers err independently given the class. Answers are
/// counted by (worker, label) cells, so that a sweep takes a time linear in the answers.
///
/// @param exec     where to run
/// @param list     crowd::answers' result
/// @param gold     tasks, the true class where it is known, negative elsewhere; may be left out
/// @param options  dawid_skene_options
/// @return  dawid_skene_result
/// @throws  input_error  for gold labels, shapes of options, options outside their intervals
/// @par Complexity   O((answers + tasks + cells) K) per iteration, cells <= answers and <= workers
/// K; memory the same, and
///                   workers K^2 for the returned matrices
/// @par Determinism  bitwise for any number of threads
/// @par Source       A. P. Dawid, A. M. Skene, "Maximum likelihood estimation of observer
/// error-rates using the EM
///                   algorithm", Applied Statistics 28 (1979), Eqs. 2.3 to 2.5
struct dawid_skene_fn {
  using primitives =
      uses<ops::spmm_fn, ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A, label_vector G>
  dawid_skene_result operator()(Exec const& exec, A const& list, G const& gold,
                                dawid_skene_options const& options = {}) const {
    auto const a = detail::enter<dawid_skene_fn, Exec, G>(list);
    auto const codes = detail::gold_codes(exec, where, gold, a.tasks, a.classes);
    return run(exec, a, codes.view(), options);
  }
  template <execution_policy Exec, answer_source A>
  dawid_skene_result operator()(Exec const& exec, A const& list,
                                dawid_skene_options const& options = {}) const {
    return run(exec, detail::enter<dawid_skene_fn, Exec>(list), {}, options);
  }
  template <answer_source A, label_vector G>
  dawid_skene_result operator()(A const& list, G const& gold,
                                dawid_skene_options const& options = {}) const {
    return (*this)(default_policy, list, gold, options);
  }
  template <answer_source A>
  dawid_skene_result operator()(A const& list, dawid_skene_options const& options = {}) const {
    return (*this)(default_policy, list, options);
  }

 private:
  static constexpr std::string_view where = "crowd::dawid_skene";

  template <class Exec>
  static dawid_skene_result run(Exec const& exec, answers_view<Exec::space> a,
                                vector_view<std::int32_t const, Exec::space> gold,
                                dawid_skene_options const& options) {
    constexpr auto S = Exec::space;
    std::size_t const classes = a.classes;
    detail::check_start(where, options, a.workers, classes);
    matrix<double> pseudo(classes, classes, options.smoothing);
    if (!options.prior_counts.empty())
      for (std::size_t c = 0; c < classes * classes; ++c)
        pseudo.data()[c] += options.prior_counts.data()[c];
    bool const priors =
        options.smoothing > 0 || !options.prior_counts.empty() || options.class_smoothing > 0;

    auto const cells = ops::make_buffer<double>(exec, a.tasks * classes);
    auto const q = cells.view(a.tasks, classes);
    detail::task_rows<S> const tasks{a, gold};
    detail::confusion_model<Exec> model(exec, a, pseudo, options.floor);
    auto sums = ops::sum_rows(exec, a.tasks, classes + 1, detail::share_rows<S>{tasks, {}, q});

    dawid_skene_result r;
    r.prior = detail::mean_of(sums, classes, options.class_smoothing);
    if (!options.start_prior.empty()) {
      double total = 0;
      for (double p : options.start_prior) total += p;
      for (std::size_t j = 0; j < classes; ++j) r.prior[j] = options.start_prior[j] / total;
    }
    if (options.start_weight < 1)
      ops::for_rows(exec, a.tasks, detail::weigh_shares<S>{tasks, options.start_weight, q});
    if (options.start.empty())
      model.maximise(q);
    else
      model.maximise(q, options.start, options.start_as);

    std::vector<double> trace;
    double before = -std::numeric_limits<double>::infinity();
    for (;;) {
      model.expect(q);
      auto logs = detail::logs_of(r.prior);
      auto const log_prior = ops::upload(exec, logs.view());
      sums = ops::sum_rows(exec, a.tasks, classes + 4,
                           detail::posterior_rows<S>{tasks, log_prior.view(), q});
      trace.push_back(sums[classes + 1]);
      double objective = trace.back();
      if (priors && options.stop == stop_rule::log_likelihood) {
        objective += model.log_prior_density();
        for (double p : r.prior)
          objective += options.class_smoothing > 0 ? options.class_smoothing * std::log(p) : 0;
      }
      r.prior = detail::mean_of(sums, classes, options.class_smoothing);
      model.maximise(q);
      ++r.iterations;
      double least = options.tolerance * sums[classes];
      if (options.stop == stop_rule::crowd_kit) {
        logs = detail::logs_of(r.prior);
        ops::copy(exec, std::as_const(logs).view(), log_prior.view());
        objective = model.bound(q, log_prior.view());
        least = options.tolerance;
      }
      r.converged = objective - before <= least;
      if (r.converged || r.iterations == options.max_iterations) break;
      before = objective;
      if (options.on_progress &&
          !options.on_progress(static_cast<double>(r.iterations) / options.max_iterations)) {
        r.stopped = true;
        break;
      }
    }
    r.log_likelihood = vector<double>(std::move(trace));
    detail::finish(exec, tasks, q, model, sums, options.confusions, r);
    return r;
  }
};
inline constexpr dawid_skene_fn dawid_skene{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_DAWID_SKENE_HPP
