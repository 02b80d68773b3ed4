// SPDX-License-Identifier: BSL-1.0
/// Golden files, data makers and the list of policies, for the tests of transition/ and reweight/.
#ifndef LIMPID_TESTS_TRANSITION_HELPERS_HPP
#define LIMPID_TESTS_TRANSITION_HELPERS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/exec/par.hpp>
#include <limpid/exec/seq.hpp>
#include <limpid/exec/simd.hpp>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "support/golden.hpp"

namespace limpid_test {

/// Largest absolute difference; infinite where the extents differ or an entry is not a number.
inline double gap(limpid::matrix<double> const& a, limpid::matrix<double> const& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return INFINITY;
  double worst = 0;
  for (std::size_t c = 0; c < a.rows() * a.cols(); ++c) {
    double const d = std::abs(a.data()[c] - b.data()[c]);
    if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
  }
  return worst;
}
template <class U, class V>
double gap(U const& a, V const& b) {
  if (a.size() != b.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    double const d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
  }
  return worst;
}
inline limpid::matrix<double> transpose(limpid::matrix<double> const& a) {
  limpid::matrix<double> t(a.cols(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < a.cols(); ++j) t(j, i) = a(i, j);
  return t;
}
inline limpid::matrix<double> multiply(limpid::matrix<double> const& a,
                                       limpid::matrix<double> const& b) {
  limpid::matrix<double> c(a.rows(), b.cols());
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t j = 0; j < b.cols(); ++j)
      for (std::size_t k = 0; k < a.cols(); ++k) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// The same numbers in float.
inline limpid::matrix<float> to_float(limpid::matrix<double> const& a) {
  limpid::matrix<float> f(a.rows(), a.cols());
  for (std::size_t c = 0; c < a.rows() * a.cols(); ++c)
    f.data()[c] = static_cast<float>(a.data()[c]);
  return f;
}

/// n posteriors over K classes and labels drawn from them, some of them then flipped to the next
/// class.
struct labelled_posteriors {
  limpid::matrix<double> p;
  std::vector<int> y;
};
inline labelled_posteriors make_posteriors(std::size_t n, std::size_t classes, unsigned seed,
                                           double noise = 0.2) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> u(0, 1);
  labelled_posteriors out{limpid::matrix<double>(n, classes), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    auto const top = static_cast<std::size_t>(rng() % classes);
    for (std::size_t k = 0; k < classes; ++k) {
      out.p(i, k) = 0.02 + u(rng) * u(rng) + (k == top ? 3 * u(rng) : 0);
      sum += out.p(i, k);
    }
    for (std::size_t k = 0; k < classes; ++k) out.p(i, k) /= sum;
    out.y[i] = static_cast<int>(u(rng) < noise ? (top + 1) % classes : top);
  }
  return out;
}

/// A matrix with other strides: columns far apart, rows next to each other, garbage in between.
struct strided {
  explicit strided(limpid::matrix<double> const& m) : cells(m.rows() * (2 * m.cols() + 3), NAN) {
    auto const step = static_cast<std::ptrdiff_t>(2 * m.cols() + 3);
    window = limpid::matrix_view<double>(cells.data() + 1, m.rows(), m.cols(), step, 2);
    for (std::size_t i = 0; i < m.rows(); ++i)
      for (std::size_t j = 0; j < m.cols(); ++j) window(i, j) = m(i, j);
  }
  strided(strided const&) = delete;
  strided& operator=(strided const&) = delete;
  std::vector<double> cells;
  limpid::matrix_view<double> window;
};

}  // namespace limpid_test

#endif  // LIMPID_TESTS_TRANSITION_HELPERS_HPP
