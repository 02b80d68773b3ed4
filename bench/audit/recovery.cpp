// SPDX-License-Identifier: BSL-1.0
// How much of the accuracy that label noise costs softmax regression comes back by audit::examine
//   and audit::train. recovery DATA_FOLDER [SEEDS]
#include "files.hpp"

#include <limpid/audit/examine.hpp>
#include <limpid/audit/train.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/pair_flip.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

using limpid_bench::read_labels;
using limpid_bench::read_matrix;

namespace {

struct table {
  limpid::matrix<double> features;
  std::vector<std::int32_t> labels;
};

table load(std::string const& folder, std::string const& name) {
  if (name != "pendigits" && name != "a9a")
    return {read_matrix(folder + "/" + name + "/X.npy"),
            read_labels(folder + "/" + name + "/y.npy")};
  std::string const at = folder + "/" + name + "/";
  auto const a = read_matrix(at + "X_train.npy"), b = read_matrix(at + "X_test.npy");
  table all{limpid::matrix<double>(a.rows() + b.rows(), a.cols()), read_labels(at + "y_train.npy")};
  std::copy(a.data(), a.data() + a.rows() * a.cols(), all.features.data());
  std::copy(b.data(), b.data() + b.rows() * b.cols(), all.features.data() + a.rows() * a.cols());
  auto const more = read_labels(at + "y_test.npy");
  all.labels.insert(all.labels.end(), more.begin(), more.end());
  return all;
}

double accuracy(limpid::classify::softmax_model const& model, table const& test) {
  auto const predicted = model.predict(test.features);
  return 1 - limpid_bench::wrong_share(predicted, test.labels);
}

}  // namespace

int main(int argc, char** argv) {
  std::string const folder = argc > 1 ? argv[1] : "../shared/data";
  int const seeds = argc > 2 ? std::atoi(argv[2]) : 5;
  std::vector<std::string> names{"letter", "satellite", "pendigits"};
  if (argc > 3) names.assign(argv + 3, argv + argc);
  std::printf("%-12s %-9s %6s %6s %6s %9s %7s %8s %6s %6s %18s %6s\n", "data", "noise", "clean",
              "noisy", "audit", "recovered", "lowest", "T error", "AP", "rate", "interval", "s");
  double sum = 0;
  int count = 0;
  for (auto const& name : names) {
    table const all = load(folder, name);
    auto const classes =
        static_cast<std::size_t>(*std::max_element(all.labels.begin(), all.labels.end()) + 1);
    for (std::string const noise : {"pair", "instance"}) {
      double clean = 0, noisy = 0, audited = 0, gain = 0, lowest = 2, error = 0, ap = 0, rate = 0,
             low = 0, high = 0, seconds = 0;
      for (int seed = 0; seed < seeds; ++seed) {
        std::vector<std::size_t> order(all.labels.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        limpid::random_stream draw(static_cast<std::uint64_t>(seed), 77);
        for (std::size_t i = order.size(); i > 1; --i)
          std::swap(order[i - 1], order[draw.below(i)]);
        std::size_t const cut = order.size() * 3 / 4, d = all.features.cols();
        table train{limpid::matrix<double>(cut, d), {}},
            test{limpid::matrix<double>(order.size() - cut, d), {}};
        for (std::size_t i = 0; i < order.size(); ++i) {
          table& part = i < cut ? train : test;
          std::copy_n(&all.features(order[i], 0), d, &part.features(part.labels.size(), 0));
          part.labels.push_back(all.labels[order[i]]);
        }
        auto const s = static_cast<std::uint64_t>(seed);
        auto const given =
            noise == "pair"
                ? limpid::noise::pair_flip(train.labels, classes, {.rate = 0.4, .seed = s})
                : limpid::noise::instance_dependent(train.features, train.labels, classes,
                                                    {.rate = 0.4, .seed = s});
        limpid::classify::softmax_regression const learner;
        double const c = accuracy(learner.fit(train.features, train.labels, classes), test);
        double const n = accuracy(learner.fit(train.features, given.labels, classes), test);
        auto const start = std::chrono::steady_clock::now();
        auto const report =
            limpid::audit::examine(train.features, given.labels, {.classes = classes});
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        double const a = accuracy(limpid::audit::train(train.features, given.labels, report), test);
        clean += c;
        noisy += n;
        audited += a;
        gain += (a - n) / (c - n);
        lowest = std::min(lowest, (a - n) / (c - n));
        error += limpid_bench::transition_error(report.transition, given.labels, train.labels);
        ap += limpid_bench::average_precision(report.ranking, given.labels, train.labels);
        rate += report.noise_rate.estimate;
        low += report.noise_rate.low;
        high += report.noise_rate.high;
      }
      auto const m = static_cast<double>(seeds);
      std::printf(
          "%-12s %-9s %6.3f %6.3f %6.3f %8.1f%% %6.1f%% %8.4f %6.3f %6.3f   [%.3f, %.3f] %6.1f\n",
          name.c_str(), noise.c_str(), clean / m, noisy / m, audited / m, 100 * gain / m,
          100 * lowest, error / m, ap / m, rate / m, low / m, high / m, seconds / m);
      std::fflush(stdout);
      sum += gain / m;
      ++count;
    }
  }
  std::printf("mean recovered %.1f%%\n", 100 * sum / count);
}
