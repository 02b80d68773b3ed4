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
#include <cstring>
#include <string>
#include <vector>

#include <time.h>

namespace {

double now() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double resident(char const* which) {
  double kilobytes = 0;
  std::FILE* const file = std::fopen("/proc/self/status", "r");
  char line[256];
  while (file && std::fgets(line, sizeof line, file))
    if (std::strncmp(line, which, std::strlen(which)) == 0)
      kilobytes = std::strtod(line + std::strlen(which) + 1, nullptr);
  if (file) std::fclose(file);
  return 1024 * kilobytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6)
    return std::fputs("peer.crowd <what> <folder> <answers> <K> <iterations>\n", stderr), 2;
  std::string const what = argv[1], folder = argv[2];
  std::size_t const n = std::strtoull(argv[3], nullptr, 10),
                    classes = std::strtoull(argv[4], nullptr, 10);
  int const iterations = std::atoi(argv[5]);
  std::vector<int> raw(3 * n);
  std::FILE* const in = std::fopen((folder + "/answers.bin").c_str(), "rb");
  if (!in || std::fread(raw.data(), sizeof(int), raw.size(), in) != raw.size())
    return std::fputs("cannot read answers.bin\n", stderr), 1;
  std::fclose(in);
  limpid::vector_view<int const> const task(raw.data(), n), worker(raw.data() + n, n),
      label(raw.data() + 2 * n, n);

  if (std::FILE* const file = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", file);
    std::fclose(file);
  }
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
