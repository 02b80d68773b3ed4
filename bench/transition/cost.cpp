// SPDX-License-Identifier: BSL-1.0
// What each estimator of T costs: seconds, one thread, against rows at K = 10 and against classes
//   at 10000 rows. cost [LIMIT]
// Prints `method;n;K;seconds` lines for cost_plot.py. A method is not tried on more rows or classes
// once one call took longer than LIMIT seconds (default 4).
#include <limpid/core/random.hpp>
#include <limpid/exec/simd.hpp>
#include <limpid/transition.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tr = limpid::transition;
using limpid::matrix;

namespace {

// Classes are places on a circle in 32 dimensions, noise symmetric at 20 %; P is of the given
// label, Q of the true one.
struct data {
  matrix<float> x, p, q;
  limpid::vector<std::int32_t> y, truth;
  matrix<double> t;
  std::size_t classes;
};
data make(std::size_t n, std::size_t classes) {
  constexpr std::size_t d = 32;
  double const wrong = 0.2 / static_cast<double>(classes - 1);
  data out{matrix<float>(n, d),
           matrix<float>(n, classes),
           matrix<float>(n, classes),
           limpid::vector<std::int32_t>(n),
           limpid::vector<std::int32_t>(n),
           matrix<double>(classes, classes, wrong),
           classes};
  for (std::size_t k = 0; k < classes; ++k) out.t(k, k) = 0.8;
  matrix<double> centre(classes, d);
  for (std::size_t k = 0; k < classes; ++k) {
    limpid::random_stream draw(1, 1, k);
    for (std::size_t c = 0; c < d; ++c) centre(k, c) = 4 * draw.uniform() - 2;
  }
  for (std::size_t i = 0; i < n; ++i) {
    limpid::random_stream draw(1, 0, i);
    auto const k = static_cast<std::size_t>(draw.below(classes));
    for (std::size_t c = 0; c < d; ++c) {
      double z = -6;
      for (int u = 0; u < 12; ++u) z += draw.uniform();
      out.x(i, c) = static_cast<float>(centre(k, c) + z + 10);  // parts are not negative
    }
    double const doubt = 0.5 * draw.uniform() * draw.uniform();
    std::size_t other = draw.below(classes - 1);
    other += other >= k;
    for (std::size_t j = 0; j < classes; ++j) {
      double const clean = j == k ? 1 - doubt : j == other ? doubt : 0;
      out.q(i, j) = static_cast<float>(clean);
      out.p(i, j) = static_cast<float>(wrong + (0.8 - wrong) * clean);
    }
    std::size_t label = k;
    if (draw.uniform() < 0.2) {
      label = draw.below(classes - 1);
      label += label >= k;
    }
    out.truth[i] = static_cast<std::int32_t>(k);
    out.y[i] = static_cast<std::int32_t>(label);
  }
  return out;
}

double seconds(std::function<void()> const& call) {
  double best = 1e30, spent = 0;
  for (int run = 0; run < 3 && (run == 0 || spent < 1); ++run) {
    auto const start = std::chrono::steady_clock::now();
    call();
    double const took =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = took < best ? took : best;
    spent += took;
  }
  return best;
}

using method = std::pair<char const*, std::function<void(data const&)>>;
std::vector<method> methods() {
  return {
      {"anchor_points", [](data const& in) { (void)tr::anchor_points(in.p); }},
      {"dual_t", [](data const& in) { (void)tr::dual_t(in.p, in.y); }},
      {"confident_joint", [](data const& in) { (void)tr::confident_joint(in.p, in.y); }},
      {"find_label_issues", [](data const& in) { (void)tr::find_label_issues(in.p, in.y); }},
      {"minimum_volume", [](data const& in) { (void)tr::minimum_volume(in.p, in.y); }},
      {"total_variation", [](data const& in) { (void)tr::total_variation(in.p, in.y); }},
      {"noise_layer", [](data const& in) { (void)tr::noise_layer(in.q, in.y); }},
      {"revise", [](data const& in) { (void)tr::revise(in.q, in.y, in.t); }},
      {"trust_mixture", [](data const& in) { (void)tr::trust_mixture(in.q, in.y); }},
      {"gold", [](data const& in) { (void)tr::gold(in.p, in.truth, in.y); }},
      {"estimate, P", [](data const& in) { (void)tr::estimate(in.p, in.y); }},
      {"estimate, P and X", [](data const& in) { (void)tr::estimate(in.p, in.y, in.x); }},
      {"hoc", [](data const& in) { (void)tr::hoc(in.x, in.y, in.classes); }},
      {"hoc_local", [](data const& in) { (void)tr::hoc_local(in.x, in.y, in.classes); }},
      {"causal_em", [](data const& in) { (void)tr::causal_em(in.x, in.y, in.classes); }},
      {"per_neighbourhood",
       [](data const& in) { (void)tr::per_neighbourhood(in.truth, in.x, in.y, in.classes); }},
      {"part_dependent", [](data const& in) { (void)tr::part_dependent(in.x, in.p); }},
  };
}

}  // namespace

int main(int argc, char** argv) {
  double const limit = argc > 1 ? std::atof(argv[1]) : 4;
  std::vector<std::pair<std::size_t, std::size_t>> const sizes{
      {1000, 10}, {3000, 10}, {10000, 10}, {30000, 10}, {100000, 10},
      {10000, 2}, {10000, 5}, {10000, 20}, {10000, 50}, {10000, 100}};
  std::map<std::string, bool> slow_rows, slow_classes;
  for (auto const& [n, classes] : sizes) {
    auto const in = make(n, classes);
    for (auto const& [name, call] : methods()) {
      bool const rows = classes == 10;
      if (rows ? slow_rows[name] : slow_classes[name]) continue;
      double took = 0;
      try {
        took = seconds([&] { call(in); });
      } catch (limpid::input_error const& error) {  // more than the method takes
        std::fprintf(stderr, "%s, n = %zu, K = %zu: %s\n", name, n, classes, error.what());
        continue;
      }
      std::printf("%s;%zu;%zu;%.3g\n", name, n, classes, took);
      std::fflush(stdout);
      if (took > limit) (rows ? slow_rows : slow_classes)[name] = true;
    }
  }
}
