// SPDX-License-Identifier: BSL-1.0
// One run of limpid's side of bench/peers/confident_learning.py, one thread:
//   peer.confident_learning <confident_joint|find_label_issues|normalized_margin|read> <folder>
//   <rows> <cols>
// reads <folder>/x.bin (float32, row-major) and y.bin (int32), prints "<seconds> <peak bytes beyond
// the input> <number>" (processor time; the shortest of three runs) and writes the flagged rows or
// the calibrated counts to <folder>/limpid.bin (float64). `read` adds all entries up in vectors:
// what the memory allows.
#include <limpid/transition/confident_joint.hpp>
#include <limpid/transition/find_label_issues.hpp>
#include <limpid/transition/label_quality.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "measured.hpp"

namespace {

template <class T>
std::unique_ptr<T[]> read_raw(std::string const& path, std::size_t count) {
  std::unique_ptr<T[]> values(new T[count]);
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (!file || std::fread(values.get(), sizeof(T), count, file) != count) {
    std::fprintf(stderr, "%s: cannot read %zu elements\n", path.c_str(), count);
    std::exit(1);
  }
  std::fclose(file);
  return values;
}

double sum_of_all(limpid::matrix_view<float const> x) {
  typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
  four sum[8] = {};
  std::size_t const all = x.rows * x.cols;
  for (std::size_t c = 0; c + 32 <= all; c += 32)
    for (std::size_t l = 0; l < 8; ++l)
      sum[l] += *reinterpret_cast<four const*>(x.data + c + 4 * l);
  double total = 0;
  for (auto const& s : sum)
    for (int l = 0; l < 4; ++l) total += static_cast<double>(s[l]);
  return total;
}

/// The result as numbers.
std::vector<double> run(std::string const& what, limpid::matrix_view<float const> x,
                        limpid::vector_view<int const> y) {
  using namespace limpid::transition;
  if (what == "confident_joint") {
    auto const r = confident_joint(x, y);
    return {r.calibrated.data(), r.calibrated.data() + x.cols * x.cols};
  }
  if (what == "find_label_issues") {
    auto const r = find_label_issues(x, y);
    return {r.flagged.begin(), r.flagged.end()};
  }
  if (what == "normalized_margin") {
    auto const r = label_quality(x, y, {.score = quality_score::normalized_margin});
    return {r.score.begin(), r.score.end()};
  }
  return {sum_of_all(x)};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5)
    return std::fputs("peer.confident_learning <what> <folder> <rows> <cols>\n", stderr), 2;
  std::string const what = argv[1], folder = argv[2];
  std::size_t const n = std::strtoull(argv[3], nullptr, 10),
                    d = std::strtoull(argv[4], nullptr, 10);
  auto const values = read_raw<float>(folder + "/x.bin", n * d);
  auto const labels = read_raw<int>(folder + "/y.bin", n);
  limpid::matrix_view<float const> const x(values.get(), n, d);
  limpid::vector_view<int const> const y(labels.get(), n);

  std::vector<double> out;
  double seconds = 1e300, peak = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    out = {};
    reset_peak();
    double const before = resident("VmRSS"), start = now();
    out = run(what, x, y);
    double const taken = now() - start;
    if (taken < seconds) seconds = taken;
    if (repeat == 0) peak = resident("VmHWM") - before;  // later ones find the memory of the first
  }
  std::FILE* const file = std::fopen((folder + "/limpid.bin").c_str(), "wb");
  if (!file || std::fwrite(out.data(), sizeof(double), out.size(), file) != out.size() ||
      std::fclose(file))
    return 1;
  std::printf("%.6f %.0f %zu\n", seconds, peak, out.size());
}
