// SPDX-License-Identifier: BSL-1.0
// transition::estimate against single estimators where the truth is known.
//   estimate_tables DATA_FOLDER [SEEDS [probabilities|planted|forward|all [TABLE...]]]
#include "audit/files.hpp"

#include <limpid/classify/out_of_fold.hpp>
#include <limpid/classify/softmax_regression.hpp>
#include <limpid/noise/instance_dependent.hpp>
#include <limpid/noise/pair_flip.hpp>
#include <limpid/noise/symmetric.hpp>
#include <limpid/transition/dual_t.hpp>
#include <limpid/transition/estimate.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

using limpid::matrix;
using limpid_bench::average_precision;
using limpid_bench::read_labels;
using limpid_bench::read_matrix;
using limpid_bench::transition_error;
using label_list = std::vector<std::int32_t>;

namespace {

bool there(std::string const& path) {
  return static_cast<bool>(std::ifstream(path, std::ios::binary));
}

double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/// T by counting arg max against label.
matrix<double> counted(matrix<double> const& p, label_list const& y) {
  matrix<double> t(p.cols(), p.cols());
  for (std::size_t i = 0; i < p.rows(); ++i) {
    auto const* const row = &p(i, 0);
    t(static_cast<std::size_t>(std::max_element(row, row + p.cols()) - row),
      static_cast<std::size_t>(y[i])) += 1;
  }
  return limpid::transition::detail::evidence::row_stochastic(std::move(t));
}

/// Only rows whose truth is known are compared.
std::pair<label_list, label_list> known(label_list const& given, label_list const& truth) {
  std::pair<label_list, label_list> out;
  for (std::size_t i = 0; i < given.size(); ++i)
    if (truth[i] >= 0) out.first.push_back(given[i]), out.second.push_back(truth[i]);
  return out;
}

void probabilities(std::string const& folder) {
  struct set {
    char const *name, *probabilities, *given, *truth;
    bool judged;  ///< in the mean
  };
  set const sets[] = {
      {"cifar10n worst resnet18", "cifar10n/probs_worst_resnet18", "cifar10n/worst",
       "cifar10n/clean", true},
      {"cifar10n worst swin", "cifar10n/probs_worst_swin", "cifar10n/worst", "cifar10n/clean",
       true},
      {"cifar10n aggregate resnet18", "cifar10n/probs_aggregate_resnet18", "cifar10n/aggregate",
       "cifar10n/clean", true},
      {"cifar10n aggregate swin", "cifar10n/probs_aggregate_swin", "cifar10n/aggregate",
       "cifar10n/clean", true},
      {"cifar10s resnet18", "cifar10s/probs_resnet18", "cifar10s/noisy", "cifar10s/clean", true},
      {"cifar10s swin", "cifar10s/probs_swin", "cifar10s/noisy", "cifar10s/clean", true},
      {"mnist_test", "mnist_test/probs", "mnist_test/given", "mnist_test/corrected", false},
      {"news20", "news20_probs/probs", "news20_probs/given", "news20_probs/corrected", false},
      {"roman resnet18", "roman_numeral/probs_resnet18", "roman_numeral/given",
       "roman_numeral/corrected", false},
      {"roman resnet50d", "roman_numeral/probs_resnet50d", "roman_numeral/given",
       "roman_numeral/corrected", false},
      {"roman efficientnet", "roman_numeral/probs_efficientnet", "roman_numeral/given",
       "roman_numeral/corrected", false},
      {"roman twins", "roman_numeral/probs_twins", "roman_numeral/given", "roman_numeral/corrected",
       false},
      {"roman swin", "roman_numeral/probs_swin", "roman_numeral/given", "roman_numeral/corrected",
       false}};
  std::printf("From probabilities. T error: mean |T - what happened|; AP of wrong labels.\n");
  std::printf("%-28s %8s %9s %6s %7s %9s %7s %18s %6s %5s %6s\n", "data", "T error", "conf.lrn",
              "ratio", "AP", "self-conf", "rate", "interval", "truth", "w", "s");
  double sum = 0, base = 0, worst = 0, ap_sum = 0, ap_base = 0, any_worst = 0, any_gain = 1;
  int count = 0;
  for (auto const& s : sets) {
    std::string const file = folder + "/" + s.probabilities + ".npy";
    if (!there(file)) {
      std::printf("%-28s no such data\n", s.name);
      continue;
    }
    auto const p = read_matrix(file);
    auto const given = read_labels(folder + "/" + s.given + ".npy"),
               truth = read_labels(folder + "/" + s.truth + ".npy");
    double const start = now();
    auto const r = limpid::transition::estimate(p, given);
    double const seconds = now() - start;
    auto const c = limpid::transition::confident_joint(p, given);
    auto const [g, z] = known(given, truth);
    double const e = transition_error(r.transition, g, z), b = transition_error(c.transition, g, z);
    std::vector<std::size_t> by_self(given.size());
    std::iota(by_self.begin(), by_self.end(), std::size_t{0});
    std::stable_sort(by_self.begin(), by_self.end(), [&](std::size_t i, std::size_t j) {
      return p(i, static_cast<std::size_t>(given[i])) < p(j, static_cast<std::size_t>(given[j]));
    });
    double const ap = average_precision(r.ranking, given, truth),
                 self = average_precision(by_self, given, truth);
    std::printf("%-28s %8.4f %9.4f %6.2f %7.4f %9.4f %7.4f   [%.4f, %.4f] %6.4f %5.2f %6.2f\n",
                s.name, e, b, e / b, ap, self, r.noise_rate.estimate, r.noise_rate.low,
                r.noise_rate.high, limpid_bench::wrong_share(given, truth), r.confident_share,
                seconds);
    any_worst = std::max(any_worst, e / b);
    any_gain = std::min(any_gain, ap - self);
    if (!s.judged) continue;
    sum += e, base += b, ap_sum += ap, ap_base += self, ++count;
    worst = std::max(worst, e / b);
  }
  if (count)
    std::printf(
        "cifar: mean ratio %.2f, largest %.2f; AP %.4f against %.4f\n"
        "all: largest ratio %.2f, smallest gain in AP %.4f\n\n",
        sum / base, worst, ap_sum / count, ap_base / count, any_worst, any_gain);
}

struct table {
  matrix<double> features;
  label_list classes;
};

table load(std::string const& folder, std::string const& name) {
  std::string const at = folder + "/" + name + "/";
  if (name != "pendigits") return {read_matrix(at + "X.npy"), read_labels(at + "y.npy")};
  auto const a = read_matrix(at + "X_train.npy"), b = read_matrix(at + "X_test.npy");
  table all{matrix<double>(a.rows() + b.rows(), a.cols()), read_labels(at + "y_train.npy")};
  std::copy(a.data(), a.data() + a.rows() * a.cols(), all.features.data());
  std::copy(b.data(), b.data() + b.rows() * b.cols(), all.features.data() + a.rows() * a.cols());
  auto const more = read_labels(at + "y_test.npy");
  all.classes.insert(all.classes.end(), more.begin(), more.end());
  return all;
}

/// Three quarters to train on, the rest to test, in an order drawn by the seed.
std::pair<table, table> split(table const& all, int seed) {
  std::vector<std::size_t> order(all.classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  limpid::random_stream draw(static_cast<std::uint64_t>(seed), 77);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[draw.below(i)]);
  std::size_t const cut = order.size() * 3 / 4, d = all.features.cols();
  std::pair<table, table> out{{matrix<double>(cut, d), {}},
                              {matrix<double>(order.size() - cut, d), {}}};
  for (std::size_t i = 0; i < order.size(); ++i) {
    table& part = i < cut ? out.first : out.second;
    std::copy_n(&all.features(order[i], 0), d, &part.features(part.classes.size(), 0));
    part.classes.push_back(all.classes[order[i]]);
  }
  return out;
}

struct noise {
  char const* name;
  double rate;
};

label_list corrupt(noise const& kind, table const& t, std::size_t classes, int seed) {
  auto const s = static_cast<std::uint64_t>(seed);
  std::string const name = kind.name;
  auto const made =
      name == "symmetric"
          ? limpid::noise::symmetric(t.classes, classes, {.rate = kind.rate, .seed = s})
      : name == "pair"
          ? limpid::noise::pair_flip(t.classes, classes, {.rate = kind.rate, .seed = s})
          : limpid::noise::instance_dependent(t.features, t.classes, classes,
                                              {.rate = kind.rate, .seed = s});
  return label_list(made.labels.begin(), made.labels.end());
}

matrix<double> happened(label_list const& truth, label_list const& given, std::size_t classes) {
  matrix<double> t(classes, classes);
  for (std::size_t i = 0; i < truth.size(); ++i)
    t(static_cast<std::size_t>(truth[i]), static_cast<std::size_t>(given[i])) += 1;
  return limpid::transition::detail::evidence::row_stochastic(std::move(t));
}

std::size_t classes_of(table const& t) {
  return static_cast<std::size_t>(*std::max_element(t.classes.begin(), t.classes.end()) + 1);
}

void planted(std::string const& folder, int seeds, std::vector<std::string> const& names) {
  char const* const columns[] = {"X",        "P, X",    "P",       "hoc",
                                 "conf.lrn", "arg max", "anchors", "dual T"};
  constexpr std::size_t methods = 8;
  std::printf("Planted noise; P: softmax regression, 5 folds. T error.\n%-12s %-14s", "data",
              "noise");
  for (auto const* name : columns) std::printf(" %8s", name);
  std::printf(" %6s %18s %6s\n", "rate", "interval", "truth");
  std::vector<double> total(methods);
  int count = 0, covered = 0, runs = 0;
  for (std::string const& name : names) {
    if (!there(folder + "/" + name + "/y.npy") && !there(folder + "/" + name + "/y_train.npy"))
      continue;
    auto const all = load(folder, name);
    std::size_t const classes = classes_of(all);
    for (noise const& kind :
         {noise{"symmetric", 0.2}, {"symmetric", 0.5}, {"pair", 0.4}, {"instance", 0.4}}) {
      std::vector<double> error(methods);
      double rate = 0, low = 0, high = 0, truth = 0;
      for (int seed = 0; seed < seeds; ++seed) {
        auto const train = split(all, seed).first;
        auto const y = corrupt(kind, train, classes, seed);
        auto const p =
            limpid::classify::out_of_fold(limpid::classify::softmax_regression{.tolerance = 1e-3},
                                          train.features, y, classes)
                .probabilities;
        auto const by_x = limpid::transition::estimate(train.features, y, classes);
        auto const by_both = limpid::transition::estimate(p, y, train.features);
        auto const by_p = limpid::transition::estimate(p, y);
        auto const hoc = limpid::transition::hoc(train.features, y, classes,
                                                 {.distance = limpid::metric::euclidean});
        auto const joint = limpid::transition::confident_joint(p, y);
        matrix<double> const ts[] = {by_x.transition,
                                     by_both.transition,
                                     by_p.transition,
                                     hoc.transition,
                                     joint.transition,
                                     counted(p, y),
                                     limpid::transition::anchor_points(p).transition,
                                     limpid::transition::dual_t(p, y).transition};
        for (std::size_t m = 0; m < methods; ++m)
          error[m] += transition_error(ts[m], y, train.classes);
        double const wrong = limpid_bench::wrong_share(y, train.classes);
        rate += by_x.noise_rate.estimate, low += by_x.noise_rate.low, high += by_x.noise_rate.high,
            truth += wrong;
        covered += by_x.noise_rate.low <= wrong && wrong <= by_x.noise_rate.high;
        ++runs;
      }
      std::printf("%-12s %-10s %.1f", name.c_str(), kind.name, kind.rate);
      for (std::size_t m = 0; m < methods; ++m) {
        std::printf(" %8.4f", error[m] / seeds);
        total[m] += error[m] / seeds;
      }
      std::printf(" %6.3f   [%.4f, %.4f] %6.4f\n", rate / seeds, low / seeds, high / seeds,
                  truth / seeds);
      std::fflush(stdout);
      ++count;
    }
  }
  if (!count) return;
  std::printf("%-27s", "mean");
  for (double t : total) std::printf(" %8.4f", t / count);
  std::printf("\nnoise rate inside the interval: %d of %d\n\n", covered, runs);
}

void forward(std::string const& folder, int seeds, std::vector<std::string> const& names) {
  std::printf(
      "Accuracy of softmax regression trained through T.\n%-12s %-9s %7s %8s %8s %8s %8s %8s\n",
      "data", "noise", "none", "true T", "X", "P, X", "P", "conf.lrn");
  std::vector<double> total(6);
  int count = 0;
  for (std::string const& name : names) {
    if (!there(folder + "/" + name + "/y.npy") && !there(folder + "/" + name + "/y_train.npy"))
      continue;
    auto const all = load(folder, name);
    std::size_t const classes = classes_of(all);
    for (noise const& kind : {noise{"pair", 0.4}, {"instance", 0.4}}) {
      std::vector<double> accuracy(6);
      for (int seed = 0; seed < seeds; ++seed) {
        auto const [train, test] = split(all, seed);
        auto const y = corrupt(kind, train, classes, seed);
        auto const p =
            limpid::classify::out_of_fold(limpid::classify::softmax_regression{.tolerance = 1e-3},
                                          train.features, y, classes)
                .probabilities;
        matrix<double> const ts[] = {
            {},
            happened(train.classes, y, classes),
            limpid::transition::estimate(train.features, y, classes).transition,
            limpid::transition::estimate(p, y, train.features).transition,
            limpid::transition::estimate(p, y).transition,
            limpid::transition::confident_joint(p, y).transition};
        for (std::size_t m = 0; m < 6; ++m) {
          limpid::classify::softmax_regression learner;
          if (!ts[m].empty())
            learner.transition = limpid::transition::detail::evidence::smoothed(ts[m], 1e-3);
          auto const model = learner.fit(train.features, y, classes);
          accuracy[m] += 1 - limpid_bench::wrong_share(model.predict(test.features), test.classes);
        }
      }
      std::printf("%-12s %-9s", name.c_str(), kind.name);
      for (std::size_t m = 0; m < 6; ++m) {
        std::printf(" %8.4f", accuracy[m] / seeds);
        total[m] += accuracy[m] / seeds;
      }
      std::printf("\n");
      std::fflush(stdout);
      ++count;
    }
  }
  if (!count) return;
  std::printf("%-22s", "mean");
  for (double t : total) std::printf(" %8.4f", t / count);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::string const folder = argc > 1 ? argv[1] : "../shared/data";
  int const seeds = argc > 2 ? std::atoi(argv[2]) : 5;
  std::string const part = argc > 3 ? argv[3] : "all";
  std::vector<std::string> const asked(argv + std::min(argc, 4), argv + argc);
  auto const chosen = [&](std::vector<std::string> all) { return asked.empty() ? all : asked; };
  if (part == "all" || part == "probabilities") probabilities(folder);
  if (part == "all" || part == "planted")
    planted(folder, seeds, chosen({"letter", "satellite", "pendigits", "covtype_15k"}));
  if (part == "all" || part == "forward")
    forward(folder, seeds, chosen({"letter", "satellite", "pendigits"}));
}
