// SPDX-License-Identifier: BSL-1.0
/// Separable classes with some labels wrong, for benchmarks that take features and labels.
#ifndef LIMPID_BENCH_CLASSES_HPP
#define LIMPID_BENCH_CLASSES_HPP

#include <limpid/core/matrix.hpp>
#include <limpid/core/random.hpp>

#include <cstddef>
#include <cstdint>

namespace limpid_bench {

struct classes_data {
  limpid::matrix<float> x;
  limpid::vector<std::int32_t> y, truth;
  std::size_t classes;
};

/// n rows in d columns; class k is 2 away from the others along every column c with c mod K = k. A
/// fifth of the labels is drawn anew.
inline classes_data make_classes(std::size_t n, std::size_t d, std::size_t classes) {
  classes_data out{limpid::matrix<float>(n, d), limpid::vector<std::int32_t>(n),
                   limpid::vector<std::int32_t>(n), classes};
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(3, 0, i);
    std::size_t const truth = draw.below(classes);
    out.truth[i] = static_cast<std::int32_t>(truth);
    out.y[i] = draw.uniform() < 0.2 ? static_cast<std::int32_t>(draw.below(classes)) : out.truth[i];
    for (std::size_t c = 0; c < d; ++c) {
      double const bell = draw.uniform() + draw.uniform() + draw.uniform() - 1.5;
      out.x(i, c) = static_cast<float>(2 * bell + (c % classes == truth ? 2 : 0));
    }
  }
  return out;
}

}  // namespace limpid_bench

#endif  // LIMPID_BENCH_CLASSES_HPP
