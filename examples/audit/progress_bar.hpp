// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/progress_bar.hpp
/// How far the work is, on stderr: a bar on a terminal, plain lines elsewhere.
#ifndef LIMPID_EXAMPLES_AUDIT_PROGRESS_BAR_HPP
#define LIMPID_EXAMPLES_AUDIT_PROGRESS_BAR_HPP

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

namespace limpid_audit {

class progress_bar {
 public:
  progress_bar(std::FILE* stream, bool terminal) : stream_(stream), terminal_(terminal) {}
  ~progress_bar() {
    if (terminal_ && drawn_ >= 0) std::fprintf(stream_, "\r\x1b[K");
  }
  progress_bar(progress_bar const&) = delete;
  progress_bar& operator=(progress_bar const&) = delete;

  /// A bar comes after a fifth of a second; lines after a second, one for each tenth of the work.
  void show(double fraction) {
    auto const waited = std::chrono::steady_clock::now() - start_;
    int const percent = static_cast<int>(100 * (std::clamp)(fraction, 0.0, 1.0));
    if (terminal_ && waited > std::chrono::milliseconds(200) && percent > drawn_) {
      auto const full = static_cast<std::size_t>(percent) * 30 / 100;
      std::fprintf(stream_, "\r  auditing  %s%s  %3d %%", std::string(full, '#').c_str(),
                   std::string(30 - full, '.').c_str(), percent);
      std::fflush(stream_);
      drawn_ = percent;
    } else if (!terminal_ && waited > std::chrono::seconds(1) && percent / 10 > drawn_ / 10) {
      std::fprintf(stream_, "limpid-audit: %d %% done\n", percent / 10 * 10);
      std::fflush(stream_);
      drawn_ = percent;
    }
  }

 private:
  std::FILE* stream_;
  bool terminal_;
  int drawn_ = -1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_PROGRESS_BAR_HPP
