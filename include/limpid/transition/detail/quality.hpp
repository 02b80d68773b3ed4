// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/quality.hpp
/// The row functors of the label-quality scores.
#ifndef LIMPID_TRANSITION_DETAIL_QUALITY_HPP
#define LIMPID_TRANSITION_DETAIL_QUALITY_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_blocks.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/confident.hpp>
#include <limpid/transition/detail/confident.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::transition {

/// How well a label fits a row p of probabilities: low where it looks wrong.
enum class quality_score {
  self_confidence,             ///< p_y
  normalized_margin,           ///< (p_y - max of the others + 1) / 2
  confidence_weighted_entropy  ///< log(1 + x) / x, x = normalised entropy of p / p_y
};

namespace detail {

/// What the scores are made from, for one row.
template <class T, memory_space S>
struct score_of_row {
  matrix_view<T const, S> p;
  vector_view<std::int32_t const, S> y;
  quality_score score;
  vector_view<double const, S> thresholds;  ///< to adjust by; no data: as they are
  double largest_threshold;
  bool cleanlab_compatible;

  LIMPID_HD double entry(std::size_t i, std::size_t k) const {
    auto const v = static_cast<double>(p(i, k));
    return thresholds.data ? v - thresholds[k] + largest_threshold : v;
  }
  /// Adjusted entries are divided by this.
  LIMPID_HD double total(std::size_t i) const {
    if (!thresholds.data) return 1;
    double sum = 0;
    for (std::size_t k = 0; k < p.cols; ++k) sum += entry(i, k);
    return sum;
  }
  LIMPID_HD double operator()(std::size_t i) const {
    auto const own = static_cast<std::size_t>(y[i]);
    if (score == quality_score::self_confidence) return entry(i, own) / total(i);
    if (score == quality_score::normalized_margin) {
      if (p.cols == 1) return from_margin(entry(i, own) / total(i));
      double other = own == 0 ? entry(i, 1) : entry(i, 0);
      for (std::size_t k = 0; k < p.cols; ++k) {
        double const v = entry(i, k);
        if (k != own && v > other) other = v;
      }
      double const sum = total(i);
      return from_margin(entry(i, own) / sum - other / sum);
    }
    double entropy = 0;
    for (std::size_t k = 0; k < p.cols; ++k) {
      auto const v = static_cast<double>(p(i, k));
      if (v > 0) entropy -= v * std::log(v);
    }
    return from_entropy(entropy, static_cast<double>(p(i, own)));
  }

  LIMPID_HD static double from_margin(double margin) { return (margin + 1) / 2; }
  /// The limit for x = 0 is 1; cleanlab's floor under the divisor makes it 0, the worst score.
  LIMPID_HD double from_entropy(double entropy, double self) const {
    double const log_classes = std::log(static_cast<double>(p.cols));
    double const normalised = p.cols > 1 && entropy > 0 ? entropy / log_classes : 0;
    double const x = normalised / (self > threshold_slack ? self : threshold_slack);
    if (cleanlab_compatible) return std::log(x + 1) / (x > threshold_slack ? x : threshold_slack);
    return x > 0 ? std::log1p(x) / x : 1;
  }
};

/// out[i] = score of row i.
template <class T, memory_space S>
struct score_rows {
  score_of_row<T, S> of;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const { out[i] = of(i); }
  LIMPID_HD void own_rows(auto& use) {
    if (of.thresholds.data || of.score != quality_score::self_confidence) use(of.p);
  }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    if (of.thresholds.data || of.p.cols == 1 || of.score == quality_score::self_confidence) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i);
      return;
    }
    ops::detail::for_row_blocks(
        of.p, begin, end, [&](T const* at, std::size_t ld, std::size_t first, std::size_t count) {
          double* const to = out.data + first;
          if (of.score == quality_score::normalized_margin) {
            lanes::row_margins(at, ld, count, of.p.cols, of.y.data + first, to);
            for (std::size_t r = 0; r < count; ++r) to[r] = of.from_margin(to[r]);
            return;
          }
          constexpr std::size_t most = 64;
          T entropy[most];
          for (std::size_t done = 0; done < count; done += most) {
            std::size_t const now = count - done < most ? count - done : most;
            lanes::entropy(at + done * ld, ld, now, of.p.cols, entropy);
            for (std::size_t r = 0; r < now; ++r) {
              auto const own = static_cast<std::size_t>(of.y[first + done + r]);
              to[done + r] = of.from_entropy(static_cast<double>(entropy[r]),
                                             static_cast<double>(of.p(first + done + r, own)));
            }
          }
        });
  }
};

/// out[r] = score of row index[r] - first of the block.
template <class T, memory_space S>
struct score_some_rows {
  score_of_row<T, S> of;
  vector_view<std::uint32_t const, S> index;
  std::size_t first;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t r) const { out[r] = of(index[r] - first); }
};

inline double largest_of(vector<double> const& v) {
  double top = v.empty() ? 0 : v[0];
  for (double x : v) top = x > top ? x : top;
  return top;
}

}  // namespace detail
}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_DETAIL_QUALITY_HPP
