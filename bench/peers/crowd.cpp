// SPDX-License-Identifier: BSL-1.0
// One run of limpid's side of bench/peers/crowd.py, one thread:
//   peer.crowd <dawid_skene|one_coin|mace|glad> <folder> <answers> <K> <iterations>
// reads <folder>/answers.bin (int32: all tasks, then all workers, then all labels), prints
// "<seconds> <peak bytes beyond the input> <seconds of these for the list>" (processor time) and
// writes tasks x K probabilities to <folder>/limpid.bin.
#include <limpid/crowd/dawid_skene.hpp>
#include <limpid/crowd/glad.hpp>
#include <limpid/crowd/mace.hpp>
#include <limpid/crowd/one_coin.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "measured.hpp"

int main(int argc, char** argv) {
  if (argc != 6)
    return std::fputs("peer.crowd <what> <folder> <answers> <K> <iterations>\n", stderr), 2;
  std::string const what = argv[1], folder = argv[2];
  std::size_t const n = std::strtoull(argv[3], nullptr, 10),
                    classes = std::strtoull(argv[4], nullptr, 10);
  int const iterations = std::atoi(argv[5]);
  auto const raw = read<int>(folder + "/answers.bin", 3 * n);
  limpid::vector_view<int const> const task(raw.data(), n), worker(raw.data() + n, n),
      label(raw.data() + 2 * n, n);

  reset_peak();
  double const before = resident("VmRSS"), start = now();
  auto const list = limpid::crowd::answers(task, worker, label, {.classes = classes});
  double const listed = now() - start;
  limpid::matrix<double> q;
  if (what == "dawid_skene")
    q = limpid::crowd::dawid_skene(list, {.tolerance = 0, .max_iterations = iterations})
            .probabilities;
  else if (what == "one_coin")
    q = limpid::crowd::one_coin(list, {.tolerance = 0, .max_iterations = iterations}).probabilities;
  else if (what == "mace")
    q = limpid::crowd::mace(list, {.restarts = 1, .max_iterations = iterations, .tolerance = 0})
            .probabilities;
  else if (what == "glad")
    q = limpid::crowd::glad(list, {.tolerance = 0, .max_iterations = iterations}).probabilities;
  else
    return std::fprintf(stderr, "unknown: %s\n", argv[1]), 2;
  double const seconds = now() - start, peak = resident("VmHWM") - before;

  std::FILE* const out = std::fopen((folder + "/limpid.bin").c_str(), "wb");
  std::size_t const size = q.rows() * q.cols();
  if (!out || std::fwrite(q.data(), sizeof(double), size, out) != size || std::fclose(out))
    return 1;
  std::printf("%.6f %.0f %.6f\n", seconds, peak, listed);
}
