// SPDX-License-Identifier: BSL-1.0
/// A crowd whose truth is known, for the benchmarks of crowd/.
#ifndef LIMPID_BENCH_CROWD_CROWDS_HPP
#define LIMPID_BENCH_CROWD_CROWDS_HPP

#include <limpid/core/random.hpp>
#include <limpid/crowd/answers.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace limpid_bench {

struct crowd {
  std::vector<std::int32_t> task, worker, label, truth;
  std::size_t tasks = 0, workers = 0, classes = 0;
  limpid::crowd::answer_list list;
};

/// Five answers a task; skills from 0.3 to 0.95, some workers answer much more than others.
inline crowd make_crowd(std::size_t answers, std::size_t workers, std::size_t classes) {
  crowd c;
  c.tasks = answers / 5, c.workers = workers, c.classes = classes;
  for (std::size_t t = 0; t < c.tasks; ++t) {
    limpid::random_stream draw(1, 0, t);
    auto const z = static_cast<std::int32_t>(draw.below(classes));
    c.truth.push_back(z);
    for (int i = 0; i < 5; ++i) {
      double const u = draw.uniform();
      auto const w = static_cast<std::size_t>(u * u * static_cast<double>(workers));
      double const skill =
          0.3 + 0.65 * static_cast<double>(w * 7919 % workers) / static_cast<double>(workers);
      auto l = z;
      if (draw.uniform() >= skill) {
        l = static_cast<std::int32_t>(draw.below(classes - 1));
        l += l >= z;
      }
      c.task.push_back(static_cast<std::int32_t>(t));
      c.worker.push_back(static_cast<std::int32_t>(w));
      c.label.push_back(l);
    }
  }
  c.list = limpid::crowd::answers(c.task, c.worker, c.label,
                                  {.classes = classes, .tasks = c.tasks, .workers = workers});
  return c;
}

template <class L>
double accuracy(L const& label, crowd const& c) {
  double right = 0;
  for (std::size_t t = 0; t < c.tasks; ++t) right += label[t] == c.truth[t];
  return right / static_cast<double>(c.tasks);
}

inline void crowd_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"answers", "workers", "K"})
      ->Args({1000000, 1000, 4})
      ->Args({1000000, 1000, 10})
      ->Args({100000, 1000, 100})
      ->Unit(benchmark::kMillisecond);
}

}  // namespace limpid_bench

#endif  // LIMPID_BENCH_CROWD_CROWDS_HPP
