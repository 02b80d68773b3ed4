// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <limpid/simd/trigonometry.hpp>

using namespace lanes_test;
namespace lanes = limpid::lanes;

namespace {

template <class T>
double worst_error(std::vector<T> const& x, T scale) {
  std::vector<T> c(x.size()), s(x.size());
  lanes::cosines_and_sines(x.data(), c.data(), s.data(), x.size(), scale);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    auto const v = static_cast<long double>(x[i]);
    for (long double gap : {c[i] / scale - std::cos(v), s[i] / scale - std::sin(v)})
      worst = std::fabs(gap) > worst ? static_cast<double>(std::fabs(gap)) : worst;
  }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("vector cosine and sine: error", T, float, double) {
  double const limit = sizeof(T) == 4 ? 8192 : 1048576, bound = sizeof(T) == 4 ? 9e-8 : 2.5e-16;
  std::mt19937 gen(3);
  std::vector<T> x{T(0), -T(0), std::numeric_limits<T>::denorm_min(),
                   static_cast<T>(std::nextafter(static_cast<T>(limit), T(0)))};
  for (double reach : {1.0, 10.0, limit}) {
    std::uniform_real_distribution<double> range(-reach, reach);
    for (int t = 0; t < 20000; ++t) x.push_back(static_cast<T>(range(gen)));
  }
  for (int q = 0; q < 2000; ++q)  // around every quarter turn
    for (double by : {-0.5, 0.0, 0.5})
      x.push_back(static_cast<T>((q + by) * 1.57079632679489661923));
  std::vector<T> far;
  for (double v : {limit, -limit, 3e6, -1e9, 1e20, 3e30}) far.push_back(static_cast<T>(v));
  for_each_set([&] {
    double const error = worst_error(x, T(1));
    MESSAGE("set ", static_cast<int>(limpid::isa()), ", ", sizeof(T), " bytes: ", error);
    CHECK(error < bound);
    CHECK(worst_error(far, T(2)) < bound);
  });
}

TEST_CASE_TEMPLATE("vector cosine and sine: lengths on both sides of the vector, special values", T,
                   float, double) {
  for_each_set([&] {
    for (std::size_t n = 0; n <= 40; ++n) {
      std::vector<T> in(n), c(n + 1, T(-7)), s(n + 1, T(-7)), alone(n + 1, T(-7));
      for (std::size_t i = 0; i < n; ++i) in[i] = static_cast<T>(i) * T(0.3);
      lanes::cosines_and_sines(in.data(), c.data(), s.data(), n, T(0.5));
      lanes::cosines_and_sines<T>(in.data(), alone.data(), nullptr, n, T(0.5));
      CHECK(c == alone);
      for (std::size_t i = 0; i < n; ++i) {
        CHECK(std::fabs(c[i] - T(0.5) * std::cos(in[i])) < T(1e-7));
        CHECK(std::fabs(s[i] - T(0.5) * std::sin(in[i])) < T(1e-7));
        T one_c, one_s;  // an entry's value does not depend on its place
        lanes::cosines_and_sines(&in[i], &one_c, &one_s, 1, T(0.5));
        CHECK((one_c == c[i] && one_s == s[i]));
      }
      CHECK((c[n] == T(-7) && s[n] == T(-7)));
    }
    using L = std::numeric_limits<T>;
    T const in[] = {L::infinity(), T(1), -L::infinity(), L::quiet_NaN()};
    T c[4], s[4];
    lanes::cosines_and_sines(in, c, s, 4, T(1));
    CHECK((std::isnan(c[0]) && std::isnan(s[2]) && std::isnan(c[3])));
    CHECK(std::fabs(s[1] - std::sin(T(1))) < T(1e-7));
  });
}
