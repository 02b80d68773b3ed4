// SPDX-License-Identifier: BSL-1.0
// How much nearer to the truth than the empirical kernel mean the estimates of kernel_mean/ are.
//   shrinkage_table [REPEATS [UCI_SMALL_FOLDER]]
// Mixtures: the protocol of Muandet et al., "Kernel mean estimation and Stein effect", ICML 2014:
// four Gaussians of weights .05 .3 .4 .25, means uniform on (-10, 10)^d, covariances Wishart(2 I,
// 7) + 0.2 I; the loss is exact. Columns: percentage of improvement, as the mean of the repeats'
// own percentages and as 100 (1 - ratio of mean losses): the two disagree where a few repeats lose
// much. Below a row the same of a run of the protocol by numpy, 30 repeats of other seeds
// (tests/golden/kme_benchmark_reference.json; narrower kernels: 60 repeats, mean losses only).
// Tables: samples of 20 rows against the kernel mean of the whole table. The same seeds each time.
#include <limpid/core/random.hpp>
#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/kernel_mean/inner_product.hpp>
#include <limpid/kernel_mean/marginalised.hpp>
#include <limpid/kernel_mean/mixture_loss.hpp>
#include <limpid/kernel_mean/ridge_shrink.hpp>
#include <limpid/kernel_mean/shrink.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "npy.hpp"

using limpid::kernel_function;
using limpid::matrix;
using limpid::random_stream;
using limpid::vector;
namespace km = limpid::kernel_mean;
namespace kernels = limpid::kernels;

namespace {

double normal(random_stream& draw) {
  double const u = 1 - draw.uniform(), angle = 6.283185307179586 * draw.uniform();
  return std::sqrt(-2 * std::log(u)) * std::cos(angle);
}

km::gaussian_mixture some_mixture(std::size_t d, std::uint64_t seed) {
  km::gaussian_mixture m{{0.05, 0.3, 0.4, 0.25}, matrix<double>(4, d), matrix<double>(4 * d, d)};
  for (std::size_t k = 0; k < 4; ++k) {
    random_stream draw(seed, 1, k);
    for (std::size_t c = 0; c < d; ++c) m.means(k, c) = 20 * draw.uniform() - 10;
    std::vector<double> row(d);
    for (int freedom = 0; freedom < 7; ++freedom) {
      for (double& v : row) v = std::sqrt(2.0) * normal(draw);
      for (std::size_t r = 0; r < d; ++r)
        for (std::size_t c = 0; c < d; ++c) m.covariances(k * d + r, c) += row[r] * row[c];
    }
    for (std::size_t c = 0; c < d; ++c) m.covariances(k * d + c, c) += 0.2;
  }
  return m;
}

matrix<double> draws_of(km::gaussian_mixture const& m, std::size_t n, std::uint64_t seed) {
  std::size_t const d = m.means.cols();
  std::vector<matrix<double>> roots;
  for (std::size_t k = 0; k < 4; ++k) {
    matrix<double> a(d, d);
    for (std::size_t r = 0; r < d; ++r)
      for (std::size_t c = 0; c < d; ++c) a(r, c) = m.covariances(k * d + r, c);
    limpid::ops::cholesky(a);
    roots.push_back(a);
  }
  matrix<double> x(n, d);
  std::vector<double> bell(d);
  for (std::size_t i = 0; i < n; ++i) {
    random_stream draw(seed, 2, i);
    double u = draw.uniform();
    std::size_t k = 0;
    while (k < 3 && u >= m.weights[k]) u -= m.weights[k++];
    for (double& b : bell) b = normal(draw);
    for (std::size_t r = 0; r < d; ++r) {
      x(i, r) = m.means(k, r);
      for (std::size_t c = 0; c <= r; ++c) x(i, r) += roots[k](r, c) * bell[c];
    }
  }
  return x;
}

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// The losses of one estimate over the repeats, beside those of the empirical mean.
struct column {
  double percent = 0, square = 0, loss = 0, plain = 0, count = 0;
  void add(double own, double empirical) {
    double const p = 100 * (1 - own / empirical);
    percent += p;
    square += p * p;
    loss += own;
    plain += empirical;
    count += 1;
  }
  double mean() const { return percent / count; }
  double error() const { return std::sqrt((square / count - mean() * mean()) / (count - 1)); }
  double ratio() const { return 100 * (1 - loss / plain); }
};
void print(column const& c) {
  if (c.count > 1)
    std::printf(" | %6.1f (%4.1f) %6.1f", c.mean(), c.error(), c.ratio());
  else
    std::printf(" | %20s", "-");
}

enum estimates { plug_in, leave_one_out, ridge, noise, noise_best, oracle, count_of_estimates };
constexpr char const* heading =
    "plug-in              | leave-one-out        | ridge                | noise                | "
    "noise, best of grid  | best scalar";

struct reference {
  double percent, ratio;
};
void print(reference const& r) {
  if (std::isnan(r.ratio))
    std::printf(" | %20s", "-");
  else if (std::isnan(r.percent))
    std::printf(" | %20.1f", r.ratio);
  else
    std::printf(" | %6.1f        %6.1f", r.percent, r.ratio);
}

struct reference_row {
  std::size_t d, n;
  char const* kernel;
  reference of[count_of_estimates];
  double bandwidth = 1;
};
constexpr reference_row references[] = {
    {2,
     20,
     "LIN",
     {{-10.8, 7.2}, {-51.9, -5.9}, {-61.4, -15.7}, {none, none}, {none, none}, {54.6, 53.1}}},
    {2,
     20,
     "POLY2",
     {{-28.2, 3.2}, {-37.7, 1.4}, {-0.1, 0.0}, {none, none}, {none, none}, {39.5, 45.7}}},
    {2,
     20,
     "POLY3",
     {{-14.8, 19.0}, {-60.6, 5.5}, {-80.4, -27.7}, {none, none}, {none, none}, {32.9, 45.4}}},
    {2, 20, "RBF", {{2.9, 5.3}, {2.7, 5.5}, {1.2, 2.0}, {9.0, 13.4}, {none, none}, {11.5, 13.9}}},
    {10,
     20,
     "LIN",
     {{10.3, 13.5}, {2.2, 9.6}, {-9.7, -3.6}, {none, none}, {none, none}, {23.3, 27.2}}},
    {10,
     20,
     "POLY2",
     {{9.6, 13.6}, {7.8, 13.3}, {-1.9, -0.9}, {none, none}, {none, none}, {18.7, 24.6}}},
    {10,
     20,
     "POLY3",
     {{19.3, 25.1}, {15.0, 24.6}, {-11.5, -1.8}, {none, none}, {none, none}, {28.9, 37.4}}},
    {10, 20, "RBF", {{3.6, 3.5}, {3.6, 3.6}, {2.8, 2.3}, {3.5, 3.6}, {none, none}, {6.4, 6.6}}},
    {30,
     20,
     "LIN",
     {{9.2, 11.7}, {6.8, 10.9}, {2.7, 2.8}, {none, none}, {none, none}, {16.7, 19.1}}},
    {30,
     20,
     "POLY2",
     {{15.8, 16.2}, {14.7, 15.6}, {5.8, 5.9}, {none, none}, {none, none}, {19.6, 19.9}}},
    {30,
     20,
     "POLY3",
     {{22.8, 23.9}, {21.2, 23.2}, {9.2, 10.0}, {none, none}, {none, none}, {27.0, 28.5}}},
    {30, 20, "RBF", {{1.9, 2.6}, {1.8, 2.6}, {1.8, 1.7}, {0.0, 0.0}, {none, none}, {3.8, 4.5}}},
    {30, 100, "LIN", {{2.3, 2.2}, {2.2, 2.1}, {0.0, 0.0}, {none, none}, {none, none}, {5.0, 4.7}}},
    {30,
     100,
     "POLY2",
     {{2.0, 2.8}, {1.8, 2.7}, {0.0, 0.0}, {none, none}, {none, none}, {5.2, 5.6}}},
    {30,
     100,
     "POLY3",
     {{4.3, 5.2}, {4.0, 5.0}, {0.1, 0.2}, {none, none}, {none, none}, {7.9, 8.5}}},
    {30, 100, "RBF", {{1.0, 0.8}, {1.0, 0.8}, {0.9, 0.7}, {0.0, 0.0}, {none, none}, {2.0, 1.7}}},
    {10,
     20,
     "RBF",
     {{none, 29.0}, {none, 27.8}, {none, none}, {none, 34.3}, {none, 38.0}, {none, none}},
     0.1},
    {30,
     20,
     "RBF",
     {{none, 33.1}, {none, 34.5}, {none, none}, {none, 36.3}, {none, 38.9}, {none, none}},
     0.1},
    {30,
     10,
     "RBF",
     {{none, 14.9}, {none, 13.0}, {none, none}, {none, 13.7}, {none, 21.3}, {none, none}},
     0.3},
};

/// Losses of every estimate from one sample; `loss` of weights, `noisy` of a corruption.
template <class Loss, class Noisy>
void estimate(kernel_function const& k, matrix<double> const& x, column* to, Loss const& loss,
              Noisy const& noisy) {
  std::size_t const n = x.rows();
  std::vector<double> const ones(n, 1 / static_cast<double>(n));
  auto const plain = loss(ones);
  auto const scalar = [&](double kept) {
    return kept * kept * plain.norm2 - 2 * kept * plain.inner + plain.truth;
  };
  double const base = scalar(1);
  to[plug_in].add(scalar(1 - km::shrink(k, x, {.rule = km::shrinkage_rule::plug_in}).alpha), base);
  to[leave_one_out].add(scalar(1 - km::shrink(k, x).alpha), base);
  auto const beta = loss(km::ridge_shrink(k, x).beta);
  to[ridge].add(beta.norm2 - 2 * beta.inner + beta.truth, base);
  to[oracle].add(scalar(plain.inner / plain.norm2), base);
  if (k.kind == limpid::kernel_part::family::linear) return;  // noise of mean 0 changes nothing
  auto const fit = km::marginalised(k, x, km::corruption::gaussian());
  double best = base;
  for (double level : fit.levels) {
    double const at = level > 0 ? noisy(km::corruption::gaussian(level)) : base;
    if (level == fit.level) to[noise].add(at, base);
    best = at < best ? at : best;
  }
  to[noise_best].add(best, base);
}

struct terms {
  double norm2, inner, truth;
};

/// A row of the protocol; bandwidth: of the Gaussian kernel, s^2 in units of the median squared
/// distance.
void mixtures(char const* name, std::size_t d, std::size_t n, int repeats, double bandwidth = 1) {
  column columns[count_of_estimates];
  for (int seed = 0; seed < repeats; ++seed) {
    auto const m = some_mixture(d, static_cast<std::uint64_t>(seed));
    auto const x = draws_of(m, n, static_cast<std::uint64_t>(seed));
    double const gamma =
        km::median_heuristic(x, {.convention = km::median_convention::squared_distance}).gamma /
        bandwidth;
    std::string const kernel = name;
    auto const k = kernel == "LIN"     ? kernels::linear()
                   : kernel == "POLY2" ? kernels::polynomial(2)
                   : kernel == "POLY3" ? kernels::polynomial(3)
                                       : kernels::gaussian(gamma);
    estimate(
        k, x, columns,
        [&](auto const& weights) {
          auto const r = km::mixture_loss(k, x, weights, m);
          return terms{r.norm2, r.inner, r.mixture_norm2};
        },
        [&](km::corruption_model const& c) {
          return km::mixture_loss(k, x, m, {.noise = c}).loss;
        });
  }
  std::printf("%2zu %4zu %-6s %4.1f", d, n, name, bandwidth);
  for (column const& c : columns) print(c);
  std::printf("\n");
  for (reference_row const& r : references)
    if (r.d == d && r.n == n && r.kernel == std::string(name) && r.bandwidth == bandwidth) {
      std::printf("%-19s", "   numpy");
      for (reference const& e : r.of) print(e);
      std::printf("\n");
    }
  std::fflush(stdout);
}

/// Columns of mean 0 and deviation 1; constant ones are left out.
matrix<double> standardised(matrix<double> const& raw) {
  auto const n = static_cast<double>(raw.rows());
  std::vector<std::vector<double>> kept;
  for (std::size_t c = 0; c < raw.cols(); ++c) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < raw.rows(); ++i) mean += raw(i, c) / n;
    for (std::size_t i = 0; i < raw.rows(); ++i)
      square += (raw(i, c) - mean) * (raw(i, c) - mean) / n;
    if (!(square > 0)) continue;
    kept.emplace_back();
    for (std::size_t i = 0; i < raw.rows(); ++i)
      kept.back().push_back((raw(i, c) - mean) / std::sqrt(square));
  }
  matrix<double> out(raw.rows(), kept.size());
  for (std::size_t c = 0; c < kept.size(); ++c)
    for (std::size_t i = 0; i < raw.rows(); ++i) out(i, c) = kept[c][i];
  return out;
}

void table(std::string const& name, matrix<double> const& all, std::size_t n, int repeats,
           bool polynomial, double bandwidth) {
  double const gamma =
      km::median_heuristic(all,
                           {.convention = km::median_convention::squared_distance, .sample = 0})
          .gamma /
      bandwidth;
  auto const k = polynomial ? kernels::polynomial(2) : kernels::gaussian(gamma);
  double const truth = km::inner_product(k, all, all).value;
  std::vector<double> const every(all.rows(), 1 / static_cast<double>(all.rows()));
  column columns[count_of_estimates];
  for (int seed = 0; seed < repeats; ++seed) {
    random_stream draw(static_cast<std::uint64_t>(seed), 3, 0);
    std::vector<std::size_t> rows(all.rows());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
    matrix<double> x(n, all.cols());
    for (std::size_t i = 0; i < n; ++i) {
      std::swap(rows[i], rows[i + draw.below(rows.size() - i)]);
      for (std::size_t c = 0; c < all.cols(); ++c) x(i, c) = all(rows[i], c);
    }
    estimate(
        k, x, columns,
        [&](auto const& weights) {
          auto const r = km::squared_distance(k, x, weights, all, every);
          return terms{r.norm2_x, r.inner, r.norm2_z};
        },
        [&](km::corruption_model const& c) {
          double inner = 0;
          for (double v : km::evaluate_marginalised(k, x, all, c).value)
            inner += v / static_cast<double>(all.rows());
          return km::marginalised(k, x, c).norm2 - 2 * inner + truth;
        });
  }
  std::printf("%-10s %-5s %3.1f", name.c_str(), polynomial ? "POLY2" : "RBF", bandwidth);
  for (column const& c : columns) print(c);
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  int const repeats = argc > 1 ? std::atoi(argv[1]) : 30;
  std::printf(
      "Mixtures of four Gaussians, %d repeats: mean of the repeats' %% of improvement (its error), "
      "%% of the "
      "mean loss\n d    n kernel  s^2 | %s\n",
      repeats, heading);
  struct {
    std::size_t d, n;
  } const sizes[] = {{2, 20}, {10, 20}, {30, 20}, {30, 100}};
  for (auto const& [d, n] : sizes)
    for (char const* kernel : {"LIN", "POLY2", "POLY3", "RBF"}) mixtures(kernel, d, n, repeats);
  std::printf("\nNarrower kernels (s^2 in units of the median squared distance)\n");
  mixtures("RBF", 10, 20, repeats, 0.1);
  mixtures("RBF", 30, 20, repeats, 0.1);
  mixtures("RBF", 30, 10, repeats, 0.3);
  if (argc < 3) return 0;
  std::printf(
      "\nSamples of 20 rows of a table, columns standardised, against the mean of the whole table\n"
      "table      kernel  s^2 | %s\n",
      heading);
  for (std::string const name : {"iris", "wine", "wdbc", "pima", "ionosphere", "glass"}) {
    std::string const path = std::string(argv[2]) + "/" + name + "_X.npy";
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      std::printf("%s is not there\n", path.c_str());
      continue;
    }
    auto const all = standardised(limpid_audit::read_npy_matrix(in, path));
    table(name, all, 20, repeats, false, 1);
    table(name, all, 20, repeats, false, 0.1);
    table(name, all, 20, repeats, true, 1);
  }
}
