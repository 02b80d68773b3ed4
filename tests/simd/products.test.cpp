// SPDX-License-Identifier: BSL-1.0
#include "oracle.hpp"

#include <limpid/simd/linear.hpp>
#include <limpid/simd/loss_mixture.hpp>
#include <limpid/simd/sparse.hpp>

using namespace lanes_test;
namespace lanes = limpid::lanes;

TEST_CASE_TEMPLATE("linear_rows and accumulate_outer against double loops", T, float, double) {
  for_each_set([&] {
    for (std::size_t n : sizes{0, 1, 5, 6, 7, 63, 64, 65, 130})
      for (std::size_t d : sizes{1, 2, 15, 16, 17, 31, 32, 33, 50})
        for (std::size_t K : sizes{1, 3, 5, 6, 10, 17}) {
          CAPTURE(n);
          CAPTURE(d);
          CAPTURE(K);
          auto const x = random_rows<T>(n, d, 2, 1), w = random_rows<T>(K, d, 1, 2),
                     b = random_rows<T>(1, K, 0, 3), r = random_rows<T>(n, K, 3, 4);
          padded<T> out(n, K, 2);
          lanes::linear_rows(x.data.data(), x.ld, n, d, w.data.data(), w.ld, b.data.data(), K,
                             out.data.data(), out.ld);
          double worst = 0;
          for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t k = 0; k < K; ++k) {
              double s = static_cast<double>(b(0, k)), size = 1;
              for (std::size_t c = 0; c < d; ++c) {
                double const v = static_cast<double>(x(i, c)) * static_cast<double>(w(k, c));
                s += v;
                size += std::fabs(v);
              }
              worst = std::max(worst, std::fabs(static_cast<double>(out(i, k)) - s) / size);
            }
            CHECK(std::isnan(out(i, K)));
          }
          CHECK(worst < tolerance<T>);
          padded<double> g(K, d, 1);
          for (auto& v : g.data) v = 0.5;
          lanes::accumulate_outer(r.data.data(), r.ld, x.data.data(), x.ld, n, K, d, g.data.data(),
                                  g.ld);
          worst = 0;
          for (std::size_t k = 0; k < K; ++k) {
            for (std::size_t c = 0; c < d; ++c) {
              double s = 0.5, size = 1;
              for (std::size_t i = 0; i < n; ++i) {
                double const v = static_cast<double>(x(i, c)) * static_cast<double>(r(i, k));
                s += v;
                size += std::fabs(v);
              }
              worst = std::max(worst, std::fabs(g(k, c) - s) / size);
            }
            CHECK(g(k, d) == 0.5);
          }
          CHECK(worst < tolerance<T>);
        }
  });
}

TEST_CASE_TEMPLATE("one step of the loss mixture against long double", T, float, double) {
  auto const m = lanes::make_loss_mixture({0.7, 0.3}, {0.2, 0.6}, {0.01, 0.04});
  for_each_set([&] {
    for (std::size_t n : sizes{0, 1, 2, 15, 16, 17, 511, 512, 513, 5000})
      for (bool weighted : {false, true}) {
        CAPTURE(n);
        CAPTURE(weighted);
        std::vector<T> x(n), w(n), p(n + 1, T(-5));
        std::mt19937 gen(4);
        for (auto& v : x) v = static_cast<T>(static_cast<double>(gen()) / 4294967296.0 * 3.0 + 2.0);
        for (auto& v : w) v = static_cast<T>(static_cast<double>(gen()) / 4294967296.0);
        auto const got =
            lanes::loss_mixture_step(x.data(), n, 2.0, 1.0 / 3, m, weighted ? w.data() : nullptr);
        lanes::loss_mixture_posterior(x.data(), n, 2.0, 1.0 / 3, m, p.data());
        long double mass[2] = {}, first[2] = {}, second[2] = {}, ll = 0;
        double worst = 0;
        for (std::size_t i = 0; i < n; ++i) {
          long double const z = (static_cast<long double>(x[i]) - 2) / 3;
          long double l[2];
          for (int k = 0; k < 2; ++k)
            l[k] = m.log_norm[k] - 0.5L * m.precision[k] * (z - m.mean[k]) * (z - m.mean[k]);
          long double const top = std::max(l[0], l[1]),
                            s = top + std::log(std::exp(l[0] - top) + std::exp(l[1] - top));
          long double const weight = weighted ? static_cast<long double>(w[i]) : 1.0L;
          for (int k = 0; k < 2; ++k) {
            long double const r = std::exp(l[k] - s) * weight;
            mass[k] += r;
            first[k] += r * (z - m.mean[k]);
            second[k] += r * (z - m.mean[k]) * (z - m.mean[k]);
          }
          ll += s * weight;
          worst = std::max(worst, static_cast<double>(std::fabs(p[i] - std::exp(l[0] - s))));
        }
        double const eps = (sizeof(T) == 4 ? 4e-6 : 1e-13), count = static_cast<double>(n) + 1e-300;
        CHECK(worst < 3 * eps);
        CHECK(p[n] == T(-5));
        for (int k = 0; k < 2; ++k) {
          CHECK(std::fabs(static_cast<double>(got.mass[k] - mass[k])) <= eps * count);
          CHECK(std::fabs(static_cast<double>(got.first[k] - first[k])) <= eps * count);
          CHECK(std::fabs(static_cast<double>(got.second[k] - second[k])) <= eps * count);
        }
        CHECK(std::fabs(static_cast<double>(got.log_likelihood - ll)) <= 2 * eps * count);
      }
  });
}

TEST_CASE_TEMPLATE("spmm against double loops", T, float, double) {
  std::mt19937 gen(12);
  for_each_set([&] {
    for (std::size_t K : sizes{1, 2, 7, 8, 10, 16, 17, 63, 64, 65, 100}) {
      CAPTURE(K);
      std::size_t const n = 40;
      auto const F = random_rows<T>(n, K, 3, 1);
      std::vector<std::uint64_t> indptr{0};
      std::vector<std::uint32_t> indices;
      std::vector<T> values;
      for (std::size_t i = 0; i < n; ++i) {
        std::size_t const entries = i == 3 ? 700 : i == 4 ? 256 : i == 5 ? 257 : gen() % 9;
        for (std::size_t t = 0; t < entries; ++t) {
          indices.push_back(static_cast<std::uint32_t>(gen() % n));
          values.push_back(static_cast<T>(gen() % 1000) * T(0.001));
        }
        indptr.push_back(indices.size());
      }
      padded<T> out(n, K, 2);
      lanes::spmm(indptr.data(), indices.data(), values.data(), F.data.data(), F.ld,
                  out.data.data(), out.ld, 0, 10, K);
      lanes::spmm(indptr.data(), indices.data(), values.data(), F.data.data(), F.ld, &out(10, 0),
                  out.ld, 10, n, K);
      double worst = 0;
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < K; ++k) {
          double s = 0, size = 1;
          for (std::size_t t = indptr[i]; t < indptr[i + 1]; ++t) {
            double const v = static_cast<double>(values[t]) * static_cast<double>(F(indices[t], k));
            s += v;
            size += std::fabs(v);
          }
          worst = std::max(worst, std::fabs(static_cast<double>(out(i, k)) - s) / size);
        }
        CHECK(std::isnan(out(i, K)));
      }
      CHECK(worst < tolerance<T>);
    }
  });
}
