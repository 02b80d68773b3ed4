// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <cstring>

#include <limpid/simd/math.hpp>

using namespace lanes_test;
namespace lanes = limpid::lanes;

namespace {

// Values of every exponent and sign, edges included.
template <class T>
std::vector<T> all_exponents() {
  using L = std::numeric_limits<T>;
  std::vector<T> x{T(0),
                   -T(0),
                   T(1),
                   T(-1),
                   L::infinity(),
                   -L::infinity(),
                   L::quiet_NaN(),
                   L::denorm_min(),
                   -L::denorm_min(),
                   L::min(),
                   -L::min(),
                   L::max(),
                   L::lowest(),
                   L::epsilon(),
                   std::nextafter(T(-1), T(0)),
                   std::nextafter(T(-1), T(-2)),
                   std::nextafter(T(1), T(0)),
                   std::nextafter(T(1), T(2))};
  std::mt19937 gen(7);
  std::uniform_real_distribution<double> fraction(1.0, 2.0);
  for (int e = L::min_exponent - L::digits; e < L::max_exponent; ++e)
    for (int t = 0; t < 40; ++t) {
      T const v = static_cast<T>(std::ldexp(fraction(gen), e));
      x.push_back(v);
      x.push_back(-v);
    }
  return x;
}

template <class T, class F, class G>
double worst_error(std::vector<T> const& x, F f, G exact) {
  std::vector<T> y(x.size());
  f(x.data(), y.data(), x.size());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double const e = ulps(y[i], exact(static_cast<long double>(x[i])));
    if (e > worst) {
      worst = e;
      INFO("x = ", static_cast<double>(x[i]), " y = ", static_cast<double>(y[i]));
      CHECK(e < 100.0);
    }
  }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("vector exp, log, log1p, sqrt over all exponents", T, float, double) {
  auto x = all_exponents<T>();
  std::mt19937 gen(3);
  double const top = sizeof(T) == 4 ? 90 : 711, bottom = sizeof(T) == 4 ? -106 : -747;
  std::uniform_real_distribution<double> range(bottom, top), unit(-0.9999, 3.0), half(0.5, 2.0);
  std::vector<T> e = x, l = x, s;
  for (int t = 0; t < 100000; ++t) e.push_back(static_cast<T>(range(gen)));
  for (int t = 0; t < 100000; ++t) l.push_back(static_cast<T>(half(gen)));
  for (int t = 0; t < 100000; ++t) x.push_back(static_cast<T>(unit(gen)));
  for (T v : l)
    if (v == T(0) || (v >= std::numeric_limits<T>::min() && v <= std::numeric_limits<T>::max()))
      s.push_back(v);
  for_each_set([&] {
    double const exp_error = worst_error(
        e, [](T const* a, T* b, std::size_t n) { lanes::exp(a, b, n); },
        [](long double v) { return std::exp(v); });
    double const log_error = worst_error(
        l, [](T const* a, T* b, std::size_t n) { lanes::log(a, b, n); },
        [](long double v) { return std::log(v); });
    double const log1p_error = worst_error(
        x, [](T const* a, T* b, std::size_t n) { lanes::log1p(a, b, n); },
        [](long double v) { return std::log1p(v); });
    double const sqrt_error = worst_error(
        s, [](T const* a, T* b, std::size_t n) { lanes::sqrt(a, b, n); },
        [](long double v) { return std::sqrt(v); });
    MESSAGE("set ", static_cast<int>(limpid::isa()), ", ", " ", sizeof(T), " bytes, ulp: exp ",
            exp_error, " log ", log_error, " log1p ", log1p_error, " sqrt ", sqrt_error);
    CHECK(exp_error < 1.5);
    CHECK(log_error < 1.0);
    CHECK(log1p_error < 1.5);
    CHECK(sqrt_error < 2.0);
  });
}

TEST_CASE_TEMPLATE("array lengths on both sides of the vector", T, float, double) {
  for_each_set([&] {
    for (std::size_t n = 0; n <= 40; ++n) {
      std::vector<T> in(n), out(n + 1, T(-7));
      for (std::size_t i = 0; i < n; ++i) in[i] = static_cast<T>(i) * T(0.1);
      lanes::exp(in.data(), out.data(), n);
      for (std::size_t i = 0; i < n; ++i)
        CHECK(ulps(out[i], std::exp(static_cast<long double>(in[i]))) < 1.5);
      CHECK(out[n] == T(-7));
    }
  });
}

TEST_CASE("an unknown or unsupported set is refused") {
  CHECK(limpid::lanes::supported(limpid::isa()));
  CHECK_FALSE(limpid::lanes::force(static_cast<limpid::instruction_set>(17)));
}
