// SPDX-License-Identifier: BSL-1.0
/// @file limpid/ops/lbfgs.hpp
/// Limited-memory BFGS with a strong Wolfe line search, for smooth functions of a few thousand
/// variables on the host.
#ifndef LIMPID_OPS_LBFGS_HPP
#define LIMPID_OPS_LBFGS_HPP

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace limpid::ops {

struct lbfgs_options {
  std::size_t memory = 10;           ///< pairs kept
  std::size_t max_iterations = 200;  ///< accepted steps
  double tolerance = 1e-5;           ///< stop at |g| <= tolerance |g(start)|
};

struct lbfgs_result {
  std::size_t iterations = 0, evaluations = 0;
  double objective = 0, gradient_norm = 0;  ///< at the returned point; Euclidean
  bool converged = false, stopped = false;
};

using numbers = std::vector<double>;

inline double dot(numbers const& a, numbers const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// A point on the search line: step, value, slope.
struct line_point {
  double step, value, slope;
};

/// Minimiser of the cubic through two points and their slopes, kept inside the inner 80 % between
/// them.
inline double cubic_step(line_point const& a, line_point const& b) {
  double const low = a.step < b.step ? a.step : b.step, high = a.step < b.step ? b.step : a.step;
  double const margin = 0.1 * (high - low);
  double const d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
  double const square = d1 * d1 - a.slope * b.slope;
  double const d2 = (b.step > a.step ? 1 : -1) * std::sqrt(square > 0 ? square : 0);
  double const step =
      b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  if (!(step >= low + margin))
    return step < low + margin ? low + margin : 0.5 * (low + high);  // not a number too
  return step > high - margin ? high - margin : step;
}

/// Minimises f from x on: f(x, g) returns the value and fills the gradient; keep_going(iterations)
/// is asked after every step. Nocedal and Wright, Numerical Optimization (2006),
/// algorithms 7.4, 7.5, 3.5 and 3.6. Trial points whose value is not finite are stepped back from.
/// x ends at the last accepted point.
template <class F, class KeepGoing>
lbfgs_result lbfgs(numbers& x, F const& f, KeepGoing const& keep_going,
                   lbfgs_options const& options) {
  constexpr double decrease = 1e-4, curvature = 0.9;
  lbfgs_result result;
  std::size_t const size = x.size();
  numbers g(size), trial(size), trial_g(size), direction(size);
  std::vector<numbers> s, y;
  numbers rho;
  double value = f(x, g);
  ++result.evaluations;
  double const start_norm = std::sqrt(dot(g, g));
  double norm = start_norm;
  bool const solvable = value - value == 0 && norm - norm == 0;

  while (solvable) {
    result.converged = norm <= options.tolerance * start_norm;
    if (result.converged || result.iterations == options.max_iterations) break;

    // two-loop recursion
    for (std::size_t i = 0; i < size; ++i) direction[i] = -g[i];
    numbers alpha(s.size());
    for (std::size_t m = s.size(); m-- > 0;) {
      alpha[m] = rho[m] * dot(s[m], direction);
      for (std::size_t i = 0; i < size; ++i) direction[i] -= alpha[m] * y[m][i];
    }
    if (!s.empty()) {
      double const scale = 1 / (rho.back() * dot(y.back(), y.back()));
      for (double& v : direction) v *= scale;
    }
    for (std::size_t m = 0; m < s.size(); ++m) {
      double const beta = rho[m] * dot(y[m], direction);
      for (std::size_t i = 0; i < size; ++i) direction[i] += (alpha[m] - beta) * s[m][i];
    }
    double slope = dot(g, direction);
    if (!(slope < 0)) {  // curvature pairs worn out by rounding
      s.clear(), y.clear(), rho.clear();
      for (std::size_t i = 0; i < size; ++i) direction[i] = -g[i];
      slope = -norm * norm;
    }

    // Strong Wolfe. `slack` lets steps be accepted that are level with the start within rounding.
    double const slack = 1e-15 * (1 + std::abs(value));
    line_point const start{0, value, slope};
    auto const at = [&](double step) {
      for (std::size_t i = 0; i < size; ++i) trial[i] = x[i] + step * direction[i];
      double const v = f(trial, trial_g);
      ++result.evaluations;
      return line_point{step, v, dot(trial_g, direction)};
    };
    auto const finite = [](line_point const& p) {
      return p.value - p.value == 0 && p.slope - p.slope == 0;
    };
    auto const too_high = [&](line_point const& p) {
      return !finite(p) || p.value > start.value + decrease * p.step * start.slope + slack;
    };
    auto const flat = [&](line_point const& p) {
      return std::abs(p.slope) <= -curvature * start.slope;
    };
    line_point low = start, high = start, now = start;
    double step = s.empty() ? (norm > 1 ? 1 / norm : 1.0) : 1.0;
    bool accepted = false, bracketed = false;
    for (int tries = 0; tries < 40 && !accepted; ++tries) {
      now = at(step);
      if (too_high(now) || (low.step > 0 && now.value > low.value + slack)) {
        high = now;
        bracketed = true;
      } else if (flat(now)) {
        accepted = true;
        break;
      } else if (!bracketed && now.slope < 0) {
        low = now;
        step *= 4;
        continue;
      } else {
        if (now.slope * (high.step - low.step) >= 0 || !bracketed) high = low;
        bracketed = true;
        low = now;
      }
      if (std::abs(high.step - low.step) <= 1e-16 * (1 + low.step)) break;
      step = finite(high) ? cubic_step(low, high) : low.step + 0.1 * (high.step - low.step);
    }
    if (!accepted && low.step > 0) {  // decreases enough, though not flat
      now = at(low.step);
      accepted = finite(now) && now.value < value;
    }
    if (!accepted) {
      if (s.empty()) break;  // not even along the gradient: rounding is all that is left
      s.clear(), y.clear(), rho.clear();
      continue;
    }

    numbers ds(size), dy(size);
    for (std::size_t i = 0; i < size; ++i) {
      ds[i] = trial[i] - x[i];
      dy[i] = trial_g[i] - g[i];
    }
    std::swap(x, trial);
    std::swap(g, trial_g);
    value = now.value;
    norm = std::sqrt(dot(g, g));
    double const bend = dot(ds, dy);
    if (bend > 1e-14 * dot(dy, dy)) {
      if (s.size() == options.memory) {
        s.erase(s.begin());
        y.erase(y.begin());
        rho.erase(rho.begin());
      }
      rho.push_back(1 / bend);
      s.push_back(std::move(ds));
      y.push_back(std::move(dy));
    }
    ++result.iterations;
    if (!keep_going(result.iterations)) {
      result.stopped = true;
      result.converged = norm <= options.tolerance * start_norm;
      break;
    }
  }
  result.objective = value;
  result.gradient_norm = norm;
  return result;
}

}  // namespace limpid::ops

#endif  // LIMPID_OPS_LBFGS_HPP
