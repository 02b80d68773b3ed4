// SPDX-License-Identifier: BSL-1.0
/// @file limpid/mixture/detail/fit_losses.hpp
/// What split_losses does between its passes over the losses: where to cut at first, the
/// maximisation step, when to stop, and the verdict. K-sized work on the host.
#ifndef LIMPID_MIXTURE_DETAIL_FIT_LOSSES_HPP
#define LIMPID_MIXTURE_DETAIL_FIT_LOSSES_HPP

#include <limpid/mixture/detail/loss_em.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::mixture::detail {

/// Weight and sum of z below each edge of a group's histogram.
struct cumulated {
  double begin = 0, width = 0;      ///< first edge, length of a bin
  std::vector<double> weight, sum;  ///< bins + 1
  cumulated(double const* cells, std::size_t bins, double first, double length)
      : begin(first), width(length), weight(bins + 1), sum(bins + 1) {
    weight[0] = cells[0];
    sum[0] = cells[1];
    for (std::size_t b = 0; b < bins; ++b) {
      weight[b + 1] = weight[b] + cells[2 + 2 * b];
      sum[b + 1] = sum[b] + cells[3 + 2 * b];
    }
  }
  std::size_t bins() const { return weight.size() - 1; }
  double edge(std::size_t e) const { return begin + static_cast<double>(e) * width; }
  /// Weight of [a, b), as if spread evenly inside each bin.
  double between(double a, double b) const { return at(b) - at(a); }
  double at(double z) const {
    double const place = (z - begin) / width;
    if (!(place > 0)) return 0;
    auto const bin = place < static_cast<double>(bins()) ? static_cast<std::size_t>(place) : bins();
    if (bin == bins()) return weight[bin];
    return weight[bin] + (place - static_cast<double>(bin)) * (weight[bin + 1] - weight[bin]);
  }
};

/// Search for the cut of exact one-dimensional 2-means: the largest sum of squares between two
/// parts.
struct cut_search {
  double weight = 0, sum = 0;      ///< of all rows
  double best = -1;                ///< between-sum of squares of the best cut so far
  double below = 0, midpoint = 0;  ///< its weight below, and halfway between its two means
  double begin = 0, end = 1;       ///< window that still may hold a better cut
  bool done = false;

  double between(double w, double s) const {
    double const rest = weight - w, gap = s - w * (sum / weight);
    return w > 1e-12 * weight && rest > 1e-12 * weight ? gap * gap * (weight / w) / rest : -1;
  }

  /// Takes the best edge, then narrows the window to the bins inside which a cut may be better
  /// still. `single`: weights are counts, so a bin of weight 1 holds one loss and no cut.
  void look(cumulated const& h, bool single) {
    for (std::size_t e = 0; e <= h.bins(); ++e) {
      double const w = h.weight[e], s = h.sum[e], value = between(w, s);
      if (value <= best) continue;
      best = value;
      below = w;
      midpoint = (s / w + (sum - s) / (weight - w)) / 2;
    }
    double const mean = sum / weight, enough = best * (1 + 1e-6);
    std::size_t first = h.bins(), last = 0;
    for (std::size_t b = 0; b < h.bins(); ++b) {
      double const inside = h.weight[b + 1] - h.weight[b];
      if (!(inside > 0) || (single && inside < 1.5)) continue;
      if (bound(h, b, mean) <= enough) continue;
      first = b < first ? b : first;
      last = b;
    }
    done = first > last || h.width < 1e-14;
    begin = h.edge(first);
    end = h.edge(last + 1);
  }

  /// No cut inside bin b has a larger between-sum of squares. With w the weight and g = |sum of z -
  /// mean| on the side away from the mean, a row moved over the cut adds at most the distance of
  /// the bin's far edge from the mean to g; along that line g^2 / (w (W - w)) is largest at an end.
  double bound(cumulated const& h, std::size_t b, double mean) const {
    double const left = h.edge(b), right = h.edge(b + 1);
    double const inside = h.weight[b + 1] - h.weight[b];
    double found = std::numeric_limits<double>::infinity();
    if (left <= mean) {
      double const w = h.weight[b], g = std::abs(h.sum[b] - w * mean);
      found = larger_end(w, g, w + inside, g + inside * (mean - left));
    }
    if (right >= mean) {
      double const w = weight - h.weight[b + 1];
      double const g = std::abs(sum - h.sum[b + 1] - w * mean);
      double const other = larger_end(w, g, w + inside, g + inside * (right - mean));
      found = other < found ? other : found;
    }
    return found;
  }
  double larger_end(double w, double g, double v, double k) const {
    double const here = w > 0 ? g * g * (weight / w) / (weight - w) : 0;
    double const there =
        weight > v ? k * k * (weight / v) / (weight - v) : std::numeric_limits<double>::infinity();
    return here > there ? here : there;
  }
};

inline double normal_between(double a, double b, double mean, double variance) {
  double const unit = 1 / std::sqrt(2 * variance), u = (a - mean) * unit, v = (b - mean) * unit;
  double const p = u > 0 ? std::erfc(u) - std::erfc(v) : std::erfc(-v) - std::erfc(-u);
  return p > 0 ? p / 2 : 0;
}

/// Mean log-probability of the histogram's bins under `share(a, b)`, the model's mass of [a, b).
template <class F>
double binned_log_likelihood(cumulated const& h, double weight, F const& share) {
  double total = 0;
  for (std::size_t b = 0; b < h.bins(); ++b) {
    double const inside = h.weight[b + 1] - h.weight[b];
    if (!(inside > 0)) continue;
    double const p = share(h.edge(b), h.edge(b + 1));
    total += inside * std::log(p > 1e-300 ? p : 1e-300);
  }
  return total / weight;
}

/// bic_gain, separation, overlap, valley, justified. `mean`, `variance`: of all rows of the group.
inline void judge(loss_fit& f, cumulated const& h, double weight, double mean, double variance,
                  double reg_covar) {
  auto const two = [&](double less) {
    return binned_log_likelihood(h, weight, [&](double a, double b) {
      double p = 0;
      for (int k = 0; k < 2; ++k) {
        double const v = f.variance[k] - less;
        p += f.weight[k] * normal_between(a, b, f.mean[k], v > 1e-12 ? v : 1e-12);
      }
      return p;
    });
  };
  // the regulariser serves the fit, not the comparison: take the better of with and without
  double const with = two(0), without = two(reg_covar), parts = with > without ? with : without;
  double const v = variance > 1e-12 ? variance : 1e-12;
  double const bell = binned_log_likelihood(
      h, weight, [&](double a, double b) { return normal_between(a, b, mean, v); });
  double const rate = 1 / (mean - h.begin > 1e-12 ? mean - h.begin : 1e-12);
  double const decay = binned_log_likelihood(h, weight, [&](double a, double b) {
    return std::exp(-rate * (a - h.begin)) - std::exp(-rate * (b - h.begin));
  });
  f.bic_gain = 2 * weight * (parts - (bell > decay ? bell : decay)) - 3 * std::log(weight);
  f.separation =
      std::sqrt(2.0) * (f.mean[1] - f.mean[0]) / std::sqrt(f.variance[0] + f.variance[1]);
  f.overlap = 0;
  for (std::size_t b = 0; b < h.bins(); ++b) {
    double const inside = h.weight[b + 1] - h.weight[b];
    if (!(inside > 0)) continue;
    double const z = (h.sum[b + 1] - h.sum[b]) / inside;
    double part[2];
    for (int k = 0; k < 2; ++k) {
      double const u = z - f.mean[k];
      part[k] = std::log(f.weight[k]) - std::log(f.variance[k]) / 2 - u * u / f.variance[k] / 2;
    }
    f.overlap += inside / weight / (1 + std::exp(std::abs(part[0] - part[1])));
  }

  // the model says where the humps and the valley are, the rows say whether they are there
  constexpr int steps = 64;
  double const gap = f.mean[1] - f.mean[0];
  double lowest = std::numeric_limits<double>::infinity(), low_at = f.mean[0];
  for (int k = 0; k <= steps; ++k) {
    double const z = f.mean[0] + gap * k / steps;
    double density = 0;
    for (int c = 0; c < 2; ++c) {
      double const u = z - f.mean[c];
      density += f.weight[c] * std::exp(-u * u / f.variance[c] / 2) / std::sqrt(f.variance[c]);
    }
    if (density < lowest) {
      lowest = density;
      low_at = z;
    }
  }
  double const half = gap / 8;
  double const left = h.between(f.mean[0] - half, f.mean[0] + half);
  double const right = h.between(f.mean[1] - half, f.mean[1] + half);
  double const hump = left < right ? left : right, floor = h.between(low_at - half, low_at + half);
  f.valley = floor < hump ? floor / hump : 1;
  bool const real = f.valley < 0.8 && hump - floor > 2 * std::sqrt(hump + floor);
  double const smaller = f.weight[0] < f.weight[1] ? f.weight[0] : f.weight[1];
  f.justified = f.bic_gain > 10 && f.separation > 2 && f.overlap < 0.1 && smaller >= 0.01 && real;
}

struct em_settings {
  int max_iterations;
  double tolerance, reg_covar;
};

/// New parameters from sums about the old means: mass, first and second of each component. The tiny
/// mass keeps an empty component where it is, with the variance of the regulariser.
inline void maximise(loss_fit& f, double const (&mass)[2], double const (&first)[2],
                     double const (&second)[2], double reg_covar) {
  double const tiny = 10 * std::numeric_limits<double>::epsilon();
  double const total = mass[0] + mass[1] + 2 * tiny;
  for (std::size_t k = 0; k < 2; ++k) {
    double const m = mass[k] + tiny, shift = first[k] / m, v = second[k] / m - shift * shift;
    f.weight[k] = m / total;
    f.mean[k] += shift;
    f.variance[k] = (v > 0 ? v : 0) + reg_covar;
  }
}

inline void write_model(double* model, loss_fit const& f, bool active) {
  double const two_pi = 6.283185307179586477;
  for (int k = 0; k < 2; ++k) {
    double const v = f.variance[k] > 0 ? f.variance[k] : 1;
    model[k] = std::log(f.weight[k] > 0 ? f.weight[k] : 1) - std::log(two_pi * v) / 2;
    model[2 + k] = f.mean[k];
    model[4 + k] = 1 / v;
  }
  model[6] = active ? 1 : 0;
}

/// Fits every group. `spans`: smallest and largest z and total weight per group; groups with weight
/// below `least` or without spread stay degenerate. r.scale must be set.
template <execution_policy P, class T>
std::vector<loss_fit> fit_losses(P const& exec, loss_rows<T, P::space> const& r,
                                 std::vector<loss_span> const& spans, double least,
                                 em_settings const& settings) {
  std::size_t const groups = spans.size(), n = r.loss.size;
  std::size_t const fit = groups ? 32768 / groups : 0, bins = fit < 32 ? 32 : fit > 512 ? 512 : fit;
  std::vector<loss_fit> fits(groups);
  std::vector<char> active(groups);
  for (std::size_t g = 0; g < groups; ++g)
    active[g] = spans[g].high > spans[g].low && spans[g].weight >= least;

  // Where to cut at first: histograms, each inside the window that the one before left open.
  std::vector<cut_search> search(groups);
  std::vector<cumulated> coarse;
  coarse.reserve(groups);
  for (int zoom = 0; zoom < 6; ++zoom) {
    std::vector<double> window(2 * groups);
    bool any = false;
    for (std::size_t g = 0; g < groups; ++g) {
      if (!active[g] || search[g].done) continue;
      if (zoom == 0) {
        search[g].begin = spans[g].low;
        // a little longer, so that the largest loss falls into the last bin
        search[g].end = spans[g].high + (spans[g].high - spans[g].low) * 1e-9;
      }
      window[2 * g] = search[g].begin;
      window[2 * g + 1] = static_cast<double>(bins) / (search[g].end - search[g].begin);
      any = true;
    }
    if (!any) break;
    auto const held = upload(exec, window);
    auto const sums = ops::sum_rows(exec, n, groups * (2 * bins + 2),
                                    add_histogram<T, P::space>{r, held.view(), bins});
    for (std::size_t g = 0; g < groups; ++g) {
      bool const looks = window[2 * g + 1] > 0;
      if (!looks && zoom > 0) continue;
      cumulated h(sums.data() + g * (2 * bins + 2), bins, window[2 * g],
                  looks ? 1 / window[2 * g + 1] : 1);
      if (looks && zoom == 0) {
        search[g].weight = h.weight[bins];
        search[g].sum = h.sum[bins];
      }
      if (looks) search[g].look(h, !r.weights.data);
      if (zoom == 0) coarse.push_back(std::move(h));
    }
  }

  // Lloyd's steps until the cut reproduces itself: once, unless rounding or the zoom limit
  // interfered.
  std::vector<double> whole_variance(groups);
  std::vector<double> cut(groups, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t g = 0; g < groups; ++g)
    if (active[g]) cut[g] = search[g].midpoint;
  for (int step = 0; step < 20; ++step) {
    bool any = false;
    for (double c : cut) any = any || c == c;
    if (!any) break;
    auto const held = upload(exec, cut);
    auto const sums = ops::sum_rows(exec, n, 6 * groups, add_sides<T, P::space>{r, held.view()});
    for (std::size_t g = 0; g < groups; ++g) {
      if (!(cut[g] == cut[g])) continue;
      double const* const s = sums.data() + 6 * g;
      double const mass[2] = {s[0], s[3]}, first[2] = {s[1], s[4]}, second[2] = {s[2], s[5]};
      loss_fit& f = fits[g];
      f.mean[0] = f.mean[1] = cut[g];
      maximise(f, mass, first, second, settings.reg_covar);
      double const w = s[0] + s[3], shift = (s[1] + s[4]) / w;
      whole_variance[g] = (s[2] + s[5]) / w - shift * shift;
      bool const same = std::abs(s[0] - search[g].below) <= 1e-9 * w || !(s[0] > 0) || !(s[3] > 0);
      search[g].below = s[0];
      cut[g] = same ? std::numeric_limits<double>::quiet_NaN() : (f.mean[0] + f.mean[1]) / 2;
    }
  }

  // Expectation and maximisation. The likelihood is of the parameters that enter the step.
  std::vector<char> running = active;
  for (std::size_t g = 0; g < groups; ++g) {
    fits[g].degenerate = !active[g];
    fits[g].log_likelihood = active[g] ? -std::numeric_limits<double>::infinity() : 0;
    fits[g].converged = !active[g];
  }
  std::vector<double> model(groups * model_width);
  for (int step = 1; step <= settings.max_iterations; ++step) {
    bool any = false;
    for (std::size_t g = 0; g < groups; ++g) {
      write_model(&model[g * model_width], fits[g], running[g]);
      any = any || running[g];
    }
    if (!any) break;
    auto const held = upload(exec, model);
    auto const sums =
        ops::sum_rows(exec, n, 7 * groups, add_expectation<T, P::space>{r, held.view()});
    for (std::size_t g = 0; g < groups; ++g) {
      if (!running[g]) continue;
      double const* const s = sums.data() + 7 * g;
      double const mass[2] = {s[0], s[1]}, first[2] = {s[2], s[3]}, second[2] = {s[4], s[5]};
      double const now = s[6] / search[g].weight;
      loss_fit& f = fits[g];
      maximise(f, mass, first, second, settings.reg_covar);
      f.converged = std::abs(now - f.log_likelihood) < settings.tolerance;
      f.log_likelihood = now;
      f.iterations = step;
      running[g] = !f.converged;
    }
  }

  for (std::size_t g = 0; g < groups; ++g) {
    loss_fit& f = fits[g];
    if (!active[g]) continue;
    if (f.mean[1] < f.mean[0]) {
      std::swap(f.mean[0], f.mean[1]);
      std::swap(f.variance[0], f.variance[1]);
      std::swap(f.weight[0], f.weight[1]);
    }
    judge(f, coarse[g], search[g].weight, search[g].sum / search[g].weight, whole_variance[g],
          settings.reg_covar);
  }
  return fits;
}

}  // namespace limpid::mixture::detail

#endif  // LIMPID_MIXTURE_DETAIL_FIT_LOSSES_HPP
