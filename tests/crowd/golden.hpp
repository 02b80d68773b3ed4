// SPDX-License-Identifier: BSL-1.0
/// crowd_aggregation.json: 251 answers of 6 workers to 60 tasks of 3 classes, and what
/// Crowd-Kit 1.4.1 and Fast-Dawid-Skene make of them.
#ifndef LIMPID_TESTS_CROWD_GOLDEN_HPP
#define LIMPID_TESTS_CROWD_GOLDEN_HPP

#include "crowd/helpers.hpp"
#include "support/golden.hpp"

namespace limpid_test {

inline triples golden_answers(golden_value const& g) {
  triples in;
  in.tasks = 60, in.workers = 6, in.classes = 3;
  for (auto const row : g["input"]["rows_task_worker_label"])
    in.add(row[0].get<int>(), row[1].get<int>(), row[2].get<int>());
  return in;
}
/// [worker][.][.] against (workers K) x K; `observed_first`: [worker][observed][true].
inline double matrices_gap(limpid::matrix<double> const& confusion, golden_value const& want,
                           bool observed_first) {
  double worst = 0;
  for (std::size_t w = 0; w < 6; ++w)
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        double const e = want[w][observed_first ? j : i][observed_first ? i : j];
        double const d = std::abs(confusion(3 * w + i, j) - e);
        if (!(d <= worst)) worst = std::isnan(d) ? INFINITY : d;
      }
  return worst;
}

}  // namespace limpid_test

#endif  // LIMPID_TESTS_CROWD_GOLDEN_HPP
