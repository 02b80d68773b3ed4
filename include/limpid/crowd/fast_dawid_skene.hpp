// SPDX-License-Identifier: BSL-1.0
/// @file limpid/crowd/fast_dawid_skene.hpp
/// Dawid and Skene's model with hard labels in the expectation step: a handful of sweeps.
#ifndef LIMPID_CROWD_FAST_DAWID_SKENE_HPP
#define LIMPID_CROWD_FAST_DAWID_SKENE_HPP

#include <limpid/crowd/dawid_skene.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::crowd {

struct fast_dawid_skene_options {
  bool hybrid = false;      ///< soft labels until the class shares settle, then hard ones
  double tolerance = 1e-4;  ///< stop when the class shares move by less, summed over classes; >= 0
  double hybrid_switch =
      5e-3;  ///< hybrid: hard labels from when they move by this or less; >= tolerance
  int max_iterations = 100;  ///< >= 1
  double floor = 1e-10;      ///< count of a label that a worker never gave a class, (0, 1e-3]
  double smoothing = 0;      ///< pseudo-count of every label of every worker's class, >= 0
  vector<std::int32_t> start =
      {};  ///< empty, or tasks: labels to start from, negative: the shares of the answers
  bool confusions = true;  ///< return every worker's matrix: workers K^2 numbers
  progress on_progress = {};
};

/// K classes. Members as dawid_skene_result's.
struct fast_dawid_skene_result {
  matrix<double>
      probabilities;  ///< tasks x K, of the last parameters: soft, though the sweeps used hard ones
  vector<std::int32_t> label;
  vector<double> prior;
  matrix<double> confusion, transition, evidence;
  matrix<std::uint8_t> row_estimated;
  vector<std::uint8_t> class_estimated;
  vector<double> accuracy, answered;
  vector<double> moved;  ///< per iteration, how far the class shares moved, summed over classes
  int iterations = 0;
  int soft_iterations = 0;  ///< of these with soft labels
  bool converged = false;
  bool stopped = false;
  double gold_agreement = 0;
  bool swapped = false;
  vector<std::uint32_t> better_names;
  std::size_t unanswered = 0;
};

namespace detail {
/// for_rows: q one-hot where a label is given.
template <memory_space S>
struct place_labels {
  vector_view<std::int32_t const, S> label;
  matrix_view<double, S> q;
  LIMPID_HD void operator()(std::size_t t) const {
    if (label[t] < 0) return;
    for (std::size_t j = 0; j < q.cols; ++j)
      q(t, j) = static_cast<std::int32_t>(j) == label[t] ? 1 : 0;
  }
};
/// sum_rows: q one-hot at its largest entry, the lowest class of equal ones; sums as share_rows.
template <memory_space S>
struct harden_rows {
  task_rows<S> tasks;
  matrix_view<double, S> q;
  LIMPID_HD void operator()(std::size_t t, double* sums) const {
    std::size_t best = 0;
    for (std::size_t j = 1; j < q.cols; ++j)
      if (q(t, j) > q(t, best)) best = j;
    for (std::size_t j = 0; j < q.cols; ++j) q(t, j) = j == best ? 1 : 0;
    if (!tasks.informs(t)) return;
    sums[best] += 1;
    sums[q.cols] += 1;
  }
};
}  // namespace detail

/// Dawid and Skene's model with each task given wholly to its most probable class before the
/// matrices are counted.
///
/// Fewer sweeps than dawid_skene, each of the same cost, and labels about as good; the matrices
/// lean to what was chosen early. `hybrid` begins with soft labels. A label that a worker never
/// gave a class keeps a count of 1e-10, so that one surprise does not rule a class out for good.
/// Ties go to the lowest class (the official program draws).
///
/// @param exec     where to run
/// @param list     crowd::answers' result
/// @param gold     tasks, the true class where it is known, negative elsewhere; may be left out
/// @param options  fast_dawid_skene_options
/// @return  fast_dawid_skene_result
/// @throws  input_error  for gold labels, options outside their intervals
/// @par Complexity   O((answers + tasks + cells) K) per iteration; memory as dawid_skene
/// @par Determinism  bitwise for any number of threads
/// @par Source       V. B. Sinha, S. Rao, V. N. Balasubramanian, "Fast Dawid-Skene: a fast vote
/// aggregation scheme for
///                   sentiment classification", WISDOM 2018
struct fast_dawid_skene_fn {
  using primitives =
      uses<ops::spmm_fn, ops::sum_rows_fn, ops::for_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, answer_source A, label_vector G>
  fast_dawid_skene_result operator()(Exec const& exec, A const& list, G const& gold,
                                     fast_dawid_skene_options const& options = {}) const {
    auto const a = detail::enter<fast_dawid_skene_fn, Exec, G>(list);
    auto const codes = detail::gold_codes(exec, where, gold, a.tasks, a.classes);
    return run(exec, a, codes.view(), options);
  }
  template <execution_policy Exec, answer_source A>
  fast_dawid_skene_result operator()(Exec const& exec, A const& list,
                                     fast_dawid_skene_options const& options = {}) const {
    return run(exec, detail::enter<fast_dawid_skene_fn, Exec>(list), {}, options);
  }
  template <answer_source A, label_vector G>
  fast_dawid_skene_result operator()(A const& list, G const& gold,
                                     fast_dawid_skene_options const& options = {}) const {
    return (*this)(default_policy, list, gold, options);
  }
  template <answer_source A>
  fast_dawid_skene_result operator()(A const& list,
                                     fast_dawid_skene_options const& options = {}) const {
    return (*this)(default_policy, list, options);
  }

 private:
  static constexpr std::string_view where = "crowd::fast_dawid_skene";

  template <class Exec>
  static fast_dawid_skene_result run(Exec const& exec, answers_view<Exec::space> a,
                                     vector_view<std::int32_t const, Exec::space> gold,
                                     fast_dawid_skene_options const& options) {
    constexpr auto S = Exec::space;
    using limpid::detail::require;
    std::size_t const classes = a.classes;
    detail::check_iterations(where, options.tolerance, options.max_iterations);
    require(options.hybrid_switch >= options.tolerance && options.hybrid_switch < 1e300, where,
            "options.hybrid_switch is ", options.hybrid_switch,
            "; need a finite number >= options.tolerance");
    require(options.floor > 0 && options.floor <= 1e-3, where, "options.floor is ", options.floor,
            "; need (0, 1e-3]");
    require(options.smoothing >= 0 && options.smoothing < 1e300, where, "options.smoothing is ",
            options.smoothing, "; need a finite number >= 0");
    require(options.start.empty() || options.start.size() == a.tasks, where, "options.start has ",
            options.start.size(), " entries, the answers have ", a.tasks, " tasks");
    for (std::size_t t = 0; t < options.start.size(); ++t)
      require(options.start[t] < 0 || static_cast<std::size_t>(options.start[t]) < classes, where,
              "options.start row ", t, " is ", options.start[t], "; need 0..", classes - 1,
              ", or negative");
    auto const cells = ops::make_buffer<double>(exec, a.tasks * classes);
    auto const q = cells.view(a.tasks, classes);
    detail::task_rows<S> const tasks{a, gold};
    detail::confusion_model<Exec> model(
        exec, a, matrix<double>(classes, classes, options.smoothing), options.floor);
    auto sums = ops::sum_rows(exec, a.tasks, classes + 1, detail::share_rows<S>{tasks, {}, q});
    if (!options.start.empty()) {
      auto const start = ops::upload(exec, options.start.view());
      ops::for_rows(exec, a.tasks, detail::place_labels<S>{start.view(), q});
    }
    bool soft = options.hybrid;
    if (!soft) sums = ops::sum_rows(exec, a.tasks, classes + 1, detail::harden_rows<S>{tasks, q});

    fast_dawid_skene_result r;
    r.prior = detail::mean_of(sums, classes);
    std::vector<double> trace;
    auto const expect = [&] {
      auto const logs = detail::logs_of(r.prior);
      auto const log_prior = ops::upload(exec, logs.view());
      model.expect(q);
      return ops::sum_rows(exec, a.tasks, classes + 4,
                           detail::posterior_rows<S>{tasks, log_prior.view(), q});
    };
    for (;;) {
      model.maximise(q);
      sums = expect();
      if (!soft) sums = ops::sum_rows(exec, a.tasks, classes + 1, detail::harden_rows<S>{tasks, q});
      auto const prior = detail::mean_of(sums, classes);
      double moved = 0;
      for (std::size_t j = 0; j < classes; ++j) moved += std::abs(prior[j] - r.prior[j]);
      r.prior = prior;
      trace.push_back(moved);
      ++r.iterations;
      r.soft_iterations += soft;
      r.converged = !soft && moved <= options.tolerance;
      if (soft && moved <= options.hybrid_switch) soft = false;
      if (r.converged || r.iterations == options.max_iterations) break;
      if (options.on_progress &&
          !options.on_progress(static_cast<double>(r.iterations) / options.max_iterations)) {
        r.stopped = true;
        break;
      }
    }
    model.maximise(q);
    sums = expect();
    r.moved = vector<double>(std::move(trace));
    detail::finish(exec, tasks, q, model, sums, options.confusions, r);
    return r;
  }
};
inline constexpr fast_dawid_skene_fn fast_dawid_skene{};

}  // namespace limpid::crowd

#endif  // LIMPID_CROWD_FAST_DAWID_SKENE_HPP
