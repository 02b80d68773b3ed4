// SPDX-License-Identifier: BSL-1.0
/// The data folder of the audit's benches: the first argument.
#ifndef LIMPID_BENCH_AUDIT_FILES_HPP
#define LIMPID_BENCH_AUDIT_FILES_HPP

#include "npy.hpp"

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace limpid_bench {

inline limpid::matrix<double> read_matrix(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  return limpid_audit::read_npy_matrix(in, path);
}
inline std::vector<std::int32_t> read_labels(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  auto const wide = limpid_audit::read_npy_labels(in, path);
  return {wide.begin(), wide.end()};
}

/// Area under the precision-recall curve of "wrong", the rows taken in the order of `ranking`.
template <class Ranking, class Given, class Truth>
double average_precision(Ranking const& ranking, Given const& given, Truth const& truth) {
  double hits = 0, sum = 0, seen = 0;
  for (std::size_t const row : ranking) {
    ++seen;
    if (given[row] == truth[row]) continue;
    ++hits;
    sum += hits / seen;
  }
  return hits > 0 ? sum / hits : 0;
}

/// Mean over K x K of |T - what happened|.
template <class Given, class Truth>
double transition_error(limpid::matrix<double> const& t, Given const& given, Truth const& truth) {
  std::size_t const classes = t.rows();
  limpid::matrix<double> happened(classes, classes);
  std::vector<double> rows(classes);
  for (std::size_t i = 0; i < given.size(); ++i) {
    happened(static_cast<std::size_t>(truth[i]), static_cast<std::size_t>(given[i])) += 1;
    rows[static_cast<std::size_t>(truth[i])] += 1;
  }
  double sum = 0;
  for (std::size_t i = 0; i < classes; ++i)
    for (std::size_t j = 0; j < classes; ++j) {
      double const gap = t(i, j) - (rows[i] > 0 ? happened(i, j) / rows[i] : i == j);
      sum += gap < 0 ? -gap : gap;
    }
  return sum / static_cast<double>(classes * classes);
}

template <class Given, class Truth>
double wrong_share(Given const& given, Truth const& truth) {
  double wrong = 0;
  for (std::size_t i = 0; i < given.size(); ++i) wrong += given[i] != truth[i];
  return wrong / static_cast<double>(given.size());
}

}  // namespace limpid_bench

#endif  // LIMPID_BENCH_AUDIT_FILES_HPP
