// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/bilevel_head.hpp
/// A softmax-linear head fitted through T, and how a loss of the fitted head changes with T.
#ifndef LIMPID_TRANSITION_DETAIL_BILEVEL_HEAD_HPP
#define LIMPID_TRANSITION_DETAIL_BILEVEL_HEAD_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>
#include <limpid/ops/lbfgs.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/simd/linear.hpp>
#include <limpid/simd/math.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace limpid::transition::detail {

/// What the passes over the rows share. Parameters are K blocks of d weights and a constant.
template <class T, memory_space S>
struct head_rows {
  matrix_view<T const, S> x;
  vector_view<std::int32_t const, S> y;
  matrix_view<double, S> s, q;  ///< n x K, P(true | x), and P(true | x, given)
  matrix_view<double, S> a;     ///< n x K, logits of a direction
  vector_view<double, S> nll;   ///< n, -log P(given | x)
  double holdout;
  std::uint64_t seed;

  LIMPID_HD bool held(std::size_t i) const {
    return holdout > 0 && random_stream(seed, 0, i).uniform() < holdout;
  }
  LIMPID_HD bool fits(std::size_t i) const { return !held(i); }
  LIMPID_HD bool judges(std::size_t i) const { return holdout == 0 || held(i); }
  LIMPID_HD std::size_t label(std::size_t i) const { return static_cast<std::size_t>(y[i]); }
  LIMPID_HD double logit(vector_view<double const, S> const& v, std::size_t i,
                         std::size_t k) const {
    std::size_t const d = x.cols, first = k * (d + 1);
    double z = v[first + d];
    for (std::size_t j = 0; j < d; ++j) z += v[first + j] * static_cast<double>(x(i, j));
    return z;
  }

  /// use(features, leading dimension, first row, rows) over [begin, end), a few rows at a time, in
  /// double.
  template <class Use>
  void blocks(std::size_t begin, std::size_t end, Use const& use) const {
    std::size_t const d = x.cols, fit = (std::size_t{1} << 14) / d / 64 * 64,
                      most = fit < 64    ? 64
                             : fit > 256 ? 256
                                         : fit;
    bool const own = std::is_same_v<T, double> && x.col_stride == 1 && x.row_stride >= 0;
    std::vector<double> packed(own ? 0 : most * d);
    for (std::size_t first = begin; first < end; first += most) {
      std::size_t const count = end - first < most ? end - first : most;
      if constexpr (std::is_same_v<T, double>)
        if (own) {
          use(&x(first, 0), static_cast<std::size_t>(x.row_stride), first, count);
          continue;
        }
      for (std::size_t r = 0; r < count; ++r)
        for (std::size_t j = 0; j < d; ++j)
          packed[r * d + j] = static_cast<double>(x(first + r, j));
      use(static_cast<double const*>(packed.data()), d, first, count);
    }
  }
  /// Logits of v for rows [begin, end), to n x K without padding.
  void logits(vector_view<double const, S> const& v, std::size_t begin, std::size_t end,
              matrix_view<double, S> out) const {
    std::size_t const d = x.cols, K = out.cols;
    std::vector<double> constant(K);
    for (std::size_t k = 0; k < K; ++k) constant[k] = v[k * (d + 1) + d];
    blocks(begin, end, [&](double const* at, std::size_t ld, std::size_t first, std::size_t count) {
      lanes::linear_rows(at, ld, count, d, v.data, d + 1,
                         static_cast<double const*>(constant.data()), K, &out(first, 0), K);
    });
  }
};

/// for_rows: s, q and nll at the parameters w, in the log domain.
template <class T, memory_space S>
struct predict_head {
  head_rows<T, S> on;
  vector_view<double const, S> w;
  matrix_view<double const, S> log_t;  ///< K x K, may hold -inf off the diagonal
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const K = on.s.cols, label = on.label(i);
    double top = 0, seen = 0;
    for (std::size_t k = 0; k < K; ++k) {
      double const z = on.logit(w, i, k), through = z + log_t(k, label);
      on.s(i, k) = z;
      on.q(i, k) = through;
      if (k == 0 || z > top) top = z;
      if (k == 0 || through > seen) seen = through;
    }
    double sum = 0, part = 0;
    for (std::size_t k = 0; k < K; ++k) {
      sum += on.s(i, k) = std::exp(on.s(i, k) - top);
      part += on.q(i, k) = std::exp(on.q(i, k) - seen);
    }
    for (std::size_t k = 0; k < K; ++k) {
      on.s(i, k) /= sum;
      on.q(i, k) /= part;
    }
    on.nll[i] = top + std::log(sum) - seen - std::log(part);
  }

  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    if (begin == end) return;
    std::size_t const K = on.s.cols, count = end - begin;
    on.logits(w, begin, end, on.s);
    std::vector<double> shift(count);  // top - seen
    for (std::size_t r = 0; r < count; ++r) {
      double *const s = &on.s(begin + r, 0), *const q = &on.q(begin + r, 0);
      std::size_t const label = on.label(begin + r);
      double top = 0, seen = 0;
      for (std::size_t k = 0; k < K; ++k) {
        q[k] = s[k] + log_t(k, label);
        if (k == 0 || s[k] > top) top = s[k];
        if (k == 0 || q[k] > seen) seen = q[k];
      }
      for (std::size_t k = 0; k < K; ++k) {
        s[k] -= top;
        q[k] -= seen;
      }
      shift[r] = top - seen;
    }
    double *const s = &on.s(begin, 0), *const q = &on.q(begin, 0);
    lanes::exp(static_cast<double const*>(s), s, count * K);
    lanes::exp(static_cast<double const*>(q), q, count * K);
    for (std::size_t r = 0; r < count; ++r) {
      double sum = 0, part = 0;
      for (std::size_t k = 0; k < K; ++k) {
        sum += s[r * K + k];
        part += q[r * K + k];
      }
      for (std::size_t k = 0; k < K; ++k) {
        s[r * K + k] /= sum;
        q[r * K + k] /= part;
      }
      on.nll[begin + r] = shift[r] + std::log(sum) - std::log(part);
    }
  }
};

/// for_rows: a = logits of the direction v.
template <class T, memory_space S>
struct direct_head {
  head_rows<T, S> on;
  vector_view<double const, S> v;
  LIMPID_HD void operator()(std::size_t i) const {
    for (std::size_t k = 0; k < on.a.cols; ++k) on.a(i, k) = on.logit(v, i, k);
  }
  void rows(std::size_t begin, std::size_t end) const
    requires(S == memory_space::host)
  {
    if (begin < end) on.logits(v, begin, end, on.a);
  }
};

// Slopes of a row by its logits: used(i), at(i) what the row's classes share, (row, i, k) the
// slope, extra(i, sums) what is summed beside.

/// Forward loss: s - q. Beside: nll, rows.
template <class T, memory_space S>
struct forward_slope {
  struct shared {};
  head_rows<T, S> on;
  LIMPID_HD bool used(std::size_t i) const { return on.fits(i); }
  LIMPID_HD shared at(std::size_t) const { return {}; }
  LIMPID_HD double operator()(shared const&, std::size_t i, std::size_t k) const {
    return on.s(i, k) - on.q(i, k);
  }
  LIMPID_HD void extra(std::size_t i, double* sums) const {
    sums[0] += on.nll[i];
    sums[1] += 1;
  }
};

/// Hessian of the forward loss times the direction: (diag s - s s' - diag q + q q') a, which need
/// not be positive; Gauss-Newton: (q - s)(q - s)' a, which is at least 0.
template <class T, memory_space S>
struct forward_bend {
  struct shared {
    double s = 0, q = 0;
  };
  head_rows<T, S> on;
  bool gauss_newton;
  LIMPID_HD bool used(std::size_t i) const { return on.fits(i); }
  LIMPID_HD shared at(std::size_t i) const {
    shared r;
    for (std::size_t k = 0; k < on.a.cols; ++k) {
      r.s += on.s(i, k) * on.a(i, k);
      r.q += on.q(i, k) * on.a(i, k);
    }
    return r;
  }
  LIMPID_HD double operator()(shared const& r, std::size_t i, std::size_t k) const {
    double const s = on.s(i, k), q = on.q(i, k), a = on.a(i, k);
    return gauss_newton ? (q - s) * (r.q - r.s) : s * (a - r.s) - q * (a - r.q);
  }
  LIMPID_HD void extra(std::size_t, double*) const {}
};

/// Robust loss scale (1 - s_y). Beside: it, nll, rows, K sums of s.
template <class T, memory_space S>
struct robust_slope {
  struct shared {
    std::size_t label;
    double own;
  };
  head_rows<T, S> on;
  double scale;
  LIMPID_HD bool used(std::size_t i) const { return on.judges(i); }
  LIMPID_HD shared at(std::size_t i) const { return {on.label(i), scale * on.s(i, on.label(i))}; }
  LIMPID_HD double operator()(shared const& r, std::size_t i, std::size_t k) const {
    return r.own * (on.s(i, k) - (k == r.label ? 1.0 : 0.0));
  }
  LIMPID_HD void extra(std::size_t i, double* sums) const {
    sums[0] += scale * (1 - on.s(i, on.label(i)));
    sums[1] += on.nll[i];
    sums[2] += 1;
    for (std::size_t k = 0; k < on.s.cols; ++k) sums[3 + k] += on.s(i, k);
  }
};

/// sum_rows: K (d + 1) slopes by the parameters, then the slope's own sums.
template <class T, class Slope, memory_space S>
struct head_slopes {
  head_rows<T, S> on;
  Slope slope;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (!slope.used(i)) return;
    std::size_t const d = on.x.cols, K = on.s.cols;
    auto const row = slope.at(i);
    for (std::size_t k = 0; k < K; ++k) {
      double const c = slope(row, i, k);
      double* const to = sums + k * (d + 1);
      for (std::size_t j = 0; j < d; ++j) to[j] += c * static_cast<double>(on.x(i, j));
      to[d] += c;
    }
    slope.extra(i, sums + K * (d + 1));
  }

  void rows(std::size_t begin, std::size_t end, double* sums) const
    requires(S == memory_space::host)
  {
    std::size_t const d = on.x.cols, K = on.s.cols;
    std::vector<double> slopes;
    on.blocks(begin, end,
              [&](double const* at, std::size_t ld, std::size_t first, std::size_t count) {
                slopes.assign(count * K, 0.0);
                for (std::size_t r = 0; r < count; ++r) {
                  std::size_t const i = first + r;
                  if (!slope.used(i)) continue;
                  auto const row = slope.at(i);
                  for (std::size_t k = 0; k < K; ++k)
                    sums[k * (d + 1) + d] += slopes[r * K + k] = slope(row, i, k);
                  slope.extra(i, sums + K * (d + 1));
                }
                lanes::accumulate_outer(static_cast<double const*>(slopes.data()), K, at, ld, count,
                                        K, d, sums, d + 1);
              });
  }
};

/// sum_rows: minus the slope by T of <slope of the forward loss by the parameters, direction>.
template <class T, memory_space S>
struct transition_slopes {
  head_rows<T, S> on;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (!on.fits(i)) return;
    std::size_t const K = on.s.cols;
    double const by_u = std::exp(on.nll[i]);
    double mean = 0;
    for (std::size_t k = 0; k < K; ++k) mean += on.q(i, k) * on.a(i, k);
    for (std::size_t k = 0; k < K; ++k)
      sums[k * K + on.label(i)] += on.s(i, k) * by_u * (on.a(i, k) - mean);
  }
};

/// sum_rows: rows that judge and are not fitted to.
struct judging_rows {
  double holdout;
  std::uint64_t seed;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (random_stream(seed, 0, i).uniform() < holdout) sums[0] += 1;
  }
};

/// sum_rows: K numbers of rows with the label.
template <memory_space S>
struct labelled_rows {
  vector_view<std::int32_t const, S> y;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    sums[static_cast<std::size_t>(y[i])] += 1;
  }
};

struct bilevel_settings {
  double penalty, damping;
  double inner_tolerance, solve_tolerance;
  std::size_t inner_iterations, solve_iterations;
  double scale;  ///< of the robust loss
  double holdout;
  std::uint64_t seed;
};

/// The outer loss at a fitted head.
struct judged {
  double loss = 0, forward_loss = 0;
  ops::numbers gradient;  ///< by the parameters
  ops::numbers share;     ///< K, mean P(true)
};

/// The head at one T after another; parameters and directions start from those of the T before.
template <class Exec, class T>
class bilevel_head {
  static constexpr auto S = Exec::space;

 public:
  bilevel_head(Exec const& exec, matrix_view<T const, S> x, vector_view<std::int32_t const, S> y,
               std::size_t classes, bilevel_settings const& settings)
      : exec_(exec),
        classes_(classes),
        size_(classes * (x.cols + 1)),
        set_(settings),
        prediction_(exec, x.rows * classes),
        posterior_(exec, x.rows * classes),
        logits_(exec, x.rows * classes),
        nll_(exec, x.rows),
        log_t_(exec, classes * classes),
        parameters_(exec, size_),
        w_(size_),
        v_(size_),
        rows_{x,
              y,
              prediction_.view(x.rows, classes),
              posterior_.view(x.rows, classes),
              logits_.view(x.rows, classes),
              nll_.view(),
              settings.holdout,
              settings.seed} {}

  ops::numbers const& parameters() const { return w_; }

  void place(matrix<double> const& t) {
    matrix<double> logs = t;
    for (std::size_t c = 0; c < classes_ * classes_; ++c) logs.data()[c] = std::log(t.data()[c]);
    ops::copy(exec_, std::as_const(logs).view(), log_t_.view(classes_, classes_));
  }

  /// Minimises the mean forward loss + penalty / 2 |w|^2: Newton steps from where the last T left
  /// it, L-BFGS where they do not help. Returns the gradient's norm.
  double fit() {
    ops::numbers g(size_), next_g(size_);
    double value = evaluate(w_, g), norm = std::sqrt(ops::dot(g, g));
    bool stale = false;
    for (int round = 0; round < 30 && norm > set_.inner_tolerance; ++round) {
      bool stepped = false;
      if (warm_) {
        ops::numbers next(size_);
        auto const ended = solve(g, next, 1e-2, false, 0);
        for (std::size_t c = 0; c < size_; ++c) next[c] = w_[c] - next[c];
        if (ended.positive) {
          double const there = evaluate(next, next_g), less = std::sqrt(ops::dot(next_g, next_g));
          stepped = less <= 0.5 * norm && there <= value + 1e-12 * (1 + std::abs(value));
          stale = !stepped;
          if (stepped) {
            std::swap(w_, next);
            std::swap(g, next_g);
            value = there;
            norm = less;
          }
        }
      }
      if (stepped) continue;
      double const target = (std::max)(set_.inner_tolerance, 1e-3 * norm), before = norm;
      ops::lbfgs(
          w_, [&](ops::numbers const& w, ops::numbers& to) { return evaluate(w, to); },
          [](std::size_t) { return true; },
          {.max_iterations = set_.inner_iterations, .tolerance = target / norm});
      warm_ = true;
      stale = false;
      value = evaluate(w_, g);
      norm = std::sqrt(ops::dot(g, g));
      if (!(norm < before)) break;  // rounding is all that is left
    }
    if (stale) evaluate(w_, g);
    return norm;
  }

  /// At the fitted parameters.
  judged judge() const {
    auto const sums = slopes(robust_slope<T, S>{rows_, set_.scale}, 3 + classes_);
    judged r;
    double const count = sums[size_ + 2];
    r.loss = sums[size_] / count;
    r.forward_loss = sums[size_ + 1] / count;
    r.gradient.assign(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(size_));
    for (double& g : r.gradient) g /= count;
    for (std::size_t k = 0; k < classes_; ++k) r.share.push_back(sums[size_ + 3 + k] / count);
    return r;
  }

  struct slope_by_t {
    matrix<double> by_t;  ///< K x K, entries of T taken as free
    double residual = 0;  ///< of the linear system, relative
    bool gauss_newton = false;
  };
  /// d loss(w*(T)) / d T, given d loss / d w at w*.
  slope_by_t hypergradient(ops::numbers const& by_w) {
    slope_by_t r;
    auto ended = solve(by_w, v_, set_.solve_tolerance, false, set_.damping);
    if (!ended.positive) {
      r.gauss_newton = true;
      v_.assign(size_, 0.0);
      ended = solve(by_w, v_, set_.solve_tolerance, true, set_.damping);
    }
    r.residual = ended.residual;
    direct(v_);
    auto const sums =
        ops::sum_rows(exec_, rows_.x.rows, classes_ * classes_, transition_slopes<T, S>{rows_});
    r.by_t = matrix<double>(classes_, classes_);
    for (std::size_t c = 0; c < sums.size(); ++c) r.by_t.data()[c] = sums[c] / fitted_;
    return r;
  }

 private:
  template <class Slope>
  ops::numbers slopes(Slope const& slope, std::size_t beside) const {
    return ops::sum_rows(exec_, rows_.x.rows, size_ + beside,
                         head_slopes<T, Slope, S>{rows_, slope});
  }

  vector_view<double const, S> there(ops::numbers const& v) const {
    ops::copy(exec_, vector_view<double const>(v.data(), v.size()), parameters_.view());
    return parameters_.view();
  }

  double evaluate(ops::numbers const& w, ops::numbers& gradient) {
    ops::for_rows(exec_, rows_.x.rows,
                  predict_head<T, S>{rows_, there(w), log_t_.view(classes_, classes_)});
    auto const sums = slopes(forward_slope<T, S>{rows_}, 2);
    fitted_ = sums[size_ + 1];
    for (std::size_t c = 0; c < size_; ++c) gradient[c] = sums[c] / fitted_ + set_.penalty * w[c];
    return sums[size_] / fitted_ + 0.5 * set_.penalty * ops::dot(w, w);
  }

  void direct(ops::numbers const& v) const {
    ops::for_rows(exec_, rows_.x.rows, direct_head<T, S>{rows_, there(v)});
  }

  struct solved {
    double residual = 0;
    bool positive = true;
  };
  /// Conjugate gradients for (H + damping) v = b from v on; ends where curvature is not positive.
  solved solve(ops::numbers const& b, ops::numbers& v, double tolerance, bool gauss_newton,
               double damping) const {
    auto const times = [&](ops::numbers const& p) {
      direct(p);
      auto out = slopes(forward_bend<T, S>{rows_, gauss_newton}, 0);
      for (std::size_t c = 0; c < size_; ++c)
        out[c] = out[c] / fitted_ + (set_.penalty + damping) * p[c];
      return out;
    };
    double const whole = ops::dot(b, b);
    if (!(whole > 0)) {
      v.assign(size_, 0.0);
      return {};
    }
    ops::numbers left = b;
    if (ops::dot(v, v) > 0) {
      auto const from = times(v);
      for (std::size_t c = 0; c < size_; ++c) left[c] -= from[c];
    }
    ops::numbers p = left;
    double rest = ops::dot(left, left);
    for (std::size_t step = 0; step < set_.solve_iterations && rest > tolerance * tolerance * whole;
         ++step) {
      auto const image = times(p);
      double const bend = ops::dot(p, image);
      if (!(bend > 0)) return {std::sqrt(rest / whole), false};
      double const length = rest / bend;
      for (std::size_t c = 0; c < size_; ++c) {
        v[c] += length * p[c];
        left[c] -= length * image[c];
      }
      double const now = ops::dot(left, left);
      for (std::size_t c = 0; c < size_; ++c) p[c] = left[c] + now / rest * p[c];
      rest = now;
    }
    return {std::sqrt(rest / whole), true};
  }

  Exec const& exec_;
  std::size_t classes_, size_;
  bilevel_settings set_;
  ops::buffer<double, Exec> prediction_, posterior_, logits_, nll_, log_t_, parameters_;
  ops::numbers w_, v_;
  head_rows<T, S> rows_;
  double fitted_ = 0;  ///< rows that are fitted to
  bool warm_ = false;
};

}  // namespace limpid::transition::detail

#endif  // LIMPID_TRANSITION_DETAIL_BILEVEL_HEAD_HPP
