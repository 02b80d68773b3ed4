// SPDX-License-Identifier: BSL-1.0
/// @file limpid/kernel_mean/detail/corruption.hpp
/// Noise on rows, and the expectation of a kernel under it in closed form.
#ifndef LIMPID_KERNEL_MEAN_DETAIL_CORRUPTION_HPP
#define LIMPID_KERNEL_MEAN_DETAIL_CORRUPTION_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/kernel_mean/detail/erfcx.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

namespace limpid::kernel_mean {

/// A known noise, independent in every entry: a row x stands for the distribution of x~ given x.
/// Make one by corruption::gaussian(v) and friends.
struct corruption_model {
  enum class family {
    gaussian,            ///< x~ = x + N(0, level): the level is a variance
    laplace,             ///< x~ = x + Laplace(0, level), of variance 2 level^2
    blank_out,           ///< x~ = 0 with probability `level`, else x: drop-out
    blank_out_unbiased,  ///< x~ = 0 with probability `level`, else x / (1 - level)
    poisson              ///< x~ a Poisson count of mean x; no level
  } kind = family::gaussian;
  std::optional<double> level = std::nullopt;  ///< >= 0, blank-out: < 1; none: to be chosen
  vector<double> columns =
      {};  ///< d, >= 0: the level of column c is level * columns[c]; empty: all 1
};

namespace corruption {

/// Normal noise of the given variance in every entry; without it the variance is chosen.
inline corruption_model gaussian(std::optional<double> variance = std::nullopt) {
  return {corruption_model::family::gaussian, variance, {}};
}
/// Normal noise of a variance per column.
inline corruption_model gaussian(vector<double> variances) {
  return {corruption_model::family::gaussian, 1.0, std::move(variances)};
}
/// Laplace noise of the given scale b, that is of variance 2 b^2.
inline corruption_model laplace(std::optional<double> scale = std::nullopt) {
  return {corruption_model::family::laplace, scale, {}};
}
/// Entries set to 0 with the given probability.
inline corruption_model blank_out(std::optional<double> probability = std::nullopt) {
  return {corruption_model::family::blank_out, probability, {}};
}
/// Entries set to 0 with the given probability p, the others divided by 1 - p: the mean is kept.
inline corruption_model blank_out_unbiased(std::optional<double> probability = std::nullopt) {
  return {corruption_model::family::blank_out_unbiased, probability, {}};
}
/// Entries replaced by Poisson counts of that mean.
inline corruption_model poisson() {
  return {corruption_model::family::poisson, 1.0, {}};
}

}  // namespace corruption

namespace detail {

inline constexpr unsigned most_degree = 8;  ///< of a polynomial kernel under noise

/// One entry's noise.
struct entry_noise {
  corruption_model::family kind;
  double level;

  using family = corruption_model::family;
  LIMPID_HD bool blanks() const {
    return kind == family::blank_out || kind == family::blank_out_unbiased;
  }
  /// What is left of an entry that is not blanked.
  LIMPID_HD double kept() const {
    return kind == family::blank_out_unbiased ? 1 / (1 - level) : 1.0;
  }
  /// E x~ / x.
  LIMPID_HD double mean_share() const { return kind == family::blank_out ? 1 - level : 1.0; }

  /// Of the variance of x~: constant + linear x + square x^2.
  struct variance_form {
    double constant, linear, square;
    LIMPID_HD double operator()(double x) const { return constant + (linear + square * x) * x; }
  };
  LIMPID_HD variance_form variance() const {
    switch (kind) {
      case family::gaussian:
        return {level, 0, 0};
      case family::laplace:
        return {2 * level * level, 0, 0};
      case family::blank_out:
        return {0, 0, level * (1 - level)};
      case family::blank_out_unbiased:
        return {0, 0, level / (1 - level)};
      case family::poisson:
        break;
    }
    return {0, 1, 0};
  }
  /// E (x~ - E x~)^3.
  LIMPID_HD double third_cumulant(double x) const {
    if (kind == family::poisson) return x;
    if (!blanks()) return 0;
    double const a = kept() * x, p = level, q = 1 - p;
    return a * a * a * q * p * (p - q);
  }

  /// m[r] = E x~^r, 1 <= r <= degree.
  LIMPID_HD void moments(double x, unsigned degree, double* m) const {
    m[0] = 1;
    switch (kind) {
      case family::gaussian:
        for (unsigned r = 1; r <= degree; ++r)
          m[r] = x * m[r - 1] + (r > 1 ? (r - 1) * level * m[r - 2] : 0);
        return;
      case family::laplace: {
        double power = 1;
        for (unsigned r = 1; r <= degree; ++r) {
          power *= x;
          m[r] = power + (r > 1 ? r * (r - 1) * level * level * m[r - 2] : 0);
        }
        return;
      }
      case family::blank_out:
      case family::blank_out_unbiased: {
        double const a = kept() * x;
        double power = 1 - level;
        for (unsigned r = 1; r <= degree; ++r) m[r] = power *= a;
        return;
      }
      case family::poisson: {
        double choose[most_degree] = {1};  // r - 1 over k
        for (unsigned r = 1; r <= degree; ++r) {
          double sum = 0;
          for (unsigned k = 0; k < r; ++k) sum += choose[k] * m[k];
          m[r] = x * sum;
          for (unsigned k = r; k >= 1; --k)
            if (k < most_degree) choose[k] += choose[k - 1];
        }
        return;
      }
    }
  }
};

/// exp(-u^2 / 2) and what Laplace noise of scale b (a = 1 / b, everything in units of the kernel's
/// s) makes of it. All terms are positive: full accuracy for every b.
struct laplace_factor {
  double one, two;  ///< one argument noisy; both, independently

  LIMPID_HD laplace_factor(double u, double b, bool both) {
    constexpr double root2 = 1.4142135623730950488, root_half_pi = 1.2533141373155002512;
    double const e = std::exp(-u * u / 2);
    one = two = e;
    if (b < 1e-100) return;
    double const a = 1 / b;
    double sum = 0, rest = 0;
    for (int side = 0; side < 2; ++side) {
      double const signed_u = side ? -u : u, z = (a + signed_u) / root2;
      double h, less;  // h(z) and e - sqrt(pi) z h(z)
      if (z >= 0) {
        scaled_erfc const w = erfcx(z);
        h = e * w.value;
        less = e * w.rest;
      } else {
        h = std::exp(a * (a / 2 + signed_u)) * std::erfc(z);
        less = e - root2 * root_half_pi * z * h;
      }
      sum += h;
      rest += less;
    }
    one = a / 2 * root_half_pi * sum;
    if (both) two = a / 4 * (root_half_pi * sum + a * rest);
  }
};

/// E exp(-g D^2) for D = (Poisson count of mean r1) - z, or the difference of two of means r1, r2.
/// The integral over the kernel's normal spectrum by the trapezium rule, which is exact up to the
/// values at a distance of one period: that period lies beyond 8.6 deviations of everything.
/// Absolute error below 1e-12.
struct poisson_factor {
  LIMPID_HD static double one(double mean, double z, double g) { return sum(mean, mean, z, g); }
  LIMPID_HD static double two(double mean, double other, double g) {
    return sum(mean + other, mean - other, 0, g);
  }

 private:
  LIMPID_HD static double sum(double rate, double swing, double z, double g) {
    constexpr double pi = 3.14159265358979323846;
    double const gap = swing > z ? swing - z : z - swing, s = std::sqrt(0.5 / g);
    double const reach = 8.6 * s + 9 * std::sqrt(rate + 1) + 9;
    if (gap > reach) return 0;
    double const step = 2 * pi / (gap + reach), decay = s * s / 2;
    double const turn_sin = std::sin(step / 2), turn_cos = std::cos(step / 2);
    double total = 0.5, half_sin = 0, half_cos = 1;  // of w / 2, turned from node to node
    for (double q = 1;; ++q) {
      double const w = q * step, bell = decay * w * w, turned = half_sin;
      if (bell > 37) break;
      half_sin = turned * turn_cos + half_cos * turn_sin;
      half_cos = half_cos * turn_cos - turned * turn_sin;
      double const exponent = bell + 2 * rate * half_sin * half_sin;
      if (exponent < 40)
        total += std::exp(-exponent) * std::cos(2 * swing * half_sin * half_cos - z * w);
    }
    double const value = 2 * total * s * step / std::sqrt(2 * pi);
    return value > 0 ? value : 0;
  }
};

/// E k(noisy~, clean), or E k(noisy~, clean~) with independent copies if `both`, k Gaussian or
/// polynomial. A functor of two rows as kernel_sums takes it: the row that it is asked for first.
template <memory_space S>
struct noisy_kernel {
  bool gaussian = true;  ///< exp(-gamma |x - z|^2), else (gamma x.z + offset)^degree
  double gamma = 1, offset = 0;
  unsigned degree = 1;
  corruption_model::family noise = corruption_model::family::gaussian;
  double level = 0;
  vector_view<double const, S> columns = {};  ///< no data: all 1
  bool both = false;

  template <class A, class B>
  LIMPID_HD double operator()(A const& clean, B const& noisy) const {
    return gaussian ? by_columns(clean, noisy) : by_cumulants(clean, noisy);
  }

 private:
  using family = corruption_model::family;
  LIMPID_HD entry_noise at(std::size_t c) const {
    return {noise, columns.data ? level * columns[c] : level};
  }

  /// A product over columns of factors within [0, 1]: it underflows only with its value.
  template <class A, class B>
  LIMPID_HD double by_columns(A const& clean, B const& noisy) const {
    double product = 1;
    for (std::size_t c = 0; c < clean.size; ++c)
      product *= factor(at(c), static_cast<double>(noisy[c]), static_cast<double>(clean[c]));
    return product;
  }
  LIMPID_HD double bell(double u) const { return std::exp(-gamma * u * u); }
  LIMPID_HD double factor(entry_noise const& e, double x, double z) const {
    switch (e.kind) {
      case family::gaussian: {
        double const wider = 1 + 2 * gamma * (both ? 2 * e.level : e.level);
        return std::exp(-gamma * (x - z) * (x - z) / wider) / std::sqrt(wider);
      }
      case family::laplace: {
        double const inverse = std::sqrt(2 * gamma);
        laplace_factor const f((x - z) * inverse, e.level * inverse, both);
        return both ? f.two : f.one;
      }
      case family::blank_out:
      case family::blank_out_unbiased: {
        double const p = e.level, q = 1 - p, a = e.kept() * x;
        if (!both) return p * bell(z) + q * bell(a - z);
        double const b = e.kept() * z;
        return p * p + p * q * (bell(a) + bell(b)) + q * q * bell(a - b);
      }
      case family::poisson:
        break;
    }
    return both ? poisson_factor::two(x, z, gamma) : poisson_factor::one(x, z, gamma);
  }

  /// The columns' products are independent: their cumulants add up.
  template <class A, class B>
  LIMPID_HD double by_cumulants(A const& clean, B const& noisy) const {
    double sum[most_degree + 1] = {}, left[most_degree + 1], right[most_degree + 1],
                             own[most_degree + 1];
    for (std::size_t c = 0; c < clean.size; ++c) {
      entry_noise const e = at(c);
      e.moments(static_cast<double>(noisy[c]), degree, left);
      auto const z = static_cast<double>(clean[c]);
      if (both)
        e.moments(z, degree, right);
      else
        entry_noise{family::gaussian, 0}.moments(z, degree, right);
      double scale = 1, choose[most_degree] = {1};  // r - 1 over j - 1
      for (unsigned r = 1; r <= degree; ++r) {
        scale *= gamma;
        left[r] *= right[r] * scale;
        double rest = 0;
        for (unsigned j = 1; j < r; ++j) rest += choose[j - 1] * own[j] * left[r - j];
        own[r] = left[r] - rest;
        sum[r] += own[r];
        for (unsigned j = r; j >= 1; --j)
          if (j < most_degree) choose[j] += choose[j - 1];
      }
    }
    sum[1] += offset;
    double moment[most_degree + 1] = {1}, choose[most_degree] = {1};
    for (unsigned r = 1; r <= degree; ++r) {
      moment[r] = 0;
      for (unsigned j = 1; j <= r; ++j) moment[r] += choose[j - 1] * sum[j] * moment[r - j];
      for (unsigned j = r; j >= 1; --j)
        if (j < most_degree) choose[j] += choose[j - 1];
    }
    return moment[degree];
  }
};

}  // namespace detail
}  // namespace limpid::kernel_mean

#endif  // LIMPID_KERNEL_MEAN_DETAIL_CORRUPTION_HPP
