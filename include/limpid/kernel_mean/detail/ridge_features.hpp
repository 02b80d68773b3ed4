// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/ridge_features.hpp
/// The leave-one-out score of a ridge-shrunk mean of features, one row of features at a time.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_RIDGE_FEATURES_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_RIDGE_FEATURES_HPP

#include <limpid/kernel_mean/detail/part_of.hpp>
#include <limpid/ops/memory.hpp>
#include <limpid/ops/row_blocks.hpp>
#include <limpid/ops/rows.hpp>
#include <limpid/ops/tridiagonal.hpp>
#include <limpid/simd/linear.hpp>

#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace limpid::kernel_mean::detail::spectral {

/// sum_rows: columns [first, first + count) of z, times all columns of z; count x D sums.
template <class T, memory_space S>
struct add_second_moments {
  matrix_view<T const, S> z;
  std::size_t first, count;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t b = 0; b < z.cols; ++b)
        sums[a * z.cols + b] += static_cast<double>(z(i, first + a)) * static_cast<double>(z(i, b));
  }
  void rows(std::size_t begin, std::size_t end, double* sums) const
    requires(S == memory_space::host)
  {
    ops::detail::for_row_blocks(
        z, begin, end, [&](T const* at, std::size_t ld, std::size_t, std::size_t some) {
          lanes::accumulate_outer<T>(at + first, ld, at, ld, some, count, z.cols, sums, z.cols);
        });
  }
};

template <class T, memory_space S>
struct add_row {
  matrix_view<T const, S> z;
  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    for (std::size_t c = 0; c < z.cols; ++c) sums[c] += static_cast<double>(z(i, c));
  }
};

template <class T, memory_space S>
struct row_times {
  matrix_view<T const, S> z;
  vector_view<double const, S> v;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t c = 0; c < z.cols; ++c) sum += static_cast<double>(z(i, c)) * v[c];
    out[i] = sum;
  }
};

/// What one lambda does, but for the kept shares s_j = lambda / (w_j + lambda).
struct feature_lambda {
  double inverse;  ///< 1 / lambda; 0: lambda is 0
  double rest;     ///< sum_j mu_j^2 (1 - s_j)^2
};

/// sum_rows: |z_i - g^(-i)|^2 for a few lambdas. In the eigenvectors of Z' Z, with m = (n mu - z) /
/// (n - 1) and q = z' H m / (1 - h), the difference is z_j (1 + s_j q) - m_j (1 - s_j).
template <class T, memory_space S>
struct add_feature_scores {
  static constexpr std::size_t most = 64;  ///< lambdas at once

  matrix_view<T const, S> z;
  matrix_view<double const, S> turned;  ///< D x D, row j: eigenvector j
  vector_view<double const, S> mean;    ///< D, in the eigenvectors
  matrix_view<double const, S> shares;  ///< 2 lambdas x D: s, then s^2
  vector_view<feature_lambda const, S> lambda;

  LIMPID_HD void operator()(std::size_t i, double* sums) const {
    double square = 0, along = 0, zs[2 * most], ms[2 * most];
    for (std::size_t l = 0; l < shares.rows; ++l) zs[l] = ms[l] = 0;
    for (std::size_t j = 0; j < z.cols; ++j) {
      double x = 0;
      for (std::size_t c = 0; c < z.cols; ++c) x += static_cast<double>(z(i, c)) * turned(j, c);
      square += x * x;
      along += x * mean[j];
      for (std::size_t l = 0; l < shares.rows; ++l) {
        zs[l] += x * x * shares(l, j);
        ms[l] += x * mean[j] * shares(l, j);
      }
    }
    add(square, along, zs, ms, sums);
  }

  void rows(std::size_t begin, std::size_t end, double* sums) const
    requires(S == memory_space::host)
  {
    constexpr std::size_t block = 128;
    std::size_t const d = z.cols, wide = shares.rows;
    std::vector<double> x(block * d), t(block * d), zs(block * wide), ms(block * wide),
        square(block), along(block);
    for (std::size_t first = begin; first < end; first += block) {
      std::size_t const count = end - first < block ? end - first : block;
      for (std::size_t r = 0; r < count; ++r)
        for (std::size_t c = 0; c < d; ++c) x[r * d + c] = static_cast<double>(z(first + r, c));
      lanes::linear_rows<double>(x.data(), d, count, d, turned.data, d, nullptr, d, t.data(), d);
      for (std::size_t r = 0; r < count; ++r) {
        square[r] = along[r] = 0;
        for (std::size_t j = 0; j < d; ++j) {
          double const v = t[r * d + j];
          square[r] += x[r * d + j] = v * v;
          along[r] += t[r * d + j] = v * mean[j];
        }
      }
      lanes::linear_rows<double>(x.data(), d, count, d, shares.data, d, nullptr, wide, zs.data(),
                                 wide);
      lanes::linear_rows<double>(t.data(), d, count, d, shares.data, d, nullptr, wide, ms.data(),
                                 wide);
      for (std::size_t r = 0; r < count; ++r)
        add(square[r], along[r], &zs[r * wide], &ms[r * wide], sums);
    }
  }

 private:
  LIMPID_HD void add(double square, double along, double const* zs, double const* ms,
                     double* sums) const {
    auto const n = static_cast<double>(z.rows);
    double const part = n / (n - 1), own = 1 / (n - 1), whole = 1 + own;
    std::size_t const count = lambda.size;
    for (std::size_t l = 0; l < count; ++l) {
      double const s1 = zs[l], s2 = zs[count + l], m1 = ms[l], m2 = ms[count + l];
      double const over = 1 - s1 * lambda[l].inverse, free = over > 1e-12 ? over : 1e-12;
      double const q = (part * m1 - own * s1) * lambda[l].inverse / free, bend = q - own;
      sums[l] += whole * whole * square + bend * bend * s2 + part * part * lambda[l].rest +
                 2 * whole * bend * s1 - 2 * part * (whole * (along - m1) + bend * (m1 - m2));
    }
  }
};

template <execution_policy P, class T>
class feature_scores {
  static constexpr auto space = P::space;

 public:
  feature_scores(P const& exec, matrix_view<T const, space> z, progress const& on_progress)
      : exec_(exec), z_(z) {
    std::size_t const d = z.cols;
    ops::symmetric_matrix m(d);
    // A few columns at a time: enough tiles of rows have room for their sums.
    std::size_t const fit = (ops::detail::partial_sums / 16) / d, strip = fit > 0 ? fit : 1;
    for (std::size_t c = 0; c < d; c += strip) {
      std::size_t const some = d - c < strip ? d - c : strip;
      auto const sums =
          ops::sum_rows(exec, z.rows, some * d, add_second_moments<T, space>{z, c, some});
      for (std::size_t a = 0; a < some; ++a)
        for (std::size_t b = 0; b < d; ++b) m.row(c + a)[b] = sums[a * d + b];
      if (stop(on_progress, 0.3 * static_cast<double>(c + some) / static_cast<double>(d))) return;
    }
    mean_ = ops::sum_rows(exec, z.rows, d, add_row<T, space>{z});
    for (double& x : mean_) x /= n();
    for (std::size_t c = 0; c < d; ++c) trace_ += m.row(c)[c];
    auto const& host = host_of(exec);
    ops::tridiagonal t = ops::tridiagonalise(std::move(m));
    std::vector<double> const diagonal = t.diagonal, off = t.off;
    auto const u = ops::basis_of(host, std::move(t));
    values_ = ops::turn_to_eigenvectors(host, diagonal, off, u);
    smallest_ = std::numeric_limits<double>::infinity();
    for (double& w : values_) {
      w = w > 0 ? w : 0;
      largest_ = w > largest_ ? w : largest_;
      smallest_ = w < smallest_ ? w : smallest_;
    }
    turned_ = matrix<double>(d, d);
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t c = 0; c < d; ++c) turned_(j, c) = u(c, j);
    turned_mean_ = u.transposed_times(mean_);
    stop(on_progress, 0.4);
  }

  bool stopped() const { return stopped_; }
  double largest() const { return largest_; }
  double smallest() const { return smallest_; }
  /// The mean of |z_i|^2: the score of the estimate 0.
  double square() const { return trace_ / n(); }

  vector<double> operator()(vector<double> const& lambdas) const {
    std::size_t const d = z_.cols;
    vector<double> out(lambdas.size());
    auto const turned = ops::upload(exec_, std::as_const(turned_).view());
    auto const mean = ops::upload(exec_, vector_view<double const>(turned_mean_.data(), d));
    for (std::size_t first = 0; first < lambdas.size(); first += scores::most) {
      std::size_t const left = lambdas.size() - first,
                        some = left < scores::most ? left : scores::most;
      matrix<double> shares(2 * some, d);
      std::vector<feature_lambda> each(some);
      for (std::size_t l = 0; l < some; ++l) {
        double const lambda = lambdas[first + l];
        bool const none = !(lambda > floor());
        each[l] = {none ? 0 : 1 / lambda, 0};
        for (std::size_t j = 0; j < d; ++j) {
          double const s = none ? 0 : lambda / (values_[j] + lambda),
                       kept = turned_mean_[j] * (1 - s);
          shares(l, j) = s;
          shares(some + l, j) = s * s;
          each[l].rest += kept * kept;
        }
      }
      auto const s = ops::upload(exec_, std::as_const(shares).view());
      auto const e = ops::upload(exec_, vector_view<feature_lambda const>(each.data(), some));
      auto const sums =
          ops::sum_rows(exec_, z_.rows, some,
                        scores{z_, turned.view(d, d), mean.view(), s.view(2 * some, d), e.view()});
      for (std::size_t l = 0; l < some; ++l) out[first + l] = sums[l] / n();
    }
    return out;
  }

  /// (M + lambda)^-1 M mu.
  vector<double> mean(double lambda) const {
    if (!(lambda > floor())) return vector<double>(mean_);
    std::vector<double> g = turned_mean_;
    for (std::size_t j = 0; j < g.size(); ++j) g[j] *= values_[j] / (values_[j] + lambda);
    return back(g);
  }
  /// Z (M + lambda)^-1 mu.
  vector<double> weights(double lambda) const {
    if (!(lambda > floor())) return vector<double>(z_.rows, 1 / n());
    std::vector<double> g = turned_mean_;
    for (std::size_t j = 0; j < g.size(); ++j) g[j] /= values_[j] + lambda;
    vector<double> const held = back(g);
    auto const v = ops::upload(exec_, held.view());
    auto const out = ops::make_buffer<double>(exec_, z_.rows);
    ops::for_rows(exec_, z_.rows, row_times<T, space>{z_, v.view(), out.view()});
    return ops::download(exec_, out.view());
  }

 private:
  using scores = add_feature_scores<T, space>;

  double n() const { return static_cast<double>(z_.rows); }
  double floor() const {
    return static_cast<double>(z_.cols) * std::numeric_limits<double>::epsilon() * largest_;
  }
  bool stop(progress const& on_progress, double fraction) {
    return stopped_ = on_progress && !on_progress(fraction);
  }
  vector<double> back(std::vector<double> const& g) const {
    vector<double> out(g.size());
    for (std::size_t j = 0; j < g.size(); ++j)
      for (std::size_t c = 0; c < g.size(); ++c) out[c] += g[j] * turned_(j, c);
    return out;
  }

  P const& exec_;
  matrix_view<T const, space> z_;
  std::vector<double> mean_, values_, turned_mean_;
  matrix<double> turned_;
  double trace_ = 0, largest_ = 0, smallest_ = 0;
  bool stopped_ = false;
};

}  // namespace limpid::kernel_mean::detail::spectral

#endif  // LIMPID_KERNEL_MEAN_DETAIL_RIDGE_FEATURES_HPP
