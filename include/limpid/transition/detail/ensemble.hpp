// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/ensemble.hpp
/// What is read of each model of an ensemble, and how the models are weighed.
#ifndef LIMPID_TRANSITION_DETAIL_ENSEMBLE_HPP
#define LIMPID_TRANSITION_DETAIL_ENSEMBLE_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/confident.hpp>
#include <limpid/transition/detail/quality.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace limpid::transition::detail {

inline constexpr double least_member_probability = 1e-6;              ///< in a model's log loss
inline constexpr double least_average_share = 2.220446049250313e-16;  ///< in the average's

inline void check_adjusted(std::string_view where, bool adjust, quality_score score) {
  limpid::detail::require(!adjust || score != quality_score::confidence_weighted_entropy, where,
                          "options.adjust is not defined for the entropy score");
}

/// Scores of all rows; adjusted where there are thresholds.
template <class Exec, class T, memory_space S>
void score_all(Exec const& exec, matrix_view<T const, S> p, vector_view<std::int32_t const, S> y,
               quality_score score, vector<double> const& thresholds, bool cleanlab_compatible,
               vector_view<double, S> out) {
  auto const shift = ops::upload(exec, thresholds.view());
  ops::for_rows(exec, p.rows,
                score_rows<T, S>{{p, y, score, vector_view<double const, S>(shift.view()),
                                  largest_of(thresholds), cleanlab_compatible},
                                 out});
}

/// Shares of a sum; uniform and false if the sum is not positive.
inline bool make_shares(vector<double>& weight) {
  double sum = 0;
  for (double w : weight) sum += w;
  bool const usable = sum > 0 && ops::detail::is_finite(sum);
  for (double& w : weight) w = usable ? w / sum : 1 / static_cast<double>(weight.size());
  return usable;
}

/// exp(-t loss), as shares. The smallest loss is taken out, so that some weight is 1 before.
inline vector<double> softened(vector<double> const& loss, double t) {
  double least = t * loss[0];
  for (double x : loss) least = (std::min)(least, t * x);
  vector<double> weight(loss.size());
  for (std::size_t m = 0; m < loss.size(); ++m) weight[m] = std::exp(least - t * loss[m]);
  make_shares(weight);
  return weight;
}

/// sums[0] += 1 where the arg max is the label.
template <class T, memory_space S>
struct count_correct {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t best = 0;
    for (std::size_t k = 1; k < p.cols; ++k)
      if (p(i, k) > p(i, best)) best = k;
    if (static_cast<std::int32_t>(best) == y[i]) sums[0] += 1;
  }
};

/// self = P(i, y_i), total = the row's sum; sums[0] += -log of the label's share of the row whose
/// entries are raised to least_member_probability.
template <class T, memory_space S>
struct member_loss {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  vector_view<double, S> self, total;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double sum = 0, raised = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      auto const v = static_cast<double>(p(i, k));
      sum += v;
      raised += v > least_member_probability ? v : least_member_probability;
    }
    self[i] = static_cast<double>(p(i, static_cast<std::size_t>(y[i])));
    total[i] = sum;
    sums[0] -= std::log((self[i] > least_member_probability ? self[i] : least_member_probability) /
                        raised);
  }
};

/// sums[0] += -log of the label's share of the weighted average; self and total hold n entries of
/// each model one behind the other.
template <memory_space S>
struct average_loss {
  vector_view<double const, S> self, total, weight;
  std::size_t n;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double own = 0, all = 0;
    for (std::size_t m = 0; m < weight.size; ++m) {
      own += weight[m] * self[m * n + i];
      all += weight[m] * total[m * n + i];
    }
    double const share = all > 0 ? own / all : 0;
    double const low = least_average_share;
    sums[0] -= std::log(share < low ? low : share > 1 - low ? 1 - low : share);
  }
};

template <memory_space S>
struct add_scaled {
  vector_view<double const, S> from;
  double weight;
  vector_view<double, S> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] += weight * from[i]; }
};
template <memory_space S>
struct set_zero {
  vector_view<double, S> to;
  LIMPID_HD void operator()(std::size_t i) const { to[i] = 0; }
};

/// Reads the models one after the other; keeps a score per row and model.
template <class Exec, class T>
class member_reader {
  static constexpr memory_space S = Exec::space;

 public:
  member_reader(Exec const& exec, std::string_view where, bool validate)
      : exec_(exec), where_(where), validate_(validate) {}

  template <class Label>
  void first_look(matrix_view<T const, S> p, vector_view<Label const, S> y) {
    using limpid::detail::require;
    std::string const name = "members[" + std::to_string(members_) + "]";
    require(p.rows > 0 && p.cols > 0, where_, name, " is ", p.rows, " x ", p.cols,
            "; need at least one row and one class");
    if (members_ == 0) n_ = p.rows, classes_ = p.cols;
    require(p.rows == n_ && p.cols == classes_, where_, name, " is ", p.rows, " x ", p.cols,
            "; members[0] is ", n_, " x ", classes_);
    ops::check_rows(where_, name, p.rows, "y", y.size);
    if (validate_) ops::check_distributions(exec_, where_, name, p);
    ++members_;
  }
  std::size_t classes() const { return classes_; }
  std::size_t members() const { return members_; }

  void read(matrix_view<T const, S> p, vector_view<std::int32_t const, S> y, quality_score score,
            bool adjust, bool cleanlab_compatible, bool accuracy, bool loss) {
    auto const rows = static_cast<double>(n_);
    vector<double> thresholds;
    if (adjust)
      thresholds = mean_self_confidence(exec_, ops::detail::resident_rows<T, S>{p}, y).threshold;
    auto scores = ops::make_buffer<double>(exec_, n_);
    score_all(exec_, p, y, score, thresholds, cleanlab_compatible, scores.view());
    scores_.push_back(std::move(scores));
    if (accuracy)
      accuracy_.push_back(ops::sum_rows(exec_, n_, 1, count_correct<T, S>{p, y})[0] / rows);
    if (!loss) return;
    if (self_.size() == 0) {
      self_ = ops::make_buffer<double>(exec_, members_ * n_);
      total_ = ops::make_buffer<double>(exec_, members_ * n_);
    }
    std::size_t const at = loss_.size() * n_;
    loss_.push_back(ops::sum_rows(exec_, n_, 1,
                                  member_loss<T, S>{p, y, part_of(self_.view(), at, n_),
                                                    part_of(total_.view(), at, n_)})[0] /
                    rows);
  }
  vector<double> accuracy() const { return vector<double>(accuracy_); }
  vector<double> log_loss() const { return vector<double>(loss_); }
  double log_loss_of_average(vector<double> const& weight) const {
    auto const w = ops::upload(exec_, weight.view());
    return ops::sum_rows(exec_, n_, 1,
                         average_loss<S>{self_.view(), total_.view(), w.view(), n_})[0] /
           static_cast<double>(n_);
  }
  vector<double> combine(vector<double> const& weight) const {
    auto const sum = ops::make_buffer<double>(exec_, n_);
    ops::for_rows(exec_, n_, set_zero<S>{sum.view()});
    for (std::size_t m = 0; m < members_; ++m)
      ops::for_rows(exec_, n_, add_scaled<S>{scores_[m].view(), weight[m], sum.view()});
    return ops::download(exec_, sum.view());
  }

 private:
  Exec const& exec_;
  std::string_view where_;
  bool validate_;
  std::size_t n_ = 0, classes_ = 0, members_ = 0;
  std::vector<ops::buffer<double, Exec>> scores_;
  ops::buffer<double, Exec> self_{exec_, 0}, total_{exec_, 0};
  std::vector<double> accuracy_, loss_;
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_ENSEMBLE_HPP
