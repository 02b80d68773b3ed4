// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/confident.hpp
/// The row functors of confident learning, and the arithmetic of its counts.
#ifndef LIMPID_TRANSITION_DETAIL_CONFIDENT_HPP
#define LIMPID_TRANSITION_DETAIL_CONFIDENT_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/check.hpp>
#include <limpid/ops/row_blocks.hpp>
#include <limpid/ops/row_reader.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/confident.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string_view>
#include <vector>

namespace limpid::transition::detail {

/// an entry this far below its threshold still passes; a label this close to the best is not
/// doubted
inline constexpr double threshold_slack = 1e-6;
inline constexpr double threshold_of_absent = 2.0;  ///< no probability reaches it
inline constexpr double least_threshold = 2e-6;
inline constexpr double tiny = 1e-100;  ///< least divisor

inline double at_least_tiny(double x) {
  return x > tiny ? x : tiny;
}

// ---- rows ----

/// sums[k] += w_i P(i, k), sums[K + k] += w_i, sums[2 K + k] += 1 where w_i > 0, for k = y_i. No
/// weights: w_i = 1, and the last third is not there.
template <class T, memory_space S>
struct self_confidence {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  vector_view<double const, S> weights;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    auto const k = static_cast<std::size_t>(y[i]);
    if (!weights.data) {
      sums[k] += static_cast<double>(p(i, k));
      sums[p.cols + k] += 1;
    } else if (weights[i] > 0) {
      sums[k] += weights[i] * static_cast<double>(p(i, k));
      sums[p.cols + k] += weights[i];
      sums[2 * p.cols + k] += 1;
    }
  }
};

/// Least value of T that reaches threshold - threshold_slack: p >= it exactly where p reaches that
/// in double.
template <class T>
vector<T> passing_bounds(vector<double> const& thresholds) {
  vector<T> bound(thresholds.size());
  for (std::size_t k = 0; k < bound.size(); ++k) {
    double const t = thresholds[k] - threshold_slack;
    bound[k] = static_cast<T>(t);
    if (static_cast<double>(bound[k]) < t)
      bound[k] = std::nextafter(bound[k], std::numeric_limits<T>::infinity());
  }
  return bound;
}

/// Is another class so far above label y that the label is in doubt? `best` is the arg max, `top`
/// its entry, `self` the label's. With the slack added to the label's entry, the arg max is not it.
template <class T>
LIMPID_HD bool in_doubt(std::int32_t y, T self, std::int32_t best, T top) {
  double const own = static_cast<double>(self) + threshold_slack, other = static_cast<double>(top);
  return best != y && (own < other || (own == other && best < y));
}

/// first_row: checks that rows are distributions and guesses on the way, while a row is in the
/// cache. With R = {k : P(i, k) >= bound_k} the guess is -1 if R is empty, its member if it has
/// one, else the arg max over all classes. If `self` has data, it gets P(i, y_i), and `doubt` 1
/// where the label is in doubt.
template <class T, memory_space S>
struct confident_scan {
  matrix_view<T const, S> p;
  vector_view<T const, S> bound;
  vector_view<std::int32_t, S> guess;
  vector_view<std::int32_t const, S> y;
  vector_view<T, S> self;
  vector_view<std::uint8_t, S> doubt;
  bool check;

  LIMPID_HD int operator()(std::size_t i) const {
    if (check)
      if (int const code = ops::detail::distribution_fault<T, S>{p}(i)) return code;
    std::size_t passing = 0, last = 0, best = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      if (p(i, k) > p(i, best)) best = k;
      if (p(i, k) >= bound[k]) {
        ++passing;
        last = k;
      }
    }
    guess[i] = passing == 0 ? -1 : static_cast<std::int32_t>(passing == 1 ? last : best);
    if (self.data) note(i, static_cast<std::int32_t>(best), p(i, best));
    return 0;
  }
  LIMPID_HD void own_rows(auto& use) { use(p); }

  ops::row_fault rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    ops::row_fault found;
    ops::detail::for_row_blocks(
        p, begin, end, [&](T const* at, std::size_t ld, std::size_t first, std::size_t count) {
          constexpr std::size_t most = 64;  // rows, of which the label's entry is still cached
          std::int32_t best[most];
          T top[most];
          bool const noting = self.data != nullptr;
          for (std::size_t done = 0; done < count && !found.code; done += most) {
            std::size_t const now = count - done < most ? count - done : most;
            auto const bad = lanes::confident_rows(at + done * ld, ld, now, p.cols, bound.data,
                                                   check ? ops::distribution_tolerance : -1.0,
                                                   guess.data + first + done,
                                                   noting ? best : nullptr, noting ? top : nullptr);
            if (bad.row < now)
              found = {first + done + bad.row, static_cast<int>(bad.fault)};
            else if (noting)
              for (std::size_t r = 0; r < now; ++r) note(first + done + r, best[r], top[r]);
          }
        });
    return found;
  }

 private:
  LIMPID_HD void note(std::size_t i, std::int32_t best, T top) const {
    self[i] = p(i, static_cast<std::size_t>(y[i]));
    doubt[i] = in_doubt(y[i], self[i], best, top);
  }
};

/// 1: counted off the diagonal; 2: counted nowhere. 0 where the weight is 0.
template <memory_space S>
struct mark_row {
  vector_view<std::int32_t const, S> y, guess;
  vector_view<double const, S> weights;
  vector_view<std::uint8_t, S> mark;
  LIMPID_HD void operator()(std::size_t i) const {
    bool const counts = !weights.data || weights[i] > 0;
    mark[i] = static_cast<std::uint8_t>(!counts ? 0 : guess[i] < 0 ? 2 : guess[i] != y[i] ? 1 : 0);
  }
};

/// first_row: code 1 where a weight is no whole number.
template <memory_space S>
struct fractional_weight {
  vector_view<double const, S> weights;
  LIMPID_HD int operator()(std::size_t i) const { return std::floor(weights[i]) != weights[i]; }
};

/// sums[k] += w_i, sums[K + k] += 1 where w_i > 0.
template <memory_space S>
struct label_weight {
  vector_view<std::int32_t const, S> y;
  vector_view<double const, S> weights;
  std::size_t classes;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    auto const k = static_cast<std::size_t>(y[i]);
    double const w = weights.data ? weights[i] : 1.0;
    sums[k] += w;
    if (w > 0) sums[classes + k] += 1;
  }
};

/// Rows [first, first + count) of a contiguous vector.
template <class T, memory_space S>
vector_view<T, S> part_of(vector_view<T, S> v, std::size_t first, std::size_t count) {
  return {v.data ? v.data + first : nullptr, v.data ? count : 0};
}

/// Thresholds and label counts of one pass.
struct class_means {
  vector<double> threshold;         ///< K
  vector<double> given_weight;      ///< K
  vector<std::size_t> given_count;  ///< K, rows of positive weight
};

template <class Exec, class Source, memory_space S>
class_means mean_self_confidence(Exec const& exec, Source const& source,
                                 vector_view<std::int32_t const, S> y,
                                 vector_view<double const, S> weights = {}) {
  using T = typename Source::value_type;
  std::size_t const classes = source.cols(), width = (weights.data ? 3 : 2) * classes;
  std::vector<double> sums(width);
  source(exec, [&](matrix_view<T const, S> p, std::size_t first) {
    auto const part = ops::sum_rows(
        exec, p.rows, width,
        self_confidence<T, S>{p, part_of(y, first, p.rows), part_of(weights, first, p.rows)});
    for (std::size_t c = 0; c < width; ++c) sums[c] += part[c];
  });
  class_means r{vector<double>(classes), vector<double>(classes), vector<std::size_t>(classes)};
  for (std::size_t k = 0; k < classes; ++k) {
    double const weight = sums[classes + k];
    r.threshold[k] =
        (std::max)(weight > 0 ? sums[k] / weight : threshold_of_absent, least_threshold);
    r.given_weight[k] = weight;
    r.given_count[k] = static_cast<std::size_t>(sums[width - classes + k]);
  }
  return r;
}

/// Runs confident_scan over all blocks; throws for the first row that is no distribution.
template <class Exec, class Source, memory_space S>
void scan_rows(Exec const& exec, std::string_view where, Source const& source,
               vector<double> const& thresholds, bool check, vector_view<std::int32_t const, S> y,
               vector_view<std::int32_t, S> guess,
               vector_view<typename Source::value_type, S> self = {},
               vector_view<std::uint8_t, S> doubt = {}) {
  using T = typename Source::value_type;
  vector<T> const host_bound = passing_bounds<T>(thresholds);
  auto const bound = ops::upload(exec, host_bound.view());
  source(exec, [&](matrix_view<T const, S> p, std::size_t first) {
    auto const fault =
        ops::first_row(exec, p.rows,
                       confident_scan<T, S>{p, bound.view(), part_of(guess, first, p.rows),
                                            part_of(y, first, p.rows), part_of(self, first, p.rows),
                                            part_of(doubt, first, p.rows), check});
    // a view of which every row is the faulty one, so that its number counts over all blocks
    if (fault.code)
      ops::report_distributions(
          exec, where, "P",
          matrix_view<T const, S>(p.row(fault.row).data, first + fault.row + 1, p.cols, 0,
                                  p.col_stride),
          ops::row_fault{first + fault.row, fault.code});
  });
}

/// Shapes and thresholds, whatever the rows come from.
inline void check_confident(std::string_view where, std::size_t rows, std::size_t classes,
                            std::size_t labels, std::vector<double> const& thresholds) {
  using limpid::detail::require;
  require(rows > 0 && classes > 0, where, "P is ", rows, " x ", classes,
          "; need at least one row and one class");
  ops::check_rows(where, "P", rows, "y", labels);
  require(thresholds.empty() || thresholds.size() == classes, where, "options.thresholds has ",
          thresholds.size(), " entries; need K = ", classes);
  for (std::size_t k = 0; k < thresholds.size(); ++k)
    require(ops::detail::is_finite(thresholds[k]), where, "options.thresholds[", k,
            "] is not finite");
}

// ---- counts ----

/// The entries of a K x K matrix of counts that are not 0: row by row (given labels), columns (true
/// classes) ascending.
struct sparse_counts {
  std::vector<std::size_t> start;  ///< K + 1
  std::vector<std::int32_t> column;
  std::vector<double> value;
  std::size_t classes() const { return start.size() - 1; }
};

inline sparse_counts to_sparse(matrix<double> const& m) {
  sparse_counts s{{0}, {}, {}};
  for (std::size_t g = 0; g < m.rows(); ++g) {
    for (std::size_t t = 0; t < m.cols(); ++t)
      if (m(g, t) != 0) {
        s.column.push_back(static_cast<std::int32_t>(t));
        s.value.push_back(m(g, t));
      }
    s.start.push_back(s.value.size());
  }
  return s;
}
inline matrix<double> to_dense(sparse_counts const& s) {
  matrix<double> m(s.classes(), s.classes());
  for (std::size_t g = 0; g < s.classes(); ++g)
    for (std::size_t c = s.start[g]; c < s.start[g + 1]; ++c)
      m(g, static_cast<std::size_t>(s.column[c])) = s.value[c];
  return m;
}
/// Rows and columns exchanged; the new columns ascend.
inline sparse_counts transposed(sparse_counts const& s) {
  std::size_t const classes = s.classes();
  sparse_counts t{std::vector<std::size_t>(classes + 1), std::vector<std::int32_t>(s.column.size()),
                  std::vector<double>(s.value.size())};
  for (std::int32_t c : s.column) ++t.start[static_cast<std::size_t>(c) + 1];
  for (std::size_t k = 0; k < classes; ++k) t.start[k + 1] += t.start[k];
  std::vector<std::size_t> next(t.start.begin(), t.start.end() - 1);
  for (std::size_t g = 0; g < classes; ++g)
    for (std::size_t c = s.start[g]; c < s.start[g + 1]; ++c) {
      std::size_t const to = next[static_cast<std::size_t>(s.column[c])]++;
      t.column[to] = static_cast<std::int32_t>(g);
      t.value[to] = s.value[c];
    }
  return t;
}

/// A sum in the order of numpy's pairwise summation (blocks of 128, eight partial sums), so that
/// where rounding decides between two whole numbers it decides as there. The entries that are not 0
/// come with ascending positions.
class pairwise_sum {
 public:
  void add(std::size_t position, double value) {
    position_.push_back(position);
    value_.push_back(value);
  }
  double of(std::size_t size) const { return part(0, size, 0, value_.size()); }

 private:
  double part(std::size_t begin, std::size_t size, std::size_t first, std::size_t last) const {
    if (first == last) return 0;
    if (size > 128) {
      std::size_t const left = size / 2 - size / 2 % 8;
      auto const cut = static_cast<std::size_t>(
          std::lower_bound(position_.begin() + static_cast<std::ptrdiff_t>(first),
                           position_.begin() + static_cast<std::ptrdiff_t>(last), begin + left) -
          position_.begin());
      return part(begin, left, first, cut) + part(begin + left, size - left, cut, last);
    }
    double r[8] = {};
    std::size_t const whole = size < 8 ? 0 : size - size % 8;
    for (; first < last && position_[first] - begin < whole; ++first)
      r[(position_[first] - begin) % 8] += value_[first];
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; first < last; ++first) sum += value_[first];
    return sum;
  }
  std::vector<std::size_t> position_;
  std::vector<double> value_;
};

/// Rounds v to whole numbers whose sum is the rounded sum of v. Halves go to even; the entries that
/// rounding moved farthest are corrected first, of equal ones the highest index when adding and the
/// lowest when taking.
inline void round_preserving_sum(double* v, std::size_t size) {
  std::vector<double> const exact(v, v + size);
  double target = 0, sum = 0;
  for (std::size_t k = 0; k < size; ++k) {
    target += exact[k];
    v[k] = std::nearbyint(exact[k]);
    sum += v[k];
  }
  target = std::nearbyint(target);
  while (std::abs(target - sum) > 1e-6) {
    double const missing = std::nearbyint(target - sum);
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return exact[a] - v[a] < exact[b] - v[b];
    });
    if (missing > 0) std::reverse(order.begin(), order.end());
    auto const changes =
        static_cast<std::size_t>((std::min)(std::abs(missing), static_cast<double>(size)));
    for (std::size_t c = 0; c < changes; ++c) v[order[c]] += missing > 0 ? 1 : -1;
    sum = 0;
    for (std::size_t k = 0; k < size; ++k) sum += v[k];
  }
}

inline double sum_of(matrix<double> const& m) {
  double sum = 0;
  for (std::size_t c = 0; c < m.rows() * m.cols(); ++c) sum += m.data()[c];
  return sum;
}

/// Scales counts (given x true) so that row g sums to given[g]; in whole numbers if `whole`. The
/// entries that are 0 stay 0: rounding is corrected where it moved something.
inline void calibrate(sparse_counts& counts, vector<double> const& given, bool whole) {
  std::size_t const classes = counts.classes();
  double rows = 0;
  for (std::size_t g = 0; g < classes; ++g) {
    double sum = 0;
    for (std::size_t c = counts.start[g]; c < counts.start[g + 1]; ++c) sum += counts.value[c];
    for (std::size_t c = counts.start[g]; c < counts.start[g + 1]; ++c)
      counts.value[c] = counts.value[c] / at_least_tiny(sum) * given[g];
    rows += given[g];
  }
  pairwise_sum total;
  auto const by_true = transposed(counts);
  for (std::size_t t = 0; t < classes; ++t)
    for (std::size_t c = by_true.start[t]; c < by_true.start[t + 1]; ++c)
      total.add(t * classes + static_cast<std::size_t>(by_true.column[c]), by_true.value[c]);
  double const scale = at_least_tiny(total.of(classes * classes));
  for (double& v : counts.value) v = v / scale * rows;
  if (!whole) return;
  for (std::size_t g = 0; g < classes; ++g)
    round_preserving_sum(counts.value.data() + counts.start[g],
                         counts.start[g + 1] - counts.start[g]);
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_CONFIDENT_HPP
