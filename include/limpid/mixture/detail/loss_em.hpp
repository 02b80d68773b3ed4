// SPDX-License-Identifier: BSL-1.0
/// @file limpid/mixture/detail/loss_em.hpp
/// The passes over the losses behind split_losses, for one group of rows or one per class, all
/// groups at once: extremes, histogram, sums of the two clusters, expectation step, posterior.
#ifndef LIMPID_MIXTURE_DETAIL_LOSS_EM_HPP
#define LIMPID_MIXTURE_DETAIL_LOSS_EM_HPP

#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/loss_mixture.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

namespace limpid::mixture {

/// Two Gaussians on the losses z = (loss - scale_low) / (scale_high - scale_low), and whether to
/// believe in two.
struct loss_fit {
  double scale_low = 0, scale_high = 1;  ///< the loss that is z = 0 and the loss that is z = 1
  double weight[2] = {1, 0};             ///< share of each component, sum 1; ascending mean
  double mean[2] = {0, 0};               ///< of z
  double variance[2] = {0, 0};           ///< of z, reg_covar included
  int iterations = 0;                    ///< EM steps taken
  bool converged = false;                ///< the mean log-likelihood moved less than the tolerance
  double log_likelihood = 0;  ///< mean per row, of the parameters that entered the last step
  bool degenerate = true;     ///< no rows, or all losses equal: every row has prob_clean = 1
  /// BIC of one hump (the better of a Gaussian and an exponential) less BIC of the two Gaussians,
  /// on the histogram of z. Above 0: two parts describe the losses better.
  double bic_gain = 0;
  double separation = 0;  ///< Ashman's D = |mean gap| / root mean variance; two humps show above 2
  double overlap = 0;     ///< share of rows that a split would misplace if the fit were the truth
  /// Rows where the fitted density is lowest between the means, as a share of the rows around the
  /// mean that has fewer (windows of a quarter of the gap). 1 = no valley.
  double valley = 1;
  /// bic_gain > 10, separation > 2, overlap < 0.1, both weights >= 0.01, valley < 0.8 and by two
  /// standard errors.
  bool justified = false;
};

namespace detail {

/// Losses as the passes read them. `group`, `weights`: no data = one group, all weights 1.
template <class T, memory_space S>
struct loss_rows {
  vector_view<T const, S> loss;
  vector_view<double const, S> weights;
  vector_view<std::int32_t const, S> group;
  vector_view<double const, S> scale;  ///< per group: offset, factor; z = (loss - offset) * factor

  LIMPID_HD std::size_t group_of(std::size_t i) const {
    return group.data ? static_cast<std::size_t>(group[i]) : 0;
  }
  LIMPID_HD double weight_of(std::size_t i) const { return weights.data ? weights[i] : 1.0; }
  LIMPID_HD double z(std::size_t i, std::size_t g) const {
    return (static_cast<double>(loss[i]) - scale[2 * g]) * scale[2 * g + 1];
  }
  bool one_group() const { return !group.data; }
};

inline constexpr std::size_t extremes_width = 64;  ///< groups of one pass for extremes

template <std::size_t Width>
struct extremes {
  double low[Width], high[Width], weight[Width];
};
template <class T, memory_space S, std::size_t Width>
struct fold_extremes {
  vector_view<T const, S> loss;
  vector_view<double const, S> weights;
  vector_view<std::int32_t const, S> group;
  std::size_t first;
  LIMPID_HD void operator()(std::size_t i, extremes<Width>& e) const {
    std::size_t const g = group.data ? static_cast<std::size_t>(group[i]) - first : 0;
    double const w = weights.data ? weights[i] : 1.0;
    if (g >= Width || !(w > 0)) return;
    auto const x = static_cast<double>(loss[i]);
    e.low[g] = x < e.low[g] ? x : e.low[g];
    e.high[g] = x > e.high[g] ? x : e.high[g];
    e.weight[g] += w;
  }
};
template <std::size_t Width>
struct merge_extremes {
  LIMPID_HD void operator()(extremes<Width>& a, extremes<Width> const& b) const {
    for (std::size_t g = 0; g < Width; ++g) {
      a.low[g] = b.low[g] < a.low[g] ? b.low[g] : a.low[g];
      a.high[g] = b.high[g] > a.high[g] ? b.high[g] : a.high[g];
      a.weight[g] += b.weight[g];
    }
  }
};

/// Weighted counts and sums of z in `bins` equal bins of each group's window, and below the window.
template <class T, memory_space S>
struct add_histogram {
  loss_rows<T, S> rows_;
  vector_view<double const, S> window;  ///< per group: begin, bins / length; 0 = skip the group
  std::size_t bins;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const g = rows_.group_of(i);
    double const factor = window[2 * g + 1], w = rows_.weight_of(i);
    if (!(factor > 0) || !(w > 0)) return;
    double const z = rows_.z(i, g), at = (z - window[2 * g]) * factor + 1;
    if (at >= static_cast<double>(bins + 1)) return;
    double* const cell = sums + g * (2 * bins + 2) + 2 * static_cast<std::size_t>(at > 0 ? at : 0);
    cell[0] += w;
    cell[1] += w * z;
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const {
    if (!rows_.one_group() || rows_.weights.data || bins > most) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i, sums);
      return;
    }
    double const offset = rows_.scale[0], factor = rows_.scale[1];
    double const first = window[0], per = window[1], last = static_cast<double>(bins);
    if (!(per > 0)) return;
    // cell 0: below the window, bins + 1: above. Two tables: neighbouring rows often share a bin.
    double table[2][2 * (most + 2)] = {};
    for (std::size_t i = begin; i < end; ++i) {
      double const z = (static_cast<double>(rows_.loss[i]) - offset) * factor;
      double const at = (z - first) * per + 1;
      double const low = at > 0 ? at : 0, held = low < last + 1 ? low : last + 1;  // no branches
      double* const cell = table[i & 1] + 2 * static_cast<std::size_t>(static_cast<int>(held));
      cell[0] += 1;
      cell[1] += z;
    }
    for (std::size_t c = 0; c < 2 * (bins + 1); ++c) sums[c] += table[0][c] + table[1][c];
  }
  static constexpr std::size_t most = 512;
};

/// Per group and side of its cut: weight, sum of u and of u^2, where u = z - cut.
template <class T, memory_space S>
struct add_sides {
  loss_rows<T, S> rows_;
  vector_view<double const, S> cut;  ///< per group; NaN = skip the group
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const g = rows_.group_of(i);
    double const u = rows_.z(i, g) - cut[g], w = rows_.weight_of(i);
    if (!(u - u == 0) || !(w > 0)) return;
    double* const side = sums + 6 * g + (u < 0 ? 0 : 3);
    side[0] += w;
    side[1] += w * u;
    side[2] += w * u * u;
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const {
    if (!rows_.one_group() || rows_.weights.data) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i, sums);
      return;
    }
    double const offset = rows_.scale[0], factor = rows_.scale[1], at = cut[0];
    if (!(at - at == 0)) return;
    constexpr std::size_t lanes = 4;  // independent chains of additions
    double all[3][lanes] = {}, low[3][lanes] = {};
    std::size_t i = begin;
    for (; i + lanes <= end; i += lanes)
      for (std::size_t l = 0; l < lanes; ++l) {
        double const u = (static_cast<double>(rows_.loss[i + l]) - offset) * factor - at;
        double const below = u < 0 ? 1.0 : 0.0, v = u < 0 ? u : 0.0;
        all[1][l] += u;
        all[2][l] += u * u;
        low[0][l] += below;
        low[1][l] += v;
        low[2][l] += v * v;
      }
    for (std::size_t k = 0; k < 3; ++k) {
      double const a = (all[k][0] + all[k][1]) + (all[k][2] + all[k][3]);
      double const b = (low[k][0] + low[k][1]) + (low[k][2] + low[k][3]);
      sums[k] += b;
      sums[3 + k] += (k == 0 ? static_cast<double>(i - begin) : a) - b;
    }
    for (; i < end; ++i) (*this)(i, sums);
  }
};

/// One group's model as the passes read it: doubles log_norm[2], mean[2], precision[2], active.
inline constexpr std::size_t model_width = 7;

/// log of weight times density of component k at z.
template <memory_space S>
LIMPID_HD double log_part(vector_view<double const, S> model, std::size_t g, std::size_t k,
                          double z) {
  double const u = z - model[g * model_width + 2 + k];
  return model[g * model_width + k] - 0.5 * model[g * model_width + 4 + k] * u * u;
}

/// Rows [i, i + count) as an array: in place, or gathered into `room`.
inline constexpr std::size_t loss_block = 1024;
template <class T, memory_space S>
T const* next_to_each_other(vector_view<T const, S> v, std::size_t i, std::size_t count, T* room) {
  if (v.contiguous()) return v.data + i;
  for (std::size_t j = 0; j < count; ++j) room[j] = v[i + j];
  return room;
}

/// Expectation step. Per group: mass[2], first[2], second[2] about the component's mean, sum of
/// log-densities.
template <class T, memory_space S>
struct add_expectation {
  loss_rows<T, S> rows_;
  vector_view<double const, S> model;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    std::size_t const g = rows_.group_of(i);
    double const w = rows_.weight_of(i);
    if (!(model[g * model_width + 6] > 0) || !(w > 0)) return;
    double const z = rows_.z(i, g), a = log_part(model, g, 0, z), b = log_part(model, g, 1, z);
    double const e = std::exp(a < b ? a - b : b - a), larger = 1 / (1 + e), smaller = e / (1 + e);
    double* const s = sums + 7 * g;
    for (std::size_t k = 0; k < 2; ++k) {
      double const r = w * ((k == 0) == (a >= b) ? larger : smaller);
      double const u = z - model[g * model_width + 2 + k];
      s[k] += r;
      s[2 + k] += r * u;
      s[4 + k] += r * u * u;
    }
    s[6] += w * ((a < b ? b : a) + std::log1p(e));
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const {
    if (!rows_.one_group() || (rows_.weights.data && !std::is_same_v<T, double>)) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i, sums);
      return;
    }
    lanes::loss_mixture const m = kernel_model(model);
    // whole tiles where the losses lie next to each other, else gathered into blocks; cut alike
    T gathered[loss_block];
    double weighed[loss_block];
    for (std::size_t i = begin; i < end; i += loss_block) {
      std::size_t const count = end - i < loss_block ? end - i : loss_block;
      T const* const x = next_to_each_other(rows_.loss, i, count, gathered);
      lanes::loss_mixture_sums s;
      if constexpr (std::is_same_v<T, double>)
        s = lanes::loss_mixture_step<T>(
            x, count, rows_.scale[0], rows_.scale[1], m,
            rows_.weights.data ? next_to_each_other(rows_.weights, i, count, weighed) : nullptr);
      else
        s = lanes::loss_mixture_step<T>(x, count, rows_.scale[0], rows_.scale[1], m);
      for (std::size_t k = 0; k < 2; ++k) {
        sums[k] += s.mass[k];
        sums[2 + k] += s.first[k];
        sums[4 + k] += s.second[k];
      }
      sums[6] += s.log_likelihood;
    }
  }
  static lanes::loss_mixture kernel_model(vector_view<double const, S> model) {
    lanes::loss_mixture m{};
    for (std::size_t k = 0; k < 2; ++k) {
      m.log_norm[k] = model[k];
      m.mean[k] = model[2 + k];
      m.precision[k] = model[4 + k];
    }
    return m;
  }
};

/// Posterior of the component with the smaller mean, and whether it is above the threshold.
template <class T, memory_space S>
struct write_posterior {
  loss_rows<T, S> rows_;
  vector_view<double const, S> model;
  bool monotone;
  double threshold;
  vector_view<double, S> prob;
  vector_view<std::uint8_t, S> clean;

  /// Log odds of the larger-mean component.
  LIMPID_HD double odds(std::size_t g, double z) const {
    return log_part(model, g, 1, z) - log_part(model, g, 0, z);
  }
  /// The odds made to rise with z: their running maximum to the right of the smaller mean, their
  /// running minimum to the left. They are a parabola in z.
  LIMPID_HD double rising_odds(std::size_t g, double z) const {
    double const* const p = &model[g * model_width];
    double const low = p[2], curve = p[4] - p[5];  // of the parabola, times 1/2
    double const apex = curve != 0 ? (p[4] * p[2] - p[5] * p[3]) / curve : low;
    if (z >= low) {
      if (curve < 0) return odds(g, z < apex ? z : apex > low ? apex : low);
      double const here = odds(g, z), start = odds(g, low);
      return here > start ? here : start;
    }
    if (curve > 0) return odds(g, apex < z ? z : apex < low ? apex : low);
    double const here = odds(g, z), start = odds(g, low);
    return here < start ? here : start;
  }
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const g = rows_.group_of(i);
    double p = 1;
    if (model[g * model_width + 6] > 0) {
      double const z = rows_.z(i, g), o = monotone ? rising_odds(g, z) : odds(g, z);
      p = o > 0 ? std::exp(-o) / (1 + std::exp(-o)) : 1 / (1 + std::exp(o));
    }
    prob[i] = p;
    clean[i] = p > threshold ? 1 : 0;
  }
  void rows(std::size_t begin, std::size_t end) const {
    if (!rows_.one_group() || monotone || !(model[6] > 0)) {
      for (std::size_t i = begin; i < end; ++i) (*this)(i);
      return;
    }
    lanes::loss_mixture const m = add_expectation<T, S>::kernel_model(model);
    T gathered[loss_block], part[loss_block];
    for (std::size_t i = begin; i < end; i += loss_block) {
      std::size_t const count = end - i < loss_block ? end - i : loss_block;
      lanes::loss_mixture_posterior<T>(next_to_each_other(rows_.loss, i, count, gathered), count,
                                       rows_.scale[0], rows_.scale[1], m, part);
      for (std::size_t j = 0; j < count; ++j) {
        auto const p = static_cast<double>(part[j]);
        prob[i + j] = p;
        clean[i + j] = p > threshold ? 1 : 0;
      }
    }
  }
};

/// z of a stack of losses: the mean over epochs of each epoch's scaled loss.
template <class T, memory_space S>
struct mean_scaled {
  matrix_view<T const, S> history;     ///< epochs x n
  vector_view<double const, S> scale;  ///< per epoch: offset, factor
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t t = 0; t < history.rows; ++t)
      sum += (static_cast<double>(history(t, i)) - scale[2 * t]) * scale[2 * t + 1];
    out[i] = sum / static_cast<double>(history.rows);
  }
};

struct loss_span {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double weight = 0;
};

/// Smallest and largest loss and total weight of each group.
template <std::size_t Width, execution_policy P, class T>
void spans_of(P const& exec, loss_rows<T, P::space> const& r, std::vector<loss_span>& spans) {
  for (std::size_t first = 0; first < spans.size(); first += Width) {
    extremes<Width> none;
    for (std::size_t g = 0; g < Width; ++g) {
      none.low[g] = std::numeric_limits<double>::infinity();
      none.high[g] = -none.low[g];
      none.weight[g] = 0;
    }
    extremes<Width> const e =
        ops::fold_rows(exec, r.loss.size, none,
                       fold_extremes<T, P::space, Width>{r.loss, r.weights, r.group, first},
                       merge_extremes<Width>{});
    for (std::size_t g = 0; g < Width && first + g < spans.size(); ++g)
      spans[first + g] = {e.low[g], e.high[g], e.weight[g]};
  }
}

/// Host numbers where the passes can read them.
template <execution_policy P>
ops::buffer<double, P> upload(P const& exec, std::vector<double> const& values) {
  return ops::upload(exec, vector_view<double const>(values.data(), values.size()));
}

}  // namespace detail
}  // namespace limpid::mixture

#endif  // LIMPID_MIXTURE_DETAIL_LOSS_EM_HPP
