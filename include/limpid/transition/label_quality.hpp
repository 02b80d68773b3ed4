// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/label_quality.hpp
/// A score for every label: how well it fits the probabilities of its row, of one model or several.
#ifndef LIMPID_TRANSITION_LABEL_QUALITY_HPP
#define LIMPID_TRANSITION_LABEL_QUALITY_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/confident.hpp>
#include <limpid/transition/detail/ensemble.hpp>
#include <limpid/transition/detail/quality.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition {

struct label_quality_options {
  quality_score score = quality_score::self_confidence;
  /// against class imbalance: entries less their class's threshold plus the largest threshold, rows
  /// then divided by their sums; not for the entropy score
  bool adjust = false;
  std::vector<double> thresholds = {};  ///< K, to adjust by; empty: confident_joint's
  /// cleanlab 2.9.0 to the letter: a one-hot row has entropy score 0, the worst (its limit is 1)
  bool cleanlab_compatible = false;
  bool validate = true;  ///< check that rows of P are distributions
};

struct label_quality_result {
  vector<double> score;             ///< n, in [0, 1] for distributions; low: the label looks wrong
  vector<double> thresholds;        ///< K, subtracted; empty if not adjusted
  vector<std::uint8_t> label_seen;  ///< K, 0: no row has label k, so that its threshold is 2; empty
                                    ///< if not adjusted or thresholds were given
};

/// Scores how well each label fits the probabilities that a model predicts for its row.
///
/// Self-confidence p_y finds labels that no model would give; the margin (p_y - max of the others +
/// 1) / 2 finds those for which another class is better; the entropy score weighs p_y by how sure
/// the model is: with x = -sum p log p / (p_y log K), log(1 + x) / x.
///
/// @param exec     where to run
/// @param P        n x K, probabilities predicted out of fold; n, K >= 1
/// @param y        n, given labels 0..K-1
/// @param options  label_quality_options
/// @return  label_quality_result
/// @throws  input_error  for shapes, rows of P that are no distributions, labels out of range, an
///                       adjusted entropy score, thresholds not finite
/// @par Complexity   O(nK) time, O(n) for self-confidence that is neither checked nor adjusted; n
///                   doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty
///                   in dataset labels", JAIR 2021; the adjustment and the third score are
///                   cleanlab's
struct label_quality_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  label_quality_result operator()(Exec const& exec, M const& P, L const& y,
                                  label_quality_options const& options = {}) const {
    limpid::detail::enter<label_quality_fn, Exec, M, L>();
    auto&& held_p = limpid::detail::materialise(P);
    auto&& held_y = limpid::detail::materialise(y);
    matrix_view<value_t<M> const, Exec::space> const p = limpid::view(held_p);
    vector_view<value_t<L> const, Exec::space> const given = limpid::view(held_y);
    constexpr char const* where = "transition::label_quality";
    detail::check_confident(where, p.rows, p.cols, given.size, options.thresholds);
    detail::check_adjusted(where, options.adjust, options.score);
    if (options.validate) ops::check_distributions(exec, where, "P", p);
    auto const labels = ops::check_labels(exec, where, "y", given, p.cols);
    return run(exec, p, labels.view(), options);
  }

  template <real_matrix M, label_vector L>
  label_quality_result operator()(M const& P, L const& y,
                                  label_quality_options const& options = {}) const {
    return (*this)(default_policy, P, y, options);
  }

 private:
  template <class Exec, class T, memory_space S>
  static label_quality_result run(Exec const& exec, matrix_view<T const, S> p,
                                  vector_view<std::int32_t const, S> y,
                                  label_quality_options const& options) {
    label_quality_result r;
    if (options.adjust) {
      if (options.thresholds.empty()) {
        auto means = detail::mean_self_confidence(exec, ops::detail::resident_rows<T, S>{p}, y);
        r.thresholds = std::move(means.threshold);
        r.label_seen = vector<std::uint8_t>(p.cols);
        for (std::size_t k = 0; k < p.cols; ++k) r.label_seen[k] = means.given_count[k] > 0;
      } else {
        r.thresholds = vector<double>(options.thresholds);
      }
    }
    auto const out = ops::make_buffer<double>(exec, p.rows);
    detail::score_all(exec, p, y, options.score, r.thresholds, options.cleanlab_compatible,
                      out.view());
    r.score = ops::download(exec, out.view());
    return r;
  }
};
inline constexpr label_quality_fn label_quality{};

/// How the scores of several models are put together.
enum class ensemble_weighting {
  uniform,
  accuracy,  ///< by the share of rows whose arg max is the label
  log_loss,  ///< by exp(-t L), L the model's log loss, t that of the weighted average's least log
             ///< loss
  custom
};

struct label_quality_ensemble_options {
  quality_score score = quality_score::self_confidence;
  bool adjust = false;  ///< each model's by its own thresholds; see label_quality_options
  ensemble_weighting weighting = ensemble_weighting::accuracy;
  std::vector<double> weights = {};  ///< for custom: one per model, finite, used as they are
  /// for log_loss: the t tried, finite
  std::vector<double> temperatures = {1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 2e2};
  bool cleanlab_compatible = false;  ///< see label_quality_options
  bool validate = true;              ///< check that rows of every P are distributions
};

struct label_quality_ensemble_result {
  vector<double> score;     ///< n, the weighted sum of the models' scores
  vector<double> weight;    ///< per model; sums to 1 unless custom
  vector<double> accuracy;  ///< per model; empty unless weighted by it
  vector<double> log_loss;  ///< per model, in nats, entries below 1e-6 raised to it; empty unless
                            ///< weighted by it
  double temperature = 0;   ///< the t chosen; 0 unless weighted by log loss
  bool uniform_fall_back = false;  ///< every model's weight was 0: uniform instead
};

/// Scores labels by several models: a weighted sum of each model's label_quality.
///
/// @param exec     where to run
/// @param members  at least one n x K matrix per model, probabilities predicted out of fold
/// @param y        n, given labels 0..K-1
/// @param options  label_quality_ensemble_options
/// @return  label_quality_ensemble_result
/// @throws  input_error  for no member, shapes, rows that are no distributions, labels out of
///                       range, an adjusted entropy score, weights that are missing, not finite or
///                       not asked for, no temperature
/// @par Complexity   O(M n K) time for M models; M n doubles
/// @par Determinism  bitwise for any number of threads
/// @par Source       cleanlab 2.9.0, rank.get_label_quality_ensemble_scores
struct label_quality_ensemble_fn {
  using primitives = uses<ops::for_rows_fn, ops::sum_rows_fn, ops::first_row_fn, ops::copy_fn>;

  template <execution_policy Exec, real_matrix M, label_vector L>
  label_quality_ensemble_result operator()(
      Exec const& exec, std::vector<M> const& members, L const& y,
      label_quality_ensemble_options const& options = {}) const {
    limpid::detail::enter<label_quality_ensemble_fn, Exec, M, L>();
    constexpr auto S = Exec::space;
    using T = value_t<M>;
    auto&& held_y = limpid::detail::materialise(y);
    vector_view<value_t<L> const, S> const given = limpid::view(held_y);
    limpid::detail::require(!members.empty(), where, "members is empty; need at least one model");
    detail::check_adjusted(where, options.adjust, options.score);
    check_weights(options, members.size());

    detail::member_reader<Exec, T> reader(exec, where, options.validate);
    for (M const& each : members) {
      auto&& held = limpid::detail::materialise(each);
      reader.first_look(limpid::view(held), given);
    }
    auto const labels = ops::check_labels(exec, where, "y", given, reader.classes());
    for (M const& each : members) {
      auto&& held = limpid::detail::materialise(each);
      reader.read(limpid::view(held), labels.view(), options.score, options.adjust,
                  options.cleanlab_compatible, options.weighting == ensemble_weighting::accuracy,
                  options.weighting == ensemble_weighting::log_loss);
    }
    label_quality_ensemble_result r;
    weigh(reader, options, r);
    r.score = reader.combine(r.weight);
    return r;
  }

  template <real_matrix M, label_vector L>
  label_quality_ensemble_result operator()(
      std::vector<M> const& members, L const& y,
      label_quality_ensemble_options const& options = {}) const {
    return (*this)(default_policy, members, y, options);
  }

 private:
  static constexpr char const* where = "transition::label_quality_ensemble";

  static void check_weights(label_quality_ensemble_options const& options, std::size_t members) {
    using limpid::detail::require;
    bool const custom = options.weighting == ensemble_weighting::custom;
    require(custom || options.weights.empty(), where,
            "options.weights is given, but options.weighting is not custom");
    require(!custom || options.weights.size() == members, where, "options.weights has ",
            options.weights.size(), " entries; need one per model = ", members);
    for (std::size_t m = 0; m < options.weights.size(); ++m)
      require(ops::detail::is_finite(options.weights[m]), where, "options.weights[", m,
              "] is not finite");
    bool const search = options.weighting == ensemble_weighting::log_loss;
    require(!search || !options.temperatures.empty(), where, "options.temperatures is empty");
    for (std::size_t t = 0; t < options.temperatures.size(); ++t)
      require(ops::detail::is_finite(options.temperatures[t]), where, "options.temperatures[", t,
              "] is not finite");
  }

  template <class Reader>
  static void weigh(Reader const& reader, label_quality_ensemble_options const& options,
                    label_quality_ensemble_result& r) {
    std::size_t const members = reader.members();
    r.weight = vector<double>(members, 1.0);
    if (options.weighting == ensemble_weighting::custom) {
      r.weight = vector<double>(options.weights);
      return;
    }
    if (options.weighting == ensemble_weighting::accuracy)
      r.weight = r.accuracy = reader.accuracy();
    if (options.weighting == ensemble_weighting::log_loss) {
      r.log_loss = reader.log_loss();
      double least = 0;
      for (std::size_t t = 0; t < options.temperatures.size(); ++t) {
        auto const weight = detail::softened(r.log_loss, options.temperatures[t]);
        double const loss = reader.log_loss_of_average(weight);
        if (t == 0 || loss < least) {
          least = loss;
          r.weight = weight;
          r.temperature = options.temperatures[t];
        }
      }
    }
    r.uniform_fall_back = !detail::make_shares(r.weight);
  }
};
inline constexpr label_quality_ensemble_fn label_quality_ensemble{};

}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_LABEL_QUALITY_HPP
