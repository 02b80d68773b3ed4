// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/output.hpp
/// Files that appear together and whole, or not at all.
#ifndef LIMPID_EXAMPLES_AUDIT_OUTPUT_HPP
#define LIMPID_EXAMPLES_AUDIT_OUTPUT_HPP

#include "refused.hpp"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace limpid_audit {

/// A hidden folder that becomes DIR, or whose files move into DIR where that exists. It is made,
/// and so proved writable, on construction; without commit() it vanishes.
class output_folder {
 public:
  output_folder(std::string const& name, std::vector<std::string> files)
      : name_(name), files_(std::move(files)) {
    std::error_code failed;
    target_ = std::filesystem::absolute(name, failed).lexically_normal();
    if (!target_.has_filename()) target_ = target_.parent_path();  // "out/" is "out"
    auto const state = std::filesystem::status(target_, failed);
    exists_ = std::filesystem::exists(state);
    if (exists_ && !std::filesystem::is_directory(state))
      refuse(name_, ": is there and not a folder");
    auto const home = exists_ ? target_ : target_.parent_path();
    if (!std::filesystem::is_directory(home, failed))
      refuse(name_, ": ", home.string(), " is not a folder");
    for (auto const& file : files_)
      if (std::filesystem::is_directory(target_ / file, failed))
        refuse((target_ / file).string(), ": is a folder where a file is to be written");
    std::random_device random;
    do {
      hidden_ = home / (".limpid-audit-" + std::to_string(random()));
    } while (!std::filesystem::create_directory(hidden_, failed) && !failed);
    if (failed) {
      hidden_.clear();
      refuse(name_, ": cannot be written (", failed.message(), ")");
    }
    // A folder can be made where a file cannot: quotas, full disks.
    write(files_.front(), [](std::ostream& out) { out << '\n'; });
  }
  ~output_folder() {
    std::error_code ignored;
    if (!hidden_.empty()) std::filesystem::remove_all(hidden_, ignored);
  }
  output_folder(output_folder const&) = delete;
  output_folder& operator=(output_folder const&) = delete;

  /// Writes one of the files, out of sight.
  template <class Print>
  void write(std::string const& file, Print const& print) {
    std::ofstream out(hidden_ / file, std::ios::binary | std::ios::trunc);
    print(static_cast<std::ostream&>(out));
    out.close();
    if (!out) {
      std::error_code ignored;
      std::filesystem::remove_all(std::exchange(hidden_, {}), ignored);
      refuse((target_ / file).string(), ": cannot be written; is the disk full?");
    }
  }

  /// Shows what was written.
  void commit() {
    std::error_code failed;
    if (exists_)
      for (auto const& file : files_) {
        if (!failed) std::filesystem::rename(hidden_ / file, target_ / file, failed);
      }
    else
      std::filesystem::rename(hidden_, target_, failed);
    if (failed) refuse(name_, ": cannot be written (", failed.message(), ")");
    if (!exists_) hidden_.clear();
  }

  std::string path(std::string const& file) const {
    return (std::filesystem::path(name_) / file).string();
  }

 private:
  std::string name_;
  std::vector<std::string> files_;
  std::filesystem::path target_, hidden_;
  bool exists_ = false;
};

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_OUTPUT_HPP
