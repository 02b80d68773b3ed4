// SPDX-License-Identifier: BSL-1.0
// One run of limpid's side of bench/peers/run.py, one thread:
//   peer.work <knn|kernel_sums|kernel_mean|split_losses|confident_joint> <folder> <rows> <cols>
// reads <folder>/x.bin (float32, row-major) and, if needed, y.bin (int32), prints "<seconds> <peak
// bytes beyond the input>" (processor time) and writes its result to <folder>/limpid.bin (float64).
#include <limpid/graph/knn.hpp>
#include <limpid/kernel_mean/evaluate.hpp>
#include <limpid/mixture/split_losses.hpp>
#include <limpid/transition/confident_joint.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "measured.hpp"

namespace {

template <class V>
void append(std::vector<double>& out, V const& values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<double>(values[i]));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fputs("peer.work <what> <folder> <rows> <cols>\n", stderr), 2;
  std::string const what = argv[1], folder = argv[2];
  std::size_t const n = std::strtoull(argv[3], nullptr, 10),
                    d = std::strtoull(argv[4], nullptr, 10);
  auto const values = read<float>(folder + "/x.bin", n * d);
  auto const labels =
      what == "confident_joint" ? read<int>(folder + "/y.bin", n) : std::vector<int>{};
  limpid::matrix_view<float const> const x(values.data(), n, d);

  std::vector<double> out;
  std::vector<double> const ones(what == "kernel_sums" ? n : 0, 1.0);
  std::vector<double> weights(what == "kernel_mean" ? n / 2 : 0);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = i % 2 ? 0.5 : 1.0;
  reset_peak();
  double const before = resident("VmRSS"), start = now();
  double seconds = 0, peak = 0;
  auto const stop = [&] {
    seconds = now() - start;
    peak = resident("VmHWM") - before;
  };
  if (what == "knn") {
    auto const r = limpid::graph::knn(x, {.k = 10});
    stop();
    append(out, r.index.data(), n * 10);
  } else if (what == "kernel_sums") {
    auto const r = limpid::kernel_mean::evaluate(
        limpid::kernels::gaussian(1.0 / static_cast<double>(d)), x, x, ones);
    stop();
    append(out, r.value, n);
  } else if (what == "kernel_mean") {  // of the first half of the rows, at the second
    auto const r =
        limpid::kernel_mean::evaluate(limpid::kernels::gaussian(1.0 / static_cast<double>(d)),
                                      x.row_block(0, n / 2), x.row_block(n / 2, n), weights);
    stop();
    append(out, r.value, n / 2);
  } else if (what == "split_losses") {
    auto const r = limpid::mixture::split_losses(limpid::vector_view<float const>(values.data(), n),
                                                 {.max_iterations = 10});
    stop();
    append(out, r.prob_clean, n);
  } else if (what == "confident_joint") {
    auto const r = limpid::transition::confident_joint(x, labels);
    stop();
    append(out, r.calibrated.data(), d * d);
  } else {
    return std::fprintf(stderr, "unknown: %s\n", argv[1]), 2;
  }

  std::FILE* const file = std::fopen((folder + "/limpid.bin").c_str(), "wb");
  if (!file || std::fwrite(out.data(), sizeof(double), out.size(), file) != out.size() ||
      std::fclose(file))
    return 1;
  std::printf("%.6f %.0f\n", seconds, peak);
}
