// SPDX-License-Identifier: BSL-1.0
/// @file limpid/classify/detail/softmax_kernels.hpp
/// The softmax-linear model row by row: loss and gradient, probabilities. Scalar functors, and
/// twins that work on tiles of rows through the products of simd/linear.hpp.
#ifndef LIMPID_CLASSIFY_DETAIL_SOFTMAX_KERNELS_HPP
#define LIMPID_CLASSIFY_DETAIL_SOFTMAX_KERNELS_HPP

#include <limpid/core/view.hpp>
#include <limpid/simd/linear.hpp>
#include <limpid/simd/math.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid::classify::detail {

// ---- tiles of rows ----

/// Tiles stay in the second-level cache: about 128 KB of features.
inline std::size_t rows_of_tile(std::size_t d) {
  std::size_t const fit = (std::size_t{1} << 14) / (d ? d : 1);
  return fit < 8 ? 8 : fit > 64 ? 64 : fit;
}

/// (x - centre) * scale of rows begin, begin + 1, ...: count x d.
template <class T, memory_space S>
void standardise_tile(matrix_view<T const, S> x, std::size_t begin, std::size_t count,
                      double const* centre, double const* scale, double* to) {
  std::size_t const d = x.cols;
  for (std::size_t r = 0; r < count; ++r)
    for (std::size_t j = 0; j < d; ++j)
      to[r * d + j] = (static_cast<double>(x(begin + r, j)) - centre[j]) * scale[j];
}

/// Per row r: top = its largest logit, e_k = exp(z_k - top), sum = sum of e. z, e: count x K; `e`
/// may be `z`.
inline void exp_tile(double const* z, std::size_t count, std::size_t K, double* top, double* e,
                     double* sum) {
  for (std::size_t r = 0; r < count; ++r) {
    top[r] = z[r * K];
    for (std::size_t k = 1; k < K; ++k) top[r] = z[r * K + k] > top[r] ? z[r * K + k] : top[r];
    for (std::size_t k = 0; k < K; ++k) e[r * K + k] = z[r * K + k] - top[r];
  }
  lanes::exp(static_cast<double const*>(e), e, count * K);
  for (std::size_t r = 0; r < count; ++r) {
    sum[r] = 0;
    for (std::size_t k = 0; k < K; ++k) sum[r] += e[r * K + k];
  }
}

// ---- targets: what a row's distribution is compared with ----

/// log sum exp of numbers that come one by one; -inf is allowed among them.
struct log_sum {
  double top = 0, sum = 0;
  LIMPID_HD void add(double v) {
    if (v < 0 && v - v != 0) return;  // -inf adds nothing
    if (sum == 0) {
      top = v;
      sum = 1;
    } else if (v > top) {
      sum = sum * std::exp(top - v) + 1;
      top = v;
    } else {
      sum += std::exp(v - top);
    }
  }
  LIMPID_HD double value() const { return top + std::log(sum); }
};

// A target sees the logits of a row through add(), then tells the loss given A = log sum exp of
// them, and, per class, the posterior mass pull() that the softmax is drawn to: d loss / d z_k =
// mass() softmax_k - pull(k).
// Tiles have e_k = exp(z_k - top) at hand: a target that would take exponentials of its own sees
// them through add_exp() instead, and gives loss_exp() and pull_exp(), unless underflows() says
// that the row needs the first way.

/// Cross entropy with a label: -z_y + A.
template <memory_space S>
struct label_target {
  vector_view<std::int32_t const, S> y;
  struct state {
    std::size_t label;
    double z = 0;
  };
  LIMPID_HD bool used(std::size_t i) const { return y[i] >= 0; }
  LIMPID_HD state start(std::size_t i) const { return {static_cast<std::size_t>(y[i])}; }
  LIMPID_HD void add(state& s, std::size_t k, double z) const {
    if (k == s.label) s.z = z;
  }
  LIMPID_HD double loss(state const& s, double total) const { return total - s.z; }
  LIMPID_HD double mass(state const&) const { return 1; }
  LIMPID_HD double pull(state const& s, std::size_t k, double) const {
    return k == s.label ? 1 : 0;
  }
};

/// Forward correction: -log sum_k softmax_k T(k, y), in the log domain. `log_transition` may hold
/// -inf.
template <memory_space S>
struct forward_target {
  vector_view<std::int32_t const, S> y;
  matrix_view<double const, S> log_transition, transition;
  struct state {
    std::size_t label;
    log_sum seen{};
    double share = 0;
  };
  LIMPID_HD bool used(std::size_t i) const { return y[i] >= 0; }
  LIMPID_HD state start(std::size_t i) const { return {static_cast<std::size_t>(y[i])}; }
  LIMPID_HD void add(state& s, std::size_t k, double z) const {
    s.seen.add(z + log_transition(k, s.label));
  }
  LIMPID_HD double loss(state const& s, double total) const { return total - s.seen.value(); }
  LIMPID_HD double mass(state const&) const { return 1; }
  LIMPID_HD double pull(state const& s, std::size_t k, double z) const {
    return std::exp(z + log_transition(k, s.label) - s.seen.top) / s.seen.sum;
  }

  LIMPID_HD void add_exp(state& s, std::size_t k, double e) const {
    s.share += e * transition(k, s.label);
  }
  LIMPID_HD bool underflows(state const& s) const { return !(s.share > 1e-280); }
  LIMPID_HD double loss_exp(state const& s, double sum) const { return std::log(sum / s.share); }
  LIMPID_HD double pull_exp(state const& s, std::size_t k, double e) const {
    return e * transition(k, s.label) / s.share;
  }
};

/// Cross entropy with a distribution q: sum_k q_k (A - z_k).
template <class Q, memory_space S>
struct soft_target {
  matrix_view<Q const, S> q;
  struct state {
    std::size_t row;
    double mass = 0, inner = 0;
  };
  LIMPID_HD bool used(std::size_t) const { return true; }
  LIMPID_HD state start(std::size_t i) const { return {i}; }
  LIMPID_HD void add(state& s, std::size_t k, double z) const {
    double const share = static_cast<double>(q(s.row, k));
    s.mass += share;
    s.inner += share * z;
  }
  LIMPID_HD double loss(state const& s, double total) const { return s.mass * total - s.inner; }
  LIMPID_HD double mass(state const& s) const { return s.mass; }
  LIMPID_HD double pull(state const& s, std::size_t k, double) const {
    return static_cast<double>(q(s.row, k));
  }
};

/// n weights of any real type; no data = all 1.
template <class W, memory_space S>
LIMPID_HD double weight_of(vector_view<W const, S> const& w, std::size_t i) {
  return w.data ? static_cast<double>(w[i]) : 1.0;
}

// ---- row functors ----

/// The linear part: v is K x d of standardised features, then K biases.
template <class T, memory_space S>
struct linear_rows {
  matrix_view<T const, S> x;
  vector_view<double const, S> centre, scale, v;
  std::size_t classes;

  LIMPID_HD double standard(std::size_t i, std::size_t j) const {
    return (static_cast<double>(x(i, j)) - centre[j]) * scale[j];
  }
  LIMPID_HD double logit(std::size_t i, std::size_t k) const {
    double z = v[classes * x.cols + k];
    for (std::size_t j = 0; j < x.cols; ++j) z += v[k * x.cols + j] * standard(i, j);
    return z;
  }
  /// For vectorised host policies.
  lanes::packed_weights<double> packed() const {
    return {v.data, x.cols, v.data + classes * x.cols, classes, x.cols};
  }
};

/// sum_rows: K x d gradient by v, K by the biases, 1 loss; all weighted, none divided by the total
/// weight.
template <class T, class W, class Target, memory_space S>
struct softmax_gradient {
  linear_rows<T, S> model;
  vector_view<W const, S> weights;
  Target target;

  /// Logits are computed twice, so that a row needs no memory of its own.
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = weight_of(weights, i);
    if (w == 0 || !target.used(i)) return;
    std::size_t const d = model.x.cols, K = model.classes;
    auto state = target.start(i);
    log_sum total;
    for (std::size_t k = 0; k < K; ++k) {
      double const z = model.logit(i, k);
      total.add(z);
      target.add(state, k, z);
    }
    sums[K * d + K] += w * target.loss(state, total.value());
    for (std::size_t k = 0; k < K; ++k) {
      double const z = model.logit(i, k);
      double const slope =
          w * (target.mass(state) * std::exp(z - total.top) / total.sum - target.pull(state, k, z));
      for (std::size_t j = 0; j < d; ++j) sums[k * d + j] += slope * model.standard(i, j);
      sums[K * d + k] += slope;
    }
  }

  void rows(std::size_t begin, std::size_t end, double* sums) const {
    std::size_t const d = model.x.cols, K = model.classes, R = rows_of_tile(d);
    auto const weights_of_classes = model.packed();
    std::vector<double> x(R * d), z(R * K), e(R * K), top(R), sum(R);
    for (std::size_t first = begin; first < end; first += R) {
      std::size_t const count = end - first < R ? end - first : R;
      standardise_tile(model.x, first, count, model.centre.data, model.scale.data, x.data());
      weights_of_classes.rows(x.data(), d, count, z.data(), K);
      exp_tile(z.data(), count, K, top.data(), e.data(), sum.data());
      for (std::size_t r = 0; r < count; ++r) {
        double const w = weight_of(weights, first + r);
        double* const slope = e.data() + r * K;
        double const* const logit = z.data() + r * K;
        if (w == 0 || !target.used(first + r)) {
          for (std::size_t k = 0; k < K; ++k) slope[k] = 0;
          for (std::size_t j = 0; j < d; ++j)
            x[r * d + j] = 0;  // 0 times what is not finite is not 0
          continue;
        }
        double& loss = sums[K * d + K];
        double* const biases = sums + K * d;
        auto state = target.start(first + r);
        auto const slopes = [&](auto const& pull) {
          double const share = target.mass(state) / sum[r];
          for (std::size_t k = 0; k < K; ++k) {
            slope[k] = w * (slope[k] * share - pull(k));
            biases[k] += slope[k];
          }
        };
        if constexpr (requires { target.underflows(state); }) {
          for (std::size_t k = 0; k < K; ++k) target.add_exp(state, k, slope[k]);
          if (!target.underflows(state)) {
            loss += w * target.loss_exp(state, sum[r]);
            slopes([&](std::size_t k) { return target.pull_exp(state, k, slope[k]); });
            continue;
          }
        }
        for (std::size_t k = 0; k < K; ++k) target.add(state, k, logit[k]);
        loss += w * target.loss(state, top[r] + std::log(sum[r]));
        slopes([&](std::size_t k) { return target.pull(state, k, logit[k]); });
      }
      lanes::accumulate_outer(static_cast<double const*>(e.data()), K,
                              static_cast<double const*>(x.data()), d, count, K, d, sums, d);
    }
  }
};

/// for_rows: row i of `out` = softmax of its logits.
template <class T, class U, memory_space S>
struct softmax_rows {
  linear_rows<T, S> model;
  matrix_view<U, S> out;

  LIMPID_HD void operator()(std::size_t i) const {
    log_sum total;
    for (std::size_t k = 0; k < model.classes; ++k) total.add(model.logit(i, k));
    for (std::size_t k = 0; k < model.classes; ++k)
      out(i, k) = static_cast<U>(std::exp(model.logit(i, k) - total.top) / total.sum);
  }

  void rows(std::size_t begin, std::size_t end) const {
    std::size_t const d = model.x.cols, K = model.classes, R = rows_of_tile(d);
    auto const weights_of_classes = model.packed();
    std::vector<double> x(R * d), z(R * K), top(R), sum(R);
    for (std::size_t first = begin; first < end; first += R) {
      std::size_t const count = end - first < R ? end - first : R;
      standardise_tile(model.x, first, count, model.centre.data, model.scale.data, x.data());
      weights_of_classes.rows(x.data(), d, count, z.data(), K);
      exp_tile(z.data(), count, K, top.data(), z.data(), sum.data());
      for (std::size_t r = 0; r < count; ++r)
        for (std::size_t k = 0; k < K; ++k)
          out(first + r, k) = static_cast<U>(z[r * K + k] / sum[r]);
    }
  }
};

/// for_rows: label[i] = the class with the largest logit, the lowest of equal ones.
template <class T, memory_space S>
struct best_class {
  linear_rows<T, S> model;
  vector_view<std::int32_t, S> label;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t best = 0;
    double top = model.logit(i, 0);
    for (std::size_t k = 1; k < model.classes; ++k) {
      double const z = model.logit(i, k);
      if (z > top) {
        top = z;
        best = k;
      }
    }
    label[i] = static_cast<std::int32_t>(best);
  }
};

/// A row's weight for the features' moments: 0 where the target leaves the row out.
template <class W, class Target, memory_space S>
struct used_weight {
  vector_view<W const, S> weights;
  Target target;
  LIMPID_HD double operator()(std::size_t i) const {
    return target.used(i) ? weight_of(weights, i) : 0.0;
  }
};

/// sum_rows: K weights of the classes as the target names them.
template <class W, memory_space S>
struct label_mass {
  vector_view<std::int32_t const, S> y;
  vector_view<W const, S> weights;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    if (y[i] >= 0) sums[static_cast<std::size_t>(y[i])] += weight_of(weights, i);
  }
};
template <class Q, class W, memory_space S>
struct soft_mass {
  matrix_view<Q const, S> q;
  vector_view<W const, S> weights;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double const w = weight_of(weights, i);
    for (std::size_t k = 0; k < q.cols; ++k) sums[k] += w * static_cast<double>(q(i, k));
  }
};

}  // namespace limpid::classify::detail

#endif  // LIMPID_CLASSIFY_DETAIL_SOFTMAX_KERNELS_HPP
