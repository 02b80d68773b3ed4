// SPDX-License-Identifier: BSL-1.0
// What a peer's driver measures of itself on Linux, and its input files.
#ifndef LIMPID_BENCH_PEERS_MEASURED_HPP
#define LIMPID_BENCH_PEERS_MEASURED_HPP

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <time.h>

/// Seconds of processor time.
inline double now() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Bytes of memory now (VmRSS) or at the peak since the last reset (VmHWM); exec() hands a process
/// its parent's ru_maxrss.
inline double resident(char const* which) {
  double kilobytes = 0;
  std::FILE* const file = std::fopen("/proc/self/status", "r");
  char line[256];
  while (file && std::fgets(line, sizeof line, file))
    if (std::strncmp(line, which, std::strlen(which)) == 0)
      kilobytes = std::strtod(line + std::strlen(which) + 1, nullptr);
  if (file) std::fclose(file);
  return 1024 * kilobytes;
}
inline void reset_peak() {
  if (std::FILE* const file = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", file);
    std::fclose(file);
  }
}

template <class T>
std::vector<T> read(std::string const& path, std::size_t count) {
  std::vector<T> values(count);
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (!file || std::fread(values.data(), sizeof(T), count, file) != count) {
    std::fprintf(stderr, "%s: cannot read %zu elements\n", path.c_str(), count);
    std::exit(1);
  }
  std::fclose(file);
  return values;
}

#endif
