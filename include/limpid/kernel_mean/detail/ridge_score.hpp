// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/ridge_score.hpp
/// The leave-one-out score of a ridge-shrunk kernel mean for any lambda, after one tridiagonal
/// form.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_RIDGE_SCORE_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_RIDGE_SCORE_HPP

#include <limpid/ops/tridiagonal.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean::detail::spectral {

/// K = Q T Q' is reduced once. In T's basis a row of (K + lambda)^-1 is one tridiagonal solve:
/// O(n^2) for all rows and one lambda, no eigenvectors. With G = (K + lambda)^-1, a = G K 1 = n
/// beta and tau_i = (1 - a_i) / G_ii, the weights without row i are [a - e_i + tau_i G e_i] / (n -
/// 1).
template <host_policy H>
class ridge_scores {
 public:
  /// `least`: the smallest lambda above 0 that will be asked for, as a multiple of the largest
  /// eigenvalue if `relative`.
  ridge_scores(H const& exec, ops::symmetric_matrix k, double least, bool relative,
               progress const& told)
      : exec_(exec), size_(k.size()), own_(k.size()) {
    for (std::size_t i = 0; i < size_; ++i) {
      own_[i] = k.row(i)[i];
      trace_ += own_[i];
    }
    ops::tridiagonal t = ops::tridiagonalise(std::move(k), &told);
    if (t.stopped) {
      stopped_ = true;
      return;
    }
    diagonal_ = t.diagonal;
    off_ = t.off;
    for (double w : ops::eigenvalues(t)) {
      largest_ = w > largest_ ? w : largest_;
      smallest_ = w < smallest_ ? w : smallest_;
    }
    ones_.assign(size_, 1);
    t.into_basis(ones_.data());
    basis_.emplace_back(ops::basis_of(exec_, std::move(t)));
    // Negative eigenvalues are rounding, or a kernel that is not positive semidefinite: where a
    // lambda does not drown them they become 0.
    double const low = relative ? least * largest_ : least;
    if (low > floor() && -smallest_ > 0.1 * low) {
      diagonal_ = ops::turn_to_eigenvectors(exec_, diagonal_, off_, basis_[0]);
      for (double& w : diagonal_) w = w > 0 ? w : 0;
      off_.assign(size_ + 1, 0);
      ones_ = basis_[0].transposed_times(std::vector<double>(size_, 1));
    }
    whole_ = dot(ones_, ops::shifted_factor(diagonal_, off_, 1).times(ones_));
  }

  bool stopped() const { return stopped_; }
  double largest() const { return largest_; }
  double smallest() const { return smallest_; }
  /// The mean of the diagonal: the score of the estimate 0, lambda = infinity.
  double vrho() const { return trace_ / n(); }
  double rho() const { return whole_ / (n() * n()); }
  /// Lambdas up to this cannot be told from 0 in double.
  double floor() const { return n() * std::numeric_limits<double>::epsilon() * largest_; }
  /// The score of the plain mean, lambda = 0.
  double plain() const {
    double const apart = (whole_ - trace_) / (n() * (n() - 1));
    return vrho() - 2 * apart + (whole_ * (n() - 2) / n() + vrho()) / ((n() - 1) * (n() - 1));
  }

  double operator()(double lambda) const {
    if (!(lambda > floor())) return plain();
    ops::shifted_factor const shifted(diagonal_, off_, lambda);
    std::vector<double> solved = ones_;
    shifted.solve(solved);
    std::vector<double> const a = shifted.times(solved), ka = shifted.times(a);
    std::vector<double> again = a;
    shifted.solve(again);
    std::vector<double> const kga = shifted.times(again);
    double const aka = dot(a, ka);
    auto const task = shifted.task(solved.data(), ka.data(), kga.data());
    constexpr std::size_t width = ops::row_strips::width;
    std::vector<double> score(basis_[0].count() * width);
    exec_.for_tiles(basis_[0].count(), [&](std::size_t s) {
      auto const room = ops::make_buffer<double>(limpid::simd, (size_ + 6) * width);
      double* const out = room.view().data + size_ * width;
      lanes::resolvent_strip(task, basis_[0].strip(s), room.view().data, out);
      for (std::size_t c = 0; c < width && s * width + c < size_; ++c) {
        std::size_t const i = s * width + c;
        double const g = out[c], kg = out[width + c], gkg = out[2 * width + c],
                     rest = lambda * out[3 * width + c], ka_i = out[4 * width + c],
                     kga_i = out[5 * width + c], tau = rest / g, m = n() - 1;
        double const norm = aka + own_[i] + tau * tau * gkg - 2 * ka_i + 2 * tau * (kga_i - kg);
        score[i] = own_[i] + norm / (m * m) - 2 * (ka_i - own_[i] + tau * kg) / m;
      }
    });
    double sum = 0;
    for (std::size_t i = 0; i < size_; ++i) sum += score[i];
    return sum / n();
  }

  /// beta, and beta' K beta.
  std::pair<vector<double>, double> weights(double lambda) const {
    if (!(lambda > floor())) return {vector<double>(size_, 1 / n()), rho()};
    ops::shifted_factor const shifted(diagonal_, off_, lambda);
    std::vector<double> a = ones_;
    shifted.solve(a);
    a = shifted.times(a);
    double const norm2 = dot(a, shifted.times(a)) / (n() * n());
    vector<double> beta(basis_[0].times(a));
    for (double& b : beta) b /= n();
    return {std::move(beta), norm2};
  }

 private:
  static double dot(std::vector<double> const& x, std::vector<double> const& y) {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
    return sum;
  }
  double n() const { return static_cast<double>(size_); }

  H const& exec_;
  std::size_t size_;
  std::vector<double> own_, diagonal_, off_, ones_;
  std::vector<ops::row_strips> basis_;  // one, once there is one
  double trace_ = 0, whole_ = 0, largest_ = 0, smallest_ = std::numeric_limits<double>::infinity();
  bool stopped_ = false;
};

/// The lowest point of score over log lambda in [low, high], by golden section, to `tolerance` in
/// log lambda. `best`, `at`: the best so far, and its place in the bracket.
template <class Score>
void golden_section(Score const& score, double low, double high, double tolerance, double& best,
                    double& at) {
  double const part = (std::sqrt(5.0) - 1) / 2;
  double a = std::log(low), b = std::log(high), c = b - part * (b - a), d = a + part * (b - a);
  double fc = score(std::exp(c)), fd = score(std::exp(d));
  while (b - a > tolerance) {
    if (fc < fd) {
      b = d;
      d = c;
      fd = fc;
      c = b - part * (b - a);
      fc = score(std::exp(c));
    } else {
      a = c;
      c = d;
      fc = fd;
      d = a + part * (b - a);
      fd = score(std::exp(d));
    }
  }
  double const low_score = fc < fd ? fc : fd;
  if (low_score < best) {
    best = low_score;
    at = std::exp(fc < fd ? c : d);
  }
}

/// `count` values from low to high, evenly spaced in the logarithm.
inline vector<double> log_grid(double low, double high, std::size_t count) {
  vector<double> grid(count);
  for (std::size_t g = 0; g < count; ++g)
    grid[g] = low * std::pow(high / low, static_cast<double>(g) / static_cast<double>(count - 1));
  return grid;
}

}  // namespace limpid::kernel_mean::detail::spectral

#endif  // LIMPID_KERNEL_MEAN_DETAIL_RIDGE_SCORE_HPP
