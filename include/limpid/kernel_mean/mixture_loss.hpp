// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/mixture_loss.hpp
/// How far an estimate of a kernel mean is from that of a known mixture of Gaussians, exactly.
#ifndef LIMPID_KERNEL_MEAN_MIXTURE_LOSS_HPP
#define LIMPID_KERNEL_MEAN_MIXTURE_LOSS_HPP

#include <limpid/exec/simd.hpp>
#include <limpid/kernel_mean/detail/noisy_sums.hpp>
#include <limpid/ops/small.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid::kernel_mean {

/// sum_k weights_k N(means_k, covariances_k), C components in d dimensions.
struct gaussian_mixture {
  vector<double> weights;      ///< C, >= 0, of sum 1
  matrix<double> means;        ///< C x d
  matrix<double> covariances;  ///< C d x d: row k d + r is row r of component k's; symmetric,
                               ///< positive semidefinite
};

struct mixture_loss_options {
  std::optional<corruption_model> noise =
      std::nullopt;           ///< the estimate is marginalised under it; needs its level
  progress on_progress = {};  ///< told the fraction done; false stops
  bool validate = true;       ///< look for entries that are not finite first, for negative counts
};

struct mixture_loss_result {
  double loss = 0;             ///< |estimate - mu|^2, at least 0
  double norm2 = 0;            ///< |estimate|^2
  double inner = 0;            ///< <estimate, mu>
  double mixture_norm2 = 0;    ///< |mu|^2
  vector<double> expectation;  ///< n: E k(x_i, y), y of the mixture; of x~_i with noise
  bool stopped = false;        ///< by on_progress: nothing else is meant
};

namespace detail {

inline void check_mixture(std::string_view where, gaussian_mixture const& m, std::size_t d) {
  using limpid::detail::require;
  std::size_t const C = m.weights.size();
  require(C >= 1, where, "the mixture has no components");
  require(m.means.rows() == C && m.means.cols() == d, where, "mixture means are ", m.means.rows(),
          " x ", m.means.cols(), "; they must be ", C, " x ", d);
  require(m.covariances.rows() == C * d && m.covariances.cols() == d, where,
          "mixture covariances are ", m.covariances.rows(), " x ", m.covariances.cols(),
          "; they must be ", C * d, " x ", d);
  double sum = 0;
  for (std::size_t k = 0; k < C; ++k) {
    require(m.weights[k] >= 0, where, "mixture weight ", k, " is ", m.weights[k],
            "; it must be at least 0");
    sum += m.weights[k];
    for (std::size_t c = 0; c < d; ++c)
      require(m.means(k, c) - m.means(k, c) == 0, where, "mixture mean ", k, " is not finite");
    double largest = 0;
    for (std::size_t r = 0; r < d; ++r) {
      double const v = m.covariances(k * d + r, r);
      largest = v > largest ? v : largest;
    }
    matrix<double> a(d, d);
    for (std::size_t r = 0; r < d; ++r)
      for (std::size_t c = 0; c < d; ++c) {
        a(r, c) = m.covariances(k * d + r, c) + (r == c ? 1e-9 * largest : 0);
        double const gap = m.covariances(k * d + r, c) - m.covariances(k * d + c, r);
        require(gap <= 1e-9 * largest && gap >= -1e-9 * largest, where, "mixture covariance ", k,
                " is not symmetric, or not finite");
      }
    bool zero = largest == 0;
    for (std::size_t r = 0; r < d && zero; ++r)
      for (std::size_t c = 0; c < d; ++c) zero = zero && a(r, c) == 0;
    require(zero || ops::cholesky(a), where, "mixture covariance ", k,
            " is not positive semidefinite");
  }
  require(sum > 1 - 1e-6 && sum < 1 + 1e-6, where, "mixture weights sum to ", sum,
          "; they must sum to 1");
}

/// (scale s + offset)^degree from the raw moments of s.
LIMPID_HD inline double shifted_power(double scale, double offset, unsigned degree, double s1,
                                      double s2, double s3) {
  double const a = scale, b = offset;
  if (degree == 1) return a * s1 + b;
  if (degree == 2) return a * a * s2 + 2 * a * b * s1 + b * b;
  return a * a * a * s3 + 3 * a * a * b * s2 + 3 * a * b * b * s1 + b * b * b;
}

/// E k(x~, y) over components, k polynomial of degree 1 to 3: s = x~.y is normal given x~.
template <class T, memory_space S>
struct add_polynomial_expectation {
  matrix_view<T const, S> x;
  vector_view<double const, S> weights;
  matrix_view<double const, S> means, covariances;
  double scale, offset;
  unsigned degree;
  double factor;
  corruption_model::family noise;
  double level;
  vector_view<double const, S> columns;
  vector_view<double, S> out;

  LIMPID_HD void operator()(std::size_t i) const {
    double sum = 0;
    for (std::size_t k = 0; k < weights.size; ++k) sum += weights[k] * component(x.row(i), k);
    out[i] += factor * sum;
  }

 private:
  LIMPID_HD double component(vector_view<T const, S> const& row, std::size_t k) const {
    std::size_t const d = x.cols;
    // Of x~: means m, variances v, third cumulants t; of y: mean b, covariance B.
    double mb = 0, mBm = 0, vbb = 0, vB = 0, tbbb = 0, bvBm = 0, btB = 0;
    for (std::size_t c = 0; c < d; ++c) {
      entry_noise const e{noise, columns.data ? level * columns[c] : level};
      auto const entry = static_cast<double>(row[c]);
      double const m = e.mean_share() * entry, v = e.variance()(entry), b = means(k, c);
      mb += m * b;
      if (degree == 1) continue;
      double Bm = 0;
      for (std::size_t r = 0; r < d; ++r) {
        entry_noise const f{noise, columns.data ? level * columns[r] : level};
        Bm += covariances(k * d + c, r) * f.mean_share() * static_cast<double>(row[r]);
      }
      double const B = covariances(k * d + c, c), t = e.third_cumulant(entry);
      mBm += m * Bm;
      vbb += v * b * b;
      vB += v * B;
      tbbb += t * b * b * b;
      bvBm += b * v * Bm;
      btB += b * t * B;
    }
    double const s2 = mb * mb + mBm + vbb + vB;
    double const s3 = mb * mb * mb + 3 * mb * vbb + tbbb + 3 * (mb * (mBm + vB) + 2 * bvBm + btB);
    return shifted_power(scale, offset, degree, mb, s2, s3);
  }
};

/// E k(x~, y) over components, k Gaussian: a bump for each, exp(height - |root (x - mean)|^2 / 2).
template <class T, memory_space S>
struct add_gaussian_expectation {
  matrix_view<T const, S> x;
  vector_view<double const, S> height;
  matrix_view<double const, S> means, roots;  ///< roots: C d x d, lower triangular
  double factor;
  vector_view<double, S> out;
  LIMPID_HD void operator()(std::size_t i) const {
    std::size_t const d = x.cols;
    double sum = 0;
    for (std::size_t k = 0; k < height.size; ++k) {
      double square = 0;
      for (std::size_t r = 0; r < d; ++r) {
        double y = 0;
        for (std::size_t c = 0; c <= r; ++c)
          y += roots(k * d + r, c) * (static_cast<double>(x(i, c)) - means(k, c));
        square += y * y;
      }
      sum += std::exp(height[k] - square / 2);
    }
    out[i] += factor * sum;
  }
};

/// The mixture's side of the loss for one part of the kernel.
class mixture_terms {
 public:
  mixture_terms(part_of_sum const& part, gaussian_mixture const& m)
      : part_(part), m_(m), d_(m.means.cols()) {}

  /// E k(y, y') for independent y, y'.
  double norm2() const {
    double sum = 0;
    for (std::size_t k = 0; k < m_.weights.size(); ++k)
      for (std::size_t l = 0; l <= k; ++l)
        sum += (l < k ? 2 : 1) * m_.weights[k] * m_.weights[l] *
               (part_.gaussian() ? gaussian(k, l) : polynomial(k, l));
    return part_.factor * sum;
  }

  template <execution_policy P, class T>
  void add_expectation(P const& exec, matrix_view<T const, P::space> x,
                       corruption_model const& noise, vector_view<double, P::space> out) const {
    std::size_t const C = m_.weights.size();
    using numbers = matrix_view<double const, P::space>;
    auto const means = ops::upload(exec, m_.means.view());
    auto const columns = ops::upload(exec, noise.columns.view());
    if (!part_.gaussian()) {
      auto const weights = ops::upload(exec, m_.weights.view());
      auto const covariances = ops::upload(exec, m_.covariances.view());
      vector_view<double const, P::space> levels{};
      if (!noise.columns.empty()) levels = columns.view();
      ops::for_rows(exec, x.rows,
                    add_polynomial_expectation<T, P::space>{
                        x, weights.view(), numbers(means.view(C, d_)),
                        numbers(covariances.view(C * d_, d_)), part_.scale(), part_.offset(),
                        part_.degree(), part_.factor, noise.kind, *noise.level, levels, out});
      return;
    }
    vector<double> height(C);
    matrix<double> roots(C * d_, d_);
    for (std::size_t k = 0; k < C; ++k) {
      matrix<double> a = widened(k);
      for (std::size_t c = 0; c < d_; ++c) a(c, c) += noise_at(noise, *noise.level, c).level;
      height[k] = std::log(m_.weights[k]) + log_height(a);
      ops::invert_lower(a);
      for (std::size_t r = 0; r < d_; ++r)
        for (std::size_t c = 0; c <= r; ++c) roots(k * d_ + r, c) = a(r, c);
    }
    auto const heights = ops::upload(exec, std::as_const(height).view());
    auto const there = ops::upload(exec, std::as_const(roots).view());
    ops::for_rows(
        exec, x.rows,
        add_gaussian_expectation<T, P::space>{x, heights.view(), numbers(means.view(C, d_)),
                                              numbers(there.view(C * d_, d_)), part_.factor, out});
  }

 private:
  double square() const { return 0.5 / part_.kernel.gamma; }

  /// The covariance and the kernel's.
  matrix<double> widened(std::size_t k) const {
    matrix<double> a(d_, d_);
    for (std::size_t r = 0; r < d_; ++r)
      for (std::size_t c = 0; c < d_; ++c)
        a(r, c) = m_.covariances(k * d_ + r, c) + (r == c ? square() : 0);
    return a;
  }
  /// log of s^d / sqrt |a|; a becomes its lower factor.
  double log_height(matrix<double>& a) const {
    ops::cholesky(a);  // square() > 0 is on its diagonal: positive definite
    double half_log_det = 0;
    for (std::size_t c = 0; c < d_; ++c) half_log_det += std::log(a(c, c));
    return 0.5 * static_cast<double>(d_) * std::log(square()) - half_log_det;
  }

  double gaussian(std::size_t k, std::size_t l) const {
    matrix<double> a = widened(k);
    for (std::size_t r = 0; r < d_; ++r)
      for (std::size_t c = 0; c < d_; ++c) a(r, c) += m_.covariances(l * d_ + r, c);
    double const height = log_height(a);
    vector<double> y(d_);
    double sum = 0;
    for (std::size_t r = 0; r < d_; ++r) {
      y[r] = m_.means(k, r) - m_.means(l, r);
      for (std::size_t c = 0; c < r; ++c) y[r] -= a(r, c) * y[c];
      y[r] /= a(r, r);
      sum += y[r] * y[r];
    }
    return std::exp(height - sum / 2);
  }

  /// s = x.z with x ~ N(a, A), z ~ N(b, B): E s = m, E s^2 = m^2 + q, q = a'Ba + b'Ab + tr AB,
  /// E s^3 = m^3 + 3 m q + 6 a'BAb.
  double polynomial(std::size_t k, std::size_t l) const {
    vector<double> Ab(d_), Ba(d_);
    double m = 0, trace = 0;
    for (std::size_t r = 0; r < d_; ++r) {
      m += m_.means(k, r) * m_.means(l, r);
      for (std::size_t c = 0; c < d_; ++c) {
        double const A = m_.covariances(k * d_ + r, c), B = m_.covariances(l * d_ + r, c);
        Ab[r] += A * m_.means(l, c);
        Ba[r] += B * m_.means(k, c);
        trace += A * B;
      }
    }
    double q = trace, cross = 0;
    for (std::size_t r = 0; r < d_; ++r) {
      q += m_.means(k, r) * Ba[r] + m_.means(l, r) * Ab[r];
      cross += Ba[r] * Ab[r];
    }
    return shifted_power(part_.scale(), part_.offset(), part_.degree(), m, m * m + q,
                         m * m * m + 3 * m * q + 6 * cross);
  }

  part_of_sum part_;
  gaussian_mixture const& m_;
  std::size_t d_;
};

}  // namespace detail

/// The squared distance between an estimate of a kernel mean and the kernel mean mu of a known
/// mixture of Gaussians, without sampling:
///
///     |sum_i beta_i k(x_i, .) - mu|^2 = beta'K beta - 2 sum_i beta_i E k(x_i, y) + E k(y, y'),
///
/// y, y' independent draws of the mixture; with options.noise k(x_i, .) becomes its expectation
/// under that noise, as in marginalised.
///
/// @param kernel   kernels::gaussian, linear, polynomial of degree 1 to 3, or a sum of such.
/// @param x        n x d, n >= 1, finite.
/// @param weights  n, optional, finite, beta; 1 / n each by default.
/// @param mixture  C components, on the host.
/// @return mixture_loss_result.
/// @throws input_error  a kernel without a closed form, noise other than Gaussian under a Gaussian
///         kernel, noise without a level, a mixture that is none, different widths or lengths,
///         entries that are not finite.
///
/// Time O(n^2 d + n C d^2 + C^2 d^3), memory O(n d + C d^2). The difference of large terms: its
/// error is a share of norm2 + mixture_norm2. Deterministic: bitwise the same for any number of
/// threads. float32 instead of float64: below 1e-5 of norm2 + mixture_norm2.
///
/// Source: the protocol of Muandet, Fukumizu, Sriperumbudur, Gretton, Schoelkopf, "Kernel mean
/// estimation and Stein effect", ICML 2014; the forms are moments of normal vectors.
struct mixture_loss_fn {
  using primitives = uses<ops::kernel_sums_fn, ops::for_rows_fn, ops::sum_rows_fn,
                          ops::first_row_fn, ops::copy_fn>;
  static constexpr std::string_view where = "kernel_mean::mixture_loss";

  template <execution_policy P, kernel_like K, real_matrix X>
  mixture_loss_result operator()(P const& exec, K const& kernel, X const& x,
                                 gaussian_mixture const& mixture,
                                 mixture_loss_options const& options = {}) const {
    limpid::detail::enter<mixture_loss_fn, P, X>();
    static_assert(std::is_same_v<K, kernel_function>,
                  "limpid: a kernel of your own has no closed form against a mixture; take one of "
                  "limpid::kernels");
    auto&& held = limpid::detail::materialise(x);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    return run(exec, kernel, p, vector_view<double const, P::space>{}, false, mixture, options);
  }
  template <execution_policy P, kernel_like K, real_matrix X, real_vector W>
  mixture_loss_result operator()(P const& exec, K const& kernel, X const& x, W const& weights,
                                 gaussian_mixture const& mixture,
                                 mixture_loss_options const& options = {}) const {
    limpid::detail::enter<mixture_loss_fn, P, X, W>();
    static_assert(std::is_same_v<K, kernel_function>,
                  "limpid: a kernel of your own has no closed form against a mixture; take one of "
                  "limpid::kernels");
    auto&& held = limpid::detail::materialise(x);
    auto&& held_w = limpid::detail::materialise(weights);
    matrix_view<value_t<X> const, P::space> const p = view(held);
    return run(exec, kernel, p, vector_view<value_t<W> const, P::space>(view(held_w)), true,
               mixture, options);
  }
  template <kernel_like K, real_matrix X>
  mixture_loss_result operator()(K const& kernel, X const& x, gaussian_mixture const& mixture,
                                 mixture_loss_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, mixture, options);
  }
  template <kernel_like K, real_matrix X, real_vector W>
  mixture_loss_result operator()(K const& kernel, X const& x, W const& weights,
                                 gaussian_mixture const& mixture,
                                 mixture_loss_options const& options = {}) const {
    return (*this)(default_policy, kernel, x, weights, mixture, options);
  }

 private:
  template <execution_policy P, class T, class W>
  static mixture_loss_result run(P const& exec, kernel_function const& k,
                                 matrix_view<T const, P::space> x,
                                 vector_view<W const, P::space> weights, bool weighted,
                                 gaussian_mixture const& mixture, mixture_loss_options const& o) {
    using limpid::detail::require;
    using family = corruption_model::family;
    auto const parts = detail::parts_of_sum(where, k, 3);
    corruption_model noise = o.noise ? *o.noise : corruption::gaussian(0.0);
    if (noise.kind == family::poisson) noise.level = 1;
    require(x.rows >= 1, where, "x has no rows; a mean needs at least 1");
    if (weighted) ops::check_rows(where, "x", x.rows, "weights", weights.size);
    require(noise.level.has_value(), where,
            "noise has no level; give one, or take the noise of marginalised's result");
    for (auto const& part : parts)
      require(!part.gaussian() || noise.kind == family::gaussian, where,
              "under a gaussian kernel the loss has a closed form for gaussian noise only");
    detail::check_mixture(where, mixture, x.cols);
    detail::check_noise(exec, where, noise, x, o.validate);
    if (o.validate && weighted) ops::check_finite(exec, where, "weights", weights);

    auto const beta = detail::weights_or_mean(exec, weights, x.rows);
    auto const g = ops::make_buffer<double>(exec, x.rows);
    ops::for_rows(exec, x.rows, detail::spread_weights<double, P::space>{{}, 0, g.view()});
    mixture_loss_result r;
    auto const count = static_cast<double>(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) {
      double norm2 = 0;
      detail::noisy_part<P, T> const noisy(exec, parts[p], noise, *noise.level);
      r.stopped = !noisy.total(x, beta.view(), true,
                               detail::stretch(o.on_progress, static_cast<double>(p) / count,
                                               static_cast<double>(p + 1) / count),
                               norm2);
      if (r.stopped) return r;
      detail::mixture_terms const terms(parts[p], mixture);
      terms.add_expectation(exec, x, noise, g.view());
      r.norm2 += norm2;
      r.mixture_norm2 += terms.norm2();
    }
    r.inner =
        ops::sum_rows(exec, x.rows, 1, detail::add_product<P::space>{g.view(), beta.view()})[0];
    double const loss = (r.norm2 - r.inner) + (r.mixture_norm2 - r.inner);
    r.loss = loss > 0 ? loss : 0;
    r.expectation = ops::download(exec, g.view());
    return r;
  }
};
inline constexpr mixture_loss_fn mixture_loss{};

}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_MIXTURE_LOSS_HPP
