// SPDX-License-Identifier: BSL-1.0
/// Clouds of rows with noisy labels for the benchmarks of transition/ that read features, true
/// classes or regions.
#ifndef LIMPID_BENCH_TRANSITION_CLOUDS_HPP
#define LIMPID_BENCH_TRANSITION_CLOUDS_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>

#include <cstddef>
#include <vector>

namespace limpid_bench {

/// n rows of class i mod K in clouds, a fifth of the labels drawn anew.
struct rows {
  limpid::matrix<float> x;
  limpid::matrix<double> p;
  std::vector<int> truth, region, y;
};
inline rows make_rows(std::size_t n, std::size_t classes, std::size_t columns) {
  rows out{limpid::matrix<float>(n, columns), limpid::matrix<double>(n, classes), {}, {}, {}};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(1, 0, i);
    std::size_t const z = i % classes;
    for (std::size_t c = 0; c < columns; ++c)
      out.x(i, c) = static_cast<float>((c % classes == z ? 1 : 0) + draw.uniform());
    for (std::size_t k = 0; k < classes; ++k)
      out.p(i, k) = 0.2 / static_cast<double>(classes) + (k == z ? 0.8 : 0);
    out.truth.push_back(static_cast<int>(z));
    out.region.push_back(static_cast<int>(draw.below(5)));
    out.y.push_back(static_cast<int>(draw.uniform() < 0.2 ? draw.below(classes) : z));
  }
  return out;
}

}  // namespace limpid_bench

#endif  // LIMPID_BENCH_TRANSITION_CLOUDS_HPP
