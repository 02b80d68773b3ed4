// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/spectral_filter.hpp
/// Spectral filters as shares of the plain mean that are kept, eigenvalue by eigenvalue, and the
/// score of a mean made of some rows on others, for all values of a filter's parameter.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_SPECTRAL_FILTER_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_SPECTRAL_FILTER_HPP

#include <limpid/ops/tridiagonal.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean {

/// g(w), by which K 1 / n is multiplied along an eigenvector of K with eigenvalue w.
enum class spectral_filter {
  tikhonov,           ///< 1 / (w + lambda): ridge_shrink
  iterated_tikhonov,  ///< (1 - (lambda / (w + lambda))^order) / w
  cut_off,            ///< 1 / w for w >= lambda, else 0 (truncated singular values)
  landweber,          ///< (1 - (1 - eta w)^t) / w after t steps (L2 boosting)
  nu_method  ///< a polynomial of degree t - 1 that does in t steps what Landweber does in t^2
};

namespace detail::spectral {

constexpr bool has_lambda(spectral_filter f) {
  return f == spectral_filter::tikhonov || f == spectral_filter::iterated_tikhonov ||
         f == spectral_filter::cut_off;
}

/// A filter without its lambda or number of steps.
struct filter_shape {
  spectral_filter kind;
  int order;
  double nu, step;
};

/// w g(w). A lambda that cannot be told from 0 keeps everything.
inline double kept_share(filter_shape const& f, double w, double lambda, double floor) {
  if (!(lambda > floor)) return 1;
  if (f.kind == spectral_filter::cut_off) return w >= lambda ? 1 : 0;
  if (!(w > 0)) return 0;
  if (f.kind == spectral_filter::tikhonov) return w / (w + lambda);
  return -std::expm1(-f.order * std::log1p(w / lambda));
}

/// The two numbers of step i of the nu-method, i >= 1: how much of the last move is repeated, and
/// the length of the new one.
struct nu_step {
  double repeat, move;
  nu_step(int i, double nu) {
    double const k = i, under = (k + 2 * nu - 1) * (2 * k + 4 * nu - 1);
    repeat =
        i == 1 ? 0 : (k - 1) * (2 * k - 3) * (2 * k + 2 * nu - 1) / (under * (2 * k + 2 * nu - 3));
    move = 4 * (2 * k + 2 * nu - 1) * (k + nu - 1) / under;
  }
};

/// The shares kept after each step, of eigenvalues in units of the largest.
class share_iteration {
 public:
  share_iteration(filter_shape const& f, std::vector<double> const& w, double largest)
      : filter_(f), w_(w), now_(w.size()), last_(w.size()) {
    for (double& v : w_) v = largest > 0 && v > 0 ? v / largest : 0;
  }
  void advance() {
    ++step_;
    bool const nu = filter_.kind == spectral_filter::nu_method;
    nu_step const s(step_, nu ? filter_.nu : 1);
    double const repeat = nu ? s.repeat : 0, move = nu ? s.move : filter_.step;
    for (std::size_t j = 0; j < w_.size(); ++j) {
      double const next = now_[j] + repeat * (now_[j] - last_[j]) + move * w_[j] * (1 - now_[j]);
      last_[j] = now_[j];
      now_[j] = next;
    }
  }
  std::vector<double> const& shares() const { return now_; }

 private:
  filter_shape filter_;
  std::vector<double> w_, now_, last_;
  int step_ = 0;
};

/// A mean of `rows` rows with kernel matrix U diag(w) U', and what it is scored on.
struct scored_mean {
  std::vector<double> w, ones, target;  ///< ones: U' 1; target: U' (inner products with the target)
  double rows = 0, constant = 0, largest = 0;

  /// k: of the rows, used up; inner: of each row with what the mean should be, whose squared norm
  /// is constant.
  scored_mean(ops::symmetric_matrix k, std::vector<double> inner, double norm2)
      : ones(k.size(), 1),
        target(std::move(inner)),
        rows(static_cast<double>(k.size())),
        constant(norm2) {
    ops::tridiagonal const t = ops::tridiagonalise(std::move(k));
    t.into_basis(ones.data());
    t.into_basis(target.data());
    w = t.diagonal;
    ops::diagonalise(w, t.off, [this](lanes::plane_rotation const* r, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i)
        for (std::vector<double>* v : {&ones, &target}) {
          double const x = (*v)[r[i].row], h = (*v)[r[i].row + 1];
          (*v)[r[i].row + 1] = r[i].s * x + r[i].c * h;
          (*v)[r[i].row] = r[i].c * x - r[i].s * h;
        }
    });
    for (double& v : w) {
      v = v > 0 ? v : 0;
      largest = v > largest ? v : largest;
    }
  }
  double floor() const { return rows * std::numeric_limits<double>::epsilon() * largest; }

  template <class Share>
  double score(Share const& share) const {
    double norm = 0, cross = 0;
    for (std::size_t j = 0; j < w.size(); ++j) {
      double const b = share(j) * ones[j] / rows;
      norm += b * b * w[j];
      cross += b * target[j];
    }
    return norm - 2 * cross + constant;
  }
  double plain() const {
    return score([](std::size_t) { return 1.0; });
  }
  /// At each lambda, or after each of scores.size() steps.
  void curve(filter_shape const& f, vector<double> const& lambdas, double* scores) const {
    if (has_lambda(f.kind)) {
      for (std::size_t g = 0; g < lambdas.size(); ++g)
        scores[g] = score([&](std::size_t j) { return kept_share(f, w[j], lambdas[g], floor()); });
      return;
    }
    share_iteration run(f, w, largest);
    for (std::size_t t = 0; t < lambdas.size(); ++t) {
      run.advance();
      scores[t] = score([&](std::size_t j) { return run.shares()[j]; });
    }
  }
};

}  // namespace detail::spectral
}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_DETAIL_SPECTRAL_FILTER_HPP
