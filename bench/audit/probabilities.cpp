// SPDX-License-Identifier: BSL-1.0
// audit::examine_probabilities on out-of-fold probabilities whose true labels are known.
//   probabilities DATA_FOLDER
#include "files.hpp"

#include <limpid/audit/examine_probabilities.hpp>

#include <chrono>
#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  std::string const folder = std::string(argc > 1 ? argv[1] : "../shared/data") + "/";
  struct set {
    char const *name, *probabilities, *given, *truth;
  };
  set const sets[] = {
      {"cifar10n worst resnet18", "cifar10n/probs_worst_resnet18", "cifar10n/worst",
       "cifar10n/clean"},
      {"cifar10n worst swin", "cifar10n/probs_worst_swin", "cifar10n/worst", "cifar10n/clean"},
      {"cifar10n aggregate resnet18", "cifar10n/probs_aggregate_resnet18", "cifar10n/aggregate",
       "cifar10n/clean"},
      {"cifar10n aggregate swin", "cifar10n/probs_aggregate_swin", "cifar10n/aggregate",
       "cifar10n/clean"},
      {"cifar10s resnet18", "cifar10s/probs_resnet18", "cifar10s/noisy", "cifar10s/clean"},
      {"cifar10s swin", "cifar10s/probs_swin", "cifar10s/noisy", "cifar10s/clean"}};
  std::printf("%-28s %8s %7s %7s %18s %6s %6s\n", "data", "T error", "AP", "rate", "interval",
              "truth", "s");
  for (auto const& s : sets) {
    auto const p = limpid_bench::read_matrix(folder + s.probabilities + ".npy");
    auto const given = limpid_bench::read_labels(folder + s.given + ".npy"),
               truth = limpid_bench::read_labels(folder + s.truth + ".npy");
    auto const start = std::chrono::steady_clock::now();
    auto const r = limpid::audit::examine_probabilities(p, given);
    double const seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("%-28s %8.4f %7.4f %7.4f   [%.4f, %.4f] %6.4f %6.2f\n", s.name,
                limpid_bench::transition_error(r.transition, given, truth),
                limpid_bench::average_precision(r.ranking, given, truth), r.noise_rate.estimate,
                r.noise_rate.low, r.noise_rate.high, limpid_bench::wrong_share(given, truth),
                seconds);
  }
}
