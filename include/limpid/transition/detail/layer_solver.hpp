// SPDX-License-Identifier: BSL-1.0
/// @file limpid/transition/detail/layer_solver.hpp
/// The maximum of a concave likelihood over row-stochastic matrices: EM, SQUAREM and projected
/// Newton steps, with a bound on what is missing. K x K work on the host; the passes over rows are
/// the caller's.
#ifndef LIMPID_TRANSITION_DETAIL_LAYER_SOLVER_HPP
#define LIMPID_TRANSITION_DETAIL_LAYER_SOLVER_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/progress.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::transition {

/// How noise_layer climbs.
enum class layer_solver {
  automatic,  ///< newton up to 32 classes, squarem beyond
  em,         ///< plain EM: monotone, slow where entries go to 0
  squarem,    ///< EM steps extrapolated two by two
  newton      ///< Newton steps on the entries that are not held at 0, EM where one does not climb
};

namespace detail {

/// Sums over rows that a solver asks for.
struct layer_passes {
  /// Fills G(k, j) = sum over rows labelled j of w s_k / u and returns sum w log u, u = (s T)_j.
  std::function<double(matrix<double> const& T, matrix<double>& G)> gradient;
  /// K lower triangles, one after the other: sum over rows labelled j of w s_k s_l / u^2.
  std::function<std::vector<double>(matrix<double> const& T)> curvature;
};

struct layer_problem {
  layer_passes pass;
  matrix<double> prior;     ///< K x K, a in sum a log T; empty: none
  double trace_weight = 0;  ///< g in -g tr T
};

struct layer_point {
  matrix<double> T, data_gradient;
  double likelihood = 0, objective = 0;
  vector<double> multiplier;  ///< K, sum_j T G
  double gap = 0;             ///< at most this much objective is missing: it is concave
};

class layer_climber {
 public:
  layer_climber(layer_problem problem, matrix<double> start)
      : problem_(std::move(problem)), size_(start.rows()), at_(look(std::move(start))) {}

  layer_point const& at() const { return at_; }
  int passes() const { return passes_; }
  int newton_steps() const { return newton_steps_; }

  /// (k, j) of the whole gradient.
  double gradient(layer_point const& p, std::size_t k, std::size_t j) const {
    double const a = prior(k, j);
    return p.data_gradient(k, j) + (a > 0 ? a / p.T(k, j) : 0) -
           (k == j ? problem_.trace_weight : 0);
  }

  void em_step() { at_ = look(em(at_)); }

  void squarem_step() {
    auto const first = em(at_);
    auto const middle = look(first);
    auto const second = em(middle);
    double r = 0, v = 0;
    for (std::size_t c = 0; c < size_ * size_; ++c) {
      double const a = first.data()[c] - at_.T.data()[c], b = second.data()[c] - first.data()[c];
      r += a * a;
      v += (b - a) * (b - a);
    }
    double const step = v > 0 ? std::sqrt(r / v) : 1;
    if (step > 1) {
      matrix<double> beyond(size_, size_);
      for (std::size_t c = 0; c < size_ * size_; ++c) {
        double const a = first.data()[c] - at_.T.data()[c], b = second.data()[c] - first.data()[c];
        beyond.data()[c] = at_.T.data()[c] + 2 * step * a + step * step * (b - a);
        // an extrapolated 0 could not be left again
        if (!(beyond.data()[c] > 0)) beyond.data()[c] = 0.01 * second.data()[c];
      }
      normalise(beyond);
      auto trial = look(std::move(beyond));
      if (trial.objective >= middle.objective) {
        at_ = std::move(trial);
        return;
      }
    }
    at_ = look(second);
  }

  void newton_step() {
    std::vector<double> inverse;
    matrix<double> pivot;
    auto const free = free_entries(at_);
    if (!factor(at_, free, inverse, pivot)) return em_step();
    std::size_t const K = size_;
    // the multipliers that keep rows summing to 1, then the step
    std::vector<double> pulled(K * K), right(K), mu(K);
    for (std::size_t j = 0; j < K; ++j)
      for (std::size_t k = 0; k < K; ++k) {
        double sum = 0;
        for (std::size_t l = 0; l < K; ++l)
          if (free[l * K + j]) sum += inverse[(j * K + k) * K + l] * gradient(at_, l, j);
        pulled[k * K + j] = sum;
        right[k] += sum;
      }
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t l = 0; l < K; ++l) mu[k] += pivot(k, l) * right[l];
    matrix<double> step(K, K);
    double slope = 0;
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t j = 0; j < K; ++j) {
        if (!free[k * K + j]) continue;
        double sum = pulled[k * K + j];
        for (std::size_t l = 0; l < K; ++l) sum -= inverse[(j * K + k) * K + l] * mu[l];
        step(k, j) = sum;
        slope += sum * gradient(at_, k, j);
      }
    if (!(slope > 0)) return em_step();
    for (double length : {1.0, 0.5, 0.25, 0.0625}) {
      matrix<double> next(K, K);
      for (std::size_t k = 0; k < K; ++k)
        for (std::size_t j = 0; j < K; ++j) {
          double const t = at_.T(k, j) + length * step(k, j);
          double const least = prior(k, j) > 0 ? 0.1 * at_.T(k, j) : 0;
          next(k, j) = !free[k * K + j] ? 0 : t > least ? t : least;
        }
      normalise(next);
      auto trial = look(std::move(next));
      double const rounding = 1e-14 * std::abs(at_.objective);
      if (trial.objective > at_.objective + rounding ||
          (trial.objective > at_.objective - rounding && trial.gap < at_.gap)) {
        at_ = std::move(trial);
        ++newton_steps_;
        return;
      }
    }
    em_step();
  }

  /// Standard deviations by the observed information on the entries that are not held at 0; empty
  /// where it is singular. Entries at 0 have 0.
  matrix<double> deviations() const {
    std::vector<double> inverse;
    matrix<double> pivot;
    auto const free = free_entries(at_);
    matrix<double> out;
    if (!factor(at_, free, inverse, pivot)) return out;
    std::size_t const K = size_;
    out = matrix<double>(K, K);
    for (std::size_t j = 0; j < K; ++j)
      for (std::size_t k = 0; k < K; ++k) {
        if (!free[k * K + j]) continue;
        double const* const row = &inverse[(j * K + k) * K];
        double variance = row[k];
        for (std::size_t l = 0; l < K; ++l)
          for (std::size_t m = 0; m < K; ++m) variance -= row[l] * pivot(l, m) * row[m];
        out(k, j) = variance > 0 ? std::sqrt(variance) : 0;
      }
    return out;
  }

 private:
  double prior(std::size_t k, std::size_t j) const {
    return problem_.prior.empty() ? 0 : problem_.prior(k, j);
  }

  layer_point look(matrix<double> T) {
    ++passes_;
    layer_point p;
    p.data_gradient = matrix<double>(size_, size_);
    p.likelihood = problem_.pass.gradient(T, p.data_gradient);
    p.T = std::move(T);
    p.objective = p.likelihood;
    p.multiplier = vector<double>(size_);
    for (std::size_t k = 0; k < size_; ++k) {
      p.objective -= problem_.trace_weight * p.T(k, k);
      double top = -std::numeric_limits<double>::infinity();
      for (std::size_t j = 0; j < size_; ++j) {
        if (prior(k, j) > 0) p.objective += prior(k, j) * std::log(p.T(k, j));
        double const g = gradient(p, k, j);
        p.multiplier[k] += p.T(k, j) > 0 ? p.T(k, j) * g : 0;
        top = (std::max)(top, g);
      }
      p.gap += top - p.multiplier[k];
    }
    return p;
  }

  matrix<double> em(layer_point const& p) const {
    matrix<double> T(size_, size_);
    double const g = problem_.trace_weight;
    for (std::size_t k = 0; k < size_; ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < size_; ++j)
        sum += T(k, j) = p.T(k, j) * p.data_gradient(k, j) + prior(k, j);
      if (!(sum > 0)) {
        for (std::size_t j = 0; j < size_; ++j) T(k, j) = p.T(k, j);
        continue;
      }
      // counts c: T_kk = c_kk / (mu + g), else c / mu, with mu so that the row sums to 1
      double const own = T(k, k), less = sum - g;
      double const mu = g > 0 ? 0.5 * (less + std::sqrt(less * less + 4 * (sum - own) * g)) : sum;
      for (std::size_t j = 0; j < size_; ++j) {
        if (j == k)
          T(k, j) = own / (mu + g);
        else
          T(k, j) = mu > 0 ? T(k, j) / mu : (1 - own / g) / static_cast<double>(size_ - 1);
        if (T(k, j) < 1e-300) T(k, j) = 0;  // denormals would slow every pass
      }
    }
    if (g > 0) normalise(T);
    return T;
  }

  static void normalise(matrix<double>& T) {
    for (std::size_t k = 0; k < T.rows(); ++k) {
      double sum = 0;
      for (std::size_t j = 0; j < T.cols(); ++j) sum += T(k, j);
      for (std::size_t j = 0; j < T.cols(); ++j) T(k, j) /= sum;
    }
  }

  /// All but those at 0, or nearly, that would go below it.
  std::vector<char> free_entries(layer_point const& p) const {
    std::vector<char> free(size_ * size_, 1);
    for (std::size_t k = 0; k < size_; ++k)
      for (std::size_t j = 0; j < size_; ++j)
        if (prior(k, j) == 0 && p.T(k, j) < 1e-9 && gradient(p, k, j) <= p.multiplier[k])
          free[k * size_ + j] = 0;
    return free;
  }

  /// The inverses of the curvature's blocks on the free entries, label by label, and of their sum.
  bool factor(layer_point const& p, std::vector<char> const& free, std::vector<double>& inverse,
              matrix<double>& pivot) const {
    std::size_t const K = size_, cells = K * (K + 1) / 2;
    auto const triangles = problem_.pass.curvature(p.T);
    inverse.assign(K * K * K, 0);
    matrix<double> total(K, K);
    for (std::size_t j = 0; j < K; ++j) {
      std::vector<std::size_t> rows;
      for (std::size_t k = 0; k < K; ++k)
        if (free[k * K + j]) rows.push_back(k);
      matrix<double> block(rows.size(), rows.size());
      for (std::size_t a = 0; a < rows.size(); ++a)
        for (std::size_t b = 0; b <= a; ++b) {
          std::size_t const k = rows[a], l = rows[b];
          block(a, b) = block(b, a) = triangles[j * cells + k * (k + 1) / 2 + l];
        }
      for (std::size_t a = 0; a < rows.size(); ++a)
        if (double const c = prior(rows[a], j); c > 0)
          block(a, a) += c / (p.T(rows[a], j) * p.T(rows[a], j));
      if (!invert_positive(block)) return false;
      for (std::size_t a = 0; a < rows.size(); ++a)
        for (std::size_t b = 0; b < rows.size(); ++b) {
          inverse[(j * K + rows[a]) * K + rows[b]] = block(a, b);
          total(rows[a], rows[b]) += block(a, b);
        }
    }
    pivot = std::move(total);
    return invert_positive(pivot);
  }

  /// In place, by a Cholesky factor, scaled to a unit diagonal; false if it is singular.
  static bool invert_positive(matrix<double>& a) {
    std::size_t const size = a.rows();
    std::vector<double> scale(size);
    for (std::size_t i = 0; i < size; ++i) {
      if (!(a(i, i) > 0 && a(i, i) < 1e300)) return false;
      scale[i] = 1 / std::sqrt(a(i, i));
    }
    matrix<double> factor(size, size);
    for (std::size_t i = 0; i < size; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = a(i, j) * scale[i] * scale[j];
        for (std::size_t m = 0; m < j; ++m) sum -= factor(i, m) * factor(j, m);
        if (i == j && !(sum > 1e-13)) return false;
        factor(i, j) = i == j ? std::sqrt(sum) : sum / factor(j, j);
      }
    for (std::size_t c = 0; c < size; ++c) {  // column c of the inverse
      std::vector<double> x(size);
      for (std::size_t i = 0; i < size; ++i) {
        double sum = i == c ? 1 : 0;
        for (std::size_t m = 0; m < i; ++m) sum -= factor(i, m) * x[m];
        x[i] = sum / factor(i, i);
      }
      for (std::size_t i = size; i-- > 0;) {
        for (std::size_t m = i + 1; m < size; ++m) x[i] -= factor(m, i) * x[m];
        x[i] /= factor(i, i);
      }
      for (std::size_t i = 0; i < size; ++i) a(i, c) = x[i] * scale[i] * scale[c];
    }
    return true;
  }

  layer_problem problem_;
  std::size_t size_;
  int passes_ = 0, newton_steps_ = 0;
  layer_point at_;
};

}  // namespace detail
}  // namespace limpid::transition

#endif  // LIMPID_TRANSITION_DETAIL_LAYER_SOLVER_HPP
