// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/bootstrap_rows.hpp
/// Rows drawn anew, rows left out, and the ends of intervals from what an estimator makes of them.
#ifndef LIMPID_TRANSITION_DETAIL_BOOTSTRAP_ROWS_HPP
#define LIMPID_TRANSITION_DETAIL_BOOTSTRAP_ROWS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/transition/detail/normal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace limpid::transition::detail {

/// The q-quantile of sorted values by ranks q (size + 1): what an interval's ends need, where few
/// draws have to stand for a distribution.
inline double draw_quantile(double const* sorted, std::size_t size, double q) {
  double const rank = q * static_cast<double>(size + 1) - 1;
  if (rank <= 0) return sorted[0];
  auto const at = static_cast<std::size_t>(rank);
  if (at + 1 >= size) return sorted[size - 1];
  return sorted[at] + (rank - static_cast<double>(at)) * (sorted[at + 1] - sorted[at]);
}

/// Row numbers by label: those of label k are row[start[k]] to row[start[k + 1] - 1].
struct rows_by_label {
  std::vector<std::uint64_t> start, row;
  rows_by_label(vector<std::int32_t> const& label, std::size_t classes)
      : start(classes + 1), row(label.size()) {
    for (std::int32_t y : label) ++start[static_cast<std::size_t>(y) + 1];
    for (std::size_t k = 0; k < classes; ++k) start[k + 1] += start[k];
    auto next = start;
    for (std::size_t i = 0; i < label.size(); ++i)
      row[next[static_cast<std::size_t>(label[i])]++] = i;
  }
};

/// index[i] = a row drawn from all rows, or, if `start` has data, from those with row i's label.
template <memory_space S>
struct draw_row {
  vector_view<std::int32_t const, S> y;
  vector_view<std::uint64_t const, S> start, row;
  std::uint64_t seed;
  std::uint32_t stream;
  vector_view<std::uint64_t, S> index;
  LIMPID_HD void operator()(std::size_t i) const {
    random_stream draw(seed, stream, i);
    if (!start.data) {
      index[i] = draw.below(y.size);
      return;
    }
    auto const k = static_cast<std::size_t>(y[i]);
    index[i] = row[static_cast<std::size_t>(start[k] + draw.below(start[k + 1] - start[k]))];
  }
};

/// sum_rows: how often each label was drawn.
template <memory_space S>
struct count_drawn {
  vector_view<std::int32_t const, S> y;
  vector_view<std::uint64_t const, S> index;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[static_cast<std::size_t>(y[static_cast<std::size_t>(index[i])])] += 1;
  }
};

/// Draws rows, n out of n, for replicate after replicate.
template <class Exec>
class row_drawer {
  static constexpr memory_space S = Exec::space;

 public:
  row_drawer(Exec const& exec, vector_view<std::int32_t const, S> y, std::size_t classes,
             std::uint64_t seed, bool within_labels)
      : exec_(exec),
        y_(y),
        label_(ops::download(exec, y)),
        groups_(label_, classes),
        seed_(seed),
        within_(within_labels),
        start_(ops::upload(exec, on_host(groups_.start))),
        row_(ops::upload(exec, on_host(groups_.row))),
        index_(ops::make_buffer<std::uint64_t>(exec, y.size)) {}

  /// Rows of replicate `stream`; the view holds until the next call. A label that the draw has
  /// missed gets one row, in the place of one of a label drawn twice.
  vector_view<std::uint64_t const, S> draw(std::uint32_t stream) {
    std::size_t const classes = groups_.start.size() - 1;
    draw_row<S> rows{y_, {}, {}, seed_, stream, index_.view()};
    if (within_) rows.start = start_.view(), rows.row = row_.view();
    ops::for_rows(exec_, y_.size, rows);
    if (!within_) {
      auto drawn = ops::sum_rows(exec_, y_.size, classes, count_drawn<S>{y_, index_.view()});
      bool missed = false;
      for (std::size_t k = 0; k < classes; ++k)
        missed = missed || (drawn[k] == 0 && groups_.start[k + 1] > groups_.start[k]);
      if (missed) put_back(stream, drawn);
    }
    return index_.view();
  }

  /// All rows but part `g` of `parts`, whose rows are dealt label by label.
  vector_view<std::uint64_t const, S> without(std::size_t g, std::size_t parts) {
    if (dealt_.empty()) {
      dealt_ = groups_.row;
      for (std::size_t k = 0; k + 1 < groups_.start.size(); ++k) {
        random_stream shuffle(seed_, 0xffffffffu, k);
        for (std::size_t r = groups_.start[k + 1]; r > groups_.start[k] + 1; --r)
          std::swap(dealt_[r - 1], dealt_[groups_.start[k] + shuffle.below(r - groups_.start[k])]);
      }
    }
    std::vector<std::uint64_t> kept;
    kept.reserve(dealt_.size());
    for (std::size_t r = 0; r < dealt_.size(); ++r)
      if (r % parts != g) kept.push_back(dealt_[r]);
    std::sort(kept.begin(), kept.end());
    auto const to = vector_view<std::uint64_t, S>(index_.view().data, kept.size());
    ops::copy(exec_, on_host(kept), to);
    return to;
  }

  std::size_t patched() const { return patched_; }

 private:
  static vector_view<std::uint64_t const> on_host(std::vector<std::uint64_t> const& v) {
    return {v.data(), v.size()};
  }
  void put_back(std::uint32_t stream, std::vector<double>& drawn) {
    auto index = ops::download(exec_, index_.view());
    random_stream draw(seed_, stream, y_.size);
    for (std::size_t k = 0; k + 1 < groups_.start.size(); ++k) {
      std::uint64_t const rows = groups_.start[k + 1] - groups_.start[k];
      if (drawn[k] > 0 || rows == 0) continue;
      for (std::uint64_t& i : index) {
        auto const other = static_cast<std::size_t>(label_[static_cast<std::size_t>(i)]);
        if (drawn[other] < 2) continue;
        drawn[other] -= 1;
        drawn[k] = 1;
        i = groups_.row[static_cast<std::size_t>(groups_.start[k] + draw.below(rows))];
        break;
      }
    }
    ops::copy(exec_, std::as_const(index).view(), index_.view());
    ++patched_;
  }

  Exec const& exec_;
  vector_view<std::int32_t const, S> y_;
  vector<std::int32_t> label_;
  rows_by_label groups_;
  std::uint64_t seed_;
  bool within_;
  ops::buffer<std::uint64_t, Exec> start_, row_, index_;
  std::vector<std::uint64_t> dealt_;
  std::size_t patched_ = 0;
};

/// The levels whose percentiles are the ends of a bias-corrected and accelerated interval. `below`:
/// share of the draws below the estimate; `left_out`: estimates without each part of the rows.
inline std::pair<double, double> bca_levels(double below, std::size_t draws,
                                            std::vector<double> const& left_out, double level) {
  double const least = 0.5 / static_cast<double>(draws);
  double const z0 = normal_quantile((std::min)((std::max)(below, least), 1 - least));
  double mean = 0, square = 0, cube = 0;
  for (double x : left_out) mean += x / static_cast<double>(left_out.size());
  for (double x : left_out) {
    double const gap = mean - x;
    square += gap * gap;
    cube += gap * gap * gap;
  }
  double const a = square > 0 ? cube / (6 * square * std::sqrt(square)) : 0;
  auto const moved = [&](double q) {
    double const z = z0 + normal_quantile(q);
    return normal_cdf(z0 + z / (1 - a * z));
  };
  return {moved((1 - level) / 2), moved((1 + level) / 2)};
}

/// log |det| and log cond (1-norm) of a square matrix; -inf and inf where it is singular.
inline std::pair<double, double> log_determinant_and_condition(matrix<double> a) {
  std::size_t const size = a.rows();
  auto const norm = [size](matrix<double> const& m) {
    double largest = 0;
    for (std::size_t j = 0; j < size; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < size; ++i) sum += std::abs(m(i, j));
      largest = (std::max)(largest, sum);
    }
    return largest;
  };
  double const start = norm(a);
  double logs = 0;
  auto inverse = matrix<double>::identity(size);
  for (std::size_t k = 0; k < size; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < size; ++i)
      if (std::abs(a(i, k)) > std::abs(a(pivot, k))) pivot = i;
    if (!(std::abs(a(pivot, k)) > 0)) return {-INFINITY, INFINITY};
    if (pivot != k) {
      std::swap_ranges(&a(k, 0), &a(k, 0) + size, &a(pivot, 0));
      std::swap_ranges(&inverse(k, 0), &inverse(k, 0) + size, &inverse(pivot, 0));
    }
    logs += std::log(std::abs(a(k, k)));
    for (std::size_t i = 0; i < size; ++i) {
      if (i == k) continue;
      double const factor = a(i, k) / a(k, k);
      if (factor == 0) continue;
      for (std::size_t j = k; j < size; ++j) a(i, j) -= factor * a(k, j);
      for (std::size_t j = 0; j < size; ++j) inverse(i, j) -= factor * inverse(k, j);
    }
  }
  for (std::size_t k = 0; k < size; ++k)
    for (std::size_t j = 0; j < size; ++j) inverse(k, j) /= a(k, k);
  return {logs, std::log((std::max)(start * norm(inverse), 1.0))};
}

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_BOOTSTRAP_ROWS_HPP
