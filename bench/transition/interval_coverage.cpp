// SPDX-License-Identifier: BSL-1.0
// How often the intervals of transition::interval, prior_interval and noise_layer hold the truth.
//   interval_coverage [SIMULATIONS [counts|rows|layer|prior|all]]
// Prints, per setting and rule, the coverage of 90 % and 95 % intervals in percent, over all
// entries of T that are neither 0 nor 1, and the mean width of the 95 % ones. Exit status 1 if a
// rule that a line marks with * is off by more than 2 points.
#include <limpid/core/random.hpp>
#include <limpid/ops/count.hpp>
#include <limpid/ops/row_math.hpp>
#include <limpid/transition/gold.hpp>
#include <limpid/transition/interval.hpp>
#include <limpid/transition/noise_layer.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <boost/random/gamma_distribution.hpp>

using limpid::matrix;
using limpid::random_stream;
namespace tr = limpid::transition;

namespace {

bool failed = false;

struct tally {
  double inside[2] = {}, width = 0, entries = 0;
  void add(int level, double low, double high, double truth) {
    inside[level] += low <= truth && truth <= high;
    if (level == 0) return;
    width += high - low;
    entries += 1;
  }
  void print(char const* setting, char const* rule, bool claimed) const {
    double const a = 100 * inside[0] / entries, b = 100 * inside[1] / entries;
    bool const off = std::abs(a - 90) > 2 || std::abs(b - 95) > 2;
    failed = failed || (claimed && off);
    std::printf("%-34s %-22s %c %6.1f %6.1f   %.4f%s\n", setting, rule, claimed ? '*' : ' ', a, b,
                width / entries, off ? "   off" : "");
    std::fflush(stdout);
  }
};

constexpr double levels[] = {0.90, 0.95};

matrix<double> symmetric(std::size_t K, double rate) {
  matrix<double> t(K, K, rate / static_cast<double>(K - 1));
  for (std::size_t k = 0; k < K; ++k) t(k, k) = 1 - rate;
  return t;
}
matrix<double> pair(std::size_t K, double rate) {
  matrix<double> t(K, K);
  for (std::size_t k = 0; k < K; ++k) t(k, k) = 1 - rate, t(k, (k + 1) % K) = rate;
  return t;
}

/// Rows about those of `centre`, as Dirichlet draws of 40 counts: no one value of a count decides.
matrix<double> about(matrix<double> const& centre, random_stream& draw) {
  matrix<double> t(centre.rows(), centre.cols());
  for (std::size_t k = 0; k < t.rows(); ++k) {
    double sum = 0;
    for (std::size_t j = 0; j < t.cols(); ++j)
      if (centre(k, j) > 0)
        sum += t(k, j) = boost::random::gamma_distribution<double>(40 * centre(k, j))(draw);
    for (std::size_t j = 0; j < t.cols(); ++j) t(k, j) /= sum;
  }
  return t;
}
std::size_t drawn(matrix<double> const& t, std::size_t k, random_stream& draw) {
  double u = draw.uniform();
  std::size_t j = 0;
  while (j + 1 < t.cols() && u >= t(k, j)) u -= t(k, j++);
  return j;
}

void counts(std::uint64_t simulations) {
  struct {
    char const* name;
    matrix<double> centre;
    int rows;
    bool claimed;
  } const settings[] = {
      {"counts, K = 2, 30 a class", {{0.9, 0.1}, {0.3, 0.7}}, 30, true},
      {"counts, K = 2, 300 a class", {{0.9, 0.1}, {0.3, 0.7}}, 300, true},
      {"counts, symmetric 20 %, K = 3, 30", symmetric(3, 0.2), 30, true},
      {"counts, symmetric 20 %, K = 3, 300", symmetric(3, 0.2), 300, true},
      {"counts, pair 40 %, K = 4, 100", pair(4, 0.4), 100, true},
      {"counts, symmetric 20 %, K = 10, 30", symmetric(10, 0.2), 30, false},
      {"counts, symmetric 20 %, K = 10, 100", symmetric(10, 0.2), 100, true},
      {"counts, symmetric 50 %, K = 10, 100", symmetric(10, 0.5), 100, true},
      {"counts, symmetric 50 %, K = 10, 1000", symmetric(10, 0.5), 1000, true},
  };
  struct {
    char const* name;
    tr::interval_options options;
    bool claimed;
  } const rules[] = {{"dirichlet", {}, true},
                     {"dirichlet, uniform", {.prior_count = 1, .reach_ends = false}, false},
                     {"wilson", {.rule = tr::interval_rule::wilson}, true},
                     {"delta", {.rule = tr::interval_rule::delta}, false},
                     {"bootstrap", {.rule = tr::interval_rule::bootstrap}, false}};
  for (auto const& s : settings)
    for (auto const& rule : rules) {
      tally all;
      for (std::uint64_t i = 0; i < simulations; ++i) {
        random_stream draw(1, 0, i);
        auto const T = about(s.centre, draw);
        matrix<double> table(T.rows(), T.rows());
        for (std::size_t k = 0; k < T.rows(); ++k)
          for (int r = 0; r < s.rows; ++r) table(k, drawn(T, k, draw)) += 1;
        auto options = rule.options;
        options.seed = i;
        for (int a = 0; a < 2; ++a) {
          options.level = levels[a];
          auto const r = tr::interval(table, options);
          for (std::size_t c = 0; c < T.rows() * T.rows(); ++c)
            if (T.data()[c] > 0) all.add(a, r.low.data()[c], r.high.data()[c], T.data()[c]);
        }
      }
      all.print(s.name, rule.name, s.claimed && rule.claimed);
    }
}

struct sample {
  matrix<double> clean, given;  ///< n x K posteriors of the true class, and of the given label
  std::vector<int> truth, label;
};
sample make(std::size_t n, matrix<double> const& T, std::uint64_t seed) {
  std::size_t const K = T.rows();
  sample s{matrix<double>(n, K), matrix<double>(n, K), std::vector<int>(n), std::vector<int>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    random_stream draw(seed, 7, i);
    double sum = 0, u = 0;
    std::size_t const top = draw.below(K);
    for (std::size_t k = 0; k < K; ++k)
      sum += s.clean(i, k) = std::pow(draw.uniform(), 3) + (k == top ? 2 : 0);
    for (std::size_t k = 0; k < K; ++k) s.clean(i, k) /= sum;
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t j = 0; j < K; ++j) s.given(i, j) += s.clean(i, k) * T(k, j);
    u = draw.uniform();
    std::size_t z = 0;
    while (z + 1 < K && u >= s.clean(i, z)) u -= s.clean(i, z++);
    s.truth[i] = static_cast<int>(z);
    s.label[i] = static_cast<int>(drawn(T, z, draw));
  }
  return s;
}

matrix<double> one_hot(std::vector<int> const& label, std::size_t K) {
  matrix<double> p(label.size(), K);
  for (std::size_t i = 0; i < label.size(); ++i) p(i, static_cast<std::size_t>(label[i])) = 1;
  return p;
}

auto const by_count = [](auto const& exec, auto const& p, auto const& y) {
  return tr::gold(exec, p, y,
                  {.rule = tr::gold_rule::confusion, .uniform_share = 0, .validate = false})
      .transition;
};
auto const by_mean = [](auto const& exec, auto const& p, auto const& y) {
  return tr::gold(exec, p, y, {.validate = false}).transition;
};
auto const by_layer = [](auto const& exec, auto const& s, auto const& y) {
  return tr::noise_layer(exec, s, y, {.validate = false}).transition;
};

template <class Estimator, class Data>
void bootstrap(char const* setting, std::uint64_t simulations, matrix<double> const& truth,
               Estimator const& estimator, Data const& data, bool claimed) {
  struct {
    char const* name;
    tr::bootstrap_rule rule;
  } const rules[] = {{"percentile", tr::bootstrap_rule::percentile},
                     {"bca", tr::bootstrap_rule::bca},
                     {"basic", tr::bootstrap_rule::basic}};
  for (auto const& rule : rules) {
    tally all;
    for (std::uint64_t i = 0; i < simulations; ++i) {
      auto const [p, y] = data(i);
      for (int a = 0; a < 2; ++a) {
        auto const r = tr::interval(
            p, y, estimator, {.level = levels[a], .rule = rule.rule, .seed = i, .validate = false});
        for (std::size_t c = 0; c < truth.rows() * truth.cols(); ++c)
          if (truth.data()[c] > 0) all.add(a, r.low.data()[c], r.high.data()[c], truth.data()[c]);
      }
    }
    all.print(setting, rule.name, claimed && rule.rule != tr::bootstrap_rule::basic);
  }
}

matrix<double> const three{{0.7, 0.2, 0.1}, {0.1, 0.8, 0.1}, {0.2, 0.2, 0.6}};
using inputs = std::pair<matrix<double>, std::vector<int>>;

void rows(std::uint64_t simulations) {
  // arg max against truth, the class a row is predicted as being drawn through T
  bootstrap(
      "rows, counts, K = 3, n = 600", simulations, three, by_count,
      [](std::uint64_t i) {
        auto const s = make(600, three, i);
        return inputs{one_hot(s.label, 3), s.truth};
      },
      true);
  auto const large = make(2000000, three, 12345);
  bootstrap(
      "rows, mean posterior, K = 3, n = 300", simulations,
      tr::gold(large.given, large.truth).transition, by_mean,
      [](std::uint64_t i) {
        auto s = make(300, three, i);
        return inputs{std::move(s.given), std::move(s.truth)};
      },
      true);
}

void layer(std::uint64_t simulations) {
  for (std::size_t n : {500, 2000}) {
    tally all;
    for (std::uint64_t i = 0; i < simulations; ++i) {
      auto const s = make(n, three, i);
      for (int a = 0; a < 2; ++a) {
        auto const r = tr::noise_layer(s.clean, s.label,
                                       {.intervals = true, .level = levels[a], .validate = false});
        for (std::size_t c = 0; c < 9; ++c)
          all.add(a, r.low.data()[c], r.high.data()[c], three.data()[c]);
      }
    }
    all.print(n == 500 ? "noise_layer, K = 3, n = 500" : "noise_layer, K = 3, n = 2000", "delta",
              true);
  }
  bootstrap(
      "noise_layer, K = 3, n = 500", simulations, three, by_layer,
      [](std::uint64_t i) {
        auto s = make(500, three, i);
        return inputs{std::move(s.clean), std::move(s.label)};
      },
      true);
}

void prior(std::uint64_t simulations) {
  double const pi[] = {0.5, 0.3, 0.2};
  for (int trusted : {100, 1000})
    for (auto rule : {tr::interval_rule::dirichlet, tr::interval_rule::delta}) {
      tally all;
      for (std::uint64_t i = 0; i < simulations; ++i) {
        random_stream draw(3, 0, i);
        matrix<double> table(3, 3);
        std::vector<double> observed(3);
        for (std::size_t k = 0; k < 3; ++k)
          for (int r = 0; r < trusted; ++r) table(k, drawn(three, k, draw)) += 1;
        for (int r = 0; r < 2000; ++r) {
          double const u = draw.uniform();
          observed[drawn(three, u < 0.5 ? 0 : u < 0.8 ? 1 : 2, draw)] += 1;
        }
        for (int a = 0; a < 2; ++a) {
          auto const r =
              tr::prior_interval(table, observed, {.level = levels[a], .rule = rule, .seed = i});
          for (std::size_t k = 0; k < 3; ++k) all.add(a, r.low[k], r.high[k], pi[k]);
        }
      }
      all.print(trusted == 100 ? "prior, K = 3, 100 trusted a class"
                               : "prior, K = 3, 1000 trusted a class",
                rule == tr::interval_rule::delta ? "delta" : "dirichlet", true);
    }
}

}  // namespace

int main(int argc, char** argv) {
  auto const simulations = static_cast<std::uint64_t>(argc > 1 ? std::atoi(argv[1]) : 500);
  std::string const part = argc > 2 ? argv[2] : "all";
  std::printf("%-34s %-22s   %6s %6s   width of 95 %%\n", "setting", "rule", "90 %", "95 %");
  if (part == "counts" || part == "all") counts(simulations);
  if (part == "rows" || part == "all") rows(simulations);
  if (part == "layer" || part == "all") layer(simulations);
  if (part == "prior" || part == "all") prior(simulations);
  return failed;
}
